"""The small builds that run nothing of the application: invalidation, the first tasks of a new service."""

import json
from typing import Any

import botocore.session
import pytest

from tests.support.buildspecs.running import Workshop, text

PUBLISH = {"DISTRIBUTION_ID": "E2EXAMPLE"}
RAISE = {"CLUSTER": "cloud-health", "SERVICE": "backend", "MINIMUM_TASKS": "2", "CONTAINER_NAME": "backend"}
IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/images:0123456789ab"
OLD = "arn:aws:ecs:us-east-1:000000000000:task-definition/backend:1"
NEW = OLD.removesuffix("1") + "2"
REVISION = {
    "taskDefinitionArn": OLD,
    "family": "backend",
    "revision": 1,
    "status": "ACTIVE",
    "cpu": "512",
    "memory": "1024",
    "taskRoleArn": "arn:aws:iam::000000000000:role/task",
    "executionRoleArn": "arn:aws:iam::000000000000:role/execution",
    "containerDefinitions": [{"name": "backend", "image": "registry:none", "essential": True}, {"name": "beside"}],
    "requiresAttributes": [{"name": "ecs.capability.task-eni"}],
    "compatibilities": ["EC2", "FARGATE"],
    "registeredAt": "2026-11-28T12:00:00+00:00",
    "registeredBy": "arn:aws:sts::000000000000:assumed-role/x/y",
}
TAGS = [{"key": "Environment", "value": "staging"}]
NOT_STABLE = "Waiter ServicesStable failed: Max attempts exceeded"


def service(desired: int) -> dict[str, object]:
    events = [{"message": "(service backend) was unable to place a task"}]
    return {"services": [{"desiredCount": desired, "events": events, "taskDefinition": OLD}]}


@pytest.fixture
def new(empty: Workshop) -> Workshop:
    """A service that wants no tasks, and the artifact of the build."""
    empty.write("imagedefinitions.json", json.dumps([{"name": "backend", "imageUri": IMAGE}]))
    empty.machine.answer("ecs describe-services", service(0))
    empty.machine.answer("ecs describe-task-definition", {"taskDefinition": REVISION, "tags": TAGS})
    empty.machine.answer("ecs register-task-definition", {"taskDefinition": {"taskDefinitionArn": NEW}})
    empty.machine.answer("ecs update-service", {"service": {"desiredCount": 2}})
    empty.machine.answer("ecs wait services-stable")
    return empty


def test_publish_invalidates_everything_and_waits(empty: Workshop) -> None:
    empty.machine.answer("cloudfront create-invalidation", {"Invalidation": {"Id": "I1", "Status": "InProgress"}})
    empty.machine.answer("cloudfront wait invalidation-completed")
    outcome = empty.build("publish", PUBLISH)
    assert outcome.succeeded, outcome.log
    assert outcome.result_lines() == ["RESULT invalidation: I1 is completed"]
    assert outcome.log.startswith("Invalidation I1 of distribution E2EXAMPLE is under way\n")
    assert [" ".join(call) for call in empty.machine.calls("aws")] == [
        "aws cloudfront create-invalidation --distribution-id E2EXAMPLE --paths /*"
        " --query Invalidation.Id --output text",
        "aws cloudfront wait invalidation-completed --distribution-id E2EXAMPLE --id I1",
    ]


@pytest.mark.parametrize("call", ["cloudfront create-invalidation", "cloudfront wait invalidation-completed"])
def test_publish_fails_with_aws(empty: Workshop, call: str) -> None:
    empty.machine.answer("cloudfront create-invalidation", {"Invalidation": {"Id": "I1"}})
    empty.machine.answer(call, status=255, error="TooManyInvalidationsInProgress")
    outcome = empty.build("publish", PUBLISH)
    assert not outcome.succeeded
    assert "TooManyInvalidationsInProgress" in outcome.log
    assert outcome.result_lines() == []


def test_a_service_without_tasks_is_raised_and_waited_for(new: Workshop) -> None:
    """With the revision that has the built image: nobody has to know how the deploy action ends on no tasks."""
    outcome = new.build("raise", RAISE)
    assert outcome.succeeded, outcome.log
    assert outcome.result_lines() == ["RESULT raise: backend runs 2 tasks"]
    assert f"the first revision has {IMAGE}\n" in outcome.log
    described = "aws ecs describe-services --cluster cloud-health --services backend --query services[0]"
    assert [" ".join(call) for call in new.machine.calls("aws")] == [
        f"{described}.desiredCount --output text",
        f"{described}.taskDefinition --output text",
        f"aws ecs describe-task-definition --task-definition {OLD} --include TAGS",
        "aws ecs register-task-definition --cli-input-json file://release-revision.json"
        " --query taskDefinition.taskDefinitionArn --output text",
        f"aws ecs update-service --cluster cloud-health --service backend --task-definition {NEW} --desired-count 2"
        " --query service.desiredCount --output text",
        "aws ecs wait services-stable --cluster cloud-health --services backend",
    ]


