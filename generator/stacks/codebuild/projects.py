"""What every CodeBuild project of ours has in common: one role for one job, its own log group, our key.

A `Job` says what differs. Sources: codebuild userguide, setting-up-service-role (role and trust), create-project
(artifacts of type CODEPIPELINE).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from awacs import codebuild as reports
from awacs import kms, logs, s3
from awacs.aws import StringLike
from troposphere import GetAtt, If, Ref, Sub, codebuild
from troposphere.logs import LogGroup

from generator.constructs.keys import USE_KEY
from generator.core import arns, ports
from generator.core.arns import Text
from generator.core.iam import Grant, allow, trust, via
from generator.core.names import ARTIFACT_PREFIX
from generator.core.ports import Port
from generator.core.stack import Stack


class Job(NamedTuple):
    """One project: `title` starts its logical ids, `name` is the port with its physical name, `buildspec` its source
    (inline lines, a path, or a choice between both), `variables` its environment.

    `reports` are report groups as (name, type); `cache` is the path cached below the artifact bucket, empty for none;
    `docker` allows the build to start a Docker daemon; `outputs` are the artifacts that it makes; `condition` is a
    condition of the stack; `grants` are the permissions beyond logs, artifacts and reports, `optional` those behind a
    condition.
    """

    title: str
    name: Port
    says: str
    serves: Sequence[str]
    buildspec: object
    variables: Mapping[str, Text | object]
    reports: Sequence[tuple[str, str]] = ()
    cache: str = ""
    docker: bool | If = False
    outputs: Sequence[str] = ()
    condition: str | None = None
    grants: Sequence[Grant] = ()
    optional: Sequence[tuple[str, Sequence[Grant]]] = ()


def add(stack: Stack, job: Job) -> codebuild.Project:
    """Adds the job's log group, role, report groups and project."""
    condition = {"Condition": job.condition} if job.condition else {}
    name, key = stack.takes(job.name), stack.takes(ports.KEY_ARN)
    group = stack.add(
        LogGroup(f"{job.title}Logs", KmsKeyId=key, RetentionInDays=stack.takes(ports.LOG_DAYS), **condition),
        f"Output of {job.says}.",
        job.serves,
    )
    for report, kind in job.reports:
        stack.add(
            codebuild.ReportGroup(
                f"{job.title}{report.capitalize()}Report",
                DeleteReports=True,
                ExportConfig=codebuild.ReportExportConfig(ExportConfigType="NO_EXPORT"),
                # The name that CodeBuild gives to the report `tests` of a buildspec, so that it finds ours.
                Name=Sub(f"${{{job.name.name}}}-{report}"),
                Type=kind,
                **condition,
            ),
            f"The {report} that {job.says} reports.",
            ["BLD-6"],
        )
    role = stack.role(
        f"{job.title}Role",
        trust("codebuild", "CodeBuild runs this account's builds"),
        [*_common_grants(stack, job, group), *job.grants],
        f"What {job.says} may do.",
        ["PIP-8"],
        job.condition,
        job.optional,
    )
    cache = codebuild.ProjectCache(Type="NO_CACHE")
    if job.cache:
        cache = codebuild.ProjectCache(Location=Sub(f"${{{ports.ARTIFACT_BUCKET_NAME.name}}}/{job.cache}"), Type="S3")
        stack.takes(ports.ARTIFACT_BUCKET_NAME)
    return stack.add(
        codebuild.Project(
            job.title,
            Artifacts=codebuild.Artifacts(Type="CODEPIPELINE"),
            Cache=cache,
            Description=f"{stack.project.title}: {job.says}",
            EncryptionKey=key,
            Environment=codebuild.Environment(
                ComputeType=stack.takes(ports.BUILD_COMPUTE),
                EnvironmentVariables=[
                    codebuild.EnvironmentVariable(Name=variable, Type="PLAINTEXT", Value=value)
                    for variable, value in job.variables.items()
                ],
                Image=stack.takes(ports.BUILD_IMAGE),
                ImagePullCredentialsType="CODEBUILD",
                PrivilegedMode=job.docker,
                Type="LINUX_CONTAINER",
            ),
            LogsConfig=codebuild.LogsConfig(
                CloudWatchLogs=codebuild.CloudWatchLogs(GroupName=Ref(group), Status="ENABLED")
            ),
            Name=name,
            QueuedTimeoutInMinutes=60,
            ServiceRole=GetAtt(role, "Arn"),
            Source=codebuild.Source(BuildSpec=job.buildspec, Type="CODEPIPELINE"),
            TimeoutInMinutes=stack.takes(ports.BUILD_TIMEOUT),
            Visibility="PRIVATE",
            **condition,
        ),
        f"Runs {job.says}.",
        job.serves,
    )


def _common_grants(stack: Stack, job: Job, group: LogGroup) -> list[Grant]:
    bucket, key = stack.takes(ports.ARTIFACT_BUCKET_ARN), stack.takes(ports.KEY_ARN)
    # An artifact's key begins with the pipeline's name, cut after 20 characters (awsdocs/aws-cloudformation-user-guide,
    # pull request 733), and the artifact's, cut after 10. The first is the same for all, because each pipeline has its
    # own bucket. A build that makes nothing only reads (CDK, codepipeline-actions/lib/codebuild/build-action.ts).
    own = [arns.objects(bucket, f"*/{name[:ARTIFACT_PREFIX]}*") for name in job.outputs]
    if job.cache:
        own.append(arns.objects(bucket, f"{job.cache}/*"))
    grants = [
        allow(
            "WriteLogs",
            [logs.CreateLogStream, logs.PutLogEvents],
            [GetAtt(group, "Arn")],
            "the build's output goes to its own log group",
        ),
        allow(
            "FindArtifacts",
            [s3.GetBucketAcl, s3.GetBucketLocation],
            [bucket],
            "CodeBuild looks at the artifact bucket before it uses it",
        ),
        allow(
            "ReadArtifacts",
            [s3.GetObject, s3.GetObjectVersion],
            [arns.objects(bucket)],
            "the pipeline hands over artifacts in this bucket",
        ),
        *(
            [
                allow(
                    "WriteArtifacts",
                    [s3.PutObject],
                    own,
                    "what this project makes, and nothing of what others make, read or wait with",
                )
            ]
            if own
            else []
        ),
        allow("UseArtifactKey", USE_KEY, [key], "artifacts and caches are encrypted with our key", [via("s3")]),
        allow("SeeArtifactKey", [kms.DescribeKey], [key], "CodeBuild looks at the key of the project by itself"),
    ]
    if job.cache:
        grants.append(
            allow(
                "FindCache",
                [s3.ListBucket],
                [bucket],
                "fallback keys of a cache are a search by prefix, and without a list a missing key is a denied one",
                [StringLike({"s3:prefix": [f"{job.cache}*"]})],
            )
        )
    if job.reports:
        # BatchPutCodeCoverages is for coverage alone (codebuild userguide, test-permissions).
        covers = any(kind == "CODE_COVERAGE" for _, kind in job.reports)
        groups = [arns.codebuild_report_group(stack.takes(job.name), report) for report, _ in job.reports]
        grants.append(
            allow(
                "WriteReports",
                [
                    *([reports.BatchPutCodeCoverages] if covers else []),
                    reports.BatchPutTestCases,
                    reports.CreateReport,
                    reports.CreateReportGroup,
                    reports.UpdateReport,
                ],
                groups,
                "test results and coverage go to the project's own report groups; CodeBuild makes sure that they exist",
            )
        )
    return grants
