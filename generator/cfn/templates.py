"""The rendered templates as values: what every reader of the JSON builds on. Nothing here knows troposphere.

Long because set, template, child and resource are one small family that refers to each other.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeVar

from generator.cfn.assertions import as_text
from generator.cfn.places import Place, walk

Body = Mapping[str, Any]
STACK = "AWS::CloudFormation::Stack"
Result = TypeVar("Result")


class TemplatesError(Exception):
    """The rendered templates cannot be read; the message says which file and what to do."""


class FolderMissingError(TemplatesError):
    """The folder does not exist or holds no template."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} holds no rendered template (*.json): run `make templates` first")


class TemplateInvalidError(TemplatesError):
    """A file is no JSON, or JSON that is no CloudFormation template."""

    def __init__(self, file: str, reason: str, line: int | None = None) -> None:
        self.file, self.line = file, line
        where = f"{file}:{line}" if line else file
        super().__init__(f"{where}: {reason}; templates are generated, so run `make templates` instead of editing")


class UnknownNameError(TemplatesError):
    """A name that the set does not have."""

    def __init__(self, what: str, name: str, choices: list[str]) -> None:
        super().__init__(f"there is no {what} {name!r}; there are: {', '.join(sorted(choices)) or 'none'}")


@dataclass(frozen=True)
class Resource:
    """One resource of one template."""

    template: str
    logical_id: str
    body: Body = field(hash=False, repr=False)

    def __str__(self) -> str:
        return self.address

    @property
    def address(self) -> str:
        """What people and metadata call it: `storage.Artifacts`."""
        return f"{self.template}.{self.logical_id}"

    @property
    def type(self) -> str:
        return str(self.body["Type"])

    @property
    def properties(self) -> Body:
        return self.body.get("Properties") or {}

    @property
    def metadata(self) -> Body:
        return self.body.get("Metadata") or {}

    @property
    def condition(self) -> str | None:
        """The name of the condition under which it exists."""
        return self.body.get("Condition")

    @property
    def depends_on(self) -> tuple[str, ...]:
        named = self.body.get("DependsOn", ())
        return (named,) if isinstance(named, str) else tuple(named)

    @property
    def description(self) -> str:
        """The one human sentence of its metadata, or an empty string."""
        return str(self.metadata.get("Description", ""))

    @property
    def requirements(self) -> tuple[str, ...]:
        """The ids of the requirements that it serves."""
        return tuple(self.metadata.get("Requirements", ()))

    @property
    def reasons(self) -> Mapping[str, str]:
        """Why each of its IAM statements is there, by Sid."""
        return self.metadata.get("Reasons") or {}

    @property
    def wildcards(self) -> Mapping[str, str]:
        """Why a statement cannot name its resource, by Sid."""
        return self.metadata.get("Wildcards") or {}

    def get(self, *place: str | int, default: Any = None) -> Any:
        """The property at a place, `get("BucketEncryption", "Rules", 0)`; `default` where the way ends earlier."""
        value: Any = self.properties
        for step in place:
            if isinstance(value, str):  # has positions too, but they are no places
                return default
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return default
        return value

    def walk(self) -> Iterator[tuple[Place, Any]]:
        """Every property value, nested ones too, with the way to it from `Properties`."""
        return walk(self.properties)


@dataclass(frozen=True)
class Child:
    """A nested stack: the resource in the parent and the template that it instantiates."""

    resource: Resource
    template: "Template"

    @property
    def parameters(self) -> Body:
        """What the parent passes."""
        return dict(self.resource.get("Parameters", default={}))


@dataclass(frozen=True)
class Template:
    """One rendered template; `name` is the stem of its file, `digest` the SHA-256 of the file's bytes, empty for one
    that was read from no file."""

    name: str
    body: Body = field(hash=False, repr=False)
    family: Mapping[str, "Template"] = field(default_factory=dict, compare=False, repr=False)
    digest: str = field(default="", compare=False, repr=False)

    @property
    def file(self) -> str:
        return f"{self.name}.json"

    @cached_property
    def results(self) -> dict[Any, Any]:
        """What readers remember of it and of the stacks below it: a template never changes."""
        return {}

    @cached_property
    def resources(self) -> Mapping[str, Resource]:
        return {key: Resource(self.name, key, body) for key, body in self.body["Resources"].items()}

    @property
    def parameters(self) -> Mapping[str, Body]:
        return self.body.get("Parameters") or {}

    @cached_property
    def defaults(self) -> Mapping[str, str]:
        """The values of those of its parameters that have one by themselves."""
        return {name: as_text(how["Default"]) for name, how in self.parameters.items() if "Default" in how}

    @property
    def conditions(self) -> Body:
        return self.body.get("Conditions") or {}

    @property
    def outputs(self) -> Mapping[str, Body]:
        return self.body.get("Outputs") or {}

    @property
    def metadata(self) -> Body:
        return self.body.get("Metadata") or {}

    @property
    def module(self) -> str:
        """The Python module that makes it, or an empty string."""
        return str((self.metadata.get("Generator") or {}).get("Module", ""))

    def descendants(self) -> Iterator[Child]:
        """Its nested stacks, and those that they nest."""
        for child in self.children():
            yield child
            yield from child.template.descendants()

    def children(self) -> tuple[Child, ...]:
        """Its nested stacks. Raises `UnknownNameError` for a TemplateURL that is not a file of the set."""
        return self._children

    @cached_property
    def _children(self) -> tuple[Child, ...]:
        children = []
        for resource in (resource for resource in self.resources.values() if resource.type == STACK):
            url = str(resource.get("TemplateURL"))
            if url.removesuffix(".json") not in self.family:
                raise UnknownNameError(f"template for {resource.address}, whose TemplateURL is", url, list(self.family))
            children.append(Child(resource, self.family[url.removesuffix(".json")]))
        return tuple(children)


