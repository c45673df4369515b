"""What CloudFront Functions are given and may give back: the events whole, and every answer that is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from scripts.rehearsal.edge import functions
from scripts.rehearsal.edge.functions import FunctionError, Functions, viewer_request_event, viewer_response_event

HEADERS = [("Host", "page.test"), ("Cookie", "a=1; b=2;c"), ("COOKIE", "a=3"), ("X-Own", "one"), ("x-own", "two")]
REQUEST = {
    "version": "1.0",
    "context": {"eventType": "viewer-request"},
    "viewer": {"ip": "192.0.2.1"},
    "request": {
        "method": "GET",
        "uri": "/a b",
        "querystring": {"x": {"value": "1", "multiValue": [{"value": "1"}, {"value": "2=3"}]}, "empty": {"value": ""}},
        "headers": {
            "host": {"value": "page.test"},
            "x-own": {"value": "one", "multiValue": [{"value": "one"}, {"value": "two"}]},
        },
        "cookies": {
            "a": {"value": "1", "multiValue": [{"value": "1"}, {"value": "3"}]},
            "b": {"value": "2"},
            "c": {"value": ""},
        },
    },
}


def test_the_event_of_a_viewer_request() -> None:
    assert viewer_request_event("GET", "/a b", "x=1&empty&x=2=3&", HEADERS, "192.0.2.1") == REQUEST
    bare = viewer_request_event("POST", "/", "", [], "::1")["request"]
    assert bare == {"method": "POST", "uri": "/", "querystring": {}, "headers": {}, "cookies": {}}


def test_the_event_of_a_viewer_response() -> None:
    """By that of its request; cookies that are set are not among its headers."""
    headers = [("Content-Type", "text/html"), ("Set-Cookie", "a=1"), ("Vary", "a"), ("vary", "b")]
    assert viewer_response_event(REQUEST, 404, headers) == {
        **REQUEST,
        "context": {"eventType": "viewer-response"},
        "response": {
            "statusCode": 404,
            "statusDescription": "Not Found",
            "headers": {
                "content-type": {"value": "text/html"},
                "vary": {"value": "a", "multiValue": [{"value": "a"}, {"value": "b"}]},
            },
            "cookies": {},
        },
    }


class Answering(Functions):
    """Functions whose answers are a test's."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.calls = answer, list[Any]()

    def _ask(self, name: str, **work: Any) -> Any:
        self.calls.append((name, work))
        return self.answer


EVENT: dict[str, Any] = {"request": {"uri": "/old", "headers": {}}, "response": {"statusCode": 200, "headers": {}}}


@pytest.mark.parametrize(
    ("answer", "uri"),
    [
        ({"uri": "/new", "headers": {}}, "/new"),
        ({"uri": "/old", "headers": {}}, "/old"),
        ({"uri": "new", "headers": {}}, None),
        ({"uri": 3, "headers": {}}, None),
        ({"uri": "/new", "headers": {"x": {"value": "y"}}}, None),
        ({"uri": "/new"}, None),
        ({"statusCode": 302}, None),
        (None, None),
        ([], None),
    ],
)
def test_a_request_may_have_another_uri_and_nothing_else(answer: Any, uri: str | None) -> None:
    own = Answering(answer)
    if uri:
        assert own.rewritten_uri("f", EVENT) == uri
        assert own.calls == [("f", {"event": EVENT})]
    else:
        with pytest.raises(FunctionError) as failed:
            own.rewritten_uri("f", EVENT)
        assert str(failed.value).startswith("function f: the rehearsal simulates a change of `uri` only")
        assert str(failed.value).endswith(json.dumps(answer))


def headers_of(**headers: Any) -> dict[str, Any]:
    return {"statusCode": 200, "headers": headers}


NO_HEADER = "function f: {} is not a header of a response"
ONLY_HEADERS = "function f: the rehearsal simulates a change of `headers` only, got {}"


@pytest.mark.parametrize(
    ("answer", "headers", "problem"),
    [
        (headers_of(), {}, ""),
        (headers_of(a={"value": "1"}), {"a": ["1"]}, ""),
        (headers_of(a={"value": "1", "multiValue": [{"value": "1"}, {"value": "2"}]}), {"a": ["1", "2"]}, ""),
        (headers_of(A={"value": "1"}), None, NO_HEADER),
        (headers_of(a="1"), None, NO_HEADER),
        (headers_of(a={"value": 1}), None, NO_HEADER),
        (headers_of(a={}), None, NO_HEADER),
        ({"statusCode": 201, "headers": {}}, None, ONLY_HEADERS),
        ({"statusCode": 200, "headers": {}, "body": "x"}, None, ONLY_HEADERS),
        ("text", None, ONLY_HEADERS),
    ],
)
def test_a_response_may_have_other_headers_and_nothing_else(answer: Any, headers: Any, problem: str) -> None:
    if headers is not None:
        assert Answering(answer).changed_headers("f", EVENT) == headers
        return
    with pytest.raises(FunctionError) as failed:
        Answering(answer).changed_headers("f", EVENT)
    shown = answer["headers"] if problem == NO_HEADER else answer
    assert str(failed.value) == problem.format(json.dumps(shown))


@pytest.fixture(scope="module")
def node() -> Callable[[str], Any]:
    """Runs a function of a viewer request over an event."""

    def run(body: str) -> Any:
        own = Functions({"f": f"async function handler(event) {{ {body} }}"})
        try:
            return own.rewritten_uri("f", EVENT)
        finally:
            own.stop()

    return run


KINDS, NOTHING = "typeof require, typeof process, typeof fetch", "/undefined,undefined,undefined"


@pytest.mark.parametrize(
    ("body", "result"),
    [
        ("event.request.uri = '/new'; return event.request;", "/new"),
        (f"console.log('x'); event.request.uri = '/' + [{KINDS}]; return event.request;", NOTHING),
    ],
)  # fmt: skip
def test_a_function_has_nothing_but_its_event(node: Callable[[str], Any], body: str, result: str) -> None:
    assert node(body) == result


def test_a_function_that_fails_names_itself(node: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FunctionError, match=r"^function f: Error: broken$"):
        node("throw new Error('broken');")
    for source, problem in (("var x = 1;", "handler is not defined"), ("function handler( {", "SyntaxError")):
        with pytest.raises(FunctionError, match=problem):
            Functions({"f": source})
    monkeypatch.setattr(functions, "LOOP_SECONDS", 0.2)
    with pytest.raises(FunctionError, match=r"function f: .*(timed out|no answer within) "):
        node("while (true) {}")


def test_a_function_that_was_not_given_and_one_whose_process_is_gone() -> None:
    empty = Functions({})
    empty.stop()
    with pytest.raises(FunctionError, match=r"^function f was not given$"):
        empty.rewritten_uri("f", EVENT)
    own = Functions({"f": "function handler(event) { return event.request; }"})
    assert own.rewritten_uri("f", EVENT) == "/old"
    own.stop()
    with pytest.raises(FunctionError, match=r"^function f: Node.js (is gone, |ended)"):
        own.rewritten_uri("f", EVENT)
