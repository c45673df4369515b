"""Messages, alarms, dashboard and budget: what tells people about the environment.

Last, because it watches everything and nothing needs it. Alarms that guard deployments stand with the service they
guard. The design's metrics ExecutionFailure and DeploymentFailure do not exist: failed executions are a metric of V2
pipelines, and failed deployments are counted by the rules that send their messages. CloudFront's own alarms need
us-east-1 and another topic.
"""

from __future__ import annotations

from collections.abc import Sequence

from awacs import sns
from troposphere import GetAtt, Join, Ref, Sub, budgets, cloudwatch, events

from generator.constructs import topics
from generator.constructs.alarms import add, alarm, measured
from generator.core import conditions, ports
from generator.core.iam import allow, trust
from generator.core.names import CONNECTION
from generator.core.stack import Stack, switched_on
from generator.project import Project
from generator.stacks.monitoring import dashboard
from generator.stacks.monitoring.messages import PIPELINE_PAGE, messages


def build(project: Project) -> Stack:
    stack = Stack("monitoring", __name__, "messages, alarms, dashboard and budget", project)
    backend, frontend = conditions.add_to(stack)
    ecs = conditions.on_ecs(stack)
    topic = stack.takes(ports.TOPIC_ARN)
    role = stack.role(
        "MessageRole",
        trust("events", "rules of this account only"),
        [
            allow("Notify", [sns.Publish], [topic], "rules send messages about releases to the topic"),
            topics.encrypt_message(stack),
        ],
        "Lets rules of this account send messages to the topic, and nothing else.",
        ["NOT-2", "PIP-8"],
    )
    rules: list[events.Rule] = []
    for message in messages(stack.takes(ports.PIPELINE)):
        rule = stack.add(
            events.Rule(
                message.title,
                Description=message.says,
                EventPattern=dict(message.pattern),
                State="ENABLED",
                Targets=[
                    events.Target(
                        Arn=topic, Id="Topic", InputTransformer=message.transformer(), RoleArn=GetAtt(role, "Arn")
                    )
                ],
            ),
            message.says,
            ["NOT-2", "NOT-3"],
        )
        rules.append(rule)
    _lost_messages(stack, rules)
    _deployment_alarm(stack, [rule for rule in rules if rule.title.startswith("Deployment")])
    _pipeline_alarms(stack, backend, frontend)
    _service_alarms(stack, ecs)
    stack.add(
        cloudwatch.Dashboard(
            "Dashboard",
            DashboardBody=dashboard.body(stack, backend, ecs),
            DashboardName=Sub(f"{project.name}-${{Environment}}"),
        ),
        "Pipeline, builds, service, load balancer and distribution on one page.",
        ["NOT-4"],
    )
    _budget(stack, project)
    return stack


def _lost_messages(stack: Stack, rules: Sequence[events.Rule]) -> None:
    """Messages that EventBridge could not deliver, of all rules together. Source: eventbridge userguide,
    eb-monitoring; AmazonCloudWatch monitoring, using-metric-math (FILL and SUM of all metrics)."""
    counts = [
        measured(f"rule{number}", ("AWS/Events", "FailedInvocations", "Sum"), {"RuleName": Ref(rule)})
        for number, rule in enumerate(rules)
    ]
    lost = cloudwatch.MetricDataQuery(
        Id="lost", Expression="SUM(FILL(METRICS(), 0))", Label="Messages lost", ReturnData=True
    )
    add(
        stack,
        "MessagesLost",
        "A message about a release could not be delivered.",
        ["NOT-2", "NOT-3"],
        None,
        page=PIPELINE_PAGE,
        EvaluationPeriods=1,
        Metrics=[*counts, lost],
        Threshold=1,
    )


def _deployment_alarm(stack: Stack, rules: Sequence[events.Rule]) -> None:
    """The design's alarm DeploymentFailure. No service has a metric of that name, but each rule counts the events that
    it selects, and these select failed deployments (eventbridge userguide, eb-monitoring: TriggeredRules)."""
    counts = [
        measured(f"rule{number}", ("AWS/Events", "TriggeredRules", "Sum"), {"RuleName": Ref(rule)})
        for number, rule in enumerate(rules)
    ]
    failed = cloudwatch.MetricDataQuery(
        Id="failed", Expression="SUM(FILL(METRICS(), 0))", Label="Failed deployments", ReturnData=True
    )
    add(
        stack,
        "DeploymentFailure",
        "The deployment or the verification of a release failed; it is rolled back.",
        ["NOT-3"],
        None,
        page=PIPELINE_PAGE,
        EvaluationPeriods=1,
        Metrics=[*counts, failed],
        Threshold=1,
    )


