"""Carries out the plans of `faults`: in front of every service, and in the steps of the engine."""

import io
import json
import random
import socket
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from threading import Event, Lock
from typing import Any
from urllib.parse import parse_qs

from scripts.local_aws import wire
from scripts.local_aws.account import ACCOUNTS, accounts_to_come
from scripts.local_aws.faults import CallFault, FaultPlanError, Plan, ResourceFault
from scripts.local_aws.services import Application
from scripts.local_aws.wire import Call

# How a service says that it is called too often, where it is not `Throttling` in XML or `ThrottlingException` in JSON.
# Source: botocore/data/_retry.json.
THROTTLED = {"s3": ("SlowDown", 503), "ec2": ("RequestLimitExceeded", 503), "sns": ("Throttled", 429)}


Match = tuple[ResourceFault, Event]  # a fault that is met, and the event that its plan is taken away


@dataclass
class Active:
    """A plan in force: what came and which faults are spent."""

    plan: Plan
    calls: list[Call] = field(default_factory=list)
    seen: Counter[int] = field(default_factory=Counter)  # fault's place in the plan -> calls or steps that fit it
    lock: Lock = field(default_factory=Lock)
    gone: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.random = random.Random(self.plan.seed)

    def of(self, region: str, key: str) -> bool:
        """Whether the plan is for calls or stacks of this region and key."""
        return self.plan.region in ("", region) and self.plan.key in ("", key)

    def count(self, call: Call) -> CallFault | None:
        """Counts a call; the fault that it meets, if any."""
        with self.lock:
            number, chosen = len(self.calls) + 1, None
            for place, fault in enumerate(self.plan.calls):
                if self._fits(place, fault, call, number):
                    chosen = chosen or fault
            self.calls.append(replace(call, number=number, fault=chosen.do if chosen else ""))
            return chosen

    def _fits(self, place: int, fault: CallFault, call: Call, number: int) -> bool:
        service, _, operation = fault.on.partition(".")
        if service not in ("*", call.service) or operation not in ("*", call.operation):
            return False
        self.seen[place] += 1
        if fault.share:
            return self.random.random() < fault.share
        first, current = (fault.call, number) if fault.call else (fault.nth or 1, self.seen[place])
        return first <= current and (not fault.times or current < first + fault.times)

    def step(self, on: str, path: str, kind: str) -> ResourceFault | None:
        """Counts a step of the engine; the fault that it meets, if any."""
        with self.lock:
            for place, fault in enumerate(self.plan.resources, len(self.plan.calls)):
                if fault.on == on and fits(fault, path, kind):
                    self.seen[place] += 1
                    if fault.times in (0, *range(self.seen[place], fault.times + 1)):
                        return fault
        return None


ACTIVE: list[Active] = []


def _put(plan: Plan) -> None:
    _remove(plan.region, plan.key, every=False)
    ACTIVE.append(Active(plan))


def _remove(region: str, key: str, every: bool) -> None:
    for active in [active for active in ACTIVE if every or (active.plan.region, active.plan.key) == (region, key)]:
        ACTIVE.remove(active)
        active.gone.set()


def match_fault(on: str, path: str, kind: str, region: str, key: str) -> Match | None:
    """The fault that a step of the engine meets, with the event that ends its waiting."""
    for active in tuple(ACTIVE):
        if active.of(region, key) and (fault := active.step(on, path, kind)):
            return fault, active.gone
    return None


def match_hook(path: str, kind: str, region: str, key: str) -> ResourceFault | None:
    """The hook that a resource would meet; asking does not count."""
    return next(
        (
            fault
            for active in tuple(ACTIVE)
            for fault in active.plan.resources
            if active.of(region, key) and fault.on == "hook" and fits(fault, path, kind)
        ),
        None,
    )


def fits(fault: ResourceFault, path: str, kind: str) -> bool:
    """Whether a fault is for a resource."""
    named = not fault.resource or f"/{path}".endswith(f"/{fault.resource}")
    return named and fault.type in ("", kind)


def wait(match: Match) -> None:
    """Takes the seconds of a fault, fewer when its plan is taken away."""
    fault, gone = match
    gone.wait(fault.seconds)


