"""The permission ledger: who may do what, on what, under which condition, because of what; one line a permission.

The ledger is a list of `Permission`s of one action on one resource each. As Markdown it is committed beside the
templates, so that a change of permissions is a diff of single lines, and it can be read back: what is permitted now
and was not is held against the reasons that stood there before.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby

from generator.cfn.broadening import uncovered
from generator.cfn.intrinsics import met, outcomes, render
from generator.cfn.permissions import Condition, Permission, permissions
from generator.cfn.templates import Resource, Template, TemplateSet

HEAD = """# Who may do what

Made from the templates by `make templates`, and committed: one line is one action on one thing. A line that is new
under a reason that is not does not pass the gate, because whoever wrote the reason did not have it in mind.

*Who* is filled where a policy names it: who may assume a role, or whom the policy of a bucket, key or topic lets in.
Names in `${}` are parameters and resources of the template, *in* says which conditions of the template must hold.
"""
COLUMNS = ("statement", "effect", "who", "action", "on", "only if", "in", "because")
ALL_BUT = "all but "


def lines(templates: TemplateSet) -> list[Permission]:
    """Every permission of the set, one action on one resource each, in a stable order."""
    return sorted(single for one in permissions(templates) for single in _singles(one))


def _singles(one: Permission) -> Iterator[Permission]:
    for action in one.actions or ("",):
        for resource in one.resources or ("",):
            yield replace(one, actions=(action,) if action else (), resources=(resource,) if resource else ())


def markdown(templates: TemplateSet) -> str:
    """The ledger as it is committed, a section for each resource that carries a policy."""
    parts = [HEAD]
    for holder, found in groupby(lines(templates), key=lambda one: one.holder):
        resource = templates.resource(holder)
        parts.append(f"\n## {holder}\n\n{resource.description} {_requirements(resource)}{_attached(resource)}\n\n")
        parts.append(_row(COLUMNS) + _row(["---"] * len(COLUMNS)))
        parts += [_row(_cells(one)) for one in found]
    return "".join(parts)


def _requirements(resource: Resource) -> str:
    return f"({', '.join(resource.requirements)})"


def _attached(resource: Resource) -> str:
    named = ", ".join(render(one) for one in resource.get("ManagedPolicyArns", default=()))
    return f" Attached: {named}." if named else ""


def _cells(one: Permission) -> list[str]:
    def side(named: tuple[str, ...], others: tuple[str, ...]) -> str:
        return ", ".join(named) or (ALL_BUT + ", ".join(others) if others else "")

    return [
        f"{one.sid} ({one.kind})",
        one.effect,
        side(one.principals, one.not_principals),
        side(one.actions, one.not_actions),
        side(one.resources, one.not_resources),
        "; ".join(map(str, one.conditions)),
        ", ".join(one.when),
        one.reason,
    ]


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n"


def read(text: str) -> list[Permission]:
    """The permissions of a ledger's text; what is no row of a section is passed over."""
    found, holder = [], ""
    for line in text.splitlines():
        if line.startswith("## "):
            holder = line.removeprefix("## ").strip()
        elif line.startswith("| ") and holder:
            cells = [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if len(cells) == len(COLUMNS) and cells[1] in ("Allow", "Deny"):
                found.append(_permission(holder, cells))
    return found


def _permission(holder: str, cells: list[str]) -> Permission:
    statement, effect, who, action, on, only_if, when, reason = cells
    sid, _, kind = statement.removesuffix(")").rpartition(" (")

    def side(cell: str, others: bool) -> tuple[str, ...]:
        text = cell.removeprefix(ALL_BUT)
        return tuple(text.split(", ")) if text and others == (text != cell) else ()

    conditions = (one.split(" ", 2) for one in only_if.split("; ") if one)
    return Permission(
        holder=holder,
        kind=kind,
        policy="",
        sid=sid,
        effect=effect,
        principals=side(who, False),
        not_principals=side(who, True),
        actions=side(action, False),
        not_actions=side(action, True),
        resources=side(on, False),
        not_resources=side(on, True),
        conditions=tuple(Condition(operator, key, tuple(values.split(", "))) for key, operator, values in conditions),
        when=tuple(when.split(", ")) if when else (),
        reason=reason,
    )


def narrowed(before: Iterable[Permission], templates: TemplateSet) -> list[Permission]:
    """`before`, and each of its permissions once more under every condition of its holder that is met only where the
    permission's own are: what was permitted there is not new when it is permitted less often."""
    held: dict[str, set[tuple[str, ...]]] = {}
    for one in permissions(templates):
        held.setdefault(one.holder, set()).add(one.when)
    found = list(before)
    for one in tuple(found):
        for when in sorted(held.get(one.holder, set()) - {one.when}):
            if _within(templates[one.holder.partition(".")[0]], when, one.when):
                found.append(replace(one, when=when))
    return found


def _within(template: Template, when: tuple[str, ...], wider: tuple[str, ...]) -> bool:
    """Whether, in every outcome of the template's conditions, `wider` holds where `when` does."""
    return all(met(wider, outcome) for outcome in outcomes(template) if met(when, outcome))


def unexplained(before: Iterable[Permission], after: Iterable[Permission]) -> list[Permission]:
    """What `after` permits beyond `before` for a reason that its holder gave before already: allowed more, or denied
    less. A new statement with a reason of its own, and a statement whose reason was rewritten, explain themselves."""
    old, new = list(before), list(after)

    def given(side: list[Permission]) -> set[tuple[str, str]]:
        return {(one.holder, one.reason) for one in side}

    def more(wide: list[Permission], narrow: list[Permission], allows: bool) -> Iterator[Permission]:
        known: dict[str, list[Permission]] = {}
        for one in (one for one in narrow if one.allows == allows):
            known.setdefault(one.holder, []).append(one)
        # What stands on both sides, be it in a policy of another name, is covered by itself.
        same, reasons = {replace(one, policy="") for one in narrow}, given(narrow)
        for one in (one for one in wide if one.allows == allows and (one.holder, one.reason) in reasons):
            if replace(one, policy="") not in same and uncovered(one, known.get(one.holder, ())):
                yield one

    return [*more(new, old, True), *more(old, new, False)]
