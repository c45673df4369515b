"""A local AWS of its own for a module of tests, with folders of templates and parameters that they may change."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scripts.deployment.aws import Aws, Endpoint
from scripts.local_aws import server
from tests import prepared
from tests.conftest import ROOT
from tests.support import commands
from tests.support.commands import Words
from tests.support.gate import pass_gate

SHARED, LOCAL = "cloud-health-dashboard-shared", "cloud-health-dashboard-local"
# SSM refuses names below /aws (PutParameter, API reference); the resource's schema cannot know that.
BROKEN = {
    "Type": "AWS::SSM::Parameter",
    "Metadata": {"Description": "Something that SSM refuses.", "Requirements": []},
    "Properties": {"Name": "/aws/broken", "Type": "String", "Value": "x"},
}


@dataclass(frozen=True)
class LocalAccount:
    """A local AWS with the folders that a test may change."""

    run_file: Path
    folder: Path
    aws: Aws

    def deploy(self, verb: str, *more: str) -> subprocess.CompletedProcess[str]:
        """The script on this AWS, with the folders as they are now."""
        words = [verb, "local", "--local-aws", str(self.run_file), *more]
        folders = ["--templates", str(self.folder / "templates"), "--params", str(self.folder / "params")]
        # What a user has configured for the real AWS must not matter.
        set_up = {**os.environ, "AWS_PROFILE": "no-such-profile"}
        return commands.run(Words(commands.DEPLOY, [*words, *folders], set_up))

    def reset(self) -> None:
        """The folders as they are in the repository."""
        for name in ("templates", "params"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
            shutil.copytree(ROOT / name, self.folder / name)
        pass_gate(self.folder / "templates")

    def parameters(self, **changed: str) -> None:
        self.edit("params/local.json", lambda body: body["Parameters"].update(changed))

    def breaking(self, template: str) -> None:
        self.edit(f"templates/{template}", lambda body: body["Resources"].update(Broken=BROKEN))

    def edit(self, name: str, change: Any, *, gate: bool = True) -> None:
        """Changes one file of the folders: `change` is given its JSON. The gate passes what is there then, unless it is
        left out."""
        file = self.folder / name
        body = json.loads(file.read_text(encoding="utf-8"))
        change(body)
        file.write_text(json.dumps(body), encoding="utf-8")
        if gate:
            pass_gate(self.folder / "templates")

    def stacks(self) -> dict[str, str]:
        """Every stack that exists, nested ones too, with its status."""
        pages = self.aws.pages("cloudformation", "describe_stacks")
        return {stack["StackName"]: stack["StackStatus"] for page in pages for stack in page["Stacks"]}

    def change_sets(self) -> list[str]:
        """Every change set of every stack."""
        return [
            summary["ChangeSetName"]
            for stack in self.stacks()
            for page in self.aws.pages("cloudformation", "list_change_sets", StackName=stack)
            for summary in page["Summaries"]
        ]

    def output(self, name: str) -> str:
        stack = self.aws.call("cloudformation", "describe_stacks", StackName=LOCAL)["Stacks"][0]
        return str({output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}[name])


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAccount]:
    folder = tmp_path_factory.mktemp("deploy")
    endpoint = prepared.ensure(folder / "local_aws.json")
    try:
        yield LocalAccount(
            folder / "local_aws.json",
            folder,
            Aws(endpoint=Endpoint(endpoint.url, endpoint.region, endpoint.exceptions, endpoint.key)),
        )
    finally:
        server.stop(folder / "local_aws.json")
