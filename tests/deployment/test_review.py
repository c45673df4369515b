"""What a branch changes about the templates, from a git repository alone."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from scripts import cli

TABLE = {"Type": "AWS::DynamoDB::Table", "DeletionPolicy": "Retain"}
LINES = [f"line {number}" for number in range(40)]


def role(*actions: str) -> dict[str, Any]:
    statement = {"Sid": "Work", "Effect": "Allow", "Action": list(actions), "Resource": "*"}
    policies = [{"PolicyName": "Job", "PolicyDocument": {"Statement": [statement]}}]
    return {"Type": "AWS::IAM::Role", "Properties": {"Policies": policies}}


def build(lines: list[str]) -> dict[str, Any]:
    spec = {"Fn::If": ["Own", {"Fn::Join": ["\n", lines]}, "buildspec.yml"]}
    return {"Type": "AWS::CodeBuild::Project", "Properties": {"Source": {"BuildSpec": spec}}}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with one commit, and the next version in its working tree."""
    (tmp_path / "templates").mkdir()
    before = {
        "Clients": TABLE | {"Properties": {"TableName": "a"}},
        "Old": TABLE,
        "Role": role("s3:GetObject", "s3:ListBucket"),
        "Build": build(LINES),
        "Policy": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "x"}},
    }
    write(tmp_path, before)
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "one"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    after = {
        "Clients": TABLE | {"Properties": {"TableName": "b"}},
        "Role": role("s3:GetObject", "s3:PutObject"),
        "Build": build([*LINES[:20], "a new line", *LINES[20:]]),
        "Policy": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "y"}},
    }
    write(tmp_path, after)
    return tmp_path


def write(folder: Path, resources: dict[str, Any]) -> None:
    body = {"Resources": resources, "Conditions": {"Own": {"Fn::Equals": ["a", "a"]}}}
    (folder / "templates/data.json").write_text(json.dumps(body), encoding="utf-8")


def test_a_review(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["review", "HEAD", "--project", str(project)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "# Templates against HEAD",
        "",
        "## Data and addresses",
        "",
        "- `data.Clients`: AWS::DynamoDB::Table, holds data: replaced, because of TableName",
        "- `data.Old`: AWS::DynamoDB::Table, holds data: deleted",
        "",
        "## Permissions",
        "",
        "- gained, **broader**: `data.Role: s3:PutObject on *`",
        "- lost: `data.Role: s3:ListBucket on *`",
        "",
        "## data.json",
        "",
        "- resource `Clients` (AWS::DynamoDB::Table) `Properties.TableName`: `a` → `b`",
        "- removed resource `Old` (AWS::DynamoDB::Table)",
        "- resource `Role` (AWS::IAM::Role) "
        "`Properties.Policies[PolicyName=Job].PolicyDocument.Statement[Sid=Work].Action[1]`: "
        "`s3:ListBucket` → `s3:PutObject`",
        "- resource `Build` (AWS::CodeBuild::Project) `Properties.Source.BuildSpec`",
        "",
        "  ```diff",
        '  +     "a new line",',
        "  ```",
        "",
        "- resource `Policy` (AWS::SNS::Topic) `Properties.DisplayName`: `x` → `y`",
    ]


def test_nothing_and_nonsense(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    subprocess.run(["git", "-C", str(project), "checkout", "-q", "."], check=True)
    assert cli.main(["review", "HEAD", "--project", str(project)]) == 0
    assert capsys.readouterr().out == "# Templates against HEAD\n\nNo differences.\n"
    assert cli.main(["review", "no-such-branch", "--project", str(project)]) == 3
    assert "Name a revision that git knows." in capsys.readouterr().err
