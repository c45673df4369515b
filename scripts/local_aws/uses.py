"""What CloudFront keeps while something of its own uses it. moto knows most of these not at all, so the records of all
stacks tell who uses what.

Sources: botocore's model of CloudFront (the errors of DeleteFunction, DeleteOriginAccessControl,
DeleteResponseHeadersPolicy, DeleteVpcOrigin and UpdateVpcOrigin); that an associated VPC origin takes no change, not
even of its tags: aws-cdk issue 34629, terraform-provider-aws issue 40905. CloudFront has its own interfaces and
security group in the network of a VPC origin (CloudFront developer guide, "Restrict access with VPC origins"); how long
they stay when the origin is gone is written down nowhere (cloudformation-coverage-roadmap issue 1327).
"""

import json
from threading import Timer
from typing import NoReturn

from scripts.local_aws.account import Account
from scripts.local_aws.services import ResourceError, Services
from scripts.local_aws.values import Resource

DISTRIBUTION, VPC_ORIGIN = "AWS::CloudFront::Distribution", "AWS::CloudFront::VpcOrigin"
IN_USE = {
    "AWS::CloudFront::Function": "FunctionInUse",
    "AWS::CloudFront::OriginAccessControl": "OriginAccessControlInUse",
    "AWS::CloudFront::ResponseHeadersPolicy": "ResponseHeadersPolicyInUse",
    VPC_ORIGIN: "CannotDeleteEntityWhileInUse",
}
ORIGIN_GROUP = "CloudFront-VPCOrigins-Service-SG"


def refuse_deletion(account: Account, resource: Resource) -> None:
    """Raises `ResourceError` for a resource of CloudFront that a distribution still uses."""
    if (code := IN_USE.get(resource.kind)) and (user := _user(account, resource)):
        _refuse(f"{resource.physical} is currently associated with distribution {user} ({code})")


def refuse_change(account: Account, resource: Resource) -> None:
    """Raises `ResourceError` for a VPC origin that a distribution uses."""
    if resource.kind == VPC_ORIGIN and (user := _user(account, resource)):
        what = f"VPC origin {resource.physical} is currently associated with one or more distributions: {user}"
        _refuse(f"{what} (CannotUpdateEntityWhileInUse)")


def _refuse(message: str) -> NoReturn:
    text = f"{message} (Service: CloudFront, Status Code: 409)"
    raise ResourceError(f'Resource handler returned message: "{text}" (HandlerErrorCode: ResourceConflict)')


def _user(account: Account, resource: Resource) -> str:
    """The distribution that uses a resource; empty when none does."""
    for stack in tuple(account.stacks.values()):
        for other in tuple(stack.resources.values()):
            if other.kind == DISTRIBUTION and other.physical and resource.physical in json.dumps(other.properties):
                return other.physical
    return ""


def place_interfaces(services: Services, origin: Resource) -> None:
    """Puts CloudFront's security group and interfaces into the network of a new VPC origin; into none when its load
    balancer is not there."""
    arn = origin.properties["VpcOriginEndpointConfig"]["Arn"]
    try:
        [balancer] = services.call("elbv2", "describe_load_balancers", {"LoadBalancerArns": [arn]})["LoadBalancers"]
    except ResourceError:
        return
    place = [{"Name": "vpc-id", "Values": [balancer["VpcId"]]}, {"Name": "group-name", "Values": [ORIGIN_GROUP]}]
    groups = services.call("ec2", "describe_security_groups", {"Filters": place})["SecurityGroups"]
    if not groups:
        # The tag: AWS Managed Policy Reference, AWSCloudFrontVPCOriginServiceRolePolicy.
        tag = {"Key": "aws.cloudfront.vpcorigin", "Value": "enabled"}
        new = {
            "GroupName": ORIGIN_GROUP,
            "Description": "CloudFront's own",
            "VpcId": balancer["VpcId"],
            "TagSpecifications": [{"ResourceType": "security-group", "Tags": [tag]}],
        }
        groups = [services.call("ec2", "create_security_group", new)]
    for zone in balancer["AvailabilityZones"]:
        interface = {"SubnetId": zone["SubnetId"], "Groups": [groups[0]["GroupId"]], "Description": origin.physical}
        services.call("ec2", "create_network_interface", interface)


def remove_interfaces(account: Account, origin: Resource) -> None:
    """Takes the interfaces of a VPC origin away, and the security group after the last, in the time that the account's
    behaviour says."""
    if not (seconds := account.behaviour.interface_seconds):
        _remove_interfaces(account.services, origin.physical)
        return
    timer = Timer(seconds, _remove_interfaces, (account.services, origin.physical))
    timer.daemon = True
    timer.start()


def _remove_interfaces(services: Services, origin: str) -> None:
    place = [{"Name": "description", "Values": [origin]}]
    for interface in services.call("ec2", "describe_network_interfaces", {"Filters": place})["NetworkInterfaces"]:
        services.call("ec2", "delete_network_interface", {"NetworkInterfaceId": interface["NetworkInterfaceId"]})
        for group in interface["Groups"]:
            of_group = [{"Name": "group-id", "Values": [group["GroupId"]]}]
            if not services.call("ec2", "describe_network_interfaces", {"Filters": of_group})["NetworkInterfaces"]:
                services.call("ec2", "delete_security_group", {"GroupId": group["GroupId"]})
