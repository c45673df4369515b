"""What the command adds to a deployment: an operation that runs already, a plan that cannot be made, the report."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from generator.cfn.changes import Difference, PlannedChange
from generator.cfn.environments import Environment
from generator.cfn.losses import Loss
from generator.cfn.packaging import Bucket, PackagedSet
from generator.cfn.stacks import Stack
from generator.cfn.templates import STACK
from scripts.deployment import deploy_root as core
from scripts.deployment import environment
from scripts.deployment.aws import Endpoint
from scripts.deployment.deploy_root import Context, RootDeployment
from scripts.deployment.errors import AwsError, Exit, ManualActionRequiredError, RefusedError
from scripts.deployment.plan import Plan, Refusal
from scripts.operations import access_first, deletion, deploying, living, saved_plan, shared_root
from scripts.operations.following import Event, FollowedOutcome
from scripts.operations.origin import Source, this_run
from scripts.operations.saved_plan import SavedPlan, SavedStack
from scripts.terminal import results
from tests.conftest import ROOT
from tests.support.account import STAGING, arguments
from tests.support.service import ME, Prepared, arn, refusal

BEGAN = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
RUNNING = Stack(STAGING, arn("stack", STAGING), "UPDATE_IN_PROGRESS", change_set=arn("changeSet", "deploy-1"))
ANOTHER = "arn:aws:sts::000000000000:assumed-role/Deploy/alice"


@pytest.fixture(scope="module")
def loaded() -> dict[str, Environment]:
    return environment.load("staging", ROOT / "templates", ROOT / "params")


def deployment(aws: Prepared, loaded: dict[str, Environment], **options: Any) -> RootDeployment:
    aws.answers |= {"sts.get_caller_identity": {"Account": ME.account, "Arn": ME.arn}}
    run, chosen = arguments(aws, loaded, **options)
    context = deploying.context(run, chosen)
    bucket = Bucket.of("dashboard", ME.account, "eu-west-1")
    return RootDeployment(context, run.environment, aws, bucket, PackagedSet(()))


def event(status: str, minute: int, token: str = "") -> dict[str, Any]:
    own = {"StackId": RUNNING.id, "PhysicalResourceId": RUNNING.id, "StackName": STAGING, "LogicalResourceId": STAGING}
    at = {"EventId": f"{status}-{minute}", "Timestamp": BEGAN + timedelta(minutes=minute), "ResourceType": STACK}
    return {**own, **at, "ResourceStatus": status, **({"ClientRequestToken": token} if token else {})}


def busy(who: str, status: str = "UPDATE_COMPLETE") -> Prepared:
    """An account in which somebody's update has ended by the first look."""
    before = [event("UPDATE_COMPLETE", -9), event("UPDATE_IN_PROGRESS", -10, "deploy-0")]
    events = [event(status, 5), event("UPDATE_IN_PROGRESS", 0, "deploy-1"), *before]
    stack = {"StackName": STAGING, "StackId": RUNNING.id, "StackStatus": status, "CreationTime": BEGAN}
    keys = [f"deployments/{STAGING}/2026-{name}.json" for name in ("a-deploy-0", "b-deploy-1", "c-deploy-2")]
    return Prepared(
        cloudformation__describe_stack_events={"StackEvents": events},
        cloudformation__describe_stacks={"Stacks": [stack]},
        cloudformation__describe_change_set={"Description": f"{this_run(who)}; commit 0"},
        s3__list_objects_v2={"Contents": [{"Key": key} for key in keys]},
        s3__get_object=lambda Key, **_: {"Body": io.BytesIO(json.dumps({"key": Key, "status": "STARTED"}).encode())},
        s3__put_object={},
    )


