"""The plan of faults: calls counted and disturbed in every service and protocol."""

import json
import time
from collections.abc import Callable
from typing import Any, ClassVar

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError

from generator.cfn.evaluate import Request
from scripts.local_aws import faults, roles
from scripts.local_aws.faults import CallFault, FaultPlanError, Plan
from scripts.local_aws.roles.judge import Refusal
from scripts.local_aws.server import Endpoint
from scripts.local_aws.wire import Call


def key_of(endpoint: Endpoint) -> str:
    """A key of these tests' own: the server knows it by its end."""
    return f"FAULTS{endpoint.key}"


Clients = Callable[[str], Any]


@pytest.fixture
def clients(endpoint: Endpoint) -> Clients:
    """Clients with a key of their own that try each call once."""

    def client(service: str) -> Any:
        config = Config(retries={"total_max_attempts": 1})
        keys = {"aws_access_key_id": key_of(endpoint), "aws_secret_access_key": "none"}
        return boto3.client(service, endpoint_url=endpoint.url, region_name="eu-west-1", config=config, **keys)

    return client


def planned(endpoint: Endpoint, *calls: CallFault, **more: Any) -> Any:
    return faults.planned(endpoint, Plan(calls, key=key_of(endpoint), **more))


def called(clients: Clients) -> list[str]:
    """Calls in every protocol and of services that share a signing name; their names."""
    s3 = clients("s3")
    region = {"LocationConstraint": "eu-west-1"}
    todo: dict[str, Callable[[], Any]] = {
        "sts.GetCallerIdentity": clients("sts").get_caller_identity,
        "s3.CreateBucket": lambda: s3.create_bucket(Bucket="counted", CreateBucketConfiguration=region),
        "s3.PutObject": lambda: s3.put_object(Bucket="counted", Key="a/b c", Body=b"x"),
        "s3.CopyObject": lambda: s3.copy_object(Bucket="counted", Key="d", CopySource="counted/a/b c"),
        "s3.HeadObject": lambda: s3.head_object(Bucket="counted", Key="a/b c"),
        "s3.GetObjectTagging": lambda: s3.get_object_tagging(Bucket="counted", Key="a/b c"),
        "s3.ListObjectsV2": lambda: s3.list_objects_v2(Bucket="counted"),
        "s3.ListObjectVersions": lambda: s3.list_object_versions(Bucket="counted"),
        "s3.GetBucketVersioning": lambda: s3.get_bucket_versioning(Bucket="counted"),
        "s3.DeleteObjects": lambda: s3.delete_objects(Bucket="counted", Delete={"Objects": [{"Key": "a/b c"}]}),
        "ssm.DescribeParameters": clients("ssm").describe_parameters,
        "ec2.DescribeVpcs": clients("ec2").describe_vpcs,
        "cloudwatch.DescribeAlarms": clients("cloudwatch").describe_alarms,
        "codepipeline.ListPipelines": clients("codepipeline").list_pipelines,
        "elbv2.DescribeLoadBalancers": clients("elbv2").describe_load_balancers,
        "elb.DescribeLoadBalancers": clients("elb").describe_load_balancers,
        "ses.GetSendQuota": clients("ses").get_send_quota,
        "sesv2.ListEmailIdentities": clients("sesv2").list_email_identities,
        "cloudfront.ListDistributions": clients("cloudfront").list_distributions,
        "cloudformation.ListStacks": clients("cloudformation").list_stacks,
    }
    for call in todo.values():
        call()
    return list(todo)


def test_every_call_is_counted_with_its_name(endpoint: Endpoint, clients: Clients) -> None:
    with planned(endpoint):
        names = called(clients)
        calls = faults.calls(endpoint, key=key_of(endpoint))
    assert [call.name for call in calls] == names
    assert [call.number for call in calls] == list(range(1, len(names) + 1))
    assert {call.key for call in calls} == {key_of(endpoint)}
    with pytest.raises(FaultPlanError, match="no plan is set"):
        faults.calls(endpoint, key=key_of(endpoint))


