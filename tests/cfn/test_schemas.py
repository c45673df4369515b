"""What is read of cfn-lint's schemas as files is what cfn-lint itself reads."""

from __future__ import annotations

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from generator.cfn.schemas import REGION, create_only, identifier, schema
from generator.cfn.templates import load
from tests.conftest import ROOT

TYPES = sorted({resource.type for resource in load(ROOT / "templates").resources()})


@pytest.mark.parametrize("name", [*TYPES, "AWS::CloudFormation::CustomResource", "Custom::Thing"])
def test_a_type_is_read_as_cfn_lint_reads_it(name: str) -> None:
    document = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, name).schema
    assert schema(name) == document
    for key, paths in (("createOnlyProperties", create_only(name)), ("primaryIdentifier", identifier(name))):
        assert ["/".join(("", "properties", *path)) for path in paths] == list(document.get(key) or ())


def test_a_type_that_nobody_knows_has_none() -> None:
    assert len(TYPES) > 40 and schema("AWS::No::Type") == {}
    assert create_only("AWS::No::Type") == identifier("AWS::No::Type") == ()
