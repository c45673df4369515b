"""What CloudFormation holds: a stack as it stands, what is in it, and the change sets on it."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from generator.cfn.names import CHANGE_SETS
from generator.cfn.stacks import Stack, StackResource
from scripts.deployment.aws import Answer, Aws
from scripts.deployment.errors import AwsError, ManualActionRequiredError, OvertakenError

# Change sets whose names start so are ours; nobody else's are ever touched. Those of saved plans are taken away by no
# other run.
OURS, SAVED = CHANGE_SETS
# What CloudFormation answers to a first change set when the stack has been created meanwhile; there is no code for it.
CREATED = "already exists and cannot be created again"


def read(aws: Aws, name: str) -> Stack | None:
    """The stack of that name or id, or None. A deleted one is only found by its id."""
    try:
        answer = aws.call("cloudformation", "describe_stacks", StackName=name)["Stacks"][0]
    except AwsError as error:
        # CloudFormation has no code of its own for this.
        if error.code == "ValidationError" and "does not exist" in error.message:
            return None
        raise
    return Stack.described(answer)


def manual_action(stack: Stack) -> ManualActionRequiredError:
    """What a person has to do about the status of a stack."""
    return ManualActionRequiredError(f"{stack.name} {stack.meaning.text} ({stack.status}).", stack.remedy)


def resources(aws: Aws, stack_id: str) -> Iterator[StackResource]:
    """What is in a stack, for 90 days also in a deleted one (API reference, ListStackResources)."""
    for page in aws.pages("cloudformation", "list_stack_resources", StackName=stack_id):
        yield from (StackResource.listed(entry, stack_id) for entry in page["StackResourceSummaries"])


# --- change sets


def delete_empty(aws: Aws, name: str) -> None:
    """Deletes the stack that a first change set brought with it, unless somebody else plans to create it, too."""
    stack = read(aws, name)
    if stack and stack.status == "REVIEW_IN_PROGRESS" and not list(change_sets(aws, stack.id)):
        aws.call("cloudformation", "delete_stack", StackName=stack.id)


def change_sets(aws: Aws, stack_id: str) -> Iterator[Answer]:
    """The change sets of a root that can still be executed, or failed. A child's belongs to its root's and goes with
    it; an executed one is a record; one that is being deleted stays listed for a while."""
    for page in aws.pages("cloudformation", "list_change_sets", StackName=stack_id):
        for summary in page["Summaries"]:
            going = summary.get("Status", "").startswith("DELETE_") and summary["Status"] != "DELETE_FAILED"
            executed = summary.get("ExecutionStatus") == "EXECUTE_COMPLETE"
            if not (summary.get("ParentChangeSetId") or going or executed):
                yield summary


def create_change_set(aws: Aws, **request: Any) -> Answer:
    """A new change set. The name is this plan's alone: when it exists already, it was made by a call whose answer was
    lost on the way and which was sent again."""
    names = {"StackName": request["StackName"], "ChangeSetName": request["ChangeSetName"]}
    try:
        return aws.call("cloudformation", "create_change_set", **request)
    except AwsError as error:
        if CREATED in error.message:
            reason = f"{names['StackName']} did not exist when this was planned, and does now ({error.message})."
            raise OvertakenError(reason, "Run the same command again.") from error
        # Code: `AlreadyExistsException` in botocore's model of CloudFormation.
        if error.code != "AlreadyExistsException":
            raise
    except KeyboardInterrupt:  # it may have been made
        with suppress(AwsError):
            delete_change_set(aws, names["ChangeSetName"], names["StackName"])
            delete_empty(aws, names["StackName"])
        raise
    answer = aws.call("cloudformation", "describe_change_set", **names)
    return {"Id": answer["ChangeSetId"], "StackId": answer["StackId"]}


def delete_change_set(aws: Aws, change_set: str, stack: str = "") -> None:
    """Deletes a change set, named by its id or by name and stack, with its children. One that is gone is fine, and so
    is an executed one, which AWS may keep as a record (copilot-cli issue 4426)."""
    names = {"ChangeSetName": change_set, **({"StackName": stack} if stack else {})}
    try:
        aws.call("cloudformation", "delete_change_set", **names)
    except AwsError as error:
        # Codes: `ChangeSetNotFoundException`, `InvalidChangeSetStatusException` in botocore's model of CloudFormation.
        if error.code == "InvalidChangeSetStatus":
            answer = aws.call("cloudformation", "describe_change_set", **names)
            if answer["ExecutionStatus"] == "EXECUTE_COMPLETE":
                return
        if error.code != "ChangeSetNotFound":
            raise
