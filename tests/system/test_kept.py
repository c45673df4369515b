"""How the stack of an environment is kept, from its file to the account: policy, protection."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.accounts import Account, account

ALLOW = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}
DENY = {"Effect": "Deny", "Action": "Update:Delete", "Principal": "*", "Resource": "LogicalResourceId/Data"}
POLICY = {"Statement": [ALLOW, DENY]}


@pytest.fixture
def mine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with account(tmp_path_factory.mktemp("kept")) as local_account:
        yield local_account


def policy(where: Account) -> Any:
    answer = where.aws.call("cloudformation", "get_stack_policy", StackName=where.stack)
    return json.loads(answer.get("StackPolicyBody", "{}"))


def test_the_policy_of_the_file_reaches_the_environment(mine: Account) -> None:
    """With the creation; later by itself, without any other change; and taken back when the file has none."""
    mine.write(policy=POLICY)
    created = mine.run("apply", "--yes")
    assert created.returncode == 0, created.stdout + created.stderr
    assert policy(mine) == POLICY
    [stack] = mine.aws.call("cloudformation", "describe_stacks", StackName=mine.stack)["Stacks"]
    assert stack["EnableTerminationProtection"]

    mine.write(policy={"Statement": [ALLOW]})
    shown = mine.run("plan")
    assert shown.returncode == 2 and "stack policy: " in shown.stdout, shown.stdout
    changed = mine.run("apply", "--yes")
    assert changed.returncode == 0 and f"{mine.stack}: done" in changed.stdout, changed.stdout + changed.stderr
    assert policy(mine) == {"Statement": [ALLOW]}

    mine.write(policy=POLICY)
    assert mine.run("apply", "--yes").returncode == 0
    mine.write()
    assert mine.run("apply", "--yes").returncode == 0
    assert policy(mine) == {"Statement": [ALLOW]}
    again = mine.run("apply", "--yes")
    assert (again.returncode, again.stdout) == (0, f"{mine.stack}: no changes\n"), again.stderr


def test_what_the_policy_denies_is_not_updated(mine: Account) -> None:
    mine.write(policy={"Statement": [ALLOW, {**DENY, "Action": "Update:*"}]})
    assert mine.run("apply", "--yes").returncode == 0
    mine.write("second", policy={"Statement": [ALLOW, {**DENY, "Action": "Update:*"}]})
    denied = mine.run("apply", "--yes")
    assert denied.returncode == 1 and "stack policy" in denied.stdout, denied.stdout + denied.stderr
    assert mine.note() == "first"
