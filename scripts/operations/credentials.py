"""An account as a person's own configuration reaches it: whatever is wrong there is an error with a remedy; and what
git is given to reach CodeCommit."""

import os
import re
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scripts.deployment.aws import Answer, Aws, Endpoint
from scripts.deployment.errors import AwsError, DeployError, ManualActionRequiredError, UsageError, remedy

UNUSABLE = "UnusableConfiguration"  # a code of ours, for what botocore has none
# The modules of botocore that read what a user has configured. An error that is no botocore's own and comes through one
# of them speaks of that: a program or a file that is not there, a cache that is no JSON, an address without a scheme.
CONFIGURED = ("args.py", "configloader.py", "configprovider.py", "credentials.py", "endpoint.py", "tokens.py")
# Errors of botocore, by their classes, that speak of a value which a profile or a variable has.
INVALID = ("InvalidChecksumConfigError", "InvalidConfigError", "InvalidDefaultsMode", "InvalidMaxRetryAttemptsError",
           "InvalidRetryModeError", "InvalidSTSRegionalEndpointsConfigError")  # fmt: skip
# Variables that may be shown: no keys, no tokens.
NAMED = "FILE|URI|URL|PROFILE|BUNDLE|TIMEOUT|ATTEMPTS|MODE"


class LocalAccount(Aws):
    """The local AWS. `lost` says what is gone when it has ended, empty while it runs: a call that does not reach it is
    not sent again then, and nothing is said of a network."""

    def __init__(self, endpoint: Endpoint, lost: Callable[[], str]) -> None:
        super().__init__(endpoint=endpoint)
        self._lost = lost

    def _new_client(self, service: str) -> Any:
        client = super()._new_client(service)
        client.meta.events.register_first("needs-retry", self._check)
        return client

    def _check(self, caught_exception: Exception | None = None, **_: Any) -> None:
        """Raises `ManualActionRequiredError` for a call that the local AWS, which has ended, did not get."""
        if caught_exception is not None and (text := self._lost()):
            remedy = "`apply local` starts it and makes the environment again."
            raise ManualActionRequiredError(text, remedy) from caught_exception


class Account(Aws):
    """The account of a person's credentials. Raises `UsageError` for a configuration that cannot be used."""

    def __init__(self, profile: str | None = None, region: str | None = None) -> None:
        try:
            super().__init__(profile, region)
        except DeployError:
            raise
        except Exception as error:
            if not _configured(error):
                raise
            reason = f"The AWS configuration cannot be used: {_unusable(error)}"
            raise UsageError(reason, remedy(UNUSABLE)) from error

    def call(self, service: str, operation: str, /, **arguments: Any) -> Answer:
        """One call. Raises `AwsError`, also for a configuration that cannot be used."""
        try:
            return super().call(service, operation, **arguments)
        except AwsError as error:
            code, message = _without_secrets(error)
            if (code, message) == (error.code, error.message):
                raise
            raise AwsError(error.call, code, message) from None  # the cause would show what is left out here
        except DeployError:
            raise
        except Exception as error:
            if not _configured(error):
                raise
            raise AwsError(f"{service}.{operation}", UNUSABLE, _unusable(error)) from error


def _without_secrets(error: AwsError) -> tuple[str, str]:
    """The code and the message of an error without what nobody else may read, and with the variable that it is about.
    An address may have a password in it. A header that no request can hold is a token or a key with a line break."""
    if "Invalid header value" in error.message:  # source: Python, http.client, `HTTPConnection.putheader`
        return UNUSABLE, "a key or a token of the credentials has a line break or another sign in it that none has"
    message, code = re.sub(r"://[^/@\s\"]*@", "://***@", error.message), error.code
    if code in INVALID:
        code, message = UNUSABLE, _named(message, NAMED)
    elif code.startswith(("Endpoint", "Connect", "ReadTimeout")):
        message = _named(message, "ENDPOINT_URL")
    return code, message


def _configured(error: Exception) -> bool:
    """Whether an error that nobody foresaw speaks of the user's configuration, by where it comes from."""
    frames = (Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__))
    return any(path.parent.name == "botocore" and path.name in CONFIGURED for path in frames)


def _unusable(error: Exception) -> str:
    """What cannot be used, with the variable that names it."""
    text = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.filename:
        text = f"{error.filename}: {error.strerror}"
    elif isinstance(error, KeyError):
        text = f"{error} is missing"
    if source := _provider(error):
        text = f"{source}: {text}"
    return _named(text, NAMED)


def _named(text: str, names: str) -> str:
    """A text with the variables of AWS whose values it has, of those whose name has one of `names` in it."""
    # Keys and tokens are secrets; the names of files and addresses are not.
    public = {name: value for name, value in os.environ.items() if name.startswith("AWS_") and re.search(names, name)}
    named = [name for name, value in public.items() if value and re.sub(r"://[^/@\s]*@", "://***@", value) in text]
    return f"{text} (in {', '.join(named)})" if named else text


def _provider(error: Exception) -> str:
    """The setting that an error of botocore's credentials is about, by the provider that it comes through; empty for
    none. Source: botocore, the `METHOD` of each `CredentialProvider`."""
    trace, method = error.__traceback__, ""
    while trace is not None:
        method = getattr(trace.tb_frame.f_locals.get("self"), "METHOD", None) or method
        trace = trace.tb_next
    return {"custom-process": "credential_process"}.get(method, method)


def git_credentials(aws: Aws, url: str) -> tuple[str, str]:
    """User and password with which git reaches a CodeCommit repository for some minutes.

    The form is that of `aws codecommit credential-helper`, which a test compares it with. Raises `AwsError`.
    """
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    credentials, place = aws.session.get_credentials(), urlsplit(url)
    if credentials is None:
        raise AwsError("credentials", "NoCredentials", "there are none")
    frozen = credentials.get_frozen_credentials()
    signer, request = SigV4Auth(frozen, "codecommit", aws.region), AWSRequest("GIT", url)
    moment = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    request.context["timestamp"] = moment
    canonical = f"GIT\n{place.path}\n\nhost:{place.hostname}\n\nhost\n"
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    user = f"{frozen.access_key}%{frozen.token}" if frozen.token else frozen.access_key
    return user, f"{moment}Z{signature}"
