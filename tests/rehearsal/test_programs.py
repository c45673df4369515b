"""The programs that a rehearsal imitates, and what it copies of what AWS answers."""

from __future__ import annotations

import threading

import pytest

from scripts.rehearsal.builds.programs import serve_programs
from scripts.rehearsal.deployments import REGISTERED_KEYS
from tests.deployment.service import model


def test_nothing_is_served_after_the_build_however_it_ended() -> None:
    before = set(threading.enumerate())
    with pytest.raises(KeyError), serve_programs() as programs:
        assert programs.port
        raise KeyError
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()


def test_a_revision_keeps_all_that_can_be_registered() -> None:
    """Every member of TaskDefinition that RegisterTaskDefinition takes, too (botocore's model of ECS)."""
    ecs = model("ecs")
    taken = set(ecs.operation_model("RegisterTaskDefinition").input_shape.members)
    assert set(REGISTERED_KEYS) == taken & set(ecs.shape_for("TaskDefinition").members)
