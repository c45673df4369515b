"""A release where nothing has our names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.rehearsal.context import ECS_WAITS, S3_ENCRYPTS
from tests.support.rehearsal.environments import deployed_environment
from tests.support.rehearsal.renaming import renamed


@pytest.mark.soak
def test_nothing_is_known_by_our_names(tmp_path: Path) -> None:
    """Every stage, action, artifact, project and container is called otherwise, and the release is the same; this
    environment asks for approval, too. What AWS's documentation leaves open is supposed to be the harder way."""

    def change(folder: Path) -> None:
        renamed(folder)
        file = folder / "params/local.json"
        body = json.loads(file.read_text(encoding="utf-8"))
        body["Parameters"]["ApprovalRequired"] = "true"
        file.write_text(json.dumps(body), encoding="utf-8")

    with deployed_environment(tmp_path, change) as elsewhere:
        release = elsewhere.release(elsewhere.application("renamed"), suppose=(S3_ENCRYPTS, ECS_WAITS))
        assert release.succeeded, "\n".join(elsewhere.lines)
        shown = "\n".join(elsewhere.lines + list(release.artifacts))
    for name in ("Build_Backend", "DeployToECS", "SourceOutput", "FrontendAssets", "backend-build-local"):
        assert name not in shown
    assert "== Deployment-0" in elsewhere.lines
    assert [note for note in release.notes if note.endswith("approved by the rehearsal, nobody was asked")]
