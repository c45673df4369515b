"""What holds data: key, buckets, tables, images."""

import json

import botocore.session
import pytest

from generator.cfn.assertions import conditions
from generator.cfn.graph import dependencies
from generator.cfn.intrinsics import render
from generator.cfn.permissions import permissions
from generator.cfn.templates import TemplateSet
from tests.support.design import BOTH, arn, attribute, chosen, declaration, default, exists, grants, ref, sub, under

TAKES_A_KEY: dict[str, tuple[str, ...]] = {
    "AWS::CodeBuild::Project": ("EncryptionKey",),
    "AWS::CodePipeline::Pipeline": ("ArtifactStore", "EncryptionKey", "Id"),
    "AWS::DynamoDB::Table": ("SSESpecification", "KMSMasterKeyId"),
    "AWS::ECR::Repository": ("EncryptionConfiguration", "KmsKey"),
    "AWS::Logs::LogGroup": ("KmsKeyId",),
    "AWS::SNS::Topic": ("KmsMasterKeyId",),
    "AWS::SecretsManager::Secret": ("KmsKeyId",),
}


def test_key_policy(templates: TemplateSet) -> None:
    """The account and services, never a role or a distribution: those are made later and replaced sooner."""
    key = templates.resource("encryption.Key")
    assert all(grant.allows and grant.resources == ("*",) for grant in grants(templates, "encryption.Key").values())
    [logs] = grants(templates, "encryption.Key")["LogsEncrypt"].conditions
    assert (logs.key, logs.values) == ("kms:EncryptionContext:aws:logs:arn", (arn("logs", "log-group:*"),))
    for name in ("AlarmsPublish", "BudgetsPublish"):
        [condition] = grants(templates, "encryption.Key")[name].conditions
        assert (condition.key, condition.values) == ("aws:SourceAccount", ("${AWS::AccountId}",))
    # Whether the deploy action of S3 encrypts the page with this key nobody documents; CloudFront may read it then.
    reads = grants(templates, "encryption.Key")["CloudFrontReads"]
    assert (reads.actions, {condition.key for condition in reads.conditions}) == (("kms:Decrypt",), {"aws:SourceArn"})
    assert key.get("EnableKeyRotation") is True
    assert {who for grant in grants(templates, "encryption.Key").values() for who in grant.principals} == {
        "AWS:arn:${AWS::Partition}:iam::${AWS::AccountId}:root",
        "Service:logs.${AWS::Region}.amazonaws.com",
        "Service:cloudwatch.amazonaws.com",
        "Service:budgets.amazonaws.com",
        "Service:cloudfront.amazonaws.com",
    }
    assert templates.resource("encryption.Alias").get("TargetKeyId") == ref("Key")


# Calls of KMS about a key that ours can never be the key of. KMS API reference, each call.
OTHER_KEYS = {
    "an asymmetric key": "Decapsulate DeriveSharedSecret Encapsulate GenerateDataKeyPair "
    "GenerateDataKeyPairWithoutPlaintext GetPublicKey Sign Verify",
    "an HMAC key": "GenerateMac VerifyMac",
    "imported key material": "DeleteImportedKeyMaterial GetParametersForImport ImportKeyMaterial",
    "a multi-Region key": "UpdatePrimaryRegion",
    "no permission on a key": "ListAliases",
}


@pytest.mark.parametrize("address", ["encryption.Key", "edge.Key"])
def test_the_account_may_do_with_its_key_whatever_there_is(templates: TemplateSet, address: str) -> None:
    """A call that the key policy leaves out is nobody's, not even an administrator's."""
    model = botocore.session.Session().get_service_model("kms")
    shapes = {name: model.operation_model(name).input_shape for name in model.operation_names}
    about = {name for name, shape in shapes.items() if {"KeyId", "TargetKeyId"} & set(shape.members if shape else ())}
    others = {name for names in OTHER_KEYS.values() for name in names.split()}
    calls = (about - others - {"ReEncrypt"}) | {"DeleteAlias", "ListRetirableGrants", "ReEncryptFrom", "ReEncryptTo"}
    assert {f"kms:{name}" for name in calls} == set(grants(templates, address)["AccountDecides"].actions)


def test_our_key_on_everything_that_takes_one(templates: TemplateSet) -> None:
    result = 0
    for kind, place in TAKES_A_KEY.items():
        for resource in templates.resources(kind):
            key = attribute("Key") if resource.template == "edge" else ref("KeyArn")
            assert resource.get(*place) == key, resource.address
            result += 1
    assert result > 20
    for address in ("backend.TaskLogs", "network.FlowLogs", "configuration.JwtSecret", "data.Clients"):
        assert templates.resource(address).type in TAKES_A_KEY


