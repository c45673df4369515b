"""What keeps an update from harm: stack policies, termination protection, rollback triggers, role, quotas."""

import copy
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.support import Aws, reasons
from tests.local_aws.trees import LEAVES, leaf, root

ALLOW = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}
TYPE = {"StringEquals": {"ResourceType": ["AWS::Logs::LogGroup"]}}
LIKE = {"StringLike": {"ResourceType": ["AWS::Logs::*"]}}


def denying(action: Any, resource: str = "*", **more: Any) -> str:
    deny = {"Effect": "Deny", "Action": action, "Principal": "*", "Resource": resource, **more}
    return json.dumps({"Statement": [deny, ALLOW]})


@pytest.fixture(scope="module")
def guarded(aws: Aws) -> str:
    """A root whose child Leaves has a log group and a bucket."""
    aws.deploy("guarded", root(aws))
    return str(aws.resources("guarded")["Leaves"]["PhysicalResourceId"])


ONLY = json.dumps({"Statement": [{**ALLOW, "NotAction": "Update:Modify"}]}).replace('"Action": "Update:*", ', "")


@pytest.mark.parametrize(
    ("policy", "days", "refused"),
    [
        (denying("Update:*", "LogicalResourceId/Logs"), "1", "Statement [#1] does not allow [Update:*]"),
        (denying(["Update:Modify"], Condition=TYPE), "1", "Statement [#1] does not allow [Update:Modify]"),
        (denying("Update:*", Condition=LIKE), "1", "Statement [#1] does not allow [Update:*]"),
        (denying("Update:Replace", "LogicalResourceId/Lo*"), "1", ""),
        (denying("Update:*", "LogicalResourceId/Bucket"), "14", ""),
        (ONLY, "60", "Action not allowed by stack policy"),
        ("{}", "60", ""),
    ],
)
def test_a_policy_refuses_an_update_in_place(aws: Aws, guarded: str, policy: str, days: str, refused: str) -> None:
    aws.stacks.set_stack_policy(StackName=guarded, StackPolicyBody=policy)
    stack = aws.deploy("guarded", root(aws), "UPDATE", parameters={"Days": days})
    assert stack["StackStatus"] == ("UPDATE_ROLLBACK_COMPLETE" if refused else "UPDATE_COMPLETE")
    messages = [reason for name, reason in reasons(aws, guarded, "UPDATE_FAILED") if name == "Logs"]
    assert refused in (messages[-1] if refused else "")
    assert aws.resources(guarded)["Logs"]["ResourceStatus"] == "UPDATE_COMPLETE"
    aws.stacks.set_stack_policy(StackName=guarded, StackPolicyBody="{}")


@pytest.mark.usefixtures("guarded")
def test_the_policy_of_a_root_sees_nested_stacks_as_resources_only(aws: Aws) -> None:
    """User guide, "Prevent updates to stack resources": the type to deny is AWS::CloudFormation::Stack."""
    policy = denying("Update:*", Condition=TYPE)
    aws.stacks.set_stack_policy(StackName="guarded", StackPolicyBody=policy)
    assert aws.deploy("guarded", root(aws), "UPDATE", parameters={"Days": "5"})["StackStatus"] == "UPDATE_COMPLETE"
    policy = denying("Update:*", "LogicalResourceId/Leaves")
    aws.stacks.set_stack_policy(StackName="guarded", StackPolicyBody=policy)
    stack = aws.deploy("guarded", root(aws), "UPDATE", parameters={"Days": "3"})
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    [(name, reason)] = reasons(aws, "guarded", "UPDATE_FAILED")[-1:]
    assert (name, reason.endswith("for resource [LogicalResourceId/Leaves];")) == ("Leaves", True)
    aws.stacks.set_stack_policy(StackName="guarded", StackPolicyBody="{}")


