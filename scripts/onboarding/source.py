"""The facts of an application as the text of `generator/application.py`, and its parameter files."""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from generator.cfn.template_names import FRONTEND, REPOSITORY
from scripts.onboarding.facts import Application, Setting, TableFacts

HEAD = '''"""The application that is delivered: the only module that knows {title}.

Written by `delivery onboard` from the application's folder: correct here what it could not know. `project.py` says what
facts there are.
"""

from generator.project import {names}

APPLICATION = Project(
'''
# The pages' own scripts, styles and API, and nobody else's; inline styles are what component libraries write.
CONTENT_POLICY = (
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'self'",
)
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


def application_source(application: Application, taken: Collection[str]) -> str:
    """The module. `taken` are the names of the root's own parameters, which no variable may have."""
    calls = {"Backend", "Frontend", "Project", "SmokeRequest"}
    lines = [
        _field("name", slug(application.name, 40)),
        _field("short", slug(application.name, 20)),
        _field("title", application.title),
        _field("description", application.description),
        "    backend=Backend(",
        *(
            f"    {_field(name, value)}"
            for name, value in (
                ("directory", application.backend),
                ("module", application.module),
                ("python", application.python),
                ("port", application.port),
                ("health_path", application.health_path),
                ("container", "backend"),
                ("lint_columns", 120),
                ("base_image", "public.ecr.aws/docker/library/python:${PythonVersion}-slim"),
            )
        ),
        "    ),",
        "    frontend=Frontend(",
        f"    {_field('directory', application.frontend or 'frontend')}",
        f"    {_field('node', application.node)}",
        f"    {_field('output', application.output)}",
        f"    {_field('assets', application.assets)}",
    ]
    page = [f"BuildVariable({_text(name)}, {_text(value)})," for name, value in application.page_variables.items()]
    if page:
        calls.add("BuildVariable")
    lines += [
        *_several("        variables", page),
        f"    {_field('variable_prefixes', (application.prefix,))}",
        *_several("        api_paths", [f"{_text(path)}," for path in application.api_paths]),
        *_several("        content_policy", [f"{_text(directive)}," for directive in CONTENT_POLICY]),
        "    ),",
    ]
    plain = [setting for setting in application.settings if setting.kind not in KINDS]
    plain = plain or [Setting("ENVIRONMENT", "given", "production")]
    variables = [line for setting in plain for line in _variable(setting, taken)]
    secrets = [_secret(setting) for setting in application.settings if setting.kind in KINDS]
    tables = [_table(table) for table in application.tables]
    reaches = [
        setting for setting in plain if "REDIS" in setting.name and setting.kind == "chosen" and not setting.value
    ]
    lines += [
        *_several("    variables", variables),
        f"    smoke=(SmokeRequest({_text('GET')}, {_text(application.health_path)}, 200),),",
        *(_several("    secrets", secrets) if secrets else []),
        *(_several("    tables", tables) if tables else []),
        *_several(
            "    reaches", [f'Reach({_text(setting.name)}, "Redis", 6379, "ToRedis"),' for setting in reaches][:1]
        ),
    ]
    text = "\n".join(lines)
    used = ("Choice", "Reach", "Secret", "Table", "Variable", *KINDS.values())
    calls |= {name for name in used if re.search(rf"\b{name}\b", text)}
    constants = sorted(calls & set(KINDS.values()))
    names = ", ".join([*constants, *sorted(calls - set(constants))])
    head = HEAD.format(title=_comment(application.title), names=f"(\n    {names.replace(', ', f',{chr(10)}    ')},\n)")
    return f"{head}{text}\n)\n"


def parameter_file(body: Mapping[str, Any], root: Mapping[str, Any], application: Application) -> dict[str, Any]:
    """A parameter file for the new facts: what it chose of the parameters that still are there, and names for the
    application's tables, with the environment behind them."""
    known, environment = root["Parameters"], str(body["Parameters"].get("Environment", ""))
    parameters = {name: value for name, value in body["Parameters"].items() if name in known}
    for table in application.tables:
        if (parameter := f"{camel(_stem(table))}Table") in known:
            parameters[parameter] = table.name if environment == "production" else f"{table.name}-{environment}"
    if REPOSITORY in parameters:
        parameters[REPOSITORY] = slug(application.name, 40)
    if not application.frontend and FRONTEND in known:
        parameters[FRONTEND] = "NONE"
    return {**body, "Parameters": parameters, "Tags": {**body["Tags"], "CostCenter": slug(application.name, 20)}}


def _stem(table: TableFacts) -> str:
    return re.sub(r"_?TABLE(_NAME)?$", "", table.variable) or table.variable


def _variable(setting: Setting, taken: Collection[str]) -> list[str]:
    word = camel(setting.name)
    logical = f"{word}Value"
    if setting.kind == "given":
        return [f"Variable({_text(setting.name)}, {_text(logical)}, {_text(setting.value)}),"]
    parameter = f"App{word}" if word in taken else word
    limits = f'pattern=r"{TEXT}", rule="a text that is not empty"'
    if setting.type == "switch":
        limits = 'allowed=("true", "false")'
    elif setting.type == "number" and setting.value.isdigit() and int(setting.value) <= NUMBERS[1]:
        limits = f"between={NUMBERS}"
    elif not setting.value:
        limits = f'pattern=r"|{TEXT}", rule="a text, or empty"'
    meaning = f"{setting.name} of the application" + ("" if setting.value else "; empty for none")
    choice = f"Choice({_text(parameter)}, {_text(word)}, {_text(meaning)}, {_text(setting.value)}, {limits})"
    return [
        "Variable(",
        f"    {_text(setting.name)},",
        f"    {_text(logical)},",
        f"    choice={choice},",
        *([] if setting.value else ["    optional=True,"]),
        "),",
    ]


def _secret(setting: Setting) -> str:
    logical = "Encryption" if setting.kind == "fernet" else camel(setting.name)
    return f"Secret({_text(setting.name)}, {_text(logical)}, {KINDS[setting.kind]}, {_text(WHY[setting.kind])}),"


def _table(table: TableFacts) -> str:
    keys = f", partition={_text(table.partition)}, sort={_text(table.sort)}"
    return f"Table({_text(table.variable)}, {_text(camel(_stem(table)))}, {_text(table.name)}{keys}),"


def _several(name: str, lines: list[str]) -> list[str]:
    indent = name[: len(name) - len(name.lstrip())]
    return [f"{name}=(", *(f"{indent}    {line}" for line in lines), f"{indent}),"] if lines else [f"{name}=(),"]


def _field(name: str, value: object) -> str:
    if isinstance(value, tuple):
        return f"    {name}=({', '.join(map(_text, value))},),"
    return f"    {name}={_text(value) if isinstance(value, str) else value},"


def _text(value: str) -> str:
    """A text as Python writes it, in double quotes; what came from outside stays inside of them."""
    return json.dumps(value)


def _comment(text: str) -> str:
    return re.sub(r"[^\w .,()-]", "", text)
