"""An account in which the update of an environment has failed, as it is read later."""

from __future__ import annotations

from datetime import timedelta
from types import ModuleType
from typing import Any

from scripts.deployment import environment
from scripts.deployment.aws import Answer
from scripts.operations.run import Run
from tests.conftest import ROOT
from tests.operations.failed_update import FAILED_UPDATE, START, Stacks, event
from tests.support.runs import verb_options, verb_run
from tests.support.service import arn, refusal

LOADED = environment.load("staging", ROOT / "templates", ROOT / "params")
ROOTS = {name: LOADED[name] for name in ("shared", "environment")}
SHARED, STAGING = "cloud-health-dashboard-shared", "cloud-health-dashboard-staging"


def called(answer: Answer, before: str, after: str) -> Answer:
    """The same event of a stack of another name."""
    swap = {before: after, arn("stack", before): arn("stack", after)}
    return {key: swap.get(value, value) if isinstance(value, str) else value for key, value in answer.items()}


class Account(Stacks):
    """The shared stack was created and is well; the environment's update failed. `gone` are deleted stacks."""

    def __init__(self, gone: tuple[str, ...] = (), **answers: Any) -> None:
        created = [event(SHARED, -5000, SHARED, status) for status in ("CREATE_IN_PROGRESS", "CREATE_COMPLETE")]
        staging = [called(event, "dashboard-staging", STAGING) for event in FAILED_UPDATE["dashboard-staging"]]
        others = {name: events for name, events in FAILED_UPDATE.items() if name != "dashboard-staging"}
        super().__init__({SHARED: created, STAGING: staging, **others}, **answers)
        self.gone, self.now = gone, 100.0
        self.answers |= {
            "cloudformation.list_stack_resources": {"StackResourceSummaries": []},
            "cloudformation.list_stacks": self.deleted,
        }

    def stack(self, StackName: str) -> Answer:
        if StackName in self.gone:
            raise refusal("x", "ValidationError", f"Stack with id {StackName} does not exist")
        own = next(event for event in self.shown(StackName) if event["PhysicalResourceId"] == event["StackId"])
        stack = {"StackName": own["StackName"], "StackId": own["StackId"], "StackStatus": own["ResourceStatus"]}
        return {"Stacks": [{**stack, "CreationTime": START}]}

    def deleted(self, **_: Any) -> Answer:
        """Two lives of each; the ids are those of the last."""
        summaries = [
            {"StackName": name, "StackId": arn("stack", name), "StackStatus": "DELETE_COMPLETE", "CreationTime": START}
            for name in self.gone
        ]
        older = [{**stack, "StackId": "older", "DeletionTime": START} for stack in summaries]
        newer = [{**stack, "DeletionTime": START + timedelta(days=1)} for stack in summaries]
        return {"StackSummaries": older + newer}


def arguments(verb: ModuleType, aws: Stacks, **options: Any) -> tuple[Run, Any]:
    return verb_run(aws, ROOTS), verb_options(verb, **options)
