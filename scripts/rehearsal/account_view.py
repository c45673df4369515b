"""What is deployed, read back through AWS's API: the pipeline, and what stacks declare of their resources."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from generator.cfn.assertions import conditions
from generator.cfn.intrinsics import decide
from generator.cfn.places import walk
from scripts.deployment.aws import Aws
from scripts.deployment.errors import RefusedError
from scripts.rehearsal.errors import UnsupportedError

WITH_ROLE = "ElasticBeanstalk"  # the actions that may have a role of their own
STAGE_KEYS = {"name", "actions", "beforeEntry", "onFailure", "blockers"}
ROLLBACK, RETRY, FAIL = "ROLLBACK", "RETRY", "FAIL"


@dataclass(frozen=True)
class EntryCheck:
    """One rule before the entry of a stage; when it fails, the stage is skipped."""

    name: str
    variable: str
    operator: str
    value: str

    def passes(self, actual: str) -> bool:
        """Whether a value passes (rule-reference-VariableCheck). Raises `UnsupportedError` for other operators."""
        match self.operator:
            case "EQ":
                return actual == self.value
            case "NE":
                return actual != self.value
            case "CONTAINS":
                return self.value in actual
        raise UnsupportedError(f"rule {self.name}: {self.operator} is not simulated, EQ, NE and CONTAINS are")


@dataclass(frozen=True)
class Action:
    """One action as the pipeline declares it; `role` is empty where it has none of its own."""

    stage: str
    name: str
    order: int
    type: Mapping[str, str]
    configuration: Mapping[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    namespace: str
    role: str = ""

    @property
    def provider(self) -> str:
        return self.type["provider"]

    def __str__(self) -> str:
        return f"{self.stage}/{self.name}"


@dataclass(frozen=True)
class Stage:
    """One stage: `on_failure` is ROLLBACK, RETRY or FAIL, and a retry repeats what succeeded, too, when `retries_all`.

    It is skipped unless all of `checks` pass.
    """

    name: str
    actions: tuple[Action, ...]
    on_failure: str
    retries_all: bool
    checks: tuple[EntryCheck, ...] = ()


@dataclass(frozen=True)
class Pipeline:
    """One pipeline: its role, its artifact store (`key` is empty where S3's own encrypts), and what runs in order.

    `identity` tells it from another one of the same name, in an account that was emptied and filled again.
    """

    name: str
    arn: str
    role: str
    version: int
    bucket: str
    key: str
    stages: tuple[Stage, ...]
    identity: str
    variables: Mapping[str, str] = field(default_factory=dict)
    triggers: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class DeclaredResource:
    """A resource as its stack's template declares it, with the conditions decided by the stack's parameters."""

    aws: Aws
    stack: str
    properties: Mapping[str, Any]

    def objects_with(self, *keys: str) -> Iterator[Mapping[str, Any]]:
        """Every object in the properties that has all these keys."""
        for _, value in walk(dict(self.properties)):
            if isinstance(value, dict) and value.keys() >= set(keys):
                yield value

    def resolve(self, value: Any) -> str:
        """The physical id of the resource that `Ref` or `Fn::GetAtt` names; any other value as text."""
        match value:
            case {"Ref": str() as name} | {"Fn::GetAtt": [str() as name, _]}:
                answer = self.aws.call(
                    "cloudformation", "describe_stack_resource", StackName=self.stack, LogicalResourceId=name
                )
                return str(answer["StackResourceDetail"]["PhysicalResourceId"])
        return str(value)


def declared_resource(aws: Aws, physical_id: str) -> DeclaredResource:
    """The declaration of a resource; an empty one for what no stack made."""
    resources = aws.call("cloudformation", "describe_stack_resources", PhysicalResourceId=physical_id)["StackResources"]
    if not resources:
        return DeclaredResource(aws, "", {})
    stack, name = resources[0]["StackName"], resources[0]["LogicalResourceId"]
    body = aws.call("cloudformation", "get_template", StackName=stack)["TemplateBody"]
    template = json.loads(body) if isinstance(body, str) else body
    parameters = aws.call("cloudformation", "describe_stacks", StackName=stack)["Stacks"][0].get("Parameters", ())
    values = {parameter["ParameterKey"]: parameter.get("ParameterValue", "") for parameter in parameters}
    properties = template["Resources"][name]["Properties"]
    return DeclaredResource(aws, stack, decide(properties, conditions(template, values)))


def read_pipeline(aws: Aws, name: str | None = None) -> Pipeline:
    """The pipeline of that name, or the only one there is.

    Raises `RefusedError` where it is not clear which, and `UnsupportedError` for what a rehearsal cannot simulate.
    """
    names = sorted(summary["name"] for summary in aws.call("codepipeline", "list_pipelines")["pipelines"])
    if name is None and len(names) == 1:
        name = names[0]
    if name is None or name not in names:
        if not names:
            raise RefusedError("There is no pipeline to rehearse.", "`make deploy` creates an environment with one.")
        reason = f"There is no pipeline {name}." if name else "There are several pipelines: choose with --pipeline."
        raise RefusedError(reason, f"There are: {', '.join(names)}.")
    answer = aws.call("codepipeline", "get_pipeline", name=name)
    body, arn = answer["pipeline"], answer["metadata"]["pipelineArn"]
    store = body.get("artifactStore")
    if store is None:
        raise UnsupportedError(f"{name} has an artifact store for each Region, only one is simulated")
    return Pipeline(
        name,
        arn,
        body["roleArn"],
        body["version"],
        store["location"],
        store.get("encryptionKey", {}).get("id", ""),
        tuple(map(_stage, body["stages"])),
        hashlib.sha256(f"{arn} {answer['metadata'].get('created')}".encode()).hexdigest()[:16],
        {variable["name"]: variable.get("defaultValue", "") for variable in body.get("variables", ())},
        tuple(trigger["gitConfiguration"] for trigger in body.get("triggers", ())),
    )


def _stage(body: Mapping[str, Any]) -> Stage:
    failure = body.get("onFailure", {})
    unknown = sorted(body.keys() - STAGE_KEYS)
    if "conditions" in failure:
        unknown.append("onFailure.conditions")
    if unknown:
        raise UnsupportedError(f"stage {body['name']} has {', '.join(unknown)}, which a rehearsal does not simulate")
    result = failure.get("result", FAIL)
    if result not in (ROLLBACK, RETRY, FAIL):
        raise UnsupportedError(
            f"stage {body['name']} ends with {result} on failure, only ROLLBACK, RETRY, FAIL are simulated"
        )
    actions = sorted((_action(body["name"], action) for action in body["actions"]), key=lambda action: action.order)
    mode = failure.get("retryConfiguration", {}).get("retryMode", "FAILED_ACTIONS")
    return Stage(body["name"], tuple(actions), result, mode == "ALL_ACTIONS", tuple(_checks(body)))


def _checks(body: Mapping[str, Any]) -> Iterator[EntryCheck]:
    for condition in body.get("beforeEntry", {}).get("conditions", ()):
        for rule in condition["rules"]:
            provider = rule["ruleTypeId"]["provider"]
            if (condition.get("result"), provider) != ("SKIP", "VariableCheck"):
                raise UnsupportedError(
                    f"stage {body['name']} has the entry rule {rule['name']}: {condition.get('result')} by {provider}"
                    " is not simulated, SKIP by VariableCheck is"
                )
            configuration = rule["configuration"]
            yield EntryCheck(rule["name"], configuration["Variable"], configuration["Operator"], configuration["Value"])


def _action(stage: str, body: Mapping[str, Any]) -> Action:
    if "commands" in body or ("roleArn" in body and body["actionTypeId"]["provider"] != WITH_ROLE):
        raise UnsupportedError(
            f"{stage}/{body['name']} has a role of its own or commands, which a rehearsal does not simulate"
        )
    return Action(
        stage,
        body["name"],
        body.get("runOrder", 1),
        body["actionTypeId"],
        body.get("configuration", {}),
        tuple(artifact["name"] for artifact in body.get("inputArtifacts", ())),
        tuple(artifact["name"] for artifact in body.get("outputArtifacts", ())),
        body.get("namespace", ""),
        body.get("roleArn", ""),
    )
