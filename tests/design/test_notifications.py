"""Notifications and monitoring: topic, messages, alarms, budget."""

import json
import re
from typing import Any

from generator.cfn.assertions import broken
from generator.cfn.intrinsics import render
from generator.cfn.templates import Resource, TemplateSet
from tests.support.design import (
    BOTH,
    allowed,
    attribute,
    declaration,
    default,
    dimensions,
    exists,
    grants,
    matches,
    passed,
    real,
    ref,
    stages,
    sub,
    under,
)

FIELDS = ["pipeline", "stage", "status", "executionId", "timestamp", "error", "rollback"]
# What CodeBuild says of a failed command: the command with its quotes and line breaks.
AWKWARD = 'Error while executing command: set -eu\nmkdir "$REPORTS" \\ <error>. Reason: exit status 1'
SUMMARY = "external-execution-summary"
PAGE = "https://console.aws.amazon.com/codepipeline/home?region=${AWS::Region}#/view/${Pipeline}"


def event(stage: str, summary: str | None) -> dict[str, Any]:
    """A failed action, in the shape of the codepipeline user guide, detect-state-changes-cloudwatch-events."""
    detail: dict[str, Any] = {"pipeline": "p", "execution-id": "e-1", "stage": stage, "state": "FAILED"}
    detail["execution-result"] = {"external-execution-id": "x"} if summary is None else {SUMMARY: summary}
    return {"source": "aws.codepipeline", "time": "2026-01-15T10:30:00Z", "detail": detail}


def transformed(rule: Resource, happened: dict[str, Any]) -> dict[str, Any]:
    """What the topic gets: EventBridge quotes an unquoted variable (eventbridge user guide, transform-target-input)."""
    transformer = rule.get("Targets", 0, "InputTransformer", default={})
    text = render(transformer["InputTemplate"])
    for name, path in transformer["InputPathsMap"].items():
        value: Any = happened
        for step in path.removeprefix("$.").split("."):
            value = value[step]
        assert f": <{name}>" in text
        # The worst that the page allows: a text is put between quotes, and nothing in it is escaped.
        text = text.replace(f"<{name}>", f'"{value}"' if isinstance(value, str) else json.dumps(value))
    message: dict[str, Any] = json.loads(text)
    return message


def selects(rule: Resource, stage: str, summary: bool) -> bool:
    """Whether the rule's pattern takes a failed action of the stage, with or without an error text."""
    detail = rule.get("EventPattern", "detail", default={})
    if detail.get("state") != ["FAILED"] or "stage" not in detail:
        return False
    chosen = any(
        stage == pattern if isinstance(pattern, str) else stage.startswith(pattern["prefix"])
        for pattern in detail["stage"]
    )
    [exists_] = detail["execution-result"][SUMMARY]
    return chosen and exists_ == {"exists": summary}


def assert_told_to_topic(alarm: Resource) -> None:
    """What all alarms have in common: the topic hears when one starts and ends, and no data is no alarm."""
    assert alarm.type == "AWS::CloudWatch::Alarm"
    assert alarm.get("AlarmActions") == alarm.get("OKActions") == [ref("TopicArn")], alarm.address
    assert alarm.get("ComparisonOperator") == "GreaterThanOrEqualToThreshold"
    assert alarm.get("TreatMissingData") == "notBreaching"
    assert alarm.get("EvaluationPeriods") in (1, 2, 3)


def alarms(templates: TemplateSet, *addresses: str) -> list[tuple[str, str, str, Any]]:
    result = []
    for address in addresses:
        item = templates.resource(address)
        assert_told_to_topic(item)
        assert item.get("Period") == (60 if address.endswith("UnhealthyTasks") else 300)
        statistic = item.get("Statistic") or item.get("ExtendedStatistic")
        result.append((item.get("Namespace"), item.get("MetricName"), statistic, item.get("Threshold")))
    return result


