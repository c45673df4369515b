"""Clients' secrets that have the same names in every environment: an account takes one environment, or has a reason."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from generator.application import APPLICATION
from generator.cfn.environments import Environment
from generator.cfn.templates import Template
from generator.render import render
from scripts.deployment.aws import Endpoint, Identity
from scripts.deployment.environment import load
from scripts.deployment.errors import ParametersRefusedError, RefusedError
from scripts.operations import client_secrets
from scripts.operations.preflight import source
from scripts.operations.preflight.check import State, Survey
from tests.conftest import ROOT
from tests.support.service import ACCOUNT, Prepared

NAME = "cloud-health-dashboard"
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
TEMPLATES = ROOT / "templates"
NONE: Mapping[str, str] = {}
REASON = "both environments belong to one team, and hold credentials of test accounts alone"


def account(*names: str) -> Prepared:
    """An account with stacks of these names."""
    stacks = [{"StackName": name, "CreationTime": NOW, "StackStatus": "CREATE_COMPLETE"} for name in names]
    return Prepared(
        cloudformation__list_stacks={"StackSummaries": stacks}, secretsmanager__list_secrets={"SecretList": []}
    )


def roots(
    folder: Path, parameters: Mapping[str, str] = NONE, templates: Path = ROOT / "templates"
) -> dict[str, Environment]:
    """Production's, with other parameters in its file."""
    for name in ("shared", "production"):
        body = json.loads((ROOT / f"params/{name}.json").read_text(encoding="utf-8"))
        body["Parameters"] |= parameters if name == "production" else {}
        (folder / f"{name}.json").write_text(json.dumps(body), encoding="utf-8")
    return load("production", templates, folder)


STAGING = (f"{NAME}-staging", f"{NAME}-staging-Backend-1ABC", f"{NAME}-shared", f"{NAME}-production-access")


def test_a_second_environment_of_the_account_is_refused(tmp_path: Path) -> None:
    aws = account(*STAGING, f"{NAME}-demo")
    with pytest.raises(RefusedError) as refused:
        client_secrets.check(aws, roots(tmp_path))
    assert (refused.value.reason, refused.value.remedy) == (
        "The application keeps its clients' secrets as cloud-health/... in every environment, so that production and "
        "demo, staging of this account could read each other's; nothing has happened.",
        "Deploy production to an account of its own, or say in AccountSharedBecause of its parameter file why they "
        "may.",
    )
    [(_, request)] = aws.asked
    assert "DELETE_COMPLETE" not in request["StackStatusFilter"] and len(request["StackStatusFilter"]) > 20
    aws.endpoint = Endpoint("http://localhost:1", "eu-west-1")
    client_secrets.check(aws, roots(tmp_path))  # the local AWS holds nobody's


@pytest.mark.parametrize(
    ("there", "parameters"),
    [
        (STAGING[2:], {}),  # itself, with what is shared
        ((f"{NAME}2-staging", "another-staging"), {}),
        (STAGING, {"AccountSharedBecause": REASON}),
        (STAGING, {"BackendTarget": "NONE"}),
    ],
)
def test_one_environment_alone_or_with_a_reason_or_without_a_backend_is_not(
    tmp_path: Path, there: tuple[str, ...], parameters: dict[str, str]
) -> None:
    client_secrets.check(account(*there), roots(tmp_path, parameters))


def test_an_application_whose_names_hold_the_environment_is_kept_apart_by_its_policy(tmp_path: Path) -> None:
    own = dataclasses.replace(APPLICATION, client_secrets="cloud-health/${Environment}/")
    templates = tmp_path / "templates"
    templates.mkdir()
    for name, text in render(own).files.items():
        (templates / name).write_text(text, encoding="utf-8")
    for backend in ("backend", "beanstalk"):
        text = (templates / f"{backend}.json").read_text(encoding="utf-8")
        assert "secret:cloud-health/${Environment}/*" in text and "secret:cloud-health/*" not in text
    environment = json.loads((templates / "environment.json").read_text(encoding="utf-8"))
    assert "ClientSecrets" not in environment["Metadata"]
    assert "AccountSharedBecause" not in environment["Parameters"]
    client_secrets.check(account(*STAGING), roots(tmp_path, templates=templates))


