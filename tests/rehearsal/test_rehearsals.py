"""A rehearsal from its beginning to its end: what it warns of, opens, runs again, keeps up and leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scripts.deployment.errors import AwsError, RefusedError
from scripts.rehearsal import engine
from scripts.rehearsal.account_view import Stage
from scripts.rehearsal.context import RehearsalOptions
from scripts.rehearsal.engine import KEPT, WARNING, end_execution, keep
from scripts.rehearsal.errors import ActionFailedError, UnsupportedError
from scripts.rehearsal.executions import Executions
from tests.support.rehearsal.prepared_aws import ACCOUNT, aws
from tests.support.rehearsal.releases import PIPELINE, Account, Page, Rehearsed, action, rehearse, rehearsed

TEMPLATES = "details of distributions and services that the local AWS does not keep: from the templates"
SOURCE = action("Played", "Fetch", "Source")
DEPLOY = action("ECS", "ToEcs", "Deploy")
SHAPE = replace(PIPELINE, stages=(Stage("Source", (SOURCE,), "FAIL", False), Stage("Deploy", (DEPLOY,), "FAIL", False)))


class Site:
    """A distribution that is served; it is read anew until it was read as often as a test says."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.errors: list[Exception] = []
        self.names = {"E1": {"page.test", "d1.cloudfront.net"}, "E2": {"z.test"}}
        self.served = {name: SimpleNamespace(url=f"http://127.0.0.1:{name}") for name in self.names}

    def start(self) -> None:
        self.calls.append("start")

    def refresh(self) -> None:
        self.calls.append("refresh")
        if self.errors:
            raise self.errors.pop(0)


