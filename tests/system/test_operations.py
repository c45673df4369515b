"""`apply` meets what is running: an operation of its own, somebody else's, a release; and options that it takes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from scripts.local_aws.faults import CallFault, ResourceFault
from tests.support import commands
from tests.support.accounts import SECONDS, Account, policy, role
from tests.support.commands import Words

SLOW = (ResourceFault("update", "Note", seconds=600),)  # until the faults are taken away
LEAVE = {"1 running": "\x03", "[l]eave it running? ": "l\n"}
BUCKET = "accounts-templates-123456789012-eu-west-1"


def records(where: Account) -> list[dict[str, str]]:
    """Every record of a deployment of the environment, the oldest first."""
    listed = where.aws.call("s3", "list_objects_v2", Bucket=BUCKET, Prefix=f"deployments/{where.stack}/")["Contents"]
    keys = sorted(entry["Key"] for entry in listed)
    return [json.loads(where.aws.call("s3", "get_object", Bucket=BUCKET, Key=key)["Body"].read()) for key in keys]


def test_an_operation_of_its_own_is_followed_and_recorded_and_then_it_goes_on(mine: Account) -> None:
    mine.write("left running")
    with mine.faults(resources=SLOW):
        status, shown = mine.type("apply", "--yes", answers=LEAVE)
        assert status == 4 and f"{mine.stack} is left running." in shown, shown
        assert records(mine)[-1]["status"] == "STARTED"
        again = mine.start("apply", "--yes", until=f"{mine.stack} is being updated, started by arn:")
    output, _ = again.communicate(timeout=SECONDS)
    assert again.returncode == 0 and output.splitlines()[-1] == f"{mine.stack}: no changes", output
    assert records(mine)[-1]["status"] == "UPDATE_COMPLETE"


def test_somebody_elses_operation_is_left_alone_unless_it_is_to_be_followed(mine: Account) -> None:
    alice = mine.user("alice")
    mine.write("by alice")
    with mine.faults(resources=SLOW):
        assert alice.type("apply", "--yes", answers=LEAVE)[0] == 4
        mine.write("by me")
        before = mine.calls().count("cloudformation.CreateChangeSet")
        met = mine.run("apply", "--yes")
        assert mine.calls().count("cloudformation.CreateChangeSet") == before
        assert met.returncode == 4 and "started by arn:aws:iam::123456789012:user/alice at" in met.stderr, met.stderr
        assert "--follow` does both" in met.stderr
        follows = mine.start("apply", "--yes", "--follow", until="it is followed to its end first")
    output, _ = follows.communicate(timeout=SECONDS)
    assert follows.returncode == 0 and mine.note() == "by me", output


def pipeline(detects: str) -> dict[str, Any]:
    """A pipeline with a source and an approval."""

    def action(name: str, category: str, provider: str, **more: Any) -> dict[str, Any]:
        kind = {"Category": category, "Owner": "AWS", "Provider": provider, "Version": "1"}
        return {"Name": name, "ActionTypeId": kind, **more}

    source = action("Source", "Source", "CodeCommit", OutputArtifacts=[{"Name": "Code"}])
    source["Configuration"] = {"RepositoryName": "r", "BranchName": "main", "PollForSourceChanges": detects}
    return {
        "Type": "AWS::CodePipeline::Pipeline",
        "Properties": {
            "Name": "release",
            "RoleArn": {"Fn::GetAtt": ["ReleaseRole", "Arn"]},
            "ArtifactStore": {"Type": "S3", "Location": "artifacts"},
            "Stages": [
                {"Name": "Source", "Actions": [source]},
                {"Name": "Approve", "Actions": [action("Approve", "Approval", "Manual")]},
            ],
        },
    }


@pytest.mark.soak  # with prepared answers in tests/operations
def test_a_release_that_runs_is_refused_waited_for_or_given_up(mine: Account) -> None:
    """What was planned while it ran is planned anew, and nothing of it is left behind."""

    def with_pipeline(detects: str) -> Any:
        release = {"Pipeline": pipeline(detects), "ReleaseRole": role("codepipeline.amazonaws.com", policy("s3:Get*"))}
        return lambda bodies: bodies["data"]["Resources"].update(release)

    def executing(times: int) -> CallFault:
        running = {"pipelineExecutionSummaries": [{"pipelineExecutionId": "7", "status": "InProgress"}]}
        return CallFault("answer", on="codepipeline.ListPipelineExecutions", nth=1, times=times, answer=running)

    idle = CallFault(
        "answer", on="codepipeline.ListPipelineExecutions", times=0, answer={"pipelineExecutionSummaries": []}
    )
    mine.write(mine.note(), change=with_pipeline("false"))
    created = mine.run("apply", "--yes", "--allow-broader")
    assert created.returncode == 0, created.stdout + created.stderr
    mine.write(mine.note(), change=with_pipeline("true"))
    with mine.faults(executing(0), idle):
        refused = mine.run("apply", "--yes")
        assert refused.returncode == 3 and "--wait" in refused.stderr, refused.stdout + refused.stderr
    with mine.faults(executing(3), idle):
        waited = mine.run("apply", "--yes", "--wait")
        calls = mine.calls()
    assert waited.returncode == 0, waited.stdout + waited.stderr
    assert waited.stdout.splitlines()[:2] == [
        "waiting for release, which executes 7",
        "release executes nothing any more: planning again",
    ]
    planned = [name for name in calls if name == "cloudformation.CreateChangeSet"]
    assert len(planned) == 2 and mine.change_sets() == []
    mine.write(mine.note(), change=with_pipeline("false"))
    with mine.faults(executing(0), idle):
        given_up = mine.run("apply", "--yes", "--cancel-release")
    assert given_up.returncode == 0, given_up.stdout + given_up.stderr
    mine.write(mine.note())
    assert mine.run("apply", "--yes").returncode == 0


def test_a_pipeline_needs_its_branch_unless_somebody_says_otherwise(mine: Account) -> None:
    """The local AWS does not answer for branches, so that the first one ends there."""
    mine.write(environment="branchless", connection="", change=lambda bodies: bodies["data"]["Resources"].pop("Note"))
    for words, status, asks in (((), 3, True), (("--without-branch",), 0, False)):
        with mine.faults():
            ended = mine.run("apply", "--yes", *words)
            assert ("codecommit.GetBranch" in mine.calls()) is asks
        assert ended.returncode == status, ended.stdout + ended.stderr
        assert ("accounts-branchless" in mine.statuses()) is not asks


# The options that stand alone; every other one takes a value.
ALONE = {
    *(
        "--adopt",
        "--as-roles",
        "--allow-broader",
        "--build-again",
        "--cancel-release",
        "--change-set",
        "--debug",
        "--drift",
        "--edit-only",
    ),
    *("--empty-buckets", "--empty-registry", "--failed", "--follow", "--help", "--quiet"),
    *("--verbose", "--wait", "--without-alarms", "--without-branch", "--yes"),
}
VERBS = ("access", "apply", "config", "destroy", "events", "explain", "plan", "rollback")


@pytest.mark.parametrize("verb", VERBS)
def test_options_stand_alone_or_take_a_value(verb: str) -> None:
    text = commands.run(Words(commands.DEPLOY, [verb, "--help"])).stdout
    options = re.findall(r"^  (?:-\w, )?(--[a-z-]+)(?: ([A-Z{]\S*))?(?:  |$)", text, re.MULTILINE)
    assert len(options) > 3
    assert {name for name, value in options if not value} == {name for name, _ in options} & ALONE
