"""Values as lines for a terminal. The plain text stands by itself; colour only repeats what it says."""

import os
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TextIO

from generator.reading.templates import STACK, Template
from scripts.deployment.computed import Computed
from scripts.deployment.execute import Outcome
from scripts.deployment.explain import echo
from scripts.deployment.follow import Event
from scripts.deployment.plan import Difference, Plan, PlannedChange
from scripts.deployment.stacks import Stack

SIGNS = {"Add": "+", "Modify": "~", "Remove": "-", "Import": ">", "Dynamic": "?"}
DONE = {
    "CREATE_COMPLETE": "created",
    "UPDATE_COMPLETE": "updated",
    "DELETE_COMPLETE": "deleted",
    "DELETE_SKIPPED": "kept",
    "IMPORT_COMPLETE": "taken over",
}
LONGEST = 100  # characters of a value
WIDTH = 110
QUIET = 15.0  # seconds after which a long silence is broken

# SGR codes: ECMA-48.
CODES = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}
Paint = Callable[[str, str], str]


def painter(out: TextIO) -> Paint:
    """Colours for a terminal that wants them (`NO_COLOR`, no-color.org), otherwise none."""
    if not out.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return lambda text, _style: text
    return lambda text, style: f"\x1b[{CODES[style]}m{text}\x1b[0m"


def plain(text: str, _style: str) -> str:
    """No colour."""
    return text


def plan_lines(plan: Plan, computed: Sequence[Computed] = (), paint: Paint = plain) -> Iterator[str]:
    """The tree: root > child > resource, before → after; what only might change is folded below it."""
    yield paint(f"{plan.stack}: {_summary(plan)}", "bold")
    for title, differences in (("parameters", plan.parameters), ("tags", plan.tags)):
        if differences and plan.kind == "UPDATE":
            yield f"  {title}"
            yield from (f"    {_difference(one)}" for one in differences)
    found = [one for one in computed if plan.kind == "CREATE" or one.name in {p.name for p in plan.parameters}]
    if found:
        yield "  found by this script"
        yield from (f"    {one.name} = {_short(one.value)}  ({one.state}: {one.how})" for one in found)
    for change in plan.changes:
        yield from _change(change, 1, paint)
    folded = [leaf for leaf in plan.leaves() if not leaf.certain]
    if folded:
        yield f"  {len(folded)} more change only if a value that they are given from elsewhere in this plan does:"
        for stack in dict.fromkeys(leaf.path[:-1] for leaf in folded):
            names = ", ".join(leaf.path[-1] + _replaced(leaf) for leaf in folded if leaf.path[:-1] == stack)
            yield _wrapped(f"? {' > '.join(stack)}: {names}", 2)
    again = [change.path[-1] for change in plan.changes if change.nested and not list(change.leaves())]
    if again:
        yield _wrapped(f"no change expected in {', '.join(again)}", 1)


def _summary(plan: Plan) -> str:
    certain = [leaf for leaf in plan.leaves() if leaf.certain]
    stacks = sum(1 for change in plan.changes if change.nested)
    if plan.kind == "CREATE":
        where = f" in {_count(stacks, 'nested stack')}" if stacks else ""
        return f"create {_count(len(certain), 'resource')}{where}"
    words = {"Add": "added", "Modify": "changed", "Remove": "removed", "Import": "imported", "Dynamic": "decided later"}
    counts = {word: sum(1 for leaf in certain if leaf.action == action) for action, word in words.items()}
    told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return f"update, {told or 'no resource changes for sure'}"


def _change(change: PlannedChange, depth: int, paint: Paint) -> Iterator[str]:
    if not change.certain:
        return
    style = {"Add": "green", "Remove": "red"}.get(change.action, "yellow")
    kind = "" if change.nested else f"  {change.type}"
    line = f"{'  ' * depth}{SIGNS.get(change.action, '?')} {change.path[-1]}{kind}{_replaced(change)}"
    yield paint(line, "red" if change.replacement == "True" and not change.nested else style)
    if change.action == "Modify" and not change.nested:
        for one in change.differences:
            yield f"{'  ' * (depth + 2)}{_difference(one)}{'' if one.certain else '  (might change)'}"
    elif change.action == "Add":
        yield from _new(change, depth + 1)
    else:
        for child in change.children:
            yield from _change(child, depth + 1, paint)


def _new(change: PlannedChange, depth: int) -> Iterator[str]:
    """What a new nested stack holds, by type."""
    by_type: dict[str, list[str]] = {}
    for leaf in (leaf for child in change.children for leaf in child.leaves()):
        by_type.setdefault(leaf.type, []).append(" > ".join(leaf.path[len(change.path) :]))
    for kind, names in by_type.items():
        yield _wrapped(f"{kind}: {', '.join(names)}", depth)


def _wrapped(text: str, depth: int) -> str:
    first, more = "  " * depth, "  " * (depth + 1)
    return textwrap.fill(text, WIDTH, initial_indent=first, subsequent_indent=more, break_on_hyphens=False)


def _replaced(change: PlannedChange) -> str:
    """` (is replaced, the old one is kept)` and the like, or nothing."""
    told = []
    if change.replacement in ("True", "Conditional"):
        sure = any(one.certain and one.recreates == "Always" for one in change.differences)
        told.append("is replaced" if sure else "might be replaced")
    if change.policy.endswith("Retain") and (told or change.action == "Remove"):
        told.append("the old one is kept")
    return f" ({', '.join(told)})" if told else ""


