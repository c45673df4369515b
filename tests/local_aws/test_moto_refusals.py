"""What services refuse while something uses a resource: each refusal with its code and words, and that the same call is
taken once nothing stands in its way."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from moto.sns.models import sns_backends

from scripts.local_aws.account import Account
from scripts.local_aws.moto_refusals import DEPLOYED
from tests.local_aws.cases import TASK, trust
from tests.local_aws.here import refusal

Client = Callable[[str], Any]


class Network:
    """Two networks with subnets, a gateway and groups, made by boto3."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.ec2, self.elb = (account.services.client(name) for name in ("ec2", "elbv2"))
        self.vpc, self.other_vpc = (self.ec2.create_vpc(CidrBlock=f"10.{n}.0.0/16")["Vpc"]["VpcId"] for n in (0, 1))
        self.subnets = [self.subnet(self.vpc, f"10.0.{number}.0/24", "abc"[number]) for number in range(3)]
        self.other_subnet = self.subnet(self.other_vpc, "10.1.0.0/24", "a")
        self.gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.attachment = {"InternetGatewayId": self.gateway, "VpcId": self.vpc}
        self.ec2.attach_internet_gateway(**self.attachment)

    def subnet(self, vpc: str, block: str, zone: str) -> str:
        subnet = self.ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=f"us-east-1{zone}")["Subnet"]
        return str(subnet["SubnetId"])

    def group(self, name: str, vpc: str = "") -> str:
        group = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc or self.vpc)
        return str(group["GroupId"])

    def balancer(self, name: str, scheme: str = "internal", **more: Any) -> str:
        created = self.elb.create_load_balancer(Name=name, Scheme=scheme, Subnets=self.subnets[:2], **more)
        return str(created["LoadBalancers"][0]["LoadBalancerArn"])

    def targets(self, name: str) -> str:
        created = self.elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=self.vpc, TargetType="ip")
        return str(created["TargetGroups"][0]["TargetGroupArn"])

    def nat(self, **more: Any) -> dict[str, Any]:
        created: dict[str, Any] = self.ec2.create_nat_gateway(SubnetId=self.subnets[0], **more)["NatGateway"]
        return created


@pytest.fixture
def network(account: Account) -> Network:
    return Network(account)


def test_a_subnet_stays_while_something_is_in_it(network: Network) -> None:
    ec2, (first, second, third) = network.ec2, network.subnets
    interface = ec2.create_network_interface(SubnetId=third)["NetworkInterface"]["NetworkInterfaceId"]
    balancer = network.balancer("one")
    for subnet in (first, second, third):
        assert refusal(ec2.delete_subnet, SubnetId=subnet) == (
            "DependencyViolation",
            f"The subnet '{subnet}' has dependencies and cannot be deleted.",
        )
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    ec2.delete_subnet(SubnetId=third)
    network.elb.delete_load_balancer(LoadBalancerArn=balancer)
    ec2.delete_subnet(SubnetId=first)
    left = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [network.vpc]}])["Subnets"]
    assert [subnet["SubnetId"] for subnet in left] == [second]


@pytest.mark.parametrize("user", ["interface", "balancer", "ingress", "egress"])
def test_a_security_group_stays_while_something_uses_it(network: Network, user: str) -> None:
    ec2, group, other = network.ec2, network.group("used"), network.group("other")
    permission = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "UserIdGroupPairs": [{"GroupId": group}]}
    rule = {"GroupId": other, "IpPermissions": [permission]}
    if user == "interface":
        interface = ec2.create_network_interface(SubnetId=network.subnets[0], Groups=[group])
        named = {"NetworkInterfaceId": interface["NetworkInterface"]["NetworkInterfaceId"]}
    elif user == "balancer":
        arn = network.balancer("one", SecurityGroups=[group])
    else:
        getattr(ec2, f"authorize_security_group_{user}")(**rule)
    assert refusal(ec2.delete_security_group, GroupId=group) == (
        "DependencyViolation",
        f"resource {group} has a dependent object",
    )
    if user == "interface":
        ec2.delete_network_interface(**named)
    elif user == "balancer":
        network.elb.delete_load_balancer(LoadBalancerArn=arn)
    else:
        getattr(ec2, f"revoke_security_group_{user}")(**rule)
    ec2.delete_security_group(GroupId=group)


