"""What the command `delivery` adds to the core of a deployment: the steps that `Extensions` leaves open."""

import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial

from generator.cfn.environments import SHARED
from generator.cfn.losses import TemplatePair
from generator.cfn.names import RECORDS
from generator.cfn.packaging import Bucket
from generator.cfn.stacks import Stack
from generator.cfn.statuses import DEPLOYED, RESTORED
from generator.cfn.template_names import PIPELINE as PIPELINE_OUTPUT
from generator.cfn.templates import Template
from scripts.deployment import deploy_root as core
from scripts.deployment import stacks
from scripts.deployment.aws import Aws
from scripts.deployment.compare import Comparison
from scripts.deployment.deploy_root import Context, Extensions, RootDeployment, deploy_root, execute, plan_root
from scripts.deployment.environment import Computed
from scripts.deployment.errors import AwsError, Exit, ManualActionRequiredError, RefusedError
from scripts.deployment.execute import Outcome, Running
from scripts.deployment.guards import agree
from scripts.deployment.package import Record
from scripts.deployment.plan import CREATE, DELETE, UPDATE, Plan, discard
from scripts.operations import (
    access_first,
    adoption,
    alarms,
    certificates,
    client_secrets,
    deletion,
    image_first,
    leftovers,
    linked_roles,
    optional_parts,
    parameter_effects,
    plan_document,
    platform_alone,
    production,
    saved_plan,
    service_role,
    shared_root,
)
from scripts.operations.change_set_notices import change_set_notices
from scripts.operations.diagnose import history
from scripts.operations.diagnose.cause import FailureObserver, diagnose
from scripts.operations.diagnose.operation import last_operation
from scripts.operations.following import FollowedOutcome, watch
from scripts.operations.living import beanstalk_environments, executions, not_ready, read_state, watched_pipelines
from scripts.operations.options import DeployOptions
from scripts.operations.origin import source, this_run
from scripts.operations.output import outcomes, plan_text
from scripts.operations.plan_document import LATER
from scripts.operations.refusals import follows, health_losses, refusals
from scripts.operations.releases import approvals
from scripts.operations.releases import source as pipeline_source
from scripts.operations.releases.releases import RUNNING, running
from scripts.operations.run import Run, say
from scripts.operations.saved_plan import SavedPlan
from scripts.operations.stack_settings import Settings
from scripts.operations.watching import Audience
from scripts.terminal import console, prompt, results
from scripts.terminal.text import Line

PAUSE = 5.0  # seconds between looks
# IAM User Guide, "Troubleshoot access denied error messages"; EC2 API reference, "Error codes".
DENIED = ("AccessDenied", "UnauthorizedOperation")
BEGAN = "see how it ends: if it fails or was cancelled, start it again, for the update had the image of before"


def deploy(run: Run, options: DeployOptions) -> Exit:
    """As `deploy_roots`, and where the local AWS is, when it is that one."""
    ended = deploy_roots(run, options)
    if run.aws.endpoint:
        say([outcomes.local_aws_line(run.aws.endpoint.page, run.aws.endpoint.missing())])
    return ended


def deploy_roots(run: Run, options: DeployOptions) -> Exit:
    """The roots of an environment, one after the other; reviewed plans instead of new ones where a file has them."""
    saved = saved_plan.read(options.plan) if options.plan else None
    if saved:
        saved_plan.belongs(saved, run.environment.name, run.aws.identity().account, run.aws.region)
    whole = context(run, options, saved)
    production.check_consent(run.environment, options.consent, reviewed=saved is not None)
    ended = core.deploy(whole)
    if ended is Exit.DONE and saved:
        if any(entry.image for entry in saved.stacks):
            say(["step 1 of 2 is done, the running image alone: plan again for the other changes"])
        elif later := [str(entry["stack"]) for entry in saved.shown["stacks"] if entry["kind"] == LATER]:
            say([f"this step is done: plan again for {', '.join(later)}"])
    return ended


