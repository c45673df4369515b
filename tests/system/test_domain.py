"""An environment with a domain whose hosted zone is in the account, a public load balancer and CloudFront's alarms."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.deployment import environment as parameters
from scripts.deployment import stacks
from scripts.deployment.aws import Aws
from scripts.deployment.errors import Exit
from scripts.deployment.guards import Consent
from scripts.local_aws import server
from scripts.operations.verbs import apply, plan
from tests.support.deployments import LOCAL, SHARED, LocalAccount, account
from tests.support.runs import verb_run

__all__ = ["account"]  # a fixture

DOMAIN, EDGE = "dashboard.cloud-health.test", f"{LOCAL}-edge"


@pytest.fixture(scope="module")
def created(account: LocalAccount) -> subprocess.CompletedProcess[str]:
    account.reset()
    zone = account.aws.call("route53", "create_hosted_zone", Name="cloud-health.test", CallerReference="x")[
        "HostedZone"
    ]
    account.parameters(
        DomainName=DOMAIN,
        HostedZoneId=zone["Id"].rpartition("/")[2],
        LoadBalancerScheme="PUBLIC",
        CloudFrontAlarms="true",
        NotificationEmail="operator@cloud-health.test",
    )
    return account.deploy("apply")


def stack(account: LocalAccount, name: str) -> dict[str, Any]:
    [described] = account.aws.call("cloudformation", "describe_stacks", StackName=name)["Stacks"]
    assert isinstance(described, dict)
    return described


def test_a_domain_of_ones_own(account: LocalAccount, created: subprocess.CompletedProcess[str]) -> None:
    """Edge first, then the environment with its certificate, then edge again with the distribution's id."""
    assert created.returncode == 0, created.stdout + created.stderr
    steps = [line.partition(": ")[::2] for line in created.stdout.splitlines() if line.startswith("cloud-health")]
    planned = [(name, what.split()[0].strip(",")) for name, what in steps if what.startswith(("create", "update"))]
    assert planned == [(SHARED, "create"), (EDGE, "create"), (LOCAL, "create"), (EDGE, "update")]
    assert account.output("PublicUrl") == f"https://{DOMAIN}"
    [certificate] = [output["OutputValue"] for output in stack(account, EDGE)["Outputs"]]
    distribution = account.aws.call("cloudfront", "get_distribution", Id=account.output("DistributionId"))[
        "Distribution"
    ]
    assert distribution["DistributionConfig"]["ViewerCertificate"]["ACMCertificateArn"] == certificate
    zone = {"HostedZoneId": account.aws.call("route53", "list_hosted_zones")["HostedZones"][0]["Id"]}
    records = account.aws.call("route53", "list_resource_record_sets", **zone)["ResourceRecordSets"]
    leading = {record["Type"]: record["AliasTarget"]["DNSName"] for record in records if record["Name"] == f"{DOMAIN}."}
    assert leading == dict.fromkeys(("A", "AAAA"), distribution["DomainName"])
    alarms = account.aws.call("cloudwatch", "describe_alarms", AlarmNames=[f"{LOCAL}-CloudFrontErrors"])["MetricAlarms"]
    assert {"Name": "DistributionId", "Value": account.output("DistributionId")} in alarms[0]["Dimensions"]


def test_the_secret_reaches_both_ends_and_nobody_else(
    account: LocalAccount, created: subprocess.CompletedProcess[str]
) -> None:
    assert created.returncode == 0
    [balancer] = account.aws.call("elbv2", "describe_load_balancers")["LoadBalancers"]
    assert balancer["Scheme"] == "internet-facing"
    arn = {"LoadBalancerArn": balancer["LoadBalancerArn"]}
    [listener] = account.aws.call("elbv2", "describe_listeners", **arn)["Listeners"]
    assert (listener["Protocol"], len(listener["Certificates"])) == ("HTTPS", 1)
    rules = account.aws.call("elbv2", "describe_rules", ListenerArn=listener["ListenerArn"])["Rules"]
    [header] = [
        condition["HttpHeaderConfig"]
        for rule in rules
        for condition in rule["Conditions"]
        if condition["Field"] == "http-header"
    ]
    config = account.aws.call("cloudfront", "get_distribution_config", Id=account.output("DistributionId"))
    [origin] = [
        origin_entry for origin_entry in config["DistributionConfig"]["Origins"]["Items"] if origin_entry["Id"] == "api"
    ]
    [sent] = origin["CustomHeaders"]["Items"]
    [secret] = header["Values"]
    assert sent == {"HeaderName": header["HttpHeaderName"], "HeaderValue": secret}
    assert len(secret) == 64
    pages = account.aws.pages("cloudformation", "describe_stacks")
    assert secret not in str([described for page in pages for described in page["Stacks"]]) + created.stdout


def test_nothing_has_changed_afterwards(account: LocalAccount, created: subprocess.CompletedProcess[str]) -> None:
    assert created.returncode == 0
    again = account.deploy("apply")
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines()[:3] == [f"{name}: no changes" for name in (SHARED, EDGE, LOCAL)]


def test_a_living_load_balancer_stays_where_it_is(
    account: LocalAccount, created: subprocess.CompletedProcess[str]
) -> None:
    assert created.returncode == 0
    account.parameters(LoadBalancerScheme="INTERNAL")
    refused = account.deploy("apply")
    assert refused.returncode == 3
    assert "LoadBalancerScheme of cloud-health-dashboard-local is PUBLIC and cannot become INTERNAL" in refused.stderr
    assert "target groups" in refused.stderr
    assert account.change_sets() == []


