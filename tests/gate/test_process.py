"""The work that the gate shares with a process of its own."""

import os
import signal
import time
from multiprocessing import Pipe
from pathlib import Path

import pytest

from generator.gate import process

BEGUN, GOES_ON, OWN = "begun", "goes-on", "own"  # files
LONG = 1 << 20  # bytes


class RefusedError(Exception):
    """An error that cannot be sent to another process: its arguments are not those of the exception."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")


def is_own() -> bool:
    """Whether this is the process of the test."""
    return Path(OWN).read_text(encoding="utf-8") == str(os.getpid())


def identifier() -> int:
    return os.getpid()


def refuses() -> None:
    raise RefusedError("what is wrong", "and why")


def is_ended() -> int:
    """Ends the process that it is carried out in, unless that is the one of the test."""
    Path(BEGUN).touch()
    if not is_own():
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def interrupts_itself() -> int:
    """Interrupts the process that it is carried out in, unless that is the one of the test."""
    Path(BEGUN).touch()
    if not is_own():
        os.kill(os.getpid(), signal.SIGINT)
    return os.getpid()


def is_long() -> bytes:
    """More than a pipe takes."""
    return bytes(LONG)


class Local:
    """A process by its number, which no other one can be told of."""

    def __init__(self) -> None:
        self.number = os.getpid()

    def __eq__(self, other: object) -> bool:
        return self.number == other

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> str:
        raise TypeError("not to be sent")


def cannot_be_sent() -> Local:
    Path(BEGUN).touch()
    return Local()


def takes_long() -> None:
    Path(BEGUN).write_text(str(os.getpid()), encoding="utf-8")
    time.sleep(600)


def waits() -> int:
    """Its process, as soon as somebody lets it go on."""
    Path(BEGUN).touch()
    while not Path(GOES_ON).exists():
        time.sleep(0.005)
    return os.getpid()


def lets_go_on() -> int:
    Path(GOES_ON).touch()
    return os.getpid()


def wait_until_begun() -> str:
    """What the function that the other process is at has written down."""
    while not Path(BEGUN).exists():
        time.sleep(0.005)
    return Path(BEGUN).read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(OWN).write_text(str(os.getpid()), encoding="utf-8")


def test_each_function_has_its_result_in_whatever_order_it_is_asked_for() -> None:
    with process.shared((str, list, dict)) as (text, items, entries):
        assert (entries(), text(), items()) == ({}, "", [])


def test_the_other_process_works_while_this_one_does_something_else() -> None:
    with process.shared((waits, identifier)) as (waiting, other):
        wait_until_begun()
        lets_go_on()
        assert waiting() != os.getpid()
        other()


def test_the_other_process_waits_for_nobody_who_takes_a_long_result() -> None:
    with process.shared((is_long, lets_go_on)) as (long, other):
        while not Path(GOES_ON).exists():  # nothing was taken yet
            time.sleep(0.005)
        assert len(long()) == LONG and other() != os.getpid()


def test_what_cannot_be_sent_is_carried_out_here() -> None:
    with process.shared((cannot_be_sent, identifier)) as (result, other):
        wait_until_begun()
        assert result() == os.getpid()
        other()


def test_what_nobody_has_begun_is_carried_out_here_instead_of_waiting() -> None:
    with process.shared((waits, identifier, lets_go_on)) as (waiting, *others):
        wait_until_begun()
        assert waiting() != os.getpid()  # it ends only because the last one was carried out meanwhile
        assert [other() for other in others] == [os.getpid(), os.getpid()]


def test_a_result_is_made_once_however_often_it_is_asked_for() -> None:
    with process.shared((object,)) as (result,):
        assert result() is result()


def test_an_error_of_the_other_process_is_raised_where_its_result_is_asked_for() -> None:
    with process.shared((refuses, waits)) as (refused, waiting):
        wait_until_begun()
        with pytest.raises(RefusedError, match="what is wrong: and why"):
            refused()
        lets_go_on()
        assert waiting() != os.getpid()


def test_an_error_of_what_is_carried_out_here_is_not_raised_for_another_result() -> None:
    with process.shared((waits, refuses, lets_go_on)) as (waiting, refused, _):
        wait_until_begun()
        assert waiting() != os.getpid()
        with pytest.raises(RefusedError, match="what is wrong: and why"):
            refused()


def test_what_a_process_was_at_when_it_was_ended_is_carried_out_here() -> None:
    with process.shared((is_ended, identifier)) as results:
        wait_until_begun()
        assert [result() for result in results] == [os.getpid(), os.getpid()]


def test_an_outcome_of_which_only_a_part_came_is_no_outcome() -> None:
    receiving, sending = Pipe(duplex=False)
    os.write(sending.fileno(), (100).to_bytes(4, "big") + b"a part")  # the length comes first
    sending.close()
    with receiving, process.shared((identifier,)) as (result,):
        assert process._received(receiving, 7) == (7, (True, None))
        result()


@pytest.mark.parametrize("ignored", [True, False])
def test_the_other_process_listens_to_an_interrupt_where_this_one_does(ignored: bool) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN if ignored else signal.default_int_handler)
    try:
        with process.shared((interrupts_itself, identifier)) as results:
            wait_until_begun()
            same = [result() == os.getpid() for result in results]
    finally:
        signal.signal(signal.SIGINT, before)
    assert same[0] == (not ignored)


def test_nothing_is_left_behind_where_nobody_waits() -> None:
    with process.shared((takes_long,)):
        while not (running := wait_until_begun()):
            time.sleep(0.005)
        os.kill(int(running), 0)  # it is there
    with pytest.raises(ProcessLookupError):
        os.kill(int(running), 0)
