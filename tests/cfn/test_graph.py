"""Who depends on what."""

from pathlib import Path
from typing import Any

import pytest

from generator.cfn import graph
from generator.cfn.templates import Template, TemplateSet, from_bodies, load


def template(resources: dict[str, Any], **sections: Any) -> Template:
    bodies = {name: {"Type": "AWS::SQS::Queue", **body} for name, body in resources.items()}
    return from_bodies({"t": {"Resources": bodies, **sections}})["t"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "A"}, [("Ref", "A", "")]),
        ({"Ref": "AWS::Region"}, []),
        ({"Fn::GetAtt": ["A", "Arn"]}, [("GetAtt", "A", "Arn")]),
        ({"Fn::GetAtt": ["A", "Outputs.Name"]}, [("GetAtt", "A", "Outputs.Name")]),
        ({"Fn::GetAtt": "A.Outputs.Name"}, [("GetAtt", "A", "Outputs.Name")]),
        ({"Fn::Sub": "${A}-${B.Arn}-${!C}-${AWS::Region}"}, [("Sub", "A", ""), ("Sub", "B", "Arn")]),
        ({"Fn::Sub": ["${A}-${own}", {"own": {"Ref": "B"}}]}, [("Sub", "A", ""), ("Ref", "B", "")]),
        ({"Fn::If": ["C", {"Ref": "A"}, "x"]}, [("Condition", "C", ""), ("Ref", "A", "")]),
        ({"Condition": "C"}, [("Condition", "C", "")]),
        ([{"deep": [{"Ref": "A"}]}], [("Ref", "A", "")]),
        ({"Ref": "A", "other": 1}, []),
    ],
)
def test_every_form_of_a_reference_is_read(value: object, expected: list[tuple[str, str, str]]) -> None:
    assert [result[1:] for result in graph.mentions(value)] == expected


def test_references_say_where_they_stand() -> None:
    created = template(
        {"A": {"Condition": "C", "DependsOn": ["B"], "Properties": {"X": [{"Ref": "B"}]}}, "B": {}},
        Outputs={"O": {"Value": {"Fn::GetAtt": ["A", "Arn"]}, "Condition": "C"}},
        Conditions={"C": {"Fn::Equals": [{"Ref": "P"}, "x"]}},
    )
    assert [str(reference) for reference in graph.references(created)] == [
        "Resources.A at Condition: Condition C",
        "Resources.A at DependsOn: DependsOn B",
        "Resources.A at X[0]: Ref B",
        "Outputs.O at Condition: Condition C",
        "Outputs.O at : GetAtt A.Arn",
        "Conditions.C at Fn::Equals[0]: Ref P",
    ]


def test_dependencies_are_resources_only() -> None:
    created = template(
        {"A": {"DependsOn": "B", "Properties": {"X": {"Ref": "P"}, "Y": {"Ref": "C"}}}, "B": {}, "C": {}}
    )
    assert graph.dependencies(created) == {"A": {"B", "C"}, "B": frozenset(), "C": frozenset()}


def test_order_puts_each_after_what_it_needs_and_is_stable() -> None:
    assert graph.order({"c": ["a"], "b": [], "a": ["b"], "d": ["elsewhere"]}) == ["b", "d", "a", "c"]
    assert graph.order({}) == []


def test_a_circle_is_an_error_that_names_it() -> None:
    with pytest.raises(graph.CycleError, match="b -> c -> b") as caught:
        graph.order({"a": ["b"], "b": ["c"], "c": ["b"], "free": []})
    assert caught.value.names == ["b", "c"]


def environment() -> TemplateSet:
    def child(name: str, **parameters: Any) -> dict[str, Any]:
        properties = {"TemplateURL": f"{name}.json", "Parameters": parameters}
        return {"Type": "AWS::CloudFormation::Stack", "Properties": properties}

    root = {
        "Parameters": {"Environment": {"Type": "String"}},
        "Resources": {
            "Storage": child("storage", Environment={"Ref": "Environment"}),
            "Topic": {
                "Type": "AWS::SNS::Topic",
                "Properties": {"TopicName": {"Fn::GetAtt": ["Storage", "Outputs.Name"]}},
            },
            "Site": child(
                "site",
                Bucket={"Fn::Join": ["-", [{"Fn::GetAtt": ["Storage", "Outputs.Name"]}, {"Ref": "Environment"}]]},
                Literal="x",
                Region={"Ref": "AWS::Region"},
            ),
            "Watch": child("watch", Topic={"Fn::If": ["C", {"Ref": "Topic"}, ""]}),
        },
    }
    leaf = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}}
    return from_bodies({"environment": root, "storage": leaf, "site": leaf, "watch": leaf})


