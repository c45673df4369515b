"""A user with secrets in environment and home, and an application that wants them."""

from __future__ import annotations

from pathlib import Path

import pytest

SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"
# For the page's build and for the backend at its start: reads what it can, and writes outside of its own folder.
STEAL = """echo "RESULT home $HOME"
echo "RESULT found $AWS_SECRET_ACCESS_KEY $GITHUB_TOKEN $(cat ~/.aws/credentials 2>/dev/null) $(env)" | tr '\\n' ' '
echo owned > ~/owned
echo owned > ../../owned
"""


def user_with_secrets(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sets a home folder with credentials of AWS, and variables with secrets; returns the home."""
    home = folder / "users-home"
    (home / ".aws").mkdir(parents=True)
    (home / ".aws/credentials").write_text(f"[default]\naws_access_key_id = AKIA\naws_secret_access_key = {SECRET}\n")
    for name, value in {"HOME": str(home), "AWS_SECRET_ACCESS_KEY": SECRET, "GITHUB_TOKEN": f"ghp_{SECRET}"}.items():
        monkeypatch.setenv(name, value)
    return home
