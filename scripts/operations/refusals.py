"""Why a plan must not be executed as it is, and which of its uncertain changes are to be expected. Pure.

Each rule looks at the plan and at the templates before and after it, with their parameters put in (`TemplatePair`).
"""

import json
import re
from collections.abc import Collection, Iterator

from generator.cfn.changes import PlannedChange
from generator.cfn.losses import TemplatePair
from generator.cfn.template_names import EXISTING_SECRET
from scripts.deployment.plan import UPDATE, Plan, Refusal

RULE, ORIGIN = "AWS::ElasticLoadBalancingV2::ListenerRule", "AWS::CloudFront::VpcOrigin"
BEANSTALK, FIXED = "AWS::ElasticBeanstalk::Environment", ("aws:elbv2:listener", "aws:elbv2:loadbalancer")
SECRET, PIPELINE = "AWS::SecretsManager::Secret", "AWS::CodePipeline::Pipeline"
SERVICE, ROLLING = "AWS::ECS::Service", "ROLLING"
GENERATED = ("GenerateSecretString", "SecretString")
NAMED = re.compile(r"\$\{([\w.]+)\}")  # a resource or its attribute in a set of instances


def follows(plan: Plan, pair: TemplatePair) -> list[str]:
    """Which of the changes that only might happen are to be expected: what the resource is given differs between the
    templates, or names something that is created again. The others are CloudFormation's caution: it does not look into
    the siblings of a nested stack."""
    new = {leaf.name for leaf in plan.leaves() if leaf.certain and (leaf.replaced or leaf.action != "Modify")}
    dependent: dict[str, None] = {}
    while True:
        leaves = [leaf for leaf in plan.uncertain if leaf.name not in dependent and _depends(leaf, pair, new)]
        if not leaves:
            return sorted(dependent)
        dependent |= dict.fromkeys(leaf.name for leaf in leaves)
        new |= {leaf.name for leaf in leaves if leaf.replacement in ("True", "Conditional")}


def _depends(leaf: PlannedChange, pair: TemplatePair, anew: Collection[str]) -> bool:
    texts = [json.dumps(version.properties, sort_keys=True) for version in pair.versions(leaf.path)]
    named = {name for text in texts for name in NAMED.findall(text)}
    return len(set(texts)) != 1 or any(
        name == changed or name.startswith(f"{changed}.") for name in named for changed in anew
    )


def refusals(plan: Plan, pair: TemplatePair, running: Collection[str]) -> list[Refusal]:
    """Every reason not to execute the plan, with `follows` in it. `running` are the pipelines, by name, that execute
    something now."""
    if plan.kind != UPDATE:
        return []
    return [
        *_rules(plan, pair),
        *_shared(plan, pair),
        *_origins(plan, pair),
        *_secrets(plan),
        *_pipelines(plan, running),
    ]


def _modified(plan: Plan, kind: str) -> Iterator[PlannedChange]:
    return (leaf for leaf in plan.leaves() if leaf.type == kind and leaf.action == "Modify" and leaf.certain)


def _rules(plan: Plan, pair: TemplatePair) -> Iterator[Refusal]:
    """A rule that ECS moves weights in. CloudFormation would send its own weights again, to the targets of the last
    release but one (aws-cdk issue 36649)."""
    owned: set[str] = set()
    for side in (pair.before, pair.after):
        for service in side.resources(SERVICE):
            if service.get("DeploymentConfiguration", "Strategy", default=ROLLING) != ROLLING:
                for balancer in service.get("LoadBalancers", default=()):
                    own = balancer.get("AdvancedConfiguration", {})
                    owned |= {str(own.get(name, "")) for name in ("ProductionListenerRule", "TestListenerRule")}
    for leaf in _modified(plan, RULE):
        if f"${{{leaf.name}}}" in owned:
            yield Refusal(
                "a blue/green deployment owns the weights of this listener rule, and the change would put traffic "
                "back on the targets that the template names, perhaps with no task behind them",
                leaf.name,
                "Leave the rule as it is and put what is new into a rule of its own, or go back to ROLLING first, in a "
                "deployment that changes nothing else.",
            )


