"""What a sample of mutants says: a score for each package, each survivor with its place, whether that is enough, and
what nobody looked at."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.mutants.operators import Mutation
from tests.mutants.trial import NOT_RUN, SEEN, SURVIVED, UNDECIDED, Verdict

# Faults that change nothing which anybody could see, each with the reason: {"key": ..., "reason": ...}, see
# `Mutation.key`.
EQUIVALENT = Path(__file__).with_name("equivalent.json")
OF_ALL, OF_A_PACKAGE = 93, 90  # percent of the faults that have to be seen


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


@dataclass(frozen=True)
class Score:
    """What became of the mutants of a package: `equivalent` are those that are no faults and count for nothing."""

    mutants: int
    seen: int
    survived: int
    undecided: int
    equivalent: int

    @property
    def percent(self) -> int | None:
        """How many of a hundred faults are seen, rounded down, so that a target is not reached by rounding. None
        without a fault. What is undecided counts as not seen."""
        faults = self.mutants - self.equivalent
        return 100 * self.seen // faults if faults else None

    def __str__(self) -> str:
        share = "-" if self.percent is None else f"{self.percent} %"
        counts = f"{self.mutants:8} {self.seen:6} {self.survived:9} {self.undecided:10} {self.equivalent:11}"
        return f"{counts} {share:>6}"


def score(results: Sequence[Result]) -> Score:
    """The score of some mutants."""
    faults = [result for result in results if result.seen or not result.reason]
    seen = sum(result.seen for result in faults)
    undecided = sum(result.verdict.how == UNDECIDED for result in faults)
    return Score(len(results), seen, len(faults) - seen - undecided, undecided, len(results) - len(faults))


def scores(results: Sequence[Result]) -> dict[str, Score]:
    """The score of each package."""
    packages = dict.fromkeys(result.package for result in results)
    return {name: score([result for result in results if result.package == name]) for name in packages}


def table(results: Sequence[Result]) -> Iterator[str]:
    """The score of each package and of all."""
    yield f"{'package':14} {'mutants':>8} {'seen':>6} {'survived':>9} {'undecided':>10} {'equivalent':>11} {'score':>6}"
    for name, counts in {**scores(results), "all": score(results)}.items():
        yield f"{name:14} {counts}"


def too_few(results: Sequence[Result]) -> list[str]:
    """What keeps the sample from being seen well enough, nothing when it is."""
    rows = [("all", OF_ALL, score(results)), *((name, OF_A_PACKAGE, each) for name, each in scores(results).items())]
    return [
        f"{name}: {each.percent} % are seen, and {least} % are asked for"
        for name, least, each in rows
        if each.percent is not None and each.percent < least
    ]


def target(results: Sequence[Result]) -> Iterator[str]:
    """Whether enough is seen."""
    problems = too_few(results)
    yield from problems
    if not problems:
        yield f"Enough: at least {OF_ALL} % of all faults are seen, and {OF_A_PACKAGE} % in each package."


def unseen_faults(results: Sequence[Result]) -> Iterator[str]:
    """Each fault that no test saw: those that count first, and then those that are known to be none."""
    for result in sorted((result for result in results if not result.seen), key=lambda result: bool(result.reason)):
        mutation = result.mutation
        why = f"equivalent: {result.reason}" if result.reason else HOW[result.verdict.how, result.verdict.wide]
        yield f"{mutation.path}:{mutation.line}  {mutation.operator}: {mutation.before}"
        yield f"    becomes {mutation.text!r}  {why}"


# How a fault was not seen, by its verdict and whether the tests that were not measured were asked as well.
HOW = {
    (SURVIVED, True): "survived all tests that were asked",
    (SURVIVED, False): "survived the measured tests; no others were asked",
    (NOT_RUN, True): "no test that was asked runs it",
    (NOT_RUN, False): "no measured test runs it; no others were asked",
    (UNDECIDED, True): "undecided: the tests took too long without the fault, too",
    (UNDECIDED, False): "undecided: the tests took too long without the fault, too; no others were asked",
}


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
