"""What the pipeline's role may do, by what the pipeline does: always, for each source, for each side, for approvals."""

from __future__ import annotations

from awacs import codebuild as builds
from awacs import codecommit, codeconnections, codestar_connections, ecs, iam, kms, s3, sns
from awacs.aws import ArnEquals, StringEquals
from troposphere import Ref

from generator.constructs.keys import USE_KEY
from generator.core import arns, ports
from generator.core.iam import Anything, Grant, allow, via
from generator.core.stack import Stack

RUN_BUILDS = [builds.BatchGetBuilds, builds.StartBuild, builds.StopBuild]


def always(stack: Stack) -> list[Grant]:
    """Sources: codepipeline userguide, how-to-custom-role and action-reference-CodeBuild."""
    bucket, key = stack.takes(ports.ARTIFACT_BUCKET_ARN), stack.takes(ports.KEY_ARN)
    return [
        allow(
            "FindArtifacts",
            [s3.GetBucketAcl, s3.GetBucketLocation, s3.GetBucketVersioning],
            [bucket],
            "the pipeline looks at the artifact bucket before it uses it",
        ),
        allow(
            "ExchangeArtifacts",
            [s3.GetObject, s3.GetObjectVersion, s3.PutObject],
            [arns.objects(bucket)],
            "stages hand over artifacts in this bucket",
            [StringEquals({"aws:ResourceAccount": Ref("AWS::AccountId")})],
        ),
        allow("UseArtifactKey", USE_KEY, [key], "artifacts are encrypted with our key", [via("s3")]),
        allow("SeeArtifactKey", [kms.DescribeKey], [key], "CodePipeline looks at the key of its store by itself"),
    ]


def codecommit_source(stack: Stack) -> list[Grant]:
    """Source: codepipeline userguide, action-reference-CodeCommit."""
    return [
        allow(
            "ReadSource",
            [
                codecommit.CancelUploadArchive,
                codecommit.GetBranch,
                codecommit.GetCommit,
                codecommit.GetUploadArchiveStatus,
                codecommit.UploadArchive,
            ],
            [arns.codecommit_repository(stack.takes(ports.REPOSITORY_NAME))],
            "the source action packs the pushed commit",
        )
    ]


def connection_source(stack: Stack) -> list[Grant]:
    """Sources: Service Authorization Reference, AWS CodeConnections and AWS CodeStar Connections (UseConnection and its
    condition keys). The prefix of action and key follows that of the connection's ARN, and both are in use."""
    return [
        allow(
            sid,
            [action],
            [stack.takes(ports.CONNECTION_ARN)],
            because,
            [StringEquals({f"{prefix}:FullRepositoryId": stack.takes(ports.SOURCE_REPOSITORY)})],
        )
        for sid, action, prefix, because in (
            (
                "UseConnection",
                codeconnections.UseConnection,
                "codeconnections",
                "the source action packs the pushed commit of this one repository",
            ),
            (
                "UseOldConnection",
                codestar_connections.UseConnection,
                "codestar-connections",
                "the same, for a connection whose ARN has the service's old name",
            ),
        )
    ]


def backend(stack: Stack) -> list[Grant]:
    """What a backend needs wherever it runs."""
    return [
        allow(
            "RunBackendBuild",
            RUN_BUILDS,
            [arns.codebuild_project(stack.takes(ports.BACKEND_BUILD))],
            "the pipeline builds the backend; stopping a run stops the build",
        ),
        allow(
            "RunVerification",
            RUN_BUILDS,
            [arns.codebuild_project(stack.takes(ports.VERIFY_BUILD))],
            "a release is verified inside its deploy stage",
        ),
    ]


