"""The events of an update that somebody runs, and its plan."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from generator.cfn.templates import STACK
from scripts.deployment.plan import Plan
from tests.support.account import STAGING
from tests.support.service import arn

START = datetime.now(UTC) - timedelta(minutes=12)
TOKEN = "deploy-00000000-11111111"


def own(status: str, second: float, token: str = "") -> dict[str, Any]:
    stack_id = arn("stack", STAGING)
    stack_event = {
        "StackId": stack_id,
        "StackName": STAGING,
        "LogicalResourceId": STAGING,
        "PhysicalResourceId": stack_id,
    }
    moment = {"EventId": f"{status}{second}", "ResourceType": STACK, "Timestamp": START + timedelta(seconds=second)}
    return {**stack_event, **moment, "ResourceStatus": status, **({"ClientRequestToken": token} if token else {})}


EVENTS = [
    own("UPDATE_IN_PROGRESS", 0, TOKEN),
    own("UPDATE_COMPLETE", -60),
    own("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", -61),
    own("UPDATE_IN_PROGRESS", -90, "deploy-before"),
]


PLAN = Plan(STAGING, arn("stack", STAGING), "UPDATE", arn("changeSet", TOKEN), TOKEN, "d")
