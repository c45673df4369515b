"""A pytest plugin that names the test that runs to coverage.py: `-p tests.mutants.plugin`, under `coverage run`."""

from __future__ import annotations

import importlib
import json
import os
import time
from collections.abc import Generator
from pathlib import Path

import pytest

SECONDS: dict[str, float] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    measuring = importlib.import_module("coverage").Coverage.current()
    if measuring:
        measuring.switch_context(item.nodeid)
    began = time.monotonic()
    result = yield
    SECONDS[item.nodeid] = round(time.monotonic() - began, 3)
    return result


def pytest_sessionfinish() -> None:
    Path(os.environ["MUTANTS_SECONDS"]).write_text(json.dumps(SECONDS), encoding="utf-8")
