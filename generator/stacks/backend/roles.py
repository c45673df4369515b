"""The two roles of the backend's tasks: what ECS may do to start them, and what the application may do.

Apart from `stacks/backend.py`, because the alternative backend (`stacks/beanstalk.py`) gives the same
application the same permissions.
"""

from __future__ import annotations

from collections.abc import Sequence

from awacs import dynamodb, ecr, kms, logs, secretsmanager, ses, ssm, sts
from awacs.aws import Action, StringEquals, StringEqualsIfExists
from troposphere import AWSObject, GetAtt, Ref, Sub, iam

from generator.constructs.app_config import key, secret_arn
from generator.core import arns, ports
from generator.core.arns import Text
from generator.core.iam import Anything, Grant, actions, allow, deny, listed, trust, via
from generator.core.stack import Stack, switched_on
from generator.project import Project

TABLE_READS = [dynamodb.BatchGetItem, dynamodb.DescribeTable, dynamodb.GetItem, dynamodb.Query, dynamodb.Scan]
TABLE_WRITES = [dynamodb.BatchWriteItem, dynamodb.DeleteItem, dynamodb.PutItem, dynamodb.UpdateItem]


def execution_role(stack: Stack, project: Project, log_group: AWSObject) -> iam.Role:
    """The role with which ECS starts a task. Sources: AmazonECS developerguide, task_execution_IAM_role and
    secrets-envvar-secrets-manager; AmazonECR userguide, security-iam."""
    grants = [
        allow(
            "SignIn",
            [ecr.GetAuthorizationToken],
            Anything("a registry token belongs to the account; ECR knows no resource for it"),
            "a task's image is pulled with a token",
        ),
        allow(
            "PullImage",
            [ecr.BatchCheckLayerAvailability, ecr.BatchGetImage, ecr.GetDownloadUrlForLayer],
            [stack.takes(ports.REGISTRY_ARN)],
            "a task starts from an image of this repository",
        ),
        allow(
            "WriteLogs",
            [logs.CreateLogStream, logs.PutLogEvents],
            [GetAtt(log_group, "Arn")],
            "a task's output goes to its own log group",
        ),
        *read_configuration(stack, project),
    ]
    return stack.role(
        "ExecutionRole",
        trust("ecs-tasks", "ECS starts the tasks of this account"),
        grants,
        "Role with which ECS starts a task: image, logs, configuration.",
        ["PIP-8", "RUN-5"],
    )


def read_configuration(
    stack: Stack, project: Project, calls: Sequence[Action] = (ssm.GetParameters,), how: str = ""
) -> list[Grant]:
    """What starts the application reads its configuration; `calls` are those by which it reads plain values, and `how`
    says why they are others than those of ECS."""
    values = allow(
        "ReadConfiguration",
        calls,
        [arns.ssm_parameter(stack.takes(ports.CONFIGURATION_TREE), "/*")],
        f"plain values reach the application as environment variables{how}",
    )
    if not project.secrets:
        return [values]
    return [
        values,
        allow(
            "ReadSecrets",
            [secretsmanager.GetSecretValue],
            [stack.takes(secret_arn(secret)) for secret in project.secrets],
            "secrets reach the application as environment variables: "
            f"{listed(secret_arn(secret).name.removesuffix('Arn') for secret in project.secrets)}",
        ),
        allow(
            "DecryptSecrets",
            [kms.Decrypt],
            [stack.takes(ports.KEY_ARN)],
            "the secrets are encrypted with our key",
            [via("secretsmanager")],
        ),
    ]


def application(stack: Stack, project: Project) -> list[Grant]:
    """What the application itself may do: nothing that its facts do not name."""
    grants = [*_tables(stack, project)] if project.tables else []
    if project.client_secrets:
        grants += _client_secrets(stack, project)
    if project.reads and project.reads.actions:
        grants.append(
            allow(
                "ReadOwnAccount",
                actions(project.reads.actions),
                Anything("these actions list things or read metrics; they name no resource"),
                project.reads.because,
            )
        )
    if project.client_roles:
        grants += [
            allow(
                "EnterClientAccounts",
                [sts.AssumeRole],
                [Sub("arn:${AWS::Partition}:iam::*:role/*")],
                project.client_roles,
            ),
            deny(
                "NoRoleOfThisAccount",
                [sts.AssumeRole],
                [arns.global_arn("iam", "role/*")],
                "assuming a role is for clients' accounts; in its own the application is this role and no other",
            ),
        ]
    return grants


