"""What has drifted, as lines for a terminal and as a document."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from scripts.operations.diagnose.drift import Drift, Drifted
from scripts.operations.output.terminal import Paint, count, plain, short, wrapped


def drift_lines(drift: Drift, paint: Paint = plain) -> Iterator[str]:
    """What is not as the stacks say, surprises first; then what is expected to differ, and what nobody compared."""
    surprises = [one for one in drift.drifted if one.surprising]
    told = f"{count(len(surprises), 'resource')} drifted" if surprises else "no drift"
    yield paint(f"{drift.stack}: {told}, {drift.compared} compared", "red" if surprises else "bold")
    for one in surprises:
        yield from _resource(one, paint)
    expected = [one for one in drift.drifted if not one.surprising]
    if expected:
        yield "  expected to differ"
        for one in expected:
            yield from _resource(one, plain)
    if drift.uncompared:
        yield wrapped(f"CloudFormation cannot compare: {', '.join(drift.uncompared)}", 1)
    for stack, reason in drift.failed:
        yield paint(f"  {stack} was not compared completely: {reason}", "red")


def _resource(one: Drifted, paint: Paint) -> Iterator[str]:
    gone = "  is deleted" if one.status == "DELETED" else ""
    yield paint(f"    {' > '.join(one.path)}", "bold") + f"  {one.type}  {one.physical_id}{gone}"
    for difference in one.differences:
        why = f"  ({difference.why})" if difference.why else ""
        yield f"      {difference.property}"
        yield f"        expected: {short(difference.expected)}"
        yield f"        actual:   {short(difference.actual)}{why}"


def drift_document(drift: Drift) -> dict[str, Any]:
    """The drift of a root for programs."""
    found = asdict(drift)
    for entry, one in zip(found["drifted"], drift.drifted, strict=True):
        entry["surprising"] = one.surprising
    return found
