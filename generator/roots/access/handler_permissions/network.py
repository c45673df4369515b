"""Deploying the network: VPC, load balancer. Ids are random, so what exists is told apart by the environment's tag.

Whatever makes something names the types that the call touches; whatever changes or deletes it asks for the tag.
"""

from __future__ import annotations

from generator.core.iam import unscoped
from generator.roots.access.handler_permissions.runtime import linked
from generator.roots.access.handler_permissions.types import (
    UNUSED,
    Access,
    TypePermissions,
    TypeTable,
    actions,
    any_of,
    excluded,
    tagged,
)


def _ec2(
    make: str = "",
    of: tuple[str, ...] = (),
    change: str = "",
    on: tuple[str, ...] = (),
    read: str = "",
    without: str = "",
    why: str = "",
) -> TypePermissions:
    """A type of EC2: `make` on resource types `of`, `change` on tagged ones of `on`, `read` on everything."""
    parts = [
        Access(actions("ec2", make), any_of("ec2", *of)) if make else None,
        Access(actions("ec2", change), any_of("ec2", *on), "Change", tagged(), why) if change else None,
        Access(actions("ec2", read), unscoped("EC2"), "Read") if read else None,
    ]
    return TypePermissions(
        tuple(part for part in parts if part), excluded(UNUSED, " ".join(f"ec2:{part}" for part in without.split()))
    )


def network() -> TypeTable:
    """VPC, subnets and their routes."""
    routes = ("route-table",)
    return {
        "AWS::EC2::VPC": _ec2(
            "CreateTags CreateVpc DescribeVpcAttribute",
            ("vpc",),
            "DeleteTags DeleteVpc ModifyVpcAttribute",
            ("vpc",),
            "DescribeNetworkAcls DescribeSecurityGroups DescribeVpcEncryptionControls DescribeVpcs",
            "CreateVpcEncryptionControl ModifyVpcTenancy",
        ),
        "AWS::EC2::Subnet": _ec2(
            "CreateSubnet CreateTags",
            ("subnet", "vpc"),
            "DeleteSubnet DeleteTags ModifySubnetAttribute",
            ("subnet",),
            "DescribeNetworkAcls DescribeSubnets",
            "AssociateSubnetCidrBlock DisassociateSubnetCidrBlock",
        ),
        "AWS::EC2::RouteTable": _ec2(
            "CreateRouteTable CreateTags",
            ("route-table", "vpc"),
            "DeleteRouteTable DeleteTags",
            routes,
            "DescribeRouteTables",
        ),
        "AWS::EC2::Route": _ec2(
            change="CreateRoute DeleteRoute ReplaceRoute",
            on=routes,
            read="DescribeNetworkInterfaces DescribeRouteTables",
        ),
        "AWS::EC2::SubnetRouteTableAssociation": _ec2(
            change="AssociateRouteTable DisassociateRouteTable ReplaceRouteTableAssociation",
            on=("route-table", "subnet"),
            read="DescribeRouteTables DescribeSubnets",
        ),
    }


def gateways() -> TypeTable:
    """What leads out of the VPC, and what watches it."""
    return {
        "AWS::EC2::InternetGateway": _ec2(
            "CreateInternetGateway CreateTags",
            ("internet-gateway",),
            "DeleteInternetGateway DeleteTags",
            ("internet-gateway",),
            "DescribeInternetGateways",
        ),
        "AWS::EC2::VPCGatewayAttachment": _ec2(
            change="AttachInternetGateway DetachInternetGateway",
            on=("internet-gateway", "vpc"),
            read="DescribeInternetGateways DescribeVpnGateways",
            without="AttachVpnGateway DetachVpnGateway",
        ),
        "AWS::EC2::EIP": _ec2(
            "AllocateAddress CreateTags",
            ("elastic-ip",),
            "DeleteTags DisassociateAddress ReleaseAddress",
            ("elastic-ip",),
            "DescribeAddresses DescribeTags",
            "AcceptAddressTransfer AssociateAddress",
            "an address that is still in use is taken off first",
        ),
        "AWS::EC2::NatGateway": _ec2(
            "CreateNatGateway CreateTags",
            ("elastic-ip", "natgateway", "subnet"),
            "DeleteNatGateway DeleteTags",
            ("natgateway",),
            "DescribeNatGateways",
            "AssociateNatGatewayAddress AssignPrivateNatGatewayAddress DisassociateNatGatewayAddress "
            "UnassignPrivateNatGatewayAddress",
        ),
        "AWS::EC2::VPCEndpoint": TypePermissions(
            (
                Access(
                    actions("ec2", "CreateTags CreateVpcEndpoint"), any_of("ec2", "route-table", "vpc", "vpc-endpoint")
                ),
                Access(
                    actions("ec2", "DeleteTags DeleteVpcEndpoints ModifyVpcEndpoint"),
                    any_of("ec2", "route-table", "vpc-endpoint"),
                    "Change",
                    tagged(),
                ),
                Access(
                    actions("ec2", "DescribeSecurityGroups DescribeSubnets DescribeVpcEndpoints DescribeVpcs"),
                    unscoped("EC2"),
                    "Read",
                ),
            ),
            excluded(
                UNUSED,
                "vpc-lattice:CreateServiceNetworkVpcEndpointAssociation "
                "vpc-lattice:DescribeServiceNetworkVpcEndpointAssociation vpce:AllowMultiRegion",
            ),
        ),
        "AWS::EC2::FlowLog": TypePermissions(
            (
                Access(actions("ec2", "CreateFlowLogs CreateTags"), any_of("ec2", "vpc", "vpc-flow-log")),
                Access(actions("ec2", "DeleteFlowLogs DeleteTags"), any_of("ec2", "vpc-flow-log"), "Change", tagged()),
                Access(actions("ec2", "DescribeFlowLogs DescribeTags"), unscoped("EC2"), "Read"),
                Access(actions("logs", "CreateLogDelivery DeleteLogDelivery"), unscoped("CloudWatch Logs"), "Deliver"),
            ),
            {
                **excluded(
                    "only flow logs to S3 need it", "s3:GetBucketPolicy s3:PutBucketPolicy iam:CreateServiceLinkedRole"
                ),
                **excluded(UNUSED, "autoscaling:DescribeTags"),
            },
        ),
    }


