"""Change sets in the shape of CloudFormation's answers, to be read by the deploy script; none is recorded from AWS."""

from __future__ import annotations

from typing import Any

from generator.cfn.packaging import Packaged, PackagedSet
from generator.cfn.stacks import Stack
from generator.cfn.unknown import KNOWN_AFTER_APPLY
from scripts.deployment.plan import Request
from tests.support.service import Prepared, arn

NAME = "dashboard-staging"
ROOT = PackagedSet(
    (Packaged("environment", "templates/environment-0a.json", "https://b.s3.eu-west-1.amazonaws.com/k", {"a": 1}),)
)
REQUEST = Request(NAME, ROOT, {"TaskCpu": "512", "Color": "red"}, {"CostCenter": "1"}, description="why")
BEFORE = Stack(
    NAME, arn("stack", NAME), "UPDATE_COMPLETE", parameters={"TaskCpu": "256", "Color": "red"}, tags={"CostCenter": "1"}
)
NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


def change_set(name: str, changes: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "ChangeSetName": "deploy-1",
        "ChangeSetId": arn("changeSet", name),
        "StackName": name,
        "Status": "CREATE_COMPLETE",
        "Changes": [{"Type": "Resource", "ResourceChange": change} for change in changes],
        **more,
    }


def modify(logical_id: str, kind: str, *details: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "Action": "Modify",
        "LogicalResourceId": logical_id,
        "ResourceType": kind,
        "Replacement": "False",
        "Details": list(details),
        **more,
    }


def detail(path: str, before: str, after: str, evaluation: str = "Static", **more: Any) -> dict[str, Any]:
    recreation = more.pop("recreation", "Never")
    target = {
        "Attribute": "Properties",
        "Name": path.split("/")[0],
        "Path": f"/Properties/{path}",
        "RequiresRecreation": recreation,
        "BeforeValue": before,
        "AfterValue": after,
    }
    return {"Target": target, "Evaluation": evaluation, "ChangeSource": "DirectModification", **more}


def nested(logical_id: str, *details: dict[str, Any], **more: Any) -> dict[str, Any]:
    below = arn("changeSet", logical_id.lower())
    return modify(logical_id, "AWS::CloudFormation::Stack", *details, ChangeSetId=below, **more)


def prepared(root: dict[str, Any], *children: dict[str, Any], **answers: Any) -> Prepared:
    sets = {change_set["ChangeSetId"]: change_set for change_set in (root, *children)}
    usual: dict[str, Any] = {
        "cloudformation__create_change_set": {"Id": root["ChangeSetId"], "StackId": BEFORE.id},
        "cloudformation__describe_change_set": lambda **request: sets[request["ChangeSetName"]],
        "cloudformation__delete_change_set": {},
        "cloudformation__delete_stack": {},
        "cloudformation__list_change_sets": {"Summaries": []},
        "cloudformation__describe_events": {},
    }
    return Prepared(**usual | answers)


AUTOMATIC = {"Target": {"Attribute": "Properties"}, "Evaluation": "Dynamic", "ChangeSource": "Automatic"}
BY_PARAMETER = {"ChangeSource": "ParameterReference"}
ALWAYS = {"recreation": "Always"}
BUCKET = "AWS::S3::Bucket"
UPDATE = (
    change_set(
        NAME,
        [
            nested("Backend", detail("Parameters/TaskCpu", "256", "512", **BY_PARAMETER)),
            nested("Build", detail("TemplateURL", "https://x/build-1.json", "https://x/build-2.json")),
            nested("Storage", AUTOMATIC),
            nested("Monitoring", AUTOMATIC),
        ],
    ),
    change_set(
        "backend",
        [
            modify(
                "Task",
                "AWS::ECS::TaskDefinition",
                # One property, told twice: the template's change is dynamic, the parameter's is certain.
                detail("Cpu", "256", "512", "Dynamic", **ALWAYS),
                detail("Cpu", "256", "512", CausingEntity="TaskCpu", **ALWAYS, **BY_PARAMETER),
                Replacement="True",
                PolicyAction="ReplaceAndDelete",
            ),
            modify(
                "Service",
                "AWS::ECS::Service",
                detail("TaskDefinition", "task:1", KNOWN_AFTER_APPLY, "Dynamic", ChangeSource="ResourceReference"),
            ),
        ],
    ),
    change_set(
        "build",
        [
            {"Action": "Add", "LogicalResourceId": "Cache", "ResourceType": BUCKET},
            {"Action": "Remove", "LogicalResourceId": "Old", "ResourceType": BUCKET, "PolicyAction": "Retain"},
        ],
    ),
    change_set("storage", [], Status="FAILED", StatusReason=NO_CHANGES),
    change_set(
        "monitoring",
        [
            modify(
                "Alarm",
                "AWS::CloudWatch::Alarm",
                detail("Dimensions/0/Value", "app/1", KNOWN_AFTER_APPLY, **ALWAYS, **BY_PARAMETER),
                Replacement="True",
            )
        ],
    ),
)
