"""Rows whose change in place our own templates do not try: made, changed, changed back, read back by the engine each
time, because it fails what its service does not show as asked for."""

import copy
import json
from collections.abc import Iterable
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet

from scripts.local_aws.handlers import ROWS, readback
from tests.local_aws.support import BUCKET, Aws

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
ALLOWED = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
POLICY: dict[str, Any] = {"Version": "2012-10-17", "Statement": [ALLOWED]}
TAGS = [{"Key": "A", "Value": "1"}, {"Key": "B", "Value": "2"}]
OTHER_TAGS = [{"Key": "A", "Value": "3"}, {"Key": "C", "Value": "4"}]
QUEUE = "arn:aws:sqs:us-east-1:123456789012:one"
RULES = [{"CidrIp": "10.0.0.0/8", "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "Description": "TLS"}]

TABLE = {
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}


def versions_kept(count: int) -> dict[str, Any]:
    rule = {"Enabled": True, "MaxCount": count, "DeleteSourceFromS3": True}
    role = "arn:aws:iam::123456789012:role/somebody"
    return {"ServiceRole": role, "VersionLifecycleConfig": {"MaxCountRule": rule}}


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "AWS::Events::Rule": (
        {"EventPattern": {"source": ["a"]}, "Targets": [{"Id": "1", "Arn": QUEUE}, {"Id": "2", "Arn": QUEUE}]},
        {"EventPattern": {"source": ["b"]}, "Targets": [{"Id": "2", "Arn": f"{QUEUE}2"}], "Description": "x"},
    ),
    "AWS::IAM::Role": (
        {"AssumeRolePolicyDocument": TRUST, "Policies": [{"PolicyName": n, "PolicyDocument": POLICY} for n in "ab"]},
        {
            "AssumeRolePolicyDocument": {**TRUST, "Id": "other"},
            "Policies": [{"PolicyName": n, "PolicyDocument": POLICY} for n in "bc"],
            "Description": "other",
            "Tags": OTHER_TAGS,
        },
    ),
    "AWS::IAM::ManagedPolicy": ({"PolicyDocument": POLICY}, {"PolicyDocument": {**POLICY, "Id": "other"}}),
    "AWS::SNS::Topic": ({"DisplayName": "a", "Tags": TAGS}, {"DisplayName": "b", "Tags": OTHER_TAGS}),
    "AWS::SSM::Parameter": (
        {"Type": "String", "Value": "1", "Tags": {"A": "1"}},
        {"Type": "String", "Value": "2", "Description": "d", "Tags": {"A": "2"}},
    ),
    "AWS::SecretsManager::Secret": (
        {"GenerateSecretString": {"PasswordLength": 20}, "Tags": TAGS},
        {"GenerateSecretString": {"PasswordLength": 30}, "Description": "d", "Tags": OTHER_TAGS},
    ),
    "AWS::KMS::Key": (
        {"KeyPolicy": POLICY, "EnableKeyRotation": True, "Tags": TAGS},
        {"KeyPolicy": {**POLICY, "Id": "x"}, "EnableKeyRotation": False, "Description": "d", "Tags": OTHER_TAGS},
    ),
    "AWS::CertificateManager::Certificate": (
        {"DomainName": "a.example", "ValidationMethod": "DNS", "Tags": TAGS},
        {"DomainName": "a.example", "ValidationMethod": "DNS", "Tags": OTHER_TAGS},
    ),
    "AWS::Logs::LogGroup": ({"RetentionInDays": 7, "Tags": TAGS}, {"Tags": OTHER_TAGS}),
    "AWS::S3::Bucket": (
        {
            "BucketName": "rows-bucket",
            "LifecycleConfiguration": {"Rules": [{"Id": "a", "Status": "Enabled", "ExpirationInDays": 3}]},
            "Tags": TAGS,
        },
        {
            "BucketName": "rows-bucket",
            "CorsConfiguration": {"CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAge": 3}]},
        },
    ),
    "AWS::DynamoDB::Table": (
        {**TABLE, "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True}, "Tags": TAGS},
        {**TABLE, "Tags": OTHER_TAGS},
    ),
    "AWS::ElasticBeanstalk::Application": (
        {"ApplicationName": "rows", "ResourceLifecycleConfig": versions_kept(5)},
        {"ApplicationName": "rows", "Description": "other", "ResourceLifecycleConfig": versions_kept(9)},
    ),
    "AWS::ECR::Repository": (
        {"ImageTagMutability": "MUTABLE", "Tags": TAGS},
        {"ImageTagMutability": "IMMUTABLE", "ImageScanningConfiguration": {"ScanOnPush": True}, "Tags": OTHER_TAGS},
    ),
    "AWS::ECR::SigningConfiguration": tuple(  # type: ignore[dict-item]
        {
            "Rules": [
                {
                    "SigningProfileArn": "arn:aws:signer:us-east-1:123456789012:/signing-profiles/one",
                    "RepositoryFilters": [{"Filter": name, "FilterType": "WILDCARD_MATCH"}],
                }
            ]
        }
        for name in ("one-*", "two-*")
    ),
    "AWS::Signer::SigningProfile": (
        {"PlatformId": "Notation-OCI-SHA384-ECDSA", "Tags": TAGS},
        {"PlatformId": "Notation-OCI-SHA384-ECDSA", "Tags": OTHER_TAGS},
    ),
    "AWS::EC2::VPC": (
        {"CidrBlock": "10.0.0.0/16", "EnableDnsHostnames": True, "Tags": TAGS},
        {"CidrBlock": "10.0.0.0/16", "EnableDnsHostnames": False, "Tags": OTHER_TAGS},
    ),
    "AWS::EC2::SecurityGroup": (
        {"GroupDescription": "d", "SecurityGroupEgress": RULES},
        {"GroupDescription": "d", "SecurityGroupIngress": RULES, "Tags": TAGS},
    ),
    "AWS::EC2::EIP": ({"Domain": "vpc", "Tags": TAGS}, {"Domain": "vpc", "Tags": OTHER_TAGS}),
    "AWS::CloudWatch::Dashboard": (
        {"DashboardName": "d", "DashboardBody": '{"widgets": []}'},
        {"DashboardName": "d", "DashboardBody": '{"widgets": [{"type": "text", "properties": {"markdown": "x"}}]}'},
    ),
    "AWS::CloudFront::OriginAccessControl": tuple(  # type: ignore[dict-item]
        {
            "OriginAccessControlConfig": {
                "Name": "access",
                "Description": text,
                "OriginAccessControlOriginType": "s3",
                "SigningBehavior": "always",
                "SigningProtocol": "sigv4",
            }
        }
        for text in ("a", "b")
    ),
    "AWS::CloudFront::Function": tuple(  # type: ignore[dict-item]
        {"Name": "f", "FunctionCode": code, "FunctionConfig": {"Comment": code, "Runtime": "cloudfront-js-2.0"}}
        for code in ("one", "two")
    ),
    "AWS::Budgets::Budget": tuple(  # type: ignore[dict-item]
        {
            "Budget": {
                "BudgetName": "b",
                "BudgetType": "COST",
                "TimeUnit": "MONTHLY",
                "BudgetLimit": {"Amount": amount, "Unit": "USD"},
            }
        }
        for amount in (10, 20)
    ),
    "AWS::ECS::Cluster": (
        {"ClusterSettings": [{"Name": "containerInsights", "Value": "enabled"}], "Tags": TAGS},
        {"ClusterSettings": [{"Name": "containerInsights", "Value": "disabled"}], "Tags": OTHER_TAGS},
    ),
}


