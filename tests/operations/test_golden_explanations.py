"""Explanations as people and programs get them, against files that a person has read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from scripts.operations.verbs import drift as drift_verb
from scripts.operations.verbs import events as events_verb
from scripts.operations.verbs import explain as explain_verb
from tests.operations import big_failure, drifted
from tests.operations.golden import matches
from tests.operations.history import Account, arguments


def failing() -> Account:
    aws = Account()
    aws.all |= big_failure.events()
    aws.answers |= big_failure.tasks()
    return aws


DRIFTED = (
    drifted.RELEASED,
    drifted.OPENED,
    drifted.SAME,
    drifted.UNKNOWN,
    drifted.resource_drift("Old", "T", "DELETED"),
)
FORMS: dict[str, Callable[[], object]] = {
    "explain.txt": lambda: explain_verb.run(*arguments(explain_verb, failing())),
    "explain.json": lambda: explain_verb.run(*arguments(explain_verb, failing(), format="json")),
    "failed-events.txt": lambda: events_verb.run(*arguments(events_verb, failing(), failed=True)),
    "drift.txt": lambda: drift_verb.run(*drifted.arguments(drifted.Account(*DRIFTED))),
    "drift.json": lambda: drift_verb.run(*drifted.arguments(drifted.Account(*DRIFTED), "json")),
}


@pytest.mark.parametrize("name", FORMS)
def test_as_a_person_has_read_it(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.operations.diagnose.drift.sleep", lambda _: None)
    FORMS[name]()
    # Which line it is, other tests say; here it would change with every edit of the generator.
    matches(name, re.sub(r"(?<=\.py):\d+", ":LINE", capsys.readouterr().out))


def test_one_cause_among_hundreds_of_events(capsys: pytest.CaptureFixture[str]) -> None:
    """Not the cancelled siblings of the same second, not the nested stacks, not what failed in the rollback."""
    aws = failing()
    events_verb.run(*arguments(events_verb, aws, format="json"))
    shown = json.loads(capsys.readouterr().out)[big_failure.STAGING]
    assert len(shown) > 2 * big_failure.PARAMETERS
    explain_verb.run(*arguments(explain_verb, failing(), format="json"))
    expected = json.loads(capsys.readouterr().out)[big_failure.STAGING]
    assert expected["cause"]["path"][1:] == ["Backend", "Service"] and expected["cause"]["said"]
    assert expected["obstacle"]["path"][1:] == ["Network", "TaskGroup"]
