"""Runtime: the network in which the backend runs, and the one way in."""

import json
from typing import Any

import pytest

from generator.cfn.assertions import broken, unmet
from generator.cfn.graph import dependencies
from generator.cfn.intrinsics import decide, render
from generator.cfn.templates import TemplateSet, load
from tests.support.design import (
    BOTH,
    ROOT,
    attribute,
    declaration,
    default,
    exists,
    grants,
    passed,
    real,
    ref,
    sub,
    under,
)

PREFIX_LIST = "ec2 describe-managed-prefix-lists, name com.amazonaws.global.cloudfront.origin-facing"
PRIVATE = [ref("PrivateSubnetA"), ref("PrivateSubnetB")]


def test_tasks_are_private(templates: TemplateSet) -> None:
    [network] = templates.resource("backend.Service").get("NetworkConfiguration", default={}).values()
    assert network == {"AssignPublicIp": "DISABLED", "SecurityGroups": [ref("TaskGroupId")], "Subnets": PRIVATE}
    for zone in "AB":
        values = real(templates, "backend.Service", ref(f"PrivateSubnet{zone}"))
        assert values == f"${{network.PrivateSubnet{zone}}}"
        subnet = templates.resource(f"network.PrivateSubnet{zone}")
        assert subnet.get("MapPublicIpOnLaunch") is False
        assert subnet.get("AvailabilityZone") == ref(f"Zone{zone}")
        association = templates.resource(f"network.PrivateSubnet{zone}Routes")
        assert association.get("RouteTableId") == ref(f"PrivateRoutes{zone}")
        assert association.get("SubnetId") == ref(f"PrivateSubnet{zone}")
    for subnet in templates.resources("AWS::EC2::Subnet"):
        assert subnet.get("VpcId") == ref("Vpc")
        assert subnet.get("MapPublicIpOnLaunch") is False
        assert subnet.get("CidrBlock", "Fn::Select", 1) == {"Fn::Cidr": [attribute("Vpc", "CidrBlock"), 16, 12]}
    assert templates.resource("backend.Service").get("EnableExecuteCommand") is False
    routes = [resource for resource in templates.resources("AWS::EC2::Route") if resource.get("GatewayId") is not None]
    assert [route.address for route in routes] == ["network.PublicDefault"]
    assert routes[0].get("RouteTableId") == ref("PublicRoutes")


def test_nat_gateways(templates: TemplateSet) -> None:
    """One or two; with one, both zones leave through it."""
    for count, second in (("1", "NatA"), ("2", "NatB")):
        for zone, gateway in (("A", "NatA"), ("B", second)):
            route = under(templates, f"network.PrivateDefault{zone}", NatGatewayCount=count)
            assert route.get("RouteTableId") == ref(f"PrivateRoutes{zone}")
            assert (route.get("DestinationCidrBlock"), route.get("NatGatewayId")) == ("0.0.0.0/0", ref(gateway))
        assert exists(templates, "network.NatB", NatGatewayCount=count) is (count == "2")
        assert exists(templates, "network.NatAddressB", NatGatewayCount=count) is (count == "2")
    for zone in "AB":
        # A zone that fails takes one gateway with it, not both.
        assert templates.resource(f"network.PublicSubnet{zone}").get("AvailabilityZone") == ref(f"Zone{zone}")
        assert passed(templates, "Network", f"Zone{zone}") == ref(f"Zone{zone}")
        nat = templates.resource(f"network.Nat{zone}")
        assert nat.get("SubnetId") == ref(f"PublicSubnet{zone}")
        association = templates.resource(f"network.PublicSubnet{zone}Routes")
        assert association.get("RouteTableId") == ref("PublicRoutes")
        assert association.get("SubnetId") == ref(f"PublicSubnet{zone}")
        assert nat.get("AllocationId") == attribute(f"NatAddress{zone}", "AllocationId")
    declared = declaration(templates, "NatGatewayCount")
    assert declared["AllowedValues"] == ["1", "2"]
    refused = unmet("NatGatewayCount", declared, "0")
    assert refused and "without one" in refused[0]
    for service in ("S3", "Dynamodb"):
        endpoint = templates.resource(f"network.{service}Endpoint")
        assert endpoint.get("VpcEndpointType") == "Gateway"
        assert endpoint.get("ServiceName") == sub(f"com.amazonaws.${{AWS::Region}}.{service.lower()}")
        assert endpoint.get("RouteTableIds") == [ref("PrivateRoutesA"), ref("PrivateRoutesB")]