@dataclass(frozen=True)
class TemplateSet:
    """All rendered templates by name, in alphabetical order. `results` holds what readers made with `once` returned."""

    templates: Mapping[str, Template] = field(hash=False)
    results: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def __iter__(self) -> Iterator[Template]:
        return iter(self.templates.values())

    def __len__(self) -> int:
        return len(self.templates)

    def __contains__(self, name: object) -> bool:
        return name in self.templates

    def __getitem__(self, name: str) -> Template:
        """The template of that name. Raises `UnknownNameError` with the names there are."""
        if name not in self.templates:
            raise UnknownNameError("template", name, list(self.templates))
        return self.templates[name]

    def resources(self, *types: str) -> Iterator[Resource]:
        """All resources, or only those of the types named, template by template."""
        for template in self:
            yield from (r for r in template.resources.values() if not types or r.type in types)

    def resource(self, address: str) -> Resource:
        """The resource at an address such as `storage.Artifacts`. Raises `UnknownNameError` with the existing ones."""
        name, _, logical_id = address.partition(".")
        template = self[name]
        if logical_id not in template.resources:
            raise UnknownNameError("resource", address, [r.address for r in template.resources.values()])
        return template.resources[logical_id]

    def roots(self) -> tuple[Template, ...]:
        """The templates that no other one nests."""
        nested = {child.template.name for template in self for child in template.children()}
        return tuple(template for template in self if template.name not in nested)

    def bodies(self) -> dict[str, Any]:
        """A deep copy of the JSON by name, free to be changed and given to `from_bodies`."""
        return {template.name: json.loads(json.dumps(template.body)) for template in self}


def once(reader: Callable[[TemplateSet], Result]) -> Callable[[TemplateSet], Result]:
    """A reader of a whole set that reads each set once: several rules ask the same, and a set never changes."""

    def result_of(templates: TemplateSet) -> Result:
        if reader not in templates.results:
            templates.results[reader] = reader(templates)
        result: Result = templates.results[reader]
        return result

    return result_of


def from_bodies(bodies: Mapping[str, Any], digests: Mapping[str, str] | None = None) -> TemplateSet:
    """A set from parsed JSON by name; `digests` are those of the files that it was read from. Raises
    `TemplateInvalidError` for what is no template."""
    family: dict[str, Template] = {}
    for name, body in sorted(bodies.items()):
        resources = body.get("Resources") if isinstance(body, dict) else None
        if not isinstance(resources, dict) or not resources:
            raise TemplateInvalidError(f"{name}.json", "a template is an object with at least one entry in Resources")
        for logical_id, resource in resources.items():
            if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
                raise TemplateInvalidError(f"{name}.json", f"the resource {logical_id} has no Type")
        family[name] = Template(name, body, family, (digests or {}).get(name, ""))
    return TemplateSet(family)


def load(folder: Path) -> TemplateSet:
    """The set of every `*.json` in a folder. Files with the same names and bytes are one set, read once: it never
    changes.

    Raises `FolderMissingError` when there is none and `TemplateInvalidError`, with file and line, for what is no
    template.
    """
    files = tuple((file.stem, file.read_bytes()) for file in sorted(folder.glob("*.json")))
    if not files:
        raise FolderMissingError(folder)
    return _parsed(files)


@lru_cache(maxsize=4)  # both sides of a comparison, and the sets of two folders
def _parsed(files: tuple[tuple[str, bytes], ...]) -> TemplateSet:
    bodies: dict[str, Any] = {}
    for name, content in files:
        try:
            bodies[name] = json.loads(content.decode("utf-8"))
        except json.JSONDecodeError as error:
            raise TemplateInvalidError(f"{name}.json", f"no JSON: {error.msg}", error.lineno) from error
        except UnicodeDecodeError as error:
            raise TemplateInvalidError(f"{name}.json", "no UTF-8 text") from error
        except RecursionError as error:
            raise TemplateInvalidError(f"{name}.json", "nested too deeply") from error
    return from_bodies(bodies, {name: hashlib.sha256(content).hexdigest() for name, content in files})
