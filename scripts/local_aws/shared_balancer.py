"""What Elastic Beanstalk makes at a load balancer that its environments share: a target group and rules of its own.

Source: elasticbeanstalk dg, "Configuring a shared Application Load Balancer" (environments-cfg-alb-shared): rules of an
environment are added to the listener behind those that exist, from 1 where there is none (quoted in
elastic-beanstalk-roadmap issue 217; the absolute number is judgement). A rule goes with its environment.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from scripts.local_aws.services import ResourceError, Services

Options = Mapping[tuple[str, str], str]
PLACE = ("aws:elbv2:loadbalancer", "SharedLoadBalancer")
LISTENER = "aws:elbv2:listener:"


@dataclass(frozen=True)
class Placed:
    """What an environment has at the load balancer: the balancer's ARN, the group's and those of the rules."""

    balancer: str
    group: str
    rules: tuple[str, ...]


def place(services: Services, name: str, options: Options) -> Placed | None:
    """Makes an environment's target group and rules; None where it shares no load balancer, or where that is not there:
    an environment can be made here without one. Raises `ResourceError`."""
    arn = options.get(PLACE, "")
    try:
        listed = services.call("elbv2", "describe_load_balancers", {"LoadBalancerArns": [arn]}) if arn else {}
    except ResourceError:
        return None
    if not listed:
        return None
    vpc = {"VpcId": listed["LoadBalancers"][0]["VpcId"], "Protocol": "HTTP", "Port": 80}
    answer = services.call("elbv2", "create_target_group", {"Name": f"awseb-{name}", "TargetType": "instance", **vpc})
    group = answer["TargetGroups"][0]["TargetGroupArn"]
    ports = {int(part.removeprefix(LISTENER)) for part, _ in options if part.removeprefix(LISTENER).isdigit()}
    listeners = services.call("elbv2", "describe_listeners", {"LoadBalancerArn": arn})["Listeners"]
    rules = tuple(
        _add_rule(services, listener["ListenerArn"], group) for listener in listeners if listener["Port"] in ports
    )
    return Placed(arn, group, rules)


def _add_rule(services: Services, listener: str, group: str) -> str:
    shown = services.call("elbv2", "describe_rules", {"ListenerArn": listener})["Rules"]
    taken = [int(rule["Priority"]) for rule in shown if rule["Priority"].isdigit()]
    rule = {
        "ListenerArn": listener,
        "Priority": max(taken, default=0) + 1,
        "Conditions": [{"Field": "path-pattern", "Values": ["/*"]}],
        "Actions": [{"Type": "forward", "TargetGroupArn": group}],
    }
    return str(services.call("elbv2", "create_rule", rule)["Rules"][0]["RuleArn"])


def remove(services: Services, placed: Placed) -> None:
    """Deletes an environment's rules and target group; those that went with their listener are gone already."""
    for rule in placed.rules:
        with suppress(ResourceError):
            services.call("elbv2", "delete_rule", {"RuleArn": rule})
    with suppress(ResourceError):
        services.call("elbv2", "delete_target_group", {"TargetGroupArn": placed.group})
