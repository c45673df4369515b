"""One deployment, from the files to the record. Read from top to bottom:

    deploy         the roots of an environment, one after the other
    deploy_root    prepare → plan → show → agree → execute → record, of one root stack
    plan_root      compute → compare → store the templates → change set → verify them → review

`Extensions`, at the end, is what `scripts/operations/deploying.py` adds to the steps; each has a plain default here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from generator.cfn import broadening
from generator.cfn.environments import ACCESS, EDGE, PRODUCTION, SHARED, Environment
from generator.cfn.losses import TemplatePair, losses
from generator.cfn.masking import scrubbed
from generator.cfn.packaging import Bucket, PackagedSet, package
from generator.cfn.stacks import Stack
from generator.cfn.statuses import Action
from generator.cfn.template_names import CLOUDFORMATION_ROLE, TARGET
from generator.cfn.templates import TemplatesError
from scripts.deployment import stacks
from scripts.deployment.aws import Aws
from scripts.deployment.compare import Comparison, compare
from scripts.deployment.environment import BEANSTALK, Computation, Computed
from scripts.deployment.errors import AwsError, Exit, ManualActionRequiredError, OvertakenError, RefusedError
from scripts.deployment.execute import Outcome, Running, destroy, events_since, left_running, start, watch
from scripts.deployment.guards import Consent, agree, read_answer
from scripts.deployment.package import GateVerdict, Record, publish, verify, verify_stored
from scripts.deployment.plan import UPDATE, Plan, Request, discard, discarded_on_error, make
from scripts.deployment.stacks import OURS

Begin = Callable[[Aws, Plan], Running]


@dataclass(frozen=True)
class Context:
    """What the deployments of one run share: the account, the roots by name, what the gate has passed, who agreed to
    what. `topics` get the stacks' events (None: those of before), `change_set` asks for one although nothing seems to
    change, `access` has the role that CloudFormation acts with (None: the caller's rights), `run` is what descriptions
    of change sets say of this run, `origin` what the record says of where the files come from."""

    aws: Aws
    roots: Mapping[str, Environment]
    gate: GateVerdict
    consent: Consent = field(default_factory=Consent)
    topics: tuple[str, ...] | None = None
    change_set: bool = False
    access: Stack | None = None
    run: str = "core"
    origin: Mapping[str, str] = field(default_factory=dict)
    extensions: "Extensions" = field(default_factory=lambda: Extensions())

    @property
    def environment(self) -> Environment:
        """The root that the command names: an environment's own, or `shared`."""
        return list(self.roots.values())[-1]

    def with_access(self) -> "Context":
        """The context with the access stack as it stands."""
        return replace(self, access=stacks.read(self.aws, self.roots[ACCESS].stack)) if ACCESS in self.roots else self


@dataclass(frozen=True)
class RootDeployment:
    """One root stack on its way: its templates as they are stored, its stack as it stands (`previous`), the stacks of
    other roots by the root's name, and the values of the computed parameters. `prefix` begins its change sets' names
    (the environment's comes next)."""

    context: Context
    environment: Environment
    aws: Aws  # in the region where the root stands
    bucket: Bucket
    packaged: PackagedSet
    other_stacks: Mapping[str, Stack | None] = field(default_factory=dict)
    previous: Stack | None = None
    computed: tuple[Computed, ...] = ()
    prefix: str = OURS

    @property
    def name(self) -> str:
        return self.environment.root.name

    @property
    def change_set_prefix(self) -> str:
        """How the names of its change sets begin: roles tell by it whose they are, where IAM judges their ARNs."""
        return f"{self.prefix}{self.environment.name}-"

    @property
    def computation(self) -> Computation:
        """What its computed parameters follow from."""
        others = {ACCESS: self.context.access, **self.other_stacks}
        return Computation(self.aws, self.environment, self.previous, others)

    def describe(self, digest: str) -> str:
        """The description of a change set, at most the 1,024 characters that botocore's model allows."""
        author = f"by {self.aws.identity().arn}, run {self.context.run}"
        return f"{author}; set {self.environment.version}; plan {digest[:16]}"[:1024]

    def request(self) -> Request:
        """What is asked of CloudFormation. Raises `RefusedError` when a living environment cannot take it."""
        environment, context, role = self.environment, self.context, ""
        try:
            parameters = environment.values({each.name: each.value for each in self.computed})
            environment.check_fixed(self.previous.parameters if self.previous else {}, parameters)
        except TemplatesError as error:
            raise RefusedError(str(error)) from error
        # A role stays with its stack (botocore, CreateChangeSet.RoleARN): what all environments share must not be left
        # with the role of one, which may go before the others do.
        if context.access and environment.name == context.environment.name:
            role = context.access.outputs.get(CLOUDFORMATION_ROLE, "")
        # A topic gets events of its region.
        topics = context.topics if self.aws.region == context.aws.region else None
        options = {} if topics is None else {"NotificationARNs": list(topics)}
        request = Request(
            environment.stack, self.packaged, parameters, environment.tags, role, environment.hidden, options
        )
        return replace(request, description=self.describe(request.digest), prefix=self.change_set_prefix)


# --- the way of a deployment


def deploy(context: Context) -> Exit:
    """The roots of the run in their order, each with the stacks of those before it."""
    context = context.with_access()
    context.extensions.check(context)
    roots, others = package_roots(context), dict[str, Stack | None]()
    for each in roots:
        root = replace(each, other_stacks=dict(others))
        context.extensions.before_root(root)
        ended, others[root.name] = deploy_root(root)
        if ended is not Exit.DONE:
            return ended
        if stack := others[root.name]:
            context.extensions.say(context.extensions.after_root(root, stack))
    return context.extensions.after_roots([replace(each, other_stacks=others) for each in roots])


def package_roots(context: Context, *environments: Environment) -> list[RootDeployment]:
    """The roots of the run, or these, with their templates as they are to be stored. Raises `RefusedError` for
    templates that the gate has not passed."""
    roots = []
    for environment in environments or context.extensions.roots(context):
        context.gate.check(environment.root)
        aws = context.aws.at(environment.region or context.aws.region)
        bucket = Bucket.of(context.environment.application, aws.identity().account, aws.region)
        packaged = package(environment.root, bucket.url, environment.name)
        roots.append(RootDeployment(context, environment, aws, bucket, packaged))
    return roots


def deploy_root(root: RootDeployment, agreed: str = "") -> tuple[Exit, Stack | None]:
    """prepare → plan → show → agree → execute → record, of one root stack: how it ended, and the stack then. `agreed`
    is the digest of a plan that somebody has agreed to already."""
    root = prepare(root)
    extensions = root.context.extensions
    try:
        plan = extensions.plan(root)
    except OvertakenError:  # somebody creates it now: who that is is said, or it is updated when it stands
        return deploy_root(root, agreed)
    if plan is None or (plan.empty and not plan.setting_changes):
        notices = [f"  {notice}" for notice in plan.notices] if plan else []
        what = "no changes" if plan else "nothing in the plan"
        extensions.say([] if agreed else [f"{root.environment.stack}: {what}", *notices])
        return Exit.DONE, root.previous
    try:
        if plan.digest != agreed:
            extensions.say(extensions.show(plan))
            extensions.agree(root, plan)
        return extensions.execute(root, plan)
    except ManualActionRequiredError:  # it is running
        raise
    except BaseException as error:
        if not extensions.keeps_change_sets:
            discard(root.aws, plan)
        if isinstance(error, OvertakenError):
            prepare(root)  # says who deploys now, if somebody does
        raise


def prepare(root: RootDeployment) -> RootDeployment:
    """The root with its stack as it stands, when it is to be updated; what failed runs left is cleared away. Raises
    `ManualActionRequiredError`."""
    stack, extensions = stacks.read(root.aws, root.environment.stack), root.context.extensions
    if stack is None:
        return replace(root, previous=None)
    means = stack.meaning
    if means.action is Action.WAIT:
        extensions.attach(root, stack)
        return prepare(root)
    if means.action in (Action.CONTINUE, Action.MANUAL):
        raise stacks.manual_action(stack)
    extensions.clear(root, stack)
    if means.action is Action.RECREATE:
        extensions.say([f"{stack.name} {means.text}: the empty stack is deleted first"])
        outcome = watch(root.aws, destroy(root.aws, stack))
        if outcome.exit is not Exit.DONE:
            raise stacks.manual_action(outcome.stack)
    return replace(root, previous=stack if means.action is Action.UPDATE else None)


def plan_root(root: RootDeployment) -> Plan:
    """compute → compare → plan → review: the plan of one root; the caller discards or executes it. It is one change
    set, or none where nothing would change. Raises `RefusedError`."""
    extensions = root.context.extensions
    root, request, comparison = compute(root, root.context.change_set)
    if root.previous and comparison.same and not root.context.change_set:
        empty = Plan(root.previous.name, root.previous.id, UPDATE, "", "", request.digest, empty=True)
        return review(root, empty, comparison)
    request = replace(request, options={**request.options, **extensions.options(root, comparison)})
    publish(root.aws, root.bucket, root.packaged)
    plan = make(root.aws, request, root.previous)
    with discarded_on_error(root.aws, plan):
        if root.previous and not (comparison.templates_differ or comparison.values or plan.certain):
            # What only might change cannot: no template and no value differs, so that no output upstream can.
            discard(root.aws, plan)
            plan = replace(plan, changes=(), change_set="", empty=True)
        return review(root, plan, comparison)


def compute(root: RootDeployment, complete: bool) -> tuple[RootDeployment, Request, Comparison]:
    """compute → compare: the root with its computed values, what is asked for with them, and what differs; `complete`
    as in `compare`. Raises `RefusedError`."""
    extensions = root.context.extensions
    root = replace(root, computed=tuple(root.computation.values(extensions.known(root))))
    while True:
        request, comparison = root.request(), Comparison(templates_differ=True)
        if root.previous:
            comparison = compare(root.aws, root.environment, request, root.previous, complete)
        revised = tuple(extensions.revise(root, comparison))
        if revised == root.computed:
            return root, request, comparison
        root = replace(root, computed=revised)


def review(root: RootDeployment, plan: Plan, comparison: Comparison) -> Plan:
    """The plan with what is lost, and who may do more or less, once it is certain that CloudFormation holds the
    templates that this is judged from. A stack that is to be created loses nothing and is agreed to as a whole. Raises
    `TemplateMismatchError`."""
    if plan.change_set and not plan.empty:
        verify(root.aws, plan, root.packaged)
    plan, pair = replace(plan, computed=root.computed, notices=(*plan.notices, *comparison.doubts)), comparison.pair
    if pair and not plan.empty:
        gained, lost = broadening.compare(pair.before, pair.after)
        plan = replace(plan, losses=tuple(losses(plan.changes, pair)), gained=tuple(gained), lost=tuple(lost))
    return root.context.extensions.review(root, plan, pair)


def execute(root: RootDeployment, plan: Plan, begin: Begin = start) -> tuple[Exit, Stack | None]:
    """Executes what was agreed to, follows it and writes it down; `begin` starts the operation."""
    aws, extensions = root.aws, root.context.extensions
    # Once more, before anything happens: CloudFormation may read nested templates again when it executes a change set.
    aws.at_once(partial(verify_stored, aws, root.bucket), plan.stored)
    extensions.say(extensions.before_execution(root, plan))
    record = Record.begin(aws, root.bucket, root.context.origin, plan, root.environment.version)
    running = begin(aws, plan)
    with left_running(running):
        with suppress(AwsError):  # what is running is watched, whether it could be written down or not
            record.write(aws)
        outcome = extensions.follow(root, plan, running)
    try:
        if plan.change_set:
            stacks.delete_change_set(aws, plan.change_set)  # a failed execution leaves it
        record.write(aws, status=outcome.status)
        extensions.after_execution(root, plan, outcome)
    except AwsError as error:
        reason = f"{plan.stack} was changed, but not cleared up and recorded: {error}"
        raise ManualActionRequiredError(reason) from error
    return outcome.exit, outcome.stack


# --- what can be added to the steps


def print_lines(lines: Iterable[Any]) -> None:
    """Prints lines as they come."""
    for line in lines:
        print(line, flush=True)


def plain_roots(context: Context) -> Iterable[Environment]:
    """What all environments share, which a source behind a connection does not need, and the environment. Raises
    `RefusedError` for one with parts whose values the core does not compute."""
    edge, environment = context.roots.get(EDGE), context.environment
    if (edge and edge.needed) or environment.chosen(TARGET) == BEANSTALK:
        parts = "a domain, CloudFront's alarms or a backend on Elastic Beanstalk"
        raise RefusedError(f"{environment.name} has {parts}.", f"`delivery apply {environment.name}` deploys it.")
    shared = environment.root.name != SHARED and not environment.connection
    return [context.roots[SHARED], environment] if shared else [environment]


def plain_agreement(root: RootDeployment, plan: Plan) -> None:
    """Asks on standard input. Raises `RefusedError`, `NotConfirmedError`."""
    agree(root.aws, root.environment, plan, root.context.consent, read_answer)


def plain_plan(plan: Plan) -> Iterable[str]:
    """A plan as plain lines: what changes for sure, and what somebody has to agree to."""
    yield f"{plan.stack}: {'no changes' if plan.empty else plan.kind.lower()}"
    for difference in (*plan.parameters, *plan.tags):
        yield f"  {difference.name}: {difference.before} → {difference.after}"
    for leaf in plan.certain:
        yield f"  {leaf.action} {leaf.name}  {leaf.type}{' (replaced)' if leaf.replaced else ''}"
    yield from (f"  {notice}" for notice in plan.notices)
    yield from (f"  broader permission: {grant}" for grant in plan.broader)
    yield from (f"  lost: {loss.name} {loss.why} and is {loss.how}: {loss.option}" for loss in plan.losses)


def plain_follow(root: RootDeployment, _: Plan, running: Running) -> Outcome:
    """Waits for the end of an operation and prints it, with the outputs, or with what failed in the root."""
    outcome = watch(root.aws, running)
    means = outcome.stack.meaning
    print_lines([f"{root.environment.stack} {means.text} ({outcome.status}, {outcome.seconds:.1f} s)"])
    if outcome.good:
        print_lines(f"  {name} = {value}" for name, value in sorted(outcome.stack.outputs.items()))
    else:
        events = [each for each in events_since(root.aws, running) if each["ResourceStatus"].endswith("_FAILED")]
        reasons = ((each, scrubbed(each.get("ResourceStatusReason", ""))) for each in reversed(events))
        print_lines(f"  {each['LogicalResourceId']}  {each['ResourceStatus']}  {reason}" for each, reason in reasons)
    print_lines([means.remedy] if means.remedy else [])
    return outcome


def refuse_production(context: Context) -> None:
    """Raises `RefusedError` for production: the core does not check who deploys it, and from which tree."""
    if context.environment.name == PRODUCTION:
        reason = "production is deployed with the command `delivery`, which checks who deploys, and from which tree."
        raise RefusedError(reason, "`delivery apply production` does it.")


def refuse_running(_: RootDeployment, stack: Stack) -> None:
    """Raises `ManualActionRequiredError` for a stack that something runs on."""
    raise stacks.manual_action(stack)


@dataclass(frozen=True)
class Extensions:
    """What a larger command adds to each step, as functions of the root that is deployed."""

    check: Callable[[Context], None] = refuse_production  # who deploys, and from where
    roots: Callable[[Context], Iterable[Environment]] = plain_roots  # in the order in which they are deployed
    before_root: Callable[[RootDeployment], None] = lambda _: None
    after_root: Callable[[RootDeployment, Stack], Iterable[Any]] = lambda _, __: ()
    after_roots: Callable[[Sequence[RootDeployment]], Exit] = lambda _: Exit.DONE
    attach: Callable[[RootDeployment, Stack], None] = refuse_running  # follows what runs on a stack to its end
    clear: Callable[[RootDeployment, Stack], object] = lambda _, __: None  # takes away what failed runs left
    plan: Callable[[RootDeployment], Plan | None] = plan_root  # None: not in the reviewed plan, or not needed
    # Computed parameters of optional parts, and what is taken over from an environment of the same name that is gone.
    known: Callable[[RootDeployment], Sequence[Computed]] = lambda _: ()
    # The computed values once more, when it is known what differs.
    revise: Callable[[RootDeployment, Comparison], Sequence[Computed]] = lambda root, _: root.computed
    options: Callable[[RootDeployment, Comparison], Mapping[str, Any]] = lambda _, __: {}
    # Refusals, what has to change first, and whatever else is to be known of a plan.
    review: Callable[[RootDeployment, Plan, TemplatePair | None], Plan] = lambda _, plan, __: plan
    show: Callable[[Plan], Iterable[Any]] = plain_plan
    agree: Callable[[RootDeployment, Plan], None] = plain_agreement
    execute: Callable[[RootDeployment, Plan], tuple[Exit, Stack | None]] = execute
    before_execution: Callable[[RootDeployment, Plan], Iterable[Any]] = lambda _, __: ()
    after_execution: Callable[[RootDeployment, Plan, Outcome], None] = lambda _, __, ___: None
    follow: Callable[[RootDeployment, Plan, Running], Outcome] = plain_follow  # to its end, and reports that
    say: Callable[[Iterable[Any]], None] = print_lines
    keeps_change_sets: bool = False  # a reviewed plan stays until it is discarded