def _shared(plan: Plan, pair: TemplatePair) -> Iterator[Refusal]:
    """What an environment of Elastic Beanstalk has at a shared load balancer: after its creation it updates neither
    listeners nor rules there (elasticbeanstalk dg, environments-cfg-alb-shared)."""
    for leaf in _modified(plan, BEANSTALK):
        fixed = [
            {
                (option["Namespace"], option["OptionName"]): option.get("Value")
                for option in version.get("OptionSettings", default=())
                if option["Namespace"].startswith(FIXED)
            }
            for version in pair.versions(leaf.path)
        ]
        if not leaf.replaced and len(fixed) == 2 and fixed[0] != fixed[1]:
            names = sorted({name for _, name in dict(fixed[0].items() ^ fixed[1].items())})
            yield Refusal(
                f"Elastic Beanstalk cannot change its rule at our load balancer ({', '.join(names)}): requests would "
                "be sent as before, and those for another host to nobody",
                leaf.name,
                "Set BackendTarget to ECS and deploy, then set it to BEANSTALK again, with what is to be new, and "
                "deploy and release: the environment is created again.",
            )


def _origins(plan: Plan, pair: TemplatePair) -> Iterator[Refusal]:
    """A VPC origin that a distribution uses takes no change, not even of tags (aws-cdk issue 34629), and the stack's
    tags reach it."""
    there = {".".join(pair.path(origin)) for origin in pair.before.resources(ORIGIN)}
    stay = there & {".".join(pair.path(origin)) for origin in pair.after.resources(ORIGIN)}
    changed = {leaf.name for leaf in _modified(plan, ORIGIN) if not leaf.replaced}
    for name in sorted(stay if plan.tags else stay & changed):
        what = "the tags of the stack reach this VPC origin, and CloudFront" if plan.tags else "CloudFront"
        yield Refusal(
            f"{what} refuses every change of a VPC origin that a distribution uses, so the deployment would fail",
            name,
            "Give the origin a new logical id and a new Name in generator/stacks/delivery/__init__.py, in the same "
            "deployment: a second one is made, the distribution is swapped to it, and the first is removed.",
        )


def _secrets(plan: Plan) -> Iterator[Refusal]:
    """A generated value is created again when its description changes; what was encrypted with the old one is lost."""
    for leaf in _modified(plan, SECRET):
        values = [
            difference.name
            for difference in leaf.differences
            if difference.certain and difference.name.split(".")[0] in GENERATED
        ]
        if values or leaf.replaced:
            yield Refusal(
                "the secret would get another value, and what was encrypted or signed with the old one could not be "
                "read any more",
                leaf.name,
                "Leave the secret as it is. A value that has to change is written with `aws secretsmanager "
                "put-secret-value`, after what depends on it has been converted.",
            )
    for parameter in plan.parameters:
        if parameter.name == EXISTING_SECRET:
            yield Refusal(
                "the backend would get another encryption secret, and what was encrypted with the old one could not "
                "be read any more",
                parameter.name,
                "Leave the parameter as it is; it is meant for the first deployment of an environment that is created "
                "again beside its old data.",
            )


def _pipelines(plan: Plan, running: Collection[str]) -> Iterator[Refusal]:
    """An update of a pipeline cancels what it executes (CodePipeline User Guide, "Set or change the pipeline execution
    mode")."""
    for leaf in plan.leaves():
        if leaf.type == PIPELINE and leaf.physical_id in running and (leaf.certain or leaf.name in plan.follows):
            yield Refusal(
                "a release is running, and the change of its pipeline would cancel it",
                leaf.name,
                "Wait for it with --wait, or give it up with --cancel-release.",
                waits=True,
            )
