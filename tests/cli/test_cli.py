"""The command in this process: how a verb is carried out, what an interrupt means for it, and which account is meant.
As a process of its own it is in test_command.py."""

from __future__ import annotations

import gc
import os
import signal
from argparse import Namespace
from collections.abc import Callable, Iterator
from importlib import util
from pathlib import Path
from typing import Any

import pytest

from scripts import cli, cost, rehearse
from scripts.deployment.aws import Endpoint
from scripts.deployment.errors import Exit, RefusedError, UsageError
from scripts.local_aws import server
from scripts.operations import as_roles
from scripts.operations.verbs import status
from tests.conftest import ROOT
from tests.support.account import Account


@pytest.fixture(autouse=True)
def _this_process_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The command sets how garbage is looked for, what ends it, and where no proxy is."""
    for name in ("no_proxy", "NO_PROXY", "DELIVERY_DOOR"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(gc, "set_threshold", lambda _: None)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def interrupt(*_: Any) -> Any:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("module", "words", "end", "lines"),
    [
        (rehearse, ["rehearse"], Exit.FAILED, ["Interrupted."]),
        (
            cost,
            ["cost", "staging"],
            Exit.REFUSED,
            ["Interrupted; nothing of it is running.", "The same command again goes on from there."],
        ),
    ],
)
def test_an_interrupt_means_what_the_verb_says(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    module: Any,
    words: list[str],
    end: Exit,
    lines: Any,
) -> None:
    monkeypatch.setattr(module, "run", interrupt)
    assert cli.main(words) is end and capsys.readouterr().err.splitlines() == lines
    monkeypatch.setenv("DELIVERY_DOOR", "make")  # which itself ends with 2, whatever happened
    assert cli.main(words) is end
    assert capsys.readouterr().err.splitlines() == [*lines, f"status {end.value}: {end.meaning}"]


def test_under_make_changes_that_wait_are_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DELIVERY_DOOR", "make")
    for ending in (Exit.DONE, Exit.CHANGES):
        monkeypatch.setattr(cost, "run", lambda _, ending=ending: ending)
        assert cli.main(["cost", "staging"]) is ending and capsys.readouterr().err == ""


def test_whoever_ends_it_kindly_interrupts_it_and_this_machine_has_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "run", lambda _: Exit.DONE)
    assert cli.main(["cost", "staging"]) is Exit.DONE
    assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == "localhost,127.0.0.1,::1"


def test_without_words_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    shown = capsys.readouterr()
    assert ended.value.code == Exit.USAGE and not shown.out
    assert shown.err.startswith("usage: delivery VERB [ENVIRONMENT] [OPTION ...]\n")


def test_what_make_hands_on_is_read_as_a_shell_would_read_its_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing else of a shell: no variable, no second command."""
    options = cli.parse(["why", "--arguments=--format json", "--arguments='a b;$HOME'", "--arguments="])
    assert (options.format, options.name) == ("json", "a b;$HOME")
    options = cli.parse(["bootstrap", "staging", "--app=a b", "--set=A='b c'"])
    assert (options.app, options.set) == (Path("a b"), ["A='b c'"])
    with pytest.raises(UsageError) as raised:
        cli.parse(["why", "--arguments='a"])
    assert str(raised.value).splitlines() == ["ARGS cannot be read: No closing quotation.", "Close every quote."]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("verb", ["apply", "deploy"])
def test_the_make_target_is_the_verb(verb: str) -> None:
    assert cli.parse([verb, "staging"]).verb == "apply"


@pytest.mark.parametrize("missing", ["scripts/cli.py", "params", ""])
def test_in_another_checkout_its_own_command_is_to_be_used(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the files of another checkout lie, and not in any folder that has some of their names."""
    monkeypatch.setattr(cost, "run", lambda _: Exit.DONE)
    for place in {"scripts/cli.py", "params/x"} - {missing, f"{missing}/x"}:
        (tmp_path / place).parent.mkdir()
        (tmp_path / place).touch()
    monkeypatch.chdir(tmp_path)
    assert cli.main(["cost", "staging"]) is (Exit.DONE if missing else Exit.USAGE)
    shown = capsys.readouterr().err.splitlines()
    assert shown == (
        []
        if missing
        else [
            f"This command belongs to {ROOT}, and {tmp_path} is another checkout.",
            "Use the command of the folder that you mean: .venv/bin/delivery in it, or make.",
        ]
    )


# --- an environment


def test_a_verb_is_given_the_account_the_roots_and_its_own_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --as-roles by way of the roles of the access stack."""
    account, runs, by_roles = Account(), list[Any](), list[Any]()

    def run(*arguments: Any) -> Exit:
        runs.append(arguments)
        return Exit.CHANGES

    def as_role(*arguments: Any) -> Exit:
        by_roles.append(arguments)
        return Exit.MANUAL

    monkeypatch.setattr(cli, "connect", lambda _: account)
    monkeypatch.setattr(status, "run", run)
    monkeypatch.setattr(as_roles, "run", as_role)
    assert cli.main(["status", "staging"]) is Exit.CHANGES and by_roles == []
    assert cli.main(["status", "staging", "--as-roles"]) is Exit.MANUAL and len(runs) == 1
    [(there, own)], [(same, own_too, work)] = runs, by_roles
    assert there.aws is account and own == own_too == status.Options() and work is run
    assert list(there.roots) == ["access", "shared", "edge", "environment"] == list(same.roots)
    assert (there.project, there.templates, there.params) == (ROOT, ROOT / "templates", ROOT / "params")


def test_an_environment_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "staging.json").touch()
    options = Namespace(environment="stagin", params=tmp_path)
    with pytest.raises(UsageError) as raised:
        cli.operate(options)
    reason = f"There is no environment stagin: {tmp_path} has no file stagin.json; did you mean staging?"
    assert str(raised.value).splitlines() == [reason, "There are: staging."]
    (tmp_path / "staging.json").unlink()
    with pytest.raises(UsageError) as raised:
        cli.operate(options)
    assert str(raised.value).splitlines() == [f"{reason.partition(';')[0]}.", "There are: none."]


