"""Ways to look at the roles in our rendered templates and to put faults into a copy of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from generator.cfn.names import ACCESS_ROOTS
from generator.cfn.templates import from_bodies, load
from generator.gate.role_needs.compare import Gap, compare

TEMPLATES = load(Path(__file__).parents[2] / "templates")
OWN = (resource for resource in TEMPLATES.resources("AWS::IAM::Role") if resource.template not in ACCESS_ROOTS)
ROLES = [resource.address for resource in OWN]
# The roles that the application runs as, on ECS and on Elastic Beanstalk.
APPLICATIONS = (APPLICATION := "backend.TaskRole", "beanstalk.InstanceRole")
Bodies = dict[str, Any]


def place(bodies: Bodies, address: str) -> Any:
    template, _, name = address.partition(".")
    return bodies[template]["Resources"][name]["Properties"]


def decided(value: Any) -> Any:
    """The first side of an `Fn::If` that is something."""
    while isinstance(value, dict) and "Fn::If" in value:
        value = next(side for side in value["Fn::If"][1:] if side != {"Ref": "AWS::NoValue"})
    return value


def allows(bodies: Bodies, role: str) -> list[Any]:
    """The statements of a role, in all its policies."""
    policies = map(decided, place(bodies, role)["Policies"])
    return [item for policy in policies for item in policy["PolicyDocument"]["Statement"] if item["Effect"] == "Allow"]


def statement(bodies: Bodies, role: str, sid: str) -> Any:
    return next(allow for allow in allows(bodies, role) if allow["Sid"] == sid)


def gaps(mutate: Callable[[Bodies], Any]) -> list[Gap]:
    bodies = TEMPLATES.bodies()
    mutate(bodies)
    return compare(from_bodies(bodies))


def buildspec(project: str, line: str) -> Callable[[Bodies], None]:
    """Adds a line to a project's inline buildspec."""

    def mutate(bodies: Bodies) -> None:
        lines = decided(place(bodies, project)["Source"]["BuildSpec"])["Fn::Join"][1]
        lines.insert(lines.index("    commands:") + 1, f"      - {line}")

    return mutate


def provider(old: str, new: str) -> Callable[[Bodies], None]:
    def mutate(bodies: Bodies) -> None:
        for stage in map(decided, place(bodies, "pipeline.Pipeline")["Stages"]):
            for action in map(decided, stage["Actions"]):
                if action["ActionTypeId"]["Provider"] == old:
                    action["ActionTypeId"]["Provider"] = new

    return mutate


def configured(provider: str, name: str, value: Any) -> Callable[[Bodies], None]:
    """Another value in the configuration of each action of a provider."""

    def mutate(bodies: Bodies) -> None:
        for stage in map(decided, place(bodies, "pipeline.Pipeline")["Stages"]):
            for action in map(decided, stage["Actions"]):
                if action["ActionTypeId"]["Provider"] == provider:
                    action["Configuration"][name] = value

    return mutate


def put(address: str, *way: Any, value: Any) -> Callable[[Bodies], None]:
    def mutate(bodies: Bodies) -> None:
        inner = place(bodies, address)
        for step in way[:-1]:
            inner = decided(inner[step])
        inner[way[-1]] = value

    return mutate


def drop(address: str, *way: Any) -> Callable[[Bodies], None]:
    def mutate(bodies: Bodies) -> None:
        inner = place(bodies, address)
        for step in way[:-1]:
            inner = decided(inner[step])
        del inner[way[-1]]

    return mutate


def grant(role: str, sid: str, key: str, value: Any) -> Callable[[Bodies], None]:
    return lambda bodies: statement(bodies, role, sid).update({key: value})


def rule(bodies: Bodies) -> None:
    stage = decided(place(bodies, "pipeline.Pipeline")["Stages"][1])
    stage["BeforeEntry"] = {
        "Conditions": [{"Rules": [{"Name": "Wait", "RuleTypeId": {"Provider": "DeploymentWindow"}}]}]
    }


def unused_role(bodies: Bodies) -> None:
    place(bodies, "network.FlowLog").pop("DeliverLogsPermissionArn")


def starred(bodies: Bodies) -> None:
    """All that a role is for is a thing without a row, and it may do everything."""
    place(bodies, "pipeline.StartRule")["Targets"][0]["Arn"] = "arn:aws:sqs:x:1:q"
    statement(bodies, "pipeline.StartRole", "StartPipeline").update(Action=["*"], Resource=["*"])


def moved(bodies: Bodies) -> None:
    """The statements on the site stand under the condition of the backend."""
    conditional = [
        policy["Fn::If"] for policy in place(bodies, "pipeline.PipelineRole")["Policies"] if "Fn::If" in policy
    ]
    next(item for item in conditional if item[0] == "Frontend")[0] = "Backend"
