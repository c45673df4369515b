"""What somebody has to agree to: losses and permissions to be named, and the question. Nothing is changed here."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from generator.cfn.environments import PRODUCTION, Environment
from scripts.deployment.aws import Aws
from scripts.deployment.errors import NotConfirmedError, RefusedError
from scripts.deployment.plan import DELETE, Plan

# Whether the answer of a person to a question is exactly a word; None where nobody can be asked.
Prompt = Callable[[str, str], bool | None]


def read_answer(question: str, word: str) -> bool | None:
    """A `Prompt` on standard input, whose end agrees to nothing."""
    if not sys.stdin.isatty():
        return None
    print(question, end="", flush=True)
    return sys.stdin.readline().strip() == word


@dataclass(frozen=True)
class Consent:
    """What somebody agreed to in advance; `yes` covers neither losses nor broader permissions."""

    yes: bool = False
    allow_replace: tuple[str, ...] = ()
    allow_delete: tuple[str, ...] = ()
    allow_broader: bool = False


def agree(aws: Aws, environment: Environment, plan: Plan, consent: Consent, prompt: Prompt) -> None:
    """Returns when everything in the plan of one root is agreed to.

    Raises `RefusedError` for what must not happen or was not named, `NotConfirmedError` when nobody said yes. On the
    local AWS nobody has to agree to what harms nothing.
    """
    named = {True: consent.allow_replace, False: consent.allow_delete}
    unnamed = [loss for loss in plan.losses if loss.name not in named[loss.replaces]]
    if plan.refusals or unnamed:
        lines = (f"  {each}" for each in (*plan.refusals, *unnamed))
        raise RefusedError("\n".join([f"{plan.stack} was not changed:", *lines]))
    if plan.broader and not consent.allow_broader:
        question = "More permissions are allowed, as shown. Is that intended? (yes/no) "
        intended = None if consent.yes else prompt(question, "yes")
        if intended is None and (consent.yes or aws.endpoint):
            lines = (f"  {grant}" for grant in plan.broader)
            reason = "\n".join([f"{plan.stack} was not changed: it would allow more permissions", *lines])
            raise RefusedError(reason, "Review them. If they are intended, run again with --allow-broader.")
        if intended is False:
            raise NotConfirmedError(f"{plan.stack} was not changed.")
    if consent.yes or aws.endpoint:
        return
    word, choice, how = "yes", "yes/no", "--yes"
    if environment.name == PRODUCTION:  # nobody types a name by habit
        word, choice, how = PRODUCTION, "its name", "--yes and --plan FILE, of a reviewed plan"
    where = f"{plan.stack} in account {aws.identity().account}, {aws.region}"
    confirmed = prompt(f"{'Delete' if plan.kind == DELETE else 'Change'} {where}? ({choice}) ", word)
    if confirmed is None:
        reason = f"{plan.stack} was not changed: confirmation needs a terminal."
        raise NotConfirmedError(reason, f"Run again with {how}.")
    if not confirmed:
        raise NotConfirmedError(f"{plan.stack} was not changed.")
