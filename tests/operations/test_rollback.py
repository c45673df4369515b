"""Back to an earlier good release: by its artifacts where the pipeline can, otherwise from its commit."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from scripts.deployment import environment
from scripts.deployment.errors import AwsError, Exit, ManualActionRequiredError, NotConfirmedError, RefusedError
from scripts.operations.releases import releases
from scripts.operations.verbs import rollback
from scripts.terminal import prompt, results
from tests.conftest import ROOT
from tests.support.runs import verb_run
from tests.support.service import Prepared, arn, refusal

NAME, STAGING = "cloud-health-dashboard-pipeline-staging", "cloud-health-dashboard-staging"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FIRST, SECOND = "1" * 40, "2" * 40


def execution(number: int, commit: str, status: str = "Succeeded", **more: Any) -> dict[str, Any]:
    revision = {"actionName": "SourceAction", "revisionId": commit, "revisionSummary": f"change {number}\n\nmore"}
    times = {"startTime": NOW, "lastUpdateTime": NOW}
    return {"pipelineExecutionId": f"e-{number}", "status": status, "sourceRevisions": [revision], **times, **more}


class CodePipeline(Prepared):
    """A pipeline at version 7 of its structure, and what its executions were."""

    def __init__(
        self,
        *executions: dict[str, Any],
        versions: dict[str, int] | None = None,
        ends: str = "Succeeded",
        ran: tuple[str, ...] = ("Source", "Build", "Deploy_Backend", "Deploy_Frontend"),
    ):
        self.versions, self.ends = versions or {}, ends
        outputs = [{"OutputKey": "Pipeline", "OutputValue": NAME}]
        stack = {"StackName": STAGING, "StackId": arn("stack", STAGING), "StackStatus": "UPDATE_COMPLETE"}
        middle = len(executions) // 2
        source = {"actionTypeId": {"category": "Source", "owner": "AWS", "provider": "CodeCommit", "version": "1"}}
        stages = [
            {"name": "Source", "actions": [{"name": "SourceAction", **source}]},
            {"name": "Build", "actions": [], "onFailure": {"result": "RETRY"}},
            {"name": "Deploy_Backend", "actions": [], "onFailure": {"result": "ROLLBACK"}},
            {"name": "Deploy_Frontend", "actions": [], "onFailure": {"result": "ROLLBACK"}},
        ]
        super().__init__(
            cloudformation__describe_stacks={"Stacks": [{**stack, "CreationTime": NOW, "Outputs": outputs}]},
            codepipeline__list_pipeline_executions=lambda **request: (
                {"pipelineExecutionSummaries": list(executions[middle:])}
                if "nextToken" in request
                else {"pipelineExecutionSummaries": list(executions[:middle]), "nextToken": "2"}
            ),
            codepipeline__get_pipeline={
                "pipeline": {
                    "name": NAME,
                    "roleArn": "arn:aws:iam::000000000000:role/x",
                    "version": 7,
                    "stages": stages,
                }
            },
            codepipeline__get_pipeline_execution=self.get,
            codepipeline__list_action_executions={"actionExecutionDetails": [{"stageName": stage} for stage in ran]},
            codepipeline__rollback_stage=lambda stageName, **_: {"pipelineExecutionId": f"back-{stageName}"},
            codepipeline__start_pipeline_execution={"pipelineExecutionId": "again"},
        )

    def get(self, pipelineExecutionId: str, **_: Any) -> dict[str, Any]:
        status = self.ends if pipelineExecutionId in ("again", "back-Deploy_Backend") else "Succeeded"
        version = self.versions.get(pipelineExecutionId, 7)
        return {"pipelineExecution": {"status": status, "pipelineVersion": version}}

    def started(self) -> list[tuple[str, Any]]:
        calls = ("codepipeline.rollback_stage", "codepipeline.start_pipeline_execution")
        return [(name.partition(".")[2], request) for name, request in self.asked if name in calls]


def run(aws: Prepared, to: str | None = None, **options: Any) -> Exit:
    roots = environment.load("staging", ROOT / "templates", ROOT / "params")
    return rollback.run(verb_run(aws, roots), rollback.Options(to=to, **{"yes": True, **options}))


HISTORY = (
    execution(5, SECOND, "Failed"),
    execution(4, FIRST, executionType="ROLLBACK"),
    execution(3, SECOND),
    execution(2, SECOND, "Superseded"),
    execution(1, FIRST),
)


def test_a_release_that_skipped_a_side_is_released_again_from_its_commit() -> None:
    """A stage goes back only to an execution that succeeded in that stage; one that skipped it is no target."""
    aws = CodePipeline(*HISTORY, ran=("Source", "Build", "Deploy_Backend"))
    assert run(aws, "1111") is Exit.DONE
    assert [name for name, _ in aws.started()] == ["start_pipeline_execution"]


def test_half_gone_back_is_said() -> None:
    """After the first stage something has happened: nobody may call that refused."""
    aws = CodePipeline(*HISTORY)
    denied = refusal("codepipeline.RollbackStage", "UnableToRollbackStageException", "no")

    def back(stageName: str, **_: Any) -> dict[str, Any]:
        if stageName == "Deploy_Frontend":
            raise denied
        return {"pipelineExecutionId": f"back-{stageName}"}

    aws.answers["codepipeline.rollback_stage"] = back
    with pytest.raises(ManualActionRequiredError, match="Deploy_Backend is back at 111111111111, and Deploy_Frontend"):
        run(aws, "1111")


def test_only_good_releases_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    aws = CodePipeline(*HISTORY)
    assert run(aws) is Exit.DONE and not aws.started()
    assert capsys.readouterr().out.splitlines() == [
        "2026-11-23 12:00  222222222222  e-3  change 3",
        "2026-11-23 12:00  111111111111  e-1  change 1",
    ]


def test_the_documents_of_each_release_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """As PushImage and the sealing named them: of the attempt that succeeded, none of a release that was pushed
    without."""
    aws = CodePipeline(*HISTORY)

    def push(execution: str, status: str, action: str = "PushImage", **variables: str) -> dict[str, Any]:
        of = {"pipelineExecutionId": execution, "actionName": action, "status": status}
        return {**of, "output": {"outputVariables": variables}}

    named = {"SBOM": "s3://bucket/images/3.cdx.json", "PROVENANCE": "s3://bucket/images/3.provenance.json"}
    aws.answers["codepipeline.list_action_executions"] = {
        "actionExecutionDetails": [
            push("e-5", "Succeeded", SBOM="s3://of-a-release-that-failed"),
            push("e-3", "Succeeded", "SealAssets", SBOM="NONE", PROVENANCE="s3://bucket/sealed/SealedAssets/e-3.json"),
            push("e-3", "Failed", SBOM="s3://of-an-attempt-that-failed"),
            push("e-3", "Succeeded", **named),
            push("e-1", "Succeeded", SBOM="NONE", PROVENANCE="NONE"),
        ]
    }
    assert run(aws) is Exit.DONE
    assert capsys.readouterr().out.splitlines() == [
        "2026-11-23 12:00  222222222222  e-3  change 3",
        "  sbom: s3://bucket/images/3.cdx.json",
        "  provenance: s3://bucket/images/3.provenance.json",
        "  provenance of the page's assets: s3://bucket/sealed/SealedAssets/e-3.json",
        "2026-11-23 12:00  111111111111  e-1  change 1",
    ]


def test_a_release_can_be_gone_back_to_although_nobody_knows_its_documents(capsys: pytest.CaptureFixture[str]) -> None:
    aws, listed = CodePipeline(*HISTORY), "codepipeline.list_action_executions"
    aws.answers[listed] = [AwsError(listed, "AccessDenied", "no"), aws.answers[listed]]
    assert run(aws, "1111") is Exit.DONE and aws.started()
    assert f"where the documents of these releases lie is not known: {listed}: AccessDenied" in capsys.readouterr().out


@pytest.mark.parametrize("release", ["1111", "e-1"])
def test_stages_go_back_with_the_releases_artifacts_the_backend_first(
    release: str, capsys: pytest.CaptureFixture[str]
) -> None:
    aws = CodePipeline(*HISTORY)
    assert run(aws, release) is Exit.DONE
    way = "(change 1): Deploy_Backend and Deploy_Frontend with its artifacts"
    assert f"{NAME}: back to 111111111111 of 2026-11-23 12:00 {way}" in capsys.readouterr().out
    assert aws.started() == [
        ("rollback_stage", {"pipelineName": NAME, "stageName": stage, "targetPipelineExecutionId": "e-1"})
        for stage in ("Deploy_Backend", "Deploy_Frontend")
    ]


@pytest.mark.parametrize("options", [{}, {"build_again": True}])
def test_after_a_change_of_the_pipeline_the_commit_is_built_again(
    options: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    aws = CodePipeline(*HISTORY, versions={} if options else {"e-1": 6})
    assert run(aws, "1111", **options) is Exit.DONE
    [(name, request)] = aws.started()
    revision = {"actionName": "SourceAction", "revisionType": "COMMIT_ID", "revisionValue": FIRST}
    assert name == "start_pipeline_execution" and request["sourceRevisions"] == [revision]
    assert "(change 1): all stages again, from its commit" in capsys.readouterr().out


def test_a_failed_rollback_stops_and_is_a_failure() -> None:
    aws = CodePipeline(*HISTORY, ends="Failed")
    assert run(aws, "1111") is Exit.FAILED
    assert [request["stageName"] for _, request in aws.started()] == ["Deploy_Backend"]


@pytest.mark.parametrize(
    ("history", "release", "message"),
    [
        (HISTORY, "333", 'No successful release matches "333". Known releases: 222222222222, 111111111111.'),
        (HISTORY, "e-", 'More than one successful release matches "e-"'),
        ((execution(6, SECOND, "InProgress"), *HISTORY), "1111", "is running e-6"),
        ((), "1111", "Known releases: none."),
    ],
)
def test_what_cannot_be_is_refused(history: tuple[dict[str, Any], ...], release: str, message: str) -> None:
    aws = CodePipeline(*history)
    with pytest.raises(RefusedError, match=message):
        run(aws, release)
    assert not aws.started()


def test_nothing_happens_without_a_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = CodePipeline(*HISTORY)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(NotConfirmedError):
        run(aws, "1111", yes=False)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(prompt, "read_line", lambda *_: "production\n")
    with pytest.raises(NotConfirmedError):
        run(aws, "1111", yes=False)
    assert not aws.started()
    monkeypatch.setattr(prompt, "read_line", lambda *_: "staging\n")
    assert run(aws, "1111", yes=False) is Exit.DONE


def test_ctrl_c_leaves_it_running(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupted)
    with pytest.raises(ManualActionRequiredError, match="back-Deploy_Backend"):
        run(CodePipeline(*HISTORY, ends="InProgress"), "1111")


def test_a_connections_commit_has_its_message_in_json() -> None:
    finished = execution(1, FIRST)
    finished["sourceRevisions"][0]["revisionSummary"] = json.dumps(
        {"ProviderType": "GitHub", "CommitMessage": "a\n\nb"}
    )
    [release] = releases.good(CodePipeline(finished), NAME)
    assert release.title == "a"


@pytest.mark.parametrize("there", [False, True])
def test_an_environment_without_a_pipeline_has_no_release(there: bool) -> None:
    aws = CodePipeline(*HISTORY)
    described = aws.answers["cloudformation.describe_stacks"]["Stacks"][0]
    absent = refusal("x", "ValidationError", "Stack does not exist")
    aws.answers["cloudformation.describe_stacks"] = {"Stacks": [{**described, "Outputs": []}]} if there else absent
    with pytest.raises(RefusedError) as raised:
        run(aws, "1111")
    assert raised.value.reason == f"{STAGING} does not exist or has no pipeline."
    assert raised.value.remedy == "`apply staging` makes it."
    assert aws.calls() == ["cloudformation.describe_stacks"]


def test_a_rollback_that_is_refused_at_its_first_stage_is_awss_own_error() -> None:
    """Nothing has happened yet."""
    aws = CodePipeline(*HISTORY)
    denied = refusal("codepipeline.RollbackStage", "UnableToRollbackStageException", "no")
    aws.answers["codepipeline.rollback_stage"] = denied
    with pytest.raises(AwsError) as raised:
        run(aws, "1111")
    assert raised.value is denied and len(aws.started()) == 1


@pytest.mark.parametrize("to", [None, "1111"])
def test_programs_get_the_releases_and_what_was_started(to: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    aws = CodePipeline(*HISTORY)
    uri = "s3://bucket/images/1.cdx.json"
    of = {"pipelineExecutionId": "e-1", "stageName": "Build", "actionName": "PushImage", "status": "Succeeded"}
    details = aws.answers["codepipeline.list_action_executions"]["actionExecutionDetails"]
    aws.answers["codepipeline.list_action_executions"] = {
        "actionExecutionDetails": [*details, {**of, "output": {"outputVariables": {"SBOM": uri}}}]
    }
    with results.document("rollback", "staging", RefusedError("interrupted")) as document:
        assert run(aws, to) is Exit.DONE
    result = json.loads(capsys.readouterr().out)["result"]
    assert result == document.result
    ended = NOW.isoformat()
    good = {"commit": FIRST, "execution": "e-1", "title": "change 1", "ended": ended, "documents": {"sbom": uri}}
    assert [{name: each[name] for name in good} for each in result["releases"]] == [
        {"commit": SECOND, "execution": "e-3", "title": "change 3", "ended": ended, "documents": {}},
        good,
    ]
    stages = ("Deploy_Backend", "Deploy_Frontend") if to else ()
    assert result["executions"] == [
        {"stage": stage, "execution": f"back-{stage}", "status": "Succeeded"} for stage in stages
    ]


def test_what_is_started_and_how_it_ends_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(CodePipeline(*HISTORY), "1111") is Exit.DONE
    assert capsys.readouterr().out.splitlines()[1:] == [
        "Deploy_Backend: execution back-Deploy_Backend started",
        "Deploy_Backend: succeeded",
        "Deploy_Frontend: execution back-Deploy_Frontend started",
        "Deploy_Frontend: succeeded",
    ]
    assert run(CodePipeline(*HISTORY, ends="Failed"), "1111", build_again=True) is Exit.FAILED
    assert capsys.readouterr().out.splitlines()[1:] == [f"{NAME}: execution again started", f"{NAME}: failed"]
    assert run(CodePipeline()) is Exit.DONE
    none = f"{NAME} has no successful release yet; rehearsals are not recorded\n"
    assert capsys.readouterr().out == none


def test_the_last_twenty_good_releases_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    history = tuple(execution(number, f"{number:040}") for number in range(22, 0, -1))
    assert run(CodePipeline(*history)) is Exit.DONE
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[3] for line in lines] == [f"e-{number}" for number in range(22, 2, -1)]
