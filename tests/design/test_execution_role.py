"""The role that CloudFormation deploys with: what deploying the types in the templates needs, and nothing else."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest
from troposphere import GetAtt, Sub, encode_to_dict

from generator.application import APPLICATION as PROJECT
from generator.cfn.caller_rights import RIGHTS
from generator.cfn.intrinsics import choices, render
from generator.cfn.names import ACCESS_ROOTS
from generator.cfn.permissions import Permission, of
from generator.cfn.templates import TemplateSet
from generator.core import ports
from generator.core.iam import Anything
from generator.core.stack import Stack
from generator.roots import environment
from generator.roots.access import execution
from generator.roots.access.deploy import EDGE_REGION
from generator.roots.access.handler_permissions.types import Access, ResourceNames, TypePermissions
from scripts.local_aws import moto_patches
from tests.support.design import arn, attribute, grants
from tests.support.policies import longest

# CloudFormation deploys these without a handler that says what it calls.
WITHOUT_HANDLERS = {"AWS::CodeBuild::Project", "AWS::ElasticLoadBalancingV2::ListenerCertificate"}
# Nested change sets are no handler's: CloudFormation user guide, change-sets-for-nested-stacks.
NESTED = {f"cloudformation:{verb}ChangeSet" for verb in ("Create", "Delete", "Describe", "Execute")}
# What is written without naming a resource, because AWS knows none for it.
ANYWHERE = {
    "acm:RequestCertificate",
    "cloudfront:CreateDistribution",
    "cloudfront:CreateFunction",
    "cloudfront:CreateMonitoringSubscription",
    "cloudfront:CreateOriginAccessControl",
    "cloudfront:CreateResponseHeadersPolicy",
    "cloudfront:CreateVpcOrigin",
    "cloudfront:DeleteMonitoringSubscription",
    "ec2:RunInstances",
    "ecs:DeregisterTaskDefinition",
    "kms:CreateKey",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "sns:SetSubscriptionAttributes",
    "sns:Unsubscribe",
}
# What is not given although it is read: it belongs to members of the type that no template makes.
UNREAD = {"kms:Decrypt", "kms:DescribeKey", "vpc-lattice:DescribeServiceNetworkVpcEndpointAssociation"}
# What a role may hold (IAM user guide, reference_iam-quotas): policies, characters without white space.
POLICIES, MANAGED, INLINE, TRUST = 10, 6144, 10240, 2048
# The longest that each of these becomes; an environment's name has at most 16 characters.
LONGEST = {
    "AWS::Partition": "aws-us-gov",
    "AWS::Region": "ap-southeast-1",
    "AWS::AccountId": "1" * 12,
    "Environment": "e" * 16,
}


@cache
def handlers(kind: str, *verbs: str) -> frozenset[str]:
    """Every permission that the handlers of a type name, or those of some verbs; what only lists its resources is no
    part of a deployment."""
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    result = [] if verbs else [*schema.get("tagging", {}).get("permissions", ())]
    for verb, handler in schema.get("handlers", {}).items():
        result += handler["permissions"] if verb in (verbs or ("create", "read", "update", "delete")) else ()
    return frozenset(result)


@cache
def decided() -> dict[str, TypePermissions]:
    """The tables of `generator/roots/access/handler_permissions/`, for types in the templates and others."""
    tables = {ports.table(table.logical): table.name for table in PROJECT.tables}
    names = {**environment.names(PROJECT), **tables, ports.REPOSITORY_NAME: "repository"}
    return {
        kind: how
        for kinds in execution.families(ResourceNames(PROJECT, names), []).values()
        for kind, how in kinds.items()
    }


@pytest.mark.parametrize(
    ("count", "names"), [(1, "T0"), (6, "T0, T1, T2, T3, T4, T5"), (7, "7 of them"), (12, "12 of them")]
)
def test_a_reason_names_the_resources_while_they_are_few(count: int, names: str) -> None:
    stack = Stack("data", "generator.stacks.data", "data.", PROJECT)
    stack.resources |= {f"T{number}": {"Type": "AWS::DynamoDB::Table"} for number in reversed(range(count))}
    stack.resources["Note"] = {"Type": "AWS::SSM::Parameter"}
    assert execution._named("AWS::DynamoDB::Table", [stack]) == names


def policies(templates: TemplateSet) -> list[str]:
    """The managed policies of the role."""
    named = [
        render(managed_policy_arn)[2:-1]
        for managed_policy_arn in templates.resource("access.ExecutionRole").get("ManagedPolicyArns")
    ]
    assert len(named) > 5
    return [f"access.{name}" for name in named]


def granted(templates: TemplateSet) -> Iterator[Permission]:
    """What the role is allowed; what it is denied is tried in tests/system/test_fences.py."""
    for holder in (*policies(templates), "access.ExecutionRole"):
        stated = of(templates.resource(holder))
        yield from (each for each in stated if each.allows and each.kind != "trust")


NOT_OURS = (*ACCESS_ROOTS, "shared", "signing")


def types(templates: TemplateSet) -> set[str]:
    """The types that the role deploys: an administrator deploys the access root itself, and what all share."""
    return {resource.type for resource in templates.resources() if resource.template not in NOT_OURS}


def test_every_type_in_the_templates_can_be_deployed(templates: TemplateSet) -> None:
    """Each permission that a type's handlers name is given, or somebody has said why it is not."""
    may = {action for permission in granted(templates) if permission.allows for action in permission.actions}
    checked = 0
    for kind in sorted(types(templates)):
        assert handlers(kind) or kind in WITHOUT_HANDLERS, kind
        assert sorted(handlers(kind) - may - decided()[kind].excluded.keys()) == [], kind
        checked += bool(handlers(kind))
    assert checked > 40


