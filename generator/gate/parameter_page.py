"""`docs/parameters.md`: every parameter that a person may choose, made from the rendered templates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from generator.cfn.assertions import as_text
from generator.cfn.names import ACCESS, EDGE, ENVIRONMENT, SHARED
from generator.cfn.templates import Template, TemplateSet
from generator.gate.effects import Effect, effects, retained

HEAD = """# Parameters

Made from the templates by `make templates`. One file in `params/` holds what an environment chooses; each root takes
those that it declares. *Changing it* says what that does to an environment that runs: *in place* interrupts nothing,
*new tasks* starts the application anew without interruption, *adds or removes* and *replaces* name what comes and goes
(*kept*: the old one stays behind, with its data), *cancels a release* that runs at that moment, because the pipeline
itself changes. The plan shows it before it happens.
"""
ROOTS = {
    ENVIRONMENT: "An environment",
    EDGE: "Resources in us-east-1",
    ACCESS: "Who may deploy and approve",
    SHARED: "What all environments share (`params/shared.json`)",
}
OTHER = "another value is another environment"
NAMED = 3  # how many things an effect names


def page(templates: TemplateSet) -> str:
    """The page as text."""
    return "\n".join([HEAD, *(line for root in ROOTS if root in templates for line in _root(templates, root))])


def _root(templates: TemplateSet, name: str) -> Iterator[str]:
    root = templates[name]
    yield f"## {ROOTS[name]}\n"
    computed = root.metadata.get("Computed", {})
    for group in root.metadata["AWS::CloudFormation::Interface"]["ParameterGroups"]:
        rows = [_row(templates, root, parameter, computed) for parameter in group["Parameters"]]
        if rows:
            yield f"### {group['Label']['default']}\n"
            yield "| parameter | meaning | choices | default | changing it |"
            yield "|---|---|---|---|---|"
            yield from rows
            yield ""


def _row(templates: TemplateSet, root: Template, name: str, computed: Mapping[str, Any]) -> str:
    declared = root.parameters[name]
    cells = [
        f"`{name}`",
        declared.get("Description", ""),
        _choices(declared),
        f"found: {computed[name]['Found']}" if name in computed else _default(declared),
        OTHER if name == "Environment" else _effects_text(templates, effects(root, name)),
    ]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _choices(declared: Mapping[str, Any]) -> str:
    if "AllowedValues" in declared:
        return ", ".join(f"`{as_text(choice)}`" for choice in declared["AllowedValues"])
    if "MinValue" in declared:
        return f"{as_text(declared['MinValue'])} to {as_text(declared['MaxValue'])}"
    return str(declared.get("ConstraintDescription", "")).removeprefix("must be ")


def _default(declared: Mapping[str, Any]) -> str:
    if "Default" not in declared:
        return "must be given"
    return f"`{as_text(declared['Default'])}`" if declared["Default"] != "" else "empty"


def _effects_text(templates: TemplateSet, caused: set[Effect]) -> str:
    """The effects as one cell; what happens in place is only told when nothing else does."""
    parts = []
    replaced = sorted(effect.what for effect in caused if effect.kind == "replaces")
    if replaced:
        kept = all(retained(templates.templates, address) for address in replaced)
        parts.append(f"replaces {_names(replaced)}{' (kept)' if kept else ''}")
    changed = sorted(effect.what for effect in caused if effect.kind == "adds or removes")
    if changed:
        parts.append(f"adds or removes {_names(changed)}")
    kinds = {effect.kind for effect in caused}
    parts += [text for kind, text in (("new tasks", "new tasks"), ("cancels", "cancels a release")) if kind in kinds]
    return "; ".join(parts) or "in place"


def _names(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