def test_topic_and_subscriptions(templates: TemplateSet) -> None:
    topic = templates.resource("notifications.Topic")
    assert topic.get("TopicName") == ref("TopicName")
    assert topic.get("KmsMasterKeyId") == ref("KeyArn")
    assert "${encryption.Key.Arn}" in real(templates, "notifications.Topic", ref("KeyArn"))
    for name, protocol, parameter in (("Email", "email", "NotificationEmail"), ("Phone", "sms", "NotificationPhone")):
        subscription = templates.resource(f"notifications.{name}")
        assert (subscription.get("Protocol"), subscription.get("Endpoint")) == (protocol, ref(parameter))
        assert subscription.get("TopicArn") == ref("Topic")
        assert not exists(templates, subscription.address, **{parameter: ""})
        assert exists(templates, subscription.address, **{parameter: "given"})
        assert default(templates, parameter) == ""
        assert passed(templates, "Notifications", parameter) == ref(parameter)
    assert not exists(templates, "notifications.Email", NotificationEmail="NONE")
    # Production does not go without anybody who is told, unless that is said.
    root = templates["environment"]
    values = {name: str(item.get("Default", "")) for name, item in root.parameters.items()}
    for environment, mail, number, refused in (
        ("production", "", "", True),
        ("production", "NONE", "", False),
        ("production", "devops@example.com", "", False),
        ("production", "", "+441632960961", False),
        ("staging", "", "", False),
    ):
        chosen = {"Environment": environment, "NotificationEmail": mail, "NotificationPhone": number}
        assert ("SomebodyIsTold" in [item.rule for item in broken(root.body, {**values, **chosen})]) is refused
    phone = declaration(templates, "NotificationPhone")
    assert [number for number in ("+441632960961", "") if not matches(phone, number)] == []
    assert [number for number in ("01632960961", "+0123456789", "+44 1632", "+1") if matches(phone, number)] == []
    # Services publish to an encrypted topic only when the key lets them too.
    for service in ("cloudwatch", "budgets"):
        who = (f"Service:{service}.amazonaws.com",)
        policy = [grant for grant in grants(templates, "notifications.TopicPolicy").values() if grant.principals == who]
        assert [permission.actions for permission in policy] == [("sns:Publish",)]
        key = [grant for grant in grants(templates, "encryption.Key").values() if grant.principals == who]
        assert [{"kms:Decrypt", "kms:GenerateDataKey"} <= set(permission.actions) for permission in key] == [True]
        assert all(permission.allows for permission in (*policy, *key))
    deny = grants(templates, "notifications.TopicPolicy")["OnlyOverTls"]
    assert (deny.effect, deny.principals, deny.actions) == ("Deny", ("*",), ("sns:Publish",))
    assert [(condition.key, condition.values) for condition in deny.conditions] == [("aws:SecureTransport", ("false",))]
    # EventBridge names no rule and no account when it uses a key. So its rules have a role, and neither topic nor key
    # lets in a service that acts for anybody.
    opened = [*grants(templates, "notifications.TopicPolicy").values(), *grants(templates, "encryption.Key").values()]
    assert not [grant for grant in opened if any("events" in principal for principal in grant.principals)]
    for grant in opened:
        if grant.allows and any(principal.startswith("Service:") for principal in grant.principals):
            assert grant.conditions, f"{grant.sid} does not say for whom"


def test_messages_are_sent_as_a_role_that_sends_to_the_topic_and_does_nothing_else(templates: TemplateSet) -> None:
    rules = [resource for resource in templates.resources("AWS::Events::Rule") if resource.template == "monitoring"]
    for rule in rules:
        assert rule.get("Targets", 0, "RoleArn") == attribute("MessageRole")
    assert set(allowed(templates, "monitoring.MessageRole")) == {"sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"}
    assume = grants(templates, "monitoring.MessageRole")["Assume"]
    assert assume.principals == ("Service:events.amazonaws.com",)
    assert [condition.key for condition in assume.conditions] == ["aws:SourceAccount"]


