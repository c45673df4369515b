"""Rehearses one release of an application through the environment on the local AWS: `python -m scripts.rehearse`.

Exit status: 0 when the release would have succeeded, 1 when it would have failed; the others as in
`scripts/deployment/errors.py`.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from scripts.deployment.errors import Exit, UnfinishedError, UsageError
from scripts.terminal import console
from scripts.terminal.endings import PROJECT

# Nothing here takes as long as in AWS, so a red check has not to be waited for as long.
SHORTER_WAITS = ("WAIT_SECONDS=10", "PAUSE_SECONDS=0.5")
INTERRUPTED = UnfinishedError("Interrupted.")


def arguments(parser: ArgumentParser) -> None:
    """Which application, and what shall happen to it."""
    parser.add_argument(
        "--app", type=Path, default=PROJECT / "tests/applications/sample", help="folder of the application"
    )
    parser.add_argument("--fail-at", default="", metavar="NAME", help="stage or action that shall fail")
    parser.add_argument("--pipeline", help="name of the pipeline, where there are several")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a variable of all builds")
    parser.add_argument("--programs", type=Path, help="folder of programs that builds find before the real ones")
    parser.add_argument("--cache", type=Path, default=PROJECT / ".cache/rehearsal", help="what is kept between runs")


def run(options: Namespace) -> Exit:
    """Rehearses one release. Raises `DeployError`."""
    from scripts.cli import local_aws
    from scripts.rehearsal.context import RehearsalOptions
    from scripts.rehearsal.engine import rehearsal
    from scripts.rehearsal.report import report_lines

    if wrong := [text for text in options.set if "=" not in text]:
        raise UsageError(f"--set takes NAME=VALUE, not {', '.join(wrong)}.")
    if not options.app.is_dir():
        raise UsageError(f"{options.app} is no folder.", "Name the folder of an application with --app.")
    aws = local_aws(options.local_aws, start=False)
    variables = dict(text.split("=", 1) for text in (*SHORTER_WAITS, *options.set))
    choices = RehearsalOptions(options.app.resolve(), options.cache.resolve(), variables, options.programs)
    with rehearsal(aws, choices, options.pipeline, options.fail_at, _print) as release:
        console.show(report_lines(release))
    return Exit.DONE if release.succeeded else Exit.FAILED


def _print(text: str) -> None:
    """Shows progress; some errors end with the last lines of a log."""
    console.show(text.splitlines())


if __name__ == "__main__":
    from scripts.cli import entry

    entry("python -m scripts", "rehearse")
