# mypy: ignore-errors
"""Tests of the package, inside of it."""

from notes.main import notes


def test_there_is_one():
    assert notes() == ["first"]
