"""`status`: which stacks it speaks of, and how their nested stacks really stand."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from generator.cfn.templates import STACK
from scripts.deployment import environment
from scripts.deployment.errors import Exit, RefusedError
from scripts.operations import leftovers, subscribers
from scripts.operations.options import NoOptions
from scripts.operations.releases import documents
from scripts.operations.releases.documents import Documented, Place
from scripts.operations.verbs import status
from scripts.terminal import results
from tests.conftest import ROOT
from tests.operations.golden import matches
from tests.support.account import NOW, SHARED, STAGING, Account, Roots
from tests.support.runs import verb_run
from tests.support.service import arn, refusal

NAMES = [f"{STAGING}-access", SHARED, STAGING]


@pytest.fixture(scope="module")
def loaded() -> Roots:
    return environment.load("staging", ROOT / "templates", ROOT / "params")


def document(aws: Account, roots: Roots, capsys: pytest.CaptureFixture[str]) -> tuple[Exit, Any]:
    with results.document("status", "staging", RefusedError("interrupted")) as current:
        current.exit = status.run(verb_run(aws, roots), NoOptions())
    return current.exit, json.loads(capsys.readouterr().out)["result"]["stacks"]


def test_every_root_that_is_needed_or_there_is_spoken_of(loaded: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a domain nothing of the root `edge` is needed; one that is left from before is."""
    ended, shown = document(Account(), loaded, capsys)
    assert ended is Exit.DONE and [each["stack"] for each in shown] == NAMES
    aws = Account()
    described = aws.stack

    def stack(StackName: str) -> dict[str, Any]:
        edge = {"StackName": StackName, "StackId": arn("stack", StackName), "StackStatus": "DELETE_FAILED"}
        return {"Stacks": [{**edge, "CreationTime": NOW}]} if StackName.endswith("-edge") else described(StackName)

    aws.answers["cloudformation.describe_stacks"] = stack
    ended, shown = document(aws, loaded, capsys)
    assert ended is Exit.MANUAL and [each["stack"] for each in shown] == [*NAMES[:2], f"{STAGING}-edge", STAGING]


@pytest.mark.parametrize(
    ("listed", "physical", "own", "shown"),
    [
        ("CREATE_COMPLETE", "x", "CREATE_COMPLETE", "CREATE_COMPLETE"),
        ("CREATE_COMPLETE", "x", "UPDATE_ROLLBACK_FAILED", "UPDATE_ROLLBACK_FAILED"),
        ("CREATE_COMPLETE", "x", "", "DELETE_COMPLETE"),  # somebody deleted it, which its root does not see
        ("DELETE_COMPLETE", "x", "", "DELETE_COMPLETE"),
        ("CREATE_FAILED", "", "", "CREATE_FAILED"),  # it never existed
    ],
)
def test_a_nested_stack_stands_as_it_says_itself(
    loaded: Roots, capsys: pytest.CaptureFixture[str], listed: str, physical: str, own: str, shown: str
) -> None:
    aws, nested = Account("CREATE_COMPLETE"), arn("stack", "nested")
    described, resource = aws.stack, {"LogicalResourceId": "Data", "ResourceType": STACK, "ResourceStatus": listed}
    resource |= {"PhysicalResourceId": nested} if physical else {}
    topic = {**resource, "LogicalResourceId": "Topic", "ResourceType": "AWS::SNS::Topic"}

    def stack(StackName: str) -> dict[str, Any]:
        if StackName != nested:
            return described(StackName)
        if not own:
            raise refusal("x", "ValidationError", "it does not exist")
        return {"Stacks": [{"StackName": "x", "StackId": nested, "StackStatus": own, "CreationTime": NOW}]}

    aws.answers["cloudformation.describe_stacks"] = stack
    aws.answers["cloudformation.list_stack_resources"] = {
        "StackResourceSummaries": [{**each, "LastUpdatedTimestamp": NOW} for each in (resource, topic)]
    }
    _, [entry] = document(aws, {"shared": loaded["shared"]}, capsys)
    standing = {"stack": SHARED, "status": "CREATE_COMPLETE", "meaning": "is created", "remedy": ""}
    more: dict[str, Any] = {"since": f"{NOW:%Y-%m-%d %H:%M:%S UTC}", "left": [], "unreached": [], "release": None}
    assert entry == {**standing, **more, "nested": {"Data": shown}}


class Left:
    """Where `status` looks for what an update left behind and whom no message reaches."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        gone = leftovers.Leftover(("Data", "Old"), "AWS::SNS::Topic", "topic", "in use")
        silent = subscribers.Unreached("me@x.test", "nobody has confirmed it")
        monkeypatch.setattr(leftovers, "of_stack", lambda _, stack: self.looked("left", stack, gone))
        monkeypatch.setattr(subscribers, "unreached", lambda _, stack, __: self.looked("unreached", stack, silent))

    def looked(self, what: str, stack: Any, entry: Any) -> list[Any]:
        self.asked.append(f"{what} {stack.status}")
        return [entry]


@pytest.mark.parametrize("standing", ["UPDATE_COMPLETE", "UPDATE_ROLLBACK_FAILED"])
def test_of_a_stack_that_can_be_updated_what_is_left_and_whom_nothing_reaches_is_told(
    standing: str, loaded: Roots, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    left, aws = Left(monkeypatch), Account(standing)
    roots = {"environment": loaded["environment"]}
    status.run(verb_run(aws, roots), NoOptions())
    lines = capsys.readouterr().out.splitlines()
    command = "aws cloudcontrol delete-resource --type-name AWS::SNS::Topic --identifier topic --region eu-west-1"
    current = standing == "UPDATE_COMPLETE"
    assert left.asked == (["left UPDATE_COMPLETE", "unreached UPDATE_COMPLETE"] if current else [])
    assert (f"      remove it: {command}" in lines) is current
    assert any("me@x.test" in line for line in lines) is current
    _, [entry] = document(aws, roots, capsys)
    assert [each["path"] for each in entry["left"]] == ([["Data", "Old"]] if current else [])
    assert len(entry["unreached"]) == int(current)


@pytest.mark.parametrize("standing", ["CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED", ""])
def test_as_a_person_has_read_it(
    standing: str, loaded: Roots, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the documents of the last good image, what is left behind, and how far what runs is."""
    Left(monkeypatch)
    place = Place("sbom", "s3://bucket/1.cdx.json", "1" * 64)
    monkeypatch.setattr(documents, "of_last_release", lambda *_: Documented("image@sha256:1", (place,)))

    entry = {"ResourceStatus": "UPDATE_FAILED", "LastUpdatedTimestamp": NOW, "ResourceStatusReason": "no permission"}
    listed = [
        ("Data", STACK, "CREATE_COMPLETE"),
        ("Backend", STACK, "UPDATE_COMPLETE"),
        ("Topic", "T", "UPDATE_FAILED"),
    ]
    aws = Account(standing)
    aws.answers["cloudformation.list_stack_resources"] = {
        "StackResourceSummaries": [
            {**entry, "LogicalResourceId": name, "ResourceType": kind, "ResourceStatus": status}
            for name, kind, status in listed
        ]
    }
    status.run(verb_run(aws, loaded), NoOptions())
    shown = re.sub(r"\d+ min ago|(?m:^\S+)(?=  \d+ resources done)", "TIME", capsys.readouterr().out)
    matches(f"status-{standing.lower() or 'none'}.txt", shown)
