"""The permissions as a page that people read: the roles at a glance, then one row a statement.

The exact ledger, one line an action and resource, is another file (`ledger.py`): a machine compares it, and a reviewer
reads its diff.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from generator.cfn.intrinsics import render
from generator.cfn.permissions import Permission, permissions
from generator.cfn.templates import TemplateSet

HEAD = """# Who may do what

Made from the templates by `make templates`. First the roles at a glance, then every statement of every policy with its
reason. `permissions-ledger.md` lists the same permissions one by one, so that a change is a diff of single lines; the
gate compares it: a permission that is new in a statement passes only when its reason names it.

Names in `${}` are parameters and resources of the template. `SERVICE:NAME` is short for
`arn:${AWS::Partition}:SERVICE:${AWS::Region}:${AWS::AccountId}:NAME`; other ARNs are written out. *In* says which
conditions of the template must be true.

"""
ROLES = ("role", "who may assume it", "purpose", "rights")
COLUMNS = ("statement", "effect", "who", "actions", "on", "only if", "in", "because")
OWN_ACCOUNT = re.compile(r"arn:\$\{AWS::Partition\}:([\w-]+):\$\{AWS::Region\}:\$\{AWS::AccountId\}:")
WORDS = 12  # of a role's purpose


def page(templates: TemplateSet) -> str:
    """The page as it is committed."""
    every = sorted(permissions(templates), key=lambda statement: (statement.holder, statement.sid, statement.when))
    parts = [HEAD, _row(ROLES), _row(["---"] * len(ROLES))]
    parts += [_row(_role(templates, address, every)) for address in _roles(templates)]
    for holder, statements in groupby(every, key=lambda statement: statement.holder):
        parts.append(f"\n## {holder}\n\n{templates.resource(holder).description}\n\n")
        parts.append(_row(COLUMNS) + _row(["---"] * len(COLUMNS)))
        parts += [_row(_cells(statement)) for statement in statements]
    return "".join(parts)


def _roles(templates: TemplateSet) -> list[str]:
    return sorted(resource.address for resource in templates.resources("AWS::IAM::Role"))


def _role(templates: TemplateSet, address: str, every: Iterable[Permission]) -> list[str]:
    """The cells of one role: its rights are its actions on resources, those of attached policies of ours
    included, and the names of attached policies of AWS."""
    resource = templates.resource(address)
    arns = resource.get("ManagedPolicyArns", default=())
    attached = {f"{resource.template}.{arn['Ref']}" for arn in arns if isinstance(arn, dict) and "Ref" in arn}
    of_aws = [render(arn).rpartition("/")[2] for arn in arns if not (isinstance(arn, dict) and "Ref" in arn)]
    own = [statement for statement in every if statement.holder == address]
    who = {name for statement in own if statement.kind == "trust" for name in statement.principals}
    rights = sum(
        len(statement.actions or ("",)) * len(statement.resources or ("",))
        for statement in every
        if statement.allows and statement.kind == "identity" and statement.holder in {address, *attached}
    )
    words = resource.description.split()
    purpose = " ".join(words[:WORDS]) + (" ..." if len(words) > WORDS else "")
    anchor = re.sub(r"[^\w-]", "", address.lower())
    return [
        f"[`{address}`](#{anchor})",
        ", ".join(sorted(_short(who))),
        purpose,
        ", ".join([str(rights), *of_aws] if rights else of_aws),
    ]


def _cells(statement: Permission) -> list[str]:
    def either(named: tuple[str, ...], others: tuple[str, ...]) -> str:
        return "<br>".join(_short(named)) or ("all but " + ", ".join(_short(others)) if others else "")

    return [
        f"{statement.sid} ({statement.kind})",
        statement.effect,
        either(statement.principals, statement.not_principals),
        either(statement.actions, statement.not_actions),
        either(statement.resources, statement.not_resources),
        "; ".join(map(str, statement.conditions)),
        ", ".join(statement.when),
        statement.reason,
    ]


def _short(texts: Iterable[str]) -> Iterator[str]:
    return (OWN_ACCOUNT.sub(r"\1:", text) for text in texts)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n"
