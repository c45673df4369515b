"""Who deploys from where: the state of the working tree, the run of the script, and what earlier runs left behind."""

import hashlib
import os
import platform
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from generator.cfn.stacks import Stack
from scripts import git
from scripts.deployment import stacks
from scripts.deployment.aws import Answer, Aws
from scripts.deployment.stacks import OURS, SAVED

# The folders of this project that decide what is deployed.
DECIDING = ("buildspecs", "generator", "params", "scripts", "templates")
# A plan that nobody has agreed to for so long was left behind, wherever it was made.
STALE = timedelta(hours=1)


@dataclass(frozen=True)
class Source:
    """The state of the working tree: `commit` and `branch` as git names them, `tree` is clean, changed or unknown."""

    commit: str = "unknown"
    branch: str = "unknown"
    tree: str = "unknown"

    def __str__(self) -> str:
        return f"commit {self.commit[:12]} ({self.branch}, tree {self.tree})"


def source(folder: Path) -> Source:
    """What git says about `folder`; everything is unknown outside a repository."""
    try:
        state = git.state(folder, DECIDING)
    except git.GitError:
        return Source()
    return Source(state.commit or "none", state.branch or "(detached)", "changed" if state.changed else "clean")


@dataclass(frozen=True)
class Author:
    """One run of the script, written into each change set's description: `who` is the ARN of the caller, `machine`
    stands for a host without naming it."""

    who: str
    machine: str
    process: int

    def __str__(self) -> str:
        return f"by {self.who}, run {self.run}"

    @property
    def run(self) -> str:
        """The machine and the process, as one word."""
        return f"{self.machine}-{self.process}"

    @property
    def gone(self) -> bool:
        """It ran on this machine and does not any more; never true of a run on another machine."""
        if self.machine != _machine():
            return False
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        return False


def this_run(who: str) -> Author:
    """The author that this process is."""
    return Author(who, _machine(), os.getpid())


def read_author(description: str) -> Author | None:
    """The author in the description of a change set, None when it names none."""
    match = re.search(r"by (?P<who>\S+), run (?:(?P<machine>[0-9a-f]{8})-(?P<process>\d+))?", description)
    return Author(match["who"], match["machine"] or "", int(match["process"] or 0)) if match else None


def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def clear_change_sets(aws: Aws, stack: Stack) -> int:
    """Removes the change sets that earlier runs of this script left; returns how many. The plan that somebody else is
    looking at stays: whose run is not known to have ended may still be at the prompt. The one that was executed last
    goes, too: while it is there, so are those of nested stacks without changes, which add up."""
    names = [summary["ChangeSetId"] for summary in stacks.change_sets(aws, stack.id) if _is_left(summary)]
    if stack.change_set.partition(":changeSet/")[2].startswith((OURS, SAVED)):
        names.append(stack.change_set)
    for name in names:
        stacks.delete_change_set(aws, name)
    return len(names)


def _is_left(summary: Answer) -> bool:
    if not summary["ChangeSetName"].startswith(OURS):
        return False
    author = read_author(summary.get("Description", ""))
    return bool(author and author.gone) or datetime.now(UTC) - summary["CreationTime"] > STALE
