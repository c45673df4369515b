"""What a rendered template asserts about its parameters: the constraints of each, the `Rules` about several together,
and the `Conditions` that follow from them, evaluated for given values.

Only what AWS documents is evaluated; anything else is an error, so that nothing passes here that CloudFormation would
refuse or read differently. Sources: CloudFormation User Guide, "Parameters", "Rules" (rule-specific intrinsic
functions, supported functions) and "Condition functions" (which keeps `Fn::If` out of `Conditions`); cfn-lint 1.58
agrees (`FUNCTION_RULES`; its schemas of and, or, not, equals).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Template = Mapping[str, Any]
Operand = str | list[str]

IN_CONDITIONS = ("Condition", "Fn::And", "Fn::Equals", "Fn::Not", "Fn::Or")
LIST_THEN = {"Fn::Contains": str, "Fn::EachMemberEquals": str, "Fn::EachMemberIn": list}
IN_RULES = (*LIST_THEN, "Fn::And", "Fn::Equals", "Fn::Not", "Fn::Or")
ASKS_THE_ACCOUNT = ("Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll")

BOUNDS = {
    "MinLength": "must have at least {} characters",
    "MaxLength": "must have at most {} characters",
    "MinValue": "must be at least {}",
    "MaxValue": "must be at most {}",
}
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
# What Java reads differently or not at all: class intersection, a class within a class, Python's own groups.
NOT_JAVA = re.compile(r"&&|\[\^?[^\]]*\[|\(\?P")


class NotEvaluableError(Exception):
    """An expression that cannot be evaluated; `place` is where it stands in the template, `reason` is why."""

    def __init__(self, place: str, reason: str) -> None:
        self.place, self.reason = place, reason
        super().__init__(f"{place}: {reason}")


@dataclass(frozen=True)
class Broken:
    """An assertion that the values break: the rule's name and the `AssertDescription`."""

    rule: str
    description: str


