"""How a command ends: lines for a person, one document for a program, and a file that tells what nobody foresaw."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generator.cfn import streams
from scripts.deployment.errors import Exit, ManualActionRequiredError, RefusedError
from scripts.terminal import endings, hints, prompt, results
from scripts.terminal.hints import Spelling
from tests.conftest import ROOT

INTERRUPTED = ManualActionRequiredError("It is left running.", "`follow` follows it.")
STATUS = "`delivery status staging` shows the state of the stacks."


def raising(error: BaseException) -> Callable[[], Any]:
    def work() -> Any:
        raise error

    return work


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(endings, "PROJECT", tmp_path)
    hints.use(Spelling("delivery", "staging", (("status", True), ("follow", True))))
    return tmp_path / ".cache/errors"


@pytest.mark.parametrize(
    ("work", "status", "lines"),
    [
        (lambda: Exit.CHANGES, Exit.CHANGES, []),
        (
            raising(RefusedError("no\nmore", "Do `status`.")),
            Exit.REFUSED,
            ["no", "more", "Do `delivery status staging`."],
        ),
        (raising(RefusedError("no")), Exit.REFUSED, ["no"]),
        (raising(KeyboardInterrupt()), Exit.MANUAL, ["It is left running.", "`delivery follow staging` follows it."]),
    ],
)
def test_what_was_foreseen_is_said_in_its_own_words(
    folder: Path, capsys: pytest.CaptureFixture[str], work: Any, status: Exit, lines: list[str]
) -> None:
    assert endings.ended(work, INTERRUPTED, "apply staging") is status
    assert capsys.readouterr() == ("", "".join(f"{line}\n" for line in lines)) and not folder.exists()


def test_where_an_error_arose_is_shown_to_who_asks(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert endings.ended(raising(RefusedError("no")), INTERRUPTED, debug=True) is Exit.REFUSED
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback") and shown.endswith("RefusedError: no\nno\n")
    assert endings.ended(raising(ValueError("odd")), INTERRUPTED, "plan", debug=True) is Exit.INTERNAL
    shown = capsys.readouterr().err
    assert "It arose here:\nplan\nTraceback" in shown and shown.endswith("ValueError: odd\n") and not folder.exists()


def test_what_nobody_foresaw_claims_nothing_and_has_its_details_in_a_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For its owner's eyes: there may be names of resources in it."""
    assert endings.ended(raising(ValueError("odd")), INTERRUPTED, "plan staging") is Exit.INTERNAL
    [log] = folder.iterdir()
    lines = capsys.readouterr().err.splitlines()
    assert re.fullmatch(
        r"An unexpected error ended `plan staging`: ValueError: odd \(test_endings\.py, line \d+\)\.", lines[0]
    )
    details = f"The details are in {log}; the same command with --debug shows it."
    assert lines[1:] == [f"How far it came is not known; {STATUS}", details]
    assert log.stat().st_mode & 0o777 == 0o600
    text = log.read_text(encoding="utf-8").splitlines()
    python = ".".join(map(str, sys.version_info[:3]))
    assert re.fullmatch(rf"\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC, Python {python}\S*", text[0])
    assert text[1:3] == ["plan staging", "Traceback (most recent call last):"] and text[-1] == "ValueError: odd"


def test_a_file_that_cannot_be_written_is_not_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.parent.touch()
    assert endings.ended(raising(ValueError("odd")), INTERRUPTED, "plan") is Exit.INTERNAL
    assert capsys.readouterr().err.splitlines()[2:] == ["The same command with --debug shows where it arose."]


@pytest.mark.parametrize(
    ("name", "named"), [("yaml", True), ("yaml.loader", True), ("scripts.gone", False), ("generator", False)]
)
def test_a_package_that_is_missing_has_a_way_to_it_and_a_module_of_ours_has_none(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, named: bool
) -> None:
    assert endings.ended(raising(ModuleNotFoundError("gone", name=name)), INTERRUPTED, "plan") is Exit.INTERNAL
    lines = capsys.readouterr().err.splitlines()
    missing = f"{name} is not installed in {sys.prefix}: `python scripts/set_up.py .venv local` completes it."
    assert (lines[2] == missing) is named and len(lines) == (4 if named else 3) and folder.exists()


# --- for programs

WORDS = ("apply", "staging", INTERRUPTED)


def document(work: Callable[[results.Document], object], error: type[BaseException] | None = None) -> Any:
    """What a program reads of a command that does this."""
    out = io.StringIO()
    before, sys.stdout = sys.stdout, out
    try:
        if error is None:
            with results.document(*WORDS) as current:
                work(current)
        else:
            with pytest.raises(error), results.document(*WORDS) as current:
                work(current)
    finally:
        sys.stdout = before
    return json.loads(out.getvalue())


def whole(status: Exit, error: Any = None, result: Any = None) -> dict[str, Any]:
    end = {"status": status.value, "meaning": status.meaning}
    words = {"schema": "delivery/apply/1", "verb": "apply", "environment": "staging"}
    return {**words, "exit": end, "error": error, "result": result}


