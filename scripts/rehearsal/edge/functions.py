"""CloudFront Functions, really run: a Node.js process that executes the functions of viewer requests and responses,
one event at a time.

A function sees an empty global scope with `console` alone, as CloudFront's runtime has no network, no files and no
process either. Its modules (`crypto`, `querystring`, `cloudfront`) and `Buffer` are not there: a function that uses
them fails. Source of the event: Amazon CloudFront Developer Guide, functions-event-structure.
"""

import json
import subprocess
import threading
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from scripts.rehearsal.errors import ActionFailedError
from scripts.rehearsal.runtime.toolchains import find_node

Headers = list[tuple[str, str]]

# Seconds of wall time, as a guard against endless loops and no more. CloudFront limits the processor time of a function
# (Amazon CloudFront Developer Guide, cloudfront-function-restrictions), and on a busy machine wall time says nothing
# about that: a limit as short as CloudFront's would fail functions that are fine.
LOOP_SECONDS = 5

WORKER = """
const vm = require("vm");
const scripts = {};
const limit = LIMIT;
const late = () => new Promise((_, refuse) => setTimeout(refuse, limit, new Error(`no answer within ${limit} ms`)));
async function work({ name, source, event }) {
  if (source !== undefined) scripts[name] = new vm.Script(`${source}\\n;handler`, { filename: name });
  const handler = () => {
    const scope = vm.createContext({ console: { log() {} } });
    if (typeof scripts[name].runInContext(scope, { timeout: limit }) !== "function") throw new Error("no handler");
    return scope;
  };
  const scope = handler();
  if (event === undefined) return null;
  scope.given = JSON.stringify(event);
  const call = "(async () => JSON.stringify(await handler(JSON.parse(given))))()";
  return JSON.parse(await Promise.race([vm.runInContext(call, scope, { timeout: limit }), late()]));
}
require("readline").createInterface({ input: process.stdin }).on("line", async (line) => {
  let answer;
  try {
    answer = { value: await work(JSON.parse(line)) };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\\n");
});
process.stdin.on("end", () => process.exit());
"""


class FunctionError(ActionFailedError):
    """A function cannot be run or gave nothing that CloudFront takes; the message names it."""


class Functions:
    """The functions of a distribution in one Node.js process; it ends with this one."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        """`sources` are the functions' JavaScript by ARN. Raises `FunctionError` and `ToolchainError`."""
        self.sources = dict(sources)
        self._turn = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        if sources:
            self._process = subprocess.Popen(
                [find_node().node, "-e", WORKER.replace("LIMIT", str(LOOP_SECONDS * 1000))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="utf-8",
                start_new_session=True,
            )
        try:
            for name, source in sources.items():
                self._ask(name, source=source)
        except FunctionError:
            self.stop()
            raise

    def rewritten_uri(self, name: str, event: Mapping[str, Any]) -> str:
        """What the function makes of an event's URI.

        Raises `FunctionError`, also for what is not simulated: a response, and changes of anything but the URI.
        """
        request = self._ask(name, event=event)
        uri = request.get("uri") if isinstance(request, dict) else None
        if (
            not isinstance(uri, str)
            or not uri.startswith("/")
            or {**request, "uri": ""} != {**event["request"], "uri": ""}
        ):
            raise FunctionError(
                f"function {name}: the rehearsal simulates a change of `uri` only, got {json.dumps(request)}"
            )
        return uri

    def changed_headers(self, name: str, event: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
        """The headers of a viewer response as the function leaves them, by their names in lower case.

        Raises `FunctionError`, also for what is not simulated: changes of anything but headers.
        """
        response = self._ask(name, event=event)
        if not isinstance(response, dict) or {**response, "headers": {}} != {**event["response"], "headers": {}}:
            raise FunctionError(
                f"function {name}: the rehearsal simulates a change of `headers` only, got {json.dumps(response)}"
            )
        headers = {}
        for header, field in response["headers"].items():
            if header != header.lower() or not isinstance(field, dict) or not isinstance(field.get("value"), str):
                raise FunctionError(f"function {name}: {json.dumps({header: field})} is not a header of a response")
            headers[header] = [value["value"] for value in field.get("multiValue", [field])]
        return headers

    def stop(self) -> None:
        """Ends the process."""
        if self._process:
            self._process.kill()
            self._process.communicate()

    def _ask(self, name: str, **work: Any) -> Any:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise FunctionError(f"function {name} was not given")
        with self._turn:
            try:
                process.stdin.write(json.dumps({"name": name, **work}) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
            except (OSError, ValueError) as error:
                raise FunctionError(f"function {name}: Node.js is gone, {error}") from error
        answer = json.loads(line or '{"error": "Node.js ended"}')
        if "error" in answer:
            raise FunctionError(f"function {name}: {answer['error']}")
        return answer["value"]


def viewer_request_event(method: str, uri: str, query: str, headers: Headers, viewer: str) -> dict[str, Any]:
    """The event of a viewer request."""
    cookies = [pair for name, value in headers if name.lower() == "cookie" for pair in value.split(";")]
    return {
        "version": "1.0",
        "context": {"eventType": "viewer-request"},
        "viewer": {"ip": viewer},
        "request": {
            "method": method,
            "uri": uri,
            "querystring": _fields(_pairs(query.split("&"))),
            "headers": _fields((name.lower(), value) for name, value in headers if name.lower() != "cookie"),
            "cookies": _fields(_pairs(cookies)),
        },
    }


def viewer_response_event(request: Mapping[str, Any], status: int, headers: Headers) -> dict[str, Any]:
    """The event of a viewer response, by that of its request. Cookies that are set are not among its headers."""
    passed = _fields((name.lower(), value) for name, value in headers if name.lower() != "set-cookie")
    response = {"statusCode": status, "statusDescription": HTTPStatus(status).phrase, "headers": passed, "cookies": {}}
    return {**request, "context": {"eventType": "viewer-response"}, "response": response}


def _pairs(texts: Iterable[str]) -> Iterable[tuple[str, str]]:
    for text in texts:
        name, _, value = text.strip().partition("=")
        if name:
            yield name, value


def _fields(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        field = fields.setdefault(name, {"value": value, "multiValue": []})
        field["multiValue"].append({"value": value})
    for field in fields.values():
        if len(field["multiValue"]) == 1:
            del field["multiValue"]
    return fields
