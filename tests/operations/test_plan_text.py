"""A plan on a terminal: what goes where, what is folded, and what stands out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from generator.cfn.broadening import Grant
from generator.cfn.changes import Difference, PlannedChange
from generator.cfn.losses import Loss
from generator.cfn.templates import STACK
from scripts.deployment.environment import Computed
from scripts.deployment.plan import Notice, Plan, Refusal
from scripts.operations.output import plan_markdown, plan_text
from scripts.operations.plan_document import document, reviewable, summary
from scripts.operations.planning import NotPlanned

SURE, PERHAPS = Difference("Name", "a", "b"), Difference("Name", "a", "b", certain=False)
ANEW = Difference("Name", "a", "b", recreates="Always")
BUCKET, TOPIC = "AWS::S3::Bucket", "AWS::SNS::Topic"


def change(path: str, action: str = "Modify", *differences: Difference, **more: Any) -> PlannedChange:
    return PlannedChange(tuple(path.split(".")), more.pop("kind", TOPIC), action, differences=differences, **more)


def nested(name: str, *children: PlannedChange, action: str = "Modify", **more: Any) -> PlannedChange:
    return PlannedChange((name,), STACK, action, children=children, nested=True, **more)


def plan(*changes: PlannedChange, kind: str = "UPDATE", **more: Any) -> Plan:
    return Plan("s", "id", kind, "cs", "n", "d", changes, **more)


def shown(planned: Plan, verbose: bool = False) -> list[str]:
    return list(map(str, plan_text.plan_lines(planned, verbose)))


@pytest.mark.parametrize(
    ("planned", "words"),
    [
        (plan(empty=True), "no changes"),
        (plan(change("A", "Add"), kind="CREATE"), "create 1 resource"),
        (plan(change("A", "Import"), kind="CREATE"), "import 1 resource"),
        (
            plan(change("A", "Add"), change("B", "Add"), change("I", "Import"), kind="CREATE"),
            "create 2 resources and import 1 resource",
        ),
        (
            plan(nested("X", change("X.A", "Add"), action="Add"), nested("Y", action="Add"), kind="CREATE"),
            "create 1 resource in 2 nested stacks",
        ),
        (
            plan(change("A", "Remove"), change("B", "Remove", policy="Retain"), kind="DELETE"),
            "no longer needed: delete 1 resource, keep 1",
        ),
        (plan(change("A", "Modify", PERHAPS)), "update, no resource changes for sure"),
        (
            plan(
                *(change(f"A{number}", "Add") for number in range(2)),
                change("M", "Modify", SURE),
                change("R", "Remove"),
                change("I", "Import"),
                change("D", "Dynamic"),
            ),
            "update, 2 added, 1 changed, 1 removed, 1 imported, 1 decided later",
        ),
    ],
)
def test_a_plan_in_a_few_words(planned: Plan, words: str) -> None:
    assert summary(planned) == words
    assert str(next(iter(plan_text.plan_lines(planned)))) == f"s: {words}"
    assert document("staging", "1", "eu-west-1", [planned]) == {
        "version": 1,
        "environment": "staging",
        "account": "1",
        "region": "eu-west-1",
        "changes": not planned.empty,
        "stacks": [{**reviewable(planned), "refusals": [], "notices": []}],
    }


def test_each_kind_of_change_has_its_sign_and_what_happens_to_the_old_one() -> None:
    planned = plan(
        change("Add", "Add"),
        change("Remove", "Remove"),
        change("Kept", "Remove", policy="Retain"),
        change("Import", "Import"),
        change("Dynamic", "Dynamic"),
        change("Strange", "Somehow"),
        change("Same", "Modify", SURE, replacement="False", policy="Retain"),
        change("Replaced", "Modify", ANEW, replacement="True", policy="Delete"),
        change("Retained", "Modify", ANEW, replacement="True", policy="ReplaceAndRetain"),
        change("Perhaps", "Modify", replace(ANEW, recreates="Conditionally"), replacement="Conditional"),
        change("Open", "Modify", SURE, replace(ANEW, certain=False), replacement="True"),
    )
    lines = list(plan_text.plan_lines(planned))
    heads = [(str(line).strip(), line.parts[0][1]) for line in lines[1:] if line.depth == 1]
    assert heads == [
        (f"+ Add  {TOPIC}", "green"),
        (f"- Remove  {TOPIC}", "red"),
        (f"- Kept  {TOPIC} (old one retained)", "red"),
        (f"> Import  {TOPIC}", "yellow"),
        (f"? Dynamic  {TOPIC}", "yellow"),
        (f"? Strange  {TOPIC}", "yellow"),
        (f"~ Same  {TOPIC}", "yellow"),
        (f"~ Replaced  {TOPIC} (replaced)", "red"),
        (f"~ Retained  {TOPIC} (replaced; old one retained)", "red"),
        (f"~ Perhaps  {TOPIC} (may be replaced)", "red"),
        (f"~ Open  {TOPIC} (may be replaced)", "yellow"),
    ]
    assert [str(line) for line in lines[-3:]] == [
        f"  ~ Open  {TOPIC} (may be replaced)",
        "      Name: a → b",
        "      1 value more computed again, probably unchanged",
    ]


def test_resources_share_a_line_only_where_everything_is_the_same() -> None:
    other = Difference("Name", "a", "c")
    planned = plan(
        nested(
            "X",
            change("X.A", "Modify", SURE),
            change("X.B", "Modify", SURE, kind=BUCKET),
            change("X.C", "Modify", SURE),
            change("X.D", "Modify", other),
            change("X.E", "Modify", SURE, replacement="True", policy="Retain"),
            change("X.F", "Remove"),
            change("X.G", "Remove"),
            change("X.H", "Modify"),
            change("X.I", "Modify"),
        )
    )
    assert (
        shown(planned)[1:-2]
        == [
            "  ~ X",
            f"    ~ A, C  {TOPIC}",
            "        Name: a → b",
            f"    ~ B  {BUCKET}",
            "        Name: a → b",
            f"    ~ D  {TOPIC}",
            "        Name: a → c",
            f"    ~ E  {TOPIC} (may be replaced; old one retained)",
            "        Name: a → b",
            f"    - F  {TOPIC}",
            f"    - G  {TOPIC}",
        ]
        or shown(planned)[1:]
    )


@pytest.mark.parametrize("number", [6, 7])
def test_more_than_six_new_ones_of_a_type_share_a_line(number: int) -> None:
    names = [f"N{each}" for each in range(number)]
    new = [change(f"X.{name}", "Add") for name in names]
    planned = plan(nested("X", change("X.B", "Add", kind=BUCKET), *new, nested("Y", action="Add")))
    many = [f"    + {TOPIC}: {', '.join(names)}"] if number == 7 else []
    each = [f"    + {name}  {TOPIC}" for name in names] if number == 6 else []
    assert shown(planned)[2:] == [f"    + B  {BUCKET}", *each, "    + Y", *many, "  no change expected in Y"] or shown(
        planned
    )


def test_what_only_might_change_is_folded() -> None:
    """What follows from what changes is named; the rest is, for whoever wants it."""
    planned = plan(
        nested(
            "X", change("X.A", "Modify", PERHAPS), change("X.B", "Modify", PERHAPS), change("X.C", "Modify", PERHAPS)
        ),
        nested("Y", change("Y.D", "Modify", PERHAPS, replacement="Conditional")),
        nested("Text", differences=(Difference("TemplateURL", "a", "b"),)),
        nested("Same", differences=(Difference("Tags", "a", "b"),)),
        follows=("X.A", "X.C"),
    )
    following = [
        "  2 expected to change (the template gives them another value, or they use a replaced resource):",
        "    ? X: A, C",
    ]
    end = ["  only the text of the template changes in Text", "  no change expected in Same"]
    assert shown(planned)[1:] == [
        *following,
        "  2 listed by CloudFormation, values unchanged (--verbose names them)",
        *end,
    ]
    assert shown(planned, verbose=True)[1:] == [
        *following,
        "  2 listed by CloudFormation, values unchanged:",
        "    ? X: B",
        "    ? Y: D (may be replaced)",
        *end,
    ]


LOST = Loss("Data.Clients", "AWS::DynamoDB::Table", "deleted", "holds data")
WHOLE = plan(
    change("A", "Modify", SURE),
    parameters=(Difference("TaskCpu", "256", "512"),),
    tags=(Difference("CostCenter", "1", "2"),),
    first=(Difference("BackendImage", "a:1", "a:2"),),
    computed=(Computed("TaskCpu", "512", "computed", "by looking"), Computed("Old", "1", "kept", "it stays")),
    gained=(Grant("Role", "Allow", ("s3:*",), broader=True), Grant("Role", "Allow", ("s3:Get",))),
    lost=(Grant("Role", "Allow", ("s3:Put",)),),
    losses=(LOST,),
    refusals=(Refusal("it cannot work", "A", "Do it otherwise."),),
    notices=(Notice("hook", "A", "it warns"),),
    setting_changes=(Difference("termination protection", "off", "on"),),
    options={
        "RollbackConfiguration": {"RollbackTriggers": [{"Arn": "arn:aws:cloudwatch:r:a:alarm:Errors"}]},
        "NotificationARNs": ["arn:topic"],
    },
)


def test_everything_that_a_plan_says_in_its_order() -> None:
    lines = list(plan_text.plan_lines(WHOLE))
    grants = [str(grant) for grant in (*WHOLE.gained, *WHOLE.lost)]
    assert list(map(str, lines)) == [
        "s: update, 1 changed",
        "  settings",
        "    termination protection: off → on",
        "    rolls back if one of these alarms fires during the update: Errors",
        "    notification topics: arn:topic",
        "  step 1 of 2: update the stack to the running image",
        "    BackendImage: a:1 → a:2",
        "  parameters",
        "    TaskCpu: 256 → 512",
        "  tags",
        "    CostCenter: 1 → 2",
        "  computed parameters",
        "    TaskCpu = 512  (computed: by looking)",
        f"  ~ A  {TOPIC}",
        "      Name: a → b",
        "  permissions",
        f"    + {grants[0]} (broader)",
        f"    + {grants[1]}",
        f"    - {grants[2]}",
        "  hook: A: it warns",
        "  needs explicit approval",
        f"    {LOST}",
        "  refused",
        "    A: it cannot work.",
        "      Do it otherwise.",
    ]
    styles = {str(line).strip(): line.parts[0][1] for line in lines}
    assert [styles[text] for text in ("needs explicit approval", "refused", "A: it cannot work.")] == ["red"] * 3
    assert [styles[f"+ {grants[0]} (broader)"], styles[f"+ {grants[1]}"], styles[f"- {grants[2]}"]] == [
        "red",
        "green",
        "green",
    ]
    created = shown(replace(WHOLE, kind="CREATE"))
    assert "  parameters" not in created and "  tags" not in created and "    Old = 1  (kept: it stays)" in created
    empty = shown(replace(WHOLE, empty=True))
    assert empty == ["s: no changes", "  settings", "    termination protection: off → on", "  hook: A: it warns"]
    none = plan(change("A", "Add"), options={"NotificationARNs": []})
    assert list(map(str, plan_text.setting_lines(none))) == ["  settings", "    notification topics: none"]
    assert list(plan_text.setting_lines(plan(change("A", "Add")))) == []


def test_the_same_as_markdown() -> None:
    grants = [str(grant) for grant in (*WHOLE.gained, *WHOLE.lost)]
    later = NotPlanned("later", "it comes <later>")
    planned = replace(WHOLE, refusals=(replace(WHOLE.refusals[0], remedy="Do it."),))
    assert list(plan_markdown.lines("staging", "1", "eu-west-1", [planned, later])) == [
        *["# Plan for staging", "", "Account 1, eu-west-1.", "", "## s", "", "Update, 1 changed."],
        *["", "### Step 1 of 2: update the stack to the running image", "", "- `BackendImage`: `a:1` → `a:2`"],
        *["", "### Refused", "", "- **`A`**: it cannot work. Do it."],
        *["", "### Needs explicit approval", ""],
        "- **`Data.Clients`** (AWS::DynamoDB::Table, holds data) would be deleted. To allow this: "
        "`--allow-delete Data.Clients`",
        *["", "### Permissions", "", f"- gained, **broader**: `{grants[0]}`", f"- gained: `{grants[1]}`"],
        f"- lost: `{grants[2]}`",
        *["", "### How the stack is kept", "", "- termination protection: `off` → `on`"],
        *["", "### Parameters", "", "- `TaskCpu`: `256` → `512`", "", "### Tags", "", "- `CostCenter`: `1` → `2`"],
        *["", "### Computed parameters", "", "- `TaskCpu` = `512` (computed: by looking)"],
        *["", "### CloudFormation says", "", "- hook: `A`: it warns"],
        *["", "### Resources", "", f"- `~` `A` ({TOPIC})", "  - `Name`: `a` → `b`"],
        *["", "## later", "", "Not planned yet: it comes \\<later\\>."],
    ]
    text = list(plan_markdown.lines("staging", "1", "eu-west-1", [replace(WHOLE, kind="CREATE")]))
    assert "### Parameters" not in text and "### Tags" not in text and "- `Old` = `1` (kept: it stays)" in text


def test_a_root_that_is_not_planned_yet() -> None:
    assert list(map(str, plan_text.lines(NotPlanned("s", "shared has to exist first")))) == [
        "s: not planned yet, shared has to exist first"
    ]
    assert document("staging", "1", "eu-west-1", [NotPlanned("s", "shared has to exist first")])["stacks"] == [
        {"stack": "s", "kind": "LATER", "summary": "shared has to exist first"}
    ]
