"""One local AWS for each file, as a process of its own, and drivers that are forked from no process with threads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from scripts.local_aws import server
from tests import prepared
from tests.support import commands
from tests.support.commands import Words

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
        line = Words(f"tests.destructive.{module}", [endpoint.url, endpoint.key, *words])
        done = commands.run(line, seconds=400)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return json.loads(done.stdout)

    return run
