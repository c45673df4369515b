"""A review with something of everything, as Markdown, on a terminal and as a page, to the letter.

`GOLDEN=write` writes the files of `whole/` anew: read their diff. What a reader sees of each kind of change is there.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from generator.cfn.broadening import Grant
from generator.cfn.effects import ALLOWED
from generator.cfn.templates import from_bodies, load
from scripts.review.html import SCRIPT, STYLE, page
from scripts.review.lines import lines
from scripts.review.markdown import _cut, markdown
from scripts.review.model import (
    ADDED,
    CHANGED,
    REMOVED,
    REPLACED,
    TAKEN,
    UNCHANGED,
    CostChange,
    Deployed,
    EnvironmentReview,
    ParameterChange,
    QuotaChange,
    ReachChange,
    RequirementChange,
    ResourceChange,
    Review,
    Risk,
    ValueChange,
)
from scripts.review.table import Row, rows
from scripts.review.verdict import BAD, GOOD, LOOK
from tests.conftest import ROOT

WHOLE = Path(__file__).parent / "whole"
BUILDSPEC = ["phases:", *(f"  step {number}: a command" for number in range(8)), "  last: pytest", ""]
POLICY = {"Statement": [{"Sid": "Read", "Action": ["s3:Get", "s3:List"], "Resource": "x" * 90}], "Version": "1"}
WIDER = {"Statement": [{"Sid": "Read", "Action": ["s3:Get", "s3:Put"], "Resource": "x" * 90}]}


def text(value: object) -> str:
    return json.dumps(value, sort_keys=True)


RESOURCES = (
    ResourceChange(
        "Data.Clients",
        "AWS::DynamoDB::Table",
        REPLACED,
        "replacement",
        (ValueChange("TableName", "a", "b"), ValueChange("Policy", text(POLICY), text(WIDER))),
        ("TableName", "KeySchema"),
        "holds data",
        kept=True,
        places=("templates/data.json:12", "generator/stacks/data.py:7"),
    ),
    ResourceChange("Data.Gone", "AWS::SNS::Topic", REMOVED, REMOVED, kept=True),
    ResourceChange("Data.Renamed", "AWS::SNS::Topic", REPLACED, TAKEN, before="Data.Old"),
    ResourceChange("Data.New", "AWS::SNS::Topic", ADDED, ADDED),
    ResourceChange(
        "Build.Project",
        "AWS::CodeBuild::Project",
        CHANGED,
        "the next build runs with it",
        (ValueChange("Source.BuildSpec", "\n".join(BUILDSPEC), "\n".join([*BUILDSPEC[:-2], "  last: true", ""])),),
    ),
    *(
        ResourceChange(
            f"Logs.Group{number}", "AWS::Logs::LogGroup", CHANGED, "in place", (ValueChange("Days", "9", "5"),)
        )
        for number in range(4)
    ),
    ResourceChange("Alone", "AWS::SNS::Topic", CHANGED, "in place", (ValueChange("DisplayName", None, "`me`"),)),
)
PRODUCTION = EnvironmentReview(
    "production",
    CHANGED,
    (
        ParameterChange("Loud", "1", "2", "file", ALLOWED, "Something goes.", "an error", "none"),
        ParameterChange("Quiet", "a", "b", "default", "", "", "nothing", "the same again"),
        ParameterChange("Gone", "a", None, "gone"),
    ),
    (ValueChange("tag Owner", None, "us"),),
    RESOURCES,
    (Risk("Data.Clients", "AWS::DynamoDB::Table", "holds data: replaced"), Risk("Loud", "parameter", "data: gone")),
    tuple(Risk(f"Logs.Group{number}", "AWS::Logs::LogGroup", "KmsKeyId is gone") for number in (0, 1)),
    (Grant("Build.Role", "Allow", ("s3:Put",), ("*",), broader=True), Grant("Build.Role", "Allow", ("s3:List",))),
    (Grant("Build.Role", "Allow", ("s3:Delete",), ("production-x",)),),
    (ValueChange("COLOUR", "red", "blue"),),
    CostChange((10, 20), (11, 22)),
)
QUOTAS = (
    QuotaChange("access.Role", "characters", 4000, 5500, 6144, ("production",)),
    QuotaChange("storage", "outputs", 190, 201, 200),
)
REVIEW = Review(
    "main",
    "topic",
    (
        PRODUCTION,
        replace(PRODUCTION, name="staging", lost=(replace(PRODUCTION.lost[0], resources=("staging-x",)),)),
        EnvironmentReview("broken", CHANGED, problems=("parameters/broken.json is no JSON",)),
        EnvironmentReview("new", ADDED, cost=CostChange(None, (1, 2))),
        EnvironmentReview("old", REMOVED),
        EnvironmentReview("same", UNCHANGED),
    ),
    choices=(ValueChange("parameter environment.Loud Default", "1", "2"),),
    interface=(ValueChange("output environment.Url", "there", None),),
    latent=tuple(ValueChange(f"resource edge.R{number}", None, "there") for number in range(4)),
    latent_grants=(Grant("edge.Role", "Allow", ("*",), ("*",), broader=True),),
    quotas=QUOTAS,
    requirements=(
        RequirementChange("SRC-1", "", "covered"),
        RequirementChange("SRC-2", "covered", ""),
        RequirementChange("SRC-3", "covered", "covered"),
        RequirementChange("SRC-4", "covered", "narrowed"),
        RequirementChange("SRC-5", "narrowed", "covered"),
    ),
    reach=(
        ReachChange("a build", "data", "·", "open S1"),
        ReachChange("a build", "keys", "open S1", "·"),
        ReachChange("a build", "logs", "open S1", "meant"),
    ),
    gate="passed",
    files={"templates": ("templates/data.json",), "generator": tuple(f"generator/{n}.py" for n in range(13))},
    version=ValueChange("version", "1.0.0", "2.0.0"),
    deployed=Deployed(
        "production",
        "UPDATE_COMPLETE",
        "0123456789abcdef",
        ("abc one", "def two"),
        2,
        ("Data.Clients: TableName",),
        3,
        ("Data.New: nothing by the plan, added by the review",),
        ("drift: denied",),
    ),
    missing=1,
)
NOT_OURS = from_bodies({"other": {"Resources": {"Alone": {"Type": "AWS::SNS::Topic"}}}})
TEMPLATES = load(ROOT / "templates")


def golden(name: str, shown: str) -> None:
    """Compares with a file of `whole/`."""
    if os.environ.get("GOLDEN") == "write":
        (WHOLE / name).write_text(shown, encoding="utf-8")
    assert shown == (WHOLE / name).read_text(encoding="utf-8")


def test_as_markdown() -> None:
    golden("review.md", markdown(REVIEW))


def test_on_a_terminal() -> None:
    golden("review.txt", "".join(f"{line}\n" for line in lines(REVIEW)))


def test_what_has_to_be_seen_is_coloured() -> None:
    """The mark of each line of the verdict, titles, what is bad, and what a difference adds and takes away."""
    coloured = {style: [] for style in ("red", "green", "yellow", "bold")}  # type: dict[str, list[str]]
    for line in lines(REVIEW):
        for part, style in line.parts:
            coloured.setdefault(style, []).append(part)
    assert coloured["bold"][:2] == ["Environments: ", "Data and addresses: "]
    assert "What is deployed of production" in coloured["bold"] and "Requirements" in coloured["bold"]
    assert coloured["red"][:3] == ["stop: ", "stop: ", "stop: "] and coloured["yellow"][0] == "look: "
    assert "edge.Role: * on *" in coloured["red"] and "drift: denied" in coloured["yellow"]
    assert next(part for part in coloured["green"] if part[:1] == "+") == "+ Statement[Sid=Read].Action[1]: s3:Put"
    assert next(part for part in coloured["red"] if part[:1] == "-") == "- Statement[Sid=Read].Action[1]: s3:List"


def test_as_a_page() -> None:
    """Without style, script and picture, which have tests of their own."""
    shown = page(REVIEW, TEMPLATES, "https://host.test/x/blob/abc/")
    for file in (STYLE, SCRIPT):
        assert file.read_text(encoding="utf-8") in shown
        shown = shown.replace(file.read_text(encoding="utf-8"), "")
    [picture] = re.findall("<svg.*</svg>", shown, flags=re.DOTALL)
    stacks = re.findall(r'<a class="stack (\w+)[^>]*href="#stack-(\w+)".*?</a>', picture, re.DOTALL)
    assert {(name, weight) for weight, name in stacks} >= {("Data", "bad"), ("Build", "good")}
    golden("review.html", re.sub("<svg.*</svg>", "", shown, flags=re.DOTALL) + "\n")


def test_a_page_without_an_environment_or_a_change_has_no_picture_or_table() -> None:
    shown = page(Review("main", "topic"), NOT_OURS)
    assert (
        "<figure" not in shown and 'id="changes"' not in shown and "<title>Review: topic against main</title>" in shown
    )


def test_places_are_links_to_a_host_by_https_alone() -> None:
    assert "#L12" not in page(REVIEW, TEMPLATES) and "#L12" not in page(REVIEW, TEMPLATES, "http://host.test")


def test_rows_of_a_table() -> None:
    """What happens in several environments is one row, the rows stand by kind and name."""
    names = ("production", "staging")
    table = "AWS::DynamoDB::Table"
    shown = rows(replace(REVIEW, environments=REVIEW.environments[:2]))
    kinds = [row.kind for row in shown]
    assert kinds == sorted(
        kinds, key=["at risk", "protection", "resource", "permission", "parameter", "application", "limit"].index
    )
    assert {row.environments for row in shown if row.kind != "limit"} == {names}
    resource = RESOURCES[0]
    expected = [
        Row("at risk", "Data.Clients", "holds data: replaced", table, BAD, names),
        Row("protection", "Logs.Group0", "KmsKeyId is gone", "AWS::Logs::LogGroup", BAD, names),
        Row("resource", "Data.Clients", REPLACED, f"{table}; TableName, KeySchema", BAD, names, resource.places),
        Row("resource", "Data.Gone", REMOVED, "AWS::SNS::Topic", LOOK, names),
        Row("resource", "Data.Renamed", REPLACED, "AWS::SNS::Topic; was Data.Old", LOOK, names),
        Row("resource", "Data.New", ADDED, "AWS::SNS::Topic", LOOK, names),
        Row("resource", "Logs.Group0", "in place", "AWS::Logs::LogGroup; Days", GOOD, names),
        Row("permission", "Build.Role", "broader", "s3:Put on *", BAD, names),
        Row("permission", "Build.Role", "gained", "s3:List", GOOD, names),
        Row("permission", "Build.Role", "lost", "s3:Delete on ENVIRONMENT-x", GOOD, names),
        Row("parameter", "Loud", "in the parameter file", "1 → 2", LOOK, names),
        Row("parameter", "Quiet", "by its default", "a → b", LOOK, names),
        Row("parameter", "Gone", "no longer a parameter", "a → (none)", LOOK, names),
        Row("application", "COLOUR", "gets", "red → blue", LOOK, names),
        Row("limit", "access.Role", "near", "4,000 → 5,500 of 6,144 characters", LOOK, ("production",)),
        Row("limit", "storage", "too many", "190 → 201 of 200 outputs", BAD),
    ]
    assert [row for row in expected if row not in shown] == []
    alone = rows(replace(REVIEW, environments=REVIEW.environments[:1], quotas=()))
    assert [row.detail for row in alone if row.what == "lost"] == ["s3:Delete on production-x"]


@pytest.mark.parametrize("limit", [300_000, 9000, 6000, 5000, 4000, 3000, 2600])
def test_markdown_has_as_much_as_fits(limit: int) -> None:
    """Less detail before fewer lines; the verdict stands whole, and what is opened is closed."""
    whole, shown = markdown(REVIEW, 10**9), markdown(REVIEW, limit)
    assert len(shown) <= limit and shown.splitlines()[:5] == whole.splitlines()[:5]
    assert shown.count("<details>") == shown.count("</details>")
    left = re.findall(
        r"^(\d+) lines are left out here; the whole is shown by `delivery review main topic`.$", shown, re.M
    )
    assert (left == []) is (shown == whole) is (len(whole) <= limit)
    assert left == [] or int(left[0]) > 0


def test_detail_falls_in_two_steps() -> None:
    """First the insides of values, then the names of resources; both are in what is left out."""
    whole = markdown(REVIEW)
    names = markdown(REVIEW, len(whole) - 1)
    counts = markdown(REVIEW, len(names) - 10)
    assert "  - `TableName`: `a` → `b`\n" in whole and "```diff" in whole
    assert "  - `TableName`\n" in names and "```diff" not in names and "`Clients`" in names
    for stack, count in (("Data", 4), ("Build", 1), ("Logs", 4), ("root stack", 1)):
        assert f"<details><summary>{stack}</summary>\n\n- {count} resources\n" in counts
    assert "`Clients`" not in counts
    assert len(whole) > len(names) > len(counts)


def test_what_is_cut_is_cut_at_the_end() -> None:
    counts = markdown(REVIEW, 3300).splitlines()
    kept = markdown(REVIEW, 1900).splitlines()[:-2]
    while kept[-1] in ("", "</details>"):
        kept.pop()
    assert kept == counts[: len(kept)] and len(kept) > 5


def test_the_command_for_the_whole_has_no_words_where_head_is_the_working_tree() -> None:
    shown = markdown(replace(REVIEW, head="the working tree"), 3000)
    assert "the whole is shown by `delivery review main`." in shown


def test_the_value_is_what_programs_get() -> None:
    document = json.loads(json.dumps(asdict(REVIEW)))
    assert document["environments"][0]["resources"][0]["because"] == ["TableName", "KeySchema"]


def test_what_is_deployed_and_contradicts_nothing() -> None:
    deployed = Deployed("production", "UPDATE_COMPLETE")
    section = markdown(Review("main", "topic", deployed=deployed, gate="passed")).split("\n\n")[1:]
    assert section == [
        "## What is deployed of production",
        "- deployed from an unknown commit (UPDATE\\_COMPLETE)\n- a plan says the same\n",
    ]
    nothing = Deployed("production", unknown=("production is not deployed",))
    section = markdown(Review("main", "topic", deployed=nothing, gate="passed")).split("\n\n")[1:]
    assert section == ["## What is deployed of production", "- not known: `production is not deployed`\n"]


def test_what_is_cut_leaves_room_to_close_what_is_open() -> None:
    """Forty characters, and forty more for each section that is open: more than what closes it."""
    line = "x" * 9
    assert _cut([line] * 20, 100) == [line] * 6
    assert _cut([line] * 20, 99) == [line] * 5
    opened = ["<details>", *[line] * 20]
    assert _cut(opened, 100) == [*opened[:2], "", "</details>"]
    closed = ["<details>", "</details>", *[line] * 20]
    assert _cut(closed, 101) == [*closed[:2], *[line] * 4]
    assert _cut([line] * 5, 91) == [line] * 5
