"""The life of an environment in an account of its own, by the roles of its access stack: commands as a user types them,
in this process, and what was judged in each part.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Thread
from typing import Any
from unittest.mock import patch

from generator.cfn import parameters
from generator.cfn.evaluate import Request
from generator.cfn.names import ACCESS_ROOTS, PRODUCTION, SHARED
from scripts import cli
from scripts.deployment.aws import Aws, Endpoint
from scripts.local_aws import faults, roles
from scripts.local_aws.faults import CallFault, Plan, ResourceFault
from scripts.local_aws.roles.judge import Refusal
from tests.conftest import ROOT
from tests.support.accounts import ACCOUNT, ALWAYS, REGION, Account, account
from tests.support.gate import pass_gate

NAME = "cloud-health-dashboard"
COMMIT = "1" * 40
# Production is refused with the reason that the files come with, on AWS as in these accounts.
WAIVED = "Nobody develops in the account of a test"
Ended = subprocess.CompletedProcess[str]
# A parameter file must not name the account of documentation. The local AWS has it, and here it stands for a real one,
# whose resources a next life adopts by their ARNs.
PLACEHOLDER = re.compile(parameters.PLACEHOLDER.pattern.replace(ACCOUNT, "0" * 12), parameters.PLACEHOLDER.flags)


def answers(on: str, **answer: Any) -> CallFault:
    """An answer of what the local AWS does not hold, in the shape of AWS's."""
    return CallFault("answer", on=on, times=0, answer=answer)


IMAGES = [{"languages": [{"images": [{"name": "aws/codebuild/standard:7.0"}]}]}]
BRANCH = CallFault(
    "answer", on="codecommit.GetBranch", times=0, answer={"branch": {"branchName": "develop", "commitId": COMMIT}}
)
PRESENT = (
    BRANCH,
    answers("codecommit.ListRepositories", repositories=[]),
    answers("service-quotas.ListServiceQuotas", Quotas=[]),
    answers("sesv2.GetAccount", ProductionAccessEnabled=True),
    answers("codebuild.ListCuratedEnvironmentImages", platforms=IMAGES),
    *ALWAYS,
)


