"""The sample, built and running, behind our distribution, as a headless Chromium sees it.

The browser gets a folder of its own and no network beyond loopback: every other name is one that does not exist.
"""

from __future__ import annotations

import html
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from scripts.rehearsal.edge import server
from scripts.rehearsal.edge.server import StoredObject
from scripts.rehearsal.runtime import application
from tests.support import browser
from tests.support.browser import chromium as chromium
from tests.support.rehearsal.serving import (
    POLICY,
    ask,
    clients_table,
    distribution,
    production,
    sample_bundle,
    sample_python,
    sample_site,
    serve_distribution,
    start_module,
)

CSP = "Content-Security-Policy"


@dataclass(frozen=True)
class Dashboard:
    """The sample behind a distribution, and the browser that looks at it."""

    served: server.ServedDistribution
    backend: application.ApplicationProcess
    browser: str
    profile: Path

    def run(self, *words: str) -> str:
        """Runs the browser once; what it writes."""
        return self._run(*words).stdout

    def watch(self, path: str) -> tuple[str, list[str]]:
        """The page, and what the browser's console says about the content security policy meanwhile."""
        done = self._run("--enable-logging=stderr", "--dump-dom", self.served.url + path)
        console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        return done.stdout, [line for line in console if "Content Security Policy" in line]

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return browser.run(self.browser, self.profile, *words)

    def look(self, path: str) -> dict[str, str]:
        """What the page shows when its requests have been answered, by the ids of its parts."""
        page = self.run("--dump-dom", self.served.url + path)
        parts = {name: html.unescape(text) for name, text in re.findall(r'<p id="(\w+)">([^<]*)</p>', page)}
        assert parts, page
        title = re.search(r"<h1>([^<]*)</h1>", page)
        return {**parts, "title": title[1] if title else ""}

    def api(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """An API request through the distribution."""
        sent = None if body is None else json.dumps(body).encode()
        headers = {"Content_Type": "application/json", **headers}
        answer = ask(f"{self.served.url}/api/v1{path}", method, sent, **headers)
        return answer.status, json.loads(answer.body)


@pytest.fixture(scope="module")
def dashboard(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    folder = tmp_path_factory.mktemp("dashboard")
    site = sample_site(folder)
    aws = ThreadedMotoServer("127.0.0.1", 0)
    aws.start()
    address = "http://{}:{}".format(*aws.get_host_and_port())
    with clients_table(address):
        bundle, port = sample_bundle(folder), application.free_port()
        backend = start_module(application.Launch(bundle, production(address), port), "app.main:app", sample_python())
        served = serve_distribution(distribution(), site.get, backend.url)
        yield Dashboard(served, backend, chromium, folder / "profile")
        served.stop()
        backend.stop()
    aws.stop()


def test_the_page_shows_what_the_api_answers_on_the_same_origin(dashboard: Dashboard) -> None:
    assert dashboard.api("POST", "/clients", {"name": "one & only"}, Authorization="Bearer x")[0] == 201
    assert dashboard.look("/") == {
        "title": "Dashboard",
        "answer": "1 clients in production",
        "api": f"{dashboard.served.url} answered 200",
        "page": "/",
        "version": "0123456789ab",
    }


def test_a_deep_link_is_the_pages_own_route(dashboard: Dashboard) -> None:
    dashboard.api("POST", "/clients", {"name": "one & only"}, Authorization="Bearer x")
    seen = dashboard.look("/clients")
    assert (seen["title"], seen["page"], seen["answer"]) == ("Clients", "/clients", "one & only")


def test_errors_of_the_api_stay_errors(dashboard: Dashboard) -> None:
    """Also for the browser: a route that the page does not know shows the API's 400 as the API said it."""
    assert dashboard.api("GET", "/gone") == (404, {"detail": "Not Found"})
    assert dashboard.api("POST", "/auth/login", {"email": "a", "password": "b"})[0] == 401
    seen = dashboard.look("/no/such/page")
    assert (seen["title"], seen["api"]) == ("No such page", f"{dashboard.served.url} answered 400")
    assert "not valid" in seen["answer"]


def test_authorization_reaches_the_backend_and_only_with_all_viewer(dashboard: Dashboard) -> None:
    assert dashboard.api("GET", "/dashboard", Authorization="Bearer x")[0] == 200
    assert dashboard.api("GET", "/dashboard")[0] == 401
    config, functions, policies = distribution()
    del config["CacheBehaviors"]["Items"][0]["OriginRequestPolicyId"]
    served = serve_distribution((config, functions, policies), dashboard.served.objects, dashboard.backend.url)
    try:
        seen = Dashboard(served, dashboard.backend, dashboard.browser, dashboard.profile).look("/")
        assert seen["api"] == f"{served.url} answered 401"
    finally:
        served.stop()


PAGE = b'<p id="answer">asking</p><script src="/static/js/redirected.js"></script>'
# The route is `/api/v1/clients`: the application answers with a redirect of its framework's own.
SCRIPT = b"""fetch("/api/v1/clients/", {headers: {Authorization: "Bearer x"}})
  .then((response) => response.status + (response.redirected ? " from " : " without a redirect from ") + response.url)
  .catch((error) => error.message)
  .then((text) => { document.getElementById("answer").textContent = text; });"""


@pytest.mark.parametrize("scheme", ["INTERNAL", pytest.param("PUBLIC", marks=pytest.mark.soak)])
@pytest.mark.parametrize("ours", [True, False], ids=["with our function", "without it"])
def test_a_redirect_of_the_application_stays_on_the_pages_own_origin(
    dashboard: Dashboard, scheme: str, ours: bool
) -> None:
    """Behind an internal load balancer the application believes in http, so that its redirect would lead to another
    origin, where the browser does not follow with what the page sends."""
    pages = {
        "index.html": StoredObject(PAGE, "text/html"),
        "static/js/redirected.js": StoredObject(SCRIPT, "text/javascript"),
    }
    config, functions, policies = distribution(scheme)
    if not ours:
        for behavior in config["CacheBehaviors"]["Items"]:
            behavior["FunctionAssociations"] = {"Quantity": 0}
    served = serve_distribution((config, functions, policies), pages.get, dashboard.backend.url)
    try:
        answer = replace(dashboard, served=served).look("/")["answer"]
        reached = f"200 from {served.url}/api/v1/clients"
        assert answer == (reached if ours or scheme == "PUBLIC" else "Failed to fetch")
    finally:
        served.stop()


def test_without_the_page_routing_a_deep_link_is_no_page(dashboard: Dashboard) -> None:
    config, sources, policies = distribution()
    config["DefaultCacheBehavior"]["FunctionAssociations"] = {"Quantity": 0}
    served = serve_distribution((config, sources, policies), dashboard.served.objects, dashboard.backend.url)
    try:
        assert ask(f"{served.url}/clients").status == 403
        other = Dashboard(served, dashboard.backend, dashboard.browser, dashboard.profile)
        assert "AccessDenied" in other.run("--dump-dom", f"{served.url}/clients")
    finally:
        served.stop()


@pytest.mark.parametrize("path", ["/", "/clients", "/api/v1/email/verify?token=x", "/health"])
def test_security_headers_are_on_every_answer(dashboard: Dashboard, path: str) -> None:
    headers = ask(dashboard.served.url + path).headers
    assert {name.lower() for name in distribution()[2][POLICY]} <= headers.keys()


@contextmanager
def under(dashboard: Dashboard, old: str, new: str, page: bytes | None = None) -> Iterator[Dashboard]:
    """The dashboard with another content security policy (`old` in ours replaced by `new`), or with another page."""
    config, functions, policies = distribution()
    ours, always = policies[POLICY][CSP]
    assert old in ours
    other = {POLICY: {**policies[POLICY], CSP: (ours.replace(old, new), always)}}
    pages = {"index.html": StoredObject(page, "text/html")} if page else {}
    objects = dashboard.served.objects
    served = serve_distribution(
        (config, functions, other), lambda key: pages.get(key) or objects(key), dashboard.backend.url
    )
    try:
        yield replace(dashboard, served=served)
    finally:
        served.stop()


@pytest.mark.parametrize("path", ["/", pytest.param("/clients", marks=pytest.mark.soak)])
def test_the_content_security_policy_refuses_nothing_that_the_page_needs(dashboard: Dashboard, path: str) -> None:
    headers = ask(dashboard.served.url + path).headers
    assert "script-src 'self';" in headers[CSP.lower()] and "default-src 'self';" in headers[CSP.lower()]
    page, refused = dashboard.watch(path)
    assert refused == [] and f"{dashboard.served.url} answered 200" in page


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("script-src 'self'", "script-src 'none'"),
        pytest.param("connect-src 'self'", "connect-src 'none'", marks=pytest.mark.soak),
        pytest.param("style-src 'self' 'unsafe-inline'", "style-src 'none'", marks=pytest.mark.soak),
    ],
)
def test_a_policy_that_forbids_what_the_page_needs_is_noticed(dashboard: Dashboard, old: str, new: str) -> None:
    with under(dashboard, old, new) as other:
        page, refused = other.watch("/")
        assert any(new in line for line in refused)
        assert ("answered 200" in page) == new.startswith("style-src")


