"""What holds data, or is known by its address, and goes with a change of a stack. Pure: templates before and after, and
what happens to each resource.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from generator.cfn.changes import Path, PlannedChange
from generator.cfn.templates import Resource, TemplateSet

# DeletionPolicy and UpdateReplacePolicy that keep something. Source: Template Reference, "DeletionPolicy attribute".
KEEPS = ("Retain", "RetainExceptOnCreate", "Snapshot")
# What users, or their DNS, know by its address.
ADDRESSES = (
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGatewayV2::Api",
    "AWS::CloudFront::Distribution",
    "AWS::ElasticBeanstalk::Environment",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::Route53::RecordSet",
    "AWS::Route53::RecordSetGroup",
)
DELETED, REPLACED, UNPROTECTED, CHANGED = "deleted", "replaced", "unprotected", "changed"


@dataclass(frozen=True)
class TemplatePair:
    """A root and all that it nests before and after a change, with parameters put in (`instances`); `root` is the name
    under which the root stands in both."""

    root: str
    before: TemplateSet
    after: TemplateSet

    def versions(self, path: Path) -> list[Resource]:
        """A resource by its path, as it was and as it will be, as far as it is there."""
        name = ".".join(path[:-1]) or self.root
        templates = [side[name].resources for side in (self.before, self.after) if name in side]
        return [resources[path[-1]] for resources in templates if path[-1] in resources]

    def before_has(self, path: Path) -> bool:
        """Whether a resource was there before."""
        name = ".".join(path[:-1]) or self.root
        return name in self.before and path[-1] in self.before[name].resources

    def path(self, resource: Resource) -> Path:
        """The way to a resource from the root stack."""
        return (*(() if resource.template == self.root else resource.template.split(".")), resource.logical_id)


@dataclass(frozen=True)
class Loss:
    """Something that holds data, or that users see, is deleted or replaced; it needs explicit approval."""

    name: str  # "Data.Clients"
    type: str
    how: str  # deleted, replaced, unprotected, changed
    why: str  # what it holds or who sees it

    def __str__(self) -> str:
        return f"{self.name} ({self.type}, {self.why}) would be {self.how}. To allow this: {self.option}"

    @property
    def option(self) -> str:
        """The option of `apply` that names it."""
        return f"--allow-{'replace' if self.replaces else 'delete'} {self.name}"

    @property
    def replaces(self) -> bool:
        """Whether something else takes its place, so that it is named as a replacement."""
        return self.how in (REPLACED, CHANGED)


def keeps(resource: Resource) -> bool:
    """Whether the template keeps a resource that it no longer has."""
    deletion, replacement = (resource.body.get(name) for name in ("DeletionPolicy", "UpdateReplacePolicy"))
    return deletion in KEEPS or (deletion is None and replacement in KEEPS)


def losses(changes: Iterable[PlannedChange], pair: TemplatePair) -> list[Loss]:
    """What holds data or what users see among the resources that go with the changes of a root, and what is unprotected
    from now on.

    It holds data when the template keeps it, the new one or the living one. A resource that is only kept when it is
    replaced, and expressly deleted otherwise (a task definition), holds none. A nested stack goes with all that is in
    it.
    """
    going = (each for change in changes for each in _going(change, pair))
    lost = [Loss(".".join(path), kind, how, why) for path, kind, how in going if (why := _why(path, kind, pair))]
    for resource in pair.before.resources():
        versions = pair.versions(path := pair.path(resource))
        if len(versions) == 2 and keeps(resource) and not keeps(versions[1]):
            lost.append(Loss(".".join(path), resource.type, UNPROTECTED, "holds data"))
    return sorted(dict.fromkeys(lost), key=lambda loss: loss.name)


def _going(change: PlannedChange, pair: TemplatePair) -> Iterator[tuple[Path, str, str]]:
    """The resources that go for sure with a change of a root, each as (path, type, how). With a nested stack that is
    deleted goes all that is in it, whatever CloudFormation says of it."""
    for leaf in change.leaves():
        if leaf.action == "Remove":
            yield leaf.path, leaf.type, DELETED
        elif leaf.action == "Modify" and leaf.replaced:
            yield leaf.path, leaf.type, REPLACED
    if change.action == "Remove":
        for resource in pair.before.resources():
            place = pair.path(resource)
            if place[: len(change.path)] == change.path and place != change.path:
                yield place, resource.type, DELETED


def _why(path: Path, kind: str, pair: TemplatePair) -> str:
    if any(keeps(resource) for resource in pair.versions(path)):
        return "holds data"
    return "users see its address" if kind in ADDRESSES else ""
