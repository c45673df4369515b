"""The steps of a bootstrap one by one: what each does, in which order, and what it says when it is done already.

The verbs that a step takes have tests of their own: here they are doors that write down how they were called.
"""

from __future__ import annotations

import json
import re
import shutil
import urllib.error
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from generator.cfn import template_names
from generator.cfn.environments import ACCESS, SHARED, Environment
from generator.cfn.stacks import Stack
from scripts import cli
from scripts.bootstrap import command, preparation, release, stacks
from scripts.bootstrap.progress import Bootstrap, EndedError, Progress, State, StepResult
from scripts.deployment import environment
from scripts.deployment import stacks as deployed
from scripts.deployment.errors import Exit, ManualActionRequiredError, NotConfirmedError, RefusedError
from scripts.onboarding.reading import read_application
from scripts.onboarding.standing import FACTS
from scripts.onboarding.writing import Written, facts_text
from scripts.operations import configuration
from scripts.operations.preflight import check
from scripts.operations.preflight.check import Check
from scripts.terminal import prompt
from tests.conftest import ROOT
from tests.support.onboarding import folder
from tests.support.runs import verb_run
from tests.support.service import ME, Prepared

STAGING, ROLES = "cloud-health-dashboard-staging", "cloud-health-dashboard-staging-access"
ALL = "cloud-health-dashboard-shared"
OUTPUTS = {"Pipeline": "pipe", "PublicUrl": "https://x", template_names.LAST_IMAGE: "/last"}


class Calls:
    """A door that writes down with what it was called, and answers the same each time."""

    def __init__(self, result: Any = None) -> None:
        self.result, self.calls = result, list[tuple[Any, ...]]()

    def __call__(self, *arguments: Any) -> Any:
        self.calls.append(arguments)
        return self.result


