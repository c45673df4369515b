"""What services refuse while something is used, taken or under way: refused when it is, taken when it is not."""

import copy
import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scripts.deployment import stacks
from scripts.deployment.aws import Aws as ScriptAws
from scripts.deployment.aws import Endpoint
from scripts.local_aws import faults, server
from scripts.operations import leftovers
from tests.local_aws.support import Aws, reasons

PRIVATE, TAGS = "10.0.0.0/16", [{"Key": "a", "Value": "b"}]
KEPT = "UPDATE_ROLLBACK_COMPLETE"


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    """A resource; a name that ends in an underscore is an attribute of the resource itself."""
    own = {name.rstrip("_"): value for name, value in properties.items() if name.endswith("_")}
    plain = {name: value for name, value in properties.items() if not name.endswith("_")}
    return {"Type": f"AWS::{kind}", "Properties": plain, **own}


def network(prefix: str = "") -> dict[str, Any]:
    """A network of two subnets with a gateway, under names with a prefix."""
    vpc = {"Ref": f"{prefix}Vpc"}
    return {
        f"{prefix}Vpc": resource("EC2::VPC", CidrBlock=PRIVATE),
        f"{prefix}A": resource("EC2::Subnet", VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone="us-east-1a"),
        f"{prefix}B": resource("EC2::Subnet", VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1b"),
    }


def facing(prefix: str = "") -> dict[str, Any]:
    """A load balancer in the subnets of `network`."""
    subnets = [{"Ref": f"{prefix}A"}, {"Ref": f"{prefix}B"}]
    return resource("ElasticLoadBalancingV2::LoadBalancer", Scheme="internal", Subnets=subnets)


def listener(**more: Any) -> dict[str, Any]:
    answer = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    main = {"LoadBalancerArn": {"Ref": "Balancer"}, "Port": 80, "Protocol": "HTTP", "DefaultActions": [answer]}
    return resource("ElasticLoadBalancingV2::Listener", **{**main, **more})


def rule(priority: int, **more: Any) -> dict[str, Any]:
    answer = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "204"}}
    condition = {"Field": "path-pattern", "Values": ["/*"]}
    main = {"ListenerArn": {"Ref": "Listener"}, "Priority": priority, "Conditions": [condition], "Actions": [answer]}
    return resource("ElasticLoadBalancingV2::ListenerRule", **main, **more)


def update(aws: Aws, stack: str, resources: dict[str, Any]) -> str:
    """Updates a stack to resources; returns its status."""
    return str(aws.deploy(stack, {"Resources": resources}, "UPDATE")["StackStatus"])


def create(aws: Aws, stack: str, resources: dict[str, Any]) -> None:
    """Creates a stack of resources."""
    status = aws.deploy(stack, {"Resources": resources})["StackStatus"]
    assert status == "CREATE_COMPLETE", reasons(aws, stack, "CREATE_FAILED")


def test_an_address_belongs_to_one_gateway_at_a_time_and_a_gateway_stays_while_addresses_are_mapped(aws: Aws) -> None:
    resources = {
        **network(),
        "Other": resource("EC2::VPC", CidrBlock=PRIVATE),
        "Gateway": resource("EC2::InternetGateway"),
        "Attachment": resource("EC2::VPCGatewayAttachment", VpcId={"Ref": "Vpc"}, InternetGatewayId={"Ref": "Gateway"}),
        "Address": resource("EC2::EIP", Domain="vpc"),
        "Nat": resource(
            "EC2::NatGateway",
            DependsOn_="Attachment",
            SubnetId={"Ref": "A"},
            AllocationId={"Fn::GetAtt": ["Address", "AllocationId"]},
        ),
    }
    create(aws, "mapped", resources)
    moved = copy.deepcopy(resources)
    moved["Nat"]["Properties"]["SubnetId"] = {"Ref": "B"}
    assert update(aws, "mapped", moved) == KEPT
    assert "already associated" in dict(reasons(aws, "mapped", "UPDATE_FAILED"))["Nat"]
    elsewhere = copy.deepcopy(resources)
    elsewhere["Attachment"]["Properties"]["VpcId"] = {"Ref": "Other"}
    assert update(aws, "mapped", elsewhere) == KEPT
    assert "some mapped public address(es)" in dict(reasons(aws, "mapped", "UPDATE_FAILED"))["Attachment"]
    del moved["Nat"]
    assert update(aws, "mapped", moved) == "UPDATE_COMPLETE", "the gateway's own interface does not keep its subnet"
    assert aws.delete("mapped")["StackStatus"] == "DELETE_COMPLETE", reasons(aws, "mapped", "DELETE_FAILED")


