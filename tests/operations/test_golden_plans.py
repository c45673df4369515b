"""Plans as people and programs get them, against files that a person has read."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from scripts.deployment.plan import Plan
from scripts.operations import plan_document
from scripts.operations.output import plan_markdown, plan_text
from scripts.operations.planning import NotPlanned
from tests.operations import big_plan
from tests.operations.golden import matches
from tests.support.service import ACCOUNT, REGION

WHERE = ("staging", ACCOUNT, REGION)
FORMS: dict[str, Callable[[list[Plan | NotPlanned]], str]] = {
    "plan.txt": lambda plans: "\n".join(str(line) for plan in plans for line in plan_text.lines(plan)),
    "plan.md": lambda plans: "\n".join(plan_markdown.lines(*WHERE, plans)),
    "plan.json": lambda plans: plan_document.text(*WHERE, plans),
}


@pytest.mark.parametrize("name", FORMS)
def test_as_a_person_has_read_it(name: str) -> None:
    matches(name, FORMS[name](big_plan.plans()) + "\n")


def test_no_secret_is_in_any_of_them() -> None:
    for form in FORMS.values():
        text = form(big_plan.plans())
        assert len(text) > 1000
        assert not [word for word in (big_plan.PASSWORD, "old-login", "new-login", "third-login") if word in text]


def test_the_json_says_what_its_version_promises() -> None:
    document = json.loads(plan_document.text(*WHERE, big_plan.plans()))
    assert document["version"] == plan_document.VERSION == 1 and document["changes"]
    whole, later = document["stacks"]
    assert (whole["kind"], later["kind"]) == ("UPDATE", "LATER")
    assert len(whole["resources"]) > 120
    paths = [resource["path"] for resource in whole["resources"]]
    assert paths == sorted(paths)
