"""A service of ECS whose new tasks stop, in prepared answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.service import ACCOUNT, REGION, Prepared

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SERVICE_ARN = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/cluster/backend"
TASK = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/cluster/"


def ecs(**other: Any) -> Prepared:
    old = {"taskArn": f"{TASK}old", "taskDefinitionArn": "task:1", "stoppedAt": START, "stoppedReason": "replaced"}
    new = {
        "taskArn": f"{TASK}new",
        "taskDefinitionArn": "task:2",
        "stoppedAt": START + timedelta(minutes=1),
        "stoppedReason": "Essential container in task exited",
        "containers": [{"name": "backend", "exitCode": 1}, {"name": "side", "reason": "CannotPullContainerError"}],
    }
    options = {"awslogs-group": "logs", "awslogs-stream-prefix": "backend"}
    container = {"name": "backend", "logConfiguration": {"logDriver": "awslogs", "options": options}}
    deployment = {"rolloutState": "FAILED", "rolloutStateReason": "tasks failed to start."}
    service = {"deployments": [deployment, {}], "events": [{"message": "(service backend) is unhealthy."}]}
    answers: dict[str, Any] = {
        "ecs__describe_services": {"services": [service]},
        "ecs__list_tasks": {"taskArns": [f"{TASK}old", f"{TASK}new"]},
        "ecs__describe_tasks": {"tasks": [old, new]},
        "ecs__describe_task_definition": {"taskDefinition": {"containerDefinitions": [container, {"name": "side"}]}},
        "logs__get_log_events": {"events": [{"message": "KeyError: 'JWT_SECRET_KEY'\n"}]},
    }
    return Prepared(**{**answers, **other})
