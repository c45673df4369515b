"""A CodeBuild action: the project as it is deployed, its buildspec in a real shell in a clean workspace."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from scripts.rehearsal import programs, shell
from scripts.rehearsal.artifacts import shown
from scripts.rehearsal.commands import CommandLine
from scripts.rehearsal.deployed import Action
from scripts.rehearsal.errors import Failed, Unsupported
from scripts.rehearsal.permissions import Denied
from scripts.rehearsal.providers.codecommit import commits
from scripts.rehearsal.stage import Result, Run, World

PROJECT = "AWS::CodeBuild::Project"
# How this machine reaches the package registries.
PASSED = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "PIP_", "NPM_CONFIG_", "NODE_EXTRA_CA_CERTS", "SSL_CERT_")
SHOWN = ("RESULT", "ERROR", "GREEN", "RED", "waiting", "DURATION")


def run(world: World, action: Action, run: Run) -> Result:
    """Plays the build; its artifacts are kept, its exported variables become the action's."""
    world.judge.need(world.pipeline.role, "action CodeBuild", action.configuration)
    name = action.configuration["ProjectName"]
    projects = world.aws.call("codebuild", "batch_get_projects", names=[name])["projects"]
    if not projects:
        raise Failed(f"there is no project {name}")
    build = _Build(world, action, run, projects[0])
    return build.play()


