"""The facts of an application as the text of `generator/application.py`, and its parameter files."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from generator.cfn.template_names import FRONTEND, REPOSITORY, TARGET
from scripts.onboarding.facts import Application, Setting, TableFacts

HEAD = '''"""The application that is delivered: the only module that knows {title}.

Written by `delivery onboard` from the application's folder: correct here what it could not know. `project.py` says what
facts there are.
"""

from generator.project import {names}

'''
COLUMNS = 120  # as .ruff.toml says
TEXT = r"\S(.*\S)?"
NUMBERS = (0, 1_000_000_000)
KINDS = {"generated": "GENERATED", "fernet": "FERNET", "filled": "FILLED"}
WHY = {
    "generated": "Made by the stack; a new one invalidates what the application signed with it.",
    "fernet": "Encrypts what the application keeps; what it encrypted is lost with it.",
    "filled": "Given by a person before the first release.",
}


def camel(name: str) -> str:
    """`PAGE_SIZE` as `PageSize`."""
    return "".join(part[:1].upper() + part[1:].lower() for part in re.split(r"[^A-Za-z0-9]+", name) if part)


def slug(text: str, longest: int) -> str:
    """A text in small letters, digits and dashes, beginning with a letter."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return re.sub(r"^[^a-z]+", "", words)[:longest].strip("-") or "application"


@dataclass(frozen=True)
class Call:
    """A value of the facts: the name of its class, and its arguments, with their names as far as they have any."""

    name: str
    arguments: tuple[tuple[str, "Value"], ...]


@dataclass(frozen=True)
class Code:
    """A value that is written as it is: a constant by its name, a raw string."""

    text: str


Value = str | int | bool | Code | Call | tuple["Value", ...]


def call(name: str, /, *values: Value, **named: Value) -> Call:
    """A call with arguments by position, then by name."""
    return Call(name, (*(("", value) for value in values), *named.items()))


def application_source(application: Application, taken: Collection[str]) -> str:
    """The module. `taken` are the names of the root's own parameters, which no variable may have."""
    plain = [setting for setting in application.settings if setting.kind not in KINDS]
    plain = plain or [Setting("ENVIRONMENT", "given", "production")]
    secrets = tuple(_secret(setting) for setting in application.settings if setting.kind in KINDS)
    tables = tuple(map(_table, application.tables))
    reaches = [
        setting for setting in plain if "REDIS" in setting.name and setting.kind == "chosen" and not setting.value
    ]
    optional: dict[str, Value] = {
        "secrets": secrets,
        "tables": tables,
        "reaches": tuple(call("Reach", setting.name, "Redis", 6379, "ToRedis") for setting in reaches[:1]),
    }
    project = call(
        "Project",
        name=slug(application.name, 40),
        short=slug(application.name, 20),
        title=application.title,
        description=application.description,
        backend=call(
            "Backend",
            directory=application.backend or "backend",
            module=application.module or "app.main:app",
            python=application.python,
            port=application.port,
            health_path=application.health_path,
            container="backend",
            lint_columns=120,
            base_image="public.ecr.aws/docker/library/python:${PythonVersion}-slim",
        ),
        frontend=call(
            "Frontend",
            directory=application.frontend or "frontend",
            node=application.node,
            output=application.output,
            assets=application.assets,
            variables=tuple(call("BuildVariable", *pair) for pair in application.page_variables.items()),
            variable_prefixes=(application.prefix,),
            api_paths=tuple(application.api_paths) or ("/api/*",),
        ),
        variables=tuple(_variable(setting, taken) for setting in plain),
        smoke=(call("SmokeRequest", "GET", application.health_path, 200),),
        **{name: value for name, value in optional.items() if value},
    )
    calls = set(_names(project))
    constants = sorted(calls & set(KINDS.values()))
    names = [*constants, *sorted(calls - set(constants))]
    imported = ", ".join(names)
    if len(f"from generator.project import {imported}") > COLUMNS:
        imported = "(\n" + "".join(f"    {name},\n" for name in names) + ")"
    head = HEAD.format(title=_comment(application.title), names=imported)
    return f"{head}APPLICATION = {_written(project, 0, len('APPLICATION = '))}\n"


def _names(value: Value) -> Iterator[str]:
    """Every class and constant that a value takes from `generator.project`."""
    if isinstance(value, Call):
        yield value.name
        for _, argument in value.arguments:
            yield from _names(argument)
    elif isinstance(value, tuple):
        for item in value:
            yield from _names(item)
    elif isinstance(value, Code) and value.text.isidentifier():
        yield value.text


