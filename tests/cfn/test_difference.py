"""What differs between two sets."""

from typing import Any

from generator.cfn.difference import NAMES, Change, compare, entries
from generator.cfn.templates import from_bodies


def lines(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    bucket = {"B": {"Type": "AWS::S3::Bucket"}}
    sets = [from_bodies({"t": {"Resources": bucket, **body}}) for body in (before, after)]
    return [str(change) for change in compare(*sets)]


def properties(before: Any, after: Any) -> list[str]:
    bodies = [{"Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": {"P": item}}}} for item in (before, after)]
    return [line.removeprefix("changed resource t.B (AWS::S3::Bucket) at Properties.") for line in lines(*bodies)]


def test_equal_sets_do_not_differ() -> None:
    assert lines({"Outputs": {"A": {"Value": 1}}}, {"Outputs": {"A": {"Value": 1}}}) == []
    assert properties({"a": 1, "b": 2}, {"b": 2, "a": 1}) == []


def test_templates_come_and_go() -> None:
    body = {"Resources": {"B": {"Type": "AWS::S3::Bucket"}}}
    gaps = compare(from_bodies({"a": body, "b": body}), from_bodies({"b": body, "c": body}))
    assert [str(change) for change in gaps] == ["removed template a", "added template c"]


def test_entries_of_every_section_come_and_go() -> None:
    new = {
        "Resources": {"B": {"Type": "AWS::S3::Bucket"}, "Q": {"Type": "AWS::SQS::Queue"}},
        "Parameters": {"P": {"Type": "String"}},
        "Conditions": {"C": {}},
        "Outputs": {"O": {"Value": 1}},
        "Rules": {"R": {}},
    }
    expected = ["parameter t.P", "condition t.C", "rule t.R", "resource t.Q (AWS::SQS::Queue)", "output t.O"]
    assert lines({}, new) == [f"added {item}" for item in expected]
    assert lines(new, {}) == [f"removed {item}" for item in expected]


def test_attributes_of_the_template_count_too() -> None:
    assert lines({"Metadata": {"Generator": {"Version": "1"}}}, {"Metadata": {"Generator": {"Version": "2"}}}) == [
        'changed template attribute t.Metadata at Metadata.Generator.Version: "1" -> "2"'
    ]


def test_a_change_is_named_down_to_the_property() -> None:
    assert properties({"a": [{"b": 1}]}, {"a": [{"b": 2}]}) == ["P.a[0].b: 1 -> 2"]
    assert properties({"a": 1}, {"b": 2}) == [
        "removed resource t.B (AWS::S3::Bucket) at Properties.P.a: 1",
        "added resource t.B (AWS::S3::Bucket) at Properties.P.b: 2",
    ]


def test_a_change_of_kind_is_seen() -> None:
    assert properties(1, True) == ["P: 1 -> true"]
    assert properties("1", 1) == ['P: "1" -> 1']
    assert properties({"a": 1}, ["a"]) == ['P: {"a": 1} -> ["a"]']


def test_the_type_of_a_resource_is_a_change_of_it() -> None:
    [line] = lines({}, {"Resources": {"B": {"Type": "AWS::SQS::Queue"}}})
    assert line == 'changed resource t.B (AWS::SQS::Queue) at Type: "AWS::S3::Bucket" -> "AWS::SQS::Queue"'


def test_intrinsics_are_shown_whole() -> None:
    assert properties({"Ref": "A"}, {"Ref": "B"}) == ['P: {"Ref": "A"} -> {"Ref": "B"}']
    assert properties({"Fn::Sub": "a"}, {"Fn::Join": ["", ["a"]]}) == [
        'P: {"Fn::Sub": "a"} -> {"Fn::Join": ["", ["a"]]}'
    ]
    own, other_order = {"a": 1, "b": 2}, {"b": 2, "a": 1}
    assert properties({"Fn::Sub": ["${a}", own]}, {"Fn::Sub": ["${a}", other_order]}) == []
    assert properties({"Fn::Sub": ["${a}", other_order]}, {"Fn::Sub": ["${a}", own]}) == []


def test_named_entries_of_a_list_compare_by_name() -> None:
    item, two, other = ({"Sid": "One", "Action": "a"}, {"Sid": "Two", "Action": "b"}, {"Sid": "Two", "Action": "c"})
    assert properties([two], [item, other]) == [
        'P[Sid=Two].Action: "b" -> "c"',
        'added resource t.B (AWS::S3::Bucket) at Properties.P[Sid=One]: {"Action": "a", "Sid": "One"}',
    ]
    assert len(properties([item, two], [two, item])) == 1


def test_lists_of_another_length_are_shown_whole() -> None:
    assert properties(["a", "b"], ["x", "a", "b"]) == ['P: ["a", "b"] -> ["x", "a", "b"]']
    assert properties(["a", "b"], ["a", "c"]) == ['P[1]: "b" -> "c"']


def test_a_change_is_a_value_with_both_sides() -> None:
    bodies = [{"t": {"Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": {"P": item}}}}} for item in (1, 2)]
    [change] = compare(*map(from_bodies, bodies))
    assert (change.action, change.what, change.address) == ("changed", "resource", "t.B")
    assert (change.place, change.before, change.after) == (("Properties", "P"), 1, 2)


