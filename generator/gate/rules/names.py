"""Rules on names and tags: two environments stand side by side, and nothing that changes with a release is in them."""

from collections.abc import Iterator, Mapping
from typing import Any

from generator.cfn.graph import mentions
from generator.cfn.intrinsics import render
from generator.cfn.parameters import VOLATILE
from generator.cfn.templates import Resource, TemplateSet
from generator.gate.rules.rule import Fault, Rule, values
from generator.gate.rules.storage import HOLDS_DATA, TABLE

# Properties that name something once per account and Region (CloudFormation resource reference of each type).
NAMES: Mapping[str, tuple[str, ...]] = {
    "AWS::CloudWatch::Alarm": ("AlarmName",),
    "AWS::CloudWatch::Dashboard": ("DashboardName",),
    "AWS::CodeBuild::Project": ("Name",),
    "AWS::CodeBuild::ReportGroup": ("Name",),
    "AWS::CodeCommit::Repository": ("RepositoryName",),
    "AWS::CodePipeline::Pipeline": ("Name",),
    TABLE: ("TableName",),
    "AWS::ECR::Repository": ("RepositoryName",),
    "AWS::ECS::Cluster": ("ClusterName",),
    "AWS::ECS::Service": ("ServiceName",),
    "AWS::ECS::TaskDefinition": ("Family",),
    "AWS::ElasticBeanstalk::Application": ("ApplicationName",),
    "AWS::ElasticBeanstalk::Environment": ("EnvironmentName",),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": ("Name",),
    "AWS::ElasticLoadBalancingV2::TargetGroup": ("Name",),
    "AWS::Events::Rule": ("Name",),
    "AWS::KMS::Alias": ("AliasName",),
    "AWS::Lambda::Function": ("FunctionName",),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::S3::Bucket": ("BucketName",),
    "AWS::SNS::Topic": ("TopicName",),
    "AWS::SQS::Queue": ("QueueName",),
    "AWS::SSM::Parameter": ("Name",),
    "AWS::SecretsManager::Secret": ("Name",),
    "AWS::StepFunctions::StateMachine": ("StateMachineName",),
}
# Those that are once per account, whatever the Region.
ACCOUNT_WIDE: Mapping[str, tuple[str, ...]] = {
    "AWS::Budgets::Budget": ("Budget", "BudgetName"),
    "AWS::CloudFront::Function": ("Name",),
    "AWS::CloudFront::OriginAccessControl": ("OriginAccessControlConfig", "Name"),
    "AWS::CloudFront::ResponseHeadersPolicy": ("ResponseHeadersPolicyConfig", "Name"),
    "AWS::CloudFront::VpcOrigin": ("VpcOriginEndpointConfig", "Name"),
}
# What holds data and is named by a parameter all the same, with the reason.
NAMED_BY_PARAMETER: Mapping[str, str] = {
    TABLE: "the application knows its tables by name",
    "AWS::CodeCommit::Repository": "people clone it by name",
}
TAGS = ("Application", "Component", "Environment", "ManagedBy")
TAG_PARAMETERS = frozenset({"Environment"})  # what tag values may refer to: nothing that a release changes


def _literal(templates: TemplateSet) -> Iterator[Fault]:
    for kind, place in [*NAMES.items(), *ACCOUNT_WIDE.items()]:
        for resource in templates.resources(kind):
            for name in values(resource, *place):
                if name is not None and not any(how != "Condition" for _, how, _, _ in mentions(name)):
                    yield Fault(resource.address, f"is always called {render(name)}")
                elif name is not None and kind in ACCOUNT_WIDE and "${AWS::Region}" not in render(name):
                    yield Fault(resource.address, f"is called {render(name)} in every Region")


def _twice(templates: TemplateSet) -> Iterator[Fault]:
    for kind, place in [*NAMES.items(), *ACCOUNT_WIDE.items()]:
        called: dict[str, str] = {}
        for resource in templates.resources(kind):
            for name in values(resource, *place):
                first = called.setdefault(render(name), resource.address)
                if name is not None and first != resource.address:
                    yield Fault(resource.address, f"is called {render(name)}, as {first} is")


def _retained(templates: TemplateSet) -> Iterator[Fault]:
    for resource in templates.resources(*HOLDS_DATA & NAMES.keys()):
        for name in values(resource, *NAMES[resource.type]):
            reference = isinstance(name, dict) and name.get("Ref") in templates[resource.template].parameters
            if name is not None and not (resource.type in NAMED_BY_PARAMETER and reference):
                yield Fault(resource.address, f"is retained and called {render(name)}")


def _tags(resource: Resource) -> Iterator[tuple[str, Any]]:
    """Every tag of a resource, in whichever of the three forms its type has them."""
    for property_ in ("Tags", "ResourceTags"):
        for listed in values(resource, property_):
            if isinstance(listed, dict):
                yield from listed.items()
            for tag in listed if isinstance(listed, list) else ():
                yield str(tag["Key"]), tag["Value"]


def _volatile(templates: TemplateSet) -> Iterator[Fault]:
    for resource in templates.resources():
        for key, value in _tags(resource):
            named = {target for _, _, target, _ in mentions(value)} - TAG_PARAMETERS
            if named:
                yield Fault(resource.address, f"has the tag {key}, which follows {', '.join(sorted(named))}")
            elif VOLATILE.fullmatch(render(value)):
                yield Fault(resource.address, f"has the tag {key} with {render(value)}, which changes")


def _complete(templates: TemplateSet) -> Iterator[Fault]:
    for resource in templates.resources():
        tags = dict(_tags(resource))
        for missing in sorted(set(TAGS) - tags.keys()) if tags else ():
            yield Fault(resource.address, f"has no tag {missing}")


RULES = (
    Rule(
        "NAM001",
        "the second environment in the account could not be made",
        "put the environment into the name, and the Region where the name is account-wide, or leave the name out",
        _literal,
    ),
    Rule(
        "NAM002",
        "what survives a failed creation would stand in the way of the second try",
        "leave the name out, so that CloudFormation makes one",
        _retained,
    ),
    Rule(
        "NAM003",
        "a tag that changes with a release touches every resource, and the VPC origin cannot be touched at all",
        f"use fixed text or one of {', '.join(TAG_PARAMETERS)}; commit and version belong into the deployment record",
        _volatile,
    ),
    Rule("NAM004", "cost and ownership cannot be told", f"give it the tags {', '.join(TAGS)}", _complete),
    Rule(
        "NAM005",
        "where one takes the other's place, it is made while the other still has the name",
        "give each a name of its own",
        _twice,
    ),
)
