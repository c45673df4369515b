"""checkov and parliament over the rendered templates, from an environment of their own that make keeps."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from generator.cfn.permissions import permissions
from generator.cfn.templates import TemplateSet, load
from tests.support.accepted import CHECKOV, PARLIAMENT

WORKER = Path(__file__).with_name("parliament_worker.py")
CHECKER = Path(__file__).with_name("checkov_worker.py")

# What a value of this parameter looks like; parliament judges ARNs by their shape.
SAMPLES = {
    "KeyArn": "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555",
    "TopicArn": "arn:aws:sns:us-east-1:111122223333:topic",
    "ServiceArn": "arn:aws:ecs:us-east-1:111122223333:service/cluster/service",
    "DistributionArn": "arn:aws:cloudfront::111122223333:distribution/E1234567890123",
    "RegistryArn": "arn:aws:ecr:us-east-1:111122223333:repository/backend",
    "JwtSecretArn": "arn:aws:secretsmanager:us-east-1:111122223333:secret:jwt-abcdef",
    "EncryptionSecretArn": "arn:aws:secretsmanager:us-east-1:111122223333:secret:key-abcdef",
    "TaskRoleArn": "arn:aws:iam::111122223333:role/task",
    "ExecutionRoleArn": "arn:aws:iam::111122223333:role/execution",
    "ConfigurationTree": "/tree/backend",
    "ConfigurationPrefix": "/tree/backend",
    "LastImageParameter": "/tree/image",
    "ReleasesPath": "/tree/releases",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "111122223333",
    "AWS::URLSuffix": "amazonaws.com",
}
ATTRIBUTES = {
    "AWS::IAM::Role": "arn:aws:iam::111122223333:role/role",
    "AWS::Logs::LogGroup": "arn:aws:logs:us-east-1:111122223333:log-group:group:*",
    "AWS::S3::Bucket": "arn:aws:s3:::bucket",
    "AWS::CodeCommit::Repository": "arn:aws:codecommit:us-east-1:111122223333:repository",
    "AWS::SNS::Topic": "arn:aws:sns:us-east-1:111122223333:topic",
}


@pytest.fixture(scope="module")
def templates(repository: Path) -> TemplateSet:
    return load(repository / "templates")


def tool(repository: Path, name: str) -> Path:
    path = repository / ".venv-checkov" / "bin" / name
    if not path.exists():
        pytest.skip(f"{name} is not installed: make .venv-checkov/ready")
    return path


def concrete(value: Any, template: Any) -> Any:
    """The value with its intrinsic functions filled in by samples."""
    if isinstance(value, list):
        return [concrete(item, template) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"}:
        return _sample(value["Ref"], template)
    if set(value) == {"Fn::GetAtt"}:
        return ATTRIBUTES[template.resources[value["Fn::GetAtt"][0]].type]
    if set(value) == {"Fn::If"}:
        return concrete(value["Fn::If"][1], template)
    if set(value) == {"Fn::Sub"}:
        pattern, names = value["Fn::Sub"], {}
        if isinstance(pattern, list):
            pattern, names = pattern
        filled = {name: concrete(inner, template) for name, inner in names.items()}
        return re.sub(r"\$\{([^}]+)\}", lambda m: filled.get(m[1]) or _sample(m[1], template), pattern)
    return {key: concrete(inner, template) for key, inner in value.items()}


def _sample(name: str, template: Any) -> str:
    stem = name.partition(".")[0]
    if stem in template.resources:
        return ATTRIBUTES.get(template.resources[stem].type, "sample")
    if name.endswith("TableArn"):
        return "arn:aws:dynamodb:us-east-1:111122223333:table/Table"
    if name.endswith("BucketArn"):
        return "arn:aws:s3:::bucket"
    return SAMPLES.get(name, "sample")


def policies(templates: TemplateSet) -> dict[str, Any]:
    """Identity policies by place; parliament does not judge trust and resource policies."""
    by_name = {}
    for resource in templates.resources("AWS::IAM::Role", "AWS::IAM::ManagedPolicy"):
        template = templates[resource.address.partition(".")[0]]
        for policy in [*resource.properties.get("Policies", []), resource.properties]:
            while "Fn::If" in policy:
                policy = policy["Fn::If"][1]
            if "PolicyDocument" in policy:
                place = f"{resource.address} {policy.get('PolicyName', '')}".strip()
                by_name[place] = concrete(policy["PolicyDocument"], template)
    return by_name


def test_checkov_finds_nothing_else(repository: Path) -> None:
    # Without the download it asks nobody on the internet.
    options = ["-d", "templates", "--framework", "cloudformation", "-o", "json", "--quiet", "--skip-download"]
    tool(repository, "checkov")
    command = [str(tool(repository, "python")), str(CHECKER), *options]
    result = subprocess.run(
        command, cwd=repository, capture_output=True, text=True, env={**os.environ, "LOG_LEVEL": "ERROR"}
    )
    report = json.loads(result.stdout)
    assert report["summary"]["passed"] > 150 and report["summary"]["parsing_errors"] == 0
    failed_checks = {
        (check["check_id"], f"{Path(check['file_path']).stem}.{check['resource'].rpartition('.')[2]}")
        for check in report["results"]["failed_checks"]
    }
    assert failed_checks == {(entry.check, entry.place) for entry in CHECKOV}, (
        "an entry too many is stale, one too few is new"
    )
    assert len(CHECKOV) <= 8


def test_parliament_finds_nothing_else(repository: Path, templates: TemplateSet) -> None:
    documents = policies(templates)
    assert len(documents) > 15
    python = tool(repository, "python")
    tool(repository, "parliament")
    result = subprocess.run([python, WORKER], input=json.dumps(documents), capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    by_name = {(issue, place): detail for place, issue, _, detail in json.loads(result.stdout)}
    accepted = {(entry.check, entry.place) for entry in PARLIAMENT}
    assert set(by_name) == accepted, {key: by_name[key] for key in set(by_name) - accepted}


def test_parliament_would_find_a_fault(repository: Path, templates: TemplateSet) -> None:
    """An action that does not exist, in a copy of one of our policies."""
    place, document = next(iter(policies(templates).items()))
    document["Statement"][0]["Action"] = ["s3:GetObjct"]
    python = tool(repository, "python")
    result = subprocess.run([python, WORKER], input=json.dumps({place: document}), capture_output=True, text=True)
    assert [finding[1] for finding in json.loads(result.stdout)] == ["UNKNOWN_ACTION"]


def test_a_tag_can_be_known_where_one_is_asked_for(repository: Path, templates: TemplateSet) -> None:
    """A condition on a tag of the resource denies everything to an action whose resources have none."""
    [definitions] = tool(repository, "python").parents[1].glob("lib/*/site-packages/parliament/iam_definition.json")
    services = {load["prefix"]: load for load in json.loads(definitions.read_text(encoding="utf-8"))}

    def tagged(keys: list[str]) -> bool:
        return any("ResourceTag/" in key for key in keys)

    def knows(action: str) -> bool:
        service, _, name = action.partition(":")
        of_type = {
            resource["resource"]: tagged(resource["condition_keys"]) for resource in services[service]["resources"]
        }
        [only] = [privilege for privilege in services[service]["privileges"] if privilege["privilege"] == name]
        kinds = only["resource_types"]
        return any(tagged(kind["condition_keys"]) or of_type.get(kind["resource_type"].rstrip("*")) for kind in kinds)

    asking = {
        action
        for permission in permissions(templates)
        if permission.kind == "identity"
        and permission.allows
        and tagged([condition.key for condition in permission.conditions])
        for action in permission.actions
    }
    assert len(asking) > 50
    assert sorted(action for action in asking if not knows(action)) == []
    assert not knows("ecs:DescribeTaskDefinition")
