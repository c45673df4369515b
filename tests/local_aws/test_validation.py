"""What CloudFormation looks at before the execution: conflicts of names, buckets that are not empty, hooks."""

import copy
from typing import Any

import pytest

from scripts.local_aws import validation
from scripts.local_aws.faults import HOOK, ResourceFault
from tests.local_aws.own import Own
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


# -- the rules themselves, in an account of the test's own


NOTE, BUCKET, TOPIC = "AWS::SSM::Parameter", "AWS::S3::Bucket", "AWS::SNS::Topic"


def note(name: Any = "/there", **attributes: Any) -> dict[str, Any]:
    return {"Type": NOTE, "Properties": {"Type": "String", "Value": "x", "Name": name}, **attributes}


def outcome(own: Own, template: dict[str, Any], kind: str = "CREATE", **more: Any) -> tuple[str, str, list[str]]:
    """Status, reason and actions of a change set."""
    change_set = own.plan(f"app{len(own.account.stacks)}" if kind == "CREATE" else "app", template, kind, **more)
    shown = own.call("describe_change_set", ChangeSetName=change_set)
    actions = [change["ResourceChange"]["Action"] for change in shown["Changes"]]
    return shown["Status"], shown.get("StatusReason", ""), actions


CONFLICT = (
    "The following hook(s)/validation failed: [AWS::EarlyValidation::ResourceExistenceCheck]. To troubleshoot Early "
    "Validation errors, use the DescribeEvents API for detailed failure information."
)
PROPERTY = CONFLICT.replace("ResourceExistenceCheck", "PropertyValidation")


@pytest.mark.parametrize(
    ("resource", "more", "expected"),
    [
        (note("/free"), {}, ("CREATE_COMPLETE", "", ["Add"])),
        (note(), {}, ("FAILED", CONFLICT, ["Add"])),
        (note(), {"DisableValidation": True}, ("CREATE_COMPLETE", "", ["Add"])),
        (note(DeletionPolicy="Retain"), {}, ("FAILED", CONFLICT, ["Add"])),
        (note({"Fn::Sub": "/there"}), {}, ("FAILED", CONFLICT, ["Add"])),
        (note({"Ref": "Topic"}), {}, ("CREATE_COMPLETE", "", ["Add"])),
        (note(DeletionPolicy="Retain"), {"ImportExistingResources": True}, ("CREATE_COMPLETE", "", ["Import"])),
        (
            note(DeletionPolicy="Retain"),
            {"ImportExistingResources": True, "DisableValidation": True},
            ("CREATE_COMPLETE", "", ["Import"]),
        ),
        (
            note(DeletionPolicy="RetainExceptOnCreate"),
            {"ImportExistingResources": True},
            ("CREATE_COMPLETE", "", ["Import"]),
        ),
        (
            note(),
            {"ImportExistingResources": True},
            (
                "FAILED",
                "Resource Note is to be imported: its DeletionPolicy must be Retain or RetainExceptOnCreate",
                [],
            ),
        ),
        (
            note({"Fn::Sub": "/there"}, DeletionPolicy="Retain"),
            {"ImportExistingResources": True},
            ("FAILED", CONFLICT, ["Add"]),
        ),
        (note("/free", DeletionPolicy="Retain"), {"ImportExistingResources": True}, ("CREATE_COMPLETE", "", ["Add"])),
        ({"Type": TOPIC, "Properties": {"Colour": "red"}}, {}, ("FAILED", PROPERTY, ["Add"])),
        (
            {"Type": TOPIC, "Properties": {"Colour": "red"}},
            {"DisableValidation": True},
            ("CREATE_COMPLETE", "", ["Add"]),
        ),
    ],
)
def test_what_is_there_already_is_a_conflict_or_is_taken_over(
    own: Own, resource: dict[str, Any], more: dict[str, Any], expected: tuple[str, str, list[str]]
) -> None:
    own.client("ssm").put_parameter(Name="/there", Value="x", Type="String")
    template = {"Resources": {"Note": resource}}
    if "Ref" in str(resource):
        template["Resources"]["Topic"] = {"Type": TOPIC}
        expected = (*expected[:2], ["Add", "Add"])
    assert outcome(own, template, **more) == expected


def test_what_a_stack_has_is_not_taken_over_by_another(own: Own) -> None:
    own.do("create_stack", "app", {"Resources": {"Note": note()}})
    second = {"Resources": {"Note": note(DeletionPolicy="Retain")}}
    status, reason, _ = outcome(own, second, ImportExistingResources=True)
    stack = own.stack("app")["StackId"]
    assert (status, reason) == ("FAILED", f"Resource /there of Note already belongs to stack {stack}")


