"""What a request calls, by what botocore sends: service, operation, Region, key and protocol; and that botocore reads
an error, or an answer, in the form of that protocol."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from typing import Any

import pytest
from botocore import UNSIGNED

from scripts.local_aws import wire
from scripts.local_aws.services import ResourceError, Services
from scripts.local_aws.wire import Call
from tests.local_aws.here import answer, refusal

KEY = "LOCALKEY"
CONNECTION = "arn:aws:codestar-connections:us-east-1:1:connection/1"


class Listener:
    """An application that answers every call with an error, or as it is told, and remembers the calls."""

    def __init__(self, *, answers: dict[str, Any] | None = None) -> None:
        self.answers = answers
        self.calls: list[tuple[Call, str]] = []
        self.environs: list[dict[str, Any]] = []
        self.services = Services("http://localhost:1234", "eu-west-1", "1", application=self, key=KEY)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        environ["wsgi.input"] = io.BytesIO(body)
        self.environs.append(environ)
        call = wire.read(environ, body)
        form = wire.protocol(call, environ)
        self.calls.append((call, form))
        if self.answers is not None:
            status, headers, text = wire.answer(call, environ, self.answers)
            start_response(f"{status} OK", [*headers.items()])
            return [text]
        listed, text = wire.error(call, form, "OurCode", "why <&> not")
        start_response("400 OurCode", listed)
        return [text] if environ["REQUEST_METHOD"] != "HEAD" else []


OBJECT = {"Bucket": "bucket", "Key": "a/b c+d"}
# Service, operation and arguments in boto3; protocol.
CALLS: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    ("acm", "list_certificates", {}, "json"),
    ("cloudformation", "list_stacks", {}, "query"),
    ("cloudfront", "list_distributions", {}, "rest-xml"),
    ("cloudfront", "get_distribution", {"Id": "E1"}, "rest-xml"),
    ("cloudfront", "get_distribution_config", {"Id": "E1"}, "rest-xml"),
    ("cloudfront", "list_tags_for_resource", {"Resource": "arn:x"}, "rest-xml"),
    ("codestar-connections", "get_connection", {"ConnectionArn": CONNECTION}, "json"),
    ("ec2", "describe_vpcs", {}, "ec2"),
    ("efs", "describe_file_systems", {}, "rest-json"),
    ("elb", "describe_load_balancers", {}, "query"),
    ("elbv2", "describe_load_balancers", {}, "query"),
    ("iam", "get_role", {"RoleName": "a"}, "query"),
    ("resourcegroupstaggingapi", "get_resources", {}, "json"),
    ("route53", "list_hosted_zones", {}, "rest-xml"),
    ("s3", "list_buckets", {}, "rest-xml"),
    ("s3", "create_bucket", {"Bucket": "bucket"}, "rest-xml"),
    ("s3", "get_object", OBJECT, "rest-xml"),
    ("s3", "put_object", {**OBJECT, "Body": b"x"}, "rest-xml"),
    ("s3", "copy_object", {**OBJECT, "CopySource": "bucket/other"}, "rest-xml"),
    ("s3", "get_object_tagging", OBJECT, "rest-xml"),
    ("s3", "delete_object", OBJECT, "rest-xml"),
    ("s3", "list_objects", {"Bucket": "bucket"}, "rest-xml"),
    ("s3", "list_objects_v2", {"Bucket": "bucket", "Prefix": "a"}, "rest-xml"),
    ("s3", "list_object_versions", {"Bucket": "bucket"}, "rest-xml"),
    ("s3", "get_bucket_versioning", {"Bucket": "bucket"}, "rest-xml"),
    ("s3", "delete_objects", {"Bucket": "bucket", "Delete": {"Objects": [{"Key": "a"}]}}, "rest-xml"),
    ("s3", "create_multipart_upload", OBJECT, "rest-xml"),
    ("s3", "list_parts", {**OBJECT, "UploadId": "u"}, "rest-xml"),
    ("s3control", "list_tags_for_resource", {"AccountId": "1", "ResourceArn": "arn:aws:s3:::b"}, "rest-xml"),
    ("service-quotas", "list_services", {}, "json"),
    ("ses", "get_send_quota", {}, "query"),
    ("sesv2", "get_account", {}, "rest-json"),
    ("sesv2", "get_email_identity", {"EmailIdentity": "a@example.com"}, "rest-json"),
    ("sns", "list_topics", {}, "query"),
    ("ssm", "get_parameter", {"Name": "/a"}, "json"),
    ("stepfunctions", "list_state_machines", {}, "json"),
    ("sts", "get_caller_identity", {}, "query"),
)


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "protocol"), CALLS, ids=[f"{service}.{name}" for service, name, *_ in CALLS]
)
def test_a_call_is_known_by_its_request(service: str, operation: str, arguments: dict[str, Any], protocol: str) -> None:
    listener = Listener()
    client = listener.services.client(service)
    assert refusal(getattr(client, operation), **arguments) == ("OurCode", "why <&> not")
    name = client.meta.method_to_api_mapping[operation]
    assert listener.calls == [(Call(service, name, "eu-west-1", KEY), protocol)]
    assert listener.calls[0][0].name == f"{service}.{name}"


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "response"),
    [
        ("sns", "get_sms_sandbox_account_status", {}, {"IsInSandbox": True}),
        ("sesv2", "get_account", {}, {"ProductionAccessEnabled": True}),
        ("ssm", "get_parameter", {"Name": "/a"}, {"Parameter": {"Name": "/a", "Value": "ü"}}),
        ("ec2", "describe_addresses", {}, {"Addresses": [{"PublicIp": "192.0.2.1"}]}),
        ("s3", "get_bucket_location", {"Bucket": "anywhere"}, {"LocationConstraint": "eu-west-1"}),
        ("cloudfront", "get_distribution", {"Id": "E1"}, {"ETag": "tag"}),
    ],
)
def test_an_answer_has_the_form_of_its_protocol(
    service: str, operation: str, arguments: dict[str, Any], response: dict[str, Any]
) -> None:
    client = Listener(answers=response).services.client(service)
    shown = answer(getattr(client, operation)(**arguments))
    assert {name: shown[name] for name in response} == response


def test_an_error_of_a_head_request_is_its_status() -> None:
    listener = Listener()
    assert refusal(listener.services.client("s3").head_object, **OBJECT)[0] == "400"
    assert listener.calls[0][0].name == "s3.HeadObject"


@pytest.mark.parametrize(
    ("environ", "call"),
    [
        ({"PATH_INFO": "/bucket/key"}, Call("s3", "GetObject", "", "")),
        ({"PATH_INFO": "/bucket/"}, Call("s3", "ListObjects", "", "")),
        ({"PATH_INFO": "/bucket", "RAW_URI": "/bucket/a%2Fb?versionId=1"}, Call("s3", "GetObject", "", "")),
        ({"PATH_INFO": "/bucket", "REQUEST_METHOD": "PATCH"}, Call("s3", "?", "", "")),
        (
            {"PATH_INFO": "/", "HTTP_AUTHORIZATION": "AWS4 Credential=K/20000101/eu-west-1/none/aws4_request"},
            Call("none", "?", "eu-west-1", "K"),
        ),
    ],
)
def test_what_is_not_signed_counts_as_a_call_to_s3(environ: dict[str, Any], call: Call) -> None:
    whole = {"REQUEST_METHOD": "GET", **environ}
    assert wire.read(whole, b"") == call
    assert wire.protocol(call, whole) == "rest-xml"


def test_a_request_is_wsgi() -> None:
    """Whole, but for the headers that botocore gives every call."""
    listener = Listener()
    arguments = {**OBJECT, "Body": io.BytesIO(b"text"), "ContentType": "text/plain", "Metadata": {"under_score": "1"}}
    refusal(listener.services.client("s3").put_object, **arguments)
    [environ] = listener.environs
    own = {
        name: value
        for name, value in environ.items()
        if not name.startswith("HTTP_") or name in ("HTTP_HOST", "HTTP_AUTHORIZATION", "HTTP_X_AMZ_META_UNDER_SCORE")
    }
    assert own.pop("wsgi.input").read() == b"text"
    assert own == {
        "REQUEST_METHOD": "PUT",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/bucket/a/b c+d",
        "QUERY_STRING": "",
        "REQUEST_URI": "/bucket/a/b%20c%2Bd",
        "RAW_URI": "/bucket/a/b%20c%2Bd",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "1234",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost:1234",
        "HTTP_AUTHORIZATION": (
            f"AWS4-HMAC-SHA256 Credential={KEY}/20000101/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=none"
        ),
        "HTTP_X_AMZ_META_UNDER_SCORE": "1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "CONTENT_LENGTH": "4",
        "CONTENT_TYPE": "text/plain",
    }
    assert wire.OWN in environ["HTTP_USER_AGENT"]
    assert not {"HTTP_CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING", "HTTP_CONTENT_TYPE"} & environ.keys()
    refusal(listener.services.client("s3").list_objects_v2, Bucket="bucket", Prefix="ü")
    environ = listener.environs[1]
    assert environ["QUERY_STRING"].startswith("list-type=2&prefix=%C3%BC")
    assert environ["RAW_URI"] == environ["REQUEST_URI"] == f"/bucket?{environ['QUERY_STRING']}"
    assert (environ["CONTENT_LENGTH"], environ["wsgi.input"].read()) == ("0", b"")
    assert "CONTENT_TYPE" not in environ


def failing(code: str, status: str) -> Services:
    """Services that refuse everything with a code."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        call = wire.read(environ, environ["wsgi.input"].read())
        headers, text = wire.error(call, wire.protocol(call, environ), code, "why")
        start_response(f"{status} {code}", headers)
        return [text]

    return Services("http://localhost:1", "us-east-1", "1", application=application)


