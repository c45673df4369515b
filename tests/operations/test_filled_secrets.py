"""A secret that a person gives: asked for after the deployment, missed by preflight, written once and never shown."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from generator.cfn.stacks import Stack
from generator.cfn.templates import STACK
from generator.render import render
from scripts.deployment import environment, stacks
from scripts.deployment.errors import Exit, RefusedError
from scripts.operations import configuration
from scripts.operations.preflight import source
from scripts.operations.preflight.check import Survey
from scripts.operations.verbs import apply, config
from tests.conftest import ROOT
from tests.support.projects import shop
from tests.support.runs import verb_options, verb_run
from tests.support.service import ACCOUNT, ME, REGION, Prepared, arn

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NAME = "corner-shop-staging"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:payments-AbCdEf"


class Account(Prepared):
    """The shop, deployed, with a secret that has the versions given."""

    def __init__(self, versions: dict[str, list[str]]) -> None:
        nested = {"LogicalResourceId": "Configuration", "PhysicalResourceId": arn("stack", "child")}
        event = {"StackId": arn("stack", NAME), "StackName": NAME, "EventId": "1", "Timestamp": NOW}
        created = {"ResourceType": STACK, "ResourceStatus": "CREATE_COMPLETE"}
        super().__init__(
            cloudformation__describe_stacks=self.stack,
            cloudformation__describe_stack_events={"StackEvents": [{**event, **nested, **created}]},
            cloudformation__list_stack_resources={"StackResourceSummaries": []},
            secretsmanager__describe_secret={"CreatedDate": NOW, "VersionIdsToStages": versions},
            secretsmanager__put_secret_value={},
            ecs__update_service={},
        )

    def stack(self, StackName: str) -> dict[str, Any]:
        outputs = {
            "ConfigurationTree": "/shop",
            "RunningCluster": "c",
            "RunningService": "s",
            "LastImageParameter": "/i",
        }
        if "child" in StackName:
            outputs = {"SessionSecretArn": SECRET.replace("payments", "session"), "PaymentsSecretArn": SECRET}
        shown = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
        about = {"StackName": NAME, "StackId": arn("stack", NAME), "StackStatus": "UPDATE_COMPLETE"}
        return {"Stacks": [{**about, "CreationTime": NOW, "Outputs": shown}]}


FULL, EMPTY = {"v" * 32: ["AWSCURRENT"]}, dict[str, list[str]]()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Templates and one parameter file of the shop."""
    folder = tmp_path_factory.mktemp("shop")
    for name in ("templates", "params"):
        (folder / name).mkdir()
    for name, text in render(shop()).files.items():
        (folder / "templates" / name).write_text(text, encoding="utf-8")
    known = json.loads((folder / "templates/environment.json").read_text(encoding="utf-8"))["Parameters"]
    for name in ("staging", "shared"):
        body = json.loads((ROOT / f"params/{name}.json").read_text(encoding="utf-8"))
        if name == "staging":
            parameters = {key: value for key, value in body["Parameters"].items() if key in known}
            body["Parameters"] = {**parameters, "OrdersTable": "ShopOrders", "GoodsTable": "ShopGoods"}
        (folder / f"params/{name}.json").write_text(json.dumps(body), encoding="utf-8")
    return folder


def run(aws: Prepared, folder: Path, **options: Any) -> Exit:
    roots = environment.load("staging", folder / "templates", folder / "params")
    return config.run(replace(verb_run(aws, roots), params=folder / "params"), verb_options(config, **options))


def test_the_templates_say_who_gives_a_secret(folder: Path) -> None:
    roots = environment.load("staging", folder / "templates", folder / "params")
    declared = configuration.declared_secrets(roots["environment"])
    assert {name: secret.source for name, secret in declared.items()} == {
        "SESSION": configuration.Source.GENERATED,
        "PAYMENTS_KEY": configuration.Source.FILLED,
    }


@pytest.mark.parametrize(("versions", "unfilled"), [(EMPTY, ["PAYMENTS_KEY"]), (FULL, [])])
def test_a_secret_without_a_value_is_missed(folder: Path, versions: dict[str, list[str]], unfilled: list[str]) -> None:
    roots = environment.load("staging", folder / "templates", folder / "params")
    aws = Account(versions)
    stack = stacks.read(aws, NAME)
    assert stack and configuration.unfilled(aws, roots["environment"], stack) == unfilled
    checks = list(source.filled_secrets(Survey(aws, ME, roots, True, ROOT)))
    assert [check.what for check in checks] == [f"secret {name}" for name in unfilled]


def test_a_person_gives_it_and_it_may_be_short(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("sk_1\n"))
    aws = Account(EMPTY)
    assert run(aws, folder, secret="PAYMENTS_KEY") is Exit.DONE
    assert dict(aws.asked)["secretsmanager.put_secret_value"] == {"SecretId": SECRET, "SecretString": "sk_1"}
    assert "sk_1" not in capsys.readouterr().out


def test_the_refusal_of_another_names_what_can_be_given(folder: Path) -> None:
    with pytest.raises(RefusedError, match="gives the value of PAYMENTS_KEY; `--secret` exchanges SESSION"):
        run(Account(FULL), folder, secret="MODE")


@pytest.mark.parametrize("ends", [Exit.DONE, Exit.FAILED])
@pytest.mark.parametrize("there", [True, False])
def test_after_a_deployment_each_secret_without_a_value_is_told_with_its_command(
    there: bool, ends: Exit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = Stack(NAME, arn("stack", NAME), "UPDATE_COMPLETE") if there else None
    asked_for: list[Any] = []

    def unfilled(*arguments: Any) -> list[str]:
        asked_for.append(arguments)
        return ["A", "B"]

    monkeypatch.setattr(apply, "deploy", lambda *_: ends)
    monkeypatch.setattr(stacks, "read", lambda *_: stack)
    monkeypatch.setattr(configuration, "unfilled", unfilled)
    run = verb_run(Prepared(), environment.load("staging", ROOT / "templates", ROOT / "params"))
    assert apply.run(run, verb_options(apply)) is ends
    done = there and ends is Exit.DONE
    assert asked_for == ([(run.aws, run.environment, stack)] if done else [])
    assert capsys.readouterr().out.splitlines() == [
        f"{name} has no value, and no task starts without it: `delivery config staging --secret {name}`"
        for name in ("A", "B")
        if done
    ]
