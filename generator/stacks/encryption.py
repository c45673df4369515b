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

from generator.constructs import keys
from generator.core import arns, iam, ports
from generator.core.stack import Stack
from generator.project import Project


def build(project: Project) -> Stack:
    stack = Stack("encryption", __name__, "key for everything that holds data", project)
    key = keys.add(
        stack,
        "Key",
        Sub(f"{project.title}, ${{Environment}}: artifacts, logs, topic, secrets, tables"),
        _services(),
        "Key that encrypts artifacts, logs, messages, secrets and tables of the environment.",
        ["NOT-1", "PIP-8"],
    )
    stack.add(
        kms.Alias("Alias", AliasName=Sub(f"alias/{project.name}-${{Environment}}"), TargetKeyId=Ref(key)),
        "Readable name under which the console lists the key.",
        ["PIP-8"],
    )
    stack.gives(ports.KEY_ARN, GetAtt(key, "Arn"))
    return stack


def _services() -> list[iam.Grant]:
    """Sources: AmazonCloudWatch logs encrypt-log-data-kms; sns dg sns-key-management (CloudWatch and Budgets send a
    source; EventBridge does not, and has a role)."""
    ours = (iam.same_account(),)
    return [
        iam.allow(
            "LogsEncrypt",
            [*keys.ENCRYPT, do.DescribeKey],
            keys.ITSELF,
            "CloudWatch Logs encrypts the log groups of this account and Region",
            [ArnLike({"kms:EncryptionContext:aws:logs:arn": arns.log_groups()})],
            Principal("Service", Sub("logs.${AWS::Region}.amazonaws.com")),
        ),
        # The deploy action of S3 is not told to encrypt, and no page says that it then leaves the artifacts' key alone:
        # if it does not, the page has to be readable all the same (AmazonCloudFront DeveloperGuide,
        # private-content-restricting-access-to-s3, SSE-KMS: its policy asks for aws:SourceArn and nothing else, and the
        # account stands in that).
        iam.allow(
            "CloudFrontReads",
            [do.Decrypt],
            keys.ITSELF,
            "distributions of this account, which their ARN names, read a page that the deploy action has encrypted "
            "with the artifacts' key",
            [ArnLike({"aws:SourceArn": arns.global_arn("cloudfront", "distribution/*")})],
            iam.service("cloudfront"),
        ),
        keys.publishes("AlarmsPublish", "cloudwatch", "alarms reach the encrypted topic", ours),
        keys.publishes("BudgetsPublish", "budgets", "the budget's warnings reach the encrypted topic", ours),
    ]
