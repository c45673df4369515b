"""A plan as lines for a terminal."""

from collections.abc import Iterator, Sequence

from generator.cfn.changes import Difference, PlannedChange
from scripts.deployment.environment import Computed
from scripts.deployment.plan import CREATE, UPDATE, Plan
from scripts.operations.output.documents import inside, short_value
from scripts.operations.plan_document import summary
from scripts.operations.planning import NotPlanned
from scripts.terminal.text import BOLD, GREEN, RED, YELLOW, Line, count, line, short

SIGNS = {"Add": "+", "Modify": "~", "Remove": "-", "Import": ">", "Dynamic": "?"}
MANY = 6
FOLLOWING = "expected to change (the template gives them another value, or they use a replaced resource)"
AGAIN = "listed by CloudFormation, values unchanged"


def plan_lines(plan: Plan, verbose: bool = False) -> Iterator[Line]:
    """The tree: root > child > resource, before → after. Resources that only might change are below it, with `verbose`
    by name; what somebody has to agree to comes last, where it is read."""
    yield line((f"{plan.stack}: {summary(plan)}", BOLD))
    yield from setting_lines(plan)
    if plan.empty:
        yield from _notices(plan)
        return
    if plan.first:
        yield line("step 1 of 2: update the stack to the running image", depth=1)
        yield from _differences(plan.first, 2)
    for title, differences in (("parameters", plan.parameters), ("tags", plan.tags)):
        if differences and plan.kind == UPDATE:
            yield line(title, depth=1)
            yield from _differences(differences, 2)
    if computed := plan_found(plan):
        yield line("computed parameters", depth=1)
        yield from (
            line(f"{parameter.name} = {short_value(parameter.value)}  ({parameter.state}: {parameter.how})", depth=2)
            for parameter in computed
        )
    for change in plan.changes:
        yield from _change(change, 1)
    yield from _folded(plan, verbose)
    yield from _permissions(plan)
    yield from _warnings(plan)


def setting_lines(plan: Plan) -> Iterator[Line]:
    """What changes about how the stack is kept, and what holds for this operation."""
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


def lines(plan: Plan | NotPlanned, verbose: bool = False) -> Iterator[Line]:
    """One root, planned or not."""
    if isinstance(plan, NotPlanned):
        yield line(f"{plan.stack}: not planned yet, {plan.reason}")
    else:
        yield from plan_lines(plan, verbose)


def plan_found(plan: Plan) -> Sequence[Computed]:
    """The values that the script found itself, as far as they are news."""
    news = {difference.name for difference in plan.parameters}
    return [parameter for parameter in plan.computed if plan.kind == CREATE or parameter.name in news]


def _change(change: PlannedChange, depth: int, others: Sequence[PlannedChange] = ()) -> Iterator[Line]:
    """A change and what is below it; `others` change in the same way, and are named beside it."""
    if not change.certain:
        return
    style = {"Add": GREEN, "Remove": RED}.get(change.action, YELLOW)
    kind = "" if change.nested else f"  {change.type}"
    names = ", ".join(member.path[-1] for member in (change, *others))
    text = f"{SIGNS.get(change.action, '?')} {names}{kind}{fate(change)}"
    yield line((text, RED if change.replaced else style), depth=depth)
    if change.action == "Modify" and not change.nested:
        yield from _differences(change.differences, depth + 2)
    elif change.action == "Add":
        yield from _new(change, depth + 1)
    else:
        many = _many(change)
        listed = [child for child in change.children if not (child.action == "Add" and child.type in many)]
        for child, *alike in _alike(listed):
            yield from _change(child, depth + 1, alike)
        for kind, added in many.items():
            yield line((f"+ {kind}: {', '.join(added)}", GREEN), depth=depth + 1)


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
    for child in change.children:
        if child.action == "Add" and not child.nested:
            new.setdefault(child.type, []).append(child.path[-1])
    return {kind: names for kind, names in new.items() if len(names) > MANY}


