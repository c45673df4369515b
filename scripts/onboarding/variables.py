"""The variables that a backend reads from its environment, from its Python code, which is parsed and never run.

Sources: pydantic-settings' documentation ("Environment variable names", "Parsing environment variable values"), whose
rules `tests/onboarding/test_variables.py` compares with pydantic-settings itself.
"""

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scripts.onboarding.routes import constants_of, name_of, text_of

READERS = ("os.getenv", "os.environ.get", "getenv", "environ.get")
# `Config` of starlette and decouple, `Env` of environs and django-environ.
LIBRARIES = ("starlette.config", "decouple", "environs", "environ")
MODELS = ("BaseModel", "BaseSettings")
DEEPEST = 5  # nested models; one may nest itself


@dataclass(frozen=True)
class Variable:
    """A variable that the code reads. `default` is None when the value must be there, `kind` the type as `SAMPLES` of
    `backend.py` names it, `words` the names of the fields that lead to it, without the prefix that all have."""

    name: str
    default: str | None
    kind: str
    file: Path
    line: int
    words: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What it may be recognised by: its whole name, and the one without prefix."""
        return tuple(dict.fromkeys((self.name, "_".join(self.words).upper())))

    @property
    def meanings(self) -> tuple[str, ...]:
        """`names`, and the last word alone: `PUBLIC_URL` of `SHOP_SITE__PUBLIC_URL`."""
        return tuple(dict.fromkeys((*self.names, self.words[-1].upper())))


@dataclass(frozen=True)
class Variables:
    """All variables, those of each file together; prefixes that nobody can read without running the code, by place."""

    variables: tuple[Variable, ...]
    unread: tuple[str, ...]


def read_variables(folder: Path, code: Mapping[Path, ast.Module]) -> Variables:
    """The variables of the files of a backend; places are relative to `folder`."""
    classes = _Classes(folder, code)
    variables = [variable for file in code for variable in (*classes.fields(file), *_environment(file, code[file]))]
    return Variables(tuple(variables), tuple(dict.fromkeys(classes.unread)))


@dataclass(frozen=True)
class _Field:
    """A field of a class: its annotation and value, `Annotated` taken apart."""

    name: str
    annotation: ast.expr
    value: ast.expr | None
    words: Mapping[str, ast.expr]  # the keywords of its `Field(...)`
    line: int

    def alias(self, constants: Mapping[str, str]) -> str:
        """The variable that it names itself, of several the first; empty for none. `env` is of pydantic 1."""
        for word in ("validation_alias", "alias", "env"):
            named = self.words.get(word)
            if isinstance(named, ast.Call | ast.List | ast.Tuple):
                named = next(iter(named.args if isinstance(named, ast.Call) else named.elts), None)
            if named is not None and (text := text_of(named, constants)):
                return text
        return ""

    @property
    def default(self) -> str | None:
        """As text: None when the value must be given, empty for what is no plain constant."""
        default = _default(self.value)
        optional = "Optional" in ast.unparse(self.annotation) or "None" in ast.unparse(self.annotation)
        return default or "" if optional else default


@dataclass(frozen=True)
class _Naming:
    """How a settings class names its variables."""

    prefix: str = ""
    delimiter: str = ""
    exact: bool = False  # the case of names counts
    target: str = "variable"  # what gets the prefix: fields without an alias, those with one, or all

    def of(self, name: str, alias: str) -> str:
        """The name of the variable of a field."""
        is_prefixed = self.target == "all" or self.target == ("alias" if alias else "variable")
        return f"{self.prefix if is_prefixed else ''}{alias or name}"

    def cased(self, name: str) -> str:
        """A name as it is written in an environment."""
        return name if self.exact else name.upper()


@dataclass
class _Classes:
    """The classes of the code by their names; `unread` gathers prefixes that nobody can read."""

    folder: Path
    code: Mapping[Path, ast.Module]
    nodes: dict[str, tuple[Path, ast.ClassDef]] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.constants = constants_of(self.code)
        called = set()
        for file, tree in self.code.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    self.nodes.setdefault(node.name, (file, node))
                elif isinstance(node, ast.Call):
                    called.add(name_of(node.func))
        self.models = self._below(MODELS)
        self.settings = self._below(("BaseSettings",))
        above = {name_of(base) for name in self.settings for base in self.nodes[name][1].bases}
        self.used = {name for name in self.settings if name in called or name not in above}

    def _below(self, bases: Collection[str]) -> set[str]:
        """The names of the classes that have one of these bases, directly or below another one."""
        known = set(bases)
        while more := {name for name, (_, node) in self.nodes.items() if known & set(map(name_of, node.bases))} - known:
            known |= more
        return known & self.nodes.keys()

    def _line(self, name: str) -> list[str]:
        """A class and those above it, nearest first."""
        line: list[str] = []
        names = [name]
        while names:
            if (first := names.pop(0)) in self.nodes and first not in line:
                line.append(first)
                names += map(name_of, self.nodes[first][1].bases)
        return line

    def fields(self, file: Path) -> Iterator[Variable]:
        """The variables of the settings classes that a file writes, under the name that each class gives them that is
        used: itself, or those below it."""
        for name in (name for name, (place, _) in self.nodes.items() if place == file and name in self.settings):
            namings = [self._naming(user) for user in sorted(self.used) if name in self._line(user)]
            for item in self._own(name):
                for naming in dict.fromkeys(namings):
                    yield from self._variables(item, naming, file)

    def _own(self, name: str) -> Iterator[_Field]:
        for item in self.nodes[name][1].body:
            if (
                isinstance(item, ast.AnnAssign)
                and isinstance(item.target, ast.Name)
                and not item.target.id.startswith(("_", "model_config"))
                and "ClassVar" not in ast.unparse(item.annotation)
            ):
                yield _field(item.target.id, item)

    def _variables(
        self, item: _Field, naming: _Naming, file: Path, before: str = "", words: tuple[str, ...] = ()
    ) -> Iterator[Variable]:
        """The variables of a field: one, or those of the model that it nests, whose names stand behind `before`."""
        alias = item.alias(self.constants)
        name = f"{before}{alias or item.name}" if words else naming.of(item.name, alias)
        words = (*words, alias or item.name)
        model = self._model(item.annotation)
        if model and naming.delimiter and len(words) < DEEPEST:
            values = _keywords(item.value, model)
            for above in reversed(self._line(model)):
                for inner in self._own(above):
                    if item.value is not None:  # what the model needs, the default gives
                        inner = _with_default(inner, values.get(inner.name))
                    yield from self._variables(inner, naming, file, f"{name}{naming.delimiter}", words)
        elif model not in self.settings or item.default is None:  # settings within settings have variables of their own
            yield Variable(naming.cased(name), item.default, _type(item.annotation), file, item.line, words)

    def _model(self, annotation: ast.expr) -> str:
        """The model of the code that a field is, or may be beside None; empty for any other type."""
        match annotation:
            case ast.Name() | ast.Attribute():
                return name_of(annotation) if name_of(annotation) in self.models else ""
            case ast.BinOp(left=left, right=right):
                return self._model(left) or self._model(right)
            case ast.Subscript(value=value, slice=inner) if name_of(value) == "Optional":
                return self._model(inner)
        return ""

    def _naming(self, name: str) -> _Naming:
        settings: dict[str, ast.expr] = {}
        for above in reversed(self._line(name)):
            settings.update(_configuration(self.nodes[above][1]))
        texts = {
            word: text_of(settings[word], self.constants) if word in settings else default
            for word, default in (("env_prefix", ""), ("env_nested_delimiter", ""), ("env_prefix_target", "variable"))
        }
        if texts["env_prefix"] is None:
            self.unread.append(f"{self.nodes[name][0].relative_to(self.folder)}:{settings['env_prefix'].lineno}")
        exact = settings.get("case_sensitive")
        return _Naming(
            texts["env_prefix"] or "",
            texts["env_nested_delimiter"] or "",
            isinstance(exact, ast.Constant) and exact.value is True,
            texts["env_prefix_target"] or "variable",
        )


def _configuration(node: ast.ClassDef) -> dict[str, ast.expr]:
    """What a class itself says of its names: in `model_config`, in pydantic 1's `class Config`, or beside its bases."""
    settings = _named(node.keywords)
    for item in node.body:
        if isinstance(item, ast.Assign | ast.AnnAssign):
            targets = item.targets if isinstance(item, ast.Assign) else [item.target]
            if "model_config" in map(name_of, targets):
                if isinstance(item.value, ast.Call):
                    settings |= _named(item.value.keywords)
                elif isinstance(item.value, ast.Dict):
                    pairs = zip(item.value.keys, item.value.values, strict=True)
                    settings |= {str(key.value): value for key, value in pairs if isinstance(key, ast.Constant)}
        elif isinstance(item, ast.ClassDef) and item.name == "Config":
            for inner in item.body:
                if isinstance(inner, ast.Assign):
                    settings |= {name_of(target): inner.value for target in inner.targets}
    return settings


