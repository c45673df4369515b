"""What a change would lose: data and addresses, what protects them, and for how long something is kept."""

from __future__ import annotations

from typing import Any

import pytest

from generator.cfn.templates import Resource, from_bodies
from scripts.review import loss
from scripts.review.model import ADDED, CHANGED, REMOVED, REPLACED, ResourceChange, ValueChange

TABLE, BUCKET, TOPIC, DISTRIBUTION = (
    "AWS::DynamoDB::Table",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::CloudFront::Distribution",
)
KEPT: dict[str, Any] = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}


def resource(kind: str, properties: dict[str, Any] | None = None, **attributes: Any) -> Resource:
    body = {"Type": kind, "Properties": properties or {}, **attributes}
    return from_bodies({"a": {"Resources": {"It": body}}})["a"].resources["It"]


def what(old: Resource | None, new: Resource | None, action: str = CHANGED, **values: Any) -> list[str]:
    """What is at risk; the change has a value unless it is said to have none."""
    kind = new.type if new else ""
    change = ResourceChange("S.It", kind, action, "", values.pop("values", (ValueChange("x", "a", "b"),)), **values)
    risks = list(loss.risks([change], {"S.It": old} if old else {}, {"S.It": new} if new else {}))
    assert {(risk.path, risk.type) for risk in risks} <= {("S.It", kind)}
    return [risk.what for risk in risks]


@pytest.mark.parametrize(
    ("old", "new", "value"),
    [
        (resource(TABLE, **KEPT), None, "holds data"),
        (None, resource(TABLE, **KEPT), "holds data"),
        (resource(TABLE), resource(TABLE, **KEPT), "holds data"),
        (resource(DISTRIBUTION), None, "people know its address"),
        (resource(TOPIC), resource(TOPIC), ""),
        (None, None, ""),
    ],
)
def test_why_a_loss_would_hurt(old: Resource | None, new: Resource | None, value: str) -> None:
    assert loss.value(old, new) == value


@pytest.mark.parametrize(
    ("action", "values", "expected"),
    [
        (REMOVED, {"value": "holds data"}, ["holds data: deleted"]),
        (
            REMOVED,
            {"value": "holds data", "kept": True},
            ["holds data: deleted; the old one is kept, outside the stack"],
        ),
        (REPLACED, {"value": "an address", "because": ("A", "B")}, ["an address: replaced (A, B)"]),
        (REPLACED, {"value": "an address", "before": "S.Old"}, ["an address: replaced (renamed)"]),
        (REPLACED, {"value": "an address"}, ["an address: replaced"]),
        (REPLACED, {}, []),
        (ADDED, {"value": "holds data"}, []),
        (CHANGED, {"value": "holds data"}, []),
    ],
)
def test_what_goes_is_told_where_it_hurts(action: str, values: dict[str, Any], expected: list[str]) -> None:
    assert what(None, resource(TABLE), action, **values) == expected


def table(**properties: Any) -> Resource:
    return resource(TABLE, properties, **KEPT)


def index(name: str, where: str = "GlobalSecondaryIndexes") -> Resource:
    return table(**{where: [{"IndexName": name}]})


def rules(status: str = "Enabled", **days: int) -> Resource:
    return resource(BUCKET, {"LifecycleConfiguration": {"Rules": [{"Status": status, **days}]}}, **KEPT)


