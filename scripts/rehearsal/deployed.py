"""The pipeline as it is deployed, read back through AWS's API."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scripts.deployment.aws import Aws
from scripts.deployment.errors import RefusedError
from scripts.rehearsal.errors import Unsupported

WITH_ROLE = "ElasticBeanstalk"  # the actions that may have a role of their own
STAGE_KEYS = {"name", "actions", "beforeEntry", "onFailure", "blockers"}
ROLLBACK, RETRY, FAIL = "ROLLBACK", "RETRY", "FAIL"


@dataclass(frozen=True)
class Check:
    """One rule before the entry of a stage; when it fails, the stage is skipped."""

    name: str
    variable: str
    operator: str
    value: str

    def holds(self, found: str) -> bool:
        """Whether a value passes (rule-reference-VariableCheck). Raises `Unsupported` for an operator without a row."""
        match self.operator:
            case "EQ":
                return found == self.value
            case "NE":
                return found != self.value
            case "CONTAINS":
                return self.value in found
        raise Unsupported(f"rule {self.name}: {self.operator} is not imitated, EQ, NE and CONTAINS are")


@dataclass(frozen=True)
class Action:
    """One action as the pipeline declares it."""

    stage: str
    name: str
    order: int
    type: Mapping[str, str]
    configuration: Mapping[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    namespace: str
    role: str = ""  # its own, where it has one

    @property
    def provider(self) -> str:
        return self.type["provider"]

    def __str__(self) -> str:
        return f"{self.stage}/{self.name}"


@dataclass(frozen=True)
class Stage:
    """One stage; `on_failure` is ROLLBACK, RETRY, FAIL, `all_again` whether a retry repeats what succeeded, too; it is
    skipped unless all of `checks` hold."""

    name: str
    actions: tuple[Action, ...]
    on_failure: str
    all_again: bool
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class Pipeline:
    """One pipeline: its role, its artifact store and what runs in which order; `made` tells it from another one of the
    same name, in an account that was emptied and filled again."""

    name: str
    arn: str
    role: str
    version: int
    bucket: str
    key: str
    stages: tuple[Stage, ...]
    made: str
    variables: Mapping[str, str] = field(default_factory=dict)
    triggers: tuple[Mapping[str, Any], ...] = ()


def read(aws: Aws, name: str | None = None) -> Pipeline:
    """The pipeline of that name, or the only one there is. Raises `RefusedError`, and `Unsupported` for what it cannot
    be played with."""
    names = sorted(one["name"] for one in aws.call("codepipeline", "list_pipelines")["pipelines"])
    if name is None and len(names) == 1:
        name = names[0]
    if name is None or name not in names:
        known = ", ".join(names) or "none, `make deploy` makes one"
        raise RefusedError(f"There is no pipeline {name}." if name else "Which pipeline?", f"There are: {known}.")
    answer = aws.call("codepipeline", "get_pipeline", name=name)
    held, made = answer["pipeline"], answer["metadata"]["pipelineArn"]
    store = held.get("artifactStore")
    if store is None:
        raise Unsupported(f"{name} has an artifact store for each region, only one is imitated")
    return Pipeline(
        name,
        made,
        held["roleArn"],
        held["version"],
        store["location"],
        store.get("encryptionKey", {}).get("id", ""),
        tuple(map(_stage, held["stages"])),
        hashlib.sha256(f"{made} {answer['metadata'].get('created')}".encode()).hexdigest()[:16],
        {one["name"]: one.get("defaultValue", "") for one in held.get("variables", ())},
        tuple(one["gitConfiguration"] for one in held.get("triggers", ())),
    )


def _stage(body: Mapping[str, Any]) -> Stage:
    failure = body.get("onFailure", {})
    if unknown := sorted(body.keys() - STAGE_KEYS) + ["onFailure.conditions"] * ("conditions" in failure):
        raise Unsupported(f"stage {body['name']} has {', '.join(unknown)}, which a rehearsal does not imitate")
    result = failure.get("result", FAIL)
    if result not in (ROLLBACK, RETRY, FAIL):
        raise Unsupported(
            f"stage {body['name']} ends with {result} on failure, only ROLLBACK, RETRY, FAIL are imitated"
        )
    actions = sorted((_action(body["name"], one) for one in body["actions"]), key=lambda one: one.order)
    mode = failure.get("retryConfiguration", {}).get("retryMode", "FAILED_ACTIONS")
    return Stage(body["name"], tuple(actions), result, mode == "ALL_ACTIONS", tuple(_checks(body)))


def _checks(body: Mapping[str, Any]) -> Iterator[Check]:
    for condition in body.get("beforeEntry", {}).get("conditions", ()):
        for rule in condition["rules"]:
            provider = rule["ruleTypeId"]["provider"]
            if (condition.get("result"), provider) != ("SKIP", "VariableCheck"):
                raise Unsupported(
                    f"stage {body['name']} has the entry rule {rule['name']}: {condition.get('result')} by {provider}"
                    " is not imitated, SKIP by VariableCheck is"
                )
            given = rule["configuration"]
            yield Check(rule["name"], given["Variable"], given["Operator"], given["Value"])


def _action(stage: str, body: Mapping[str, Any]) -> Action:
    if "commands" in body or ("roleArn" in body and body["actionTypeId"]["provider"] != WITH_ROLE):
        raise Unsupported(
            f"{stage}/{body['name']} has a role of its own or commands, which a rehearsal does not imitate"
        )
    return Action(
        stage,
        body["name"],
        body.get("runOrder", 1),
        body["actionTypeId"],
        body.get("configuration", {}),
        tuple(one["name"] for one in body.get("inputArtifacts", ())),
        tuple(one["name"] for one in body.get("outputArtifacts", ())),
        body.get("namespace", ""),
        body.get("roleArn", ""),
    )
