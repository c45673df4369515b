"""What is read of cfn-lint's schemas as files is what cfn-lint itself reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.cfn import schemas
from generator.cfn.resource_arns import REFERRED_BY_ARN
from generator.cfn.schemas import REGION, SchemasError, create_only, identifier, schema
from generator.cfn.templates import load
from tests.conftest import ROOT

TYPES = sorted({resource.type for resource in load(ROOT / "templates").resources()})


@pytest.mark.parametrize("name", [*TYPES, "AWS::CloudFormation::CustomResource", "Custom::Thing"])
def test_a_type_is_read_as_cfn_lint_reads_it(name: str) -> None:
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    document = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, name).schema
    assert schema(name) == document
    for key, paths in (("createOnlyProperties", create_only(name)), ("primaryIdentifier", identifier(name))):
        assert ["/".join(("", "properties", *path)) for path in paths] == list(document.get(key) or ())


def test_a_type_that_nobody_knows_has_none() -> None:
    assert len(TYPES) > 40 and schema("AWS::No::Type") == {}
    assert create_only("AWS::No::Type") == identifier("AWS::No::Type") == ()


# Types whose identifier is an ARN and which our policies never refer to: what their `Ref` is was not looked up. The
# `Ref` of a rule is its name (CloudFormation user guide, AWS::Events::Rule, "Return values").
NOT_REFERRED = {
    "AWS::CloudFront::Function",
    "AWS::CodeBuild::ReportGroup",
    "AWS::Events::Rule",
    "AWS::SNS::Subscription",
    "AWS::Signer::SigningProfile",
}


def test_what_is_identified_by_its_arn_is_referred_to_by_it() -> None:
    """Where a type has one identifier, `Ref` gives it, with exceptions."""
    by_arn = {name for name in TYPES if len(identifier(name)) == 1 and identifier(name)[0][-1].lower().endswith("arn")}
    assert len(by_arn) > 8 and by_arn - NOT_REFERRED <= REFERRED_BY_ARN
    assert by_arn >= NOT_REFERRED and not NOT_REFERRED & REFERRED_BY_ARN


def test_without_cfn_lint_it_is_said_what_to_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    caches = (schemas._folder, schemas._types, schemas.schema)
    for cached in caches:
        cached.cache_clear()
    try:
        monkeypatch.setattr(schemas, "find_spec", lambda _: None)
        with pytest.raises(SchemasError, match=r"^cfn-lint is not installed: run `make templates` once$"):
            schema("AWS::SQS::Queue")
        monkeypatch.setattr(schemas, "_folder", lambda: tmp_path)
        with pytest.raises(SchemasError, match=r"^the schemas of cfn-lint cannot be read: .*us-east-1\.json"):
            schema("AWS::SQS::Queue")
        (tmp_path / "providers").mkdir()
        (tmp_path / "providers/us-east-1.json").write_text('{"AWS::SQS::Queue": "queue"}', encoding="utf-8")
        with pytest.raises(SchemasError, match=r"^the schemas of cfn-lint cannot be read: .*queue\.json"):
            schema("AWS::SQS::Queue")
    finally:
        for cached in caches:
            cached.cache_clear()
