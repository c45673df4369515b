"""An account of the local AWS in this process, which nobody else uses: its calls to services go to moto without a
server, and are recorded."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError

from scripts.local_aws import account as accounts
from scripts.local_aws import application
from scripts.local_aws.account import Account
from scripts.local_aws.services import Services

REGION = "us-east-1"
NUMBERS = count(700000000001)  # one for each test: nothing of another test is in the account


CLIENTS: dict[tuple[str, str], Any] = {}


@dataclass
class RecordedServices(Services):
    """Services that remember each call that was made through them: service, operation and arguments."""

    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def call(self, service: str, operation: str, arguments: Mapping[str, Any]) -> Any:
        self.calls.append((service, operation, copy.deepcopy(dict(arguments))))
        return super().call(service, operation, arguments)

    def _new_client(self, service: str) -> Any:
        """Clients are dear, so the tests of a process share them: which account is meant, moto reads elsewhere."""
        if (self.region, service) not in CLIENTS:
            CLIENTS[self.region, service] = super()._new_client(service)
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
    # The account that moto answers for; its list of images takes longer than a test.
    variables = {"MOTO_ACCOUNT_ID": number, "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
    try:
        with patch.dict(os.environ, variables):
            yield account
    finally:
        for key in [key for key in accounts.ACCOUNTS if key[0] == number]:
            del accounts.ACCOUNTS[key]


def recorded(account: Account) -> RecordedServices:
    """The services of such an account."""
    assert isinstance(account.services, RecordedServices)
    return account.services


def answer(response: Mapping[str, Any]) -> dict[str, Any]:
    """What boto3 gives, without what is about the way of the call."""
    return {name: value for name, value in response.items() if name != "ResponseMetadata"}


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    """Code and message of the error that a call ends with."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]
