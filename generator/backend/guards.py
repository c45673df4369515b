"""Alarms that stop a deployment of the service and roll it back."""

from __future__ import annotations

from troposphere import Ref

from generator import ports
from generator.alarms import alarm
from generator.stack import Stack

GUARDED = ["NOT-3", "NOT-4", "PIP-6"]


def guards(stack: Stack) -> list[Ref]:
    """Alarms that stop a deployment and roll it back; each exists before the service does."""
    dimensions = {
        "LoadBalancer": stack.takes(ports.LOAD_BALANCER_METRIC),
        "TargetGroup": stack.takes(ports.TARGET_GROUP_METRIC),
    }
    balancer = {"LoadBalancer": dimensions["LoadBalancer"]}
    many = stack.takes(ports.ERROR_ALARM_COUNT)
    alarms = [
        alarm(
            stack,
            "BackendErrors",
            "The backend answers with server errors.",
            GUARDED,
            ("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "Sum"),
            dimensions,
            many,
        ),
        alarm(
            stack,
            "GatewayErrors",
            "The load balancer finds no task that answers.",
            GUARDED,
            ("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", "Sum"),
            balancer,
            many,
        ),
        alarm(
            stack,
            "BackendLatency",
            "The slowest 5% of the backend's answers take too long.",
            GUARDED,
            ("AWS/ApplicationELB", "TargetResponseTime", "p95"),
            dimensions,
            stack.takes(ports.LATENCY_ALARM_SECONDS),
            periods=2,
        ),
        alarm(
            stack,
            "UnhealthyTasks",
            "A task fails its health check.",
            GUARDED,
            ("AWS/ApplicationELB", "UnHealthyHostCount", "Maximum"),
            dimensions,
            1,
            minutes=1,
            periods=3,
        ),
    ]
    return [Ref(guard) for guard in alarms]
