"""The approval rule template of the repository: made and kept here, because CloudFormation has no type for it.

The shared stack's outputs say what it has to be (`generator/roots/shared.py`). Every step can be repeated.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from generator.cfn import template_names
from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError


@dataclass(frozen=True)
class Rule:
    """What the rule has to be: `content` as CodeCommit takes it, `needed` approvals of a pull request."""

    repository: str
    name: str
    content: str
    needed: int


class State(Enum):
    """How the rule stands, and what is done about it."""

    KEPT = "the approval rule is as it should be"
    ABSENT = "the approval rule is made"
    OTHER = "the approval rule is changed to what the parameters say"
    APART = "the approval rule is associated with the repository"
    UNWANTED = "the approval rule is taken from the repository"


def approval_rule(outputs: Mapping[str, str]) -> Rule:
    """The rule that the outputs of the shared stack ask for."""
    repository, content = outputs[template_names.REPOSITORY], json.loads(outputs[template_names.APPROVAL_RULE])
    needed = int(content["Statements"][0]["NumberOfApprovalsNeeded"])
    return Rule(repository, f"{repository}-approvals", json.dumps(content, sort_keys=True), needed)


def state(aws: Aws, rule: Rule) -> State:
    """How the rule stands in the account. Reads only."""
    pages = aws.pages(
        "codecommit", "list_associated_approval_rule_templates_for_repository", repositoryName=rule.repository
    )
    associated = any(rule.name in page["approvalRuleTemplateNames"] for page in pages)
    if rule.needed == 0:
        return State.UNWANTED if associated else State.KEPT
    content = _content(aws, rule)
    if content is None:
        return State.ABSENT
    if json.loads(content) != json.loads(rule.content):
        return State.OTHER
    return State.KEPT if associated else State.APART


def keep(aws: Aws, rule: Rule) -> State:
    """Makes the rule what it has to be; returns how it stood before."""
    before, name = state(aws, rule), {"approvalRuleTemplateName": rule.name}
    if before is State.ABSENT:
        aws.call("codecommit", "create_approval_rule_template", approvalRuleTemplateContent=rule.content, **name)
    elif before is State.OTHER:
        # The digest of what is replaced, so that a change that somebody else just made is not lost.
        known = hashlib.sha256((_content(aws, rule) or "").encode()).hexdigest()
        change = {"newRuleContent": rule.content, "existingRuleContentSha256": known}
        aws.call("codecommit", "update_approval_rule_template_content", **name, **change)
    if before is State.UNWANTED:
        aws.call(
            "codecommit", "disassociate_approval_rule_template_from_repository", repositoryName=rule.repository, **name
        )
    elif before is not State.KEPT:
        aws.call(
            "codecommit", "associate_approval_rule_template_with_repository", repositoryName=rule.repository, **name
        )
    return before


def keep_line(aws: Aws, outputs: Mapping[str, str]) -> list[str]:
    """Keeps the rule that the outputs ask for; what was done as a line, none when there was nothing to do."""
    rule = approval_rule(outputs)
    before = keep(aws, rule)
    return [] if before is State.KEPT else [f"{rule.name}: {before.value} ({rule.needed} needed)"]


def _content(aws: Aws, rule: Rule) -> str | None:
    try:
        answer = aws.call("codecommit", "get_approval_rule_template", approvalRuleTemplateName=rule.name)
    except AwsError as error:
        # Code: `ApprovalRuleTemplateDoesNotExistException` in botocore's model of CodeCommit.
        if error.code != "ApprovalRuleTemplateDoesNotExistException":
            raise
        return None
    return str(answer["approvalRuleTemplate"]["approvalRuleTemplateContent"])
