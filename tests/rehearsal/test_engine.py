"""The order of a release: failures, retries, rollbacks, variables; with providers that only say how they end."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError, RefusedError
from scripts.rehearsal import engine, messages
from scripts.rehearsal.account_view import Action, EntryCheck, Pipeline, Stage
from scripts.rehearsal.artifacts import Artifact
from scripts.rehearsal.context import ActionOutput, RehearsalContext, RehearsalOptions
from scripts.rehearsal.engine import ReleaseEngine, find_action
from scripts.rehearsal.errors import ActionFailedError, UnsupportedError
from scripts.rehearsal.executions import Execution, Executions
from scripts.rehearsal.messages import EventRule, Message
from scripts.rehearsal.report import ActionResult, Release, StageResult
from tests.support.rehearsal.prepared_aws import PreparedAws, aws
from tests.support.rehearsal.releases import Checks, Page

ARN = "arn:aws:codepipeline:r:1:p"


def action(stage: str, name: str, order: int = 1, **more: Any) -> Action:
    settings: dict[str, Any] = {"inputs": (), "outputs": (), "namespace": "", "configuration": {}, **more}
    return Action(stage, name, order, {"provider": "Played"}, **settings)


def stages(*others: Stage) -> Pipeline:
    source = Stage("First", (action("First", "Fetch", outputs=("Files",), namespace="Src"),), "FAIL", False)
    return Pipeline("p", ARN, "role", 1, "bucket", "", (source, *others), "made")


class Played:
    """Providers by action name: how often each still fails, and what it was given; and what the engine told of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.fails: dict[str, int] = {}
        self.errors: dict[str, Exception] = {}
        self.ran: list[tuple[str, str, Mapping[str, str]]] = []
        self.folder, self.commit = folder, "1" * 40
        self.lines: list[str] = []
        self.notes: dict[str, None] = {}
        self.page = Page()
        self.rules: list[EventRule] = []
        self.events: list[dict[str, Any]] = []
        self.checks, self.aws = Checks("1"), aws(PreparedAws())
        self.application_seconds = 0.0
        monkeypatch.setattr(engine, "PROVIDERS", {"Played": self.provide})
        monkeypatch.setattr(messages, "enabled_rules", lambda _: self.rules)
        monkeypatch.setattr(messages, "messages_for", self.tell)

    @property
    def records(self) -> dict[str, Any]:
        return self.page.records

    @property
    def orders(self) -> dict[str, Any]:
        return self.page.orders

    @orders.setter
    def orders(self, orders: dict[str, Any]) -> None:
        self.page.orders = orders

    def tell(self, event: dict[str, Any], *_: Any) -> list[Message]:
        self.events.append(json.loads(json.dumps(event)))
        return []

    def provide(self, _: RehearsalContext, action: Action, run: Execution) -> ActionOutput:
        self.ran.append(
            (action.name, run.artifacts["Files"].key if "Files" in run.artifacts else "", action.configuration)
        )
        if action.name in self.errors:
            raise self.errors[action.name]
        if self.fails.get(action.name, 0):
            self.fails[action.name] -= 1
            raise ActionFailedError("it had to", "log of it")
        for name in action.outputs:
            run.commit = self.commit
            run.artifacts[name] = Artifact(name, self.commit[:4], 1, 1024)
        return ActionOutput({"CommitId": run.commit}, "fine")

    def play(self, shape: Pipeline, fail_at: str = "", hang_at: str = "", execution: str = "") -> Release:
        self.ran.clear()
        context = SimpleNamespace(
            aws=self.aws,
            executions=Executions(shape, self.page),
            options=RehearsalOptions(self.folder, self.folder),
            pipeline=shape,
            checker=self.checks,
            tasks=SimpleNamespace(unjudged=["no engine", "no network", "no engine"]),
            print_line=self.lines.append,
            notes=self.notes,
            note=self.notes.setdefault,
            application_seconds=self.application_seconds,
            emit_event=None,
        )
        failing_action = find_action(shape, fail_at) if fail_at else ""
        return ReleaseEngine(cast(RehearsalContext, context), failing_action, hang_at).release(execution)

    @property
    def names(self) -> list[str]:
        return [name for name, _, _ in self.ran]


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Played:
    return Played(monkeypatch, tmp_path)


