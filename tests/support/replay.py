"""Replays a page: its commands in a copy of the checkout, its edits in the copy's files, its output compared.

A fenced block without a language is a terminal: a line that begins with `$ ` is a command, and the lines after it are
its output. A line `...` stands for any number of lines, and a line that ends with `...` for any end. A `diff` block is
an edit of a parameter file. A block after a comment `<!-- not replayed ... -->` is skipped.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

BLOCK = re.compile(r"(<!-- not replayed[^>]*-->\n)?^```(\w*)\n(.*?)^```", re.M | re.S)
# What differs from run to run, and what is written in its place, on the page and in the output.
VARIABLE = (
    (re.compile(r"\b\d\d:\d\d:\d\d\b"), "TIME"),
    (re.compile(r"\b\d+(\.\d)? s\b"), "SECONDS"),
    (re.compile(r"localhost:\d+"), "localhost:PORT"),
    # The templates grow.
    (re.compile(r"\b\d+ resources?\b"), "N resources"),
    (re.compile(r"\bkeep \d+\b"), "keep N"),
    (re.compile(r"\b\d+ rendered\b"), "N rendered"),
    (re.compile(r"https://\w+\.cloudfront\.net"), "https://ID.cloudfront.net"),
)
# What is printed only on a slow computer: what is waited for.
WAITING = re.compile(r"^TIME  (starting|planning|waiting for) .*\(SECONDS\)$")
MAKE = "make -s -o .venv/ready -o .venv/local -o .venv/test"


class Command(NamedTuple):
    """A command line of the page, and the output that the page shows."""

    line: str
    output: list[str]


class Edit(NamedTuple):
    """Lines of the parameter file, and what they become."""

    before: str
    after: str


def steps(page: str) -> list[Command | Edit]:
    """The commands and edits of a page, in order."""
    result: list[Command | Edit] = []
    for skipped, language, body in BLOCK.findall(page):
        lines = body.splitlines()
        if skipped:
            continue
        if language == "diff":
            before, after = ([line[1:] for line in lines if line.startswith(sign)] for sign in "-+")
            result.append(Edit("\n".join(before), "\n".join(after)))
            continue
        for line in lines if not language else ():
            if line.startswith("$ "):
                result.append(Command(line[2:], []))
            elif result and isinstance(result[-1], Command):
                result[-1].output.append(line)
    return result


def normalised(text: str) -> str:
    """The text without what differs from run to run."""
    for pattern, name in VARIABLE:
        text = pattern.sub(name, text)
    return text


def unlike(shown: list[str], output: str) -> str | None:
    """The first shown line that the output does not have where the page has it; None when the page is right."""
    lines = [line.rstrip() for line in normalised(output).splitlines() if not WAITING.match(line)]
    position, anywhere = 0, False
    for line in (normalised(line).rstrip() for line in shown):
        if line == "...":
            anywhere = True
            continue
        places = range(position, len(lines)) if anywhere else range(position, min(position + 1, len(lines)))
        place = next((place for place in places if _same(line, lines[place])), None)
        if place is None:
            return line
        position, anywhere = place + 1, False
    return None if anywhere or position == len(lines) else f"(nothing), and the output goes on: {lines[position]}"


def _same(shown: str, line: str) -> bool:
    if shown.endswith("..."):
        return line.startswith(shown.removesuffix("...").rstrip())
    return shown == line


def run(folder: Path, line: str) -> str:
    """What a command line prints, in a folder, without a terminal."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
    environment.pop("MAKEFLAGS", None)
    typed = re.sub(r"^make\b", MAKE, line)
    done = subprocess.run(
        ["bash", "-c", f"{typed} 2>&1"], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    return "".join(text for text in done.stdout.splitlines(keepends=True) if not text.startswith("make: ***"))
