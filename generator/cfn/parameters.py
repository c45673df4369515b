"""Reads a parameter file and checks it against the template that it is for.

A file has AWS's own form, `{"Parameters": {}, "Tags": {}, "StackPolicy": {}}` (CodePipeline: "template configuration
file"). What CloudFormation would refuse later, and what it would accept but nobody can want (a placeholder, a secret,
a tag that changes with every release), is a `Problem`. What looks like a secret is never repeated anywhere.
"""

import fnmatch
import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from generator.cfn import assertions
from generator.cfn.assertions import Template, as_text

SECTIONS = ("Parameters", "Tags", "StackPolicy")
ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:[a-z0-9]*:[^\s,]+")
SECRETS = {
    "an AWS access key id": r"(?<![A-Z0-9])A[KS]IA[A-Z0-9]{16}(?![A-Z0-9])",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY",
    "an access token": r"(?<![\w-])(eyJ[\w-]{8,}|gh[oprsu]_\w{20,}|github_pat_\w{20,}|xox[a-z]-[\w-]{10,})",
    "a URL with a password": r"://[^\s/?#@]*:[^\s/@]+@",
}
SECRET_NAME = re.compile(r"secret|passw(or)?d|passphrase|token|private_?key|api_?key|access_?key|credential", re.I)
# What a name ends in is what its value is: TOKEN_EXPIRE_MINUTES is a number, and no token.
OF_A_SECRET = re.compile(
    r"""(?:_|(?<=[a-z])(?=[A-Z]))(?i:expires?|expiration|expiry|minutes?|hours?|days?|seconds?|ttl|lifetime|max_?age|length
    |algorithms?|ur[li]|endpoint|issuer|audience|type|rounds|enabled)$""",
    re.X,
)
# Identifiers and keys that are public, by the name that they are given to in a list of NAME=value.
PUBLIC = r"(?<!\w)[A-Z0-9_]*(?:_ID|PUBLIC|PUBLIC_KEY|PUBLISHABLE_KEY|SITE_KEY)=[^\s,]*"
DIGEST = r"sha256:[0-9a-f]{64}|sha(?:256|384|512)-[A-Za-z0-9+/=]+"
NEVER_SECRET = re.compile(rf"{ARN.pattern}|https?://[^\s,]+|{DIGEST}|{PUBLIC}")
PLACEHOLDER = re.compile(
    r"""yourdomain | (?<![a-z0-9-])your[-_] | (?<![a-z0-9-])example\.(com|org|net)(?![a-z0-9-]) | \+1234567890(?!\d)
    | (?<!\d)123456789012(?!\d) | change[-_]?me | replace[-_]?me | (?<![a-z])(?-i:TODO|FIXME|TBD)(?![a-z]) | <[^<>]+>
    | (?<![a-z0-9])x{3,}(?![a-z0-9])""",
    re.I | re.X,
)
VOLATILE = re.compile(
    r"""(?=.*[a-f])(?=.*\d)[0-9a-f]{7,40} | v?\d+\.\d+\.\d+([-+].*)? | .*(?<!\d)(\d{4}[-/.]\d{2}[-/.]\d{2}
    | \d{1,2}[-/.]\d{1,2}[-/.]\d{4} | 20\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01]))(?!\d).*""",
    re.X,
)
# IAM's `tagKeyType` in botocore, the narrowest that stack tags reach; \w and the spaces stand for \p{L}, \p{N}, \p{Z}.
TAG_TEXT = re.compile(r"[\w \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000.:/=+\-@]+")
ACTIONS = ("Update:Modify", "Update:Replace", "Update:Delete", "Update:*")


class ParameterFileError(Exception):
    """A file that cannot be read as a parameter file, or that lacks a value; says which file and line and why."""

    def __init__(self, file: str, reason: str, line: int | None = None) -> None:
        self.file, self.reason, self.line = file, reason, line
        super().__init__(f"{file}{f':{line}' if line else ''}: {reason}")


