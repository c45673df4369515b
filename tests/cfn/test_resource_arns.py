"""Names as CloudFormation makes them: what a policy with a pattern has to fit."""

from __future__ import annotations

import re

import pytest

from generator.cfn.resource_arns import ARNS, LOWER_CASE, NAMES, REFERRED_BY_ARN, generated
from generator.cfn.schemas import schema


@pytest.mark.parametrize(
    ("stack", "logical", "longest", "begins"),
    [
        ("shop", "Role", 64, "shop-Role-"),
        ("s" * 60, "Role", 64, f"{'s' * 46}-Role-"),  # what is too long is cut from the stack's name
        ("s" * 60, "L" * 60, 64, f"{'s' * 25}-{'L' * 25}-"),  # and each keeps its half
        ("shop", "L" * 60, 64, f"shop-{'L' * 46}-"),
        ("", "Secret", 64, "-Secret-"),
    ],
)
def test_a_generated_name(stack: str, logical: str, longest: int, begins: str) -> None:
    name = generated(stack, logical, "seed", longest)
    assert len(name) == min(longest, len(stack) + len(logical) + 14)
    assert name.startswith(begins) and len(name) <= longest
    assert re.fullmatch("[0-9A-Z]{12}", name.removeprefix(begins))


def test_a_name_is_the_same_for_the_same_seed_and_another_one_for_another() -> None:
    names = [
        generated(*each, 64)
        for each in (("s", "A", ""), ("s", "A", ""), ("s", "B", ""), ("t", "A", ""), ("s", "A", "x"))
    ]
    assert names[0] == names[1] and len({name[-12:] for name in names}) == 4


def test_every_type_with_a_name_has_an_arn_and_every_form_can_be_filled() -> None:
    assert NAMES.keys() | set(LOWER_CASE) | REFERRED_BY_ARN <= ARNS.keys() | {"AWS::CloudFormation::Stack"}
    for kind, forms in ARNS.items():
        for form in forms:
            filled = re.sub(r"\{\w+\}", "x", form)
            assert "{" not in filled and (form.startswith("{") or filled.count(":") >= 3), kind
    assert all(name[0].isupper() and 40 <= longest <= 1011 for name, longest in NAMES.values())


# Services whose ARNs have neither Region nor account, or no Region (Service Authorization Reference).
NOWHERE, GLOBAL = ("route53", "s3"), ("budgets", "cloudfront", "iam")


@pytest.mark.parametrize("kind", ARNS)
def test_an_arn_says_the_place_that_its_service_has_and_properties_of_its_type(kind: str) -> None:
    properties = schema(kind)["properties"]
    for form in ARNS[kind]:
        assert {"id", *properties} >= set(re.findall(r"\{(\w+)\}", form)) - {"region", "account"}, form
        if not form.startswith("{"):
            service, region, account, name = form.split(":", 3)
            is_global = service in GLOBAL or kind == "AWS::CloudWatch::Dashboard"
            expected = ("", "") if service in NOWHERE else ("" if is_global else "{region}", "{account}")
            assert (region, account) == expected and name.strip("/"), form


# Where AWS takes more of a name than CloudFormation makes (DynamoDB takes ARNs as names, Parameter Store whole paths).
LONGER = {"AWS::DynamoDB::Table", "AWS::SSM::Parameter"}


def test_a_name_is_as_long_as_its_type_takes() -> None:
    limits = {kind: schema(kind)["properties"][name].get("maxLength") for kind, (name, _) in NAMES.items()}
    known = {kind: most for kind, most in limits.items() if most and kind not in LONGER}
    assert len(known) > 10 and {kind: NAMES[kind][1] for kind in known} == known
    assert {kind: NAMES[kind][1] for kind in limits.keys() - known.keys()} == {
        "AWS::CloudWatch::Dashboard": 255,
        "AWS::CodeBuild::Project": 150,
        "AWS::CodePipeline::Pipeline": 100,
        "AWS::DynamoDB::Table": 255,
        "AWS::ECS::Cluster": 255,
        "AWS::ECS::Service": 255,
        "AWS::IAM::ManagedPolicy": 128,
        "AWS::SSM::Parameter": 1011,
    }


def test_an_arn_is_of_the_service_that_makes_the_resource_and_names_its_properties() -> None:
    """The handlers of a type say which service they call; an ARN of another one would fit no policy."""
    without_handlers = []
    for kind, forms in ARNS.items():
        document = schema(kind)
        calls = {call for handler in document.get("handlers", {}).values() for call in handler.get("permissions", ())}
        services = {call.partition(":")[0] for call in calls}
        for form in forms:
            assert {*re.findall(r"\{(\w+)\}", form)} <= {*document["properties"], "id", "region", "account"}, kind
            if not form.startswith("{"):  # a property that holds the whole ARN
                without_handlers += [] if services else [kind]
                assert not services or form.partition(":")[0] in services, kind
    assert without_handlers == ["AWS::CodeBuild::Project"]


def test_an_arn_has_a_region_and_an_account_but_for_what_is_global() -> None:
    """Service Authorization Reference: who is global has no region, and buckets and hosted zones have no account."""
    places = {kind: {tuple(form.split(":")[1:3]) for form in forms if ":" in form} for kind, forms in ARNS.items()}
    regional, of_account = ("{region}", "{account}"), ("", "{account}")
    assert {kind for kind, each in places.items() if each == {of_account}} == {
        "AWS::Budgets::Budget",
        "AWS::CloudWatch::Dashboard",
        *(kind for kind in ARNS if kind.startswith(("AWS::CloudFront::", "AWS::IAM::"))),
    }
    without = {"AWS::Route53::RecordSet", "AWS::S3::Bucket", "AWS::S3::BucketPolicy"}
    assert {kind for kind, each in places.items() if each == {("", "")}} == without
    assert {kind for kind, each in places.items() if not each} == {"AWS::SNS::Subscription", "AWS::SNS::TopicPolicy"}
    assert all(each in ({regional}, {of_account}, {("", "")}, set()) for each in places.values())


def test_a_name_is_made_of_digits_and_capitals_alike() -> None:
    """Each of the 36 comes up at every place, so that no policy can rest on one that does not."""
    endings = [generated("s", "A", str(seed), 64)[-12:] for seed in range(500)]
    assert {frozenset(letters) for letters in zip(*endings, strict=True)} == {
        frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    }


def test_whose_names_have_no_capitals() -> None:
    """S3 user guide, bucket naming rules; ECR API reference, CreateRepository: repositoryName."""
    assert {*LOWER_CASE} == {"AWS::S3::Bucket", "AWS::ECR::Repository"}
