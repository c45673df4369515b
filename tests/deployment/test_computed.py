"""The parameters that the script finds itself."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from generator.cfn.environments import Environment, EnvironmentRefusedError
from generator.cfn.losses import TemplatePair
from generator.cfn.packaging import Bucket, PackagedSet
from generator.cfn.stacks import Stack
from generator.cfn.template_names import ZONES
from generator.cfn.templates import TemplateSet, from_bodies
from scripts.deployment import environment as parameters
from scripts.deployment.aws import Aws
from scripts.deployment.compare import Comparison
from scripts.deployment.deploy_root import Context, RootDeployment, package_roots
from scripts.deployment.environment import COMPUTED, KEPT, PREFIX_LIST, Computation, Computed
from scripts.deployment.errors import RefusedError
from scripts.deployment.package import GateVerdict
from scripts.operations import image_first, optional_parts
from tests.conftest import ROOT
from tests.support.computed import aws, values, zones
from tests.support.service import ME, REGION, Prepared, arn, refusal

SHARED = Stack("dashboard-shared", arn("stack", "s"), "CREATE_COMPLETE", outputs={"RepositoryName": "dashboard"})
BESIDE = {"shared": SHARED}
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


def computed_by_delivery(
    service: Aws, environment: Environment, beside: Mapping[str, Stack | None], previous: Stack | None = None
) -> list[Computed]:
    """The computed parameters with those of optional parts."""
    context = Context(service, {"environment": environment}, GateVerdict({}))
    bucket = Bucket.of("dashboard", ME.account, REGION)
    root = RootDeployment(context, environment, service, bucket, PackagedSet(()), beside, previous)
    return root.computation.values([*optional_parts.values(root)])


def test_every_parameter_that_the_template_declares_is_found(environment: Environment) -> None:
    computed = Computation(aws(), environment, None, BESIDE).values()
    assert {parameter.name for parameter in computed} == set(environment.computed)
    assert len(computed) == 11 and all(parameter.how for parameter in computed)
    assert values(computed)["RepositoryName"] == ("dashboard", COMPUTED)
    assert values(computed)["CloudFrontPrefixListId"] == ("pl-1", COMPUTED)
    assert values(computed) == values(computed_by_delivery(aws(), environment, BESIDE))
    assert (
        environment.values({parameter.name: parameter.value for parameter in computed})["RepositoryName"] == "dashboard"
    )


def test_how_each_value_came_about_is_said(environment: Environment) -> None:
    """A value that is known already stays as it is."""
    access = Stack("dashboard-staging-access", "id", "CREATE_COMPLETE", outputs={"RoleBoundaryArn": "arn:boundary"})
    known = Computed("PlatformArn", "arn:platform", COMPUTED, "the newest one")
    computed = Computation(aws(), environment, None, {**BESIDE, "access": access}).values([known])
    by_name = {each.name: (each.value, each.state, each.how) for each in computed}
    value, *_ = by_name.pop("ConfigurationDigest")
    assert by_name == {
        "PlatformArn": ("arn:platform", COMPUTED, "the newest one"),
        "RepositoryName": ("dashboard", COMPUTED, "output of dashboard-shared"),
        "CloudFrontPrefixListId": ("pl-1", COMPUTED, f"prefix list {PREFIX_LIST}"),
        "ZoneA": ("name-of-euw1-az1", COMPUTED, "euw1-az1"),
        "ZoneB": ("name-of-euw1-az2", COMPUTED, "euw1-az2"),
        "RoleBoundaryArn": ("arn:boundary", COMPUTED, "output of dashboard-staging-access"),
        "BackendBootstrap": ("true", COMPUTED, "there is no service yet"),
        "BackendImage": ("none", COMPUTED, "there is no release yet"),
        "SigningProfileArn": ("", COMPUTED, "no part takes it"),
        "EdgeCertificateArn": ("", COMPUTED, "no part takes it"),
    }
    without = Computation(aws(), environment, None, BESIDE).values()
    [boundary] = [each for each in without if each.name == "RoleBoundaryArn"]
    assert (boundary.value, boundary.how) == ("", "no access stack exists") and len(value) == 16


def test_what_is_asked_of_ec2_about_a_region(environment: Environment) -> None:
    """Zones that anybody may use, neither local ones nor those that are out of order."""
    service = aws()
    Computation(service, environment, None, BESIDE).values()
    assert dict(service.asked) == {
        "ec2.describe_managed_prefix_lists": {"Filters": [{"Name": "prefix-list-name", "Values": [PREFIX_LIST]}]},
        "ec2.describe_availability_zones": {
            "Filters": [
                {"Name": "zone-type", "Values": ["availability-zone"]},
                {"Name": "state", "Values": ["available"]},
            ]
        },
    }


@pytest.mark.parametrize(
    ("answers", "others", "reason", "remedy"),
    [
        (
            {"ec2__describe_availability_zones": {"AvailabilityZones": []}},
            BESIDE,
            "eu-west-1 has 0 availability zones with all that an environment needs, and it takes two.",
            "Deploy to another Region, or choose another InstanceType.",
        ),
        (
            {"ec2__describe_managed_prefix_lists": {"PrefixLists": []}},
            BESIDE,
            f"eu-west-1 has no prefix list {PREFIX_LIST}.",
            "Deploy to another Region.",
        ),
        ({}, {}, "The shared stack, which holds the repository, does not exist.", "Run `apply shared` first."),
    ],
)
def test_a_value_that_cannot_be_computed_is_refused_with_what_to_do(
    environment: Environment, answers: Any, others: Any, reason: str, remedy: str
) -> None:
    service = aws()
    service.answers |= {name.replace("__", "."): answer for name, answer in answers.items()}
    with pytest.raises(RefusedError) as raised:
        Computation(service, environment, None, others).values()
    assert (raised.value.reason, raised.value.remedy) == (reason, remedy)


def test_zones_are_chosen_by_their_ids(environment: Environment) -> None:
    """Names mean another zone in another account, and some zones lack what an environment needs."""
    computed = values(Computation(aws(), environment, None, BESIDE).values())
    assert (computed["ZoneA"], computed["ZoneB"]) == (("name-of-euw1-az1", COMPUTED), ("name-of-euw1-az2", COMPUTED))
    # The first of us-east-1's by name may be the one without VPC origins (CloudFront developer guide).
    east = aws(ec2__describe_availability_zones=zones("use1-az1", "use1-az3", "use1-az4"))
    computed = values(Computation(east, environment, None, BESIDE).values())
    assert [computed[name][0] for name in ZONES] == ["name-of-use1-az1", "name-of-use1-az4"]


def test_zones_are_kept_for_the_life_of_an_environment(environment: Environment) -> None:
    """A new zone in the Region must not move the subnets of what runs."""
    before = replace(RUNNING, parameters={**RUNNING.parameters, "ZoneA": "eu-west-1c", "ZoneB": "eu-west-1a"})
    computed = values(Computation(aws(ssm__get_parameter=NO_RELEASE), environment, before, BESIDE).values())
    assert (computed["ZoneA"], computed["ZoneB"]) == (("eu-west-1c", KEPT), ("eu-west-1a", KEPT))


def test_a_region_without_two_fit_zones_is_refused(environment: Environment) -> None:
    west = aws(ec2__describe_availability_zones=zones("usw1-az1", "usw1-az2"))
    with pytest.raises(RefusedError, match="1 availability zones with all that an environment needs"):
        Computation(west, environment, None, BESIDE).values()


def test_zones_offer_the_instances_that_elastic_beanstalk_starts(environment: Environment) -> None:
    offers = {"InstanceTypeOfferings": [{"Location": f"name-of-euw1-az{number}"} for number in (2, 3)]}
    service = aws(ec2__describe_instance_type_offerings=offers)
    offering = optional_parts.zones_with(service, "t3.small")
    filters = [{"Name": "instance-type", "Values": ["t3.small"]}]
    assert service.asked[-1][1] == {"LocationType": "availability-zone", "Filters": filters}
    zones = Computation(service, environment).zones(offering)
    assert [each.how for each in zones] == ["euw1-az2", "euw1-az3"]


def test_one_that_the_script_does_not_know_is_refused(tmp_path: Path) -> None:
    """So that a new computed parameter cannot be deployed with the text that stands for its first value."""
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    file = tmp_path / "templates/environment.json"
    body = json.loads(file.read_text(encoding="utf-8"))
    body["Parameters"]["Moon"] = {"Type": "String"}
    body["Metadata"]["Computed"]["Moon"] = {"Found": "by looking up", "First": "the same"}
    file.write_text(json.dumps(body), encoding="utf-8")
    copied = parameters.load("staging", tmp_path / "templates", ROOT / "params")["environment"]
    with pytest.raises(EnvironmentRefusedError, match="does not know how to compute Moon"):
        Computation(aws(), copied, None, BESIDE).values()


@pytest.mark.parametrize(
    ("previous", "release", "bootstrap", "image"),
    [
        (None, None, ("true", COMPUTED), ("none", COMPUTED)),
        (replace(RUNNING, outputs={}), None, ("true", COMPUTED), ("none", COMPUTED)),
        (RUNNING, NO_RELEASE, ("true", KEPT), ("none", KEPT)),
        (RUNNING, RELEASE, ("false", COMPUTED), ("registry/backend:9", COMPUTED)),
        (RELEASED, None, ("false", KEPT), ("registry/backend:3", KEPT)),
        (pulling("registry/backend"), RELEASE, ("false", COMPUTED), ("registry/backend:9", COMPUTED)),
        # Recorded before the backend was on Elastic Beanstalk, or by an environment that was destroyed.
        (pulling("another/backend"), RELEASE, ("true", KEPT), ("none", KEPT)),
    ],
)
def test_bootstrap_and_image(
    environment: Environment, previous: Stack | None, release: Any, bootstrap: Any, image: Any
) -> None:
    service = aws(ssm__get_parameter=release) if release else aws()
    computed = values(Computation(service, environment, previous, BESIDE).values())
    assert (computed["BackendBootstrap"], computed["BackendImage"]) == (bootstrap, image)


def beanstalk(folder: Path, **changed: str) -> Environment:
    shutil.copytree(ROOT / "params", folder, dirs_exist_ok=True)
    content = json.loads((ROOT / "params/staging.json").read_text(encoding="utf-8"))
    content["Parameters"] |= {"BackendTarget": "BEANSTALK", **changed}
    (folder / "staging.json").write_text(json.dumps(content), encoding="utf-8")
    return parameters.load("staging", ROOT / "templates", folder)["environment"]


def test_the_newest_platform_is_found_by_its_number(environment: Environment, tmp_path: Path) -> None:
    assert values(computed_by_delivery(aws(), environment, BESIDE))["PlatformArn"] == ("none", COMPUTED)
    versions = [
        {"PlatformVersion": version, "PlatformArn": f"arn:{version}"} for version in ("4.9.0", "4.12.1", "4.12.0")
    ]
    offers = {"InstanceTypeOfferings": [{"Location": f"name-of-euw1-az{number}"} for number in (1, 2)]}
    service = aws(
        elasticbeanstalk__list_platform_versions={"PlatformSummaryList": versions},
        ec2__describe_instance_type_offerings=offers,
    )
    computed = values(computed_by_delivery(service, beanstalk(tmp_path, PythonVersion="3.12"), BESIDE))
    assert computed["PlatformArn"] == ("arn:4.12.1", COMPUTED)
    branch = "Python 3.12 running on 64bit Amazon Linux 2023"
    filters = [
        {"Type": "PlatformBranchName", "Operator": "=", "Values": [branch]},
        {"Type": "PlatformStatus", "Operator": "=", "Values": ["Ready"]},
    ]
    assert dict(service.asked)["elasticbeanstalk.list_platform_versions"] == {"Filters": filters}
    assert computed["BackendBootstrap"] == ("true", COMPUTED)
    none = aws(
        elasticbeanstalk__list_platform_versions={"PlatformSummaryList": []},
        ec2__describe_instance_type_offerings=offers,
    )
    with pytest.raises(RefusedError) as refused:
        computed_by_delivery(none, beanstalk(tmp_path, PythonVersion="3.12"), BESIDE)
    assert "no platform Python 3.12 running on 64bit Amazon Linux 2023" in refused.value.reason
    assert refused.value.remedy == "Choose another PythonVersion."


def compared(*changed: str) -> Comparison:
    """A comparison in which one resource of each of these nested stacks differs."""

    def templates(value: str) -> TemplateSet:
        resource = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": value}}
        return from_bodies({name: {"Resources": {"Topic": resource}} for name in ("environment", *changed)})

    pair = TemplatePair("environment", templates("before"), templates("after"))
    return Comparison(templates_differ=True, pair=pair)


def test_a_changed_backend_gets_the_image_that_runs(environment: Environment) -> None:
    """Infrastructure never rolls the application back; without a change of the backend nothing moves."""

    def revised(computed: Sequence[Computed], previous: Stack | None, comparison: Comparison) -> list[Computed]:
        service = aws(ssm__get_parameter=RELEASE)
        context = Context(service, {"environment": environment}, GateVerdict({}))
        bucket = Bucket.of("dashboard", ME.account, REGION)
        root = RootDeployment(context, environment, service, bucket, PackagedSet(()), BESIDE, previous, tuple(computed))
        return list(image_first.revise(root, comparison))

    computed = Computation(aws(), environment, RELEASED, BESIDE).values()
    renewed = revised(computed, RELEASED, compared("Backend"))
    assert values(renewed) == {**values(computed), "BackendImage": ("registry/backend:9", COMPUTED)}
    assert revised(renewed, RELEASED, compared("Backend")) == renewed
    assert revised(computed, RELEASED, compared("Storage")) == computed
    assert revised(computed, None, compared("Backend")) == computed


def digest(folder: Path, **changed: str) -> str:
    shutil.copytree(ROOT / "params", folder, dirs_exist_ok=True)
    content = json.loads((ROOT / "params/staging.json").read_text(encoding="utf-8"))
    content["Parameters"] |= changed
    (folder / "staging.json").write_text(json.dumps(content), encoding="utf-8")
    chosen = parameters.load("staging", ROOT / "templates", folder)["environment"]
    return values(Computation(aws(), chosen, None, BESIDE).values())["ConfigurationDigest"][0]


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
    edge = Stack("dashboard-staging-edge", arn("stack", "x"), "CREATE_COMPLETE", outputs={"EdgeCertificateArn": "arn"})
    computed = values(computed_by_delivery(aws(), roots["environment"], {**BESIDE, "edge": edge}))
    assert computed["EdgeCertificateArn"] == ("arn", COMPUTED)
    with pytest.raises(RefusedError, match=r"certificate of a\.cloud-health\.test does not exist"):
        computed_by_delivery(aws(), roots["environment"], BESIDE)
    assert roots["edge"].needed


def test_the_profile_that_images_are_signed_with(tmp_path: Path, environment: Environment) -> None:
    """An output of `shared`, which a source behind a connection deploys nothing of and has all the same."""
    signing = replace(SHARED, outputs={**SHARED.outputs, "SigningProfileArn": "arn"})
    for computed in (
        Computation(aws(), environment, None, {**BESIDE, "shared": signing}).values(),
        computed_by_delivery(aws(), environment, {**BESIDE, "shared": signing}),
    ):
        assert values(computed)["SigningProfileArn"] == ("arn", COMPUTED)
    assert values(computed_by_delivery(aws(), environment, BESIDE))["SigningProfileArn"] == ("", COMPUTED)
    content = json.loads((ROOT / "params" / "staging.json").read_text(encoding="utf-8"))
    connection = "arn:aws:codeconnections:us-east-1:111122223333:connection/0000000a-0000-4000-8000-00000000000a"
    content["Parameters"] |= {"SourceProvider": "CONNECTION", "SourceRepository": "a/b", "ConnectionArn": connection}
    shutil.copy(ROOT / "params" / "shared.json", tmp_path)
    (tmp_path / "staging.json").write_text(json.dumps(content), encoding="utf-8")
    roots = parameters.load("staging", ROOT / "templates", tmp_path)
    outputs = [{"OutputKey": "SigningProfileArn", "OutputValue": "arn"}]
    stack = {"StackName": "x", "StackId": arn("stack", "x"), "StackStatus": "CREATE_COMPLETE", "Outputs": outputs}
    there = {"Stacks": [{**stack, "CreationTime": datetime(2026, 11, 29, tzinfo=UTC)}]}
    service = aws(cloudformation__describe_stacks=there)
    root = RootDeployment(
        Context(service, roots, GateVerdict({})),
        roots["environment"],
        service,
        Bucket.of("dashboard", ME.account, REGION),
        PackagedSet(()),
    )
    assert optional_parts.signing_profile(root).value == "arn"


def test_the_root_edge_waits_for_the_distribution(tmp_path: Path) -> None:
    there = replace(RUNNING, outputs={"DistributionId": "E1"})
    watching = with_domain(tmp_path, CloudFrontAlarms="true")
    assert watching["edge"].region == "us-east-1"
    for stack, expected in ((there, "E1"), (None, "")):
        assert distribution(watching, stack).value == expected
    assert distribution(with_domain(tmp_path), there).value == ""


def distribution(roots: dict[str, Environment], stack: Stack | None) -> Computed:
    """The distribution that the root `edge` is given, when the environment stands like this."""
    missing = refusal("cloudformation.describe_stacks", "ValidationError", "Stack does not exist")
    service = aws(cloudformation__describe_stacks=missing)
    context = Context(service, roots, GateVerdict({}))
    bucket = Bucket.of("dashboard", ME.account, REGION)
    root = RootDeployment(context, roots["edge"], service, bucket, PackagedSet(()), {"environment": stack})
    [computed] = root.computation.values([*optional_parts.values(root)])
    assert computed.name == "DistributionId"
    return computed


def test_the_core_refuses_what_it_does_not_compute(tmp_path: Path) -> None:
    for roots in (with_domain(tmp_path, CloudFrontAlarms="true"), {"environment": beanstalk(tmp_path / "beanstalk")}):
        context = Context(aws(), roots, GateVerdict({}))
        with pytest.raises(RefusedError, match="backend on Elastic Beanstalk") as refused:
            package_roots(context)
        assert "`delivery apply staging` deploys it" in refused.value.remedy


def test_without_domain_and_alarms_no_root_edge_is_made() -> None:
    assert not parameters.load("staging", ROOT / "templates", ROOT / "params")["edge"].needed


def test_what_is_missing_is_refused(environment: Environment) -> None:
    with pytest.raises(RefusedError, match="shared stack"):
        Computation(aws(), environment, None, {}).values()
    with pytest.raises(RefusedError, match="prefix list"):
        Computation(
            Prepared(ec2__describe_managed_prefix_lists={"PrefixLists": []}), environment, None, BESIDE
        ).values()


def test_names_come_from_the_templates(environment: Environment) -> None:
    assert environment.stack == "cloud-health-dashboard-staging"
    assert (
        parameters.load("shared", ROOT / "templates", ROOT / "params")["shared"].stack
        == "cloud-health-dashboard-shared"
    )
    assert dict(environment.tags) == json.loads((ROOT / "params/staging.json").read_text())["Tags"]