def test_messages_have_the_seven_fields(templates: TemplateSet) -> None:
    rules = [resource for resource in templates.resources("AWS::Events::Rule") if resource.template == "monitoring"]
    assert len(rules) == 4
    for stage, body in stages(templates, ApprovalRequired="true").items():
        rolls_back = body.get("OnFailure") == {"Result": "ROLLBACK"}
        if body.get("OnFailure", {}).get("Result") == "RETRY":
            # Its actions are tried once more: the watch tells, once, when that has failed as well.
            assert not [rule for rule in rules if selects(rule, stage, True) or selects(rule, stage, False)]
            continue
        for summary in ("Health check failed after deployment", AWKWARD, None):
            [rule] = [rule for rule in rules if selects(rule, stage, summary is not None)]
            assert rule.get("State") == "ENABLED"
            assert rule.get("EventPattern", "source") == ["aws.codepipeline"]
            assert rule.get("EventPattern", "detail", "pipeline") == [ref("Pipeline")]
            message = transformed(rule, event(stage, summary))
            assert list(message) == FIELDS
            # The object that holds the reason is JSON already: no quote or line break in it can break the message.
            reason = {"external-execution-summary": summary}
            assert message["error"] == (reason if summary else f"the action gave no reason: {PAGE}")
            assert message["rollback"] == ("initiated" if rolls_back else "not-configured")
            assert (message["pipeline"], message["stage"], message["status"]) == ("p", stage, "FAILED")
            assert (message["executionId"], message["timestamp"]) == ("e-1", "2026-01-15T10:30:00Z")
    for rule in rules:
        assert rule.get("Targets", 0, "Arn") == ref("TopicArn")
        keys = re.findall(
            r'^  "(\w+)":', render(rule.get("Targets", 0, "InputTransformer", "InputTemplate")), re.MULTILINE
        )
        assert keys == FIELDS
    for name in ("DeploymentFailed", "DeploymentFailedSilently", "ActionFailed", "ActionFailedSilently"):
        rule = templates.resource(f"monitoring.{name}")
        assert rule in rules
        assert rule.get("EventPattern", "detail-type") == ["CodePipeline Action Execution State Change"]


def test_a_failure_after_a_second_try_is_one_message(templates: TemplateSet) -> None:
    """Both tries fail with the same event. So the watch tells: of the stages that are tried again, and of no other."""
    states = templates.resource("pipeline.Watch").get("Definition", "States", default={})
    retried = {
        name
        for layout in ("SEQUENTIAL", "PARALLEL")
        for name, stage in stages(templates, OnlyChanged="true", BuildLayout=layout).items()
        if stage.get("OnFailure", {}).get("Result") == "RETRY"
    }
    assert retried == {"Changes", "Build", "Build_Backend", "Build_Frontend"}
    assert {"Variable": "$.seen.status", "StringEquals": "Failed", "Next": "ReadFailures"} in states["Running"][
        "Choices"
    ]
    read = states["ReadFailures"]
    assert (read["Parameters"]["Filter"], read["Next"]) == ({"PipelineExecutionId.$": "$.execution"}, "Failed")
    elsewhere = read["ResultSelector"]["told.$"]
    assert elsewhere.startswith("$.ActionExecutionDetails[?(@.Status=='Failed' && ")
    assert set(re.findall(r"@\.StageName!='(\w+)'", elsewhere)) == retried
    assert [choice["Next"] for choice in states["Failed"]["Choices"]] == ["Ended", "TellFailure", "TellFailureSilently"]
    assert states["Failed"]["Choices"][0]["Variable"] == "$.failed.told[0]"
    for state, error in (("TellFailure", {"error.$": "$.failed.reasons[0]"}), ("TellFailureSilently", None)):
        message = states[state]["Parameters"]["Message"]
        assert {name.removesuffix(".$") for name in message} == set(FIELDS)
        assert (message["stage.$"], message["status"]) == ("$.failed.stages[0]", "FAILED")
        assert (message["executionId.$"], message["rollback"]) == ("$.execution", "not-configured")
        assert not error or error.items() <= message.items()


def test_success_is_told_of_releases_alone(templates: TemplateSet) -> None:
    machine = templates.resource("pipeline.Watch")
    states = machine.get("Definition", "States", default={})
    # A rollback is an execution that succeeds, too: only its type says so, and no event carries that.
    assert not [
        rule.address
        for rule in templates.resources("AWS::Events::Rule")
        if "SUCCEEDED" in json.dumps(rule.get("EventPattern"))
    ]
    chosen_by = {choice["Next"]: choice["And"] for choice in states["Running"]["Choices"] if "And" in choice}
    for state, kind, message in (
        ("TellSuccess", "STANDARD", {"stage": "all", "status": "SUCCEEDED", "error": "none", "rollback": "none"}),
        (
            "TellRollback",
            "ROLLBACK",
            {"stage": "all", "status": "ROLLED_BACK", "error": "none", "rollback": "completed"},
        ),
    ):
        assert chosen_by[state] == [
            {"Variable": "$.seen.status", "StringEquals": "Succeeded"},
            {"Variable": "$.seen.type", "StringEquals": kind},
        ]
        assert states[state]["Parameters"]["TopicArn"] == ref("TopicArn")
        assert states[state]["Parameters"]["Message"] == {
            **message,
            "pipeline": ref("PipelineName"),
            "executionId.$": "$.execution",
            "timestamp.$": "$$.State.EnteredTime",
        }
    assert render(states["TellSuccess"]["Resource"]) == "arn:${AWS::Partition}:states:::sns:publish"
    assert states["ReadExecution"]["ResultSelector"] == {
        "status.$": "$.PipelineExecution.Status",
        "type.$": "$.PipelineExecution.ExecutionType",
    }
    assert {"sns:Publish", "kms:GenerateDataKey", "kms:Decrypt"} <= set(allowed(templates, "pipeline.WatchRole"))


