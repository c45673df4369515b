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
FOLLOWING = "may change because a resource that they use is replaced"
AGAIN = "listed by CloudFormation, values unchanged"


def plan_lines(plan: Plan, paint: Paint = plain, verbose: bool = False) -> Iterator[str]:
    """The tree: root > child > resource, before → after. Resources that only might change are below it, with `verbose`
    by name; what somebody has to agree to comes last, where it is read."""
    yield paint(f"{plan.stack}: {summary(plan)}", "bold")
    yield from setting_lines(plan)
    if plan.empty:
        yield from _notices(plan)
        return
    if plan.image:
        yield "  step 1 of 2: update the stack to the running image"
        yield from _differences(plan.image, 2)
    for title, differences in (("parameters", plan.parameters), ("tags", plan.tags)):
        if differences and plan.kind == UPDATE:
            yield f"  {title}"
            yield from _differences(differences, 2)
    if found := plan_found(plan):
        yield "  computed parameters"
        yield from (f"    {one.name} = {told(one.value)}  ({one.state}: {one.how})" for one in found)
    for change in plan.changes:
        yield from _change(change, 1, paint)
    yield from _folded(plan, verbose)
    yield from _permissions(plan, paint)
    yield from _warnings(plan, paint)


def lines(one: Plan | NotPlanned, paint: Paint = plain, verbose: bool = False) -> Iterator[str]:
    """One root, planned or not."""
    if isinstance(one, NotPlanned):
        yield f"{one.stack}: not planned yet, {one.reason}"
    else:
        yield from plan_lines(one, paint, verbose)


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


def _change(change: PlannedChange, depth: int, paint: Paint, others: Sequence[PlannedChange] = ()) -> Iterator[str]:
    """A change and what is below it; `others` change in the same way, and are named beside it."""
    if not change.certain:
        return
    style = {"Add": "green", "Remove": "red"}.get(change.action, "yellow")
    kind = "" if change.nested else f"  {change.type}"
    names = ", ".join(one.path[-1] for one in (change, *others))
    line = f"{'  ' * depth}{SIGNS.get(change.action, '?')} {names}{kind}{fate(change)}"
    yield paint(line, "red" if change.replaced else style)
    if change.action == "Modify" and not change.nested:
        yield from _differences(change.differences, depth + 2)
    elif change.action == "Add":
        yield from _new(change, depth + 1)
    else:
        many = _many(change)
        listed = [child for child in change.children if not (child.action == "Add" and child.type in many)]
        for child, *alike in _alike(listed):
            yield from _change(child, depth + 1, paint, alike)
        for kind, added in many.items():
            yield paint(wrapped(f"+ {kind}: {', '.join(added)}", depth + 1), "green")


def _alike(changes: Sequence[PlannedChange]) -> list[list[PlannedChange]]:
    """The changes in their order; resources of one type in which the same properties change in the same way are
    together, at the place of the first."""
    groups: list[list[PlannedChange]] = []
    for change in changes:
        same = (
            group
            for group in groups
            if change.action == "Modify" and change.certain and not change.nested and group[0].differences
            if (group[0].action, group[0].type, group[0].certain, group[0].nested, group[0].differences, fate(group[0]))
            == (change.action, change.type, change.certain, change.nested, change.differences, fate(change))
        )
        group = next(same, None)
        if group is None:
            groups.append([change])
        else:
            group.append(change)
    return groups


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
    """` (replaced; old one retained)` and the like, or nothing."""
    said = []
    if change.replacement in ("True", "Conditional"):
        sure = any(one.certain and one.recreates == "Always" for one in change.differences)
        said.append("replaced" if sure else "may be replaced")
    if change.policy.endswith("Retain") and (said or change.action == "Remove"):
        said.append("old one retained")
    return f" ({'; '.join(said)})" if said else ""


def _differences(differences: Sequence[Difference], depth: int) -> Iterator[str]:
    for one in (one for one in differences if one.certain):
        if found := inside(one):
            yield f"{'  ' * depth}{one.name}"
            yield from (f"{'  ' * (depth + 1)}{line}" for line in found)
        else:
            yield f"{'  ' * depth}{one.name}: {told(one.before)} → {told(one.after)}"
    if open_ := [one for one in differences if not one.certain]:
        yield f"{'  ' * depth}{count(len(open_), 'value')} more computed again, probably unchanged"


def _folded(plan: Plan, verbose: bool) -> Iterator[str]:
    """What only might change, and nested stacks in which nothing does."""
    following = [leaf for leaf in plan.folded if leaf.name in plan.follows]
    again = [leaf for leaf in plan.folded if leaf.name not in plan.follows]
    for leaves, why, named in ((following, FOLLOWING, True), (again, AGAIN, verbose)):
        if leaves:
            yield f"  {len(leaves)} {why}{':' if named else ' (--verbose names them)'}"
        if not named:
            continue
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
        yield paint("  needs explicit approval", "red")
        yield from (f"    {loss}" for loss in plan.losses)
    if plan.refusals:
        yield paint("  refused", "red")
        for one in plan.refusals:
            yield paint(wrapped(f"{one.where}: {one.why}.", 2), "red")
            yield wrapped(one.remedy, 3)
