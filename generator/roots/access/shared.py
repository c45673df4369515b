"""Who may do what with what all environments share: the roles that deploy the root `shared`, and the policy that
protects the branch.

The policy stands here and not in `shared`: whoever writes a policy that is attached to people decides what they may do.
So deploying `shared` is deploying a repository, with no right on IAM at all, and an administrator says here whom the
policy binds. There is no way in for CI: what is shared changes rarely, and by a person.
Sources: Service Authorization Reference, AWS CodeCommit: templates of approval rules are no resources; AWS Signer:
PutSigningProfile knows no resource and the tags of the request, the others know the profile and its tags; registry
schemas of AWS::CodeCommit::Repository, AWS::ECR::SigningConfiguration and AWS::Signer::SigningProfile, `handlers`.
"""

from __future__ import annotations

from awacs import cloudformation, ecr, s3, signer
from awacs import codecommit as do
from awacs import iam as access
from awacs.aws import Null, StringEquals, StringEqualsIfExists
from troposphere import GetAtt, Ref, Sub, iam

from generator.cfn.names import CHANGE_SETS, SHARED, SHARED_ACCESS, SIGNING, TEMPLATES
from generator.core import arns, paths, ports
from generator.core.arns import Text
from generator.core.iam import Anything, Grant, actions, allow, deny, document, unscoped
from generator.core.settings import Setting, add_to
from generator.core.stack import Stack
from generator.project import Project
from generator.roots import developers
from generator.roots.access import deploy, roles, trust
from generator.roots.access.handler_permissions.types import UNUSED, excluded
from generator.roots.shared import protected_branch, repository_name
from generator.version import VERSION

REPOSITORY_TYPE = "AWS::CodeCommit::Repository"
REGISTRY_TYPE, PROFILE_TYPE, STACK_TYPE = (
    "AWS::ECR::SigningConfiguration",
    "AWS::Signer::SigningProfile",
    "AWS::CloudFormation::Stack",
)
NESTED = (
    "CreateStack DeleteStack DescribeStacks GetStackPolicy GetTemplate TagResource UpdateStack CreateChangeSet"
    " DeleteChangeSet DescribeChangeSet ExecuteChangeSet CancelUpdateStack ContinueUpdateRollback DescribeStackEvents"
    " ListStackResources RollbackStack"
)
# By type, as `handler_permissions` has it for an environment.
EXCLUDED = {
    REPOSITORY_TYPE: excluded(
        UNUSED,
        "codecommit:CreateCommit codecommit:PutRepositoryTriggers codecommit:UpdateRepositoryEncryptionKey"
        " s3:GetObject s3:GetObjectVersion",
    )
}


def build(project: Project) -> Stack:
    """The root."""
    stack = Stack(SHARED_ACCESS, __name__, "roles that deploy what is shared", project, is_root=True)
    generator = {"Module": __name__, "Version": VERSION}
    stack.template.set_metadata({"Generator": generator, "Excluded": EXCLUDED})
    add_to(
        stack.template,
        [
            Setting(ports.ENVIRONMENT, "Tags", "Environment tag", SHARED, allowed=(SHARED,)),
            *trust.settings(ports.DEPLOY_USERS, ports.DEPLOY_PERMISSION_SET, "Who may deploy"),
            repository_name(project),
            protected_branch(project),
            *developers.settings(),
        ],
    )
    trust.refuse_nobody(stack, ports.DEPLOY_USERS, ports.DEPLOY_PERMISSION_SET)
    developers.refuse_nobody(stack, of_production=False)
    repository = arns.codecommit_repository(stack.takes(ports.REPOSITORY_NAME))
    making = [*_making(project, repository), *_signing(project)]
    executor = roles.execution_role(stack, "Repository", making, what="what all environments share")
    deployer = roles.role(
        stack,
        "DeployRole",
        trust.people(stack, ports.DEPLOY_USERS, ports.DEPLOY_PERMISSION_SET),
        _deploying(stack, repository, GetAtt(executor, "Arn")),
        "Deploys what all environments share: runs the deploy script, and hands the repository to CloudFormation.",
        ["DEP-8"],
    )
    protection = _protection(stack, repository)
    stack.gives(ports.CLOUDFORMATION_ROLE_ARN, GetAtt(executor, "Arn"))
    stack.gives(ports.DEPLOY_ROLE_ARN, GetAtt(deployer, "Arn"))
    stack.gives(ports.BRANCH_PROTECTION_ARN, Ref(protection))
    return stack


