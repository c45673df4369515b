"""The only place that touches boto3: session, retries, paging, and the one method that every call goes through."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from scripts.deployment.errors import AwsError, UsageError

Answer = dict[str, Any]
CallHook = Callable[[str, Callable[[], Answer]], Answer]

UNUSABLE = "UnusableConfiguration"  # a code of ours, for what botocore has none
# What a person can do about an error, by the start of AWS's code or botocore's exception.
REMEDIES = {
    "ExpiredToken": "The credentials have expired: sign in again and run the same command.",
    "NoCredentials": "No AWS credentials were found: sign in, or name a profile with --profile.",
    "PartialCredentials": "The AWS credentials are incomplete: check the profile and the environment variables.",
    "ProfileNotFound": "Name a profile of ~/.aws/config with --profile.",
    "SSO": "Run `aws sso login` for the profile, then the same command.",
    "TokenRetrieval": "Run `aws sso login` for the profile, then the same command.",
    "MfaCode": "Run the same command on a terminal; the session then lasts for later commands, too.",
    "AccessDenied": "The identity lacks this permission: deploy with the deploy role of the environment.",
    "Endpoint": "AWS could not be reached: check the network and run the same command again.",
    "Connect": "AWS could not be reached: check the network and run the same command again.",
    "ReadTimeout": "AWS could not be reached: check the network and run the same command again.",
    "Proxy": "The proxy that HTTPS_PROXY names does not answer: check it, or unset the variable.",
    "SSL": "The certificate of AWS is not trusted here: check the proxy, the clock, and AWS_CA_BUNDLE.",
    "InvalidRegion": "Name a region such as eu-west-1 with --region or AWS_REGION.",
    "Config": "Correct ~/.aws/config and ~/.aws/credentials; `aws configure list` reads them, too.",
    "InfiniteLoopConfig": "Let one of the profiles in ~/.aws/config name a source_profile that has keys.",
    "InvalidConfig": "Correct the profile in ~/.aws/config, or name another one with --profile.",
    "CredentialRetrieval": "Look at what the profile runs for its credentials, or name another one with --profile.",
    "MetadataRetrieval": "Look at the variables that begin with AWS_CONTAINER_, or unset them and name a profile.",
    UNUSABLE: (
        "Correct it in ~/.aws or in the variables that begin with AWS_, or name another profile with --profile."
    ),
}
# The modules of botocore that read what a user has configured. An error that is no botocore's own and comes through one
# of them speaks of that: a program or a file that is not there, a cache that is no JSON, an address without a scheme.
CONFIGURED = ("args.py", "configloader.py", "configprovider.py", "credentials.py", "endpoint.py", "tokens.py")

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds between two looks


@dataclass(frozen=True)
class Endpoint:
    """Where the local AWS listens. `missing` tells what it does not hold of what was deployed to it."""

    url: str
    region: str
    missing: Callable[[], list[dict[str, str]]] = list
    key: str = "local"  # the access key id that it takes, with any secret
    page: str = ""  # its page for people
    log: str = ""  # the file that its log is in


@dataclass(frozen=True)
class Identity:
    """Who calls: account, ARN of the caller."""

    account: str
    arn: str


def call_directly(_call: str, send: Callable[[], Answer]) -> Answer:
    """Sends a call, and does nothing else."""
    return send()


class Aws:
    """One account and region.

    `profile` and `region` go before what the AWS CLI's files and variables say. With an `endpoint` nothing of those is
    read, credentials least of all. `call_hook` sees every call as `service.operation` and decides when it is sent.
    """

    _identity: Identity | None = None

    def __init__(
        self,
        profile: str | None = None,
        region: str | None = None,
        endpoint: Endpoint | None = None,
        call_hook: CallHook = call_directly,
    ) -> None:
        self.endpoint, self.call_hook = endpoint, call_hook
        self._clients: dict[str, Any] = {}
        self._session = _local(endpoint.key) if endpoint else _session(profile)
        if endpoint:
            self.region: str = endpoint.region
        else:
            known = region or os.environ.get("AWS_REGION") or self._session.region_name
            if not known:
                raise UsageError("No AWS Region is set.", "Give --region, AWS_REGION or a profile with a region.")
            self.region = known

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
            method = getattr(self._client(service), operation)
            return self.call_hook(name, lambda: method(**arguments))
        except ClientError as error:
            code, message = (error.response["Error"]["Code"], error.response["Error"].get("Message", ""))
            raise AwsError(name, code, message, _remedy(code)) from error
        except (BotoCoreError, ResponseParserError) as error:
            code = type(error).__name__
            raise AwsError(name, code, str(error), _remedy(code)) from error
        except EOFError as error:  # a profile with `mfa_serial` asks, and nobody answers
            raise AwsError(name, "MfaCode", "nobody gave the code of the MFA device", _remedy("MfaCode")) from error
        except Exception as error:
            if _configured(error):
                raise AwsError(name, UNUSABLE, _unusable(error), _remedy(UNUSABLE)) from error
            raise

    def pages(self, service: str, operation: str, /, **arguments: Any) -> Iterator[Answer]:
        """Every page of an answer, by botocore's paginators over our `call`; for the few operations that botocore has
        none for, by the token that they take and give. Raises `AwsError`."""
        from botocore import xform_name
        from botocore.exceptions import PaginationError
        from botocore.paginate import Paginator

        service_model = self._service_model(service)
        [name] = [name for name in service_model.operation_names if xform_name(name) == operation]
        model = service_model.operation_model(name)
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

    def _service_model(self, service: str) -> Any:
        return self._client(service).meta.service_model

    def git_credentials(self, url: str) -> tuple[str, str]:
        """User and password with which git reaches a CodeCommit repository for some minutes.

        The form is that of `aws codecommit credential-helper`, which a test compares it with. Raises `AwsError`.
        """
        from urllib.parse import urlsplit

        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        credentials = self._session.get_credentials()
        if credentials is None:
            raise AwsError("git", "NoCredentials", "there are none", _remedy("NoCredentials"))
        frozen, place = credentials.get_frozen_credentials(), urlsplit(url)
        signer, request = SigV4Auth(frozen, "codecommit", self.region), AWSRequest("GIT", url)
        moment = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
        request.context["timestamp"] = moment
        canonical = f"GIT\n{place.path}\n\nhost:{place.hostname}\n\nhost\n"
        signature = signer.signature(signer.string_to_sign(request, canonical), request)
        user = f"{frozen.access_key}%{frozen.token}" if frozen.token else frozen.access_key
        return user, f"{moment}Z{signature}"

    def identity(self) -> Identity:
        """Who we are to AWS, asked once."""
        if self._identity is None:
            answer = self.call("sts", "get_caller_identity")
            self._identity = Identity(answer["Account"], answer["Arn"])
        return self._identity

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            from botocore.config import Config

            # `standard` also retries throttling, 5xx and dropped connections, with backoff and jitter.
            retries = {"mode": "standard", "total_max_attempts": 8}
            local = {"proxies": {}, "s3": {"addressing_style": "path"}} if self.endpoint else {}
            config = Config(retries=retries, connect_timeout=10, read_timeout=60, **local)
            url = self.endpoint.url if self.endpoint else None
            self._clients[service] = self._session.client(
                service, region_name=self.region, endpoint_url=url, config=config
            )
        return self._clients[service]


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
        raise UsageError(str(error), _remedy(type(error).__name__)) from error
    except Exception as error:
        if _configured(error):
            raise UsageError(f"The AWS configuration cannot be used: {_unusable(error)}", _remedy(UNUSABLE)) from error
        raise


def _local(key: str) -> Any:
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
    from botocore.utils import parse_timestamp

    def moment(text: Any) -> Any:
        with suppress(TypeError, ValueError):
            if "T" in text:
                return datetime.fromisoformat(text)
        return parse_timestamp(text)

    core = botocore.session.Session(**settings)
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=moment)
    return core


@cache
def _paginators(service: str) -> dict[str, dict[str, Any]]:
    """How a service's operations are paged, by their names in botocore's model."""
    from botocore.loaders import create_loader

    paging: dict[str, dict[str, Any]] = create_loader().load_service_model(service, "paginators-1")["pagination"]
    return paging


def _configured(error: Exception) -> bool:
    """Whether an error that nobody foresaw speaks of the user's configuration, by where it comes from."""
    import traceback

    frames = (Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__))
    return any(path.parent.name == "botocore" and path.name in CONFIGURED for path in frames)


def _unusable(error: Exception) -> str:
    """What cannot be used, with the variable that names it."""
    text = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.filename:
        text = f"{error.filename}: {error.strerror}"
    elif isinstance(error, KeyError):
        text = f"{error} is missing"
    # Keys and tokens are secrets; the names of files and addresses are not.
    public = (name for name in os.environ if name.startswith("AWS_") and re.search("FILE|URI|URL|PROFILE|BUNDLE", name))
    named = [name for name in public if os.environ[name] and os.environ[name] in text]
    return f"{text} (in {', '.join(named)})" if named else text


def _remedy(code: str) -> str:
    return next((remedy for start, remedy in REMEDIES.items() if code.startswith(start)), "")


def longer(pause: float, most: float = LONGEST_PAUSE) -> float:
    """The pause after `pause`, in seconds: a quarter longer, so that a look comes at most about a fifth of the elapsed
    time late."""
    return min(pause * 1.25, most)


def pauses(first: float = FIRST_PAUSE, most: float = LONGEST_PAUSE) -> Iterator[float]:
    """How long to wait between looks, in seconds. An interrupt inside a generator ends it: whoever goes on after an
    interrupt keeps the pause itself."""
    pause = first
    while True:
        yield pause
        pause = longer(pause, most)
