"""What a row of the table of needs says; `rows.py` is the table."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

ARN, PLACE = "arn:${AWS::Partition}", "${AWS::Region}:${AWS::AccountId}"
FROM_ACCOUNT = {"aws:SourceAccount": "${AWS::AccountId}"}
FIELD = re.compile(r"<([^<>]+)>")


@dataclass(frozen=True)
class Row:
    """The actions on one kind of resource, and where that is written."""

    actions: tuple[str, ...]
    on: str
    source: str
    when: Mapping[str, str] = field(default_factory=dict, hash=False)


def of(service: str, actions: str) -> tuple[str, ...]:
    """Actions of one service, from their names between spaces."""
    return tuple(f"{service}:{action}" for action in actions.split())


def via(service: str, actions: str, source: str) -> tuple[Row, ...]:
    """What a service does with a customer managed key in the name of the role, `<Key>`."""
    when = {"kms:ViaService": f"{service}.${{AWS::Region}}.amazonaws.com"}
    return (Row(of("kms", actions), "<Key>", source, when),)


def filled(pattern: str, fields: Mapping[str, str], otherwise: str | None = None) -> str:
    """A row's text with its `<Name>`s replaced; `otherwise` stands for those that are not known."""
    return FIELD.sub(lambda match: fields[match[1]] if otherwise is None else fields.get(match[1], otherwise), pattern)
