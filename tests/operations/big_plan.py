"""A plan with every awkward case at once, in the shape of CloudFormation's answers; nothing in it is recorded from AWS.

A hundred resources over several pages, a nested change set that FAILED because nothing changes, replacements that only
hang on an unknown output, documents, secrets, losses, permissions, hooks, warnings and refusals.

Long because the two versions of the templates and the change sets between them are read side by side.
"""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

from generator.cfn.changes import Difference
from generator.cfn.environments import Environment
from generator.cfn.packaging import Bucket, PackagedSet, package
from generator.cfn.parameters import ParameterFile
from generator.cfn.stacks import Stack
from generator.cfn.templates import STACK, Template, from_bodies
from generator.cfn.unknown import KNOWN_AFTER_APPLY
from scripts.deployment import plan
from scripts.deployment.compare import compare
from scripts.deployment.deploy_root import Context, Extensions, RootDeployment
from scripts.deployment.deploy_root import review as review_root
from scripts.deployment.environment import Computed
from scripts.deployment.plan import Plan, Request
from scripts.operations.deploying import review
from scripts.operations.planning import NotPlanned
from tests.support.changesets import ALWAYS, BUCKET, NO_CHANGES, change_set, detail, modify, nested
from tests.support.gate import passed
from tests.support.service import ME, REGION, Prepared, arn, refusal

NAME = "dashboard-staging"
ADDRESS = f"https://templates.s3.{REGION}.amazonaws.com"
PASSWORD = "correct-horse-battery"
TABLE = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain", "Type": "AWS::DynamoDB::Table"}
ALARMS = [f"Alarm{number:03}" for number in range(120)]


def statement(sid: str, *actions: str, resource: str = "*") -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resource}


def role(*statements: dict[str, Any]) -> dict[str, Any]:
    document = {"Statement": list(statements)}
    return {"Type": "AWS::IAM::Role", "Properties": {"Policies": [{"PolicyName": "Job", "PolicyDocument": document}]}}


def child(name: str, **parameters: Any) -> dict[str, Any]:
    return {"Type": STACK, "Properties": {"TemplateURL": f"{name}.json", "Parameters": parameters}}


AFTER: dict[str, Any] = {
    "environment": {
        "Metadata": {"Generator": {"Version": "1"}},
        "Parameters": {"TaskCpu": {"Type": "String"}, "Login": {"Type": "String", "NoEcho": True}},
        "Resources": {
            "Data": child("data"),
            "Backend": child("backend", TaskCpu={"Ref": "TaskCpu"}),
            "Delivery": child("delivery"),
            "Pipeline": child("pipeline"),
            "Storage": child("storage"),
            "Quiet": child("quiet"),
            "Monitoring": child("monitoring"),
        },
    },
    "data": {"Resources": {"Clients": TABLE | {"Properties": {"TableName": "new-clients"}}}},
    "backend": {
        "Parameters": {"TaskCpu": {"Type": "String"}},
        "Resources": {
            "Role": role(statement("Read", "s3:GetObject"), statement("Tables", "dynamodb:Query", "dynamodb:Scan")),
            "Service": {"Type": "AWS::ECS::Service", "Properties": {"Cluster": "one"}},
            "Seed": {
                "Type": "AWS::SecretsManager::Secret",
                "Properties": {"GenerateSecretString": {"PasswordLength": 50}},
            },
        },
    },
    "delivery": {
        "Resources": {
            "Origin": {"Type": "AWS::CloudFront::VpcOrigin", "Properties": {}},
            "Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": {}},
        }
    },
    "pipeline": {"Resources": {"Pipeline": {"Type": "AWS::CodePipeline::Pipeline", "Properties": {"Name": "new"}}}},
    "storage": {"Resources": {"Other": {"Type": BUCKET}}},
    "quiet": {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}},
    "monitoring": {"Resources": {name: {"Type": "AWS::CloudWatch::Alarm"} for name in ALARMS}},
}


