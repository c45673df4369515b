"""The way of a deployment: its steps in their order, what each is given, and what is left behind when one fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest

from generator.cfn.changes import Difference, PlannedChange
from generator.cfn.environments import Environment
from generator.cfn.losses import TemplatePair
from generator.cfn.packaging import Bucket, bucket_policy, package
from generator.cfn.parameters import ParameterFile
from generator.cfn.stacks import Stack
from generator.cfn.statuses import STATUSES, Action
from generator.cfn.templates import STACK, Template, from_bodies
from generator.cfn.unknown import KNOWN_AFTER_APPLY
from scripts.deployment import deploy_root as module
from scripts.deployment import environment
from scripts.deployment.compare import Comparison
from scripts.deployment.deploy_root import (
    Context,
    Extensions,
    RootDeployment,
    deploy,
    deploy_root,
    package_roots,
    plan_root,
    prepare,
    review,
)
from scripts.deployment.environment import COMPUTED, Computed
from scripts.deployment.errors import (
    Exit,
    ManualActionRequiredError,
    OvertakenError,
    RefusedError,
    TemplateMismatchError,
)
from scripts.deployment.execute import Outcome, watch
from scripts.deployment.guards import Consent
from scripts.deployment.package import GateVerdict
from scripts.deployment.plan import UPDATE, Notice, Plan
from tests.conftest import ROOT
from tests.support.account import NOW, SHARED, STAGING, Account, Roots
from tests.support.changesets import NO_CHANGES, change_set, detail, modify
from tests.support.gate import passed
from tests.support.service import ACCOUNT, ME, REGION, Prepared, Stored, arn, refusal


@pytest.fixture(scope="module")
def loaded() -> Roots:
    return environment.load("staging", ROOT / "templates", ROOT / "params")


# --- the whole, on an account of prepared answers


class Creating(Account):
    """An account without `staging`, whose execution succeeds."""

    def __init__(self) -> None:
        super().__init__()
        self.answers["cloudformation.execute_change_set"] = self.execute

    def execute(self, **_: Any) -> dict[str, Any]:
        self.statuses[STAGING] = "CREATE_COMPLETE"
        return {}


def recording(steps: list[str], **changed: Any) -> Extensions:
    """The plain steps, each of which writes down its name and the root that it is about; nothing is shown of a plan and
    of its end."""
    silent = Extensions(show=lambda _: (), follow=lambda root, _, running: watch(root.aws, running))
    plain = replace(silent, **changed)

    def step(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def done(*arguments: Any) -> Any:
            [subject, *_] = arguments
            steps.append(f"{name} {subject.name}" if isinstance(subject, RootDeployment) else name)
            return work(*arguments)

        return done

    works: dict[str, Any] = {each.name: getattr(plain, each.name) for each in fields(plain)}
    recorded: dict[str, Any] = {name: step(name, work) for name, work in works.items() if callable(work)}
    return replace(plain, **recorded)


def whole(aws: Prepared, roots: Roots, steps: list[str], **changed: Any) -> Context:
    extensions = recording(steps, **changed)
    return Context(aws, roots, passed(roots), Consent(yes=True), extensions=extensions)


STEPS = (
    "check | roots",
    "before_root shared | clear shared | plan shared | known shared | revise shared | review shared | say",
    "after_root shared | say",
    "before_root environment | plan environment | known environment | revise environment | options environment",
    "review environment | show | say | agree environment | execute environment | before_execution environment | say",
    "follow environment | after_execution environment | after_root environment | say | after_roots",
)


def test_the_steps_come_in_their_order(loaded: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    """The shared stack is as it should be. What was agreed to is verified and written down before it is watched, and
    its end afterwards."""
    aws, steps = Creating(), list[str]()
    assert deploy(whole(aws, loaded, steps)) is Exit.DONE
    assert steps == [step.strip() for line in STEPS for step in line.split("|")]
    assert capsys.readouterr().out == f"{SHARED}: no changes\n"
    order = ("create_change_set", "get_template", "execute_change_set", "put_object", "delete_change_set")
    calls = [
        name.partition(".")[2]
        for name, request in aws.asked
        if name.endswith(order) and (SHARED not in str(request)) and "templates/" not in request.get("Key", "")
    ]
    assert calls == [
        "create_change_set",
        "get_template",
        "get_template",
        "execute_change_set",
        "put_object",
        "delete_change_set",
        "put_object",
    ]
    keys = [request["Key"] for name, request in aws.asked if name == "s3.head_object"]
    assert len(keys) == len(set(keys)) == len([key for key in aws.bucket.objects if key.startswith("templates/")])
    [record] = [json.loads(body) for key, body in aws.bucket.objects.items() if key.startswith("deployments/")]
    created = next(request for name, request in aws.asked if name.endswith("create_change_set"))
    assert {name: record[name] for name in ("stack", "status", "who", "change_set", "version")} == {
        "stack": STAGING,
        "status": "CREATE_COMPLETE",
        "who": ME.arn,
        "change_set": created["ChangeSetName"],
        "version": loaded["environment"].version,
    }
    assert created["ChangeSetName"].startswith(f"deploy-staging-{record['plan'][:8]}-")


def test_a_root_that_does_not_end_well_is_the_last_one(loaded: Roots) -> None:
    aws, steps = Creating(), list[str]()
    ends: list[tuple[Exit, Stack | None]] = [(Exit.FAILED, None)]
    shared = Plan(SHARED, "id", UPDATE, "", "", "digest", setting_changes=(Difference("protection", "off", "on"),))
    context = whole(aws, loaded, steps, plan=lambda _: shared, execute=lambda *_: ends[0])
    assert deploy(context) is Exit.FAILED
    assert "before_root environment" not in steps and "after_roots" not in steps and "after_root shared" not in steps
    ends[0] = (Exit.DONE, None)
    steps.clear()
    assert deploy(context) is Exit.DONE
    assert "after_root shared" not in steps and steps[-1] == "after_roots"  # there is no stack that it could be about


def test_each_root_sees_the_stacks_of_those_before_it(loaded: Roots) -> None:
    aws, others = Creating(), list[dict[str, Stack | None]]()
    ends: list[list[RootDeployment]] = []

    def after_roots(roots: Any) -> Exit:
        ends.append([*roots])
        return Exit.CHANGES

    context = whole(aws, loaded, [], before_root=lambda root: others.append(dict(root.other_stacks)))
    context = replace(context, extensions=replace(context.extensions, after_roots=after_roots))
    assert deploy(context) is Exit.CHANGES
    assert [sorted(each) for each in others] == [[], ["shared"]]
    [roots] = ends
    assert [root.name for root in roots] == ["shared", "environment"]
    assert {name: stack and stack.name for name, stack in roots[0].other_stacks.items()} == {
        "shared": SHARED,
        "environment": STAGING,
    }


# --- one small root

TOPIC = {"Type": "AWS::SNS::Topic", "Properties": {"Tags": [{"Key": "Application", "Value": "dashboard"}]}}
TEMPLATES = from_bodies(
    {
        "environment": {
            "Metadata": {"Generator": {"Version": "7"}, "Fixed": {"Cidr": "the network would be replaced"}},
            "Parameters": {"Cidr": {"Type": "String"}, "Login": {"Type": "String", "NoEcho": True, "Default": "x"}},
            "Resources": {"Topic": TOPIC},
        }
    }
)
SMALL = Environment(
    "staging", TEMPLATES["environment"], ParameterFile("staging.json", {"Cidr": "10"}, {"Cost": "1"}, {})
)
BUCKET = Bucket.of("dashboard", ACCOUNT, REGION)
NAME = "dashboard-staging"
STANDING = Stack(
    NAME, arn("stack", NAME), "UPDATE_COMPLETE", parameters={"Cidr": "10", "Login": "x"}, tags={"Cost": "1"}
)
IDENTITY = {"Account": ACCOUNT, "Arn": ME.arn}


def small(aws: Prepared, previous: Stack | None = STANDING, extensions: Extensions | None = None, **more: Any) -> Any:
    roots = {"environment": SMALL}
    context = Context(aws, roots, passed(roots), extensions=extensions or Extensions(), **more)
    packaged = package(SMALL.root, BUCKET.url, "staging")
    return RootDeployment(context, SMALL, aws, BUCKET, packaged, previous=previous)


def asking(**answers: Any) -> Prepared:
    return Prepared(sts__get_caller_identity=IDENTITY, **answers)


ACCESS = Stack("dashboard-staging-access", "id", "CREATE_COMPLETE", outputs={"CloudFormationRoleArn": "arn:role"})


def test_what_is_asked_of_cloudformation_for_a_root() -> None:
    root = small(asking(), access=ACCESS, topics=("arn:topic",), run="r1; commit 0123456789ab")
    root = replace(root, prefix="plan-", computed=())
    request = root.request()
    assert request.stack == NAME and request.packaged is root.packaged and request.prefix == "plan-staging-"
    assert (request.parameters, request.tags) == ({"Cidr": "10", "Login": "x"}, {"Cost": "1"})
    assert (request.role, request.hidden) == ("arn:role", {"Login"})
    assert request.options == {"NotificationARNs": ["arn:topic"]}
    described = f"by {ME.arn}, run r1; commit 0123456789ab; set 7; plan {request.digest[:16]}"
    assert request.description == described
    long = replace(root, context=replace(root.context, run="r" * 2000)).request().description
    assert len(long) == 1024 and long.startswith(f"by {ME.arn}, run rrr")


def test_a_root_gets_the_role_of_its_own_environment_and_topics_of_its_own_region() -> None:
    """What all environments share must not be left with the role of one of them."""
    root = small(asking(), access=ACCESS, topics=("arn:topic",))
    assert replace(root, environment=replace(SMALL, name="shared")).request().role == ""
    assert small(asking()).request().role == ""
    without = replace(root, context=replace(root.context, access=replace(ACCESS, outputs={})))
    assert without.request().role == ""
    assert root.context.aws.at("us-east-1") is not root.aws
    assert replace(root, aws=root.aws.at("us-east-1")).request().options == {}
    assert small(asking()).request().options == {}  # the topics of before stay
    assert small(asking(), topics=()).request().options == {"NotificationARNs": []}


def test_what_a_living_environment_cannot_change_is_refused_before_anything_is_asked() -> None:
    living = replace(STANDING, parameters={"Cidr": "192"})
    aws = asking()
    with pytest.raises(RefusedError, match=r"Cidr of .* is 192 and cannot become 10: the network would be replaced"):
        small(aws, living).request()
    assert small(asking(), None).request().parameters["Cidr"] == "10" and aws.calls() == []
    undeclared = Environment("staging", replaced(Computed={"Moon": {"First": "none"}}), SMALL.file)
    with pytest.raises(RefusedError, match="does not know how to compute Moon"):
        replace(small(asking()), environment=undeclared).request()


# --- prepare


def described(status: str) -> dict[str, Any]:
    return {"Stacks": [{"StackName": NAME, "StackId": STANDING.id, "StackStatus": status, "CreationTime": NOW}]}


@pytest.mark.parametrize("status", [*STATUSES, ""])
def test_each_status_of_a_stack_has_its_own_preparation(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs is attached to until it has ended; what is stuck is left to a person; what failed runs left is cleared
    away; only a stack that is complete is updated."""
    steps: list[str] = []
    gone = refusal("x", "ValidationError", "does not exist")
    answers = [described(status) if status else gone]
    action = STATUSES[status].action if status else Action.CREATE
    if action is Action.WAIT:
        answers.append(described("UPDATE_COMPLETE"))
    aws = asking(cloudformation__describe_stacks=answers)
    extensions = Extensions(
        attach=lambda _, stack: steps.append(f"attach {stack.status}"),
        clear=lambda _, stack: steps.append(f"clear {stack.status}"),
        say=lambda lines: steps.extend(map(str, lines)),
    )
    ends = ["DELETE_COMPLETE"]

    def watch(_: Any, stack: Stack) -> Outcome:
        return Outcome(replace(stack, status=ends[0]), ends[0] == "DELETE_COMPLETE", 1.0)

    monkeypatch.setattr(module, "destroy", lambda _, stack: stack)
    monkeypatch.setattr(module, "watch", watch)
    root = small(aws, STANDING, extensions)
    if action in (Action.CONTINUE, Action.MANUAL):
        with pytest.raises(ManualActionRequiredError) as raised:
            prepare(root)
        assert raised.value.reason == f"{NAME} {STATUSES[status].text} ({status})." and steps == []
        assert raised.value.remedy == STATUSES[status].remedy
        return
    previous = prepare(root).previous
    updated = {Action.UPDATE: status, Action.WAIT: "UPDATE_COMPLETE"}.get(action)
    assert (previous.status if previous else None) == updated
    empty = f"{NAME} could not be created; nothing of it is left: the empty stack is deleted first"
    assert steps == {
        "": [],
        Action.WAIT: [f"attach {status}", "clear UPDATE_COMPLETE"],
        Action.RECREATE: [f"clear {status}", empty],
    }.get(action if status else "", [f"clear {status}"])
    if action is Action.RECREATE:
        ends[0] = "DELETE_FAILED"
        aws.answers["cloudformation.describe_stacks"] = described(status)
        with pytest.raises(ManualActionRequiredError, match="could not be deleted completely"):
            prepare(root)