@pytest.mark.parametrize(("who", "follow"), [(ME.arn, False), (ANOTHER, True)])
def test_what_runs_is_followed_to_its_end_and_its_record_says_how_it_ended(
    loaded: dict[str, Environment], capsys: pytest.CaptureFixture[str], who: str, follow: bool
) -> None:
    aws = busy(who)
    root = deployment(aws, loaded, follow=follow, quiet=True)
    root.context.extensions.attach(root, RUNNING)
    began = f"{STAGING} is being updated, started by {who} at 12:00:00 UTC, "
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(began) and lines[0].endswith(" min ago: it is followed to its end first")
    assert lines[1].startswith(f"{STAGING} is updated (UPDATE_COMPLETE, ")
    key = f"deployments/{STAGING}/2026-b-deploy-1.json"
    [written] = [request for name, request in aws.asked if name == "s3.put_object"]
    assert (written["Key"], json.loads(written["Body"])) == (key, {"key": key, "status": "UPDATE_COMPLETE"})
    listed = [request["Prefix"] for name, request in aws.asked if name == "s3.list_objects_v2"]
    assert listed == [f"deployments/{STAGING}/"]


def test_an_operation_without_a_record_has_none_afterwards(loaded: dict[str, Environment]) -> None:
    aws = busy(ME.arn)
    aws.answers["s3.list_objects_v2"] = {}
    root = deployment(aws, loaded, quiet=True)
    root.context.extensions.attach(root, RUNNING)
    assert "s3.put_object" not in aws.calls()


def test_what_somebody_else_started_is_left_to_them(loaded: dict[str, Environment]) -> None:
    root = deployment(busy(ANOTHER), loaded)
    with pytest.raises(ManualActionRequiredError) as raised:
        root.context.extensions.attach(root, RUNNING)
    assert raised.value.reason.startswith(f"{STAGING} is being updated, started by {ANOTHER} at 12:00:00 UTC, ")
    assert raised.value.reason.endswith(" min ago (UPDATE_IN_PROGRESS).")
    way = "`follow` follows it until it ends; then run the same command again. `apply --follow` does both."
    assert raised.value.remedy == way
    nothing = busy(ME.arn)
    nothing.answers["cloudformation.describe_stack_events"] = {"StackEvents": []}
    root = deployment(nothing, loaded, follow=True)
    with pytest.raises(ManualActionRequiredError, match=rf"^{STAGING} is being updated \(UPDATE_IN_PROGRESS\)\."):
        root.context.extensions.attach(root, RUNNING)


CONSOLE = "https://eu-west-1.console.aws.amazon.com/cloudformation/home?region=eu-west-1"
UNUSABLE = "Role arn:aws:iam::000000000000:role/x/Executor is invalid or cannot be assumed"


@pytest.mark.parametrize(
    ("error", "lacking", "refused"),
    [
        (refusal("ec2.DescribeVpcs", "UnauthorizedOperation"), True, True),
        (refusal("s3.HeadObject", "AccessDeniedException"), True, True),
        (refusal("s3.HeadObject", "AccessDenied"), False, False),
        (refusal("s3.HeadObject", "Throttling"), True, False),
    ],
)
def test_what_may_not_be_planned_says_that_access_comes_first(
    loaded: dict[str, Environment], monkeypatch: pytest.MonkeyPatch, error: AwsError, lacking: bool, refused: bool
) -> None:
    """Where that is the reason; otherwise it is AWS's error."""

    def fails(_: RootDeployment) -> Plan:
        raise error

    reasons = [Refusal("the roles lack what is new", "access", "Run access.")] if lacking else []
    monkeypatch.setattr(deploying, "plan_root", fails)
    monkeypatch.setattr(access_first, "refusals", lambda _: reasons)
    root = deployment(Prepared(), loaded)
    with pytest.raises(RefusedError) as raised:
        deploying.plan_visibly(root)
    if not refused:
        assert raised.value is error
        return
    assert (raised.value.reason, raised.value.remedy) == (
        f"{STAGING} cannot be planned, {error.call} is refused: the roles lack what is new.",
        "Run access.",
    )


