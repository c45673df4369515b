"""Templates as values: loading, addressing, walking, and the errors."""

import json
from pathlib import Path

import pytest

from generator.cfn.places import spell
from generator.cfn.templates import (
    FolderMissingError,
    TemplateInvalidError,
    TemplateSet,
    UnknownNameError,
    from_bodies,
    load,
)

BUCKET = {
    "Type": "AWS::S3::Bucket",
    "Condition": "Wanted",
    "DependsOn": "Key",
    "Properties": {"Tags": [{"Key": "Environment", "Value": {"Ref": "Environment"}}]},
    "Metadata": {
        "Description": "Holds artifacts.",
        "Requirements": ["PIP-4"],
        "Reasons": {"Tls": "why"},
        "Wildcards": {"Tls": "because"},
    },
}


def family() -> TemplateSet:
    child = {
        "Resources": {"Artifacts": BUCKET, "Key": {"Type": "AWS::KMS::Key"}},
        "Metadata": {"Generator": {"Module": "generator.stacks.storage"}},
        "Parameters": {"Environment": {"Type": "String"}},
        "Outputs": {"Name": {"Value": {"Ref": "Artifacts"}}},
        "Conditions": {"Wanted": {"Fn::Equals": ["a", "a"]}},
    }
    stack = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": "storage.json", "Parameters": {"Environment": "staging"}},
    }
    return from_bodies({"storage": child, "environment": {"Resources": {"Storage": stack}}})


def test_a_set_knows_its_templates_and_resources() -> None:
    templates = family()
    assert [template.name for template in templates] == ["environment", "storage"]
    assert len(templates) == 2 and "storage" in templates
    assert [r.address for r in templates.resources()] == ["environment.Storage", "storage.Artifacts", "storage.Key"]
    assert [r.address for r in templates.resources("AWS::KMS::Key")] == ["storage.Key"]
    assert [template.name for template in templates.roots()] == ["environment"]


def test_a_template_shows_its_sections() -> None:
    storage = family()["storage"]
    assert storage.file == "storage.json"
    assert storage.module == "generator.stacks.storage"
    assert list(storage.parameters) == ["Environment"]
    assert list(storage.outputs) == ["Name"]
    assert list(storage.conditions) == ["Wanted"]


def test_a_resource_shows_its_attributes() -> None:
    bucket = family().resource("storage.Artifacts")
    assert str(bucket) == "storage.Artifacts"
    assert (bucket.condition, bucket.depends_on) == ("Wanted", ("Key",))
    assert (bucket.description, bucket.requirements) == ("Holds artifacts.", ("PIP-4",))
    assert (bucket.reasons, bucket.wildcards) == ({"Tls": "why"}, {"Tls": "because"})


def test_a_property_is_found_by_its_place_and_a_missing_one_has_a_default() -> None:
    bucket = family().resource("storage.Artifacts")
    assert bucket.get("Tags", 0, "Key") == "Environment"
    assert bucket.get("Tags", 0, "Key", 0) is None
    assert bucket.get("Tags", 7, default="none") == "none"
    assert bucket.get("Tags", "Key") is None


def test_walking_reaches_every_value_with_its_place() -> None:
    places = [spell(place) for place, _ in family().resource("storage.Artifacts").walk()]
    assert places == ["", "Tags", "Tags[0]", "Tags[0].Key", "Tags[0].Value", "Tags[0].Value.Ref"]
    assert spell(("Statement", "Sid=Logs", "Action")) == "Statement[Sid=Logs].Action"


def test_children_come_with_their_template_and_what_is_passed() -> None:
    [child] = family()["environment"].children()
    assert (child.resource.logical_id, child.template.name) == ("Storage", "storage")
    assert child.parameters == {"Environment": "staging"}
    assert family()["storage"].children() == ()


def test_bodies_are_a_copy_that_may_be_changed() -> None:
    templates = family()
    bodies = templates.bodies()
    bodies["storage"]["Resources"]["Artifacts"]["Type"] = "AWS::SQS::Queue"
    assert templates.resource("storage.Artifacts").type == "AWS::S3::Bucket"
    assert from_bodies(bodies).resource("storage.Artifacts").type == "AWS::SQS::Queue"


def test_unknown_names_are_errors_that_list_the_names_there_are() -> None:
    templates = family()
    with pytest.raises(UnknownNameError, match="template 'nothing'; there are: environment, storage"):
        templates["nothing"]
    with pytest.raises(
        UnknownNameError, match=r"resource 'storage.Nothing'; there are: storage.Artifacts, storage.Key"
    ):
        templates.resource("storage.Nothing")
    with pytest.raises(UnknownNameError, match=r"TemplateURL is 'lost\.json'; there are: environment"):
        from_bodies({"environment": _nests("lost.json")})["environment"].children()


def _nests(url: str) -> object:
    return {"Resources": {"Lost": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}}}


def test_a_folder_is_loaded_by_file_stem(tmp_path: Path) -> None:
    for name, body in family().bodies().items():
        (tmp_path / f"{name}.json").write_text(json.dumps(body))
    assert load(tmp_path) == family()


def test_a_missing_or_empty_folder_says_what_to_run(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(FolderMissingError, match="make templates"):
            load(folder)


def test_bad_json_is_named_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "storage.json").write_text('{\n "Resources": {},\n]')
    with pytest.raises(TemplateInvalidError, match=r"^storage\.json:3: no JSON") as caught:
        load(tmp_path)
    assert (caught.value.file, caught.value.line) == ("storage.json", 3)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "storage.json").write_bytes(b"\xff{}")
    with pytest.raises(TemplateInvalidError, match=r"^storage\.json: no UTF-8"):
        load(tmp_path)


def test_a_file_that_is_nested_too_deeply_is_named(tmp_path: Path) -> None:
    (tmp_path / "storage.json").write_text("[" * 100_000)
    with pytest.raises(TemplateInvalidError, match=r"^storage\.json: nested too deeply; "):
        load(tmp_path)


@pytest.mark.parametrize("body", [[], {}, {"Resources": {}}, {"Resources": {"A": {}}}, {"Resources": {"A": "text"}}])
def test_json_that_is_no_template_is_refused(body: object) -> None:
    with pytest.raises(TemplateInvalidError, match=r"^storage\.json: "):
        from_bodies({"storage": body})
