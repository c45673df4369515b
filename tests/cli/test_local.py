"""`local`: what it says and answers of a local AWS that runs or does not, and of the faults that are planned in it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

import pytest

from scripts.deployment.errors import Exit, RefusedError, UsageError
from scripts.local_aws import faults, server
from scripts.operations.diagnose.remedies import PLANNED
from scripts.operations.verbs import local
from scripts.terminal import results


class LocalAws:
    """A local AWS as `scripts.local_aws.server` shows it: whether it runs, what was asked, the plans of its faults."""

    def __init__(self, running: bool) -> None:
        self.run = server.Run(42, 9, "aws.log", "local") if running else None
        self.calls, self.planned = list[Any](), list[faults.Plan]()

    def start(self, port: int | None) -> Any:
        self.calls.append(("start", port))
        if port == 1:
            raise server.ServerError("port 1 is taken")
        return self.run

    def stop(self) -> bool:
        self.calls.append("stop")
        return self.run is not None

    def put(self, _: server.Endpoint, plan: faults.Plan) -> None:
        self.planned = [*(each for each in self.planned if each.region or each.key), plan]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a program is given."""
    values: dict[str, Any] = {}
    monkeypatch.setattr(results, "update", values.update)
    return values


def local_aws(monkeypatch: pytest.MonkeyPatch, running: bool = True, lost: str = "") -> LocalAws:
    there = LocalAws(running)
    works = {"start": there.start, "stop": there.stop, "status": lambda: there.run, "lost": lambda: lost}
    for name, work in works.items():
        monkeypatch.setattr(server, name, work)
    monkeypatch.setattr(faults, "plans", lambda _: there.planned)
    monkeypatch.setattr(faults, "put", there.put)
    monkeypatch.setattr(faults, "remove", lambda _: there.planned.clear())
    return there


def run(*words: str) -> Exit:
    parser = ArgumentParser()
    local.arguments(parser)
    return local.run(parser.parse_args(words))


STANDS = "local AWS: http://localhost:9/?key=local  process 42, log aws.log\n"
WHERE = {"running": True, "address": "http://localhost:9", "page": "http://localhost:9/?key=local"}


GONE: dict[str, Any] = {"running": False}


@pytest.mark.parametrize(
    ("words", "running", "result"),
    [
        ("start", True, (Exit.DONE, STANDS, WHERE)),
        ("start --port 9", True, (Exit.DONE, STANDS, WHERE)),
        ("status", True, (Exit.DONE, STANDS, WHERE)),
        ("status", False, (Exit.FAILED, "local AWS is not running\n", GONE)),
        ("fault --resource A", False, (Exit.FAILED, "local AWS is not running\n", GONE)),
        ("stop", True, (Exit.DONE, "local AWS stopped\n", GONE | {"stopped": True})),
        ("stop", False, (Exit.DONE, "local AWS was not running\n", GONE | {"stopped": False})),
    ],
)
def test_its_state_is_shown_and_answered(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    shown: dict[str, Any],
    words: str,
    running: bool,
    result: Any,
) -> None:
    there = local_aws(monkeypatch, running)
    assert (run(*words.split()), capsys.readouterr().out, shown) == result
    calls = {"start": [("start", None)], "start --port 9": [("start", 9)], "stop": ["stop"]}
    assert there.calls == calls.get(words, [])


def test_why_it_is_gone_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    local_aws(monkeypatch, running=False, lost="it was killed")
    assert run("status") is Exit.FAILED and capsys.readouterr().out == "it was killed\n"


def test_what_keeps_it_from_starting_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    local_aws(monkeypatch)
    with pytest.raises(RefusedError, match=r"^port 1 is taken$"):
        run("start", "--port", "1")


def test_faults_are_planned_beside_each_other_and_cleared_together(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shown: dict[str, Any]
) -> None:
    """For every client: the plan of one Region or key is somebody else's."""
    there = local_aws(monkeypatch)
    foreign = faults.Plan(region="us-east-1")
    there.planned = [foreign]
    assert run("fault", "--resource", "Backend/Service") is Exit.DONE
    assert run("fault", "--resource", "Data/Clients", "--on", "create", "--reason", "full") is Exit.DONE
    first = faults.ResourceFault("update", "Backend/Service", reason=PLANNED)
    second = faults.ResourceFault("create", "Data/Clients", reason="full")
    assert there.planned == [foreign, faults.Plan(resources=(first, second))]
    assert capsys.readouterr().out.splitlines() == [
        "Backend/Service fails on update, until `make fault-clear`",
        "Data/Clients fails on create, until `make fault-clear`",
    ]
    assert shown["faults"] == [
        {"resource": "Backend/Service", "on": "update", "reason": PLANNED},
        {"resource": "Data/Clients", "on": "create", "reason": "full"},
    ]
    assert run("fault-clear") is Exit.DONE
    assert there.planned == [] and shown["faults"] == [] and capsys.readouterr().out == "no fault is planned\n"
    with pytest.raises(UsageError) as raised:
        run("fault")
    assert str(raised.value).splitlines() == [
        "`local fault` needs the resource that fails.",
        "Such as --resource Backend/Service.",
    ]
