"""A release as lines for a terminal."""

from collections.abc import Iterator

from scripts.operations.output.terminal import Paint, plain
from scripts.rehearsal.results import Release


def lines(release: Release, paint: Paint = plain) -> Iterator[str]:
    """The report that ends a rehearsal; `paint` colours what the text says by itself."""
    verdict = paint("would have succeeded", "green") if release.succeeded else paint("would have FAILED", "red")
    yield ""
    yield (paint(f"{release.pipeline}: the release of commit {release.commit[:12]} ", "bold") + verdict)
    yield f"  started {release.started}; execution {release.id}"
    actions = [one for stage in release.stages for one in stage.actions]
    width, wide = max(len(one.short) for one in actions), max(len(one.provider) for one in actions)
    for stage in release.stages:
        yield paint(stage.name, "bold") + ("" if stage.succeeded else paint("  failed", "red"))
        if stage.skipped:
            yield f"  skipped by {stage.skipped}"
        for one in stage.actions:
            mark, text = ("x", f"{one.error.splitlines()[0]} {one.summary}") if one.error else ("v", one.summary)
            yield f"  {mark} {one.short:{width}}  {one.provider:{wide}}  {one.seconds:5.1f} s  {text}".rstrip()
        if stage.after:
            yield f"  -> {stage.after}"
    if release.left:
        yield f"not reached: {', '.join(release.left)}"
    yield from _list("artifacts", [f"{name}: {text}" for name, text in release.artifacts.items()])
    yield paint("permissions", "bold")
    for usage in release.usage:
        if not usage.used:
            yield f"  {usage.role}: taken by its service; what is done with it is not judged here"
            continue
        unused = f"; unused: {', '.join(usage.unused)}" if usage.unused else ", all there are"
        yield f"  {usage.role}: {len(usage.used)} actions used{unused}"
    yield from _list("stood in for", release.notes)
    for message in release.messages:
        yield f"notification to {message.target.rpartition(':')[2]} by {message.rule}"
        if message.trouble:
            yield paint(f"  NOT DELIVERED: {message.trouble}", "red")
        yield message.body
    share = 100 * release.harness / release.seconds if release.seconds else 0
    yield f"{release.seconds:.1f} s, of which the harness {release.harness:.1f} s ({share:.0f}%)"


def _list(title: str, items: tuple[str, ...] | list[str]) -> Iterator[str]:
    if items:
        yield title
        yield from (f"  {one}" for one in items)
