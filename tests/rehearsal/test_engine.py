"""The order of a release: failures, retries, rollbacks, variables; with providers that only say how they end."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scripts.deployment.aws import Aws
from scripts.deployment.errors import RefusedError
from scripts.rehearsal import engine, messages
from scripts.rehearsal.account_view import Action, EntryCheck, Pipeline, Stage
from scripts.rehearsal.artifacts import Artifact
from scripts.rehearsal.context import ActionOutput, RehearsalContext, RehearsalOptions
from scripts.rehearsal.engine import ReleaseEngine, find_action
from scripts.rehearsal.errors import ActionFailedError, UnsupportedError
from scripts.rehearsal.executions import Execution, Executions
from scripts.rehearsal.report import Release
from tests.support.rehearsal.prepared_aws import PreparedAws, aws


def action(stage: str, name: str, order: int = 1, **more: Any) -> Action:
    settings: dict[str, Any] = {"inputs": (), "outputs": (), "namespace": "", "configuration": {}, **more}
    return Action(stage, name, order, {"provider": "Played"}, **settings)


def stages(*others: Stage) -> Pipeline:
    source = Stage("First", (action("First", "Fetch", outputs=("Files",), namespace="Src"),), "FAIL", False)
    return Pipeline("p", "arn:aws:codepipeline:r:1:p", "role", 1, "bucket", "", (source, *others), "made")


class Played:
    """Providers by action name: how often each still fails, and what it was given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.fails: dict[str, int] = {}
        self.ran: list[tuple[str, str, Mapping[str, str]]] = []
        self.folder, self.commit = folder, "1" * 40
        self.lines: list[str] = []
        self.notes: dict[str, None] = {}
        self.records: dict[str, Any] = {}
        self.orders: dict[str, Any] = {}
        monkeypatch.setattr(engine, "PROVIDERS", {"Played": self.provide})
        monkeypatch.setattr(messages, "enabled_rules", lambda _: [])

    def provide(self, _: RehearsalContext, action: Action, run: Execution) -> ActionOutput:
        self.ran.append(
            (action.name, run.artifacts["Files"].key if "Files" in run.artifacts else "", action.configuration)
        )
        if self.fails.get(action.name, 0):
            self.fails[action.name] -= 1
            raise ActionFailedError("it had to")
        for name in action.outputs:
            run.commit = self.commit
            run.artifacts[name] = Artifact(name, self.commit[:4], 1, 1)
        return ActionOutput({"CommitId": run.commit})

    def play(self, shape: Pipeline, fail_at: str = "") -> Release:
        self.ran.clear()
        checker = SimpleNamespace(check_service_trust=lambda *_: None, usage=list, account="1")
        context = SimpleNamespace(
            aws=aws(PreparedAws()),
            executions=Executions(shape, self.page),
            options=RehearsalOptions(self.folder, self.folder),
            pipeline=shape,
            checker=checker,
            tasks=SimpleNamespace(unjudged=[]),
            print_line=self.lines.append,
            notes=self.notes,
            note=self.notes.setdefault,
            application_seconds=0.0,
            emit_event=None,
        )
        return ReleaseEngine(cast(RehearsalContext, context), find_action(shape, fail_at) if fail_at else "").release()

    def page(self, _: str, body: Any) -> Any:
        """The local AWS's page of executions."""
        if body is None:
            return json.loads(json.dumps(list(self.records.values())))
        self.records[body["id"]] = json.loads(json.dumps(body))
        return {"orders": dict(self.orders)}

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
    options = RehearsalOptions(tmp_path, tmp_path / "cache")
    options.cache.mkdir()
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
