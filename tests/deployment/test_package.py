"""What lies in the packaging bucket: its protection, the records of deployments, and what CloudFormation has taken of
the templates. What is uploaded is in test_files.py."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from generator.cfn.changes import PlannedChange
from generator.cfn.packaging import Bucket, PackagedSet, bucket_policy, package
from generator.cfn.templates import STACK, from_bodies
from scripts.deployment.errors import AwsError, RefusedError, TemplateMismatchError
from scripts.deployment.package import GateVerdict, Record, prepare, read_text, verify
from scripts.deployment.plan import UPDATE, Plan
from tests.support.service import ACCOUNT, ME, REGION, Prepared, Stored, refusal

BUCKET = Bucket.of("dashboard", ME.account, REGION)
OWNED = {"Bucket": BUCKET.name, "ExpectedBucketOwner": ACCOUNT}
TOPIC = {"Type": "AWS::SNS::Topic"}


def nesting(name: str) -> dict[str, Any]:
    return {"Type": STACK, "Properties": {"TemplateURL": f"{name}.json"}}


TEMPLATES = from_bodies(
    {
        "environment": {"Resources": {"Data": nesting("data"), "Site": nesting("site")}},
        "data": {"Resources": {"Inner": nesting("inner"), "Topic": TOPIC}},
        "inner": {"Resources": {"Deep": TOPIC}},
        "site": {"Resources": {"Page": TOPIC}},
    }
)
PACKAGED = package(TEMPLATES["environment"], BUCKET.url, "staging")
BODIES = {template.name: template.body for template in PACKAGED.templates}


# --- the bucket


STEPS = ("create_bucket", "put_public_access_block", "put_bucket_encryption", "put_bucket_versioning")


def account(policy: Any) -> Prepared:
    done: dict[str, Any] = {f"s3__{name}": {} for name in (*STEPS, "put_bucket_policy")}
    return Prepared(s3__get_bucket_policy=policy, **done)


def protected(bucket: Bucket) -> list[tuple[str, dict[str, Any]]]:
    """The calls after which nobody reads the bucket in the open and no template is stored over another one."""
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    own = {"Bucket": bucket.name, "ExpectedBucketOwner": ACCOUNT}
    return [
        ("s3.put_public_access_block", {"PublicAccessBlockConfiguration": dict.fromkeys(names, True), **own}),
        ("s3.put_bucket_encryption", {"ServerSideEncryptionConfiguration": encryption, **own}),
        ("s3.put_bucket_versioning", {"VersioningConfiguration": {"Status": "Enabled"}, **own}),
        ("s3.put_bucket_policy", {"Policy": json.dumps(bucket_policy(bucket.name)), **own}),
    ]


@pytest.mark.parametrize("region", [REGION, "us-east-1"])
def test_a_bucket_that_is_not_there_is_created_and_protected(region: str) -> None:
    """The policy comes last: where it stands, all does. us-east-1 is no location (S3 API reference, CreateBucket)."""
    bucket = Bucket.of("dashboard", ACCOUNT, region)
    aws = account(refusal("s3.get_bucket_policy", "NoSuchBucket"))
    prepare(aws, bucket)
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    create = {"Bucket": bucket.name, "ObjectOwnership": "BucketOwnerEnforced", **place}
    own = {"Bucket": bucket.name, "ExpectedBucketOwner": ACCOUNT}
    assert aws.asked == [("s3.get_bucket_policy", own), ("s3.create_bucket", create), *protected(bucket)]


@pytest.mark.parametrize("policy", [refusal("x", "NoSuchBucketPolicy"), {"Policy": '{"Statement": []}'}])
def test_a_bucket_without_its_policy_is_protected_again(policy: Any) -> None:
    aws = account(policy)
    prepare(aws, BUCKET)
    assert aws.asked == [("s3.get_bucket_policy", OWNED), *protected(BUCKET)]
    kept = account({"Policy": json.dumps(bucket_policy(BUCKET.name), indent=1)})
    prepare(kept, BUCKET)
    assert kept.calls() == ["s3.get_bucket_policy"]


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("NoSuchBucket", "does not exist"),
        ("NoSuchBucketPolicy", "does not have the policy that protects the templates"),
    ],
)
def test_who_may_not_prepare_it_is_told_who_does(code: str, what: str) -> None:
    denied = refusal("s3.x", "AccessDenied", "not yours")
    aws = account(refusal("x", code))
    aws.answers |= {"s3.create_bucket": denied, "s3.put_public_access_block": denied}
    with pytest.raises(RefusedError) as raised:
        prepare(aws, BUCKET)
    assert str(raised.value).splitlines() == [
        f"The packaging bucket {BUCKET.name} {what}, and you may not change that (not yours).",
        "An administrator runs `access` for the environment, which prepares it.",
    ]
    aws.answers |= dict.fromkeys(("s3.create_bucket", "s3.put_public_access_block"), refusal("s3.x", "SlowDown"))
    with pytest.raises(AwsError, match="SlowDown"):
        prepare(aws, BUCKET)


# --- what CloudFormation has taken


def change(*path: str, action: str = "Modify", change_set: str = "", children: tuple[Any, ...] = ()) -> PlannedChange:
    return PlannedChange(path, STACK, action, children=children, nested=True, change_set=change_set)


def planned(*changes: PlannedChange) -> Plan:
    return Plan("staging", "id", UPDATE, "root", "name", "digest", changes)


INNER = change("Data", "Inner", change_set="inner")
DATA = change("Data", change_set="data", children=(INNER, PlannedChange(("Data", "Topic"), TOPIC["Type"], "Modify")))


def taken(**bodies: Any) -> Prepared:
    """A CloudFormation whose change sets hold these templates; a text is handed on as it is."""
    bodies = {"root": BODIES["environment"], "data": BODIES["data"], "inner": BODIES["inner"], **bodies}
    texts = {name: body if isinstance(body, str) else json.dumps(body) for name, body in bodies.items()}
    return Prepared(cloudformation__get_template=lambda ChangeSetName, **_: {"TemplateBody": texts[ChangeSetName]})


def test_what_cloudformation_has_taken_is_what_was_packaged_down_to_the_last_nested_stack() -> None:
    """What goes, and what nothing changes in, has no change set that could hold a template."""
    aws = taken()
    verify(aws, planned(DATA, change("Old", action="Remove"), change("Site")), PACKAGED)
    assert [request for _, request in aws.asked] == [
        {"TemplateStage": "Original", "ChangeSetName": name} for name in ("root", "data", "inner")
    ]


OTHER = {**BODIES["inner"], "Description": "x"}
ADVICE = "Find out who can write to the packaging bucket and has changed it; then delete the object and run again."


@pytest.mark.parametrize(
    ("bodies", "changes", "where", "difference"),
    [
        ({"root": "Resources:"}, (), "staging", "it cannot be read: Expecting value: line 1 column 1 (char 0)"),
        ({"data": {}}, (DATA,), "staging > Data", "/Resources is missing"),
        ({"inner": OTHER}, (DATA,), "staging > Data > Inner", '/Description is not ours: "x"'),
        ({}, (PlannedChange(("Site",), STACK, "Add"),), "staging > Site", "CloudFormation shows no change set of it"),
    ],
)
def test_another_template_is_not_executed(bodies: Any, changes: Any, where: str, difference: str) -> None:
    """Nor one that cannot be looked at: whatever lies at the address of `Site` would be created."""
    with pytest.raises(TemplateMismatchError) as raised:
        verify(taken(**bodies), planned(*changes), PACKAGED)
    reason = f"{where} is not the template that was reviewed: {difference}. Nothing was executed."
    assert str(raised.value) == f"{reason}\n{ADVICE}"


@pytest.mark.parametrize(
    ("name", "stolen", "where"),
    [("root", change("Theirs", change_set="theirs"), "staging"),
     ("data", replace(DATA, children=(change("Data", "Theirs", change_set="theirs"),)), "staging > Data")],
)  # fmt: skip
def test_a_nested_stack_that_ours_does_not_have_is_told_as_another_template(name: str, stolen: Any, where: str) -> None:
    """A template is compared before anything is looked up in it by what its change set shows."""
    ours = BODIES["environment" if name == "root" else name]
    theirs = {**ours, "Resources": {**ours["Resources"], "Theirs": ours["Resources"].get("Data", {"Type": STACK})}}
    with pytest.raises(TemplateMismatchError) as raised:
        verify(taken(**{name: theirs}), planned(stolen), PACKAGED)
    assert str(raised.value).startswith(f"{where} is not the template that was reviewed: /Resources/Theirs is not ours")


def test_a_nested_stack_at_an_address_that_is_not_ours_is_not_executed() -> None:
    with pytest.raises(TemplateMismatchError) as raised:
        verify(taken(), planned(DATA), PackagedSet((PACKAGED.root,)))
    assert str(raised.value).startswith("staging > Data is not the template that was reviewed")


def test_the_template_of_a_stack_is_read_as_it_was_handed_in() -> None:
    aws = Prepared(cloudformation__get_template={"TemplateBody": "text"})
    assert read_text(aws, StackName="staging") == "text"
    assert aws.asked == [("cloudformation.get_template", {"TemplateStage": "Original", "StackName": "staging"})]


# --- the record of a deployment


def test_a_deployment_is_recorded_when_it_starts_and_when_it_ends() -> None:
    """The records of a stack sort by time."""
    body = {"stack": "staging", "change_set": "deploy-1", "plan": "d", "version": "1", "who": ME.arn}
    aws = Prepared(s3__put_object=Stored().put, sts__get_caller_identity={"Account": ME.account, "Arn": ME.arn})
    begun = datetime.now(UTC).replace(microsecond=0)
    plan, origin = Plan("staging", "id", UPDATE, "arn", "deploy-1", "d"), {"commit": "0123", "tree": "clean"}
    record = Record.begin(aws, BUCKET, origin, plan, "1")
    record.write(aws)
    record.write(aws, status="UPDATE_COMPLETE")
    first, second = [request for name, request in aws.asked if name == "s3.put_object"]
    moments = re.fullmatch(r"deployments/staging/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)-deploy-1\.json", first["Key"])
    assert moments and begun <= datetime.fromisoformat(moments[1]) <= datetime.now(UTC)
    for request, status in ((first, "STARTED"), (second, "UPDATE_COMPLETE")):
        content = json.loads(request.pop("Body"))
        assert content == {**body, **origin, "status": status, "when": moments[1]}
        assert request == {"Key": record.key, "ContentType": "application/json", **OWNED}


# --- what the gate has passed


@pytest.mark.parametrize("name", ["environment", "inner"])
def test_a_template_that_the_gate_has_not_passed_is_named(name: str) -> None:
    """However deep it is nested."""
    digests = {template.file: template.digest for template in TEMPLATES}
    GateVerdict(digests).check(TEMPLATES["environment"])
    for changed in (digests | {f"{name}.json": "other"}, {k: v for k, v in digests.items() if k != f"{name}.json"}):
        with pytest.raises(RefusedError) as raised:
            GateVerdict(changed).check(TEMPLATES["environment"])
        assert str(raised.value).splitlines() == [
            f"The gate has not passed {name}.json as it lies here; nothing has happened.",
            "Run `make templates` (`python -m generator --gate`): it renders and checks them.",
        ]
    with pytest.raises(RefusedError, match=r"not passed data\.json, environment\.json, inner\.json, site\.json as"):
        GateVerdict({}).check(TEMPLATES["environment"])
