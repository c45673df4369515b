"""Placeholders of a change set, and who feeds them."""

import pytest

from generator.cfn.unknown import fed_by_siblings, is_unknown

STACK = "AWS::CloudFormation::Stack"


@pytest.mark.parametrize(
    ("value", "unknown"),
    [
        ("{{changeSet:KNOWN_AFTER_APPLY}}", True),
        ("{{IntrinsicFunction:app-staging/Network.Outputs.VpcId/Fn::GetAtt}}", True),
        ("arn:aws:s3:::{{IntrinsicFunction:app/Bucket/Ref}}/*", True),
        ("{{resolve:ssm:/some/name}}", False),
        ("", False),
        (None, False),
        (7, False),
    ],
)
def test_both_spellings_are_known(value: object, unknown: bool) -> None:
    assert is_unknown(value) is unknown


def test_what_a_sibling_feeds_is_told_by_the_template() -> None:
    parameters = {
        "Plain": {"Ref": "Days"},
        "Attribute": {"Fn::GetAtt": ["First", "Outputs.Arn"]},
        "Inside": {"Fn::If": ["On", {"Fn::Sub": "${First.Outputs.Name}/x"}, ""]},
        "Text": "First",
    }
    body = {
        "Parameters": {"Days": {"Type": "String"}},
        "Conditions": {"On": {"Fn::Equals": ["a", "b"]}},
        "Resources": {
            "First": {"Type": STACK, "Properties": {"TemplateURL": "x"}},
            "Second": {"Type": STACK, "Properties": {"TemplateURL": "y", "Parameters": parameters}},
            "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {}},
        },
    }
    assert fed_by_siblings(body) == {"First": frozenset(), "Second": frozenset({"Attribute", "Inside"})}
    assert fed_by_siblings({}) == {}
