"""What a bootstrap waits for on a real account, and how a release is followed there; services have prepared answers."""

from __future__ import annotations

import time
import urllib.error
from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from scripts.bootstrap import release, stacks
from scripts.bootstrap.progress import Bootstrap, EndedError, Progress, State
from scripts.deployment import environment
from scripts.deployment.aws import Aws
from scripts.deployment.errors import Exit, ManualActionRequiredError, RefusedError
from scripts.operations import configuration
from scripts.terminal import prompt
from tests.conftest import ROOT
from tests.support.runs import verb_run
from tests.support.service import Prepared, arn, refusal

NAME, STAGING = "cloud-health-dashboard-pipeline-staging", "cloud-health-dashboard-staging"
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
CONNECTION = "arn:aws:codeconnections:eu-west-1:111122223333:connection/4dde5c82-51d6-4ea9-918e-03aed6972ff3"
CERTIFICATE = "arn:aws:acm:us-east-1:111122223333:certificate/4dde5c82-51d6-4ea9-918e-03aed6972ff3"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)


def account(**answers: Any) -> Prepared:
    """An account with the environment's stack."""
    outputs = [{"OutputKey": "Pipeline", "OutputValue": NAME}, {"OutputKey": "PublicUrl", "OutputValue": "https://x"}]
    stack = {"StackName": STAGING, "StackId": arn("stack", STAGING), "StackStatus": "UPDATE_COMPLETE"}
    stack |= {"CreationTime": NOW, "Outputs": outputs}  # type: ignore[dict-item]
    return Prepared(cloudformation__describe_stacks={"Stacks": [stack]}, **answers)


def bootstrap(aws: Aws, **options: Any) -> Bootstrap:
    """A bootstrap of staging that has come as far as the account."""
    started = Bootstrap(Namespace(app=ROOT, environment="staging", **options))
    started._run = verb_run(aws, environment.load("staging", ROOT / "templates", ROOT / "params"))
    return started


def execution(number: int, status: str) -> dict[str, Any]:
    revision = {"actionName": "SourceAction", "revisionId": f"{number}" * 40, "revisionSummary": "change"}
    times = {"startTime": NOW, "lastUpdateTime": NOW}
    return {"pipelineExecutionId": f"e-{number}", "status": status, "sourceRevisions": [revision], **times}


def action(name: str, status: str, category: str = "Build") -> dict[str, Any]:
    kind = {"category": category, "owner": "AWS", "provider": "x", "version": "1"}
    named = {"stageName": name, "actionName": name, "actionExecutionId": name, "status": status}
    return {**named, "input": {"actionTypeId": kind}}


# --- what a person is asked for


def attended(monkeypatch: pytest.MonkeyPatch, answer: str | None) -> None:
    """Somebody sits at the terminal, and gives this answer; nobody when there is none."""
    monkeypatch.setattr(prompt, "attended", lambda: answer is not None)
    monkeypatch.setattr(prompt, "secret", lambda _: answer)


