"""The application's configuration: what the parameter file asks for beside what the environment holds.

Plain values come from the parameter file through the stacks (a value written elsewhere would be reset by the next
deployment), so they are changed there; secrets are generated in the account and stand in no file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from generator.cfn import template_names
from generator.cfn.environments import Environment
from generator.cfn.graph import mentions
from generator.cfn.instance import stack_instances
from generator.cfn.stacks import Stack
from generator.cfn.templates import Child, Template
from scripts.deployment.aws import Aws
from scripts.deployment.errors import UsageError
from scripts.operations.diagnose.history import nested

# The child that makes the values, and the group of the root's parameters that reach the application.
CHILD, GROUP = "Configuration", "Application"
SECRET = "AWS::SecretsManager::Secret"
LEAST = 32  # characters of a generated secret that a person exchanges


class Source(Enum):
    """How a secret comes to its value."""

    GENERATED = "made by the stack; a person may exchange it"
    KEPT = "made by the stack, once"
    FILLED = "given by a person"


@dataclass(frozen=True)
class DeclaredSecret:
    """A secret of the application: the output of the child `Configuration` that has its ARN, and its source."""

    variable: str
    output: str
    source: Source


@dataclass(frozen=True)
class Entry:
    """One variable of the application. `parameter` is the file's, empty for what follows from elsewhere; `configured`
    and `live` are None where there is no value, or none that is known before AWS is asked. A secret has no values,
    only the day on which it was last `changed`."""

    variable: str
    parameter: str = ""
    configured: str | None = None
    live: str | None = None
    changed: str = ""
    secret: bool = False

    @property
    def waiting(self) -> bool:
        """The file asks for something else than the environment holds."""
        return self.configured is not None and self.live is not None and self.configured != self.live


def declared(environment: Environment) -> dict[str, Entry]:
    """Every plain variable by name, as the templates and the parameter file have it."""
    computed = {parameter: how["First"] for parameter, how in environment.computed.items()}
    stacks = {instance.path: instance for instance in stack_instances(environment.root, environment.values(computed))}
    stack = stacks.get((CHILD,))  # none without a backend
    [child] = [child for child in environment.root.children() if child.resource.logical_id == CHILD]
    entries = {}
    for name, resource in child.template.resources.items() if stack else ():
        if stack and resource.type == "AWS::SSM::Parameter":
            variable = str(resource.get("Name", "Fn::Sub")).rpartition("/")[2]
            effective = stack.template.resources.get(name)  # an optional one has no value while its parameter is empty
            configured = stack.text(effective.get("Value")) if effective else None
            entries[variable] = Entry(variable, _parameter(environment, child, resource.get("Value")), configured)
    return entries


def declared_secrets(environment: Environment) -> dict[str, DeclaredSecret]:
    """The application's secrets by their variables, as the templates have them: what starts the application names
    each with the output of `Configuration` that it is read from."""
    children = {child.resource.logical_id: child.template for child in environment.root.children()}
    configuration = children.get(CHILD)
    secrets: dict[str, DeclaredSecret] = {}
    if configuration is None:
        return secrets
    for resource in (resource for template in children.values() for resource in template.resources.values()):
        for _, value in resource.walk():
            origin = value.get("ValueFrom") if isinstance(value, dict) else None
            output = origin.get("Ref") if isinstance(origin, dict) else None
            if isinstance(output, str) and output in configuration.outputs:
                made_by = configuration.outputs[output]["Value"]
                variable = str(value["Name"])
                secrets[variable] = DeclaredSecret(variable, output, _source(configuration, made_by))
    return secrets


def _source(configuration: Template, value: Any) -> Source:
    """How the secret is made that an output gives, unless an earlier one is named in its place."""
    reference = value.get("Fn::If", [None, value])[1]
    resource = configuration.resources[reference["Ref"]]
    if resource.get("SecretString") is not None:
        return Source.KEPT
    return Source.GENERATED if resource.get("GenerateSecretString") else Source.FILLED


def _parameter(environment: Environment, child: Child, value: object) -> str:
    """The parameter of the file that decides a value, empty when it is none or not one alone."""
    targets = {target for _, _, name, _ in mentions(value) for _, _, target, _ in mentions(child.parameters.get(name))}
    own = targets & set(environment.group(GROUP))
    return own.pop() if len(own) == 1 else ""


def entries(aws: Aws, environment: Environment, stack: Stack) -> list[Entry]:
    """Every variable, with what the environment holds. Secrets are told, never read."""
    tree = stack.outputs.get(template_names.CONFIGURATION_TREE)
    if tree is None:
        return []
    pages = aws.pages("ssm", "get_parameters_by_path", Path=tree)
    live = {
        parameter["Name"].rpartition("/")[2]: parameter["Value"] for page in pages for parameter in page["Parameters"]
    }
    plain = declared(environment)
    variables = [
        Entry(name, entry.parameter, entry.configured, live.get(name))
        for name in sorted({*plain, *live})
        for entry in [plain.get(name, Entry(name))]
    ]
    for variable, arn in secrets(aws, environment, stack).items():
        about = aws.call("secretsmanager", "describe_secret", SecretId=arn)
        changed = about.get("LastChangedDate") or about["CreatedDate"]
        # Without a version there is no value (Secrets Manager API reference, DescribeSecret, VersionIdsToStages).
        has_value = bool(about.get("VersionIdsToStages"))
        variables.append(Entry(variable, changed=f"{changed:%Y-%m-%d}" if has_value else "", secret=True))
    return variables


def secrets(aws: Aws, environment: Environment, stack: Stack) -> dict[str, str]:
    """The ARN of each secret by its variable."""
    declared = declared_secrets(environment)
    if not declared:
        return {}
    outputs = nested(aws, stack, (CHILD,)).outputs
    return {variable: outputs[secret.output] for variable, secret in declared.items()}


def unfilled(aws: Aws, environment: Environment, stack: Stack) -> list[str]:
    """The variables of the secrets that a person has to give and has not: without them no task starts."""
    if stack.outputs.get(template_names.CONFIGURATION_TREE) is None:
        return []
    filled = [name for name, secret in declared_secrets(environment).items() if secret.source is Source.FILLED]
    arns = secrets(aws, environment, stack) if filled else {}
    return [
        name
        for name in sorted(filled)
        if not aws.call("secretsmanager", "describe_secret", SecretId=arns[name]).get("VersionIdsToStages")
    ]


def fill(aws: Aws, environment: Environment, stack: Stack, name: str, value: str) -> None:
    """Writes the value of a secret; what runs keeps the old one until it is replaced."""
    arn = secrets(aws, environment, stack)[name]
    aws.call("secretsmanager", "put_secret_value", SecretId=arn, SecretString=value)


def chosen(environment: Environment, changes: Mapping[str, str]) -> dict[str, str]:
    """`changes` of variables (or of parameters of the group, by name) as parameters of the file. Raises `UsageError`
    for a variable that the file does not decide."""
    able = {name: entry.parameter for name, entry in declared(environment).items() if entry.parameter}
    parameters = {}
    for name, value in changes.items():
        parameter = able.get(name, name)
        if parameter not in environment.group(GROUP):
            reason = f"{name} is not decided by {environment.file.path}."
            raise UsageError(reason, f"These are: {', '.join(sorted(able))}.")
        parameters[parameter] = value
    return parameters


def differences(environment: Environment, other: Environment) -> list[tuple[str, str, str]]:
    """The parameters that two environments choose differently: name, the one's value, the other's."""
    first, second = (each.values(dict.fromkeys(each.computed, "")) for each in (environment, other))
    return [(name, first[name], second[name]) for name in sorted(first) if first[name] != second[name]]