def point_in_time(value: Any) -> Resource:
    return table(PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": value})


RULE = "LifecycleConfiguration.Rules[0]"
FOR_GOOD = "what is older is deleted for good"
EXPIRES = "items are deleted for good when they expire (TimeToLiveSpecification)"
TTL = {"AttributeName": "t", "Enabled": True}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (resource(TABLE, **KEPT), resource(TABLE), ["holds data: no longer kept when its stack goes"]),
        (
            resource(TABLE, **KEPT),
            resource(TABLE, DeletionPolicy="Retain"),
            ["holds data: no longer kept when it is replaced"],
        ),
        (resource(TABLE, DeletionPolicy="Retain"), resource(TABLE, DeletionPolicy="Snapshot"), []),
        (resource(TABLE), resource(TABLE, **KEPT), []),
        *(
            (table(DeletionProtectionEnabled=was), table(**now), ["DeletionProtectionEnabled is switched off"])
            for was, now in (
                (True, {"DeletionProtectionEnabled": False}),
                ("true", {}),
                (True, {"DeletionProtectionEnabled": "false"}),
            )
        ),
        (table(DeletionProtectionEnabled=False), table(DeletionProtectionEnabled=True), []),
        (table(DeletionProtectionEnabled=True), table(DeletionProtectionEnabled="true"), []),
        (
            point_in_time(True),
            point_in_time(False),
            ["PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled is switched off"],
        ),
        (
            resource("AWS::RDS::DBInstance", {"DeletionProtection": True}),
            resource("AWS::RDS::DBInstance"),
            ["DeletionProtection is switched off"],
        ),
        (index("A"), index("B"), ["the index A is deleted: every query that names it fails"]),
        (index("A"), table(), ["the index A is deleted: every query that names it fails"]),
        # An index that stands elsewhere in the list is none that is gone.
        (index("A"), table(GlobalSecondaryIndexes=[{"IndexName": "B"}, {"IndexName": "A"}]), []),
        (index("A", "LocalSecondaryIndexes"), table(), []),
        *(
            (resource("T", {name: 30}), resource("T", {name: 7}), [f"{name} falls from 30 to 7: {FOR_GOOD}"])
            for name in (
                "RetentionInDays",
                "ExpirationInDays",
                "NoncurrentDays",
                "countNumber",
                "BackupRetentionPeriod",
            )
        ),
        (resource("T", {"RetentionInDays": "30"}), resource("T", {"RetentionInDays": "30"}), []),
        (resource("T", {"RetentionInDays": 7}), resource("T", {"RetentionInDays": 30}), []),
        (resource("T", {"RetentionInDays": 7}), resource("T"), []),
        (resource("T", {"RetentionInDays": "${A}"}), resource("T", {"RetentionInDays": "${B}"}), []),
        (resource("T"), resource("T", {"RetentionInDays": 7}), [f"RetentionInDays is 7 from now on: {FOR_GOOD}"]),
        (resource("T"), resource("T", {"RetentionInDays": "${A}"}), []),
        (resource("T"), resource("T", {"Delay": 7}), []),
        (
            rules(ExpirationInDays=30),
            rules(ExpirationInDays=7),
            [f"{RULE}.ExpirationInDays falls from 30 to 7: {FOR_GOOD}"],
        ),
        (
            rules("Disabled", ExpirationInDays=30),
            rules(ExpirationInDays=30),
            [f"{RULE}.ExpirationInDays is 30 from now on: {FOR_GOOD}"],
        ),
        (rules(ExpirationInDays=30), rules("Disabled", ExpirationInDays=7), []),
        # A rule that moves within the list ends nothing that was not ended before.
        (
            resource(BUCKET, {"Rules": [{"ExpirationInDays": 7}, {"Id": "b"}]}),
            resource(BUCKET, {"Rules": [{"Id": "b"}, {"ExpirationInDays": 7}]}),
            [],
        ),
        (table(), table(TimeToLiveSpecification=TTL), [EXPIRES]),
        (table(TimeToLiveSpecification={**TTL, "Enabled": "false"}), table(TimeToLiveSpecification=TTL), [EXPIRES]),
        (table(TimeToLiveSpecification=TTL), table(TimeToLiveSpecification={**TTL, "AttributeName": "u"}), []),
        (table(TimeToLiveSpecification=TTL), table(), []),
    ],
)
def test_what_is_kept_less_well_or_less_long_is_told(old: Resource, new: Resource, expected: list[str]) -> None:
    assert what(old, new) == expected


def test_what_changes_in_no_value_loses_nothing() -> None:
    assert what(table(DeletionProtectionEnabled=True), table(), values=()) == []
