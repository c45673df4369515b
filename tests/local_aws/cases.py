"""A resource of each type that the local AWS knows: as it is made, as it is changed in place, and what has to stand
before it.

`<Name>` is the physical id of something that stands before it, `<Name.Attribute>` what `Fn::GetAtt` gives of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Properties = dict[str, Any]
Needs = dict[str, tuple[str, Properties]]
TAGS = [{"Key": "A", "Value": "1"}, {"Key": "B", "Value": "2"}]
OTHER_TAGS = [{"Key": "A", "Value": "3"}, {"Key": "C", "Value": "4"}]
ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
POLICY = {"Version": "2012-10-17", "Statement": [ALLOW]}
OTHER_POLICY = {"Version": "2012-10-17", "Statement": [{**ALLOW, "Action": "s3:PutObject"}]}
MANAGED = "arn:aws:iam::aws:policy/ReadOnlyAccess"
LIFECYCLE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 5},
                "action": {"type": "expire"},
            }
        ]
    }
)
ECS_SCALING = "ecs:service:DesiredCount"


def trust(*services: str) -> Properties:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
            for service in services
        ],
    }


@dataclass(frozen=True)
class Case:
    """`first` and `changed` are properties; without `changed` no change in place is tried. `needs` are types and
    properties of what stands before it, by a name."""

    kind: str
    first: Properties
    changed: Properties | None = None
    needs: Mapping[str, tuple[str, Properties]] = field(default_factory=dict)


# What other resources stand on.
VPC: Needs = {"Vpc": ("AWS::EC2::VPC", {"CidrBlock": "10.0.0.0/16"})}
SUBNETS: Needs = {
    **VPC,
    **{
        f"Subnet{zone.upper()}": (
            "AWS::EC2::Subnet",
            {"VpcId": "<Vpc>", "CidrBlock": f"10.0.{number}.0/24", "AvailabilityZone": f"us-east-1{zone}"},
        )
        for number, zone in enumerate("abc")
    },
}
GROUPS: Needs = {
    **VPC,
    "Group": ("AWS::EC2::SecurityGroup", {"GroupName": "one", "GroupDescription": "one", "VpcId": "<Vpc>"}),
    "Other": ("AWS::EC2::SecurityGroup", {"GroupName": "other", "GroupDescription": "other", "VpcId": "<Vpc>"}),
}
GATEWAY: Needs = {**VPC, "Gateway": ("AWS::EC2::InternetGateway", {})}
ATTACHED: Needs = {
    **GATEWAY,
    "Attachment": ("AWS::EC2::VPCGatewayAttachment", {"InternetGatewayId": "<Gateway>", "VpcId": "<Vpc>"}),
    "OtherGateway": ("AWS::EC2::InternetGateway", {}),
    "Table": ("AWS::EC2::RouteTable", {"VpcId": "<Vpc>"}),
}
BALANCER: Needs = {
    **SUBNETS,
    **GROUPS,
    "Balancer": (
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        {"Name": "balancer", "Scheme": "internal", "Subnets": ["<SubnetA>", "<SubnetB>"]},
    ),
    "Targets": (
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        {"Name": "targets", "Protocol": "HTTP", "Port": 80, "TargetType": "ip", "VpcId": "<Vpc>"},
    ),
    "OtherTargets": (
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        {"Name": "others", "Protocol": "HTTP", "Port": 80, "TargetType": "ip", "VpcId": "<Vpc>"},
    ),
}
LISTENER: Needs = {
    **BALANCER,
    "Listener": (
        "AWS::ElasticLoadBalancingV2::Listener",
        {
            "LoadBalancerArn": "<Balancer>",
            "Port": 80,
            "Protocol": "HTTP",
            "DefaultActions": [{"Type": "forward", "TargetGroupArn": "<Targets>"}],
        },
    ),
}
CLUSTER: Needs = {"Cluster": ("AWS::ECS::Cluster", {"ClusterName": "cluster"})}
TASK: Properties = {
    "Family": "task",
    "Cpu": "256",
    "Memory": "512",
    "NetworkMode": "awsvpc",
    "RequiresCompatibilities": ["FARGATE"],
    "ContainerDefinitions": [{"Name": "backend", "Image": "image:1", "PortMappings": [{"ContainerPort": 8080}]}],
}
SERVICE: Needs = {
    **LISTENER,
    **CLUSTER,
    "Task": ("AWS::ECS::TaskDefinition", TASK),
    "NextTask": ("AWS::ECS::TaskDefinition", {**TASK, "Memory": "1024"}),
}
SERVICE_PROPERTIES: Properties = {
    "ServiceName": "service",
    "Cluster": "<Cluster>",
    "TaskDefinition": "<Task>",
    "DesiredCount": 0,
    "LaunchType": "FARGATE",
    "EnableExecuteCommand": False,
    "HealthCheckGracePeriodSeconds": 60,
    "DeploymentConfiguration": {"MinimumHealthyPercent": 100, "MaximumPercent": 200},
    "LoadBalancers": [{"ContainerName": "backend", "ContainerPort": 8080, "TargetGroupArn": "<Targets>"}],
    "NetworkConfiguration": {
        "AwsvpcConfiguration": {
            "AssignPublicIp": "DISABLED",
            "Subnets": ["<SubnetA>", "<SubnetB>"],
            "SecurityGroups": ["<Group>"],
        }
    },
    "ForceNewDeployment": {"EnableForceNewDeployment": "true", "ForceNewDeploymentNonce": "1"},
    "Tags": TAGS,
}
SCALED: Needs = {
    **SERVICE,
    "Service": (
        "AWS::ECS::Service",
        {"ServiceName": "service", "Cluster": "<Cluster>", "TaskDefinition": "<Task>", "DesiredCount": 0},
    ),
    "Scaled": (
        "AWS::ApplicationAutoScaling::ScalableTarget",
        {
            "MinCapacity": 1,
            "MaxCapacity": 2,
            "ResourceId": "service/cluster/service",
            "ScalableDimension": ECS_SCALING,
            "ServiceNamespace": "ecs",
        },
    ),
}
KEY: Needs = {"Key": ("AWS::KMS::Key", {"KeyPolicy": POLICY})}
TOPIC: Needs = {"Topic": ("AWS::SNS::Topic", {"TopicName": "topic"})}
ROLES: Needs = {
    name: ("AWS::IAM::Role", {"RoleName": name, "AssumeRolePolicyDocument": trust("ec2")}) for name in ("First", "Next")
}
BUCKET_NAMES: Needs = {name: ("AWS::S3::Bucket", {"BucketName": f"{name.lower()}-<account>"}) for name in ("Logs",)}


def bucket_rules(**more: Any) -> Properties:
    return {"Rules": [{"Id": "all", "Status": "Enabled", "ExpirationInDays": 3, **more}]}


def distribution(comment: str, **more: Any) -> Properties:
    behavior = {
        "TargetOriginId": "backend",
        "ViewerProtocolPolicy": "https-only",
        "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
    }
    methods = ["GET", "HEAD", "OPTIONS"]
    return {
        "DistributionConfig": {
            "Comment": comment,
            "Enabled": True,
            "IPV6Enabled": True,
            "HttpVersion": "http2",
            "Origins": [
                {
                    "Id": "backend",
                    "DomainName": "backend.example",
                    "CustomOriginConfig": {"OriginProtocolPolicy": "http-only"},
                    "OriginCustomHeaders": [{"HeaderName": "X-Secret", "HeaderValue": "s"}],
                },
                {
                    "Id": "site",
                    "DomainName": "site.s3.us-east-1.amazonaws.com",
                    "S3OriginConfig": {"OriginAccessIdentity": ""},
                },
            ],
            "DefaultCacheBehavior": behavior,
            "CacheBehaviors": [
                {**behavior, "PathPattern": "/api/*", "AllowedMethods": methods, "CachedMethods": methods}
            ],
            **more,
        }
    }


def pipeline(branch: str, **more: Any) -> Properties:
    source = {"Category": "Source", "Owner": "AWS", "Provider": "CodeCommit", "Version": "1"}
    build = {"Category": "Build", "Owner": "AWS", "Provider": "CodeBuild", "Version": "1"}
    stages = [
        {
            "Name": "Source",
            "Actions": [
                {
                    "Name": "Source",
                    "ActionTypeId": source,
                    "Configuration": {"RepositoryName": "source", "BranchName": branch},
                    "OutputArtifacts": [{"Name": "Source"}],
                    "RunOrder": 1,
                }
            ],
        },
        {
            "Name": "Build",
            "Actions": [
                {
                    "Name": "Build",
                    "ActionTypeId": build,
                    "Configuration": {"ProjectName": "project"},
                    "InputArtifacts": [{"Name": "Source"}],
                    "RunOrder": 1,
                }
            ],
        },
    ]
    return {
        "Name": "pipeline",
        "RoleArn": "<Builder.Arn>",
        "ArtifactStore": {"Type": "S3", "Location": "artifacts"},
        "RestartExecutionOnUpdate": False,
        "Stages": stages,
        "PipelineType": "V1",
        **more,
    }


BUILDER: Needs = {
    "Builder": (
        "AWS::IAM::Role",
        {"RoleName": "builder", "AssumeRolePolicyDocument": trust("codebuild", "codepipeline", "states")},
    )
}
PROJECT: Properties = {
    "Name": "project",
    "ServiceRole": "<Builder.Arn>",
    "Artifacts": {"Type": "CODEPIPELINE"},
    "Source": {"Type": "CODEPIPELINE", "BuildSpec": "version: 0.2"},
    "Environment": {
        "Type": "LINUX_CONTAINER",
        "Image": "image:1",
        "ComputeType": "BUILD_GENERAL1_SMALL",
        "EnvironmentVariables": [{"Name": "A", "Value": "1", "Type": "PLAINTEXT"}],
    },
    "TimeoutInMinutes": 20,
}
ALARM: Properties = {
    "AlarmName": "alarm",
    "ComparisonOperator": "GreaterThanThreshold",
    "EvaluationPeriods": 2,
    "MetricName": "Errors",
    "Namespace": "Ours",
    "Period": 60,
    "Statistic": "Sum",
    "Threshold": 1.5,
    "TreatMissingData": "notBreaching",
    "Dimensions": [{"Name": "Service", "Value": "backend"}],
}
SIZE, MODE = "aws:autoscaling:asg", "aws:elasticbeanstalk:environment"
TABLE: Properties = {
    "TableName": "table",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}
RULE: Properties = {"CidrIp": "10.0.0.0/8", "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "Description": "TLS"}


def option(namespace: str, name: str, value: str) -> dict[str, str]:
    return {"Namespace": namespace, "OptionName": name, "Value": value}


def versions_kept(count: int) -> Properties:
    rule = {"Enabled": True, "MaxCount": count, "DeleteSourceFromS3": True}
    return {"ServiceRole": "arn:aws:iam::123456789012:role/somebody", "VersionLifecycleConfig": {"MaxCountRule": rule}}


def signing(*patterns: str) -> Properties:
    rule = {
        "SigningProfileArn": "arn:aws:signer:us-east-1:123456789012:/signing-profiles/ours",
        "RepositoryFilters": [{"Filter": pattern, "FilterType": "WILDCARD_MATCH"} for pattern in patterns],
    }
    return {"Rules": [rule]}


def budget(amount: int) -> Properties:
    limit = {"Amount": amount, "Unit": "USD"}
    alarm = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80}
    return {
        "Budget": {"BudgetName": "budget", "BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": limit},
        "NotificationsWithSubscribers": [
            {"Notification": alarm, "Subscribers": [{"SubscriptionType": "EMAIL", "Address": "a@example.com"}]}
        ],
    }


def record(name: str, target: str) -> Properties:
    alias = {"DNSName": target, "HostedZoneId": "Z2FDTNDATAQYW2", "EvaluateTargetHealth": False}
    return {"HostedZoneId": "<zone>", "Name": name, "Type": "A", "AliasTarget": alias}


def access_control(description: str) -> Properties:
    return {
        "OriginAccessControlConfig": {
            "Name": "access",
            "Description": description,
            "OriginAccessControlOriginType": "s3",
            "SigningBehavior": "always",
            "SigningProtocol": "sigv4",
        }
    }


def states(comment: str) -> Properties:
    return {"Comment": comment, "StartAt": "End", "States": {"End": {"Type": "Succeed"}}}


CASES: tuple[Case, ...] = (
    # Keys, secrets, parameters, logs, topics, roles.
    Case(
        "AWS::KMS::Key",
        {
            "KeyPolicy": POLICY,
            "Description": "first",
            "EnableKeyRotation": True,
            "PendingWindowInDays": 7,
            "Tags": TAGS,
        },
        {"KeyPolicy": OTHER_POLICY, "EnableKeyRotation": "false", "Tags": OTHER_TAGS},
    ),
    Case(
        "AWS::KMS::Alias",
        {"AliasName": "alias/one", "TargetKeyId": "<Key>"},
        {"AliasName": "alias/one", "TargetKeyId": "<OtherKey>"},
        {**KEY, "OtherKey": KEY["Key"]},
    ),
    Case(
        "AWS::Logs::LogGroup",
        {"LogGroupName": "/logs/one", "RetentionInDays": 7, "KmsKeyId": "<Key.Arn>", "Tags": TAGS},
        {"LogGroupName": "/logs/one", "KmsKeyId": "<Key.Arn>", "Tags": OTHER_TAGS},
        KEY,
    ),
    Case(
        "AWS::SecretsManager::Secret",
        {"Name": "secret", "SecretString": "s", "Description": "d", "Tags": TAGS},
        {"Name": "secret", "SecretString": "t", "Description": "e", "Tags": OTHER_TAGS},
    ),
    Case(
        "AWS::SSM::Parameter",
        {"Name": "/one", "Type": "String", "Value": "1", "Tags": {"A": "1"}},
        {"Name": "/one", "Type": "String", "Value": "2", "Description": "d", "Tags": {"B": "2"}},
    ),
    Case(
        "AWS::SNS::Topic",
        {"TopicName": "topic", "DisplayName": "first", "KmsMasterKeyId": "<Key>", "Tags": TAGS},
        {"TopicName": "topic", "DisplayName": "second", "Tags": OTHER_TAGS},
        KEY,
    ),
    Case(
        "AWS::SNS::TopicPolicy",
        {"Topics": ["<Topic>"], "PolicyDocument": POLICY},
        {"Topics": ["<Topic>"], "PolicyDocument": OTHER_POLICY},
        TOPIC,
    ),
    Case(
        "AWS::SNS::Subscription", {"TopicArn": "<Topic>", "Protocol": "email", "Endpoint": "a@example.com"}, None, TOPIC
    ),
    Case(
        "AWS::IAM::Role",
        {
            "RoleName": "role",
            "Description": "first",
            "AssumeRolePolicyDocument": trust("ecs-tasks"),
            "PermissionsBoundary": MANAGED,
            "Policies": [{"PolicyName": name, "PolicyDocument": POLICY} for name in "ab"],
            "ManagedPolicyArns": [MANAGED],
            "Tags": TAGS,
        },
        {
            "RoleName": "role",
            "Description": "second",
            "AssumeRolePolicyDocument": trust("ec2"),
            "Policies": [
                {"PolicyName": "b", "PolicyDocument": OTHER_POLICY},
                {"PolicyName": "c", "PolicyDocument": POLICY},
            ],
            "ManagedPolicyArns": ["arn:aws:iam::aws:policy/SecurityAudit"],
            "Tags": OTHER_TAGS,
        },
    ),
    Case(
        "AWS::IAM::InstanceProfile",
        {"InstanceProfileName": "profile", "Roles": ["<First>"]},
        {"InstanceProfileName": "profile", "Roles": ["<Next>"]},
        ROLES,
    ),
    Case(
        "AWS::IAM::ManagedPolicy",
        {"ManagedPolicyName": "policy", "PolicyDocument": POLICY, "Roles": ["<First>"]},
        {"ManagedPolicyName": "policy", "PolicyDocument": OTHER_POLICY, "Roles": ["<Next>"]},
        ROLES,
    ),
    # What holds data.
    Case(
        "AWS::S3::Bucket",
        {
            "BucketName": "bucket-<account>",
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "VersioningConfiguration": {"Status": "Enabled"},
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {
                        "BucketKeyEnabled": True,
                        "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "<Key>"},
                    }
                ]
            },
            "LifecycleConfiguration": bucket_rules(),
            "PublicAccessBlockConfiguration": {"BlockPublicAcls": True, "RestrictPublicBuckets": True},
            "LoggingConfiguration": {"DestinationBucketName": "<Logs>", "LogFilePrefix": "x/"},
            "CorsConfiguration": {"CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAge": 3}]},
            "AccelerateConfiguration": {"AccelerationStatus": "Enabled"},
            "AbacStatus": "Enabled",
            "Tags": TAGS,
        },
        {"BucketName": "bucket-<account>", "LifecycleConfiguration": bucket_rules(Prefix="x/"), "Tags": OTHER_TAGS},
        {**KEY, **BUCKET_NAMES},
    ),
    Case(
        "AWS::S3::BucketPolicy",
        {"Bucket": "<Logs>", "PolicyDocument": POLICY},
        {"Bucket": "<Logs>", "PolicyDocument": OTHER_POLICY},
        BUCKET_NAMES,
    ),
    Case(
        "AWS::DynamoDB::Table",
        {
            **TABLE,
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True},
            "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": "<Key.Arn>"},
            "Tags": TAGS,
        },
        {
            **TABLE,
            "DeletionProtectionEnabled": False,
            "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": "<Key.Arn>"},
            "Tags": OTHER_TAGS,
        },
        KEY,
    ),
    Case(
        "AWS::ECR::Repository",
        {
            "RepositoryName": "images",
            "LifecyclePolicy": {"LifecyclePolicyText": LIFECYCLE},
            "ImageScanningConfiguration": {"ScanOnPush": True},
            "ImageTagMutability": "IMMUTABLE",
            "Tags": TAGS,
        },
        {"RepositoryName": "images", "Tags": OTHER_TAGS},
    ),
    Case("AWS::ECR::SigningConfiguration", signing("one-*"), signing("one-*", "two-*")),
    Case(
        "AWS::Signer::SigningProfile",
        {"ProfileName": "ours-and.others", "PlatformId": "Notation-OCI-SHA384-ECDSA", "Tags": TAGS},
        {"ProfileName": "ours-and.others", "PlatformId": "Notation-OCI-SHA384-ECDSA", "Tags": OTHER_TAGS},
    ),
    Case(
        "AWS::CodeCommit::Repository",
        {"RepositoryName": "source", "RepositoryDescription": "d", "Tags": TAGS},
        {"RepositoryName": "renamed", "RepositoryDescription": "d", "Tags": TAGS},
    ),
    # Networks.
    Case(
        "AWS::EC2::VPC",
        {"CidrBlock": "10.0.0.0/16", "EnableDnsHostnames": True, "EnableDnsSupport": False, "Tags": TAGS},
        {"CidrBlock": "10.0.0.0/16", "Tags": OTHER_TAGS},
    ),
    Case(
        "AWS::EC2::Subnet",
        {
            "VpcId": "<Vpc>",
            "CidrBlock": "10.0.9.0/24",
            "AvailabilityZone": "us-east-1b",
            "MapPublicIpOnLaunch": True,
            "Tags": TAGS,
        },
        {"VpcId": "<Vpc>", "CidrBlock": "10.0.9.0/24", "AvailabilityZone": "us-east-1b", "Tags": OTHER_TAGS},
        VPC,
    ),
    Case("AWS::EC2::InternetGateway", {"Tags": TAGS}, {"Tags": OTHER_TAGS}),
    Case("AWS::EC2::VPCGatewayAttachment", {"InternetGatewayId": "<Gateway>", "VpcId": "<Vpc>"}, None, GATEWAY),
    Case("AWS::EC2::EIP", {"Domain": "vpc", "Tags": TAGS}, {"Domain": "vpc", "Tags": OTHER_TAGS}),
    Case(
        "AWS::EC2::NatGateway",
        {"SubnetId": "<SubnetA>", "AllocationId": "<Address.AllocationId>", "Tags": TAGS},
        {"SubnetId": "<SubnetA>", "AllocationId": "<Address.AllocationId>", "Tags": OTHER_TAGS},
        {**SUBNETS, "Address": ("AWS::EC2::EIP", {"Domain": "vpc"})},
    ),
    Case("AWS::EC2::RouteTable", {"VpcId": "<Vpc>", "Tags": TAGS}, {"VpcId": "<Vpc>", "Tags": OTHER_TAGS}, VPC),
    Case(
        "AWS::EC2::Route",
        {"RouteTableId": "<Table>", "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "<Gateway>"},
        {"RouteTableId": "<Table>", "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "<OtherGateway>"},
        ATTACHED,
    ),
    Case(
        "AWS::EC2::SubnetRouteTableAssociation",
        {"RouteTableId": "<Table>", "SubnetId": "<SubnetA>"},
        None,
        {**SUBNETS, "Table": ATTACHED["Table"]},
    ),
    Case(
        "AWS::EC2::VPCEndpoint",
        {
            "VpcId": "<Vpc>",
            "ServiceName": "com.amazonaws.us-east-1.s3",
            "VpcEndpointType": "Gateway",
            "RouteTableIds": ["<Table>"],
            "PolicyDocument": POLICY,
        },
        None,
        {**VPC, "Table": ATTACHED["Table"]},
    ),
    Case(
        "AWS::EC2::SecurityGroup",
        {
            "GroupName": "group",
            "GroupDescription": "d",
            "VpcId": "<Vpc>",
            "SecurityGroupEgress": [RULE],
            "SecurityGroupIngress": [RULE, {**RULE, "FromPort": 80, "ToPort": 80}],
            "Tags": TAGS,
        },
        {
            "GroupName": "group",
            "GroupDescription": "d",
            "VpcId": "<Vpc>",
            "SecurityGroupIngress": [
                RULE,
                {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "SourceSecurityGroupId": "<Other>"},
            ],
            "Tags": OTHER_TAGS,
        },
        GROUPS,
    ),
    Case(
        "AWS::EC2::SecurityGroupIngress",
        {
            "GroupId": "<Group>",
            "IpProtocol": "tcp",
            "FromPort": 1,
            "ToPort": 2,
            "SourceSecurityGroupId": "<Other>",
            "Description": "from the other",
        },
        None,
        GROUPS,
    ),
    Case(
        "AWS::EC2::SecurityGroupEgress",
        {
            "GroupId": "<Group>",
            "IpProtocol": "tcp",
            "FromPort": 1,
            "ToPort": 2,
            "DestinationPrefixListId": "pl-63a5400a",
        },
        None,
        GROUPS,
    ),
    Case(
        "AWS::EC2::FlowLog",
        {
            "ResourceId": "<Vpc>",
            "ResourceType": "VPC",
            "TrafficType": "REJECT",
            "LogDestinationType": "s3",
            "LogDestination": "arn:aws:s3:::<Logs>",
            "Tags": TAGS,
        },
        {
            "ResourceId": "<Vpc>",
            "ResourceType": "VPC",
            "TrafficType": "REJECT",
            "LogDestinationType": "s3",
            "LogDestination": "arn:aws:s3:::<Logs>",
            "Tags": OTHER_TAGS,
        },
        {**VPC, **BUCKET_NAMES},
    ),
    # What runs, and load balancers before it.
    Case(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        {
            "Name": "one",
            "Scheme": "internal",
            "Type": "application",
            "Subnets": ["<SubnetA>", "<SubnetB>"],
            "SecurityGroups": ["<Group>"],
            "LoadBalancerAttributes": [{"Key": "idle_timeout.timeout_seconds", "Value": "30"}],
            "Tags": TAGS,
        },
        {
            "Name": "one",
            "Scheme": "internal",
            "Type": "application",
            "Subnets": ["<SubnetA>", "<SubnetC>"],
            "SecurityGroups": ["<Other>"],
            "LoadBalancerAttributes": [{"Key": "idle_timeout.timeout_seconds", "Value": "40"}],
            "Tags": OTHER_TAGS,
        },
        {**SUBNETS, **GROUPS},
    ),
    Case(
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        {
            "Name": "one",
            "Protocol": "HTTP",
            "Port": 80,
            "TargetType": "ip",
            "VpcId": "<Vpc>",
            "HealthCheckPath": "/health",
            "HealthCheckIntervalSeconds": 10,
            "Matcher": {"HttpCode": "200"},
            "TargetGroupAttributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}],
            "Tags": TAGS,
        },
        {
            "Name": "one",
            "Protocol": "HTTP",
            "Port": 80,
            "TargetType": "ip",
            "VpcId": "<Vpc>",
            "HealthCheckPath": "/other",
            "HealthCheckIntervalSeconds": 20,
            "Matcher": {"HttpCode": "204"},
            "TargetGroupAttributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "60"}],
            "Tags": OTHER_TAGS,
        },
        VPC,
    ),
    Case(
        "AWS::ElasticLoadBalancingV2::Listener",
        {
            "LoadBalancerArn": "<Balancer>",
            "Port": 80,
            "Protocol": "HTTP",
            "DefaultActions": [{"Type": "forward", "TargetGroupArn": "<Targets>"}],
            "Tags": TAGS,
        },
        {
            "LoadBalancerArn": "<Balancer>",
            "Port": 81,
            "Protocol": "HTTP",
            "DefaultActions": [{"Type": "forward", "TargetGroupArn": "<OtherTargets>"}],
            "Tags": OTHER_TAGS,
        },
        BALANCER,
    ),
    Case(
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        {
            "ListenerArn": "<Listener>",
            "Priority": 10,
            "Conditions": [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/api/*"]}}],
            "Actions": [{"Type": "forward", "TargetGroupArn": "<Targets>"}],
            "Tags": TAGS,
        },
        {
            "ListenerArn": "<Listener>",
            "Priority": 10,
            "Conditions": [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/other/*"]}}],
            "Actions": [{"Type": "forward", "TargetGroupArn": "<OtherTargets>"}],
            "Tags": OTHER_TAGS,
        },
        LISTENER,
    ),
    Case(
        "AWS::ECS::Cluster",
        {"ClusterName": "one", "ClusterSettings": [{"Name": "containerInsights", "Value": "enabled"}], "Tags": TAGS},
        {
            "ClusterName": "one",
            "ClusterSettings": [{"Name": "containerInsights", "Value": "disabled"}],
            "Tags": OTHER_TAGS,
        },
    ),
    Case("AWS::ECS::TaskDefinition", {**TASK, "Tags": TAGS}, {**TASK, "Tags": OTHER_TAGS}),
    Case(
        "AWS::ECS::Service",
        SERVICE_PROPERTIES,
        {
            **SERVICE_PROPERTIES,
            "TaskDefinition": "<NextTask>",
            "EnableExecuteCommand": True,
            "ForceNewDeployment": {"EnableForceNewDeployment": False, "ForceNewDeploymentNonce": "2"},
            "Tags": OTHER_TAGS,
        },
        SERVICE,
    ),
    Case(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        {**SCALED["Scaled"][1], "Tags": TAGS},
        {**SCALED["Scaled"][1], "MaxCapacity": 5, "Tags": OTHER_TAGS},
        {name: needed for name, needed in SCALED.items() if name != "Scaled"},
    ),
    Case(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        {
            "PolicyName": "policy",
            "PolicyType": "TargetTrackingScaling",
            "ScalingTargetId": "<Scaled>",
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": 50,
                "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
            },
        },
        {
            "PolicyName": "policy",
            "PolicyType": "TargetTrackingScaling",
            "ScalingTargetId": "<Scaled>",
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": 60,
                "ScaleInCooldown": 30,
                "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
            },
        },
        SCALED,
    ),
    Case(
        "AWS::ElasticBeanstalk::Application",
        {"ApplicationName": "application", "ResourceLifecycleConfig": versions_kept(5)},
        {"ApplicationName": "application", "Description": "d", "ResourceLifecycleConfig": versions_kept(9)},
    ),
    Case(
        "AWS::ElasticBeanstalk::Environment",
        {
            "ApplicationName": "<Application>",
            "EnvironmentName": "environment",
            "OptionSettings": [option(MODE, "EnvironmentType", "SingleInstance"), option(SIZE, "MinSize", "1")],
            "Tags": TAGS,
        },
        {
            "ApplicationName": "<Application>",
            "EnvironmentName": "environment",
            "Description": "d",
            "OptionSettings": [option(SIZE, "MinSize", "2"), option(SIZE, "MaxSize", "2")],
            "Tags": OTHER_TAGS,
        },
        {"Application": ("AWS::ElasticBeanstalk::Application", {"ApplicationName": "application"})},
    ),
    # What builds, releases, serves and watches.
    Case(
        "AWS::CodeBuild::Project",
        {**PROJECT, "Visibility": "PRIVATE"},
        {**PROJECT, "TimeoutInMinutes": 30, "Description": "d"},
        BUILDER,
    ),
    Case("AWS::CodeBuild::ReportGroup", {"Name": "reports", "Type": "TEST"}, {"Name": "reports", "Type": "TEST"}),
    Case(
        "AWS::CodePipeline::Pipeline",
        pipeline("main", Tags=TAGS),
        pipeline("other", Tags=OTHER_TAGS, RestartExecutionOnUpdate="false"),
        BUILDER,
    ),
    Case(
        "AWS::CloudFront::Distribution",
        {**distribution("first"), "Tags": TAGS},
        {
            **distribution("second", Logging={"Bucket": "logs.s3.amazonaws.com"}, HttpVersion="http3"),
            "Tags": OTHER_TAGS,
        },
    ),
    Case("AWS::CloudFront::MonitoringSubscription", {"DistributionId": "D"}, {"DistributionId": "D"}),
    Case(
        "AWS::CertificateManager::Certificate",
        {
            "DomainName": "a.example",
            "ValidationMethod": "DNS",
            "DomainValidationOptions": [{"DomainName": "a.example", "HostedZoneId": "Z"}],
            "Tags": TAGS,
        },
        {
            "DomainName": "a.example",
            "ValidationMethod": "DNS",
            "DomainValidationOptions": [{"DomainName": "a.example", "HostedZoneId": "Z"}],
            "Tags": OTHER_TAGS,
        },
    ),
    Case("AWS::Route53::RecordSet", record("One.zone.test", "one.test"), record("two.zone.test", "two.test")),
    Case(
        "AWS::CloudFront::Function",
        {
            "Name": "function",
            "AutoPublish": True,
            "FunctionCode": "one",
            "FunctionConfig": {"Comment": "c", "Runtime": "cloudfront-js-2.0"},
            "Tags": TAGS,
        },
        {
            "Name": "function",
            "AutoPublish": True,
            "FunctionCode": "two",
            "FunctionConfig": {"Comment": "c", "Runtime": "cloudfront-js-2.0"},
            "Tags": OTHER_TAGS,
        },
    ),
    Case("AWS::CloudFront::OriginAccessControl", access_control("first"), access_control("second")),
    Case(
        "AWS::CloudFront::ResponseHeadersPolicy",
        {"ResponseHeadersPolicyConfig": {"Name": "headers"}},
        {"ResponseHeadersPolicyConfig": {"Name": "others"}},
    ),
    Case(
        "AWS::CloudFront::VpcOrigin",
        {"VpcOriginEndpointConfig": {"Name": "origin", "Arn": "<Balancer>"}},
        None,
        BALANCER,
    ),
    Case(
        "AWS::CloudWatch::Alarm",
        {**ALARM, "Tags": TAGS},
        {**ALARM, "Threshold": 3, "AlarmDescription": "d", "Tags": OTHER_TAGS},
    ),
    Case(
        "AWS::CloudWatch::Dashboard",
        {"DashboardName": "dashboard", "DashboardBody": '{"widgets": []}', "Tags": TAGS},
        {
            "DashboardName": "dashboard",
            "DashboardBody": '{"widgets": [{"type": "text", "properties": {"markdown": "x"}}]}',
            "Tags": TAGS,
        },
    ),
    Case(
        "AWS::Events::Rule",
        {
            "Name": "rule",
            "EventPattern": {"source": ["a"]},
            "Targets": [{"Id": "1", "Arn": "<Topic>"}, {"Id": "2", "Arn": "<Topic>"}],
            "Tags": TAGS,
        },
        {
            "Name": "rule",
            "EventPattern": {"source": ["b"]},
            "Description": "d",
            "Targets": [{"Id": "2", "Arn": "<Topic>", "Input": "{}"}],
            "Tags": OTHER_TAGS,
        },
        TOPIC,
    ),
    Case(
        "AWS::StepFunctions::StateMachine",
        {
            "StateMachineName": "machine",
            "StateMachineType": "STANDARD",
            "RoleArn": "<Builder.Arn>",
            "Definition": states("first"),
            "Tags": TAGS,
        },
        {
            "StateMachineName": "machine",
            "StateMachineType": "STANDARD",
            "RoleArn": "<Builder.Arn>",
            "Definition": states("second"),
            "Tags": OTHER_TAGS,
        },
        BUILDER,
    ),
    Case("AWS::Budgets::Budget", budget(10), budget(20)),
)
