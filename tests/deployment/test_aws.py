"""The one place that calls AWS: retries, errors, pages, and what it does not read."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.exceptions
import pytest
from botocore.exceptions import ClientError, InvalidConfigError, NoCredentialsError
from botocore.utils import parse_timestamp

from scripts.deployment.aws import AT_ONCE, LONGEST, Answer, Aws, Endpoint, Identity, pauses
from scripts.deployment.errors import REMEDIES, AwsError, Exit, UsageError, remedy
from tests.conftest import ROOT
from tests.support.sections import Sections
from tests.support.service import Prepared

STACKS = (
    '<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult>'
    "<Stacks/>{more}</DescribeStacksResult></DescribeStacksResponse>"
)
ERROR = "<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"


ROLE = """
[profile person]
aws_access_key_id = person
aws_secret_access_key = secret
[profile deploy]
region = eu-west-1
role_arn = arn:aws:iam::000000000000:role/Deploy
source_profile = person
mfa_serial = arn:aws:iam::000000000000:mfa/person
"""
ASSUMED = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
<Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
CALLER = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:sts::000000000000:assumed-role/Deploy/x</Arn><Account>000000000000</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""
WHO = """
from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError
try:
    print(Aws("deploy").identity().arn)
except AwsError as error:
    print(error.code, error.final)
