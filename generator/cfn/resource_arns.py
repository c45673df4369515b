"""The names and ARNs that resources of each type get: what policies are written for.

Sources: the forms of ARNs are those of the Service Authorization Reference of each service; how CloudFormation makes a
name, and how long one may be, stands in its user guide ("Name type") and in the resource schemas.
"""

import hashlib
from collections.abc import Mapping

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # of the random part of a generated name
PLACE, ACCOUNT = "{region}:{account}", ":{account}"
# Type -> its own resources, without `arn:PARTITION:`. `{id}` is the physical id, other names are properties.
ARNS: Mapping[str, tuple[str, ...]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": (f"application-autoscaling:{PLACE}:scalable-target/new",),
    "AWS::ApplicationAutoScaling::ScalingPolicy": (f"application-autoscaling:{PLACE}:scalable-target/new",),
    "AWS::Budgets::Budget": (f"budgets:{ACCOUNT}:budget/{{id}}",),
    "AWS::CertificateManager::Certificate": (f"acm:{PLACE}:certificate/{{id}}",),
    "AWS::CloudFormation::Stack": (f"cloudformation:{PLACE}:stack/{{id}}/new",),
    "AWS::CloudFront::Distribution": (f"cloudfront:{ACCOUNT}:distribution/{{id}}",),
    "AWS::CloudFront::Function": (f"cloudfront:{ACCOUNT}:function/{{Name}}",),
    "AWS::CloudFront::MonitoringSubscription": (f"cloudfront:{ACCOUNT}:distribution/{{DistributionId}}",),
    "AWS::CloudFront::OriginAccessControl": (f"cloudfront:{ACCOUNT}:origin-access-control/{{id}}",),
    "AWS::CloudFront::ResponseHeadersPolicy": (f"cloudfront:{ACCOUNT}:response-headers-policy/{{id}}",),
    "AWS::CloudFront::VpcOrigin": (f"cloudfront:{ACCOUNT}:vpcorigin/{{id}}",),
    "AWS::CloudWatch::Alarm": (f"cloudwatch:{PLACE}:alarm:{{id}}",),
    "AWS::CloudWatch::Dashboard": (f"cloudwatch:{ACCOUNT}:dashboard/{{id}}",),
    "AWS::CodeBuild::Project": (f"codebuild:{PLACE}:project/{{Name}}",),
    "AWS::CodeBuild::ReportGroup": (f"codebuild:{PLACE}:report-group/{{Name}}",),
    "AWS::CodeCommit::Repository": (f"codecommit:{PLACE}:{{RepositoryName}}",),
    "AWS::CodePipeline::Pipeline": (f"codepipeline:{PLACE}:{{Name}}",),
    "AWS::DynamoDB::Table": (f"dynamodb:{PLACE}:table/{{id}}",),
    "AWS::EC2::EIP": (f"ec2:{PLACE}:elastic-ip/new",),
    "AWS::EC2::FlowLog": (f"ec2:{PLACE}:vpc-flow-log/{{id}}",),
    "AWS::EC2::InternetGateway": (f"ec2:{PLACE}:internet-gateway/{{id}}",),
    "AWS::EC2::NatGateway": (f"ec2:{PLACE}:natgateway/{{id}}",),
    "AWS::EC2::Route": (f"ec2:{PLACE}:route-table/{{RouteTableId}}",),
    "AWS::EC2::RouteTable": (f"ec2:{PLACE}:route-table/{{id}}",),
    "AWS::EC2::SecurityGroup": (f"ec2:{PLACE}:security-group/{{id}}",),
    "AWS::EC2::SecurityGroupEgress": (f"ec2:{PLACE}:security-group/{{GroupId}}",),
    "AWS::EC2::SecurityGroupIngress": (f"ec2:{PLACE}:security-group/{{GroupId}}",),
    "AWS::EC2::Subnet": (f"ec2:{PLACE}:subnet/{{id}}",),
    "AWS::EC2::SubnetRouteTableAssociation": (
        f"ec2:{PLACE}:route-table/{{RouteTableId}}",
        f"ec2:{PLACE}:subnet/{{SubnetId}}",
    ),
    "AWS::EC2::VPC": (f"ec2:{PLACE}:vpc/{{id}}",),
    "AWS::EC2::VPCEndpoint": (f"ec2:{PLACE}:vpc-endpoint/{{id}}",),
    "AWS::EC2::VPCGatewayAttachment": (
        f"ec2:{PLACE}:internet-gateway/{{InternetGatewayId}}",
        f"ec2:{PLACE}:vpc/{{VpcId}}",
    ),
    "AWS::ECR::Repository": (f"ecr:{PLACE}:repository/{{id}}",),
    "AWS::ECR::SigningConfiguration": (f"ecr:{PLACE}:registry/new",),
    "AWS::ECS::Cluster": (f"ecs:{PLACE}:cluster/{{id}}",),
    "AWS::ECS::Service": (f"ecs:{PLACE}:service/{{Cluster}}/{{ServiceName}}",),
    "AWS::ECS::TaskDefinition": (f"ecs:{PLACE}:task-definition/{{Family}}:1",),
    "AWS::ElasticBeanstalk::Application": (f"elasticbeanstalk:{PLACE}:application/{{id}}",),
    "AWS::ElasticBeanstalk::Environment": (f"elasticbeanstalk:{PLACE}:environment/{{ApplicationName}}/{{id}}",),
    "AWS::ElasticLoadBalancingV2::Listener": (f"elasticloadbalancing:{PLACE}:listener/app/new/new/new",),
    "AWS::ElasticLoadBalancingV2::ListenerRule": (f"elasticloadbalancing:{PLACE}:listener-rule/app/new/new/new/new",),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (f"elasticloadbalancing:{PLACE}:loadbalancer/app/new/new",),
    "AWS::ElasticLoadBalancingV2::TargetGroup": (f"elasticloadbalancing:{PLACE}:targetgroup/new/new",),
    "AWS::Events::Rule": (f"events:{PLACE}:rule/{{id}}",),
    "AWS::IAM::InstanceProfile": (f"iam:{ACCOUNT}:instance-profile{{Path}}{{id}}",),
    "AWS::IAM::ManagedPolicy": (f"iam:{ACCOUNT}:policy{{Path}}{{id}}",),
    "AWS::IAM::Role": (f"iam:{ACCOUNT}:role{{Path}}{{id}}",),
    "AWS::KMS::Alias": (f"kms:{PLACE}:{{AliasName}}",),
    "AWS::KMS::Key": (f"kms:{PLACE}:key/{{id}}",),
    "AWS::Logs::LogGroup": (f"logs:{PLACE}:log-group:{{id}}",),
    "AWS::Route53::RecordSet": ("route53:::hostedzone/{HostedZoneId}",),
    "AWS::S3::Bucket": ("s3:::{id}",),
    "AWS::S3::BucketPolicy": ("s3:::{Bucket}",),
    "AWS::SNS::Subscription": ("{TopicArn}",),
    "AWS::SNS::Topic": (f"sns:{PLACE}:{{id}}",),
    "AWS::SNS::TopicPolicy": ("{Topics}",),
    "AWS::SSM::Parameter": (f"ssm:{PLACE}:parameter{{Name}}",),
    "AWS::SecretsManager::Secret": (f"secretsmanager:{PLACE}:secret:{{id}}",),
    "AWS::Signer::SigningProfile": (f"signer:{PLACE}:/signing-profiles/{{id}}",),
    "AWS::StepFunctions::StateMachine": (f"states:{PLACE}:stateMachine:{{StateMachineName}}",),
}


