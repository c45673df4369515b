"""What a person answers on a terminal, in each question: no is no, and so is the end of the input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from scripts.local_aws.faults import ResourceFault
from tests.support.accounts import ACCOUNT, REGION, Account, account, policy

CHANGE = f"in account {ACCOUNT}, {REGION}? (yes/no) "
BROADER = "More permissions are allowed, as shown. Is that intended? (yes/no) "
EXECUTE, DELETE = "cloudformation.ExecuteChangeSet", "cloudformation.DeleteStack"


@pytest.fixture(scope="module")
def created(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with account(tmp_path_factory.mktemp("answers")) as local_account:
        local_account.write()
        done = local_account.run("apply", "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        yield local_account


@pytest.fixture
def mine(created: Account) -> Account:
    """A living environment; the files say what is deployed."""
    created.write(created.note())
    return created


@pytest.mark.parametrize("typed", ["no\n", "y\n", "\n", "\x04"], ids=["no", "not a whole yes", "nothing", "Ctrl-D"])
def test_without_a_yes_nothing_is_changed(mine: Account, typed: str) -> None:
    before = mine.note()
    mine.write("refused")
    with mine.faults():
        status, shown = mine.type("apply", answers={CHANGE: typed})
        assert EXECUTE not in mine.calls()
    assert status == 2 and f"{mine.stack} was not changed." in shown, shown
    assert (mine.note(), mine.change_sets()) == (before, [])


def test_ctrl_c_at_the_question_leaves_nothing(mine: Account) -> None:
    mine.write("interrupted")
    status, shown = mine.type("apply", answers={CHANGE: "\x03"})
    assert status == 3 and "nothing of it is running" in shown and "Traceback" not in shown, shown
    assert mine.change_sets() == []


def test_with_a_yes_it_is_changed(mine: Account) -> None:
    mine.write("agreed")
    status, shown = mine.type("apply", answers={CHANGE: "yes\n"})
    assert status == 0 and "is updated (UPDATE_COMPLETE" in shown, shown
    assert mine.note() == "agreed"


def widen(bodies: dict[str, Any]) -> None:
    bodies["data"]["Resources"]["Role"]["Properties"]["Policies"][0]["PolicyDocument"] = policy("s3:GetObject", "s3:*")


@pytest.mark.parametrize("typed", ["no\n", "\x04"], ids=["no", "Ctrl-D"])
def test_broader_permissions_that_are_not_meant(mine: Account, typed: str) -> None:
    mine.write(mine.note(), change=widen)
    status, shown = mine.type("apply", answers={BROADER: typed})
    assert status == 2 and f"{mine.stack} was not changed." in shown and CHANGE not in shown, shown
    assert mine.change_sets() == []


def test_broader_permissions_that_are_meant_are_one_question_of_two(mine: Account) -> None:
    mine.write(mine.note(), change=widen)
    status, shown = mine.type("apply", answers={BROADER: "yes\n", CHANGE: "no\n"})
    assert status == 2 and f"{mine.stack} was not changed." in shown, shown


@pytest.mark.parametrize("typed", ["yes\n", "production\n", "\x04"])
def test_an_environment_is_deleted_by_its_name_only(mine: Account, typed: str) -> None:
    keep = {"StackName": mine.stack, "EnableTerminationProtection": False}
    mine.aws.call("cloudformation", "update_termination_protection", **keep)
    try:
        with mine.faults():
            status, shown = mine.type("destroy", answers={"(type staging) ": typed})
            assert DELETE not in mine.calls()
    finally:
        mine.aws.call("cloudformation", "update_termination_protection", **keep | {"EnableTerminationProtection": True})
    assert status == 2 and f"{mine.stack} was not touched." in shown, shown
    assert mine.statuses()[mine.stack] in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


def test_what_is_stuck_is_not_brought_back_without_a_yes(mine: Account) -> None:
    mine.write("stuck")
    stuck = tuple(ResourceFault(step, "Note", reason=f"no {step}") for step in ("update", "rollback"))
    with mine.faults(resources=stuck):
        assert mine.run("apply", "--yes").returncode == 4
    with mine.faults():
        status, shown = mine.type("continue", answers={f"Bring {mine.stack} back to what it was? (yes/no) ": "no\n"})
        assert "cloudformation.ContinueUpdateRollback" not in mine.calls()
    assert status == 2 and "Nothing was done." in shown, shown
    assert mine.run("continue").returncode == 2  # confirmation needs a terminal
    status, shown = mine.type("continue", answers={"(yes/no) ": "yes\n"})
    assert status == 0 and "UPDATE_ROLLBACK_COMPLETE" in shown, shown


def test_a_repository_is_not_taken_over_without_a_yes(mine: Account) -> None:
    mine.environment = "shared"
    name = "cloud-health-dashboard"
    mine.aws.call("codecommit", "create_repository", repositoryName=name)
    status, shown = mine.type("import", answers={f"Take it over {CHANGE}": "no\n"})
    assert status == 2 and "Nothing was done." in shown, shown
    assert f"{name}-shared" not in mine.statuses() and mine.change_sets() == []
    mine.aws.call("codecommit", "delete_repository", repositoryName=name)
