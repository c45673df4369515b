"""The pipeline's releases: which there are, which can be gone back to, and what each way asks of CodePipeline."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from generator.cfn.stacks import Stack
from scripts.deployment.errors import AwsError, ManualActionRequiredError, RefusedError
from scripts.operations.releases import documents, releases
from scripts.operations.releases.documents import Documented, Place
from scripts.operations.releases.releases import Pipeline, Release
from tests.support.service import Prepared, refusal

EARLY, LATE = datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)
THERE = Pipeline("p", 7, ("Backend", "Page"), "Commit")
TARGET = Release("e-1", "c1", "first", EARLY)


def execution(number: str, status: str = "Succeeded", summary: str | None = "x", **more: Any) -> dict[str, Any]:
    revision = {"actionName": "Commit", "revisionId": f"c-{number}"}
    revision |= {} if summary is None else {"revisionSummary": summary}
    times = {"startTime": EARLY, "lastUpdateTime": LATE}
    return {"pipelineExecutionId": number, "status": status, "sourceRevisions": [revision], **times, **more}


def pipeline_of(*executions: dict[str, Any]) -> Prepared:
    """A pipeline whose executions come on two pages."""
    pages = {"": {"pipelineExecutionSummaries": list(executions[:2]), "nextToken": "2"}}
    pages["2"] = {"pipelineExecutionSummaries": list(executions[2:])}
    return Prepared(codepipeline__list_pipeline_executions=lambda nextToken="", **_: pages[nextToken])


def test_the_pipeline_with_the_stages_that_can_be_rolled_back() -> None:
    kind = {"actionTypeId": {"category": "Source", "owner": "AWS", "provider": "CodeCommit", "version": "1"}}
    stages = [
        {"name": "Source", "actions": [{"name": "Commit", **kind}, {"name": "Other", **kind}]},
        {"name": "Build", "actions": [{"name": "Make", **kind}], "onFailure": {"result": "RETRY"}},
        {"name": "Backend", "actions": [], "onFailure": {"result": "ROLLBACK"}},
        {"name": "Page", "actions": [], "onFailure": {"result": "ROLLBACK"}},
    ]
    answer = {"name": "p", "roleArn": "arn:aws:iam::000000000000:role/x", "version": 7, "stages": stages}
    aws = Prepared(codepipeline__get_pipeline={"pipeline": answer})
    assert releases.pipeline(aws, "p") == THERE
    assert aws.asked == [("codepipeline.get_pipeline", {"name": "p"})]


def test_good_releases_and_those_that_run() -> None:
    aws = pipeline_of(
        execution("e-9", "InProgress"),
        execution("e-8", summary="one\n\ntwo"),
        execution("e-7", "Stopping"),
        execution("e-6", executionType="ROLLBACK"),
        execution("e-5", "Failed"),
        execution("e-4", sourceRevisions=[]),
        execution("e-3", executionType="STANDARD", summary=json.dumps({"CommitMessage": " three\nmore"})),
        execution("e-2", summary=json.dumps({"Other": "x"})),
        execution("e-1", summary=json.dumps("text")),
        execution("e-0", summary=None),
    )
    assert list(releases.good(aws, "p")) == [
        Release("e-8", "c-e-8", "one", LATE),
        Release("e-3", "c-e-3", "three", LATE),
        Release("e-2", "c-e-2", '{"Other": "x"}', LATE),
        Release("e-1", "c-e-1", '"text"', LATE),
        Release("e-0", "c-e-0", "", LATE),
    ]
    assert releases.running(aws, "p") == ["e-9", "e-7"]


def test_a_release_by_the_start_of_its_execution_or_commit() -> None:
    known = [Release(f"e-{number}", f"{number % 11:x}" * 40, "", LATE) for number in range(12, 0, -1)]
    assert releases.find(known, "e-3") == releases.find(known, "333") == known[9]
    assert releases.find(known, "1111") == known[0]  # the newest of one commit
    for prefix, what in (("e-1", "More than one successful release matches"), ("x", "No successful release matches")):
        with pytest.raises(RefusedError) as raised:
            releases.find(known, prefix)
        shown = ", ".join(each.commit[:12] for each in known[:10])
        assert (raised.value.reason, raised.value.remedy) == (
            f'{what} "{prefix}". Known releases: {shown}.',
            "`rollback` lists them.",
        )


@pytest.mark.parametrize(
    ("there", "version", "ran", "able"),
    [
        (THERE, 7, [["Source", "Backend"], ["Page"]], True),
        (THERE, 7, [["Source", "Backend"]], False),
        (THERE, 8, [["Backend", "Page"]], False),
        (Pipeline("p", 7, (), "Commit"), 7, [["Backend", "Page"]], False),
    ],
    ids=["ran under this structure", "skipped a stage", "another structure", "nothing rolls back"],
)
def test_which_release_can_be_gone_back_to(there: Pipeline, version: int, ran: list[list[str]], able: bool) -> None:
    pages = [{"actionExecutionDetails": [{"stageName": stage} for stage in page]} for page in ran]
    listed = [{**page, **({"nextToken": "n"} if page is not pages[-1] else {})} for page in pages]
    aws = Prepared(
        codepipeline__get_pipeline_execution={"pipelineExecution": {"pipelineVersion": version}},
        codepipeline__list_action_executions=listed,
    )
    assert releases.returnable(aws, TARGET, there) is able
    assert aws.asked[0][1] == {"pipelineName": "p", "pipelineExecutionId": "e-1"}
    assert all(each["filter"] == {"pipelineExecutionId": "e-1"} for _, each in aws.asked[1:])
    assert all(each["pipelineName"] == "p" for _, each in aws.asked[1:])


def test_what_is_asked_for_each_way() -> None:
    begun = {"pipelineExecutionId": "new"}
    aws = Prepared(codepipeline__rollback_stage=begun, codepipeline__start_pipeline_execution=begun)
    assert releases.roll_back(aws, THERE, "Page", TARGET) == "new"
    assert releases.run_again(aws, THERE, TARGET, "token") == releases.start(aws, "p", "token") == "new"
    revision = {"actionName": "Commit", "revisionType": "COMMIT_ID", "revisionValue": "c1"}
    whole = {"name": "p", "clientRequestToken": "token"}
    assert [request for _, request in aws.asked] == [
        {"pipelineName": "p", "stageName": "Page", "targetPipelineExecutionId": "e-1"},
        {**whole, "sourceRevisions": [revision]},
        whole,
    ]


def test_it_is_waited_for_and_left_running_by_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    answers = [{"pipelineExecution": {"status": status}} for status in ("InProgress", "Stopping", "Stopped")]
    aws = Prepared(codepipeline__get_pipeline_execution=list(answers))
    assert releases.wait(aws, "p", "e-1") == {"status": "Stopped"}
    assert aws.asked == [
        ("codepipeline.get_pipeline_execution", {"pipelineName": "p", "pipelineExecutionId": "e-1"})
    ] * 3  # fmt: skip
    assert slept[0] == 1.0 < slept[1]
    monkeypatch.setattr(releases, "pauses", lambda *bounds: pytest.fail(str(bounds)) if bounds != (1.0, 15.0) else [1])

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupted)
    with pytest.raises(ManualActionRequiredError) as raised:
        releases.wait(Prepared(codepipeline__get_pipeline_execution=answers[0]), "p", "e-1")
    assert (raised.value.reason, raised.value.remedy) == (
        "Execution e-1 of p is left running.",
        "See the pipeline's page in the console.",
    )


# --- their documents

STACK = Stack("s", "id", "UPDATE_COMPLETE", outputs={"ReleasesPath": "/s/release"})
PLACES = {name: {"uri": f"s3://b/{name}", "sha256": f"{name}1"} for name in ("sbom", "provenance")}


def recorded(value: Any) -> Documented | None:
    answer = value if isinstance(value, AwsError) else {"Parameter": {"Value": value}}
    aws = Prepared(ssm__get_parameter=answer)
    release = documents.of_last_release(aws, STACK)
    assert aws.asked == [("ssm.get_parameter", {"Name": "/s/release/documents"})]
    return release


def test_the_documents_of_the_last_good_image() -> None:
    release = recorded(json.dumps({"image": "i@sha256:1", "documents": PLACES}))
    provenance, sbom = Place("provenance", "s3://b/provenance", "provenance1"), Place("sbom", "s3://b/sbom", "sbom1")
    assert release == Documented("i@sha256:1", (provenance, sbom))
    assert release.document == {
        "image": "i@sha256:1",
        "documents": [
            {"name": "provenance", "uri": "s3://b/provenance", "sha256": "provenance1"},
            {"name": "sbom", "uri": "s3://b/sbom", "sha256": "sbom1"},
        ],
        "problem": "",
    }


def test_a_record_that_cannot_be_read_is_a_problem_and_none_is_none() -> None:
    assert recorded(refusal("ssm.get_parameter", "ParameterNotFound")) is None
    denied = recorded(refusal("ssm.get_parameter", "AccessDenied", "no"))
    assert denied and (denied.image, denied.problem) == ("", "ssm.get_parameter: AccessDenied: no")
    for value in ("no JSON", "[]", "{}", json.dumps({"image": "i", "documents": {"sbom": {}}}), "7", "null"):
        release = recorded(value)
        assert release and release.problem.startswith("/s/release/documents is not a record of ours: "), value
    assert documents.of_last_release(Prepared(), Stack("s", "id", "UPDATE_COMPLETE")) is None


def action(execution: str, name: str, status: str = "Succeeded", **variables: str) -> dict[str, Any]:
    listed = {"pipelineExecutionId": execution, "actionName": name, "status": status}
    return {**listed, **({"output": {"outputVariables": variables}} if variables else {})}


def test_where_the_documents_of_executions_lie() -> None:
    """Newest first, as CodePipeline lists them; the first action of the oldest one ends the search."""
    pages = {
        "": [
            action("e-9", "PushImage", SBOM="of-another"),
            action("e-2", "SealDocuments", SBOM="s-documents", PROVENANCE="NONE"),
            action("e-2", "SealBundle", PROVENANCE="p-bundle"),
            action("e-2", "PushImage", SBOM="s-image", PROVENANCE="p-image"),
            action("e-2", "PushImage", "Failed", SBOM="of-a-failure"),
            action("e-2", "PushImage", SBOM="of-the-attempt-before"),
            action("e-2", "Build", SBOM="of-a-build"),
            action("e-2", "SourceAction"),
        ],
        "1": [action("e-1", "SealAssets", SBOM="s-assets"), action("e-1", "PushImage"), action("e-1", "SourceAction")],
        "2": [action("e-0", "PushImage", SBOM="too-old")],
    }
    following = {"": "1", "1": "2"}

    def listed(pipelineName: str, nextToken: str = "") -> dict[str, Any]:
        assert pipelineName == "p"
        more = {"nextToken": following[nextToken]} if nextToken in following else {}
        return {"actionExecutionDetails": pages[nextToken], **more}

    aws = Prepared(codepipeline__list_action_executions=listed)
    assert documents.of_executions(aws, "p", ["e-1", "e-2"]) == {
        "e-2": {
            "sbom": "s-image",
            "provenance": "p-image",
            "provenance of the bundle": "p-bundle",
            "sbom of the page's documents": "s-documents",
        },
        "e-1": {"sbom of the page's assets": "s-assets"},
    }
    assert len(aws.asked) == 2  # what is older is not looked at
    assert documents.of_executions(aws, "p", ["e-7"]) == {} and len(aws.asked) == 5
    tokens = count()
    endless = Prepared(
        codepipeline__list_action_executions=lambda **_: {"actionExecutionDetails": [], "nextToken": f"{next(tokens)}"}
    )
    assert documents.of_executions(endless, "p", ["e-1"]) == {} and len(endless.asked) == 20
