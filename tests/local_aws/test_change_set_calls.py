"""The operations on change sets: what each refuses, in which words; how long one lives and what its execution does."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest

from scripts.local_aws.faults import ResourceFault
from tests.local_aws.own import Own

TOPIC, NOTE, STACK, ROLE = "AWS::SNS::Topic", "AWS::SSM::Parameter", "AWS::CloudFormation::Stack", "AWS::IAM::Role"


def topic(name: str = "", **attributes: Any) -> dict[str, Any]:
    return {"Type": TOPIC, "Properties": {"DisplayName": name} if name else {}, **attributes}


def body(**resources: Any) -> dict[str, Any]:
    return {"Resources": resources or {"Topic": topic()}}


def text(**resources: Any) -> str:
    return json.dumps(body(**resources))


def imported(**more: Any) -> dict[str, Any]:
    """The arguments of a change set that imports a parameter."""
    entry = {"LogicalResourceId": "Note", "ResourceType": NOTE, "ResourceIdentifier": {"Name": "/there"}}
    note = {"Type": NOTE, "DeletionPolicy": "Retain", "Properties": {"Type": "String", "Value": "x", "Name": "/there"}}
    arguments = {"StackName": "app", "ChangeSetName": "plan", "ChangeSetType": "IMPORT", "ResourcesToImport": [entry]}
    return {**arguments, "TemplateBody": text(Note=note), **more}


def test_a_change_set_is_answered_and_its_name_is_taken(own: Own) -> None:
    own.do("create_stack", "app", body())
    arguments = {"StackName": "app", "ChangeSetName": "plan", "TemplateBody": text(Topic=topic("x"))}
    answer = own.call("create_change_set", ClientToken="token", **arguments)
    assert answer == {
        "Id": "arn:aws:cloudformation:eu-central-1:ACCOUNT:changeSet/plan/#1",
        "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#2",
    }
    assert own.call("create_change_set", ClientToken="token", **arguments) == answer, "the same call again"
    assert own.refused("create_change_set", ClientToken="other", **arguments) == (
        "AlreadyExistsException: ChangeSet plan cannot be created due to a mismatch with existing attribute ClientToken"
    )
    assert own.refused("create_change_set", **arguments) == (
        "AlreadyExistsException: ChangeSet plan cannot be created due to a mismatch with existing attribute ClientToken"
    )
    plain = {**arguments, "ChangeSetName": "plain"}
    own.call("create_change_set", **plain)
    assert own.refused("create_change_set", **plain) == "AlreadyExistsException: ChangeSet plain already exists"
    assert own.refused("create_change_set", ClientToken="token", **plain) == (
        "AlreadyExistsException: ChangeSet plain cannot be created due to a mismatch with existing "
        "attribute ClientToken"
    )
    own.do("create_stack", "other", body())
    assert (
        own.call("create_change_set", **{**arguments, "StackName": "other"})["Id"]
        == "arn:aws:cloudformation:eu-central-1:ACCOUNT:changeSet/plan/#4"
    )
    assert [each["ChangeSetName"] for each in own.call("list_change_sets", StackName="app")["Summaries"]] == [
        "plan",
        "plain",
    ]


def test_what_no_change_set_may_say(own: Own) -> None:
    own.do("create_stack", "app", body())
    own.plan("reviewed", body(), "CREATE")
    arguments = {"StackName": "app", "ChangeSetName": "other", "TemplateBody": text(Topic=topic("x"))}
    refused = {
        "nobody's": own.refused("create_change_set", **{**arguments, "StackName": "nobody"}),
        "creation": own.refused("create_change_set", ChangeSetType="CREATE", **arguments),
        "update": own.refused("create_change_set", **{**arguments, "StackName": "reviewed"}),
        "failure": own.refused("create_change_set", OnStackFailure="DELETE", **arguments),
        "role": own.refused("create_change_set", RoleARN="arn:aws:iam::123456789012:role/nobody", **arguments),
        "topics": own.refused(
            "create_change_set", NotificationARNs=[f"arn:aws:sns:a:1:{n}" for n in range(6)], **arguments
        ),
        "capabilities": own.refused(
            "create_change_set",
            **{
                **arguments,
                "TemplateBody": text(
                    Role={"Type": ROLE, "Properties": {"AssumeRolePolicyDocument": {}, "RoleName": "x"}}
                ),
                "Capabilities": ["CAPABILITY_IAM"],
            },
        ),
    }
    assert refused == {
        "nobody's": "ValidationError: Stack with id nobody does not exist",
        "creation": "ValidationError: Stack [app] already exists and cannot be created again with the changeSet "
        "[other].",
        "update": "ValidationError: Stack [reviewed] does not exist",
        "failure": "ValidationError: OnStackFailure DELETE is only valid for a change set of type CREATE",
        "role": "ValidationError: Role arn:aws:iam::123456789012:role/nobody is invalid or cannot be assumed",
        "topics": "ValidationError: NotificationARNs: at most 5 topics can be given",
        "capabilities": "InsufficientCapabilitiesException: Requires capabilities : [CAPABILITY_NAMED_IAM]",
    }
    assert [change_set.stack.name for change_set in own.account.change_sets.values()] == ["reviewed"]
    assert own.call("describe_stacks")["Stacks"][-1]["StackName"] == "reviewed"


def test_a_second_creation_is_planned_for_the_same_stack_while_it_is_in_review(own: Own) -> None:
    first = own.plan("app", body(), "CREATE")
    own.plan("app", body(Topic=topic("x")), "CREATE", name="second")
    assert len(own.account.stacks) == 1
    assert own.execute(first)[-1] == "stack app CREATE_COMPLETE"
    assert (
        own.refused("describe_change_set", StackName="app", ChangeSetName="second")
        == "ChangeSetNotFound: ChangeSet [second] does not exist"
    )


# -- import


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"Tags": []}, "ValidationError: As part of the import operation, you cannot modify or add [Tags]"),
        (
            {"RoleARN": "arn:aws:iam::1:role/x", "Tags": [{"Key": "a", "Value": "b"}]},
            "ValidationError: As part of the import operation, you cannot modify or add [RoleArn, Tags]",
        ),
        (
            {"IncludeNestedStacks": True},
            (
                "ValidationError: A change set of type IMPORT takes neither IncludeNestedStacks nor "
                "ImportExistingResources"
            ),
        ),
        (
            {"ImportExistingResources": True},
            (
                "ValidationError: A change set of type IMPORT takes neither IncludeNestedStacks nor "
                "ImportExistingResources"
            ),
        ),
        (
            {"TemplateBody": text()},
            (
                "ValidationError: Resources [Note] of type AWS::SSM::Parameter passed in ResourceToImport are not "
                "in the template"
            ),
        ),
        (
            {"TemplateBody": text(Note=topic())},
            (
                "ValidationError: Resources [Note] of type AWS::SSM::Parameter passed in ResourceToImport are not "
                "in the template"
            ),
        ),
        (
            {"TemplateBody": json.dumps({**body(Note=topic()), "Outputs": {"Name": {"Value": "x"}}})},
            "ValidationError: As part of the import operation, you cannot modify or add [Outputs]",
        ),
        (
            {"TemplateBody": text(Note={"Type": NOTE, "Properties": {"Type": "String", "Value": "x"}})},
            "ValidationError: Resources [Note] to import must have a DeletionPolicy in the template",
        ),
        (
            {
                "ResourcesToImport": [
                    {"LogicalResourceId": "Note", "ResourceType": NOTE, "ResourceIdentifier": {"Arn": "x"}}
                ]
            },
            "ValidationError: Invalid identifier ['Arn'] for AWS::SSM::Parameter: it is ['Name']",
        ),
    ],
)
def test_what_no_import_may_say(own: Own, more: dict[str, Any], message: str) -> None:
    own.client("iam").create_role(RoleName="x", AssumeRolePolicyDocument="{}")
    assert own.refused("create_change_set", **imported(**more)) == message
    assert own.account.stacks == {}


def test_an_import_does_nothing_else(own: Own) -> None:
    own.client("ssm").put_parameter(Name="/there", Value="x", Type="String")
    note = json.loads(imported()["TemplateBody"])["Resources"]["Note"]
    own.do("create_stack", "app", body(Gone=topic(), Topic=topic()))

    def outcome(name: str, **resources: Any) -> tuple[str, str]:
        arguments = imported(ChangeSetName=name, TemplateBody=text(Note=note, **resources))
        own.call("create_change_set", **arguments)
        shown = own.call("describe_change_set", StackName="app", ChangeSetName=name)
        return shown["Status"], shown.get("StatusReason", "")

    outcomes = {
        "more": outcome("more", Topic=topic(), Gone=topic(), More=topic(), Another=topic()),
        "others": outcome("others", Topic=topic("x")),
        "fine": outcome("fine", Topic=topic(), Gone=topic()),
    }
    assert outcomes == {
        "more": ("FAILED", "Resources [Another, More] is missing from ResourceToImport list"),
        "others": (
            "FAILED",
            "You have modified resources [Gone, Topic] in your template that are not being imported. "
            "Update, create or delete operations cannot be executed during import operations.",
        ),
        "fine": ("CREATE_COMPLETE", ""),
    }
    own.client("ssm").delete_parameter(Name="/there")
    assert outcome("gone", Topic=topic(), Gone=topic()) == (
        "FAILED",
        "Resource AWS::SSM::Parameter with identifier /there was not found (Note)",
    )
    own.client("ssm").put_parameter(Name="/there", Value="x", Type="String")
    own.execute(own.account.find_change_set("fine", "app").id)
    again = imported(ChangeSetName="again", TemplateBody=text(Note=note, Topic=topic(), Gone=topic()))
    assert own.refused("create_change_set", **again) == (
        "ValidationError: Resources [Note] passed in ResourceToImport are already in a stack and cannot be imported."
    )
    second = own.call("create_change_set", **imported(StackName="second"))
    assert own.call("describe_change_set", StackName="second", ChangeSetName="plan")["StatusReason"] == (
        "Resource /there of Note already belongs to stack arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#2"
    )
    assert second["StackId"].startswith("arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/second/")


# -- execution


def test_what_no_execution_may_say(own: Own) -> None:
    role = {"Type": STACK, "Properties": {"TemplateURL": own.put("child.json", body())}}
    change_set = own.plan("app", body(Child=role), "CREATE", IncludeNestedStacks=True, OnStackFailure="DO_NOTHING")
    child = own.nested_change_set(change_set, "Child")
    own.do("create_stack", "calm", body())
    failed = own.plan("calm", body())
    refused = {
        "of a nested stack": own.refused("execute_change_set", ChangeSetName=child),
        "both": own.refused("execute_change_set", ChangeSetName=change_set, DisableRollback=True),
        "failed": own.refused("execute_change_set", ChangeSetName=failed),
        "deleted": own.refused("delete_change_set", ChangeSetName=child),
    }
    assert refused == {
        "of a nested stack": "InvalidChangeSetStatus: ChangeSet "
        "[arn:aws:cloudformation:eu-central-1:ACCOUNT:changeSet/plan-Child-#2/#1] cannot be "
        "executed in its current status of [CREATE_COMPLETE, UNAVAILABLE]",
        "both": "ValidationError: DisableRollback cannot be given for a change set with OnStackFailure",
        "failed": "InvalidChangeSetStatus: ChangeSet "
        "[arn:aws:cloudformation:eu-central-1:ACCOUNT:changeSet/plan/#3] cannot be executed in its "
        "current status of [FAILED, UNAVAILABLE]",
        "deleted": "InvalidChangeSetStatus: Delete the root change set "
        "arn:aws:cloudformation:eu-central-1:ACCOUNT:changeSet/plan/#4 instead",
    }
    assert own.execute(change_set, ClientRequestToken="token")[-1] == "stack app CREATE_COMPLETE"
    before = own.story()
    assert own.call("execute_change_set", ChangeSetName=change_set, ClientRequestToken="token") == {}
    own.wait()
    assert own.story() == before, "the same call again"
    assert own.refused("execute_change_set", ChangeSetName=change_set) == (
        "InvalidChangeSetStatus: ChangeSet "
        "[arn:aws:cloudformation:eu-central-1:ACCOUNT:changeSet/plan/#4] cannot be executed in its "
        "current status of [CREATE_COMPLETE, EXECUTE_COMPLETE]"
    )
    assert own.call("list_change_sets", StackName="app") == {"Summaries": []}
    shown = [own.call("describe_change_set", ChangeSetName=each)["ExecutionStatus"] for each in (change_set, child)]
    assert shown == ["EXECUTE_COMPLETE", "EXECUTE_COMPLETE"]
    assert own.stack("app")["ChangeSetId"] == own.plain(change_set)
    assert own.call("delete_change_set", StackName="app", ChangeSetName="nobody") == {}, "AWS answers so"


@pytest.mark.parametrize(
    ("planned", "executed", "status", "kept"),
    [
        ({}, {}, "ROLLBACK_COMPLETE", ["DELETE_SKIPPED"]),
        ({"OnStackFailure": "ROLLBACK"}, {}, "ROLLBACK_COMPLETE", ["DELETE_SKIPPED"]),
        ({"OnStackFailure": "DELETE"}, {}, "DELETE_COMPLETE", ["DELETE_SKIPPED"]),
        ({"OnStackFailure": "DO_NOTHING"}, {}, "CREATE_FAILED", []),
        ({}, {"DisableRollback": True}, "CREATE_FAILED", []),
        ({}, {"RetainExceptOnCreate": True}, "ROLLBACK_COMPLETE", ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]),
    ],
)
def test_what_becomes_of_a_stack_whose_change_set_fails(
    own: Own, planned: dict[str, Any], executed: dict[str, Any], status: str, kept: list[str]
) -> None:
    template = body(Kept=topic(DeletionPolicy="Retain"), Topic=topic(DependsOn="Kept"))
    change_set = own.plan("app", template, "CREATE", **planned)
    with own.failing(ResourceFault("create", "app/Topic", reason="no")):
        events = own.execute(change_set, **executed)
    stack = own.stack(own.account.change_sets[change_set].stack.id)
    assert (stack["StackStatus"], stack["DisableRollback"]) == (status, status == "CREATE_FAILED")
    assert own.call("describe_change_set", ChangeSetName=change_set)["ExecutionStatus"] == "EXECUTE_FAILED"
    assert [event.split()[1] for event in events if event.startswith("app/Kept DELETE")] == kept


def test_after_a_failure_without_rollback_only_another_without_rollback_follows(own: Own) -> None:
    with own.failing(ResourceFault("create", "app/Topic", reason="no")):
        own.do("create_stack", "app", body(), DisableRollback=True)
    change_set = own.plan("app", body(Topic=topic("x")))
    assert own.refused("execute_change_set", ChangeSetName=change_set) == (
        "ValidationError: Stack [arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1] is in "
        "CREATE_FAILED: only an execution with DisableRollback can follow"
    )
    assert own.execute(change_set, DisableRollback=True)[-1] == "stack app UPDATE_COMPLETE"
    assert own.stack("app")["LastOperations"][0]["OperationType"] == "UPDATE_STACK"


def test_an_execution_takes_the_settings_of_its_change_set_and_forgets_the_others(own: Own) -> None:
    topics = [f"arn:aws:sns:eu-central-1:{own.number}:a"]
    own.do("create_stack", "app", body(), NotificationARNs=topics)
    monitored = {"MonitoringTimeInMinutes": 3, "RollbackTriggers": []}
    change_set = own.plan(
        "app", body(Topic=topic("x")), RollbackConfiguration=monitored, Tags=[{"Key": "a", "Value": "b"}]
    )
    own.plan("app", body(Topic=topic("y")), name="other")
    own.do("create_stack", "beside", body())
    own.plan("beside", body(Topic=topic("y")), name="other")
    shown = own.call("describe_change_set", ChangeSetName=change_set)
    assert (shown["NotificationARNs"], shown["RollbackConfiguration"]) == ([own.plain(topics[0])], monitored)
    own.execute(change_set)
    stack = own.stack("app")
    assert (stack["NotificationARNs"], stack["RollbackConfiguration"]) == ([own.plain(topics[0])], monitored)
    assert [(each.stack.name, each.name) for each in own.account.change_sets.values()] == [
        ("app", "plan"),
        ("beside", "other"),
    ]


# -- what takes time


def until(own: Own, change_set: str, status: str) -> Any:
    """A change set, once it has a status."""
    limit = time.monotonic() + 30
    while (shown := own.call("describe_change_set", ChangeSetName=change_set))["Status"] != status:
        assert time.monotonic() < limit
        time.sleep(0.01)
    return shown


def test_a_change_set_that_takes_long_is_in_progress_until_it_is_made(own: Own) -> None:
    with own.failing(ResourceFault("plan", "app", seconds=60)):
        change_set = own.plan("app", body(), "CREATE")
        making = [thread.daemon for thread in threading.enumerate() if thread.name == change_set]
        assert making == [True], "it keeps no process alive"
        shown = own.call("describe_change_set", ChangeSetName=change_set)
        assert (shown["Status"], shown["ExecutionStatus"], shown["Changes"]) == (
            "CREATE_IN_PROGRESS",
            "UNAVAILABLE",
            [],
        )
        assert own.refused("execute_change_set", ChangeSetName=change_set) == (
            "InvalidChangeSetStatus: ChangeSet "
            "[arn:aws:cloudformation:eu-central-1:ACCOUNT:changeSet/plan/#1] cannot be executed in its "
            "current status of [CREATE_IN_PROGRESS, UNAVAILABLE]"
        )
    shown = until(own, change_set, "CREATE_COMPLETE")
    assert shown["ExecutionStatus"] == "AVAILABLE"
    assert own.changes(change_set, values=False) == [f"Action=Add LogicalResourceId=Topic ResourceType={TOPIC}"]


def test_a_change_set_fails_by_the_plan_of_faults(own: Own) -> None:
    with own.failing(ResourceFault("plan", "app", reason="Internal error", seconds=0.01)):
        change_set = own.plan("app", body(), "CREATE")
        shown = until(own, change_set, "FAILED")
    assert (shown["ExecutionStatus"], shown["StatusReason"], shown["Changes"]) == ("UNAVAILABLE", "Internal error", [])


def test_the_deletion_of_nested_change_sets_takes_its_time(own: Own) -> None:
    own.behave(deletion_seconds=0.2)
    child = {"Type": STACK, "Properties": {"TemplateURL": own.put("child.json", body())}}
    change_set = own.plan("app", body(Child=child), "CREATE", IncludeNestedStacks=True)
    below = own.nested_change_set(change_set, "Child")
    assert own.call("delete_change_set", ChangeSetName=change_set) == {}
    shown = [own.call("describe_change_set", ChangeSetName=each) for each in (change_set, below)]
    assert [(each["Status"], each["ExecutionStatus"]) for each in shown] == [("DELETE_IN_PROGRESS", "UNAVAILABLE")] * 2
    assert own.call("delete_change_set", ChangeSetName=change_set) == {}, "it goes already"
    limit = time.monotonic() + 30
    while own.account.change_sets:
        assert time.monotonic() < limit
        time.sleep(0.01)
    assert [stack.status for stack in own.account.stacks.values()] == ["REVIEW_IN_PROGRESS", "DELETE_COMPLETE"]
    flat = own.plan("flat", body(), "CREATE")
    own.call("delete_change_set", ChangeSetName=flat)
    assert own.account.change_sets == {}, "at once where nothing is nested"