def test_what_failed_to_be_created_is_no_conflict_with_itself(own: Own) -> None:
    template = {"Resources": {"Note": note()}}
    with own.failing(ResourceFault("create", "app/Note", reason="no")):
        own.do("create_stack", "app", template, DisableRollback=True)
    assert outcome(own, template, "UPDATE") == ("CREATE_COMPLETE", "", ["Add"])


@pytest.mark.parametrize("kind", sorted(validation.UNSEEN))
def test_types_that_early_validation_passes_over(own: Own, kind: str) -> None:
    """CloudFormation user guide, "Validate stack deployments"."""
    template = {"Resources": {"Odd": {"Type": kind, "Properties": {"Colour": "red"}}}}
    assert outcome(own, template) == ("CREATE_COMPLETE", "", ["Add"])


def test_a_bucket_that_is_to_go_and_is_not_empty_is_a_warning(own: Own) -> None:
    names = {name: f"{name.lower()}-{own.number}" for name in ("Full", "Marked", "Empty", "Kept", "Moved")}
    buckets = {name: {"Type": BUCKET, "Properties": {"BucketName": names[name]}} for name in names}
    versions = {"VersioningConfiguration": {"Status": "Enabled"}}
    buckets["Marked"]["Properties"] |= versions  # type: ignore[operator]
    buckets["Kept"]["DeletionPolicy"] = "Retain"
    own.do("create_stack", "app", {"Resources": {**buckets, "Topic": {"Type": TOPIC}}})
    s3 = own.client("s3")
    for name in ("Full", "Kept", "Moved"):
        s3.put_object(Bucket=names[name], Key="a", Body=b"")
    version = s3.put_object(Bucket=names["Marked"], Key="a", Body=b"")["VersionId"]
    s3.delete_object(Bucket=names["Marked"], Key="a")
    s3.delete_object(Bucket=names["Marked"], Key="a", VersionId=version)  # which leaves the marker alone
    after = {"Type": BUCKET, "Properties": {"BucketName": f"other-{own.number}"}}
    change_set = own.plan("app", {"Resources": {"Moved": after, "Topic": {"Type": TOPIC}}})
    why = "is not empty. You must either delete all objects and versions or use the deletion policy to retain it"
    listed = own.cloudformation.describe_events(ChangeSetName=change_set)["OperationEvents"]
    members = (
        "LogicalResourceId",
        "ValidationName",
        "ValidationFailureMode",
        "ValidationPath",
        "ValidationStatusReason",
    )
    assert sorted(tuple(event[name] for name in members) for event in listed) == [
        (
            name,
            "BUCKET_EMPTINESS_VALIDATION",
            "WARN",
            f"/Resources/{name}",
            f"The bucket '{names[name]}' {why}, otherwise the delete operation will fail.",
        )
        for name in ("Full", "Marked", "Moved")
    ]
    assert own.call("describe_change_set", ChangeSetName=change_set)["Status"] == "CREATE_COMPLETE"
    s3.delete_bucket(Bucket=names["Empty"])
    quiet = own.plan("app", {"Resources": {"Topic": {"Type": TOPIC}}}, name="quiet", DisableValidation=True)
    assert own.call("describe_events", ChangeSetName=quiet) == {"OperationEvents": []}
    gone = own.plan("app", {"Resources": {**buckets, "Empty": after}}, name="gone")
    assert own.call("describe_events", ChangeSetName=gone) == {"OperationEvents": []}, "no bucket, no object in it"


IDENTIFIERS = {
    BUCKET: "BucketName",
    NOTE: "Name",
    "AWS::Logs::LogGroup": "LogGroupName",
    TOPIC: "",  # AWS makes it up
    "AWS::CodeCommit::Repository": "",
    "AWS::SQS::Queue": "",  # no row
    "AWS::ApplicationAutoScaling::ScalingPolicy": "",  # of two parts
}


@pytest.mark.parametrize(("kind", "expected"), IDENTIFIERS.items())
def test_the_property_by_which_a_template_identifies_a_resource(kind: str, expected: str) -> None:
    assert validation.identifier(kind) == expected


def test_a_task_definition_takes_the_next_revision_of_its_family(own: Own) -> None:
    container = {"Name": "app", "Image": "x", "Memory": 128}
    task = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"Family": "own", "ContainerDefinitions": [container]}}
    for number in (1, 2):
        own.do("create_stack", f"app{number}", {"Resources": {"Task": task}})
        physical = own.account.find(f"app{number}").resources["Task"].physical
        assert physical.endswith(f":task-definition/own:{number}")
