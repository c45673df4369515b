"""The paths that an application answers: its routes, with the prefixes of the routers that they lie in.

The code is parsed and never run, so a router is followed by its name: from the module that makes it, through imports,
to the module that includes it. A prefix is a text, a constant of some module, or a setting's default.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

METHODS = frozenset(
    ("get", "post", "put", "patch", "delete", "head", "options", "api_route", "websocket", "add_api_route")
)
MAKERS = ("APIRouter", "FastAPI")
DEPTH = 20  # of routers in one another; what includes itself ends here


@dataclass(frozen=True)
class Route:
    """A route: its whole path, its own part of it, its methods (`get`, `websocket`), and where it is written."""

    path: str
    own: str
    method: str
    place: str


@dataclass(frozen=True)
class Routes:
    """All routes; prefixes that nobody can read without running the code, with their places."""

    routes: tuple[Route, ...]
    unread: tuple[str, ...]


@dataclass
class _Module:
    """What one file says of routers, by the names that they have in it."""

    prefixes: dict[str, str] = field(default_factory=dict)
    routes: list[tuple[str, Route]] = field(default_factory=list)
    included: list[tuple[str, str, str]] = field(default_factory=list)  # owner, router, prefix
    imports: dict[str, tuple[str, ...]] = field(default_factory=dict)  # a name, and the parts of what it stands for
    unread: list[str] = field(default_factory=list)


def read_routes(folder: Path, code: Mapping[Path, ast.Module]) -> Routes:
    """The routes in the files of a backend; places are relative to `folder`."""
    constants = constants_of(code)
    modules = {file: _module(file, tree, str(file.relative_to(folder)), constants) for file, tree in code.items()}
    paths: dict[tuple[Path, str], list[str]] = {}
    included = {target for file in modules for target in _included(file, modules)}
    for file, module in modules.items():
        owners = {*module.prefixes, *(owner for owner, _ in module.routes), *(owner for owner, _, _ in module.included)}
        for owner in owners:
            if (file, owner) not in included:
                _follow(file, owner, "", modules, paths, 0)
    routes = [
        Route(f"{before.rstrip('/')}{route.path}" or "/", route.own, route.method, route.place)
        for file, module in modules.items()
        for owner, route in module.routes
        for before in paths.get((file, owner), [""])
    ]
    return Routes(tuple(dict.fromkeys(routes)), tuple(place for module in modules.values() for place in module.unread))


def _follow(
    file: Path,
    owner: str,
    before: str,
    modules: Mapping[Path, _Module],
    paths: dict[tuple[Path, str], list[str]],
    depth: int,
) -> None:
    """Notes the prefix of a router and of those that it includes."""
    module = modules[file]
    whole = f"{before}{module.prefixes.get(owner, '')}"
    known = paths.setdefault((file, owner), [])
    if whole in known or depth > DEPTH:
        return
    known.append(whole)
    for name, router, prefix in module.included:
        if name == owner and (target := _target(file, router, modules)):
            _follow(*target, f"{whole}{prefix}", modules, paths, depth + 1)


def _included(file: Path, modules: Mapping[Path, _Module]) -> Iterator[tuple[Path, str]]:
    for _, router, _ in modules[file].included:
        if target := _target(file, router, modules):
            yield target


def _target(file: Path, router: str, modules: Mapping[Path, _Module], depth: int = 0) -> tuple[Path, str] | None:
    """The file and name of a router that a file calls `name` or `module.name`."""
    module = modules[file]
    first, _, rest = router.partition(".")
    if not rest and (first in module.prefixes or any(owner == first for owner, _ in module.routes)):
        return file, first
    if first not in module.imports or depth > DEPTH:
        return None
    parts = (*module.imports[first], *filter(None, rest.split(".")))
    for end in range(len(parts), 0, -1):
        if other := _file(file, parts[:end], modules):
            remaining = parts[end:]
            return _target(other, ".".join(remaining), modules, depth + 1) if remaining else None
    return None


def _file(file: Path, parts: tuple[str, ...], modules: Mapping[Path, _Module]) -> Path | None:
    """The file of a module, by the end of its path; of several the nearest to the file that imports it."""
    tails = ("/".join(parts) + ".py", "/".join(parts) + "/__init__.py")
    places = [path for path in modules if any(f"/{path.as_posix()}".endswith(f"/{tail}") for tail in tails)]
    return max(places, key=lambda path: (_shared(path, file), -len(path.parts)), default=None)


def _shared(path: Path, other: Path) -> int:
    """How many parts two paths begin with alike."""
    count = 0
    for left, right in zip(path.parts, other.parts, strict=False):
        if left != right:
            break
        count += 1
    return count


def _module(file: Path, tree: ast.Module, place: str, constants: Mapping[str, str]) -> _Module:
    reader = _Reader(file, place, constants)
    reader.visit(tree)
    return reader.module


@dataclass
class _Reader(ast.NodeVisitor):
    """Reads one file into a `_Module`; `place` is the file's name for people."""

    file: Path
    place: str
    constants: Mapping[str, str]
    module: _Module = field(default_factory=_Module)

    def visit_Import(self, node: ast.Import) -> None:
        self.module.imports.update(_imports(node, self.file))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.module.imports.update(_imports(node, self.file))

    def visit_Assign(self, node: ast.Assign) -> None:
        self._assigned(node.targets, node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._assigned([node.target], node.value)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call):
                self._route(decorator, node.lineno)
        self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        if not isinstance(node.func, ast.Attribute):
            return
        owner, called = ast.unparse(node.func.value), node.func.attr
        if called == "include_router" and node.args:
            router, prefix = ast.unparse(node.args[0]), self._prefix(node, _argument(node, "prefix"))
            self.module.included.append((owner, router, prefix))
        elif called == "mount" and len(node.args) > 1:
            self.module.included.append((owner, ast.unparse(node.args[1]), self._prefix(node, node.args[0])))
        elif called == "add_api_route":
            self._route(node, node.lineno)

    def _assigned(self, targets: list[ast.expr], value: ast.expr | None) -> None:
        if isinstance(value, ast.Call) and name_of(value.func) in MAKERS:
            prefix = self._prefix(value, _argument(value, "prefix"))
            self.module.prefixes.update({target.id: prefix for target in targets if isinstance(target, ast.Name)})

    def _prefix(self, call: ast.Call, node: ast.expr | None) -> str:
        """The text of a prefix, empty for none; noted where it is known only when the code runs."""
        if node is None:
            return ""
        value = text_of(node, self.constants)
        if value is None:
            self.module.unread.append(f"{self.place}:{call.lineno}: {ast.unparse(node)}"[:120])
        return (value or "").rstrip("/")

    def _route(self, call: ast.Call, line: int) -> None:
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in METHODS:
            return
        node = call.args[0] if call.args else _argument(call, "path")
        path = None if node is None else text_of(node, self.constants)
        if path is not None and (not path or path.startswith("/")):
            method = "get" if call.func.attr in ("api_route", "add_api_route") else call.func.attr
            route = Route(path, path, method, f"{self.place}:{line}")
            self.module.routes.append((ast.unparse(call.func.value), route))


