"""An environment: a parameter file and the roots that it is for, on small roots of the same names."""

from __future__ import annotations

from typing import Any

import pytest

from generator.cfn import environments
from generator.cfn.environments import Environment, EnvironmentRefusedError, own_tags, released, roots_of
from generator.cfn.parameters import ParameterFile
from generator.cfn.templates import TemplateSet, from_bodies

TAGS = [{"Key": "Application", "Value": "shop"}, {"Key": "Environment", "Value": {"Ref": "Environment"}}]
QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"Tags": TAGS}}
TEXT = {"Type": "String", "Default": ""}
MINUTES = {
    "DeploymentStrategy": {"Type": "String", "Default": "ROLLING"},
    "BackendTarget": {"Type": "String", "Default": "ECS"},
    **{
        name: {"Type": "Number", "Default": default}
        for name, default in (
            ("BakeMinutes", "5"),
            ("CanaryBakeMinutes", "10"),
            ("DeploymentTimeoutMinutes", "30"),
            ("BuildTimeoutMinutes", "30"),
            ("ExecutionTimeoutMinutes", "60"),
        )
    },
}
ROOT: dict[str, Any] = {
    "Metadata": {
        "Generator": {"Version": "1.2.3"},
        "Computed": {
            "Image": {"Found": "in the registry", "First": "none"},
            "Bootstrap": {"Found": "by the stack", "First": "true", "Covers": ["Size"]},
        },
        "Fixed": {"Size": "the network cannot change"},
        "AWS::CloudFormation::Interface": {
            "ParameterGroups": [
                {"Label": {"default": "Network"}, "Parameters": ["Size"]},
                {"Label": {"default": "Source"}, "Parameters": ["ConnectionArn", "Word"]},
            ]
        },
    },
    "Parameters": {
        "Environment": {"Type": "String"},
        "Image": {"Type": "String"},
        "Bootstrap": {"Type": "String", "AllowedValues": ["true", "false"]},
        "Size": {"Type": "String", "Default": "small"},
        "ConnectionArn": TEXT,
        "Word": {**TEXT, "NoEcho": True},
        **MINUTES,
    },
    "Resources": {
        "Queue": QUEUE,
        "Child": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "child.json"}},
    },
}
CHILD = {
    "Parameters": {"Hidden": {**TEXT, "NoEcho": "TRUE"}, "Shown": {**TEXT, "NoEcho": "false"}},
    "Resources": {"Q": QUEUE},
}
BARE: dict[str, Any] = {"Metadata": {}, "Parameters": {"Environment": {"Type": "String"}}, "Resources": {"Q": QUEUE}}
EDGE = {
    **BARE,
    "Metadata": {"Region": "us-east-1"},
    "Parameters": {"Environment": {"Type": "String"}, "Domain": TEXT},
    "Conditions": {"HasDomain": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Domain"}, ""]}]}},
    "Resources": {"Q": {**QUEUE, "Condition": "HasDomain"}},
}


def templates(*without: str, **bodies: Any) -> TemplateSet:
    every = {"environment": ROOT, "child": CHILD, "access": BARE, "edge": EDGE, "shared": BARE, "shared-access": BARE}
    return from_bodies({name: body for name, body in {**every, **bodies}.items() if name not in without})


def file(path: str = "params/one.json", tags: dict[str, str] | None = None, **parameters: Any) -> ParameterFile:
    return ParameterFile(path, {"Environment": "one", **parameters}, tags or {}, {})


def environment(root: str = "environment", name: str = "one", **parameters: Any) -> Environment:
    return Environment(name, templates()[root], file(tags={"Cost": "7"}, **parameters))


def test_which_roots_a_file_is_for() -> None:
    every = templates()
    assert list(roots_of("one", every)) == ["access", "edge", "environment"]
    assert [root.name for root in roots_of("shared", every).values()] == ["shared-access", "shared"]
    assert list(roots_of("shared", every)) == ["access", "shared"]
    assert list(roots_of("one", templates("access", "edge"))) == ["environment"]
    assert list(roots_of("shared", templates("shared-access"))) == ["shared"]


def test_the_names_of_the_stacks() -> None:
    names = {root: environment(root).stack for root in ("environment", "access", "edge")}
    assert names == {"environment": "shop-one", "access": "shop-one-access", "edge": "shop-one-edge"}
    shared = {root: environment(root, "shared").stack for root in ("shared", "shared-access")}
    assert shared == {"shared": "shop-shared", "shared-access": "shop-shared-access"}
    assert environment().access_stack == "shop-one-access"
    assert [environment(root).is_main for root in ("environment", "shared", "access", "edge")] == [
        True,
        True,
        False,
        False,
    ]


def test_what_a_root_says_of_itself() -> None:
    shop = environment(Size="large", ConnectionArn="arn:c")
    assert own_tags(shop.root) == {"Application": "shop", "Environment": ""}
    assert (shop.application, shop.version, shop.region, shop.tags) == ("shop", "1.2.3", "", {"Cost": "7"})
    assert environment("edge").region == "us-east-1"
    assert shop.hidden == {"Word", "Hidden"}
    assert shop.first_values == {"Image": "none", "Bootstrap": "true"} and environment("access").computed == {}
    assert (shop.chosen("Size"), environment().chosen("Size"), shop.chosen("Nothing")) == ("large", "small", "")
    assert shop.connection == "arn:c" and environment().connection == ""
    assert shop.group("Source") == ("ConnectionArn", "Word")
    with pytest.raises(EnvironmentRefusedError, match=r"^environment\.json has no parameter group 'Nothing'\.$"):
        shop.group("Nothing")


def test_a_root_of_which_nothing_would_be_made_is_not_needed() -> None:
    assert environment().needed and environment("access").needed
    assert environment("edge", Domain="shop.test").needed and not environment("edge").needed


def test_what_is_computed_goes_before_the_file_and_has_to_be_there() -> None:
    values = environment(Size="large").values({"Image": "digest", "Bootstrap": "false", "Extra": "x"})
    assert values == {
        "Environment": "one",
        "Image": "digest",
        "Bootstrap": "false",
        "Size": "large",
        "ConnectionArn": "",
        "Word": "",
        "Extra": "x",
        **{name: how["Default"] for name, how in MINUTES.items()},
    }
    with pytest.raises(EnvironmentRefusedError, match=r"how to compute Image of environment\.json"):
        environment().values({"Bootstrap": "true"})


def test_what_a_living_environment_cannot_change() -> None:
    shop = environment()
    shop.check_fixed({"Size": "small"}, {"Size": "small"})
    shop.check_fixed({}, {"Size": "large"})  # it is new
    shop.check_fixed({"Size": "small"}, {})
    with pytest.raises(EnvironmentRefusedError) as caught:
        shop.check_fixed({"Size": "small"}, {"Size": "large"})
    assert str(caught.value) == "Size of shop-one is small and cannot become large: the network cannot change."


def test_the_values_after_the_first_release() -> None:
    shop = environment(Size="large")
    first = {**shop.values(shop.first_values)}
    assert released(shop.file, shop.root) == {**first, "Bootstrap": "false"}


def faults(name: str = "one", **parameters: Any) -> list[str]:
    return [str(each) for each in environments.problems(file(f"params/{name}.json", **parameters), templates())]


LATE = (
    'params/one.json: DeploymentTimeoutMinutes = "{}" is less than the {} minutes that {} with 10 for the tasks take.'
)


@pytest.mark.parametrize(
    ("parameters", "problems"),
    [
        ({}, []),
        ({"Domain": "x.test"}, []),  # of another root than the main one
        ({"DeploymentStrategy": "CANARY"}, []),
        ({"DeploymentStrategy": "CANARY", "DeploymentTimeoutMinutes": "25"}, []),
        (
            {"DeploymentStrategy": "CANARY", "DeploymentTimeoutMinutes": "24"},
            [LATE.format(24, 25, "BakeMinutes and CanaryBakeMinutes")],
        ),
        ({"DeploymentStrategy": "BLUE_GREEN", "DeploymentTimeoutMinutes": "15"}, []),
        ({"DeploymentStrategy": "BLUE_GREEN", "DeploymentTimeoutMinutes": "14"}, [LATE.format(14, 15, "BakeMinutes")]),
        ({"DeploymentStrategy": "ROLLING", "DeploymentTimeoutMinutes": "1"}, []),
        ({"DeploymentStrategy": "CANARY", "DeploymentTimeoutMinutes": "1", "BackendTarget": "NONE"}, []),
        ({"BuildTimeoutMinutes": "59"}, []),
        (
            {"BuildTimeoutMinutes": "60"},
            [
                'params/one.json: BuildTimeoutMinutes = "60" is not below ExecutionTimeoutMinutes = 60: a build that '
                "hangs would not fail by its own name."
            ],
        ),
        ({"Environment": "two"}, ['params/one.json: Environment = "two" must be the file\'s name. Valid: one.']),
    ],
)
def test_what_is_wrong_with_a_file(parameters: dict[str, str], problems: list[str]) -> None:
    assert faults(**parameters) == problems


def test_the_file_of_what_is_shared_names_no_environment() -> None:
    assert faults("shared", Environment="whatever") == []


TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
BREACH = "MinCapacity 5 must be at most MaxCapacity {} (Scaling{})"


def scaling(least: object, most: object) -> dict[str, Any]:
    """A root whose resource has these limits of tasks."""
    parameters = {**ROOT["Parameters"], "Least": {**TEXT, "Default": "5"}, "Most": {**TEXT, "Default": "2"}}
    conditions = {"Starts": {"Fn::Equals": [{"Ref": "Bootstrap"}, "true"]}}
    resources = {"Scaling": {"Type": TARGET, "Properties": {"MinCapacity": least, "MaxCapacity": most}}}
    body = {**ROOT, "Parameters": parameters, "Conditions": conditions}
    return {**body, "Resources": {**ROOT["Resources"], **resources}}


@pytest.mark.parametrize(
    ("least", "most", "parameters", "problems"),
    [
        # Wrong at both times, told once; what the file does not say is the template's default.
        ({"Ref": "Least"}, {"Ref": "Most"}, {}, [f'Least = "5": {BREACH.format(2, "; beside Most = 2")}']),
        # What the file says goes before what it leaves to the template.
        ({"Ref": "Least"}, {"Ref": "Most"}, {"Most": "3"}, [f'Most = "3": {BREACH.format(3, "")}']),
        ({"Ref": "Least"}, 4, {"Least": "5"}, [f'Least = "5": {BREACH.format(4, "")}']),
        ({"Ref": "Least"}, {"Ref": "Most"}, {"Most": "5"}, []),
        # Wrong on the first deployment alone, and from the first release on.
        (5, {"Fn::If": ["Starts", 1, 9]}, {}, [f"Scaling: {BREACH.format(1, '')}"]),
        (5, {"Fn::If": ["Starts", 9, 1]}, {}, [f"Scaling: {BREACH.format(1, '')}"]),
        (5, {"Fn::If": ["Starts", 9, {"Ref": "Most"}]}, {}, [f'Most = "2": {BREACH.format(2, "")}']),
    ],
)
def test_what_aws_would_refuse_is_told_by_the_parameter_to_change(
    least: object, most: object, parameters: dict[str, Any], problems: list[str]
) -> None:
    """On the first deployment, and once the first release has been made."""
    faults = environments.problems(file(**parameters), templates(environment=scaling(least, most)))
    assert [str(fault) for fault in faults] == [f"params/one.json: {problem}." for problem in problems]


def test_an_environment_as_python_shows_it_has_no_values() -> None:
    assert "hunter2" not in repr(Environment("one", templates()["edge"], file(Domain="hunter2", tags={"A": "hunter2"})))