def _client_secrets(stack: Stack, project: Project) -> list[Grant]:
    """What the application may do with its clients' secrets. Source of the condition keys: Service Authorization
    Reference, AWS Secrets Manager (`aws:ResourceTag` on every call about a secret, `aws:RequestTag` on CreateSecret and
    TagResource; a secret that is made with tags needs both)."""
    secrets = [arns.secret(project.client_secrets)]
    use = [
        secretsmanager.DeleteSecret,
        secretsmanager.DescribeSecret,
        secretsmanager.GetSecretValue,
        secretsmanager.PutSecretValue,
        secretsmanager.UpdateSecret,
    ]
    because = "the application keeps the credentials that its clients gave, under one prefix"
    if not project.shares_client_secrets:
        stack.takes(ports.ENVIRONMENT)
    if not project.client_secrets_tagged:
        return [allow("KeepClientSecrets", [secretsmanager.CreateSecret, *use], secrets, because)]

    def tags(key: str) -> dict[str, Text]:
        return {f"aws:{key}/Application": project.name, f"aws:{key}/Environment": Ref(ports.ENVIRONMENT.name)}

    return [
        allow(
            "MakeClientSecrets",
            [secretsmanager.CreateSecret, secretsmanager.TagResource],
            secrets,
            "the application gives what it keeps for its clients the tags of its environment from the start",
            [StringEquals(tags("RequestTag")), StringEqualsIfExists(tags("ResourceTag"))],
        ),
        allow("KeepClientSecrets", use, secrets, f"{because} and with its tags", [StringEquals(tags("ResourceTag"))]),
    ]


def _tables(stack: Stack, project: Project) -> list[Grant]:
    tables = [stack.takes(ports.table_arn(table.logical)) for table in project.tables]
    return [
        allow(
            "UseTables",
            [*TABLE_READS, *TABLE_WRITES],
            [arn for table in tables for arn in (table, arns.dynamodb_indexes(table))],
            f"the application keeps its data in {listed(ports.table(table.logical).name for table in project.tables)}",
        ),
        allow(
            "ListTables",
            [dynamodb.ListTables],
            Anything("ListTables names no table"),
            "the health check of the application lists the tables",
        ),
        # Source: amazondynamodb developerguide, encryption.usagenotes ("authorizing use of your key").
        allow(
            "UseTableKey",
            [kms.Decrypt, kms.DescribeKey, kms.Encrypt, kms.GenerateDataKey, kms.ReEncryptFrom, kms.ReEncryptTo],
            [stack.takes(ports.KEY_ARN)],
            "the tables are encrypted with our key; only DynamoDB may use it for the application",
            [via("dynamodb")],
        ),
    ]


def send_mail(stack: Stack, project: Project) -> list[tuple[str, list[Grant]]]:
    """What it may do beside that when the environment has a sender, with the condition that it has; nothing for an
    application that sends no mail."""
    if not project.mail:
        return []
    sender_key = key(project.variable(project.mail))
    sender = stack.takes(sender_key.takes[0])
    grant = allow(
        "SendMail",
        [ses.SendEmail, ses.SendRawEmail],
        [arns.ses_identities()],
        "the application sends mail from one address; the identity may be the address or its domain",
        [StringEquals({"ses:FromAddress": sender})],
    )
    return [(stack.when(sender_key.condition, switched_on(sender, "")), [grant])]


def task_role(stack: Stack, project: Project) -> iam.Role:
    """The role that the application runs as, in place of the design's static keys."""
    return stack.role(
        "TaskRole",
        trust("ecs-tasks", "the application runs in tasks of this account"),
        application(stack, project),
        "What the application itself may do.",
        ["PIP-8", "RUN-6"],
        optional=send_mail(stack, project),
    )
