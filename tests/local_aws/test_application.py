"""What the server answers before any service is asked: who is refused and how, its own pages, and the page for people.
Each answer whole."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from scripts.local_aws import account as accounts
from scripts.local_aws import application, server
from scripts.local_aws.account import Account
from scripts.local_aws.values import Resource

KEY = "LOCAL0123456789ABCDEF"
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}
Answer = tuple[str, dict[str, str], str]
Ask = Callable[..., Answer]


@pytest.fixture
def ask(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    """Asks the application of a server: path and variables of WSGI."""
    monkeypatch.setenv("MOTO_PORT", "1")
    monkeypatch.setattr(accounts, "SERVED", [])
    served = application.make(0, KEY)
    assert [endpoint for endpoint, _ in accounts.SERVED] == ["http://localhost:0"] and served.host == "127.0.0.1"

    def call(path: str = "/", *, body: bytes = b"", **environ: str) -> Answer:
        address, _, query = path.partition("?")
        whole = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": address,
            "RAW_URI": path,
            "QUERY_STRING": query,
            "HTTP_HOST": "localhost:0",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "0",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.input": io.BytesIO(body + b"of the next"),
            "wsgi.url_scheme": "http",
            "CONTENT_LENGTH": str(len(body)),
            **environ,
        }
        answered: list[tuple[str, list[tuple[str, str]]]] = []
        parts = served.app(whole, lambda *answer: answered.append(answer))
        text = b"".join(parts).decode()
        return answered[0][0], dict(answered[0][1]), text

    assert account
    yield call
    served.server_close()


def own(kind: str) -> dict[str, str]:
    return {"Content-Type": f"{kind}; charset=utf-8", **HEADERS}


WITH_KEY = {"HTTP_X_LOCAL_AWS_KEY": KEY}
UNSIGNED = (
    "refused: not signed with the local credentials. For the AWS command line and the SDKs:\n"
    '    eval "$(python -m scripts.local_aws environment)"\n'
    "`python -m scripts.local_aws status` shows the address of the page for people.\n"
)


def test_the_services_of_a_process_are_the_same_for_all_servers() -> None:
    assert application.dispatcher() is application.dispatcher()


def test_the_status_proves_the_key_to_everybody(ask: Ask) -> None:
    status, headers, text = ask("/local-aws/status?challenge=c")
    assert (status, headers) == ("200 OK", own("application/json"))
    assert json.loads(text) == {"pid": os.getpid(), "proof": server.proof(KEY, "c")}
    assert json.loads(ask("/local-aws/status")[2])["proof"] == server.proof(KEY, "")


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/local-aws/exceptions", ("200 OK", [])),
        ("/local-aws/faults", ("200 OK", [])),
        ("/local-aws/roles", ("404 Not Found", {"error": "roles are not judged"})),
        ("/local-aws/pipeline-executions?pipeline=p", ("200 OK", {"error": "there is no pipeline p"})),
        ("/local-aws/other", ("404 Not Found", {})),
    ],
)
def test_its_own_pages(ask: Ask, monkeypatch: pytest.MonkeyPatch, path: str, answer: tuple[str, Any]) -> None:
    monkeypatch.setattr(accounts, "ACCOUNTS", {})
    monkeypatch.setattr("scripts.local_aws.describe.ACCOUNTS", {}, raising=False)
    status, headers, text = ask(path, **WITH_KEY)
    assert ((status, json.loads(text)), headers) == (answer, own("application/json"))
    assert ask(path) == ("403 Forbidden", own("text/plain"), UNSIGNED)


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:80", "127.0.0.1:1", "[::1]:1", "bucket.localhost:1", "LOCALHOST"]
)
def test_it_answers_to_the_names_of_this_machine(ask: Ask, host: str) -> None:
    assert ask(HTTP_HOST=host, **WITH_KEY)[0] == "200 OK"


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("evil.example", "evil.example"),
        ("evillocalhost", "evillocalhost"),
        ("", ""),
        ("[::1", ""),
        ("localhost.", "localhost."),
    ],
)
def test_another_name_is_refused_even_with_the_key(ask: Ask, host: str, name: str) -> None:
    refusal = f"refused: Host '{name}' is not this machine\n"
    assert ask(HTTP_HOST=host, **WITH_KEY) == ("403 Forbidden", own("text/plain"), refusal)
    assert ask("/local-aws/status", HTTP_HOST=host)[0] == "403 Forbidden"


def test_a_foreign_page_is_refused_even_with_the_key(ask: Ask) -> None:
    refusal = ("403 Forbidden", own("text/plain"), "refused: the Origin of this request is a foreign page\n")
    for origin in ("http://evil.example", "null", "", "https://localhost:0"):
        assert ask(HTTP_ORIGIN=origin, **WITH_KEY) == refusal
    assert ask(HTTP_ORIGIN="http://localhost:0", **WITH_KEY)[0] == "200 OK"


def scope(key: str, service: str) -> str:
    return (
        f"AWS4-HMAC-SHA256 Credential={key}/20000101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=x"
    )


@pytest.mark.parametrize(
    "shown",
    [
        {"HTTP_X_LOCAL_AWS_KEY": KEY},
        {"HTTP_X_LOCAL_AWS_KEY": KEY.removeprefix("LOCAL")},
        {"HTTP_X_LOCAL_AWS_KEY": f"somebody{KEY}"},
        {"query": f"key={KEY}"},
        {"query": f"X-Amz-Credential={KEY}/20000101/us-east-1/s3/aws4_request"},
        {"query": f"AWSAccessKeyId={KEY}"},
    ],
)
def test_the_key_is_known_wherever_it_is_shown(ask: Ask, shown: dict[str, str]) -> None:
    query = shown.pop("query", "")
    assert ask(f"/local-aws/exceptions?{query}", **shown)[0] == "200 OK"


@pytest.mark.parametrize("key", ["", "LOCAL", "F", KEY[:-1], f"{KEY}0", KEY.lower(), "ü"])
def test_another_key_is_not(ask: Ask, key: str) -> None:
    assert ask("/local-aws/exceptions", HTTP_X_LOCAL_AWS_KEY=key)[0] == "403 Forbidden"
    assert ask(f"/local-aws/exceptions?key={key}")[0] == "403 Forbidden"
    assert ask("/local-aws/exceptions", HTTP_AUTHORIZATION=scope(key, "s3"))[0].startswith("403 ")


def test_a_call_that_is_signed_reaches_its_service(ask: Ask, account: Account) -> None:
    form = {"CONTENT_TYPE": "application/x-www-form-urlencoded", "REQUEST_METHOD": "POST"}
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    status, _, text = ask("/", body=body, HTTP_AUTHORIZATION=scope(KEY, "sts"), **form)
    assert status == "200 OK" and f"<Account>{account.services.account}</Account>" in text


ONE_LINE = " ".join(UNSIGNED.split())
ESCAPED = ONE_LINE.replace(">", "&gt;")


@pytest.mark.parametrize(
    ("sent", "status", "kind", "text"),
    [
        (
            {"HTTP_AUTHORIZATION": scope("OTHER", "sts"), "CONTENT_TYPE": "application/x-www-form-urlencoded"},
            "403 InvalidClientTokenId",
            "text/xml",
            "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code>"
            f"<Message>{ESCAPED}</Message></Error><RequestId>local</RequestId></ErrorResponse>",
        ),
        (
            {"HTTP_AUTHORIZATION": scope("OTHER", "ssm"), "HTTP_X_AMZ_TARGET": "AmazonSSM.GetParameter"},
            "403 InvalidClientTokenId",
            "application/x-amz-json-1.1",
            json.dumps({"__type": "InvalidClientTokenId", "message": ONE_LINE}),
        ),
        (
            {"PATH_INFO": "/bucket/key"},
            "403 InvalidAccessKeyId",
            "text/xml",
            f"<Error><Code>InvalidAccessKeyId</Code><Message>{ESCAPED}</Message><RequestId>local</RequestId></Error>",
        ),
        ({"PATH_INFO": "/bucket/key", "REQUEST_METHOD": "HEAD"}, "403 InvalidAccessKeyId", "text/xml", ""),
    ],
)
def test_a_call_is_refused_in_the_form_of_its_service(
    ask: Ask, sent: dict[str, str], status: str, kind: str, text: str
) -> None:
    answered, headers, body = ask(body=b"Action=GetCallerIdentity&Version=2011-06-15", **{"RAW_URI": "", **sent})
    assert (answered, headers["Content-Type"], body) == (status, kind, text)
    assert int(headers["Content-Length"]) == len(text) or not text


def test_pages_are_refused_as_text(ask: Ask) -> None:
    for path in ("/", "", "/moto-api/reset", "/local-aws/faults"):
        assert ask(path) == ("403 Forbidden", own("text/plain"), UNSIGNED)


def people(ask: Ask) -> str:
    """The page for people, after its style."""
    status, headers, text = ask(f"/?key={KEY}")
    assert (status, headers) == ("200 OK", own("text/html"))
    title = f"Local AWS, process {os.getpid()}"
    begin = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{application.STYLE}</style>'
    )
    assert text.startswith(f"{begin}<h1>{title}</h1>") and text.endswith("</html>")
    return re.sub(r"Log: <code>/[^<]*</code>", "LOG", text[len(f"{begin}<h1>{title}</h1>") : -len("</html>")])


def test_the_page_for_people_says_how_to_begin(ask: Ask, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    foot = "<p>LOG. 0 property values are not simulated.</p>"
    for known, text in (
        ({}, "<p>No stack yet: <code>make deploy</code> makes an environment.</p>"),
        ({("1", "eu-<1>"): account}, "<h2>Account 1, eu-&lt;1&gt;</h2><p>No stack yet: <code>make deploy</code>.</p>"),
    ):
        monkeypatch.setattr(accounts, "ACCOUNTS", known)
        monkeypatch.setattr("scripts.local_aws.describe.ACCOUNTS", known, raising=False)
        assert people(ask) == text + foot


def test_the_page_for_people_has_stacks_with_resources_and_outputs(
    ask: Ask, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, gone = account.new("root"), account.new("gone")
    child = account.nested(root, "Child")
    gone.status = "DELETE_COMPLETE"
    root.status, child.status = "UPDATE_ROLLBACK_COMPLETE", "CREATE_COMPLETE"
    root.resources = {
        "Child": Resource("Child", "AWS::CloudFormation::Stack", {}, {}, child.id, status="CREATE_COMPLETE"),
        "Old": Resource("Old", "AWS::CloudFormation::Stack", {}, {}, "arn:x:stack/old/1", status="DELETE_FAILED"),
    }
    root.resources["Old"].reason = 'why "not" <b>'
    child.resources = {"Bucket": Resource("Bucket", "AWS::S3::Bucket", {}, {}, "a<b>", status="CREATE_COMPLETE")}
    child.outputs = {"Name": "<value>"}
    monkeypatch.setattr(accounts, "ACCOUNTS", {("1", "here"): account})
    monkeypatch.setattr("scripts.local_aws.describe.ACCOUNTS", {("1", "here"): account}, raising=False)
    stack = "AWS::CloudFormation::Stack"
    inner = (
        "<details><summary>Child <span>CREATE_COMPLETE</span></summary><table><tr><td>Bucket</td><td>AWS::S3::Bucket"
        "</td><td>a&lt;b&gt;</td><td>CREATE_COMPLETE</td></tr></table><h4>Outputs</h4><table><tr><td>Name</td><td>&lt;value&gt;"
        "</td></tr></table></details>"
    )
    assert people(ask) == (
        "<h2>Account 1, here</h2>"
        '<details open><summary>root <span class="failed">UPDATE_ROLLBACK_COMPLETE</span></summary><table>'
        f"<tr><td>Child</td><td>{stack}</td><td>{child.id.rpartition('stack/')[2]}</td><td>CREATE_COMPLETE</td></tr>"
        f'<tr class="failed" title="why &quot;not&quot; &lt;b&gt;"><td>Old</td><td>{stack}</td><td>old/1</td>'
        "<td>DELETE_FAILED</td></tr></table><h4>Outputs</h4><table></table>"
        f"{inner}</details><p>LOG. 0 property values are not simulated.</p>"
    )
