"""The only place that touches boto3: session, retries, paging, and the one method that every call goes through."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from itertools import accumulate, repeat
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from scripts.deployment.errors import AwsError, UsageError, remedy

Answer = dict[str, Any]

Item = TypeVar("Item")
Result = TypeVar("Result")

LONGEST = 1000  # characters of a message
AT_ONCE = 8  # items of one list; a function for one may have a list of its own


@dataclass(frozen=True)
class Endpoint:
    """Where the local AWS listens. `missing` tells what it does not hold of what was deployed to it."""

    url: str
    region: str
    missing: Callable[[], list[dict[str, str]]] = list
    key: str = "local"  # the access key id that it takes, with any secret
    page: str = ""  # its page for people


@dataclass(frozen=True)
class Identity:
    """Who calls: account, ARN of the caller."""

    account: str
    arn: str


class Aws:
    """One account and region. `profile` and `region` go before what the AWS CLI's files and variables say; with an
    `endpoint` nothing of those is read, credentials least of all."""

    _identity: Identity | None = None
    _making = Lock()  # boto3 makes clients in one thread at a time only

    def __init__(self, profile: str | None = None, region: str | None = None, endpoint: Endpoint | None = None) -> None:
        self.endpoint, self._clients = endpoint, dict[str, Any]()
        self.session = _local_session(endpoint.key) if endpoint else _session(profile)
        chosen = endpoint.region if endpoint else region or os.environ.get("AWS_REGION") or self.session.region_name
        if not chosen:
            raise UsageError("No AWS Region is set.", "Give --region, AWS_REGION or a profile with a region.")
        self.region: str = chosen

    def at(self, region: str) -> "Aws":
        """The same account in another region."""
        if region == self.region:
            return self
        other = copy(self)
        other.region, other._clients = region, {}
        return other

    def call(self, service: str, operation: str, /, **arguments: Any) -> Answer:
        """One call, `call("s3", "put_object", …)`, retried by botocore. Raises `AwsError`."""
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        name = f"{service}.{operation}"
        try:
            answer: Answer = getattr(self._client(service), operation)(**arguments)
            return answer
        except ClientError as error:
            fault = error.response["Error"]
            raise AwsError(name, fault["Code"], fault.get("Message", "")) from error
        except (BotoCoreError, ResponseParserError) as error:
            # A parser's holds the whole answer, which may be somebody's page of error.
            text = str(error)
            raise AwsError(name, type(error).__name__, text[:LONGEST] + "…" if len(text) > LONGEST else text) from error
        except EOFError as error:  # a profile with `mfa_serial` asks, and nobody answers
            raise AwsError(name, "MfaCode", "nobody gave the code of the MFA device") from error

    def pages(self, service: str, operation: str, /, **arguments: Any) -> Iterator[Answer]:
        """Every page of an answer, by botocore's paginators over our `call`; for the few operations that botocore has
        none for, by the token that they take and give. Raises `AwsError`."""
        from botocore.exceptions import PaginationError
        from botocore.paginate import Paginator

        meta = self._client(service).meta
        name = meta.method_to_api_mapping[operation]
        model = meta.service_model.operation_model(name)
        config = _paginators(service).get(name)
        if config is None:
            members = model.output_shape.members
            token = next(token for token in ("NextToken", "nextToken") if token in members)
            lists = [member for member, shape in members.items() if shape.type_name == "list"]
            config = {"input_token": token, "output_token": token, "result_key": lists}
        try:
            yield from Paginator(partial(self.call, service, operation), config, model).paginate(**arguments)
        except PaginationError as error:
            raise AwsError(f"{service}.{operation}", type(error).__name__, str(error)) from error

    def at_once(self, function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """What a function that calls AWS gives for each item, in their order; it works on several at the same time.
        Raises what it raises for the first item that it fails for."""
        from multiprocessing.pool import ThreadPool  # nobody waits for a call of these when a person ends the process

        if len(items) < 2:
            return list(map(function, items))
        with ThreadPool(min(len(items), AT_ONCE)) as pool:
            return list(pool.imap(function, items))

    def identity(self) -> Identity:
        """Who we are to AWS, asked once."""
        if self._identity is None:
            answer = self.call("sts", "get_caller_identity")
            self._identity = Identity(answer["Account"], answer["Arn"])
        return self._identity

    def _client(self, service: str) -> Any:
        with self._making:
            if service not in self._clients:
                self._clients[service] = self._new_client(service)
        return self._clients[service]

    def _new_client(self, service: str) -> Any:
        from botocore.config import Config

        # `standard` also retries throttling, 5xx and dropped connections, with backoff and jitter.
        retries = {"mode": "standard", "total_max_attempts": 8}
        local = {"proxies": {}, "s3": {"addressing_style": "path"}} if self.endpoint else {}
        config = Config(retries=retries, connect_timeout=10, read_timeout=60, max_pool_connections=AT_ONCE**2, **local)
        where = {"region_name": self.region, "endpoint_url": self.endpoint.url if self.endpoint else None}
        return self.session.client(service, config=config, **where)


def _session(profile: str | None) -> Any:
    """The user's session, as the AWS command line would have it: a profile with `role_arn` and `mfa_serial` asks for
    the code once, and the session is kept where that keeps it, until it expires. Source: AWS CLI user guide, "Using an
    IAM role in the AWS CLI"; botocore, `AssumeRoleProvider`."""
    import boto3
    from botocore.credentials import JSONFileCache
    from botocore.exceptions import BotoCoreError

    core = _core(profile=profile)
    try:
        roles = core.get_component("credential_provider").get_provider("assume-role")
        roles.cache = JSONFileCache(str(Path("~/.aws/cli/cache").expanduser()))
        return boto3.Session(botocore_session=core)
    except BotoCoreError as error:
        raise UsageError(str(error), remedy(type(error).__name__)) from error


def _local_session(key: str) -> Any:
    """A session that reads neither profile nor files nor credentials of the user."""
    import boto3

    nothing: dict[str, Any] = {"profile": (None, [], None, None), "config_file": (None, [], os.devnull, None)}
    core = _core(session_vars={**nothing, "credentials_file": (None, [], os.devnull, None)})
    core.set_credentials(key, "local")
    return boto3.Session(botocore_session=core)


def _core(**settings: Any) -> Any:
    """Botocore's session, in which Python itself reads the times that it can: events come by the hundred, and
    botocore's own reader takes a thousand times as long for each."""
    import botocore.session
    from botocore.handlers import json_decode_template_body
    from botocore.utils import parse_timestamp

    def moment(text: Any) -> Any:
        with suppress(TypeError, ValueError):
            if "T" in text:
                return datetime.fromisoformat(text)
        return parse_timestamp(text)

    core = botocore.session.Session(**settings)
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=moment)
    # A template stays the text that CloudFormation holds: botocore's own reader would hide a key that is there twice.
    core.unregister("after-call.cloudformation.GetTemplate", json_decode_template_body)
    return core


@cache
def _paginators(service: str) -> dict[str, dict[str, Any]]:
    """How a service's operations are paged, by their names in botocore's model."""
    from botocore.loaders import create_loader

    paging: dict[str, dict[str, Any]] = create_loader().load_service_model(service, "paginators-1")["pagination"]
    return paging


def pauses(first: float = 0.1, most: float = 5.0) -> Iterator[float]:
    """How long to wait between looks, in seconds: a quarter longer each time, so that a look comes at most about a
    fifth of the elapsed time late. An interrupt does not end it, as it would end a generator."""
    return accumulate(repeat(first), lambda pause, _: min(pause * 1.25, most))