def context(run: Run, options: DeployOptions, saved: SavedPlan | None = None) -> Context:
    """What the core is given by this command."""
    steps, origin = Steps(run, options, saved), source(run.project)
    extensions = Extensions(
        check=steps.check,
        roots=optional_parts.roots,
        before_root=steps.check_source,
        after_root=steps.after_root,
        after_roots=optional_parts.deploy_edge_again,
        attach=steps.attach,
        clear=shared_root.clear,
        plan=steps.plan,
        known=steps.known,
        revise=revise,
        options=partial(alarms.rollback_options, watched=not options.keep.without_alarms),
        review=review,
        show=steps.show,
        agree=steps.agree,
        execute=execute_image_first,
        before_execution=steps.before_execution,
        after_execution=steps.after_execution,
        follow=steps.follow,
        say=say,
        keeps_change_sets=saved is not None,
    )
    return Context(
        run.aws,
        run.roots,
        run.gate,
        options.consent,
        options.keep.topics,
        options.change_set,
        run=f"{this_run('').run}; {origin}",
        origin=asdict(origin),
        extensions=extensions,
    )


def revise(root: RootDeployment, comparison: Comparison) -> Sequence[Computed]:
    """The computed values when it is known what differs."""
    return platform_alone.revise(root, image_first.revise(root, comparison), comparison)


def review(root: RootDeployment, plan: Plan, pair: TemplatePair | None) -> Plan:
    """The plan with how the stack is kept, what follows for sure, why it must not be executed as it is, and what has to
    change first."""
    plan = replace(plan, setting_changes=tuple(Settings.of(root).changes(root.aws, root.previous)))
    if plan.empty:
        return plan
    silent = parameter_effects.subscribers_missing(root.environment.root.body, root.environment.file.parameters)
    refused = access_first.refusals(root)
    notices = (*change_set_notices(root.aws, plan), *plan.notices, *silent)
    plan = replace(plan, refusals=(*plan.refusals, *refused), notices=notices)
    if pair is None:
        return plan
    plan = replace(plan, follows=tuple(follows(plan, pair)))
    values = {each.name: each.value for each in root.computed}
    first = tuple(image_first.image_first(root.previous, values))
    state = read_state(root, plan, pair)
    plan = replace(plan, refusals=(*plan.refusals, *refusals(plan, pair, state)), first=first)
    if root.previous is None:
        return plan
    after = {**root.previous.parameters, **{each.name: each.after for each in plan.parameters}}
    effects, losses, refused = parameter_effects.of_update(root.environment, root.previous, after)
    return replace(
        plan,
        notices=(*plan.notices, *effects),
        losses=(*plan.losses, *health_losses(plan, pair), *losses),
        refusals=(*plan.refusals, *refused),
    )


def before_execution(root: RootDeployment, plan: Plan) -> Iterator[str]:
    """What an execution needs: service-linked roles, and of a stack that exists how it is kept, because a policy has to
    stand before what it forbids."""
    yield from linked_roles.create_missing(root.aws, plan)
    if plan.kind != CREATE:
        Settings.of(root).apply(root.aws, plan.stack_id, plan.setting_changes)
    if plan.empty:
        yield f"{plan.stack}: done"


def after_execution(root: RootDeployment, plan: Plan, outcome: Outcome) -> None:
    """How a stack is kept that is new."""
    if plan.kind == CREATE and outcome.exit is Exit.DONE:
        Settings.of(root).apply(root.aws, plan.stack_id, plan.setting_changes)