def test_a_policy_refuses_replacement_and_removal(aws: Aws) -> None:
    parameters = {"Versioning": "Enabled", "Days": "7"}
    aws.deploy("sealed", LEAVES, parameters=parameters)
    policy = denying(["Update:Replace", "Update:Delete"])
    aws.stacks.set_stack_policy(StackName="sealed", StackPolicyBody=policy)
    assert json.loads(aws.stacks.get_stack_policy(StackName="sealed")["StackPolicyBody"]) == json.loads(policy)
    renamed, smaller = copy.deepcopy(LEAVES), copy.deepcopy(LEAVES)
    renamed["Resources"]["Logs"]["Properties"]["LogGroupName"] = "/leaves/elsewhere"
    del smaller["Resources"]["Logs"]
    for template in (renamed, smaller):
        stack = aws.deploy("sealed", template, "UPDATE", parameters=parameters)
        assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        assert reasons(aws, "sealed", "UPDATE_FAILED")[-1][0] == "Logs"
    assert aws.client("logs").describe_log_groups(logGroupNamePrefix="/leaves/sealed")["logGroups"]
    assert (
        aws.deploy("sealed", LEAVES, "UPDATE", parameters={**parameters, "Days": "14"})["StackStatus"]
        == "UPDATE_COMPLETE"
    )
    aws.delete("sealed")


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("nonsense", "Invalid stack policy"),
        (denying("Delete:*"), "Invalid stack policy"),
        (denying("Update:*").replace('"Principal": "*"', '"Principal": "me"'), "Invalid stack policy"),
        (denying("Update:*", "LogicalResourceId/Nobody"), "Unknown logical id 'LogicalResourceId/Nobody'"),
    ],
)
@pytest.mark.usefixtures("guarded")
def test_a_policy_that_cannot_be_is_refused(aws: Aws, policy: str, reason: str) -> None:
    with pytest.raises(ClientError, match=reason):
        aws.stacks.set_stack_policy(StackName="guarded", StackPolicyBody=policy)


def test_termination_protection_holds_for_what_is_nested(aws: Aws, guarded: str) -> None:
    aws.stacks.update_termination_protection(StackName="guarded", EnableTerminationProtection=True)
    for stack in ("guarded", guarded):
        with pytest.raises(ClientError, match="cannot be deleted while TerminationProtection is enabled"):
            aws.stacks.delete_stack(StackName=stack)
    with pytest.raises(ClientError, match="nested stack"):
        aws.stacks.update_termination_protection(StackName=guarded, EnableTerminationProtection=False)
    aws.stacks.update_termination_protection(StackName="guarded", EnableTerminationProtection=False)


