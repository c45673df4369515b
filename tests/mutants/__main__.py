"""How strong the test suite is: faults are put into the code, drawn by a seed, and the tests have to see them.

    python -m tests.mutants --seed 1 --count 150

The result is a table and `.cache/mutants/SEED-COUNT-COMMIT.json`. Each mutant's verdict is kept, and asked again only
when its file, or the test that saw it, is another; a fault that nobody saw is asked again when the tests have changed.
So an interrupt loses nothing. Why a tool of our own, on 2026-11-28: mutmut 3.8 neither draws a sample nor chooses tests
by what they run; cosmic-ray 8.7 draws one, and chooses no tests (its issue 85); mutatest 3.1 does both, and was last
released in 2022. None of them follows the commands and servers that our tests start.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from queue import Queue

from scripts.cli import expanded
from tests.conftest import marker
from tests.mutants import report
from tests.mutants.contexts import Contexts, is_quick, names_of_tests
from tests.mutants.forks import Forks
from tests.mutants.nearby import LEFT_OUT, Nearby
from tests.mutants.operators import Mutation
from tests.mutants.report import Result
from tests.mutants.sample import PACKAGES, all_places, files, sample
from tests.mutants.trial import KILLED, LEAST, NOT_RUN, SLACK, TIMED_OUT, WIDE, Round, Trials, clone

ROOT = Path(__file__).resolve().parents[2]
QUICK, ALL, NONE = "quick", "all", "none"
FIRST = 10  # tests, and their seconds, that look first: most faults end there
NEAR = 30.0  # seconds, as measured, of the tests that look after them
FILES = 120.0  # of whole files in which a server runs the line


def main() -> int:
    """Tries a sample; 1 when fewer faults are seen than have to be."""
    options = parsed(sys.argv[1:])
    options.cache.mkdir(parents=True, exist_ok=True)
    contexts = Contexts(ROOT, options.cache / "contexts")
    if options.measure != NONE:
        _measure(contexts, options.cache / "measured", whole=options.measure == ALL)
    if not options.count:
        return 0
    chosen = sample(ROOT, options.seed, options.count, options.package or tuple(PACKAGES))
    session = Session(contexts, options)
    try:
        results = session.results(chosen)
    finally:
        session.close()
    limits = list(not_looked_at(contexts, chosen, options.package or tuple(PACKAGES), options.wide))
    parts = (report.unseen_faults(results), report.table(results), ["Not looked at:", *limits], report.target(results))
    print("\n".join(line for part in parts for line in ("", *part)))
    settings = {"seed": options.seed, "count": options.count, "commit": session.versions.commit, "limits": limits}
    document = options.cache / f"{options.seed}-{options.count}-{session.versions.commit}.json"
    document.write_text(report.document(results, settings), encoding="utf-8")
    return int(bool(report.too_few(results)))


def not_looked_at(
    contexts: Contexts, chosen: Sequence[tuple[str, Mutation]], packages: Sequence[str], wide: float
) -> Iterator[str]:
    """What the score says nothing about: faults that were not tried, and tests that were not asked."""
    places = sum(len(all_places(contexts.root, package)) for package in packages)
    modules = {name for package in packages for name in files(contexts.root, package)}
    tried = {mutation.path for _, mutation in chosen}
    untried = f"in {len(modules) - len(tried)} of {len(modules)} files none"
    yield f"  faults: {places - len(chosen):,} of {places:,} places, {untried}"
    yield "  faults in annotations, in the values of formatted strings, and in what is no Python: build scripts, pages"
    yield f"  of many tests that run a line, those after the first {FIRST + 2 * NEAR:g} seconds"
    names = names_of_tests(contexts.root)
    measured = {context.file for context in contexts.all if context.fresh}
    limit = f"up to {wide:g} seconds of them for a fault that the others did not see" if wide else "not asked"
    yield f"  test files that are not measured, {len(names) - len(measured)} of {len(names)}: {limit}"
    yield f"  tests of style, documents and tools: {', '.join(LEFT_OUT)}"
    if red := sorted(test for context in contexts.all if context.fresh for test in context.red):
        yield f"  red without any fault, and not asked: {', '.join(red)}"


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """The options, also those that make's ARGS holds."""
    parser = argparse.ArgumentParser("mutants", description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1, help="what the sample is drawn by (1)")
    parser.add_argument("--count", type=int, default=150, help="how many mutants (150); texts come on top")
    parser.add_argument("--package", action="append", choices=PACKAGES, help="only this one; may be repeated")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache/mutants", help="where all results are kept")
    parser.add_argument(
        "--measure",
        choices=(QUICK, ALL, NONE),
        default=QUICK,
        help="which tests are measured first, where they have changed since: the quick ones (minutes), all (an hour)",
    )
    parser.add_argument("--jobs", type=int, default=2, help="how many mutants are tried at once (2)")
    parser.add_argument(
        "--wide", type=float, default=WIDE, help=f"seconds for files that were not measured ({WIDE:g}); 0: not asked"
    )
    return parser.parse_args(expanded(words))


