"""`delivery bootstrap`: from a folder to a release that answers, in steps that an interrupt does not lose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts import cli, loopback
from scripts.bootstrap import command, stacks
from scripts.onboarding.standing import FACTS
from tests.conftest import ROOT
from tests.support.deployments import LocalAccount
from tests.support.deployments import account as account
from tests.support.documents import problems
from tests.support.rehearsal import programs
from tests.support.rehearsal.environments import AT_ONCE, SAMPLE

LIST = ["facts", "templates", "shared", "environment", "secrets", "release", "raise", "serve", "verify"]


def bootstrap(account: LocalAccount, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Runs the command as it is typed, with quick programs in the builds; its document, which fits its schema."""
    if not (account.folder / "fakes").exists():
        programs.lay(account.folder / "fakes")
        account.reset()
    capsys.readouterr()
    status = cli.main([*typed(account), "--quiet", "--format", "json"])
    output = capsys.readouterr()
    document: dict[str, Any] = json.loads(output.out)
    assert not problems(document) and document["exit"]["status"] == status, output.err
    return document


def typed(account: LocalAccount) -> list[str]:
    words = ["bootstrap", "local", "--app", str(SAMPLE), "--keep-facts"]
    words += ["--local-aws", str(account.run_file), "--cache", str(account.folder / "cache")]
    words += ["--templates", str(account.folder / "templates"), "--params", str(account.folder / "params")]
    words += ["--programs", str(account.folder / "fakes")]
    return words + [word for name, value in AT_ONCE.items() for word in ("--set", f"{name}={value}")]


def states(document: dict[str, Any]) -> dict[str, str]:
    return {step["step"]: step["state"] for step in document["result"]["steps"]}


def test_an_interrupt_loses_nothing_and_the_second_call_ends_with_the_address(
    account: LocalAccount, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(command, "LOCAL", (*command.LOCAL[:2], ("secrets", interrupted)))
        first = bootstrap(account, capsys)
    assert first["exit"]["status"] == 4 and "bootstrap local --app" in first["error"]["remedy"]
    assert states(first) == {**dict.fromkeys(LIST[2:4], "done"), "facts": "already", "templates": "already"} | {
        "secrets": "failed"
    }
    second = bootstrap(account, capsys)
    assert second["exit"]["status"] == 0, second["error"]
    ends = states(second)
    assert list(ends) == LIST
    assert [ends[step] for step in ("shared", "environment", "release", "raise", "serve", "verify")] == [
        *("already", "already", "done", "done", "done", "done")
    ]
    with loopback.urlopen(second["result"]["address"], timeout=10) as answer:
        assert answer.status == 200
    third = bootstrap(account, capsys)
    assert set(states(third).values()) == {"already", "done"} and third["result"]["operations"] == []
    assert {step for step, state in states(third).items() if state == "done"} == {"verify"}
    assert third["result"]["address"] == second["result"]["address"]
    assert cli.main(typed(account)) == 0
    shown = capsys.readouterr().out
    assert shown.count("local AWS: http://") == 1, "where it is, is said once"


def folder(tmp_path: Path, **more: str) -> Path:
    files = {
        "shop/api.py": "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/health')\ndef health(): return {}\n",
        "shop/requirements.txt": "fastapi\n",
        **more,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / "shop"


@pytest.mark.parametrize(
    ("more", "status", "text"),
    [
        ({}, 2, "Nothing was written: confirmation needs a terminal"),
        ({"shop/api.py": "x = 1\n"}, 3, "no FastAPI application"),
    ],
)
def test_facts_of_another_application_go_with_consent_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: dict[str, str], status: int, text: str
) -> None:
    before = (ROOT / FACTS).read_bytes()
    words = ["--local-aws", str(tmp_path / "none.json")]
    assert cli.main(["bootstrap", "local", "--app", str(folder(tmp_path, **more)), *words]) == status
    assert text in capsys.readouterr().err and (ROOT / FACTS).read_bytes() == before
    assert not (tmp_path / "none.json").exists(), "nothing was started"


def test_the_steps_are_those_of_the_guide() -> None:
    """docs/first-deployment.md has them in this order."""
    assert [name for name, _ in (*command.PREPARING, *command.LOCAL)] == LIST
    assert [name for name, _ in command.ACCOUNT][:4] == ["preflight", "access", "source", "environment"]
    assert dict(command.ACCOUNT)["environment"] is stacks.environment
