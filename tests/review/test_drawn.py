"""Pull requests that nobody wrote: one option of one environment gets another value, drawn from all that there are.

Five of them in the suite, always the same; `make soak` draws more.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generator.cfn import environments
from generator.cfn.environments import ENVIRONMENT
from generator.cfn.instance import stack_instances
from generator.cfn.parameters import effective, read
from generator.cfn.template_names import BOOTSTRAP
from generator.cfn.templates import TemplateSet, load
from scripts.review.command import review
from scripts.review.markdown import LIMIT, markdown
from scripts.review.model import ADDED, REMOVED, REPLACED
from tests.conftest import ROOT
from tests.support.combinations import options
from tests.support.pull_requests import checkout_of, params

TITLES = ("Environments", "Data and addresses", "Permissions and protection", "Application", "Cost and gate")
ENVIRONMENTS = ("beanstalk", "bluegreen", "production", "small", "staging")
TEMPLATES = load(ROOT / "templates")
OPTIONS = options(TEMPLATES[ENVIRONMENT])
DRAWN = st.tuples(st.sampled_from(ENVIRONMENTS), st.sampled_from(sorted(OPTIONS))).flatmap(
    lambda pair: st.tuples(st.just(pair[0]), st.just(pair[1]), st.sampled_from(OPTIONS[pair[1]]))
)
PROFILE = settings(
    derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def shared_checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkout_of(ROOT, tmp_path_factory.mktemp("drawn") / "checkout")


@settings(PROFILE, max_examples=5)
@given(drawn=DRAWN)
def test_the_first_five_lines_of_a_drawn_pull_request(drawn: tuple[str, str, str], shared_checkout: Path) -> None:
    check(shared_checkout, *drawn)


@pytest.mark.soak
@settings(PROFILE, max_examples=100)
@given(drawn=DRAWN)
def test_the_first_five_lines_of_many(drawn: tuple[str, str, str], shared_checkout: Path) -> None:
    check(shared_checkout, *drawn)


def check(checkout: Path, environment: str, option: str, value: str) -> None:
    """What holds for the review of any change of one option."""
    subprocess.run(["git", "-C", str(checkout), "checkout", "-q", "-f", "base"], check=True)
    before = values(checkout, environment)
    params(checkout, environment, **{option: value})
    after = values(checkout, environment)
    changes = review(checkout, "base")
    text = markdown(changes)
    first = text.splitlines()[:5]
    assert [line.split("**")[1].rstrip(":") for line in first] == list(TITLES)
    assert len(text) <= LIMIT
    # No other environment is said to change, and this one exactly when a value of it does.
    assert [each.name for each in changes.changed] == ([environment] if before != after else [])
    assert (environment in first[0]) is (before != after)
    gate_refuses = bool(environments.problems(read(checkout / f"params/{environment}.json"), TEMPLATES))
    assert ("gate: refuses" in first[4]) is gate_refuses
    # Which resources come and go follows from the conditions alone.
    here = next((each for each in changes.changed), None)
    if here is None or here.problems:
        return
    was, now = (resources(TEMPLATES, side) for side in (before, after))
    ours = [change for change in here.resources if not change.before and change.path.split(".")[0] not in ROOTS]
    assert {change.path for change in ours if change.action == ADDED} == now - was
    assert {change.path for change in ours if change.action == REMOVED} == was - now
    for action, word in ((REPLACED, "REPLACED"), (REMOVED, "removed"), (ADDED, "added")):
        count = sum(change.action == action for change in here.resources)
        assert (f"{count} {word}" in first[0]) if count else (word not in first[0])
    assert ("🛑" in first[1]) is bool(here.risks) and ("🛑" in first[2]) is bool(here.broader or here.weaker)


ROOTS = {"access", "edge", "shared", "shared-access"}


def values(checkout: Path, environment: str) -> Mapping[str, str]:
    """The values of the root's parameters."""
    return effective(read(checkout / f"params/{environment}.json"), TEMPLATES[ENVIRONMENT].body)


def resources(templates: TemplateSet, chosen: Mapping[str, str]) -> set[str]:
    """The paths of all resources that an environment has after its first release."""
    return {
        ".".join((*stack.path, name))
        for stack in stack_instances(templates[ENVIRONMENT], {**chosen, BOOTSTRAP: "false", "AWS::Region": "us-east-1"})
        for name, resource in stack.template.resources.items()
        if resource.type != "AWS::CloudFormation::Stack"
    }
