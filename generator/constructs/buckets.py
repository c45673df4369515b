"""What every bucket of ours has in common: private, versioned, encrypted, reachable over TLS only, emptied by time."""

from __future__ import annotations

from awacs.aws import Action, Bool, Principal
from troposphere import s3

from generator.core.arns import Text, objects
from generator.core.iam import Grant, deny


def bucket(
    title: str,
    key_arn: Text | None,
    rules: list[s3.LifecycleRule],
    ownership: str = "BucketOwnerEnforced",
    **more: object,
) -> s3.Bucket:
    """A private bucket with a generated name.

    `key_arn` is the key for SSE-KMS, or None for SSE-S3 (what log delivery and CloudFront need); `rules` are the
    lifecycle rules beside the one that ends abandoned uploads; `ownership` is `BucketOwnerEnforced` (no ACLs) unless
    a log service still writes with an ACL; `more` are further bucket properties.
    """
    default = (
        s3.ServerSideEncryptionByDefault(SSEAlgorithm="AES256")
        if key_arn is None
        else s3.ServerSideEncryptionByDefault(SSEAlgorithm="aws:kms", KMSMasterKeyID=key_arn)
    )
    return s3.Bucket(
        title,
        # Without it S3 does not look at a bucket's tags, and the denial of what carries another environment's would not
        # hold for buckets (Amazon S3 user guide, "Enabling ABAC in general purpose buckets").
        AbacStatus="Enabled",
        BucketEncryption=s3.BucketEncryption(
            ServerSideEncryptionConfiguration=[
                s3.ServerSideEncryptionRule(BucketKeyEnabled=key_arn is not None, ServerSideEncryptionByDefault=default)
            ]
        ),
        LifecycleConfiguration=s3.LifecycleConfiguration(
            Rules=[
                s3.LifecycleRule(
                    Id="AbandonedUploads",
                    Status="Enabled",
                    AbortIncompleteMultipartUpload=s3.AbortIncompleteMultipartUpload(DaysAfterInitiation=7),
                ),
                *rules,
            ]
        ),
        OwnershipControls=s3.OwnershipControls(Rules=[s3.OwnershipControlsRule(ObjectOwnership=ownership)]),
        PublicAccessBlockConfiguration=s3.PublicAccessBlockConfiguration(
            BlockPublicAcls=True, BlockPublicPolicy=True, IgnorePublicAcls=True, RestrictPublicBuckets=True
        ),
        VersioningConfiguration=s3.VersioningConfiguration(Status="Enabled"),
        **more,
    )


def expire(rule: str, days: Text | None, noncurrent_days: Text, prefix: str = "") -> s3.LifecycleRule:
    """A lifecycle rule: objects under the prefix end after `days`, or never, their old versions after
    `noncurrent_days`."""
    limit = {} if days is None else {"ExpirationInDays": days}
    return s3.LifecycleRule(
        Id=rule,
        Status="Enabled",
        Prefix=prefix,
        NoncurrentVersionExpiration=s3.NoncurrentVersionExpiration(NoncurrentDays=noncurrent_days),
        **limit,
    )


def tls_only(bucket_arn: Text) -> Grant:
    """The statement that every bucket policy starts with."""
    return deny(
        "OnlyOverTls",
        [Action("s3", "*")],
        [bucket_arn, objects(bucket_arn)],
        "nobody, the account's own roles included, may read or write in clear",
        [Bool({"aws:SecureTransport": False})],
        Principal("*"),
    )
