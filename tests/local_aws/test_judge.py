"""Whether a role may do something, over its policies as they are: what is refused and in which words, what is
remembered, and what the door before all services does with it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

import pytest

from generator.cfn.evaluate import Request
from scripts.local_aws import moto_patches, wire
from scripts.local_aws.account import Account
from scripts.local_aws.roles import door
from scripts.local_aws.roles.judge import JUDGES, Judge

CALLER = "arn:aws:sts::1:assumed-role/judged/test"
Statement = dict[str, Any]


def allow(sid: str, *actions: str, resource: str = "*", effect: str = "Allow", **more: Any) -> Statement:
    return {"Sid": sid, "Effect": effect, "Action": list(actions), "Resource": resource, **more}


def new_role(account: Account, *statements: Statement, boundary: tuple[Statement, ...] = ()) -> str:
    iam = account.services.client("iam")
    more = {}
    if boundary:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(boundary)})
        more["PermissionsBoundary"] = iam.create_policy(PolicyName="limit", PolicyDocument=document)["Policy"]["Arn"]
    arn = iam.create_role(RoleName="judged", AssumeRolePolicyDocument="{}", **more)["Role"]["Arn"]
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    iam.put_role_policy(RoleName="judged", PolicyName="own", PolicyDocument=document)
    return str(arn)


OBJECT_ARN, REGION = "arn:aws:s3:::bucket/key", {"aws:RequestedRegion": "x"}
GET, PUT = Request("s3:GetObject", OBJECT_ARN, REGION), Request("s3:PutObject", OBJECT_ARN, REGION)
NOT = "User: {caller} is not authorized to perform: s3:{verb}Object on resource: arn:aws:s3:::bucket/key {why}"


def refused(verb: str, why: str, **more: Any) -> dict[str, Any]:
    return {
        "message": NOT.format(caller=CALLER, verb=verb, why=why),
        "role": "judged",
        "action": f"s3:{verb}Object",
        "resource": "arn:aws:s3:::bucket/key",
        "missing": "",
        "near": (),
        **more,
    }


@pytest.mark.parametrize(
    ("statements", "boundary", "refusal"),
    [
        ((allow("A", "s3:Get*"), allow("B", "s3:PutObject")), (), None),
        (
            (allow("A", "s3:GetObject"),),
            (),
            refused(
                "Put",
                "because no identity-based policy allows the s3:PutObject action",
                missing=json.dumps(
                    {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::bucket/key"}
                ),
            ),
        ),
        (
            (allow("A", "s3:*"), allow("D", "s3:PutObject", effect="Deny")),
            (),
            refused("Put", "with an explicit deny in an identity-based policy"),
        ),
        (
            (allow("A", "s3:*"),),
            (allow("L", "s3:GetObject"),),
            refused("Put", "because no permissions boundary allows the s3:PutObject action"),
        ),
        (
            (allow("A", "s3:*"),),
            (allow("L", "s3:*"), allow("D", "s3:PutObject", effect="Deny")),
            refused("Put", "with an explicit deny in a permissions boundary"),
        ),
        ((allow("A", "s3:*"),), (allow("L", "s3:*"),), None),
    ],
    ids=["allowed", "missing", "denied", "beyond the boundary", "denied by the boundary", "within the boundary"],
)
def test_a_role_may_what_policy_and_boundary_allow(
    account: Account, statements: tuple[Statement, ...], boundary: tuple[Statement, ...], refusal: dict[str, Any] | None
) -> None:
    judge = Judge({})
    message = judge.refusal(new_role(account, *statements, boundary=boundary), CALLER, [GET, PUT])
    report = judge.report()
    assert message == (refusal["message"] if refusal else "")
    assert [asdict(each) for each in judge.denied] == ([refusal] if refusal else [])
    assert report["denied"] == ([refusal] if refusal else [])
    context = {"aws:RequestedRegion": "x"}
    assert report["requests"] == [["judged", each.action, each.resource, context] for each in (GET, PUT)]
    first = statements[0]["Action"][0]
    used = [("judged", "A", first)]
    if refusal is None:
        used.append(("judged", statements[-1]["Sid"], statements[-1]["Action"][0]))
    assert report["used"] == sorted(set(used)) and report["unjudged"] == {}


def test_what_follows_a_refusal_is_not_judged(account: Account) -> None:
    judge = Judge({})
    assert judge.refusal(new_role(account, allow("A", "s3:GetObject")), CALLER, [PUT, GET]) != ""
    assert judge.report()["requests"] == [["judged", "s3:PutObject", PUT.resource, {"aws:RequestedRegion": "x"}]]


def test_statements_that_come_close_are_named(account: Account) -> None:
    judge = Judge({})
    judge.refusal(new_role(account, allow("Own", "s3:PutObject", resource="arn:aws:s3:::other/*")), CALLER, [PUT])
    assert judge.denied[0].near and judge.denied[0].near[0].startswith("Own is for ")


def test_a_role_that_is_gone_may_nothing(account: Account) -> None:
    assert Judge({}).refusal("arn:aws:iam::1:role/gone", CALLER, [GET]).startswith(f"User: {CALLER} is not authorized")
    assert account


def test_what_cannot_be_judged_is_counted() -> None:
    judge = Judge({})
    for what in ("a", "b", "a"):
        judge.skip(what)
    assert judge.report()["unjudged"] == {"a": 2, "b": 1}


def test_managed_policies_and_changes_of_them_count(account: Account) -> None:
    iam, role, judge = account.services.client("iam"), new_role(account, allow("A", "ssm:*")), Judge({})
    assert judge.refusal(role, CALLER, [GET]) != ""
    iam.attach_role_policy(RoleName="judged", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    assert judge.refusal(role, CALLER, [GET]) == "" != judge.refusal(role, CALLER, [PUT])
    document = {"Version": "2012-10-17", "Statement": [allow("P", "s3:GetObject")]}
    ours = iam.create_policy(PolicyName="ours", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="judged", PolicyArn=ours)
    assert judge.refusal(role, CALLER, [PUT]) != ""
    document["Statement"] = [allow("P", "s3:PutObject")]
    iam.create_policy_version(PolicyArn=ours, PolicyDocument=json.dumps(document), SetAsDefault=True)
    assert judge.refusal(role, CALLER, [PUT]) == ""


# The simulation of IAM.


def test_a_simulation_is_whole(account: Account) -> None:
    under = {"StringEquals": {"aws:ResourceTag/Environment": "x"}}
    role = new_role(
        account,
        allow("A", "s3:*", resource="arn:aws:s3:::bucket/*"),
        allow("D", "s3:PutObject", effect="Deny"),
        allow("T", "sns:Publish", Condition=under),
        boundary=(allow("L", "s3:*", "sns:*"),),
    )
    iam = account.services.client("iam")

    def simulated(*actions: str, **more: Any) -> list[dict[str, Any]]:
        answer = iam.simulate_principal_policy(PolicySourceArn=role, ActionNames=list(actions), **more)
        assert answer["IsTruncated"] is False
        return [dict(each) for each in answer["EvaluationResults"]]

    inside, outside = "arn:aws:s3:::bucket/a", "arn:aws:s3:::other/a"

    def specific(resource: str, decision: str, *missing: str) -> dict[str, Any]:
        return {"EvalResourceName": resource, "EvalResourceDecision": decision, "MissingContextValues": list(missing)}

    assert simulated("s3:GetObject", "s3:PutObject", ResourceArns=[inside, outside]) == [
        {
            "EvalActionName": "s3:GetObject",
            "EvalResourceName": "*",
            "EvalDecision": "implicitDeny",
            "ResourceSpecificResults": [specific(inside, "allowed"), specific(outside, "implicitDeny")],
        },
        {
            "EvalActionName": "s3:PutObject",
            "EvalResourceName": "*",
            "EvalDecision": "explicitDeny",
            "ResourceSpecificResults": [specific(inside, "explicitDeny"), specific(outside, "explicitDeny")],
        },
    ]
    assert simulated("s3:GetObject", ResourceArns=[inside])[0]["EvalDecision"] == "allowed"
    key = "aws:ResourceTag/Environment"
    assert simulated("sns:Publish") == [
        {
            "EvalActionName": "sns:Publish",
            "EvalResourceName": "*",
            "EvalDecision": "implicitDeny",
            "MissingContextValues": [key],
        }
    ]
    entry = {"ContextKeyName": key.lower(), "ContextKeyType": "string", "ContextKeyValues": ["x"]}
    assert simulated("sns:Publish", ContextEntries=[entry]) == [
        {
            "EvalActionName": "sns:Publish",
            "EvalResourceName": "*",
            "EvalDecision": "allowed",
            "MissingContextValues": [],
        }
    ]
    document = {"Version": "2012-10-17", "Statement": [allow("L", "s3:*")]}
    iam.create_policy_version(
        PolicyArn=role.replace("role/judged", "policy/limit"), PolicyDocument=json.dumps(document), SetAsDefault=True
    )
    assert simulated("sns:Publish", ContextEntries=[entry])[0]["EvalDecision"] == "implicitDeny"


# The door before all services.


@pytest.fixture
def judging() -> Iterator[None]:
    JUDGES[:] = [Judge({})]
    yield
    JUDGES.clear()


class Door:
    """The door, and a service behind it that answers with what it was sent."""

    def __init__(self, key: str) -> None:
        self.key, self.application = key, door.in_front(self.service)
        self.bodies: list[bytes] = []

    def service(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.bodies.append(environ["wsgi.input"].read())
        start_response("200 OK", [])
        return [b"done"]

    def call(self, service: str, body: str = "", **more: Any) -> tuple[str, dict[str, str], bytes]:
        scope = f"AWS4 Credential={self.key}/20000101/us-east-1/{service}/aws4_request"
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/",
            "HTTP_AUTHORIZATION": scope,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body.encode() + b"of the next"),
            **more,
        }
        answered: list[tuple[str, list[tuple[str, str]]]] = []
        text = b"".join(self.application(environ, lambda *answer: answered.append(answer)))
        return answered[0][0], dict(answered[0][1]), text


@pytest.fixture
def assumed(account: Account) -> Door:
    role = new_role(account, allow("A", "ssm:GetParameter", "sts:GetCallerIdentity", "ec2:DescribeVpcs"))
    session = account.services.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return Door(session["AccessKeyId"])


FORM = {"CONTENT_TYPE": "application/x-www-form-urlencoded"}
SENT_AS_JSON = {"HTTP_X_AMZ_TARGET": "AmazonSSM.PutParameter"}
OBJECT = {"REQUEST_METHOD": "GET", "PATH_INFO": "/bucket/key"}


@pytest.mark.usefixtures("judging")
@pytest.mark.parametrize(
    ("service", "sent", "status", "kind"),
    [
        ("ssm", {"body": '{"Name": "/a"}', **SENT_AS_JSON}, "400 AccessDeniedException", "application/x-amz-json-1.1"),
        ("ec2", {"body": "Action=DeleteVpc&Version=2016-11-15", **FORM}, "403 UnauthorizedOperation", "text/xml"),
        ("sns", {"body": "Action=ListTopics&Version=2010-03-31", **FORM}, "403 AccessDenied", "text/xml"),
        ("s3", OBJECT, "403 AccessDenied", "text/xml"),
    ],
)
def test_a_call_that_a_role_may_not_is_refused_at_the_door(
    assumed: Door, service: str, sent: dict[str, str], status: str, kind: str
) -> None:
    answered, headers, text = assumed.call(service, **sent)
    [refusal] = JUDGES[0].denied
    words = rf"User: arn:aws:sts::\d+:assumed-role/judged/test is not authorized to perform: {service}:"
    assert re.match(words, refusal.message)
    assert (answered, headers["Content-Type"], assumed.bodies) == (status, kind, [])
    assert headers["Content-Length"] == str(len(text)) and refusal.message.encode() in text


@pytest.mark.usefixtures("judging")
def test_a_call_that_a_role_may_reaches_the_service_whole(assumed: Door) -> None:
    for service, body, more in (
        ("ssm", '{"Name": "/a"}', {"HTTP_X_AMZ_TARGET": "AmazonSSM.GetParameter"}),
        ("ec2", "Action=DescribeVpcs&Version=2016-11-15", FORM),
    ):
        assert assumed.call(service, body, **more) == ("200 OK", {}, b"done")
        assert assumed.bodies.pop() == body.encode()
    assert [request[1] for request in JUDGES[0].requests] == ["ssm:GetParameter", "ec2:DescribeVpcs"]


@pytest.mark.usefixtures("judging")
def test_a_refused_head_request_has_no_body(assumed: Door) -> None:
    status, headers, body = assumed.call("s3", **{**OBJECT, "REQUEST_METHOD": "HEAD"})
    assert (status, body) == ("403 AccessDenied", b"") and int(headers["Content-Length"]) > 0


def test_others_and_the_engine_are_not_judged(assumed: Door) -> None:
    sent: dict[str, Any] = {"service": "ssm", "body": "{}", **SENT_AS_JSON}
    assert assumed.call(**sent)[0] == "200 OK", "nobody is judged while it is off"
    JUDGES[:] = [Judge({})]
    try:
        assert assumed.call(**sent)[0] == "400 AccessDeniedException"
        assert assumed.call(**sent, HTTP_USER_AGENT=f"boto3 {wire.OWN}")[0] == "200 OK"
        assumed.key = "LOCALKEY"
        assert assumed.call(**sent)[0] == "200 OK"
    finally:
        JUDGES.clear()


def test_the_page_of_roles() -> None:
    def page(method: str, body: Any = None, path: str = door.PAGE) -> Any:
        text = json.dumps(body).encode() if body else b""
        environ = {
            "PATH_INFO": path,
            "REQUEST_METHOD": method,
            "CONTENT_LENGTH": str(len(text)),
            "wsgi.input": io.BytesIO(text + b"of the next"),
        }
        return door.page(environ)

    nothing: dict[str, Any] = {"used": [], "denied": [], "unjudged": {}, "requests": []}
    off = {"error": "roles are not judged"}
    assert page("GET", path="/local-aws/other") is None
    assert page("GET") == ("404 Not Found", off) and page("DELETE") == ("200 OK", off)
    try:
        assert page("PUT", {"excluded": {"AWS::S3::Bucket": ["s3:GetObject"]}}) == ("200 OK", nothing)
        JUDGES[0].skip("x")
        assert JUDGES[0].excluded == {"AWS::S3::Bucket": frozenset({"s3:GetObject"})}
        assert page("GET") == ("200 OK", {**nothing, "unjudged": {"x": 1}})
        assert page("PUT", {"excluded": {}}) == ("200 OK", nothing) and len(JUDGES) == 1
        assert page("DELETE") == ("200 OK", off) and page("GET")[0] == "404 Not Found"
    finally:
        JUDGES.clear()


def test_keys_and_sessions_that_were_issued_are_known(account: Account) -> None:
    iam, sts = account.services.client("iam"), account.services.client("sts")
    role = new_role(account, allow("A", "s3:*"))
    issued = sts.assume_role(RoleArn=role, RoleSessionName="test")
    session = issued["Credentials"]["AccessKeyId"]
    iam.create_user(UserName="person")
    key = iam.create_access_key(UserName="person")["AccessKey"]["AccessKeyId"]
    assert [moto_patches.has_issued(each) for each in (session, key, "AKIAOTHER")] == [True, True, False]
    assert moto_patches.session(session) == (role, issued["AssumedRoleUser"]["Arn"])
    assert moto_patches.session(key) is None
