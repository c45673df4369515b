"""How a release went, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from scripts.rehearsal.messages import Message
from scripts.rehearsal.permissions import Usage


@dataclass(frozen=True)
class ActionResult:
    """How one action ended; `error` is empty when it succeeded."""

    name: str
    provider: str
    seconds: float
    summary: str
    error: str = ""

    @property
    def short(self) -> str:
        """The name without the stage's."""
        return self.name.partition("/")[2]


@dataclass(frozen=True)
class StageResult:
    """How one stage ended, attempt by attempt, and what its failure led to; `skipped` is the check that kept the
    release from entering it."""

    name: str
    actions: tuple[ActionResult, ...]
    after: str = ""
    skipped: str = ""

    @property
    def succeeded(self) -> bool:
        return not any(one.error for one in {one.name: one for one in self.actions}.values())


@dataclass(frozen=True)
class Release:
    """One execution of a pipeline, from start to end."""

    pipeline: str
    id: str
    commit: str
    started: str
    stages: tuple[StageResult, ...]
    messages: tuple[Message, ...]
    artifacts: Mapping[str, str]
    usage: tuple[Usage, ...]
    notes: tuple[str, ...]
    seconds: float
    harness: float
    left: tuple[str, ...] = field(default=())  # stages that were not reached

    @property
    def succeeded(self) -> bool:
        return not self.left and all(one.succeeded for one in self.stages)
