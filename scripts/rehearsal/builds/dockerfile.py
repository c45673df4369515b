"""A Dockerfile as text: its instructions, and their words with variables replaced.

Sources: Docker's documentation, "Dockerfile reference" (parser directives, here-documents, environment replacement).
Own code, because no kept library reads here-documents.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

KNOWN = frozenset(
    [
        *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"),
        *("ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
    ]
)
WITH_DOCUMENTS = ("ADD", "COPY", "RUN")
FLAG = re.compile(r"--([a-z-]+)(?:=(\S*))?(?:\s+|$)")
# A here-document is a word of its own; `<<<` is one of bash's strings.
DOCUMENT = re.compile(r"(?:(?<=\s)|^)\d*<<(-?)([\"']?)([A-Za-z_][\w.-]*)\2(?=[\s;|&>]|$)")


class DockerfileError(Exception):
    """A builder would end here; the message is like `Dockerfile:3: COPY app: the context has no such file`."""


@dataclass(frozen=True)
class Instruction:
    """One instruction: its name, its flags, the rest of it, its here-documents by their delimiters, and its line."""

    name: str
    text: str
    line: int
    flags: Mapping[str, str]
    documents: Mapping[str, str]


def read(text: str) -> list[Instruction]:
    """The instructions of a Dockerfile. Raises `DockerfileError` for one that there is not, and for a here-document
    without its end."""
    lines, escape = text.splitlines(), "\\"
    for line in lines:
        directive = re.fullmatch(r"#\s*([A-Za-z]+)\s*=\s*(\S+)\s*", line)
        if directive is None:
            break
        if directive[1].lower() == "escape":
            escape = directive[2]
    instructions, number = [], 0
    while number < len(lines):
        if lines[number].lstrip().startswith("#"):
            number += 1
            continue
        first = number + 1
        joined, number = _joined(lines, number, escape)
        if not joined:
            continue
        name, *behind = joined.split(None, 1)
        name, rest = name.upper(), "".join(behind)
        if name not in KNOWN:
            raise DockerfileError(f"line {first}: unknown instruction: {name}")
        documents: dict[str, str] = {}
        for dash, _, delimiter in DOCUMENT.findall(rest) if name in WITH_DOCUMENTS else ():
            documents[delimiter], number = _document(lines, number, delimiter, bool(dash))
        flags, rest = _flags(rest.strip())
        instructions.append(Instruction(name, rest, first, flags, documents))
    return instructions


def _joined(lines: Sequence[str], number: int, escape: str) -> tuple[str, int]:
    """The line at a place with those that continue it, and the place behind them. Comments in between are no part."""
    joined = ""
    while number < len(lines):
        line, number = lines[number], number + 1
        if line.lstrip().startswith("#") or (joined and not line.strip()):
            continue
        continued = re.fullmatch(rf"(.*){re.escape(escape)}[ \t]*", line)
        joined += continued[1] if continued else line
        if not continued:
            break
    return joined.strip(), number


def _document(lines: Sequence[str], number: int, delimiter: str, tabs: bool) -> tuple[str, int]:
    body: list[str] = []
    for place in range(number, len(lines)):
        line = lines[place].lstrip("\t") if tabs else lines[place]
        if line == delimiter:
            return "".join(f"{line}\n" for line in body), place + 1
        body.append(line)
    raise DockerfileError(f"line {number}: the here-document {delimiter} has no end")


def _flags(text: str) -> tuple[dict[str, str], str]:
    flags: dict[str, str] = {}
    while match := FLAG.match(text):
        # A flag may be there several times, such as --mount.
        flags[match[1]] = " ".join(filter(None, (flags.get(match[1], ""), match[2] or "")))
        text = text[match.end() :]
    return flags, text


def words(text: str, variables: Mapping[str, str]) -> list[str]:
    """The words of an instruction, with variables replaced; none in single quotes, and none behind a backslash."""
    result: list[str] = []
    word, quote, open_word, place = "", "", False, 0
    while place < len(text):
        character = text[place]
        if character == "\\" and quote != "'" and place + 1 < len(text):
            word, open_word, place = word + text[place + 1], True, place + 2
            continue
        if character in "'\"" and quote in ("", character):
            quote, open_word = "" if quote else character, True
        elif character == "$" and quote != "'":
            value, place = _variable(text, place, variables)
            word, open_word = word + value, True
            continue
        elif character.isspace() and not quote:
            if open_word:
                result.append(word)
            word, open_word = "", False
        else:
            word, open_word = word + character, True
        place += 1
    return [*result, word] if open_word else result


def _variable(text: str, place: int, variables: Mapping[str, str]) -> tuple[str, int]:
    """The value of `$NAME` or `${NAME...}` at a place, and where it ends."""
    if plain := re.match(r"\$([A-Za-z_]\w*)", text[place:]):
        return variables.get(plain[1], ""), place + plain.end()
    braces = re.match(r"\$\{([A-Za-z_]\w*)(?:(:?[-+?])([^{}]*))?\}", text[place:])
    if not braces:
        return "$", place + 1
    name, sign, other = braces.groups()
    is_set = bool(variables.get(name)) if sign and sign.startswith(":") else name in variables
    alternative = " ".join(words(other or "", variables))
    if sign and sign.endswith("+"):
        value = alternative if is_set else ""
    else:
        value = variables.get(name, "") if is_set or not sign else alternative
    return value, place + braces.end()


def exec_form(text: str) -> list[str] | None:
    """The words of `["program", "argument"]`; None for a line of a shell, which everything else is."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, list) and all(isinstance(word, str) for word in value) else None
