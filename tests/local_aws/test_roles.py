"""What somebody who has assumed a role may call, where the local AWS is told to judge it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from scripts.local_aws import roles
from scripts.local_aws.server import Endpoint
from tests.local_aws.support import Aws

STATEMENT = {
    "Sid": "Own",
    "Effect": "Allow",
    "Action": ["s3:GetObject", "ssm:GetParameter", "cloudformation:*"],
    "Resource": [
        "arn:aws:s3:::judged/*",
        "arn:aws:ssm:*:*:parameter/own/*",
        "arn:aws:cloudformation:*:*:changeSet/own-*/*",
        "arn:aws:cloudformation:*:*:stack/own/*",
    ],
}
PLACE, MAKES = "us-east-1:123456789012", "arn:aws:iam::123456789012:role/makes"
Clients = Callable[[str], Any]


@pytest.fixture
def clients(endpoint: Endpoint, aws: Aws) -> Iterator[Clients]:
    """Clients of somebody who has assumed a role with one statement; roles are judged."""
    iam = aws.client("iam")
    role = iam.create_role(RoleName="judged", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    document = {"Version": "2012-10-17", "Statement": [STATEMENT]}
    iam.put_role_policy(RoleName="judged", PolicyName="Own", PolicyDocument=json.dumps(document))
    key = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    roles.enforce(endpoint, {})
    try:
        yield lambda service: boto3.client(
            service, endpoint_url=endpoint.url, region_name=endpoint.region, aws_session_token="t", **keys
        )
    finally:
        roles.stop(endpoint)
        iam.delete_role_policy(RoleName="judged", PolicyName="Own")
        iam.delete_role(RoleName="judged")


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "expected"),
    [
        ("s3", "get_object", {"Bucket": "other", "Key": "a"}, ("AccessDenied", "s3:GetObject", "arn:aws:s3:::other/a")),
        ("s3", "list_objects_v2", {"Bucket": "judged"}, ("AccessDenied", "s3:ListBucket", "arn:aws:s3:::judged")),
        ("ec2", "describe_vpcs", {}, ("UnauthorizedOperation", "ec2:DescribeVpcs", "*")),
        (
            "ssm",
            "get_parameter",
            {"Name": "/other"},
            ("AccessDeniedException", "ssm:GetParameter", f"arn:aws:ssm:{PLACE}:parameter/other"),
        ),
        (
            "cloudformation",
            "describe_change_set",
            {"ChangeSetName": f"arn:aws:cloudformation:{PLACE}:changeSet/other/1"},
            ("AccessDenied", "cloudformation:DescribeChangeSet", f"arn:aws:cloudformation:{PLACE}:changeSet/other/1"),
        ),
        (
            "cloudformation",
            "delete_stack",
            {"StackName": "other", "RoleARN": MAKES},
            ("AccessDenied", "cloudformation:DeleteStack", f"arn:aws:cloudformation:{PLACE}:stack/other/*"),
        ),
        (
            "cloudformation",
            "delete_stack",
            {"StackName": "own", "RoleARN": MAKES},
            ("AccessDenied", "iam:PassRole", MAKES),
        ),
    ],
)
def test_what_the_role_may_not_is_refused_in_the_services_words(
    clients: Clients,
    endpoint: Endpoint,
    service: str,
    operation: str,
    arguments: dict[str, Any],
    expected: tuple[str, str, str],
) -> None:
    code, action, resource = expected
    with pytest.raises(ClientError) as refused:
        getattr(clients(service), operation)(**arguments)
    error = refused.value.response["Error"]
    assert error["Code"] == code
    assert error["Message"] == (
        f"User: arn:aws:sts::123456789012:assumed-role/judged/test is not authorized to perform: {action} on resource: "
        f"{resource} because no identity-based policy allows the {action} action"
    )
    [refusal] = roles.judged(endpoint).denied
    assert (refusal.message, refusal.role) == (error["Message"], "judged")
    assert json.loads(refusal.missing) == {"Effect": "Allow", "Action": action, "Resource": resource}


def test_what_the_role_may_is_done_and_remembered(clients: Clients, endpoint: Endpoint, aws: Aws) -> None:
    aws.client("ssm").put_parameter(Name="/own/text", Type="String", Value="x", Overwrite=True)
    assert clients("ssm").get_parameter(Name="/own/text")["Parameter"]["Value"] == "x"
    # A change set that is named by its ARN is judged by that: it may be looked for, and is not there.
    with pytest.raises(ClientError) as missing:
        own = "arn:aws:cloudformation:us-east-1:123456789012:changeSet/own-1/1"
        clients("cloudformation").describe_change_set(ChangeSetName=own)
    assert missing.value.response["Error"]["Code"] == "ChangeSetNotFound"
    assert roles.judged(endpoint).used == {("judged", "Own", "ssm:GetParameter"), ("judged", "Own", "cloudformation:*")}


def test_a_boundary_limits_what_the_statements_allow(clients: Clients, aws: Aws) -> None:
    iam = aws.client("iam")
    statement = {"Sid": "Limit", "Effect": "Allow", "Action": ["ssm:*"], "Resource": ["*"]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    limit = iam.create_policy(PolicyName="limit", PolicyDocument=document)["Policy"]["Arn"]
    aws.client("ssm").put_parameter(Name="/own/limited", Type="String", Value="x", Overwrite=True)
    iam.put_role_permissions_boundary(RoleName="judged", PermissionsBoundary=limit)
    try:
        assert clients("ssm").get_parameter(Name="/own/limited")["Parameter"]["Value"] == "x"
        with pytest.raises(ClientError, match="boundary") as refused:
            clients("s3").get_object(Bucket="judged", Key="a")
        assert refused.value.response["Error"]["Code"] == "AccessDenied"
    finally:
        iam.delete_role_permissions_boundary(RoleName="judged")
        iam.delete_policy(PolicyArn=limit)


def test_what_comes_close_is_told_besides(clients: Clients, endpoint: Endpoint) -> None:
    with pytest.raises(ClientError):
        clients("ssm").get_parameter(Name="/other")
    [refusal] = roles.judged(endpoint).denied
    assert refusal.near[0].startswith("Own is for ") and "arn:aws:ssm:*:*:parameter/own/*" in refusal.near[0]


@pytest.mark.usefixtures("clients")
def test_what_a_role_may_is_simulated_without_its_context(aws: Aws) -> None:
    """Missing keys stand beside each resource, as botocore's model says."""
    iam, under = aws.client("iam"), {"StringEquals": {"aws:ResourceTag/Environment": "x"}}
    tagged = {"Sid": "Tagged", "Effect": "Allow", "Action": "sns:Publish", "Resource": "*", "Condition": under}
    document = json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT, tagged]})
    iam.put_role_policy(RoleName="judged", PolicyName="Own", PolicyDocument=document)
    results = iam.simulate_principal_policy(
        PolicySourceArn="arn:aws:iam::123456789012:role/judged",
        ActionNames=["ssm:GetParameter", "sns:Publish"],
        ResourceArns=[f"arn:aws:ssm:{PLACE}:parameter/own/a", f"arn:aws:ssm:{PLACE}:parameter/other"],
    )["EvaluationResults"]
    decisions = {
        (result["EvalActionName"], specific["EvalResourceName"].rpartition("/")[2]): (
            specific["EvalResourceDecision"],
            specific["MissingContextValues"],
        )
        for result in results
        for specific in result["ResourceSpecificResults"]
    }
    assert decisions == {
        ("ssm:GetParameter", "a"): ("allowed", []),
        ("ssm:GetParameter", "other"): ("implicitDeny", []),
        ("sns:Publish", "a"): ("implicitDeny", ["aws:ResourceTag/Environment"]),
        ("sns:Publish", "other"): ("implicitDeny", ["aws:ResourceTag/Environment"]),
    }
    assert [result["EvalDecision"] for result in results] == ["implicitDeny", "implicitDeny"]


def test_nobody_else_is_judged(clients: Clients, endpoint: Endpoint, aws: Aws) -> None:
    assert clients("sts").get_caller_identity()["Account"] == endpoint.account
    assert aws.client("ec2").describe_vpcs()["Vpcs"]
    roles.stop(endpoint)
    assert clients("ec2").describe_vpcs()["Vpcs"]
