"""A release without processes and servers: its context over prepared answers, with checks that are kept."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from scripts.deployment.aws import Aws
from scripts.rehearsal.account_view import Action, Pipeline
from scripts.rehearsal.artifacts import Artifact, ArtifactStore
from scripts.rehearsal.context import RehearsalContext, RehearsalOptions
from scripts.rehearsal.engine import rehearsal
from scripts.rehearsal.executions import BY_HAND, Execution, Executions
from scripts.rehearsal.janitor import Janitor
from scripts.rehearsal.permissions import AccessDeniedError, PermissionChecker, Usage
from scripts.rehearsal.report import Release
from tests.support.rehearsal.prepared_aws import ACCOUNT, PreparedAws, aws

PIPELINE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/pipeline"
STORE_KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/store"
PIPELINE = Pipeline(
    name="dashboard",
    arn=f"arn:aws:codepipeline:us-east-1:{ACCOUNT}:dashboard",
    role=PIPELINE_ROLE,
    version=3,
    bucket="store",
    key=STORE_KEY,
    stages=(),
    identity="0123",
    variables={"Size": "small"},
)
STORE_CHECKS = [
    (PIPELINE_ROLE, "artifact store", {"Bucket": "store"}),
    (PIPELINE_ROLE, "artifact store with a key", {"Key": STORE_KEY}),
]


def rehearse(
    aws: Aws,
    options: RehearsalOptions,
    pipeline_name: str | None = None,
    fail_at: str = "",
    print_line: Callable[[str], None] = lambda _: None,
) -> Release:
    """One release; everything has ended when it returns."""
    with rehearsal(aws, options, pipeline_name, fail_at, print_line) as release:
        return release


@dataclass
class Account(PreparedAws):
    """Prepared answers, or functions that give them; objects in buckets by `BUCKET/KEY`, with their headers."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    endpoint: Any = None

    def call(self, service: str, operation: str, /, **arguments: Any) -> dict[str, Any]:
        name = f"{service}.{operation}"
        if name == "s3.put_object":
            headers = dict(arguments)
            self.objects[f"{headers.pop('Bucket')}/{headers.pop('Key')}"] = headers
            return {}
        if name == "s3.get_object":
            return {"Body": io.BytesIO(self.objects[f"{arguments['Bucket']}/{arguments['Key']}"]["Body"])}
        if callable(self.answers.get(name)):
            self.calls.append((name, arguments))
            return cast(dict[str, Any], self.answers[name](**arguments))
        return super().call(service, operation, **arguments)

    def store(self, name: str, files: Mapping[str, str]) -> Artifact:
        """Puts an artifact into the store."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for path, text in files.items():
                archive.writestr(path, text)
        self.objects[f"store/in/{name}"] = {"Body": buffer.getvalue()}
        return Artifact(name, f"in/{name}", len(files), len(buffer.getvalue()))

    def written(self, artifact: Artifact) -> dict[str, str]:
        """The files of an artifact that was put into the store."""
        with zipfile.ZipFile(io.BytesIO(self.objects[f"store/{artifact.key}"]["Body"])) as archive:
            return {name: archive.read(name).decode() for name in archive.namelist()}


@dataclass
class Checks:
    """A checker that keeps what it is asked, and denies the operations and actions that a test names."""

    account: str = ACCOUNT
    partition: str = "aws"
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    denied: set[str] = field(default_factory=set)

    def check_service_trust(self, role: str, kind: str, key: str) -> None:
        self._keep(role, f"trust of {kind}", key)

    def check_role_trust(self, role: str, by: str) -> None:
        self._keep(role, "trust of a role", by)

    def check_operation(self, role: str, operation: str, fields: Mapping[str, str], *star: str) -> None:
        self._keep(role, operation, dict(fields), *star)

    def usage(self) -> list[Usage]:
        return []

    def check_call(self, role: str, action: str, resource: str, context: Mapping[str, str]) -> None:
        self._keep(role, action, resource, *([dict(context)] if context else []))

    def _keep(self, role: str, name: str, *more: Any) -> None:
        self.calls.append((role, name, *more))
        if name in self.denied:
            raise AccessDeniedError(f"{role.rpartition('/')[2]} may not {name}")


@dataclass
class Page:
    """The local AWS's page of executions: their records by id, and the orders that each gets when it is written."""

    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    orders: dict[str, Any] = field(default_factory=dict)
    queries: list[tuple[str, Any]] = field(default_factory=list)

    def __call__(self, query: str, body: Any) -> Any:
        self.queries.append((query, body if isinstance(body, list) else None))
        if body is None:
            return json.loads(json.dumps(list(self.records.values())))
        if isinstance(body, list):
            return {}
        self.records[body["id"]] = json.loads(json.dumps(body))
        return {"orders": dict(self.orders)}


@dataclass
class Rehearsed:
    """A context with what a test reads of it."""

    account: Account
    checks: Checks
    page: Page
    context: RehearsalContext
    lines: list[str]
    execution: Execution

    @property
    def notes(self) -> list[str]:
        return list(self.context.notes)


def rehearsed(
    folder: Path, answers: Mapping[str, Any] | None = None, pipeline: Pipeline = PIPELINE, **options: Any
) -> Rehearsed:
    """An execution of a pipeline that has begun, in a context whose services are none: a test puts in what it needs."""
    account, checks, page, lines = Account(dict(answers or {})), Checks(), Page(), list[str]()
    workspaces = folder / "workspaces"
    workspaces.mkdir()
    executions = Executions(pipeline, page)
    own = RehearsalOptions(folder / "application", folder / "cache", **options)
    own.log_folder.mkdir(parents=True)
    nothing = cast(Any, SimpleNamespace(hooks=dict))
    context = RehearsalContext(
        aws=aws(account),
        options=own,
        janitor=Janitor(workspaces, cast(Any, SimpleNamespace(stdin=io.StringIO()))),
        pipeline=pipeline,
        checker=cast(PermissionChecker, checks),
        store=ArtifactStore(aws(account), pipeline.bucket, pipeline.key, pipeline.name),
        images=nothing,
        tasks=nothing,
        instances=nothing,
        distributions=nothing,
        programs=nothing,
        executions=executions,
        print_line=lines.append,
    )
    return Rehearsed(account, checks, page, context, lines, executions.begin(BY_HAND))


def action(provider: str, name: str = "Act", stage: str = "Stage", **more: Any) -> Action:
    """An action of a provider, of the run order 1, with nothing but what a test gives it."""
    settings: dict[str, Any] = {"inputs": (), "outputs": (), "namespace": "", "configuration": {}, **more}
    return Action(stage, name, 1, {"provider": provider, "category": "Any", "owner": "AWS", "version": "1"}, **settings)
