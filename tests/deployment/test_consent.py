"""What somebody agreed to, and what is asked when nobody has: every case of the core's agreement, word by word."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from typing import Any

import pytest

from generator.cfn.broadening import Grant
from generator.cfn.environments import Environment
from generator.cfn.losses import CHANGED, DELETED, REPLACED, UNPROTECTED, Loss
from scripts.deployment import environment
from scripts.deployment.aws import Endpoint
from scripts.deployment.errors import DeployError, NotConfirmedError, RefusedError
from scripts.deployment.guards import Consent, agree, read_answer
from scripts.deployment.plan import CREATE, DELETE, UPDATE, Plan, Refusal
from tests.conftest import ROOT
from tests.support.service import ACCOUNT, ME, REGION, Prepared

PLAIN = Plan("staging", "id", UPDATE, "change-set", "name", "digest")
BROADER = replace(PLAIN, gained=(Grant("Job", "Allow", ("s3:*",), broader=True), Grant("Job", "Allow", ("s3:Get*",))))
HARD = Refusal("it has a name of its own", "Data.Clients", "Give it another one.")
WAITS = Refusal("a release is running", "Pipeline", "Wait.", waits=True)
LOSSES = tuple(Loss(f"Data.{how}", "T", how, "holds data") for how in (REPLACED, CHANGED, DELETED, UNPROTECTED))
INTENDED = "More permissions are allowed, as shown. Is that intended? (yes/no) "
CHANGE = f"Change staging in account {ACCOUNT}, {REGION}? (yes/no) "
NAME_IT = f"Change staging in account {ACCOUNT}, {REGION}? (its name) "
NOT_CHANGED = "staging was not changed"
NO_TERMINAL = f"{NOT_CHANGED}: confirmation needs a terminal.\nRun again with --yes"
REVIEW = "Review them. If they are intended, run again with --allow-broader."
BROADENED = f"{NOT_CHANGED}: it would allow more permissions\n  {BROADER.gained[0]}\n{REVIEW}"


@pytest.fixture(scope="module")
def staging() -> Environment:
    return environment.load("staging", ROOT / "templates", ROOT / "params")["environment"]


def outcome(
    staging: Environment, plan: Plan, consent: Consent, *answers: bool | None, local: bool = False, name: str = ""
) -> tuple[list[tuple[str, str]], str]:
    """What was asked, each question with the word that agrees, and how it ended: nothing, or the error's text."""
    aws = Prepared(sts__get_caller_identity={"Account": ACCOUNT, "Arn": ME.arn})
    aws.endpoint = Endpoint("http://127.0.0.1:9", REGION) if local else None
    questions, left = list[tuple[str, str]](), list(answers)

    def prompt(question: str, word: str) -> bool | None:
        questions.append((question, word))
        return left.pop(0)

    try:
        agree(aws, replace(staging, name=name) if name else staging, plan, consent, prompt)
    except DeployError as error:
        assert isinstance(error, RefusedError | NotConfirmedError)
        return questions, str(error)
    assert not left
    return questions, ""


YES, INTENT = Consent(yes=True), Consent(allow_broader=True)


@pytest.mark.parametrize(
    ("plan", "consent", "answers", "questions", "end"),
    [
        (PLAIN, YES, [], [], ""),
        (PLAIN, Consent(), [True], [CHANGE], ""),
        (PLAIN, Consent(), [False], [CHANGE], f"{NOT_CHANGED}."),
        (PLAIN, Consent(), [None], [CHANGE], f"{NO_TERMINAL}."),
        (replace(PLAIN, kind=DELETE), Consent(), [True], [CHANGE.replace("Change", "Delete")], ""),
        (BROADER, Consent(), [True, True], [INTENDED, CHANGE], ""),
        (BROADER, Consent(), [False], [INTENDED], f"{NOT_CHANGED}."),
        (BROADER, Consent(), [None, None], [INTENDED, CHANGE], f"{NO_TERMINAL}."),
        (BROADER, YES, [], [], BROADENED),
        (BROADER, INTENT, [True], [CHANGE], ""),
        (BROADER, replace(INTENT, yes=True), [], [], ""),
        (replace(BROADER, kind=CREATE), YES, [], [], ""),  # everything is new
        (replace(PLAIN, lost=BROADER.gained[:1]), YES, [], [], BROADENED),
    ],
)
def test_what_is_asked_and_how_it_ends(
    staging: Environment, plan: Plan, consent: Consent, answers: list[bool | None], questions: list[str], end: str
) -> None:
    assert outcome(staging, plan, consent, *answers) == ([(question, "yes") for question in questions], end)


def test_production_is_agreed_to_by_its_name(staging: Environment) -> None:
    """Nobody types that by habit; more permissions are a question of their own."""
    questions = [(INTENDED, "yes"), (NAME_IT, "production")]
    assert outcome(staging, BROADER, Consent(), True, True, name="production") == (questions, "")
    end = f"{NO_TERMINAL} and --plan FILE, of a reviewed plan."
    assert outcome(staging, PLAIN, Consent(), None, name="production") == (questions[1:], end)


def test_on_the_local_aws_only_what_permits_more_is_asked_about(staging: Environment) -> None:
    assert outcome(staging, PLAIN, Consent(), local=True) == ([], "")
    assert outcome(staging, BROADER, Consent(), True, local=True) == ([(INTENDED, "yes")], "")
    assert outcome(staging, BROADER, Consent(), None, local=True) == ([(INTENDED, "yes")], BROADENED)
    assert outcome(staging, BROADER, Consent(), False, local=True) == ([(INTENDED, "yes")], f"{NOT_CHANGED}.")


def test_everything_that_must_not_happen_is_said_at_once(staging: Environment) -> None:
    """A replacement and a change are allowed by one option, a deletion and the end of a protection by the other."""
    plan = replace(PLAIN, refusals=(HARD, WAITS), losses=LOSSES)
    lines = [
        "  Data.Clients: it has a name of its own. Give it another one.",
        "  Pipeline: a release is running. Wait.",
    ]
    everything = "\n".join([f"{NOT_CHANGED}:", *lines, *(f"  {loss}" for loss in LOSSES)])
    assert outcome(staging, plan, YES) == ([], everything)
    replaced, changed, deleted, unprotected = (loss.name for loss in LOSSES)
    right = replace(YES, allow_replace=(replaced, changed), allow_delete=(deleted, unprotected))
    assert outcome(staging, plan, right) == ([], "\n".join([f"{NOT_CHANGED}:", *lines]))
    wrong = replace(right, allow_replace=(deleted, unprotected), allow_delete=(replaced, changed))
    losses = replace(plan, refusals=())
    assert outcome(staging, losses, wrong)[1] == "\n".join([f"{NOT_CHANGED}:", *(f"  {loss}" for loss in LOSSES)])
    assert outcome(staging, losses, right) == ([], "")


@pytest.mark.parametrize(("typed", "agrees"), [("yes\n", True), ("  yes \n", True), ("y\n", False), ("", False)])
def test_the_answer_on_standard_input_is_exactly_the_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, agrees: bool
) -> None:
    """Where nobody sits, nothing is asked."""
    terminal: Any = io.StringIO(typed)
    monkeypatch.setattr(sys, "stdin", terminal)
    assert read_answer("Well? ", "yes") is None and capsys.readouterr().out == ""
    terminal.isatty = lambda: True
    assert read_answer("Well? ", "yes") is agrees and capsys.readouterr().out == "Well? "
