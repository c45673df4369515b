"""Templates as they are stored: under keys made of their content, in a bucket that nobody else's may stand in for."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from generator.cfn.packaging import Bucket, Packaged, bucket_policy, first_difference, package, parse
from generator.cfn.templates import from_bodies

ADDRESS = "https://bucket.s3.eu-west-1.amazonaws.com"
QUEUE = {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}


def nested(name: str, **parameters: str) -> dict[str, Any]:
    properties = {"TemplateURL": f"{name}.json", "Parameters": parameters}
    return {"Type": "AWS::CloudFormation::Stack", "Properties": properties, "Condition": "C"}


def bodies(**leaf: Any) -> dict[str, Any]:
    return {
        "root": {"Resources": {"A": nested("middle", P="x"), "B": nested("leaf"), "Q": {"Type": "T"}}},
        "middle": {"Resources": {"C": nested("leaf")}},
        "leaf": {**QUEUE, **leaf},
        "other": QUEUE,
    }


def packaged(**leaf: Any) -> dict[str, Packaged]:
    stored = package(from_bodies(bodies(**leaf))["root"], ADDRESS, "staging")
    return {each.name: each for each in stored.templates}


def test_what_a_root_nests_is_stored_before_it_each_once_and_nothing_else() -> None:
    stored = package(from_bodies(bodies())["root"], ADDRESS, "staging")
    assert [each.name for each in stored.templates] == ["leaf", "middle", "root"]
    assert stored.root.name == "root"
    leaf, middle, root = stored.templates
    for each in stored.templates:
        digest = hashlib.sha256(json.dumps(each.body, sort_keys=True).encode()).hexdigest()[:32]
        assert each.key == f"templates/staging/{each.name}-{digest}.json" and each.url == f"{ADDRESS}/{each.key}"
    assert leaf.body == QUEUE
    assert root.body == {
        "Resources": {
            "A": {**nested("x", P="x"), "Properties": {"TemplateURL": middle.url, "Parameters": {"P": "x"}}},
            "B": {**nested("x"), "Properties": {"TemplateURL": leaf.url, "Parameters": {}}},
            "Q": {"Type": "T"},
        }
    }
    assert stored.nested(middle.url) is middle and stored.nested(f"{ADDRESS}/other") is None


def test_a_key_changes_with_the_content_of_the_template_and_of_all_that_it_nests() -> None:
    before, after = packaged(), packaged(Description="new")
    assert [name for name in before if before[name].key != after[name].key] == ["leaf", "middle", "root"]
    other_order = packaged(Resources={"Q": {"Type": "AWS::SQS::Queue"}})
    assert before == other_order
    elsewhere = package(from_bodies(bodies())["root"], ADDRESS, "production").templates[0]
    assert elsewhere.key.startswith("templates/production/leaf-")


def test_what_is_uploaded_can_be_read_and_has_the_checksum_that_s3_compares() -> None:
    leaf = packaged()["leaf"]
    assert leaf.content == json.dumps(QUEUE, sort_keys=True, indent=1).encode()
    assert base64.b64decode(leaf.checksum) == hashlib.sha256(leaf.content).digest()


def test_a_bucket_is_one_of_the_account_and_the_region() -> None:
    bucket = Bucket.of("shop", "111122223333", "eu-west-1")
    assert bucket == Bucket("shop-templates-111122223333-eu-west-1", "eu-west-1", "111122223333")
    assert bucket.url == "https://shop-templates-111122223333-eu-west-1.s3.eu-west-1.amazonaws.com"
    assert bucket.address == {"Bucket": bucket.name, "ExpectedBucketOwner": "111122223333"}


def test_the_policy_of_the_bucket() -> None:
    """A template is written once: what was reviewed stays what is under its key."""
    assert bucket_policy("b") == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
            {
                "Sid": "TemplatesAreWrittenOnce",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:PutObject",
                "Resource": "arn:aws:s3:::b/templates/*",
                "Condition": {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}},
            },
        ],
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": 1, "b": 2, "a": 1}', 'the key "a" is there twice'),
        ('{"x": [{"b": 1, "b": 2}]}', 'the key "b" is there twice'),
        ("[" * 100_000, "it is nested too deeply"),
        ("{", "Expecting property name"),
    ],
)
def test_a_text_that_readers_would_read_differently_is_none(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(text)


def test_a_text_of_json_is_its_value() -> None:
    assert parse('{"a": [1, {"b": null}], "c": "x"}') == {"a": [1, {"b": None}], "c": "x"}


LONG = "x" * (120 - 2)  # with its quotes as long as what is shown


@pytest.mark.parametrize(
    ("ours", "theirs", "difference"),
    [
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 2]}}, ""),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, ""),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, "/a/b/1 is 3 instead of 2"),
        ({"a": 1, "b": 1}, {"a": 2, "b": 2}, "/a is 2 instead of 1"),
        ({"a": 1}, {}, "/a is missing"),
        ({}, {"a": {"b": 1}}, '/a is not ours: {"b": 1}'),
        ({"a": 1}, {"a": True}, "/a is true instead of 1"),
        ([1], [1, 2], "/ is [1, 2] instead of [1]"),
        ([{"a": 1}], [{"a": 1}], ""),
        ({"a": [1]}, {"a": {"b": 1}}, '/a is {"b": 1} instead of [1]'),
        ("a", "b", '/ is "b" instead of "a"'),
        ({'a"': 1}, {}, '/a\\" is missing'),
        ({}, {"a": LONG}, f'/a is not ours: "{LONG}"'),
        ({}, {"a": f"{LONG}y"}, f'/a is not ours: "{LONG}…'),
    ],
)
def test_where_two_values_differ_first(ours: Any, theirs: Any, difference: str) -> None:
    assert first_difference(ours, theirs) == difference
