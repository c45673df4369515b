"""docs/unverified.md gives commands that the AWS command line has, with options that they take."""

import re
import shlex

import botocore.session
import pytest
from botocore import xform_name

from tests.support.design import ROOT

TEXT = (ROOT / "docs" / "unverified.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", TEXT, re.S)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line.startswith("aws ")]
# Options of the command line itself (aws cli user guide, cli-configure-options, cli-usage-pagination).
OWN = {"query", "region", "output", "max-items", "page-size"}
# Commands of the command line itself that are no operation; tests/system/test_exit_door.py runs them.
WITHOUT_OPERATION = {("cloudformation", "package"), ("cloudformation", "deploy")}
SESSION = botocore.session.get_session()
SERVICES = {"s3api": "s3"}  # called otherwise by the command line


def fault(command: str) -> str:
    """What botocore does not know about a command; empty when it knows all of it."""
    _, service, operation, *words = shlex.split(command)
    if (service, operation) in WITHOUT_OPERATION:
        return ""
    model = SESSION.get_service_model(SERVICES.get(service, service))
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in operations:
        return f"{service} has no {operation}"
    shape = model.operation_model(operations[operation]).input_shape
    known = OWN | {xform_name(name, "-") for name in (shape.members if shape else {})}
    values = {word.removeprefix("--") for word in words if word.startswith("--")}
    required = {xform_name(name, "-") for name in (shape.required_members if shape else [])}
    return " ".join([*sorted(values - known), *(f"{name} is missing" for name in sorted(required - values))])


@pytest.mark.parametrize("command", COMMANDS)
def test_aws_has_the_command(command: str) -> None:
    assert fault(command) == ""


def test_every_claim_has_a_command_and_what_to_expect() -> None:
    assert len(COMMANDS) > 40
    claims = re.findall(r"^\*\*[^*]+\*\*", TEXT, re.M)
    assert len(claims) == len(BLOCKS) - 1 == TEXT.count("*Expect*")  # the first block sets names


def test_what_can_be_settled_beforehand_is_a_command() -> None:
    section = TEXT.partition("## Before the first deployment")[2].partition("\n## ")[0]
    claims = re.findall(r"^\*\*[^*]+\*\*(?: \[([^]]+)\])?", section, re.M)
    sources = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "scripts/operations/preflight").glob("*.py"))
    checks = set(re.findall(r'(?:good|fault|warning)\(\s*"([^"]+)"', sources))
    assert len(claims) >= 5 and set(claims) <= checks


def test_wrong_commands_are_seen() -> None:
    assert fault("aws ecs describe-servises") == "ecs has no describe-servises"
    assert fault("aws ecs describe-services --services x --klaster y") == "klaster"
    assert fault("aws ecs describe-services --cluster x") == "services is missing"
