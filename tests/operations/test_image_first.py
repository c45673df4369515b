"""The running image before anything else: what CloudFormation is asked for, and what becomes of a try that fails."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from generator.cfn.changes import Difference
from generator.cfn.environments import Environment
from generator.cfn.packaging import Bucket, Packaged, PackagedSet
from generator.cfn.stacks import Stack
from generator.cfn.templates import STACK
from scripts.deployment import environment
from scripts.deployment.deploy_root import RootDeployment
from scripts.deployment.errors import Exit, ManualActionRequiredError, RefusedError
from scripts.deployment.plan import Plan
from scripts.operations import deploying, image_first
from tests.conftest import ROOT
from tests.support.account import NOW, arguments
from tests.support.service import ME, REGION, Prepared, arn

ID, INNER, ELSEWHERE = arn("stack", "s"), arn("stack", "inner"), arn("stack", "elsewhere")
IMAGE = (Difference("BackendImage", "a:1", "a:2"),)
STANDING = Stack(
    "s", ID, "UPDATE_COMPLETE", parameters={"BackendImage": "a:1", "TaskCpu": "256"}, tags={"CostCenter": "1"}
)
PLAN = Plan("s", ID, "UPDATE", arn("changeSet", "whole"), "n", "f" * 64, first=IMAGE)
BUCKET = Bucket.of("dashboard", ME.account, REGION)
CHANGED = arn("changeSet", "image")


def listed(StackName: str) -> dict[str, Any]:
    """A stack with two nested ones, of which one has its template elsewhere, and one that its template lacks."""
    names = {ID: [("Inner", INNER), ("Old", ELSEWHERE), ("Other", ELSEWHERE), ("None", "")]}.get(StackName, [])
    same = {"ResourceType": STACK, "ResourceStatus": "UPDATE_COMPLETE", "LastUpdatedTimestamp": NOW}
    return {
        "StackResourceSummaries": [
            {"LogicalResourceId": name, **({"PhysicalResourceId": number} if number else {}), **same}
            for name, number in names
        ]
    }


def nested(url: str) -> dict[str, Any]:
    return {"Type": STACK, "Properties": {"TemplateURL": url}}


INSIDE = f"{BUCKET.url}/templates/inner-1.json"
BODIES: dict[str, Any] = {
    ID: {"Resources": {"Inner": nested(INSIDE), "Other": nested("https://x.test/y.json"), "None": nested("x")}},
    INNER: {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}},
    ELSEWHERE: {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}},
}


def template(StackName: str = "", ChangeSetName: str = "", **_: Any) -> dict[str, Any]:
    return {"TemplateBody": json.dumps(BODIES[ID if ChangeSetName else StackName])}


@pytest.fixture(scope="module")
def loaded() -> dict[str, Environment]:
    return environment.load("staging", ROOT / "templates", ROOT / "params")


def account(**answers: Any) -> Prepared:
    change = {"Action": "Modify", "LogicalResourceId": "Topic", "ResourceType": "AWS::SNS::Topic", "Details": []}
    usual: dict[str, Any] = {
        "sts__get_caller_identity": {"Account": ME.account, "Arn": ME.arn},
        "cloudformation__create_change_set": {"Id": CHANGED, "StackId": ID},
        "cloudformation__describe_change_set": {
            "Status": "CREATE_COMPLETE",
            "ChangeSetId": CHANGED,
            "Changes": [{"Type": "Resource", "ResourceChange": change}],
        },
        "cloudformation__list_stack_resources": listed,
        "cloudformation__get_template": template,
        "cloudformation__delete_change_set": {},
    }
    return Prepared(**usual | answers)


def deployment(aws: Prepared, loaded: dict[str, Environment], previous: Stack | None = STANDING) -> RootDeployment:
    run, options = arguments(aws, loaded)
    context = deploying.context(run, options)
    return RootDeployment(context, run.environment, aws, BUCKET, PackagedSet(()), previous=previous)


def test_only_the_image_is_asked_for_and_everything_else_as_it_stands(loaded: dict[str, Environment]) -> None:
    aws = account()
    root = deployment(aws, loaded)
    planned = image_first.plan_image(root, PLAN)
    [request] = [request for name, request in aws.asked if name == "cloudformation.create_change_set"]
    digest = hashlib.sha256(json.dumps(["s", {"BackendImage": "a:2"}]).encode()).hexdigest()
    assert request.pop("ChangeSetName") == request.pop("ClientToken") == (planned and planned.name)
    assert request == {
        "StackName": "s",
        "ChangeSetType": "UPDATE",
        "Description": root.describe("f" * 64),
        "Capabilities": ["CAPABILITY_IAM"],
        "IncludeNestedStacks": True,
        "UsePreviousTemplate": True,
        "Parameters": [
            {"ParameterKey": "BackendImage", "ParameterValue": "a:2"},
            {"ParameterKey": "TaskCpu", "UsePreviousValue": True},
        ],
        "Tags": [{"Key": "CostCenter", "Value": "1"}],
    }
    assert planned and (planned.digest, planned.parameters, planned.change_set) == (digest, IMAGE, CHANGED)
    assert planned.name.startswith(f"deploy-staging-{digest[:8]}-") and not planned.empty
    # What CloudFormation takes from the bucket once more: not the root, nor what lies elsewhere.
    assert planned.stored == (Packaged("Inner", "templates/inner-1.json", INSIDE, BODIES[INNER]),)
    saved = image_first.plan_image(root, PLAN, image_first.saved_image_prefix("staging"))
    assert saved and saved.name.startswith(f"reviewed-staging-image-{digest[:8]}-")
    assert image_first.plan_image(deployment(Prepared(), loaded, None), PLAN) is None
    assert image_first.plan_image(deployment(Prepared(), loaded), replace(PLAN, first=())) is None


@pytest.mark.parametrize(
    ("ends", "left"),
    [
        ((Exit.FAILED, None), False),
        (RefusedError("no"), True),
        (KeyboardInterrupt(), True),
        (ManualActionRequiredError("it runs"), False),
    ],
)
def test_an_image_that_could_not_be_changed_ends_it(
    loaded: dict[str, Environment], monkeypatch: pytest.MonkeyPatch, ends: Any, left: bool
) -> None:
    """Nothing else of the plan happens, and no change set is left that nobody executes."""

    def execute(_: RootDeployment, plan: Plan) -> Any:
        assert plan.change_set == CHANGED
        if isinstance(ends, BaseException):
            raise ends
        return ends

    monkeypatch.setattr(deploying, "execute", execute)
    monkeypatch.setattr(deploying, "deploy_root", lambda *_, **__: pytest.fail("the rest"))
    aws = account()
    root = deployment(aws, loaded)
    if isinstance(ends, BaseException):
        with pytest.raises(type(ends)):
            deploying.execute_image_first(root, PLAN)
    else:
        assert deploying.execute_image_first(root, PLAN) == ends
    deleted = [request["ChangeSetName"] for name, request in aws.asked if name.endswith("delete_change_set")]
    assert deleted == [PLAN.change_set, *([CHANGED] if left else [])]


def test_a_stack_that_is_not_there_has_no_image(
    loaded: dict[str, Environment], capsys: pytest.CaptureFixture[str]
) -> None:
    root = deployment(account(), loaded, None)
    with pytest.raises(RefusedError, match=r"^s: nothing knows how to change BackendImage first\.$"):
        deploying.execute_image_first(root, PLAN)
    assert capsys.readouterr().out == "s: first the image that runs, by itself\n"
