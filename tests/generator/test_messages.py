"""The messages about releases: each has the seven fields once, from the event or as it is written."""

from __future__ import annotations

import pytest

from generator.stacks.monitoring.messages import FIELDS, Message

PATHS = {field: f"$.{field}" for field in FIELDS[:4]}
LITERALS = dict.fromkeys(FIELDS[4:], "words")


def test_each_field_is_taken_from_the_event_or_written() -> None:
    written = Message("Failed", "a release failed", {}, PATHS, LITERALS).transformer().to_dict()
    assert written["InputPathsMap"] == PATHS
    assert written["InputTemplate"] == (
        '{\n  "pipeline": <pipeline>,\n  "stage": <stage>,\n  "status": <status>,\n  "executionId": <executionId>,\n'
        '  "timestamp": "words",\n  "error": "words",\n  "rollback": "words"\n}'
    )


@pytest.mark.parametrize(
    ("paths", "literals"),
    [
        ({}, LITERALS),
        (PATHS, {**LITERALS, "stage": "twice"}),
        (PATHS, {**LITERALS, "unknown": "words"}),
        ({**PATHS, "unknown": "$.x"}, {name: text for name, text in LITERALS.items() if name != "error"}),
    ],
)
def test_a_field_that_is_missing_twice_or_unknown_is_refused(paths: dict[str, str], literals: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"^message Failed must have each of pipeline, stage, .*, rollback once$"):
        Message("Failed", "a release failed", {}, paths, literals)
