"""Drift: what changed outside of CloudFormation is found stack by stack, and shown in a change set that asks for it."""

import json
import threading
import time
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scripts.local_aws.handlers.handler import ResourceHandler
from scripts.local_aws.services import ResourceError
from tests.local_aws.own import Own, lines
from tests.local_aws.support import Aws
from tests.local_aws.trees import LEAVES, STACK, leaf, root


@pytest.fixture(scope="module")
def leaves(aws: Aws) -> str:
    """The nested stack of a root, whose retention and versioning were changed from outside."""
    aws.deploy("adrift", root(aws))
    stack = str(aws.resources("adrift")["Leaves"]["PhysicalResourceId"])
    resources = aws.resources(stack)
    logs, bucket = (resources[name]["PhysicalResourceId"] for name in ("Logs", "Bucket"))
    aws.client("logs").put_retention_policy(logGroupName=logs, retentionInDays=90)
    aws.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    return stack


def detected(aws: Aws, stack: str, **more: Any) -> Any:
    detection = aws.stacks.detect_stack_drift(StackName=stack, **more)["StackDriftDetectionId"]
    until = time.monotonic() + 120
    while True:
        status = aws.stacks.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        if status["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            return status
        assert time.monotonic() < until
        time.sleep(0.02)


def test_what_nobody_touched_is_in_sync(aws: Aws) -> None:
    aws.deploy("calm", LEAVES, parameters={"Versioning": "Enabled", "Days": "7"})
    shown = aws.stacks.describe_stacks(StackName="calm")["Stacks"][0]["DriftInformation"]
    assert shown == {"StackDriftStatus": "NOT_CHECKED"}
    status = detected(aws, "calm")
    assert (status["StackDriftStatus"], status["DriftedStackResourceCount"]) == ("IN_SYNC", 0)
    drifts = aws.stacks.describe_stack_resource_drifts(StackName="calm")["StackResourceDrifts"]
    assert {drift["LogicalResourceId"]: drift["StackResourceDriftStatus"] for drift in drifts} == dict.fromkeys(
        ("Bucket", "Key", "Logs"), "IN_SYNC"
    )
    aws.delete("calm")


def test_changes_from_outside_are_found(aws: Aws, leaves: str) -> None:
    detection = detected(aws, leaves)
    assert (detection["StackDriftStatus"], detection["DriftedStackResourceCount"]) == ("DRIFTED", 2)
    more: dict[str, Any] = {"StackResourceDriftStatusFilters": ["MODIFIED"], "MaxResults": 1}
    first = aws.stacks.describe_stack_resource_drifts(StackName=leaves, **more)
    second = aws.stacks.describe_stack_resource_drifts(StackName=leaves, NextToken=first["NextToken"], **more)
    assert "NextToken" not in second
    drifts = {drift["LogicalResourceId"]: drift for page in (first, second) for drift in page["StackResourceDrifts"]}
    assert set(drifts) == {"Logs", "Bucket"}
    [difference] = drifts["Logs"]["PropertyDifferences"]
    assert difference == {
        "PropertyPath": "/RetentionInDays",
        "ExpectedValue": "7",
        "ActualValue": "90",
        "DifferenceType": "NOT_EQUAL",
    }
    assert json.loads(drifts["Logs"]["ActualProperties"])["RetentionInDays"] == 90
    [difference] = drifts["Bucket"]["PropertyDifferences"]
    assert (difference["PropertyPath"], difference["ActualValue"]) == ("/VersioningConfiguration/Status", "Suspended")
    listed = aws.stacks.list_stack_resources(StackName=leaves)["StackResourceSummaries"]
    status = {
        resource["LogicalResourceId"]: resource["DriftInformation"]["StackResourceDriftStatus"] for resource in listed
    }
    assert status == {"Logs": "MODIFIED", "Bucket": "MODIFIED", "Key": "IN_SYNC"}
    assert detected(aws, "adrift")["StackDriftStatus"] == "NOT_CHECKED", "not into nested stacks"


@pytest.mark.usefixtures("leaves")
def test_a_change_set_shows_drift_and_is_not_executed(aws: Aws) -> None:
    plan = aws.plan("adrift", root(aws), parameters={"Days": "7"}, DeploymentMode="REVERT_DRIFT")
    nested = aws.described(leaf(plan, "Leaves")["ChangeSetId"])
    assert (nested["DeploymentMode"], nested["StackDriftStatus"]) == ("REVERT_DRIFT", "DRIFTED")
    change = leaf(nested, "Logs")
    assert (change["Action"], change["ResourceDriftStatus"]) == ("Modify", "MODIFIED")
    [detail] = change["Details"]
    assert detail["Target"]["Drift"]["ActualValue"] == detail["Target"]["BeforeValue"] == "90"
    assert (detail["Target"]["BeforeValueFrom"], detail["Target"]["AfterValue"]) == ("ACTUAL_STATE", "7")
    assert "Key" not in {change["ResourceChange"]["LogicalResourceId"] for change in nested["Changes"]}
    with pytest.raises(ClientError, match="cannot revert it"):
        aws.stacks.execute_change_set(ChangeSetName=plan["ChangeSetId"])
    aws.stacks.delete_change_set(ChangeSetName=plan["ChangeSetId"])
    plain = aws.plan("adrift", root(aws))
    assert plain["Status"] == "FAILED", "without the mode, nothing has changed"


def test_what_is_gone_is_deleted_and_one_resource_can_be_asked(aws: Aws, leaves: str) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"Tags": [{"Key": "a", "Value": "b"}]}}
    logs = {"Type": "AWS::Logs::LogGroup", "Properties": {}}
    stack = aws.deploy("lost", {"Resources": {"Logs": logs, "Bucket": bucket}})
    aws.s3.delete_bucket_tagging(Bucket=aws.resources("lost")["Bucket"]["PhysicalResourceId"])
    drift = aws.stacks.detect_stack_resource_drift(StackName="lost", LogicalResourceId="Bucket")["StackResourceDrift"]
    assert drift["StackResourceDriftStatus"] == "MODIFIED", "a part that is gone is not the whole"
    assert [difference["DifferenceType"] for difference in drift["PropertyDifferences"]] == ["REMOVE"]
    aws.client("logs").delete_log_group(logGroupName=aws.resources("lost")["Logs"]["PhysicalResourceId"])
    drift = aws.stacks.detect_stack_resource_drift(StackName="lost", LogicalResourceId="Logs")["StackResourceDrift"]
    assert drift["StackResourceDriftStatus"] == "DELETED"
    with pytest.raises(ClientError, match="not supported for drift detection"):
        aws.stacks.detect_stack_resource_drift(StackName="adrift", LogicalResourceId="Leaves")
    with pytest.raises(ClientError, match="does not exist"):
        aws.stacks.detect_stack_resource_drift(StackName=leaves, LogicalResourceId="Nobody")
    assert aws.delete(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"


# -- whole answers, in an account of the test's own


NOTE, TOPIC = "AWS::SSM::Parameter", "AWS::SNS::Topic"


def drifted(own: Own) -> str:
    """The id of a stack of which one resource is as it was, one is changed, one is gone, and one cannot be checked."""

    def named(name: str) -> dict[str, Any]:
        return {"Type": NOTE, "Properties": {"Type": "String", "Value": "one", "Name": name, "Description": "d"}}

    child = {"TemplateURL": own.put("child.json", {"Resources": {"Topic": {"Type": TOPIC}}})}
    resources = {
        "Calm": named("/calm"),
        "Changed": named("/changed"),
        "Gone": named("/gone"),
        "Tagged": {"Type": TOPIC, "Properties": {"TopicName": "tagged", "Tags": [{"Key": "a", "Value": "b"}]}},
        "Child": {"Type": STACK, "Properties": child},
    }
    own.do("create_stack", "app", {"Resources": resources})
    ssm, sns = own.client("ssm"), own.client("sns")
    ssm.put_parameter(Name="/changed", Value="two", Type="String", Description="d", Overwrite=True)
    ssm.delete_parameter(Name="/gone")
    arn = own.account.find("app").resources["Tagged"].physical
    sns.untag_resource(ResourceArn=arn, TagKeys=["a"])
    sns.tag_resource(ResourceArn=arn, Tags=[{"Key": "c", "Value": "d"}])
    return own.account.find("app").id


def status_of(own: Own, detection: str) -> Any:
    """How a detection ended."""
    until = time.monotonic() + 60
    while own.account.detections[detection].status == "DETECTION_IN_PROGRESS":
        assert time.monotonic() < until
        time.sleep(0.01)
    return own.call("describe_stack_drift_detection_status", StackDriftDetectionId=detection)


def detect(own: Own, **more: Any) -> Any:
    return status_of(own, own.cloudformation.detect_stack_drift(StackName="app", **more)["StackDriftDetectionId"])


def test_what_drifted_is_told_property_by_property(own: Own) -> None:
    drifted(own)
    assert detect(own) == {
        "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1",
        "StackDriftDetectionId": "#2",
        "StackDriftStatus": "DRIFTED",
        "DetectionStatus": "DETECTION_COMPLETE",
        "DriftedStackResourceCount": 3,
        "Timestamp": "TIME",
    }
    drifts = own.call("describe_stack_resource_drifts", StackName="app")["StackResourceDrifts"]
    assert sorted(drifts, key=lambda drift: str(drift["LogicalResourceId"])) == [
        {
            "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1",
            "LogicalResourceId": "Calm",
            "PhysicalResourceId": "/calm",
            "ResourceType": "AWS::SSM::Parameter",
            "ExpectedProperties": '{"Description": "d", "Name": "/calm", "Type": "String", "Value": "one"}',
            "ActualProperties": '{"Description": "d", "Name": "/calm", "Type": "String", "Value": "one"}',
            "StackResourceDriftStatus": "IN_SYNC",
            "Timestamp": "TIME",
        },
        {
            "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1",
            "LogicalResourceId": "Changed",
            "PhysicalResourceId": "/changed",
            "ResourceType": "AWS::SSM::Parameter",
            "ExpectedProperties": '{"Description": "d", "Name": "/changed", "Type": "String", "Value": "one"}',
            "ActualProperties": '{"Description": "d", "Name": "/changed", "Type": "String", "Value": "two"}',
            "PropertyDifferences": [
                {"PropertyPath": "/Value", "ExpectedValue": "one", "ActualValue": "two", "DifferenceType": "NOT_EQUAL"}
            ],
            "StackResourceDriftStatus": "MODIFIED",
            "Timestamp": "TIME",
        },
        {
            "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1",
            "LogicalResourceId": "Gone",
            "PhysicalResourceId": "/gone",
            "ResourceType": "AWS::SSM::Parameter",
            "StackResourceDriftStatus": "DELETED",
            "Timestamp": "TIME",
        },
        {
            "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1",
            "LogicalResourceId": "Tagged",
            "PhysicalResourceId": "arn:aws:sns:eu-central-1:ACCOUNT:tagged",
            "ResourceType": "AWS::SNS::Topic",
            "ExpectedProperties": '{"Tags": [{"Key": "a", "Value": "b"}], "TopicName": "tagged"}',
            "ActualProperties": '{"Tags": {"c": "d"}, "TopicName": "tagged"}',
            "PropertyDifferences": [
                {
                    "PropertyPath": "/Tags",
                    "ExpectedValue": '[{"Key": "a", "Value": "b"}]',
                    "ActualValue": '{"c": "d"}',
                    "DifferenceType": "NOT_EQUAL",
                }
            ],
            "StackResourceDriftStatus": "MODIFIED",
            "Timestamp": "TIME",
        },
    ]
    assert own.stack("app")["DriftInformation"] == {"StackDriftStatus": "DRIFTED", "LastCheckTimestamp": "TIME"}
    listed = own.call("list_stack_resources", StackName="app")["StackResourceSummaries"]
    assert {each["LogicalResourceId"]: each["DriftInformation"] for each in listed} == {
        "Gone": {"StackResourceDriftStatus": "DELETED", "LastCheckTimestamp": "TIME"},
        "Tagged": {"StackResourceDriftStatus": "MODIFIED", "LastCheckTimestamp": "TIME"},
        "Calm": {"StackResourceDriftStatus": "IN_SYNC", "LastCheckTimestamp": "TIME"},
        "Changed": {"StackResourceDriftStatus": "MODIFIED", "LastCheckTimestamp": "TIME"},
        "Child": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }
    chosen = own.call("describe_stack_resource_drifts", StackName="app", StackResourceDriftStatusFilters=["DELETED"])
    assert [drift["LogicalResourceId"] for drift in chosen["StackResourceDrifts"]] == ["Gone"]


def test_what_a_service_shows_at_another_place_is_told_as_it_is_there(own: Own) -> None:
    properties = {"TopicName": "named", "DisplayName": "one"}
    own.do("create_stack", "app", {"Resources": {"Topic": {"Type": TOPIC, "Properties": properties}}})
    arn = own.account.find("app").resources["Topic"].physical
    own.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="DisplayName", AttributeValue="two")
    answer = own.call("detect_stack_resource_drift", StackName="app", LogicalResourceId="Topic")["StackResourceDrift"]
    assert answer["PropertyDifferences"] == [
        {"PropertyPath": "/DisplayName", "ExpectedValue": "one", "ActualValue": "two", "DifferenceType": "NOT_EQUAL"}
    ]
    assert json.loads(answer["ActualProperties"]) == {**properties, "DisplayName": "two"}