def test_actions_of_one_order_all_run_and_none_of_a_later_one(played: Played) -> None:
    shape = stages(Stage("S", (action("S", "A"), action("S", "B"), action("S", "C", 2)), "FAIL", False))
    played.fails["A"] = 1
    release = played.play(shape)
    assert played.names == ["Fetch", "A", "B"]
    assert not release.succeeded and release.not_reached == ()


def test_every_stage_of_an_execution_is_in_its_record_once(played: Played) -> None:
    shape = stages(Stage("S", (action("S", "A"),), "FAIL", False), Stage("T", (action("T", "B"),), "FAIL", False))
    played.play(shape)
    [record] = played.records.values()
    assert [(stage["name"], stage["status"]) for stage in record["stages"]] == [
        (stage.name, "Succeeded") for stage in shape.stages
    ]


def test_a_failed_stage_ends_the_release(played: Played) -> None:
    shape = stages(Stage("S", (action("S", "A"),), "FAIL", False), Stage("T", (action("T", "B"),), "FAIL", False))
    played.fails["A"] = 1
    release = played.play(shape)
    assert (release.succeeded, release.not_reached) == (False, ("T",))


@pytest.mark.parametrize(("everything", "again"), [(False, ["B"]), (True, ["A", "B"])])
def test_a_retry_repeats_what_failed_or_everything(played: Played, everything: bool, again: list[str]) -> None:
    shape = stages(Stage("S", (action("S", "A"), action("S", "B")), "RETRY", everything))
    played.fails["B"] = 1
    release = played.play(shape)
    assert played.names == ["Fetch", "A", "B", *again]
    assert release.succeeded
    played.fails["B"] = 2
    assert not played.play(shape).succeeded


def test_a_retry_goes_on_after_the_failed_action(played: Played) -> None:
    shape = stages(Stage("S", (action("S", "A"), action("S", "B", 2)), "RETRY", False))
    played.fails["A"] = 1
    assert played.play(shape).succeeded
    assert played.names == ["Fetch", "A", "A", "B"]


def test_a_rollback_plays_the_last_success_again(played: Played) -> None:
    shape = stages(Stage("S", (action("S", "A"), action("S", "B", 2)), "ROLLBACK", False))
    played.fails["B"] = 1
    assert played.play(shape).stages[-1].consequence.startswith("nothing to go back to")
    assert played.play(shape).succeeded
    played.commit = "2" * 40
    release = played.play(shape, fail_at="S")
    assert [(name, key) for name, key, _ in played.ran] == [
        ("Fetch", ""), ("A", "2222"), ("A", "1111"), ("B", "1111")
    ]  # fmt: skip
    assert not release.succeeded and f"S goes back to commit {'1' * 12}" in played.lines
    assert release.stages[-1].consequence.startswith(f"rolled back to the release of commit {'1' * 12} (execution ")
    played.fails["A"] = 2
    assert played.play(shape).stages[-1].consequence.endswith("S/A failed, it had to")


def test_another_form_of_the_pipeline_has_nothing_to_go_back_to(played: Played) -> None:
    shape = stages(Stage("S", (action("S", "A"),), "ROLLBACK", False))
    assert played.play(shape).succeeded
    played.fails["A"] = 1
    assert played.play(replace(shape, version=2)).stages[-1].consequence.startswith("nothing to go back to")


def test_variables_of_a_namespace_reach_later_actions(played: Played) -> None:
    shape = stages(Stage("S", (action("S", "A", configuration={"Tag": "v-#{Src.CommitId}"}),), "FAIL", False))
    played.play(shape)
    assert played.ran[-1][2] == {"Tag": f"v-{'1' * 40}"}
    shape = stages(Stage("S", (action("S", "A", configuration={"Tag": "#{Src.Typo}"}),), "FAIL", False))
    assert played.play(shape).stages[-1].actions[0].error == "#{Src.Typo}: no earlier action has set that variable"


