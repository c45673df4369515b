"""Deploying what holds data, configuration and keys.

Buckets are the one kind whose generated names are cut to where an environment can no longer be told (63 characters),
and whose requests know no tag: an environment's role may do with the application's buckets what it does with its own.
"""

from __future__ import annotations

from awacs.aws import Bool
from troposphere import Sub

from generator.core import arns, ports
from generator.core.arns import Text
from generator.core.iam import via
from generator.core.ports import ENVIRONMENT
from generator.roots.access.handler_permissions.types import (
    NO_ACTION,
    UNUSED,
    Kind,
    Kinds,
    May,
    Places,
    do,
    every,
    everywhere,
    never,
    tagged,
)

READ_BUCKET = (
    "GetAccelerateConfiguration GetAnalyticsConfiguration GetBucketAbac GetBucketAcl GetBucketCORS GetBucketLogging"
    " GetBucketMetadataTableConfiguration GetBucketNotification GetBucketObjectLockConfiguration"
    " GetBucketOwnershipControls GetBucketPublicAccessBlock GetBucketTagging GetBucketVersioning GetBucketWebsite"
    " GetEncryptionConfiguration GetIntelligentTieringConfiguration GetInventoryConfiguration"
    " GetLifecycleConfiguration GetMetricsConfiguration GetReplicationConfiguration ListBucket ListTagsForResource"
)
CHANGE_BUCKET = (
    "CreateBucket DeleteBucket PutAccelerateConfiguration PutBucketCORS PutBucketLogging PutBucketOwnershipControls"
    " PutBucketPublicAccessBlock PutBucketTagging PutBucketVersioning PutEncryptionConfiguration"
    " PutLifecycleConfiguration TagResource UntagResource"
)


def storage(at: Places) -> Kinds:
    """Keys, buckets, tables, image repositories."""
    return {**_keys(at), **_buckets(at), **_tables(at)}


def _keys(at: Places) -> dict[str, Kind]:
    keys = every("kms", "key")
    alias = arns.arn("kms", f"alias/{at.project.name}-${{{ENVIRONMENT.name}}}")
    return {
        "AWS::KMS::Key": Kind(
            (
                May(do("kms", "CreateKey"), everywhere("KMS")),
                # Without a condition: the tags of a new key count minutes later (kms developerguide, abac).
                May(
                    do(
                        "kms",
                        "DescribeKey EnableKeyRotation GetKeyPolicy GetKeyRotationStatus ListResourceTags TagResource",
                    ),
                    keys,
                    "New",
                    why="a new key is looked at and rotated before its tags count",
                ),
                May(
                    do(
                        "kms",
                        "DisableKey DisableKeyRotation EnableKey PutKeyPolicy ScheduleKeyDeletion UntagResource"
                        " UpdateKeyDescription",
                    ),
                    keys,
                    "Change",
                    tagged(),
                ),
            )
        ),
        "AWS::KMS::Alias": Kind(
            (
                May(do("kms", "CreateAlias DeleteAlias UpdateAlias"), [alias]),
                May(do("kms", "CreateAlias"), keys, "New", why="the alias is made before the tags of its key count"),
                May(do("kms", "DeleteAlias UpdateAlias"), keys, "Key", tagged()),
                May(do("kms", "ListAliases"), everywhere("KMS"), "Read"),
            )
        ),
    }


def _with_key(service: str, actions: str) -> May:
    """A key of the account, used by the service that encrypts a resource with it, and not by the caller itself. No tag
    is asked for: those of a new key count minutes after it was made (kms developerguide, abac)."""
    return May(do("kms", actions), every("kms", "key"), "Key", (via(service),), "only through the service itself")


def _describe_key() -> May:
    return May(do("kms", "DescribeKey"), every("kms", "key"), "SeeKey", why="before the tags of a new key count")


