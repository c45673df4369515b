"""The one real reason of a failure: where, why, and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass

from generator.reading.templates import STACK, Template
from scripts.deployment.follow import Event

# What CloudFormation says of a resource that it stopped because another one had failed, and of a nested stack or a
# root whose inside failed: never the cause. Source: User Guide, "Troubleshooting CloudFormation", and events of
# aws-cdk issue 5974, cloudformation-coverage-roadmap issue 759.
CANCELLED = ("cancelled", "Operation was cancelled")
ENCLOSING = ("Embedded stack arn:", "The following resource(s) failed to")

# What a person can do, by what a service's reason holds; the first that fits.
REMEDIES = (
    (("not authorized", "Access Denied", "UnauthorizedOperation"), "Give the deploying role the permission it names."),
    (
        ("already exists", "AlreadyExists", "EntityAlreadyExists", "ResourceInUse"),
        (
            "Something of this name exists already, outside this stack: remove it, or let the stack use it through the "
            "parameters whose names begin with Existing or Data."
        ),
    ),
    (("LimitExceeded", "limit", "quota"), "Ask for a higher quota, or remove what is not needed any more."),
    (("service linked role", "service-linked role"), "Make the service-linked role that it names."),
    (("did not stabilize", "NotStabilized", "timed out"), "Look at the resource itself: it did not become ready."),
)


@dataclass(frozen=True)
class Cause:
    """Why an operation failed. `sentence` is what the resource is for, `module` where it is made."""

    path: tuple[str, ...]
    type: str
    reason: str
    sentence: str
    module: str
    remedy: str


def echo(event: Event) -> bool:
    """Whether an event only repeats that something else failed."""
    return event.reason.startswith(ENCLOSING) or any(text in event.reason for text in CANCELLED)


def cause(events: Sequence[Event], stack: str, root: Template) -> Cause | None:
    """The first failure among the events of one operation that is neither a cancellation nor the echo of a failure
    further inside; None when nothing failed. `stack` names the root in the path."""
    failures = [event for event in events if event.failed and not any(text in event.reason for text in CANCELLED)]
    inside = [event for event in failures if event.path and not echo(event)]
    # Without any, the innermost stack that failed says most, such as a parameter that its template refuses.
    first = min(inside, key=lambda event: event.time, default=None) or max(
        failures, key=lambda event: len(event.path), default=None
    )
    if first is None:
        return None
    template = _template(root, first.path[:-1])
    resource = template.resources.get(first.path[-1]) if template and first.path else None
    module = template.module if template else ""
    return Cause(
        (stack, *first.path),
        first.type,
        first.reason or "AWS gives no reason",
        resource.description if resource else "",
        module,
        _remedy(first, module),
    )


def _template(root: Template, path: tuple[str, ...]) -> Template | None:
    """The template of the nested stack at `path`, None when the templates on disk no longer have it."""
    template: Template | None = root
    for name in path:
        children = {child.resource.logical_id: child.template for child in template.children()} if template else {}
        template = children.get(name)
    return template


def _remedy(event: Event, module: str) -> str:
    for texts, remedy in REMEDIES:
        if any(text in event.reason for text in texts):
            return remedy
    what = "stack" if event.type == STACK else "resource"
    return f"Correct the {what} in {module}, render the templates and run the same command again." if module else ""
