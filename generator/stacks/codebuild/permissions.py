"""What each CodeBuild project may do beyond logs, artifacts and reports."""

from __future__ import annotations

from awacs import cloudfront, codebuild, codecommit, dynamodb, ecr, ecs, iam, inspector2, s3, signer, ssm
from awacs import elasticbeanstalk as beanstalk
from awacs.aws import ArnEquals, StringEquals, StringLike
from troposphere import If

from generator.core import arns, conditions, ports
from generator.core.iam import Anything, Grant, allow, listed
from generator.core.names import DOCUMENTS_RECORD, IMAGE_RECORDS
from generator.core.stack import Stack
from generator.project import Project

SIDES = ("backend", "frontend")


def push_images(stack: Stack) -> list[Grant]:
    """The push signs in to ECR, pushes one image, records which, and reads its scan. Sources: AmazonECR userguide,
    image-push-iam; Service Authorization Reference, Amazon Elastic Container Registry."""
    bucket = stack.takes(ports.ARTIFACT_BUCKET_ARN)
    return [
        allow(
            "SignIn",
            [ecr.GetAuthorizationToken],
            Anything("a registry token belongs to the account; ECR knows no resource for it"),
            "docker signs in with a token",
        ),
        allow(
            "PushImage",
            [
                ecr.BatchCheckLayerAvailability,
                ecr.BatchGetImage,
                ecr.CompleteLayerUpload,
                ecr.InitiateLayerUpload,
                ecr.PutImage,
                ecr.UploadLayerPart,
            ],
            [stack.takes(ports.REGISTRY_ARN)],
            "the image that the build made is pushed, unless an earlier push already did",
        ),
        allow(
            "ReadScan",
            [ecr.DescribeImageScanFindings],
            [stack.takes(ports.REGISTRY_ARN)],
            "an image with findings above the limit is not handed on to be deployed",
        ),
        # Without them ECR refuses even to say how far a scan is (alexjurkiewicz/ecr-scan-image issue 19).
        allow(
            "ReadInspector",
            [inspector2.ListCoverage, inspector2.ListFindings],
            Anything("findings have no names that are known before; AWS's own policy for it names none"),
            "where Amazon Inspector scans the registry, ECR reads the findings there with the rights of the caller; "
            "source: AmazonECR userguide, image-scanning-enhanced-iam",
        ),
        allow(
            "RecordImage",
            [s3.GetObject, s3.PutObject],
            [arns.objects(bucket, f"{IMAGE_RECORDS}/*")],
            "a tag that is there already is believed only with the digest that an earlier push recorded; beside it "
            "lies what is in the image and where it comes from",
        ),
        allow(
            "FindRecord",
            [s3.ListBucket],
            [bucket],
            "without a list a missing record is a denied one",
            [StringLike({"s3:prefix": [f"{IMAGE_RECORDS}/*"]})],
        ),
    ]


def sign_images(stack: Stack) -> list[Grant]:
    """ECR signs what is pushed with the rights of whoever pushes it. Source: AmazonECR userguide, managed-signing."""
    return [
        allow(
            "SignImage",
            [signer.SignPayload],
            [stack.takes(ports.SIGNING_PROFILE)],
            "ECR signs the image in the name of the role that pushes it",
        ),
        allow(
            "SeeSignature",
            [ecr.DescribeImageSigningStatus],
            [stack.takes(ports.REGISTRY_ARN)],
            "an image that is not signed is not handed on to be deployed",
        ),
    ]


def publish(stack: Stack) -> list[Grant]:
    """The publish project invalidates the distribution's cache."""
    return [
        allow(
            "Invalidate",
            [cloudfront.CreateInvalidation, cloudfront.GetInvalidation],
            [stack.takes(ports.DISTRIBUTION_ARN)],
            "people see a new page as soon as it is there",
        )
    ]


def raise_from_zero(stack: Stack) -> list[Grant]:
    """The raise project starts the first tasks of the service, with the revision that it registers for them. Source:
    Service Authorization Reference, Amazon ECS."""
    family = arns.ecs_task_definition(stack.takes(ports.TASK_FAMILY))
    return [
        allow(
            "RaiseFromZero",
            [ecs.DescribeServices, ecs.UpdateService],
            [stack.takes(ports.SERVICE_ARN)],
            "the first release raises the service from zero tasks to its minimum",
        ),
        allow(
            "ReadRevision",
            [ecs.DescribeTaskDefinition],
            Anything("DescribeTaskDefinition names no resource"),
            "the first revision with an image is a copy of the one that the service was made with",
        ),
        allow(
            "RegisterRevision",
            [ecs.RegisterTaskDefinition],
            [family],
            "the first revision with an image is registered before the deploy action, which then finds a service",
        ),
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
            "the first revision runs with the roles of the one it was made from",
            [StringEquals({"iam:PassedToService": "ecs-tasks.amazonaws.com"})],
        ),
    ]


def find_changes(stack: Stack) -> list[Grant]:
    """The changes project compares a commit with what was released, and says which sides are about to be."""
    path = stack.takes(ports.RELEASES)
    return [
        allow(
            "ReadReleases",
            [ssm.GetParameters],
            [arns.ssm_parameter(path, f"/{side}{next_}") for side in SIDES for next_ in ("", "-next")],
            "what was last released is what a commit is compared with",
        ),
        allow(
            "AnnounceRelease",
            [ssm.PutParameter],
            [arns.ssm_parameter(path, f"/{side}-next") for side in SIDES],
            "a release that does not finish must not be taken for the one before it",
        ),
        allow(
            "SeeRecipes",
            [codebuild.BatchGetProjects],
            [arns.codebuild_project(stack.takes(port)) for port in (ports.BACKEND_PROJECT, ports.FRONTEND_PROJECT)],
            "a side is built anew when the way in which it is built has changed",
        ),
        allow(
            "ReadCommits",
            [codecommit.GetCommit],
            [arns.codecommit_repository(stack.takes(ports.REPOSITORY_NAME))],
            "whoever approves sees the titles of the commits; behind a connection there is no such repository",
        ),
    ]