class _Build:
    """One build of a project."""

    def __init__(self, world: World, action: Action, run: Run, project: Mapping[str, Any]) -> None:
        self.world, self.action, self.run, self.project = world, action, run, project
        self.role: str = project["serviceRole"]
        self.secrets: list[str] = []
        self.denied: list[str] = []
        name = f"build-{len(list(world.options.work.glob('build-*'))) + 1:02}-{action.name}"
        self.folder, self.log = world.space / name, world.options.work / f"{name}.log"
        self.source = self.folder / "src"

    def play(self) -> Result:
        world, name = self.world, self.project["name"]
        self._judge()
        inputs = [self.run.artifacts[one] for one in self.action.inputs]
        primary = self.action.configuration.get("PrimarySource", self.action.inputs[0])
        for one in inputs:
            world.store.unpack(one, self.source if one.name == primary else self.folder / f"src-{one.name}")
        spec = self._buildspec()
        environment = self._environment(spec)
        hooks = {**world.containers.hooks(), **world.instances.hooks(), **world.sites.hooks()}
        command = CommandLine(world.aws, world.judge, self.role, hooks, commits(world.options.application))
        played: dict[str, programs.Program] = {"codebuild-hash-files": programs.hash_files}
        played["aws"] = self._watched(command)
        played["docker"] = self._watched(world.images.docker(world.judge, self.role))
        own, cache = world.options.programs, world.options.cache
        python = Path(sys.executable)
        if own is None and any("python" in one.get("runtime-versions", {}) for one in spec["phases"].values()):
            python = programs.python_for(self.source, name, cache / "builds")
        world.programs.lay(self.folder / "bin", played, python, own)
        with self.log.open("w", encoding="utf-8") as file:
            outcome = shell.run(
                spec,
                self.source,
                environment,
                self.folder / "state",
                lambda line: self._line(line, file.write),
                (self.project.get("timeoutInMinutes") or 60) * 60.0,
            )
        world.seconds += outcome.seconds
        self._runtimes(outcome.runtimes)
        if not outcome.succeeded:
            raise Failed(self._why(outcome), f"log {shown(self.log)}")
        self._reports(spec, outcome)
        self._keep(outcome)
        return Result(outcome.variables, f"log {shown(self.log)}")

    def _watched(self, program: programs.Program) -> programs.Program:
        """A program whose denied calls are remembered: they say more than what the build makes of them."""

        def run(ask: programs.Ask) -> programs.Answer:
            try:
                return program(ask)
            except Denied as denied:
                self.denied.append(str(denied))
                return programs.Answer(error=f"AccessDenied: {denied}\n", status=254)

        return run

    def _judge(self) -> None:
        world, judge = self.world, self.world.judge
        judge.assume(self.role, PROJECT, "ServiceRole")
        group = self.project.get("logsConfig", {}).get("cloudWatchLogs", {}).get("groupName", "")
        judge.need(self.role, "build log", {"Group": group})
        world.artifact_store(self.role, "build input", "build with a key")
        if self.action.outputs:
            world.artifact_store(self.role, "build output", "build with a key")
        cache = self.project.get("cache", {})
        if cache.get("type") == "S3":
            judge.need(self.role, "build cache", {"Cache": cache["location"]})
            world.note("the builds' S3 caches: folders of this machine, kept between rehearsals")

    def _buildspec(self) -> dict[str, Any]:
        text = self.project["source"].get("buildspec") or "buildspec.yml"
        if "\n" not in text:
            file = self.source / text
            if not file.is_file():
                raise Failed(f"YAML_FILE_ERROR: the source has no {text}")
            text = file.read_text(encoding="utf-8")
        found = yaml.safe_load(text)
        if not isinstance(found, dict) or str(found.get("version")) != "0.2":
            raise Failed(f"YAML_FILE_ERROR: the buildspec of {self.project['name']} is none of version 0.2")
        return found

    def _environment(self, spec: Mapping[str, Any]) -> dict[str, str]:
        """What the container has: variables of the project, then of the action, CodeBuild's own, this machine's."""
        world, found = self.world, dict[str, str]()
        given: list[Mapping[str, str]] = list(self.project["environment"].get("environmentVariables", ()))
        given += json.loads(self.action.configuration.get("EnvironmentVariables", "[]"))
        for key, kind in (("parameter-store", "PARAMETER_STORE"), ("secrets-manager", "SECRETS_MANAGER")):
            listed = spec.get("env", {}).get(key, {})
            found |= self._values({"name": name, "value": value, "type": kind} for name, value in listed.items())
        found |= self._values(given)
        for name, value in found.items():
            if local := world.sites.local(value):
                found[name] = local
                world.note(f"{name} = {value}: served here as {local}")
        known = {*found, *spec.get("env", {}).get("variables", {})}
        for name in sorted(world.options.variables.keys() & known):
            found[name] = world.options.variables[name]
            world.note(f"{name} = {found[name]}: set by the caller")
        home = world.options.cache / "home" / self.project["name"]
        home.mkdir(parents=True, exist_ok=True)
        region = world.aws.region
        own = {
            "AWS_DEFAULT_REGION": region,
            "AWS_REGION": region,
            "CODEBUILD_BUILD_ID": f"{self.project['name']}:{self.run.id}",
            "CODEBUILD_INITIATOR": f"codepipeline/{world.pipeline.name}",
            "CODEBUILD_RESOLVED_SOURCE_VERSION": self.run.commit,
            "CODEBUILD_SOURCE_VERSION": f"arn:aws:s3:::{world.pipeline.bucket}",
            **{f"CODEBUILD_SRC_DIR_{name}": str(self.folder / f"src-{name}") for name in self.action.inputs[1:]},
        }
        passed = {name: value for name, value in os.environ.items() if name.upper().startswith(PASSED)}
        path = os.pathsep.join([str(self.folder / "bin"), os.environ.get("PATH", os.defpath)])
        return {**passed, **found, **own, "PATH": path, "HOME": str(home)}

    def _values(self, listed: Iterable[Mapping[str, str]]) -> dict[str, str]:
        """Variables with their values, those of the stores read in the name of the build's role."""
        world, found = self.world, dict[str, str]()
        place = f"{world.aws.region}:{world.judge.account}"
        for one in listed:
            kind, value = one.get("type", "PLAINTEXT"), one["value"]
            if kind == "PARAMETER_STORE":
                on = f"arn:{world.judge.partition}:ssm:{place}:parameter/{value.lstrip('/')}"
                world.judge.call(self.role, "ssm:GetParameters", on, {})
                value = world.aws.call("ssm", "get_parameter", Name=value, WithDecryption=True)["Parameter"]["Value"]
                self.secrets.append(value)
            elif kind == "SECRETS_MANAGER":
                secret, _, key = value.partition(":") if not value.startswith("arn:") else (value, "", "")
                held = world.aws.call("secretsmanager", "get_secret_value", SecretId=secret)
                world.judge.call(self.role, "secretsmanager:GetSecretValue", held["ARN"], {})
                value = str(json.loads(held["SecretString"])[key.split(":")[0]] if key else held["SecretString"])
                self.secrets.append(value)
            elif kind != "PLAINTEXT":
                raise Unsupported(f"{one['name']}: variables of type {kind} are not imitated")
            found[one["name"]] = value
        return found

    def _line(self, line: str, write: Any) -> None:
        for secret in self.secrets:
            line = line.replace(secret, "***") if secret else line
        write(line)
        if line.startswith(SHOWN):
            self.world.say(line.rstrip())

    def _runtimes(self, wanted: Mapping[str, str]) -> None:
        own = self.world.options.programs
        for runtime, version in wanted.items():
            found = platform.python_version()
            if runtime == "nodejs":
                program = shutil.which("node", path=str(self.folder / "bin")) or shutil.which("node") or "node"
                found = subprocess.run(
                    [program, "--version"], capture_output=True, text=True, check=False
                ).stdout.strip()
            stub = " or a stand-in of the caller" if own else ""
            self.world.note(
                f"{self.project['environment']['image']}: this machine, {runtime} {version} is {found}{stub}"
            )

    def _why(self, outcome: shell.Outcome) -> str:
        if self.denied:
            return "; ".join(dict.fromkeys(self.denied))
        failed = [name for name, good in outcome.phases.items() if not good]
        said = [line for line in outcome.results() if line.startswith(("ERROR", "RED"))]
        log = outcome.log.splitlines()
        end = next((number for number, line in enumerate(log) if line.startswith("[command failed")), len(log))
        lines = said or log[max(0, end - 2) : end]
        return f"phase {failed[0]} failed: {'; '.join(lines)}" if failed else "; ".join(outcome.errors)

    def _reports(self, spec: Mapping[str, Any], outcome: shell.Outcome) -> None:
        for group, files in outcome.reports.items():
            kind = spec["reports"][group].get("file-format", "JUNITXML")
            report = {"Report": f"{self.project['name']}-{group}"}
            self.world.judge.need(self.role, f"build report {kind}", report)
            self.world.say(f"report {group}: {', '.join(path.name for path in files)}")

    def _keep(self, outcome: shell.Outcome) -> None:
        """One output is the primary artifact, several are the secondary ones by their names (build-spec-ref)."""
        outputs = self.action.outputs
        for name in outputs:
            files = outcome.artifacts.get("" if len(outputs) == 1 else name)
            if not files:
                made = ", ".join(one or "the primary one" for one in outcome.artifacts) or "none"
                raise Failed(f"the build made no artifact {name}; it made {made}")
            kept = self.world.store.put(name, files)
            self.run.artifacts[name] = kept
            self.world.say(f"artifact {name}: {kept.files} files, {kept.bytes:,} bytes")
