"""The watch over each execution of the pipeline: "Pipeline fails after 60 minutes", and the message of success.

CodePipeline has no such limit. `TimeoutInMinutes` of an action is for approvals alone (botocore codepipeline,
ActionDeclaration); the limits of its action types are 60 minutes or more each (codepipeline userguide, limits), and
limits of builds and deployments that add up to an hour would leave a build eight minutes. So a state machine watches
each execution: every minute it looks which actions run, counts the minutes in which one of them is not an approval, and
at the limit it stops the execution, sends the message and fails, which an alarm reports. Waiting for an approval or
behind another execution is not counted.

It also says how an execution ended well. Only GetPipelineExecution tells a release from a rollback, which is an
execution that succeeds, too: the event of its success does not say so (codepipeline userguide, stage-rollback and
detect-state-changes-cloudwatch-events; botocore codepipeline, ExecutionType).

And it says how one failed in a stage whose actions are tried once more: the events of both tries are alike, and one
message is right. Of several failed actions the message has one, with its stage and its reason.

An execution of a state machine has 25,000 events at most (step-functions dg, service-quotas), and an approval may wait
for weeks. So a watch in which nothing runs hands over to the next one (tutorial-continue-new); one that counts ends at
the limit. Sources: step-functions dg, supported-services-awssdk (calls, names in PascalCase, names of errors),
connect-sns, connect-stepfunctions, intrinsic-functions; codepipeline userguide, pipelines-stop.
"""

from __future__ import annotations

from awacs import codepipeline, sns, states
from troposphere import GetAtt, Ref, Sub, events, stepfunctions

from generator.constructs import topics
from generator.core import arns, ports
from generator.core.arns import Text
from generator.core.iam import allow, trust
from generator.core.names import RETRIED
from generator.core.stack import Stack

# Errors that may come from a moment's trouble: 5, 10, 20 and 40 seconds between the attempts.
RETRY = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 5, "MaxAttempts": 4, "BackoffRate": 2}]
# What StopPipelineExecution answers about an execution that ends by itself or is being stopped (botocore codepipeline):
# the next look shows what became of it.
ENDING = [
    f"CodePipeline.{error}"
    for error in ("PipelineExecutionNotStoppableException", "DuplicatedStopRequestException", "ConflictException")
]
# Names of the actions' stages: of those that run and wait for nobody.
WORKING = "$.ActionExecutionDetails[?(@.Status=='InProgress' && @.Input.ActionTypeId.Category!='Approval')].StageName"
FAILED = "@.Status=='Failed'"
# Failed actions of other stages: a rule of its own has told of them (`monitoring/messages.py`).
ELSEWHERE = " && ".join([FAILED, *(f"@.StageName!='{stage}'" for stage in RETRIED)])
CARRIED = ("execution", "limit", "minutes")