def test_buckets(templates: TemplateSet) -> None:
    ours = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": ref("KeyArn")}
    policies = {"storage.Artifacts": "storage.ArtifactsPolicy", "storage.Logs": "storage.LogsPolicy"}
    for address in (*policies, "site.Site"):
        bucket = templates.resource(address)
        [rule] = bucket.get("BucketEncryption", "ServerSideEncryptionConfiguration", default=[])
        expected = ours if address == "storage.Artifacts" else {"SSEAlgorithm": "AES256"}
        assert rule["ServerSideEncryptionByDefault"] == expected
        assert set(bucket.get("PublicAccessBlockConfiguration").values()) == {True}
        assert bucket.get("VersioningConfiguration") == {"Status": "Enabled"}
        deny = grants(templates, policies.get(address, "delivery.SitePolicy"))["OnlyOverTls"]
        assert (deny.effect, deny.principals, deny.actions) == ("Deny", ("*",), ("s3:*",))
        assert [(condition.key, condition.values) for condition in deny.conditions] == [
            ("aws:SecureTransport", ("false",))
        ]
        assert [resource.removesuffix("/*") == deny.resources[0] for resource in deny.resources] == [True, True]
        rules = bucket.get("LifecycleConfiguration", "Rules")
        assert {rule["Status"] for rule in rules} == {"Enabled"}
        assert rules[0]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    for name in ("Artifacts", "Logs"):
        assert templates.resource(f"storage.{name}Policy").get("Bucket") == ref(name)
    # S3 lets nobody log into a bucket whose policy does not let the logging service in.
    assert "LogsPolicy" in dependencies(templates["storage"])["Artifacts"]
    anybody = [
        permission
        for permission in permissions(templates)
        if permission.allows and permission.kind == "resource" and "*" in permission.principals
    ]
    assert anybody == []


def test_tables(templates: TemplateSet) -> None:
    """The five tables of the application, with its keys, indexes and expiry."""
    by_account, by_mail = (("AwsAccountIdIndex", ["aws_account_id"]), ("EmailIndex", ["email"]))
    by_metric = ("MetricNameIndex", ["gsi1_pk", "sk"])
    for name, indexes, ttl in (
        ("Clients", [by_account, by_mail], None),
        ("Metrics", [by_metric], "ttl"),
        ("Costs", [], "ttl"),
        ("Security", [], None),
        ("Recommendations", [], None),
    ):
        table = templates.resource(f"data.{name}")
        assert table.get("TableName") == ref(f"{name}Table")
        assert table.get("BillingMode") == "PAY_PER_REQUEST"
        assert [(item["AttributeName"], item["KeyType"]) for item in table.get("KeySchema")] == [
            ("pk", "HASH"),
            ("sk", "RANGE"),
        ]
        used = {"pk", "sk", *(key for _, keys in indexes for key in keys)}
        attributes = {
            attribute_definition["AttributeName"]: attribute_definition["AttributeType"]
            for attribute_definition in table.get("AttributeDefinitions")
        }
        assert attributes == dict.fromkeys(used, "S")
        encryption = table.get("SSESpecification")
        assert encryption == {"KMSMasterKeyId": ref("KeyArn"), "SSEEnabled": True, "SSEType": "KMS"}
        assert table.get("TimeToLiveSpecification", "Enabled") is (True if ttl else None)
        assert table.get("PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled") is True
        assert table.get("TimeToLiveSpecification", "AttributeName") == ttl
        result = table.get("GlobalSecondaryIndexes", default=[])
        assert [(item["IndexName"], [key["AttributeName"] for key in item["KeySchema"]]) for item in result] == indexes
        assert all(item["Projection"] == {"ProjectionType": "ALL"} for item in result)
    assert not exists(templates, "environment.Data", **BOTH, DataTables="EXISTING")


def test_findings_of_the_scan_stop_a_release_in_production(templates: TemplateSet) -> None:
    variables = {
        entry["Name"]: entry["Value"]
        for entry in templates.resource("build.Push").get("Environment", "EnvironmentVariables")
    }
    assert variables["SCAN_FINDINGS_BLOCK"] == ref("ScanFindingsBlock")
    assert variables["ACCEPTED_FINDINGS"] == ""
    assert default(templates, "ScanFindingsBlock") == chosen("production")["ScanFindingsBlock"] == "CRITICAL"
    assert chosen("staging")["ScanFindingsBlock"] == "NONE"


