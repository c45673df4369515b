"""What is read of a living environment before a plan of it is agreed to, and what the table of effects says of it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from generator.cfn.changes import Difference, PlannedChange
from generator.cfn.environments import Environment
from generator.cfn.losses import TemplatePair
from generator.cfn.stacks import Stack
from generator.cfn.template_names import PIPELINE
from generator.cfn.templates import TemplateSet, from_bodies, load
from scripts.deployment import environment
from scripts.deployment.errors import AwsError
from scripts.deployment.execute import Outcome
from scripts.deployment.plan import UPDATE, Plan
from scripts.operations import deploying, living, parameter_effects
from scripts.operations.verbs import apply
from tests.conftest import ROOT
from tests.support.runs import verb_options, verb_run
from tests.support.service import Prepared, arn, refusal

FIRST, SECOND, RULE = (f"arn:aws:elasticloadbalancing:eu-west-1:000000000000:{name}/1" for name in ("a", "b", "rule"))


@pytest.fixture(scope="module")
def staging() -> Environment:
    return environment.load("staging", ROOT / "templates", ROOT / "params")["environment"]


def values(staging: Environment, **changed: str) -> dict[str, str]:
    return {**staging.values({**staging.first_values, "BackendBootstrap": "false"}), **changed}


def stack(staging: Environment, **changed: str) -> Stack:
    parameters = values(staging, **changed)
    return Stack("s", arn("stack", "s"), "UPDATE_COMPLETE", parameters=parameters)


def effects_of(staging: Environment, previous: Stack, **changed: str) -> dict[str, list[str]]:
    """What is effects of an update, by how loud it is."""
    notices, losses, refused = parameter_effects.of_update(staging, previous, {**previous.parameters, **changed})
    return {
        "notices": [notice.where for notice in notices],
        "losses": [loss.option for loss in losses],
        "refused": [refusal.where for refusal in refused],
    }


@pytest.mark.parametrize(
    ("before", "after", "loud", "what"),
    [
        ({"LogRetentionDays": "90"}, {"LogRetentionDays": "30"}, "losses", "--allow-delete LogRetentionDays"),
        ({"ArtifactDays": "90"}, {"ArtifactDays": "60"}, "losses", "--allow-delete ArtifactDays"),
        ({"ImagesKept": "100"}, {"ImagesKept": "50"}, "losses", "--allow-delete ImagesKept"),
        ({"DomainName": "a.test"}, {"DomainName": "b.test"}, "losses", "--allow-replace DomainName"),
        ({"DomainName": "a.test"}, {"DomainName": ""}, "losses", "--allow-delete DomainName"),
        ({"HostedZoneId": "Z1"}, {"HostedZoneId": ""}, "losses", "--allow-delete HostedZoneId"),
        ({}, {"ExistingJwtSecretArn": "arn:other"}, "losses", "--allow-replace ExistingJwtSecretArn"),
        ({}, {"ExistingKeyArn": "arn:other"}, "refused", "ExistingKeyArn"),
        ({}, {"ExistingRepositoryName": "other/repo"}, "refused", "ExistingRepositoryName"),
        ({}, {"ExistingEncryptionSecretArn": "arn:other"}, "refused", "ExistingEncryptionSecretArn"),
        ({"TransferAcceleration": "Enabled"}, {"TransferAcceleration": "Off"}, "refused", "TransferAcceleration"),
        (
            {"TargetGroups": "ONE"},
            {"TargetGroups": "TWO", "DeploymentStrategy": "BLUE_GREEN"},
            "refused",
            "DeploymentStrategy",
        ),
        ({"NotificationEmail": "a@b.test"}, {"NotificationEmail": "c@b.test"}, "notices", "NotificationEmail"),
        ({}, {"BackendTarget": "BEANSTALK"}, "notices", "BackendTarget"),
        ({"BackendTarget": "BEANSTALK"}, {"PythonVersion": "3.12"}, "notices", "PythonVersion"),
        ({}, {"ClientsTable": "another"}, "notices", "ClientsTable"),
    ],
)
def test_what_hurts_is_told_named_or_refused(
    staging: Environment, before: dict[str, str], after: dict[str, str], loud: str, what: str
) -> None:
    effects = effects_of(staging, stack(staging, **before), **after)
    assert effects[loud] == [what]
    assert loud != "losses" or effects["notices"] == [what.rpartition(" ")[2]], "and what happens is told with it"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"LogRetentionDays": "30"}, {"LogRetentionDays": "90"}),
        ({}, {"TaskCpu": "1024"}),
        ({}, {"DomainName": "a.test", "HostedZoneId": "Z1"}),
        ({"TargetGroups": "TWO"}, {"DeploymentStrategy": "CANARY"}),
        ({"BackendBootstrap": "true"}, {"TargetGroups": "TWO", "DeploymentStrategy": "CANARY"}),
        ({"BackendTarget": "NONE"}, {"ExistingEncryptionSecretArn": "arn:old", "BackendTarget": "ECS"}),
        ({"BackendTarget": "NONE"}, {"ExistingJwtSecretArn": "arn:old", "BackendTarget": "ECS"}),
        ({"BackendTarget": "NONE"}, {"ExistingRepositoryName": "images", "BackendTarget": "ECS"}),
        ({"TransferAcceleration": "Enabled"}, {"TransferAcceleration": "Suspended"}),
    ],
)
def test_what_hurts_nobody_is_neither_named_nor_refused(
    staging: Environment, before: dict[str, str], after: dict[str, str]
) -> None:
    effects = effects_of(staging, stack(staging, **before), **after)
    assert effects["losses"] == [] and effects["refused"] == []


def test_a_renamed_repository_names_the_environments_to_deploy() -> None:
    shared = environment.load("staging", ROOT / "templates", ROOT / "params")["shared"]
    parameters = shared.values(shared.first_values)
    previous = Stack("s", arn("stack", "s"), "UPDATE_COMPLETE", parameters=parameters)
    [notice], losses, refused = parameter_effects.of_update(shared, previous, {**parameters, "RepositoryName": "new"})
    assert (losses, refused) == ([], [])
    assert "`access shared`" in notice.text and "production" in notice.text and "staging" in notice.text


def test_what_the_stack_owns_may_be_named(staging: Environment) -> None:
    own = {"KeyArn": "arn:own", "RegistryName": "images-1"}
    living_stack = replace(stack(staging), outputs=own)
    assert (
        effects_of(staging, living_stack, ExistingKeyArn="arn:own", ExistingRepositoryName="images-1")["refused"] == []
    )
    assert effects_of(staging, living_stack, ExistingKeyArn="arn:other")["refused"] == ["ExistingKeyArn"]


def test_the_secret_of_a_backend_that_lives_stays_the_one_that_it_has(staging: Environment) -> None:
    adopted = stack(staging, ExistingEncryptionSecretArn="arn:1")
    for changed in ({"ExistingEncryptionSecretArn": ""}, {"ExistingEncryptionSecretArn": "arn:2"}):
        assert effects_of(staging, adopted, **changed)["refused"] == ["ExistingEncryptionSecretArn"]
    idle = stack(staging, BackendTarget="NONE", ExistingEncryptionSecretArn="arn:1")
    back = {"BackendTarget": "ECS", "ExistingEncryptionSecretArn": ""}
    assert effects_of(staging, idle, **back)["refused"] == ["ExistingEncryptionSecretArn"]


def plan(*leaves: PlannedChange, **more: Any) -> Plan:
    return Plan("s", "id", UPDATE, "cs", "n", "d", leaves, **more)


def test_the_pipeline_of_the_stack_is_watched_when_its_tasks_change(staging: Environment) -> None:
    with_pipeline = replace(stack(staging), outputs={PIPELINE: "release"})
    change = Difference("Cpu", "1", "2")
    task = plan(PlannedChange(("Backend", "Task"), living.TASK, "Modify", differences=(change,)))
    assert living.watched_pipelines(task, with_pipeline) == ["release"]
    alarm = plan(PlannedChange(("Backend", "Alarm"), "AWS::CloudWatch::Alarm", "Modify", differences=(change,)))
    assert living.watched_pipelines(alarm, with_pipeline) == []
    output = load(ROOT / "templates")["environment"].outputs
    assert PIPELINE in output and set(parameter_effects.OWN.values()) <= output.keys()
    created = plan(PlannedChange(("Pipeline", "Pipeline"), living.PIPELINE, "Add"), *task.leaves())
    assert living.watched_pipelines(created, None) == []  # there is none yet


def test_a_release_that_began_while_an_update_ran_is_told_after_it(
    staging: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing holds up a push between the last look and the end of the update."""
    answers = [
        {"pipelineExecutionSummaries": [{"pipelineExecutionId": number, "status": "Succeeded"} for number in numbers]}
        for numbers in (["1"], ["3", "2", "1"], ["1"], ["1"])
    ]
    aws = Prepared(codepipeline__list_pipeline_executions=answers)
    previous = replace(stack(staging), outputs={PIPELINE: "release"})
    root: Any = SimpleNamespace(aws=aws, previous=previous)
    change = Difference("Cpu", "1", "2")
    update = plan(PlannedChange(("Backend", "Task"), living.TASK, "Modify", differences=(change,)))
    steps = deploying.Steps(verb_run(aws, {"environment": staging}), verb_options(apply), None)
    for says in ("a release of release began during the update (3, 2)", ""):
        steps.before_execution(root, update)
        steps.after_execution(root, update, Outcome(previous, True, 1.0))
        printed = capsys.readouterr().out
        assert says in printed and bool(says) is bool(printed)
    # A pipeline that the update took away is not asked for.
    steps.releases = {"release": {}}
    steps.after_execution(root, update, Outcome(stack(staging), True, 1.0))
    assert capsys.readouterr().out == "" and len(aws.asked) == 4


