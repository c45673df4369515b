"""An environment of Elastic Beanstalk at a load balancer that it shares: the target group and the rules that it gets
there, and what goes with it."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.local_aws.account import Account
from scripts.local_aws.handlers.handler import handler_for
from tests.local_aws.cases import BALANCER
from tests.local_aws.here import recorded

MODE, SHARED = "aws:elasticbeanstalk:environment", ("aws:elbv2:loadbalancer", "SharedLoadBalancer")


def option(namespace: str, name: str, value: str) -> dict[str, str]:
    return {"Namespace": namespace, "OptionName": name, "Value": value}


def sharing(balancer: str, *ports: int) -> list[dict[str, str]]:
    """The options of an environment that shares a load balancer, behind the listeners of some ports."""
    listeners = [option(f"aws:elbv2:listener:{port}", "Rules", "ours") for port in ports]
    return [option(MODE, "LoadBalancerIsShared", "true"), option(*SHARED, balancer), *listeners]


@pytest.fixture
def balancers(account: Account) -> dict[str, str]:
    """Two load balancers of two networks; the first one with listeners on three ports, one of which has rules."""
    resources: dict[str, str] = {}
    for name, (kind, properties) in BALANCER.items():
        if kind.endswith(("VPC", "Subnet", "LoadBalancer")):
            text = {
                key: resources.get(str(value)[1:-1], value)
                if isinstance(value, str)
                else [resources.get(str(each)[1:-1], each) for each in value]
                for key, value in properties.items()
            }
            handler = handler_for(account.services, kind, text)
            handler.create()
            resources[name] = handler.physical
    elb = account.services.client("elbv2")
    subnets = [resources["SubnetA"], resources["SubnetB"]]
    resources["Other"] = elb.create_load_balancer(Name="other", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    answer_all = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
    for port in (80, 8080, 9090):
        created = elb.create_listener(
            LoadBalancerArn=resources["Balancer"], Port=port, Protocol="HTTP", DefaultActions=answer_all
        )
        resources[str(port)] = created["Listeners"][0]["ListenerArn"]
    for priority in (3, 7):
        condition = [{"Field": "path-pattern", "Values": [f"/{priority}"]}]
        elb.create_rule(ListenerArn=resources["8080"], Priority=priority, Conditions=condition, Actions=answer_all)
    account.services.client("elasticbeanstalk").create_application(ApplicationName="shared")
    recorded(account).taken()
    return resources


def at_balancers(account: Account) -> list[tuple[str, dict[str, Any]]]:
    """The calls to the load balancers since this was asked before."""
    return [(operation, arguments) for service, operation, arguments in recorded(account).taken() if service == "elbv2"]


def test_an_environment_has_a_target_group_and_the_last_rule_of_each_of_its_listeners(
    account: Account, balancers: dict[str, str]
) -> None:
    beanstalk, elb = (account.services.client(service) for service in ("elasticbeanstalk", "elbv2"))
    options = sharing(balancers["Balancer"], 80, 8080)
    created = beanstalk.create_environment(ApplicationName="shared", EnvironmentName="first", OptionSettings=options)
    name = f"awseb-{created['EnvironmentId']}"
    [group] = elb.describe_target_groups(Names=[name])["TargetGroups"]
    forward = [{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}]
    everything = [{"Field": "path-pattern", "Values": ["/*"]}]
    assert at_balancers(account) == [
        ("describe_load_balancers", {"LoadBalancerArns": [balancers["Balancer"]]}),
        (
            "create_target_group",
            {"Name": name, "TargetType": "instance", "VpcId": balancers["Vpc"], "Protocol": "HTTP", "Port": 80},
        ),
        ("describe_listeners", {"LoadBalancerArn": balancers["Balancer"]}),
        ("describe_rules", {"ListenerArn": balancers["80"]}),
        ("create_rule", {"ListenerArn": balancers["80"], "Priority": 1, "Conditions": everything, "Actions": forward}),
        ("describe_rules", {"ListenerArn": balancers["8080"]}),
        (
            "create_rule",
            {"ListenerArn": balancers["8080"], "Priority": 8, "Conditions": everything, "Actions": forward},
        ),
    ]
    assert (group["VpcId"], group["TargetType"], group["Port"]) == (balancers["Vpc"], "instance", 80)
    priorities = {
        port: [rule["Priority"] for rule in elb.describe_rules(ListenerArn=balancers[port])["Rules"]]
        for port in ("80", "8080", "9090")
    }
    assert priorities == {"80": ["1", "default"], "8080": ["3", "7", "8", "default"], "9090": ["default"]}
    # An option of something else changes nothing there.
    beanstalk.update_environment(
        EnvironmentName="first", OptionSettings=[option("aws:autoscaling:asg", "MinSize", "1")]
    )
    assert at_balancers(account) == []
    beanstalk.terminate_environment(EnvironmentName="first")
    removed = at_balancers(account)
    assert [operation for operation, _ in removed] == ["delete_rule", "delete_rule", "delete_target_group"]
    assert removed[2][1] == {"TargetGroupArn": group["TargetGroupArn"]}
    assert elb.describe_target_groups()["TargetGroups"] == []
    assert [rule["Priority"] for rule in elb.describe_rules(ListenerArn=balancers["8080"])["Rules"]] == [
        "3",
        "7",
        "default",
    ]


def test_an_environment_that_moves_leaves_nothing_at_its_old_load_balancer(
    account: Account, balancers: dict[str, str]
) -> None:
    beanstalk, elb = (account.services.client(service) for service in ("elasticbeanstalk", "elbv2"))
    options = sharing(balancers["Balancer"], 80)
    created = beanstalk.create_environment(ApplicationName="shared", EnvironmentName="first", OptionSettings=options)
    at_balancers(account)
    beanstalk.update_environment(EnvironmentName="first", OptionSettings=sharing(balancers["Other"], 80))
    assert [operation for operation, _ in at_balancers(account)] == [
        "delete_rule",
        "delete_target_group",
        "describe_load_balancers",
        "create_target_group",
        "describe_listeners",
    ]
    assert len(elb.describe_rules(ListenerArn=balancers["80"])["Rules"]) == 1
    [group] = elb.describe_target_groups()["TargetGroups"]
    assert group["TargetGroupName"] == f"awseb-{created['EnvironmentId']}"
    # One that shares none any more has neither.
    gone = [
        {"Namespace": MODE, "OptionName": "LoadBalancerIsShared"},
        dict(zip(("Namespace", "OptionName"), SHARED, strict=True)),
    ]
    beanstalk.update_environment(EnvironmentName="first", OptionsToRemove=gone)
    assert [operation for operation, _ in at_balancers(account)] == ["delete_target_group"]
    beanstalk.terminate_environment(EnvironmentName="first")
    assert at_balancers(account) == []


def test_rules_that_went_with_their_listener_are_no_obstacle(account: Account, balancers: dict[str, str]) -> None:
    beanstalk, elb = (account.services.client(service) for service in ("elasticbeanstalk", "elbv2"))
    options = sharing(balancers["Balancer"], 80)
    beanstalk.create_environment(ApplicationName="shared", EnvironmentName="first", OptionSettings=options)
    elb.delete_listener(ListenerArn=balancers["80"])
    [group] = elb.describe_target_groups()["TargetGroups"]
    elb.delete_target_group(TargetGroupArn=group["TargetGroupArn"])
    assert beanstalk.terminate_environment(EnvironmentName="first")["Status"] == "Terminated"


def test_an_environment_is_made_without_the_load_balancer_that_it_names(account: Account) -> None:
    beanstalk = account.services.client("elasticbeanstalk")
    beanstalk.create_application(ApplicationName="shared")
    recorded(account).taken()
    arn = "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/none/1"
    beanstalk.create_environment(ApplicationName="shared", EnvironmentName="first", OptionSettings=sharing(arn, 80))
    assert at_balancers(account) == [("describe_load_balancers", {"LoadBalancerArns": [arn]})]
    beanstalk.terminate_environment(EnvironmentName="first")
    assert at_balancers(account) == []