def examples(kinds: Iterable[str], *quick: str) -> list[ParameterSet]:
    """Types, most of them for the soak: the calls of each are compared in test_handlers.py, its tags in
    test_moto_patches.py; through the engine they are alike."""
    return [pytest.param(kind, marks=[] if kind in quick else pytest.mark.soak) for kind in kinds]


@pytest.mark.parametrize("kind", examples(CASES, "AWS::CloudFront::Function", "AWS::S3::Bucket", "AWS::SNS::Topic"))
def test_a_change_in_place(aws: Aws, kind: str) -> None:
    name = kind.rpartition("::")[2].lower()
    physical = set()
    for number, properties in enumerate((*CASES[kind], CASES[kind][0])):
        template = {"Resources": {"One": {"Type": kind, "Properties": copy.deepcopy(properties)}}}
        stack = aws.deploy(f"row-{name}", template, "UPDATE" if number else "CREATE")
        failed = [event for event in aws.events(stack["StackId"]) if "FAILED" in event["ResourceStatus"]]
        reasons = [event.get("ResourceStatusReason") for event in failed]
        assert stack["StackStatus"] == ("UPDATE_COMPLETE" if number else "CREATE_COMPLETE"), reasons
        physical.add(aws.resources(stack["StackId"])["One"]["PhysicalResourceId"])
    assert len(physical) == 1, "nothing was replaced"
    assert aws.delete(f"row-{name}")["StackStatus"] == "DELETE_COMPLETE"


