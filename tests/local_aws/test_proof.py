"""The proof: our own templates, deployed, then every resource read back through its own service and compared, property
by property, with what the template says. What moto does not hold is a named exception, counted."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from generator.cfn.instance import stack_instances
from generator.cfn.templates import load
from tests.local_aws.reading import STACK, compared
from tests.local_aws.support import Aws, outputs

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
SHARED, ENVIRONMENT = "cloud-health-shared", "cloud-health-local"
TAGS = {"CostCenter": "4711"}
SET = {
    "Environment": "local",
    "BranchName": "develop",
    "CloudFrontPrefixListId": "pl-3b927c52",
    "ZoneA": "us-east-1a",
    "ZoneB": "us-east-1b",
    "BackendBootstrap": "true",
    "BackendImage": "none",
    "ConfigurationDigest": "0123456789abcdef",
    "EdgeCertificateArn": "",
    "RoleBoundaryArn": "",
    "SigningProfileArn": "",
    "PlatformArn": "none",
    "NotificationEmail": "team@example.com",
    "NotificationPhone": "+491700000000",
    "ClientsTable": "CloudHealthClients-local",
    "MetricsTable": "CloudHealthMetrics-local",
    "CostsTable": "CloudHealthCosts-local",
    "SecurityTable": "SecurityFindings-local",
    "RecommendationsTable": "Recommendations-local",
}


def template(aws: Aws, name: str) -> Any:
    """A rendered template, its children uploaded and addressed."""
    body = json.loads((TEMPLATES / f"{name}.json").read_text(encoding="utf-8"))
    for resource in body["Resources"].values():
        if resource["Type"] == STACK:
            child = resource["Properties"]["TemplateURL"]
            text = json.loads((TEMPLATES / child).read_text(encoding="utf-8"))
            resource["Properties"]["TemplateURL"] = aws.put(child, text)
    return body


def kinds() -> set[str]:
    """Every resource type that the two roots, and what they nest, make with these values; what a domain adds is read
    back in tests/local_aws/test_rows.py."""
    templates = load(TEMPLATES)
    stacks = [instance for root in ("shared", "environment") for instance in stack_instances(templates[root], SET)]
    return {
        resource.type for stack in stacks for resource in stack.template.resources.values() if resource.type != STACK
    }


def known(body: Any, values: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in values.items() if key in body["Parameters"]}


@pytest.fixture(scope="module")
def deployed(aws: Aws) -> Iterator[dict[str, Any]]:
    more: dict[str, Any] = {"Tags": [{"Key": key, "Value": value} for key, value in TAGS.items()]}
    more["Capabilities"] = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
    body = template(aws, "shared")
    shared = aws.deploy("cloud-health-shared", body, **more)
    assert shared["StackStatus"] == "CREATE_COMPLETE"
    body = template(aws, "environment")
    values = known(body, {**SET, "RepositoryName": outputs(shared)["RepositoryName"]})
    environment = aws.deploy("cloud-health-local", body, parameters=values, **more)
    reasons = [event for event in aws.events("cloud-health-local") if "FAILED" in event["ResourceStatus"]]
    assert environment["StackStatus"] == "CREATE_COMPLETE", reasons
    yield {"shared": shared, "environment": environment}
    for stack in ("cloud-health-local", "cloud-health-shared"):
        assert aws.delete(stack)["StackStatus"] == "DELETE_COMPLETE"


def test_every_property_is_read_back(aws: Aws, deployed: dict[str, Any]) -> None:
    assert deployed["environment"]["Tags"] == [{"Key": key, "Value": value} for key, value in TAGS.items()]
    seen = set()
    for stack in (SHARED, ENVIRONMENT):
        lost, reported, kinds = compared(aws, stack)
        assert lost == reported, "what is not held is exactly what the local AWS tells"
        seen |= kinds
    assert len(seen) > 40
    assert all(entry["Kept"] for entry in aws.endpoint.exceptions())


def test_a_second_time_nothing_changes(aws: Aws, deployed: dict[str, Any]) -> None:
    body = template(aws, "environment")
    values = known(body, {**SET, "RepositoryName": "cloud-health-dashboard"})
    plan = aws.plan(
        "cloud-health-local",
        body,
        parameters=values,
        Tags=deployed["environment"]["Tags"],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    assert plan["StatusReason"].startswith("The submitted information didn't contain changes.")
    aws.stacks.delete_change_set(ChangeSetName=plan["ChangeSetId"])


def test_the_services_themselves_agree(aws: Aws, deployed: dict[str, Any]) -> None:
    """Without the rows: what a person would look at."""
    values = outputs(deployed["environment"])
    stages = aws.client("codepipeline").get_pipeline(name=values["Pipeline"])["pipeline"]["stages"]
    assert stages[0]["name"] == "Source"
    s3 = aws.s3
    encryption = s3.get_bucket_encryption(Bucket=values["ArtifactBucketName"])["ServerSideEncryptionConfiguration"]
    rule = encryption["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == values["KeyArn"]
    assert all(s3.get_public_access_block(Bucket=values["SiteBucketName"])["PublicAccessBlockConfiguration"].values())
    table = aws.client("dynamodb").describe_table(TableName=SET["ClientsTable"])["Table"]
    assert {index["IndexName"] for index in table["GlobalSecondaryIndexes"]} == {"AwsAccountIdIndex", "EmailIndex"}
    secret = aws.client("secretsmanager").get_secret_value(SecretId=values["EncryptionSecretArn"])["SecretString"]
    assert len(secret) == 44
    assert secret.endswith("=")
    services = aws.client("ecs").describe_services(
        cluster=values["RunningCluster"], services=[values["RunningService"]]
    )
    assert services["services"][0]["desiredCount"] == 0
    subscriptions = aws.client("sns").list_subscriptions_by_topic(TopicArn=values["TopicArn"])["Subscriptions"]
    assert {subscription["Protocol"] for subscription in subscriptions} == {"email", "sms"}


def test_the_comparison_finds_what_was_changed_behind_its_back(aws: Aws, deployed: dict[str, Any]) -> None:
    sns, logs = aws.client("sns"), aws.client("logs")
    key = {"TopicArn": outputs(deployed["environment"])["TopicArn"], "AttributeName": "KmsMasterKeyId"}
    [group] = logs.describe_log_groups(logGroupNamePrefix=f"{ENVIRONMENT}-Network")["logGroups"]
    sns.set_topic_attributes(**key, AttributeValue="other")
    logs.put_retention_policy(logGroupName=group["logGroupName"], retentionInDays=1)
    children, differences = aws.resources(ENVIRONMENT), set()
    for name in ("Notifications", "Network"):
        lost, reported, _ = compared(aws, children[name]["PhysicalResourceId"])
        differences |= {(kind, path) for _, kind, path in lost - reported}
    sns.set_topic_attributes(**key, AttributeValue=outputs(deployed["environment"])["KeyArn"])
    logs.put_retention_policy(logGroupName=group["logGroupName"], retentionInDays=group["retentionInDays"])
    assert differences == {("AWS::SNS::Topic", "KmsMasterKeyId"), ("AWS::Logs::LogGroup", "RetentionInDays")}


@pytest.mark.soak
def test_a_later_apply_and_back(aws: Aws, deployed: dict[str, Any]) -> None:
    """Everything that can change in place, there and back: bootstrap over, other values. Other tags are refused,
    because a VPC origin in use takes none."""
    body = template(aws, "environment")
    before = known(body, {**SET, "RepositoryName": outputs(deployed["shared"])["RepositoryName"]})
    later = {
        **before,
        "BackendBootstrap": "false",
        "BackendImage": "repository/backend:abc",
        "ConfigurationDigest": "1123456789abcdef",
        "RedisUrl": "redis://10.0.0.5:6379/0",
        "TaskMemory": "2048",
        "ArtifactDays": "100",
        "LogRetentionDays": "30",
        "DomainName": "app.example.com",
        "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012",
    }
    for values, tags, status in (
        (before, {"CostCenter": "1"}, "UPDATE_ROLLBACK_COMPLETE"),
        (later, TAGS, "UPDATE_COMPLETE"),
        (before, TAGS, "UPDATE_COMPLETE"),
    ):
        more: dict[str, Any] = {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        stack = aws.deploy(
            "cloud-health-local", body, "UPDATE", parameters=values, Capabilities=["CAPABILITY_NAMED_IAM"], **more
        )
        assert stack["StackStatus"] == status, aws.events("cloud-health-local")[-20:]
        if values is later:
            lost, reported, seen = compared(aws, ENVIRONMENT)
            assert lost == reported
            seen |= {resource["ResourceType"] for resource in aws.resources(SHARED).values()}
            assert kinds() <= seen, "one of every type was read"