def test_the_plain_steps_leave_alone_what_somebody_else_runs() -> None:
    aws = asking(cloudformation__describe_stacks=described("UPDATE_IN_PROGRESS"))
    with pytest.raises(ManualActionRequiredError) as raised:
        prepare(small(aws))
    assert raised.value.reason == f"{NAME} is being updated (UPDATE_IN_PROGRESS)." and raised.value.remedy


# --- one root, from the plan to its end

PLAN = Plan(
    NAME, STANDING.id, UPDATE, arn("changeSet", NAME), "deploy-1", "digest", (PlannedChange(("T",), "X", "Add"),)
)
EMPTY = Plan(
    NAME, STANDING.id, UPDATE, "", "", "digest", empty=True, notices=(Notice("comparison", "Login", "hidden"),)
)


def stand(*statuses: str, **answers: Any) -> Prepared:
    """An account in which the stack has one status after the other."""
    return asking(cloudformation__describe_stacks=[described(each) for each in statuses], **answers)


@pytest.mark.parametrize(
    ("plan", "agreed", "lines"),
    [
        (EMPTY, "", [f"{NAME}: no changes", "  comparison: Login: hidden"]),
        (EMPTY, "digest", []),
        (None, "", [f"{NAME}: nothing in the plan"]),
        (None, "digest", []),
    ],
)
def test_where_nothing_changes_nobody_is_asked(plan: Plan | None, agreed: str, lines: list[str]) -> None:
    shown: list[str] = []
    extensions = Extensions(plan=lambda _: plan, say=lambda each: shown.extend(map(str, each)))
    status, stack = deploy_root(small(stand("UPDATE_COMPLETE"), None, extensions), agreed)
    assert (status, stack and stack.status, shown) == (Exit.DONE, "UPDATE_COMPLETE", lines)


