"""Beside a review: what is deployed, asked of an account with prepared answers."""

from __future__ import annotations

import io
import json
import subprocess
from argparse import Namespace
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts import cli
from scripts.deployment.errors import RefusedError
from scripts.deployment.plan import Plan
from scripts.operations.diagnose.drift import Difference, Drift, Drifted
from scripts.review import against
from scripts.review.model import ADDED, CHANGED, REMOVED, REPLACED, Deployed, EnvironmentReview, ResourceChange
from tests.support.pull_requests import NAMED
from tests.support.service import ME, Prepared, arn, refusal

STACK = "cloud-health-dashboard-staging"
NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


class Account(Prepared):
    """An account with stacks, and records of deployments by key."""

    def __init__(self, records: dict[str, dict[str, str]], *names: str) -> None:
        super().__init__(
            cloudformation__describe_stacks=self.stacks,
            s3__list_objects_v2={"Contents": [{"Key": key} for key in records]} if records else {},
            s3__get_object=lambda Key, **_: {"Body": io.BytesIO(json.dumps(records[Key]).encode())},
        )
        self.names = names

    def stacks(self, StackName: str) -> Any:
        if StackName not in self.names:
            return refusal("cloudformation.describe_stacks", "ValidationError", f"{StackName} does not exist")
        stack = {"StackName": StackName, "StackId": arn("stack", StackName), "StackStatus": "UPDATE_COMPLETE"}
        return {"Stacks": [{**stack, "CreationTime": NOW}]}

    def call(self, service: str, operation: str, /, **arguments: Any) -> Any:
        answer = self.answers[f"{service}.{operation}"]
        self.asked.append((f"{service}.{operation}", arguments))
        reply = answer(**arguments) if callable(answer) else answer
        if isinstance(reply, Exception):
            raise reply
        return reply

    def identity(self) -> Any:
        return ME

    def at(self, region: str) -> Account:
        assert region
        return self


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *NAMED, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


class Planned(Plan):
    """A plan with these resources."""

    def __init__(self, *leaves: Any) -> None:
        object.__setattr__(self, "_leaves", leaves)

    def leaves(self) -> Any:
        return iter(self._leaves)  # type: ignore[attr-defined]


def leaf(name: str, action: str = "Modify", *, replaced: bool = False, certain: bool = True, kind: str = "T") -> Any:
    return SimpleNamespace(name=name, action=action, replaced=replaced, certain=certain, type=kind)


def drifted(path: str, *properties: str, status: str = "MODIFIED", why: str = "") -> Drifted:
    differences = tuple(Difference(name, "NOT_EQUAL", "a", "b", why) for name in properties)
    return Drifted(tuple(path.split(".")), "T", "id", status, differences)


REVIEW = EnvironmentReview(
    "staging",
    CHANGED,
    resources=(
        ResourceChange("Data.Clients", "T", REPLACED, ""),
        ResourceChange("Data.New", "T", ADDED, ""),
        ResourceChange("Data.Gone", "T", REMOVED, ""),
        ResourceChange("Task", "AWS::ECS::TaskDefinition", CHANGED, ""),
        ResourceChange("edge.Waf", "T", CHANGED, ""),
        ResourceChange("access.Role", "T", CHANGED, ""),
        ResourceChange("Renamed", "T", REPLACED, "", before="Old"),
    ),
)
SAME = (
    leaf("Data.Clients", replaced=True),
    leaf("Data.New", "Add"),
    leaf("Data.Gone", "Remove"),
    leaf("Task", replaced=True, kind="AWS::ECS::TaskDefinition"),
)
Ask = Callable[..., Deployed]


