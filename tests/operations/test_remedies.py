"""What to do about each reason that a service gives: every row is reached by what AWS writes, the precise one first."""

from __future__ import annotations

import pytest

from scripts.operations.diagnose.remedies import ROWS, remedy, statement

BUCKET = "The bucket you tried to delete is not empty"
# The beginning of the advice, and reasons that it is for, as AWS and its users' reports have them.
REASONS = {
    "Remove the planned fault with `make fault-clear`": ["planned with `make fault`"],
    "Give user/me this permission: {": ["User: arn:aws:iam::0:user/me is not authorized to perform: s3:GetObject"],
    "`aws sts decode-authorization-message --encoded-message …`": ["Encoded authorization failure message: 4GIO"],
    "AWS has not verified this account yet": [
        "Your account must be verified before you can add new CloudFront resources. (HandlerErrorCode: AccessDenied)",
        "This AWS account currently does not support creating load balancers. (OperationNotPermitted)",
    ],
    "Make the service-linked role that it names": [
        "Unable to assume the service linked role.",
        "The Service-Linked Role for ECS does not exist",
    ],
    "A VPC origin that a distribution uses": ["is currently associated with one or more distributions"],
    "The certificate has to be issued": ["InvalidViewerCertificate", "The specified certificate doesn't exist"],
    "Another distribution has the domain name": ["CNAMEAlreadyExists", "CNAMEs you provided are already associated"],
    "Empty the bucket: `destroy` with --empty-buckets does.": ["BucketNotEmpty", BUCKET],
    "Something that this stack did not make still uses it": [
        "DependencyViolation",
        "The vpc 'vpc-1' has dependencies and cannot be deleted.",
        "resource sg-1 has a dependent object",
    ],
    "Ask for a higher quota in Service Quotas": [
        "VpcLimitExceeded",
        "The Limit Exceeded for it",
        "Service quota reached",
        "The maximum number of addresses has been reached.",
        "HandlerErrorCode: ServiceLimitExceeded",
    ],
    "Something of this name exists already, outside this stack": [
        "Table already exists: x",
        "HandlerErrorCode: AlreadyExists",
        "ResourceInUseException",
        "The name is already in use",
    ],
    "The role that CloudFormation acts with lacks a permission.": [
        "not authorized",
        "AccessDenied",
        "Access Denied",
        "UnauthorizedOperation",
    ],
    "The credentials have expired": ["HandlerErrorCode: InvalidCredentials"],
    "Look at the resource itself: it did not become ready.": [
        "It did not stabilize.",
        "NotStabilized",
        "Exceeded attempts to wait",
        "The operation timed out",
        "ECS Deployment Circuit Breaker was triggered",
    ],
    "The service was busy or failed": [
        "Throttling",
        "Rate exceeded",
        "ServiceInternalError",
        "InternalFailure",
        "GeneralServiceException",
        "NetworkFailure",
    ],
    "Something that it refers to does not exist": ["HandlerErrorCode: NotFound"],
    "Something else is changing it": ["HandlerErrorCode: ResourceConflict"],
    "This property cannot be changed in place": ["HandlerErrorCode: NotUpdatable"],
    "": ["something else altogether", "HandlerErrorCode: InvalidRequest"],
}  # fmt: skip


@pytest.mark.parametrize(("beginning", "reason"), [(start, each) for start, all_ in REASONS.items() for each in all_])
def test_each_reason_has_its_advice(beginning: str, reason: str) -> None:
    assert remedy(reason).startswith(beginning) and bool(remedy(reason)) == bool(beginning)


def test_no_row_is_without_a_reason() -> None:
    assert len(REASONS) - 1 == len(ROWS)


ROLE = "arn:aws:sts::0:assumed-role/Deploy/me"


@pytest.mark.parametrize(
    ("reason", "advice", "missing"),
    [
        (
            f'User: {ROLE} is not authorized to perform: s3:Put on resource: "arn:aws:s3:::b" because no '
            "identity-based policy allows the action. (Service: S3)",
            "Give assumed-role/Deploy/me this permission (no identity-based policy allows the action): ",
            '{"Effect": "Allow", "Action": "s3:Put", "Resource": "arn:aws:s3:::b"}',
        ),
        (
            f"Principal: {ROLE} is not authorized to perform: ecs:Run on the resource arn:x, and more",
            "Give assumed-role/Deploy/me this permission: ",
            '{"Effect": "Allow", "Action": "ecs:Run", "Resource": "arn:x"}',
        ),
        (
            f"User: {ROLE} is not authorized to perform: elasticloadbalancing:Describe",
            "Give assumed-role/Deploy/me this permission: ",
            '{"Effect": "Allow", "Action": "elasticloadbalancing:Describe", "Resource": "*"}',
        ),
    ],
)
def test_a_permission_that_is_missing_is_spelled_out(reason: str, advice: str, missing: str) -> None:
    assert (remedy(reason), statement(reason)) == (f"{advice}{missing}", missing)


def test_nothing_helps_against_what_is_forbidden() -> None:
    reason = f"User: {ROLE} is not authorized to perform: s3:Put on resource: * because of an explicit deny in a policy"
    forbidden = "an explicit deny in a policy forbids s3:Put to assumed-role/Deploy/me: "
    assert remedy(f"{reason}.") == f"{forbidden}nothing that is allowed elsewhere helps."
    assert statement("AccessDenied") == ""