def test_a_plan_with_a_role_that_is_gone_says_which_role(
    loaded: dict[str, Environment], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: RootDeployment) -> Plan:
        raise refusal("cloudformation.CreateChangeSet", "ValidationError", UNUSABLE)

    monkeypatch.setattr(deploying, "plan_root", fails)
    monkeypatch.setattr(access_first, "refusals", lambda _: pytest.fail("not asked"))
    aws = Prepared(iam__get_role=refusal("x", "NoSuchEntity"))
    root = replace(deployment(aws, loaded), previous=replace(RUNNING, role="arn:aws:iam::000000000000:role/x/Executor"))
    with pytest.raises(RefusedError) as raised:
        deploying.plan_visibly(root)
    assert raised.value.reason.startswith(
        f"{STAGING} cannot be planned, cloudformation.CreateChangeSet is refused: CloudFormation acts on {STAGING} "
        "with arn:aws:iam::000000000000:role/x/Executor, which is gone"
    )
    assert "make access ENV=staging" in raised.value.remedy


PLAN = Plan(STAGING, RUNNING.id, "UPDATE", arn("changeSet", "n"), "n", "d")


def test_a_name_has_to_say_something_of_the_plan(loaded: dict[str, Environment]) -> None:
    lost = (
        Loss("Data.Clients", "AWS::DynamoDB::Table", "replaced", "holds data"),
        Loss("Data.Old", "AWS::DynamoDB::Table", "deleted", "holds data"),
    )
    leaf = PlannedChange(("Data", "Gone"), "AWS::DynamoDB::Table", "Remove")
    planned = replace(PLAN, losses=lost, changes=(leaf,))

    def check(**names: list[str]) -> str:
        root = deployment(Prepared(), loaded, yes=True, **names)
        try:
            root.context.extensions.agree(root, planned)
        except RefusedError as error:
            return f"{error.reason} {error.remedy}" if "is nothing that happens" in error.reason else ""
        return ""

    assert check(allow_replace=["Data.Clients"], allow_delete=["Data.Old"]) == ""
    end = f"is nothing that happens to {STAGING}. Valid names:"
    assert check(allow_replace=["Data.Old"]) == f"--allow-replace Data.Old {end} Data.Clients."
    assert check(allow_delete=["Data.Gone"]) == f"--allow-delete Data.Gone {end} Data.Old."
    assert check(allow_delete=["Nothing"]) == f"--allow-delete Nothing {end} Data.Old."
    assert check(allow_delete=["Repository"]) == ""  # of the shared root, whose plan it is to judge
    planned = PLAN
    assert check(allow_delete=["Data.Old"]) == f"--allow-delete Data.Old {end} none, nothing of that kind happens."


