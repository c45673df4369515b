"""A permission that was broadened needs a reason that was rewritten: the ledger as it was against what is rendered.

Whoever wrote a reason wrote it for what it allowed then. The base is the ledger that lies beside the templates, which
is not written anew before this has passed; continuous integration compares with the ledger of the branch that a pull
request is for (`--base`), so that deleting the file explains nothing.
"""

from generator.cfn.permissions import Permission
from generator.cfn.templates import TemplateSet
from generator.gate import ledger
from generator.gate.finding import Finding

LEDGER = "docs/permissions-ledger.md"


def findings(base: str, templates: TemplateSet) -> list[Finding]:
    """What the set permits beyond the ledger's text `base` under a reason that stands there already."""
    before = ledger.narrowed(ledger.read(base), templates)
    return sorted(_finding(permission) for permission in ledger.unexplained(before, ledger.lines(templates)))


def _finding(permission: Permission) -> Finding:
    verb = "also allows" if permission.allows else "no longer denies"
    actions = ", ".join(permission.actions + permission.not_actions)
    resources = ", ".join(permission.resources + permission.not_resources) or "itself"
    return Finding(
        LEDGER,
        permission.holder,
        "REASON",
        f"{permission.sid} now {verb} {actions} on {resources}, but its reason is unchanged: {permission.reason}",
        "remove the permission, or update the reason of the statement",
    )