def _grants() -> May:
    """Grants that a service needs on the key, made for that service alone."""
    when = (Bool({"kms:GrantIsForAWSResource": True}),)
    return May(do("kms", "CreateGrant"), every("kms", "key"), "Grant", when, "before the tags of a new key count")


def _buckets(at: Places) -> dict[str, Kind]:
    buckets = [Sub(f"arn:${{AWS::Partition}}:s3:::{at.project.name}-*")]
    return {
        "AWS::S3::Bucket": Kind(
            (May(do("s3", f"{CHANGE_BUCKET} {READ_BUCKET}"), buckets, why="by either of the two ways to tag one"),),
            {
                **never(
                    UNUSED,
                    "iam:PassRole s3:CreateBucketMetadataTableConfiguration s3:DeleteBucketMetadataTableConfiguration"
                    " s3:DeleteBucketWebsite s3:DeleteObject"
                    " s3:PutAnalyticsConfiguration s3:PutBucketAbac s3:PutBucketAcl s3:PutBucketNotification"
                    " s3:PutBucketObjectLockConfiguration s3:PutBucketWebsite s3:PutIntelligentTieringConfiguration"
                    " s3:PutInventoryConfiguration s3:PutMetricsConfiguration s3:PutObjectAcl"
                    " s3:PutReplicationConfiguration s3:UpdateBucketMetadataAnnotationTableConfiguration"
                    " s3:UpdateBucketMetadataInventoryTableConfiguration"
                    " s3:UpdateBucketMetadataJournalTableConfiguration"
                    " s3tables:CreateNamespace s3tables:CreateTable s3tables:CreateTableBucket s3tables:GetTable"
                    " s3tables:GetTableMetadataLocation s3tables:PutTableBucketPolicy s3tables:PutTableEncryption"
                    " s3tables:PutTablePolicy s3tables:UpdateTableMetadataLocation",
                ),
                **never(
                    NO_ACTION,
                    "s3:DeleteBucketAnalyticsConfiguration s3:DeleteBucketCors s3:DeleteBucketEncryption"
                    " s3:DeleteBucketLifecycle s3:DeleteBucketMetricsConfiguration s3:DeleteBucketReplication"
                    " s3:DeleteBucketTagging s3:PutBucketReplication s3:PutObjectLockConfiguration",
                ),
            },
        ),
        "AWS::S3::BucketPolicy": Kind((May(do("s3", "DeleteBucketPolicy GetBucketPolicy PutBucketPolicy"), buckets),)),
    }


def _tables(at: Places) -> dict[str, Kind]:
    tables: list[Text] = [
        at.named("dynamodb", "table/${Name}", ports.table(table.logical)) for table in at.project.tables
    ]
    repository = arns.arn("ecr", f"repository/{at.project.name}-*")
    return {
        "AWS::DynamoDB::Table": Kind(
            (
                May(
                    do(
                        "dynamodb",
                        "CreateTable DeleteTable DescribeContinuousBackups DescribeContributorInsights"
                        " DescribeKinesisStreamingDestination DescribeTable DescribeTimeToLive GetResourcePolicy"
                        " ListTagsOfResource TagResource UntagResource UpdateContinuousBackups UpdateTable"
                        " UpdateTimeToLive",
                    ),
                    tables,
                ),
                _describe_key(),
                _with_key("dynamodb", "Decrypt Encrypt"),
                _grants(),
                May(do("kms", "ListAliases"), everywhere("KMS"), "Aliases"),
            ),
            never(
                UNUSED,
                "dynamodb:AssociateTableReplica dynamodb:BatchWriteItem dynamodb:CreateTableReplica"
                " dynamodb:DeleteItem dynamodb:DeleteResourcePolicy dynamodb:DescribeImport"
                " dynamodb:DisableKinesisStreamingDestination dynamodb:EnableKinesisStreamingDestination"
                " dynamodb:GetItem dynamodb:ImportTable dynamodb:PutItem dynamodb:PutResourcePolicy dynamodb:Query"
                " dynamodb:Scan dynamodb:UpdateContributorInsights dynamodb:UpdateItem"
                " dynamodb:UpdateKinesisStreamingDestination iam:CreateServiceLinkedRole kinesis:DescribeStream"
                " kinesis:PutRecords kms:RevokeGrant logs:CreateLogGroup logs:CreateLogStream logs:DescribeLogGroups"
                " logs:DescribeLogStreams logs:PutLogEvents logs:PutRetentionPolicy s3:GetObject s3:GetObjectMetadata"
                " s3:ListBucket",
            ),
        ),
        "AWS::ECR::Repository": Kind(
            (
                May(
                    do(
                        "ecr",
                        "CreateRepository DeleteLifecyclePolicy DeleteRepository DescribeRepositories"
                        " GetLifecyclePolicy GetRepositoryPolicy ListTagsForResource PutImageScanningConfiguration"
                        " PutImageTagMutability PutLifecyclePolicy TagResource UntagResource",
                    ),
                    [repository],
                ),
                _describe_key(),
                May(do("kms", "RetireGrant"), every("kms", "key"), "Retire", tagged()),
                _grants(),
            ),
            never(UNUSED, "ecr:DeleteRepositoryPolicy ecr:SetRepositoryPolicy"),
        ),
    }