def _measure(contexts: Contexts, folder: Path, *, whole: bool) -> None:
    forks = Forks(clone(ROOT, folder / "clone"), folder / "logs")
    names = [name for name in names_of_tests(ROOT) if whole or is_quick(ROOT, name)]
    names.sort(key=lambda name: marker(ROOT / name) != "unit")
    try:
        for line in contexts.measure(forks, names):
            print(line, flush=True)
    finally:
        forks.close()


class Versions:
    """The version of each file of the checkout's commit, and which of them a verdict rests on."""

    def __init__(self, root: Path) -> None:
        def git(*words: str) -> str:
            return subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True).stdout

        self.commit = git("rev-parse", "--short", "HEAD").strip()
        lines = (line.partition("\t") for line in git("ls-tree", "-r", "HEAD").splitlines())
        self._files = {path: entry.split()[2] for entry, _, path in lines}
        tests = "\n".join(
            f"{path} {version}"
            for path, version in sorted(self._files.items())
            if path.startswith("tests/") and not path.startswith("tests/mutants/")
        )
        self._tests = hashlib.sha256(tests.encode()).hexdigest()

    def of(self, result: Result) -> dict[str, str]:
        """What the verdict rests on: the file with the fault, and the file of the test that saw it; all tests, where
        none did."""
        seen_by = result.verdict.by.partition("::")[0]
        source = {"source": self._files.get(result.mutation.path, "")}
        if result.verdict.how == TIMED_OUT:
            return source
        return {**source, "tests": self._files.get(seen_by, "") if result.seen else self._tests}


class Session:
    """Tries mutants, as many at once as there are lanes, and keeps what became of each."""

    def __init__(self, contexts: Contexts, options: argparse.Namespace) -> None:
        self.versions, self._wide = Versions(ROOT), options.wide
        self._kept = options.cache / "verdicts.jsonl"
        self._known = {result.mutation: result for result in known(self._kept, self.versions)}
        self._reasons, self._choose = report.reasons(), Choose(contexts, options.wide)
        self._green = {**contexts.green_files, **contexts.green}
        self._lanes = [Trials(ROOT, options.cache / f"lane-{number}", self._green) for number in range(options.jobs)]
        self._free: Queue[Trials] = Queue()
        for lane in self._lanes:
            self._free.put(lane)

    def close(self) -> None:
        """Ends the processes of all lanes."""
        for lane in self._lanes:
            lane.close()

    def results(self, chosen: Sequence[tuple[str, Mutation]]) -> list[Result]:
        """What becomes of each mutant of a package; a line is shown for each that is tried."""
        results: dict[Mutation, Result] = {}
        new: list[Result] = []
        with ThreadPoolExecutor(len(self._lanes)) as pool:
            for number, result in enumerate(pool.map(self._attempt, chosen), 1):
                results[result.mutation] = result
                if self._keep(result):
                    print(report.line(number, len(chosen), result), flush=True)
                    new.append(result)
        for result in self._unconfirmed(new):
            again = self._attempt((result.package, result.mutation), anew=True)
            self._keep(again)
            print(report.line(len(results), len(chosen), again), flush=True)
            results[again.mutation] = again
        return [*results.values()]

    def _unconfirmed(self, results: Sequence[Result]) -> list[Result]:
        """The faults that were seen by a test which fails without any fault, when all tests that saw one run together.
        It is not believed any more."""
        saw = {result.verdict.by for result in results if result.verdict.how == KILLED}
        names = sorted(name for name in saw if name in self._green)
        red = set(self._lanes[0].failing(names)) if names else set()
        for name in red:
            print(f"{name} fails without any fault, too", flush=True)
            del self._green[name]
        return [result for result in results if result.verdict.by in red]

    def _attempt(self, entry: tuple[str, Mutation], *, anew: bool = False) -> Result:
        """What becomes of a mutant; one that was tried is tried again only where more tests are asked, or `anew`."""
        package, mutation = entry
        result = None if anew else self._known.get(mutation)
        if not result or not (result.seen or result.verdict.wide or (result.verdict.how != NOT_RUN and not self._wide)):
            lane = self._free.get()
            try:
                result = Result(package, mutation, lane.verdict(mutation, self._choose.rounds(mutation, result)))
            finally:
                self._free.put(lane)
        return replace(result, reason=self._reasons.get(mutation.key, ""))

    def _keep(self, result: Result) -> bool:
        """Writes a verdict down; False where it is known already."""
        earlier = self._known.get(result.mutation)
        if earlier and earlier.verdict == result.verdict:
            return False
        self._known[result.mutation] = result
        with self._kept.open("a", encoding="utf-8") as log:
            print(report.entry(result, self.versions.of(result)), file=log)
        return True


