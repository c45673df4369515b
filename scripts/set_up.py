"""Makes a Python environment of this checkout: `python scripts/set_up.py FOLDER [EXTRA ...]`.

`.venv` gets the checkout itself, editable, with the extras that are named. Every other folder (`.venv-awscli`) gets the
requirements of its one extra alone: their pins do not go with ours. Standard library only, because it runs before
anything is installed.

What an interrupted set-up has left is removed, and so is an environment whose Python has gone. Exit status: 0 when the
environment is ready, 1 when it could not be made, 64 for bad usage, 130 after Ctrl-C.
"""

import configparser
import fcntl
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType

PROJECT = Path(__file__).resolve().parent.parent
SETUP_CFG = PROJECT / "setup.cfg"
LOG = PROJECT / ".cache" / "set-up.log"
OWN = ".venv"
NEEDED = (3, 11)
TICK = 0.2  # seconds between two pictures of the line that shows what pip does
NEWS = 10.0  # seconds between two lines where there is no terminal
TAIL = 15  # lines of pip that are shown after a failure
# What pip prints while it works, and what of it a person is shown. Source: pip's own messages, versions 23 to 26.
STEPS = (
    (re.compile(r"\s*Collecting (\S+)"), "looking for {}"),
    (re.compile(r"\s*Downloading (\S+)"), "downloading {}"),
    (re.compile(r"\s*Using cached (\S+)"), "taking {} from the cache"),
    (re.compile(r"\s*Building (?:editable|wheel)s? for collected packages: (.*)"), "building {}"),
    (re.compile(r"Installing collected packages: (.*)"), "installing {}"),
)


class SetUpError(Exception):
    """The environment could not be made; the message says why and what to do."""


def requirements(extra: str, path: Path = SETUP_CFG) -> list[str]:
    """The requirement lines of an extra of setup.cfg, or those of everybody. Raises `KeyError` for an unknown extra."""
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(path, encoding="utf-8")
    section, key = ("options.extras_require", extra) if extra else ("options", "install_requires")
    if not settings.has_option(section, key):
        raise KeyError(f"{path.name} has no value {key!r} in [{section}]")
    return [line.strip() for line in settings.get(section, key).splitlines() if line.strip()]


def make(folder: Path, extras: list[str]) -> None:
    """Makes or completes the environment in `folder`, and marks it with an empty file for each extra. Raises
    `SetUpError`."""
    python, unfinished = folder / "bin" / "python", folder / "unfinished"
    with (PROJECT / ".cache" / f"set-up{folder.name}.lock").open("wb") as lock, Progress(folder.name) as progress:
        progress.step = "waiting for another set-up of it to end"
        fcntl.flock(lock, fcntl.LOCK_EX)
        if unfinished.exists() or not works(python):
            progress.step = "making the environment"
            remove(folder)
            run([sys.executable, "-m", "venv", str(folder)], progress)
        # pip takes a package for installed that a killed pip has copied in part: after that everything is made anew.
        unfinished.touch()
        if folder.name == OWN:
            names = f"[{','.join(extras)}]" if extras else ""
            # A folder on the path is found twice as fast as one that has a finder of its own.
            packages = ["--use-pep517", "--config-settings", "editable_mode=compat", "--editable", f"{PROJECT}{names}"]
        else:
            packages = [line for extra in extras for line in requirements(extra)]
        options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
        run([str(python), "-m", "pip", "install", *options, *packages], progress)
        unfinished.unlink()
        for mark in ("ready", *extras):
            (folder / mark).touch()


def works(python: Path) -> bool:
    """Whether there is an interpreter that starts, is new enough, and has pip."""
    check = f"import sys, pip; sys.exit(sys.version_info < {NEEDED})"
    try:
        return subprocess.run([python, "-c", check], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def remove(folder: Path) -> None:
    """Takes away what stands in the place of the environment, whatever it is."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def run(command: list[str], progress: "Progress") -> None:
    """Runs a command and shows what it does; everything that it prints goes to the log. Raises `SetUpError`."""
    # Modules that a person has put on the path of every Python would hide what is missing here.
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"$ {' '.join(command)}\n")
        with subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process:
            assert process.stdout is not None
            lines = list[str]()
            try:
                for line in process.stdout:
                    log.write(line)
                    lines.append(line.rstrip())
                    progress.step = shown(line) or progress.step
            except BaseException:
                process.kill()
                raise
    if status := process.returncode:
        tail = "\n  ".join([line for line in lines if line.strip()][-TAIL:])
        raise SetUpError(
            f"`{' '.join(command[:4])}` ended with status {status}:\n  {tail}\n"
            f"All of its output is in {LOG}. Mend what it says, then run the same command again."
        )


def shown(line: str) -> str:
    """What a line of pip's says in a few words, or nothing."""
    for pattern, text in STEPS:
        if match := pattern.match(line):
            # Names that stand in a row are counted: of more than one, nobody can tell which takes the time.
            names = match[1].split(", ")
            return text.format(match[1].strip() if len(names) == 1 else f"{len(names)} packages")
    return ""


class Progress:
    """Shows what is done and for how long: one line that changes on a terminal, otherwise a line now and then."""

    def __init__(self, name: str) -> None:
        self.step, self._name, self._began, self._ended = "", name, time.monotonic(), threading.Event()
        self._terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._thread = threading.Thread(target=self._show, daemon=True)

    def __enter__(self) -> "Progress":
        self._write(f"setting up {self._name}\n")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        if kind is None:
            self._write(f"{self._name} is ready ({time.monotonic() - self._began:.0f} s)\n")

    def _show(self) -> None:
        drawn, news = False, time.monotonic()
        while not self._ended.wait(TICK):
            seconds, width = int(time.monotonic() - self._began), shutil.get_terminal_size().columns - 1
            line = f"  {seconds // 60}:{seconds % 60:02}  {self.step}"
            if self._terminal:
                self._write(f"\r{line[:width]:{width}}")
                drawn = True
            elif time.monotonic() - news >= NEWS:
                news = time.monotonic()
                self._write(f"{line}\n")
        if drawn:
            self._write(f"\r{'':{width}}\r")

    def _write(self, text: str) -> None:
        encoding = sys.stderr.encoding or "ascii"
        try:
            sys.stderr.write(text.encode(encoding, "replace").decode(encoding))
            sys.stderr.flush()
        except OSError:  # nobody reads it any more
            self._ended.set()


def main(words: list[str]) -> int:
    """Makes one environment; returns the exit status."""
    if not words:
        sys.stderr.write(f"{__doc__}\n")
        return 64
    try:
        LOG.parent.mkdir(exist_ok=True)
        make(PROJECT / words[0], words[1:])
    except (SetUpError, OSError) as error:
        sys.stderr.write(f"{words[0]} could not be set up: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted; the same command again makes it anew.\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
