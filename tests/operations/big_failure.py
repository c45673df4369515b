"""A creation that fails, with everything that makes it hard to read: a hundred resources and more, children that the
rollback has deleted, siblings that were cancelled, events of different stacks out of order and at the same second, a
service whose tasks stop, and a rollback that does not end either. Shaped like answers of AWS, not recorded from it."""

from __future__ import annotations

from typing import Any

from generator.cfn.templates import STACK
from scripts.deployment.aws import Answer
from tests.operations.failed_update import event
from tests.operations.stopped_tasks import ecs
from tests.support.service import ACCOUNT, REGION, arn

STAGING = "cloud-health-dashboard-staging"
BACKEND, NETWORK, CONFIGURATION = (f"{STAGING}-{name}-1A2B3C4D5E6F" for name in ("Backend", "Network", "Configuration"))
SERVICE = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/cloud-health-cluster-staging/backend-service-staging"
ENCLOSED = f"Embedded stack {arn('stack', BACKEND)} was not successfully created: The following resource(s) failed to "
FAILED = "The following resource(s) failed to create: [Backend, Configuration]. Rollback requested by user."
STABLE = (
    "Resource handler returned message: \"Error occurred during operation 'ECS Deployment Circuit Breaker was "
    "triggered'.\" (RequestToken: 7c1f, HandlerErrorCode: NotStabilized)"
)
USED = "resource sg-0a1b has a dependent object (Service: Ec2, Status Code: 400, Error Code: DependencyViolation)"
CANCELLED = "Resource creation cancelled"
PARAMETERS = 120


def _nested(second: float, name: str, stack: str, status: str, reason: str = "") -> Answer:
    return event(STAGING, second, name, status, reason, STACK, arn("stack", stack))


def _many() -> list[Answer]:
    """Parameters that were made, and one that was on its way when the service failed."""
    answers: list[Answer] = []
    for number in range(PARAMETERS):
        name = f"Key{number:03}"
        for offset, status in ((0.0, "CREATE_IN_PROGRESS"), (0.4, "CREATE_COMPLETE")):
            answers.append(
                event(CONFIGURATION, 3 + number / 50 + offset, name, status, "", "AWS::SSM::Parameter", name)
            )
    return [*answers, event(CONFIGURATION, 9, "Late", "CREATE_FAILED", CANCELLED, "AWS::SSM::Parameter")]


def events() -> dict[str, list[Answer]]:
    """Every stack's events, the oldest first. The service failed in the same second in which its siblings were
    cancelled."""
    service = [
        event(BACKEND, 4, "Service", "CREATE_IN_PROGRESS", "Resource creation Initiated", "AWS::ECS::Service", SERVICE),
        event(BACKEND, 9, "Service", "CREATE_FAILED", STABLE, "AWS::ECS::Service", SERVICE),
        event(BACKEND, 9, "CpuScaling", "CREATE_FAILED", CANCELLED, "AWS::ApplicationAutoScaling::ScalingPolicy"),
        event(
            BACKEND, 9.5, BACKEND, "CREATE_FAILED", "The following resource(s) failed to create: [Service, CpuScaling]."
        ),
        event(BACKEND, 30, BACKEND, "DELETE_COMPLETE"),
    ]
    network = [
        event(NETWORK, 2, NETWORK, "CREATE_IN_PROGRESS"),
        event(NETWORK, 3, "TaskGroup", "CREATE_COMPLETE", "", "AWS::EC2::SecurityGroup", "sg-0a1b"),
        event(NETWORK, 4, NETWORK, "CREATE_COMPLETE"),
        event(NETWORK, 21, NETWORK, "DELETE_IN_PROGRESS"),
        event(NETWORK, 26, "TaskGroup", "DELETE_FAILED", USED, "AWS::EC2::SecurityGroup", "sg-0a1b"),
        event(NETWORK, 27, NETWORK, "DELETE_FAILED", "The following resource(s) failed to delete: [TaskGroup]."),
    ]
    root = [
        event(STAGING, -90, STAGING, "REVIEW_IN_PROGRESS", "User Initiated"),
        event(STAGING, 0, STAGING, "CREATE_IN_PROGRESS", "User Initiated"),
        _nested(1, "Network", NETWORK, "CREATE_IN_PROGRESS"),
        _nested(5, "Network", NETWORK, "CREATE_COMPLETE"),
        _nested(2, "Configuration", CONFIGURATION, "CREATE_IN_PROGRESS"),
        _nested(3, "Backend", BACKEND, "CREATE_IN_PROGRESS"),
        _nested(9.2, "Configuration", CONFIGURATION, "CREATE_FAILED", CANCELLED),
        _nested(9.8, "Backend", BACKEND, "CREATE_FAILED", f"{ENCLOSED}create: [Service, CpuScaling]."),
        event(STAGING, 10, STAGING, "ROLLBACK_IN_PROGRESS", FAILED),
        _nested(20, "Network", NETWORK, "DELETE_IN_PROGRESS"),
        _nested(28, "Network", NETWORK, "DELETE_FAILED", "Embedded stack arn: was not successfully deleted"),
        _nested(31, "Backend", BACKEND, "DELETE_COMPLETE"),
        event(STAGING, 32, STAGING, "ROLLBACK_FAILED", "The following resource(s) failed to delete: [Network]."),
    ]
    return {STAGING: root, BACKEND: service, NETWORK: network, CONFIGURATION: _many()}


def tasks() -> dict[str, Any]:
    """What ECS and the log still know of the service, as `Prepared` takes it."""
    return ecs().answers
