"""A reviewed plan as a file: what is written is what is read, and nothing else is taken for a plan."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from generator.cfn.changes import Difference
from generator.cfn.stacks import Stack
from scripts.deployment.errors import AwsError, RefusedError
from scripts.deployment.plan import Plan
from scripts.operations import plan_document, saved_plan
from scripts.operations.saved_plan import AGAIN, SavedPlan, SavedStack
from tests.support.service import Prepared, arn, refusal

PLAN = Plan("s", arn("stack", "s"), "UPDATE", arn("changeSet", "s"), "deploy-1", "digest-1")
IMAGE = (Difference("BackendImage", "a:1", "a:2"),)
STACK = SavedStack(
    "s", arn("stack", "s"), "UPDATE", arn("changeSet", "s"), "deploy-1", "digest-1", "UPDATE_COMPLETE since noon", IMAGE
)
SAVED = SavedPlan("staging", "000000000000", "eu-west-1", (STACK,), {"stacks": [{"stack": "s", "kind": "UPDATE"}]})


def written(path: Path, **changes: Any) -> Path:
    """A file with other content, whose digest fits: everybody can compute it."""
    saved_plan.write(path, SAVED)
    body = json.loads(path.read_text(encoding="utf-8"))
    del body["digest"]
    body |= changes
    body = {name: value for name, value in body.items() if value is not None}
    body["digest"] = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(body), encoding="utf-8")
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    saved_plan.write(path, SAVED)
    assert saved_plan.read(path) == SAVED == saved_plan.read(written(path))
    text = path.read_text(encoding="utf-8")
    assert set(json.loads(text)) == {"version", "digest", "environment", "account", "region", "stacks", "plan"}
    saved_plan.write(path, SAVED)
    assert path.read_text(encoding="utf-8").endswith("}\n") and '\n  "account"' in path.read_text(encoding="utf-8")


def test_a_stack_of_a_plan_as_it_is_saved() -> None:
    """With how the stack stood, and the change set that is read again into the same plan."""
    previous = Stack("s", PLAN.stack_id, "UPDATE_COMPLETE", since="noon")
    assert saved_plan.stack(PLAN, previous, IMAGE) == STACK
    assert saved_plan.stack(PLAN, None) == replace(STACK, stands="does not exist", image=())
    again = STACK.plan
    assert (again.stack, again.stack_id, again.kind, again.change_set) == (
        "s",
        PLAN.stack_id,
        "UPDATE",
        PLAN.change_set,
    )
    assert (again.name, again.digest, again.parameters) == ("deploy-1", "digest-1", IMAGE)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"version": 2}, "."),
        ({"environment": None}, ": 'environment'."),
        ({"account": 7}, ": 7 is where a text belongs."),
        ({"stacks": {}}, ": {} is where a list belongs."),
        ({"stacks": ["s"]}, ': "s" is where an object belongs.'),
        ({"stacks": [{}]}, ": 'image'."),
        ({"stacks": [{"image": {}}]}, ": {} is where a list belongs."),
        ({"stacks": [{"image": [], "stack": 1}]}, ": 1 is where a text belongs."),
        ({"stacks": [{"image": [7]}]}, ": 7 is where an object belongs."),
        ({"stacks": [{"image": [{"certain": "yes"}]}]}, ': "yes" is where a Boolean belongs.'),
        ({"stacks": [{"image": [{"name": []}]}]}, ": [] is where a text belongs."),
        ({"plan": []}, ": [] is where an object belongs."),
        ({"plan": {}}, ": 'stacks'."),
        ({"plan": {"stacks": "s"}}, ': "s" is where a list belongs.'),
        ({"plan": {"stacks": [7]}}, ": 7 is where an object belongs."),
        ({"plan": {"stacks": [{"stack": ["x" * 50]}]}}, f': ["{"x" * 38} is where a text belongs.'),
    ],
)
def test_a_file_of_another_form(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    path = written(tmp_path / "plan.json", **changes)
    with pytest.raises(RefusedError) as raised:
        saved_plan.read(path)
    assert (raised.value.reason, raised.value.remedy) == (f"{path} is not a saved plan of version 1{why}", AGAIN)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\xff", "{} cannot be read: 'utf-8' codec can't decode byte 0xff"),
        (b"{\n\n]", "{}:3 is not JSON: Expecting property name enclosed in double quotes"),
        (b"[" * 100_000, "{} is not a saved plan: it is nested too deeply."),
        (b"[]", "{} is not a saved plan of version 1."),
        (b'{"version": 1}', "{} is not a saved plan of version 1."),
        (b'{"version": 1, "digest": "x"}', "{} was changed after it was written; nothing was executed."),
        (None, "{} cannot be read: [Errno 2] No such file or directory: "),
    ],
)
def test_what_is_no_plan(tmp_path: Path, content: bytes | None, why: str) -> None:
    path = tmp_path / "plan.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RefusedError) as raised:
        saved_plan.read(path)
    assert raised.value.reason.startswith(why.format(path)) and raised.value.remedy == AGAIN


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as raised:
        saved_plan.write(tmp_path, SAVED)
    assert (raised.value.reason, raised.value.remedy) == (
        f"{tmp_path} cannot be written: Is a directory",
        "Nothing was kept.",
    )


def test_a_plan_belongs_to_one_environment_of_one_account_and_region() -> None:
    here = ("staging", "000000000000", "eu-west-1")
    saved_plan.belongs(SAVED, *here)
    for place, other in enumerate(("production", "111111111111", "us-east-1")):
        there = (*here[:place], other, *here[place + 1 :])
        with pytest.raises(RefusedError, match=f"^The plan is for {here[place]}, and this is {other}; nothing"):
            saved_plan.belongs(SAVED, *there)


VALUES = {"A": "1", "Empty": "", "Hidden": "secret"}
TAGS = {"CostCenter": "1"}


def described(**changes: Any) -> dict[str, Any]:
    parameters = [{"ParameterKey": "A", "ParameterValue": "1"}, {"ParameterKey": "Empty"}]
    parameters += [
        {"ParameterKey": "Hidden", "ParameterValue": "****"},
        {"ParameterKey": "More", "ParameterValue": "x"},
    ]
    tags = [{"Key": "CostCenter", "Value": "1"}]
    return {"ExecutionStatus": "AVAILABLE", "Parameters": parameters, "Tags": tags} | changes


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (described(), ""),
        (described(ExecutionStatus="OBSOLETE"), "The reviewed change set of s is OBSOLETE."),
        (described(Parameters=[]), "The change set of s has another A than what was reviewed."),
        (
            described(Parameters=[{"ParameterKey": name, "ParameterValue": "1"} for name in VALUES]),
            "The change set of s has another Empty than what was reviewed.",
        ),
        (described(Tags=[]), "The change set of s has other tags than what was reviewed."),
        (refusal("x", "ChangeSetNotFound"), "The reviewed change set of s does not exist any more."),
    ],
)
def test_the_change_set_is_what_was_reviewed_or_nothing(answer: Any, why: str) -> None:
    aws = Prepared(cloudformation__describe_change_set=answer)
    if why:
        with pytest.raises(RefusedError) as raised:
            saved_plan.check_executable(aws, PLAN, VALUES, TAGS)
        assert (raised.value.reason, raised.value.remedy) == (why, AGAIN)
    else:
        saved_plan.check_executable(aws, PLAN, VALUES, TAGS)
    assert aws.asked == [("cloudformation.describe_change_set", {"ChangeSetName": PLAN.change_set})]


def test_another_error_says_nothing_of_the_change_set() -> None:
    denied = Prepared(cloudformation__describe_change_set=refusal("x", "AccessDenied"))
    with pytest.raises(AwsError, match="AccessDenied"):
        saved_plan.check_executable(denied, PLAN, VALUES, TAGS)


# --- one root of it, read again

STANDING = Stack("s", arn("stack", "s"), "UPDATE_COMPLETE", since="noon", tags=TAGS)


def root(**more: Any) -> Any:
    """A root on its way, as far as it is looked at."""
    needed = more.pop("needed", True)
    usual = {"environment": SimpleNamespace(stack="s", needed=needed), "previous": STANDING, "aws": Prepared()}
    return SimpleNamespace(**usual | more)


def saved(entry: SavedStack, plan: Plan | None = None, **shown: Any) -> SavedPlan:
    """A saved plan of one root, whose review said what this plan says."""
    document = plan_document.plan_document(plan) if plan else {}
    listed = json.loads(json.dumps({"stack": "s", **document, **shown}))
    return replace(SAVED, stacks=(entry,), shown={"stacks": [{"stack": "other"}, listed]})


CHANGED = "The files or found values of s changed after the plan was saved."
NOT_REVIEWED = "The change set of s is not what was reviewed."


def refused(plan: SavedPlan, there: Any) -> str:
    with pytest.raises(RefusedError) as raised:
        saved_plan.reviewed_plan(plan, there)
    assert raised.value.remedy == AGAIN
    return raised.value.reason


def test_a_root_that_the_plan_does_not_name_is_left_alone() -> None:
    assert saved_plan.reviewed_plan(saved(replace(STACK, stack="other")), root()) is None


def test_a_stack_that_has_changed_since_is_not_touched() -> None:
    why = "s has changed since the plan was made: UPDATE_COMPLETE since noon, now {}."
    entry = replace(STACK, image=())
    for previous, now in (
        (None, "does not exist"),
        (replace(STANDING, since="one"), "UPDATE_COMPLETE since one"),
        (replace(STANDING, status="UPDATE_ROLLBACK_COMPLETE"), "UPDATE_ROLLBACK_COMPLETE since noon"),
    ):
        assert refused(saved(entry), root(previous=previous)) == why.format(now)


def test_a_deletion_is_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not one of a root that the files ask for again."""
    gone = replace(PLAN, kind="DELETE", change_set="", digest="digest-2")
    entry = replace(STACK, kind="DELETE", image=())
    monkeypatch.setattr(saved_plan, "plan_deletion", lambda _, stack: replace(gone, stack=stack.name))
    assert saved_plan.reviewed_plan(saved(entry, gone), root(needed=False)) == gone
    assert refused(saved(entry, gone), root(needed=True)) == CHANGED
    absent = replace(entry, stands="does not exist")
    assert refused(saved(absent, gone), root(needed=False, previous=None)) == CHANGED
    assert refused(saved(entry, gone, digest="other"), root(needed=False)) == NOT_REVIEWED
    assert refused(replace(saved(entry), shown={"stacks": []}), root(needed=False)) == NOT_REVIEWED


