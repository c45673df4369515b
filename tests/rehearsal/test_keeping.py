"""The process that keeps page and API up after a rehearsal, and the command that runs what others start."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.deployment.errors import RefusedError
from scripts.rehearsal import keeping
from scripts.rehearsal.context import RehearsalOptions
from scripts.rehearsal.engine import KEPT
from scripts.rehearsal.keeping import command_line, keep_up
from scripts.terminal.endings import PROJECT

REHEARSE = [sys.executable, "-m", "scripts.rehearse"]


@pytest.mark.parametrize(
    ("pipeline", "keeps", "more", "words"),
    [
        (None, False, {}, []),
        ("site", True, {}, ["--pipeline", "site", "--keep"]),
        (None, False, {"programs": Path("fakes")}, ["--programs", "fakes"]),
        (
            "site",
            False,
            {"programs": Path("fakes"), "variables": {"A": "1", "B": "2"}},
            ["--pipeline", "site", "--programs", "fakes", "--set", "A=1", "--set", "B=2"],
        ),
        # The shorter waits are those of every rehearsal, and a value of the caller's own is his.
        (
            None,
            True,
            {"variables": {"WAIT_SECONDS": "10", "PAUSE_SECONDS": "2", "A": "0.5"}},
            ["--set", "PAUSE_SECONDS=2", "--set", "A=0.5", "--keep"],
        ),
    ],
)
def test_what_others_start_is_run_with_the_same_options(
    tmp_path: Path, pipeline: str | None, keeps: bool, more: dict[str, Any], words: list[str]
) -> None:
    options = RehearsalOptions(Path("application"), Path("cache"), **more)
    expected = [*REHEARSE, "--local-aws", str(tmp_path / "run.json"), "--app", "application", "--cache", "cache"]
    assert command_line(tmp_path / "run.json", options, pipeline, keeps) == [*expected, *words]


def test_the_run_file_is_named_wherever_the_command_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = RehearsalOptions(Path("application"), Path("cache"))
    assert command_line(Path("run.json"), options, None, False)[4] == str(tmp_path / "run.json")


KEEPER = """
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
(folder / "words").write_text(" ".join(sys.argv[2:]))
print("it serves", flush=True)
print("and warns", file=sys.stderr, flush=True)
(folder / "new").write_text(json.dumps({"https://page.test": "http://127.0.0.1:9"}))
(folder / "new").rename(folder / "kept.json")
"""


def test_what_keeps_up_is_started_and_its_addresses_are_told(tmp_path: Path) -> None:
    """Those of a process before it are none."""
    (tmp_path / KEPT).write_text('{"https://old.test": "http://127.0.0.1:8"}', encoding="utf-8")
    addresses = keep_up(tmp_path, [sys.executable, "-c", KEEPER, str(tmp_path), "word"])
    assert addresses == {"https://page.test": "http://127.0.0.1:9"}
    assert (tmp_path / "words").read_text() == "word --serve"
    assert (tmp_path / "kept.log").read_text().splitlines() == ["it serves", "and warns"]


def test_a_process_that_keeps_nothing_up_is_an_error_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as refused:
        keep_up(tmp_path, [sys.executable, "-c", "raise SystemExit('no port')"])
    assert refused.value.reason == "The application does not stay up."
    assert refused.value.remedy == f"Its log is {tmp_path / 'kept.log'}."
    assert (tmp_path / "kept.log").read_text() == "no port\n"


@pytest.mark.parametrize("lasts", [True, False])
def test_it_is_waited_for_no_longer_than_it_may_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lasts: bool
) -> None:
    """A process that only lasts is no answer; and nothing is waited for twice."""
    started: list[tuple[Any, dict[str, Any]]] = []
    process = SimpleNamespace(poll=lambda: None, returncode=None)

    def popen(command: list[str], **settings: Any) -> Any:
        started.append((command, settings))
        return process

    now, pauses = [0.0], list[float]()

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += 40.5
        if not lasts:
            (tmp_path / KEPT).write_text("{}", encoding="utf-8")

    monkeypatch.setattr("subprocess.Popen", popen)
    monkeypatch.setattr(keeping, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=pause))
    if lasts:
        with pytest.raises(RefusedError, match="does not stay up"):
            keep_up(tmp_path, ["command"])
        assert now[0] == 121.5, "after two minutes"
    else:
        assert keep_up(tmp_path, ["command"]) == {} and len(pauses) == 1
        assert process.returncode == 0
    [(command, settings)] = started
    assert command == ["command", "--serve"]
    assert settings.pop("stdout") is settings.pop("stderr")
    assert settings.pop("env")["AWS_EC2_METADATA_DISABLED"] == "true", "it has no credentials of the user"
    assert settings == {"cwd": PROJECT, "stdin": -3, "start_new_session": True}
