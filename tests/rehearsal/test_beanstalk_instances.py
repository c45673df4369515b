"""What stands for the instances of Elastic Beanstalk is looked at every second while an application is kept up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from scripts.rehearsal.runtime.beanstalk import BeanstalkInstances, EnvironmentOptions, RunningVersion


@dataclass
class Process:
    """A process that ends when it is told to."""

    alive: bool = True

    def stop(self) -> None:
        self.alive = False


@dataclass
class Instances(BeanstalkInstances):
    """Instances whose processes are none, with options that a test changes."""

    present: EnvironmentOptions = field(default_factory=dict)
    started: list[str] = field(default_factory=list)

    def options(self, name: str, environment: str) -> EnvironmentOptions:  # noqa: ARG002
        return dict(self.present)

    def _start(self, name: str, environment: str, label: str) -> RunningVersion:
        self.started.append(label)
        return RunningVersion(label, (), cast(Any, Process()), self.options(name, environment))


def test_a_version_is_started_again_only_when_something_has_changed(tmp_path: Path) -> None:
    nothing = cast(Any, None)
    instances = Instances(nothing, nothing, tmp_path, tmp_path, None, print, print)
    for label in ("one", "one", "two", "two"):
        instances.resume("application", "environment", label)
    assert instances.started == ["one", "two"]
    instances.present = {("namespace", "name"): "value"}
    instances.resume("application", "environment", "two")
    instances.resume("application", "environment", "two")
    assert instances.started == ["one", "two", "two"], "other options are other instances"
    instances.environments["environment"].process.stop()
    instances.resume("application", "environment", "two")
    assert instances.started == ["one", "two", "two", "two"]