def page(environ: Mapping[str, Any]) -> tuple[str, Any] | None:
    """The answer of the pages about faults: HTTP status and JSON; None for another page."""
    name, method = environ["PATH_INFO"].removeprefix("/local-aws/"), environ["REQUEST_METHOD"]
    query = parse_qs(environ.get("QUERY_STRING", ""))
    region, key = query.get("region", [""])[0], query.get("key", [""])[0]
    if name == "behaviour":
        return _behaviour(environ, region)
    if name == "calls":
        for active in ACTIVE:
            if (active.plan.region, active.plan.key) == (region, key):
                return "200 OK", [asdict(call) for call in tuple(active.calls)]
        return "404 Not Found", {"error": f"no plan is set for region {region!r} and key {key!r}"}
    if name != "faults":
        return None
    if method == "PUT":
        try:
            _put(Plan.read(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))))
        except FaultPlanError as error:
            return "400 Bad Request", {"error": str(error)}
    elif method == "DELETE":
        _remove(region, key, every=not region and not key)
    return "200 OK", [asdict(active.plan) for active in ACTIVE]


def _behaviour(environ: Mapping[str, Any], region: str) -> tuple[str, Any]:
    """Sets, or shows, how the account behaves in a Region that is in use; without `region` in every one, also in those
    to come."""
    changes = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) or b"{}")
    accounts = [account for (_, place), account in tuple(ACCOUNTS.items()) if region in ("", place)]
    try:
        for account in accounts:
            account.behaviour = replace(account.behaviour, **changes)
        if not region:
            accounts_to_come.behaviour = replace(accounts_to_come.behaviour, **changes)
    except (TypeError, ValueError) as error:
        return "400 Bad Request", {"error": str(error)}
    return "200 OK", [asdict(account.behaviour) for account in accounts] + [asdict(accounts_to_come.behaviour)]


def in_front(of: Application) -> Application:
    """An application in front of another, which counts and disturbs the calls while a plan is set."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not ACTIVE or wire.OWN in environ.get("HTTP_USER_AGENT", ""):
            return of(environ, start_response)
        body = b""
        if wire.is_form(environ):
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
        call, fault = wire.read(environ, body), None
        for active in tuple(ACTIVE):
            if active.of(call.region, call.key):
                fault = active.count(call) or fault
        return _disturbed(of, environ, start_response, call, fault) if fault else of(environ, start_response)

    return application


def _disturbed(
    of: Application, environ: dict[str, Any], start_response: Any, call: Call, fault: CallFault
) -> Iterable[bytes]:
    if fault.do == "delay-before":
        time.sleep(fault.seconds)
        return of(environ, start_response)
    if fault.do == "drop-before":
        return _drop(environ)
    if fault.do == "answer":
        status, headers, text = wire.answer(call, environ, fault.answer)
        start_response(f"{status} OK", [*headers.items(), ("Content-Length", str(len(text)))])
        return [text]
    if fault.do.endswith("-after"):
        kept: list[Any] = []
        body = list(of(environ, lambda *answer: kept.append(answer)))
        if fault.do == "drop-after":
            return _drop(environ)
        time.sleep(fault.seconds)
        start_response(*kept[-1])
        return body
    code, status, message = _error(call, fault, wire.protocol(call, environ))
    return _refuse(environ, start_response, call, (code, status, message))


def _drop(environ: Mapping[str, Any]) -> Iterable[bytes]:
    """Ends the connection without a word."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError("by the plan of faults")


def _refuse(
    environ: Mapping[str, Any], start_response: Any, call: Call, error: tuple[str, int, str]
) -> Iterable[bytes]:
    """Answers a call with an error: code, HTTP status and message."""
    code, status, message = error
    headers, text = wire.error(call, wire.protocol(call, environ), code, message)
    start_response(f"{status} {code}", [*headers, ("Content-Length", str(len(text)))])
    return [text] if environ["REQUEST_METHOD"] != "HEAD" else []


def _error(call: Call, fault: CallFault, form: str) -> tuple[str, int, str]:
    """Code, HTTP status and message of an error in the service's words."""
    as_json = form.endswith("json")
    if fault.do == "expired":
        message = "The security token included in the request is expired"
        return ("ExpiredTokenException", 400, message) if as_json else ("ExpiredToken", 403, message)
    if fault.do == "missing":  # S3 API reference, "Error responses"
        return "NoSuchKey", 404, "The specified key does not exist."
    if fault.do == "error":
        code = "ServiceUnavailable" if fault.status == 503 else "InternalFailure"
        return code, fault.status, "The request processing has failed because of an unknown error (plan of faults)."
    code, status = THROTTLED.get(call.service, ("ThrottlingException" if as_json else "Throttling", 400))
    return code, status, "Rate exceeded"
