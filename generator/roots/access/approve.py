"""Who may let a release pass, and a policy that keeps everybody else from it.

A console user needs the list of pipelines to find the waiting one (codepipeline userguide, approvals-iam-permissions).
Resource types of the actions: Service Authorization Reference, AWS CodePipeline.
"""

from __future__ import annotations

from awacs import codebuild as builds
from awacs import codepipeline as pipelines
from awacs import logs

from generator.core import arns
from generator.core.arns import Text
from generator.core.iam import Anything, Grant, allow, deny
from generator.core.names import APPROVAL_ACTION, APPROVE


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
            Anything("codepipeline:ListPipelines supports no resource-level permission"),
            "the console shows the waiting pipeline in the list of all of them",
        ),
    ]


def protection(pipeline: Text) -> list[Grant]:
    """What nobody but the approver role may do: attached to people, it goes before whatever allows them more."""
    return [
        deny(
            "LeaveReleasesToApprovers",
            [
                pipelines.DisableStageTransition,
                pipelines.EnableStageTransition,
                pipelines.OverrideStageCondition,
                pipelines.PutApprovalResult,
                pipelines.RollbackStage,
            ],
            # Stages and actions of the pipeline alike.
            [arns.codepipeline(pipeline, "/*")],
            "each of these lets a release pass, or another one run, without the approver",
        )
    ]
