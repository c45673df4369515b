"""`delivery why` and `delivery show` on a small project, to the letter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts import cli

TABLE = """\
| id | status | what | resources | proof |
|---|---|---|---|---|
| SRC-1 | covered | the repository | `data.Store` | `tests/a.py` |
| SRC-2 | open | nothing yet | none | none |
"""
TAGS = [{"Key": "Application", "Value": "shop"}]
STATEMENT = {
    "Sid": "Read",
    "Effect": "Allow",
    "Action": ["s3:GetObject", "s3:PutObject"],
    "Resource": {"Fn::GetAtt": ["Store", "Arn"]},
    "Condition": {"Bool": {"aws:SecureTransport": "true"}},
}
TRUST = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs.amazonaws.com"}}]}
DENY = {"Sid": "Never", "Effect": "Deny", "NotAction": "s3:GetObject", "Resource": "*"}


def role() -> dict[str, Any]:
    policies = [{"PolicyName": "p", "PolicyDocument": {"Statement": [STATEMENT, DENY]}}]
    metadata = {"Description": "May read.", "Reasons": {"Read": "because it reads"}}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": TRUST, "Policies": policies},
        "Metadata": metadata,
    }


FILES: dict[str, Any] = {
    "templates/environment.json": {
        "Description": "shop: all of it",
        "Metadata": {
            "Generator": {"Version": "1.0.0"},
            "Computed": {"Image": {"Found": "the image that runs", "First": "none"}},
            "Fixed": {"Size": "data would be lost"},
        },
        "Parameters": {
            "Size": {"Type": "String", "Default": "1", "AllowedValues": ["1", "2"], "Description": "How large."},
            "Image": {"Type": "String", "Description": "What runs."},
            "Name": {"Type": "String"},
        },
        "Conditions": {"Large": {"Fn::Equals": [{"Ref": "Size"}, "2"]}},
        "Resources": {
            "Data": {
                "Type": "AWS::CloudFormation::Stack",
                "Properties": {"TemplateURL": "data.json", "Parameters": {"Size": {"Ref": "Size"}}, "Tags": TAGS},
            },
            "Nat": {"Type": "AWS::EC2::NatGateway", "Condition": "Large", "Properties": {"SubnetId": {"Ref": "Name"}}},
            "Reader": {
                "Type": "AWS::CloudFormation::Stack",
                "Properties": {
                    "TemplateURL": "reader.json",
                    "Parameters": {"Store": {"Fn::GetAtt": ["Data", "Outputs.StoreName"]}},
                },
            },
        },
    },
    "templates/spare.json": {"Resources": {"Nat": {"Type": "AWS::EC2::NatGateway", "Properties": {}}}},
    "templates/data.json": {
        "Metadata": {"Generator": {"Module": "shop.data"}},
        "Parameters": {"Size": {"Type": "String"}},
        "Resources": {
            "Store": {
                "Type": "AWS::S3::Bucket",
                "Properties": {"BucketName": "ours"},
                "DeletionPolicy": "Retain",
                "UpdateReplacePolicy": "Retain",
                "Metadata": {"Description": "Keeps things.", "Requirements": ["SRC-1"]},
            },
            "Role": role(),
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {}},
        },
        "Outputs": {"StoreName": {"Value": {"Ref": "Store"}}},
    },
    "templates/reader.json": {
        "Parameters": {"Store": {"Type": "String"}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Store"}}}},
    },
    "params/blue.json": {"Parameters": {"Size": "2", "Name": "n"}},
    "params/red.json": {"Parameters": {"Name": "n"}},
    "docs/conformance.md": TABLE,
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, body in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(body if isinstance(body, str) else json.dumps(body, indent=2), encoding="utf-8")
    return tmp_path


def why(project: Path, capsys: pytest.CaptureFixture[str], name: str) -> list[str]:
    assert cli.main(["why", name, "--project", str(project)]) == 0
    return capsys.readouterr().out.splitlines()


STORE = """\
data.Store  resource, AWS::S3::Bucket
  purpose       Keeps things.
  requirements  SRC-1
  made in       shop.data; rendered to templates/data.json:{}
  exists        always
  needs         nothing in its stack
  used by       Role
  given on      as StoreName to Reader
  costs         US dollars a month, before what is free: 0.02 to 0.23 in blue, red
  replaced by   a change of BucketName
  kept          DeletionPolicy Retain, UpdateReplacePolicy Retain