def test_no_table_holds_what_no_handler_names() -> None:
    """Nothing is given for a type that deploying it does not call, and nothing is withheld that nobody asks for."""
    assert len(decided()) > 45
    for kind, how in decided().items():
        if handlers(kind):
            requested = {action for may in how.access for action in may.actions}
            of_caller = {action for right in RIGHTS if right.subject == kind for action in right.actions}
            extra = EXTRA.get(kind, set()) | of_caller | administered(kind)
            assert sorted(requested - handlers(kind) - extra) == [], kind
            assert sorted(how.excluded.keys() - handlers(kind)) == [], kind
            # Whatever is read of a resource is read of each one.
            assert sorted(how.excluded.keys() & handlers(kind, "read") - UNREAD) == [], kind


def administered(kind: str) -> set[str]:
    """What AWS's policy for administrators of Elastic Beanstalk has, which changes environments with their rights."""
    if kind != "AWS::ElasticBeanstalk::Environment":
        return set()
    document = moto_patches.aws_policy("AdministratorAccess-AWSElasticBeanstalk")
    patterns = [
        item
        for statement in document["Statement"]
        for item in [statement["Action"]]
        for item in ([item] if isinstance(item, str) else item)
    ]
    requested = {action for may in decided()[kind].access for action in may.actions}
    return {item for item in requested if any(fnmatchcase(item, pattern) for pattern in patterns)}


# Nested stacks of a root whose operation is brought to an end, and its role: judgement, no page says who asks.
ENDED = {
    "cloudformation:CancelUpdateStack",
    "cloudformation:ContinueUpdateRollback",
    "cloudformation:DescribeStackEvents",
    "cloudformation:ListStackResources",
    "cloudformation:RollbackStack",
    "iam:PassRole",
}
# Permissions that no handler names, by type, each with the page that does; those of `caller_rights` have theirs there.
EXTRA = {
    "AWS::CloudFormation::Stack": NESTED | ENDED | {"cloudformation:TagResource", "s3:GetObject"},
    # The older prefix is the handler's; that of a connection's ARN decides.
    "AWS::CodePipeline::Pipeline": {"codeconnections:PassConnection"},
}


