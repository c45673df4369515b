"""What the script can be told to do, each verb as the order of its steps."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.deployment import computed, execute, package, plan, record, stacks
from scripts.deployment.aws import Aws, Identity
from scripts.deployment.computed import Computed
from scripts.deployment.errors import AwsError, Exit, NeedsPerson, NotConfirmed, Refused
from scripts.deployment.package import Packaged
from scripts.deployment.parameters import Environment
from scripts.deployment.plan import Plan, Request
from scripts.deployment.show import terminal
from scripts.deployment.stacks import Stack
from scripts.deployment.statuses import Action, meaning


@dataclass(frozen=True)
class Options:
    """What the command line says beside verb and environment. Without `branch` nobody asks for the branch."""

    yes: bool
    branch: bool
    project: Path


def say(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, flush=True)


def apply(aws: Aws, loaded: Sequence[Environment], options: Options) -> Exit:
    """Shared first, then the environment."""
    identity = aws.identity()
    bucket = package.bucket_name(loaded[0].application, identity, aws.region)
    packaged = [package.package(wanted.root, bucket, aws.region) for wanted in loaded]
    package.publish(aws, bucket, packaged, identity)
    run = _Run(aws, options, identity, bucket, record.source(options.project), terminal.painter(sys.stdout))
    ended, shared = run.apply(loaded[0], packaged[0].root, None)
    for wanted, templates in zip(loaded[1:], packaged[1:], strict=True):
        if ended is Exit.DONE:
            if options.branch:
                _want_branch(aws, wanted, shared)
            ended, _ = run.apply(wanted, templates.root, shared)
    if aws.endpoint:
        say([terminal.embedded_line(aws.endpoint.url, aws.endpoint.unheld())])
    return ended


def destroy(aws: Aws, loaded: Sequence[Environment], _options: Options) -> Exit:
    """Deletes the environment's stack, on the embedded AWS only. The shared stack stays: its repository would too."""
    wanted = loaded[-1]
    if not aws.endpoint:
        raise Refused(f"destroy is not safe yet for {wanted.name}.", "It works for local, on the embedded AWS.")
    stack = stacks.read(aws, wanted.stack)
    if stack is None:
        say([f"{wanted.stack} does not exist"])
        return Exit.DONE
    if not stack.meaning.ended:
        raise NeedsPerson(f"{stack.name} {stack.meaning.text} ({stack.status}).", stack.remedy)
    outcome = execute.destroy(aws, stack, wanted.root, terminal.Progress())
    say(terminal.outcome_lines(outcome, terminal.painter(sys.stdout)))
    return outcome.exit


def outputs(aws: Aws, loaded: Sequence[Environment], _options: Options) -> Exit:
    """The outputs of shared and of the environment."""
    paint = terminal.painter(sys.stdout)
    for wanted in loaded:
        stack = stacks.read(aws, wanted.stack)
        say([paint(wanted.stack, "bold") + ("" if stack else " does not exist")])
        if stack:
            say(terminal.output_lines(stack, _console(aws), wanted.root, paint))
    return Exit.DONE


def status(aws: Aws, loaded: Sequence[Environment], _options: Options) -> Exit:
    """The stacks as they stand; 4 when one of them is running or needs a person."""
    found = Exit.DONE
    for wanted in loaded:
        stack = stacks.read(aws, wanted.stack)
        children = stacks.children(aws, stack) if stack else {}
        say(terminal.status_lines(stack, wanted.stack, children, terminal.painter(sys.stdout)))
        if stack and stack.meaning.action in (Action.WAIT, Action.PERSON):
            found = Exit.PERSON
    return found


