"""One deployment, from the files to the record. Read from top to bottom:

    deploy         the roots of an environment, one after the other
    deploy_root    prepare → plan → show → agree → execute → record, of one root stack
    plan_root      compute → compare → plan → review

`Extensions` is where more is plugged in (`scripts/operations/` does): each has a plain default, and nothing here needs
any of them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from generator.cfn import broadening
from generator.cfn.environments import ACCESS, EDGE, ENVIRONMENT, SHARED, Environment
from generator.cfn.losses import TemplatePair, inside, losses
from generator.cfn.packaging import PackagedSet, package
from generator.cfn.statuses import Action
from generator.cfn.templates import TemplatesError
from scripts.deployment import guards, stacks
from scripts.deployment.aws import Aws
from scripts.deployment.compare import Comparison, Settings, compare
from scripts.deployment.deletion import UNPROTECTED, plan_deletion
from scripts.deployment.environment import DISTRIBUTION, Computation, Computed, takes_certificate
from scripts.deployment.errors import AwsError, Exit, ManualActionRequiredError, RefusedError
from scripts.deployment.execute import (
    Event,
    Observer,
    Outcome,
    destroy,
    last_operation,
    leave,
    left_running,
    start,
    watch,
)
from scripts.deployment.guards import Consent, PlainPrompt, Prompt
from scripts.deployment.package import Bucket, GateVerdict, Record, Source, begin_record, find_record, publish, source
from scripts.deployment.plan import CREATE, DELETE, UPDATE, Plan, Request, discard, make
from scripts.deployment.stacks import OURS, Stack


@dataclass(frozen=True)
class Context:
    """What the deployments of one run share: the account, the roots by name, who agreed to what, where the files come
    from. `topics` get the stacks' events (None: those of before), `change_set` asks for one although nothing seems to
    change, `access` has the role that CloudFormation acts with (None: the caller's own rights)."""

    aws: Aws
    roots: Mapping[str, Environment]
    project: Path
    gate: GateVerdict
    consent: Consent = field(default_factory=Consent)
    topics: tuple[str, ...] | None = None
    change_set: bool = False
    access: Stack | None = None
    origin: Source = field(default_factory=Source)
    extensions: "Extensions" = field(default_factory=lambda: Extensions())

    @property
    def environment(self) -> Environment:
        """The root that the command names: an environment's own, or `shared`."""
        return list(self.roots.values())[-1]

    def identified(self) -> "Context":
        """The context with what the account and git say."""
        access = stacks.read(self.aws, self.roots[ACCESS].stack) if ACCESS in self.roots else None
        return replace(self, access=access, origin=source(self.project))


@dataclass(frozen=True)
class RootDeployment:
    """One root stack on its way: its templates as they are stored, its stack as it stands (`previous`), the stacks of
    other roots by the root's name, and the values of the computed parameters. `prefix` begins its change sets' names
    (the environment's comes next), `options` are more of what CreateChangeSet takes."""

    context: Context
    environment: Environment
    aws: Aws  # in the region where the root stands
    bucket: Bucket
    packaged: PackagedSet
    other_stacks: Mapping[str, Stack | None] = field(default_factory=dict)
    previous: Stack | None = None
    computed: tuple[Computed, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    prefix: str = OURS

    @property
    def name(self) -> str:
        return self.environment.root.name

    @property
    def read_only(self) -> bool:
        """Whether the caller may look at the root and not change it: what all environments share belongs to none, so
        that the deploy role of an environment has no permission for it."""
        foreign = self.name == SHARED and self.context.environment.root.name != SHARED
        return foreign and guards.is_deployer(self.aws.identity(), self.context.access)

    @property
    def change_set_prefix(self) -> str:
        """How the names of its change sets begin: roles tell by it whose they are, where IAM judges their ARNs."""
        return f"{self.prefix}{self.environment.name}-"

    @property
    def computation(self) -> Computation:
        """What its computed parameters follow from."""
        return Computation(self.aws, self.environment, self.previous, self.other_stacks)

    @property
    def settings(self) -> Settings:
        """How its stack is kept: protected wherever it is a real account, unless it is to go."""
        if not self.environment.needed:
            return UNPROTECTED
        policy = self.environment.file.stack_policy if self.environment.is_main else {}
        return Settings(self.aws.endpoint is None, policy, self.topics)

    @property
    def topics(self) -> tuple[str, ...] | None:
        """A topic gets the events of stacks in its own region alone."""
        return self.context.topics if self.aws.region == self.context.aws.region else None

    def describe(self, digest: str) -> str:
        """The description of a change set, at most the 1,024 characters that botocore's model allows."""
        run = stacks.this_run(self.aws.identity().arn)
        return f"{run}; {self.context.origin}; set {self.environment.version}; plan {digest[:16]}"[:1024]

    def request(self) -> Request:
        """What is asked of CloudFormation. Raises `RefusedError` when a living environment cannot take it."""
        environment, role = self.environment, ""
        try:
            parameters = environment.values({each.name: each.value for each in self.computed})
            environment.check_fixed(self.previous.parameters if self.previous else {}, parameters)
        except TemplatesError as error:
            raise RefusedError(str(error)) from error
        # A role stays with its stack (botocore, CreateChangeSet.RoleARN): what all environments share must not be left
        # with the role of one, which may go before the others do.
        if self.context.access and environment.root.name != SHARED:
            role = self.context.access.outputs.get(guards.CLOUDFORMATION_ROLE, "")
        topics = {} if self.topics is None else {"NotificationARNs": list(self.topics)}
        request = Request(environment.stack, self.packaged, parameters, environment.tags, role, environment.hidden)
        description = self.describe(request.digest)
        return replace(
            request, options={**topics, **self.options}, description=description, prefix=self.change_set_prefix
        )


# --- what can be plugged in


def no_lines(*_: Any) -> Iterable[str]:
    """Nothing to say."""
    return ()


def print_lines(lines: Iterable[Any]) -> None:
    """Prints lines as they come."""
    for line in lines:
        print(line, flush=True)


class SilentObserver:
    """Shows nothing; Ctrl-C leaves the operation running."""

    def see(self, events: list[Event], /) -> None:
        pass

    def interrupted(self, stack: Stack, /) -> None:
        leave(stack)


def follow_to_the_end(root: RootDeployment, stack: Stack) -> None:
    """What runs on a stack is followed to its end. Raises `ManualActionRequiredError` where it cannot be."""
    operation = last_operation(root.aws, stack.id)
    if operation is None:
        raise ManualActionRequiredError(f"{stack.name} {stack.meaning.text} ({stack.status}).", stack.remedy)
    extensions = root.context.extensions
    extensions.say([f"{stack.name} {stack.meaning.text}: it is followed to its end first"])
    observer = extensions.observer(root, None)
    outcome = watch(root.aws, operation.running(stack), observer)
    extensions.say(extensions.report(root, outcome, observer))
    if record := find_record(root.aws, root.bucket, stack.name, operation.token):
        record.write(root.aws, status=outcome.status)


def plan_root(root: RootDeployment) -> Plan | None:
    """compute → compare → plan → review: the plan of one root; the caller discards or executes it. It is one change
    set, or none where nothing would change; of a root that nobody needs any more it is the deletion. Raises
    `RefusedError`."""
    extensions = root.context.extensions
    if not root.environment.needed:
        return plan_deletion(root.aws, root.previous) if root.previous else None
    root = replace(root, computed=tuple(root.computation.values(extensions.adopt(root))))
    request, comparison = _compared(root)
    if root.read_only:
        check_unchanged(root, comparison)
    revised = tuple(extensions.revise(root, comparison))
    if revised != root.computed:
        root = replace(root, computed=revised)
        request, comparison = _compared(root)
    if comparison.same and (root.read_only or not root.context.change_set):
        stack = root.previous
        assert stack
        empty = Plan(stack.name, stack.id, UPDATE, "", "", request.digest, empty=True)
        return review(root, empty, comparison)
    request = replace(request, options={**request.options, **extensions.options(root, comparison)})
    plan = make(root.aws, request, root.previous)
    try:
        if root.previous and not (comparison.templates_differ or comparison.values or plan.certain):
            # What only might change cannot: no template and no value differs, so that no output upstream can.
            discard(root.aws, plan)
            plan = replace(plan, changes=(), change_set="", empty=True)
        return review(root, plan, comparison)
    except BaseException:
        discard(root.aws, plan)
        raise


def check_unchanged(root: RootDeployment, comparison: Comparison) -> None:
    """Raises `RefusedError` for a root that would have to be changed by somebody else first."""
    stack, remedy = root.environment.stack, "Somebody with an administrator's rights runs `apply shared`."
    who = f"and {root.aws.identity().arn} deploys {root.context.environment.name} alone"
    if root.previous is None:
        raise RefusedError(f"The shared stack {stack} does not exist, {who}.", remedy)
    differ = [change.name for change in root.settings.changes(root.aws, root.previous)]
    differ += [each.name for each in comparison.values]
    if not comparison.same or differ:
        what = ", ".join(differ) or "its template"
        raise RefusedError(f"The shared stack {stack} differs from the files ({what}), {who}.", remedy)


def _compared(root: RootDeployment) -> tuple[Request, Comparison]:
    request = root.request()
    if root.previous is None:
        return request, Comparison(stack_exists=False, templates_differ=True)
    return request, compare(root.aws, root.environment, request, root.previous, root.context.change_set)


def review(root: RootDeployment, plan: Plan, comparison: Comparison) -> Plan:
    """The plan with how the stack is kept, what is lost, and who may do more or less. A stack that is to be created
    loses nothing and is agreed to as a whole."""
    plan = replace(
        plan,
        computed=root.computed,
        setting_changes=tuple(root.settings.changes(root.aws, root.previous)),
        notices=(*plan.notices, *comparison.doubts),
    )
    pair = comparison.pair
    if plan.empty or pair is None:
        return plan
    removed = [change for change in plan.changes if change.action == "Remove"]
    going = [*plan.going, *(each for change in removed for each in inside(change.path, pair))]
    gained, lost = broadening.compare(pair.before, pair.after)
    plan = replace(plan, losses=tuple(losses(going, pair)), gained=tuple(gained), lost=tuple(lost))
    return root.context.extensions.review(root, plan, pair)


@dataclass(frozen=True)
class Extensions:
    """What a larger command adds to each step, as functions of the root that is deployed."""

    # What is taken over from an environment of the same name that is gone: parameters beyond the computed ones.
    adopt: Callable[[RootDeployment], Sequence[Computed]] = lambda _: ()
    plan: Callable[[RootDeployment], Plan | None] = plan_root
    # The computed values once more, when it is known what differs.
    revise: Callable[[RootDeployment, Comparison], Sequence[Computed]] = lambda root, _: root.computed
    options: Callable[[RootDeployment, Comparison], Mapping[str, Any]] = lambda _, __: {}
    # More refusals, what has to change first, and whatever else is to be known of a plan.
    review: Callable[[RootDeployment, Plan, TemplatePair], Plan] = lambda _, plan, __: plan
    show: Callable[[Plan], Iterable[Any]] = no_lines
    check_names: Callable[[RootDeployment, Plan], None] = lambda _, __: None
    wait: Callable[[Plan], None] = lambda _: None
    agreed: Callable[[RootDeployment, Plan], Iterable[Any]] = no_lines
    # The plan that has to be executed before one whose `first` says so.
    first_plan: Callable[[RootDeployment, Plan], Plan | None] = lambda _, __: None
    before_root: Callable[[RootDeployment], None] = lambda _: None
    after_root: Callable[[RootDeployment, Stack], Iterable[Any]] = no_lines
    before_execution: Callable[[RootDeployment, Plan], Iterable[Any]] = no_lines
    attach: Callable[[RootDeployment, Stack], None] = follow_to_the_end
    observer: Callable[[RootDeployment, Plan | None], Observer] = lambda _, __: SilentObserver()
    report: Callable[[RootDeployment, Outcome, Observer], Iterable[Any]] = no_lines
    say: Callable[[Iterable[Any]], None] = print_lines
    prompt: Prompt = field(default_factory=PlainPrompt)
    keeps_change_sets: bool = False  # a reviewed plan stays until it is discarded


# --- the way of a deployment


def deploy(context: Context) -> Exit:
    """The shared stack first, then the environment and what stands in us-east-1: before it what it takes, and once more
    when it waits for the distribution; after it what takes something of it, and what nobody needs any more."""
    context.consent.check_options(context.environment)
    context = context.identified()
    guards.check_production(context.environment, context.aws.identity(), context.access, context.project)
    roots = package_roots(context)
    others = standing(roots)
    for each in roots:
        root = replace(each, other_stacks=dict(others))
        context.extensions.before_root(root)
        ended, others[root.name] = deploy_root(root)
        if ended is not Exit.DONE:
            return ended
        if stack := others[root.name]:
            context.extensions.say(context.extensions.after_root(root, stack))
    return _deploy_edge_again(roots, others)


def package_roots(context: Context, order: Sequence[str] = ()) -> list[RootDeployment]:
    """The roots of the run in their order (`order`, when it is not the usual one), with their templates stored where
    CloudFormation takes them from. A source behind a connection needs nothing of what is shared. A root that would
    create nothing comes last when its stack stands, and is left out otherwise. Raises `RefusedError` for templates that
    the gate has not passed."""
    named = [context.roots[name] for name in order or _order(context) if name in context.roots]
    chosen = [each for each in named if not (each.root.name == SHARED and _behind_connection(context))]
    roots = []
    for environment in sorted(chosen, key=lambda each: not each.needed):
        aws = context.aws.at(environment.region or context.aws.region)
        if not (environment.needed or stacks.read(aws, environment.stack)):
            continue
        context.gate.check(environment.root)
        bucket = Bucket.of(context.environment.application, aws.identity(), aws.region)
        roots.append(RootDeployment(context, environment, aws, bucket, package(environment.root, bucket.url)))
    for bucket in dict.fromkeys(root.bucket for root in roots):
        there = [root for root in roots if root.bucket == bucket]
        publish(there[0].aws, bucket, [root.packaged for root in there])
    return roots


def _order(context: Context) -> tuple[str, ...]:
    """The certificate in `edge` stands before the environment that takes it, and goes after the one that did."""
    return (SHARED, EDGE, ENVIRONMENT) if takes_certificate(context.environment) else (SHARED, ENVIRONMENT, EDGE)


def _behind_connection(context: Context) -> bool:
    return bool(context.environment.connection)


def standing(roots: Sequence[RootDeployment]) -> dict[str, Stack | None]:
    """What has to be known of later roots beforehand: the environment, whose distribution the root `edge` watches."""
    if EDGE not in {root.name for root in roots}:
        return {}
    return {root.name: stacks.read(root.aws, root.environment.stack) for root in roots if root.name == ENVIRONMENT}


def _deploy_edge_again(roots: Sequence[RootDeployment], others: Mapping[str, Stack | None]) -> Exit:
    """The root edge once more, when the environment has a distribution now that its alarms do not know yet. Nothing is
    done besides a reviewed plan."""
    for each in roots:
        root, edge = replace(each, other_stacks=dict(others)), others.get(each.name)
        if root.name != EDGE or not edge:
            continue
        if root.computation.distribution().value != edge.parameters[DISTRIBUTION]:
            if not root.context.extensions.keeps_change_sets:
                return deploy_root(root)[0]
            line = f"{root.environment.stack} does not know the distribution yet: plan and apply once more"
            root.context.extensions.say([line])
    return Exit.DONE


def deploy_root(root: RootDeployment) -> tuple[Exit, Stack | None]:
    """prepare → plan → show → agree → execute → record, of one root stack: how it ended, and the stack then."""
    root, agreed = prepare(root), ""
    consent, extensions = root.context.consent, root.context.extensions
    while True:
        plan = extensions.plan(root)
        if plan is None or (plan.empty and not plan.setting_changes):
            what = "no changes" if plan else "nothing in the plan"
            extensions.say([] if agreed else [f"{root.environment.stack}: {what}", *_notices(plan)])
            return Exit.DONE, root.previous
        try:
            if consent.wait and any(refusal.waits for refusal in plan.refusals):
                extensions.wait(plan)
                _leave(root, plan)
                continue
            if plan.digest != agreed:
                extensions.say(extensions.show(plan))
                extensions.check_names(root, plan)
                guards.agree(root.aws, root.environment, plan, consent, extensions.prompt)
                agreed = plan.digest
                extensions.say(extensions.agreed(root, plan))
            if plan.empty:
                return _keep(root, plan)
            if not plan.first:
                return execute(root, plan)
        except ManualActionRequiredError:  # it is running
            raise
        except BaseException:
            _leave(root, plan)
            raise
        # What was agreed to is planned again on top of what comes first: this change set is of no use any more.
        discard(root.aws, plan)
        ended, stack = _execute_first(root, plan)
        if ended is not Exit.DONE:
            return ended, stack
        root = replace(root, previous=stack)


def prepare(root: RootDeployment) -> RootDeployment:
    """The root with its stack as it stands, when it is to be updated; what failed runs left is cleared away, and what
    still runs is followed to its end first. Raises `ManualActionRequiredError`."""
    stack, extensions = stacks.read(root.aws, root.environment.stack), root.context.extensions
    if stack is None:
        return root
    means = stack.meaning
    if means.action is Action.WAIT:
        extensions.attach(root, stack)
        return prepare(root)
    if means.action in (Action.CONTINUE, Action.MANUAL):
        raise ManualActionRequiredError(f"{stack.name} {means.text} ({stack.status}).", stack.remedy)
    if root.read_only:
        return replace(root, previous=stack if means.action is Action.UPDATE else None)
    stacks.clear_change_sets(root.aws, stack)
    if means.action is Action.RECREATE:
        extensions.say([f"{stack.name} {means.text}: the empty stack is deleted first"])
        outcome = watch(root.aws, destroy(root.aws, stack), SilentObserver())
        if outcome.exit is not Exit.DONE:
            means = outcome.stack.meaning
            raise ManualActionRequiredError(f"{stack.name} {means.text}.", means.remedy)
    return replace(root, previous=stack if means.action is Action.UPDATE else None)


def execute(root: RootDeployment, plan: Plan) -> tuple[Exit, Stack | None]:
    """Executes what was agreed to, follows it and writes it down."""
    aws, extensions = root.aws, root.context.extensions
    observer = extensions.observer(root, plan)
    extensions.say(extensions.before_execution(root, plan))
    if plan.kind != CREATE:
        root.settings.apply(aws, plan.stack_id, plan.setting_changes)  # a policy has to stand before what it forbids
    running = destroy(aws, root.previous) if plan.kind == DELETE and root.previous else start(aws, plan)
    with left_running(running):
        record = _begun(root, plan)
        outcome = watch(aws, running, observer)
    extensions.say(extensions.report(root, outcome, observer))
    try:
        if plan.change_set:
            stacks.delete_change_set(aws, plan.change_set)  # a failed execution leaves it
        (record or _begin(root, plan)).write(aws, status=outcome.status)
        if plan.kind == CREATE and outcome.exit is Exit.DONE:
            root.settings.apply(aws, plan.stack_id, plan.setting_changes)
    except AwsError as error:
        reason = f"{plan.stack} was changed, but not cleared up and recorded: {error}"
        raise ManualActionRequiredError(reason) from error
    return outcome.exit, None if plan.kind == DELETE and outcome.good else outcome.stack


def _begin(root: RootDeployment, plan: Plan) -> Record:
    body = {
        "stack": plan.stack,
        "change_set": plan.name,
        "plan": plan.digest,
        "version": root.environment.version,
        "who": root.aws.identity().arn,
    }
    return begin_record(root.aws, root.bucket, root.context.origin, body)


def _begun(root: RootDeployment, plan: Plan) -> Record | None:
    """What is running is watched, whether it could be written down or not."""
    try:
        return _begin(root, plan)
    except AwsError:
        return None


def _execute_first(root: RootDeployment, plan: Plan) -> tuple[Exit, Stack | None]:
    first = root.context.extensions.first_plan(root, plan)
    if first is None:
        raise RefusedError(f"{plan.stack}: nothing knows how to change {plan.first[0].name} first.")
    try:
        return execute(root, first)
    except ManualActionRequiredError:
        raise
    except BaseException:
        discard(root.aws, first)
        raise


def _keep(root: RootDeployment, plan: Plan) -> tuple[Exit, Stack | None]:
    """Changes how the stack is kept, and nothing in it."""
    root.settings.apply(root.aws, plan.stack_id, plan.setting_changes)
    root.context.extensions.say([f"{plan.stack}: done"])
    return Exit.DONE, stacks.read(root.aws, plan.stack)


def _leave(root: RootDeployment, plan: Plan) -> None:
    """Takes the change set of a plan away that is not executed; a reviewed one stays until it is discarded."""
    if not root.context.extensions.keeps_change_sets:
        discard(root.aws, plan)


def _notices(plan: Plan | None) -> list[str]:
    return [f"  {notice.kind}: {notice.where}: {notice.text}" for notice in plan.notices] if plan else []
