"""Every change that is made to moto, with what AWS does and moto does not; what services refuse is in `moto_refusals`.
Nothing else touches moto's internals.

`install` puts them in place; what stands in the place of whole services of moto's (`api`, `beanstalk`) is routed by
those modules. moto loads slowly, so its modules are imported where they are patched.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus, urlencode

from generator.cfn.evaluate import ALLOWED, DENIED, Request, decide, statements
from scripts.local_aws import wire

if TYPE_CHECKING:
    from flask import Flask, Response

# Names of service-linked roles: the services' user guides, "Using service-linked roles for ...".
LINKED_ROLES = {
    "ecs.amazonaws.com": "ECS",
    "ecs.application-autoscaling.amazonaws.com": "ApplicationAutoScaling_ECSService",
    "elasticbeanstalk.amazonaws.com": "ElasticBeanstalk",
    "elasticloadbalancing.amazonaws.com": "ElasticLoadBalancing",
    "vpcorigin.cloudfront.amazonaws.com": "CloudFrontVPCOrigin",
}
# Nothing leaves this machine, so loopback counts as TLS for the policies of buckets.
BUCKET_CONTEXT = {"aws:SecureTransport": "true"}
NOT_IMPLEMENTED = 501  # no client of botocore tries again


def install() -> None:
    """Puts all patches in place."""
    _speed()
    _managed_policies()
    _linked_roles()
    _buckets()
    _records()
    _repositories()
    _scans()
    _signatures()
    _tags_of_the_deleted()
    _streams()
    _names_of_target_groups()


def replace(owner: object, name: str, value: object) -> None:
    """Sets a name of moto's; a function of its own, so that type checkers take it for what it is."""
    setattr(owner, name, value)


def _speed() -> None:
    """moto asks for the names of its services twice for each call, and would list a folder of hundreds each time; and
    it inspects the class of a service for each call."""
    from moto import backends
    from moto.core import responses, utils

    names = frozenset(backends.list_of_moto_modules())
    replace(backends, "list_of_moto_modules", lambda: names)
    replace(responses, "method_names_from_class", cache(utils.method_names_from_class))


@cache
def _policies_of_aws() -> dict[str, Any]:
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    policies: dict[str, Any] = json.loads(aws_managed_policies_data)
    return policies


def aws_policy(name: str) -> dict[str, Any]:
    """The document of a managed policy of AWS's own, as moto packages it."""
    document: dict[str, Any] = _policies_of_aws()[name]["Document"]
    return document


def is_aws_policy(arn: str) -> bool:
    """Whether an ARN is that of a managed policy of AWS's own."""
    return ":iam::aws:policy/" in arn and arn.rpartition("/")[2] in _policies_of_aws()


def _managed_policies() -> None:
    """moto has all of AWS's own managed policies, and loads them at its start or never: here each is loaded when it is
    attached."""
    from moto.iam.models import AWSManagedPolicy, IAMBackend

    attach = IAMBackend.attach_role_policy

    def attach_loaded(backend: Any, policy_arn: str, role_name: str) -> None:
        name = policy_arn.rpartition("/")[2]
        owned_by_aws = ":iam::aws:policy/" in policy_arn and name in _policies_of_aws()
        if owned_by_aws and policy_arn not in backend.managed_policies:
            data = _policies_of_aws()[name]
            policy = AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, data)
            backend.managed_policies[policy.arn] = policy
        attach(backend, policy_arn, role_name)

    replace(IAMBackend, "attach_role_policy", attach_loaded)


def _linked_roles() -> None:
    """moto makes names of its own up for service-linked roles."""
    from moto.iam.exceptions import InvalidInput
    from moto.iam.models import IAMBackend

    create = IAMBackend.create_service_linked_role

    def create_named(backend: IAMBackend, service_name: str, description: str, suffix: str) -> Any:
        if service_name not in LINKED_ROLES:
            return create(backend, service_name, description, suffix)
        name = f"AWSServiceRoleFor{LINKED_ROLES[service_name]}" + (f"_{suffix}" if suffix else "")
        if any(role.name == name for role in backend.get_roles()):
            message = f"Service role name {name} has been taken in this account, please try a different suffix."
            raise InvalidInput(message)
        role = create(backend, service_name, description, suffix)
        role.name = name
        return role

    replace(IAMBackend, "create_service_linked_role", create_named)