def test_images_are_signed_where_shared_says_so(templates: TemplateSet) -> None:
    """The registry's signing configuration is one for the account: a child of `shared`, off by default. What pushes the
    images may sign with that profile while there is one, and with no other."""
    root = templates["shared"]
    assert root.parameters["ImageSigning"]["Default"] == "false"
    assert root.resources["Signing"].body["Condition"] == root.body["Outputs"]["SigningProfileArn"]["Condition"]
    assert root.body["Conditions"] == {"SignsImages": {"Fn::Equals": [ref("ImageSigning"), "true"]}}
    assert templates.resource("signing.Profile").get("PlatformId") == "Notation-OCI-SHA384-ECDSA"
    [rule] = templates.resource("signing.Registry").get("Rules")
    assert rule["SigningProfileArn"] == {"Fn::GetAtt": ["Profile", "Arn"]}
    assert rule["RepositoryFilters"] == [{"Filter": "cloud-health-dashboard-*", "FilterType": "WILDCARD_MATCH"}]
    push = templates.resource("build.Push").get("Environment", "EnvironmentVariables")
    [profile] = [entry["Value"] for entry in push if entry["Name"] == "SIGNING_PROFILE"]
    assert profile == {"Fn::If": ["SignsImages", ref("SigningProfileArn"), ""]}
    [signing] = [
        policy["Fn::If"] for policy in templates.resource("build.PushRole").get("Policies") if "signer:" in str(policy)
    ]
    assert signing[0] == "SignsImages" and signing[2] == {"Ref": "AWS::NoValue"}
    statements = {entry["Sid"]: entry for entry in signing[1]["PolicyDocument"]["Statement"]}
    assert statements["SignImage"]["Action"] == ["signer:SignPayload"]
    assert statements["SignImage"]["Resource"] == [ref("SigningProfileArn")]
    roles = [resource.address for resource in templates.resources() if "signer:SignPayload" in str(resource.body)]
    assert sorted(roles) == ["access.RoleBoundary", "build.PushRole"]


def test_registry(templates: TemplateSet) -> None:
    images = templates.resource("registry.Images")
    assert images.get("ImageTagMutability") == "IMMUTABLE"
    assert images.get("ImageScanningConfiguration") == {"ScanOnPush": True}
    assert images.get("EncryptionConfiguration") == {"EncryptionType": "KMS", "KmsKey": ref("KeyArn")}
    assert images.get("RepositoryPolicyText") is None
    # Every push makes an image, and the one that runs is pulled at each start of a task: no number pushes it out.
    text = render(images.get("LifecyclePolicy", "LifecyclePolicyText")).replace("${ImagesKept}", "100")
    good, others = (rule["selection"] for rule in json.loads(text)["rules"])
    assert (good["tagPrefixList"], good["countType"], good["countNumber"]) == (["released-"], "imageCountMoreThan", 100)
    assert (others["tagStatus"], others["countType"], others["countUnit"]) == ("any", "sinceImagePushed", "days")
    longest = declaration(templates, "ApprovalTimeoutMinutes")["MaxValue"] / (24 * 60)
    assert longest + 7 < others["countNumber"], "an image that waits for its approval does not expire either"
    verification = templates.resource("build.Verify").get("Environment", "EnvironmentVariables")
    assert {"Name": "RELEASED_TAG", "Type": "PLAINTEXT", "Value": "released-"} in verification
    assert default(templates, "ImagesKept") == "100"
    assert declaration(templates, "ImagesKept")["MinValue"] == 50
    stack = under(templates, "environment.Build", **BOTH, ExistingRepositoryName="")
    assert stack["Parameters"]["RegistryUri"] == {"Fn::GetAtt": ["Registry", "Outputs.RegistryUri"]}
    adopted = under(templates, "environment.Build", **BOTH, ExistingRepositoryName="earlier")
    assert adopted["Parameters"]["RegistryUri"] == sub(
        "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/${ExistingRepositoryName}"
    )


def test_production_refuses_to_be_deleted_from_the_first_release_on(templates: TemplateSet) -> None:
    """Before it a first creation that fails takes away what it made."""
    assert default(templates, "DeletionProtection") == "false"
    assert chosen("production")["DeletionProtection"] == "true"
    for template in ("data", "ingress"):
        body = templates[template].body
        for protection, bootstrap in (("true", "false"), ("true", "true"), ("false", "false")):
            values = {"DeletionProtection": protection, "BackendBootstrap": bootstrap}
            outcome = conditions(body, {**dict.fromkeys(templates[template].parameters, ""), **values})
            assert outcome["Protected"] is (protection == "true" and bootstrap == "false")
    for table in templates["data"].resources.values():
        assert table.get("DeletionProtectionEnabled") == {"Fn::If": ["Protected", True, False]}
    [value] = [
        attribute["Value"]
        for attribute in templates.resource("ingress.LoadBalancer").get("LoadBalancerAttributes")
        if attribute["Key"] == "deletion_protection.enabled"
    ]
    assert value == {"Fn::If": ["Protected", "true", "false"]}
