"""The application's configuration: listed beside the file, changed through it; secrets written and never shown."""

from __future__ import annotations

import io
import json
import shutil
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from generator.cfn.templates import STACK
from scripts.deployment import environment as parameters
from scripts.deployment.errors import Exit, NotConfirmedError, ParametersRefusedError, RefusedError, UsageError
from scripts.operations import configuration
from scripts.operations.run import Run
from scripts.operations.verbs import config
from scripts.terminal import results
from tests.conftest import ROOT
from tests.operations.golden import matches
from tests.support.runs import verb_options, verb_run
from tests.support.service import ACCOUNT, REGION, Prepared, arn, refusal

STAGING, TREE = "cloud-health-dashboard-staging", "/cloud-health/backend/staging"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
JWT = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:jwt-AbCdEf"
LIVE = {"LOG_LEVEL": "INFO", "DEBUG": "true", "FRONTEND_URL": "https://page.test"}


class Account(Prepared):
    """An environment that is there, with two nested stacks' worth of answers."""

    def __init__(self) -> None:
        parameters = [{"Name": f"{TREE}/{name}", "Type": "String", "Value": value} for name, value in LIVE.items()]
        event = {"StackId": arn("stack", STAGING), "StackName": STAGING, "EventId": "1", "Timestamp": NOW}
        nested = {"LogicalResourceId": "Configuration", "PhysicalResourceId": arn("stack", "child")}
        super().__init__(
            cloudformation__describe_stacks=self.stack,
            cloudformation__describe_stack_events={
                "StackEvents": [{**event, **nested, "ResourceType": STACK, "ResourceStatus": "CREATE_COMPLETE"}]
            },
            cloudformation__list_stack_resources={"StackResourceSummaries": []},
            ssm__get_parameters_by_path=lambda **request: (
                {"Parameters": parameters[1:]}
                if "NextToken" in request
                else {"Parameters": parameters[:1], "NextToken": "2"}
            ),
            secretsmanager__describe_secret={"CreatedDate": NOW, "VersionIdsToStages": {"v" * 32: ["AWSCURRENT"]}},
            secretsmanager__put_secret_value={},
            ecs__update_service={},
        )

    target = "ECS"

    def stack(self, StackName: str) -> dict[str, Any]:
        child = {"JwtSecretArn": JWT, "EncryptionSecretArn": JWT.replace("jwt", "key")}
        root = {"ConfigurationTree": TREE, "RunningCluster": "cluster", "RunningService": "service"}
        root |= {"LastImageParameter": "/image"} if self.target == "ECS" else {}
        outputs = child if "child" in StackName else root
        shown = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
        about = {"StackName": STAGING, "StackId": arn("stack", STAGING), "StackStatus": "UPDATE_COMPLETE"}
        return {"Stacks": [{**about, "CreationTime": NOW, "Outputs": shown}]}


@pytest.fixture
def params(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "params", tmp_path / "params")
    return tmp_path / "params"


def run(aws: Prepared, params: Path, **options: Any) -> Exit:
    roots = parameters.load("staging", ROOT / "templates", params)
    return config.run(replace(verb_run(aws, roots), params=params), verb_options(config, **options))


def test_what_is_there_is_listed_beside_what_the_file_says(params: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Account(), params) is Exit.CHANGES
    lines = capsys.readouterr().out.splitlines()
    words = {line.split()[0]: " ".join(line.split()[1:]) for line in lines}
    assert words["LOG_LEVEL"] == "INFO [LogLevel]"
    assert words["DEBUG"] == "true [Debug], the file says false: apply it"
    assert words["FRONTEND_URL"] == "https://page.test"
    assert words["METRICS_TABLE"] == "(not there) [MetricsTable]"
    assert words["JWT_SECRET_KEY"] == words["ENCRYPTION_KEY"] == "(a secret, set on 2026-11-23)"


def test_no_call_reads_a_secret(params: Path) -> None:
    aws = Account()
    run(aws, params)
    assert "secretsmanager.describe_secret" in aws.calls() and "secretsmanager.get_secret_value" not in aws.calls()


