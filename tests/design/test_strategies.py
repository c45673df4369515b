"""How ECS replaces tasks: the two target groups, and what guards each strategy."""

from generator.cfn.intrinsics import decide, render
from generator.cfn.templates import TemplateSet
from tests.support.design import attribute, declaration, exists, grants, outcome, real, ref, under


def test_two_target_groups(templates: TemplateSet) -> None:
    """Behind one rule of its own, because ECS moves the weights of a rule and a default action has none."""
    rule = templates.resource("ingress.ProductionRule")
    [action] = rule.get("Actions", default=[])
    assert rule.get("Conditions", 0, "PathPatternConfig") == {"Values": ["/*"]}
    weights = {
        target_group["TargetGroupArn"]["Ref"]: target_group["Weight"]
        for target_group in action["ForwardConfig"]["TargetGroups"]
    }
    assert weights == {"FirstTargets": 1, "SecondTargets": 0}
    for name in weights:
        group = templates.resource(f"ingress.{name}")
        assert (group.get("TargetType"), group.get("HealthCheckPath")) == ("ip", "/health")
        assert (group.get("Port"), group.get("VpcId")) == (8000, ref("VpcId"))
    assert templates.resource("ingress.Listener").get("DefaultActions", 0, "FixedResponseConfig", "StatusCode") == "404"
    for values, more in (
        ("ONE", None),
        (
            "TWO",
            {
                "AlternateTargetGroupArn": ref("AlternateTargetGroupArn"),
                "ProductionListenerRule": ref("ProductionRuleArn"),
                "RoleArn": attribute("ShiftRole"),
            },
        ),
    ):
        [balancer] = under(templates, "backend.Service", TargetGroups=values)["LoadBalancers"]
        assert real(templates, "backend.Service", balancer["TargetGroupArn"]) == "${ingress.FirstTargets}"
        assert balancer.get("AdvancedConfiguration") == more
        assert exists(templates, "backend.ShiftRole", TargetGroups=values) == (values == "TWO")
    assert real(templates, "backend.Service", ref("AlternateTargetGroupArn")) == "${ingress.SecondTargets}"
    assert real(templates, "backend.Service", ref("ProductionRuleArn")) == "${ingress.ProductionRule}"
    [trusted] = [grant for grant in grants(templates, "backend.ShiftRole").values() if grant.kind == "trust"]
    assert trusted.principals == ("Service:ecs.amazonaws.com",)
    [policy] = templates.resource("backend.ShiftRole").get("ManagedPolicyArns")
    assert render(policy).endswith(":policy/AmazonECSInfrastructureRolePolicyForLoadBalancers")


def test_strategies(templates: TemplateSet) -> None:
    """Rolling unless chosen otherwise, and for the first release always; guarded as ECS allows for each."""
    declared = declaration(templates, "DeploymentStrategy")
    assert (declared["Default"], declared["AllowedValues"]) == ("ROLLING", ["ROLLING", "BLUE_GREEN", "CANARY"])
    canary = {"CanaryBakeTimeInMinutes": ref("CanaryBakeMinutes"), "CanaryPercent": ref("CanaryPercent")}
    for strategy, bootstrap, shifts, bakes in (
        ("ROLLING", "false", None, "0"),
        ("BLUE_GREEN", "true", None, "0"),
        ("BLUE_GREEN", "false", {}, "${BakeMinutes}"),
        ("CANARY", "false", {"CanaryConfiguration": canary}, "${BakeMinutes} ${CanaryBakeMinutes}"),
    ):
        values = {"DeploymentStrategy": strategy, "BackendBootstrap": bootstrap}
        result = under(templates, "backend.Service", **values)["DeploymentConfiguration"]
        alarms = result.pop("Alarms")
        assert (alarms["Enable"], alarms["Rollback"], len(alarms["AlarmNames"])) == (True, True, 4)
        assert (result.pop("MinimumHealthyPercent"), result.pop("MaximumPercent")) == (100, 200)
        breaker = {"DeploymentCircuitBreaker": {"Enable": True, "Rollback": True}}
        rolling = {"Strategy": "ROLLING", **breaker}
        shifting = {"Strategy": ref("DeploymentStrategy"), "BakeTimeInMinutes": ref("BakeMinutes"), **(shifts or {})}
        assert result == (rolling if shifts is None else shifting)
        minutes = decide(templates["backend"].outputs["ShiftMinutes"]["Value"], outcome(templates, "backend", **values))
        assert render(minutes) == bakes
    # Both waits fit into the hour that the deploy action waits at most.
    for name in ("BakeMinutes", "CanaryBakeMinutes"):
        assert declaration(templates, name)["MaxValue"] == 20
    assert "ShiftingNeedsTwoTargetGroups" in templates["environment"].body["Rules"]
