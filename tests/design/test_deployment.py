"""What the templates already say about deploying them: constraints, computed values, adoption of survivors."""

from generator.cfn.templates import STACK, TemplateSet
from tests.support.design import BOTH, exists, ref, under

EXISTING = ("ExistingKeyArn", "ExistingEncryptionSecretArn", "ExistingRepositoryName")


def test_nested_stacks_only(templates: TemplateSet) -> None:
    """The environment's root holds nothing but nested stacks, so that one change set shows all of it."""
    root = templates["environment"].resources.values()
    assert len(root) == 16
    assert {item.type for item in root} == {STACK}
    assert [item.logical_id for item in root if item.get("TemplateURL") != f"{item.logical_id.lower()}.json"] == []
    assert all(resource.description for resource in templates.resources())


def test_computed_values_are_told(templates: TemplateSet) -> None:
    root = templates["environment"]
    computed = root.metadata["Computed"]
    assert set(computed) == {
        "BackendBootstrap",
        "BackendImage",
        "CloudFrontPrefixListId",
        "PlatformArn",
        "ConfigurationDigest",
        "EdgeCertificateArn",
        "RepositoryName",
        "RoleBoundaryArn",
        "SigningProfileArn",
        "ZoneA",
        "ZoneB",
    }
    for name, notified in computed.items():
        assert {"Found", "First"} <= set(notified) <= {"Found", "First", "Covers"}
        assert "Default" not in root.parameters[name]
    groups = root.metadata["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]
    assert sorted(shown) == sorted(root.parameters)
    assert len(templates.resource("environment.Backend").get("Parameters")) > 20


def test_survivors_are_adopted(templates: TemplateSet) -> None:
    """A re-created environment takes what an earlier one left: key, encryption secret, repository, tables."""
    root = templates["environment"]
    for name in EXISTING:
        assert root.parameters[name]["Default"] == ""
        assert root.parameters[name]["AllowedPattern"].startswith("|")
    for child, values in (
        ("Encryption", {"ExistingKeyArn": "arn"}),
        ("Registry", {"ExistingRepositoryName": "earlier"}),
        ("Data", {"DataTables": "EXISTING"}),
    ):
        everything = {"ExistingKeyArn": "", "ExistingRepositoryName": "", "DataTables": "CREATE", **BOTH}
        assert exists(templates, f"environment.{child}", **everything)
        assert not exists(templates, f"environment.{child}", **{**everything, **values})
    storage = under(templates, "environment.Storage", ExistingKeyArn="arn")
    assert storage["Parameters"]["KeyArn"] == ref("ExistingKeyArn")
    secret = under(templates, "environment.Configuration", **BOTH)["Parameters"]["ExistingEncryptionSecretArn"]
    assert secret == ref("ExistingEncryptionSecretArn")


def test_the_budget_is_the_designs_upper_figure(templates: TemplateSet) -> None:
    budget = templates.resource("monitoring.Budget")
    assert budget.get("Budget", "BudgetLimit", "Amount") == ref("MonthlyBudget")
    assert templates["environment"].parameters["MonthlyBudget"]["Default"] == "212"


def test_a_failure_can_be_explained(templates: TemplateSet) -> None:
    """Progress and cause speak of nested stacks and resources by sentence, and name the module to look into."""
    for stack, address in (("Monitoring", "monitoring.PipelineFailure"), ("Backend", "backend.Service")):
        child = templates.resource(f"environment.{stack}")
        assert child.get("TemplateURL") == f"{stack.lower()}.json"
        assert child.description.startswith("Nested stack: ")
        resource = templates.resource(address)
        assert resource.description.endswith(".") and len(resource.description.split()) > 3
        assert templates[stack.lower()].module.startswith(f"generator.stacks.{stack.lower()}")
