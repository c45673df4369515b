"""The pipeline: the design's five stages, in its order, or with both builds side by side in one.

Builds are retried once, deployments roll back to the last good release (except the very first, which has none). The
release is verified inside the deploy stages, so that a red verification rolls back too. Nothing in the pipeline's
structure changes with a release: every change of it cancels running executions and forgets the rollback targets.
With `OnlyChanged` a stage `Changes` says which side is as it was last released, and that side's stages are skipped.
Pushes start it through EventBridge with the pushed commit as source revision, because CodeCommit's own triggers
cannot reach a pipeline; a source behind a connection has a trigger of the pipeline instead.
"""

from __future__ import annotations

from collections.abc import Sequence

from troposphere import And, AWSHelperFn, Condition, Equals, GetAtt, If, Not, NoValue, Ref, Sub, iam
from troposphere import codepipeline as cp

from generator.core import arns, conditions, ports
from generator.core.iam import trust
from generator.core.names import (
    APPROVAL_ACTION,
    APPROVE,
    BACKEND_OUTPUT,
    BUILD,
    BUILD_BACKEND,
    BUILD_FRONTEND,
    CHANGES,
    CONNECTION,
    DEPLOY_BACKEND,
    DEPLOY_FRONTEND,
    FRONTEND_ASSETS,
    FRONTEND_DOCUMENTS,
    IMAGE_DEFINITIONS,
    IMAGE_OUTPUT,
    PARALLEL,
    SEALED_ASSETS,
    SEALED_BUNDLE,
    SEALED_DOCUMENTS,
    SOURCE,
    SOURCE_ACTION,
    SOURCE_OUTPUT,
)
from generator.core.stack import Stack as Template
from generator.core.stack import switched_on
from generator.project import Project
from generator.stacks.pipeline import actions, beanstalk, permissions, start, watch
from generator.stacks.pipeline.actions import Action
from generator.stacks.pipeline.stages import Check, OnFailure, Skip, Stage

FOREVER, NEVER = "public, max-age=31536000, immutable", "no-cache"
# The conditions of this template beside the two sides.
APPROVAL, CODECOMMIT, ONLY_CHANGED, SEQUENTIAL = "Approval", "CodeCommit", "OnlyChanged", "Sequential"

# What the stage `Changes` says. Whatever takes something from a skipped stage must be skipped too, so a stage carries
# the checks of those before it that it takes from: the build of both sides has the first one.
ANYTHING = Check("AnythingChanged", "#{Changes.CHANGED}", "NE", "nothing")
BACKEND_CHANGED = Check("BackendChanged", "#{Changes.BACKEND_CHANGED}", "EQ", "true")
FRONTEND_CHANGED = Check("FrontendChanged", "#{Changes.FRONTEND_CHANGED}", "EQ", "true")


def build(project: Project) -> Template:
    stack = Template("pipeline", __name__, "pipeline and its start rule", project)
    backend, frontend = conditions.add_to(stack)
    ecs = conditions.on_ecs(stack)
    stack.when(APPROVAL, Equals(stack.takes(ports.APPROVAL), "true"))
    stack.when(ONLY_CHANGED, Equals(stack.takes(ports.ONLY_CHANGED), "true"))
    stack.when(CODECOMMIT, switched_on(stack.takes(ports.SOURCE_PROVIDER), CONNECTION))
    stack.when(SEQUENTIAL, switched_on(stack.takes(ports.BUILD_LAYOUT), PARALLEL))
    # `backend` is wider than its two targets (`conditions.add_to`): wherever there is no image, there is a bundle.
    bundle = stack.when(conditions.ON_BEANSTALK, And(Condition(backend), Not(Condition(ecs))))
    role = stack.role(
        "PipelineRole",
        # The trust policy that AWS documents for CodePipeline has no condition.
        trust("codepipeline", "CodePipeline runs this pipeline", ()),
        permissions.always(stack),
        "What the pipeline may do: hand over artifacts, start the builds, deploy.",
        ["PIP-8"],
        optional=[
            (CODECOMMIT, permissions.codecommit_source(stack)),
            (f"not {CODECOMMIT}", permissions.connection_source(stack)),
            (backend, permissions.backend(stack)),
            (ecs, permissions.ecs_backend(stack)),
            (bundle, permissions.bundle(stack)),
            (frontend, permissions.frontend(stack)),
            (APPROVAL, permissions.approval(stack)),
            (ONLY_CHANGED, [permissions.changes(stack, "RunChanges", "what has not changed is skipped")]),
        ],
    )
    stages = [
        Stage(SOURCE, _sources(stack)),
        _changes(stack),
        *_builds(stack, backend, frontend),
        _approval(stack),
        _backend(stack, role, backend, ecs),
        _frontend(stack, frontend),
    ]
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
            Stages=[stage.render() for stage in stages],
            Triggers=If(CODECOMMIT, NoValue, [start.trigger(stack)]),
        ),
        "Takes every push on the branch to the running environment.",
        ["BLD-12", "PIP-1", "PIP-2", "PIP-3", "PIP-4", "PIP-5", "PIP-6", "SRC-3", "SRC-5", "SRC-6"],
    )
    rule = start.rule(stack, CODECOMMIT)
    watch.add_to(stack)
    stack.gives(ports.PIPELINE, Ref(pipeline))
    stack.gives(ports.PIPELINE_ARN, arns.codepipeline(Ref(pipeline)))
    stack.gives(ports.START_RULE, If(CODECOMMIT, Ref(rule), ""))
    return stack


