"""Service-linked roles: `apply` creates those that an account lacks, after somebody agreed and before anything else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from generator.cfn.changes import PlannedChange
from scripts.deployment.errors import AwsError, RefusedError
from scripts.deployment.plan import Plan
from scripts.operations import linked_roles
from tests.deployment.service import Prepared, arn, refusal
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


def adding(*types: str) -> Plan:
    changes = tuple(PlannedChange(("Stack", f"A{number}"), kind, "Add") for number, kind in enumerate(types))
    kept = PlannedChange(("Stack", "Kept"), "AWS::CloudFront::VpcOrigin", "Modify")
    return Plan("staging", arn("stack", "staging"), "UPDATE", arn("changeSet", "s"), "n", "d", (*changes, kept))


class Iam(Prepared):
    """IAM that shows a role only when it was asked for it `late` times after its creation."""

    def __init__(self, late: float, created: Any = None) -> None:
        self.late, self.left = late, dict[str, float]()
        super().__init__(iam__get_role=self.role, iam__create_service_linked_role=created or self.create)

    def role(self, RoleName: str) -> dict[str, Any]:
        if RoleName not in self.left or self.left[RoleName] > 0:
            if RoleName in self.left:
                self.left[RoleName] -= 1
            raise refusal("iam.get_role", "NoSuchEntity")
        names = {"Path": "/", "RoleName": RoleName, "RoleId": "A" * 16, "CreateDate": 0}
        return {"Role": {**names, "Arn": f"arn:aws:iam::000000000000:role/{RoleName}"}}

    def create(self, AWSServiceName: str) -> dict[str, Any]:
        self.left[linked_roles.ROLES[AWSServiceName][0]] = self.late
        return {}


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited; the clock goes with it."""
    slept: list[float] = []
    monkeypatch.setattr("scripts.operations.linked_roles.time.sleep", slept.append)
    monkeypatch.setattr("scripts.operations.linked_roles.time.monotonic", lambda: sum(slept))
    return slept


def test_every_type_has_its_roles_and_is_waited_for(naps: list[float]) -> None:
    aws = Iam(late=3)
    lines = list(linked_roles.create_missing(aws, adding("AWS::ElasticBeanstalk::Environment", "AWS::SNS::Topic")))
    assert lines == [
        "service-linked roles are created first, for elasticbeanstalk.amazonaws.com, autoscaling.amazonaws.com"
    ]
    assert len(naps) == 6
    assert list(linked_roles.create_missing(aws, adding("AWS::ElasticBeanstalk::Environment"))) == []


def test_a_role_that_iam_does_not_show_ends_it_before_anything(naps: list[float]) -> None:
    with pytest.raises(RefusedError, match="IAM does not show the role AWSServiceRoleForECS") as raised:
        list(linked_roles.create_missing(Iam(late=1e9), adding("AWS::ECS::Cluster")))
    assert raised.value.remedy == "Run the same command again."
    assert linked_roles.PATIENCE <= sum(naps) <= linked_roles.PATIENCE + 10


def test_somebody_else_may_be_faster(naps: list[float]) -> None:
    taken = "Service role name AWSServiceRoleForECS has been taken in this account, please try a different suffix."

    def create(**request: Any) -> dict[str, Any]:
        Iam.create(aws, **request)
        raise refusal("iam.create_service_linked_role", "InvalidInput", taken)

    aws = Iam(late=0, created=create)
    assert len(list(linked_roles.create_missing(aws, adding("AWS::ECS::Cluster")))) == 1
    assert naps == []


@pytest.mark.parametrize("error", [("AccessDenied", ""), ("InvalidInput", "Service Name is not valid")])
def test_any_other_answer_is_an_error(error: tuple[str, str]) -> None:
    denied = Iam(late=0, created=refusal("iam.create_service_linked_role", *error))
    with pytest.raises(AwsError, match=error[0]):
        list(linked_roles.create_missing(denied, adding("AWS::ECS::Cluster")))
    blind = Prepared(iam__get_role=refusal("iam.get_role", "AccessDenied"))
    with pytest.raises(AwsError, match="AccessDenied"):
        list(linked_roles.create_missing(blind, adding("AWS::ECS::Cluster")))
