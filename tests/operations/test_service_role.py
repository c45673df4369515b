"""The role of CloudFormation stays with a stack after the access stack that made it is gone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from generator.cfn.stacks import Stack
from scripts.deployment.errors import AwsError
from scripts.deployment.plan import Refusal
from scripts.operations import service_role
from tests.support.service import ACCOUNT, Prepared, arn, refusal

ROLE = f"arn:aws:iam::{ACCOUNT}:role/x/staging-access/one"
STACK = Stack("staging", arn("stack", "staging"), "UPDATE_COMPLETE", role=ROLE)
ACCESS = Stack("access", arn("stack", "access"), "UPDATE_COMPLETE", outputs={"CloudFormationRoleArn": f"{ROLE}-new"})


def test_an_update_with_a_role_that_is_gone_is_refused_with_the_way_that_works() -> None:
    aws = Prepared(iam__get_role=refusal("iam.get_role", "NoSuchEntity"))
    [refused] = service_role.refusals(aws, STACK, None, "staging")
    again = "runs `make access ENV=staging`, which makes another role; then run this again."
    assert refused == Refusal(
        f"CloudFormation acts on staging with {ROLE}, which is gone with the access stack that made it; a role stays "
        "with its stack, and can be replaced but not removed",
        "staging",
        f"An administrator {again}",
    )
    assert aws.asked == [("iam.get_role", {"RoleName": "one"})]


def test_the_outputs_of_a_stack_that_is_half_deleted_name_no_role_that_is_there() -> None:
    half = replace(ACCESS, status="DELETE_FAILED")
    aws = Prepared(iam__get_role=refusal("iam.get_role", "NoSuchEntity"))
    [refused] = service_role.refusals(aws, STACK, half, "staging")
    first, second = (
        refused.remedy.index("--retain-resources RoleBoundary"),
        refused.remedy.index("make access ENV=staging"),
    )
    assert first < second, "no stack is made beside one of its name"


def test_a_role_that_somebody_deleted_is_made_again_with_its_access_stack() -> None:
    """CloudFormation does not look whether a role is still there: the stack that made it has to go first."""
    aws = Prepared(iam__get_role=refusal("iam.get_role", "NoSuchEntity"))
    [refused] = service_role.refusals(aws, STACK, ACCESS, "staging")
    assert f"with {ROLE}-new, which is gone though access is there" in refused.why
    way = ("--no-enable-termination-protection", "--retain-resources RoleBoundary", "make access ENV=staging")
    assert refused.remedy == (
        "An administrator deletes the access stack, whose other roles can be made again: `aws cloudformation "
        "update-termination-protection --no-enable-termination-protection --stack-name access`, `aws cloudformation "
        "delete-stack --stack-name access`. An administrator ends its deletion with `aws cloudformation delete-stack "
        "--stack-name access --retain-resources RoleBoundary`. The policy stays with the roles of the environment "
        "until a deployment has given them another one, and can be deleted then. When access is gone, an administrator "
        "runs `make access ENV=staging`, which makes another role; then run this again."
    )
    places = [refused.remedy.index(step) for step in way]
    assert places == sorted(places)
    assert aws.asked == [("iam.get_role", {"RoleName": "one-new"})]


@pytest.mark.parametrize("stack", [None, replace(STACK, role="")], ids=["new", "own"])
def test_nothing_is_asked_where_no_role_is_needed(stack: Stack | None) -> None:
    aws = Prepared()
    assert service_role.refusals(aws, stack, ACCESS, "staging") == [] and aws.asked == []


def test_a_role_of_somebodys_own_is_used_on_and_one_that_cannot_be_read_is_not_taken_to_be_there() -> None:
    role = {"Path": "/", "RoleName": "one", "RoleId": "A" * 16, "Arn": ROLE, "CreateDate": "2026-11-23"}
    assert service_role.refusals(Prepared(iam__get_role={"Role": role}), STACK, None, "staging") == []
    with pytest.raises(AwsError):
        service_role.refusals(Prepared(iam__get_role=refusal("x", "AccessDenied")), STACK, None, "staging")
