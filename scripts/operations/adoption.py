"""How an environment that is made again takes over what one of the same name has left: the tables by the names in its
file, registry and secret by the tags that the templates set, the key as what those are encrypted with.

What holds data outlives its stack (STK-4), and a new encryption key could not read it. So the environment adopts the
retained resources through its own parameters. On a real account their values go into the parameter file, which is the
truth. What was adopted on the local AWS lives no longer than that does: there the stack keeps the values, and no file
of the working tree names them. Only AWS is asked, never the old stack, which CloudFormation forgets after 90 days.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from generator.cfn import assertions, environments
from generator.cfn.environments import Environment
from generator.cfn.parameters import effective
from generator.cfn.templates import Child, load
from scripts.deployment.aws import Answer, Aws
from scripts.deployment.deploy_root import RootDeployment
from scripts.deployment.environment import COMPUTED, KEPT, Computed
from scripts.deployment.errors import AwsError, ParametersRefusedError, RefusedError
from scripts.deployment.plan import Plan
from scripts.deployment.stacks import Stack

KEY, SECRET, REPOSITORY, TABLES = (
    "ExistingKeyArn",
    "ExistingEncryptionSecretArn",
    "ExistingRepositoryName",
    "DataTables",
)
PARAMETERS = (KEY, SECRET, REPOSITORY, TABLES)
CREATE, EXISTING = "CREATE", "EXISTING"  # of DataTables
TABLE, REGISTRY, KMS_KEY = "AWS::DynamoDB::Table", "AWS::ECR::Repository", "AWS::KMS::Key"


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


def find(aws: Aws, wanted: Environment) -> list[Retained]:
    """What is left of an environment that does not exist, as far as it would make the same anew.

    Raises `RefusedError` when there is a choice that only a person can make.
    """
    tables = dict(_tables(aws, wanted)) if _makes(wanted, TABLE) else {}
    repositories = list(_repositories(aws, wanted)) if _makes(wanted, REGISTRY) else []
    secrets = list(_secrets(aws, wanted))
    found = []
    if tables:
        _whole(aws, wanted, tables)
        found.append(Retained(TABLES, EXISTING, f"tables {', '.join(sorted(tables))}"))
    if arn := _one(wanted, SECRET, [str(one["ARN"]) for one in secrets]):
        found.append(Retained(SECRET, arn, "secret that the application's data is encrypted with"))
    if name := _one(wanted, REPOSITORY, [str(one["repositoryName"]) for one in repositories]):
        found.append(Retained(REPOSITORY, name, "images"))
    keys = [
        *(table.get("SSEDescription", {}).get("KMSMasterKeyArn") for table in tables.values()),
        *(one.get("KmsKeyId") for one in secrets),
        *(one.get("encryptionConfiguration", {}).get("kmsKey") for one in repositories),
    ]
    living = [arn for arn in dict.fromkeys(filter(None, keys)) if _key_lives(aws, arn)]
    if _makes(wanted, KMS_KEY) and (arn := _one(wanted, KEY, living)):
        found.insert(0, Retained(KEY, arn, "key that the rest is encrypted with"))
    return found


def missing(aws: Aws, wanted: Environment) -> list[str]:
    """What the file says that exists, and that is not there."""
    found = []
    if (arn := wanted.chosen(KEY)) and not _key_lives(aws, arn):
        found.append(f"{KEY}: there is no enabled key {arn}")
    if (arn := wanted.chosen(SECRET)) and not _there(
        lambda: aws.call("secretsmanager", "describe_secret", SecretId=arn)
    ):
        found.append(f"{SECRET}: there is no secret {arn}")
    name = wanted.chosen(REPOSITORY)
    if name and not _there(lambda: aws.call("ecr", "describe_repositories", repositoryNames=[name])):
        found.append(f"{REPOSITORY}: there is no repository {name}")
    if wanted.chosen(TABLES) == EXISTING:
        there = dict(_tables(aws, wanted))
        found += [f"{TABLES}: there is no table {name}" for name in _names(wanted).values() if name not in there]
    return found


def _one(wanted: Environment, parameter: str, held: list[str]) -> str:
    """The one there is, or nothing. Raises `RefusedError` when there are several."""
    if len(held) > 1:
        lines = "\n".join(f'  "{parameter}": "{one}"' for one in held)
        raise RefusedError(
            f"{wanted.stack} has left several things of one kind, from several lives:\n{lines}",
            f"Put the right line into {wanted.file.path}, and remove what nobody needs any more.",
        )
    return held[0] if held else ""


def _whole(aws: Aws, wanted: Environment, tables: Mapping[str, Answer]) -> None:
    """Tables are adopted all or none. Raises `RefusedError` for some, and for one that is not this environment's."""
    lost = sorted(set(_names(wanted).values()) - tables.keys())
    if lost:
        raise RefusedError(
            f"Of the tables of {wanted.stack} there are {', '.join(sorted(tables))}, but not {', '.join(lost)}.",
            "Restore what is missing, or remove what is there, or give the tables other names.",
        )
    for name, table in tables.items():
        answer = aws.call("dynamodb", "list_tags_of_resource", ResourceArn=table["TableArn"])
        if not _ours(wanted, answer.get("Tags", ())):
            raise RefusedError(
                f"There is a table {name}, and it is not one of {wanted.stack}: its tags say so.",
                f'Give the table another name, or use what is there: "{TABLES}": "{EXISTING}" in {wanted.file.path}.',
            )


