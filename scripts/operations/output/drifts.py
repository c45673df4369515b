"""What has drifted, as lines for a terminal and as a document."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from generator.cfn.changes import Difference
from scripts.operations.diagnose.drift import Drift, Drifted
from scripts.operations.output.documents import inside, short_value
from scripts.terminal.text import BOLD, PLAIN, RED, Line, count, line


def drift_lines(drift: Drift) -> Iterator[Line]:
    """What is not as the stacks say, surprises first; then what is expected to differ, and what nobody compared."""
    surprises = [resource for resource in drift.drifted if resource.surprising]
    result = f"{count(len(surprises), 'resource')} drifted" if surprises else "no drift"
    yield line((f"{drift.stack}: {result}, {drift.compared} compared", RED if surprises else BOLD))
    for resource in surprises:
        yield from _resource(resource, BOLD)
    expected = [resource for resource in drift.drifted if not resource.surprising]
    if expected:
        yield line("expected to differ", depth=1)
        for resource in expected:
            yield from _resource(resource, PLAIN)
    if drift.uncompared:
        yield line(f"CloudFormation cannot compare: {', '.join(drift.uncompared)}", depth=1)
    for stack, reason in drift.failed:
        yield line((f"{stack} was not compared completely: {reason}", RED), depth=1)


def _resource(resource: Drifted, style: str) -> Iterator[Line]:
    gone = "  is deleted" if resource.status == "DELETED" else ""
    yield line((" > ".join(resource.path), style), f"  {resource.type}  {resource.physical_id}{gone}", depth=2)
    for difference in resource.differences:
        why = f"  ({difference.why})" if difference.why else ""
        yield line(f"{difference.property}{why}", depth=3)
        if texts := inside(Difference(difference.property, difference.expected, difference.actual)):
            yield line("from what the template expects to what is there:", depth=4)
            yield from (line(text, depth=4) for text in texts)
        else:
            yield line(f"expected: {short_value(difference.expected)}", depth=4)
            yield line(f"actual:   {short_value(difference.actual)}", depth=4)


def drift_document(drift: Drift) -> dict[str, Any]:
    """The drift of a root for programs."""
    document = asdict(drift)
    for entry, resource in zip(document["drifted"], drift.drifted, strict=True):
        entry["surprising"] = resource.surprising
    return document
