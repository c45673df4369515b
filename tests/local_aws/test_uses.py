"""What CloudFront keeps while something of its own uses it, and what it puts into the network of a VPC origin."""

from __future__ import annotations

import time
from typing import Any

import pytest

from scripts.local_aws import uses
from scripts.local_aws.services import ResourceError
from scripts.local_aws.values import Resource
from tests.local_aws.own import Own

DISTRIBUTION, ORIGIN = "AWS::CloudFront::Distribution", "AWS::CloudFront::VpcOrigin"


def resource(kind: str, physical: str, **properties: Any) -> Resource:
    return Resource("Logical", kind, {"Type": kind}, properties, physical)


def distributed(own: Own, uses_it: str, physical: str = "E1") -> None:
    """A stack with a distribution that names something in its properties."""
    stack = own.account.new("site")
    config = {"Origins": [{"Id": "a", "OriginAccessControlId": uses_it}]}
    stack.resources["Distribution"] = resource(DISTRIBUTION, physical, DistributionConfig=config)


def refusal(call: Any, own: Own, subject: Resource) -> str:
    """Why a call refuses a resource; empty when it does not."""
    try:
        call(own.account, subject)
    except ResourceError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("AWS::CloudFront::Function", "FunctionInUse"),
        ("AWS::CloudFront::OriginAccessControl", "OriginAccessControlInUse"),
        ("AWS::CloudFront::ResponseHeadersPolicy", "ResponseHeadersPolicyInUse"),
        (ORIGIN, "CannotDeleteEntityWhileInUse"),
    ],
)
def test_what_a_distribution_uses_is_not_deleted(own: Own, kind: str, code: str) -> None:
    assert refusal(uses.refuse_deletion, own, resource(kind, "used-1")) == ""
    distributed(own, "used-1")
    assert refusal(uses.refuse_deletion, own, resource(kind, "used-1")) == (
        f'Resource handler returned message: "used-1 is currently associated with distribution E1 ({code}) '
        '(Service: CloudFront, Status Code: 409)" (HandlerErrorCode: ResourceConflict)'
    )
    assert refusal(uses.refuse_deletion, own, resource(kind, "used-2")) == ""
    assert refusal(uses.refuse_deletion, own, resource("AWS::S3::Bucket", "used-1")) == ""


def test_what_was_never_created_uses_nothing(own: Own) -> None:
    distributed(own, "used-1", physical="")
    assert refusal(uses.refuse_deletion, own, resource(ORIGIN, "used-1")) == ""


def test_an_origin_that_a_distribution_uses_takes_no_change(own: Own) -> None:
    assert refusal(uses.refuse_change, own, resource(ORIGIN, "vo_1")) == ""
    distributed(own, "vo_1")
    assert refusal(uses.refuse_change, own, resource(ORIGIN, "vo_1")) == (
        'Resource handler returned message: "VPC origin vo_1 is currently associated with one or more distributions: '
        'E1 (CannotUpdateEntityWhileInUse) (Service: CloudFront, Status Code: 409)" '
        "(HandlerErrorCode: ResourceConflict)"
    )
    assert refusal(uses.refuse_change, own, resource(ORIGIN, "vo_2")) == ""
    assert refusal(uses.refuse_change, own, resource("AWS::CloudFront::Function", "vo_1")) == ""


def balancer(own: Own) -> tuple[str, str]:
    """The ARN of a load balancer in two subnets, and its VPC."""
    ec2 = own.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"eu-central-1{zone}")["Subnet"][
            "SubnetId"
        ]
        for number, zone in enumerate("ab")
    ]
    answer = own.client("elbv2").create_load_balancer(Name="lb", Subnets=subnets, Scheme="internal")
    return answer["LoadBalancers"][0]["LoadBalancerArn"], vpc


def interfaces(own: Own, vpc: str) -> list[tuple[str, str, list[str]]]:
    """The interfaces of origins in a VPC: description, subnet's zone and groups."""
    listed = own.client("ec2").describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
    return sorted(
        (each["Description"], each["AvailabilityZone"], [group["GroupName"] for group in each["Groups"]])
        for each in listed["NetworkInterfaces"]
        if each["Description"].startswith("vo_")
    )


def groups(own: Own, vpc: str) -> list[Any]:
    """CloudFront's security groups in a VPC."""
    listed = own.client("ec2").describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"]
    return [group for group in listed if group["GroupName"] != "default"]


def test_an_origin_has_interfaces_in_each_subnet_and_one_group_which_go_with_the_last(own: Own) -> None:
    arn, vpc = balancer(own)
    first, second = (resource(ORIGIN, name, VpcOriginEndpointConfig={"Arn": arn}) for name in ("vo_1", "vo_2"))
    group = "CloudFront-VPCOrigins-Service-SG"
    uses.place_interfaces(own.account.services, first)
    uses.place_interfaces(own.account.services, second)
    assert interfaces(own, vpc) == [
        (name, f"eu-central-1{zone}", [group]) for name in ("vo_1", "vo_2") for zone in ("a", "b")
    ]
    [shown] = groups(own, vpc)
    assert (shown["GroupName"], shown["Description"]) == (group, "CloudFront's own")
    assert shown["Tags"] == [{"Key": "aws.cloudfront.vpcorigin", "Value": "enabled"}]
    uses.remove_interfaces(own.account, first)
    assert [name for name, *_ in interfaces(own, vpc)] == ["vo_2", "vo_2"]
    assert len(groups(own, vpc)) == 1, "the second still has it"
    own.behave(interface_seconds=0.05)
    uses.remove_interfaces(own.account, second)
    assert len(interfaces(own, vpc)) == 2, "they stay for a while"
    limit = time.monotonic() + 30
    while interfaces(own, vpc) or groups(own, vpc):
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_an_origin_without_a_load_balancer_has_no_interfaces(own: Own) -> None:
    _, vpc = balancer(own)
    arn = f"arn:aws:elasticloadbalancing:eu-central-1:{own.number}:loadbalancer/app/none/0123456789abcdef"
    uses.place_interfaces(own.account.services, resource(ORIGIN, "vo_1", VpcOriginEndpointConfig={"Arn": arn}))
    assert interfaces(own, vpc) == [] and groups(own, vpc) == []
