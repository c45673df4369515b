"""Who may let a release pass, and a policy that keeps everybody else from it.

A console user needs the list of pipelines to find the waiting one (codepipeline userguide, approvals-iam-permissions).
Resource types of the actions: Service Authorization Reference, AWS CodePipeline.
"""

from __future__ import annotations

from collections.abc import Mapping

from awacs import cloudformation as stacks
from awacs import cloudfront, ecr, ecs, events, iam, logs, s3, ssm, states, sts
from awacs import codebuild as builds
from awacs import codepipeline as pipelines
from awacs import elasticbeanstalk as eb
from awacs import elasticloadbalancing as balancing
from awacs.aws import StringEquals
from troposphere import Ref

from generator.core import arns, paths, ports
from generator.core.arns import Text
from generator.core.iam import Anything, Grant, allow, deny, unscoped
from generator.core.names import APPROVAL_ACTION, APPROVE
from generator.core.ports import Port
from generator.project import Project
from generator.roots.access.deploy import stacks_of


def grants(pipeline: Text, plans: Text, application: str) -> list[Grant]:
    """What the approver role may do with the pipeline of this name; `plans` is the project that makes the plans."""
    # CloudFormation names a log group after its stack and logical id, with random characters behind each.
    group = f"log-group:{application}-${{Environment}}-Build-*-ChangesLogs-*:log-stream:*"
    return [
        allow(
            "FindPlan",
            [builds.BatchGetBuilds, builds.BatchGetProjects, builds.ListBuildsForProject],
            [arns.codebuild_project(plans)],
            "the question names the build that made the plan",
        ),
        allow("ReadPlan", [logs.GetLogEvents], [arns.arn("logs", group)], "the plan is the output of that build"),
        allow(
            "DecideOnRelease",
            [pipelines.PutApprovalResult],
            [arns.codepipeline(pipeline, f"/{APPROVE}/{APPROVAL_ACTION}")],
            "a release waits for a person, and only this role may answer",
        ),
        allow(
            "SeePipeline",
            [
                pipelines.GetPipeline,
                pipelines.GetPipelineExecution,
                pipelines.GetPipelineState,
                pipelines.ListActionExecutions,
                pipelines.ListPipelineExecutions,
            ],
            [arns.codepipeline(pipeline)],
            "whoever decides sees what is waiting and what ran before",
        ),
        allow(
            "FindPipeline",
            [pipelines.ListPipelines],
            unscoped("CodePipeline"),
            "the console shows the waiting pipeline in the list of all of them",
        ),
    ]


def protection(project: Project, names: Mapping[Port, Text], approver: Text) -> list[Grant]:
    """What nobody but the approver role may do: attached to people, it goes before whatever allows them more. It binds
    them as themselves, and not in a role that they take: so the approver role is none that they may take, either.

    `names` are the physical names that the environment computes, `approver` is the ARN of the approver role.
    """
    pipeline = names[ports.PIPELINE_NAME]
    jobs = [arns.codebuild_project(name) for port, name in names.items() if port.name.endswith("ProjectName")]
    service = arns.ecs_service(names[ports.CLUSTER_NAME], names[ports.SERVICE_NAME])
    beanstalk = (names[ports.APPLICATION_NAME], names[ports.BEANSTALK_NAME])
    return [
        deny(
            "LeaveReleasesToApprovers",
            [
                pipelines.DisableStageTransition,
                pipelines.EnableStageTransition,
                pipelines.OverrideStageCondition,
                pipelines.PutApprovalResult,
                pipelines.RetryStageExecution,
                pipelines.RollbackStage,
            ],
            # Stages and actions of the pipeline alike.
            [arns.codepipeline(pipeline, "/*")],
            "each of these lets a release pass, or another one run, without the approver",
        ),
        deny("BecomeNoApprover", [sts.AssumeRole], [approver], "whoever is kept from approving takes no role for it"),
        deny(
            "LeaveThePipeline",
            [pipelines.DeletePipeline, pipelines.StartPipelineExecution, pipelines.UpdatePipeline],
            [arns.codepipeline(pipeline)],
            "a pipeline without the approval, or a release by hand, goes around the approver",
        ),
        deny(
            "LeaveTheBuilds",
            [
                builds.RetryBuild,
                builds.RetryBuildBatch,
                builds.StartBuild,
                builds.StartBuildBatch,
                builds.StartSandbox,
                builds.StartSandboxConnection,
                builds.UpdateProject,
            ],
            jobs,
            "a build with another buildspec, or a sandbox, does whatever its role may: it pushes images, publishes, "
            "records releases",
        ),
        deny(
            "LeaveWhatRuns",
            [ecs.ExecuteCommand, ecs.RegisterTaskDefinition, ecs.RunTask, ecs.UpdateService],
            [service, arns.ecs_task(names[ports.CLUSTER_NAME]), arns.ecs_task_definition(names[ports.SERVICE_NAME])],
            "what runs is changed by an approved release, and by nobody's hand",
        ),
        deny(
            "LeaveTheEnvironment",
            [eb.CreateApplicationVersion, eb.SwapEnvironmentCNAMEs, eb.UpdateEnvironment],
            [arns.beanstalk_environment(*beanstalk), arns.beanstalk_versions(beanstalk[0])],
            "the same for a backend on Elastic Beanstalk",
        ),
        deny(
            "LeaveTheStacks",
            [
                stacks.ContinueUpdateRollback,
                stacks.CreateChangeSet,
                stacks.DeleteStack,
                stacks.ExecuteChangeSet,
                stacks.RollbackStack,
                stacks.UpdateStack,
            ],
            stacks_of(project),
            "CloudFormation changes a stack with the role that it was made with, which nobody has to pass again: who "
            "deploys takes the deploy role",
        ),
        deny(
            "LeaveTheRoles",
            [iam.PassRole],
            [arns.global_arn("iam", f"role{paths.path(project.name)}*")],
            "a project or a task of one's own with the role of a job does whatever that job may",
        ),
        deny(
            "LeaveTheRecords",
            [ssm.DeleteParameter, ssm.DeleteParameters, ssm.PutParameter],
            [arns.ssm_parameter(names[ports.RELEASES], "/*")],
            "the next deployment believes what the last release recorded",
        ),
        deny(
            "LeaveWhatIsTagged",
            [
                balancing.ModifyListener,
                balancing.ModifyRule,
                balancing.RegisterTargets,
                cloudfront.UpdateDistribution,
                ecr.BatchDeleteImage,
                ecr.PutImage,
                events.PutTargets,
                s3.DeleteObject,
                s3.DeleteObjectVersion,
                s3.PutBucketPolicy,
                s3.PutObject,
                states.UpdateStateMachine,
            ],
            Anything("these have generated names; the tags tell whose they are"),
            "the artifact that waits, the page that is read, the image and the way of a request are what was approved",
            [
                StringEquals(
                    {
                        "aws:ResourceTag/Application": project.name,
                        "aws:ResourceTag/Environment": Ref(ports.ENVIRONMENT.name),
                    }
                )
            ],
        ),
    ]
