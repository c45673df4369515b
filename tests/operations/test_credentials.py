"""An account as a person's own configuration reaches it: what is wrong is named, and no secret is shown."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any

import pytest
from botocore.session import Session

from scripts.deployment.aws import Aws, Endpoint
from scripts.deployment.errors import AwsError, ManualActionRequiredError, RefusedError, UsageError
from scripts.deployment.errors import remedy as remedy_of
from scripts.operations import credentials
from scripts.operations.credentials import UNUSABLE, Account, LocalAccount

HIDDEN = "http://***@localhost:4566"
HEADER = "a key or a token of the credentials has a line break or another sign in it that none has"


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKID",
        "AWS_SECRET_ACCESS_KEY": "localhost",
        "AWS_ENDPOINT_URL": "http://me:word@localhost:4566",
        "AWS_SOME_TIMEOUT": "soon",
        "OTHER_URL": "soon",
    }.items():
        monkeypatch.setenv(name, value)


def fails(monkeypatch: pytest.MonkeyPatch, error: Exception, file: str = "") -> AwsError | Exception:
    """What a call ends with whose sending raises an error, in a module of that name."""

    def send(*_: Any, **__: Any) -> None:
        if file:
            exec(compile("raise error", file, "exec"), {"error": error})
        raise error

    account = Account()
    monkeypatch.setattr(Aws, "call", send)
    with pytest.raises(type(error) if not file else Exception) as raised:
        account.call("sts", "get_caller_identity")
    return raised.value


@pytest.mark.parametrize(
    ("code", "message", "shown"),
    [
        ("ValidationError", "no such stack", ("ValidationError", "no such stack")),
        ("ValueError", "Invalid header value b'key\\n'", (UNUSABLE, HEADER)),
        ("X", "at https://me:word@host/x: no", ("X", "at https://***@host/x: no")),
        ("InvalidConfigError", "soon", (UNUSABLE, "soon (in AWS_SOME_TIMEOUT)")),
        (
            "EndpointConnectionError",
            "http://me:word@localhost:4566 is not there",
            ("EndpointConnectionError", "http://***@localhost:4566 is not there (in AWS_ENDPOINT_URL)"),
        ),
        ("ConnectTimeoutError", "soon", ("ConnectTimeoutError", "soon")),
        ("ReadTimeoutError", HIDDEN, ("ReadTimeoutError", f"{HIDDEN} (in AWS_ENDPOINT_URL)")),
    ],
)  # fmt: skip
def test_an_error_is_shown_without_secrets_and_with_the_variable_that_it_is_about(
    monkeypatch: pytest.MonkeyPatch, code: str, message: str, shown: tuple[str, str]
) -> None:
    before = AwsError("sts.get_caller_identity", code, message)
    error = fails(monkeypatch, before)
    assert isinstance(error, AwsError)
    assert (error.call, error.code, error.message) == ("sts.get_caller_identity", *shown)
    assert error.remedy == remedy_of(shown[0])
    if shown != (code, message):
        assert error.__cause__ is None and error.__suppress_context__  # the cause would show what is left out
    else:
        assert error is before


def missing() -> OSError:
    return FileNotFoundError(2, "No such file or directory", "/not/there")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (missing(), "/not/there: No such file or directory"),
        (KeyError("AccessKeyId"), "'AccessKeyId' is missing"),
        (ValueError("soon"), "soon (in AWS_SOME_TIMEOUT)"),
        (RuntimeError(), "RuntimeError"),
        (OSError("broken"), "broken"),
    ],
)
@pytest.mark.parametrize("file", credentials.CONFIGURED)
def test_what_botocore_reads_of_a_persons_settings_is_theirs_to_mend(
    monkeypatch: pytest.MonkeyPatch, error: Exception, text: str, file: str
) -> None:
    shown = fails(monkeypatch, error, f"/lib/botocore/{file}")
    assert isinstance(shown, AwsError)
    assert (shown.call, shown.code, shown.message) == ("sts.get_caller_identity", UNUSABLE, text)


@pytest.mark.parametrize("file", ["/lib/botocore/client.py", "/lib/other/credentials.py"])
def test_an_error_that_comes_from_elsewhere_stays_what_it_is(monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    error = ValueError("a fault of ours")
    assert fails(monkeypatch, error, file) is error
    refused = RefusedError("no")
    assert fails(monkeypatch, refused, "/lib/botocore/args.py") is refused


def test_the_provider_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is called in the configuration."""

    class Provider:
        METHOD = "custom-process"

        def load(self) -> None:
            exec(compile("raise ValueError('no')", "/lib/botocore/credentials.py", "exec"), {"self": self})

    def send(*_: Any, **__: Any) -> None:
        Provider().load()

    account = Account()
    monkeypatch.setattr(Aws, "call", send)
    with pytest.raises(AwsError, match="UnusableConfiguration: credential_process: no"):
        account.call("sts", "get_caller_identity")


def test_a_configuration_that_cannot_be_used_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def session(error: Exception, file: str) -> Any:
        def begin(*_: Any) -> None:
            exec(compile("raise error", file, "exec"), {"error": error})

        return begin

    monkeypatch.setattr(Aws, "__init__", session(missing(), "/lib/botocore/configloader.py"))
    with pytest.raises(UsageError) as raised:
        Account("mine", "eu-west-1")
    reason = "The AWS configuration cannot be used: /not/there: No such file or directory"
    assert (raised.value.reason, raised.value.remedy) == (reason, remedy_of(UNUSABLE))
    for error in (RefusedError("no"), ValueError("ours")):
        monkeypatch.setattr(Aws, "__init__", session(error, "/lib/other.py"))
        with pytest.raises(type(error)) as other:
            Account()
        assert other.value is error


def test_a_call_to_a_local_aws_that_has_ended_says_what_is_gone() -> None:
    here = LocalAccount(Endpoint("http://127.0.0.1:9", "eu-west-1"), lambda: "The local AWS has ended.")
    with pytest.raises(ManualActionRequiredError) as raised:
        here.call("sts", "get_caller_identity")
    assert (raised.value.reason, raised.value.remedy) == (
        "The local AWS has ended.",
        "`apply local` starts it and makes the environment again.",
    )


URL = "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/dashboard"


class Signing(Aws):
    """An account with these keys."""

    def __init__(self, *keys: str) -> None:
        self.region, self._keys = "eu-west-1", keys

    @property
    def session(self) -> Session:
        session = Session(profile=None)
        session.get_credentials = lambda: None
        if self._keys:
            session = Session()
            session.set_credentials(*self._keys)
        return session


class Noon(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Noon:
        return cls(2026, 11, 23, 12, 0, tzinfo=tz)


def test_git_is_given_what_the_aws_command_line_would_give_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "datetime", Noon)
    user, password = credentials.git_credentials(Signing("AKID", "secret"), URL)
    signature = "c98b5c8cb7374ce3128966170349c3e460e63389a30d30dca5ea9860abe932f5"
    assert (user, password) == ("AKID", f"20261123T120000Z{signature}")
    assert credentials.git_credentials(Signing("AKID", "secret", "token"), URL)[0] == "AKID%token"
    with pytest.raises(AwsError) as raised:
        credentials.git_credentials(Signing(), URL)
    assert (raised.value.call, raised.value.code, raised.value.message) == (
        "credentials",
        "NoCredentials",
        "there are none",
    )
