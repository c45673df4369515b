"""What a person can do about a failure, by what the service says. Pure.

Each row says where its text comes from. What stands first wins, so the precise rows stand before the general ones.
"""

import json
import re
from collections.abc import Callable

Remedy = str | Callable[[re.Match[str]], str]

# The reason of a fault that somebody planned in the local AWS, to practise.
PLANNED = "planned with `make fault`"

# Source: IAM User Guide, "Troubleshoot access denied error messages": `User: … is not authorized to perform: … on
# resource: … because …`; the reason and, for some services, the resource are left out.
DENIED = re.compile(
    r"(?:User|Principal): (?P<who>\S+) is not authorized to perform: (?P<action>[\w-]+:\w+)"
    r"(?: on (?:the )?resource:? \"?(?P<resource>[^\s\",)]+)\"?)?(?: because (?P<why>[^(\n]*))?"
)


def statement(reason: str) -> str:
    """The IAM statement that a refusal asks for, as JSON on one line; empty when the reason names no permission."""
    match = DENIED.search(reason)
    if not match:
        return ""
    return json.dumps({"Effect": "Allow", "Action": match["action"], "Resource": match["resource"] or "*"})


def _denied(match: re.Match[str]) -> str:
    who = match["who"].split(":", 5)[-1]
    why = (match["why"] or "").strip().rstrip(".")
    if "explicit deny" in why:
        return f"{why.removeprefix('of ')} forbids {match['action']} to {who}: nothing that is allowed elsewhere helps."
    where = f" ({why})" if why else ""
    return f"Give {who} this permission{where}: {statement(match[0])}"


ROWS: tuple[tuple[str, Remedy], ...] = (
    (re.escape(PLANNED), "Remove the planned fault with `make fault-clear`, and run the same command again."),
    (DENIED.pattern, _denied),
    # EC2 API reference, "Error codes" (UnauthorizedOperation); STS API reference, DecodeAuthorizationMessage.
    (
        r"Encoded authorization failure message: (?P<code>\S+)",
        "`aws sts decode-authorization-message --encoded-message …` shows the missing permission.",
    ),
    # What a new account may not do yet; CloudFront says it with the code of a missing permission. Sources:
    # aws-cdk-examples issue 279, workload-discovery-on-aws issue 12; for load balancers reports of real runs.
    (
        "account must be verified|account currently does not support creating load balancers",
        "AWS has not verified this account yet, and no permission helps: open a case with AWS Support that quotes this "
        "message, and run the same command again when it is answered.",
    ),
    # ECS developer guide, "Using service-linked roles for Amazon ECS"; IAM API reference, CreateServiceLinkedRole.
    (
        r"(?i)service[- ]linked role",
        "Make the service-linked role that it names: `aws iam create-service-linked-role --aws-service-name …`.",
    ),
    # aws-cdk issue 34629, terraform-provider-aws issue 40905.
    (
        "currently associated with one or more distributions",
        "A VPC origin that a distribution uses can neither be changed nor deleted: make a second one under a new "
        "logical id, let the distribution use it, then remove the first.",
    ),
    # CloudFront API reference, CreateDistribution: InvalidViewerCertificate, CNAMEAlreadyExists.
    ("InvalidViewerCertificate|certificate doesn't exist", "The certificate has to be issued, and in us-east-1."),
    (
        "CNAMEAlreadyExists|CNAMEs you provided are already associated",
        "Another distribution has the domain name: remove it there first.",
    ),
    # S3 API reference, "Error responses": BucketNotEmpty.
    (
        "BucketNotEmpty|bucket you tried to delete is not empty",
        "Empty the bucket: `destroy` with --empty-buckets does.",
    ),
    # EC2 API reference, "Error codes": DependencyViolation; CloudFront developer guide,
    # private-content-vpc-origins.
    (
        "DependencyViolation|has dependencies and cannot be deleted|has a dependent object",
        "Something that this stack did not make still uses it, such as a network interface of CloudFront's VPC origin: "
        "wait until it is gone, or remove it, and run `destroy` again.",
    ),
    # EC2 API reference, "Error codes": VpcLimitExceeded, AddressLimitExceeded, …; service quotas of each service.
    (
        r"(?i)LimitExceeded|limit exceeded|quota|maximum number of .* has been reached|ServiceLimitExceeded",
        "Ask for a higher quota in Service Quotas, or remove what is not needed any more.",
    ),
    # Codes of resource handlers: CloudFormation CLI user guide, "Handler error codes".
    (
        r"(?i)already exists|AlreadyExists|ResourceInUse|already in use",
        "Something of this name exists already, outside this stack: remove it, or let the stack use it through the "
        "parameters whose names begin with Existing or Data (`apply --adopt` fills them in).",
    ),
    # CloudTrail User Guide, "CloudTrail record contents": errorCode.
    (
        r"(?i)not authorized|Access ?Denied|UnauthorizedOperation",
        "The role that CloudFormation acts with lacks a permission. When the reason does not name it, the event of the "
        "call in CloudTrail (errorCode AccessDenied) does.",
    ),
    ("HandlerErrorCode: InvalidCredentials", "The credentials have expired: sign in again and run the same command."),
    (
        r"(?i)did not stabilize|NotStabilized|Exceeded attempts to wait|timed out|circuit breaker",
        "Look at the resource itself: it did not become ready.",
    ),
    (
        r"(?i)Throttling|Rate exceeded|ServiceInternalError|InternalFailure|GeneralServiceException|NetworkFailure",
        "The service was busy or failed: run the same command again.",
    ),
    ("HandlerErrorCode: NotFound", "Something that it refers to does not exist: was it deleted outside the stack?"),
    ("HandlerErrorCode: ResourceConflict", "Something else is changing it: wait, and run the same command again."),
    (
        "HandlerErrorCode: NotUpdatable",
        "This property cannot be changed in place: give the resource a new logical id, with a line in "
        "generator/core/moves.py.",
    ),
)


def remedy(reason: str) -> str:
    """What to do about a reason; empty when no row knows it."""
    for pattern, todo in ROWS:
        if match := re.search(pattern, reason):
            return todo if isinstance(todo, str) else todo(match)
    return ""
