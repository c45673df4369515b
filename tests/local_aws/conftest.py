"""One local AWS for all tests of this folder, as a process of its own on loopback."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.local_aws import server
from tests.local_aws.support import Aws


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Endpoint]:
    """A server of our own; it never meets the one that `make deploy` keeps."""
    run_file: Path = tmp_path_factory.mktemp("local_aws") / "local_aws.json"
    yield server.start(run_file=run_file).endpoint
    assert server.stop(run_file)


@pytest.fixture(scope="session")
def aws(endpoint: server.Endpoint) -> Aws:
    """Clients of it that check every CloudFormation answer."""
    return Aws(endpoint)
