"""Existing resources are taken over: by their static name, or named one by one in a change set of type IMPORT."""

import copy
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scripts.local_aws.faults import ResourceFault
from tests.local_aws.support import Aws, failing, reasons
from tests.local_aws.trees import READER, leaf, root


def bucket(name: Any, policy: str = "Retain", **properties: Any) -> dict[str, Any]:
    body = {"Type": "AWS::S3::Bucket", "DeletionPolicy": policy, "Properties": {"BucketName": name, **properties}}
    return {"Resources": {"Bucket": body}}


def statuses(aws: Aws, stack: str, logical: str) -> list[str]:
    return [event["ResourceStatus"] for event in aws.events(stack) if event["LogicalResourceId"] == logical]


def test_a_resource_with_a_static_name_is_taken_over_on_creation(aws: Aws) -> None:
    aws.s3.create_bucket(Bucket="older-than-the-stack")
    versioning = {"Status": "Enabled"}
    template = bucket("older-than-the-stack", VersioningConfiguration=versioning)
    template["Outputs"] = {"Name": {"Value": {"Ref": "Bucket"}}}
    plan = aws.plan("adopted", template, "CREATE", ImportExistingResources=True, Tags=[{"Key": "a", "Value": "b"}])
    change = leaf(plan, "Bucket")
    assert (change["Action"], change["PhysicalResourceId"]) == ("Import", "older-than-the-stack")
    assert plan["ImportExistingResources"] is True
    stack = aws.execute(plan)
    assert (stack["StackStatus"], stack["Outputs"][0]["OutputValue"]) == ("CREATE_COMPLETE", "older-than-the-stack")
    assert statuses(aws, "adopted", "Bucket") == [
        "IMPORT_IN_PROGRESS",
        "IMPORT_COMPLETE",
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE",
    ]
    assert aws.s3.get_bucket_versioning(Bucket="older-than-the-stack")["Status"] == "Enabled"
    assert aws.s3.get_bucket_tagging(Bucket="older-than-the-stack")["TagSet"] == [{"Key": "a", "Value": "b"}]
    with pytest.raises(AssertionError, match="already belongs to stack"):
        aws.deploy("second", template, "CREATE", ImportExistingResources=True)
    aws.delete("second")
    aws.delete("adopted")


def test_what_is_not_there_is_created_and_what_cannot_be_taken_over_is_refused(aws: Aws) -> None:
    plan = aws.plan("fresh", bucket("not-there-yet"), "CREATE", ImportExistingResources=True)
    assert leaf(plan, "Bucket")["Action"] == "Add"
    aws.delete("fresh")
    aws.s3.create_bucket(Bucket="there-already")
    plan = aws.plan("fresh", bucket("there-already", "Delete"), "CREATE", ImportExistingResources=True)
    assert "DeletionPolicy must be Retain or RetainExceptOnCreate" in plan["StatusReason"]
    aws.delete("fresh")
    dynamic = bucket({"Fn::Sub": "there-already"})
    plan = aws.plan("fresh", dynamic, "CREATE", ImportExistingResources=True)
    assert "ResourceExistenceCheck" in plan["StatusReason"], "a name that is a function is a conflict"
    aws.delete("fresh")


def test_a_read_only_identifier_is_never_taken_over_by_name(aws: Aws) -> None:
    """A repository and a managed policy are identified by what AWS makes up: they are created beside, or fail."""
    aws.client("codecommit").create_repository(repositoryName="survivor")
    repository = {"Type": "AWS::CodeCommit::Repository", "DeletionPolicy": "Retain"}
    template = {"Resources": {"Code": {**repository, "Properties": {"RepositoryName": "survivor"}}}}
    plan = aws.plan("stranger", template, "CREATE", ImportExistingResources=True)
    assert (plan["Status"], leaf(plan, "Code")["Action"]) == ("CREATE_COMPLETE", "Add")
    assert aws.execute(plan)["StackStatus"] == "ROLLBACK_COMPLETE"
    aws.delete("stranger")


def test_a_nested_stack_takes_over_from_the_change_set_of_its_root(aws: Aws) -> None:
    ssm = aws.client("ssm")
    ssm.put_parameter(Name="/older/note", Value="old", Type="String")
    reader: dict[str, Any] = copy.deepcopy(READER)
    reader["Resources"]["Note"] |= {"DeletionPolicy": "RetainExceptOnCreate"}
    reader["Resources"]["Note"]["Properties"]["Name"] = "/older/note"
    template = root(aws, reader=reader, suffix="-older")
    with failing(aws, ResourceFault("update", "taking/Reader/Note", reason="not today", refused=True)):
        stack = aws.deploy("taking", template, ImportExistingResources=True)
        assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert ssm.get_parameter(Name="/older/note")["Parameter"]["Value"] == "old", "given back, not deleted"
    aws.delete("taking")
    assert aws.deploy("taking", template, ImportExistingResources=True)["StackStatus"] == "CREATE_COMPLETE"
    assert ssm.get_parameter(Name="/older/note")["Parameter"]["Value"].startswith("hello arn:")
    aws.delete("taking")


# -- change sets of type IMPORT