def execute_image_first(root: RootDeployment, plan: Plan) -> tuple[Exit, Stack | None]:
    """Executes a plan; the running image alone comes first where the plan says so, so that a rollback of what follows
    lands on the release that runs. What was agreed to is planned again on top of it."""
    if plan.kind == DELETE:
        return deletion.execute_deletion(root, plan)
    if plan.empty:  # nothing changes in the stack, only about it
        say(root.context.extensions.before_execution(root, plan))
        return Exit.DONE, stacks.read(root.aws, plan.stack)
    if not plan.first:
        return execute(root, plan)
    discard(root.aws, plan)  # it is of no use once the image has changed
    first = image_first.plan_image(root, plan)
    say([f"{plan.stack}: first the image that runs, by itself"])
    if first is None:
        raise RefusedError(f"{plan.stack}: nothing knows how to change {plan.first[0].name} first.")
    try:
        ended, stack = execute(root, first)
    except ManualActionRequiredError:  # it is running
        raise
    except BaseException:
        discard(root.aws, first)
        raise
    return deploy_root(root, agreed=plan.digest) if ended is Exit.DONE else (ended, stack)


def plan_visibly(root: RootDeployment) -> Plan:
    """`plan_root`, with a sign that it is at work. What the roles of an earlier set may not even read, and what is
    planned with a role that is gone, is refused with the way that works: `access` comes first."""
    with console.working(f"planning {root.environment.stack}"):
        try:
            return plan_root(root)
        except AwsError as error:
            unusable, name = service_role.UNUSABLE in str(error), root.environment.stack
            if not (unusable or error.code.startswith(DENIED)):
                raise
            place = (name, root.previous, root.context.access, root.context.environment.name)
            lost = service_role.of_plan(root.aws, *place) if unusable else []
            for refusal in lost or access_first.refusals(root):
                reason = f"{name} cannot be planned, {error.call} is refused: {refusal.why}."
                raise RefusedError(reason, refusal.remedy) from error
            raise


