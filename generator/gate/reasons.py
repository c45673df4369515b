"""A permission that was broadened needs a reason that names it: the ledger as it was against what is rendered.

Whoever wrote a reason wrote it for what it allowed then. So a statement that allows more than it did is confirmed by a
reason that is new and has the broader right in it by its text, such as `s3:DeleteObject` or the name of a table: any
other wording confirms nothing. A statement that is new explains itself by a reason of its own.

The base is the ledger that lies beside the templates, which is not written anew before this has passed; continuous
integration compares with the ledger of the branch that a pull request is for (`--base`), so that deleting the file
explains nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generator.cfn import sources
from generator.cfn.broadening import uncovered
from generator.cfn.permissions import Permission
from generator.cfn.templates import TemplateSet
from generator.gate import ledger
from generator.gate.finding import Finding

LEDGER = "docs/permissions-ledger.md"
Statement = tuple[str, str]  # the resource that carries it, and its Sid
PARAMETER = re.compile(r"\$\{(\w+)(?:\.Arn)?\}")
KINDS = ("Table", "Secret")
SHOWN = 6  # actions or things that a finding names


@dataclass(frozen=True)
class Broadening:
    """A line of the ledger that a statement has gained (or, of a denial, lost), and the texts that a reason has to name
    before it is confirmed."""

    permission: Permission
    texts: tuple[str, ...]


def findings(base: str, templates: TemplateSet) -> list[Finding]:
    """A finding for each statement of the set that permits more than the ledger's text `base` without a reason that
    says so."""
    if base == ledger.markdown(templates):  # most edits change no permission
        return []
    before = ledger.narrowed(ledger.read(base), templates)
    statements: dict[Statement, list[Broadening]] = {}
    for broadening in unconfirmed(before, ledger.lines(templates)):
        permission = broadening.permission
        statements.setdefault((permission.holder, permission.sid), []).append(broadening)
    return sorted(_finding(broadenings, templates) for broadenings in statements.values())


def unconfirmed(before: Iterable[Permission], after: Iterable[Permission]) -> list[Broadening]:
    """What `after` permits beyond `before`, allowed more or denied less, without a reason that confirms it."""
    old, new = list(before), list(after)
    return [*_gained(old, new), *_no_longer_denied(old, new)]


def _gained(old: Sequence[Permission], new: Sequence[Permission]) -> Iterator[Broadening]:
    """What is allowed more. A statement that is new needs a reason that its holder did not give before."""
    statements, reasons = _by_statement(old), {(permission.holder, permission.reason) for permission in old}
    for permission in _beyond(new, old, allows=True):
        standing = statements.get((permission.holder, permission.sid), ())
        texts = right_texts(permission, standing)
        is_rewritten = (permission.holder, permission.reason) not in reasons
        if not (is_rewritten and (not standing or names(permission.reason, texts))):
            yield Broadening(permission, texts)


def _no_longer_denied(old: Sequence[Permission], new: Sequence[Permission]) -> Iterator[Broadening]:
    """What is denied less, as the line that is gone; of a statement that is gone as a whole its own lines say so."""
    statements = _by_statement(new)
    for permission in _beyond(old, new, allows=False):
        standing = statements.get((permission.holder, permission.sid), ())
        texts = right_texts(permission, standing)
        now = {each.reason for each in standing}
        if standing and not (permission.reason not in now and all(names(reason, texts) for reason in now)):
            yield Broadening(permission, texts)


def _by_statement(permissions: Iterable[Permission]) -> Mapping[Statement, list[Permission]]:
    result: dict[Statement, list[Permission]] = {}
    for permission in permissions:
        result.setdefault((permission.holder, permission.sid), []).append(permission)
    return result


def _beyond(wide: Sequence[Permission], narrow: Sequence[Permission], allows: bool) -> Iterator[Permission]:
    """The lines of `wide` with one effect that no line of `narrow` covers."""
    known: dict[str, list[Permission]] = {}
    for permission in (permission for permission in narrow if permission.allows == allows):
        known.setdefault(permission.holder, []).append(permission)
    # What stands on both sides, be it in a policy of another name or for another reason, is covered by itself.
    same = {_right(permission) for permission in narrow}
    for permission in (permission for permission in wide if permission.allows == allows):
        stands = _right(permission) in same
        if not stands and uncovered(permission, known.get(permission.holder, ())):
            yield permission


def _right(permission: Permission) -> tuple[Any, ...]:
    """Everything about a permission but where it stands and why."""
    return tuple(value for name, value in vars(permission).items() if name not in ("policy", "reason"))


def right_texts(permission: Permission, standing: Sequence[Permission]) -> tuple[str, ...]:
    """The texts by which a reason names what a line has beyond the statement as it was: the action where that is new,
    the names of what it is on, who may do it, and the keys of conditions that are gone. Where it is none of these (it
    holds more often), the action."""

    def beyond(values: Iterable[str], known: Iterable[str]) -> list[str]:
        before = set(known)
        return [value for value in values if value not in before]

    texts = beyond(
        permission.actions + permission.not_actions, (a for p in standing for a in p.actions + p.not_actions)
    )
    resources = [resource for each in standing for resource in each.resources + each.not_resources]
    known = {name for resource in resources for name in PARAMETER.findall(resource)}
    for resource in beyond(permission.resources + permission.not_resources, resources):
        new = [name.removesuffix("Arn") for name in PARAMETER.findall(resource) if name not in known]
        texts += new or [_tail(resource)]
    texts += beyond(permission.principals, (principal for each in standing for principal in each.principals))
    if not texts:
        keys = {condition.key for condition in permission.conditions}
        texts += sorted({condition.key for each in standing for condition in each.conditions} - keys)
    return tuple(dict.fromkeys(texts or permission.actions or permission.not_actions))


def _tail(resource: str) -> str:
    """What an ARN names behind its account, without the names that it is put together from: its last part, or all of it
    where that is a pattern. Another text as it is."""
    parts = re.split(r":(?![^{}]*\})", resource, maxsplit=5)
    text = parts[5] if len(parts) == 6 and parts[0] == "arn" else resource
    text = re.sub(r"\$\{[\w:.]+\}", "", text).strip("/-") or text
    last = text.rpartition("/")[2]
    return text if "*" in last or not last else last


def names(reason: str, texts: Iterable[str]) -> bool:
    """Whether a reason has each of the texts in it, as a word of its own. A table or a secret is named by its logical
    id, too: `OrdersTable` by `Orders`."""
    for text in texts:
        words = {text, *(text.removesuffix(kind) for kind in KINDS if text.isidentifier())} - {""}
        if not any(re.search(rf"(?<![\w:*]){re.escape(word)}(?![\w*])", reason) for word in words):
            return False
    return True


def _finding(broadenings: Sequence[Broadening], templates: TemplateSet) -> Finding:
    permission = broadenings[0].permission
    texts = list(dict.fromkeys(text for broadening in broadenings for text in broadening.texts))
    actions = _listed(
        action for each in broadenings for action in each.permission.actions + each.permission.not_actions
    )
    on = _listed(name for each in broadenings for name in each.permission.resources + each.permission.not_resources)
    verb = "also allows" if permission.allows else "no longer denies"
    template, _, name = permission.holder.partition(".")
    module = templates[template].module
    place = sources.find(module, permission.sid) or sources.find(module, name)
    where = f"{permission.sid} ({place})" if place else permission.sid
    return Finding(
        LEDGER,
        permission.holder,
        "REASON",
        f"{where} now {verb} {actions} on {on or 'itself'}, and its reason does not name it: {permission.reason}",
        f"remove the permission, or confirm it: the reason of the statement has to name {', '.join(texts)}",
    )


def _listed(values: Iterable[str]) -> str:
    different = list(dict.fromkeys(values))
    more = f" and {len(different) - SHOWN} more" if len(different) > SHOWN else ""
    return ", ".join(different[:SHOWN]) + more
