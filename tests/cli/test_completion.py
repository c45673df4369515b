"""What a shell is offered in the place of the last word. That shells ask for it is in test_command.py."""

from __future__ import annotations

from argparse import Namespace

import pytest

from scripts import completion
from scripts.cli import VERBS
from scripts.deployment.errors import Exit
from tests.conftest import ROOT

ENVIRONMENTS = sorted(file.stem for file in (ROOT / "params").glob("*.json"))


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ([""], sorted([*VERBS, "--help"])),
        (["pl"], ["plan"]),
        (["--h"], ["--help"]),
        (["nothing", ""], []),
        (["plan", ""], ENVIRONMENTS),
        (["plan", "sta"], ["staging"]),
        (["plan", "--verbose", "sta"], ["staging"]),
        (["plan", "staging", ""], []),  # it has its environment
        (["plan", "staging", "--format", ""], ["json", "markdown", "terminal"]),
        (["plan", "staging", "--format", "m"], ["markdown"]),
        (["plan", "staging", "--out", ""], []),  # the shell knows files better
        (["plan", "staging", "--ver"], ["--verbose"]),
        (["plan", "staging", "--he"], ["--help"]),
        (["completion", ""], ["bash", "fish", "zsh"]),
        (["completion", "bash", "--wo"], []),  # for shells alone
        (["local", "fault"], ["fault", "fault-clear"]),
        (["local", "fault", "--on", ""], ["create", "delete", "rollback", "update"]),
        (["review", ""], []),
        (["--debug", "plan", "sta"], ["staging"]),
    ],
)
def test_what_may_stand_there(words: list[str], offered: list[str]) -> None:
    assert completion.candidates(words) == offered


def test_the_script_of_a_shell_or_what_it_asks_for(capsys: pytest.CaptureFixture[str]) -> None:
    for shell, script in completion.SCRIPTS.items():
        assert completion.run(Namespace(shell=shell, words=None)) is Exit.DONE
        assert capsys.readouterr().out == f"{script}\n"
    assert completion.run(Namespace(shell="bash", words=["plan", "s"])) is Exit.DONE
    assert capsys.readouterr().out.split() == [name for name in ENVIRONMENTS if name.startswith("s")]
    assert completion.run(Namespace(shell="bash", words=[])) is Exit.DONE
    assert capsys.readouterr().out.split() == sorted([*VERBS, "--help"])
