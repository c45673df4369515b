"""In front of every service: a call that an assumed role signs is judged before anything of it happens."""

import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from scripts.local_aws import account, moto_patches, wire
from scripts.local_aws.roles import calls
from scripts.local_aws.roles.judge import JUDGES, Judge
from scripts.local_aws.services import Application

PAGE = "/local-aws/roles"
# Code and HTTP status of a refusal, by protocol: botocore's models, and what the services answer.
REFUSED = {"ec2": ("UnauthorizedOperation", 403), "query": ("AccessDenied", 403), "rest-xml": ("AccessDenied", 403)}
REFUSED_AS_JSON = ("AccessDeniedException", 400)


def page(environ: Mapping[str, Any]) -> tuple[str, Any] | None:
    """The answer of the page about roles: HTTP status and JSON; None for another page."""
    if environ["PATH_INFO"] != PAGE:
        return None
    if environ["REQUEST_METHOD"] in ("PUT", "DELETE"):
        JUDGES.clear()
    if environ["REQUEST_METHOD"] == "PUT":
        body = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        JUDGES.append(Judge({kind: frozenset(actions) for kind, actions in body["excluded"].items()}))
    if JUDGES:
        return "200 OK", JUDGES[0].report()
    return ("200 OK" if environ["REQUEST_METHOD"] == "DELETE" else "404 Not Found"), {"error": "roles are not judged"}


def in_front(of: Application) -> Application:
    """An application in front of another, which refuses what an assumed role may not call."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not JUDGES or wire.OWN in environ.get("HTTP_USER_AGENT", ""):
            return of(environ, start_response)
        session = moto_patches.session(wire.signer(environ.get("HTTP_AUTHORIZATION", ""))[0])
        if session is None:
            return of(environ, start_response)
        body = b""
        if wire.is_form(environ) or "HTTP_X_AMZ_TARGET" in environ:
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
        call = wire.read(environ, body)
        role, caller = session
        here = account.account(role.split(":")[4], call.region or "us-east-1")
        requests = calls.requests(call, calls.parameters(environ, body), here)
        if refusal := JUDGES[0].refusal(role, caller, requests):
            form = wire.protocol(call, environ)
            code, status = REFUSED.get(form, REFUSED_AS_JSON)
            headers, text = wire.error(call, form, code, refusal)
            start_response(f"{status} {code}", [*headers, ("Content-Length", str(len(text)))])
            return [text] if environ["REQUEST_METHOD"] != "HEAD" else []
        return of(environ, start_response)

    return application
