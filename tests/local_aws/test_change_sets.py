"""What goes into a change set and what is refused; every answer is checked in shape by `Aws`."""

import copy
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scripts.local_aws.faults import ResourceFault
from tests.local_aws.own import Own, lines
from tests.local_aws.support import Aws
from tests.local_aws.trees import LEAVES, READER, STACK, leaf, root


def test_a_failed_plan_leaves_no_stacks_behind(aws: Aws) -> None:
    reader: dict[str, Any] = copy.deepcopy(READER)
    del reader["Parameters"]["Text"]
    reader["Resources"]["Note"]["Properties"]["Value"] = {"Ref": "KeyArn"}
    plan = aws.plan("unplanned", root(aws, reader=reader, suffix="-unplanned"), "CREATE")
    assert "Parameters: [Text] do not exist in the template" in plan["StatusReason"]
    aws.stacks.delete_change_set(ChangeSetName=plan["ChangeSetId"])
    aws.delete("unplanned")
    left = [stack for stack in aws.stacks.list_stacks()["StackSummaries"] if stack["StackName"].startswith("unplanned")]
    assert left
    assert {stack["StackStatus"] for stack in left} == {"DELETE_COMPLETE"}


def test_without_nested_change_sets(aws: Aws) -> None:
    """As `aws cloudformation deploy` does it: a nested stack then always counts as changed."""
    more: dict[str, Any] = {"IncludeNestedStacks": False}
    assert aws.deploy("flat", root(aws), **more)["StackStatus"] == "CREATE_COMPLETE"
    plan = aws.plan("flat", root(aws), parameters={"Days": "30"}, **more)
    change = leaf(plan, "Leaves")
    assert "ChangeSetId" not in change
    assert leaf(plan, "Reader")["Action"] == "Modify"
    assert aws.execute(plan, DisableRollback=False)["StackStatus"] == "UPDATE_COMPLETE"
    [group] = aws.client("logs").describe_log_groups(logGroupNamePrefix="/leaves/flat-")["logGroups"]
    assert group["retentionInDays"] == 30
    aws.delete("flat")


@pytest.mark.parametrize("host", ["https://templates.s3.us-east-1.amazonaws.com", "https://s3.amazonaws.com/templates"])
def test_template_addresses_of_either_style(aws: Aws, host: str) -> None:
    aws.put("styled.json", {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}})
    summary = aws.stacks.get_template_summary(TemplateURL=f"{host}/styled.json")
    assert summary["ResourceTypes"] == ["AWS::S3::Bucket"]
    with pytest.raises(ClientError, match=r"S3 error: .*NotFound"):
        aws.stacks.get_template_summary(TemplateURL=f"{host}/nothing.json")


def test_create_and_update_without_change_sets(aws: Aws) -> None:
    body: dict[str, Any] = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {}}}}
    answer = aws.stacks.create_stack(StackName="plain", TemplateBody=json.dumps(body))
    assert aws.wait(answer["StackId"])["StackStatus"] == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match="No updates are to be performed"):
        aws.stacks.update_stack(StackName="plain", TemplateBody=json.dumps(body))
    body["Resources"]["Bucket"]["Properties"]["Tags"] = [{"Key": "a", "Value": "b"}]
    aws.stacks.update_stack(StackName="plain", TemplateBody=json.dumps(body))
    assert aws.wait("plain")["StackStatus"] == "UPDATE_COMPLETE"
    with pytest.raises(ClientError, match="already exists"):
        aws.stacks.create_stack(StackName="plain", TemplateBody=json.dumps(body))
    aws.delete("plain")


def test_deleting_a_creation_that_was_only_planned(aws: Aws) -> None:
    plan = aws.plan("planned", root(aws), "CREATE")
    child = leaf(plan, "Leaves")["PhysicalResourceId"]
    aws.stacks.delete_change_set(ChangeSetName=plan["ChangeSetId"])
    assert aws.stacks.describe_stacks(StackName=child)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
    assert aws.stacks.describe_stacks(StackName="planned")["Stacks"][0]["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert aws.delete("planned")["StackStatus"] == "DELETE_COMPLETE"


PLAIN_BUCKET = {"Type": "AWS::S3::Bucket", "Properties": {}}

ROLE = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}}


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ({"Type": "AWS::S3::Barrel"}, r"Unrecognized resource types: \[AWS::S3::Barrel\]"),
        ({**PLAIN_BUCKET, "DependsOn": "Nobody"}, r"Unresolved resource dependencies \[Nobody\]"),
        (ROLE, r"Requires capabilities : \[CAPABILITY_IAM\]"),
        ({**ROLE, "Properties": {"RoleName": "x"}}, r"Requires capabilities : \[CAPABILITY_NAMED_IAM\]"),
    ],
)
def test_what_aws_refuses_at_once(aws: Aws, resource: Any, reason: str) -> None:
    with pytest.raises(ClientError, match=reason):
        aws.plan("refused", {"Resources": {"One": resource}}, "CREATE", Capabilities=[])


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"Colour": "red"}, "extraneous key [Colour] is not permitted"),
        ({"VersioningConfiguration": {"Status": "Perhaps"}}, "Perhaps is not a valid enum value"),
        ({"VersioningConfiguration": {}}, "required key [Status] not found"),
        ({"Arn": "arn:aws:s3:::x"}, "readonly property [Arn] cannot be specified"),
        ({"BucketName": {"Fn::Select": [3, ["a"]]}}, "nonexistent value at index 3"),
    ],
)
def test_what_makes_a_change_set_fail(aws: Aws, properties: Any, reason: str) -> None:
    plan = aws.plan("invalid", {"Resources": {"One": {**PLAIN_BUCKET, "Properties": properties}}}, "CREATE")
    assert plan["Status"] == "FAILED"
    if "Select" in json.dumps(properties):
        assert reason in plan["StatusReason"]
    else:
        assert "[AWS::EarlyValidation::PropertyValidation]" in plan["StatusReason"]
        [event] = aws.stacks.describe_events(ChangeSetName=plan["ChangeSetId"])["OperationEvents"]
        assert reason in event["ValidationStatusReason"]
    aws.delete("invalid")


