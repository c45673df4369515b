"""What depends on nothing is made at once, in an order that a seed decides: ready environments are created, updated and
deleted under a seed, and a dependency that is missing is found. `make soak` takes all of them under a hundred seeds
(`SEEDS`). Of three seeds two are a ranking of the resources and its reverse, which show most pairs of independent ones
in both orders; in the third each step is drawn.
"""

import copy
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from generator.cfn import parameters
from generator.cfn.templates import load
from scripts.local_aws import faults
from tests.local_aws.support import Aws
from tests.local_aws.trees import STACK

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
SEEDS = int(os.environ.get("SEEDS", "100"))
READY = ("production", "beanstalk", "staging", "bluegreen", "small", "local")
# The largest is in the suite, under one seed: a creation costs seconds of a processor.
SUITE = (("production", 1),)
WAYS = ("ranked", "reversed", "drawn")
COMPUTED = {
    "CloudFrontPrefixListId": "pl-3b927c52",
    "PlatformArn": "arn:aws:elasticbeanstalk:us-east-1::platform/Python 3.11 running on 64bit Amazon Linux 2023/4.12.0",
    "RepositoryName": "cloud-health-dashboard",
    "RoleBoundaryArn": "",
    "SigningProfileArn": "",
}
LATER = {"BackendBootstrap": "false", "BackendImage": "repository/backend:abc", "ConfigurationDigest": "1" * 16}
IAM = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]


@pytest.fixture(autouse=True)
def rested(aws: Aws) -> Iterator[None]:
    yield
    faults.behave(aws.endpoint, seed=0, order="drawn", pace=0.0)


def environment(aws: Aws) -> dict[str, Any]:
    """The root template, its children uploaded."""
    body: dict[str, Any] = json.loads((TEMPLATES / "environment.json").read_text(encoding="utf-8"))
    for resource in body["Resources"].values():
        if resource["Type"] == STACK:
            child = resource["Properties"]["TemplateURL"]
            text = json.loads((TEMPLATES / child).read_text(encoding="utf-8"))
            resource["Properties"]["TemplateURL"] = aws.put(child, text)
    return body


def values_of(name: str, seed: int, **changes: str) -> dict[str, str]:
    """The parameters of an environment; tables are kept when one is deleted, so each run has names of its own."""
    root = load(TEMPLATES)["environment"]
    file = parameters.read(ROOT / "params" / f"{name}.json")
    first = {key: how["First"] for key, how in root.body["Metadata"]["Computed"].items()}
    computed = {key: value for key, value in (COMPUTED | changes).items() if key in first}
    values = parameters.effective(file, root.body, first | computed)
    values |= {key: value for key, value in changes.items() if key in values}
    return values | {key: f"{value}-{seed}" for key, value in values.items() if key.endswith("Table") and value}


def failures(aws: Aws, stack: str) -> list[str]:
    """What failed in a stack and those nested in it."""
    lines = []
    for event in aws.events(stack):
        if event["ResourceStatus"].endswith("_FAILED"):
            lines.append(f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}")
            nested = event.get("PhysicalResourceId", "")
            if event["ResourceType"] == STACK and nested and nested != event["StackId"]:
                lines += failures(aws, nested)
    return lines


@pytest.mark.parametrize(
    ("name", "seed"),
    [
        pytest.param(name, seed, marks=[] if (name, seed) in SUITE else pytest.mark.soak)
        for name in READY
        for seed in range(1, SEEDS + 1)
    ],
)
def test_an_environment_in_any_order(aws: Aws, name: str, seed: int) -> None:
    number, way = divmod(seed - 1, len(WAYS))
    faults.behave(aws.endpoint, seed=number + 1, order=WAYS[way])
    stack, body = f"{name}-{seed}", environment(aws)
    created = aws.deploy(stack, body, parameters=values_of(name, seed), Capabilities=IAM)
    assert created["StackStatus"] == "CREATE_COMPLETE", failures(aws, stack)
    later = values_of(name, seed, **LATER, LogRetentionDays="60", DeletionProtection="false")
    updated = aws.deploy(stack, body, "UPDATE", parameters=later, Capabilities=IAM)
    assert updated["StackStatus"] == "UPDATE_COMPLETE", failures(aws, stack)
    aws.stacks.update_termination_protection(StackName=stack, EnableTerminationProtection=False)
    assert aws.delete(stack)["StackStatus"] == "DELETE_COMPLETE", failures(aws, stack)


def orders(aws: Aws, stack: str) -> list[str]:
    return [event["LogicalResourceId"] for event in aws.events(stack) if event["ResourceStatus"] == "CREATE_COMPLETE"]


