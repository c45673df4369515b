"""Deploying what builds and releases: repository, build projects, pipeline."""

from __future__ import annotations

from generator.core import arns, ports
from generator.roots.access.handler_permissions.types import UNUSED, Kind, Kinds, May, Places, do, everywhere, never


def kinds(at: Places) -> Kinds:
    """CodeCommit, CodeBuild, CodePipeline."""
    projects = [port for port in at.names if port.name.endswith("ProjectName")]
    return {
        # Handlers in no schema: AWS CodeBuild user guide, auth-and-access-control-permissions-reference.
        "AWS::CodeBuild::Project": Kind(
            (
                May(
                    do("codebuild", "BatchGetProjects CreateProject DeleteProject UpdateProject"),
                    [at.named("codebuild", "project/${Name}", port) for port in projects],
                ),
            )
        ),
        "AWS::CodeBuild::ReportGroup": Kind(
            (
                May(
                    do("codebuild", "BatchGetReportGroups CreateReportGroup DeleteReportGroup UpdateReportGroup"),
                    [arns.codebuild_report_group(at.names[port], "*") for port in projects],
                ),
            )
        ),
        "AWS::CodeCommit::Repository": Kind(
            (
                May(
                    do(
                        "codecommit",
                        "CreateRepository DeleteRepository GetRepository GetRepositoryTriggers ListTagsForResource"
                        " PutRepositoryTriggers TagResource UntagResource UpdateRepositoryDescription"
                        " UpdateRepositoryEncryptionKey",
                    ),
                    [at.named("codecommit", "${Name}", ports.REPOSITORY_NAME)],
                ),
                May(do("codecommit", "ListRepositories"), everywhere("CodeCommit"), "Read"),
            ),
            never(UNUSED, "codecommit:CreateCommit s3:GetObject s3:GetObjectVersion")
            | never("a repository is never renamed", "codecommit:UpdateRepositoryName"),
        ),
        "AWS::CodePipeline::Pipeline": Kind(
            (
                May(
                    do(
                        "codepipeline",
                        "CreatePipeline DeletePipeline GetPipeline GetPipelineState ListTagsForResource"
                        " StartPipelineExecution TagResource UntagResource UpdatePipeline",
                    ),
                    [at.named("codepipeline", "${Name}", ports.PIPELINE_NAME)],
                ),
                # The prefix of the action follows that of the ARN (F 2.1).
                May(
                    (*do("codeconnections", "PassConnection"), *do("codestar-connections", "PassConnection")),
                    [arns.arn("codeconnections", "connection/*"), arns.arn("codestar-connections", "connection/*")],
                    "Connection",
                ),
            ),
            never(UNUSED, "codepipeline:DisableStageTransition codepipeline:EnableStageTransition"),
        ),
    }