def _buckets() -> None:
    """moto leaves the conditions of a bucket policy aside, so that a policy that denies plain HTTP would deny all: the
    project's own evaluator judges it. And moto reads a log bucket's policy only if it is one plain statement, and fails
    at the others (s3/models.py of 5.2.5)."""
    from moto.iam.access_control import PermissionResult
    from moto.s3.models import FakeBucket

    outcomes = {ALLOWED: PermissionResult.PERMITTED, DENIED: PermissionResult.DENIED}

    def permission(bucket: Any, action: str, resource: str) -> Any:
        if bucket.policy is None:
            return PermissionResult.NEUTRAL
        policy = json.loads(bucket.policy)
        request = Request(action, resource, BUCKET_CONTEXT, f"AWS:arn:aws:iam::{bucket.account_id}:root")
        outcome = decide(request, statements(bucket.name, {"bucket policy": policy})).outcome
        return outcomes.get(outcome, PermissionResult.NEUTRAL)

    replace(FakeBucket, "get_permission", permission)
    replace(FakeBucket, "_log_permissions_enabled_policy", staticmethod(lambda **_: True))
    _tags_of_buckets()
    _checksums()


def _tags_of_buckets() -> None:
    """moto knows nothing of whether the tags of a bucket count for access (S3 API reference, PutBucketAbac and
    GetBucketAbac). Where they do, PutBucketTagging and DeleteBucketTagging can be used no longer (the same, for each of
    the two); with which error S3 says so, it does not say there."""
    from moto.s3.exceptions import MalformedXML, S3ClientError
    from moto.s3.responses import S3Response

    put, get = S3Response._bucket_response_put, S3Response._bucket_response_get
    delete = S3Response._bucket_response_delete

    def abac_status(response: Any, bucket_name: str) -> str:
        return str(getattr(response.backend.get_bucket(bucket_name), "abac_status", "Disabled"))

    def refuse_old_tagging(response: Any, bucket_name: str, querystring: dict[str, Any], operation: str) -> None:
        if "tagging" in querystring and abac_status(response, bucket_name) == "Enabled":
            reason = f"{operation}: the tags of the bucket count for access; use TagResource and UntagResource"
            raise S3ClientError("InvalidRequest", reason)

    def put_status(response: Any, request: Any, bucket_name: str, querystring: dict[str, Any]) -> Any:
        refuse_old_tagging(response, bucket_name, querystring, "PutBucketTagging")
        if "abac" not in querystring:
            return put(response, request, bucket_name, querystring)
        status = re.search(r"<Status>(Enabled|Disabled)</Status>", str(response.body))
        if status is None:
            raise MalformedXML
        response.backend.get_bucket(bucket_name).abac_status = status[1]
        return 200, {}, ""

    def get_status(response: Any, bucket_name: str, querystring: dict[str, Any]) -> Any:
        if "abac" not in querystring:
            return get(response, bucket_name, querystring)
        status = abac_status(response, bucket_name)
        return f'<AbacStatus xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>{status}</Status></AbacStatus>'

    def delete_strictly(response: Any, bucket_name: str, querystring: dict[str, Any]) -> Any:
        refuse_old_tagging(response, bucket_name, querystring, "DeleteBucketTagging")
        return delete(response, bucket_name, querystring)

    replace(S3Response, "_bucket_response_put", put_status)
    replace(S3Response, "_bucket_response_get", get_status)
    replace(S3Response, "_bucket_response_delete", delete_strictly)


def _checksums() -> None:
    """moto keeps a checksum that comes with its value only where an SDK names the algorithm once more, and compares it
    with nothing. S3 keeps it, and refuses what has another (botocore's s3 model, PutObject: "data integrity check"; the
    error as S3 answers it: arrow-rs-object-store issue 709)."""
    from moto.s3.exceptions import S3ClientError
    from moto.s3.responses import S3Response
    from moto.s3.utils import compute_checksum

    get = S3Response._get_checksum
    named = {f"x-amz-checksum-{algorithm.lower()}": algorithm for algorithm in ("CRC32", "SHA1", "SHA256")}

    def get_compared(response: Any, response_headers: dict[str, Any]) -> tuple[str, str | None]:
        header = next((name for name in named if response.headers.get(name)), None)
        if header is None:
            algorithm, checksum = get(response, response_headers)
            return algorithm, checksum
        algorithm, checksum = named[header], response.headers[header]
        if compute_checksum(response.body or b"", algorithm).decode() != checksum:
            raise S3ClientError("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")
        response_headers[header] = checksum
        return algorithm, checksum

    replace(S3Response, "_get_checksum", get_compared)


