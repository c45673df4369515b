"""The engine's own calls of services: from botocore into moto's application, without a connection.

A deployment is some six hundred of them. Signing, serialising, routing and parsing stay as for anybody's call; what is
left out is a connection and a thread for each.
"""

import io
import logging
import traceback
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from urllib3 import HTTPResponse
from werkzeug.datastructures import Headers
from werkzeug.test import run_wsgi_app

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
LOG = logging.getLogger(__name__)


def route(client: Any, application: Application) -> None:
    """Lets the calls of a boto3 client go to an application in this process. botocore sends nothing when a handler of
    `before-send` has given the answer (endpoint.py, `_do_get_response`)."""
    client.meta.events.register("before-send", lambda request, **_: _answer(application, request))


def _answer(application: Application, request: AWSPreparedRequest) -> AWSResponse:
    try:
        body, status, headers = run_wsgi_app(application, _environ(request), buffered=True)
    except Exception:  # what the server does with a fault of a service
        LOG.error("%s", traceback.format_exc())
        body, status, headers = [b""], "500 Internal Server Error", Headers()
    number, raw = int(status.split()[0]), io.BytesIO(b"".join(body))
    made = HTTPResponse(raw, dict(headers), number, preload_content=False, decode_content=False)
    return AWSResponse(request.url, number, made.headers, made)


def _environ(request: AWSPreparedRequest) -> dict[str, Any]:
    """A request as a WSGI server gives it (PEP 3333): paths as latin-1, each header under its name."""
    url, body = urlsplit(request.url), request.body or b""
    content = body.read() if hasattr(body, "read") else body.encode() if isinstance(body, str) else bytes(body)
    path = unquote(url.path or "/").encode().decode("latin1")
    whole = (url.path or "/") + (f"?{url.query}" if url.query else "")
    environ = {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": io.BytesIO(content),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": url.query,
        "REQUEST_URI": whole,
        "RAW_URI": whole,
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_NAME": url.hostname or "",
        "SERVER_PORT": str(url.port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": url.netloc,
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        if key != "TRANSFER_ENCODING":  # the body is whole
            text = value.decode("latin1") if isinstance(value, bytes) else str(value)
            environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = text
    return environ | {"CONTENT_LENGTH": str(len(content))}
