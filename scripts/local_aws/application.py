"""What the server runs: moto's services with ours in the place of some, tests' faults in front, pages of our own.

It answers whoever shows the key of the run file: as the access key id that signs a call (its last characters are
enough, so that callers can be told apart), in a header or in an address; or keys that it has issued itself. What a
foreign page in a browser sends is refused by its Host or Origin, whatever it knows.
"""

import hmac
import json
import os
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from scripts.local_aws import server, wire
from scripts.local_aws.server import ACCOUNT, HOST, KEY_HEADER, PREFIX

Environ = dict[str, Any]
NAMES = (HOST, "127.0.0.1", "::1")
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .15rem .8rem .15rem 0 }
summary { cursor: pointer; font-weight: 600; margin-top: .6rem } .failed { color: #b00020 } code { font-size: .9em }
@media (prefers-color-scheme: dark) { body { background: #161616; color: #ddd } .failed { color: #ff7b8a } }
"""


def make(port: int, key: str) -> Any:
    """The WSGI server, bound to loopback and not yet running; it takes `key`."""
    os.environ["MOTO_PORT"] = str(port)
    services = dispatcher()
    from moto.moto_server.werkzeug_app import MotoRequestHandler
    from werkzeug.serving import make_server

    from scripts.local_aws import account
    from scripts.local_aws.faults import injection
    from scripts.local_aws.roles import door

    account.SERVED[:] = [(f"http://{HOST}:{port}", services)]
    pages, calls = _pages(key), door.in_front(injection.in_front(services))

    def application(environ: Environ, start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if reason := _refusal(environ, key):
            return _refuse(environ, start_response, reason)
        if path in ("", "/") and environ["REQUEST_METHOD"] == "GET" and "HTTP_AUTHORIZATION" not in environ:
            return _answer(start_response, "200 OK", "text/html", _page_for_people())
        if not path.startswith(PREFIX):
            return calls(environ, start_response)
        page = pages.get(path.removeprefix(PREFIX))
        status, body = (
            ("200 OK", page(environ))
            if page
            else door.page(environ) or injection.page(environ) or ("404 Not Found", {})
        )
        return _answer(start_response, status, "application/json", json.dumps(body))

    return make_server("127.0.0.1", port, application, threaded=True, request_handler=MotoRequestHandler)


@cache
def dispatcher() -> Any:
    """Moto's application over all services, with what we put in the place of its own; one in a process."""
    os.environ["MOTO_ACCOUNT_ID"] = ACCOUNT  # moto reads it when it is imported
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    from scripts.local_aws import (
        api,
        beanstalk,
        change_set_calls,
        drift,
        moto_patches,
        moto_refusals,
        pipeline_executions,
        stack_calls,
    )
    from scripts.local_aws.roles import simulation

    moto_patches.install()
    moto_refusals.install()
    beanstalk.install()
    pipeline_executions.install()
    simulation.install()
    api.install((*stack_calls.OPERATIONS, *change_set_calls.OPERATIONS, *drift.OPERATIONS))
    return DomainDispatcherApplication(moto_patches.refuse_unimplemented(create_backend_app))


def _refusal(environ: Mapping[str, Any], key: str) -> str:
    """Why a request is refused; empty when it is not."""
    name = _host(environ.get("HTTP_HOST", ""))
    if name not in NAMES and not name.endswith(f".{HOST}"):
        return f"refused: Host {name!r} is not this machine\n"
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None and origin != f"http://{environ.get('HTTP_HOST')}":
        return "refused: the Origin of this request is a foreign page\n"
    if environ.get("PATH_INFO") == f"{PREFIX}status" or _is_known(environ, key):
        return ""
    return (
        "refused: not signed with the local credentials. For the AWS command line and the SDKs:\n"
        '    eval "$(python -m scripts.local_aws environment)"\n'
        "`python -m scripts.local_aws status` shows the address of the page for people.\n"
    )


def _refuse(environ: Environ, start_response: Any, reason: str) -> Iterable[bytes]:
    """Refuses a request: a call in its service's form, so that clients show the reason, and all else as text."""
    path = environ.get("PATH_INFO", "")
    if "HTTP_AUTHORIZATION" not in environ and (path in ("", "/") or path.startswith((PREFIX, "/moto-api"))):
        return _answer(start_response, "403 Forbidden", "text/plain", reason)
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) if wire.is_form(environ) else b""
    call = wire.read(environ, body)
    code = "InvalidAccessKeyId" if call.service == "s3" else "InvalidClientTokenId"
    headers, text = wire.error(call, wire.protocol(call, environ), code, " ".join(reason.split()))
    start_response(f"403 {code}", [*headers, ("Content-Length", str(len(text)))])
    return [text] if environ["REQUEST_METHOD"] != "HEAD" else []


def _host(text: str) -> str:
    try:
        return urlsplit(f"//{text}").hostname or ""
    except ValueError:
        return ""


def _is_known(environ: Mapping[str, Any], key: str) -> bool:
    from scripts.local_aws import moto_patches

    query = parse_qs(environ.get("QUERY_STRING", ""))
    signers = [query.get(name, [""])[0].partition("/")[0] for name in ("key", "X-Amz-Credential", "AWSAccessKeyId")]
    header = environ.get(f"HTTP_{KEY_HEADER.upper().replace('-', '_')}", "")
    shown = [header, wire.signer(environ.get("HTTP_AUTHORIZATION", ""))[0], *signers]
    secret = key.removeprefix("LOCAL")
    return any(
        hmac.compare_digest(value[-len(secret) :].encode(), secret.encode()) or moto_patches.has_issued(value)
        for value in shown
        if value
    )


def _answer(start_response: Any, status: str, kind: str, text: str) -> Iterable[bytes]:
    headers = {
        "Content-Type": f"{kind}; charset=utf-8",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    }
    start_response(status, list(headers.items()))
    return [text.encode()]


def _pages(key: str) -> dict[str, Callable[[Environ], Any]]:
    from scripts.local_aws import describe, pipeline_executions

    def status(environ: Environ) -> dict[str, Any]:
        challenge = parse_qs(environ.get("QUERY_STRING", "")).get("challenge", [""])[0]
        return {"pid": os.getpid(), "proof": server.proof(key, challenge)}

    return {
        "status": status,
        "exceptions": lambda _: describe.all_exceptions(),
        "pipeline-executions": pipeline_executions.page,
    }


def _page_for_people() -> str:
    """Stacks, their resources and outputs, and where the log is; nothing of it comes from elsewhere."""
    from scripts.local_aws import account, describe

    parts = []
    for (number, region), state in account.ACCOUNTS.items():
        roots = [stack for stack in state.stacks.values() if stack.parent is None and stack.status != "DELETE_COMPLETE"]
        parts.append(f"<h2>Account {escape(number)}, {escape(region)}</h2>")
        parts += [_stack(state, stack) for stack in roots] or ["<p>No stack yet: <code>make deploy</code>.</p>"]
    missing = len(describe.all_exceptions())
    log = escape(str(Path("/proc/self/fd/2").resolve()))
    foot = f"<p>Log: <code>{log}</code>. {missing} property values are not simulated.</p>"
    body = "".join(parts) or "<p>No stack yet: <code>make deploy</code> makes an environment.</p>"
    title = f"Local AWS, process {os.getpid()}"
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    return f"{head}<h1>{title}</h1>{body}{foot}</html>"


def _stack(state: Any, stack: Any) -> str:
    rows, nested = [], []
    for resource in tuple(stack.resources.values()):
        if resource.nested and resource.physical in state.stacks:
            nested.append(_stack(state, state.stacks[resource.physical]))
        cells = (resource.logical, resource.kind, resource.physical.rpartition("stack/")[2], resource.status)
        rows.append(_row(cells, resource.status, resource.reason))
    outputs = "".join(_row((name, value), "", "") for name, value in stack.outputs.items())
    name, status = escape(stack.logical or stack.name), escape(stack.status)
    mark = ' class="failed"' if _went_wrong(stack.status) else ""
    tables = f"<table>{''.join(rows)}</table><h4>Outputs</h4><table>{outputs}</table>{''.join(nested)}"
    summary = f"<summary>{name} <span{mark}>{status}</span></summary>"
    return f"<details{'' if stack.parent else ' open'}>{summary}{tables}</details>"


def _row(cells: Iterable[str], status: str, reason: str) -> str:
    mark = f' class="failed" title="{escape(reason)}"' if _went_wrong(status) else ""
    return f"<tr{mark}>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _went_wrong(status: str) -> bool:
    return "FAILED" in status or "ROLLBACK" in status
