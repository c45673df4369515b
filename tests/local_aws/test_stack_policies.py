"""What a stack policy refuses, in AWS's words, by every element of its grammar; and which policy is none."""

import json
from typing import Any

import pytest

from scripts.local_aws.stack_policies import check, refusal
from scripts.local_aws.template import InvalidTemplateError

DATABASE = "AWS::RDS::DBInstance"
ALLOW = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}


def policy(*statements: Any) -> str:
    return json.dumps({"Statement": [*statements]})


def deny(action: Any = "Update:*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource, **more}


def denial(number: int, actions: str = "Update:*") -> str:
    return (
        f"Action denied by stack policy: Statement [#{number}] does not allow [{actions}] for resource "
        "[LogicalResourceId/Data];"
    )


def kinds(how: str, *types: str) -> dict[str, Any]:
    return {"Condition": {how: {"ResourceType": list(types)}}}


NOT_ALLOWED = "Action not allowed by stack policy: [Update:Modify] for resource [LogicalResourceId/Data]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, ""),
        ("", ""),
        ("{}", ""),
        (policy(), ""),
        (policy(ALLOW), ""),
        (json.dumps({"Statement": ALLOW}), ""),
        (json.dumps({"Statement": deny()}), denial(1)),
        (policy(ALLOW, deny()), denial(2)),
        (policy(deny(), ALLOW), denial(1)),
        (policy({**ALLOW, "Resource": "LogicalResourceId/Other"}), NOT_ALLOWED),
        (policy({**ALLOW, "Action": ["Update:Delete", "Update:Replace"]}), NOT_ALLOWED),
        (policy({**ALLOW, "Action": ["Update:Delete", "Update:Modify"]}), ""),
        (policy(deny("Update:Delete")), NOT_ALLOWED),
        (policy(ALLOW, deny("Update:Delete")), ""),
        (policy(ALLOW, deny("Update:Modify")), denial(2, "Update:Modify")),
        (policy(ALLOW, deny(["Update:Modify", "Update:Replace"])), denial(2, "Update:Modify, Update:Replace")),
        (policy(ALLOW, deny(resource="LogicalResourceId/Data")), denial(2)),
        (policy(ALLOW, deny(resource="LogicalResourceId/D*")), denial(2)),
        (policy(ALLOW, deny(resource="LogicalResourceId/d*")), ""),
        (policy(ALLOW, deny(resource=["LogicalResourceId/Other", "LogicalResourceId/Data"])), denial(2)),
        (policy(ALLOW, deny(resource="LogicalResourceId/Dat")), ""),
        (policy(ALLOW, {"Effect": "Deny", "NotAction": "Update:Delete", "Resource": "*"}), denial(2, "Update:Modify")),
        (policy(ALLOW, {"Effect": "Deny", "NotAction": ["Update:Modify"], "Resource": "*"}), ""),
        (
            policy(ALLOW, {"Effect": "Deny", "Action": "Update:*", "NotResource": ["LogicalResourceId/Other"]}),
            denial(2),
        ),
        (policy(ALLOW, {"Effect": "Deny", "Action": "Update:*", "NotResource": "LogicalResourceId/Da*"}), ""),
        (policy(ALLOW, deny(**kinds("StringEquals", "AWS::S3::Bucket", DATABASE))), denial(2)),
        (policy(ALLOW, deny(**kinds("StringEquals", "AWS::RDS::*"))), ""),
        (policy(ALLOW, deny(**kinds("StringLike", "AWS::RDS::*"))), denial(2)),
        (policy(ALLOW, deny(**kinds("StringLike", "AWS::S3::*"))), ""),
        (policy(ALLOW, deny(Condition={"StringEquals": {"ResourceType": DATABASE}})), denial(2)),
        (
            policy(ALLOW, deny(Condition={**kinds("StringLike", "AWS::*")["Condition"], "StringEquals": {"T": ["x"]}})),
            "",
        ),
    ],
)
def test_what_a_policy_says_about_a_change_of_a_resource(text: str | None, expected: str) -> None:
    assert refusal(text, "Update:Modify", "Data", DATABASE) == expected


INVALID = "Error validating stack policy: Invalid stack policy"
UNKNOWN = (
    "Error validating stack policy: Unknown logical id '{}' in statement {{}} - stack policies can only be applied to "
    "logical ids referenced in the template"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no JSON", INVALID),
        ("[]", INVALID),
        ('{"Statement": ["text"]}', INVALID),
        ('{"Statement": [5]}', INVALID),
        (policy({**ALLOW, "Effect": "allow"}), INVALID),
        (policy({**ALLOW, "Principal": "me"}), INVALID),
        (policy({key: value for key, value in ALLOW.items() if key != "Principal"}), INVALID),
        (policy({**ALLOW, "Action": "Update:Create"}), INVALID),
        (policy({**ALLOW, "Action": ["Update:Modify", "Update:Create"]}), INVALID),
        (policy({**ALLOW, "NotAction": "s3:*"}), INVALID),
        (policy(ALLOW, {**ALLOW, "Effect": ""}), INVALID),
        (policy({**ALLOW, "Resource": "LogicalResourceId/Nobody"}), UNKNOWN.format("LogicalResourceId/Nobody")),
        (policy({**ALLOW, "Resource": ["LogicalResourceId/Data", "Nobody"]}), UNKNOWN.format("Nobody")),
        (policy({**ALLOW, "NotResource": "LogicalResourceId/No"}), UNKNOWN.format("LogicalResourceId/No")),
    ],
)
def test_a_policy_that_aws_refuses(text: str, message: str) -> None:
    with pytest.raises(InvalidTemplateError) as refused:
        check(text, ["Data"])
    assert str(refused.value) == message


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        policy(),
        policy(ALLOW, deny("Update:Delete", "LogicalResourceId/Data"), deny(resource="LogicalResourceId/No*")),
        policy(
            {"Effect": "Deny", "Principal": "*", "NotAction": "Update:Replace", "NotResource": "LogicalResourceId/Data"}
        ),
        policy({**ALLOW, "Action": ["Update:Modify", "Update:Replace", "Update:Delete", "Update:*"]}),
    ],
)
def test_a_policy_that_aws_takes(text: str) -> None:
    check(text, ["Data"])
