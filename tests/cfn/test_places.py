"""Places inside JSON, and what AWS lacks in some zones."""

from __future__ import annotations

import pytest

from generator.cfn.places import objects, spell, walk
from generator.cfn.zones import GAPS, UNFIT, gaps


def test_every_value_comes_with_the_way_to_it_in_the_order_of_the_text() -> None:
    value = {"a": [1, {"b": 2}], "c": "x"}
    assert list(walk(value)) == [
        ((), value),
        (("a",), [1, {"b": 2}]),
        (("a", 0), 1),
        (("a", 1), {"b": 2}),
        (("a", 1, "b"), 2),
        (("c",), "x"),
    ]
    assert list(walk("x", ("top",))) == [(("top",), "x")]
    nested = [{"d": [[value], {}]}, value]
    assert list(objects(nested)) == [(place, inner) for place, inner in walk(nested) if isinstance(inner, dict)]
    assert list(objects("x")) == []


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ((), ""),
        (("Policies", 0, "PolicyName"), "Policies[0].PolicyName"),
        (("Statement", "Sid=Logs", "Action"), "Statement[Sid=Logs].Action"),
        ((0, "a"), "[0].a"),
    ],
)
def test_a_place_as_text(place: tuple[str | int, ...], text: str) -> None:
    assert spell(place) == text


@pytest.mark.parametrize(
    ("kind", "zones", "region", "features"),
    [
        ("AWS::CloudFront::VpcOrigin", {"use1-az3", "use1-az1"}, "us-east-1", ["VPC origins"]),
        ("AWS::CloudFront::VpcOrigin", {"use1-az1"}, "us-east-1", []),
        ("AWS::CloudFront::VpcOrigin", {"apne1-az3"}, "", ["VPC origins"]),
        ("AWS::CloudFront::VpcOrigin", {"cac1-az3"}, "", ["VPC origins"]),
        ("AWS::CloudFront::VpcOrigin", {"usw1-az2"}, "", ["VPC origins"]),
        ("AWS::ECS::Service", {"usw1-az2"}, "us-west-1", ["Fargate"]),
        ("AWS::ECS::Service", {"apne1-az3"}, "", ["Fargate"]),
        ("AWS::ECS::Service", {"use1-az3"}, "", []),
        *(
            ("AWS::CloudFront::Distribution", set(), region, ["CloudFront's access logs"])
            for region in ("af-south-1", "ap-east-1", "eu-south-1", "me-south-1")
        ),
        ("AWS::CloudFront::Distribution", set(), "eu-west-1", []),
        ("AWS::SQS::Queue", {"use1-az3"}, "af-south-1", []),
    ],
)
def test_what_is_lacking_where(kind: str, zones: set[str], region: str, features: list[str]) -> None:
    assert [gap.feature for gap in gaps(kind, frozenset(zones), region)] == features


def test_zones_that_are_not_chosen_and_sources() -> None:
    assert {"apne1-az3", "cac1-az3", "use1-az3", "usw1-az2"} == UNFIT
    assert all(len(gap.source) > 20 and (gap.zones or gap.regions) for gap in GAPS)
