"""The shape: the stacks, and what binds all of them."""

import re

from generator.cfn.graph import child_dependencies, givers, mentions, order
from generator.cfn.intrinsics import render
from generator.cfn.places import walk
from generator.cfn.templates import STACK, TemplateSet
from generator.gate.contracts import children_are_fed
from tests.support.design import BACKEND_ONLY, BOTH, FRONTEND_ONLY, ROOT, exists

CHILDREN = {
    "Address",
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
    "Beanstalk",
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
    assert {root.name for root in templates.roots()} == {"access", "shared", "shared-access", "edge", "environment"}
    root = templates["environment"]
    assert {name for name, resource in root.resources.items() if resource.type == STACK} == CHILDREN
    for child in root.children():
        assert child.resource.get("TemplateURL") == f"{child.resource.logical_id.lower()}.json"
    assert set(order(child_dependencies(root))) == CHILDREN  # or they would need each other in a circle
    assert list(children_are_fed(templates)) == []


def test_a_value_keeps_its_name(templates: TemplateSet) -> None:
    """A parameter of a child is the root's or a sibling's of the same name, or a name made from the environment's."""
    checked = 0
    for child in templates["environment"].children():
        for name, value in child.parameters.items():
            result = [mention for mention in mentions(value) if mention[1] != "Condition"]
            sources = {field.removeprefix("Outputs.") or target for _, _, target, field in result}
            chosen = {
                "ViewerCertificateArn": {"CertificateArn", "EdgeCertificateArn"},
                "PermissionsBoundaryArn": {"RoleBoundaryArn"},
            }
            assert name in sources or sources == chosen.get(name, {"Environment"}), (
                f"{child.resource.address}: {name} is {sources}"
            )
            checked += 1
    assert checked > 150


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
    for item in (*root.parameters.values(), *templates["shared"].parameters.values()):
        assert {"AllowedValues", "AllowedPattern", "MinValue"} & item.keys()
        assert item["Description"]
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
    matching = [resource for resource in templates.resources() if resource.type in HOLDS_DATA]
    assert {item.type for item in matching} == HOLDS_DATA
    for item in matching:
        # A bucket has something in it before the first creation is over, so a rollback could not delete it.
        expected = "Retain" if item.type == "AWS::S3::Bucket" else "RetainExceptOnCreate"
        assert item.body.get("DeletionPolicy") == expected, item.address
        assert item.body.get("UpdateReplacePolicy") == "Retain", item.address
        # A generated name leaves nothing in the way of a second try; tables and repository are named by parameters.
        names = {"BucketName", "LogGroupName", "Name", "TableName"} & item.properties.keys()
        assert names == ({"TableName"} if item.type == "AWS::DynamoDB::Table" else set()), item.address
    stores = ("storage.Artifacts", "storage.Logs", "site.Site", "registry.Images", "encryption.Key", "data.Clients")
    assert set(stores) <= {item.address for item in matching}


def test_names(templates: TemplateSet) -> None:
    roles = [resource for resource in templates.resources() if resource.type.startswith("AWS::IAM::")]
    assert len(roles) > 10
    assert [role.address for role in roles if {"RoleName", "ManagedPolicyName"} & role.properties.keys()] == []
    for address, place in ACCOUNT_WIDE.items():
        name = render(templates.resource(address).get(*place))
        assert "${Environment}" in name, address
        assert "${AWS::Region}" in name, address


def test_nothing_volatile(templates: TemplateSet) -> None:
    """Tags reach every resource and parameters every child: what changes with a commit stands in neither."""
    tagged = 0
    for resource in templates.resources():
        tags = resource.get("Tags") or resource.get("ResourceTags") or []
        pairs = tags.items() if isinstance(tags, dict) else [(tag["Key"], tag["Value"]) for tag in tags]
        values = {key: render(value) for key, value in pairs}
        if values:
            assert values.keys() - {"Name"} == TAGS, resource.address
            assert values["Environment"] == "${Environment}"
            tagged += 1
    assert tagged > 80
    parameters = {name for template in templates for name in template.parameters}
    assert [name for name in parameters if re.search("Commit|Version$|Date|Build(Id|Number)", name)] == [
        name for name in parameters if name in ("PythonVersion", "NodeVersion")
    ]
    # Every other parameter is on the page of parameters, which a reviewer reads, or is fed by the root.
    page = (ROOT / "docs" / "parameters.md").read_text(encoding="utf-8")
    for root in templates.roots():
        assert [name for name in root.parameters if f"| `{name}` |" not in page] == [], root.name
    for child in templates["environment"].children():
        assert child.template.parameters.keys() == child.parameters.keys(), child.template.name
    for template in templates:
        assert ("Version" in template.metadata["Generator"]) is (template in templates.roots())
    assert templates["environment"].resources.keys() >= CHILDREN


def test_one_side_only(templates: TemplateSet) -> None:
    backend = {"Network", "Ingress", "Configuration", "Backend", "Beanstalk", "Registry", "Data"}
    switches = {"HostedZoneId": "Z1", "ExistingKeyArn": "", "ExistingRepositoryName": "", "DataTables": "CREATE"}
    beanstalk = {**BOTH, "BackendTarget": "BEANSTALK"}
    for values, missing in (
        (BOTH, {"Beanstalk"}),
        (beanstalk, {"Backend", "Registry"}),
        (FRONTEND_ONLY, backend),
        (BACKEND_ONLY, {"Beanstalk", "Site"}),
    ):
        there = {name for name in CHILDREN if exists(templates, f"environment.{name}", **values, **switches)}
        assert there == CHILDREN - missing
    [claim] = templates["environment"].body["Rules"]["SomethingToDeploy"]["Assertions"]
    assert "cannot both be NONE" in claim["AssertDescription"]
