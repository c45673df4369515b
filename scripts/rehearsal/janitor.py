"""A process that cleans up after a rehearsal, however that ends: interrupted, killed, or done.

A rehearsal tells it over a pipe which process groups of builds run, and which folders to delete. When the pipe closes,
it kills the groups that are left and deletes the workspace, which takes longer than a person should wait for a report:
a frontend's `node_modules` alone has ten thousands of files.

Run as `python -IS -X utf8 janitor.py FOLDER`.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

DELETED = ".deleted-"


@dataclass(frozen=True)
class Janitor:
    """The workspace that is deleted, and the process that does it."""

    folder: Path
    process: "subprocess.Popen[str]"

    @contextmanager
    def guard(self, group: int) -> Iterator[None]:
        """As long as the context the process group ends with this process."""
        self._tell(f"+{group}")
        try:
            yield
        finally:
            self._tell(f"-{group}")

    def delete(self, path: Path) -> None:
        """Takes a folder out of the way at once, and deletes it in the background."""
        unused = path.with_name(f"{DELETED}{secrets.token_hex(4)}")
        path.rename(unused)
        self._tell(f"x{unused}")

    def _tell(self, line: str) -> None:
        assert self.process.stdin
        with suppress(BrokenPipeError):  # somebody killed it: nothing is lost but its help
            self.process.stdin.write(f"{line}\n")
            self.process.stdin.flush()


@contextmanager
def workspace() -> Iterator[Janitor]:
    """A folder for one rehearsal, outside of any project, so that no configuration file of any tool lies above it.

    It is deleted in the background after the context, and when this process is killed.
    """
    folder = Path(tempfile.mkdtemp(prefix="rehearsal-"))
    process = subprocess.Popen(
        # With UTF-8 for its input and for names of files, whatever the language of this computer.
        [sys.executable, "-IS", "-X", "utf8", __file__, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        errors="surrogateescape",
        start_new_session=True,  # an interrupt from the keyboard is for the rehearsal alone
    )
    try:
        yield Janitor(folder, process)
    finally:
        assert process.stdin
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.returncode = 0  # nobody waits for it


def clean_up(folder: str) -> None:
    """Follows the lines of a rehearsal on standard input, and cleans up at their end."""
    groups: set[int] = set()
    for line in sys.stdin:
        order, argument = line[0], line[1:].rstrip("\n")
        if order == "x":
            shutil.rmtree(argument, ignore_errors=True)
        elif order == "+":
            groups.add(int(argument))
        else:
            groups.discard(int(argument))
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)  # what a killed process wrote in between


if __name__ == "__main__":
    clean_up(sys.argv[1])