def _sources(stack: Template) -> Sequence[Action]:
    branch = stack.takes(ports.BRANCH)
    codecommit = actions.codecommit(SOURCE_ACTION, stack.takes(ports.REPOSITORY_NAME), branch, SOURCE_OUTPUT)
    connection = actions.connection(
        SOURCE_ACTION, stack.takes(ports.CONNECTION_ARN), stack.takes(ports.SOURCE_REPOSITORY), branch, SOURCE_OUTPUT
    )
    return [codecommit._replace(when=CODECOMMIT), connection._replace(when=f"not {CODECOMMIT}")]


def _changes(stack: Template) -> Stage:
    compare = actions.codebuild(
        "FindChanges",
        stack.takes(ports.CHANGES_BUILD),
        [SOURCE_OUTPUT],
        variables=actions.environment(EXECUTION="#{codepipeline.PipelineExecutionId}"),
        namespace="Changes",
    )
    return Stage(CHANGES, [compare], OnFailure.RETRY, [ONLY_CHANGED])


def _builds(stack: Template, backend: str, frontend: str) -> Sequence[Stage]:
    """A stage for each side, or one for both: actions of one run order run side by side. What a build leaves is pushed
    or sealed in its stage: later a build of another release could write over it."""
    of_backend = actions.codebuild(
        "BackendBuild", stack.takes(ports.BACKEND_BUILD), [SOURCE_OUTPUT], [BACKEND_OUTPUT], namespace="BackendBuild"
    )
    push = actions.codebuild(
        "PushImage",
        stack.takes(ports.PUSH_BUILD),
        [BACKEND_OUTPUT],
        [IMAGE_OUTPUT],
        order=2,
        variables=actions.environment(COMMIT="#{Source.CommitId}", EXECUTION="#{codepipeline.PipelineExecutionId}"),
        namespace="PushImage",
    )._replace(when=conditions.on_ecs(stack))
    of_frontend = actions.codebuild(
        "FrontendBuild",
        stack.takes(ports.FRONTEND_BUILD),
        [SOURCE_OUTPUT],
        [FRONTEND_ASSETS, FRONTEND_DOCUMENTS],
        namespace="FrontendBuild",
    )
    bundle = _seal(stack, "SealBundle", [BACKEND_OUTPUT], SEALED_BUNDLE)._replace(when=conditions.ON_BEANSTALK)
    page = [
        _seal(stack, "SealAssets", [FRONTEND_ASSETS, SOURCE_OUTPUT], SEALED_ASSETS),
        _seal(stack, "SealDocuments", [FRONTEND_DOCUMENTS, SOURCE_OUTPUT], SEALED_DOCUMENTS),
    ]
    of_both = [of_backend._replace(when=backend), push, bundle]
    of_both += [action._replace(when=frontend) for action in (of_frontend, *page)]
    unless_backend, unless_frontend = _unless(BACKEND_CHANGED), _unless(FRONTEND_CHANGED)
    return [
        Stage(BUILD_BACKEND, [of_backend, push, bundle], OnFailure.RETRY, [SEQUENTIAL, backend], unless_backend),
        Stage(BUILD_FRONTEND, [of_frontend, *page], OnFailure.RETRY, [SEQUENTIAL, frontend], unless_frontend),
        Stage(BUILD, of_both, OnFailure.RETRY, [f"not {SEQUENTIAL}"], _unless(ANYTHING)),
    ]


def _seal(stack: Template, name: str, artifacts: Sequence[str], sealed: str) -> Action:
    """The first of the artifacts is sealed; the source says what a page was made of."""
    variables = actions.environment(
        COMMIT="#{Source.CommitId}", EXECUTION="#{codepipeline.PipelineExecutionId}", SEALED=sealed
    )
    return actions.codebuild(
        name, stack.takes(ports.SEAL_BUILD), artifacts, [sealed], order=2, variables=variables, namespace=name
    )


