"""An environment gets another name: another one beside it takes over what holds data, as docs/renaming.md
says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.local_aws.commanded import REFUSED, Commanded
from tests.support.lives import NAME, Ended, outputs, succeed

pytestmark = [pytest.mark.soak, pytest.mark.long]
# What the new file says, and the output of the old stack that has the value.
TAKEN_OVER = {
    "ExistingKeyArn": "KeyArn",
    "ExistingEncryptionSecretArn": "EncryptionSecretArn",
    "ExistingJwtSecretArn": "JwtSecretArn",
    "ExistingRepositoryName": "RegistryName",
}
SHARED = "It is the same environment under another name."


@pytest.fixture
def small(tmp_path: Path) -> Commanded:
    """A small environment that has had its first release."""
    return Commanded(tmp_path / "small", "small").with_first_release()


def renamed(small: Commanded, **values: str) -> Ended:
    """Applies the environment under its new name, with the values of the old file and others."""
    body = json.loads((small.folder / "params/small.json").read_text(encoding="utf-8"))
    body["Parameters"] |= {"Environment": "renamed", "AccountSharedBecause": SHARED, **values}
    (small.folder / "params/renamed.json").write_text(json.dumps(body), encoding="utf-8")
    return small.command("apply", "--yes", environment="renamed")


def secrets(small: Commanded, name: str) -> set[str]:
    """The secrets that the tasks of an environment read."""
    call, shown = small.account.services.call, outputs(small.whose, f"{NAME}-{name}")
    place = {"cluster": shown["RunningCluster"], "services": [shown["RunningService"]]}
    running: Any = call("ecs", "describe_services", place)["services"][0]["taskDefinition"]
    definition: Any = call("ecs", "describe_task_definition", {"taskDefinition": running})["taskDefinition"]
    entries = [entry for each in definition["containerDefinitions"] for entry in each.get("secrets", ())]
    return {entry["valueFrom"] for entry in entries if ":secret:" in entry["valueFrom"]}


def test_another_name_keeps_the_secrets_of_the_data_that_it_keeps(small: Commanded) -> None:
    """P20: nothing of the old name is found by itself. Under the new one, tables of the same names are in the way;
    used, they are unreadable without the key; and with it, a secret of its own would end every session."""
    old = outputs(small.whose, small.name)
    ended = renamed(small)
    assert ended.returncode == REFUSED and "it is not one of" in ended.stderr, ended.stderr
    ended = renamed(small, DataTables="EXISTING")
    assert ended.returncode == REFUSED and "which the application may not use" in ended.stderr, ended.stderr

    values = {name: old[output] for name, output in TAKEN_OVER.items()}
    succeed(renamed(small, DataTables="EXISTING", **values))
    new = outputs(small.whose, f"{NAME}-renamed")
    assert {name: new[name] for name in TAKEN_OVER.values()} == {name: old[name] for name in TAKEN_OVER.values()}
    used = secrets(small, "renamed")
    assert {old["EncryptionSecretArn"], old["JwtSecretArn"]} <= used and used == secrets(small, "small")

    off = {"StackName": small.name, "EnableTerminationProtection": False}
    small.whose.aws.call("cloudformation", "update_termination_protection", **off)
    succeed(small.command("destroy", "--yes", "--name", "small"))
    for arn in used:
        small.account.services.call("secretsmanager", "get_secret_value", {"SecretId": arn})
    tables = small.account.services.call("dynamodb", "list_tables", {})["TableNames"]
    assert {value for name, value in small.values.items() if name.endswith("Table")} <= {*tables}
    assert "no changes" in succeed(renamed(small, DataTables="EXISTING", **values))