@pytest.fixture
def ask(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """What is said of staging, where the account, drift and plans are these; every plan is thrown away."""

    def ask(
        account: Account,
        *,
        head: str = "",
        drifts: dict[str, Any] | None = None,
        plans: Any = None,
        review: EnvironmentReview = REVIEW,
    ) -> Deployed:
        planned, discarded = [], []
        monkeypatch.setattr(cli, "connect", lambda options: account if options.environment == "staging" else None)

        def detect(_: Any, stack: Any) -> Drift:
            drift = (drifts or {}).get(stack.name, ())
            if isinstance(drift, Exception):
                raise drift
            return Drift(stack.name, drift, 1, (), ())

        def planning(*_: Any) -> Any:
            for name, plan in (
                plans if plans is not None else {"environment": Planned(*SAME), "edge": Planned(leaf("Waf"))}
            ).items():
                if isinstance(plan, Exception):
                    raise plan
                if isinstance(plan, Plan):
                    planned.append(plan)
                yield SimpleNamespace(name=name), SimpleNamespace(plan=plan, aws=account)

        monkeypatch.setattr(against, "detect_drift", detect)
        monkeypatch.setattr(against, "plan_roots", planning)
        monkeypatch.setattr(against, "discard", lambda _, plan: discarded.append(plan))
        monkeypatch.setattr(against, "context", lambda *_: None)
        monkeypatch.setattr("scripts.deployment.deploy_root.Context.with_access", lambda whole: whole)
        answer = against.deployed(checkout, review, head, Namespace(profile=None, region=None))
        assert discarded == planned, "no change set is left behind"
        return answer

    return ask


def record(commit: str, status: str = "UPDATE_COMPLETE") -> dict[str, str]:
    return {"commit": commit, "status": status}


@pytest.fixture
def commits(checkout: Path) -> list[str]:
    """The base, and two commits after it."""
    for name in ("two", "three"):
        git(checkout, "commit", "-qm", name, "--allow-empty")
    return git(checkout, "rev-list", "--reverse", "HEAD").split()


def test_what_is_deployed_and_what_came_since(commits: list[str], ask: Ask) -> None:
    """The last record of the state that the stack is in counts, and a plan that says the same is no difference."""
    account = Account(
        {
            "deployments/a": record(commits[2]),
            "deployments/b": record(commits[0]),
            "deployments/c": record(commits[1], "FAILED"),
        },
        STACK,
    )
    short = {commit: commit[:7] for commit in commits}
    assert ask(account) == Deployed(
        "staging", "UPDATE_COMPLETE", commits[0], (f"{short[commits[2]]} three", f"{short[commits[1]]} two")
    )
    [listing] = [arguments for name, arguments in account.asked if name == "s3.list_objects_v2"]
    assert listing["Prefix"].endswith(f"/{STACK}/") and listing["ExpectedBucketOwner"] == ME.account
    older = ask(account, head=commits[0])
    assert older.commits == () and older.missing == 0
    assert older.unknown == ("a plan: it is made of the working tree, and another revision is reviewed",)


def test_commits_that_are_taken_back_and_those_beyond_twenty(checkout: Path, commits: list[str], ask: Ask) -> None:
    behind = ask(Account({"a": record(commits[2])}, STACK), head=commits[0])
    assert (behind.commits, behind.missing) == ((), 2)
    for number in range(19):
        git(checkout, "commit", "-qm", f"more {number}", "--allow-empty")
    many = ask(Account({"a": record(commits[0])}, STACK)).commits
    assert len(many) == 21 and many[0].endswith(" more 18") and many[-1] == "and 1 more"


def test_what_was_changed_outside_the_stacks(commits: list[str], ask: Ask) -> None:
    drifts = {
        STACK: (
            drifted("Data.Clients", "A", "B"),
            drifted("Data.Gone", status="DELETED"),
            drifted("Elsewhere", "A"),
            drifted("Task", "A", why="autoscaling does"),
        ),
        f"{STACK}-edge": (drifted("Waf", "Rules"),),
    }
    account = Account({"a": record(commits[2])}, STACK, f"{STACK}-edge")
    answer = ask(account, drifts=drifts)
    assert (answer.drifted, answer.drifted_elsewhere) == (
        ("edge.Waf: Rules", "Data.Clients: A, B", "Data.Gone: deleted"),
        1,
    )
    answer = ask(account, drifts={STACK: RefusedError("denied")})
    assert (answer.drifted, answer.drifted_elsewhere, answer.unknown) == ((), 0, ("drift: denied",))


def test_where_a_plan_says_something_else(commits: list[str], ask: Ask) -> None:
    """What the plan is not sure of contradicts nothing, nor does a rename, nor the roles' stack."""
    plan = Planned(
        leaf("Data.Clients"),
        leaf("Data.New", "Import"),
        leaf("Task", "Remove", certain=False),
        leaf("More", "Add"),
        leaf("access", "Modify", certain=False),
    )
    answer = ask(Account({"a": record(commits[2])}, STACK), plans={"environment": plan, "edge": object()})
    assert answer.different == (
        "Data.Clients: changed by the plan, replaced by the review",
        "Data.Gone: nothing by the plan, removed by the review",
        "More: added by the plan, nothing by the review",
        "edge.Waf: nothing by the plan, changed by the review",
    )
    answer = ask(
        Account({"a": record(commits[2])}, STACK), plans={"environment": Planned(), "edge": RefusedError("no")}
    )
    assert (answer.different, answer.unknown) == ((), ("a plan: no",))


def test_what_cannot_be_asked_is_said(commits: list[str], ask: Ask) -> None:
    assert commits
    assert ask(Account({})) == Deployed("staging", unknown=(f"{STACK} is not deployed",))
    nothing = ask(Account({}, STACK))
    assert nothing.unknown == ("the commits in between: no record says from which commit it was deployed",)
    assert (nothing.status, nothing.commit) == ("UPDATE_COMPLETE", "")
    # The core alone does not know the commit; that of an older deployment is not the one that is deployed.
    assert ask(Account({"b": record(""), "a": record(commits[0])}, STACK)) == nothing
    unknown = ask(Account({"a": record("f" * 40)}, STACK))
    assert unknown.commit == "f" * 40 and unknown.unknown[0].startswith("the commits in between: ")
    account = Account({}, STACK)
    account.answers["s3.list_objects_v2"] = refusal("s3.list_objects_v2", "AccessDenied", "not yours")
    assert "AccessDenied" in ask(account).unknown[0]
    account.answers["cloudformation.describe_stacks"] = refusal("cloudformation.describe_stacks", "AccessDenied", "no")
    [reason] = ask(account).unknown
    assert reason.startswith("the account: ")