"""
ROLE = """\
data.Role  resource, AWS::IAM::Role
  purpose      May read.
  made in      shop.data; rendered to templates/data.json:{}
  exists       always
  needs        Store
  used by      nothing in its stack
  costs        nothing by itself
  replaced by  no change of a property that it has
  policies     3 statements: docs/permissions.md, or `delivery why` with an action
"""
NAT = """\
environment.Nat  resource, AWS::EC2::NatGateway
  purpose      not described
  made in      ; rendered to templates/environment.json:{}
  exists       when Large
  needs        nothing in its stack
  used by      nothing in its stack
  costs        US dollars a month, before what is free: 32.85 in blue
  replaced by  a change of SubnetId
"""
SPARE = """\
spare.Nat  resource, AWS::EC2::NatGateway
  purpose      not described
  made in      ; rendered to templates/spare.json:{}
  exists       always
  needs        nothing in its stack
  used by      nothing in its stack
  costs        nothing: no environment here has it
  replaced by  no change of a property that it has
"""
STACK = """\
environment.Data  resource, AWS::CloudFormation::Stack
  purpose  not described
  made in  ; rendered to templates/environment.json:{}
  exists   always
  needs    nothing in its stack
  used by  Reader
  costs    nothing by itself
"""
SIZE = """\
environment.Size  parameter
  meaning      How large.
  default      "1"
  valid        1, 2
  fixed        cannot be changed on a living environment: data would be lost
  set in       blue = 2
  used by      Data, Large
  changing it  docs/parameters.md
"""
IMAGE = """\
environment.Image  parameter
  meaning      What runs.
  value        computed by the deploy script: the image that runs
  set in       no parameter file
  used by      rules alone
  changing it  docs/parameters.md
"""
NAME = """\
environment.Name  parameter
  meaning      not described
  default      none: must be given
  set in       blue = n, red = n
  used by      Nat
  changing it  docs/parameters.md
"""
GET = """\
data.Role  identity statement Read
  allows  s3:GetObject, s3:PutObject
  on      ${Store.Arn}
  if      aws:SecureTransport Bool true
  reason  because it reads
"""
ASSUME = """\
data.Role  trust statement
  allows  sts:AssumeRole
  for     Service:ecs.amazonaws.com
  reason  none written: it follows from the kind of policy
"""
COVERED = """\
SRC-1  requirement
  status        covered
  what and why  the repository
  proof         `tests/a.py`
  resources     data.Store
"""
OPEN = """\
SRC-2  requirement
  status        open
  what and why  nothing yet
  proof         none
  resources     none