NAMED: dict[str, dict[str, Any]] = {
    "AWS::CloudFront::Function": {
        "Name": "again",
        "AutoPublish": True,
        "FunctionCode": "function handler(event) { return event.request; }",
        "FunctionConfig": {"Comment": "", "Runtime": "cloudfront-js-2.0"},
    },
    "AWS::CloudWatch::Alarm": {
        "AlarmName": "again",
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "MetricName": "Errors",
        "Namespace": "Again",
        "Period": 60,
        "Statistic": "Sum",
        "Threshold": 1,
    },
    "AWS::DynamoDB::Table": {**TABLE, "TableName": "again"},
    "AWS::ECR::Repository": {"RepositoryName": "again"},
    "AWS::ECS::Cluster": {"ClusterName": "again"},
    "AWS::ElasticLoadBalancingV2::TargetGroup": {"Name": "again", "TargetType": "lambda"},
    "AWS::Events::Rule": {"Name": "again", "EventPattern": {"source": ["a"]}},
    "AWS::IAM::Role": {"RoleName": "again", "AssumeRolePolicyDocument": TRUST},
    "AWS::Logs::LogGroup": {"LogGroupName": "again"},
    "AWS::S3::Bucket": {"BucketName": "again-123456789012"},
    "AWS::SNS::Topic": {"TopicName": "again"},
}


@pytest.mark.parametrize("kind", examples(NAMED, "AWS::Events::Rule", "AWS::Logs::LogGroup"))
def test_a_name_that_is_used_again_has_no_tags_of_before(aws: Aws, kind: str) -> None:
    stack = f"again-{kind.split('::')[-1]}"
    for tags in (TAGS, [{"Key": "C", "Value": "4"}]):
        body = {"Resources": {"It": {"Type": kind, "Properties": {**NAMED[kind], "Tags": tags}}}}
        created = aws.deploy(stack, body, Capabilities=["CAPABILITY_NAMED_IAM"])
        assert created["StackStatus"] == "CREATE_COMPLETE", [
            event.get("ResourceStatusReason") for event in aws.events(stack)
        ]
        assert aws.delete(stack)["StackStatus"] == "DELETE_COMPLETE"


