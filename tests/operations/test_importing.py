"""Taking over a repository: what CloudFormation is asked, and when nothing is asked at all."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any

import pytest

from scripts.deployment import environment
from scripts.deployment.errors import NotConfirmedError, RefusedError
from scripts.operations.run import Run
from tests.conftest import ROOT
from tests.support.living import NOW
from tests.support.runs import verb_run
from tests.support.service import ME, Prepared, arn, refusal

verb = import_module("scripts.operations.verbs.import_")
SHARED = "cloud-health-dashboard-shared"
ROOTS = {"shared": environment.load("staging", ROOT / "templates", ROOT / "params")["shared"]}
ABSENT = refusal("x", "ValidationError", "Stack does not exist")
CHANGE = {"Action": "Import", "LogicalResourceId": "Repository", "ResourceType": "AWS::CodeCommit::Repository"}


def account(**answers: Any) -> Prepared:
    change_set = {"Status": "CREATE_COMPLETE", "Changes": [{"Type": "Resource", "ResourceChange": CHANGE}]}
    repository = {"repositoryId": "0f3d", "repositoryDescription": "our old one"}
    bodies: list[str] = []

    def create(TemplateBody: str, **_: Any) -> dict[str, Any]:
        bodies.append(TemplateBody)
        return {"Id": arn("changeSet", SHARED), "StackId": arn("stack", SHARED)}

    usual: dict[str, Any] = {
        "sts__get_caller_identity": {"Account": ME.account, "Arn": ME.arn},
        "cloudformation__describe_stacks": ABSENT,
        "codecommit__get_repository": {"repositoryMetadata": repository},
        "cloudformation__create_change_set": create,
        "cloudformation__get_template": lambda **_: {"TemplateBody": bodies[-1]},
        "cloudformation__describe_change_set": change_set,
        "cloudformation__delete_change_set": {},
    }
    return Prepared(**{**usual, **answers})


def arguments(aws: Prepared) -> tuple[Run, Any]:
    return verb_run(aws, ROOTS), verb.Options()


def test_the_change_set_names_the_id_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No outputs, no tags, no other resource: CloudFormation takes none of them while it imports. The repository stands
    as it is, so that the next update sees what differs."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    aws = account()
    with pytest.raises(NotConfirmedError):
        verb.run(*arguments(aws))
    request = next(sent for name, sent in aws.asked if name.endswith("create_change_set"))
    assert request["ChangeSetType"] == "IMPORT" and not {"Tags", "RoleARN", "IncludeNestedStacks"} & request.keys()
    assert request["ClientToken"] == request["ChangeSetName"] and request["ChangeSetName"].startswith("deploy-shared-")
    assert request["StackName"] == SHARED and request["Description"]
    assert dict(aws.asked)["codecommit.get_repository"] == {"repositoryName": "cloud-health-dashboard"}
    assert request["Parameters"] == [{"ParameterKey": "RepositoryName", "ParameterValue": "cloud-health-dashboard"}]
    [imported] = request["ResourcesToImport"]
    logical_id = "Repository"
    assert imported == {
        "ResourceType": "AWS::CodeCommit::Repository",
        "LogicalResourceId": logical_id,
        "ResourceIdentifier": {"RepositoryId": "0f3d"},
    }
    body = json.loads(request["TemplateBody"])
    assert list(body["Resources"]) == [imported["LogicalResourceId"]] and "Outputs" not in body
    resource = body["Resources"][imported["LogicalResourceId"]]
    declared = ROOTS["shared"].root
    assert {key: resource[key] for key in resource if key != "Properties"} == {
        key: declared.resources[logical_id].body[key]
        for key in ("Type", "Metadata", "DeletionPolicy", "UpdateReplacePolicy")
    }
    assert {key: body[key] for key in body if key != "Resources"} == {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": declared.body["Description"],
        "Parameters": {"RepositoryName": declared.parameters["RepositoryName"]},
    }
    assert resource["Properties"] == {
        "RepositoryName": {"Ref": "RepositoryName"},
        "RepositoryDescription": "our old one",
    }
    assert [parameter["ParameterKey"] for parameter in request["Parameters"]] == list(body["Parameters"])
    # Nobody agreed, and nothing is left.
    assert "cloudformation.delete_change_set" in aws.calls() and "cloudformation.execute_change_set" not in aws.calls()


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"codecommit__get_repository": refusal("x", "RepositoryDoesNotExistException")}, "no repository"),
        (
            {
                "cloudformation__describe_stacks": {
                    "Stacks": [
                        {"StackName": SHARED, "StackStatus": "CREATE_COMPLETE", "CreationTime": NOW, "StackId": "x"}
                    ]
                }
            },
            "exists already",
        ),
    ],
)
def test_nothing_is_asked_without_a_reason(answers: dict[str, Any], message: str) -> None:
    aws = account(**answers)
    with pytest.raises(RefusedError, match=message):
        verb.run(*arguments(aws))
    assert "cloudformation.create_change_set" not in aws.calls()
