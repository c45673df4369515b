"""Where a resource is made: the line of the generator's sources at which its title stands.

The template names the module (`Metadata.Generator.Module`), the line is found by reading sources as syntax trees. The
generator itself is never imported here; without its sources nothing is found, and nothing is said.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parents[2]
# What these are given first is the name of something that is made elsewhere.
MENTIONS = {"Condition", "Equals", "GetAtt", "If", "Not", "Port", "Ref", "Sub", "when"}
DEPTH = 2  # the module's helpers, and theirs
OWN = 3  # letters that a pattern has at least of its own


@dataclass(frozen=True)
class Place:
    """A line of a file, relative to the working tree."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def find(module: str, title: str, project: Path = PROJECT) -> Place | None:
    """The line where `title` stands in `module` or in what it imports from its own package. None when it is nowhere.

    A literal text goes before a pattern (`f"Private{kind}"`), and the first argument of a call before any other place;
    the module itself before its helpers.
    """
    texts = [(name, *_texts(project / _file(name))) for name in _reachable(module, project)]
    for fits in (_literal, _pattern):
        for first in (True, False):
            for name, made, others in texts:
                for node in made if first else others:
                    if fits(node, title):
                        return Place(_file(name), node.lineno)
    return None


def _file(module: str) -> str:
    return f"{module.replace('.', '/')}.py"


@cache
def _tree(path: Path) -> ast.Module:
    """The syntax tree of a file, an empty one when there is no such file or it is not to be read."""
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])


@cache
def _reachable(module: str, project: Path) -> tuple[str, ...]:
    """The module and its helpers, the nearest first. Other stacks are no helpers: each has a template of its own."""
    found, now = [], [module]
    for _ in range(DEPTH + 1):
        found += [name for name in dict.fromkeys(now) if name not in found and _tree(project / _file(name)).body]
        now = [one for name in now for one in _imports(_tree(project / _file(name)))]
    return tuple(found)


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("generator"):
            for name in (str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)):
                if not name.startswith("generator.stacks"):
                    yield name


@cache
def _texts(path: Path) -> tuple[list[ast.expr], list[ast.expr]]:
    """The texts that are the first argument of a call, and the others, in the order of the file."""
    made, others, mentioned = [], [], set()
    tree = _tree(path)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            mentioned.add(id(node.args[0]))
            if name not in MENTIONS:
                made.append(node.args[0])
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in mentioned:
            others.append(node)
    return sorted(made, key=_line), sorted(others, key=_line)


def _line(node: ast.expr) -> int:
    return node.lineno


def _literal(node: ast.expr, title: str) -> bool:
    return isinstance(node, ast.Constant) and node.value == title


def _pattern(node: ast.expr, title: str) -> bool:
    """Some text of its own, and the rest filled in."""
    if not isinstance(node, ast.JoinedStr):
        return False
    parts = [str(part.value) if isinstance(part, ast.Constant) else "" for part in node.values]
    pattern = "".join(re.escape(part) if part else r"\w*" for part in parts)
    return sum(map(len, parts)) >= OWN and re.fullmatch(pattern, title) is not None