def test_a_fault_in_a_child_fails_the_root(aws: Aws) -> None:
    leaves = copy.deepcopy(LEAVES)
    leaves["Resources"]["Logs"]["Properties"]["Colour"] = "red"
    plan = aws.plan("faulty", root(aws, leaves, suffix="-faulty"), "CREATE")
    assert plan["StatusReason"].endswith("was not successfully created: Currently in FAILED.")
    aws.delete("faulty")


def test_a_type_without_a_row_is_an_error_with_a_reason(aws: Aws) -> None:
    stack = aws.deploy("rowless", {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {}}}})
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    [event] = [event for event in aws.events("rowless") if event["ResourceStatus"] == "CREATE_FAILED"]
    assert "AWS::SQS::Queue has no row" in event["ResourceStatusReason"]
    aws.delete("rowless")


def test_parameters_of_ssm_types_previous_values_and_dynamic_references(aws: Aws) -> None:
    aws.client("ssm").put_parameter(Name="/given/text", Value="from ssm", Type="String")
    secret = aws.client("secretsmanager").create_secret(Name="given", SecretString='{"word": "hush"}')["ARN"]
    template: dict[str, Any] = {
        "Parameters": {
            "Text": {"Type": "AWS::SSM::Parameter::Value<String>"},
            "Other": {"Type": "String", "NoEcho": True},
        },
        "Resources": {
            "Note": {
                "Type": "AWS::SSM::Parameter",
                "Properties": {
                    "Type": "String",
                    "Name": "/made/note",
                    "Value": {
                        "Fn::Sub": f"${{Text}} ${{Other}} {{{{resolve:secretsmanager:{secret}:SecretString:word}}}}="
                    },
                },
            }
        },
    }
    stack = aws.deploy("given", template, parameters={"Text": "/given/text", "Other": "one"})
    assert aws.client("ssm").get_parameter(Name="/made/note")["Parameter"]["Value"] == "from ssm one hush="
    shown = {parameter["ParameterKey"]: parameter for parameter in stack["Parameters"]}
    assert (shown["Text"]["ResolvedValue"], shown["Other"]["ParameterValue"]) == ("from ssm", "****")
    template["Resources"]["Note"]["Properties"]["Description"] = "more"
    previous = [{"ParameterKey": name, "UsePreviousValue": True} for name in ("Text", "Other")]
    answer = aws.stacks.create_change_set(
        StackName="given", ChangeSetName="again", TemplateBody=json.dumps(template), Parameters=previous
    )
    assert aws.execute(aws.described(answer["Id"]))["StackStatus"] == "UPDATE_COMPLETE"
    assert aws.client("ssm").get_parameter(Name="/made/note")["Parameter"]["Value"] == "from ssm one hush="
    aws.delete("given")


def test_a_changed_policy_alone_is_a_change_with_its_detail(aws: Aws) -> None:
    body = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    aws.deploy("policy-alone", body)
    kept = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "DeletionPolicy": "Retain"}}}
    change = leaf(aws.plan("policy-alone", kept, "UPDATE"), "Topic")
    assert (change["Action"], change["Replacement"], change["Scope"]) == ("Modify", "False", ["DeletionPolicy"])
    assert [detail["Target"]["Attribute"] for detail in change["Details"]] == ["DeletionPolicy"]
    assert change["Details"][0]["ChangeSource"] == "DirectModification"


# -- whole plans, in an account of the test's own

NOTE, BUCKET, TOPIC = "AWS::SSM::Parameter", "AWS::S3::Bucket", "AWS::SNS::Topic"


def note(value: Any = "one", name: Any = "", **attributes: Any) -> dict[str, Any]:
    """A parameter of Systems Manager: its value is changed in place, its name by a replacement."""
    named = {"Name": name} if name else {}
    return {"Type": NOTE, "Properties": {"Type": "String", "Value": value, **named}, **attributes}


def body(*, parameters: dict[str, Any] | None = None, **resources: Any) -> dict[str, Any]:
    declared = {name: {"Type": "String", "Default": value} for name, value in (parameters or {}).items()}
    return {**({"Parameters": declared} if declared else {}), "Resources": resources}


def bucket(**properties: Any) -> dict[str, Any]:
    return {"Type": BUCKET, "Properties": properties}


