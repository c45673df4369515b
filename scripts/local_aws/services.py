"""Calls to moto's services through their own API, and the names that CloudFormation generates.

A deployment is some six hundred calls. They go from botocore into moto's application without a connection:
serialising, routing and parsing stay as for anybody's call; what is left out is a connection and a thread for each, and
the signature, which nobody would check: only the scope that it names is sent, from which moto has account, Region and
service.
"""

import io
import logging
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import boto3
from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import OperationModel
from urllib3 import HTTPResponse
from werkzeug.datastructures import Headers
from werkzeug.test import run_wsgi_app

from scripts.local_aws.wire import OWN

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
# Headers that say how a body comes over a connection; here it is whole, and its length is that of the bytes.
WHOLE = ("content-length", "transfer-encoding")
LOG = logging.getLogger(__name__)


class ResourceError(Exception):
    """A resource that a service refused or that is not what was asked for; the message is the reason."""


@dataclass
class Services:
    """Clients of the services of one account and region, made once each; of the application in this process, or over
    loopback without one, where the server wants its own access key id (`key`)."""

    endpoint: str
    region: str
    account: str
    partition: str = "aws"
    application: Application | None = None
    key: str = ""
    clients: dict[str, Any] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)  # boto3 makes clients in one thread at a time only

    def client(self, service: str) -> Any:
        """The boto3 client of a service."""
        with self.lock:
            if service not in self.clients:
                self.clients[service] = self._new_client(service)
        return self.clients[service]

    def _new_client(self, service: str) -> Any:
        config = Config(retries={"total_max_attempts": 1}, max_pool_connections=4, user_agent_extra=OWN)
        if self.application:
            config = config.merge(Config(signature_version=UNSIGNED))
        key = self.key or self.account
        keys = {"aws_access_key_id": key, "aws_secret_access_key": "engine"}
        client = boto3.client(service, endpoint_url=self.endpoint, region_name=self.region, config=config, **keys)
        if self.application:
            scope = f"{key}/20000101/{self.region}/{client.meta.service_model.signing_name}/aws4_request"
            _route(client, self.application, f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none")
        return client

    def call(self, service: str, operation: str, arguments: Mapping[str, Any]) -> Any:
        """One call, the only one. Raises `ResourceError` with AWS's form of a reason."""
        client = self.client(service)
        try:
            return getattr(client, operation)(**arguments)
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            handler = next((name for part, name in HANDLER_CODES.items() if part in code), "InvalidRequest")
            name = client.meta.service_model.service_id
            text = f'Resource handler returned message: "{message} (Service: {name}, Status Code: {status})"'
            raise ResourceError(f"{text} (HandlerErrorCode: {handler})") from error
        except BotoCoreError as error:
            raise ResourceError(
                f'Resource handler returned message: "{error}" (HandlerErrorCode: InvalidRequest)'
            ) from error

    def model(self, service: str, operation: str) -> OperationModel:
        """botocore's model of an operation."""
        meta = self.client(service).meta
        return meta.service_model.operation_model(meta.method_to_api_mapping[operation])


HANDLER_CODES = {"Exist": "AlreadyExists", "NotFound": "NotFound", "NoSuch": "NotFound", "Denied": "AccessDenied"}


def _route(client: Any, application: Application, authorization: str) -> None:
    """Lets the calls of a boto3 client go to an application in this process. botocore sends nothing when a handler of
    `before-send` has given the answer (endpoint.py, `_do_get_response`)."""
    client.meta.events.register("before-send", lambda request, **_: _answer(application, request, authorization))


def _answer(application: Application, request: AWSPreparedRequest, authorization: str) -> AWSResponse:
    environ = {**_environ(request), "HTTP_AUTHORIZATION": authorization}
    try:
        body, status, headers = run_wsgi_app(application, environ, buffered=True)
    except Exception:  # what the server does with a fault of a service
        LOG.error("%s", traceback.format_exc())
        body, status, headers = [b""], "500 Internal Server Error", Headers()
    number, raw = int(status.split()[0]), io.BytesIO(b"".join(body))
    response = HTTPResponse(
        raw, dict(headers), number, request_method=request.method, preload_content=False, decode_content=False
    )
    return AWSResponse(request.url, number, response.headers, response)


def _environ(request: AWSPreparedRequest) -> dict[str, Any]:
    """The request as WSGI has it (PEP 3333: texts are bytes, read as Latin-1)."""
    url, body = urlsplit(request.url), request.body or b""
    content = body.read() if hasattr(body, "read") else body
    content = content.encode() if isinstance(content, str) else content
    headers = {name.lower(): _text(value) for name, value in request.headers.items()}
    path = url.path or "/"
    raw = f"{path}?{url.query}" if url.query else path
    return {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin1"),
        "QUERY_STRING": url.query,
        "REQUEST_URI": raw,
        "RAW_URI": raw,
        "SERVER_NAME": url.hostname or "",
        "SERVER_PORT": str(url.port or 80),
        "HTTP_HOST": url.netloc,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": io.BytesIO(content),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "CONTENT_LENGTH": str(len(content)),
        **({"CONTENT_TYPE": headers.pop("content-type")} if "content-type" in headers else {}),
        **{f"HTTP_{name.upper().replace('-', '_')}": text for name, text in headers.items() if name not in WHOLE},
    }


def _text(value: str | bytes) -> str:
    return value.decode("latin1") if isinstance(value, bytes) else value