def test_a_value_that_its_variables_make_too_long_fails_the_action(played: Played) -> None:
    """1,000 characters count after variables are put in: a long message of a commit, say."""
    for length, ends in ((960, True), (961, False)):
        configuration = {"CustomData": "x" * length + "#{Src.CommitId}"}
        shape = stages(Stage("S", (action("S", "A", configuration=configuration),), "FAIL", False))
        played_action = played.play(shape).stages[-1].actions[0]
        assert (not played_action.error) is ends
    assert "has 1001 characters with its variables, and an action takes 1000" in played_action.error


def test_a_missing_artifact_and_an_unknown_provider_fail_the_action(played: Played) -> None:
    missing = action("S", "A", inputs=("Nothing",))
    assert (
        "the artifact Nothing" in played.play(stages(Stage("S", (missing,), "FAIL", False))).stages[-1].actions[0].error
    )
    other = replace(action("S", "A"), type={"provider": "Lambda"})
    assert "actions of Lambda" in played.play(stages(Stage("S", (other,), "FAIL", False))).stages[-1].actions[0].error


def test_only_what_exists_can_be_made_to_fail() -> None:
    with pytest.raises(RefusedError, match=r"There are: First, Fetch\."):
        find_action(stages(), "Nope")


@pytest.mark.parametrize(
    ("operator", "value", "enters"),
    [("EQ", "1" * 40, True), ("EQ", "2", False), ("NE", "2", True), ("NE", "1" * 40, False), ("CONTAINS", "11", True)],
)
def test_a_stage_is_skipped_unless_its_checks_hold(played: Played, operator: str, value: str, enters: bool) -> None:
    check = EntryCheck("Same", "#{Src.CommitId}", operator, value)
    shape = stages(
        Stage("S", (action("S", "A"),), "FAIL", False, (check,)), Stage("T", (action("T", "B"),), "FAIL", False)
    )
    release = played.play(shape)
    assert played.names == ["Fetch", *["A"] * enters, "B"]
    assert release.succeeded and bool(release.stages[1].skipped) is not enters


@pytest.mark.parametrize(("fail_at", "ran"), [("T", ["Fetch", "A"]), ("U", ["Fetch"]), ("", ["Fetch", "C"])])
def test_a_failure_on_request_happens_in_a_stage_that_would_be_skipped(
    played: Played, fail_at: str, ran: list[str]
) -> None:
    """Otherwise a release in which nothing has changed would succeed, and say nothing of the failure."""
    check = EntryCheck("Changed", "#{Src.CommitId}", "EQ", "other")
    names = (("S", "A", (check,)), ("T", "B", (check,)), ("U", "C", ()))
    shape = stages(*(Stage(stage, (action(stage, name),), "FAIL", False, checks) for stage, name, checks in names))
    release = played.play(shape, fail_at)
    assert played.names == ran and release.succeeded is not bool(fail_at)
    assert [note.partition(":")[0] for note in played.notes] == (["S", "T"] if fail_at == "T" else [])


def test_a_check_that_is_not_imitated_is_refused(played: Played) -> None:
    check = EntryCheck("Same", "#{Src.CommitId}", "MATCHES", "1+")
    with pytest.raises(UnsupportedError, match="MATCHES is not simulated"):
        played.play(stages(Stage("S", (), "FAIL", False, (check,))))


