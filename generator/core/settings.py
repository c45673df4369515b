"""Parameters of a root as values: what an environment may choose, within which limits, under which heading.

Constraints stand here and not on the children: a child's parameters are fed by siblings, whose values are unknown at
preview. Parameters that only the deploy script can know are `Computed`; they may stand in no parameter file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from troposphere import AWSHelperFn, Parameter, Template

from generator.core.ports import ENVIRONMENT, Port


class Computed(NamedTuple):
    """How the deploy script finds a value (`source`), and what applies on the first deployment (`first`).

    Where the first deployment finds its value in AWS like every other, `first` is a stand-in of the right form, for
    checks without AWS. `covers` names the parameters whose values a digest is made of.
    """

    source: str
    first: str
    covers: Sequence[str] = ()


class Setting(NamedTuple):
    """One parameter. `default` is None for what differs in every environment; exactly one of `allowed` (choices),
    `pattern` and `between` (smallest and largest number) limits the value; `rule` is the limit's meaning in words,
    which a pattern needs and choices may have. `fixed` says why a living environment cannot change it, if so."""

    port: Port
    group: str
    label: str
    default: str | None = None
    allowed: Sequence[str] = ()
    pattern: str = ""
    rule: str = ""
    between: tuple[int, int] | None = None
    computed: Computed | None = None
    fixed: str = ""

    def parameter(self) -> Parameter:
        more: dict[str, object] = {}
        if self.default is not None:
            more["Default"] = self.default
        if self.allowed:
            more["AllowedValues"] = list(self.allowed)
        if self.pattern:
            more["AllowedPattern"] = self.pattern
        if self.rule:
            more["ConstraintDescription"] = f"must be {self.rule}"
        if self.between:
            more["MinValue"], more["MaxValue"] = self.between
        return Parameter(
            self.port.name, Type="Number" if self.between else "String", Description=self.port.meaning, **more
        )


def environment_name(group: str) -> Setting:
    """The parameter that every root of an environment has."""
    return Setting(
        ENVIRONMENT,
        group,
        "Name",
        # No dash: permissions and stacks of `eu` are told from those of others by `eu-`, which begins `eu-2` as well,
        # and Elastic Beanstalk takes no name that ends in one. The two words are part of other names.
        pattern="(?!(shared|templates)$)[a-z][a-z0-9]{1,15}",
        rule="2 to 16 lower-case letters or digits, starting with a letter, and neither `shared` nor `templates`",
    )


def add_to(template: Template, settings: Iterable[Setting]) -> None:
    """Adds the parameters, their groups and labels for the console, and the tables of computed and fixed ones."""
    settings = list(settings)
    for setting in settings:
        template.add_parameter(setting.parameter())
    groups: dict[str, list[str]] = {}
    for setting in settings:
        groups.setdefault(setting.group, []).append(setting.port.name)
    metadata = dict(template.metadata)
    metadata["AWS::CloudFormation::Interface"] = {
        "ParameterGroups": [{"Label": {"default": group}, "Parameters": names} for group, names in groups.items()],
        "ParameterLabels": {setting.port.name: {"default": setting.label} for setting in settings},
    }
    computed = {
        setting.port.name: {
            "Found": setting.computed.source,
            "First": setting.computed.first,
            **({"Covers": list(setting.computed.covers)} if setting.computed.covers else {}),
        }
        for setting in settings
        if setting.computed
    }
    if computed:
        metadata["Computed"] = computed
    if fixed := {setting.port.name: setting.fixed for setting in settings if setting.fixed}:
        metadata["Fixed"] = fixed
    template.set_metadata(metadata)


def refuse_unless(template: Template, rule: str, claim: AWSHelperFn, says: str) -> None:
    """Adds a rule over a root's parameters: unless the claim holds, a change set is refused with the text."""
    template.add_rule(rule, {"Assertions": [{"Assert": claim, "AssertDescription": says}]})
