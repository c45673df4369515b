"""Workshops for the tests of the buildspecs."""

from pathlib import Path

import pytest

from .support import SAMPLE, Workshop, workshop


@pytest.fixture
def sample(tmp_path: Path) -> Workshop:
    """A fresh copy of the sample application."""
    return workshop(tmp_path, SAMPLE)


@pytest.fixture
def empty(tmp_path: Path) -> Workshop:
    """A workspace without files."""
    return workshop(tmp_path, None)
