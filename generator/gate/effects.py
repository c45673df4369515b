"""What each row of the table of effects does to which resources, followed through the settled templates.

For a row, two sets of values that differ in its parameter are put into the templates, in a situation in which the row
holds and the root's Rules are met; what differs then, and what is replaced because of it, are the resources of the row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import product
from typing import Any

from generator.cfn import assertions
from generator.cfn.assertions import as_text
from generator.cfn.effects import REFUSED, ROWS, Row, directions, find, rows_of
from generator.cfn.effects.outcomes import ADDED, CHANGED, REMOVED, REPLACED, Outcome, outcomes
from generator.cfn.graph import mentions
from generator.cfn.instance import resolved_templates
from generator.cfn.schemas import create_only
from generator.cfn.templates import STACK, Resource, Template

REGION = "us-east-1"
PSEUDO = {"AWS::Region": REGION, "AWS::Partition": "aws"}
TASK, SERVICE, PIPELINE = "AWS::ECS::TaskDefinition", "AWS::ECS::Service", "AWS::CodePipeline::Pipeline"
INSTANCES, DISTRIBUTION = "AWS::ElasticBeanstalk::Environment", "AWS::CloudFront::Distribution"
# Changes in place that are worth a word, in the order in which they are told.
WORTH_A_WORD = {
    PIPELINE: "cancels a release",
    INSTANCES: "updates the instances",
    DISTRIBUTION: "deploys the distribution (3 to 5 minutes)",
}
# Properties of a service that its tasks are made of (ECS API reference, UpdateService).
DEPLOYS = {"ForceNewDeployment", "LoadBalancers", "NetworkConfiguration", "TaskDefinition"}
# What backs the word that a change interrupts nothing, by the type of what changes: requests that are counted on the
# local AWS, the model of the load balancer that the matrix of changes asks, or AWS's documentation alone.
REQUESTS, MODEL, DOCUMENTATION = "requests", "model", "documentation"
SHOWN = {
    SERVICE: REQUESTS,
    INSTANCES: REQUESTS,
    DISTRIBUTION: REQUESTS,
    "AWS::EC2::SecurityGroupEgress": MODEL,
    "AWS::EC2::SecurityGroupIngress": MODEL,
    "AWS::ElasticLoadBalancingV2::Listener": MODEL,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": MODEL,
}
NEW_TASKS, IN_PLACE, NO_RESOURCE = "new tasks", "in place", "nothing"
NAMED = 4  # resources that a sentence names
# What has to come along with a value, so that the Rules of the root are met: `*` stands for any text, an empty key for
# every value.
PUBLIC = {"LoadBalancerScheme": "PUBLIC", "DomainName": "one", "HostedZoneId": "one", "EdgeCertificateArn": "edge"}
WITH: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("BackendTarget", "BEANSTALK"): {"PlatformArn": "platform/1"},
    ("SourceProvider", "CONNECTION"): {"ConnectionArn": "one", "SourceRepository": "one"},
    ("DomainName", "*"): {"HostedZoneId": "one", "EdgeCertificateArn": "edge"},
    ("HostedZoneId", "*"): {"DomainName": "one", "EdgeCertificateArn": "edge"},
    ("CertificateArn", "*"): {"DomainName": "one"},
    ("LoadBalancerCertificateArn", ""): PUBLIC,
}
# Situations that are tried for a row besides the plain one: some rows hold only there.
SITUATIONS: tuple[Mapping[str, str], ...] = (
    {},
    {"SourceProvider": "CONNECTION", "ConnectionArn": "one", "SourceRepository": "one"},
    {"DomainName": "one", "HostedZoneId": "one", "EdgeCertificateArn": "edge"},
    {"DomainName": "one", "HostedZoneId": "one", "CertificateArn": "one"},
    {"DeploymentStrategy": "CANARY", "TargetGroups": "TWO"},
    {"TaskCpu": "1024", "TaskMemory": "2048"},
    {"ApprovalRequired": "true"},
    {"CloudFrontAlarms": "true", "DistributionId": "one"},
    {"DeveloperGroups": "one"},
)


class NoSituationError(LookupError):
    """A row for which no values were found in which it holds and the Rules are met."""


class RootResources:
    """The resources of one root, by path, under values of its parameters; each set of values is settled once."""

    def __init__(self, root: Template) -> None:
        self.root = root
        self._known: dict[frozenset[tuple[str, str]], dict[str, Resource]] = {}
        self._nested: dict[Any, Any] = {}
        self._broken: dict[tuple[str | None, ...], bool] = {}
        self.outcomes: dict[tuple[str, Row], list[Outcome]] = {}  # what `row_outcomes` has said

    @cached_property
    def base(self) -> dict[str, str]:
        """Values of an environment that has had its first release: the defaults, and something for the rest."""
        computed = self.root.metadata.get("Computed", {})
        values = {}
        for name, declared in self.root.parameters.items():
            first = computed[name]["First"] if name in computed else declared.get("Default", "one")
            values[name] = as_text(first)
        later = {"BackendBootstrap": "false", "BackendImage": "registry:1", "Environment": "staging"}
        return {**values, **{name: value for name, value in later.items() if name in values}}

    def rows(self, parameter: str) -> list[Row]:
        """The rows of a parameter of the root."""
        covered = {name for how in self.root.metadata.get("Computed", {}).values() for name in how.get("Covers", ())}
        return rows_of(ROWS, self.root.name, parameter, covered)

    def resources(self, values: Mapping[str, str]) -> dict[str, Resource]:
        """What there is under these values, without the nested stacks themselves."""
        key = frozenset(values.items())
        if key not in self._known:
            self._known[key] = {
                _path(self.root, resource): resource
                for resource in resolved_templates(self.root, values, PSEUDO, self._nested).resources()
                if resource.type != STACK
            }
        return self._known[key]

    def breaks_rules(self, values: Mapping[str, str]) -> bool:
        """Whether the Rules of the root refuse these values. Raises `NotEvaluableError`, as `assertions.broken`."""
        # Each rule is judged: one that cannot be evaluated is an error, whatever the others say.
        broken = [rule for rule in self._parameters_of_rules if self._breaks(rule, values)]
        return bool(broken)

    def _breaks(self, rule: str, values: Mapping[str, str]) -> bool:
        """Whether one of the Rules does: two sets of values seldom differ in what it reads."""
        key = (rule, *map(values.get, self._parameters_of_rules[rule]))
        if key not in self._broken:
            alone = {**self.root.body, "Rules": {rule: self.root.body["Rules"][rule]}}
            self._broken[key] = bool(assertions.broken(alone, values))
        return self._broken[key]

    @cached_property
    def _parameters_of_rules(self) -> dict[str, tuple[str, ...]]:
        """The parameters that each rule reads: nothing but `Ref` gives it a value."""
        rules = self.root.body.get("Rules", {})
        return {name: tuple(sorted({target for _, _, target, _ in mentions(rule)})) for name, rule in rules.items()}


def resources_of(root: Template) -> RootResources:
    """The resources of a root: one value for each, so that nothing is settled twice."""
    instances: RootResources = root.results.setdefault(RootResources, RootResources(root))
    return instances


def row_outcomes(instances: RootResources, parameter: str, row: Row) -> list[Outcome]:
    """What a row does to which resource, in the first situation in which it does anything. Raises
    `NoSituationError`."""
    key = parameter, row
    if key not in instances.outcomes:
        instances.outcomes[key] = _row_outcomes(instances, parameter, row)
    return instances.outcomes[key]


def _row_outcomes(instances: RootResources, parameter: str, row: Row) -> list[Outcome]:
    reached = False
    for before, after in situations(instances, parameter, row):
        reached = True
        if happened := outcomes(instances.resources(before), instances.resources(after), create_only):
            return happened
    if not reached:
        where = f"{instances.root.name} {parameter} {row.change}"
        raise NoSituationError(f"{where}: no values in which this row of the table holds")
    return []


def situations(instances: RootResources, parameter: str, row: Row) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Values before and after, in which a row holds and the Rules are met: one pair of values for each situation."""
    root, names, own = instances.root, list(row.when), instances.rows(parameter)
    for more in SITUATIONS:
        if not more.keys() <= root.parameters.keys():
            continue
        for chosen in product(*row.when.values()):
            for pair in directions(root.parameters[parameter]):
                before, after = _sides(
                    instances, parameter, row, {**more, **dict(zip(names, chosen, strict=True))}, pair
                )
                if find(own, parameter, before, after) != row:
                    continue
                # What is refused need not be possible otherwise.
                if row.level == REFUSED or not (instances.breaks_rules(before) or instances.breaks_rules(after)):
                    yield before, after
                    break


