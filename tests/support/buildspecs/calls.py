"""The AWS command lines in a buildspec, in shell as in its Python."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CALL = re.compile(r"\baws ([a-z0-9]+) ((?:wait )?[a-z0-9-]+)([^\n|]*)")


@dataclass(frozen=True, order=True)
class Call:
    """`aws SERVICE COMMAND`, with the names of its options; a waiter's command is `wait NAME`."""

    service: str
    command: str
    options: tuple[str, ...]


def aws_calls(buildspec: str) -> list[Call]:
    """The calls in the text of a buildspec, in order; comments do not count."""
    lines = [line for line in buildspec.splitlines() if not line.lstrip().startswith("#")]
    text = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [
        Call(service, command, tuple(re.findall(r"(?<=\s)--([a-z0-9-]+)", rest)))
        for service, command, rest in _CALL.findall(text)
    ]
