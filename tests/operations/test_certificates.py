"""Certificates that a new domain has replaced are removed once nobody answers with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from generator.cfn.packaging import Bucket, PackagedSet
from generator.cfn.stacks import Stack
from generator.cfn.templates import load
from scripts.deployment.aws import Aws
from scripts.deployment.deploy_root import Context, RootDeployment
from scripts.deployment.environment import load as load_environment
from scripts.deployment.errors import AwsError
from scripts.deployment.package import GateVerdict
from scripts.operations import certificates
from tests.conftest import ROOT
from tests.support.service import ME, REGION, Prepared, arn, refusal

OURS = [{"Key": "Application", "Value": "cloud-health-dashboard"}, {"Key": "Environment", "Value": "staging"}]
LIVING, REPLACED, BUSY, FOREIGN = (
    f"arn:aws:acm:us-east-1:000000000000:certificate/0000000{number}-0000-4000-8000-000000000000" for number in range(4)
)


class WithCertificates(Prepared):
    """An account with four certificates: the one of edge, two that it replaced, somebody else's."""

    def __init__(self) -> None:
        self.deleted: list[str] = []
        summaries = [{"CertificateArn": each} for each in (LIVING, REPLACED, BUSY, FOREIGN)]
        super().__init__(
            acm__list_certificates={"CertificateSummaryList": summaries},
            acm__list_tags_for_certificate=self.tags,
            acm__delete_certificate=self.delete,
            cloudformation__list_stack_resources=self.listed,
        )

    def tags(self, CertificateArn: str) -> dict[str, Any]:
        return {"Tags": OURS if CertificateArn != FOREIGN else OURS[:1]}

    def at(self, region: str) -> Aws:
        assert region == "us-east-1"
        return self

    def delete(self, CertificateArn: str) -> dict[str, Any]:
        if CertificateArn == BUSY:
            raise refusal("acm.delete_certificate", "ResourceInUseException")
        self.deleted.append(CertificateArn)
        return {}

    def listed(self, StackName: str) -> dict[str, Any]:
        entry = {
            "LogicalResourceId": "Certificate",
            "PhysicalResourceId": LIVING,
            "ResourceType": certificates.CERTIFICATE,
            "ResourceStatus": "UPDATE_COMPLETE",
            "LastUpdatedTimestamp": "2026-11-28",
        }
        return {"StackResourceSummaries": [entry] if "edge" in StackName else []}


def removed(aws: WithCertificates, name: str = "environment", edge: bool = True) -> list[str]:
    """The lines after a root of staging was deployed."""
    roots = load_environment("staging", ROOT / "templates", ROOT / "params")
    stack, other = (Stack(each, arn("stack", each), "UPDATE_COMPLETE") for each in ("staging", "staging-edge"))
    context = Context(aws, roots, GateVerdict({}))
    bucket = Bucket.of(roots[name].application, ME.account, REGION)
    root = RootDeployment(context, roots[name], aws, bucket, PackagedSet(()))
    root = replace(root, other_stacks={"edge": other if edge else None})
    return list(certificates.remove_replaced(root, stack))


def test_what_was_replaced_is_removed_and_what_is_in_use_waits() -> None:
    aws = WithCertificates()
    assert removed(aws) == [
        f"the replaced certificate {REPLACED} is removed",
        f"the replaced certificate {BUSY} is in use still: the next `apply` removes it",
    ]
    assert aws.deleted == [REPLACED]
    looked_at = [request["CertificateArn"] for name, request in aws.asked if name == "acm.list_tags_for_certificate"]
    assert looked_at == [REPLACED, BUSY, FOREIGN]  # not the one that is used
    aws.answers["acm.delete_certificate"] = refusal("x", "AccessDenied")
    with pytest.raises(AwsError, match="AccessDenied"):
        removed(aws)


def test_only_after_the_environment_and_only_beside_an_edge() -> None:
    aws = WithCertificates()
    assert removed(aws, "edge") == [] and removed(aws, edge=False) == [] and aws.asked == []


def test_the_template_keeps_a_certificate_that_is_replaced() -> None:
    """ACM deletes none in use, and edge goes before the environment."""
    body = load(ROOT / "templates").resource("edge.Certificate").body
    assert (body["UpdateReplacePolicy"], body["DeletionPolicy"]) == ("Retain", "Delete")
