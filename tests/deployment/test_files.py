"""What is read before anything happens: parameter files, refused as a whole process; and packaging."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from generator.cfn import packaging
from generator.cfn.packaging import Bucket, PackagedSet
from generator.cfn.templates import STACK, load
from scripts.deployment import environment, package
from scripts.deployment.deploy_root import Context, RootDeployment
from scripts.deployment.errors import RefusedError, TemplateMismatchError
from scripts.deployment.package import GateVerdict
from scripts.operations import origin
from tests.conftest import ROOT
from tests.support import commands
from tests.support.commands import Words
from tests.support.service import ACCOUNT, ME, REGION, Prepared, Stored, refusal

Change = Callable[[dict[str, Any]], object]


BUCKET = Bucket.of("dashboard", ME.account, REGION)


def deploy(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The script as a process that has no AWS."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return commands.run(Words(commands.DEPLOY, [*map(str, arguments)], clean))


@pytest.fixture
def params(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "params", tmp_path / "params"))


def edit(file: Path, change: Change) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))
    change(content)
    file.write_text(json.dumps(content), encoding="utf-8")


def test_all_problems_are_told_at_once(params: Path) -> None:
    def spoil(content: dict[str, Any]) -> None:
        content["Parameters"] |= {"TaskCpu": "300", "TaskCpuu": "1", "BackendImage": "mine"}
        content["Tags"]["Commit"] = "3f2a9c1d"

    edit(params / "staging.json", spoil)
    ended = deploy("apply", "staging", "--params", params)
    assert ended.returncode == 3
    for message in (
        'staging.json: TaskCpu = "300" is not allowed. Valid: 256, 512, 1024',
        "TaskCpuu",
        "BackendImage",
        "Tags.Commit",
    ):
        assert message in ended.stderr
    assert "Correct 4 problems and run again." in ended.stderr


@pytest.mark.parametrize(
    ("text", "message"), [("{", "staging.json:1"), ("[]", "staging.json"), ('{"Parametrs": {}}', "Parametrs")]
)
def test_a_file_that_cannot_be_read_is_refused(params: Path, text: str, message: str) -> None:
    (params / "staging.json").write_text(text, encoding="utf-8")
    ended = deploy("apply", "staging", "--params", params)
    assert ended.returncode == 3 and message in ended.stderr and "unexpected" not in ended.stderr, ended.stderr


def test_a_file_is_for_the_environment_that_it_is_named_after(params: Path) -> None:
    shutil.copy(params / "production.json", params / "staging.json")
    ended = deploy("apply", "staging", "--params", params)
    assert ended.returncode == 3 and "must be the file's name. Valid: staging." in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["apply", "nowhere"], "There are: beanstalk, bluegreen, local, production, shared, small, staging."),
        (["dance", "local"], "there is no verb 'dance'"),
        (["apply"], "required: ENVIRONMENT"),
        (["apply", "local", "--region", "eu-west-1"], "neither --profile nor --region"),
        (["apply", "staging"], "No AWS Region is set."),
        (["apply", "staging", "--profile", "no-such-profile"], "no-such-profile"),
    ],
)
def test_bad_usage_is_64(arguments: list[str], message: str) -> None:
    ended = deploy(*arguments)
    assert ended.returncode == 64 and message in ended.stderr


def imported(statement: str, *names: str) -> str:
    """What of `names` is imported after a statement, as a process prints it."""
    code = f"import sys\ntry:\n    {statement}\nfinally:\n    print(sorted({set(names)} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    return ended.stdout


def test_help_needs_no_aws() -> None:
    modules = imported("import scripts.cli; scripts.cli.main(['--help'])", "boto3", "botocore", "cfnlint", "rich")
    assert "3   refused before anything happened" in modules and modules.endswith("\n[]\n")


def test_no_heavy_module_is_imported() -> None:
    """The verbs need boto3, late; never the libraries of the generator and the gate."""
    assert imported("import scripts.operations.verbs.apply", "boto3", "cfnlint", "troposphere", "moto") == "[]\n"


def test_what_is_nested_too_deeply_is_told_in_a_line(params: Path, tmp_path: Path) -> None:
    deep, templates = "[" * 100_000, tmp_path / "templates"
    (params / "staging.json").write_text(deep, encoding="utf-8")
    ended = deploy("apply", "staging", "--params", params)
    assert ended.returncode == 3 and "staging.json: is nested too deeply" in ended.stderr, ended.stderr
    assert len(ended.stderr.splitlines()) < 4
    shutil.copytree(ROOT / "templates", templates)
    (templates / "data.json").write_text(deep, encoding="utf-8")
    ended = deploy("apply", "staging", "--templates", templates)
    assert ended.returncode == 3 and "data.json" in ended.stderr and "nested too deeply" in ended.stderr, ended.stderr


def test_templates_that_cannot_be_read(tmp_path: Path) -> None:
    ended = deploy("apply", "staging", "--templates", tmp_path)
    assert ended.returncode == 3 and str(tmp_path) in ended.stderr


def packaged(templates: Path = ROOT / "templates") -> PackagedSet:
    return packaging.package(load(templates)["environment"], BUCKET.url, "staging")


def keys(templates: Path) -> dict[str, str]:
    return {template.name: template.key for template in packaged(templates).templates}


def test_children_are_addressed_by_their_content() -> None:
    package = packaged()
    assert package.root.name == "environment" and len(package.templates) > 10
    body = json.loads(package.root.content)
    urls = {
        resource["Properties"]["TemplateURL"] for resource in body["Resources"].values() if resource["Type"] == STACK
    }
    assert urls == {template.url for template in package.templates[:-1]}
    assert all(
        template.url == f"https://{BUCKET.name}.s3.{REGION}.amazonaws.com/{template.key}"
        for template in package.templates
    )


def test_an_address_changes_with_the_content_only(tmp_path: Path) -> None:
    before, copy = keys(ROOT / "templates"), tmp_path / "templates"
    shutil.copytree(ROOT / "templates", copy)
    for file in copy.glob("*.json"):  # the order of keys and the layout mean nothing
        content = json.loads(file.read_text(encoding="utf-8"))
        file.write_text(json.dumps(dict(reversed(content.items()))), encoding="utf-8")
    assert keys(copy) == before
    edit(copy / "storage.json", lambda body: body.update(Description="other"))
    after = keys(copy)
    assert {name for name in after if after[name] != before[name]} == {"storage", "environment"}


def test_the_bucket_is_made_and_configured_before_it_is_used() -> None:
    names = ("put_public_access_block", "put_bucket_encryption", "put_bucket_versioning", "put_bucket_policy")
    missing = refusal("s3.get_bucket_policy", "NoSuchBucket")
    aws = Prepared(
        s3__get_bucket_policy=missing, s3__create_bucket={}, s3__put_object={}, **{f"s3__{n}": {} for n in names}
    )
    aws.answers["s3.list_objects_v2"] = {}
    files = packaging.package(load(ROOT / "templates")["shared"], BUCKET.url, "shared")
    package.publish(aws, BUCKET, files)  # the root and the child that signs images
    assert aws.calls() == [
        "s3.get_bucket_policy",
        "s3.create_bucket",
        *(f"s3.{n}" for n in names),
        "s3.list_objects_v2",
        *["s3.put_object"] * 2,
    ]
    requests = dict(aws.asked)
    assert requests["s3.create_bucket"]["CreateBucketConfiguration"] == {"LocationConstraint": REGION}
    # No access control list counts in it.
    assert requests["s3.create_bucket"]["ObjectOwnership"] == "BucketOwnerEnforced"
    tls, once = json.loads(requests["s3.put_bucket_policy"]["Policy"])["Statement"]
    assert tls["Effect"] == "Deny" and tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert (once["Effect"], once["Action"], once["Resource"]) == (
        "Deny",
        "s3:PutObject",
        f"arn:aws:s3:::{BUCKET.name}/templates/*",
    )
    assert once["Condition"]["Null"] == {"s3:if-none-match": "true"}
    assert all(requests["s3.put_public_access_block"]["PublicAccessBlockConfiguration"].values())
    assert all(request["ExpectedBucketOwner"] == ACCOUNT for name, request in aws.asked if name != "s3.create_bucket")


def test_only_what_is_missing_is_uploaded() -> None:
    files, bucket = packaged(), Stored()
    policy = json.dumps(packaging.bucket_policy(BUCKET.name), indent=4)
    listed = [
        {"Contents": [{"Key": template.key}], "IsTruncated": True, "NextContinuationToken": f"more{number}"}
        for number, template in enumerate(files.templates[2:])
    ]
    bucket.objects |= {template.key: template.content for template in files.templates[2:]}
    aws = Prepared(s3__get_bucket_policy={"Policy": policy})
    aws.answers |= bucket.answers | {"s3.list_objects_v2": [*listed, {}]}
    package.publish(aws, BUCKET, files)
    put = [request for name, request in aws.asked if name == "s3.put_object"]
    assert [request["Key"] for request in put] == [template.key for template in files.templates[:2]]
    assert aws.asked[2][1]["ContinuationToken"] == "more0"
    # Never over what is there, and S3 keeps the checksum; of what is there it is asked.
    assert all(each["IfNoneMatch"] == "*" and each["ChecksumSHA256"] for each in put)
    read = [request["Key"] for name, request in aws.asked if name == "s3.head_object"]
    assert read == [template.key for template in files.templates[2:]]


def bucket_with(content: bytes) -> tuple[Prepared, packaging.PackagedSet]:
    """A bucket that lists nothing and holds this under the first key: somebody has put it there meanwhile."""
    files, bucket = packaged(), Stored()
    bucket.objects[files.templates[0].key] = content
    aws = Prepared(s3__get_bucket_policy={"Policy": json.dumps(packaging.bucket_policy(BUCKET.name))})
    aws.answers |= bucket.answers | {"s3.list_objects_v2": {}}
    return aws, files


def test_what_somebody_stored_meanwhile_is_verified() -> None:
    """Our own call that was sent again, and a deployment beside ours, have stored the same; others have not."""
    same = packaged().templates[0]
    for content in (same.content, json.dumps(same.body).encode()):  # another layout is no other template
        aws, files = bucket_with(content)
        package.publish(aws, BUCKET, files)
        assert aws.calls().count("s3.put_object") == len(files.templates)
    key = json.dumps({**same.body, "Description": "x"})
    twice = json.dumps(same.body).replace("{", '{"Resources": {}, ', 1)
    for text, says in {
        key: '/Description is "x" instead of ',
        twice: 'the key "Resources" is there twice',
        "Resources: {}": "it cannot be read",
        "[" * 100_000: "it cannot be read",
    }.items():
        aws, files = bucket_with(text.encode())
        with pytest.raises(TemplateMismatchError, match=f"s3://{BUCKET.name}/{same.key} is not") as raised:
            package.publish(aws, BUCKET, files)
        assert says in raised.value.reason


@pytest.mark.parametrize(("hidden", "there"), [(1, True), (5, True), (6, False)])
def test_a_new_bucket_does_not_show_everything_at_once(
    monkeypatch: pytest.MonkeyPatch, hidden: int, there: bool
) -> None:
    """Nobody has taken a template away that S3 does not find for a while (`package.verify_stored`)."""
    template, waited = packaged().templates[0], list[float]()
    monkeypatch.setattr("scripts.deployment.package.time.sleep", waited.append)
    bucket = Stored()
    bucket.objects[template.key] = template.content
    looks: list[Any] = [refusal("s3.head_object", "404", "Not Found")] * hidden
    aws = Prepared()
    aws.answers["s3.head_object"] = [*looks, bucket.head]
    if there:
        package.verify_stored(aws, BUCKET, template)
    else:
        with pytest.raises(TemplateMismatchError, match="it is gone"):
            package.verify_stored(aws, BUCKET, template)
    assert waited == [1, 2, 4, 8, 15][:hidden]


@pytest.mark.parametrize(
    ("ours", "theirs", "difference"),
    [
        ({"a": [1, {"b": "x"}]}, {"a": [1, {"b": "x"}]}, ""),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, ""),
        ({"a": [1, {"b": "x"}]}, {"a": [1, {"b": "y"}]}, '/a/1/b is "y" instead of "x"'),
        ({"a": 1}, {"a": True}, "/a is true instead of 1"),
        ({"a": [1]}, {"a": [1, 2]}, "/a is [1, 2] instead of [1]"),
        ({"a": 1}, {}, "/a is missing"),
        ({}, {"a\n": {}}, "/a\\n is not ours: {}"),
        ({"a": {}}, [], '/ is [] instead of {"a": {}}'),
        ({"a": ""}, {"a": "x" * 200}, f'/a is "{"x" * 118}… instead of ""'),
    ],
)
def test_the_first_difference_is_named(ours: Any, theirs: Any, difference: str) -> None:
    assert packaging.first_difference(ours, theirs) == difference


def test_somebody_elses_bucket_is_not_used() -> None:
    aws = Prepared(s3__get_bucket_policy=refusal("s3.get_bucket_policy", "AccessDenied"))
    with pytest.raises(RefusedError):
        package.publish(aws, BUCKET, packaged())
    assert aws.calls() == ["s3.get_bucket_policy"]


def test_who_deploys_one_environment_does_not_make_the_bucket_of_all() -> None:
    denied = refusal("s3.create_bucket", "AccessDenied", "not authorized")
    aws = Prepared(s3__get_bucket_policy=refusal("s3.get_bucket_policy", "NoSuchBucket"), s3__create_bucket=denied)
    with pytest.raises(RefusedError, match="does not exist, and you may not change that") as raised:
        package.publish(aws, BUCKET, packaged())
    assert "An administrator runs `access`" in raised.value.remedy


def test_the_source_of_a_deployment(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        command = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=n@x.test", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    assert origin.source(tmp_path).commit == "unknown"
    git("init", "--initial-branch=main")
    git("commit", "--allow-empty", "-m", "first")
    assert origin.source(tmp_path) == origin.Source(git("rev-parse", "HEAD"), "main", "clean")
    (tmp_path / "new").touch()
    assert origin.source(tmp_path).tree == "changed"
    root = RootDeployment(
        Context(Prepared(sts__get_caller_identity={"Account": ACCOUNT, "Arn": ME.arn}), {}, GateVerdict({})),
        environment.load("shared", ROOT / "templates", ROOT / "params")["shared"],
        Prepared(sts__get_caller_identity={"Account": ACCOUNT, "Arn": ME.arn}),
        BUCKET,
        packaged(),
    )
    run = f"{origin.this_run(ME.arn).run}; {origin.source(tmp_path)}"
    root = replace(root, context=replace(root.context, run=run))
    author, commit = origin.this_run(ME.arn), git("rev-parse", "HEAD")[:12]
    text, version = root.describe("d" * 64), root.environment.version
    assert text == f"{author}; commit {commit} (main, tree changed); set {version}; plan {'d' * 16}"
    assert origin.read_author(text) == author and origin.read_author("somebody's own words") is None
