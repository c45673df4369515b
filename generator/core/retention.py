"""What happens to a resource when it is removed or replaced, by type.

What holds data survives both: `RetainExceptOnCreate` leaves nothing behind after a failed first creation, so that
the second try finds no name taken, and keeps it in every other case. Buckets are kept even then: load balancer and
pipeline write into them while the rest is still being made, a bucket that is not empty cannot be deleted, and the
rollback would fail on it. Their names are generated, so one left behind is in nobody's way. A type that stands in no
table is an error: whoever adds it decides.
"""

from __future__ import annotations

from troposphere import AWSObject

HOLDS_DATA = frozenset(
    {
        "AWS::CodeCommit::Repository",
        "AWS::DynamoDB::Table",
        "AWS::ECR::Repository",
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        "AWS::SecretsManager::Secret",
    }
)

FILLED_BY_OTHERS = frozenset({"AWS::S3::Bucket"})

# A revision that CloudFormation replaces must stay ACTIVE, or a rollback has nothing to go back to.
SURVIVES_REPLACEMENT = frozenset({"AWS::ECS::TaskDefinition"})

# Goes with its parent, said aloud: what a nested stack holds has policies of its own.
GOES_WITH_ITS_PARENT = frozenset({"AWS::CloudFormation::Stack"})

DISPOSABLE = frozenset(
    {
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "AWS::Budgets::Budget",
        "AWS::CertificateManager::Certificate",
        "AWS::CloudFront::Distribution",
        "AWS::CloudFront::Function",
        "AWS::CloudFront::MonitoringSubscription",
        "AWS::CloudFront::OriginAccessControl",
        "AWS::CloudFront::ResponseHeadersPolicy",
        "AWS::CloudFront::VpcOrigin",
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::CodeBuild::Project",
        "AWS::CodeBuild::ReportGroup",
        "AWS::CodePipeline::Pipeline",
        "AWS::EC2::EIP",
        "AWS::EC2::FlowLog",
        "AWS::EC2::InternetGateway",
        "AWS::EC2::NatGateway",
        "AWS::EC2::Route",
        "AWS::EC2::RouteTable",
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::SecurityGroupEgress",
        "AWS::EC2::SecurityGroupIngress",
        "AWS::EC2::Subnet",
        "AWS::EC2::SubnetRouteTableAssociation",
        "AWS::EC2::VPC",
        "AWS::EC2::VPCEndpoint",
        "AWS::EC2::VPCGatewayAttachment",
        "AWS::ECR::SigningConfiguration",
        "AWS::ECS::Cluster",
        "AWS::ECS::Service",
        "AWS::ElasticBeanstalk::Application",
        "AWS::ElasticBeanstalk::Environment",
        "AWS::ElasticLoadBalancingV2::Listener",
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "AWS::Events::Rule",
        "AWS::IAM::InstanceProfile",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Role",
        "AWS::KMS::Alias",
        "AWS::Route53::RecordSet",
        "AWS::S3::BucketPolicy",
        "AWS::SNS::Subscription",
        "AWS::SNS::Topic",
        "AWS::SNS::TopicPolicy",
        "AWS::SSM::Parameter",
        # Canceled, it signs nothing more, and what it has signed stays signed (Signer API, CancelSigningProfile).
        "AWS::Signer::SigningProfile",
        "AWS::StepFunctions::StateMachine",
    }
)


class UndecidedTypeError(LookupError):
    """A resource type for which nobody has decided what its removal means."""


def apply(resource: AWSObject) -> None:
    """Sets the deletion policies of a resource by its type. Raises `UndecidedTypeError` for a type in no table."""
    kind = resource.resource_type
    if kind in HOLDS_DATA:
        resource.DeletionPolicy = "RetainExceptOnCreate"
        resource.UpdateReplacePolicy = "Retain"
    elif kind in FILLED_BY_OTHERS:
        resource.DeletionPolicy = "Retain"
        resource.UpdateReplacePolicy = "Retain"
    elif kind in SURVIVES_REPLACEMENT:
        resource.DeletionPolicy = "Delete"
        resource.UpdateReplacePolicy = "Retain"
    elif kind in GOES_WITH_ITS_PARENT:
        resource.DeletionPolicy = "Delete"
        resource.UpdateReplacePolicy = "Delete"
    elif kind not in DISPOSABLE:
        raise UndecidedTypeError(f"{kind} ({resource.title}) is in no table of {__name__}: does it hold data?")
