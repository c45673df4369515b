"""The AWS command line as builds use it: arguments to an API call by botocore's model, checked first, answered as it
prints.

Not simulated, and refused: options with structures in shorthand other than `name=value`, paging, other outputs than
json and text. Sources: AWS CLI user guide, cli-usage-parameters-types, cli-usage-output-format; awscli's
customizations of cloudfront create-invalidation, ecr get-login-password and s3api get-object.
"""

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError
from scripts.rehearsal.builds.programs import ProgramCall, ProgramResult
from scripts.rehearsal.errors import UnsupportedError
from scripts.rehearsal.permissions import PermissionChecker

Arguments = dict[str, Any]
Hook = Callable[[Arguments, dict[str, Any]], None]
WAITER_PAUSE = 0.1  # seconds: nothing here takes as long as in AWS


@dataclass
class CommandLine:
    """`aws` in the name of one role.

    `hooks` complete the answer of an operation (`ecs.describe_services`) before the build sees it; `replacements`
    answer operations that the local AWS does not have.
    """

    aws: Aws
    checker: PermissionChecker
    role: str
    hooks: Mapping[str, Hook] = field(default_factory=dict)
    replacements: Mapping[str, Callable[[Arguments], dict[str, Any]]] = field(default_factory=dict)

    def __call__(self, call: ProgramCall) -> ProgramResult:
        """One call of `aws`. Raises `AccessDeniedError`."""
        try:
            return self._run(call)
        except AwsError as error:
            text = f"An error occurred ({error.code}) when calling {error.call}: {error.message}\n"
            return ProgramResult(error=text, status=254)

    def _run(self, call: ProgramCall) -> ProgramResult:
        service, *words = call.arguments
        waiting = words[:1] == ["wait"]
        command, *rest = words[1:] if waiting else words
        file = rest.pop() if (service, command) == ("s3api", "get-object") and rest else ""
        options = _options(rest)
        body = _input(options.pop("cli-input-json", []), call.folder)
        query, output = (options.pop("query", [""])[0], options.pop("output", ["json"])[0])
        name = f"aws {service} {'wait ' if waiting else ''}{command}"
        self._check(name, {**_named_options(body), **options})
        client = "s3" if service == "s3api" else service
        if waiting:
            return self._wait(client, command, options)
        if name == "aws ecr get-login-password":
            token = self._call(client, "GetAuthorizationToken", {})["authorizationData"][0]["authorizationToken"]
            return ProgramResult(base64.b64decode(token).decode().partition(":")[2] + "\n")
        if (service, command) == (
            "s3api",
            "put-object",
        ):  # --body is the name of a file (AWS CLI reference, put-object)
            body["Body"] = (call.folder / options.pop("body", [""])[0]).read_bytes()
        answer = self._call(client, _operation(client, command), options, body)
        if file:
            (call.folder / file).write_bytes(answer.pop("Body").read())
        return ProgramResult(_printed(answer, query, output))

    def _check(self, name: str, options: Mapping[str, list[str]]) -> None:
        """An option with several values is several resources."""
        for number in range(max([1, *map(len, options.values())])):
            single = {key: values[min(number, len(values) - 1)] for key, values in options.items() if values}
            fields = {
                f"--{key}": value.rsplit("/", 1)[-1] if ":ecs:" in value else value for key, value in single.items()
            }
            parameter = single.get("names", "").rpartition(":parameter")[2]
            try:
                self.checker.check_operation(self.role, name, fields, parameter or "*")
            except KeyError as error:  # of the fields
                problem = f"{name} without {error.args[0]} is not simulated: its permissions are judged by it"
                raise UnsupportedError(problem) from error

    def _call(
        self, service: str, operation: str, options: Mapping[str, list[str]], body: Arguments | None = None
    ) -> dict[str, Any]:
        from botocore import xform_name

        arguments = {**(body or {}), **_arguments(service, operation, options)}
        method = xform_name(operation)
        replacement = self.replacements.get(f"{service}.{method}")
        answer = replacement(arguments) if replacement else self.aws.call(service, method, **arguments)
        answer.pop("ResponseMetadata", None)
        if hook := self.hooks.get(f"{service}.{method}"):
            hook(arguments, answer)
        return answer

    def _wait(self, service: str, name: str, options: Mapping[str, list[str]]) -> ProgramResult:
        """A waiter by botocore's model, with shorter pauses."""
        waiter = _waiters(service).get(name)
        if waiter is None:
            raise UnsupportedError(f"aws {service} wait {name}: there is no such waiter")
        for _ in range(waiter["maxAttempts"]):
            answer = self._call(service, waiter["operation"], options)
            matching = (acceptor["state"] for acceptor in waiter["acceptors"] if _accepts(acceptor, answer))
            state = next(matching, "retry")
            if state == "success":
                return ProgramResult()
            if state != "retry":
                return ProgramResult(error=f"Waiter {name} failed\n", status=255)
            time.sleep(WAITER_PAUSE)
        return ProgramResult(error=f"Waiter {name} failed: Max attempts exceeded\n", status=255)


