"""A served distribution for the tests of the server: one for each module, as new for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.encodings import forbid_unnamed
from tests.support.rehearsal.sites import Site, sites

forbid_unnamed()


@pytest.fixture(scope="module")
def everyday() -> Iterator[Site]:
    with sites() as site:
        yield site


@pytest.fixture
def site(everyday: Site) -> Site:
    everyday.reset()
    return everyday
