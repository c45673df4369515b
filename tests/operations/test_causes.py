"""What a cause says beyond the event: the line of the generator, the missing permission, what the tasks said; and what
is no cause."""

from __future__ import annotations

import linecache
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from generator.cfn import sources
from generator.cfn.templates import STACK, Template, load
from scripts.operations.diagnose import remedies
from scripts.operations.diagnose.cause import BY_A_PERSON, SERVICE, FailureObserver, cause, obstacle
from scripts.operations.diagnose.tasks import why_stopped
from scripts.operations.following import Event
from tests.conftest import ROOT
from tests.operations.stopped_tasks import SERVICE_ARN, START, ecs
from tests.support.service import ACCOUNT, Prepared, refusal

NAME = "dashboard-staging"
TEMPLATES = load(ROOT / "templates")


@pytest.fixture(scope="module")
def root() -> Template:
    return TEMPLATES["environment"]


def event(second: float, path: str, status: str, reason: str = "", kind: str = "AWS::S3::Bucket") -> Event:
    steps = tuple(filter(None, path.split("/")))
    own = not steps
    return Event(
        steps, f"{second}{path}", "x", STACK if own else kind, status, reason, START + timedelta(seconds=second), own
    )


# --- the line


def test_every_resource_has_a_line_that_makes_it() -> None:
    """Literally, or as an f-string whose own text the title has."""
    places = {
        resource.address: sources.find(TEMPLATES[resource.template].module, resource.logical_id)
        for resource in TEMPLATES.resources()
    }
    assert len(places) > 130
    for address, place in places.items():
        assert place, address
        line, title = linecache.getline(str(ROOT / place.file), place.line), address.partition(".")[2]
        patterns = [re.sub(r"\{[^}]*\}", r"\\w*", text) for text in re.findall(r'f"([^"]*\{[^"]*)"', line)]
        assert f'"{title}"' in line or any(re.fullmatch(pattern, title) for pattern in patterns), (address, line)


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("environment.Backend", 'Child("Backend"'),
        ("backend.TaskRole", '"TaskRole"'),
        ("network.PrivateSubnetA", '_subnet(stack, vpc, f"PrivateSubnet{zone}"'),
        ("network.PrivateSubnetARoutes", 'f"{subnet.title}Routes"'),
        ("configuration.LogLevelName", '"LogLevelName",'),
        ("data.Costs", 'Table("COSTS_TABLE", "Costs"'),
    ],
)
def test_the_line_is_the_one_a_person_would_edit(address: str, text: str) -> None:
    template, _, title = address.partition(".")
    place = sources.find(TEMPLATES[template].module, title)
    assert place and text in linecache.getline(str(ROOT / place.file), place.line)


def test_nothing_is_said_where_nothing_is_found(tmp_path: Path) -> None:
    assert sources.find("generator.stacks.backend.ecs", "NoSuchThing") is None
    assert sources.find("generator.stacks.backend.ecs", "Service", tmp_path) is None
    (tmp_path / "generator/stacks/backend").mkdir(parents=True)
    (tmp_path / "generator/stacks/backend/ecs.py").write_text("no python (", encoding="utf-8")
    assert sources.find("generator.stacks.backend.ecs", "Service", tmp_path) is None


# --- what to do

WHO = f"arn:aws:sts::{ACCOUNT}:assumed-role/Deploy/me"


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        (
            f'User: {WHO} is not authorized to perform: s3:PutBucketPolicy on resource: "arn:aws:s3:::site" because no '
            "identity-based policy allows the action (Service: S3, Status Code: 403)",
            "Give assumed-role/Deploy/me this permission (no identity-based policy allows the action): "
            '{"Effect": "Allow", "Action": "s3:PutBucketPolicy", "Resource": "arn:aws:s3:::site"}',
        ),
        (
            f"User: {WHO} is not authorized to perform: ecs:CreateCluster",
            '"Action": "ecs:CreateCluster", "Resource": "*"',
        ),
        (
            f"User: {WHO} is not authorized to perform: kms:CreateKey on resource: * with an explicit deny",
            '"kms:CreateKey", "Resource": "*"',
        ),
        (
            f"User: {WHO} is not authorized to perform: kms:CreateKey on resource: * because of an explicit deny in a "
            "service control policy",
            "an explicit deny in a service control policy forbids kms:CreateKey",
        ),
        ("You are not authorized. Encoded authorization failure message: 4GIO (EC2)", "decode-authorization-message"),
        ("The maximum number of VPCs has been reached. (VpcLimitExceeded)", "higher quota"),
        ("Table already exists: CloudHealthClients", "`apply --adopt`"),
        ("Resource of type 'AWS::ECS::Service' did not stabilize.", "did not become ready"),
        ("Unable to assume the service linked role.", "create-service-linked-role"),
        ("x is currently associated with one or more distributions", "second one under a new logical id"),
        ("The vpc 'vpc-1' has dependencies and cannot be deleted. DependencyViolation", "VPC origin"),
        (remedies.PLANNED, "`make fault-clear`"),
        (
            "Access denied for operation 'AWS::CloudFront::Distribution: Your account must be verified before you can "
            "add new CloudFront resources. To verify your account, please contact AWS Support (Status Code: 403; Error "
            "Code: AccessDenied)'. (HandlerErrorCode: AccessDenied)",
            "no permission helps: open a case with AWS Support",
        ),
        ("This AWS account currently does not support creating load balancers. (OperationNotPermitted)", "AWS Support"),
        ("Rate exceeded (HandlerErrorCode: Throttling)", "run the same command again"),
        ("(HandlerErrorCode: NotUpdatable)", "generator/core/moves.py"),
        ("something else altogether", ""),
    ],
)
def test_what_to_do(reason: str, advice: str) -> None:
    remedy = remedies.remedy(reason)
    assert advice in remedy if advice else remedy == ""


