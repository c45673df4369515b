"""Plays one release of an application through the environment on the local AWS: `python -m scripts.rehearse`.

Exit status: 0 when the release would have succeeded, 1 when it would have failed; the others as in
`scripts/deployment/errors.py`.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from scripts.deployment.errors import Exit, UnfinishedError, UsageError
from scripts.terminal import console
from scripts.terminal.endings import PROJECT

# Nothing here takes as long as in AWS, so a red check has not to be waited for as long.
SOONER = ("WAIT_SECONDS=10", "PAUSE_SECONDS=0.5")
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
    """Plays one release. Raises `DeployError`."""
    from scripts.cli import local_aws
    from scripts.rehearsal import report
    from scripts.rehearsal.rehearse import rehearse
    from scripts.rehearsal.stage import Options

    if wrong := [text for text in options.set if "=" not in text]:
        raise UsageError(f"--set takes NAME=VALUE, not {', '.join(wrong)}.")
    if not options.app.is_dir():
        raise UsageError(f"{options.app} is no folder.", "Name the folder of an application with --app.")
    aws = local_aws(options.local_aws, start=False)
    variables = dict(text.split("=", 1) for text in (*SOONER, *options.set))
    choices = Options(options.app.resolve(), options.cache.resolve(), variables, options.programs)
    release = rehearse(aws, choices, options.pipeline, options.fail_at, console.show_line)
    console.show(report.lines(release))
    return Exit.DONE if release.succeeded else Exit.FAILED


if __name__ == "__main__":
    from scripts.cli import entry

    entry("python -m scripts", "rehearse")
