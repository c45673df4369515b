"""What boto3 is answered about stacks, resources, change sets and templates: whole documents, each member of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scripts.local_aws import describe
from scripts.local_aws.faults import ResourceFault
from tests.local_aws.own import Own

STACK, NOTE, TOPIC = "AWS::CloudFormation::Stack", "AWS::SSM::Parameter", "AWS::SNS::Topic"
CHILD: dict[str, Any] = {
    "Description": "a child",
    "Parameters": {"Text": {"Type": "String"}},
    "Resources": {"Inner": {"Type": NOTE, "Properties": {"Type": "String", "Value": {"Ref": "Text"}}}},
    "Outputs": {"Name": {"Value": {"Ref": "Inner"}, "Description": "of the note"}},
}
PARAMETERS: dict[str, Any] = {
    "Plain": {"Type": "String", "Default": "plain", "Description": "a text", "AllowedValues": ["plain", "other"]},
    "Secret": {"Type": "String", "NoEcho": "true"},
    "Image": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/image"},
    "Number": {"Type": "Number", "Default": 5},
}


def root(own: Own, text: str = "one") -> dict[str, Any]:
    """A root with parameters of each kind, a nested stack and an output."""
    nested = {"TemplateURL": own.put("child.json", CHILD), "Parameters": {"Text": text}}
    note = {"Type": "String", "Value": {"Fn::Sub": "${Plain} ${Secret} ${Image}"}}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "a root",
        "Parameters": PARAMETERS,
        "Resources": {
            "Child": {"Type": STACK, "Properties": nested},
            "Note": {"Type": NOTE, "Properties": note, "Metadata": {"why": "so"}},
        },
        "Outputs": {
            "Name": {"Value": {"Fn::GetAtt": ["Child", "Outputs.Name"]}},
            "Plain": {"Value": {"Ref": "Plain"}, "Description": "as it was"},
        },
    }


def arguments(own: Own) -> dict[str, Any]:
    """Everything that a creation may say beside its template."""
    own.client("ssm").put_parameter(Name="/image", Value="v1", Type="String")
    policy = {"Version": "2012-10-17", "Statement": []}
    role = own.client("iam").create_role(RoleName="deployer", AssumeRolePolicyDocument=json.dumps(policy))["Role"]
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    own.client("iam").put_role_policy(RoleName="deployer", PolicyName="all", PolicyDocument=json.dumps(everything))
    return {
        "Parameters": [{"ParameterKey": "Secret", "ParameterValue": "hush"}],
        "Tags": [{"Key": "owner", "Value": "us"}],
        "Capabilities": ["CAPABILITY_IAM"],
        "RoleARN": role["Arn"],
        "NotificationARNs": [f"arn:aws:sns:eu-central-1:{own.number}:topic"],
        "RollbackConfiguration": {"RollbackTriggers": [], "MonitoringTimeInMinutes": 5},
    }


def test_a_stack_shows_all_that_it_was_made_with(own: Own) -> None:
    more = {**arguments(own), "EnableTerminationProtection": True, "ClientRequestToken": "token-1"}
    own.do("create_stack", "app", root(own), **more)
    assert own.stack("app") == {
        "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1",
        "StackName": "app",
        "Description": "a root",
        "Parameters": [
            {"ParameterKey": "Plain", "ParameterValue": "plain"},
            {"ParameterKey": "Image", "ParameterValue": "/image", "ResolvedValue": "v1"},
            {"ParameterKey": "Number", "ParameterValue": "5"},
            {"ParameterKey": "Secret", "ParameterValue": "****"},
        ],
        "CreationTime": "TIME",
        "RollbackConfiguration": {"RollbackTriggers": [], "MonitoringTimeInMinutes": 5},
        "StackStatus": "CREATE_COMPLETE",
        "DisableRollback": False,
        "NotificationARNs": ["arn:aws:sns:eu-central-1:ACCOUNT:topic"],
        "Capabilities": ["CAPABILITY_IAM"],
        "Outputs": [
            {"OutputKey": "Name", "OutputValue": "app-Child-#2-Inner-#3"},
            {"OutputKey": "Plain", "OutputValue": "plain", "Description": "as it was"},
        ],
        "RoleARN": "arn:aws:iam::ACCOUNT:role/deployer",
        "Tags": [{"Key": "owner", "Value": "us"}],
        "EnableTerminationProtection": True,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
        "LastOperations": [{"OperationType": "CREATE_STACK", "OperationId": "#4"}],
    }
    assert own.call("describe_stacks")["Stacks"][1] == {
        "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app-Child-#2/#5",
        "StackName": "app-Child-#2",
        "Description": "a child",
        "Parameters": [{"ParameterKey": "Text", "ParameterValue": "one"}],
        "CreationTime": "TIME",
        "RollbackConfiguration": {},
        "StackStatus": "CREATE_COMPLETE",
        "DisableRollback": False,
        "NotificationARNs": [],
        "Capabilities": ["CAPABILITY_IAM"],
        "Outputs": [{"OutputKey": "Name", "OutputValue": "app-Child-#2-Inner-#3", "Description": "of the note"}],
        "Tags": [{"Key": "owner", "Value": "us"}],
        "EnableTerminationProtection": True,
        "ParentId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1",
        "RootId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1",
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
    }


def test_lists_of_stacks_and_resources(own: Own) -> None:
    own.do("create_stack", "app", root(own), **arguments(own))
    own.do("create_stack", "gone", {"Resources": {"Topic": {"Type": TOPIC}}})
    own.do("update_stack", "gone", {"Resources": {"Topic": {"Type": TOPIC, "Properties": {"DisplayName": "x"}}}})
    own.do("delete_stack", "gone")
    assert own.call("list_stacks") == {
        "StackSummaries": [
            {
                "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/gone/#1",
                "StackName": "gone",
                "CreationTime": "TIME",
                "LastUpdatedTime": "TIME",
                "DeletionTime": "TIME",
                "StackStatus": "DELETE_COMPLETE",
                "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
                "LastOperations": [
                    {"OperationType": "DELETE_STACK", "OperationId": "#2"},
                    {"OperationType": "UPDATE_STACK", "OperationId": "#3"},
                ],
            },
            {
                "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app-Child-#4/#5",
                "StackName": "app-Child-#4",
                "TemplateDescription": "a child",
                "CreationTime": "TIME",
                "StackStatus": "CREATE_COMPLETE",
                "ParentId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#6",
                "RootId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#6",
                "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
            },
            {
                "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#6",
                "StackName": "app",
                "TemplateDescription": "a root",
                "CreationTime": "TIME",
                "StackStatus": "CREATE_COMPLETE",
                "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
                "LastOperations": [{"OperationType": "CREATE_STACK", "OperationId": "#7"}],
            },
        ]
    }
    assert [
        each["StackName"] for each in own.call("list_stacks", StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
    ] == ["gone"]
    assert [each["StackName"] for each in own.call("describe_stacks")["Stacks"]] == ["app", "app-Child-#4"]
    assert own.call("list_stack_resources", StackName="app") == {
        "StackResourceSummaries": [
            {
                "LogicalResourceId": "Note",
                "PhysicalResourceId": "app-Note-#9",
                "ResourceType": "AWS::SSM::Parameter",
                "LastUpdatedTimestamp": "TIME",
                "ResourceStatus": "CREATE_COMPLETE",
                "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
            },
            {
                "LogicalResourceId": "Child",
                "PhysicalResourceId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app-Child-#4/#5",
                "ResourceType": "AWS::CloudFormation::Stack",
                "LastUpdatedTimestamp": "TIME",
                "ResourceStatus": "CREATE_COMPLETE",
                "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
            },
        ]
    }
    assert own.call("describe_stack_resources", StackName="app") == {
        "StackResources": [
            {
                "StackName": "app",
                "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#6",
                "LogicalResourceId": "Note",
                "PhysicalResourceId": "app-Note-#9",
                "ResourceType": "AWS::SSM::Parameter",
                "Timestamp": "TIME",
                "ResourceStatus": "CREATE_COMPLETE",
                "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
            },
            {
                "StackName": "app",
                "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#6",
                "LogicalResourceId": "Child",
                "PhysicalResourceId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app-Child-#4/#5",
                "ResourceType": "AWS::CloudFormation::Stack",
                "Timestamp": "TIME",
                "ResourceStatus": "CREATE_COMPLETE",
                "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
            },
        ]
    }
    assert own.call("describe_stack_resource", StackName="app", LogicalResourceId="Note") == {
        "StackResourceDetail": {
            "StackName": "app",
            "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#6",
            "LogicalResourceId": "Note",
            "PhysicalResourceId": "app-Note-#9",
            "ResourceType": "AWS::SSM::Parameter",
            "LastUpdatedTimestamp": "TIME",
            "ResourceStatus": "CREATE_COMPLETE",
            "Metadata": '{"why": "so"}',
            "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
        }
    }


def test_events_of_stacks_and_resources(own: Own) -> None:
    own.do("create_stack", "app", {"Resources": {"Topic": {"Type": TOPIC}}}, ClientRequestToken="token-1")
    assert own.call("describe_stack_events", StackName="app")["StackEvents"][:2] == [
        {
            "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1",
            "EventId": "#2",
            "StackName": "app",
            "OperationId": "#3",
            "LogicalResourceId": "app",
            "PhysicalResourceId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1",
            "ResourceType": "AWS::CloudFormation::Stack",
            "Timestamp": "TIME",
            "ResourceStatus": "CREATE_COMPLETE",
            "ClientRequestToken": "token-1",
        },
        {
            "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1",
            "EventId": "#4",
            "StackName": "app",
            "OperationId": "#3",
            "LogicalResourceId": "Topic",
            "PhysicalResourceId": "arn:aws:sns:eu-central-1:ACCOUNT:app-Topic-#5",
            "ResourceType": "AWS::SNS::Topic",
            "Timestamp": "TIME",
            "ResourceStatus": "CREATE_COMPLETE",
            "ClientRequestToken": "token-1",
        },
    ]
    assert own.call("describe_stack_events", StackName="app")["StackEvents"][-1] == {
        "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1",
        "EventId": "#7",
        "StackName": "app",
        "OperationId": "#3",
        "LogicalResourceId": "app",
        "PhysicalResourceId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1",
        "ResourceType": "AWS::CloudFormation::Stack",
        "Timestamp": "TIME",
        "ResourceStatus": "CREATE_IN_PROGRESS",
        "ResourceStatusReason": "User Initiated",
        "ClientRequestToken": "token-1",
    }
    assert own.call("describe_events", StackName="app")["OperationEvents"][0] == {
        "EventId": "#2",
        "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1",
        "OperationId": "#3",
        "EventType": "STACK_EVENT",
        "LogicalResourceId": "app",
        "PhysicalResourceId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1",
        "ResourceType": "AWS::CloudFormation::Stack",
        "Timestamp": "TIME",
        "ResourceStatus": "CREATE_COMPLETE",
        "ClientRequestToken": "token-1",
    }


def test_a_change_set_of_a_creation_shows_all_that_it_was_made_with(own: Own) -> None:
    more = {**arguments(own), "Description": "first", "IncludeNestedStacks": True, "OnStackFailure": "DELETE"}
    change_set = own.plan("app", root(own), "CREATE", ImportExistingResources=True, **more)
    shown = own.call("describe_change_set", ChangeSetName=change_set)
    assert shown == {
        "ChangeSetName": "plan",
        "ChangeSetId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:changeSet/plan/#1",
        "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#2",
        "StackName": "app",
        "Description": "first",
        "Parameters": [
            {"ParameterKey": "Plain", "ParameterValue": "plain"},
            {"ParameterKey": "Image", "ParameterValue": "/image", "ResolvedValue": "v1"},
            {"ParameterKey": "Number", "ParameterValue": "5"},
            {"ParameterKey": "Secret", "ParameterValue": "****"},
        ],
        "CreationTime": "TIME",
        "ExecutionStatus": "AVAILABLE",
        "Status": "CREATE_COMPLETE",
        "NotificationARNs": ["arn:aws:sns:eu-central-1:ACCOUNT:topic"],
        "RollbackConfiguration": {"RollbackTriggers": [], "MonitoringTimeInMinutes": 5},
        "Capabilities": ["CAPABILITY_IAM"],
        "Tags": [{"Key": "owner", "Value": "us"}],
        "Changes": [
            {
                "Type": "Resource",
                "ResourceChange": {
                    "Action": "Add",
                    "LogicalResourceId": "Child",
                    "PhysicalResourceId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app-Child-#3/#4",
                    "ResourceType": "AWS::CloudFormation::Stack",
                    "Scope": [],
                    "Details": [],
                    "ChangeSetId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:changeSet/plan-Child-#6/#5",
                },
            },
            {
                "Type": "Resource",
                "ResourceChange": {
                    "Action": "Add",
                    "LogicalResourceId": "Note",
                    "ResourceType": "AWS::SSM::Parameter",
                    "Scope": [],
                    "Details": [],
                },
            },
        ],
        "IncludeNestedStacks": True,
        "OnStackFailure": "DELETE",
        "ImportExistingResources": True,
    }
    child = own.cloudformation.describe_change_set(ChangeSetName=change_set)["Changes"][0]["ResourceChange"][
        "ChangeSetId"
    ]
    assert own.call("describe_change_set", ChangeSetName=child, IncludePropertyValues=True) == {
        "ChangeSetName": "plan-Child-#6",
        "ChangeSetId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:changeSet/plan-Child-#6/#5",
        "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app-Child-#3/#4",
        "StackName": "app-Child-#3",
        "Parameters": [{"ParameterKey": "Text", "ParameterValue": "one"}],
        "CreationTime": "TIME",
        "ExecutionStatus": "UNAVAILABLE",
        "Status": "CREATE_COMPLETE",
        "NotificationARNs": [],
        "RollbackConfiguration": {},
        "Capabilities": ["CAPABILITY_IAM"],
        "Tags": [{"Key": "owner", "Value": "us"}],
        "Changes": [
            {
                "Type": "Resource",
                "ResourceChange": {
                    "Action": "Add",
                    "LogicalResourceId": "Inner",
                    "ResourceType": "AWS::SSM::Parameter",
                    "Scope": [],
                    "Details": [],
                    "AfterContext": '{"Properties": {"Tags": {"owner": "us"}, "Type": "String", "Value": "one"}}',
                },
            }
        ],
        "IncludeNestedStacks": True,
        "ParentChangeSetId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:changeSet/plan/#1",
        "RootChangeSetId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:changeSet/plan/#1",
        "ImportExistingResources": True,
    }
    assert own.call("list_change_sets", StackName="app") == {
        "Summaries": [
            {
                "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#2",
                "StackName": "app",
                "ChangeSetId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:changeSet/plan/#1",
                "ChangeSetName": "plan",
                "ExecutionStatus": "AVAILABLE",
                "Status": "CREATE_COMPLETE",
                "CreationTime": "TIME",
                "Description": "first",
                "IncludeNestedStacks": True,
            }
        ]
    }
    assert own.stack("app") == {
        "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#2",
        "StackName": "app",
        "Parameters": [],
        "CreationTime": "TIME",
        "RollbackConfiguration": {},
        "StackStatus": "REVIEW_IN_PROGRESS",
        "StackStatusReason": "User Initiated",
        "DisableRollback": False,
        "NotificationARNs": [],
        "Capabilities": [],
        "Outputs": [],
        "Tags": [],
        "EnableTerminationProtection": False,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
        "LastOperations": [{"OperationType": "CREATE_CHANGESET", "OperationId": "#7"}],
    }


def test_a_change_set_that_failed_says_why_and_shows_no_change(own: Own) -> None:
    own.do("create_stack", "app", root(own), **arguments(own))
    previous = [{"ParameterKey": "Secret", "UsePreviousValue": True}]
    change_set = own.plan(
        "app", root(own), Parameters=previous, Capabilities=["CAPABILITY_IAM"], IncludeNestedStacks=True
    )
    shown = own.call("describe_change_set", ChangeSetName=change_set)
    assert shown == {
        "ChangeSetName": "plan",
        "ChangeSetId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:changeSet/plan/#1",
        "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#2",
        "StackName": "app",
        "Parameters": [
            {"ParameterKey": "Plain", "ParameterValue": "plain"},
            {"ParameterKey": "Image", "ParameterValue": "/image", "ResolvedValue": "v1"},
            {"ParameterKey": "Number", "ParameterValue": "5"},
            {"ParameterKey": "Secret", "ParameterValue": "****"},
        ],
        "CreationTime": "TIME",
        "ExecutionStatus": "UNAVAILABLE",
        "Status": "FAILED",
        "StatusReason": "The submitted information didn't contain changes. Submit different information to create "
        "a change set.",
        "NotificationARNs": ["arn:aws:sns:eu-central-1:ACCOUNT:topic"],
        "RollbackConfiguration": {"RollbackTriggers": [], "MonitoringTimeInMinutes": 5},
        "Capabilities": ["CAPABILITY_IAM"],
        "Tags": [{"Key": "owner", "Value": "us"}],
        "Changes": [],
        "IncludeNestedStacks": True,
    }


def test_what_early_validation_says(own: Own) -> None:
    own.client("ssm").put_parameter(Name="/there", Value="x", Type="String")
    body = {
        "Resources": {
            "Note": {"Type": NOTE, "Properties": {"Type": "String", "Value": "x", "Name": "/there", "Colour": 1}}
        }
    }
    change_set = own.plan("app", body, "CREATE")
    assert own.call("describe_events", ChangeSetName=change_set) == {
        "OperationEvents": [
            {
                "EventId": "#1-0",
                "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#2",
                "OperationType": "CREATE_CHANGESET",
                "EventType": "VALIDATION_ERROR",
                "LogicalResourceId": "Note",
                "ResourceType": "AWS::SSM::Parameter",
                "Timestamp": "TIME",
                "ValidationFailureMode": "FAIL",
                "ValidationName": "PROPERTY_VALIDATION",
                "ValidationStatus": "FAILED",
                "ValidationStatusReason": "#: extraneous key [Colour] is not permitted",
                "ValidationPath": "/Resources/Note/Properties",
            },
            {
                "EventId": "#1-1",
                "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#2",
                "OperationType": "CREATE_CHANGESET",
                "EventType": "VALIDATION_ERROR",
                "LogicalResourceId": "Note",
                "ResourceType": "AWS::SSM::Parameter",
                "Timestamp": "TIME",
                "ValidationFailureMode": "FAIL",
                "ValidationName": "NAME_CONFLICT_VALIDATION",
                "ValidationStatus": "FAILED",
                "ValidationStatusReason": "Resource of type 'AWS::SSM::Parameter' with identifier "
                "'/there' already exists.",
                "ValidationPath": "/Resources/Note",
            },
        ]
    }
    assert own.call("describe_change_set", ChangeSetName=change_set)["StatusReason"] == (
        "The following hook(s)/validation failed: [AWS::EarlyValidation::PropertyValidation, "
        "AWS::EarlyValidation::ResourceExistenceCheck]. To troubleshoot Early Validation errors, use the "
        "DescribeEvents API for detailed failure information."
    )


def test_hooks_of_a_change_set(own: Own) -> None:
    body = {"Resources": {"Topic": {"Type": TOPIC}, "Other": {"Type": TOPIC}}}
    with own.failing(ResourceFault("hook", type=TOPIC, reason="no topics")):
        change_set = own.plan("app", body, "CREATE")
        chosen = own.call("describe_change_set_hooks", ChangeSetName=change_set, LogicalResourceId="Topic")
        every = own.call("describe_change_set_hooks", ChangeSetName=change_set)["Hooks"]
        assert chosen == {
            "ChangeSetId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:changeSet/plan/#1",
            "ChangeSetName": "plan",
            "Hooks": [
                {
                    "InvocationPoint": "PRE_PROVISION",
                    "FailureMode": "FAIL",
                    "TypeName": "Planned::Faults::Hook",
                    "TargetDetails": {
                        "TargetType": "RESOURCE",
                        "ResourceTargetDetails": {
                            "LogicalResourceId": "Topic",
                            "ResourceType": "AWS::SNS::Topic",
                            "ResourceAction": "Add",
                        },
                    },
                }
            ],
            "Status": "PLANNED",
            "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#2",
            "StackName": "app",
        }
        assert [hook["TargetDetails"]["ResourceTargetDetails"]["LogicalResourceId"] for hook in every] == [
            "Other",
            "Topic",
        ]
        events = own.execute(change_set)
    assert own.call("describe_change_set_hooks", ChangeSetName=change_set)["Hooks"] == []
    assert sorted(events) == [
        "app/Other CREATE_FAILED The following hook(s) failed: [Planned::Faults::Hook]",
        "app/Other CREATE_IN_PROGRESS",
        "app/Other CREATE_IN_PROGRESS",
        "app/Topic CREATE_FAILED Resource creation cancelled",
        "app/Topic CREATE_IN_PROGRESS",
        "stack app CREATE_IN_PROGRESS User Initiated",
        "stack app ROLLBACK_COMPLETE",
        "stack app ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Other, Topic]. Rollback "
        "requested by user.",
    ]
    failed = own.call("describe_events", StackName="app", Filters={"FailedEvents": True})["OperationEvents"]
    assert {event["ResourceStatus"] for event in failed} == {"CREATE_FAILED"}
    hooked = [e for e in own.call("describe_events", StackName="app")["OperationEvents"] if "HookType" in e]
    assert hooked == [
        {
            "EventId": "#4",
            "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#2",
            "OperationId": "#4",
            "EventType": "HOOK_INVOCATION_ERROR",
            "LogicalResourceId": "Other",
            "PhysicalResourceId": "",
            "ResourceType": "AWS::SNS::Topic",
            "Timestamp": "TIME",
            "ResourceStatus": "CREATE_IN_PROGRESS",
            "HookType": "Planned::Faults::Hook",
            "HookStatus": "HOOK_COMPLETE_FAILED",
            "HookStatusReason": "no topics",
            "HookInvocationPoint": "PRE_PROVISION",
            "HookFailureMode": "FAIL",
        }
    ]


def test_a_summary_of_a_template(own: Own) -> None:
    body = root(own)
    body["Resources"]["Role"] = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}}
    body["Resources"]["Other"] = body["Resources"]["Note"]
    body["Resources"]["Chain"] = {"Type": "AWS::EC2::VPCGatewayAttachment", "Properties": {"VpcId": "x"}}
    text = json.dumps(body)
    assert own.call("get_template_summary", TemplateBody=text) == {
        "Parameters": [
            {
                "ParameterKey": "Plain",
                "DefaultValue": "plain",
                "ParameterType": "String",
                "NoEcho": False,
                "Description": "a text",
                "ParameterConstraints": {"AllowedValues": ["plain", "other"]},
            },
            {"ParameterKey": "Secret", "ParameterType": "String", "NoEcho": True, "ParameterConstraints": {}},
            {
                "ParameterKey": "Image",
                "DefaultValue": "/image",
                "ParameterType": "AWS::SSM::Parameter::Value<String>",
                "NoEcho": False,
                "ParameterConstraints": {},
            },
            {
                "ParameterKey": "Number",
                "DefaultValue": "5",
                "ParameterType": "Number",
                "NoEcho": False,
                "ParameterConstraints": {},
            },
        ],
        "Description": "a root",
        "Capabilities": ["CAPABILITY_IAM"],
        "CapabilitiesReason": "The following resource(s) require capabilities: [AWS::IAM::Role]",
        "ResourceTypes": [
            "AWS::CloudFormation::Stack",
            "AWS::EC2::VPCGatewayAttachment",
            "AWS::IAM::Role",
            "AWS::SSM::Parameter",
        ],
        "Version": "2010-09-09",
        "DeclaredTransforms": [],
        "ResourceIdentifierSummaries": [
            {
                "ResourceType": "AWS::CloudFormation::Stack",
                "LogicalResourceIds": ["Child"],
                "ResourceIdentifiers": ["StackId"],
            },
            {
                "ResourceType": "AWS::SSM::Parameter",
                "LogicalResourceIds": ["Note", "Other"],
                "ResourceIdentifiers": ["Name"],
            },
            {"ResourceType": "AWS::IAM::Role", "LogicalResourceIds": ["Role"], "ResourceIdentifiers": ["RoleName"]},
            {
                "ResourceType": "AWS::EC2::VPCGatewayAttachment",
                "LogicalResourceIds": ["Chain"],
                "ResourceIdentifiers": ["AttachmentType", "VpcId"],
            },
        ],
    }
    assert own.call("validate_template", TemplateBody=text) == {
        "Parameters": [
            {"ParameterKey": "Plain", "DefaultValue": "plain", "NoEcho": False, "Description": "a text"},
            {"ParameterKey": "Secret", "NoEcho": True},
            {"ParameterKey": "Image", "DefaultValue": "/image", "NoEcho": False},
            {"ParameterKey": "Number", "DefaultValue": "5", "NoEcho": False},
        ],
        "Description": "a root",
        "Capabilities": ["CAPABILITY_IAM"],
        "CapabilitiesReason": "The following resource(s) require capabilities: [AWS::IAM::Role]",
        "DeclaredTransforms": [],
    }
    assert own.call("validate_template", TemplateBody=json.dumps({"Resources": {"Topic": {"Type": TOPIC}}})) == {
        "Parameters": [],
        "Capabilities": [],
        "DeclaredTransforms": [],
    }


def test_the_capabilities_of_nested_templates_count(own: Own) -> None:
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}, "RoleName": "x"}}
    url = own.put("roles.json", {"Resources": {"Role": role}})
    body = {"Resources": {"Child": {"Type": STACK, "Properties": {"TemplateURL": url}}}}
    shown = own.call("validate_template", TemplateBody=json.dumps(body))
    assert shown == {
        "Parameters": [],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "CapabilitiesReason": "The following resource(s) require capabilities: [AWS::IAM::Role]",
        "DeclaredTransforms": [],
    }


def test_a_template_is_given_back_as_it_was_handed_in(own: Own) -> None:
    body = {"Resources": {"Topic": {"Type": TOPIC}}}
    own.do("create_stack", "app", body)
    assert own.call("get_template", StackName="app") == {
        "TemplateBody": body,
        "StagesAvailable": ["Original", "Processed"],
    }
    later = {"Resources": {"Topic": {"Type": TOPIC, "Properties": {"DisplayName": "x"}}}}
    own.plan("app", later)
    assert own.call("get_template", StackName="app", ChangeSetName="plan")["TemplateBody"] == later
    assert own.call("get_template", StackName="app")["TemplateBody"] == body
    assert own.call("get_template_summary", StackName="app")["ResourceTypes"] == [TOPIC]
    own.plan("new", later, "CREATE")
    assert own.call("get_template", StackName="new")["TemplateBody"] == {}


@pytest.mark.parametrize("deleted", [False, True])
def test_what_moto_does_not_hold_is_listed(own: Own, deleted: bool) -> None:
    address = {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}}
    own.do("create_stack", "app", {"Resources": {"Address": address}})
    own.account.find("app").resources["Address"].unheld = {"Domain": "", "Tags": "kept"}
    if deleted:
        own.account.find("app").status = "DELETE_COMPLETE"
    expected = [
        {"Stack": "app", "Resource": "Address", "Type": "AWS::EC2::EIP", "Property": "Domain", "Kept": ""},
        {"Stack": "app", "Resource": "Address", "Type": "AWS::EC2::EIP", "Property": "Tags", "Kept": "kept"},
    ]
    own_entries = [entry for entry in describe.all_exceptions() if entry["Stack"] == "app"]
    assert describe.exceptions(own.account) == ([] if deleted else expected)
    assert own_entries == ([] if deleted else expected)