def _input(values: list[str], folder: Path) -> Arguments:
    """What `--cli-input-json file://NAME` gives: parameters as the API has them (AWS CLI user guide,
    cli-usage-skeleton)."""
    if not values:
        return {}
    file = values[0].removeprefix("file://")
    if len(values) != 1 or file == values[0]:
        raise UnsupportedError("--cli-input-json is simulated with one file://NAME")
    parsed = json.loads((folder / file).read_text(encoding="utf-8"))
    if not isinstance(parsed, dict):
        raise UnsupportedError(f"--cli-input-json: {file} is not a JSON object")
    return parsed


def _named_options(body: Arguments) -> dict[str, list[str]]:
    """Parameters that are text, by the options that give the same."""
    from botocore import xform_name

    return {xform_name(name, "-"): [value] for name, value in body.items() if isinstance(value, str)}


def _options(words: list[str]) -> dict[str, list[str]]:
    """The long options with all the words that follow each."""
    options: dict[str, list[str]] = {}
    current = ""
    for word in words:
        if word.startswith("--"):
            current, _, value = word[2:].partition("=")
            options[current] = [value] if value else []
        elif not current:
            raise UnsupportedError(f"{word}: only long options are simulated")
        else:
            options[current].append(word)
    return options


@cache
def _model(service: str) -> Any:
    import botocore.session

    return botocore.session.Session().get_service_model(service)


@cache
def _waiters(service: str) -> dict[str, Any]:
    import botocore.session
    from botocore import xform_name

    loader = botocore.session.Session().get_component("data_loader")
    waiters = loader.load_service_model(service, "waiters-2")["waiters"]
    return {xform_name(name, "-"): body for name, body in waiters.items()}


def _operation(service: str, command: str) -> str:
    from botocore import xform_name

    operations: dict[str, str] = {xform_name(name, "-"): name for name in _model(service).operation_names}
    if command not in operations:
        raise UnsupportedError(f"aws {service} {command}: there is no such command")
    return operations[command]


def _arguments(service: str, operation: str, options: Mapping[str, list[str]]) -> Arguments:
    """The parameters of a call. Raises `UnsupportedError` for an option that the operation does not have."""
    from botocore import xform_name

    members = _model(service).operation_model(operation).input_shape.members
    member_names = {xform_name(name, "-"): name for name in members}
    arguments: Arguments = {}
    for option, values in options.items():
        if (operation, option) == ("CreateInvalidation", "paths"):
            paths = {"Quantity": len(values), "Items": values}
            arguments["InvalidationBatch"] = {"Paths": paths, "CallerReference": f"cli-{time.time_ns()}"}
        elif option in member_names:
            name = member_names[option]
            arguments[name] = _value(members[name], values, f"--{option}")
        else:
            raise UnsupportedError(f"{operation} has no option --{option}; it has {', '.join(sorted(member_names))}")
    return arguments


def _value(shape: Any, values: list[str], option: str) -> Any:
    if shape.type_name == "boolean":
        return not values or values == ["true"]
    if shape.type_name == "list":
        return [_value(shape.member, [value], option) for value in values]
    if len(values) != 1:
        raise UnsupportedError(f"{option} takes one value, not {values}")
    if shape.type_name in ("integer", "long"):
        return int(values[0])
    if shape.type_name == "structure":
        if values[0].startswith("{"):
            return json.loads(values[0])
        return dict(pair.split("=", 1) for pair in values[0].split(","))
    return values[0]


def _accepts(acceptor: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    import jmespath

    kind, expected = acceptor["matcher"], acceptor["expected"]
    if kind not in ("path", "pathAll", "pathAny"):
        return bool(kind == "status" and expected == 200)
    actual = jmespath.search(acceptor["argument"], answer)
    if kind == "path":
        return bool(actual == expected)
    return bool(actual) and (all if kind == "pathAll" else any)(value == expected for value in actual)


def _printed(answer: dict[str, Any], query: str, output: str) -> str:
    import jmespath

    value = jmespath.search(query, answer) if query else answer
    if output == "text":
        return "\n".join(_lines(value)) + "\n"
    if output != "json":
        raise UnsupportedError(f"--output {output} is not simulated, json and text are")
    return json.dumps(value, indent=4, default=str) + "\n" if value is not None or query else ""


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        raise UnsupportedError("--output text of a whole object is not simulated: choose values with --query")
    if isinstance(value, list) and any(isinstance(item, list) for item in value):
        for item in value:
            yield from _lines(item)
    else:
        yield "\t".join(map(str, value)) if isinstance(value, list) else str(value)