def test_a_plan_shows_what_of_a_resource_changes_and_how(own: Own) -> None:
    rule = {"Id": "a", "Status": "Enabled", "ExpirationInDays": 1}
    before = bucket(
        BucketName=f"shown-{own.number}",
        Tags=[{"Key": "a", "Value": "1"}],
        VersioningConfiguration={"Status": "Enabled"},
        LifecycleConfiguration={"Rules": [rule, {**rule, "Id": "b"}]},
    )
    after = bucket(
        BucketName=f"shown-{own.number}",
        Tags=[{"Key": "a", "Value": "2"}],
        OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        LifecycleConfiguration={"Rules": [rule, {**rule, "Id": "b", "ExpirationInDays": 2}]},
    )
    own.do("create_stack", "app", body(Bucket=before, Gone=note(), Kept=note(DeletionPolicy="Retain"), Same=note()))
    change_set = own.plan("app", body(Bucket=after, New=note(), Same=note()))
    assert own.changes(change_set) == lines("""
        Action=Modify LogicalResourceId=Bucket PhysicalResourceId=shown-#3 ResourceType=AWS::S3::Bucket
            Replacement=False Scope=Properties,Tags BeforeContext={"Properties": {"BucketName": "shown-#3",
            "LifecycleConfiguration": {"Rules": [{"ExpirationInDays": 1, "Id": "a", "Status": "Enabled"},
            {"ExpirationInDays": 1, "Id": "b", "Status": "Enabled"}]}, "Tags": [{"Key": "a", "Value": "1"}],
            "VersioningConfiguration": {"Status": "Enabled"}}} AfterContext={"Properties": {"BucketName":
            "shown-#3", "LifecycleConfiguration": {"Rules": [{"ExpirationInDays": 1, "Id": "a", "Status":
            "Enabled"}, {"ExpirationInDays": 2, "Id": "b", "Status": "Enabled"}]}, "OwnershipControls": {"Rules":
            [{"ObjectOwnership": "BucketOwnerEnforced"}]}, "Tags": [{"Key": "a", "Value": "2"}]}}
        - Attribute=Properties Name=LifecycleConfiguration RequiresRecreation=Never
            Path=/Properties/LifecycleConfiguration/Rules/1/ExpirationInDays BeforeValue=1 AfterValue=2
            AttributeChangeType=Modify Evaluation=Static ChangeSource=DirectModification
        - Attribute=Properties Name=OwnershipControls RequiresRecreation=Never
            Path=/Properties/OwnershipControls AfterValue={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
            AttributeChangeType=Add Evaluation=Static ChangeSource=DirectModification
        - Attribute=Tags Name=Tags RequiresRecreation=Never Path=/Properties/Tags/0/Value BeforeValue=1
            AfterValue=2 AttributeChangeType=Modify Evaluation=Static ChangeSource=DirectModification
        - Attribute=Properties Name=VersioningConfiguration RequiresRecreation=Never
            Path=/Properties/VersioningConfiguration BeforeValue={"Status": "Enabled"} AttributeChangeType=Remove
            Evaluation=Static ChangeSource=DirectModification
        Action=Add LogicalResourceId=New ResourceType=AWS::SSM::Parameter AfterContext={"Properties": {"Type":
            "String", "Value": "one"}}
        PolicyAction=Retain Action=Remove LogicalResourceId=Kept PhysicalResourceId=app-Kept-#4
            ResourceType=AWS::SSM::Parameter BeforeContext={"Properties": {"Type": "String", "Value": "one"}}
        PolicyAction=Delete Action=Remove LogicalResourceId=Gone PhysicalResourceId=app-Gone-#5
            ResourceType=AWS::SSM::Parameter BeforeContext={"Properties": {"Type": "String", "Value": "one"}}
        """)
    assert own.changes(change_set, values=False) == lines("""
        Action=Modify LogicalResourceId=Bucket PhysicalResourceId=shown-#3 ResourceType=AWS::S3::Bucket
            Replacement=False Scope=Properties,Tags
        - Attribute=Properties Name=LifecycleConfiguration RequiresRecreation=Never Evaluation=Static
            ChangeSource=DirectModification
        - Attribute=Properties Name=OwnershipControls RequiresRecreation=Never Evaluation=Static
            ChangeSource=DirectModification
        - Attribute=Tags Name=Tags RequiresRecreation=Never Evaluation=Static ChangeSource=DirectModification
        - Attribute=Properties Name=VersioningConfiguration RequiresRecreation=Never Evaluation=Static
            ChangeSource=DirectModification
        Action=Add LogicalResourceId=New ResourceType=AWS::SSM::Parameter
        PolicyAction=Retain Action=Remove LogicalResourceId=Kept PhysicalResourceId=app-Kept-#4
            ResourceType=AWS::SSM::Parameter
        PolicyAction=Delete Action=Remove LogicalResourceId=Gone PhysicalResourceId=app-Gone-#5
            ResourceType=AWS::SSM::Parameter
        """)
    shorter = bucket(**{**after["Properties"], "LifecycleConfiguration": {"Rules": [rule]}})
    own.cloudformation.delete_change_set(ChangeSetName=change_set)
    change_set = own.plan("app", body(Bucket=shorter, Gone=note(), Kept=note(), Same=note()))
    assert [line for line in own.changes(change_set) if "Lifecycle" in line.partition("Context")[0]] == lines("""
        - Attribute=Properties Name=LifecycleConfiguration RequiresRecreation=Never
            Path=/Properties/LifecycleConfiguration/Rules BeforeValue=[{"ExpirationInDays": 1, "Id": "a", "Status":
            "Enabled"}, {"ExpirationInDays": 1, "Id": "b", "Status": "Enabled"}] AfterValue=[{"ExpirationInDays": 1,
            "Id": "a", "Status": "Enabled"}] AttributeChangeType=Modify Evaluation=Static
            ChangeSource=DirectModification
        """)


