"""Instances of Elastic Beanstalk: what a bundle must have to run, and what the environment says when it does not."""

from __future__ import annotations

import io
import socket
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError
from scripts.rehearsal.errors import ActionFailedError
from scripts.rehearsal.permissions import AccessDeniedError, PermissionChecker
from scripts.rehearsal.runtime import beanstalk as instances
from scripts.rehearsal.runtime.application import free_port
from scripts.rehearsal.runtime.beanstalk import PLAIN, PROCESS, SECRETS, BeanstalkInstances, RunningVersion
from tests.support.rehearsal.serving import ask

WEB = "web: python -m http.server 8000 --bind 127.0.0.1\n"
GOOD = {"Procfile": WEB, "requirements.txt": "", "health": "well"}
ROLE, SERVICE = "arn:aws:iam::1:role/instances", "arn:aws:iam::1:role/service"
SECRET = "arn:aws:ssm:r:1:parameter/app/WORD"
OPTIONS = {
    ("aws:elasticbeanstalk:environment", "ServiceRole"): SERVICE,
    ("aws:autoscaling:launchconfiguration", "IamInstanceProfile"): "profile",
    ("aws:autoscaling:asg", "MinSize"): "2",
    (PROCESS, "HealthCheckPath"): "/health",
    (PROCESS, "MatcherHTTPCode"): "200",
    (PLAIN, "LEVEL"): "INFO",
    (SECRETS, "WORD"): SECRET,
}


@dataclass
class Beanstalk:
    """An application's versions by label, and one environment."""

    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    region: str = "r"
    endpoint: None = None
    gone: str = ""  # the version whose bundle is gone

    def call(self, service: str, operation: str, /, **arguments: Any) -> dict[str, Any]:
        match operation:
            case "describe_application_versions":
                labels = [label for label in arguments["VersionLabels"] if label in self.versions]
                return {
                    "ApplicationVersions": [{"SourceBundle": {"S3Bucket": "b", "S3Key": label}} for label in labels]
                }
            case "get_object" if arguments["Key"] == self.gone:
                raise AwsError("s3.get_object", "NoSuchKey", "the key does not exist")
            case "get_object":
                return {"Body": io.BytesIO(zipped(self.versions[arguments["Key"]]))}
            case "describe_configuration_settings":
                settings = [
                    {"Namespace": of, "OptionName": name, "Value": text} for (of, name), text in OPTIONS.items()
                ]
                return {"ConfigurationSettings": [{"OptionSettings": settings}]}
            case "get_instance_profile":
                return {"InstanceProfile": {"Roles": [{"Arn": ROLE}]}}
            case "get_parameter":
                return {"Parameter": {"Value": "swordfish"}}
        raise AssertionError(f"{service}.{operation}")


def zipped(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


@dataclass
class Here:
    """BeanstalkInstances over that service; what they noted, and which operations their roles were checked for."""

    instances: BeanstalkInstances
    aws: Beanstalk
    notes: list[str]
    checked: list[tuple[str, str]]

    def deploy(self, label: str, **files: str | None) -> RunningVersion:
        """A version of the good bundle with other files; None takes one away."""
        changed = {**GOOD, **{name.replace("_txt", ".txt"): text for name, text in files.items()}}
        self.aws.versions[label] = {name: text for name, text in changed.items() if text is not None}
        return self.instances.deploy("app", "env", label)

    def health(self) -> list[dict[str, Any]]:
        answer: dict[str, Any] = {"InstanceHealthList": []}
        self.instances.hooks()["elasticbeanstalk.describe_instances_health"]({"EnvironmentName": "env"}, answer)
        return cast(list[dict[str, Any]], answer["InstanceHealthList"])


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    aws, notes, checked = Beanstalk(), list[str](), list[tuple[str, str]]()
    checker = SimpleNamespace(
        check_service_trust=lambda role, kind, _: checked.append((role, kind)),
        check_operation=lambda role, operation, _: checked.append((role, operation)),
    )
    instances_here = BeanstalkInstances(
        cast(Aws, aws), cast(PermissionChecker, checker), tmp_path, tmp_path / "venvs", Path(sys.executable).parent,
        lambda _: None, notes.append,
    )  # fmt: skip
    yield Here(instances_here, aws, notes, checked)
    instances_here.stop()


def test_the_web_process_runs_with_what_the_environment_says(here: Here) -> None:
    """With the files of the bundle, the options and the secrets, and no Region that nobody gave."""
    procfile = "web: env > told && python -m http.server 8000 --bind 127.0.0.1"
    version = here.deploy("one", Procfile=f"worker: sleep 1\n{procfile}\n")
    assert ask(version.process.url + "/health").body == b"well"
    lines = set(ask(version.process.url + "/told").body.decode().splitlines())
    assert {"LEVEL=INFO", "WORD=swordfish"} <= lines
    assert not [line for line in lines if line.startswith(("AWS_REGION", "AWS_DEFAULT_REGION", "PYTHON"))]
    assert [instance["Deployment"] for instance in here.health()] == [{"VersionLabel": "one", "Status": "Deployed"}] * 2
    assert {(ROLE, "instance parameter"), (ROLE, "instance")} <= set(here.checked)
    version.process.stop()
    assert here.health() == []


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"Procfile": None}, "the bundle has no Procfile"),
        ({"Procfile": "worker: sleep 1\n"}, "the Procfile has no process web; it has worker"),
        ({"Procfile": "web: echo no such table, port 8000; exit 3\n"}, r"ended with status 3, .*\nno such table"),
        ({"Procfile": "web: no-such-server --port 8000\n"}, r"ended with status 127"),
        ({"health": None}, "the health check GET /health got 404, expected 200"),
    ],
)
def test_what_does_not_run_is_told_and_the_last_version_runs_again(here: Here, files: Any, problem: str) -> None:
    good = here.deploy("good")
    with pytest.raises(ActionFailedError, match=problem):
        here.deploy("bad", **files)
    assert good.process.stopped
    assert {instance["Deployment"]["VersionLabel"] for instance in here.health()} == {"good"}
    assert ask(here.instances.url("env") + "/health").body == b"well"