def run(whose: Account, verb: str, *words: str, stdin: str = "", project: Path = ROOT) -> Ended:
    """What `Account.run` does, in this process; `project` is the working tree that production is deployed from."""
    command, out, err = [*whose.words(verb, *words).words], io.StringIO(), io.StringIO()
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with (
            patch.dict(os.environ, whose.variables, clear=True),
            patch.object(cli, "PROJECT", project),
            patch.object(parameters, "PLACEHOLDER", PLACEHOLDER),
            patch.object(sys, "stdin", io.StringIO(stdin)),
            chdir(whose.folder),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            status = cli.main(command, "python -m scripts.deploy")
    except SystemExit as ended:
        status = int(str(ended.code))
    finally:
        signal.signal(signal.SIGTERM, handler)
    return subprocess.CompletedProcess(command, int(status), out.getvalue(), err.getvalue())


def as_role(whose: Account, arn: str) -> Account:
    """The same account as somebody who has assumed a role."""
    key = whose.aws.call("sts", "assume_role", RoleArn=arn, RoleSessionName="release")["Credentials"]
    return replace(whose, key=(key["AccessKeyId"], key["SecretAccessKey"]))


def caller(whose: Account) -> Aws:
    """The account as whoever commands are run as looks at it."""
    endpoint = Endpoint(whose.endpoint.url, whose.endpoint.region, list, whose.key[0] or whose.endpoint.key)
    return Aws(endpoint=endpoint).at(REGION)


def outputs(whose: Account, stack: str) -> dict[str, str]:
    [body] = whose.aws.call("cloudformation", "describe_stacks", StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in body["Outputs"]}


def succeed(ended: Ended) -> str:
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def edit(whose: Account, name: str, change: Any) -> None:
    """Changes a file of the account's folders; the gate passes what is there then."""
    file: Path = whose.folder / name
    body = json.loads(file.read_text(encoding="utf-8"))
    change(body)
    file.write_text(json.dumps(body), encoding="utf-8")
    pass_gate(whose.folder / "templates")


@contextmanager
def fresh(folder: Path) -> Iterator[Account]:
    """An account in which no service has its linked role, with what all environments share, by an administrator."""
    with account(folder) as whose:
        for name in ("templates", "params"):
            shutil.copytree(ROOT / name, whose.folder / name)
        decided = {"RequiredApprovals": "0", "ProtectionWaivedBecause": WAIVED}
        edit(whose, "params/shared.json", lambda body: body["Parameters"].update(decided))
        faults.put(whose.endpoint, Plan(calls=PRESENT))
        succeed(run(replace(whose, environment="shared"), "apply", "--yes"))
        yield whose


def excluded() -> dict[str, list[str]]:
    """What the handlers of each type name and no template of ours needs, by the access stack's template."""
    bodies = [json.loads((ROOT / f"templates/{name}.json").read_text(encoding="utf-8")) for name in ACCESS_ROOTS]
    return {kind: words for body in bodies for kind, words in roles.excluded(body).items()}


def policies(whose: Account, role: str) -> dict[str, Any]:
    """The policy documents of a role as they are deployed, by the ARN of a managed policy or an inline one's name."""
    iam, name = whose.aws, role.rpartition("/")[2]
    documents = {
        each: iam.call("iam", "get_role_policy", RoleName=name, PolicyName=each)["PolicyDocument"]
        for each in iam.call("iam", "list_role_policies", RoleName=name)["PolicyNames"]
    }
    for attached in iam.call("iam", "list_attached_role_policies", RoleName=name)["AttachedPolicies"]:
        arn = attached["PolicyArn"]
        version = iam.call("iam", "get_policy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
        body = iam.call("iam", "get_policy_version", PolicyArn=arn, VersionId=version)["PolicyVersion"]
        documents[arn] = body["Document"]
    return documents


def page(whose: Account, pipeline: str, body: Any, more: str = "") -> None:
    """Writes to the page of a pipeline's executions."""
    name = f"pipeline-executions?pipeline={pipeline}&region={REGION}{more}"
    whose.endpoint.ask(name, "PUT", json.dumps(body).encode())


def action(stage: str, action: Mapping[str, Any], status: str = "Succeeded", token: str = "") -> dict[str, Any]:
    """An action of an execution as its record has it."""
    return {
        "id": f"{stage}-1",
        "stage": stage,
        "action": action["name"],
        "type": action["actionTypeId"],
        "configuration": action["configuration"],
        "status": status,
        "summary": "",
        "error": "",
        "token": token,
        "inputs": [],
        "outputs": [],
        "namespace": "",
        "started": time.time(),
        "updated": time.time(),
    }


def record_execution(
    whose: Account, stack: str, number: int, status: str = "Succeeded", **changes: Any
) -> dict[str, Any]:
    """Writes an execution of a stack's pipeline, as the worker does that runs it: all stages succeeded."""
    name = outputs(whose, stack)["Pipeline"]
    pipeline = whose.aws.call("codepipeline", "get_pipeline", name=name)["pipeline"]
    stages, now = [stage["name"] for stage in pipeline["stages"]], time.time()
    source = pipeline["stages"][0]["actions"][0]["name"]
    body = {
        "id": f"{number:08}-0000-4000-8000-000000000000",
        "version": pipeline["version"],
        "status": status,
        "summary": "",
        "type": "STANDARD",
        "target": "",
        "stage": "",
        "commit": COMMIT,
        "trigger": {"triggerType": "StartPipelineExecution", "triggerDetail": "test"},
        "started": now,
        "updated": now,
        "revisions": [{"actionName": source, "revisionId": COMMIT, "revisionSummary": "a release"}],
        "artifacts": {},
        "variables": {},
        "stages": [{"name": stage, "status": "Succeeded"} for stage in stages],
        "actions": [action(stage["name"], stage["actions"][0]) for stage in pipeline["stages"]],
        **changes,
    }
    page(whose, name, body)
    return body


@contextmanager
def without(whose: Account, role: str, sid: str) -> Iterator[None]:
    """A role without one of its statements, within the block."""
    [(name, document)] = [
        (name, document)
        for name, document in policies(whose, role).items()
        if any(statement["Sid"] == sid for statement in document["Statement"])
    ]

    def put(body: Any) -> None:
        if not name.startswith("arn:"):
            inline = {"RoleName": role.rpartition("/")[2], "PolicyName": name}
            whose.aws.call("iam", "put_role_policy", PolicyDocument=json.dumps(body), **inline)
            return
        version = {"PolicyArn": name, "PolicyDocument": json.dumps(body), "SetAsDefault": True}
        whose.aws.call("iam", "create_policy_version", **version)

    put({**document, "Statement": [each for each in document["Statement"] if each["Sid"] != sid]})
    try:
        yield
    finally:
        put(document)


@dataclass
class Life:
    """An environment of an account, created by an administrator's `access`: what came of the commands, and what was
    judged in them. Roles are called as the access stack's template calls them; `statements` are those of each role by
    their ids, as they are deployed."""

    whose: Account
    name: str
    project: Path = ROOT
    ended: dict[str, Ended] = field(default_factory=dict)
    statuses: dict[str, dict[str, str]] = field(default_factory=dict)
    used: set[tuple[str, str, str]] = field(default_factory=set)
    denied: dict[str, tuple[Refusal, ...]] = field(default_factory=dict)
    unjudged: dict[str, int] = field(default_factory=dict)
    requests: dict[str, tuple[tuple[str, Request], ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.whose = replace(self.whose, environment=self.name)
        succeed(run(self.whose, "access", "--yes"))
        stack_outputs = outputs(self.whose, f"{NAME}-{self.name}-access")
        named = {"DeployRole": "DeployRoleArn", "ExecutionRole": "CloudFormationRoleArn"}
        named |= {} if self.name == SHARED else {"ApproverRole": "ApproverRoleArn"}
        self.roles = {name: stack_outputs[output] for name, output in named.items()}
        self.logical = {arn.rpartition("/")[2]: name for name, arn in self.roles.items()}
        self.deployer = as_role(self.whose, self.roles["DeployRole"])
        self.statements = {
            name: {each["Sid"]: each for body in policies(self.whose, arn).values() for each in body["Statement"]}
            for name, arn in self.roles.items()
        }

    @property
    def stack(self) -> str:
        return f"{NAME}-{self.name}"

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """One part of the life; what is judged in it is kept under its name."""
        roles.enforce(self.whose.endpoint, excluded())
        try:
            yield
        finally:
            judged = roles.judged(self.whose.endpoint)
            roles.stop(self.whose.endpoint)
        self.used |= {(self.logical[role], sid, action) for role, sid, action in judged.used}
        self.denied[name] = judged.denied
        self.unjudged |= judged.unjudged
        self.requests[name] = tuple((self.logical[role], request) for role, request in judged.requests)
        self.statuses[name] = self.whose.statuses()

    def run(self, part: str, verb: str, *words: str, stdin: str = "") -> Ended:
        """One command as the deploy role."""
        with self.part(part):
            self.ended[part] = run(self.deployer, verb, *words, stdin=stdin, project=self.project)
        return self.ended[part]

    def deploy(self, part: str, *words: str) -> None:
        """What is in the files, as the deploy role: at once, or by reviewed plans, until there is nothing left to
        plan, as production asks for."""
        if self.name != PRODUCTION:
            self.run(part, "apply", "--yes", *words)
            return
        with self.part(part):
            file = str(self.whose.folder / "plan.json")
            for _ in range(4):
                planned = run(self.deployer, "plan", "--out", file, project=self.project)
                self.ended[part] = planned
                if planned.returncode != 2:
                    return
                agreed = ("--plan", file, "--yes", *words)
                self.ended[part] = run(self.deployer, "apply", *agreed, project=self.project)
                if self.ended[part].returncode:
                    return

    def faulty(self, *calls: CallFault, resources: tuple[ResourceFault, ...] = ()) -> None:
        """What is wrong from now on."""
        faults.put(self.whose.endpoint, Plan(calls=(*calls, *PRESENT), resources=resources))

    def unprotect(self, part: str) -> None:
        """Ends the termination protection of the root, and of what stands in us-east-1, as the deploy role."""
        deployer, off = caller(self.deployer), {"EnableTerminationProtection": False}
        edge = self.whose.aws.at("us-east-1").pages("cloudformation", "describe_stacks")
        there = any(stack["StackName"] == f"{self.stack}-edge" for page in edge for stack in page["Stacks"])
        with self.part(part):
            deployer.call("cloudformation", "update_termination_protection", StackName=self.stack, **off)
            if there:
                name = f"{self.stack}-edge"
                aws = deployer.at("us-east-1")
                aws.call("cloudformation", "update_termination_protection", StackName=name, **off)

    # --- releases

    def execution(self, number: int, status: str = "Succeeded", **changes: Any) -> dict[str, Any]:
        """Writes an execution of the pipeline, as the worker does that runs it: all stages succeeded."""
        return record_execution(self.whose, self.stack, number, status, **changes)

    def stopping(self, number: int) -> Thread:
        """An execution that runs until somebody stops it, and the thread that then ends it."""
        body, name = self.execution(number, "InProgress"), outputs(self.whose, self.stack)["Pipeline"]
        address = f"pipeline-executions?pipeline={name}&region={REGION}"

        def end() -> None:
            for _ in range(600):
                records = [each for each in self.whose.endpoint.ask(address) if each["id"] == body["id"]]
                if records[0]["status"] == "Stopping":
                    page(self.whose, name, {"id": body["id"], "status": "Stopped"})
                    return
                time.sleep(0.2)

        worker = Thread(target=end, daemon=True)
        worker.start()
        return worker

    def release(self, number: int) -> None:
        """A release that went well, with its image recorded as the last good one; what is started or taken back by hand
        from now on goes well as well."""
        stack_outputs = outputs(self.whose, self.stack)
        if "LastImageParameter" in stack_outputs:
            image = {
                "Name": stack_outputs["LastImageParameter"],
                "Value": f"{stack_outputs['RegistryUri']}:{COMMIT[:12]}",
            }
            self.whose.aws.call("ssm", "put_parameter", Type="String", Overwrite=True, **image)
        self.execution(number)
        worker = [sys.executable, "-m", "tests.support.pipeline_worker", self.whose.endpoint.url]
        worker += [self.whose.endpoint.key, stack_outputs["Pipeline"], REGION]
        page(self.whose, stack_outputs["Pipeline"], worker, "&worker=1")
