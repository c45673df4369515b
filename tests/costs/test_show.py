"""An estimate from a small book of prices, computed by hand and shown to the letter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from generator.cfn.instance import stack_instances
from generator.cfn.templates import from_bodies
from scripts.costs import show
from scripts.costs.estimate import Estimate, Line, PriceMissingError, estimate, of_resource
from scripts.costs.rules import FORGOTTEN, Level

DATE = "2026-01-02"


def price(usd: float, free: float = 0, date: str = DATE) -> dict[str, Any]:
    return {"usd": usd, "free": free, "unit": "unit", "date": date}


BOOK: dict[str, Any] = {
    "region": "us-east-1",
    "hours": 100,
    "usage": {
        "log_gb": {"low": 1, "high": 4, "says": "gigabytes of logs"},
        "releases": {"low": 10, "high": 10, "says": "releases"},
        "build_minutes": {"low": 2, "high": 2000, "says": "minutes of a build"},
        "lcu": {"low": 0.5, "high": 1, "says": "load"},
        "peak": {"low": 0, "high": 0.25, "says": "part of the time at its peak"},
        "insight_metrics": {"low": 3, "high": 3, "says": "metrics of a cluster"},
    },
    "prices": {
        "logs.in": price(0.5, 2),
        "logs.kept": price(0.03),
        "codebuild.SMALL": price(0.01, 30, "2026-01-01"),
        "nat.hour": price(0.045),
        "alb.hour": price(0.02),
        "alb.lcu": price(0.008),
        "ipv4.hour": price(0.005),
        "kms.key": price(1),
        "fargate.vcpu": price(0.04),
        "fargate.memory": price(0.004),
        "metric": price(0.3, 1),
    },
    "design": {"CodeBuild": [5, 10], "ECS or Elastic Beanstalk": [1, 2]},
}
RESOURCES: dict[str, Any] = {
    "Builds": {"Type": "AWS::CodeBuild::Project", "Properties": {"Environment": {"ComputeType": "SMALL"}}},
    "Checks": {"Type": "AWS::CodeBuild::Project", "Properties": {"Environment": {"ComputeType": "SMALL"}}},
    "Key": {"Type": "AWS::KMS::Key"},
    "Nat": {"Type": "AWS::EC2::NatGateway"},
    "Role": {"Type": "AWS::IAM::Role"},
    "Balancer": {
        "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "Properties": {"Scheme": "internet-facing", "Subnets": ["a", "b"]},
    },
    "Cluster": {
        "Type": "AWS::ECS::Cluster",
        "Properties": {"ClusterSettings": [{"Name": "containerInsights", "Value": "enabled"}]},
    },
    "Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"Cpu": "512", "Memory": "1024"}},
    "Service": {"Type": "AWS::ECS::Service", "Properties": {"TaskDefinition": {"Ref": "Task"}}},
    "Scaling": {
        "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
        "Properties": {"MinCapacity": 1, "MaxCapacity": 3},
    },
}


@pytest.fixture
def book(tmp_path: Path) -> Path:
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(BOOK), encoding="utf-8")
    return file


def stacks(**changes: Any) -> list[Any]:
    resources = {**json.loads(json.dumps(RESOURCES)), **changes}
    templates = from_bodies({"environment": {"Resources": {k: v for k, v in resources.items() if v}}})
    return list(stack_instances(templates["environment"], {}))


def of(book: Path, **changes: Any) -> Estimate:
    return estimate("blue", stacks(**changes), book)


def test_every_line_by_hand(book: Path) -> None:
    """100 hours; one task of half a vCPU and a gigabyte, three of them for a quarter of the time at most; free
    allowances are spent once, the design's categories come first."""
    runtime = "ECS or Elastic Beanstalk"
    assert of(book) == Estimate(
        "blue",
        "us-east-1",
        DATE,
        (
            Line("CodeBuild", "builds and checks", Level(40, 40_000), "unit", 0.01, 30, Level(0.1, 399.7)),
            Line(runtime, "vCPU of the tasks", Level(50, 75), "unit", 0.04, 0, Level(2, 3)),
            Line(runtime, "memory of the tasks", Level(100, 150), "unit", 0.004, 0, Level(0.4, 0.6)),
            Line(FORGOTTEN, "logs taken in", Level(1, 4), "unit", 0.5, 2, Level(0, 1)),
            Line(FORGOTTEN, "logs kept", Level(1, 4), "unit", 0.03, 0, Level(0.03, 0.12)),
            Line(FORGOTTEN, "keys", Level(1, 1), "unit", 1, 0, Level(1, 1)),
            Line(FORGOTTEN, "NAT gateways", Level(100, 100), "unit", 0.045, 0, Level(4.5, 4.5)),
            Line(FORGOTTEN, "load balancer", Level(100, 100), "unit", 0.02, 0, Level(2, 2)),
            Line(FORGOTTEN, "load on it", Level(50, 100), "unit", 0.008, 0, Level(0.4, 0.8)),
            Line(FORGOTTEN, "public addresses", Level(200, 200), "unit", 0.005, 0, Level(1, 1)),
            Line(FORGOTTEN, "metrics of Container Insights", Level(3, 3), "unit", 0.3, 1, Level(0.6, 0.6)),
        ),
        {"CodeBuild": Level(5, 10), runtime: Level(1, 2)},
        {
            "gigabytes of logs": Level(1, 4),
            "releases": Level(10, 10),
            "minutes of a build": Level(2, 2000),
            "load": Level(0.5, 1),
            "part of the time at its peak": Level(0, 0.25),
            "metrics of a cluster": Level(3, 3),
        },
    )
    assert of(book).total("CodeBuild") == Level(0.1, 399.7) and of(book).total(FORGOTTEN).low == pytest.approx(9.53)


