"""A person looks on: the view of a running operation, and what Ctrl-C may mean."""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Protocol

from generator.cfn.templates import Template
from scripts.deployment import execute
from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError
from scripts.deployment.execute import Outcome, Watcher, leave
from scripts.deployment.follow import Event
from scripts.deployment.plan import Plan
from scripts.deployment.stacks import Stack
from scripts.operations.diagnose.cause import SERVICE
from scripts.operations.diagnose.running import Operation
from scripts.operations.diagnose.tasks import standing
from scripts.operations.output.progress import Progress
from scripts.operations.output.progress_view import Lines, Live
from scripts.operations.run import Run
from scripts.terminal import console, prompt

# CloudFormation cancels an update, and nothing else, while it has not begun to clean up or to roll back (API
# reference, CancelUpdateStack).
CANCELLABLE = "UPDATE_IN_PROGRESS"
EVERY = 10.0


def arguments(parser: ArgumentParser) -> None:
    """How much is shown of what is going on."""
    much = parser.add_mutually_exclusive_group()
    much.add_argument("--quiet", action="store_true", help="show the result only, no progress")
    much.add_argument("--verbose", action="store_true", help="show every event of every resource")


def watcher(run: Run, root: Template, planned: Plan | None = None) -> Watcher:
    """The view that this run shows, and who answers Ctrl-C."""
    view = _view(run, root, planned)
    return Watcher(view, Ask(run.aws, view.pause) if prompt.attended() and sys.stdout.isatty() else leave)


def _view(run: Run, root: Template, planned: Plan | None) -> "View":
    if run.given.quiet:
        return Nothing()
    if run.given.verbose or not console.interactive():
        return Lines(verbose=run.given.verbose, more=Services(run.aws))
    paths = [change.path for change in planned.leaves() if change.certain] if planned else []
    return Live(root, paths, more=Services(run.aws))


class Services:
    """What ECS says of the services that are becoming stable, asked every `EVERY` seconds while there is one."""

    def __init__(self, aws: Aws) -> None:
        self._aws, self._asked, self._told = aws, -EVERY, list[str]()

    def __call__(self, progress: Progress) -> list[str]:
        arns = [one.physical_id for one in progress.running() if one.type == SERVICE and one.physical_id]
        if arns and time.monotonic() - self._asked > EVERY:
            self._asked = time.monotonic()
            self._told = [line for arn in arns for line in standing(self._aws, arn)]
        return self._told if arns else []


class View(Protocol):
    """Shows events as they come; `pause` makes room for a question."""

    def __call__(self, events: list[Event], /) -> None: ...
    def pause(self) -> None: ...


class Nothing:
    """No progress at all."""

    def __call__(self, events: list[Event], /) -> None:
        pass

    def pause(self) -> None:
        pass


def silent() -> Watcher:
    """Nobody looks on."""
    return Watcher(Nothing(), leave)


def attached(run: Run, root: Template, operation: Operation) -> Outcome:
    """Follows what another run started to its end. Raises `ManualActionRequiredError`."""
    return execute.watch(run.aws, operation.running(), root, watcher(run, root))


class Ask:
    """Asks a person what Ctrl-C means. `pause` takes the view away, so that there is room for the question."""

    def __init__(self, aws: Aws, pause: Callable[[], None]) -> None:
        self._aws, self._pause = aws, pause

    def __call__(self, stack: Stack) -> None:
        """Returns to go on watching. Raises `ManualActionRequiredError` when it is left running."""
        self._pause()
        cancel = stack.status == CANCELLABLE
        console.show(["", f"{stack.name} {stack.meaning.text} ({stack.status})."])
        if not cancel:
            console.show_line("It cannot be cancelled: it goes on to its end, and takes back what it made if it fails.")
        choices = f"[w]atch on, {'[c]ancel: everything goes back, ' if cancel else ''}[l]eave it running? "
        answer = ""
        while answer not in ("w", "l", *("c" * cancel)):
            try:
                answer = prompt.answer(choices)[:1].lower()
            except (KeyboardInterrupt, prompt.NobodyAnsweredError):
                answer = "l"
        if answer == "l":
            leave(stack)
        if answer == "c":
            self._cancel(stack)

    def _cancel(self, stack: Stack) -> None:
        try:
            self._aws.call("cloudformation", "cancel_update_stack", StackName=stack.id)
        except AwsError as error:  # it may have ended meanwhile, and is watched on
            console.show_line(f"It was not cancelled: {error.reason}")
