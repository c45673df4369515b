"""A picture of the system as Mermaid text, made from the rendered templates: what is nested, and who needs whom."""

from generator.cfn.graph import child_dependencies
from generator.cfn.templates import Template, TemplateSet


def mermaid(templates: TemplateSet, root: str = "environment") -> str:
    """The children of a root as boxes, their needs as arrows; what can be left out has a dashed border.

    Only direct needs are drawn: an arrow that a longer way already says is left out.
    """
    needs = child_dependencies(templates[root])
    optional = [name for name in needs if templates[root].resources[name].body.get("Condition")]
    lines = ["flowchart LR"]
    for name in sorted(needs):
        lines.append(f'  {name}["<b>{name}</b><br/>{_says(templates[name.lower()])}"]')
    for name in sorted(needs):
        lines += [f"  {need} --> {name}" for need in sorted(_direct(name, needs))]
    lines.append("  classDef optional stroke-dasharray: 5 5")
    lines.append(f"  class {','.join(sorted(optional))} optional")
    return "\n".join(lines) + "\n"


def _says(template: Template) -> str:
    return str(template.body["Description"]).partition(": ")[2]


def _direct(name: str, needs: dict[str, frozenset[str]]) -> set[str]:
    """The needs of a child that none of its other needs has already."""

    def everything(start: str) -> set[str]:
        return {start} | {far for need in needs[start] for far in everything(need)}

    behind = {far for need in needs[name] for far in everything(need) - {need}}
    return set(needs[name]) - behind