def shared(name: str) -> dict[str, Any]:
    """A repository and a managed policy, as in our flat root."""
    statement = {"Effect": "Deny", "Action": "codecommit:GitPush", "Resource": "*"}
    policy = {"ManagedPolicyName": name, "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    return {
        "Resources": {
            "Code": {
                "Type": "AWS::CodeCommit::Repository",
                "DeletionPolicy": "Retain",
                "Properties": {"RepositoryName": name, "RepositoryDescription": "d"},
            },
            "Policy": {"Type": "AWS::IAM::ManagedPolicy", "DeletionPolicy": "Retain", "Properties": policy},
        }
    }


def existing(aws: Aws, name: str) -> list[dict[str, Any]]:
    """Makes both by hand; what to import."""
    body = shared(name)["Resources"]["Policy"]["Properties"]["PolicyDocument"]
    repository = aws.client("codecommit").create_repository(repositoryName=name, repositoryDescription="d")
    policy = aws.client("iam").create_policy(PolicyName=name, PolicyDocument=json.dumps(body))["Policy"]["Arn"]
    listed = {
        ("Code", "AWS::CodeCommit::Repository"): {"RepositoryId": repository["repositoryMetadata"]["repositoryId"]},
        ("Policy", "AWS::IAM::ManagedPolicy"): {"PolicyArn": policy},
    }
    return [
        {"LogicalResourceId": name, "ResourceType": kind, "ResourceIdentifier": keys}
        for (name, kind), keys in listed.items()
    ]


FLAT: dict[str, Any] = {"IncludeNestedStacks": False, "Capabilities": ["CAPABILITY_NAMED_IAM"]}


def test_a_flat_stack_is_made_of_existing_resources(aws: Aws) -> None:
    listed, template = existing(aws, "kept-code"), shared("kept-code")
    summary = aws.stacks.get_template_summary(TemplateBody=json.dumps(template))["ResourceIdentifierSummaries"]
    assert {entry["ResourceType"]: entry["ResourceIdentifiers"] for entry in summary} == {
        "AWS::CodeCommit::Repository": ["RepositoryId"],
        "AWS::IAM::ManagedPolicy": ["PolicyArn"],
    }
    plan = aws.plan("kept-code", template, "IMPORT", ResourcesToImport=listed, **FLAT)
    assert {change["ResourceChange"]["Action"] for change in plan["Changes"]} == {"Import"}, plan.get("StatusReason")
    assert aws.execute(plan)["StackStatus"] == "IMPORT_COMPLETE"
    repository = aws.resources("kept-code")["Code"]
    assert repository["PhysicalResourceId"] == listed[0]["ResourceIdentifier"]["RepositoryId"]
    template["Outputs"] = {"Arn": {"Value": {"Fn::GetAtt": ["Code", "Arn"]}}}
    stack = aws.deploy("kept-code", template, "UPDATE", **FLAT)
    assert (stack["StackStatus"], stack["Outputs"][0]["OutputValue"].split(":")[-1]) == ("UPDATE_COMPLETE", "kept-code")
    aws.delete("kept-code")


@pytest.fixture(scope="module")
def importing(aws: Aws) -> list[dict[str, Any]]:
    return existing(aws, "code-to-come")


def test_what_an_import_may_not_do_is_refused(aws: Aws, importing: list[dict[str, Any]]) -> None:
    template = shared("code-to-come")
    arguments: dict[str, Any] = {"ResourcesToImport": importing, **FLAT}
    with pytest.raises(ClientError, match=r"cannot modify or add \[Outputs\]"):
        aws.plan("wrongly", {**template, "Outputs": {"A": {"Value": "b"}}}, "IMPORT", **arguments)
    with pytest.raises(ClientError, match=r"cannot modify or add \[Tags\]"):
        aws.plan("wrongly", template, "IMPORT", Tags=[{"Key": "a", "Value": "b"}], **arguments)
    with pytest.raises(ClientError, match="Invalid identifier"):
        wrong = [{**importing[0], "ResourceIdentifier": {"RepositoryName": "code-to-come"}}]
        aws.plan("wrongly", template, "IMPORT", ResourcesToImport=wrong, **FLAT)
    plan = aws.plan("wrongly", template, "IMPORT", ResourcesToImport=importing[:1], **FLAT)
    assert plan["StatusReason"] == "Resources [Policy] is missing from ResourceToImport list"
    aws.delete("wrongly")
    nobody = [{**importing[0], "ResourceIdentifier": {"RepositoryId": "nobody"}}, importing[1]]
    plan = aws.plan("wrongly", template, "IMPORT", ResourcesToImport=nobody, **FLAT)
    assert "was not found" in plan["StatusReason"]
    aws.delete("wrongly")


def test_an_import_that_fails_leaves_the_resources_alone(aws: Aws, importing: list[dict[str, Any]]) -> None:
    with failing(aws, ResourceFault("update", "given-back/Policy", reason="no", refused=True)):
        template = shared("code-to-come")
        template["Resources"]["Policy"]["DependsOn"] = "Code"
        plan = aws.plan("given-back", template, "IMPORT", ResourcesToImport=importing, **FLAT)
        assert aws.execute(plan)["StackStatus"] == "IMPORT_ROLLBACK_COMPLETE"
    assert reasons(aws, "given-back", "UPDATE_FAILED") == [("Policy", "no")]
    assert aws.client("codecommit").get_repository(repositoryName="code-to-come")
    assert aws.delete("given-back")["StackStatus"] == "DELETE_COMPLETE"
    assert aws.client("codecommit").get_repository(repositoryName="code-to-come")
