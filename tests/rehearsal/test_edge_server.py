"""The served distribution as a viewer sees it, over a backend that answers with what it was asked."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from scripts.rehearsal.edge import server
from tests.support.rehearsal.serving import POLICY, distribution
from tests.support.rehearsal.sites import PAGE, SCRIPT, Site

ALL_METHODS = ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"]
HEADERS = distribution()[2][POLICY]


# Routes of the application whose last part has a dot.
DOTTED = ["/clients/acme.com", "/users/bob@x.test", "/reset/eyJh.eyJz.c2ln", "/v1.2/notes", "/clients/acme.com/"]


@pytest.mark.parametrize(
    "path", ["/", "/index.html", "/clients", "/clients/42/costs", "/?token=x", "/clients?a=b", *DOTTED]
)
def test_routes_of_the_page_are_the_page(site: Site, path: str) -> None:
    answer = site.ask(path)
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, PAGE, "text/html")


FILES = ["/gone.js", "/static/js/old.JS", "/favicon.ico", "/.well-known/security", "/fonts/a.woff2", "/x.webmanifest"]


@pytest.mark.parametrize("path", FILES)
def test_missing_files_are_not_the_page_but_404(site: Site, path: str) -> None:
    site.lists = True
    answer = site.ask(path)
    assert (answer.status, answer.headers["content-type"], answer.source) == (404, "application/xml", "Error")
    assert b"<Code>NoSuchKey</Code>" in answer.body


@pytest.mark.parametrize("path", FILES)
def test_where_cloudfront_may_not_list_the_bucket_missing_files_are_403(site: Site, path: str) -> None:
    answer = site.ask(path)
    assert (answer.status, answer.headers["content-type"], answer.source) == (403, "application/xml", "Error")
    assert b"<Code>AccessDenied</Code>" in answer.body


def test_keys_are_decoded(site: Site) -> None:
    assert site.ask("/a%20b.txt").body == b"blank"


def test_without_the_function_routes_are_missing_files_and_the_root_is_the_page(site: Site) -> None:
    config, sources, _ = distribution()
    config["DefaultCacheBehavior"]["FunctionAssociations"] = {"Quantity": 0}
    site.serve(config, sources)
    assert (site.ask("/").status, site.ask("/clients").status) == (200, 403)
    del config["DefaultRootObject"]
    site.serve(config, sources)
    assert site.ask("/").status == 403


def test_a_former_backend_answers_what_is_on_its_way_to_it(site: Site) -> None:
    """Whoever ends it waits for that, as a load balancer does."""
    served = site.served
    with ThreadPoolExecutor() as pool:
        with served._backend() as former:
            moving = pool.submit(served.lead_to, "http://127.0.0.1:1")
            while served.backend_url == former:
                assert not moving.done()
            assert not moving.done()
        moving.result()
    served.lead_to(former)
    assert site.ask("/api/v1/clients").status == 200


@pytest.mark.parametrize("method", ALL_METHODS)
def test_the_api_gets_every_method_with_headers_query_and_body(site: Site, method: str) -> None:
    body = None if method in ("GET", "HEAD") else b'{"a": 1}'
    headers = {"Authorization": "Bearer x", "Cookie": "a=1; b=2", "X_Own": "own", "Content_Type": "application/json"}
    if method == "HEAD":
        answer = site.ask("/api/v1/x?token=a%20b&token=c", method, body, **headers)
        assert (answer.status, answer.body) == (200, b"")
        return
    request = site.echo("/api/v1/x?token=a%20b&token=c", method, body, **headers)
    assert (request["method"], request["target"]) == (method, "/api/v1/x?token=a%20b&token=c")
    assert request["body"] == (body or b"").decode()
    expected = {"authorization": "Bearer x", "cookie": "a=1; b=2", "x-own": "own", "content-type": "application/json"}
    assert request["headers"].items() >= expected.items()
    assert f"http://{request['headers']['host']}" == site.served.url
    assert request["headers"]["x-forwarded-for"] == "127.0.0.1"


def test_without_all_viewer_the_api_loses_headers_and_query(site: Site) -> None:
    config, sources, _ = distribution()
    del config["CacheBehaviors"]["Items"][0]["OriginRequestPolicyId"]
    site.serve(config, sources)
    request = site.echo("/api/v1/x?token=x", "POST", b"{}", Authorization="Bearer x", Content_Type="application/json")
    assert request["target"] == "/api/v1/x" and request["body"] == "{}"
    assert "authorization" not in request["headers"] and request["headers"]["content-type"] == "application/json"
    assert request["headers"]["host"] == site.backend.url.removeprefix("http://")


@pytest.mark.parametrize("status", [201, 204, 302, 400, 404, 500])
def test_the_apis_status_and_headers_stay(site: Site, status: int) -> None:
    site.backend.status, site.backend.headers = (status, {"Location": "/elsewhere", "X-Frame-Options": "DENY"})
    answer = site.ask("/api/v1/missing")
    assert (answer.status, answer.headers["location"]) == (status, "/elsewhere")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-frame-options"] == "DENY"
    assert ("content-length" in answer.headers) is (status != 204), "RFC 9110, 8.6: an answer without content has none"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_methods_that_a_behaviour_does_not_allow_are_403(site: Site, method: str) -> None:
    answer = site.ask("/clients", method, b"{}")
    assert answer.status == 403 and b"not configured to allow the HTTP request method" in answer.body


def test_a_get_with_a_body_is_403(site: Site) -> None:
    assert site.ask("/api/v1/x", "GET", b"{}").status == 403


def test_options_on_the_bucket_are_refused_loudly(site: Site) -> None:
    assert site.ask("/", "OPTIONS").status == 501


@pytest.mark.parametrize("path", ["/", "/gone.js", "/api/v1/x", "/health"])
def test_security_headers_are_added_everywhere(site: Site, path: str) -> None:
    headers = site.ask(path).headers
    for name, (value, _) in HEADERS.items():
        assert headers[name.lower()] == value


def test_of_the_security_headers_only_one_replaces_the_origins(site: Site) -> None:
    site.backend.headers = {"X-Content-Type-Options": "other", "Referrer-Policy": "no-referrer"}
    headers = site.ask("/api/v1/x").headers
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")


def test_without_the_policy_there_are_no_security_headers(site: Site) -> None:
    config, sources, _ = distribution()
    del config["DefaultCacheBehavior"]["ResponseHeadersPolicyId"]
    site.serve(config, sources)
    assert not {name.lower() for name in HEADERS} & site.ask("/").headers.keys()


def test_head_has_the_headers_alone(site: Site) -> None:
    answer = site.ask("/static/js/main.0a1b.js", "HEAD")
    assert (answer.body, answer.headers["content-length"]) == (b"", str(len(SCRIPT)))


def test_a_backend_that_is_gone_is_a_502_and_another_one_can_take_over(site: Site) -> None:
    site.served.backend_url = "http://127.0.0.1:1"
    answer = site.ask("/api/v1/x")
    assert answer.status == 502 and b"connect to the origin" in answer.body
    site.served.backend_url = site.backend.url
    assert site.ask("/api/v1/x").status == 200


def test_a_backend_that_does_not_answer_is_a_504(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "ORIGIN_SECONDS", 0.1)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        site.served.backend_url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        answer = site.ask("/api/v1/clients")
    assert (answer.status, answer.source) == (504, "Error")
    assert b"the origin did not answer within 0 s" in answer.body


@pytest.mark.parametrize("header", [{"Upgrade": "websocket"}, {"Transfer_Encoding": "chunked"}])
def test_what_is_neither_whole_nor_http_is_a_501(site: Site, header: dict[str, str]) -> None:
    answer = site.ask("/api/v1/clients", "GET", None, **header)
    assert answer.status == 501
    assert b"The rehearsal simulates neither chunked requests nor upgrades." in answer.body


def test_requests_are_answered_side_by_side(site: Site) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda number: site.ask(f"/route/{number}").status, range(20)))
    assert answers == [200] * 20


def test_a_stopped_distribution_is_gone_and_listens_on_loopback_only(site: Site) -> None:
    site.serve(*distribution()[:2])
    assert site.served._server
    assert site.served._server.server_address[0] == "127.0.0.1"
    site.served.stop()
    site.served.stop()
    with pytest.raises(ConnectionRefusedError):
        site.ask("/")