def test_a_certificate_that_is_replaced_makes_two_reviewed_plans(
    account: LocalAccount, created: subprocess.CompletedProcess[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The domain moves to another zone. The environment's change set needs the ARN of the certificate that edge makes:
    the first plan has edge alone and says so, the second one the environment; none is refused half way."""
    assert created.returncode == 0
    zone = account.aws.call("route53", "create_hosted_zone", Name="cloud-health.test", CallerReference="second")
    account.parameters(HostedZoneId=zone["HostedZone"]["Id"].rpartition("/")[2], LoadBalancerScheme="PUBLIC")
    roots = parameters.load("local", account.folder / "templates", account.folder / "params")
    run, file = verb_run(account.aws, roots), tmp_path / "plan.json"
    agreed = Consent(yes=True, allow_replace=("HostedZoneId", "Address.Ipv4", "Address.Ipv6"))
    assert plan.run(run, plan.Options(out=file)) is Exit.CHANGES
    step = f"{LOCAL}: not planned yet, step 2 of 2: it takes the certificate that {EDGE} makes in step 1"
    assert step in capsys.readouterr().out
    assert apply.run(run, apply.Options(plan=file, consent=agreed)) is Exit.DONE
    assert f"this step is done: plan again for {LOCAL}" in capsys.readouterr().out
    assert plan.run(run, plan.Options(out=file)) is Exit.CHANGES
    assert apply.run(run, apply.Options(plan=file, consent=agreed)) is Exit.DONE
    certificate = [output["OutputValue"] for output in stack(account, EDGE)["Outputs"]]
    taken = {each["ParameterKey"]: each["ParameterValue"] for each in stack(account, LOCAL)["Parameters"]}
    assert [taken["EdgeCertificateArn"]] == certificate
    assert plan.run(run, plan.Options()) is Exit.DONE, "nothing is left to do"


def test_edge_goes_after_the_environment_that_took_its_certificate(
    account: LocalAccount, created: subprocess.CompletedProcess[str]
) -> None:
    """ACM keeps a certificate that a distribution answers with, so the order is the environment's first."""
    assert created.returncode == 0
    own = "arn:aws:acm:us-east-1:444455556666:certificate/0b1c2d3e-0000-4000-8000-000000000000"
    account.parameters(CertificateArn=own, CloudFrontAlarms="false")
    changed = account.deploy("apply")
    assert changed.returncode == 0, changed.stdout + changed.stderr
    lines = [line for line in changed.stdout.splitlines() if line.startswith((LOCAL, EDGE))]
    assert [line.partition(": ")[0] for line in lines if "no longer needed" in line] == [EDGE]
    assert lines.index(f"{EDGE}: no longer needed: delete 7 resources, keep 1") > lines.index(
        next(line for line in lines if line.startswith(f"{LOCAL}: update"))
    )
    assert EDGE not in account.stacks()


def test_edge_stands_in_us_east_1_wherever_the_environment_is(account: LocalAccount) -> None:
    """A frontend alone, in Ireland, with CloudFront's alarms: two regions, each with its own packages."""
    account.reset()
    content = json.loads((account.folder / "params/local.json").read_text(encoding="utf-8"))
    content["Parameters"] |= {"Environment": "abroad", "BackendTarget": "NONE", "CloudFrontAlarms": "true"}
    (account.folder / "params/abroad.json").write_text(json.dumps(content), encoding="utf-8")
    assert account.aws.endpoint
    ireland = Aws(endpoint=replace(account.aws.endpoint, region="eu-west-1"))
    roots = parameters.load("abroad", account.folder / "templates", account.folder / "params")
    assert apply.run(verb_run(ireland, roots), apply.Options()) is Exit.DONE
    names = {name: root.stack for name, root in roots.items()}
    assert stacks.read(ireland, names["edge"]) is None and stacks.read(account.aws, names["environment"]) is None
    edge, environment = stacks.read(account.aws, names["edge"]), stacks.read(ireland, names["environment"])
    assert edge and environment
    assert edge.parameters["DistributionId"] == environment.outputs["DistributionId"]
    for aws in (ireland, account.aws):
        bucket = f"cloud-health-dashboard-templates-{server.ACCOUNT}-{aws.region}"
        assert aws.call("s3", "list_objects_v2", Bucket=bucket)["Contents"]


def test_an_edge_that_nobody_needs_any_more_goes_as_it_was_reviewed(
    account: LocalAccount, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = account.folder / "params/abroad.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["Parameters"]["CloudFrontAlarms"] = "false"
    file.write_text(json.dumps(content), encoding="utf-8")
    assert account.aws.endpoint
    ireland = Aws(endpoint=replace(account.aws.endpoint, region="eu-west-1"))
    roots = parameters.load("abroad", account.folder / "templates", account.folder / "params")
    run, edge = verb_run(ireland, roots), roots["edge"].stack
    assert plan.run(run, plan.Options(out=tmp_path / "plan.json")) is Exit.CHANGES
    assert stacks.read(account.aws, edge), "a plan deletes nothing"
    assert apply.run(run, apply.Options(plan=tmp_path / "plan.json")) is Exit.DONE
    lines = capsys.readouterr().out.splitlines()
    assert lines.count(f"{edge}: no longer needed: delete 5 resources, keep 1") == 2
    assert stacks.read(account.aws, edge) is None
