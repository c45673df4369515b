"""Ctrl-C in a real terminal, a stack that cannot be undone, and a second person, on a small set of templates."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scripts.local_aws import faults, server
from scripts.local_aws.faults import Plan, ResourceFault
from tests import prepared
from tests.conftest import ROOT
from tests.destructive.small import templates
from tests.support import commands
from tests.support.commands import Words
from tests.support.gate import pass_gate
from tests.support.terminal import Step, converse

STACK = "watched-local"


@dataclass
class WatchedProject:
    """A local AWS with a project of two nested stacks."""

    folder: Path
    endpoint: server.Endpoint
    broken: bool = field(default=False)

    def words(self, verb: str, *more: str) -> Words:
        options = {"--local-aws": "local_aws.json", "--templates": "templates", "--params": "params"}
        arguments = [word for name, file in options.items() for word in (name, str(self.folder / file))]
        return Words(commands.DEPLOY, [verb, "local", *arguments, *more])

    def write(self, text: str, broken: bool = False) -> None:
        bodies = templates("watched", broken)
        # Both roots have the file params/shared.json; `shared` nests the other.
        for name in ("shared", "shared-access", "signing"):
            bodies[name] = json.loads((ROOT / f"templates/{name}.json").read_text(encoding="utf-8"))
        for name, body in bodies.items():
            (self.folder / "templates").mkdir(exist_ok=True)
            (self.folder / f"templates/{name}.json").write_text(json.dumps(body), encoding="utf-8")
        pass_gate(self.folder / "templates")
        (self.folder / "params").mkdir(exist_ok=True)
        (self.folder / "params/shared.json").write_bytes((ROOT / "params/shared.json").read_bytes())
        file = {"Parameters": {"Environment": "local", "Text": text}, "Tags": {}, "StackPolicy": {}}
        (self.folder / "params/local.json").write_text(json.dumps(file), encoding="utf-8")

    def run(self, verb: str, *more: str) -> tuple[int, str]:
        done = commands.run(self.words(verb, *more))
        return done.returncode, done.stdout + done.stderr

    def interrupted(self, *then: Step) -> tuple[int, str]:
        """`apply` on a terminal, interrupted once the view shows that something runs; then what `then` says."""
        return self.type("apply", ("1 running", "\x03"), *then)

    def type(self, verb: str, *steps: Step) -> tuple[int, str]:
        """Exit status and screen of a verb on a terminal, where somebody types."""
        ended = converse(self.words(verb), *steps)
        return ended.status, ended.shown

    def let_go(self) -> None:
        """What takes its time is quick from now on."""
        faults.put(self.endpoint, Plan())


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedProject]:
    folder = tmp_path_factory.mktemp("watching")
    endpoint = prepared.ensure(folder / "local_aws.json")
    try:
        project = WatchedProject(folder, endpoint)
        project.write("first")
        assert project.run("apply")[0] == 0
        yield project
    finally:
        server.stop(folder / "local_aws.json")


# Until it is let go: what happens meanwhile happens in time on any machine.
SLOW = Plan(resources=(ResourceFault("update", "First/Note", seconds=600),))
QUESTION = "[l]eave it running? "


def test_an_update_is_cancelled_from_the_terminal(project: WatchedProject) -> None:
    project.write("cancelled")
    with faults.planned(project.endpoint, SLOW):
        status, shown = project.interrupted((QUESTION, "c\n"))
    assert status == 1, shown
    assert "[w]atch on, [c]ancel: everything goes back, [l]eave it running? " in shown
    assert "UPDATE_ROLLBACK_COMPLETE" in shown


def test_an_update_is_watched_on_to_its_end(project: WatchedProject) -> None:
    project.write("watched on")
    with faults.planned(project.endpoint, SLOW):
        status, shown = project.interrupted((QUESTION, "w\n"), ("1 running", project.let_go))
    assert status == 0 and "is updated (UPDATE_COMPLETE" in shown, shown


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param("l\n", id="l", marks=pytest.mark.soak),
        pytest.param("\x03", id="Ctrl-C"),
        pytest.param("\x04", id="Ctrl-D", marks=pytest.mark.soak),
    ],
)
def test_what_is_left_running_is_shown_and_gone_on_with(project: WatchedProject, typed: str) -> None:
    project.write(f"left by {typed.encode().hex()}")
    with faults.planned(project.endpoint, SLOW):
        status, shown = project.interrupted((QUESTION, typed))
        assert status == 4 and f"{STACK} is left running." in shown and "Traceback" not in shown, shown
        status, output = project.run("status")
        assert status == 4 and "started by arn:" in output and "1 running" in output, output
    status, output = project.run("apply")
    assert status == 0 and f"{STACK}: no changes" in output, output


def test_without_a_terminal_it_is_left_running_and_followed(project: WatchedProject) -> None:
    project.write("terminated")
    with faults.planned(project.endpoint, SLOW):
        process = commands.start(project.words("apply", "--verbose"))
        assert process.output and any("First > Note" in line for line in process.output)
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate()
        assert process.returncode == 4 and "is left running" in error and " follow local` follows it" in error, error
        follows = commands.start(project.words("follow", "--verbose"))
        assert follows.output and any("First > Note" in line for line in follows.output)
        project.let_go()
        output, error = follows.communicate()
    assert follows.returncode == 0 and "is updated (UPDATE_COMPLETE" in output, output + error


def test_what_cannot_be_undone_is_continued(project: WatchedProject) -> None:
    project.write("stuck", broken=True)
    stuck = Plan(resources=(ResourceFault("rollback", "First/Note", reason="no way back"),))
    with faults.planned(project.endpoint, stuck):
        status, output = project.run("apply")
        assert status == 4 and "UPDATE_ROLLBACK_FAILED" in output, output
        status, output = project.run("apply")
        assert status == 4 and " continue local`. To give up" in output, output
        status, output = project.run("continue", "--skip", "First.Nothing")
        assert status == 64 and "There are: First.Note." in output, output
        status, output = project.run("continue")
        assert status == 4 and "First > Note  AWS::SSM::Parameter" in output and "reason: no way back" in output, output
        status, output = project.run("continue", "--skip", "First.Note")
        assert status == 0 and "UPDATE_ROLLBACK_COMPLETE" in output, output
    project.write("mended")
    assert project.run("apply")[0] == 0


def test_destroy_checks_a_given_name_and_asks_on_a_terminal_as_on_a_real_account(project: WatchedProject) -> None:
    status, output = project.run("destroy", "--yes", "--name", "lokal")
    assert status == 3 and f"{STACK} was not touched: --name is 'lokal', and the environment is 'local'." in output
    status, screen = project.type("destroy", ("(type local)", "lokal\n"))
    assert status == 2 and f"{STACK} was not touched." in screen
    status, screen = project.type("destroy", ("(type local)", "\x03"))
    assert status == 3 and "nothing of it is running" in screen and "Traceback" not in screen, screen
    assert project.run("status")[0] == 0
    status, screen = project.type("destroy", ("(type local)", "local\n"))
    assert status == 0 and f"{STACK} is deleted" in screen
