"""Ctrl-C in a real terminal, a stack that cannot be undone, and a second person, on a small set of templates."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scripts.local_aws import faults, server
from scripts.local_aws.faults import Plan, ResourceFault
from tests import prepared
from tests.conftest import ROOT
from tests.destructive.small import templates
from tests.support.gate import pass_gate

STACK = "watched-local"


@dataclass
class WatchedProject:
    """A local AWS with a project of two nested stacks."""

    folder: Path
    endpoint: server.Endpoint
    broken: bool = field(default=False)

    def command(self, verb: str, *more: str) -> list[str]:
        options = {"--local-aws": "local_aws.json", "--templates": "templates", "--params": "params"}
        arguments = [word for name, file in options.items() for word in (name, str(self.folder / file))]
        return [sys.executable, "-m", "scripts.deploy", verb, "local", *arguments, *more]

    def write(self, text: str, broken: bool = False) -> None:
        shared = json.loads((ROOT / "templates/shared.json").read_text(encoding="utf-8"))
        bodies = templates("watched", broken) | {"shared": shared}
        for name, body in bodies.items():
            (self.folder / "templates").mkdir(exist_ok=True)
            (self.folder / f"templates/{name}.json").write_text(json.dumps(body), encoding="utf-8")
        pass_gate(self.folder / "templates")
        (self.folder / "params").mkdir(exist_ok=True)
        (self.folder / "params/shared.json").write_bytes((ROOT / "params/shared.json").read_bytes())
        file = {"Parameters": {"Environment": "local", "Text": text}, "Tags": {}, "StackPolicy": {}}
        (self.folder / "params/local.json").write_text(json.dumps(file), encoding="utf-8")

    def run(self, verb: str, *more: str) -> tuple[int, str]:
        command = self.command(verb, *more)
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
        return done.returncode, done.stdout + done.stderr

    def terminal(self, *typed: str) -> tuple[int, str]:
        """`apply` on a terminal, interrupted once the view shows that something runs; then `typed` is typed."""
        pid, screen = pty.fork()
        if pid == 0:
            os.chdir(ROOT)
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # what the tests run under may ignore it
            os.execv(sys.executable, self.command("apply"))
        shown, pending = b"", ["\x03", *typed]
        waited = [b"1 running", b"[l]eave it running? "]
        while True:
            try:
                shown += os.read(screen, 4096)
            except OSError:  # the other side has gone
                break
            if waited and waited[0] in shown:
                waited.pop(0)
                os.write(screen, pending.pop(0).encode())
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()

    def answer(self, verb: str, prompt: str, typed: str) -> tuple[int, str]:
        """Exit status and screen of a verb on a terminal, when `typed` is typed after the prompt."""
        pid, screen = pty.fork()
        if pid == 0:
            os.chdir(ROOT)
            os.execv(sys.executable, self.command(verb))
        shown, pending = b"", typed.encode()
        while True:
            try:
                shown += os.read(screen, 4096)
            except OSError:  # the other side has gone
                break
            if pending and prompt.encode() in shown:
                os.write(screen, pending)
                pending = b""
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


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


SLOW = Plan(resources=(ResourceFault("update", "First/Note", seconds=5),))


def test_an_update_is_cancelled_from_the_terminal(project: WatchedProject) -> None:
    project.write("cancelled")
    with faults.planned(project.endpoint, SLOW):
        status, shown = project.terminal("c\n")
    assert status == 1, shown
    assert "[w]atch on, [c]ancel: everything goes back, [l]eave it running? " in shown
    assert "UPDATE_ROLLBACK_COMPLETE" in shown


def test_an_update_is_watched_on_to_its_end(project: WatchedProject) -> None:
    project.write("watched on")
    with faults.planned(project.endpoint, SLOW):
        status, shown = project.terminal("w\n")
    assert status == 0 and "is updated (UPDATE_COMPLETE" in shown, shown


def test_what_is_left_running_is_shown_and_gone_on_with(project: WatchedProject) -> None:
    project.write("left")
    with faults.planned(project.endpoint, SLOW):
        status, shown = project.terminal("l\n")
        assert status == 4 and f"{STACK} is left running." in shown
        status, output = project.run("status")
        assert status == 4 and "started by arn:" in output and "1 running" in output, output
    status, output = project.run("apply")
    assert status == 0 and f"{STACK}: no changes" in output, output


def test_without_a_terminal_it_is_left_running_and_followed(project: WatchedProject) -> None:
    project.write("terminated")
    with faults.planned(project.endpoint, SLOW):
        process = subprocess.Popen(project.command("apply"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while "cloudformation.ExecuteChangeSet" not in [call.name for call in faults.calls(project.endpoint)]:
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=300)
        assert process.returncode == 4 and b"is left running" in error and b" follow local` follows it" in error
        status, output = project.run("follow")
    assert status == 0 and "is updated (UPDATE_COMPLETE" in output, output


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
    status, screen = project.answer("destroy", "(type local)", "lokal\n")
    assert status == 2 and f"{STACK} was not touched." in screen
    status, screen = project.answer("destroy", "(type local)", "local\n")
    assert status == 0 and f"{STACK} is deleted" in screen
