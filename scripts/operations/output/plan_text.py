"""A plan as lines for a terminal."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from scripts.deployment.plan import CREATE, UPDATE, Difference, NotPlanned, Plan, PlannedChange
from scripts.operations.output.documents import inside, told
from scripts.operations.output.settings import setting_lines
from scripts.operations.output.terminal import Paint, count, plain, wrapped

if TYPE_CHECKING:
    from scripts.deployment.computed import Computed

SIGNS = {"Add": "+", "Modify": "~", "Remove": "-", "Import": ">", "Dynamic": "?"}
MANY = 6
FOLLOWING = "more to follow, given something that is made anew"
AGAIN = "more only computed again, from values that stay as they are"


def plan_lines(plan: Plan, paint: Paint = plain) -> Iterator[str]:
    """The tree: root > child > resource, before → after; what only might change is folded below it, and what somebody
    has to agree to comes last, where it is read."""
    yield paint(f"{plan.stack}: {summary(plan)}", "bold")
    yield from setting_lines(plan)
    if plan.empty:
        yield from _notices(plan)
        return
    if plan.image:
        yield "  first, by itself, the image that runs"
        yield from _differences(plan.image, 2)
    for title, differences in (("parameters", plan.parameters), ("tags", plan.tags)):
        if differences and plan.kind == UPDATE:
            yield f"  {title}"
            yield from _differences(differences, 2)
    if found := plan_found(plan):
        yield "  found by this script"
        yield from (f"    {one.name} = {told(one.value)}  ({one.state}: {one.how})" for one in found)
    for change in plan.changes:
        yield from _change(change, 1, paint)
    yield from _folded(plan)
    yield from _permissions(plan, paint)
    yield from _warnings(plan, paint)


def lines(one: Plan | NotPlanned, paint: Paint = plain) -> Iterator[str]:
    """One root, planned or not."""
    if isinstance(one, NotPlanned):
        yield f"{one.stack}: not planned yet, {one.reason}"
    else:
        yield from plan_lines(one, paint)


def plan_found(plan: Plan) -> Sequence["Computed"]:
    """The values that the script found itself, as far as they are news."""
    news = {one.name for one in plan.parameters}
    return [one for one in plan.found if plan.kind == CREATE or one.name in news]


def summary(plan: Plan) -> str:
    """The plan in a few words."""
    if plan.empty:
        return "no changes"
    stacks = sum(1 for change in plan.changes if change.nested)
    if plan.kind == CREATE:
        where = f" in {count(stacks, 'nested stack')}" if stacks else ""
        return f"create {count(len(plan.certain), 'resource')}{where}"
    words = {"Add": "added", "Modify": "changed", "Remove": "removed", "Import": "imported", "Dynamic": "decided later"}
    counts = {word: sum(1 for leaf in plan.certain if leaf.action == action) for action, word in words.items()}
    found = ", ".join(f"{number} {word}" for word, number in counts.items() if number)
    return f"update, {found or 'no resource changes for sure'}"


def _change(change: PlannedChange, depth: int, paint: Paint) -> Iterator[str]:
    if not change.certain:
        return
    style = {"Add": "green", "Remove": "red"}.get(change.action, "yellow")
    kind = "" if change.nested else f"  {change.type}"
    line = f"{'  ' * depth}{SIGNS.get(change.action, '?')} {change.path[-1]}{kind}{fate(change)}"
    yield paint(line, "red" if change.replaced else style)
    if change.action == "Modify" and not change.nested:
        yield from _differences(change.differences, depth + 2)
    elif change.action == "Add":
        yield from _new(change, depth + 1)
    else:
        many = _many(change)
        for child in (one for one in change.children if not (one.action == "Add" and one.type in many)):
            yield from _change(child, depth + 1, paint)
        for kind, names in many.items():
            yield paint(wrapped(f"+ {kind}: {', '.join(names)}", depth + 1), "green")


def _many(change: PlannedChange) -> dict[str, list[str]]:
    """The types of which so many are new that a line for each would hide the rest."""
    new: dict[str, list[str]] = {}
    for one in change.children:
        if one.action == "Add" and not one.nested:
            new.setdefault(one.type, []).append(one.path[-1])
    return {kind: names for kind, names in new.items() if len(names) > MANY}


def _new(change: PlannedChange, depth: int) -> Iterator[str]:
    """What a new nested stack holds, by type."""
    by_type: dict[str, list[str]] = {}
    for leaf in (leaf for child in change.children for leaf in child.leaves()):
        by_type.setdefault(leaf.type, []).append(" > ".join(leaf.path[len(change.path) :]))
    for kind, names in by_type.items():
        yield wrapped(f"{kind}: {', '.join(names)}", depth)


def fate(change: PlannedChange) -> str:
    """` (is replaced, the old one is kept)` and the like, or nothing."""
    said = []
    if change.replacement in ("True", "Conditional"):
        sure = any(one.certain and one.recreates == "Always" for one in change.differences)
        said.append("is replaced" if sure else "might be replaced")
    if change.policy.endswith("Retain") and (said or change.action == "Remove"):
        said.append("the old one is kept")
    return f" ({', '.join(said)})" if said else ""


def _differences(differences: Sequence[Difference], depth: int) -> Iterator[str]:
    for one in (one for one in differences if one.certain):
        if found := inside(one):
            yield f"{'  ' * depth}{one.name}"
            yield from (f"{'  ' * (depth + 1)}{line}" for line in found)
        else:
            yield f"{'  ' * depth}{one.name}: {told(one.before)} → {told(one.after)}"
    if open_ := [one for one in differences if not one.certain]:
        yield f"{'  ' * depth}{count(len(open_), 'value')} more only computed again"


def _folded(plan: Plan) -> Iterator[str]:
    """What only might change, and nested stacks in which nothing does."""
    following = [leaf for leaf in plan.folded if leaf.name in plan.follows]
    again = [leaf for leaf in plan.folded if leaf.name not in plan.follows]
    for leaves, why in ((following, FOLLOWING), (again, AGAIN)):
        if leaves:
            yield f"  {len(leaves)} {why}:"
        for stack in dict.fromkeys(leaf.path[:-1] for leaf in leaves):
            names = ", ".join(leaf.path[-1] + fate(leaf) for leaf in leaves if leaf.path[:-1] == stack)
            yield wrapped(f"? {' > '.join(stack)}: {names}", 2)
    still = [change for change in plan.changes if change.nested and not list(change.leaves())]
    text = [change.path[-1] for change in still if any(one.name == "TemplateURL" for one in change.differences)]
    same = [change.path[-1] for change in still if change.path[-1] not in text]
    if text:
        yield wrapped(f"only the text of the template changes in {', '.join(text)}", 1)
    if same:
        yield wrapped(f"no change expected in {', '.join(same)}", 1)


def _permissions(plan: Plan, paint: Paint) -> Iterator[str]:
    if plan.gained or plan.lost:
        yield "  permissions"
    for sign, grants in (("+", plan.gained), ("-", plan.lost)):
        for one in grants:
            broader = " (broader)" if one.broader else ""
            yield paint(wrapped(f"{sign} {one}{broader}", 2), "red" if one.broader else "green")


def _notices(plan: Plan) -> Iterator[str]:
    for notice in plan.notices:
        yield wrapped(f"{notice.kind}: {notice.where}: {notice.text}", 1)


def _warnings(plan: Plan, paint: Paint) -> Iterator[str]:
    yield from _notices(plan)
    if plan.losses:
        yield paint("  to be named by who agrees", "red")
        yield from (f"    {one.name}  {one.type}  {one.why}, is {one.how}: {one.option}" for one in plan.losses)
    if plan.refusals:
        yield paint("  refused", "red")
        for one in plan.refusals:
            yield paint(wrapped(f"{one.where}: {one.why}.", 2), "red")
            yield wrapped(one.remedy, 3)
