"""The calls in a buildspec that ask AWS for something: `aws SERVICE COMMAND` and `docker COMMAND`, in shell as in the
Python inside it. No shell parser: our buildspecs write each call in one piece, and what looks like one and cannot be
read is an error."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from generator.cfn.templates import TemplatesError

_START = re.compile(r"""(?:^|[\s("'`|;&!=])(aws|docker)\s+(?=[^\s=])""")
_AWS = re.compile(r"([a-z][a-z0-9-]*) ((?:wait )?[a-z][a-z0-9-]*)(?![\w=])([^\n|]*)")
_DOCKER = re.compile(r"([a-z]+)(?![\w=])([^\n|]*)")
_OPTION = re.compile(r"""--([a-z0-9-]+)[ =]("[^"]*"|'[^']*'|\{[^}]*\}|[^\s"')]+)""")
_LITERAL = re.compile(r"[\w./:-]+")
_VARIABLE = re.compile(r"\$\{?(\w+)\}?|\{variables\['(\w+)'\]\}")
_ONLY_WITH = re.compile(r"# only with (\w+)$")


class UnreadableCallError(TemplatesError):
    """A call whose service and command do not stand there in plain text."""

    def __init__(self, line: str) -> None:
        super().__init__(
            f"what does {line!r} call? Write `aws SERVICE COMMAND`, both as plain words, options after them"
        )


@dataclass(frozen=True)
class Call:
    """One call: `name` is `aws ecs update-service` or `docker push`, a waiter's is `aws ecs wait services-stable`.

    `options` are what the long options are given: a literal, or the `$NAME` of a variable; any other expression is
    left out. `only_with` is the variable without whose value the call is never made: the comment `# only with NAME`
    behind it.
    """

    name: str
    options: Mapping[str, str] = field(default_factory=dict, hash=False)
    only_with: str = ""


def calls(buildspec: Iterable[str]) -> list[Call]:
    """The calls in the lines of a buildspec, in order; comments do not count. Raises `UnreadableCallError`."""
    text = "\n".join(line for line in buildspec if not line.lstrip().startswith("#"))
    if re.search(r"\bboto(3|core)\b", text):
        raise UnreadableCallError("boto3")  # its calls cannot be seen in the text
    result = []
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        for start in _START.finditer(line):
            tool, rest = start[1], line[start.end() :]
            match = (_AWS if tool == "aws" else _DOCKER).match(rest)
            if match is None:
                raise UnreadableCallError(line.strip())
            *words, options = match.groups()
            only_with = _ONLY_WITH.search(line)
            result.append(Call(" ".join((tool, *words)), _options(options), only_with[1] if only_with else ""))
    return result


def _options(text: str) -> dict[str, str]:
    options = {}
    for name, written in _OPTION.findall(text):
        value = written.strip("\"'") if written[0] in "\"'" else written
        variable = _VARIABLE.fullmatch(value)
        if variable:
            options[name] = f"${variable[1] or variable[2]}"
        elif _LITERAL.fullmatch(value):
            options[name] = value
    return options
