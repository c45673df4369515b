"""Plans as Markdown, for a pull request or an approval."""

from collections.abc import Iterator, Sequence

from generator.cfn.changes import Difference, PlannedChange
from generator.cfn.visible import visible
from scripts.deployment.plan import CREATE, Plan
from scripts.operations.output.documents import inside, short_value
from scripts.operations.output.plan_text import AGAIN, FOLLOWING, SIGNS, fate, plan_found
from scripts.operations.plan_document import summary
from scripts.operations.planning import NotPlanned
from scripts.terminal.markup import code, escaped
from scripts.terminal.text import count


def lines(environment: str, account: str, region: str, plans: Sequence[Plan | NotPlanned]) -> Iterator[str]:
    """Every root of an environment; what somebody has to agree to comes first."""
    yield f"# Plan for {environment}"
    yield ""
    yield f"Account {account}, {region}."
    for plan in plans:
        yield ""
        yield f"## {plan.stack}"
        yield ""
        if isinstance(plan, NotPlanned):
            yield f"Not planned yet: {escaped(plan.reason)}."
        else:
            yield f"{summary(plan).capitalize()}."
            yield from _plan(plan)


def _plan(plan: Plan) -> Iterator[str]:
    yield from _section("Step 1 of 2: update the stack to the running image", _differences(plan.first))
    yield from _section(
        "Refused",
        (f"**{code(refusal.where)}**: {visible(refusal.why)}. {visible(refusal.remedy)}" for refusal in plan.refusals),
    )
    named = (
        f"**{code(loss.name)}** ({loss.type}, {loss.why}) would be {loss.how}. To allow this: `{loss.option}`"
        for loss in plan.losses
    )
    yield from _section("Needs explicit approval", named)
    signed = [*(("gained", grant) for grant in plan.gained), *(("lost", grant) for grant in plan.lost)]
    grants = (f"{sign}{', **broader**' if grant.broader else ''}: {code(str(grant))}" for sign, grant in signed)
    yield from _section("Permissions", grants)
    yield from _section(
        "How the stack is kept", (f"{difference.name}: {_change(difference)}" for difference in plan.setting_changes)
    )
    if plan.kind != CREATE:
        yield from _section("Parameters", _differences(plan.parameters))
        yield from _section("Tags", _differences(plan.tags))
    news = () if plan.empty else plan_found(plan)
    computed = (
        f"{code(parameter.name)} = {code(short_value(parameter.value))} ({parameter.state}: {parameter.how})"
        for parameter in news
    )
    yield from _section("Computed parameters", computed)
    yield from _section(
        "CloudFormation says",
        (f"{notice.kind}: {code(notice.where)}: {escaped(notice.text)}" for notice in plan.notices),
    )
    if plan.certain:
        yield ""
        yield "### Resources"
        yield ""
        for leaf in plan.certain:
            yield from _resource(leaf)
    for why, follows in ((FOLLOWING, True), (AGAIN, False)):
        leaves = [leaf for leaf in plan.leaves() if not leaf.certain and (leaf.name in plan.follows) is follows]
        if leaves:
            yield from ("", f"<details><summary>{len(leaves)} {why}</summary>", "")
            yield from (f"- {code(leaf.name)} ({leaf.type}){fate(leaf)}" for leaf in leaves)
            yield from ("", "</details>")


def _section(title: str, entries: Iterator[str]) -> Iterator[str]:
    bullets = [f"- {entry}" for entry in entries]
    if bullets:
        yield from ("", f"### {title}", "", *bullets)


def _resource(leaf: PlannedChange) -> Iterator[str]:
    yield f"- `{SIGNS.get(leaf.action, '?')}` {code(leaf.name)} ({leaf.type}){fate(leaf)}"
    if leaf.action != "Modify":
        return
    for difference in (difference for difference in leaf.differences if difference.certain):
        if texts := inside(difference):
            yield f"  - {code(difference.name)}"
            yield from ("", "    ```diff", *(f"    {line}" for line in texts), "    ```", "")
        else:
            yield f"  - {code(difference.name)}: {_change(difference)}"
    if again := [difference for difference in leaf.differences if not difference.certain]:
        yield f"  - {count(len(again), 'value')} more computed again, probably unchanged"


def _differences(differences: Sequence[Difference]) -> Iterator[str]:
    return (f"{code(difference.name)}: {_change(difference)}" for difference in differences)


def _change(difference: Difference) -> str:
    return f"{code(short_value(difference.before))} → {code(short_value(difference.after))}"