def as_text(value: object) -> str:
    """A JSON scalar as the string that CloudFormation makes of it. Raises `TypeError` for anything else."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not a string, number or boolean")


def is_list(kind: str) -> bool:
    """Whether a parameter of this type holds several values: one string with commas, split and space trimmed."""
    return kind == "CommaDelimitedList" or kind.startswith("List<")


def members(kind: str, value: str) -> list[str]:
    """The values that the value of a parameter of type `kind` stands for."""
    return [part.strip() for part in value.split(",")] if is_list(kind) else [value]


def unmet(name: str, declaration: Mapping[str, Any], value: str) -> tuple[str, ...] | None:
    """What parameter `name` demands and `value` does not meet, followed by the valid choices; None when all is met.

    Constraints apply to each member of a list; 4,096 bytes is CloudFormation's own limit for a value.
    Raises `NotEvaluableError` for a pattern that Java, and so CloudFormation, reads differently or may.
    """
    if len(value.encode(errors="surrogatepass")) > 4096:
        return ("must have at most 4,096 bytes",)
    allowed = [as_text(choice) for choice in declaration.get("AllowedValues", ())]
    described = [declaration["ConstraintDescription"]] if "ConstraintDescription" in declaration else []
    for item in members(declaration["Type"], value):
        if "Number" in declaration["Type"] and not NUMBER.fullmatch(item):
            return ("must be a number",)
        if allowed and item not in allowed:
            return (": ".join(["is not allowed", *described]), *allowed)
        pattern = declaration.get("AllowedPattern")
        if pattern is not None and not _pattern(name, pattern).fullmatch(item):
            return (described[0] if described else f"must match {pattern}",)
        for bound in [bound for bound in BOUNDS if bound in declaration]:
            size, limit = (len(item) if "Length" in bound else float(item), float(declaration[bound]))
            if size < limit if "Min" in bound else size > limit:
                return (BOUNDS[bound].format(declaration[bound]),)
    return None


def broken(template: Template, values: Mapping[str, str], pseudo: Mapping[str, str] | None = None) -> list[Broken]:
    """The assertions of `Rules` that `values` break, in the template's order.

    `values` holds a value for every parameter that is referred to, `pseudo` those of pseudo parameters
    (`AWS::Region`, …). Assertions under a false condition are evaluated too and only not counted, so that a fault in
    them does not wait for the day on which the condition comes true.

    Raises `NotEvaluableError` for an unknown or malformed function, an unknown name, a value that is not given, and a
    function that asks the account (`Fn::RefAll`, `Fn::ValueOf`, `Fn::ValueOfAll`).
    """
    scope, unmet_assertions = _Scope(template, values, pseudo or {}, IN_RULES), []
    for name, rule in template.get("Rules", {}).items():
        place = f"Rules.{name}"
        _keys(rule, place, "Assertions", "RuleCondition")
        applies = "RuleCondition" not in rule or scope.truth(rule["RuleCondition"], f"{place}.RuleCondition")
        for number, assertion in enumerate(_list(rule["Assertions"], f"{place}.Assertions", 1, 1000)):
            at = f"{place}.Assertions[{number}]"
            _keys(assertion, at, "Assert", "AssertDescription")
            if not scope.truth(assertion["Assert"], f"{at}.Assert") and applies:
                unmet_assertions.append(
                    Broken(name, assertion.get("AssertDescription", f"assertion {number} does not hold"))
                )
    return unmet_assertions


def conditions(
    template: Template, values: Mapping[str, str], pseudo: Mapping[str, str] | None = None
) -> dict[str, bool]:
    """Every condition of the template with its outcome; arguments and errors as for `broken`."""
    scope = _Scope(template, values, pseudo or {}, IN_CONDITIONS)
    return {name: scope.condition(name, "Conditions") for name in template.get("Conditions", {})}


@dataclass
class _Scope:
    """What an expression may use; `open` holds the conditions under evaluation, to find a circle, `outcomes` those that
    are known."""

    template: Template
    values: Mapping[str, str]
    pseudo: Mapping[str, str]
    functions: tuple[str, ...]
    open: list[str] = field(default_factory=list)
    outcomes: dict[str, bool] = field(default_factory=dict)

    def truth(self, expression: object, place: str) -> bool:
        if not isinstance(expression, dict) or len(expression) != 1:
            raise NotEvaluableError(place, "expected one function that comes out true or false")
        [(function, argument)] = expression.items()
        if function in ASKS_THE_ACCOUNT:
            raise NotEvaluableError(place, f"{function} asks the AWS account and cannot be answered from the template")
        if function not in self.functions:
            raise NotEvaluableError(place, f"{function} is not possible here; possible: {', '.join(self.functions)}")
        at = f"{place}.{function}"
        if function == "Condition":
            return self.condition(argument, place)
        if function in ("Fn::And", "Fn::Or"):
            parts = [self.truth(part, f"{at}[{n}]") for n, part in enumerate(_list(argument, at, 2, 10))]
            return all(parts) if function == "Fn::And" else any(parts)
        if function == "Fn::Not":
            return not self.truth(_list(argument, at, 1, 1)[0], at)
        left, right = [self.operand(part, f"{at}[{n}]") for n, part in enumerate(_list(argument, at, 2, 2))]
        if function == "Fn::Equals":
            return left == right
        if not isinstance(left, list) or not isinstance(right, LIST_THEN[function]):
            raise NotEvaluableError(at, f"expected a list and then a {LIST_THEN[function].__name__}")
        if function == "Fn::Contains":
            return right in left
        return all(member == right if function == "Fn::EachMemberEquals" else member in right for member in left)

    def condition(self, name: object, place: str) -> bool:
        defined = self.template.get("Conditions", {})
        if not isinstance(name, str) or name not in defined:
            raise NotEvaluableError(place, f"there is no condition {name!r}; there are: {', '.join(sorted(defined))}")
        if name in self.open:
            raise NotEvaluableError(place, f"condition {name} depends on itself")
        if name not in self.outcomes:
            self.open.append(name)
            self.outcomes[name] = self.truth(defined[name], f"Conditions.{name}")
            self.open.remove(name)
        return self.outcomes[name]

    def operand(self, expression: object, place: str) -> Operand:
        if isinstance(expression, list):
            inner = [self.operand(part, f"{place}[{n}]") for n, part in enumerate(expression)]
            if not all(isinstance(part, str) for part in inner):
                raise NotEvaluableError(place, "a list within a list cannot be compared")
            return [str(part) for part in inner]
        if isinstance(expression, dict):
            if list(expression) != ["Ref"]:
                raise NotEvaluableError(place, f"{', '.join(expression)} is not possible as a value; possible: Ref")
            return self.reference(str(expression["Ref"]), place)
        if expression is None:
            raise NotEvaluableError(place, "null is not a value")
        return as_text(expression)

    def reference(self, name: str, place: str) -> Operand:
        declared = self.template.get("Parameters", {})
        if name in self.pseudo:
            return self.pseudo[name]
        if name not in declared:
            raise NotEvaluableError(
                place, f"{name} is neither a parameter nor a pseudo parameter whose value was given"
            )
        kind = declared[name]["Type"]
        if name not in self.values or kind.startswith("AWS::SSM::"):
            raise NotEvaluableError(place, f"the value of {name} is not known here")
        parts = members(kind, self.values[name])
        return parts if is_list(kind) else parts[0]


def _pattern(name: str, pattern: str) -> re.Pattern[str]:
    place = f"Parameters.{name}.AllowedPattern"
    if NOT_JAVA.search(re.sub(r"\\.", "", pattern)):
        raise NotEvaluableError(place, f"{pattern} means something else in Java: write it without &&, [..[..]] and (?P")
    try:
        return re.compile(pattern, re.ASCII)
    except re.error as error:
        raise NotEvaluableError(place, f"{pattern} cannot be tried here: {error}") from error


def _list(value: object, place: str, least: int, most: int) -> list[Any]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise NotEvaluableError(place, f"expected a list of {least} to {most}")
    return value


def _keys(value: object, place: str, required: str, optional: str) -> None:
    if not isinstance(value, dict) or required not in value or value.keys() - {required, optional}:
        raise NotEvaluableError(place, f"expected an object with {required}, perhaps {optional}, and nothing else")