def test_a_plan_shows_what_is_replaced_and_what_becomes_of_the_old(own: Own) -> None:
    before = body(One=note(name="/one"), Two=note(name="/two"), Three=note(name="/three"))
    own.do("create_stack", "app", before)
    after = body(
        One=note(name="/uno"),
        Two=note(name="/due", UpdateReplacePolicy="Retain"),
        Three=note(
            name="/three", UpdateReplacePolicy="Retain", DeletionPolicy="RetainExceptOnCreate", Metadata={"a": "b"}
        ),
    )
    change_set = own.plan("app", after)
    assert own.changes(change_set) == lines("""
        PolicyAction=ReplaceAndDelete Action=Modify LogicalResourceId=One PhysicalResourceId=/one
            ResourceType=AWS::SSM::Parameter Replacement=True Scope=Properties BeforeContext={"Properties": {"Name":
            "/one", "Type": "String", "Value": "one"}} AfterContext={"Properties": {"Name": "/uno", "Type":
            "String", "Value": "one"}}
        - Attribute=Properties Name=Name RequiresRecreation=Always Path=/Properties/Name BeforeValue=/one
            AfterValue=/uno AttributeChangeType=Modify Evaluation=Static ChangeSource=DirectModification
        Action=Modify LogicalResourceId=Three PhysicalResourceId=/three ResourceType=AWS::SSM::Parameter
            Replacement=False Scope=DeletionPolicy,Metadata,UpdateReplacePolicy BeforeContext={"Properties":
            {"Name": "/three", "Type": "String", "Value": "one"}} AfterContext={"Properties": {"Name": "/three",
            "Type": "String", "Value": "one"}}
        - Attribute=Metadata RequiresRecreation=Never Evaluation=Static ChangeSource=DirectModification
        - Attribute=DeletionPolicy RequiresRecreation=Never Evaluation=Static ChangeSource=DirectModification
        - Attribute=UpdateReplacePolicy RequiresRecreation=Never Evaluation=Static
            ChangeSource=DirectModification
        PolicyAction=ReplaceAndDelete Action=Modify LogicalResourceId=Two PhysicalResourceId=/two
            ResourceType=AWS::SSM::Parameter Replacement=True Scope=Properties,UpdateReplacePolicy
            BeforeContext={"Properties": {"Name": "/two", "Type": "String", "Value": "one"}}
            AfterContext={"Properties": {"Name": "/due", "Type": "String", "Value": "one"}}
        - Attribute=Properties Name=Name RequiresRecreation=Always Path=/Properties/Name BeforeValue=/two
            AfterValue=/due AttributeChangeType=Modify Evaluation=Static ChangeSource=DirectModification
        - Attribute=UpdateReplacePolicy RequiresRecreation=Never Evaluation=Static
            ChangeSource=DirectModification
        """)
    own.execute(change_set)
    last = {**body(One=note(name="/one"), Two=note(name="/two", UpdateReplacePolicy="Retain"))}
    assert own.changes(own.plan("app", last, name="second"), values=False) == lines("""
        PolicyAction=ReplaceAndDelete Action=Modify LogicalResourceId=One PhysicalResourceId=/uno
            ResourceType=AWS::SSM::Parameter Replacement=True Scope=Properties
        - Attribute=Properties Name=Name RequiresRecreation=Always Evaluation=Static
            ChangeSource=DirectModification
        PolicyAction=ReplaceAndRetain Action=Modify LogicalResourceId=Two PhysicalResourceId=/due
            ResourceType=AWS::SSM::Parameter Replacement=True Scope=Properties
        - Attribute=Properties Name=Name RequiresRecreation=Always Evaluation=Static
            ChangeSource=DirectModification
        PolicyAction=Retain Action=Remove LogicalResourceId=Three PhysicalResourceId=/three
            ResourceType=AWS::SSM::Parameter
        """)


def test_a_plan_says_where_each_change_comes_from(own: Own) -> None:
    def template(text: str, topic: str, **more: Any) -> dict[str, Any]:
        return body(
            parameters={"Text": text, "Other": "same"},
            Topic={"Type": TOPIC, "Properties": {"TopicName": topic}},
            ByParameter=note({"Fn::Sub": "${Other} ${Text}"}),
            ByReference=note({"Ref": "Topic"}),
            ByAttribute=note({"Fn::Sub": "of ${Topic.TopicName}"}),
            ByCondition=note({"Fn::If": ["Long", "long", {"Ref": "AWS::StackName"}]}),
            **more,
        ) | {"Conditions": {"Long": {"Fn::Equals": [{"Ref": "Text"}, "long"]}}}

    own.do("create_stack", "app", template("short", "one", Plain=note("one")))
    change_set = own.plan("app", template("long", "two", Plain=note("two")))
    assert own.changes(change_set) == lines("""
        Action=Modify LogicalResourceId=ByCondition PhysicalResourceId=app-ByCondition-#3
            ResourceType=AWS::SSM::Parameter Replacement=False Scope=Properties BeforeContext={"Properties":
            {"Type": "String", "Value": "app"}} AfterContext={"Properties": {"Type": "String", "Value": "long"}}
        - Attribute=Properties Name=Value RequiresRecreation=Never Path=/Properties/Value BeforeValue=app
            AfterValue=long AttributeChangeType=Modify Evaluation=Static ChangeSource=DirectModification
        Action=Modify LogicalResourceId=ByParameter PhysicalResourceId=app-ByParameter-#4
            ResourceType=AWS::SSM::Parameter Replacement=False Scope=Properties BeforeContext={"Properties":
            {"Type": "String", "Value": "same short"}} AfterContext={"Properties": {"Type": "String", "Value": "same
            long"}}
        - Attribute=Properties Name=Value RequiresRecreation=Never Path=/Properties/Value BeforeValue=same short
            AfterValue=same long AttributeChangeType=Modify Evaluation=Static ChangeSource=ParameterReference
            CausingEntity=Text
        Action=Modify LogicalResourceId=Plain PhysicalResourceId=app-Plain-#5 ResourceType=AWS::SSM::Parameter
            Replacement=False Scope=Properties BeforeContext={"Properties": {"Type": "String", "Value": "one"}}
            AfterContext={"Properties": {"Type": "String", "Value": "two"}}
        - Attribute=Properties Name=Value RequiresRecreation=Never Path=/Properties/Value BeforeValue=one
            AfterValue=two AttributeChangeType=Modify Evaluation=Static ChangeSource=DirectModification
        PolicyAction=ReplaceAndDelete Action=Modify LogicalResourceId=Topic
            PhysicalResourceId=arn:aws:sns:eu-central-1:ACCOUNT:one ResourceType=AWS::SNS::Topic Replacement=True
            Scope=Properties BeforeContext={"Properties": {"TopicName": "one"}} AfterContext={"Properties":
            {"TopicName": "two"}}
        - Attribute=Properties Name=TopicName RequiresRecreation=Always Path=/Properties/TopicName
            BeforeValue=one AfterValue=two AttributeChangeType=Modify Evaluation=Static
            ChangeSource=DirectModification
        Action=Modify LogicalResourceId=ByAttribute PhysicalResourceId=app-ByAttribute-#6
            ResourceType=AWS::SSM::Parameter Replacement=False Scope=Properties BeforeContext={"Properties":
            {"Type": "String", "Value": "of one"}} AfterContext={"Properties": {"Type": "String", "Value": "of
            {{IntrinsicFunction:app/Topic.TopicName/Fn::GetAtt}}"}}
        - Attribute=Properties Name=Value RequiresRecreation=Never Path=/Properties/Value BeforeValue=of one
            AfterValue=of {{IntrinsicFunction:app/Topic.TopicName/Fn::GetAtt}} AttributeChangeType=Modify
            Evaluation=Dynamic ChangeSource=ResourceAttribute CausingEntity=Topic.TopicName
        Action=Modify LogicalResourceId=ByReference PhysicalResourceId=app-ByReference-#7
            ResourceType=AWS::SSM::Parameter Replacement=False Scope=Properties BeforeContext={"Properties":
            {"Type": "String", "Value": "arn:aws:sns:eu-central-1:ACCOUNT:one"}} AfterContext={"Properties":
            {"Type": "String", "Value": "{{IntrinsicFunction:app/Topic/Ref}}"}}
        - Attribute=Properties Name=Value RequiresRecreation=Never Path=/Properties/Value
            BeforeValue=arn:aws:sns:eu-central-1:ACCOUNT:one AfterValue={{IntrinsicFunction:app/Topic/Ref}}
            AttributeChangeType=Modify Evaluation=Dynamic ChangeSource=ResourceReference CausingEntity=Topic
        """)