def before() -> dict[str, Any]:
    """The templates as they stand."""
    changed = copy.deepcopy(AFTER)
    changed["data"]["Resources"]["Clients"]["Properties"]["TableName"] = "clients"
    changed["data"]["Resources"]["Old"] = TABLE
    changed["backend"]["Resources"]["Role"] = role(statement("Read", "s3:GetObject", "s3:ListBucket"))
    changed["backend"]["Resources"]["Seed"]["Properties"]["GenerateSecretString"]["PasswordLength"] = 43
    changed["pipeline"]["Resources"]["Pipeline"]["Properties"]["Name"] = "old"
    changed["storage"]["Resources"]["Bucket"] = {"Type": BUCKET, "DeletionPolicy": "Retain"}
    changed["monitoring"]["Resources"] = {"Dashboard": {"Type": "AWS::CloudWatch::Dashboard"}}
    return changed


BUILDSPEC = "version: 0.2\nphases:\n  build:\n    commands:\n      - make\n"
WIDGETS = json.dumps({"widgets": [{"Name": f"widget{number}", "height": 6} for number in range(9)]})
CHANGES: dict[str, list[dict[str, Any]]] = {
    "Data": [
        modify(
            "Clients",
            TABLE["Type"],
            detail("TableName", "clients", "new-clients", **ALWAYS),
            Replacement="True",
            PolicyAction="ReplaceAndRetain",
        ),
        {"Action": "Remove", "LogicalResourceId": "Old", "ResourceType": TABLE["Type"], "PolicyAction": "Retain"},
    ],
    "Backend": [
        modify("Role", "AWS::IAM::Role", detail("Policies", "[]", '[{"PolicyName": "Job"}]')),
        modify(
            "Service",
            "AWS::ECS::Service",
            detail("Environment/0/Value", "", f"https://me:{PASSWORD}@example.com/x"),
            detail("Environment/1/Value", "old-login", "new-login", CausingEntity="Login"),
            detail("TaskDefinition", "task:1", KNOWN_AFTER_APPLY, "Dynamic"),
        ),
        modify("Seed", "AWS::SecretsManager::Secret", detail("GenerateSecretString/PasswordLength", "43", "50")),
        modify(
            "Build",
            "AWS::CodeBuild::Project",
            detail("Source/BuildSpec", BUILDSPEC, BUILDSPEC.replace("make", "make test")),
        ),
        modify(
            "Dashboard",
            "AWS::CloudWatch::Dashboard",
            detail("DashboardBody", WIDGETS, WIDGETS.replace('"widget4", "height": 6', '"widget4", "height": 12')),
        ),
    ],
    "Delivery": [
        modify("Origin", "AWS::CloudFront::VpcOrigin", detail("Tags", "[]", '[{"Key": "CostCenter", "Value": "2"}]')),
        modify(
            "Policy",
            "AWS::S3::BucketPolicy",
            detail("Bucket", "site", KNOWN_AFTER_APPLY, "Dynamic", **ALWAYS),
            Replacement="True",
            PolicyAction="ReplaceAndDelete",
        ),
    ],
    "Pipeline": [
        modify(
            "Pipeline",
            "AWS::CodePipeline::Pipeline",
            detail("Name", "old", "new", **ALWAYS),
            Replacement="True",
            PhysicalResourceId="pipeline-staging",
        )
    ],
    "Storage": [
        {"Action": "Remove", "LogicalResourceId": "Bucket", "ResourceType": BUCKET, "PolicyAction": "Retain"},
        {"Action": "Add", "LogicalResourceId": "Other", "ResourceType": BUCKET},
    ],
    "Monitoring": [
        {"Action": "Add", "LogicalResourceId": name, "ResourceType": "AWS::CloudWatch::Alarm"} for name in ALARMS
    ],
}
HOOK = {
    "TypeName": "Our::Compliance::Hook",
    "FailureMode": "FAIL",
    "InvocationPoint": "PRE_PROVISION",
    "TargetDetails": {"TargetType": "RESOURCE", "ResourceTargetDetails": {"LogicalResourceId": "Other"}},
}
WARNING = {
    "EventType": "VALIDATION_ERROR",
    "LogicalResourceId": "Bucket",
    "ValidationFailureMode": "WARN",
    "ValidationPath": "/Resources/Bucket",
    "ValidationStatusReason": "The bucket is not empty",
}
BEFORE = Stack(
    NAME,
    arn("stack", NAME),
    "UPDATE_COMPLETE",
    parameters={"TaskCpu": "256", "Login": "****"},
    tags={"CostCenter": "1"},
)


def roots() -> tuple[Environment, PackagedSet, Template]:
    """What is wanted, as it is packaged, and the root as it stands."""
    root = from_bodies(AFTER)["environment"]
    environment = Environment("staging", root, ParameterFile("staging.json", {}, {}, {}))
    return environment, package(root, ADDRESS, "staging"), from_bodies(before())["environment"]


