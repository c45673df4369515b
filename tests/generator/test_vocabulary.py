"""The small words of the generator: grants, ARNs, retention, tags, facts, settings."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import pytest
from awacs import s3 as do
from awacs.aws import StringEquals
from troposphere import AWSObject, Equals, GetAtt, Ref, Sub, codecommit, ssm

from generator.application import APPLICATION
from generator.core import arns, iam, retention
from generator.core.iam import Anything, GrantError, allow, document, trust
from generator.core.stack import Stack, StackError
from generator.project import BuildVariable, FactError, Index, SmokeRequest, Table
from generator.stacks.monitoring.messages import FIELDS, Message


def _stack() -> Stack:
    return Stack("words", __name__, "a test", APPLICATION)


@pytest.mark.parametrize(
    ("actions", "on", "because", "missing"),
    [([], ["arn"], "why", "action"), ([do.GetObject], [], "why", "resource"), ([do.GetObject], ["arn"], "", "reason")],
)
def test_a_grant_needs_action_resource_and_reason(
    actions: list[object], on: list[str], because: str, missing: str
) -> None:
    with pytest.raises(GrantError, match=f"statement Sid has no {missing}"):
        allow("Sid", actions, on, because)  # type: ignore[arg-type]


def test_two_statements_cannot_share_a_sid() -> None:
    grant = allow("Same", [do.GetObject], ["arn"], "why")
    with pytest.raises(GrantError, match="two statements are called Same"):
        document([grant, grant])


def test_two_conditions_of_one_operator_are_refused() -> None:
    """awacs writes the second over the first, and the statement would allow more than it says."""
    twice = [StringEquals({"aws:SourceAccount": "1"}), StringEquals({"kms:ViaService": "s3"})]
    with pytest.raises(GrantError, match="statement Sid has two conditions StringEquals"):
        allow("Sid", [do.GetObject], ["arn"], "because", twice)


def test_a_misspelled_action_fails_at_generation() -> None:
    with pytest.raises(AttributeError):
        getattr(do, "GetObjct")  # noqa: B009
    with pytest.raises(GrantError, match="awacs knows no action s3:GetObjct"):
        iam.actions(["s3:GetObjct"])
    with pytest.raises(GrantError, match="awacs knows no action s4:GetObject"):
        iam.actions(["s4:GetObject"])


def test_reasons_reach_the_reader() -> None:
    stack = _stack()
    grants = [
        allow("Listed", [do.ListAllMyBuckets], Anything("no bucket is named"), "people look for buckets"),
        allow("Read", [do.GetObject], ["arn:aws:s3:::b/*"], "people read"),
    ]
    role = stack.role("Role", trust("codebuild", "builds run"), grants, "A role.", ["PIP-8"])
    metadata = role.to_dict()["Metadata"]
    assert metadata["Reasons"] == {"Assume": "builds run", "Listed": "people look for buckets", "Read": "people read"}
    assert metadata["Wildcards"] == {"Listed": "no bucket is named"}


def test_arns_read_like_arns() -> None:
    assert arns.codebuild_project("x").to_dict() == {
        "Fn::Sub": "arn:${AWS::Partition}:codebuild:${AWS::Region}:${AWS::AccountId}:project/x"
    }
    assert arns.objects(GetAtt("Bucket", "Arn")).to_dict() == {"Fn::Sub": "${Bucket.Arn}/*"}
    assert arns.ssm_parameter(Ref("Tree"), "/KEY").to_dict()["Fn::Sub"].endswith(":parameter${Tree}/KEY")
    nested = arns.codebuild_project(Sub("a-${B}")).to_dict()["Fn::Sub"]
    assert nested[1] == {"Name": {"Fn::Sub": "a-${B}"}}


def test_a_kind_that_no_table_knows_is_an_error() -> None:
    class Unknown(AWSObject):  # type: ignore[misc]
        resource_type = "AWS::New::Thing"
        props: ClassVar[dict[str, object]] = {}

    with pytest.raises(retention.UndecidedTypeError, match=r"AWS::New::Thing .* does it hold data"):
        _stack().add(Unknown("Thing"), "A thing.", ["PIP-1"])


def test_what_holds_data_survives() -> None:
    repository = _stack().add(codecommit.Repository("Source", RepositoryName="x"), "Source.", ["SRC-1"])
    assert repository.DeletionPolicy == "RetainExceptOnCreate"
    assert repository.UpdateReplacePolicy == "Retain"


def test_tags_take_the_form_of_the_type() -> None:
    stack = _stack()
    parameter = stack.add(ssm.Parameter("P", Type="String", Value="v"), "P.", ["RUN-5"])
    assert parameter.to_dict()["Properties"]["Tags"]["Component"] == "words"


def test_a_condition_means_one_thing() -> None:
    stack = _stack()
    stack.when("On", Equals("a", "b"))
    stack.when("On", Equals("a", "b"))
    with pytest.raises(StackError, match="two conditions called On"):
        stack.when("On", Equals("a", "c"))


def test_a_message_has_exactly_the_seven_fields() -> None:
    assert len(FIELDS) == 7
    with pytest.raises(ValueError, match="must have each of pipeline, stage"):
        Message("M", "says", {}, {"pipeline": "$.x"}, {"stage": "s"})


def test_facts_are_refused_by_name() -> None:
    backend = APPLICATION.backend
    with pytest.raises(FactError, match=r"Backend.port must be int, got '8000'"):
        dataclasses.replace(backend, port="8000")  # type: ignore[arg-type]
    with pytest.raises(FactError, match=r"Backend.port must be between 1 and 65535, got 65536"):
        dataclasses.replace(backend, port=65536)
    with pytest.raises(FactError, match=r"Project.name must be 3 to 41 .*, got 'Has Spaces'"):
        dataclasses.replace(APPLICATION, name="Has Spaces")
    with pytest.raises(FactError, match=r"Project.tables must be"):
        dataclasses.replace(APPLICATION, tables=("Clients",))  # type: ignore[arg-type]
    with pytest.raises(FactError, match="names something twice: A"):
        dataclasses.replace(APPLICATION, tables=(Table("A", "One", "One"), Table("A", "Two", "Two")))
    with pytest.raises(TypeError, match="colour"):
        dataclasses.replace(backend, colour="red")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("part", "fact", "value"),
    [
        ("backend", "health_path", "health"),
        ("backend", "directory", "/backend"),
        ("backend", "directory", "../backend"),
        ("backend", "module", "app.main"),
        ("backend", "python", "3"),
        ("backend", "port", 0),
        ("backend", "container", "back end"),
        ("frontend", "output", ""),
        ("frontend", "node", "22.1"),
        ("frontend", "api_paths", ("/api/*", "health")),
        ("frontend", "content_policy", ("img-src 'self'; script-src *",)),
        ("reads", "actions", ("ListBuckets",)),
    ],
)
def test_a_fact_that_cannot_work_is_refused(part: str, fact: str, value: object) -> None:
    with pytest.raises(FactError, match=rf"^\w+\.{fact} must ") as refused:
        dataclasses.replace(getattr(APPLICATION, part), **{fact: value})
    assert refused.value.fact == fact


def test_a_smoke_request_a_table_and_a_build_variable_are_checked_too() -> None:
    for wrong in (
        lambda: SmokeRequest("GET", "health", 200),
        lambda: SmokeRequest("GET", "/health", 99),
        lambda: Table("A", "One", "x"),
        lambda: Table("A", "one", "One"),
        lambda: Index("x", "email"),
        lambda: BuildVariable("MY-NAME", "x"),
    ):
        with pytest.raises(FactError):
            wrong()
