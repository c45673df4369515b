"""A client's view of the local AWS: uploads, change sets, waiting; every CloudFormation answer checked in shape."""

import json
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import boto3
from botocore.model import Shape
from botocore.session import get_session
from botocore.validate import validate_parameters

from scripts.local_aws import faults
from scripts.local_aws.faults import Plan, ResourceFault
from scripts.local_aws.server import Endpoint

BUCKET = "templates"
PATIENCE = 60.0
STACK_STATUSES = (
    get_session().get_service_model("cloudformation").shape_for("StackStatus").enum  # with REVIEW_IN_PROGRESS, …
)


def wrong(shape: Shape, answer: Any) -> str:
    """What botocore's own validator finds in an answer: unknown members, wrong types, missing required ones."""
    plain = {key: value for key, value in answer.items() if key != "ResponseMetadata"}
    if isinstance(plain.get("TemplateBody"), dict):  # boto3 reads it already
        plain["TemplateBody"] = json.dumps(plain["TemplateBody"])
    validate_parameters(plain, shape)  # raises ParamValidationError
    return "; ".join(_enums(shape, answer, shape.name))


def _enums(shape: Any, value: Any, place: str) -> list[str]:
    """The values outside their enumeration: botocore's validator does not look at them."""
    if shape.type_name == "structure":
        present = {key: inner for key, inner in value.items() if key in shape.members}
        return [
            problem for key, inner in present.items() for problem in _enums(shape.members[key], inner, f"{place}.{key}")
        ]
    if shape.type_name == "list":
        return [problem for inner in value for problem in _enums(shape.member, inner, place)]
    # A stack's own events carry the stack's status, which is richer than the enumeration of resources' statuses.
    known = [*getattr(shape, "enum", []), *(STACK_STATUSES if shape.name == "ResourceStatus" else ())]
    return [f"{place}: {value}"] if getattr(shape, "enum", None) and value not in known else []


class Aws:
    """Clients of the local AWS."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.checked: list[str] = []
        self.stacks = self.client("cloudformation")
        self.stacks.meta.events.register("after-call.cloudformation", self._check)
        self.s3 = self.client("s3")
        self.s3.create_bucket(Bucket=BUCKET)

    def client(self, service: str) -> Any:
        """A boto3 client."""
        keys = {"aws_access_key_id": self.endpoint.key, "aws_secret_access_key": "none"}
        return boto3.client(service, endpoint_url=self.endpoint.url, region_name=self.endpoint.region, **keys)

    def _check(self, parsed: Any, model: Any, **_: Any) -> None:
        if "Error" not in parsed and model.output_shape is not None:
            assert not wrong(model.output_shape, parsed), model.name
            self.checked.append(model.name)

    def put(self, name: str, template: Mapping[str, Any]) -> str:
        """Uploads a template; returns its path-style address."""
        self.s3.put_object(Bucket=BUCKET, Key=name, Body=json.dumps(template).encode())
        return f"{self.endpoint.url}/{BUCKET}/{name}"

    def plan(self, stack: str, template: Mapping[str, Any], kind: str = "UPDATE", **more: Any) -> Any:
        """A change set, described with its values."""
        parameters = more.pop("parameters", {})
        answer = self.stacks.create_change_set(
            StackName=stack,
            ChangeSetName=f"plan-{time.monotonic_ns()}",
            ChangeSetType=kind,
            TemplateURL=self.put(f"{stack}.json", template),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            **{"IncludeNestedStacks": True, "Capabilities": ["CAPABILITY_IAM"], **more},
        )
        return self.described(answer["Id"])

    def described(self, change_set: str) -> Any:
        """A change set with its values."""
        return self.stacks.describe_change_set(ChangeSetName=change_set, IncludePropertyValues=True)

    def execute(self, change_set: Any, **more: Any) -> Any:
        """Executes a change set and waits; returns the stack."""
        self.stacks.execute_change_set(ChangeSetName=change_set["ChangeSetId"], **more)
        return self.wait(change_set["StackId"])

    def deploy(self, stack: str, template: Mapping[str, Any], kind: str = "CREATE", **more: Any) -> Any:
        """Plans and executes; returns the stack."""
        change_set = self.plan(stack, template, kind, **more)
        assert change_set["Status"] == "CREATE_COMPLETE", change_set.get("StatusReason")
        return self.execute(change_set)

    def starts(self, change_set: Any, logical: str, stack: str, **more: Any) -> None:
        """Executes a change set and waits until a resource of a stack is on its way."""
        self.stacks.execute_change_set(ChangeSetName=change_set["ChangeSetId"], **more)
        self.reaches(stack, logical, "_IN_PROGRESS")

    def reaches(self, stack: str, logical: str, status: str) -> None:
        """Waits until the status of a resource ends so: what nothing orders comes in any order."""
        until = time.monotonic() + PATIENCE
        while not self.resources(stack).get(logical, {}).get("ResourceStatus", "").endswith(status):
            assert time.monotonic() < until, f"{stack}/{logical} was never {status}"
            time.sleep(0.05)

    def wait(self, stack: str) -> Any:
        """The stack, once nothing goes on with it."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            [shown] = self.stacks.describe_stacks(StackName=stack)["Stacks"]
            if not shown["StackStatus"].endswith("_IN_PROGRESS"):
                return shown
            time.sleep(0.1)
        raise AssertionError(f"{stack} did not come to rest")

    def delete(self, stack: str) -> Any:
        """Deletes a stack and waits."""
        [shown] = self.stacks.describe_stacks(StackName=stack)["Stacks"]
        self.stacks.delete_stack(StackName=stack)
        return self.wait(shown["StackId"])

    def events(self, stack: str) -> list[Any]:
        """All events of a stack, oldest first."""
        pages = self.stacks.get_paginator("describe_stack_events").paginate(StackName=stack)
        return [event for page in pages for event in page["StackEvents"]][::-1]

    def resources(self, stack: str) -> dict[str, Any]:
        """The resources of a stack by logical id."""
        resources = self.stacks.describe_stack_resources(StackName=stack)["StackResources"]
        return {resource["LogicalResourceId"]: resource for resource in resources}


def failing(aws: Aws, *resources: ResourceFault) -> AbstractContextManager[None]:
    """With a plan of faults for resources."""
    return faults.planned(aws.endpoint, Plan(resources=resources, region=aws.endpoint.region))


def reasons(aws: Aws, stack: str, status: str) -> list[tuple[str, str]]:
    """The logical ids and reasons of a stack's events with a status, in order."""
    events = [event for event in aws.events(stack) if event["ResourceStatus"] == status]
    return [(event["LogicalResourceId"], event.get("ResourceStatusReason", "")) for event in events]


def outputs(stack: Any) -> dict[str, str]:
    """The outputs of a described stack."""
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