def _records() -> None:
    """moto puts a second record beside the first where Route 53 refuses it, and remembers one that was deleted, so that
    it cannot be made again. Source: Route53 APIReference, ChangeResourceRecordSets: CREATE makes what does not exist
    yet."""
    from moto.route53.exceptions import ResourceRecordAlreadyExists
    from moto.route53.models import Route53Backend

    change = Route53Backend.change_resource_record_sets

    def name_and_type(entry: dict[str, Any]) -> tuple[str, str]:
        return entry["ResourceRecordSet"]["Name"].strip("."), entry["ResourceRecordSet"]["Type"]

    def change_strictly(backend: Any, zoneid: str, change_list: list[dict[str, Any]]) -> Any:
        existing = {(record.name.rstrip("."), record.type) for record in backend.get_hosted_zone(zoneid).rrsets}
        for entry in change_list:
            name, kind = entry["ResourceRecordSet"]["Name"], entry["ResourceRecordSet"]["Type"]
            if entry["Action"] == "CREATE" and (name.rstrip("."), kind) in existing:
                raise ResourceRecordAlreadyExists(name, kind)
        answer = change(backend, zoneid, change_list)
        gone = [name_and_type(entry) for entry in change_list if entry["Action"] == "DELETE"]
        done = backend.get_hosted_zone(zoneid).rr_changes
        done[:] = [entry for entry in done if name_and_type(entry) not in gone]
        return answer

    replace(Route53Backend, "change_resource_record_sets", change_strictly)


def _tags_of_the_deleted() -> None:
    """moto keeps the tags of some resources that were deleted, and the next resource of that name has them."""
    from moto.cloudfront.models import CloudFrontBackend
    from moto.cloudwatch.models import CloudWatchBackend
    from moto.elbv2.models import ELBv2Backend
    from moto.logs.models import LogsBackend
    from moto.s3.models import S3Backend
    from moto.stepfunctions.models import StepFunctionBackend

    def forget_tags(owner: Any, name: str, arns: Callable[[Any], set[str]], tagger: str = "tagger") -> None:
        delete = getattr(owner, name)

        def delete_with_tags(backend: Any, *arguments: Any, **named: Any) -> Any:
            before = arns(backend)
            answer = delete(backend, *arguments, **named)
            for arn in before - arns(backend):
                getattr(backend, tagger).delete_all_tags_for_resource(arn)
            return answer

        replace(owner, name, delete_with_tags)

    forget_tags(CloudFrontBackend, "delete_function", lambda backend: {each.arn for each in backend.functions.values()})
    forget_tags(
        CloudWatchBackend, "delete_alarms", lambda backend: {each.alarm_arn for each in backend.alarms.values()}
    )
    forget_tags(ELBv2Backend, "delete_load_balancer", lambda backend: set(backend.load_balancers), "tagging_service")
    forget_tags(ELBv2Backend, "delete_target_group", lambda backend: set(backend.target_groups), "tagging_service")
    forget_tags(LogsBackend, "delete_log_group", lambda backend: {each.arn for each in backend.groups.values()})
    forget_tags(S3Backend, "delete_bucket", lambda backend: {each.arn for each in backend.buckets.values()})
    forget_tags(
        StepFunctionBackend, "delete_state_machine", lambda backend: {each.arn for each in backend.state_machines}
    )


def _streams() -> None:
    """moto takes a table that ever had a stream for one that has it, and lets a stream be turned off that is not there.
    DynamoDB API reference, UpdateTable: "You receive a ValidationException if you try to enable a stream on a table
    that already has a stream, or if you try to disable a stream on a table that doesn't have a stream". The first
    message is reported in scylladb/scylladb issue 6939, the words of the second are ours."""
    from moto.dynamodb.exceptions import MockValidationException
    from moto.dynamodb.models import DynamoDBBackend

    def update_streams(_: Any, table: Any, stream_specification: dict[str, Any]) -> None:
        is_on, enable = (table.stream_specification or {}).get("StreamEnabled"), stream_specification["StreamEnabled"]
        if enable and is_on:
            raise MockValidationException(f"Table already has an enabled stream: TableName: {table.name}")
        if not enable and not is_on:
            raise MockValidationException(f"Table has no stream to disable: TableName: {table.name}")
        table.set_stream_specification(stream_specification)

    replace(DynamoDBBackend, "update_table_streams", update_streams)


