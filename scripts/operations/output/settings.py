"""How a root stack is kept, as lines for a terminal."""

from collections.abc import Iterator

from scripts.deployment.plan import Plan
from scripts.terminal.text import Line, line, short


def setting_lines(plan: Plan) -> Iterator[Line]:
    """What changes about it, and what holds for this operation."""
    settings = plan.settings
    lines = [f"{one.name}: {short(one.before)} → {short(one.after)}" for one in plan.kept]
    if settings and settings.alarms and not plan.empty:
        names = ", ".join(arn.rpartition(":alarm:")[2] for arn in settings.alarms)
        lines.append(f"rolls back if one of these alarms fires during the update: {names}")
    if settings and settings.topics is not None and not plan.empty:
        lines.append(f"notification topics: {', '.join(settings.topics) or 'none'}")
    if lines:
        yield line("settings", depth=1)
        yield from (line(text, depth=2) for text in lines)