def test_an_execution_is_written_as_it_goes(played: Played) -> None:
    """And a stage that is rolled back is an execution of its own."""
    shape = stages(Stage("S", (action("S", "A"),), "ROLLBACK", False))
    played.play(shape)
    played.fails["A"] = 1
    played.play(shape)
    states = [(record["type"], record["status"], record["stages"][-1]) for record in played.records.values()]
    assert states == [
        ("STANDARD", "Succeeded", {"name": "S", "status": "Succeeded"}),
        ("STANDARD", "Failed", {"name": "S", "status": "Failed"}),
        ("ROLLBACK", "Succeeded", {"name": "S", "status": "Succeeded"}),
    ]
    first, _, back = played.records.values()
    assert (back["target"], back["artifacts"]) == (first["id"], first["artifacts"])
    assert [(entry["action"], entry["status"]) for entry in first["actions"]] == [
        ("Fetch", "Succeeded"),
        ("A", "Succeeded"),
    ]


def test_an_order_to_stop_ends_the_execution_without_a_rollback(played: Played) -> None:
    shape = stages(Stage("S", (action("S", "A"),), "ROLLBACK", False))
    played.play(shape)
    played.orders = {"stop": "wrong commit"}
    release = played.play(shape)
    assert played.names == [] and release.stages[-1].consequence == "stopped: wrong commit"
    assert [record["status"] for record in played.records.values()] == ["Succeeded", "Stopped"]


def test_an_execution_whose_rehearsal_was_killed_is_ended_by_the_next_one(played: Played) -> None:
    shape = stages(Stage("S", (action("S", "A"),), "FAIL", False))
    played.play(shape)
    [record] = played.records.values()
    with subprocess.Popen(["true"]) as ended:
        pass
    record.update(status="InProgress", process=ended.pid)
    Executions(shape, played.page).end_killed()
    [record] = played.records.values()
    assert (record["status"], record["summary"]) == ("Stopped", "the rehearsal that ran it was killed")


def test_an_interrupt_ends_the_execution(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> ActionOutput:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "PROVIDERS", {"Played": interrupted})
    with pytest.raises(KeyboardInterrupt):
        played.play(stages(Stage("S", (action("S", "A"),), "RETRY", False)))
    assert [record["status"] for record in played.records.values()] == ["Stopped"]


def test_two_rehearsals_do_not_share_a_cache(tmp_path: Path) -> None:
    """The second is refused, and what the first one writes stays; whatever the lock file holds."""
    options = RehearsalOptions(tmp_path, tmp_path / "new/cache")
    with ExitStack() as alone:
        engine._lock(alone, options)
    (options.cache / "lock").write_text("no process", encoding="utf-8")
    with ExitStack() as first:
        engine._lock(first, options)
        (options.log_folder / "build.log").touch()
        with (
            pytest.raises(RefusedError, match=r"A rehearsal runs already in .*cache"),
            engine.rehearsal(cast(Aws, None), options),
        ):
            pass
        assert (options.log_folder / "build.log").exists()
    with ExitStack() as keeper:  # what keeps page and API up leaves the logs that the report names
        engine._lock(keeper, options, clears=False)
        assert (options.log_folder / "build.log").exists()
    with ExitStack() as following:
        engine._lock(following, options)
        assert not (options.log_folder / "build.log").exists()