def test_a_policy_binds_whom_its_stack_names(aws: Aws) -> None:
    """It is attached to groups and roles, detached from whom the template names no more, and from all at its end."""
    iam = aws.client("iam")
    for group in ("web", "api"):
        iam.create_group(GroupName=group)
    iam.create_role(RoleName="row-team", AssumeRolePolicyDocument=json.dumps(TRUST))

    def template(**names: list[str]) -> dict[str, Any]:
        properties = {"PolicyDocument": POLICY, **names}
        return {"Resources": {"One": {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}}}

    def bound() -> list[str]:
        policy = aws.resources("row-binding")["One"]["PhysicalResourceId"]
        entities = iam.list_entities_for_policy(PolicyArn=policy)
        groups = sorted(entity["GroupName"] for entity in entities["PolicyGroups"])
        return [*groups, *(entity["RoleName"] for entity in entities["PolicyRoles"])]

    stack = aws.deploy("row-binding", template(Groups=["api", "web"], Roles=["row-team"]))
    assert (stack["StackStatus"], bound()) == ("CREATE_COMPLETE", ["api", "web", "row-team"])
    assert aws.deploy("row-binding", template(Groups=["web"]), "UPDATE")["StackStatus"] == "UPDATE_COMPLETE"
    assert bound() == ["web"]
    nobody = aws.deploy("row-binding", template(Groups=["web", "nobody"]), "UPDATE")
    assert (nobody["StackStatus"], bound()) == ("UPDATE_ROLLBACK_COMPLETE", ["web"])
    assert aws.delete("row-binding")["StackStatus"] == "DELETE_COMPLETE"
    assert iam.list_attached_group_policies(GroupName="web")["AttachedPolicies"] == []


