"""What starts the pipeline: a push on its branch, through EventBridge."""

from __future__ import annotations

from awacs import codepipeline
from troposphere import GetAtt, events

from generator import arns, ports
from generator.iam import allow, trust
from generator.names import SOURCE_ACTION
from generator.stack import Stack


def rule(stack: Stack) -> events.Rule:
    """The rule, and the role with which it starts the pipeline at the pushed commit.

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
    )
    commit = (
        f'{{"sourceRevisions": [{{"actionName": "{SOURCE_ACTION}", '
        '"revisionType": "COMMIT_ID", "revisionValue": <commit>}]}'
    )
    return stack.add(
        events.Rule(
            "StartRule",
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