def _written(value: Value, indent: int, before: int) -> str:
    """A value as `ruff format` leaves it: on one line where that fits behind `before` columns and before a comma,
    otherwise the arguments of a call on one line, or each part on a line of its own. The whole is never on one line."""
    flat = _flat(value)
    if indent and indent + before + len(flat) + 1 <= COLUMNS:
        return flat
    inner = " " * (indent + 4)
    if isinstance(value, Call):
        parts = [(f"{name}=" if name else "", argument) for name, argument in value.arguments]
        opening = f"{value.name}("
        together = ", ".join(f"{name}{_flat(part)}" for name, part in parts)
        if len(inner) + len(together) <= COLUMNS:
            return f"{opening}\n{inner}{together}\n{' ' * indent})"
    elif isinstance(value, tuple):
        parts, opening = [("", item) for item in value], "("
    else:
        return flat
    lines = [f"{inner}{name}{_written(part, indent + 4, len(name))}," for name, part in parts]
    return "\n".join([opening, *lines, f"{' ' * indent})"])


def _flat(value: Value) -> str:
    if isinstance(value, Call):
        parts = [f"{name}={_flat(argument)}" if name else _flat(argument) for name, argument in value.arguments]
        return f"{value.name}({', '.join(parts)})"
    if isinstance(value, tuple):
        inside = ", ".join(map(_flat, value))
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if isinstance(value, Code):
        return value.text
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    """A text as Python and `ruff format` write it; what came from outside stays inside of its quotes."""
    double = json.dumps(text)
    if text.count('"') <= text.count("'"):
        return double
    inside = re.sub(r"\\(.)|'", lambda match: {'\\"': '"', "'": "\\'"}.get(match[0], match[0]), double[1:-1])
    return f"'{inside}'"


def parameter_file(body: Mapping[str, Any], known: Collection[str], application: Application) -> dict[str, Any]:
    """A parameter file for the new facts: what it chose of the parameters that still are there (`known`, of every root
    that the file is for), and names for the application's tables, with the environment behind them."""
    environment = str(body["Parameters"].get("Environment", ""))
    parameters = {name: value for name, value in body["Parameters"].items() if name in known}
    for table in application.tables:
        if (parameter := f"{camel(_stem(table))}Table") in known:
            parameters[parameter] = table.name if environment == "production" else f"{table.name}-{environment}"
    if REPOSITORY in parameters:
        parameters[REPOSITORY] = slug(application.name, 40)
    if not application.frontend and FRONTEND in known:
        parameters[FRONTEND] = "NONE"
    if not application.module and TARGET in known:
        parameters[TARGET] = "NONE"
    return {**body, "Parameters": parameters, "Tags": {**body["Tags"], "CostCenter": slug(application.name, 20)}}


def _stem(table: TableFacts) -> str:
    return re.sub(r"_?TABLE(_NAME)?$", "", table.variable) or table.variable


def _variable(setting: Setting, taken: Collection[str]) -> Call:
    word = camel(setting.name)
    logical = f"{word}Value"
    if setting.kind == "given":
        return call("Variable", setting.name, logical, setting.value)
    limits: dict[str, Value] = {"pattern": Code(f'r"{TEXT}"'), "rule": "a text that is not empty"}
    if setting.type == "switch":
        limits = {"allowed": ("true", "false")}
    elif setting.type == "number" and setting.value.isdigit() and int(setting.value) <= NUMBERS[1]:
        limits = {"between": NUMBERS}
    elif not setting.value:
        limits = {"pattern": Code(f'r"|{TEXT}"'), "rule": "a text, or empty"}
    meaning = f"{setting.name} of the application" + ("" if setting.value else "; empty for none")
    parameter = f"App{word}" if word in taken else word
    choice = call("Choice", parameter, word, meaning, setting.value, **limits)
    optional: dict[str, Value] = {} if setting.value else {"optional": True}
    return call("Variable", setting.name, logical, choice=choice, **optional)


def _secret(setting: Setting) -> Call:
    logical = "Encryption" if setting.kind == "fernet" else camel(setting.name)
    return call("Secret", setting.name, logical, Code(KINDS[setting.kind]), WHY[setting.kind])


def _table(table: TableFacts) -> Call:
    names = (table.variable, camel(_stem(table)), table.name)
    return call("Table", *names, partition=table.partition, sort=table.sort)


def _comment(text: str) -> str:
    return re.sub(r"[^\w .,()-]", "", text)
