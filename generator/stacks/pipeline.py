"""The pipeline: the design's five stages, in its order.

Builds are retried once, deployments roll back to the last good release (except the very first, which has none). The
release is verified inside the deploy stages, so that a red verification rolls back too. Nothing in the pipeline's
structure changes with a release: every change of it cancels running executions and forgets the rollback targets.
Pushes start it through EventBridge with the pushed commit as source revision, because CodeCommit's own triggers
cannot reach a pipeline.
"""

from __future__ import annotations

from troposphere import Equals, GetAtt, Ref
from troposphere import codepipeline as cp

from generator import arns, ports, sides
from generator.iam import trust
from generator.names import (
    APPROVE,
    BACKEND_OUTPUT,
    BUILD_BACKEND,
    BUILD_FRONTEND,
    DEPLOY_BACKEND,
    DEPLOY_FRONTEND,
    FRONTEND_ASSETS,
    FRONTEND_DOCUMENTS,
    IMAGE_DEFINITIONS,
    SOURCE,
    SOURCE_ACTION,
    SOURCE_OUTPUT,
)
from generator.pipeline import actions, permissions, start
from generator.pipeline.stages import OnFailure, Stage
from generator.project import Project
from generator.stack import Stack

FOREVER, NEVER = "public, max-age=31536000, immutable", "no-cache"


def build(project: Project) -> Stack:
    stack = Stack("pipeline", __name__, "pipeline and its start rule", project)
    backend, frontend = sides.add_to(stack)
    approval = stack.when("Approval", Equals(stack.takes(ports.APPROVAL), "true"))
    role = stack.role(
        "PipelineRole",
        # The trust policy that AWS documents for CodePipeline has no condition.
        trust("codepipeline", "CodePipeline runs this pipeline", ()),
        permissions.always(stack),
        "What the pipeline may do: hand over artifacts, start the builds, deploy.",
        ["PIP-8"],
        optional=[
            (backend, permissions.backend(stack)),
            (frontend, permissions.frontend(stack)),
            (approval, permissions.approval(stack)),
        ],
    )
    pipeline = stack.add(
        cp.Pipeline(
            "Pipeline",
            ArtifactStore=cp.ArtifactStore(
                EncryptionKey=cp.EncryptionKey(Id=stack.takes(ports.KEY_ARN), Type="KMS"),
                Location=stack.takes(ports.ARTIFACT_BUCKET_NAME),
                Type="S3",
            ),
            ExecutionMode=stack.takes(ports.EXECUTION_MODE),
            Name=stack.takes(ports.PIPELINE_NAME),
            PipelineType="V2",
            RestartExecutionOnUpdate=False,
            RoleArn=GetAtt(role, "Arn"),
            Stages=[stage.render() for stage in _stages(stack, backend, frontend, approval)],
        ),
        "Takes every push on the branch to the running environment.",
        ["PIP-1", "PIP-3", "PIP-4", "PIP-5", "PIP-6", "SRC-3", "SRC-5"],
    )
    rule = start.rule(stack)
    stack.gives(ports.PIPELINE, Ref(pipeline))
    stack.gives(ports.PIPELINE_ARN, arns.codepipeline(Ref(pipeline)))
    stack.gives(ports.START_RULE, Ref(rule))
    return stack


def _stages(stack: Stack, backend: str, frontend: str, approval: str) -> list[Stage]:
    site, cluster = (stack.takes(ports.SITE_BUCKET_NAME), stack.takes(ports.RUNNING_CLUSTER))
    verify = stack.takes(ports.VERIFY_BUILD)
    source = actions.codecommit(
        SOURCE_ACTION, stack.takes(ports.REPOSITORY_NAME), stack.takes(ports.BRANCH), SOURCE_OUTPUT
    )
    return [
        Stage(SOURCE, [source]),
        Stage(
            BUILD_BACKEND,
            [
                actions.codebuild(
                    "BackendBuild",
                    stack.takes(ports.BACKEND_BUILD),
                    [SOURCE_OUTPUT],
                    [BACKEND_OUTPUT],
                    namespace="BackendBuild",
                )
            ],
            OnFailure.RETRY,
            backend,
        ),
        Stage(
            BUILD_FRONTEND,
            [
                actions.codebuild(
                    "FrontendBuild",
                    stack.takes(ports.FRONTEND_BUILD),
                    [SOURCE_OUTPUT],
                    [FRONTEND_ASSETS, FRONTEND_DOCUMENTS],
                    namespace="FrontendBuild",
                )
            ],
            OnFailure.RETRY,
            frontend,
        ),
        Stage(
            APPROVE,
            [
                actions.approval(
                    "ApproveRelease",
                    stack.takes(ports.TOPIC_ARN),
                    "Deploy commit #{Source.CommitId}? #{Source.CommitMessage}",
                    stack.takes(ports.APPROVAL_TIMEOUT),
                )
            ],
            condition=approval,
        ),
        Stage(
            DEPLOY_BACKEND,
            [
                actions.ecs(
                    "DeployToECS",
                    cluster,
                    stack.takes(ports.RUNNING_SERVICE),
                    IMAGE_DEFINITIONS,
                    BACKEND_OUTPUT,
                    stack.takes(ports.DEPLOYMENT_TIMEOUT),
                ),
                actions.codebuild("RaiseFromZero", stack.takes(ports.RAISE_BUILD), [BACKEND_OUTPUT], order=2),
                actions.codebuild("VerifyBackend", verify, [BACKEND_OUTPUT], order=3, variables={"CHECK": "backend"}),
            ],
            OnFailure.ROLLBACK,
            backend,
        ),
        Stage(
            DEPLOY_FRONTEND,
            [
                actions.s3("DeployAssetsToS3", site, FRONTEND_ASSETS, FOREVER, order=1),
                actions.s3("DeployToS3", site, FRONTEND_DOCUMENTS, NEVER, order=2),
                actions.codebuild("Publish", stack.takes(ports.PUBLISH_BUILD), [FRONTEND_DOCUMENTS], order=3),
                actions.codebuild(
                    "VerifyFrontend", verify, [FRONTEND_DOCUMENTS], order=4, variables={"CHECK": "frontend"}
                ),
            ],
            OnFailure.ROLLBACK,
            frontend,
        ),
    ]