def add_to(stack: Stack) -> None:
    """Adds the state machine, its rule and their roles to the stack of the pipeline."""
    name = Sub(f"${{{ports.PIPELINE_NAME.name}}}-watch")
    pipeline, topic = stack.takes(ports.PIPELINE_NAME), stack.takes(ports.TOPIC_ARN)
    arn = arns.state_machine(name)
    role = stack.role(
        "WatchRole",
        trust("states", "state machines of this account only"),
        [
            allow(
                "WatchAndStop",
                [
                    codepipeline.GetPipelineExecution,
                    codepipeline.ListActionExecutions,
                    codepipeline.StopPipelineExecution,
                ],
                [arns.codepipeline(pipeline)],
                "an execution of this pipeline is watched, and stopped at its limit",
            ),
            allow("HandOver", [states.StartExecution], [arn], "a watch in which nothing runs starts the next one"),
            allow("Notify", [sns.Publish], [topic], "people learn from the topic how an execution ended"),
            topics.encrypt_message(stack),
        ],
        "Lets the watch look at the pipeline, stop an execution and send messages.",
        ["BLD-13", "PIP-8"],
    )
    machine = stack.add(
        stepfunctions.StateMachine(
            "Watch",
            Definition=_definition(pipeline, topic),
            RoleArn=GetAtt(role, "Arn"),
            StateMachineName=name,
            StateMachineType="STANDARD",
        ),
        "Stops a pipeline execution that has worked for as long as its limit, and tells when one has succeeded.",
        ["BLD-13", "NOT-2"],
    )
    starter = stack.role(
        "WatchStartRole",
        trust("events", "rules of this account only"),
        [allow("StartWatch", [states.StartExecution], [arn], "each execution of the pipeline is watched")],
        "Lets the rule of the watch start one, and nothing else.",
        ["BLD-13", "PIP-8"],
    )
    limit = stack.takes(ports.EXECUTION_TIMEOUT)
    rule = stack.add(
        events.Rule(
            "WatchRule",
            Description="Watches the time of each execution of the pipeline",
            EventPattern={
                "detail": {"pipeline": [pipeline], "state": ["STARTED", "RESUMED"]},
                "detail-type": ["CodePipeline Pipeline Execution State Change"],
                "source": ["aws.codepipeline"],
            },
            State="ENABLED",
            Targets=[
                events.Target(
                    Arn=arn,
                    Id="Watch",
                    InputTransformer=events.InputTransformer(
                        InputPathsMap={"execution": "$.detail.execution-id"},
                        InputTemplate=Sub(
                            f'{{"execution": <execution>, "limit": ${{{limit.data["Ref"]}}}, "minutes": 0}}'
                        ),
                    ),
                    RoleArn=GetAtt(starter, "Arn"),
                )
            ],
        ),
        "Starts a watch when an execution of the pipeline starts, or goes on after it had ended.",
        ["BLD-13"],
    )
    stack.gives(ports.WATCH_ARN, Ref(machine))
    stack.gives(ports.WATCH_RULE, Ref(rule))


def _call(integration: str, parameters: dict[str, object], **more: object) -> dict[str, object]:
    """A state that makes one call; `integration` is the end of its ARN."""
    return {
        "Type": "Task",
        "Resource": Sub(f"arn:${{AWS::Partition}}:states:::{integration}"),
        "Parameters": parameters,
        "Retry": RETRY,
        **more,
    }


