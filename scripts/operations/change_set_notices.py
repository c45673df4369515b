"""What CloudFormation says about a change set beyond its changes: hooks that will look at it, and warnings of early
validation."""

from collections.abc import Iterator, Sequence

from generator.cfn.changes import Path, PlannedChange, fault_text
from scripts.deployment.aws import Aws
from scripts.deployment.plan import Notice, Plan

BUCKET = "AWS::S3::Bucket"


def change_set_notices(aws: Aws, plan: Plan) -> Iterator[Notice]:
    """The notices about a plan's change set, those of nested ones first."""
    if plan.change_set and not plan.empty:
        yield from _notices(aws, plan.change_set, plan.changes, ())


def _notices(aws: Aws, change_set: str, changes: Sequence[PlannedChange], path: Path) -> Iterator[Notice]:
    """Early validation warns of a bucket that is not empty (User Guide, "Validate stack deployments"), so it is asked
    only where a bucket goes."""
    for change in changes:
        if change.change_set:
            yield from _notices(aws, change.change_set, change.children, change.path)
    if any(change.hooks for change in changes):
        for page in aws.pages("cloudformation", "describe_change_set_hooks", ChangeSetName=change_set):
            for hook in page.get("Hooks", ()):
                target = hook.get("TargetDetails", {}).get("ResourceTargetDetails", {}).get("LogicalResourceId", "")
                fails = "stops" if hook.get("FailureMode") == "FAIL" else "warns about"
                yield Notice("hook", ".".join((*path, target)), f"{hook['TypeName']} {fails} it if it is not content")
    if any((change.type, change.action) == (BUCKET, "Remove") for change in changes):
        for page in aws.pages("cloudformation", "describe_events", ChangeSetName=change_set):
            for event in page.get("OperationEvents", ()):
                if text := fault_text(event):
                    yield Notice("validation", ".".join((*path, event.get("LogicalResourceId", ""))), text)