@pytest.mark.parametrize(("agreed", "steps"), [("", ["show", "agree", "execute"]), ("digest", ["execute"])])
@pytest.mark.parametrize("plan", [PLAN, replace(EMPTY, setting_changes=(Difference("protection", "off", "on"),))])
def test_what_somebody_has_agreed_to_is_executed_without_another_question(
    plan: Plan, agreed: str, steps: list[str]
) -> None:
    done: list[str] = []
    extensions = recording(done, plan=lambda _: plan, agree=lambda *_: None, execute=lambda *_: (Exit.FAILED, None))
    assert deploy_root(small(stand("UPDATE_COMPLETE"), None, extensions), agreed) == (Exit.FAILED, None)
    assert [step.split()[0] for step in done if step.split()[0] in ("show", "agree", "execute")] == steps


def raising(error: BaseException) -> Any:
    def work(*_: Any) -> Any:
        raise error

    return work


@pytest.mark.parametrize("step", ["show", "agree", "execute"])
@pytest.mark.parametrize(
    ("error", "keeps", "calls"),
    [
        (RefusedError("no"), False, ["describe_stacks", "delete_change_set"]),
        (KeyboardInterrupt(), False, ["describe_stacks", "delete_change_set"]),
        (RefusedError("no"), True, ["describe_stacks"]),  # a reviewed plan stays until it is discarded
        (ManualActionRequiredError("it runs"), False, ["describe_stacks"]),
        (OvertakenError("faster"), False, ["describe_stacks", "delete_change_set", "describe_stacks"]),
        (OvertakenError("faster"), True, ["describe_stacks", "describe_stacks"]),
    ],
)
def test_a_change_set_that_is_not_executed_is_taken_away(
    step: str, error: BaseException, keeps: bool, calls: list[str]
) -> None:
    aws = stand("UPDATE_COMPLETE", "UPDATE_COMPLETE", cloudformation__delete_change_set={})
    steps: Any = {"agree": lambda *_: None, step: raising(error)}
    extensions = Extensions(plan=lambda _: PLAN, say=lambda _: None, keeps_change_sets=keeps, **steps)
    with pytest.raises(type(error)):
        deploy_root(small(aws, None, extensions))
    assert aws.calls() == [f"cloudformation.{name}" for name in calls]