def _making(project: Project, repository: Text) -> list[Grant]:
    """What CloudFormation does: one repository, by its name, and nothing else."""
    return [
        allow(
            "CodeCommitRepository",
            actions(
                (
                    "codecommit:CreateRepository",
                    "codecommit:DeleteRepository",
                    "codecommit:GetRepository",
                    "codecommit:GetRepositoryTriggers",
                    "codecommit:ListTagsForResource",
                    "codecommit:TagResource",
                    "codecommit:UntagResource",
                    "codecommit:UpdateRepositoryDescription",
                )
            ),
            [repository],
            f"CloudFormation needs this to deploy {REPOSITORY_TYPE}: Repository",
        ),
        allow(
            "CodeCommitRepositoryRename",
            [do.GetRepository, do.UpdateRepositoryName],
            Anything("a repository that is renamed has another name than the parameter says: its tags tell it"),
            f"CloudFormation renames {REPOSITORY_TYPE}: Repository, which is known by its tags alone then",
            [StringEquals({"aws:ResourceTag/Application": project.name, "aws:ResourceTag/Environment": SHARED})],
        ),
        allow(
            "CodeCommitRepositoryRead",
            [do.ListRepositories],
            unscoped("CodeCommit"),
            f"CloudFormation looks at {REPOSITORY_TYPE}: Repository",
        ),
    ]


def nested(project: Project) -> Text:
    """The stack of the child that lets images be signed."""
    return arns.arn("cloudformation", f"stack/{project.name}-{SHARED}-{SIGNING}-*/*")


def _signing(project: Project) -> list[Grant]:
    """What CloudFormation does for the child that lets images be signed: its stack, one profile, whose name is
    generated and whose tags tell it, and the signing configuration of the registry. Sources of the rights on a nested
    stack: `handler_permissions/identity.py`."""
    ours = {"Application": project.name, "Environment": SHARED}
    profiles = arns.arn("signer", "/signing-profiles/*")
    return [
        allow(
            "CloudFormationStack",
            actions(tuple(f"cloudformation:{word}" for word in NESTED.split())),
            [nested(project)],
            f"CloudFormation needs this to deploy {STACK_TYPE}: {SIGNING}",
        ),
        allow(
            "CloudFormationStackChangeSets",
            actions(tuple(f"cloudformation:{word}ChangeSet" for word in ("Delete", "Describe", "Execute"))),
            [arns.change_sets(prefix) for prefix in CHANGE_SETS],
            f"CloudFormation needs this to deploy {STACK_TYPE}: {SIGNING}; a change set that is named by its ARN is "
            "judged by that",
        ),
        allow(
            "CloudFormationStackTemplate",
            [s3.GetObject],
            [arns.templates_bucket(project.name, "${AWS::Region}", f"/{TEMPLATES}{SHARED}/*")],
            f"CloudFormation reads the template of {STACK_TYPE}: {SIGNING}",
        ),
        # Whether the stack of a child asks for the role once more is documented nowhere: it is its own.
        allow(
            "CloudFormationStackInherit",
            [access.PassRole],
            [arns.global_arn("iam", f"role{paths.path(project.name, '-access')}*")],
            "nested stacks are deployed with the role of their root, and no other role here trusts CloudFormation",
            [StringEquals({"iam:PassedToService": "cloudformation.amazonaws.com"})],
        ),
        allow(
            "SignerSigningProfile",
            [signer.PutSigningProfile],
            Anything("PutSigningProfile knows no resource; the tags of the request tell what is made"),
            f"CloudFormation needs this to deploy {PROFILE_TYPE}: Profile",
            [StringEquals({f"aws:RequestTag/{key}": value for key, value in ours.items()})],
        ),
        # Whether tags that come with the creation are asked for with the profile's own tags, which it has none of yet,
        # is documented nowhere: so those of the request are named, which only what is ours may be given.
        allow(
            "SignerSigningProfileTag",
            [signer.TagResource],
            [profiles],
            f"CloudFormation tags {PROFILE_TYPE}: Profile when it is made",
            [
                StringEquals({f"aws:RequestTag/{key}": value for key, value in ours.items()}),
                StringEqualsIfExists({f"aws:ResourceTag/{key}": value for key, value in ours.items()}),
            ],
        ),
        allow(
            "SignerSigningProfileChange",
            [signer.CancelSigningProfile, signer.GetSigningProfile, signer.ListTagsForResource, signer.UntagResource],
            [profiles],
            f"CloudFormation changes and deletes {PROFILE_TYPE}: Profile, whose name is generated: its tags tell it",
            [StringEquals({f"aws:ResourceTag/{key}": value for key, value in ours.items()})],
        ),
        allow(
            "ECRSigningConfiguration",
            [ecr.DeleteSigningConfiguration, ecr.GetSigningConfiguration, ecr.PutSigningConfiguration],
            Anything("the registry of an account has no ARN; ECR knows no resource for its settings"),
            f"CloudFormation needs this to deploy {REGISTRY_TYPE}: Registry",
        ),
    ]


