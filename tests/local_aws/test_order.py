"""In which order the resources of a stack come and go."""

from typing import Any

from scripts.local_aws import order
from scripts.local_aws.template import Scope, read
from scripts.local_aws.values import Resource, Stack

TOPIC = "AWS::SNS::Topic"


def resource(logical: str, **body: Any) -> Resource:
    return Resource(logical, TOPIC, {"Type": TOPIC, **body}, {})


RESOURCES = [
    resource("Last", DependsOn=["Middle", "Nobody"]),
    resource("Middle", Properties={"TopicName": {"Fn::Sub": "${First.TopicName}-${AWS::Region}"}}),
    resource("First", Condition="Last"),
    resource("Beside", DependsOn="First", Metadata={"of": {"Ref": "Last"}}),
]


def test_what_each_needs_of_the_others_and_who_needs_it() -> None:
    assert order.needs_of(RESOURCES) == {
        "Last": {"Middle"},
        "Middle": {"First"},
        "First": set(),
        "Beside": {"First", "Last"},
    }
    assert order.needed_by(RESOURCES) == {
        "Last": {"Beside"},
        "Middle": {"Last"},
        "First": {"Middle", "Beside"},
        "Beside": set(),
    }


def test_what_needs_others_goes_before_them() -> None:
    assert [each.logical for each in order.backwards(RESOURCES)] == ["Beside", "Last", "Middle", "First"]


def test_what_a_template_does_not_declare_or_whose_condition_is_false_is_idle() -> None:
    text = """{
        "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
        "Resources": {
            "Kept": {"Type": "AWS::SNS::Topic"},
            "Left": {"Type": "AWS::SNS::Topic", "Condition": "Never"},
            "New": {"Type": "AWS::SNS::Topic"}
        }
    }"""
    stack = Stack("app", "id")
    stack.resources = {name: resource(name) for name in ("Gone", "Kept", "Left")}
    assert order.idle(stack, Scope(read(text), {}, {}).check()) == ["Gone", "Left"]
