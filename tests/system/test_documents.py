"""Every verb of `delivery` gives a document to programs, whatever happens: `--format json`, against `docs/schemas`.

All of them run on one local AWS, in this process, as they are typed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from scripts import cli
from scripts.deployment.errors import RefusedError
from scripts.rehearsal.report import ActionResult, Release, StageResult
from scripts.terminal import results
from tests.support.deployments import LOCAL, SHARED, LocalAccount
from tests.support.deployments import account as account
from tests.support.documents import SCHEMAS, problems
from tests.support.pull_requests import checkout_of, shorter_retention

# What is refused, with the exit status and words of the reason.
REFUSED = (
    (("rehearse", "--app", "/nowhere"), 64, "/nowhere is not a folder"),
    (("bootstrap", "local", "--app", "/nowhere"), 64, "/nowhere is not a folder"),
    (("migrate", "local", "--app", "/nowhere"), 3, "has no git server"),
    (("apply", "nowhere"), 64, "There is no environment nowhere"),
    (("destroy", "local", "--name", "other"), 3, "--name is 'other'"),
    (("why", "Cliets"), 64, "nothing called Cliets"),
    (("review", "no-such-branch"), 3, "no revision"),
)
Document = dict[str, Any]
Run = Callable[..., Document]


@pytest.fixture
def walked() -> set[str]:
    """The verbs that were run."""
    return set()


@pytest.fixture
def run(account: LocalAccount, capsys: pytest.CaptureFixture[str], walked: set[str]) -> Run:
    """Runs a verb, and gives its document once it fits its schema and the exit status."""

    def run(verb: str, *words: str) -> Document:
        capsys.readouterr()
        options: list[str] = []
        if cli.VERBS[verb].subject == "ENVIRONMENT":
            options += [word for name in ("templates", "params") for word in (f"--{name}", str(account.folder / name))]
        if cli.VERBS[verb].operates:
            options += ["--local-aws", str(account.run_file)]
        status = cli.main([verb, *words, *options, "--format", "json"])
        output = capsys.readouterr()
        document: Document = json.loads(output.out)
        walked.add(verb)
        assert not problems(document), output.err
        assert (document["verb"], document["exit"]["status"]) == (verb, status)
        assert (document["error"] is None) or document["error"]["reason"].splitlines()[0] in output.err
        return document

    return run


@pytest.fixture(scope="module")
def environment(account: LocalAccount) -> Iterator[LocalAccount]:
    """The environment `local`, created."""
    account.reset()
    words = ["apply", "local", "--local-aws", str(account.run_file), "--quiet"]
    folders = ["--templates", str(account.folder / "templates"), "--params", str(account.folder / "params")]
    assert cli.main([*words, *folders]) == 0
    yield account


def test_every_verb_has_a_schema_and_every_schema_a_verb() -> None:
    assert {file.stem for file in SCHEMAS.glob("*.json")} - {"common", "gate"} == set(cli.VERBS)
    for verb in cli.VERBS:
        assert "--format" in cli.parser(verb)._option_string_actions, verb


def reading_verbs(run: Run) -> None:
    stacks = {stack["stack"]: stack for stack in run("status", "local")["result"]["stacks"]}
    assert stacks[LOCAL]["nested"]["Backend"] == "CREATE_COMPLETE" and stacks[SHARED]["nested"] == {}
    assert run("outputs", "local")["result"]["environment"]["PublicUrl"]
    assert run("explain", "local")["result"][LOCAL]["good"]
    assert any(event["status"] == "CREATE_COMPLETE" for event in run("events", "local")["result"][LOCAL])
    assert {each["stack"] for each in run("drift", "local")["result"]} >= {LOCAL}
    assert run("follow", "local")["result"] == {"operations": []}
    assert run("continue", "local")["result"] == {"stuck": [], "operations": []}
    assert run("rollback", "local")["result"] == {"releases": [], "executions": []}
    variables = {each["variable"]: each for each in run("config", "local")["result"]["variables"]}
    assert variables["LOG_LEVEL"]["live"] and variables["JWT_SECRET_KEY"]["live"] is None
    assert run("config", "local", "--compare", "staging")["result"]["differences"]
    assert run("preflight", "local")["result"]


def verbs_without_an_account(repository: Path, tmp_path: Path, run: Run) -> None:
    checkout = checkout_of(repository, tmp_path / "checkout")
    shorter_retention(checkout)
    changed = [each["name"] for each in run("review", "base", "--project", str(checkout))["result"]["environments"]]
    assert "production" in changed
    assert run("version", "base", "--project", str(checkout))["result"]["change"] == "none"
    assert run("cost", "small")["result"]["total"]["low"] > 0
    assert list(run("show", "small", "Backend")["result"]) == ["Backend"] and len(run("show", "small")["result"]) > 10
    assert run("why", "Data.Clients")["result"][0]["name"] == "data.Clients"
    files = run("ci-files", "--host", "github", "--project", str(tmp_path))["result"]["files"]
    assert {file["state"] for file in files} == {"written"}
    assert "complete" in run("completion", "bash")["result"]["script"]
    onboarded = run("onboard", "--app", "tests/applications/sample", "--show")["result"]
    assert {"fact": "backend.module", "value": "app.main:app", "source": "backend/app/main.py"} in onboarded["facts"]
    assert run("local", "status")["result"].keys() >= {"running"}


def refusals(run: Run) -> None:
    for words, status, reason in REFUSED:
        document = run(*words)
        assert document["exit"]["status"] == status and reason in document["error"]["reason"], words


def test_a_rehearsal_is_a_value() -> None:
    """One takes a minute, and tests/system/test_rehearse.py runs some: here is its value alone."""
    action = ActionResult("Build/Backend", "CodeBuild", 1.5, "built")
    stages = (StageResult("Build", (action,), "nothing more happens"),)
    release = Release("p", "1", "c", "now", stages, (), {"image": "x"}, (), ("note",), 2.0, 0.5)
    with results.document("rehearse", None, RefusedError("Interrupted.")) as document:
        results.update({**asdict(release), "succeeded": release.succeeded})
    frame = {"verb": "rehearse", "environment": None, "exit": {"status": 0, "meaning": "done"}, "error": None}
    assert not problems({"schema": "delivery/rehearse/1", **frame, "result": json.loads(json.dumps(document.result))})


def writing_verbs_and_a_failure(environment: LocalAccount, run: Run) -> None:
    assert run("access", "local")["exit"]["status"] in (0, 64)
    assert run("import", "local")["exit"]["status"] != 70
    environment.parameters(LogRetentionDays="60")
    plan = run("plan", "local")
    assert plan["exit"]["status"] == 2 and plan["result"]["changes"]
    changed = run("apply", "local")["result"]
    assert [operation["stack"] for operation in changed["operations"]] == [LOCAL]
    assert changed["operations"][0]["outputs"]["PublicUrl"] and changed["plans"][0]["resources"]
    environment.breaking("configuration.json")
    failed = run("apply", "local")
    assert failed["exit"]["status"] == 1 and failed["error"] is None
    cause = failed["result"]["operations"][-1]["cause"]
    assert cause["path"][-1] == "Broken" and cause["reason"]
    assert run("explain", "local", "--stack", "Configuration")["result"]
    environment.reset()
    gone = run("destroy", "local", "--name", "local", "--yes")["result"]
    assert gone["operations"][0]["status"] == "DELETE_COMPLETE" and gone["kept"] and gone["stacks"][0]["goes"]
    assert run("status", "local")["result"]["stacks"][-1]["status"] is None


def test_every_verb_gives_a_document_however_it_ends(
    repository: Path, tmp_path: Path, environment: LocalAccount, run: Run, walked: set[str]
) -> None:
    reading_verbs(run)
    verbs_without_an_account(repository, tmp_path, run)
    refusals(run)
    writing_verbs_and_a_failure(environment, run)
    assert walked == set(cli.VERBS)
