"""How an operation ended and how stacks stand, as people read it and as programs get it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from generator.cfn.stacks import Stack
from generator.cfn.templates import STACK, Template, from_bodies
from scripts.operations.diagnose.cause import Cause, Diagnosis
from scripts.operations.following import Event, FollowedOutcome
from scripts.operations.output import outcomes
from scripts.operations.releases.documents import Documented, Place
from tests.support.account import NOW

ID = "arn:aws:cloudformation:eu-west-1:000000000000:stack/s/1"
CAUSE = Cause(
    ("s", "Backend", "Service"),
    "AWS::ECS::Service",
    "it did not stabilize",
    "Keeps the tasks running.",
    "backend.py",
    "Correct it.",
    "backend.py:7",
    ("container api: exit code 1", "log: no module named x"),
)
OBSTACLE = Cause(("s", "Data"), STACK, "it is in use", "", "", "Remove what uses it.")
FAILED = Diagnosis(CAUSE, OBSTACLE)


def ended(status: str = "UPDATE_COMPLETE", seconds: float = 5.25, *kept: str, **stack: Any) -> FollowedOutcome:
    events = (Event(("Data", name), name, "x", "AWS::S3::Bucket", "DELETE_SKIPPED", "", NOW) for name in kept)
    good = status in ("UPDATE_COMPLETE", "DELETE_COMPLETE")
    return FollowedOutcome(Stack("s", ID, status, **stack), good, seconds, tuple(events))


def shown(lines: Any) -> list[str]:
    return list(map(str, lines))


@pytest.mark.parametrize(
    ("outcome", "diagnosis", "lines"),
    [
        (ended(), Diagnosis(), ["s is updated (UPDATE_COMPLETE, 5.2 s)"]),
        (ended(seconds=99.94), Diagnosis(), ["s is updated (UPDATE_COMPLETE, 99.9 s)"]),
        (ended(seconds=100), Diagnosis(), ["s is updated (UPDATE_COMPLETE, 2 min)"]),
        (
            ended("DELETE_COMPLETE", 1, "Clients", "Archive"),
            Diagnosis(),
            [
                "s is deleted (DELETE_COMPLETE, 1.0 s)",
                "  retained, as the template says: Data > Archive, Data > Clients",
            ],
        ),
        (
            ended("UPDATE_ROLLBACK_COMPLETE"),
            Diagnosis(CAUSE),
            [
                "s could not be updated and was rolled back (UPDATE_ROLLBACK_COMPLETE, 5.2 s)",
                "  s > Backend > Service  AWS::ECS::Service",
                "    purpose: Keeps the tasks running.",
                "    reason: it did not stabilize",
                "      container api: exit code 1",
                "      log: no module named x",
                "    defined in: backend.py:7",
                "    next step: Correct it.",
            ],
        ),
        # While the rollback has failed, only what its own reason asks for is a next step.
        (
            ended("UPDATE_ROLLBACK_FAILED"),
            FAILED,
            [
                "s could not be updated, and its rollback failed (UPDATE_ROLLBACK_FAILED, 5.2 s)",
                "  s > Backend > Service  AWS::ECS::Service",
                "    purpose: Keeps the tasks running.",
                "    reason: it did not stabilize",
                "      container api: exit code 1",
                "      log: no module named x",
                "    defined in: backend.py:7",
                "  rollback failed at:",
                "  s > Data  AWS::CloudFormation::Stack",
                "    reason: it is in use",
                "    next step: Remove what uses it.",
                "  Fix what stopped the rollback, then run `continue`. To give up on one resource: "
                "`continue --skip RESOURCE`.",
            ],
        ),
    ],
)
def test_how_it_ended(outcome: FollowedOutcome, diagnosis: Diagnosis, lines: list[str]) -> None:
    assert shown(outcomes.outcome_lines(outcome, diagnosis)) == lines


def test_the_module_is_named_where_no_line_of_it_is_known() -> None:
    [*_, where] = shown(outcomes.cause_lines(replace(CAUSE, place="", remedy="")))
    assert where == "    defined in: backend.py"


def test_colours_say_whether_it_is_good() -> None:
    styles = [next(iter(outcomes.outcome_lines(each))).parts[0][1] for each in (ended(), ended("UPDATE_FAILED"))]
    assert styles == ["green", "red"]


def test_how_it_ended_for_programs() -> None:
    cause = {
        "path": ("s", "Backend", "Service"),
        "type": "AWS::ECS::Service",
        "reason": "it did not stabilize",
        "sentence": "Keeps the tasks running.",
        "module": "backend.py",
        "remedy": "Correct it.",
        "place": "backend.py:7",
        "said": ("container api: exit code 1", "log: no module named x"),
    }
    document = outcomes.outcome_document(ended("UPDATE_ROLLBACK_FAILED", 5.26, "Clients"), FAILED)
    assert document.pop("obstacle")["path"] == ("s", "Data")
    assert document == {
        "stack": "s",
        "status": "UPDATE_ROLLBACK_FAILED",
        "meaning": "could not be updated, and its rollback failed",
        "good": False,
        "seconds": 5.3,
        "cause": cause,
        "retained": [["Data", "Clients"]],
        "remedy": "Fix what stopped the rollback, then run `continue`. To give up on one resource: "
        "`continue --skip RESOURCE`.",
    }
    good = outcomes.outcome_document(ended())
    assert (good["good"], good["cause"], good["obstacle"], good["retained"]) == (True, None, None, [])


@pytest.fixture
def root() -> Template:
    outputs = {"Address": {"Value": "x", "Description": "Where the page is."}, "Bare": {"Value": "x"}}
    return from_bodies({"environment": {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs}})[
        "environment"
    ]


def test_outputs_on_a_line_each_and_whole_beside_what_they_are(root: Template) -> None:
    stack = Stack("s", ID, "UPDATE_COMPLETE", outputs={"Bare": "b", "Address": "a" * 161, "Old": "c" * 160})
    console = "https://eu-west-1.console.aws.amazon.com/cloudformation/home?region=eu-west-1#/stacks/stackinfo?stackId="
    assert shown(outcomes.output_lines(stack, "eu-west-1", root)) == [
        f"  (console)  {console}{ID}",
        f"  Address    {'a' * 161}  Where the page is.",
        "  Bare       b",
        f"  Old        {'c' * 160}",
    ]
    lines = shown(outcomes.output_lines(stack, ""))
    assert lines[1:] == ["  Bare     b", f"  Old      {'c' * 160}"]
    assert lines[0].startswith(f"  Address  {'a' * 120}… (161 characters, sha256 ")
    bare = Stack("s", "i" * 200, "UPDATE_COMPLETE")
    assert shown(outcomes.output_lines(bare, "")) == []
    # An address that is cut leads nowhere.
    assert shown(outcomes.output_lines(bare, "eu-west-1")) == [f"  (console)  {console}{'i' * 200}"]


def test_how_a_stack_and_its_nested_ones_stand() -> None:
    stack = Stack("s", ID, "UPDATE_FAILED", since="2026-11-23 12:00:00 UTC")
    children = {"Pipeline": "UPDATE_COMPLETE", "Data": "UPDATE_FAILED"}
    assert shown(outcomes.status_lines(stack, "s", children, "Run `continue`.")) == [
        "s was updated in part and not rolled back (UPDATE_FAILED, 2026-11-23 12:00:00 UTC)",
        "  Data      UPDATE_FAILED",
        "  Pipeline  UPDATE_COMPLETE",
        "  Run `continue`.",
    ]
    assert outcomes.status_document(stack, "s", children, "Run `continue`.") == {
        "stack": "s",
        "status": "UPDATE_FAILED",
        "meaning": "was updated in part and not rolled back",
        "since": "2026-11-23 12:00:00 UTC",
        "remedy": "Run `continue`.",
        "nested": children,
    }
    assert len(shown(outcomes.status_lines(stack, "s", {}, ""))) == 1
    assert shown(outcomes.status_lines(None, "s", {}, "")) == ["s does not exist"]
    absent: dict[str, Any] = {"stack": "s", "status": None, "meaning": "", "since": "", "remedy": "", "nested": {}}
    assert outcomes.status_document(None, "s", {}, "") == absent


def test_where_the_documents_of_the_last_good_image_lie() -> None:
    release = Documented(
        "registry/api@sha256:1", (Place("provenance", "s3://b/p", "1"), Place("sbom", "s3://b/s", "2"))
    )
    assert shown(outcomes.release_lines(release)) == [
        "  last good image: registry/api@sha256:1",
        "    provenance: s3://b/p",
        "    sbom: s3://b/s",
    ]
    assert shown(outcomes.release_lines(Documented("", problem="no permission"))) == [
        "  last good image: no permission"
    ]


def test_what_the_local_aws_does_not_simulate() -> None:
    table, repository = (
        {"Type": f"AWS::{kind}", "Property": "Tags"} for kind in ("DynamoDB::Table", "ECR::Repository")
    )
    page = "http://localhost:1"
    assert [outcomes.local_aws_line(page, values) for values in ([], [table], [table, table, repository])] == [
        f"local AWS: {page}  all property values are simulated",
        f"local AWS: {page}  1 property value of 1 resource type is not simulated",
        f"local AWS: {page}  3 property values of 2 resource types are not simulated",
    ]
