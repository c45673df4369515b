"""What a deployment says that waits for the roles of its environment: which rights these lack, and who gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from generator.cfn.broadening import Grant
from generator.cfn.environments import Environment
from generator.cfn.packaging import Bucket, PackagedSet
from generator.cfn.stacks import Stack
from scripts.deployment.deploy_root import Context, RootDeployment
from scripts.deployment.environment import load
from scripts.deployment.package import GateVerdict
from scripts.deployment.plan import Refusal
from scripts.operations import access_first, service_role
from tests.conftest import ROOT
from tests.support.service import ME, REGION, Prepared

NAME = "cloud-health-dashboard-staging-access"
ROLE = f"arn:aws:iam::{ME.account}:role/x/Executor"
ACCESS = Stack(NAME, "id", "UPDATE_COMPLETE", outputs={"CloudFormationRoleArn": ROLE})


@pytest.fixture(scope="module")
def loaded() -> dict[str, Environment]:
    return load("staging", ROOT / "templates", ROOT / "params")


def deployment(
    roots: Mapping[str, Environment], name: str = "environment", access: Stack | None = ACCESS, **values: Any
) -> RootDeployment:
    aws = Prepared()
    context = Context(aws, roots, GateVerdict({}), access=access)
    bucket = Bucket.of("dashboard", ME.account, REGION)
    return RootDeployment(context, roots[name], aws, bucket, PackagedSet(()), **values)


def grant(number: int, sid: str = "") -> Grant:
    actions = ("s3:Get", "s3:Put", "s3:List")
    return Grant(f"Role{number}", "Allow", actions, sid=sid)


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ([grant(1)], "Role1: s3:Get, s3:Put"),
        ([grant(1, "Tables"), grant(2)], "Tables: s3:Get, s3:Put; Role2: s3:Get, s3:Put"),
        ([grant(number) for number in range(4)], "; ".join(f"Role{number}: s3:Get, s3:Put" for number in range(4))),
        (
            [grant(number) for number in range(5)],
            "; ".join(f"Role{number}: s3:Get, s3:Put" for number in range(4)) + " and 1 more",
        ),
    ],
)
def test_what_the_roles_lack_is_named_with_who_gives_it(
    loaded: dict[str, Environment], missing: list[Grant], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_first, "missing_rights", lambda _: missing)
    why = (
        f"the roles of the environment lack what these templates and parameters need ({named}), so that CloudFormation "
        "would be refused in the middle"
    )
    remedy = "An administrator runs `make access ENV=staging` first, from these files."
    for name in ("environment", "edge"):
        assert access_first.refusals(deployment(loaded, name)) == [Refusal(why, NAME, remedy)]


def test_roles_that_may_do_it_all_refuse_nothing(
    loaded: dict[str, Environment], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What all environments share is another's to deploy, and the access stack is made with the caller's own rights."""
    monkeypatch.setattr(access_first, "missing_rights", lambda _: [])
    assert access_first.refusals(deployment(loaded)) == []
    monkeypatch.setattr(access_first, "missing_rights", lambda _: pytest.fail("not asked"))
    for name in ("shared", "access"):
        assert access_first.refusals(deployment(loaded, name)) == []


@pytest.mark.parametrize("access", [None, replace(ACCESS, outputs={}), replace(ACCESS, status="DELETE_FAILED")])
def test_without_a_role_of_the_access_stack_the_stacks_own_has_to_be_there(
    loaded: dict[str, Environment], access: Stack | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for: list[Any] = []
    lost = [Refusal("it is gone", "x", "make it")]

    def refusals(*arguments: Any) -> list[Refusal]:
        asked_for.append(arguments)
        return lost

    monkeypatch.setattr(service_role, "refusals", refusals)
    monkeypatch.setattr(access_first, "missing_rights", lambda _: pytest.fail("not asked"))
    previous = Stack("s", "id", "UPDATE_COMPLETE", role=ROLE)
    root = deployment(loaded, access=access, previous=previous)
    assert access_first.refusals(root) == lost
    assert asked_for == [(root.aws, previous, access, "staging")]
