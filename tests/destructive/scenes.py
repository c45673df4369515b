"""Two scripts at once, a service that throttles, and random sequences of edits, failures, kills and re-runs.

`python -m tests.destructive.scenes URL REGION together|throttled|sequences` prints what happened as JSON. A process of
its own, as for the kills.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.deployment.aws import Endpoint
from scripts.deployment.errors import Exit
from scripts.local_aws import faults, server
from scripts.local_aws.faults import CallFault, Plan
from tests.destructive.small import KILLED, Kill, Project, Watched, forked, started, watched


def together(aws: Watched, _endpoint: server.Endpoint) -> Any:
    """Two runs of one deployment, the second a little later: of a creation, then of updates."""
    rounds = []
    for number, later in enumerate((0.0, 0.1, 0.3, 0.0, 0.2, 0.4)):
        project = Project(aws, "together-create" if number == 0 else "together")
        run, before = partial(project.run, f"text{number}"), len(project.operations())
        first = started(run)
        time.sleep(later)
        second = started(run)
        ends = [first(), second()]
        again = forked(run)
        text = project.state(f"text{number}")["values"]["first"]
        rounds.append({"ends": ends, "again": again, "begun": len(project.operations()) - before, "text": text})
    return rounds


def throttled(aws: Watched, endpoint: server.Endpoint) -> Any:
    """A creation and an update while 30% of the calls are refused as too many; the waits are cut short."""
    project = Project(aws, "throttled")
    with faults.planned(endpoint, Plan((CallFault("throttle", on="*.*", share=0.3),), seed=7)):
        ends = [forked(partial(hurried, partial(project.run, text))) for text in ("one", "two")]
        calls = faults.calls(endpoint)
    refused = sum(bool(call.fault) for call in calls)
    return {"ends": ends, "refused": refused, "calls": len(calls), "state": project.state("two")}


def hurried(work: Callable[[], int]) -> int:
    """With every pause of this process cut short."""
    sleep = time.sleep
    with patch("time.sleep", lambda seconds: sleep(min(seconds, 0.05))):
        return work()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("edit"), st.sampled_from(("red", "green", "blue"))),
        st.tuples(st.just("kill"), st.integers(1, 30)),
        st.tuples(st.just("fail"), st.integers(0, 30)),
    ),
    min_size=1,
    max_size=5,
)


def sequences(aws: Watched, _endpoint: server.Endpoint) -> Any:
    """Whatever happened before, a run that nobody disturbs makes what the files say."""
    statuses: list[list[int]] = []

    # The same examples at every run: a suite that fails by chance teaches to run it again.
    @settings(max_examples=8, deadline=None, derandomize=True, database=None)
    @given(STEPS)
    def holds(steps: list[tuple[str, Any]]) -> None:
        project, text = Project(aws, f"sequence-{len(statuses)}"), "white"
        ends: list[int] = []
        statuses.append(ends)
        for what, value in steps:
            if what == "edit":
                text = value
            else:
                ends.append(disturbed(project, text, Kill(value), broken=what == "fail"))
        ends.append(disturbed(project, text, Kill(0)))
        assert ends[-1] == Exit.DONE, (steps, ends)
        state = project.state(text)
        assert state["values"] == {"first": "text", "second": "text again"}, (steps, state)
        stacks = project.stacks()
        assert set(stacks) == {"case", "case-First", "case-Second"}, (steps, stacks)
        whole = all(stack["status"] == "COMPLETE" and not stack["change sets"] for stack in stacks.values())
        assert whole, (steps, stacks)

    holds()
    return statuses


def disturbed(project: Project, text: str, kill: Kill, broken: bool = False) -> int:
    def run() -> int:
        project.aws.kill = kill
        return project.run(text, broken=broken)

    end = forked(run)
    assert end in (Exit.DONE, Exit.FAILED, KILLED), end
    return end


if __name__ == "__main__":
    url, key, scene = sys.argv[1:]
    os.environ.pop("HYPOTHESIS_PROFILE", None)
    served = server.Endpoint(url, server.ACCOUNT, server.REGION, key)
    print(json.dumps(globals()[scene](watched(Endpoint(url, served.region, list, key)), served)))