def test_who_was_faster_is_said_instead() -> None:
    aws = stand("UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", cloudformation__delete_change_set={})
    extensions = Extensions(plan=lambda _: PLAN, say=lambda _: None, agree=raising(OvertakenError("faster")))
    with pytest.raises(ManualActionRequiredError, match="is being updated"):
        deploy_root(small(aws, None, extensions))


def test_a_stack_that_somebody_creates_while_it_is_planned_is_planned_again_as_it_stands() -> None:
    roots: list[RootDeployment] = []

    def plan(root: RootDeployment) -> Plan:
        roots.append(root)
        if len(roots) == 1:
            raise OvertakenError("it exists now")
        return EMPTY

    gone = refusal("x", "ValidationError", "does not exist")
    aws = asking(cloudformation__describe_stacks=[gone, described("CREATE_COMPLETE")])
    shown: list[str] = []
    extensions = Extensions(plan=plan, say=lambda each: shown.extend(map(str, each)))
    assert deploy_root(small(aws, None, extensions), "digest")[0] is Exit.DONE
    assert [root.previous and root.previous.status for root in roots] == [None, "CREATE_COMPLETE"]
    assert shown == []  # what was agreed to still is


# --- the plan of one root


def account(*change_sets: dict[str, Any], **more: Any) -> Prepared:
    """An account in which `SMALL` stands as it is rendered, and each change set is the next of these."""
    body = {"TemplateBody": json.dumps(package(SMALL.root, BUCKET.url, "staging").root.body)}
    stored = {name.replace(".", "__"): answer for name, answer in Stored().answers.items()}
    return asking(
        s3__get_bucket_policy={"Policy": json.dumps(bucket_policy(BUCKET.name))},
        cloudformation__get_template=body,
        cloudformation__create_change_set={"Id": arn("changeSet", NAME), "StackId": STANDING.id},
        cloudformation__describe_change_set=[*change_sets],
        cloudformation__delete_change_set={},
        cloudformation__list_stack_resources={"StackResourceSummaries": []},
        **stored,
        **more,
    )


