"""Stacks as values: what the engine keeps of each stack, its resources, events and change sets."""

import datetime
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

from generator.cfn.templates import STACK, Template

# `drawn`: each step is drawn. `ranked`: the seed gives each resource of a stack a rank, and of all that can go on the
# first in rank does, until it is done; `reversed` is the same from the last rank, so that of two resources of which
# neither needs anything each comes first once. A ranking and its reverse show more pairs in both orders than eight
# seeds of steps that are drawn (of staging's resources: 1,254 and 1,042 pairs).
ORDERS = ("drawn", "ranked", "reversed")
UNKNOWN_SPELLINGS = ("change set", "intrinsic", "mixed")
RETAINED = ("Retain", "RetainExceptOnCreate")


class RefusedCallError(Exception):
    """A call that CloudFormation would refuse, with its error code."""

    def __init__(self, message: str, code: str = "ValidationError") -> None:
        self.code, self.message = code, message
        super().__init__(message)


class StackError(Exception):
    """A stack whose resources did not all come to be; the message is the stack's status reason."""


def now() -> datetime.datetime:
    """The time of an event."""
    return datetime.datetime.now(datetime.UTC)


def identifier(*seed: object) -> str:
    """A UUID that is the same for the same seed, so that runs against a fresh server can be compared."""
    return str(uuid.UUID(hashlib.md5("/".join(map(str, seed)).encode(), usedforsecurity=False).hexdigest()))


@dataclass(frozen=True)
class Behaviour:
    """How an account behaves where AWS leaves it open.

    `seed` decides the order of what nothing orders, in a way of `ORDERS`. `unknown` is how a preview spells what only
    the execution will know, one of `UNKNOWN_SPELLINGS`. With `spurious`, a nested change set takes such a placeholder
    for a new value, and so shows changes and replacements that will not come. `deletion_seconds` are those that a
    change set's deletion takes, with its nested ones; `interface_seconds` those that CloudFront leaves its interfaces
    in a network after their VPC origin is gone; `environment_seconds` those that an environment of Elastic Beanstalk is
    not ready after a change. `addresses` are the Elastic IP addresses that a Region may have, 0 for as many as are
    asked for. `pace` is the part of its typical duration that the creation of a resource takes here (`durations.py`):
    0.01 makes a minute 0.6 seconds, 0 nothing.
    """

    seed: int = 0
    order: str = "drawn"
    unknown: str = "mixed"
    spurious: bool = True
    deletion_seconds: float = 0.0
    interface_seconds: float = 0.0
    environment_seconds: float = 0.0
    addresses: int = 0
    pace: float = 0.0

    def __post_init__(self) -> None:
        if self.pace < 0:
            raise ValueError(f"pace is {self.pace}: give 0 or more")
        if self.order not in ORDERS:
            raise ValueError(f"order is {self.order!r}: give one of {', '.join(ORDERS)}")
        if self.unknown not in UNKNOWN_SPELLINGS:
            raise ValueError(f"unknown is {self.unknown!r}: give one of {', '.join(UNKNOWN_SPELLINGS)}")


@dataclass(frozen=True)
class Drift:
    """How a resource was found when it was checked; `differences` are places with the expected and the actual value."""

    status: str  # IN_SYNC, MODIFIED, DELETED or UNKNOWN
    differences: tuple[tuple[str, Any, Any], ...] = ()
    reason: str = ""
    moment: datetime.datetime = field(default_factory=now)


@dataclass
class Resource:
    """One resource of a stack as it stands. `properties` are resolved but for dynamic references."""

    logical: str
    kind: str
    body: Mapping[str, Any]
    properties: dict[str, Any]
    physical: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    status: str = ""
    reason: str = ""
    updated: datetime.datetime = field(default_factory=now)
    drift: Drift | None = None
    adopted: str = ""  # the operation that took it over
    unheld: dict[str, str] = field(default_factory=dict)  # what the service does not hold -> what is kept instead

    @property
    def nested(self) -> bool:
        """Whether it is a nested stack."""
        return self.kind == STACK


@dataclass(frozen=True)
class Target:
    """What a stack is to become: template text and its reading, parameters as given and as resolved, tags."""

    text: str
    template: Template
    supplied: Mapping[str, str]
    values: Mapping[str, str]
    tags: Mapping[str, str]
    capabilities: tuple[str, ...]


@dataclass(frozen=True)
class Settings:
    """What is given with a change set or update beside the target; None is as before."""

    role: str | None = None
    notifications: tuple[str, ...] | None = None
    triggers: Mapping[str, Any] | None = None  # RollbackConfiguration

    def over(self, before: "Settings") -> "Settings":
        """These settings where they are given, otherwise those before."""
        return Settings(
            before.role if self.role is None else self.role,
            before.notifications if self.notifications is None else self.notifications,
            before.triggers if self.triggers is None else self.triggers,
        )


