"""The table of what roles need: each row says who calls what on which resource, in words that IAM knows.

That our roles have exactly these is asked in tests/gate/test_role_needs.py.
"""

from __future__ import annotations

import importlib
import re

import botocore
import botocore.session
import pytest

from generator.cfn.role_needs.row import Row, filled
from generator.cfn.role_needs.rows import MANAGED, ROWS, TRUST

ON = re.compile(r"\*|<[\w-]+>|arn:\$\{AWS::Partition\}:[a-z0-9-]+:[^:]*:[^:]*:\S+")


@pytest.mark.parametrize("thing", ROWS)
def test_a_row_names_actions_of_one_service_that_there_are_and_a_resource(thing: str) -> None:
    for row in ROWS[thing]:
        services = {action.partition(":")[0] for action in row.actions}
        assert len(services) == 1 and len(set(row.actions)) == len(row.actions), row
        module = importlib.import_module(f"awacs.{services.pop().replace('-', '_')}")
        for action in row.actions:
            assert hasattr(module, action.partition(":")[2]), action
        assert ON.fullmatch(row.on) and len(row.source) > 10, row
        assert all(re.fullmatch(r"[\w-]+:[\w/:-]+", key) and value for key, value in row.when.items()), row


# Services whose ARNs have neither Region nor account, or no Region (Service Authorization Reference).
NOWHERE, GLOBAL = ("s3",), ("cloudfront", "iam")


@pytest.mark.parametrize("thing", ROWS)
def test_the_arn_of_a_row_has_the_place_of_its_service(thing: str) -> None:
    for row in ROWS[thing]:
        plain = row.on
        for name in ("Partition", "Region", "AccountId"):
            plain = plain.replace(f"${{AWS::{name}}}", name)
        if plain.startswith("arn:"):
            _, partition, service, region, account, name = plain.split(":", 5)
            expected = ("", "") if service in NOWHERE else ("" if service in GLOBAL else "Region", "AccountId")
            assert (partition, region, account) == ("Partition", *expected) and name.strip("/"), row
            assert service == row.actions[0].partition(":")[0], row


OPTIONS = [
    (thing, option)
    for thing, rows in ROWS.items()
    for row in rows
    for text in (row.on, *row.when.values())
    for option in re.findall(r"<--([\w-]+)>", text)
]


@pytest.mark.parametrize(("thing", "option"), sorted(set(OPTIONS)))
def test_what_an_option_is_given_is_an_option_of_the_command(thing: str, option: str) -> None:
    _, service, *command = thing.split()
    session, service = botocore.session.get_session(), {"s3api": "s3"}.get(service, service)
    operations = {botocore.xform_name(name, "-"): name for name in session.get_service_model(service).operation_names}
    if command[0] == "wait":
        waiters = session.get_waiter_model(service)
        operations = {
            botocore.xform_name(name, "-"): waiters.get_waiter(name).operation for name in waiters.waiter_names
        }
    operation = session.get_service_model(service).operation_model(operations[command[-1]])
    assert option in {botocore.xform_name(name, "-") for name in operation.input_shape.members}


def test_whom_a_resource_lets_in() -> None:
    assert {place: service for place, (service, _, _) in TRUST.items()} == {
        ("AWS::CodePipeline::Pipeline", "RoleArn"): "codepipeline.amazonaws.com",
        ("AWS::CodeBuild::Project", "ServiceRole"): "codebuild.amazonaws.com",
        ("AWS::ECS::TaskDefinition", "ExecutionRoleArn"): "ecs-tasks.amazonaws.com",
        ("AWS::ECS::TaskDefinition", "TaskRoleArn"): "ecs-tasks.amazonaws.com",
        ("AWS::ECS::Service", "LoadBalancers"): "ecs.amazonaws.com",
        ("AWS::Events::Rule", "Targets"): "events.amazonaws.com",
        ("AWS::StepFunctions::StateMachine", "RoleArn"): "states.amazonaws.com",
        ("AWS::IAM::InstanceProfile", "Roles"): "ec2.amazonaws.com",
        ("AWS::ElasticBeanstalk::Environment", "OptionSettings"): "elasticbeanstalk.amazonaws.com",
        ("AWS::ElasticBeanstalk::Application", "ResourceLifecycleConfig"): "elasticbeanstalk.amazonaws.com",
        ("AWS::EC2::FlowLog", "DeliverLogsPermissionArn"): "vpc-flow-logs.amazonaws.com",
    }
    for _, context, source in TRUST.values():
        assert len(source) > 10 and all(context.values())
    for kind, place, source in MANAGED.values():
        assert (kind, place) in TRUST and len(source) > 10