def test_a_security_group_that_only_names_itself_goes(network: Network) -> None:
    group = network.group("own")
    permission = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
    network.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    network.ec2.delete_security_group(GroupId=group)
    assert refusal(network.ec2.describe_security_groups, GroupIds=[group])[0] == "InvalidGroup.NotFound"


def test_an_address_of_a_nat_gateway_is_free_again_with_it(network: Network) -> None:
    ec2 = network.ec2
    address, other = (ec2.allocate_address(Domain="vpc")["AllocationId"] for _ in range(2))
    gateway = network.nat(AllocationId=address)["NatGatewayId"]
    assert refusal(ec2.create_nat_gateway, SubnetId=network.subnets[0], AllocationId=address) == (
        "Resource.AlreadyAssociated",
        f"Resource {address} is already associated.",
    )
    second = network.nat(AllocationId=other)["NatGatewayId"]
    assert len(ec2.describe_network_interfaces()["NetworkInterfaces"]) == 2
    ec2.delete_nat_gateway(NatGatewayId=gateway)
    addresses = {each["AllocationId"]: each for each in ec2.describe_addresses()["Addresses"]}
    assert "AssociationId" not in addresses[address] and addresses[other]["AssociationId"]
    assert len(ec2.describe_network_interfaces()["NetworkInterfaces"]) == 1
    assert network.nat(AllocationId=address)["State"] == "available"
    ec2.delete_nat_gateway(NatGatewayId=second)
    private = [network.nat(ConnectivityType="private")["NatGatewayId"] for _ in range(2)]
    assert len(set(private)) == 2, "those without an address do not stand in each other's way"


@pytest.mark.parametrize("user", ["nat gateway", "load balancer"])
def test_a_gateway_stays_attached_while_something_has_a_public_address(network: Network, user: str) -> None:
    ec2 = network.ec2
    if user == "nat gateway":
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        gateway = network.nat(AllocationId=address)["NatGatewayId"]
    else:
        balancer = network.balancer("open", "internet-facing")
    assert refusal(ec2.detach_internet_gateway, **network.attachment) == (
        "DependencyViolation",
        f"Network {network.vpc} has some mapped public address(es). Please unmap those public address(es) before "
        "detaching the gateway.",
    )
    other = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    elsewhere = {"InternetGatewayId": other, "VpcId": network.other_vpc}
    ec2.attach_internet_gateway(**elsewhere)
    ec2.detach_internet_gateway(**elsewhere)  # that of another network is free
    if user == "nat gateway":
        ec2.delete_nat_gateway(NatGatewayId=gateway)
    else:
        network.elb.delete_load_balancer(LoadBalancerArn=balancer)
    ec2.detach_internet_gateway(**network.attachment)


def test_what_is_private_keeps_no_gateway(network: Network) -> None:
    network.nat(ConnectivityType="private")
    network.balancer("closed")
    network.ec2.detach_internet_gateway(**network.attachment)


def test_interfaces_are_found_by_the_names_of_their_groups(network: Network) -> None:
    group = network.group("searched")
    interface = network.ec2.create_network_interface(SubnetId=network.subnets[0], Groups=[group])["NetworkInterface"]
    network.ec2.create_network_interface(SubnetId=network.subnets[0])

    def interfaces(name: str, value: str) -> list[str]:
        answer = network.ec2.describe_network_interfaces(Filters=[{"Name": name, "Values": [value]}])
        return [each["NetworkInterfaceId"] for each in answer["NetworkInterfaces"]]

    own = [interface["NetworkInterfaceId"]]
    assert (interfaces("group-name", "searched"), interfaces("group-name", "none"), interfaces("group-id", group)) == (
        own,
        [],
        own,
    )