@pytest.mark.usefixtures("guarded")
def test_rollback_triggers(aws: Aws) -> None:
    cloudwatch = aws.client("cloudwatch")
    alarm: dict[str, Any] = {
        "AlarmName": "guard",
        "Namespace": "x",
        "MetricName": "y",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    arn = f"arn:aws:cloudwatch:{aws.endpoint.region}:{aws.endpoint.account}:alarm:guard"
    triggers = {"RollbackTriggers": [{"Arn": arn, "Type": "AWS::CloudWatch::Alarm"}], "MonitoringTimeInMinutes": 1}
    stack = aws.deploy("guarded", root(aws), "UPDATE", RollbackConfiguration=triggers, parameters={"Days": "180"})
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert f"{arn} was not found" in reasons(aws, "guarded", "UPDATE_ROLLBACK_IN_PROGRESS")[-1][1]
    cloudwatch.put_metric_alarm(**alarm)
    plan = aws.plan("guarded", root(aws), parameters={"Days": "180"})
    assert plan["RollbackConfiguration"] == triggers, "kept from the operation before"
    stack = aws.execute(plan)
    assert (stack["StackStatus"], stack["RollbackConfiguration"]) == ("UPDATE_COMPLETE", triggers)
    cloudwatch.set_alarm_state(AlarmName="guard", StateValue="ALARM", StateReason="test")
    stack = aws.deploy("guarded", root(aws), "UPDATE", parameters={"Days": "90"})
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    none: dict[str, Any] = {"RollbackTriggers": []}
    stack = aws.deploy("guarded", root(aws), "UPDATE", RollbackConfiguration=none, parameters={"Days": "90"})
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    cloudwatch.delete_alarms(AlarmNames=["guard"])


@pytest.mark.usefixtures("guarded")
def test_a_role_and_topics_stay_with_the_stack(aws: Aws) -> None:
    with pytest.raises(ClientError, match="is invalid or cannot be assumed"):
        aws.plan("guarded", root(aws), RoleARN="arn:aws:iam::123456789012:role/nobody")
    iam = aws.client("iam")
    role = iam.create_role(RoleName="executor", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    topic = aws.client("sns").create_topic(Name="told")["TopicArn"]
    stack = aws.deploy(
        "guarded", root(aws), "UPDATE", RoleARN=role, NotificationARNs=[topic], parameters={"Days": "30"}
    )
    assert (stack["RoleARN"], stack["NotificationARNs"]) == (role, [topic])
    stack = aws.deploy("guarded", root(aws), "UPDATE", NotificationARNs=[], parameters={"Days": "60"})
    assert (stack["RoleARN"], stack["NotificationARNs"]) == (role, [])
    with pytest.raises(ClientError, match="at most 5 topics"):
        aws.plan("guarded", root(aws), NotificationARNs=[topic] * 6)
    iam.delete_role(RoleName="executor")
    with pytest.raises(ClientError, match="role/executor is invalid or cannot be assumed"):
        aws.plan("guarded", root(aws))
    with pytest.raises(ClientError, match=r"\(ValidationError\).*role/executor is invalid or cannot be assumed"):
        aws.stacks.delete_stack(StackName="guarded")
    assert aws.wait("guarded")["StackStatus"] == "UPDATE_COMPLETE", "nothing has begun"
    iam.create_role(RoleName="executor", AssumeRolePolicyDocument="{}")  # the stack is changed by it from now on


def test_a_stack_whose_role_is_gone_is_deleted_with_another(aws: Aws) -> None:
    iam = aws.client("iam")
    first, second = (
        iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"] for name in ("first", "second")
    )
    body = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    stack = aws.deploy("orphan", body, RoleARN=first)
    iam.delete_role(RoleName="first")
    with pytest.raises(ClientError, match="role/first is invalid or cannot be assumed"):
        aws.stacks.delete_stack(StackName="orphan")
    aws.stacks.delete_stack(StackName="orphan", RoleARN=second)
    assert aws.wait(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    iam.delete_role(RoleName="second")


def test_quotas_of_a_template(aws: Aws) -> None:
    many: dict[str, Any] = {"Resources": {f"B{number}": {"Type": "AWS::S3::Bucket"} for number in range(501)}}
    with pytest.raises(ClientError, match="Number of resources, 501, is greater than maximum allowed, 500"):
        aws.plan("large", many, "CREATE")
    with pytest.raises(ClientError, match="may not exceed 4096 bytes"):
        aws.plan("large", LEAVES, "CREATE", parameters={"Versioning": "x" * 4097, "Days": "1"})
    aws.s3.put_object(Bucket="templates", Key="large.json", Body=b"{" + b" " * 1024 * 1024)
    with pytest.raises(ClientError, match="may not exceed 1048576 bytes"):
        aws.stacks.get_template_summary(TemplateURL=f"{aws.endpoint.url}/templates/large.json")


@pytest.mark.usefixtures("guarded")
def test_the_change_of_a_nested_stack_is_shown_all_the_same(aws: Aws) -> None:
    """A policy refuses at the execution, not in the plan."""
    aws.stacks.set_stack_policy(StackName="guarded", StackPolicyBody=denying("Update:*"))
    plan = aws.plan("guarded", root(aws), parameters={"Days": "400"})
    assert (plan["Status"], leaf(plan, "Leaves")["Action"]) == ("CREATE_COMPLETE", "Modify")
    aws.stacks.delete_change_set(ChangeSetName=plan["ChangeSetId"])
    aws.delete("guarded")