def test_a_release_is_told_whole(played: Played) -> None:
    """To the person who watches it, and in what it returns."""
    check = EntryCheck("Same", "#{Src.CommitId}", "EQ", "other")
    shape = stages(
        Stage("S", (action("S", "A"),), "FAIL", False, (check,)),
        Stage("T", (action("T", "B"), action("T", "C", 2)), "RETRY", False),
        Stage("U", (action("U", "D"),), "FAIL", False),
    )
    played.fails["B"] = 2
    release = played.play(shape)
    skipped = f"Same: #{{Src.CommitId}} is {'1' * 40}, not EQ other"
    assert [re.sub(r"   \d\.\d s", "   N s", line) for line in played.lines] == [
        "== First",
        "-- First/Fetch (Played)",
        "   N s  fine",
        "== S",
        f"skipped: {skipped}",
        "== T",
        "-- T/B (Played)",
        "   N s  FAILED: it had to log of it",
        "T is tried once more",
        "-- T/B (Played)",
        "   N s  FAILED: it had to log of it",
    ]
    [record] = played.records.values()

    def result(name: str, *ending: str) -> ActionResult:
        return ActionResult(name, "Played", 0.0, *ending)

    results = tuple(
        replace(stage, actions=tuple(replace(each, seconds=0.0) for each in stage.actions)) for stage in release.stages
    )
    failed = result("T/B", "log of it", "it had to")
    assert replace(release, stages=results, seconds=0.0, overhead=0.0) == Release(
        pipeline="p",
        id=record["id"],
        commit="1" * 40,
        started="by hand: no rule starts the pipeline when its branch is pushed to",
        stages=(
            StageResult("First", (result("First/Fetch", "fine"),)),
            StageResult("S", (), skipped=skipped),
            StageResult("T", (failed, failed), "tried once more"),
        ),
        messages=(),
        artifacts={"Files": "1 files, 1,024 bytes, 1111"},
        usage=(),
        notes=(),
        seconds=0.0,
        overhead=0.0,
        not_reached=("U",),
        unjudged=("no engine", "no network"),
    )
    assert 0 <= release.overhead <= release.seconds < 60
    assert record["trigger"]["triggerType"] == "StartPipelineExecution"
    assert record["stages"] == [
        {"name": name, "status": status} for name, status in (("First", "Succeeded"), ("S", "Skipped"), ("T", "Failed"))
    ]
    assert [(entry["action"], entry["error"], entry["summary"]) for entry in record["actions"]] == [
        ("Fetch", "", "fine"), ("B", "it had to", "log of it"), ("B", "it had to", "log of it"),
    ]  # fmt: skip


def test_what_the_application_took_is_none_of_the_rehearsals_own_time(played: Played) -> None:
    played.application_seconds = 1000.0
    assert played.play(stages()).overhead == 0.0


def test_an_error_of_aws_fails_the_action_and_anything_else_ends_the_execution(played: Played) -> None:
    shape = stages(Stage("S", (action("S", "A"),), "FAIL", False))
    played.errors["A"] = AwsError("s3.put_object", "AccessDenied", "no")
    release = played.play(shape)
    assert release.stages[-1].actions[0].error == str(AwsError("s3.put_object", "AccessDenied", "no"))
    played.errors["A"] = ValueError("a fault")
    with pytest.raises(ValueError, match="a fault"):
        played.play(shape)
    *_, record = played.records.values()
    assert (record["status"], record["summary"]) == ("Stopped", "the rehearsal ended: ValueError('a fault')")


ACTION_EVENT = "CodePipeline Action Execution State Change"
STATE_EVENT = "CodePipeline Pipeline Execution State Change"


def test_events_of_a_release_are_those_of_codepipeline(played: Played) -> None:
    """codepipeline user guide, detect-state-changes-cloudwatch-events."""
    shape = stages(Stage("S", (action("S", "A"),), "ROLLBACK", False))
    played.play(shape)
    played.events.clear()
    played.fails["A"] = 1
    played.play(shape)
    _, release, back = played.records.values()
    result = {
        "external-execution-summary": "it had to",
        "external-execution-id": release["id"],
        "error-code": "JobFailed",
    }
    details: list[tuple[str, dict[str, Any], Any]] = [
        (STATE_EVENT, {"state": "STARTED"}, release),
        (ACTION_EVENT, {"stage": "First", "action": "Fetch", "state": "SUCCEEDED"}, release),
        (ACTION_EVENT, {"stage": "S", "action": "A", "state": "FAILED", "execution-result": result}, release),
        (STATE_EVENT, {"state": "STARTED"}, back),
        (ACTION_EVENT, {"stage": "S", "action": "A", "state": "SUCCEEDED"}, back),
        (STATE_EVENT, {"state": "SUCCEEDED"}, back),
        (STATE_EVENT, {"state": "FAILED"}, release),
    ]
    identities, times = ([event.pop(name) for event in played.events] for name in ("id", "time"))
    assert len(set(identities)) == len(details)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time) for time in times)
    assert played.events == [
        {
            "version": "0",
            "detail-type": kind,
            "source": "aws.codepipeline",
            "account": "1",
            "region": "us-east-1",
            "resources": [ARN],
            "detail": {
                "pipeline": "p",
                "execution-id": record["id"],
                "version": 1,
                **({"type": {"provider": "Played"}} if kind == ACTION_EVENT else {}),
                **detail,
            },
        }
        for kind, detail, record in details
    ]


