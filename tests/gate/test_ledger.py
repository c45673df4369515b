"""The permission ledger: a line for each permission, stable, readable again, and held against the reasons before."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from generator.application import APPLICATION
from generator.cfn.permissions import Permission, permissions
from generator.cfn.templates import TemplateSet, from_bodies, load
from generator.gate import reasons
from generator.gate.ledger import lines, markdown, narrowed, read
from generator.gate.reasons import findings, right_texts, unconfirmed
from generator.project import FILLED, Secret, Table, Variable
from generator.render import render

TEMPLATES = load(Path(__file__).parents[2] / "templates")
ROLE = "build.PublishRole"


def changed(change: Callable[[dict[str, Any], dict[str, Any]], object], sid: str = "ReadArtifacts") -> TemplateSet:
    """Our templates after a change of one statement of a role, and of the role's metadata."""
    bodies = TEMPLATES.bodies()
    role = bodies["build"]["Resources"]["PublishRole"]
    statements = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    [statement] = [statement for statement in statements if statement["Sid"] == sid]
    change(statement, role["Metadata"])
    return from_bodies(bodies)


def test_it_holds_every_permission_and_can_be_read_again() -> None:
    written = lines(TEMPLATES)
    assert len(written) > 400
    assert {permission.holder for permission in written} == {permission.holder for permission in permissions(TEMPLATES)}
    assert read(markdown(TEMPLATES)) == [replace(item, policy="") for item in written]


def test_where_it_is_the_same_no_permission_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    assert unconfirmed(narrowed(read(markdown(TEMPLATES)), TEMPLATES), lines(TEMPLATES)) == []
    monkeypatch.setattr(reasons, "unconfirmed", lambda *_: pytest.fail("nothing has to be compared"))
    assert findings(markdown(TEMPLATES), TEMPLATES) == []


def test_what_nobody_can_read_says_nothing() -> None:
    assert read("") == []
    assert read("<<<<<<< ours\n| a | b |\n## x\n| --- | --- |\n=======\n") == []


def test_one_action_more_is_one_line_more() -> None:
    after = changed(lambda item, _: item["Action"].append("s3:GetObjectTagging"))
    before, now = markdown(TEMPLATES).splitlines(), markdown(after).splitlines()
    [line] = [item for item in now if item not in before]
    assert [item for item in now if item != line] == before
    assert "s3:GetObjectTagging" in line


def test_its_order_is_its_own() -> None:
    def turn(_statement: dict[str, Any], metadata: dict[str, Any]) -> None:
        metadata["Reasons"] = dict(reversed(metadata["Reasons"].items()))

    assert markdown(changed(turn)) == markdown(TEMPLATES)
    assert markdown(changed(lambda item, _: item["Action"].reverse())) == markdown(TEMPLATES)


def reason(text: str, *actions: str) -> Callable[[dict[str, Any], dict[str, Any]], object]:
    """The statement with actions more, and this reason."""

    def change(item: dict[str, Any], metadata: dict[str, Any]) -> None:
        item["Action"] += actions or ["s3:DeleteObject"]
        metadata["Reasons"][item["Sid"]] = text

    return change


@cache
def standing() -> list[Permission]:
    """The permissions of our ledger as its text has them."""
    return read(markdown(TEMPLATES))


def unexplained(before: Sequence[Permission], after: Sequence[Permission]) -> list[Permission]:
    return [broadening.permission for broadening in unconfirmed(before, after)]


@pytest.mark.parametrize(
    ("change", "result"),
    [
        (lambda item, _: item["Action"].append("s3:DeleteObject"), "s3:DeleteObject"),
        (lambda item, _: item["Resource"].append("*"), "s3:GetObject"),
        (lambda item, _: item.update(Resource=["arn:aws:s3:::*"]), "s3:GetObject"),
        (lambda item, _: item["Action"].remove("s3:GetObject"), ""),
        (lambda item, _: item.update(Condition={"Bool": {"aws:SecureTransport": True}}), ""),
        (reason("it deletes what it has published"), "s3:DeleteObject"),
        (reason("it deletes what it has published, so s3:DeleteObjectVersion"), "s3:DeleteObject"),
        (reason("what it has published goes again: s3:DeleteObject"), ""),
        (reason("s3:DeleteObject", "s3:DeleteObject", "s3:PutObjectAcl"), "s3:PutObjectAcl"),
    ],
)
def test_what_is_broader_needs_a_reason_that_names_it(change: Callable[..., object], result: str) -> None:
    more = unexplained(standing(), lines(changed(change)))
    assert {permission.holder for permission in more} == ({ROLE} if result else set())
    assert not result or result in {action for permission in more for action in permission.actions}


def test_one_statement_gives_one_finding_with_its_line_and_what_it_takes() -> None:
    def change(item: dict[str, Any], metadata: dict[str, Any]) -> None:
        item["Action"] += ["s3:DeleteObject", "s3:PutObjectAcl"]
        item["Resource"].append("arn:aws:s3:::elsewhere/*")
        metadata["Reasons"][item["Sid"]] = "other words"

    [finding] = findings(markdown(TEMPLATES), changed(change))
    assert (finding.where, finding.rule) == (ROLE, "REASON")
    assert re.match(r"ReadArtifacts \(generator/[\w/]+\.py:\d+\) now also allows", finding.message)
    assert all(text in finding.message for text in ("s3:DeleteObject", "s3:PutObjectAcl", "arn:aws:s3:::elsewhere/*"))
    assert finding.fix.endswith("has to name s3:DeleteObject, elsewhere/*, s3:PutObjectAcl")


