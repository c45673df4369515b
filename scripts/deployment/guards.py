"""What somebody has to agree to: losses and permissions to be named, and the question. Nothing is changed here."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from generator.cfn.environments import PRODUCTION, Environment
from generator.cfn.losses import Loss
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
        return loss.name in (self.allow_replace if loss.replaces else self.allow_delete)


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
    if plan.broader and not consent.allow_broader:
        question = "More permissions are allowed, as shown. Is that intended? (yes/no) "
        intended = None if consent.yes else prompt(question, "yes")
        if intended is None and (consent.yes or aws.endpoint):
            what = f"{plan.stack} was not changed: it would allow more permissions"
            lines = [what, *map("  {}".format, plan.broader)]
            remedy = "Review them. If they are intended, run again with --allow-broader."
            raise RefusedError("\n".join(lines), remedy)
        if intended is False:
            raise NotConfirmedError(f"{plan.stack} was not changed.")
    if not (consent.yes or aws.endpoint):
        _ask(aws, environment, plan, prompt)


def _ask(aws: Aws, environment: Environment, plan: Plan, prompt: Prompt) -> None:
    production = environment.name == PRODUCTION
    # Nobody types a name by habit.
    where = f"{plan.stack} in account {aws.identity().account}, {aws.region}"
    word = PRODUCTION if production else "yes"
    question = f"{'Delete' if plan.kind == DELETE else 'Change'} {where}? ({'its name' if production else 'yes/no'}) "
    confirmed = prompt(question, word)
    if confirmed is None:
        how = f"Run again with --yes{' and --plan FILE, of a reviewed plan' if production else ''}."
        raise NotConfirmedError(f"{plan.stack} was not changed: confirmation needs a terminal.", how)
    if not confirmed:
        raise NotConfirmedError(f"{plan.stack} was not changed.")
