"""The permission ledger: who may do what, on what, under which condition, because of what; one line a permission.

The ledger is a list of `Permission`s of one action on one resource each. As Markdown it is committed beside the
templates, so that a change of permissions is a diff of single lines, and it can be read back: what is permitted now
and was not is held against the reasons that stood there before.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import groupby

from generator.cfn.intrinsics import met, outcomes, render
from generator.cfn.permissions import Condition, Permission, permissions
from generator.cfn.templates import Resource, TemplateSet, once
from generator.gate import tables

HEAD = """# Ledger of permissions

For the gate, and for the diff of a pull request; [permissions.md](permissions.md) is the page to read.

Made from the templates by `make templates`, and committed: one line is one action on one thing. A line that is new in a
statement that is not passes the gate only when the statement's reason was rewritten and names what is broader.

*Who* is filled where a policy names it: who may assume a role, or whom the policy of a bucket, key or topic lets in.
Names in `${}` are parameters and resources of the template, *in* says which conditions of the template must hold.
"""
COLUMNS = ("statement", "effect", "who", "action", "on", "only if", "in", "because")


@once
def lines(templates: TemplateSet) -> tuple[Permission, ...]:
    """Every permission of the set, one action on one resource each, in a stable order."""
    return tuple(sorted(single for permission in permissions(templates) for single in _singles(permission)))


def _singles(permission: Permission) -> Iterator[Permission]:
    if len(permission.actions) <= 1 and len(permission.resources) <= 1:
        yield permission
        return
    for action in permission.actions or ("",):
        for resource in permission.resources or ("",):
            one_each = {"actions": (action,) if action else (), "resources": (resource,) if resource else ()}
            yield Permission(**{**vars(permission), **one_each})  # `replace` takes three times as long


@once
def markdown(templates: TemplateSet) -> str:
    """The ledger as it is committed, a section for each resource that carries a policy."""
    parts = [HEAD]
    for holder, statements in groupby(lines(templates), key=lambda line: line.holder):
        resource = templates.resource(holder)
        parts.append(f"\n## {holder}\n\n{resource.description} {_requirements(resource)}{_attached(resource)}\n\n")
        parts.append(tables.head(COLUMNS))
        parts += [tables.statement_row(statement) for statement in statements]
    return "".join(parts)


def _requirements(resource: Resource) -> str:
    return f"({', '.join(resource.requirements)})"


def _attached(resource: Resource) -> str:
    named = ", ".join(render(arn) for arn in resource.get("ManagedPolicyArns", default=()))
    return f" Attached: {named}." if named else ""


def read(text: str) -> list[Permission]:
    """The permissions of a ledger's text; what is no row of a section is passed over."""
    statements, holder = [], ""
    for line in text.splitlines():
        if line.startswith("## "):
            holder = line.removeprefix("## ").strip()
        elif line.startswith("| ") and holder:
            cells = [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if len(cells) == len(COLUMNS) and cells[1] in ("Allow", "Deny"):
                statements.append(_permission(holder, cells))
    return statements


def _permission(holder: str, cells: list[str]) -> Permission:
    statement, effect, who, action, on, only_if, when, reason = cells
    sid, _, kind = statement.removesuffix(")").rpartition(" (")

    def side(cell: str, others: bool) -> tuple[str, ...]:
        text = cell.removeprefix(tables.ALL_BUT)
        return tuple(text.split(", ")) if text and others == (text != cell) else ()

    conditions = (text.split(" ", 2) for text in only_if.split("; ") if text)
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
    conditions_of: dict[str, set[tuple[str, ...]]] = {}
    for permission in permissions(templates):
        conditions_of.setdefault(permission.holder, set()).add(permission.when)

    # A few pairs of conditions are asked for by thousands of permissions.
    @cache
    def within(template: str, when: tuple[str, ...], wider: tuple[str, ...]) -> bool:
        """Whether, in every outcome of the template's conditions, `wider` holds where `when` does."""
        return all(met(wider, outcome) for outcome in outcomes(templates[template]) if met(when, outcome))

    result = list(before)
    for permission in tuple(result):
        for when in sorted(conditions_of.get(permission.holder, set()) - {permission.when}):
            if within(permission.holder.partition(".")[0], when, permission.when):
                result.append(replace(permission, when=when))
    return result