def test_children_need_each_other_also_through_the_roots_own_resources() -> None:
    root = environment()["environment"]
    assert graph.child_dependencies(root) == {"Storage": frozenset(), "Site": {"Storage"}, "Watch": {"Storage"}}
    assert graph.order(graph.child_dependencies(root)) == ["Storage", "Site", "Watch"]


def test_a_childs_parameter_is_traced_to_its_givers() -> None:
    root = environment()["environment"]
    values = {
        (child.template.name, name): [str(giver) for giver in graph.givers(root, child, name)]
        for child in root.children()
        for name in child.parameters
    }
    assert values == {
        ("storage", "Environment"): ["environment.Parameters.Environment"],
        ("site", "Bucket"): ["storage.Outputs.Name", "environment.Parameters.Environment"],
        ("site", "Literal"): [],
        ("site", "Region"): [],
        ("watch", "Topic"): ["environment.Resources.Topic"],
    }


def test_our_own_children_come_in_an_order() -> None:
    root = load(Path(__file__).parents[2] / "templates")["environment"]
    ordered = graph.order(graph.child_dependencies(root))
    assert sorted(ordered) == sorted(child.resource.logical_id for child in root.children())
    assert ordered.index("Encryption") < ordered.index("Storage") < ordered.index("Build") < ordered.index("Pipeline")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            {"a": [1, {"Fn::Sub": ["${ A }${A.B.C}${own}", {"own": {"Ref": "X"}}]}]},
            [
                (("a", 1), "Sub", "A", ""),
                (("a", 1), "Sub", "A", "B.C"),
                (("a", 1, "Fn::Sub", 1, "own"), "Ref", "X", ""),
            ],
        ),
        ({"Fn::GetAtt": ["A", "Outputs", "Name", 1]}, [((), "GetAtt", "A", "Outputs.Name.1")]),
        ({"Fn::If": [{"Ref": "A"}, 1, 2]}, [(("Fn::If", 0), "Ref", "A", "")]),
        ({"Condition": {"Ref": "A"}}, [(("Condition",), "Ref", "A", "")]),
        ({"Condition": "C", "Type": "T"}, []),  # the attribute of a resource is read by `references`
        ({"Ref": ["A"]}, []),
        ({"Fn::Sub": ["${A}"]}, []),  # no form of the function
        ({"Fn::GetAtt": "AWS::Region.A"}, []),
        ("${A}", []),
    ],
)
def test_a_mention_has_its_place(value: object, expected: list[tuple[object, str, str, str]]) -> None:
    assert list(graph.mentions(value)) == expected


def test_an_order_is_alphabetical_by_rounds_and_a_circle_begins_with_its_first_name() -> None:
    """Who needs nothing comes first, all of them, before any that needs one of them."""
    assert graph.order({"z": [], "a": ["z"], "b": [], "c": ["a", "b"], "d": []}) == ["b", "d", "z", "a", "c"]
    with pytest.raises(graph.CycleError) as caught:
        graph.order({"d": ["c"], "c": ["b", "e"], "b": ["c"], "e": ["d"], "a": ["a"]})
    assert str(caught.value) == "these need each other in a circle: a -> a"
    with pytest.raises(graph.CycleError) as caught:
        graph.order({"x": ["y"], "y": ["z"], "z": ["x"], "done": []})
    assert str(caught.value) == "these need each other in a circle: x -> y -> z -> x"


def test_what_a_condition_chooses_is_a_giver_and_the_condition_is_none() -> None:
    properties = {
        "TemplateURL": "leaf.json",
        "Parameters": {
            "Both": {"Fn::If": ["C", {"Fn::GetAtt": ["First", "Outputs.A.B"]}, {"Ref": "P"}]},
            "Twice": {"Fn::Sub": "${P}${P}${Q.Arn}${First}"},
        },
    }
    stack = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "other.json"}}
    body = {
        "Parameters": {"P": {"Type": "String"}},
        "Resources": {"First": stack, "Q": {"Type": "AWS::SQS::Queue"}, "Second": {**stack, "Properties": properties}},
    }
    leaf = {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}
    root = from_bodies({"root": body, "leaf": leaf, "other": leaf})["root"]
    [child] = [each for each in root.children() if each.resource.logical_id == "Second"]
    parameter = graph.Giver("Parameters", "root", "P")
    assert graph.givers(root, child, "Both") == (graph.Giver("Outputs", "other", "A.B"), parameter)
    assert graph.givers(root, child, "Twice") == (
        parameter,
        graph.Giver("Resources", "root", "Q"),
        graph.Giver("Resources", "root", "First"),
    )
    assert graph.givers(root, child, "Missing") == ()
