"""Deploying what builds and releases: build projects, pipeline."""

from __future__ import annotations

from troposphere import If

from generator.core import arns, ports
from generator.core.arns import Text
from generator.roots.access.handler_permissions.types import (
    UNUSED,
    Access,
    ResourceNames,
    TypePermissions,
    TypeTable,
    actions,
    excluded,
)


def kinds(at: ResourceNames) -> TypeTable:
    """CodeBuild, CodePipeline."""
    reporting = (ports.BACKEND_PROJECT, ports.FRONTEND_PROJECT)
    projects = [port for port in at.names if port.name.endswith("ProjectName")]
    return {
        # Handlers in no schema: AWS CodeBuild user guide, auth-and-access-control-permissions-reference.
        "AWS::CodeBuild::Project": TypePermissions(
            (
                Access(
                    actions("codebuild", "BatchGetProjects CreateProject DeleteProject UpdateProject"),
                    [at.named("codebuild", "project/${Name}", port) for port in projects],
                    why=f"by name {', '.join(sorted(_text(at.names[port]) for port in projects))}",
                ),
            )
        ),
        "AWS::CodeBuild::ReportGroup": TypePermissions(
            (
                Access(
                    actions("codebuild", "BatchGetReportGroups CreateReportGroup DeleteReportGroup UpdateReportGroup"),
                    [arns.codebuild_report_group(at.names[port], "*") for port in reporting],
                ),
            )
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
        "AWS::StepFunctions::StateMachine": TypePermissions(
            (
                Access(
                    actions(
                        "states",
                        "CreateStateMachine DeleteStateMachine DescribeStateMachine ListTagsForResource TagResource"
                        " UntagResource UpdateStateMachine",
                    ),
                    [at.named("states", "stateMachine:${Name}-watch", ports.PIPELINE_NAME)],
                ),
            ),
            excluded(UNUSED, "kms:Decrypt kms:DescribeKey kms:GenerateDataKey s3:GetObject s3:GetObjectVersion"),
        ),
    }


def _text(name: Text) -> str:
    """A name as it is in production; elsewhere the environment's stands behind it."""
    return str(name.data["Fn::If"][1]) if isinstance(name, If) else str(name)
