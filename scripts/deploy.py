"""Deploys the rendered templates: `python -m scripts.deploy VERB ENVIRONMENT`.

Each verb is a module in `scripts/operations/verbs/` with `arguments` and `run`. Exit statuses are documented in
`scripts/deployment/errors.py`.
"""

import argparse
import gc
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

from scripts.deployment.environment import LOCAL, load
from scripts.deployment.errors import Exit, RefusedError, UsageError, ended

if TYPE_CHECKING:
    from scripts.deployment.aws import Aws

PROJECT = Path(__file__).parents[1]
# AWS's service models are large trees that live as long as the process: with Python's own threshold (700 new objects),
# a sixth of a run without changes went into looking for garbage in them.
OBJECTS = 100_000
VERBS = {
    "access": "create or update the roles that deploy an environment, as an administrator",
    "apply": "create or update the shared stack, then the environment",
    "continue": "bring back what could be neither updated nor restored",
    "config": "list, set or compare the application's configuration",
    "destroy": "delete an environment; what holds data stays",
    "drift": "show what was changed outside the stacks (2 when something was)",
    "events": "show what happened, over all nested stacks",
    "explain": "tell why the last operation failed",
    "follow": "watch what is running to its end",
    "migrate": "bring an application's branches and tags into the repository",
    "import": "take over a repository that exists into the shared stack",
    "outputs": "show the outputs",
    "plan": "show everything that apply would do, and do nothing",
    "preflight": "look at everything that a deployment needs, and change nothing",
    "rollback": "bring the application back to an earlier good release",
    "status": "show the stacks as they stand",
}
STATUSES = "exit status: " + ", ".join(
    f"{status.value} {text}"
    for status, text in {
        Exit.DONE: "done or nothing to do",
        Exit.FAILED: "failed and rolled back",
        Exit.CHANGES: "changes waiting",
        Exit.REFUSED: "refused before anything happened",
        Exit.MANUAL: "left running, or manual action required",
        Exit.USAGE: "bad usage",
    }.items()
)


class Parser(argparse.ArgumentParser):
    """Like argparse's, but with our exit status for bad usage."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(Exit.USAGE, f"{self.prog}: {message}\n")


def parser(verb: str) -> argparse.ArgumentParser:
    """The command line of one verb."""
    made = Parser(f"deploy {verb}", description=VERBS[verb], epilog=STATUSES)
    made.add_argument("environment", metavar="ENVIRONMENT", help="a file in params/; local is the local AWS")
    _module(verb).arguments(made)
    made.add_argument("--profile", help="profile of the AWS CLI's configuration")
    made.add_argument("--region", help="region (otherwise AWS_REGION, or the profile's)")
    folders(made)
    made.add_argument(
        "--local-aws", type=Path, default=PROJECT / ".cache/local_aws.json", help="run file of the local AWS"
    )
    return made


def folders(parser: argparse.ArgumentParser) -> None:
    """Where templates and parameter files lie."""
    parser.add_argument("--templates", type=Path, default=PROJECT / "templates", help="folder of rendered templates")
    parser.add_argument("--params", type=Path, default=PROJECT / "params", help="folder of parameter files")


def _module(verb: str) -> ModuleType:
    # A verb may be a word that Python keeps for itself.
    return import_module(f"scripts.operations.verbs.{verb}{'_' * iskeyword(verb)}")


def verbs() -> argparse.ArgumentParser:
    """The command line up to the verb."""
    told = "\n".join(f"  {verb:8}  {text}" for verb, text in VERBS.items())
    made = Parser("deploy", description=f"verbs (`VERB --help` tells more):\n{told}", epilog=STATUSES)
    made.formatter_class = argparse.RawDescriptionHelpFormatter
    made.add_argument("verb", choices=VERBS, metavar="VERB")
    made.add_argument("more", nargs=argparse.REMAINDER, metavar="ENVIRONMENT ...", help="what the verb takes")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb; returns the exit status."""
    gc.set_threshold(OBJECTS)
    chosen = verbs().parse_args(arguments)
    given = parser(chosen.verb).parse_args(chosen.more, argparse.Namespace(verb=chosen.verb))
    # Whoever ends the script kindly gets what Ctrl-C gets: everything is tidied up, or told to be running.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    interrupted = RefusedError("Interrupted; nothing of it is running.", "The same command again goes on from there.")
    return ended(lambda: _run(given), interrupted)


def _run(given: argparse.Namespace) -> Exit:
    # Whatever is wrong with the files is said before anything is started or asked.
    roots = load(given.environment, given.templates, given.params)
    aws = _connect(given, given.environment == LOCAL)

    from scripts.operations.run import Run

    status: Exit = _module(given.verb).run(Run(aws, roots, given, PROJECT))
    return status


def _connect(given: argparse.Namespace, local: bool) -> "Aws":
    from scripts.deployment.aws import Aws, Endpoint

    if not local:
        return Aws(given.profile, given.region)
    if given.profile or given.region:
        raise UsageError("The local AWS takes neither --profile nor --region.")
    from scripts.local_aws import server

    try:
        if given.verb in ("access", "apply", "plan"):
            found = server.ensure(given.local_aws)
        elif run := server.status(given.local_aws):
            found = run.endpoint
        else:
            raise RefusedError("The local AWS is not running.", "`apply local` starts it.")
    except server.ServerError as error:
        raise RefusedError(str(error)) from error
    return Aws(endpoint=Endpoint(found.url, found.region, found.exceptions))


if __name__ == "__main__":
    sys.exit(main())
