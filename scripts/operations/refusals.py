"""Why a plan must not be executed as it is, and which of its uncertain changes are to be expected. Pure.

Each rule looks at the plan and at the templates before and after it, with their parameters put in (`TemplatePair`).
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from generator.cfn.changes import PlannedChange
from generator.cfn.limits import UNIQUE
from generator.cfn.losses import CHANGED, Loss, TemplatePair
from generator.cfn.quotas import MANAGED_POLICIES
from generator.cfn.template_names import NAT_GATEWAYS, TARGET_GROUPS
from generator.cfn.templates import Resource
from scripts.deployment.plan import UPDATE, Plan, Refusal
from scripts.operations.living import BEANSTALK, PIPELINE, RELEASED, RULE, SERVICE, TABLE, LivingState, touched

ORIGIN, TARGETS = "AWS::CloudFront::VpcOrigin", "AWS::ElasticLoadBalancingV2::TargetGroup"
FIXED = ("aws:elbv2:listener", "aws:elbv2:loadbalancer")
SECRET, ROLLING = "AWS::SecretsManager::Secret", "ROLLING"
POLICY, ROLE = "AWS::IAM::ManagedPolicy", "AWS::IAM::Role"
GROUP = "AWS::EC2::SecurityGroup"
# Rules of a security group that are resources of their own, each with the property of the group that has such rules,
# and what a rule admits, however it is called. Source: the schemas of the types.
OWN_RULES = {
    "AWS::EC2::SecurityGroupIngress": "SecurityGroupIngress",
    "AWS::EC2::SecurityGroupEgress": "SecurityGroupEgress",
}
ADMITS = (
    "IpProtocol",
    "FromPort",
    "ToPort",
    "CidrIp",
    "CidrIpv6",
    *("SourcePrefixListId", "DestinationPrefixListId", "SourceSecurityGroupId", "DestinationSecurityGroupId"),
)
# The name that a resource of a type has in an account or Region, where the templates may give it one, besides
# `limits.UNIQUE`. Source: the schemas of the types.
NAME_OF = {
    "AWS::Budgets::Budget": ("Budget", "BudgetName"),
    "AWS::CloudFront::Function": ("Name",),
    "AWS::CloudFront::OriginAccessControl": ("OriginAccessControlConfig", "Name"),
    "AWS::CloudFront::ResponseHeadersPolicy": ("ResponseHeadersPolicyConfig", "Name"),
    "AWS::CodeBuild::ReportGroup": ("Name",),
    "AWS::ECS::Cluster": ("ClusterName",),
    "AWS::ECS::Service": ("ServiceName",),
    "AWS::ElasticBeanstalk::Application": ("ApplicationName",),
    "AWS::ElasticBeanstalk::Environment": ("EnvironmentName",),
    "AWS::IAM::Role": ("RoleName",),
    "AWS::KMS::Alias": ("AliasName",),
    "AWS::SecretsManager::Secret": ("Name",),
    **UNIQUE,
}
GENERATED = ("GenerateSecretString", "SecretString")
NAMED = re.compile(r"\$\{([\w.]+)\}")  # a resource or its attribute in a set of instances


def follows(plan: Plan, pair: TemplatePair) -> list[str]:
    """Which of the changes that only might happen are to be expected: what the resource is given differs between the
    templates, or names something that is created again. The others are CloudFormation's caution: it does not look into
    the siblings of a nested stack."""
    new = {leaf.name for leaf in plan.leaves() if leaf.certain and (leaf.replaced or leaf.action != "Modify")}
    dependent: dict[str, None] = {}
    while True:
        uncertain = (leaf for leaf in plan.leaves() if not leaf.certain and leaf.name not in dependent)
        leaves = [leaf for leaf in uncertain if _depends(leaf, pair, new)]
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


def refusals(plan: Plan, pair: TemplatePair, state: LivingState) -> list[Refusal]:
    """Every reason not to execute the plan, with `follows` in it, on an environment in this state."""
    if plan.kind != UPDATE:
        return []
    return [
        *_rules(plan, pair),
        *_shared(plan, pair),
        *_origins(plan, pair),
        *_secrets(plan),
        *_targets(plan, pair),
        *_names(plan, pair),
        *_attachments(plan, pair),
        *_openings(plan, pair),
        *_weights(state),
        *_tables(pair, state),
        *_addresses(state),
        *_pipelines(plan, state),
        *_releases(plan, state),
    ]


def _modified(plan: Plan, kind: str) -> Iterator[PlannedChange]:
    return (leaf for leaf in plan.leaves() if leaf.type == kind and leaf.action == "Modify" and leaf.certain)


def _rules(plan: Plan, pair: TemplatePair) -> Iterator[Refusal]:
    """A rule that ECS moves weights in, or has moved them in: the tasks may be in the second group long after the
    strategy is ROLLING again. CloudFormation would send its own weights again, to the targets of the last release but
    one (aws-cdk issue 36649)."""
    owned: set[str] = set()
    for side in (pair.before, pair.after):
        for service in side.resources(SERVICE):
            for balancer in service.get("LoadBalancers", default=()):
                own = balancer.get("AdvancedConfiguration", {})
                owned |= {str(own.get(name, "")) for name in ("ProductionListenerRule", "TestListenerRule")}
    for leaf in _modified(plan, RULE):
        if f"${{{leaf.name}}}" in owned:
            yield Refusal(
                "a blue/green deployment owns the weights of this listener rule, and the change would put traffic "
                "back on the targets that the template names, perhaps with no task behind them",
                leaf.name,
                "Leave the rule as it is and put what is new into a rule of its own, or go back to TargetGroups ONE "
                "first, in a deployment that changes nothing else.",
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


def _targets(plan: Plan, pair: TemplatePair) -> Iterator[Refusal]:
    """The target groups of a living service. They are created with their port and protocol (schema of
    AWS::ElasticLoadBalancingV2::TargetGroup, createOnlyProperties), and the listener's rule moves to the new, empty
    ones before the service starts a task in them."""
    if not list(pair.before.resources(SERVICE)):
        return
    for leaf in _modified(plan, TARGETS):
        if leaf.replaced:
            yield Refusal(
                "every request would be sent to a new target group without a task, for minutes",
                leaf.name,
                "Leave port and protocol of the application as they are. To change them, deploy BackendTarget NONE and "
                "then ECS again with `--adopt`, and release: the API is gone meanwhile.",
            )


def health_losses(plan: Plan, pair: TemplatePair) -> list[Loss]:
    """A new path of the health check of a living service: tasks that do not have it are replaced for ever, and nobody
    but the person knows whether those that run have it."""
    if plan.kind != UPDATE or not list(pair.before.resources(SERVICE)):
        return []
    what = "whose tasks are replaced for ever unless the image that runs answers the new path of the health check: "
    what += "release one that answers both first"
    return [
        Loss(leaf.name, leaf.type, CHANGED, what)
        for leaf in _modified(plan, TARGETS)
        if any(each.certain and each.name.split(".")[0] == "HealthCheckPath" for each in leaf.differences)
    ]


def _names(plan: Plan, pair: TemplatePair) -> Iterator[Refusal]:
    """A resource with a name of its own that would be replaced under the same name: the new one is made while the old
    one has it, which cannot work (CloudFormation User Guide, "Name type")."""
    for leaf in plan.leaves():
        if leaf.action != "Modify" or not leaf.replaced or leaf.type not in NAME_OF:
            continue
        names = [str(version.get(*NAME_OF[leaf.type], default="")) for version in pair.versions(leaf.path)]
        if len(names) == 2 and names[0] and names[0] == names[1]:
            yield Refusal(
                f"it would be created again as {names[0]} while the old one has that name, and AWS refuses that",
                leaf.name,
                "Give it another name in the same change.",
            )


def _attachments(plan: Plan, pair: TemplatePair) -> Iterator[Refusal]:
    """Managed policies that are replaced: a role has the new ones before it loses the old ones, and ten at most (IAM
    user guide, "IAM and AWS STS quotas"; in which order it gets and loses them is not run on AWS)."""
    new = {leaf.name for leaf in _modified(plan, POLICY) if leaf.replaced}
    for role in pair.after.resources(ROLE) if new else ():
        attached = [json.dumps(each) for each in role.get("ManagedPolicyArns", default=())]
        twice = sum(bool(new & set(NAMED.findall(text))) for text in attached)
        if twice and len(attached) + twice > MANAGED_POLICIES:
            yield Refusal(
                f"it would have {len(attached) + twice} managed policies for a while, and {MANAGED_POLICIES} are "
                "allowed: those that are replaced are there twice",
                ".".join(pair.path(role)),
                f"Replace at most {MANAGED_POLICIES - len(attached)} of them in one deployment: what replaces a policy "
                "is another description, path or logical id.",
            )


def _openings(plan: Plan, pair: TemplatePair) -> Iterator[Refusal]:
    """A rule that moves into its security group: CloudFormation passes over the group's own as a duplicate of the one
    that is there, and takes that one away afterwards (aws-cloudformation/cloudformation-coverage-roadmap #1532,
    #1534)."""
    for leaf in plan.leaves():
        if leaf.type not in OWN_RULES or leaf.action != "Remove":
            continue
        for rule in pair.versions(leaf.path):
            stays = [
                group
                for group in pair.after.resources(GROUP)
                if _group(rule.get("GroupId")) == _name(pair, group)
                and _admitted(rule.properties) in map(_admitted, group.get(OWN_RULES[leaf.type], default=()))
            ]
            if stays:
                yield Refusal(
                    f"the same rule is in {_name(pair, stays[0])} from now on: CloudFormation takes it for made, "
                    "because this one is there, and then removes this one, so that none is left",
                    leaf.name,
                    "Do it in two deployments: first give the rule in the group another range of ports around the same "
                    "ones, and remove this one; then give it the range that it shall have.",
                )


def _name(pair: TemplatePair, resource: Resource) -> str:
    return ".".join(pair.path(resource))


def _group(reference: Any) -> str:
    """The path of the group that a rule is of, in a set of instances."""
    named = NAMED.findall(json.dumps(reference))
    return str(named[0]).removesuffix(".GroupId") if named else str(reference)


def _admitted(rule: Mapping[str, Any]) -> list[str]:
    return [str(rule.get(name, "")) for name in ADMITS]


def _weights(state: LivingState) -> Iterator[Refusal]:
    if state.elsewhere:
        yield Refusal(
            f"the production rule sends requests to the second target group (weight {state.elsewhere}), from which all "
            "tasks would go: they would be answered 503",
            TARGET_GROUPS,
            "Set DeploymentStrategy to ROLLING, leave TargetGroups at TWO, and release until the first group has all "
            "weight: then change TargetGroups.",
        )


def _tables(pair: TemplatePair, state: LivingState) -> Iterator[Refusal]:
    """A table that exists is in the way of one that is to be made."""
    for table in pair.after.resources(TABLE):
        name = str(table.get("TableName", default=""))
        if name in state.taken:
            yield Refusal(
                f"there is a table {name} already, outside of the stack, and CloudFormation makes none over it",
                ".".join(pair.path(table)),
                'Use it, with "DataTables": "EXISTING" in the parameter file; or choose a name that is free; or take '
                "it into the stack by an import (CloudFormation User Guide, resource import).",
            )


def _addresses(state: LivingState) -> Iterator[Refusal]:
    if state.addresses:
        needed, limit = state.addresses
        yield Refusal(
            f"there would be {needed} Elastic IP addresses in this Region, and {limit} are allowed",
            NAT_GATEWAYS,
            "Ask for more of 'EC2-VPC Elastic IPs' (ec2) in Service Quotas, or release an address that nobody needs.",
        )


def _pipelines(plan: Plan, state: LivingState) -> Iterator[Refusal]:
    """An update of a pipeline cancels what it executes (CodePipeline User Guide, "Set or change the pipeline execution
    mode")."""
    for leaf in plan.leaves():
        if leaf.type == PIPELINE and leaf.physical_id in state.executing and _happens(leaf, plan):
            yield Refusal(
                "a release is running, and the change of its pipeline would cancel it",
                leaf.name,
                "Wait for it with --wait, or give it up with --cancel-release.",
                waits=True,
                awaited=leaf.physical_id,
            )


def _releases(plan: Plan, state: LivingState) -> Iterator[Refusal]:
    """A release and an update at the same time: the update would put the last good image back over the release, which
    its verification then finds; Elastic Beanstalk refuses a change while another one runs, and its rollback too
    (Elastic Beanstalk API reference, UpdateEnvironment)."""
    if state.executing and touched(plan, RELEASED) and not list(_pipelines(plan, state)):
        yield Refusal(
            "a release is running, and this update would replace what it deploys",
            ", ".join(leaf.name for leaf in plan.leaves() if leaf.type in RELEASED and _happens(leaf, plan)),
            "Wait for it with --wait, or give it up with --cancel-release.",
            waits=True,
            awaited=sorted(state.executing)[0],
        )
    for leaf in plan.leaves():
        if leaf.type == BEANSTALK and leaf.physical_id in state.changing:
            yield Refusal(
                f"the environment is {state.changing[leaf.physical_id].lower()}: Elastic Beanstalk refuses a change "
                "until it is ready, and the rollback of a refused one as well",
                leaf.name,
                "Wait for it with --wait.",
                waits=True,
                awaited=leaf.physical_id,
            )


def _happens(leaf: PlannedChange, plan: Plan) -> bool:
    return leaf.certain or leaf.name in plan.follows
