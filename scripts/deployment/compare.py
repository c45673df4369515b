"""What a deployment would ask for, compared with what stands, before any change set is made.

Templates are compared whole: the address of a nested template is made of its content, so a root that is the same nests
the same. What this cannot know for certain (`Comparison.doubts`) is asked of CloudFormation.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from generator.cfn.assertions import NotEvaluableError
from generator.cfn.changes import Difference, differences
from generator.cfn.environments import Environment
from generator.cfn.instance import resolved_templates
from generator.cfn.losses import TemplatePair
from generator.cfn.packaging import parse
from generator.cfn.stacks import Stack, StackResource
from generator.cfn.statuses import DEPLOYED, STATUSES, Action, meaning
from generator.cfn.templates import STACK, Template, TemplatesError, TemplateSet, from_bodies
from scripts.deployment.aws import Aws
from scripts.deployment.errors import ManualActionRequiredError, RefusedError
from scripts.deployment.package import read_text
from scripts.deployment.plan import Notice, Request
from scripts.deployment.stacks import resources

TOPICS, ROLE = "notification ARNs", "role of CloudFormation"
MASKED = "****"  # what CloudFormation gives in the place of a `NoEcho` parameter (API reference, Parameter)

# AWS neither updates a nested stack that is gone nor makes it again; a stack under a new logical id is a new resource.
DELETED_BY_HAND = (
    "Give it a new logical id in generator/roots/ (with a line in generator/core/moves.py), render the templates and "
    "run the same command again: the update creates it under that id and drops the old one. `apply --adopt` uses the "
    "data that it retained."
)


@dataclass(frozen=True)
class Comparison:
    """What differs: `pair` are the templates before and after with their parameters put in, None while the stack does
    not exist and where nothing differs at all; `doubts` is what only CloudFormation can say."""

    templates_differ: bool
    values: tuple[Difference, ...] = ()  # parameters, tags, role, topics
    doubts: tuple[Notice, ...] = ()
    pair: TemplatePair | None = None

    @property
    def same(self) -> bool:
        """Nothing would change, and that is certain."""
        return not (self.templates_differ or self.values or self.doubts)


def compare(aws: Aws, environment: Environment, request: Request, stack: Stack, complete: bool = False) -> Comparison:
    """A request beside the stack as it stands; with `complete` there is a `pair` even where nothing differs. Raises
    `ManualActionRequiredError` for a stack that somebody has to look at first, `RefusedError` for live templates that
    cannot be read."""
    doubts = tuple(_doubts(aws, stack, request))
    body = read_body(aws, stack.id)
    parameters = differences(stack.parameters, request.parameters, request.hidden)
    tags = differences(stack.tags, request.tags)
    values = [each for each in (*parameters, *tags) if stack.parameters.get(each.name) != MASKED]
    topics = request.options.get("NotificationARNs")
    if topics is not None and set(topics) != set(stack.topics):
        values.append(Difference(TOPICS, ", ".join(stack.topics), ", ".join(topics)))
    if request.role and request.role != stack.role:
        values.append(Difference(ROLE, stack.role, request.role))
    differ = body != request.packaged.root.body
    if not (differ or values or doubts or complete):
        return Comparison(templates_differ=False)
    before = live_templates(aws, stack, environment.root.name, body)
    after = resolve(environment.root, request.parameters, aws)
    return Comparison(differ, tuple(values), doubts, TemplatePair(environment.root.name, before, after))


def _doubts(aws: Aws, stack: Stack, request: Request) -> Iterator[Notice]:
    """Why the templates and values alone do not tell whether anything would change. Raises `ManualActionRequiredError`
    for a nested stack that is gone, or that something runs on or is broken."""
    for name in sorted(request.hidden & stack.parameters.keys()):
        if stack.parameters[name] == MASKED:
            yield Notice("comparison", name, "CloudFormation does not show its value, so a change set has to say")
    nested = [each for each in resources(aws, stack.id) if each.type == STACK and each.physical_id]
    standing = _standing(aws) if nested else {}
    for resource in nested:
        status, updated = standing.get(resource.physical_id, ("DELETE_COMPLETE", None))
        if resource.status != "DELETE_COMPLETE" and str(resource) in request.packaged.root.body["Resources"]:
            _check_nested(stack, resource, status)
            if status not in DEPLOYED and stack.status in DEPLOYED:
                yield Notice("comparison", str(resource), f"the nested stack {meaning(status).text} ({status})")
            elif updated and updated > resource.updated:
                yield Notice("comparison", str(resource), "the nested stack was updated by itself, not by its root")


def _standing(aws: Aws) -> dict[str, tuple[str, Any]]:
    """Every stack of the region that is not deleted: its status, and when its last update began, by its id. One call
    for a hundred stacks: the root itself still shows a nested stack as complete that somebody else has deleted."""
    statuses = [status for status in STATUSES if status != "DELETE_COMPLETE"]
    pages = aws.pages("cloudformation", "list_stacks", StackStatusFilter=statuses)
    entries = (entry for page in pages for entry in page["StackSummaries"])
    return {entry["StackId"]: (entry["StackStatus"], entry.get("LastUpdatedTime")) for entry in entries}


def _check_nested(stack: Stack, resource: StackResource, status: str) -> None:
    means = meaning(status)
    if means.action is Action.CREATE:
        raise ManualActionRequiredError(
            f"The nested stack {resource} of {stack.name} does not exist any more: somebody deleted it. CloudFormation "
            "can neither update nor create it again.",
            DELETED_BY_HAND,
        )
    if means.action is not Action.UPDATE:
        reason = f"The nested stack {resource} of {stack.name} {means.text} ({status})."
        raise ManualActionRequiredError(reason, means.remedy)


# --- the templates of a stack as they stand


def live_templates(aws: Aws, stack: Stack, name: str, body: Mapping[str, Any]) -> TemplateSet:
    """The stack's templates with its parameters put in (`instances`); `body` is the root's, `name` what it is called.

    Each is asked of CloudFormation: what lies at a template's address may have been another one when it was deployed.
    Raises `RefusedError` for live templates that cannot be read.
    """
    bodies = _bodies(aws, stack.id, name, body)
    try:
        root = from_bodies(bodies)[name]
    except TemplatesError as error:
        raise RefusedError(f"The templates of {stack.name} that are deployed cannot be read: {error}") from error
    return resolve(root, stack.parameters, aws)


def resolve(root: Template, values: Mapping[str, str], aws: Aws) -> TemplateSet:
    """`instances` of a root in this account and region. Raises `RefusedError`."""
    identity = aws.identity()
    partition = identity.arn.split(":")[1]
    pseudo = {"AWS::Region": aws.region, "AWS::AccountId": identity.account, "AWS::Partition": partition}
    try:
        return resolved_templates(root, values, pseudo)
    except (NotEvaluableError, TemplatesError, KeyError) as error:  # KeyError: a parameter that the stack does not have
        raise RefusedError(f"{root.file}: {error}") from error


def _bodies(aws: Aws, stack_id: str, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """A template and those below it, each under its path and addressed by it."""
    bodies, rewritten = dict[str, Any](), dict(body["Resources"])
    nested = [logical_id for logical_id, resource in body["Resources"].items() if resource["Type"] == STACK]
    ids = {each.path[0]: each.physical_id for each in resources(aws, stack_id)} if nested else {}
    standing = [each for each in nested if ids.get(each)]  # where its condition is false it does not exist
    texts = aws.at_once(lambda each: read_body(aws, ids[each]), standing)
    for logical_id, text in zip(standing, texts, strict=True):
        below, resource = f"{name}.{logical_id}", body["Resources"][logical_id]
        bodies |= _bodies(aws, ids[logical_id], below, text)
        rewritten[logical_id] = {**resource, "Properties": {**resource["Properties"], "TemplateURL": f"{below}.json"}}
    return {**bodies, name: {**body, "Resources": rewritten}}


def read_body(aws: Aws, stack_id: str) -> dict[str, Any]:
    """The template of a stack. Raises `RefusedError` for one that is no JSON."""
    try:
        body: dict[str, Any] = parse(read_text(aws, StackName=stack_id))
    except ValueError as error:
        raise RefusedError(
            f"The template of {stack_id} is not JSON: it was not deployed by this script.",
            "Look at it in the CloudFormation console: its content cannot be compared with the templates here.",
        ) from error
    return body
