"""What the application is given as its configuration, from its facts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from generator.constructs.app_config import Key, key
from generator.core import ports
from generator.core.ports import Kind, Port
from generator.project import Choice, Variable

LEVEL = Choice("LogLevel", "Level", "How much is logged.", "INFO", pattern="[A-Z]+", rule="capitals")


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        (Variable("A", "Url", "plain"), Key("A", "Url", "plain", ())),
        (Variable("A", "Url", "${PublicUrl}/x"), Key("A", "Url", "${PublicUrl}/x", (ports.PUBLIC_URL,))),
        (Variable("A", "Url", "x-${Environment}"), Key("A", "Url", "x-${Environment}", (ports.ENVIRONMENT,))),
        (
            Variable("A", "Url", "${PublicUrl}/${Environment}"),
            Key("A", "Url", "${PublicUrl}/${Environment}", (ports.PUBLIC_URL, ports.ENVIRONMENT)),
        ),
        (
            Variable("A", "Level", choice=LEVEL),
            Key("A", "Level", "${LogLevel}", (Port("LogLevel", Kind.TEXT, "How much is logged."),)),
        ),
        (
            Variable("A", "Level", choice=replace(LEVEL, default="", pattern="[A-Z]*"), optional=True),
            Key("A", "Level", "${LogLevel}", (Port("LogLevel", Kind.TEXT, "How much is logged."),), True),
        ),
    ],
)
def test_a_variable_takes_what_its_value_names(variable: Variable, expected: Key) -> None:
    assert key(variable) == expected and key(variable).condition == f"Has{expected.logical}"
