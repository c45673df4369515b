"""Output that never ends a command: what stands for a sign that an encoding lacks, and which status a command ends
with. What becomes of a full disk, and of streams that are closed: tests/cli/test_endings.py."""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from generator.cfn import streams


@pytest.fixture
def _registered() -> None:
    codecs.register_error(streams.ERRORS, streams._plain)


@pytest.mark.usefixtures("_registered")
@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a → b ← c", b"a -> b <- c"),
        ("wait… · ✓ ✗", b"wait... - v x"),
        ("▸ ≥ ≤", b"> >= <="),
        ("│├└─━╸╺", b"||`----"),
        ("• “so”", b'* "so"'),
        ("für 5 €→…", b"f?r 5 ?->..."),
        ("plain", b"plain"),
    ],
)
def test_a_sign_that_an_encoding_lacks_has_another(text: str, plain: bytes) -> None:
    assert text.encode("ascii", streams.ERRORS) == plain


@pytest.mark.usefixtures("_registered")
def test_bytes_that_are_no_text_are_an_error_as_ever() -> None:
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("utf-8", streams.ERRORS)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        os.close(descriptor)


class Like(io.StringIO):
    """A stream of an encoding, with something in it that is not written yet."""

    encoding = "ascii"
    flushed = False

    def flush(self) -> None:
        self.flushed = True


@pytest.mark.usefixtures("_registered")
@pytest.mark.parametrize(("like", "expected"), [(None, "→ é\n".encode()), (Like(), b"-> ?\n")])
def test_an_output_has_the_encoding_of_the_stream_before_it(
    like: Like | None, expected: bytes, pipe: tuple[int, int]
) -> None:
    stream = streams._stream(streams.Output(pipe[1]), like)
    stream.write("→ é\n")
    os.set_blocking(pipe[0], False)
    with pytest.raises(BlockingIOError):
        os.read(pipe[0], 100)  # what no terminal shows waits in a buffer
    stream.flush()
    assert os.read(pipe[0], 100) == expected
    assert like is None or like.flushed


@pytest.mark.parametrize(
    ("descriptor", "terminal", "by_line"), [(1, False, False), (1, True, True), (2, False, True), (2, True, True)]
)
def test_errors_and_what_a_terminal_shows_come_line_by_line(
    descriptor: int, terminal: bool, by_line: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams.Output, "isatty", lambda _self: terminal)
    stream = streams._stream(streams.Output(descriptor), None)
    assert isinstance(stream, io.TextIOWrapper) and stream.line_buffering is by_line
    stream.detach().detach()  # nothing of it closes the descriptor


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EBADF, errno.ENOSPC, errno.EIO])
def test_a_reader_that_has_gone_is_no_loss(number: int) -> None:
    output = streams.Output(1)
    output.failure = OSError(number, "no")
    assert (output.lost is output.failure) is (number in (errno.ENOSPC, errno.EIO))


def test_outputs_take_the_place_of_the_streams_of_this_process(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, Like())
    outputs = streams.prepare()
    assert [output.fileno() for output in outputs] == [1, 2]
    print("out →")
    print("err →", file=sys.stderr)
    sys.stdout.flush()
    assert capfd.readouterr() == ("out ->\n", "err ->\n")
    for stream in (sys.stdout, sys.stderr):
        assert isinstance(stream, io.TextIOWrapper)
        stream.detach().detach()


def test_an_input_that_is_closed_is_opened_and_any_other_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = io.StringIO()
    calls: list[Any] = []

    def open_file(*words: object, **named: object) -> io.StringIO:
        calls.append((*words, named))
        return opened

    monkeypatch.setattr(streams, "open", open_file, raising=False)
    monkeypatch.setattr(streams, "_stream", lambda _output, stream: stream)
    monkeypatch.setattr(sys, "stdin", None)
    streams.prepare()
    assert sys.stdin is opened and calls == [(0, {"encoding": "utf-8", "errors": "replace"})]
    streams.prepare()
    assert sys.stdin is opened and len(calls) == 1


def ending(code: object) -> Callable[[], int]:
    def run() -> int:
        raise SystemExit(code)

    return run


@pytest.mark.parametrize(
    ("run", "lost", "status", "message"),
    [
        (lambda: 0, None, 0, ""),
        (lambda: 3, None, 3, ""),
        (ending(64), None, 64, ""),
        (ending(0), None, 0, ""),
        (ending("words"), None, os.EX_USAGE, ""),
        (ending(None), None, os.EX_USAGE, ""),
        (lambda: 0, OSError(errno.ENOSPC, "disk full"), 74, "The output could not be written: disk full.\n"),
        (lambda: 2, OSError(errno.ENOSPC, "disk full"), 74, "The output could not be written: disk full.\n"),
        (lambda: 3, OSError(errno.ENOSPC, "disk full"), 3, ""),  # what failed is no better for it
        (lambda: 0, OSError(errno.EPIPE, "gone"), 0, ""),
    ],
)
def test_the_status_of_a_command(
    run: Callable[[], int],
    lost: OSError | None,
    status: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    outputs = [streams.Output(1), streams.Output(2)]
    outputs[0].failure = lost
    monkeypatch.setattr(streams, "prepare", lambda: outputs)
    with pytest.raises(SystemExit) as ended:
        streams.end_with(run, (0, 2), 74)
    assert (ended.value.code, capsys.readouterr()) == (status, ("", message))


def test_what_a_command_wrote_is_out_before_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[str] = []

    class Stream(io.StringIO):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.label = name

        def flush(self) -> None:
            flushed.append(self.label)

    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, Stream(name))
    monkeypatch.setattr(streams, "prepare", lambda: [streams.Output(1), streams.Output(2)])
    with pytest.raises(SystemExit):
        streams.end_with(lambda: 0, (0,), 74)
    assert flushed == ["stdout", "stderr"]
