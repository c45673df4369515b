"""`status`: the stacks as they stand, and how far what runs on them is."""

from argparse import ArgumentParser
from collections.abc import Iterable
from datetime import UTC, datetime

from generator.cfn.environments import Environment
from generator.cfn.stacks import Stack, StackResource
from generator.cfn.statuses import Action
from generator.cfn.templates import STACK
from scripts.deployment import stacks
from scripts.deployment.aws import Aws
from scripts.deployment.errors import Exit
from scripts.operations import leftovers, subscribers
from scripts.operations.diagnose import history, recovery
from scripts.operations.diagnose.operation import last_operation, read_events
from scripts.operations.options import NoOptions
from scripts.operations.output import outcomes
from scripts.operations.output.progress import Progress
from scripts.operations.output.progress_view import view_lines
from scripts.operations.output.stuck import advice, stuck_lines
from scripts.operations.releases import documents
from scripts.operations.run import Run, say
from scripts.terminal import results

Options = NoOptions


def arguments(_parser: ArgumentParser) -> None:
    """Takes none of its own."""


def run(run: Run, _options: NoOptions) -> Exit:
    """Every root that the file asks for, with its nested stacks; 4 when one of them runs or needs manual action."""
    ended = Exit.DONE
    results.begin(stacks=[])
    for root in run.roots.values():
        aws = run.at(root).aws
        stack = stacks.read(aws, root.stack)
        if not (stack or root.needed):
            continue
        resources = list(stacks.resources(aws, stack.id)) if stack else []
        children = _children(aws, resources)
        remedy = recovery.remedy(root, stack) if stack else ""
        action = stack.meaning.action if stack else None
        is_stuck = stack is not None and action in (Action.CONTINUE, Action.MANUAL)
        failed = recovery.stuck_resources(aws, stack) if stack and is_stuck else []
        # What names the resources says the same below, and better.
        general = "" if stack and advice(stack, failed) else remedy
        say(outcomes.status_lines(stack, root.stack, children, general))
        release = documents.of_last_release(aws, stack) if stack else None
        if release:
            say(outcomes.release_lines(release))
        left = leftovers.of_stack(aws, stack) if stack and action is Action.UPDATE else []
        if left:
            say([*leftovers.leftover_lines(left, aws.region), *leftovers.network_lines(aws, left)])
        unreached = subscribers.unreached(aws, stack, resources) if stack and action is Action.UPDATE else []
        say(subscribers.unreached_lines(unreached, aws.region))
        document = outcomes.status_document(stack, root.stack, children, remedy)
        more = {
            "left": leftovers.leftover_documents(left),
            "unreached": subscribers.unreached_documents(unreached),
            "release": release.document if release else None,
        }
        results.append("stacks", {**document, **more})
        if stack and action is Action.WAIT:
            _show_progress(aws, root, stack)
        elif stack and is_stuck:
            say(stuck_lines(stack, failed, root.root))
        if action in (Action.WAIT, Action.CONTINUE, Action.MANUAL):
            ended = Exit.MANUAL
    return ended


def _children(aws: Aws, resources: Iterable[StackResource]) -> dict[str, str]:
    """The status of each nested stack by its logical id: its own, because the root does not see when somebody deletes
    one by itself."""
    nested, statuses = [each for each in resources if each.type == STACK], {}
    read = aws.at_once(lambda each: stacks.read(aws, each.physical_id) if each.physical_id else None, nested)
    for resource, below in zip(nested, read, strict=True):
        status = resource.status if below is None or below.status == resource.status else below.status
        gone = resource.physical_id and below is None and resource.status != "DELETE_COMPLETE"
        statuses[resource.path[0]] = "DELETE_COMPLETE" if gone else status
    return statuses


def _show_progress(aws: Aws, root: Environment, stack: Stack) -> None:
    operation, now = last_operation(aws, stack.id), datetime.now(UTC)
    if operation:
        progress = Progress()
        progress.fold(read_events(aws, stack.id, operation.after))
        text = history.describe(stack, operation, history.operator(aws, stack), now)
        say([text, *view_lines(progress, root.root, now)])