def reached(templates: TemplateSet, scheme: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Listener, the conditions of its rule by field, and the distribution's origin, under a scheme."""
    listener, rule = (
        under(templates, f"ingress.{item}", LoadBalancerScheme=scheme, LoadBalancerCertificateArn="")
        for item in ("Listener", "ProductionRule")
    )
    distribution = under(templates, "delivery.Distribution", **BOTH, LoadBalancerScheme=scheme)
    [origin] = [origin for origin in distribution["DistributionConfig"]["Origins"] if origin["Id"] == "api"]
    assert origin["DomainName"] == ref("LoadBalancerDnsName")
    return listener, {condition["Field"]: condition for condition in rule["Conditions"]}, origin


def test_the_load_balancer_is_internal(templates: TemplateSet) -> None:
    """By default: in private subnets, without a name or an address outside, behind a VPC origin."""
    assert default(templates, "LoadBalancerScheme") == "INTERNAL"
    # CloudFront developer guide, private-content-vpc-origins: what an application must not rely on.
    assert "no WebSockets and no gRPC" in declaration(templates, "LoadBalancerScheme")["Description"]
    assert under(templates, "ingress.LoadBalancer", LoadBalancerScheme="INTERNAL")["Scheme"] == "internal"
    balancer = templates.resource("ingress.LoadBalancer")
    assert balancer.get("Type") == "application"
    assert balancer.get("Subnets") == [ref("LoadBalancerSubnetA"), ref("LoadBalancerSubnetB")]
    for zone, subnet in zip("AB", PRIVATE, strict=True):
        value = templates["network"].outputs[f"LoadBalancerSubnet{zone}"]["Value"]
        assert decide(value, {"PublicLoadBalancer": False}) == subnet
    settings = {
        load_balancer_attribute["Key"]: load_balancer_attribute["Value"]
        for load_balancer_attribute in balancer.get("LoadBalancerAttributes", default=[])
    }
    assert settings["routing.http.drop_invalid_header_fields.enabled"] == "true"
    assert balancer.get("SecurityGroups") == [ref("LoadBalancerGroupId")]
    origin = templates.resource("delivery.ApiOrigin")
    endpoint = origin.get("VpcOriginEndpointConfig", default={})
    assert origin.type == "AWS::CloudFront::VpcOrigin"
    assert endpoint.get("OriginProtocolPolicy") == "http-only"
    assert real(templates, "delivery.ApiOrigin", endpoint.get("Arn")) == "${ingress.LoadBalancer}"
    listener, requested, api = reached(templates, "INTERNAL")
    assert (listener["Port"], listener["Protocol"]) == (endpoint["HTTPPort"], "HTTP")
    assert "Certificates" not in listener
    assert list(requested) == ["path-pattern"]
    # Elastic Beanstalk numbers its rules at a shared load balancer from the lowest on, and a priority is unique while a
    # rule is replaced.
    assert templates.resource("ingress.ProductionRule").get("Priority") == 1000
    # A request that walks the accounts of clients takes longer than the default of 30 seconds.
    assert api["VpcOriginConfig"] == {"OriginReadTimeout": 60, "VpcOriginId": ref("ApiOrigin")}
    assert exists(templates, "delivery.ApiOrigin", **BOTH, LoadBalancerScheme="INTERNAL")
    assert not exists(templates, "ingress.OriginSecret", LoadBalancerScheme="INTERNAL")
    # A VPC origin needs an internet gateway attached to the VPC.
    attached = templates.resource("network.InternetAttachment")
    assert (attached.get("VpcId"), attached.get("InternetGatewayId")) == (ref("Vpc"), ref("InternetGateway"))


def test_a_public_load_balancer_takes_tls_and_a_secret(templates: TemplateSet) -> None:
    """By parameter: the prefix list admits anybody's distribution, so that only a secret header tells ours."""
    public = {"LoadBalancerScheme": "PUBLIC", "LoadBalancerCertificateArn": ""}
    assert under(templates, "ingress.LoadBalancer", **public)["Scheme"] == "internet-facing"
    for zone in "AB":
        value = templates["network"].outputs[f"LoadBalancerSubnet{zone}"]["Value"]
        assert decide(value, {"PublicLoadBalancer": True}) == ref(f"PublicSubnet{zone}")
    listener, requested, api = reached(templates, "PUBLIC")
    assert (listener["Port"], listener["Protocol"]) == (443, "HTTPS")
    assert listener["Certificates"] == [{"CertificateArn": ref("Certificate")}]
    values = under(templates, "ingress.Listener", **{**public, "LoadBalancerCertificateArn": "arn"})
    assert values["Certificates"] == [{"CertificateArn": ref("LoadBalancerCertificateArn")}]
    created = templates.resource("ingress.Certificate")
    assert (created.get("DomainName"), created.get("ValidationMethod")) == (ref("DomainName"), "DNS")
    assert exists(templates, created.address, **public)
    assert not exists(templates, created.address, **{**public, "LoadBalancerCertificateArn": "arn"})
    assert not exists(templates, created.address, LoadBalancerScheme="INTERNAL")
    assert listener["SslPolicy"].startswith("ELBSecurityPolicy-TLS13-1-2-Res")
    header, secret = (requested["http-header"]["HttpHeaderConfig"], templates.resource("ingress.OriginSecret"))
    assert header["Values"] == [sub("{{resolve:secretsmanager:${OriginSecret}}}")]
    assert secret.get("GenerateSecretString") == {
        "ExcludePunctuation": True,
        "IncludeSpace": False,
        "PasswordLength": 64,
    }
    assert secret.get("KmsKeyId") == ref("KeyArn")
    assert api["CustomOriginConfig"] == {
        "HTTPSPort": 443,
        "OriginProtocolPolicy": "https-only",
        "OriginReadTimeout": 60,
        "OriginSSLProtocols": ["TLSv1.2"],
    }
    [sent] = api["OriginCustomHeaders"]
    assert sent["HeaderName"] == header["HttpHeaderName"]
    assert sent["HeaderValue"] == sub("{{resolve:secretsmanager:${OriginSecretArn}}}")
    assert real(templates, "delivery.Distribution", ref("OriginSecretArn")) == "${ingress.OriginSecret}"
    assert not exists(templates, "delivery.ApiOrigin", **BOTH, **public)
    assert exists(templates, "ingress.OriginSecret", **public)
    admitted = templates.resource("network.FromCloudFront")
    assert admitted.get("FromPort") < admitted.get("ToPort") == 443
    # A living environment cannot change it: a target group belongs to one load balancer.
    assert "target groups" in templates["environment"].metadata["Fixed"]["LoadBalancerScheme"]


@pytest.mark.parametrize(
    ("provided", "refused"),
    [
        ({}, False),
        ({"LoadBalancerScheme": "PUBLIC"}, True),
        ({"LoadBalancerScheme": "PUBLIC", "LoadBalancerCertificateArn": "arn"}, True),
        ({"LoadBalancerScheme": "PUBLIC", "DomainName": "a.test"}, True),
        ({"LoadBalancerCertificateArn": "arn"}, True),
        ({"LoadBalancerScheme": "PUBLIC", "LoadBalancerCertificateArn": "arn", "DomainName": "a.test"}, False),
        ({"LoadBalancerScheme": "PUBLIC", "HostedZoneId": "Z1", "DomainName": "a.test"}, False),
    ],
)  # fmt: skip
def test_public_without_tls_is_refused(provided: dict[str, str], refused: bool) -> None:
    environment = load(ROOT / "templates")["environment"]
    values = {name: str(item.get("Default", "x")) for name, item in environment.parameters.items()}
    result = [item.rule for item in broken(environment.body, {**values, **provided})]
    assert ("PublicLoadBalancerHasTls" in result) is refused


def test_groups_admit_what_is_listened_on(templates: TemplateSet) -> None:
    """By rules that follow no parameter: a rule is replaced by a second one that is made first, and CloudFront's list
    fits into a group once; a backend that moves serves until it is gone."""
    port = under(templates, "ingress.Listener")["Port"]
    [container] = templates.resource("backend.Task").get("ContainerDefinitions", default=[])
    task_port = container["PortMappings"][0]["ContainerPort"]
    assert (port, task_port) == (80, 8000)
    admitted = {
        resource.address: tuple(resource.get(name) for name in ("GroupId", "IpProtocol", "FromPort", "ToPort"))
        for resource in templates.resources("AWS::EC2::SecurityGroupIngress")
    }
    assert admitted == {
        # The ports of both kinds of listener, of which there is one.
        "network.FromCloudFront": (attribute("LoadBalancerGroup", "GroupId"), "tcp", port, 443),
        "network.FromLoadBalancer": (attribute("TaskGroup", "GroupId"), "tcp", task_port, task_port),
        "network.FromLoadBalancerToProxy": (attribute("TaskGroup", "GroupId"), "tcp", 80, 80),
    }
    moving = {"AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress"}
    for resource in templates.resources(*moving):
        assert resource.condition is None and "Fn::If" not in json.dumps(dict(resource.properties)), resource.address
    assert templates.resource("network.FromCloudFront").get("SourcePrefixListId") == ref("CloudFrontPrefixListId")
    assert templates["environment"].metadata["Computed"]["CloudFrontPrefixListId"]["Found"] == PREFIX_LIST
    assert passed(templates, "Network", "CloudFrontPrefixListId") == ref("CloudFrontPrefixListId")
    source = templates.resource("network.FromLoadBalancer").get("SourceSecurityGroupId")
    assert source == attribute("LoadBalancerGroup", "GroupId")
    groups = list(templates.resources("AWS::EC2::SecurityGroup"))
    assert [group.get("VpcId") for group in groups] == [ref("Vpc")] * 2
    assert [group.address for group in groups if group.get("SecurityGroupIngress") is not None] == []
    out = templates.resource("network.LoadBalancerGroup").get("SecurityGroupEgress")
    assert [(rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in out] == [
        ("tcp", task_port, task_port),
        ("tcp", 80, 80),
    ]
    assert {str(rule["DestinationSecurityGroupId"]) for rule in out} == {str(attribute("TaskGroup", "GroupId"))}
    redis = templates.resource("network.ToRedis")
    assert (redis.condition, redis.get("FromPort"), redis.get("ToPort")) == ("HasRedis", 6379, 6379)
    assert redis.get("GroupId") == attribute("TaskGroup", "GroupId")
    assert redis.get("CidrIp") == attribute("Vpc", "CidrBlock")
    [leaving] = templates.resource("network.TaskGroup").get("SecurityGroupEgress")
    assert (leaving["IpProtocol"], leaving["FromPort"], leaving["ToPort"]) == ("tcp", 443, 443)


def test_flow_logs(templates: TemplateSet) -> None:
    log = templates.resource("network.FlowLog")
    assert (log.get("ResourceId"), log.get("ResourceType"), log.get("TrafficType")) == (ref("Vpc"), "VPC", "ALL")
    assert dependencies(templates["network"])["FlowLog"] == {"Vpc", "FlowLogRole", "FlowLogs"}
    assert templates.resource("network.FlowLogs").get("KmsKeyId") == ref("KeyArn")
    assert templates.resource("network.FlowLogs").get("RetentionInDays") == ref("LogRetentionDays")
    assert grants(templates, "network.FlowLogRole")["WriteFlowLogs"].resources == ("${FlowLogs.Arn}",)
    cidrs = [render(resource.get("CidrBlock", "Fn::Select", 0)) for resource in templates.resources("AWS::EC2::Subnet")]
    assert sorted(cidrs) == ["0", "1", "2", "3"]
