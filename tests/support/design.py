"""What the proofs share: resources under chosen parameters, parameter files, buildspecs, permissions.

A proof is a test that takes nothing but `templates`, so that `test_conformance.py` can give it a set in which
something is missing.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from generator.cfn.assertions import broken, conditions
from generator.cfn.caller_rights import holders
from generator.cfn.intrinsics import OTHER, decide, render
from generator.cfn.permissions import Permission, of
from generator.cfn.templates import STACK, TemplateSet
from generator.gate.buildspec import inline_buildspec
from generator.gate.contracts import origin

ROOT = Path(__file__).resolve().parents[2]
BOTH = {"BackendTarget": "ECS", "FrontendTarget": "CLOUDFRONT"}
BACKEND_ONLY = {"BackendTarget": "ECS", "FrontendTarget": "NONE"}
FRONTEND_ONLY = {"BackendTarget": "NONE", "FrontendTarget": "CLOUDFRONT"}


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def sub(text: str) -> dict[str, str]:
    return {"Fn::Sub": text}


def attribute(name: str, what: str = "Arn") -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, what]}


def outcome(templates: TemplateSet, template: str, **provided: str) -> dict[str, bool]:
    """The conditions of a template; a parameter that is not given has a value that no condition compares with."""
    values = {**dict.fromkeys(templates[template].parameters, OTHER), **provided}
    return conditions(templates[template].body, values)


def under(templates: TemplateSet, address: str, **values: str) -> dict[str, Any]:
    """The properties of a resource, every `Fn::If` decided by the given parameters of its template."""
    resource = templates.resource(address)
    decided = decide(dict(resource.properties), outcome(templates, resource.template, **values))
    assert isinstance(decided, dict)
    return decided


def exists(templates: TemplateSet, address: str, **values: str) -> bool:
    """Whether the resource is made under the given parameters. Raises `UnknownNameError` when no template has it."""
    resource = templates.resource(address)
    return resource.condition is None or outcome(templates, resource.template, **values)[resource.condition]


def default(templates: TemplateSet, parameter: str) -> str | None:
    """The default of a parameter of the root `environment`; None without one."""
    value = declaration(templates, parameter).get("Default")
    return None if value is None else str(value)


def declaration(templates: TemplateSet, parameter: str, root: str = "environment") -> dict[str, Any]:
    declared = templates[root].parameters
    assert parameter in declared, f"{root} has no parameter {parameter}"
    return dict(declared[parameter])


def chosen(environment: str) -> dict[str, str]:
    """The parameters that `params/<environment>.json` chooses."""
    text = (ROOT / "params" / f"{environment}.json").read_text(encoding="utf-8")
    result: dict[str, str] = json.loads(text)["Parameters"]
    return result


def passed(templates: TemplateSet, child: str, parameter: str) -> Any:
    """What the root passes to a child as a parameter."""
    stack = templates.resource(f"environment.{child}")
    assert stack.type == STACK
    return stack.get("Parameters", parameter)


def real(templates: TemplateSet, address: str, value: Any) -> str:
    """A value of a resource in the root's terms, so that two values of different templates can be compared."""
    return origin(templates, templates[templates.resource(address).template], value)


def stages(templates: TemplateSet, **values: str) -> dict[str, dict[str, Any]]:
    """The pipeline's stages by name, in their order; no approval unless the parameters say so."""
    result = under(templates, "pipeline.Pipeline", **{"ApprovalRequired": "false", **BOTH, **values}).get("Stages", [])
    assert result, "the pipeline has no stages"
    return {stage["Name"]: stage for stage in result}


def actions(stage: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The actions of a stage by name, in the order in which they run."""
    return {action["Name"]: action for action in sorted(stage["Actions"], key=lambda action: int(action["RunOrder"]))}


def variables(templates: TemplateSet, project: str) -> dict[str, Any]:
    """The environment variables of a CodeBuild project, as they stand in the template."""
    result = templates.resource(f"build.{project}").get("Environment", "EnvironmentVariables", default=[])
    return {item["Name"]: item["Value"] for item in result}


def buildspec(templates: TemplateSet, project: str) -> dict[str, Any]:
    """The buildspec that a project carries."""
    spec = inline_buildspec(templates.resource(f"build.{project}"))
    assert spec and not spec.fault, f"build.{project} carries no buildspec"
    return dict(spec.body)


def commands(templates: TemplateSet, project: str, *phases: str) -> str:
    """The commands of the phases (all of them when none is named) as one text."""
    result = buildspec(templates, project)["phases"]
    return "\n".join(line for name in phases or result for line in result[name]["commands"])


def carried(templates: TemplateSet, holder: str) -> list[Permission]:
    """The statements of a resource, and of the managed policies of its template that it has."""
    return [item for each in holders(templates, templates.resource(holder)) for item in of(each)]


def grants(templates: TemplateSet, holder: str) -> dict[str, Permission]:
    """The statements that a resource carries, by Sid."""
    by_name = {permission.sid: permission for permission in carried(templates, holder)}
    assert by_name, f"{holder} carries no statement"
    return by_name


def allowed(templates: TemplateSet, holder: str) -> dict[str, set[str]]:
    """Each action that a role may do, with what it may do it on; what it trusts left out."""
    by_name: dict[str, set[str]] = {}
    present = carried(templates, holder)
    assert present, f"{holder} carries no statement"
    for item in present:
        if item.allows and item.kind != "trust":
            for action in item.actions:
                by_name.setdefault(action, set()).update(item.resources)
    return by_name


def arn(service: str, resource: str) -> str:
    """An ARN in the stack's partition, region and account, as `render` shows it."""
    return f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}"


def matches(declared: dict[str, Any], value: str) -> bool:
    """Whether a parameter's pattern accepts the value."""
    return re.fullmatch(declared["AllowedPattern"], value) is not None


def binds_whom_the_parameters_name(templates: TemplateSet, address: str, environment: str) -> None:
    """Asserts that a protecting policy is attached to the groups and roles of its root's parameters, and that the root
    is refused while nobody is named and no reason is given. `environment` is one that is refused so."""
    root = templates.resource(address).template
    nobody = dict.fromkeys(("DeveloperGroups", "DeveloperRoles", "DeveloperPermissionSets"), "")
    for key, name in (("Groups", "DeveloperGroups"), ("Roles", "DeveloperRoles")):
        listed = {"Fn::Split": [",", ref(name)]}
        assert under(templates, address, **{**nobody, name: "developers"}).get(key) == listed
        assert key not in under(templates, address, **nobody)
    values = {name: str(item.get("Default", "")) for name, item in templates[root].parameters.items()}
    reason = "ProtectionWaivedBecause"

    def refused(**chosen: str) -> set[str]:
        rules = broken(templates[root].body, {**values, "Environment": environment, **chosen})
        return {rule.rule for rule in rules if rule.rule.startswith("Protection")}

    assert refused() == {"ProtectionBindsSomebody"}
    assert [name for name in (*nobody, reason) if refused(**{name: "one"})] == []
    assert refused(DeveloperGroups="one", **{reason: "one"}) == {"ProtectionIsNotWaivedBesides"}
    declared = declaration(templates, "DeveloperGroups", root)
    assert all(matches(declared, names) for names in ("", "developers", "web.team,api-team"))
    assert not any(matches(declared, names) for names in ("a, b", "a,", "team/a"))
    assert not matches(declaration(templates, reason, root), "why not"), "a reason is a sentence"


def dimensions(alarm: dict[str, Any]) -> dict[str, str]:
    return {dimension["Name"]: render(dimension["Value"]) for dimension in alarm.get("Dimensions", ())}