def test_a_record_is_made_changed_renamed_and_taken_away(aws: Aws) -> None:
    """It is read back from its zone, and no record of somebody else is overwritten. Another name is no replacement:
    the record keeps its physical id, and the old name is gone."""
    route53 = aws.client("route53")
    zone = route53.create_hosted_zone(Name="record.test", CallerReference="x")["HostedZone"]["Id"].rpartition("/")[2]

    def template(target: str, name: str = "a.record.test") -> dict[str, Any]:
        alias = {"DNSName": target, "HostedZoneId": "Z2FDTNDATAQYW2", "EvaluateTargetHealth": False}
        record = {"Name": name, "Type": "A", "HostedZoneId": zone, "AliasTarget": alias}
        return {"Resources": {"One": {"Type": "AWS::Route53::RecordSet", "Properties": record}}}

    def shown() -> dict[str, str]:
        records = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        return {record["Name"]: record["AliasTarget"]["DNSName"] for record in records if record["Type"] == "A"}

    assert aws.deploy("record", template("one.test"))["StackStatus"] == "CREATE_COMPLETE"
    assert aws.deploy("record", template("two.test"), "UPDATE")["StackStatus"] == "UPDATE_COMPLETE"
    assert shown() == {"a.record.test.": "two.test"}
    assert aws.deploy("record-again", template("three.test"))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert shown() == {"a.record.test.": "two.test"}
    physical = aws.resources("record")["One"]["PhysicalResourceId"]
    assert aws.deploy("record", template("two.test", "b.record.test"), "UPDATE")["StackStatus"] == "UPDATE_COMPLETE"
    assert shown() == {"b.record.test.": "two.test"}
    assert aws.resources("record")["One"]["PhysicalResourceId"] == physical
    assert aws.deploy("another", template("four.test", "c.record.test"))["StackStatus"] == "CREATE_COMPLETE"
    taken = aws.deploy("record", template("two.test", "c.record.test"), "UPDATE")
    assert taken["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert shown() == {"b.record.test.": "two.test", "c.record.test.": "four.test"}
    aws.delete("record")
    aws.delete("another")
    assert shown() == {}


def test_exceptions_belong_to_rows_and_say_what_is_kept() -> None:
    named = [*readback.WITHHELD.items(), *readback.NOT_SHOWN.items()]
    assert named
    for kind, properties in named:
        assert kind in ROWS
        assert properties
        assert all(properties.values())
    assert readback.TYPES.keys() <= ROWS.keys()
    assert all(not ROWS[kind].create for kind in readback.TYPES)


def test_rows_that_recreate_hold_no_data() -> None:
    recreated = {kind for kind, row in ROWS.items() if row.recreate}
    assert recreated == {"AWS::Budgets::Budget", "AWS::CloudFront::Function", "AWS::CodeBuild::Project"}


def test_what_no_row_can_change_is_rolled_back_with_a_reason(aws: Aws) -> None:
    properties: dict[str, Any] = {"RepositoryName": "source", "RepositoryDescription": "a"}
    template: dict[str, Any] = {"Resources": {"One": {"Type": "AWS::CodeCommit::Repository", "Properties": properties}}}
    aws.deploy("row-unchangeable", template)
    properties["RepositoryDescription"] = "b"
    assert aws.deploy("row-unchangeable", template, "UPDATE")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    [failed] = [event for event in aws.events("row-unchangeable") if event["ResourceStatus"] == "UPDATE_FAILED"]
    assert "RepositoryDescription cannot be changed on the local AWS" in failed["ResourceStatusReason"]
    kept = aws.client("codecommit").get_repository(repositoryName="source")["repositoryMetadata"]
    assert kept["repositoryDescription"] == "a"
    aws.delete("row-unchangeable")


def test_access_logs_of_a_bucket_are_switched_off_again(aws: Aws) -> None:
    def template(**logging: Any) -> dict[str, Any]:
        logs = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": {"BucketName": "row-logs"}}
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::row-logs/*",
        }
        admission = {"Bucket": {"Ref": "Logs"}, "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
        logged = {"BucketName": "row-logged", **logging}
        return {
            "Resources": {
                "Logs": logs,
                "Admission": {"Type": "AWS::S3::BucketPolicy", "Properties": admission},
                "Logged": {"Type": "AWS::S3::Bucket", "DependsOn": "Admission", "Properties": logged},
            }
        }

    switched = {"LoggingConfiguration": {"DestinationBucketName": {"Ref": "Logs"}, "LogFilePrefix": "x/"}}
    assert aws.deploy("row-logging", template(**switched))["StackStatus"] == "CREATE_COMPLETE"
    assert aws.client("s3").get_bucket_logging(Bucket="row-logged")["LoggingEnabled"]["TargetPrefix"] == "x/"
    assert aws.deploy("row-logging", template(), "UPDATE")["StackStatus"] == "UPDATE_COMPLETE"
    assert "LoggingEnabled" not in aws.client("s3").get_bucket_logging(Bucket="row-logged")


def test_a_secret_that_a_person_fills_is_created_empty_and_keeps_what_it_is_given(aws: Aws) -> None:
    """With neither SecretString nor GenerateSecretString (schema of AWS::SecretsManager::Secret) it has no version."""

    def body(text: str) -> dict[str, Any]:
        return {"Resources": {"Key": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Description": text}}}}

    assert aws.deploy("empty-secret", body("a"))["StackStatus"] == "CREATE_COMPLETE", aws.events("empty-secret")
    secrets = aws.client("secretsmanager")
    [arn] = [each["ARN"] for each in secrets.list_secrets()["SecretList"] if each.get("Description") == "a"]
    assert not secrets.describe_secret(SecretId=arn).get("VersionIdsToStages")
    secrets.put_secret_value(SecretId=arn, SecretString="of-a-person")
    assert aws.deploy("empty-secret", body("b"), "UPDATE")["StackStatus"] == "UPDATE_COMPLETE"
    assert secrets.get_secret_value(SecretId=arn)["SecretString"] == "of-a-person"
    assert aws.delete("empty-secret")["StackStatus"] == "DELETE_COMPLETE"


def test_metadata_of_an_object_keeps_its_name(aws: Aws) -> None:
    """Underscores, too, which a server of Python's drops from headers."""
    aws.s3.put_object(Bucket=BUCKET, Key="described", Body=b"", Metadata={"codebuild_buildid": "1", "with-dash": "2"})
    described = aws.s3.head_object(Bucket=BUCKET, Key="described")
    assert described["Metadata"] == {"codebuild_buildid": "1", "with-dash": "2"}
    aws.s3.delete_object(Bucket=BUCKET, Key="described")
