"""The IAM path of what an environment makes: roles and policies of one environment lie under one path.

Generated names cannot tell environments apart: CloudFormation cuts both halves of a name that gets too long, and 25
characters of the stack's name stay in the name of a role, not enough to hold an environment's (KensioSoftware/yulin
issue 1113; AWS documents nothing of it). A path is whole, so the execution role of an environment can be held to it.
"""

from __future__ import annotations

from troposphere import AWSObject, Sub

from generator.core.ports import ENVIRONMENT


def path(application: str, suffix: str = "", environment: str = f"${{{ENVIRONMENT.name}}}") -> str:
    """The path as the text of an `Fn::Sub`; `suffix` sets what is above the environment apart from it, and
    `environment` is another one than the template's own."""
    return f"/{application}/{environment}{suffix}/"


def apply(resource: AWSObject, application: str) -> None:
    """Puts an IAM resource that says nothing else under the path of its environment."""
    if resource.resource_type.startswith("AWS::IAM::") and "Path" in resource.props:
        resource.properties.setdefault("Path", Sub(path(application)))
