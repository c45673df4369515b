"""The ways in which a line of Python may be wrong: each is a span of the text and what stands there instead.

The rest of the file stays as it is, byte by byte, so that a mutation is what a person may have typed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

from tests.mutants.texts import text_faults

COMPARISONS = {"==": "!=", "!=": "==", "<": "<=", ">": ">=", "<=": "<", ">=": ">", "in": "not in", "not in": "in"}
COMPARISONS |= {"is": "is not", "is not": "is"}
# Without these a class or function is another thing: the first test that meets it ends there, and says nothing.
KEPT_DECORATORS = (
    "abstractmethod",
    "classmethod",
    "contextmanager",
    "dataclass",
    "overload",
    "property",
    "staticmethod",
)
LITERALS = (ast.List, ast.Tuple, ast.Set)
Node = ast.expr | ast.stmt | ast.keyword
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
CAP_WORDS = re.compile("[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*")


@dataclass(frozen=True)
class Mutation:
    """One fault: the bytes from `start` to `end` of the file at `path` become `text`. `line` is the line (from 1) where
    it is, `before` that line without spaces around it."""

    path: str
    operator: str
    start: int
    end: int
    text: str
    line: int
    before: str

    @property
    def key(self) -> str:
        """The same for the same fault of the same text, wherever in the file it stands."""
        return f"{self.path} | {self.operator} | {self.before} | {self.text}"

    def applied(self, source: bytes) -> bytes:
        """The file with the fault in it."""
        return source[: self.start] + self.text.encode() + source[self.end :]


class _File:
    """A source file with its tree, and the places of nodes in bytes."""

    def __init__(self, path: str, source: bytes) -> None:
        self.path, self.source, self.tree = path, source, ast.parse(source)
        self.lines = source.splitlines(keepends=True)
        self._starts = [0]
        for line in self.lines:
            self._starts.append(self._starts[-1] + len(line))

    def start(self, node: Node) -> int:
        return self._starts[node.lineno - 1] + node.col_offset

    def end(self, node: Node) -> int:
        assert node.end_lineno and node.end_col_offset is not None
        return self._starts[node.end_lineno - 1] + node.end_col_offset

    def text(self, node: ast.expr | ast.stmt) -> str:
        return self.source[self.start(node) : self.end(node)].decode()

    def mutation(self, operator: str, start: int, end: int, text: str) -> Mutation:
        line = self.source.count(b"\n", 0, start) + 1
        return Mutation(self.path, operator, start, end, text, line, self.lines[line - 1].decode().strip())

    def replaced(self, operator: str, node: ast.expr | ast.stmt, text: str) -> Mutation:
        return self.mutation(operator, self.start(node), self.end(node), text)

    def without(self, operator: str, nodes: list[tuple[int, int]], number: int) -> Mutation:
        """One of several things in a row, which commas separate, is left out."""
        if number:
            return self.mutation(operator, nodes[number - 1][1], nodes[number][1], "")
        return self.mutation(operator, nodes[0][0], nodes[1][0] if len(nodes) > 1 else nodes[0][1], "")


def mutations(path: str, source: bytes) -> list[Mutation]:
    """Every mutation of a file in the order of their places; whether one is Python is `changes`'s to say."""
    return _in_order(_all(_File(path, source)))


def text_mutations(path: str, source: bytes) -> list[Mutation]:
    """Every mutation of a text of a file, as `mutations` has those of the program."""
    file = _File(path, source)
    return _in_order(file.mutation(*fault) for fault in text_faults(source))


def _in_order(every: Iterable[Mutation]) -> list[Mutation]:
    unique = {(each.start, each.end, each.text): each for each in every}
    return sorted(unique.values(), key=lambda each: (each.start, each.end, each.operator, each.text))


def changes(mutation: Mutation, source: bytes) -> bool:
    """Whether a mutation is still Python, and another program."""
    try:
        return ast.dump(ast.parse(mutation.applied(source))) != ast.dump(ast.parse(source))
    except SyntaxError:
        return False


def _all(file: _File) -> Iterator[Mutation]:
    for node in _nodes(file.tree):
        for kinds, operator in OPERATORS:
            if isinstance(node, kinds):
                yield from operator(file, node)