def test_a_seed_gives_its_order_and_what_is_independent_is_begun_at_once(aws: Aws) -> None:
    body = {"Resources": {name: {"Type": "AWS::SNS::Topic"} for name in ("A", "B", "C", "D", "E", "F")}}
    seen = []
    for number, seed in enumerate((1, 2, 3)):
        faults.behave(aws.endpoint, seed=seed)
        aws.deploy(f"orders-{number}", body)
        events = [event["ResourceStatus"] for event in aws.events(f"orders-{number}")]
        begun = events.index("CREATE_COMPLETE")
        assert events[:begun].count("CREATE_IN_PROGRESS") >= 7, "the stack and all six are under way before one is done"
        seen.append(orders(aws, f"orders-{number}"))
    assert len({tuple(order) for order in seen}) == 3


def test_a_ranking_and_its_reverse_show_what_is_independent_in_both_orders(aws: Aws) -> None:
    body = {"Resources": {name: {"Type": "AWS::SNS::Topic"} for name in ("A", "B", "C", "D", "E", "F")}}
    seen = []
    for order in ("ranked", "reversed"):
        faults.behave(aws.endpoint, seed=1, order=order)
        aws.deploy(f"ranks-{order}", body)
        seen.append([name for name in orders(aws, f"ranks-{order}") if name in body["Resources"]])
    assert len(seen[0]) == 6 and seen[0] == seen[1][::-1]
    with pytest.raises(faults.FaultPlanError, match="order is 'backwards': give one of drawn, ranked, reversed"):
        faults.behave(aws.endpoint, order="backwards")


NETWORK: dict[str, Any] = {
    "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
    "Gateway": {"Type": "AWS::EC2::InternetGateway"},
    "Attachment": {
        "Type": "AWS::EC2::VPCGatewayAttachment",
        "Properties": {"VpcId": {"Ref": "Vpc"}, "InternetGatewayId": {"Ref": "Gateway"}},
    },
    "Subnet": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.0.0/24"}},
    "Address": {"Type": "AWS::EC2::EIP", "DependsOn": "Attachment", "Properties": {"Domain": "vpc"}},
    "Nat": {
        "Type": "AWS::EC2::NatGateway",
        "Properties": {"SubnetId": {"Ref": "Subnet"}, "AllocationId": {"Fn::GetAtt": ["Address", "AllocationId"]}},
    },
    "Table": {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": {"Ref": "Vpc"}}},
    "Default": {
        "Type": "AWS::EC2::Route",
        "DependsOn": "Attachment",
        "Properties": {
            "RouteTableId": {"Ref": "Table"},
            "DestinationCidrBlock": "0.0.0.0/0",
            "GatewayId": {"Ref": "Gateway"},
        },
    },
}
LOGGING = {"Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject"}
BUCKETS: dict[str, Any] = {
    "Logs": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"},
    "Policy": {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {
            "Bucket": {"Ref": "Logs"},
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{**LOGGING, "Resource": {"Fn::Sub": "arn:aws:s3:::${Logs}/*"}}],
            },
        },
    },
    "Logged": {
        "Type": "AWS::S3::Bucket",
        "DependsOn": "Policy",
        "Properties": {"LoggingConfiguration": {"DestinationBucketName": {"Ref": "Logs"}, "LogFilePrefix": "a/"}},
    },
}


@pytest.mark.parametrize(
    ("resources", "without", "reason"),
    [
        (NETWORK, "Address", "has no Internet gateway attached"),
        pytest.param(NETWORK, "Default", "belong to different networks", marks=pytest.mark.soak),
        pytest.param(BUCKETS, "Logged", "necessary permissions to the logging service", marks=pytest.mark.soak),
    ],
)
def test_a_removed_dependency_is_found(aws: Aws, resources: dict[str, Any], without: str, reason: str) -> None:
    def refused(name: str, body: dict[str, Any], seed: int, order: str) -> bool:
        faults.behave(aws.endpoint, seed=seed, order=order)
        stack = f"impatient-{without}-{name}-{seed}-{order}".lower()
        if aws.deploy(stack, {"Resources": body})["StackStatus"] == "CREATE_COMPLETE":
            return False
        assert any(reason in text for text in failures(aws, stack)), failures(aws, stack)
        return True

    loose = copy.deepcopy(resources)
    del loose[without]["DependsOn"]
    ways = [(seed, order) for seed in (1, 2) for order in WAYS]
    assert not any(refused("with", resources, *way) for way in ways)
    assert any(refused("without", loose, *way) for way in ways), "found in one order or another"


def test_each_type_takes_its_time_when_asked_for(aws: Aws) -> None:
    """A hundredth of what is typical: a key 0.75 seconds, a topic next to nothing, side by side and in any order."""
    body = {"Resources": {"Key": {"Type": "AWS::KMS::Key"}, "Topic": {"Type": "AWS::SNS::Topic"}}}
    for seed in (1, 2, 3):
        faults.behave(aws.endpoint, seed=seed, pace=0.01)
        began = time.monotonic()
        aws.deploy(f"paced-{seed}", body)
        assert time.monotonic() - began > 0.75
        assert orders(aws, f"paced-{seed}") == ["Topic", "Key", f"paced-{seed}"]
    with pytest.raises(faults.FaultPlanError, match="pace is -1"):
        faults.behave(aws.endpoint, pace=-1)
