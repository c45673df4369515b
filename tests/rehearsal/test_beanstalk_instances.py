"""What stands for the instances of Elastic Beanstalk is looked at every second while an application is kept up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from scripts.rehearsal.errors import ActionFailedError
from scripts.rehearsal.runtime.beanstalk import BeanstalkInstances, EnvironmentOptions, RunningVersion


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
