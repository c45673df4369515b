"""What the actions of a release share: notes, the workspace, and the rights to the artifact store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scripts.rehearsal.context import RehearsalOptions
from scripts.rehearsal.permissions import AccessDeniedError
from tests.support.rehearsal.releases import PIPELINE, STORE_KEY, rehearsed


def test_a_difference_from_aws_is_noted_once(tmp_path: Path) -> None:
    release = rehearsed(tmp_path)
    for text in ("a", "b", "a"):
        release.context.note(text)
    assert release.notes == ["a", "b"]
    assert release.context.workspaces == release.context.janitor.folder
    assert RehearsalOptions(tmp_path, tmp_path / "cache").log_folder == tmp_path / "cache/last"


@pytest.mark.parametrize("key", ["", STORE_KEY])
def test_the_store_and_its_key_are_checked_for_a_role(tmp_path: Path, key: str) -> None:
    release = rehearsed(tmp_path, pipeline=replace(PIPELINE, key=key))
    release.context.check_artifact_store("role", "plain", "with key")
    encrypted = [("role", "with key", {"Key": key})] if key else []
    assert release.checks.calls == [("role", "plain", {"Bucket": "store"}), *encrypted]
    release.checks.denied.add("plain")
    with pytest.raises(AccessDeniedError):
        release.context.check_artifact_store("role", "plain", "with key")
