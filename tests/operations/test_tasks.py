"""Why the tasks of a service stop: what ECS and the logs say, and exactly what is asked of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scripts.operations.diagnose.tasks import standing, why_stopped
from tests.support.service import ACCOUNT, REGION, Prepared, refusal

START = datetime(2026, 11, 23, tzinfo=UTC)
SERVICE = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/cluster/backend"
TASK = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/cluster/"
LOGS = {"awslogs-group": "logs", "awslogs-stream-prefix": "prefix"}


def container(name: str, **options: str) -> dict[str, Any]:
    return {"name": name, "logConfiguration": {"logDriver": "awslogs", "options": options}}


def logged(logStreamName: str, **_: Any) -> dict[str, Any]:
    """The container `late` has written nothing."""
    lines = [] if "late" in logStreamName else ["one \n", "x" * 301]
    return {"events": [{"message": line} for line in lines]}


def ecs(**other: Any) -> Prepared:
    def task(name: str, minute: int | None, **more: Any) -> dict[str, Any]:
        stopped = {} if minute is None else {"stoppedAt": START + timedelta(minutes=minute)}
        return {"taskArn": f"{TASK}{name}", "taskDefinitionArn": f"task:{name}", **stopped, **more}

    containers = [
        {"name": "api", "exitCode": 0, "reason": "OutOfMemory"},
        {"name": "side", "reason": "CannotPull"},
        {"name": "fine"},
    ]
    failed = {"rolloutState": "FAILED", "rolloutStateReason": "tasks failed", "failedTasks": 2}
    completed = {"rolloutState": "COMPLETED", "rolloutStateReason": "done", "runningCount": 1, "desiredCount": 3}
    deployments = [{"status": "PRIMARY", **failed}, {"status": "ACTIVE", **completed}, {"rolloutState": "IN_PROGRESS"}]
    events = [{"message": "new"}, {"message": "old"}]
    tasks = [task("old", 1), task("new", 2, stoppedReason="exited", containers=containers), task("going", None)]
    half = container("other", **{"awslogs-group": "logs"})
    definition = [container("api", **LOGS), {"name": "side"}, half, container("late", **LOGS)]
    answers: dict[str, Any] = {
        "ecs__describe_services": {"services": [{"deployments": deployments, "events": events}]},
        "ecs__list_tasks": {"taskArns": [f"{TASK}{name}" for name in ("old", "new", "going")]},
        "ecs__describe_tasks": {"tasks": tasks},
        "ecs__describe_task_definition": {"taskDefinition": {"containerDefinitions": definition}},
        "logs__get_log_events": logged,
    }  # fmt: skip
    return Prepared(**{**answers, **other})


NO_TASK, NO_REASON = "no stopped task is known", "last task that stopped: no reason given"
DEPLOYMENT = ["deployment FAILED: tasks failed", "service: new"]
STOPPED = ["task new stopped: exited", "container api: exit code 0, OutOfMemory", "container side: CannotPull"]


def test_the_last_stopped_task_is_evidence_with_its_logs() -> None:
    aws = ecs()
    assert why_stopped(aws, SERVICE) == [*DEPLOYMENT, *STOPPED, "log: one", f"log: {'x' * 300}"]
    stopped = {"cluster": "cluster", "serviceName": "backend", "desiredStatus": "STOPPED", "maxResults": 100}
    assert aws.asked == [
        ("ecs.describe_services", {"cluster": "cluster", "services": ["backend"]}),
        ("ecs.list_tasks", stopped),
        ("ecs.describe_tasks", {"cluster": "cluster", "tasks": [f"{TASK}{name}" for name in ("old", "new", "going")]}),
        ("ecs.describe_task_definition", {"taskDefinition": "task:new"}),
        *(
            (
                "logs.get_log_events",
                {"logGroupName": "logs", "logStreamName": f"prefix/{name}/new", "limit": 10, "startFromHead": False},
            )
            for name in ("api", "late")
        ),
    ]


@pytest.mark.parametrize(
    ("answers", "lines"),
    [
        ({"ecs__list_tasks": {"taskArns": []}}, [*DEPLOYMENT, NO_TASK]),
        ({"ecs__describe_tasks": {"tasks": [{"taskArn": TASK}]}}, [*DEPLOYMENT, NO_TASK]),
        ({"ecs__describe_services": {"services": []}, "ecs__list_tasks": {"taskArns": []}}, [NO_TASK]),
        (
            {"ecs__describe_services": {"services": [{}]}, "logs__get_log_events": {"events": []}},
            STOPPED,
        ),
        (
            {"ecs__describe_tasks": {"tasks": [{"taskArn": f"{TASK}a", "taskDefinitionArn": "d", "stoppedAt": START}]},
             "ecs__describe_task_definition": {"taskDefinition": {}}},
            [*DEPLOYMENT, "task a stopped: no reason given"],
        ),
        (
            {"logs__get_log_events": refusal("x", "ResourceNotFoundException")},
            [*DEPLOYMENT, *STOPPED, "its log is empty", "its log is empty"],
        ),
        (
            {"logs__get_log_events": refusal("x", "AccessDenied", "no")},
            [*DEPLOYMENT, *STOPPED, *["its log cannot be read: x: AccessDenied: no"] * 2],
        ),
        ({"ecs__describe_services": refusal("x", "Gone", "no")}, ["more is not known: x: Gone: no"]),
    ],
)  # fmt: skip
def test_what_is_not_there_is_a_line_as_well(answers: dict[str, Any], lines: list[str]) -> None:
    assert why_stopped(ecs(**answers), SERVICE) == lines


@pytest.mark.parametrize("number", ["", "backend", "arn:aws:ecs:r:a:service/backend"])
def test_what_is_no_service_of_a_cluster_is_not_asked_about(number: str) -> None:
    assert why_stopped(Prepared(), number) == standing(Prepared(), number) == []


def test_how_far_the_deployments_are() -> None:
    aws = ecs()
    assert standing(aws, SERVICE) == [
        "backend: primary deployment FAILED: 0 of 0 tasks run, 2 failed",
        "backend: active deployment COMPLETED: 1 of 3 tasks run",
        "backend:  deployment IN_PROGRESS: 0 of 0 tasks run",
        "backend: last task that stopped: exited",
    ]
    assert aws.asked[0] == ("ecs.describe_services", {"cluster": "cluster", "services": ["backend"]})
    assert standing(ecs(ecs__describe_services={"services": []}), SERVICE) == []
    assert standing(ecs(ecs__list_tasks=refusal("x", "AccessDenied")), SERVICE) == []
    nameless = {"tasks": [{"taskArn": TASK, "stoppedAt": START}]}
    assert standing(ecs(ecs__describe_tasks=nameless), SERVICE)[-1] == f"backend: {NO_REASON}"
    assert len(standing(ecs(ecs__list_tasks={"taskArns": []}), SERVICE)) == 3
