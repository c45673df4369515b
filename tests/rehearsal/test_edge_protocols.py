"""Behind a load balancer with HTTP and before viewers with HTTPS: what the application is told, and where its redirects
lead."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.rehearsal.serving import distribution, function_arn
from tests.support.rehearsal.sites import Site

PATHS = ("/api/v1/clients", "/api/v1/clients?token=x", "/health")
REDIRECTS = (301, 302, 303, 307, 308)
BACK_TO_HTTPS = """function handler(event) {
  var location = event.response.headers.location;
  if (location) location.value = location.value.replace('http://' + event.request.headers.host.value, 'https://' +
    event.request.headers.host.value);
  return event.response;
}"""


@pytest.mark.parametrize(("scheme", "protocol", "port"), [("INTERNAL", "http", "80"), ("PUBLIC", "https", "443")])
def test_a_load_balancer_names_the_protocol_of_its_own_client(
    site: Site, scheme: str, protocol: str, port: str
) -> None:
    """Whatever the viewer used, and whatever it says itself."""
    site.serve(*distribution(scheme)[:2])
    headers = site.echo("/api/v1/x", X_Forwarded_Proto="gopher")["headers"]
    assert (headers["x-forwarded-proto"], headers["x-forwarded-port"]) == (protocol, port)


def test_the_header_that_a_public_load_balancer_asks_for_is_cloudfronts_and_not_the_viewers(site: Site) -> None:
    site.serve(*distribution("PUBLIC")[:2])
    headers = site.echo("/api/v1/x", X_Origin_Verify="guessed")["headers"]
    assert headers["x-origin-verify"] == "{{resolve:secretsmanager:${OriginSecretArn}}}"


def with_response_function(site: Site, source: str) -> None:
    """Serves our distribution with one more function, at the responses of the API."""
    config, sources, _ = distribution()
    arn = function_arn("Other")
    association: dict[str, Any] = {"EventType": "viewer-response", "FunctionARN": arn}
    config["CacheBehaviors"]["Items"][0]["FunctionAssociations"] = {"Quantity": 1, "Items": [association]}
    site.serve(config, {**sources, arn: source})


@pytest.mark.parametrize("status", REDIRECTS)
def test_a_redirect_to_http_is_another_origin_and_one_to_https_is_not(site: Site, status: int) -> None:
    site.backend.status, site.backend.headers = status, {"Location": "PROTOCOL://HOST/api/v1/clients/"}
    with_response_function(site, "function handler(event) { return event.response; }")
    location = site.ask("/api/v1/clients").headers["location"]
    assert location == f"{site.served.http_url}/api/v1/clients/" != f"{site.served.url}/api/v1/clients/"
    with_response_function(site, BACK_TO_HTTPS)
    assert site.ask("/api/v1/clients").headers["location"] == f"{site.served.url}/api/v1/clients/"


def test_redirects_elsewhere_are_left_alone(site: Site) -> None:
    site.backend.status, site.backend.headers = 302, {"Location": "http://example.com/x", "Set-Cookie": "a=1; Path=/"}
    with_response_function(site, BACK_TO_HTTPS)
    headers = site.ask("/api/v1/clients").headers
    assert (headers["location"], headers["set-cookie"]) == ("http://example.com/x", "a=1; Path=/")


def test_a_function_is_not_called_for_errors(site: Site) -> None:
    with_response_function(site, "function handler(event) { throw new Error('called'); }")
    site.backend.status = 404
    assert site.ask("/api/v1/x").status == 404
    site.backend.status = 200
    assert site.ask("/api/v1/x").status == 503


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("event.response.statusCode = 200;", "a change of `headers` only"),
        ("event.response.body = 'x';", "a change of `headers` only"),
        ("event.response.headers['X-Upper'] = {value: 'x'};", "is not a header of a response"),
        ("event.response.headers['x-frame-options'] = {value: 'DENY'};", "in an order that is not documented"),
    ],
)
def test_what_is_not_simulated_is_a_503(site: Site, change: str, problem: str) -> None:
    with_response_function(site, f"function handler(event) {{ {change} return event.response; }}")
    site.backend.status = 201
    answer = site.ask("/api/v1/x")
    assert answer.status == 503 and problem in answer.body.decode()


@pytest.mark.parametrize(("method", "status"), [("GET", 301), ("POST", 307)])
def test_viewers_over_http_are_sent_to_https(site: Site, method: str, status: int) -> None:
    """By the behaviours' ViewerProtocolPolicy; the API takes nothing over HTTP."""
    config, sources, _ = distribution()
    config["CacheBehaviors"]["Items"][0]["ViewerProtocolPolicy"] = "redirect-to-https"
    site.serve(config, sources)
    answer = site.ask_http("/api/v1/x?a=b", method)
    assert (answer.status, answer.headers["location"]) == (status, f"{site.served.url}/api/v1/x?a=b")
    config["CacheBehaviors"]["Items"][0]["ViewerProtocolPolicy"] = "https-only"
    site.serve(config, sources)
    assert site.ask_http("/api/v1/x", method).status == 403
    config["CacheBehaviors"]["Items"][0]["ViewerProtocolPolicy"] = "allow-all"
    site.serve(config, sources)
    assert site.ask_http("/api/v1/x", method).status == 200


@pytest.mark.parametrize("scheme", ["INTERNAL", "PUBLIC"])
@pytest.mark.parametrize("path", PATHS)
def test_redirects_of_the_application_reach_the_browser_as_https(site: Site, scheme: str, path: str) -> None:
    """With the functions of our template."""
    site.serve(*distribution(scheme)[:2])
    for status in REDIRECTS:
        site.backend.status, site.backend.headers = status, {"Location": f"PROTOCOL://HOST{path}"}
        answer = site.ask(path)
        assert (answer.status, answer.headers["location"]) == (status, site.served.url + path)