@dataclass(frozen=True)
class ParameterFile:
    """A parameter file as it stands; its values are JSON of any type until `check` has found nothing."""

    path: str
    parameters: Mapping[str, Any] = field(repr=False)
    tags: Mapping[str, Any] = field(repr=False)
    stack_policy: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Problem:
    """Why a file is refused. `key` is dotted (`Parameters.NatCount`), `value` is JSON fit to be shown (never a
    secret) or empty, `choices` are the valid values or the names that were probably meant."""

    file: str
    key: str
    value: str
    message: str
    choices: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What is wrong, in one sentence: `TaskCpu = "300" is not an allowed value`."""
        name = self.key.removeprefix("Parameters.")
        if not self.value:
            return f"{name}: {self.message}"
        colon = "" if re.match(r"(is|must|has|holds|looks)\b", self.message) else ":"
        return f"{name} = {self.value}{colon} {self.message}"

    @property
    def valid(self) -> str:
        """The valid choices, as a sentence; empty where there are none to list."""
        return f"Valid: {', '.join(self.choices)}." if self.choices else ""

    def __str__(self) -> str:
        end = "" if self.sentence.endswith(".") else "."
        return f"{self.file}: {self.sentence}{end}" + (f" {self.valid}" if self.valid else "")


def read(path: Path) -> ParameterFile:
    """The parameter file at `path`. Raises `ParameterFileError` when it cannot be read, and as `parse` does."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterFileError(str(path), f"cannot be read as UTF-8 text: {error}") from error
    return parse(text, str(path))


def parse(text: str, file: str) -> ParameterFile:
    """The parameter file that `text` is; `file` is what messages call it.

    Raises `ParameterFileError` when it is no JSON (with the line), holds a key twice in one object, or is anything but
    objects in the three sections.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(pairs)
        if len(content) < len(pairs):
            [(twice, _)] = Counter(key for key, _ in pairs).most_common(1)
            raise ParameterFileError(file, f"the key {_shown('', twice)} is twice in one object: remove one")
        return content

    try:
        content = json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise ParameterFileError(file, f"is not JSON: {error.msg}", error.lineno) from error
    except RecursionError as error:
        raise ParameterFileError(file, "is nested too deeply") from error
    if not isinstance(content, dict):
        raise ParameterFileError(file, f"must be one object with {', '.join(SECTIONS)}")
    for name, section in content.items():
        if name not in SECTIONS:
            near = ", ".join(get_close_matches(name, SECTIONS, 1) or SECTIONS)
            raise ParameterFileError(file, f"there is no section {_shown('', name)}; valid: {near}")
        if not isinstance(section, dict):
            raise ParameterFileError(file, f"the section {name} must be an object")
    return ParameterFile(file, *(content.get(name, {}) for name in SECTIONS))


def check(file: ParameterFile, template: Template, own_tags: Collection[str]) -> list[Problem]:
    """Everything that is wrong with `file` as the parameters of the root `template`; empty when it is right.

    `own_tags` are the keys of the tags that the templates set themselves. The template's `Rules` are evaluated, with
    the first-deployment values of computed parameters, when every parameter is right by itself. Raises
    `assertions.NotEvaluableError` for a rule or pattern that cannot be applied.
    """
    problems = list(_parameters(file, template))
    if not problems:
        for rule in assertions.broken(template, effective(file, template)):
            problems.append(Problem(file.path, f"Rules.{rule.rule}", "", rule.description))
    return [*problems, *_tags(file, own_tags), *_stack_policy(file, template)]


def effective(
    file: ParameterFile, template: Template, computed_values: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The value of every parameter of `template`: the file's; for a computed one that in `computed_values`, else that
    of the first deployment; else the default. Meant for a file in which `check` found nothing: raises
    `ParameterFileError` for a parameter without a value or with one that is no string."""
    computed, values = template.get("Metadata", {}).get("Computed", {}), {}
    for name, declaration in template.get("Parameters", {}).items():
        value = file.parameters.get(name, as_text(declaration["Default"]) if "Default" in declaration else None)
        if name in computed:
            value = (computed_values or {}).get(name, computed[name]["First"])
        if not isinstance(value, str):
            raise ParameterFileError(file.path, f"Parameters.{name} has no value that is a string")
        values[name] = value
    return values


