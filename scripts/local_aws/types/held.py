"""What moto cannot hold, type by type, with what is kept instead. Whatever is not named here and is not read back as
it was asked for fails its resource."""

from collections.abc import Mapping

Exceptions = Mapping[str, Mapping[str, str]]

# Types for which moto has no operation at all, with the id that stands for them.
TYPES: Mapping[str, str] = {
    "AWS::CloudFront::MonitoringSubscription": "only the stack's own record",
    "AWS::CloudFront::ResponseHeadersPolicy": "only the stack's own record and an id",
    "AWS::CloudFront::VpcOrigin": "only the stack's own record, an id and an ARN",
    "AWS::CodeBuild::ReportGroup": "only the stack's own record and an ARN",
}
WHOLE = "(the whole resource)"

# Properties that are not sent: moto refuses them or has no place for them. The stack alone remembers them.
WITHHELD: Exceptions = {
    "AWS::CertificateManager::Certificate": {
        "DomainValidationOptions": "the certificate, issued without a record in the hosted zone"
    },
    "AWS::CodeBuild::Project": {"Visibility": "the project alone: moto has no visibility"},
    "AWS::CloudFront::Function": {"AutoPublish": "the function as a draft: moto cannot publish it"},
}

# Properties that are sent and accepted, and that moto does not show again or shows otherwise.
NOT_SHOWN: Exceptions = {
    "AWS::ApplicationAutoScaling::ScalableTarget": {"Tags": "the target without its tags"},
    "AWS::Budgets::Budget": {
        "NotificationsWithSubscribers.Subscribers": "the notification without its subscribers",
        "ResourceTags": "the budget without its tags",
    },
    "AWS::CloudFront::Distribution": {
        "DistributionConfig.DefaultCacheBehavior.FunctionAssociations": "the behaviour without its function",
        "DistributionConfig.Origins.OriginAccessControlId": "the origin without its access control",
        "DistributionConfig.Origins.S3OriginConfig": "the origin without it: it says only that no identity is used",
        "DistributionConfig.Origins.VpcOriginConfig": "the origin without its VPC origin",
    },
    "AWS::CloudWatch::Dashboard": {"Tags": "the dashboard without its tags"},
    "AWS::EC2::SecurityGroupIngress": {"Description": "the rule without the description, where it names a prefix list"},
    "AWS::ECS::Service": {
        "AvailabilityZoneRebalancing": "the service without it",
        "DeploymentConfiguration": "the service without alarms, circuit breaker and percentages",
        "EnableECSManagedTags": "the service without it",
        "EnableExecuteCommand": "the service without it",
        "ForceNewDeployment": "nothing: it starts a deployment and is no state of the service",
        "HealthCheckGracePeriodSeconds": "the service without it",
    },
    "AWS::CodeBuild::Project": {"EncryptionKey": "the account's own S3 key"},
    "AWS::CodeCommit::Repository": {"Tags": "the repository without its tags"},
}