def test_a_value_is_changed_in_the_file_and_applied(
    params: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    applied: list[dict[str, str]] = []

    def done(run: Run, _: object) -> Exit:
        applied.append(dict(run.environment.file.parameters))
        return Exit.DONE

    monkeypatch.setattr(config, "deploy", done)
    before = json.loads((params / "staging.json").read_text(encoding="utf-8"))
    assert run(Account(), params, set=["LOG_LEVEL=DEBUG", "ClientsTable=Other"]) is Exit.DONE
    after = json.loads((params / "staging.json").read_text(encoding="utf-8"))
    assert after["Parameters"] == {**before["Parameters"], "LogLevel": "DEBUG", "ClientsTable": "Other"}
    assert list(after) == list(before) and after["Tags"] == before["Tags"]
    assert applied[0]["LogLevel"] == "DEBUG"
    assert run(Account(), params, set=["LOG_LEVEL=INFO"], edit_only=True) is Exit.DONE and len(applied) == 1
    capsys.readouterr()
    assert run(Account(), params, set=["LOG_LEVEL=INFO"], edit_only=True) is Exit.DONE
    assert run(Account(), params, set=["LOG_LEVEL=DEBUG", "ClientsTable=Third"], edit_only=True) is Exit.DONE
    file = params / "staging.json"
    assert capsys.readouterr().out.splitlines() == [
        f"{file} says so already",
        f"{file}: LogLevel = DEBUG",
        f"{file}: ClientsTable = Third",
    ]


SETTABLE = (
    "These are: CLIENTS_TABLE, COSTS_TABLE, DEBUG, DYNAMODB_TABLE_PREFIX, LOG_LEVEL, METRICS_COLLECTION_INTERVAL, "
    "METRICS_TABLE, RECOMMENDATIONS_TABLE, REDIS_URL, SECURITY_TABLE, SES_SENDER_EMAIL."
)
EXCHANGEABLE = "`--secret` exchanges JWT_SECRET_KEY, and signs everybody out who depends on it."


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (["LOG_LEVEL=LOUD"], ParametersRefusedError, "LogLevel = .* is not allowed"),
        (["FRONTEND_URL=x"], UsageError, f"^FRONTEND_URL is not decided by .*/staging.json.\n{SETTABLE}$"),
        (["NatGatewayCount=1"], UsageError, f"^NatGatewayCount is not decided by .*/staging.json.\n{SETTABLE}$"),
        (["LogLevel=INFO", "LOG_LEVEL", "X"], UsageError, "^--set takes KEY=VALUE, not LOG_LEVEL.$"),
        (["JWT_SECRET_KEY=x"], UsageError, f"^JWT_SECRET_KEY is a secret and is in no file.\n{EXCHANGEABLE}$"),
        (["REDIS_URL=redis://a:b@c"], ParametersRefusedError, "password"),
    ],
)
def test_a_wrong_change_leaves_the_file_as_it_was(
    params: Path, words: list[str], error: type[Exception], message: str
) -> None:
    before = (params / "staging.json").read_bytes()
    with pytest.raises(error, match=message):
        run(Account(), params, set=words)
    assert (params / "staging.json").read_bytes() == before
    assert sorted(file.name for file in params.iterdir()) == sorted(file.name for file in (ROOT / "params").iterdir())


def test_a_secret_is_written_and_the_tasks_replaced(
    params: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    value = "k" * 40
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{value}\n"))
    aws = Account()
    assert run(aws, params, secret="JWT_SECRET_KEY") is Exit.DONE
    written = dict(aws.asked)
    assert written["secretsmanager.put_secret_value"] == {"SecretId": JWT, "SecretString": value}
    assert written["ecs.update_service"] == {"cluster": "cluster", "service": "service", "forceNewDeployment": True}
    assert capsys.readouterr().out.splitlines() == [
        "JWT_SECRET_KEY is written; what runs keeps the old value until it is replaced",
        "service starts new tasks",
    ]


def test_nobody_who_gives_no_value_changes_a_secret(params: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    aws = Account()
    with pytest.raises(NotConfirmedError, match=r"^JWT_SECRET_KEY was not changed: nobody gave a value\.$"):
        run(aws, params, secret="JWT_SECRET_KEY")
    assert "secretsmanager.put_secret_value" not in aws.calls()


@pytest.mark.parametrize("length", [31, 32])
def test_a_secret_that_is_exchanged_has_32_characters_or_more(
    params: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("k" * length))
    aws = Account()
    if length < 32:
        with pytest.raises(UsageError, match=r"^JWT_SECRET_KEY needs 32 characters or more, and got 31\.$"):
            run(aws, params, secret="JWT_SECRET_KEY")
    else:
        assert run(aws, params, secret="JWT_SECRET_KEY") is Exit.DONE


def test_without_a_service_of_the_stacks_the_application_is_for_somebody_to_restart(
    params: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("k" * 40))
    aws = Account()
    described = aws.stack

    def stack(StackName: str) -> dict[str, Any]:
        [there] = described(StackName)["Stacks"]
        outputs = [each for each in there["Outputs"] if each["OutputKey"] != "RunningService"]
        return {"Stacks": [{**there, "Outputs": outputs}]}

    aws.answers["cloudformation.describe_stacks"] = stack
    assert run(aws, params, secret="JWT_SECRET_KEY") is Exit.DONE
    assert capsys.readouterr().out.splitlines()[1:] == ["restart the application to read it"]
    assert "ecs.update_service" not in aws.calls()


def test_on_elastic_beanstalk_the_next_release_reads_it(
    params: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("k" * 40))
    aws = Account()
    aws.target = "BEANSTALK"
    assert run(aws, params, secret="JWT_SECRET_KEY") is Exit.DONE
    assert "secretsmanager.put_secret_value" in aws.calls() and "ecs.update_service" not in aws.calls()
    assert capsys.readouterr().out.splitlines()[1:] == [
        "service reads it with the next release; to have one now: "
        "aws codepipeline start-pipeline-execution --name PIPELINE"
    ]


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("JWT_SECRET_KEY", "short", UsageError, "^JWT_SECRET_KEY needs 32 characters or more, and got 5.$"),
        (
            "ENCRYPTION_KEY",
            "k" * 44,
            RefusedError,
            f"^ENCRYPTION_KEY would make everything unreadable that it encrypted.\n{EXCHANGEABLE}$",
        ),
        ("LOG_LEVEL", "k" * 44, RefusedError, f"^LOG_LEVEL is not a secret.\n{EXCHANGEABLE}$"),
    ],
)
def test_a_secret_that_must_not_change(
    params: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, error: type[Exception], message: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(value))
    aws = Account()
    with pytest.raises(error, match=message):
        run(aws, params, secret=name)
    assert "secretsmanager.put_secret_value" not in aws.calls()


