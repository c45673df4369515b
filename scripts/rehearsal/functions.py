"""CloudFront Functions, really run: a Node.js process that executes viewer-request functions one event at a time.

A function sees an empty global scope with `console` alone, as CloudFront's runtime has no network, no files and no
process either. Its modules (`crypto`, `querystring`, `cloudfront`) and `Buffer` are not there: a function that uses
them fails. Source of the event: Amazon CloudFront Developer Guide, functions-event-structure.
"""

import json
import subprocess
import threading
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from scripts.rehearsal import node

Headers = list[tuple[str, str]]

WORKER = """
const vm = require("vm");
const scripts = {};
const late = () => new Promise((_, refuse) => setTimeout(refuse, 500, new Error("no answer within 500 ms")));
async function work({ name, source, event }) {
  if (source !== undefined) scripts[name] = new vm.Script(`${source}\\n;handler`, { filename: name });
  const handler = () => {
    const scope = vm.createContext({ console: { log() {} } });
    if (typeof scripts[name].runInContext(scope, { timeout: 500 }) !== "function") throw new Error("no handler");
    return scope;
  };
  const scope = handler();
  if (event === undefined) return null;
  scope.given = JSON.stringify(event);
  const call = "(async () => JSON.stringify(await handler(JSON.parse(given))))()";
  return JSON.parse(await Promise.race([vm.runInContext(call, scope, { timeout: 500 }), late()]));
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


class FunctionError(Exception):
    """A function cannot be run or gave nothing that CloudFront takes; the message names it."""


class Functions:
    """The functions of a distribution in one Node.js process; it ends with this one."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        """`sources` are the functions' JavaScript by ARN. Raises `FunctionError` and `node.NodeError`."""
        self._turn = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        if sources:
            self._process = subprocess.Popen(
                [node.find().node, "-e", WORKER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        try:
            for name, source in sources.items():
                self._ask(name, source=source)
        except FunctionError:
            self.stop()
            raise

    def request(self, name: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """What the function makes of an event: a request, or a response with `statusCode`. Raises `FunctionError`."""
        made = self._ask(name, event=event)
        if not isinstance(made, dict) or not ("statusCode" in made or str(made.get("uri", "")).startswith("/")):
            raise FunctionError(f"function {name} gave neither a request nor a response: {json.dumps(made)}")
        return made

    def stop(self) -> None:
        """Ends the process."""
        if self._process:
            self._process.kill()
            self._process.communicate()

    def _ask(self, name: str, **what: Any) -> Any:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise FunctionError(f"function {name} was not given")
        with self._turn:
            try:
                process.stdin.write(json.dumps({"name": name, **what}) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
            except (OSError, ValueError) as error:
                raise FunctionError(f"function {name}: Node.js is gone, {error}") from error
        answer = json.loads(line or '{"error": "Node.js ended"}')
        if "error" in answer:
            raise FunctionError(f"function {name}: {answer['error']}")
        return answer["value"]


def event(method: str, target: str, headers: Headers, viewer: str) -> dict[str, Any]:
    """The event of a viewer request."""
    parts = urlsplit(target)
    cookies = [pair for name, value in headers if name.lower() == "cookie" for pair in value.split(";")]
    return {
        "version": "1.0",
        "context": {"eventType": "viewer-request"},
        "viewer": {"ip": viewer},
        "request": {
            "method": method,
            "uri": parts.path,
            "querystring": _fields(_pairs(parts.query.split("&"))),
            "headers": _fields((name.lower(), value) for name, value in headers if name.lower() != "cookie"),
            "cookies": _fields(_pairs(cookies)),
        },
    }


def after(request: Mapping[str, Any]) -> tuple[str, Headers]:
    """The target (path and query string) and the headers of a request that a function gave."""
    query = "&".join(f"{name}={value}" if value else name for name, value in _flat(request.get("querystring", {})))
    headers = _flat(request.get("headers", {}))
    cookies = "; ".join(f"{name}={value}" for name, value in _flat(request.get("cookies", {})))
    return request["uri"] + (f"?{query}" if query else ""), headers + ([("cookie", cookies)] if cookies else [])


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


def _flat(fields: Mapping[str, Any]) -> Headers:
    return [(name, str(one["value"])) for name, field in fields.items() for one in field.get("multiValue", [field])]
