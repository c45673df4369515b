"""What the environments of one application and account share: the repository.

Flat, without children, so that an existing repository can be imported. Retained: it holds the application. The branch
is protected by a policy of the access root (`generator/roots/access/shared.py`), which only an administrator writes.
"""

from __future__ import annotations

from troposphere import GetAtt, Sub, codecommit

from generator.core import ports
from generator.core.settings import Setting, add_to
from generator.core.stack import Stack
from generator.project import Project
from generator.version import VERSION

NAME = r"[A-Za-z0-9_.-]{1,100}"


def build(project: Project) -> Stack:
    stack = Stack("shared", __name__, "repository", project, is_root=True)
    stack.template.set_metadata({"Generator": {"Module": __name__, "Version": VERSION}})
    add_to(
        stack.template,
        [
            Setting(ports.ENVIRONMENT, "Tags", "Environment tag", "shared", allowed=("shared",)),
            repository_name(project),
            protected_branch(project),
            Setting(ports.REQUIRED_APPROVALS, "Repository", "Approvals", "1", between=(0, 5)),
        ],
    )
    repository = stack.add(
        codecommit.Repository(
            "Repository", RepositoryName=stack.takes(ports.REPOSITORY_NAME), RepositoryDescription=project.description
        ),
        "Holds the application's source.",
        ["SRC-1", "SRC-5"],
    )
    for port, value in (
        (ports.REPOSITORY_NAME, GetAtt(repository, "Name")),
        (ports.REPOSITORY_ARN, GetAtt(repository, "Arn")),
        (ports.CLONE_URL, GetAtt(repository, "CloneUrlHttp")),
        (ports.CLONE_URL_SSH, GetAtt(repository, "CloneUrlSsh")),
        (ports.APPROVAL_RULE, _approval_rule(stack)),
    ):
        stack.gives(port, value)
    return stack


def repository_name(project: Project) -> Setting:
    """The parameter that names the repository."""
    rule = "1 to 100 letters, digits, dots, dashes or underscores"
    return Setting(ports.REPOSITORY_NAME, "Repository", "Name", project.name, pattern=NAME, rule=rule)


def protected_branch(project: Project) -> Setting:
    """The parameter that names the branch which changes reach by approval alone."""
    return Setting(
        ports.PROTECTED_BRANCH,
        "Repository",
        "Protected branch",
        project.protected_branch,
        pattern=r"[A-Za-z0-9._/-]{1,100}",
        rule="the name of a git branch",
    )


def _approval_rule(stack: Stack) -> Sub:
    """CloudFormation has no type for approval rule templates: the content is an output, and the deploy script keeps it.
    Source of its form: codecommit userguide, how-to-create-template."""
    branch, needed = (stack.takes(port).data["Ref"] for port in (ports.PROTECTED_BRANCH, ports.REQUIRED_APPROVALS))
    return Sub(
        f'{{"Version": "2018-11-08", "DestinationReferences": ["refs/heads/${{{branch}}}"], '
        f'"Statements": [{{"Type": "Approvers", "NumberOfApprovalsNeeded": ${{{needed}}}}}]}}'
    )