def _unless(*checks: Check) -> Skip:
    return Skip(ONLY_CHANGED, checks)


def _release(side: str) -> AWSHelperFn:
    """What the verification of a side records: execution, commit, and the digest that the comparison has made, if it
    was asked for. A rollback has the variables of the release that it goes back to."""

    def recorded(digest: str) -> str:
        release = f"#{{codepipeline.PipelineExecutionId}}:#{{Source.CommitId}}:{digest}"
        return actions.environment(RELEASE=release)

    compared, planned = (recorded(f"#{{{space}.{side.upper()}_DIGEST}}") for space in ("Changes", "Plan"))
    return If(ONLY_CHANGED, compared, If(APPROVAL, planned, recorded("")))


def _approval(stack: Template) -> Stage:
    """A plan, and a person who has read it. Without `OnlyChanged` a release deploys even what has not changed, so that
    nothing but `OnlyChanged` may skip the question; then every stage after it is skipped by the same variable."""
    project = stack.takes(ports.CHANGES_BUILD)
    plan = actions.codebuild(
        "PlanRelease",
        project,
        [SOURCE_OUTPUT],
        variables=If(ONLY_CHANGED, actions.environment(DECIDED="#{Changes.CHANGED}"), NoValue),
        namespace="Plan",
    )
    # The builds of a project, newest first; the message names the build itself.
    link = (
        "https://${AWS::Region}.console.aws.amazon.com/codesuite/codebuild/${AWS::AccountId}/projects/${Name}/history"
    )
    approve = actions.approval(
        APPROVAL_ACTION,
        stack.takes(ports.TOPIC_ARN),
        "Deploy commit #{Source.CommitId}? #{Plan.SUMMARY}. The plan: #{Plan.PAGE} #{Plan.TITLE}",
        Sub(link.replace("${Name}", f"${{{project.data['Ref']}}}")),
        stack.takes(ports.APPROVAL_TIMEOUT),
        order=2,
    )
    return Stage(APPROVE, [plan, approve], when=[APPROVAL], skip=_unless(ANYTHING))


def _backend(stack: Template, role: iam.Role, backend: str, ecs: str) -> Stage:
    """A revision and its first tasks on ECS, a version on Elastic Beanstalk; the same verification after both."""
    cluster, service = (stack.takes(ports.RUNNING_CLUSTER), stack.takes(ports.RUNNING_SERVICE))
    to_ecs = actions.ecs(
        "DeployToECS", cluster, service, IMAGE_DEFINITIONS, IMAGE_OUTPUT, stack.takes(ports.DEPLOYMENT_TIMEOUT)
    )
    # First: how the deploy action ends on a service that wants no tasks is documented nowhere.
    raise_tasks = actions.codebuild("RaiseFromZero", stack.takes(ports.RAISE_BUILD), [IMAGE_OUTPUT], order=1)
    deploy_role = beanstalk.role(stack, role, conditions.ON_BEANSTALK)
    to_beanstalk = actions.beanstalk("DeployToBeanstalk", cluster, service, SEALED_BUNDLE, GetAtt(deploy_role, "Arn"))
    built = If(ecs, IMAGE_OUTPUT, SEALED_BUNDLE)
    verify = actions.codebuild(
        "VerifyBackend", stack.takes(ports.VERIFY_BUILD), [built], order=3, variables=_release("backend")
    )
    deploys = [
        raise_tasks._replace(when=ecs),
        to_ecs._replace(when=ecs, order=2),
        to_beanstalk._replace(when=conditions.ON_BEANSTALK),
    ]
    skip = _unless(ANYTHING, BACKEND_CHANGED)
    return Stage(DEPLOY_BACKEND, [*deploys, verify], OnFailure.ROLLBACK, [backend], skip)


def _frontend(stack: Template, frontend: str) -> Stage:
    site = stack.takes(ports.SITE_BUCKET_NAME)
    project, release = stack.takes(ports.VERIFY_FRONTEND_BUILD), _release("frontend")
    verify = actions.codebuild("VerifyFrontend", project, [SEALED_DOCUMENTS], order=4, variables=release)
    return Stage(
        DEPLOY_FRONTEND,
        [
            actions.s3("DeployAssetsToS3", site, SEALED_ASSETS, FOREVER, order=1),
            actions.s3("DeployToS3", site, SEALED_DOCUMENTS, NEVER, order=2),
            actions.codebuild("Publish", stack.takes(ports.PUBLISH_BUILD), [SEALED_DOCUMENTS], order=3),
            verify,
        ],
        OnFailure.ROLLBACK,
        [frontend],
        _unless(ANYTHING, FRONTEND_CHANGED),
    )
