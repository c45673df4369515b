"""What a terminal gets, and what something else gets."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

from generator.cfn.changes import Difference, PlannedChange
from generator.cfn.templates import STACK
from scripts.deployment.environment import Computed
from scripts.deployment.plan import Plan
from scripts.operations.following import Event
from scripts.operations.output import plan_text
from scripts.operations.output.progress_view import Lines


def test_a_first_plan_shows_new_stacks_by_type() -> None:
    names = ("Clients", "Costs")
    tables = tuple(PlannedChange(("Data", name), "AWS::DynamoDB::Table", "Add") for name in names)
    key = PlannedChange(("Data", "Key"), "AWS::KMS::Key", "Add")
    data = PlannedChange(("Data",), STACK, "Add", children=(*tables, key), nested=True)
    computed = (Computed("A", "1", "computed", "by looking"),)
    plan = Plan("s", "id", "CREATE", "cs", "n", "d", (data,), (Difference("A", "", "1"),), computed=computed)
    assert list(map(str, plan_text.plan_lines(plan))) == [
        "s: create 3 resources in 1 nested stack",
        "  computed parameters",
        "    A = 1  (computed: by looking)",
        "  + Data",
        "    AWS::DynamoDB::Table: Clients, Costs",
        "    AWS::KMS::Key: Key",
    ]


def test_long_values_are_cut_and_absent_ones_named() -> None:
    change = PlannedChange(
        ("Policy",), "AWS::IAM::Policy", "Modify", "Conditional", differences=(Difference("Document", "", "x\n" * 200),)
    )
    lines = list(map(str, plan_text.plan_lines(Plan("s", "id", "UPDATE", "cs", "n", "d", (change,)))))
    assert lines[:2] == ["s: update, 1 changed", "  ~ Policy  AWS::IAM::Policy (may be replaced)"]
    assert lines[2].startswith("      Document: (none) → x\\nx\\nx")
    assert lines[2].endswith(", sha256 5fbd3c50)") and "(400 characters" in lines[2] and len(lines[2]) < 130


def event(path: tuple[str, ...], status: str, second: int, kind: str = STACK) -> Event:
    start = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    return Event(path, "id", "x", kind, status, "", start + timedelta(seconds=second))


def test_a_long_wait_says_what_for() -> None:
    out, now = io.StringIO(), [0]
    progress = Lines(out, lambda: event((), "", now[0]).time)
    inner, kind = ("Delivery", "Distribution"), "AWS::CloudFront::Distribution"
    progress([event(("Delivery",), "CREATE_IN_PROGRESS", 2)])
    progress([event(inner, "CREATE_IN_PROGRESS", 3, kind)])
    for now[0] in (13, 23, 28, 43):
        progress([])
    progress([event(inner, "CREATE_COMPLETE", 42, kind), event(("Delivery",), "CREATE_COMPLETE", 43)])
    assert [line[10:] for line in out.getvalue().splitlines()] == [
        "waiting for Delivery > Distribution (20 s)",
        "waiting for Delivery > Distribution (40 s)",
        "Delivery created, 1 resource (41.0 s)",
    ]
