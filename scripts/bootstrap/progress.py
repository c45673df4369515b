"""The steps that a bootstrap has taken, each with the time it took, and what the next ones need of them."""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from shutil import get_terminal_size
from textwrap import wrap

from generator.cfn import template_names
from generator.cfn.environments import SHARED
from generator.cfn.stacks import Stack
from scripts.deployment import stacks
from scripts.deployment.deploy_root import Context
from scripts.deployment.environment import load
from scripts.deployment.errors import DeployError, Exit, ManualActionRequiredError, RefusedError
from scripts.deployment.package import GateVerdict
from scripts.operations.options import DeployOptions, read_options
from scripts.operations.run import Run
from scripts.terminal import console, results
from scripts.terminal.endings import PROJECT
from scripts.terminal.text import BOLD, GREEN, RED, YELLOW, Line, line


class State(Enum):
    """How a step ended."""

    DONE = "done"
    ALREADY = "already"
    WAITS = "waits"  # for a person
    FAILED = "failed"


# Characters: of a list that is easy to read, of the longest state, and of what is said about a step at least.
WIDTH, STATE_WIDTH, NARROWEST = 80, 7, 20
STYLES = {State.DONE: GREEN, State.ALREADY: "", State.WAITS: YELLOW, State.FAILED: RED}


@dataclass(frozen=True)
class Progress:
    """What a step says at its end; `already` when there was nothing to do."""

    detail: str
    already: bool = False


@dataclass(frozen=True)
class StepResult:
    """One step: how it ended, how many seconds it took, and one line about it."""

    step: str
    state: State
    seconds: float
    detail: str

    def document(self) -> dict[str, object]:
        """The step for programs."""
        return {"step": self.step, "state": self.state.value, "seconds": round(self.seconds, 1), "detail": self.detail}


class EndedError(DeployError):
    """A step ended with an exit status of its own; what there is to say has been said."""

    def __init__(self, status: Exit, step: str) -> None:
        super().__init__(f"The step {step} did not succeed.", "Correct what is said above, and run the same again.")
        self.status = status


class Bootstrap:
    """One call of the command: the steps so far, the run of verbs once there is an account, and what is left for a
    person to do."""

    def __init__(self, options: Namespace) -> None:
        self.options = options
        self.folder: Path = options.app.resolve()
        self.name: str = options.environment
        self.deployment: DeployOptions = read_options(DeployOptions, options)
        self.steps: list[StepResult] = []
        self.left: list[str] = []
        self.title, self.address = self.folder.name, ""
        self._run: Run | None = None

    @property
    def run(self) -> Run:
        """The account, the roots and the folders."""
        assert self._run, "bootstrap is not connected yet"
        return self._run

    @property
    def shared_run(self) -> Run:
        """The same for what all environments share alone."""
        from scripts.deployment.environment import load

        return replace(self.run, roots=load(SHARED, self.run.templates, self.run.params))

    @property
    def context(self) -> Context:
        """The run as the core of a deployment takes it."""
        from scripts.operations.deploying import context

        return context(self.run, self.deployment)

    def connect(self) -> None:
        """Reads the templates and the parameter file, and connects to the account. Raises `DeployError`."""
        from scripts.cli import connect

        options = self.options
        roots = load(self.name, options.templates, options.params)
        gate = GateVerdict.beside(options.templates)
        self._run = Run(connect(options), roots, PROJECT, options.templates, options.params, gate)
        self.title = self.run.environment.application
        results.update({"application": self.title})

    def stack(self) -> Stack:
        """The environment's stack as it stands. Raises `RefusedError` when there is none."""
        stack = stacks.read(self.run.aws, self.run.environment.stack)
        if stack is None or template_names.PIPELINE not in stack.outputs:
            raise RefusedError(f"{self.run.environment.stack} does not exist, or has no pipeline.")
        return stack

    def take(self, name: str, step: Callable[["Bootstrap"], Progress]) -> None:
        """Takes one step and remembers how it went. Raises what the step raises."""
        console.show([line((f"[{name}]", BOLD))])
        began = time.monotonic()

        def end(state: State, detail: str) -> None:
            result = StepResult(name, state, time.monotonic() - began, detail)
            self.steps.append(result)
            results.append("steps", result.document())

        try:
            progress = step(self)
        except ManualActionRequiredError as error:
            end(State.WAITS, error.reason.splitlines()[0].rstrip(":"))
            raise
        except DeployError as error:
            end(State.FAILED, error.reason.splitlines()[0].rstrip(":"))
            raise
        except BaseException as error:
            end(State.FAILED, "interrupted" if isinstance(error, KeyboardInterrupt) else type(error).__name__)
            raise
        end(State.ALREADY if progress.already else State.DONE, progress.detail)

    def check(self, step: str, status: Exit) -> None:
        """Raises `EndedError` unless a verb's work ended well."""
        if status is not Exit.DONE:
            raise EndedError(status, step)

    def leave(self, text: str) -> None:
        """Remembers something that only a person can do, and that nothing waits for."""
        self.left.append(text)
        results.append("left", text)

    def lines(self) -> Iterator[Line]:
        """Every step with its time; what is long goes on below itself, so that a narrow terminal leaves the columns."""
        width = max((len(step.step) for step in self.steps), default=0)
        yield line()
        for step in self.steps:
            text = f"{step.step:{width}}  {step.seconds:6.1f} s  "
            indent = len(text) + STATE_WIDTH + 2
            room = max(min(WIDTH, get_terminal_size().columns) - indent, NARROWEST)
            first, *more = wrap(step.detail, room, break_long_words=False, break_on_hyphens=False) or [""]
            yield line(text, (f"{step.state.value:{STATE_WIDTH}}", STYLES[step.state]), f"  {first}")
            yield from (line(f"{'':{indent}}{rest}") for rest in more)
        if self.steps:
            yield line(f"{'':{width}}  {sum(step.seconds for step in self.steps):6.1f} s")

    def left_lines(self) -> Iterator[str]:
        """What is left for a person to do."""
        yield from (f"still to do: {text}" for text in self.left)