def test_drift_is_detected_of_the_resources_that_are_named(own: Own) -> None:
    drifted(own)
    answer = detect(own, LogicalResourceIds=["Calm"])
    assert (answer["StackDriftStatus"], answer["DriftedStackResourceCount"]) == ("IN_SYNC", 0)
    drifts = own.call("describe_stack_resource_drifts", StackName="app")["StackResourceDrifts"]
    assert [drift["LogicalResourceId"] for drift in drifts] == ["Calm"]
    answer = own.call("detect_stack_resource_drift", StackName="app", LogicalResourceId="Gone")
    assert answer["StackResourceDrift"] == {
        "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1",
        "LogicalResourceId": "Gone",
        "PhysicalResourceId": "/gone",
        "ResourceType": "AWS::SSM::Parameter",
        "StackResourceDriftStatus": "DELETED",
        "Timestamp": "TIME",
    }
    assert own.stack("app")["DriftInformation"]["StackDriftStatus"] == "DRIFTED"


def test_a_detection_that_cannot_read_a_resource_fails_and_says_why(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    drifted(own)

    def broken(*_: Any, **__: Any) -> None:
        raise ResourceError("no way to read it")

    monkeypatch.setattr(ResourceHandler, "read", broken)
    assert detect(own, LogicalResourceIds=["Calm", "Changed"]) == {
        "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1",
        "StackDriftDetectionId": "#2",
        "StackDriftStatus": "UNKNOWN",
        "DetectionStatus": "DETECTION_FAILED",
        "DetectionStatusReason": "no way to read it; no way to read it",
        "DriftedStackResourceCount": 0,
        "Timestamp": "TIME",
    }
    drifts = own.call("describe_stack_resource_drifts", StackName="app", StackResourceDriftStatusFilters=["UNKNOWN"])
    assert drifts["StackResourceDrifts"][0] == {
        "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1",
        "LogicalResourceId": "Calm",
        "PhysicalResourceId": "/calm",
        "ResourceType": "AWS::SSM::Parameter",
        "StackResourceDriftStatus": "UNKNOWN",
        "Timestamp": "TIME",
        "DriftStatusReason": "no way to read it",
    }
    assert own.stack("app")["DriftInformation"]["StackDriftStatus"] == "UNKNOWN"


def test_a_detection_keeps_no_process_alive(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    own.do("create_stack", "app", {"Resources": {"Topic": {"Type": TOPIC}}})
    read, may_go_on = ResourceHandler.read, Event()

    def slow(handler: ResourceHandler, whole: bool = True) -> dict[str, Any]:
        assert may_go_on.wait(60)
        return read(handler, whole)

    monkeypatch.setattr(ResourceHandler, "read", slow)
    detection = own.cloudformation.detect_stack_drift(StackName="app")["StackDriftDetectionId"]
    assert [thread.daemon for thread in threading.enumerate() if thread.name == detection] == [True]
    assert own.call("describe_stack_drift_detection_status", StackDriftDetectionId=detection) == {
        "StackId": "arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1",
        "StackDriftDetectionId": "#2",
        "DetectionStatus": "DETECTION_IN_PROGRESS",
        "Timestamp": "TIME",
    }
    may_go_on.set()
    assert status_of(own, detection)["StackDriftStatus"] == "IN_SYNC"


def test_what_no_detection_may_say(own: Own) -> None:
    stack = drifted(own)
    refused = {
        "nobody": own.refused("detect_stack_drift", StackName="nobody"),
        "unknown": own.refused("detect_stack_drift", StackName="app", LogicalResourceIds=["Calm", "Zz", "Nobody"]),
        "resource": own.refused("detect_stack_resource_drift", StackName="app", LogicalResourceId="Nobody"),
        "nested": own.refused("detect_stack_resource_drift", StackName="app", LogicalResourceId="Child"),
        "detection": own.refused("describe_stack_drift_detection_status", StackDriftDetectionId="none"),
    }
    own.do("delete_stack", "app")
    refused["deleted"] = own.refused("detect_stack_drift", StackName=stack)
    assert refused == {
        "nobody": "ValidationError: Stack with id nobody does not exist",
        "unknown": "ValidationError: Resources ['Nobody', 'Zz'] do not exist for stack app",
        "resource": "ValidationError: Resource Nobody does not exist for stack app",
        "nested": "ValidationError: Resource type AWS::CloudFormation::Stack is not supported for drift detection",
        "detection": "ValidationError: No drift detection found for none",
        "deleted": "ValidationError: Drift detection cannot be performed on stack "
        "[arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app/#1] in status DELETE_COMPLETE",
    }


def test_a_change_set_that_looks_at_drift_shows_what_would_revert_it(own: Own) -> None:
    drifted(own)
    template = json.loads(own.account.find("app").target.text)  # type: ignore[union-attr]
    template["Resources"]["Changed"]["Properties"]["Value"] = "three"
    change_set = own.plan("app", template, DeploymentMode="REVERT_DRIFT")
    assert own.changes(change_set) == lines("""
        Action=Modify LogicalResourceId=Changed PhysicalResourceId=/changed ResourceType=AWS::SSM::Parameter
            Replacement=False Scope=Properties ResourceDriftStatus=MODIFIED BeforeContext={"Properties":
            {"Description": "d", "Name": "/changed", "Type": "String", "Value": "one"}} AfterContext={"Properties":
            {"Description": "d", "Name": "/changed", "Type": "String", "Value": "three"}}
        - Attribute=Properties Name=Value RequiresRecreation=Never Path=/Properties/Value BeforeValue=one
            AfterValue=three AttributeChangeType=Modify Evaluation=Static ChangeSource=DirectModification
        - Attribute=Properties Name=Value RequiresRecreation=Never Path=/Properties/Value BeforeValue=two
            AfterValue=one BeforeValueFrom=ACTUAL_STATE AfterValueFrom=TEMPLATE Drift={'PreviousValue': 'one',
            'ActualValue': 'two', 'DriftDetectionTimestamp': 'TIME'} AttributeChangeType=Modify Evaluation=Static
        Action=Modify LogicalResourceId=Child
            PhysicalResourceId=arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app-Child-#3/#4
            ResourceType=AWS::CloudFormation::Stack Replacement=False Scope=Properties BeforeContext={"Properties":
            {"TemplateURL": "http://localhost:1/templates-#5/child.json"}} AfterContext={"Properties":
            {"TemplateURL": "http://localhost:1/templates-#5/child.json"}}
        - Attribute=Properties RequiresRecreation=Never Evaluation=Dynamic ChangeSource=Automatic
        Action=Add LogicalResourceId=Gone ResourceType=AWS::SSM::Parameter ResourceDriftStatus=DELETED
            BeforeContext={"Properties": {"Description": "d", "Name": "/gone", "Type": "String", "Value": "one"}}
            AfterContext={"Properties": {"Description": "d", "Name": "/gone", "Type": "String", "Value": "one"}}
        Action=Modify LogicalResourceId=Tagged PhysicalResourceId=arn:aws:sns:eu-central-1:ACCOUNT:tagged
            ResourceType=AWS::SNS::Topic Replacement=False Scope=Tags ResourceDriftStatus=MODIFIED
            BeforeContext={"Properties": {"Tags": [{"Key": "a", "Value": "b"}], "TopicName": "tagged"}}
            AfterContext={"Properties": {"Tags": [{"Key": "a", "Value": "b"}], "TopicName": "tagged"}}
        - Attribute=Tags Name=Tags RequiresRecreation=Never Path=/Properties/Tags BeforeValue={"c": "d"}
            AfterValue=[{"Key": "a", "Value": "b"}] BeforeValueFrom=ACTUAL_STATE AfterValueFrom=TEMPLATE
            Drift={'PreviousValue': '[{"Key": "a", "Value": "b"}]', 'ActualValue': '{"c": "d"}',
            'DriftDetectionTimestamp': 'TIME'} AttributeChangeType=Modify Evaluation=Static
        """)
    shown = own.call("describe_change_set", ChangeSetName=change_set)
    assert (shown["DeploymentMode"], shown["StackDriftStatus"], shown["Status"]) == (
        "REVERT_DRIFT",
        "DRIFTED",
        "CREATE_COMPLETE",
    )
    assert own.refused("execute_change_set", ChangeSetName=change_set) == (
        "ValidationError: The local AWS shows in a change set what drifted and cannot revert it: it is not executed"
    )
