"""Rules on what runs the backend: how a release replaces what ran, and that a failing one is taken back."""

from collections.abc import Iterator, Mapping

from generator.cfn.templates import Resource, TemplateSet
from generator.gate.contracts import SERVICE, origin
from generator.gate.rules.rule import Fault, Rule, values

LISTENER_RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"
ENVIRONMENT = "AWS::ElasticBeanstalk::Environment"
SHARED = ("aws:elbv2:loadbalancer", "SharedLoadBalancer")
# Options whose default is another one (elasticbeanstalk dg, command-options-general).
EXPECTED: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("aws:elasticbeanstalk:environment", "LoadBalancerType"): ("application",),
    ("aws:elasticbeanstalk:environment", "LoadBalancerIsShared"): ("true",),
    ("aws:elasticbeanstalk:command", "DeploymentPolicy"): ("Immutable", "TrafficSplitting"),
    ("aws:elasticbeanstalk:healthreporting:system", "SystemType"): ("enhanced",),
    ("aws:autoscaling:launchconfiguration", "DisableDefaultEC2SecurityGroup"): ("true",),
    ("aws:autoscaling:launchconfiguration", "DisableIMDSv1"): ("true",),
    ("aws:ec2:vpc", "AssociatePublicIpAddress"): ("false",),
}
ROLLING = ("ROLLING", None)  # what no strategy means


def _deployments(templates: TemplateSet) -> Iterator[Fault]:
    for service in templates.resources(SERVICE):
        for chosen in values(service, "DeploymentConfiguration"):
            settings = chosen or {}
            breaker, alarms = settings.get("DeploymentCircuitBreaker", {}), settings.get("Alarms", {})
            if not (alarms.get("AlarmNames") and alarms.get("Enable") is True and alarms.get("Rollback") is True):
                yield Fault(service.address, "deploys without alarms that roll back")
            if settings.get("Strategy") in ROLLING:
                if (breaker.get("Enable"), breaker.get("Rollback")) != (True, True):
                    yield Fault(service.address, "deploys ROLLING without a circuit breaker that rolls back")
                continue
            if breaker:
                yield Fault(service.address, "has a circuit breaker, which is for ROLLING alone")
            if settings.get("BakeTimeInMinutes") is None:
                yield Fault(service.address, "shifts traffic without a bake time")


def _shifted(templates: TemplateSet) -> Iterator[Fault]:
    """The production rule that each shifting service names: to both of its groups, the first with all the weight."""
    for service in templates.resources(SERVICE):

        def named(value: object, service: Resource = service) -> str:
            return origin(templates, templates[service.template], value)

        for balancer in values(service, "LoadBalancers", 0):
            more = (balancer or {}).get("AdvancedConfiguration")
            if more is None:
                continue
            expected = [(named(balancer.get("TargetGroupArn")), 1), (named(more.get("AlternateTargetGroupArn")), 0)]
            rules = {f"${{{rule.address}}}": rule for rule in templates.resources(LISTENER_RULE)}
            rule = rules.get(named(more.get("ProductionListenerRule")))
            if rule is None or "RoleArn" not in more:
                yield Fault(service.address, "names no production rule of ours, or no role to move its weights with")
            elif expected != list(_weights(templates, rule)):
                yield Fault(rule.address, f"is the production rule of {service.address} and not weighted 1 and 0")


def _weights(templates: TemplateSet, rule: Resource) -> Iterator[tuple[str, int]]:
    for group in rule.get("Actions", 0, "ForwardConfig", "TargetGroups", default=[]):
        yield origin(templates, templates[rule.template], group["TargetGroupArn"]), group.get("Weight")


def _environments(templates: TemplateSet) -> Iterator[Fault]:
    for environment in templates.resources(ENVIRONMENT):
        if environment.get("VersionLabel") is not None:
            yield Fault(environment.address, "names a version, which every update of the stack would deploy again")
        for chosen in values(environment, "OptionSettings"):
            options = {
                (option["Namespace"], option["OptionName"]): option.get("Value")
                for option in chosen or ()
                if "Namespace" in option
            }
            for (namespace, name), good in EXPECTED.items():
                if options.get((namespace, name)) not in good:
                    yield Fault(environment.address, f"has {name} of {namespace} not at {' or '.join(good)}")
            if not options.get(SHARED):
                yield Fault(environment.address, f"does not name the load balancer ({SHARED[1]}) that it shares")


RULES = (
    Rule(
        "RUN001",
        "a release that fails would stay, or ECS refuses the service",
        "guard ROLLING by circuit breaker and alarms, every other strategy by alarms and a bake time",
        _deployments,
    ),
    Rule(
        "RUN002",
        "ECS has nothing to move, or the first deployment sends requests to a group without tasks",
        "forward the rule to both target groups of the service, weighted 1 and 0, and give the service the rule's ARN",
        _shifted,
    ),
    Rule(
        "RUN003",
        "Elastic Beanstalk makes a load balancer of its own, deploys in place, or opens the instances",
        "set the option; leave the version to the pipeline",
        _environments,
    ),
)
