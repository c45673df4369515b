"""How strong the test suite is: faults are put into the code, drawn by a seed, and the tests have to see them.

    python -m tests.mutants --seed 1 --count 150

The result is a table and `.cache/mutants/SEED-COUNT-COMMIT.json`; what was tried before an interrupt is kept, and the
same command goes on from there. Why a tool of our own, on 2026-11-28: mutmut 3.8 neither draws a sample nor chooses
tests by what they run; cosmic-ray 8.7 draws one, and chooses no tests (its issue 85); mutatest 3.1 does both, and was
last released in 2022. None of them follows the commands and servers that our tests start.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

from tests.mutants import report
from tests.mutants.contexts import Contexts
from tests.mutants.nearby import Nearby
from tests.mutants.operators import Mutation
from tests.mutants.report import Result
from tests.mutants.sample import PACKAGES, sample
from tests.mutants.trial import NEAR, WIDE, Trials, clone

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Tries a sample; 1 when a fault survives that is not known to be none."""
    parser = argparse.ArgumentParser("mutants", description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1, help="what the sample is drawn by (1)")
    parser.add_argument("--count", type=int, default=150, help="how many mutants (150)")
    parser.add_argument("--package", action="append", choices=PACKAGES, help="only this one; may be repeated")
    parser.add_argument(
        "--cache", type=Path, default=ROOT / ".cache/mutants", help="where contexts and results are kept"
    )
    parser.add_argument(
        "--measure", action="store_true", help="first measure which test runs which line: takes an hour"
    )
    parser.add_argument("--jobs", type=int, default=2, help="how many mutants are tried at once (2)")
    parser.add_argument("--near", type=float, default=NEAR, help=f"seconds for tests that run the line ({NEAR:g})")
    parser.add_argument("--wide", type=float, default=WIDE, help=f"seconds for their files ({WIDE:g}); 0: not asked")
    options = parser.parse_args()
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    options.cache.mkdir(parents=True, exist_ok=True)
    contexts = Contexts(ROOT, options.cache / "contexts")
    if options.measure:
        for line in contexts.measure(clone(ROOT, options.cache / "measured")):
            print(line, flush=True)
    else:
        contexts.read()
    chosen = sample(ROOT, options.seed, options.count, options.package or tuple(PACKAGES))
    kept = options.cache / f"{options.seed}-{commit}.jsonl"
    known = (
        {earlier.mutation: earlier for earlier in map(report.read, kept.read_text("utf-8").splitlines())}
        if kept.exists()
        else {}
    )
    reasons, nearby = report.reasons(), Nearby(ROOT)
    lanes: Queue[Trials] = Queue()
    for number in range(options.jobs):
        lanes.put(Trials(ROOT, options.cache / f"lane-{number}", options.near, options.wide))

    def attempt(entry: tuple[str, Mutation]) -> Result:
        package, mutation = entry
        result = known.get(mutation) or _try(lanes, contexts, nearby, package, mutation)
        return Result(package, mutation, result.verdict, reasons.get(mutation.key, ""))

    results: list[Result] = []
    with kept.open("a", encoding="utf-8") as log, ThreadPoolExecutor(options.jobs) as pool:
        for number, result in enumerate(pool.map(attempt, chosen), 1):
            if result.mutation not in known:
                print(report.entry(result), file=log, flush=True)
                print(report.line(number, len(chosen), result), flush=True)
            results.append(result)
    print("\n".join(["", *report.unseen_faults(results), "", *report.table(results)]))
    settings = {"seed": options.seed, "count": options.count, "commit": commit}
    document = options.cache / f"{options.seed}-{options.count}-{commit}.json"
    document.write_text(report.document(results, settings), encoding="utf-8")
    return int(any(not result.seen and not result.reason for result in results))


def _try(lanes: Queue[Trials], contexts: Contexts, nearby: Nearby, package: str, mutation: Mutation) -> Result:
    """Lets the tests that ran the line look, where that was measured; otherwise those that import the module."""
    source = (ROOT / mutation.path).read_bytes()
    last = mutation.line + source.count(b"\n", mutation.start, mutation.end)
    tests, files = contexts.tests(mutation.path, source, mutation.line, last)
    near, wide = nearby.tests(mutation.path)
    trials = lanes.get()
    try:
        later = dict.fromkeys([*files, *([] if tests else wide)]) if trials.wide else {}
        return Result(package, mutation, trials.verdict(mutation, tests or near, [*later]))
    finally:
        lanes.put(trials)


if __name__ == "__main__":
    sys.exit(main())