def test_a_load_balancer_stays_in_its_network_and_keeps_its_subnets(aws: Aws) -> None:
    resources = {**network(), **network("Other"), "Balancer": facing()}
    create(aws, "balanced", resources)
    assert update(aws, "balanced", {**resources, "Balancer": facing("Other")}) == KEPT
    assert "the load balancer in 'vpc-" in dict(reasons(aws, "balanced", "UPDATE_FAILED"))["Balancer"]
    subnet = aws.resources("balanced")["A"]["PhysicalResourceId"]
    with pytest.raises(ClientError, match="has dependencies and cannot be deleted"):
        aws.client("ec2").delete_subnet(SubnetId=subnet)
    assert aws.delete("balanced")["StackStatus"] == "DELETE_COMPLETE", reasons(aws, "balanced", "DELETE_FAILED")


def test_a_protected_load_balancer_stays_until_the_protection_is_off(aws: Aws) -> None:
    def protected(value: str) -> dict[str, Any]:
        balancer = facing()
        attributes = [{"Key": "deletion_protection.enabled", "Value": value}]
        return {
            **network(),
            "Balancer": {**balancer, "Properties": {**balancer["Properties"], "LoadBalancerAttributes": attributes}},
        }

    create(aws, "guarded-balancer", protected("true"))
    assert aws.delete("guarded-balancer")["StackStatus"] == "DELETE_FAILED"
    assert "deletion protection is enabled" in dict(reasons(aws, "guarded-balancer", "DELETE_FAILED"))["Balancer"]
    create(aws, "open-balancer", protected("true"))
    assert update(aws, "open-balancer", protected("false")) == "UPDATE_COMPLETE"
    assert aws.delete("open-balancer")["StackStatus"] == "DELETE_COMPLETE"


def test_a_priority_is_taken_while_the_old_rule_lives(aws: Aws) -> None:
    """A rule that goes is deleted in the cleanup: until then its priority is taken."""
    resources = {**network(), "Balancer": facing(), "Listener": listener()}
    create(aws, "rules-of", {**resources, "One": rule(1)})
    assert update(aws, "rules-of", {**resources, "Two": rule(1)}) == KEPT
    assert "priority is in use" in dict(reasons(aws, "rules-of", "CREATE_FAILED"))["Two"]
    assert update(aws, "rules-of", {**resources, "Two": rule(2)}) == "UPDATE_COMPLETE"
    aws.delete("rules-of")


def test_a_certificate_in_use_outlives_its_stack(aws: Aws) -> None:
    def certificate(name: str) -> dict[str, Any]:
        return {"Certificate": resource("CertificateManager::Certificate", DomainName=name, ValidationMethod="DNS")}

    create(aws, "certified", certificate("a.example"))
    arn = aws.resources("certified")["Certificate"]["PhysicalResourceId"]
    secure = listener(Port=443, Protocol="HTTPS", Certificates=[{"CertificateArn": arn}])
    create(aws, "user", {**network(), "Balancer": facing(), "Listener": secure})
    assert update(aws, "certified", certificate("b.example")) == "UPDATE_COMPLETE"
    tries = reasons(aws, "certified", "DELETE_FAILED")
    assert len(tries) == 3
    assert all("is in use" in why for _, why in tries)
    acm = aws.client("acm")
    assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainName"] == "a.example"
    assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["InUseBy"]
    aws.delete("user")
    assert not acm.describe_certificate(CertificateArn=arn)["Certificate"]["InUseBy"]
    acm.delete_certificate(CertificateArn=arn)
    aws.delete("certified")


