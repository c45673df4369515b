"""Plans as JSON, for programs. Version 1; a version only gains keys, and what changes its meaning gets the next one.

    {"version": 1, "environment": "staging", "account": "…", "region": "…", "changes": true, "stacks": [...]}

One entry of `stacks` for each root, in the order in which they are deployed:

- `stack`, `kind` (CREATE, UPDATE, NONE for nothing to do, LATER for not planned yet with the reason in `summary`),
  `summary`, `digest` over the templates, parameters and tags that are asked for;
- `image`, `parameters`, `tags`, `kept` (how the stack is kept): differences; `found`: the values that the script found;
- `resources`, sorted by `path` (`Data.Clients`): `action` (Add, Modify, Remove, Import, Dynamic), `certain` (false for
  what only might change), `follows` (among those, what is given something that is made anew), `replaced`, what
  CloudFormation calls `replacement` and `policy`, and the `differences`;
- `losses`: what has to be named, with the `option` that names it; `permissions`: `gained` and `lost`, each with
  `broader`; `refusals`: why, where, remedy; `notices`: warnings of early validation, hooks, drift.

A difference has `name`, `before`, `after` (empty where there is none), `certain`, `recreates` (Never, Conditionally,
Always) and `cause`. Secrets are masked. Keys are sorted, and nothing depends on the moment.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from scripts.deployment.plan import NotPlanned, Plan, PlannedChange
from scripts.operations.output.plan_text import summary
from scripts.terminal import console

VERSION = 1


def text(environment: str, account: str, region: str, made: Sequence[Plan | NotPlanned]) -> str:
    """Every root of an environment as one JSON document."""
    return console.json_text(document(environment, account, region, made), sort_keys=True)


def document(environment: str, account: str, region: str, made: Sequence[Plan | NotPlanned]) -> dict[str, Any]:
    """The same as a value."""
    stacks = [_later(one) if isinstance(one, NotPlanned) else _plan(one) for one in made]
    changes = any(one["kind"] != "NONE" for one in stacks)
    where = {"environment": environment, "account": account, "region": region}
    return {"version": VERSION, **where, "changes": changes, "stacks": stacks}


def reviewable(plan: Plan) -> dict[str, Any]:
    """What a reviewed plan says of one root, apart from what may depend on the moment."""
    told = {key: one for key, one in _plan(plan).items() if key not in ("refusals", "notices")}
    found: dict[str, Any] = json.loads(json.dumps(told))
    return found


def _later(one: NotPlanned) -> dict[str, Any]:
    return {"stack": one.stack, "kind": "LATER", "summary": one.reason}


def _plan(plan: Plan) -> dict[str, Any]:
    lists = ("image", "parameters", "tags", "kept", "found", "losses", "refusals", "notices")
    return {
        "stack": plan.stack,
        "kind": "NONE" if plan.empty else plan.kind,
        "summary": summary(plan),
        "digest": plan.digest,
        **{name: [asdict(one) for one in getattr(plan, name)] for name in lists},
        "permissions": {"gained": [asdict(one) for one in plan.gained], "lost": [asdict(one) for one in plan.lost]},
        "resources": [
            {**_resource(leaf), "follows": leaf.name in plan.follows}
            for leaf in sorted(plan.leaves(), key=lambda leaf: leaf.path)
        ],
    }


def _resource(leaf: PlannedChange) -> dict[str, Any]:
    return {
        "path": leaf.name,
        "type": leaf.type,
        "action": leaf.action,
        "certain": leaf.certain,
        "replaced": leaf.replaced,
        "replacement": leaf.replacement,
        "policy": leaf.policy,
        "differences": [asdict(one) for one in leaf.differences],
    }
