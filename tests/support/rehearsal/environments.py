"""Environments that tests rehearse in: a local AWS of their own, what is deployed to it, applications."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.deployment.aws import Aws, Endpoint
from scripts.local_aws import server
from scripts.rehearsal.context import RehearsalOptions
from scripts.rehearsal.report import Release
from tests import prepared
from tests.conftest import ROOT
from tests.support import commands
from tests.support.commands import Words
from tests.support.gate import pass_gate
from tests.support.rehearsal import programs
from tests.support.rehearsal.releases import rehearse

STACK = "cloud-health-dashboard-local"
SAMPLE = ROOT / "tests/applications/sample"
# Red checks do not become green by waiting.
AT_ONCE = {"WAIT_SECONDS": "0", "PAUSE_SECONDS": "0.1"}


@dataclass
class DeployedEnvironment:
    """An environment, the folders it is deployed from, and what the last release said while it ran."""

    run_file: Path
    folder: Path
    aws: Aws
    lines: list[str] = field(default_factory=list)

    def deploy(self) -> str:
        """The deploy script on this AWS, with the folders as they are now; what it printed."""
        pass_gate(self.folder / "templates")
        return self.script("apply", "local")

    def script(self, verb: str, *words: str) -> str:
        """What the deploy script prints on this AWS."""
        folders = ["--templates", str(self.folder / "templates"), "--params", str(self.folder / "params")]
        done = commands.run(Words(commands.DEPLOY, [verb, *words, "--local-aws", str(self.run_file), *folders]))
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def parameters(self, **changed: str) -> None:
        """Changes parameters of the environment for the next deployment."""
        choosing(self.folder, **changed)

    def application(self, name: str, **files: str) -> Path:
        """A copy of the sample application with other content of its own; `app__sick` stands for backend/app/sick."""
        folder = self.folder / "applications" / name
        shutil.copytree(SAMPLE, folder)
        (folder / "frontend/public/index.html").write_text(f"<title>{name}</title>", encoding="utf-8")
        for path, text in {"app__version": name, **files}.items():
            (folder / "backend" / path.replace("__", "/")).write_text(text, encoding="utf-8")
        return folder

    def release(
        self,
        application: Path,
        fail_at: str = "",
        asks: bool = False,
        suppose: tuple[str, ...] = (),
        hang_at: str = "",
        **variables: str,
    ) -> Release:
        """One release with the fake programs; what it leaves to run others is the same in a command."""
        self.lines.clear()
        cache, programs, variables = self.folder / "cache", self.folder / "fakes", {**AT_ONCE, **variables}
        worker = [sys.executable, "-m", "scripts.rehearse", "--local-aws", self.run_file, "--cache", cache]
        worker += ["--app", application, "--programs", programs]
        worker += [word for name, value in variables.items() for word in ("--set", f"{name}={value}")]
        options = RehearsalOptions(
            application,
            cache,
            variables,
            programs,
            worker=tuple(map(str, worker)),
            asks=asks,
            suppositions=frozenset(suppose),
            hang_at=hang_at,
        )
        return rehearse(self.aws, options, None, fail_at, self.lines.append)

    def output(self, name: str) -> str:
        """An output of the environment's stack."""
        stack = self.aws.call("cloudformation", "describe_stacks", StackName=STACK)["Stacks"][0]
        return str({output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}[name])

    def service(self) -> tuple[int, str]:
        """How many tasks the service wants, and the commit's tag of its image."""
        cluster, name = self.output("RunningCluster"), self.output("RunningService")
        service = self.aws.call("ecs", "describe_services", cluster=cluster, services=[name])["services"][0]
        task = self.aws.call("ecs", "describe_task_definition", taskDefinition=service["taskDefinition"])
        return service["desiredCount"], self._tag(task["taskDefinition"]["containerDefinitions"][0]["image"])

    def _tag(self, image: str) -> str:
        """The commit's tag of an image that is named by its digest; before the first release it is none."""
        if "@" not in image:
            return image.rpartition(":")[2]
        repository, _, digest = image.partition("/")[2].partition("@")
        tags = self.aws.call("ecr", "describe_images", repositoryName=repository, imageIds=[{"imageDigest": digest}])
        [tag] = [tag for tag in tags["imageDetails"][0]["imageTags"] if not tag.startswith("released-")]
        return str(tag)

    def project(self, action: str) -> dict[str, Any]:
        """The CodeBuild project of an action."""
        pipeline = self.aws.call("codepipeline", "get_pipeline", name=self.output("Pipeline"))["pipeline"]
        actions = {action["name"]: action for stage in pipeline["stages"] for action in stage["actions"]}
        name = actions[action]["configuration"]["ProjectName"]
        return dict(self.aws.call("codebuild", "batch_get_projects", names=[name])["projects"][0])

    def rebuild(self, project: dict[str, Any], buildspec: str) -> None:
        """Makes a project anew with another buildspec; moto cannot change one."""
        kept = ("name", "artifacts", "environment", "serviceRole", "logsConfig")
        self.aws.call("codebuild", "delete_project", name=project["name"])
        source = {**project["source"], "buildspec": buildspec}
        self.aws.call("codebuild", "create_project", **{key: project[key] for key in kept}, source=source)

    def last_image(self) -> str:
        """The commit's tag of the last good image."""
        answer = self.aws.call("ssm", "get_parameter", Name=self.output("LastImageParameter"))
        return self._tag(str(answer["Parameter"]["Value"]))

    @contextmanager
    def pipeline(self, change: Callable[[dict[str, Any]], None]) -> Iterator[None]:
        """The pipeline changed by hand, for as long as the context."""
        name = self.output("Pipeline")
        before = self.aws.call("codepipeline", "get_pipeline", name=name)["pipeline"]
        changed = json.loads(json.dumps(before))
        change(changed)
        self.aws.call("codepipeline", "update_pipeline", pipeline=changed)
        try:
            yield
        finally:
            self.aws.call("codepipeline", "update_pipeline", pipeline=before)