# --- what is no cause


def test_a_failure_of_the_rollback_is_no_cause_but_what_kept_it_from_being_undone(root: Template) -> None:
    """The events of different stacks come in no order."""
    events = [
        event(9, "", "UPDATE_ROLLBACK_FAILED", "The following resource(s) failed to update: [Backend]."),
        event(5, "", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [Storage]."),
        event(7, "Backend/Task", "UPDATE_FAILED", "NotStabilized"),
        event(0, "", "UPDATE_IN_PROGRESS", "User Initiated"),
        event(4, "Storage/Logs", "UPDATE_FAILED", "AccessDenied"),
        event(3, "Storage/Artifacts", "UPDATE_FAILED", "Resource update cancelled"),
    ]
    reason, stuck = cause(events, NAME, root), obstacle(events, NAME, root)
    assert reason and reason.path == (NAME, "Storage", "Logs")
    assert stuck and stuck.path == (NAME, "Backend", "Task")
    assert obstacle(events[1:], NAME, root) is None  # it was undone


def test_somebody_cancelled_it(root: Template) -> None:
    events = [
        event(0, "", "UPDATE_IN_PROGRESS", "User Initiated"),
        event(3, "Storage/Logs", "UPDATE_FAILED", "Resource update cancelled"),
        event(5, "", "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated"),
        event(7, "Backend/Task", "UPDATE_FAILED", "in the rollback"),
    ]
    reason = cause(events, NAME, root)
    assert reason and (reason.path, reason.reason) == ((NAME,), BY_A_PERSON)


def test_a_deletion_that_was_tried_again_is_no_failure(root: Template) -> None:
    gone = [event(1, "Network/Vpc", "DELETE_FAILED", "busy"), event(2, "Network/Vpc", "DELETE_COMPLETE")]
    failed = event(3, "Network/PrivateSubnetA", "DELETE_FAILED", "DependencyViolation")
    reason = cause([event(0, "", "DELETE_IN_PROGRESS"), *gone, failed], NAME, root)
    assert (
        reason
        and reason.path[-1] == "PrivateSubnetA"
        and reason.place.startswith("generator/stacks/network/__init__.py:")
    )
    assert cause(gone, NAME, root) is None


# --- what the tasks said


def test_why_the_tasks_stop() -> None:
    aws = ecs()
    assert why_stopped(aws, SERVICE_ARN) == [
        "deployment FAILED: tasks failed to start.",
        "service: (service backend) is unhealthy.",
        "task new stopped: Essential container in task exited",
        "container backend: exit code 1",
        "container side: CannotPullContainerError",
        "log: KeyError: 'JWT_SECRET_KEY'",
    ]
    assert next(request for name, request in aws.asked if name == "ecs.list_tasks")["cluster"] == "cluster"
    assert (
        next(request for name, request in aws.asked if name.startswith("logs"))["logStreamName"]
        == "backend/backend/new"
    )


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"ecs__list_tasks": {"taskArns": []}}, "no stopped task is known"),
        ({"logs__get_log_events": refusal("x", "ResourceNotFoundException")}, "its log is empty"),
        ({"logs__get_log_events": refusal("x", "AccessDenied")}, "its log cannot be read: x: AccessDenied: "),
        ({"ecs__describe_services": refusal("x", "ClusterNotFoundException")}, "more is not known: x: Cluster"),
    ],
)
def test_what_cannot_be_read_is_said_and_is_no_error(answers: Any, message: str) -> None:
    assert message in why_stopped(ecs(**answers), SERVICE_ARN)[-1]


def test_a_failed_service_is_asked_at_once_and_only_once(root: Template) -> None:
    """The rollback of a creation deletes the service, its tasks and their log."""
    aws = ecs()
    seen: list[list[Event]] = []
    observer = FailureObserver(aws, seen.append)
    failed = Event(
        ("Backend", "Service"), "1", SERVICE_ARN, SERVICE, "CREATE_FAILED", "did not stabilize", START, False
    )
    cancelled = Event(("Other",), "2", SERVICE_ARN, SERVICE, "CREATE_FAILED", "Resource creation cancelled", START)
    observer.see([failed])
    observer.see([failed, cancelled])
    assert len(seen) == 2 and aws.calls().count("ecs.list_tasks") == 1
    reason = cause([failed], NAME, root, observer.service_messages)
    assert reason and reason.service_messages[-1] == "log: KeyError: 'JWT_SECRET_KEY'"
    assert why_stopped(Prepared(), "") == []  # nothing was made that could be asked
