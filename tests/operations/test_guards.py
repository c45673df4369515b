"""What a plan would lose, and why it must not be executed: from the templates before and after it."""

from __future__ import annotations

from typing import Any

import pytest

from generator.cfn.changes import Difference, PlannedChange
from generator.cfn.losses import TemplatePair, losses
from generator.cfn.templates import TemplateSet, from_bodies
from generator.cfn.unknown import KNOWN_AFTER_APPLY
from scripts.deployment.plan import UPDATE, Plan
from scripts.operations import refusals
from scripts.operations.living import BEANSTALK, PIPELINE, RULE, SERVICE, TABLE, TASK, LivingState
from scripts.operations.refusals import SECRET, TARGETS

STACK = "AWS::CloudFormation::Stack"
IDLE = LivingState()
CERTAIN = Difference("Name", "a", "b", recreates="Always")
MIGHT = Difference("Name", "a", KNOWN_AFTER_APPLY, certain=False, recreates="Always")


def leaf(name: str, kind: str, action: str = "Modify", *differences: Difference, **more: Any) -> PlannedChange:
    return PlannedChange(tuple(name.split(".")), kind, action, differences=differences, **more)


def plan(*leaves: PlannedChange, **more: Any) -> Plan:
    child = PlannedChange(leaves[0].path[:1], STACK, "Modify", children=leaves, nested=True) if leaves else None
    return Plan("s", "id", more.pop("kind", UPDATE), "cs", "n", "d", (child,) if child else (), **more)


def stack(**resources: Any) -> TemplateSet:
    return from_bodies({"environment": {"Resources": {"In": {"Type": STACK}}}, "In": {"Resources": resources}})


def sides(before: dict[str, Any], after: dict[str, Any]) -> TemplatePair:
    return TemplatePair("environment", stack(**before), stack(**after))


def table(**policies: str) -> dict[str, Any]:
    return {"Type": "AWS::DynamoDB::Table", **policies}


KEPT = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
REPLACED: dict[str, Any] = {"replacement": "True"}
GONE = leaf("In.T", "AWS::DynamoDB::Table", "Remove")
MADE_ANEW = leaf("In.T", "AWS::DynamoDB::Table", "Modify", CERTAIN, **REPLACED)


@pytest.mark.parametrize(
    ("change", "before", "after", "expected"),
    [
        (MADE_ANEW, table(**KEPT), table(), ["In.T replaced", "In.T unprotected"]),
        (MADE_ANEW, table(), table(**KEPT), ["In.T replaced"]),
        (MADE_ANEW, table(UpdateReplacePolicy="Snapshot"), table(UpdateReplacePolicy="Snapshot"), ["In.T replaced"]),
        (MADE_ANEW, table(DeletionPolicy="Delete", UpdateReplacePolicy="Retain"), table(), []),
        (MADE_ANEW, table(), table(), []),
        (leaf("In.T", "AWS::DynamoDB::Table", "Modify", MIGHT, **REPLACED), table(**KEPT), table(**KEPT), []),
        (leaf("In.T", "AWS::DynamoDB::Table", "Modify", CERTAIN), table(**KEPT), table(**KEPT), []),
        (GONE, table(**KEPT), None, ["In.T deleted"]),
        (GONE, table(), None, []),
        (leaf("In.L", "AWS::ElasticLoadBalancingV2::Listener", "Remove"), None, None, ["In.L deleted"]),
    ],
)
def test_losses(change: PlannedChange, before: Any, after: Any, expected: list[str]) -> None:
    other = {"Other": table()}
    both = sides(other | ({"T": before} if before else {}), other | ({"T": after} if after else {}))
    assert [f"{resource.name} {resource.how}" for resource in losses(plan(change).changes, both)] == expected


def test_a_nested_stack_takes_along_what_is_in_it() -> None:
    """Whatever CloudFormation tells of a nested stack that goes."""
    gone = PlannedChange(("In",), STACK, "Remove", nested=True)
    [loss] = losses([gone], TemplatePair("environment", stack(T=table(**KEPT)), stack(Other=table())))
    assert (loss.name, loss.option) == ("In.T", "--allow-delete In.T")


