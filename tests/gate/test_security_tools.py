"""checkov and parliament over the rendered templates, from an environment of their own that make keeps."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from generator.cfn.evaluate import KNOW_BOUNDARY
from generator.cfn.permissions import permissions
from generator.cfn.reachability.terms import MAKING, READING, UNTAGGED
from generator.cfn.templates import TemplateSet, load
from generator.roots.access.boundary import SHORT
from tests.support.accepted import CHECKOV, PARLIAMENT

WORKER = Path(__file__).with_name("parliament_worker.py")
CHECKER = Path(__file__).with_name("checkov_worker.py")

# What a value of this parameter looks like; parliament judges ARNs by their shape.
SAMPLES = {
    "KeyArn": "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555",
    "TopicArn": "arn:aws:sns:us-east-1:111122223333:topic",
    "ServiceArn": "arn:aws:ecs:us-east-1:111122223333:service/cluster/service",
    "DistributionArn": "arn:aws:cloudfront::111122223333:distribution/E1234567890123",
    "SigningProfileArn": "arn:aws:signer:us-east-1:111122223333:/signing-profiles/profile",
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


@pytest.mark.soak  # the twenty seconds that checkov takes
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
    place = "access.ApproverRole Job"
    document = policies(templates)[place]
    document["Statement"][0]["Action"] = ["s3:GetObjct"]
    python = tool(repository, "python")
    result = subprocess.run([python, WORKER], input=json.dumps({place: document}), capture_output=True, text=True)
    assert [finding[1] for finding in json.loads(result.stdout)] == ["UNKNOWN_ACTION"]


def tagged(keys: Iterable[str]) -> bool:
    return any("ResourceTag/" in key for key in keys)


class Reference:
    """The Service Authorization Reference, as the package parliament carries it."""

    def __init__(self, repository: Path) -> None:
        [file] = tool(repository, "python").parents[1].glob("lib/*/site-packages/parliament/iam_definition.json")
        self.services = {load["prefix"]: load for load in json.loads(file.read_text(encoding="utf-8"))}

    def kinds(self, action: str) -> list[Any]:
        """The kinds of resources of an action; none for an action that is newer than the list."""
        service, _, name = action.partition(":")
        privileges = self.services[service]["privileges"]
        return [kind for each in privileges if each["privilege"] == name for kind in each["resource_types"]]

    def knows_tags(self, action: str) -> bool:
        """Whether a resource of the action has tags that a condition can ask for."""
        resources = self.services[action.partition(":")[0]]["resources"]
        of_type = {resource["resource"]: tagged(resource["condition_keys"]) for resource in resources}
        return any(
            tagged(kind["condition_keys"]) or of_type.get(kind["resource_type"].rstrip("*"))
            for kind in self.kinds(action)
        )


def test_a_tag_can_be_known_where_one_is_asked_for(repository: Path, templates: TemplateSet) -> None:
    """A condition on a tag of the resource denies everything to an action whose resources have none."""
    reference = Reference(repository)
    asking = {
        action
        for permission in permissions(templates)
        if permission.kind == "identity"
        and permission.allows
        and tagged(condition.key for condition in permission.conditions)
        for action in permission.actions
    }
    assert len(asking) > 50
    assert sorted(action for action in asking if not reference.knows_tags(action)) == []
    assert not reference.knows_tags("ecs:DescribeTaskDefinition")


# Services with resources that no condition on a tag reaches: what else keeps an environment from another one's.
OTHERWISE_FENCED = {
    "cloudfront": "functions by name; the rest is a limit on the page of reachability",
    "cloudwatch": "dashboards by name",
    "route53": "nothing: docs/security.md, what one account cannot keep apart",
    "s3": "by tags since AbacStatus, which is newer than the list",
}


def test_a_denial_by_tag_is_no_fence_where_the_service_knows_no_tag(repository: Path, templates: TemplateSet) -> None:
    """What the roles of an environment may change, and `OtherEnvironments` cannot deny, is fenced in another way."""
    reference = Reference(repository)
    changing = {
        action
        for permission in permissions(templates)
        if permission.holder.startswith("access.") and permission.kind == "identity" and permission.allows
        for action in permission.actions
        if "*" not in action and not READING.match(action.partition(":")[2])
    }
    unfenced = {
        action.partition(":")[0]
        for action in changing
        if any(kind["resource_type"] for kind in reference.kinds(action)) and not reference.knows_tags(action)
    }
    assert len(changing) > 150
    assert sorted(unfenced) == sorted(OTHERWISE_FENCED)


def test_a_pattern_in_the_room_of_some_actions_matches_no_other(repository: Path) -> None:
    """Newer actions than the list knows are named beside the pattern, too."""
    reference = Reference(repository)
    for pattern, words in SHORT.items():
        service, _, form = pattern.partition(":")
        names = {each["privilege"] for each in reference.services[service]["privileges"]}
        matched = {name for name in names if fnmatchcase(name, form)}
        assert matched and matched <= set(words.split()), pattern


def test_the_search_knows_which_calls_name_no_resource(repository: Path, templates: TemplateSet) -> None:
    """What changes something, names no resource and so sends no tag; what makes something new changes nothing."""
    reference = Reference(repository)
    nameless = {
        action
        for permission in permissions(templates)
        if permission.kind == "identity" and permission.allows and not permission.holder.startswith("aws.")
        for action in permission.actions
        if "*" not in action and not READING.match(action.partition(":")[2])
        if (kinds := reference.kinds(action)) and not any(kind["resource_type"] for kind in kinds)
    }
    assert {each for each in nameless if not MAKING.match(each.partition(":")[2])} <= UNTAGGED
    assert [action for action in UNTAGGED if reference.knows_tags(action)] == []


def test_the_calls_that_know_a_boundary_are_those_of_the_reference(repository: Path) -> None:
    """A condition on the boundary allows nothing to a call that does not know it."""
    privileges = Reference(repository).services["iam"]["privileges"]
    knowing = {
        f"iam:{each['privilege']}"
        for each in privileges
        if "Role" in each["privilege"]
        and any("iam:PermissionsBoundary" in kind["condition_keys"] for kind in each["resource_types"])
    }
    assert knowing == KNOW_BOUNDARY
