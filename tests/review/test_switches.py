"""No protection is missing from what a review takes for one: the schemas of cfn-lint contradict it.

Every Boolean and every choice (an enumeration) that our templates set is turned, each value into each other: either the
review tells that a protection is weaker or something at risk, or the property stands in `HARMLESS` with the reason why
its turning weakens nothing. The same for what stands in lists by name: options of Elastic Beanstalk and attributes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import reduce
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from generator.cfn import schemas
from generator.cfn.places import Place, walk
from generator.cfn.templates import Resource, TemplateSet, from_bodies, load
from scripts.review import loss, weaker
from scripts.review.model import CHANGED, ResourceChange, ValueChange
from scripts.review.weaker import SWITCHES, TYPED, weakened
from tests.conftest import ROOT

# By the reason: type and place of each property, without `AWS::` and positions of lists; `*` is the middle of a place.
HARMLESS: Mapping[str, str] = {
    "what is counted and scaled: a wrong value scales something else or nothing": """
        ApplicationAutoScaling::ScalableTarget ScalableDimension
        ApplicationAutoScaling::ScalableTarget ServiceNamespace
        ApplicationAutoScaling::ScalingPolicy PolicyType
        ApplicationAutoScaling::ScalingPolicy *.PredefinedMetricType
    """,
    "how fast or how cheaply something is served": """
        CloudFront::Distribution DistributionConfig.CacheBehaviors.Compress
        CloudFront::Distribution DistributionConfig.DefaultCacheBehavior.Compress
        CloudFront::Distribution DistributionConfig.HttpVersion
        CloudFront::Distribution DistributionConfig.IPV6Enabled
        CloudFront::Distribution DistributionConfig.PriceClass
        CloudFront::Distribution DistributionConfig.ViewerCertificate.SslSupportMethod
        DynamoDB::Table BillingMode
        S3::Bucket AccelerateConfiguration.AccelerationStatus
        S3::Bucket BucketEncryption.ServerSideEncryptionConfiguration.BucketKeyEnabled
    """,
    "where it is off nothing is served, and nothing is opened": """
        CloudFront::Distribution DistributionConfig.Enabled
        EC2::VPC EnableDnsHostnames
        EC2::VPC EnableDnsSupport
        Route53::RecordSet AliasTarget.EvaluateTargetHealth
    """,
    "goes with MinimumProtocolVersion, which is told": """
        CloudFront::Distribution DistributionConfig.ViewerCertificate.CloudFrontDefaultCertificate
    """,
    "which of two headers counts: whether it is the laxer one, only the values of both say": """
        CloudFront::ResponseHeadersPolicy *.SecurityHeadersConfig.*.Override
    """,
    "how a program or an image is made and run, which is told as other code": """
        CloudFront::Function AutoPublish
        CloudFront::Function FunctionConfig.Runtime
        ECS::TaskDefinition ContainerDefinitions.Essential
        ECS::TaskDefinition ContainerDefinitions.LinuxParameters.InitProcessEnabled
        ECS::TaskDefinition RuntimePlatform.CpuArchitecture
        ECS::TaskDefinition RuntimePlatform.OperatingSystemFamily
        CodeBuild::Project Environment.EnvironmentVariables.MAKES_IMAGE
        StepFunctions::StateMachine StateMachineType
    """,
    "reports of builds, which nothing is decided by": """
        CodeBuild::ReportGroup DeleteReports
        CodeBuild::ReportGroup ExportConfig.ExportConfigType
        CodeBuild::ReportGroup Type
    """,
    "in which order releases run, and how they are tried again: each passes the same actions": """
        CodePipeline::Pipeline ExecutionMode
        CodePipeline::Pipeline PipelineType
        CodePipeline::Pipeline RestartExecutionOnUpdate
        CodePipeline::Pipeline Stages.OnFailure.RetryConfiguration.RetryMode
    """,
    "the form of data": """
        DynamoDB::Table AttributeDefinitions.AttributeType
        DynamoDB::Table GlobalSecondaryIndexes.Projection.ProjectionType
        SSM::Parameter Type
    """,
    "what is told by the resource that is replaced, removed or asked for": """
        CloudFront::OriginAccessControl OriginAccessControlConfig.OriginAccessControlOriginType
        CloudFront::OriginAccessControl OriginAccessControlConfig.SigningProtocol
        EC2::FlowLog ResourceType
        EC2::VPCEndpoint VpcEndpointType
        ElasticLoadBalancingV2::LoadBalancer Type
        ElasticLoadBalancingV2::TargetGroup TargetType
        Signer::SigningProfile PlatformId
    """,
    "how tasks and instances are placed, named and replaced; what stops a release has switches of its own": """
        ECS::Service AvailabilityZoneRebalancing
        ECS::Service DeploymentConfiguration.Strategy
        ECS::Service EnableECSManagedTags
        ECS::Service ForceNewDeployment.EnableForceNewDeployment
        ECS::Service LaunchType
        ECS::Service PropagateTags
        ECS::TaskDefinition RequiresCompatibilities
        ElasticBeanstalk::Environment *:rollingupdate=RollingUpdateEnabled
        ElasticBeanstalk::Environment *:environment=LoadBalancerIsShared
        ElasticBeanstalk::Environment *:platformupdate=InstanceRefreshEnabled
    """,
    "which packets reach a container, the rules of security groups say": """
        ECS::TaskDefinition ContainerDefinitions.PortMappings.Protocol
    """,
    "old versions of an application, which the pipeline's artifacts make again": """
        ElasticBeanstalk::Application ResourceLifecycleConfig.VersionLifecycleConfig.MaxCountRule.DeleteSourceFromS3
        ElasticBeanstalk::Application ResourceLifecycleConfig.VersionLifecycleConfig.MaxCountRule.Enabled
    """,
    "which of a browser's requests from elsewhere are answered: the bucket's policy says who may read": """
        S3::Bucket CorsConfiguration.CorsRules.AllowedMethods
    """,
    "for how long something is kept, the days of the same rule say": """
        S3::Bucket LifecycleConfiguration.Rules.Status
    """,
    "the alphabet of a generated value: its length is what makes it strong": """
        SecretsManager::Secret GenerateSecretString.ExcludePunctuation
        SecretsManager::Secret GenerateSecretString.IncludeSpace
    """,
}
PROTECTIONS = Path(__file__).parent / "whole/protections.txt"
ALTERNATIVES = re.compile(r"\^\(([\w|-]+)\)\$")  # a pattern that is an enumeration
NAMING = frozenset({"Key", "Name", "Namespace", "OptionName", "ResourceName"})
PLAIN = ("true", "false", "enabled", "disabled")  # texts that are a Boolean


class Property(NamedTuple):
    """A property that has a few values: 0 in `place` is any position of a list, `entry` what names an entry of one."""

    type: str
    place: Place
    values: tuple[Any, ...]
    entry: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        name = "=".join(value for _, value in self.entry)
        steps = (step for step in self.place if isinstance(step, str))
        return f"{self.type.removeprefix('AWS::')} {'.'.join(filter(None, (*steps, name)))}"

    def resource(self, value: Any) -> dict[str, Resource]:
        """A resource with this value alone; None is without the property."""
        inner = {**dict(self.entry), "Value": value} if self.entry else value
        for number in reversed(range(len(self.place))):
            step, last = self.place[number], number == len(self.place) - 1
            if value is None and last:
                inner = [] if isinstance(step, int) else {}
            else:
                inner = [inner] if isinstance(step, int) else {step: inner}
        bodies = {"a": {"Resources": {"It": {"Type": self.type, "Properties": inner}}}}
        return {"It": from_bodies(bodies)["a"].resources["It"]}

    def weakens(self, before: Any, after: Any) -> bool:
        """Whether the review tells that this change of the value weakens or endangers something."""
        change = ResourceChange("It", self.type, CHANGED, "", (ValueChange("x", "a", "b"),))
        pair = self.resource(before), self.resource(after)
        return any((*weakened(*pair), *loss.risks([change], *pair)))

    def is_told(self) -> bool:
        """Whether some turning of the property is told."""
        return any(self.weakens(*pair) for pair in permutations(self.values, 2))

    def sentence(self) -> str:
        """What weakens it: to have a value no more, or from now on."""
        without = [str(value) for value in self.values if self.weakens(value, None)]
        more = [str(value) for value in self.values if self.weakens(None, value)]
        words = [f"{how} {', '.join(values)}" for how, values in (("without", without), ("with", more)) if values]
        return f"{self}: {'; '.join(words) or 'when it is turned'}"


def set_properties(templates: TemplateSet) -> dict[str, Property]:
    """Every property with a few values that the templates set, in whichever branch of a condition."""
    properties = [
        Property(resource.type, *rest)
        for resource in templates.resources()
        for rest in _set(dict(resource.properties), schemas.schema(resource.type), schemas.schema(resource.type), ())
    ]
    return {str(each): each for each in properties}


def _set(
    value: Any, described: Mapping[str, Any], root: Mapping[str, Any], place: Place
) -> Iterator[tuple[Place, tuple[Any, ...], tuple[tuple[str, str], ...]]]:
    if isinstance(value, dict) and "Fn::If" in value:
        for branch in value["Fn::If"][1:]:
            yield from _set(branch, described, root, place)
        return
    if isinstance(value, dict) and (entry := _named(value)) and _is_boolean(value["Value"]):
        yield place, tuple(_pair(value["Value"])), entry
    for inner in _alternatives(described, root):
        if values := _values(inner):
            yield place, values, ()
        for key, schema in inner.get("properties", {}).items():
            if isinstance(value, dict) and key in value:
                yield from _set(value[key], schema, root, (*place, key))
        for element in value if isinstance(value, list) and "items" in inner else ():
            yield from _set(element, inner["items"], root, (*place, 0))


def _alternatives(described: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A schema and those that it is made of."""
    while "$ref" in described:
        steps = described["$ref"].removeprefix("#/").split("/")
        described = reduce(lambda inner, step: inner[step], steps, root)
    yield described
    for key in ("allOf", "anyOf", "oneOf"):
        for inner in described.get(key, ()):
            yield from _alternatives(inner, root)