CERTAIN = change_set(NAME, [modify("Topic", "AWS::SNS::Topic", detail("DisplayName", "a", "b"))])
MIGHT = change_set(NAME, [modify("Topic", "AWS::SNS::Topic", detail("DisplayName", "a", KNOWN_AFTER_APPLY))])
NOTHING = change_set(NAME, [], Status="FAILED", StatusReason=NO_CHANGES)
CREATED, DELETED = "cloudformation.create_change_set", "cloudformation.delete_change_set"


@pytest.mark.parametrize(
    ("answer", "tags", "asks", "count", "empty"),
    [
        (CERTAIN, {"Cost": "1"}, False, 0, True),  # nothing differs: nobody has to be asked
        (CERTAIN, {"Cost": "1"}, True, 1, False),
        (MIGHT, {"Cost": "1"}, True, 1, True),  # what might change hangs on something that changes for sure
        (NOTHING, {"Cost": "1"}, True, 1, True),
        (MIGHT, {"Cost": "0"}, False, 1, False),
        (CERTAIN, {"Cost": "0"}, False, 1, False),
    ],
)
def test_a_plan_is_one_change_set_or_none(
    answer: dict[str, Any], tags: dict[str, str], asks: bool, count: int, empty: bool
) -> None:
    aws = account(answer)
    plan = plan_root(small(aws, replace(STANDING, tags=tags), change_set=asks))
    assert (plan.empty, aws.calls().count(CREATED)) == (empty, count)
    assert (DELETED in aws.calls()) is bool(count and empty)
    assert (plan.stack, plan.stack_id, plan.kind) == (NAME, STANDING.id, UPDATE)
    if empty:
        assert (plan.changes, plan.digest) == ((), small(asking()).request().digest)
    else:
        assert [leaf.name for leaf in plan.leaves()] == ["Topic"] and plan.change_set == arn("changeSet", NAME)


