"""The actions without a service of their own: what they ask AWS, which permissions they take, what they leave."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.deployment.errors import AwsError
from scripts.rehearsal import actions
from scripts.rehearsal.actions import approve, codecommit_answers, deploy_to_s3, source_from_codecommit
from scripts.rehearsal.artifacts import Artifact
from scripts.rehearsal.context import S3_ENCRYPTS, ActionOutput
from scripts.rehearsal.errors import ActionFailedError, UnsupportedError
from scripts.rehearsal.permissions import AccessDeniedError
from tests.support.rehearsal.releases import PIPELINE, PIPELINE_ROLE, STORE_CHECKS, STORE_KEY, action, rehearsed

GIT = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
TOPIC = "arn:aws:sns:us-east-1:111122223333:approvals"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"


def git(folder: Path, *words: str) -> str:
    """What git says of a folder."""
    done = subprocess.run(["git", "-C", folder, *GIT, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path, message: str, **files: str) -> str:
    """Commits files, in a repository that is made for the first of them; returns the commit's id."""
    folder.mkdir(exist_ok=True)
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet", "--initial-branch", "main")
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def codecommit(**configuration: str) -> Any:
    settings = {"RepositoryName": "site", "BranchName": "main", **configuration}
    return action("CodeCommit", "Fetch", "Source", outputs=("Files",), configuration=settings)


