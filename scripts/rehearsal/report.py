"""How a release went, as values and as lines for a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from scripts.rehearsal.messages import Message
from scripts.rehearsal.permissions import Usage
from scripts.terminal.text import BOLD, GREEN, RED, YELLOW, Line, count, line


@dataclass(frozen=True)
class ActionResult:
    """How one action ended; `error` is empty when it succeeded. `name` is `STAGE/ACTION`."""

    name: str
    provider: str
    seconds: float
    summary: str
    error: str = ""

    @property
    def short_name(self) -> str:
        """The name without the stage's."""
        return self.name.partition("/")[2]


@dataclass(frozen=True)
class StageResult:
    """How one stage ended, attempt by attempt, and what its failure led to.

    `skipped` is the check that kept the release from entering it.
    """

    name: str
    actions: tuple[ActionResult, ...]
    consequence: str = ""
    skipped: str = ""

    @property
    def succeeded(self) -> bool:
        return not any(action.error for action in {action.name: action for action in self.actions}.values())


@dataclass(frozen=True)
class Release:
    """One execution of a pipeline, from start to end; `not_reached` are the stages that it did not come to.

    `overhead` are the seconds that neither builds nor the application used; `unjudged` is what ended the release here
    and might not have on AWS.
    """

    pipeline: str
    id: str
    commit: str
    started: str
    stages: tuple[StageResult, ...]
    messages: tuple[Message, ...]
    artifacts: Mapping[str, str]
    usage: tuple[Usage, ...]
    notes: tuple[str, ...]
    seconds: float
    overhead: float
    not_reached: tuple[str, ...] = ()
    unjudged: tuple[str, ...] = ()

    @property
    def succeeded(self) -> bool:
        return not self.not_reached and all(stage.succeeded for stage in self.stages)


def report_lines(release: Release) -> Iterator[Line]:
    """The report that ends a rehearsal."""
    verdict = ("would have succeeded", GREEN) if release.succeeded else ("would have FAILED", RED)
    if release.unjudged:
        verdict = ("was NOT JUDGED: it ended here for want of what this machine does not have", YELLOW)
    yield line()
    yield line((f"{release.pipeline}: the release of commit {release.commit[:12]} ", BOLD), verdict)
    yield line(f"started {release.started}; execution {release.id}", depth=1)
    yield from _list("not judged", release.unjudged)
    yield from _stage_lines(release)
    yield from _list("artifacts", [f"{name}: {text}" for name, text in release.artifacts.items()])
    yield line(("permissions", BOLD))
    for usage in release.usage:
        if not usage.used:
            yield line(f"{usage.role}: assumed by its service; what is done with it is not checked here", depth=1)
            continue
        unused = f"; unused: {', '.join(usage.unused)}" if usage.unused else ", none unused"
        yield line(f"{usage.role}: {count(len(usage.used), 'action')} used{unused}", depth=1)
    yield from _list("different from AWS", release.notes)
    for message in release.messages:
        yield line(f"notification to {message.target.rpartition(':')[2]} by {message.rule}")
        if message.undelivered:
            yield line((f"NOT DELIVERED: {message.undelivered}", RED), depth=1)
        yield from map(line, message.body.splitlines())
    share = 100 * release.overhead / release.seconds if release.seconds else 0
    yield line(f"{release.seconds:.1f} s, of which the rehearsal itself {release.overhead:.1f} s ({share:.0f}%)")


def _stage_lines(release: Release) -> Iterator[Line]:
    actions = [action for stage in release.stages for action in stage.actions]
    width = max((len(action.short_name) for action in actions), default=0)
    provider_width = max((len(action.provider) for action in actions), default=0)
    for stage in release.stages:
        yield line((stage.name, BOLD)) if stage.succeeded else line((stage.name, BOLD), ("  failed", RED))
        if stage.skipped:
            yield line(f"skipped by {stage.skipped}", depth=1)
        for action in stage.actions:
            mark, text = ("✓", GREEN), action.summary
            if action.error:
                mark, text = ("✗", RED), f"{action.error.splitlines()[0]} {action.summary}"
            name = f"{action.short_name:{width}}  {action.provider:{provider_width}}"
            yield line(mark, f" {name}  {action.seconds:5.1f} s  {text}", depth=1)
        if stage.consequence:
            yield line(f"-> {stage.consequence}", depth=1)
    if release.not_reached:
        yield line(f"not reached: {', '.join(release.not_reached)}")


def _list(title: str, items: Sequence[str]) -> Iterator[Line]:
    if items:
        yield line(title)
        yield from (line(item, depth=1) for item in items)
