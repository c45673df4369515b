"""A small project of one root and two nested stacks, made anew for each case, and all that is to be seen of it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from generator.cfn.environments import Environment
from generator.cfn.parameters import ParameterFile
from generator.cfn.templates import STACK, from_bodies
from scripts import cli
from scripts.deployment.aws import Answer, Aws, Endpoint
from scripts.deployment.errors import RefusedError
from scripts.deployment.stacks import read
from scripts.operations.options import read_options
from scripts.operations.run import Run
from scripts.terminal.endings import ended
from tests.support.gate import passed

Body = dict[str, Any]
REFUSED = {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "/aws/broken", "Type": "String", "Value": "x"}}


def templates(application: str, broken: bool = False) -> dict[str, Body]:
    """The rendered set; `broken` adds a resource that its service refuses, made last."""
    first: Body = {
        "Parameters": {"Text": {"Type": "String"}},
        "Resources": {
            "Bucket": {
                "Type": "AWS::S3::Bucket",
                "DeletionPolicy": "RetainExceptOnCreate",
                "UpdateReplacePolicy": "Retain",
                "Properties": {},
            },
            "Note": parameter(f"/{application}/first", {"Ref": "Text"}),
        },
        "Outputs": {"Text": {"Value": {"Fn::GetAtt": ["Note", "Value"]}}},
    }
    second: Body = {
        "Parameters": {"Text": {"Type": "String"}},
        "Resources": {"Note": parameter(f"/{application}/second", {"Fn::Sub": "${Text} again"})},
    }
    if broken:
        second["Resources"]["Zz"] = {**REFUSED, "DependsOn": "Note"}
    root: Body = {
        "Metadata": {"Generator": {"Module": "tests", "Version": "1"}},
        "Parameters": {"Environment": {"Type": "String"}, "Text": {"Type": "String"}},
        "Resources": {
            "First": nested(application, "first", {"Text": {"Ref": "Text"}}),
            "Second": nested(application, "second", {"Text": {"Fn::GetAtt": ["First", "Outputs.Text"]}}),
        },
        "Outputs": {"Text": {"Value": {"Ref": "Text"}}},
    }
    return {"environment": root, "first": first, "second": second}


def parameter(name: str, value: Any) -> Body:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Name": name, "Type": "String", "Value": value}}


def nested(application: str, name: str, parameters: Body) -> Body:
    properties = {"TemplateURL": f"{name}.json", "Parameters": parameters}
    return {"Type": STACK, "Properties": {**properties, "Tags": [{"Key": "Application", "Value": application}]}}


@dataclass(frozen=True)
class Project:
    """One application, which nothing else shares anything with."""

    aws: Watched
    application: str

    @property
    def stack(self) -> str:
        return f"{self.application}-case"

    def run(self, text: str, *words: str, verb: str = "apply", broken: bool = False) -> int:
        """What `deploy VERB case` does in this process; returns the exit status."""
        body = templates(self.application, broken)
        file = ParameterFile("case.json", {"Environment": "case", "Text": text}, {}, {})
        root = Environment("case", from_bodies(body)["environment"], file)
        module, nowhere = cli.VERBS[verb].load(), Path(os.devnull).parent
        options = read_options(module.Options, cli.parser(verb).parse_args(["case", *words]))
        roots = {"environment": root}
        run = Run(self.aws, roots, nowhere, nowhere, nowhere, passed(roots))
        return int(ended(lambda: module.run(run, options), RefusedError("Interrupted.")))

    def state(self, text: str) -> dict[str, Any]:
        """Every stack with its resources, parameters, outputs and change sets, and the values that the services hold;
        `text` is what was deployed and stands as `text`."""
        encoded = json.dumps(self.stacks() | {"values": self._values()}).replace(f'"{text}', '"text')
        state: dict[str, Any] = json.loads(encoded)
        return state

    def stacks(self) -> dict[str, Any]:
        """The stacks that exist, by what they are to the application."""
        pages = self.aws.pages("cloudformation", "describe_stacks")
        stacks = [stack for page in pages for stack in page["Stacks"] if stack["StackName"].startswith(self.stack)]
        by_name = {plain(stack["StackName"]): self._stack(stack) for stack in stacks}
        assert len(by_name) == len(stacks), "two stacks of one name"
        return by_name

    def _stack(self, stack: Mapping[str, Any]) -> Body:
        ask = {"StackName": stack["StackId"]}
        resources = self.aws.call("cloudformation", "list_stack_resources", **ask)["StackResourceSummaries"]
        sets = self.aws.call("cloudformation", "list_change_sets", **ask)["Summaries"]
        return {
            "status": shown_status(stack["StackStatus"]),
            "outputs": {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())},
            "parameters": {
                parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in stack.get("Parameters", ())
            },
            "resources": {
                resource["LogicalResourceId"]: shown_status(resource["ResourceStatus"]) for resource in resources
            },
            "change sets": [summary["ChangeSetName"] for summary in sets],
        }

    def _values(self) -> dict[str, str]:
        answer = self.aws.call("ssm", "get_parameters_by_path", Path=f"/{self.application}", Recursive=True)
        return {parameter["Name"].rpartition("/")[2]: parameter["Value"] for parameter in answer["Parameters"]}

    def operations(self) -> list[str]:
        """How each operation on the root began."""
        if read(self.aws, self.stack) is None:
            return []
        pages = self.aws.pages("cloudformation", "describe_stack_events", StackName=self.stack)
        events = [event for page in pages for event in page["StackEvents"] if event["LogicalResourceId"] == self.stack]
        return [event["ResourceStatus"] for event in reversed(events) if event["ResourceStatus"] in BEGINNINGS]


BEGINNINGS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")


def plain(name: str) -> str:
    """A stack's name without the application, and without what CloudFormation generates."""
    return re.sub(r"^.*?-case", "case", re.sub(r"-[0-9A-F]{12}$", "", name))