def test_alarms_of_the_design(templates: TemplateSet) -> None:
    assert alarms(
        templates, "monitoring.PipelineFailure", "monitoring.BackendBuildDuration", "monitoring.FrontendBuildDuration"
    ) == [
        ("AWS/CodePipeline", "FailedPipelineExecutions", "Sum", 1),
        ("AWS/CodeBuild", "Duration", "Maximum", ref("BuildDurationAlarmSeconds")),
        ("AWS/CodeBuild", "Duration", "Maximum", ref("BuildDurationAlarmSeconds")),
    ]
    assert default(templates, "BuildDurationAlarmSeconds") == "600"
    assert dimensions(under(templates, "monitoring.PipelineFailure")) == {"PipelineName": "${Pipeline}"}
    for side in ("Backend", "Frontend"):
        build = under(templates, f"monitoring.{side}BuildDuration")
        assert dimensions(build) == {"ProjectName": f"${{{side}Build}}"}
    shown = [
        resource
        for resource in templates.resources("AWS::CloudWatch::Alarm")
        if PAGE in str(resource.get("AlarmDescription"))
    ]
    assert {item.logical_id for item in shown} == {
        "BackendBuildDuration",
        "DeploymentFailure",
        "FrontendBuildDuration",
        "MessagesLost",
        "PipelineFailure",
        "PipelineStart",
        "PipelineTimeout",
    }
    # Every rule that sends a message is watched for messages that do not arrive.
    lost = under(templates, "monitoring.MessagesLost", **BOTH)
    watched = {str(query["MetricStat"]["Metric"]["Dimensions"][0]["Value"]) for query in lost["Metrics"][:-1]}
    rules = [rule for rule in templates.resources("AWS::Events::Rule") if rule.template == "monitoring"]
    assert watched == {str(ref(rule.logical_id)) for rule in rules}
    assert {query["MetricStat"]["Metric"]["MetricName"] for query in lost["Metrics"][:-1]} == {"FailedInvocations"}
    assert (lost["Metrics"][-1]["Expression"], lost["Threshold"]) == ("SUM(FILL(METRICS(), 0))", 1)
    start = templates.resource("monitoring.PipelineStart")
    assert alarms(templates, "monitoring.PipelineStart") == [("AWS/Events", "FailedInvocations", "Sum", 1)]
    assert dimensions(dict(start.properties)) == {"RuleName": "${StartRuleName}"}
    # DeploymentFailure is no metric of a service: the rules that select failed deployments count them.
    failure = templates.resource("monitoring.DeploymentFailure")
    assert_told_to_topic(failure)
    assert failure.get("AlarmName") == sub("cloud-health-dashboard-${Environment}-DeploymentFailure")
    *counts, total = failure.get("Metrics", default=[])
    assert (total["Expression"], total["ReturnData"], failure.get("Threshold")) == ("SUM(FILL(METRICS(), 0))", True, 1)
    counted = [query["MetricStat"] for query in counts]
    assert {(count["Metric"]["Namespace"], count["Metric"]["MetricName"], count["Stat"]) for count in counted} == {
        ("AWS/Events", "TriggeredRules", "Sum")
    }
    assert [dimensions(count["Metric"]) for count in counted] == [
        {"RuleName": "${DeploymentFailed}"},
        {"RuleName": "${DeploymentFailedSilently}"},
    ]
    for name in ("DeploymentFailed", "DeploymentFailedSilently"):
        assert selects(templates.resource(f"monitoring.{name}"), "Deploy_Backend", name == "DeploymentFailed")
    # And the deployment goes back: the stage by itself, the service by circuit breaker and alarms.
    assert stages(templates)["Deploy_Backend"]["OnFailure"] == {"Result": "ROLLBACK"}
    deployment = under(templates, "backend.Service", DeploymentStrategy="ROLLING")["DeploymentConfiguration"]
    assert deployment["DeploymentCircuitBreaker"]["Rollback"] is True
    assert deployment["Alarms"]["Rollback"] is True


