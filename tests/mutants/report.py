"""What a sample of mutants says: a score for each package, and each survivor with its place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.mutants.operators import Mutation
from tests.mutants.trial import SEEN, UNDECIDED, Verdict

# Faults that change nothing which anybody could see, each with the reason: {"key": ..., "reason": ...}, see
# `Mutation.key`.
EQUIVALENT = Path(__file__).with_name("equivalent.json")


@dataclass(frozen=True)
class Result:
    """One mutant of a package and what became of it; `reason` says why it is no fault, where that is known."""

    package: str
    mutation: Mutation
    verdict: Verdict
    reason: str = ""

    @property
    def seen(self) -> bool:
        return self.verdict.how in SEEN


def reasons() -> dict[str, str]:
    """Why a mutation is no fault, by its key."""
    return {entry["key"]: entry["reason"] for entry in json.loads(EQUIVALENT.read_text("utf-8"))}


def table(results: Sequence[Result]) -> Iterator[str]:
    """The score of each package and of all, in percent of the mutants that are faults; what is undecided counts as not
    seen."""
    yield f"{'package':14} {'mutants':>8} {'seen':>6} {'survived':>9} {'undecided':>10} {'equivalent':>11} {'score':>6}"
    packages = list(dict.fromkeys(one.package for one in results))
    for name in (*packages, "all"):
        own = [one for one in results if name in (one.package, "all")]
        faults = [one for one in own if one.seen or not one.reason]
        seen, undecided = sum(one.seen for one in faults), sum(one.verdict.how == UNDECIDED for one in faults)
        score = f"{100 * seen / len(faults):.0f} %" if faults else "-"
        left = len(faults) - seen - undecided
        counts = f"{len(own):8} {seen:6} {left:9} {undecided:10} {len(own) - len(faults):11}"
        yield f"{name:14} {counts} {score:>6}"


def survivors(results: Sequence[Result]) -> Iterator[str]:
    """Each fault that no test saw."""
    for one in (one for one in results if not one.seen):
        mutation = one.mutation
        why = f"  equivalent: {one.reason}" if one.reason else f"  {one.verdict.how}"
        yield f"{mutation.path}:{mutation.line}  {mutation.operator}: {mutation.before}"
        yield f"    becomes {mutation.text!r}{why}"


def line(number: int, count: int, one: Result) -> str:
    """One mutant as progress."""
    mutation, verdict = one.mutation, one.verdict
    by = f" by {verdict.by}" if verdict.by else ""
    where = f"{mutation.path}:{mutation.line} {mutation.operator}"
    return f"{number:4}/{count} {where}: {verdict.how}{by} ({verdict.seconds} s)"


def document(results: Sequence[Result], asked: Mapping[str, object]) -> str:
    """Everything for programs."""
    entries = [{**asdict(one), "key": one.mutation.key, "seen": one.seen} for one in results]
    return json.dumps({**asked, "results": entries}, indent=1, ensure_ascii=False) + "\n"


def entry(one: Result) -> str:
    """A result as a line that `read` takes."""
    return json.dumps(asdict(one), ensure_ascii=False)


def read(text: str) -> Result:
    """The result in a line of `entry`."""
    body = json.loads(text)
    return Result(body["package"], Mutation(**body["mutation"]), Verdict(**body["verdict"]), body["reason"])
