"""The root `edge` once more after an environment has its distribution, and which roots a run has in which order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from generator.cfn.environments import Environment
from generator.cfn.packaging import Bucket, PackagedSet
from generator.cfn.stacks import Stack
from scripts.deployment import environment
from scripts.deployment.deploy_root import Context, Extensions, RootDeployment
from scripts.deployment.environment import COMPUTED, Computed
from scripts.deployment.errors import Exit
from scripts.operations import optional_parts
from tests.conftest import ROOT
from tests.support.gate import passed
from tests.support.service import ME, REGION, Prepared, refusal

ABSENT = refusal("x", "ValidationError", "Stack does not exist")
EDGE = "cloud-health-dashboard-staging-edge"


@pytest.fixture(scope="module")
def loaded() -> dict[str, Environment]:
    return environment.load("staging", ROOT / "templates", ROOT / "params")


def chosen(loaded: dict[str, Environment], **parameters: str) -> dict[str, Environment]:
    """The roots with other choices in the environment's file."""
    main = loaded["environment"]
    file = replace(main.file, parameters={**main.file.parameters, **parameters})
    return {name: replace(root, file=file) if name != "shared" else root for name, root in loaded.items()}


class Anywhere(Prepared):
    def at(self, region: str) -> Anywhere:
        assert region
        return self


def deployment(
    roots: dict[str, Environment], aws: Prepared, name: str = "edge", lines: list[Any] | None = None, **more: Any
) -> RootDeployment:
    say = (lines if lines is not None else []).extend
    extensions = Extensions(say=say, keeps_change_sets=more.pop("keeps_change_sets", False))
    context = Context(aws, roots, passed(roots), extensions=extensions)
    bucket = Bucket.of("dashboard", ME.account, REGION)
    return RootDeployment(context, roots[name], aws, bucket, PackagedSet(()), **more)


def stack(name: str, status: str = "UPDATE_COMPLETE", **more: Any) -> Stack:
    return Stack(name, "id", status, **more)


@pytest.mark.parametrize(
    ("known", "there", "again"), [("", "E1", True), ("E1", "E1", False), ("E1", "E2", True), ("", "", False)]
)
def test_edge_is_deployed_again_when_it_does_not_know_the_distribution(
    loaded: dict[str, Environment], monkeypatch: pytest.MonkeyPatch, known: str, there: str, again: bool
) -> None:
    roots = chosen(loaded, CloudFrontAlarms="true")
    others = {
        "edge": stack(EDGE, parameters={"DistributionId": known}),
        "environment": stack("main", outputs={"DistributionId": there} if there else {}),
    }
    lines, came = list[Any](), list[RootDeployment]()

    def deploy_root(root: RootDeployment) -> tuple[Exit, Stack | None]:
        came.append(root)
        return Exit.FAILED, None

    monkeypatch.setattr(optional_parts, "deploy_root", deploy_root)
    main = deployment(roots, Prepared(), "environment", lines, other_stacks=others)
    edge = deployment(roots, Prepared(), "edge", lines, other_stacks=others)
    assert optional_parts.deploy_edge_again([edge, main]) is (Exit.FAILED if again else Exit.DONE)
    assert came == ([edge] if again else []) and lines == []
    reviewed = deployment(roots, Prepared(), "edge", lines, other_stacks=others, keeps_change_sets=True)
    assert optional_parts.deploy_edge_again([reviewed]) is Exit.DONE and len(came) == again
    line = f"{EDGE} does not know the distribution yet: plan and apply once more"
    assert lines == ([line] if again else [])
    gone = deployment(roots, Prepared(), "edge", lines, other_stacks={**others, "edge": None})
    assert optional_parts.deploy_edge_again([gone, main]) is Exit.DONE and len(came) == again


def test_the_distribution_that_is_watched(loaded: dict[str, Environment]) -> None:
    def computed(watched: str, aws: Prepared, **others: Stack) -> Computed:
        return optional_parts.distribution(
            deployment(chosen(loaded, CloudFrontAlarms=watched), aws, other_stacks=others)
        )

    name, main = "DistributionId", "cloud-health-dashboard-staging"
    with_one = stack(main, outputs={"DistributionId": "E1"})
    assert computed("false", Prepared()) == Computed(name, "", COMPUTED, "nobody wants CloudFront's alarms")
    assert computed("true", Prepared(), environment=with_one) == Computed(name, "E1", COMPUTED, f"output of {main}")
    aws = Prepared(cloudformation__describe_stacks=ABSENT)
    assert computed("true", aws) == Computed(name, "", COMPUTED, "there is no distribution yet")
    assert aws.asked == [("cloudformation.describe_stacks", {"StackName": main})]


def test_the_profile_of_signatures_comes_from_what_is_shared(loaded: dict[str, Environment]) -> None:
    def computed(**others: Stack) -> Computed:
        return optional_parts.signing_profile(deployment(loaded, Prepared(), "environment", other_stacks=others))

    name = "SigningProfileArn"
    signed = stack("shared", outputs={name: "arn:profile"})
    assert computed(shared=signed) == Computed(name, "arn:profile", COMPUTED, "output of shared")
    assert computed(shared=stack("shared")) == computed() == Computed(name, "", COMPUTED, "no image is signed")


@pytest.mark.parametrize(
    ("choices", "order"),
    [
        ({}, ["shared", "environment"]),
        ({"CloudFrontAlarms": "true"}, ["shared", "environment", "edge"]),
        ({"HostedZoneId": "Z1", "DomainName": "a.test"}, ["shared", "edge", "environment"]),
        (
            {"HostedZoneId": "Z1", "DomainName": "a.test", "CertificateArn": "arn:own", "CloudFrontAlarms": "true"},
            ["shared", "environment", "edge"],
        ),
    ],
)
def test_the_certificate_comes_before_the_environment_and_its_alarms_after_it(
    loaded: dict[str, Environment], choices: dict[str, str], order: list[str]
) -> None:
    roots = chosen(loaded, **choices)
    aws = Anywhere(cloudformation__describe_stacks=ABSENT)
    context = Context(aws, roots, passed(roots))
    assert [root.root.name for root in optional_parts.roots(context)] == order