def configuration(at: Places) -> Kinds:
    """Parameters, secrets, log groups."""
    return {
        "AWS::SSM::Parameter": Kind(
            (
                May(
                    do(
                        "ssm",
                        "AddTagsToResource DeleteParameter GetParameters ListTagsForResource PutParameter"
                        " RemoveTagsFromResource",
                    ),
                    [at.named("ssm", "parameter${Name}/*", ports.CONFIGURATION_PREFIX)],
                ),
            )
        ),
        "AWS::SecretsManager::Secret": Kind(
            (
                May(do("secretsmanager", "CreateSecret TagResource"), every_secret()),
                May(
                    do("secretsmanager", "DeleteSecret DescribeSecret GetSecretValue UntagResource UpdateSecret"),
                    every_secret(),
                    "Change",
                    tagged(),
                ),
                May(do("secretsmanager", "GetRandomPassword"), everywhere("Secrets Manager"), "Read"),
                _with_key("secretsmanager", "Decrypt GenerateDataKey"),
            ),
            never(UNUSED, "secretsmanager:RemoveRegionsFromReplication secretsmanager:ReplicateSecretToRegions"),
        ),
        "AWS::Logs::LogGroup": Kind(
            (
                May(
                    do(
                        "logs",
                        "AssociateKmsKey CreateLogGroup DeleteDataProtectionPolicy DeleteLogGroup DeleteRetentionPolicy"
                        " DisassociateKmsKey"
                        " GetDataProtectionPolicy ListTagsForResource PutRetentionPolicy TagResource UntagResource",
                    ),
                    [at.generated("logs", "log-group:"), at.generated("logs", "log-group:", ":*")],
                    why="a group goes with the policy that protects its data",
                ),
                May(
                    do("logs", "DescribeIndexPolicies DescribeLogGroups DescribeResourcePolicies"),
                    everywhere("CloudWatch Logs"),
                    "Read",
                ),
            ),
            {
                **never(
                    UNUSED,
                    "firehose:TagDeliveryStream logs:CreateLogDelivery"
                    " logs:DeleteIndexPolicy logs:DeleteResourcePolicy logs:PutBearerTokenAuthentication"
                    " logs:PutDataProtectionPolicy logs:PutIndexPolicy logs:PutLogGroupDeletionProtection"
                    " logs:PutResourcePolicy",
                ),
                **never(NO_ACTION, "s3:REST.PUT.OBJECT"),
            },
        ),
    }


def every_secret() -> list[Text]:
    """CloudFormation names a secret after its logical id, without the stack."""
    return [arns.arn("secretsmanager", "secret:*")]
