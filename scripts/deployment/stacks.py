"""A stack as CloudFormation holds it, and its leftovers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from generator.reading.templates import STACK
from scripts.deployment.aws import Answer, Aws
from scripts.deployment.errors import AwsError
from scripts.deployment.statuses import Meaning, meaning

# Change sets whose names start so are ours; nobody else's are ever touched.
OURS = "deploy-"


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
    """The status of each nested stack, by its logical id."""
    return {
        resource["LogicalResourceId"]: resource["ResourceStatus"]
        for page in aws.pages("cloudformation", "list_stack_resources", StackName=stack.id)
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == STACK
    }


def clear_change_sets(aws: Aws, stack: Stack) -> int:
    """Removes the change sets that earlier runs of this script left; returns how many."""
    names = [
        summary["ChangeSetId"]
        for page in aws.pages("cloudformation", "list_change_sets", StackName=stack.id)
        for summary in page["Summaries"]
        # A child's belongs to its root's and goes with it; an executed one is a record.
        if summary["ChangeSetName"].startswith(OURS)
        and not summary.get("ParentChangeSetId")
        and summary.get("ExecutionStatus") != "EXECUTE_COMPLETE"
    ]
    for name in names:
        delete_change_set(aws, name)
    return len(names)


def delete_change_set(aws: Aws, change_set: str) -> None:
    """Deletes a change set with its children. One that is gone is fine, and so is an executed one, which AWS may keep
    as a record (copilot-cli issue 4426)."""
    try:
        aws.call("cloudformation", "delete_change_set", ChangeSetName=change_set)
    except AwsError as error:
        # Codes: `ChangeSetNotFoundException`, `InvalidChangeSetStatusException` in botocore's model of CloudFormation.
        if error.code == "InvalidChangeSetStatus":
            kept = aws.call("cloudformation", "describe_change_set", ChangeSetName=change_set)
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
    )