def _nodes(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node that runs: no annotations, no documentation, nothing inside an f-string (whose places Python 3.11 does
    not tell; `texts.py` has its values as a whole), and not what only a type checker reads."""
    todo: list[ast.AST] = [statement for statement in tree.body if not _is_type_alias(statement)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "__name__ == '__main__'"):
            continue
        yield node
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "type_comment") or isinstance(node, ast.JoinedStr):
                continue
            todo += [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, ast.AST)]


def _is_type_alias(statement: ast.stmt) -> bool:
    """Whether a statement of a module names a type: `Path = tuple[str, ...]`, `Side = str | None`. Nothing but
    annotations reads it."""
    match statement:
        case ast.Assign([ast.Name(name)], ast.Subscript() | ast.BinOp(op=ast.BitOr())):
            return CAP_WORDS.fullmatch(name) is not None
    return False


def _comparison(file: _File, node: ast.Compare) -> Iterator[Mutation]:
    sides = [node.left, *node.comparators]
    for left, right in pairwise(sides):
        between = file.source[file.end(left) : file.start(right)].decode()
        if match := re.search(r"==|!=|<=|>=|<|>|\bnot\s+in\b|\bis\s+not\b|\bin\b|\bis\b", between):
            start = file.end(left) + len(between[: match.start()].encode())
            sign = " ".join(match[0].split())
            yield file.mutation("comparison", start, start + len(match[0]), COMPARISONS[sign])


def _condition(file: _File, node: ast.If | ast.While | ast.IfExp) -> Iterator[Mutation]:
    yield file.replaced("negated condition", node.test, f"not ({file.text(node.test)})")


def _filter(file: _File, node: ast.comprehension) -> Iterator[Mutation]:
    for test in node.ifs:
        yield file.replaced("negated condition", test, f"not ({file.text(test)})")


def _and_or(file: _File, node: ast.BoolOp) -> Iterator[Mutation]:
    left, right = node.values[:2]
    between = file.source[file.end(left) : file.start(right)].decode()
    if match := re.search(r"\b(and|or)\b", between):
        start = file.end(left) + len(between[: match.start()].encode())
        yield file.mutation("and / or", start, start + len(match[0]), "or" if match[0] == "and" else "and")


def _constant(file: _File, node: ast.Constant) -> Iterator[Mutation]:
    if isinstance(node.value, int | float) and not isinstance(node.value, bool):
        yield file.replaced("constant + 1", node, repr(node.value + 1))


def _statement(file: _File, node: ast.Expr) -> Iterator[Mutation]:
    if isinstance(node.value, ast.Call):
        yield file.replaced("removed call", node, "pass")


def _raise(file: _File, node: ast.Raise) -> Iterator[Mutation]:
    yield file.replaced("removed raise", node, "pass")


def _function(file: _File, node: ast.FunctionDef) -> Iterator[Mutation]:
    documented = ast.get_docstring(node, clean=False) is not None
    body = node.body[1:] if documented else node.body
    trivial = len(body) == 1 and isinstance(body[0], ast.Pass | ast.Expr)
    if body and not trivial and body[0].lineno != node.lineno:
        start = file.start(body[0])
        yield file.mutation("early return", start, start, "return None\n" + " " * body[0].col_offset)
    for decorator in node.decorator_list:
        name = ast.unparse(decorator).partition("(")[0].rpartition(".")[2]
        if name not in KEPT_DECORATORS:
            yield file.mutation("removed decorator", file.start(decorator) - 1, file.end(decorator), "")


def _call(file: _File, node: ast.Call) -> Iterator[Mutation]:
    if len(node.args) > 1 and not any(isinstance(each, ast.Starred) for each in node.args[:2]):
        first, second = node.args[:2]
        text = file.source[file.end(first) : file.start(second)].decode()
        swapped = f"{file.text(second)}{text}{file.text(first)}"
        yield file.mutation("swapped arguments", file.start(first), file.end(second), swapped)
    arguments: list[Node] = [*node.args, *node.keywords]
    places = sorted((file.start(each), file.end(each)) for each in arguments)
    for keyword in node.keywords:
        if keyword.arg:
            yield file.without(
                "dropped keyword argument", places, places.index((file.start(keyword), file.end(keyword)))
            )
            yield file.mutation("renamed key", file.start(keyword), file.start(keyword), "X")
    named = node.args and isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "pop")
    if named:
        yield from _renamed(file, node.args[0])
    if isinstance(node.func, ast.Name) and node.func.id == "suppress" and node.args:
        yield file.mutation("emptied handler", file.start(node.args[0]), file.end(node.args[-1]), "")


def _renamed(file: _File, node: ast.expr | None) -> Iterator[Mutation]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"[\w:.-]+", node.value):
        yield file.replaced("renamed key", node, file.text(node)[:-1] + "X" + file.text(node)[-1])


def _subscript(file: _File, node: ast.Subscript) -> Iterator[Mutation]:
    yield from _renamed(file, node.slice)


def _dictionary(file: _File, node: ast.Dict) -> Iterator[Mutation]:
    for key in node.keys:
        yield from _renamed(file, key)
    places = [
        (file.start(key) if key else file.start(value) - 2, file.end(value))
        for key, value in zip(node.keys, node.values, strict=True)
    ]
    for number in range(len(places)):
        yield file.without("removed element", places, number)


def _literal(file: _File, node: ast.List | ast.Tuple | ast.Set) -> Iterator[Mutation]:
    places = [(file.start(each), file.end(each)) for each in node.elts]
    if len(places) > 1 and not isinstance(getattr(node, "ctx", None), ast.Store):
        for number in range(len(places)):
            yield file.without("removed element", places, number)


def _try(file: _File, node: ast.Try) -> Iterator[Mutation]:
    bodies = [handler.body for handler in node.handlers] + ([node.finalbody] if node.finalbody else [])
    for body in bodies:
        if not isinstance(body[0], ast.Pass):
            yield file.mutation("emptied handler", file.start(body[0]), file.end(body[-1]), "pass")


def _jump(text: str, file: _File, node: ast.Continue | ast.Break) -> Iterator[Mutation]:
    yield file.replaced("continue / break", node, text)


Operator = Callable[[_File, Any], Iterator[Mutation]]
OPERATORS: list[tuple[type[ast.AST] | tuple[type[ast.AST], ...], Operator]] = [
    (ast.Compare, _comparison),
    ((ast.If, ast.While, ast.IfExp), _condition),
    (ast.comprehension, _filter),
    (ast.BoolOp, _and_or),
    (ast.Constant, _constant),
    (ast.Expr, _statement),
    (ast.Raise, _raise),
    (FUNCTIONS, _function),
    (ast.Call, _call),
    (ast.Subscript, _subscript),
    (ast.Dict, _dictionary),
    (LITERALS, _literal),
    (ast.Try, _try),
    (ast.Continue, partial(_jump, "break")),
    (ast.Break, partial(_jump, "continue")),
]
