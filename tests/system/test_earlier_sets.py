"""New versions of this repository on a living environment, as whoever deploys meets them: an earlier set of our own
templates is deployed with all its roots by the roles of its own access stack, then today's takes its place."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.local_aws import faults
from scripts.local_aws.faults import Plan
from tests.conftest import ROOT
from tests.support.accounts import Account, account
from tests.support.earlier import DATA, FIRST_OF_0_2, LAST_OF_0_1, unpack
from tests.support.gate import pass_gate
from tests.support.lives import PRESENT, Life, edit, run, succeed

FOLDERS = ("templates", "params")
EMAIL = "operator@cloud-health.test"


@contextmanager
def living_on(folder: Path, revision: str) -> Iterator[Account]:
    """An account with what a revision says that all environments share, deployed by an administrator."""
    with account(folder) as whose:
        unpack(revision, whose.folder)
        pass_all(whose)
        faults.put(whose.endpoint, Plan(calls=PRESENT))
        succeed(run(replace(whose, environment="shared"), "apply", "--yes"))
        yield whose


def pass_all(whose: Account) -> None:
    """What is in the files has passed the gate; the local AWS has no pull requests."""
    edit(whose, "params/shared.json", lambda body: body["Parameters"].update(RequiredApprovals="0"))
    pass_gate(whose.folder / "templates")


def todays(whose: Account) -> None:
    """The set of today in the place of the earlier one, with a change of what all environments share."""
    for name in FOLDERS:
        shutil.rmtree(whose.folder / name)
        shutil.copytree(ROOT / name, whose.folder / name)
    edit(whose, "params/shared.json", lambda body: body["Parameters"].update(ProtectedBranch="trunk"))
    pass_all(whose)


def kept(whose: Account, stack: str) -> dict[str, str]:
    """What holds data, by its place in the tree of stacks."""
    places: dict[str, str] = {}
    for page in whose.aws.pages("cloudformation", "list_stack_resources", StackName=stack):
        for each in page["StackResourceSummaries"]:
            name, physical = each["LogicalResourceId"], each["PhysicalResourceId"]
            if each["ResourceType"] == "AWS::CloudFormation::Stack":
                places |= {f"{name}.{inner}": value for inner, value in kept(whose, physical).items()}
            elif each["ResourceType"] in DATA:
                places[name] = physical
    return places


def refused(life: Life, part: str, remedy: str) -> None:
    """A deployment that comes too early, and says so before anything has changed."""
    before = life.whose.statuses()
    life.deploy(part)
    ended = life.ended[part]
    assert ended.returncode == 3 and remedy in ended.stderr, ended.stdout + ended.stderr
    assert life.whose.statuses() == before


@pytest.mark.soak
@pytest.mark.long
@pytest.mark.parametrize(("revision", "name"), [(FIRST_OF_0_2, "staging"), (LAST_OF_0_1, "bluegreen")])
def test_an_earlier_set_is_updated_to_todays_by_its_roles(tmp_path: Path, revision: str, name: str) -> None:
    """What all environments share and access first, then the environment: what comes too early is refused with what
    comes before it, and nothing has happened. The order that works loses no data and lacks no right."""
    with living_on(tmp_path, revision) as whose:
        succeed(run(replace(whose, environment=name), "apply", "--yes"))
        life = Life(whose, name)
        before = kept(whose, life.stack)
        assert before
        todays(whose)
        refused(life, "before what is shared", "apply shared`")
        shared = replace(whose, environment="shared")
        succeed(run(shared, "access", "--yes"))  # the earlier set had no roles for it
        succeed(run(shared, "apply", "--yes", "--allow-broader"))
        refused(life, "before access", f"access {name}` first")
        succeed(run(life.whose, "access", "--yes", "--allow-broader"))
        life.deploy("update", "--allow-broader")
        succeed(life.ended["update"])
        assert life.denied["update"] == ()
        assert life.statuses["update"][life.stack] == "UPDATE_COMPLETE"
        assert {place: kept(whose, life.stack).get(place) for place in before} == before
        life.deploy("once more")
        assert f"{life.stack}: no changes" in life.ended["once more"].stdout
