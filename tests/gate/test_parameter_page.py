"""docs/parameters.md: what each parameter is, and what changing it does to an environment that runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from generator.cfn import assertions
from generator.cfn.assertions import NotEvaluableError
from generator.cfn.effects import QUIET, REFUSED, ROWS, Row, directions
from generator.cfn.effects.outcomes import Outcome, outcomes
from generator.cfn.templates import Resource, TemplateSet, from_bodies, load
from generator.gate.effects import (
    SHOWN,
    TASK,
    NoSituationError,
    RootResources,
    kinds,
    resources_of,
    row_outcomes,
    shown,
    situations,
)
from generator.gate.parameter_page import Change, _choices, _class, _default, _joined, _kept, page
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def templates() -> TemplateSet:
    return load(ROOT / "templates")


@pytest.fixture(scope="module")
def text(templates: TemplateSet) -> str:
    return page(templates)


@pytest.fixture(scope="module")
def rows(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    # A parameter that several roots take has a row for each; the environment's comes first.
    return {line.split("`")[1]: line for line in reversed(lines)}


def test_the_page_is_fresh(text: str) -> None:
    assert Path(ROOT / "docs/parameters.md").read_text(encoding="utf-8") == text, "run `make templates`"


def test_every_parameter_has_a_row(templates: TemplateSet, rows: dict[str, str]) -> None:
    declared = {name for root in templates.roots() for name in root.parameters}
    assert len(declared) > 50 and set(rows) == declared
    for name, row in rows.items():
        cells = [cell.strip() for cell in row.replace("\\|", "").strip("|").split("|")]
        assert len(cells) == 5 and cells[1] and all(cells[index] for index in (3, 4)), name


@pytest.mark.parametrize(
    ("parameter", "effect"),
    [
        ("TaskCpu", "new tasks"),
        ("LogLevel", "new tasks"),
        ("LogRetentionDays", "in place; **to be named**"),
        ("ClientsTable", "replaces, and leaves the old behind"),
        ("VpcCidr", "**refused**"),
        ("LoadBalancerScheme", "**refused**"),
        ("NatGatewayCount", "adds or removes"),
        ("ExecutionMode", "cancels a release"),
        ("Environment", "another environment"),
        ("ConfigurationDigest", "new tasks"),
        ("FrontendTarget", "adds or removes"),
        ("ExistingJwtSecretArn", "adds or removes; new tasks; **to be named**"),
    ],
)
def test_what_changing_it_does(rows: dict[str, str], parameter: str, effect: str) -> None:
    assert effect in rows[parameter].removesuffix(" |").rpartition(" | ")[2]


def untrue(row: Row, happened: list[Outcome]) -> Iterator[str]:
    """What a row of the table says that the templates know better."""
    words = kinds(happened)
    if "cancels a release" in words and not ("cancelled" in row.text or "pipeline" in row.text):
        yield "the pipeline changes"
    if "new tasks" in words and "tasks" not in row.text:
        yield "new tasks start"
    if row.happens.startswith("nothing,") and words != ["nothing"]:
        yield f"not nothing, but {words}"
    if words == ["nothing"] and not row.happens.startswith("nothing"):
        yield "nothing happens"
    kept = [each for each in happened if each.action in ("removed", "replaced") and each.kept and each.type != TASK]
    if kept and "stay" not in row.text:
        yield "something stays behind"


def test_every_row_is_followed_through_the_templates_to_what_it_says(templates: TemplateSet, text: str) -> None:
    """Words of the table that the templates can tell are true of them: for every row, and on the page as it is."""
    wrong = []
    for root in templates.roots():
        instances = resources_of(root)
        for parameter in root.parameters:
            for row in (row for row in instances.rows(parameter) if row.level != REFUSED):
                happened = row_outcomes(instances, parameter, row)
                sentences = (row.happens, row.around) if not row.happens.startswith("nothing") else (row.around,)
                assert all(words[1:].rstrip(".") in text for words in sentences), row
                if not row.was and parameter != "Environment":  # several parameters change at once
                    where = f"{root.name} {parameter} {row.change} {dict(row.when)}"
                    wrong += [f"{where}: {what}" for what in untrue(row, happened)]
    assert not wrong, "\n".join(wrong)


def test_the_page_is_read_from_the_top(text: str) -> None:
    """Where nothing happens is said first, so that `otherwise` is the rest; what is alike is said once; a parameter
    that changes together with another one does not take over what that does."""
    # The environment's own paragraph of a parameter comes first.
    paragraphs = dict(reversed([each.split("**\n\n", 1) for each in text.split("\n**`")[1:]]))
    idle = "- Nothing happens with BackendTarget NONE.\n- *with BackendTarget BEANSTALK*:\n"
    assert paragraphs["SenderEmail`"].startswith(idle) and "- *otherwise*:" in paragraphs["SenderEmail`"]
    assert "- *otherwise*: Nothing, the backend does not run on instances.\n" in paragraphs["InstanceType`"]
    tables = next(each for names, each in paragraphs.items() if names.startswith("ClientsTable`, `MetricsTable`, "))
    assert "replaces Data.Clients, Data.Metrics, Data.Costs, Data.Security or Data.Recommendations, and" in tables
    assert "leaves behind Configuration.JwtSecret" in paragraphs["ExistingJwtSecretArn`"]
    assert [line for line in text.splitlines() if ".." in line.replace("...", "")] == []


# Types that requests go through, and that could interrupt them when they change.
SERVING = {
    *SHOWN,
    "AWS::CloudFront::Function",
    "AWS::CloudFront::OriginAccessControl",
    "AWS::CloudFront::ResponseHeadersPolicy",
    "AWS::CloudFront::VpcOrigin",
    "AWS::EC2::EIP",
    "AWS::EC2::NatGateway",
    "AWS::EC2::Route",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::ElasticLoadBalancingV2::ListenerRule",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
    "AWS::Route53::RecordSet",
}


def test_whatever_users_are_not_to_notice_says_what_shows_it(templates: TemplateSet, text: str) -> None:
    """As soon as something changes or goes that requests go through; and what users notice is loud."""
    silent = []
    for root in templates.roots():
        instances = resources_of(root)
        for parameter in set(root.parameters) - {"Environment"}:
            for row in (row for row in instances.rows(parameter) if row.level != REFUSED and not row.was):
                if row.users.startswith("nothing"):
                    happened = [each for each in row_outcomes(instances, parameter, row) if each.action != "added"]
                    serving = {each.type for each in happened} & SERVING
                    silent += (
                        [f"{root.name} {parameter} {row.change}: {serving}"] if serving and not shown(happened) else []
                    )
                else:
                    assert row.level != QUIET, row
    assert silent == []
    assert "Shown by: requests." in text and "Shown by: model." in text and "Shown by: documentation." in text


def test_a_row_that_can_never_hold_is_an_error(templates: TemplateSet) -> None:
    never = replace(ROWS[0], parameter="TaskCpu", change="x -> y")
    with pytest.raises(NoSituationError, match="TaskCpu x -> y"):
        row_outcomes(resources_of(templates["environment"]), "TaskCpu", never)


def test_a_replacement_is_followed_to_what_refers_to_it() -> None:
    """Through references and through the outputs of nested stacks, to properties that a type is created with."""

    def side(name: str) -> dict[str, Resource]:
        bodies = {
            "In.Topic": {"Type": "T", "Properties": {"Name": name}},
            "In.Rule": {"Type": "R", "Properties": {"Topic": "${In.Topic.Arn}"}},
            "Behind": {"Type": "T", "Properties": {"Name": "${In.Rule}", "Label": "x"}},
            "Other": {"Type": "R", "Properties": {"Topic": "y", "Label": "${In.Topic.Arn}"}},
        }
        return {path: Resource("root", path, body) for path, body in bodies.items()}

    only = {"T": [("Name",)], "R": [("Topic",)]}
    happened = {each.path: each.action for each in outcomes(side("a"), side("b"), lambda kind: only[kind])}
    assert happened == {"In.Topic": "replaced", "In.Rule": "replaced", "Behind": "replaced", "Other": "changed"}
    assert outcomes(side("a"), side("a"), lambda kind: only[kind]) == []


# --- the sentences of a row


@pytest.mark.parametrize(
    ("resources", "text"),
    [
        ([""], ""),
        (["adds a bucket"], "adds a bucket."),
        (["adds a bucket", "adds a bucket"], "adds a bucket."),
        (["changes Orders in place", "changes Clients in place"], "changes Orders or Clients in place."),
        (["adds A, B", "adds C, B", "adds D, B"], "adds A, C or D, B."),
        (["adds A; removes B", "adds C; removes D"], "adds A; removes B or adds C; removes D."),
        (["adds a queue", "adds a queue and a topic"], "adds a queue or adds a queue and a topic."),
    ],
)
def test_the_resources_of_several_parameters_are_told_together_where_only_a_name_differs(
    resources: list[str], text: str
) -> None:
    assert _joined(resources) == text


@pytest.mark.parametrize(
    ("word", "sentence", "summary"),
    [
        ("adds Orders", "adds Orders", "adds or removes"),
        ("removes Orders", "removes Orders", "adds or removes"),
        ("removes Orders, Clients (kept)", "leaves behind Orders, Clients", "adds or removes"),
        ("replaces Orders", "replaces Orders", "replaces"),
        ("replaces Orders (kept)", "replaces Orders, and leaves the old behind", "replaces, and leaves the old behind"),
        ("new tasks", "new tasks", "new tasks"),
        ("deploys the page (3 to 5 minutes)", "deploys the page (3 to 5 minutes)", "deploys the page"),
    ],
)
def test_what_stays_behind_is_told_first(word: str, sentence: str, summary: str) -> None:
    assert (_kept(word), _class(word)) == (sentence, summary)


@pytest.mark.parametrize(
    ("declared", "choices", "default"),
    [
        ({"AllowedValues": ["a", 1, True], "Default": "a", "MinValue": 1}, "`a`, `1`, `true`", "`a`"),
        ({"MinValue": 1, "MaxValue": 20, "Default": 0, "ConstraintDescription": "must be x"}, "1 to 20", "`0`"),
        ({"ConstraintDescription": "must be a host, which must be ours", "Default": ""},
         "a host, which must be ours", "empty"),
        ({}, "", "must be given"),
    ],
)  # fmt: skip
def test_what_a_parameter_may_be(declared: dict[str, object], choices: str, default: str) -> None:
    assert (_choices(declared), _default(declared)) == (choices, default)


@pytest.mark.parametrize(
    ("change", "resources", "lines"),
    [
        (Change("Nothing happens with A", idle=True), "", ["- Nothing happens with A."]),
        (Change("any change", (("", "It ends."),)), "", ["- *any change*: It ends."]),
        (Change("any change"), "adds A.", ["- *any change*: adds A."]),
        (
            Change("any change", (("Users", "Notice."),)),
            "adds A.",
            ["- *any change*:", "  - Users: Notice.", "  - Resources: adds A."],
        ),
    ],
)
def test_what_can_be_read_on_one_line_stands_on_one(change: Change, resources: str, lines: list[str]) -> None:
    assert list(change.lines(resources)) == lines


def test_a_group_without_parameters_has_no_heading() -> None:
    groups = [{"Label": {"default": "Nothing"}, "Parameters": []}, {"Label": {"default": "All"}, "Parameters": ["P"]}]
    body = {
        "Metadata": {"AWS::CloudFormation::Interface": {"ParameterGroups": groups}},
        "Parameters": {"P": {"Type": "String", "Description": "No row knows it."}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    }
    text = page(from_bodies({"shared": body}))
    assert [line for line in text.splitlines() if line.startswith("#")][-2:] == [
        "## What all environments share (`params/shared.json`)",
        "### All",
    ]
    assert "| `P` | No row knows it. |  | must be given | it has one value |" in text


def test_a_situation_has_one_pair_of_values(templates: TemplateSet) -> None:
    """Although a choice of three values can change in six directions."""
    instances = resources_of(templates["environment"])
    [row] = instances.rows("BuildComputeType")
    pairs = list(situations(instances, "BuildComputeType", row))
    others = [{name: value for name, value in after.items() if name != "BuildComputeType"} for _, after in pairs]
    assert len(pairs) > 1 and not [each for number, each in enumerate(others) if each in others[:number]]
    assert {(before["BuildComputeType"], after["BuildComputeType"]) for before, after in pairs} == {
        next(iter(directions(instances.root.parameters["BuildComputeType"])))
    }


@pytest.mark.parametrize("root", ["environment", "access", "shared"])
def test_rules_that_are_judged_by_what_they_read_refuse_the_same_values(templates: TemplateSet, root: str) -> None:
    instances = RootResources(templates[root])
    sets_of_values = [
        {**instances.base, **situation, name: value}
        for situation in ({}, {"LoadBalancerScheme": "PUBLIC", "BackendTarget": "BEANSTALK", "DomainName": "one"})
        for name, declared in templates[root].parameters.items()
        for value in next(directions(declared), ())
    ]
    broken = [bool(assertions.broken(templates[root].body, values)) for values in sets_of_values]
    assert [instances.breaks_rules(values) for values in sets_of_values] == broken
    assert any(broken) is bool(templates[root].body.get("Rules")) and not all(broken)


def test_a_rule_that_cannot_be_evaluated_is_an_error_beside_one_that_is_broken() -> None:
    broken, faulty = {"Fn::Equals": [{"Ref": "A"}, "a"]}, {"Fn::Equals": [{"Ref": "Gone"}, "a"]}
    for assertions_of_rules in ((broken, faulty), (faulty, broken)):
        rules = {f"Rule{number}": {"Assertions": [{"Assert": each}]} for number, each in enumerate(assertions_of_rules)}
        body = {
            "Parameters": {"A": {"Type": "String"}},
            "Rules": rules,
            "Resources": {"R": {"Type": "AWS::SQS::Queue"}},
        }
        with pytest.raises(NotEvaluableError, match="Gone"):
            RootResources(from_bodies({"root": body})["root"]).breaks_rules({"A": "b"})
