"""Ways to put a fault into a copy of our rendered templates: each makes a `Mutation`.

Long because every kind of fault has its maker here.
"""

from collections.abc import Callable
from typing import Any

from generator.cfn.names import ACCESS, ACCESS_ROOTS
from generator.cfn.places import walk

Bodies = dict[str, Any]
Mutation = Callable[[Bodies], str]  # changes the bodies and returns the address at which a finding is expected

PIPELINE, ROLE = "AWS::CodePipeline::Pipeline", "AWS::IAM::Role"
SERVICE, TASK = "AWS::ECS::Service", "AWS::ECS::TaskDefinition"

STATEMENT = {"Sid": "Mutant", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::bucket/key"]}


def pick(bodies: Bodies, kind: str) -> tuple[str, Any]:
    """The first resource of a type that belongs to no person, with its address."""
    for name, body in ((name, body) for name, body in bodies.items() if name not in ACCESS_ROOTS):
        for logical_id, resource in body["Resources"].items():
            if resource["Type"] == kind:
                return f"{name}.{logical_id}", resource
    raise LookupError(f"no template has a {kind}")


def put(kind: str, *way: Any, value: Any) -> Mutation:
    """Sets a property of the first resource of a type."""

    def mutate(bodies: Bodies) -> str:
        address, resource = pick(bodies, kind)
        inner = resource["Properties"]
        for step in way[:-1]:
            inner = inner.setdefault(step, {}) if isinstance(inner, dict) else inner[step]
        inner[way[-1]] = value
        return address

    return mutate


def alike(kind: str, name: str) -> Mutation:
    """Gives the last resource of a type the name of the first."""

    def mutate(bodies: Bodies) -> str:
        _, first = pick(bodies, kind)
        address, last = pick(dict(reversed(bodies.items())), kind)
        last["Properties"][name] = first["Properties"][name]
        return address

    return mutate


def drop(kind: str, *way: Any) -> Mutation:
    """Takes away a property that the first resource of a type has."""

    def mutate(bodies: Bodies) -> str:
        address, resource = pick(bodies, kind)
        inner = resource["Properties"]
        for step in way[:-1]:
            inner = inner[step]
        del inner[way[-1]]
        return address

    return mutate


def option(name: str, value: str | None) -> Mutation:
    """Changes an option of the environment of Elastic Beanstalk; None takes it away."""

    def mutate(bodies: Bodies) -> str:
        address, environment = pick(bodies, "AWS::ElasticBeanstalk::Environment")
        options = environment["Properties"]["OptionSettings"]
        [only] = [option for option in options if option.get("OptionName") == name]
        only["Value"] = value
        if value is None:
            options.remove(only)
        return address

    return mutate


def attribute(kind: str, name: str, value: Any) -> Mutation:
    """Sets an attribute beside the properties; None takes it away."""

    def mutate(bodies: Bodies) -> str:
        address, resource = pick(bodies, kind)
        resource[name] = value
        if value is None:
            del resource[name]
        return address

    return mutate


def metadata(kind: str, name: str, value: Any) -> Mutation:
    def mutate(bodies: Bodies) -> str:
        address, resource = pick(bodies, kind)
        resource["Metadata"][name] = value
        return address

    return mutate


def grant(*statements: Any, wildcards: bool = False, **statement: Any) -> Mutation:
    """Adds a statement to the first role's permissions, by default a harmless one with a reason."""

    def mutate(bodies: Bodies) -> str:
        address, role = pick(bodies, ROLE)
        role["Metadata"]["Reasons"]["Mutant"] = "it mutates"
        if wildcards:
            role["Metadata"]["Wildcards"]["Mutant"] = "it must"
        document = role["Properties"]["Policies"][0]["PolicyDocument"]
        document["Statement"] += statements or [
            {key: value for key, value in {**STATEMENT, **statement}.items() if value is not None}
        ]
        return address

    return mutate


def not_allowed(policy: str, *actions: str) -> Mutation:
    """Takes actions out of a policy of the role that CloudFormation deploys with."""

    def mutate(bodies: Bodies) -> str:
        resource = bodies[ACCESS]["Resources"][policy]
        documents = [
            policy["PolicyDocument"] for policy in resource["Properties"].get("Policies", [resource["Properties"]])
        ]
        for statement in (item for document in documents for item in document["Statement"]):
            statement["Action"] = [item for item in statement["Action"] if item not in actions]
        return f"{ACCESS}.ExecutionRole"

    return mutate


def in_question(text: str) -> Mutation:
    """Adds a text to the question that whoever approves is asked."""

    def mutate(bodies: Bodies) -> str:
        address, pipeline = pick(bodies, PIPELINE)
        for _, value in walk(pipeline["Properties"]["Stages"]):
            if isinstance(value, dict) and "CustomData" in value:
                value["CustomData"] += text
        return address

    return mutate


def only_tagged(policy: str, sid: str) -> Mutation:
    """Makes a statement of that role's policies ask for the tag of the environment."""

    def mutate(bodies: Bodies) -> str:
        properties = bodies[ACCESS]["Resources"][policy]["Properties"]
        [statement] = [item for item in properties["PolicyDocument"]["Statement"] if item["Sid"] == sid]
        condition = statement.setdefault("Condition", {}).setdefault("StringEquals", {})
        condition["aws:ResourceTag/Environment"] = {"Ref": "Environment"}
        return f"{ACCESS}.{policy}"

    return mutate


def trust(**changes: Any) -> Mutation:
    """Changes the statement that says who may assume the first role."""

    def mutate(bodies: Bodies) -> str:
        address, role = pick(bodies, ROLE)
        [statement] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        statement.update(changes)
        return address

    return mutate


def policy(kind: str, **changes: Any) -> Mutation:
    """Changes the first statement for a service in the policy of a resource."""

    def mutate(bodies: Bodies) -> str:
        address, resource = pick(bodies, kind)
        document = resource["Properties"].get("PolicyDocument") or resource["Properties"]["KeyPolicy"]
        statement = next(
            item for item in document["Statement"] if "Service" in item["Principal"] and "Condition" in item
        )
        statement.update(changes)
        return address

    return mutate


def clear_text_allowed(**changes: Any) -> Mutation:
    """Changes the statement of the artifact bucket's policy that denies requests without TLS."""

    def mutate(bodies: Bodies) -> str:
        bucket_policy = bodies["storage"]["Resources"]["ArtifactsPolicy"]
        [deny] = [
            item for item in bucket_policy["Properties"]["PolicyDocument"]["Statement"] if item["Effect"] == "Deny"
        ]
        deny.update(changes)
        return "storage.Artifacts"

    return mutate


def resource(kind: str, **properties: Any) -> Mutation:
    """Adds a resource to the storage template."""

    def mutate(bodies: Bodies) -> str:
        messages = {"Description": "A mutant.", "Requirements": ["PIP-8"], "Reasons": {"Mutant": "it mutates"}}
        bodies["storage"]["Resources"]["Mutant"] = {"Type": kind, "Properties": properties, "Metadata": messages}
        return "storage.Mutant"

    return mutate


def section(template: str, *way: Any, value: Any, at: str = "") -> Mutation:
    """Sets anything in a template; the finding is expected at the template, or at `at` inside it."""

    def mutate(bodies: Bodies) -> str:
        inner = bodies[template]
        for step in way[:-1]:
            inner = inner.setdefault(step, {}) if isinstance(inner, dict) else inner[step]
        inner[way[-1]] = value
        return f"{template}.{at}" if at else template

    return mutate


def sides(value: Any) -> list[Any]:
    """What a value can be, whatever its `Fn::If` decide."""
    if "Fn::If" in value:
        return [item for side in value["Fn::If"][1:] for item in sides(side)]
    return [] if value == {"Ref": "AWS::NoValue"} else [value]


def stages(bodies: Bodies) -> list[Any]:
    return [side for value in pick(bodies, PIPELINE)[1]["Properties"]["Stages"] for side in sides(value)]


def actions(bodies: Bodies) -> list[Any]:
    return [side for stage in stages(bodies) for value in stage["Actions"] for side in sides(value)]


def unchecked(stage: str, name: str) -> Mutation:
    """Takes a check from the entry of a stage."""

    def mutate(bodies: Bodies) -> str:
        [item] = [item for item in stages(bodies) if item["Name"] == stage]
        rules = item["BeforeEntry"]["Fn::If"][1]["Conditions"][0]["Rules"]
        rules[:] = [rule for rule in rules if rule["Name"] != name]
        return pick(bodies, PIPELINE)[0]

    return mutate


def skipped_by(provider: str) -> Mutation:
    """Lets the first stage with a check be skipped by another kind of rule."""

    def mutate(bodies: Bodies) -> str:
        item = next(item for item in stages(bodies) if "BeforeEntry" in item)
        item["BeforeEntry"]["Fn::If"][1]["Conditions"][0]["Rules"][0]["RuleTypeId"]["Provider"] = provider
        return pick(bodies, PIPELINE)[0]

    return mutate


def action(provider: str, **changes: Any) -> Mutation:
    """Changes the first action of a provider; a change of `Configuration` is added to what is there."""

    def mutate(bodies: Bodies) -> str:
        item = next(item for item in actions(bodies) if item["ActionTypeId"]["Provider"] == provider)
        for key, value in changes.items():
            item[key] = {**item[key], **value} if key == "Configuration" else value
        return pick(bodies, PIPELINE)[0]

    return mutate


def without_one_output(bodies: Bodies) -> str:
    """Leaves a build of several outputs with outputs that its buildspec does not make."""
    item = next(item for item in actions(bodies) if len(item.get("OutputArtifacts", ())) > 1)
    item["OutputArtifacts"].append({"Name": "Mutant"})
    return pick(bodies, PIPELINE)[0]


def child_parameter(name: str, value: Any) -> Mutation:
    """Declares a parameter in `storage`."""

    def mutate(bodies: Bodies) -> str:
        bodies["storage"]["Parameters"][name] = value
        return f"storage.{name}"

    return mutate


def passes(bodies: Bodies, name: str) -> Any:
    """What the environment's root passes to a child."""
    return bodies["environment"]["Resources"][name]["Properties"]["Parameters"]


def not_passed(bodies: Bodies) -> str:
    passes(bodies, "Storage").popitem()
    return "environment.Storage"


def not_taken(bodies: Bodies) -> str:
    passes(bodies, "Storage")["Mutant"] = "x"
    return "environment.Storage"


def not_given(bodies: Bodies) -> str:
    passes(bodies, "Build")["ArtifactBucketArn"] = {"Fn::GetAtt": ["Storage", "Outputs.Mutant"]}
    return "environment.Build"


def renamed_container(bodies: Bodies) -> str:
    pick(bodies, TASK)[1]["Properties"]["ContainerDefinitions"][0]["Name"] = "mutant"
    return pick(bodies, SERVICE)[0]


def not_granted(bodies: Bodies) -> str:
    """Takes the last permission of the first role away."""
    address, role = pick(bodies, ROLE)
    role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].pop()
    return address


