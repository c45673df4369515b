"""What the actions of a release share: the options, what each leaves behind, and the context they run in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.deployment.aws import Aws
from scripts.rehearsal.account_view import Pipeline
from scripts.rehearsal.artifacts import ArtifactStore
from scripts.rehearsal.builds.images import Images
from scripts.rehearsal.builds.programs import ProgramServer
from scripts.rehearsal.edge.sites import Distributions
from scripts.rehearsal.executions import Executions
from scripts.rehearsal.janitor import Janitor
from scripts.rehearsal.permissions import PermissionChecker
from scripts.rehearsal.runtime.beanstalk import BeanstalkInstances
from scripts.rehearsal.runtime.ecs import EcsTasks

# What AWS's documentation leaves open; either answer is simulated, and a release has to work under both.
S3_ENCRYPTS = "s3-deploy-encrypts"  # the S3 deploy action encrypts with the store's key when no other is named
ECS_WAITS = "ecs-deploy-waits"  # the ECS action does not end for a service whose desired count is 0


@dataclass(frozen=True)
class RehearsalOptions:
    """What the caller decides.

    `application` is the application's folder, `cache` where things are kept between rehearsals, `variables` values
    that builds get instead of their own, `programs` a folder of programs that go before the real ones. `execution` is
    run, which somebody else started, instead of a new one; `worker` is the command that runs such executions. `asks`
    says that approvals wait for somebody, instead of being given by the rehearsal; `suppositions` are answers to what
    AWS's documentation leaves open. `hang_at` names a stage or action that never ends.
    """

    application: Path
    cache: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    programs: Path | None = None
    execution: str = ""
    worker: tuple[str, ...] = ()
    asks: bool = False
    suppositions: frozenset[str] = frozenset()
    hang_at: str = ""

    @property
    def log_folder(self) -> Path:
        """Where a rehearsal leaves its logs; they stay until the next one."""
        return self.cache / "last"


@dataclass(frozen=True)
class ActionOutput:
    """What an action leaves behind: variables for its namespace, and one line about it."""

    variables: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""


@dataclass
class RehearsalContext:
    """The environment that is rehearsed, and what stands for its services on this machine.

    `emit_event` takes source, detail
    type, resources and detail of an event. `application_seconds` counts what is not the rehearsal's own time: the
    commands of builds, the start of the application.
    """

    aws: Aws
    options: RehearsalOptions
    janitor: Janitor
    pipeline: Pipeline
    checker: PermissionChecker
    store: ArtifactStore
    images: Images
    tasks: EcsTasks
    instances: BeanstalkInstances
    distributions: Distributions
    programs: ProgramServer
    executions: Executions
    print_line: Callable[[str], None]
    notes: dict[str, None] = field(default_factory=dict)
    emit_event: Callable[[str, str, list[str], Mapping[str, Any]], None] = lambda *_: None
    application_seconds: float = 0.0

    @property
    def workspaces(self) -> Path:
        """A folder for workspaces: no configuration file of any tool lies above it."""
        return self.janitor.folder

    def note(self, text: str) -> None:
        """Remembers a difference from AWS for the report, once."""
        self.notes.setdefault(text)

    def check_artifact_store(self, role: str, operation: str, operation_with_key: str) -> None:
        """Checks a role's access to the artifact store and its key. Raises `AccessDeniedError`."""
        self.checker.check_operation(role, operation, {"Bucket": self.pipeline.bucket})
        if self.pipeline.key:
            self.checker.check_operation(role, operation_with_key, {"Key": self.pipeline.key})
