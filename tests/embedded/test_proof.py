"""The proof: our own templates, deployed, then every resource read back through its own service and compared, property
by property, with what the template says. What moto does not hold is a named exception, counted."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from scripts.embedded import readback
from scripts.embedded.evaluate import Scope, parameters
from scripts.embedded.resources import thing
from scripts.embedded.schemas import tagged
from scripts.embedded.services import Services
from scripts.embedded.structure import read
from tests.embedded.support import Aws, outputs

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
STACK = "AWS::CloudFormation::Stack"
SHARED, ENVIRONMENT = "cloud-health-shared", "cloud-health-local"
Lost = tuple[str, str, str]  # logical id, type, path of the property
TAGS = {"CostCenter": "4711"}
SET = {
    "Environment": "local",
    "BranchName": "develop",
    "CloudFrontPrefixListId": "pl-3b927c52",
    "BackendBootstrap": "true",
    "BackendImage": "none",
    "ConfigurationDigest": "0123456789abcdef",
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
    """Every resource type of the two roots and of what they nest."""
    files = [TEMPLATES / "shared.json", TEMPLATES / "environment.json"]
    found: set[str] = set()
    for file in files:
        for resource in json.loads(file.read_text(encoding="utf-8"))["Resources"].values():
            if resource["Type"] == STACK:
                files.append(TEMPLATES / resource["Properties"]["TemplateURL"])
            else:
                found.add(resource["Type"])
    return found


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
    assert environment["StackStatus"] == "CREATE_COMPLETE", aws.events("cloud-health-local")
    yield {"shared": shared, "environment": environment}
    for stack in ("cloud-health-local", "cloud-health-shared"):
        assert aws.delete(stack)["StackStatus"] == "DELETE_COMPLETE"


def leaves(aws: Aws, services: Services, stack: str, tags: dict[str, str]) -> Iterator[tuple[str, str, list[str]]]:
    """(type, address, paths that the service does not hold) of every resource of a stack and those nested in it."""
    [shown] = aws.stacks.describe_stacks(StackName=stack)["Stacks"]
    text = json.dumps(aws.stacks.get_template(StackName=stack)["TemplateBody"])
    given = {one["ParameterKey"]: one["ParameterValue"] for one in shown["Parameters"]}
    body = read(text)
    pseudo = {
        "AWS::Region": services.region,
        "AWS::AccountId": services.account,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::StackName": shown["StackName"],
        "AWS::StackId": shown["StackId"],
    }
    zones = tuple(f"{services.region}{letter}" for letter in "abc")
    scope = Scope(body, parameters(body, given, str), pseudo, zones=zones).check()
    resources = aws.resources(stack)
    wanted = {name for name, one in body.resources.items() if scope.exists(one.body)}
    assert wanted == set(resources), f"{stack}: resources are missing or too many"
    for name, one in resources.items():
        nested = one["ResourceType"] == STACK
        physical = one["PhysicalResourceId"]
        found: dict[str, Any] = {}
        if nested:
            [child] = aws.stacks.describe_stacks(StackName=physical)["Stacks"]
            found = {f"Outputs.{key}": value for key, value in outputs(child).items()}
        scope.found[name] = (physical, found)
    for name, one in resources.items():  # attributes need properties only of the resource itself
        if one["ResourceType"] != STACK:
            made = thing(services, one["ResourceType"], {**names(one)}, one["PhysicalResourceId"])
            scope.found[name] = (one["PhysicalResourceId"], Attributes(made, scope, name))
    for name, one in resources.items():
        properties = tagged(one["ResourceType"], scope.resolve(dict(body.resources[name].properties)), tags)
        if one["ResourceType"] == STACK:
            own = {tag["Key"]: tag["Value"] for tag in properties["Tags"]}
            yield from leaves(aws, services, one["PhysicalResourceId"], own)
            continue
        secret = properties.get("SecretString", "")
        if "{{resolve:secretsmanager:" in secret:
            reference = secret.removeprefix("{{resolve:secretsmanager:").partition("}}")
            seed = aws.client("secretsmanager").get_secret_value(SecretId=reference[0])["SecretString"]
            properties["SecretString"] = seed + reference[2]
        made = thing(services, one["ResourceType"], properties, one["PhysicalResourceId"])
        yield one["ResourceType"], f"{stack}.{name}", list(readback.unheld(made, made.read()))


def compared(
    aws: Aws,
    services: Services,
    tags: dict[str, str],
    seen: set[str] | None = None,
    stacks: Sequence[str] = (ENVIRONMENT,),
) -> tuple[set[Lost], set[Lost]]:
    """What is read back otherwise than the template says, and what the embedded AWS tells of that for these stacks."""
    lost: set[Lost] = set()
    for stack in stacks:
        for kind, address, paths in leaves(aws, services, stack, tags):
            (seen if seen is not None else set()).add(kind)
            lost |= {(address.rpartition(".")[2], kind, path) for path in paths}
    told = [one for one in aws.endpoint.exceptions() if one["Stack"].startswith(tuple(stacks))]
    return lost, {(one["Resource"], one["Type"], one["Property"]) for one in told}


class Attributes(dict[str, Any]):
    """The attributes of a resource, read from its service when one is asked for."""

    def __init__(self, made: Any, scope: Scope, name: str) -> None:
        super().__init__()
        self.made, self.scope, self.name = made, scope, name

    def __contains__(self, key: object) -> bool:
        return key in self.made.row.attributes

    def __getitem__(self, key: str) -> Any:
        self.made.properties = self.scope.resolve(dict(self.scope.template.resources[self.name].properties))
        return self.made.attributes(self.made.read())[key]


def names(_: Any) -> dict[str, Any]:
    return {}


@pytest.fixture(scope="module")
def services(aws: Aws) -> Services:
    return Services(aws.endpoint.url, aws.endpoint.region, aws.endpoint.account)


def test_every_property_is_read_back(aws: Aws, services: Services, deployed: dict[str, Any]) -> None:
    assert deployed
    seen: set[str] = set()
    lost, told = compared(aws, services, TAGS, seen, (SHARED, ENVIRONMENT))
    assert len(seen) > 40
    assert lost == told, "what is not held is exactly what the embedded AWS tells"
    assert all(one["Kept"] for one in aws.endpoint.exceptions())


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
    found = outputs(deployed["environment"])
    stages = aws.client("codepipeline").get_pipeline(name=found["Pipeline"])["pipeline"]["stages"]
    assert stages[0]["name"] == "Source"
    s3 = aws.s3
    rule = s3.get_bucket_encryption(Bucket=found["ArtifactBucketName"])["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == found["KeyArn"]
    assert all(s3.get_public_access_block(Bucket=found["SiteBucketName"])["PublicAccessBlockConfiguration"].values())
    table = aws.client("dynamodb").describe_table(TableName=SET["ClientsTable"])["Table"]
    assert {one["IndexName"] for one in table["GlobalSecondaryIndexes"]} == {"AwsAccountIdIndex", "EmailIndex"}
    secret = aws.client("secretsmanager").get_secret_value(SecretId=found["EncryptionSecretArn"])["SecretString"]
    assert len(secret) == 44
    assert secret.endswith("=")
    services = aws.client("ecs").describe_services(cluster=found["RunningCluster"], services=[found["RunningService"]])
    assert services["services"][0]["desiredCount"] == 0
    subscriptions = aws.client("sns").list_subscriptions_by_topic(TopicArn=found["TopicArn"])["Subscriptions"]
    assert {one["Protocol"] for one in subscriptions} == {"email", "sms"}


def test_the_comparison_finds_what_was_changed_behind_its_back(
    aws: Aws, services: Services, deployed: dict[str, Any]
) -> None:
    sns, logs = aws.client("sns"), aws.client("logs")
    key = {"TopicArn": outputs(deployed["environment"])["TopicArn"], "AttributeName": "KmsMasterKeyId"}
    group = logs.describe_log_groups(logGroupNamePrefix=ENVIRONMENT)["logGroups"][0]
    sns.set_topic_attributes(**key, AttributeValue="other")
    logs.put_retention_policy(logGroupName=group["logGroupName"], retentionInDays=1)
    lost, told = compared(aws, services, TAGS)
    sns.set_topic_attributes(**key, AttributeValue=outputs(deployed["environment"])["KeyArn"])
    logs.put_retention_policy(logGroupName=group["logGroupName"], retentionInDays=group["retentionInDays"])
    assert {(kind, path) for _, kind, path in lost - told} == {
        ("AWS::SNS::Topic", "KmsMasterKeyId"),
        ("AWS::Logs::LogGroup", "RetentionInDays"),
    }


def test_a_later_apply_and_back(aws: Aws, services: Services, deployed: dict[str, Any]) -> None:
    """Everything that can change in place, there and back: bootstrap over, other values, other tags."""
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
    for values, tags in ((later, {"CostCenter": "1"}), (before, TAGS)):
        more: dict[str, Any] = {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        stack = aws.deploy(
            "cloud-health-local", body, "UPDATE", parameters=values, Capabilities=["CAPABILITY_NAMED_IAM"], **more
        )
        assert stack["StackStatus"] == "UPDATE_COMPLETE", aws.events("cloud-health-local")[-20:]
        seen: set[str] = set()
        lost, told = compared(aws, services, tags, seen)
        assert lost == told
        if values is later:
            assert kinds() <= seen | {one["ResourceType"] for one in aws.resources(SHARED).values()}, (
                "of every type one"
            )
        assert ("AWS::ApplicationAutoScaling::ScalingPolicy" in seen) is (values is later)