def test_events_of_a_release_that_is_stopped_say_so(played: Played) -> None:
    played.orders = {"stop": "wrong commit"}
    release = played.play(stages(Stage("S", (action("S", "A"),), "RETRY", False)))
    assert [event["detail"]["state"] for event in played.events] == ["STARTED", "ABANDONED", "STOPPED"]
    assert not any("execution-result" in event["detail"] for event in played.events)
    assert release.stages[0].actions[0].error == "the execution was stopped: wrong commit"
    assert "First is tried once more" not in played.lines


def test_a_rollback_that_fails_is_told_with_its_events_and_its_record(played: Played) -> None:
    shape = stages(Stage("S", (action("S", "A"),), "ROLLBACK", False))
    played.play(shape)
    [first] = played.records.values()
    played.events.clear()
    played.fails["A"] = 2
    consequence = played.play(shape).stages[-1].consequence
    back = f"rolled back to the release of commit {'1' * 12} (execution {first['id']})"
    assert consequence == f"{back}: S/A failed, it had to"
    assert [record["status"] for record in played.records.values()] == ["Succeeded", "Failed", "Failed"]
    states = [event["detail"]["state"] for event in played.events if event["detail-type"] == STATE_EVENT]
    assert states == ["STARTED", "STARTED", "FAILED", "FAILED"]