@pytest.mark.parametrize(
    ("service", "operation", "throttled", "expired"),
    [
        ("cloudformation", "list_stacks", ("Throttling", 400), ("ExpiredToken", 403)),
        ("ssm", "describe_parameters", ("ThrottlingException", 400), ("ExpiredTokenException", 400)),
        ("s3", "list_buckets", ("SlowDown", 503), ("ExpiredToken", 403)),
        ("ec2", "describe_vpcs", ("RequestLimitExceeded", 503), ("ExpiredToken", 403)),
        ("sesv2", "get_account", ("ThrottlingException", 400), ("ExpiredTokenException", 400)),
        ("cloudfront", "list_distributions", ("Throttling", 400), ("ExpiredToken", 403)),
    ],
)
def test_errors_in_the_words_of_the_service(
    endpoint: Endpoint, clients: Clients, service: str, operation: str, throttled: Any, expired: Any
) -> None:
    listed = (CallFault("throttle", call=1), CallFault("expired", call=2), CallFault("error", call=3, status=502))
    call = getattr(clients(service), operation)
    with planned(endpoint, *listed):
        for error in (throttled, expired, ("InternalFailure", 502)):
            with pytest.raises(ClientError) as caught:
                call()
            answer = caught.value.response
            assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == error


@pytest.mark.parametrize(("do", "done"), [("drop-before", False), ("drop-after", True)])
@pytest.mark.parametrize("operation", ["put_parameter", "s3"])
def test_a_dropped_connection(endpoint: Endpoint, clients: Clients, do: str, done: bool, operation: str) -> None:
    ssm, s3, name = clients("ssm"), clients("s3"), f"dropped-{do}"
    with planned(endpoint, CallFault(do)), pytest.raises((ConnectionClosedError, HTTPClientError)):
        if operation == "s3":
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        else:
            ssm.put_parameter(Name=name, Value="x", Type="String")
    if operation == "s3":
        assert (name in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]) is done
    else:
        assert (name in [parameter["Name"] for parameter in ssm.describe_parameters()["Parameters"]]) is done


@pytest.mark.parametrize("do", ["delay-before", "delay-after"])
def test_a_delay(endpoint: Endpoint, clients: Clients, do: str) -> None:
    sts = clients("sts")
    with planned(endpoint, CallFault(do, on="sts.*", seconds=0.4)):
        begun = time.monotonic()
        assert sts.get_caller_identity()["Account"] == endpoint.account
        assert time.monotonic() - begun > 0.4


def test_calls_chosen_by_name_and_number(endpoint: Endpoint, clients: Clients) -> None:
    ssm, sts = clients("ssm"), clients("sts")
    fault = CallFault("throttle", on="ssm.DescribeParameters", nth=2, times=2)
    with planned(endpoint, fault):
        for number in range(1, 5):
            sts.get_caller_identity()
            if number in (2, 3):
                with pytest.raises(ClientError, match="Rate exceeded"):
                    ssm.describe_parameters()
            else:
                ssm.describe_parameters()
        kinds = [call.fault for call in faults.calls(endpoint, key=key_of(endpoint)) if call.service == "ssm"]
    assert kinds == ["", "throttle", "throttle", ""]


def test_a_share_of_calls_is_the_same_for_a_seed(endpoint: Endpoint, clients: Clients) -> None:
    sts, met = clients("sts"), []
    for seed in (1, 1, 2):
        with planned(endpoint, CallFault("throttle", share=0.3), seed=seed):
            for _ in range(40):
                try:
                    sts.get_caller_identity()
                except ClientError as error:
                    assert error.response["Error"]["Code"] == "Throttling"
            met.append([bool(call.fault) for call in faults.calls(endpoint, key=key_of(endpoint))])
    assert met[0] == met[1] != met[2]
    assert 4 <= sum(met[0]) <= 20


