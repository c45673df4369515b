"""A kill between any two calls of a creation and of an update, and what a second run makes of it.

`python -m tests.destructive.kills URL KEY create|update STEP` prints the cases as JSON: a kill after each STEP-th call.
A process of its own, because a process with threads cannot be forked safely.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from typing import Any

from scripts.deployment.aws import Endpoint
from scripts.local_aws import server
from tests.destructive.small import KILLED, Kill, Project, Watched, forked, watched

CREATE, UPDATE = "create", "update"


@dataclass(frozen=True)
class Case:
    """One kill and how it went on: `first` and `again` are exit statuses, `wrong` what differs in the end from what an
    undisturbed run leaves, `begun` how many operations there were."""

    at: int
    first: int
    again: int
    wrong: dict[str, Any]
    begun: int


def main(url: str, key: str, what: str, step: str) -> None:
    aws = watched(Endpoint(url, server.REGION, list, key))
    name = f"{what}-by-{step}"  # of what no other run on this server has
    undisturbed = Project(aws, f"{name}-undisturbed")
    if what == UPDATE:
        assert _killed(undisturbed, "0", Kill(0)) == 0
    calls, expected = _calls(undisturbed), undisturbed.state("text")
    cases = [asdict(case) for case in _cases(aws, what, name, range(1, calls + 1, int(step)), expected)]
    print(json.dumps({"left": _left(aws, name), "calls": calls, "cases": cases}))


def _left(aws: Watched, name: str) -> bool:
    """Whether a kill leaves something, as the state shows: a change set that nobody will execute."""
    project = Project(aws, f"{name}-left")
    _killed(project, "text", Kill(1, on="cloudformation.create_change_set"))
    return any(stack["change sets"] or stack["status"] != "COMPLETE" for stack in project.stacks().values())


def _calls(project: Project) -> int:
    """How many calls a run makes that nothing disturbs."""
    project.aws.kill = counter = Kill(at=0)
    with redirect_stdout(sys.stderr):
        assert project.run("text") == 0
    project.aws.kill = None
    return counter.count


def _killed(project: Project, text: str, kill: Kill) -> int:
    def run() -> int:
        project.aws.kill = kill
        return project.run(text)

    return forked(run)


def _cases(aws: Watched, what: str, name: str, calls: range, expected: dict[str, Any]) -> Iterator[Case]:
    updated = Project(aws, f"{name}-updated")
    if what == UPDATE:
        assert _killed(updated, "0", Kill(0)) == 0
    for at in calls:
        project = updated if what == UPDATE else Project(aws, f"{name}-{at}")
        before, text = len(project.operations()), f"text{at}"
        first, again = _killed(project, text, Kill(at)), _killed(project, text, Kill(0))
        state = project.state(text)
        wrong = {key: state.get(key) for key in expected.keys() | state.keys() if state.get(key) != expected.get(key)}
        yield Case(at, first, again, wrong, len(project.operations()) - before)
        if first != KILLED:
            return  # a quicker run than the one that was counted has ended before


if __name__ == "__main__":
    main(*sys.argv[1:])