def _new(change: PlannedChange, depth: int) -> Iterator[Line]:
    """What a new nested stack holds, by type."""
    by_type: dict[str, list[str]] = {}
    for leaf in (leaf for child in change.children for leaf in child.leaves()):
        by_type.setdefault(leaf.type, []).append(" > ".join(leaf.path[len(change.path) :]))
    for kind, names in by_type.items():
        yield line(f"{kind}: {', '.join(names)}", depth=depth)


def fate(change: PlannedChange) -> str:
    """` (replaced; old one retained)` and the like, or nothing."""
    notes = []
    if change.replacement in ("True", "Conditional"):
        sure = any(difference.certain and difference.recreates == "Always" for difference in change.differences)
        notes.append("replaced" if sure else "may be replaced")
    if change.policy.endswith("Retain") and (notes or change.action == "Remove"):
        notes.append("old one retained")
    return f" ({'; '.join(notes)})" if notes else ""


def _differences(differences: Sequence[Difference], depth: int) -> Iterator[Line]:
    for difference in (difference for difference in differences if difference.certain):
        if texts := inside(difference):
            yield line(difference.name, depth=depth)
            yield from (line(text, depth=depth + 1) for text in texts)
        else:
            yield line(
                f"{difference.name}: {short_value(difference.before)} → {short_value(difference.after)}", depth=depth
            )
    if open_ := [difference for difference in differences if not difference.certain]:
        yield line(f"{count(len(open_), 'value')} more computed again, probably unchanged", depth=depth)


def _folded(plan: Plan, verbose: bool) -> Iterator[Line]:
    """What only might change, and nested stacks in which nothing does."""
    uncertain = [leaf for leaf in plan.leaves() if not leaf.certain]
    following = [leaf for leaf in uncertain if leaf.name in plan.follows]
    again = [leaf for leaf in uncertain if leaf.name not in plan.follows]
    for leaves, why, named in ((following, FOLLOWING, True), (again, AGAIN, verbose)):
        if leaves:
            yield line(f"{len(leaves)} {why}{':' if named else ' (--verbose names them)'}", depth=1)
        for stack in dict.fromkeys(leaf.path[:-1] for leaf in leaves if named):
            names = ", ".join(leaf.path[-1] + fate(leaf) for leaf in leaves if leaf.path[:-1] == stack)
            yield line(f"? {' > '.join(stack)}: {names}", depth=2)
    still = [change for change in plan.changes if change.nested and not list(change.leaves())]
    text = [
        change.path[-1]
        for change in still
        if any(difference.name == "TemplateURL" for difference in change.differences)
    ]
    same = [change.path[-1] for change in still if change.path[-1] not in text]
    if text:
        yield line(f"only the text of the template changes in {', '.join(text)}", depth=1)
    if same:
        yield line(f"no change expected in {', '.join(same)}", depth=1)


def _permissions(plan: Plan) -> Iterator[Line]:
    if plan.gained or plan.lost:
        yield line("permissions", depth=1)
    for sign, grants in (("+", plan.gained), ("-", plan.lost)):
        for grant in grants:
            broader = " (broader)" if grant.broader else ""
            yield line((f"{sign} {grant}{broader}", RED if grant.broader else GREEN), depth=2)


def _notices(plan: Plan) -> Iterator[Line]:
    for notice in plan.notices:
        yield line(str(notice), depth=1)


def _warnings(plan: Plan) -> Iterator[Line]:
    yield from _notices(plan)
    if plan.losses:
        yield line(("needs explicit approval", RED), depth=1)
        yield from (line(str(loss), depth=2) for loss in plan.losses)
    if plan.refusals:
        yield line(("refused", RED), depth=1)
        for refusal in plan.refusals:
            yield line((f"{refusal.where}: {refusal.why}.", RED), depth=2)
            yield line(refusal.remedy, depth=3)