def test_a_policy_of_scaling_needs_its_target_and_a_target_more_than_its_least(aws: Aws) -> None:
    def scaled(least: int, most: int) -> dict[str, Any]:
        target = resource(
            "ApplicationAutoScaling::ScalableTarget",
            ServiceNamespace="ecs",
            ScalableDimension="ecs:service:DesiredCount",
            ResourceId={"Fn::Sub": "service/${Cluster}/${Service.Name}"},
            MinCapacity=least,
            MaxCapacity=most,
        )
        return {**service(), "Target": target}

    create(aws, "scaled", scaled(1, 2))
    assert update(aws, "scaled", scaled(5, 2)) == KEPT
    assert "MaxCapacity" in dict(reasons(aws, "scaled", "UPDATE_FAILED"))["Target"]
    scaling = aws.client("application-autoscaling")
    [name] = [aws.resources("scaled")["Target"]["PhysicalResourceId"].partition("|")[0]]
    target = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount", "ResourceId": name}
    with pytest.raises(ClientError, match="Maximum capacity cannot be less than minimum capacity"):
        scaling.register_scalable_target(**target, MinCapacity=5)
    scaling.deregister_scalable_target(**target)
    metric = {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
    tracking = {"TargetValue": 1.0, "PredefinedMetricSpecification": metric}
    with pytest.raises(ClientError, match="No scalable target registered"):
        scaling.put_scaling_policy(
            **target,
            PolicyName="p",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=tracking,
        )
    aws.delete("scaled")


def service(**properties: Any) -> dict[str, Any]:
    """A service without tasks in a cluster of its own."""
    container = {"Name": "app", "Image": "x", "Memory": 128}
    main = {"Cluster": {"Ref": "Cluster"}, "TaskDefinition": {"Ref": "Task"}, "DesiredCount": 0}
    return {
        "Cluster": resource("ECS::Cluster"),
        "Task": resource("ECS::TaskDefinition", ContainerDefinitions=[container]),
        "Service": resource("ECS::Service", **{**main, **properties}),
    }


def deployment(aws: Aws, stack: str) -> str:
    """The id of the deployment of a stack's service."""
    present = aws.resources(stack)
    arn, cluster = (present[name]["PhysicalResourceId"] for name in ("Service", "Cluster"))
    [shown] = aws.client("ecs").describe_services(cluster=cluster, services=[arn])["services"]
    return str(shown["deployments"][0]["id"])


def test_what_starts_a_deployment_of_a_service(aws: Aws) -> None:
    """botocore's model of UpdateService says it of each parameter."""
    forced = {"EnableForceNewDeployment": True, "ForceNewDeploymentNonce": "a"}
    groups = {
        name: resource("ElasticLoadBalancingV2::TargetGroup", Port=80, Protocol="HTTP", VpcId={"Ref": "Vpc"})
        for name in ("First", "Second")
    }
    base = {**network(), "Balancer": facing(), **groups}
    base["Listener"] = listener(DefaultActions=[{"Type": "forward", "TargetGroupArn": {"Ref": "First"}}])
    base["Rule"] = rule(5)
    base["Rule"]["Properties"]["Actions"] = [{"Type": "forward", "TargetGroupArn": {"Ref": "Second"}}]

    def behind(group: str, **more: Any) -> dict[str, Any]:
        balancer = {"ContainerName": "app", "ContainerPort": 80, "TargetGroupArn": {"Ref": group}}
        return {**base, **service(LoadBalancers=[balancer], DependsOn_=["Listener", "Rule"], **more)}

    create(aws, "rolled", behind("First"))
    ids = [deployment(aws, "rolled")]
    for group, more in (
        ("First", {"HealthCheckGracePeriodSeconds": 5}),
        ("Second", {"HealthCheckGracePeriodSeconds": 5}),
        ("Second", {"HealthCheckGracePeriodSeconds": 5, "ForceNewDeployment": forced}),
        ("Second", {"HealthCheckGracePeriodSeconds": 9, "ForceNewDeployment": forced}),
    ):
        assert update(aws, "rolled", behind(group, **more)) == "UPDATE_COMPLETE"
        ids.append(deployment(aws, "rolled"))
    assert ids[0] == ids[1], "a grace period alone starts none"
    assert len(set(ids[1:])) == 4, "a load balancer does, and so does everything where deployments are forced"
    aws.delete("rolled")


def origin(comment: str = "a") -> dict[str, Any]:
    """A load balancer behind a VPC origin, and a distribution that uses it."""
    endpoint = {"Name": "o", "Arn": {"Ref": "Balancer"}, "HTTPPort": 80, "OriginProtocolPolicy": "http-only"}
    behavior = {"TargetOriginId": "o", "ViewerProtocolPolicy": "https-only", "CachePolicyId": "x"}
    source = {"Id": "o", "DomainName": "o.example", "VpcOriginConfig": {"VpcOriginId": {"Ref": "Origin"}}}
    config = {"Enabled": True, "Comment": comment, "Origins": [source], "DefaultCacheBehavior": behavior}
    return {
        **network(),
        "Balancer": facing(),
        "Origin": resource("CloudFront::VpcOrigin", VpcOriginEndpointConfig=endpoint),
        "Distribution": resource("CloudFront::Distribution", DistributionConfig=config, Tags=TAGS),
    }


def test_a_vpc_origin_in_use_takes_no_change_and_leaves_interfaces_behind(aws: Aws) -> None:
    resources = origin()
    create(aws, "fronted", resources)
    tagged = copy.deepcopy(resources)
    tagged["Origin"]["Properties"]["Tags"] = [{"Key": "a", "Value": "c"}]
    assert update(aws, "fronted", tagged) == KEPT
    assert "associated with one or more distributions" in dict(reasons(aws, "fronted", "UPDATE_FAILED"))["Origin"]
    faults.behave(aws.endpoint, interface_seconds=1.5)
    try:
        subnet = aws.resources("fronted")["A"]["PhysicalResourceId"]
        assert update(aws, "fronted", {"Vpc": resources["Vpc"]}) == "UPDATE_COMPLETE"
        failed = reasons(aws, "fronted", "DELETE_FAILED")
        assert [name for name, _ in failed].count("A") == 3
        assert "has dependencies and cannot be deleted" in dict(failed)["A"]
        time.sleep(1.6)
        aws.client("ec2").delete_subnet(SubnetId=subnet)
    finally:
        faults.behave(aws.endpoint, interface_seconds=0)


def test_a_network_that_cloudfront_has_not_left_is_told_until_it_is_removed(
    aws: Aws, endpoint: server.Endpoint
) -> None:
    """The update is good, and the network is in no stack any more: what is in the way, the commands that remove it in
    their order, when they work, and nothing more once they have."""
    script = ScriptAws(endpoint=Endpoint(endpoint.url, endpoint.region, endpoint.exceptions, endpoint.key))
    create(aws, "left", {**origin(), "Topic": resource("SNS::Topic")})
    ids = {name: each["PhysicalResourceId"] for name, each in aws.resources("left").items()}
    faults.behave(aws.endpoint, interface_seconds=3600)
    try:
        assert update(aws, "left", {"Topic": resource("SNS::Topic")}) == "UPDATE_COMPLETE"
    finally:
        faults.behave(aws.endpoint, interface_seconds=0)
    stack = stacks.read(script, "left")
    assert stack
    left = leftovers.of_stack(script, stack)
    assert [each.id for each in left] == [ids["A"], ids["B"], ids["Vpc"]]
    text = " ".join(map(str, leftovers.network_lines(script, left)))
    ec2 = aws.client("ec2")
    place = [{"Name": "vpc-id", "Values": [ids["Vpc"]]}]
    interfaces = ec2.describe_network_interfaces(Filters=place)["NetworkInterfaces"]
    assert len(interfaces) == 2 and all(each["NetworkInterfaceId"] in text for each in interfaces)
    assert f"still in {ids['Vpc']}, until CloudFront takes it away: sg-" in text
    for each in interfaces:
        ec2.delete_network_interface(NetworkInterfaceId=each["NetworkInterfaceId"])
    ec2.delete_security_group(GroupId=interfaces[0]["Groups"][0]["GroupId"])
    assert "the commands work now" in " ".join(map(str, leftovers.network_lines(script, left)))
    for each in left[:-1]:
        ec2.delete_subnet(SubnetId=each.id)
    ec2.delete_vpc(VpcId=left[-1].id)
    assert leftovers.of_stack(script, stack) == []
    aws.delete("left")


def test_an_environment_that_is_not_ready_refuses_updates(aws: Aws) -> None:
    def environment(description: str) -> dict[str, Any]:
        platform = "arn:aws:elasticbeanstalk:us-east-1::platform/Python 3.13 running on 64bit Amazon Linux 2023/4.12.0"
        return {
            "Application": resource("ElasticBeanstalk::Application", ApplicationName="busy"),
            "Environment": resource(
                "ElasticBeanstalk::Environment",
                ApplicationName={"Ref": "Application"},
                EnvironmentName="busy",
                PlatformArn=platform,
                Description=description,
            ),
        }

    create(aws, "busy", environment("a"))
    faults.behave(aws.endpoint, environment_seconds=5)
    try:
        aws.client("elasticbeanstalk").update_environment(EnvironmentName="busy", Description="released")
        faults.behave(aws.endpoint, environment_seconds=0.2)
        assert update(aws, "busy", environment("b")) in (KEPT, "UPDATE_ROLLBACK_FAILED")
        assert "Must be Ready" in dict(reasons(aws, "busy", "UPDATE_FAILED"))["Environment"]
    finally:
        faults.behave(aws.endpoint, environment_seconds=0)


def test_an_inline_rule_may_be_the_only_one_left_of_two(aws: Aws) -> None:
    """The group's own rule is passed over as a duplicate, then the other is deleted: a green update, nobody gets in."""
    opening = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": "10.0.0.0/8"}
    group = resource("EC2::SecurityGroup", GroupDescription="d", VpcId={"Ref": "Vpc"})
    alone = resource("EC2::SecurityGroupIngress", GroupId={"Fn::GetAtt": ["Group", "GroupId"]}, **opening)
    vpc = {"Vpc": resource("EC2::VPC", CidrBlock=PRIVATE)}
    create(aws, "opened", {**vpc, "Group": group, "Rule": alone})
    inline = copy.deepcopy(group)
    inline["Properties"]["SecurityGroupIngress"] = [opening]
    assert update(aws, "opened", {**vpc, "Group": inline}) == "UPDATE_COMPLETE"
    name = aws.resources("opened")["Group"]["PhysicalResourceId"]
    [shown] = aws.client("ec2").describe_security_groups(GroupIds=[name])["SecurityGroups"]
    assert shown["IpPermissions"] == []
    aws.delete("opened")


NAMED: dict[str, dict[str, Any]] = {
    "Logs::LogGroup": {"LogGroupName": "taken"},
    "S3::Bucket": {"BucketName": "taken-name"},
    "SSM::Parameter": {"Name": "taken", "Type": "String", "Value": "a"},
    "SNS::Topic": {"TopicName": "taken"},
    "ECR::Repository": {"RepositoryName": "taken"},
    "Events::Rule": {"Name": "taken", "EventPattern": {"source": ["a"]}},
    "ECS::Cluster": {"ClusterName": "taken"},
    "CloudWatch::Dashboard": {"DashboardName": "taken", "DashboardBody": '{"widgets": []}'},
    "CloudWatch::Alarm": {
        "AlarmName": "taken",
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "MetricName": "m",
        "Namespace": "n",
        "Period": 60,
        "Statistic": "Sum",
        "Threshold": 1,
    },
    "IAM::ManagedPolicy": {
        "ManagedPolicyName": "taken",
        "PolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]},
    },
    "SecretsManager::Secret": {"Name": "taken", "GenerateSecretString": {}},
    "DynamoDB::Table": {
        "TableName": "taken",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    },
    "Budgets::Budget": {
        "Budget": {
            "BudgetName": "taken",
            "BudgetType": "COST",
            "TimeUnit": "MONTHLY",
            "BudgetLimit": {"Amount": 1, "Unit": "USD"},
        }
    },
}


def test_names_are_taken_once(aws: Aws) -> None:
    """In each service, though several would change what is there instead of making another."""
    alias = {"AliasName": "alias/taken", "TargetKeyId": aws.client("kms").create_key()["KeyMetadata"]["KeyId"]}
    resources = [resource(kind, **properties) for kind, properties in {**NAMED, "KMS::Alias": alias}.items()]
    named: dict[str, Any] = {"Capabilities": ["CAPABILITY_NAMED_IAM"]}
    first = {f"R{number}": body for number, body in enumerate(resources)}
    assert aws.deploy("taken", {"Resources": first}, **named)["StackStatus"] == "CREATE_COMPLETE"
    for number, body in enumerate(resources):
        template = json.dumps({"Resources": {"Second": body}})
        aws.stacks.create_stack(StackName=f"taken-{number}", TemplateBody=template, **named)
        assert aws.wait(f"taken-{number}")["StackStatus"] == "ROLLBACK_COMPLETE", body
        assert "exist" in dict(reasons(aws, f"taken-{number}", "CREATE_FAILED"))["Second"], body
    assert aws.delete("taken")["StackStatus"] == "DELETE_COMPLETE"
