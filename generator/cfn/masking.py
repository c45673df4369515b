"""What looks like a secret is never shown: not in a plan, a file, an event, a reason or a difference. Pure."""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from generator.cfn.parameters import SECRETS, secret
from generator.cfn.unknown import is_unknown

# Of list elements, what tells them apart: variables and containers, tags, policies, statements, origins.
ELEMENT_NAMES = ("Name", "Key", "PolicyName", "Sid", "Id")
# A value that stands beside its own name: variables and containers, tags, parameters, options of Elastic Beanstalk.
NAMING, VALUES = ("name", "key", "parameterkey", "optionname"), ("value", "parametervalue")
HARMLESS = re.compile(r"\d{1,4}|true|false")  # PasswordLength, RequireToken


def masked(name: str, value: str, hidden: bool = False) -> str:
    """A value as it may be shown. `name` is what it is called, with dots between the parts of a path; `hidden` says
    that it must not be shown whatever it is. Inside JSON, each text is looked at with the name that it stands under."""
    if not value or is_unknown(value):
        return value
    if hidden:
        return "(not shown)"
    content = _content(value)
    if content is not None:
        kind = next(filter(None, (_kind(*pair) for pair in _texts(name, content))), None)
        return f"(not shown: it holds {kind})" if kind else value
    kind = _kind(name, value)
    return f"(not shown: it looks like {kind})" if kind else value


def scrubbed(text: str) -> str:
    """A sentence of AWS, in which a value may be repeated: what is a secret by its form is taken out of it."""
    for kind, pattern in SECRETS.items():
        text = re.sub(pattern, f"(not shown: {kind})", text)
    return text


@lru_cache(1 << 13)  # a review asks for the same values in every environment
def _kind(name: str, value: str) -> str | None:
    """What kind of secret a text looks like, None for none."""
    if HARMLESS.fullmatch(value):
        return None
    *before, last = name.split(".")
    own = before[-1] if before and last.lower() in VALUES else last
    return secret(own, value)


def _content(value: str) -> Any:
    """What a JSON document holds; None for a text that is none."""
    if value[0] not in "[{":
        return None
    try:
        return json.loads(value)
    except ValueError:
        return None


def _texts(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every text inside a value with the name that it stands under; a text may hold JSON itself."""
    if isinstance(value, dict):
        beside = {key.lower(): text for key, text in value.items() if isinstance(text, str)}
        own = next((beside[key] for key in NAMING if key in beside), "")
        for key, inner in value.items():
            yield from _texts(own if own and key.lower() in VALUES else key, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(name, inner)
    elif isinstance(value, str) and value:
        content = _content(value)
        yield from [(name, value)] if content is None else _texts(name, content)


def named(place: str, *sides: object) -> str:
    """A path such as `OptionSettings/0/Value` with dots, and with the names of list elements in the place of their
    numbers where `sides`, the properties before and after, have the same: an option of Elastic Beanstalk, a variable,
    a tag."""
    parts, values = [], list(sides)
    for part in place.split("/"):
        names = set()
        if part.isdigit():
            values = [value[int(part)] for value in values if isinstance(value, list) and int(part) < len(value)]
            names = {_own_name(value) for value in values}
        else:
            values = [value[part] for value in values if isinstance(value, dict) and part in value]
        parts.append(names.pop() or part if len(names) == 1 else part)
    return ".".join(parts)


def _own_name(element: object) -> str:
    """What a list element is called; empty when it has no name, or none yet."""
    if not isinstance(element, dict):
        return ""
    if "OptionName" in element:  # unique in its namespace only
        return f"{element.get('Namespace')}.{element['OptionName']}"
    name = next((str(element[key]) for key in ELEMENT_NAMES if key in element), "")
    return "" if is_unknown(name) else name
