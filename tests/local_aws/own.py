"""An account of one test's own, on a local AWS in this process, asked by boto3; answers and events as plain values.

What differs from run to run is written as what it is: a time as TIME, and each identifier as # and the number of its
first appearance, so that whole documents can be compared.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from textwrap import dedent
from typing import Any

from botocore.exceptions import ClientError

from scripts.local_aws import account as accounts
from scripts.local_aws import application
from scripts.local_aws.faults import Plan, ResourceFault, injection
from scripts.local_aws.values import Behaviour, Stack
from tests.local_aws.support import wrong

REGION = "eu-central-1"
ENDPOINT = "http://localhost:1"
IDENTIFIER = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=-)(?=[A-Z0-9]*[0-9])[A-Z0-9]{12,13}\b")
SHORT = re.compile(r"(?<=-)[0-9a-f]{8}-[0-9a-f]{3}\b")  # at the end of the name of a nested change set


def lines(text: str) -> list[str]:
    """The lines of a text; one that is indented more than the first goes on with the one before."""
    whole: list[str] = []
    for line in dedent(text).strip().splitlines():
        if line.startswith(" "):
            whole[-1] += f" {line.strip()}"
        else:
            whole.append(line)
    return whole


def _members(body: Mapping[str, Any]) -> str:
    pairs = ((name, ",".join(value) if isinstance(value, list) else value) for name, value in body.items())
    return " ".join(f"{name}={value}" for name, value in pairs if value not in ("", []))


class Own:
    """An account with a number of its own. Nothing is drawn: of what nothing orders, the seed's ranks decide."""

    def __init__(self, number: str) -> None:
        if not accounts.SERVED:
            accounts.SERVED.append((ENDPOINT, application.dispatcher()))
        self.number = number
        self.account = accounts.account(number, REGION)
        self.behave(order="ranked")
        self.cloudformation = self.client("cloudformation")
        self._identifiers: list[str] = []

    def client(self, service: str) -> Any:
        """A boto3 client whose calls stay in this process."""
        return self.account.services.client(service)

    def behave(self, **changes: Any) -> None:
        """Sets how the account behaves where AWS leaves it open."""
        self.account.behaviour = Behaviour(**{"order": "ranked", **changes})

    # -- what is said to it

    def call(self, operation: str, **arguments: Any) -> Any:
        """The whole answer of CloudFormation, its shape checked, as a plain value."""
        answer = getattr(self.cloudformation, operation)(**arguments)
        model = self.account.services.model("cloudformation", operation)
        del answer["ResponseMetadata"]
        if model.output_shape is not None:
            assert not wrong(model.output_shape, answer), operation
        return self.plain(answer)

    def refused(self, operation: str, **arguments: Any) -> str:
        """The code and the message of a call that is refused."""
        try:
            getattr(self.cloudformation, operation)(**arguments)
        except ClientError as error:
            return str(self.plain(f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"))
        raise AssertionError(f"{operation} was not refused")

    def put(self, name: str, template: Mapping[str, Any]) -> str:
        """Uploads a template; returns its address."""
        s3, bucket = self.client("s3"), f"templates-{self.number}"  # the names of all accounts are others
        if bucket not in [each["Name"] for each in s3.list_buckets()["Buckets"]]:
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=bucket, Key=name, Body=json.dumps(template).encode())
        return f"{ENDPOINT}/{bucket}/{name}"

    def do(self, operation: str, stack: str, template: Mapping[str, Any] | None = None, **more: Any) -> list[str]:
        """An operation on a stack, to its end; its events in all stacks, as `story` writes them."""
        if template is not None:
            more["TemplateBody"] = json.dumps(template)
        before = self._total()
        getattr(self.cloudformation, operation)(StackName=stack, **more)
        self.wait()
        return self.story(before)

    def execute(self, change_set: str, **more: Any) -> list[str]:
        """Executes a change set, to its end; its events in all stacks."""
        before = self._total()
        self.cloudformation.execute_change_set(ChangeSetName=change_set, **more)
        self.wait()
        return self.story(before)

    def plan(self, stack: str, template: Mapping[str, Any], kind: str = "UPDATE", **more: Any) -> str:
        """A change set named `plan`; returns its id."""
        answer = self.cloudformation.create_change_set(
            StackName=stack,
            ChangeSetName=more.pop("name", "plan"),
            ChangeSetType=kind,
            TemplateBody=json.dumps(template),
            **more,
        )
        return str(answer["Id"])

    def wait(self) -> None:
        """Waits for whatever goes on."""
        for stack in tuple(self.account.stacks.values()):
            if stack.running:
                stack.running.join(60)
                assert not stack.running.is_alive()

    @contextmanager
    def failing(self, *faults: ResourceFault) -> Iterator[None]:
        """With faults of resources."""
        active = injection.Active(Plan(resources=faults, key=self.number))
        injection.ACTIVE.append(active)
        try:
            yield
        finally:
            injection.ACTIVE.remove(active)
            active.gone.set()

    # -- what is seen of it

    def stack(self, name: str) -> Any:
        """The entry of `DescribeStacks`."""
        [shown] = self.call("describe_stacks", StackName=name)["Stacks"]
        return shown

    def child(self, stack: str, logical: str) -> str:
        """The id of a nested stack."""
        return self.account.find(stack).resources[logical].physical

    def statuses(self, stack: str) -> dict[str, str]:
        """The status of each resource of a stack."""
        listed = self.call("list_stack_resources", StackName=stack)["StackResourceSummaries"]
        return {each["LogicalResourceId"]: each["ResourceStatus"] for each in listed}

    def story(self, after: int = 0) -> list[str]:
        """The events of all stacks after so many, oldest first: path, status and reason."""
        entries = [
            (event["Timestamp"], number, stack, event)
            for stack in self.account.stacks.values()
            for number, event in enumerate(stack.events)
        ]
        entries.sort(key=lambda entry: (entry[0], entry[2].path, entry[1]))
        return [self._line(stack, event) for _, _, stack, event in entries[after:]]

    def changes(self, change_set: str, *, values: bool = True) -> list[str]:
        """Every member of the changes of a change set: a line for each change, and one for each of its details."""
        shown = self.call("describe_change_set", ChangeSetName=change_set, IncludePropertyValues=values)
        result = []
        for change in shown["Changes"]:
            body = change["ResourceChange"]
            result.append(_members({name: value for name, value in body.items() if name != "Details"}))
            for detail in body["Details"]:
                result.append("- " + _members({**detail["Target"], **detail, "Target": ""}))
        return result

    def nested_change_set(self, change_set: str, logical: str) -> str:
        """The id of the change set of a nested stack."""
        [below] = [each for each in self.account.change_sets[change_set].below if each.stack.logical == logical]
        return below.id

    def _line(self, stack: Stack, event: Mapping[str, Any]) -> str:
        own = event["PhysicalResourceId"] == stack.id
        subject = f"stack {stack.path}" if own else f"{stack.path}/{event['LogicalResourceId']}"
        words = f"{subject} {event['ResourceStatus']} {event.get('ResourceStatusReason', '')}".split()
        return str(self.plain(" ".join(words)))

    def _total(self) -> int:
        return sum(len(stack.events) for stack in self.account.stacks.values())

    def plain(self, value: Any) -> Any:
        """A value with times and identifiers written as what they are."""
        if isinstance(value, datetime.datetime):
            return "TIME"
        if isinstance(value, Mapping):
            return {key: self.plain(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.plain(inner) for inner in value]
        if isinstance(value, str):
            return SHORT.sub(self._number, IDENTIFIER.sub(self._number, value)).replace(self.number, "ACCOUNT")
        return value

    def _number(self, match: re.Match[str]) -> str:
        if match[0] not in self._identifiers:
            self._identifiers.append(match[0])
        return f"#{self._identifiers.index(match[0]) + 1}"
