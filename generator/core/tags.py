"""The common tags: the same on everything, and constant for as long as the environment lives.

A tag that changed with a release would touch every resource, and the VPC origin cannot be updated while a
distribution uses it (AmazonCloudFront DeveloperGuide, private-content-vpc-origins), not even its tags.
"""

from __future__ import annotations

from troposphere import AWSObject, Tags, budgets

from generator.core.arns import Text

MANAGED_BY = "cloudformation"


def common(application: str, component: str, environment: Text) -> dict[str, Text]:
    """The tags of one stack: application, component (the stack's name), environment, and who manages it."""
    return {"Application": application, "Component": component, "Environment": environment, "ManagedBy": MANAGED_BY}


def has(resource: AWSObject) -> bool:
    """Whether the resource's type takes tags."""
    return not {"Tags", "ResourceTags"}.isdisjoint(resource.props)


def apply(resource: AWSObject, tags: dict[str, Text]) -> None:
    """Adds the tags in the form that the resource's type wants; the resource's own tags, such as Name, stay."""
    if "ResourceTags" in resource.props:
        resource.ResourceTags = [budgets.ResourceTag(Key=key, Value=value) for key, value in tags.items()]
    elif "Tags" in resource.props and resource.props["Tags"][0] is dict:
        resource.Tags = dict(tags)
    elif "Tags" in resource.props:
        own = resource.properties.get("Tags", Tags())
        resource.Tags = own + Tags(tags)
