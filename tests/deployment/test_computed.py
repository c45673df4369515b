"""The parameters that the script finds itself."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.deployment import computed
from scripts.deployment import environment as parameters
from scripts.deployment.computed import FOUND, KEPT
from scripts.deployment.environment import Environment
from scripts.deployment.errors import RefusedError
from scripts.deployment.plan import Plan, PlannedChange
from scripts.deployment.stacks import Stack
from tests.conftest import ROOT
from tests.deployment.service import Prepared, arn, refusal

SHARED = Stack("dashboard-shared", arn("stack", "s"), "CREATE_COMPLETE", outputs={"RepositoryName": "dashboard"})
BESIDE = {"shared": SHARED}
LISTS = {"PrefixLists": [{"PrefixListId": "pl-1", "PrefixListName": computed.PREFIX_LIST}]}
NO_RELEASE = refusal("ssm.get_parameter", "ParameterNotFound")
RELEASE = {"Parameter": {"Value": "registry/backend:9"}}
RUNNING = Stack(
    "dashboard-staging",
    arn("stack", "e"),
    "CREATE_COMPLETE",
    outputs={"RunningService": "backend", "LastImageParameter": "/x/image"},
    parameters={"BackendBootstrap": "true", "BackendImage": "none"},
)
RELEASED = replace(RUNNING, parameters={"BackendBootstrap": "false", "BackendImage": "registry/backend:3"})


def pulling(registry: str) -> Stack:
    """Running, with a registry of its own."""
    return replace(RUNNING, outputs={**RUNNING.outputs, "RegistryUri": registry})


@pytest.fixture(scope="module")
def environment() -> Environment:
    return parameters.load("staging", ROOT / "templates", ROOT / "params")["environment"]


def zones(*ids: str) -> dict[str, list[dict[str, str]]]:
    """Availability zones of these ids, whose names are in another order, as they are in most accounts."""
    return {"AvailabilityZones": [{"ZoneId": one, "ZoneName": f"name-of-{one}"} for one in reversed(ids)]}


def aws(**answers: Any) -> Prepared:
    answers.setdefault("ec2__describe_availability_zones", zones("euw1-az1", "euw1-az2", "euw1-az3"))
    return Prepared(ec2__describe_managed_prefix_lists=LISTS, **answers)


def values(found: list[computed.Computed]) -> dict[str, tuple[str, str]]:
    return {one.name: (one.value, one.state) for one in found}


def test_every_parameter_that_the_template_declares_is_found(environment: Environment) -> None:
    found = computed.find(aws(), environment, None, BESIDE)
    assert {one.name for one in found} == set(environment.computed)
    assert len(found) == 9 and all(one.how for one in found)
    assert values(found)["RepositoryName"] == ("dashboard", FOUND)
    assert values(found)["CloudFrontPrefixListId"] == ("pl-1", FOUND)
    assert environment.values({one.name: one.value for one in found})["RepositoryName"] == "dashboard"


def test_zones_are_chosen_by_their_ids(environment: Environment) -> None:
    """Names mean another zone in another account, and some zones lack what an environment needs."""
    found = values(computed.find(aws(), environment, None, BESIDE))
    assert (found["ZoneA"], found["ZoneB"]) == (("name-of-euw1-az1", FOUND), ("name-of-euw1-az2", FOUND))
    # The first of us-east-1's by name may be the one without VPC origins (CloudFront developer guide).
    east = aws(ec2__describe_availability_zones=zones("use1-az1", "use1-az3", "use1-az4"))
    found = values(computed.find(east, environment, None, BESIDE))
    assert [found[name][0] for name in computed.ZONES] == ["name-of-use1-az1", "name-of-use1-az4"]


def test_zones_are_kept_for_the_life_of_an_environment(environment: Environment) -> None:
    """A new zone in the Region must not move the subnets of what runs."""
    before = replace(RUNNING, parameters={**RUNNING.parameters, "ZoneA": "eu-west-1c", "ZoneB": "eu-west-1a"})
    found = values(computed.find(aws(ssm__get_parameter=NO_RELEASE), environment, before, BESIDE))
    assert (found["ZoneA"], found["ZoneB"]) == (("eu-west-1c", KEPT), ("eu-west-1a", KEPT))


def test_a_region_without_two_fit_zones_is_refused(environment: Environment) -> None:
    west = aws(ec2__describe_availability_zones=zones("usw1-az1", "usw1-az2"))
    with pytest.raises(RefusedError, match="1 availability zones with all that an environment needs"):
        computed.find(west, environment, None, BESIDE)


def test_zones_offer_the_instances_that_elastic_beanstalk_starts() -> None:
    offers = {"InstanceTypeOfferings": [{"Location": f"name-of-euw1-az{number}"} for number in (2, 3)]}
    found = computed.fit_zones(aws(ec2__describe_instance_type_offerings=offers), "t3.small")
    assert [zone_id for zone_id, _ in found] == ["euw1-az2", "euw1-az3"]


def test_one_that_the_script_does_not_know_is_refused(tmp_path: Path) -> None:
    """So that a new computed parameter cannot be deployed with the text that stands for its first value."""
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    file = tmp_path / "templates/environment.json"
    body = json.loads(file.read_text(encoding="utf-8"))
    body["Parameters"]["Moon"] = {"Type": "String"}
    body["Metadata"]["Computed"]["Moon"] = {"Found": "by looking up", "First": "the same"}
    file.write_text(json.dumps(body), encoding="utf-8")
    wanted = parameters.load("staging", tmp_path / "templates", ROOT / "params")["environment"]
    with pytest.raises(RefusedError, match="does not know how to find Moon"):
        computed.find(aws(), wanted, None, BESIDE)


@pytest.mark.parametrize(
    ("previous", "release", "bootstrap", "image"),
    [
        (None, None, ("true", FOUND), ("none", FOUND)),
        (replace(RUNNING, outputs={}), None, ("true", FOUND), ("none", FOUND)),
        (RUNNING, NO_RELEASE, ("true", KEPT), ("none", KEPT)),
        (RUNNING, RELEASE, ("false", FOUND), ("registry/backend:9", FOUND)),
        (RELEASED, None, ("false", KEPT), ("registry/backend:3", KEPT)),
        (pulling("registry/backend"), RELEASE, ("false", FOUND), ("registry/backend:9", FOUND)),
        # Recorded before the backend was on Elastic Beanstalk, or by an environment that was destroyed.
        (pulling("another/backend"), RELEASE, ("true", KEPT), ("none", KEPT)),
    ],
)
def test_bootstrap_and_image(
    environment: Environment, previous: Stack | None, release: Any, bootstrap: Any, image: Any
) -> None:
    service = aws(ssm__get_parameter=release) if release else aws()
    found = values(computed.find(service, environment, previous, BESIDE))
    assert (found["BackendBootstrap"], found["BackendImage"]) == (bootstrap, image)


def beanstalk(folder: Path, **changed: str) -> Environment:
    shutil.copytree(ROOT / "params", folder, dirs_exist_ok=True)
    content = json.loads((ROOT / "params/staging.json").read_text(encoding="utf-8"))
    content["Parameters"] |= {"BackendTarget": "BEANSTALK", **changed}
    (folder / "staging.json").write_text(json.dumps(content), encoding="utf-8")
    return parameters.load("staging", ROOT / "templates", folder)["environment"]


def test_the_newest_platform_is_found_by_its_number(environment: Environment, tmp_path: Path) -> None:
    assert values(computed.find(aws(), environment, None, BESIDE))["PlatformArn"] == ("none", FOUND)
    versions = [{"PlatformVersion": one, "PlatformArn": f"arn:{one}"} for one in ("4.9.0", "4.12.1", "4.12.0")]
    offers = {"InstanceTypeOfferings": [{"Location": f"name-of-euw1-az{number}"} for number in (1, 2)]}
    service = aws(
        elasticbeanstalk__list_platform_versions={"PlatformSummaryList": versions},
        ec2__describe_instance_type_offerings=offers,
    )
    found = values(computed.find(service, beanstalk(tmp_path, PythonVersion="3.12"), None, BESIDE))
    assert found["PlatformArn"] == ("arn:4.12.1", FOUND)
    assert found["BackendBootstrap"] == ("true", FOUND)
    none = aws(
        elasticbeanstalk__list_platform_versions={"PlatformSummaryList": []},
        ec2__describe_instance_type_offerings=offers,
    )
    with pytest.raises(RefusedError, match=r"no platform Python 3\.12 running on 64bit Amazon Linux 2023"):
        computed.find(none, beanstalk(tmp_path, PythonVersion="3.12"), None, BESIDE)


def changes(*path: str) -> Plan:
    inner = PlannedChange(path, "AWS::ECS::TaskDefinition", "Add")
    outer = PlannedChange(path[:1], "AWS::CloudFormation::Stack", "Modify", children=(inner,), nested=True)
    return Plan("s", "id", "UPDATE", "cs", "n", "d", (outer,))


def test_a_changed_backend_gets_the_image_that_runs(environment: Environment) -> None:
    """Infrastructure never rolls the application back; without a change of the backend nothing moves."""
    found = computed.find(aws(), environment, RELEASED, BESIDE)
    service = aws(ssm__get_parameter=RELEASE)
    renewed = computed.renew(service, environment, RELEASED, found, changes("Backend", "Task"))
    assert values(renewed) == {**values(found), "BackendImage": ("registry/backend:9", FOUND)}
    assert computed.renew(service, environment, RELEASED, renewed, changes("Backend", "Task")) == renewed
    assert computed.renew(service, environment, RELEASED, found, changes("Storage", "Artifacts")) == found
    assert computed.renew(service, environment, None, found, changes("Backend", "Task")) == found


def digest(folder: Path, **changed: str) -> str:
    shutil.copytree(ROOT / "params", folder, dirs_exist_ok=True)
    content = json.loads((ROOT / "params/staging.json").read_text(encoding="utf-8"))
    content["Parameters"] |= changed
    (folder / "staging.json").write_text(json.dumps(content), encoding="utf-8")
    wanted = parameters.load("staging", ROOT / "templates", folder)["environment"]
    return values(computed.find(aws(), wanted, None, BESIDE))["ConfigurationDigest"][0]


def test_the_digest_covers_what_reaches_the_tasks(tmp_path: Path) -> None:
    plain = digest(tmp_path)
    assert re.fullmatch("[0-9a-f]{16}", plain)
    assert digest(tmp_path) == plain == digest(tmp_path, TaskCpu="1024", TaskMemory="2048")
    assert digest(tmp_path, LogLevel="DEBUG") != plain
    assert digest(tmp_path, MetricsTable="Other") != plain


def with_domain(folder: Path, **more: str) -> dict[str, Environment]:
    content = json.loads((ROOT / "params" / "staging.json").read_text(encoding="utf-8"))
    content["Parameters"] |= {"DomainName": "a.cloud-health.test", "HostedZoneId": "Z1", **more}
    shutil.copy(ROOT / "params" / "shared.json", folder)
    (folder / "staging.json").write_text(json.dumps(content), encoding="utf-8")
    return parameters.load("staging", ROOT / "templates", folder)


def test_the_certificate_of_the_root_edge(tmp_path: Path) -> None:
    roots = with_domain(tmp_path)
    made = Stack("dashboard-staging-edge", arn("stack", "x"), "CREATE_COMPLETE", outputs={"EdgeCertificateArn": "arn"})
    found = values(computed.find(aws(), roots["environment"], None, {**BESIDE, "edge": made}))
    assert found["EdgeCertificateArn"] == ("arn", FOUND)
    with pytest.raises(RefusedError, match=r"certificate of a\.cloud-health\.test does not exist"):
        computed.find(aws(), roots["environment"], None, BESIDE)
    assert roots["edge"].needed


def test_the_root_edge_waits_for_the_distribution(tmp_path: Path) -> None:
    there = replace(RUNNING, outputs={"DistributionId": "E1"})
    watching = with_domain(tmp_path, CloudFrontAlarms="true")["edge"]
    assert watching.region == "us-east-1"
    for beside, wanted in ((there, "E1"), (None, "")):
        [found] = computed.find(aws(), watching, None, {"environment": beside})
        assert (found.name, found.value) == ("DistributionId", wanted)
    assert computed.distribution(with_domain(tmp_path)["edge"], there).value == ""


def test_without_domain_and_alarms_no_root_edge_is_made() -> None:
    assert not parameters.load("staging", ROOT / "templates", ROOT / "params")["edge"].needed


def test_what_is_missing_is_refused(environment: Environment) -> None:
    with pytest.raises(RefusedError, match="shared stack"):
        computed.find(aws(), environment, None, {})
    with pytest.raises(RefusedError, match="prefix list"):
        computed.find(Prepared(ec2__describe_managed_prefix_lists={"PrefixLists": []}), environment, None, BESIDE)


def test_names_come_from_the_templates(environment: Environment) -> None:
    assert environment.stack == "cloud-health-dashboard-staging"
    assert (
        parameters.load("shared", ROOT / "templates", ROOT / "params")["shared"].stack
        == "cloud-health-dashboard-shared"
    )
    assert dict(environment.tags) == json.loads((ROOT / "params/staging.json").read_text())["Tags"]
