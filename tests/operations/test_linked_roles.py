"""Service-linked roles, call by call: each type's, made once and waited for."""

from __future__ import annotations

from typing import Any

import pytest

from generator.cfn.changes import PlannedChange
from scripts.deployment.errors import AwsError, RefusedError
from scripts.deployment.plan import Plan
from scripts.operations import linked_roles
from tests.support.service import Prepared, arn, refusal

ROLES = {
    "AWS::ECS::Cluster": {"ecs.amazonaws.com": "AWSServiceRoleForECS"},
    "AWS::ElasticLoadBalancingV2::LoadBalancer": {
        "elasticloadbalancing.amazonaws.com": "AWSServiceRoleForElasticLoadBalancing"
    },
    "AWS::ECS::Service": {
        "ecs.application-autoscaling.amazonaws.com": "AWSServiceRoleForApplicationAutoScaling_ECSService"
    },
    "AWS::CloudFront::VpcOrigin": {"vpcorigin.cloudfront.amazonaws.com": "AWSServiceRoleForCloudFrontVPCOrigin"},
    "AWS::ElasticBeanstalk::Environment": {
        "elasticbeanstalk.amazonaws.com": "AWSServiceRoleForElasticBeanstalk",
        "autoscaling.amazonaws.com": "AWSServiceRoleForAutoScaling",
    },
}


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


@pytest.mark.parametrize("kind", ROLES)
def test_each_type_needs_its_services_roles(naps: list[float], kind: str) -> None:
    aws, services = Iam(late=0), ROLES[kind]
    [line] = linked_roles.create_missing(aws, adding(kind))
    assert line == f"service-linked roles are created first, for {', '.join(services)}" and naps == []
    looks = [("iam.get_role", {"RoleName": role}) for role in services.values()]
    created = [("iam.create_service_linked_role", {"AWSServiceName": service}) for service in services]
    assert aws.asked == [*looks, *created, *looks]
    known = {service: role for roles in ROLES.values() for service, role in roles.items()}
    assert {service: role for service, (role, _) in linked_roles.ROLES.items()} == known