def test_the_first_revision_is_a_copy_with_the_built_image(new: Workshop) -> None:
    """Everything that can be registered, by botocore's model, and nothing that only an answer has."""
    assert new.build("raise", RAISE).succeeded
    body: dict[str, Any] = json.loads((new.source / "release-revision.json").read_text(encoding="utf-8"))
    kept = ("family", "cpu", "memory", "taskRoleArn", "executionRoleArn")
    containers = [{"name": "backend", "image": IMAGE, "essential": True}, {"name": "beside"}]
    assert body == {**{name: REVISION[name] for name in kept}, "containerDefinitions": containers, "tags": TAGS}
    model = botocore.session.get_session().get_service_model("ecs")
    registered = set(model.operation_model("RegisterTaskDefinition").input_shape.members)
    assert body.keys() <= registered
    answered = set(model.shape_for("TaskDefinition").members)
    # What the buildspec leaves out is the difference of the two shapes.
    assert all(key in text("raise") for key in answered - registered)


@pytest.mark.parametrize("entries", [[], [{"name": "other", "imageUri": IMAGE}]])
def test_an_artifact_without_our_image_raises_nothing(new: Workshop, entries: list[dict[str, str]]) -> None:
    new.write("imagedefinitions.json", json.dumps(entries))
    outcome = new.build("raise", RAISE)
    assert not outcome.succeeded
    assert "ERROR container backend: 0 images in imagedefinitions.json, 1 in the revision" in outcome.log
    assert new.machine.calls("aws", "ecs", "update-service") == []


def test_a_service_with_tasks_is_left_alone(empty: Workshop) -> None:
    empty.machine.answer("ecs describe-services", service(3))
    outcome = empty.build("raise", RAISE)
    assert outcome.succeeded, outcome.log
    assert outcome.result_lines() == ["RESULT raise: nothing to do, backend wants 3 tasks already"]
    assert len(empty.machine.calls("aws")) == 1


def test_a_service_that_is_not_there_fails(empty: Workshop) -> None:
    empty.machine.answer("ecs describe-services", {"services": [], "failures": [{"reason": "MISSING"}]})
    outcome = empty.build("raise", RAISE)
    assert not outcome.succeeded
    assert outcome.result_lines() == ["ERROR service backend is not in cluster cloud-health"]


def test_tasks_that_do_not_start_fail_with_the_events(new: Workshop) -> None:
    """And leave the service as it was made, so that the next release begins here again."""
    new.machine.answer("ecs wait services-stable", status=255, error=NOT_STABLE)
    outcome = new.build("raise", RAISE)
    assert not outcome.succeeded
    assert outcome.result_lines() == [
        "ERROR backend is not stable, and has no tasks again; its last events:"
        " (service backend) was unable to place a task"
    ]
    assert [" ".join(call[2:]) for call in new.machine.calls("aws")[-2:]] == [
        "describe-services --cluster cloud-health --services backend"
        " --query services[0].events[:5].message --output text",
        "update-service --cluster cloud-health --service backend --desired-count 0"
        " --query service.desiredCount --output text",
    ]


def test_a_revision_without_tags_gets_none(new: Workshop) -> None:
    new.machine.answer("ecs describe-task-definition", {"taskDefinition": {**REVISION, "memory": None}})
    assert new.build("raise", RAISE).succeeded
    body = json.loads((new.source / "release-revision.json").read_text(encoding="utf-8"))
    assert not {"tags", "memory"} & body.keys(), "what describing leaves empty cannot be registered"


@pytest.mark.parametrize(
    "call",
    ["ecs describe-services", "ecs describe-task-definition", "ecs register-task-definition", "ecs update-service"],
)
def test_raise_fails_with_aws(new: Workshop, call: str) -> None:
    new.machine.answer(call, status=254, error="AccessDeniedException")
    outcome = new.build("raise", RAISE)
    assert not outcome.succeeded
    assert "AccessDeniedException" in outcome.log
