"""The house rules over a set of templates."""

from generator.cfn.templates import TemplateSet
from generator.gate.finding import Finding
from generator.gate.rules import RULES


def check(templates: TemplateSet) -> list[Finding]:
    """Every finding of every house rule, sorted by file and place."""
    return sorted(finding for rule in RULES for finding in rule.findings(templates))
