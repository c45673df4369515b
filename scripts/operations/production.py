"""Who may deploy production, from which working tree, and what nobody agrees to in advance. Nothing here changes it.

Whether a session was made with MFA is invisible to the session itself (IAM user guide,
id_credentials_mfa_configure-api-require), so production is deployed as the one role whose trust policy asks for it, and
the script checks that it is that role.
"""

from collections.abc import Mapping
from pathlib import Path

from generator.cfn.environments import ACCESS, PRODUCTION, SHARED, Environment
from generator.cfn.stacks import Stack
from generator.cfn.template_names import APPROVAL_PROTECTION, BRANCH_PROTECTION, DEPLOY_ROLE, PROTECTION_WAIVED
from scripts import git
from scripts.deployment import stacks
from scripts.deployment.aws import Aws, Identity
from scripts.deployment.deploy_root import Context
from scripts.deployment.errors import RefusedError
from scripts.deployment.guards import Consent
from scripts.operations.origin import DECIDING

SECONDS = 60.0  # for fetching
# The reason that the parameter files come with. It lets everything be tried on the local AWS, and is nobody's decision.
UNDECIDED = "No developers are named yet: do it before the first release to people"
# The policies that protect by being attached to those who are named: the root whose access stack has them, its output,
# what they keep people from.
PROTECTIONS = (
    (SHARED, BRANCH_PROTECTION, "branch protection", "push to the protected branch"),
    (ACCESS, APPROVAL_PROTECTION, "approval protection", "approve a release"),
)


def check_production(environment: Environment, identity: Identity, access: Stack | None, project: Path) -> None:
    """Raises `RefusedError` unless the environment may be deployed by this identity from this tree; only production
    asks."""
    if environment.name == PRODUCTION:
        check_deployer(environment, identity, access)
        _check_tree(environment, project)


def check_context(context: Context, project: Path) -> None:
    """The same of a deployment that is about to begin, and that both protections of production bind somebody: on AWS
    somebody has decided whom, while the local AWS takes the files as they come."""
    check_production(context.environment, context.aws.identity(), context.access, project)
    if context.environment.name == PRODUCTION:
        if context.aws.endpoint is None:
            check_decided(context.roots)
        check_protection(context.aws, context.roots)


def undecided(environment: Environment) -> bool:
    """Whether a parameter file waives the protection for the reason that it came with."""
    return environment.chosen(PROTECTION_WAIVED) == UNDECIDED


def check_decided(roots: Mapping[str, Environment]) -> None:
    """Raises `RefusedError` while nobody has decided whom the protections of production bind."""
    files = sorted({Path(root.file.path).name for root in roots.values() if undecided(root)})
    if files:
        raise RefusedError(
            f"Nobody has decided yet who is kept from pushing to the branch of production and from approving its "
            f"releases: {', '.join(files)} still has the reason that it came with; nothing has happened.",
            f"Name people in DeveloperGroups, DeveloperRoles or DeveloperPermissionSets of params/{files[0]}, or write "
            f"into {PROTECTION_WAIVED} why nobody is kept from it. Look at NotificationEmail, too: while it is NONE "
            "nobody gets a message when a release fails.",
        )


def check_protection(aws: Aws, roots: Mapping[str, Environment]) -> None:
    """Raises `RefusedError` while the policy of branch or of approvals is attached to nobody or does not exist, unless
    the file of its root says why; nothing is said of a root that is not deployed."""
    for name, output, what, kept_from in PROTECTIONS:
        if name not in roots or roots[name].chosen(PROTECTION_WAIVED):
            continue
        stack = stacks.read(aws, roots[name].access_stack)
        policy = stack.outputs.get(output) if stack else None
        if policy is None and name == SHARED and stacks.read(aws, roots[name].stack):
            raise RefusedError(
                f"There is no {what}: whoever has the rights may {kept_from}; nothing has happened.",
                "An administrator runs `make access ENV=shared`, which makes it.",
            )
        if policy and not bound_by(aws, policy):
            raise RefusedError(
                f"The {what} binds nobody: whoever has the rights may {kept_from}; nothing has happened.",
                "`preflight` says how those are bound whom DeveloperGroups, DeveloperRoles and "
                "DeveloperPermissionSets name.",
            )