"""


class Service:
    """A service that gives one prepared answer after the other, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str]] = []
        self.asked: list[str] = []
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                service.asked.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
                status, body = service.answers.pop(0)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self.server.server_port}"


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    thread = threading.Thread(target=service.server.serve_forever, args=(0.02,))
    thread.start()
    yield service
    service.server.shutdown()
    service.server.server_close()
    thread.join()


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user who has things set up for the real AWS."""
    for name, value in {"AWS_PROFILE": "gone", "AWS_ENDPOINT_URL": "http://localhost:1"}.items():
        monkeypatch.setenv(name, value)
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://localhost:1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))


def local(service: Service) -> Aws:
    return Aws(endpoint=Endpoint(service.url, "eu-west-1", list))


@pytest.mark.usefixtures("user")
def test_the_local_aws_needs_nothing_of_the_user(service: Service) -> None:
    service.answers = [(200, STACKS.format(more=""))]
    assert local(service).call("cloudformation", "describe_stacks")["Stacks"] == []


def test_what_passes_is_retried(service: Service) -> None:
    service.answers = [(503, ERROR.format(code="Throttling", message="slow")), (200, STACKS.format(more=""))]
    assert local(service).call("cloudformation", "describe_stacks")["Stacks"] == []
    assert len(service.asked) == 2


def test_what_does_not_pass_is_an_error_with_a_remedy(service: Service) -> None:
    service.answers = [(403, ERROR.format(code="ExpiredToken", message="The token has expired"))]
    with pytest.raises(AwsError) as raised:
        local(service).call("cloudformation", "describe_stacks", StackName="a")
    assert (raised.value.call, raised.value.code) == ("cloudformation.describe_stacks", "ExpiredToken")
    assert "sign in again" in raised.value.remedy and raised.value.status is Exit.REFUSED


# Errors of AWS ("Common Errors" of the CloudFormation API reference) and classes of `botocore.exceptions`, and what a
# person can do about each.
REMEDIES_OF_ERRORS = {
    "ExpiredTokenException": "sign in again",
    "NoCredentialsError": "name a profile with --profile",
    "PartialCredentialsError": "check the profile and the environment variables",
    "SSOTokenLoadError": "aws sso login",
    "UnauthorizedSSOTokenError": "aws sso login",
    "TokenRetrievalError": "aws sso login",
    "MfaCode": "on a terminal",
    "AccessDeniedException": "deploy with the deploy role",
    "EndpointConnectionError": "check the network",
    "ConnectTimeoutError": "check the network",
    "ConnectionClosedError": "check the network",
    "ReadTimeoutError": "check the network",
    "ProxyConnectionError": "The proxy that HTTPS_PROXY names",
    "HTTPClientError": "AWS_CA_BUNDLE",
    "SSLError": "The certificate of AWS",
    "InvalidRegionError": "such as eu-west-1",
    "ProfileNotFound": "a profile of ~/.aws/config",
    "ConfigParseError": "Correct ~/.aws/config",
    "InfiniteLoopConfigError": "source_profile that has keys",
    "InvalidConfigError": "Correct the profile",
    "CredentialRetrievalError": "what the profile runs",
    "MetadataRetrievalError": "AWS_CONTAINER_",
    "UnusableConfiguration": "variables that begin with AWS_",
}
REMEDY_TEXTS = Sections(Path(__file__).with_name("remedies.txt"), REMEDIES_OF_ERRORS)
PASSES = {"EndpointConnectionError", "ConnectTimeoutError", "ConnectionClosedError", "ReadTimeoutError"}
PASSES |= {"ProxyConnectionError", "SSLError", "CredentialRetrievalError", "MetadataRetrievalError"}


@pytest.mark.parametrize("code", REMEDIES_OF_ERRORS)
def test_each_error_has_its_own_remedy(code: str) -> None:
    """And whoever follows an operation waits for what may pass by itself."""
    error = AwsError("cloudformation.describe_stacks", code, "")
    assert REMEDIES_OF_ERRORS[code] in error.remedy and error.final is (code not in PASSES)
    REMEDY_TEXTS.holds(code, [error.remedy])
    if code.endswith(("Error", "NotFound")):
        assert hasattr(botocore.exceptions, code)


@pytest.mark.parametrize(
    ("code", "final"),
    [
        ("InvalidClientTokenId", True),
        ("OptInRequired", True),
        ("ParamValidationError", True),
        ("RequestExpired", True),
        ("SignatureDoesNotMatch", True),
        ("UnauthorizedOperation", True),
        ("UnrecognizedClientException", True),
        ("ValidationError", True),
        ("ThrottlingException", False),
        ("InternalFailure", False),
        ("ServiceUnavailable", False),
    ],
)
def test_nobody_waits_for_an_error_that_does_not_pass(code: str, final: bool) -> None:
    assert AwsError("cloudformation.describe_stacks", code, "").final is final


def test_no_remedy_is_left_without_its_error() -> None:
    assert {remedy(code) for code in REMEDIES_OF_ERRORS} == set(REMEDIES.values())
    assert remedy("ThrottlingException") == ""


def test_an_answer_that_is_none_is_an_error(service: Service) -> None:
    service.answers = [(400, "<!doctype html><p>a proxy")]
    with pytest.raises(AwsError, match="ResponseParserError"):
        local(service).call("cloudformation", "describe_stacks")


def test_a_page_in_the_place_of_an_answer_is_cut(service: Service) -> None:
    """A proxy's page of error may have thousands of lines."""
    service.answers = [(400, "<!doctype html><p>" + "x" * 80_000)]
    with pytest.raises(AwsError, match="ResponseParserError") as raised:
        local(service).call("cloudformation", "describe_stacks")
    assert len(str(raised.value)) < 2 * LONGEST and str(raised.value).endswith("…")


