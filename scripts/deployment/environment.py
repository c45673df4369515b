"""An environment: its root template and its parameter file, checked before anything happens."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from generator.cfn import environments
from generator.cfn import parameters as files
from generator.cfn.assertions import conditions
from generator.cfn.environments import ENVIRONMENT, SHARED
from generator.cfn.parameters import ParameterFile, ParameterFileError
from generator.cfn.templates import Template, TemplatesError, TemplateSet
from generator.cfn.templates import load as load_templates
from scripts.deployment.errors import ParametersRefusedError, RefusedError, UsageError

LOCAL = "local"  # the environment on the local AWS


@dataclass(frozen=True)
class Environment:
    """One root stack to be: `name` is `shared` or an environment's, whose roots share one parameter file."""

    name: str
    root: Template
    file: ParameterFile = field(repr=False)

    @property
    def application(self) -> str:
        """The application's name, as the templates tag it."""
        return environments.own_tags(self.root)["Application"]

    @property
    def stack(self) -> str:
        beside = "" if self.root.name in (SHARED, ENVIRONMENT) else f"-{self.root.name}"
        return f"{self.application}-{self.name}{beside}"

    @property
    def version(self) -> str:
        """The version of the template set."""
        return str(self.root.metadata["Generator"]["Version"])

    @property
    def region(self) -> str:
        """The one region in which the root can stand; empty for any."""
        return str(self.root.metadata.get("Region", ""))

    @property
    def needed(self) -> bool:
        """Whether the root would make anything of what the file asks for."""
        holds = conditions(self.root.body, files.effective(self.file, self.root.body))
        return any(one.condition is None or holds[one.condition] for one in self.root.resources.values())

    @property
    def tags(self) -> Mapping[str, str]:
        """The stack's tags: only the file's, because they reach every resource and must not change by themselves."""
        return self.file.tags

    @property
    def computed(self) -> Mapping[str, Mapping[str, Any]]:
        """The parameters that the script finds itself: how (`Found`), the value of the beginning (`First`), and what a
        digest is made of (`Covers`)."""
        declared: Mapping[str, Mapping[str, Any]] = self.root.metadata.get("Computed", {})
        return declared

    def keep(self, before: Mapping[str, str], values: Mapping[str, str]) -> None:
        """Raises `RefusedError` when `values` change what a living environment cannot change; `before` are its
        parameters.

        The template says which those are, and why.
        """
        fixed: Mapping[str, str] = self.root.metadata.get("Fixed", {})
        for name, why in fixed.items():
            if name in before and values.get(name, before[name]) != before[name]:
                raise RefusedError(f"{name} of {self.stack} is {before[name]} and cannot become {values[name]}: {why}.")

    def values(self, found: Mapping[str, str]) -> dict[str, str]:
        """Every parameter's value; what is in `found` goes before the file. Raises `RefusedError` when it lacks a
        computed one."""
        if missing := [name for name in self.computed if name not in found]:
            raise RefusedError(f"The script does not know how to find {', '.join(missing)} of {self.root.file}.")
        return {**files.effective(self.file, self.root.body, found), **found}

    def chosen(self, name: str) -> str:
        """The value that the file or its default chooses for a parameter; empty for one that the root does not have."""
        declared = self.root.parameters.get(name, {})
        return str(self.file.parameters.get(name, declared.get("Default", "")))

    @property
    def connection(self) -> str:
        """The ARN of the connection that the source stands behind; empty for a source in CodeCommit."""
        return self.chosen("ConnectionArn")

    def group(self, label: str) -> tuple[str, ...]:
        """The parameters of one group of the template's interface. Raises `RefusedError` when there is no such
        group."""
        interface: Mapping[str, Any] = self.root.metadata["AWS::CloudFormation::Interface"]
        for group in interface["ParameterGroups"]:
            if group["Label"]["default"] == label:
                return tuple(group["Parameters"])
        raise RefusedError(f"{self.root.file} has no parameter group {label!r}.")


def load(name: str, templates: Path, params: Path) -> dict[str, Environment]:
    """The roots of the environment `name` by the root's name, and `shared`, from the folders of templates and parameter
    files; the root that the file is named after comes last. `shared` stands for itself.

    Raises `UsageError` for a name without a file, `RefusedError` for files that cannot be read,
    `ParametersRefusedError` with everything that is wrong with the parameters.
    """
    try:
        read = load_templates(templates)
    except TemplatesError as error:
        raise RefusedError(str(error)) from error
    files = dict.fromkeys((SHARED, name))
    return {root: one for file in files for root, one in _environments(file, read, params).items()}


def _environments(name: str, templates: TemplateSet, params: Path) -> dict[str, Environment]:
    path = params / f"{name}.json"
    if not path.is_file():
        there = ", ".join(sorted(file.stem for file in params.glob("*.json"))) or "none"
        raise UsageError(f"There is no parameter file {path}.", f"There are: {there}.")
    try:
        file, problems = environments.check(path, templates)
    except (TemplatesError, ParameterFileError) as error:
        raise RefusedError(str(error)) from error
    if problems:
        # Named from where the person stands, as every other tool names files.
        near = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
        raise ParametersRefusedError([replace(problem, file=str(near)) for problem in problems])
    return {root: Environment(name, one, file) for root, one in environments.roots_of(name, templates).items()}


def rewrite(environment: Environment, changes: Mapping[str, str], templates: Path) -> bool:
    """Writes new values of parameters into the environment's file, which stays as it is otherwise; False when they
    stand there already. Raises `ParametersRefusedError` when the new file would be wrong; then nothing is written."""
    file = environment.file
    if all(file.parameters.get(name) == value for name, value in changes.items()):
        return False
    new = replace(file, parameters={**file.parameters, **changes})
    if problems := environments.problems(new, load_templates(templates)):
        raise ParametersRefusedError(problems)
    body = {"Parameters": new.parameters, "Tags": new.tags, "StackPolicy": new.stack_policy}
    text = json.dumps(body, indent=2, ensure_ascii=False) + "\n"
    # In one step, so that a file is never half written.
    fresh = Path(f"{file.path}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file.path)
    return True
