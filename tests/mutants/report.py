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
    packages = list(dict.fromkeys(result.package for result in results))
    for name in (*packages, "all"):
        own = [result for result in results if name in (result.package, "all")]
        faults = [result for result in own if result.seen or not result.reason]
        seen, undecided = (
            sum(result.seen for result in faults),
            sum(result.verdict.how == UNDECIDED for result in faults),
        )
        score = f"{100 * seen / len(faults):.0f} %" if faults else "-"
        left = len(faults) - seen - undecided
        counts = f"{len(own):8} {seen:6} {left:9} {undecided:10} {len(own) - len(faults):11}"
        yield f"{name:14} {counts} {score:>6}"


def unseen_faults(results: Sequence[Result]) -> Iterator[str]:
    """Each fault that no test saw."""
    for result in (result for result in results if not result.seen):
        mutation = result.mutation
        why = f"  equivalent: {result.reason}" if result.reason else f"  {result.verdict.how}"
        yield f"{mutation.path}:{mutation.line}  {mutation.operator}: {mutation.before}"
        yield f"    becomes {mutation.text!r}{why}"


def line(number: int, count: int, result: Result) -> str:
    """One mutant as progress."""
    mutation, verdict = result.mutation, result.verdict
    by = f" by {verdict.by}" if verdict.by else ""
    where = f"{mutation.path}:{mutation.line} {mutation.operator}"
    return f"{number:4}/{count} {where}: {verdict.how}{by} ({verdict.seconds} s, {verdict.processor} s of processor)"


def document(results: Sequence[Result], settings: Mapping[str, object]) -> str:
    """Everything for programs."""
    entries = [{**asdict(result), "key": result.mutation.key, "seen": result.seen} for result in results]
    return json.dumps({**settings, "results": entries}, indent=1, ensure_ascii=False) + "\n"


def entry(result: Result, rests_on: Mapping[str, str]) -> str:
    """A result, and the versions of what it rests on, as a line that `read` takes."""
    return json.dumps({**asdict(result), "rests_on": rests_on}, ensure_ascii=False)


def read(text: str) -> tuple[Result, dict[str, str]]:
    """The result in a line of `entry`, and what it rests on."""
    body = json.loads(text)
    result = Result(body["package"], Mutation(**body["mutation"]), Verdict(**body["verdict"]), body["reason"])
    return result, body["rests_on"]
