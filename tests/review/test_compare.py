"""What a change does to an environment, as a value: on a small set of templates, of a root with one nested stack."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generator.cfn.effects import QUIET
from scripts.deployment.errors import RefusedError
from scripts.review import latent, revision
from scripts.review.compare import compare
from scripts.review.model import (
    ADDED,
    CHANGED,
    REMOVED,
    REPLACED,
    TAKEN,
    UNCHANGED,
    EnvironmentReview,
    ParameterChange,
    QuotaChange,
    ResourceChange,
    Risk,
    ValueChange,
)
from scripts.review.near import near
from scripts.review.revision import Revision
from scripts.review.version import Bump, bump

BUCKET, TOPIC, STACK = "AWS::S3::Bucket", "AWS::SNS::Topic", "AWS::CloudFormation::Stack"
Edit = Callable[[dict[str, Any]], Any]


def topic(**properties: Any) -> dict[str, Any]:
    return {"Type": TOPIC, "Properties": properties}


def bodies() -> dict[str, Any]:
    """The files of a checkout by path, without their ending."""
    parameters = {
        "Size": {"Type": "String", "Default": "1"},
        "Colour": {"Type": "String", "Default": "red", "AllowedValues": ["red", "blue"]},
        "Digest": {"Type": "String", "Default": ""},
    }
    data = {"TemplateURL": "data.json", "Parameters": {"Size": {"Ref": "Size"}}}
    return {
        "templates/environment": {
            "Metadata": {
                "Generator": {"Version": "1.0.0"},
                "Computed": {"Digest": {"Found": "a digest", "First": "", "Covers": ["Size"]}},
            },
            "Parameters": parameters,
            "Conditions": {"Blue": {"Fn::Equals": [{"Ref": "Colour"}, "blue"]}},
            "Resources": {
                "Data": {"Type": STACK, "Properties": data},
                "Topic": topic(DisplayName={"Ref": "Colour"}),
                "Hidden": {**topic(DisplayName="h"), "Condition": "Blue"},
                "Build": {
                    "Type": "AWS::CodeBuild::Project",
                    "Properties": {
                        "Environment": {"EnvironmentVariables": [{"Name": "BUILD_VARIABLES", "Value": "A=1"}]}
                    },
                },
                "Setting": {
                    "Type": "AWS::SSM::Parameter",
                    "Properties": {"Name": "/x/COLOUR", "Value": {"Ref": "Colour"}},
                },
            },
            "Outputs": {"Url": {"Value": {"Fn::GetAtt": ["Data", "Outputs.Store"]}}},
        },
        "templates/data": {
            "Parameters": {"Size": {"Type": "String"}},
            "Resources": {
                "Store": {
                    "Type": BUCKET,
                    "Properties": {"Tags": [{"Key": "Size", "Value": {"Ref": "Size"}}]},
                    "DeletionPolicy": "Retain",
                    "UpdateReplacePolicy": "Retain",
                },
                "Policy": {
                    "Type": "AWS::S3::BucketPolicy",
                    "Properties": {"Bucket": {"Ref": "Store"}, "PolicyDocument": {"Statement": []}},
                },
            },
            "Outputs": {"Store": {"Value": {"Ref": "Store"}}},
        },
        "params/blue": {"Parameters": {"Size": "2"}, "Tags": {"Owner": "us"}},
        "params/green": {"Parameters": {}, "Tags": {}},
    }


def read(folder: Path, edit: Edit | None = None) -> Revision:
    files = bodies()
    if edit:
        edit(files)
    for name, body in files.items():
        path = folder / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body if isinstance(body, str) else json.dumps(body), encoding="utf-8")
    return revision.read(folder, "")


@pytest.fixture
def reviewed(tmp_path: Path) -> Callable[..., dict[str, EnvironmentReview]]:
    """What an edit of the files does to each environment, by name."""

    def review(edit: Edit, before: Edit | None = None) -> dict[str, EnvironmentReview]:
        return {each.name: each for each in compare(read(tmp_path / "a", before), read(tmp_path / "b", edit))}

    return review


def nothing(_: dict[str, Any]) -> None:
    """An edit that leaves everything as it is."""


Reviewed = Callable[..., dict[str, EnvironmentReview]]


def resources(files: dict[str, Any], template: str = "environment") -> dict[str, Any]:
    result: dict[str, Any] = files[f"templates/{template}"]["Resources"]
    return result


def properties(files: dict[str, Any], name: str, template: str = "environment") -> dict[str, Any]:
    result: dict[str, Any] = resources(files, template)[name]["Properties"]
    return result


def test_an_environment_of_which_nothing_differs_is_unchanged(reviewed: Reviewed) -> None:
    edits: list[Edit] = [
        nothing,
        lambda files: resources(files)["Topic"].update(Metadata={"Description": "words"}),
        lambda files: properties(files, "Hidden").update(DisplayName="another, behind a condition"),
        lambda files: files["templates/environment"].update(Description="words"),
    ]
    for edit in edits:
        assert reviewed(edit) == {name: EnvironmentReview(name, UNCHANGED) for name in ("blue", "green")}


def test_environments_come_and_go(reviewed: Reviewed) -> None:
    def edit(files: dict[str, Any]) -> None:
        files["params/new"] = files.pop("params/green")
        files["params/broken"] = "{"

    environments = reviewed(edit)
    assert environments["new"] == EnvironmentReview("new", ADDED)
    assert environments["green"] == EnvironmentReview("green", REMOVED)
    assert environments["blue"] == EnvironmentReview("blue", UNCHANGED)
    broken = environments["broken"]
    assert broken.state == CHANGED and broken.problems[0].startswith("the working tree: params/broken.json:1: ")


def test_what_cannot_be_settled_is_a_problem_of_its_environment(reviewed: Reviewed) -> None:
    environments = reviewed(lambda files: files["templates/environment"]["Parameters"]["Size"].pop("Default"))
    assert environments["blue"] == EnvironmentReview("blue", UNCHANGED)
    [problem] = environments["green"].problems
    assert "Size" in problem and environments["green"].state == CHANGED


def test_a_parameter_of_the_file_reaches_what_is_made_of_it(reviewed: Reviewed) -> None:
    blue = reviewed(lambda files: files["params/blue"]["Parameters"].update(Size="3"))["blue"]
    value = ValueChange("Tags[Key=Size].Value", "2", "3")
    [parameter] = blue.parameters
    assert (parameter.name, parameter.before, parameter.after, parameter.origin) == ("Size", "2", "3", "file")
    assert parameter.level == QUIET and parameter.users.startswith("nothing; ") and parameter.back.startswith("yes; ")
    assert parameter.effect.startswith("The value changes") and f"Users: {parameter.users}" in parameter.effect
    assert blue == EnvironmentReview(
        "blue",
        CHANGED,
        (parameter,),
        resources=(ResourceChange("Data.Store", BUCKET, CHANGED, "in place", (value,), value="holds data"),),
    )


def test_a_default_and_a_parameter_that_is_gone(reviewed: Reviewed) -> None:
    def edit(files: dict[str, Any]) -> None:
        parameters = files["templates/environment"]["Parameters"]
        parameters["Size"]["Default"] = "5"
        parameters["New"] = {"Type": "String", "Default": "n"}

    assert reviewed(edit)["blue"].parameters == (ParameterChange("New", None, "n", "default"),)
    new, size = reviewed(edit)["green"].parameters
    assert new == ParameterChange("New", None, "n", "default")
    assert (size.name, size.before, size.after, size.origin) == ("Size", "1", "5", "default")
    gone = reviewed(
        nothing,
        lambda files: files["templates/environment"]["Parameters"].update(Old={"Type": "String", "Default": "o"}),
    )
    assert gone["blue"].parameters == (ParameterChange("Old", "o", None, "gone"),)


def test_a_digest_is_no_value_that_anybody_is_told(reviewed: Reviewed) -> None:
    """It stands for others, so that who has it changes with them; what the application gets has it not."""

    def before(files: dict[str, Any]) -> None:
        properties(files, "Topic")["DisplayName"] = {"Ref": "Digest"}
        properties(files, "Setting")["Value"] = {"Ref": "Digest"}

    def edit(files: dict[str, Any]) -> None:
        before(files)
        files["params/blue"]["Parameters"]["Size"] = "3"

    blue = reviewed(edit, before)["blue"]
    assert {change.path for change in blue.resources} == {"Data.Store", "Topic", "Setting"}
    assert blue.variables == () and [change.name for change in blue.parameters] == ["Size"]


def test_tags_and_the_stack_policy_of_a_file_are_settings(reviewed: Reviewed) -> None:
    def edit(files: dict[str, Any]) -> None:
        files["params/blue"]["Tags"] = {"Owner": "them", "New": "tag"}
        files["params/blue"]["StackPolicy"] = {"Statement": [{"Effect": "Deny"}]}

    assert reviewed(edit)["blue"] == EnvironmentReview(
        "blue",
        CHANGED,
        settings=(
            ValueChange("tag Owner", "us", "them"),
            ValueChange("tag New", None, "tag"),
            ValueChange("stack policy Statement", None, '[{"Effect": "Deny"}]'),
        ),
    )


def test_what_the_application_gets(reviewed: Reviewed) -> None:
    def edit(files: dict[str, Any]) -> None:
        files["params/blue"]["Parameters"]["Colour"] = "blue"
        properties(files, "Build")["Environment"]["EnvironmentVariables"][0]["Value"] = "A=2"
        container = {
            "Name": "api",
            "Environment": [{"Name": "PORT", "Value": 80}],
            "Secrets": [{"Name": "S", "ValueFrom": "x"}],
        }
        resources(files)["Task"] = {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {"ContainerDefinitions": [container]},
        }
        space = "aws:elasticbeanstalk:application:environment"
        options = [
            {"Namespace": space, "OptionName": "API_TOKEN", "Value": "unguessable"},
            {"Namespace": space, "OptionName": "EMPTY"},
            {"Namespace": "aws:ec2:vpc", "OptionName": "VPCId", "Value": "v"},
        ]
        resources(files)["Platform"] = {
            "Type": "AWS::ElasticBeanstalk::Environment",
            "Properties": {"OptionSettings": options},
        }

    assert reviewed(edit)["blue"].variables == (
        ValueChange("API_TOKEN", None, "(not shown: it looks like a secret, by its name)"),
        ValueChange("COLOUR", "red", "blue"),
        ValueChange("EMPTY", None, ""),
        ValueChange("PORT", None, "80"),
        ValueChange("variables of the build", "A=1", "A=2"),
    )


def test_what_is_replaced_is_followed_to_what_refers_to_it(reviewed: Reviewed) -> None:
    blue = reviewed(lambda files: properties(files, "Store", "data").update(BucketName="ours"))["blue"]
    name = ValueChange("BucketName", None, "ours")
    assert blue.resources == (
        ResourceChange("Data.Policy", "AWS::S3::BucketPolicy", REPLACED, "replacement", because=("Bucket",)),
        ResourceChange("Data.Store", BUCKET, REPLACED, "replacement", (name,), ("BucketName",), "holds data", True),
    )
    assert blue.risks == (
        Risk("Data.Store", BUCKET, "holds data: replaced (BucketName); the old one is kept, outside the stack"),
    )


def test_a_name_of_its_own_cannot_be_created_beside_the_old_one(reviewed: Reviewed) -> None:
    """CloudFormation creates before it deletes."""

    def named(files: dict[str, Any], name: str) -> None:
        resources(files)[name] = {"Type": BUCKET, "Properties": {"BucketName": "ours"}}

    blue = reviewed(lambda files: named(files, "Second"), lambda files: named(files, "First"))["blue"]
    [renamed] = blue.resources
    assert (renamed.path, renamed.before, renamed.action, renamed.effect) == ("Second", "First", REPLACED, TAKEN)

    def tagged(files: dict[str, Any]) -> None:
        named(files, "Second")
        properties(files, "Second")["Tags"] = []

    other = reviewed(tagged, lambda files: named(files, "First"))["blue"]
    assert [(change.path, change.action, change.effect) for change in other.resources] == [
        ("First", REMOVED, REMOVED),
        ("Second", ADDED, TAKEN),
    ]


def test_a_rename_is_one_change(reviewed: Reviewed) -> None:
    def edit(files: dict[str, Any]) -> None:
        resources(files)["Subject"] = resources(files).pop("Topic")

    [change] = reviewed(edit)["blue"].resources
    effect = "the logical id changes: another is created, this one goes"
    assert change == ResourceChange("Subject", TOPIC, REPLACED, effect, before="Topic")


def test_resources_that_come_and_go(reviewed: Reviewed) -> None:
    def edit(files: dict[str, Any]) -> None:
        del resources(files, "data")["Store"]
        del resources(files, "data")["Policy"]
        del files["templates/data"]["Outputs"]
        files["templates/environment"]["Outputs"] = {"Url": {"Value": "x"}}
        resources(files, "data")["Other"] = topic(DisplayName="o")

    blue = reviewed(edit)["blue"]
    assert blue.resources == (
        ResourceChange("Data.Other", TOPIC, ADDED, ADDED),
        ResourceChange("Data.Policy", "AWS::S3::BucketPolicy", REMOVED, REMOVED),
        ResourceChange("Data.Store", BUCKET, REMOVED, REMOVED, value="holds data", kept=True),
    )
    assert [risk.what for risk in blue.risks] == ["holds data: deleted; the old one is kept, outside the stack"]


@pytest.mark.parametrize(
    ("kind", "effect"),
    [
        ("AWS::CodePipeline::Pipeline", "a running release is cancelled"),
        ("AWS::ECS::TaskDefinition", "new tasks, one after the other"),
        ("AWS::ECS::Service", "the service deploys anew"),
        ("AWS::ElasticBeanstalk::Environment", "the environment updates its instances"),
        ("AWS::CodeBuild::Project", "the next build runs with it"),
        ("AWS::CloudFront::Distribution", "the distribution is deployed again (minutes)"),
        (TOPIC, "in place"),
    ],
)
def test_how_aws_carries_a_change_out(kind: str, effect: str, reviewed: Reviewed) -> None:
    def put(files: dict[str, Any], value: str) -> None:
        resources(files)["It"] = {"Type": kind, "Properties": {"Tags": [{"Key": "a", "Value": value}], "Cpu": value}}

    [change] = reviewed(lambda files: put(files, "2"), lambda files: put(files, "1"))["blue"].resources
    assert (change.action, change.effect) == (CHANGED, effect), "a revision of a task definition is no loss"


def test_values_are_told_by_their_own_place(reviewed: Reviewed) -> None:
    def before(files: dict[str, Any]) -> None:
        resources(files)["It"] = {
            **topic(
                Tags=[{"Key": "a", "Value": "1"}], Subscription=[{"Endpoint": "x", "Protocol": "y"}], Password="one"
            ),
            "UpdatePolicy": {"A": 1},
        }

    def edit(files: dict[str, Any]) -> None:
        resources(files)["It"] = {
            **topic(Tags=[{"Key": "b", "Value": "2"}], Subscription=[], Password="two"),
            "UpdatePolicy": {"A": 2},
            "Metadata": {"Description": "no value"},
        }

    [change] = reviewed(edit, before)["blue"].resources
    hidden = "(not shown: it looks like a secret, by its name)"
    assert change.values == (
        ValueChange("Tags[Key=a].Value", "1", None),
        ValueChange("Tags[Key=b].Value", None, "2"),
        ValueChange("Subscription", '[{"Endpoint": "x", "Protocol": "y"}]', "[]"),
        ValueChange("Password", hidden, hidden),
        ValueChange("UpdatePolicy.A", "1", "2"),
    )


def test_an_option_and_a_variable_that_come_or_go_are_values_by_their_names(reviewed: Reviewed) -> None:
    def put(files: dict[str, Any], *names: str) -> None:
        options = [{"Namespace": "aws:ec2:vpc", "OptionName": name, "Value": name} for name in names]
        variables = [{"Name": name, "Value": {"b": 1, "a": name}} for name in names]
        resources(files)["It"] = {"Type": TOPIC, "Properties": {"Options": options, "Variables": variables}}

    [change] = reviewed(lambda files: put(files, "B", "C"), lambda files: put(files, "A", "B"))["blue"].resources
    assert change.values == (
        ValueChange("Options[aws:ec2:vpc=A].Value", "A", None),
        ValueChange("Options[aws:ec2:vpc=C].Value", None, "C"),
        ValueChange("Variables[Name=A].Value", '{"a": "A", "b": 1}', None),
        ValueChange("Variables[Name=C].Value", None, '{"a": "C", "b": 1}'),
    )


def role(*actions: str) -> dict[str, Any]:
    statement = {"Sid": "Do", "Effect": "Allow", "Action": list(actions), "Resource": "*"}
    policy = {"PolicyName": "p", "PolicyDocument": {"Statement": [statement]}}
    return {"Type": "AWS::IAM::Role", "Properties": {"Policies": [policy]}}


def test_permissions_gained_and_lost_also_of_a_role_under_another_name(reviewed: Reviewed) -> None:
    def before(files: dict[str, Any]) -> None:
        resources(files, "data")["Role"] = role("s3:GetObject", "s3:PutObject")

    blue = reviewed(
        lambda files: resources(files, "data").update(Role=role("s3:GetObject", "s3:DeleteObject")), before
    )["blue"]
    assert [(str(grant), grant.broader) for grant in blue.gained] == [("Data.Role: s3:DeleteObject on *", True)]
    assert [(str(grant), grant.broader) for grant in blue.lost] == [("Data.Role: s3:PutObject on *", False)]
    renamed = reviewed(
        lambda files: resources(files, "data").update(Other=role("s3:GetObject", "s3:PutObject")), before
    )["blue"]
    assert [change.before for change in renamed.resources] == ["Data.Role"]
    assert (renamed.gained, renamed.lost) == ((), ())


def test_a_protection_that_becomes_weaker_is_told(reviewed: Reviewed) -> None:
    def before(files: dict[str, Any]) -> None:
        properties(files, "Store", "data")["VersioningConfiguration"] = {"Status": "Enabled"}

    assert reviewed(nothing, before)["blue"].weaker == (
        Risk("Data.Store", BUCKET, "VersioningConfiguration.Status Enabled → (none)"),
    )


def both(tmp_path: Path, edit: Edit, before: Edit | None = None) -> tuple[Revision, Revision]:
    return read(tmp_path / "a", before), read(tmp_path / "b", edit)


def hidden_role(files: dict[str, Any]) -> None:
    resources(files)["Hidden"] = {**role("iam:*"), "Condition": "Blue"}


@pytest.mark.parametrize(
    ("edit", "part", "expected"),
    [
        (
            lambda files: files["templates/environment"]["Parameters"]["Colour"].update(Default="blue"),
            latent.choices,
            [ValueChange("parameter environment.Colour Default", "red", "blue")],
        ),
        (
            lambda files: files["templates/environment"]["Parameters"]["Colour"].update(Description="words"),
            latent.choices,
            [],
        ),
        (
            lambda files: files["templates/environment"].update(Rules={"A": {"Assertions": []}}),
            latent.choices,
            [ValueChange("rule environment.A", None, "there")],
        ),
        (
            lambda files: files["templates/environment"]["Outputs"].pop("Url"),
            latent.interface,
            [ValueChange("output environment.Url", "there", None)],
        ),
        (
            lambda files: files["templates/environment"]["Outputs"]["Url"].update(Description="words"),
            latent.interface,
            [],
        ),
        # What a nested stack gives out shows in who takes it.
        (lambda files: files["templates/data"]["Outputs"].update(B={"Value": "b"}), latent.interface, []),
        (
            lambda files: files["templates/data"].update(Transform="T"),
            latent.interface,
            [ValueChange("data.Transform", None, "T")],
        ),
        (
            lambda files: files["templates/environment"]["Metadata"]["Computed"]["Digest"].update(Covers=["Colour"]),
            latent.interface,
            [ValueChange("environment.Metadata.Computed.Digest.Covers[0]", "Size", "Colour")],
        ),
        (lambda files: files["templates/environment"]["Metadata"].update(Other=1), latent.interface, []),
        (lambda files: files["templates/environment"].update(Description="words"), latent.interface, []),
    ],
)
def test_what_shows_in_no_environment(
    edit: Edit, part: Callable[..., Any], expected: list[ValueChange], tmp_path: Path
) -> None:
    before, after = both(tmp_path, edit)
    assert list(part(before.templates, after.templates)) == expected


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (
            lambda files: properties(files, "Hidden").update(DisplayName="i"),
            [ValueChange("resource environment.Hidden Properties.DisplayName", "h", "i")],
        ),
        (lambda files: resources(files)["Hidden"].update(DependsOn="Topic"), []),
        (lambda files: resources(files).pop("Hidden"), [ValueChange("resource environment.Hidden", "there", None)]),
        (lambda files: properties(files, "Topic").update(DisplayName="i"), []),
        (lambda files: properties(files, "Store", "data").update(BucketName="i"), []),
        (
            lambda files: files.update({"templates/spare": {"Resources": {"A": topic()}}}),
            [ValueChange("template spare", None, "there")],
        ),
    ],
)
def test_resources_that_no_environment_has(edit: Edit, expected: list[ValueChange], tmp_path: Path) -> None:
    before, after = both(tmp_path, edit)
    environments = compare(before, after)
    assert list(latent.resources(before.templates, after.templates, environments)) == expected
    assert list(latent.broader(before.templates, after.templates, environments)) == []


def test_rights_that_no_environment_has(tmp_path: Path) -> None:
    before, after = both(tmp_path, hidden_role)
    environments = compare(before, after)
    [grant] = latent.broader(before.templates, after.templates, environments)
    assert str(grant) == "environment.Hidden: iam:* on * [Blue]"
    shown = both(tmp_path, lambda files: resources(files, "data").update(Role=role("iam:*")))
    assert list(latent.broader(shown[0].templates, shown[1].templates, compare(*shown))) == []


def test_what_comes_near_to_a_quota_in_a_template_and_in_environments(tmp_path: Path) -> None:
    """A template has 500 resources at most, a bucket policy 20 KB (`generator.cfn.quotas`)."""

    def topics(files: dict[str, Any], number: int) -> None:
        resources(files, "data").update({f"Topic{n}": topic(DisplayName=f"{n}") for n in range(number)})

    def nearly(number: int, before: int = 0) -> list[tuple[str, str, int, int, int, tuple[str, ...]]]:
        sides = both(tmp_path, lambda files: topics(files, number), lambda files: topics(files, before))
        changes = near(*sides, compare(*sides))
        return [(each.path, each.what, each.before, each.after, each.most, each.environments) for each in changes]

    assert nearly(398) == []
    assert nearly(399) == [("data", "resources", 2, 401, 500, ())]
    assert nearly(450, 440) == [("data", "resources", 442, 452, 500, ())]
    assert nearly(440, 450) == [] and nearly(450, 450) == []


def test_what_comes_near_to_a_quota_in_environments(tmp_path: Path) -> None:
    """Of several that change so the highest figures stand there; one that does not change is none of them."""

    def policy(files: dict[str, Any], length: int) -> None:
        statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "x" * length}
        document = {"Statement": [{**statement, "Sid": {"Ref": "Size"}}]}
        resources(files)["Policy"] = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}}

    def before(files: dict[str, Any]) -> None:
        files["params/amber"] = {"Parameters": {}}
        policy(files, 4800)

    def edit(files: dict[str, Any]) -> None:
        before(files)
        files["params/blue"]["Parameters"]["Size"] = "2" * 30
        files["params/green"]["Parameters"]["Size"] = "3" * 900
        files["params/new"] = {"Parameters": {"Size": "4" * 950}}

    sides = both(tmp_path, edit, before)
    # 73 characters stand around the resource and the Sid; blue stays below four fifths of the quota.
    assert near(*sides, compare(*sides)) == (
        QuotaChange("Policy", "characters in the policy", 4874, 5773, 6144, ("green",)),
    )

    def more(files: dict[str, Any]) -> None:
        edit(files)
        files["params/blue"]["Parameters"]["Size"] = "2" * 800

    sides = read(tmp_path / "a", before), read(tmp_path / "c", more)
    [change] = near(*sides, compare(*sides))
    assert (change.before, change.after, change.environments) == (4874, 5773, ("blue", "green"))


@pytest.mark.parametrize("name", ["access", "edge", "environment"])
def test_permissions_of_every_root_are_compared(name: str, reviewed: Reviewed) -> None:
    def before(files: dict[str, Any]) -> None:
        for root in ("access", "edge"):
            files[f"templates/{root}"] = {"Resources": {"Role": role("s3:GetObject")}}
        resources(files)["Role"] = role("s3:GetObject")

    def edit(files: dict[str, Any]) -> None:
        before(files)
        files[f"templates/{name}"]["Resources"]["Role"] = role("s3:*")

    blue = reviewed(edit, before)["blue"]
    assert [(grant.holder, grant.broader) for grant in blue.gained] == [(f"{name}.Role", True)]
    assert [change.path for change in blue.resources] == ["Role" if name == "environment" else f"{name}.Role"]


@pytest.mark.parametrize(
    ("edit", "needed", "why"),
    [
        (nothing, Bump.NONE, ""),
        (lambda files: files["templates/environment"]["Metadata"]["Generator"].update(Version="2.0.0"), Bump.NONE, ""),
        (lambda files: files["params/blue"]["Parameters"].update(Size="9"), Bump.NONE, ""),
        (lambda files: files["templates/environment"].update(Description="words"), Bump.PATCH, "templates change"),
        (
            lambda files: files["templates/environment"]["Outputs"].pop("Url"),
            Bump.MAJOR,
            "output environment.Url is gone",
        ),
        (
            lambda files: files["templates/environment"]["Parameters"]["Size"].pop("Default"),
            Bump.MAJOR,
            "parameter environment.Size has to be given",
        ),
        (
            lambda files: files["templates/environment"]["Parameters"].update(New={"Type": "String"}),
            Bump.MAJOR,
            "parameter environment.New has to be given",
        ),
        (
            lambda files: files["templates/environment"]["Parameters"]["Colour"].update(AllowedValues=["red"]),
            Bump.MAJOR,
            "parameter environment.Colour may no longer be blue",
        ),
        (
            lambda files: files["templates/environment"]["Parameters"]["Colour"].pop("AllowedValues"),
            Bump.PATCH,
            "templates change",
        ),
        (
            lambda files: files["templates/environment"]["Parameters"].update(New={"Type": "String", "Default": "n"}),
            Bump.MINOR,
            "parameter environment.New is new",
        ),
        (
            lambda files: properties(files, "Store", "data").update(BucketName="ours"),
            Bump.MAJOR,
            "Data.Store: holds data: replaced (BucketName); the old one is kept, outside the stack",
        ),
        (lambda files: resources(files, "data").update(Other=topic()), Bump.MINOR, "Data.Other is new"),
        (lambda files: resources(files, "data").update(Role=role("iam:*")), Bump.MINOR, "Data.Role is new"),
        (hidden_role, Bump.MINOR, "a right becomes broader: environment.Hidden"),
        (
            lambda files: properties(files, "Build")["Environment"].update(PrivilegedMode=True),
            Bump.MINOR,
            "a protection becomes weaker: Build: Environment.PrivilegedMode false → true",
        ),
        (lambda files: properties(files, "Topic").update(DisplayName="x"), Bump.PATCH, "templates change"),
        # A value that a file gives as well hides nothing, and a file that is new is none of the set's changes.
        (
            lambda files: (
                files["params/blue"]["Parameters"].update(Size="9"),
                files.update({"params/new": {"Parameters": {}}}),
                files["templates/environment"].update(Description="words"),
            ),
            Bump.PATCH,
            "templates change",
        ),
    ],
)
def test_which_version_a_change_needs(edit: Edit, needed: Bump, why: str, tmp_path: Path) -> None:
    assert bump(*both(tmp_path, edit)) == (needed, why)


def test_no_version_is_enough_for_what_cannot_be_compared(tmp_path: Path) -> None:
    sides = both(
        tmp_path, lambda files: files.update({"params/blue": "{", "templates/spare": {"Resources": {"A": topic()}}})
    )
    with pytest.raises(RefusedError, match=r"^blue cannot be compared, so no version is known to be enough: "):
        bump(*sides)


def test_a_parameter_that_is_gone_needs_a_major_version(tmp_path: Path) -> None:
    old = both(
        tmp_path,
        nothing,
        lambda files: files["templates/environment"]["Parameters"].update(Old={"Type": "String", "Default": "o"}),
    )
    assert bump(*old) == (Bump.MAJOR, "parameter environment.Old is gone")


def test_a_root_that_is_gone_hides_nothing_of_the_others(tmp_path: Path) -> None:
    edge = {"Metadata": {"Generator": {"Version": "1.0.0"}}, "Resources": {"Topic": topic()}}
    sides = both(
        tmp_path,
        lambda files: files["templates/environment"]["Outputs"].pop("Url"),
        lambda files: files.update({"templates/edge": edge}),
    )
    assert bump(*sides) == (Bump.MAJOR, "output environment.Url is gone")
