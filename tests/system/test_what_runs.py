"""What runs is what was reviewed: a template that somebody else has put in the place of ours is never executed.

Whoever may write where the templates lie is the attacker: he has a role in the stack that everybody may assume."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from generator.cfn.packaging import Bucket, PackagedSet, package
from generator.cfn.templates import load
from scripts.local_aws.faults import CallFault
from tests.support.accounts import ACCOUNT, REGION, Account, policy, role, with_a_backend

EXECUTE = "cloudformation.ExecuteChangeSet"
BUCKET = f"accounts-templates-{ACCOUNT}-{REGION}"
BACKDOOR = role("ecs-tasks.amazonaws.com", policy("*"))
BACKDOOR["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] = {"AWS": "666666666666"}
REFUSED = "Backdoor"


def poisoned(body: str) -> bytes:
    """A template with one role more."""
    template = json.loads(body)
    template["Resources"]["Backdoor"] = BACKDOOR
    return json.dumps(template, sort_keys=True, indent=1).encode()


def swap(mine: Account, name: str = "data") -> None:
    """Overwrites each template of that name in the bucket with a poisoned one."""
    listed = mine.aws.call("s3", "list_objects_v2", Bucket=BUCKET, Prefix="templates/")["Contents"]
    keys = [entry["Key"] for entry in listed if entry["Key"].rpartition("/")[2].startswith(f"{name}-")]
    assert keys
    for key in keys:
        body = mine.aws.call("s3", "get_object", Bucket=BUCKET, Key=key)["Body"].read().decode()
        mine.aws.call("s3", "put_object", Bucket=BUCKET, Key=key, Body=poisoned(body))


def packaged(mine: Account) -> PackagedSet:
    """The files as they are to be stored."""
    bucket = Bucket(BUCKET, REGION, ACCOUNT)
    return package(load(mine.folder / "templates")["environment"], bucket.url, mine.environment)


def plant(mine: Account, name: str = "data") -> None:
    """Stores a poisoned template under the key that ours will have, before it is there."""
    for template in (each for each in packaged(mine).templates if each.name == name):
        body = poisoned(template.content.decode())
        mine.aws.call("s3", "put_object", Bucket=BUCKET, Key=template.key, Body=body)


def elsewhere(bodies: dict[str, Any]) -> None:
    """Names that no other environment of the account has."""
    bodies["data"]["Resources"]["Note"]["Properties"]["Name"] = "/accounts/other"


def backdoors(mine: Account) -> list[str]:
    pages = mine.aws.pages("iam", "list_roles")
    return [each["RoleName"] for page in pages for each in page["Roles"] if "Backdoor" in each["RoleName"]]


def refused(mine: Account, *words: str, faults: tuple[CallFault, ...] = ()) -> str:
    """What a refused `apply` says; nothing was executed, and no change set is left but one that was saved."""
    saved = mine.change_sets()
    with mine.faults(*faults):
        ended = mine.run("apply", "--yes", *words)
        assert EXECUTE not in mine.calls()
    assert ended.returncode == 3, ended.stdout + ended.stderr
    assert mine.change_sets() == saved and backdoors(mine) == []
    return ended.stderr


@pytest.fixture
def mine(mine: Account) -> Iterator[Account]:
    """A living environment whose bucket holds what it should, before and after."""
    yield mine
    for version in mine.aws.call("s3", "list_object_versions", Bucket=BUCKET, Prefix="templates/")["Versions"]:
        mine.aws.call("s3", "delete_object", Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"])


def test_a_template_that_was_swapped_before_planning(mine: Account) -> None:
    mine.write("second")
    swap(mine)
    assert REFUSED in refused(mine)


def test_a_template_that_was_planted_before_an_update(mine: Account) -> None:
    mine.write("second", change=lambda bodies: bodies["data"].update(Description="More."))
    plant(mine)
    assert REFUSED in refused(mine)


def test_a_template_that_was_planted_before_the_first_creation(mine: Account) -> None:
    mine.write("first", environment="other", change=elsewhere)
    plant(mine)
    assert REFUSED in refused(mine)
    assert "accounts-other" not in mine.statuses()


def test_an_object_that_a_new_bucket_does_not_show_yet_was_taken_away_by_nobody(mine: Account) -> None:
    """S3 user guide, "Enabling versioning on buckets": for 15 minutes a new object may be missing now and then."""
    mine.write("second")
    assert mine.run("plan").returncode == 2
    with mine.faults(CallFault("missing", on="s3.HeadObject")):
        again = mine.run("plan")
    assert again.returncode == 2, again.stdout + again.stderr


def test_a_template_that_was_swapped_between_review_and_execution(mine: Account, tmp_path: Path) -> None:
    mine.write("second")
    file = tmp_path / "plan.json"
    assert mine.run("plan", "--out", str(file)).returncode == 2
    try:
        swap(mine)
        assert REFUSED in refused(mine, "--plan", str(file))
    finally:
        mine.run("plan", "--discard", str(file))


@pytest.mark.parametrize(("name", "nth"), [pytest.param("environment", 3, marks=pytest.mark.soak), ("data", 4)])
def test_a_change_set_that_holds_something_else_than_the_bucket(mine: Account, name: str, nth: int) -> None:
    """What CloudFormation has taken is asked of CloudFormation: of the root, and of what it nests."""
    mine.write("second", change=lambda bodies: bodies["data"].update(Description="More."))
    stored = next(each for each in packaged(mine).templates if each.name == name)
    # The two templates as they stand are read first.
    answer = {"TemplateBody": poisoned(stored.content.decode()).decode()}
    other = CallFault("answer", on="cloudformation.GetTemplate", nth=nth, times=1, answer=answer)
    says = refused(mine, faults=(other,))
    assert f"accounts-staging{' > Data' if name == 'data' else ''} is not the template that was reviewed" in says
    assert "/Resources/Backdoor is not ours" in says


def test_a_saved_plan_is_bound_to_its_values(mine: Account, tmp_path: Path) -> None:
    """A change set of the same templates with another value, in a plan file whose digest was computed again."""
    mine.write("second")
    file = tmp_path / "plan.json"
    assert mine.run("plan", "--out", str(file)).returncode == 2
    try:
        body = json.loads(file.read_text(encoding="utf-8"))
        reviewed = mine.aws.call("cloudformation", "describe_change_set", ChangeSetName=body["stacks"][0]["change_set"])
        others = [
            {**each, "ParameterValue": "theirs"} if each["ParameterKey"] == "Text" else each
            for each in reviewed["Parameters"]
        ]
        address = packaged(mine).root.url
        other = mine.aws.call(
            "cloudformation",
            "create_change_set",
            StackName=mine.stack,
            ChangeSetName="reviewed-staging-theirs",
            TemplateURL=address,
            Parameters=others,
            Capabilities=["CAPABILITY_IAM"],
            IncludeNestedStacks=True,
        )
        body["stacks"][0]["change_set"] = other["Id"]
        del body["digest"]
        written = json.dumps(body, sort_keys=True).encode()
        file.write_text(json.dumps({**body, "digest": hashlib.sha256(written).hexdigest()}), encoding="utf-8")
        assert "has another Text than what was reviewed" in refused(mine, "--plan", str(file))
    finally:
        mine.aws.call("cloudformation", "delete_change_set", ChangeSetName=other["Id"])
        mine.aws.call("cloudformation", "delete_change_set", ChangeSetName=reviewed["ChangeSetId"])


def test_the_image_that_comes_first_brings_no_other_template(mine: Account, tmp_path: Path) -> None:
    """Its change set has the templates of the stack as it stands; what these nest is read from the bucket again."""
    mine.write(mine.note(), change=with_a_backend)
    done = mine.run("apply", "--yes")
    assert done.returncode == 0, done.stderr
    mine.aws.call("ssm", "put_parameter", Name="/accounts/image", Value="registry:8", Type="String")
    mine.write("more than the image", change=with_a_backend)
    file = tmp_path / "plan.json"
    swap(mine)
    planned = mine.run("plan", "--out", str(file))
    assert planned.returncode == 3 and "Backdoor" in planned.stderr and mine.change_sets() == [], planned.stderr