class Doors:
    """The verbs that steps take: what was called, in order, and how it ends."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.ends = Exit.DONE
        for name in ("deploy_access", "deploy_roots", "deploy"):
            monkeypatch.setattr(stacks, name, self.deploying(name))
        monkeypatch.setattr("scripts.operations.migration.check_folder", self.noting("check_folder"))
        monkeypatch.setattr("scripts.operations.migration.push", self.noting("push"))
        monkeypatch.setattr(stacks, "wait_for_connection", self.noting("wait_for_connection"))
        monkeypatch.setattr(stacks, "check_certificate", self.noting("check_certificate"))

    def deploying(self, name: str) -> Any:
        def deploy(run: Any, options: Any) -> Exit:
            self.calls.append((name, run.environment.name, options.wait))
            return self.ends

        return deploy

    def noting(self, name: str) -> Any:
        return lambda *arguments: self.calls.append((name, *arguments[1:]))

    @property
    def names(self) -> list[str]:
        return [str(call[0]) for call in self.calls]


@pytest.fixture
def doors(monkeypatch: pytest.MonkeyPatch) -> Doors:
    return Doors(monkeypatch)


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> dict[str, Stack]:
    """The stacks that are there, by name."""
    there = {STAGING: Stack(STAGING, "arn", "UPDATE_COMPLETE", outputs=dict(OUTPUTS))}
    monkeypatch.setattr(deployed, "read", lambda _aws, name: there.get(name))
    return there


class Account(Prepared):
    """An account where ME asks; a local AWS where it has an endpoint."""

    def __init__(self, endpoint: Any = None) -> None:
        super().__init__()
        self.endpoint = endpoint

    def identity(self) -> Any:
        return ME


def bootstrap(*, local: bool = False, chosen: dict[str, str] | None = None, **options: Any) -> Bootstrap:
    """A bootstrap of staging that has come as far as the account."""
    started = Bootstrap(Namespace(app=ROOT, environment="staging", templates=ROOT / "templates", **options))
    roots = environment.load("staging", ROOT / "templates", ROOT / "params")
    if chosen:
        roots = {
            name: replace(root, file=replace(root.file, parameters={**root.file.parameters, **chosen}))
            for name, root in roots.items()
        }
    started._run = verb_run(Account(SimpleNamespace() if local else None), roots)
    return started


@pytest.mark.parametrize("exists", [True, False])
def test_preflight_says_what_would_stop_a_later_step_and_leaves_out_what_is_still_to_come(
    exists: bool, standing: dict[str, Stack], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    later = [Check(f"{what}x", check.State.ERROR, "") for what in ("branch ", "connection", "secret ", "access")]
    checks = [Check("identity", check.State.GOOD, "you"), Check("quota", check.State.UNKNOWN, "?"), *later]
    surveys = Calls(checks)
    monkeypatch.setattr(stacks, "all_checks", surveys)
    if not exists:
        standing.clear()
    assert stacks.preflight(bootstrap()) == Progress("2 checks", already=exists)
    [(survey,)] = surveys.calls
    assert (survey.identity, survey.exists, survey.project) == (ME, exists, ROOT)
    assert "identity  you" in capsys.readouterr().out
    checks.append(Check("certificate", check.State.ERROR, "is missing", "make it"))
    checks.append(Check("zone", check.State.ERROR, "is missing"))
    with pytest.raises(RefusedError) as error:
        stacks.preflight(bootstrap())
    assert error.value.reason == "The account is not ready: certificate, zone."
    assert error.value.remedy == "Each remedy is above."
    assert "make it" in capsys.readouterr().out


def test_roles_of_what_is_shared_come_before_those_of_the_environment(doors: Doors, standing: dict[str, Stack]) -> None:
    assert stacks.access(bootstrap()) == Progress(ROLES)
    assert doors.calls == [("deploy_access", "shared", False), ("deploy_access", "staging", False)]
    standing[ROLES] = Stack(ROLES, "arn", "UPDATE_COMPLETE")
    assert stacks.access(bootstrap()) == Progress(ROLES, already=True)


def test_behind_a_connection_there_is_nothing_shared(doors: Doors, standing: dict[str, Stack]) -> None:
    assert standing
    chosen = {"SourceProvider": "CONNECTION", "ConnectionArn": "arn:c"}
    assert stacks.access(bootstrap(chosen=chosen)) == Progress(ROLES)
    assert doors.calls == [("deploy_access", "staging", False)]
    assert stacks.source(bootstrap(chosen=chosen)) == Progress("the connection is complete", already=True)
    assert doors.calls[1:] == [("wait_for_connection", "arn:c")]


def test_who_is_the_deploy_role_deploys_no_roles(
    doors: Doors, standing: dict[str, Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    standing[ROLES] = Stack(ROLES, "arn", "UPDATE_COMPLETE")
    questions = Calls(True)
    monkeypatch.setattr(stacks, "is_deployer", questions)
    assert stacks.access(bootstrap()) == Progress("you are the deploy role", already=True)
    assert questions.calls == [(ME, standing[ROLES])] and doors.calls == []
    without = bootstrap()
    without._run = replace(
        without.run, roots={name: root for name, root in without.run.roots.items() if name != ACCESS}
    )
    assert stacks.access(without) == Progress("this environment has no roles of its own", already=True)
    assert doors.calls == []


def test_a_step_whose_verb_ends_badly_ends_the_bootstrap_with_its_status(
    doors: Doors, standing: dict[str, Stack]
) -> None:
    assert standing
    doors.ends = Exit.FAILED
    for step, name in (
        (stacks.access, "access"),
        (stacks.shared, "shared"),
        (stacks.environment, "environment"),
        (stacks.raise_tasks, "raise"),
    ):
        standing[STAGING] = replace(standing[STAGING], parameters={"BackendBootstrap": "true"})
        with pytest.raises(EndedError) as error:
            step(bootstrap())
        assert error.value.status is Exit.FAILED and error.value.reason == f"The step {name} did not succeed."


def test_the_application_is_checked_then_pushed_into_the_shared_repository(
    doors: Doors, standing: dict[str, Stack]
) -> None:
    standing[ALL] = Stack(ALL, "arn", "CREATE_COMPLETE", outputs={template_names.REPOSITORY: "cloud-health"})
    started = bootstrap(chosen={"BranchName": "develop"})
    progress = stacks.source(started)
    assert progress == Progress("all branches and tags are in cloud-health")
    [checked, shared, pushed] = doors.calls
    choices = {"BuildspecSource": "INLINE", "BackendTarget": "ECS", "FrontendTarget": "CLOUDFRONT"}
    own = {name: started.run.environment.chosen(name) for name in choices}
    assert checked == ("check_folder", started.folder, ["develop", "main"], [own])
    assert shared == ("deploy_roots", "shared", False) and pushed == ("push", started.folder, standing[ALL])


@pytest.mark.parametrize("exists", [True, False])
def test_what_is_shared_and_the_environment(exists: bool, doors: Doors, standing: dict[str, Stack]) -> None:
    if exists:
        standing[ALL] = Stack(ALL, "arn", "CREATE_COMPLETE")
    else:
        standing.clear()
    assert stacks.shared(bootstrap()) == Progress(ALL, already=exists)
    assert stacks.environment(bootstrap()) == Progress(STAGING, already=exists)
    assert doors.calls == [("deploy_roots", "shared", False), ("check_certificate",), ("deploy", "staging", False)]


@pytest.mark.parametrize(
    ("local", "exists", "receiver", "left"),
    [
        (False, False, "ops@shop.test", 1),
        (False, True, "ops@shop.test", 0),
        (True, False, "ops@shop.test", 0),
        (False, False, "NONE", 0),
        (False, False, "", 0),
    ],
)
def test_a_mail_to_confirm_is_left_for_a_person(
    local: bool, exists: bool, receiver: str, left: int, doors: Doors, standing: dict[str, Stack]
) -> None:
    if not exists:
        standing.clear()
    started = bootstrap(local=local, chosen={"NotificationEmail": receiver})
    stacks.environment(started)
    text = "ops@shop.test has a mail with a subscription to confirm: no message is sent before"
    assert started.left == [text] * left and [*started.left_lines()] == [f"still to do: {text}"] * left
    assert doors.names == ([] if local else ["check_certificate"]) + ["deploy"]


def test_autoscaling_gets_the_tasks_once(doors: Doors, standing: dict[str, Stack]) -> None:
    done = Progress("autoscaling owns the number of tasks")
    for parameters in ({}, {"BackendBootstrap": "false"}):
        standing[STAGING] = replace(standing[STAGING], parameters=parameters)
        assert stacks.raise_tasks(bootstrap()) == replace(done, already=True) and doors.calls == []
    standing[STAGING] = replace(standing[STAGING], parameters={"BackendBootstrap": "true"})
    assert stacks.raise_tasks(bootstrap()) == done
    assert doors.calls == [("deploy_roots", "staging", True)], "it waits for the release that is out"
    standing[STAGING] = replace(standing[STAGING], outputs={"Pipeline": "p"})
    assert stacks.raise_tasks(bootstrap()) == Progress("there is no service on ECS", already=True)


def test_without_an_environment_there_is_no_pipeline(standing: dict[str, Stack]) -> None:
    for stack in (None, replace(standing[STAGING], outputs={})):
        standing.clear()
        if stack:
            standing[STAGING] = stack
        with pytest.raises(RefusedError, match=f"{STAGING} does not exist, or has no pipeline."):
            bootstrap().stack()


def test_a_secret_that_nobody_is_there_to_give_is_waited_for(
    standing: dict[str, Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert standing
    monkeypatch.setattr(configuration, "unfilled", lambda *_: [])
    assert stacks.secrets(bootstrap()) == Progress("none waits for a person", already=True)
    monkeypatch.setattr(configuration, "unfilled", lambda *_: ["A", "B"])

    def nobody(_: str) -> str:
        raise prompt.NobodyAnsweredError

    monkeypatch.setattr(prompt, "attended", lambda: True)
    monkeypatch.setattr(prompt, "secret", nobody)
    with pytest.raises(ManualActionRequiredError) as error:
        stacks.secrets(bootstrap())
    assert error.value.reason == "A has no value, and no task starts without it."
    assert error.value.remedy.startswith("`config staging --secret A` asks for it")
    fill = Calls()
    monkeypatch.setattr(prompt, "secret", lambda text: text)
    monkeypatch.setattr(configuration, "fill", fill)
    assert stacks.secrets(bootstrap()) == Progress("A, B")
    ask = "The application needs {}, which only you know (nothing is shown): "
    filled = [(root.name, stack.name, *rest) for _, root, stack, *rest in fill.calls]
    assert filled == [("staging", STAGING, name, ask.format(name)) for name in ("A", "B")]
    # Without a terminal nothing is read: which line would be for which secret?
    monkeypatch.setattr(prompt, "attended", lambda: False)
    with pytest.raises(ManualActionRequiredError) as error:
        stacks.secrets(bootstrap())
    assert error.value.reason == "A has no value, and no task starts without it." and len(fill.calls) == 2


# --- the whole command


@pytest.mark.parametrize("error", [None, KeyboardInterrupt(), RefusedError("no")], ids=["done", "Ctrl-C", "refused"])
def test_the_steps_on_an_account_in_their_order_and_how_they_end(
    error: BaseException | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    account, taken = Account(), list[str]()

    def connect(options: Namespace) -> Account:
        taken.append(f"connect {options.environment}")
        return account

    monkeypatch.setattr(cli, "connect", connect)

    def step(name: str) -> Any:
        def take(bootstrap: Bootstrap) -> Progress:
            taken.append(name)
            if name == "release" and error:
                raise error
            if name == "environment":
                bootstrap.leave("confirm a mail")
            if name == "verify":
                assert bootstrap.run.aws is account and list(bootstrap.run.roots)[-1] == "environment"
                bootstrap.address = "https://x"
            return Progress(f"{name} is done", already=name == "facts")

        return take

    for steps in ("PREPARING", "LOCAL", "ACCOUNT"):
        monkeypatch.setattr(command, steps, tuple((name, step(name)) for name, _ in getattr(command, steps)))
    status = cli.main(["bootstrap", "staging", "--app", str(ROOT), "--format", "json"])
    names = [
        "facts",
        "templates",
        "preflight",
        "access",
        "source",
        "environment",
        "secrets",
        "release",
        "raise",
        "verify",
    ]
    ended = names[: names.index("release") + 1] if error else names
    assert taken == [*ended[:2], "connect staging", *ended[2:]]
    document = json.loads(capsys.readouterr().out)
    result = document["result"]
    keys = {"steps", "plans", "operations", "left", "application", "release", "address"}
    assert result.keys() == keys and result["plans"] == result["operations"] == []
    assert [each["step"] for each in result["steps"]] == ended and result["left"] == ["confirm a mail"]
    assert (result["application"], result["release"]) == ("cloud-health-dashboard", None)
    assert [each["state"] for each in result["steps"]][:2] == ["already", "done"]
    if error is None:
        assert status == 0 and result["address"] == "https://x"
        cli.main(["bootstrap", "staging", "--app", str(ROOT)])
        lines = capsys.readouterr().out.splitlines()
        assert lines[-2:] == ["still to do: confirm a mail", "cloud-health-dashboard answers on https://x"]
        assert lines[0] == "[facts]" and lines[-3].split()[-1] == "s"
        return
    assert result["steps"][-1]["state"] == "failed" and result["address"] is None
    if isinstance(error, KeyboardInterrupt):
        assert status == 4 and result["steps"][-1]["detail"] == "interrupted"
        assert document["error"]["reason"] == "Interrupted; what is done stays."
        assert f"bootstrap staging --app {ROOT}` goes on from there." in document["error"]["remedy"]
    else:
        assert status == 3 and result["steps"][-1]["detail"] == "no"


def test_on_the_local_aws_the_local_steps_are_taken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "connect", lambda _: Account(SimpleNamespace()))
    doors = {steps: Calls(Progress("")) for steps in ("PREPARING", "LOCAL", "ACCOUNT")}
    for steps, door in doors.items():
        monkeypatch.setattr(command, steps, tuple((name, door) for name, _ in getattr(command, steps)))
    assert cli.main(["bootstrap", "local", "--app", str(ROOT)]) == 0 and capsys.readouterr().out
    assert [len(door.calls) for door in doors.values()] == [2, len(command.LOCAL), 0]


def test_an_application_is_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bootstrap", "local", "--app", str(tmp_path / "none")]) == 64
    assert f"{tmp_path / 'none'} is not a folder." in capsys.readouterr().err


def test_a_step_that_fails_unexpectedly_is_told_by_the_kind_of_its_error() -> None:
    started = bootstrap()

    def fails(_: Bootstrap) -> Progress:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        started.take("broken", fails)
    [step] = started.steps
    assert (step.step, step.state, step.detail) == ("broken", State.FAILED, "ZeroDivisionError")
    assert StepResult("a", State.WAITS, 1.25, "b").document() == {
        "step": "a",
        "state": "waits",
        "seconds": 1.2,
        "detail": "b",
    }


def test_steps_stand_in_columns_with_their_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    started = bootstrap()
    assert [str(line) for line in started.lines()] == [""]
    started.steps = [StepResult("facts", State.ALREADY, 1.04, "a"), StepResult("environment", State.DONE, 100.0, "")]
    assert [str(line) for line in started.lines()] == [
        "",
        "facts           1.0 s  already  a",
        "environment   100.0 s  done",
        "              101.0 s",
    ]


# --- facts and templates


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The checkout that facts are written into, with those of this repository."""
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT / "templates", checkout / "templates")
    (checkout / FACTS).parent.mkdir()
    shutil.copy(ROOT / FACTS, checkout / FACTS)
    monkeypatch.setattr(preparation, "PROJECT", checkout)
    return checkout


