"""The constraints, `Rules` and `Conditions` of a template, evaluated as AWS documents them."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.cfn.assertions import Broken, NotEvaluableError, as_text, broken, conditions, unmet

PARAMETERS: dict[str, Any] = {
    "Backend": {"Type": "String"},
    "Count": {"Type": "Number"},
    "Zones": {"Type": "CommaDelimitedList"},
    "Image": {"Type": "AWS::SSM::Parameter::Value<String>"},
    "Empty": {"Type": "String"},
}
VALUES = {"Backend": "ECS", "Count": "2", "Zones": "a, b", "Image": "/image", "Empty": ""}
TRUE = {"Fn::Equals": ["x", "x"]}
FALSE = {"Fn::Equals": ["x", "y"]}


def holds(expression: object, pseudo: dict[str, str] | None = None) -> bool:
    template = {"Parameters": PARAMETERS, "Rules": {"One": {"Assertions": [{"Assert": expression}]}}}
    return not broken(template, VALUES, pseudo)


def condition(expression: object) -> bool:
    return conditions({"Parameters": PARAMETERS, "Conditions": {"One": expression}}, VALUES)["One"]


@pytest.mark.parametrize(
    ("expression", "outcome"),
    [
        ({"Fn::Equals": [{"Ref": "Backend"}, "ECS"]}, True),
        ({"Fn::Equals": [{"Ref": "Backend"}, "ecs"]}, False),
        ({"Fn::Equals": [{"Ref": "Count"}, 2]}, True),
        ({"Fn::Equals": ["true", True]}, True),
        ({"Fn::Equals": [{"Ref": "Zones"}, ["a", "b"]]}, True),
        ({"Fn::Not": [TRUE]}, False),
        ({"Fn::And": [TRUE, TRUE, FALSE]}, False),
        ({"Fn::And": [TRUE, TRUE]}, True),
        ({"Fn::Or": [FALSE, FALSE]}, False),
        ({"Fn::Or": [FALSE, TRUE]}, True),
    ],
)
def test_logic_is_the_same_in_rules_and_conditions(expression: object, outcome: bool) -> None:
    assert holds(expression) is outcome
    assert condition(expression) is outcome


@pytest.mark.parametrize(
    ("expression", "outcome"),
    [
        ({"Fn::Contains": [["ECS", "EB"], {"Ref": "Backend"}]}, True),
        ({"Fn::Contains": [["EB"], {"Ref": "Backend"}]}, False),
        ({"Fn::Contains": [{"Ref": "Zones"}, "b"]}, True),
        ({"Fn::Contains": [[{"Ref": "Backend"}], "ECS"]}, True),
        ({"Fn::EachMemberEquals": [["a", "a"], "a"]}, True),
        ({"Fn::EachMemberEquals": [{"Ref": "Zones"}, "a"]}, False),
        ({"Fn::EachMemberEquals": [["a", "b"], "ab"]}, False),
        ({"Fn::EachMemberIn": [{"Ref": "Zones"}, ["a", "b", "c"]]}, True),
        ({"Fn::EachMemberIn": [{"Ref": "Zones"}, ["a"]]}, False),
    ],
)
def test_functions_of_rules(expression: object, outcome: bool) -> None:
    assert holds(expression) is outcome
    with pytest.raises(NotEvaluableError, match="is not possible here"):
        condition(expression)


def rule(condition: object, assertion: object) -> dict[str, Any]:
    described = {"Assert": assertion, "AssertDescription": "needs a certificate"}
    return {"Parameters": PARAMETERS, "Rules": {"Tls": {"RuleCondition": condition, "Assertions": [described]}}}


def test_a_rule_applies_only_when_its_condition_is_true() -> None:
    assert broken(rule(TRUE, FALSE), VALUES) == [Broken("Tls", "needs a certificate")]
    assert broken(rule(FALSE, FALSE), VALUES) == []
    assert broken(rule(TRUE, TRUE), VALUES) == []


def test_every_broken_assertion_is_listed_and_one_without_words_is_numbered() -> None:
    template = {
        "Rules": {"B": {"Assertions": [{"Assert": FALSE}, {"Assert": TRUE}]}, "A": {"Assertions": [{"Assert": FALSE}]}}
    }
    assert [(each.rule, each.description) for each in broken(template, {})] == [
        ("B", "assertion 0 does not hold"),
        ("A", "assertion 0 does not hold"),
    ]


def test_pseudo_parameters_have_the_value_that_is_given() -> None:
    here = {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}
    assert holds(here, {"AWS::Region": "us-east-1"})
    assert not holds(here, {"AWS::Region": "eu-west-1"})


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ({"Fn::Equal": ["a", "a"]}, "Fn::Equal is not possible here"),
        ({"Fn::If": ["One", "a", "b"]}, "Fn::If is not possible here"),
        ({"Condition": "One"}, "Condition is not possible here"),
        ({"Fn::RefAll": "AWS::EC2::VPC::Id"}, "asks the AWS account"),
        ({"Fn::ValueOf": ["Vpc", "Tags.A"]}, "asks the AWS account"),
        ({"Fn::ValueOfAll": ["AWS::EC2::VPC::Id", "Tags.A"]}, "asks the AWS account"),
        ({"Fn::Equals": [{"Fn::Sub": "a"}, "a"]}, "Fn::Sub is not possible as a value"),
        ({"Fn::Equals": [TRUE, "true"]}, "Fn::Equals is not possible as a value"),
        ({"Fn::Equals": ["a"]}, "expected a list of 2 to 2"),
        ({"Fn::Equals": [None, "a"]}, "null is not a value"),
        ({"Fn::Equals": [[["a"]], "a"]}, "a list within a list"),
        ({"Fn::Equals": [[{"Ref": "Zones"}], "a"]}, "a list within a list"),
        ({"Fn::Not": [TRUE, TRUE]}, "expected a list of 1 to 1"),
        ({"Fn::And": [TRUE]}, "expected a list of 2 to 10"),
        ({"Fn::Or": [FALSE] * 11}, "expected a list of 2 to 10"),
        ({"Fn::Or": [TRUE, {"Fn::Bogus": []}]}, "Fn::Bogus is not possible here"),
        ({"Fn::Contains": ["a", "a"]}, "expected a list and then a str"),
        ({"Fn::EachMemberIn": [["a"], "a"]}, "expected a list and then a list"),
        ({"Fn::Equals": [{"Ref": "Bakend"}, "a"]}, "Bakend is neither a parameter nor a pseudo parameter"),
        ({"Fn::Equals": [{"Ref": "AWS::Region"}, "a"]}, "AWS::Region is neither"),
        ({"Fn::Equals": [{"Ref": "Image"}, "a"]}, "the value of Image is not known here"),
        ("true", "expected one function"),
        (True, "expected one function"),
        ({}, "expected one function"),
    ],
)
def test_what_cannot_be_evaluated_is_an_error_even_where_it_would_not_count(expression: object, why: str) -> None:
    with pytest.raises(NotEvaluableError, match=why) as caught:
        broken(rule(FALSE, expression), VALUES)
    assert caught.value.place.startswith("Rules.Tls.Assertions[0].Assert")
    assert str(caught.value) == f"{caught.value.place}: {caught.value.reason}"


@pytest.mark.parametrize(
    "faulty",
    [
        {"RuleConditon": TRUE, "Assertions": [{"Assert": TRUE}]},
        {"RuleCondition": TRUE},
        {"Assertions": []},
        {"Assertions": [{"AssertDescription": "nothing asserted"}]},
        {"Assertions": [{"Assert": TRUE, "AssertDescripton": "misspelled"}]},
    ],
)
def test_a_malformed_rule_is_an_error(faulty: object) -> None:
    with pytest.raises(NotEvaluableError, match=r"Rules\.Faulty"):
        broken({"Rules": {"Faulty": faulty}}, {})


def test_a_value_that_is_not_given_is_an_error() -> None:
    with pytest.raises(NotEvaluableError, match="the value of Backend is not known here"):
        conditions({"Parameters": PARAMETERS, "Conditions": {"One": {"Fn::Equals": [{"Ref": "Backend"}, ""]}}}, {})


def test_conditions_may_use_conditions_but_not_themselves() -> None:
    other: dict[str, Any] = {"Other": {"Fn::Not": [{"Condition": "Base"}]}, "Base": FALSE}
    assert conditions({"Conditions": other}, {}) == {"Other": True, "Base": False}
    other["Base"] = {"Fn::And": [{"Condition": "Other"}, TRUE]}
    with pytest.raises(NotEvaluableError, match="depends on itself"):
        conditions({"Conditions": other}, {})
    with pytest.raises(NotEvaluableError, match="there is no condition 'Bse'; there are: One"):
        condition({"Condition": "Bse"})


@pytest.mark.parametrize(
    ("declaration", "good", "bad", "why"),
    [
        ({"Type": "Number"}, "2.5", "two", "must be a number"),
        ({"Type": "Number"}, "-1", "1e3", "must be a number"),
        ({"Type": "Number", "MinValue": 1}, "1", "0", "must be at least 1"),
        ({"Type": "Number", "MaxValue": "6"}, "6", "7", "must be at most 6"),
        ({"Type": "List<Number>"}, "80, 443", "80,https", "must be a number"),
        ({"Type": "String", "AllowedValues": ["a", "b"]}, "a", "c", "is not allowed"),
        ({"Type": "Number", "AllowedValues": [1, 2]}, "2", "3", "is not allowed"),
        ({"Type": "CommaDelimitedList", "AllowedValues": ["a", "b"]}, "a, b", "a,c", "is not allowed"),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, "abc", "abc1", r"must match \[a-z\]\+"),
        ({"Type": "String", "AllowedPattern": "^[a-z]+$"}, "abc", "abc\n", "must match"),
        ({"Type": "String", "AllowedPattern": "|[a-z]+"}, "", "-", "must match"),
        ({"Type": "String", "AllowedPattern": r"\d+"}, "12", "١٢", "must match"),
        (
            {"Type": "String", "AllowedPattern": "a", "ConstraintDescription": "must be an a"},
            "a",
            "b",
            "^must be an a$",
        ),
        ({"Type": "String", "MinLength": 2}, "ab", "a", "must have at least 2 characters"),
        ({"Type": "String", "MaxLength": "2"}, "ab", "abc", "must have at most 2 characters"),
        ({"Type": "String"}, "a" * 4096, "ä" * 2049, "at most 4,096 bytes"),
    ],
)
def test_constraints_of_a_parameter(declaration: dict[str, Any], good: str, bad: str, why: str) -> None:
    assert unmet("Name", declaration, good) is None
    result = unmet("Name", declaration, bad)
    assert result is not None
    assert re.search(why, result[0])
    assert list(result[1:]) == [as_text(choice) for choice in declaration.get("AllowedValues", [])]


@pytest.mark.parametrize(("value", "text"), [("a", "a"), (2, "2"), (0.5, "0.5"), (True, "true"), (False, "false")])
def test_scalars_as_cloudformation_writes_them(value: object, text: str) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize("value", [None, [], {}])
def test_what_is_no_scalar_has_no_text(value: object) -> None:
    with pytest.raises(TypeError, match="is not a string, number or boolean"):
        as_text(value)


@pytest.mark.parametrize("pattern", ["[a-z&&[^b]]+", "[a[0-9]]", "(?P<n>a)", r"\p{Alpha}", "(", r"\Qa\E"])
def test_a_pattern_that_java_reads_differently_is_an_error(pattern: str) -> None:
    with pytest.raises(NotEvaluableError, match=r"Parameters\.Name\.AllowedPattern"):
        unmet("Name", {"Type": "String", "AllowedPattern": pattern}, "a")


def test_an_escaped_bracket_is_no_class_within_a_class() -> None:
    assert unmet("Name", {"Type": "String", "AllowedPattern": r"\[[a\[b]+\]"}, "[a[b]") is None


words = st.text(alphabet="abc", max_size=2)
leaves = st.builds(lambda a, b: ({"Fn::Equals": [a, b]}, a == b), words, words)


def compound(inner: Any) -> Any:
    several = st.lists(inner, min_size=2, max_size=10)
    return st.one_of(
        inner.map(lambda item: ({"Fn::Not": [item[0]]}, not item[1])),
        several.map(lambda all_: ({"Fn::And": [entry[0] for entry in all_]}, all(entry[1] for entry in all_))),
        several.map(lambda all_: ({"Fn::Or": [entry[0] for entry in all_]}, any(entry[1] for entry in all_))),
    )


@given(st.recursive(leaves, compound, max_leaves=12))
def test_nested_logic_comes_out_as_in_python(expression: tuple[object, bool]) -> None:
    assert holds(expression[0]) is expression[1]
    assert condition(expression[0]) is expression[1]


AT = "Rules.Tls.Assertions[0].Assert"
RULES = "Fn::Contains, Fn::EachMemberEquals, Fn::EachMemberIn, Fn::And, Fn::Equals, Fn::Not, Fn::Or"


@pytest.mark.parametrize(
    ("expression", "place", "reason"),
    [
        ([], AT, "expected one function that comes out true or false"),
        ({**TRUE, "Fn::Not": [TRUE]}, AT, "expected one function that comes out true or false"),
        (
            {"Fn::RefAll": "AWS::EC2::VPC::Id"},
            AT,
            "Fn::RefAll asks the AWS account and cannot be answered from the template",
        ),
        ({"Fn::And": [TRUE, {"Fn::If": []}]}, f"{AT}.Fn::And[1]", f"Fn::If is not possible here; possible: {RULES}"),
        ({"Fn::Not": [{"Fn::Equals": []}]}, f"{AT}.Fn::Not.Fn::Equals", "expected a list of 2 to 2"),
        ({"Fn::Not": {}}, f"{AT}.Fn::Not", "expected a list of 1 to 1"),
        ({"Fn::Equals": ["a", None]}, f"{AT}.Fn::Equals[1]", "null is not a value"),
        ({"Fn::Contains": [["a", None], "b"]}, f"{AT}.Fn::Contains[0][1]", "null is not a value"),
        ({"Fn::Equals": ["a", ["b", ["c"]]]}, f"{AT}.Fn::Equals[1]", "a list within a list cannot be compared"),
        (
            {"Fn::Equals": [{"Fn::Sub": "a", "Ref": "b"}, "a"]},
            f"{AT}.Fn::Equals[0]",
            "Fn::Sub, Ref is not possible as a value; possible: Ref",
        ),
        ({"Fn::EachMemberEquals": [["a"], ["a"]]}, f"{AT}.Fn::EachMemberEquals", "expected a list and then a str"),
        ({"Fn::EachMemberIn": ["a", ["a"]]}, f"{AT}.Fn::EachMemberIn", "expected a list and then a list"),
        (
            {"Fn::Equals": [{"Ref": "AWS::Region"}, "a"]},
            f"{AT}.Fn::Equals[0]",
            "AWS::Region is neither a parameter nor a pseudo parameter whose value was given",
        ),
        ({"Fn::Equals": ["a", {"Ref": "Image"}]}, f"{AT}.Fn::Equals[1]", "the value of Image is not known here"),
    ],
)
def test_an_error_says_where_it_stands_and_why(expression: object, place: str, reason: str) -> None:
    """The path leads a person through the nesting to the one operand that is wrong."""
    with pytest.raises(NotEvaluableError) as caught:
        broken(rule(TRUE, expression), VALUES)
    assert (caught.value.place, caught.value.reason) == (place, reason)


@pytest.mark.parametrize(
    ("rules", "place", "reason"),
    [
        (
            {"Assertions": [{"Assert": TRUE}], "Other": 1},
            "Rules.R",
            "expected an object with Assertions, perhaps RuleCondition, and nothing else",
        ),
        ({"Assertions": [], "RuleCondition": TRUE}, "Rules.R.Assertions", "expected a list of 1 to 1000"),
        ({"Assertions": {}}, "Rules.R.Assertions", "expected a list of 1 to 1000"),
        (
            {"Assertions": [{"Assert": TRUE}, []]},
            "Rules.R.Assertions[1]",
            "expected an object with Assert, perhaps AssertDescription, and nothing else",
        ),
        (
            {"RuleCondition": {}, "Assertions": [{"Assert": TRUE}]},
            "Rules.R.RuleCondition",
            "expected one function that comes out true or false",
        ),
    ],
)
def test_a_malformed_rule_is_named_with_its_form(rules: object, place: str, reason: str) -> None:
    with pytest.raises(NotEvaluableError) as caught:
        broken({"Rules": {"R": rules}}, {})
    assert (caught.value.place, caught.value.reason) == (place, reason)


@pytest.mark.parametrize(
    ("conditions_", "place", "reason"),
    [
        ({"A": {"Condition": "B"}}, "Conditions.A", "there is no condition 'B'; there are: A"),
        (
            {"B": TRUE, "A": {"Fn::Not": [{"Condition": ["B"]}]}},
            "Conditions.A.Fn::Not",
            "there is no condition ['B']; there are: A, B",
        ),
        (
            {"A": {"Fn::Or": [TRUE, {"Condition": "B"}]}, "B": {"Condition": "A"}},
            "Conditions.B",
            "condition A depends on itself",
        ),
        (
            {"A": {"Fn::Contains": [["a"], "a"]}},
            "Conditions.A",
            "Fn::Contains is not possible here; possible: Condition, Fn::And, Fn::Equals, Fn::Not, Fn::Or",
        ),
    ],
)
def test_a_faulty_condition_is_named(conditions_: dict[str, Any], place: str, reason: str) -> None:
    with pytest.raises(NotEvaluableError) as caught:
        conditions({"Conditions": conditions_}, {})
    assert (caught.value.place, caught.value.reason) == (place, reason)


def test_the_second_assertion_of_a_rule_is_numbered_one() -> None:
    template = {"Rules": {"R": {"RuleCondition": TRUE, "Assertions": [{"Assert": TRUE}, {"Assert": FALSE}]}}}
    assert broken(template, {}) == [Broken("R", "assertion 1 does not hold")]


@pytest.mark.parametrize(
    ("declaration", "value", "answer"),
    [
        ({"Type": "String", "MaxLength": 5000}, "a" * 4096, None),
        ({"Type": "String", "AllowedValues": ["a"]}, "a" * 4097, ("must have at most 4,096 bytes",)),
        ({"Type": "String"}, "\ud800" * 1366, ("must have at most 4,096 bytes",)),  # three bytes each
        ({"Type": "Number", "AllowedValues": [1, 2.5]}, "x", ("must be a number",)),
        ({"Type": "Number", "AllowedValues": [1, 2.5]}, "3", ("is not allowed", "1", "2.5")),
        (
            {"Type": "String", "AllowedValues": ["a", True], "ConstraintDescription": "a letter"},
            "b",
            ("is not allowed: a letter", "a", "true"),
        ),
        ({"Type": "CommaDelimitedList", "AllowedPattern": "[a-z]"}, "a, b ,C", ("must match [a-z]",)),
        (
            {"Type": "String", "AllowedPattern": "[a-z]+", "ConstraintDescription": "must be small", "MaxLength": 1},
            "A",
            ("must be small",),
        ),
        ({"Type": "String", "MinLength": 2, "MaxLength": 3}, "a", ("must have at least 2 characters",)),
        ({"Type": "String", "MinLength": 2, "MaxLength": 3}, "abcd", ("must have at most 3 characters",)),
        ({"Type": "String", "MinLength": 2, "MaxLength": 3}, "abc", None),
        ({"Type": "Number", "MinValue": "0.5", "MaxValue": 10}, "0.4", ("must be at least 0.5",)),
        ({"Type": "Number", "MinValue": "0.5", "MaxValue": 10}, "10.1", ("must be at most 10",)),
        ({"Type": "Number", "MinValue": "0.5", "MaxValue": 10}, "9", None),  # by its size, not by its letters
        ({"Type": "List<Number>", "MaxValue": 10}, "1,11", ("must be at most 10",)),
    ],
)
def test_what_a_parameter_demands_is_told_as_a_whole(
    declaration: dict[str, Any], value: str, answer: tuple[str, ...] | None
) -> None:
    assert unmet("Name", declaration, value) == answer


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a&&b", "a&&b means something else in Java: write it without &&, [..[..]] and (?P"),
        ("[^a[b]", "[^a[b] means something else in Java: write it without &&, [..[..]] and (?P"),
        ("(a", "(a cannot be tried here: missing ), unterminated subpattern at position 0"),
    ],
)
def test_a_pattern_that_cannot_be_tried_says_why(pattern: str, reason: str) -> None:
    with pytest.raises(NotEvaluableError) as caught:
        unmet("Name", {"Type": "String", "AllowedPattern": pattern}, "a")
    assert str(caught.value) == f"Parameters.Name.AllowedPattern: {reason}"
