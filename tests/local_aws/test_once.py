"""Nothing is started twice: client tokens, names of change sets, obsolete ones; and every list comes in pages."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scripts.local_aws.faults import ResourceFault
from tests.local_aws.support import Aws, failing, reasons

ONE_BUCKET: dict[str, Any] = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {}}}}
TWO: dict[str, Any] = {"Resources": {**ONE_BUCKET["Resources"], "Other": {"Type": "AWS::S3::Bucket", "Properties": {}}}}


def code(error: Any) -> str:
    return str(error.value.response["Error"]["Code"])


def test_the_same_token_starts_nothing_twice(aws: Aws) -> None:
    body = json.dumps(ONE_BUCKET)
    first = aws.stacks.create_stack(StackName="once", TemplateBody=body, ClientRequestToken="a")
    again = aws.stacks.create_stack(StackName="once", TemplateBody=body, ClientRequestToken="a")
    assert (first["StackId"], first["OperationId"]) == (again["StackId"], again["OperationId"])
    aws.wait("once")
    assert len(reasons(aws, "once", "CREATE_COMPLETE")) == 2
    assert {event["ClientRequestToken"] for event in aws.events("once")} == {"a"}
    with pytest.raises(ClientError) as caught:
        aws.stacks.create_stack(StackName="once", TemplateBody=body, ClientRequestToken="b")
    assert code(caught) == "AlreadyExistsException"
    with pytest.raises(ClientError) as caught:
        aws.stacks.update_stack(StackName="once", TemplateBody=json.dumps(TWO), ClientRequestToken="a")
    assert code(caught) == "TokenAlreadyExistsException"
    plan = aws.plan("once", TWO)
    for _ in range(3):
        aws.stacks.execute_change_set(ChangeSetName=plan["ChangeSetId"], ClientRequestToken="c")
        aws.wait("once")
    operations = {event["OperationId"] for event in aws.events("once")}
    assert len(operations) == 2
    with pytest.raises(ClientError) as caught:
        aws.stacks.execute_change_set(ChangeSetName=plan["ChangeSetId"])
    assert code(caught) == "InvalidChangeSetStatus"
    for _ in range(2):
        aws.stacks.delete_stack(StackName=plan["StackId"], ClientRequestToken="d")
        aws.wait(plan["StackId"])
    assert len(reasons(aws, plan["StackId"], "DELETE_COMPLETE")) == 3


def test_a_creation_from_a_change_set_is_started_once(aws: Aws) -> None:
    plan = aws.plan("begun-once", ONE_BUCKET, "CREATE")
    with failing(aws, ResourceFault("create", "begun-once/Bucket", seconds=0.3)):
        for _ in range(3):  # before it runs, while it runs, and afterwards
            aws.stacks.execute_change_set(ChangeSetName=plan["ChangeSetId"], ClientRequestToken="a")
        assert aws.wait("begun-once")["StackStatus"] == "CREATE_COMPLETE"
        aws.stacks.execute_change_set(ChangeSetName=plan["ChangeSetId"], ClientRequestToken="a")
    assert reasons(aws, "begun-once", "CREATE_IN_PROGRESS").count(("begun-once", "User Initiated")) == 1
    aws.delete("begun-once")


def test_a_cancellation_and_its_token(aws: Aws) -> None:
    aws.deploy("ceased", ONE_BUCKET)
    template: dict[str, Any] = {
        "Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"Tags": [{"Key": "a", "Value": "b"}]}}}
    }
    with failing(aws, ResourceFault("update", "ceased/Bucket", seconds=60)):
        aws.starts(aws.plan("ceased", template), "Bucket", "ceased", ClientRequestToken="x")
        for _ in range(2):
            aws.stacks.cancel_update_stack(StackName="ceased", ClientRequestToken="y")
        with pytest.raises(ClientError) as caught:
            aws.stacks.cancel_update_stack(StackName="ceased", ClientRequestToken="x")
        assert code(caught) == "TokenAlreadyExistsException"
        assert aws.wait("ceased")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    aws.delete("ceased")


def test_the_name_of_a_change_set_is_taken_once(aws: Aws) -> None:
    """The message: aws-accelerator threads of landing-zone-accelerator-on-aws, 342 and 392."""
    aws.deploy("named", ONE_BUCKET)
    arguments: dict[str, Any] = {"StackName": "named", "ChangeSetName": "n", "TemplateBody": json.dumps(TWO)}
    first = aws.stacks.create_change_set(**arguments, ClientToken="t")
    assert aws.stacks.create_change_set(**arguments, ClientToken="t")["Id"] == first["Id"]
    with pytest.raises(ClientError, match="due to a mismatch with existing attribute ClientToken") as caught:
        aws.stacks.create_change_set(**arguments, ClientToken="u")
    assert code(caught) == "AlreadyExistsException"
    aws.delete("named")


def test_change_sets_that_an_update_overtakes(aws: Aws) -> None:
    aws.deploy("overtaken", ONE_BUCKET)
    first, second = aws.plan("overtaken", TWO), aws.plan("overtaken", TWO)
    aws.execute(second)
    with pytest.raises(ClientError) as caught:
        aws.stacks.execute_change_set(ChangeSetName=first["ChangeSetId"])
    assert code(caught) == "ChangeSetNotFound"
    plan = aws.plan("overtaken", ONE_BUCKET)
    aws.stacks.update_stack(StackName="overtaken", TemplateBody=json.dumps(ONE_BUCKET))
    aws.wait("overtaken")
    assert aws.described(plan["ChangeSetId"])["ExecutionStatus"] == "OBSOLETE"
    aws.delete("overtaken")


def test_what_a_change_set_does_on_failure_is_said_once(aws: Aws) -> None:
    plan = aws.plan("unsure", ONE_BUCKET, "CREATE", OnStackFailure="ROLLBACK")
    with pytest.raises(ClientError, match="DisableRollback cannot be given"):
        aws.stacks.execute_change_set(ChangeSetName=plan["ChangeSetId"], DisableRollback=False)
    assert aws.execute(plan)["StackStatus"] == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match="only valid for a change set of type CREATE"):
        aws.plan("unsure", TWO, OnStackFailure="DELETE")
    aws.delete("unsure")


@pytest.mark.parametrize(("policy", "status"), [("DELETE", "DELETE_COMPLETE"), ("DO_NOTHING", "CREATE_FAILED")])
def test_on_failure_of_a_plain_creation(aws: Aws, policy: str, status: str) -> None:
    arguments: dict[str, Any] = {
        "StackName": f"plain-{policy[:2]}",
        "TemplateBody": json.dumps(ONE_BUCKET),
        "OnFailure": policy,
    }
    with pytest.raises(ClientError, match="not both"):
        aws.stacks.create_stack(**arguments, DisableRollback=False)
    with failing(aws, ResourceFault("create", f"plain-{policy[:2]}/Bucket", reason="no")):
        assert aws.wait(aws.stacks.create_stack(**arguments)["StackId"])["StackStatus"] == status


def test_a_change_set_that_takes_long_or_fails(aws: Aws) -> None:
    arguments: dict[str, Any] = {"StackName": "slowly", "ChangeSetName": "n", "ChangeSetType": "CREATE"}
    with failing(aws, ResourceFault("plan", "slowly", seconds=60)):
        change_set = aws.stacks.create_change_set(**arguments, TemplateBody=json.dumps(ONE_BUCKET))["Id"]
        shown = aws.described(change_set)
        assert (shown["Status"], shown["ExecutionStatus"]) == ("CREATE_IN_PROGRESS", "UNAVAILABLE")
        with pytest.raises(ClientError) as caught:
            aws.stacks.execute_change_set(ChangeSetName=change_set)
        assert code(caught) == "InvalidChangeSetStatus"
    until = time.monotonic() + 120
    while aws.described(change_set)["Status"] == "CREATE_IN_PROGRESS":
        assert time.monotonic() < until
    assert aws.execute(aws.described(change_set))["StackStatus"] == "CREATE_COMPLETE"
    with failing(aws, ResourceFault("plan", "slowly", reason="Internal failure")):
        failed = aws.stacks.create_change_set(StackName="slowly", ChangeSetName="m", TemplateBody=json.dumps(TWO))
        while (shown := aws.described(failed["Id"]))["Status"] == "CREATE_IN_PROGRESS":
            time.sleep(0.02)
    assert (shown["Status"], shown["StatusReason"]) == ("FAILED", "Internal failure")
    aws.delete("slowly")


def test_every_list_comes_in_pages(aws: Aws) -> None:
    properties = {"Type": "TEST", "ExportConfig": {"ExportConfigType": "NO_EXPORT"}}
    report_group = {"Type": "AWS::CodeBuild::ReportGroup", "Properties": properties}
    plan = aws.plan("long", {"Resources": {f"R{number:03}": report_group for number in range(120)}}, "CREATE")
    assert len(plan["Changes"]) == 100, plan.get("StatusReason")
    pages = aws.stacks.get_paginator("describe_change_set").paginate(ChangeSetName=plan["ChangeSetId"])
    assert [len(page["Changes"]) for page in pages] == [100, 20]
    assert aws.execute(plan)["StackStatus"] == "CREATE_COMPLETE"
    assert len(aws.stacks.describe_stack_resources(StackName="long")["StackResources"]) == 100
    for operation, name in (
        ("list_stack_resources", "StackResourceSummaries"),
        ("describe_stack_events", "StackEvents"),
        ("describe_events", "OperationEvents"),
    ):
        answers = list(aws.stacks.get_paginator(operation).paginate(StackName="long"))
        assert len(answers) > 1
        assert sum(len(page[name]) for page in answers) >= 120
    aws.delete("long")
