"""Alarms that stop a deployment of the service and roll it back.

Blue/green deployments alternate between two target groups, so each alarm sees both: answers are counted for the load
balancer as a whole, whose only targets are the tasks, and unhealthy tasks, which are counted for each group alone, are
added up. A group without tasks has no data and counts as none (elasticloadbalancing application,
load-balancer-cloudwatch-metrics; AmazonCloudWatch monitoring, using-metric-math, FILL).
"""

from __future__ import annotations

from troposphere import Ref, cloudwatch

from generator.constructs.alarms import add, alarm, measured
from generator.core import ports
from generator.core.stack import Stack

GUARDED = ["NOT-3", "NOT-4", "PIP-6", "PIP-9"]
NAMESPACE = "AWS/ApplicationELB"


def guards(stack: Stack) -> list[Ref]:
    """Alarms that stop a deployment and roll it back; each exists before the service does."""
    return [Ref(alarm) for alarm in (*answers(stack), _unhealthy(stack))]


def answers(stack: Stack, service: str = "") -> list[cloudwatch.Alarm]:
    """The alarms on what the load balancer answers, whatever `service` stands behind it. Their names tell the two
    services apart: when the backend moves, the new alarms are made before the old ones go."""
    return [
        alarm(
            stack,
            title,
            says,
            GUARDED,
            (NAMESPACE, metric, statistic),
            _balancer(stack),
            limit,
            periods=periods,
            name=f"{service}{title}",
        )
        for title, says, metric, statistic, limit, periods in (
            (
                "BackendErrors",
                "The backend answers with server errors.",
                "HTTPCode_Target_5XX_Count",
                "Sum",
                stack.takes(ports.ERROR_ALARM_COUNT),
                1,
            ),
            (
                "GatewayErrors",
                "The load balancer finds no task that answers.",
                "HTTPCode_ELB_5XX_Count",
                "Sum",
                stack.takes(ports.ERROR_ALARM_COUNT),
                1,
            ),
            (
                "BackendLatency",
                "The slowest 5% of the backend's answers take too long.",
                "TargetResponseTime",
                "p95",
                stack.takes(ports.LATENCY_ALARM_SECONDS),
                2,
            ),
        )
    ]


def _balancer(stack: Stack) -> dict[str, Ref]:
    return {"LoadBalancer": stack.takes(ports.LOAD_BALANCER_METRIC)}


def _unhealthy(stack: Stack) -> cloudwatch.Alarm:
    groups = {
        "first": stack.takes(ports.TARGET_GROUP_METRIC),
        "second": stack.takes(ports.ALTERNATE_TARGET_GROUP_METRIC),
    }
    counts = [
        measured(name, (NAMESPACE, "UnHealthyHostCount", "Maximum"), {**_balancer(stack), "TargetGroup": group}, 1)
        for name, group in groups.items()
    ]
    both = cloudwatch.MetricDataQuery(
        Id="both", Expression="FILL(first, 0) + FILL(second, 0)", Label="Unhealthy tasks", ReturnData=True
    )
    return add(
        stack,
        "UnhealthyTasks",
        "A task fails its health check.",
        GUARDED,
        None,
        EvaluationPeriods=3,
        Metrics=[*counts, both],
        Threshold=1,
    )
