"""What the providers of actions share: the stage that a release plays on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.deployment.aws import Aws
from scripts.rehearsal.artifacts import Artifact, Store
from scripts.rehearsal.containers import Containers
from scripts.rehearsal.deployed import Pipeline
from scripts.rehearsal.images import Images
from scripts.rehearsal.instances import Instances
from scripts.rehearsal.permissions import Judge
from scripts.rehearsal.programs import Programs
from scripts.rehearsal.sites import Sites


@dataclass(frozen=True)
class Options:
    """What the caller decides: the application's folder, where things are kept between rehearsals, values of variables
    that builds get instead of their own, a folder of programs that go before the real ones."""

    application: Path
    cache: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    programs: Path | None = None

    @property
    def work(self) -> Path:
        """Where one rehearsal leaves its logs; they stay until the next one."""
        return self.cache / "last"


@dataclass
class Run:
    """One execution of the pipeline: its artifacts by name, the variables of its namespaces, and its commit."""

    id: str
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    variables: dict[str, dict[str, str]] = field(default_factory=dict)
    commit: str = ""


@dataclass(frozen=True)
class Result:
    """What an action leaves behind: variables for its namespace, one line about it."""

    variables: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""


@dataclass
class World:
    """The environment that is rehearsed, and this machine."""

    aws: Aws
    options: Options
    space: Path  # for workspaces: no configuration file of any tool lies above them
    pipeline: Pipeline
    judge: Judge
    store: Store
    images: Images
    containers: Containers
    instances: Instances
    sites: Sites
    programs: Programs
    say: Callable[[str], None]
    notes: dict[str, None] = field(default_factory=dict)
    emit: Callable[[str, str, list[str], Mapping[str, Any]], None] = lambda *_: None  # source, kind, resources, detail
    seconds: float = 0.0  # of what is not the harness: builds' own commands, the application's start

    def note(self, text: str) -> None:
        """Remembers what was stood in for, once."""
        self.notes.setdefault(text)

    def artifact_store(self, role: str, thing: str, with_key: str) -> None:
        """Judges a role's access to the artifact store and its key."""
        self.judge.need(role, thing, {"Bucket": self.pipeline.bucket})
        if self.pipeline.key:
            self.judge.need(role, with_key, {"Key": self.pipeline.key})