def test_two_environments_are_compared(params: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Prepared(), params, compare="production") is Exit.CHANGES
    lines = capsys.readouterr().out.splitlines()
    assert "TablePrefix: staging 'staging', production 'prod'" in lines
    assert not [line for line in lines if line.startswith("LogLevel")]
    assert run(Prepared(), params, compare="staging") is Exit.DONE


def test_an_environment_that_does_not_exist(params: Path) -> None:
    absent = Prepared(cloudformation__describe_stacks=refusal("x", "ValidationError", "it does not exist"))
    with pytest.raises(RefusedError, match="does not exist"):
        run(absent, params)


def test_every_variable_of_the_design_is_known() -> None:
    declared = configuration.declared(parameters.load("staging", ROOT / "templates", ROOT / "params")["environment"])
    assert {
        "ENVIRONMENT",
        "DEBUG",
        "LOG_LEVEL",
        "FRONTEND_URL",
        "CORS_ORIGINS",
        "DYNAMODB_TABLE_PREFIX",
    } <= declared.keys()
    assert declared["LOG_LEVEL"].parameter == "LogLevel" and declared["ENVIRONMENT"].parameter == ""


def test_as_a_person_has_read_it(params: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A secret was changed since it was made, and the other one has no value; what AWS has beside it is listed, too."""
    aws = Account()
    versions = [
        {
            "CreatedDate": NOW,
            "LastChangedDate": NOW + timedelta(days=1),
            "VersionIdsToStages": {"v" * 32: ["AWSCURRENT"]},
        },
        {"CreatedDate": NOW},
    ]
    others = [{"Name": f"{TREE}/FORMER", "Type": "String", "Value": "x"}]
    paged = aws.answers["ssm.get_parameters_by_path"]

    def listed(**request: Any) -> dict[str, Any]:
        page = paged(**request)
        return {**page, "Parameters": [*page["Parameters"], *(others if "NextToken" in request else [])]}

    aws.answers |= {"secretsmanager.describe_secret": [*versions, *versions], "ssm.get_parameters_by_path": listed}
    assert run(aws, params) is Exit.CHANGES
    shown = capsys.readouterr().out
    with results.document("config", "staging", RefusedError("interrupted")):
        run(aws, params)
    document = json.dumps(json.loads(capsys.readouterr().out)["result"], indent=1, sort_keys=True)
    matches("config.txt", f"{shown}\n--\n{document}\n")


def test_a_program_gets_what_differs_between_two_environments(params: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with results.document("config", "staging", RefusedError("interrupted")):
        run(Prepared(), params, compare="production")
    result = json.loads(capsys.readouterr().out)["result"]
    assert {"variable": "TablePrefix", "value": "staging", "other": "prod"} in result.pop("differences")
    assert result == {"variables": [], "plans": [], "operations": []}


def test_secrets_are_changed_in_production_by_its_deploy_role_alone(params: Path) -> None:
    roots = parameters.load("production", ROOT / "templates", params)
    aws = Account()
    aws.answers["sts.get_caller_identity"] = {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/me"}
    with pytest.raises(RefusedError, match=r"^production is deployed as its deploy role"):
        config.run(verb_run(aws, roots), verb_options(config, secret="JWT_SECRET_KEY"))
    assert "secretsmanager.put_secret_value" not in aws.calls()
