"""What the environments of one application and account share: the repository and the protection of its main branch.

Flat, without children, so that an existing repository can be imported. Retained: it holds the application. Branch
protection is a policy that is attached to whom the parameters name; service roles push nowhere.
"""

from __future__ import annotations

from awacs import codecommit as do
from awacs.aws import Null, StringEqualsIfExists
from troposphere import GetAtt, Ref, Sub, codecommit, iam

from generator.core import ports
from generator.core.iam import deny, document
from generator.core.settings import Setting, add_to
from generator.core.stack import Stack
from generator.project import Project
from generator.roots import developers
from generator.version import VERSION

NAME = r"[A-Za-z0-9_.-]{1,100}"


def build(project: Project) -> Stack:
    stack = Stack("shared", __name__, "repository and branch protection", project, is_root=True)
    stack.template.set_metadata({"Generator": {"Module": __name__, "Version": VERSION}})
    add_to(
        stack.template,
        [
            Setting(ports.ENVIRONMENT, "Tags", "Environment tag", "shared", allowed=("shared",)),
            Setting(
                ports.REPOSITORY_NAME,
                "Repository",
                "Name",
                project.name,
                pattern=NAME,
                rule="1 to 100 letters, digits, dots, dashes or underscores",
            ),
            Setting(
                ports.PROTECTED_BRANCH,
                "Repository",
                "Protected branch",
                project.protected_branch,
                pattern=r"[A-Za-z0-9._/-]{1,100}",
                rule="the name of a git branch",
            ),
            Setting(ports.REQUIRED_APPROVALS, "Repository", "Approvals", "1", between=(0, 5)),
            *developers.settings(),
        ],
    )
    developers.refuse_nobody(stack, of_production=False)
    repository = stack.add(
        codecommit.Repository(
            "Repository", RepositoryName=stack.takes(ports.REPOSITORY_NAME), RepositoryDescription=project.description
        ),
        "Holds the application's source.",
        ["SRC-1", "SRC-5"],
    )
    protection = _protection(stack, repository)
    for port, value in (
        (ports.REPOSITORY_NAME, GetAtt(repository, "Name")),
        (ports.REPOSITORY_ARN, GetAtt(repository, "Arn")),
        (ports.CLONE_URL, GetAtt(repository, "CloneUrlHttp")),
        (ports.CLONE_URL_SSH, GetAtt(repository, "CloneUrlSsh")),
        (ports.BRANCH_PROTECTION_ARN, Ref(protection)),
        (ports.APPROVAL_RULE, _approval_rule(stack)),
    ):
        stack.gives(port, value)
    return stack


def _approval_rule(stack: Stack) -> Sub:
    """CloudFormation has no type for approval rule templates: the content is an output, and the deploy script keeps it.
    Source of its form: codecommit userguide, how-to-create-template."""
    branch, needed = (stack.takes(port).data["Ref"] for port in (ports.PROTECTED_BRANCH, ports.REQUIRED_APPROVALS))
    return Sub(
        f'{{"Version": "2018-11-08", "DestinationReferences": ["refs/heads/${{{branch}}}"], '
        f'"Statements": [{{"Type": "Approvers", "NumberOfApprovalsNeeded": ${{{needed}}}}}]}}'
    )


def _protection(stack: Stack, repository: codecommit.Repository) -> iam.ManagedPolicy:
    """Source: codecommit userguide, how-to-conditional-branch. `Null` lets the first, reference-less part of a push
    through, which would otherwise be denied on every branch."""
    branch = stack.takes(ports.PROTECTED_BRANCH)
    grants = [
        deny(
            "ProtectBranch",
            [
                do.CreateCommit,
                do.DeleteBranch,
                do.DeleteFile,
                do.GitPush,
                do.MergeBranchesByFastForward,
                do.MergeBranchesBySquash,
                do.MergeBranchesByThreeWay,
                do.MergePullRequestByFastForward,
                do.MergePullRequestBySquash,
                do.MergePullRequestByThreeWay,
                do.PutFile,
            ],
            [GetAtt(repository, "Arn")],
            "changes reach the branch by somebody else's approval",
            [
                StringEqualsIfExists({"codecommit:References": [Sub(f"refs/heads/${{{branch.data['Ref']}}}")]}),
                Null({"codecommit:References": False}),
            ],
        )
    ]
    return stack.add(
        iam.ManagedPolicy(
            "BranchProtection",
            Description="Attach to people who must not change the protected branch directly",
            PolicyDocument=document(grants),
            **developers.attached(stack),
        ),
        "Keeps those it is attached to from changing the protected branch directly.",
        ["SRC-4"],
        grants,
    )
