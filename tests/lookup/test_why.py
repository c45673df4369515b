"""`delivery why NAME`: where it is made, why, who depends on it, what changing it does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from generator.cfn.permissions import Condition, Permission
from generator.cfn.schemas import SchemasError
from generator.cfn.templates import load
from scripts import cli
from scripts.lookup import why


def facts(capsys: pytest.CaptureFixture[str], name: str) -> list[dict[str, str]]:
    assert cli.main(["why", name, "--format", "json"]) == 0
    answers = json.loads(capsys.readouterr().out)["result"]
    return [{**{fact["title"]: fact["text"] for fact in answer["facts"]}, "is": answer["name"]} for answer in answers]


@pytest.mark.parametrize("name", ["Data.Clients", "data.Clients", "Clients"])
def test_a_resource_by_every_name_that_people_use(
    name: str, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [table] = facts(capsys, name)
    assert table["is"] == "data.Clients"
    assert table["replaced by"] == "a change of TableName"
    assert "RetainExceptOnCreate" in table["kept"]
    file, _, place = table["made in"].partition("; rendered to ")
    source, number = file.split(":")
    assert (repository / source).is_file() and int(number) > 0
    rendered, number = place.split(":")
    assert '"Clients": {' in (repository / rendered).read_text(encoding="utf-8").splitlines()[int(number) - 1]
    assert "Backend" in table["given on"] and "Configuration" in table["given on"]


@pytest.mark.slow
def test_every_resource_has_an_answer_with_its_line(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    resources = list(load(repository / "templates").resources())
    assert len(resources) > 150
    for resource in resources[:: len(resources) // 12]:
        [answer] = facts(capsys, resource.address)
        assert answer["purpose"] == resource.description
        assert f"templates/{resource.template}.json:" in answer["made in"]


def test_a_parameter_with_its_choices_and_where_it_is_set(capsys: pytest.CaptureFixture[str]) -> None:
    [parameter] = facts(capsys, "TaskCpu")
    assert parameter["valid"] == "256, 512, 1024, 2048, 4096"
    assert "production = 512" in parameter["set in"]
    assert parameter["used by"] == "Backend"


def test_a_parameter_says_what_changing_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    """The same sentences as the page of the parameters, a plan and a review have."""
    assert cli.main(["why", "NatGatewayCount"]) == 0
    out = capsys.readouterr().out
    assert "changing it  raised: An address and a gateway are added" in out
    assert "changing it  lowered: The route of the second zone moves to the first gateway" in out
    assert out.count("Way back: ") == 2
    [parameter] = facts(capsys, "VpcCidr")
    assert parameter["changing it"].startswith("any other value: refused: ")


@pytest.mark.parametrize(
    ("parameter", "changes"),
    [
        (
            "ExistingEncryptionSecretArn",
            [
                "any other value while BackendTarget is NONE",
                "when it is set while BackendTarget was NONE",
                "any other value",
            ],
        ),
        ("TaskCpu", ["any other value while BackendTarget is BEANSTALK or NONE", "any other value"]),
        ("NatGatewayCount", ["raised", "lowered"]),
    ],
)
def test_a_change_is_named_with_what_else_has_to_be_so(
    capsys: pytest.CaptureFixture[str], parameter: str, changes: list[str]
) -> None:
    assert cli.main(["why", parameter]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    changed = [line.removeprefix("changing it").strip() for line in lines if line.startswith("changing it")]
    assert [line.partition(":")[0] for line in changed] == changes


def test_a_resource_says_what_it_costs_in_each_environment(capsys: pytest.CaptureFixture[str]) -> None:
    """As `delivery cost` computes it: 730 hours of a NAT gateway; the second one is production's alone."""
    [gateway] = facts(capsys, "network.NatB")
    assert gateway["costs"] == "US dollars a month, before what is free: 32.85 in bluegreen, production"
    [alarm] = facts(capsys, "beanstalk.EnvironmentHealth")
    assert alarm["costs"] == "US dollars a month, before what is free: 0.10 in beanstalk"
    [role] = facts(capsys, "build.PushRole")
    assert role["costs"] == "nothing by itself"
    [second] = facts(capsys, "access.DeployRole")
    assert second["costs"].startswith("nothing")


def test_a_computed_parameter_says_who_computes_it(capsys: pytest.CaptureFixture[str]) -> None:
    [parameter] = facts(capsys, "BackendImage")
    assert parameter["value"].startswith("computed by the deploy script")


def test_a_permission_with_every_role_that_has_it_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    answers = facts(capsys, "codepipeline:PutApprovalResult")
    assert {"access.ApproverRole"} <= {answer["is"] for answer in answers}
    assert all(answer["reason"] for answer in answers)


@pytest.mark.parametrize(
    ("permission", "facts"),
    [
        (
            Permission("a.B", "identity", "P", "S", "Allow", actions=("s3:Get*", "s3:List*"), resources=("x", "y")),
            [
                ("allows", "s3:Get*, s3:List*"),
                ("on", "x, y"),
                ("reason", "none written: it follows from the kind of policy"),
            ],
        ),
        (
            Permission(
                *("a.B", "resource", "P", "S", "Deny"),
                principals=("*", "AWS:x"),
                not_actions=("iam:Get*", "sts:*"),
                conditions=(Condition("StringEquals", "a:b", ("c", "d")), Condition("Bool", "e:f", ("true",))),
                when=("HasA", "not HasB"),
                reason="so",
            ),
            [
                ("denies", "all but iam:Get*, sts:*"),
                ("for", "*, AWS:x"),
                ("if", "a:b StringEquals c, d and e:f Bool true"),
                ("when", "HasA, not HasB"),
                ("reason", "so"),
            ],
        ),
    ],
)
def test_a_statement_in_words(permission: Permission, facts: list[tuple[str, str]]) -> None:
    assert [(fact.title, fact.text) for fact in why._permission(permission)] == facts


def test_a_requirement_with_its_resources_and_its_proof(capsys: pytest.CaptureFixture[str]) -> None:
    [row] = facts(capsys, "BLD-8")
    assert "registry.Images" in row["resources"] and "tests/" in row["proof"]


def test_what_is_nowhere_is_told_with_what_is_alike(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["why", "Cliets"]) == 64
    error = capsys.readouterr().err
    assert "There is nothing called Cliets in the templates." in error and "Clients" in error


def test_without_the_schemas_nobody_knows_what_replaces_a_resource(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(_: str) -> None:
        raise SchemasError("cfn-lint is not installed")

    monkeypatch.setattr(why, "create_only", fails)
    assert cli.main(["why", "Data.Clients"]) == 3
    assert capsys.readouterr().err == "cfn-lint is not installed\nRun `make templates`.\n"
