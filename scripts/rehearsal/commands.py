"""The AWS command line as builds use it: arguments to an API call by botocore's model, judged first, answered as it
prints.

Not imitated, and refused: options with structures in shorthand other than `name=value`, paging, other outputs than
json and text. Sources: AWS CLI user guide, cli-usage-parameters-types, cli-usage-output-format; awscli's
customizations of cloudfront create-invalidation, ecr get-login-password and s3api get-object.
"""

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError
from scripts.rehearsal.errors import Unsupported
from scripts.rehearsal.permissions import Judge
from scripts.rehearsal.programs import Answer, Ask

Arguments = dict[str, Any]
Hook = Callable[[Arguments, dict[str, Any]], None]
PAUSE = 0.1  # between two questions of a waiter


@dataclass
class CommandLine:
    """`aws` in the name of one role. `hooks` see the answer of an operation (`ecs.describe_services`) before the build
    does; `instead` answers operations that the local AWS does not hold."""

    aws: Aws
    judge: Judge
    role: str
    hooks: Mapping[str, Hook] = field(default_factory=dict)
    instead: Mapping[str, Callable[[Arguments], dict[str, Any]]] = field(default_factory=dict)

    def __call__(self, ask: Ask) -> Answer:
        """One call of `aws`. Raises `Denied`."""
        try:
            return self._run(ask)
        except AwsError as error:
            return Answer(
                error=f"An error occurred ({error.code}) when calling {error.call}: {error.message}\n", status=254
            )

    def _run(self, ask: Ask) -> Answer:
        service, *words = ask.arguments
        waiting = words[:1] == ["wait"]
        command, *rest = words[1:] if waiting else words
        file = rest.pop() if (service, command) == ("s3api", "get-object") and rest else ""
        options = _options(rest)
        query, output = (options.pop("query", [""])[0], options.pop("output", ["json"])[0])
        name = f"aws {service} {'wait ' if waiting else ''}{command}"
        self._judged(name, options)
        client = "s3" if service == "s3api" else service
        if waiting:
            return self._wait(client, command, options)
        if name == "aws ecr get-login-password":
            token = self._call(client, "GetAuthorizationToken", {})["authorizationData"][0]["authorizationToken"]
            return Answer(base64.b64decode(token).decode().partition(":")[2] + "\n")
        answer = self._call(client, _operation(client, command), options)
        if file:
            (ask.folder / file).write_bytes(answer.pop("Body").read())
        return Answer(_printed(answer, query, output))

    def _judged(self, name: str, options: Mapping[str, list[str]]) -> None:
        """An option with several values is several resources."""
        for number in range(max([1, *map(len, options.values())])):
            given = {key: values[min(number, len(values) - 1)] for key, values in options.items() if values}
            fields = {
                f"--{key}": value.rsplit("/", 1)[-1] if ":ecs:" in value else value for key, value in given.items()
            }
            named = given.get("names", "").rpartition(":parameter")[2]
            self.judge.need(self.role, name, fields, named or "*")

    def _call(self, service: str, operation: str, options: Mapping[str, list[str]]) -> dict[str, Any]:
        from botocore import xform_name

        arguments = _arguments(service, operation, options)
        method = xform_name(operation)
        played = self.instead.get(f"{service}.{method}")
        answer = played(arguments) if played else self.aws.call(service, method, **arguments)
        answer.pop("ResponseMetadata", None)
        if hook := self.hooks.get(f"{service}.{method}"):
            hook(arguments, answer)
        return answer

    def _wait(self, service: str, name: str, options: Mapping[str, list[str]]) -> Answer:
        """A waiter by botocore's model, with shorter pauses: nothing here takes as long as in AWS."""
        waiter = _waiters(service).get(name)
        if waiter is None:
            raise Unsupported(f"aws {service} wait {name}: there is no such waiter")
        for _ in range(waiter["maxAttempts"]):
            answer = self._call(service, waiter["operation"], options)
            state = next((one["state"] for one in waiter["acceptors"] if _accepts(one, answer)), "retry")
            if state != "retry":
                return Answer(
                    error="" if state == "success" else f"Waiter {name} failed\n", status=255 * (state != "success")
                )
            time.sleep(PAUSE)
        return Answer(error=f"Waiter {name} failed: Max attempts exceeded\n", status=255)


def _options(words: list[str]) -> dict[str, list[str]]:
    """The long options with all the words that follow each."""
    found: dict[str, list[str]] = {}
    current = ""
    for word in words:
        if word.startswith("--"):
            current, _, value = word[2:].partition("=")
            found[current] = [value] if value else []
        elif not current:
            raise Unsupported(f"{word}: only long options are imitated")
        else:
            found[current].append(word)
    return found


@cache
def _model(service: str) -> Any:
    import botocore.session

    return botocore.session.Session().get_service_model(service)


@cache
def _waiters(service: str) -> dict[str, Any]:
    import botocore.session
    from botocore import xform_name

    loader = botocore.session.Session().get_component("data_loader")
    found = loader.load_service_model(service, "waiters-2")["waiters"]
    return {xform_name(name, "-"): body for name, body in found.items()}


def _operation(service: str, command: str) -> str:
    from botocore import xform_name

    named: dict[str, str] = {xform_name(one, "-"): one for one in _model(service).operation_names}
    if command not in named:
        raise Unsupported(f"aws {service} {command}: there is no such command")
    return named[command]


def _arguments(service: str, operation: str, options: Mapping[str, list[str]]) -> Arguments:
    """The parameters of a call. Raises `Unsupported` for an option that the operation does not have."""
    from botocore import xform_name

    members = _model(service).operation_model(operation).input_shape.members
    named = {xform_name(name, "-"): name for name in members}
    arguments: Arguments = {}
    for option, values in options.items():
        if (operation, option) == ("CreateInvalidation", "paths"):
            paths = {"Quantity": len(values), "Items": values}
            arguments["InvalidationBatch"] = {"Paths": paths, "CallerReference": f"cli-{time.time_ns()}"}
        elif option in named:
            arguments[named[option]] = _value(members[named[option]], values, f"--{option}")
        else:
            raise Unsupported(f"{operation} has no option --{option}; it has {', '.join(sorted(named))}")
    return arguments


def _value(shape: Any, values: list[str], option: str) -> Any:
    if shape.type_name == "boolean":
        return not values or values == ["true"]
    if shape.type_name == "list":
        return [_value(shape.member, [one], option) for one in values]
    if len(values) != 1:
        raise Unsupported(f"{option} takes one value, not {values}")
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
    found = jmespath.search(acceptor["argument"], answer)
    if kind == "path":
        return bool(found == expected)
    return bool(found) and (all if kind == "pathAll" else any)(one == expected for one in found)


def _printed(answer: dict[str, Any], query: str, output: str) -> str:
    import jmespath

    found = jmespath.search(query, answer) if query else answer
    if output == "text":
        return "\n".join(_lines(found)) + "\n"
    if output != "json":
        raise Unsupported(f"--output {output} is not imitated, json and text are")
    return json.dumps(found, indent=4, default=str) + "\n" if found is not None or query else ""


def _lines(found: Any) -> Iterator[str]:
    if isinstance(found, dict):
        raise Unsupported("--output text of a whole object is not imitated: choose values with --query")
    if isinstance(found, list) and any(isinstance(one, list) for one in found):
        for one in found:
            yield from _lines(one)
    else:
        yield "\t".join(map(str, found)) if isinstance(found, list) else str(found)
