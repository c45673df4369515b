"""Environments with an application's own requirements, made once for each content of the file and each Python."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.rehearsal.errors import Failed

PATIENCE = 600.0
TAIL = 15


class VenvError(Failed):
    """The requirements cannot be installed; the message ends with pip's last lines."""


def python_for(requirements: Path, cache: Path) -> Path:
    """The interpreter of an environment that has these requirements, made below `cache` if it is not there yet.

    Several processes may ask at once: one makes it and the others wait. The name is a hash of the file's text and
    of the Python version; files that it includes with `-r` do not count. Raises `VenvError`.
    """
    content = f"{sys.version}\n{requirements.read_text(encoding='utf-8')}"
    folder = cache / hashlib.sha256(content.encode()).hexdigest()[:16]
    python, ready = folder / "bin" / "python", folder / "ready"
    cache.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _run([sys.executable, "-m", "venv", str(folder)], requirements)
            install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements)]
            _run([str(python), *install], requirements)
            ready.touch()
    return python


def _run(command: list[str], requirements: Path) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired as error:
        raise VenvError(f"{requirements}: `{' '.join(command)}` took longer than {PATIENCE:.0f} s") from error
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-TAIL:])
        raise VenvError(f"{requirements}: `{' '.join(command)}` failed, mend the file:\n{tail}")
