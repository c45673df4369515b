"""A verb as the command line runs it, in this process and on an account of the test's own."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from generator.cfn.environments import Environment
from generator.cfn.stacks import Stack
from scripts.deployment.aws import Aws
from scripts.deployment.execute import Running, leave
from scripts.operations.following import Event
from scripts.operations.options import read_options
from scripts.operations.run import Run
from tests.conftest import ROOT
from tests.support.gate import passed
from tests.support.service import arn


def verb_run(aws: Aws, roots: Mapping[str, Environment]) -> Run:
    """A run on the repository's folders, with templates that the gate has passed."""
    return Run(aws, roots, ROOT, ROOT / "templates", ROOT / "params", passed(roots))


def verb_options(verb: ModuleType, **options: Any) -> Any:
    """The options of a verb as they are when none is given, but for `options`."""
    parser = ArgumentParser()
    verb.arguments(parser)
    for action in parser._actions:
        action.required = False
    return read_options(verb.Options, Namespace(**{**vars(parser.parse_args([])), **options}))


class Watching:
    """An observer made of two functions; Ctrl-C leaves the operation running where nothing else is said."""

    def __init__(
        self, see: Callable[[list[Event]], object] = lambda _: None, interrupted: Callable[[Stack], object] = leave
    ) -> None:
        self._see, self._interrupted = see, interrupted

    def see(self, events: list[Event], /) -> None:
        self._see(events)

    def interrupted(self, stack: Stack, /) -> None:
        self._interrupted(stack)


def running(name: str, after: str | None = None, success: str = "UPDATE_COMPLETE") -> Running:
    """An operation on a stack of the tests' account."""
    return Running(Stack(name, arn("stack", name), ""), after, frozenset({success}), 0.0)
