"""A checkout to be edited by a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.encodings import forbid_unnamed
from tests.support.pull_requests import checkout_of

forbid_unnamed()


@pytest.fixture
def checkout(tmp_path: Path, repository: Path) -> Path:
    """The folder of a checkout with one commit, called `base`, for which the gate has passed."""
    return checkout_of(repository, tmp_path / "checkout")
