"""What no role of the environment can ever do, whatever its own policies say: the permissions boundary of its roles.

A deployment may write roles, and a role may be given any policy. So the execution role writes only roles that carry
this policy as their boundary, and may not change or remove it: whoever deploys can give a role at most what stands
here. A boundary allows nothing by itself (IAM user guide, access_policies_boundaries): what a role may do is written
in its own policy, and the effective right is what both allow.

It is derived from the roles of the templates: what none of them does, no role can be made to do. IAM is read only,
except that roles of the environment's own path are handed on; what carries another environment's tags is denied.
Sizes: IAM user guide, reference_iam-quotas (6,144 characters for a managed policy); a service of which the roles use
many actions is therefore written as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from awacs import cloudformation, elasticbeanstalk, iam, s3, sts
from awacs.aws import Action, Null, StringEquals, StringNotEquals
from troposphere import Ref, Sub

from generator.cfn.names import SHARED
from generator.core import arns, paths, ports
from generator.core.arns import Text
from generator.core.iam import ACCOUNT, Anything, Grant, allow, deny, listed
from generator.core.ports import ENVIRONMENT, Port
from generator.core.stack import Stack
from generator.project import Project
from generator.roots.access.handler_permissions.types import tagged

# Services of which the roles use more actions than this are written as a whole: the policy has 6,144 characters.
MANY = 10
# Patterns that nothing else matches (Service Authorization Reference of each service), in the room of one action;
# tests/gate/test_security_tools.py compares.
SHORT = {
    "codebuild:BatchPut*": "BatchPutCodeCoverages BatchPutTestCases",
    "codebuild:CreateReport*": "CreateReport CreateReportGroup",
    "codecommit:*UploadArchive*": "CancelUploadArchive GetUploadArchiveStatus UploadArchive",
    "ecr:*Layer*": "BatchCheckLayerAvailability CompleteLayerUpload GetDownloadUrlForLayer InitiateLayerUpload "
    "UploadLayerPart",
    "ecr:DescribeImageS*": "DescribeImageScanFindings DescribeImageSigningStatus",
    "kms:ReEncrypt*": "ReEncryptFrom ReEncryptTo",
    "logs:DescribeLog*": "DescribeLogGroups DescribeLogStreams",
    "sqs:GetQueue*": "GetQueueAttributes GetQueueUrl",
}
PATTERNS = {
    f"{pattern.partition(':')[0]}:{word}": pattern for pattern, words in SHORT.items() for word in words.split()
}
# What runs something as another role, or is what another one runs: on what carries the application's tag alone. Else a
# role of the environment could start whatever build the account has, with a buildspec of its own. Each of these sends
# the tags of its resource (Service Authorization Reference).
ON_OWN = (
    "codebuild:StartBuild",
    "codepipeline:StartPipelineExecution",
    "ecr:PutImage",
    "ecs:UpdateService",
    "states:StartExecution",
)
# How actions that give tags begin.
TAGGING = ("AddTags", "CreateTags", "TagResource")
# Services with a statement of their own below, and what of them is looked at without naming a resource.
FENCED = ("cloudformation", "dynamodb", "elasticbeanstalk", "s3", "ssm", "sts")
NAMELESS = ("dynamodb:ListTables", "s3:ListAllMyBuckets")
# What AWS's own policies on the roles allow beside it, by service. Sources: AWS Managed Policy Reference,
# AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy, AWSElasticBeanstalkEnhancedHealth and
# AmazonECSInfrastructureRolePolicyForLoadBalancers. tests/design/test_boundary.py compares.
#
# EC2 as a whole would hold the account's settings (encryption by default, public snapshots, the serial console), and
# ec2:ModifyInstanceAttribute, by which whoever may stop an instance runs code as that instance's role.
MANAGED = {
    "ec2": "*Address *LaunchTemplate* *SecurityGroup* CreateTags Describe* GetConsoleOutput RunInstances "
    "TerminateInstances",
    "ecs": "CreateCluster DeleteCluster DescribeClusters RegisterTaskDefinition TagResource",
    "logs": "CreateLogGroup CreateLogStream DeleteLogGroup DescribeLogStreams PutLogEvents PutRetentionPolicy",
    "s3": "GetBucketLocation GetBucketPolicy GetObjectVersionAcl ListBucket PutBucketPolicy PutObjectVersionAcl",
    "rds": "DescribeDBEngineVersions DescribeDBInstances DescribeOrderableDBInstanceOptions",
    "sns": "CreateTopic GetTopicAttributes ListSubscriptionsByTopic Publish SetTopicAttributes Subscribe",
    "sqs": "GetQueueAttributes GetQueueUrl",
}
MANAGED_WHOLE = ("autoscaling", "elasticloadbalancing")
# Calls of Elastic Beanstalk that name no application (Service Authorization Reference, AWS Elastic Beanstalk).
BEANSTALK_NAMELESS = ("DescribeAccountAttributes", "List*")
RECEIVERS = ("autoscaling", "ec2", "ecs", "elasticbeanstalk", "elasticloadbalancing")
WHOLE = "a boundary allows nothing by itself; the role's own policy names what it does, and on what"


class WideningError(ValueError):
    """A role of a template that may change what roles may do; the message names the action."""


def grants(project: Project, names: Mapping[Port, Text], stacks: Sequence[Stack]) -> list[Grant]:
    """The statements. `names` are the physical names of the environment, `stacks` those whose roles carry the boundary.
    Raises `WideningError`."""
    used = _used(stacks)
    environment = Ref(ENVIRONMENT.name)
    own_roles = [arns.global_arn("iam", f"role{paths.path(project.name)}*")]
    tables = [arns.dynamodb_table(names[ports.table(table.logical)]) for table in project.tables]
    buckets = [Sub(f"arn:${{AWS::Partition}}:s3:::{prefix}-*") for prefix in (project.name, "elasticbeanstalk")]
    work = [name for service, actions in used.items() if service not in FENCED for name in _shortened(service, actions)]
    nameless = [name for name in NAMELESS if name in used.get(name.partition(":")[0], ())]
    beanstalk = [f"elasticbeanstalk:{name}" for name in BEANSTALK_NAMELESS]
    tagged = sorted({*work}.intersection(ON_OWN))
    work = sorted({*work, *nameless}.difference(tagged))
    yielded = [
        allow(
            "Work",
            [*map(_action, work), *map(_action, beanstalk)],
            Anything(WHOLE),
            f"what the roles do: {_named([*work, *beanstalk])}",
        ),
        allow(
            "Start",
            [_action(name) for name in tagged],
            Anything("names differ between environments; the tag tells what is the application's"),
            f"what a release starts is the application's, and of nobody else in the account: {_named(tagged)}",
            [StringEquals({"aws:ResourceTag/Application": project.name})],
        ),
        allow("OwnStacks", [cloudformation.Action("*")], [arns.beanstalk_stacks()], "Elastic Beanstalk's own stacks"),
        allow(
            "OwnBeanstalk",
            [elasticbeanstalk.Action("*")],
            arns.beanstalk_all(names[ports.APPLICATION_NAME], names[ports.BEANSTALK_NAME]),
            "an application of Elastic Beanstalk takes no tag from CloudFormation (schema of the type) and is told by "
            "its name; AWS's own policies on the roles name every call",
        ),
        allow(
            "Buckets",
            _of(used, "s3"),
            buckets,
            f"names of buckets are cut, their tags tell environments: {_named(used['s3'])}",
        ),
        allow(
            "OwnParameters",
            _of(used, "ssm"),
            [arns.ssm_parameter(names[port], "/*") for port in (ports.CONFIGURATION_PREFIX, ports.RELEASES)],
            f"configuration and releases of this environment: {_named(used['ssm'])}",
        ),
        allow(
            "PassRoles",
            [iam.PassRole],
            own_roles,
            "a role of the environment is handed to a service, and no other",
            [StringEquals({"iam:PassedToService": _receivers(stacks)})],
        ),
        allow("AssumeOwnRoles", [sts.AssumeRole], own_roles, "the pipeline acts as roles of the environment"),
        # Present for every action but the few that its page lists (IAM user guide, reference_policies_condition-keys,
        # aws:ResourceAccount); a request without it is not allowed here.
        allow(
            "AssumeForeignRoles",
            [sts.AssumeRole],
            [Sub("arn:${AWS::Partition}:iam::*:role/*")],
            "roles that clients gave, which are in accounts of their own",
            [StringNotEquals({"aws:ResourceAccount": ACCOUNT}), Null({"aws:ResourceAccount": False})],
        ),
        foreign(project, environment),
        deny(
            "Templates",
            [s3.Action("*")],
            [arns.templates_bucket(project.name, "*", below) for below in ("", "/*")],
            "what CloudFormation will execute is written by those who deploy, not by what was deployed",
        ),
    ]
    if tables:
        logical = listed(ports.table(table.logical).name for table in project.tables)
        named = [arn for table in tables for arn in (table, arns.dynamodb_indexes(table))]
        reason = f"the application's tables {logical}: {_named(used['dynamodb'])}"
        yielded.insert(2, allow("OwnTables", _of(used, "dynamodb"), named, reason))
    return yielded


def foreign(project: Project, environment: Text) -> Grant:
    """Denies what carries the application's tag and another environment's: everything that the templates make carries
    both (`generator/core/tags.py`). What no environment owns is not meant, nor is what all of them share."""
    return deny(
        "OtherEnvironments",
        [Action("*")],
        Anything("whatever carries the tags; services that send no aws:ResourceTag are fenced by names"),
        "an environment reaches nothing of another one",
        [
            StringEquals({"aws:ResourceTag/Application": project.name}),
            StringNotEquals({"aws:ResourceTag/Environment": [environment, SHARED]}),
        ],
    )


def namesake(project: Project, environment: Text, grants: Iterable[Grant]) -> Grant:
    """Denies what the grants allow by the environment's tag, on what carries that tag and not the application's: two
    applications may give environments one name. Giving it the application's tag is denied as well. The grants
    themselves have no room for a second tag."""
    allowed = [(action.JSONrepr(), grant.when is tagged()) for grant in grants for action in grant.actions]
    changes = {name for name, by_tag in allowed if by_tag}
    services = {name.partition(":")[0] for name in changes}
    for name, _ in allowed:
        service, _, word = name.partition(":")
        if service in services and word.startswith(TAGGING):
            changes.add(name)
    return deny(
        "OtherApplications",
        [_action(name) for name in sorted(changes)],
        Anything("whatever carries the environment's tag; all that the templates make carries the application's, too"),
        "what another application has in an environment of this name is left alone",
        [
            StringEquals({"aws:ResourceTag/Environment": environment}),
            StringNotEquals({"aws:ResourceTag/Application": project.name}),
        ],
    )


def _named(actions: Iterable[str]) -> str:
    """The actions, which a reason names so that each one more is confirmed: where it is needed, a role says why."""
    return f"roles of the templates need {', '.join(sorted(actions))}"


def _of(used: Mapping[str, set[str]], service: str) -> list[Action]:
    return [_action(name) for name in sorted(used[service] - {*NAMELESS})]


def _action(name: str) -> Action:
    return Action(*name.split(":"))


def _shortened(service: str, actions: Iterable[str]) -> list[str]:
    """The actions of a service in few characters: by the patterns of SHORT and those among them, or as a whole."""
    names = {PATTERNS.get(name, name) for name in actions}
    wide = [name for name in names if "*" in name]
    names = {name for name in names if not any(name != each and fnmatchcase(name, each) for each in wide)}
    return [f"{service}:*"] if service in MANAGED_WHOLE or len(names) > MANY else sorted(names)


def _used(stacks: Iterable[Stack]) -> dict[str, set[str]]:
    """The actions that the roles of the stacks are allowed, by service. Raises `WideningError`."""
    used = {service: {f"{service}:{word}" for word in words.split()} for service, words in MANAGED.items()}
    for service in MANAGED_WHOLE:
        used.setdefault(service, set())
    for statement in _statements(stacks):
        for name in statement["Action"] if statement["Effect"] == "Allow" else ():
            service, _, word = name.partition(":")
            if service == "iam":
                if name == "iam:PassRole":
                    continue
                if not word.startswith(("Get", "List")):
                    raise WideningError(f"a role of a template is allowed {name}: roles write no roles")
            used.setdefault(service, set()).add(name)
    return used


def roles(stacks: Iterable[Stack]) -> Iterator[dict[str, Any]]:
    """The properties of the roles in the stacks."""
    for stack in stacks:
        yield from (each["Properties"] for each in stack.resources.values() if each["Type"] == "AWS::IAM::Role")


def _statements(stacks: Iterable[Stack]) -> Iterator[dict[str, Any]]:
    for role in roles(stacks):
        for policy in _members(role.get("Policies", [])):
            yield from _members(policy["PolicyDocument"]["Statement"])


def _members(value: Any) -> Iterator[Any]:
    """What may stand in a list, whatever its conditions say: the members, and both sides of each `Fn::If`."""
    if isinstance(value, list):
        for inner in value:
            yield from _members(inner)
    elif "Fn::If" in value:
        yield from _members(value["Fn::If"][1:])
    elif value != {"Ref": "AWS::NoValue"}:
        yield value


def trusted_services(stacks: Iterable[Stack]) -> set[str]:
    """The services that roles of the stacks trust."""
    return {
        statement["Principal"]["Service"]
        for role in roles(stacks)
        for statement in role["AssumeRolePolicyDocument"]["Statement"]
        if "Service" in statement["Principal"]
    }


def _receivers(stacks: Iterable[Stack]) -> list[str]:
    """The services that roles of the templates trust, and those to which Elastic Beanstalk hands roles on."""
    return sorted(trusted_services(stacks) | {f"{service}.amazonaws.com" for service in RECEIVERS})