def test_a_program_gets_one_document_however_it_ends(capsys: pytest.CaptureFixture[str]) -> None:
    """What people read goes to standard error meanwhile."""

    def works(current: results.Document) -> None:
        print("for people")
        results.begin(plans=[], operations=())
        results.append("plans", 1)
        results.append("other", 2)
        results.update({"more": True})
        current.exit = Exit.CHANGES

    result = {"plans": [1], "operations": [], "other": [2], "more": True}
    assert document(works) == whole(Exit.CHANGES, result=result)
    assert capsys.readouterr() == ("", "for people\n")
    assert document(lambda _: results.show([1])) == whole(Exit.INTERNAL, result=[1])
    assert document(lambda _: results.append("plans", 1)) == whole(Exit.INTERNAL, result={"plans": [1]})
    assert document(lambda _: results.update({"a": 1})) == whole(Exit.INTERNAL, result={"a": 1})


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (RefusedError("no", "Do it."), Exit.REFUSED, {"reason": "no", "remedy": "Do it."}),
        (KeyboardInterrupt(), Exit.MANUAL, {"reason": "It is left running.", "remedy": "`follow` follows it."}),
        (ValueError("odd"), Exit.INTERNAL, {"reason": "ValueError: odd", "remedy": ""}),
    ],
)
def test_a_document_says_why_a_command_ended_early_and_how_far_it_came(
    error: BaseException, status: Exit, reason: dict[str, str]
) -> None:
    def works(_: results.Document) -> None:
        results.begin(plans=[1])
        raise error

    assert document(works, type(error)) == whole(status, reason, {"plans": [1]})


def test_without_a_reading_program_only_the_whole_result_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    results.begin(plans=[])
    results.append("plans", 1)
    results.update({"a": 1})
    assert capsys.readouterr().out == ""
    results.show({"a": 1})
    assert json.loads(capsys.readouterr().out) == {"a": 1}


# --- where nobody can be asked


class Input(io.StringIO):
    """Standard input, which may be a terminal."""

    terminal = False

    def isatty(self) -> bool:
        return super().isatty() or self.terminal


def test_who_is_not_there_has_not_agreed(monkeypatch: pytest.MonkeyPatch) -> None:
    closed, terminal = Input(), Input("yes\n")
    closed.close()
    terminal.terminal = True
    for stdin, attended in ((None, False), (closed, False), (Input("yes\n"), False), (terminal, True)):
        monkeypatch.setattr(sys, "stdin", stdin)
        assert prompt.attended() is attended
        if not attended:
            assert prompt.confirmed("Well? ") is False
            with pytest.raises(prompt.NobodyAnsweredError):
                prompt.answer("Well? ")


@pytest.mark.parametrize(("line", "value"), [(" a secret \n", "a secret"), ("first\nsecond\n", "first"), ("\n", "")])
def test_without_a_terminal_a_secret_is_the_first_line(monkeypatch: pytest.MonkeyPatch, line: str, value: str) -> None:
    monkeypatch.setattr(sys, "stdin", Input(line))
    assert prompt.secret("Well? ") == value
    for nothing in (Input(""), None):
        monkeypatch.setattr(sys, "stdin", nothing)
        with pytest.raises(prompt.NobodyAnsweredError):
            prompt.secret("Well? ")


@pytest.mark.parametrize(("typed", "word", "agrees"), [("yes", "yes", True), ("y", "yes", False), ("it", "it", True)])
def test_only_the_word_agrees(monkeypatch: pytest.MonkeyPatch, typed: str, word: str, agrees: bool) -> None:
    terminal = Input()
    terminal.terminal = True
    monkeypatch.setattr(sys, "stdin", terminal)
    questions: list[str] = []

    def read_line(question: str, _: Any) -> str:
        questions.append(question)
        return f" {typed} \n"

    monkeypatch.setattr(prompt, "read_line", read_line)
    assert prompt.confirmed("Well\x1b? ", word) is agrees and questions == ["Well\\x1b? "]
    if word == "yes":
        assert prompt.confirmed("Well? ") is agrees


# --- an output that cannot be written


@pytest.mark.parametrize(("number", "lost"), [("ENOSPC", True), ("EIO", True), ("EPIPE", False), ("EBADF", False)])
def test_only_what_somebody_waits_for_is_lost(monkeypatch: pytest.MonkeyPatch, number: str, lost: bool) -> None:
    """A reader that has seen enough waits for nothing. After a failure nothing more is written."""
    import errno

    calls: list[bytes] = []

    def write(_: int, data: memoryview) -> int:
        calls.append(bytes(data))
        raise OSError(getattr(errno, number), "no")

    output = streams.Output(1)
    assert output.lost is None and output.writable() and output.fileno() == 1
    monkeypatch.setattr(os, "write", write)
    assert (output.write(b"first"), output.write(b"again")) == (5, 5) and calls == [b"first"]
    assert (output.lost is not None) is lost
    closed = streams.Output(-1)
    assert closed.write(b"x") == 1 and closed.lost is None and closed.isatty() is False


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_file_that_is_opened_later_does_not_become_a_closed_stream(tmp_path: Path, closed: str) -> None:
    file = tmp_path / "file"
    code = f"from generator.cfn import streams; streams.prepare(); file = open({str(file)!r}, 'w')\n"
    code += "import sys; print('out'); print('err', file=sys.stderr); file.write(str(file.fileno() > 2))"
    subprocess.run(["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, code], cwd=ROOT, check=True)
    assert file.read_text(encoding="utf-8") == "True"
