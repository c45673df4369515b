"""New versions of this repository on a living environment: an earlier set of our own templates is deployed on the local
AWS and updated to today's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.local_aws.matrix import Living
from tests.support.earlier import DATA, FIRST_OF_0_2, LAST_OF_0_1, unpack


def updated(revision: str, name: str, folder: Path) -> None:
    """Deploys an environment as a revision describes it and updates it to today's templates and parameters: nothing
    fails, nothing that holds data is replaced, no request is lost."""
    living = Living(name, f"-{revision[:7]}", unpack(revision, folder))
    assert living.create() == "CREATE_COMPLETE"
    before = {path: resource.physical for path, resource in living.resources().items() if resource.kind in DATA}
    assert before
    living.folder = ROOT
    happened = living.change(living.file_values())
    assert happened.status == "UPDATE_COMPLETE", happened.failures
    assert not happened.failures, "and everything was tidied up"
    after = {path: resource.physical for path, resource in living.resources().items()}
    assert {path: after.get(path) for path in before} == before
    assert happened.client.sent
    assert happened.client.lost == 0
    assert living.delete() == "DELETE_COMPLETE"


def test_the_set_before_this_one_is_updated_to_todays(tmp_path: Path) -> None:
    updated(FIRST_OF_0_2, "staging", tmp_path)


@pytest.mark.soak
def test_the_first_set_is_updated_to_todays(tmp_path: Path) -> None:
    updated(LAST_OF_0_1, "bluegreen", tmp_path)
