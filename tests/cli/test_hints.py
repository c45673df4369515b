"""Hints name what the person at the keyboard can type."""

from __future__ import annotations

import re

import pytest

from scripts.cli import VERBS
from scripts.terminal.hints import Spelling
from tests.cli.typed import typed
from tests.conftest import ROOT

TAKES = tuple((name, verb.subject == "ENVIRONMENT") for name, verb in VERBS.items())


@pytest.mark.parametrize(
    ("door", "environment", "text", "shown"),
    [
        ("make", "staging", "`apply`", "`make deploy ENV=staging`"),
        ("make", "staging", "`apply --adopt`", "`make deploy ENV=staging ARGS=--adopt`"),
        ("make", "local", "`apply local` starts it.", "`make deploy` starts it."),
        ("make", "staging", "`apply shared`", "`make deploy ENV=shared`"),
        ("make", "staging", "`plan --out FILE`", "`make plan ENV=staging ARGS='--out FILE'`"),
        ("make", "staging", "`rollback --to 3f2a`", "`make rollback ENV=staging TO=3f2a`"),
        ("delivery", "staging", "`continue --skip A.B`", "`delivery continue staging --skip A.B`"),
        ("delivery", "staging", "`rehearse --app x`", "`delivery rehearse --app x`"),
        ("python -m scripts.deploy", "local", "`status`", "`python -m scripts.deploy status local`"),
        ("delivery", "staging", "`make access ENV=production`", "`delivery access production`"),
        ("delivery", "staging", "`make deploy`", "`delivery apply local`"),
        ("delivery", "staging", "`make templates`", "`make templates`"),
        ("delivery", "staging", "`git pull`, `planner`", "`git pull`, `planner`"),
    ],
)
def test_a_command_is_spelled_as_it_is_typed(door: str, environment: str, text: str, shown: str) -> None:
    assert Spelling(door, environment, TAKES).spelled(text) == shown


def test_no_hint_names_a_make_target_for_an_environment_that_nobody_meant() -> None:
    """`make access` alone is the environment of this machine: what is said on any other names it, or says `access`."""
    verbs = "|".join(name for name, takes in TAKES if takes and name != "apply")
    bare = re.compile(rf"`make ({verbs})( (?!ENV=)[^`]*)?`")
    programs = [*(ROOT / "scripts").rglob("*.py"), *(ROOT / "generator/cfn").rglob("*.py")]
    assert [file.name for file in programs if bare.search(file.read_text(encoding="utf-8"))] == []


def test_the_door_decides() -> None:
    words = ["status", "local", "--local-aws", "/nowhere/run.json"]
    assert "`delivery apply local` starts it" in typed(*words).stderr
    assert "`make deploy` starts it" in typed(*words, DELIVERY_DOOR="make").stderr
