"""A living environment that can be changed in both ways: by the command that a person types, and by CloudFormation
itself, past everything that the command would say or refuse.

Both are in this process, on one local AWS that is reached over HTTP: so the client of the matrix, which looks at the
account after every event, looks at what a command does as well.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import shutil
import socket
from dataclasses import replace
from functools import cache
from pathlib import Path
from threading import Thread
from typing import Any

from scripts.local_aws import application, faults, server
from scripts.local_aws.faults import CallFault, Plan
from tests.conftest import ROOT
from tests.local_aws.matrix import Living
from tests.support.accounts import REGION, Account
from tests.support.gate import pass_gate
from tests.support.lives import COMMIT, NAME, PRESENT, Ended, outputs, record_execution, run, succeed

REFUSED = 3  # the exit status


@cache
def endpoint() -> server.Endpoint:
    """The local AWS of this process, served until the process ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    key = f"LOCAL{secrets.token_hex(16).upper()}"
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # not a line for each call
    Thread(target=application.make(port, key).serve_forever, daemon=True).start()
    return server.Endpoint(f"http://{server.HOST}:{port}", server.ACCOUNT, server.REGION, key)


class Commanded(Living):
    """An environment that the command has made. `file` is what its file of parameters says otherwise than that of the
    repository."""

    def __init__(self, folder: Path, environment: str) -> None:
        super().__init__(f"{NAME}-{environment}", region=REGION, folder=folder)
        self.home, self.file, self.executions = folder, dict[str, str](), 0
        self.whose = Account(folder, endpoint(), environment)
        for name in ("templates", "params"):
            shutil.copytree(ROOT / name, folder / name)
        pass_gate(folder / "templates")
        self.present()

    def present(self, *calls: CallFault) -> None:
        """What the account answers that the local AWS does not hold, `calls` in front of it."""
        faults.put(self.whose.endpoint, Plan(calls=(*calls, *PRESENT)))

    def command(self, verb: str, *words: str, environment: str = "") -> Ended:
        """One command, with the templates and files of its folder."""
        whose = replace(self.whose, folder=self.folder, environment=environment or self.whose.environment)
        return run(whose, verb, *words)

    def write(self, environment: str, values: dict[str, str]) -> None:
        """Writes a file of parameters: the repository's with other values."""
        body = json.loads((ROOT / f"params/{environment}.json").read_text(encoding="utf-8"))
        body["Parameters"] |= values
        (self.folder / f"params/{environment}.json").write_text(json.dumps(body), encoding="utf-8")

    def apply(self, *words: str, **changes: str) -> Ended:
        """`apply` with changes of the file, which stay when it ends well."""
        self.write("shared", {"RequiredApprovals": "0"})  # the local AWS does not hold approval rules
        self.write(self.whose.environment, {**self.file, **changes})
        ended = self.command("apply", "--yes", *words)
        self.values = self.deployed()
        if ended.returncode == 0:
            self.file |= changes
        return ended

    def applied(self, *words: str, **changes: str) -> str:
        """What an `apply` says that ends well, in one line."""
        ended = self.apply(*words, **changes)
        return " ".join((succeed(ended) + ended.stderr).split())

    def agreed(self, *words: str, **changes: str) -> str:
        """As `applied`, with everything named that a first try asks for: what is lost, and more permissions."""
        ended = self.apply(*words, **changes)
        if ended.returncode == 0:
            return " ".join((ended.stdout + ended.stderr).split())
        named = [word for each in re.findall(r"--allow-\w+ [\w.]+", ended.stderr) for word in each.split()]
        return self.applied(*words, *named, "--allow-broader", **changes)

    def refused(self, *words: str, **changes: str) -> str:
        """What an `apply` says that refuses, in one line; nothing has been executed, and no change set is left."""
        before = self._operation()
        ended = self.apply(*words, **changes)
        assert ended.returncode == REFUSED, ended.stdout + ended.stderr
        assert self._operation() == before and self.whose.change_sets() == []
        return " ".join(ended.stderr.split())

    def _operation(self) -> str:
        return str(self.root.last[0]["OperationId"])

    def edit(self, folder: Path, name: str, *texts: tuple[str, str]) -> None:
        """From now on it has a copy of its templates and files, in which some texts of one template are others."""
        for each in ("templates", "params"):
            shutil.copytree(self.home / each, folder / each)
        file = folder / "templates" / f"{name}.json"
        text = file.read_text(encoding="utf-8")
        for before, after in texts:
            assert before in text
            text = text.replace(before, after)
        file.write_text(text, encoding="utf-8")
        pass_gate(folder / "templates")
        self.folder = folder

    def deployed_service(self) -> Any:
        """Its ECS service, as it is described."""
        there = {resource.kind: resource.physical for resource in self.resources().values()}
        place = {"cluster": there["AWS::ECS::Cluster"], "services": [there["AWS::ECS::Service"]]}
        return self.account.services.call("ecs", "describe_services", place)["services"][0]

    def with_first_release(self) -> Commanded:
        """The same, with its first release behind it."""
        self.applied()
        self.released()
        self.applied()
        return self

    def deployed(self) -> dict[str, str]:
        """The values of its parameters, as they are deployed."""
        [body] = self.whose.aws.call("cloudformation", "describe_stacks", StackName=self.name)["Stacks"]
        return {each["ParameterKey"]: each["ParameterValue"] for each in body["Parameters"]}

    def released(self, image: str = COMMIT[:12]) -> str:
        """A release that went well, as the next `apply` finds it; returns its image."""
        stack_outputs = outputs(self.whose, self.name)
        if "LastImageParameter" in stack_outputs:
            image = f"{stack_outputs['RegistryUri']}:{image}"
            parameter = {"Name": stack_outputs["LastImageParameter"], "Value": image, "Type": "String"}
            self.whose.aws.call("ssm", "put_parameter", Overwrite=True, **parameter)
        self.execution()
        return image

    def execution(self, status: str = "Succeeded") -> dict[str, Any]:
        """The record of an execution of its pipeline."""
        self.executions += 1
        return record_execution(self.whose, self.name, self.executions, status)

    def ended(self) -> None:
        """The latest execution has ended well."""
        record_execution(self.whose, self.name, self.executions)