def _names(wanted: Environment) -> dict[str, str]:
    """The names of the environment's tables by parameter: a child's parameter is the root's of the same name."""
    return {
        name: wanted.chosen(name)
        for child in wanted.root.children()
        for table in child.template.resources.values()
        if table.type == TABLE and (name := str(table.get("TableName", "Ref", default="")))
    }


def _tables(aws: Aws, wanted: Environment) -> Iterator[tuple[str, Answer]]:
    for name in _names(wanted).values():
        if answer := _table(aws, name):
            yield name, answer["Table"]


def _table(aws: Aws, name: str) -> Answer | None:
    return _there(lambda: aws.call("dynamodb", "describe_table", TableName=name))


def _repositories(aws: Aws, wanted: Environment) -> Iterator[Answer]:
    """CloudFormation begins a generated name with that of the stack (User Guide, "Name type")."""
    for page in aws.pages("ecr", "describe_repositories"):
        for one in page["repositories"]:
            if one["repositoryName"].startswith(f"{wanted.stack}-"):
                tags = aws.call("ecr", "list_tags_for_resource", resourceArn=one["repositoryArn"])["tags"]
                if _ours(wanted, tags):
                    yield one


def _secrets(aws: Aws, wanted: Environment) -> Iterator[Answer]:
    """Secrets that wait for their deletion are not listed (Secrets Manager API reference, ListSecrets)."""
    description = "" if wanted.chosen(SECRET) else _description(wanted)
    if not description:
        return
    for page in aws.pages("secretsmanager", "list_secrets", Filters=[{"Key": "tag-value", "Values": [wanted.name]}]):
        for one in page["SecretList"]:
            if one.get("Description") == description and _ours(wanted, one.get("Tags", ())):
                yield one


def _description(wanted: Environment) -> str:
    """The description of the secret in whose place the parameter stands, as an output says; empty without one."""
    for child in _made(wanted):
        for output in child.template.outputs.values():
            match output["Value"]:
                case {"Fn::If": [_, {"Ref": made}, {"Ref": parameter}]} if parameter == SECRET:
                    return str(child.template.resources[made].get("Description"))
    return ""


def _ours(wanted: Environment, tags: Sequence[Mapping[str, str]]) -> bool:
    """Whether something was made by this environment: by the tags that every template sets."""
    held = {tag["Key"]: tag["Value"] for tag in tags}
    return (held.get("Application"), held.get("Environment")) == (wanted.application, wanted.name)


def _made(wanted: Environment) -> list[Child]:
    """The nested stacks that the environment would have, as its file stands."""
    holds = assertions.conditions(wanted.root.body, effective(wanted.file, wanted.root.body))
    return [one for one in wanted.root.children() if one.resource.condition is None or holds[one.resource.condition]]


def _makes(wanted: Environment, kind: str) -> bool:
    return any(one.type == kind for child in _made(wanted) for one in child.template.resources.values())


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
    made when a person wants it so (`adopt`), of a living one on the local AWS as they were.

    Raises `RefusedError` for resources that nobody wants to adopt, with the lines that would, and for a file that names
    what does not exist.
    """
    aws, wanted, previous = root.aws, root.environment, root.previous
    if KEY not in wanted.root.parameters:
        return []
    if previous:
        return list(_kept(wanted, previous)) if aws.endpoint else []
    if wrong := missing(aws, wanted):
        told = "\n".join(f"  {one}" for one in wrong)
        raise RefusedError(
            f"{wanted.file.path} names what is not in this account and region:\n{told}", "Correct the file."
        )
    found = find(aws, wanted)
    if found and not adopt:
        told = "\n".join(f"  {one.line}  ({one.what})" for one in found)
        writes = "" if aws.endpoint else f", which writes these lines into {wanted.file.path}"
        forget = " Start over: `make local-stop` forgets everything." if aws.endpoint else ""
        raise RefusedError(
            f"Resources retained from an earlier {wanted.stack} would conflict:\n{told}",
            f"Use them: `apply --adopt`{writes}.{forget}",
        )
    return [Computed(one.parameter, one.value, COMPUTED, f"adopted: {one.what}") for one in found]


def record_adopted(root: RootDeployment, plan: Plan, templates: Path) -> list[str]:
    """Writes what is adopted into the parameter file; a line when there was anything to write. Nothing of the local AWS
    is written down."""
    values = {each.name: each.value for each in plan.computed if each.name in PARAMETERS and each.state == COMPUTED}
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


def _kept(wanted: Environment, previous: Stack) -> Iterator[Computed]:
    for name in PARAMETERS:
        value = previous.parameters.get(name, "")
        if name not in wanted.file.parameters and value != wanted.chosen(name):
            yield Computed(name, value, KEPT, "adopted when the environment was made")
