"""A text in the encoding of this computer's language is read wrongly on another one: in the code that we deliver it is
an error to leave that open, in the tests of a folder whose `conftest.py` calls `forbid_unnamed`."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

OURS = tuple(str(Path(__file__).resolve().parents[2] / folder) for folder in ("generator", "scripts"))
BETWEEN = ("pathlib", "subprocess", "os", "tempfile")  # what our code opens files and processes with


class UnnamedEncodingError(AssertionError):
    """A file or a process was opened as text without its encoding; the message says where."""


def forbid_unnamed() -> None:
    """From now on an encoding that our code does not name is an error. Repeatable."""
    if isinstance(io.text_encoding, _Forbidding):
        return
    io.text_encoding = _Forbidding(io.text_encoding)
    # What `subprocess` asks when it is to give texts.
    subprocess._text_encoding = _Forbidding(subprocess._text_encoding)  # type: ignore[attr-defined]


class _Forbidding:
    """A function of Python's that gives the encoding where none is named."""

    def __init__(self, function: Any) -> None:
        self._function = function

    def __call__(self, *words: Any) -> Any:
        if not words or words[0] is None:
            frame = sys._getframe(1)
            while frame.f_back and frame.f_globals.get("__name__") in BETWEEN:
                frame = frame.f_back
            if frame.f_code.co_filename.startswith(OURS):
                raise UnnamedEncodingError(f"{frame.f_code.co_filename}:{frame.f_lineno}: name the encoding")
        return self._function(*words)
