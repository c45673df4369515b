"""A CodeBuild action: the project as it is deployed, its buildspec in a real shell in a clean workspace."""

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from scripts.rehearsal.account_view import Action
from scripts.rehearsal.actions import codecommit_answers
from scripts.rehearsal.artifacts import shown_path
from scripts.rehearsal.builds import phases, programs
from scripts.rehearsal.builds.aws_cli import CommandLine
from scripts.rehearsal.context import ActionOutput, RehearsalContext
from scripts.rehearsal.errors import ActionFailedError, UnsupportedError
from scripts.rehearsal.executions import Execution
from scripts.rehearsal.permissions import AccessDeniedError
from scripts.rehearsal.runtime.toolchains import build_python, clean_environment

PROJECT = "AWS::CodeBuild::Project"
PRINTED = ("RESULT", "ERROR", "GREEN", "RED", "waiting", "DURATION")
DEFAULT_TIMEOUT = 60  # minutes


def run_build(context: RehearsalContext, action: Action, execution: Execution) -> ActionOutput:
    """Runs the build; its artifacts are stored, its exported variables become the action's."""
    context.checker.check_operation(context.pipeline.role, "action CodeBuild", action.configuration)
    name = action.configuration["ProjectName"]
    projects = context.aws.call("codebuild", "batch_get_projects", names=[name])["projects"]
    if not projects:
        raise ActionFailedError(f"there is no project {name}")
    return _Build(context, action, execution, projects[0]).run()


