"""Calls to moto's services through their own API, and the names that CloudFormation generates."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import OperationModel

from scripts.local_aws import inside
from scripts.local_aws.incoming import OWN

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Failed(Exception):
    """A resource that a service refused or that is not what was asked for; the message is the reason."""


@dataclass
class Services:
    """Clients of the services of one account and region, made once each; of the application in this process, or over
    loopback without one."""

    endpoint: str
    region: str
    account: str
    partition: str = "aws"
    application: inside.Application | None = None
    clients: dict[str, Any] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)  # boto3 makes clients in one thread at a time only

    def client(self, service: str) -> Any:
        """The boto3 client of a service."""
        with self.lock:
            if service not in self.clients:
                self.clients[service] = self._made(service)
        return self.clients[service]

    def _made(self, service: str) -> Any:
        config = Config(retries={"total_max_attempts": 1}, max_pool_connections=4, user_agent_extra=OWN)
        keys = {"aws_access_key_id": self.account, "aws_secret_access_key": "local"}
        made = boto3.client(service, endpoint_url=self.endpoint, region_name=self.region, config=config, **keys)
        if self.application:
            inside.route(made, self.application)
        return made

    def call(self, service: str, operation: str, arguments: Mapping[str, Any]) -> Any:
        """One call, the only one. Raises `Failed` with AWS's form of a reason."""
        client = self.client(service)
        try:
            return getattr(client, operation)(**arguments)
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            handler = next((name for part, name in HANDLER_CODES.items() if part in code), "InvalidRequest")
            name = client.meta.service_model.service_id
            text = f'Resource handler returned message: "{message} (Service: {name}, Status Code: {status})"'
            raise Failed(f"{text} (HandlerErrorCode: {handler})") from error
        except BotoCoreError as error:
            raise Failed(f'Resource handler returned message: "{error}" (HandlerErrorCode: InvalidRequest)') from error

    def model(self, service: str, operation: str) -> OperationModel:
        """botocore's model of an operation."""
        meta = self.client(service).meta
        return meta.service_model.operation_model(meta.method_to_api_mapping[operation])


HANDLER_CODES = {"Exist": "AlreadyExists", "NotFound": "NotFound", "NoSuch": "NotFound", "Denied": "AccessDenied"}


def generated(stack: str, logical: str, seed: str, longest: int) -> str:
    """A name as CloudFormation makes it, stack-logical-random, cut to `longest`; the same for the same seed."""
    number, random = int.from_bytes(hashlib.sha256(f"{stack}/{logical}/{seed}".encode()).digest()[:12]), ""
    while len(random) < 12:
        number, digit = divmod(number, 36)
        random += ALPHABET[digit]
    room = longest - 14
    first = stack[: max(room - len(logical), room // 2)]
    return f"{first}-{logical[: room - len(first)]}-{random}"
