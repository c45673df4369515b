"""What AWS does and moto does not, patch by patch, through boto3."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from generator.cfn.resource_arns import generated
from scripts.local_aws import moto_patches
from scripts.local_aws.account import Account
from tests.local_aws.cases import ALARM, TABLE, trust
from tests.local_aws.here import answer, refusal

TRUST = json.dumps(trust("ec2"))


@pytest.mark.parametrize(
    ("service", "suffix", "name"),
    [
        ("ecs.amazonaws.com", "", "AWSServiceRoleForECS"),
        ("ecs.application-autoscaling.amazonaws.com", "", "AWSServiceRoleForApplicationAutoScaling_ECSService"),
        ("elasticbeanstalk.amazonaws.com", "", "AWSServiceRoleForElasticBeanstalk"),
        ("elasticloadbalancing.amazonaws.com", "", "AWSServiceRoleForElasticLoadBalancing"),
        ("vpcorigin.cloudfront.amazonaws.com", "", "AWSServiceRoleForCloudFrontVPCOrigin"),
        ("ecs.amazonaws.com", "x", "AWSServiceRoleForECS_x"),
    ],
)
def test_a_service_linked_role_has_the_name_of_aws(account: Account, service: str, suffix: str, name: str) -> None:
    iam = account.services.client("iam")
    arguments = {"AWSServiceName": service, **({"CustomSuffix": suffix} if suffix else {})}
    assert iam.create_service_linked_role(**arguments)["Role"]["RoleName"] == name
    assert iam.get_role(RoleName=name)["Role"]["Path"] == f"/aws-service-role/{service}/"
    assert refusal(iam.create_service_linked_role, **arguments) == (
        "InvalidInput",
        f"Service role name {name} has been taken in this account, please try a different suffix.",
    )
    other = iam.create_service_linked_role(AWSServiceName="lex.amazonaws.com")["Role"]
    assert other["Path"] == "/aws-service-role/lex.amazonaws.com/", "of others moto makes the name up"


def test_a_policy_of_aws_is_there_when_it_is_attached(account: Account) -> None:
    iam, arn = account.services.client("iam"), "arn:aws:iam::aws:policy/SecurityAudit"
    assert iam.list_policies(Scope="AWS")["Policies"] == []
    iam.create_role(RoleName="role", AssumeRolePolicyDocument=TRUST)
    for _ in range(2):
        iam.attach_role_policy(RoleName="role", PolicyArn=arn)
    attached = iam.list_attached_role_policies(RoleName="role")["AttachedPolicies"]
    assert attached == [{"PolicyName": "SecurityAudit", "PolicyArn": arn}]
    assert [policy["Arn"] for policy in iam.list_policies(Scope="AWS")["Policies"]] == [arn]
    none = "arn:aws:iam::aws:policy/NoSuchPolicy"
    assert refusal(iam.attach_role_policy, RoleName="role", PolicyArn=none)[0] == "NoSuchEntity"
    ours = f"arn:aws:iam::{account.services.account}:policy/SecurityAudit"
    assert refusal(iam.attach_role_policy, RoleName="role", PolicyArn=ours)[0] == "NoSuchEntity"
    known = [moto_patches.is_aws_policy(each) for each in (arn, none, ours)]
    assert known == [True, False, False] and moto_patches.aws_policy("SecurityAudit")["Version"] == "2012-10-17"


def test_the_policies_and_the_boundary_of_a_role_are_those_of_now(account: Account) -> None:
    iam = account.services.client("iam")
    arn = iam.create_role(RoleName="role", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    texts = [
        json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": f"s3:{verb}Object", "Resource": "*"}]}
        )
        for verb in ("Get", "Put", "Delete")
    ]
    assert (moto_patches.role_policies(arn), moto_patches.role_boundary(arn)) == ([], None)
    iam.put_role_policy(RoleName="role", PolicyName="inline", PolicyDocument=texts[0])
    ours = iam.create_policy(PolicyName="managed", PolicyDocument=texts[1])["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="role", PolicyArn=ours)
    iam.put_role_permissions_boundary(RoleName="role", PermissionsBoundary=ours)

    def policies_now() -> tuple[list[tuple[str, Any]], tuple[str, Any] | None]:
        boundary = moto_patches.role_boundary(arn)
        policies = [(name, moto_patches.document(text)) for name, text in moto_patches.role_policies(arn)]
        return policies, boundary and (boundary[0], moto_patches.document(boundary[1]))

    get, put, delete = map(json.loads, texts)
    assert policies_now() == ([("inline", get), ("managed", put)], (ours, put))
    iam.create_policy_version(PolicyArn=ours, PolicyDocument=texts[2], SetAsDefault=True)
    assert policies_now() == ([("inline", get), ("managed", delete)], (ours, delete))
    theirs = "arn:aws:iam::aws:policy/SecurityAudit"
    iam.put_role_permissions_boundary(RoleName="role", PermissionsBoundary=theirs)
    assert policies_now()[1] == (theirs, moto_patches.aws_policy("SecurityAudit"))
    assert (moto_patches.role_policies(f"{arn}x"), moto_patches.role_boundary(f"{arn}x")) == ([], None)


@pytest.mark.parametrize("text", ['{"a": "b c"}', ' {"a": "b c"}', "%7B%22a%22%3A+%22b%20c%22%7D"])
def test_a_document_is_read_as_moto_keeps_it(text: str) -> None:
    assert moto_patches.document(text) == {"a": "b c"}


def bucket_policy(bucket: str, effect: str, action: str, **condition: Any) -> str:
    where = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    statement: dict[str, Any] = {"Effect": effect, "Principal": "*", "Action": action, "Resource": where}
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    ("effect", "condition", "code"),
    [
        ("Deny", {"Bool": {"aws:SecureTransport": "false"}}, ""),
        ("Deny", {"Bool": {"aws:SecureTransport": "true"}}, "403"),
        ("Deny", {}, "403"),
        ("Allow", {}, ""),
    ],
)
def test_a_bucket_judges_by_the_conditions_of_its_policy(
    account: Account, effect: str, condition: dict[str, Any], code: str
) -> None:
    s3, bucket = account.services.client("s3"), f"judges-{account.services.account}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    s3.put_bucket_policy(Bucket=bucket, Policy=bucket_policy(bucket, effect, "s3:GetObject", **condition))
    if code:
        assert refusal(s3.get_object, Bucket=bucket, Key="a")[0] == code
    else:
        assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"x"
    s3.put_object(Bucket=bucket, Key="a", Body=b"y")  # another action


def test_logs_go_to_a_bucket_whatever_its_policy_looks_like(account: Account) -> None:
    s3, number = account.services.client("s3"), account.services.account
    for name in ("logs", "logged"):
        s3.create_bucket(Bucket=f"{name}-{number}")
    s3.put_bucket_policy(Bucket=f"logs-{number}", Policy=bucket_policy(f"logs-{number}", "Deny", "s3:PutObject"))
    enabled = {"TargetBucket": f"logs-{number}", "TargetPrefix": "x/"}
    s3.put_bucket_logging(Bucket=f"logged-{number}", BucketLoggingStatus={"LoggingEnabled": enabled})
    assert s3.get_bucket_logging(Bucket=f"logged-{number}")["LoggingEnabled"] == enabled


def test_the_old_calls_for_tags_end_where_tags_count_for_access(account: Account) -> None:
    s3, bucket = account.services.client("s3"), f"tagged-{account.services.account}"
    s3.create_bucket(Bucket=bucket)
    tags = {"Bucket": bucket, "Tagging": {"TagSet": [{"Key": "A", "Value": "1"}]}}

    def status() -> str:
        return str(answer(s3.get_bucket_abac(Bucket=bucket))["AbacStatus"]["Status"])

    assert status() == "Disabled"
    s3.put_bucket_tagging(**tags)
    s3.put_bucket_abac(Bucket=bucket, AbacStatus={"Status": "Enabled"})
    assert status() == "Enabled"
    words = "the tags of the bucket count for access; use TagResource and UntagResource"
    assert refusal(s3.put_bucket_tagging, **tags) == ("InvalidRequest", f"PutBucketTagging: {words}")
    assert refusal(s3.delete_bucket_tagging, Bucket=bucket) == ("InvalidRequest", f"DeleteBucketTagging: {words}")
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags["Tagging"]["TagSet"]  # type: ignore[index]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert refusal(s3.put_bucket_abac, Bucket=bucket, AbacStatus={"Status": "Other"})[0] == "MalformedXML"
    s3.put_bucket_abac(Bucket=bucket, AbacStatus={"Status": "Disabled"})
    s3.delete_bucket_tagging(Bucket=bucket)
    assert (status(), refusal(s3.get_bucket_tagging, Bucket=bucket)[0]) == ("Disabled", "NoSuchTagSet")


def test_a_record_is_made_once_and_again_after_its_deletion(account: Account) -> None:
    route53 = account.services.client("route53")
    zone = route53.create_hosted_zone(Name="zone.test", CallerReference="x")["HostedZone"]["Id"]

    def change(action: str, name: str, kind: str = "TXT", text: str = '"a"') -> dict[str, Any]:
        record = {"Name": name, "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": text}]}
        return {"HostedZoneId": zone, "ChangeBatch": {"Changes": [{"Action": action, "ResourceRecordSet": record}]}}

    def texts() -> dict[str, str]:
        shown = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        return {each["Name"]: each["ResourceRecords"][0]["Value"] for each in shown if each["Type"] == "TXT"}

    route53.change_resource_record_sets(**change("CREATE", "a.zone.test"))
    code, message = refusal(route53.change_resource_record_sets, **change("CREATE", "a.zone.test."))
    assert code == "InvalidChangeBatch" and "a.zone.test." in message and "TXT" in message
    route53.change_resource_record_sets(**change("CREATE", "a.zone.test", "A", "192.0.2.1"))  # of another type
    route53.change_resource_record_sets(**change("CREATE", "b.zone.test"))
    route53.change_resource_record_sets(**change("UPSERT", "a.zone.test", text='"b"'))
    assert texts() == {"a.zone.test.": '"b"', "b.zone.test.": '"a"'}
    route53.change_resource_record_sets(**change("DELETE", "a.zone.test", text='"b"'))
    assert texts() == {"b.zone.test.": '"a"'}
    route53.change_resource_record_sets(**change("CREATE", "a.zone.test", text='"b"'))
    assert texts() == {"a.zone.test.": '"b"', "b.zone.test.": '"a"'}


TAG = {"Key": "A", "Value": "1"}
Make = Callable[[Account, bool], None]
FUNCTION = {"Comment": "", "Runtime": "cloudfront-js-2.0"}


def alarm(account: Account, tagged: bool) -> tuple[Callable[[], Any], Callable[[], Any]]:
    cloudwatch = account.services.client("cloudwatch")
    cloudwatch.put_metric_alarm(**ALARM, **({"Tags": [TAG]} if tagged else {}))
    arn = cloudwatch.describe_alarms()["MetricAlarms"][0]["AlarmArn"]
    return (
        lambda: cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"],
        lambda: cloudwatch.delete_alarms(AlarmNames=["alarm"]),
    )


def function(account: Account, tagged: bool) -> tuple[Callable[[], Any], Callable[[], Any]]:
    cloudfront = account.services.client("cloudfront")
    more = {"Tags": {"Items": [TAG]}} if tagged else {}
    created = cloudfront.create_function(Name="again", FunctionConfig=FUNCTION, FunctionCode=b"x", **more)
    arn = created["FunctionSummary"]["FunctionMetadata"]["FunctionARN"]
    return (
        lambda: cloudfront.list_tags_for_resource(Resource=arn)["Tags"].get("Items", []),
        lambda: cloudfront.delete_function(Name="again", IfMatch=created["ETag"]),
    )


def log_group(account: Account, tagged: bool) -> tuple[Callable[[], Any], Callable[[], Any]]:
    logs = account.services.client("logs")
    logs.create_log_group(logGroupName="again", **({"tags": {"A": "1"}} if tagged else {}))
    return (
        lambda: [
            {"Key": key, "Value": value}
            for key, value in logs.list_tags_log_group(logGroupName="again")["tags"].items()
        ],
        lambda: logs.delete_log_group(logGroupName="again"),
    )


def target_group(account: Account, tagged: bool) -> tuple[Callable[[], Any], Callable[[], Any]]:
    elb = account.services.client("elbv2")
    created = elb.create_target_group(Name="again", TargetType="lambda", **({"Tags": [TAG]} if tagged else {}))
    arn = created["TargetGroups"][0]["TargetGroupArn"]
    return (
        lambda: elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"],
        lambda: elb.delete_target_group(TargetGroupArn=arn),
    )


def load_balancer(account: Account, tagged: bool) -> tuple[Callable[[], Any], Callable[[], Any]]:
    elb, ec2 = account.services.client("elbv2"), account.services.client("ec2")
    if tagged:
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        for number, zone in enumerate("ab"):
            block = f"10.0.{number}.0/24"
            ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=f"us-east-1{zone}")
    subnets = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"] if each["CidrBlock"].startswith("10.")]
    created = elb.create_load_balancer(Name="again", Subnets=subnets, **({"Tags": [TAG]} if tagged else {}))
    arn = created["LoadBalancers"][0]["LoadBalancerArn"]
    return (
        lambda: elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"],
        lambda: elb.delete_load_balancer(LoadBalancerArn=arn),
    )


def state_machine(account: Account, tagged: bool) -> tuple[Callable[[], Any], Callable[[], Any]]:
    states = account.services.client("stepfunctions")
    definition = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
    role = f"arn:aws:iam::{account.services.account}:role/any"
    more = {"tags": [{"key": "A", "value": "1"}]} if tagged else {}
    arn = states.create_state_machine(name="again", definition=json.dumps(definition), roleArn=role, **more)[
        "stateMachineArn"
    ]
    return (
        lambda: [
            {"Key": each["key"], "Value": each["value"]}
            for each in states.list_tags_for_resource(resourceArn=arn)["tags"]
        ],
        lambda: states.delete_state_machine(stateMachineArn=arn),
    )


def bucket(account: Account, tagged: bool) -> tuple[Callable[[], Any], Callable[[], Any]]:
    s3, name = account.services.client("s3"), f"again-{account.services.account}"
    s3.create_bucket(Bucket=name)
    if tagged:
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [TAG]})

    def tags() -> Any:
        try:
            return s3.get_bucket_tagging(Bucket=name)["TagSet"]
        except ClientError:
            return []

    return tags, lambda: s3.delete_bucket(Bucket=name)


@pytest.mark.parametrize("make", [alarm, bucket, function, load_balancer, log_group, state_machine, target_group])
def test_what_has_the_name_of_something_deleted_has_none_of_its_tags(account: Account, make: Any) -> None:
    tags, delete = make(account, True)
    assert tags() == [TAG]
    delete()
    tags, delete = make(account, False)
    assert tags() == []
    delete()


KIND = "application/vnd.docker.distribution.manifest.v2+json"


def push(ecr: Any, repository: str, tag: str) -> dict[str, str]:
    text = json.dumps({"schemaVersion": 2, "mediaType": KIND, "config": {"digest": tag}})
    return dict(ecr.put_image(repositoryName=repository, imageManifest=text, imageTag=tag)["image"]["imageId"])


def test_images_are_scanned_on_push_and_nothing_is_invented(account: Account) -> None:
    ecr = account.services.client("ecr")
    for name, on in (("scanned", True), ("not-scanned", False)):
        ecr.create_repository(repositoryName=name, imageScanningConfiguration={"scanOnPush": on})
        push(ecr, name, "one")
    findings = answer(ecr.describe_image_scan_findings(repositoryName="scanned", imageId={"imageTag": "one"}))
    assert findings["imageScanStatus"] == {"status": "COMPLETE", "description": "the local AWS looks into no image"}
    assert (findings["imageScanFindings"]["findings"], findings["imageScanFindings"]["findingSeverityCounts"]) == (
        [],
        {},
    )
    assert findings["repositoryName"] == "scanned" and findings["imageId"]["imageTag"] == "one"
    other = {"repositoryName": "not-scanned", "imageId": {"imageTag": "one"}}
    assert refusal(ecr.describe_image_scan_findings, **other)[0] == "ScanNotFoundException"
    ecr.start_image_scan(**other)
    assert ecr.describe_image_scan_findings(**other)["imageScanFindings"]["findings"] == []


def test_images_count_as_signed_by_the_rules_that_fit_when_they_are_pushed(account: Account) -> None:
    ecr, number = account.services.client("ecr"), account.services.account
    missing = (
        "SigningConfigurationNotFoundException",
        f"Signing configuration does not exist in the registry with id '{number}'",
    )
    for name in ("ours-one", "other"):
        ecr.create_repository(repositoryName=name)
    unsigned = push(ecr, "ours-one", "before")
    assert refusal(ecr.get_signing_configuration) == refusal(ecr.delete_signing_configuration) == missing
    profiles = [f"arn:aws:signer:us-east-1:{number}:/signing-profiles/{name}" for name in ("all", "ours", "never")]
    filters = {"repositoryFilters": [{"filter": "ours-*", "filterType": "WILDCARD_MATCH"}]}
    none = {"repositoryFilters": [{"filter": "Ours-*", "filterType": "WILDCARD_MATCH"}]}
    rules = [
        {"signingProfileArn": profiles[1], **filters},
        {"signingProfileArn": profiles[0]},
        {"signingProfileArn": profiles[2], **none},
    ]
    configuration = {"signingConfiguration": {"rules": rules}}
    assert answer(ecr.put_signing_configuration(**configuration)) == configuration
    assert answer(ecr.get_signing_configuration()) == {"registryId": number, **configuration}

    def status(repository: str, image: dict[str, str]) -> dict[str, Any]:
        return answer(ecr.describe_image_signing_status(repositoryName=repository, imageId=image))

    def signed(repository: str, image: dict[str, str], *names: str) -> dict[str, Any]:
        statuses = [{"signingProfileArn": name, "status": "COMPLETE"} for name in names]
        return {"registryId": number, "repositoryName": repository, "imageId": image, "signingStatuses": statuses}

    image, other = push(ecr, "ours-one", "since"), push(ecr, "other", "since")
    for identity in ({"imageTag": "since"}, {"imageDigest": image["imageDigest"]}):
        assert status("ours-one", identity) == signed("ours-one", identity, *profiles[:2])
    assert status("other", other) == signed("other", other, profiles[0])
    assert status("ours-one", unsigned) == signed("ours-one", unsigned)
    assert answer(ecr.delete_signing_configuration()) == {"registryId": number, **configuration}
    assert refusal(ecr.get_signing_configuration) == missing
    assert status("ours-one", image) == signed("ours-one", image, *profiles[:2])
    after = push(ecr, "ours-one", "after")
    assert status("ours-one", after) == signed("ours-one", after)


def test_a_source_repository_is_renamed_with_its_addresses(account: Account) -> None:
    codecommit = account.services.client("codecommit")
    before = codecommit.create_repository(repositoryName="old", repositoryDescription="d")["repositoryMetadata"]
    codecommit.create_repository(repositoryName="other")
    codecommit.update_repository_name(oldName="old", newName="new")
    after = codecommit.get_repository(repositoryName="new")["repositoryMetadata"]
    number = account.services.account
    assert after == {
        **before,
        "repositoryName": "new",
        "Arn": f"arn:aws:codecommit:us-east-1:{number}:new",
        "cloneUrlHttp": "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/new",
        "cloneUrlSsh": "ssh://git-codecommit.us-east-1.amazonaws.com/v1/repos/new",
    }
    gone = "RepositoryDoesNotExistException"
    assert refusal(codecommit.get_repository, repositoryName="old")[0] == gone
    assert refusal(codecommit.update_repository_name, oldName="old", newName="newer")[0] == gone
    taken = "RepositoryNameExistsException"
    assert refusal(codecommit.update_repository_name, oldName="new", newName="other")[0] == taken
    assert codecommit.get_repository(repositoryName="new")["repositoryMetadata"] == after


@pytest.mark.parametrize(
    ("service", "operation", "name"),
    [
        ("sns", "get_sms_sandbox_account_status", "sns.GetSMSSandboxAccountStatus"),
        ("sesv2", "get_account", "sesv2.GetAccount"),
        ("service-quotas", "list_services", "service-quotas.ListServices"),
        ("codeconnections", "list_connections", "codeconnections.ListConnections"),
        ("cloudformation", "list_exports", "cloudformation.ListExports"),
    ],
)
def test_an_operation_that_is_not_there_is_told_by_name(
    account: Account, service: str, operation: str, name: str
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(account.services.client(service), operation)()
    assert refused.value.response["Error"] == {
        **refused.value.response["Error"],
        "Code": "NotImplemented",
        "Message": f"the local AWS does not have {name}",
    }
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_a_path_without_an_operation_is_told_too(account: Account) -> None:
    application, answered = account.services.application, []
    assert application
    for method in ("GET", "HEAD"):
        environ = {
            "REQUEST_METHOD": method, "PATH_INFO": "/no/such/path", "QUERY_STRING": "", "SERVER_NAME": "localhost",
            "SERVER_PORT": "1", "HTTP_HOST": "localhost:1", "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(),
            "HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 Credential=K/20000101/us-east-1/ecs/aws4_request, SignedHeaders=h",
        }  # fmt: skip
        text = b"".join(application(environ, lambda status, _: answered.append(status)))
        assert (b"the local AWS does not have ecs.?" in text) is (method == "GET"), text
    assert [status.partition(" ")[0] for status in answered] == ["501", "501"]


@pytest.mark.parametrize(
    ("algorithm", "checksum"),
    [
        ("CRC32", "DUoRhQ=="),
        ("SHA1", "Kq5sNclPz7QV2+lfQIuc6R7oRu0="),
        ("SHA256", "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek="),
    ],
)
def test_an_object_has_the_checksum_that_it_came_with_and_no_other(
    account: Account, algorithm: str, checksum: str
) -> None:
    bucket = f"checked-{algorithm.lower()}"
    s3, name = account.services.client("s3"), {"Bucket": bucket, "Key": "object"}
    s3.create_bucket(Bucket=bucket)
    field = f"Checksum{algorithm}"
    message = f"The {algorithm} you specified did not match the calculated checksum."
    assert refusal(s3.put_object, **name, Body=b"another", **{field: checksum}) == ("BadDigest", message)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket), "what is refused is not kept"
    assert s3.put_object(**name, Body=b"hello world", **{field: checksum})[field] == checksum
    assert s3.head_object(**name, ChecksumMode="ENABLED")[field] == checksum
    assert field not in s3.head_object(**name), "it is given to who asks for it"
    s3.put_object(**name, Body=b"later")
    assert s3.head_object(**name, ChecksumMode="ENABLED").get(field) != checksum


def test_a_table_has_one_stream_that_is_turned_off_once(account: Account) -> None:
    dynamodb, off = account.services.client("dynamodb"), {"StreamEnabled": False}
    views: list[dict[str, Any]] = [
        {"StreamEnabled": True, "StreamViewType": view} for view in ("NEW_IMAGE", "KEYS_ONLY")
    ]
    dynamodb.create_table(**TABLE)

    def change(specification: dict[str, Any]) -> tuple[str, str] | None:
        try:
            dynamodb.update_table(TableName="table", StreamSpecification=specification)
        except ClientError as error:
            return error.response["Error"]["Code"], error.response["Error"]["Message"]
        return None

    no_stream = ("ValidationException", "Table has no stream to disable: TableName: table")
    one_stream = ("ValidationException", "Table already has an enabled stream: TableName: table")
    steps = [off, views[0], views[1], off, off, views[1], views[1]]
    assert [change(step) for step in steps] == [no_stream, None, one_stream, None, no_stream, None, one_stream]
    assert dynamodb.describe_table(TableName="table")["Table"]["StreamSpecification"] == views[1]


def test_a_target_group_may_have_two_hyphens_in_a_row_as_names_of_cloudformation_do(account: Account) -> None:
    name = generated("research-Ingress-1AF172B8C787", "FirstTargets", "", 32)
    assert name.startswith("research--FirstTarg-")
    balancing, vpc = account.services.client("elbv2"), account.services.client("ec2").describe_vpcs()["Vpcs"][0]
    place = {"Protocol": "HTTP", "Port": 80, "VpcId": vpc["VpcId"]}
    group = balancing.create_target_group(Name=name, **place)["TargetGroups"][0]
    assert (group["TargetGroupName"], group["TargetGroupArn"].split("/")[1]) == (name, name)
    other = {**place, "Port": 81}
    assert refusal(balancing.create_target_group, Name=name, **other)[0] == "DuplicateTargetGroupName"
    for wrong in ("-first", "first-", "first.targets", "f" * 33):
        assert refusal(balancing.create_target_group, Name=wrong, **place)[0] == "ValidationError", wrong