@dataclass
class Operation:
    """One run over a root stack and everything nested in it."""

    id: str
    token: str = ""
    disable_rollback: bool = False
    delete_on_failure: bool = False
    retain_except_on_create: bool = False
    imports: dict[tuple[str, str], str] = field(default_factory=dict)  # (stack's id, logical id) -> physical id
    key: str = ""  # the access key that started it
    undoing: bool = False
    force: bool = False  # what cannot be deleted is left behind
    # What an update did, in order: (stack, logical id, resource before, resource after).
    journal: list[tuple["Stack", str, Resource | None, Resource | None]] = field(default_factory=list)
    # Stacks that an update went through, with what they were before.
    before: list[tuple["Stack", Target, dict[str, Resource], dict[str, str]]] = field(default_factory=list)
    # Resources that had to go before their replacement was made: type and physical id.
    deleted_first: set[tuple[str, str]] = field(default_factory=set)
    undone: set[int] = field(default_factory=set)  # places in the journal that a rollback is through with


@dataclass
class Stack:
    """One stack, nested or not."""

    name: str
    id: str
    parent: "Stack | None" = None
    logical: str = ""  # its logical id in the parent
    target: Target | None = None
    status: str = "REVIEW_IN_PROGRESS"
    reason: str = "User Initiated"
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    created: datetime.datetime = field(default_factory=now)
    updated: datetime.datetime | None = None
    deleted: datetime.datetime | None = None
    protected: bool = False
    policy: str | None = None
    settings: Settings = Settings()
    disable_rollback: bool = False
    change_set: str | None = None
    cancelled: bool = False
    unfinished: Operation | None = None  # an update that failed and was not rolled back, or not wholly
    running: Thread | None = None
    last: list[dict[str, str]] = field(default_factory=list)

    @property
    def root(self) -> "Stack":
        """The stack at the top."""
        return self if self.parent is None else self.parent.root

    @property
    def path(self) -> str:
        """The root's name and the logical ids down to it."""
        return self.name if self.parent is None else f"{self.parent.path}/{self.logical}"

    def event(
        self,
        operation: Operation,
        resource: Resource | None,
        status: str,
        reason: str = "",
        more: Mapping[str, str] | None = None,
    ) -> None:
        """Sets the status of a resource, or of the stack itself, and records it, with `more` members of the event."""
        moment, subject = now(), resource
        if subject is None:
            self.status, self.reason = status, reason
        else:
            subject.status, subject.reason, subject.updated = status, reason, moment
        event = {
            "StackId": self.id,
            "StackName": self.name,
            "EventId": identifier(self.id, len(self.events)),
            "OperationId": operation.id,
            "LogicalResourceId": subject.logical if subject else self.name,
            "PhysicalResourceId": subject.physical if subject else self.id,
            "ResourceType": subject.kind if subject else STACK,
            "Timestamp": moment,
            "ResourceStatus": status,
        }
        optional = {"ResourceStatusReason": reason, "ClientRequestToken": operation.token}
        self.events.append(event | {name: value for name, value in optional.items() if value} | dict(more or {}))


@dataclass(frozen=True)
class Fault:
    """What early validation says about a resource: name of the check, FAIL or WARN, reason and place."""

    logical: str
    kind: str
    name: str
    mode: str
    reason: str
    place: str


@dataclass
class Change:
    """One planned change of a resource, before and after fully resolved as far as it is known."""

    action: str  # Add, Modify, Remove, Import
    logical: str
    kind: str
    physical: str = ""
    replacement: str = ""
    scope: list[str] = field(default_factory=list)
    details: list[dict[str, Any]] = field(default_factory=list)
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    policy_action: str = ""
    drift: str = ""
    nested: "ChangeSet | None" = None


@dataclass
class ChangeSet:
    """A change set, of a root or of a nested stack."""

    name: str
    id: str
    stack: Stack
    kind: str  # CREATE, UPDATE or IMPORT
    target: Target
    description: str | None = None
    include_nested: bool = False
    on_failure: str | None = None
    settings: Settings = Settings()
    token: str = ""
    mode: str | None = None  # REVERT_DRIFT
    drift: str = ""
    parent: "ChangeSet | None" = None
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    execution: str = "AVAILABLE"
    changes: list[Change] = field(default_factory=list)
    below: list["ChangeSet"] = field(default_factory=list)  # those of nested stacks, without changes too
    faults: list[Fault] = field(default_factory=list)
    validated: bool = True
    import_existing: bool = False
    imports: dict[str, str] = field(default_factory=dict)  # ResourcesToImport: logical id -> physical id
    created: datetime.datetime = field(default_factory=now)
    reviewed: bool = False  # the stack exists only because of this change set

    @property
    def root(self) -> "ChangeSet":
        """The change set of the root stack."""
        return self if self.parent is None else self.parent.root

    def family(self) -> list["ChangeSet"]:
        """Itself and every nested one."""
        return [self, *(member for nested in self.below for member in nested.family())]
