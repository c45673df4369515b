"""What a request on the wire calls: service and operation as boto3 names them, region and access key. Pure.

Signature and protocols as in botocore (auth.py, serialize.py): the credential scope names the service by its signing
name, JSON protocols name the operation in `X-Amz-Target`, query protocols as `Action`, the REST protocols by method,
path and query, which botocore's models tell.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from botocore.exceptions import UnknownServiceError
from botocore.session import get_session

# boto3's names of services that sign with another name; where several share one, the first that knows the call counts.
SIGNED = {
    "codestar-connections": ("codestar-connections",),
    "elasticfilesystem": ("efs",),
    "elasticloadbalancing": ("elbv2", "elb"),
    "monitoring": ("cloudwatch",),
    "s3": ("s3control", "s3"),
    "servicequotas": ("service-quotas",),
    "ses": ("sesv2", "ses"),
    "states": ("stepfunctions",),
    "tagging": ("resourcegroupstaggingapi",),
}
SCOPE = re.compile(r"Credential=([^/,]+)/\d+/([^/]+)/([^/]+)/aws4_request")
ELSEWHERE = ("ListDirectoryBuckets",)  # on the wire as ListBuckets, at another host (botocore's endpoint rules of S3)
OWN = "local-aws-engine"  # in the user agent of the engine's own calls


@dataclass(frozen=True)
class Call:
    """A call that came: its number since the plan was set, boto3's name of the service, the API's of the operation,
    and the fault that it met."""

    service: str
    operation: str
    region: str
    key: str
    number: int = 0
    fault: str = ""
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"{self.service}.{self.operation}")


def read(environ: Mapping[str, Any], body: bytes) -> Call:
    """The call in a WSGI environment; `body` is needed for the query protocols only."""
    key, region, signed = signer(environ.get("HTTP_AUTHORIZATION", ""))
    services = SIGNED.get(signed, (signed,))
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return Call(services[0], target.rpartition(".")[2], region, key)
    if form := parse_qs(body.decode()) if is_form(environ) else {}:
        version = form.get("Version", [""])[0]
        service = next((candidate for candidate in services if _version(candidate) == version), services[-1])
        return Call(service, form["Action"][0], region, key)
    for service in services:
        if operation := _rest(service, environ):
            return Call(service, operation, region, key)
    return Call(services[-1], "?", region, key)


def signer(authorization: str) -> tuple[str, str, str]:
    """Access key, region and signing name of a signature; what is not signed counts as S3's."""
    match = SCOPE.search(authorization)
    return (match[1], match[2], match[3]) if match else ("", "", "s3")


def is_form(environ: Mapping[str, Any]) -> bool:
    """Whether the query protocol is spoken."""
    return str(environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded")


def protocol(call: Call, environ: Mapping[str, Any]) -> str:
    """`json`, `query`, `ec2`, `rest-json` or `rest-xml`."""
    if "HTTP_X_AMZ_TARGET" in environ:
        return "json"
    if is_form(environ):
        return "ec2" if call.service == "ec2" else "query"
    model = _model(call.service)
    return str(model.protocol) if model else "rest-xml"


def answer(call: Call, environ: Mapping[str, Any], body: Mapping[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """An answer in the protocol of a call: HTTP status, headers and body."""
    from moto.core.serialize import get_serializer_class
    from moto.core.utils import get_service_model

    operation = get_service_model(call.service).operation_model(call.operation)
    response = get_serializer_class(call.service, protocol(call, environ))(operation).serialize(dict(body))
    text = response["body"]
    return int(response["status_code"]), dict(response["headers"]), text if isinstance(text, bytes) else text.encode()


@lru_cache
def _model(service: str) -> Any:
    try:
        return get_session().get_service_model(service)
    except UnknownServiceError:
        return None


def _version(service: str) -> str:
    model = _model(service)
    return str(model.api_version) if model else ""


def _rest(service: str, environ: Mapping[str, Any]) -> str:
    """The operation whose method, path, literal and required parameters a request has; the most demanding one."""
    present = set(parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)) | {
        name.removeprefix("HTTP_").replace("_", "-").lower() for name in environ if name.startswith("HTTP_X_")
    }
    path = str(environ.get("RAW_URI") or environ["PATH_INFO"]).partition("?")[0]
    fitting = [
        (len(demands), literal, name)
        for name, method, pattern, literal, demands in _routes(service)
        if method == environ["REQUEST_METHOD"] and demands <= present and pattern.fullmatch(path)
    ]
    return max(fitting)[2] if fitting else ""


@lru_cache
def _routes(service: str) -> list[tuple[str, str, re.Pattern[str], int, frozenset[str]]]:
    """Name, method, path, number of its literal characters and demanded parameters of every operation of a service."""
    model, routes = _model(service), []
    for name in model.operation_names if model and model.protocol.startswith("rest") else ():
        if name in ELSEWHERE:
            continue
        operation = model.operation_model(name)
        path, _, query = operation.http["requestUri"].partition("?")
        literal = re.sub(r"\{[^}]*\}", "", path)
        pattern = re.compile("".join(_part(part) for part in re.split(r"(\{[^}]*\})", path)).removesuffix("/") + "/?")
        demands = set(parse_qs(query, keep_blank_values=True))
        shape = operation.input_shape
        for member in shape.required_members if shape else ():
            serialized = shape.members[member].serialization
            if serialized.get("location") == "querystring" or serialized.get("name", "").lower().startswith("x-"):
                demands.add(serialized["name"])
        routes.append((name, operation.http["method"], pattern, len(literal), frozenset(demands)))
    return routes


def _part(part: str) -> str:
    if not part.startswith("{"):
        return re.escape(part)
    return ".+" if part.endswith("+}") else "[^/]+"


def error(call: Call, form: str, code: str, message: str) -> tuple[list[tuple[str, str]], bytes]:
    """An error in the form of a protocol (see `protocol`), as botocore's parsers.py reads it: headers and body."""
    if form.endswith("json"):
        headers = [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-ErrorType", code)]
        return headers, json.dumps({"__type": code, "message": message}).encode()
    inner = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
    if form == "ec2":
        text = f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>local</RequestID></Response>"
    elif call.service == "s3":
        text = f"<Error>{inner}<RequestId>local</RequestId></Error>"
    else:
        error = f"<Error><Type>Sender</Type>{inner}</Error>"
        text = f"<ErrorResponse>{error}<RequestId>local</RequestId></ErrorResponse>"
    return [("Content-Type", "text/xml")], text.encode()
