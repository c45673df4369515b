"""What every verb says of itself and takes: each option with its default, against `help.txt`, which a person has read.

argparse spells its help otherwise in each version of Python, so the parsers are asked and not what they print.
`GOLDEN=write` writes the file anew: look at its diff.
"""

from __future__ import annotations

import os
from argparse import SUPPRESS, Action, ArgumentParser
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import cli
from scripts.cli import VERBS
from tests.conftest import ROOT

FILE = Path(__file__).with_name("help.txt")
VALUES = ("nargs", "const", "default", "type", "choices", "metavar")


def lines(parser: ArgumentParser) -> Iterator[str]:
    """What a parser says and takes, a line for each option."""
    yield f"{parser.prog}: {parser.description}"
    for group in parser._action_groups:
        for action in group._group_actions:
            if action.dest != "help":
                yield f"  {group.title} | {_option(action)}"
    for exclusive in parser._mutually_exclusive_groups:
        names = ", ".join(option for action in exclusive._group_actions for option in action.option_strings)
        yield f"  {'one' if exclusive.required else 'at most one'} of {names}"
    yield from (f"  {line}".rstrip() for line in (parser.epilog or "").splitlines())
    yield ""


def _option(action: Action) -> str:
    kind = type(action).__name__.strip("_").removesuffix("Action")
    values = {name: getattr(action, name) for name in VALUES}
    shown = (f"{name}={_value(value)}" for name, value in values.items() if value is not None)
    names = ", ".join(action.option_strings) or "(positional)"
    return f"{names} → {action.dest} | {' '.join((kind, *shown))} | {action.help}"


def _value(value: object) -> str:
    if isinstance(value, type):
        return value.__name__
    return str(getattr(value, "__name__", value)).replace(str(ROOT), ".")


def test_each_verb_takes_these_options_and_the_command_lists_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    whole = cli.program("plan", "delivery")
    [(verbs, options)] = [(action, action.choices) for action in whole._actions if isinstance(action.choices, dict)]
    assert (verbs.dest, verbs.metavar, verbs.required, verbs.help) == ("verb", "VERB", True, SUPPRESS)
    assert list(options) == list(VERBS) and len(VERBS) == 27
    assert [*lines(options["plan"])] == [*lines(cli.parser("plan", "delivery"))]
    parsers = (cli.parser(verb, "delivery") for verb in VERBS)
    overview = [f"usage: {whole.usage}", *str(whole.description).splitlines(), "", *str(whole.epilog).splitlines(), ""]
    text = "\n".join((*overview, *(line for parser in parsers for line in lines(parser))))
    if os.environ.get("GOLDEN") == "write":
        FILE.write_text(text, encoding="utf-8")
    assert text == FILE.read_text(encoding="utf-8")
