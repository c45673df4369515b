"""A reviewed plan as a file: change sets that are kept until exactly they are executed.

    {"version": 1, "digest": "…", "environment": "…", "account": "…", "region": "…",
     "stacks": [{"stack", "stack_id", "kind", "change_set", "name", "request", "image", "stands"}], "plan": {…}}

`request` is the digest over template, parameters and tags that were asked for, `stands` the status of the stack and
when it was last changed, `plan` what was reviewed, as `plan --format json` shows it. `digest` covers the file, so that
a change of it is seen; what decides is CloudFormation: before a saved plan is executed its change sets are read again.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scripts.deployment.change_set import AGAIN
from scripts.deployment.errors import RefusedError
from scripts.deployment.plan import Difference, Plan
from scripts.deployment.stacks import Stack

VERSION = 1


@dataclass(frozen=True)
class SavedStack:
    """The change set of one root. `image` is filled when it changes these parameters and nothing else."""

    stack: str
    stack_id: str
    kind: str
    change_set: str
    name: str
    request: str
    stands: str
    image: tuple[Difference, ...] = ()

    @property
    def plan(self) -> Plan:
        """The plan that its change set is to be read into."""
        names = (self.stack, self.stack_id, self.kind, self.change_set, self.name, self.request)
        return Plan(*names, parameters=self.image)


@dataclass(frozen=True)
class SavedPlan:
    """Everything that a file holds; `shown` is the plan as JSON."""

    environment: str
    account: str
    region: str
    stacks: tuple[SavedStack, ...]
    shown: dict[str, Any]


def standing(stack: Stack | None) -> str:
    """How a stack stands, as a text that changes with it."""
    return f"{stack.status} since {stack.since}" if stack else "does not exist"


def stack(plan: Plan, previous: Stack | None, image: tuple[Difference, ...] = ()) -> SavedStack:
    """One root of a plan as it is saved; `previous` is the stack that it was made for."""
    names = (plan.stack, plan.stack_id, plan.kind, plan.change_set, plan.name, plan.digest)
    return SavedStack(*names, standing(previous), image)


def write(path: Path, plan: SavedPlan) -> None:
    """Writes the file. Raises `RefusedError` when it cannot be written."""
    body = {
        "version": VERSION,
        "environment": plan.environment,
        "account": plan.account,
        "region": plan.region,
        "stacks": [asdict(one) for one in plan.stacks],
        "plan": plan.shown,
    }
    try:
        path.write_text(
            json.dumps({**body, "digest": _digest(body)}, indent=2, sort_keys=True) + "\n", encoding="utf-8"
        )
    except OSError as error:
        raise RefusedError(f"{path} cannot be written: {error.strerror}", "Nothing was kept.") from error


def read(path: Path) -> SavedPlan:
    """The plan in a file. Raises `RefusedError` for a file that is none, or that was changed since it was written."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"{path} cannot be read: {error}", AGAIN) from error
    except json.JSONDecodeError as error:
        raise RefusedError(f"{path}:{error.lineno} is not JSON: {error.msg}", AGAIN) from error
    if not isinstance(body, dict) or "digest" not in body or body.get("version") != VERSION:
        raise RefusedError(f"{path} is not a saved plan of version {VERSION}.", AGAIN)
    if body.pop("digest") != _digest(body):
        raise RefusedError(f"{path} was changed after it was written; nothing was executed.", AGAIN)
    stacks = tuple(
        SavedStack(**{**one, "image": tuple(Difference(**each) for each in one["image"])}) for one in body["stacks"]
    )
    return SavedPlan(body["environment"], body["account"], body["region"], stacks, body["plan"])


def belongs(plan: SavedPlan, environment: str, account: str, region: str) -> None:
    """Raises `RefusedError` for the plan of another environment, account or region."""
    for held, now in ((plan.environment, environment), (plan.account, account), (plan.region, region)):
        if held != now:
            raise RefusedError(f"The plan is for {held}, and this is {now}; nothing was executed.")


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
