"""Who is deploying: written into each change set's description, so that others can be told and what a killed run left
is known as such."""

import hashlib
import os
import platform
import re
from dataclasses import dataclass

_FORM = re.compile(r"by (?P<who>\S+), run (?P<machine>[0-9a-f]{8})-(?P<process>\d+)")


@dataclass(frozen=True)
class Author:
    """One run of the script: `who` is the ARN of the caller, `machine` stands for a host without naming it."""

    who: str
    machine: str
    process: int

    def __str__(self) -> str:
        return f"by {self.who}, run {self.machine}-{self.process}"

    @property
    def gone(self) -> bool:
        """It ran on this machine and does not any more; never said of a run on another machine."""
        if self.machine != _machine():
            return False
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        return False


def here(who: str) -> Author:
    """This run."""
    return Author(who, _machine(), os.getpid())


def read(description: str) -> Author | None:
    """The author in the description of a change set, None when it names none."""
    found = _FORM.search(description)
    return Author(found["who"], found["machine"], int(found["process"])) if found else None


def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]