def _named(keywords: Collection[ast.keyword]) -> dict[str, ast.expr]:
    return {keyword.arg: keyword.value for keyword in keywords if keyword.arg}


def _field(name: str, item: ast.AnnAssign) -> _Field:
    annotation, value = item.annotation, item.value
    calls = [value]
    if isinstance(annotation, ast.Subscript) and name_of(annotation.value) == "Annotated":
        parts = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        annotation, calls = parts[0], [value, *parts[1:]]
    fields = [call for call in calls if isinstance(call, ast.Call) and name_of(call.func) == "Field"]
    words: dict[str, ast.expr] = {}
    for call in reversed(fields):
        words |= _named(call.keywords)
    return _Field(name, annotation, value if value is not None else next(iter(fields), None), words, item.lineno)


def _keywords(value: ast.expr | None, model: str) -> dict[str, ast.expr]:
    """What the default of a field that nests a model gives to it: `Mail(host="smtp")`, `Field(default=Mail(...))`."""
    if isinstance(value, ast.Call) and name_of(value.func) == "Field":
        words = _named(value.keywords)
        value = value.args[0] if value.args else words.get("default", words.get("default_factory"))
        value = value.body if isinstance(value, ast.Lambda) else value
    return _named(value.keywords) if isinstance(value, ast.Call) and name_of(value.func) == model else {}


