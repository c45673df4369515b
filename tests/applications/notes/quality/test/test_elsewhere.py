# mypy: ignore-errors
"""Tests in a folder of their own, with a package that only tests need."""

import httpx
from notes.main import health


def test_health():
    assert health()["status"] == "ok" and httpx.codes.OK == 200