@dataclass(frozen=True)
class _Run:
    """One run of `apply`: what its steps share."""

    aws: Aws
    options: Options
    identity: Identity
    bucket: str
    origin: record.Source
    paint: terminal.Paint

    def apply(self, wanted: Environment, template: Packaged, shared: Stack | None) -> tuple[Exit, Stack | None]:
        """One root stack: found, cleared up, planned, shown, agreed to, executed, recorded."""
        previous = self._previous(wanted)
        values = computed.find(self.aws, wanted, previous, shared)
        planned, values = self._plan(wanted, template, previous, values)
        if planned.empty:
            say([f"{wanted.stack}: no changes"])
            return Exit.DONE, previous
        try:
            say(terminal.plan_lines(planned, values, self.paint))
            self._confirm(wanted.stack)
            outcome = execute.apply(self.aws, planned, wanted.root, terminal.Progress())
        except NeedsPerson:  # it is running
            raise
        except BaseException:
            plan.discard(self.aws, planned)
            raise
        say(terminal.outcome_lines(outcome, self.paint))
        try:
            stacks.delete_change_set(self.aws, planned.change_set)  # a failed execution leaves it
            record.write(self.aws, self.bucket, self.identity, outcome, self.origin, wanted.version, planned)
        except AwsError as error:
            raise NeedsPerson(f"The operation has ended, but was not cleared up and recorded: {error}") from error
        if outcome.exit is Exit.DONE:
            say(terminal.output_lines(outcome.held, _console(self.aws)))
        return outcome.exit, outcome.held

    def _previous(self, wanted: Environment) -> Stack | None:
        """The stack to be updated, or None when it is to be created; what failed runs left is cleared away."""
        found = stacks.read(self.aws, wanted.stack)
        means = meaning(found.status if found else None)
        if found and means.action in (Action.WAIT, Action.PERSON):
            raise NeedsPerson(f"{found.name} {means.text} ({found.status}).", found.remedy)
        if found:
            stacks.clear_change_sets(self.aws, found)
        if found and means.action is Action.RECREATE:
            say([f"{found.name} {means.text}: the empty stack is deleted first"])
            outcome = execute.destroy(self.aws, found, wanted.root, lambda _events: None)
            if outcome.exit is not Exit.DONE:
                raise NeedsPerson(f"{found.name} {outcome.held.meaning.text}.", outcome.held.remedy)
        return found if means.action is Action.UPDATE else None

    def _plan(
        self, wanted: Environment, template: Packaged, previous: Stack | None, values: list[Computed]
    ) -> tuple[Plan, list[Computed]]:
        """The plan, with the values it was made from. When it would change the backend while a newer release runs, it
        is made again with that release's image: infrastructure never rolls the application back (RUN-8)."""
        parameters = wanted.values({one.name: one.value for one in values})
        request = Request(wanted.stack, template, parameters, wanted.tags)
        made = plan.make(self.aws, request, previous, record.describe(self.origin, wanted.version, request.digest))
        renewed = computed.renew(self.aws, wanted, previous, values, made)
        if renewed == values:
            return made, values
        plan.discard(self.aws, made)
        return self._plan(wanted, template, previous, renewed)

    def _confirm(self, stack: str) -> None:
        """Nobody has to agree on the embedded AWS. Raises `NotConfirmed`."""
        if self.options.yes or self.aws.endpoint:
            return
        if not sys.stdin.isatty():
            raise NotConfirmed(f"{stack} was not changed: nobody is there to agree.", "Run again with --yes.")
        if input(f"Change {stack} in account {self.identity.account}, {self.aws.region}? (yes/no) ").strip() != "yes":
            raise NotConfirmed(f"{stack} was not changed.")


def _console(aws: Aws) -> str:
    """The region whose console shows the stacks; none for the embedded AWS."""
    return "" if aws.endpoint else aws.region


def _want_branch(aws: Aws, wanted: Environment, shared: Stack | None) -> None:
    """The pipeline starts from the branch as soon as it exists (RUN-7). Raises `Refused` while it does not."""
    repository = (shared.outputs if shared else {})["RepositoryName"]
    branch = wanted.file.parameters.get("BranchName", wanted.root.parameters["BranchName"].get("Default"))
    try:
        aws.call("codecommit", "get_branch", repositoryName=repository, branchName=branch)
    except AwsError as error:
        # Code: `BranchDoesNotExistException` in botocore's model of CodeCommit.
        if error.code != "BranchDoesNotExistException":
            raise
        raise Refused(
            f"The repository {repository} has no branch {branch}; nothing of {wanted.stack} has happened.",
            "Push the branch to the repository, or deploy with --without-branch.",
        ) from error
