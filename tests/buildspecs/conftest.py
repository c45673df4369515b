"""Workshops for the tests of the buildspecs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.buildspecs.releases import Release, Site, good_release, served
from tests.support.buildspecs.running import SAMPLE, Workshop, workshop


@pytest.fixture
def sample(tmp_path: Path) -> Workshop:
    """A fresh copy of the sample application."""
    return workshop(tmp_path, SAMPLE)


@pytest.fixture
def empty(tmp_path: Path) -> Workshop:
    """A workspace without files."""
    return workshop(tmp_path, None)


@pytest.fixture
def site() -> Iterator[Site]:
    """A public address without pages."""
    with served() as site:
        yield site


@pytest.fixture
def release(empty: Workshop, site: Site) -> Release:
    """A good release of the backend."""
    return good_release(empty, site)