def test_a_load_balancer_stays_in_its_network_and_under_its_protection(network: Network) -> None:
    elb, ours, foreign = network.elb, network.group("ours"), network.group("foreign", network.other_vpc)
    balancer = network.balancer("one")
    for subnets in (
        {"Subnets": [network.subnets[0], network.other_subnet]},
        {"SubnetMappings": [{"SubnetId": network.other_subnet}]},
    ):
        assert refusal(elb.set_subnets, LoadBalancerArn=balancer, **subnets) == (
            "InvalidConfigurationRequest",
            f"The subnet '{network.other_subnet}' is in '{network.other_vpc}', the load balancer in '{network.vpc}'",
        )
    assert refusal(elb.set_security_groups, LoadBalancerArn=balancer, SecurityGroups=[ours, foreign]) == (
        "InvalidSecurityGroup",
        f"The security group '{foreign}' does not belong to the VPC of the load balancer",
    )
    elb.set_subnets(LoadBalancerArn=balancer, Subnets=network.subnets[1:])
    elb.set_security_groups(LoadBalancerArn=balancer, SecurityGroups=[ours])
    [shown] = elb.describe_load_balancers(LoadBalancerArns=[balancer])["LoadBalancers"]
    assert {zone["SubnetId"] for zone in shown["AvailabilityZones"]} == set(network.subnets[1:])
    assert shown["SecurityGroups"] == [ours]

    def protect(value: str) -> None:
        attribute = [{"Key": "deletion_protection.enabled", "Value": value}]
        elb.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=attribute)

    protect("true")
    assert refusal(elb.delete_load_balancer, LoadBalancerArn=balancer) == (
        "OperationNotPermitted",
        f"Load balancer '{balancer}' cannot be deleted because deletion protection is enabled",
    )
    protect("false")
    elb.delete_load_balancer(LoadBalancerArn=balancer)
    assert elb.describe_load_balancers()["LoadBalancers"] == []
    gone = "LoadBalancerNotFound"
    assert refusal(elb.set_security_groups, LoadBalancerArn=balancer, SecurityGroups=[foreign])[0] == gone
    assert refusal(elb.set_subnets, LoadBalancerArn=balancer, Subnets=[network.other_subnet])[0] == gone


def test_a_target_group_has_one_load_balancer(network: Network) -> None:
    elb, targets, free = network.elb, network.targets("targets"), network.targets("free")
    first, second = network.balancer("first"), network.balancer("second")

    def actions(arn: str) -> list[dict[str, Any]]:
        return [{"Type": "forward", "TargetGroupArn": arn}]

    def listen(balancer: str, arn: str, port: int = 80) -> dict[str, Any]:
        return {"LoadBalancerArn": balancer, "Port": port, "Protocol": "HTTP", "DefaultActions": actions(arn)}

    elb.create_listener(**listen(first, targets))
    error = (
        "TargetGroupAssociationLimit",
        f"The following target groups cannot be associated with more than one load balancer: {targets}",
    )
    assert refusal(elb.create_listener, **listen(second, targets)) == error
    other = elb.create_listener(**listen(second, free))["Listeners"][0]["ListenerArn"]
    rule = {"Conditions": [{"Field": "path-pattern", "Values": ["/a"]}], "Priority": 1, "Actions": actions(targets)}
    assert refusal(elb.create_rule, ListenerArn=other, **rule) == error
    weighted = [{"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": targets, "Weight": 1}]}}]
    assert refusal(elb.create_rule, ListenerArn=other, **{**rule, "Actions": weighted}) == error
    own = elb.create_listener(**listen(first, targets, 81))["Listeners"][0]["ListenerArn"]
    elb.create_rule(ListenerArn=own, **rule)
    elb.delete_load_balancer(LoadBalancerArn=first)
    elb.create_rule(ListenerArn=other, **rule)  # the other load balancer is gone


