"""The role that CloudFormation acts with stays with a stack after the access stack that made it has been deleted, or
after somebody has deleted the role itself: each later update, deletion and rollback would assume a role that is gone.

The policy that limits the environment's own roles is in use as long as these are there, and IAM deletes none that is
("Cannot delete a policy attached to entities"). So such a deletion ends in DELETE_FAILED, with the roles gone, and
CloudFormation neither updates a stack in that status nor makes another one of its name: its deletion has to be ended
first, which leaves the policy to the roles that it limits (API reference, DeleteStack, `RetainResources`).

Another role can take its place, and the stack cannot be without one again. Sources: CloudFormation User Guide,
"CloudFormation service role", and API reference, DeleteStack, ContinueUpdateRollback and RollbackStack, `RoleARN`
(without it, the role of before is used); aws-cloudformation/cloudformation-coverage-roadmap #1054, aws/aws-cdk #10116
and brentley/ecsworkshop #31 (a role that is gone is not assumed); AWS re:Post knowledge center,
cloudformation-role-arn-error (the ways out).
"""

from generator.cfn.names import ROLE_BOUNDARY
from generator.cfn.stacks import Stack
from generator.cfn.template_names import CLOUDFORMATION_ROLE
from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError, RefusedError
from scripts.deployment.plan import Refusal

HALF_DELETED = "DELETE_FAILED"
# What CloudFormation says of a role that it cannot use (aws/aws-cdk #10116).
UNUSABLE = "is invalid or cannot be assumed"


def role_of(access: Stack | None) -> str:
    """The ARN of the role that an access stack has for CloudFormation; empty without one, and for a stack that is
    half deleted: its outputs name what is gone."""
    return access.outputs.get(CLOUDFORMATION_ROLE, "") if access and access.status != HALF_DELETED else ""


def acting_role(stack: Stack, access: Stack | None) -> str:
    """The ARN of the role that CloudFormation acts with on a stack that has one."""
    return role_of(access) or stack.role


def is_lost(aws: Aws, stack: Stack | None, access: Stack | None) -> bool:
    """Whether CloudFormation would act with a role that does not exist: that of the access stack, or without one the
    stack's own. Raises `AwsError`."""
    if stack is None or not stack.role:
        return False
    try:
        aws.call("iam", "get_role", RoleName=acting_role(stack, access).rpartition("/")[2])
    except AwsError as error:
        # Code: `NoSuchEntityException` in botocore's model of IAM, whose code on the wire is `NoSuchEntity`.
        if error.code not in ("NoSuchEntity", "NoSuchEntityException"):
            raise
        return True
    return False


def why(stack: Stack, access: Stack | None) -> str:
    """What is said of a stack whose role is lost."""
    how = f"though {access.name} is there" if access and role_of(access) else "with the access stack that made it"
    return (
        f"CloudFormation acts on {stack.name} with {acting_role(stack, access)}, which is gone {how}; a role stays "
        "with its stack, and can be replaced but not removed"
    )


def remedy(access: Stack | None, environment: str) -> str:
    """The way that works. CloudFormation does not look whether a role that it has made is still there, so that an
    access stack makes no other one before it has been deleted itself."""
    again = f"runs `make access ENV={environment}`, which makes another role; then run this again."
    if access is None:
        return f"An administrator {again}"
    rest = f"{end_of_deletion(access)} When {access.name} is gone, an administrator {again}"
    if access.status == HALF_DELETED:
        return rest
    named = f"--stack-name {access.name}"
    return (
        f"An administrator deletes the access stack, whose other roles can be made again: `aws cloudformation "
        f"update-termination-protection --no-enable-termination-protection {named}`, `aws cloudformation delete-stack "
        f"{named}`. {rest}"
    )


def end_of_deletion(access: Stack) -> str:
    """How the deletion of an access stack ends that could not delete the policy in use."""
    command = f"aws cloudformation delete-stack --stack-name {access.name} --retain-resources {ROLE_BOUNDARY}"
    return (
        f"An administrator ends its deletion with `{command}`. The policy stays with the roles of the environment "
        "until a deployment has given them another one, and can be deleted then."
    )


def of_plan(aws: Aws, name: str, previous: Stack | None, access: Stack | None, environment: str) -> list[Refusal]:
    """Why CloudFormation could not take the role that a plan of the stack `name` was made with. Raises `AwsError`."""
    role = role_of(access) or (previous.role if previous else "")
    return refusals(aws, Stack(name, "", "", role=role), access, environment)


def refusals(aws: Aws, stack: Stack | None, access: Stack | None, environment: str) -> list[Refusal]:
    """Why no update may begin. Raises `AwsError`."""
    if stack is None or not is_lost(aws, stack, access):
        return []
    return [Refusal(why(stack, access), stack.name, remedy(access, environment))]


def replacement(aws: Aws, stack: Stack, access: Stack | None, environment: str) -> str:
    """The role to delete or restore a stack with: that of the access stack where the stack has another one, empty for
    its own. Raises `RefusedError` when it does not exist, `AwsError`."""
    if is_lost(aws, stack, access):
        raise RefusedError(f"{stack.name} was not touched: {why(stack, access)}.", remedy(access, environment))
    acting = acting_role(stack, access) if stack.role else ""
    return acting if acting != stack.role else ""
