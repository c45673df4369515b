"""What looks like a secret is never shown, and what is none is: by its name, by its form, and inside JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from generator.cfn.masking import masked, named, scrubbed
from generator.cfn.unknown import KNOWN_AFTER_APPLY

BY_NAME = "(not shown: it looks like a secret, by its name)"
HOLDS = "(not shown: it holds a secret, by its name)"
KEY_ID = "AKIA" + "ABCDEFGHIJKLMNOP"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Password", "hunter2", BY_NAME),
        ("Password", "", ""),
        ("Password", "true", "true"),  # whether there is one
        ("Password", "1234", "1234"),  # how long it is
        ("Password", "12345", BY_NAME),
        ("Password", KNOWN_AFTER_APPLY, KNOWN_AFTER_APPLY),
        ("TaskCpu", "512", "512"),
        ("Comment", KEY_ID, "(not shown: it looks like an AWS access key id)"),
        # The name of a value stands before it where it is one of a list.
        ("Environment.DB_PASSWORD.Value", "hunter2", BY_NAME),
        ("Environment.DB_NAME.Value", "orders", "orders"),
        ("Password.Value.Length", "twelve", "twelve"),
        ("Value", "hunter2", "hunter2"),
        # Inside JSON by the name that a text stands under there.
        ("Policy", '{"Password": "hunter2"}', HOLDS),
        ("Policy", '{"Users": [{"Deep": {"token": "hunter2"}}]}', HOLDS),
        ("Policy", '{"Name": "x"}', '{"Name": "x"}'),
        ("Password", '["hunter2"]', HOLDS),
        ("Password", '{"a": 1, "b": null, "c": ""}', '{"a": 1, "b": null, "c": ""}'),
        ("Variables", '[{"Name": "DB_PASSWORD", "Value": "hunter2"}]', HOLDS),
        ("Variables", '[{"OptionName": "DB_PASSWORD", "Value": "hunter2"}]', HOLDS),
        ("Variables", '[{"ParameterKey": "Token", "ParameterValue": "hunter2"}]', HOLDS),
        ("Variables", '[{"key": "token", "value": "hunter2"}]', HOLDS),
        ("Variables", '[{"Name": "DB_NAME", "Value": "orders"}]', '[{"Name": "DB_NAME", "Value": "orders"}]'),
        ("Document", json.dumps({"Inner": json.dumps({"Password": "hunter2"})}), HOLDS),
        ("Password", "{not JSON", BY_NAME),
        ("Comment", "{not JSON", "{not JSON"),
    ],
)
def test_what_a_value_shows(name: str, value: str, shown: str) -> None:
    assert masked(name, value) == shown


@pytest.mark.parametrize("value", ["512", "hunter2", '{"a": 1}'])
def test_what_must_not_be_shown_is_not_whatever_it_is(value: str) -> None:
    assert masked("TaskCpu", value, hidden=True) == "(not shown)"


def test_a_sentence_keeps_its_words_but_for_the_secrets() -> None:
    assert scrubbed(f"the key {KEY_ID} is refused at https://ada:hunter2@host/x, not {KEY_ID}") == (
        "the key (not shown: an AWS access key id) is refused at https(not shown: a URL with a password)host/x, not "
        "(not shown: an AWS access key id)"
    )
    assert scrubbed("nothing secret") == "nothing secret"


OPTION = {"Namespace": "aws:x", "OptionName": "Size", "Value": "1"}


@pytest.mark.parametrize(
    ("place", "sides", "name"),
    [
        ("OptionSettings/0/Value", [{"OptionSettings": [OPTION]}], "OptionSettings.aws:x.Size.Value"),
        ("Tags/1/Value", [{"Tags": [{"Key": "A"}, {"Key": "B"}]}], "Tags.B.Value"),
        ("Env/0/Value", [{"Env": [{"Name": "A"}]}, {"Env": [{"Name": "A"}]}], "Env.A.Value"),
        ("Env/0/Value", [{"Env": [{"Name": "A"}]}, {"Env": [{"Name": "B"}]}], "Env.0.Value"),  # another thing now
        ("Env/0/Value", [{"Env": [{"Name": "A"}]}, {"Env": []}], "Env.A.Value"),
        ("Env/7/Value", [{"Env": [{"Name": "A"}]}], "Env.7.Value"),
        ("Env/0/Value", [{"Env": [{"Name": KNOWN_AFTER_APPLY}]}], "Env.0.Value"),
        ("Env/0", [{"Env": ["text"]}], "Env.0"),
        ("P/0/Sid", [{"P": [{"PolicyName": "Job", "Sid": "One"}]}], "P.Job.Sid"),
        ("S/0/Effect", [{"S": [{"Sid": "One", "Id": "x"}]}], "S.One.Effect"),
        ("O/0/Path", [{"O": [{"Id": "Site"}]}], "O.Site.Path"),
        ("A/0/B/1/C", [{"A": [{"Name": "x", "B": [{}, {"Key": "y"}]}]}], "A.x.B.y.C"),
        ("Plain", [None], "Plain"),
        ("A/B", [{"A": {"B": 1}}, None], "A.B"),
    ],
)
def test_elements_of_lists_are_called_by_their_names(place: str, sides: list[Any], name: str) -> None:
    assert named(place, *sides) == name
