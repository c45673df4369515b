"""All project rules."""

from collections.abc import Iterable

from generator.cfn.templates import TemplateSet
from generator.gate.finding import Finding
from generator.gate.rules import (
    account,
    agreement,
    builds,
    iam,
    monitoring,
    names,
    network,
    runtime,
    secrets,
    storage,
    structure,
)
from generator.gate.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    *iam.RULES,
    *storage.RULES,
    *network.RULES,
    *secrets.RULES,
    *names.RULES,
    *runtime.RULES,
    *monitoring.RULES,
    *structure.RULES,
    *account.RULES,
    *agreement.RULES,
    *builds.RULES,
)


def findings(templates: TemplateSet, rules: Iterable[Rule] = RULES) -> list[Finding]:
    """Every finding of the project rules, or of some of them, sorted by file and place."""
    return sorted(finding for rule in rules for finding in rule.findings(templates))
