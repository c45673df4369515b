"""One local AWS for each file, as a process of its own, and drivers that are forked from no process with threads."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from scripts.local_aws import server
from tests import prepared
from tests.conftest import ROOT

Drive = Callable[..., Any]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Endpoint]:
    run_file = tmp_path_factory.mktemp("destructive") / "local_aws.json"
    try:
        yield prepared.ensure(run_file)
    finally:
        server.stop(run_file)


@pytest.fixture(scope="module")
def drive(endpoint: server.Endpoint) -> Drive:
    """Runs `python -m tests.destructive.MODULE URL KEY WORDS` and gives what it prints as JSON."""

    def run(module: str, *words: str) -> Any:
        command = [sys.executable, "-m", f"tests.destructive.{module}", endpoint.url, endpoint.key, *words]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return json.loads(done.stdout)

    return run
