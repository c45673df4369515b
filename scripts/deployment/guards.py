"""Who may deploy what: the losses and permissions that somebody has to name, the question, and what production asks for
besides. Nothing here changes anything.

Whether a session was made with MFA is invisible to the session itself (IAM user guide,
id_credentials_mfa_configure-api-require), so production is deployed as the one role whose trust policy asks for it, and
the script checks that it is that role.
"""

import os
import select
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TextIO

from generator.cfn.environments import PRODUCTION, Environment
from generator.cfn.losses import REPLACED, Loss
from scripts.deployment import git
from scripts.deployment.aws import Aws, Identity
from scripts.deployment.errors import NotConfirmedError, RefusedError
from scripts.deployment.plan import DELETE, Plan
from scripts.deployment.stacks import Stack

SECONDS = 60.0  # for fetching
# Outputs of the access stack; a test compares them with the templates.
DEPLOY_ROLE, CLOUDFORMATION_ROLE = "DeployRoleArn", "CloudFormationRoleArn"


class Prompt(Protocol):
    """How a person is asked."""

    def attended(self) -> bool:
        """Whether somebody can be asked."""

    def confirmed(self, question: str, word: str, /) -> bool:
        """Whether somebody answers with exactly the word that the question asks for."""


class PlainPrompt:
    """Asks on standard input; the end of the input agrees to nothing."""

    def attended(self) -> bool:
        return sys.stdin.isatty()

    def confirmed(self, question: str, word: str, /) -> bool:
        try:
            return read_line(question, sys.stdout).strip() == word
        except EOFError:
            return False


def read_line(question: str, screen: TextIO) -> str:
    """What is typed after `question`, on a terminal. Raises `EOFError` at the end of the input.

    Ctrl-C always ends it. `input` loses a signal that comes after the question is shown and before reading begins: it
    looks for signals only when reading is interrupted (CPython, Parser/myreadline.c). So the signal is waited for, too.
    """
    signals, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    before = signal.set_wakeup_fd(wakeup)
    try:
        print(question, end="", file=screen, flush=True)
        while sys.stdin not in select.select([sys.stdin, signals], [], [])[0]:
            os.read(signals, 1)  # a signal that ended nothing
    finally:
        signal.set_wakeup_fd(before)
        os.close(signals)
        os.close(wakeup)
    if line := sys.stdin.readline():
        return line
    raise EOFError


@dataclass(frozen=True)
class Consent:
    """What somebody agreed to in advance. `reviewed` says that the plan itself is one that was reviewed, `wait` and
    `cancel_release` what is to happen to a refusal that waiting would end."""

    yes: bool = False
    allow_replace: tuple[str, ...] = ()
    allow_delete: tuple[str, ...] = ()
    allow_broader: bool = False
    wait: bool = False
    cancel_release: bool = False
    reviewed: bool = False

    def names(self, loss: Loss) -> bool:
        """Whether a loss was named."""
        return loss.name in (self.allow_replace if loss.how == REPLACED else self.allow_delete)

    def check_options(self, environment: Environment) -> None:
        """Raises `RefusedError` for what cannot be agreed to in advance."""
        if environment.name == PRODUCTION and self.yes and not self.reviewed:
            raise RefusedError(
                "`--yes` alone is not accepted for production.",
                "Save a plan with `plan --out FILE`, have it reviewed, and give --yes together with --plan FILE.",
            )


def agree(aws: Aws, environment: Environment, plan: Plan, consent: Consent, prompt: Prompt) -> None:
    """Returns when everything in the plan of one root is agreed to.

    Raises `RefusedError` for what must not happen or was not named, `NotConfirmedError` when nobody said yes. On the
    local AWS nobody has to agree to what harms nothing.
    """
    waived = consent.wait or consent.cancel_release
    refusals = [each for each in plan.refusals if not (each.waits and waived)]
    unnamed = [loss for loss in plan.losses if not consent.names(loss)]
    if refusals or unnamed:
        why = [f"  {each.where}: {each.why}. {each.remedy}" for each in refusals]
        why += [f"  {loss}" for loss in unnamed]
        raise RefusedError("\n".join([f"{plan.stack} was not changed:", *why]))
    asks = prompt.attended() and not consent.yes
    if plan.broader and not consent.allow_broader:
        if not asks and (consent.yes or aws.endpoint):
            lines = [
                f"{plan.stack} was not changed: it would allow more permissions",
                *map("  {}".format, plan.broader),
            ]
            remedy = "Review them. If they are intended, run again with --allow-broader."
            raise RefusedError("\n".join(lines), remedy)
        if asks and not prompt.confirmed("More permissions are allowed, as shown. Is that intended? (yes/no) ", "yes"):
            raise NotConfirmedError(f"{plan.stack} was not changed.")
    if not (consent.yes or aws.endpoint):
        _ask(aws, environment, plan, prompt)


def _ask(aws: Aws, environment: Environment, plan: Plan, prompt: Prompt) -> None:
    production = environment.name == PRODUCTION
    if not prompt.attended():
        how = f"Run again with --yes{' and --plan FILE, of a reviewed plan' if production else ''}."
        raise NotConfirmedError(f"{plan.stack} was not changed: confirmation needs a terminal.", how)
    # Nobody types a name by habit.
    where = f"{plan.stack} in account {aws.identity().account}, {aws.region}"
    word = PRODUCTION if production else "yes"
    question = f"{'Delete' if plan.kind == DELETE else 'Change'} {where}? ({'its name' if production else 'yes/no'}) "
    if not prompt.confirmed(question, word):
        raise NotConfirmedError(f"{plan.stack} was not changed.")


# --- production


def check_production(environment: Environment, identity: Identity, access: Stack | None, project: Path) -> None:
    """Raises `RefusedError` unless the environment may be deployed by this identity from this tree; only production
    asks."""
    if environment.name == PRODUCTION:
        check_deployer(environment, identity, access)
        _check_tree(environment, project)


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
        state = git.state(project)
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
