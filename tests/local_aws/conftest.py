"""One local AWS for all tests of this folder, as a process of its own on loopback; and accounts in this process."""

from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest

from scripts.local_aws import account as accounts
from scripts.local_aws import application, server
from scripts.local_aws.account import Account
from tests import prepared
from tests.local_aws.here import new_account
from tests.local_aws.own import REGION, Own
from tests.local_aws.support import Aws
from tests.support.encodings import forbid_unnamed

forbid_unnamed()


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Endpoint]:
    """A server of our own; it never meets the one that `make deploy` keeps. How one starts as a command is shown by
    test_server.py and test_access.py."""
    run_file: Path = tmp_path_factory.mktemp("local_aws") / "local_aws.json"
    yield prepared.ensure(run_file)
    assert server.stop(run_file)


@pytest.fixture(scope="session")
def aws(endpoint: server.Endpoint) -> Aws:
    """Clients of it that check every CloudFormation answer."""
    return Aws(endpoint)


@pytest.fixture
def own(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Own]:
    """An account of the test's own in this process; its number, and so what is drawn in it, is that of the test's
    name."""
    number = f"{crc32(request.node.name.encode()):012}"
    application.dispatcher()  # reads the variable when it is made
    monkeypatch.setenv("MOTO_ACCOUNT_ID", number)  # which account moto answers for
    yield Own(number)
    accounts.ACCOUNTS.pop((number, REGION))


@pytest.fixture
def account() -> Iterator[Account]:
    """An account with nothing in it, in this process; its calls to services are recorded."""
    with new_account() as account:
        yield account
