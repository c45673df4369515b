"""The shape: the stacks, what binds all of them, and what the stores hold."""

import re

from generator.reading.contracts import children_are_fed
from generator.reading.graph import child_dependencies, givers, order
from generator.reading.permissions import permissions
from generator.reading.places import walk
from generator.reading.templates import STACK, TemplateSet
from generator.reading.values import render

from .support import BACKEND_ONLY, BOTH, FRONTEND_ONLY, default, exists, grants, ref, sub, under

CHILDREN = {
    "Encryption",
    "Storage",
    "Notifications",
    "Registry",
    "Data",
    "Network",
    "Site",
    "Ingress",
    "Delivery",
    "Configuration",
    "Backend",
    "Build",
    "Pipeline",
    "Monitoring",
}
HOLDS_DATA = {
    "AWS::CodeCommit::Repository",
    "AWS::DynamoDB::Table",
    "AWS::ECR::Repository",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
}
# Unique in the account, whatever the Region: the property that names each.
ACCOUNT_WIDE = {
    "delivery.PageRouting": ("Name",),
    "delivery.SiteAccess": ("OriginAccessControlConfig", "Name"),
    "delivery.ApiOrigin": ("VpcOriginEndpointConfig", "Name"),
    "monitoring.Budget": ("Budget", "BudgetName"),
}
TAGS = {"Application", "Component", "Environment", "ManagedBy"}


def test_roots_and_children(templates: TemplateSet) -> None:
    assert {root.name for root in templates.roots()} == {"shared", "environment"}
    root = templates["environment"]
    assert {name for name, one in root.resources.items() if one.type == STACK} == CHILDREN
    for child in root.children():
        assert child.resource.get("TemplateURL") == f"{child.resource.logical_id.lower()}.json"
    assert set(order(child_dependencies(root))) == CHILDREN  # or they would need each other in a circle
    assert list(children_are_fed(templates)) == []


def test_parameters_of_children_are_plain(templates: TemplateSet) -> None:
    """What a sibling gives is unknown at preview, so constraints stand on the roots."""
    root = templates["environment"]
    fed_by_siblings = 0
    for child in root.children():
        for name, declared in child.template.parameters.items():
            assert set(declared) == {"Type", "Description"}, f"{child.template.name}.{name}"
            assert declared["Type"] == "String"
            fed_by_siblings += any(giver.section == "Outputs" for giver in givers(root, child, name))
    assert fed_by_siblings > 50
    for one in (*root.parameters.values(), *templates["shared"].parameters.values()):
        assert {"AllowedValues", "AllowedPattern", "MinValue"} & one.keys()
        assert one["Description"]
    for name in CHILDREN:
        assert templates.resource(f"environment.{name}").get("Parameters")


def test_no_exports_and_no_macros(templates: TemplateSet) -> None:
    outputs = [output for template in templates for output in template.outputs.values()]
    assert len(outputs) > 50
    assert [output for output in outputs if "Export" in output] == []
    for template in templates:
        assert "Transform" not in template.body
        functions = {key for _, value in walk(template.body) if isinstance(value, dict) for key in value}
        assert not functions & {"Fn::ImportValue", "Fn::Transform", "Fn::ForEach"}, template.name
    assert templates["environment"].resources.keys() >= CHILDREN


def test_what_holds_data_is_retained(templates: TemplateSet) -> None:
    found = [one for one in templates.resources() if one.type in HOLDS_DATA]
    assert {one.type for one in found} == HOLDS_DATA
    for one in found:
        assert one.body.get("DeletionPolicy") == "RetainExceptOnCreate", one.address
        assert one.body.get("UpdateReplacePolicy") == "Retain", one.address
        # A generated name leaves nothing in the way of a second try; tables and repository are named by parameters.
        names = {"BucketName", "LogGroupName", "Name", "TableName"} & one.properties.keys()
        assert names == ({"TableName"} if one.type == "AWS::DynamoDB::Table" else set()), one.address
    stores = ("storage.Artifacts", "storage.Logs", "site.Site", "registry.Images", "encryption.Key", "data.Clients")
    assert set(stores) <= {one.address for one in found}


def test_names(templates: TemplateSet) -> None:
    roles = [one for one in templates.resources() if one.type.startswith("AWS::IAM::")]
    assert len(roles) > 10
    assert [one.address for one in roles if {"RoleName", "ManagedPolicyName"} & one.properties.keys()] == []
    for address, place in ACCOUNT_WIDE.items():
        name = render(templates.resource(address).get(*place))
        assert "${Environment}" in name, address
        assert "${AWS::Region}" in name, address


