"""Killed at any call and run again, it converges: the final state of an undisturbed run, and nothing left over.

The suite kills a creation after every fourth call, `make soak` an update, too, and both after each.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from generator.cfn.templates import load
from scripts.deployment.aws import Aws, Endpoint
from scripts.local_aws import faults, server
from scripts.local_aws.faults import Plan
from tests import prepared
from tests.conftest import ROOT
from tests.destructive.conftest import Drive
from tests.destructive.small import KILLED, shown_status
from tests.support.gate import pass_gate


@pytest.mark.parametrize(
    ("what", "step"),
    [
        ("create", 4),
        pytest.param("update", 4, marks=pytest.mark.soak),
        pytest.param("create", 1, marks=pytest.mark.soak),
        pytest.param("update", 1, marks=pytest.mark.soak),
    ],
)
def test_a_kill_between_any_two_calls(drive: Drive, what: str, step: int) -> None:
    answer = drive("kills", what, str(step))
    assert answer["left"], "a kill leaves something, or the state would show nothing"
    cases = answer["cases"]
    killed = [case for case in cases if case["first"] == KILLED]
    assert answer["calls"] > 20 and len(cases) * step >= answer["calls"] - 1 and len(killed) >= len(cases) - 1
    assert [case for case in cases if case["again"] != 0 or case["wrong"] or case["begun"] != 1] == []


def start(run_file: Path, params: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "scripts.deploy", "apply", "local", "--local-aws", str(run_file)]
    folders = ["--params", str(params), "--templates", str(params.parent / "templates")]
    return subprocess.Popen([*command, *folders], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def killed_at(endpoint: server.Endpoint, process: subprocess.Popen[str], calls: int) -> bool:
    """Ends the process, which cannot notice, once so many calls of it have come; false when it has ended before."""
    while process.poll() is None:
        if len(faults.calls(endpoint)) >= calls:
            process.kill()
            process.communicate()
            return True
        time.sleep(0.02)
    process.communicate()
    return False


@pytest.mark.soak
def test_ten_times_killed_the_whole_environment_is_what_the_files_say(tmp_path: Path) -> None:
    """True SIGKILLs of the whole process, on the real set."""
    moments = {"30": (3, 9, 21, 40, 70), "60": (2, 7, 12, 20, 35)}  # how many calls come before each kill
    run_file, params, kills = tmp_path / "local_aws.json", tmp_path / "params", 0
    endpoint = prepared.ensure(run_file)
    shutil.copytree(ROOT / "params", params)
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    pass_gate(tmp_path / "templates")
    original = (params / "local.json").read_text(encoding="utf-8")
    try:
        for days, calls_before in moments.items():
            text = original.replace('"LogRetentionDays": "30"', f'"LogRetentionDays": "{days}"')
            (params / "local.json").write_text(text, encoding="utf-8")
            for calls in calls_before:
                faults.put(endpoint, Plan())
                kills += killed_at(endpoint, start(run_file, params), calls)
            for last in (False, True):
                output, _ = (undisturbed := start(run_file, params)).communicate(timeout=200)
                assert undisturbed.returncode == 0, output
                assert not last or output.count(": no changes") == 2
        stacks = every_stack(endpoint)
    finally:
        server.stop(run_file)
    assert kills >= 0.8 * sum(map(len, moments.values()))
    # Two roots, and all stacks but Beanstalk's and the address's.
    assert len(stacks) == len(list(load(ROOT / "templates")["environment"].children())) > 12
    assert set(stacks.values()) == {("COMPLETE", 0)}


def every_stack(endpoint: server.Endpoint) -> dict[str, tuple[str, int]]:
    """The status of every stack, and how many change sets it has."""
    aws = Aws(endpoint=Endpoint(endpoint.url, endpoint.region, list, endpoint.key))
    pages = aws.pages("cloudformation", "describe_stacks")
    return {
        stack["StackName"]: (
            shown_status(stack["StackStatus"]),
            len(aws.call("cloudformation", "list_change_sets", StackName=stack["StackId"])["Summaries"]),
        )
        for page in pages
        for stack in page["Stacks"]
    }
