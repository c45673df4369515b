"""Who may use the local AWS: attacks from this machine and from a page in the browser."""

import json
import os
import stat
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from scripts.local_aws import server
from scripts.local_aws.server import Endpoint
from scripts.loopback import urlopen


def ask(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, str]:
    """HTTP status and text of the answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urlopen(urllib.request.Request(url, body, named, method=method), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def client(endpoint: Endpoint, service: str, key: str, **more: Any) -> Any:
    keys = {"aws_access_key_id": key, "aws_secret_access_key": "any"}
    return boto3.client(service, endpoint_url=endpoint.url, region_name=endpoint.region, **keys, **more)


@pytest.mark.parametrize("key", ["a", "AKIAIOSFODNN7EXAMPLE", "LOCAL", "LOCAL" + "0" * 32])
def test_a_call_signed_with_another_key_is_refused(endpoint: Endpoint, key: str) -> None:
    for service, operation in (("sts", "get_caller_identity"), ("s3", "list_buckets"), ("iam", "list_users")):
        with pytest.raises(ClientError) as refused:
            getattr(client(endpoint, service, key), operation)()
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        assert "python -m scripts.local_aws environment" in refused.value.response["Error"]["Message"]


def test_a_call_without_a_signature_is_refused(endpoint: Endpoint) -> None:
    unsigned = client(endpoint, "s3", "x", config=Config(signature_version=UNSIGNED))
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        unsigned.get_object(Bucket="anybodys", Key="object")


@pytest.mark.parametrize("path", ["/", "/local-aws/exceptions", "/local-aws/faults", "/local-aws/calls", "/moto-api/"])
def test_no_page_opens_without_the_key(endpoint: Endpoint, path: str) -> None:
    for address in (path, f"{path}?key=", f"{path}?key=LOCAL", f"{path}?key=A"):
        status, text = ask(endpoint.url + address)
        assert status == 403 and "not signed with the local credentials" in text
        assert endpoint.key not in text
    assert ask(f"{endpoint.url}/local-aws/faults", "PUT", b"{}")[0] == 403
    assert ask(f"{endpoint.url}/moto-api/reset", "POST", b"")[0] == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "0.0.0.0",
        "localhost.",
        "127.1",
        "2130706433",
        "localhost,evil.example",
    ],
)
def test_a_name_that_leads_here_by_its_owner_only_is_refused(endpoint: Endpoint, host: str) -> None:
    """DNS rebinding: the page's own name, resolved to this machine; even with the key."""
    assert ask(endpoint.page, Host=f"{host}:80") == (403, f"refused: Host '{host}' is not this machine\n")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:1", "https://localhost", "file://", "http://[::1]"]
)
def test_a_foreign_page_is_refused_even_with_the_key(endpoint: Endpoint, origin: str) -> None:
    status, text = ask(endpoint.page, Origin=origin)
    assert status == 403 and "foreign page" in text
    assert ask(endpoint.page, Origin=endpoint.url)[0] == 200


def test_the_key_opens_the_page_which_needs_nothing_else(endpoint: Endpoint) -> None:
    status, text = ask(endpoint.page)
    assert status == 200 and "Local AWS, process" in text and "Log: <code>/" in text
    assert "http://" not in text and "https://" not in text and "<script" not in text and endpoint.key not in text


def test_what_it_has_issued_itself_is_taken(endpoint: Endpoint) -> None:
    iam, sts = (client(endpoint, service, endpoint.key) for service in ("iam", "sts"))
    role = iam.create_role(RoleName="somebody", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    session = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]["AccessKeyId"]
    assert client(endpoint, "sts", session).get_caller_identity()["Account"] == endpoint.account


def test_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    run_file = tmp_path / "local_aws.json"
    old = os.umask(0)
    try:
        endpoint = server.ensure(run_file)
    finally:
        os.umask(old)
    try:
        for file in (run_file, Path(endpoint.log)):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
        shown = Path(f"/proc/{json.loads(run_file.read_text())['pid']}/cmdline").read_bytes()
        assert endpoint.key.encode() not in shown
    finally:
        server.stop(run_file)


def test_the_process_knows_no_credentials_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = ("AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "AWS_PROFILE", "GITHUB_TOKEN", "NPM_TOKEN")
    for name in secrets:
        monkeypatch.setenv(name, "the-users-own")
    run_file = tmp_path / "local_aws.json"
    server.ensure(run_file)
    try:
        pid = json.loads(run_file.read_text())["pid"]
        variables = Path(f"/proc/{pid}/environ").read_text(encoding="utf-8").split("\0")
    finally:
        server.stop(run_file)
    assert not [variable for variable in variables if "the-users-own" in variable]
    assert f"AWS_SHARED_CREDENTIALS_FILE={os.devnull}" in variables


def test_who_took_the_port_since_is_neither_asked_nor_ended(tmp_path: Path, endpoint: Endpoint) -> None:
    """A process on the port that answers the id of the run file, and cannot prove that it knows its key."""
    run_file = tmp_path / "local_aws.json"
    port = int(endpoint.url.rpartition(":")[2])
    status = json.loads(ask(f"{endpoint.url}/local-aws/status?challenge=x")[1])
    run = {"pid": status["pid"], "port": port, "log": "x", "key": "LOCAL" + "0" * 32}
    run_file.write_text(json.dumps(run))
    assert server.status(run_file) is None and server.stop(run_file) is False
    assert ask(endpoint.page)[0] == 200, "it still stands"