def _with_default(item: _Field, value: ast.expr | None) -> _Field:
    """A field with another default; one that must be given needs none any more."""
    if value is None and item.default is not None:
        return item
    return _Field(item.name, item.annotation, value or ast.Constant(None), item.words, item.line)


def _environment(file: Path, tree: ast.Module) -> Iterator[Variable]:
    """What a module reads from its environment itself."""
    libraries = any(isinstance(node, ast.ImportFrom) and node.module in LIBRARIES for node in ast.walk(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            first, function = node.args[0], ast.unparse(node.func)
            if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
                continue
            second = node.args[1:2] if function in READERS or "env" in function else []
            default = next((word.value for word in node.keywords if word.arg == "default"), next(iter(second), None))
            if function in READERS:
                yield Variable(first.value, _default(default) or "", "text", file, node.lineno, (first.value,))
            elif libraries and re.fullmatch(r"(config|_config|env)(\.(str|int|bool|list|url))?", function):
                yield Variable(first.value, _default(default), "text", file, node.lineno, (first.value,))
        elif (
            isinstance(node, ast.Subscript)
            and isinstance(node.ctx, ast.Load)
            and isinstance(node.slice, ast.Constant)
            and ast.unparse(node.value) in ("os.environ", "environ")
        ):
            name = str(node.slice.value)
            yield Variable(name, None, "text", file, node.lineno, (name,))


def _default(node: ast.expr | None) -> str | None:
    """A default as text: None when the value must be given, empty for what is no plain constant."""
    if node is None:
        return None
    if isinstance(node, ast.Call) and name_of(node.func) == "Field":
        words = _named(node.keywords)
        if "default_factory" in words:
            return ""
        first = node.args[0] if node.args else words.get("default")
        return None if first is None or _is_ellipsis(first) else _default(first)
    if isinstance(node, ast.Constant) and node.value is not None and not _is_ellipsis(node):
        return str(node.value).lower() if isinstance(node.value, bool) else str(node.value)
    return None if _is_ellipsis(node) else ""


def _is_ellipsis(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is Ellipsis


def _type(annotation: ast.expr) -> str:
    """The type of a field, as `SAMPLES` of `backend.py` names it; of a choice between texts the first."""
    text = ast.unparse(annotation)
    if choice := re.search(r"Literal\[['\"]([^'\"]+)", text):
        return choice[1]
    for pattern, kind in ((r"bool", "switch"), (r"int|float|timedelta", "number"), (r"EmailStr", "mail")):
        if re.fullmatch(pattern, text):
            return kind
    if re.search(r"Url|Dsn", text):
        return "address"
    return "list" if re.match(r"(list|List|set|tuple|Sequence)\b", text) else "text"
