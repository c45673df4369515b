"""What would make the gate ignore more than the one thing that is right: all of it fails.

`lint.IGNORED` itself is looked at, so that a line more there fails, too. What cfn-lint would obey has no effect on the
gate, and is a finding all the same.

cfn-lint reads suppressions from `Metadata: cfn-lint: config` of a template and of a resource, and from `.cfnlintrc`,
`.cfnlintrc.yaml` and `.cfnlintrc.yml` in the working and the home directory (cfn-lint README, "Configuration"). An
editor or another tool that runs cfn-lint here would obey them, and would tell people that nothing is wrong.
"""

from collections.abc import Iterator
from pathlib import Path

from generator.cfn.places import spell, walk
from generator.cfn.templates import TemplateSet
from generator.gate import lint
from generator.gate.finding import Finding

KEY = "cfn-lint"
FIX = "remove it: correct what cfn-lint finds"
# The package of a deployment puts an address in the place of the file name, which cfn-lint asks somebody to do.
PACKAGED = frozenset({("W3002", "TemplateURL")})


def suppressions(root: Path, templates: TemplateSet) -> Iterator[Finding]:
    """Every suppression in the templates, every configuration file of cfn-lint in the repository, and what the gate
    ignores beside the addresses of nested templates."""
    for rule, name in sorted(lint.IGNORED - PACKAGED):
        yield Finding("generator/gate/lint.py", "IGNORED", "LINT002", f"ignores {rule} at {name}", FIX)
    for template in templates:
        for place, value in walk(template.body):
            if isinstance(value, dict) and KEY in value:
                where = spell((*place, KEY))
                yield Finding(f"templates/{template.file}", where, "LINT001", "holds settings of cfn-lint", FIX)
    for folder in (root, root / "templates"):
        for file in sorted(folder.glob(".cfnlintrc*")):
            name = file.relative_to(root).as_posix()
            yield Finding(name, "file", "LINT001", "is a configuration file of cfn-lint", FIX)
