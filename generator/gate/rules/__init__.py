"""All house rules."""

from generator.gate.rules import agreement, iam, monitoring, names, network, runtime, secrets, storage, structure
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
    *agreement.RULES,
)