def condition(alarm: Resource) -> str:
    """When an alarm is raised, in one line: what is measured, the limit, and for how long."""
    metrics = alarm.get("Metrics", default=())
    measured = [query["MetricStat"] for query in metrics if "MetricStat" in query]
    if not metrics:
        statistic = alarm.get("Statistic") or alarm.get("ExtendedStatistic")
        names, seconds = f"{statistic} of {alarm.get('MetricName')}", {alarm.get("Period")}
    elif measured:
        names = " and ".join(dict.fromkeys(f"{each['Stat']} of {each['Metric']['MetricName']}" for each in measured))
        names, seconds = f"{metrics[-1]['Expression']} with {names}", {each["Period"] for each in measured}
    else:
        names, seconds = render(metrics[0]["Expression"]).partition(" FROM")[0], {metrics[0]["Period"]}
    sign = {"GreaterThanOrEqualToThreshold": ">=", "LessThanOrEqualToThreshold": "<="}[alarm.get("ComparisonOperator")]
    [period] = seconds
    return f"{names} {sign} {render(alarm.get('Threshold'))} in {alarm.get('EvaluationPeriods')} times {period} s"


def test_when_each_alarm_is_raised(templates: TemplateSet) -> None:
    """A limit, a period or a number of periods that is another one is another promise."""
    backend = {
        "BackendErrors": "Sum of HTTPCode_Target_5XX_Count >= ${ErrorAlarmCount} in 1 times 300 s",
        "BackendLatency": "p95 of TargetResponseTime >= ${LatencyAlarmSeconds} in 2 times 300 s",
        "GatewayErrors": "Sum of HTTPCode_ELB_5XX_Count >= ${ErrorAlarmCount} in 1 times 300 s",
    }
    build = "Maximum of Duration >= ${BuildDurationAlarmSeconds} in 1 times 300 s"
    counted = "SUM(FILL(METRICS(), 0)) with Sum of"
    assert {alarm.address: condition(alarm) for alarm in templates.resources("AWS::CloudWatch::Alarm")} == {
        **{f"{stack}.{name}": text for stack in ("backend", "beanstalk") for name, text in backend.items()},
        "backend.UnhealthyTasks": "FILL(first, 0) + FILL(second, 0) with Maximum of UnHealthyHostCount >= 1 in 3"
        " times 60 s",
        "beanstalk.EnvironmentHealth": "Maximum of EnvironmentHealth >= 20 in 3 times 60 s",
        "beanstalk.InstanceCpu": "SELECT AVG(CPUIdle) <= 10 in 3 times 300 s",
        "beanstalk.InstanceDisk": "SELECT MAX(RootFilesystemUtil) >= 90 in 3 times 300 s",
        "edge.CloudFrontErrors": "Average of 5xxErrorRate >= ${CloudFrontErrorPercent} in 1 times 300 s",
        "edge.OriginLatency": "latency / 1000 with p95 of OriginLatency >= ${LatencyAlarmSeconds} in 2 times 300 s",
        "monitoring.BackendBuildDuration": build,
        "monitoring.BackendCpu": "Average of CPUUtilization >= 90 in 3 times 300 s",
        "monitoring.BackendMemory": "Average of MemoryUtilization >= 90 in 3 times 300 s",
        "monitoring.DeploymentFailure": f"{counted} TriggeredRules >= 1 in 1 times 300 s",
        "monitoring.FrontendBuildDuration": build,
        "monitoring.MessagesLost": f"{counted} FailedInvocations >= 1 in 1 times 300 s",
        "monitoring.MissingTasks": "desired - running with Average of DesiredTaskCount and Average of RunningTaskCount"
        " >= 1 in 3 times 300 s",
        "monitoring.PipelineFailure": "Sum of FailedPipelineExecutions >= 1 in 1 times 300 s",
        "monitoring.PipelineStart": "Sum of FailedInvocations >= 1 in 1 times 300 s",
        "monitoring.PipelineTimeout": "FILL(stopped, 0) + FILL(unwatched, 0) with Sum of ExecutionsFailed and Sum of"
        " FailedInvocations >= 1 in 1 times 300 s",
    }
    # What does not count does not reach the total either.
    for alarm in templates.resources("AWS::CloudWatch::Alarm"):
        metrics = alarm.get("Metrics", default=())
        assert [query["Id"] for query in metrics if query["ReturnData"]] == [query["Id"] for query in metrics[-1:]]