def service(strategy: str) -> dict[str, Any]:
    """A service with a strategy and two target groups; without a strategy it has one."""
    balancers = [{"AdvancedConfiguration": {"ProductionListenerRule": "${In.Rule}"}} if strategy else {}]
    properties = {"DeploymentConfiguration": {"Strategy": strategy}, "LoadBalancers": balancers}
    return {"Type": "AWS::ECS::Service", "Properties": properties}


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        ("ROLLING", "ROLLING", True),  # after the way back the tasks may be in the second group
        ("BLUE_GREEN", "BLUE_GREEN", True),
        ("ROLLING", "CANARY", True),
        ("LINEAR", "ROLLING", True),
        ("", "", False),
    ],
)
def test_a_rule_that_a_deployment_has_moved_is_left_alone(before: str, after: str, refused: bool) -> None:
    both = sides({"Service": service(before)}, {"Service": service(after)})
    changed = plan(leaf("In.Rule", RULE, "Modify", Difference("Priority", "1", "2")))
    other = plan(leaf("In.Other", RULE, "Modify", Difference("Priority", "1", "2")))
    assert bool(refusals.refusals(changed, both, IDLE)) is refused
    assert refusals.refusals(other, both, IDLE) == []


@pytest.mark.parametrize(
    ("namespace", "more", "refused"),
    [
        ("aws:elbv2:listenerrule:public", {}, True),
        ("aws:elbv2:listener:80", {}, True),
        ("aws:elbv2:listenerrule:public", REPLACED, False),
        ("aws:elasticbeanstalk:environment:process:default", {}, False),
    ],
)
def test_a_rule_at_a_shared_load_balancer_is_fixed(namespace: str, more: Any, refused: bool) -> None:
    both = sides(*({"E": environment(namespace, hosts)} for hosts in ("*.cloudfront.net", "*.cloudfront.net,own.test")))
    changed = plan(leaf("In.E", BEANSTALK, "Modify", CERTAIN if more else Difference("O", "1", "2"), **more))
    refused_changes = refusals.refusals(changed, both, IDLE)
    assert [refusal.where for refusal in refused_changes] == ["In.E"] * refused
    assert all("(Hosts)" in refusal.why for refusal in refused_changes)
    same = sides(*({"E": environment(namespace, "*.cloudfront.net")} for _ in range(2)))
    assert refusals.refusals(changed, same, IDLE) == []


def environment(namespace: str, hosts: str) -> dict[str, Any]:
    options = [{"Namespace": namespace, "OptionName": "Hosts", "Value": hosts}]
    return {"Type": BEANSTALK, "Properties": {"OptionSettings": options}}


def test_a_vpc_origin_takes_no_change_and_no_tags() -> None:
    origin = {"Type": refusals.ORIGIN}
    both, gone = (sides({"O": origin}, {"O": origin}), sides({"O": origin}, {"N": origin}))
    changed = leaf("In.O", refusals.ORIGIN, "Modify", Difference("Tags", "a", "b"))
    tags = (Difference("CostCenter", "1", "2"),)
    assert [refusal.where for refusal in refusals.refusals(plan(changed), both, IDLE)] == ["In.O"]
    assert [refusal.where for refusal in refusals.refusals(plan(tags=tags), both, IDLE)] == ["In.O"]
    assert refusals.refusals(plan(leaf("In.O", refusals.ORIGIN, "Modify", MIGHT)), both, IDLE) == []
    assert refusals.refusals(plan(tags=tags), gone, IDLE) == []  # a second one under a new name: the way to do it


def test_secrets_keep_their_values() -> None:
    both = sides({"S": {"Type": SECRET}}, {"S": {"Type": SECRET}})
    for names, refused in ((("GenerateSecretString.PasswordLength",), True), (("Description",), False)):
        changed = plan(leaf("In.S", SECRET, "Modify", *(Difference(name, "1", "2") for name in names)))
        assert bool(refusals.refusals(changed, both, IDLE)) is refused