def generated(stack: str, logical: str, seed: str, longest: int) -> str:
    """A name as CloudFormation makes it, stack-logical-random, cut to `longest`; the same for the same seed."""
    number, random = int.from_bytes(hashlib.sha256(f"{stack}/{logical}/{seed}".encode()).digest()[:12]), ""
    while len(random) < 12:
        number, digit = divmod(number, 36)
        random += ALPHABET[digit]
    room = longest - 14
    first = stack[: max(room - len(logical), room // 2)]
    return f"{first}-{logical[: room - len(first)]}-{random}"


# Type -> the property that names it, and how long CloudFormation makes a name where that is left out; a type that is
# not here has an id that its service makes.
NAMES: Mapping[str, tuple[str, int]] = {
    "AWS::CloudWatch::Alarm": ("AlarmName", 255),
    "AWS::CloudWatch::Dashboard": ("DashboardName", 255),
    "AWS::CodeBuild::Project": ("Name", 150),
    "AWS::CodePipeline::Pipeline": ("Name", 100),
    "AWS::DynamoDB::Table": ("TableName", 255),
    "AWS::ECR::Repository": ("RepositoryName", 256),
    "AWS::ECS::Cluster": ("ClusterName", 255),
    "AWS::ECS::Service": ("ServiceName", 255),
    "AWS::ElasticBeanstalk::Application": ("ApplicationName", 100),
    "AWS::ElasticBeanstalk::Environment": ("EnvironmentName", 40),
    "AWS::Events::Rule": ("Name", 64),
    "AWS::IAM::InstanceProfile": ("InstanceProfileName", 128),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", 128),
    "AWS::IAM::Role": ("RoleName", 64),
    "AWS::KMS::Alias": ("AliasName", 256),
    "AWS::Logs::LogGroup": ("LogGroupName", 512),
    "AWS::S3::Bucket": ("BucketName", 63),
    "AWS::SNS::Topic": ("TopicName", 256),
    "AWS::SSM::Parameter": ("Name", 1011),
    "AWS::SecretsManager::Secret": ("Name", 512),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", 80),
}
LOWER_CASE = ("AWS::S3::Bucket", "AWS::ECR::Repository")  # whose names have no capitals
# Types whose `Ref` is the ARN (CloudFormation user guide, resource and property reference, "Return values").
REFERRED_BY_ARN = frozenset(
    {
        "AWS::CertificateManager::Certificate",
        "AWS::CloudFormation::Stack",
        "AWS::ECS::Service",
        "AWS::ECS::TaskDefinition",
        "AWS::ElasticLoadBalancingV2::Listener",
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "AWS::IAM::ManagedPolicy",
        "AWS::SNS::Topic",
        "AWS::SecretsManager::Secret",
        "AWS::StepFunctions::StateMachine",
    }
)
