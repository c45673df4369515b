"""A bad day, through the commands that a user types: a local AWS that ends in the middle, two first deployments at
once."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.deployment.aws import Aws, Endpoint
from scripts.local_aws import server
from scripts.local_aws.faults import CallFault, ResourceFault
from tests import prepared
from tests.support import commands
from tests.support.accounts import SECONDS, account
from tests.support.commands import Words
from tests.support.deployments import LOCAL, LocalAccount

CREATE = "cloudformation.CreateChangeSet"


def until(condition: Callable[[], bool]) -> None:
    """Waits for something that another process does."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def kill(run_file: Path) -> None:
    run = server.status(run_file)
    assert run
    os.kill(run.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("end", "says"),
    [
        (kill, r"The local AWS \(.*has ended: what was in it is lost"),
        # The command may look after the process has ended, and before that is written down.
        pytest.param(
            server.stop, r"The local AWS (was stopped|\(.*has ended): what was in it is lost", marks=pytest.mark.soak
        ),
    ],
)
def test_a_local_aws_that_ends_in_the_middle_is_told(tmp_path: Path, end: Callable[[Path], object], says: str) -> None:
    """As what it is, with its log, and not as a network that does not answer; nothing is waited for."""
    run_file = tmp_path / "local_aws.json"
    endpoint = prepared.ensure(run_file)
    try:
        aws = Aws(endpoint=Endpoint(endpoint.url, endpoint.region, list, endpoint.key))
        local = LocalAccount(run_file, tmp_path, aws)
        local.reset()
        folders = [word for name in ("templates", "params") for word in (f"--{name}", str(tmp_path / name))]
        words = ["apply", "local", "--local-aws", str(run_file), *folders]
        process = commands.start(Words(commands.DEPLOY, words, dict(os.environ)), together=True)
        until(lambda: local.stacks().get(LOCAL) == "CREATE_IN_PROGRESS")
        end(run_file)
        began = time.monotonic()
        output, _ = process.communicate(SECONDS)
        assert process.returncode == 4 and re.search(says, output), output
        assert f"Its log: {tmp_path / 'local_aws.log'}" in output and "check the network" not in output, output
        assert "makes the environment again" in output, output
        assert time.monotonic() - began < SECONDS / 2
    finally:
        server.stop(run_file)


def test_the_log_of_the_server_before_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts the next one does not delete what tells why the last one has ended."""

    def launch(*_: object) -> None:
        raise server.ServerError("as far as this")

    monkeypatch.setattr(server, "launch", launch)
    (tmp_path / "local_aws.log").write_text("why it ended", encoding="utf-8")
    with pytest.raises(server.ServerError, match="as far as this"):
        server.start(None, tmp_path / "local_aws.json")
    assert (tmp_path / "local_aws.ended.log").read_text(encoding="utf-8") == "why it ended"


def test_a_place_where_nothing_can_be_written_is_told(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for use in (server.stop, server.ensure):
        with pytest.raises(server.ServerError, match="cannot be written: "):
            use(file / "local_aws.json")


@pytest.mark.soak  # two scripts at once: tests/destructive/test_scenes.py
def test_of_two_first_deployments_the_second_is_told_who_deploys(tmp_path: Path) -> None:
    """Both found nothing; the first change set that is executed makes the stack, and the other call comes too late."""
    with account(tmp_path) as mine:
        mine.write()
        other = mine.user("bob")
        slow = CallFault("delay-before", on=CREATE, nth=1, seconds=6)
        with mine.faults(slow, resources=(ResourceFault("create", "Note", seconds=12),)):
            second = commands.start(other.words("apply", "--yes"), together=True)
            until(lambda: CREATE in mine.calls())
            first = commands.start(mine.words("apply", "--yes"), together=True)
            output, _ = second.communicate(SECONDS)
            shown, _ = first.communicate(SECONDS)
        assert first.returncode == 0, shown
        assert second.returncode == 4 and "ValidationError" not in output, output
        assert f"{mine.stack} is being created" in output and "started by" in output, output
        assert "user/bob" not in output
