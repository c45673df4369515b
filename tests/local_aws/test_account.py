"""An account: the names and addresses that it knows, what a template means in it, and what it refuses. Words whole."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from scripts.local_aws import account as accounts
from scripts.local_aws import template as templates
from scripts.local_aws.account import Account
from scripts.local_aws.template import InvalidTemplateError
from scripts.local_aws.values import ChangeSet, RefusedCallError, Resource, Target


def refused(call: Any, *arguments: Any) -> tuple[str, str]:
    """Code and message of what is refused."""
    with pytest.raises((RefusedCallError, InvalidTemplateError)) as error:
        call(*arguments)
    return getattr(error.value, "code", "template"), getattr(error.value, "message", str(error.value))


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("http://localhost:5/bucket/a/b.json", ("bucket", "a/b.json")),
        ("https://s3.eu-west-1.amazonaws.com/bucket/a", ("bucket", "a")),
        ("https://bucket.s3.eu-west-1.amazonaws.com/a/b%20c", ("bucket", "a/b c")),
        ("https://bucket.s3-eu-west-1.amazonaws.com/a", ("bucket", "a")),
        ("https://my.bucket.s3.amazonaws.com/a", ("my.bucket", "a")),
        ("https://localhost/bucket", ("bucket", "")),
        ("s3://bucket/a", ("", "")),
        ("", ("", "")),
    ],
)
def test_an_address_of_s3(address: str, place: tuple[str, str]) -> None:
    assert accounts.s3_object(address) == place


@pytest.mark.parametrize("name", ["a", "A-1", f"a{'-' * 127}"])
def test_a_stack_has_a_name_and_an_id_of_its_own(account: Account, name: str) -> None:
    first, second = account.new(name), account.new(name)
    prefix = f"arn:aws:cloudformation:us-east-1:{account.services.account}:stack/{name}/"
    assert first.id.startswith(prefix) and second.id.startswith(prefix) and first.id != second.id
    assert (first.name, first.parent, first.logical, first.status) == (name, None, "", "REVIEW_IN_PROGRESS")
    assert list(account.stacks.values()) == [first, second]


@pytest.mark.parametrize("name", ["", "1a", "-a", "a_b", "a.b", f"a{'-' * 128}"])
def test_a_name_that_aws_does_not_allow(account: Account, name: str) -> None:
    assert refused(account.new, name) == (
        "ValidationError",
        f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint",
    )


def test_a_nested_stack_is_named_after_parent_and_resource(account: Account) -> None:
    parent = account.new(f"p{'x' * 99}")
    child = account.nested(parent, "Logical" * 4)
    begin, _, random = child.name.rpartition("-")
    assert begin == f"p{'x' * 89}-{('Logical' * 4)[:24]}" and len(random) == 12 and random == random.upper()
    assert (child.parent, child.logical) == (parent, "Logical" * 4)
    assert account.nested(parent, "Logical" * 4).name != child.name
    resource = Resource("Child", "AWS::CloudFormation::Stack", {}, {}, child.id)
    assert account.nested_stack(resource) is child
    child.status = "DELETE_COMPLETE"
    assert refused(account.nested_stack, resource) == (
        "template",
        f"Stack with id {child.id} does not exist (nested stack Child)",
    )


def test_a_stack_is_found_by_name_while_it_is_there_and_by_id_for_ever(account: Account) -> None:
    old, new = account.new("name"), account.new("name")
    assert account.find("name") is new and account.find(old.id) is old
    new.status = "DELETE_COMPLETE"
    assert account.find("name") is old and account.find(new.id) is new
    old.status = "DELETE_COMPLETE"
    missing = ("ValidationError", "Stack with id name does not exist")
    assert refused(account.find, "name") == missing


LONGEST = 1_048_576  # bytes
BUCKET = '{"Resources": {"B": {"Type": "AWS::S3::Bucket"}}}'


def target(text: str = BUCKET, **more: Any) -> Target:
    return Target(text, templates.read(text), {}, more.get("values", {}), more.get("tags", {}), ())


def test_a_change_set_is_found_by_arn_or_by_name_and_stack(account: Account) -> None:
    stack, other = account.new("stack"), account.new("other")
    first = account.change_set(stack, "plan", "CREATE", target())
    second = account.change_set(other, "plan", "UPDATE", target())
    assert first.id.startswith(f"arn:aws:cloudformation:us-east-1:{account.services.account}:changeSet/plan/")
    assert account.find_change_set(first.id, None) is first
    assert account.find_change_set("plan", "stack") is first and account.find_change_set("plan", other.id) is second
    missing = "ChangeSetNotFoundException"
    assert refused(account.find_change_set, f"{first.id}x", None) == (
        missing,
        f"ChangeSet [{first.id}x] does not exist",
    )
    assert refused(account.find_change_set, "none", "stack") == (missing, "ChangeSet [none] does not exist")
    assert refused(account.find_change_set, "plan", None) == (
        "ValidationError",
        "StackName must be specified if ChangeSetName is not specified as an ARN.",
    )
    assert refused(account.find_change_set, "plan", "none") == ("ValidationError", "Stack with id none does not exist")


def test_a_role_and_an_alarm_are_known_by_their_arns(account: Account) -> None:
    iam, cloudwatch = account.services.client("iam"), account.services.client("cloudwatch")
    arn = iam.create_role(RoleName="role", Path="/a/", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    user = arn.replace(":role/a/", ":user/")
    assert [account.has_role(each) for each in (arn, f"{arn}x", user)] == [True, False, False]
    base = {
        "Namespace": "N",
        "MetricName": "M",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "Statistic": "Sum",
    }
    cloudwatch.put_metric_alarm(AlarmName="one", ComparisonOperator="GreaterThanThreshold", **base)
    prefix = f"arn:aws:cloudwatch:us-east-1:{account.services.account}:alarm:"
    cloudwatch.set_alarm_state(AlarmName="one", StateValue="ALARM", StateReason="x")
    assert [account.alarm_state(f"{prefix}{name}") for name in ("one", "none")] == ["ALARM", ""]


def test_a_template_is_read_from_its_address(account: Account) -> None:
    s3, bucket = account.services.client("s3"), f"templates-{account.services.account}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a.json", Body="ü".encode())
    s3.put_object(Bucket=bucket, Key="most", Body=b"x" * LONGEST)
    s3.put_object(Bucket=bucket, Key="more", Body=b"x" * (LONGEST + 1))
    assert account.template(f"http://localhost:1/{bucket}/a.json") == "ü"
    assert len(account.template(f"http://localhost:1/{bucket}/most")) == LONGEST
    assert refused(account.template, f"http://localhost:1/{bucket}/more") == (
        "template",
        "Template may not exceed 1048576 bytes in size.",
    )
    for address in (f"http://localhost:1/{bucket}", "file:///etc/passwd", "http://localhost:1/"):
        assert refused(account.template, address) == ("template", f"TemplateURL must be a supported URL: {address}")
    missing = f"http://localhost:1/{bucket}/none"
    _, message = refused(account.template, missing)
    assert message.startswith("S3 error: Resource handler returned message: ") and message.endswith(
        f"(HandlerErrorCode: NotFound); TemplateURL {missing}"
    )


PARAMETERS = {"Given": {"Type": "String"}, "Default": {"Type": "Number", "Default": 3}}


def test_what_a_template_becomes_with_its_values(account: Account) -> None:
    text = json.dumps({"Parameters": PARAMETERS, "Resources": {"B": {"Type": "AWS::S3::Bucket"}}})
    result = account.target(text, {"Given": "x"}, {"A": "1"}, ("CAPABILITY_IAM",))
    assert (result.text, result.supplied, result.tags, result.capabilities) == (
        text,
        {"Given": "x", "Default": "3"},
        {"A": "1"},
        ("CAPABILITY_IAM",),
    )
    assert dict(result.values) == {"Given": "x", "Default": "3"}
    unknown = json.dumps({"Resources": {"It": {"Type": "AWS::No::Such"}}})
    assert refused(account.target, unknown, {}, {}, ()) == (
        "template",
        "Template format error: Unrecognized resource types: [AWS::No::Such] (It)",
    )
    assert account.target(text, {"Given": "x" * 4096}, {}, ())
    assert refused(account.target, text, {"Given": "ü" * 2049}, {}, ()) == (
        "template",
        "Parameter 'Given' may not exceed 4096 bytes in size.",
    )


def test_a_nested_stack_takes_lists_and_numbers_as_text(account: Account) -> None:
    s3, bucket = account.services.client("s3"), f"templates-{account.services.account}"
    s3.create_bucket(Bucket=bucket)
    names = ("List", "Number", "Boolean")
    child = {"Parameters": {name: {"Type": "String"} for name in names}, "Resources": {}}
    child["Resources"] = {"B": {"Type": "AWS::S3::Bucket"}}
    s3.put_object(Bucket=bucket, Key="child", Body=json.dumps(child).encode())
    properties = {
        "TemplateURL": f"http://localhost:1/{bucket}/child",
        "Parameters": {"List": ["a", 1], "Number": 2, "Boolean": True},
        "Tags": [{"Key": "A", "Value": "1"}],
    }
    parent = replace(target(), capabilities=("CAPABILITY_IAM",))
    result = account.nested_target(properties, parent)
    assert (result.supplied, result.tags, result.capabilities) == (
        {"List": "a,1", "Number": "2", "Boolean": "true"},
        {"A": "1"},
        ("CAPABILITY_IAM",),
    )


@pytest.mark.parametrize(
    ("kind", "properties", "needed"),
    [
        ("AWS::S3::Bucket", {"BucketName": "b"}, ([], [])),
        ("AWS::IAM::Role", {}, (["CAPABILITY_IAM"], ["AWS::IAM::Role"])),
        ("AWS::IAM::Role", {"RoleName": "r"}, (["CAPABILITY_NAMED_IAM"], ["AWS::IAM::Role"])),
        ("AWS::IAM::Policy", {"PolicyName": "p"}, (["CAPABILITY_IAM"], ["AWS::IAM::Policy"])),
        *(
            (f"AWS::IAM::{kind}", {f"{kind}Name": "n"}, (["CAPABILITY_NAMED_IAM"], [f"AWS::IAM::{kind}"]))
            for kind in ("Group", "InstanceProfile", "ManagedPolicy", "User")
        ),
    ],
)
def test_the_capabilities_that_a_template_needs(
    account: Account, kind: str, properties: dict[str, str], needed: tuple[list[str], list[str]]
) -> None:
    body = {"Resources": {"It": {"Type": kind, "Properties": properties}}}
    assert account.capabilities(target(json.dumps(body)).template) == needed
    body["Resources"]["Other"] = {"Type": "AWS::IAM::Role"}
    every = (needed[0] or ["CAPABILITY_IAM"], sorted({*needed[1], "AWS::IAM::Role"}))
    assert account.capabilities(target(json.dumps(body)).template) == every
    s3, bucket = account.services.client("s3"), f"templates-{account.services.account}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="child", Body=json.dumps(body).encode())
    stack = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": f"http://localhost:1/{bucket}/child"}}
    unread = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "child.json"}}
    root = {"Resources": {"Child": stack, "Unread": unread}}
    assert account.capabilities(target(json.dumps(root)).template) == every


def test_what_expressions_are_resolved_against(account: Account) -> None:
    stack, services = account.new("stack"), account.services
    scope = account.scope(stack, target(tags={"T": "1"}), preview=False)
    assert scope.pseudo == {
        "AWS::AccountId": services.account,
        "AWS::Partition": "aws",
        "AWS::Region": "us-east-1",
        "AWS::StackId": stack.id,
        "AWS::StackName": "stack",
        "AWS::URLSuffix": "amazonaws.com",
    }
    assert (scope.zones, scope.tags) == (("us-east-1a", "us-east-1b", "us-east-1c"), {"T": "1"})


def test_properties_and_outputs_of_a_template(account: Account) -> None:
    body = {
        "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
        "Resources": {
            "Good": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Fn::Sub": "b-${AWS::StackName}"}}},
            "Bad": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Fn::Select": [9, ["a"]]}}},
        },
        "Outputs": {
            "Text": {"Value": {"Ref": "AWS::StackName"}},
            "Number": {"Value": 3},
            "Not": {"Condition": "Never", "Value": "x"},
        },
    }
    stack = account.new("stack")
    scope = account.scope(stack, target(json.dumps(body), tags={"T": "1"}), preview=False)
    tags = [{"Key": "T", "Value": "1"}]
    assert account.properties(scope, "Good") == {"BucketName": "b-stack", "Tags": tags}
    with pytest.raises(InvalidTemplateError, match=r" \(resource Bad\)$"):
        account.properties(scope, "Bad")
    assert account.outputs(scope) == {"Text": "stack", "Number": "3"}
    body["Outputs"] = {"List": {"Value": {"Fn::Split": [",", "a,b"]}}}
    scope = account.scope(stack, target(json.dumps(body)), preview=False)
    assert refused(account.outputs, scope) == (
        "template",
        "Template format error: Output List is malformed: ['a', 'b'] is not a string",
    )


def test_dynamic_references_are_replaced_wherever_they_stand(account: Account) -> None:
    services = account.services
    services.call("ssm", "put_parameter", {"Name": "/plain", "Type": "String", "Value": "p"})
    services.call("ssm", "put_parameter", {"Name": "/sealed", "Type": "SecureString", "Value": "s"})
    text = json.dumps({"password": "w", "user": "u"})
    arn = services.call("secretsmanager", "create_secret", {"Name": "json", "SecretString": text})["ARN"]
    value = {
        "A": ["x{{resolve:ssm:/plain}}y{{resolve:ssm-secure:/sealed}}", 1, True],
        "B": {"C": "{{resolve:secretsmanager:json:SecretString:password}}"},
        "D": f"{{{{resolve:secretsmanager:{arn}:SecretString:user::}}}}",
        "E": "{{resolve:secretsmanager:json}}",
        "F": "{{resolve:secretsmanager:json:SecretString}}",
    }
    assert account.dynamic(value) == {"A": ["xpys", 1, True], "B": {"C": "w"}, "D": "u", "E": text, "F": text}
    assert refused(account.dynamic, "{{resolve:ssm:/none}}") == (
        "template",
        "Unable to fetch parameters [/none] from parameter store for this account.",
    )


def test_an_account_is_made_once_with_the_behaviour_of_those_to_come(account: Account) -> None:
    number = account.services.account
    assert accounts.account(number, "us-east-1") is account
    before = accounts.accounts_to_come.behaviour
    accounts.accounts_to_come.behaviour = replace(before, addresses=7)
    try:
        other = accounts.account(number, "cn-north-1")
        assert other is accounts.account(number, "cn-north-1") is not account
        assert (other.services.partition, other.services.region, other.services.account) == (
            "aws-cn",
            "cn-north-1",
            number,
        )
        assert other.behaviour.addresses == 7
    finally:
        accounts.accounts_to_come.behaviour = before


@pytest.fixture
def planned(account: Account) -> tuple[ChangeSet, ChangeSet]:
    """The change set of a root that is there because of it alone, and that of its nested stack."""
    parent = account.new("parent")
    root = account.change_set(parent, "plan", "CREATE", target())
    nested = account.change_set(account.nested(parent, "Child"), "plan-Child", "CREATE", target())
    nested.parent, nested.reviewed = root, True
    root.below.append(nested)
    return root, nested


def test_a_change_set_goes_with_its_nested_ones_and_the_stacks_that_are_there_for_it(
    account: Account, planned: tuple[ChangeSet, ChangeSet]
) -> None:
    root, nested = planned
    account.delete_change_set(root)
    assert account.change_sets == {}
    assert (root.stack.status, nested.stack.status) == ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE")


def test_a_stack_that_has_begun_stays_when_its_change_set_goes(
    account: Account, planned: tuple[ChangeSet, ChangeSet]
) -> None:
    root, nested = planned
    nested.stack.status = "CREATE_COMPLETE"
    account.delete_change_set(root)
    assert (account.change_sets, nested.stack.status) == ({}, "CREATE_COMPLETE")


def test_the_children_of_a_root_that_is_gone_stay(account: Account, planned: tuple[ChangeSet, ChangeSet]) -> None:
    root, nested = planned
    root.stack.status = "DELETE_COMPLETE"
    account.delete_change_set(nested)
    assert list(account.change_sets.values()) == [root, nested]
    assert nested.stack.status == "REVIEW_IN_PROGRESS"


def test_the_deletion_of_nested_change_sets_takes_its_time(
    account: Account, planned: tuple[ChangeSet, ChangeSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    timers: list[tuple[float, Any, tuple[Any, ...]]] = []

    class Timer:
        daemon = False

        def __init__(self, seconds: float, run: Any, arguments: tuple[Any, ...]) -> None:
            timers.append((seconds, run, arguments))

        def start(self) -> None:
            assert self.daemon, "it does not keep the server from ending"

    monkeypatch.setattr(accounts, "Timer", Timer)
    account.behaviour = replace(account.behaviour, deletion_seconds=7.0)
    root, nested = planned
    alone = account.change_set(root.stack, "alone", "UPDATE", target())
    account.delete_change_set(alone)
    assert timers == [] and alone.id not in account.change_sets, "one without nested ones goes at once"
    account.delete_change_set(root)
    assert [(each.status, each.execution) for each in (root, nested)] == [("DELETE_IN_PROGRESS", "UNAVAILABLE")] * 2
    [(seconds, run, arguments)] = timers
    assert seconds == 7.0 and len(account.change_sets) == 2
    run(*arguments)
    assert account.change_sets == {}