def test_what_is_not_there_is_not_paid(book: Path) -> None:
    quiet = of(
        book,
        Cluster={
            "Type": "AWS::ECS::Cluster",
            "Properties": {"ClusterSettings": [{"Name": "containerInsights", "Value": "disabled"}]},
        },
        Balancer={**RESOURCES["Balancer"], "Properties": {"Scheme": "internal", "Subnets": ["a", "b"]}},
    )
    assert {"public addresses", "metrics of Container Insights"} & {line.what for line in quiet.lines} == set()
    bare = of(book, Cluster={"Type": "AWS::ECS::Cluster"}, Balancer={"Type": RESOURCES["Balancer"]["Type"]})
    assert bare.lines == quiet.lines


def test_a_price_that_is_missing_is_named_with_those_that_are_there(book: Path) -> None:
    large = {"Type": "AWS::CodeBuild::Project", "Properties": {"Environment": {"ComputeType": "LARGE"}}}
    with pytest.raises(PriceMissingError) as error:
        of(book, Builds=large)
    names = ", ".join(sorted(BOOK["prices"]))
    assert str(error.value) == f"prices.json has no price 'codebuild.LARGE'; there are: {names}"
    with pytest.raises(PriceMissingError) as error:
        of_resource(stacks(Builds=large), "environment", "Builds", book)
    assert str(error.value) == "prices.json has no price 'codebuild.LARGE', which builds and checks has"


def test_one_resource_before_what_is_free(book: Path) -> None:
    there = stacks()
    assert of_resource(there, "environment", "Builds", book) == Level(20 * 0.01, 20_000 * 0.01)
    assert of_resource(there, "environment", "Balancer", book) == Level(3.4, 3.8)
    assert of_resource(there, "environment", "Role", book) == Level(0, 0)
    assert of_resource(there, "environment", "None", book) is None and of_resource(there, "data", "Key", book) is None
    assert of_resource([*there, *stacks()], "environment", "Key", book) == Level(2, 2)


def test_on_a_terminal(book: Path) -> None:
    width = len("metrics of Container Insights") + 2
    lines = [
        str(line)
        for line in show.lines(of(book, **dict.fromkeys(("Service", "Scaling", "Task", "Cluster", "Balancer"))))
    ]
    width = len("builds and checks") + 2
    assert lines == [
        "blue: US dollars a month in us-east-1, prices of 2026-01-02",
        f"  {'CodeBuild':{width}}  {'0 to 400':>18}   specification: 5 to 10",
        f"    {'builds and checks':{width}}{'0 to 400':>18}   40 to 40,000 at 0.01 per unit, 30 of them free",
        f"  {FORGOTTEN:{width}}  {'5.53 to 6.62':>18}",
        f"    {'logs taken in':{width}}{'0.00 to 1.00':>18}   1 to 4 at 0.5 per unit, 2 of them free",
        f"    {'logs kept':{width}}{'0.03 to 0.12':>18}   1 to 4 at 0.03 per unit",
        f"    {'keys':{width}}{'1.00 to 1.00':>18}   1 at 1 per unit",
        f"    {'NAT gateways':{width}}{'4.50 to 4.50':>18}   100 at 0.045 per unit",
        f"  {'Total':{width}}  {'6 to 406':>18}   specification: 6 to 12",
        "  low and high usage (scripts/costs/prices.json):",
        f"    {'gigabytes of logs':{width + 26}}1 to 4",
        f"    {'releases':{width + 26}}10",
        f"    {'minutes of a build':{width + 26}}2 to 2,000",
        f"    {'load':{width + 26}}0.5 to 1",
        f"    {'part of the time at its peak':{width + 26}}0 to 0.25",
        f"    {'metrics of a cluster':{width + 26}}3",
    ]


def test_for_a_page(book: Path) -> None:
    assert list(show.markdown(of(book))) == [
        "| blue, US dollars a month | low | high | specification |",
        "|---|---:|---:|---:|",
        "| CodeBuild | 0 | 400 | 5 to 10 |",
        "| ECS or Elastic Beanstalk | 2 | 4 | 1.00 to 2.00 |",
        f"| {FORGOTTEN} | 10 | 11 |  |",
        "| **Total** | **12** | **414** | 6 to 12 |",
    ]


def test_for_programs(book: Path) -> None:
    document = json.loads(json.dumps(show.document(of(book))))
    assert list(document) == ["environment", "region", "date", "lines", "design", "usage", "total"]
    assert document["total"]["low"] == pytest.approx(12.03) and document["total"].keys() == {"low", "high"}
    assert document["lines"][0]["what"] == "builds and checks" and document["lines"][0]["cost"] == [0.1, 399.7]