def secret(name: str, value: str) -> str | None:
    """What kind of secret `value` looks like when it is called `name`, or None.

    Under a telling name everything is a secret but an ARN and the empty string, unless the name ends in what belongs to
    a secret, such as its lifetime. Random is what has 32 characters (an AWS secret access key: 40) and falls into more
    words and numbers than a name; ARNs, URLs, digests and what is public by its name pass.
    """
    for kind, pattern in SECRETS.items():
        if re.search(pattern, value):
            return kind
    if value and SECRET_NAME.search(name) and not OF_A_SECRET.search(name) and not ARN.fullmatch(value):
        return "a secret, by its name"
    for token in re.findall(r"[A-Za-z0-9+/_=-]{32,}", NEVER_SECRET.sub(" ", value)):
        for run in re.findall(r"[A-Za-z0-9]{18,}", token) + re.findall(r"^[A-Za-z0-9+/]{40,}$|^.+=$", token):
            if len(re.findall(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+", run)) > 0.26 * len(run):
                return "a random key"
    return None


def _shown(name: str, value: object) -> str:
    text = json.dumps(value)
    kind = secret(name, value if isinstance(value, str) else text)
    return f"(not shown: it looks like {kind})" if kind else text


def _problem(file: ParameterFile, section: str, name: str, value: object, why: str, *choices: str) -> Problem:
    key = f"{section}.{_shown('', name) if secret('', name) or not name.isprintable() else name}"
    return Problem(file.path, key, "" if value is None else _shown(name, value), why, choices)


def _parameters(file: ParameterFile, template: Template) -> Iterator[Problem]:
    declared, computed = (template.get("Parameters", {}), template.get("Metadata", {}).get("Computed", {}))
    for name, value in file.parameters.items():
        if name in computed:
            why = f"is found at deploy time ({computed[name]['Found']}): remove it from the file"
            yield _problem(file, "Parameters", name, None, why)
        elif name not in declared:  # Its value is not shown: a misspelled name does not tell whether it is a secret.
            valid = sorted(declared.keys() - computed.keys())
            near = get_close_matches(name, valid, 1) or valid
            yield _problem(file, "Parameters", name, None, "the template has no such parameter", *near)
        elif fault := _fault(name, value, declared[name]):
            yield _problem(file, "Parameters", name, value, *fault)
    for name in [name for name in declared if name not in file.parameters and name not in computed]:
        if "Default" not in declared[name]:
            why = f"is missing and has no default ({declared[name].get('Description', 'no description')})"
            yield _problem(file, "Parameters", name, None, why, *map(as_text, declared[name].get("AllowedValues", ())))
        elif PLACEHOLDER.search(default := as_text(declared[name]["Default"])):
            yield _problem(file, "Parameters", name, default, "the default is a placeholder: give a real value")


def _fault(name: str, value: object, declaration: Mapping[str, Any] | None = None) -> tuple[str, ...] | None:
    """What is wrong with the value of a tag or a declared parameter, followed by the valid choices."""
    if not isinstance(value, str):
        forms = {list: "a list is one with commas", dict: "an object is none", type(None): "remove it for no value"}
        form = forms.get(type(value)) or f'write "{_shown(name, value)}"'
        return (f"must be a string in quotes: {form}",)
    unmet = assertions.unmet(name, declaration, value) if declaration else None
    if declaration and not unmet and "Number" in declaration["Type"] and not _is_counted(value, declaration):
        return ("must be a whole number",)
    # What the template lists or counts is neither a secret nor a placeholder, whatever its name.
    if declaration and not unmet and ("AllowedValues" in declaration or "Number" in declaration["Type"]):
        return None
    if kind := secret(name, value) or secret("", name):
        return (f"looks like {kind}: keep it in Secrets Manager and give its ARN where a parameter asks for it",)
    if not unmet and (placeholder := PLACEHOLDER.search(value)):
        return (f"holds the placeholder {placeholder[0]!r}: give a real value",)
    return unmet


def _is_counted(value: str, declaration: Mapping[str, Any]) -> bool:
    """Whether a number is a whole one, as every number is that a template counts things with: unless its default says
    otherwise. CloudFormation itself takes 2.5 for a number, and the service behind it refuses it."""
    numbers = assertions.members(declaration["Type"], value)
    counts = "." not in as_text(declaration.get("Default", "0"))
    return not counts or all(re.fullmatch(r"-?(0|[1-9][0-9]*)", number) for number in numbers)


def _tags(file: ParameterFile, own_tags: Collection[str]) -> Iterator[Problem]:
    """Limits: `TagKey`, `TagValue`, `Tags` of CloudFormation and (for `aws:`) the text of ECS's `Tag` in botocore."""
    own = {tag.casefold() for tag in own_tags}
    for key, value in file.tags.items():
        if not (fault := _fault(key, value)):
            if key.casefold() in own:
                fault = ("the templates set this tag themselves: remove it from the file",)
            elif key.lower().startswith("aws:") or value.lower().startswith("aws:"):
                fault = ("the prefix aws: belongs to AWS",)
            elif len(key) > 128 or len(value) > 256 or not (TAG_TEXT.fullmatch(key) and TAG_TEXT.fullmatch(value)):
                fault = ("a key has 1 to 128, a value 1 to 256 letters, digits, spaces and _ . : / = + - @",)
            elif VOLATILE.fullmatch(value):
                fault = ("looks like a commit, version or date; when a tag changes, every resource changes: remove it",)
        if fault:
            yield _problem(file, "Tags", key, value, *fault)
    if len(file.tags) + len(own) > 50:
        yield Problem(file.path, "Tags", "", f"a resource takes 50 tags and the templates set {len(own)}: remove some")


def _stack_policy(file: ParameterFile, template: Template) -> Iterator[Problem]:
    """Source: User Guide, "Defining a stack policy". Narrower: resources must exist, `Condition` (types) is refused."""
    resources = ("*", *(f"LogicalResourceId/{name}" for name in template.get("Resources", {})))
    statements = file.stack_policy.get("Statement")
    if file.stack_policy and (len(file.stack_policy) > 1 or not isinstance(statements, list) or not statements):
        yield Problem(file.path, "StackPolicy", "", 'must be {} or {"Statement": [...]} with one statement or more')
        return
    for number, statement in enumerate(statements or []):
        section, elements = (f"StackPolicy.Statement[{number}]", statement if isinstance(statement, dict) else {})
        valid = {"Effect": ("Allow", "Deny"), "Principal": ("*",)}
        valid["NotAction" if "NotAction" in elements else "Action"] = ACTIONS
        valid["NotResource" if "NotResource" in elements else "Resource"] = resources
        for name in [name for name in elements if name not in valid]:
            yield _problem(file, section, name, elements[name], "is not an element here", *valid)
        for name, choices in valid.items():
            if name not in elements:
                yield Problem(file.path, f"{section}.{name}", "", "is missing", choices)
            elif not _meets(name, elements[name], choices):
                yield _problem(file, section, name, elements[name], "is not possible", *choices)


def _meets(name: str, value: object, choices: tuple[str, ...]) -> bool:
    texts = value if isinstance(value, list) and name not in ("Effect", "Principal") else [value]
    wild = [str(text) for text in texts if str(text).startswith("LogicalResourceId/")]
    return bool(texts) and all(text in choices or (text in wild and fnmatch.filter(choices, text)) for text in texts)
