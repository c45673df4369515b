"""The one real reason of a failure: where, why, and what to do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from generator.cfn import sources
from generator.cfn.stacks import Stack
from generator.cfn.templates import STACK, Template
from scripts.deployment.aws import Aws
from scripts.deployment.execute import leave
from scripts.operations.diagnose.remedies import remedy
from scripts.operations.diagnose.tasks import NO_TASK, why_stopped
from scripts.operations.following import Event, FollowedOutcome

# What CloudFormation says of a resource that it stopped because another one had failed, and of a nested stack or a
# root whose inside failed: never the cause. Source: User Guide, "Troubleshooting CloudFormation", and events of
# aws-cdk issue 5974, cloudformation-coverage-roadmap issue 759.
CANCELLED = ("cancelled", "Operation was cancelled")
ENCLOSING = ("Embedded stack arn:", "The following resource(s) failed to")
SERVICE = "AWS::ECS::Service"
SAYS = "Its stopped task says why, above: correct that in the application or its configuration."
BY_A_PERSON = "somebody cancelled it (CancelUpdateStack)"

ServiceMessages = Mapping[tuple[str, ...], Sequence[str]]


@dataclass(frozen=True)
class Cause:
    """Why an operation failed. `sentence` is what the resource is for, `module` where it is made and `place` the line
    in it, as far as the sources are there; `service_messages` is what the service
    itself says, a line each."""

    path: tuple[str, ...]
    type: str
    reason: str
    sentence: str
    module: str
    remedy: str
    place: str = ""
    service_messages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """Why an operation failed, and what kept it from being undone; neither for one that went well."""

    cause: Cause | None = None
    obstacle: Cause | None = None


@dataclass
class FailureObserver:
    """Looks on for a person: `view` is given the events, `answer` says what Ctrl-C means. Asks about a service as soon
    as it has failed: the rollback of a creation deletes it with its tasks and their log. What the service says is in
    `service_messages`, by path."""

    aws: Aws
    view: Callable[[list[Event]], None]
    answer: Callable[[Stack], None] = leave
    service_messages: dict[tuple[str, ...], Sequence[str]] = field(default_factory=dict)

    def see(self, events: list[Event], /) -> None:
        self.view(events)
        for event in events:
            if event.failed and event.type == SERVICE and not echo(event) and event.path not in self.service_messages:
                self.service_messages[event.path] = why_stopped(self.aws, event.physical_id)

    def interrupted(self, stack: Stack, /) -> None:
        self.answer(stack)


def diagnose(outcome: FollowedOutcome, root: Template, messages: ServiceMessages | None = None) -> Diagnosis:
    """Why an operation on the stack of `root` ended as it did; `messages` are what services say of themselves."""
    if outcome.good:
        return Diagnosis()
    names = (outcome.stack.name, root, messages)
    return Diagnosis(cause(outcome.events, *names), obstacle(outcome.events, *names))


def echo(event: Event) -> bool:
    """Whether an event only repeats that something else failed."""
    return event.reason.startswith(ENCLOSING) or any(text in event.reason for text in CANCELLED)


def cause(events: Sequence[Event], stack: str, root: Template, messages: ServiceMessages | None = None) -> Cause | None:
    """The first failure among the events of one operation that is neither a cancellation nor the echo of a failure
    further inside; None when nothing failed. `stack` names the root in the path.

    A rollback belongs to its operation, but what fails in it is no cause (`obstacle` tells it).
    """
    forward, _ = _halves(events)
    if first := _first(_deletion(forward)):
        return _cause(first, stack, root, messages or {})
    rollback = next((event for event in events if not event.path and "ROLLBACK" in event.status), None)
    if rollback and "User Initiated" in rollback.reason:
        return Cause((stack,), STACK, BY_A_PERSON, "", "", "Run the same command again when it is wanted.")
    return None


def obstacle(
    events: Sequence[Event], stack: str, root: Template, messages: ServiceMessages | None = None
) -> Cause | None:
    """What kept a failed operation from being undone; None when it was undone, or needed not to be."""
    _, backward = _halves(events)
    own = [at for at, event in enumerate(backward) if not event.path]
    if not own or not backward[own[-1]].failed:
        return None
    # A rollback that was continued by hand begins anew.
    begun = max(at for at in own if backward[at].running)
    first = _first(backward[begun:])
    if first is None:
        return None
    # A stack whose rollback has failed takes no deployment: only what the reason itself asks for is a next step.
    return replace(_cause(first, stack, root, messages or {}), remedy=remedy(first.reason))


def _halves(events: Sequence[Event]) -> tuple[list[Event], list[Event]]:
    """What happened before and after the rollback began; both in the order of time."""
    ordered = sorted(events, key=lambda event: event.time)
    starts = (
        at for at, event in enumerate(ordered) if not event.path and event.status.endswith("ROLLBACK_IN_PROGRESS")
    )
    at = next(starts, len(ordered))
    return ordered[:at], ordered[at:]


def _deletion(events: list[Event]) -> list[Event]:
    """CloudFormation tries a deletion again before it gives up: what is gone in the end was no failure."""
    last = {event.path: event for event in events}
    return [
        event
        for event in events
        if not (event.status == "DELETE_FAILED" and event.path and not last[event.path].failed)
    ]


def _first(events: Sequence[Event]) -> Event | None:
    failures = [event for event in events if event.failed and not any(text in event.reason for text in CANCELLED)]
    inside = [event for event in failures if event.path and not echo(event)]
    # Without any, the innermost stack that failed says most, such as a parameter that its template refuses.
    return min(inside, key=lambda event: event.time, default=None) or max(
        failures, key=lambda event: len(event.path), default=None
    )


def _cause(event: Event, stack: str, root: Template, messages: ServiceMessages) -> Cause:
    template = template_at(root, event.path[:-1])
    resource = template.resources.get(event.path[-1]) if template and event.path else None
    module = template.module if template else ""
    place = sources.find(module, event.path[-1]) if resource else None
    details = tuple(messages.get(event.path, ()))
    return Cause(
        (stack, *event.path),
        event.type,
        event.reason or "AWS gives no reason",
        resource.description if resource else "",
        module,
        SAYS if details and NO_TASK not in details else remedy(event.reason) or _correct(event, str(place or module)),
        str(place or ""),
        details,
    )


def template_at(root: Template, path: tuple[str, ...]) -> Template | None:
    """The template of the nested stack at `path`, None when the templates on disk no longer have it."""
    template: Template | None = root
    for name in path:
        children = {child.resource.logical_id: child.template for child in template.children()} if template else {}
        template = children.get(name)
    return template


def sentence(root: Template, path: tuple[str, ...]) -> str:
    """What the resource at `path` is for, empty when the templates on disk no longer have it."""
    template = template_at(root, path[:-1])
    resource = template.resources.get(path[-1]) if template and path else None
    return resource.description if resource else ""


def _correct(event: Event, where: str) -> str:
    what = "stack" if event.type == STACK else "resource"
    return f"Correct the {what} in {where}, render the templates and run the same command again." if where else ""