def test_a_pipeline_that_executes_is_not_changed() -> None:
    both = sides({"P": {"Type": PIPELINE}}, {"P": {"Type": PIPELINE}})
    certain, might = (
        leaf("In.P", PIPELINE, "Modify", replacement, physical_id="release") for replacement in (CERTAIN, MIGHT)
    )
    for changed, running, refused in (
        (plan(certain), {"release"}, True),
        (plan(certain), {"another"}, False),
        (plan(might), {"release"}, False),
        (plan(might, follows=("In.P",)), {"release"}, True),
    ):
        refused_changes = refusals.refusals(changed, both, LivingState(frozenset(running)))
        assert [refusal.waits for refusal in refused_changes] == [True] * refused


def lone(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


@pytest.mark.parametrize("kind", [SERVICE, TASK, BEANSTALK])
def test_new_tasks_and_a_release_are_not_made_at_once(kind: str) -> None:
    """The update would put the last good image over the release, which its verification would then find."""
    both = sides({"T": {"Type": kind}}, {"T": {"Type": kind}})
    changed = plan(leaf("In.T", kind, "Modify", Difference("Cpu", "1", "2")))
    [refused] = refusals.refusals(changed, both, LivingState(frozenset({"release"})))
    assert (refused.waits, refused.awaited) == (True, "release") and "--cancel-release" in refused.remedy
    assert refusals.refusals(changed, both, IDLE) == []
    other = plan(leaf("In.O", "AWS::SSM::Parameter", "Modify", Difference("Value", "1", "2")))
    assert refusals.refusals(other, both, LivingState(frozenset({"release"}))) == []


def test_elastic_beanstalk_is_waited_for_until_it_is_ready() -> None:
    both = sides({"E": {"Type": BEANSTALK}}, {"E": {"Type": BEANSTALK}})
    changed = plan(leaf("In.E", BEANSTALK, "Modify", Difference("O", "1", "2"), physical_id="backend-environment"))
    [refused] = refusals.refusals(changed, both, LivingState(changing={"backend-environment": "Updating"}))
    assert refused.waits and refused.awaited == "backend-environment" and "is updating" in refused.why
    assert refusals.refusals(changed, both, LivingState(changing={"another": "Updating"})) == []


def test_the_target_groups_of_a_living_service_are_not_replaced() -> None:
    group, service_there = lone(TARGETS, Port=8000, HealthCheckPath="/health"), lone(SERVICE)
    both = sides({"T": group, "S": service_there}, {"T": group, "S": service_there})
    changed = plan(leaf("In.T", TARGETS, "Modify", Difference("Port", "1", "2", recreates="Always"), **REPLACED))
    assert [refusal.where for refusal in refusals.refusals(changed, both, IDLE)] == ["In.T"]
    assert refusals.refusals(changed, sides({"T": group}, {"T": group}), IDLE) == []
    path = plan(leaf("In.T", TARGETS, "Modify", Difference("HealthCheckPath", "/a", "/b")))
    assert refusals.refusals(path, both, IDLE) == []
    [named] = refusals.health_losses(path, both)
    assert named.option == "--allow-replace In.T" and "release one that answers both first" in str(named)
    interval = plan(leaf("In.T", TARGETS, "Modify", Difference("HealthCheckIntervalSeconds", "15", "20")))
    assert refusals.health_losses(interval, both) == []


@pytest.mark.parametrize(("after", "refused"), [("monthly", True), ("monthly-2", False), ("", False)])
def test_what_has_a_name_of_its_own_is_not_made_anew_under_it(after: str, refused: bool) -> None:
    """A budget whose subscribers change, for one: both would have the name at the same time."""
    kind = "AWS::Budgets::Budget"
    both = sides({"B": lone(kind, Budget={"BudgetName": "monthly"})}, {"B": lone(kind, Budget={"BudgetName": after})})
    changed = plan(leaf("In.B", kind, "Modify", CERTAIN, **REPLACED))
    assert [refusal.where for refusal in refusals.refusals(changed, both, IDLE)] == ["In.B"] * refused


@pytest.mark.parametrize(("replaced", "attached", "refused"), [(1, 9, False), (2, 9, True), (2, 8, False)])
def test_a_role_does_not_get_more_policies_than_it_may_have(replaced: int, attached: int, refused: bool) -> None:
    """Those that are replaced are there twice for a while."""
    kind = "AWS::IAM::ManagedPolicy"
    names = [f"P{number}" for number in range(attached)]
    policies = {name: lone(kind, Description="x") for name in names}
    side = {**policies, "R": lone("AWS::IAM::Role", ManagedPolicyArns=[f"${{In.{name}}}" for name in names])}
    changed = plan(*(leaf(f"In.{name}", kind, "Modify", CERTAIN, **REPLACED) for name in names[:replaced]))
    refusals_of_it = refusals.refusals(changed, sides(side, side), IDLE)
    assert [refusal.where for refusal in refusals_of_it] == ["In.R"] * refused


@pytest.mark.parametrize(
    ("group", "inline", "refused"),
    [
        ("${In.G.GroupId}", None, False),
        ("${In.G.GroupId}", {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 443, "SourcePrefixListId": "pl"}, True),
        ("${In.G.GroupId}", {"IpProtocol": "tcp", "FromPort": "80", "ToPort": 443, "SourcePrefixListId": "pl"}, True),
        ("${In.G.GroupId}", {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 444, "SourcePrefixListId": "pl"}, False),
        ("${In.G.GroupId}", {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 443, "CidrIp": "10.0.0.0/8"}, False),
        ("${In.Other}", {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 443, "SourcePrefixListId": "pl"}, False),
    ],
)
def test_a_rule_does_not_move_into_its_security_group(group: str, inline: dict[str, Any] | None, refused: bool) -> None:
    """The group's own is passed over as a duplicate of it, and then it goes itself."""
    kind = "AWS::EC2::SecurityGroupIngress"
    alone = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 443, "SourcePrefixListId": "pl", "Description": "edge"}
    before = {"G": lone(refusals.GROUP), "R": lone(kind, GroupId=group, **alone)}
    after = {"G": lone(refusals.GROUP, **({"SecurityGroupIngress": [inline]} if inline else {}))}
    moved = plan(leaf("In.G", refusals.GROUP), leaf("In.R", kind, "Remove"))
    refusals_of_it = refusals.refusals(moved, sides(before, after), IDLE)
    assert [each.where for each in refusals_of_it] == ["In.R"] * refused
    assert all("in two deployments" in each.remedy and "In.G" in each.why for each in refusals_of_it)