def test_a_version_that_is_gone_from_its_bucket_leaves_the_last_one(here: Here) -> None:
    here.deploy("good")
    here.aws.gone = "lost"
    with pytest.raises(ActionFailedError, match="NoSuchKey"):
        here.deploy("lost")
    assert {instance["Deployment"]["VersionLabel"] for instance in here.health()} == {"good"}


def test_without_requirements_nothing_is_installed(here: Here) -> None:
    here.instances.programs = None
    with pytest.raises(ActionFailedError, match=r"the bundle has no requirements.txt"):
        here.deploy("bare", requirements_txt=None)


def test_requirements_are_installed_for_the_instances(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    programs, here.instances.programs = here.instances.programs, None
    installed: list[tuple[str, Path]] = []

    def install(requirements: Path, venvs: Path) -> Path:
        installed.append((requirements.read_text("utf-8"), venvs))
        assert programs
        return programs / "python"

    monkeypatch.setattr(instances, "application_python", install)
    version = here.deploy("installed", requirements_txt="flask\n")
    assert ask(version.process.url + "/health").body == b"well"
    assert installed == [("flask\n", here.instances.venvs)]


def test_a_listener_elsewhere_is_not_found(here: Here) -> None:
    """nginx passes requests to port 8000 and to no other."""
    here.instances.patience = 0.5
    with pytest.raises(ActionFailedError, match="did not answer within"):
        here.deploy("elsewhere", Procfile=f"web: python -m http.server {free_port()} --bind 127.0.0.1\n")


def test_a_port_that_is_taken_here_is_another_one(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(instances, "PORT", port)
        version = here.deploy("moved", Procfile=WEB.replace("8000", str(port)))
        assert ask(version.process.url + "/health").body == b"well"
        assert here.notes == [
            f"port {port} of the instances: {version.process.port}, because something else listens on it here"
        ]
        with pytest.raises(
            ActionFailedError, match=f"port {port} is taken on this machine, and the Procfile does not name it"
        ):
            here.deploy("unnamed", Procfile="web: python -m http.server\n")


def test_what_is_not_played_is_said(here: Here) -> None:
    here.deploy("hooks", **{".ebextensions/python.config": "option_settings: {}"})
    assert here.notes == [".ebextensions of the bundle: not simulated"]


def test_a_secret_that_the_role_may_not_read_fails_the_deployment(here: Here) -> None:
    def denied(role: str, thing: str, _: Any) -> None:
        if thing == "instance parameter":
            raise AccessDeniedError(f"{role} may not")

    here.instances.checker = cast(
        PermissionChecker, SimpleNamespace(check_service_trust=lambda *_: None, check_operation=denied)
    )
    with pytest.raises(ActionFailedError, match="role/instances may not"):
        here.deploy("secretive")