def test_a_source_stores_the_commits_files_and_says_what_they_are(tmp_path: Path) -> None:
    release = rehearsed(tmp_path)
    head = commit(tmp_path / "application", "Second thoughts\n\nat length", app="print()", page="<p>")
    output = source_from_codecommit(release.context, codecommit(), release.execution)
    message = "Second thoughts\n\nat length"
    variables = {"RepositoryName": "site", "CommitId": head, "BranchName": "main", "CommitMessage": message}
    assert output == ActionOutput(variables, f"commit {head[:12]}, 2 files")
    artifact = release.execution.artifacts["Files"]
    stored = release.account.objects[f"store/{artifact.key}"]
    assert release.account.written(artifact) == {"app": "print()", "page": "<p>"}
    assert artifact == Artifact("Files", artifact.key, 2, len(stored.pop("Body")))
    assert artifact.key.startswith("dashboard/Files/") and len(artifact.key) == len("dashboard/Files/") + 7
    assert stored == {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": STORE_KEY}
    assert release.execution.commit == head
    assert release.execution.revisions == [{"actionName": "Fetch", "revisionId": head, "revisionSummary": message}]
    settings = {"RepositoryName": "site", "BranchName": "main"}
    assert release.checks.calls == [(PIPELINE_ROLE, "action CodeCommit", settings), *STORE_CHECKS]
    assert (release.notes, release.lines) == ([], [])


def test_a_source_behind_a_connection_names_the_connection_that_it_goes_without(tmp_path: Path) -> None:
    release = rehearsed(tmp_path)
    head = commit(tmp_path / "application", "First", app="")
    settings = {"FullRepositoryId": "team/site", "ConnectionArn": "arn:connection", "BranchName": "main"}
    source = action("CodeStarSourceConnection", configuration=settings, outputs=("Files",))
    output = actions.source_from_connection(release.context, source, release.execution)
    variables = {"FullRepositoryName": "team/site", "ConnectionArn": "arn:connection"}
    rest = {"CommitId": head, "BranchName": "main", "CommitMessage": "First"}
    assert output == ActionOutput({**variables, **rest}, f"commit {head[:12]}, 1 files")
    assert release.notes == ["arn:connection: not used, the folder is used for team/site"]
    assert release.checks.calls[0] == (PIPELINE_ROLE, "action CodeStarSourceConnection", settings)


def test_an_execution_that_names_a_commit_gets_that_one(tmp_path: Path) -> None:
    release = rehearsed(tmp_path)
    first = commit(tmp_path / "application", "First", app="one")
    commit(tmp_path / "application", "Second", app="two")
    release.execution.commit = first
    source_from_codecommit(release.context, codecommit(), release.execution)
    assert release.account.written(release.execution.artifacts["Files"]) == {"app": "one"}
    assert release.execution.commit == first


def test_what_builds_get_otherwise_than_a_working_tree_has_it_is_noted_and_printed(tmp_path: Path) -> None:
    release, folder = rehearsed(tmp_path), tmp_path / "application"
    inner = commit(tmp_path / "inner", "Inner", file="x")
    commit(folder, "First", **{".gitattributes": "secret export-ignore\n"})
    for number in range(12):
        (folder / f"link-{number:02}").symlink_to("gone")
    for name in ("large", "larger"):
        (folder / name).write_bytes(POINTER)
    git(folder, "update-index", "--add", "--cacheinfo", f"160000,{inner},module")
    git(folder, "add", "large", "larger", *(f"link-{number:02}" for number in range(12)))
    git(folder, "commit", "--quiet", "--message", "Second")
    source_from_codecommit(release.context, codecommit(), release.execution)
    links = ", ".join(f"link-{number:02}" for number in range(10))
    surprises = [
        f"symbolic links become files with the target as text: {links} and 2 more",
        "submodules are empty, because the artifact is not a clone: put their files into the repository, or install "
        "them as a package: module",
        "files of Git LFS are their pointers, a few lines of text: large, larger",
        "export-ignore and export-subst are not followed here, and nowhere said to be by AWS: .gitattributes",
    ]
    assert (release.lines, release.notes) == (surprises, surprises)


def test_a_clone_as_the_artifact_is_refused_before_anything_is_stored(tmp_path: Path) -> None:
    release = rehearsed(tmp_path)
    commit(tmp_path / "application", "First", app="")
    with pytest.raises(UnsupportedError) as refused:
        clone = codecommit(OutputArtifactFormat="CODEBUILD_CLONE_REF")
        source_from_codecommit(release.context, clone, release.execution)
    problem = "Source/Fetch: OutputArtifactFormat CODEBUILD_CLONE_REF is not simulated, CODE_ZIP is"
    assert (str(refused.value), release.account.objects) == (problem, {})
    source_from_codecommit(release.context, codecommit(OutputArtifactFormat="CODE_ZIP"), release.execution)


@pytest.mark.parametrize("denied", ["action CodeCommit", "artifact store", "artifact store with a key"])
def test_a_source_stores_nothing_that_its_role_may_not(tmp_path: Path, denied: str) -> None:
    release = rehearsed(tmp_path)
    commit(tmp_path / "application", "First", app="")
    release.checks.denied.add(denied)
    with pytest.raises(AccessDeniedError, match=f"pipeline may not {denied}"):
        source_from_codecommit(release.context, codecommit(), release.execution)
    assert release.account.objects == {}


def test_codecommit_answers_from_the_applications_repository(tmp_path: Path) -> None:
    folder = tmp_path / "application"
    answer = codecommit_answers(folder)["codecommit.get_commit"]
    plain = {"commitId": "0a", "message": "a folder without a repository", "parents": []}
    assert answer({"commitId": "0a"}) == {"commit": plain}
    first = commit(folder, "First", app="one")
    second = commit(folder, "Second\n\nwith a body", app="two")
    for head, message, parents in ((first, "First", []), (second, "Second\n\nwith a body", [first])):
        body = answer({"commitId": head})["commit"]
        assert (body.pop("message").strip(), body) == (message, {"commitId": head, "parents": parents})
    with pytest.raises(AwsError) as unknown:
        answer({"commitId": "0" * 40})
    assert (unknown.value.call, unknown.value.code) == ("codecommit.get_commit", "CommitIdDoesNotExistException")
    assert unknown.value.message.startswith(f"there is no commit {'0' * 40}: ")


PAGES = {"index.html": "<p>", "static/a.js": "1", "static/b": "2"}


def upload(**configuration: str) -> Any:
    settings = {"BucketName": "pages", "Extract": "true", **configuration}
    return action("S3", "Upload", "Deploy", inputs=("Page",), configuration=settings)


@pytest.mark.parametrize(
    ("configuration", "prefix", "headers", "shown"),
    [
        ({}, "", {}, "none"),
        ({"ObjectKey": "live/", "CacheControl": "no-cache"}, "live/", {"CacheControl": "no-cache"}, "no-cache"),
        ({"ObjectKey": "/live/now"}, "live/now/", {}, "none"),
    ],
)
def test_files_are_uploaded_with_their_types_beside_what_is_there(
    tmp_path: Path, configuration: dict[str, str], prefix: str, headers: dict[str, str], shown: str
) -> None:
    release = rehearsed(tmp_path)
    release.execution.artifacts["Page"] = release.account.store("Page", PAGES)
    release.account.objects["pages/old"] = {"Body": b"older"}
    output = deploy_to_s3(release.context, upload(**configuration), release.execution)
    assert output == ActionOutput(summary=f"3 files, Cache-Control: {shown}")
    kinds = {"index.html": "text/html", "static/a.js": "text/javascript", "static/b": "application/octet-stream"}
    pages = {key: body for key, body in release.account.objects.items() if key.startswith("pages/")}
    assert pages == {
        "pages/old": {"Body": b"older"},
        **{
            f"pages/{prefix}{path}": {"Body": text.encode(), "ContentType": kinds[path], **headers}
            for path, text in PAGES.items()
        },
    }
    settings = {"BucketName": "pages", "Extract": "true", **configuration}
    assert release.checks.calls == [*STORE_CHECKS, (PIPELINE_ROLE, "action S3", settings)]
    assert release.notes == [] and list(release.context.workspaces.iterdir()) == []


@pytest.mark.parametrize(
    ("supposes", "key", "encrypted"), [(True, STORE_KEY, True), (True, "", False), (False, STORE_KEY, False)]
)
def test_whether_the_upload_encrypts_is_a_supposition(
    tmp_path: Path, supposes: bool, key: str, encrypted: bool
) -> None:
    suppositions = frozenset([S3_ENCRYPTS] if supposes else [])
    release = rehearsed(tmp_path, pipeline=replace(PIPELINE, key=key), suppositions=suppositions)
    release.execution.artifacts["Page"] = release.account.store("Page", {"a.txt": "a"})
    deploy_to_s3(release.context, upload(), release.execution)
    headers = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": STORE_KEY} if encrypted else {}
    assert release.account.objects["pages/a.txt"] == {"Body": b"a", "ContentType": "text/plain", **headers}
    note = "Deploy/Upload: supposed to encrypt with the key of the artifact store"
    assert release.notes == ([note] if encrypted else [])


@pytest.mark.parametrize("configuration", [{"Extract": "false"}, {"CannedACL": "public-read"}])
def test_an_upload_that_is_not_simulated_is_refused(tmp_path: Path, configuration: dict[str, str]) -> None:
    release = rehearsed(tmp_path)
    release.execution.artifacts["Page"] = release.account.store("Page", PAGES)
    settings = {"BucketName": "pages", "Extract": "true", **configuration}
    with pytest.raises(UnsupportedError) as refused:
        deploy_to_s3(release.context, upload(**configuration), release.execution)
    assert str(refused.value) == (
        "Deploy/Upload: only Extract=true with BucketName, CacheControl, Extract, ObjectKey is simulated, not "
        f"{settings}"
    )
    assert [key for key in release.account.objects if key.startswith("pages/")] == []


APPROVAL = action("Manual", "Approve", "Release", configuration={"NotificationArn": TOPIC, "CustomData": "look"})


@pytest.mark.parametrize("key", ["", STORE_KEY])
def test_an_approval_is_given_by_the_rehearsal_through_the_api(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    attributes = {"KmsMasterKeyId": key} if key else {}
    answers = {"sns.get_topic_attributes": {"Attributes": attributes}, "codepipeline.put_approval_result": {}}
    release = rehearsed(tmp_path, answers)
    monkeypatch.setattr(actions, "APPROVAL_PAUSE", 0)
    release.execution.start_action(APPROVAL)
    token = release.execution.token
    pauses: list[float] = []
    monkeypatch.setattr("scripts.rehearsal.actions.time.sleep", pauses.append)
    release.page.orders = {token: {"status": "Approved", "summary": "well"}}
    assert approve(release.context, APPROVAL, release.execution) == ActionOutput(summary="well")
    assert release.account.calls == [
        ("sns.get_topic_attributes", {"TopicArn": TOPIC}),
        (
            "codepipeline.put_approval_result",
            {
                "pipelineName": "dashboard",
                "stageName": "Release",
                "actionName": "Approve",
                "result": {"status": "Approved", "summary": "approved by the rehearsal"},
                "token": token,
            },
        ),
    ]
    encrypted = [(PIPELINE_ROLE, "approval with an encrypted topic", {"Key": key})] if key else []
    expected = [(PIPELINE_ROLE, "approval with a topic", {"NotificationArn": TOPIC}), *encrypted]
    assert release.checks.calls == expected
    assert release.lines == ["asked: look"]
    assert release.notes == ["Release/Approve: approved by the rehearsal, nobody was asked"]


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        ({"status": "Approved", "summary": "fine"}, ""),
        ({"status": "Rejected", "summary": "not on a Friday"}, "rejected: not on a Friday"),
        (None, "the execution was stopped"),
    ],
)
def test_an_approval_that_asks_waits_for_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: dict[str, str] | None, problem: str
) -> None:
    release = rehearsed(tmp_path, asks=True)
    plain = action("Manual", "Approve", "Release")
    release.execution.start_action(plain)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            release.page.orders = {release.execution.token: order} if order else {"stop": "wrong commit"}

    monkeypatch.setattr("scripts.rehearsal.actions.time.sleep", pause)
    if problem:
        with pytest.raises(ActionFailedError) as failed:
            approve(release.context, plain, release.execution)
        assert str(failed.value) == problem
    else:
        assert approve(release.context, plain, release.execution) == ActionOutput(summary="fine")
    assert release.lines == ["asked: nothing", "it waits for: aws codepipeline put-approval-result"]
    assert (release.account.calls, release.checks.calls, release.notes) == ([], [], [])
    assert pauses[:3] == [actions.APPROVAL_PAUSE] * 3
