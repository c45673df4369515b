"""An environment with a domain whose hosted zone is in the account, a public load balancer and CloudFront's alarms."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from typing import Any

import pytest

from scripts.deployment import environment as parameters
from scripts.deployment import stacks
from scripts.deployment.aws import Aws
from scripts.deployment.errors import Exit
from scripts.local_aws import server
from scripts.operations.verbs import apply
from tests.support.deployments import LOCAL, SHARED, World, world
from tests.support.runs import verb_run

__all__ = ["world"]  # a fixture

DOMAIN, EDGE = "dashboard.cloud-health.test", f"{LOCAL}-edge"


@pytest.fixture(scope="module")
def created(world: World) -> subprocess.CompletedProcess[str]:
    world.reset()
    zone = world.aws.call("route53", "create_hosted_zone", Name="cloud-health.test", CallerReference="x")["HostedZone"]
    world.parameters(
        DomainName=DOMAIN,
        HostedZoneId=zone["Id"].rpartition("/")[2],
        LoadBalancerScheme="PUBLIC",
        CloudFrontAlarms="true",
        NotificationEmail="operator@cloud-health.test",
    )
    return world.deploy("apply")


def stack(world: World, name: str) -> dict[str, Any]:
    [found] = world.aws.call("cloudformation", "describe_stacks", StackName=name)["Stacks"]
    assert isinstance(found, dict)
    return found


def test_a_domain_of_ones_own(world: World, created: subprocess.CompletedProcess[str]) -> None:
    """Edge first, then the environment with its certificate, then edge again with the distribution's id."""
    assert created.returncode == 0, created.stdout + created.stderr
    steps = [line.partition(": ")[::2] for line in created.stdout.splitlines() if line.startswith("cloud-health")]
    planned = [(name, what.split()[0].strip(",")) for name, what in steps if what.startswith(("create", "update"))]
    assert planned == [(SHARED, "create"), (EDGE, "create"), (LOCAL, "create"), (EDGE, "update")]
    assert world.output("PublicUrl") == f"https://{DOMAIN}"
    [certificate] = [one["OutputValue"] for one in stack(world, EDGE)["Outputs"]]
    distribution = world.aws.call("cloudfront", "get_distribution", Id=world.output("DistributionId"))["Distribution"]
    assert distribution["DistributionConfig"]["ViewerCertificate"]["ACMCertificateArn"] == certificate
    zone = {"HostedZoneId": world.aws.call("route53", "list_hosted_zones")["HostedZones"][0]["Id"]}
    records = world.aws.call("route53", "list_resource_record_sets", **zone)["ResourceRecordSets"]
    leading = {one["Type"]: one["AliasTarget"]["DNSName"] for one in records if one["Name"] == f"{DOMAIN}."}
    assert leading == dict.fromkeys(("A", "AAAA"), distribution["DomainName"])
    alarms = world.aws.call("cloudwatch", "describe_alarms", AlarmNames=[f"{LOCAL}-CloudFrontErrors"])["MetricAlarms"]
    assert {"Name": "DistributionId", "Value": world.output("DistributionId")} in alarms[0]["Dimensions"]


def test_the_secret_reaches_both_ends_and_nobody_else(world: World, created: subprocess.CompletedProcess[str]) -> None:
    assert created.returncode == 0
    [balancer] = world.aws.call("elbv2", "describe_load_balancers")["LoadBalancers"]
    assert balancer["Scheme"] == "internet-facing"
    arn = {"LoadBalancerArn": balancer["LoadBalancerArn"]}
    [listener] = world.aws.call("elbv2", "describe_listeners", **arn)["Listeners"]
    assert (listener["Protocol"], len(listener["Certificates"])) == ("HTTPS", 1)
    rules = world.aws.call("elbv2", "describe_rules", ListenerArn=listener["ListenerArn"])["Rules"]
    [asked] = [one["HttpHeaderConfig"] for rule in rules for one in rule["Conditions"] if one["Field"] == "http-header"]
    config = world.aws.call("cloudfront", "get_distribution_config", Id=world.output("DistributionId"))
    [origin] = [one for one in config["DistributionConfig"]["Origins"]["Items"] if one["Id"] == "api"]
    [sent] = origin["CustomHeaders"]["Items"]
    [secret] = asked["Values"]
    assert sent == {"HeaderName": asked["HttpHeaderName"], "HeaderValue": secret}
    assert len(secret) == 64
    pages = world.aws.pages("cloudformation", "describe_stacks")
    assert secret not in str([one for page in pages for one in page["Stacks"]]) + created.stdout


def test_nothing_has_changed_afterwards(world: World, created: subprocess.CompletedProcess[str]) -> None:
    assert created.returncode == 0
    again = world.deploy("apply")
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines()[:3] == [f"{name}: no changes" for name in (SHARED, EDGE, LOCAL)]


def test_a_living_load_balancer_stays_where_it_is(world: World, created: subprocess.CompletedProcess[str]) -> None:
    assert created.returncode == 0
    world.parameters(LoadBalancerScheme="INTERNAL")
    refused = world.deploy("apply")
    assert refused.returncode == 3
    assert "LoadBalancerScheme of cloud-health-dashboard-local is PUBLIC and cannot become INTERNAL" in refused.stderr
    assert "target groups" in refused.stderr
    assert world.change_sets() == []


def test_edge_stands_in_us_east_1_wherever_the_environment_is(world: World) -> None:
    """A frontend alone, in Ireland, with CloudFront's alarms: two regions, each with its own packages."""
    world.reset()
    content = json.loads((world.folder / "params/local.json").read_text(encoding="utf-8"))
    content["Parameters"] |= {"Environment": "abroad", "BackendTarget": "NONE", "CloudFrontAlarms": "true"}
    (world.folder / "params/abroad.json").write_text(json.dumps(content), encoding="utf-8")
    assert world.aws.endpoint
    ireland = Aws(endpoint=replace(world.aws.endpoint, region="eu-west-1"))
    roots = parameters.load("abroad", world.folder / "templates", world.folder / "params")
    assert apply.run(verb_run(ireland, roots), apply.Options()) is Exit.DONE
    names = {name: one.stack for name, one in roots.items()}
    assert stacks.read(ireland, names["edge"]) is None and stacks.read(world.aws, names["environment"]) is None
    edge, environment = stacks.read(world.aws, names["edge"]), stacks.read(ireland, names["environment"])
    assert edge and environment
    assert edge.parameters["DistributionId"] == environment.outputs["DistributionId"]
    for aws in (ireland, world.aws):
        bucket = f"cloud-health-dashboard-templates-{server.ACCOUNT}-{aws.region}"
        assert aws.call("s3", "list_objects_v2", Bucket=bucket)["Contents"]
