"""What moto does not have is told at once and by name; a test can say what is answered in its place."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from scripts.local_aws import faults
from scripts.local_aws.faults import CallFault, Plan
from scripts.local_aws.server import Endpoint
from tests.local_aws.support import Aws


@pytest.mark.parametrize(
    ("service", "operation", "name", "more"),
    [
        ("sns", "get_sms_sandbox_account_status", "sns.GetSMSSandboxAccountStatus", {}),
        ("sesv2", "get_account", "sesv2.GetAccount", {}),
        ("service-quotas", "list_services", "service-quotas.ListServices", {}),
        ("codeconnections", "list_connections", "codeconnections.ListConnections", {}),
        ("ses", "get_account_sending_enabled", "ses.GetAccountSendingEnabled", {}),
        ("cloudformation", "list_exports", "cloudformation.ListExports", {}),
    ],
)
def test_an_operation_without_code_is_told_by_name(
    aws: Aws, service: str, operation: str, name: str, more: dict[str, Any]
) -> None:
    with pytest.raises(ClientError, match=f"does not have {name}") as caught:
        getattr(aws.client(service), operation)(**more)
    metadata = caught.value.response["ResponseMetadata"]
    assert (metadata["HTTPStatusCode"], metadata["RetryAttempts"]) == (501, 0), "it is not asked again"
    assert caught.value.response["Error"]["Code"] == "NotImplemented"


QUOTA = {"ServiceCode": "vpc", "QuotaCode": "L-F678F1CE", "QuotaName": "VPCs per Region", "Value": 7.0}


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "answer"),
    [
        ("sns", "get_sms_sandbox_account_status", {}, {"IsInSandbox": True}),
        ("sesv2", "get_account", {}, {"ProductionAccessEnabled": True, "SendQuota": {"Max24HourSend": 200.0}}),
        ("service-quotas", "get_service_quota", {"ServiceCode": "vpc", "QuotaCode": "L-F678F1CE"}, {"Quota": QUOTA}),
        ("ec2", "describe_addresses", {}, {"Addresses": [{"PublicIp": "192.0.2.1"}]}),
        ("s3", "get_bucket_location", {"Bucket": "anywhere"}, {"LocationConstraint": "eu-west-1"}),
    ],
)
def test_a_test_says_what_is_answered(
    endpoint: Endpoint, service: str, operation: str, arguments: dict[str, Any], answer: dict[str, Any]
) -> None:
    key = f"UNIMPLEMENTED{endpoint.key}"
    keys = {"aws_access_key_id": key, "aws_secret_access_key": "none"}
    client = boto3.client(service, endpoint_url=endpoint.url, region_name="us-east-1", **keys)
    plan = Plan((CallFault("answer", on=f"{service}.*", times=0, answer=answer),), key=key)
    with faults.planned(endpoint, plan):
        for _ in range(2):
            response = getattr(client, operation)(**arguments)
            assert {key: response[key] for key in answer} == answer
        assert [call.fault for call in faults.calls(endpoint, key=key)] == ["answer", "answer"]


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("ecs.amazonaws.com", "AWSServiceRoleForECS"),
        ("ecs.application-autoscaling.amazonaws.com", "AWSServiceRoleForApplicationAutoScaling_ECSService"),
        ("elasticloadbalancing.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing"),
    ],
)
def test_service_linked_roles_have_the_names_of_aws(aws: Aws, service: str, name: str) -> None:
    iam = aws.client("iam")
    assert iam.create_service_linked_role(AWSServiceName=service)["Role"]["RoleName"] == name
    assert iam.get_role(RoleName=name)["Role"]["Path"] == f"/aws-service-role/{service}/"
    with pytest.raises(ClientError, match="has been taken in this account"):
        iam.create_service_linked_role(AWSServiceName=service)
    iam.delete_service_linked_role(RoleName=name)
