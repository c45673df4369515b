"""`rollback`: the application back to an earlier good release, by hand.

Without `--to` the good releases are listed. The deploy stages are rolled back with that release's artifacts where the
pipeline still can (codepipeline user guide, stage-rollback), otherwise the pipeline runs again from its commit.
Configuration and templates stay as they are: this is about the application.
"""

import uuid
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from generator.cfn import template_names
from scripts.deployment import stacks
from scripts.deployment.errors import AwsError, Exit, ManualActionRequiredError, NotConfirmedError, RefusedError
from scripts.operations.releases import documents, releases
from scripts.operations.releases.releases import Pipeline, Release
from scripts.operations.run import Run, say
from scripts.terminal import prompt, results

SHOWN = 20


@dataclass(frozen=True)
class Options:
    """Which release (`to`, how a commit or an execution begins), and how."""

    to: str | None = None
    build_again: bool = False
    yes: bool = False


def arguments(parser: ArgumentParser) -> None:
    """Which release, and how."""
    parser.add_argument("--to", metavar="RELEASE", help="a commit or an execution, or the beginning of one")
    parser.add_argument("--build-again", action="store_true", help="run the whole pipeline from that commit")
    parser.add_argument("--yes", action="store_true", help="agree in advance")


def run(run: Run, options: Options) -> Exit:
    """Lists the releases, or goes back to one and follows it; 1 when it failed."""
    environment = run.environment
    stack = stacks.read(run.aws, environment.stack)
    if stack is None or template_names.PIPELINE not in stack.outputs:
        raise RefusedError(
            f"{environment.stack} does not exist or has no pipeline.", f"`apply {environment.name}` makes it."
        )
    name = stack.outputs[template_names.PIPELINE]
    good = list(islice(releases.good(run.aws, name), SHOWN))
    named = _documents(run, name, good)
    results.begin(releases=[_document(release, named.get(release.execution, {})) for release in good], executions=[])
    if not options.to:
        for release in good:
            say([f"{release.ended:%Y-%m-%d %H:%M}  {release.commit[:12]}  {release.execution}  {release.title}"])
            say(f"  {document}: {uri}" for document, uri in named.get(release.execution, {}).items())
        say([] if good else [f"{name} has no successful release yet; rehearsals are not recorded"])
        return Exit.DONE
    run.check_deployer()
    to = releases.find(good, options.to)
    if busy := releases.running(run.aws, name):
        raise RefusedError(f"{name} is running {busy[0]}.", "Wait until it has ended, or stop it, and run again.")
    there = releases.pipeline(run.aws, name)
    stages = there.stages if not options.build_again and releases.returnable(run.aws, to, there) else ()
    how = f"{' and '.join(stages)} with its artifacts" if stages else "all stages again, from its commit"
    say([f"{name}: back to {to.commit[:12]} of {to.ended:%Y-%m-%d %H:%M} ({to.title}): {how}"])
    _agree(options, environment.name)
    return _back(run, there, to, stages)


def _documents(run: Run, pipeline: str, good: Sequence[Release]) -> dict[str, dict[str, str]]:
    """Where the documents of the releases lie. Nobody has to know that to go back to one: an error is said."""
    try:
        return documents.of_executions(run.aws, pipeline, [release.execution for release in good]) if good else {}
    except AwsError as error:
        say([f"where the documents of these releases lie is not known: {error.reason}"])
        return {}


def _document(release: Release, named: Mapping[str, str]) -> dict[str, Any]:
    return {**asdict(release), "ended": release.ended.isoformat(), "documents": dict(named)}


def _agree(options: Options, name: str) -> None:
    """Raises `NotConfirmedError`."""
    if options.yes:
        return
    if not prompt.attended():
        raise NotConfirmedError("Nothing was rolled back: confirmation needs a terminal.", "Run again with --yes.")
    if not prompt.confirmed(f"Type the environment's name ({name}) to go back: ", name):
        raise NotConfirmedError("Nothing was rolled back.")


def _back(run: Run, there: Pipeline, to: Release, stages: tuple[str, ...]) -> Exit:
    """One stage after the other, because a page must not come before the backend that it calls."""
    for stage in stages or ("",):
        if stage:
            try:
                execution = releases.roll_back(run.aws, there, stage, to)
            except AwsError as error:
                if stage == stages[0]:
                    raise
                raise ManualActionRequiredError(
                    f"{stages[0]} is back at {to.commit[:12]}, and {stage} is not: {error.message}",
                    "Run the same with --build-again, or release a commit: the two sides are of different releases.",
                ) from error
        else:
            execution = releases.run_again(run.aws, there, to, str(uuid.uuid4()))
        say([f"{stage or there.name}: execution {execution} started"])
        ended = releases.wait(run.aws, there.name, execution)
        results.append("executions", {"stage": stage, "execution": execution, "status": ended["status"]})
        say([f"{stage or there.name}: {ended['status'].lower()} {ended.get('statusSummary', '')}".rstrip()])
        if ended["status"] != "Succeeded":
            return Exit.FAILED
    return Exit.DONE
