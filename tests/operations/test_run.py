"""One run of a verb: who is asked to confirm, and where a root stands."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.deployment import environment
from scripts.deployment.aws import Endpoint
from scripts.deployment.errors import NotConfirmedError, RefusedError
from scripts.operations.run import Run, confirm
from scripts.terminal import prompt
from tests.conftest import ROOT
from tests.support.runs import verb_run
from tests.support.service import ME, Prepared, refusal


def run(name: str = "staging", **answers: Any) -> Run:
    aws = Prepared(sts__get_caller_identity={"Account": ME.account, "Arn": ME.arn}, **answers)
    return verb_run(aws, environment.load(name, ROOT / "templates", ROOT / "params"))


def test_somebody_says_yes_or_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    questions: list[str] = []
    monkeypatch.setattr(prompt, "attended", lambda: False)
    with pytest.raises(NotConfirmedError) as raised:
        confirm(run(), "Go on?", yes=False)
    assert (raised.value.reason, raised.value.remedy) == (
        "Nothing was done: confirmation needs a terminal.",
        "Run again with --yes.",
    )
    confirm(run(), "Go on?", yes=True)
    monkeypatch.setattr(prompt, "attended", lambda: True)

    def confirmed(question: str) -> bool:
        questions.append(question)
        return False

    monkeypatch.setattr(prompt, "confirmed", confirmed)
    with pytest.raises(NotConfirmedError, match=r"^Nothing was done\.$"):
        confirm(run(), "Go on?", yes=False)
    assert questions == ["Go on? (yes/no) "]
    monkeypatch.setattr(prompt, "confirmed", lambda _: True)
    confirm(run(), "Go on?", yes=False)


def test_on_the_local_aws_nobody_has_to_agree() -> None:
    here = run()
    assert here.console == "eu-west-1"
    here.aws.endpoint = Endpoint("http://localhost:1", "eu-west-1")
    confirm(here, "Go on?", yes=False)
    assert here.console == ""


def test_only_production_is_changed_as_its_deploy_role() -> None:
    run("staging").check_deployer()
    absent = refusal("x", "ValidationError", "Stack does not exist")
    production = run("production", cloudformation__describe_stacks=absent)
    with pytest.raises(RefusedError, match="production is deployed as its deploy role, which does not exist yet"):
        production.check_deployer()
    assert production.environment.root.name == "environment"