class Steps:
    """The steps of one run that need what its command line says."""

    def __init__(self, run: Run, options: DeployOptions, saved: SavedPlan | None) -> None:
        self.run, self.options, self.saved = run, options, saved
        # The executions of the pipelines that an update disturbs, as they were before it.
        self.releases: dict[str, dict[str, str]] = {}

    def check(self, context: Context) -> None:
        """Who deploys and from where, and whether the account is one for this environment. Raises `RefusedError`."""
        production.check_context(context, self.run.project)
        client_secrets.check(context.aws, context.roots)

    def plan(self, root: RootDeployment) -> Plan | None:
        """The plan of a root, or the reviewed one; with --wait it is made again when what forbids it has ended. Of a
        root that the caller may only read there is no change set."""
        if shared_root.is_read_only(root) and not self.saved:
            return shared_root.plan_standing(root)
        while True:
            if self.saved:
                plan = saved_plan.reviewed_plan(self.saved, root)
            elif root.environment.needed:
                plan = plan_visibly(root)
            else:
                plan = deletion.plan_deletion(root.aws, root.previous) if root.previous else None
            if not (plan and self.options.wait and any(refusal.waits for refusal in plan.refusals)):
                return plan
            if not self.saved:
                discard(root.aws, plan)
            self.wait(plan)

    def known(self, root: RootDeployment) -> Sequence[Computed]:
        """The computed parameters that the core does not know: what is adopted, and those of optional parts."""
        return [*adoption.adopted_parameters(root, adopt=self.options.adopt), *optional_parts.values(root)]

    def agree(self, root: RootDeployment, plan: Plan) -> None:
        """Asks on the terminal, and writes down what is adopted. Raises `RefusedError`, `NotConfirmedError`."""
        self.check_names(root, plan)
        if self.options.wait or self.options.cancel_release:
            plan = replace(plan, refusals=tuple(each for each in plan.refusals if not each.waits))
        agree(root.aws, root.environment, plan, root.context.consent, confirmed)
        say(adoption.record_adopted(root, plan, self.run.templates))

    def check_names(self, root: RootDeployment, plan: Plan) -> None:
        """A name that says nothing of this plan is a mistake: of the person, or of what is thought to happen. A name of
        another root is not this one's to judge; one of no root at all is the last one's. Raises `RefusedError`."""
        environment, roots, consent = root.environment, self.run.roots, self.options.consent
        others = {name for each in roots.values() if each is not environment for name in _names(each.root)}
        own = {*_names(environment.root), *(leaf.name for leaf in plan.leaves())}
        options = (("--allow-replace", consent.allow_replace, True), ("--allow-delete", consent.allow_delete, False))
        for option, names, replaced in options:
            valid = [loss.name for loss in plan.losses if loss.replaces is replaced]
            for name in names:
                mine = name in own or (environment is self.run.environment and name not in others)
                if mine and name not in valid:
                    listed = ", ".join(valid) or "none, nothing of that kind happens"
                    reason = f"{option} {name} is nothing that happens to {plan.stack}."
                    raise RefusedError(reason, f"Valid names: {listed}.")

    def wait(self, plan: Plan) -> None:
        """Until the pipelines that the plan disturbs have ended what they execute, and what has to be ready is."""
        names = {refusal.awaited for refusal in plan.refusals if refusal.awaited}
        environments = names & {*beanstalk_environments(plan)}
        for name in sorted(names):
            ready = partial(not_ready, self.run.aws, [name])
            for line in waited(name, ready if name in environments else partial(running, self.run.aws, name)):
                say([line])

    def before_execution(self, root: RootDeployment, plan: Plan) -> Iterable[str]:
        """What has to be there first; and no release that began while somebody was reading the plan. Raises
        `RefusedError`."""
        if plan.kind == UPDATE:
            pipelines = watched_pipelines(plan, root.previous)
            self.releases = {name: executions(root.aws, name) for name in pipelines}
            began = [name for name, there in self.releases.items() if set(RUNNING) & set(there.values())]
            if began and not self.options.cancel_release:
                reason = f"{plan.stack} was not changed: a release of {', '.join(began)} has begun in the meantime."
                raise RefusedError(reason, "Run again with --wait, or give the release up with --cancel-release.")
        return before_execution(root, plan)

    def after_execution(self, root: RootDeployment, plan: Plan, outcome: Outcome) -> None:
        """How a stack is kept that is new; and the releases that began while an update ran, which nothing can hold up:
        the update sends the image of before once more, after the release's or before it."""
        after_execution(root, plan, outcome)
        for name, before in self.releases.items():
            there = executions(root.aws, name) if outcome.stack.outputs.get(PIPELINE_OUTPUT) == name else ()
            if began := [number for number in there if number not in before]:
                say([f"{plan.stack}: a release of {name} began during the update ({', '.join(began)})", f"  {BEGAN}"])
        self.releases = {}

    def check_source(self, root: RootDeployment) -> None:
        """What a pipeline starts from has to be there; the local AWS has neither pushes nor pull requests."""
        if root.name != SHARED and not self.run.aws.endpoint:
            shared = root.other_stacks.get(SHARED)
            pipeline_source.check_source(self.run.aws, self.run.environment, shared, self.options.without_branch)

    def after_root(self, root: RootDeployment, stack: Stack) -> Iterator[str]:
        """What no stack does: the rule of approvals, and certificates that were replaced while they were in use."""
        yield from self.keep_approvals(root, stack)
        yield from certificates.remove_replaced(root, stack)

    def keep_approvals(self, root: RootDeployment, stack: Stack) -> list[str]:
        """The rule of approvals, which CloudFormation has no type for; an environment's deploy role leaves it alone."""
        if root.name != SHARED or self.run.aws.endpoint or shared_root.is_read_only(root):
            return []
        return approvals.keep_line(self.run.aws, stack.outputs)

    def attach(self, root: RootDeployment, stack: Stack) -> None:
        """Follows what runs on a stack. Raises `ManualActionRequiredError` when it is not this caller's and nobody said
        to."""
        operation = last_operation(root.aws, stack.id)
        who = history.operator(root.aws, stack)
        text = history.describe(stack, operation, who, datetime.now(UTC)) if operation else _standing(stack)
        if operation is None or not (self.options.follow or who == root.aws.identity().arn):
            remedy = f"{stack.remedy} `apply --follow` does both."
            raise ManualActionRequiredError(f"{text} ({stack.status}).", remedy)
        say([f"{text}: it is followed to its end first"])
        outcome = self.follow(root, None, operation.running(stack))
        if record := _find_record(root.aws, root.bucket, stack.name, operation.token):
            record.write(root.aws, status=outcome.status)

    def show(self, root_plan: Plan) -> Iterator[Line]:
        """What is agreed to."""
        results.append("plans", plan_document.plan_document(root_plan))
        return plan_text.plan_lines(root_plan, verbose=self.options.watch.verbose)

    def follow(self, root: RootDeployment, plan: Plan | None, running: Running) -> FollowedOutcome:
        """Follows what runs to its end, and says how it ended."""
        observer = self.observer(root, plan)
        outcome = watch(root.aws, running, observer)
        say(self.report(root, outcome, observer))
        return outcome

    def observer(self, root: RootDeployment, plan: Plan | None) -> FailureObserver:
        """Who looks on while an operation runs."""
        return Audience(root.aws, self.options.watch).observer(root.environment.root, plan)

    def report(self, root: RootDeployment, outcome: FollowedOutcome, observer: FailureObserver) -> Iterator[Line]:
        """How an operation ended, with the one cause when it failed, and the outputs when it did not."""
        diagnosis = diagnose(outcome, root.environment.root, observer.service_messages)
        outputs = dict(outcome.stack.outputs) if outcome.status in DEPLOYED else {}
        # A rollback removes what the update has made, and leaves behind what it cannot remove.
        left = leftovers.leftovers(outcome.events) if outcome.good or outcome.status in RESTORED else []
        document = {**outcomes.outcome_document(outcome, diagnosis), "left": leftovers.leftover_documents(left)}
        results.append("operations", {**document, "outputs": outputs})
        yield from outcomes.outcome_lines(outcome, diagnosis)
        yield from leftovers.leftover_lines(left, root.aws.region)
        yield from leftovers.network_lines(root.aws, left)
        if outcome.status in DEPLOYED:
            yield from outcomes.output_lines(outcome.stack, "" if root.aws.endpoint else root.aws.region)