def test_a_script_that_somebody_wrote_into_the_page_does_not_run(dashboard: Dashboard) -> None:
    """The second policy shows that the script would have run."""
    page = b'<p id="page">ours</p><script>document.getElementById("page").textContent = "theirs"</script>'
    with under(dashboard, "script-src 'self'", "script-src 'self'", page) as ours:
        shown, refused = ours.watch("/")
        assert ">ours<" in shown and any("script-src 'self'" in line for line in refused)
    with under(dashboard, "script-src 'self'", "script-src 'unsafe-inline'", page) as open_one:
        assert open_one.look("/")["page"] == "theirs"


def test_a_new_page_is_seen_after_the_invalidation_only(dashboard: Dashboard) -> None:
    """Without Cache-Control, as a careless upload would leave it: the old page stays for a day."""
    bucket = {"index.html": StoredObject(b'<p id="page">old</p>', "text/html")}
    served = serve_distribution(distribution(), bucket.get, dashboard.backend.url)
    other = Dashboard(served, dashboard.backend, dashboard.browser, dashboard.profile)
    try:
        assert other.look("/")["page"] == "old"
        bucket["index.html"] = StoredObject(b'<p id="page">new</p>', "text/html")
        assert ask(served.url).body == b'<p id="page">old</p>'
        served.invalidate(["/*"])
        assert other.look("/clients")["page"] == "new"
    finally:
        served.stop()


def test_a_picture_of_the_page_can_be_taken(dashboard: Dashboard, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    dashboard.run(f"--screenshot={picture}", "--window-size=800,400", f"{dashboard.served.url}/clients")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_assets_are_kept_by_the_edge_and_sent_compressed(dashboard: Dashboard) -> None:
    page = ask(f"{dashboard.served.url}/").body.decode()
    (script,) = re.findall(r'src="(/static/js/main\.[0-9a-f]{8}\.js)"', page)
    answers = [ask(dashboard.served.url + script, Accept_Encoding="gzip") for _ in range(2)]
    assert answers[1].source == "Hit"
    assert len(answers[1].body) * 2 < len(ask(dashboard.served.url + script).body)
    assert "immutable" in answers[1].headers["cache-control"]