def _see_tables(stack: Stack, project: Project) -> list[Grant]:
    prefix = stack.takes(ports.CONFIGURATION_PREFIX)
    return [
        allow(
            "ReadTableNames",
            [ssm.GetParameters],
            [arns.ssm_parameter(prefix, f"/{table.variable}") for table in project.tables],
            f"the names of tables that the application is given: {listed(table.variable for table in project.tables)}",
        ),
        allow(
            "SeeTables",
            [dynamodb.DescribeTable],
            [arns.dynamodb_table(stack.takes(ports.table(table.logical))) for table in project.tables],
            "no public call shows a missing table, so AWS is asked for "
            f"{listed(ports.table(table.logical).name for table in project.tables)}",
        ),
    ]


def verify_backend(stack: Stack, project: Project) -> list[Grant]:
    """The verification asks AWS for the tables, wherever the backend runs, and records the release that was good."""
    last = If(
        conditions.on_ecs(stack), stack.takes(ports.LAST_IMAGE_PARAMETER), stack.takes(ports.LAST_VERSION_PARAMETER)
    )
    return [
        *(_see_tables(stack, project) if project.tables else []),
        allow(
            "RecordRelease",
            [ssm.PutParameter],
            [arns.ssm_parameter(last)],
            "the last good release is what an infrastructure update must keep",
        ),
        _record(stack, "Backend"),
    ]


def verify_ecs(stack: Stack) -> list[Grant]:
    """The verification looks at service and tasks, and tags the image that it found good. Source: AmazonECR userguide,
    image-retag."""
    cluster = stack.takes(ports.RUNNING_CLUSTER)
    return [
        allow(
            "KeepImage",
            [ecr.BatchGetImage, ecr.PutImage],
            [stack.takes(ports.REGISTRY_ARN)],
            "the image of a good release gets a second tag, with which the registry keeps it",
        ),
        allow(
            "RecordDocuments",
            [ssm.PutParameter],
            [arns.ssm_parameter(stack.takes(ports.RELEASES), f"/{DOCUMENTS_RECORD}")],
            "where the documents about the image lie is recorded with the release",
        ),
        allow(
            "SeeService",
            [ecs.DescribeServices],
            [stack.takes(ports.SERVICE_ARN)],
            "the release is verified against the service's deployment",
        ),
        allow(
            "SeeTasks",
            [ecs.DescribeTasks],
            [arns.ecs_task(cluster)],
            "the image that runs is compared with the one that was built",
        ),
        # Service Authorization Reference, Amazon ECS: ListTasks knows a container instance as resource, which Fargate
        # does not have, and the cluster as a condition.
        allow(
            "FindTasks",
            [ecs.ListTasks],
            Anything("on Fargate ListTasks names no resource; the condition names the cluster"),
            "the tasks of the service are looked up",
            [ArnEquals({"ecs:cluster": arns.ecs_cluster(cluster)})],
        ),
        allow(
            "ReadRevision",
            [ecs.DescribeTaskDefinition],
            Anything("DescribeTaskDefinition names no resource"),
            "what the tasks were told is looked up",
        ),
    ]


def verify_beanstalk(stack: Stack) -> list[Grant]:
    """The verification looks at environment and version, and opens the bundle of the version that runs. Source: Service
    Authorization Reference, AWS Elastic Beanstalk."""
    application, environment = (stack.takes(ports.RUNNING_CLUSTER), stack.takes(ports.RUNNING_SERVICE))
    return [
        allow(
            "SeeEnvironment",
            [beanstalk.DescribeConfigurationSettings, beanstalk.DescribeEnvironments],
            [arns.beanstalk_environment(application, environment)],
            "the release is verified against what the environment runs",
        ),
        allow(
            "SeeInstances",
            [beanstalk.DescribeInstancesHealth],
            [arns.beanstalk_environment("*", environment)],
            "and against what its instances run; the call names the environment alone",
        ),
        allow(
            "SeeVersion",
            [beanstalk.DescribeApplicationVersions],
            [arns.beanstalk_versions(application)],
            "the bundle of the version that runs is looked up",
        ),
        allow(
            "OpenBundle",
            [s3.GetObject],
            [arns.objects(arns.beanstalk_bucket())],
            "the bundle that runs is compared with the one that was built",
        ),
    ]


def verify_frontend(stack: Stack) -> list[Grant]:
    """The verification compares what CloudFront serves with what lies in the bucket."""
    return [
        allow(
            "SeeSite",
            [s3.GetObject],
            [arns.objects(stack.takes(ports.SITE_BUCKET_ARN))],
            "a stale page is told apart: not uploaded, or uploaded and not invalidated",
        ),
        _record(stack, "Frontend"),
    ]


def _record(stack: Stack, side: str) -> Grant:
    return allow(
        f"Record{side}",
        [ssm.PutParameter],
        [arns.ssm_parameter(stack.takes(ports.RELEASES), f"/{side.lower()}")],
        "the last good release is what the next one is compared with",
    )
