"""What a project rule finds in a template with few resources, for the tables of its branches."""

from __future__ import annotations

from typing import Any

from generator.cfn.templates import from_bodies
from generator.gate.rules import RULES

BY_ID = {rule.id: rule for rule in RULES}


def faults(rule: str, **templates: Any) -> list[str]:
    """Address and message of each finding in a set of templates, without the reason that each finding repeats."""
    return [
        f"{finding.file.removesuffix('.json')}.{finding.where} {finding.message.partition(f'; {BY_ID[rule].why}')[0]}"
        for finding in BY_ID[rule].findings(from_bodies(templates))
    ]


def findings(rule: str, kind: str, properties: Any = None, name: str = "It", **sections: Any) -> list[str]:
    """The messages alone, for a template `t` with one resource of a type, and what `beside` holds."""
    resource = {"Type": kind, "Properties": properties or {}, **sections.pop("attributes", {})}
    template = {"Resources": {name: resource, **sections.pop("beside", {})}, **sections}
    return [fault.partition(" ")[2] for fault in faults(rule, t=template, **sections.pop("templates", {}))]