def service() -> Prepared:
    """An AWS that answers with all of it; a list of changes comes in pages of fifty."""
    _, new, old = roots()
    by_name = {template.name: dict(template.body) for template in package(old, ADDRESS, "staging").templates}
    bodies = {NAME: by_name["environment"], **{name.capitalize(): body for name, body in by_name.items()}}
    sets = {
        arn("changeSet", NAME): change_set(
            NAME,
            [
                nested(name, detail("TemplateURL", "https://x/1.json", "https://x/2.json"))
                for name in [*CHANGES, "Quiet"]
            ],
        ),
        **{arn("changeSet", name.lower()): change_set(name, changes) for name, changes in CHANGES.items()},
        arn("changeSet", "quiet"): change_set("quiet", [], Status="FAILED", StatusReason=NO_CHANGES),
    }
    for change in sets[arn("changeSet", "storage")]["Changes"]:
        change["HookInvocationCount"] = 1

    def described(ChangeSetName: str, NextToken: str = "0", **_: Any) -> dict[str, Any]:
        whole, first = sets[ChangeSetName], int(NextToken)
        more = {"NextToken": str(first + 50)} if len(whole["Changes"]) > first + 50 else {}
        return {**whole, "Changes": whole["Changes"][first : first + 50], **more}

    after = {template.name: template.body for template in new.templates}

    def template(StackName: str = "", ChangeSetName: str = "", **_: Any) -> dict[str, Any]:
        name = (StackName or ChangeSetName).split("/")[1]
        change_set_body = after.get("environment" if name == NAME else name)
        return {"TemplateBody": json.dumps(bodies[name] if StackName else change_set_body)}

    summary = {"ResourceStatus": "UPDATE_COMPLETE", "ResourceType": STACK, "LastUpdatedTimestamp": 0}
    children = [
        {**summary, "LogicalResourceId": name, "PhysicalResourceId": arn("stack", name)}
        for name in by_name["environment"]["Resources"]
    ]
    running = {"pipelineExecutionId": "1", "status": "InProgress"}
    standing = [
        {
            "StackId": child["PhysicalResourceId"],
            "StackName": child["LogicalResourceId"],
            "CreationTime": 0,
            "StackStatus": "UPDATE_COMPLETE",
        }
        for child in children
    ]
    return Prepared(
        cloudformation__create_change_set={"Id": arn("changeSet", NAME), "StackId": BEFORE.id},
        cloudformation__describe_change_set=described,
        cloudformation__describe_change_set_hooks={"Hooks": [HOOK]},
        cloudformation__describe_events={"OperationEvents": [WARNING]},
        cloudformation__get_template=template,
        cloudformation__list_stack_resources={"StackResourceSummaries": children},
        cloudformation__list_stacks={"StackSummaries": standing},
        cloudformation__get_stack_policy={},
        dynamodb__describe_table=refusal("dynamodb.describe_table", "ResourceNotFoundException"),
        sts__get_caller_identity={"Account": ME.account, "Arn": ME.arn},
        codepipeline__list_pipeline_executions={"pipelineExecutionSummaries": [running]},
    )


def plans() -> list[Plan | NotPlanned]:
    """The whole, judged, beside a root that cannot be planned yet."""
    environment, packaged, _ = roots()
    values = {"TaskCpu": "512", "Login": "third-login"}
    hidden = frozenset({"Login"})
    request = Request(NAME, packaged, values, {"CostCenter": "2"}, hidden=hidden, description="why")
    aws = service()
    context = Context(aws, {"environment": environment}, passed({}), extensions=Extensions(review=review))
    root = RootDeployment(
        context, environment, aws, Bucket.of("dashboard", ME.account, REGION), packaged, previous=BEFORE
    )
    planned = plan.make(aws, request, BEFORE)
    judged = review_root(root, planned, compare(aws, environment, request, BEFORE))
    image = (Difference("BackendImage", "registry/backend:3", "registry/backend:9"),)
    news = (Computed("TaskCpu", "512", "computed", "by looking"),)
    return [
        replace(judged, first=image, computed=news, setting_changes=()),
        NotPlanned(f"{NAME}-edge", f"{NAME} has to exist first"),
    ]