def bound_by(aws: Aws, policy: str) -> list[str]:
    """The groups, roles and users that a policy is attached to; that of a permission set is attached to its role."""
    return [
        str(entity[f"{kind}Name"])
        for page in aws.pages("iam", "list_entities_for_policy", PolicyArn=policy)
        for kind in ("Group", "Role", "User")
        for entity in page[f"Policy{kind}s"]
    ]


def check_consent(environment: Environment, consent: Consent, reviewed: bool) -> None:
    """Raises `RefusedError` for what cannot be agreed to in advance; `reviewed` says that the plan was reviewed."""
    if environment.name == PRODUCTION and consent.yes and not reviewed:
        raise RefusedError(
            "`--yes` alone is not accepted for production.",
            "Save a plan with `plan --out FILE`, have it reviewed, and give --yes together with --plan FILE.",
        )


def check_deployer(environment: Environment, identity: Identity, access: Stack | None) -> None:
    """Raises `RefusedError` unless the caller is the deploy role of the environment, whose access stack is given."""
    if access is None or DEPLOY_ROLE not in access.outputs:
        raise RefusedError(
            f"{environment.name} is deployed as its deploy role, which does not exist yet; nothing has happened.",
            f"An administrator makes it once, with `make access ENV={environment.name}`.",
        )
    deployer = access.outputs[DEPLOY_ROLE]
    if not is_deployer(identity, access):
        raise RefusedError(
            f"{environment.name} is deployed as its deploy role, and this is {identity.arn}; nothing has happened.",
            "\n".join(sign_in(f"{environment.application}-{environment.name}", deployer, identity.account)),
        )


def is_deployer(identity: Identity, access: Stack | None) -> bool:
    """Whether the caller is the deploy role of the environment whose access stack is given."""
    deployer = access.outputs.get(DEPLOY_ROLE, "") if access else ""
    # A session's ARN has the role's name without its path (IAM user guide, reference_identifiers).
    session = f":sts::{identity.account}:assumed-role/{deployer.rpartition('/')[2]}/"
    return f":iam::{identity.account}:" in deployer and session in identity.arn


def sign_in(profile: str, deployer: str, account: str) -> list[str]:
    """How a person becomes the deploy role. Source: AWS CLI user guide, cli-configure-role."""
    return [
        f"Write this into ~/.aws/config, with your own names for YOU and DEVICE, and deploy with --profile {profile}:",
        f"  [profile {profile}]",
        f"  role_arn = {deployer}",
        "  source_profile = YOU",
        f"  mfa_serial = arn:aws:iam::{account}:mfa/DEVICE",
        "With single sign-on YOU is the profile of the permission set, and the last line is left out.",
    ]


def _check_tree(environment: Environment, project: Path) -> None:
    name = environment.name
    try:
        state = git.state(project, DECIDING)
    except git.GitError as error:
        raise RefusedError(
            f"{name} is deployed from a clean tree, and this one is unknown, for git says: {error}",
            "Correct what git says, and run again; nothing has happened.",
        ) from error
    if state.changed or not state.commit:
        others = f" and {len(state.changed) - 1} more" if len(state.changed) > 1 else ""
        what = f"changed: {state.changed[0]}{others}" if state.changed else "without a commit"
        raise RefusedError(
            f"{name} is deployed from a clean tree, and this one is {what}; nothing has happened.",
            "Commit or stash what differs from the commit, and run again.",
        )
    try:
        git.text(project, "fetch", "--quiet", seconds=SECONDS)
        behind = int(git.text(project, "rev-list", "--count", "HEAD..@{upstream}"))
    except git.GitError as error:
        raise RefusedError(
            f"{name} is deployed from an up-to-date tree, and {state.branch or 'this commit'} follows no branch that "
            f"could be fetched; nothing has happened. Git says: {error}",
            "Let it follow one, with `git branch --set-upstream-to=REMOTE/BRANCH`, and see that `git fetch` works.",
        ) from error
    if behind:
        raise RefusedError(
            f"{name} is deployed from an up-to-date tree, and {state.branch} lacks {behind} commits of the branch that "
            "it follows; nothing has happened.",
            "Run `git pull`, look at what changed, and run again.",
        )