class Opened:
    """A rehearsal whose context is prepared: what its engine ran, and what was opened with which options."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.release: Rehearsed = rehearsed(folder, pipeline=SHAPE)
        self.context, self.site = self.release.context, Site()
        self.context.distributions = cast(Any, self.site)
        self.lines: list[str] = []
        self.engines: list[tuple[str, str, str]] = []
        self.resumed: list[str] = []
        self.problem = ""
        self.opened: list[tuple[Any, ...]] = []
        monkeypatch.setattr(engine, "_open_context", self.open)
        monkeypatch.setattr(engine, "ReleaseEngine", self.engine)
        monkeypatch.setattr(engine, "RESUMED", {"ECS": self.resume})

    def open(self, stack: ExitStack, *words: Any) -> Any:
        stack.callback(self.site.calls.append, "end")
        self.opened.append(words)
        return self.context

    def engine(self, context: Any, failing_action: str, hanging_action: str) -> Any:
        assert context is self.context
        return SimpleNamespace(release=lambda execution: self.run(failing_action, hanging_action, execution))

    def run(self, *words: str) -> Any:
        self.engines.append(cast(Any, words))
        if self.problem:
            raise UnsupportedError(self.problem)
        return "released"

    def resume(self, context: Any, resumed: Any) -> None:
        assert context is self.context
        self.resumed.append(str(resumed))
        if self.problem:
            raise ActionFailedError(self.problem)

    @property
    def options(self) -> RehearsalOptions:
        return self.context.options


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    return Opened(tmp_path, monkeypatch)


def test_the_first_rehearsal_warns_and_every_one_runs_again_what_ran(opened: Opened) -> None:
    account = aws(Account())
    for first in (True, False):
        opened.lines.clear()
        assert cast(Any, rehearse(account, opened.options, "site", print_line=opened.lines.append)) == "released"
        assert opened.lines == ([*WARNING] if first else [])
    assert opened.opened[0][:3] == (account, opened.options, "site")
    opened.opened[0][3]("a line")
    assert opened.lines == ["a line"]
    assert (opened.engines, opened.resumed) == ([("", "", "")] * 2, ["Deploy/ToEcs"] * 2)
    assert opened.site.calls == ["start", "end"] * 2
    assert opened.release.notes == [TEMPLATES]


def test_what_does_not_run_again_is_noted_and_ends_nothing(opened: Opened) -> None:
    opened.problem = "no table"
    with pytest.raises(RefusedError) as refused:
        rehearse(aws(Account()), opened.options)
    assert opened.release.notes == [TEMPLATES, "the previous release does not run: no table"]
    assert refused.value.reason == "No release can be rehearsed: no table"
    assert opened.site.calls == ["start", "end"], "what was opened ends"


@pytest.mark.parametrize(("fail_at", "hang_at"), [("Deploy", ""), ("", "ToEcs"), ("Source/Fetch", "Deploy")])
def test_what_shall_fail_or_hang_is_looked_up_in_the_pipeline(opened: Opened, fail_at: str, hang_at: str) -> None:
    names = {"": "", "Deploy": "Deploy/ToEcs", "ToEcs": "Deploy/ToEcs", "Source/Fetch": "Source/Fetch"}
    rehearse(aws(Account()), replace(opened.options, hang_at=hang_at, execution="e-1"), fail_at=fail_at)
    assert opened.engines == [(names[fail_at], names[hang_at], "e-1")]


@pytest.mark.parametrize("fail_at", [True, False])
def test_what_is_not_in_the_pipeline_is_refused_before_anything_runs(opened: Opened, fail_at: bool) -> None:
    options = opened.options if fail_at else replace(opened.options, hang_at="Nope")
    with pytest.raises(RefusedError) as refused:
        rehearse(aws(Account()), options, fail_at="Nope" if fail_at else "")
    assert refused.value.reason == "There is no stage or action Nope."
    assert refused.value.remedy == "There are: Source, Fetch, Deploy, ToEcs."
    assert opened.engines == []


def test_an_execution_that_cannot_be_run_is_ended_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page()
    monkeypatch.setattr(engine, "page_of", lambda _: page)
    monkeypatch.setattr(engine, "read_pipeline", lambda _, name: replace(PIPELINE, name=name))
    identity = Executions(PIPELINE, page).begin("StartPipelineExecution").id
    end_execution(aws(Account()), "site", identity, "no page")
    record = page.records[identity]
    assert (record["status"], record["summary"]) == ("Failed", "no page")
    assert page.queries[-1][0] == "pipeline=site"


def test_page_and_api_are_kept_up_as_long_as_they_shall_and_follow_what_is_deployed(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cache, kept = opened.options.cache, list[tuple[str, str]]()
    (opened.options.log_folder / "build.log").touch()
    opened.site.errors = [AwsError("cloudfront.get", "Busy", "later"), UnsupportedError("two buckets")]
    handlers: dict[int, Any] = {}
    monkeypatch.setattr("scripts.rehearsal.engine.signal.signal", handlers.__setitem__)
    pauses: list[float] = []
    monkeypatch.setattr("scripts.rehearsal.engine.time.sleep", pauses.append)

    def lasting() -> bool:
        kept.append(((cache / KEPT).read_text(encoding="utf-8"), (cache / "lock").read_text(encoding="ascii")))
        return len(kept) < 4

    keep(aws(Account()), opened.options, "site", lasting)
    addresses = {"https://d1.cloudfront.net": "http://127.0.0.1:E1", "https://z.test": "http://127.0.0.1:E2"}
    assert [(json.loads(text), process) for text, process in kept] == [(addresses, str(os.getpid()))] * 4
    assert opened.site.calls == ["start", "refresh", "refresh", "refresh", "end"]
    assert (opened.resumed, pauses) == (["Deploy/ToEcs"] * 4, [1, 1, 1])
    busy = AwsError("cloudfront.get", "Busy", "later")
    lines = [f"the distribution goes on as it was: {error}" for error in (busy, "two buckets")]
    assert capsys.readouterr().out.splitlines() == [line for text in lines for line in text.splitlines()]
    assert not (cache / KEPT).exists() and (cache / "lock").read_text() == ""
    assert (opened.options.log_folder / "build.log").exists(), "the logs are those of the rehearsal before"
    assert opened.opened[0][2] == "site"
    with pytest.raises(SystemExit):
        handlers[signal.SIGTERM](signal.SIGTERM, None)


def test_a_process_that_keeps_up_the_last_release_ends_for_the_next(opened: Opened) -> None:
    """Its number stands in the lock; it is asked to end, and waited for."""
    hold = (
        "import fcntl, sys, time, os\n"
        "lock = open(sys.argv[1], 'a+')\n"
        "fcntl.flock(lock, fcntl.LOCK_EX)\n"
        "lock.write(str(os.getpid())); lock.flush()\n"
        "print('held', flush=True)\n"
        "time.sleep(60)\n"
    )
    lock = opened.options.cache / "lock"
    with subprocess.Popen([sys.executable, "-c", hold, lock], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        assert cast(Any, rehearse(aws(Account()), opened.options)) == "released"
    assert process.returncode == -signal.SIGTERM and lock.read_text() == ""


def test_an_execution_that_others_started_waits_for_the_rehearsal_before_it(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, pauses = [0.0], list[float]()

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += 300.0

    monkeypatch.setattr(engine, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=pause))
    with ExitStack() as first:
        engine._lock(first, opened.options)
        with pytest.raises(RefusedError) as refused:
            rehearse(aws(Account()), replace(opened.options, execution="e-1"))
        assert pauses == [0.2] * 3, "ten minutes"
        with pytest.raises(RefusedError):
            rehearse(aws(Account()), opened.options)
        assert len(pauses) == 4, "one that somebody types does not wait"
    assert refused.value.reason == f"A rehearsal runs already in {opened.options.cache}."
    assert refused.value.remedy == "Wait for it, or give --cache."


BODY = {
    "name": "site",
    "roleArn": "role",
    "version": 1,
    "artifactStore": {"location": "store", "encryptionKey": {"id": "key"}},
    "stages": [],
}


def site_account(monkeypatch: pytest.MonkeyPatch) -> tuple[Account, Page]:
    """An account with a pipeline in a partition of its own, and the page of its executions."""
    page = Page()
    monkeypatch.setattr(engine, "page_of", lambda _: page)
    arn = f"arn:aws-cn:codepipeline:us-east-1:{ACCOUNT}:site"
    account = Account(
        {
            "codepipeline.list_pipelines": {"pipelines": [{"name": "site"}]},
            "codepipeline.get_pipeline": {"pipeline": BODY, "metadata": {"pipelineArn": arn}},
        }
    )
    account.identity = lambda: SimpleNamespace(account=ACCOUNT)  # type: ignore[attr-defined]
    return account, page


@pytest.mark.parametrize("programs", [False, True])
def test_what_a_release_needs_is_opened_over_the_account_and_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: bool
) -> None:
    account, page = site_account(monkeypatch)
    own = tmp_path / "own"
    own.mkdir()
    (own / "python").touch()
    worker = ("python", "-m", "rehearse")
    options = RehearsalOptions(tmp_path, tmp_path / "cache", worker=worker, programs=own if programs else None)
    options.log_folder.mkdir(parents=True)
    aged = [options.cache / name for name in ("images/sha256:1", "builds/old", "venvs/old", "home/old")]
    for folder in aged:
        folder.mkdir(parents=True)
        os.utime(folder, (1, 1))
    lines: list[str] = []
    stopped: list[str] = []
    with ExitStack() as stack:
        own_aws = aws(account)
        context = engine._open_context(stack, own_aws, options, "site", lines.append)
        for name, part in (("tasks", context.tasks), ("instances", context.instances)):
            stops = cast(Any, SimpleNamespace(stop=lambda name=name: stopped.append(name)))
            getattr(part, "services" if name == "tasks" else "environments")["x"] = (
                stops if name == "tasks" else SimpleNamespace(process=stops)
            )
        served = SimpleNamespace(stop=lambda: stopped.append("distributions"), lead_to=stopped.append)
        context.distributions.served["x"] = cast(Any, served)
        assert page.queries == [("pipeline=site", None), ("pipeline=site&worker", [*worker])]
        assert [folder for folder in aged if folder.exists()] == []
        assert (context.aws, context.options, context.pipeline.name) == (own_aws, options, "site")
        checker = context.checker
        assert (checker.aws, checker.account, checker.partition) == (own_aws, ACCOUNT, "aws-cn")
        store = context.store
        assert (store.aws, store.bucket, store.key, store.pipeline) == (own_aws, "store", "key", "site")
        assert context.images.folder == options.cache / "images"
        python = own / "python" if programs else None
        tasks, instances = context.tasks, context.instances
        assert (tasks.checker, tasks.images, tasks.folder) == (checker, context.images, options.log_folder)
        assert (tasks.venvs, tasks.python) == (options.cache / "venvs", python)
        assert (instances.checker, instances.folder, instances.venvs, instances.programs) == (
            checker, options.log_folder, options.cache / "venvs", options.programs,
        )  # fmt: skip
        assert context.distributions.backend_url == f"http://127.0.0.1:{tasks.port}"
        both: tuple[Any, ...] = (tasks, instances)
        for number, part in enumerate(both):
            part.serve(f"http://127.0.0.1:{number}")
            assert context.distributions.backend_url == f"http://127.0.0.1:{number}"
            part.print_line(str(number))
        context.print_line("line")
        context.images.note("note of images")
        instances.note("note of instances")
        context.note("note of images")
        assert (lines, list(context.notes)) == (["0", "1", "line"], ["note of images", "note of instances"])
        assert context.programs.port and context.workspaces.is_dir() and context.janitor.process.poll() is None
        stopped.clear()
    assert stopped == ["distributions", "instances", "tasks"]
    context.janitor.process.returncode = None
    assert context.janitor.process.wait(30) == 0 and not context.workspaces.exists()


def test_a_rehearsal_without_a_worker_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    account, page = site_account(monkeypatch)
    with ExitStack() as stack:
        context = engine._open_context(stack, aws(account), RehearsalOptions(tmp_path, tmp_path), None, print)
        assert (page.queries, context.tasks.python) == ([("pipeline=site", None)], None)