def test_a_replacement_that_only_the_execution_decides_is_conditional(own: Own) -> None:
    def template(topic: str) -> dict[str, Any]:
        named = {"Fn::Sub": "/by/${Topic.TopicName}"}
        return body(Topic={"Type": TOPIC, "Properties": {"TopicName": topic}}, Named=note(name=named))

    own.do("create_stack", "app", template("one"))
    assert own.changes(own.plan("app", template("two"))) == lines("""
        PolicyAction=ReplaceAndDelete Action=Modify LogicalResourceId=Topic
            PhysicalResourceId=arn:aws:sns:eu-central-1:ACCOUNT:one ResourceType=AWS::SNS::Topic Replacement=True
            Scope=Properties BeforeContext={"Properties": {"TopicName": "one"}} AfterContext={"Properties":
            {"TopicName": "two"}}
        - Attribute=Properties Name=TopicName RequiresRecreation=Always Path=/Properties/TopicName
            BeforeValue=one AfterValue=two AttributeChangeType=Modify Evaluation=Static
            ChangeSource=DirectModification
        Action=Modify LogicalResourceId=Named PhysicalResourceId=/by/one ResourceType=AWS::SSM::Parameter
            Replacement=Conditional Scope=Properties BeforeContext={"Properties": {"Name": "/by/one", "Type":
            "String", "Value": "one"}} AfterContext={"Properties": {"Name":
            "/by/{{IntrinsicFunction:app/Topic.TopicName/Fn::GetAtt}}", "Type": "String", "Value": "one"}}
        - Attribute=Properties Name=Name RequiresRecreation=Always Path=/Properties/Name BeforeValue=/by/one
            AfterValue=/by/{{IntrinsicFunction:app/Topic.TopicName/Fn::GetAtt}} AttributeChangeType=Modify
            Evaluation=Dynamic ChangeSource=ResourceAttribute CausingEntity=Topic.TopicName
        """)


def tree(own: Own, inner: str = "one", outer: str = "one", **more: Any) -> dict[str, Any]:
    """A root with a nested stack, to which it hands a value, and a resource that needs an output of it."""
    child = body(parameters={"Text": "none"}, Inner=note({"Ref": "Text"}), **more)
    child["Outputs"] = {"Name": {"Value": {"Ref": "Inner"}}}
    nested = {"TemplateURL": own.put("child.json", child), "Parameters": {"Text": inner}}
    return body(
        Child={"Type": STACK, "Properties": nested}, Outer=note({"Fn::Sub": f"{outer} ${{Child.Outputs.Name}}"})
    )