def test_the_fields_of_a_row_are_put_in() -> None:
    row = Row(("s3:PutObject",), "arn:x:<Bucket>/*/<Artifact>*", "source")
    assert filled(row.on, {"Bucket": "b", "Artifact": "a"}) == "arn:x:b/*/a*"
    assert filled(row.on, {"Bucket": "b"}, "*") == "arn:x:b/*/**"
    with pytest.raises(KeyError, match="Artifact"):
        filled(row.on, {"Bucket": "b"})


def test_the_context_of_a_call_has_the_keys_and_values_that_aws_sends() -> None:
    """A condition of a role is tried with them: under another name the role would be called too narrow, or pass."""
    contexts: dict[str, set[str]] = {}
    for row in (row for rows in ROWS.values() for row in rows):
        for key, value in row.when.items():
            contexts.setdefault(key, set()).add(value)
    place = "${AWS::Region}:${AWS::AccountId}"
    assert contexts == {
        "aws:ResourceAccount": {"an account of AWS"},
        "codeconnections:FullRepositoryId": {"<FullRepositoryId>"},
        "codestar-connections:FullRepositoryId": {"<FullRepositoryId>"},
        "ec2:CreateAction": {"RunInstances"},
        "ec2:LaunchTemplate": {f"arn:${{AWS::Partition}}:ec2:{place}:launch-template/*"},
        "ec2:ResourceTag/aws:cloudformation:stack-id": {
            f"arn:${{AWS::Partition}}:cloudformation:{place}:stack/awseb-*/*"
        },
        "ecs:CreateAction": {"RegisterTaskDefinition"},
        "ecs:cluster": {
            f"arn:${{AWS::Partition}}:ecs:{place}:cluster/{name}" for name in ("<--cluster>", "<ClusterName>")
        },
        "iam:PassedToService": {"ecs-tasks.amazonaws.com", "elasticbeanstalk.amazonaws.com"},
        "kms:ViaService": {f"{service}.${{AWS::Region}}.amazonaws.com" for service in ("s3", "secretsmanager", "sns")},
        "s3:prefix": {"<--prefix>", "<CachePath>*"},
    }
    passing = {thing: row.when for thing, rows in ROWS.items() for row in rows if "iam:PassRole" in row.actions}
    assert all({*when} == {"iam:PassedToService"} for when in passing.values()) and len(passing) > 1


def test_in_whose_name_a_resource_is_let_in() -> None:
    """The contexts of the trust policies: against a confused deputy."""
    account = {"aws:SourceAccount": "${AWS::AccountId}"}
    flow_log = "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:vpc-flow-log/*"
    contexts = {place: dict(context) for place, (_, context, _) in TRUST.items() if context}
    assert contexts["AWS::EC2::FlowLog", "DeliverLogsPermissionArn"] == {**account, "aws:SourceArn": flow_log}
    assert contexts["AWS::ElasticBeanstalk::Environment", "OptionSettings"] == {"sts:ExternalId": "elasticbeanstalk"}
    assert contexts["AWS::ECS::TaskDefinition", "TaskRoleArn"] == account


def test_where_it_is_written_what_elastic_beanstalk_needs() -> None:
    """Its action carries out updates as its service does, by the policy that AWS keeps for that, but for the rest."""
    updates = "AWS Managed Policy Reference, AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy"
    own = "codepipeline user guide, action-reference-Beanstalk"
    splitting = "Elastic Beanstalk developer guide, using-features.rolling-version-deploy (traffic splitting)"
    rows = ROWS["action ElasticBeanstalk"]
    assert [(row.actions[0], row.source) for row in rows if row.source != updates] == [
        ("s3:GetObject", own),
        *[("elasticbeanstalk:CreateApplicationVersion", f"{own}; SAR, AWS Elastic Beanstalk")] * 2,
        ("elasticbeanstalk:DescribeConfigurationSettings", f"{own}; SAR, AWS Elastic Beanstalk"),
        ("elasticloadbalancing:CreateTargetGroup", splitting),
        ("elasticloadbalancing:ModifyRule", splitting),
    ]
    instance = ROWS["instance"]
    assert len(instance) > 5 and {row.source for row in instance} == {
        "AWS Managed Policy Reference, AWSElasticBeanstalkWebTier"
    }
    commands = [row for thing, rows in ROWS.items() if thing.startswith("aws elasticbeanstalk ") for row in rows]
    assert len(commands) == 4 and {row.source for row in commands} == {"SAR, AWS Elastic Beanstalk"}
