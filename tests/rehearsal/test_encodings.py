"""What is read and written as text has its encoding, whatever the language of the computer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.encodings import UnnamedEncodingError

ECHO = [sys.executable, "-c", "print('ü')"]
TEXTS = {
    "read": "path.read_text({})",
    "write": "path.write_text('ü', {})",
    "open": "path.open('a', {}).close()",
    "process": "subprocess.run(command, check=True, capture_output=True, text=True, {})",
}


def run(text: str, path: Path) -> None:
    """Runs a line as if it stood in our code."""
    path.write_text("ü", encoding="utf-8")
    code = compile(text, str(ROOT / "scripts/some_module.py"), "exec")
    exec(code, {"__name__": "scripts.some_module", "path": path, "subprocess": subprocess, "command": ECHO})


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_an_encoding_that_is_not_named_is_an_error_in_our_code(tmp_path: Path, text: str) -> None:
    run(text.format("encoding='utf-8'"), tmp_path / "text")
    with pytest.raises(UnnamedEncodingError, match=r"scripts/some_module\.py:1: name the encoding"):
        run(text.format(""), tmp_path / "text")


def test_what_is_no_code_of_ours_may_leave_it_open(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("a")
    assert (tmp_path / "text").read_text() == "a"
    assert subprocess.run([*ECHO[:2], "print(1)"], check=True, capture_output=True, text=True).stdout == "1\n"
