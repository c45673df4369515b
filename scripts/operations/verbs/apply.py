"""`apply`: create or update the shared stack, then the environment, with what it needs in us-east-1."""

from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from generator.cfn.environments import EDGE, ENVIRONMENT, SHARED
from scripts.deployment import (
    agree,
    change_set,
    computed,
    environment,
    execute,
    linked_roles,
    planning,
    record,
    settings,
    stacks,
    who,
)
from scripts.deployment.assess import pipelines, waited
from scripts.deployment.environment import Environment
from scripts.deployment.errors import AwsError, Exit, ManualActionRequiredError
from scripts.deployment.package import PackagedSet
from scripts.deployment.plan import CREATE, UPDATE, Plan
from scripts.deployment.planning import Beside, Planner, Prepared
from scripts.deployment.record import Record
from scripts.deployment.stacks import Stack
from scripts.deployment.statuses import Action, meaning
from scripts.operations import adoption, watching
from scripts.operations import saved_plan as saved
from scripts.operations.diagnose import running
from scripts.operations.output import outcomes, plan_text
from scripts.operations.releases import approvals, source
from scripts.operations.run import Run, say
from scripts.operations.saved_plan import SavedPlan
from scripts.terminal import console


def arguments(parser: ArgumentParser) -> None:
    """What the command line may say of `apply`."""
    agree.arguments(parser)
    adoption.arguments(parser)
    parser.add_argument("--plan", type=Path, metavar="FILE", help="execute a plan saved with `plan --out FILE`")
    parser.add_argument(
        "--follow", action="store_true", help="follow an operation that somebody else has started, then deploy"
    )
    planning.arguments(parser)
    watching.arguments(parser)
    parser.add_argument(
        "--without-branch", action="store_true", help="skip the check that the pipeline's branch exists"
    )


def run(run: Run) -> Exit:
    """The shared stack first, then what stands in us-east-1, then the environment, then us-east-1 once more when it
    waits for the distribution."""
    agree.beforehand(run)
    planner = planning.planner(run)
    who.check(run.wanted, planner.identity, planner.access, run.project)
    held = saved.read(run.given.plan) if run.given.plan else None
    if held:
        saved.belongs(held, run.wanted.name, planner.identity.account, run.aws.region)
    prepared = planner.prepare(run)
    beside = planning.standing(prepared)
    ended, asked = Exit.DONE, bool(run.aws.endpoint)  # the local AWS has neither pushes nor pull requests
    for one in prepared:
        if one.name != SHARED and not asked:
            source.want(run, run.wanted, beside.get(SHARED))
            asked = True
        ended, found = Steps(one.run, one.planner, held).apply(one.wanted, one.templates, beside)
        beside[one.name] = found
        if ended is not Exit.DONE:
            break
        if one.name == SHARED and found and not asked:
            say(approvals.keep_line(run.aws, found.outputs))
    else:
        ended = _again(prepared, beside, held)
    if ended is Exit.DONE and held and any(one.image for one in held.stacks):
        say(["step 1 of 2 is done, the running image alone: plan again for the other changes"])
    if run.aws.endpoint:
        say([outcomes.local_aws_line(run.aws.endpoint.page, run.aws.endpoint.missing())])
    return ended


def _again(prepared: Sequence[Prepared], beside: Beside, held: SavedPlan | None) -> Exit:
    """The root edge once more, when the environment has a distribution now that its alarms do not know yet. Nothing is
    done besides a reviewed plan."""
    for one in prepared:
        if one.name != EDGE or not (made := beside[EDGE]):
            continue
        if computed.distribution(one.wanted, beside[ENVIRONMENT]).value != made.parameters["DistributionId"]:
            if held is None:
                return Steps(one.run, one.planner).apply(one.wanted, one.templates, beside)[0]
            say([f"{one.wanted.stack} does not know the distribution yet: plan and apply once more"])
    return Exit.DONE


