"""Where the application's configuration lives, and what the application calls it.

`configuration` makes these values and `backend` hands them to the tasks; the names stand here, once. SSM values
cannot be empty, so a key whose value may be absent stands behind a condition, in both.
"""

from __future__ import annotations

from typing import NamedTuple

from generator.core import ports
from generator.core.ports import Kind, Port
from generator.project import FERNET, FILLED, GENERATED, Choice, Project, Secret, Variable


class Key(NamedTuple):
    """One plain value of the application: its environment variable, and the value as a `Fn::Sub` pattern over the
    ports named. `optional` keys are left out while their one port is empty; `logical` names the resource."""

    variable: str
    logical: str
    pattern: str
    takes: tuple[Port, ...]
    optional: bool = False

    @property
    def condition(self) -> str:
        return f"Has{self.logical}"


def port(choice: Choice) -> Port:
    """The parameter by which an environment chooses the value of a variable."""
    return Port(choice.parameter, Kind.TEXT, choice.meaning)


def keys(project: Project) -> list[Key]:
    """The keys in Parameter Store: the application's variables, and a name for each table."""
    return [
        *(key(variable) for variable in project.variables),
        *(
            _from_port(table.variable, f"{table.logical}Name", ports.table_name(table.logical))
            for table in project.tables
        ),
    ]


def key(variable: Variable) -> Key:
    """A variable as a key. What `${...}` in its value stands for is `KNOWN` in `project.py`."""
    if variable.choice:
        return _from_port(variable.name, variable.logical, port(variable.choice), variable.optional)
    known = [known for known in (ports.PUBLIC_URL, ports.ENVIRONMENT) if f"${{{known.name}}}" in variable.value]
    return Key(variable.name, variable.logical, variable.value, tuple(known))


def _from_port(variable: str, logical: str, source: Port, optional: bool = False) -> Key:
    return Key(variable, logical, f"${{{source.name}}}", (source,), optional)


def secret_arn(secret: Secret) -> Port:
    """The ARN under which what starts the application reads a secret."""
    return Port(f"{secret.logical}SecretArn", Kind.ARN, f"Secret with {secret.name}")


def existing_secret(secret: Secret) -> Port:
    """The parameter that names an earlier environment's secret of that name."""
    return Port(
        f"Existing{secret.logical}SecretArn",
        Kind.ARN,
        f"Surviving {secret.name} secret of an earlier environment; empty for a new one",
    )


def shape(project: Project) -> dict[str, object]:
    """A configuration of the right form, with which a build imports the application: values that an environment could
    have, and for each secret how one like it is made."""
    known = {"${PublicUrl}": "https://release.invalid", "${Environment}": "release", "${AWS::Region}": "xx-release-1"}
    plain = {table.variable: table.name for table in project.tables}
    for variable in project.variables:
        value = variable.choice.default if variable.choice else variable.value
        for name, sample in known.items():
            value = value.replace(name, sample)
        if value or not variable.optional:
            plain[variable.name] = value
    return {
        "plain": plain,
        "generated": {secret.name: secret.length for secret in project.secrets if secret.kind == GENERATED},
        "fernet": [secret.name for secret in project.secrets if secret.kind == FERNET],
        "filled": [secret.name for secret in project.secrets if secret.kind == FILLED],
    }
