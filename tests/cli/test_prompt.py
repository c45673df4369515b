"""How a person is asked: on a terminal, where each question can be ended."""

from __future__ import annotations

import pytest

from tests.support.commands import Words
from tests.support.terminal import Conversation, Step, converse

MODULE = "tests.cli.asking"


def conversation(how: str, *steps: Step, times: int = 1) -> Conversation:
    return converse(Words(MODULE, [how, str(times)]), *steps)


@pytest.mark.parametrize(
    ("typed", "became"),
    [
        ("yes\n", "0 was answered in 3 letters"),
        ("  yes \n", "0 was answered in 3 letters"),
        ("\n", "0 was answered in 0 letters"),
        ("\x04", "0 was not answered"),
        ("\x03", "0 was interrupted"),
        ("ye\x03", "0 was interrupted"),
    ],
)
@pytest.mark.parametrize("how", ["answer", "secret"])
def test_a_question_has_every_end(how: str, typed: str, became: str) -> None:
    ended = conversation(how, ("question 0: ", typed))
    assert ended.status == 0 and ended.shown.splitlines()[-1] == became, ended.shown


@pytest.mark.parametrize("how", ["answer", "secret"])
def test_ctrl_c_ends_every_question_however_early_it_comes(how: str) -> None:
    """The instant between showing a question and reading its answer is short: it is met now and then."""
    times = 2000
    ended = conversation(how, *((f"question {number}: ", "\x03") for number in range(times)), times=times)
    assert ended.shown.count("was interrupted") == times, ended.shown[-500:]


@pytest.mark.parametrize("typed", ["a secret\n", "a secret\x03", "\x04"])
def test_a_secret_is_not_shown_and_what_is_typed_after_it_is(typed: str) -> None:
    shown = conversation("secret,answer", ("question 0: ", typed), ("question 1: ", "an answer\n")).shown
    assert "a secret" not in shown and "an answer" in shown, shown