@pytest.mark.parametrize("more", [{"profile": "p", "region": None}, {"profile": None, "region": "eu-west-1"}])
def test_the_local_aws_takes_no_account(more: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=r"^The local AWS takes neither --profile nor --region\.$"):
        cli.connect(Namespace(environment="local", **more))


@pytest.mark.parametrize(("verb", "starts"), [("apply", True), ("plan", True), ("status", False), ("destroy", False)])
def test_only_what_makes_something_starts_the_local_aws(
    monkeypatch: pytest.MonkeyPatch, verb: str, starts: bool
) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(cli, "local_aws", lambda *arguments: calls.append(arguments))
    cli.connect(Namespace(environment="local", profile=None, region=None, local_aws=Path("run.json"), verb=verb))
    assert calls == [(Path("run.json"), starts)]


# --- the local AWS

RUN = server.Run(42, 9, "aws.log", "key")
FILE = Path("run.json")


def local_aws(monkeypatch: pytest.MonkeyPatch, lost: str = "", **works: Callable[..., Any]) -> None:
    for name, work in {"status": lambda _: None, "lost": lambda *_: lost, **works}.items():
        monkeypatch.setattr(server, name, work)


@pytest.mark.parametrize(
    ("lost", "reason"), [("", "The local AWS is not running."), ("it was killed", "it was killed")]
)
def test_a_local_aws_that_does_not_run_is_refused(monkeypatch: pytest.MonkeyPatch, lost: str, reason: str) -> None:
    local_aws(monkeypatch, lost)
    with pytest.raises(RefusedError) as raised:
        cli.local_aws(FILE, start=False)
    assert str(raised.value).splitlines() == [reason, "`apply local` starts it and makes the environment."]


def failing(*_: Any) -> Any:
    raise server.ServerError("port 1 is taken")


def test_what_keeps_it_from_answering_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    local_aws(monkeypatch, status=failing, ensure=failing)
    for start in (True, False):
        with pytest.raises(RefusedError, match=r"^port 1 is taken$"):
            cli.local_aws(FILE, start)


@pytest.mark.parametrize("start", [True, False])
def test_the_account_is_the_one_that_answers_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], start: bool
) -> None:
    missing = [{"type": "AWS::X::Y", "why": "it is not simulated"}]
    endpoint, questions = RUN.endpoint, list[Any]()
    monkeypatch.setattr(server.Endpoint, "exceptions", lambda _: missing)

    def ensure(file: Path, tell: Callable[[str], object]) -> server.Endpoint:
        assert file == FILE
        tell("the one before was killed")
        return endpoint

    def lost(*arguments: Any) -> str:
        questions.append(arguments)
        return "it was stopped"

    local_aws(monkeypatch, status=lambda _: RUN, ensure=ensure)
    monkeypatch.setattr(server, "lost", lost)
    aws = cli.local_aws(FILE, start)
    there = aws.endpoint
    assert isinstance(there, Endpoint) and there.missing() == missing
    assert (there.url, there.region, there.key, there.page) == (endpoint.url, endpoint.region, "key", endpoint.page)
    assert capsys.readouterr() == ("", "the one before was killed\n" if start else "")
    assert aws._lost() == "it was stopped" and questions == [(FILE, endpoint)]  # type: ignore[attr-defined]


def test_without_moto_the_way_to_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == "moto" else name)
    with pytest.raises(RefusedError) as raised:
        cli.local_aws(FILE, start=True)
    assert str(raised.value).splitlines() == [
        "The local AWS is not installed: there is no moto.",
        "`make deploy` installs what it needs, and so does `python scripts/set_up.py .venv local`.",
    ]
