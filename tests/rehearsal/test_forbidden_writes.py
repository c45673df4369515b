"""What an application wrote in a rehearsal and cannot write in a task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.rehearsal.runtime.ecs import _files, _forbidden_writes

CONTAINER: dict[str, Any] = {
    "readonlyRootFilesystem": True,
    "linuxParameters": {"tmpfs": [{"containerPath": "/tmp", "size": 64}]},
}


def test_new_files_outside_of_the_writable_folders_are_named(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "main.py").write_text("x")
    before = _files(tmp_path)
    for name in ("home/cache.db", "tmp/upload", "home/__pycache__/main.pyc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    [line] = _forbidden_writes(CONTAINER, _files(tmp_path) - before)
    assert "/home/cache.db" in line and "read-only but for /tmp" in line
    assert "upload" not in line and "pycache" not in line


def test_many_files_are_counted() -> None:
    [line] = _forbidden_writes(CONTAINER, frozenset(f"/data/{number}" for number in range(5)))
    assert "/data/0, /data/1, /data/2 and 2 more" in line


def test_nothing_is_said_where_nothing_is_forbidden() -> None:
    assert _forbidden_writes(CONTAINER, frozenset()) == []
    assert _forbidden_writes({}, frozenset({"/data/0"})) == []
