"""One template in the making: what it takes, what it holds, what it gives.

A stack module's `build(project)` makes a `Stack`, takes its inputs as ports, adds its resources one by one, and
gives its outputs. `takes()` and `gives()` declare the port where it is used, so that the declaration cannot differ
from the use; `finish()` refuses inputs that nothing uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from troposphere import AWSHelperFn, AWSObject, Equals, If, Not, NoValue, Output, Parameter, Ref, Template, iam

from generator.core import canonical, paths, retention, tags
from generator.core.arns import Text
from generator.core.encoding import plain
from generator.core.iam import Anything, Grant, document
from generator.core.ports import ENVIRONMENT, ROLE_BOUNDARY, Port
from generator.project import Project

Resource = TypeVar("Resource", bound=AWSObject)


class StackError(ValueError):
    """A stack that must not be rendered; the message names the stack and the port, resource or statement."""


class Stack:
    """A template with a name, the module that makes it, its ports and its resources.

    `name` is the file's stem in `templates/`, `module` the maker's `__name__`, `why` one sentence for the template's
    Description.
    """

    def __init__(self, name: str, module: str, why: str, project: Project, *, is_root: bool = False) -> None:
        self.name = name
        self.module = module
        self.project = project
        self.is_root = is_root
        self.inputs: dict[str, Port] = {}
        self.outputs: dict[str, Port] = {}
        self.resources: dict[str, dict[str, Any]] = {}
        self.template = Template(Description=f"{project.title}: {why}")
        self.template.set_version("2010-09-09")
        self.template.set_metadata({"Generator": {"Module": module}})

    def takes(self, port: Port) -> Ref:
        """Declares the port as a parameter, once, and refers to it.

        A child's parameter is a plain String: at preview CloudFormation does not know what a sibling will give, and
        refuses or misreports constraints and SSM types on such values. Constraints stand on the roots.
        """
        known = self.inputs.setdefault(port.name, port)
        if known != port:
            raise StackError(f"{self.name} takes {port.name} as {port.kind} and as {known.kind}")
        if port.name not in self.template.parameters and not self.is_root:
            self.template.add_parameter(Parameter(port.name, Type="String", Description=port.meaning))
        return Ref(port.name)

    def gives(self, port: Port, value: Text) -> None:
        """Declares the port as an output."""
        if port.name in self.outputs:
            raise StackError(f"{self.name} gives {port.name} twice")
        self.outputs[port.name] = port
        self.template.add_output(Output(port.name, Value=value, Description=port.meaning))

    def when(self, name: str, condition: AWSHelperFn) -> str:
        """Adds a condition, once, and returns its name. Raises `StackError` when the name means something else."""
        known = self.template.conditions.get(name)
        if known is None:
            self.template.add_condition(name, condition)
        elif known.to_dict() != condition.to_dict():
            raise StackError(f"{self.name} has two conditions called {name}")
        return name

    def add(self, resource: Resource, says: str, serves: Sequence[str], grants: Iterable[Grant] = ()) -> Resource:
        """Adds a resource with its tags, its IAM path, its deletion policies and what people should know about it.

        `says` is one sentence for the plan, the failure message and the reviewer; `serves` the requirement ids;
        `grants` the statements of the policy documents in the resource, for their reasons. What troposphere finds
        wrong with the resource is raised here, so that the traceback ends at its line.
        """
        retention.apply(resource)
        paths.apply(resource, self.project.name)
        if tags.has(resource):
            tags.apply(resource, tags.common(self.project.name, self.name, self.takes(ENVIRONMENT)))
        metadata: dict[str, object] = {"Description": says, "Requirements": list(serves)}
        grants = list(grants)
        if grants:
            metadata["Reasons"] = {grant.sid: grant.because for grant in grants}
            if wildcards := {grant.sid: grant.on.because for grant in grants if isinstance(grant.on, Anything)}:
                metadata["Wildcards"] = wildcards
        resource.Metadata = metadata
        if resource.title in self.resources:
            raise StackError(f"{self.name} has two resources called {resource.title}")
        # Rendered once, here: an error is raised at the line of whoever adds, and nothing is encoded twice.
        self.resources[resource.title] = plain(resource)
        return resource

    def role(
        self,
        title: str,
        trusted: Grant,
        grants: Sequence[Grant],
        says: str,
        serves: Sequence[str],
        condition: str | None = None,
        optional: Sequence[tuple[str, Sequence[Grant]]] = (),
        managed: Sequence[Text] = (),
    ) -> iam.Role:
        """A role for one job, without a name of its own, with its permissions inline, inside the boundary of the
        environment's roles (`generator/roots/access/boundary.py`).

        `optional` are further permissions that stand behind a condition of this stack each, as (condition, grants);
        the condition as in `only_if()`; `managed` the ARNs of AWS's own policies, for what only AWS knows how to do.
        """
        policies: list[object] = [iam.Policy(PolicyName="Job", PolicyDocument=document(grants))] if grants else []
        for name, extra in optional:
            policy = iam.Policy(PolicyName=name.replace("not ", "Not"), PolicyDocument=document(extra))
            policies.append(only_if(name, policy))
        role = iam.Role(
            title,
            AssumeRolePolicyDocument=document([trusted]),
            PermissionsBoundary=self.takes(ROLE_BOUNDARY),
            Policies=policies,
        )
        if condition:
            role.Condition = condition
        if managed:
            role.ManagedPolicyArns = list(managed)
        return self.add(role, says, serves, [trusted, *grants, *(grant for _, extra in optional for grant in extra)])

    def finish(self) -> str:
        """The canonical JSON. Raises `StackError` when an input is taken and not used."""
        template = self.template
        sections = {
            "AWSTemplateFormatVersion": template.version,
            "Conditions": template.conditions,
            "Description": template.description,
            "Metadata": template.metadata,
            "Outputs": template.outputs,
            "Parameters": template.parameters,
            "Rules": template.rules,
        }
        used = {name: plain(section) for name, section in sections.items() if section}
        body = canonical.text({**used, "Resources": self.resources})
        if idle := sorted(self.template.parameters.keys() - _used(body)):
            raise StackError(f"{self.name} takes {idle[0]} and uses it nowhere")
        return body


def _used(body: str) -> set[str]:
    """The names that the canonical text refers to: by `Ref`, or inside an `Fn::Sub`."""
    references = {part.partition('"')[0] for part in body.split('"Ref": "')[1:]}
    return references | {part.partition("}")[0] for part in body.split("${")[1:]}


def only_if(condition: str, value: object) -> AWSHelperFn:
    """The value where the condition holds, nothing elsewhere; `not NAME` is the opposite of the condition NAME."""
    name = condition.removeprefix("not ")
    return If(name, value, NoValue) if name == condition else If(name, NoValue, value)


def switched_on(port_value: Text, off: str) -> Not:
    """A condition that holds unless the switch stands at its `off` value."""
    return Not(Equals(port_value, off))
