"""What a service wants to stand before it takes something: refused when it does not, taken when it does."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

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
