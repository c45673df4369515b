"""The operations on stacks: what each refuses, in which words; what a repeated call does; pages and policies."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from scripts.local_aws import stack_calls
from scripts.local_aws.faults import ResourceFault
from tests.local_aws.own import Own

TOPIC, NOTE, STACK = "AWS::SNS::Topic", "AWS::SSM::Parameter", "AWS::CloudFormation::Stack"


def topic(name: str = "", **attributes: Any) -> dict[str, Any]:
    return {"Type": TOPIC, "Properties": {"DisplayName": name} if name else {}, **attributes}


def body(**resources: Any) -> dict[str, Any]:
    return {"Resources": resources or {"Topic": topic()}}


def text(**resources: Any) -> str:
    return json.dumps(body(**resources))


def nested(own: Own) -> str:
    """The id of the nested stack of `app`, which is made."""
    child = {"Type": STACK, "Properties": {"TemplateURL": own.put("child.json", body())}}
    own.do("create_stack", "app", body(Child=child))
    return own.child("app", "Child")


def failed_update(own: Own, **more: Any) -> None:
    """A stack whose update failed."""
    own.do("create_stack", "app", body())
    with own.failing(
        ResourceFault("update", "app/Topic", reason="no"), ResourceFault("rollback", "app/Topic", reason="no")
    ):
        own.do("update_stack", "app", body(Topic=topic("x")), **more)


# -- creation


def test_a_creation_is_answered_with_the_stack_and_its_operation(own: Own) -> None:
    arguments = {"StackName": "app", "TemplateBody": text(), "ClientRequestToken": "token"}
    first = own.call("create_stack", **arguments)
    assert first == {"StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1", "OperationId": "#2"}
    own.wait()
    assert own.call("create_stack", **arguments) == first, "the same call again"
    assert own.refused("create_stack", StackName="app", TemplateBody=text()) == (
        "AlreadyExistsException: Stack [app] already exists"
    )
    assert (
        own.refused("update_stack", **arguments)
        == "TokenAlreadyExistsException: ClientRequestToken token already exists"
    )
    assert len(own.call("describe_stacks")["Stacks"]) == 1
    own.do("delete_stack", "app")
    assert (
        own.call("create_stack", StackName="app", TemplateBody=text())["StackId"]
        == "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#3"
    )


SAME = {"Assertions": [{"Assert": {"Fn::Equals": [{"Ref": "Text"}, "a"]}, "AssertDescription": "it is a"}]}


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"Rules": {"Same": SAME}}, "ValidationError: Template validation error: Rule Same: it is a"),
        (
            {"Conditions": {"Odd": {"Fn::Equals": ["z"]}}},
            "ValidationError: Template error: Conditions.Odd.Fn::Equals: expected a list of 2 to 2",
        ),
    ],
)
def test_a_creation_whose_rules_or_conditions_do_not_hold_is_refused_and_leaves_no_stack(
    own: Own, section: dict[str, Any], message: str
) -> None:
    template = {**body(), "Parameters": {"Text": {"Type": "String", "Default": "b"}}, **section}
    arguments = {"StackName": "app", "TemplateBody": json.dumps(template)}
    assert own.refused("create_stack", **arguments) == message
    assert own.call("list_stacks")["StackSummaries"] == []
    assert own.refused("describe_stacks", StackName="app") == "ValidationError: Stack with id app does not exist"


def test_a_change_set_of_a_creation_whose_rules_do_not_hold_fails(own: Own) -> None:
    template = {**body(), "Parameters": {"Text": {"Type": "String"}}, "Rules": {"Same": SAME}}
    arguments = {"StackName": "app", "ChangeSetName": "plan", "ChangeSetType": "CREATE"}
    for value, fate in (("b", ("FAILED", "UNAVAILABLE")), ("a", ("CREATE_COMPLETE", "AVAILABLE"))):
        supplied = [{"ParameterKey": "Text", "ParameterValue": value}]
        own.call("create_change_set", **arguments, TemplateBody=json.dumps(template), Parameters=supplied)
        change_set = own.call("describe_change_set", StackName="app", ChangeSetName="plan")
        assert (change_set["Status"], change_set["ExecutionStatus"]) == fate
        own.call("delete_change_set", StackName="app", ChangeSetName="plan")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "ValidationError: Either Template URL or Template Body must be specified."),
        (
            {"TemplateBody": text(), "OnFailure": "DELETE", "DisableRollback": False},
            "ValidationError: You can specify either OnFailure or DisableRollback, but not both",
        ),
        (
            {"TemplateBody": text(), "StackName": "1st"},
            ("ValidationError: 1 validation error detected: Value '1st' at 'stackName' failed to satisfy constraint"),
        ),
        (
            {"TemplateBody": text(Topic={"Type": "AWS::S3::Barrel"})},
            "ValidationError: Template format error: Unrecognized resource types: [AWS::S3::Barrel] (Topic)",
        ),
        (
            {"TemplateBody": text(), "Parameters": [{"ParameterKey": "Text", "UsePreviousValue": True}]},
            (
                "ValidationError: Invalid input for parameter key Text. Cannot specify usePreviousValue as true "
                "for a parameter key not in the previous template"
            ),
        ),
        (
            {"TemplateBody": text(), "Parameters": [{"ParameterKey": "Text", "ParameterValue": "x"}]},
            "ValidationError: Parameters: [Text] do not exist in the template",
        ),
        (
            {"TemplateBody": text(), "RoleARN": "arn:aws:iam::123456789012:role/nobody"},
            "ValidationError: Role arn:aws:iam::123456789012:role/nobody is invalid or cannot be assumed",
        ),
        (
            {"TemplateBody": text(), "StackPolicyBody": "{}", "StackPolicyURL": "http://localhost:1/a/b"},
            "ValidationError: You cannot specify both StackPolicyURL and StackPolicyBody",
        ),
        (
            {"TemplateBody": text(), "StackPolicyBody": "none"},
            "ValidationError: Error validating stack policy: Invalid stack policy",
        ),
        (
            {"TemplateBody": text(Topic=topic("x" * 51200))},
            (
                "ValidationError: 1 validation error detected: Value at 'templateBody' failed to satisfy "
                "constraint: Member must have length less than or equal to 51200"
            ),
        ),
        (
            {"TemplateURL": "http://localhost:1/nothing/there.json"},
            (
                'ValidationError: S3 error: Resource handler returned message: "The specified bucket does not '
                'exist (Service: S3, Status Code: 404)" (HandlerErrorCode: NotFound); TemplateURL '
                "http://localhost:1/nothing/there.json"
            ),
        ),
        (
            {"TemplateURL": "ftp://localhost:1/nothing/there.json"},
            "ValidationError: TemplateURL must be a supported URL: ftp://localhost:1/nothing/there.json",
        ),
        (
            {"TemplateBody": text(Role={"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}})},
            "InsufficientCapabilitiesException: Requires capabilities : [CAPABILITY_IAM]",
        ),
    ],
)
def test_what_no_creation_may_say(own: Own, arguments: dict[str, Any], message: str) -> None:
    assert own.refused("create_stack", **{"StackName": "app", **arguments}) == message
    assert own.call("describe_stacks") == {"Stacks": []}


@pytest.mark.parametrize(
    ("arguments", "disabled"),
    [
        ({}, False),
        ({"DisableRollback": True}, True),
        ({"OnFailure": "DO_NOTHING"}, True),
        ({"OnFailure": "DELETE"}, False),
    ],
)
def test_a_stack_shows_whether_its_creation_is_rolled_back(own: Own, arguments: dict[str, Any], disabled: bool) -> None:
    own.do("create_stack", "app", body(), **arguments)
    assert own.stack("app")["DisableRollback"] is disabled


# -- update


def test_an_update_is_answered_and_its_settings_are_kept(own: Own) -> None:
    own.do(
        "create_stack",
        "app",
        body(),
        NotificationARNs=["arn:aws:sns:eu-central-1:1:a"],
        Tags=[{"Key": "a", "Value": "b"}],
    )
    change_set = own.plan("app", body(Topic=topic("y")))
    arguments = {"StackName": "app", "TemplateBody": text(Topic=topic("x")), "ClientRequestToken": "token"}
    answer = own.call("update_stack", **arguments)
    own.wait()
    assert answer == {
        "StackId": own.stack("app")["StackId"],
        "OperationId": own.stack("app")["LastOperations"][0]["OperationId"],
    }
    assert own.call("update_stack", **arguments) == answer
    assert (
        own.refused("create_change_set", StackName="app", ChangeSetName="plan", TemplateBody=text())
        == "AlreadyExistsException: ChangeSet plan already exists"
    )
    assert own.call("describe_change_set", ChangeSetName=change_set)["ExecutionStatus"] == "OBSOLETE"
    assert own.refused("execute_change_set", ChangeSetName=change_set) == (
        "InvalidChangeSetStatus: ChangeSet "
        "[arn:aws:cloudformation:eu-central-1:ACCOUNT:changeSet/plan/#4] cannot be executed in its "
        "current status of [CREATE_COMPLETE, OBSOLETE]"
    )
    assert own.stack("app")["NotificationARNs"] == ["arn:aws:sns:eu-central-1:1:a"]
    assert own.stack("app")["Tags"] == [{"Key": "a", "Value": "b"}]
    own.do("update_stack", "app", UsePreviousTemplate=True, NotificationARNs=[], Tags=[])
    assert (own.stack("app")["NotificationARNs"], own.stack("app")["Tags"]) == ([], [])
    assert own.call("get_template", StackName="app")["TemplateBody"] == body(Topic=topic("x"))


def test_what_no_update_may_say(own: Own) -> None:
    own.do("create_stack", "app", body())
    refused = {
        "nothing": own.refused("update_stack", StackName="app"),
        "nobody": own.refused("update_stack", StackName="nobody", TemplateBody=text()),
        "no change": own.refused("update_stack", StackName="app", TemplateBody=text()),
        "another type": own.refused(
            "update_stack",
            StackName="app",
            TemplateBody=text(Topic={"Type": NOTE, "Properties": {"Type": "String", "Value": "x"}}),
        ),
        "policies": own.refused(
            "update_stack", StackName="app", TemplateBody=text(Topic=topic("x")), StackPolicyBody="x"
        ),
    }
    assert refused == {
        "nothing": "ValidationError: Either Template URL or Template Body must be specified.",
        "nobody": "ValidationError: Stack with id nobody does not exist",
        "no change": "ValidationError: No updates are to be performed.",
        "another type": "ValidationError: Update of resource type is not permitted. The new template modifies "
        "resource type of: [Topic]",
        "policies": "ValidationError: Error validating stack policy: Invalid stack policy",
    }
    assert own.stack("app")["StackStatus"] == "CREATE_COMPLETE"


def test_a_stack_takes_nothing_while_something_goes_on(own: Own) -> None:
    own.do("create_stack", "app", body())
    with own.failing(ResourceFault("update", "app/Topic", seconds=60)):
        own.call("update_stack", StackName="app", TemplateBody=text(Topic=topic("x")))
        refused = {
            "update": own.refused("update_stack", StackName="app", TemplateBody=text(Topic=topic("z"))),
            "delete": own.refused("delete_stack", StackName="app"),
            "plan": own.refused("create_change_set", StackName="app", ChangeSetName="plan", TemplateBody=text()),
            "drift": own.refused("detect_stack_drift", StackName="app"),
            "rollback": own.refused("rollback_stack", StackName="app"),
            "continue": own.refused("continue_update_rollback", StackName="app"),
        }
        cancel = {"StackName": "app", "ClientRequestToken": "cancel"}
        assert own.call("cancel_update_stack", **cancel) == {}
        own.wait()
        assert own.call("cancel_update_stack", **cancel) == {}, "the same call again"
    assert refused == {
        "update": "ValidationError: Stack:arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1 is in "
        "UPDATE_IN_PROGRESS state and can not be updated.",
        "delete": "ValidationError: Stack:arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1 is in "
        "UPDATE_IN_PROGRESS state and can not be updated.",
        "plan": "ValidationError: Stack:arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1 is in "
        "UPDATE_IN_PROGRESS state and can not be updated.",
        "drift": "ValidationError: Drift detection cannot be performed on stack "
        "[arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1] in status UPDATE_IN_PROGRESS",
        "rollback": "ValidationError: Rollback cannot be called on stack "
        "[arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1] in status UPDATE_IN_PROGRESS",
        "continue": "ValidationError: Stack:arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1 is in "
        "UPDATE_IN_PROGRESS state and can not continue rolling back.",
    }
    assert own.refused("cancel_update_stack", StackName="app") == (
        "ValidationError: CancelUpdateStack cannot be called from current stack status UPDATE_ROLLBACK_COMPLETE"
    )


def test_the_update_of_a_nested_stack_is_cancelled_with_that_of_its_root(own: Own) -> None:
    child = nested(own)
    after = {"Type": STACK, "Properties": {"TemplateURL": own.put("child.json", body(Topic=topic("x")))}}
    with own.failing(ResourceFault("update", "app/Child/Topic", seconds=60)):
        own.call("update_stack", StackName="app", TemplateBody=text(Child=after))
        until = time.monotonic() + 30
        while own.account.stacks[child].status != "UPDATE_IN_PROGRESS" and time.monotonic() < until:
            time.sleep(0.01)
        assert own.refused("cancel_update_stack", StackName=child) == (
            "ValidationError: CancelUpdateStack cannot be called on nested stack "
            "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app-Child-#3/#4; "
            "cancel arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1"
        )
        assert own.call("cancel_update_stack", StackName="app") == {}
        own.wait()
    assert own.stack("app")["StackStatus"] == own.stack(child)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


# -- reading


def test_what_is_not_there_is_not_described(own: Own) -> None:
    own.do("create_stack", "app", body())
    refused = {
        "stack": own.refused("describe_stacks", StackName="nobody"),
        "events": own.refused("describe_stack_events", StackName="nobody"),
        "resource": own.refused("describe_stack_resource", StackName="app", LogicalResourceId="Nobody"),
        "change set": own.refused("describe_change_set", StackName="app", ChangeSetName="nobody"),
        "change set of nobody": own.refused("describe_change_set", ChangeSetName="nobody"),
        "change set's id": own.refused("describe_change_set", ChangeSetName="arn:aws:cloudformation:a:b:changeSet/c/d"),
        "template": own.refused("get_template", StackName="app", ChangeSetName="nobody"),
        "summary": own.refused("get_template_summary"),
        "validation": own.refused("validate_template"),
        "policy": own.refused("set_stack_policy", StackName="app"),
    }
    assert refused == {
        "stack": "ValidationError: Stack with id nobody does not exist",
        "events": "ValidationError: Stack with id nobody does not exist",
        "resource": "ValidationError: Resource Nobody does not exist for stack app",
        "change set": "ChangeSetNotFound: ChangeSet [nobody] does not exist",
        "change set of nobody": "ValidationError: StackName must be specified if ChangeSetName is not specified "
        "as an ARN.",
        "change set's id": "ChangeSetNotFound: ChangeSet [arn:aws:cloudformation:a:b:changeSet/c/d] does not exist",
        "template": "ChangeSetNotFound: ChangeSet [nobody] does not exist",
        "summary": "ValidationError: Either Template URL or Template Body must be specified.",
        "validation": "ValidationError: Either Template URL or Template Body must be specified.",
        "policy": "ValidationError: Either StackPolicyBody or StackPolicyURL must be specified.",
    }


def test_a_stack_is_found_by_its_name_while_it_lives_and_by_its_id_always(own: Own) -> None:
    own.do("create_stack", "app", body())
    stack = own.account.find("app").id
    own.do("delete_stack", "app")
    assert own.refused("describe_stacks", StackName="app") == "ValidationError: Stack with id app does not exist"
    assert own.stack(stack)["StackStatus"] == "DELETE_COMPLETE"
    assert own.call("describe_stacks")["Stacks"] == []
    assert own.call("delete_stack", StackName="app") == {}, "AWS answers so"


def test_long_lists_come_in_pages(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    own.do(
        "create_stack",
        "app",
        body(**{f"T{number:03}": topic(DependsOn=f"T{number - 1:03}" if number else []) for number in range(36)}),
    )
    events = own.cloudformation.describe_stack_events(StackName="app")
    assert (len(events["StackEvents"]), events["NextToken"]) == (100, "100")
    more = own.cloudformation.describe_stack_events(StackName="app", NextToken="100")
    assert (len(more["StackEvents"]), more.get("NextToken")) == (10, None)
    monkeypatch.setattr(stack_calls, "PAGE", 5)
    assert len(own.call("describe_stack_resources", StackName="app")["StackResources"]) == 5


def test_resources_are_found_by_either_id(own: Own) -> None:
    own.do("create_stack", "app", body(First=topic(), Other=topic()))
    own.do("create_stack", "second", body(First=topic()))
    listed = own.cloudformation.describe_stack_resources(StackName="app", LogicalResourceId="Other")["StackResources"]
    assert [each["LogicalResourceId"] for each in listed] == ["Other"]
    physical = listed[0]["PhysicalResourceId"]
    listed = own.cloudformation.describe_stack_resources(PhysicalResourceId=physical)["StackResources"]
    assert [(each["StackName"], each["LogicalResourceId"]) for each in listed] == [("app", "Other")]


def test_events_are_chosen_by_operation(own: Own) -> None:
    own.do("create_stack", "app", body())
    own.do("create_stack", "second", body())
    operation = own.cloudformation.update_stack(StackName="app", TemplateBody=text(Topic=topic("x")))["OperationId"]
    own.wait()
    events = own.call("describe_events", OperationId=operation)["OperationEvents"]
    assert [(event["LogicalResourceId"], event["ResourceStatus"]) for event in events] == [
        ("app", "UPDATE_COMPLETE"),
        ("app", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("Topic", "UPDATE_COMPLETE"),
        ("Topic", "UPDATE_IN_PROGRESS"),
        ("app", "UPDATE_IN_PROGRESS"),
    ]
    assert {e["StackId"].split("/")[1] for e in own.call("describe_events", StackName="second")["OperationEvents"]} == {
        "second"
    }
    assert own.call("describe_events", StackName="second", Filters={"FailedEvents": True}) == {"OperationEvents": []}


# -- protection and policies


def test_a_protected_stack_is_not_deleted_and_its_nested_ones_neither(own: Own) -> None:
    child = nested(own)
    answer = own.call("update_termination_protection", StackName="app", EnableTerminationProtection=True)
    assert answer == {"StackId": own.stack("app")["StackId"]}
    assert [own.stack(stack)["EnableTerminationProtection"] for stack in ("app", child)] == [True, True]
    refused = [own.refused("delete_stack", StackName=stack) for stack in ("app", child)]
    assert refused == [
        "ValidationError: Stack [app] cannot be deleted while TerminationProtection is enabled",
        "ValidationError: Stack [app-Child-#3] cannot be deleted while TerminationProtection is enabled",
    ]
    assert own.refused("update_termination_protection", StackName=child, EnableTerminationProtection=False) == (
        "ValidationError: arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app-Child-#3/#4 is a nested "
        "stack: termination protection is that of its root"
    )
    own.call("update_termination_protection", StackName="app", EnableTerminationProtection=False)
    own.do("delete_stack", "app")
    assert own.call("describe_stacks")["Stacks"] == []


def test_the_policy_of_a_stack_is_set_and_shown(own: Own) -> None:
    policy = {
        "Statement": [
            {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "LogicalResourceId/Topic"}
        ]
    }
    own.do("create_stack", "app", body())
    assert own.call("get_stack_policy", StackName="app") == {}
    assert own.call("set_stack_policy", StackName="app", StackPolicyBody=json.dumps(policy)) == {}
    assert own.call("get_stack_policy", StackName="app") == {"StackPolicyBody": json.dumps(policy)}
    later = {"Statement": [{**policy["Statement"][0], "Resource": "*"}]}
    assert own.call("set_stack_policy", StackName="app", StackPolicyURL=own.put("policy.json", later)) == {}
    assert own.call("get_stack_policy", StackName="app") == {"StackPolicyBody": json.dumps(later)}
    own.do("update_stack", "app", body(Topic=topic("x")))
    assert own.call("get_stack_policy", StackName="app") == {"StackPolicyBody": json.dumps(later)}, "kept"
    own.do("update_stack", "app", body(Topic=topic("y")), StackPolicyBody=json.dumps(policy))
    assert own.call("get_stack_policy", StackName="app") == {"StackPolicyBody": json.dumps(policy)}
    odd = json.dumps({"Statement": [{**policy["Statement"][0], "Resource": "LogicalResourceId/Nobody"}]})
    assert own.refused("set_stack_policy", StackName="app", StackPolicyBody=odd) == (
        "ValidationError: Error validating stack policy: Unknown logical id 'LogicalResourceId/Nobody' in "
        "statement {} - stack policies can only be applied to logical ids referenced in the template"
    )


# -- deletion


def test_a_deletion_forgets_the_change_sets_and_is_answered_once_more(own: Own) -> None:
    own.do("create_stack", "app", body())
    own.do("create_stack", "other", body())
    own.plan("app", body(Topic=topic("x")))
    kept = own.plan("other", body(Topic=topic("x")))
    stack = own.account.find("app").id
    assert own.call("delete_stack", StackName="app", ClientRequestToken="token") == {}
    own.wait()
    before = own.story()
    assert own.call("delete_stack", StackName=stack, ClientRequestToken="token") == {}
    assert own.call("delete_stack", StackName=stack) == {}
    assert (own.story(), list(own.account.change_sets)) == (before, [kept])


def test_what_no_deletion_may_say(own: Own) -> None:
    own.do("create_stack", "app", body())
    refused = {
        "retained": own.refused("delete_stack", StackName="app", RetainResources=["Topic"]),
        "forced": own.refused("delete_stack", StackName="app", DeletionMode="FORCE_DELETE_STACK"),
        "role": own.refused("delete_stack", StackName="app", RoleARN="arn:aws:iam::123456789012:role/nobody"),
    }
    with own.failing(ResourceFault("delete", "app/Topic", reason="in use")):
        own.do("delete_stack", "app")
    refused["unknown"] = own.refused("delete_stack", StackName="app", RetainResources=["Topic", "Zz", "Nobody"])
    refused["update"] = own.refused("create_change_set", StackName="app", ChangeSetName="plan", TemplateBody=text())
    assert refused == {
        "retained": "ValidationError: Invalid operation on stack "
        "[arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1]. RetainResources is only allowed "
        "in DELETE_FAILED",
        "forced": "ValidationError: Invalid operation on stack "
        "[arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1]. DeletionMode FORCE_DELETE_STACK is "
        "only allowed in DELETE_FAILED",
        "role": "ValidationError: Role arn:aws:iam::123456789012:role/nobody is invalid or cannot be assumed",
        "unknown": "ValidationError: The specified resources to retain do not exist: [Nobody, Zz]",
        "update": "ValidationError: Stack:arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1 is in "
        "DELETE_FAILED state and can not be updated.",
    }
    assert own.stack("app")["StackStatus"] == "DELETE_FAILED"


# -- the way back


def test_what_no_rollback_may_say(own: Own) -> None:
    child = nested(own)
    refused = {
        "calm": own.refused("rollback_stack", StackName="app"),
        "nested": own.refused("rollback_stack", StackName=child),
        "continued": own.refused("continue_update_rollback", StackName="app"),
        "continued, nested": own.refused("continue_update_rollback", StackName=child),
        "cancelled": own.refused("cancel_update_stack", StackName="app"),
    }
    assert refused == {
        "calm": "ValidationError: Rollback cannot be called on stack "
        "[arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1] in status CREATE_COMPLETE",
        "nested": "ValidationError: Rollback cannot be called on stack "
        "[arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app-Child-#2/#3] in status CREATE_COMPLETE",
        "continued": "ValidationError: Stack:arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1 is in "
        "CREATE_COMPLETE state and can not continue rolling back.",
        "continued, nested": "ValidationError: RollbackUpdatedStack cannot be invoked on child stacks: "
        "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app-Child-#2/#3",
        "cancelled": "ValidationError: CancelUpdateStack cannot be called from current stack status CREATE_COMPLETE",
    }


def test_a_rollback_is_answered_and_once_more(own: Own) -> None:
    failed_update(own, DisableRollback=True)
    assert own.stack("app")["StackStatus"] == "UPDATE_FAILED"
    assert (
        own.refused(
            "update_stack", StackName="app", TemplateBody=text(Topic=topic("z")), RoleARN="arn:aws:iam::1:role/no"
        )
        == "ValidationError: Role arn:aws:iam::1:role/no is invalid or cannot be assumed"
    )
    arguments = {"StackName": "app", "ClientRequestToken": "back"}
    answer = own.call("rollback_stack", **arguments)
    own.wait()
    stack = own.stack("app")
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert answer == {"StackId": stack["StackId"], "OperationId": stack["LastOperations"][0]["OperationId"]}
    assert stack["LastOperations"][0]["OperationType"] == "ROLLBACK"
    assert own.call("rollback_stack", **arguments) == answer
    events = own.call("describe_events", OperationId=own.account.find("app").last[0]["OperationId"])["OperationEvents"]
    assert [(e["LogicalResourceId"], e["ResourceStatus"], e["ClientRequestToken"]) for e in events] == [
        ("app", "UPDATE_ROLLBACK_COMPLETE", "back"),
        ("app", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "back"),
        ("Topic", "UPDATE_COMPLETE", "back"),
        ("Topic", "UPDATE_IN_PROGRESS", "back"),
        ("app", "UPDATE_ROLLBACK_IN_PROGRESS", "back"),
    ]


def test_a_rollback_is_continued_and_what_may_not_be_skipped_is_refused(own: Own) -> None:
    failed_update(own)
    assert own.stack("app")["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    refused = {
        "unknown": own.refused("continue_update_rollback", StackName="app", ResourcesToSkip=["Topic", "Nobody", "No"]),
        "both": own.refused("continue_update_rollback", StackName="app", ResourcesToSkip=["Topic"], ForceRollback=True),
        "role": own.refused(
            "continue_update_rollback", StackName="app", RoleARN="arn:aws:iam::123456789012:role/nobody"
        ),
        "plan": own.refused("create_change_set", StackName="app", ChangeSetName="plan", TemplateBody=text()),
    }
    assert refused == {
        "unknown": "ValidationError: The following resource(s) cannot be skipped: [Nobody, No]. Only resources "
        "that are in UPDATE_FAILED because a rollback failed can be skipped",
        "both": "ValidationError: ResourcesToSkip and ForceRollback are mutually exclusive",
        "role": "ValidationError: Role arn:aws:iam::123456789012:role/nobody is invalid or cannot be assumed",
        "plan": "ValidationError: Stack:arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1 is in "
        "UPDATE_ROLLBACK_FAILED state and can not be updated.",
    }
    arguments = {"StackName": "app", "ClientRequestToken": "on"}
    assert own.call("continue_update_rollback", **arguments) == {}
    own.wait()
    assert own.stack("app")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert own.call("continue_update_rollback", **arguments) == {}
    assert own.stack("app")["LastOperations"] == [
        {"OperationType": "CONTINUE_ROLLBACK", "OperationId": "#4"},
        {"OperationType": "UPDATE_STACK", "OperationId": "#2"},
    ]
