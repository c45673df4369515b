"""What starts the pipeline: a push on its branch, through EventBridge or through a trigger of the pipeline."""

from __future__ import annotations

from awacs import codepipeline
from troposphere import GetAtt, Sub, events
from troposphere import codepipeline as cp

from generator.core import arns, ports
from generator.core.iam import allow, trust
from generator.core.names import SOURCE_ACTION
from generator.core.stack import Stack


def trigger(stack: Stack) -> cp.PipelineTriggerDeclaration:
    """The trigger for a source behind a connection: a push on the branch that changes more than the excluded paths.

    A list of patterns would have to be split, which no child may do; braces make alternatives of one pattern.
    Sources: codepipeline userguide, pipelines-filter and syntax-glob.
    """
    branch, excluded = stack.takes(ports.BRANCH), stack.takes(ports.EXCLUDED_PATHS)
    push = cp.GitPushFilter(
        Branches=cp.GitBranchFilterCriteria(Includes=[branch]),
        FilePaths=cp.GitFilePathFilterCriteria(Excludes=[Sub(f"{{${{{excluded.data['Ref']}}}}}")]),
    )
    return cp.PipelineTriggerDeclaration(
        GitConfiguration=cp.GitConfiguration(Push=[push], SourceActionName=SOURCE_ACTION),
        ProviderType="CodeStarSourceConnection",
    )


def rule(stack: Stack, condition: str) -> events.Rule:
    """The rule for a source in CodeCommit, and the role with which it starts the pipeline at the pushed commit; both
    exist under the condition.

    Sources: codepipeline userguide, action-reference-CodeCommit and pipelines-trigger-source-repo-changes-cfn;
    botocore codepipeline, SourceRevisionOverride.
    """
    arn = arns.codepipeline(stack.takes(ports.PIPELINE_NAME))
    role = stack.role(
        "StartRole",
        trust("events", "rules of this account only"),
        [
            allow(
                "StartPipeline",
                [codepipeline.StartPipelineExecution],
                [arn],
                "a push on the branch starts this pipeline",
            )
        ],
        "Lets the start rule start the pipeline, and nothing else.",
        ["SRC-2", "PIP-8"],
        condition,
    )
    commit = (
        f'{{"sourceRevisions": [{{"actionName": "{SOURCE_ACTION}", '
        '"revisionType": "COMMIT_ID", "revisionValue": <commit>}]}'
    )
    return stack.add(
        events.Rule(
            "StartRule",
            Condition=condition,
            Description="Starts the pipeline with the pushed commit",
            EventPattern={
                "detail": {
                    "event": ["referenceCreated", "referenceUpdated"],
                    "referenceName": [stack.takes(ports.BRANCH)],
                    "referenceType": ["branch"],
                },
                "detail-type": ["CodeCommit Repository State Change"],
                "resources": [arns.codecommit_repository(stack.takes(ports.REPOSITORY_NAME))],
                "source": ["aws.codecommit"],
            },
            State="ENABLED",
            Targets=[
                events.Target(
                    Arn=arn,
                    Id="Pipeline",
                    InputTransformer=events.InputTransformer(
                        InputPathsMap={"commit": "$.detail.commitId"}, InputTemplate=commit
                    ),
                    RoleArn=GetAtt(role, "Arn"),
                )
            ],
        ),
        "Starts the pipeline when somebody pushes to the branch.",
        ["SRC-2", "SRC-3"],
    )
