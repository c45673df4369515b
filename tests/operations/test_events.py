"""The events of operations as people read them and as programs get them."""

from __future__ import annotations

from datetime import timedelta

from generator.cfn.templates import STACK
from scripts.operations.following import Event
from scripts.operations.output.events import event_document, event_lines
from tests.support.account import NOW

ENDED = Event((), "1", "id-1", STACK, "UPDATE_FAILED", "it broke", NOW)
TOPIC = Event(("Data", "Topic"), "2", "id-2", "AWS::SNS::Topic", "CREATE_COMPLETE", "", NOW + timedelta(seconds=1.5))


def test_a_line_for_each_event_and_one_for_its_reason() -> None:
    lines = list(event_lines("s", [ENDED, TOPIC]))
    assert [(str(line), line.parts[0][1]) for line in lines] == [
        ("s", "bold"),
        ("  2026-11-23 12:00:00  UPDATE_FAILED  s  AWS::CloudFormation::Stack", "red"),
        ("      it broke", ""),
        ("  2026-11-23 12:00:01  CREATE_COMPLETE  Data > Topic  AWS::SNS::Topic", ""),
    ]


def test_a_program_gets_all_of_it() -> None:
    assert event_document(ENDED) == {
        "time": "2026-11-23T12:00:00+00:00",
        "path": [],
        "type": "AWS::CloudFormation::Stack",
        "status": "UPDATE_FAILED",
        "reason": "it broke",
        "physical_id": "id-1",
    }
    assert event_document(TOPIC)["path"] == ["Data", "Topic"]
