"""An account of its own, the commands as a user types them, and a person at the terminal.

The account is a local AWS, reached as a real one is: by the variables of the AWS command line. So everything happens
that happens on a real account only: questions, termination protection, stack policies.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scripts.deployment.aws import Aws, Endpoint
from scripts.local_aws import faults, server
from scripts.local_aws.faults import CallFault, Plan, ResourceFault
from tests import prepared
from tests.conftest import ROOT
from tests.support import commands, terminal
from tests.support.commands import Process, Words
from tests.support.gate import pass_gate

REGION, ACCOUNT = "eu-west-1", "123456789012"
# The account of the local AWS is one that documentation uses: a parameter file must not name it.
CONNECTION = f"arn:aws:codeconnections:{REGION}:111122223333:connection/4dde5c82-51d6-4ea9-918e-03aed6972ff3"
# What the local AWS does not hold, in the shape of AWS's answer: the branch's source is complete.
SOURCE = CallFault(
    "answer",
    on="codeconnections.GetConnection",
    times=0,
    answer={"Connection": {"ConnectionName": "source", "ConnectionStatus": "AVAILABLE"}},
)
NO_RULES = CallFault(
    "answer",
    on="codecommit.ListAssociatedApprovalRuleTemplatesForRepository",
    times=0,
    answer={"approvalRuleTemplateNames": []},
)
ALWAYS = (SOURCE, NO_RULES)
STACK = "AWS::CloudFormation::Stack"
SECONDS = 120  # for one command
COMPUTED = {"BackendImage": {"First": "none", "Found": "release"}, "BackendBootstrap": {"First": "true", "Found": "x"}}

Body = dict[str, Any]
Change = Callable[[dict[str, Body]], object]


def parameter(name: str, value: Any) -> Body:
    """A resource that is quickly made."""
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Name": name, "Type": "String", "Value": value}}


def small_templates() -> dict[str, Body]:
    """A root with one nested stack, whose source stands behind a connection, so that nothing is shared."""
    nested = {
        "Parameters": {"Text": {"Type": "String"}},
        "Resources": {
            "Note": parameter("/accounts/note", {"Ref": "Text"}),
            "Table": {
                "Type": "AWS::DynamoDB::Table",
                "DeletionPolicy": "Retain",
                "UpdateReplacePolicy": "Retain",
                "Properties": {
                    "BillingMode": "PAY_PER_REQUEST",
                    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                },
            },
            "Role": role("ecs-tasks.amazonaws.com", policy("s3:GetObject")),
        },
    }
    properties = {
        "TemplateURL": "data.json",
        "Parameters": {"Text": {"Ref": "Text"}},
        "Tags": [{"Key": "Application", "Value": "accounts"}],
    }
    root = {
        "Metadata": {"Generator": {"Module": "tests", "Version": "1"}},
        "Parameters": {
            "Environment": {"Type": "String"},
            "Text": {"Type": "String"},
            "ConnectionArn": {"Type": "String", "Default": ""},
            "BranchName": {"Type": "String", "Default": "main"},
        },
        "Resources": {"Data": {"Type": STACK, "Properties": properties}},
        "Outputs": {"Text": {"Value": {"Ref": "Text"}}},
    }
    return {"environment": root, "data": nested}


def with_a_backend(bodies: dict[str, Any]) -> None:
    """The environment is given the image of its releases, as one with its backend on ECS is."""
    root, data = bodies["environment"], bodies["data"]
    root["Metadata"]["Computed"] = COMPUTED
    root["Parameters"] |= {name: {"Type": "String"} for name in COMPUTED}
    root["Outputs"] |= {"LastImageParameter": {"Value": "/accounts/image"}, "RunningService": {"Value": "service"}}
    root["Resources"]["Data"]["Properties"]["Parameters"]["BackendImage"] = {"Ref": "BackendImage"}
    data["Parameters"]["BackendImage"] = {"Type": "String"}
    data["Resources"]["Image"] = parameter("/accounts/deployed", {"Ref": "BackendImage"})


def role(service: str, document: Body) -> Body:
    """A role of a service, which may do what `document` says."""
    trusted = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trusted]},
            "Policies": [{"PolicyName": "Own", "PolicyDocument": document}],
        },
    }


def policy(*actions: str) -> Body:
    """A policy document that allows actions on the account's own bucket."""
    statement = {"Sid": "Own", "Effect": "Allow", "Action": list(actions), "Resource": "arn:aws:s3:::own/*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


@dataclass
class Account:
    """An account and the folders of a checkout with a small project in it. `environment` is what commands name."""

    folder: Path
    endpoint: server.Endpoint
    environment: str = "staging"
    key: tuple[str, str] = ("", "")  # of the caller, where it is not the account's own

    @property
    def stack(self) -> str:
        """The name of the environment's stack."""
        return f"accounts-{self.environment}"

    @property
    def aws(self) -> Aws:
        """The account as a test looks at it."""
        return Aws(endpoint=Endpoint(self.endpoint.url, self.endpoint.region, list, self.endpoint.key)).at(REGION)

    def write(
        self,
        text: str = "first",
        *,
        environment: str = "staging",
        policy: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        change: Change = lambda _: None,
        connection: str = CONNECTION,
    ) -> None:
        """Writes templates and the parameter file of `environment`, which commands name from now on; `change` may
        edit the templates."""
        self.environment = environment
        # Both roots have the file params/shared.json; `shared` nests the other.
        names = ("shared", "shared-access", "signing")
        bodies = small_templates() | {
            name: json.loads((ROOT / f"templates/{name}.json").read_text("utf-8")) for name in names
        }
        change(bodies)
        for name in ("templates", "params"):
            (self.folder / name).mkdir(exist_ok=True)
        for name, body in bodies.items():
            (self.folder / f"templates/{name}.json").write_text(json.dumps(body), encoding="utf-8")
        pass_gate(self.folder / "templates")
        shared = json.loads((ROOT / "params/shared.json").read_text(encoding="utf-8"))
        shared["Parameters"]["RequiredApprovals"] = "0"  # the local AWS does not hold approval rules
        (self.folder / "params/shared.json").write_text(json.dumps(shared), encoding="utf-8")
        values = {"Environment": environment, "Text": text} | ({"ConnectionArn": connection} if connection else {})
        file = {"Parameters": values, "Tags": dict(tags or {}), "StackPolicy": dict(policy or {})}
        (self.folder / f"params/{environment}.json").write_text(json.dumps(file), encoding="utf-8")

    @property
    def variables(self) -> dict[str, str]:
        """The process's environment: the user's own configuration of the AWS command line is not read."""
        usual = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        config = self.folder / "config"
        config.write_text(f"[default]\nregion = {REGION}\ns3 =\n  addressing_style = path\n", encoding="utf-8")
        return usual | {
            "AWS_ENDPOINT_URL": self.endpoint.url,
            "AWS_ACCESS_KEY_ID": self.key[0] or self.endpoint.key,
            "AWS_SECRET_ACCESS_KEY": self.key[1] or "tests",
            "AWS_CONFIG_FILE": str(config),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "credentials"),
            "TERM": "xterm",
        }

    def words(self, verb: str, *words: str) -> Words:
        """The command line of what is typed."""
        folders = [word for name in ("templates", "params") for word in (f"--{name}", str(self.folder / name))]
        return Words(commands.DEPLOY, [verb, self.environment, *folders, *words], self.variables)

    def run(self, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        """One command without a terminal."""
        return commands.run(self.words(verb, *words), SECONDS)

    def start(self, verb: str, *words: str, until: str) -> Process:
        """A command without a terminal that goes on; it has printed `until`."""
        process = commands.start(self.words(verb, *words), together=True)
        lines = []
        assert process.output
        for line in process.output:
            lines.append(line)
            if until in line:
                return process
        raise AssertionError(f"{until!r} was not printed:\n{''.join(lines)}")

    def user(self, name: str) -> Account:
        """The same account as an IAM user, who is created."""
        self.aws.call("iam", "create_user", UserName=name)
        key = self.aws.call("iam", "create_access_key", UserName=name)["AccessKey"]
        return replace(self, key=(key["AccessKeyId"], key["SecretAccessKey"]))

    def type(self, verb: str, *words: str, answers: Mapping[str, str]) -> tuple[int, str]:
        """One command on a terminal: each of `answers` is typed when its question stands there. The exit status, and
        everything that the terminal showed."""
        ended = terminal.converse(self.words(verb, *words), *answers.items())
        return ended.status, ended.shown

    def statuses(self) -> dict[str, str]:
        """The status of every stack, nested ones too."""
        pages = self.aws.pages("cloudformation", "describe_stacks")
        return {stack["StackName"]: stack["StackStatus"] for page in pages for stack in page["Stacks"]}

    def change_sets(self) -> list[str]:
        """The name of every change set of every stack."""
        return [
            summary["ChangeSetName"]
            for stack in self.statuses()
            for page in self.aws.pages("cloudformation", "list_change_sets", StackName=stack)
            for summary in page["Summaries"]
        ]

    def note(self) -> str:
        """The value that was deployed last."""
        return str(self.aws.call("ssm", "get_parameter", Name="/accounts/note")["Parameter"]["Value"])

    def calls(self) -> list[str]:
        """The calls that came since the last `faults`, as service.Operation."""
        return [call.name for call in faults.calls(self.endpoint)]

    @contextmanager
    def faults(self, *calls: CallFault, resources: tuple[ResourceFault, ...] = ()) -> Iterator[None]:
        """What is wrong within the block."""
        faults.put(self.endpoint, Plan(calls=(*calls, *ALWAYS), resources=resources))
        try:
            yield
        finally:
            faults.put(self.endpoint, Plan(calls=ALWAYS))


@contextmanager
def account(folder: Path) -> Iterator[Account]:
    """An account with nothing in it."""
    endpoint = prepared.ensure(folder / "local-aws.json")
    try:
        faults.put(endpoint, Plan(calls=ALWAYS))
        yield Account(folder, endpoint)
    finally:
        server.stop(folder / "local-aws.json")
