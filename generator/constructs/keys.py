"""What the keys of ours have in common: who administers them, and what services need that write under them.

Source: kms developerguide, key-policy-default; sns dg, sns-key-management.
"""

from __future__ import annotations

from awacs import kms as do
from awacs.aws import ConditionElement, Principal
from troposphere import kms

from generator.core import arns, iam
from generator.core.arns import Text
from generator.core.iam import Anything, Grant
from generator.core.stack import Stack

ENCRYPT = [
    do.Encrypt,
    do.Decrypt,
    do.ReEncryptFrom,
    do.ReEncryptTo,
    do.GenerateDataKey,
    do.GenerateDataKeyWithoutPlaintext,
]
PUBLISH = [do.Decrypt, do.GenerateDataKey, do.GenerateDataKeyWithoutPlaintext]
# What a role needs that reads and writes encrypted artifacts; the pipeline's and its builds' (codepipeline user guide,
# how-to-custom-role; codebuild user guide, setting-up-service-role), through S3 alone. Both look at the key by
# themselves, too, without S3 (codebuild user guide, setting-up-kms).
USE_KEY = [
    do.Decrypt,
    do.Encrypt,
    do.GenerateDataKey,
    do.GenerateDataKeyWithoutPlaintext,
    do.ReEncryptFrom,
    do.ReEncryptTo,
]
ADMINISTER = [
    do.CancelKeyDeletion,
    do.CreateAlias,
    do.CreateGrant,
    do.DeleteAlias,
    do.DescribeKey,
    do.DisableKey,
    do.DisableKeyRotation,
    do.EnableKey,
    do.EnableKeyRotation,
    do.GetKeyLastUsage,
    do.GetKeyPolicy,
    do.GetKeyRotationStatus,
    do.ListGrants,
    do.ListKeyPolicies,
    do.ListKeyRotations,
    do.ListResourceTags,
    do.ListRetirableGrants,
    do.PutKeyPolicy,
    do.ReplicateKey,
    do.RetireGrant,
    do.RevokeGrant,
    do.RotateKeyOnDemand,
    do.ScheduleKeyDeletion,
    do.TagResource,
    do.UntagResource,
    do.UpdateAlias,
    do.UpdateKeyDescription,
]
ITSELF = Anything("in a key policy, * is the key itself")


def publishes(sid: str, service: str, because: str, when: tuple[ConditionElement, ...]) -> Grant:
    """A service that publishes to a topic which is encrypted with the key."""
    return iam.allow(sid, PUBLISH, ITSELF, because, when, iam.service(service))


def add(
    stack: Stack, title: str, describes: Text, grants: list[Grant], says: str, serves: list[str], condition: str = ""
) -> kms.Key:
    """Adds a key that the account administers by its own IAM policies, and `grants` for the services that use it."""
    account = iam.allow(
        "AccountDecides",
        [*ADMINISTER, *ENCRYPT],
        ITSELF,
        "the account's own IAM policies decide who administers the key, looks at it and uses it, by every call that it "
        "knows; without this nobody could",
        to=Principal("AWS", arns.account_root()),
    )
    policy = [account, *grants]
    more = {"Condition": condition} if condition else {}
    return stack.add(
        kms.Key(
            title,
            Description=describes,
            EnableKeyRotation=True,
            PendingWindowInDays=30,
            KeyPolicy=iam.document(policy),
            **more,
        ),
        says,
        serves,
        policy,
    )
