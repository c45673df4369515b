"""The engine's own calls of services: from botocore into moto's application, without a connection.

A deployment is some six hundred of them. Signing, serialising, routing and parsing stay as for anybody's call; what is
left out is a connection and a thread for each.
"""

import io
import logging
import traceback
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from urllib3 import HTTPResponse
from werkzeug.datastructures import Headers
from werkzeug.test import create_environ, run_wsgi_app

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
LOG = logging.getLogger(__name__)
# Headers that say how a body comes over a connection; here it is whole, and its length is that of the bytes.
WHOLE = ("content-length", "transfer-encoding")


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
    url, body = urlsplit(request.url), request.body or b""
    headers = {name: _text(value) for name, value in request.headers.items() if name.lower() not in WHOLE}
    made: dict[str, Any] = create_environ(
        path=urlunsplit(("", "", url.path, url.query, "")),
        base_url=f"{url.scheme}://{url.netloc}",
        method=request.method,
        data=body.read() if hasattr(body, "read") else body,
        headers=headers,
    )
    return made


def _text(value: str | bytes) -> str:
    return value.decode("latin1") if isinstance(value, bytes) else value