def choosing(folder: Path, **parameters: str) -> None:
    """Chooses parameters of the environment before it is deployed."""
    file = folder / "params/local.json"
    body = json.loads(file.read_text(encoding="utf-8"))
    body["Parameters"].update(parameters)
    file.write_text(json.dumps(body), encoding="utf-8")


def red(release: Release) -> str:
    """The error of the one action that failed."""
    assert not release.succeeded
    errors = [action.error for stage in release.stages for action in stage.actions if action.error]
    assert len(errors) == 1, errors
    return errors[0]


def without(pipeline: dict[str, Any], *names: str) -> None:
    """Takes actions out of a pipeline."""
    for stage in pipeline["stages"]:
        stage["actions"] = [action for action in stage["actions"] if action["name"] not in names]


@contextmanager
def deployed_environment(
    folder: Path, change: Callable[[Path], None] = lambda _: None
) -> Iterator[DeployedEnvironment]:
    """A deployed environment; `change` may alter the copies of templates/ and params/ before that."""
    for name in ("templates", "params"):
        shutil.copytree(ROOT / name, folder / name)
    change(folder)
    programs.lay(folder / "fakes")
    run_file = folder / "local_aws.json"
    endpoint = prepared.ensure(run_file)
    try:
        local = Endpoint(endpoint.url, endpoint.region, endpoint.exceptions, endpoint.key)
        environment = DeployedEnvironment(run_file, folder, Aws(endpoint=local))
        environment.deploy()
        yield environment
    finally:
        server.stop(run_file)


def command(environment: DeployedEnvironment, *more: str) -> subprocess.CompletedProcess[str]:
    """The command as somebody types it, on this environment."""
    return commands.run(Words("scripts.rehearse", ["--local-aws", str(environment.run_file), *more]))
