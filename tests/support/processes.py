"""Whether processes run."""

from __future__ import annotations

import time
from pathlib import Path


def gone(number: int, patience: float = 5.0) -> bool:
    """Whether a process ends in time; one that is dead and not yet waited for counts as gone."""
    until = time.monotonic() + patience
    while True:
        try:
            state = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