@pytest.mark.parametrize(
    ("code", "handler"),
    [
        ("ResourceAlreadyExistsException", "AlreadyExists"),
        ("ResourceNotFoundException", "NotFound"),
        ("NoSuchEntity", "NotFound"),
        ("AccessDenied", "AccessDenied"),
        ("ValidationException", "InvalidRequest"),
    ],
)
def test_a_refusal_of_a_service_is_the_reason_that_cloudformation_shows(code: str, handler: str) -> None:
    with pytest.raises(ResourceError) as refused:
        failing(code, "418").call("iam", "get_role", {"RoleName": "a"})
    assert str(refused.value) == (
        f'Resource handler returned message: "why (Service: IAM, Status Code: 418)" (HandlerErrorCode: {handler})'
    )


def test_what_botocore_refuses_itself_is_a_reason_too() -> None:
    with pytest.raises(ResourceError) as refused:
        failing("None", "400").call("iam", "get_role", {"RoleName": 1})
    message = str(refused.value)
    assert message.startswith('Resource handler returned message: "Parameter validation failed:\nInvalid type for')
    assert message.endswith('" (HandlerErrorCode: InvalidRequest)')


def test_a_fault_of_a_service_is_an_answer_of_500(caplog: pytest.LogCaptureFixture) -> None:
    def application(_environ: dict[str, Any], _start_response: Any) -> Iterable[bytes]:
        raise ZeroDivisionError

    services = Services("http://localhost:1", "us-east-1", "1", application=application)
    with pytest.raises(ResourceError, match=r"Status Code: 500\)"):
        services.call("sts", "get_caller_identity", {})
    assert len(caplog.records) == 1 and "ZeroDivisionError" in caplog.text, "it is not tried again"


def test_a_client_is_made_once_and_the_key_is_the_account_without_another() -> None:
    listener = Listener()
    assert listener.services.client("sts") is listener.services.client("sts")
    listener.services.key = ""
    refusal(listener.services.client("ssm").describe_parameters)
    assert listener.calls[0][0].key == "1"
    assert listener.services.model("ssm", "get_parameter").name == "GetParameter"


def test_how_a_client_calls() -> None:
    """Once, recognisably, a few at a time; signed with the key where a server looks at it, and else with nothing."""
    within, over = Listener().services, Services("http://localhost:1234", "eu-west-1", "1", key=KEY)
    for services in (within, over):
        config = services.client("s3").meta.config
        assert (config.retries["total_max_attempts"], config.max_pool_connections) == (1, 4)
        assert (config.user_agent_extra, config.region_name) == (wire.OWN, "eu-west-1")
        assert (config.signature_version is UNSIGNED) == (services is within)
        assert services.client("s3").meta.endpoint_url == "http://localhost:1234"
    address = over.client("sts").generate_presigned_url("get_caller_identity")
    assert f"X-Amz-Credential={KEY}%2F" in address and "%2Feu-west-1%2Fsts%2Faws4_request" in address
