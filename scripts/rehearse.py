"""Rehearses one release of an application through the environment on the local AWS: `python -m scripts.rehearse`.

Exit status: 0 when the release would have succeeded, 1 when it would have failed, 4 when this machine lacks what it
takes to know; the others as in `scripts/deployment/errors.py`.
"""

from argparse import SUPPRESS, ArgumentParser, Namespace
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.deployment.errors import DeployError, Exit, UsageError
from scripts.terminal import console, results
from scripts.terminal.endings import PROJECT

if TYPE_CHECKING:
    from scripts.deployment.aws import Aws
    from scripts.rehearsal.context import RehearsalOptions


class UnfinishedError(DeployError):
    """Something that left nothing behind was ended before it could say whether it is good."""

    status = Exit.FAILED


INTERRUPTED = UnfinishedError("Interrupted.")


def arguments(parser: ArgumentParser) -> None:
    """Which application, and what shall happen to it."""
    parser.add_argument(
        "--app", type=Path, default=PROJECT / "tests/applications/sample", help="folder of the application"
    )
    parser.add_argument("--fail-at", default="", metavar="NAME", help="stage or action that fails on request")
    parser.add_argument(
        "--hang-at", default="", metavar="NAME", help="stage or action that never ends: the time limit stops it"
    )
    parser.add_argument("--pipeline", help="name of the pipeline, if there are several")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a variable of all builds")
    parser.add_argument("--programs", type=Path, help="folder of programs that builds use instead of the real ones")
    parser.add_argument("--keep", action="store_true", help="page and API stay up until `make local-stop`")
    parser.add_argument("--ask", action="store_true", help="approvals wait for `aws codepipeline put-approval-result`")
    parser.add_argument(
        "--suppose",
        action="append",
        default=[],
        choices=("s3-deploy-encrypts", "ecs-deploy-waits"),
        help="what AWS's documentation leaves open: simulate this answer",
    )
    parser.add_argument("--execution", default="", help=SUPPRESS)  # for the local AWS: one that was started there
    parser.add_argument("--serve", action="store_true", help=SUPPRESS)  # for --keep: nothing but page and API
    parser.add_argument("--cache", type=Path, default=PROJECT / ".cache/rehearsal", help="what is kept between runs")


def run(options: Namespace) -> Exit:
    """Rehearses one release. Raises `DeployError`."""
    from scripts.cli import local_aws
    from scripts.rehearsal.context import RehearsalOptions
    from scripts.rehearsal.engine import end_execution, rehearsal
    from scripts.rehearsal.keeping import SHORTER_WAITS, command_line
    from scripts.rehearsal.report import report_lines

    if wrong := [text for text in options.set if "=" not in text]:
        raise UsageError(f"--set takes NAME=VALUE, not {', '.join(wrong)}.")
    if not options.app.is_dir():
        raise UsageError(f"{options.app} is not a folder.", "Name the folder of an application with --app.")
    aws = local_aws(options.local_aws, start=False)
    variables = {**SHORTER_WAITS, **dict(text.split("=", 1) for text in options.set)}
    choices = RehearsalOptions(
        options.app.resolve(),
        options.cache.resolve(),
        variables,
        options.programs,
        execution=options.execution,
        asks=options.ask,
        suppositions=frozenset(options.suppose),
        hang_at=options.hang_at,
    )
    command = command_line(options.local_aws, choices, options.pipeline, options.keep)
    choices = replace(choices, worker=tuple(command))
    if options.serve:
        _serve(aws, choices, options)
        return Exit.DONE
    try:
        with rehearsal(aws, choices, options.pipeline, options.fail_at, _print) as release:
            console.show(report_lines(release))
            results.update({**asdict(release), "succeeded": release.succeeded})
    except DeployError as error:
        if options.execution:
            end_execution(aws, options.pipeline, options.execution, str(error))
        raise
    if options.keep:
        _keep_up(choices.cache, command)
    if release.unjudged:
        return Exit.MANUAL
    return Exit.DONE if release.succeeded else Exit.FAILED


def _serve(aws: "Aws", choices: "RehearsalOptions", options: Namespace) -> None:
    from scripts.local_aws import server
    from scripts.rehearsal.engine import keep

    keep(aws, choices, options.pipeline, lambda: server.status(options.local_aws) is not None)


def _keep_up(cache: Path, command: list[str]) -> None:
    """Starts the process that keeps page and API up, and says where. Raises `RefusedError`."""
    from scripts.rehearsal.keeping import keep_up

    for name, url in keep_up(cache, command).items():
        _print(f"{name} answers on {url} until `make local-stop` or the next rehearsal")


def _print(text: str) -> None:
    """Shows progress; some errors end with the last lines of a log."""
    console.show(text.splitlines())


if __name__ == "__main__":
    from scripts.cli import entry

    entry("python -m scripts.deploy", "rehearse")