def test_a_plan_that_cannot_be_reviewed_leaves_nothing() -> None:
    for error in (RefusedError("no"), KeyboardInterrupt()):
        aws = account(CERTAIN)
        with pytest.raises(type(error)):
            plan_root(small(aws, replace(STANDING, tags={}), Extensions(review=raising(error))))
        assert aws.calls()[-1] == DELETED


def test_another_template_in_a_change_set_is_seen_before_anybody_agrees() -> None:
    aws = account(CERTAIN)
    live = aws.answers["cloudformation.get_template"]
    other = {"TemplateBody": json.dumps({"Resources": {"Topic": {"Type": "AWS::SQS::Queue"}}})}
    aws.answers["cloudformation.get_template"] = lambda StackName="", **_: live if StackName else other
    with pytest.raises(TemplateMismatchError, match=f"{NAME} is not the template that was reviewed"):
        plan_root(small(aws, replace(STANDING, tags={})))
    assert aws.calls()[-1] == DELETED


def test_values_that_are_known_better_once_it_is_clear_what_differs_are_asked_for() -> None:
    """With what a larger command asks for besides."""
    seen: list[tuple[Comparison, tuple[Computed, ...]]] = []
    first, better = Computed("Cidr", "10", COMPUTED, "as before"), Computed("Cidr", "11", COMPUTED, "known better")

    def revise(root: RootDeployment, comparison: Comparison) -> list[Computed]:
        seen.append((comparison, root.computed))
        return [better]

    extensions = Extensions(
        known=lambda _: [first], revise=revise, options=lambda *_: {"OnStackFailure": "DELETE", "Capabilities": []}
    )
    computed = Environment("staging", replaced(Computed={"Cidr": {"First": "10"}}), SMALL.file)
    aws = account(CERTAIN)
    root = replace(small(aws, STANDING, extensions), environment=computed)
    root = replace(root, packaged=package(computed.root, BUCKET.url, "staging"))
    aws.answers["cloudformation.get_template"] = {"TemplateBody": json.dumps(root.packaged.root.body)}
    plan = plan_root(root)
    assert [(comparison.same, values) for comparison, values in seen] == [(True, (first,)), (False, (better,))]
    assert plan.computed == (better,) and [str(each.after) for each in plan.parameters] == ["11"]
    [request] = [request for name, request in aws.asked if name == CREATED]
    assert (request["OnStackFailure"], request["Capabilities"]) == ("DELETE", [])
    assert {"ParameterKey": "Cidr", "ParameterValue": "11"} in request["Parameters"]


