"""A person at a terminal: waits for what is shown, then types, or does something else."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.support import commands
from tests.support.commands import Words

SECONDS = 120.0  # for a whole conversation
Step = tuple[str, str | Callable[[], object]]


@dataclass(frozen=True)
class Conversation:
    """How a command on a terminal ended and everything that it showed."""

    status: int
    shown: str


def converse(command: Words, *steps: Step, columns: int = 80) -> Conversation:
    """Runs a command on a terminal. Each step is what has to be shown, after what the step before waited for, and what
    is typed then, or called. Fails when a step is not reached, and when the command does not end."""
    process, screen = commands.on_terminal(command, columns)
    shown, left, seen = b"", list(steps), 0
    end = time.monotonic() + SECONDS
    try:
        while True:
            assert select.select([screen], [], [], max(end - time.monotonic(), 0))[0], _stuck(left, shown)
            try:
                shown += os.read(screen, 65536)
            except OSError:  # the command has ended
                break
            while left and (place := shown.find(left[0][0].encode(), seen)) >= 0:
                seen = place + len(left[0][0].encode())
                action = left.pop(0)[1]
                if isinstance(action, str):
                    os.write(screen, action.encode())
                else:
                    action()
        status = process.wait(max(end - time.monotonic(), 1))
    finally:
        if process.returncode is None:
            process.kill()
        os.close(screen)
    assert not left, _stuck(left, shown)
    return Conversation(status, shown.decode("utf-8", "replace").replace("\r\n", "\n"))


def _stuck(left: list[Step], shown: bytes) -> str:
    what = f"{left[0][0]!r} was not shown" if left else "the command did not end"
    return f"{what}:\n{shown.decode('utf-8', 'replace')}"