def shown_status(status: str) -> str:
    """Created or updated last is the same state."""
    return "COMPLETE" if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE") else status


class Watched(Aws):
    """An account in which a `Kill`, or nobody, sees every call."""

    kill: Kill | None = None

    def call(self, service: str, operation: str, /, **arguments: Any) -> Answer:
        send = partial(super().call, service, operation, **arguments)
        return self.kill(f"{service}.{operation}", send) if self.kill else send()


@dataclass
class Kill:
    """Ends the process, without any tidying up, after the call of a number, among those to `on` where that is given;
    never for number 0. To AWS, after one call is before the next."""

    at: int
    on: str = ""
    count: int = 0
    counting: Lock = field(default_factory=Lock)  # some calls are made at the same time

    def __call__(self, name: str, send: Callable[[], Answer]) -> Answer:
        if self.on not in ("", name):
            return send()
        with self.counting:
            self.count += 1
            number = self.count
        try:
            return send()
        finally:
            if number == self.at:
                os._exit(KILLED)


KILLED = 137


def forked(work: Callable[[], int]) -> int:
    """The exit status of `work` in a process of its own."""
    return started(work)()


def started(work: Callable[[], int]) -> Callable[[], int]:
    """Starts `work` in a process of its own, with this one's memory; what is returned waits for its exit status."""
    process = os.fork()
    if process == 0:
        status = 99
        try:
            out = os.open(os.environ.get("TOLD", os.devnull), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(out, 1), os.dup2(out, 2)
            status = work()
        finally:
            os._exit(status)
    return lambda: os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def watched(endpoint: Endpoint) -> Watched:
    """An account with every client made, so that a forked process need not read botocore's models again."""
    aws = Watched(endpoint=endpoint)
    for service in ("sts", "s3", "cloudformation", "ssm"):
        aws._client(service)
    return aws