class _Build:
    """One build of a project."""

    def __init__(
        self, context: RehearsalContext, action: Action, execution: Execution, project: Mapping[str, Any]
    ) -> None:
        self.context, self.action, self.execution, self.project = context, action, execution, project
        self.checker = context.checker
        self.role: str = project["serviceRole"]
        self.secrets: list[str] = []
        self.denied: list[str] = []
        number = len(list(context.options.log_folder.glob("build-*"))) + 1
        name = f"build-{number:02}-{action.name}"
        self.folder, self.log = context.workspaces / name, context.options.log_folder / f"{name}.log"
        self.source = self.folder / "src"
        self.primary = action.configuration.get("PrimarySource", action.inputs[0])

    def run(self) -> ActionOutput:
        context = self.context
        self._check_role()
        for name in self.action.inputs:
            folder = self.source if name == self.primary else self._secondary_source(name)
            context.store.unpack(self.execution.artifacts[name], folder)
        spec = self._buildspec()
        environment = self._environment(spec)
        self._install_programs(spec)
        with self.log.open("w", encoding="utf-8") as file:
            runner = phases.Runner(
                self.folder / "state",
                lambda line: self._log_line(line, file.write),
                (self.project.get("timeoutInMinutes") or DEFAULT_TIMEOUT) * 60.0,
                context.janitor.guard,
            )
            outcome = phases.run_buildspec(spec, self.source, environment, runner)
        context.application_seconds += outcome.seconds
        self._note_runtimes(outcome.runtimes)
        if not outcome.succeeded:
            raise ActionFailedError(self._failure(outcome), f"log {shown_path(self.log)}")
        self._check_reports(spec, outcome)
        self._store_artifacts(outcome)
        return ActionOutput(outcome.variables, f"log {shown_path(self.log)}")

    def _secondary_source(self, name: str) -> Path:
        return self.folder / f"src-{name}"

    def _install_programs(self, spec: Mapping[str, Any]) -> None:
        """Fills the build's PATH: simulated programs, Python and Node.js."""
        context, options = self.context, self.context.options
        parts = (context.tasks, context.instances, context.distributions, context.images)
        hooks = {operation: hook for part in parts for operation, hook in part.hooks().items()}
        command_line = CommandLine(context.aws, self.checker, self.role, hooks, codecommit_answers(options.application))
        simulated: dict[str, programs.Program] = {
            "codebuild-hash-files": programs.hash_files,
            "aws": self._recording_denials(command_line),
            "docker": self._recording_denials(context.images.docker(self.checker, self.role)),
        }
        needs_python = any("python" in phase.get("runtime-versions", {}) for phase in spec["phases"].values())
        python = None
        if options.programs is None and needs_python:
            python = build_python(self.source, self.project["name"], options.cache / "builds")
        context.programs.install(self.folder / "bin", simulated, python, options.programs)

    def _recording_denials(self, program: programs.Program) -> programs.Program:
        """A program whose denied calls are remembered: they say more than what the build makes of them."""

        def run(call: programs.ProgramCall) -> programs.ProgramResult:
            try:
                return program(call)
            except AccessDeniedError as error:
                self.denied.append(str(error))
                return programs.ProgramResult(error=f"AccessDenied: {error}\n", status=254)

        return run

    def _check_role(self) -> None:
        context, checker = self.context, self.checker
        checker.check_service_trust(self.role, PROJECT, "ServiceRole")
        group = self.project.get("logsConfig", {}).get("cloudWatchLogs", {}).get("groupName", "")
        checker.check_operation(self.role, "build log", {"Group": group})
        context.check_artifact_store(self.role, "build input", "build with a key")
        cache = self.project.get("cache", {})
        if cache.get("type") == "S3":
            bucket, _, path = cache["location"].partition("/")
            fields = {"Cache": cache["location"], "CacheBucket": bucket, "CachePath": path}
            checker.check_operation(self.role, "build cache", fields)
            context.note("the builds' S3 caches: folders of this machine, kept between rehearsals")

    def _buildspec(self) -> dict[str, Any]:
        text = self.project["source"].get("buildspec") or "buildspec.yml"
        if "\n" not in text:
            file = self.source / text
            if not file.is_file():
                raise ActionFailedError(f"YAML_FILE_ERROR: the source has no {text}")
            text = file.read_text(encoding="utf-8")
        spec = yaml.safe_load(text)
        if not isinstance(spec, dict) or str(spec.get("version")) != "0.2":
            raise ActionFailedError(
                f"YAML_FILE_ERROR: the buildspec of {self.project['name']} is not one of version 0.2"
            )
        return spec

    def _environment(self, spec: Mapping[str, Any]) -> dict[str, str]:
        """What the container has: variables of the project, then of the action, CodeBuild's own, this machine's."""
        context = self.context
        declared: list[Mapping[str, str]] = []
        for key, kind in (("parameter-store", "PARAMETER_STORE"), ("secrets-manager", "SECRETS_MANAGER")):
            names = spec.get("env", {}).get(key, {})
            declared += [{"name": name, "value": value, "type": kind} for name, value in names.items()]
        declared += self.project["environment"].get("environmentVariables", ())
        declared += json.loads(self.action.configuration.get("EnvironmentVariables", "[]"))
        values = self._values(declared)
        for name, value in values.items():
            if local := context.distributions.local_address(value):
                values[name] = local
                context.note(f"{name} = {value}: served here as {local}")
        names_in_build = {*values, *spec.get("env", {}).get("variables", {})}
        for name in sorted(context.options.variables.keys() & names_in_build):
            values[name] = context.options.variables[name]
            context.note(f"{name} = {values[name]}: set by the caller")
        environment = clean_environment(context.options.cache / "home" / self.project["name"])
        region, name = context.aws.region, self.project["name"]
        secondary = [name for name in self.action.inputs if name != self.primary]
        own = {
            "AWS_DEFAULT_REGION": region,
            "AWS_REGION": region,
            "CODEBUILD_BUILD_ID": f"{name}:{self.execution.id}",
            "CODEBUILD_INITIATOR": f"codepipeline/{context.pipeline.name}",
            "CODEBUILD_RESOLVED_SOURCE_VERSION": self.execution.commit,
            "CODEBUILD_SOURCE_VERSION": f"arn:aws:s3:::{context.pipeline.bucket}",
            **{f"CODEBUILD_SRC_DIR_{name}": str(self._secondary_source(name)) for name in secondary},
        }
        path = os.pathsep.join([str(self.folder / "bin"), environment["PATH"]])
        return {**environment, **values, **own, "PATH": path, "HOME": environment["HOME"]}

    def _values(self, declared: Iterable[Mapping[str, str]]) -> dict[str, str]:
        """Variables with their values, those of the stores read in the name of the build's role."""
        context = self.context
        values: dict[str, str] = {}
        for variable in declared:
            kind, value = variable.get("type", "PLAINTEXT"), variable["value"]
            if kind == "PARAMETER_STORE":
                account = f"{context.aws.region}:{self.checker.account}"
                arn = f"arn:{self.checker.partition}:ssm:{account}:parameter/{value.lstrip('/')}"
                self.checker.check_call(self.role, "ssm:GetParameters", arn, {})
                value = context.aws.call("ssm", "get_parameter", Name=value, WithDecryption=True)["Parameter"]["Value"]
                self.secrets.append(value)
            elif kind == "SECRETS_MANAGER":
                secret, _, key = (value, "", "") if value.startswith("arn:") else value.partition(":")
                answer = context.aws.call("secretsmanager", "get_secret_value", SecretId=secret)
                self.checker.check_call(self.role, "secretsmanager:GetSecretValue", answer["ARN"], {})
                value = answer["SecretString"]
                if key:
                    value = str(json.loads(value)[key.split(":")[0]])
                self.secrets.append(value)
            elif kind != "PLAINTEXT":
                raise UnsupportedError(f"{variable['name']}: variables of type {kind} are not simulated")
            values[variable["name"]] = value
        return values

    def _log_line(self, line: str, write: Callable[[str], object]) -> None:
        for secret in filter(None, self.secrets):
            line = line.replace(secret, "***")
        write(line)
        if line.startswith(PRINTED):
            self.context.print_line(line.rstrip())

    def _note_runtimes(self, declared: Mapping[str, str]) -> None:
        for runtime, version in declared.items():
            actual = platform.python_version()
            if runtime == "nodejs":
                program = shutil.which("node", path=str(self.folder / "bin")) or shutil.which("node") or "node"
                command = [program, "--version"]
                actual = subprocess.run(command, capture_output=True, encoding="utf-8", check=False).stdout.strip()
            substitute = " or a substitute of the caller" if self.context.options.programs else ""
            image = self.project["environment"]["image"]
            self.context.note(f"{image}: this machine, {runtime} {version} is {actual}{substitute}")

    def _failure(self, outcome: phases.Outcome) -> str:
        if self.denied:
            return "; ".join(dict.fromkeys(self.denied))
        return outcome.failure

    def _check_reports(self, spec: Mapping[str, Any], outcome: phases.Outcome) -> None:
        for group, files in outcome.reports.items():
            kind = spec["reports"][group].get("file-format", "JUNITXML")
            report = {"Report": f"{self.project['name']}-{group}"}
            self.checker.check_operation(self.role, f"build report {kind}", report)
            self.context.print_line(f"report {group}: {', '.join(path.name for path in files)}")

    def _store_artifacts(self, outcome: phases.Outcome) -> None:
        """A single output is the primary artifact, several are the secondary ones by their names (build-spec-ref)."""
        outputs = self.action.outputs
        for name in outputs:
            files = outcome.artifacts.get("" if len(outputs) == 1 else name)
            if not files:
                names = ", ".join(artifact or "the primary one" for artifact in outcome.artifacts) or "none"
                raise ActionFailedError(f"the build made no artifact {name}; it made {names}")
            store = self.context.store
            key = store.key_of(name)
            arn = f"arn:{self.checker.partition}:s3:::{store.bucket}/{key}"
            self.checker.check_call(self.role, "s3:PutObject", arn, {})
            artifact = store.put(name, files, key)
            self.execution.artifacts[name] = artifact
            self.context.print_line(f"artifact {name}: {artifact.files} files, {artifact.bytes:,} bytes")
