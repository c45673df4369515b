"""Why a plan is not executed: each reason whole, and every row of the tables that the rules go by."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from generator.cfn.changes import Difference, PlannedChange
from generator.cfn.losses import Loss, TemplatePair
from generator.cfn.templates import from_bodies
from scripts.deployment.plan import Plan, Refusal
from scripts.operations import refusals
from scripts.operations.living import BEANSTALK, PIPELINE, RULE, SERVICE, TABLE, LivingState

ANEW = Difference("Name", "a", "b", recreates="Always")
SURE, PERHAPS = Difference("Name", "a", "b"), Difference("Name", "a", "b", certain=False)
IDLE = LivingState()


def leaf(name: str, kind: str, action: str = "Modify", *differences: Difference, **more: Any) -> PlannedChange:
    return PlannedChange(tuple(name.split(".")), kind, action, differences=differences, **more)


def replaced(name: str, kind: str) -> PlannedChange:
    return leaf(name, kind, "Modify", ANEW, replacement="True")


def plan(*changes: PlannedChange, **more: Any) -> Plan:
    """A plan of these changes, beside one that nothing is wrong with."""
    harmless = leaf("In.Other", "AWS::SNS::Topic", "Modify", SURE)
    return Plan("s", "id", more.pop("kind", "UPDATE"), "cs", "n", "d", (harmless, *changes), **more)


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


def pair(before: dict[str, Any], after: dict[str, Any] | None = None) -> TemplatePair:
    """The nested stack `In` before and after."""

    def side(resources: dict[str, Any]) -> Any:
        here = {"Other": resource("AWS::SNS::Topic"), **resources}
        return from_bodies({"environment": {"Resources": {"Queue": resource("X")}}, "In": {"Resources": here}})

    return TemplatePair("environment", side(before), side(before if after is None else after))


def only(planned: Plan, both: TemplatePair, state: LivingState = IDLE) -> Refusal:
    [refusal] = refusals.refusals(planned, both, state)
    return refusal


# Where the name of a resource stands that AWS takes once, by type.
NAMES = {
    "AWS::Budgets::Budget": "Budget.BudgetName",
    "AWS::CloudFront::Function": "Name",
    "AWS::CloudFront::OriginAccessControl": "OriginAccessControlConfig.Name",
    "AWS::CloudFront::ResponseHeadersPolicy": "ResponseHeadersPolicyConfig.Name",
    "AWS::CodeBuild::Project": "Name",
    "AWS::CodeBuild::ReportGroup": "Name",
    "AWS::CodePipeline::Pipeline": "Name",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::ECR::Repository": "RepositoryName",
    "AWS::ECS::Cluster": "ClusterName",
    "AWS::ECS::Service": "ServiceName",
    "AWS::ElasticBeanstalk::Application": "ApplicationName",
    "AWS::ElasticBeanstalk::Environment": "EnvironmentName",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "Name",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "Name",
    "AWS::IAM::Role": "RoleName",
    "AWS::KMS::Alias": "AliasName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SSM::Parameter": "Name",
    "AWS::SecretsManager::Secret": "Name",
}


@pytest.mark.parametrize("kind", NAMES)
def test_nothing_is_made_again_under_a_name_that_is_taken(kind: str) -> None:
    def called(name: str) -> dict[str, Any]:
        place: Any = name
        for step in reversed(NAMES[kind].split(".")):
            place = {step: place}
        return {"R": resource(kind, **place)}

    expected = Refusal(
        "it would be created again as mine while the old one has that name, and AWS refuses that",
        "In.R",
        "Give it another name in the same change.",
    )
    changed = plan(replaced("In.R", kind))
    assert expected in refusals.refusals(changed, pair(called("mine")), IDLE)
    assert expected not in refusals.refusals(changed, pair(called("mine"), called("other")), IDLE)
    in_place = plan(leaf("In.R", kind, "Modify", SURE))
    assert expected not in refusals.refusals(in_place, pair(called("mine")), IDLE)
    assert NAMES.keys() == refusals.NAME_OF.keys()


ADMITTED = {
    "IpProtocol": "tcp",
    "FromPort": 80,
    "ToPort": 443,
    "CidrIp": "10.0.0.0/8",
    "CidrIpv6": "::/0",
    "SourcePrefixListId": "pl-1",
    "DestinationPrefixListId": "pl-2",
    "SourceSecurityGroupId": "sg-1",
    "DestinationSecurityGroupId": "sg-2",
}


@pytest.mark.parametrize("way", ["SecurityGroupIngress", "SecurityGroupEgress"])
@pytest.mark.parametrize("group", ["${In.G.GroupId}", "${In.G}"])
def test_a_rule_does_not_move_into_its_group(way: str, group: str) -> None:
    kind, moved = f"AWS::EC2::{way}", plan(leaf("In.R", f"AWS::EC2::{way}", "Remove"))

    def moves(**inside: Any) -> list[Refusal]:
        before = {"G": resource(refusals.GROUP), "R": resource(kind, GroupId=group, **ADMITTED)}
        after = {"G": resource(refusals.GROUP, **{way: [inside]})}
        return refusals.refusals(moved, pair(before, after), IDLE)

    assert moves(**ADMITTED, Description="of another text") == [
        Refusal(
            "the same rule is in In.G from now on: CloudFormation takes it for made, because this one is there, and "
            "then removes this one, so that none is left",
            "In.R",
            "Do it in two deployments: first give the rule in the group another range of ports around the same ones, "
            "and remove this one; then give it the range that it shall have.",
        )
    ]
    for name in ADMITTED:
        assert moves(**{**ADMITTED, name: "other"}) == [], name


def service(**rules: str) -> dict[str, Any]:
    return resource(SERVICE, LoadBalancers=[{"AdvancedConfiguration": rules}, {}])


@pytest.mark.parametrize("name", ["ProductionListenerRule", "TestListenerRule"])
@pytest.mark.parametrize("side", ["before", "after"])
def test_the_weights_of_a_blue_green_deployment_are_left_alone(name: str, side: str) -> None:
    """Long after the strategy is ROLLING again the traffic may be on the second group."""
    rule, owner, other = resource(RULE), service(**{name: "${In.R}"}), service()
    sides = [{"R": rule, "S": owner if side == each else other} for each in ("before", "after")]
    changed = plan(leaf("In.R", RULE, "Modify", SURE))
    assert only(changed, pair(*sides)) == Refusal(
        "a blue/green deployment owns the weights of this listener rule, and the change would put traffic back on the "
        "targets that the template names, perhaps with no task behind them",
        "In.R",
        "Leave the rule as it is and put what is new into a rule of its own, or go back to TargetGroups ONE first, in "
        "a deployment that changes nothing else.",
    )
    assert refusals.refusals(changed, pair({"R": rule, "S": service(**{name: "${In.Q}"})}), IDLE) == []
    assert refusals.refusals(plan(leaf("In.R", RULE, "Modify", PERHAPS)), pair(*sides), IDLE) == []
    assert refusals.refusals(plan(leaf("In.R", RULE, "Add")), pair(*sides), IDLE) == []


@pytest.mark.parametrize("namespace", ["aws:elbv2:listener:443", "aws:elbv2:listenerrule:x", "aws:elbv2:loadbalancer"])
def test_elastic_beanstalk_changes_nothing_at_a_shared_load_balancer(namespace: str) -> None:
    def options(*values: tuple[str, str, str]) -> dict[str, Any]:
        names = ("Namespace", "OptionName", "Value")
        return {"E": resource(BEANSTALK, OptionSettings=[dict(zip(names, each, strict=True)) for each in values])}

    before = options((namespace, "Rules", "a"), (namespace, "Same", "a"), ("aws:x", "Size", "1"))
    after = options((namespace, "Rules", "b"), (namespace, "Same", "a"), ("aws:x", "Size", "2"))
    changed = plan(leaf("In.E", BEANSTALK, "Modify", SURE))
    assert only(changed, pair(before, after)) == Refusal(
        "Elastic Beanstalk cannot change its rule at our load balancer (Rules): requests would be sent as before, and "
        "those for another host to nobody",
        "In.E",
        "Set BackendTarget to ECS and deploy, then set it to BEANSTALK again, with what is to be new, and deploy and "
        "release: the environment is created again.",
    )
    assert refusals.refusals(changed, pair(before), IDLE) == []
    assert refusals.refusals(plan(replaced("In.E", BEANSTALK)), pair(before, after), IDLE) == []


def test_a_vpc_origin_takes_no_change_and_no_tag() -> None:
    both = pair({"O": resource(refusals.ORIGIN), "Old": resource(refusals.ORIGIN)}, {"O": resource(refusals.ORIGIN)})
    way = (
        "Give the origin a new logical id and a new Name in generator/stacks/delivery/__init__.py, in the same "
        "deployment: a second one is made, the distribution is swapped to it, and the first is removed."
    )
    why = "refuses every change of a VPC origin that a distribution uses, so the deployment would fail"
    changed = leaf("In.O", refusals.ORIGIN, "Modify", SURE)
    assert only(plan(changed), both) == Refusal(f"CloudFront {why}", "In.O", way)
    reach = f"the tags of the stack reach this VPC origin, and CloudFront {why}"
    assert only(plan(changed, tags=(SURE,)), both) == only(plan(tags=(SURE,)), both) == Refusal(reach, "In.O", way)
    assert refusals.refusals(plan(replaced("In.O", refusals.ORIGIN)), both, IDLE) == []


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        (leaf("In.S", refusals.SECRET, "Modify", replace(SURE, name="GenerateSecretString.PasswordLength")), True),
        (leaf("In.S", refusals.SECRET, "Modify", replace(SURE, name="SecretString")), True),
        (replaced("In.S", refusals.SECRET), True),
        (leaf("In.S", refusals.SECRET, "Modify", replace(SURE, name="Description")), False),
        (leaf("In.S", refusals.SECRET, "Modify", SURE, replace(PERHAPS, name="SecretString")), False),
    ],
)
def test_a_secret_keeps_its_value(change: PlannedChange, refused: bool) -> None:
    expected = Refusal(
        "the secret would get another value, and what was encrypted or signed with the old one could not be read any "
        "more",
        "In.S",
        "Leave the secret as it is. A value that has to change is written with `aws secretsmanager put-secret-value`, "
        "after what depends on it has been converted.",
    )
    assert refusals.refusals(plan(change), pair({}), IDLE) == [expected] * refused


def test_the_target_groups_of_a_living_service_stay() -> None:
    both = pair({"T": resource(refusals.TARGETS), "S": resource(SERVICE)})
    assert only(plan(replaced("In.T", refusals.TARGETS)), both) == Refusal(
        "every request would be sent to a new target group without a task, for minutes",
        "In.T",
        "Leave port and protocol of the application as they are. To change them, deploy BackendTarget NONE and then "
        "ECS again with `--adopt`, and release: the API is gone meanwhile.",
    )
    path = leaf("In.T", refusals.TARGETS, "Modify", replace(SURE, name="HealthCheckPath"))
    what = (
        "whose tasks are replaced for ever unless the image that runs answers the new path of the health check: "
        "release one that answers both first"
    )
    assert refusals.health_losses(plan(path), both) == [Loss("In.T", refusals.TARGETS, "changed", what)]
    perhaps = leaf("In.T", refusals.TARGETS, "Modify", SURE, replace(PERHAPS, name="HealthCheckPath"))
    for planned, there in (
        (plan(path, kind="CREATE"), both),
        (plan(path), pair({"T": resource(refusals.TARGETS)})),
        (plan(perhaps), both),
    ):
        assert refusals.health_losses(planned, there) == []


def test_a_role_has_ten_policies_at_most_also_while_some_are_replaced() -> None:
    names = [f"P{number}" for number in range(9)]
    policies = {name: resource(refusals.POLICY) for name in names}
    arns: list[Any] = [*(f"${{In.{name}}}" for name in names[:8]), {"Other": "${In.P8.Arn}"}]
    both = pair({**policies, "R": resource(refusals.ROLE, ManagedPolicyArns=arns)})
    changed = [replaced(f"In.{name}", refusals.POLICY) for name in ("P0", "P1")]
    assert only(plan(*changed), both) == Refusal(
        "it would have 11 managed policies for a while, and 10 are allowed: those that are replaced are there twice",
        "In.R",
        "Replace at most 1 of them in one deployment: what replaces a policy is another description, path or logical "
        "id.",
    )
    assert refusals.refusals(plan(changed[0]), both, IDLE) == []
    full = pair({**policies, "R": resource(refusals.ROLE, ManagedPolicyArns=[*arns, "arn:a", "arn:b"])})
    assert refusals.refusals(plan(), full, IDLE) == []


def test_what_the_account_says() -> None:
    both = pair({}, {"T": resource(TABLE, TableName="clients"), "U": resource(TABLE)})
    assert only(plan(), both, LivingState(elsewhere=5)) == Refusal(
        "the production rule sends requests to the second target group (weight 5), from which all tasks would go: they "
        "would be answered 503",
        "TargetGroups",
        "Set DeploymentStrategy to ROLLING, leave TargetGroups at TWO, and release until the first group has all "
        "weight: then change TargetGroups.",
    )
    assert only(plan(), both, LivingState(taken=frozenset({"clients"}))) == Refusal(
        "there is a table clients already, outside of the stack, and CloudFormation makes none over it",
        "In.T",
        'Use it, with "DataTables": "EXISTING" in the parameter file; or choose a name that is free; or take it into '
        "the stack by an import (CloudFormation User Guide, resource import).",
    )
    assert only(plan(), both, LivingState(addresses=(6, 5))) == Refusal(
        "there would be 6 Elastic IP addresses in this Region, and 5 are allowed",
        "NatGatewayCount",
        "Ask for more of 'EC2-VPC Elastic IPs' (ec2) in Service Quotas, or release an address that nobody needs.",
    )
    everything = LivingState(elsewhere=5, taken=frozenset({"clients"}), addresses=(6, 5))
    assert refusals.refusals(plan(kind="CREATE"), both, everything) == []


WAIT = "Wait for it with --wait, or give it up with --cancel-release."


def test_a_release_that_runs_is_waited_for_or_given_up() -> None:
    both = pair({"P": resource(PIPELINE), "S": resource(SERVICE), "T": resource("AWS::ECS::TaskDefinition")})
    pipeline = leaf("In.P", PIPELINE, "Modify", SURE, physical_id="release")
    service_ = leaf("In.S", SERVICE, "Modify", SURE)
    task = leaf("In.T", "AWS::ECS::TaskDefinition", "Modify", PERHAPS)
    other = leaf("In.U", "AWS::ECS::TaskDefinition", "Modify", PERHAPS)
    state = LivingState(executing=frozenset({"release", "a"}))
    cancelled = "a release is running, and the change of its pipeline would cancel it"
    expected = Refusal(cancelled, "In.P", WAIT, waits=True, awaited="release")
    assert only(plan(pipeline, service_), both, state) == expected  # once is enough
    replaces = "a release is running, and this update would replace what it deploys"
    following = plan(service_, task, other, follows=("In.T",))
    assert only(following, both, state) == Refusal(replaces, "In.S, In.T", WAIT, waits=True, awaited="a")
    changing = leaf("In.E", BEANSTALK, "Modify", SURE, physical_id="env")
    assert only(plan(changing), both, LivingState(changing={"env": "Updating", "x": "Ready"})) == Refusal(
        "the environment is updating: Elastic Beanstalk refuses a change until it is ready, and the rollback of a "
        "refused one as well",
        "In.E",
        "Wait for it with --wait.",
        waits=True,
        awaited="env",
    )


def test_what_follows_from_what_is_made_anew() -> None:
    """What a resource is given differs, or names something that is created again, also by way of another one."""

    def valued(value: Any) -> dict[str, Any]:
        return resource("X", Value=value)

    same = {
        "By": valued("${In.New.Arn}"),
        "Whole": valued({"a": ["${In.New}"]}),
        "Behind": valued("${In.By}"),
        "Still": valued("${In.Newer}"),
        "Stays": valued("${In.Changed}"),
        "Late": valued("${In.Stays}"),
    }
    names = ("By", "Whole", "Behind", "Still", "Changed", "Gone", "Stays", "Late")
    perhaps = [leaf(f"In.{name}", "X", "Modify", PERHAPS, replacement="Conditional") for name in names[:5]]
    perhaps += [leaf(f"In.{name}", "X", "Modify", PERHAPS, replacement="False") for name in names[5:]]
    both = pair({**same, "Changed": valued("1")}, {**same, "Changed": valued("2")})
    for new in (leaf("In.New", "X", "Add"), leaf("In.New", "X", "Remove"), replaced("In.New", "X")):
        assert refusals.follows(plan(new, *perhaps), both) == [
            "In.Behind",
            "In.By",
            "In.Changed",
            "In.Gone",
            "In.Stays",
            "In.Whole",
        ]
    unchanged = leaf("In.New", "X", "Modify", SURE)
    assert refusals.follows(plan(unchanged, *perhaps[:4]), both) == []