def onboarding(app: Path, **options: Any) -> Bootstrap:
    return Bootstrap(
        Namespace(app=app, environment="staging", **{"name": "", "keep_facts": False, "yes": False, **options})
    )


HERE = "generator/application.py has the facts of Cloud Health Dashboard."
HINT = "Run again with --yes to write them, or with --keep-facts when those in the file are right."


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Calls:
    calls = Calls(Written(("a", "b")))
    monkeypatch.setattr(preparation, "write", calls)
    return calls


@pytest.mark.parametrize(
    ("options", "answer", "reason"),
    [
        ({"yes": True}, None, ""),
        ({}, True, ""),
        ({}, None, f"{HERE} Nothing was written: confirmation needs a terminal."),
        ({}, False, "Nothing was written."),
    ],
)
def test_facts_of_another_application_are_written_after_a_yes(
    options: dict[str, Any],
    answer: bool | None,
    reason: str,
    written: Calls,
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """None is the answer of nobody: there is no terminal."""
    questions = Calls(answer)
    monkeypatch.setattr(prompt, "attended", lambda: answer is not None)
    monkeypatch.setattr(prompt, "confirmed", questions)
    started = onboarding(folder(checkout.parent), **options)
    if reason:
        with pytest.raises(NotConfirmedError) as error:
            preparation.facts(started)
        assert (error.value.reason, error.value.remedy, written.calls) == (reason, HINT, [])
    else:
        facts = len(read_application(checkout.parent / "shop").detected)
        assert preparation.facts(started) == Progress(f"{facts} facts of Corner Shop, 2 files written")
        [(application, project)] = written.calls
        assert (application.title, project) == ("Corner Shop", checkout)
    assert started.title == "Corner Shop"
    question = f"{HERE} Write those of Corner Shop, as read above? (yes/no) "
    assert questions.calls == ([] if answer is None else [(question,)])


def test_facts_that_stand_already_are_left(checkout: Path, tmp_path: Path) -> None:
    kept = onboarding(folder(tmp_path), keep_facts=True)
    assert preparation.facts(kept) == Progress(f"{FACTS} has those of Cloud Health Dashboard", already=True)
    assert kept.title == "Cloud Health Dashboard"
    application = read_application(tmp_path / "shop")
    (checkout / FACTS).write_text(facts_text(application, checkout), encoding="utf-8")
    same = onboarding(tmp_path / "shop")
    assert preparation.facts(same) == Progress(f"{FACTS} has them", already=True) and same.title == "Corner Shop"


def test_templates_are_rendered_here_and_elsewhere_have_passed(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rendering = Calls()
    monkeypatch.setattr(preparation, "generate", rendering)
    started = onboarding(ROOT, templates=checkout / "templates")
    assert preparation.templates(started) == Progress("rendered and checked") and rendering.calls == [
        (checkout, "--gate")
    ]
    elsewhere = checkout / "elsewhere"
    shutil.copytree(ROOT / "templates", elsewhere)
    with pytest.raises(RefusedError, match="The gate has not passed"):
        preparation.templates(onboarding(ROOT, templates=elsewhere))
    passes: list[Any] = []
    monkeypatch.setattr("scripts.deployment.package.GateVerdict.check", lambda _, root: passes.append(root.name))
    assert preparation.templates(onboarding(ROOT, templates=elsewhere)) == Progress(
        f"{elsewhere}: the gate has passed them", already=True
    )
    assert passes == ["environment"] and len(rendering.calls) == 1
    (elsewhere / "site.json").write_text("{", encoding="utf-8")
    with pytest.raises(RefusedError, match=r"site\.json"):
        preparation.templates(onboarding(ROOT, templates=elsewhere))


# --- the release on this machine


def released(commit: str) -> Any:
    return SimpleNamespace(commit=commit)


class Rehearsal:
    """A rehearsal that ends so."""

    def __init__(self, succeeded: bool, unjudged: bool = False) -> None:
        self.pipeline, self.id, self.commit, self.succeeded, self.unjudged = (
            "pipe",
            "e-1",
            "4" * 40,
            succeeded,
            unjudged,
        )

    def __enter__(self) -> Rehearsal:
        return self

    def __exit__(self, *_: object) -> None: ...


@pytest.mark.parametrize(
    ("rehearsal", "status"),
    [(Rehearsal(True), None), (Rehearsal(False), Exit.FAILED), (Rehearsal(False, unjudged=True), Exit.MANUAL)],
)
def test_a_release_is_rehearsed_unless_the_same_is_out(
    rehearsal: Rehearsal,
    status: Exit | None,
    standing: dict[str, Stack],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    assert standing
    calls, good = Calls(rehearsal), [released("9" * 40)]
    monkeypatch.setattr(release, "_commit", lambda _: "1" * 40)
    monkeypatch.setattr(
        "scripts.operations.releases.releases.good", lambda _aws, name: iter(good if name == "pipe" else ())
    )
    monkeypatch.setattr("scripts.rehearsal.engine.rehearsal", calls)
    monkeypatch.setattr("scripts.rehearsal.report.report_lines", lambda each: [f"report of {each.id}"])
    started = bootstrap(local=True, cache=tmp_path, programs=None, set=["A=b=c"], local_aws=tmp_path / "run.json")
    if status:
        with pytest.raises(EndedError) as error:
            release.rehearse_release(started)
        assert error.value.status is status
    else:
        assert release.rehearse_release(started) == Progress(f"commit {'4' * 12}")
    [(aws, options, pipeline, execution, _)] = calls.calls
    assert (aws, pipeline, execution) == (started.run.aws, "pipe", "")
    assert (options.application, options.cache, options.variables["A"]) == (started.folder, tmp_path, "b=c")
    assert "--cache" in options.worker
    good[:] = [released("1" * 40), released("9" * 40)]
    assert release.rehearse_release(started) == Progress(f"commit {'1' * 12} is released", already=True)
    assert len(calls.calls) == 1


def failing(status: int) -> urllib.error.HTTPError:
    return urllib.error.HTTPError("http://a", status, "no", None, None)  # type: ignore[arg-type]


KEPT = {"https://x": "http://a"}


@pytest.mark.parametrize(
    ("kept", "answer", "already"),
    [
        (KEPT, 200, True),
        (KEPT, 499, True),
        (KEPT, 500, False),
        (KEPT, failing(404), True),
        (KEPT, failing(499), True),
        (KEPT, failing(500), False),
        (KEPT, OSError("refused"), False),
        ({}, 200, False),
    ],
)
def test_what_is_served_already_is_not_started_again(
    kept: dict[str, str],
    answer: int | OSError,
    already: bool,
    standing: dict[str, Stack],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    assert standing

    def opener(url: str, timeout: float) -> Any:
        assert (url, timeout) == ("http://a", release.SECONDS)
        if isinstance(answer, OSError):
            raise answer
        return Reply(answer)

    starting = Calls({"other": "http://b"})
    monkeypatch.setattr("scripts.rehearsal.keeping.kept_addresses", lambda cache: kept if cache == tmp_path else {})
    monkeypatch.setattr("scripts.rehearsal.keeping.keep_up", starting)
    monkeypatch.setattr("scripts.loopback.urlopen", opener)
    started = bootstrap(local=True, cache=tmp_path, programs=None, set=[], local_aws=tmp_path / "run.json")
    progress = release.serve(started)
    address = "http://a" if already else "http://b"
    assert started.address == address and len(starting.calls) == (0 if already else 1)
    more = "" if already else " until `make local-stop` or the next rehearsal"
    assert progress == Progress(f"{address}{more}", already=already)


def test_a_folder_without_a_repository_is_released_under_a_hash_of_its_files(tmp_path: Path) -> None:
    commits = []
    for text in ("a", "b", "a"):
        (tmp_path / "main.py").write_text(text, encoding="utf-8")
        commits.append(release._commit(tmp_path))
    assert commits[0] == commits[2] != commits[1] and re.fullmatch("[0-9a-f]{40,64}", commits[0])


def test_what_a_rehearsal_prints_is_shown_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    release._print("a\nb")
    assert capsys.readouterr().out == "a\nb\n"


def test_the_core_of_a_deployment_is_given_this_run() -> None:
    started = bootstrap()
    context = started.context
    assert (context.aws, context.roots, context.gate) == (started.run.aws, started.run.roots, started.run.gate)


def test_many_uncommitted_files_are_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("scripts.git.state", lambda _: SimpleNamespace(changed=("a", "b")))
    release.say_uncommitted(tmp_path)
    assert capsys.readouterr().out == "", "it is no repository"
    (tmp_path / ".git").mkdir()
    release.say_uncommitted(tmp_path)
    assert capsys.readouterr().out == "not released: 2 files that are in no commit, such as a\n"


class Site:
    """What answers: statuses, or errors of the connection."""

    def __init__(self, *answers: int | OSError) -> None:
        self.answers = list(answers)

    def __call__(self, url: str, timeout: float) -> Any:
        assert url and timeout == release.SECONDS
        answer = self.answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return Reply(answer)


class Reply:
    def __init__(self, status: int) -> None:
        self.status = status

    def __enter__(self) -> Reply:
        return self

    def __exit__(self, *_: object) -> None: ...

    def read(self, count: int) -> bytes:
        return b"x" * count


def test_an_address_has_some_attempts_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    site = Site(OSError("refused"), 204, 200, 200)
    monkeypatch.setattr("urllib.request.urlopen", site)
    monkeypatch.setattr(Bootstrap, "stack", lambda _: Stack(STAGING, "arn", "UPDATE_COMPLETE", outputs=dict(OUTPUTS)))
    assert release.verify_public(bootstrap()).detail == "/ and /health answer 200" and pauses == [2.0, 2.0]
    site.answers = [OSError("refused")] * 5 + [204]
    with pytest.raises(release.UnansweredError) as error:
        release.verify_public(bootstrap())
    assert error.value.reason == f"https://x/ does not answer 200: 204 {b'x' * 200!r}." and len(pauses) == 7
    site.answers = [OSError("refused")] * 6
    with pytest.raises(release.UnansweredError, match=r"https://x/ does not answer 200: refused\."):
        release.verify_public(bootstrap())
    monkeypatch.setattr("scripts.loopback.urlopen", Site(200, 200))
    assert release.verify_local(bootstrap()).detail == "/ and /health answer 200"


def test_roots_of_what_is_shared_are_its_own() -> None:
    shared = bootstrap().shared_run
    assert [type(root) for root in shared.roots.values()] == [Environment, Environment] and list(shared.roots)[
        -1
    ] == SHARED
    assert shared.environment.name == "shared"