def test_the_entries_of_a_list_are_called_by_what_names_them() -> None:
    for name in NAMES:
        assert entries([{name: "a", "x": 1}, {name: "b"}]) == {
            f"{name}=a": {name: "a", "x": 1},
            f"{name}=b": {name: "b"},
        }, name
    first, second = ({"Namespace": namespace, "OptionName": "Size"} for namespace in ("aws:a", "aws:b"))
    assert entries([first, second]) == {"aws:a=Size": first, "aws:b=Size": second}
    widgets = [{"properties": {"title": "Requests"}}, {"properties": {"title": "Errors"}}]
    assert entries(widgets) == {"title=Requests": widgets[0], "title=Errors": widgets[1]}


def test_a_list_without_names_of_their_own_is_compared_by_position() -> None:
    lists: list[list[Any]] = [
        [{"Name": "a"}, {"Name": "a"}],
        [{"Name": "a"}, {"Key": "b"}],
        [{"Name": "a"}, "b"],
        [{"Name": {"Ref": "A"}}],
        [{"OptionName": "Size"}],
        [{"properties": {}}],
        [{"properties": "text"}],
        ["a", "b"],
        [],
    ]
    for value in lists:
        assert entries(value) == dict(enumerate(value))


def test_a_function_is_a_value_and_an_object_is_its_entries() -> None:
    assert entries({"Ref": "A"}) is entries({"Fn::Sub": "a"}) is entries("text") is entries(1) is None
    assert entries({"Ref": "A", "b": 1}) == {"Ref": "A", "b": 1}
    assert entries({}) == {}


def test_every_section_is_compared_in_its_order_with_both_sides() -> None:
    """A whole list of changes: what came, what went, what became another value, and what is no section."""
    before = {
        "Parameters": {"P": {"Type": "String"}, "Gone": {"Type": "String"}},
        "Mappings": {"M": {"a": {"b": 1}}},
        "Conditions": {"C": {"Fn::Equals": ["a", "b"]}},
        "Rules": {"R": {"Assertions": [{"Assert": 1}]}},
        "Resources": {"B": {"Type": "AWS::S3::Bucket"}},
        "Outputs": {"O": {"Value": True}},
        "Description": "old",
        "Transform": "x",
    }
    after = {
        "Parameters": {"New": {"Type": "Number"}, "P": {"Type": "Number"}},
        "Mappings": {"M": {"a": {"b": 2}}},
        "Conditions": {"C": {"Fn::Equals": ["a", "c"]}},
        "Rules": {"R": {"Assertions": [{"Assert": 1}, {"Assert": 2}]}},
        "Resources": {"B": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"}},
        "Outputs": {"O": {"Value": 1}},
        "Description": "new",
        "Metadata": {"a": 1},
    }
    string, number = {"Type": "String"}, {"Type": "Number"}
    equals = [{"Fn::Equals": ["a", letter]} for letter in "bc"]
    asserted = [[{"Assert": 1}], [{"Assert": 1}, {"Assert": 2}]]
    bucket = "AWS::S3::Bucket"
    assert compare(from_bodies({"t": before}), from_bodies({"t": after})) == [
        Change("changed", "parameter", "t", "P", ("Type",), "String", "Number"),
        Change("removed", "parameter", "t", "Gone", before=string),
        Change("added", "parameter", "t", "New", after=number),
        Change("changed", "mapping", "t", "M", ("a", "b"), 1, 2),
        Change("changed", "condition", "t", "C", (), equals[0], equals[1]),
        Change("changed", "rule", "t", "R", ("Assertions",), asserted[0], asserted[1]),
        Change("added", "resource", "t", "B", ("DeletionPolicy",), None, "Retain", bucket),
        Change("changed", "output", "t", "O", ("Value",), True, 1),
        Change("changed", "template attribute", "t", "Description", ("Description",), "old", "new"),
        Change("removed", "template attribute", "t", "Transform", ("Transform",), "x", None),
        Change("added", "template attribute", "t", "Metadata", ("Metadata",), None, {"a": 1}),
    ]


def test_another_order_of_named_entries_is_one_change() -> None:
    first, second, other = {"Sid": "One"}, {"Sid": "Two", "A": 1}, {"Sid": "Two", "A": 2}
    assert properties([first, second], [second, first]) == [
        'P: [{"Sid": "One"}, {"A": 1, "Sid": "Two"}] -> [{"A": 1, "Sid": "Two"}, {"Sid": "One"}]'
    ]
    assert properties([first, second], [other, first]) == [
        "P[Sid=Two].A: 1 -> 2",
        'P: [{"Sid": "One"}, {"A": 1, "Sid": "Two"}] -> [{"A": 2, "Sid": "Two"}, {"Sid": "One"}]',
    ]


def test_the_sides_of_a_change_are_shown_with_their_keys_in_order() -> None:
    added = {"b": 1, "a": {"d": 1, "c": 2}}
    assert properties({}, {"x": added}) == [
        'added resource t.B (AWS::S3::Bucket) at Properties.P.x: {"a": {"c": 2, "d": 1}, "b": 1}'
    ]


def test_a_condition_that_changes_is_shown_with_both_sides() -> None:
    """It is one function, so that nothing inside it is a place of its own."""
    before, after = ({"Conditions": {"C": {"Fn::Equals": ["a", letter]}}} for letter in "bc")
    assert lines(before, after) == ['changed condition t.C: {"Fn::Equals": ["a", "b"]} -> {"Fn::Equals": ["a", "c"]}']
