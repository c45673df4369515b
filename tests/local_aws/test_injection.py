"""The plan of faults, as the server carries it out: which call and which step meets which fault, what each fault makes
of an answer, and what the pages about it say."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Iterable, Iterator
from threading import Event, Timer
from typing import Any

import pytest

from scripts.local_aws import wire
from scripts.local_aws.account import ACCOUNTS, Account, accounts_to_come
from scripts.local_aws.faults import CallFault, FaultPlanError, Plan, ResourceFault, injection
from scripts.local_aws.values import Behaviour

SIGNED = "AWS4 Credential={key}/20000101/{region}/{service}/aws4_request"


class Server:
    """An application behind the plan of faults, which answers with what it was sent."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.application = injection.in_front(self.service)

    def service(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.bodies.append(environ["wsgi.input"].read())
        start_response("200 OK", [("X-Own", "1")])
        return [b"done"]

    def call(
        self, service: str, operation: str = "", *, key: str = "KEY", region: str = "eu-west-1", more: Any = None
    ) -> tuple[str, dict[str, str], bytes]:
        """Status, headers and body of the answer to a call: in JSON where the operation has the name of a target."""
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/",
            "HTTP_AUTHORIZATION": SIGNED.format(key=key, region=region, service=service),
            "wsgi.input": io.BytesIO(b""),
            **(more or {}),
        }
        if service == "s3":
            environ |= {"REQUEST_METHOD": "GET", "PATH_INFO": "/bucket/key", **(more or {})}
        elif service in ("sts", "ec2"):
            body = f"Action={operation}&Version=2011-06-15".encode()
            environ |= {
                "CONTENT_TYPE": "application/x-www-form-urlencoded; charset=utf-8",
                "CONTENT_LENGTH": str(len(body)),
                "wsgi.input": io.BytesIO(body + b"of the next call"),
            }
        else:
            environ["HTTP_X_AMZ_TARGET"] = f"Target.{operation}"
        answered: list[tuple[str, list[tuple[str, str]]]] = []
        text = b"".join(self.application(environ, lambda *answer: answered.append(answer)))
        [(status, headers)] = answered
        return status, dict(headers), text


@pytest.fixture
def server() -> Iterator[Server]:
    assert injection.ACTIVE == []
    yield Server()
    injection.ACTIVE.clear()


def page(name: str, method: str = "GET", query: str = "", body: Any = None) -> Any:
    """What a page about faults answers."""
    text = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    environ = {
        "PATH_INFO": f"/local-aws/{name}",
        "REQUEST_METHOD": method,
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(text)) if text else "",
        "wsgi.input": io.BytesIO(text + b"of the next call"),
    }
    answer = injection.page(environ)
    return answer and (answer[0], json.loads(json.dumps(answer[1])))


def plan(*calls: CallFault, **more: Any) -> injection.Active:
    """A plan in force."""
    active = injection.Active(Plan(calls, **more))
    injection.ACTIVE.append(active)
    return active


def xml(code: str, message: str) -> bytes:
    return (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        "<RequestId>local</RequestId></ErrorResponse>"
    ).encode()


RATE, OLD = "Rate exceeded", "The security token included in the request is expired"
UNKNOWN = "The request processing has failed because of an unknown error (plan of faults)."
GONE = "The specified key does not exist."
QUERY, JSON, S3, EC2 = ("sts", "GetCallerIdentity"), ("ssm", "GetParameter"), ("s3", ""), ("ec2", "DescribeVpcs")


def as_json(code: str, message: str) -> bytes:
    return json.dumps({"__type": code, "message": message}).encode()


