"""How a root stack is kept, as lines for a terminal."""

from collections.abc import Iterator

from scripts.deployment.plan import Plan
from scripts.terminal.text import Line, line, short


def setting_lines(plan: Plan) -> Iterator[Line]:
    """What changes about it, and what holds for this operation."""
    lines = [f"{change.name}: {short(change.before)} → {short(change.after)}" for change in plan.setting_changes]
    triggers = plan.options.get("RollbackConfiguration", {}).get("RollbackTriggers", ())
    if triggers and not plan.empty:
        names = ", ".join(trigger["Arn"].rpartition(":alarm:")[2] for trigger in triggers)
        lines.append(f"rolls back if one of these alarms fires during the update: {names}")
    if "NotificationARNs" in plan.options and not plan.empty:
        lines.append(f"notification topics: {', '.join(plan.options['NotificationARNs']) or 'none'}")
    if lines:
        yield line("settings", depth=1)
        yield from (line(text, depth=2) for text in lines)
