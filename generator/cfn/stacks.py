"""A stack and what is in it, as CloudFormation's answers describe them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from generator.cfn.statuses import Meaning, meaning


@dataclass(frozen=True)
class Stack:
    """A stack that exists. `topics` are the ARNs that get its events, `role` is what CloudFormation acts with."""

    name: str
    id: str
    status: str
    reason: str = ""
    since: str = ""  # when it was created or last updated
    outputs: Mapping[str, str] = field(default_factory=dict, hash=False)
    parameters: Mapping[str, str] = field(default_factory=dict, hash=False)
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)
    change_set: str = ""  # what was executed last
    protected: bool = False
    topics: tuple[str, ...] = ()
    role: str = ""

    @property
    def meaning(self) -> Meaning:
        return meaning(self.status)

    @property
    def remedy(self) -> str:
        """What a person does about its status, where the script must not act."""
        return self.meaning.remedy

    @classmethod
    def described(cls, answer: Mapping[str, Any]) -> "Stack":
        """An entry of `DescribeStacks`."""
        return cls(
            answer["StackName"],
            answer["StackId"],
            answer["StackStatus"],
            answer.get("StackStatusReason", ""),
            f"{answer.get('LastUpdatedTime', answer['CreationTime']):%Y-%m-%d %H:%M:%S UTC}",
            {output["OutputKey"]: output["OutputValue"] for output in answer.get("Outputs", ())},
            {entry["ParameterKey"]: entry.get("ParameterValue", "") for entry in answer.get("Parameters", ())},
            {tag["Key"]: tag["Value"] for tag in answer.get("Tags", ())},
            answer.get("ChangeSetId", ""),
            answer.get("EnableTerminationProtection", False),
            tuple(answer.get("NotificationARNs", ())),
            answer.get("RoleARN", ""),
        )


@dataclass(frozen=True)
class StackResource:
    """One resource of a stack. `path` leads to it by logical ids, `stack_id` is the stack that it is in,
    `updated` when the stack last finished something with it."""

    path: tuple[str, ...]
    type: str
    physical_id: str
    status: str
    stack_id: str
    updated: Any = None  # a moment, as the SDK gives it

    def __str__(self) -> str:
        return " > ".join(self.path)

    @classmethod
    def listed(cls, entry: Mapping[str, Any], stack_id: str) -> "StackResource":
        """An entry of `ListStackResources` of a stack; its path is that from this stack."""
        return cls(
            (entry["LogicalResourceId"],),
            entry["ResourceType"],
            entry.get("PhysicalResourceId", ""),
            entry["ResourceStatus"],
            stack_id,
            entry.get("LastUpdatedTimestamp"),
        )
