"""What a row of the type table says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scripts.local_aws.handlers.handler import ResourceHandler

Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Read:
    """One call that tells what exists.

    `take` is a JMESPath into its answer, with the physical id for `<id>` and its parts for `<0>` and `<1>`. What it
    finds is merged into the state, or kept `under` a name of its own and may then be nothing.
    """

    operation: str | Callable[["ResourceHandler"], dict[str, Any]]
    take: str = "@"
    under: str = ""
    address: Mapping[str, Any] | None = None  # as in a row; the row's own without it
    only: str = ""  # the properties without any of which the call is left out, because it would be an error


@dataclass(frozen=True)
class Setting:
    """A property with a call of its own: on creation when the creating call does not take it, and on every change.

    `put` and `remove` are operations, or functions for what no single call does (`each` with the items of a list).
    """

    name: str
    put: str | Callable[["ResourceHandler", Any], None]
    remove: str | Callable[["ResourceHandler", Any], None] = ""
    address: Mapping[str, Any] | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict)
    default: Any = None  # what it becomes when the template no longer has it
    each: str = ""  # the item's key that `remove` is given, for lists whose items are put one by one


@dataclass(frozen=True)
class Tagging:
    """How tags are changed later; the members that hold tags and keys are found in botocore's model."""

    address: Mapping[str, Any]
    put: str = "tag_resource"
    remove: str = "untag_resource"


@dataclass(frozen=True)
class Row:
    """One resource type.

    Strings with braces are filled with `{id}`, its `{parts[0]}` between bars, its `{last}` part after a colon, `{tail}`
    of that after a slash, its `{end}` after the last one, `{region}`, `{account}`, `{partition}` and the properties.
    Strings that start with `$` are JMESPath into the answer (`identity`) or into what the reads found (elsewhere).
    """

    kind: str
    service: str
    create: str
    identity: str
    address: Mapping[str, Any]
    reads: tuple[Read, ...]
    update: str = ""
    delete: str | Callable[["ResourceHandler"], None] = ""
    settings: tuple[Setting, ...] = ()
    tagging: Tagging | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    rename: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, Any] | Callable[["ResourceHandler"], Mapping[str, Any]] = field(default_factory=dict)
    named: str = ""  # the property that gets a generated name when it has none
    longest: int = 64
    wrap: str = ""  # the member of the creating (and updating) call that takes all properties
    prepare: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    # Property -> where the state shows it: a JMESPath, or a function of value and state that says whether it does.
    seen: Mapping[str, str | Callable[[Any, Mapping[str, Any]], bool]] = field(default_factory=dict)
    update_fixed: Mapping[str, Any] | Callable[["ResourceHandler"], Mapping[str, Any]] = field(default_factory=dict)
    recreate: bool = False  # an update that moto lacks is delete and create under the same name; never for data
    delete_address: Mapping[str, Any] | None = None
    ready: Callable[["ResourceHandler"], bool] | None = None  # whether the service is through with a change
