"""Plans as JSON, for programs: the `result` of `plan --format json`, and what a saved plan keeps. Version 1; a version
only gains keys, and what changes its meaning gets the next one.

    {"version": 1, "environment": "staging", "account": "…", "region": "…", "changes": true, "stacks": [...]}

One entry of `stacks` for each root, in the order in which they are deployed:

- `stack`, `kind` (CREATE, UPDATE, DELETE for a root that nobody needs any more, NONE for nothing to do, LATER for not
  planned yet with the reason in `summary`), `summary`,
- `digest` over the templates, parameters and tags that are asked for;
- `image`, `parameters`, `tags`, `kept` (how the stack is kept): differences; `found`: the values that the script found;
- `resources`, sorted by `path` (`Data.Clients`): `action` (Add, Modify, Remove, Import, Dynamic), `certain` (false for
  what only might change), `follows` (among those, what is given something that is made anew), `replaced`, what
  CloudFormation calls `replacement` and `policy`, and the `differences`;
- `losses`: what has to be named, with the `option` that names it; `permissions`: `gained` and `lost`, each with
  `broader`; `refusals`: why, where, remedy, `waits` and what is `awaited`; `notices`: warnings of early validation,
  hooks, drift, and of the table of effects.

A difference has `name`, `before`, `after` (empty where there is none), `certain`, `recreates` (Never, Conditionally,
Always) and `cause`. Secrets are masked. Keys are sorted, and nothing depends on the moment.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from generator.cfn.changes import PlannedChange
from scripts.deployment.plan import CREATE, DELETE, Plan
from scripts.operations.planning import NotPlanned
from scripts.terminal import console
from scripts.terminal.text import count

VERSION = 1
LATER = "LATER"  # the kind of a root that is not planned yet


def text(environment: str, account: str, region: str, plans: Sequence[Plan | NotPlanned]) -> str:
    """Every root of an environment as one JSON document."""
    return console.json_text(document(environment, account, region, plans), sort_keys=True)


def document(environment: str, account: str, region: str, plans: Sequence[Plan | NotPlanned]) -> dict[str, Any]:
    """The same as a value."""
    stacks = [_later(plan) if isinstance(plan, NotPlanned) else plan_document(plan) for plan in plans]
    changes = any(entry["kind"] != "NONE" for entry in stacks)
    where = {"environment": environment, "account": account, "region": region}
    return {"version": VERSION, **where, "changes": changes, "stacks": stacks}


def reviewable(plan: Plan) -> dict[str, Any]:
    """What a reviewed plan says of one root, apart from what may depend on the moment."""
    entries = {key: value for key, value in plan_document(plan).items() if key not in ("refusals", "notices")}
    document: dict[str, Any] = json.loads(json.dumps(entries))
    return document


def summary(plan: Plan) -> str:
    """The plan in a few words."""
    if plan.empty:
        return "no changes"
    stacks = sum(1 for change in plan.changes if change.nested)
    if plan.kind == CREATE:
        where = f" in {count(stacks, 'nested stack')}" if stacks else ""
        imported = sum(1 for leaf in plan.certain if leaf.action == "Import")
        numbers = {"create": len(plan.certain) - imported, "import": imported}
        parts = [f"{word} {count(number, 'resource')}" for word, number in numbers.items() if number]
        return (" and ".join(parts) or "create no resource") + where
    if plan.kind == DELETE:
        kept = sum(1 for leaf in plan.leaves() if leaf.policy == "Retain")
        return f"no longer needed: delete {count(len(plan.certain) - kept, 'resource')}, keep {kept}"
    words = {"Add": "added", "Modify": "changed", "Remove": "removed", "Import": "imported", "Dynamic": "decided later"}
    counts = {word: sum(1 for leaf in plan.certain if leaf.action == action) for action, word in words.items()}
    text = ", ".join(f"{number} {word}" for word, number in counts.items() if number)
    return f"update, {text or 'no resource changes for sure'}"


def _later(plan: NotPlanned) -> dict[str, Any]:
    return {"stack": plan.stack, "kind": LATER, "summary": plan.reason}


def plan_document(plan: Plan) -> dict[str, Any]:
    """One entry of `stacks`."""
    lists: dict[str, Sequence[Any]] = {
        "image": plan.first,
        "parameters": plan.parameters,
        "tags": plan.tags,
        "kept": plan.setting_changes,
        "found": plan.computed,
        "losses": plan.losses,
        "refusals": plan.refusals,
        "notices": plan.notices,
    }
    return {
        "stack": plan.stack,
        "kind": "NONE" if plan.empty else plan.kind,
        "summary": summary(plan),
        "digest": plan.digest,
        **{name: [asdict(value) for value in values] for name, values in lists.items()},
        "permissions": {
            "gained": [asdict(grant) for grant in plan.gained],
            "lost": [asdict(grant) for grant in plan.lost],
        },
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
        "differences": [asdict(difference) for difference in leaf.differences],
    }
