"""What Elastic Beanstalk does by itself, in the place of its instances: the bundle of an environment's version is
unpacked, and its `web` process runs on this machine.

The local AWS holds applications, versions and environments and runs nothing, so what it says about the health of
instances is completed here. Source: elasticbeanstalk dg, python-configuration-procfile (the `web` process, and port
8000, which nginx passes requests to), python-configuration-requirements, AWSHowTo.secrets.env-vars.
"""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError
from scripts.rehearsal import application, process, venv
from scripts.rehearsal.artifacts import shown, unpack
from scripts.rehearsal.commands import Hook
from scripts.rehearsal.errors import Failed
from scripts.rehearsal.permissions import Judge

EB, TYPE = "aws:elasticbeanstalk", "AWS::ElasticBeanstalk::Environment"
PLAIN, SECRETS = f"{EB}:application:environment", f"{EB}:application:environmentsecrets"
PROCESS, LAUNCH = f"{EB}:environment:process:default", "aws:autoscaling:launchconfiguration"
PORT = 8000  # nginx of the platform passes requests there unless the property PORT says another
LINE = re.compile(r"^([A-Za-z0-9_-]+):\s*(.+?)\s*$", re.MULTILINE)
UNPLAYED = (".ebextensions", ".platform")
Options = dict[tuple[str, str], str]


@dataclass(frozen=True)
class Version:
    """What the instances of an environment run: the version's label, their ids, the process that stands for all."""

    label: str
    ids: tuple[str, ...]
    running: process.Running

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.running.process.poll() is None