def test_a_plan_goes_into_nested_stacks(own: Own) -> None:
    own.do("create_stack", "app", tree(own))
    change_set = own.plan("app", tree(own, "two"), IncludeNestedStacks=True)
    assert own.changes(change_set) == lines("""
        Action=Modify LogicalResourceId=Child
            PhysicalResourceId=arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app-Child-#3/#4
            ResourceType=AWS::CloudFormation::Stack Replacement=False Scope=Properties
            ChangeSetId=arn:aws:cloudformation:eu-central-1:ACCOUNT:changeSet/plan-Child-#6/#5
            BeforeContext={"Properties": {"Parameters": {"Text": "one"}, "TemplateURL":
            "http://localhost:1/templates-#7/child.json"}} AfterContext={"Properties": {"Parameters": {"Text":
            "two"}, "TemplateURL": "http://localhost:1/templates-#7/child.json"}}
        - Attribute=Properties Name=Parameters RequiresRecreation=Never Path=/Properties/Parameters/Text
            BeforeValue=one AfterValue=two AttributeChangeType=Modify Evaluation=Static
            ChangeSource=DirectModification
        Action=Modify LogicalResourceId=Outer PhysicalResourceId=app-Outer-#8 ResourceType=AWS::SSM::Parameter
            Replacement=False Scope=Properties BeforeContext={"Properties": {"Type": "String", "Value": "one
            app-Child-#3-Inner-#9"}} AfterContext={"Properties": {"Type": "String", "Value": "one
            {{changeSet:KNOWN_AFTER_APPLY}}"}}
        - Attribute=Properties Name=Value RequiresRecreation=Never Path=/Properties/Value BeforeValue=one
            app-Child-#3-Inner-#9 AfterValue=one {{changeSet:KNOWN_AFTER_APPLY}} AttributeChangeType=Modify
            Evaluation=Dynamic ChangeSource=ResourceAttribute CausingEntity=Child.Outputs.Name
        """)
    assert own.changes(own.nested_change_set(change_set, "Child")) == lines("""
        Action=Modify LogicalResourceId=Inner PhysicalResourceId=app-Child-#3-Inner-#9
            ResourceType=AWS::SSM::Parameter Replacement=False Scope=Properties BeforeContext={"Properties":
            {"Type": "String", "Value": "one"}} AfterContext={"Properties": {"Type": "String", "Value": "two"}}
        - Attribute=Properties Name=Value RequiresRecreation=Never Path=/Properties/Value BeforeValue=one
            AfterValue=two AttributeChangeType=Modify Evaluation=Static ChangeSource=ParameterReference
            CausingEntity=Text
        """)
    own.cloudformation.delete_change_set(ChangeSetName=change_set)
    assert list(own.account.change_sets) == [], "with that of the nested stack"
    change_set = own.plan("app", tree(own, More=note()), IncludeNestedStacks=True)
    assert own.changes(change_set) == lines("""
        Action=Modify LogicalResourceId=Child
            PhysicalResourceId=arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app-Child-#3/#4
            ResourceType=AWS::CloudFormation::Stack Replacement=False Scope=Properties
            ChangeSetId=arn:aws:cloudformation:eu-central-1:ACCOUNT:changeSet/plan-Child-#12/#11
            BeforeContext={"Properties": {"Parameters": {"Text": "one"}, "TemplateURL":
            "http://localhost:1/templates-#7/child.json"}} AfterContext={"Properties": {"Parameters": {"Text":
            "one"}, "TemplateURL": "http://localhost:1/templates-#7/child.json"}}
        - Attribute=Properties RequiresRecreation=Never Evaluation=Dynamic ChangeSource=Automatic
        Action=Modify LogicalResourceId=Outer PhysicalResourceId=app-Outer-#8 ResourceType=AWS::SSM::Parameter
            Replacement=False Scope=Properties BeforeContext={"Properties": {"Type": "String", "Value": "one
            app-Child-#3-Inner-#9"}} AfterContext={"Properties": {"Type": "String", "Value": "one
            {{changeSet:KNOWN_AFTER_APPLY}}"}}
        - Attribute=Properties Name=Value RequiresRecreation=Never Path=/Properties/Value BeforeValue=one
            app-Child-#3-Inner-#9 AfterValue=one {{changeSet:KNOWN_AFTER_APPLY}} AttributeChangeType=Modify
            Evaluation=Dynamic ChangeSource=ResourceAttribute CausingEntity=Child.Outputs.Name
        """)
    assert own.changes(own.nested_change_set(change_set, "Child")) == lines("""
        Action=Add LogicalResourceId=More ResourceType=AWS::SSM::Parameter AfterContext={"Properties": {"Type":
            "String", "Value": "one"}}
        """)
    own.cloudformation.delete_change_set(ChangeSetName=change_set)
    change_set = own.plan("app", tree(own, outer="two"), IncludeNestedStacks=True)
    assert own.changes(change_set) == lines("""
        Action=Modify LogicalResourceId=Outer PhysicalResourceId=app-Outer-#8 ResourceType=AWS::SSM::Parameter
            Replacement=False Scope=Properties BeforeContext={"Properties": {"Type": "String", "Value": "one
            app-Child-#3-Inner-#9"}} AfterContext={"Properties": {"Type": "String", "Value": "two
            app-Child-#3-Inner-#9"}}
        - Attribute=Properties Name=Value RequiresRecreation=Never Path=/Properties/Value BeforeValue=one
            app-Child-#3-Inner-#9 AfterValue=two app-Child-#3-Inner-#9 AttributeChangeType=Modify Evaluation=Static
            ChangeSource=DirectModification
        """)
    shown = own.call("describe_change_set", ChangeSetName=own.nested_change_set(change_set, "Child"))
    assert (shown["Status"], shown["StatusReason"]) == (
        "FAILED",
        "The submitted information didn't contain changes. Submit different information to create a change set.",
    )