def _values(described: Mapping[str, Any]) -> tuple[Any, ...]:
    """The values of a schema that has a few; none for others, and for one that cannot be turned."""
    if "boolean" in (described.get("type"), *described.get("type", ())):
        return True, False
    pattern = ALTERNATIVES.fullmatch(described.get("pattern", ""))
    texts = [value for value in described.get("enum", ()) if isinstance(value, str)]
    values = pattern[1].split("|") if pattern else texts
    return tuple(values) if len(values) > 1 else ()


def _named(value: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What names an entry of a list that is no more than a name with a value."""
    names = value.keys() - {"Value", "Type"}
    return tuple(sorted((name, value[name]) for name in names)) if "Value" in value and names < NAMING else ()


def _is_boolean(value: Any) -> bool:
    return any(str(leaf) in PLAIN for _, leaf in walk(value))


def _pair(value: Any) -> tuple[str, str]:
    return ("enabled", "disabled") if "abled" in str(value) else ("true", "false")


@pytest.fixture(scope="module")
def properties() -> dict[str, Property]:
    return set_properties(load(ROOT / "templates"))


def test_every_switch_is_told_or_harmless_for_a_reason(properties: dict[str, Property]) -> None:
    protections = {name for name, each in properties.items() if each.is_told()}
    assert len(protections) > 40
    left = properties.keys() - protections
    for reason, patterns in HARMLESS.items():
        for pattern in patterns.split("\n"):
            names = {name for name in properties if fnmatchcase(name, pattern.strip())}
            assert not pattern.strip() or names, f"no template sets {pattern}"
            assert not names & protections, f"it is told, and here is harmless: {reason}"
            left -= names
    assert left == set(), "neither told nor harmless"


def test_a_protection_that_is_missing_from_the_table_is_found(
    properties: dict[str, Property], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its row of the table a property of ours is told no more, so that the test above names it."""
    judged = 0
    for name, table in (("SWITCHES", SWITCHES), ("TYPED", TYPED)):
        for key in table:
            row = (" ".join(key),) if isinstance(key, tuple) else (f" {key}", f".{key}")
            of_row = [each for text, each in properties.items() if f"AWS::{text}".endswith(row)]
            with monkeypatch.context() as without:
                without.setattr(weaker, name, {other: switch for other, switch in table.items() if other != key})
                assert not [str(each) for each in of_row if each.is_told()], key
            judged += bool(of_row)
    assert judged > 40


def test_which_values_protect(properties: dict[str, Property]) -> None:
    """`GOLDEN=write` writes the file anew: read its diff as what AWS's guides call secure."""
    text = "".join(f"{each.sentence()}\n" for _, each in sorted(properties.items()) if each.is_told())
    if os.environ.get("GOLDEN") == "write":
        PROTECTIONS.write_text(text, encoding="utf-8")
    assert text == PROTECTIONS.read_text(encoding="utf-8")