def test_what_is_waited_for_is_what_the_plan_disturbs(
    loaded: dict[str, Environment], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipeline until it executes nothing, an environment of Elastic Beanstalk until it is ready."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    changes = (Difference("Name", "a", "b"),)
    leaf = PlannedChange(("Backend", "B"), living.BEANSTALK, "Modify", differences=changes, physical_id="b-env")
    wait = Refusal("it runs", "X", "Wait", waits=True)
    refusals = (replace(wait, awaited="release"), replace(wait, awaited="b-env"), wait)
    planned = replace(PLAN, changes=(leaf,), refusals=refusals)
    running = [{"pipelineExecutionId": "e-1", "status": "InProgress"}]
    states = [[{"EnvironmentName": "b-env", "Status": status}] for status in ("Updating", "Ready")]
    aws = Prepared(
        codepipeline__list_pipeline_executions=[{"pipelineExecutionSummaries": each} for each in (running, [])],
        elasticbeanstalk__describe_environments=[{"Environments": each} for each in states],
    )
    run, options = arguments(aws, loaded)
    deploying.Steps(run, options, None).wait(planned)
    assert capsys.readouterr().out.splitlines() == [
        "waiting for b-env, which executes b-env",
        "b-env executes nothing any more: planning again",
        "waiting for release, which executes e-1",
        "release executes nothing any more: planning again",
    ]


def test_the_report_of_an_update_has_its_outputs_and_what_was_left_behind(loaded: dict[str, Environment]) -> None:
    def failed(path: str) -> Event:
        return Event(tuple(path.split(".")), path, f"id-{path}", "AWS::SNS::Topic", "DELETE_FAILED", "in use", BEGAN)

    def report(status: str, good: bool) -> tuple[list[str], dict[str, Any]]:
        stack = Stack(STAGING, RUNNING.id, status, outputs={"Address": "https://x"})
        outcome = FollowedOutcome(stack, good, 1.0, (failed("Data.Old"),))
        root = deployment(Prepared(), loaded)
        run, options = arguments(root.aws, loaded)
        steps = deploying.Steps(run, options, None)
        with results.document("apply", "staging", RefusedError("x")) as document:
            lines = list(map(str, steps.report(root, outcome, steps.observer(root, None))))
            [operation] = document.result["operations"]
        return lines, operation

    left = "aws cloudcontrol delete-resource --type-name AWS::SNS::Topic --identifier id-Data.Old"
    lines, operation = report("UPDATE_COMPLETE", good=True)
    assert lines == [
        f"{STAGING} is updated (UPDATE_COMPLETE, 1.0 s)",
        "  not deleted, and in no stack any more:",
        "    Data > Old  AWS::SNS::Topic  id-Data.Old",
        "      reason: in use",
        f"      remove it: {left} --region eu-west-1",
        f"  (console)  {CONSOLE}#/stacks/stackinfo?stackId={RUNNING.id}",
        "  Address    https://x",
    ]
    assert operation["outputs"] == {"Address": "https://x"}
    assert [each["command"] for each in operation["left"]] == [left]
    lines, operation = report("UPDATE_ROLLBACK_COMPLETE", good=False)
    assert f"      remove it: {left} --region eu-west-1" in lines and "  Address    https://x" not in lines
    assert operation["outputs"] == {} and len(operation["left"]) == 1
    lines, operation = report("UPDATE_ROLLBACK_FAILED", good=False)
    assert not any("remove it" in line for line in lines) and operation["left"] == []


def executions(*entries: tuple[str, str]) -> dict[str, Any]:
    listed = [{"pipelineExecutionId": number, "status": status} for number, status in entries]
    return {"pipelineExecutionSummaries": listed}


@pytest.mark.parametrize("cancel", [False, True])
def test_a_release_that_began_while_somebody_read_the_plan_is_not_overrun(
    loaded: dict[str, Environment], cancel: bool
) -> None:
    aws = Prepared(codepipeline__list_pipeline_executions=executions(("e-2", "InProgress"), ("e-1", "Succeeded")))
    changes = (Difference("Name", "a", "b"),)
    pipeline = PlannedChange(("P",), living.PIPELINE, "Modify", differences=changes, physical_id="release")
    planned = replace(PLAN, changes=(pipeline,), empty=True)
    root = deployment(aws, loaded, cancel_release=cancel)
    run, options = arguments(aws, loaded, cancel_release=cancel)
    steps = deploying.Steps(run, options, None)
    if cancel:
        assert list(steps.before_execution(root, planned)) == [f"{STAGING}: done"]
        assert steps.releases == {"release": {"e-2": "InProgress", "e-1": "Succeeded"}}
    else:
        with pytest.raises(RefusedError) as raised:
            steps.before_execution(root, planned)
        assert (raised.value.reason, raised.value.remedy) == (
            f"{STAGING} was not changed: a release of release has begun in the meantime.",
            "Run again with --wait, or give the release up with --cancel-release.",
        )
    created = deploying.Steps(run, options, None)
    assert list(created.before_execution(root, replace(planned, kind="CREATE"))) == [f"{STAGING}: done"]
    assert created.releases == {}


def test_with_wait_it_is_planned_again_when_what_forbids_it_has_ended(
    loaded: dict[str, Environment], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is left of the plan that was made before."""
    wait = Refusal("it runs", "X", "Wait", waits=True, awaited="release")
    busy, free = replace(PLAN, refusals=(wait,)), replace(PLAN, refusals=(replace(wait, waits=False),))
    plans = [busy, busy, free]
    monkeypatch.setattr(deploying, "plan_visibly", lambda _: plans.pop(0))
    aws = Prepared(codepipeline__list_pipeline_executions=executions(), cloudformation__delete_change_set={})
    run, options = arguments(aws, loaded, wait=True)
    root = deployment(aws, loaded)
    assert deploying.Steps(run, options, None).plan(root) is free and plans == []
    assert aws.calls().count("cloudformation.delete_change_set") == 2
    plans.append(busy)
    run, options = arguments(aws, loaded)
    assert deploying.Steps(run, options, None).plan(root) is busy


def test_a_plan_that_changes_only_how_the_stack_is_kept_executes_nothing(loaded: dict[str, Environment]) -> None:
    described = {"StackName": STAGING, "StackId": RUNNING.id, "StackStatus": "UPDATE_COMPLETE", "CreationTime": BEGAN}
    aws, before = Prepared(cloudformation__describe_stacks={"Stacks": [described]}), list[Plan]()
    root = deployment(aws, loaded)

    def noted(_: RootDeployment, plan: Plan) -> tuple[str, ...]:
        before.append(plan)
        return ()

    extensions = replace(root.context.extensions, before_execution=noted)
    root = replace(root, context=replace(root.context, extensions=extensions))
    planned = replace(
        PLAN, change_set="", empty=True, setting_changes=(Difference("termination protection", "", "on"),)
    )
    ended, stack = deploying.execute_image_first(root, planned)
    assert ended is Exit.DONE and stack and stack.name == STAGING
    assert before == [planned] and aws.calls() == ["cloudformation.describe_stacks"]


def test_the_page_of_the_local_aws_is_named_at_the_end(
    loaded: dict[str, Environment], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(deploying, "deploy_roots", lambda *_: Exit.FAILED)
    aws = Prepared()
    run, options = arguments(aws, loaded)
    assert deploying.deploy(run, options) is Exit.FAILED and capsys.readouterr().out == ""
    aws.endpoint = Endpoint("http://localhost:1", "eu-west-1", page="http://localhost:1/")
    assert deploying.deploy(run, options) is Exit.FAILED
    assert capsys.readouterr().out == "local AWS: http://localhost:1/  all property values are simulated\n"


def saved(*stacks: SavedStack, environment: str = "staging", later: tuple[str, ...] = ()) -> SavedPlan:
    shown = [{"stack": each.stack, "kind": each.kind} for each in stacks]
    shown += [{"stack": name, "kind": "LATER"} for name in later]
    return SavedPlan(environment, ME.account, "eu-west-1", stacks, {"stacks": shown})


REVIEWED = SavedStack(STAGING, RUNNING.id, "UPDATE", "cs", "n", "d", "UPDATE_COMPLETE since noon", ())
IMAGE = replace(REVIEWED, image=(Difference("BackendImage", "a", "b"),))
IMAGE_DONE = "step 1 of 2 is done, the running image alone: plan again for the other changes"


@pytest.mark.parametrize(
    "case",
    [
        (saved(REVIEWED), Exit.DONE, []),
        (saved(REVIEWED, IMAGE), Exit.DONE, [IMAGE_DONE]),
        (saved(REVIEWED, later=("a", "b")), Exit.DONE, ["this step is done: plan again for a, b"]),
        (saved(IMAGE, later=("a",)), Exit.FAILED, []),
    ],
)
def test_what_is_left_to_do_after_a_reviewed_plan_is_told(
    loaded: dict[str, Environment],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    case: tuple[SavedPlan, Exit, list[str]],
) -> None:
    (plan, ends, lines), contexts = case, list[Context]()

    def deploy(context: Context) -> Exit:
        contexts.append(context)
        return ends

    monkeypatch.setattr(core, "deploy", deploy)
    saved_plan.write(tmp_path / "plan.json", plan)
    aws = Prepared(sts__get_caller_identity={"Account": ME.account, "Arn": ME.arn})
    run, options = arguments(aws, loaded, plan=tmp_path / "plan.json")
    assert deploying.deploy_roots(run, options) is ends
    assert capsys.readouterr().out.splitlines() == lines
    [context] = contexts
    assert context.extensions.keeps_change_sets
    assert set(context.origin) == {"commit", "branch", "tree"}
    assert context.run == f"{this_run('').run}; {Source(**context.origin)}"
    run, options = arguments(aws, loaded)
    assert deploying.deploy_roots(run, options) is ends and capsys.readouterr().out == ""
    assert not contexts[1].extensions.keeps_change_sets
    saved_plan.write(tmp_path / "plan.json", replace(plan, environment="production"))
    run, options = arguments(aws, loaded, plan=tmp_path / "plan.json")
    with pytest.raises(RefusedError, match="The plan is for production, and this is staging"):
        deploying.deploy_roots(run, options)
    assert len(contexts) == 2


def test_production_is_agreed_to_in_advance_when_its_plan_was_reviewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "deploy", lambda _: Exit.DONE)
    file, aws = tmp_path / "plan.json", Prepared(sts__get_caller_identity={"Account": ME.account, "Arn": ME.arn})
    saved_plan.write(file, saved(environment="production"))
    production = environment.load("production", ROOT / "templates", ROOT / "params")
    assert deploying.deploy_roots(*arguments(aws, production, yes=True, plan=file)) is Exit.DONE
    with pytest.raises(RefusedError, match="`--yes` alone is not accepted for production"):
        deploying.deploy_roots(*arguments(aws, production, yes=True))


def test_a_root_is_planned_as_it_was_reviewed_or_as_its_file_asks_for_it(
    loaded: dict[str, Environment], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reviewed plan is what somebody has seen; a root that nobody needs any more is deleted where it stands; what
    belongs to all environments is only looked at by who may not change it, unless it was reviewed."""
    asked_for: list[Any] = []

    def planning(name: str) -> Any:
        def make(*arguments: Any) -> Plan:
            asked_for.append((name, *arguments))
            return replace(PLAN, name=name)

        return make

    for module, name in (
        (deploying, "plan_visibly"),
        (saved_plan, "reviewed_plan"),
        (deletion, "plan_deletion"),
        (shared_root, "plan_standing"),
    ):
        monkeypatch.setattr(module, name, planning(name))
    aws, plan = Prepared(), saved(REVIEWED)
    run, options = arguments(aws, loaded)
    root = deployment(aws, loaded)
    edge = replace(root, environment=loaded["edge"])
    standing = replace(edge, previous=RUNNING)
    assert not loaded["edge"].needed
    for readable, reviewed, of, expected in (
        (False, None, root, ("plan_visibly", root)),
        (False, plan, root, ("reviewed_plan", plan, root)),
        (False, None, standing, ("plan_deletion", aws, RUNNING)),
        (True, None, root, ("plan_standing", root)),
        (True, plan, root, ("reviewed_plan", plan, root)),
    ):
        monkeypatch.setattr(shared_root, "is_read_only", lambda _, readable=readable: readable)
        planned = deploying.Steps(run, options, reviewed).plan(of)
        assert planned and planned.name == expected[0] and asked_for.pop() == expected
    monkeypatch.setattr(shared_root, "is_read_only", lambda _: False)
    assert deploying.Steps(run, options, None).plan(edge) is None and asked_for == []
