"""Values in the root's terms, with ARNs spelled out: equal text means the same thing, wherever in the set it stands."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from generator.cfn.role_needs.row import ARN, PLACE, filled
from generator.cfn.role_needs.rows import ECS
from generator.cfn.templates import Resource, TemplateSet
from generator.gate.contracts import SERVICE, origin

# What `Fn::GetAtt` or `Ref` of a resource gives, where it is an ARN (CloudFormation user guide, return values).
ARNS: Mapping[tuple[str, str], str] = {
    ("AWS::S3::Bucket", "Arn"): f"{ARN}:s3:::<@>",
    ("AWS::ECR::Repository", "Arn"): f"{ARN}:ecr:{PLACE}:repository/<@>",
    ("AWS::Logs::LogGroup", "Arn"): f"{ARN}:logs:{PLACE}:log-group:<@>:*",
    (SERVICE, ""): f"{ECS}:service/<Cluster>/<@.Name>",
}
CHOICE = re.compile(r'\["\w+\.\w+", "(?:[^"\\]|\\.)*", "(?:[^"\\]|\\.)*"\]')  # as `origin` writes it
PLACEHOLDER = re.compile(r"\$\{(\w+)\.(\w+)(?:\.(\w+))?\}")


@dataclass(frozen=True)
class Terms:
    """Values of a template set in the root's terms."""

    templates: TemplateSet
    known: dict[tuple[str, str], str] = field(default_factory=dict, hash=False, repr=False)

    def text(self, template: str, value: Any) -> str:
        """A value as the one text that equal values share."""
        key = (template, value if isinstance(value, str) else repr(value))
        if key not in self.known:
            own = _ours(origin(self.templates, self.templates[template], value))
            self.known[key] = PLACEHOLDER.sub(lambda match: self._arn(*match.groups()) or match[0], own)
        return self.known[key]

    def resource(self, text: str) -> Resource | None:
        """The resource that a text such as `${notifications.Topic}` or `${encryption.Key.Arn}` stands for."""
        match = PLACEHOLDER.fullmatch(text)
        if match is None or match[1] not in self.templates:
            return None
        return self.templates[match[1]].resources.get(match[2])

    def _arn(self, template: str, name: str, attribute: str | None) -> str:
        resource = self.resource(f"${{{template}.{name}}}")
        shape = ARNS.get((resource.type, attribute or ""), "") if resource else ""
        own = {"@": f"${{{template}.{name}}}", "@.Name": f"${{{template}.{name}.Name}}"}
        if "<Cluster>" in shape and resource:
            own["Cluster"] = self.text(template, resource.get("Cluster"))
        return filled(shape, own)


def _ours(text: str) -> str:
    """The first side of each choice `["template.Condition", ours, existing]` inside a text."""
    match = CHOICE.search(text)
    if match is None:
        return text
    chosen, end = json.JSONDecoder().raw_decode(text, match.start())
    return _ours(text[: match.start()] + str(chosen[1]) + text[end:])
