"""What a person answers on a terminal, in each question: no is no, and so is the end of the input."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from scripts.local_aws.faults import CallFault, ResourceFault
from tests.support.accounts import ACCOUNT, REGION, Account, policy
from tests.support.terminal import converse

CHANGE = f"in account {ACCOUNT}, {REGION}? (yes/no) "
BROADER = "More permissions are allowed, as shown. Is that intended? (yes/no) "
EXECUTE, DELETE = "cloudformation.ExecuteChangeSet", "cloudformation.DeleteStack"


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param("no\n", id="no", marks=pytest.mark.soak),
        pytest.param("y\n", id="not a whole yes"),
        pytest.param("\n", id="nothing", marks=pytest.mark.soak),
        pytest.param("\x04", id="Ctrl-D"),
    ],
)
def test_without_a_yes_nothing_is_changed(mine: Account, typed: str) -> None:
    before = mine.note()
    mine.write("refused")
    with mine.faults():
        status, shown = mine.type("apply", answers={CHANGE: typed})
        assert EXECUTE not in mine.calls()
    assert status == 2 and f"{mine.stack} was not changed." in shown, shown
    assert (mine.note(), mine.change_sets()) == (before, [])


def interrupted(
    mine: Account, verb: str, question: str, *words: str, call: str, faults: tuple[CallFault, ...] = ()
) -> None:
    """Ctrl-C at a question: `call` is not made, and nothing is left behind."""
    with mine.faults(*faults):
        status, shown = mine.type(verb, *words, answers={question: "\x03"})
        assert call not in mine.calls()
    assert status == 3 and shown.count("nothing of it is running") == 1 and "Traceback" not in shown, shown
    assert mine.change_sets() == []


def test_ctrl_c_at_the_question_leaves_nothing(mine: Account) -> None:
    before = mine.note()
    mine.write("interrupted")
    interrupted(mine, "apply", CHANGE, call=EXECUTE)
    assert mine.note() == before


def test_ctrl_c_at_the_question_of_the_core_leaves_nothing(mine: Account) -> None:
    mine.write("interrupted")
    core = replace(mine.words("apply"), module="scripts.deployment")
    with mine.faults():
        ended = converse(core, (CHANGE, "\x03"))
        assert EXECUTE not in mine.calls()
    assert ended.status == 3 and "nothing of it is running" in ended.shown and "Traceback" not in ended.shown, ended
    assert mine.change_sets() == []


def test_ctrl_c_at_the_question_of_broader_permissions_leaves_nothing(mine: Account) -> None:
    mine.write(mine.note(), change=widen)
    interrupted(mine, "apply", BROADER, call=EXECUTE)


def test_ctrl_c_at_the_question_of_a_secret_writes_none(mine: Account) -> None:
    secret = "SESSION"

    def with_a_secret(bodies: dict[str, Any]) -> None:
        """What makes a secret, and what starts an application with it."""
        generated = {"Type": "AWS::SecretsManager::Secret", "Properties": {"GenerateSecretString": {}}}
        outputs = {"SessionSecretArn": {"Value": {"Ref": "Session"}}}
        bodies["configuration"] = {"Resources": {"Session": generated}, "Outputs": outputs}
        entry = {"Name": secret, "ValueFrom": {"Ref": "SessionSecretArn"}}
        task = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [{"Secrets": [entry]}]}}
        bodies["backend"] = {"Resources": {"Task": task}, "Parameters": {"SessionSecretArn": {"Type": "String"}}}
        for name in ("configuration", "backend"):
            child = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": f"{name}.json"}}
            bodies["environment"]["Resources"][name.capitalize()] = child
        arn = {"Fn::GetAtt": ["Configuration", "Outputs.SessionSecretArn"]}
        bodies["environment"]["Resources"]["Backend"]["Properties"]["Parameters"] = {"SessionSecretArn": arn}

    assert mine.run("apply", "--yes").returncode == 0
    mine.write(change=with_a_secret)
    interrupted(mine, "config", f"{secret}: ", "--secret", secret, call="secretsmanager.PutSecretValue")


def test_ctrl_c_at_the_question_of_a_rollback_starts_nothing(mine: Account) -> None:
    mine.write(
        mine.note(), change=lambda bodies: bodies["environment"]["Outputs"].update(Pipeline={"Value": "release"})
    )
    assert mine.run("apply", "--yes").returncode == 0
    commit = {"actionName": "Source", "revisionId": "653ab2dea319", "revisionSummary": "good"}
    release = {"pipelineExecutionId": "7", "status": "Succeeded", "lastUpdateTime": 0, "sourceRevisions": [commit]}
    stage = {"name": "Source", "actions": [{"name": "Source"}]}
    answers = (
        CallFault(
            "answer",
            on="codepipeline.ListPipelineExecutions",
            times=0,
            answer={"pipelineExecutionSummaries": [release]},
        ),
        CallFault(
            "answer", on="codepipeline.GetPipeline", times=0, answer={"pipeline": {"version": 1, "stages": [stage]}}
        ),
    )
    question = "Type the environment's name (staging) to go back: "
    words = ("--to", "653a", "--build-again")
    interrupted(mine, "rollback", question, *words, call="codepipeline.StartPipelineExecution", faults=answers)


def test_with_a_yes_it_is_changed(mine: Account) -> None:
    mine.write("agreed")
    status, shown = mine.type("apply", answers={CHANGE: "yes\n"})
    assert status == 0 and "is updated (UPDATE_COMPLETE" in shown, shown
    assert mine.note() == "agreed"


def widen(bodies: dict[str, Any]) -> None:
    bodies["data"]["Resources"]["Role"]["Properties"]["Policies"][0]["PolicyDocument"] = policy("s3:GetObject", "s3:*")


@pytest.mark.parametrize(
    "typed", [pytest.param("no\n", id="no"), pytest.param("\x04", id="Ctrl-D", marks=pytest.mark.soak)]
)
def test_broader_permissions_that_are_not_meant(mine: Account, typed: str) -> None:
    mine.write(mine.note(), change=widen)
    status, shown = mine.type("apply", answers={BROADER: typed})
    assert status == 2 and f"{mine.stack} was not changed." in shown and CHANGE not in shown, shown
    assert mine.change_sets() == []


def test_broader_permissions_that_are_meant_are_one_question_of_two(mine: Account) -> None:
    mine.write(mine.note(), change=widen)
    status, shown = mine.type("apply", answers={BROADER: "yes\n", CHANGE: "no\n"})
    assert status == 2 and f"{mine.stack} was not changed." in shown, shown


@contextmanager
def unprotected(mine: Account) -> Iterator[None]:
    """Termination protection is off within the block."""
    keep = {"StackName": mine.stack, "EnableTerminationProtection": False}
    mine.aws.call("cloudformation", "update_termination_protection", **keep)
    try:
        yield
    finally:
        mine.aws.call("cloudformation", "update_termination_protection", **keep | {"EnableTerminationProtection": True})


@pytest.mark.parametrize(
    "typed", ["yes\n", *(pytest.param(text, marks=pytest.mark.soak) for text in ("production\n", "\x04"))]
)
def test_an_environment_is_deleted_by_its_name_only(mine: Account, typed: str) -> None:
    with unprotected(mine), mine.faults():
        status, shown = mine.type("destroy", answers={"(type staging) ": typed})
        assert DELETE not in mine.calls()
    assert status == 2 and f"{mine.stack} was not touched." in shown, shown
    assert mine.statuses()[mine.stack] in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


def test_ctrl_c_at_the_question_of_a_deletion_leaves_the_environment(mine: Account) -> None:
    with unprotected(mine):
        interrupted(mine, "destroy", "(type staging) ", call=DELETE)
    assert mine.statuses()[mine.stack].endswith("_COMPLETE")


def test_what_is_stuck_is_not_brought_back_without_a_yes(mine: Account) -> None:
    mine.write("stuck")
    stuck = tuple(ResourceFault(step, "Note", reason=f"no {step}") for step in ("update", "rollback"))
    with mine.faults(resources=stuck):
        assert mine.run("apply", "--yes").returncode == 4
    interrupted(mine, "continue", "(yes/no) ", call="cloudformation.ContinueUpdateRollback")
    with mine.faults():
        status, shown = mine.type("continue", answers={f"Bring {mine.stack} back to what it was? (yes/no) ": "no\n"})
        assert "cloudformation.ContinueUpdateRollback" not in mine.calls()
    assert status == 2 and "Nothing was done." in shown, shown
    assert mine.run("continue").returncode == 2  # confirmation needs a terminal
    status, shown = mine.type("continue", answers={"(yes/no) ": "yes\n"})
    assert status == 0 and "UPDATE_ROLLBACK_COMPLETE" in shown, shown


def test_a_repository_is_not_taken_over_without_a_yes(mine: Account) -> None:
    mine.environment = "shared"
    name = "cloud-health-dashboard"
    mine.aws.call("codecommit", "create_repository", repositoryName=name)
    interrupted(mine, "import", CHANGE, call=EXECUTE)
    status, shown = mine.type("import", answers={f"Take it over {CHANGE}": "no\n"})
    assert status == 2 and "Nothing was done." in shown, shown
    assert f"{name}-shared" not in mine.statuses() and mine.change_sets() == []
    mine.aws.call("codecommit", "delete_repository", repositoryName=name)