def test_a_certificate_stays_while_a_listener_or_a_distribution_has_it(network: Network) -> None:
    acm, cloudfront = (network.account.services.client(name) for name in ("acm", "cloudfront"))
    certificates = [acm.request_certificate(DomainName=f"{name}.example")["CertificateArn"] for name in "abc"]
    balancer, targets = network.balancer("one"), network.targets("targets")
    listener = network.elb.create_listener(
        LoadBalancerArn=balancer,
        Port=443,
        Protocol="HTTPS",
        Certificates=[{"CertificateArn": certificates[0]}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": targets}],
    )["Listeners"][0]["ListenerArn"]
    origin = {"Id": "o", "DomainName": "o.example", "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443}}
    origin["CustomOriginConfig"] |= {"OriginProtocolPolicy": "http-only"}  # type: ignore[operator]
    config = {
        "CallerReference": "x",
        "Comment": "",
        "Enabled": True,
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "https-only"},
        "ViewerCertificate": {"ACMCertificateArn": certificates[1], "SSLSupportMethod": "sni-only"},
    }
    distribution = cloudfront.create_distribution(DistributionConfig=config)["Distribution"]
    users = [acm.describe_certificate(CertificateArn=arn)["Certificate"].get("InUseBy") for arn in certificates]
    assert users == [[listener], [distribution["ARN"]], []]
    for arn in certificates[:2]:
        assert refusal(acm.delete_certificate, CertificateArn=arn) == (
            "ResourceInUseException",
            f"Certificate {arn} in account {network.account.services.account} is in use.",
        )
    acm.delete_certificate(CertificateArn=certificates[2])
    network.elb.delete_listener(ListenerArn=listener)
    acm.delete_certificate(CertificateArn=certificates[0])
    assert acm.describe_certificate(CertificateArn=certificates[1])["Certificate"]["InUseBy"] == [distribution["ARN"]]


@pytest.fixture
def ecs(account: Account) -> Any:
    """A client, with a cluster that has one service."""
    client = account.services.client("ecs")
    client.create_cluster(clusterName="cluster")
    task = {name[0].lower() + name[1:]: value for name, value in TASK.items()}
    task["containerDefinitions"] = [{"name": "backend", "image": "image:1"}]
    for _ in range(2):
        client.register_task_definition(**task)
    client.create_service(cluster="cluster", serviceName="service", taskDefinition="task:1", desiredCount=0)
    return client


TARGET = {
    "ServiceNamespace": "ecs",
    "ResourceId": "service/cluster/service",
    "ScalableDimension": "ecs:service:DesiredCount",
}


def test_a_policy_needs_its_target_and_keeps_its_arn(account: Account, ecs: Any) -> None:
    scaling = account.services.client("application-autoscaling")
    metric = {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}

    def put(value: float, name: str = "policy") -> dict[str, Any]:
        configuration = {"TargetValue": value, "PredefinedMetricSpecification": metric}
        kind = {"PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": configuration}
        return {**TARGET, "PolicyName": name, **kind}

    assert refusal(scaling.put_scaling_policy, **put(50)) == (
        "ObjectNotFoundException",
        "No scalable target registered for resource ID: service/cluster/service",
    )
    scaling.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=2)
    arns = [scaling.put_scaling_policy(**put(value))["PolicyARN"] for value in (50, 60)]
    assert arns[0] == arns[1] != scaling.put_scaling_policy(**put(70, "other"))["PolicyARN"]
    shown = scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    values = {each["PolicyARN"]: each["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] for each in shown}
    assert len(values) == 2 and values[arns[0]] == 60
    assert ecs


@pytest.mark.parametrize(
    ("before", "capacity", "taken"),
    [
        ({}, {"MinCapacity": 2, "MaxCapacity": 1}, False),
        ({}, {"MinCapacity": 2, "MaxCapacity": 2}, True),
        ({"MinCapacity": 2, "MaxCapacity": 4}, {"MaxCapacity": 1}, False),
        ({"MinCapacity": 2, "MaxCapacity": 4}, {"MinCapacity": 5}, False),
        ({"MinCapacity": 2, "MaxCapacity": 4}, {"MinCapacity": 4}, True),
        ({"MinCapacity": 2, "MaxCapacity": 4}, {"MinCapacity": 5, "MaxCapacity": 6}, True),
    ],
)
def test_a_target_has_no_less_at_most_than_at_least(
    account: Account, ecs: Any, before: dict[str, int], capacity: dict[str, int], taken: bool
) -> None:
    scaling = account.services.client("application-autoscaling")
    if before:
        scaling.register_scalable_target(**TARGET, **before)
    if not taken:
        error = ("ValidationException", "Maximum capacity cannot be less than minimum capacity")
        assert refusal(scaling.register_scalable_target, **TARGET, **capacity) == error
        capacity = {}
    else:
        scaling.register_scalable_target(**TARGET, **capacity)
    shown = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert [{name: each[name] for name in ("MinCapacity", "MaxCapacity")} for each in shown] == (
        [{**before, **capacity}] if {**before, **capacity} else []
    )
    assert ecs


def test_the_parameters_that_start_a_deployment_are_those_of_the_model(account: Account) -> None:
    """botocore's model says of each parameter of UpdateService whether it does."""
    members = account.services.model("ecs", "update_service").input_shape.members
    starting = {
        "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
        for name, member in members.items()
        if "triggers a new service deployment" in member.documentation and "doesn't" not in member.documentation
    }
    assert set(DEPLOYED) <= starting


@pytest.mark.parametrize(
    ("change", "deploys"),
    [
        ({"taskDefinition": "task:2"}, True),
        ({"desiredCount": 2}, False),
        ({"taskDefinition": "task:1"}, False),
        ({"forceNewDeployment": True}, True),
        ({"forceNewDeployment": False}, False),
    ],
)
def test_a_service_is_deployed_when_what_runs_changes(ecs: Any, change: dict[str, Any], deploys: bool) -> None:
    def deployment() -> dict[str, Any]:
        [service] = ecs.describe_services(cluster="cluster", services=["service"])["services"]
        [shown] = service["deployments"]
        return dict(shown)

    before = deployment()
    if "taskDefinition" in change:  # by its ARN, as the service shows it
        change = {"taskDefinition": before["taskDefinition"].replace("task:1", change["taskDefinition"])}
    ecs.update_service(cluster="cluster", service="service", **change)
    after = deployment()
    assert (after["id"] != before["id"], after["createdAt"] != before["createdAt"]) == (deploys, deploys)
    assert after["id"].startswith("ecs-svc/")
    assert after["taskDefinition"] == change.get("taskDefinition", before["taskDefinition"])


def test_a_cluster_stays_while_it_has_services(ecs: Any) -> None:
    ecs.create_cluster(clusterName="empty")
    ecs.delete_cluster(cluster="empty")
    assert refusal(ecs.delete_cluster, cluster="cluster") == (
        "ClusterContainsServicesException",
        "The Cluster cannot be deleted while Services are active.",
    )
    ecs.delete_service(cluster="cluster", service="service", force=True)
    ecs.delete_cluster(cluster="cluster")


@pytest.fixture
def iam(account: Account) -> Any:
    return account.services.client("iam")


def policy(iam: Any, name: str) -> str:
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return str(iam.create_policy(PolicyName=name, PolicyDocument=document)["Policy"]["Arn"])


def test_a_boundary_is_a_policy_that_exists_and_stays_while_it_bounds(iam: Any) -> None:
    none, trusts = "arn:aws:iam::1:policy/none", {"AssumeRolePolicyDocument": json.dumps(trust("ec2"))}
    missing = ("NoSuchEntity", f"Scope ARN: {none} does not exist or is not attachable.")
    assert refusal(iam.create_role, RoleName="role", PermissionsBoundary=none, **trusts) == missing
    ours = policy(iam, "boundary")
    iam.create_role(RoleName="role", PermissionsBoundary=ours, **trusts)
    iam.create_role(RoleName="free", **trusts)
    assert refusal(iam.put_role_permissions_boundary, RoleName="role", PermissionsBoundary=none) == missing
    assert refusal(iam.delete_policy, PolicyArn=ours) == (
        "DeleteConflict",
        "Cannot delete a policy attached to entities.",
    )
    theirs = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    iam.put_role_permissions_boundary(RoleName="role", PermissionsBoundary=theirs)
    assert iam.get_role(RoleName="role")["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == theirs
    iam.delete_policy(PolicyArn=ours)


def test_a_role_has_ten_managed_policies(iam: Any) -> None:
    iam.create_role(RoleName="role", AssumeRolePolicyDocument=json.dumps(trust("ec2")))
    arns = [policy(iam, f"policy-{number}") for number in range(11)]
    for arn in arns[:10]:
        iam.attach_role_policy(RoleName="role", PolicyArn=arn)
    assert refusal(iam.attach_role_policy, RoleName="role", PolicyArn=arns[10]) == (
        "LimitExceeded",
        "Cannot exceed quota for PoliciesPerRole: 10",
    )
    iam.attach_role_policy(RoleName="role", PolicyArn=arns[9])  # it has it already
    iam.detach_role_policy(RoleName="role", PolicyArn=arns[0])
    iam.attach_role_policy(RoleName="role", PolicyArn=arns[10])


def test_a_region_has_its_quota_of_addresses(account: Account) -> None:
    ec2 = account.services.client("ec2")
    account.behaviour = replace(account.behaviour, addresses=2)
    addresses = [ec2.allocate_address(Domain="vpc")["AllocationId"] for _ in range(2)]
    assert refusal(ec2.allocate_address, Domain="vpc") == (
        "AddressLimitExceeded",
        "The maximum number of addresses has been reached.",
    )
    ec2.release_address(AllocationId=addresses[0])
    ec2.allocate_address(Domain="vpc")


def test_a_subscription_by_mail_waits_for_its_reader(account: Account) -> None:
    sns = account.services.client("sns")
    topic = sns.create_topic(Name="topic")["TopicArn"]

    def subscribe(protocol: str, endpoint: str) -> str:
        arguments = {"TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint, "ReturnSubscriptionArn": True}
        return str(sns.subscribe(**arguments)["SubscriptionArn"])

    arns = {
        protocol: subscribe(protocol, endpoint)
        for protocol, endpoint in (
            ("email", "a@example.com"),
            ("email-json", "a@example.com"),
            ("sqs", f"arn:aws:sqs:us-east-1:{account.services.account}:one"),
        )
    }

    def listed() -> Mapping[str, str]:
        shown = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        return {each["Protocol"]: each["SubscriptionArn"] for each in shown}

    def pending(arn: str) -> str:
        return str(sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["PendingConfirmation"]).lower()

    waiting = "PendingConfirmation"
    assert listed() == {"email": waiting, "email-json": waiting, "sqs": arns["sqs"]}
    assert [pending(arn) for arn in arns.values()] == ["true", "true", "false"]
    # Whoever has clicked the link stays subscribed when it is asked for again; nothing here can click.
    clicked = sns_backends[account.services.account]["us-east-1"].subscriptions[arns["email"]]
    clicked.attributes["PendingConfirmation"] = False
    assert subscribe("email", "a@example.com") == arns["email"]
    assert listed() == {"email": arns["email"], "email-json": waiting, "sqs": arns["sqs"]}
