"""Ratios, side by side in one run: `make bench`.

Each pair of commands runs in turn, A B A B ..., as whole processes; the ratio is taken pair by pair and its median
printed with both medians, so that a machine whose speed drifts says the same. Nothing here is a test: timing decides
nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import deploying
from tests.support import pull_requests

ROOT = Path(__file__).resolve().parents[2]
PYTHON = str(ROOT / ".venv/bin/python")
# Installed packages come compiled; ours must be allowed to keep their compiled form too.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True)
class Pair:
    """What is compared: our command, the one it is held against, and what the ratio should be."""

    title: str
    ours: Sequence[str]
    theirs: Sequence[str]
    target: str
    runs: int = 5


def seconds(command: Sequence[str]) -> float:
    """Wall time of one run. Raises `CalledProcessError`: a command that fails has not been measured."""
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=ENVIRONMENT)
    return time.perf_counter() - start


def measure(pair: Pair) -> str:
    seconds(pair.ours), seconds(pair.theirs)  # warm the caches of both
    times = [(seconds(pair.ours), seconds(pair.theirs)) for _ in range(pair.runs)]
    ours, theirs = (statistics.median(side) for side in zip(*times, strict=True))
    ratio = statistics.median(a / b for a, b in times)
    return f"{pair.title:<62} {ours:7.3f} s {theirs:7.3f} s {ratio:6.2f}   {pair.target}"


def imports_of_rendered_types() -> str:
    """A program that imports exactly the troposphere and awacs modules that the rendered set uses."""
    code = (
        "import sys, generator.render as r; r.render(); "
        "print(' '.join(sorted(m for m in sys.modules if m.split('.')[0] in ('troposphere', 'awacs'))))"
    )
    modules = subprocess.run([PYTHON, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    return "import " + ", ".join(modules)


def house_rules() -> str:
    """Our own share of the gate, inside one process."""
    from generator.cfn.templates import load
    from generator.gate import parameter_files, rules

    start = time.perf_counter()
    templates = load(ROOT / "templates")
    rules.findings(templates)
    parameter_files.findings(ROOT / "params", templates)
    return f"{'  of which project rules and parameter files':<62} {time.perf_counter() - start:7.3f} s"


def pairs(folder: Path) -> list[Pair]:
    """All of them, with what they need in `folder`."""
    subprocess.run(["make", "-s", "templates"], cwd=ROOT, check=True, capture_output=True)  # a verdict to copy
    lint = "from pathlib import Path; from generator.gate.lint import lint; assert lint(Path('.')) == []"
    cfn_lint = [str(ROOT / ".venv/bin/cfn-lint"), "-c", "I", "-i", "W3002", "--"]
    files = [f"templates/{file.name}" for file in sorted((ROOT / "templates").glob("*.json"))]
    nothing = [PYTHON, "-c", "pass"]
    bare = folder / "Makefile"
    bare.write_text(f"all:\n\t@{PYTHON} -c pass\n", encoding="utf-8")
    copy = folder / "copy"
    for part in ("generator", "templates", "docs", "params", "buildspecs", ".cache"):
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "setup.cfg", copy)
    same, edited = (pull_requests.checkout_of(ROOT, folder / name) for name in ("same", "edited"))
    pull_requests.right_broadened_in_a_rename(edited)
    delivery = str(ROOT / ".venv/bin/delivery")
    return [
        Pair(
            "rendering / importing the same troposphere modules",
            [PYTHON, "-c", "import generator.render as r; r.render()"],
            [PYTHON, "-c", imports_of_rendered_types()],
            "at most 1.5",
        ),
        Pair(
            "cfn-lint as the gate runs it / cfn-lint's own command",
            [PYTHON, "-c", lint],
            [*cfn_lint, *files],
            "at most 1.0",
            3,
        ),
        Pair(
            "make templates with nothing to do / make + python -c pass",
            ["make", "-s", "templates"],
            ["make", "-s", "-f", str(bare)],
            "under 0.4 s",
            9,
        ),
        Pair(
            "make templates, one stack edited / cfn-lint on it and its root",
            [PYTHON, "-m", "tests.bench.edited", str(copy)],
            [*cfn_lint, "templates/site.json", "templates/environment.json"],
            "at most 1.3",
            3,
        ),
        Pair("delivery --help / python -c pass", [delivery, "--help"], nothing, "under 0.15 s", 9),
        Pair(
            "delivery review, nothing changed / python -c pass",
            [delivery, "review", "base", "--project", str(same)],
            nothing,
            "under 0.3 s",
            9,
        ),
        Pair(
            "delivery review of a pull request / python -c pass",
            [delivery, "review", "base", "--project", str(edited)],
            nothing,
            "under 2 s",
        ),
    ]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'':<62} {'ours':>9} {'theirs':>9} {'ratio':>6}   target")
        for pair in pairs(Path(folder)):
            print(measure(pair), flush=True)
            if "cfn-lint" in pair.title:
                print(house_rules(), flush=True)
    for line in deploying.lines():
        print(line, flush=True)
    print(json.dumps({"python": sys.version.split()[0], "cores": len(os.sched_getaffinity(0))}))
    return 0


if __name__ == "__main__":
    assert shutil.which("make"), "make is needed"
    sys.exit(main())
