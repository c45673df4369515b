"""Rules on what holds data: closed, encrypted with our key, versioned, and never lost with a stack."""

from collections.abc import Iterator, Mapping
from typing import Any

from generator.cfn.permissions import Permission, of
from generator.cfn.templates import TemplateSet
from generator.gate.contracts import origin
from generator.gate.rules.rule import Check, Fault, Rule, every, must

BUCKET, TABLE, REGISTRY, GROUP = (
    "AWS::S3::Bucket",
    "AWS::DynamoDB::Table",
    "AWS::ECR::Repository",
    "AWS::Logs::LogGroup",
)

# Buckets in which a log service still writes with an ACL, with the reason.
ACL_BUCKETS: Mapping[str, str] = {
    "storage.Logs": "CloudFront's standard logging writes with an ACL (AmazonCloudFront DeveloperGuide, AccessLogs)"
}

# Where each type that can be encrypted with a key of ours names it (properties of the CloudFormation schemas).
KEYS: Mapping[str, tuple[str | int, ...]] = {
    "AWS::SNS::Topic": ("KmsMasterKeyId",),
    "AWS::SQS::Queue": ("KmsMasterKeyId",),
    TABLE: ("SSESpecification", "KMSMasterKeyId"),
    REGISTRY: ("EncryptionConfiguration", "KmsKey"),
    GROUP: ("KmsKeyId",),
    "AWS::SecretsManager::Secret": ("KmsKeyId",),
    "AWS::CodePipeline::Pipeline": ("ArtifactStore", "EncryptionKey", "Id"),
    "AWS::CodeBuild::Project": ("EncryptionKey",),
}

# Types whose loss is a loss of data (or of what makes data readable).
HOLDS_DATA = frozenset(
    {BUCKET, TABLE, REGISTRY, GROUP, "AWS::KMS::Key", "AWS::SecretsManager::Secret", "AWS::CodeCommit::Repository"}
)
ENCRYPTION = (
    "BucketEncryption",
    "ServerSideEncryptionConfiguration",
    0,
    "ServerSideEncryptionByDefault",
    "SSEAlgorithm",
)
PUBLIC_ACCESS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def _ours(key: Any) -> bool:
    """Whether a key is named by reference, so one of ours; AWS's own are named by alias."""
    return isinstance(key, dict) or (isinstance(key, str) and key.startswith("arn:"))


def _ownership(templates: TemplateSet) -> Iterator[Fault]:
    for bucket in templates.resources(BUCKET):
        allowed = {"BucketOwnerEnforced"} | ({"BucketOwnerPreferred"} if bucket.address in ACL_BUCKETS else set())
        if bucket.get("OwnershipControls", "Rules", 0, "ObjectOwnership") not in allowed:
            yield Fault(bucket.address, f"has no OwnershipControls with {' or '.join(sorted(allowed))}")


def _tls(templates: TemplateSet) -> Iterator[Fault]:
    guarded = {
        origin(templates, templates[policy.template], policy.get("Bucket"))
        for policy in templates.resources("AWS::S3::BucketPolicy")
        if any(map(_denies_clear_text, of(policy)))
    }
    for bucket in templates.resources(BUCKET):
        if origin(templates, templates[bucket.template], {"Ref": bucket.logical_id}) not in guarded:
            yield Fault(bucket.address, "has no policy that denies requests without TLS")


def _denies_clear_text(permission: Permission) -> bool:
    clear = any(c.key.lower() == "aws:securetransport" and c.values == ("false",) for c in permission.conditions)
    whole = {name.endswith("/*") for name in permission.resources} == {True, False}  # the bucket and its objects
    return (
        not permission.allows
        and permission.principals == ("*",)
        and "s3:*" in permission.actions
        and clear
        and whole
        and len(permission.conditions) == 1
    )