def as_s3(code: str, message: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>local</RequestId></Error>".encode()


def as_ec2(code: str, message: str) -> bytes:
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return f"<Response><Errors>{error}</Errors><RequestID>local</RequestID></Response>".encode()


@pytest.mark.parametrize(
    ("call", "fault", "status", "body"),
    [
        (QUERY, CallFault("throttle"), "400 Throttling", xml("Throttling", RATE)),
        (JSON, CallFault("throttle"), "400 ThrottlingException", as_json("ThrottlingException", RATE)),
        (S3, CallFault("throttle"), "503 SlowDown", as_s3("SlowDown", RATE)),
        (EC2, CallFault("throttle"), "503 RequestLimitExceeded", as_ec2("RequestLimitExceeded", RATE)),
        (QUERY, CallFault("expired"), "403 ExpiredToken", xml("ExpiredToken", OLD)),
        (JSON, CallFault("expired"), "400 ExpiredTokenException", as_json("ExpiredTokenException", OLD)),
        (S3, CallFault("missing"), "404 NoSuchKey", as_s3("NoSuchKey", GONE)),
        (QUERY, CallFault("error"), "500 InternalFailure", xml("InternalFailure", UNKNOWN)),
        (JSON, CallFault("error", status=502), "502 InternalFailure", as_json("InternalFailure", UNKNOWN)),
        (JSON, CallFault("error", status=503), "503 ServiceUnavailable", as_json("ServiceUnavailable", UNKNOWN)),
    ],
)
def test_a_fault_is_answered_in_the_form_of_the_service(
    server: Server, call: tuple[str, str], fault: CallFault, status: str, body: bytes
) -> None:
    plan(fault)
    assert server.call(*call)[::2] == (status, body) and server.bodies == []
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": status.partition(" ")[2]}
    expected = headers if call is JSON else {"Content-Type": "text/xml"}
    injection.ACTIVE.clear()
    plan(fault)
    assert server.call(*call)[1] == {**expected, "Content-Length": str(len(body))}
    assert server.call(*call) == ("200 OK", {"X-Own": "1"}, b"done"), "one call alone"


def test_a_head_request_has_no_body(server: Server) -> None:
    plan(CallFault("missing"))
    status, headers, body = server.call("s3", more={"REQUEST_METHOD": "HEAD"})
    assert (status, body) == ("404 NoSuchKey", b"") and int(headers["Content-Length"]) > 0


def test_an_answer_of_the_plan(server: Server) -> None:
    plan(CallFault("answer", on="ssm.GetParameter", answer={"Parameter": {"Name": "/a"}}))
    status, headers, body = server.call("ssm", "GetParameter")
    assert (status, json.loads(body), server.bodies) == ("200 OK", {"Parameter": {"Name": "/a"}}, [])
    assert headers["Content-Length"] == str(len(body))


@pytest.mark.parametrize("do", ["delay-before", "delay-after"])
def test_a_delay_takes_its_seconds_and_answers(server: Server, monkeypatch: pytest.MonkeyPatch, do: str) -> None:
    pauses: list[tuple[float, int]] = []
    monkeypatch.setattr("time.sleep", lambda seconds: pauses.append((seconds, len(server.bodies))))
    plan(CallFault(do, seconds=7.5))
    assert server.call("ssm", "GetParameter") == ("200 OK", {"X-Own": "1"}, b"done")
    assert pauses == [(7.5, 0 if do == "delay-before" else 1)]


@pytest.mark.parametrize(("do", "done"), [("drop-before", 0), ("drop-after", 1)])
def test_a_dropped_connection_is_shut(server: Server, do: str, done: int) -> None:
    plan(CallFault(do))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with pytest.raises(ConnectionAbortedError, match="by the plan of faults"):
            server.call("ssm", "GetParameter", more={"werkzeug.socket": ours})
        assert theirs.recv(1) == b"" and len(server.bodies) == done


def test_calls_are_counted_and_reach_the_service_whole(server: Server) -> None:
    plan()
    server.call("sts", "GetCallerIdentity")
    server.call("ssm", "GetParameter", region="us-east-1", key="OTHER")
    server.call("s3", more={"HTTP_USER_AGENT": f"boto3 {wire.OWN}"})
    assert server.bodies[0] == b"Action=GetCallerIdentity&Version=2011-06-15"
    assert page("calls") == (
        "200 OK",
        [
            {
                "service": "sts",
                "operation": "GetCallerIdentity",
                "region": "eu-west-1",
                "key": "KEY",
                "number": 1,
                "fault": "",
                "name": "sts.GetCallerIdentity",
            },
            {
                "service": "ssm",
                "operation": "GetParameter",
                "region": "us-east-1",
                "key": "OTHER",
                "number": 2,
                "fault": "",
                "name": "ssm.GetParameter",
            },
        ],
    )


@pytest.mark.parametrize(
    ("fault", "met"),
    [
        (CallFault("throttle"), [1]),
        (CallFault("throttle", call=3), [3]),
        (CallFault("throttle", call=2, times=2), [2, 3]),
        (CallFault("throttle", call=4, times=0), [4, 5, 6]),
        (CallFault("throttle", times=0), [1, 2, 3, 4, 5, 6]),
        (CallFault("throttle", on="ssm.*"), [2]),
        (CallFault("throttle", on="ssm.*", nth=2), [4]),
        (CallFault("throttle", on="*.GetParameter", nth=2, times=2), [4, 6]),
        (CallFault("throttle", on="ssm.PutParameter", times=0), []),
        (CallFault("throttle", on="s3.GetParameter", times=0), []),
        (CallFault("throttle", on="ssm.*", call=3, times=0), [4, 6]),
        (CallFault("throttle", share=1.0), [1, 2, 3, 4, 5, 6]),
    ],
)
def test_which_calls_meet_a_fault(server: Server, fault: CallFault, met: list[int]) -> None:
    """Six calls, every second one to SSM."""
    active = plan(fault)
    for number in range(1, 7):
        server.call(*(JSON if number % 2 == 0 else QUERY))
    assert [call.number for call in active.calls if call.fault == "throttle"] == met
    assert [call.number for call in active.calls] == [1, 2, 3, 4, 5, 6]


def test_the_first_fault_that_fits_counts_and_plans_are_for_their_region_and_key(server: Server) -> None:
    plan(CallFault("missing", times=0), region="us-east-1")
    plan(CallFault("missing", times=0), key="OTHER")
    ours = plan(CallFault("expired", call=2), CallFault("throttle", times=0), region="eu-west-1", key="KEY")
    codes = [server.call("ssm", "GetParameter")[0] for _ in range(2)]
    assert codes == ["400 ThrottlingException", "400 ExpiredTokenException"]
    assert [call.fault for call in ours.calls] == ["throttle", "expired"]
    assert server.call("ssm", "GetParameter", key="OTHER")[0] == "404 NoSuchKey"
    assert server.call("ssm", "GetParameter", region="us-east-1")[0] == "404 NoSuchKey"
    assert server.call("ssm", "GetParameter", key="X")[0] == "200 OK"


def test_steps_meet_the_faults_of_resources(server: Server) -> None:
    assert server
    by_path = ResourceFault("create", "Backend/Service", reason="no", times=2)
    by_type = ResourceFault("delete", type="AWS::S3::Bucket", reason="not empty")
    both = ResourceFault("update", "Service", "AWS::ECS::Service", seconds=1)
    active = plan(resources=(by_path, by_type, both), region="eu-west-1")

    def match(on: str, path: str, kind: str = "AWS::ECS::Service", region: str = "eu-west-1") -> ResourceFault | None:
        step = injection.match_fault(on, path, kind, region, "KEY")
        assert step is None or step[1] is active.gone
        return step[0] if step else None

    assert match("create", "prod/Backend/Other") is None and match("create", "prod/XBackend/Service") is None
    assert match("delete", "prod/Backend/Service") is None
    assert match("create", "prod/Backend/Service", region="us-east-1") is None
    assert [match("create", "prod/Backend/Service") for _ in range(3)] == [by_path, by_path, None]
    assert [match("delete", "a/B", "AWS::S3::Bucket") for _ in range(3)] == [by_type] * 3
    assert match("update", "prod/Backend/Service") == both and match("update", "Service", "AWS::S3::Bucket") is None


def test_a_hook_is_asked_without_being_counted(server: Server) -> None:
    assert server
    hook = ResourceFault("hook", "Bucket", reason="no", times=1)
    plan(resources=(ResourceFault("create", "Bucket", reason="x"), hook), key="KEY")
    for _ in range(2):
        assert injection.match_hook("prod/Bucket", "AWS::S3::Bucket", "eu-west-1", "KEY") == hook
    assert injection.match_hook("prod/Bucket", "AWS::S3::Bucket", "eu-west-1", "OTHER") is None
    assert injection.match_hook("prod/Other", "AWS::S3::Bucket", "eu-west-1", "KEY") is None


def test_the_wait_of_a_fault_ends_with_its_plan() -> None:
    gone = Event()
    injection.wait((ResourceFault("create", "A", seconds=0.01), gone))
    Timer(0.05, gone.set).start()
    injection.wait((ResourceFault("create", "A", seconds=300), gone))
    assert gone.is_set()


def test_the_pages_of_plans(server: Server) -> None:
    assert server
    whole = {
        "calls": [
            {
                "do": "throttle", "on": "*.*", "call": 0, "nth": 0, "share": 0.0, "times": 1, "seconds": 1.0,
                "status": 500, "answer": {},
            }
        ],
        "resources": [
            {
                "on": "create", "resource": "A", "type": "", "reason": "x", "seconds": 0.0, "refused": False,
                "times": 0,
            }
        ],
        "region": "",
        "key": "K",
        "seed": 3,
    }  # fmt: skip
    text = {
        "calls": [{"do": "throttle"}],
        "resources": [{"on": "create", "resource": "A", "reason": "x"}],
        "key": "K",
        "seed": 3,
    }
    assert page("faults") == ("200 OK", [])
    assert page("faults", "PUT", body=text) == ("200 OK", [whole])
    first = injection.ACTIVE[0]
    assert page("faults", "PUT", body=text) == ("200 OK", [whole]), "in place of the one before"
    assert first.gone.is_set() and not injection.ACTIVE[0].gone.is_set()
    other = {"calls": [], "resources": [], "region": "eu-west-1", "key": "", "seed": 0}
    assert page("faults", "PUT", body={"region": "eu-west-1"}) == ("200 OK", [whole, other])
    assert page("calls", query="key=K") == ("200 OK", []) == page("calls", query="region=eu-west-1")
    assert page("calls") == ("404 Not Found", {"error": "no plan is set for region '' and key ''"})
    assert page("faults", "DELETE", "key=K") == ("200 OK", [other])
    assert page("faults", "PUT", body=text) == ("200 OK", [other, whole])
    assert page("faults", "DELETE", "region=eu-west-1") == ("200 OK", [whole])
    page("faults", "PUT", body={"region": "eu-west-1"})
    assert page("faults", "DELETE") == ("200 OK", [])
    assert page("faults", "PUT", body=b"[") == (
        "400 Bad Request",
        {"error": "Expecting value: line 1 column 2 (char 1)"},
    )
    assert page("other") is None


def test_the_page_of_behaviour(account: Account) -> None:
    number, before = account.services.account, accounts_to_come.behaviour
    ACCOUNTS[number, "eu-west-1"] = Account(account.services)
    others = dict(ACCOUNTS)
    try:
        assert page("behaviour", "PUT", "region=eu-west-1", {"seed": 4})[0] == "200 OK"
        assert (ACCOUNTS[number, "eu-west-1"].behaviour.seed, account.behaviour.seed) == (4, 0)
        assert accounts_to_come.behaviour == before
        status, shown = page("behaviour", "PUT", body={"addresses": 5})
        assert status == "200 OK" and [each["addresses"] for each in shown] == [5] * (len(others) + 1)
        assert account.behaviour == Behaviour(addresses=5) and accounts_to_come.behaviour.addresses == 5
        assert ACCOUNTS[number, "eu-west-1"].behaviour == Behaviour(seed=4, addresses=5)
        assert page("behaviour") == ("200 OK", shown), "asking changes nothing"
        status, body = page("behaviour", "PUT", body={"colour": 1})
        assert status == "400 Bad Request" and "colour" in body["error"]
    finally:
        accounts_to_come.behaviour = before
        for each in others.values():
            each.behaviour = Behaviour()


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"do": "error", "share": -0.1}, "share is from 0 to 1"),
        ({"do": "error", "share": 1.1}, "share is from 0 to 1"),
        ({"do": "error", "status": 499}, "status from 500 to 599"),
        ({"do": "error", "status": 600}, "status from 500 to 599"),
        ({"do": "error", "call": -1}, "a number never below 0"),
        ({"do": "error", "nth": -1}, "a number never below 0"),
        ({"do": "error", "seconds": -1}, "a number never below 0"),
        ({"do": "error", "call": 1, "share": 0.5}, "give one of call, nth and share"),
        ({"do": "error", "on": "a.b.c"}, "give service.Operation, with * for either"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(fault: dict[str, Any], text: str) -> None:
    with pytest.raises(FaultPlanError, match=text.replace("*", r"\*")):
        CallFault(**fault)


def test_the_limits_of_a_fault_are_allowed() -> None:
    for more in ({"share": 1.0}, {"share": 0.0}, {"status": 500}, {"status": 599}, {"seconds": 0.0}):
        assert CallFault("error", **more)
    assert ResourceFault("create", type="T", seconds=1) and ResourceFault("create", "R", reason="x")
    for wrong in ({"reason": "x"}, {"resource": "R"}, {"type": "T"}):
        with pytest.raises(FaultPlanError, match="give resource or type, and reason or seconds"):
            ResourceFault("create", **wrong)  # type: ignore[arg-type]