def _sides(
    instances: RootResources, parameter: str, row: Row, more: Mapping[str, str], pair: tuple[str, str]
) -> Iterator[dict[str, str]]:
    computed = instances.root.metadata.get("Computed", {})
    base = instances.base
    for number, value in enumerate(pair):
        others = {**more, **({name: values[0] for name, values in row.was.items()} if number == 0 else {})}
        chosen = {**base, **others, parameter: value}
        for name, text in [*others.items(), (parameter, value)]:
            for key in ((name, text), (name, "*") if text else (name, ""), (name, "")):
                for other, needed in WITH.get(key, {}).items():
                    if other in chosen and other not in others and chosen[other] == base[other] and other != parameter:
                        chosen[other] = needed
        for digest, how in computed.items():
            if parameter in how.get("Covers", ()):
                chosen[digest] = str(number) * 16
        yield chosen


def _path(root: Template, resource: Resource) -> str:
    return f"{'' if resource.template == root.name else f'{resource.template}.'}{resource.logical_id}"


def shown(happened: Iterable[Outcome]) -> list[str]:
    """What backs the word that these changes interrupt nothing, as far as they change what requests go through."""
    words = []
    for outcome in happened:
        word = SHOWN.get(outcome.type)
        if outcome.type == SERVICE and outcome.action == CHANGED and not DEPLOYS & {*outcome.properties}:
            word = DOCUMENTATION  # whether tasks start for it, AWS alone knows
        words += [word] if word else []
    return list(dict.fromkeys(words))


