"""What CloudFormation looks at before the execution: conflicts of names, buckets that are not empty, hooks."""

import copy
from typing import Any

import pytest

from scripts.local_aws.faults import HOOK, ResourceFault
from tests.local_aws.support import Aws, failing, reasons
from tests.local_aws.trees import LEAVES, READER, leaf, root


def named(name: str, **more: Any) -> dict[str, Any]:
    return {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name}, **more}}}


def problems(aws: Aws, plan: Any) -> list[tuple[str, str, str, str]]:
    events = aws.stacks.describe_events(ChangeSetName=plan["ChangeSetId"])["OperationEvents"]
    assert {event["EventType"] for event in events} <= {"VALIDATION_ERROR"}
    members = ("LogicalResourceId", "ValidationName", "ValidationFailureMode", "ValidationPath")
    return [tuple(event[name] for name in members) for event in events]


def test_a_conflict_of_names_fails_the_change_set(aws: Aws) -> None:
    aws.s3.create_bucket(Bucket="taken-already")
    plan = aws.plan("conflict", named("taken-already"), "CREATE")
    assert plan["Status"] == "FAILED"
    assert "[AWS::EarlyValidation::ResourceExistenceCheck]" in plan["StatusReason"]
    assert leaf(plan, "Bucket")["Action"] == "Add", "the changes are shown all the same"
    assert problems(aws, plan) == [("Bucket", "NAME_CONFLICT_VALIDATION", "FAIL", "/Resources/Bucket")]
    [event] = aws.stacks.describe_events(ChangeSetName=plan["ChangeSetId"])["OperationEvents"]
    assert event["ValidationStatusReason"] == (
        "Resource of type 'AWS::S3::Bucket' with identifier 'taken-already' already exists."
    )
    aws.stacks.delete_change_set(ChangeSetName=plan["ChangeSetId"])
    plan = aws.plan("conflict", named("taken-already"), "CREATE", DisableValidation=True)
    assert plan["Status"] == "CREATE_COMPLETE"
    assert aws.execute(plan)["StackStatus"] == "ROLLBACK_COMPLETE"
    aws.delete("conflict")


def test_a_conflict_inside_a_nested_stack_is_told_there(aws: Aws) -> None:
    aws.client("ssm").put_parameter(Name="/taken/already", Value="x", Type="String")
    reader: dict[str, Any] = copy.deepcopy(READER)
    reader["Resources"]["Note"]["Properties"]["Name"] = "/taken/already"
    plan = aws.plan("deep", root(aws, reader=reader, suffix="-deep"), "CREATE")
    assert plan["StatusReason"].endswith("was not successfully created: Currently in FAILED.")
    nested = aws.described(plan["StatusReason"].split()[3])
    assert problems(aws, nested) == [("Note", "NAME_CONFLICT_VALIDATION", "FAIL", "/Resources/Note")]
    aws.delete("deep")


def test_a_bucket_that_is_not_empty_is_a_warning(aws: Aws) -> None:
    aws.deploy("filled", named("filled-up"))
    aws.s3.put_object(Bucket="filled-up", Key="a", Body=b"")
    plan = aws.plan("filled", {"Resources": {"Other": {"Type": "AWS::Logs::LogGroup"}}})
    assert plan["Status"] == "CREATE_COMPLETE"
    assert problems(aws, plan) == [("Bucket", "BUCKET_EMPTINESS_VALIDATION", "WARN", "/Resources/Bucket")]
    retained = aws.plan("filled", named("filled-up", DeletionPolicy="Retain"))
    aws.execute(retained)
    plan = aws.plan("filled", {"Resources": {"Other": {"Type": "AWS::Logs::LogGroup"}}})
    assert problems(aws, plan) == []
    aws.delete("filled")


def test_types_that_early_validation_passes_over_fail_later(aws: Aws) -> None:
    group = {"Type": "AWS::CodeBuild::ReportGroup", "Properties": {"Colour": "red"}}
    plan = aws.plan("unseen", {"Resources": {"Group": group}}, "CREATE")
    assert plan["Status"] == "CREATE_COMPLETE"
    assert aws.execute(plan)["StackStatus"] == "ROLLBACK_COMPLETE"
    [(_, reason)] = reasons(aws, "unseen", "CREATE_FAILED")
    assert reason.startswith("Properties validation failed for resource Group with message:")
    aws.delete("unseen")


@pytest.mark.parametrize("hooked", [False, True])
def test_hooks(aws: Aws, hooked: bool) -> None:
    name = f"hooked-{hooked}".lower()
    parameters: dict[str, Any] = {"Versioning": "Enabled", "Days": "7"}
    listed = [ResourceFault("hook", f"{name}/Logs", reason="no log groups here")] if hooked else []
    with failing(aws, *listed):
        plan = aws.plan(name, LEAVES, "CREATE", parameters=parameters)
        shown = aws.stacks.describe_change_set_hooks(ChangeSetName=plan["ChangeSetId"])
        targets = [hook["TargetDetails"]["ResourceTargetDetails"]["LogicalResourceId"] for hook in shown["Hooks"]]
        assert (shown["Status"], targets) == ("PLANNED", ["Logs"] if hooked else [])
        stack = aws.execute(plan)
    assert stack["StackStatus"] == ("ROLLBACK_COMPLETE" if hooked else "CREATE_COMPLETE")
    if hooked:
        refused = [("Logs", f"The following hook(s) failed: [{HOOK}]")]
        assert reasons(aws, name, "CREATE_FAILED")[:1] == refused, "what was under way is cancelled after it"
        [event] = [event for event in aws.events(name) if "HookType" in event]
        assert (event["HookStatus"], event["HookStatusReason"]) == ("HOOK_COMPLETE_FAILED", "no log groups here")
        events = aws.stacks.describe_events(StackName=name)["OperationEvents"]
        assert [event["LogicalResourceId"] for event in events if event["EventType"] == "HOOK_INVOCATION_ERROR"] == [
            "Logs"
        ]
    aws.delete(name)