def _definition(pipeline: Text, topic: Text) -> dict[str, object]:
    """The states, in the Amazon States Language with JSONPath. The state of a watch is its input: execution, limit and
    the minutes counted so far."""
    carried = {f"{name}.$": f"$.{name}" for name in CARRIED}
    watched: dict[str, object] = {"PipelineName": pipeline, "PipelineExecutionId.$": "$.execution"}
    whole: dict[str, object] = {"stage": "all", "error": "none"}

    def message(after: str, status: str, rollback: str, own: dict[str, object]) -> dict[str, object]:
        """A state that sends the seven fields of the design's message."""
        fields = {
            "pipeline": pipeline,
            "status": status,
            "executionId.$": "$.execution",
            "timestamp.$": "$$.State.EnteredTime",
            "rollback": rollback,
            **own,
        }
        return _call("sns:publish", {"TopicArn": topic, "Message": fields}, Next=after)

    reason = "States.Format('stopped after its limit of {} minutes', $.limit)"
    return {
        "Comment": "Stops an execution of the pipeline at its limit, tells when one has succeeded",
        "StartAt": "Wait",
        "States": {
            "Wait": {"Type": "Wait", "Seconds": 60, "Next": "ReadExecution"},
            "ReadExecution": _call(
                "aws-sdk:codepipeline:getPipelineExecution",
                watched,
                ResultSelector={
                    "status.$": "$.PipelineExecution.Status",
                    "type.$": "$.PipelineExecution.ExecutionType",
                },
                ResultPath="$.seen",
                Next="Running",
            ),
            "Running": {
                "Type": "Choice",
                "Choices": [
                    {"Variable": "$.seen.status", "StringEquals": status, "Next": "ReadActions"}
                    for status in ("InProgress", "Stopping")
                ]
                + [
                    {
                        "And": [
                            {"Variable": "$.seen.status", "StringEquals": "Succeeded"},
                            {"Variable": "$.seen.type", "StringEquals": kind},
                        ],
                        "Next": state,
                    }
                    for kind, state in (("STANDARD", "TellSuccess"), ("ROLLBACK", "TellRollback"))
                ]
                + [{"Variable": "$.seen.status", "StringEquals": "Failed", "Next": "ReadFailures"}],
                "Default": "Ended",
            },
            "ReadActions": _call(
                "aws-sdk:codepipeline:listActionExecutions",
                {"PipelineName": pipeline, "Filter": {"PipelineExecutionId.$": "$.execution"}, "MaxResults": 100},
                ResultSelector={"stages.$": WORKING},
                ResultPath="$.working",
                Next="Working",
            ),
            "ReadFailures": _call(
                "aws-sdk:codepipeline:listActionExecutions",
                {"PipelineName": pipeline, "Filter": {"PipelineExecutionId.$": "$.execution"}, "MaxResults": 100},
                ResultSelector={
                    "told.$": f"$.ActionExecutionDetails[?({ELSEWHERE})].StageName",
                    "stages.$": f"$.ActionExecutionDetails[?({FAILED})].StageName",
                    "reasons.$": f"$.ActionExecutionDetails[?({FAILED})].Output.ExecutionResult",
                },
                ResultPath="$.failed",
                Next="Failed",
            ),
            "Failed": {
                "Type": "Choice",
                "Choices": [
                    {"Variable": "$.failed.told[0]", "IsPresent": True, "Next": "Ended"},
                    {"Variable": "$.failed.reasons[0]", "IsPresent": True, "Next": "TellFailure"},
                    {"Variable": "$.failed.stages[0]", "IsPresent": True, "Next": "TellFailureSilently"},
                ],
                "Default": "Ended",
            },
            "Working": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.working.stages[0]", "IsPresent": True, "Next": "Count"}],
                "Default": "HandOver",
            },
            "Count": {
                "Type": "Pass",
                "Parameters": {
                    **carried,
                    "minutes.$": "States.MathAdd($.minutes, 1)",
                    "stage.$": "$.working.stages[0]",
                },
                "Next": "OverLimit",
            },
            "OverLimit": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.minutes", "NumericGreaterThanEqualsPath": "$.limit", "Next": "Stop"}],
                "Default": "Wait",
            },
            "Stop": _call(
                "aws-sdk:codepipeline:stopPipelineExecution",
                {**watched, "Abandon": True, "Reason.$": reason},
                ResultPath=None,
                Catch=[{"ErrorEquals": ENDING, "ResultPath": None, "Next": "Wait"}],
                Next="TellTimeout",
            ),
            "TellTimeout": message("TimedOut", "FAILED", "not-configured", {"stage.$": "$.stage", "error.$": reason}),
            "TellFailure": message(
                "Ended", "FAILED", "not-configured", {"stage.$": "$.failed.stages[0]", "error.$": "$.failed.reasons[0]"}
            ),
            "TellFailureSilently": message(
                "Ended",
                "FAILED",
                "not-configured",
                {"stage.$": "$.failed.stages[0]", "error": "the action gave no reason"},
            ),
            "TellSuccess": message("Ended", "SUCCEEDED", "none", whole),
            "TellRollback": message("Ended", "ROLLED_BACK", "completed", whole),
            "TimedOut": {"Type": "Fail", "Error": "Watch", "Cause": "The execution was stopped at its limit"},
            "HandOver": _call(
                "states:startExecution", {"StateMachineArn.$": "$$.StateMachine.Id", "Input": carried}, Next="Ended"
            ),
            "Ended": {"Type": "Succeed"},
        },
    }
