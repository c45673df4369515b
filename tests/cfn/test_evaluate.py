"""The evaluator's truth table: one line a case, from the IAM user guide's pages that the module names.

Long because the table is.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.cfn.evaluate import (
    ALLOWED,
    DENIED,
    NOT_ALLOWED,
    Decision,
    EvaluationError,
    PolicyVariableError,
    Request,
    UnknownElementError,
    UnknownOperatorError,
    decide,
    holds,
    statements,
)
from generator.cfn.permissions import Condition, Permission

BUCKET = "arn:aws:s3:::site"
FILE = f"{BUCKET}/index.html"
LOGS = "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/codebuild/build"
TASK = "arn:aws:ecs:eu-west-1:111122223333:task/cluster/1"


def allow(actions: Any = "s3:GetObject", on: Any = f"{BUCKET}/*", effect: str = "Allow", **more: Any) -> dict[str, Any]:
    item = {"Sid": "One", "Effect": effect, "Action": actions, "Resource": on, **more}
    return {key: value for key, value in item.items() if value is not None}


def deny(actions: Any = "s3:GetObject", on: Any = f"{BUCKET}/*", **more: Any) -> dict[str, Any]:
    return {**allow(actions, on, "Deny", **more), "Sid": "No"}


def when(operator: str, key: str, *values: str) -> dict[str, Any]:
    return allow(Condition={operator: {key: list(values)}})


def role(*ones: dict[str, Any]) -> list[Permission]:
    result = statements("Role", {"Job": {"Version": "2012-10-17", "Statement": list(ones)}})
    assert len(result) == len(ones)
    return result


def judge(*ones: dict[str, Any], action: str = "s3:GetObject", on: str = FILE, **context: Any) -> Decision:
    keys = {key.replace("__", ":"): value for key, value in context.items()}
    return decide(Request(action, on, keys), role(*ones) if ones else [])


@pytest.mark.parametrize(
    ("decision", "outcome"),
    [
        # evaluation logic
        (judge(), NOT_ALLOWED),
        (judge(allow()), ALLOWED),
        (judge(deny()), DENIED),
        (judge(allow(), deny()), DENIED),
        (judge(deny(), allow()), DENIED),
        (judge(allow(), deny(on=f"{BUCKET}/secret/*")), ALLOWED),
        (judge(allow(), deny(["s3:PutObject"])), ALLOWED),
        (judge(allow("s3:PutObject"), allow()), ALLOWED),
        # actions: wildcards, no regard to case, NotAction
        (judge(allow(["s3:PutObject", "S3:getobject"])), ALLOWED),
        (judge(allow("s3:Get*")), ALLOWED),
        (judge(allow("s3:Get?bject")), ALLOWED),
        (judge(allow("s3:Get?object")), NOT_ALLOWED),
        (judge(allow("s3:Get")), NOT_ALLOWED),
        (judge(allow("*")), ALLOWED),
        (judge(allow("sqs:*")), NOT_ALLOWED),
        (judge(allow(None, NotAction=["iam:*"])), ALLOWED),
        (judge(allow(None, NotAction=["iam:*", "S3:Get*"])), NOT_ALLOWED),
        (judge(allow(), deny(None, NotAction=["s3:Get*"])), ALLOWED),
        (judge(allow("*", "*"), deny(None, NotAction=["s3:Get*"]), action="s3:PutObject"), DENIED),
        # resources: wildcards, regard to case, NotResource
        (judge(allow(on="*")), ALLOWED),
        (judge(allow(on=[BUCKET, FILE])), ALLOWED),
        (judge(allow(on=BUCKET)), NOT_ALLOWED),
        (judge(allow(on=f"{BUCKET}/INDEX.html")), NOT_ALLOWED),
        (judge(allow(on="arn:aws:s3:::s?te/*")), ALLOWED),
        (judge(allow(on="arn:aws:s3:::*/index.html")), ALLOWED),
        (judge(allow(on=None, NotResource=[f"{BUCKET}/secret/*"])), ALLOWED),
        (judge(allow(on=None, NotResource=[f"{BUCKET}/index*"])), NOT_ALLOWED),
        (judge(allow("*", f"{LOGS}:*"), action="logs:PutLogEvents", on=f"{LOGS}:log-stream:1"), ALLOWED),
        (judge(allow("*", LOGS), action="logs:PutLogEvents", on=f"{LOGS}:log-stream:1"), NOT_ALLOWED),
        (judge(allow("*", "arn:aws:ecs:*:111122223333:task/*"), on=TASK), ALLOWED),
        (judge(allow("*", "arn:aws:ecs:*"), on=TASK), ALLOWED),
        (judge(allow("*", "arn:aws:ec*-1:111122223333:task/*"), on=TASK), NOT_ALLOWED),
        (judge(allow(on=BUCKET), on="*"), NOT_ALLOWED),
        # StringEquals, StringLike
        (judge(when("StringEquals", "aws:SourceAccount", "1"), aws__SourceAccount="1"), ALLOWED),
        (judge(when("StringEquals", "aws:SourceAccount", "1"), aws__SourceAccount="2"), NOT_ALLOWED),
        (judge(when("StringEquals", "aws:SourceAccount", "1", "2"), aws__SourceAccount="2"), ALLOWED),
        (judge(when("StringEquals", "AWS:sourceaccount", "1"), aws__SourceAccount="1"), ALLOWED),
        (judge(when("StringEquals", "kms:ViaService", "S3"), kms__ViaService="s3"), NOT_ALLOWED),
        (judge(when("StringEquals", "kms:ViaService", "s*"), kms__ViaService="s3"), NOT_ALLOWED),
        (judge(when("StringLike", "kms:ViaService", "s*"), kms__ViaService="s3"), ALLOWED),
        (judge(when("StringLike", "kms:ViaService", "s?x"), kms__ViaService="s3"), NOT_ALLOWED),
        (judge(when("StringEquals", "aws:SourceAccount", "1")), NOT_ALLOWED),
        # IfExists, Null
        (judge(when("StringEqualsIfExists", "aws:SourceAccount", "1")), ALLOWED),
        (judge(when("StringEqualsIfExists", "aws:SourceAccount", "1"), aws__SourceAccount="2"), NOT_ALLOWED),
        (judge(when("StringLikeIfExists", "aws:SourceAccount", "*"), aws__SourceAccount="2"), ALLOWED),
        (judge(when("Null", "aws:SourceAccount", "true")), ALLOWED),
        (judge(when("Null", "aws:SourceAccount", "true"), aws__SourceAccount="1"), NOT_ALLOWED),
        (judge(when("Null", "aws:SourceAccount", "false")), NOT_ALLOWED),
        (judge(when("Null", "aws:SourceAccount", "false"), aws__SourceAccount="1"), ALLOWED),
        # ArnEquals is ArnLike: six parts, each with wildcards of its own
        (judge(when("ArnEquals", "aws:SourceArn", TASK), aws__SourceArn=TASK), ALLOWED),
        (judge(when("ArnEquals", "aws:SourceArn", "arn:aws:ecs:*:*:task/*"), aws__SourceArn=TASK), ALLOWED),
        (judge(when("ArnLike", "aws:SourceArn", "arn:aws:ecs:*:*:task/*"), aws__SourceArn=TASK), ALLOWED),
        (judge(when("ArnLike", "aws:SourceArn", "arn:aws:ecs:*:task/*"), aws__SourceArn=TASK), NOT_ALLOWED),
        (judge(when("ArnLike", "aws:SourceArn", "arn:aws:ecs:*:*:service/*"), aws__SourceArn=TASK), NOT_ALLOWED),
        (judge(when("ArnLike", "aws:SourceArn", "*"), aws__SourceArn=TASK), NOT_ALLOWED),
        # Bool
        (judge(when("Bool", "aws:SecureTransport", "false"), aws__SecureTransport="False"), ALLOWED),
        (judge(when("Bool", "aws:SecureTransport", "false"), aws__SecureTransport="true"), NOT_ALLOWED),
        (judge(when("Bool", "aws:SecureTransport", "false")), NOT_ALLOWED),
        (judge(when("NumericLessThan", "aws:MultiFactorAuthAge", "3600"), aws__MultiFactorAuthAge="10"), ALLOWED),
        (judge(when("NumericLessThan", "aws:MultiFactorAuthAge", "3600"), aws__MultiFactorAuthAge="3600"), NOT_ALLOWED),
        (judge(when("NumericLessThan", "aws:MultiFactorAuthAge", "3600"), aws__MultiFactorAuthAge="old"), NOT_ALLOWED),
        # keys with several values
        (judge(when("StringEquals", "codecommit:References", "main"), codecommit__References=["a", "main"]), ALLOWED),
        (judge(when("StringEquals", "codecommit:References", "main"), codecommit__References=["a", "b"]), NOT_ALLOWED),
        # all keys and all operators of one statement
        (judge(allow(Condition={"StringEquals": {"a:x": "1", "a:y": "1"}}), a__x="1", a__y="1"), ALLOWED),
        (judge(allow(Condition={"StringEquals": {"a:x": "1", "a:y": "1"}}), a__x="1", a__y="2"), NOT_ALLOWED),
        (judge(allow(Condition={"StringEquals": {"a:x": "1"}, "Null": {"a:y": "true"}}), a__x="1"), ALLOWED),
        (judge(allow(Condition={"StringEquals": {"a:x": "1"}, "Null": {"a:y": "false"}}), a__x="1"), NOT_ALLOWED),
        # a deny whose condition is not met denies nothing
        (
            judge(allow(), deny(Condition={"Bool": {"aws:SecureTransport": "false"}}), aws__SecureTransport="true"),
            ALLOWED,
        ),
        (
            judge(allow(), deny(Condition={"Bool": {"aws:SecureTransport": "false"}}), aws__SecureTransport="false"),
            DENIED,
        ),
    ],
)
def test_truth_table(decision: Decision, outcome: str) -> None:
    assert decision.outcome == outcome
    assert decision.allowed == (outcome == ALLOWED)
    assert (decision.by is None) == (outcome == NOT_ALLOWED) == bool(decision.missing)


def trust(principal: Any, **condition: Any) -> list[Permission]:
    item = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", "Condition": condition}
    return statements("Role", {}, {"Statement": [item]})


BUILDS, PIPELINES = ("Service:codebuild.amazonaws.com", "Service:codepipeline.amazonaws.com")
MANUAL = "AWS:arn:aws:iam::111122223333:user/ada"
OURS = {"StringEquals": {"aws:SourceAccount": "111122223333"}}


@pytest.mark.parametrize(
    ("policy", "who", "context", "allowed"),
    [
        (trust({"Service": "codebuild.amazonaws.com"}), BUILDS, {}, True),
        (trust({"Service": "codebuild.amazonaws.com"}), PIPELINES, {}, False),
        (trust({"Service": ["x.amazonaws.com", "codebuild.amazonaws.com"]}), BUILDS, {}, True),
        (trust({"Service": "codebuild.amazonaws.com"}, **OURS), BUILDS, {"aws:SourceAccount": "111122223333"}, True),
        (trust({"Service": "codebuild.amazonaws.com"}, **OURS), BUILDS, {"aws:SourceAccount": "444455556666"}, False),
        (trust({"Service": "codebuild.amazonaws.com"}, **OURS), BUILDS, {}, False),
        (trust({"AWS": "arn:aws:iam::111122223333:root"}), MANUAL, {}, True),
        (trust({"AWS": "111122223333"}), MANUAL, {}, True),
        (trust({"AWS": "444455556666"}), MANUAL, {}, False),
        (trust({"AWS": MANUAL.removeprefix("AWS:")}), MANUAL, {}, True),
        (trust({"AWS": "*"}), MANUAL, {}, True),
        (trust({"AWS": "*"}), BUILDS, {}, False),
        (trust("*"), BUILDS, {}, True),
        (trust({"Service": "codebuild.amazonaws.com"}), "", {}, False),
    ],
)
def test_trust(policy: list[Permission], who: str, context: dict[str, str], allowed: bool) -> None:
    arn = "arn:aws:iam::111122223333:role/Role"
    assert decide(Request("sts:AssumeRole", arn, context, who), policy).allowed == allowed


def test_what_is_missing_is_spelled_out() -> None:
    decision = judge(allow(), when("StringEquals", "a:b", "1"), action="s3:GetObject", on="arn:aws:s3:::other/x")
    assert json.loads(decision.missing) == {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::other/x",
    }
    assert decision.near == (f"One is for {BUCKET}/*",) * 2
    assert str(decision).startswith('implicitly denied, missing: {"Effect": "Allow"')
    assert judge(when("StringEquals", "a:b", "1")).near == ("One wants a:b StringEquals 1",)
    refused = decide(Request("sts:AssumeRole", principal=BUILDS), trust({"Service": "x.amazonaws.com"}))
    assert json.loads(refused.missing) == {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "codebuild.amazonaws.com"},
    }
    assert refused.near == (f"a statement without Sid is for Service:x.amazonaws.com, not for {BUILDS}",)


def test_the_deciding_statement_is_named() -> None:
    assert str(judge(allow(), deny())) == f"explicitly denied by deployed.Role No: Deny s3:GetObject on {BUCKET}/*"


@pytest.mark.parametrize(
    ("sent", "outcome"),
    [({"a__b": "1"}, NOT_ALLOWED), ({"a__b": "3"}, ALLOWED), ({"a__b": ["3", "2"]}, NOT_ALLOWED), ({}, ALLOWED)],
)
def test_a_negated_operator_is_met_when_no_value_matches(sent: dict[str, Any], outcome: str) -> None:
    """A request without the key meets it, too (IAM user guide, reference_policies_elements_condition_operators)."""
    assert judge(when("StringNotEquals", "a:b", "1", "2"), **sent).outcome == outcome


@pytest.mark.parametrize(
    ("sent", "outcome"),
    [
        ({"a__b": ["1", "2"]}, ALLOWED),
        ({"a__b": ["1", "3"]}, NOT_ALLOWED),
        ({"a__b": "2"}, ALLOWED),
        ({"a__b": "3"}, NOT_ALLOWED),
        ({}, ALLOWED),
    ],
)
def test_for_all_values_each_value_of_the_request_has_to_match(sent: dict[str, Any], outcome: str) -> None:
    """A request without the key meets it, too (IAM user guide,
    reference_policies_condition-single-vs-multi-valued-context-keys)."""
    assert judge(when("ForAllValues:StringLike", "a:b", "1*", "2"), **sent).outcome == outcome


@pytest.mark.parametrize(
    ("statement", "error", "named"),
    [
        (when("NumericGreaterThan", "s3:max-keys", "10"), UnknownOperatorError, "NumericGreaterThan"),
        (when("StringNotLike", "a:b", "1"), UnknownOperatorError, "StringNotLike"),
        (when("ForAnyValue:StringEquals", "a:b", "1"), UnknownOperatorError, "ForAnyValue:StringEquals"),
        (when("ForAllValues:StringNotEquals", "a:b", "1"), UnknownOperatorError, "ForAllValues:StringNotEquals"),
        (when("NullIfExists", "a:b", "true"), UnknownOperatorError, "NullIfExists"),
        (allow(on="arn:aws:s3:::home/${aws:username}/*"), PolicyVariableError, "aws:username"),
        (when("StringEquals", "a:b", "${aws:PrincipalTag/team}"), PolicyVariableError, "aws:PrincipalTag"),
        (allow(on="arn:aws:s3:::home/${*}"), PolicyVariableError, "${*}"),
        (allow(NotPrincipal={"AWS": "*"}), UnknownElementError, "NotPrincipal"),
    ],
)
def test_what_is_not_modelled_is_an_error_even_in_a_statement_that_does_not_apply(
    statement: dict[str, Any], error: type[Exception], named: str
) -> None:
    with pytest.raises(error) as raised:
        judge(allow(), statement, action="sqs:SendMessage")
    assert named in str(raised.value)
    assert "deployed.Role One" in str(raised.value)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            when("StringNotLike", "a:b", "1"),
            "deployed.Role One uses the condition operator StringNotLike, which generator/cfn/evaluate.py does not "
            "model; it has ArnEquals, ArnLike, Bool, NumericLessThan, StringEquals, StringLike, StringNotEquals, each "
            "also with IfExists, ForAllValues: before those that are not negated, and Null: use one of these or add it",
        ),
        (
            allow(on="arn:aws:s3:::home/${aws:username}/*"),
            "deployed.Role One has a policy variable in 'arn:aws:s3:::home/${aws:username}/*', and none is modelled: "
            "write the value itself",
        ),
        (
            allow(NotPrincipal={"AWS": "*"}),
            "deployed.Role One uses NotPrincipal, which is not modelled: name those that are meant instead",
        ),
    ],
)
def test_what_is_not_modelled_is_said_with_what_to_do(statement: dict[str, Any], message: str) -> None:
    with pytest.raises(EvaluationError) as raised:
        judge(statement)
    assert str(raised.value) == message


def test_a_condition_can_be_asked_by_itself() -> None:
    """The keys of a request compare without regard to case."""
    condition = Condition("StringEquals", "aws:SourceAccount", ("1",))
    assert holds(condition, {"AWS:sourceaccount": "1"}) and not holds(condition, {"aws:SourceAccount": "2"})
    with pytest.raises(UnknownOperatorError, match=r"^a:b uses the condition operator IpAddress"):
        holds(Condition("IpAddress", "a:b", ("1",)), {})


def test_a_statement_says_how_it_was_judged_whatever_it_leaves_out() -> None:
    other = judge(allow(on=None, NotResource=[f"{BUCKET}/index*"]))
    assert other.near == (f"One is for all but {BUCKET}/index*",)
    assert str(judge(action="sqs:SendMessage", on="*")) == (
        'implicitly denied, missing: {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}'
    )
    assert str(judge(allow(on=BUCKET))).endswith(f"; close, but not it: One is for {BUCKET}")
    refused = decide(Request("sts:AssumeRole"), trust({"Service": "x.amazonaws.com"}))
    assert refused.near == ("a statement without Sid is for Service:x.amazonaws.com, not for a caller unnamed",)


NAMES = st.sampled_from(["s3:GetObject", "s3:PutObject", "s3:Get*", "s3:*", "*", "sqs:SendMessage"])
PLACES = st.sampled_from([FILE, BUCKET, f"{BUCKET}/*", "*", "arn:aws:sqs:eu-west-1:111122223333:queue"])
CONDITIONS = st.sampled_from([{}, {"StringEquals": {"a:b": "1"}}, {"Null": {"a:b": "true"}}])
ALLOWS = st.builds(lambda a, r, c: allow(a, r, Condition=c), NAMES, PLACES, CONDITIONS)
DENIES = st.builds(lambda a, r, c: deny(a, r, Condition=c), NAMES, PLACES, CONDITIONS)
POLICIES = st.lists(ALLOWS | DENIES, min_size=1, max_size=5)
REQUESTS = st.builds(
    Request,
    st.sampled_from(["s3:GetObject", "s3:PutObject", "sqs:SendMessage"]),
    st.sampled_from([FILE, BUCKET, "arn:aws:sqs:eu-west-1:111122223333:queue"]),
    st.sampled_from([{}, {"a:b": "1"}, {"a:b": "2"}]),
)


@given(POLICIES, REQUESTS)
def test_a_deny_of_everything_wins_wherever_it_stands(policy: list[dict[str, Any]], request: Request) -> None:
    for position in range(len(policy) + 1):
        assert decide(request, role(*policy[:position], deny("*", "*"), *policy[position:])).outcome == DENIED


@given(POLICIES, ALLOWS, REQUESTS)
def test_another_allow_takes_nothing_away(policy: list[dict[str, Any]], more: dict[str, Any], request: Request) -> None:
    before, after = decide(request, role(*policy)), decide(request, role(*policy, more))
    assert after.outcome == before.outcome or (before.outcome, after.outcome) == (NOT_ALLOWED, ALLOWED)


@given(POLICIES, DENIES, REQUESTS)
def test_another_deny_gives_nothing(policy: list[dict[str, Any]], more: dict[str, Any], request: Request) -> None:
    before, after = decide(request, role(*policy)), decide(request, role(*policy, more))
    assert after.outcome == before.outcome or after.outcome == DENIED


@given(POLICIES, REQUESTS)
def test_order_does_not_matter(policy: list[dict[str, Any]], request: Request) -> None:
    assert decide(request, role(*policy)).outcome == decide(request, role(*reversed(policy))).outcome


@given(POLICIES, REQUESTS)
def test_the_missing_statement_is_enough(policy: list[dict[str, Any]], request: Request) -> None:
    decision = decide(request, role(*policy))
    if decision.missing:
        assert decide(request, role(*policy, json.loads(decision.missing))).allowed
