"""A person looks on: the view of a running operation, and what Ctrl-C may mean."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from generator.cfn.stacks import Stack
from generator.cfn.templates import Template
from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError
from scripts.deployment.execute import Running, leave
from scripts.deployment.plan import Plan
from scripts.operations import following
from scripts.operations.diagnose.cause import SERVICE, Diagnosis, FailureObserver, diagnose
from scripts.operations.diagnose.tasks import standing
from scripts.operations.following import Event, FollowedOutcome
from scripts.operations.options import WatchOptions
from scripts.operations.output.progress import Progress
from scripts.operations.output.progress_view import Lines, Live
from scripts.terminal import console, prompt

# CloudFormation cancels an update, and nothing else, while it has not begun to clean up or to roll back (API
# reference, CancelUpdateStack).
CANCELLABLE = "UPDATE_IN_PROGRESS"
EVERY = 10.0


@dataclass(frozen=True)
class Audience:
    """Who looks on: the account, how much they want to see."""

    aws: Aws
    options: WatchOptions

    def observer(self, root: Template, plan: Plan | None = None) -> FailureObserver:
        """The view that this run shows of an operation on the stack of `root`, and who answers Ctrl-C."""
        view = self._view(root, plan)
        attended = prompt.attended() and sys.stdout.isatty()
        return FailureObserver(self.aws, view, Ask(self.aws, view.pause) if attended else leave)

    def _view(self, root: Template, plan: Plan | None) -> "View":
        if self.options.quiet:
            return Nothing()
        if self.options.verbose or not console.interactive():
            return Lines(verbose=self.options.verbose, more=Services(self.aws))
        paths = [change.path for change in plan.leaves() if change.certain] if plan else []
        return Live(root, paths, more=Services(self.aws))

    def watch(self, running: Running, root: Template, plan: Plan | None = None) -> tuple[FollowedOutcome, Diagnosis]:
        """Follows an operation to its end, and says why it failed. Raises `ManualActionRequiredError`."""
        observer = self.observer(root, plan)
        outcome = following.watch(self.aws, running, observer)
        return outcome, diagnose(outcome, root, observer.service_messages)


class Services:
    """What ECS says of the services that are becoming stable, asked every `EVERY` seconds while there is one."""

    def __init__(self, aws: Aws) -> None:
        self._aws, self._last, self._lines = aws, -EVERY, list[str]()

    def __call__(self, progress: Progress) -> list[str]:
        parts = progress.running()
        arns = [part.physical_id for part in parts if part.type == SERVICE and part.physical_id]
        if arns and time.monotonic() - self._last > EVERY:
            self._last = time.monotonic()
            self._lines = [line for arn in arns for line in standing(self._aws, arn)]
        return self._lines if arns else []


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
        while answer not in ("w", "l", *(["c"] if cancel else [])):
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
