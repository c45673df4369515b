"""A living environment on an account of its own, for each file of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.accounts import Account, account


@pytest.fixture(scope="module")
def created(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """The account: one for all tests of a file."""
    with account(tmp_path_factory.mktemp("account")) as local_account:
        local_account.write()
        done = local_account.run("apply", "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        yield local_account


@pytest.fixture
def mine(created: Account) -> Account:
    """A living environment; the files say what is deployed."""
    created.write(created.note())
    return created