def ecs_backend(stack: Stack) -> list[Grant]:
    """Sources: codepipeline userguide, action-reference-ECS; Service Authorization Reference, Amazon ECS."""
    family, cluster = (arns.ecs_task_definition(stack.takes(ports.TASK_FAMILY)), stack.takes(ports.RUNNING_CLUSTER))
    return [
        allow(
            "RunPushAndRaise",
            RUN_BUILDS,
            [arns.codebuild_project(stack.takes(port)) for port in (ports.PUSH_BUILD, ports.RAISE_BUILD)],
            "the image is pushed by a project that runs nothing of the application; the first release starts tasks",
        ),
        allow(
            "DeployService",
            [ecs.DescribeServices, ecs.UpdateService],
            [stack.takes(ports.SERVICE_ARN)],
            "the deploy action gives the service the new revision and waits until it is steady",
        ),
        allow(
            "WatchTasks",
            [ecs.DescribeTasks],
            [arns.ecs_task(cluster)],
            "the deploy action watches the tasks of the deployment",
        ),
        allow(
            "FindTasks",
            [ecs.ListTasks],
            Anything("on Fargate ListTasks names no resource; the condition names the cluster"),
            "the deploy action looks up the tasks of the deployment",
            [ArnEquals({"ecs:cluster": arns.ecs_cluster(cluster)})],
        ),
        allow(
            "ReadRevision",
            [ecs.DescribeTaskDefinition],
            Anything("DescribeTaskDefinition names no resource"),
            "the deploy action copies the revision that the service uses",
        ),
        allow("RegisterRevision", [ecs.RegisterTaskDefinition], [family], "every release is a revision of this family"),
        allow(
            "TagRevision",
            [ecs.TagResource],
            [family],
            "the copy keeps the tags of the revision it was made from",
            [StringEquals({"ecs:CreateAction": "RegisterTaskDefinition"})],
        ),
        allow(
            "HandRolesToTasks",
            [iam.PassRole],
            [stack.takes(ports.TASK_ROLE_ARN), stack.takes(ports.EXECUTION_ROLE_ARN)],
            "the new revision runs with the roles of the old one",
            [StringEquals({"iam:PassedToService": ["ecs-tasks.amazonaws.com", "ecs.amazonaws.com"]})],
        ),
    ]


def bundle(stack: Stack) -> list[Grant]:
    """What a bundle needs beside its deploy action, which has a role of its own."""
    return [
        allow(
            "SealBundle",
            RUN_BUILDS,
            [arns.codebuild_project(stack.takes(ports.SEAL_BUILD))],
            "the bundle is sealed by a project that runs nothing of the application",
        )
    ]


def frontend(stack: Stack) -> list[Grant]:
    """Source: codepipeline userguide, action-reference-S3Deploy."""
    site = stack.takes(ports.SITE_BUCKET_ARN)
    steps = (ports.FRONTEND_BUILD, ports.SEAL_BUILD, ports.PUBLISH_BUILD, ports.VERIFY_FRONTEND_BUILD)
    projects = [stack.takes(port) for port in steps]
    return [
        allow(
            "RunFrontendBuilds",
            RUN_BUILDS,
            [arns.codebuild_project(name) for name in projects],
            "the pipeline builds and publishes the page, SealBuild seals and VerifyFrontendBuild verifies it",
        ),
        allow(
            "FindSite",
            [s3.GetBucketAcl, s3.GetBucketLocation, s3.GetBucketVersioning],
            [site],
            "the deploy action looks at the site bucket before it uses it",
        ),
        allow(
            "DeploySite",
            [s3.PutObject],
            [arns.objects(site)],
            "only the deploy action writes the page; the builds cannot",
            [StringEquals({"aws:ResourceAccount": Ref("AWS::AccountId")})],
        ),
    ]


def changes(stack: Stack, sid: str, because: str) -> Grant:
    return allow(sid, RUN_BUILDS, [arns.codebuild_project(stack.takes(ports.CHANGES_BUILD))], because)


def approval(stack: Stack) -> list[Grant]:
    """Sources: codepipeline userguide, approvals-action-add; sns dg, sns-key-management (the approval's role needs
    the topic's key itself)."""
    return [
        allow("AskForApproval", [sns.Publish], [stack.takes(ports.TOPIC_ARN)], "people are asked through the topic"),
        allow(
            "EncryptQuestion",
            [kms.Decrypt, kms.GenerateDataKey],
            [stack.takes(ports.KEY_ARN)],
            "the topic is encrypted with our key",
            [via("sns")],
        ),
        changes(stack, "RunPlan", "whoever approves sees what the release changes"),
    ]
