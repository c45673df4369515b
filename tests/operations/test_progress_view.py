"""What is shown while an operation runs: lines with the time, and the view that is drawn in one place."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from generator.cfn.templates import STACK, Template, from_bodies
from scripts.operations.following import Event
from scripts.operations.output.progress import DONE, FAILED, RUNNING, WAITING, Progress
from scripts.operations.output.progress_view import Lines, Live, clock, view_lines
from scripts.terminal import console
from tests.support.account import NOW

BUCKET, SERVICE = "AWS::S3::Bucket", "AWS::ECS::Service"


def event(path: str, status: str, second: float = 0, kind: str = BUCKET, reason: str = "", own: bool = False) -> Event:
    steps = tuple(filter(None, path.split(".")))
    moment = NOW + timedelta(seconds=second)
    return Event(steps, f"{path}{status}{second}", f"id-{path}", kind, status, reason, moment, own)


def lines(
    *batches: Sequence[Event] | float, verbose: bool = False, more: Callable[..., Sequence[str]] = lambda _: ()
) -> list[str]:
    """What is printed when these events come, each line without its time; a number is a look at that second."""
    out, now = io.StringIO(), [0.0]
    show = Lines(out, lambda: NOW + timedelta(seconds=now[0]), verbose, more)
    for batch in batches:
        if isinstance(batch, float | int):
            now[0] = batch
            show([])
        else:
            show(batch)
    assert all(re.match(r"\d\d:\d\d:\d\d  ", line) for line in out.getvalue().splitlines())
    return [line[10:] for line in out.getvalue().splitlines()]


DEPLOYED = [
    event("", "UPDATE_IN_PROGRESS", 0, STACK),
    event("Topic", "CREATE_IN_PROGRESS", 0, "AWS::SNS::Topic"),
    event("Topic", "CREATE_COMPLETE", 1.5, "AWS::SNS::Topic"),
    event("Old", "DELETE_SKIPPED", 2),
    event("Taken", "IMPORT_COMPLETE", 2),
    event("Gone", "DELETE_COMPLETE", 2),
    event("Storage", "UPDATE_IN_PROGRESS", 2, STACK),
    event("Storage", "UPDATE_IN_PROGRESS", 2, STACK, own=True),
    event("Storage.Logs", "UPDATE_IN_PROGRESS", 2),
    event("Storage.Logs", "UPDATE_COMPLETE", 4),
    event("Storage.Other", "CREATE_IN_PROGRESS", 4),
    event("Storage", "UPDATE_COMPLETE", 5, STACK, own=True),
    event("Storage", "UPDATE_COMPLETE", 6, STACK),
]


def test_each_nested_stack_and_what_is_beside_it_is_told_once_when_it_ends() -> None:
    assert lines(DEPLOYED) == [
        "Topic created (1.5 s)",
        "Old kept (0.0 s)",
        "Taken taken over (0.0 s)",
        "Gone deleted (0.0 s)",
        "Storage updated, 1 resource (4.0 s)",
    ]


def test_a_failure_is_told_with_its_reason_and_what_only_repeats_it_is_not() -> None:
    failed = [
        event("Backend", "UPDATE_IN_PROGRESS", 0, STACK),
        event("Backend.Service", "UPDATE_IN_PROGRESS", 1, SERVICE),
        event("Backend.Service", "UPDATE_FAILED", 2, SERVICE, "it did not stabilize"),
        event("Backend.Other", "UPDATE_FAILED", 2, BUCKET, "Resource update cancelled"),
        event("Backend", "UPDATE_FAILED", 3, STACK, "Embedded stack arn:x was not updated"),
        event("", "UPDATE_ROLLBACK_IN_PROGRESS", 4, STACK, "The following resource(s) failed to update: [Backend]"),
        event("Backend", "UPDATE_IN_PROGRESS", 5, STACK),
        event("Backend.Service", "UPDATE_COMPLETE", 6, SERVICE),
        event("Backend", "UPDATE_COMPLETE", 7, STACK),
        event("New", "DELETE_COMPLETE", 8),
        event("Strange", "UPDATE_SOMEHOW", 8),
    ]
    assert lines(failed) == [
        "Backend > Service  UPDATE_FAILED: it did not stabilize",
        "failed, rolling back",
        "Backend restored, 1 resource (2.0 s)",
        "New deleted (0.0 s)",
        "Strange UPDATE_SOMEHOW (0.0 s)",
    ]


def test_a_rollback_that_somebody_asked_for_is_called_no_failure() -> None:
    assert lines([event("", "UPDATE_ROLLBACK_IN_PROGRESS", 0, STACK, "User Initiated")]) == ["rolling back"]


def test_every_event_for_whoever_wants_it() -> None:
    assert lines([*DEPLOYED[:3], event("Old", "DELETE_FAILED", 2, BUCKET, "not empty")], verbose=True) == [
        "the stack itself  AWS::CloudFormation::Stack  UPDATE_IN_PROGRESS",
        "Topic  AWS::SNS::Topic  CREATE_IN_PROGRESS",
        "Topic  AWS::SNS::Topic  CREATE_COMPLETE",
        "Old  AWS::S3::Bucket  DELETE_FAILED: not empty",
    ]


def test_a_silence_is_broken_after_a_quarter_of_a_minute() -> None:
    """And again after as much; it says what is waited for, as far as anybody knows."""
    assert lines(15, 15.1, 30.1, 30.2) == ["waiting for CloudFormation", "waiting for CloudFormation"]
    begun = [event("A", "CREATE_IN_PROGRESS", 0), event("B", "CREATE_IN_PROGRESS", 5)]
    assert lines(begun, 16) == ["waiting for A (16 s), B (11 s)"]


def test_what_a_service_says_is_told_once() -> None:
    texts = iter([["1 of 2"], ["1 of 2"], ["2 of 2", "1 of 2"]])
    assert lines([], [], [], more=lambda _: next(texts)) == ["1 of 2", "2 of 2"]


@pytest.fixture(scope="module")
def root() -> Template:
    resources = {"Type": SERVICE, "Metadata": {"Description": "Runs it."}}
    nested = {"Type": STACK, "Properties": {"TemplateURL": "backend.json"}}
    bodies = {"environment": {"Resources": {"Backend": nested}}, "backend": {"Resources": {"Service": resources}}}
    return from_bodies(bodies)["environment"]


def progress(*events: Event, planned: Sequence[str] = ()) -> Progress:
    state = Progress(frozenset(tuple(path.split(".")) for path in planned))
    state.fold(events)
    return state


def view(state: Progress, root: Template, second: float = 60) -> list[str]:
    return list(map(str, view_lines(state, root, NOW + timedelta(seconds=second))))


def test_the_roots_own_resources_have_a_row_and_of_what_takes_longest_four_are_named(root: Template) -> None:
    begun = [event(f"Backend.R{number}", "CREATE_IN_PROGRESS", number) for number in range(5)]
    state = progress(
        event("Backend.Service", "CREATE_IN_PROGRESS", -5, SERVICE),
        event("Topic", "CREATE_COMPLETE", 0),
        *begun,
        planned=["Topic", "Backend.Service", "Late.Queue"],
    )
    assert view(state, root) == [
        " 1:05  1 resource done, 6 running, 1 waiting",
        "  ✓ (root)     1 of 1",
        "  ▸ Backend    0 of 6",
        "    Late       0 of 1",
        "     1:05  Backend > Service  Runs it.",
        "     1:00  Backend > R0",
        "     0:59  Backend > R1",
        "     0:58  Backend > R2",
    ]
    assert view(progress(), root) == [" 0:00  0 resources done, 0 running"]


def test_a_stack_in_which_nothing_happens_has_no_numbers(root: Template) -> None:
    state = progress(event("Data", "UPDATE_IN_PROGRESS", 0, STACK), event("Data", "UPDATE_COMPLETE", 0.9, STACK))
    assert view(state, root) == [" 1:00  0 resources done, 0 running", "  ✓ Data"]
    state.fold([event("Data", "UPDATE_IN_PROGRESS", 59, STACK)])
    assert view(state, root) == [" 1:00  0 resources done, 0 running", "  ▸ Data    0 of 0     0:01", "     0:01  Data"]


def test_a_rollback_begins_anew_and_waits_for_nothing(root: Template) -> None:
    state = progress(
        event("Backend", "UPDATE_IN_PROGRESS", 0, STACK),
        event("Backend.Service", "UPDATE_FAILED", 1, SERVICE, "no"),
        planned=["Backend.Service", "Backend.Queue"],
    )
    assert [(row.name, row.state, row.waiting) for row in state.lines(NOW)] == [("Backend", RUNNING, 1)]
    state.fold([event("", "UPDATE_ROLLBACK_IN_PROGRESS", 2, STACK), event("Backend", "UPDATE_IN_PROGRESS", 3, STACK)])
    state.fold([event("", "UPDATE_ROLLBACK_IN_PROGRESS", 4, STACK)])  # said twice, begun once
    rows = view_lines(state, root, NOW + timedelta(seconds=60))
    assert [str(row) for row in rows] == [
        " 1:00  failed, rolling back, 0 resources done, 0 running",
        "  ▸ Backend    0 of 0     0:57",
        "     0:57  Backend",
    ]
    assert ("failed, rolling back, ", "red") in rows[0].parts


def test_a_resource_that_is_tried_again_begins_again() -> None:
    state = progress(
        event("Old", "DELETE_IN_PROGRESS", 0),
        event("Old", "DELETE_FAILED", 1, reason="in use"),
        event("Old", "DELETE_IN_PROGRESS", 10),
    )
    [part] = state.running()
    assert (part.state, part.seconds(NOW + timedelta(seconds=15)), len(state.failures)) == (RUNNING, 5.0, 1)
    state.fold([event("Old", "DELETE_COMPLETE", 12)])
    assert (part.state, part.status, part.seconds(NOW), state.counts()) == (DONE, "DELETE_COMPLETE", 2.0, (1, 0, 0))


@pytest.mark.parametrize(
    ("statuses", "planned", "state"),
    [
        (["CREATE_FAILED", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"], [], FAILED),
        (["CREATE_IN_PROGRESS", "CREATE_COMPLETE"], [], RUNNING),
        (["CREATE_COMPLETE"], ["Late"], WAITING),
        (["CREATE_COMPLETE"], [], DONE),
    ],
)
def test_the_state_of_the_roots_own_resources(statuses: list[str], planned: list[str], state: str) -> None:
    events = [event(f"R{number}", status) for number, status in enumerate(statuses)]
    [row] = progress(*events, planned=planned).lines(NOW)
    assert (row.name, row.state, row.waiting, row.seconds) == ("", state, len(planned), 0.0)
    assert (row.done, row.running) == (statuses.count("CREATE_COMPLETE"), statuses.count("CREATE_IN_PROGRESS"))


def test_minutes_and_seconds() -> None:
    assert [clock(seconds) for seconds in (0, 59.9, 60, 61, 3661)] == [" 0:00", " 0:59", " 1:00", " 1:01", "61:01"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_view_that_is_higher_than_the_terminal_is_cut(root: Template, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has left the screen at its top could not be drawn over."""
    for name, value in (("NO_COLOR", "1"), ("COLUMNS", "80"), ("LINES", "4")):
        monkeypatch.setenv(name, value)
    out = Terminal()
    live = Live(root, [("A", "B")], out, lambda: NOW + timedelta(seconds=61))
    live([event("", "UPDATE_IN_PROGRESS", 0, STACK), *(event(f"R{n}", "CREATE_IN_PROGRESS", n) for n in range(4))])
    plain = re.sub(r"\x1b\[[\d;]*m", "", out.getvalue())
    assert plain.splitlines() == [
        " 1:01  0 resources done, 4 running, 1 waiting",
        "  ▸ (root)    0 of 4",
        "    A         0 of 1",
    ]
    live.pause()
    assert out.getvalue().endswith("\x1b[3F\x1b[J")


def test_a_terminal_that_became_narrower_has_folded_what_stood_there(
    root: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("NO_COLOR", "1"), ("COLUMNS", "80"), ("LINES", "20")):
        monkeypatch.setenv(name, value)
    out = Terminal()
    live = Live(root, (), out, lambda: NOW)
    live([event("A", "CREATE_IN_PROGRESS", 0)])  # 37, 20 and 13 characters
    console.console(out).width = 20
    live.pause()
    assert out.getvalue().endswith("\x1b[4F\x1b[J")
