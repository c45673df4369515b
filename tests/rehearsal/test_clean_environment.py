"""What an application brings is executed without the user's environment and home."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.rehearsal.runtime import toolchains
from tests.support.rehearsal.hostile import SECRET, user_with_secrets

# pip executes the build backend that a package names itself.
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "evil"\nbackend-path = ["."]\n'
BACKEND = """
import json, os
from pathlib import Path
credentials = Path("~/.aws/credentials").expanduser()
seen = {"environment": dict(os.environ), "credentials": credentials.exists() and credentials.read_text()}
Path("~/from-setup").expanduser().write_text("")
Path(__file__).with_name("seen.json").write_text(json.dumps(seen))
raise SystemExit("seen enough")
"""


def test_the_installation_of_requirements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = user_with_secrets(tmp_path, monkeypatch)
    package = tmp_path / "application/evil"
    package.mkdir(parents=True)
    (package / "pyproject.toml").write_text(PROJECT)
    (package / "evil.py").write_text(BACKEND)
    requirements = tmp_path / "application/requirements.txt"
    requirements.write_text(f"{package}\n")
    with pytest.raises(toolchains.ToolchainError, match="cannot be installed"):
        toolchains.application_python(requirements, tmp_path / "cache")
    seen = json.loads((package / "seen.json").read_text())
    assert SECRET not in json.dumps(seen) and "GITHUB_TOKEN" not in seen["environment"]
    assert seen["credentials"] is False
    assert Path(seen["environment"]["HOME"]).is_relative_to(tmp_path / "cache")
    assert not (home / "from-setup").exists()
