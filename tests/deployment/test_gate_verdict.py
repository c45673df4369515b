"""Whatever makes a change set is refused for templates that the gate has not passed to the byte."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from scripts.deployment import environment
from scripts.deployment.aws import Aws
from scripts.deployment.errors import Exit, RefusedError
from scripts.deployment.package import GateVerdict
from scripts.operations import application
from scripts.operations.run import Run
from scripts.operations.verbs import access, apply, config, migrate, plan
from tests.conftest import ROOT
from tests.support.gate import pass_gate
from tests.support.runs import verb_options
from tests.support.service import ME, Prepared, refusal

import_verb = import_module("scripts.operations.verbs.import_")
VERBS: dict[str, Callable[[Run], Exit]] = {
    "apply": lambda run: apply.run(run, verb_options(apply, yes=True)),
    "plan": lambda run: plan.run(run, verb_options(plan)),
    "access": lambda run: access.run(run, verb_options(access, yes=True)),
    "config --set": lambda run: config.run(run, verb_options(config, set=["LogLevel=DEBUG"], yes=True)),
    "migrate": lambda run: migrate.run(run, verb_options(migrate, app=run.project, yes=True)),
    "import": lambda run: import_verb.run(run, import_verb.Options(yes=True)),
}
# The template that each of them packages.
EDITED = {"access": "access.json", "migrate": "shared.json", "import": "shared.json"}


def empty_account() -> Prepared:
    """An account in which no stack exists."""
    return Prepared(
        sts__get_caller_identity={"Account": ME.account, "Arn": ME.arn},
        cloudformation__describe_stacks=refusal("x", "ValidationError", "Stack does not exist"),
        cloudformation__list_stacks={"StackSummaries": []},
    )


def edited_run(aws: Aws, folder: Path, name: str) -> Run:
    """A run on templates of which one was edited after the gate had passed them, and was linted by nobody."""
    for each in ("templates", "params"):
        shutil.copytree(ROOT / each, folder / each)
    pass_gate(folder / "templates")
    file = folder / "templates" / name
    body = json.loads(file.read_text(encoding="utf-8"))
    body["Description"] += " Edited."
    file.write_text(json.dumps(body), encoding="utf-8")
    roots = environment.load("staging", folder / "templates", folder / "params")
    verdict = GateVerdict.beside(folder / "templates")
    return Run(aws, roots, folder, folder / "templates", folder / "params", verdict)


@pytest.mark.parametrize("verb", VERBS)
def test_an_edited_template_is_refused(verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "check", lambda *_: [])
    name, aws = EDITED.get(verb, "data.json"), empty_account()
    with pytest.raises(RefusedError, match=f"The gate has not passed .*{name}") as raised:
        VERBS[verb](edited_run(aws, tmp_path, name))
    assert "make templates" in raised.value.remedy
    assert not {"cloudformation.create_change_set", "s3.put_object"} & set(aws.calls())


def test_without_a_record_nothing_is_passed(tmp_path: Path) -> None:
    run = edited_run(empty_account(), tmp_path, "data.json")
    nothing = GateVerdict.beside(tmp_path / "elsewhere")
    with pytest.raises(RefusedError, match="has not passed"):
        VERBS["plan"](replace(run, gate=nothing))
