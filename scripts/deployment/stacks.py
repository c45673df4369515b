"""A stack as CloudFormation holds it, and its leftovers."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from generator.cfn.names import CHANGE_SETS
from generator.cfn.templates import STACK
from scripts.deployment import author
from scripts.deployment.aws import Answer, Aws
from scripts.deployment.errors import AwsError
from scripts.deployment.statuses import Meaning, meaning

# Change sets whose names start so are ours; nobody else's are ever touched. Those of saved plans are taken away by no
# other run.
OURS, SAVED = CHANGE_SETS
# A plan that nobody has agreed to for so long was left behind, wherever it was made.
STALE = timedelta(hours=1)


@dataclass(frozen=True)
class Stack:
    """A stack that exists."""

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

    @property
    def meaning(self) -> Meaning:
        return meaning(self.status)

    @property
    def remedy(self) -> str:
        """What a person does about its status, where the script must not act."""
        return self.meaning.remedy.replace("<stack>", self.name)


def read(aws: Aws, name: str) -> Stack | None:
    """The stack of that name or id, or None. A deleted one is only found by its id."""
    try:
        answer = aws.call("cloudformation", "describe_stacks", StackName=name)
    except AwsError as error:
        # CloudFormation has no code of its own for this.
        if error.code == "ValidationError" and "does not exist" in error.message:
            return None
        raise
    return _stack(answer["Stacks"][0])


def children(aws: Aws, stack: Stack) -> dict[str, str]:
    """The status of each nested stack, by its logical id: its own, because the parent's record of it stays as it is
    when somebody deletes it."""
    return {
        resource["LogicalResourceId"]: _own_status(aws, resource)
        for page in aws.pages("cloudformation", "list_stack_resources", StackName=stack.id)
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == STACK
    }


def _own_status(aws: Aws, resource: Answer) -> str:
    status, physical_id = resource["ResourceStatus"], resource.get("PhysicalResourceId", "")
    nested = read(aws, physical_id) if physical_id and status != "DELETE_COMPLETE" else None
    gone = nested is not None and nested.status == "DELETE_COMPLETE"
    return f"DELETE_COMPLETE, outside of this deployment; the parent has it as {status}" if gone else status


def clear_change_sets(aws: Aws, stack: Stack) -> int:
    """Removes the change sets that earlier runs of this script left; returns how many. The plan that somebody else is
    looking at stays: whose run is not known to have ended may still be at the prompt. The one that was executed last
    goes, too: while it is there, so are those of nested stacks without changes, which add up (copilot-cli
    issue 5614)."""
    names = [one["ChangeSetId"] for one in change_sets(aws, stack.id) if _left(one)]
    if stack.change_set.partition(":changeSet/")[2].startswith((OURS, SAVED)):
        names.append(stack.change_set)
    for name in names:
        delete_change_set(aws, name)
    return len(names)


def delete_empty(aws: Aws, name: str) -> None:
    """Deletes the stack that a first change set brought with it, unless somebody else plans to create it, too."""
    left = read(aws, name)
    if left and left.status == "REVIEW_IN_PROGRESS" and not list(change_sets(aws, left.id)):
        aws.call("cloudformation", "delete_stack", StackName=left.id)


def change_sets(aws: Aws, stack_id: str) -> Iterator[Answer]:
    """The change sets of a root that can still be executed, or failed. A child's belongs to its root's and goes with
    it; an executed one is a record; one that is being deleted stays listed for a while."""
    for page in aws.pages("cloudformation", "list_change_sets", StackName=stack_id):
        for summary in page["Summaries"]:
            going = summary.get("Status", "").startswith("DELETE_") and summary["Status"] != "DELETE_FAILED"
            executed = summary.get("ExecutionStatus") == "EXECUTE_COMPLETE"
            if not (summary.get("ParentChangeSetId") or going or executed):
                yield summary


def _left(summary: Answer) -> bool:
    if not summary["ChangeSetName"].startswith(OURS):
        return False
    by = author.read(summary.get("Description", ""))
    return bool(by and by.gone) or datetime.now(UTC) - summary["CreationTime"] > STALE


def create_change_set(aws: Aws, **asked: Any) -> Answer:
    """A new change set. The name is this plan's alone: when it exists already, it was made by a call whose answer was
    lost on the way and which was sent again."""
    named = {"StackName": asked["StackName"], "ChangeSetName": asked["ChangeSetName"]}
    try:
        return aws.call("cloudformation", "create_change_set", **asked)
    except AwsError as error:
        # Code: `AlreadyExistsException` in botocore's model of CloudFormation.
        if error.code != "AlreadyExistsException":
            raise
    except KeyboardInterrupt:  # it may have been made
        with suppress(AwsError):
            delete_change_set(aws, named["ChangeSetName"], named["StackName"])
            delete_empty(aws, named["StackName"])
        raise
    made = aws.call("cloudformation", "describe_change_set", **named)
    return {"Id": made["ChangeSetId"], "StackId": made["StackId"]}


def delete_change_set(aws: Aws, change_set: str, stack: str = "") -> None:
    """Deletes a change set, named by its id or by name and stack, with its children. One that is gone is fine, and so
    is an executed one, which AWS may keep as a record (copilot-cli issue 4426)."""
    named = {"ChangeSetName": change_set, **({"StackName": stack} if stack else {})}
    try:
        aws.call("cloudformation", "delete_change_set", **named)
    except AwsError as error:
        # Codes: `ChangeSetNotFoundException`, `InvalidChangeSetStatusException` in botocore's model of CloudFormation.
        if error.code == "InvalidChangeSetStatus":
            kept = aws.call("cloudformation", "describe_change_set", **named)
            if kept["ExecutionStatus"] == "EXECUTE_COMPLETE":
                return
        if error.code != "ChangeSetNotFound":
            raise


def _stack(answer: Answer) -> Stack:
    return Stack(
        answer["StackName"],
        answer["StackId"],
        answer["StackStatus"],
        answer.get("StackStatusReason", ""),
        f"{answer.get('LastUpdatedTime', answer['CreationTime']):%Y-%m-%d %H:%M:%S UTC}",
        {output["OutputKey"]: output["OutputValue"] for output in answer.get("Outputs", ())},
        {one["ParameterKey"]: one.get("ParameterValue", "") for one in answer.get("Parameters", ())},
        {tag["Key"]: tag["Value"] for tag in answer.get("Tags", ())},
        answer.get("ChangeSetId", ""),
        answer.get("EnableTerminationProtection", False),
    )