def test_what_rules_send_because_of_an_event_is_remembered_and_printed(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sent(event: Any, *_: Any) -> list[Message]:
        kind, detail = event["detail-type"], event["detail"]
        return [Message("OnEnd", "arn:topic", detail["state"])] if kind == STATE_EVENT else []

    monkeypatch.setattr(messages, "messages_for", sent)
    release = played.play(stages())
    assert release.messages == tuple(Message("OnEnd", "arn:topic", state) for state in ("STARTED", "SUCCEEDED"))
    assert played.lines[0] == played.lines[-1] == "notification by rule OnEnd"


PUSHED = {"source": ["aws.codecommit"], "resources": ["arn:aws:codecommit:r:1:site"]}
ROLE = "arn:aws:iam::1:role/starter"
TRIGGER = {"sourceActionName": "Fetch", "push": [{"branches": {"includes": ["live", "main"]}}]}
BY_RULE, BY_NOBODY = (
    "by a push to main, rule OnPush",
    "by hand: no rule starts the pipeline when its branch is pushed to",
)


@pytest.mark.parametrize(
    ("rules", "triggers", "reason"),
    [
        ([(PUSHED, ARN)], [], BY_RULE),
        ([({**PUSHED, "detail": {"event": ["referenceUpdated"], "referenceType": ["branch"]}}, ARN)], [], BY_RULE),
        ([({"detail": {"referenceName": ["main"]}, "detail-type": ["CodeCommit Repository State Change"]}, ARN)], [],
         BY_RULE),
        ([({"detail": {"referenceName": ["live"]}}, ARN)], [], BY_NOBODY),
        ([(PUSHED, "arn:aws:codepipeline:r:1:other")], [], BY_NOBODY),
        ([({**PUSHED, "resources": ["arn:aws:codecommit:r:1:other"]}, ARN)], [], BY_NOBODY),
        ([], [TRIGGER], "by a push to main of team/site, trigger of the pipeline"),
        ([(PUSHED, ARN)], [TRIGGER], "by a push to main of team/site, trigger of the pipeline"),
        ([], [{**TRIGGER, "sourceActionName": "Other"}], BY_NOBODY),
        ([], [{**TRIGGER, "push": [{"branches": {"includes": ["live"]}}]}], BY_NOBODY),
    ],
)  # fmt: skip
def test_what_starts_the_pipeline_is_found_out_from_what_is_deployed(
    played: Played, rules: list[tuple[Any, str]], triggers: list[Any], reason: str
) -> None:
    """The rule's role is checked, as EventBridge would be refused without it."""
    configuration = {"RepositoryName": "site", "BranchName": "main", "FullRepositoryId": "team/site"}
    shape = stages()
    source = replace(shape.stages[0].actions[0], configuration=configuration)
    shape = replace(shape, triggers=tuple(triggers), stages=(replace(shape.stages[0], actions=(source,)),))
    played.rules = [
        EventRule("OnPush", "arn:rule", pattern, ({"Arn": target, "RoleArn": ROLE},)) for pattern, target in rules
    ]
    assert played.play(shape).started == reason
    [record] = played.records.values()
    pushed = reason != BY_NOBODY
    assert record["trigger"]["triggerType"] == ("CloudWatchEvent" if pushed else "StartPipelineExecution")
    started = [(ROLE, "trust of AWS::Events::Rule", "Targets"), (ROLE, "target codepipeline", {"Arn": ARN})]
    trust = ("role", "trust of AWS::CodePipeline::Pipeline", "RoleArn")
    assert played.checks.calls == [trust, *(started if reason == BY_RULE else [])]


def test_an_execution_that_somebody_else_started_is_run_as_that(played: Played) -> None:
    shape = stages(Stage("S", (action("S", "A"),), "FAIL", False))
    identity = Executions(shape, played.page).begin("StartPipelineExecution").id
    release = played.play(shape, execution=identity)
    assert (release.id, release.started, len(played.records)) == (identity, "by somebody else, in the local AWS", 1)
    assert played.records[identity]["status"] == "Succeeded"


def test_a_rollback_that_somebody_else_started_runs_its_stage_alone(played: Played) -> None:
    shape = stages(Stage("S", (action("S", "A"),), "FAIL", False), Stage("T", (action("T", "B"),), "FAIL", False))
    played.play(shape)
    [first] = played.records
    identity = Executions(shape, played.page).begin("ManualRollback", first, "S").id
    release = played.play(shape, execution=identity)
    assert [(name, key) for name, key, _ in played.ran] == [("A", "1111")]
    assert ([stage.name for stage in release.stages], release.not_reached) == (["S"], ())
    assert (release.commit, played.records[identity]["stages"]) == ("1" * 40, [{"name": "S", "status": "Succeeded"}])
    assert played.records[identity]["variables"]["Src"] == {"CommitId": "1" * 40}
    identity = Executions(shape, played.page).begin("ManualRollback", "unknown", "S").id
    with pytest.raises(RefusedError) as refused:
        played.play(shape, execution=identity)
    assert refused.value.reason == "S cannot go back to execution unknown: it did not succeed there."
    assert played.records[identity]["status"] == "Stopped"


class Watch:
    """A watch over a release that looks a number of times, and then stops it or ends."""

    def __init__(self, played: Played, looks: int, stops: bool) -> None:
        self.played, self.looks, self.stops = played, looks, stops
        self.status, self.seen = "RUNNING", 0

    def look(self) -> None:
        self.seen += 1
        if self.seen == self.looks:
            self.status = "SUCCEEDED"
            if self.stops:
                self.played.orders = {"stop": "after its limit"}


def test_a_machine_that_a_rule_starts_watches_the_release_to_its_end(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = "arn:aws:states:r:1:stateMachine:watch"
    started: list[tuple[Any, ...]] = []
    watches = [Watch(played, 9, False)]

    def start(*words: Any) -> Watch:
        started.append(words)
        return watches[0]

    monkeypatch.setattr(engine, "StateMachine", start)
    target = {"Arn": machine, "RoleArn": ROLE, "Input": '{"minutes": 0}'}
    pattern = {"detail-type": [STATE_EVENT], "detail": {"state": ["STARTED"]}}
    played.rules = [EventRule("OnStart", "arn:rule", pattern, (target,))]
    release = played.play(stages())
    [(account, checker, arn, state, kept)] = started
    assert (arn, state, kept) == (machine, {"minutes": 0}, []) and checker is played.checks and account is played.aws
    assert played.checks.calls[1:] == [
        (ROLE, "trust of AWS::Events::Rule", "Targets"),
        (ROLE, "target states", {"Arn": machine}),
    ]
    assert played.lines[0] == "watched by watch, rule OnStart"
    assert watches[0].seen == 1 and release.succeeded, "it looks once more when the release has ended"


@pytest.mark.parametrize(
    ("stops", "error", "status", "consequence"),
    [
        (True, "the execution was stopped: after its limit", "Stopped", "stopped: after its limit"),
        (False, "hangs on request (--hang-at), and nothing stopped it", "Failed", ""),
    ],
)
def test_an_action_that_hangs_is_ended_by_the_watch_alone(
    played: Played, monkeypatch: pytest.MonkeyPatch, stops: bool, error: str, status: str, consequence: str
) -> None:
    watch = Watch(played, 3, stops)
    monkeypatch.setattr(engine, "StateMachine", lambda *_: watch)
    pattern = {"detail-type": [STATE_EVENT], "detail": {"state": ["STARTED"]}}
    target = {"Arn": "arn:aws:states:r:1:stateMachine:watch", "RoleArn": ROLE, "Input": "{}"}
    played.rules = [EventRule("OnStart", "arn:rule", pattern, (target,))]
    check = EntryCheck("Changed", "#{Src.CommitId}", "EQ", "other")
    shape = stages(Stage("S", (action("S", "A"),), "FAIL", False, (check,)))
    release = played.play(shape, hang_at="S/A")
    assert played.names == ["Fetch"] and watch.seen == 3
    assert (release.stages[-1].actions[0].error, release.stages[-1].consequence) == (error, consequence)
    [record] = played.records.values()
    assert record["status"] == status
    skipped = f"Changed: #{{Src.CommitId}} is {'1' * 40}, not EQ other"
    assert list(played.notes) == [f"S: entered although {skipped}; otherwise nothing would fail on request"]


@pytest.mark.parametrize(
    ("name", "place"),
    [("First", "First/Fetch"), ("Fetch", "First/Fetch"), ("S/A", "S/A"), ("A", "S/A"), ("S", "S/B"), ("B", "S/B")],
)
def test_a_stage_or_an_action_is_named_by_itself_or_with_its_stage(name: str, place: str) -> None:
    assert find_action(stages(Stage("S", (action("S", "A"), action("S", "B", 2)), "FAIL", False)), name) == place


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("#{Src.CommitId}", "1" * 40),
        ("a #{Src.CommitId} #{variables.Size} b", f"a {'1' * 40} small b"),
        ("#{Src}", "#{Src}"),
        ("#{codepipeline.PipelineExecutionId}", None),
    ],
)
def test_variables_are_those_of_actions_of_the_pipeline_and_of_codepipeline(
    played: Played, text: str, filled: str | None
) -> None:
    shape = stages(Stage("S", (action("S", "A", configuration={"Text": text}),), "FAIL", False))
    release = played.play(replace(shape, variables={"Size": "small"}))
    assert played.ran[-1][2] == {"Text": filled or release.id}


def test_a_value_that_is_too_long_is_named_by_its_beginning(played: Played) -> None:
    configuration = {"CustomData": "y" * 990 + "#{Src.CommitId}"}
    release = played.play(stages(Stage("S", (action("S", "A", configuration=configuration),), "FAIL", False)))
    reason = "1030 characters with its variables, and an action takes 1000"
    error = f"a value of its configuration has {reason}: {'y' * 60}..."
    assert release.stages[-1].actions[0].error == error
