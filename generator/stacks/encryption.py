"""The key for artifacts, logs, topic, secrets and tables.

A stack of its own, first and without needs, because everything that holds data needs it and it must outlive them
all. Its policy names the account and services, never a role or a distribution: naming those would tie the key to
resources that are made later (a cycle) and replaced sooner. Roles get their use of it from their own policies.
A re-created environment adopts the surviving key: a new one would make surviving data unreadable.
"""

from __future__ import annotations

from awacs import kms as do
from awacs.aws import ArnLike, Principal
from troposphere import GetAtt, Ref, Sub, kms

from generator import arns, iam, ports
from generator.iam import Anything
from generator.project import Project
from generator.stack import Stack

ENCRYPT = [
    do.Encrypt,
    do.Decrypt,
    do.ReEncryptFrom,
    do.ReEncryptTo,
    do.GenerateDataKey,
    do.GenerateDataKeyWithoutPlaintext,
]
PUBLISH = [do.Decrypt, do.GenerateDataKey, do.GenerateDataKeyWithoutPlaintext]
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
    do.GetKeyPolicy,
    do.GetKeyRotationStatus,
    do.ListGrants,
    do.ListKeyPolicies,
    do.ListResourceTags,
    do.PutKeyPolicy,
    do.RetireGrant,
    do.RevokeGrant,
    do.ScheduleKeyDeletion,
    do.TagResource,
    do.UntagResource,
    do.UpdateAlias,
    do.UpdateKeyDescription,
]
ITSELF = Anything("in a key policy, * is the key itself")


def build(project: Project) -> Stack:
    stack = Stack("encryption", __name__, "key for everything that holds data", project)
    policy = _policy()
    key = stack.add(
        kms.Key(
            "Key",
            Description=Sub(f"{project.title}, ${{Environment}}: artifacts, logs, topic, secrets, tables"),
            EnableKeyRotation=True,
            PendingWindowInDays=30,
            KeyPolicy=iam.document(policy),
        ),
        "Key that encrypts artifacts, logs, messages, secrets and tables of the environment.",
        ["NOT-1", "PIP-8"],
        policy,
    )
    stack.add(
        kms.Alias("Alias", AliasName=Sub(f"alias/{project.name}-${{Environment}}"), TargetKeyId=Ref(key)),
        "Readable name under which the console lists the key.",
        ["PIP-8"],
    )
    stack.gives(ports.KEY_ARN, GetAtt(key, "Arn"))
    return stack


def _policy() -> list[iam.Grant]:
    """Sources: kms developerguide key-policy-default; AmazonCloudWatch logs encrypt-log-data-kms; sns dg
    sns-key-management (EventBridge supports no source condition on an encrypted topic, CloudWatch and Budgets do)."""
    return [
        iam.allow(
            "AccountDecides",
            [*ADMINISTER, *ENCRYPT],
            ITSELF,
            "the account's own IAM policies decide who administers and uses the key; without this nobody could",
            to=Principal("AWS", arns.account_root()),
        ),
        iam.allow(
            "LogsEncrypt",
            [*ENCRYPT, do.DescribeKey],
            ITSELF,
            "CloudWatch Logs encrypts the log groups of this account and Region",
            [ArnLike({"kms:EncryptionContext:aws:logs:arn": arns.log_groups()})],
            Principal("Service", Sub("logs.${AWS::Region}.amazonaws.com")),
        ),
        iam.allow(
            "AlarmsPublish",
            PUBLISH,
            ITSELF,
            "alarms reach the encrypted topic",
            [iam.same_account()],
            iam.service("cloudwatch"),
        ),
        iam.allow(
            "BudgetsPublish",
            PUBLISH,
            ITSELF,
            "the budget's warnings reach the encrypted topic",
            [iam.same_account()],
            iam.service("budgets"),
        ),
        iam.allow(
            "EventsPublish",
            PUBLISH,
            ITSELF,
            "pipeline messages reach the encrypted topic; EventBridge supports no source condition here",
            to=iam.service("events"),
        ),
    ]
