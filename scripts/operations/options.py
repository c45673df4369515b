"""What the command line may say, as typed values: the one place in which they are read from argparse's answer."""

import argparse
from argparse import ArgumentParser
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from scripts.deployment.guards import Consent

NOBODY = "nobody"  # instead of a topic
TERMINAL, JSON = "terminal", "json"
Options = TypeVar("Options")


def read_options(form: type[Options], answer: argparse.Namespace) -> Options:
    """The options of a verb: each field of the dataclass `form` is what argparse found under its name, lists become
    tuples, and a field that is a dataclass itself is read in the same way."""
    hints, values = get_type_hints(form), dict[str, Any]()
    for entry in fields(form):  # type: ignore[arg-type]
        if is_dataclass(hints[entry.name]):
            values[entry.name] = read_options(hints[entry.name], answer)
        elif hasattr(answer, entry.name):
            value = getattr(answer, entry.name)
            values[entry.name] = tuple(value) if isinstance(value, list) else value
    return form(**values)


@dataclass(frozen=True)
class NoOptions:
    """A verb that takes none of its own."""


@dataclass(frozen=True)
class WatchOptions:
    """How much is shown of what is going on."""

    quiet: bool = False
    verbose: bool = False


@dataclass(frozen=True)
class KeepOptions:
    """How the stacks are kept: `notify` are topics that get their events, None for those of before."""

    notify: tuple[str, ...] | None = None
    without_alarms: bool = False

    @property
    def topics(self) -> tuple[str, ...] | None:
        return None if self.notify is None else tuple(topic for topic in self.notify if topic != NOBODY)


@dataclass(frozen=True)
class DeployOptions:
    """What may be said of a deployment. `plan` is the file of a reviewed plan, `wait` and `cancel_release` are what is
    to happen to a release that the deployment would disturb."""

    consent: Consent = field(default_factory=Consent)
    keep: KeepOptions = field(default_factory=KeepOptions)
    watch: WatchOptions = field(default_factory=WatchOptions)
    wait: bool = False
    cancel_release: bool = False
    adopt: bool = False
    follow: bool = False
    change_set: bool = False
    without_branch: bool = False
    plan: Path | None = None


def deploy_arguments(parser: ArgumentParser) -> None:
    """The options of `DeployOptions`."""
    consent_arguments(parser)
    adopt_argument(parser)
    parser.add_argument("--plan", type=Path, metavar="FILE", help="execute a plan saved with `plan --out FILE`")
    follow_argument(parser)
    keep_arguments(parser)
    watch_arguments(parser)
    parser.add_argument(
        "--without-branch", action="store_true", help="skip the check that the pipeline's branch exists"
    )


def consent_arguments(parser: ArgumentParser) -> None:
    """How somebody agrees on the command line."""
    parser.add_argument("--yes", action="store_true", help="agree in advance; never covers destructive changes")
    for option, what in (("--allow-replace", "replacing"), ("--allow-delete", "deleting")):
        help_text = f"allow {what} this resource, which holds data or an address; repeatable"
        parser.add_argument(option, metavar="NAME", action="append", default=[], help=help_text)
    parser.add_argument("--allow-broader", action="store_true", help="allow this plan to grant more permissions")
    parser.add_argument("--wait", action="store_true", help="wait for the running release to finish")
    parser.add_argument(
        "--cancel-release", action="store_true", help="change the pipeline now; cancels the running release"
    )


def keep_arguments(parser: ArgumentParser) -> None:
    """How the stacks are kept, and how thoroughly they are compared."""
    parser.add_argument(
        "--notify",
        metavar="TOPIC",
        action="append",
        help=f"ARN of a topic that receives every event of the stacks, or the word `{NOBODY}` for none; repeatable",
    )
    parser.add_argument(
        "--without-alarms",
        action="store_true",
        help="disable rollback on alarms for this update, to fix the cause of an alarm",
    )
    parser.add_argument(
        "--change-set", action="store_true", help="ask CloudFormation for a change set although nothing differs"
    )


def watch_arguments(parser: ArgumentParser) -> None:
    """How much is shown of what is going on."""
    much = parser.add_mutually_exclusive_group()
    much.add_argument("--quiet", action="store_true", help="show the result only, no progress")
    much.add_argument("--verbose", action="store_true", help="show every event of every resource")


def adopt_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--adopt", action="store_true", help="use resources retained from an earlier environment of this name"
    )


def follow_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--follow", action="store_true", help="follow an operation that somebody else has started, then deploy"
    )


def format_argument(parser: ArgumentParser, *formats: str) -> None:
    """The option `--format`; the first of `formats` is the default."""
    choices = formats or (TERMINAL, JSON)
    parser.add_argument("--format", choices=choices, default=choices[0], help=f"how to show it ({choices[0]})")
