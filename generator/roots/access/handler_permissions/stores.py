"""Deploying what holds data, configuration and keys.

Buckets are the one kind whose generated names are cut to where an environment can no longer be told (63 characters),
and whose requests know no tag: an environment's role may do with the application's buckets what it does with its own.
"""

from __future__ import annotations

from awacs.aws import Bool
from troposphere import Sub

from generator.core import arns, ports
from generator.core.arns import Text
from generator.core.iam import unscoped, via
from generator.core.ports import ENVIRONMENT
from generator.roots.access.handler_permissions.types import (
    NO_ACTION,
    UNUSED,
    Access,
    ResourceNames,
    TypePermissions,
    TypeTable,
    actions,
    any_of,
    excluded,
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
    "CreateBucket DeleteBucket PutAccelerateConfiguration PutBucketAbac PutBucketCORS PutBucketLogging"
    " PutBucketOwnershipControls PutBucketPublicAccessBlock PutBucketTagging PutBucketVersioning"
    " PutEncryptionConfiguration PutLifecycleConfiguration TagResource UntagResource"
)


def storage(at: ResourceNames) -> TypeTable:
    """Keys, buckets, tables, image repositories."""
    return {**_keys(at), **_buckets(at), **_tables(at)}


def _keys(at: ResourceNames) -> dict[str, TypePermissions]:
    keys = any_of("kms", "key")
    alias = arns.arn("kms", f"alias/{at.project.name}-${{{ENVIRONMENT.name}}}")
    return {
        "AWS::KMS::Key": TypePermissions(
            (
                Access(actions("kms", "CreateKey"), unscoped("KMS")),
                # Without a condition: the tags of a new key count minutes later (kms developerguide, abac).
                Access(
                    actions(
                        "kms",
                        "DescribeKey EnableKeyRotation GetKeyPolicy GetKeyRotationStatus ListResourceTags TagResource",
                    ),
                    keys,
                    "New",
                    why="a new key is looked at and rotated before its tags count",
                ),
                Access(
                    actions(
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
        "AWS::KMS::Alias": TypePermissions(
            (
                Access(actions("kms", "CreateAlias DeleteAlias UpdateAlias"), [alias]),
                Access(
                    actions("kms", "CreateAlias"), keys, "New", why="the alias is made before the tags of its key count"
                ),
                Access(actions("kms", "DeleteAlias UpdateAlias"), keys, "Key", tagged()),
                Access(actions("kms", "ListAliases"), unscoped("KMS"), "Read"),
            )
        ),
    }


def _with_key(service: str, words: str) -> Access:
    """A key of the account, used by the service that encrypts a resource with it, and not by the caller itself. No tag
    is asked for: those of a new key count minutes after it was made (kms developerguide, abac)."""
    return Access(
        actions("kms", words), any_of("kms", "key"), "Key", (via(service),), "only through the service itself"
    )


def _describe_key() -> Access:
    return Access(
        actions("kms", "DescribeKey"), any_of("kms", "key"), "SeeKey", why="before the tags of a new key count"
    )


def _grants() -> Access:
    """Grants that a service needs on the key, made for that service alone."""
    when = (Bool({"kms:GrantIsForAWSResource": True}),)
    return Access(
        actions("kms", "CreateGrant"), any_of("kms", "key"), "Grant", when, "before the tags of a new key count"
    )


def _buckets(at: ResourceNames) -> dict[str, TypePermissions]:
    buckets = [Sub(f"arn:${{AWS::Partition}}:s3:::{at.project.name}-*")]
    return {
        "AWS::S3::Bucket": TypePermissions(
            (
                Access(
                    actions("s3", f"{CHANGE_BUCKET} {READ_BUCKET}"),
                    buckets,
                    why="by either of the two ways to tag one, and s3:PutBucketAbac, after which the tags count",
                ),
            ),
            {
                **excluded(
                    UNUSED,
                    "iam:PassRole s3:CreateBucketMetadataTableConfiguration s3:DeleteBucketMetadataTableConfiguration"
                    " s3:DeleteBucketWebsite s3:DeleteObject"
                    " s3:PutAnalyticsConfiguration s3:PutBucketAcl s3:PutBucketNotification"
                    " s3:PutBucketObjectLockConfiguration s3:PutBucketWebsite s3:PutIntelligentTieringConfiguration"
                    " s3:PutInventoryConfiguration s3:PutMetricsConfiguration s3:PutObjectAcl"
                    " s3:PutReplicationConfiguration s3:UpdateBucketMetadataAnnotationTableConfiguration"
                    " s3:UpdateBucketMetadataInventoryTableConfiguration"
                    " s3:UpdateBucketMetadataJournalTableConfiguration"
                    " s3tables:CreateNamespace s3tables:CreateTable s3tables:CreateTableBucket s3tables:GetTable"
                    " s3tables:GetTableMetadataLocation s3tables:PutTableBucketPolicy s3tables:PutTableEncryption"
                    " s3tables:PutTablePolicy s3tables:UpdateTableMetadataLocation",
                ),
                **excluded(
                    NO_ACTION,
                    "s3:DeleteBucketAnalyticsConfiguration s3:DeleteBucketCors s3:DeleteBucketEncryption"
                    " s3:DeleteBucketLifecycle s3:DeleteBucketMetricsConfiguration s3:DeleteBucketReplication"
                    " s3:DeleteBucketTagging s3:PutBucketReplication s3:PutObjectLockConfiguration",
                ),
            },
        ),
        "AWS::S3::BucketPolicy": TypePermissions(
            (Access(actions("s3", "DeleteBucketPolicy GetBucketPolicy PutBucketPolicy"), buckets),)
        ),
    }


def _tables(at: ResourceNames) -> dict[str, TypePermissions]:
    tables: list[Text] = [
        at.named("dynamodb", "table/${Name}", ports.table(table.logical)) for table in at.project.tables
    ]
    repository = arns.arn("ecr", f"repository/{at.project.name}-*")
    return {
        "AWS::DynamoDB::Table": TypePermissions(
            (
                Access(
                    actions(
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
                Access(actions("kms", "ListAliases"), unscoped("KMS"), "Aliases"),
            ),
            excluded(
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
        "AWS::ECR::Repository": TypePermissions(
            (
                Access(
                    actions(
                        "ecr",
                        "CreateRepository DeleteLifecyclePolicy DeleteRepository DescribeRepositories"
                        " GetLifecyclePolicy GetRepositoryPolicy ListTagsForResource PutImageScanningConfiguration"
                        " PutImageTagMutability PutLifecyclePolicy TagResource UntagResource",
                    ),
                    [repository],
                ),
                _describe_key(),
                Access(actions("kms", "RetireGrant"), any_of("kms", "key"), "Retire", tagged()),
                _grants(),
            ),
            excluded(UNUSED, "ecr:DeleteRepositoryPolicy ecr:SetRepositoryPolicy"),
        ),
    }


def configuration(at: ResourceNames) -> TypeTable:
    """Parameters, secrets, log groups."""
    return {
        "AWS::SSM::Parameter": TypePermissions(
            (
                Access(
                    actions(
                        "ssm",
                        "AddTagsToResource DeleteParameter GetParameters ListTagsForResource PutParameter"
                        " RemoveTagsFromResource",
                    ),
                    [at.named("ssm", "parameter${Name}/*", ports.CONFIGURATION_PREFIX)],
                ),
            )
        ),
        "AWS::SecretsManager::Secret": TypePermissions(
            (
                Access(actions("secretsmanager", "CreateSecret TagResource"), every_secret()),
                Access(
                    actions("secretsmanager", "DeleteSecret DescribeSecret GetSecretValue UntagResource UpdateSecret"),
                    every_secret(),
                    "Change",
                    tagged(),
                ),
                Access(actions("secretsmanager", "GetRandomPassword"), unscoped("Secrets Manager"), "Read"),
                _with_key("secretsmanager", "Decrypt GenerateDataKey"),
            ),
            excluded(UNUSED, "secretsmanager:RemoveRegionsFromReplication secretsmanager:ReplicateSecretToRegions"),
        ),
        "AWS::Logs::LogGroup": TypePermissions(
            (
                Access(
                    actions(
                        "logs",
                        "AssociateKmsKey CreateLogGroup DeleteDataProtectionPolicy DeleteLogGroup DeleteRetentionPolicy"
                        " DisassociateKmsKey"
                        " GetDataProtectionPolicy ListTagsForResource PutRetentionPolicy TagResource UntagResource",
                    ),
                    [at.generated("logs", "log-group:"), at.generated("logs", "log-group:", ":*")],
                    why="a group goes with the policy that protects its data",
                ),
                Access(
                    actions("logs", "DescribeIndexPolicies DescribeLogGroups DescribeResourcePolicies"),
                    unscoped("CloudWatch Logs"),
                    "Read",
                ),
            ),
            {
                **excluded(
                    UNUSED,
                    "firehose:TagDeliveryStream logs:CreateLogDelivery"
                    " logs:DeleteIndexPolicy logs:DeleteResourcePolicy logs:PutBearerTokenAuthentication"
                    " logs:PutDataProtectionPolicy logs:PutIndexPolicy logs:PutLogGroupDeletionProtection"
                    " logs:PutResourcePolicy",
                ),
                **excluded(NO_ACTION, "s3:REST.PUT.OBJECT"),
            },
        ),
    }


def every_secret() -> list[Text]:
    """CloudFormation names a secret after its logical id, without the stack."""
    return [arns.arn("secretsmanager", "secret:*")]
