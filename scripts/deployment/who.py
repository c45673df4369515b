"""Who may deploy, and from which tree (DEP-8): what the root `access` gives, and what production asks for besides.

Whether a session was made with MFA is invisible to the session itself (IAM user guide,
id_credentials_mfa_configure-api-require), so production is deployed as the one
role whose trust policy asks for it, and the script checks that it is that role.
"""

from collections.abc import Mapping
from pathlib import Path

from generator.cfn.environments import ACCESS, PRODUCTION
from scripts import git
from scripts.deployment import stacks
from scripts.deployment.aws import Aws, Identity
from scripts.deployment.environment import Environment
from scripts.deployment.errors import RefusedError
from scripts.deployment.stacks import Stack

# Outputs of the access stack.
DEPLOY_ROLE, CLOUDFORMATION_ROLE = "DeployRoleArn", "CloudFormationRoleArn"
SECONDS = 60


def access(aws: Aws, roots: Mapping[str, Environment]) -> Stack | None:
    """The access stack of the environment; None while there is none, and for `shared` alone."""
    return stacks.read(aws, roots[ACCESS].stack) if ACCESS in roots else None


def role(held: Stack | None) -> str:
    """The role that CloudFormation acts with; empty without an access stack, when the caller's own rights do."""
    return held.outputs.get(CLOUDFORMATION_ROLE, "") if held else ""


def check(wanted: Environment, identity: Identity, held: Stack | None, project: Path) -> None:
    """Raises `RefusedError` unless `wanted` may be deployed by this identity from this tree; only production asks."""
    if wanted.name == PRODUCTION:
        _check_identity(wanted, identity, held)
        _check_tree(wanted, project)


def acting(aws: Aws, roots: Mapping[str, Environment], wanted: Environment) -> None:
    """As `check`, for what changes the environment and takes nothing from the tree."""
    if wanted.name == PRODUCTION:
        _check_identity(wanted, aws.identity(), access(aws, roots))


def _check_identity(wanted: Environment, identity: Identity, held: Stack | None) -> None:
    if held is None or DEPLOY_ROLE not in held.outputs:
        raise RefusedError(
            f"{wanted.name} is deployed as its deploy role, which does not exist yet; nothing has happened.",
            f"An administrator makes it once, with `make access ENV={wanted.name}`.",
        )
    deployer = held.outputs[DEPLOY_ROLE]
    # A session's ARN has the role's name without its path (IAM user guide, reference_identifiers).
    session = f":sts::{identity.account}:assumed-role/{deployer.rpartition('/')[2]}/"
    if session in identity.arn and f":iam::{identity.account}:" in deployer:
        return
    raise RefusedError(
        f"{wanted.name} is deployed as its deploy role, and this is {identity.arn}; nothing has happened.",
        "\n".join(sign_in(f"{wanted.application}-{wanted.name}", deployer, identity.account)),
    )


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


def _check_tree(wanted: Environment, project: Path) -> None:
    try:
        state = git.state(project)
    except git.GitError as error:
        raise RefusedError(
            f"{wanted.name} is deployed from a clean tree, and this one is unknown, for git says: {error}",
            "Correct what git says, and run again; nothing has happened.",
        ) from error
    if state.changed or not state.commit:
        more = f" and {len(state.changed) - 1} more" if len(state.changed) > 1 else ""
        what = f"changed: {state.changed[0]}{more}" if state.changed else "without a commit"
        raise RefusedError(
            f"{wanted.name} is deployed from a clean tree, and this one is {what}; nothing has happened.",
            "Commit or stash what differs from the commit, and run again.",
        )
    try:
        behind = _behind(project)
    except git.GitError as error:
        raise RefusedError(
            f"{wanted.name} is deployed from an up-to-date tree, and {state.branch or 'this commit'} follows no branch "
            f"that could be fetched; nothing has happened. Git says: {error}",
            "Let it follow one, with `git branch --set-upstream-to=REMOTE/BRANCH`, and see that `git fetch` works.",
        ) from error
    if behind:
        raise RefusedError(
            f"{wanted.name} is deployed from an up-to-date tree, and {state.branch} lacks {behind} commits of the "
            "branch that it follows; nothing has happened.",
            "Run `git pull`, look at what changed, and run again.",
        )


def _behind(folder: Path) -> int:
    """How many commits of the branch that is followed are not here, after fetching it. Raises `GitError`."""
    git.text(folder, "fetch", "--quiet", seconds=SECONDS)
    return int(git.text(folder, "rev-list", "--count", "HEAD..@{upstream}"))
