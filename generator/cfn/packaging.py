"""A root template with all that it nests, as it is stored for CloudFormation: under keys made of their content, so that
a key never changes its meaning. Pure."""

import hashlib
import json
from dataclasses import dataclass, field

from generator.cfn.templates import Body, Template

TEMPLATES = "templates/"  # prefix of the keys


@dataclass(frozen=True)
class Packaged:
    """One template as it is stored."""

    name: str
    key: str
    url: str
    body: Body = field(hash=False, repr=False)

    @property
    def content(self) -> bytes:
        """What is uploaded: indented, because people read it in the console."""
        return json.dumps(self.body, sort_keys=True, indent=1).encode()


@dataclass(frozen=True)
class PackagedSet:
    """A root template with everything that it nests; the root comes last."""

    templates: tuple[Packaged, ...]

    @property
    def root(self) -> Packaged:
        return self.templates[-1]


def package(root: Template, address: str) -> PackagedSet:
    """`root` and what it nests, with each `TemplateURL` rewritten to the child as it is stored at `address`."""
    done: dict[str, Packaged] = {}
    _package(root, address, done)
    return PackagedSet(tuple(done.values()))


def _package(template: Template, address: str, done: dict[str, Packaged]) -> Packaged:
    if template.name in done:
        return done[template.name]
    resources = dict(template.body["Resources"])
    for child in template.children():
        url = _package(child.template, address, done).url
        properties = {**child.resource.properties, "TemplateURL": url}
        resources[child.resource.logical_id] = {**child.resource.body, "Properties": properties}
    body = {**template.body, "Resources": resources}
    # Independent of the order of keys. Compact, which takes a fifth of the time: most templates are stored already.
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    key = f"{TEMPLATES}{template.name}-{digest[:32]}.json"
    done[template.name] = Packaged(template.name, key, f"{address}/{key}", body)
    return done[template.name]