# --- in words


def kinds(happened: Iterable[Outcome]) -> list[str]:
    """What happens, in a few words: who comes and goes, whether tasks start anew, what else is worth one."""
    happened = list(happened)
    words = []
    for action, verb in ((REPLACED, "replaces"), (ADDED, "adds"), (REMOVED, "removes")):
        there = [each for each in happened if each.action == action and each.type != TASK]
        for kept, suffix in ((True, " (kept)"), (False, "")):
            names = _names([each.path for each in there if (each.kept and action != ADDED) is kept])
            words += [f"{verb} {names}{suffix}"] if names else []
    changed_service = [each for each in happened if each.type == SERVICE and each.action == CHANGED]
    service = [NEW_TASKS if DEPLOYS & {*each.properties} else "changes the service" for each in changed_service]
    words += service
    changed = {each.type for each in happened if each.action == CHANGED}
    words += [text for kind, text in WORTH_A_WORD.items() if kind in changed]
    return words or [IN_PLACE if happened else NO_RESOURCE]


def _names(paths: list[str]) -> str:
    """Resources by their paths; several of one nested stack as the stack."""
    by_stack: dict[str, list[str]] = {}
    for path in paths:
        by_stack.setdefault(path.partition(".")[0] if "." in path else "", []).append(path)
    names = []
    for stack, members in by_stack.items():
        names += members if len(members) == 1 or not stack else [f"{len(members)} resources of {stack}"]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
