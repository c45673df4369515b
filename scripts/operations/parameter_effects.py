"""What the table of effects says of the parameters that a plan changes: what is told, what has to be named, what is
refused on a living environment."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from generator.cfn.effects import ALLOWED, NOTICE, REFUSED, ROWS, Row, find, rows_of
from generator.cfn.environments import SHARED, Environment
from generator.cfn.losses import CHANGED, DELETED, Loss
from generator.cfn.names import LOCAL, NOBODY, SUBSCRIBERS
from generator.cfn.stacks import Stack
from generator.cfn.template_names import BRANCH, EXISTING_KEY, EXISTING_REPOSITORY, KEY_ARN, REGISTRY_NAME
from scripts.deployment.plan import Notice, Refusal

# What the stack owns may be named instead of being found by the template: the output with the value that stays.
OWN = {EXISTING_KEY: KEY_ARN, EXISTING_REPOSITORY: REGISTRY_NAME}


def changes(environment: Environment, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Row]:
    """The row of every parameter that changes, in the template's order."""
    root = environment.root
    covered = {name for how in environment.computed.values() for name in how.get("Covers", ())}
    for name in root.parameters:
        if name in before and name in after:
            row = find(rows_of(ROWS, root.name, name, covered), name, before, after)
            if row is not None:
                yield row


def of_update(
    environment: Environment, previous: Stack, after: Mapping[str, str]
) -> tuple[list[Notice], list[Loss], list[Refusal]]:
    """What the update of a stack to other values says, what has to be named in it, and why it is refused."""
    notices, losses, refused = list[Notice](), list[Loss](), list[Refusal]()
    for row in changes(environment, previous.parameters, after):
        # Whoever has to name what is lost reads first what happens.
        if row.level in (NOTICE, ALLOWED):
            more = f" Deploy afterwards: {', '.join(_others(environment))}." if environment.name == SHARED else ""
            notices.append(Notice("effect", row.parameter, f"{row.text}{more}"))
        if row.level == ALLOWED:
            losses.append(Loss(row.parameter, "parameter", DELETED if row.deletes else CHANGED, row.loss))
        elif row.level == REFUSED and not _is_own(row.parameter, previous, after):
            refused.append(Refusal(row.happens, row.parameter, f"{row.around[0].upper()}{row.around[1:].rstrip('.')}."))
    return notices, losses, refused


def _others(environment: Environment) -> list[str]:
    """The environments that have a parameter file beside that of what they share."""
    files = sorted(Path(environment.file.path).parent.glob("*.json"))
    return [file.stem for file in files if file.stem != environment.name]


def _is_own(parameter: str, previous: Stack, after: Mapping[str, str]) -> bool:
    """Whether the new value names what the stack has already."""
    output = previous.outputs.get(OWN.get(parameter, ""), "")
    return bool(output) and after.get(parameter) == output


def subscribers_missing(template: Mapping[str, Any], parameters: Mapping[str, str]) -> Iterator[Notice]:
    """Says that nobody would get an environment's messages, where its root asks for subscribers and has none."""
    declared = template.get("Parameters", {})
    if not {*SUBSCRIBERS, BRANCH} <= set(declared) or parameters.get("Environment") == LOCAL:
        return
    values = [parameters.get(name, declared[name].get("Default", "")) for name in SUBSCRIBERS]
    if all(value in ("", NOBODY) for value in values):
        yield Notice("messages", "Notifications", f"nobody gets them: {' and '.join(SUBSCRIBERS)} name no subscriber")
