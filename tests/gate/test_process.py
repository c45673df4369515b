"""What the gate begins in a process of its own, beside the rest of its work."""

import os
import signal
import time

import pytest

from generator.gate import process


class RefusedError(Exception):
    pass


def identifier() -> int:
    return os.getpid()


def refuses() -> None:
    raise RefusedError("what is wrong")


def is_ended() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def takes_long() -> None:
    time.sleep(600)


def test_each_function_has_its_result_from_one_other_process() -> None:
    with process.started((identifier, identifier)) as result:
        first, second = result(), result()
    assert first == second != os.getpid()


def test_what_a_function_raises_is_raised_where_its_result_is_asked_for() -> None:
    with process.started((refuses, identifier)) as result:
        with pytest.raises(RefusedError, match="what is wrong"):
            result()
        assert result()


def test_a_process_that_is_ended_has_no_result() -> None:
    with process.started((is_ended,)) as result, pytest.raises(EOFError):
        result()


def test_nothing_is_left_behind_where_nobody_waits() -> None:
    with process.started((identifier, takes_long)) as result:
        running = result()
        os.kill(running, 0)  # it is there
    with pytest.raises(ProcessLookupError):
        os.kill(running, 0)
