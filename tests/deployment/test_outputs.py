"""The outputs of the stacks, for people, programs and shells."""

from __future__ import annotations

import json

import pytest

from scripts.deployment import parameters
from scripts.deployment.verbs import outputs
from tests.conftest import ROOT
from tests.deployment.service import REGION, arn
from tests.deployment.test_verbs import SHARED, STAGING, Account, Roots, asked


@pytest.fixture(scope="module")
def loaded() -> Roots:
    return parameters.load("staging", ROOT / "templates", ROOT / "params")


@pytest.fixture(scope="module")
def two(loaded: Roots) -> Roots:
    """One root that exists and one that may not."""
    return {name: loaded[name] for name in ("shared", "environment")}


def test_outputs(two: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    assert outputs.run(asked(Account(), two, format="table")) == 0
    console = f"https://{REGION}.console.aws.amazon.com/cloudformation/home?region={REGION}"
    assert capsys.readouterr().out.splitlines() == [
        SHARED,
        f"  (console)       {console}#/stacks/stackinfo?stackId={arn('stack', SHARED)}",
        "  RepositoryName  dashboard  CodeCommit repository that holds the application",
        f"{STAGING} does not exist",
    ]
    outputs.run(asked(Account("CREATE_COMPLETE"), two, format="json"))
    held = {"RepositoryName": "dashboard"}
    assert json.loads(capsys.readouterr().out) == {"shared": held, "environment": held}
    outputs.run(asked(Account(), two, format="shell"))
    assert capsys.readouterr().out.splitlines() == [
        f"# {SHARED}",
        "RepositoryName=dashboard",
        f"# {STAGING} does not exist",
    ]


def test_no_two_roots_give_an_output_of_one_name(loaded: Roots) -> None:
    """In a shell the later one would hide the other."""
    names = [name for one in loaded.values() for name in one.root.outputs]
    assert len(names) > 15 and len(names) == len(set(names))
