"""Who may deploy, and from which tree (DEP-8): what the root `access` gives, and what production asks for besides.

Whether a session was made with MFA is invisible to the session itself (F 11.1), so production is deployed as the one
role whose trust policy asks for it, and the script checks that it is that role.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from generator.cfn.environments import ACCESS, PRODUCTION
from scripts.deployment import record, stacks
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
    origin = record.source(project)
    if origin.tree != "clean":
        raise RefusedError(
            f"{wanted.name} is deployed from a clean tree, and this one is {origin.tree}; nothing has happened.",
            "Commit or stash what differs from the commit, and run again.",
        )
    behind = _behind(project)
    if behind is None:
        raise RefusedError(
            f"{wanted.name} is deployed from an up-to-date tree, and {origin.branch} follows no branch that could be "
            "fetched; nothing has happened.",
            "Let it follow one, with `git branch --set-upstream-to=REMOTE/BRANCH`, and see that `git fetch` works.",
        )
    if behind:
        raise RefusedError(
            f"{wanted.name} is deployed from an up-to-date tree, and {origin.branch} lacks {behind} commits of the "
            "branch that it follows; nothing has happened.",
            "Run `git pull`, look at what changed, and run again.",
        )


def _behind(folder: Path) -> int | None:
    """How many commits of the branch that is followed are not here, after fetching it; None when nobody can say."""
    try:
        for words in (["fetch", "--quiet"], ["rev-list", "--count", "HEAD..@{upstream}"]):
            done = subprocess.run(
                ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True, timeout=SECONDS
            )
    except (OSError, subprocess.SubprocessError):
        return None
    return int(done.stdout)
