"""What would make cfn-lint ignore more than `lint.IGNORED`: none of it has an effect on the gate, and all of it fails.

cfn-lint reads suppressions from `Metadata: cfn-lint: config` of a template and of a resource, and from `.cfnlintrc`,
`.cfnlintrc.yaml` and `.cfnlintrc.yml` in the working and the home directory (cfn-lint README, "Configuration"). An
editor or another tool that runs cfn-lint here would obey them, and would tell people that nothing is wrong.
"""

from collections.abc import Iterator
from pathlib import Path

from generator.cfn.places import spell, walk
from generator.cfn.templates import TemplateSet
from generator.gate.finding import Finding

KEY = "cfn-lint"
FIX = "remove it; list what has to be ignored everywhere in generator/gate/lint.py, with its reason"


def suppressions(root: Path, templates: TemplateSet) -> Iterator[Finding]:
    """Every suppression in the templates and every configuration file of cfn-lint in the repository."""
    for template in templates:
        for place, value in walk(template.body):
            if isinstance(value, dict) and KEY in value:
                where = spell((*place, KEY))
                yield Finding(f"templates/{template.file}", where, "LINT001", "holds settings of cfn-lint", FIX)
    for folder in (root, root / "templates"):
        for file in sorted(folder.glob(".cfnlintrc*")):
            name = file.relative_to(root).as_posix()
            yield Finding(name, "file", "LINT001", "is a configuration file of cfn-lint", FIX)
