"""The command as it is typed: a process, without a terminal or on one of a given width."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from typing import Any

from tests.conftest import ROOT
from tests.support import commands
from tests.support.commands import Words

SECONDS = 120.0
DELIVERY = [sys.executable, "-m", "scripts.cli"]
# What a person's shell may say that would change what is tested.
OWN = ("AWS_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "DELIVERY_", "PYTHONSAFEPATH", "GIT_")
OF_PYTHON = ("PYTHON", "LC_", "LANG")


def variables(**more: str) -> dict[str, str]:
    """The environment of a process: ours without what would change the output, and with `more`."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OWN)} | more


def typed(*words: str, command: Sequence[str] = (), **more: Any) -> subprocess.CompletedProcess[str]:
    """What a command without a terminal says; `more` are variables. Python is started where it matters how: for another
    command than `delivery`, and for variables that Python reads itself."""
    if not command and not any(name.startswith(OF_PYTHON) for name in more):
        return commands.run(Words("scripts.cli", words, variables(**more)), SECONDS)
    return subprocess.run(
        [*(command or DELIVERY), *words],
        cwd=ROOT,
        env=variables(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def on_terminal(columns: int, *words: str, command: Sequence[str] = DELIVERY, **more: Any) -> tuple[int, str]:
    """The status of a command on a terminal as wide as that, and everything that it showed."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = subprocess.Popen(
        [*command, *words],
        cwd=ROOT,
        env=variables(**{"TERM": "xterm-256color", **more}),
        stdin=side,
        stdout=side,
        stderr=side,
        start_new_session=True,
    )
    os.close(side)
    shown, end = b"", time.monotonic() + SECONDS
    with contextlib.suppress(OSError):  # the terminal is closed when the command has ended
        while time.monotonic() < end:
            if select.select([main], [], [], 0.5)[0]:
                shown += os.read(main, 65536)
            elif process.poll() is not None:
                break
    os.close(main)
    return process.wait(SECONDS), shown.decode("utf-8", "replace").replace("\r\n", "\n")


def plain(text: str) -> str:
    """Without colours."""
    return re.sub(r"\x1b\[[\d;]*m", "", text)