def replaced(**metadata: Any) -> Template:
    """The small template with other metadata."""
    body = {**SMALL.root.body, "Metadata": {"Generator": {"Version": "7"}, **metadata}}
    return from_bodies({"environment": body})["environment"]


def test_what_goes_and_who_may_do_more_is_in_the_plan_of_a_stack_that_stands() -> None:
    """With what is in a nested stack that goes; a stack that is to be created loses nothing."""
    table = {"Type": "AWS::DynamoDB::Table", "DeletionPolicy": "Retain"}
    nested = {"environment": {"Resources": {"In": {"Type": STACK}, "Topic": TOPIC}}, "In": {"Resources": {"T": table}}}
    role = {"Type": "AWS::IAM::Role", "Properties": {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]}}
    before, after = from_bodies(nested), from_bodies({"environment": {"Resources": {"Topic": TOPIC, "Role": role}}})
    gone = PlannedChange(("In",), STACK, "Remove", nested=True)
    plan, doubt = replace(PLAN, change_set="", changes=(gone,)), Notice("comparison", "Login", "hidden")
    computed = (Computed("Cidr", "10", COMPUTED, "as before"),)
    root = replace(small(asking()), computed=computed)
    comparison = Comparison(True, doubts=(doubt,), pair=TemplatePair("environment", before, after))
    reviewed = review(root, replace(plan, notices=(Notice("hook", "x", "y"),)), comparison)
    assert [str(loss) for loss in reviewed.losses] == [
        "In.T (AWS::DynamoDB::Table, holds data) would be deleted. To allow this: --allow-delete In.T"
    ]
    assert [(grant.holder, grant.effect, grant.broader) for grant in reviewed.gained] == [
        ("environment.Role", "policy", True)
    ]
    assert [each.kind for each in reviewed.notices] == ["hook", "comparison"] and reviewed.computed == computed
    swapped = replace(comparison, pair=TemplatePair("environment", after, before))
    assert [grant.effect for grant in review(root, plan, swapped).lost] == ["policy"]
    for nothing in (
        review(root, replace(plan, empty=True), comparison),
        review(root, plan, replace(comparison, pair=None)),
    ):
        assert (nothing.losses, nothing.gained, nothing.lost) == ((), (), ())


# --- what the core deploys by itself


def test_the_core_leaves_production_to_the_larger_command() -> None:
    production = {"environment": replace(SMALL, name="production")}
    with pytest.raises(RefusedError) as raised:
        deploy(Context(asking(), production, GateVerdict({})))
    assert str(raised.value).splitlines() == [
        "production is deployed with the command `delivery`, which checks who deploys, and from which tree.",
        "`delivery apply production` does it.",
    ]


def test_templates_are_stored_where_their_root_stands(loaded: Roots) -> None:
    """The root that CloudFront needs stands in us-east-1, and what nobody has passed is stored nowhere."""
    context = Context(asking(), loaded, passed(loaded))
    own = package_roots(context)
    assert [(root.name, root.aws.region, root.bucket.region) for root in own] == [
        ("shared", REGION, REGION),
        ("environment", REGION, REGION),
    ]
    [edge] = package_roots(context, loaded["edge"])
    assert (edge.name, edge.aws.region, edge.bucket.region) == ("edge", "us-east-1", "us-east-1")
    assert edge.packaged.root.url.startswith(f"{edge.bucket.url}/templates/staging/edge-")
    assert own[0].packaged.root.url.startswith(f"{own[0].bucket.url}/templates/shared/shared-")
    with pytest.raises(RefusedError, match=r"The gate has not passed .*shared\.json"):
        package_roots(replace(context, gate=GateVerdict({})))