def _deploying(stack: Stack, repository: Text, executor: Text) -> list[Grant]:
    """What the deploy script does, as with an environment (`deploy.py`), and the rule of approvals, which
    CloudFormation has no type for."""
    project = stack.project
    own, read = (arns.arn("cloudformation", f"stack/{project.name}-{name}/*") for name in (SHARED, SHARED_ACCESS))
    region, child = "${AWS::Region}", f"stack/{project.name}-{SHARED}-{SIGNING}-*/*"
    beside = f"the access stack names the role, and {child} is nested in one's own"
    policies, looked_up = (
        arns.global_arn("iam", f"{kind}{paths.path(project.name, '-access')}*") for kind in ("policy", "role")
    )
    return [
        *deploy.changing([own, nested(project)], [read], executor, [region], beside, child),
        *deploy.packaging(project, {region: ""}),
        allow(
            "ListStacks",
            [cloudformation.ListStacks],
            Anything("ListStacks names no stack"),
            "whether somebody has deleted a nested stack is seen in the list of stacks alone",
        ),
        allow("FindRepository", [do.ListRepositories], unscoped("CodeCommit"), "it may not exist yet"),
        allow(
            "KeepApprovalRule",
            [
                do.AssociateApprovalRuleTemplateWithRepository,
                do.DisassociateApprovalRuleTemplateFromRepository,
                do.ListAssociatedApprovalRuleTemplatesForRepository,
            ],
            [repository],
            "pull requests of the repository need as many approvals as its parameter says",
        ),
        allow(
            "WriteApprovalRule",
            [do.CreateApprovalRuleTemplate, do.GetApprovalRuleTemplate, do.UpdateApprovalRuleTemplateContent],
            unscoped("CodeCommit"),
            "the rule is made and kept by the deploy script",
        ),
        allow(
            "SeeProtection",
            [access.ListEntitiesForPolicy],
            [policies],
            "whether the protection of the branch binds anybody is told before a deployment",
        ),
        allow("FindRoles", [access.GetRole], [looked_up], "the role that deploys is looked up"),
        allow(
            "KnowOwnRights",
            [access.SimulatePrincipalPolicy],
            [looked_up],
            "a permission that is lacking is told before the deployment, not in the middle of it",
        ),
    ]


def _protection(stack: Stack, repository: Text) -> iam.ManagedPolicy:
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
            [repository],
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
            Path=Sub(paths.path(stack.project.name, "-access")),
            PolicyDocument=document(grants),
            **developers.attached(stack),
        ),
        "Keeps those it is attached to from changing the protected branch directly.",
        ["SRC-4"],
        grants,
    )
