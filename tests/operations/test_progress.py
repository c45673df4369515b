"""How far an operation is: the value, and the view that is drawn in one place."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from generator.cfn.templates import STACK, Template, load
from scripts.operations.following import Event
from scripts.operations.output.progress import DONE, FAILED, RUNNING, WAITING, Progress
from scripts.operations.output.progress_view import Live, view_lines
from scripts.operations.watching import Services
from tests.conftest import ROOT
from tests.support.service import Prepared, refusal

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SERVICE = "AWS::ECS::Service"
ARN = "arn:aws:ecs:eu-west-1:000000000000:service/cluster/backend"


def event(path: str, status: str, second: float, kind: str = "AWS::S3::Bucket", reason: str = "", **more: Any) -> Event:
    steps, moment = tuple(filter(None, path.split("."))), START + timedelta(seconds=second)
    return Event(steps, f"{path}{second}", more.get("physical", "x"), kind, status, reason, moment)


EVENTS = [
    event("", "UPDATE_IN_PROGRESS", 0, STACK),
    event("Storage", "UPDATE_IN_PROGRESS", 1, STACK),
    event("Storage.Logs", "UPDATE_IN_PROGRESS", 2),
    event("Storage.Logs", "UPDATE_COMPLETE", 4),
    event("Storage", "UPDATE_COMPLETE", 5, STACK),
    event("Backend", "UPDATE_IN_PROGRESS", 6, STACK),
    event("Backend.Service", "UPDATE_IN_PROGRESS", 7, SERVICE, physical=ARN),
]
PLANNED = frozenset({("Storage", "Logs"), ("Backend", "Service"), ("Backend", "TaskLogs"), ("Build", "VerifyLogs")})


@pytest.fixture(scope="module")
def root() -> Template:
    return load(ROOT / "templates")["environment"]


def folded(events: list[Event]) -> Progress:
    progress = Progress(PLANNED)
    progress.fold(events)
    return progress


def test_what_is_done_running_and_waiting() -> None:
    progress, now = folded(EVENTS), START + timedelta(seconds=67)
    assert progress.counts() == (1, 1, 2)
    assert [
        (line.name, line.state, line.done, line.running, line.waiting, line.seconds) for line in progress.lines(now)
    ] == [("Storage", DONE, 1, 0, 0, 4.0), ("Backend", RUNNING, 0, 1, 1, 61.0), ("Build", WAITING, 0, 0, 1, 0.0)]
    assert [row.path for row in progress.running()] == [("Backend", "Service")]


def test_a_rollback_begins_anew_and_keeps_the_failure() -> None:
    failed = event("Backend.Service", "UPDATE_FAILED", 20, SERVICE, "it did not stabilize")
    echo = event("Backend", "UPDATE_FAILED", 21, STACK, "Embedded stack arn:x was not successfully updated")
    progress = folded([*EVENTS, failed, echo])
    assert [line.state for line in progress.lines(START)] == [DONE, FAILED, WAITING]
    progress.fold([event("", "UPDATE_ROLLBACK_IN_PROGRESS", 22, STACK), event("Backend", "UPDATE_COMPLETE", 30, STACK)])
    assert progress.undoing and progress.failures == [failed] and progress.counts() == (0, 0, 0)


def test_the_view(root: Template) -> None:
    assert list(map(str, view_lines(folded(EVENTS), root, START + timedelta(seconds=67)))) == [
        " 1:07  1 resource done, 1 running, 2 waiting",
        "  ✓ Storage    1 of 1     0:04",
        "  ▸ Backend    0 of 2     1:01",
        "    Build      0 of 1",
        "     1:00  Backend > Service  Keeps the backend's tasks running and replaces them release by release.",
    ]


def plain(text: str) -> str:
    """Without bold and dim text, which are no colours."""
    return re.sub(r"\x1b\[[\d;]*m", "", text)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_it_is_drawn_over_and_failures_stay(root: Template, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "20")
    out = Terminal()
    live = Live(root, PLANNED, out, lambda: START + timedelta(seconds=67), lambda _: ["backend: 1 of 2 tasks run"])
    live(EVENTS)
    first = out.getvalue()
    height = first.count("\n")  # some lines are folded
    assert height > 6 and max(map(len, plain(first).splitlines())) <= 60 and "1 of 2 tasks" in first
    live([event("Backend.Service", "UPDATE_FAILED", 20, SERVICE, "it did not stabilize")])
    again = out.getvalue()[len(first) :]
    assert plain(again.removeprefix(f"\x1b[{height}F\x1b[J")).startswith(
        "Backend > Service  UPDATE_FAILED: it did not stabilize\n"
    )
    live.pause()
    live.pause()
    rows = plain(again).count("\n") - 1  # but for the failure
    assert out.getvalue().endswith(f"\x1b[{rows}F\x1b[J") and out.getvalue().count("\x1b[J") == 2


def test_a_service_is_asked_about_only_while_it_becomes_stable() -> None:
    deployment = {"status": "PRIMARY", "rolloutState": "IN_PROGRESS", "runningCount": 1, "desiredCount": 2}
    aws = Prepared(
        ecs__describe_services={"services": [{"deployments": [{**deployment, "failedTasks": 3}]}]},
        ecs__list_tasks={"taskArns": ["arn:t/1"]},
        ecs__describe_tasks={"tasks": [{"stoppedAt": START, "stoppedReason": "health checks failed"}]},
    )
    services = Services(aws)
    assert services(folded(EVENTS[:-1])) == [] == aws.asked
    messages = services(folded(EVENTS))
    assert messages == [
        "backend: primary deployment IN_PROGRESS: 1 of 2 tasks run, 3 failed",
        "backend: last task that stopped: health checks failed",
    ]
    assert services(folded(EVENTS)) == messages and len(aws.asked) == 3  # not asked again at once
    assert Services(Prepared(ecs__describe_services=refusal("x", "AccessDenied")))(folded(EVENTS)) == []