def test_the_same_files_give_the_same_plan_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    entry, looks = replace(STACK, image=()), list[Any]()
    request = SimpleNamespace(
        digest="digest-1", parameters={**VALUES, "Key": "x"}, hidden=frozenset({"Key"}), tags=TAGS
    )
    here = root()

    def compute(there: Any, complete: bool) -> Any:
        assert there is here and complete
        return there, request, "comparison"

    def fill(aws: Any, plan: Plan, asked_for: Any, previous: Stack) -> Plan:
        assert (aws, asked_for, previous) == (here.aws, request, STANDING)
        return replace(plan, parameters=IMAGE)

    def review(there: Any, plan: Plan, comparison: str) -> Plan:
        assert (there, comparison) == (here, "comparison")
        return replace(plan, tags=IMAGE)

    monkeypatch.setattr(saved_plan, "compute", compute)
    monkeypatch.setattr(saved_plan, "fill", fill)
    monkeypatch.setattr(saved_plan, "review", review)
    monkeypatch.setattr(saved_plan, "check_executable", lambda *about: looks.append(about))
    whole = replace(PLAN, parameters=IMAGE, tags=IMAGE)
    assert saved_plan.reviewed_plan(saved(entry, whole), here) == whole
    assert looks == [(here.aws, entry.plan, VALUES, TAGS)]  # what is hidden cannot be compared
    # What may depend on the moment is no part of the review.
    late = saved(entry, whole, refusals=["x"], notices=["x"])
    assert saved_plan.reviewed_plan(late, here) == whole
    assert refused(saved(entry, PLAN), here) == NOT_REVIEWED
    request.digest = "digest-2"
    assert refused(saved(entry, whole), here) == CHANGED and len(looks) == 3


def test_the_image_alone_is_still_the_one_of_the_last_good_release(monkeypatch: pytest.MonkeyPatch) -> None:
    looks, there = list[Any](), root(previous=replace(STANDING, parameters={"BackendImage": "a:1", "TaskCpu": "256"}))
    whole = replace(STACK.plan, kind="UPDATE")
    monkeypatch.setattr(saved_plan, "released_image", lambda *_: "a:2")
    monkeypatch.setattr(saved_plan, "read_image", lambda *about: about[2])
    monkeypatch.setattr(saved_plan, "check_executable", lambda *about: looks.append(about))
    assert saved_plan.reviewed_plan(saved(STACK, whole), there) == whole
    assert looks == [(there.aws, STACK.plan, {"BackendImage": "a:2", "TaskCpu": "256"}, TAGS)]
    for image in ("a:3", None):
        monkeypatch.setattr(saved_plan, "released_image", lambda *_, image=image: image)
        assert refused(saved(STACK, whole), there) == CHANGED
    assert len(looks) == 1