def not_run(bodies: Bodies) -> str:
    """Adds a command that no row knows to the first inline buildspec."""
    address, project = pick(bodies, "AWS::CodeBuild::Project")
    lines = project["Properties"]["Source"]["BuildSpec"]["Fn::If"][1]["Fn::Join"][1]
    lines.insert(lines.index("    commands:") + 1, "      - aws sqs list-queues")
    return address


def buildspec_line(before: str, after: str, project: str = "BackendBuild") -> Mutation:
    """Replaces text in the inline buildspec of one project."""

    def mutate(bodies: Bodies) -> str:
        source = bodies["build"]["Resources"][project]["Properties"]["Source"]["BuildSpec"]
        lines = source["Fn::If"][1]["Fn::Join"][1] if "Fn::If" in source else source["Fn::Join"][1]
        assert any(before in line for line in lines), before
        lines[:] = [line.replace(before, after) for line in lines]
        return f"build.{project}"

    return mutate


def build_may(action: str, resource: str) -> Mutation:
    """Gives the backend's build a right."""

    def mutate(bodies: Bodies) -> str:
        role = bodies["build"]["Resources"]["BackendBuildRole"]
        role["Metadata"]["Reasons"]["Mutant"] = "it mutates"
        statement = {"Sid": "Mutant", "Effect": "Allow", "Action": [action], "Resource": [{"Fn::Sub": resource}]}
        role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].append(statement)
        return "build.BackendBuild"

    return mutate


def base_digests(value: str) -> Mutation:
    """Gives the backend's build other digests of its base image."""

    def mutate(bodies: Bodies) -> str:
        variables = bodies["build"]["Resources"]["BackendBuild"]["Properties"]["Environment"]["EnvironmentVariables"]
        next(variable for variable in variables if variable["Name"] == "BASE_DIGESTS")["Value"] = value
        return "build.BackendBuild"

    return mutate


def build_variable(old: str, new: str, project: str = "BackendBuild") -> Mutation:
    """Renames one environment variable of a project."""

    def mutate(bodies: Bodies) -> str:
        variables = bodies["build"]["Resources"][project]["Properties"]["Environment"]["EnvironmentVariables"]
        next(variable for variable in variables if variable["Name"] == old)["Name"] = new
        return f"build.{project}"

    return mutate


def no_flow_log(bodies: Bodies) -> str:
    address, _ = pick(bodies, "AWS::EC2::FlowLog")
    template, _, logical_id = address.partition(".")
    del bodies[template]["Resources"][logical_id]
    return pick(bodies, "AWS::EC2::VPC")[0]
