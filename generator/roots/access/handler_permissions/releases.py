"""Deploying what builds and releases: repository, build projects, pipeline."""

from __future__ import annotations

from generator.core import arns, ports
from generator.roots.access.handler_permissions.types import (
    UNUSED,
    Access,
    ResourceNames,
    TypePermissions,
    TypeTable,
    actions,
    everywhere,
    excluded,
)


def kinds(at: ResourceNames) -> TypeTable:
    """CodeCommit, CodeBuild, CodePipeline."""
    projects = [port for port in at.names if port.name.endswith("ProjectName")]
    return {
        # Handlers in no schema: AWS CodeBuild user guide, auth-and-access-control-permissions-reference.
        "AWS::CodeBuild::Project": TypePermissions(
            (
                Access(
                    actions("codebuild", "BatchGetProjects CreateProject DeleteProject UpdateProject"),
                    [at.named("codebuild", "project/${Name}", port) for port in projects],
                ),
            )
        ),
        "AWS::CodeBuild::ReportGroup": TypePermissions(
            (
                Access(
                    actions("codebuild", "BatchGetReportGroups CreateReportGroup DeleteReportGroup UpdateReportGroup"),
                    [arns.codebuild_report_group(at.names[port], "*") for port in projects],
                ),
            )
        ),
        "AWS::CodeCommit::Repository": TypePermissions(
            (
                Access(
                    actions(
                        "codecommit",
                        "CreateRepository DeleteRepository GetRepository GetRepositoryTriggers ListTagsForResource"
                        " PutRepositoryTriggers TagResource UntagResource UpdateRepositoryDescription"
                        " UpdateRepositoryEncryptionKey",
                    ),
                    [at.named("codecommit", "${Name}", ports.REPOSITORY_NAME)],
                ),
                Access(actions("codecommit", "ListRepositories"), everywhere("CodeCommit"), "Read"),
            ),
            excluded(UNUSED, "codecommit:CreateCommit s3:GetObject s3:GetObjectVersion")
            | excluded("a repository is never renamed", "codecommit:UpdateRepositoryName"),
        ),
        "AWS::CodePipeline::Pipeline": TypePermissions(
            (
                Access(
                    actions(
                        "codepipeline",
                        "CreatePipeline DeletePipeline GetPipeline GetPipelineState ListTagsForResource"
                        " StartPipelineExecution TagResource UntagResource UpdatePipeline",
                    ),
                    [at.named("codepipeline", "${Name}", ports.PIPELINE_NAME)],
                ),
                # The prefix of the action follows that of the ARN (Service Authorization Reference, AWS
                # CodeConnections and AWS CodeStar Connections).
                Access(
                    (*actions("codeconnections", "PassConnection"), *actions("codestar-connections", "PassConnection")),
                    [arns.arn("codeconnections", "connection/*"), arns.arn("codestar-connections", "connection/*")],
                    "Connection",
                ),
            ),
            excluded(UNUSED, "codepipeline:DisableStageTransition codepipeline:EnableStageTransition"),
        ),
    }