@dataclass
class Instances:
    """The environments whose instances run here. `programs` is a folder of the caller's that goes before what the
    bundle's requirements install."""

    aws: Aws
    judge: Judge
    folder: Path
    venvs: Path
    programs: Path | None
    say: Callable[[str], None]
    note: Callable[[str], None]
    patience: float = process.PATIENCE  # seconds for the application to answer
    environments: dict[str, Version] = field(default_factory=dict)

    def held(self, name: str, environment: str) -> dict[str, Any]:
        """An environment as AWS holds it, by the names of its application and its own. Raises `Failed`."""
        given = {"ApplicationName": name, "EnvironmentNames": [environment]}
        found = self.aws.call("elasticbeanstalk", "describe_environments", **given)["Environments"]
        if not found:
            raise Failed(f"there is no environment {environment} of application {name}")
        return dict(found[0])

    def options(self, name: str, environment: str) -> Options:
        """The options of an environment."""
        given = {"ApplicationName": name, "EnvironmentName": environment}
        found = self.aws.call("elasticbeanstalk", "describe_configuration_settings", **given)["ConfigurationSettings"]
        return {(one["Namespace"], one["OptionName"]): one.get("Value", "") for one in found[0]["OptionSettings"]}

    def roles(self, options: Options) -> tuple[str, str]:
        """The role of the service and that of the instances, by their ARNs."""
        profile = options[LAUNCH, "IamInstanceProfile"].rpartition("/")[2]
        held = self.aws.call("iam", "get_instance_profile", InstanceProfileName=profile)["InstanceProfile"]
        return options[f"{EB}:environment", "ServiceRole"], str(held["Roles"][0]["Arn"])

    def deploy(self, name: str, environment: str, label: str) -> Version:
        """Makes the environment run a version. Raises `Failed`, and then what ran before runs again."""
        before = self.environments.pop(environment, None)
        if before:
            before.running.stop()
        try:
            made = self._start(name, environment, label)
        except (Failed, AwsError) as error:
            if before:
                self.environments[environment] = self._start(name, environment, before.label)
            raise Failed(str(error)) from error
        self.environments[environment] = made
        return made

    def url(self, environment: str) -> str:
        """Where an environment answers; empty while nothing runs."""
        return self.environments[environment].running.url if environment in self.environments else ""

    def stop(self) -> None:
        """Ends every process."""
        for one in self.environments.values():
            one.running.stop()

    def hooks(self) -> dict[str, Hook]:
        """What a build sees of the instances."""
        return {"elasticbeanstalk.describe_instances_health": self._health}

    def _start(self, name: str, environment: str, label: str) -> Version:
        given = {"ApplicationName": name, "VersionLabels": [label]}
        found = self.aws.call("elasticbeanstalk", "describe_application_versions", **given)["ApplicationVersions"]
        if not found:
            raise Failed(f"application {name} has no version {label}")
        source = found[0]["SourceBundle"]
        bundle = self.folder / f"instance-{uuid.uuid4().hex[:8]}"
        unpack(self.aws, source["S3Bucket"], source["S3Key"], bundle)
        for part in UNPLAYED:
            if (bundle / part).exists():
                self.note(f"{part} of the bundle: not played")
        options = self.options(name, environment)
        told = self._told(name, environment, options)
        command, port = self._command(bundle, int(told.get("PORT", PORT)))
        running = process.start_command(bundle, told, command, port, self._installed(bundle), self.patience)
        path, wanted = options.get((PROCESS, "HealthCheckPath"), "/"), options.get((PROCESS, "MatcherHTTPCode"), "200")
        if problem := application.unhealthy(running.url, path, wanted):
            running.stop()
            raise Failed(problem)
        self.say(f"instance with {label}: `{command}` on {running.url}, log {shown(running.log)}")
        count = int(options.get(("aws:autoscaling:asg", "MinSize"), "1"))
        return Version(label, tuple(f"i-{uuid.uuid4().hex[:17]}" for _ in range(count)), running)

    def _command(self, bundle: Path, port: int) -> tuple[str, int]:
        """The command of the `web` process, and the port where it is asked; another one than the platform's where that
        is taken on this machine and the command names it."""
        file = bundle / "Procfile"
        if not file.is_file():
            raise Failed(
                "the bundle has no Procfile: the platform would start gunicorn, which FastAPI does not run under"
            )
        processes = dict(LINE.findall(file.read_text(encoding="utf-8")))
        if "web" not in processes:
            raise Failed(f"the Procfile has no process web; it has {', '.join(processes) or 'none'}")
        command = processes["web"]
        if process.free(port):
            return command, port
        other = process.free_port()
        moved = re.sub(rf"\b{port}\b", str(other), command)
        if moved == command:
            raise Failed(f"port {port} is taken on this machine, and the Procfile does not name it: stop what listens")
        self.note(f"port {port} of the instances: {other}, because something else listens on it here")
        return moved, other

    def _installed(self, bundle: Path) -> Path:
        """The folder with the programs that the bundle's requirements install."""
        if self.programs:
            return self.programs
        requirements = bundle / "requirements.txt"
        if not requirements.is_file():
            raise Failed("the bundle has no requirements.txt, so the platform installs nothing that could serve it")
        return venv.python_for(requirements, self.venvs).parent

    def _told(self, name: str, environment: str, options: Options) -> dict[str, str]:
        """What the application is told, its secrets read in the name of the instances' role. Unlike Fargate, nothing
        adds the Region."""
        service, role = self.roles(options)
        self.judge.assume(service, TYPE, "OptionSettings")
        self.judge.assume(role, "AWS::IAM::InstanceProfile", "Roles")
        self.judge.need(role, "instance", {"ApplicationName": name, "EnvironmentName": environment})
        found = {option: value for (space, option), value in options.items() if space == PLAIN}
        for (space, option), source in options.items():
            if space == SECRETS:
                found[option] = application.kept(self.aws, self.judge, role, source)
        return {**found, **application.credentials(self.aws)}

    def _health(self, asked: Mapping[str, Any], answer: dict[str, Any]) -> None:
        mine = self.environments.get(asked["EnvironmentName"])
        if mine and mine.alive:
            deployment = {"VersionLabel": mine.label, "Status": "Deployed"}
            state = {"HealthStatus": "Ok", "Color": "Green", "Deployment": deployment}
            answer["InstanceHealthList"] = [{"InstanceId": one, **state} for one in mine.ids]