def test_a_plan_for_others_disturbs_nobody(endpoint: Endpoint, clients: Clients) -> None:
    plan = Plan((CallFault("throttle", share=1.0),), region="ap-south-1")
    with faults.planned(endpoint, plan):
        clients("sts").get_caller_identity()
        assert faults.plans(endpoint) == [plan]
        assert faults.calls(endpoint, region="ap-south-1") == []
    assert faults.plans(endpoint) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"calls": [{"do": "explode"}]}', "do is 'explode': give one of delay-before"),
        ('{"calls": [{"do": "error", "on": "s3"}]}', "give service.Operation"),
        ('{"calls": [{"do": "error", "call": 1, "nth": 2}]}', "one of call, nth and share"),
        ('{"calls": [{"do": "error", "share": 30}]}', "share is from 0 to 1"),
        ('{"resources": [{"on": "make", "resource": "x", "reason": "y"}]}', "on is 'make': give one of create"),
        ('{"resources": [{"on": "create", "resource": "x"}]}', "reason or seconds"),
        ('{"colour": 1}', "colour"),
        ("[", "Expecting value"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(text: str, why: str) -> None:
    with pytest.raises(FaultPlanError, match=why):
        Plan.read(text)


def test_the_server_says_what_is_wrong_with_a_plan(endpoint: Endpoint) -> None:
    with pytest.raises(FaultPlanError, match="give one of"):
        faults._ask(endpoint, "PUT", "faults", b'{"calls": [{"do": "explode"}]}')


class Played(Endpoint):
    """A server that answers as it is told to, and remembers the requests."""

    answers: ClassVar[dict[str, Any]] = {}
    requests: ClassVar[list[tuple[str, str, Any]]] = []

    def ask(self, page: str, method: str = "GET", body: bytes | None = None) -> Any:
        self.requests.append((method, page, body and json.loads(body)))
        return self.answers.get(page)


def test_what_the_server_is_asked_about_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    call = {"service": "s3", "operation": "ListBuckets", "region": "eu-west-1", "key": "K", "number": 2, "fault": "x"}
    pages = {"faults": [{"region": "eu-west-1"}], "calls?region=eu-west-1&key=K": [{**call, "name": "s3.ListBuckets"}]}
    monkeypatch.setattr(Played, "answers", pages)
    requests: list[tuple[str, str, Any]] = []
    monkeypatch.setattr(Played, "requests", requests)
    played = Played("http://localhost:1", "1", "us-east-1", "K")
    assert faults.plans(played) == [Plan(region="eu-west-1")]
    assert faults.calls(played, "eu-west-1", "K") == [Call("s3", "ListBuckets", "eu-west-1", "K", 2, "x")]
    faults.behave(played, seed=3, order="ranked")
    faults.remove(played)
    plan = Plan(region="eu-west-1", key="K", seed=4)
    with pytest.raises(ZeroDivisionError), faults.planned(played, plan):
        raise ZeroDivisionError
    assert requests == [
        ("GET", "faults", None),
        ("GET", "calls?region=eu-west-1&key=K", None),
        ("PUT", "behaviour", {"seed": 3, "order": "ranked"}),
        ("DELETE", "faults?region=&key=", None),
        ("PUT", "faults", {"calls": [], "resources": [], "region": "eu-west-1", "key": "K", "seed": 4}),
        ("DELETE", "faults?region=eu-west-1&key=K", None),
    ]


def test_what_the_server_is_asked_about_roles(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = {"message": "no", "role": "deploy", "action": "s3:GetObject", "resource": "arn:x", "missing": "{}"}
    request = ["deploy", "s3:GetObject", "arn:x", {"aws:RequestedRegion": "us-east-1"}]
    body = {
        "used": [["deploy", "Read", "s3:ListBucket"]],
        "denied": [{**refusal, "near": ["Other: another bucket"]}],
        "unjudged": {"x": 2},
        "requests": [request],
    }
    monkeypatch.setattr(Played, "answers", {"roles": body})
    requests: list[tuple[str, str, Any]] = []
    monkeypatch.setattr(Played, "requests", requests)
    played = Played("http://localhost:1", "1", "us-east-1", "K")
    metadata = {"Excluded": {"AWS::S3::Bucket": {"s3:b": "why", "s3:a": "why"}}}
    listed = roles.excluded({"Metadata": metadata})
    assert listed == {"AWS::S3::Bucket": ["s3:a", "s3:b"]}
    assert roles.excluded({}) == roles.excluded({"Metadata": {}}) == {}
    roles.enforce(played, listed)
    assert roles.judged(played) == roles.Judged(
        frozenset({("deploy", "Read", "s3:ListBucket")}),
        (Refusal("no", "deploy", "s3:GetObject", "arn:x", "{}", ("Other: another bucket",)),),
        {"x": 2},
        (("deploy", Request("s3:GetObject", "arn:x", {"aws:RequestedRegion": "us-east-1"})),),
    )
    roles.stop(played)
    assert requests == [("PUT", "roles", {"excluded": listed}), ("GET", "roles", None), ("DELETE", "roles", None)]
