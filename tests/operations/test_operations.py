"""What happened, told later: the last operation of every stack, nested and deleted ones included, and its events."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from generator.cfn.templates import STACK
from scripts.deployment.errors import Exit, UsageError
from scripts.operations.diagnose import history
from scripts.operations.verbs import events as events_verb
from scripts.operations.verbs import explain as explain_verb
from tests.operations.failed_update import BACKEND, START, child, event
from tests.operations.history import ROOTS, SHARED, STAGING, Account, arguments, called
from tests.support.runs import verb_run
from tests.support.service import arn


def test_the_last_operation_is_explained_later(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain_verb.run(*arguments(explain_verb, Account())) is Exit.DONE
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{SHARED} is created (CREATE_COMPLETE")
    assert lines[1] == f"{STAGING} could not be updated and was rolled back (UPDATE_ROLLBACK_COMPLETE, 20.0 s)"
    assert lines[2] == f"  {STAGING} > Backend > Service  AWS::ECS::Service"
    assert "    reason: Service did not stabilize: tasks fail their health check" in lines


def test_a_nested_stack_is_explained_by_its_path(capsys: pytest.CaptureFixture[str]) -> None:
    """It is found through the events of its parent, which no longer lists it."""
    for path in ("Backend", "environment/Backend", "environment > Backend"):
        explain_verb.run(*arguments(explain_verb, Account(), stack=path, format="json"))
        (name, events), *_ = json.loads(capsys.readouterr().out).items()
        assert name == f"{STAGING} > Backend"
        assert events["cause"]["path"] == [STAGING, "Backend", "Service"]
        assert events["cause"]["place"].startswith("generator/stacks/backend/ecs.py:") and events["cause"]["sentence"]


def test_a_deleted_stack_is_read_by_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    aws = Account(gone=(STAGING,))
    explain_verb.run(*arguments(explain_verb, aws))
    assert f"  {STAGING} > Backend > Service" in capsys.readouterr().out
    read = {request["StackName"] for name, request in aws.asked if name.endswith("stack_events")}
    assert arn("stack", STAGING) in read and arn("stack", BACKEND) in read and "older" not in read


@pytest.mark.parametrize("path", ["Frontend", "edge/Nothing", "Backend/Service"])
def test_a_path_that_leads_nowhere_is_bad_usage(path: str) -> None:
    with pytest.raises(UsageError, match="has no nested stack"):
        explain_verb.run(*arguments(explain_verb, Account(), stack=path))


def test_a_path_to_a_resource_is_bad_usage_and_the_stacks_are_named() -> None:
    """A bucket's name is no stack's, whatever it is."""
    aws = Account()
    bucket = {"LogicalResourceId": "Logs", "ResourceType": "AWS::S3::Bucket", "PhysicalResourceId": "logs-1"}
    child_ = {"LogicalResourceId": "Backend", "ResourceType": STACK, "PhysicalResourceId": arn("stack", BACKEND)}
    same = {"ResourceStatus": "CREATE_COMPLETE", "LastUpdatedTimestamp": START}
    listed = {"StackResourceSummaries": [{**bucket, **same}, {**child_, **same}]}
    aws.answers["cloudformation.list_stack_resources"] = listed
    with pytest.raises(UsageError, match="has no nested stack Logs") as raised:
        explain_verb.run(*arguments(explain_verb, aws, stack="environment/Logs"))
    assert raised.value.reason == f"{STAGING} has no nested stack Logs."
    assert raised.value.remedy == "There are: Backend, Network."
    assert "logs-1" not in [request.get("StackName") for _, request in aws.asked]


def test_an_operation_ends_where_another_one_began() -> None:
    """By its id where AWS gives one; a stack may say twice that it begins."""
    again = event(STAGING, 1, STAGING, "UPDATE_IN_PROGRESS", "Transformation succeeded")
    own = [
        event(STAGING, -50, STAGING, "UPDATE_IN_PROGRESS"),
        event(STAGING, 0, STAGING, "UPDATE_IN_PROGRESS", "User Initiated"),
        again,
        event(STAGING, 9, STAGING, "UPDATE_COMPLETE"),
    ]
    for ids, first in (((None,) * 4, -50), (("a", "b", "b", "b"), 0)):
        events = [event | ({"OperationId": number} if number else {}) for event, number in zip(own, ids, strict=True)]
        aws = Account()
        aws.all[STAGING] = events
        stack = history.subjects(verb_run(aws, ROOTS))[-1].stack
        assert history.last_events(aws, stack)[0].time == START + timedelta(seconds=first)


def test_a_stack_that_nothing_ever_happened_to() -> None:
    aws = Account()
    aws.all[STAGING] = [event(STAGING, 0, STAGING, "REVIEW_IN_PROGRESS")]
    assert history.last_events(aws, history.subjects(verb_run(aws, ROOTS))[-1].stack) == []


def test_events_of_all_stacks_in_the_order_of_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert events_verb.run(*arguments(events_verb, Account(), stack="environment", format="json")) is Exit.DONE
    events = json.loads(capsys.readouterr().out)[STAGING]
    assert [event["time"] for event in events] == sorted(event["time"] for event in events) and len(events) == 15
    assert {tuple(event["path"][:1]) for event in events} == {(), ("Backend",), ("Network",)}
    events_verb.run(*arguments(events_verb, Account(), failed=True))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{SHARED}: no failures" and lines[1] == STAGING
    assert lines[2] == "  2026-11-23 12:00:07  UPDATE_FAILED  Backend > Service  AWS::ECS::Service"
    assert lines[3] == "      Service did not stabilize: tasks fail their health check"
    assert all("UPDATE_FAILED" in line for line in lines[2:] if line.startswith("  2026"))


def test_events_from_a_moment_on(capsys: pytest.CaptureFixture[str]) -> None:
    events_verb.run(*arguments(events_verb, Account(), operation="all", stack="environment"))
    assert "12:00:20  UPDATE_ROLLBACK_COMPLETE" in (everything := capsys.readouterr().out)
    assert "11:45:00  UPDATE_COMPLETE" in everything and "an operation before this one" in everything
    events_verb.run(
        *arguments(events_verb, Account(), operation="all", stack="environment", since="2026-11-23T12:00:15")
    )
    assert [line[12:21].strip() for line in capsys.readouterr().out.splitlines()[1:]] == [
        "12:00:15",
        "12:00:15",
        "12:00:20",
    ]


def test_times_as_people_write_them() -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert history.since("90m", now) == now - timedelta(minutes=90)
    assert history.since("2h", now) == history.since("2026-11-23T10:00") == history.since("2026-11-23T11:00+01:00")
    for text in ("", "yesterday", "h", "-1h"):
        with pytest.raises(UsageError) as raised:
            history.since(text)
        assert (raised.value.reason, raised.value.remedy) == (
            f'Invalid time "{text}".',
            "Give 30m, 2h or 7d, or a time such as 2026-11-23T12:00.",
        )


def test_many_resources_and_pages() -> None:
    """Three hundred events of a nested stack, two to a page."""
    many = [
        {
            **event(BACKEND, 1 + number / 100, f"Thing{number}", "CREATE_COMPLETE", kind="AWS::SSM::Parameter"),
            "PhysicalResourceId": "x",
        }
        for number in range(300)
    ]
    aws = Account()
    aws.all[STAGING] = [
        event(STAGING, 0, STAGING, "CREATE_IN_PROGRESS", "User Initiated"),
        called(child(1, "Backend", BACKEND, "CREATE_IN_PROGRESS"), "dashboard-staging", STAGING),
    ]
    aws.all[BACKEND] = many
    events = history.last_events(aws, history.subjects(verb_run(aws, ROOTS))[-1].stack)
    assert len(events) == 302 and len({event.id for event in events}) == 302
    assert events[1].type == STACK
