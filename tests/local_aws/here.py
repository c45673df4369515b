"""An account of the local AWS in this process, which nobody else uses: its calls to services go to moto without a
server, and are recorded."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from unittest.mock import patch

from scripts.local_aws import account as accounts
from scripts.local_aws import application
from scripts.local_aws.account import Account
from scripts.local_aws.services import Services

REGION = "us-east-1"
NUMBERS = count(700000000001)  # one for each test: nothing of another test is in the account


CLIENTS: dict[tuple[str, str], Any] = {}
PRESENT: list[str] = []  # the number of the account of now


def _name_account(request: Any, **_: Any) -> None:
    """moto's way to say which account a call is for."""
    request.headers["x-moto-account-id"] = PRESENT[-1]


@dataclass
class RecordedServices(Services):
    """Services that remember each call that was made through them: service, operation and arguments."""

    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def call(self, service: str, operation: str, arguments: Mapping[str, Any]) -> Any:
        self.calls.append((service, operation, copy.deepcopy(dict(arguments))))
        return super().call(service, operation, arguments)

    def _new_client(self, service: str) -> Any:
        """Clients are dear, so the tests of a process share them: their calls are for the account of now."""
        if (self.region, service) not in CLIENTS:
            client = CLIENTS[self.region, service] = super()._new_client(service)
            client.meta.events.register("before-sign", _name_account)
        return CLIENTS[self.region, service]

    def taken(self) -> list[tuple[str, str, dict[str, Any]]]:
        """The calls since this was asked before."""
        calls, self.calls = self.calls, []
        return calls


@contextmanager
def new_account(region: str = REGION) -> Iterator[Account]:
    """An account with nothing in it."""
    if not accounts.SERVED:
        accounts.SERVED.append(("http://localhost:1", application.dispatcher()))
    [(endpoint, served)] = accounts.SERVED
    number = str(next(NUMBERS))
    account = Account(RecordedServices(endpoint, region, number, "aws", served))
    accounts.ACCOUNTS[number, region] = account
    PRESENT.append(number)
    try:
        with patch.dict(os.environ, {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}):  # they take longer than a test
            del os.environ["MOTO_ACCOUNT_ID"]  # it would be the account of all calls
            yield account
    finally:
        PRESENT.pop()
        for key in [key for key in accounts.ACCOUNTS if key[0] == number]:
            del accounts.ACCOUNTS[key]
