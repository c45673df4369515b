"""A nested creation and what is shown of it, over HTTP with a real client; `Aws` checks every answer in shape."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from generator.cfn.unknown import is_unknown
from tests.local_aws.support import Aws, outputs
from tests.local_aws.trees import LEAVES, NO_CHANGES, leaf, root


@pytest.fixture(scope="module")
def tree(aws: Aws) -> Iterator[Any]:
    yield aws.deploy("tree", root(aws), Tags=[{"Key": "Owner", "Value": "team"}])
    assert aws.delete("tree")["StackStatus"] == "DELETE_COMPLETE"


def test_a_nested_creation(aws: Aws, tree: Any) -> None:
    assert tree["StackStatus"] == "CREATE_COMPLETE"
    bucket = outputs(tree)["BucketName"]
    assert bucket.startswith("tree-leaves-")
    assert aws.s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    children = aws.resources("tree")
    [child] = aws.stacks.describe_stacks(StackName=children["Leaves"]["PhysicalResourceId"])["Stacks"]
    assert (child["ParentId"], child["RootId"]) == (tree["StackId"], tree["StackId"])
    note = aws.client("ssm").get_parameter(Name=outputs(tree)["Note"])["Parameter"]["Value"]
    assert note == f"hello {aws.client('kms').describe_key(KeyId=note.split()[1])['KeyMetadata']['Arn']}"


def test_stack_tags_reach_the_leaves(aws: Aws, tree: Any) -> None:
    tags = aws.s3.get_bucket_tagging(Bucket=outputs(tree)["BucketName"])["TagSet"]
    assert tags == [{"Key": "Owner", "Value": "team"}]


def test_events_tell_every_resource(aws: Aws, tree: Any) -> None:
    events = aws.events(tree["StackId"])
    own = [event["ResourceStatus"] for event in events if event["LogicalResourceId"] == "tree"]
    assert own == ["REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    leaves = [event for event in events if event["LogicalResourceId"] == "Leaves"]
    assert [event["ResourceStatus"] for event in leaves] == [
        "CREATE_IN_PROGRESS",
        "CREATE_IN_PROGRESS",
        "CREATE_COMPLETE",
    ]
    assert len({event["OperationId"] for event in leaves}) == 1
    newest = aws.stacks.describe_stack_events(StackName="tree")["StackEvents"]
    assert [event["EventId"] for event in newest] == [event["EventId"] for event in events[::-1]]


def test_no_change_is_failed_with_awss_text(aws: Aws, tree: Any) -> None:
    plan = aws.plan("tree", root(aws), Tags=tree["Tags"])
    assert (plan["Status"], plan["StatusReason"], plan["ExecutionStatus"]) == ("FAILED", NO_CHANGES, "UNAVAILABLE")
    with pytest.raises(ClientError, match="cannot be executed in its current status"):
        aws.stacks.execute_change_set(ChangeSetName=plan["ChangeSetId"])
    aws.stacks.delete_change_set(ChangeSetName=plan["ChangeSetId"])
    assert aws.stacks.list_change_sets(StackName="tree")["Summaries"] == []


def test_a_nested_plan_shows_values_before_and_after(aws: Aws, tree: Any) -> None:
    plan = aws.plan("tree", root(aws), Tags=tree["Tags"], parameters={"Days": "30"})
    leaves = leaf(plan, "Leaves")
    child = aws.described(leaves["ChangeSetId"])
    assert (child["ParentChangeSetId"], child["RootChangeSetId"]) == (plan["ChangeSetId"], plan["ChangeSetId"])
    assert child["ExecutionStatus"] == "UNAVAILABLE"
    [change] = child["Changes"]
    detail = change["ResourceChange"]["Details"][0]
    assert (change["ResourceChange"]["Action"], change["ResourceChange"]["Replacement"]) == ("Modify", "False")
    assert detail["Target"]["Path"] == "/Properties/RetentionInDays"
    assert (detail["Target"]["BeforeValue"], detail["Target"]["AfterValue"]) == ("7", "30")
    assert (detail["ChangeSource"], detail["CausingEntity"]) == ("ParameterReference", "Days")
    # What a sibling gives is not known while the sibling changes.
    reader = aws.described(leaf(plan, "Reader")["ChangeSetId"])
    assert is_unknown(
        {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in reader["Parameters"]}["KeyArn"]
    )
    plain = aws.stacks.describe_change_set(ChangeSetName=child["ChangeSetId"])
    assert "BeforeValue" not in plain["Changes"][0]["ResourceChange"]["Details"][0]["Target"]
    aws.stacks.delete_change_set(ChangeSetName=plan["ChangeSetId"])
    with pytest.raises(ClientError, match="ChangeSetNotFound"):
        aws.described(child["ChangeSetId"])


def test_cancelling_is_for_updates_under_way(aws: Aws, tree: Any) -> None:
    assert tree
    with pytest.raises(ClientError, match="cannot be called from current stack status CREATE_COMPLETE"):
        aws.stacks.cancel_update_stack(StackName="tree")


def test_termination_protection_policies_and_templates(aws: Aws, tree: Any) -> None:
    aws.stacks.update_termination_protection(StackName="tree", EnableTerminationProtection=True)
    with pytest.raises(ClientError, match="TerminationProtection is enabled"):
        aws.stacks.delete_stack(StackName="tree")
    aws.stacks.update_termination_protection(StackName="tree", EnableTerminationProtection=False)
    aws.stacks.set_stack_policy(StackName="tree", StackPolicyBody='{"Statement": []}')
    assert aws.stacks.get_stack_policy(StackName="tree")["StackPolicyBody"] == '{"Statement": []}'
    assert aws.stacks.get_template(StackName="tree")["TemplateBody"] == root(aws)
    summary = aws.stacks.get_template_summary(TemplateBody=json.dumps(LEAVES))
    assert summary["ResourceTypes"] == ["AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::S3::Bucket"]
    assert len(aws.stacks.validate_template(TemplateBody=json.dumps(LEAVES))["Parameters"]) == 2
    assert tree["StackId"] in {stack["StackId"] for stack in aws.stacks.list_stacks()["StackSummaries"]}
    assert len(aws.stacks.list_stack_resources(StackName="tree")["StackResourceSummaries"]) == 2
    detail = aws.stacks.describe_stack_resource(StackName="tree", LogicalResourceId="Leaves")["StackResourceDetail"]
    assert detail["ResourceStatus"] == "CREATE_COMPLETE"
    assert aws.stacks.describe_events(StackName="tree")["OperationEvents"]


def test_shapes_were_checked(aws: Aws, tree: Any) -> None:
    assert tree and aws.events("tree")
    assert {"CreateChangeSet", "DescribeChangeSet", "DescribeStackEvents", "DescribeStacks"} <= set(aws.checked)


def test_every_pseudo_parameter_has_its_value(aws: Aws) -> None:
    names = ("AccountId", "Partition", "Region", "StackId", "StackName", "URLSuffix")
    body = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": {"Ref": f"AWS::{name}"}} for name in names},
    }
    stack = aws.deploy("pseudo", body)
    assert outputs(stack) == {
        "AccountId": aws.endpoint.account,
        "Partition": "aws",
        "Region": aws.endpoint.region,
        "StackId": stack["StackId"],
        "StackName": "pseudo",
        "URLSuffix": "amazonaws.com",
    }


def test_what_aws_documents_as_refused_is_refused(aws: Aws) -> None:
    """The table of limits (`generator/cfn/limits.py`); a public range is taken, as by EC2."""
    body: dict[str, Any] = {
        "Resources": {"Network": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/8"}}}
    }
    assert aws.deploy("limited", body)["StackStatus"] == "ROLLBACK_COMPLETE"
    [failed] = [event for event in aws.events("limited") if event["ResourceStatus"] == "CREATE_FAILED"]
    assert "must be an IPv4 block from /16 to /28" in failed["ResourceStatusReason"]
    assert "HandlerErrorCode: InvalidRequest" in failed["ResourceStatusReason"]
    body["Resources"]["Network"]["Properties"]["CidrBlock"] = "172.40.0.0/16"
    assert aws.deploy("public-range", body)["StackStatus"] == "CREATE_COMPLETE"
