"""The guards of a saved plan: whatever is not what was reviewed is refused, and nothing is executed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.local_aws.faults import CallFault
from tests.support.accounts import REGION, Account, with_a_backend

EXECUTE = "cloudformation.ExecuteChangeSet"


@pytest.fixture
def file(mine: Account, tmp_path: Path) -> Iterator[Path]:
    """A saved plan that nobody has touched."""
    mine.write("planned")
    path = tmp_path / "plan.json"
    planned = mine.run("plan", "--out", str(path))
    assert planned.returncode == 2, planned.stdout + planned.stderr
    yield path
    mine.write("planned")
    mine.run("plan", "--discard", str(path))
    assert mine.change_sets() == []


def answer(operation: str, nth: int = 0, **body: Any) -> CallFault:
    """What AWS answers instead: the `nth` time, or always."""
    times = 1 if nth else 0
    return CallFault("answer", on=operation, nth=nth, times=times, answer=body)


def refused(mine: Account, file: Path, why: str, *words: str, faults: tuple[CallFault, ...] = ()) -> None:
    """Nothing is executed, and the change set that was reviewed stays as long as CloudFormation keeps it."""
    kept = mine.change_sets()
    with mine.faults(*faults):
        ended = mine.run("apply", "--yes", "--plan", str(file), *words)
        assert EXECUTE not in mine.calls()
    assert ended.returncode == 3 and why in ended.stderr, ended.stdout + ended.stderr
    assert "Make a new plan" not in ended.stderr.partition(why)[0], "what to do comes after the reason"
    assert mine.change_sets() == kept


def test_the_plan_of_another_environment(mine: Account, file: Path) -> None:
    mine.write("planned", environment="other")
    refused(mine, file, "The plan is for staging, and this is other; nothing was executed.")


@pytest.mark.soak
def test_the_plan_of_another_region(mine: Account, file: Path) -> None:
    refused(mine, file, f"The plan is for {REGION}, and this is eu-central-1", "--region", "eu-central-1")


@pytest.mark.soak
def test_the_plan_of_another_account(mine: Account, file: Path) -> None:
    other = answer("sts.GetCallerIdentity", Account="444455556666", Arn="arn:aws:iam::444455556666:user/me", UserId="A")
    refused(mine, file, "The plan is for 123456789012, and this is 444455556666", faults=(other,))


@pytest.mark.parametrize(
    "status",
    ["OBSOLETE", *(pytest.param(status, marks=pytest.mark.soak) for status in ("UNAVAILABLE", "EXECUTE_FAILED"))],
)
def test_a_change_set_that_cannot_be_executed_any_more(mine: Account, file: Path, status: str) -> None:
    gone = answer("cloudformation.DescribeChangeSet", nth=1, ExecutionStatus=status, Status="CREATE_COMPLETE")
    refused(mine, file, f"The reviewed change set of {mine.stack} is {status}.", faults=(gone,))


def test_a_change_set_that_is_not_what_was_reviewed(mine: Account, file: Path) -> None:
    """It is read again before it is executed, nested change sets too."""
    added = {"Action": "Add", "LogicalResourceId": "Surprise", "ResourceType": "AWS::SNS::Topic"}
    [saved] = json.loads(file.read_text(encoding="utf-8"))["stacks"]
    other = answer(
        "cloudformation.DescribeChangeSet",
        nth=2,
        ChangeSetId=saved["change_set"],
        StackName=mine.stack,
        Status="CREATE_COMPLETE",
        Changes=[{"Type": "Resource", "ResourceChange": added}],
    )
    refused(mine, file, f"The change set of {mine.stack} is not what was reviewed.", faults=(other,))


def test_a_stack_that_has_changed_since(mine: Account, file: Path) -> None:
    mine.write("meanwhile")
    assert mine.run("apply", "--yes").returncode == 0
    mine.write("planned")
    refused(mine, file, f"{mine.stack} has changed since the plan was made")


def signed(**body: Any) -> str:
    """A plan file whose digest is right, whatever is in it."""
    content = {"version": 1, **body}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return json.dumps({**content, "digest": digest})


WHOLE: dict[str, Any] = {"environment": "staging", "account": "1", "region": "x", "stacks": [], "plan": {"stacks": []}}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "cannot be read"),
        ("[1,\n", ":2 is not JSON"),
        ("[]", "a saved plan of version 1."),
        ('{"version": 1}', "a saved plan of version 1."),
        ('{"version": 2, "digest": ""}', "a saved plan of version 1."),
        ('{"version": 1, "digest": ""}', "was changed after it was written"),
        ("[" * 100_000, "it is nested too deeply"),
        (signed(environment="staging"), "a saved plan of version 1: 'account'"),
        (signed(**WHOLE | {"stacks": {}}), "{} is where a list belongs"),
        (signed(**WHOLE | {"stacks": [5]}), "5 is where an object belongs"),
        (signed(**WHOLE | {"stacks": [{"image": [], "stack": None}]}), "null is where a text belongs"),
        (signed(**WHOLE | {"stacks": [{"image": [], "other": ""}]}), "unexpected keyword argument 'other'"),
        (signed(**WHOLE | {"plan": {"stacks": [[]]}}), "[] is where an object belongs"),
    ],
)
def test_what_is_no_saved_plan(mine: Account, tmp_path: Path, text: str | None, why: str) -> None:
    other = tmp_path / "other.json"
    if text is not None:
        other.write_text(text, encoding="utf-8")
    for words in (("apply", "--plan"), ("plan", "--discard")):
        ended = mine.run(*words, str(other))
        assert ended.returncode == 3 and f"{other}" in ended.stderr and why in ended.stderr, ended.stderr
        assert "Make a new plan with `" in ended.stderr


def test_a_plan_that_cannot_be_saved_leaves_nothing(mine: Account, tmp_path: Path) -> None:
    mine.write("unsaved")
    ended = mine.run("plan", "--out", str(tmp_path / "no/folder/plan.json"))
    assert ended.returncode == 3 and "cannot be written" in ended.stderr, ended.stderr
    assert mine.change_sets() == []


def test_a_plan_without_changes_executes_nothing(mine: Account, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    assert mine.run("plan", "--out", str(path)).returncode == 0
    with mine.faults():
        ended = mine.run("apply", "--yes", "--plan", str(path))
        assert EXECUTE not in mine.calls()
    assert (ended.returncode, ended.stdout) == (0, f"{mine.stack}: nothing in the plan\n"), ended.stderr


def test_exactly_the_saved_plan_is_executed(mine: Account, file: Path) -> None:
    done = mine.run("apply", "--yes", "--plan", str(file))
    assert done.returncode == 0 and mine.note() == "planned", done.stdout + done.stderr


IMAGES = ("registry:8", "registry:9")


@pytest.mark.soak
def test_the_image_that_runs_is_a_plan_by_itself(mine: Account, tmp_path: Path) -> None:
    """RUN-8: it is saved, reviewed and applied before anything else; another release makes the plan worthless."""

    def release(image: str) -> None:
        mine.aws.call("ssm", "put_parameter", Name="/accounts/image", Value=image, Type="String", Overwrite=True)

    def deployed() -> str:
        return str(mine.aws.call("ssm", "get_parameter", Name="/accounts/deployed")["Parameter"]["Value"])

    before, path = mine.note(), tmp_path / "plan.json"
    mine.write(before, change=with_a_backend)
    assert mine.run("apply", "--yes").returncode == 0 and deployed() == "none"

    release(IMAGES[0])
    mine.write("more than the image", change=with_a_backend)
    assert mine.run("plan", "--out", str(path)).returncode == 2
    [saved] = json.loads(path.read_text(encoding="utf-8"))["stacks"]
    assert [(parameter["name"], parameter["after"]) for parameter in saved["image"]] == [
        ("BackendImage", IMAGES[0]),
        ("BackendBootstrap", "false"),
    ]
    release(IMAGES[1])
    refused(mine, path, "Make a new plan with")
    release(IMAGES[0])
    done = mine.run("apply", "--yes", "--plan", str(path))
    assert done.returncode == 0 and (deployed(), mine.note()) == (IMAGES[0], before), done.stdout + done.stderr
    rest = mine.run("apply", "--yes")
    assert rest.returncode == 0 and mine.note() == "more than the image", rest.stdout + rest.stderr

    release(IMAGES[1])  # a release; then the backend changes in the file, too
    mine.write("and again", change=with_a_backend)
    both = mine.run("apply", "--yes")
    assert both.returncode == 0 and (deployed(), mine.note()) == (IMAGES[1], "and again"), both.stdout + both.stderr
    assert mine.change_sets() == []