"""


def line_of(project: Path, template: str, name: str) -> int:
    lines = (project / f"templates/{template}.json").read_text(encoding="utf-8").splitlines()
    return lines.index(f'    "{name}": {{') + 1


@pytest.mark.parametrize(
    ("name", "answer", "place"),
    [
        *((name, STORE, ("data", "Store")) for name in ("data.Store", "Data.Store", "Store", "AWS::S3::Bucket")),
        ("Role", ROLE, ("data", "Role")),
        ("environment.Nat", NAT, ("environment", "Nat")),
        ("spare.Nat", SPARE, ("spare", "Nat")),
        ("Data", STACK, ("environment", "Data")),
        ("Size", SIZE, ()),
        ("Image", IMAGE, ()),
        ("Name", NAME, ()),
        ("s3:GetObject", GET, ()),
        ("S3:getobject", GET, ()),
        ("sts:AssumeRole", ASSUME, ()),
        ("SRC-1", COVERED, ()),
        ("SRC-2", OPEN, ()),
    ],
)
def test_an_answer(
    name: str, answer: str, place: tuple[str, ...], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = "".join(f"{line}\n" for line in why(project, capsys, name))
    assert shown == (answer.format(line_of(project, *place)) if place else answer)


def test_two_of_a_name_are_two_answers(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = why(project, capsys, "Topic")
    assert [line for line in lines if line.endswith("SNS::Topic")] == [
        "data.Topic  resource, AWS::SNS::Topic",
        "reader.Topic  resource, AWS::SNS::Topic",
    ]
    assert lines.count("") == 1 and lines[0] != "" and lines[-1] != ""
    assert len(why(project, capsys, "AWS::EC2::NatGateway")) == len(lines)
    assert cli.main(["why", "Topic", "--project", str(project), "--format", "json"]) == 0
    first, second = json.loads(capsys.readouterr().out)["result"]
    assert (first["name"], first["kind"]) == ("data.Topic", "resource, AWS::SNS::Topic")
    assert second["facts"][0] == {"title": "purpose", "text": "not described"}


def test_what_denies_by_exception_says_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    never = {**DENY, "Action": "s3:DeleteObject"}
    del never["NotAction"]
    file = project / "templates/data.json"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"NotAction": "s3:GetObject"', '"Action": "s3:DeleteObject"'), encoding="utf-8")
    assert why(project, capsys, "s3:DeleteObject")[:3] == [
        "data.Role  identity statement Never",
        "  denies  s3:DeleteObject",
        "  on      *",
    ]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Stor", "Did you mean Store"),
        ("s3:GetObjec", "Did you mean s3:GetObject, s3:PutObject?"),
        ("Sizes", "Did you mean Size?"),
        ("SRC-9", "Names are those of the templates."),
        ("AWS::SQS::Queue", "Names are those of the templates."),
    ],
)
def test_what_is_nowhere_is_told(name: str, meant: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["why", name, "--project", str(project)]) == 64
    assert (
        capsys.readouterr()
        .err.replace("\n", " ")
        .startswith(f"There is nothing called {name} in the templates. {meant}")
    )


def test_a_table_that_is_missing_has_no_rows(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "docs/conformance.md").unlink()
    assert cli.main(["why", "SRC-1", "--project", str(project)]) == 64 and capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("templates/data.json", "{", "data.json"),
        ("params/blue.json", "{", "params/blue.json:1: "),
        ("templates/spare.json", '{"Resources": {"Q": {"Type": "AWS::Made::Up", "Properties": {}}}}', ""),
    ],
)
def test_what_cannot_be_read_is_refused(
    file: str, text: str, reason: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / file).write_text(text, encoding="utf-8")
    status = cli.main(["why", "Q" if not reason else "Store", "--project", str(project)])
    assert (status, reason in capsys.readouterr().err) == (3 if reason else 0, True)


def test_a_type_without_a_price_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = project / "templates/data.json"
    file.write_text(file.read_text(encoding="utf-8").replace("AWS::SNS::Topic", "AWS::SQS::Queue"), encoding="utf-8")
    assert cli.main(["why", "data.Topic", "--project", str(project)]) == 3
    error = capsys.readouterr().err
    assert "data.Topic is a AWS::SQS::Queue" in error and "Add it, with its date and source." in error


# --- show


def shown(project: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    for name in ("templates", "params"):
        topic = {"Type": "AWS::SNS::Topic", "Properties": {"Tags": TAGS}}
        template = {"Metadata": {"Generator": {"Version": "1.0.0"}}, "Resources": {"Shared": topic}}
        shared: dict[str, Any] = {"templates": template, "params": {"Parameters": {}}}
        (project / name / "shared.json").write_text(json.dumps(shared[name]), encoding="utf-8")
    folders = ["--templates", str(project / "templates"), "--params", str(project / "params")]
    status = cli.main(["show", *words, *folders])
    output = capsys.readouterr()
    return status, output.out, output.err


def test_the_stacks_of_an_environment(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(project, capsys, "blue")[:2] == (
        0,
        "blue: 8 resources in 4 stacks\n"
        "  shared\n"
        "    SNS::Topic\n"
        "  environment  all of it\n"
        "    2 x CloudFormation::Stack, EC2::NatGateway\n"
        "  Data\n"
        "    IAM::Role, S3::Bucket, SNS::Topic\n"
        "  Reader\n"
        "    SNS::Topic\n",
    )
    assert shown(project, capsys, "red")[1].splitlines()[:5] == [
        "red: 7 resources in 4 stacks",
        "  shared",
        "    SNS::Topic",
        "  environment  all of it",
        "    2 x CloudFormation::Stack",
    ]


def test_one_stack_is_the_template_with_its_values(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = shown(project, capsys, "blue", "Reader")
    body = json.loads(out)
    assert status == 0 and out == json.dumps(body, indent=2, sort_keys=True) + "\n"
    assert body["Resources"]["Topic"]["Type"] == "AWS::SNS::Topic"
    result = json.loads(shown(project, capsys, "blue", "Reader", "--format", "json")[1])["result"]
    assert result == {"Reader": body}
    every = json.loads(shown(project, capsys, "blue", "--format", "json")[1])["result"]
    assert list(every) == ["shared", "environment", "Data", "Reader"] and every["Reader"] == body


def test_a_stack_that_is_nowhere(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, meant in (("Reeder", " Did you mean Reader?"), ("X", "")):
        status, _, error = shown(project, capsys, "blue", name)
        assert status == 64
        assert error.splitlines() == [
            f"The environment has no stack {name}.{meant}",
            "There are: shared, environment, Data, Reader.",
        ]
