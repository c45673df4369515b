"""The table of what roles need: each row says who calls what on which resource, in words that IAM knows.

That our roles have exactly these is asked in tests/gate/test_role_needs.py.
"""

from __future__ import annotations

import importlib
import re

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
