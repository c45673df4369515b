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
