"""The two small builds of the deploy stages: invalidation, and the first tasks of a new service."""

import pytest

from tests.support.buildspecs.running import Workshop

PUBLISH = {"DISTRIBUTION_ID": "E2EXAMPLE"}
RAISE = {"CLUSTER": "cloud-health", "SERVICE": "backend", "MINIMUM_TASKS": "2"}
NOT_STABLE = "Waiter ServicesStable failed: Max attempts exceeded"


def service(desired: int) -> dict[str, object]:
    events = [{"message": "(service backend) was unable to place a task"}]
    return {"services": [{"desiredCount": desired, "events": events}]}


def test_publish_invalidates_everything_and_waits(empty: Workshop) -> None:
    empty.machine.answer("cloudfront create-invalidation", {"Invalidation": {"Id": "I1", "Status": "InProgress"}})
    empty.machine.answer("cloudfront wait invalidation-completed")
    outcome = empty.build("publish", PUBLISH)
    assert outcome.succeeded, outcome.log
    assert outcome.result_lines() == ["RESULT invalidation: I1 is completed"]
    create, wait = empty.machine.calls("aws")
    assert create[3:7] == ["--distribution-id", "E2EXAMPLE", "--paths", "/*"]
    assert wait[2:] == ["wait", "invalidation-completed", "--distribution-id", "E2EXAMPLE", "--id", "I1"]


@pytest.mark.parametrize("call", ["cloudfront create-invalidation", "cloudfront wait invalidation-completed"])
def test_publish_fails_with_aws(empty: Workshop, call: str) -> None:
    empty.machine.answer("cloudfront create-invalidation", {"Invalidation": {"Id": "I1"}})
    empty.machine.answer(call, status=255, error="TooManyInvalidationsInProgress")
    outcome = empty.build("publish", PUBLISH)
    assert not outcome.succeeded
    assert "TooManyInvalidationsInProgress" in outcome.log
    assert outcome.result_lines() == []


def test_a_service_without_tasks_is_raised_and_waited_for(empty: Workshop) -> None:
    empty.machine.answer("ecs describe-services", service(0))
    empty.machine.answer("ecs update-service", {"service": {"desiredCount": 2}})
    empty.machine.answer("ecs wait services-stable")
    outcome = empty.build("raise", RAISE)
    assert outcome.succeeded, outcome.log
    assert outcome.result_lines() == ["RESULT raise: backend runs 2 tasks"]
    (update,) = empty.machine.calls("aws", "ecs", "update-service")
    assert update[3:9] == ["--cluster", "cloud-health", "--service", "backend", "--desired-count", "2"]
    assert empty.machine.calls("aws", "ecs", "wait", "services-stable")


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


def test_tasks_that_do_not_start_fail_with_the_events(empty: Workshop) -> None:
    empty.machine.answer("ecs describe-services", service(0))
    empty.machine.answer("ecs update-service", {"service": {"desiredCount": 2}})
    empty.machine.answer("ecs wait services-stable", status=255, error=NOT_STABLE)
    outcome = empty.build("raise", RAISE)
    assert not outcome.succeeded
    assert outcome.result_lines() == ["ERROR backend is not stable; its last events:"]
    assert "was unable to place a task" in outcome.log


@pytest.mark.parametrize("call", ["ecs describe-services", "ecs update-service"])
def test_raise_fails_with_aws(empty: Workshop, call: str) -> None:
    empty.machine.answer("ecs describe-services", service(0))
    empty.machine.answer(call, status=254, error="AccessDeniedException")
    outcome = empty.build("raise", RAISE)
    assert not outcome.succeeded
    assert "AccessDeniedException" in outcome.log
