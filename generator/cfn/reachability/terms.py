"""The words of the search: places, single steps, and what is known of actions.

Sources: Service Authorization Reference of each service; IAM user guide for what makes a principal mightier.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from generator.cfn.names import SHARED
from generator.cfn.reachability.account import BUCKET, PARTITION

ADMINISTRATOR, SHARED_ASSET = "administrator", "what all environments share"
ADMINISTRATOR_POLICY = f"arn:{PARTITION}:iam::aws:policy/AdministratorAccess"
PIPELINE, PROJECT = "AWS::CodePipeline::Pipeline", "AWS::CodeBuild::Project"
REPOSITORY, TASK = "AWS::ECR::Repository", "AWS::ECS::TaskDefinition"
TABLE, SECRET, KEY, LOGS = (
    "AWS::DynamoDB::Table",
    "AWS::SecretsManager::Secret",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
)
# Verbs that read; what they read matters for the types in DATA_READS alone.
READING = re.compile(
    r"(BatchCheck|BatchGet|Check|ConditionCheck|Describe|Estimate|Filter|Get|Head|List|Lookup|PartiQLSelect|Query|Scan"
    r"|Search|Select|Simulate|Test|Validate|View)"
)
DATA_READS: Mapping[str, frozenset[str]] = {
    TABLE: frozenset(
        {
            "dynamodb:BatchGetItem",
            "dynamodb:ExportTableToPointInTime",
            "dynamodb:GetItem",
            "dynamodb:GetRecords",
            "dynamodb:PartiQLSelect",
            "dynamodb:Query",
            "dynamodb:Scan",
        }
    ),
    SECRET: frozenset({"secretsmanager:BatchGetSecretValue", "secretsmanager:GetSecretValue"}),
    LOGS: frozenset({"logs:FilterLogEvents", "logs:GetLogEvents"}),
    BUCKET: frozenset({"s3:GetObject", "s3:GetObjectVersion"}),
}
# Actions that change nothing of an asset by themselves, each with the reason.
HARMLESS: Mapping[str, str] = {
    "cloudformation:TagResource": "tags alone; what they would open is a step of its own",
    "cloudfront:CreateInvalidation": "the page is read from its bucket again",
    "cloudwatch:PutMetricData": "a figure",
    "codebuild:BatchPutCodeCoverages": "a report",
    "codebuild:BatchPutTestCases": "a report",
    "codebuild:CreateReport": "a report",
    "codebuild:UpdateReport": "a report",
    "codecommit:CancelUploadArchive": "reads the source",
    "codecommit:UploadArchive": "reads the source",
    "codepipeline:PutApprovalResult": "a step of its own",
    "ecr:CompleteLayerUpload": "a layer without an image; ecr:PutImage makes one",
    "ecr:DeleteSigningConfiguration": "an image stays what it is; one without a signature is not released",
    "ecr:InitiateLayerUpload": "a layer without an image; ecr:PutImage makes one",
    "ecr:PutSigningConfiguration": "an image stays what it is; one without the profile's signature is not released",
    "ecr:UploadLayerPart": "a layer without an image; ecr:PutImage makes one",
    "kms:EnableKeyRotation": "rotation is on already",
    "iam:PassRole": "passing a role is a step of its own",
    "logs:PutLogEvents": "a log",
    "sns:Publish": "a message",
    "sns:Subscribe": "messages of the pipeline, which hold no data",
}
# What makes something new changes nothing that is there, but for these: each is a part of what it names.
MAKING = re.compile(r"(Allocate|Create|Import|Purchase|Register|Request|Run)")
MAKES_A_PART = frozenset(
    {
        "ec2:CreateRoute",
        "elasticloadbalancing:CreateListener",
        "elasticloadbalancing:CreateRule",
        "elasticloadbalancing:RegisterTargets",
        "ecs:RegisterTaskDefinition",
        "kms:CreateGrant",
        "logs:CreateExportTask",
    }
)
# Of a key: what encrypts and decrypts. It opens data only together with the right to the data itself.
CRYPTO = re.compile(r"kms:(Decrypt|Encrypt|GenerateDataKey|GenerateDataKeyWithoutPlaintext|ReEncrypt)")
TAGS = re.compile(r":(AddTags|CreateTags|DeleteTags|RemoveTags|PutBucketTagging|Tag|Untag|AddTagsTo|ListTags)\w*$")
# What lets a service run something as a role that was passed to it (Service Authorization Reference): any of them.
RUNS_AS: Mapping[str, tuple[str, ...]] = {
    "cloudformation.amazonaws.com": (
        "cloudformation:CreateStack",
        "cloudformation:CreateChangeSet",
        "cloudformation:UpdateStack",
    ),
    # serviceRoleOverride of StartBuild and StartBuildBatch (CodeBuild API reference).
    "codebuild.amazonaws.com": (
        "codebuild:CreateProject",
        "codebuild:UpdateProject",
        "codebuild:StartBuild",
        "codebuild:StartBuildBatch",
    ),
    "codepipeline.amazonaws.com": ("codepipeline:CreatePipeline", "codepipeline:UpdatePipeline"),
    "ec2.amazonaws.com": (
        "ec2:AssociateIamInstanceProfile",
        "ec2:ReplaceIamInstanceProfileAssociation",
        "ec2:RunInstances",
        "elasticbeanstalk:CreateEnvironment",
        "elasticbeanstalk:UpdateEnvironment",
    ),
    # overrides.taskRoleArn of RunTask and StartTask (Amazon ECS API reference, TaskOverride).
    "ecs-tasks.amazonaws.com": ("ecs:RegisterTaskDefinition", "ecs:RunTask", "ecs:StartTask"),
    "elasticbeanstalk.amazonaws.com": ("elasticbeanstalk:CreateEnvironment", "elasticbeanstalk:UpdateEnvironment"),
    "lambda.amazonaws.com": ("lambda:CreateFunction", "lambda:UpdateFunctionConfiguration"),
    "states.amazonaws.com": ("states:CreateStateMachine", "states:UpdateStateMachine"),
}
# What runs as a project's role when it is called on the project (CodeBuild API reference; a sandbox takes commands).
RUNS_PROJECT = (
    "codebuild:StartBuild",
    "codebuild:StartBuildBatch",
    "codebuild:StartSandbox",
    "codebuild:StartSandboxConnection",
    "codebuild:UpdateProject",
)
# What changes or ends a stack without a template: CloudFormation has its role already (CloudFormation user guide,
# using-iam-servicerole). ExecuteChangeSet executes what somebody else has prepared.
CHANGES_STACK = (
    "cloudformation:ContinueUpdateRollback",
    "cloudformation:DeleteStack",
    "cloudformation:ExecuteChangeSet",
    "cloudformation:RollbackStack",
)
# What takes from people the policy that keeps them from approving (Service Authorization Reference, IAM).
FREES_PEOPLE = ("iam:DetachGroupPolicy", "iam:DetachUserPolicy", "iam:RemoveUserFromGroup")
# Calls that change something and send no tag of it, which a condition on tags neither allows nor denies (Service
# Authorization Reference: no resource type, or none with aws:ResourceTag); tests/gate/test_security_tools.py compares.
UNTAGGED = frozenset(
    {
        "cloudfront:DeleteMonitoringSubscription",
        "codecommit:UpdateApprovalRuleTemplateContent",
        "ecs:DeregisterTaskDefinition",
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "signer:PutSigningProfile",
        "sns:SetSubscriptionAttributes",
        "sns:Unsubscribe",
    }
)
# What makes a person or a role mightier than it is, beside what CreateRole and the policies of a role do.
MAKES_USERS = (
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreateUser",
    "iam:PutGroupPolicy",
    "iam:PutUserPolicy",
    "iam:UpdateLoginProfile",
)
ALWAYS_ASKED = frozenset(
    {
        *CHANGES_STACK,
        *FREES_PEOPLE,
        *MAKES_USERS,
        *RUNS_PROJECT,
        *(action for actions in RUNS_AS.values() for action in actions),
        *(action for actions in DATA_READS.values() for action in actions),
        "cloudfront:UpdateDistribution",
        "codepipeline:OverrideStageCondition",
        "codepipeline:PutApprovalResult",
        "codepipeline:StartPipelineExecution",
        "dynamodb:DeleteItem",
        "dynamodb:DeleteTable",
        "dynamodb:PutItem",
        "dynamodb:PutResourcePolicy",
        "dynamodb:UpdateItem",
        "ecr:PutImage",
        "ecs:ExecuteCommand",
        "ecs:UpdateService",
        "iam:AttachRolePolicy",
        "iam:CreatePolicyVersion",
        "iam:CreateRole",
        "iam:DeleteRolePermissionsBoundary",
        "iam:PassRole",
        "iam:PutRolePermissionsBoundary",
        "iam:PutRolePolicy",
        "iam:SetDefaultPolicyVersion",
        "iam:UpdateAssumeRolePolicy",
        "kms:PutKeyPolicy",
        "kms:ScheduleKeyDeletion",
        "s3:DeleteObject",
        "s3:PutBucketPolicy",
        "s3:PutObject",
        "secretsmanager:PutResourcePolicy",
        "secretsmanager:PutSecretValue",
        "ssm:PutParameter",
        "sts:AssumeRole",
    }
)
# The services that run the application, as principals of a trust policy.
INSTANCES = "Service:ec2.amazonaws.com"
APPLICATION_SERVICES = frozenset({INSTANCES, "Service:ecs-tasks.amazonaws.com"})
# Commands of a build that execute what lies in its folder. `python -I` does not look there.
EXECUTES = re.compile(
    r"\b((npm|npx|yarn) +\w|(docker build|pip install|pytest|make)\b)"
    r"|\bpython3?(?! -I)\S* (-u )?(-m \w|-c\b|-( |$)|\S+\.py)",
    re.MULTILINE,
)


@dataclass(frozen=True, order=True)
class Step:
    """One step: `how` says what is done, `by` where the statement or the property stands that allows it."""

    source: str
    target: str
    by: str
    how: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells steps apart: the actions behind one statement count as one."""
        return self.source, self.target, self.by


def data_of(environment: str) -> str:
    return f"data of {environment}"


def runs_in(environment: str) -> str:
    return SHARED_ASSET if environment == SHARED else f"what runs in {environment}"


def domain_of(environment: str) -> str:
    return f"the domain of {environment}"


def approved_in(environment: str) -> str:
    return f"what is approved in {environment}"