def test_a_plan_without_nested_change_sets_takes_each_nested_stack_for_changed(own: Own) -> None:
    own.do("create_stack", "app", tree(own))
    assert own.changes(own.plan("app", tree(own))) == lines("""
        Action=Modify LogicalResourceId=Child
            PhysicalResourceId=arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app-Child-#3/#4
            ResourceType=AWS::CloudFormation::Stack Replacement=False Scope=Properties BeforeContext={"Properties":
            {"Parameters": {"Text": "one"}, "TemplateURL": "http://localhost:1/templates-#5/child.json"}}
            AfterContext={"Properties": {"Parameters": {"Text": "one"}, "TemplateURL":
            "http://localhost:1/templates-#5/child.json"}}
        - Attribute=Properties RequiresRecreation=Never Evaluation=Dynamic ChangeSource=Automatic
        Action=Modify LogicalResourceId=Outer PhysicalResourceId=app-Outer-#6 ResourceType=AWS::SSM::Parameter
            Replacement=False Scope=Properties BeforeContext={"Properties": {"Type": "String", "Value": "one
            app-Child-#3-Inner-#7"}} AfterContext={"Properties": {"Type": "String", "Value": "one
            {{changeSet:KNOWN_AFTER_APPLY}}"}}
        - Attribute=Properties Name=Value RequiresRecreation=Never Path=/Properties/Value BeforeValue=one
            app-Child-#3-Inner-#7 AfterValue=one {{changeSet:KNOWN_AFTER_APPLY}} AttributeChangeType=Modify
            Evaluation=Dynamic ChangeSource=ResourceAttribute CausingEntity=Child.Outputs.Name
        """)
    assert own.changes(own.plan("app", tree(own, "two"), name="second")) == lines("""
        Action=Modify LogicalResourceId=Child
            PhysicalResourceId=arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app-Child-#3/#4
            ResourceType=AWS::CloudFormation::Stack Replacement=False Scope=Properties BeforeContext={"Properties":
            {"Parameters": {"Text": "one"}, "TemplateURL": "http://localhost:1/templates-#5/child.json"}}
            AfterContext={"Properties": {"Parameters": {"Text": "two"}, "TemplateURL":
            "http://localhost:1/templates-#5/child.json"}}
        - Attribute=Properties Name=Parameters RequiresRecreation=Never Path=/Properties/Parameters/Text
            BeforeValue=one AfterValue=two AttributeChangeType=Modify Evaluation=Static
            ChangeSource=DirectModification
        Action=Modify LogicalResourceId=Outer PhysicalResourceId=app-Outer-#6 ResourceType=AWS::SSM::Parameter
            Replacement=False Scope=Properties BeforeContext={"Properties": {"Type": "String", "Value": "one
            app-Child-#3-Inner-#7"}} AfterContext={"Properties": {"Type": "String", "Value": "one
            {{changeSet:KNOWN_AFTER_APPLY}}"}}
        - Attribute=Properties Name=Value RequiresRecreation=Never Path=/Properties/Value BeforeValue=one
            app-Child-#3-Inner-#7 AfterValue=one {{changeSet:KNOWN_AFTER_APPLY}} AttributeChangeType=Modify
            Evaluation=Dynamic ChangeSource=ResourceAttribute CausingEntity=Child.Outputs.Name
        """)
    assert [change_set.below for change_set in own.account.change_sets.values()] == [[], []]


def test_a_plan_shows_nested_stacks_that_come_and_go(own: Own) -> None:
    own.do("create_stack", "app", tree(own, Kept=note(DeletionPolicy="Retain")))
    change_set = own.plan("app", body(Outer=note()), IncludeNestedStacks=True)
    assert own.changes(change_set) == lines("""
        Action=Modify LogicalResourceId=Outer PhysicalResourceId=app-Outer-#3 ResourceType=AWS::SSM::Parameter
            Replacement=False Scope=Properties BeforeContext={"Properties": {"Type": "String", "Value": "one
            app-Child-#4-Inner-#5"}} AfterContext={"Properties": {"Type": "String", "Value": "one"}}
        - Attribute=Properties Name=Value RequiresRecreation=Never Path=/Properties/Value BeforeValue=one
            app-Child-#4-Inner-#5 AfterValue=one AttributeChangeType=Modify Evaluation=Static
            ChangeSource=DirectModification
        PolicyAction=Delete Action=Remove LogicalResourceId=Child
            PhysicalResourceId=arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app-Child-#4/#6
            ResourceType=AWS::CloudFormation::Stack
            ChangeSetId=arn:aws:cloudformation:eu-central-1:ACCOUNT:changeSet/plan-Child-#8/#7
            BeforeContext={"Properties": {"Parameters": {"Text": "one"}, "TemplateURL":
            "http://localhost:1/templates-#9/child.json"}}
        """)
    assert own.changes(own.nested_change_set(change_set, "Child")) == lines("""
        PolicyAction=Retain Action=Remove LogicalResourceId=Kept PhysicalResourceId=app-Child-#4-Kept-#10
            ResourceType=AWS::SSM::Parameter BeforeContext={"Properties": {"Type": "String", "Value": "one"}}
        PolicyAction=Delete Action=Remove LogicalResourceId=Inner PhysicalResourceId=app-Child-#4-Inner-#5
            ResourceType=AWS::SSM::Parameter BeforeContext={"Properties": {"Type": "String", "Value": "one"}}
        """)
    change_set = own.plan("new", tree(own), "CREATE", IncludeNestedStacks=True)
    assert own.changes(change_set) == lines("""
        Action=Add LogicalResourceId=Child
            PhysicalResourceId=arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/new-Child-#13/#14
            ResourceType=AWS::CloudFormation::Stack
            ChangeSetId=arn:aws:cloudformation:eu-central-1:ACCOUNT:changeSet/plan-Child-#16/#15
            AfterContext={"Properties": {"Parameters": {"Text": "one"}, "TemplateURL":
            "http://localhost:1/templates-#9/child.json"}}
        Action=Add LogicalResourceId=Outer ResourceType=AWS::SSM::Parameter AfterContext={"Properties": {"Type":
            "String", "Value": "one {{changeSet:KNOWN_AFTER_APPLY}}"}}
        """)
    assert own.changes(own.nested_change_set(change_set, "Child")) == lines("""
        Action=Add LogicalResourceId=Inner ResourceType=AWS::SSM::Parameter AfterContext={"Properties": {"Type":
            "String", "Value": "one"}}
        """)
    own.cloudformation.delete_change_set(ChangeSetName=change_set)
    assert [stack.status for stack in own.account.stacks.values() if stack.name.startswith("new")] == [
        "REVIEW_IN_PROGRESS",
        "DELETE_COMPLETE",
    ]