def _difference(one: Difference) -> str:
    return f"{one.name}: {_short(one.before) or '(none)'} → {_short(one.after) or '(none)'}"


def _short(value: str) -> str:
    text = value.replace("\n", " ")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def outcome_lines(outcome: Outcome, paint: Paint = plain) -> Iterator[str]:
    """How it ended, with the one cause when it failed."""
    seconds = f"{outcome.seconds:.1f} s" if outcome.seconds < 100 else f"{outcome.seconds / 60:.0f} min"
    line = f"{outcome.stack} {outcome.held.meaning.text} ({outcome.status}, {seconds})"
    yield paint(line, "green" if outcome.good else "red")
    if cause := outcome.cause:
        yield paint(f"  {' > '.join(cause.path)}", "bold") + f"  {cause.type}"
        if cause.sentence:
            yield f"    what it is for: {cause.sentence}"
        yield f"    reason: {cause.reason}"
        if cause.module:
            yield f"    made in: {cause.module}"
        if cause.remedy:
            yield f"    what to do: {cause.remedy}"
    if outcome.retained:
        yield f"  kept, because they hold data: {', '.join(' > '.join(path) for path in outcome.retained)}"
    if outcome.held.remedy:
        yield f"  {outcome.held.remedy}"


def output_lines(stack: Stack, region: str, root: Template | None = None, paint: Paint = plain) -> Iterator[str]:
    """The outputs, with what they are when the template is given, and where the stack can be looked at."""
    shown = dict(stack.outputs)
    if region:
        # The form of the console's addresses: CloudFormation User Guide, "Quick-create links", for stacks alike.
        console = f"https://{region}.console.aws.amazon.com/cloudformation/home?region={region}"
        shown["(console)"] = f"{console}#/stacks/stackinfo?stackId={stack.id}"
    width = max(map(len, shown), default=0)
    for name, value in sorted(shown.items()):
        about = root.outputs.get(name, {}).get("Description", "") if root else ""
        yield f"  {name:{width}}  {value}" + (paint(f"  {about}", "dim") if about else "")


def status_lines(stack: Stack | None, name: str, children: Mapping[str, str], paint: Paint = plain) -> Iterator[str]:
    """A stack and its nested stacks as they stand."""
    if stack is None:
        yield f"{name} does not exist"
        return
    yield (paint(f"{name} {stack.meaning.text}", "bold") + f" ({stack.status}, {stack.since})")
    yield from (f"  {child:{max(map(len, children))}}  {status}" for child, status in sorted(children.items()))
    if stack.remedy:
        yield f"  {stack.remedy}"


def embedded_line(url: str, unheld: Sequence[Mapping[str, str]]) -> str:
    """What the embedded AWS is, and how much of what was deployed it does not hold."""
    types = len({one["Type"] for one in unheld})
    missing = f"{_count(len(unheld), 'value')} of {_count(types, 'resource type')}" if unheld else "nothing"
    return f"embedded AWS: {url}/moto-api/  not held: {missing}, see {url}/embedded-aws/exceptions"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


@dataclass
class Running:
    """Something that has started: when by AWS's clock and by ours. `inside` counts what has ended below."""

    start: datetime
    since: float
    inside: int = 0


class Progress:
    """Events as timestamped lines: each nested stack when it ends, each failure, and who is waited for."""

    def __init__(self, out: TextIO = sys.stdout, clock: Callable[[], float] = time.monotonic) -> None:
        self._out, self._clock, self._paint = out, clock, painter(out)
        self._running: dict[tuple[str, ...], Running] = {}
        self._told, self._words = clock(), DONE

    def __call__(self, events: Sequence[Event]) -> None:
        for event in events:
            self._event(event)
        if not events and self._clock() - self._told > QUIET:
            below = [path for path in self._running if not any(other[:-1] == path for other in self._running)]
            waiting = (f"{' > '.join(path)} ({self._clock() - self._running[path].since:.0f} s)" for path in below)
            self._say(f"waiting for {', '.join(waiting) or 'CloudFormation'}")

    def _event(self, event: Event) -> None:
        if not event.path:
            if event.status.endswith("ROLLBACK_IN_PROGRESS"):
                self._say(self._paint("it failed: everything goes back to what it was", "red"))
                self._words = {**DONE, "UPDATE_COMPLETE": "restored"}
        elif event.own:
            return  # its parent says the same
        elif event.running:
            self._running.setdefault(event.path, Running(event.time, self._clock()))
        elif event.failed:
            self._running.pop(event.path, None)
            if not echo(event):
                self._say(self._paint(f"{' > '.join(event.path)}  {event.status}: {event.reason}", "red"))
        else:
            running = self._running.pop(event.path, Running(event.time, self._clock()))
            if event.path[:-1] in self._running:
                self._running[event.path[:-1]].inside += 1
            if len(event.path) == 1:
                inside = f", {_count(running.inside, 'resource')}" if event.type == STACK else ""
                done = self._words.get(event.status, event.status)
                took = (event.time - running.start).total_seconds()
                self._say(f"{event.path[0]} {done}{inside} ({took:.1f} s)")

    def _say(self, line: str) -> None:
        self._told = self._clock()
        print(f"{time.strftime('%H:%M:%S')}  {line}", file=self._out, flush=True)
