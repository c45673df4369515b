"""Deploying roles and nested stacks. Roles lie under the environment's path (`paths.py`), and so does every permission
on them: the roles of the access stack, this one among them, lie elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from awacs.aws import ArnEquals, StringEquals
from troposphere import Ref

from generator.cfn.names import CHANGE_SETS, ROLE_BOUNDARY, TEMPLATES
from generator.core import arns, paths
from generator.core.arns import Text
from generator.roots.access.handler_permissions.types import (
    UNUSED,
    Access,
    ResourceNames,
    TypePermissions,
    TypeTable,
    actions,
    excluded,
)


def kinds(at: ResourceNames, attached: Sequence[Text]) -> TypeTable:
    """`attached` are AWS's own policies that the roles of the templates have."""
    path = paths.path(at.project.name)
    role, profile = (arns.global_arn("iam", f"{kind}{path}*") for kind in ("role", "instance-profile"))
    attaching = ("iam:AttachRolePolicy", "iam:DetachRolePolicy")
    # Which of them know the key: `KNOW_BOUNDARY`. What they do to a role without the boundary is refused, so that an
    # environment from before has to get it first.
    bounded = StringEquals({"iam:PermissionsBoundary": Ref(ROLE_BOUNDARY)})
    own = Access(
        actions("iam", "CreateRole DeleteRolePolicy PutRolePermissionsBoundary PutRolePolicy"),
        [role],
        when=(bounded,),
        why="a role is written only inside the boundary, so that no deployment widens what deploying may do",
    )
    known = Access(
        actions(
            "iam",
            "DeleteRole GetRole GetRolePolicy ListAttachedRolePolicies ListRolePolicies ListRoleTags TagRole UntagRole"
            " UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription",
        ),
        [role],
        "Other",
        why="looked at, tagged, deleted; iam:UpdateAssumeRolePolicy, iam:UpdateRole and iam:UpdateRoleDescription "
        "know no boundary: each role under the path has it",
    )
    theirs = Access(attaching, [role], "Attach", (ArnEquals({"iam:PolicyARN": list(attached)}), bounded))
    # What others have written, elsewhere in the bucket, is never made into a stack.
    own_templates = arns.templates_bucket(at.project.name, "*", f"/{TEMPLATES}${{Environment}}/*")
    return {
        "AWS::IAM::Role": TypePermissions(
            (own, known, theirs) if attached else (own, known),
            excluded("no role of an environment loses its boundary", "iam:DeleteRolePermissionsBoundary")
            | ({} if attached else excluded("no role has a policy of AWS's own", " ".join(attaching))),
        ),
        "AWS::IAM::InstanceProfile": TypePermissions(
            (
                Access(actions("iam", "CreateInstanceProfile DeleteInstanceProfile GetInstanceProfile"), [profile]),
                Access(
                    actions("iam", "AddRoleToInstanceProfile RemoveRoleFromInstanceProfile"), [profile, role], "Role"
                ),
            )
        ),
        "AWS::CloudFormation::Stack": TypePermissions(
            (
                Access(
                    actions(
                        "cloudformation",
                        # The second and third line are no handler's: a nested change set is made, looked at, executed
                        # and deleted with the rights of the operation (CloudFormation user guide,
                        # change-sets-for-nested-stacks), and so may a nested stack be that is brought to an end.
                        "CreateStack DeleteStack DescribeStacks GetStackPolicy GetTemplate TagResource UpdateStack"
                        " CreateChangeSet DeleteChangeSet DescribeChangeSet ExecuteChangeSet"
                        " CancelUpdateStack ContinueUpdateRollback DescribeStackEvents ListStackResources"
                        " RollbackStack",
                    ),
                    [arns.arn("cloudformation", f"stack/{at.project.name}-${{Environment}}-*-*/*")],
                    why="nested change sets are made and operations ended with the same rights",
                ),
                Access(
                    actions("cloudformation", "DeleteChangeSet DescribeChangeSet ExecuteChangeSet"),
                    [arns.change_sets(prefix) for prefix in CHANGE_SETS],
                    "ChangeSets",
                    why="a change set that is named by its ARN is judged by that",
                ),
                # Whether the stack of a child asks for the role once more is documented nowhere: it is its own.
                Access(
                    ("iam:PassRole",),
                    [arns.global_arn("iam", f"role{paths.path(at.project.name, '-access')}*")],
                    "Inherit",
                    (StringEquals({"iam:PassedToService": "cloudformation.amazonaws.com"}),),
                    "nested stacks are deployed with the role of their root, and no other role here trusts "
                    "CloudFormation",
                ),
                Access(actions("s3", "GetObject"), [own_templates], "Templates"),
            ),
            excluded(UNUSED, "cloudformation:SetStackPolicy cloudformation:UpdateTerminationProtection"),
        ),
    }
