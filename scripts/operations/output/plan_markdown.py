"""Plans as Markdown, for a pull request or an approval."""

from collections.abc import Iterator, Sequence

from generator.cfn.changes import Difference, PlannedChange
from scripts.deployment.plan import CREATE, Plan
from scripts.operations.output.documents import inside, told
from scripts.operations.output.plan_text import AGAIN, FOLLOWING, SIGNS, fate, plan_found
from scripts.operations.plan_document import summary
from scripts.operations.planning import NotPlanned
from scripts.terminal.text import count


def lines(environment: str, account: str, region: str, made: Sequence[Plan | NotPlanned]) -> Iterator[str]:
    """Every root of an environment; what somebody has to agree to comes first."""
    yield f"# Plan for {environment}"
    yield ""
    yield f"Account {account}, {region}."
    for one in made:
        yield ""
        yield f"## {one.stack}"
        yield ""
        if isinstance(one, NotPlanned):
            yield f"Not planned yet: {one.reason}."
        else:
            yield f"{summary(one).capitalize()}."
            yield from _plan(one)


def _plan(plan: Plan) -> Iterator[str]:
    yield from _section("Step 1 of 2: update the stack to the running image", _differences(plan.first))
    yield from _section("Refused", (f"**{code(one.where)}**: {one.why}. {one.remedy}" for one in plan.refusals))
    named = (
        f"**{code(loss.name)}** ({loss.type}, {loss.why}) would be {loss.how}. To allow this: `{loss.option}`"
        for loss in plan.losses
    )
    yield from _section("Needs explicit approval", named)
    signed = [*(("gained", one) for one in plan.gained), *(("lost", one) for one in plan.lost)]
    grants = (f"{sign}{', **broader**' if one.broader else ''}: {code(str(one))}" for sign, one in signed)
    yield from _section("Permissions", grants)
    yield from _section("How the stack is kept", (f"{one.name}: {_change(one)}" for one in plan.setting_changes))
    if plan.kind != CREATE:
        yield from _section("Parameters", _differences(plan.parameters))
        yield from _section("Tags", _differences(plan.tags))
    news = () if plan.empty else plan_found(plan)
    found = (f"{code(one.name)} = {code(told(one.value))} ({one.state}: {one.how})" for one in news)
    yield from _section("Computed parameters", found)
    yield from _section("CloudFormation says", (f"{one.kind}: {code(one.where)}: {one.text}" for one in plan.notices))
    if plan.certain:
        yield ""
        yield "### Resources"
        yield ""
        for leaf in plan.certain:
            yield from _resource(leaf)
    for why, wanted in ((FOLLOWING, True), (AGAIN, False)):
        leaves = [leaf for leaf in plan.uncertain if (leaf.name in plan.follows) is wanted]
        if leaves:
            yield from ("", f"<details><summary>{len(leaves)} {why}</summary>", "")
            yield from (f"- {code(leaf.name)} ({leaf.type}){fate(leaf)}" for leaf in leaves)
            yield from ("", "</details>")


def _section(title: str, entries: Iterator[str]) -> Iterator[str]:
    found = [f"- {entry}" for entry in entries]
    if found:
        yield from ("", f"### {title}", "", *found)


def _resource(leaf: PlannedChange) -> Iterator[str]:
    yield f"- `{SIGNS.get(leaf.action, '?')}` {code(leaf.name)} ({leaf.type}){fate(leaf)}"
    if leaf.action != "Modify":
        return
    for one in (one for one in leaf.differences if one.certain):
        if found := inside(one):
            yield f"  - {code(one.name)}"
            yield from ("", "    ```diff", *(f"    {line}" for line in found), "    ```", "")
        else:
            yield f"  - {code(one.name)}: {_change(one)}"
    if again := [one for one in leaf.differences if not one.certain]:
        yield f"  - {count(len(again), 'value')} more computed again, probably unchanged"


def _differences(differences: Sequence[Difference]) -> Iterator[str]:
    return (f"{code(one.name)}: {_change(one)}" for one in differences)


def _change(one: Difference) -> str:
    return f"{code(told(one.before))} → {code(told(one.after))}"


def code(text: str) -> str:
    """Text as it stands, whatever it holds."""
    fence = "``" if "`" in text else "`"
    pad = " " if text[:1] == "`" or text[-1:] == "`" else ""
    return f"{fence}{pad}{text}{pad}{fence}" if text else ""