def test_only_for_types_in_the_templates(templates: TemplateSet) -> None:
    """A type that no template has is no permission."""
    needed = {action for kind in types(templates) for may in decided()[kind].access for action in may.actions}
    attaching = {"iam:AttachRolePolicy", "iam:DetachRolePolicy"}
    may = {action for permission in granted(templates) for action in permission.actions}
    assert sorted(may - needed - attaching - {"iam:PassRole"}) == []


def test_execution_role(templates: TemplateSet) -> None:
    [trusted] = [
        permission for permission in of(templates.resource("access.ExecutionRole")) if permission.kind == "trust"
    ]
    assert (trusted.kind, trusted.principals) == ("trust", ("Service:cloudformation.amazonaws.com",))
    assert templates["access"].outputs["CloudFormationRoleArn"]["Value"] == attribute("ExecutionRole")
    # The deploy role may hand it to CloudFormation, and nothing else.
    hand_over = grants(templates, "access.DeployRole")["HandOver"]
    assert (hand_over.actions, hand_over.resources) == (("iam:PassRole",), ("${ExecutionRole.Arn}",))
    [service] = hand_over.conditions
    assert (service.key, service.values) == ("iam:PassedToService", ("cloudformation.amazonaws.com",))


def test_it_attaches_the_policies_of_aws_that_roles_of_the_environment_have_and_no_others(
    templates: TemplateSet,
) -> None:
    """Without the right a deployment fails in the middle; with more of it a role could be given anything."""
    named = {
        render(policy)
        for role in templates.resources("AWS::IAM::Role")
        if role.template not in ACCESS_ROOTS
        for _, listed in choices(role.get("ManagedPolicyArns", default=[]))
        for policy in listed or ()
    }
    assert named and all(":iam::aws:policy/" in policy for policy in named)
    attaching = [
        permission
        for permission in granted(templates)
        if permission.allows and {"iam:AttachRolePolicy", "iam:DetachRolePolicy"} & {*permission.actions}
        if permission.holder.partition(".")[0] == "access"
    ]
    limited = [
        set(condition.values) for each in attaching for condition in each.conditions if condition.key == "iam:PolicyARN"
    ]
    assert attaching and limited == [named] * len(attaching)
    for permission in attaching:
        bound = [condition for condition in permission.conditions if condition.key == "iam:PermissionsBoundary"]
        assert bound or permission.actions == ("iam:DetachRolePolicy",), permission


