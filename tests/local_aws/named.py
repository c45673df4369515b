"""A resource of a type in an account in this process, and golden files about all types, in which what is random is
named after what it is of."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.local_aws.account import Account
from scripts.local_aws.handlers import ROWS
from scripts.local_aws.handlers.handler import ResourceHandler, handler_for
from tests.local_aws.cases import Case, Properties
from tests.local_aws.here import recorded
from tests.support.sections import Sections

# What moto makes up: ids of every kind, and addresses.
RANDOM = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=-)[0-9a-f]{17}|(?<=/)[0-9a-f]{16}|AROA\w{17}"
    r"|(?<=vo_)\w{22}|\b[0-9a-f]{10}\b|\w+(?=\.cloudfront\.)|(?<=secret-)\w{6}|(?<=[\"/])[0-9A-Z]{13,14}(?=\")|127(\.\d+){3}"
)


class Named:
    """What a case needs, made; and names for what is random."""

    def __init__(self, account: Account, case: Case) -> None:
        self.services, self.case = recorded(account), case
        self.names = {"<account>": account.services.account}
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


def golden(name: str) -> Sections:
    """A file of `golden/` with a section for each type."""
    return Sections(Path(__file__).parent / f"golden/{name}.txt", ROWS)