@pytest.mark.parametrize(
    ("there", "parameters", "state"),
    [(STAGING, {}, State.ERROR), (STAGING, {"AccountSharedBecause": REASON}, State.WARNING), ((), {}, State.GOOD)],
)
def test_preflight_says_so_before(
    tmp_path: Path, there: tuple[str, ...], parameters: dict[str, str], state: State
) -> None:
    me = Identity(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/me")
    survey = Survey(account(*there), me, roots(tmp_path, parameters), True, ROOT)
    check, *_ = source.apart(survey)
    assert check.state is state and "cloud-health/" in check.detail


def secret(name: str, **tags: str) -> dict[str, Any]:
    """A secret as ListSecrets has it."""
    return {"Name": name, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def tagged(folder: Path) -> dict[str, Environment]:
    """Production's roots, of an application that gives its clients' secrets the tags of their environment."""
    own = dataclasses.replace(APPLICATION, client_secrets_tagged=True)
    templates = folder / "templates"
    templates.mkdir()
    for name, text in render(own).files.items():
        (templates / name).write_text(text, encoding="utf-8")
    return roots(folder, templates=templates)


def test_an_application_that_tags_its_clients_secrets_needs_no_reason_and_its_roles_ask_for_the_tags(
    tmp_path: Path,
) -> None:
    mine = tagged(tmp_path)
    client_secrets.check(account(*STAGING), mine)
    assert "AccountSharedBecause" not in mine["environment"].root.parameters
    for backend, role in (("backend", "TaskRole"), ("beanstalk", "InstanceRole")):
        body = json.loads((tmp_path / f"templates/{backend}.json").read_text(encoding="utf-8"))
        [policy, *_] = body["Resources"][role]["Properties"]["Policies"]
        statements = {each["Sid"]: each for each in policy["PolicyDocument"]["Statement"] if "Sid" in each}
        make, keep = statements["MakeClientSecrets"], statements["KeepClientSecrets"]
        assert make["Action"] == ["secretsmanager:CreateSecret", "secretsmanager:TagResource"]
        own = {"Ref": "Environment"}
        requested = {"aws:RequestTag/Application": NAME, "aws:RequestTag/Environment": own}
        there = {"aws:ResourceTag/Application": NAME, "aws:ResourceTag/Environment": own}
        assert make["Condition"] == {"StringEquals": requested, "StringEqualsIfExists": there}
        assert "secretsmanager:GetSecretValue" in keep["Action"] and keep["Condition"] == {"StringEquals": there}


def test_secrets_are_told_apart_by_their_tags_where_an_environment_with_a_backend_says_so(tmp_path: Path) -> None:
    mine = tagged(tmp_path)
    without = roots(tmp_path, {"BackendTarget": "NONE"}, tmp_path / "templates")
    assert client_secrets.tagged_prefix(mine["environment"]) == "cloud-health/"
    assert client_secrets.tagged_prefix(mine["shared"]) == client_secrets.prefix(mine["shared"]) == ""
    assert client_secrets.tagged_prefix(without["environment"]) == client_secrets.prefix(without["environment"]) == ""
    plain = roots(tmp_path)
    assert client_secrets.tagged_prefix(plain["environment"]) == client_secrets.prefix(mine["environment"]) == ""
    # Both are said of the template of environments alone, whatever another root carries.
    for root in (mine["shared"], mine["edge"]):
        named = Template(root.root.name, mine["environment"].root.body)
        assert client_secrets.tagged_prefix(dataclasses.replace(root, root=named)) == ""


def test_preflight_names_the_clients_secrets_without_tags_and_the_command_that_gives_them(tmp_path: Path) -> None:
    """Those that are there before the application's version that gives tags; with a reason to share, all of them."""
    whole = secret("cloud-health/b", Application=NAME, Environment="production")
    secrets = [secret("cloud-health/it's", Environment="x"), secret("cloud-health/a"), whole, secret("cloud-healthy/c")]
    me = Identity(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/me")
    stacks = {"StackSummaries": [{"StackName": STAGING[0], "CreationTime": NOW, "StackStatus": "CREATE_COMPLETE"}]}
    answers = {"cloudformation__list_stacks": stacks, "secretsmanager__list_secrets": {"SecretList": secrets}}
    checks = list(source.apart(Survey(Prepared(**answers), me, tagged(tmp_path), True, ROOT)))
    assert [(each.what, each.state) for each in checks] == [
        ("secret cloud-health/a", State.ERROR),
        ("secret cloud-health/it's", State.ERROR),
    ]
    command = (
        "aws secretsmanager tag-resource --secret-id cloud-health/a "
        f"--tags Key=Application,Value={NAME} Key=Environment,Value=production"
    )
    assert f"`{command}`" in checks[0].remedy and "'cloud-health/it'\"'\"'s'" in checks[1].remedy
    mine = roots(tmp_path, {"AccountSharedBecause": REASON})
    checks = list(source.apart(Survey(Prepared(**answers), me, mine, True, ROOT)))
    assert [each.state for each in checks] == [State.WARNING] * 3 and "may read it" in checks[1].detail
    answers["secretsmanager__list_secrets"] = {"SecretList": [whole]}
    checks = list(source.apart(Survey(Prepared(**answers), me, mine, True, ROOT)))
    assert [each.state for each in checks] == [State.WARNING, State.GOOD]


def test_tags_are_for_an_application_that_keeps_secrets_for_clients() -> None:
    with pytest.raises(ValueError, match="client_secrets_tagged"):
        dataclasses.replace(APPLICATION, client_secrets="", client_secrets_tagged=True)


def test_a_reason_is_for_an_environment_with_a_backend(tmp_path: Path) -> None:
    with pytest.raises(ParametersRefusedError):
        roots(tmp_path, {"BackendTarget": "NONE", "AccountSharedBecause": REASON})