@dataclass(frozen=True)
class Steps:
    """What the steps of one root share; the run is in the root's region."""

    run: Run
    planner: Planner
    saved: SavedPlan | None = None

    def apply(self, wanted: Environment, templates: PackagedSet, beside: Beside) -> tuple[Exit, Stack | None]:
        """One root stack: found, cleared up, planned, shown, agreed to, executed, recorded."""
        previous, agreed = self._previous(wanted), ""
        while True:
            planned = self._plan(wanted, templates, previous, beside)
            if planned is None or (planned.empty and not planned.kept):
                say([] if agreed else [f"{wanted.stack}: {'no changes' if planned else 'nothing in the plan'}"])
                return Exit.DONE, previous
            try:
                if self.run.given.wait and any(one.waits for one in planned.refusals):
                    self._wait(planned)
                    self._leave(planned)
                    continue
                if planned.digest != agreed:
                    say(plan_text.plan_lines(planned, self.run.given.verbose))
                    agree.agree(self.run, wanted, planned, self.planner.identity.account)
                    agreed = planned.digest
                    adopted = adoption.adopted(self.run.aws, planned.found)
                    if adopted and environment.rewrite(wanted, adopted, self.run.given.templates):
                        say([f"{wanted.file.path} names what is adopted from now on: commit it"])
                if planned.empty:
                    return self._keep(planned)
                if not planned.image or previous is None:
                    return self._execute(wanted, planned)
            except ManualActionRequiredError:  # it is running
                raise
            except BaseException:
                self._leave(planned)
                raise
            # What was agreed to is planned again on top of the image: the first change set is of no use any more.
            change_set.discard(self.run.aws, planned)
            ended, previous = self._image(wanted, planned, previous)
            if ended is not Exit.DONE:
                return ended, previous

    def _plan(self, wanted: Environment, templates: PackagedSet, previous: Stack | None, beside: Beside) -> Plan | None:
        """The plan of one root, made or reviewed; None when a reviewed plan holds nothing of it."""
        if self.saved is None:
            with console.working(f"planning {wanted.stack}"):
                return self.planner.plan(wanted, templates, previous, beside)
        for held in self.saved.stacks:
            if held.stack == wanted.stack:
                shown = next(one for one in self.saved.shown["stacks"] if one["stack"] == held.stack)
                return self.planner.reviewed(wanted, templates, previous, beside, held, shown)
        return None

    def _leave(self, planned: Plan) -> None:
        """Takes the change set of a plan away that is not executed; a reviewed one stays until it is discarded."""
        if self.saved is None:
            change_set.discard(self.run.aws, planned)

    def _wait(self, planned: Plan) -> None:
        """Until the pipelines that the plan changes have ended what they execute."""
        for pipeline in pipelines(planned):
            for line in waited(self.run.aws, pipeline):
                say([line])

    def _image(self, wanted: Environment, planned: Plan, previous: Stack) -> tuple[Exit, Stack | None]:
        """The image alone, so that a rollback of what follows lands on the release that runs (RUN-8)."""
        first = self.planner.image(wanted, planned, previous)
        say([f"{wanted.stack}: first the image that runs, by itself"])
        try:
            return self._execute(wanted, first)
        except ManualActionRequiredError:
            raise
        except BaseException:
            change_set.discard(self.run.aws, first)
            raise

    def _execute(self, wanted: Environment, planned: Plan) -> tuple[Exit, Stack | None]:
        """Executes what was agreed to, follows it and writes it down."""
        aws, made, watcher = self.run.aws, self.planner, watching.watcher(self.run, wanted.root, planned)
        say(linked_roles.create_missing(aws, planned))
        if planned.kind == UPDATE:
            self._settle(planned)  # a policy has to stand before what it forbids
        started = execute.apply(aws, planned)
        record_it = partial(record.begin, aws, made.bucket, made.identity, made.origin, wanted.version, planned)
        with execute.left_running(started):
            written = _if_possible(record_it)
            outcome = execute.watch(aws, started, wanted.root, watcher)
        say(outcomes.outcome_lines(outcome))
        try:
            stacks.delete_change_set(aws, planned.change_set)  # a failed execution leaves it
            (written or record_it()).write(aws, status=outcome.status)
            if planned.kind == CREATE and outcome.exit is Exit.DONE:
                self._settle(planned)
        except AwsError as error:
            raise ManualActionRequiredError(
                f"{wanted.stack} was changed, but not cleared up and recorded: {error}"
            ) from error
        if outcome.exit is Exit.DONE:
            say(outcomes.output_lines(outcome.held, self.run.console))
        return outcome.exit, outcome.held

    def _keep(self, planned: Plan) -> tuple[Exit, Stack | None]:
        """Changes how the stack is kept, and nothing in it."""
        self._settle(planned)
        say([f"{planned.stack}: done"])
        return Exit.DONE, stacks.read(self.run.aws, planned.stack)

    def _settle(self, planned: Plan) -> None:
        if planned.settings:
            settings.settle(self.run.aws, planned.stack_id, planned.settings, planned.kept)

    def _previous(self, wanted: Environment) -> Stack | None:
        """The stack to be updated, or None when it is to be created; what failed runs left is cleared away, and what
        still runs is followed to its end first, if it is ours."""
        aws = self.run.aws
        found = stacks.read(aws, wanted.stack)
        means = meaning(found.status if found else None)
        if found and means.action is Action.WAIT:
            self._attach(wanted, found)
            return self._previous(wanted)
        if found and means.action in (Action.CONTINUE, Action.MANUAL):
            raise ManualActionRequiredError(f"{found.name} {means.text} ({found.status}).", found.remedy)
        if found:
            stacks.clear_change_sets(aws, found)
        if found and means.action is Action.RECREATE:
            say([f"{found.name} {means.text}: the empty stack is deleted first"])
            outcome = execute.watch(aws, execute.destroy(aws, found), wanted.root, watching.silent())
            if outcome.exit is not Exit.DONE:
                raise ManualActionRequiredError(f"{found.name} {outcome.held.meaning.text}.", outcome.held.remedy)
        return found if means.action is Action.UPDATE else None

    def _attach(self, wanted: Environment, found: Stack) -> None:
        """Follows what runs on a stack. Raises `ManualActionRequiredError` when it is not this caller's and nobody said
        to."""
        operation = running.current(self.run.aws, found)
        told = operation.told(datetime.now(UTC)) if operation else f"{found.name} {found.meaning.text}"
        if operation is None or not (self.run.given.follow or operation.who == self.planner.identity.arn):
            raise ManualActionRequiredError(f"{told} ({found.status}).", f"{found.remedy} `apply --follow` does both.")
        say([f"{told}: it is followed to its end first"])
        outcome = watching.attached(self.run, wanted.root, operation)
        say(outcomes.outcome_lines(outcome))
        made = self.planner
        if written := record.find(self.run.aws, made.bucket, made.identity, found.name, operation.begun.token):
            written.write(self.run.aws, status=outcome.status)


def _if_possible(write: Callable[[], Record]) -> Record | None:
    """What is running is watched, whether it could be written down or not."""
    try:
        return write()
    except AwsError:
        return None
