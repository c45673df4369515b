"""What Elastic Beanstalk does by itself, instead of its instances: the bundle of an environment's version is unpacked,
and its `web` process runs on this machine.

The local AWS keeps applications, versions and environments and runs nothing, so what it answers about the health of
instances is completed here. Source: Elastic Beanstalk developer guide, python-configuration-procfile (the `web`
process, and port 8000, which nginx passes requests to), python-configuration-requirements, AWSHowTo.secrets.env-vars.
"""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError
from scripts.rehearsal.artifacts import shown_path, unpack
from scripts.rehearsal.builds.aws_cli import Hook
from scripts.rehearsal.errors import ActionFailedError
from scripts.rehearsal.permissions import PermissionChecker
from scripts.rehearsal.runtime import application
from scripts.rehearsal.runtime.toolchains import application_python

EB, TYPE = "aws:elasticbeanstalk", "AWS::ElasticBeanstalk::Environment"
PLAIN, SECRETS = f"{EB}:application:environment", f"{EB}:application:environmentsecrets"
PROCESS, LAUNCH = f"{EB}:environment:process:default", "aws:autoscaling:launchconfiguration"
PORT = 8000  # where nginx of the platform passes requests to, unless the property PORT says another
PROCFILE_LINE = re.compile(r"^([A-Za-z0-9_-]+):\s*(.+?)\s*$", re.MULTILINE)
NOT_SIMULATED = (".ebextensions", ".platform")
EnvironmentOptions = dict[tuple[str, str], str]


@dataclass(frozen=True)
class RunningVersion:
    """What the instances of an environment run: the version's label, the process that stands for all, the options that
    it was started with."""

    label: str
    instance_ids: tuple[str, ...]
    process: application.ApplicationProcess
    options: EnvironmentOptions


