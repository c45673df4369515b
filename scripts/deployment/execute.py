"""Doing it: a plan is executed, a stack is deleted. The result is a value, however it ends."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from generator.reading.templates import Template
from scripts.deployment import statuses
from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError, Exit, NeedsPerson
from scripts.deployment.explain import Cause, cause
from scripts.deployment.follow import Event, follow, newest
from scripts.deployment.plan import Plan
from scripts.deployment.stacks import Stack, delete_change_set

See = Callable[[list[Event]], None]


@dataclass(frozen=True)
class Outcome:
    """How an operation ended: `status` is the stack's. `retained` are resources that outlive their stack."""

    stack: str
    status: str
    seconds: float
    held: Stack
    cause: Cause | None = None
    retained: tuple[tuple[str, ...], ...] = ()

    @property
    def exit(self) -> Exit:
        if self.status in statuses.GOOD:
            return Exit.DONE
        return Exit.FAILED if self.status in statuses.RESTORED else Exit.PERSON


def apply(aws: Aws, plan: Plan, root: Template, see: See) -> Outcome:
    """Executes a plan and follows it to its end. Raises `NeedsPerson` when it cannot be followed any more."""
    after = newest(aws, plan.stack_id)
    started = time.monotonic()
    aws.call(
        "cloudformation",
        "execute_change_set",
        ChangeSetName=plan.change_set,
        ClientRequestToken=plan.name,
        # Always explicit: the API reference calls True the default (F 9.1).
        DisableRollback=False,
    )
    outcome = _followed(aws, plan.stack, plan.stack_id, after, root, see, started)
    delete_change_set(aws, plan.change_set)  # a failed execution leaves it
    return outcome


def destroy(aws: Aws, stack: Stack, root: Template, see: See) -> Outcome:
    """Deletes a stack and follows it to its end. Raises `NeedsPerson` when it cannot be followed any more."""
    after = newest(aws, stack.id)
    started = time.monotonic()
    aws.call("cloudformation", "delete_stack", StackName=stack.id)
    return _followed(aws, stack.name, stack.id, after, root, see, started)


def _followed(
    aws: Aws, name: str, stack_id: str, after: str | None, root: Template, see: See, started: float
) -> Outcome:
    try:
        events, stack = follow(aws, stack_id, after, see)
    except KeyboardInterrupt:
        raise NeedsPerson(f"{name} is left running.", "`status` tells how it goes.") from None
    except AwsError as error:
        raise NeedsPerson(
            f"{name} is left running: {error.reason}", f"{error.remedy} `status` tells how it goes."
        ) from error
    good = stack.status in statuses.GOOD
    return Outcome(
        name,
        stack.status,
        time.monotonic() - started,
        stack,
        None if good else cause(events, name, root),
        tuple(sorted({event.path for event in events if event.status == "DELETE_SKIPPED"})),
    )