def test_elastic_beanstalk_says_whether_it_is_ready() -> None:
    answer = {
        "Environments": [
            {"EnvironmentName": "backend", "Status": "Updating"},
            {"EnvironmentName": "other", "Status": "Ready"},
        ]
    }
    aws = Prepared(elasticbeanstalk__describe_environments=answer)
    assert living.not_ready(aws, ["backend", "other"]) == {"backend": "Updating"}
    names = ["backend", "other"]
    assert living.not_ready(aws, []) == {} and aws.asked == [
        ("elasticbeanstalk.describe_environments", {"EnvironmentNames": names, "IncludeDeleted": False})
    ]


@pytest.mark.parametrize(("first", "second", "weight"), [(1, 0, 0), (0, 1, 1), (95, 5, 5)])
def test_the_weight_on_the_second_target_group_is_read_from_the_rule(
    staging: Environment, first: int, second: int, weight: int
) -> None:
    ids = {"ProductionRule": RULE, "FirstTargets": FIRST, "SecondTargets": SECOND}

    def listed(StackName: str) -> dict[str, Any]:
        inside = StackName.endswith("ingress")
        entries = ids if inside else {"Ingress": "arn:ingress"}
        kind = living.RULE if inside else "AWS::CloudFormation::Stack"
        summary = {"ResourceType": kind, "ResourceStatus": "UPDATE_COMPLETE", "LastUpdatedTimestamp": "2026-11-28"}
        return {
            "StackResourceSummaries": [
                {"LogicalResourceId": name, "PhysicalResourceId": each, **summary} for name, each in entries.items()
            ]
        }

    # A group without a weight has none, and an action without groups forwards nothing.
    groups = [{"TargetGroupArn": FIRST, "Weight": first}, {"TargetGroupArn": SECOND, "Weight": second}]
    groups.append({"TargetGroupArn": SECOND})
    fixed = {"Type": "fixed-response"}
    rule = {"RuleArn": RULE, "Actions": [fixed, {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]}
    aws = Prepared(cloudformation__list_stack_resources=listed, elbv2__describe_rules={"Rules": [rule]})
    assert living.weight_elsewhere(aws, stack(staging)) == weight
    assert aws.asked[-1] == ("elbv2.describe_rules", {"RuleArns": [RULE]})
    ids["ProductionRule"] = ""  # it is not made yet
    assert living.weight_elsewhere(aws, stack(staging)) == 0
    assert aws.calls().count("elbv2.describe_rules") == 1
    resources = load(ROOT / "templates")["ingress"].resources
    assert {living.PRODUCTION_RULE[1], living.SECOND[1]} <= resources.keys()


def test_tables_that_exist_and_would_be_made_are_looked_for() -> None:
    def described(TableName: str) -> dict[str, Any]:
        if TableName == "free":
            raise refusal("x", "ResourceNotFoundException")
        return {"Table": {"TableName": TableName}}

    def side(**tables: str) -> TemplateSet:
        resources = {name: {"Type": living.TABLE, "Properties": {"TableName": table}} for name, table in tables.items()}
        return from_bodies({"environment": {"Resources": resources}})

    pair = TemplatePair("environment", side(A="own"), side(A="own", B="free", C="taken"))
    aws = Prepared(dynamodb__describe_table=described)
    assert list(living.taken_tables(aws, pair)) == ["taken"]
    assert [request for _, request in aws.asked] == [{"TableName": "free"}, {"TableName": "taken"}]
    aws.answers["dynamodb.describe_table"] = refusal("x", "AccessDenied")
    with pytest.raises(AwsError, match="AccessDenied"):
        list(living.taken_tables(aws, pair))


@pytest.mark.parametrize(("limit", "too_many"), [(5.0, (6, 5)), (6.0, None)])
def test_addresses_that_are_added_have_to_fit(limit: float, too_many: tuple[int, int] | None) -> None:
    aws = Prepared(
        **{"service-quotas__list_service_quotas": {"Quotas": [{"QuotaName": living.QUOTA, "Value": limit}]}},
        ec2__describe_addresses={"Addresses": [{"PublicIp": f"203.0.113.{number}"} for number in range(5)]},
    )
    added = plan(PlannedChange(("Network", "NatAddressB"), living.ADDRESS, "Add"))
    assert living.addresses_needed(aws, added) == too_many
    assert aws.asked == [("service-quotas.list_service_quotas", {"ServiceCode": "ec2"}), ("ec2.describe_addresses", {})]
    unknown = Prepared(
        **{"service-quotas__list_service_quotas": {"Quotas": []}}, ec2__describe_addresses={"Addresses": []}
    )
    assert living.addresses_needed(unknown, added) is None
    assert living.addresses_needed(aws, plan()) is None
