"""The deploy script against a bare boto3 script that makes the same calls, each on an embedded AWS of its own.

Create, nothing to do, one changed parameter: whole processes, in turn, on servers that were started before the clock.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from scripts.embedded import server

ROOT = Path(__file__).resolve().parent.parent
TARGET = "at most 1.5"
RUNS = 3


class Side:
    """One of the two: its server, its parameter files, and the command that applies them."""

    def __init__(self, folder: Path, name: str, ours: bool) -> None:
        self.run_file = folder / name / "embedded.json"
        self.params = folder / name / "params"
        shutil.copytree(ROOT / "params", self.params)
        endpoint = server.ensure(self.run_file)
        python = [sys.executable, "-m"]
        self.command = (
            [
                *python,
                "scripts.deploy",
                "apply",
                "local",
                "--embedded",
                str(self.run_file),
                "--params",
                str(self.params),
            ]
            if ours
            else [*python, "tests.system.bare", endpoint.url, str(ROOT / "templates"), str(self.params)]
        )

    def _options(self) -> list[str]:
        return ["--embedded", str(self.run_file), "--params", str(self.params)]

    def seconds(self) -> float:
        start = time.perf_counter()
        subprocess.run(self.command, cwd=ROOT, check=True, capture_output=True)
        return time.perf_counter() - start

    def change(self, days: str) -> None:
        file = self.params / "local.json"
        body = json.loads(file.read_text(encoding="utf-8"))
        body["Parameters"]["LogRetentionDays"] = days
        file.write_text(json.dumps(body), encoding="utf-8")


def lines() -> list[str]:
    """The three rows of the table."""
    times: dict[str, list[tuple[float, float]]] = {"create": [], "nothing to do": [], "one parameter": []}
    with tempfile.TemporaryDirectory() as folder:
        for run in range(RUNS):
            sides = [Side(Path(folder), f"{name}{run}", name == "ours") for name in ("ours", "bare")]
            try:
                times["create"].append(_pair(sides))
                times["nothing to do"] += [_pair(sides) for _ in range(2)]
                for side in sides:
                    side.change("60")
                times["one parameter"].append(_pair(sides))
            finally:
                for side in sides:
                    server.stop(side.run_file)
    return [_row(title, pairs) for title, pairs in times.items()]


def _pair(sides: Sequence[Side]) -> tuple[float, float]:
    return sides[0].seconds(), sides[1].seconds()


def _row(title: str, pairs: Sequence[tuple[float, float]]) -> str:
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    return f"{f'deploy, {title} / bare boto3':<58} {ours:7.3f} s {theirs:7.3f} s {ratio:6.2f}   {TARGET}"
