"""Another application of this kind is another value of the facts: nothing else in the repository knows one."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from generator.application import APPLICATION
from generator.cfn.templates import from_bodies
from generator.gate import rules
from generator.gate.lint import lint
from generator.project import (
    FERNET,
    FILLED,
    GENERATED,
    AcceptedFinding,
    Choice,
    FactError,
    PageHost,
    Project,
    Reach,
    Secret,
    Table,
    Variable,
)
from generator.render import render
from tests.conftest import ROOT
from tests.support.projects import bare, shop


@cache
def files_of(project: Callable[[], Project]) -> Mapping[str, str]:
    return render(project()).files


def parsed(files: Mapping[str, str]) -> dict[str, Any]:
    return {name.removesuffix(".json"): json.loads(text) for name, text in files.items()}


def rendered(project: Project) -> dict[str, Any]:
    return parsed(render(project).files)


@pytest.fixture(scope="module")
def shop_templates() -> dict[str, Any]:
    return parsed(files_of(shop))


def resource(templates: dict[str, Any], address: str) -> dict[str, Any]:
    template, _, name = address.partition(".")
    properties: dict[str, Any] = templates[template]["Resources"][name]["Properties"]
    return properties


@pytest.mark.soak
@pytest.mark.slow  # cfn-lint over a whole set
@pytest.mark.parametrize("project", [shop, bare])
def test_another_application_renders_and_passes_the_lint(tmp_path: Path, project: Callable[[], Project]) -> None:
    folder = tmp_path / "templates"
    folder.mkdir()
    for name, text in files_of(project).items():
        (folder / name).write_text(text, encoding="utf-8")
    assert lint(tmp_path) == []


@pytest.mark.parametrize("project", [shop, pytest.param(bare, marks=pytest.mark.soak)])
def test_another_application_breaks_no_house_rule(project: Callable[[], Project]) -> None:
    assert rules.findings(from_bodies(parsed(files_of(project)))) == []


def test_nothing_of_the_dashboard_is_left_in_another_application() -> None:
    files = files_of(shop)
    whole = "".join(files.values())
    foreign = ("cloud-health", "Cloud Health", "CloudHealth", "REACT_APP", "8000", "CLIENTS_TABLE", "app.main", "Redis")
    for word in (
        *foreign,
        "JWT",
        "ENCRYPTION_KEY",
        "LOG_LEVEL",
        "SES_",
        "SendEmail",
        "EnterClientAccounts",
        "DASHBOARD",
    ):
        # The buildspecs are shared by all applications; Beanstalk's port 8000 and Create React App stand in them. The
        # access root may make what the types of the templates take, among them identities for mail.
        own = [
            name
            for name, text in files.items()
            if word in text and not (name == "build.json" and word in ("REACT_APP", "8000"))
        ]
        assert not own, word
    assert "VITE_API" in whole and "ORDERS" in whole


def test_only_one_module_knows_the_application() -> None:
    """What the facts say stands in no other module, script or buildspec: names of variables, tables, the title."""
    names = {variable.name for variable in APPLICATION.variables} | {table.name for table in APPLICATION.tables}
    names |= {table.variable for table in APPLICATION.tables} | {secret.name for secret in APPLICATION.secrets}
    names -= {"ENVIRONMENT", "DEBUG"}  # words of everybody
    names |= {APPLICATION.title, APPLICATION.client_secrets}
    files = [
        file
        for folder in ("generator", "scripts", "buildspecs")
        for file in sorted((ROOT / folder).rglob("*"))
        if file.suffix in (".py", ".yml", ".sh") and file != ROOT / "generator" / "application.py"
    ]
    assert len(files) > 100 and len(names) > 15
    known = {f"{file.relative_to(ROOT)}: {name}" for file in files for name in names if name in file.read_text("utf-8")}
    assert known <= {"scripts/cli.py: LOG_LEVEL"}  # an example in the help


def test_tables_have_the_keys_that_the_facts_give(shop_templates: dict[str, Any]) -> None:
    orders, goods = (resource(shop_templates, f"data.{name}") for name in ("Orders", "Goods"))
    assert orders["KeySchema"] == [
        {"AttributeName": "id", "KeyType": "HASH"},
        {"AttributeName": "created", "KeyType": "RANGE"},
    ]
    assert orders["AttributeDefinitions"] == [
        {"AttributeName": "id", "AttributeType": "S"},
        {"AttributeName": "created", "AttributeType": "N"},
        {"AttributeName": "day", "AttributeType": "N"},
    ]
    assert orders["GlobalSecondaryIndexes"][0]["KeySchema"][0] == {"AttributeName": "day", "KeyType": "HASH"}
    assert goods["KeySchema"] == [{"AttributeName": "sku", "KeyType": "HASH"}]


def test_variables_follow_what_the_environment_knows_and_chooses(shop_templates: dict[str, Any]) -> None:
    assert resource(shop_templates, "configuration.Mode")["Value"] == "production"
    assert resource(shop_templates, "configuration.Stage")["Value"] == {
        "Fn::Sub": "${Environment} in ${AWS::Region} at ${PublicUrl}"
    }
    size = shop_templates["environment"]["Parameters"]["PageSize"]
    assert (size["Default"], size["MinValue"], size["MaxValue"]) == ("20", 1, 100)
    search = shop_templates["configuration"]["Resources"]["Search"]
    assert search["Condition"] == "HasSearch"
    [task] = resource(shop_templates, "backend.Task")["ContainerDefinitions"]
    optional = [entry for entry in task["Secrets"] if "Fn::If" in entry]
    assert len(optional) == 5 and optional[0]["Fn::If"][0] == "HasSearch"


def test_secrets_come_from_the_stack_or_from_a_person(shop_templates: dict[str, Any]) -> None:
    assert resource(shop_templates, "configuration.SessionSecret")["GenerateSecretString"]["PasswordLength"] == 48
    filled = resource(shop_templates, "configuration.PaymentsSecret")
    assert "SecretString" not in filled and "GenerateSecretString" not in filled
    [task] = resource(shop_templates, "backend.Task")["ContainerDefinitions"]
    assert {"Name": "PAYMENTS_KEY", "ValueFrom": {"Ref": "PaymentsSecretArn"}} in task["Secrets"]
    assert "ExistingEncryptionSecretArn" not in shop_templates["environment"]["Parameters"]


def test_the_page_may_use_the_hosts_that_the_facts_name_with_a_reason(shop_templates: dict[str, Any]) -> None:
    headers = resource(shop_templates, "delivery.SecurityHeaders")["ResponseHeadersPolicyConfig"]
    text = headers["SecurityHeadersConfig"]["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    assert "script-src 'self' https://js.payments.example;" in text
    reasons = shop_templates["delivery"]["Metadata"]["PageHosts"]
    assert reasons == {"script-src https://js.payments.example": "the payment form is theirs"}
    # The same host without its reason is what the rule is for.
    del shop_templates["delivery"]["Metadata"]["PageHosts"]
    faults = [finding for finding in rules.findings(from_bodies(shop_templates)) if finding.rule == "NET010"]
    assert "https://js.payments.example" in faults[0].message


def test_an_application_does_only_what_its_facts_name(shop_templates: dict[str, Any]) -> None:
    def rights(templates: dict[str, Any]) -> set[str]:
        policies = resource(templates, "backend.TaskRole").get("Policies", [])
        return {
            statement["Sid"]
            for policy in policies
            for statement in policy.get("Fn::If", [0, policy])[1]["PolicyDocument"]["Statement"]
        }

    assert rights(shop_templates) == {"UseTables", "ListTables", "UseTableKey"}
    assert rights(rendered(bare())) == set()


def test_an_application_without_tables_has_no_child_for_them() -> None:
    templates = rendered(bare())
    root = templates["environment"]
    assert "Data" not in root["Resources"] and "NewTables" not in root["Conditions"]
    assert "DataTables" not in root["Parameters"] and "data" not in templates


OPEN = Choice("Thing", "Thing", "A thing", "", pattern="|x", rule="x, or empty")


@pytest.mark.parametrize(
    ("fact", "message"),
    [
        (lambda: Choice("thing", "T", "T", "x", allowed=("x",)), "Choice.parameter must be letters"),
        (lambda: Choice("Thing", "T", "T", "x"), "Choice.pattern must be the only one"),
        (lambda: Choice("Thing", "T", "T", "x", allowed=("x",), pattern="x", rule="x"), "must be the only one"),
        (lambda: Choice("Thing", "T", "T", "y", allowed=("x",)), "Choice.default must be a value"),
        (lambda: Choice("Thing", "T", "T", "5", between=(9, 1)), "Choice.between must be the smallest"),
        (lambda: Choice("Thing", "T", "T", "x", pattern="(", rule="x"), "Choice.pattern is not a regular expression"),
        (lambda: Choice("Thing", "T", "T", "x", pattern="x"), "Choice.rule must say"),
        (lambda: Variable("A", "A"), "Variable.value must be given"),
        (lambda: Variable("A", "A", "x", choice=OPEN), "Variable.value must be given"),
        (lambda: Variable("A", "A", "${AWS::AccountId}"), "Variable.value knows"),
        (lambda: Variable("A", "A", "x", optional=True), "Variable.optional needs a choice"),
        (lambda: Variable("A", "A", choice=OPEN), "Variable.optional must be True"),
        (lambda: Secret("A", "A", "BOUGHT", "why"), "Secret.kind must be GENERATED"),
        (lambda: Secret("A", "A", FERNET, "why"), "Secret.logical must be Encryption"),
        (lambda: Secret("A", "A", GENERATED, "why", length=3), "Secret.length must be between"),
        (lambda: PageHost("script-src", "http://x.test", "w"), "PageHost.origin must be an origin"),
        (lambda: PageHost("script-src", "https://x.test", ""), "PageHost.because must say"),
        (lambda: Table("A", "A", "Name", partition="id:X"), "Table.partition must be the name"),
        (lambda: Table("A", "A", "Name", partition="id:N", sort="id"), "gives the attribute id two types"),
        (lambda: dataclasses.replace(shop(), variables=()), "Project.variables must have one"),
        (lambda: AcceptedFinding("CVE-2026-1", " "), "AcceptedFinding.because must say why"),
        (lambda: AcceptedFinding("CVE-2026-1 CVE-2026-2", "x"), "AcceptedFinding.name must be the name of a finding"),
        (lambda: dataclasses.replace(shop(), client_secrets="no/slash"), "Project.client_secrets must be a prefix"),
        (lambda: dataclasses.replace(shop(), mail="MODE"), "Project.mail must name an optional variable"),
        (
            lambda: dataclasses.replace(shop(), reaches=(Reach("X", "X", 1, "X"),)),
            "Project.reaches must name an optional",
        ),
        (
            lambda: dataclasses.replace(shop(), secrets=(Secret("MODE", "Other", FILLED, "why"),)),
            "names something twice: MODE",
        ),
    ],
)
def test_a_fact_that_cannot_work_is_refused_by_name(fact: Callable[[], object], message: str) -> None:
    with pytest.raises(FactError, match=message):
        fact()


@pytest.mark.parametrize(
    ("variable", "is_taken"),
    [
        ("REACT_APP_KEYCLOAK_URL=https://login.test/auth", True),
        ("REACT_APP_KEYBOARD_LAYOUT=de", True),
        ("VITE_TOKEN_ENDPOINT=https://login.test/token", True),
        ("VITE_PASSWORD_MINIMUM=8", True),
        ("VITE_STRIPE_PUBLISHABLE_KEY=pk_live_1", True),
        ("VITE_RECAPTCHA_SITE_KEY=6Lc", True),
        ("VITE_TITLE=Our page; and more,VITE_A=", True),
        ("VITE_A=1, VITE_B=2", False),
        ("VITE_API_KEY=1", False),
        ("REACT_APP_SECRET=1", False),
        ("VITE_A=1,VITE_CLIENT_SECRETS=1", False),
        ("REACT_APP_GITHUB_TOKEN=1", False),
        ("VITE_DB_PASSWORD=1", False),
        ("VITE_KEY=1", False),
    ],
)
def test_a_public_variable_of_the_page_is_no_secret_because_of_its_words(variable: str, is_taken: bool) -> None:
    template = json.loads((ROOT / "templates" / "environment.json").read_text(encoding="utf-8"))
    pattern = template["Parameters"]["BuildVariables"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, variable)) is is_taken
