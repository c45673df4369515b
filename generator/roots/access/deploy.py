"""What the deploy role may do: what the deploy script calls, on this environment's stacks, and nothing by itself.

Resources are made by the execution role, which the deploy role may hand to CloudFormation and to nobody else. The
environment's own access stack may be read and not changed: whoever deploys cannot widen what deploying may do. Nor may
what all environments share be changed.
tests/design/test_access.py walks the calls of `scripts/deployment/` and `scripts/operations/`, and fails when one has
no permission here.
Sources: Service Authorization Reference of each service; Amazon S3 API reference, CreateBucket, for the permission
that `ObjectOwnership` needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from awacs import cloudformation as stacks
from awacs import iam, s3
from awacs.aws import StringEquals
from troposphere import Sub

from generator.cfn.names import ACCESS, CHANGE_SETS, EDGE, RECORDS, SHARED, SHARED_ACCESS, SIGNING, TEMPLATES
from generator.core import arns
from generator.core.arns import Text
from generator.core.iam import Grant, allow
from generator.core.ports import Port
from generator.core.stack import Stack
from generator.project import Project
from generator.roots.access import operate

READ = [
    stacks.DescribeChangeSet,
    stacks.DescribeChangeSetHooks,
    stacks.DescribeEvents,
    stacks.DescribeStackEvents,
    stacks.DescribeStacks,
    stacks.GetStackPolicy,
    stacks.GetTemplate,
    stacks.ListChangeSets,
    stacks.ListStackResources,
]
CHANGE = [
    stacks.CancelUpdateStack,
    stacks.ContinueUpdateRollback,
    stacks.CreateChangeSet,
    stacks.DeleteChangeSet,
    stacks.DeleteStack,
    stacks.ExecuteChangeSet,
    stacks.RollbackStack,
    stacks.SetStackPolicy,
    stacks.TagResource,
    stacks.UpdateTerminationProtection,
]
# Calls that name a change set, and no stack beside it.
USE = [
    stacks.DeleteChangeSet,
    stacks.DescribeChangeSet,
    stacks.DescribeChangeSetHooks,
    stacks.DescribeEvents,
    stacks.ExecuteChangeSet,
    stacks.GetTemplate,
    stacks.TagResource,
]
# What must stand in us-east-1, wherever the environment is: the root `edge`.
EDGE_REGION = "us-east-1"


def stacks_of(project: Project) -> list[Text]:
    """The environment's root with what it nests, and its edge root. A nested stack is called after its root; no
    environment's name has a dash in it, so that none is called after another."""
    return [
        arns.arn("cloudformation", f"stack/{project.name}-${{Environment}}/*"),
        arns.arn("cloudformation", f"stack/{project.name}-${{Environment}}-*-*/*"),
        Sub(
            f"arn:${{AWS::Partition}}:cloudformation:{EDGE_REGION}:${{AWS::AccountId}}:"
            f"stack/{project.name}-${{Environment}}-edge/*"
        ),
    ]


def grants(stack: Stack, names: Mapping[Port, Text], executor: Text) -> list[Grant]:
    """The statements of the role itself. `names` are the physical names that the environment computes, `executor` is
    the ARN of the role that CloudFormation deploys with."""
    # The repository is an output of what all environments share, which belongs to none of them: it may be read.
    own = stacks_of(stack.project)
    read = [
        arns.arn("cloudformation", f"stack/{stack.project.name}-{name}/*")
        for name in (SHARED, f"{SHARED}-{SIGNING}-*", SHARED_ACCESS, f"${{Environment}}-{ACCESS}")
    ]
    records = {"${AWS::Region}": "", EDGE_REGION: f"-{EDGE}"}
    shared = f"stack/{stack.project.name}-{SHARED_ACCESS}/*"
    signing = f"stack/{stack.project.name}-{SHARED}-{SIGNING}-*/*"
    beside = (
        f"those of what is shared say which repository there is, {signing} how images are signed, and {shared} how the "
        "branch is protected"
    )
    changes = changing(own, read, executor, list(records), beside)
    return [*changes, *packaging(stack.project, records), *operate.grants(stack, names)]


def changing(
    own: Sequence[Text], read: Sequence[Text], executor: Text, regions: Sequence[str], beside: str, nested: str = ""
) -> list[Grant]:
    """Changing stacks of one's own through change sets in these regions, and reading others; `beside` says why, and
    `nested` which of the own are nested."""
    plans = [arns.change_sets(prefix, region) for prefix in CHANGE_SETS for region in regions]
    return [
        allow(
            "ReadStacks",
            READ,
            [*own, *read],
            f"a deployment looks at what stands, how it is protected, what is planned and what happens; {beside}",
        ),
        allow(
            "ChangeStacks",
            CHANGE,
            own,
            "stacks are changed by change sets and protected, stuck ones brought to an end, empty ones deleted again"
            + (f"; nested is {nested}" if nested else ""),
        ),
        # Those of nested stacks are known by their ARN alone, and all are named after the environment.
        allow(
            "UseChangeSets",
            USE,
            plans,
            "a change set is looked at with its templates, executed and deleted by its ARN, and IAM judges it by that",
        ),
        allow(
            "HandOver",
            [iam.PassRole],
            [executor],
            "CloudFormation makes the resources with the rights of the execution role",
            [StringEquals({"iam:PassedToService": "cloudformation.amazonaws.com"})],
        ),
    ]


def packaging(project: Project, records: Mapping[str, str]) -> list[Grant]:
    """Objects of the environment alone, in a bucket that all environments share: whoever could write what another one
    deploys, or give the bucket a policy, would choose what that one's execution role makes. `access` prepares it.
    `records` has for each region what follows the environment's name in the name of the stack whose records lie there.
    """
    buckets = [arns.templates_bucket(project.name, region) for region in records]
    own, record = f"{TEMPLATES}${{Environment}}/*", f"{RECORDS}{project.name}-${{Environment}}"
    prefixes = [(own, f"{record}{suffix}/*") for suffix in records.values()]
    return [
        allow(
            "FindTemplates",
            [s3.GetBucketPolicy, s3.ListBucket],
            buckets,
            "templates and deployment records lie in one bucket for each application, account and region",
        ),
        allow(
            "WriteTemplates",
            [s3.GetObject, s3.PutObject],
            [arns.objects(bucket, prefix) for bucket, own in zip(buckets, prefixes, strict=True) for prefix in own],
            "CloudFormation reads a template with the rights of whoever names its address",
        ),
    ]
