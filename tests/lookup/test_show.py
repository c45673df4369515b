"""`delivery show`: one environment's templates with every condition decided."""

from __future__ import annotations

import json

import pytest

from generator.cfn.graph import mentions
from scripts import cli


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert cli.main(["show", *words]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("environment", ["staging", "production", "beanstalk"])
def test_no_condition_is_left(environment: str, capsys: pytest.CaptureFixture[str]) -> None:
    bodies = json.loads(shown(capsys, environment, "--format", "json"))["result"]
    assert len(bodies) > 10
    for name, body in bodies.items():
        assert "Conditions" not in body and body["Resources"], name
        assert not [how for _, how, _, _ in mentions(body) if how == "Condition"], name
        assert not [resource for resource in body["Resources"].values() if "Condition" in resource], name


def test_one_stack_is_the_template_that_the_environment_gets(capsys: pytest.CaptureFixture[str]) -> None:
    body = json.loads(shown(capsys, "production", "Network"))
    kinds = [resource["Type"] for resource in body["Resources"].values()]
    assert kinds.count("AWS::EC2::NatGateway") == 2
    body = json.loads(shown(capsys, "staging", "Network"))
    kinds = [resource["Type"] for resource in body["Resources"].values()]
    assert kinds.count("AWS::EC2::NatGateway") == 1


def test_without_a_stack_the_stacks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    ecs, beanstalk = (shown(capsys, name) for name in ("staging", "beanstalk"))
    assert "\n  Backend  " in ecs and "Beanstalk" not in ecs
    assert "\n  Beanstalk  " in beanstalk and "\n  Backend  " not in beanstalk


def test_a_stack_that_is_not_there_is_told_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["show", "staging", "Bakend"]) == 64
    error = capsys.readouterr().err
    assert "The environment has no stack Bakend. Did you mean Backend?" in error and "Network" in error


def test_a_template_is_shown_as_templates_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["show", "staging", "Backend"]) == 0
    text = capsys.readouterr().out
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n"