@pytest.mark.parametrize("spurious", [False, True])
def test_what_only_the_execution_knows_is_taken_for_new_in_nested_stacks_where_previews_are_spurious(
    own: Own, spurious: bool
) -> None:
    """The nested stack's parameter is the ARN of a topic of the root, which is replaced."""
    own.behave(spurious=spurious, unknown="change set")

    def template(topic: str) -> dict[str, Any]:
        child = body(parameters={"Text": "none"}, Inner=note(name={"Fn::Sub": "/of/${Text}"}))
        nested = {
            "TemplateURL": own.put("child.json", child),
            "Parameters": {"Text": {"Fn::GetAtt": ["Topic", "TopicName"]}},
        }
        return body(
            Topic={"Type": TOPIC, "Properties": {"TopicName": topic}}, Child={"Type": STACK, "Properties": nested}
        )

    own.do("create_stack", "app", template("one"))
    change_set = own.plan("app", template("two"), IncludeNestedStacks=True)
    assert own.changes(change_set, values=False)[2:] == lines("""
        Action=Modify LogicalResourceId=Child
            PhysicalResourceId=arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app-Child-#3/#4
            ResourceType=AWS::CloudFormation::Stack Replacement=False Scope=Properties
            ChangeSetId=arn:aws:cloudformation:eu-central-1:ACCOUNT:changeSet/plan-Child-#6/#5
        - Attribute=Properties Name=Parameters RequiresRecreation=Never Evaluation=Dynamic
            ChangeSource=ResourceAttribute CausingEntity=Topic.TopicName
        """)
    evaluation, replacement = ("Static", "True") if spurious else ("Dynamic", "Conditional")
    lines_of = own.changes(own.nested_change_set(change_set, "Child"))
    assert [f"Replacement={replacement} " in lines_of[0], f"Evaluation={evaluation} " in lines_of[1]] == [True, True]


def test_an_output_alone_is_a_change_and_nothing_at_all_is_none(own: Own) -> None:
    template = body(Topic={"Type": TOPIC})
    own.do("create_stack", "app", template)
    refused = own.call("describe_change_set", ChangeSetName=own.plan("app", template))
    assert (refused["Status"], refused["ExecutionStatus"], refused["StatusReason"]) == (
        "FAILED",
        "UNAVAILABLE",
        "The submitted information didn't contain changes. Submit different information to create a change set.",
    )
    change_set = own.plan("app", {**template, "Outputs": {"Name": {"Value": "x"}}}, name="second")
    shown = own.call("describe_change_set", ChangeSetName=change_set)
    assert (shown["Status"], shown["ExecutionStatus"], shown["Changes"]) == ("CREATE_COMPLETE", "AVAILABLE", [])
    own.execute(change_set)
    assert own.stack("app")["Outputs"] == [{"OutputKey": "Name", "OutputValue": "x"}]


def test_what_failed_to_be_created_is_added_again(own: Own) -> None:
    template = body(Topic={"Type": TOPIC}, Note=note(DependsOn="Topic", name="/again"))
    with own.failing(ResourceFault("create", "app/Note", reason="no")):
        own.do("create_stack", "app", template, DisableRollback=True)
    assert own.changes(own.plan("app", template)) == lines("""
        Action=Add LogicalResourceId=Note ResourceType=AWS::SSM::Parameter AfterContext={"Properties": {"Name":
            "/again", "Type": "String", "Value": "one"}}
        """)


def test_a_plan_that_cannot_be_made_says_why(own: Own) -> None:
    own.do("create_stack", "app", tree(own))
    unknown = tree(own)
    unknown["Resources"]["Topic"] = {"Type": TOPIC}
    unknown["Resources"]["Child"]["Properties"]["TemplateURL"] = {"Fn::GetAtt": ["Topic", "TopicName"]}
    wrong = tree(own)
    wrong["Resources"]["Child"]["Properties"]["Parameters"] = {"Nobody": "x"}
    faulty = tree(own, Odd=bucket(Colour="red"))
    plans = {
        "unknown template": own.plan("app", unknown, name="a", IncludeNestedStacks=True),
        "another type": own.plan("app", body(Outer={"Type": TOPIC}), name="b"),
        "unknown parameter": own.plan("app", wrong, name="c", IncludeNestedStacks=True),
        "fault of a child": own.plan("app", faulty, name="d", IncludeNestedStacks=True),
    }
    reasons = {name: own.call("describe_change_set", ChangeSetName=plan) for name, plan in plans.items()}
    assert {
        name: [shown["Status"], shown["ExecutionStatus"], shown["StatusReason"]] for name, shown in reasons.items()
    } == {
        "unknown template": ["FAILED", "UNAVAILABLE", "TemplateURL of Child is not known before the execution"],
        "another type": [
            "FAILED",
            "UNAVAILABLE",
            "Update of resource type is not permitted. The new template modifies resource type of: [Outer]",
        ],
        "unknown parameter": ["FAILED", "UNAVAILABLE", "Parameters: [Nobody] do not exist in the template"],
        "fault of a child": [
            "FAILED",
            "UNAVAILABLE",
            "Nested change set "
            "arn:aws:cloudformation:eu-central-1:ACCOUNT:changeSet/d-Child-#7/#6 was not "
            "successfully created: Currently in FAILED.",
        ],
    }
    own.account.find(own.child("app", "Child")).status = "DELETE_COMPLETE"
    gone = own.plan("app", tree(own), name="e", IncludeNestedStacks=True)
    assert own.call("describe_change_set", ChangeSetName=gone)["StatusReason"] == (
        "Stack with id arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app-Child-#9/#10 does not exist "
        "(nested stack Child)"
    )
