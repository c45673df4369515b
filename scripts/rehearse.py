"""Plays one release of an application through the environment on the local AWS: `python -m scripts.rehearse`.

Exit status: 0 when the release would have succeeded, 1 when it would have failed; the others as in
`scripts/deployment/errors.py`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.deploy import PROJECT, Parser
from scripts.deployment.errors import Exit, RefusedError, UnfinishedError, UsageError, ended

# Nothing here takes as long as in AWS, so a red check has not to be waited for as long.
SOONER = ("WAIT_SECONDS=10", "PAUSE_SECONDS=0.5")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = Parser("rehearse", description="plays one release through the environment that `deploy apply local` made")
    made.add_argument(
        "--app", type=Path, default=PROJECT / "tests/applications/sample", help="folder of the application"
    )
    made.add_argument("--fail-at", default="", metavar="NAME", help="stage or action that shall fail")
    made.add_argument("--pipeline", help="name of the pipeline, where there are several")
    made.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a variable of all builds")
    made.add_argument("--programs", type=Path, help="folder of programs that builds find before the real ones")
    made.add_argument("--cache", type=Path, default=PROJECT / ".cache/rehearsal", help="what is kept between runs")
    made.add_argument(
        "--local-aws", type=Path, default=PROJECT / ".cache/local_aws.json", help="run file of the local AWS"
    )
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """One rehearsal; returns the exit status."""
    given = parser().parse_args(arguments)
    return ended(lambda: _run(given), UnfinishedError("Interrupted."))


def _run(given: argparse.Namespace) -> Exit:
    from scripts.deployment.aws import Aws, Endpoint
    from scripts.local_aws import server
    from scripts.operations.output.terminal import painter
    from scripts.rehearsal import report
    from scripts.rehearsal.rehearse import rehearse
    from scripts.rehearsal.stage import Options

    if not all("=" in one for one in given.set):
        raise UsageError(f"--set takes NAME=VALUE, not {', '.join(given.set)}.")
    if not given.app.is_dir():
        raise UsageError(f"{given.app} is no folder.", "Name the folder of an application with --app.")
    run = server.status(given.local_aws)
    if run is None:
        raise RefusedError("The local AWS is not running.", "`make deploy` starts it and makes the environment.")
    found = run.endpoint
    aws = Aws(endpoint=Endpoint(found.url, found.region, found.exceptions))
    variables = dict(one.split("=", 1) for one in (*SOONER, *given.set))
    options = Options(given.app.resolve(), given.cache.resolve(), variables, given.programs)
    release = rehearse(aws, options, given.pipeline, given.fail_at, lambda text: print(text, flush=True))
    for line in report.lines(release, painter(sys.stdout)):
        print(line)
    return Exit.DONE if release.succeeded else Exit.FAILED


if __name__ == "__main__":
    sys.exit(main())
