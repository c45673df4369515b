"""`rehearse`: what of the command line reaches the rehearsal, and how the command ends."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scripts import cli, rehearse
from scripts.deployment.aws import Endpoint
from scripts.deployment.errors import Exit, RefusedError, UsageError
from scripts.local_aws import server
from scripts.rehearsal import engine, keeping, report
from scripts.rehearsal.context import RehearsalOptions
from scripts.rehearsal.keeping import SHORTER_WAITS, command_line
from scripts.terminal import results
from tests.support.service import Prepared


@dataclass
class Release:
    """How a release went."""

    succeeded: bool = True
    unjudged: tuple[str, ...] = ()


class Engine:
    """The rehearsal in the place of the real one: what it was given, and the calls beside it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.aws, self.release, self.error = Prepared(), Release(), ""
        self.calls: list[tuple[Any, ...]] = []
        self.document: dict[str, Any] = {}
        self.aws.endpoint = Endpoint("http://127.0.0.1:9", "us-east-1")
        monkeypatch.setattr(cli, "local_aws", self.local_aws)
        monkeypatch.setattr(engine, "rehearsal", self.rehearsal)
        monkeypatch.setattr(engine, "end_execution", lambda *words: self.calls.append(("end", *words)))
        monkeypatch.setattr(engine, "keep", self.keep)
        monkeypatch.setattr(keeping, "keep_up", self.keep_up)
        monkeypatch.setattr(report, "report_lines", lambda release: [f"report of {release.succeeded}"])
        monkeypatch.setattr(results, "update", self.document.update)

    def local_aws(self, file: Path, start: bool) -> Prepared:
        self.calls.append(("local_aws", file, start))
        return self.aws

    @contextmanager
    def rehearsal(self, *arguments: Any) -> Iterator[Release]:
        *words, print_line = arguments
        self.calls.append(("rehearsal", *words))
        print_line("first\nsecond")
        if self.error:
            raise RefusedError(self.error)
        yield self.release
        self.calls.append(("ended",))

    def keep(self, *arguments: Any) -> None:
        *first, lasting = arguments
        self.calls.append(("keep", *first, lasting()))

    def keep_up(self, cache: Path, command: list[str]) -> dict[str, str]:
        self.calls.append(("keep_up", cache, command))
        return {"page": "http://127.0.0.1:1", "API": "http://127.0.0.1:2"}


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(monkeypatch)


FILE = Path("run.json")


def options(folder: Path, *words: str) -> Namespace:
    parser = ArgumentParser()
    rehearse.arguments(parser)
    own = ["--app", str(folder), "--cache", str(folder / "cache")]
    return parser.parse_args([*own, *words], Namespace(local_aws=FILE))


def choices(folder: Path, keeps: bool = False, pipeline: str | None = None, **more: Any) -> RehearsalOptions:
    """What the rehearsal is given for these."""
    plain = RehearsalOptions(folder, folder / "cache", **{"variables": SHORTER_WAITS, **more})
    worker = tuple(command_line(FILE, plain, pipeline, keeps))
    return RehearsalOptions(folder, folder / "cache", **{"variables": SHORTER_WAITS, **more, "worker": worker})


def test_a_release_is_rehearsed_with_what_nobody_has_chosen(
    here: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The local AWS is not started for it: there would be no environment."""
    assert rehearse.run(options(tmp_path)) is Exit.DONE
    own = ("rehearsal", here.aws, choices(tmp_path), None, "")
    assert here.calls == [("local_aws", FILE, False), own, ("ended",)]
    assert capsys.readouterr().out == "first\nsecond\nreport of True\n"
    assert here.document == {"succeeded": True, "unjudged": ()}


def test_every_choice_reaches_the_rehearsal(here: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--fail-at", "Build", "--hang-at", "Deploy", "--pipeline", "site", "--set", "A=1=2", "--set", "B="]
    words += ["--programs", "bin", "--keep", "--ask", "--suppose", "ecs-deploy-waits", "--execution", "e-1"]
    assert rehearse.run(options(tmp_path, *words)) is Exit.DONE
    more: Any = {"variables": {**SHORTER_WAITS, "A": "1=2", "B": ""}, "programs": Path("bin"), "execution": "e-1"}
    more |= {"asks": True, "suppositions": frozenset({"ecs-deploy-waits"}), "hang_at": "Deploy"}
    chosen = choices(tmp_path, keeps=True, pipeline="site", **more)
    assert here.calls == [
        ("local_aws", FILE, False),
        ("rehearsal", here.aws, chosen, "site", "Build"),
        ("ended",),
        ("keep_up", tmp_path / "cache", list(chosen.worker)),
    ]
    until = "until `make local-stop` or the next rehearsal"
    kept = [f"page answers on http://127.0.0.1:1 {until}", f"API answers on http://127.0.0.1:2 {until}"]
    assert capsys.readouterr().out.splitlines()[3:] == kept


@pytest.mark.parametrize(
    ("release", "status"),
    [
        (Release(), Exit.DONE),
        (Release(succeeded=False), Exit.FAILED),
        (Release(succeeded=False, unjudged=("no podman",)), Exit.MANUAL),
        (Release(unjudged=("no podman",)), Exit.MANUAL),
    ],
)
def test_the_status_says_how_the_release_would_have_ended(
    here: Engine, tmp_path: Path, release: Release, status: Exit
) -> None:
    here.release = release
    assert rehearse.run(options(tmp_path)) is status


@pytest.mark.parametrize("execution", ["", "e-1"])
def test_an_execution_that_somebody_started_is_ended_when_it_cannot_be_rehearsed(
    here: Engine, tmp_path: Path, execution: str
) -> None:
    here.error = "there is no pipeline"
    with pytest.raises(RefusedError, match="there is no pipeline"):
        rehearse.run(options(tmp_path, "--execution", execution, "--pipeline", "site", "--keep"))
    ended = [("end", here.aws, "site", "e-1", "there is no pipeline")] if execution else []
    assert here.calls[2:] == ended


@pytest.mark.parametrize("runs", [True, False])
def test_what_serves_the_page_lasts_as_long_as_the_local_aws(
    here: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: bool
) -> None:
    monkeypatch.setattr(server, "status", lambda file: file if runs else None)
    assert rehearse.run(options(tmp_path, "--serve", "--pipeline", "site")) is Exit.DONE
    chosen = choices(tmp_path, pipeline="site")
    assert here.calls == [("local_aws", FILE, False), ("keep", here.aws, chosen, "site", runs)]


def test_what_makes_no_sense_is_refused_before_anything_is_asked(here: Engine, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        rehearse.run(options(tmp_path, "--set", "A", "--set", "B=1", "--set", "C"))
    assert str(raised.value) == "--set takes NAME=VALUE, not A, C."
    with pytest.raises(UsageError) as raised:
        rehearse.run(options(tmp_path / "gone"))
    assert str(raised.value).splitlines() == [
        f"{tmp_path / 'gone'} is not a folder.",
        "Name the folder of an application with --app.",
    ]
    assert here.calls == []