def groups() -> TypeTable:
    """Security groups; a rule of a group is changed through the group."""
    group = ("security-group",)
    return {
        "AWS::EC2::SecurityGroup": _ec2(
            "CreateSecurityGroup CreateTags",
            ("security-group", "vpc"),
            "AuthorizeSecurityGroupEgress AuthorizeSecurityGroupIngress DeleteSecurityGroup DeleteTags "
            "RevokeSecurityGroupEgress RevokeSecurityGroupIngress UpdateSecurityGroupRuleDescriptionsEgress "
            "UpdateSecurityGroupRuleDescriptionsIngress",
            group,
            "DescribeInstances DescribeSecurityGroups",
        ),
        "AWS::EC2::SecurityGroupEgress": _ec2(
            change="AuthorizeSecurityGroupEgress RevokeSecurityGroupEgress UpdateSecurityGroupRuleDescriptionsEgress",
            on=group,
            read="DescribeSecurityGroupRules",
        ),
        "AWS::EC2::SecurityGroupIngress": _ec2(
            change="AuthorizeSecurityGroupIngress RevokeSecurityGroupIngress "
            "UpdateSecurityGroupRuleDescriptionsIngress",
            on=group,
            read="DescribeSecurityGroupRules DescribeSecurityGroups",
        ),
    }


def balancing() -> TypeTable:
    """The load balancer. Names are cut to 32 characters, so these too are told apart by their tags."""
    service = "elasticloadbalancing"
    listener, rule = ("listener/app",), ("listener-rule/app",)
    balancer, targets = ("loadbalancer/app",), ("targetgroup",)

    def kind(
        make: str, of: tuple[str, ...], change: str, on: tuple[str, ...], read: str, without: str
    ) -> TypePermissions:
        return TypePermissions(
            (
                Access(actions(service, f"AddTags {make}"), any_of(service, *of)),
                Access(actions(service, f"RemoveTags {change}"), any_of(service, *on), "Change", tagged()),
                Access(actions(service, f"DescribeTags {read}"), unscoped("Elastic Load Balancing"), "Read"),
            ),
            excluded(UNUSED, without),
        )

    kinds = {
        "AWS::ElasticLoadBalancingV2::LoadBalancer": kind(
            "CreateLoadBalancer",
            balancer,
            "DeleteLoadBalancer ModifyLoadBalancerAttributes SetIpAddressType SetSecurityGroups SetSubnets",
            balancer,
            "DescribeCapacityReservation DescribeLoadBalancerAttributes DescribeLoadBalancers",
            f"ec2:DescribeIpamPools {service}:ModifyCapacityReservation {service}:ModifyIpPools",
        ),
        "AWS::ElasticLoadBalancingV2::TargetGroup": kind(
            "CreateTargetGroup",
            targets,
            "DeleteTargetGroup ModifyTargetGroup ModifyTargetGroupAttributes",
            targets,
            "DescribeTargetGroupAttributes DescribeTargetGroups DescribeTargetHealth",
            f"{service}:DeregisterTargets {service}:RegisterTargets",
        ),
        "AWS::ElasticLoadBalancingV2::Listener": kind(
            "CreateListener",
            (*balancer, *listener),
            "DeleteListener ModifyListener ModifyListenerAttributes",
            listener,
            "DescribeListenerAttributes DescribeListeners",
            "cognito-idp:DescribeUserPoolClient",
        ),
        "AWS::ElasticLoadBalancingV2::ListenerRule": kind(
            "CreateRule",
            (*listener, *rule),
            "DeleteRule ModifyRule SetRulePriorities",
            rule,
            "DescribeRules",
            "cognito-idp:DescribeUserPoolClient",
        ),
    }
    groups = Access(actions("ec2", "DescribeVpcs"), unscoped("EC2"), "Vpcs")
    target = kinds["AWS::ElasticLoadBalancingV2::TargetGroup"]
    created = kinds["AWS::ElasticLoadBalancingV2::LoadBalancer"]
    return {
        **kinds,
        "AWS::ElasticLoadBalancingV2::LoadBalancer": created._replace(
            access=(*created.access, linked(f"{service}.amazonaws.com"))
        ),
        "AWS::ElasticLoadBalancingV2::TargetGroup": target._replace(access=(*target.access, groups)),
    }
