"""The permissions as pages that people read: an index of the roles and of the other policies, and for each template a
page with one row a statement.

The exact ledger, one line an action and resource, is another file (`ledger.py`): a machine compares it, and a reviewer
reads its diff.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from generator.cfn.intrinsics import render
from generator.cfn.permissions import Permission, permissions
from generator.cfn.templates import TemplateSet
from generator.gate import tables

INDEX, FOLDER = "permissions.md", "permissions"
HEAD = """# Who may do what

Made from the templates by `make templates`: the roles at a glance, then the other policies. Each leads to the page of
its template, which has every statement with its reason. [permissions-ledger.md](permissions-ledger.md) lists the same
permissions one by one, so that a change is a diff of single lines; the gate compares it: a permission that is new in a
statement passes only when its reason names it.

"""
OTHERS = """
## Other policies

Those that are attached to roles or to people, and those of buckets, keys and topics.

"""
PAGE = """# Who may do what: `{template}`

Made from `templates/{template}.json` by `make templates`; [all templates](../permissions.md).

Names in `${{}}` are parameters and resources of the template. `SERVICE:NAME` is short for
`arn:${{AWS::Partition}}:SERVICE:${{AWS::Region}}:${{AWS::AccountId}}:NAME`; other ARNs are written out. *In* says which
conditions of the template must be true.
"""
ROLES = ("role", "who may assume it", "purpose", "rights")
POLICIES = ("policy", "purpose", "statements")
COLUMNS = ("statement", "effect", "who", "actions", "on", "only if", "in", "because")
OWN_ACCOUNT = re.compile(r"arn:\$\{AWS::Partition\}:([\w-]+):\$\{AWS::Region\}:\$\{AWS::AccountId\}:")
ANY_OF_IAM = re.compile(r"arn:\$\{AWS::Partition\}:iam::\$\{AWS::AccountId\}:")
WORDS = 12  # of a role's purpose


def pages(templates: TemplateSet) -> dict[str, str]:
    """The pages as they are committed, by their path below `docs/`: the index, and one for each template with a
    policy."""
    every = sorted(permissions(templates), key=lambda statement: (statement.holder, statement.sid, statement.when))
    roles = _roles(templates)
    parts = [HEAD, tables.head(ROLES)]
    parts += [tables.row(_role(templates, address, every)) for address in roles]
    result: dict[str, str] = {}
    others = [OTHERS, tables.head(POLICIES)]
    for holder, group in groupby(every, key=lambda statement: statement.holder):
        statements, template = list(group), holder.partition(".")[0]
        if holder not in roles:
            others.append(tables.row([_link(holder), templates.resource(holder).description, str(len(statements))]))
        path = f"{FOLDER}/{template}.md"
        result.setdefault(path, PAGE.format(template=template))
        result[path] += f"\n## {holder}\n\n{templates.resource(holder).description}\n\n"
        result[path] += tables.head(COLUMNS)
        result[path] += "".join(tables.statement_row(statement, "<br>", _short) for statement in statements)
    return {INDEX: "".join([*parts, *others]), **result}


def _link(holder: str) -> str:
    anchor = re.sub(r"[^\w-]", "", holder.lower())
    return f"[`{holder}`]({FOLDER}/{holder.partition('.')[0]}.md#{anchor})"


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
    who = {name for statement in own if statement.kind == "trust" for name in _who(statement)}
    rights = sum(
        len(statement.actions or ("",)) * len(statement.resources or ("",))
        for statement in every
        if statement.allows and statement.kind == "identity" and statement.holder in {address, *attached}
    )
    words = resource.description.split()
    purpose = " ".join(words[:WORDS]) + (" ..." if len(words) > WORDS else "")
    return [
        _link(address),
        ", ".join(sorted(map(_short, who))),
        purpose,
        ", ".join([str(rights), *of_aws] if rights else of_aws),
    ]


def _who(trust: Permission) -> Iterator[str]:
    """Who may assume a role by one statement: of a whole account those whom the condition names."""
    named = [value for each in trust.conditions if each.key == "aws:PrincipalArn" for value in each.values]
    second_factor = any(each.key == "aws:MultiFactorAuthPresent" for each in trust.conditions)
    for name in named or trust.principals:
        yield f"{ANY_OF_IAM.sub('', name)}{' with MFA' if second_factor else ''}"


def _short(text: str) -> str:
    return OWN_ACCOUNT.sub(r"\1:", text)
