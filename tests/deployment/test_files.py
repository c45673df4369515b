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
from generator.cfn.packaging import PackagedSet
from generator.cfn.templates import STACK, load
from scripts.deployment import environment, package
from scripts.deployment.deploy_root import Context, RootDeployment
from scripts.deployment.errors import RefusedError
from scripts.deployment.package import Bucket, GateVerdict
from scripts.operations import origin
from tests.conftest import ROOT
from tests.deployment.service import ACCOUNT, ME, REGION, Prepared, refusal
from tests.support import commands
from tests.support.commands import Words

Change = Callable[[dict[str, Any]], object]


BUCKET = Bucket.of("dashboard", ME, REGION)


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


def test_templates_that_cannot_be_read(tmp_path: Path) -> None:
    ended = deploy("apply", "staging", "--templates", tmp_path)
    assert ended.returncode == 3 and str(tmp_path) in ended.stderr


def packaged(templates: Path = ROOT / "templates") -> PackagedSet:
    return packaging.package(load(templates)["environment"], BUCKET.url)


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
    files = packaging.package(load(ROOT / "templates")["shared"], BUCKET.url)
    assert package.publish(aws, BUCKET, [files]) == 1
    assert aws.calls() == ["s3.get_bucket_policy", "s3.create_bucket", *(f"s3.{n}" for n in names), "s3.put_object"]
    requests = dict(aws.asked)
    assert requests["s3.create_bucket"]["CreateBucketConfiguration"] == {"LocationConstraint": REGION}
    statement = json.loads(requests["s3.put_bucket_policy"]["Policy"])["Statement"][0]
    assert statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert all(requests["s3.put_public_access_block"]["PublicAccessBlockConfiguration"].values())
    assert all(request["ExpectedBucketOwner"] == ACCOUNT for name, request in aws.asked if name != "s3.create_bucket")


def test_only_what_is_missing_is_uploaded() -> None:
    files = packaging.package(load(ROOT / "templates")["environment"], BUCKET.url)
    policy = json.dumps(package.bucket_policy(BUCKET.name), indent=4)
    listed = [
        {"Contents": [{"Key": template.key}], "IsTruncated": True, "NextContinuationToken": f"more{number}"}
        for number, template in enumerate(files.templates[2:])
    ]
    aws = Prepared(s3__get_bucket_policy={"Policy": policy}, s3__list_objects_v2=[*listed, {}], s3__put_object={})
    assert package.publish(aws, BUCKET, [files]) == 2
    put = [request["Key"] for name, request in aws.asked if name == "s3.put_object"]
    assert put == [template.key for template in files.templates[:2]]
    assert aws.asked[2][1]["ContinuationToken"] == "more0"


def test_somebody_elses_bucket_is_not_used() -> None:
    aws = Prepared(s3__get_bucket_policy=refusal("s3.get_bucket_policy", "AccessDenied"))
    with pytest.raises(RefusedError):
        package.publish(aws, BUCKET, [packaged()])
    assert aws.calls() == ["s3.get_bucket_policy"]


def test_the_source_of_a_deployment(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        command = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=n@x.test", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    assert origin.source(tmp_path).commit == "unknown"
    git("init", "--initial-branch=main")
    git("commit", "--allow-empty", "-m", "first")
    assert origin.source(tmp_path) == package.Source(git("rev-parse", "HEAD"), "main", "clean")
    (tmp_path / "new").touch()
    assert origin.source(tmp_path).tree == "changed"
    root = RootDeployment(
        Context(Prepared(sts__get_caller_identity={"Account": ACCOUNT, "Arn": ME.arn}), {}, tmp_path, GateVerdict({})),
        environment.load("shared", ROOT / "templates", ROOT / "params")["shared"],
        Prepared(sts__get_caller_identity={"Account": ACCOUNT, "Arn": ME.arn}),
        BUCKET,
        packaged(),
    )
    root = replace(root, context=replace(root.context, origin=origin.source(tmp_path), run=origin.this_run(ME.arn).run))
    author, commit = origin.this_run(ME.arn), git("rev-parse", "HEAD")[:12]
    text, version = root.describe("d" * 64), root.environment.version
    assert text == f"{author}; commit {commit} (main, tree changed); set {version}; plan {'d' * 16}"
    assert origin.read_author(text) == author and origin.read_author("somebody's own words") is None
