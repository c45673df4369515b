"""How a root stack is kept, as lines for a terminal."""

from collections.abc import Iterator

from scripts.deployment.plan import Plan
from scripts.operations.output.terminal import short, wrapped


def setting_lines(plan: Plan) -> Iterator[str]:
    """What changes about it, and what holds for this operation."""
    settings = plan.settings
    lines = [f"{one.name}: {short(one.before)} → {short(one.after)}" for one in plan.kept]
    if settings and settings.alarms and not plan.empty:
        names = ", ".join(arn.rpartition(":alarm:")[2] for arn in settings.alarms)
        lines.append(f"rolls back if one of these alarms fires during the update: {names}")
    if settings and settings.topics is not None and not plan.empty:
        lines.append(f"notification topics: {', '.join(settings.topics) or 'none'}")
    if lines:
        yield "  settings"
        yield from (wrapped(line, 2) for line in lines)
