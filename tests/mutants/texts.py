"""The ways in which a text that people read may be wrong: a value is missing or stands where another belongs, a message
says the opposite, or what to do about it names another command or option.

Texts are the string literals with a space in them, and all f-strings; documentation is none. The places are looked for
in the bytes of the file: Python 3.11 does not say where in an f-string a value stands.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

Fault = tuple[str, int, int, str]  # the operator, the bytes from and to, and what stands there instead

_BEGINNING = re.compile(rb"([A-Za-z]{0,2})(\"\"\"|'''|\"|')")
_NOT = re.compile(rb"\bnot (?=\S)|(?<=can)not\b")
_OPTION = re.compile(rb"(?<![\w(-])--[a-z][a-z-]*[a-z]\b(?![-:])")  # and no property of a style sheet
_COMMAND = re.compile(rb"(?<=\bdelivery )[a-z]+\b|(?<=\bmake )[a-z]+\b(?= [A-Z]+=|`)|(?<=python -m )[a-z._]+\b")


@dataclass
class _Text:
    """One expression of string literals, which may be several in a row: the places of its values with their braces, and
    of what stands there as it is, both in bytes from its beginning."""

    values: list[tuple[int, int]] = field(default_factory=list)
    plain: list[tuple[int, int]] = field(default_factory=list)


def text_faults(source: bytes) -> Iterator[Fault]:
    """Every fault in the texts of a module, in no particular order."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node in _texts(ast.parse(source)):
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        for operator, first, last, instead in _faults(source[start:end]):
            yield operator, start + first, start + last, instead


def _texts(tree: ast.AST) -> Iterator[ast.expr]:
    """The texts below a node: no documentation, no annotations, nothing that only a process runs; an f-string as a
    whole."""
    for name, value in ast.iter_fields(tree):
        for node in value if isinstance(value, list) else [value]:
            if name in ("annotation", "returns") or not isinstance(node, ast.AST):
                continue
            if isinstance(node, ast.JoinedStr) or (
                isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip()
            ):
                yield node
            elif not _is_left_out(node):
                yield from _texts(node)


def _is_left_out(node: ast.AST) -> bool:
    """Whether a statement is documentation, or for the one process that a module is the program of."""
    match node:
        case ast.Expr(ast.Constant()):
            return True
        case ast.If(test):
            return ast.unparse(test) == "__name__ == '__main__'"
    return False


def _faults(literals: bytes) -> Iterator[Fault]:
    text = _parsed(literals)
    for start, end in text.values:
        yield "dropped placeholder", start, end, ""
    for (start, end), (other, last) in pairwise(text.values):
        if literals[start:end] != literals[other:last]:
            exchanged = literals[other:last] + literals[end:other] + literals[start:end]
            yield "exchanged placeholders", start, last, exchanged.decode()
    for start, end in text.plain:
        for match in _NOT.finditer(literals, start, end):
            yield "dropped not", match.start(), match.end(), ""
        for match in _OPTION.finditer(literals, start, end):
            yield "another option", match.start(), match.end(), "--other"
        for match in _COMMAND.finditer(literals, start, end):
            yield "another command", match.start(), match.end(), "other"


def _parsed(literals: bytes) -> _Text:
    """The parts of string literals that stand in a row."""
    text, at = _Text(), 0
    while match := _BEGINNING.search(literals, at):
        # What stands between two literals is spaces, brackets and comments; a comment may hold a quotation mark.
        if (comment := literals.find(b"#", at, match.start())) >= 0:
            at = literals.index(b"\n", comment)
            continue
        prefix, quote = match[1].lower(), match[2]
        at = plain = match.end()
        while not literals.startswith(quote, at):
            if literals[at : at + 1] == b"\\":
                at += 2
            elif b"f" in prefix and literals[at : at + 1] == b"{" and literals[at + 1 : at + 2] != b"{":
                text.plain.append((plain, at))
                end = _end_of_value(literals, at)
                text.values.append((at, end))
                at = plain = end
            else:
                at += 2 if b"f" in prefix and literals[at : at + 2] == b"{{" else 1
        text.plain.append((plain, at))
        at += len(quote)
    return text


def _end_of_value(literals: bytes, start: int) -> int:
    """Behind the brace that closes the one at `start`; those in strings of the value do not count."""
    depth, at = 0, start
    while True:
        character = literals[at : at + 1]
        if character in (b'"', b"'") and (match := _BEGINNING.match(literals, at)):
            at = literals.index(match[2], match.end()) + len(match[2])
            continue
        depth += (character == b"{") - (character == b"}")
        at += 1
        if not depth:
            return at
