"""A rehearsal leaves nothing running and nothing lying around, however it ends."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scripts.rehearsal import janitor
from scripts.rehearsal.runtime import toolchains
from tests.conftest import ROOT
from tests.support.processes import gone

# A build whose command started something in the background, too; it says who runs and where it works.
BUILD = """
import os, sys
from pathlib import Path
from scripts.rehearsal import janitor
from scripts.rehearsal.builds import phases
with janitor.workspace() as cleaner:
    (cleaner.folder / "src/node_modules").mkdir(parents=True)
    command = "echo $$; sleep 300 & echo $!; touch file; {then}"
    spec = {{"env": {{"shell": "bash"}}, "phases": {{"build": {{"commands": [command]}}}}}}
    print(cleaner.folder, flush=True)
    runner = phases.Runner(cleaner.folder / "state", lambda line: print(line, end="", flush=True), 300, cleaner.guard)
    phases.run_buildspec(spec, cleaner.folder / "src", dict(os.environ), runner)
"""


@pytest.mark.parametrize(
    ("number", "then"),
    [(signal.SIGKILL, "sleep 300"), (signal.SIGTERM, "sleep 300"), (signal.SIGINT, "sleep 300"), (None, "kill $!")],
    ids=["SIGKILL", "SIGTERM", "SIGINT", "end"],
)
def test_builds_end_and_the_workspace_is_deleted(number: signal.Signals | None, then: str) -> None:
    # In the background of a shell SIGINT is ignored, and Python would leave it so.
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    command = [sys.executable, "-c", listening + BUILD.format(then=then)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        folder = Path(process.stdout.readline().strip())
        children = [int(process.stdout.readline()) for _ in range(2)]
        if number:
            process.send_signal(number)
    assert folder.name.startswith("rehearsal-")
    assert all(gone(child, 30) for child in children)
    until = time.monotonic() + 30
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not folder.exists()


def test_the_janitor_is_told_of_folders_whatever_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    popen: Any = subprocess.Popen

    def start(*words: Any, **how: Any) -> Any:
        calls.append((words, how))
        return popen(*words, **how)

    monkeypatch.setattr(subprocess, "Popen", start)
    with janitor.workspace() as cleaner:
        unnamed = cleaner.folder / os.fsdecode(b"\xff")
        (unnamed / "old").mkdir(parents=True)
        cleaner.delete(unnamed / "old")
        until = time.monotonic() + 30
        while any(unnamed.iterdir()) and time.monotonic() < until:
            time.sleep(0.02)
        assert unnamed.is_dir() and not any(unnamed.iterdir()), "deleted while the rehearsal goes on"
    command = [sys.executable, "-IS", "-X", "utf8", janitor.__file__, str(cleaner.folder)]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    pipe = {"stdin": subprocess.PIPE, "encoding": "utf-8", "errors": "surrogateescape"}
    assert calls == [((command,), {**silent, **pipe})]


def test_the_workspace_goes_at_the_end_of_its_context_whoever_still_holds_the_janitor() -> None:
    with janitor.workspace() as cleaner:
        assert cleaner.folder.is_dir()
    until = time.monotonic() + 30
    while cleaner.folder.exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert not cleaner.folder.exists() and gone(cleaner.process.pid, 30)


def test_a_folder_that_is_gone_already_keeps_the_janitor_from_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "rehearsal"
    folder.mkdir()
    command = [sys.executable, "-IS", janitor.__file__, str(folder)]
    done = subprocess.run(
        command, input=f"x{tmp_path / 'gone'}\n", capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr, folder.exists()) == (0, "", False)


def test_the_cache_keeps_what_was_used_lately_and_no_more(tmp_path: Path) -> None:
    now = time.time()
    for number in range(toolchains.KEPT + 3):
        folder = tmp_path / f"environment-{number:02}"
        folder.mkdir()
        (folder / "ready").touch()
        os.utime(folder / "ready", (now - number, now - number))
    old = tmp_path / "environment-00/ready"
    os.utime(old, (now - toolchains.UNUSED_SECONDS - 60,) * 2)
    (tmp_path / "environment-00.lock").touch()
    deleted: list[Path] = []
    toolchains.delete_unused(tmp_path, deleted.append)
    names = sorted(path.name for path in deleted)
    assert names == [
        "environment-00",
        *(f"environment-{number:02}" for number in (toolchains.KEPT + 1, toolchains.KEPT + 2)),
    ]


def test_what_is_told_to_the_janitor_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders are deleted at once; at the end the groups that are left are killed, and the workspace is deleted."""
    folder, other = tmp_path / "workspace", tmp_path / "other"
    for path in (folder, other):
        (path / "deep").mkdir(parents=True)
    killed: list[tuple[int, int]] = []

    def kill(group: int, number: int) -> None:
        killed.append((group, number))
        assert folder.exists() and not other.exists()
        if group == 11:
            raise ProcessLookupError

    monkeypatch.setattr("os.killpg", kill)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"+11\n+22\n+33\nx{other}\nx{other}\n-22\n-44\n"))
    janitor.clean_up(str(folder))
    assert sorted(killed) == [(11, signal.SIGKILL), (33, signal.SIGKILL)]
    assert not folder.exists()


def test_a_folder_is_out_of_the_way_before_it_is_deleted(tmp_path: Path) -> None:
    orders = io.StringIO()
    cleaner = janitor.Janitor(tmp_path, cast(Any, SimpleNamespace(stdin=orders)))
    (tmp_path / "old").mkdir()
    cleaner.delete(tmp_path / "old")
    [moved] = tmp_path.iterdir()
    assert re.fullmatch(r"\.deleted-[0-9a-f]{8}", moved.name)
    with pytest.raises(ValueError, match="it had to"), cleaner.guard(7):
        raise ValueError("it had to")
    assert orders.getvalue() == f"x{moved}\n+7\n-7\n"


def test_a_janitor_that_was_killed_is_missed_by_nobody(tmp_path: Path) -> None:
    class Closed(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError

    cleaner = janitor.Janitor(tmp_path, cast(Any, SimpleNamespace(stdin=Closed())))
    with cleaner.guard(7):
        pass


def test_locks_without_their_environment_are_deleted(tmp_path: Path) -> None:
    for name in ("kept", "kept.lock", "gone.lock"):
        (tmp_path / name).mkdir() if name == "kept" else (tmp_path / name).touch()
    deleted: list[Path] = []
    toolchains.delete_unused(tmp_path, deleted.append)
    assert (deleted, sorted(path.name for path in tmp_path.iterdir())) == ([], ["kept", "kept.lock"])