def test_nothing_volatile(templates: TemplateSet) -> None:
    """Tags reach every resource and parameters every child: what changes with a commit stands in neither."""
    tagged = 0
    for one in templates.resources():
        tags = one.get("Tags") or one.get("ResourceTags") or []
        pairs = tags.items() if isinstance(tags, dict) else [(tag["Key"], tag["Value"]) for tag in tags]
        values = {key: render(value) for key, value in pairs}
        if values:
            assert values.keys() >= TAGS, one.address
            assert values["Environment"] == "${Environment}"
            tagged += 1
    assert tagged > 80
    parameters = {name for template in templates for name in template.parameters}
    assert [name for name in parameters if re.search("Commit|Version$|Date|Build(Id|Number)", name)] == [
        name for name in parameters if name in ("PythonVersion", "NodeVersion")
    ]
    for template in templates:
        assert ("Version" in template.metadata["Generator"]) is (template in templates.roots())
    assert templates["environment"].resources.keys() >= CHILDREN


def test_one_side_only(templates: TemplateSet) -> None:
    backend = {"Network", "Ingress", "Configuration", "Backend", "Registry", "Data"}
    switches = {"ExistingKeyArn": "", "ExistingRepositoryName": "", "DataTables": "CREATE"}
    for given, missing in ((BOTH, set()), (FRONTEND_ONLY, backend), (BACKEND_ONLY, {"Site"})):
        there = {name for name in CHILDREN if exists(templates, f"environment.{name}", **given, **switches)}
        assert there == CHILDREN - missing
    [claim] = templates["environment"].body["Rules"]["SomethingToDeploy"]["Assertions"]
    assert "cannot both be NONE" in claim["AssertDescription"]


def test_key_policy(templates: TemplateSet) -> None:
    """The account and services, never a role or a distribution: those are made later and replaced sooner."""
    key = templates.resource("encryption.Key")
    assert key.get("EnableKeyRotation") is True
    assert {who for one in grants(templates, "encryption.Key").values() for who in one.principals} == {
        "AWS:arn:${AWS::Partition}:iam::${AWS::AccountId}:root",
        "Service:logs.${AWS::Region}.amazonaws.com",
        "Service:cloudwatch.amazonaws.com",
        "Service:budgets.amazonaws.com",
        "Service:events.amazonaws.com",
    }
    assert templates.resource("encryption.Alias").get("TargetKeyId") == ref("Key")


def test_buckets(templates: TemplateSet) -> None:
    ours = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": ref("KeyArn")}
    policies = {"storage.Artifacts": "storage.ArtifactsPolicy", "storage.Logs": "storage.LogsPolicy"}
    for address in (*policies, "site.Site"):
        bucket = templates.resource(address)
        [rule] = bucket.get("BucketEncryption", "ServerSideEncryptionConfiguration", default=[])
        wanted = ours if address == "storage.Artifacts" else {"SSEAlgorithm": "AES256"}
        assert rule["ServerSideEncryptionByDefault"] == wanted
        assert set(bucket.get("PublicAccessBlockConfiguration").values()) == {True}
        assert bucket.get("VersioningConfiguration") == {"Status": "Enabled"}
        deny = grants(templates, policies.get(address, "delivery.SitePolicy"))["OnlyOverTls"]
        assert (deny.effect, deny.principals, deny.actions) == ("Deny", ("*",), ("s3:*",))
        assert [(one.key, one.values) for one in deny.conditions] == [("aws:SecureTransport", ("false",))]
        assert len(deny.resources) == 2
    anybody = [one for one in permissions(templates) if one.allows and one.kind == "resource" and "*" in one.principals]
    assert anybody == []


def test_tables(templates: TemplateSet) -> None:
    """The five tables of the application, with its keys, indexes and expiry."""
    by_account, by_mail = ("AwsAccountIdIndex", ["aws_account_id"]), ("EmailIndex", ["email"])
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
        assert [(one["AttributeName"], one["KeyType"]) for one in table.get("KeySchema")] == [
            ("pk", "HASH"),
            ("sk", "RANGE"),
        ]
        assert table.get("SSESpecification", "KMSMasterKeyId") == ref("KeyArn")
        assert table.get("PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled") is True
        assert table.get("TimeToLiveSpecification", "AttributeName") == ttl
        found = table.get("GlobalSecondaryIndexes", default=[])
        assert [(one["IndexName"], [key["AttributeName"] for key in one["KeySchema"]]) for one in found] == indexes
        assert all(one["Projection"] == {"ProjectionType": "ALL"} for one in found)
    assert not exists(templates, "environment.Data", **BOTH, DataTables="EXISTING")


def test_registry(templates: TemplateSet) -> None:
    images = templates.resource("registry.Images")
    assert images.get("ImageTagMutability") == "IMMUTABLE"
    assert images.get("ImageScanningConfiguration") == {"ScanOnPush": True}
    assert images.get("EncryptionConfiguration") == {"EncryptionType": "KMS", "KmsKey": ref("KeyArn")}
    assert images.get("RepositoryPolicyText") is None
    assert default(templates, "ImagesKept") == "10"
    stack = under(templates, "environment.Build", **BOTH, ExistingRepositoryName="")
    assert stack["Parameters"]["RegistryUri"] == {"Fn::GetAtt": ["Registry", "Outputs.RegistryUri"]}
    adopted = under(templates, "environment.Build", **BOTH, ExistingRepositoryName="earlier")
    assert adopted["Parameters"]["RegistryUri"] == sub(
        "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/${ExistingRepositoryName}"
    )