def _names_of_target_groups() -> None:
    """moto refuses two hyphens in a row. Elastic Load Balancing takes them (aws-sdk-js issue 3300), and CloudFormation
    makes such names: it may cut a stack's name after one of its hyphens, and puts another one behind it. All else that
    moto asks of a name stays."""
    from moto.elbv2 import models

    def match(expression: str, text: str) -> re.Match[str] | None:
        return re.match(expression.replace("(?!.*--)", ""), text)

    replace(models, "re", SimpleNamespace(**{**vars(re), "match": match}))


def _scans() -> None:
    """moto scans images only when it is asked to, and has the same finding for each. Here a repository with scan on
    push has its images scanned (ECR API reference, ImageScanningConfiguration), and nothing is found, because nothing
    here can look for anything: a plan of faults says what a scan shall find."""
    from moto.ecr.models import ECRBackend

    put, describe = ECRBackend.put_image, ECRBackend.describe_image_scan_findings

    def put_scanned(backend: Any, *args: Any, **options: Any) -> Any:
        image = put(backend, *args, **options)
        configuration = backend.repositories[image.repository_name].image_scanning_configuration
        if configuration.get("scanOnPush") and image.last_scan is None:
            image.last_scan = datetime.now()
        return image

    def describe_nothing(backend: Any, *args: Any, **options: Any) -> Any:
        answer = describe(backend, *args, **options)
        status = {"status": "COMPLETE", "description": "the local AWS looks into no image"}
        findings = {**answer["imageScanFindings"], "findings": [], "findingSeverityCounts": {}}
        return {**answer, "imageScanStatus": status, "imageScanFindings": findings}

    replace(ECRBackend, "put_image", put_scanned)
    replace(ECRBackend, "describe_image_scan_findings", describe_nothing)


def _signatures() -> None:
    """moto has no signing configuration of a registry. Here one is kept, and what is pushed while a rule of it fits the
    repository counts as signed with the profile of the rule (ECR user guide, managed-signing). No signature is made:
    nothing here can make one, so whoever shows this status has to say that."""
    from moto.core.exceptions import ServiceException
    from moto.core.responses import ActionResult
    from moto.ecr.models import ECRBackend
    from moto.ecr.responses import ECRResponse

    put = ECRBackend.put_image

    def put_signed(backend: Any, *args: Any, **options: Any) -> Any:
        image = put(backend, *args, **options)
        signing = vars(backend).get("signing_configuration", {"rules": []})
        fitting = {rule["signingProfileArn"] for rule in signing["rules"] if _fits(rule, image.repository_name)}
        replace(image, "signed_with", vars(image).get("signed_with", set()) | fitting)
        return image

    def put_configuration(response: Any) -> ActionResult:
        signing = response._get_param("signingConfiguration")
        replace(response.ecr_backend, "signing_configuration", signing)
        return ActionResult({"signingConfiguration": signing})

    def get_configuration(response: Any) -> ActionResult:
        backend = response.ecr_backend
        if "signing_configuration" not in vars(backend):
            raise _NotFound(f"Signing configuration does not exist in the registry with id '{backend.account_id}'")
        return ActionResult({"registryId": backend.account_id, "signingConfiguration": backend.signing_configuration})

    def delete_configuration(response: Any) -> ActionResult:
        answer = get_configuration(response)
        del response.ecr_backend.signing_configuration
        return answer

    def describe_status(response: Any) -> ActionResult:
        name, identity = response._get_param("repositoryName"), response._get_param("imageId")
        backend = response.ecr_backend
        image = backend._get_repository(name)._get_image(identity.get("imageTag"), identity.get("imageDigest"))
        statuses = [
            {"signingProfileArn": profile, "status": "COMPLETE"}
            for profile in sorted(vars(image).get("signed_with", set()))
        ]
        of = {"registryId": backend.account_id, "repositoryName": name, "imageId": identity}
        return ActionResult({**of, "signingStatuses": statuses})

    class _NotFound(ServiceException):
        code = "SigningConfigurationNotFoundException"

    replace(ECRBackend, "put_image", put_signed)
    replace(ECRResponse, "put_signing_configuration", put_configuration)
    replace(ECRResponse, "get_signing_configuration", get_configuration)
    replace(ECRResponse, "delete_signing_configuration", delete_configuration)
    replace(ECRResponse, "describe_image_signing_status", describe_status)


def _fits(rule: Mapping[str, Any], repository: str) -> bool:
    """Whether a signing rule is about a repository; one without filters is about all."""
    filters = [each["filter"] for each in rule.get("repositoryFilters", ())]
    return not filters or any(fnmatchcase(repository, pattern) for pattern in filters)