def unfilled(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """PAYMENTS_KEY has no value; returns what is written."""
    written = list[tuple[str, str]]()
    monkeypatch.setattr(configuration, "unfilled", lambda *_: ["PAYMENTS_KEY"])
    monkeypatch.setattr(configuration, "fill", lambda _aws, _root, _stack, name, value: written.append((name, value)))
    return written


def test_a_person_gives_a_secret_before_the_first_task(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = unfilled(monkeypatch)
    attended(monkeypatch, "sk_1")
    assert not stacks.secrets(bootstrap(account())).already
    assert written == [("PAYMENTS_KEY", "sk_1")] and "sk_1" not in capsys.readouterr().out


@pytest.mark.parametrize("answer", [None, ""])
def test_without_a_secret_it_waits_and_says_how(monkeypatch: pytest.MonkeyPatch, answer: str | None) -> None:
    written = unfilled(monkeypatch)
    attended(monkeypatch, answer)
    with pytest.raises(ManualActionRequiredError, match=r"config staging --secret PAYMENTS_KEY"):
        stacks.secrets(bootstrap(account()))
    assert not written


def connection(status: str) -> dict[str, Any]:
    return {"Connection": {"ConnectionName": "source", "ConnectionStatus": status}}


def test_a_connection_is_waited_for_until_a_person_has_completed_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    attended(monkeypatch, "")
    states = [connection("PENDING"), connection("PENDING"), connection("AVAILABLE")]
    stacks.wait_for_connection(account(codeconnections__get_connection=states), CONNECTION)
    assert states == [] and capsys.readouterr().out.count("Update pending connection") == 1


def test_a_connection_that_nobody_can_complete_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    attended(monkeypatch, None)
    with pytest.raises(ManualActionRequiredError, match="source is PENDING"):
        stacks.wait_for_connection(account(codeconnections__get_connection=connection("PENDING")), CONNECTION)


class Certificates(Prepared):
    """An account whose certificate has a status."""

    def __init__(self, answer: Any) -> None:
        super().__init__(acm__describe_certificate=answer)

    def at(self, region: str) -> Aws:
        assert region == "us-east-1"
        return self


def certificate(status: str) -> dict[str, Any]:
    record = {"Name": "_x.shop.test.", "Type": "CNAME", "Value": "_y.acm-validations.aws."}
    option = {"DomainName": "shop.test", "ResourceRecord": record}
    return {"Certificate": {"Status": status, "DomainValidationOptions": [option]}}


def choosing(monkeypatch: pytest.MonkeyPatch, answer: Any) -> Bootstrap:
    started = bootstrap(Certificates(answer))
    monkeypatch.setattr(type(started.run.environment), "chosen", lambda *_: CERTIFICATE)
    return started


def test_a_certificate_that_waits_is_told_with_its_records(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ManualActionRequiredError, match=r"_x\.shop\.test\. CNAME _y\.acm-validations\.aws\."):
        stacks.check_certificate(choosing(monkeypatch, certificate("PENDING_VALIDATION")))


def test_a_certificate_that_nobody_may_look_at_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stacks.check_certificate(choosing(monkeypatch, certificate("ISSUED")))
    assert capsys.readouterr().out == ""
    stacks.check_certificate(choosing(monkeypatch, refusal("acm.describe_certificate", "AccessDeniedException")))
    assert "is not known: AccessDeniedException" in capsys.readouterr().out


# --- the release


def pipeline(*executions: dict[str, Any], ends: str = "Succeeded", actions: list[Any] | None = None) -> Prepared:
    answer = {"pipelineExecution": {"status": ends, "artifactRevisions": [{"revisionId": "4" * 40}]}}
    return account(
        codepipeline__list_pipeline_executions={"pipelineExecutionSummaries": list(executions)},
        codepipeline__start_pipeline_execution={"pipelineExecutionId": "new"},
        codepipeline__list_action_executions=actions or {"actionExecutionDetails": []},
        codepipeline__get_pipeline_execution=[
            *([{"pipelineExecution": {"status": "InProgress"}}] if actions else []),
            answer,
        ],
    )


def started(aws: Prepared) -> bool:
    return "codepipeline.start_pipeline_execution" in [call for call, _ in aws.asked]


def test_a_release_that_is_good_is_left_alone() -> None:
    aws = pipeline(execution(2, "Failed"), execution(1, "Succeeded"))
    progress = release.follow_release(bootstrap(aws))
    assert progress.already and "111111111111" in progress.detail and not started(aws)


def test_a_release_that_runs_is_followed_and_an_approval_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    pages = [
        {"actionExecutionDetails": [action("Approve", "InProgress", "Approval"), action("Build", "Succeeded")]},
        {"actionExecutionDetails": [action("Approve", "Succeeded", "Approval"), action("Build", "Succeeded")]},
    ]
    aws = pipeline(execution(3, "InProgress"), actions=pages)
    assert release.follow_release(bootstrap(aws)).detail == f"commit {'4' * 12}"
    shown = capsys.readouterr().out
    assert not started(aws) and shown.count("Build: Succeeded") == 1
    assert f"an approver has to answer on the page of {NAME}" in shown


def test_a_release_that_failed_is_started_again_and_its_end_is_the_commands() -> None:
    aws = pipeline(execution(3, "Failed"), ends="Failed")
    with pytest.raises(EndedError) as error:
        release.follow_release(bootstrap(aws))
    assert started(aws) and error.value.status is Exit.FAILED


def test_a_release_that_ended_before_it_had_a_commit_is_a_failure_all_the_same() -> None:
    """The source failed: CodePipeline then names no revision."""
    aws = pipeline(ends="Failed")
    aws.answers["codepipeline.get_pipeline_execution"] = {"pipelineExecution": {"status": "Failed"}}
    with pytest.raises(EndedError):
        release.follow_release(bootstrap(aws))


# --- the steps and the address


def test_a_step_is_told_with_how_it_ended() -> None:
    there = bootstrap(account())

    def refused(_: Bootstrap) -> Any:
        raise RefusedError("it is refused:\nat length")

    def waits(_: Bootstrap) -> Any:
        raise ManualActionRequiredError("it waits")

    for step in (refused, waits):
        with pytest.raises(RefusedError if step is refused else ManualActionRequiredError):
            there.take(step.__name__, step)
    states = [(step.step, step.state, step.detail) for step in there.steps]
    assert states == [("refused", State.FAILED, "it is refused"), ("waits", State.WAITS, "it waits")]
    assert [str(line).split()[0] for line in there.lines() if str(line).strip()][:2] == ["refused", "waits"]


@pytest.mark.parametrize("columns", [60, 80])
def test_the_steps_fit_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    there = bootstrap(account())
    detail = "generator/application.py has those of an application with a long title, from before"
    there.take("facts", lambda _: Progress(detail))
    there.take("environment", lambda _: Progress(""))
    first, *more, last, _ = [str(line) for line in there.lines()][1:]
    assert max(map(len, (first, *more))) <= columns and all(line.startswith(" " * 20) for line in more)
    assert last.split()[0] == "environment"
    assert " ".join([*first.split()[4:], *" ".join(more).split()]) == detail


def test_a_name_that_is_longer_than_the_line_stays_whole() -> None:
    """It is copied from there."""
    there = bootstrap(account())
    arn = f"arn:aws:acm:us-east-1:000000000000:certificate/{'0123' * 16}"
    there.take("certificate", lambda _: Progress(f"waits for {arn}"))
    assert any(arn in str(line) for line in there.lines())


class Site:
    """What answers under an address: a status for each request."""

    def __init__(self, *statuses: int) -> None:
        self.statuses, self.urls = list(statuses), list[str]()

    def __call__(self, url: str, timeout: float) -> Any:
        assert timeout
        self.urls.append(url)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if status >= 400:
            raise urllib.error.HTTPError(url, status, "no", None, None)  # type: ignore[arg-type]
        return _Answer(status)


class _Answer:
    def __init__(self, status: int) -> None:
        self.status = status

    def __enter__(self) -> _Answer:
        return self

    def __exit__(self, *_: object) -> None: ...

    def read(self, _: int) -> bytes:
        return b"page"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site(503, 200)
    monkeypatch.setattr("urllib.request.urlopen", site)
    yield site


def test_page_and_health_have_to_answer(site: Site) -> None:
    there = bootstrap(account())
    assert release.verify_public(there).detail == "/ and /health answer 200"
    assert site.urls == ["https://x/", "https://x/", "https://x/health"] and there.address == "https://x"


@pytest.mark.parametrize(("none", "path"), [("FrontendTarget", "/health"), ("BackendTarget", "/")])
def test_one_side_alone_is_asked_for_itself(site: Site, monkeypatch: pytest.MonkeyPatch, none: str, path: str) -> None:
    there = bootstrap(account())
    monkeypatch.setattr(type(there.run.environment), "chosen", lambda _, name: "NONE" if name == none else "ECS")
    assert release.verify_public(there).detail == f"{path} answer 200" and set(site.urls) == {f"https://x{path}"}


def test_without_a_service_on_ecs_nothing_is_raised() -> None:
    assert stacks.raise_tasks(bootstrap(account())).already


def test_an_address_that_stays_silent_is_a_failure(site: Site) -> None:
    site.statuses = [502]
    with pytest.raises(release.UnansweredError, match="https://x/ does not answer 200: 502"):
        release.verify_public(bootstrap(account()))


def test_uncommitted_files_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import subprocess

    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "new.py").write_text("", encoding="utf-8")
    release.say_uncommitted(tmp_path)
    assert "not released: 1 file that is in no commit, such as new.py" in capsys.readouterr().out
