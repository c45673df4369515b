"""Each resource type: which calls its handler makes when it is made, read back, changed, changed back and deleted, what
`Fn::GetAtt` gives of it, and which of its properties the local AWS keeps otherwise than it was asked.

The calls stand in `golden/handlers.txt`, which `GOLDEN=write` writes anew: read its diff as the calls that AWS gets.
"""

from __future__ import annotations

from typing import Any

import pytest

from scripts.local_aws.account import Account
from scripts.local_aws.handlers import ROWS, readback
from scripts.local_aws.handlers.handler import ResourceHandler, handler_for
from tests.local_aws.cases import CASES, Case
from tests.local_aws.named import Golden, Named

GOLDEN = Golden("handlers")
Calls = list[tuple[str, str, dict[str, Any]]]


class Life(Named):
    """A resource from its creation to its deletion, as text."""

    def __init__(self, account: Account, case: Case) -> None:
        super().__init__(account, case)
        self.lines: list[str] = []

    def note(self, step: str, calls: Calls) -> None:
        """Writes down the calls of a step."""
        for service, operation, arguments in calls:
            self.lines.append(f"{step:8}{service}.{operation} {self.shown(arguments)}")

    def read_back(self, handler: ResourceHandler, step: str) -> None:
        """Writes down the calls of a step, and what is there after it."""
        calls = self.services.taken()
        if "<it>" in self.names:  # by the names of before: a change may make others
            self.note(step, calls)
        state = handler.read()
        attributes, reads = self.name("it", handler, state), self.services.taken()
        if step == "make":
            self.note(step, calls)
        self.note("read", reads)
        unheld = readback.unheld(handler, state)
        self.lines += [f"gives   {name} {self.result(value)}" for name, value in attributes.items()]
        self.lines += [f"keeps   {path}: {kept or 'NOTHING OF IT'}" for path, kept in unheld.items()]

    def live(self) -> list[str]:
        case, first = self.case, self.filled(self.case.first)
        handler = handler_for(self.services, case.kind, first)
        handler.create()
        self.lines.append(f"is      {self.result(handler.physical)}")
        self.read_back(handler, "make")
        if case.changed:
            changed = self.filled(case.changed)
            for step, before, after in (("change", first, changed), ("back", changed, first)):
                handler = handler_for(self.services, case.kind, after, handler.physical)
                handler.update(before)
                self.read_back(handler, step)
        handler.delete()
        self.note("delete", self.services.taken())
        if case.kind not in readback.TYPES:
            self.lines.append(f"then    {'it is still there' if handler.exists() else 'it is gone'}")
        self.services.taken()
        return self.lines


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
def test_the_calls_of_a_resource_type(account: Account, case: Case) -> None:
    GOLDEN.holds(case.kind, Life(account, case).live())


def test_every_type_has_a_case() -> None:
    assert {case.kind for case in CASES} == set(ROWS) == set(GOLDEN.sections())
