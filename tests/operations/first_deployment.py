"""An account in which nothing stops a first deployment of staging, in prepared answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scripts.deployment import environment
from scripts.operations.preflight import account
from scripts.operations.preflight.check import Survey
from tests.conftest import ROOT
from tests.support.service import ACCOUNT, ME, Prepared, refusal

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
QUOTAS = {
    "vpc": {"VPCs per Region": 5.0, "Inbound or outbound rules per security group": 60.0},
    "ec2": {"EC2-VPC Elastic IPs": 5.0, account.STANDARD: 8.0},
    "fargate": {"Fargate On-Demand vCPU resource count": 6.0},
    "codebuild": {"Concurrently running builds for Linux/Small environment": 1.0},
}


ZONES = {"AvailabilityZones": [{"ZoneId": f"euw1-az{number}", "ZoneName": f"eu-west-1{number}"} for number in "12"]}
IMAGES = [{"name": "aws/codebuild/standard:7.0"}]


def absent(code: str) -> Callable[..., dict[str, Any]]:
    def answer(**_: Any) -> dict[str, Any]:
        raise refusal("x", code)

    return answer


def quotas(ServiceCode: str, **request: Any) -> dict[str, Any]:
    """In two pages, as AWS may answer."""
    quotas = [{"QuotaName": name, "Value": value} for name, value in QUOTAS[ServiceCode].items()]
    return {"Quotas": quotas} if "NextToken" in request else {"Quotas": [], "NextToken": "2"}


def scanning(kind: str, *rules: tuple[str, str]) -> dict[str, Any]:
    """How a registry scans: `rules` are a frequency and a filter each."""
    return {
        "scanningConfiguration": {
            "scanType": kind,
            "rules": [
                {"scanFrequency": frequency, "repositoryFilters": [{"filter": text, "filterType": "WILDCARD"}]}
                for frequency, text in rules
            ],
        }
    }


class Account(Prepared):
    """An account in which nothing stops a first deployment of staging."""

    def __init__(self, **answers: Any) -> None:
        role = {"Path": "/", "RoleName": "Deploy", "RoleId": "A" * 16, "CreateDate": NOW}
        arn = f"arn:aws:iam::{ACCOUNT}:role/Deploy"
        super().__init__(
            **{
                "sts__get_caller_identity": {"Account": ME.account, "Arn": ME.arn},
                "cloudformation__describe_stacks": absent_stack,
                "cloudformation__list_stacks": {"StackSummaries": []},
                "iam__get_role": {"Role": {**role, "Arn": arn}},
                "iam__simulate_principal_policy": {
                    "EvaluationResults": [{"EvalActionName": "s3:PutObject", "EvalDecision": "allowed"}]
                },
                "codecommit__list_repositories": {"repositories": []},
                "codecommit__get_branch": {"branch": {}},
                "ec2__describe_vpcs": {"Vpcs": [{}]},
                "ec2__describe_addresses": {"Addresses": []},
                "ec2__describe_instance_types": {"InstanceTypes": [{"VCpuInfo": {"DefaultVCpus": 2}}]},
                "ec2__describe_managed_prefix_lists": {"PrefixLists": [{"PrefixListId": "pl-1", "MaxEntries": 55}]},
                "ec2__describe_availability_zones": ZONES,
                "ec2__describe_instance_type_offerings": {
                    "InstanceTypeOfferings": [{"Location": zone["ZoneName"]} for zone in ZONES["AvailabilityZones"]]
                },
                "service-quotas__list_service_quotas": quotas,
                "sesv2__get_account": {"ProductionAccessEnabled": True},
                "sesv2__get_email_identity": {"VerifiedForSendingStatus": True},
                "sns__get_sms_sandbox_account_status": {"IsInSandbox": False},
                "codebuild__list_curated_environment_images": {"platforms": [{"languages": [{"images": IMAGES}]}]},
                "ecr__get_registry_scanning_configuration": scanning("BASIC"),
                "dynamodb__describe_table": absent("ResourceNotFoundException"),
                "codepipeline__get_pipeline": absent("PipelineNotFoundException"),
                "ssm__get_parameter": absent("ParameterNotFound"),
                **answers,
            }
        )


def absent_stack(**_: Any) -> dict[str, Any]:
    raise refusal("x", "ValidationError", "Stack does not exist")


def survey(aws: Prepared, params: Path, exists: bool = False) -> Survey:
    return Survey(aws, ME, environment.load("staging", ROOT / "templates", params), exists, ROOT)
