"""`bootstrap`: from an application's folder to its first release, with the address at the end.

    facts → templates → preflight → access → shared → push → environment → secrets → release → raise → serve → verify

The steps are those of other verbs, in the order of docs/first-deployment.md; each looks first whether it is done, so
that the same command goes on where it ended before. On the local AWS nothing is pushed and no role is needed; `serve`
is there alone. Exit status: 0 when the address answers, 1 when a step failed, 2 when nobody agreed, 3 when a step was
refused, 4 when a person has to do something first, or after Ctrl-C; the others as in `scripts/deployment/errors.py`.
"""

from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

from scripts.bootstrap import preparation, release, stacks
from scripts.bootstrap.progress import Bootstrap, Progress
from scripts.deployment.errors import Exit, ManualActionRequiredError, UsageError
from scripts.operations.options import (
    adopt_argument,
    consent_arguments,
    follow_argument,
    keep_arguments,
    watch_arguments,
)
from scripts.terminal import console, results
from scripts.terminal.endings import PROJECT

Step = tuple[str, Callable[[Bootstrap], Progress]]
PREPARING: tuple[Step, ...] = (("facts", preparation.facts), ("templates", preparation.templates))
LOCAL: tuple[Step, ...] = (
    ("shared", stacks.shared),
    ("environment", stacks.environment),
    ("secrets", stacks.secrets),
    ("release", release.rehearse_release),
    ("raise", stacks.raise_tasks),
    ("serve", release.serve),
    ("verify", release.verify_local),
)
ACCOUNT: tuple[Step, ...] = (
    ("preflight", stacks.preflight),
    ("access", stacks.access),
    ("source", stacks.source),
    ("environment", stacks.environment),
    ("secrets", stacks.secrets),
    ("release", release.follow_release),
    ("raise", stacks.raise_tasks),
    ("verify", release.verify_public),
)


def arguments(parser: ArgumentParser) -> None:
    """Which application, and what may be agreed to in advance."""
    parser.add_argument("--app", type=Path, required=True, help="folder of the application, the root of its repository")
    parser.add_argument("--name", default="", help="name of the application, if not the folder's")
    parser.add_argument(
        "--keep-facts", action="store_true", help="generator/application.py has this application's facts: read none"
    )
    consent_arguments(parser)
    adopt_argument(parser)
    follow_argument(parser)
    keep_arguments(parser)
    watch_arguments(parser)
    parser.add_argument("--cache", type=Path, default=PROJECT / ".cache/rehearsal", help=SUPPRESS)
    parser.add_argument("--programs", type=Path, help=SUPPRESS)  # for tests: programs instead of the real ones
    parser.add_argument("--set", action="append", default=[], help=SUPPRESS)  # for tests: variables of builds


def run(options: Namespace) -> Exit:
    """Takes every step that is not done. Raises `DeployError`; the steps so far are shown however it ends."""
    if not options.app.is_dir():
        raise UsageError(f"{options.app} is not a folder.", "Name the folder of an application with --app.")
    results.begin(steps=[], plans=[], operations=[], left=[])
    results.update({"application": None, "release": None, "address": None})
    bootstrap = Bootstrap(options)
    try:
        for name, take in PREPARING:
            bootstrap.take(name, take)
        bootstrap.connect()
        for name, take in LOCAL if bootstrap.run.aws.endpoint else ACCOUNT:
            bootstrap.take(name, take)
    except KeyboardInterrupt:
        again = f"`bootstrap {options.environment} --app {options.app}` goes on from there."
        raise ManualActionRequiredError("Interrupted; what is done stays.", again) from None
    finally:
        console.show(bootstrap.lines())
    results.update({"address": bootstrap.address})
    console.show([*bootstrap.left_lines(), f"{bootstrap.title} answers on {bootstrap.address}"])
    return Exit.DONE
