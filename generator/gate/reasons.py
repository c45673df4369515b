"""A permission that was broadened needs a reason that was rewritten: the ledger as it was against what is rendered.

Whoever wrote a reason wrote it for what it allowed then. The base is the ledger that lies beside the templates, which
is not written anew before this has passed; continuous integration compares with the ledger of the branch that a pull
request is for (`--base`), so that deleting the file explains nothing.
"""

from generator.cfn.templates import TemplateSet
from generator.gate import ledger
from generator.gate.finding import Finding

LEDGER = "docs/permissions.md"


def findings(base: str, templates: TemplateSet) -> list[Finding]:
    """What the set permits beyond the ledger's text `base` under a reason that stands there already."""
    return sorted(
        Finding(
            LEDGER,
            one.holder,
            "REASON",
            f"{one.sid} {'allows' if one.allows else 'no longer denies'} {', '.join(one.actions + one.not_actions)}"
            f" on {', '.join(one.resources + one.not_resources) or 'itself'}, which is new, for the old reason:"
            f" {one.reason}",
            "take it back, or say in the reason of the statement why it may do this too",
        )
        for one in ledger.unexplained(ledger.narrowed(ledger.read(base), templates), ledger.lines(templates))
    )
