"""A plan as lines for a terminal."""

from collections.abc import Iterator, Sequence

from scripts.deployment.computed import Computed
from scripts.deployment.plan import Difference, Plan, PlannedChange
from scripts.deployment.show.terminal import Paint, count, plain, short, wrapped

SIGNS = {"Add": "+", "Modify": "~", "Remove": "-", "Import": ">", "Dynamic": "?"}


def plan_lines(plan: Plan, computed: Sequence[Computed] = (), paint: Paint = plain) -> Iterator[str]:
    """The tree: root > child > resource, before → after; what only might change is folded below it."""
    yield paint(f"{plan.stack}: {_summary(plan)}", "bold")
    for title, differences in (("parameters", plan.parameters), ("tags", plan.tags)):
        if differences and plan.kind == "UPDATE":
            yield f"  {title}"
            yield from (f"    {_difference(one)}" for one in differences)
    found = [one for one in computed if plan.kind == "CREATE" or one.name in {p.name for p in plan.parameters}]
    if found:
        yield "  found by this script"
        yield from (f"    {one.name} = {short(one.value)}  ({one.state}: {one.how})" for one in found)
    for change in plan.changes:
        yield from _change(change, 1, paint)
    folded = [leaf for leaf in plan.leaves() if not leaf.certain]
    if folded:
        yield f"  {len(folded)} more change only if a value that they are given from elsewhere in this plan does:"
        for stack in dict.fromkeys(leaf.path[:-1] for leaf in folded):
            names = ", ".join(leaf.path[-1] + _replaced(leaf) for leaf in folded if leaf.path[:-1] == stack)
            yield wrapped(f"? {' > '.join(stack)}: {names}", 2)
    again = [change.path[-1] for change in plan.changes if change.nested and not list(change.leaves())]
    if again:
        yield wrapped(f"no change expected in {', '.join(again)}", 1)


def _summary(plan: Plan) -> str:
    certain = [leaf for leaf in plan.leaves() if leaf.certain]
    stacks = sum(1 for change in plan.changes if change.nested)
    if plan.kind == "CREATE":
        where = f" in {count(stacks, 'nested stack')}" if stacks else ""
        return f"create {count(len(certain), 'resource')}{where}"
    words = {"Add": "added", "Modify": "changed", "Remove": "removed", "Import": "imported", "Dynamic": "decided later"}
    counts = {word: sum(1 for leaf in certain if leaf.action == action) for action, word in words.items()}
    told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return f"update, {told or 'no resource changes for sure'}"


def _change(change: PlannedChange, depth: int, paint: Paint) -> Iterator[str]:
    if not change.certain:
        return
    style = {"Add": "green", "Remove": "red"}.get(change.action, "yellow")
    kind = "" if change.nested else f"  {change.type}"
    line = f"{'  ' * depth}{SIGNS.get(change.action, '?')} {change.path[-1]}{kind}{_replaced(change)}"
    yield paint(line, "red" if change.replacement == "True" and not change.nested else style)
    if change.action == "Modify" and not change.nested:
        for one in change.differences:
            yield f"{'  ' * (depth + 2)}{_difference(one)}{'' if one.certain else '  (might change)'}"
    elif change.action == "Add":
        yield from _new(change, depth + 1)
    else:
        for child in change.children:
            yield from _change(child, depth + 1, paint)


def _new(change: PlannedChange, depth: int) -> Iterator[str]:
    """What a new nested stack holds, by type."""
    by_type: dict[str, list[str]] = {}
    for leaf in (leaf for child in change.children for leaf in child.leaves()):
        by_type.setdefault(leaf.type, []).append(" > ".join(leaf.path[len(change.path) :]))
    for kind, names in by_type.items():
        yield wrapped(f"{kind}: {', '.join(names)}", depth)


def _replaced(change: PlannedChange) -> str:
    """` (is replaced, the old one is kept)` and the like, or nothing."""
    told = []
    if change.replacement in ("True", "Conditional"):
        sure = any(one.certain and one.recreates == "Always" for one in change.differences)
        told.append("is replaced" if sure else "might be replaced")
    if change.policy.endswith("Retain") and (told or change.action == "Remove"):
        told.append("the old one is kept")
    return f" ({', '.join(told)})" if told else ""


def _difference(one: Difference) -> str:
    return f"{one.name}: {short(one.before) or '(none)'} → {short(one.after) or '(none)'}"
