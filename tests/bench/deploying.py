"""The deploy script against a bare boto3 script that makes the same calls, and against the tools that people use
instead (`peers`), each on a local AWS of its own.

Create, nothing to do, one changed parameter: whole processes, in turn, on servers that were started before the clock.
After each step, off the clock, CloudFormation is asked whether it really stands. The peers take part in the first round
only: most of their time is fixed pauses, which no repetition changes.

The local AWS makes a change set at once; on AWS it takes seconds to minutes (aws-sam-cli issue 4428), which the step
`NOTHING_SLOWLY` adds: ours makes none where nothing differs.

A change set without `IncludeNestedStacks` shows every nested stack as modified (aws-cli issue 6949): what is nothing to
do for us is an update for the peers, which they execute.
"""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3

from scripts.local_aws import faults, server
from tests.bench import bare
from tests.bench.bare import APPLICATION, ROOTS
from tests.bench.peers import BUCKET, PEERS, Deployment, surroundings

ROOT = Path(__file__).resolve().parents[2]
RUNS = 3
OURS, BARE = "ours", "bare boto3"
# What ours may cost beside the same calls with nothing checked, shown or kept; of every peer it has to be ahead.
SLOW_CHANGE_SETS = faults.Plan(
    resources=(faults.ResourceFault("plan", type="AWS::CloudFormation::Stack", seconds=5.0),)
)
NOTHING_SLOWLY = "nothing to do, change sets of 5 s"
BESIDE_BARE = {"create": "at most 1.5", "nothing to do": "at most 1.3", "one parameter": "at most 1.3"}
BESIDE_BARE[NOTHING_SLOWLY] = "at most 0.5"


class Side:
    """One of those compared: its local AWS, its parameter files, and the commands that apply them."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.run_file, self.params = folder / "local_aws.json", folder / "params"
        shutil.copytree(ROOT / "params", self.params)
        self.endpoint = server.ensure(self.run_file)
        self.environment = surroundings(folder, self.endpoint.environment())
        if name in PEERS:
            self._client("s3").create_bucket(Bucket=BUCKET)

    def _client(self, service: str) -> Any:
        return boto3.Session(self.endpoint.key, "bench", region_name=bare.REGION).client(
            service, endpoint_url=self.endpoint.url
        )

    def seconds(self) -> float:
        """Wall time of applying the parameter files. Raises `CalledProcessError`: what fails has not been measured."""
        commands = self._commands()
        start = time.perf_counter()
        for command in commands:
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=self.environment)
        taken = time.perf_counter() - start
        self._check()
        return taken

    def _commands(self) -> Sequence[Sequence[str]]:
        python = [sys.executable, "-m"]
        if self.name == OURS:
            where = ["--local-aws", str(self.run_file), "--params", str(self.params)]
            return [[*python, "scripts.deploy", "apply", "local", *where]]
        if self.name == BARE:
            return [[*python, "tests.bench.bare", self.endpoint.url, str(self.params)]]
        values = {name: bare.values(self.params, name) for name in ROOTS}
        values["local"] |= bare.computed_values(self._client("ec2"), values["shared"]["RepositoryName"])
        tags = {name: bare.tags(self.params, name) for name in ROOTS}
        return PEERS[self.name](Deployment(self.folder, values, tags), self.environment)

    def _check(self) -> None:
        """Both stacks stand, with the values of the parameter files."""
        cloudformation = self._client("cloudformation")
        for name in ROOTS:
            stack = cloudformation.describe_stacks(StackName=f"{APPLICATION}-{name}")["Stacks"][0]
            present = {item["ParameterKey"]: item["ParameterValue"] for item in stack["Parameters"]}
            assert stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), (self.name, stack["StackStatus"])
            assert present.items() >= bare.values(self.params, name).items(), (self.name, present)

    def change(self, days: str) -> None:
        file = self.params / "local.json"
        body = json.loads(file.read_text(encoding="utf-8"))
        body["Parameters"]["LogRetentionDays"] = days
        file.write_text(json.dumps(body), encoding="utf-8")


Times = Mapping[str, float]  # seconds of one step, by the name of the side


def lines(runs: int = RUNS, peers: Sequence[str] = tuple(PEERS)) -> list[str]:
    """The rows of the table, from so many rounds; a step that fails raises."""
    times: dict[str, list[Times]] = {"create": [], "nothing to do": [], NOTHING_SLOWLY: [], "one parameter": []}
    with tempfile.TemporaryDirectory() as folder:
        for run in range(runs):
            sides: list[Side] = []
            try:
                for name in (OURS, BARE, *(peers if run == 0 else ())):
                    sides.append(Side(Path(folder) / str(run) / name.split()[0], name))
                times["create"].append(_step(sides))
                times["nothing to do"].append(_step(sides))
                times["nothing to do"] += [_step(sides[:2]) for _ in range(runs - 1)]
                with ExitStack() as slow:
                    for side in sides[:2]:
                        slow.enter_context(faults.planned(side.endpoint, SLOW_CHANGE_SETS))
                    times[NOTHING_SLOWLY].append(_step(sides[:2]))
                for days, who in (("60", sides), ("90", sides[:2]), ("120", sides[:2])):  # fewer would delete logs
                    for side in who:
                        side.change(days)
                    times["one parameter"].append(_step(who))
            finally:
                for side in sides:
                    server.stop(side.run_file)
    return [
        _row(step, name, result)
        for step, result in times.items()
        for name in (BARE, *peers)
        if any(name in item for item in result)
    ]


def _step(sides: Sequence[Side]) -> Times:
    return {side.name: side.seconds() for side in sides}


def _row(step: str, name: str, result: Sequence[Times]) -> str:
    pairs = [(item[OURS], item[name]) for item in result if name in item]
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    target = BESIDE_BARE[step] if name == BARE else "below 1.0"
    return f"{f'deploy, {step} / {name}':<62} {ours:7.3f} s {theirs:7.3f} s {ratio:6.2f}   {target}"