def _pipeline_alarms(stack: Stack, backend: str, frontend: str) -> None:
    """Sources: codepipeline userguide, metrics-dimensions; codebuild userguide, cloudwatch_metrics-codebuild;
    eventbridge userguide, eb-monitoring."""
    pipeline = {"PipelineName": stack.takes(ports.PIPELINE)}
    alarm(
        stack,
        "PipelineFailure",
        "A pipeline execution failed.",
        ["NOT-3"],
        ("AWS/CodePipeline", "FailedPipelineExecutions", "Sum"),
        pipeline,
        1,
        page=PIPELINE_PAGE,
    )
    _watch_alarm(stack)
    alarm(
        stack,
        "PipelineStart",
        "A push did not start the pipeline.",
        ["SRC-2", "NOT-3"],
        ("AWS/Events", "FailedInvocations", "Sum"),
        {"RuleName": stack.takes(ports.START_RULE)},
        1,
        # A source behind a connection has no rule.
        condition=stack.when("CodeCommit", switched_on(stack.takes(ports.SOURCE_PROVIDER), CONNECTION)),
        page=PIPELINE_PAGE,
    )
    for side, condition, port in (
        ("Backend", backend, ports.BACKEND_BUILD),
        ("Frontend", frontend, ports.FRONTEND_BUILD),
    ):
        alarm(
            stack,
            f"{side}BuildDuration",
            f"A build of the {side.lower()} takes unusually long.",
            ["NOT-3"],
            ("AWS/CodeBuild", "Duration", "Maximum"),
            {"ProjectName": stack.takes(port)},
            stack.takes(ports.BUILD_ALARM_SECONDS),
            condition=condition,
            page=PIPELINE_PAGE,
        )


def _watch_alarm(stack: Stack) -> None:
    """Sources: step-functions dg, procedure-cw-metrics; eventbridge userguide, eb-monitoring."""
    counts = [
        measured(name, (namespace, metric, "Sum"), dimensions)
        for name, namespace, metric, dimensions in (
            ("stopped", "AWS/States", "ExecutionsFailed", {"StateMachineArn": stack.takes(ports.WATCH_ARN)}),
            ("unwatched", "AWS/Events", "FailedInvocations", {"RuleName": stack.takes(ports.WATCH_RULE)}),
        )
    ]
    either = cloudwatch.MetricDataQuery(
        Id="either", Expression="FILL(stopped, 0) + FILL(unwatched, 0)", Label="Stopped or unwatched", ReturnData=True
    )
    add(
        stack,
        "PipelineTimeout",
        "A pipeline execution was stopped at its time limit, or its time could not be watched.",
        ["BLD-13", "NOT-3"],
        None,
        page=PIPELINE_PAGE,
        EvaluationPeriods=1,
        Metrics=[*counts, either],
        Threshold=1,
    )


def _service_alarms(stack: Stack, ecs: str) -> None:
    service = {"ClusterName": stack.takes(ports.RUNNING_CLUSTER), "ServiceName": stack.takes(ports.RUNNING_SERVICE)}
    for title, metric, says in (
        ("BackendCpu", "CPUUtilization", "The tasks run out of CPU, and autoscaling does not help."),
        ("BackendMemory", "MemoryUtilization", "The tasks run out of memory, and autoscaling does not help."),
    ):
        alarm(stack, title, says, ["NOT-5"], ("AWS/ECS", metric, "Average"), service, 90, periods=3, condition=ecs)
    # Source: AmazonCloudWatch monitoring, Container-Insights-metrics-ECS.
    counts = [
        measured(name, ("ECS/ContainerInsights", metric, "Average"), service)
        for name, metric in (("desired", "DesiredTaskCount"), ("running", "RunningTaskCount"))
    ]
    missing = cloudwatch.MetricDataQuery(
        Id="missing", Expression="desired - running", Label="Tasks missing", ReturnData=True
    )
    add(
        stack,
        "MissingTasks",
        "Fewer tasks run than should.",
        ["NOT-5"],
        ecs,
        EvaluationPeriods=3,
        Metrics=[*counts, missing],
        Threshold=1,
    )


def _budget(stack: Stack, project: Project) -> None:
    """The cost of what carries the environment's tag. Until somebody activates the tag `Environment` for cost
    allocation it reads zero (billing and cost management user guide, activating-tags); without a filter it would count
    the whole account."""
    topic = stack.takes(ports.TOPIC_ARN)
    stack.add(
        budgets.Budget(
            "Budget",
            Budget=budgets.BudgetData(
                BudgetLimit=budgets.Spend(Amount=stack.takes(ports.BUDGET_AMOUNT), Unit="USD"),
                BudgetName=Sub(f"{project.name}-${{Environment}}-${{AWS::Region}}"),
                BudgetType="COST",
                CostFilters={"TagKeyValue": [Join("$", ["user:Environment", stack.takes(ports.ENVIRONMENT)])]},
                TimeUnit="MONTHLY",
            ),
            NotificationsWithSubscribers=[
                budgets.NotificationWithSubscribers(
                    Notification=budgets.Notification(
                        ComparisonOperator="GREATER_THAN",
                        NotificationType=kind,
                        Threshold=percent,
                        ThresholdType="PERCENTAGE",
                    ),
                    Subscribers=[budgets.Subscriber(Address=topic, SubscriptionType="SNS")],
                )
                for kind, percent in (("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100))
            ],
        ),
        "Warns at 80% and 100% of the month's budget, and when the forecast passes it.",
        ["NOT-5", "CST-1"],
    )
