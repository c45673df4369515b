"""What a pull request must pass, in a minute: `python -m tests.check [BASE]`.

The templates are fresh and pass the gate, no permission is broader for an old reason, ruff and mypy find nothing; then
the quick tests that the change since BASE may reach, and those of the documents and contracts. Tests that take seconds
are run for a change of what they are about. What was not looked at is listed: `make test` does. The exit status is 1
when something is wrong.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.check import reach
from tests.conftest import DEAREST_OF_UNIT, TOO_LONG_FOR_UNIT, marker

ROOT = Path(__file__).resolve().parents[2]
LEDGER = "docs/permissions-ledger.md"
GATE = "templates are fresh and pass the gate: cfn-lint, project rules, parameter files"
DEAR = frozenset(f"tests/{name}" for name in (*DEAREST_OF_UNIT, *TOO_LONG_FOR_UNIT))
# Documents, and what two files must agree on: quick, and reached by nearly everything.
ALWAYS = (
    "tests/design/test_documents.py",
    "tests/gate/test_contracts.py",
    "tests/test_architecture.py",
    "tests/test_phrases.py",
    "tests/test_readme.py",
    "tests/test_requirements.py",
    "tests/test_words.py",
)
SHOWN = 40  # lines of the output of something that failed


class CheckError(Exception):
    """There is nothing to compare with."""


@dataclass(frozen=True)
class Step:
    """A command, and what it looks at."""

    what: str
    command: Sequence[str]


def main(words: Sequence[str] | None = None) -> int:
    """Runs every step; 1 when one fails."""
    parser = argparse.ArgumentParser("check", description=__doc__.splitlines()[0])
    parser.add_argument("base", nargs="?", default="", help="a revision (main, or origin/main)")
    began = time.monotonic()
    try:
        base = base_of(ROOT, parser.parse_args(words).base)
    except CheckError as error:
        print(error, file=sys.stderr)
        return 64
    changes = changed_paths(ROOT, base)
    print(f"{len(changes)} files differ from {base[:12]}")
    sources = reach.read(ROOT)
    reached = reach.reached(sources, changes)
    chosen = chosen_files(reached, reach.near(sources, changes))
    left = sorted(reached.keys() - set(chosen))
    with ThreadPoolExecutor(2) as lanes:  # one beside the other: pytest has two workers, and waits now and then
        results = list(lanes.map(run_all, (still_steps(ROOT, base), [tests_step(chosen)])))
    print(f"looked at {len(chosen)} test files: {', '.join(_short(chosen))}")
    for line in not_looked_at(left, reached):
        print(line)
    print(f"{'passed' if all(results) else 'FAILED'} in {time.monotonic() - began:.0f} s")
    return 0 if all(results) else 1


def chosen_files(reached: Collection[str], near: Collection[str]) -> list[str]:
    """The test files that are run: the quick ones, and those that take seconds where the change is near to them."""
    quick = (path for path in reached if (path in near if path in DEAR else marker(ROOT / path) == "unit"))
    return sorted({*ALWAYS, *quick})


def base_of(root: Path, name: str) -> str:
    """The commit where this one left `name`, or main. Raises `CheckError`."""
    for candidate in [name] if name else ["main", "origin/main"]:
        done = _git(root, "merge-base", candidate, "HEAD")
        if done.returncode == 0:
            return done.stdout.strip()
    raise CheckError(f"{name or 'main'} is no revision that this clone knows: name one with BASE=")


def changed_paths(root: Path, base: str) -> list[str]:
    """The paths that differ from a commit, in later commits or in the working tree, untracked ones too."""
    listed = _git(root, "diff", "--name-only", "--no-renames", "-z", base).stdout
    listed += _git(root, "ls-files", "--others", "--exclude-standard", "-z").stdout
    return sorted({path for path in listed.split("\0") if path})


def _git(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)


def still_steps(root: Path, base: str) -> Iterator[Step]:
    """What is looked at without running the project."""
    tools = Path(sys.executable).parent
    fresh = [sys.executable, "-m", "generator", "--check", "--gate"]
    ledger = _git(root, "show", f"{base}:{LEDGER}")
    if ledger.returncode == 0:
        (root / ".cache").mkdir(exist_ok=True)
        file = root / ".cache/permissions.md"
        file.write_text(ledger.stdout, encoding="utf-8")
        yield Step(f"{GATE}; broader permissions have a new reason", [*fresh, "--base", str(file)])
    else:
        yield Step(f"{GATE} (no ledger of permissions to compare with)", fresh)
    yield Step("the version goes up with what an update does (.ci/version)", ["bash", ".ci/version"])
    yield Step("ruff", [str(tools / "ruff"), "check", "--quiet", "."])
    yield Step("the form of the sources", [str(tools / "ruff"), "format", "--quiet", "--check", "."])
    yield Step("mypy", [str(tools / "mypy")])


def tests_step(paths: Sequence[str]) -> Step:
    """The tests of some files."""
    words = ["-q", "-p", "tests.support.forks", "--forks", "2", "--no-header", *paths]
    return Step(f"tests of {len(paths)} files", [sys.executable, "-m", "pytest", *words])


def run_all(steps: Iterable[Step]) -> bool:
    """Runs steps one after the other and says how each ends; whether all are good."""
    results = [run(step) for step in steps]
    return all(results)


def run(step: Step) -> bool:
    """Runs one step and says how it ends: with its output where it is bad."""
    began = time.monotonic()
    done = subprocess.run(step.command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    good = done.returncode == 0
    output = "" if good else "\n".join(["", *(done.stdout + done.stderr).rstrip().splitlines()[-SHOWN:]])
    print(f"{'ok    ' if good else 'FAILED'} {step.what} ({time.monotonic() - began:.1f} s){output}", flush=True)
    return good


def not_looked_at(left: Sequence[str], reasons: dict[str, str]) -> Iterator[str]:
    """The test files that the change may reach and that were not run, by what reaches them."""
    if not left:
        yield "not looked at: nothing that the change may reach"
        return
    yield f"not looked at: {len(left)} test files that the change may reach (make test)"
    for reason in sorted({reasons[path] for path in left}):
        yield f"  by {reason}: {', '.join(_short([path for path in left if reasons[path] == reason]))}"


def _short(paths: Sequence[str]) -> list[str]:
    return [path.removeprefix("tests/").replace("test_", "").removesuffix(".py") for path in paths]


if __name__ == "__main__":
    sys.exit(main())