def _imports(node: ast.Import | ast.ImportFrom, file: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            parts = tuple(alias.name.split("."))
            yield alias.asname or parts[0], parts if alias.asname else parts[:1]
        return
    base = tuple(node.module.split(".")) if node.module else ()
    if node.level:
        above = file.parents[min(node.level - 1, len(file.parents) - 1)]
        base = (*above.parts[1:], *base)
    for alias in node.names:
        yield alias.asname or alias.name, (*base, alias.name)


def _argument(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def name_of(node: ast.AST) -> str:
    """The last part of a name: `FastAPI` of `fastapi.FastAPI`."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def constants_of(code: Mapping[Path, ast.Module]) -> dict[str, str]:
    """The texts that modules and classes give to names, as far as all that have the name give the same."""
    texts: dict[str, set[str]] = {}
    for tree in code.values():
        scopes = [tree.body, *(node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef))]
        for node in (statement for body in scopes for statement in body):
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                value = node.value
                if isinstance(value, ast.Call) and name_of(value.func) == "Field":
                    value = value.args[0] if value.args else _argument(value, "default") or value
                text = text_of(value, {})
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    if text is not None and isinstance(target, ast.Name):
                        texts.setdefault(target.id, set()).add(text)
    return {name: next(iter(values)) for name, values in texts.items() if len(values) == 1}


def text_of(node: ast.expr, constants: Mapping[str, str]) -> str | None:
    """The text that an expression stands for; None for what is known only when the code runs."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.Name() | ast.Attribute():
            return constants.get(name_of(node))
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            parts = [text_of(left, constants), text_of(right, constants)]
        case ast.JoinedStr(values=values):
            parts = [
                text_of(value.value if isinstance(value, ast.FormattedValue) else value, constants) for value in values
            ]
        case _:
            return None
    return None if None in parts else "".join(part for part in parts if part is not None)
