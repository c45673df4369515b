"""Where a resource is made: the line of the generator's sources at which its title stands, and the line of the rendered
template at which it begins.

The template names the module (`Metadata.Generator.Module`), the line is found by reading sources as syntax trees. The
generator itself is never imported here; without its sources nothing is found, and nothing is said.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

PROJECT = Path(__file__).parents[2]
# What these are given first is the name of something that is made elsewhere.
MENTIONS = {"Condition", "Equals", "GetAtt", "If", "Not", "Port", "Ref", "Sub", "when"}
DEPTH = 2  # the module's helpers, and theirs
FACT_TYPES, FACTS = "generator/project.py", "generator/application.py"
SECTIONS = ("Resources", "Parameters", "Outputs", "Conditions", "Mappings", "Rules")
ENTRY = re.compile(r'( {2}| {4})"(\w+)": ')  # of a rendered template: a section, or what is in one
OWN = 3  # letters that a pattern has at least of its own


@dataclass(frozen=True)
class Place:
    """A line of a file, relative to the working tree."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@lru_cache(4096)
def find(module: str, title: str, project: Path = PROJECT, patterns: bool = True) -> Place | None:
    """The line where `title` stands in `module` or in what it imports from its own package. None when it is nowhere.

    A literal text goes before a pattern (`f"Private{kind}"`), and the first argument of a call before any other place;
    the module itself before its helpers. Without `patterns` only literal texts count: resources alone have titles that
    are put together, and `f"{table}Name"` would be the place of every parameter that is called a name.
    """
    texts = [(file, *_texts(project / file)) for file in _reachable(module, project)]
    for fits in (_literal, _pattern) if patterns else (_literal,):
        for first in (True, False):
            for file, titles, others in texts:
                for node in titles if first else others:
                    if fits(node, title):
                        return Place(file, node.lineno)
    return None


@lru_cache(64)
def rendered_lines(text: str) -> Mapping[str, int]:
    """The line at which each entry of a section (resource, parameter, output) of a rendered template's text begins, by
    its name. A resource goes before what is called the same in another section."""
    lines: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        if match := ENTRY.match(line):
            indent, name = match.groups()
            if len(indent) == 2:
                section = name
            elif section == "Resources" or name not in lines:
                lines[name] = number
    return lines


def file_of(module: str, project: Path) -> str:
    """The file of a module; a package's is its `__init__.py`."""
    path = module.replace(".", "/")
    return f"{path}/__init__.py" if (project / path).is_dir() else f"{path}.py"


@cache
def _tree(path: Path) -> ast.Module:
    """The syntax tree of a file, an empty one when there is no such file or it is not to be read."""
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])


@cache
def _reachable(module: str, project: Path) -> tuple[str, ...]:
    """The files of the module and its helpers, the nearest first. Other stacks are no helpers: each has a template of
    its own."""
    files, nearest = dict.fromkeys([file_of(module, project)]), [module]
    package = ".".join(module.split(".")[:3])  # of the stack: generator.stacks.NAME
    for _ in range(DEPTH + 1):
        files |= {file: None for name in nearest if _tree(project / (file := file_of(name, project))).body}
        imports = (each for name in nearest for each in _imports(_tree(project / file_of(name, project))))
        nearest = [
            name for name in imports if not name.startswith("generator.stacks") or name.startswith(f"{package}.")
        ]
    if FACT_TYPES in files:
        files[FACTS] = None  # the values that the module takes as its argument
    return tuple(files)


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("generator"):
            yield from (str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names))


@cache
def _texts(path: Path) -> tuple[list[ast.expr], list[ast.expr]]:
    """The texts that are the first argument of a call, and the others, in the order of the file."""
    arguments, others, mentioned = [], [], set()
    tree = _tree(path)
    for node in ast.walk(tree):  # a call before what it is given
        if isinstance(node, ast.Call):
            if node.args:
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                mentioned.add(id(node.args[0]))
                if name not in MENTIONS:
                    arguments.append(node.args[0])
        elif isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in mentioned:
            others.append(node)
    return sorted(arguments, key=_line), sorted(others, key=_line)


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
