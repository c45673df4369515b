"""The sources as trees, for the tests that read them: thousands of lines each time, so the walk is a short one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path


def nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node of a tree but those that only say whether a name is read or bound: `ast.walk` in half the time."""
    left = [tree]
    while left:
        node = left.pop()
        yield node
        for field in node._fields:
            value = getattr(node, field, None)
            if value.__class__ is list:
                left += [item for item in value if isinstance(item, ast.AST)]
            elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
                left.append(value)


def _statements(tree: ast.AST, for_types: bool = False) -> Iterator[tuple[ast.stmt, bool]]:
    """Every statement, however deep, and whether it stands below `if TYPE_CHECKING`."""
    for field in tree._fields:
        value = getattr(tree, field, None)
        for item in value if value.__class__ is list else ():
            if isinstance(item, ast.stmt):
                yield item, for_types
            if isinstance(item, ast.stmt | ast.ExceptHandler | ast.match_case):
                below = isinstance(item, ast.If) and "TYPE_CHECKING" in ast.unparse(item.test)
                yield from _statements(item, for_types or below)


@cache
def import_statements(file: Path) -> tuple[tuple[ast.Import | ast.ImportFrom, bool], ...]:
    """Every import of a file, wherever in it, and whether it is there for type checkers alone."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return tuple(
        (statement, for_types)
        for statement, for_types in _statements(tree)
        if isinstance(statement, ast.Import | ast.ImportFrom)
    )