@dataclass
class BeanstalkInstances:
    """The environments whose instances run here.

    `programs` is a folder of the caller's that replaces what the bundle's requirements install; `patience` are the
    seconds that the application has to answer; `serve` sends what goes to the backend to another address.
    """

    aws: Aws
    checker: PermissionChecker
    folder: Path
    venvs: Path
    programs: Path | None
    print_line: Callable[[str], None]
    note: Callable[[str], None]
    patience: float = application.START_SECONDS
    serve: Callable[[str], object] = lambda _: None
    environments: dict[str, RunningVersion] = field(default_factory=dict)

    def describe(self, name: str, environment: str) -> dict[str, Any]:
        """An environment, by the names of its application and its own. Raises `ActionFailedError`."""
        names = {"ApplicationName": name, "EnvironmentNames": [environment]}
        environments = self.aws.call("elasticbeanstalk", "describe_environments", **names)["Environments"]
        if not environments:
            raise ActionFailedError(f"there is no environment {environment} of application {name}")
        return dict(environments[0])

    def options(self, name: str, environment: str) -> EnvironmentOptions:
        """The options of an environment, by namespace and name."""
        names = {"ApplicationName": name, "EnvironmentName": environment}
        answer = self.aws.call("elasticbeanstalk", "describe_configuration_settings", **names)
        return {
            (option["Namespace"], option["OptionName"]): option.get("Value", "")
            for option in answer["ConfigurationSettings"][0]["OptionSettings"]
        }

    def roles(self, options: EnvironmentOptions) -> tuple[str, str]:
        """The role of the service and that of the instances, by their ARNs."""
        name = options[LAUNCH, "IamInstanceProfile"].rpartition("/")[2]
        profile = self.aws.call("iam", "get_instance_profile", InstanceProfileName=name)["InstanceProfile"]
        return options[f"{EB}:environment", "ServiceRole"], str(profile["Roles"][0]["Arn"])

    def deploy(self, name: str, environment: str, label: str) -> RunningVersion:
        """Makes the environment run a version. Raises `ActionFailedError`, and then what ran before runs again."""
        before = self.environments.pop(environment, None)
        if before:
            before.process.stop()
        try:
            version = self._start(name, environment, label)
        except (ActionFailedError, AwsError) as error:
            if before:
                self.environments[environment] = self._start(name, environment, before.label)
            raise ActionFailedError(str(error)) from error
        self.environments[environment] = version
        return version

    def resume(self, name: str, environment: str, label: str) -> None:
        """As `deploy`, unless the environment runs that version already, with the options that it has. With other
        options, new instances answer before the old ones end (developer guide, environmentmgmt-updates-immutable)."""
        version = self.environments.get(environment)
        if not (version and version.process.alive and version.label == label):
            self.deploy(name, environment, label)
        elif version.options != self.options(name, environment):
            try:
                self.environments[environment] = self._start(name, environment, label, beside=True)
            except ActionFailedError:  # its command names no port that could be another one, say
                self.deploy(name, environment, label)
                return
            self.serve(self.url(environment))
            version.process.stop()

    def url(self, environment: str) -> str:
        """Where an environment answers; empty while nothing runs."""
        return self.environments[environment].process.url if environment in self.environments else ""

    def stop(self) -> None:
        """Ends every process."""
        for version in self.environments.values():
            version.process.stop()

    def hooks(self) -> dict[str, Hook]:
        """What a build sees of the instances."""
        return {"elasticbeanstalk.describe_instances_health": self._complete_health}

    def _start(self, name: str, environment: str, label: str, beside: bool = False) -> RunningVersion:
        """Starts a version; `beside` one that runs and listens."""
        names = {"ApplicationName": name, "VersionLabels": [label]}
        answer = self.aws.call("elasticbeanstalk", "describe_application_versions", **names)
        if not answer["ApplicationVersions"]:
            raise ActionFailedError(f"application {name} has no version {label}")
        source = answer["ApplicationVersions"][0]["SourceBundle"]
        bundle = self.folder / f"instance-{uuid.uuid4().hex[:8]}"
        unpack(self.aws, source["S3Bucket"], source["S3Key"], bundle)
        for part in NOT_SIMULATED:
            if (bundle / part).exists():
                self.note(f"{part} of the bundle: not simulated")
        options = self.options(name, environment)
        values = self._environment(name, environment, options)
        command, port = self._web_command(bundle, int(values.get("PORT", PORT)), beside)
        launch = application.Launch(bundle, values, port, self.patience)
        process = application.start_command(launch, command, self._programs(bundle))
        path, expected = (
            options.get((PROCESS, "HealthCheckPath"), "/"),
            options.get((PROCESS, "MatcherHTTPCode"), "200"),
        )
        if problem := application.health_problem(process.url, path, expected):
            process.stop()
            raise ActionFailedError(problem)
        self.print_line(f"instance with {label}: `{command}` on {process.url}, log {shown_path(process.log)}")
        count = int(options.get(("aws:autoscaling:asg", "MinSize"), "1"))
        return RunningVersion(label, tuple(f"i-{uuid.uuid4().hex[:17]}" for _ in range(count)), process, options)

    def _web_command(self, bundle: Path, port: int, beside: bool) -> tuple[str, int]:
        """The command of the `web` process, and the port where it listens; another one than the platform's where that
        is taken on this machine and the command names it."""
        file = bundle / "Procfile"
        if not file.is_file():
            raise ActionFailedError(
                "the bundle has no Procfile: the platform would start gunicorn, which FastAPI does not run under"
            )
        processes = dict(PROCFILE_LINE.findall(file.read_text(encoding="utf-8")))
        if "web" not in processes:
            raise ActionFailedError(f"the Procfile has no process web; it has {', '.join(processes) or 'none'}")
        command = processes["web"]
        if application.is_port_free(port):
            return command, port
        other = application.free_port()
        changed = re.sub(rf"\b{port}\b", str(other), command)
        if changed == command:
            raise ActionFailedError(
                f"port {port} is taken on this machine, and the Procfile does not name it: stop what listens"
            )
        if not beside:
            self.note(f"port {port} of the instances: {other}, because something else listens on it here")
        return changed, other

    def _programs(self, bundle: Path) -> Path:
        """The folder with the programs that the bundle's requirements install."""
        if self.programs:
            return self.programs
        requirements = bundle / "requirements.txt"
        if not requirements.is_file():
            raise ActionFailedError(
                "the bundle has no requirements.txt, so the platform installs nothing that could serve it"
            )
        return application_python(requirements, self.venvs).parent

    def _environment(self, name: str, environment: str, options: EnvironmentOptions) -> dict[str, str]:
        """The application's environment, its secrets read in the name of the instances' role. Unlike Fargate, nothing
        adds the Region."""
        service, role = self.roles(options)
        self.checker.check_service_trust(service, TYPE, "OptionSettings")
        self.checker.check_service_trust(role, "AWS::IAM::InstanceProfile", "Roles")
        names = {"ApplicationName": name, "EnvironmentName": environment}
        self.checker.check_operation(role, "instance", names)
        values = {option: value for (space, option), value in options.items() if space == PLAIN}
        for (space, option), source in options.items():
            if space == SECRETS:
                values[option] = application.stored_value(self.aws, self.checker, role, source, "instance")
        return {**values, **application.credentials(self.aws)}

    def _complete_health(self, arguments: Mapping[str, Any], answer: dict[str, Any]) -> None:
        version = self.environments.get(arguments["EnvironmentName"])
        if version and version.process.alive:
            deployment = {"VersionLabel": version.label, "Status": "Deployed"}
            state = {"HealthStatus": "Ok", "Color": "Green", "Deployment": deployment}
            answer["InstanceHealthList"] = [{"InstanceId": name, **state} for name in version.instance_ids]
