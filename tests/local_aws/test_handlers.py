"""Each resource type: which calls its handler makes when it is made, read back, changed, changed back and deleted, what
`Fn::GetAtt` gives of it, and which of its properties the local AWS keeps otherwise than it was asked.

The calls stand in `golden/handlers.txt`, which `GOLDEN=write` writes anew: read its diff as the calls that AWS gets.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from scripts.local_aws.account import Account
from scripts.local_aws.handlers import ROWS, readback
from scripts.local_aws.handlers.handler import ResourceHandler, handler_for
from tests.local_aws.cases import CASES, Case, Properties
from tests.local_aws.here import recorded

GOLDEN = Path(__file__).parent / "golden/handlers.txt"
Calls = list[tuple[str, str, dict[str, Any]]]
# What moto makes up: ids of every kind, and addresses.
RANDOM = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=-)[0-9a-f]{17}|(?<=/)[0-9a-f]{16}|AROA\w{17}"
    r"|(?<=vo_)\w{22}|\b[0-9a-f]{10}\b|\w+(?=\.cloudfront\.)|(?<=secret-)\w{6}|(?<=\")[0-9A-Z]{13,14}(?=\")|127(\.\d+){3}"
)


class Life:
    """A resource from its creation to its deletion, as text: random ids are named after what they are of."""

    def __init__(self, account: Account, case: Case) -> None:
        self.services, self.case = recorded(account), case
        self.names = {"<account>": account.services.account}
        self.lines: list[str] = []
        if "<zone>" in str(case.first):
            zone = self.services.call("route53", "create_hosted_zone", {"Name": "zone.test", "CallerReference": "x"})
            self.names["<zone>"] = zone["HostedZone"]["Id"].rpartition("/")[2]
        for name, (kind, properties) in case.needs.items():
            needed = handler_for(self.services, kind, self.filled(properties))
            needed.create()
            self.name(name, needed, needed.read())
        self.services.taken()

    def name(self, name: str, handler: ResourceHandler, state: Mapping[str, Any]) -> Properties:
        """Gives names to what is random of a resource; its attributes."""
        self.names.setdefault(f"<{name}>", handler.physical)
        attributes = handler.attributes(state)
        for key, value in attributes.items():
            if isinstance(value, str):
                self.names[f"<{name}.{key}>"] = value
        for key in ("ETag", "AllocationId", "AssociationId", "ScalableTargetARN"):
            if key in state:
                self.names[f"<{name}.{key}>"] = state[key]
        return attributes

    def filled(self, properties: Properties) -> Properties:
        text = json.dumps(properties)
        for name, value in self.names.items():
            text = text.replace(name, value)
        filled: Properties = json.loads(text)
        return filled

    def shown(self, value: Any) -> str:
        text = json.dumps(value, default=lambda each: each.decode())
        unique = ((value, name) for name, value in self.names.items() if len(value) > 8 or name == "<account>")
        for word, name in sorted(unique, key=lambda pair: -len(pair[0])):
            text = text.replace(word, name)
        return text

    def result(self, value: Any) -> str:
        """As `shown`, with nothing named after itself."""
        names = self.names
        self.names = {name: value for name, value in names.items() if not name.startswith("<it")}
        text = RANDOM.sub("<random>", self.shown(value))
        self.names = names
        return text

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

    def live(self) -> str:
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
        return "\n".join(self.lines) + "\n"


def sections() -> dict[str, str]:
    """The text of each type in the golden file."""
    text = GOLDEN.read_text(encoding="utf-8") if GOLDEN.exists() else ""
    return dict(re.findall(r"^== (\S+)\n((?:(?!== ).*\n)*)", text, re.MULTILINE))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
def test_the_calls_of_a_resource_type(account: Account, case: Case) -> None:
    life = Life(account, case).live()
    if os.environ.get("GOLDEN") == "write":
        texts = {**sections(), case.kind: life}
        GOLDEN.write_text("".join(f"== {kind}\n{texts[kind]}" for kind in ROWS if kind in texts), encoding="utf-8")
    assert life == sections()[case.kind]


def test_every_type_has_a_case() -> None:
    assert {case.kind for case in CASES} == set(ROWS) == set(sections())
