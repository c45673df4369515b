"""What the gate says of the new state: from its record of the bytes that passed, and from the parameter files.

The gate itself is not run: it takes seconds, and a review is read at once. What it did not look at is said so.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from generator.cfn import verdict
from generator.cfn.templates import TemplatesError
from scripts.review.revision import WORKING_TREE, Revision

PASSED = "passed"
NAMED = 3  # files that a line names; the others are counted
LONGEST = 160  # characters of a finding that a line has room for


def gate(project: Path, head: Revision, *, changed: bool) -> str:
    """`passed`, or what is wrong or was not looked at. Where neither templates nor parameter files are `changed`, what
    did not pass is not looked at here: it is no part of the change."""
    record = verdict.read_record(project / verdict.FILE)
    passed = record.get("templates", {})
    if (passed, record.get("params", {})) == (head.digests, head.file_digests) and not head.problems:
        return PASSED  # to the byte, so the parameter files need not be checked again
    if not (changed or head.problems or _findings(record, head)):
        return "not looked at: `make templates` runs it"
    if problems := (*_problems(head),) or _findings(record, head):
        first = problems[0] if len(problems[0]) <= LONGEST else f"{problems[0][:LONGEST]}…"
        return f"refuses {first}" + (f" and {len(problems) - 1} more" if len(problems) > 1 else "")
    others = sorted(name for name, digest in head.digests.items() if passed.get(name) != digest)
    if not others:
        return PASSED
    if head.name != WORKING_TREE:  # what passed here last is the working tree's
        return f"not looked at: check out {head.name}, then `make templates` runs it"
    if len(others) == len(head.digests):
        return "not looked at: `make templates` runs it"
    more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
    return f"not looked at for {', '.join(others[:NAMED])}{more}: `make templates` runs it"


def _findings(record: Mapping[str, Any], head: Revision) -> tuple[str, ...]:
    """What the gate found when it ran for exactly these bytes; nothing where it ran for others."""
    refused = record.get("refused", {})
    findings = refused.get("findings")
    same = (refused.get("templates"), refused.get("params")) == (head.digests, head.file_digests)
    return tuple(map(str, findings)) if same and isinstance(findings, list) else ()


def _problems(head: Revision) -> Iterator[str]:
    """What is wrong with the parameter files."""
    yield from head.problems.values()
    if head.too_many:
        yield f"templates/{head.too_many}"
        return
    # Only here, because a review that finds nothing is over before they are read.
    from generator.cfn import environments
    from generator.cfn.assertions import NotEvaluableError

    for file in head.files.values():
        try:
            yield from map(str, environments.problems(file, head.templates))
        except (TemplatesError, NotEvaluableError, KeyError) as error:
            yield f"{file.path}: {error}"
