"""What a service wants to stand before it takes something: refused when it does not, taken when it does."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scripts.local_aws.account import Account
from scripts.local_aws.handlers import demands
from scripts.local_aws.handlers.handler import handler_for
from scripts.local_aws.services import ResourceError
from tests.local_aws.support import Aws, reasons

VPC: dict[str, Any] = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}
ORIGINS = "com.amazonaws.global.cloudfront.origin-facing"  # counts as 55 of the 60 rules of a group


def ingress(port: int, prefix_list: str) -> dict[str, Any]:
    properties = {
        "GroupId": {"Fn::GetAtt": ["Group", "GroupId"]},
        "IpProtocol": "tcp",
        "SourcePrefixListId": prefix_list,
    }
    return {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": {**properties, "FromPort": port, "ToPort": port}}


def group(**rules: dict[str, Any]) -> dict[str, Any]:
    properties = {"GroupDescription": "d", "VpcId": {"Ref": "Vpc"}}
    return {"Resources": {"Vpc": VPC, "Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": properties}, **rules}}


def test_a_replaced_rule_stands_beside_the_new_one(aws: Aws) -> None:
    """55 + 55 > 60: ports and prefix list of a rule are create-only."""
    lists = aws.client("ec2").describe_managed_prefix_lists()["PrefixLists"]
    [origins] = [entry["PrefixListId"] for entry in lists if entry["PrefixListName"] == ORIGINS]
    assert aws.deploy("rules", group(Rule=ingress(80, origins)))["StackStatus"] == "CREATE_COMPLETE"
    assert aws.deploy("rules", group(Rule=ingress(443, origins)), "UPDATE")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "maximum number of rules" in dict(reasons(aws, "rules", "UPDATE_FAILED"))["Rule"]


@pytest.mark.parametrize(("service", "status"), [("codebuild", "CREATE_COMPLETE"), ("ecs", "ROLLBACK_COMPLETE")])
def test_a_role_has_to_trust_the_service_that_takes_it(aws: Aws, service: str, status: str) -> None:
    statement = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    project = {
        "ServiceRole": {"Fn::GetAtt": ["Role", "Arn"]},
        "Artifacts": {"Type": "CODEPIPELINE"},
        "Source": {"Type": "CODEPIPELINE", "BuildSpec": "version: 0.2"},
        "Environment": {"Type": "LINUX_CONTAINER", "Image": "x", "ComputeType": "BUILD_GENERAL1_SMALL"},
    }
    body = {
        "Resources": {
            "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}},
            "Project": {"Type": "AWS::CodeBuild::Project", "Properties": project},
        }
    }
    stack = aws.deploy(f"trusted-by-{service}", body)
    failed = dict(reasons(aws, f"trusted-by-{service}", "CREATE_FAILED"))
    if service == "ecs":
        assert "codebuild.amazonaws.com is not authorized to perform: sts:AssumeRole" in failed["Project"]
    assert stack["StackStatus"] == status, failed


def test_a_target_group_needs_its_load_balancer_before_a_service_takes_it(aws: Aws) -> None:
    targets = {"Protocol": "HTTP", "Port": 80, "TargetType": "ip", "VpcId": {"Ref": "Vpc"}}
    task = {"Family": "waiting", "ContainerDefinitions": [{"Name": "a", "Image": "b", "Memory": 128}]}
    service = {
        "Cluster": {"Ref": "Cluster"},
        "TaskDefinition": {"Ref": "Task"},
        "DesiredCount": 0,
        "LoadBalancers": [{"ContainerName": "a", "ContainerPort": 80, "TargetGroupArn": {"Ref": "Targets"}}],
    }
    body = {
        "Resources": {
            "Vpc": VPC,
            "Targets": {"Type": "AWS::ElasticLoadBalancingV2::TargetGroup", "Properties": targets},
            "Cluster": {"Type": "AWS::ECS::Cluster"},
            "Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": task},
            "Service": {"Type": "AWS::ECS::Service", "Properties": service},
        }
    }
    assert aws.deploy("unattached", body)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "does not have an associated load balancer" in dict(reasons(aws, "unattached", "CREATE_FAILED"))["Service"]


@pytest.mark.parametrize(("attached", "status"), [(True, "CREATE_COMPLETE"), (False, "ROLLBACK_COMPLETE")])
def test_a_route_needs_a_gateway_that_is_attached_to_its_network(aws: Aws, attached: bool, status: str) -> None:
    network = {"VpcId": {"Ref": "Vpc"}}
    to_gateway = {"InternetGatewayId": {"Ref": "Gateway"}, **network}
    route = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": {"Ref": "Gateway"}, "RouteTableId": {"Ref": "Table"}}
    resources: dict[str, Any] = {
        "Vpc": VPC,
        "Gateway": {"Type": "AWS::EC2::InternetGateway"},
        "Table": {"Type": "AWS::EC2::RouteTable", "Properties": network},
        "Route": {"Type": "AWS::EC2::Route", "Properties": route},
    }
    if attached:
        resources["Attachment"] = {"Type": "AWS::EC2::VPCGatewayAttachment", "Properties": to_gateway}
        resources["Route"]["DependsOn"] = "Attachment"
    name = f"route-{attached}"
    assert aws.deploy(name, {"Resources": resources})["StackStatus"] == status
    failed = dict(reasons(aws, name, "CREATE_FAILED"))
    assert attached or "belong to different networks" in failed["Route"], failed


def test_a_policy_is_attached_to_the_roles_that_it_names_and_leaves_them(aws: Aws) -> None:
    statement = {"Effect": "Allow", "Principal": {"Service": "ecs.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
    policy: dict[str, Any] = {"PolicyDocument": document, "Roles": [{"Ref": "First"}]}
    body: dict[str, Any] = {
        "Resources": {
            name: {
                "Type": "AWS::IAM::Role",
                "Properties": {"RoleName": f"of-{name}", "AssumeRolePolicyDocument": trust},
            }
            for name in ("First", "Second")
        }
    }
    body["Resources"]["Policy"] = {"Type": "AWS::IAM::ManagedPolicy", "Properties": policy}

    def attached(name: str) -> int:
        answer = aws.client("iam").list_attached_role_policies(RoleName=f"of-{name}")
        return len(answer["AttachedPolicies"])

    capable: dict[str, Any] = {"Capabilities": ["CAPABILITY_NAMED_IAM"]}
    stack = aws.deploy("attached", body, **capable)
    assert stack["StackStatus"] == "CREATE_COMPLETE", reasons(aws, "attached", "CREATE_FAILED")
    assert (attached("First"), attached("Second")) == (1, 0)
    policy["Roles"] = [{"Ref": "Second"}]
    assert aws.deploy("attached", body, "UPDATE", **capable)["StackStatus"] == "UPDATE_COMPLETE"
    assert (attached("First"), attached("Second")) == (0, 1)


# moto's zones, as those of any account: the last of these is use1-az3, which has no VPC origins.
@pytest.mark.parametrize(("zones", "status"), [("ab", "CREATE_COMPLETE"), ("ae", "ROLLBACK_COMPLETE")])
def test_a_vpc_origin_needs_zones_that_have_them(aws: Aws, zones: str, status: str) -> None:
    subnets = {
        f"Subnet{number}": {
            "Type": "AWS::EC2::Subnet",
            "Properties": {
                "VpcId": {"Ref": "Vpc"},
                "CidrBlock": f"10.0.{number}.0/24",
                "AvailabilityZone": f"us-east-1{zone}",
            },
        }
        for number, zone in enumerate(zones)
    }
    balancer = {"Scheme": "internal", "Type": "application", "Subnets": [{"Ref": name} for name in subnets]}
    origin = {"Arn": {"Ref": "Balancer"}, "Name": "origin", "HTTPPort": 80, "OriginProtocolPolicy": "http-only"}
    body = {
        "Resources": {
            "Vpc": VPC,
            **subnets,
            "Balancer": {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": balancer},
            "Origin": {"Type": "AWS::CloudFront::VpcOrigin", "Properties": {"VpcOriginEndpointConfig": origin}},
        }
    }
    assert aws.deploy(f"origin-{zones}", body)["StackStatus"] == status, reasons(
        aws, f"origin-{zones}", "CREATE_FAILED"
    )
    failed = dict(reasons(aws, f"origin-{zones}", "CREATE_FAILED"))
    assert status == "CREATE_COMPLETE" or "VPC origins are not available in use1-az3" in failed["Origin"]


def test_the_tags_of_a_bucket_that_count_for_access_change_by_the_new_calls_alone(aws: Aws) -> None:
    """S3 API reference, PutBucketTagging, DeleteBucketTagging and PutBucketAbac; CloudFormation makes the new calls."""

    def tagged(**tags: str) -> dict[str, Any]:
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        properties = {"AbacStatus": "Enabled", "Tags": pairs}
        return {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": properties}}}

    assert aws.deploy("tagged", tagged(Team="a", Gone="x"))["StackStatus"] == "CREATE_COMPLETE"
    stack = aws.deploy("tagged", tagged(Team="b"), "UPDATE")
    assert stack["StackStatus"] == "UPDATE_COMPLETE", reasons(aws, "tagged", "UPDATE_FAILED")
    [resource] = aws.client("cloudformation").list_stack_resources(StackName="tagged")["StackResourceSummaries"]
    bucket = {"Bucket": resource["PhysicalResourceId"]}
    own = {tag["Key"]: tag["Value"] for tag in aws.s3.get_bucket_tagging(**bucket)["TagSet"]}
    assert {key: own.get(key) for key in ("Team", "Gone")} == {"Team": "b", "Gone": None}
    with pytest.raises(ClientError, match="PutBucketTagging"):
        aws.s3.put_bucket_tagging(**bucket, Tagging={"TagSet": [{"Key": "Team", "Value": "c"}]})
    with pytest.raises(ClientError, match="DeleteBucketTagging"):
        aws.s3.delete_bucket_tagging(**bucket)
    aws.s3.put_bucket_abac(**bucket, AbacStatus={"Status": "Disabled"})
    aws.s3.put_bucket_tagging(**bucket, Tagging={"TagSet": [{"Key": "Team", "Value": "c"}]})


# In this process, each demand with its words and with what meets it.


class Site:
    """A network with a gateway, subnets and a group, made by boto3; and demands on a resource of a type."""

    def __init__(self, account: Account) -> None:
        self.account, self.services = account, account.services
        self.ec2 = self.services.client("ec2")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = {
            zone: self.ec2.create_subnet(
                VpcId=self.vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"us-east-1{zone}"
            )["Subnet"]["SubnetId"]
            for number, zone in enumerate("abe")
        }

    def gateway(self) -> str:
        return str(self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"])

    def attach(self, gateway: str) -> None:
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)

    def balancer(self, *zones: str) -> str:
        created = self.services.client("elbv2").create_load_balancer(
            Name="one", Subnets=[self.subnets[zone] for zone in zones]
        )
        return str(created["LoadBalancers"][0]["LoadBalancerArn"])

    def refusal(self, kind: str, **properties: Any) -> str:
        """Why a resource is refused, in the words of its service; empty where it is not."""
        try:
            demands.check(handler_for(self.services, kind, properties))
        except ResourceError as error:
            return str(error)
        return ""


@pytest.fixture
def site(account: Account) -> Site:
    return Site(account)


def words(message: str, code: str = "InvalidRequest") -> str:
    return f'Resource handler returned message: "{message}" (HandlerErrorCode: {code})'


def test_a_nat_gateway_needs_an_internet_gateway(site: Site) -> None:
    kind, subnet = "AWS::EC2::NatGateway", {"SubnetId": site.subnets["a"]}
    missing = words(f"Network {site.vpc} has no Internet gateway attached (Service: Ec2, Status Code: 400)")
    assert site.refusal(kind, **subnet) == site.refusal(kind, **subnet, ConnectivityType="public") == missing
    assert site.refusal(kind, **subnet, ConnectivityType="private") == ""
    site.attach(site.gateway())
    assert site.refusal(kind, **subnet) == ""


def test_a_route_needs_the_gateway_of_its_network(site: Site) -> None:
    table = site.ec2.create_route_table(VpcId=site.vpc)["RouteTable"]["RouteTableId"]
    gateway, other = site.gateway(), site.gateway()
    route = {"RouteTableId": table, "GatewayId": gateway}
    site.attach(other)
    assert site.refusal("AWS::EC2::Route", **route) == words(
        f"route table {table} and network gateway {gateway} belong to different networks (Service: Ec2)"
    )
    assert site.refusal("AWS::EC2::Route", RouteTableId=table, GatewayId=other) == ""
    for somewhere in ({"GatewayId": "vgw-1"}, {"NatGatewayId": "nat-1"}, {"GatewayId": "local"}):
        assert site.refusal("AWS::EC2::Route", RouteTableId=table, **somewhere) == ""


@pytest.mark.parametrize(("way", "member"), [("Ingress", "SourcePrefixListId"), ("Egress", "DestinationPrefixListId")])
def test_a_group_has_sixty_rules_each_way(site: Site, way: str, member: str) -> None:
    kind, group = (
        f"AWS::EC2::SecurityGroup{way}",
        site.ec2.create_security_group(GroupName="g", Description="g", VpcId=site.vpc)["GroupId"],
    )
    authorize = getattr(site.ec2, f"authorize_security_group_{way.lower()}")
    own = site.ec2.create_managed_prefix_list(PrefixListName="own", MaxEntries=3, AddressFamily="IPv4")
    lists = site.ec2.describe_managed_prefix_lists()["PrefixLists"]
    [origins] = [each["PrefixListId"] for each in lists if each["PrefixListName"] == ORIGINS]
    small = own["PrefixList"]["PrefixListId"]
    full = words("The maximum number of rules per security group has been reached.", "ServiceLimitExceeded")
    present = 1 if way == "Egress" else 0  # the rule that lets everything out
    rules = [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port} for port in range(1, 60)]
    first = [{**rule, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]} for rule in rules[: 5 - present]]
    authorize(GroupId=group, IpPermissions=first)
    assert site.refusal(kind, GroupId=group, **{member: origins}) == "", "5 and 55"
    authorize(GroupId=group, IpPermissions=[{**rules[10], "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}])
    assert site.refusal(kind, GroupId=group, **{member: origins}) == full, "6 and 55"
    more = [{**rule, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]} for rule in rules[11:59]]
    authorize(GroupId=group, IpPermissions=more)  # 54
    authorize(GroupId=group, IpPermissions=[{**rules[0], "PrefixListIds": [{"PrefixListId": small}]}])  # 57
    assert site.refusal(kind, GroupId=group, **{member: small}) == "", "57 and 3"
    authorize(GroupId=group, IpPermissions=[{**rules[1], "IpRanges": [{"CidrIp": "11.0.0.0/8"}]}])
    assert site.refusal(kind, GroupId=group, **{member: small}) == full, "58 and 3"
    assert site.refusal(kind, GroupId=group, CidrIp="10.0.0.0/8") == "", "58 and 1"
    other = {"Ingress": "Egress", "Egress": "Ingress"}[way]
    assert site.refusal(f"AWS::EC2::SecurityGroup{other}", GroupId=group, CidrIp="10.0.0.0/8") == "", "the other way"


def test_a_service_needs_its_load_balancer(site: Site) -> None:
    elb, kind = site.services.client("elbv2"), "AWS::ECS::Service"
    targets = elb.create_target_group(Name="t", Protocol="HTTP", Port=80, VpcId=site.vpc, TargetType="ip")
    arn = targets["TargetGroups"][0]["TargetGroupArn"]
    behind = {"LoadBalancers": [{}, {"TargetGroupArn": arn}]}
    assert site.refusal(kind, **behind) == words(
        f"The target group with targetGroupArn {arn} does not have an associated load balancer."
    )
    forward = [{"Type": "forward", "TargetGroupArn": arn}]
    elb.create_listener(LoadBalancerArn=site.balancer("a", "b"), Port=80, Protocol="HTTP", DefaultActions=forward)
    assert site.refusal(kind, **behind) == site.refusal(kind) == site.refusal(kind, LoadBalancers=None) == ""


def test_a_vpc_origin_needs_zones_that_have_them_and_only_for_load_balancers(site: Site) -> None:
    def origin(arn: str) -> str:
        return site.refusal("AWS::CloudFront::VpcOrigin", VpcOriginEndpointConfig={"Arn": arn})

    assert origin(site.balancer("a", "e")) == words("VPC origins are not available in use1-az3")
    assert origin("arn:aws:ec2:us-east-1:1:instance/i-1") == ""


def admission(bucket: str, service: str, key: str, **condition: Any) -> str:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/{key}",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **condition}]})


def test_logs_of_a_bucket_need_the_policy_of_their_target(site: Site) -> None:
    s3, number = site.services.client("s3"), site.services.account
    target, kind = f"logs-{number}", "AWS::S3::Bucket"
    s3.create_bucket(Bucket=target)

    def logged(prefix: str = "x/") -> str:
        logging = {"DestinationBucketName": target, "LogFilePrefix": prefix}
        return site.refusal(kind, BucketName="logged", LoggingConfiguration=logging)

    refused = words(
        "You must either provide the necessary permissions to the logging service using a bucket policy or "
        "give the log-delivery group WRITE and READ_ACP permissions to the target bucket"
    )
    assert logged() == refused and site.refusal(kind) == site.refusal(kind, LoggingConfiguration={}) == ""
    account_and_source = {
        "StringEquals": {"aws:SourceAccount": number},
        "ArnLike": {"aws:SourceArn": "arn:aws:s3:::logged"},
        "Bool": {"aws:SecureTransport": "true"},
    }
    service = "logging.s3.amazonaws.com"
    for policy, expected in (
        (admission(target, service, "x/*", Condition=account_and_source), ""),
        (admission(target, service, "y/*"), refused),
        (admission(target, "other.amazonaws.com", "*"), refused),
        (admission(target, service, "*", Condition={"StringEquals": {"aws:SourceAccount": "1"}}), refused),
    ):
        s3.put_bucket_policy(Bucket=target, Policy=policy)
        assert logged() == expected
    s3.put_bucket_policy(Bucket=target, Policy=admission(target, service, "log"))
    no_prefix = {"DestinationBucketName": target}
    assert site.refusal(kind, BucketName="logged", LoggingConfiguration=no_prefix) == ""


def test_logs_of_a_load_balancer_need_the_policy_of_their_bucket(site: Site) -> None:
    s3, number = site.services.client("s3"), site.services.account
    bucket, kind = f"access-{number}", "AWS::ElasticLoadBalancingV2::LoadBalancer"
    s3.create_bucket(Bucket=bucket)

    def logs(**attributes: str) -> str:
        enabled = {"enabled": "true", "bucket": bucket, **attributes}
        listed = [{"Key": f"access_logs.s3.{key}", "Value": value} for key, value in enabled.items()]
        return site.refusal(kind, LoadBalancerAttributes=listed)

    refused = words(f"Access Denied for bucket: {bucket}. Please check S3bucket permission")
    assert logs() == refused and logs(enabled="false") == site.refusal(kind) == ""
    service, own = "logdelivery.elasticloadbalancing.amazonaws.com", {"StringEquals": {"aws:SourceAccount": number}}
    s3.put_bucket_policy(Bucket=bucket, Policy=admission(bucket, service, f"AWSLogs/{number}/*", Condition=own))
    assert logs() == "" and logs(prefix="p") == refused
    s3.put_bucket_policy(Bucket=bucket, Policy=admission(bucket, service, f"p/AWSLogs/{number}/*"))
    assert logs() == refused and logs(prefix="p") == ""


@pytest.mark.parametrize(
    ("kind", "member", "service", "source"),
    [
        ("AWS::CodeBuild::Project", "ServiceRole", "codebuild", "codebuild:us-east-1:{account}:project/it"),
        ("AWS::CodePipeline::Pipeline", "RoleArn", "codepipeline", "codepipeline:us-east-1:{account}:it"),
        ("AWS::StepFunctions::StateMachine", "RoleArn", "states", "stepfunctions:us-east-1:{account}:stateMachine:it"),
    ],
)
def test_the_role_of_a_resource_trusts_its_service(
    site: Site, kind: str, member: str, service: str, source: str
) -> None:
    iam, number = site.services.client("iam"), site.services.account
    arn = f"arn:aws:iam::{number}:role/a/role"
    refused = words(f"{service}.amazonaws.com is not authorized to perform: sts:AssumeRole on {arn}")
    assert site.refusal(kind, Name="it", **{member: arn}) == refused, "there is no such role"
    assert site.refusal(kind) == site.refusal(kind, **{member: "no role"}) == ""
    trusted = {"Principal": {"Service": f"{service}.amazonaws.com"}, "Effect": "Allow", "Action": "sts:AssumeRole"}
    confused = {
        "StringEquals": {"aws:SourceAccount": number},
        "ArnLike": {"aws:SourceArn": f"arn:aws:{source.format(account=number)}"},
    }
    iam.create_role(RoleName="role", Path="/a/", AssumeRolePolicyDocument=json.dumps({"Statement": []}))
    for statement, expected in (
        (trusted, ""),
        ({**trusted, "Condition": confused}, ""),
        ({**trusted, "Principal": {"Service": "other.amazonaws.com"}}, refused),
        ({**trusted, "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:x:*:*:*"}}}, refused),
    ):
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.update_assume_role_policy(RoleName="role", PolicyDocument=document)
        assert site.refusal(kind, Name="it", **{member: arn}) == expected
