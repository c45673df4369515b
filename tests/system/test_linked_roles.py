"""Service-linked roles: `apply` creates those that an account lacks, after somebody agreed and before anything else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.accounts import Account, account

CREATE, EXECUTE = "iam.CreateServiceLinkedRole", "cloudformation.ExecuteChangeSet"
CLUSTER = {"Type": "AWS::ECS::Cluster"}


@pytest.fixture
def mine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with account(tmp_path_factory.mktemp("linked")) as local_account:
        yield local_account


def with_cluster(name: str) -> Any:
    return lambda bodies: bodies["data"]["Resources"].update({name: CLUSTER})


def roles(where: Account) -> set[str]:
    pages = where.aws.pages("iam", "list_roles", PathPrefix="/aws-service-role/")
    return {role["RoleName"] for page in pages for role in page["Roles"]}


def test_missing_roles_are_created_first_and_once(mine: Account) -> None:
    mine.write(change=with_cluster("Cluster"))
    with mine.faults():
        status, shown = mine.type("apply", answers={"(yes/no) ": "no\n"})
        assert status == 2 and CREATE not in mine.calls(), shown
    assert roles(mine) == set()

    with mine.faults():
        created = mine.run("apply", "--yes")
        calls = mine.calls()
    assert created.returncode == 0, created.stdout + created.stderr
    assert "service-linked roles are created first, for ecs.amazonaws.com\n" in created.stdout
    assert calls.count(CREATE) == 1 and calls.index(CREATE) < calls.index(EXECUTE)
    assert roles(mine) == {"AWSServiceRoleForECS"}

    mine.write(change=with_cluster("Another"))
    with mine.faults():
        changed = mine.run("apply", "--yes")
        assert CREATE not in mine.calls()
    assert changed.returncode == 0 and "service-linked" not in changed.stdout, changed.stdout + changed.stderr
