"""Doing it: a plan is executed, a stack is deleted. The result is a value, however it ends."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from generator.reading.templates import Template
from scripts.deployment import statuses
from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError, Exit, NeedsPerson
from scripts.deployment.explain import Cause, Said, Witness, cause, obstacle
from scripts.deployment.follow import Event, follow, newest
from scripts.deployment.plan import Plan
from scripts.deployment.stacks import Stack

See = Callable[[list[Event]], None]


@dataclass(frozen=True)
class Outcome:
    """How an operation ended: `status` is the stack's, `good` whether it is the one that was wanted. `retained` are
    resources that outlive their stack; `obstacle` is what kept a failed operation from being undone."""

    stack: str
    status: str
    good: bool
    seconds: float
    held: Stack
    cause: Cause | None = None
    retained: tuple[tuple[str, ...], ...] = ()
    obstacle: Cause | None = None

    @property
    def exit(self) -> Exit:
        if self.good:
            return Exit.DONE
        return Exit.FAILED if self.status in statuses.RESTORED else Exit.PERSON


def apply(aws: Aws, plan: Plan, root: Template, see: See) -> Outcome:
    """Executes a plan and follows it to its end; the change set may survive.

    Raises `AwsError` when it was not started and `NeedsPerson` when it cannot be followed any more.
    """
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
    return _followed(aws, plan.stack, plan.stack_id, after, root, see, started, statuses.DEPLOYED)


def destroy(aws: Aws, stack: Stack, root: Template, see: See) -> Outcome:
    """Deletes a stack and follows it to its end. Raises `NeedsPerson` when it cannot be followed any more."""
    after = newest(aws, stack.id)
    started = time.monotonic()
    aws.call("cloudformation", "delete_stack", StackName=stack.id)
    return _followed(aws, stack.name, stack.id, after, root, see, started, {"DELETE_COMPLETE"})


def _followed(
    aws: Aws, name: str, stack_id: str, after: str | None, root: Template, see: See, started: float, wanted: set[str]
) -> Outcome:
    witness = Witness(aws, see)
    try:
        events, stack = follow(aws, stack_id, after, witness)
    except KeyboardInterrupt:
        raise NeedsPerson(f"{name} is left running.", "`status` tells how it goes.") from None
    except AwsError as error:
        raise NeedsPerson(
            f"{name} is left running: {error.reason}", f"{error.remedy} `status` tells how it goes."
        ) from error
    return ended(events, stack, stack.status in wanted, name, root, time.monotonic() - started, witness.said)


def ended(
    events: Sequence[Event], stack: Stack, good: bool, name: str, root: Template, seconds: float, said: Said
) -> Outcome:
    """The outcome that the events of an operation add up to; `name` is the root's, `said` what a witness heard."""
    return Outcome(
        name,
        stack.status,
        good,
        seconds,
        stack,
        None if good else cause(events, name, root, said),
        tuple(sorted({event.path for event in events if event.status == "DELETE_SKIPPED"})),
        None if good else obstacle(events, name, root, said),
    )
