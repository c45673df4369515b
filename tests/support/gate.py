"""The gate's verdict for templates that a test has made: as if the gate had passed them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from generator.cfn import verdict
from generator.cfn.environments import Environment
from scripts.deployment.package import GateVerdict


def pass_gate(templates: Path) -> None:
    """Writes the gate's record beside a folder of templates, as they are now."""
    verdict.write_record(templates.parent / verdict.FILE, templates=verdict.template_digests(templates))


def unverified_templates(file: Path, templates: Path) -> list[str]:
    """The names of the templates in a folder that differ from those that passed the gate last, in a single byte, or by
    being there or missing; empty when the whole set passed. `file` is the record."""
    passed, present = verdict.read_record(file).get("templates", {}), verdict.template_digests(templates)
    return sorted(name for name in {*passed, *present} if passed.get(name) != present.get(name))


def passed(roots: Mapping[str, Environment]) -> GateVerdict:
    """A verdict by which all that the roots nest has passed."""
    templates = [
        template
        for environment in roots.values()
        for template in (environment.root, *(child.template for child in environment.root.descendants()))
    ]
    return GateVerdict({template.file: template.digest for template in templates})
