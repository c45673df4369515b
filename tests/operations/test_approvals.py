"""The approval rule template: what the shared stack asks for is made, kept, and taken away."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from generator.cfn.templates import load
from scripts.operations.releases import approvals
from scripts.operations.releases.approvals import State
from tests.conftest import ROOT
from tests.support.service import Prepared, refusal

NAME = "dashboard-approvals"


def outputs(needed: int = 1) -> dict[str, str]:
    """As the shared stack gives them, its expression filled in."""
    pattern = load(ROOT / "templates")["shared"].outputs["ApprovalRule"]["Value"]["Fn::Sub"]
    content = pattern.replace("${ProtectedBranch}", "main").replace("${RequiredApprovals}", str(needed))
    return {"RepositoryName": "dashboard", "ApprovalRule": content}


class CodeCommit(Prepared):
    """A repository and the content of its rule template, None for no template."""

    def __init__(self, content: str | None, associated: bool) -> None:
        self.content, self.associated = content, associated
        template = "codecommit__{}_approval_rule_template{}".format
        names: dict[str, Any] = {
            template("get", ""): self.get,
            template("create", ""): self.set,
            template("update", "_content"): self.set,
            template("associate", "_with_repository"): lambda **_: self.bind(True),
            template("disassociate", "_from_repository"): lambda **_: self.bind(False),
            "codecommit__list_associated_approval_rule_templates_for_repository": self.listed,
        }
        super().__init__(**names)

    def listed(self, **request: Any) -> dict[str, Any]:
        if "nextToken" not in request:  # AWS answers in pages
            return {"approvalRuleTemplateNames": ["somebodys"], "nextToken": "2"}
        return {"approvalRuleTemplateNames": [NAME] if self.associated else []}

    def get(self, **_: Any) -> dict[str, Any]:
        if self.content is None:
            raise refusal("codecommit.get_approval_rule_template", "ApprovalRuleTemplateDoesNotExistException")
        return {"approvalRuleTemplate": {"approvalRuleTemplateContent": self.content}}

    def set(self, **request: Any) -> dict[str, Any]:
        self.content = request.get("approvalRuleTemplateContent") or request["newRuleContent"]
        return {"approvalRuleTemplate": {}}

    def bind(self, to: bool) -> dict[str, Any]:
        self.associated = to
        return {}


CONTENT = approvals.approval_rule(outputs()).content


@pytest.mark.parametrize(
    ("content", "associated", "state", "writes"),
    [
        (None, False, State.ABSENT, 2),
        (CONTENT.replace(": 1", ": 2"), True, State.OTHER, 2),
        (CONTENT, False, State.APART, 1),
        (json.dumps(json.loads(CONTENT), indent=2), True, State.KEPT, 0),
    ],
)
def test_the_rule_becomes_what_the_parameters_say(
    content: str | None, associated: bool, state: State, writes: int
) -> None:
    aws, rule = CodeCommit(content, associated), approvals.approval_rule(outputs())
    assert approvals.keep(aws, rule) is state
    named, there = {"approvalRuleTemplateName": NAME}, {"repositoryName": "dashboard"}
    digest = hashlib.sha256((content or "").encode()).hexdigest()
    calls = {
        State.ABSENT: [("create_approval_rule_template", named | {"approvalRuleTemplateContent": rule.content})],
        State.OTHER: [
            (
                "update_approval_rule_template_content",
                named | {"newRuleContent": rule.content, "existingRuleContentSha256": digest},
            )
        ],
    }
    associate = ("associate_approval_rule_template_with_repository", named | there)
    expected = [] if state is State.KEPT else [*calls.get(state, []), associate]
    changing = [(name, asked_for) for name, asked_for in aws.asked if "get_" not in name and "list_" not in name]
    assert changing == [(f"codecommit.{name}", request) for name, request in expected] and len(changing) == writes
    reads = [asked_for for name, asked_for in aws.asked if "get_" in name or "list_" in name]
    assert all(request in (named, there, there | {"nextToken": "2"}) for request in reads)
    assert aws.associated and json.loads(aws.content or "") == {
        "Version": "2018-11-08",
        "DestinationReferences": ["refs/heads/main"],
        "Statements": [{"Type": "Approvers", "NumberOfApprovalsNeeded": 1}],
    }
    assert approvals.keep(aws, rule) is State.KEPT


def test_no_approvals_no_rule() -> None:
    aws, rule = CodeCommit(CONTENT, True), approvals.approval_rule(outputs(0))
    assert approvals.keep_line(aws, outputs(0)) == [f"{NAME}: {State.UNWANTED.value} (0 needed)"]
    assert not aws.associated and approvals.state(aws, rule) is State.KEPT
    taken = "codecommit.disassociate_approval_rule_template_from_repository"
    assert dict(aws.asked)[taken] == {"repositoryName": "dashboard", "approvalRuleTemplateName": NAME}
    assert approvals.keep_line(aws, outputs(0)) == []


def test_another_error_is_not_taken_for_absence() -> None:
    aws = CodeCommit(None, False)
    aws.answers["codecommit.get_approval_rule_template"] = refusal("x", "AccessDenied")
    with pytest.raises(Exception, match="AccessDenied"):
        approvals.keep(aws, approvals.approval_rule(outputs()))