def _survives(templates: TemplateSet) -> Iterator[Fault]:
    for resource in templates.resources(*HOLDS_DATA):
        # A bucket that others write into while it is created cannot be deleted by the rollback of a creation.
        deletion = "Retain" if resource.type == BUCKET else "RetainExceptOnCreate"
        for attribute, expected in (("DeletionPolicy", deletion), ("UpdateReplacePolicy", "Retain")):
            if resource.body.get(attribute) != expected:
                yield Fault(resource.address, f"has no {attribute}: {expected}")


def _algorithm(value: Any) -> bool:
    return value in ("aws:kms", "aws:kms:dsse", "AES256")


def _keys() -> Check:
    return every(
        *(must(kind, place, f"does not name a key of ours in {place[0]}", _ours) for kind, place in KEYS.items())
    )


def is_true(value: Any) -> bool:
    """Exactly `true`, no text and no intrinsic: what a reviewer can see."""
    return value is True


def equals(expected: str) -> Any:
    """Whether a value is exactly that text."""
    return lambda value: value == expected


RULES = (
    Rule(
        "STO001",
        "one policy or ACL too many and the bucket is public",
        "set all four of PublicAccessBlockConfiguration to true",
        every(
            *(
                must(BUCKET, ("PublicAccessBlockConfiguration", part), f"does not set {part}", is_true)
                for part in PUBLIC_ACCESS
            )
        ),
    ),
    Rule(
        "STO002",
        "how objects are encrypted is then left to whoever writes them",
        "set BucketEncryption to aws:kms with our key, or AES256 where a service reads that cannot use it",
        must(BUCKET, ENCRYPTION, "has no default encryption", _algorithm),
    ),
    Rule("STO003", "ACLs could grant access past the policy", "set ObjectOwnership to BucketOwnerEnforced", _ownership),
    Rule(
        "STO004",
        "objects could travel in clear",
        "add a BucketPolicy that denies everybody s3:* on bucket and objects when aws:SecureTransport is false",
        _tls,
    ),
    Rule(
        "STO005",
        "an overwritten object is gone, and with it the way back to an earlier release",
        "set VersioningConfiguration.Status to Enabled",
        must(BUCKET, ("VersioningConfiguration", "Status"), "keeps no versions", equals("Enabled")),
    ),
    Rule(
        "STO006",
        "one key forever is one leak forever",
        "set EnableKeyRotation to true",
        must("AWS::KMS::Key", ("EnableKeyRotation",), "does not rotate its key", is_true),
    ),
    Rule("STO007", "who may read it cannot be decided by our key policy", "name the environment's key", _keys()),
    Rule(
        "STO008",
        "a table that is not encrypted and cannot be set back loses data by one faulty release",
        "set SSESpecification to KMS and PointInTimeRecoveryEnabled to true",
        every(
            must(TABLE, ("SSESpecification", "SSEEnabled"), "is not encrypted with a KMS key", is_true),
            must(TABLE, ("SSESpecification", "SSEType"), "is not encrypted with a KMS key", equals("KMS")),
            must(
                TABLE,
                ("PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"),
                "has no point-in-time recovery",
                is_true,
            ),
        ),
    ),
    Rule(
        "STO009",
        "a tag that can be moved makes every rollback a guess, and an image that nobody scans keeps its holes",
        "set ImageTagMutability to IMMUTABLE, ScanOnPush to true and EncryptionType to KMS",
        every(
            must(REGISTRY, ("ImageTagMutability",), "lets tags be moved", equals("IMMUTABLE")),
            must(REGISTRY, ("ImageScanningConfiguration", "ScanOnPush"), "does not scan images", is_true),
            must(REGISTRY, ("EncryptionConfiguration", "EncryptionType"), "is not encrypted with a key", equals("KMS")),
        ),
    ),
    Rule(
        "STO010",
        "logs are then kept, and paid for, forever",
        "set RetentionInDays",
        must(GROUP, ("RetentionInDays",), "has no RetentionInDays", lambda days: days is not None),
    ),
    Rule(
        "STO011",
        "removing or replacing it by an edit of the template would delete the data",
        "set DeletionPolicy to RetainExceptOnCreate (Retain for a bucket) and UpdateReplacePolicy to Retain",
        _survives,
    ),
)
