"""How an environment that is made again takes over what one of the same name has left: the tables by the names in its
file, registry and secret by the tags that the templates set, the key as what those are encrypted with.

What holds data outlives its stack (STK-4), and a new encryption key could not read it. So the environment adopts the
retained resources through its own parameters. On a real account their values go into the parameter file, which is the
truth. What was adopted on the local AWS lives no longer than that does: there the stack keeps the values, and no file
of the working tree names them. Only AWS is asked, never the old stack, which CloudFormation forgets after 90 days.

A living environment that gets a backend again (BackendTarget from NONE) is in the same position: its nested stacks with
data are made again beside what the earlier ones left.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from generator.cfn import assertions, environments
from generator.cfn.environments import Environment
from generator.cfn.parameters import effective
from generator.cfn.stacks import Stack
from generator.cfn.template_names import EXISTING_KEY, EXISTING_REPOSITORY, KEY_ARN, TABLES
from generator.cfn.templates import Child, load
from scripts.deployment.aws import Answer, Aws
from scripts.deployment.deploy_root import RootDeployment
from scripts.deployment.environment import COMPUTED, KEPT, Computed
from scripts.deployment.errors import AwsError, ParametersRefusedError, RefusedError
from scripts.deployment.plan import Plan

CREATE, EXISTING = "CREATE", "EXISTING"  # of DataTables
TABLE, REGISTRY, KMS_KEY = "AWS::DynamoDB::Table", "AWS::ECR::Repository", "AWS::KMS::Key"
SECRET = "AWS::SecretsManager::Secret"


@dataclass(frozen=True)
class Retained:
    """A parameter, the value that adopts what was left, and what that is."""

    parameter: str
    value: str
    what: str

    @property
    def line(self) -> str:
        """As it stands in a parameter file."""
        return f'"{self.parameter}": "{self.value}"'


def takes_over(parameter: str) -> bool:
    """Whether a parameter of the root names something that an earlier environment has left."""
    return parameter.startswith("Existing") or parameter == TABLES


def find(aws: Aws, environment: Environment, previous: Stack | None) -> list[Retained]:
    """What is left of an environment, as far as it would make the same anew: of one that does not exist, or of the
    nested stacks that `previous` lacks.

    Raises `RefusedError` when there is a choice that only a person can make.
    """
    new = _new_stacks(environment, previous)
    tables = dict(_tables(aws, environment)) if _makes(new, TABLE) else {}
    left = _secrets(aws, environment, new)
    secrets = [secret for several in left.values() for secret in several]
    # Images alone are no reason to ask: the next release builds one. A backend that comes back uses those of the last
    # one beside its data, where that is clear, and otherwise gets a registry of its own.
    images = _makes(new, REGISTRY) and (previous is None or tables or secrets)
    repositories = list(_repositories(aws, environment)) if images else []
    if previous and len(repositories) > 1:
        repositories = []
    retained = []
    if tables:
        _whole(aws, environment, tables)
        retained.append(Retained(TABLES, EXISTING, f"tables {', '.join(sorted(tables))}"))
    for parameter, several in left.items():
        if arn := _single(environment, parameter, [str(secret["ARN"]) for secret in several]):
            retained.append(Retained(parameter, arn, f"secret, {several[0]['Description']}"))
    if name := _single(
        environment, EXISTING_REPOSITORY, [str(repository["repositoryName"]) for repository in repositories]
    ):
        retained.append(Retained(EXISTING_REPOSITORY, name, "images"))
    keys = [
        *(table.get("SSEDescription", {}).get("KMSMasterKeyArn") for table in tables.values()),
        *(secret.get("KmsKeyId") for secret in secrets),
        *(repository.get("encryptionConfiguration", {}).get("kmsKey") for repository in repositories),
    ]
    living = [arn for arn in dict.fromkeys(filter(None, keys)) if _key_lives(aws, arn)]
    if previous and (other := set(filter(None, keys)) - {own := previous.outputs.get(KEY_ARN, "")}) and own:
        raise RefusedError(
            f"What {environment.stack} has left is encrypted with {', '.join(sorted(other))}, and the environment has "
            f"the key {own}, which alone its application may use.",
            "Encrypt it with the environment's key first (`aws dynamodb update-table --sse-specification`, `aws "
            "secretsmanager update-secret --kms-key-id`), or give the tables other names.",
        )
    if _makes(new, KMS_KEY) and (arn := _single(environment, EXISTING_KEY, living)):
        retained.insert(0, Retained(EXISTING_KEY, arn, "key that the rest is encrypted with"))
    return retained


def missing(aws: Aws, environment: Environment, own_key: str) -> list[str]:
    """What the file says that exists, and that is not there, or that the application could not read: it may use the
    key of the environment alone, which `own_key` is when it exists already."""
    absent = []
    if (arn := environment.chosen(EXISTING_KEY)) and not _key_lives(aws, arn):
        absent.append(f"{EXISTING_KEY}: there is no enabled key {arn}")
    for parameter in _secret_parameters(environment.root.children()):
        if (arn := environment.chosen(parameter)) and not _secret_lives(aws, arn):
            absent.append(f"{parameter}: there is no secret {arn}")
    name = environment.chosen(EXISTING_REPOSITORY)
    if name and not _there(lambda: aws.call("ecr", "describe_repositories", repositoryNames=[name])):
        absent.append(f"{EXISTING_REPOSITORY}: there is no repository {name}")
    if environment.chosen(TABLES) == EXISTING:
        there = dict(_tables(aws, environment))
        absent += [f"{TABLES}: there is no table {name}" for name in _names(environment).values() if name not in there]
        own = environment.chosen(EXISTING_KEY) or own_key
        absent += [
            f"{TABLES}: the table {name} is encrypted with {key}, which the application may not use"
            for name, table in there.items()
            if (key := str(table.get("SSEDescription", {}).get("KMSMasterKeyArn", own))) != own
            and not _is_managed_by_aws(aws, key)
        ]
    return absent


def _is_managed_by_aws(aws: Aws, key: str) -> bool:
    """Whether everybody in the account who may use a service may use the key (KMS developer guide, "AWS managed
    keys")."""
    answer = _there(lambda: aws.call("kms", "describe_key", KeyId=key))
    return bool(answer and answer["KeyMetadata"].get("KeyManager") == "AWS")


def _taken(aws: Aws, environment: Environment, previous: Stack) -> list[str]:
    """The tables that a living environment would make under a name that exists: of a name that it had before, say."""
    if TABLES not in previous.parameters or environment.chosen(TABLES) != CREATE:
        return []
    renamed = [name for key, name in _names(environment).items() if name != previous.parameters.get(key)]
    return [name for name in renamed if _table(aws, name)]


def _single(environment: Environment, parameter: str, values: list[str]) -> str:
    """The one there is, or nothing. Raises `RefusedError` when there are several."""
    if len(values) > 1:
        lines = "\n".join(f'  "{parameter}": "{value}"' for value in values)
        raise RefusedError(
            f"{environment.stack} has left several things of one kind, from several lives:\n{lines}",
            f"Put the right line into {environment.file.path}, and remove what nobody needs any more.",
        )
    return values[0] if values else ""


def _whole(aws: Aws, environment: Environment, tables: Mapping[str, Answer]) -> None:
    """Tables are adopted all or none. Raises `RefusedError` for some, and for one that is not this environment's."""
    lost = sorted(set(_names(environment).values()) - tables.keys())
    if lost:
        raise RefusedError(
            f"Of the tables of {environment.stack} there are {', '.join(sorted(tables))}, but not {', '.join(lost)}.",
            "Restore what is missing, or remove what is there, or give the tables other names.",
        )
    for name, table in tables.items():
        answer = aws.call("dynamodb", "list_tags_of_resource", ResourceArn=table["TableArn"])
        if not _ours(environment, answer.get("Tags", ())):
            raise RefusedError(
                f"There is a table {name}, and it is not one of {environment.stack}: its tags say so.",
                f'Give the table another name, or use what is there: "{TABLES}": "{EXISTING}" in '
                f"{environment.file.path}.",
            )


def _names(environment: Environment) -> dict[str, str]:
    """The names of the environment's tables by parameter: a child's parameter is the root's of the same name."""
    return {
        name: environment.chosen(name)
        for child in environment.root.children()
        for table in child.template.resources.values()
        if table.type == TABLE and (name := str(table.get("TableName", "Ref", default="")))
    }


def _tables(aws: Aws, environment: Environment) -> Iterator[tuple[str, Answer]]:
    for name in _names(environment).values():
        if answer := _table(aws, name):
            yield name, answer["Table"]


def _table(aws: Aws, name: str) -> Answer | None:
    return _there(lambda: aws.call("dynamodb", "describe_table", TableName=name))


def _repositories(aws: Aws, environment: Environment) -> Iterator[Answer]:
    """CloudFormation begins a generated name with that of the stack (User Guide, "Name type")."""
    for page in aws.pages("ecr", "describe_repositories"):
        for repository in page["repositories"]:
            if repository["repositoryName"].startswith(f"{environment.stack}-"):
                tags = aws.call("ecr", "list_tags_for_resource", resourceArn=repository["repositoryArn"])["tags"]
                if _ours(environment, tags):
                    yield repository


def _secrets(aws: Aws, environment: Environment, new: Sequence[Child]) -> dict[str, list[Answer]]:
    """The environment's secrets by the parameter that names each, as far as the file names none. Secrets that wait for
    their deletion are not listed (Secrets Manager API reference, ListSecrets)."""
    parameters = {
        description: parameter
        for parameter, description in _secret_parameters(new).items()
        if not environment.chosen(parameter)
    }
    left: dict[str, list[Answer]] = {parameter: [] for parameter in parameters.values()}
    if not left:
        return left
    for page in aws.pages(
        "secretsmanager", "list_secrets", Filters=[{"Key": "tag-value", "Values": [environment.name]}]
    ):
        for secret in page["SecretList"]:
            parameter = parameters.get(secret.get("Description", ""))
            if parameter and _ours(environment, secret.get("Tags", ())):
                left[parameter].append(secret)
    return left


def _secret_parameters(stacks: Sequence[Child]) -> dict[str, str]:
    """The parameters in whose place a secret is made while they are empty, as outputs say, each with the description
    of that secret. A child's parameter is the root's of the same name."""
    descriptions = {}
    for child in stacks:
        for output in child.template.outputs.values():
            match output["Value"]:
                case {"Fn::If": [_, {"Ref": logical_id}, {"Ref": parameter}]}:
                    resource = child.template.resources.get(logical_id)
                    if resource and resource.type == SECRET:
                        descriptions[parameter] = str(resource.get("Description"))
    return descriptions


def _secret_lives(aws: Aws, arn: str) -> bool:
    return bool(_there(lambda: aws.call("secretsmanager", "describe_secret", SecretId=arn)))


def _ours(environment: Environment, tags: Sequence[Mapping[str, str]]) -> bool:
    """Whether something was made by this environment: by the tags that every template sets."""
    values = {tag["Key"]: tag["Value"] for tag in tags}
    return (values.get("Application"), values.get("Environment")) == (environment.application, environment.name)


def _new_stacks(environment: Environment, previous: Stack | None) -> list[Child]:
    """The nested stacks that the environment would have, as its file stands, and that `previous` does not have."""
    body = environment.root.body
    values = effective(environment.file, body)
    children = _existing(environment, values)
    if previous is None:
        return children
    there = _existing(environment, {name: previous.parameters.get(name, value) for name, value in values.items()})
    return [child for child in children if child not in there]


def _existing(environment: Environment, values: Mapping[str, str]) -> list[Child]:
    """The nested stacks that there are under values of the root's parameters."""
    holds = assertions.conditions(environment.root.body, values)
    return [child for child in environment.root.children() if holds.get(child.resource.condition or "", True)]


def _makes(stacks: Sequence[Child], kind: str) -> bool:
    return any(resource.type == kind for child in stacks for resource in child.template.resources.values())


def _key_lives(aws: Aws, arn: str) -> bool:
    answer = _there(lambda: aws.call("kms", "describe_key", KeyId=arn))
    return bool(answer and answer["KeyMetadata"]["KeyState"] == "Enabled")


def _there(ask: Callable[[], Answer]) -> Answer | None:
    """The answer about one thing, None when there is no such thing."""
    try:
        return ask()
    except AwsError as error:
        # `ResourceNotFoundException`, `RepositoryNotFoundException`, `NotFoundException` in botocore's models.
        if error.code.endswith("NotFoundException"):
            return None
        raise


def adopted_parameters(root: RootDeployment, adopt: bool) -> list[Computed]:
    """The parameters that take over retained resources, beyond those of the file: of an environment that is about to be
    made, or that gets its backend back, when a person wants it so (`adopt`); of a living one on the local AWS those
    that it has besides.

    Raises `RefusedError` for resources that nobody wants to adopt, with the lines that would, and for a file that names
    what does not exist.
    """
    aws, environment, previous = root.aws, root.environment, root.previous
    if EXISTING_KEY not in environment.root.parameters:
        return []
    kept = list(_kept(environment, previous)) if previous and aws.endpoint else []
    values = {**environment.file.parameters, **{each.name: each.value for each in kept}}
    environment = replace(environment, file=replace(environment.file, parameters=values))
    if wrong := missing(aws, environment, previous.outputs.get(KEY_ARN, "") if previous else ""):
        lines = "\n".join(f"  {problem}" for problem in wrong)
        raise RefusedError(
            f"{environment.file.path} names what is not in this account and region:\n{lines}", "Correct the file."
        )
    if previous and (taken := _taken(aws, environment, previous)):
        raise RefusedError(
            f"{environment.stack} would make tables of these names, and they exist, outside of the stack: "
            f"{', '.join(taken)}.",
            f'Use them, with "{TABLES}": "{EXISTING}" in {environment.file.path} (for all tables); or choose names '
            "that are free; or take the tables into the stack by an import (CloudFormation User Guide, import).",
        )
    retained = find(aws, environment, previous)
    if retained and not adopt:
        lines = "\n".join(f"  {resource.line}  ({resource.what})" for resource in retained)
        writes = "" if aws.endpoint else f", which writes these lines into {environment.file.path}"
        forget = " Start over: `make local-stop` forgets everything." if aws.endpoint else ""
        raise RefusedError(
            f"Resources retained from an earlier {environment.stack} would conflict:\n{lines}",
            f"Use them: `apply --adopt`{writes}.{forget}",
        )
    return [*kept, *(Computed(each.parameter, each.value, COMPUTED, f"adopted: {each.what}") for each in retained)]


def record_adopted(root: RootDeployment, plan: Plan, templates: Path) -> list[str]:
    """Writes what is adopted into the parameter file; a line when there was anything to write. Nothing of the local AWS
    is written down."""
    values = {each.name: each.value for each in plan.computed if takes_over(each.name) and each.state == COMPUTED}
    if root.aws.endpoint or not values or not rewrite(root.environment, values, templates):
        return []
    return [f"{root.environment.file.path} names what is adopted from now on: commit it"]


def rewrite(environment: Environment, changes: Mapping[str, str], templates: Path) -> bool:
    """Writes new values of parameters into the environment's file, which stays as it is otherwise; False when they
    stand there already. Raises `ParametersRefusedError` when the new file would be wrong; then nothing is written."""
    file = environment.file
    if all(file.parameters.get(name) == value for name, value in changes.items()):
        return False
    new = replace(file, parameters={**file.parameters, **changes})
    if problems := environments.problems(new, load(templates)):
        raise ParametersRefusedError(problems)
    body = {"Parameters": new.parameters, "Tags": new.tags, "StackPolicy": new.stack_policy}
    text = json.dumps(body, indent=2, ensure_ascii=False) + "\n"
    # In one step, so that a file is never half written.
    fresh = Path(f"{file.path}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file.path)
    return True


def _kept(environment: Environment, previous: Stack) -> Iterator[Computed]:
    for name in filter(takes_over, environment.root.parameters):
        value = previous.parameters.get(name, "")
        if name not in environment.file.parameters and value != environment.chosen(name):
            yield Computed(name, value, KEPT, "adopted when the environment was made")
