"""What stands for the instances of Elastic Beanstalk is looked at every second while an application is kept up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from scripts.rehearsal.errors import ActionFailedError
from scripts.rehearsal.runtime.beanstalk import BeanstalkInstances, EnvironmentOptions, RunningVersion
from tests.support.rehearsal.prepared_aws import aws
from tests.support.rehearsal.releases import Account


@dataclass
class Process:
    """A process that ends when it is told to."""

    url: str = ""
    alive: bool = True

    def stop(self) -> None:
        self.alive = False


@dataclass
class Instances(BeanstalkInstances):
    """Instances whose processes are none, with options that a test changes."""

    present: EnvironmentOptions = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    alone: bool = False  # nothing listens beside what runs

    def options(self, name: str, environment: str) -> EnvironmentOptions:  # noqa: ARG002
        return dict(self.present)

    def _start(self, name: str, environment: str, label: str, beside: bool = False) -> RunningVersion:
        assert (name, environment) == ("application", "environment")
        if beside and self.alone:
            raise ActionFailedError("port 8000 is taken on this machine")
        self.started.append(f"{label} beside" if beside else label)
        process = Process(f"http://127.0.0.1:{len(self.started)}")
        return RunningVersion(label, (), cast(Any, process), self.options(name, environment))


def test_a_version_is_started_again_only_when_something_has_changed(tmp_path: Path) -> None:
    nothing = cast(Any, None)
    instances = Instances(nothing, nothing, tmp_path, tmp_path, None, print, print)
    for label in ("one", "one", "two", "two"):
        instances.resume("application", "environment", label)
    assert instances.started == ["one", "two"]
    instances.present = {("namespace", "name"): "value"}
    instances.resume("application", "environment", "two")
    instances.resume("application", "environment", "two")
    assert instances.started == ["one", "two", "two beside"], "other options are other instances"
    instances.environments["environment"].process.stop()
    instances.resume("application", "environment", "two")
    assert instances.started == ["one", "two", "two beside", "two"]


def test_new_instances_answer_before_the_old_ones_end(tmp_path: Path) -> None:
    nothing, calls = cast(Any, None), list[tuple[str, bool]]()
    instances = Instances(nothing, nothing, tmp_path, tmp_path, None, print, print)
    instances.resume("application", "environment", "one")
    old = instances.environments["environment"].process
    instances.serve = lambda url: calls.append((url, old.alive))
    instances.present = {("namespace", "name"): "value"}
    instances.resume("application", "environment", "one")
    assert calls == [("http://127.0.0.1:2", True)] and not old.alive
    instances.alone, instances.present = True, {("namespace", "name"): "another"}
    instances.resume("application", "environment", "one")
    assert instances.started == ["one", "one beside", "one"], "at once, where the command names no port"


def answering(tmp_path: Path, **answers: Any) -> tuple[BeanstalkInstances, Account]:
    """Instances over an account; `answers` by the names of operations, with `__` behind the service."""
    account = Account({name.replace("__", "."): answer for name, answer in answers.items()})
    nothing = cast(Any, None)
    return BeanstalkInstances(aws(account), nothing, tmp_path, tmp_path, None, print, print), account


def test_an_environment_is_described_by_its_two_names(tmp_path: Path) -> None:
    body = {"EnvironmentName": "env", "VersionLabel": "one"}
    instances, account = answering(tmp_path, elasticbeanstalk__describe_environments={"Environments": [body]})
    assert instances.describe("app", "env") == body
    names = {"ApplicationName": "app", "EnvironmentNames": ["env"]}
    assert account.calls == [("elasticbeanstalk.describe_environments", names)]
    account.answers["elasticbeanstalk.describe_environments"] = {"Environments": []}
    with pytest.raises(ActionFailedError) as failed:
        instances.describe("app", "env")
    assert str(failed.value) == "there is no environment env of application app"


def test_the_options_and_the_roles_of_an_environment(tmp_path: Path) -> None:
    options = {
        ("aws:elasticbeanstalk:environment", "ServiceRole"): "arn:service",
        ("aws:autoscaling:launchconfiguration", "IamInstanceProfile"): "arn:aws:iam::1:instance-profile/path/own",
        ("namespace", "empty"): "",
    }
    settings = [
        {"Namespace": space, "OptionName": name, **({"Value": value} if value else {})}
        for (space, name), value in options.items()
    ]
    instances, account = answering(
        tmp_path,
        elasticbeanstalk__describe_configuration_settings={"ConfigurationSettings": [{"OptionSettings": settings}]},
        iam__get_instance_profile={"InstanceProfile": {"Roles": [{"Arn": "arn:instances"}]}},
    )
    assert instances.options("app", "env") == options
    assert instances.roles(options) == ("arn:service", "arn:instances")
    assert account.calls == [
        ("elasticbeanstalk.describe_configuration_settings", {"ApplicationName": "app", "EnvironmentName": "env"}),
        ("iam.get_instance_profile", {"InstanceProfileName": "own"}),
    ]


def test_a_version_that_the_application_does_not_have_is_named(tmp_path: Path) -> None:
    answer: dict[str, Any] = {"ApplicationVersions": []}
    instances, account = answering(tmp_path, elasticbeanstalk__describe_application_versions=answer)
    with pytest.raises(ActionFailedError) as failed:
        instances.deploy("app", "env", "v1")
    assert str(failed.value) == "application app has no version v1"
    names = {"ApplicationName": "app", "VersionLabels": ["v1"]}
    assert account.calls == [("elasticbeanstalk.describe_application_versions", names)]
    assert (instances.url("env"), instances.environments) == ("", {})
