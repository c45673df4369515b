"""What `make templates` writes: a file whose text is another, no other, and what nothing makes any more goes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from generator import __main__ as generator


def rendered(**values: str) -> dict[str, str]:
    return {
        f"{name}.json": json.dumps({"Resources": {"It": {"Type": "T", "Properties": {"Name": value}}}})
        for name, value in values.items()
    }


def test_only_what_has_changed_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "templates"
    monkeypatch.setattr(generator, "TEMPLATES", folder)
    generator._write_templates(rendered(a="one", b="one", c="one"))
    assert capsys.readouterr().out == "templates: 3 rendered, 3 changed\n"
    for file in folder.iterdir():
        os.utime(file, (1, 1))
    generator._write_templates(rendered(a="one", b="two", d="one"))
    assert capsys.readouterr().out.splitlines() == [
        "templates: 3 rendered, 2 changed",
        '  changed resource b.It (T) at Properties.Name: "one" -> "two"',
        "  removed template c",
        "  added template d",
    ]
    now = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}
    assert now == rendered(a="one", b="two", d="one")
    assert [file.name for file in sorted(folder.iterdir()) if file.stat().st_mtime == 1] == ["a.json"]
    generator._write_templates(rendered(a="one", b="two", d="one"))
    assert capsys.readouterr().out == "templates: 3 rendered, none changed\n"