def test_a_second_target_group_with_traffic_a_table_in_the_way_and_a_lack_of_addresses_are_refused() -> None:
    both = sides({"Other": lone(TABLE, TableName="x")}, {"T": lone(TABLE, TableName="clients")})
    for state, where, way in (
        (LivingState(elsewhere=100), "TargetGroups", "release until the first group has all weight"),
        (LivingState(taken=frozenset({"clients"})), "In.T", '"DataTables": "EXISTING"'),
        (LivingState(addresses=(6, 5)), "NatGatewayCount", "Service Quotas"),
    ):
        [refused] = refusals.refusals(plan(), both, state)
        assert refused.where == where and way in refused.remedy
    assert refusals.refusals(plan(), both, LivingState(taken=frozenset({"another"}))) == []


def test_what_follows_from_what_is_made_anew() -> None:
    """What is only computed again is told apart from what gets something new, also by way of another resource."""
    named = {"Type": "X", "Properties": {"Value": "${In.T.Arn}"}}
    behind = {"Type": "X", "Properties": {"Value": "${In.Named}"}}
    still = {"Type": "X", "Properties": {"Value": "${In.Table}"}}
    resources = {"T": table(), "Named": named, "Behind": behind, "Still": still}
    might = [leaf(f"In.{name}", "X", "Modify", MIGHT, **REPLACED) for name in ("Named", "Behind", "Still", "Changed")]
    changed = {"Changed": {"Type": "X", "Properties": {"Value": "1"}}}
    other = {"Changed": {"Type": "X", "Properties": {"Value": "2"}}}
    both = sides(resources | changed, resources | other)
    assert refusals.follows(plan(MADE_ANEW, *might), both) == ["In.Behind", "In.Changed", "In.Named"]