def test_error_rates_and_latency(templates: TemplateSet) -> None:
    names = [f"backend.{name}" for name in ("BackendErrors", "GatewayErrors", "BackendLatency")]
    assert alarms(templates, *names) == [
        ("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "Sum", ref("ErrorAlarmCount")),
        ("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", "Sum", ref("ErrorAlarmCount")),
        ("AWS/ApplicationELB", "TargetResponseTime", "p95", ref("LatencyAlarmSeconds")),
    ]
    # The traffic alternates between two target groups, so each alarm sees both.
    for name in names:
        assert dimensions(under(templates, name)) == {"LoadBalancer": "${LoadBalancerFullName}"}
    unhealthy = templates.resource("backend.UnhealthyTasks")
    assert_told_to_topic(unhealthy)
    metrics = {metric["Id"]: metric for metric in unhealthy.get("Metrics", default=[])}
    assert (metrics.pop("both")["Expression"], unhealthy.get("Threshold")) == ("FILL(first, 0) + FILL(second, 0)", 1)
    for name, group in (("first", "TargetGroupFullName"), ("second", "AlternateTargetGroupFullName")):
        metric = metrics.pop(name)["MetricStat"]["Metric"]
        assert (metric["Namespace"], metric["MetricName"]) == ("AWS/ApplicationELB", "UnHealthyHostCount")
        assert dimensions(metric) == {"LoadBalancer": "${LoadBalancerFullName}", "TargetGroup": f"${{{group}}}"}
    assert metrics == {}
    body = render(under(templates, "monitoring.Dashboard", **BOTH)["DashboardBody"])
    titles = [widget["properties"]["title"] for widget in json.loads(body)["widgets"]]
    assert {"Pipeline", "Builds", "Distribution", "Answers", "Latency"} <= set(titles)


def test_resource_limits_and_budget(templates: TemplateSet) -> None:
    assert alarms(templates, "monitoring.BackendCpu", "monitoring.BackendMemory") == [
        ("AWS/ECS", "CPUUtilization", "Average", 90),
        ("AWS/ECS", "MemoryUtilization", "Average", 90),
    ]
    service = {"ClusterName": "${RunningCluster}", "ServiceName": "${RunningService}"}
    for name in ("BackendCpu", "BackendMemory"):
        assert dimensions(dict(templates.resource(f"monitoring.{name}").properties)) == service
    missing = templates.resource("monitoring.MissingTasks")
    assert_told_to_topic(missing)
    metrics = {metric["Id"]: metric for metric in missing.get("Metrics", default=[])}
    assert (metrics["missing"]["Expression"], missing.get("Threshold")) == ("desired - running", 1)
    assert [name for name, metric in metrics.items() if metric["ReturnData"]] == ["missing"]
    for metric, name in (("desired", "DesiredTaskCount"), ("running", "RunningTaskCount")):
        result = metrics[metric]["MetricStat"]["Metric"]
        assert (result["Namespace"], result["MetricName"]) == ("ECS/ContainerInsights", name)
        assert dimensions(result) == service
    settings = templates.resource("backend.Cluster").get("ClusterSettings")
    assert settings == [{"Name": "containerInsights", "Value": "enabled"}]
    budget = templates.resource("monitoring.Budget")
    assert budget.get("Budget", "BudgetLimit") == {"Amount": ref("MonthlyBudget"), "Unit": "USD"}
    assert (budget.get("Budget", "BudgetType"), budget.get("Budget", "TimeUnit")) == ("COST", "MONTHLY")
    # What carries the environment's tag: without a filter it is the cost of the whole account.
    assert render(budget.get("Budget", "CostFilters", "TagKeyValue")[0]) == "user:Environment$${Environment}"
    assert default(templates, "MonthlyBudget") == "212"
    warnings = budget.get("NotificationsWithSubscribers")
    assert [warning["Subscribers"] for warning in warnings] == [
        [{"Address": ref("TopicArn"), "SubscriptionType": "SNS"}]
    ] * 3
    assert [
        (warning["Notification"]["NotificationType"], warning["Notification"]["Threshold"]) for warning in warnings
    ] == [("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)]