def test_it_makes_roles_of_the_environment_and_no_others(templates: TemplateSet) -> None:
    """Neither its own role nor the deployer's: they lie under another path."""
    path = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/cloud-health-dashboard/${Environment}/*"
    result = [
        permission
        for permission in granted(templates)
        if any(action.startswith("iam:") for action in permission.actions)
    ]
    on = {resource for permission in result for resource in permission.resources}
    roles = {item for item in on if ":role/" in item and "/aws-service-role/" not in item}
    # A nested stack inherits the role of its root; no other role beside it trusts CloudFormation.
    inherit = grants(templates, "access.ExecutionRole")["CloudFormationStackInherit"]
    [to] = inherit.conditions
    assert (to.key, to.values) == ("iam:PassedToService", ("cloudformation.amazonaws.com",))
    own = path.replace("${Environment}/", "${Environment}-access/")
    assert (inherit.actions, inherit.resources) == (("iam:PassRole",), (own,))
    assert roles == {path, own}
    [passing] = [
        permission for permission in result if "iam:PassRole" in permission.actions and permission.sid != inherit.sid
    ]
    services = {
        who.removeprefix("Service:")
        for role in templates.resources("AWS::IAM::Role")
        if role.template not in ACCESS_ROOTS
        for item in of(role)
        if item.kind == "trust"
        for who in item.principals
        if who.startswith("Service:")
    }
    assert len(services) > 4
    assert [set(condition.values) for condition in passing.conditions if condition.key == "iam:PassedToService"] == [
        services
    ]


def test_what_it_may_do_is_narrow(templates: TemplateSet) -> None:
    """Named things by name, random ids by the environment's tag, and `*` with a reason."""
    statements = {permission.sid: permission for permission in granted(templates)}
    assert statements["SSMParameter"].resources == (arn("ssm", "parameter/cloud-health/backend/${Environment}/*"),)
    assert statements["ECSCluster"].when in (("VerbatimNames",), ("not VerbatimNames",))
    tables = {arn("dynamodb", f"table/${{{name}Table}}") for name in ("Clients", "Metrics", "Costs", "Security")}
    assert tables < set(statements["DynamoDBTable"].resources)
    tag = ("StringEquals", "aws:ResourceTag/Environment", ("${Environment}",))
    destructive = {"ec2:DeleteVpc", "kms:ScheduleKeyDeletion", "elasticloadbalancing:DeleteLoadBalancer"}
    anywhere: set[str] = set()
    for item in granted(templates):
        assert [action for action in item.actions if "*" in action] == []
        if destructive & set(item.actions):
            assert tag in item.conditions, item.sid
            destructive -= set(item.actions)
        if item.resources == ("*",):
            assert templates.resource(item.holder).wildcards[item.sid]
            anywhere |= {action for action in item.actions if not re.search(":(Describe|Get|List)", action)}
    assert anywhere == ANYWHERE
    assert destructive == set()


def size(document: Any) -> int:
    """The characters of a policy as IAM counts them, with the longest names."""
    return len(json.dumps(longest(document, LONGEST), separators=(",", ":")))


def test_policies_fit_into_iam(templates: TemplateSet) -> None:
    """A policy that is too long is refused when the stack is made."""
    named = policies(templates)
    assert len(named) <= POLICIES
    for address in named:
        assert 100 < size(templates.resource(address).get("PolicyDocument")) <= MANAGED, address
    roles = list(templates.resources("AWS::IAM::Role"))
    assert len(roles) > 10
    for role in roles:
        inline = [policy["PolicyDocument"] for policy in role.get("Policies", default=()) if "PolicyDocument" in policy]
        assert sum(map(size, inline)) <= INLINE, role.address
        assert size(role.get("AssumeRolePolicyDocument")) <= TRUST, role.address


def test_a_policy_that_is_too_long_is_seen(templates: TemplateSet) -> None:
    document = templates.resource("access.DeployingBalancing").get("PolicyDocument")
    assert size({**document, "Statement": document["Statement"] * 2}) > MANAGED


def test_what_the_root_edge_holds_stands_in_its_region_besides() -> None:
    regional = Sub("arn:aws:logs:${AWS::Region}:1:log-group:a")
    named = Sub("arn:aws:logs:${AWS::Region}:1:log-group:${Name}", {"Name": "a"})
    places = [regional, GetAtt("Site", "Arn"), Sub("arn:aws:s3:::a"), named, "arn:aws:s3:::b"]
    there = execution._on(Access(("logs:CreateLogGroup",), places), True)
    assert not isinstance(there, Anything) and list(there[:-1]) == places
    assert encode_to_dict(there[-1]) == {"Fn::Sub": f"arn:aws:logs:{EDGE_REGION}:1:log-group:a"}
    assert execution._on(Access(("logs:CreateLogGroup",), places), False) == places
    everything = Anything("there is no ARN of it")
    assert execution._on(Access(("logs:DescribeLogGroups",), everything), True) is everything


def test_a_type_of_which_nobody_has_said_what_deploying_it_needs_is_refused() -> None:
    tables = {ports.table(table.logical): table.name for table in PROJECT.tables}
    names = {**environment.names(PROJECT), **tables, ports.REPOSITORY_NAME: "repository"}
    stack = Stack("odd", __name__, "a stack", PROJECT)
    stack.resources.update({"It": {"Type": "AWS::Odd::Thing"}, "Other": {"Type": "AWS::Even::Thing"}})
    with pytest.raises(execution.UnknownTypeError) as caught:
        execution.grants(PROJECT, ResourceNames(PROJECT, names), [stack])
    assert str(caught.value) == (
        "no table in generator/roots/access/handler_permissions/ says what deploying AWS::Even::Thing needs"
    )