def confirmed(question: str, word: str) -> bool | None:
    """Whether somebody answers with exactly that word; None where nobody can be asked."""
    return prompt.confirmed(question, word) if prompt.attended() else None


def _names(root: Template) -> set[str]:
    """What people call the resources of a root and of the stacks in it."""
    below = (f"{child.resource.logical_id}.{name}" for child in root.children() for name in child.template.resources)
    return {*root.resources, *below}


def _standing(stack: Stack) -> str:
    return f"{stack.name} {stack.meaning.text}"


def _find_record(aws: Aws, bucket: Bucket, stack: str, change_set: str) -> Record | None:
    """The record of a deployment that another run started; `change_set` is the name of its change set."""
    for page in aws.pages("s3", "list_objects_v2", Prefix=f"{RECORDS}{stack}/", **bucket.address):
        for entry in page.get("Contents", ()):
            if entry["Key"].endswith(f"-{change_set}.json"):
                body = json.loads(aws.call("s3", "get_object", Key=entry["Key"], **bucket.address)["Body"].read())
                return Record(bucket, entry["Key"], body)
    return None


def waited(name: str, busy: Callable[[], Collection[str]]) -> Iterator[str]:
    """Waits until something does nothing any more; a line whenever there is something to say, at least once a minute.
    `busy` says what it does."""
    last, began = "", time.monotonic()
    while running := busy():
        minutes = int((time.monotonic() - began) / 60)
        line = f"waiting for {name}, which executes {', '.join(running)}" + (f" ({minutes} min)" if minutes else "")
        if line != last:
            yield line
        last = line
        time.sleep(PAUSE)
    yield f"{name} executes nothing any more: planning again"