@pytest.mark.parametrize(
    ("resource", "text"),
    [
        ("*", "*"),
        ("arn:aws:s3:::shop/*", "shop/*"),
        ("arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:*", "secret:*"),
        ("arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${OrdersTable}", "OrdersTable"),
        ("${OrdersTableArn}/index/*", "OrdersTable"),
        ("${Bucket.Arn}/*", "Bucket"),
        ("arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter${Prefix}/ORDERS", "ORDERS"),
        ("arn:aws:s3:::${Prefix}-files/*", "files/*"),
        ("arn:aws:s3:::${Prefix}", "${Prefix}"),
        ("arn:aws:sns:${AWS::Region}:1:${Prefix}-alarms", "alarms"),
        ("arn:aws:s3:::shop/", "shop"),
    ],
)
def test_a_resource_is_named_as_people_name_it(resource: str, text: str) -> None:
    before = Permission("h", "identity", "", "S", "Allow", actions=("a:B",), resources=("${Prefix}/x", "${Key.Arn}"))
    assert right_texts(replace(before, resources=(resource,)), [before]) == (text,)


@pytest.mark.parametrize(("number", "end"), [(6, "a:B5 on"), (7, "a:B5 and 1 more on"), (9, "a:B5 and 3 more on")])
def test_a_finding_names_six_actions_and_counts_the_others(number: int, end: str) -> None:
    bodies = TEMPLATES.bodies()
    [statement] = [
        statement
        for statement in bodies["build"]["Resources"]["PublishRole"]["Properties"]["Policies"][0]["PolicyDocument"][
            "Statement"
        ]
        if statement["Sid"] == "ReadArtifacts"
    ]
    statement["Action"] = [*statement["Action"], *(f"a:B{place}" for place in range(number))]
    [finding] = findings(markdown(TEMPLATES), from_bodies(bodies))
    assert f"now also allows a:B0, a:B1, a:B2, a:B3, a:B4, {end} " in finding.message


def test_a_new_statement_explains_itself_by_a_reason_of_its_own() -> None:
    def add(own: str) -> TemplateSet:
        bodies = TEMPLATES.bodies()
        role = bodies["build"]["Resources"]["PublishRole"]
        statement = {"Sid": "Clean", "Effect": "Allow", "Action": ["s3:DeleteObject"], "Resource": ["*"]}
        role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].append(statement)
        role["Metadata"]["Reasons"]["Clean"] = own or role["Metadata"]["Reasons"]["ReadArtifacts"]
        return from_bodies(bodies)

    assert findings(markdown(TEMPLATES), add("old objects go")) == []
    assert len(findings(markdown(TEMPLATES), add(""))) == 1


def test_one_more_fact_is_in_the_reasons_already() -> None:
    """A table, a secret and a variable need no other edit: the reasons of what they take follow from the facts."""
    more = replace(
        APPLICATION,
        tables=(*APPLICATION.tables, Table("ORDERS_TABLE", "Orders", "Orders")),
        secrets=(*APPLICATION.secrets, Secret("PAYMENTS_KEY", "Payments", FILLED, "Pays.")),
        variables=(*APPLICATION.variables, Variable("SHOP", "ShopName", "corner")),
    )
    rendered = {name.removesuffix(".json"): json.loads(text) for name, text in render(more).files.items()}
    assert findings(markdown(TEMPLATES), from_bodies(rendered)) == []


def test_a_condition_that_is_gone_is_found() -> None:
    more = unexplained(lines(TEMPLATES), lines(changed(lambda item, _: item.pop("Condition"), "UseArtifactKey")))
    assert {permission.holder for permission in more} == {ROLE}


def test_a_condition_that_is_gone_is_named_by_its_key() -> None:
    change: Callable[..., object] = lambda item, _: item.pop("Condition")  # noqa: E731
    [finding] = findings(markdown(TEMPLATES), changed(change, "UseArtifactKey"))
    assert finding.fix.endswith("has to name kms:ViaService")


def test_a_deny_that_is_narrower_is_found_and_one_that_is_gone_is_a_line_less() -> None:
    bodies = TEMPLATES.bodies()
    policy = bodies["access"]["Resources"]["ApprovalProtection"]["Properties"]["PolicyDocument"]
    policy["Statement"][0]["Action"].remove("codepipeline:RollbackStage")
    more = unexplained(lines(TEMPLATES), lines(from_bodies(bodies)))
    assert {action for permission in more for action in permission.actions} == {"codepipeline:RollbackStage"}
    del bodies["access"]["Resources"]["ApprovalProtection"]
    assert unexplained(lines(TEMPLATES), lines(from_bodies(bodies))) == []


def test_what_is_permitted_less_often_is_not_new() -> None:
    """A condition that holds only where the old one does is no broadening; one that holds elsewhere too is."""
    before = [replace(line, when=("Backend",)) for line in lines(TEMPLATES) if line.when == ("OnEcs",)]
    holders = {permission.holder for permission in before}
    after = [line for line in lines(TEMPLATES) if line.holder in holders and line.when == ("OnEcs",)]
    assert "pipeline.PipelineRole" in holders and unexplained(before, after) != []
    assert unexplained(narrowed(before, TEMPLATES), after) == []
    frontend = [replace(item, when=("Frontend",)) for item in before]
    assert len(unexplained(narrowed(frontend, TEMPLATES), after)) == len(after)