def has_issued(access_key: str) -> bool:
    """Whether an access key is one of this server's own: of a user of its IAM, or of a role that somebody assumed."""
    from moto.iam.models import iam_backends
    from moto.sts.models import sts_backends

    users: list[Any] = [iam for account in iam_backends.values() for iam in account.values()]
    roles: list[Any] = [sts for account in sts_backends.values() for sts in account.values()]
    issued = {key for iam in users for key in iam.access_keys}
    return access_key in issued | {role.access_key_id for sts in roles for role in sts.assumed_roles}


def session(access_key: str) -> tuple[str, str] | None:
    """The ARNs of the role that somebody assumed with an access key as the result, and of the session; None for keys
    of others."""
    from moto.sts.models import sts_backends

    sessions = (each for account in sts_backends.values() for sts in account.values() for each in sts.assumed_roles)
    return next(((each.role_arn, each.arn) for each in sessions if each.access_key_id == access_key), None)


def role_policies(arn: str) -> list[tuple[str, str]]:
    """Name and text of every policy that a role has now, inline and managed; none where there is no such role."""
    role, _ = _role(arn)
    if role is None:
        return []
    managed = [(policy.name, _default_version(policy)) for policy in role.managed_policies.values()]
    return [*role.policies.items(), *managed]


def role_boundary(arn: str) -> tuple[str, str] | None:
    """ARN and text of the permissions boundary of a role; None for a role without one."""
    role, iam = _role(arn)
    boundary = role.permissions_boundary_arn if role else None
    if not boundary:
        return None
    if is_aws_policy(boundary):
        return boundary, json.dumps(aws_policy(boundary.rpartition("/")[2]))
    policy = iam.managed_policies.get(boundary)
    return boundary, _default_version(policy) if policy else '{"Statement": []}'


def _role(arn: str) -> tuple[Any, Any]:
    """moto's role of an ARN with its backend; twice None where there is no such role."""
    from moto.iam.models import iam_backends

    backends = (iam for account in iam_backends.values() for iam in account.values())
    return next(((role, iam) for iam in backends for role in iam.get_roles() if role.arn == arn), (None, None))


def _default_version(policy: Any) -> str:
    return next(str(version.document) for version in policy.versions if version.is_default)


def document(text: str) -> Any:
    """A policy document, as moto keeps it: as JSON, or as JSON in an address."""
    return json.loads(text if text.lstrip().startswith("{") else unquote_plus(text))


def refuse_unimplemented(create: Callable[[Any], "Flask"]) -> Callable[[Any], "Flask"]:
    """moto's maker of applications, with an answer for operations without code and for paths without an operation:
    moto itself answers a page of HTML with status 500, which clients take for a fault that passes and try again."""
    from flask import Flask
    from werkzeug.exceptions import NotFound

    def create_strict(service: Any) -> Flask:
        application = create(service) if service else Flask("a service that moto does not have")
        application.register_error_handler(NotImplementedError, _not_implemented)
        application.register_error_handler(NotFound, _not_implemented)
        return application

    return create_strict


def _not_implemented(_: Exception) -> "Response":
    from flask import Response, request

    call = wire.read(request.environ, urlencode(request.form).encode())
    code, message = "NotImplemented", f"the local AWS does not have {call.name}"
    headers, body = wire.error(call, wire.protocol(call, request.environ), code, message)
    return Response(body if request.method != "HEAD" else b"", NOT_IMPLEMENTED, headers)


def _repositories() -> None:
    """moto renames no source repository. CodeCommit API reference, UpdateRepositoryName: ARN and clone URLs follow the
    name, the id stays; RepositoryNameExistsException, RepositoryDoesNotExistException."""
    from moto.codecommit.exceptions import RepositoryNameExistsException
    from moto.codecommit.responses import CodeCommitResponse

    def update_repository_name(response: Any) -> str:
        backend = response.codecommit_backend
        old, new = response._get_param("oldName"), response._get_param("newName")
        metadata = backend.get_repository(old)
        if new in backend.repositories:
            raise RepositoryNameExistsException(new)
        repository = backend.repositories.pop(old)
        named = {key: metadata[key].removesuffix(old) + new for key in ("Arn", "cloneUrlHttp", "cloneUrlSsh")}
        repository.repository_metadata = {**metadata, **named, "repositoryName": new}
        backend.repositories[new] = repository
        return "{}"

    replace(CodeCommitResponse, "update_repository_name", update_repository_name)