def test_every_page_is_a_call(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the errors of a page are those of a call."""
    service.answers = [(200, STACKS.format(more="<NextToken>2</NextToken>")), (200, STACKS.format(more=""))]
    aws, seen = local(service), list[str]()
    call = aws.call

    def noted(name: str, operation: str, **arguments: Any) -> Answer:
        seen.append(f"{name}.{operation}")
        return call(name, operation, **arguments)

    monkeypatch.setattr(aws, "call", noted)
    assert len(list(aws.pages("cloudformation", "describe_stacks"))) == 2
    assert seen == ["cloudformation.describe_stacks"] * 2
    assert "NextToken=2" in service.asked[1]


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T10:20:30Z",
        "2026-03-01T10:20:30.123Z",
        "2026-03-01T10:20:30.123456+02:00",
        "Sun, 01 Mar 2026 10:20:30 GMT",
        "1772360430",
        "1772360430.5",
        "20260301T102030Z",
        "20260301",  # seconds, and no day
    ],
)
def test_times_are_what_botocore_reads(service: Service, text: str) -> None:
    member = f"<member><StackName>a</StackName><CreationTime>{text}</CreationTime></member>"
    service.answers = [(200, STACKS.replace("<Stacks/>", f"<Stacks>{member}</Stacks>").format(more=""))]
    [stack] = local(service).call("cloudformation", "describe_stacks")["Stacks"]
    assert stack["CreationTime"] == parse_timestamp(text) and stack["CreationTime"].tzinfo


def test_a_region_is_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError) as raised:
        Aws()
    assert str(raised.value) == "No AWS Region is set.\nGive --region, AWS_REGION or a profile with a region."
    (tmp_path / "none").write_text("[default]\nregion = us-east-2\n", encoding="utf-8")
    assert Aws().region == "us-east-2"
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert Aws().region == "eu-west-1"
    assert Aws(region="eu-central-1").region == "eu-central-1"
    assert Aws(region="eu-central-1", endpoint=Endpoint("http://127.0.0.1:9", "eu-north-1")).region == "eu-north-1"


def test_a_profile_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(UsageError) as raised:
        Aws("gone", "eu-west-1")
    assert raised.value.reason == "The config profile (gone) could not be found"
    assert raised.value.remedy == REMEDIES["ProfileNotFound"]


class Client:
    """What boto3 gives in the place of a client: the operations answer nothing."""

    def __getattr__(self, _operation: str) -> Callable[..., Answer]:
        return lambda **_: {}


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize("url", ["", "http://127.0.0.1:9"])
def test_a_service_is_reached_by_one_client_that_is_patient(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Eight attempts in all. The local AWS is reached without a proxy, and its buckets below its one address."""
    monkeypatch.delenv("AWS_PROFILE")
    aws = Aws(region="eu-west-1", endpoint=Endpoint(url, "eu-west-1", key="somebody") if url else None)
    clients: list[tuple[str, dict[str, Any]]] = []

    def client(service: str, **options: Any) -> Client:
        clients.append((service, options))
        return Client()

    monkeypatch.setattr(aws.session, "client", client)
    for _ in range(2):
        aws.call("s3", "list_buckets")
    assert aws.at("eu-west-1") is aws
    other = aws.at("us-east-1")
    other.call("s3", "list_buckets")
    aws.call("s3", "list_buckets")
    configs = [options.pop("config") for _, options in clients]
    address = {"endpoint_url": url or None}
    assert clients == [("s3", {"region_name": region, **address}) for region in ("eu-west-1", "us-east-1")]
    assert (aws.region, other.region, other.endpoint) == ("eu-west-1", "us-east-1", aws.endpoint)
    for config in configs:
        assert config.retries == {"mode": "standard", "total_max_attempts": 8}
        assert (config.connect_timeout, config.read_timeout) == (10, 60)
        # A connection for each call: urllib3 warns of each that it throws away.
        assert config.max_pool_connections == AT_ONCE**2
        assert (config.proxies, config.s3) == (({}, {"addressing_style": "path"}) if url else (None, None))
    if url:
        keys = aws.session.get_credentials()
        assert (keys.access_key, keys.secret_key, keys.token) == ("somebody", "local", None)


def test_calls_are_made_at_the_same_time_and_their_results_stay_in_order() -> None:
    aws, together = Aws(endpoint=Endpoint("http://127.0.0.1:9", "eu-west-1")), threading.Barrier(AT_ONCE, timeout=30)

    def doubled(number: int) -> int:
        if number < AT_ONCE:
            together.wait()  # comes back only when all of these are under way
        return 2 * number

    numbers = list(range(3 * AT_ONCE))
    assert aws.at_once(doubled, numbers) == [2 * number for number in numbers]
    assert aws.at_once(doubled, []) == [] and aws.at_once(lambda _: threading.current_thread(), [0]) == [
        threading.current_thread()
    ]


def test_of_several_calls_that_fail_the_first_in_order_is_told() -> None:
    aws, second = Aws(endpoint=Endpoint("http://127.0.0.1:9", "eu-west-1")), threading.Event()

    def failing(number: int) -> int:
        if number == 2:
            second.set()
        elif number == 1:
            assert second.wait(30)
        if number:
            raise AwsError("a.b", str(number), "")
        return number

    with pytest.raises(AwsError) as raised:
        aws.at_once(failing, [0, 1, 2])
    assert raised.value.code == "1"


def test_a_person_who_interrupts_waits_for_no_call() -> None:
    """What hangs would hang for a minute, eight times (`read_timeout`, `total_max_attempts`)."""
    code = """
import os, signal, time
from threading import Timer
from scripts.deployment.aws import Aws, Endpoint
Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
Aws(endpoint=Endpoint("http://127.0.0.1:9", "eu-west-1")).at_once(time.sleep, [600] * 20)
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode != 0 and ended.stderr.strip().endswith("KeyboardInterrupt"), ended.stderr


def test_a_client_is_made_once_by_calls_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 makes clients in one thread at a time only (its guide, "Multithreading")."""
    aws = Aws(endpoint=Endpoint("http://127.0.0.1:9", "eu-west-1"))
    begun: list[str] = []

    def client(service: str, **_: Any) -> Client:
        begun.append(service)
        time.sleep(0.05)
        return Client()

    monkeypatch.setattr(aws.session, "client", client)
    aws.at_once(lambda _: aws.call("s3", "list_buckets"), range(AT_ONCE))
    assert begun == ["s3"]


def test_a_local_aws_of_which_nothing_more_is_known() -> None:
    endpoint = Endpoint("http://127.0.0.1:9", "eu-west-1")
    assert (endpoint.missing(), endpoint.key, endpoint.page) == ([], "local", "")


FAILURES: list[tuple[Exception, str, str]] = [
    (ClientError({"Error": {"Code": "Throttling", "Message": "slow"}}, "x"), "Throttling", "slow"),
    (ClientError({"Error": {"Code": "404"}}, "x"), "404", ""),
    (NoCredentialsError(), "NoCredentialsError", "Unable to locate credentials"),
    (InvalidConfigError(error_msg="x" * LONGEST), "InvalidConfigError", "x" * LONGEST),
    (InvalidConfigError(error_msg="x" * LONGEST + "y"), "InvalidConfigError", "x" * LONGEST + "…"),
    (EOFError(), "MfaCode", "nobody gave the code of the MFA device"),
]


def test_every_failure_of_a_call_is_one_kind_of_error(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    errors = [error for error, _, _ in FAILURES]

    def failing() -> Answer:
        raise errors.pop(0)

    aws = local(service)
    monkeypatch.setattr(aws.session, "client", lambda *_, **__: SimpleNamespace(describe_stacks=failing))
    for _, code, message in FAILURES:
        with pytest.raises(AwsError) as raised:
            aws.call("cloudformation", "describe_stacks")
        caught = raised.value
        assert (caught.call, caught.code, caught.message) == ("cloudformation.describe_stacks", code, message)
        assert caught.reason == f"cloudformation.describe_stacks: {code}: {message}" and caught.remedy == remedy(code)


def test_who_calls_is_asked_once(service: Service) -> None:
    service.answers = [(200, CALLER)]
    aws = local(service)
    assert aws.identity() == aws.identity() == aws.at("us-east-1").identity()
    assert aws.identity() == Identity("000000000000", "arn:aws:sts::000000000000:assumed-role/Deploy/x")


@pytest.mark.parametrize(
    ("service", "operation", "first", "token"),
    [
        ("cloudformation", "describe_change_set_hooks", {"ChangeSetName": "c"}, "NextToken"),
        ("codecommit", "list_repositories", {}, "nextToken"),
        ("codecommit", "list_associated_approval_rule_templates_for_repository", {"repositoryName": "r"}, "nextToken"),
    ],
)
def test_every_page_is_read_whether_botocore_has_a_paginator_or_not(
    service: str, operation: str, first: dict[str, str], token: str
) -> None:
    pages = [{token: "2"}, {token: "3"}, {}]
    aws = Prepared(**{f"{service}__{operation}": [*pages]})
    assert list(aws.pages(service, operation, **first)) == pages
    assert [request for _, request in aws.asked] == [first, {**first, token: "2"}, {**first, token: "3"}]


def test_pages_that_never_end_are_an_error() -> None:
    aws = Prepared(cloudformation__describe_stacks={"NextToken": "again"})
    with pytest.raises(AwsError) as raised:
        list(aws.pages("cloudformation", "describe_stacks"))
    assert (raised.value.call, raised.value.code) == ("cloudformation.describe_stacks", "PaginationError")
    assert "again" in raised.value.message


def test_a_template_stays_the_text_that_cloudformation_holds(service: Service) -> None:
    """A key that is there twice would be gone in what botocore makes of it."""
    text = '{"Resources": {}, "Resources": {"A": {}}}'
    body = f"<GetTemplateResult><TemplateBody>{text}</TemplateBody></GetTemplateResult>"
    service.answers = [(200, f"<GetTemplateResponse>{body}</GetTemplateResponse>")]
    assert local(service).call("cloudformation", "get_template", StackName="a")["TemplateBody"] == text


def test_looks_become_rarer_up_to_a_limit() -> None:
    assert list(islice(pauses(1.0, 2.0), 6)) == [1.0, 1.25, 1.5625, 1.953125, 2.0, 2.0]
    usual = list(islice(pauses(), 40))
    assert (usual[0], usual[1], usual[-1]) == (0.1, 0.125, 5.0)


class Interrupted(float):
    """A pause at whose lengthening somebody types Ctrl-C, once."""

    interrupts = 1

    def __mul__(self, factor: float) -> float:
        if self.interrupts:
            self.interrupts -= 1
            raise KeyboardInterrupt
        return float(self) * factor


def test_looks_go_on_after_an_interrupt() -> None:
    waits = pauses(Interrupted(1.0))
    assert next(waits) == 1.0
    with pytest.raises(KeyboardInterrupt):
        next(waits)
    assert list(islice(waits, 2)) == [1.25, 1.5625]


def test_a_profile_with_mfa_asks_once_for_the_code_as_the_command_line_does(service: Service, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(ROLE, encoding="utf-8")
    environment = {"HOME": str(tmp_path), "AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_ENDPOINT_URL": service.url}

    def run(typed: str) -> str:
        # A session of its own has no terminal, so that the code is read from the standard input.
        command = [sys.executable, "-W", "ignore", "-c", WHO]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, input=typed, capture_output=True, text=True, start_new_session=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert run("") == "MfaCode True" and service.asked == []
    service.answers = [(200, ASSUMED), (200, CALLER), (200, CALLER)]
    assert run("123456\n").endswith("assumed-role/Deploy/x")
    assert "TokenCode=123456" in service.asked[0] and "SerialNumber=arn" in service.asked[0]
    assert len(list((tmp_path / ".aws/cli/cache").glob("*.json"))) == 1
    service.asked.clear()
    assert run("").endswith("assumed-role/Deploy/x")  # the session is kept
    assert len(service.asked) == 1 and "GetCallerIdentity" in service.asked[0]