def known(kept: Path, versions: Versions) -> Iterator[Result]:
    """The verdicts that hold in this version, the latest last."""
    for text in kept.read_text("utf-8").splitlines() if kept.exists() else ():
        result, rests_on = report.read(text)
        if versions.of(result) == rests_on:
            yield result


class Choose:
    """Which tests a mutant meets."""

    def __init__(self, contexts: Contexts, wide: float) -> None:
        self.contexts, self.wide = contexts, wide

    @cached_property
    def _nearby(self) -> Nearby:
        return Nearby(ROOT)

    def rounds(self, mutation: Mutation, earlier: Result | None) -> Iterator[Round]:
        """First the tests that run the line, a few of them before the others; then those whose files run it while they
        are imported, those with servers that run it, and at last what nobody measured. A mutant that the measured
        tests did not see `earlier` meets the last ones only."""
        near: list[str] = []
        if not earlier or earlier.verdict.how == NOT_RUN:
            source = (ROOT / mutation.path).read_bytes()
            last = mutation.line + source.count(b"\n", mutation.start, mutation.end)
            first = mutation.line
            if mutation.operator == "removed decorator":
                last = max(last, decorated(source, mutation.line))
            choice = self.contexts.choice(mutation.path, source, first, last)
            first_round = self._round(choice.running[:FIRST], FIRST)
            yield first_round
            yield self._round([test for test in choice.running if test not in first_round.names], NEAR)
            yield self._round([test for test in choice.importing if test not in choice.running], NEAR)
            yield self._round(choice.files, FILES)
        if self.wide:
            near, wide = self._nearby.tests(mutation.path)
            measured = self.contexts.green_files
            yield Round([name for name in (*near, *wide) if name not in measured], self.wide, wide=True)

    def _round(self, names: Sequence[str], most: float) -> Round:
        """As many of the tests as pass in so many seconds without the fault; one at least."""
        known = {**self.contexts.green_files, **self.contexts.green}
        green = [name for name in names if name in known]
        chosen, seconds = list[str](), 0.0
        for name in green:
            if seconds + known[name] <= most:
                chosen.append(name)
                seconds += known[name]
        chosen = chosen or sorted(green, key=known.__getitem__)[:1]
        return Round(chosen, max(LEAST, SLACK * sum(known[name] for name in chosen)))


def decorated(source: bytes, line: int) -> int:
    """The last line of the function or class whose decorator is in a line; the line itself where there is none."""
    ends = [
        node.end_lineno or line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        for decorator in node.decorator_list
        if decorator.lineno <= line <= (decorator.end_lineno or line)
    ]
    return min(ends, default=line)


if __name__ == "__main__":
    sys.exit(main())
