"""The backend of an application, read from its Python code, which is parsed and never run."""

import ast
import posixpath
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from generator.cfn.parameters import PLACEHOLDER, secret
from scripts.onboarding.facts import Application, Missing, Setting, TableFacts, files
from scripts.onboarding.routes import name_of, read_routes
from scripts.onboarding.variables import Variable, read_variables

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
REQUIREMENTS = ("requirements.txt", "uv.lock", "poetry.lock", "Pipfile.lock", "pyproject.toml")
OTHER_REQUIREMENTS = (
    *("requirements/*.txt", "requirements*.txt", "*requirements.txt", "requirements*.in", "pylock*.toml"),
    *("pdm.lock", "Pipfile", "setup.py", "setup.cfg", "environment.y*ml"),
)
HEALTH = re.compile(r"/(.*/)?(health|healthz|health-check|healthcheck|ping|status|livez|readyz)/?")
# The page's own address under the names that applications give it.
OWN_ADDRESS = re.compile(r"(FRONTEND|PUBLIC|APP|SITE|BASE|CLIENT)_?(URL|HOST|ORIGIN)S?|ALLOWED_HOST", re.I)
ORIGINS = re.compile(r"(CORS|ALLOWED).*ORIGINS?", re.I)
SECRET = re.compile(
    r"(^|_)(SECRET|PASSWORD|PASSWD|TOKEN|CREDENTIALS?|KEY|DSN)S?$|^DATABASE_URL$|(^|_)(DATABASE|DB|MONGO\w*)_UR[IL]$"
)
OWN_SECRET = re.compile(r"JWT|SESSION|SIGNING|^SECRET_KEY$|^APP_SECRET|COOKIE|CSRF", re.I)
# What the task or Python has without being told.
PLATFORM = re.compile(
    r"AWS_|PYTHON|PATH$|HOME$|USER$|PORT$|HOST$|TZ$|LANG$|UVICORN_|WEB_CONCURRENCY|TESTING|CI$|PYTEST"
)
REGION = re.compile(r".*AWS_REGION|.*_REGION$|REGION")


@dataclass(frozen=True)
class Entry:
    """Where the application object is made: its file, its name, the module path from the backend's folder."""

    file: Path
    attribute: str


def read_backend(folder: Path, application: Application) -> None:
    """Fills in the facts of the backend, or what is missing of it."""
    trees = dict(_trees(folder))
    entries = _entries(trees)
    if not entries:
        # A repository without any Python may have a page alone.
        application.missing.append(
            Missing(
                "no FastAPI application: no file assigns FastAPI(...) to a name",
                "write `app = FastAPI()` in a module; for a page alone BackendTarget becomes NONE",
                stops=bool(trees) or not files(folder, "package.json"),
            )
        )
        return
    entry = min(entries, key=lambda entry: (entry.file.name not in ("main.py", "app.py"), len(entry.file.parts)))
    place = _backend_folder(folder, entry.file)
    module = ".".join(entry.file.relative_to(place).with_suffix("").parts).removesuffix(".__init__")
    application.backend = str(place.relative_to(folder))
    application.module = f"{module}:{entry.attribute}"
    where = application.entry = f"{entry.file.relative_to(folder)}"
    application.note("backend.directory", application.backend, where)
    application.note("backend.module", application.module, where)
    code = {file: tree for file, tree in trees.items() if file.is_relative_to(place)}
    _versions(folder, place, application)
    _port(folder, place, application)
    _routes(folder, code, application)
    application.settings = _settings(folder, place, code, application)
    for setting in application.settings:
        application.note(f"variable {setting.name}", f"{setting.kind} {setting.value}".strip(), setting.source)
    application.tables = _tables(code, application)
    if not any((parent / name).is_file() for parent in _above(folder, place) for name in REQUIREMENTS):
        others = [
            str(file.relative_to(folder))
            for parent in _above(folder, place)
            for pattern in OTHER_REQUIREMENTS
            for file in sorted(parent.glob(pattern))
        ]
        target = posixpath.normpath(f"{application.backend}/requirements.txt")
        named = f", only {', '.join(others[:5])}" if others else ""
        lines = [other for other in others if other.endswith(".txt") and "dev" not in other and "test" not in other]
        best = next((other for other in lines if "prod" in other), next(iter(lines), ""))
        content = f"with the line `-r {posixpath.relpath(best, application.backend)}`" if best else "with its packages"
        application.missing.append(
            Missing(
                f"no requirements: none of {', '.join(REQUIREMENTS)} is in {application.backend} or above it{named}",
                f"write {target} {content}",
            )
        )
    elif (place / "requirements.txt").is_file() and not (place / "Dockerfile").is_file():
        application.missing.append(
            Missing(
                f"no Dockerfile in {'the root' if place == folder else application.backend}: the build brings one",
                "write one to decide what the image has",
                stops=False,
                kind="dockerfile",
            )
        )


def _trees(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    for file in files(folder, "*.py"):
        with suppress(SyntaxError, ValueError, RecursionError):
            yield file, ast.parse(file.read_bytes())


def _entries(trees: dict[Path, ast.Module]) -> list[Entry]:
    """The names that modules give to an application, made directly or by a function; without any, the functions that
    make one and need no argument, which uvicorn calls itself (its documentation, "Application factories")."""
    makers = {
        (file, node.name): node
        for file, tree in trees.items()
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and any(_is_fastapi(inner) for inner in ast.walk(node))
    }
    names = {name for _, name in makers}
    entries = []
    for file, tree in trees.items():
        own = {name for maker, name in makers if maker == file} | {
            alias.asname or alias.name
            for node in tree.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if alias.name in names
        }
        for node in _statements(tree.body):
            if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
                continue
            value = node.value
            if _is_fastapi(value) or (isinstance(value, ast.Call) and _maker(value.func, own, names)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                entries += [Entry(file, target.id) for target in targets if isinstance(target, ast.Name)]
    free = [Entry(file, name) for (file, name), node in makers.items() if not _needed(node)]
    return entries or [entry for entry in free if not entry.attribute.startswith(("_", "test_"))]


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run while a module is imported, with those behind a condition."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            yield from _statements(node.body)
            yield from _statements([*getattr(node, "orelse", ()), *getattr(node, "finalbody", ())])


def _maker(function: ast.expr, own: Collection[str], names: Collection[str]) -> bool:
    """Whether a call makes an application: by a function of this module, an imported one, or one of a module."""
    return (isinstance(function, ast.Name) and function.id in own) or (
        isinstance(function, ast.Attribute) and function.attr in names
    )


def _needed(node: ast.FunctionDef) -> bool:
    """Whether a function cannot be called without arguments."""
    plain = [*node.args.posonlyargs, *node.args.args]
    return len(plain) > len(node.args.defaults) or None in node.args.kw_defaults


def _is_fastapi(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and name_of(node.func) == "FastAPI"


def _backend_folder(folder: Path, file: Path) -> Path:
    """Where Python is started: the folder above the outermost package that the file lies in. A file that imports what
    lies beside it by its bare name is no part of a package, whatever `__init__.py` is there."""
    place = file.parent
    bare = re.findall(r"^\s*(?:from|import)\s+(\w+)", _text(file), re.M)
    beside = any((place / f"{name}.py").is_file() or (place / name / "__init__.py").is_file() for name in bare)
    if beside and place.name not in bare:
        return place
    while place != folder and (place / "__init__.py").is_file():
        place = place.parent
    # A package without __init__.py: its files import it by name.
    package = place.name
    if place != folder and re.search(rf"^\s*(from|import) {re.escape(package)}[. ]", _text(file), re.M):
        return place.parent
    return place


def _above(folder: Path, place: Path) -> list[Path]:
    """A folder and those above it, up to the repository's root."""
    return [place, *(parent for parent in place.parents if parent.is_relative_to(folder))]


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8-sig", errors="replace") if file.is_file() else ""


def allows(specifier: str, version: str) -> bool:
    """Whether a specifier, such as `>=3.11,<3.14`, `^3.12` or `3.12.4`, takes releases of a version such as `3.12` (PEP
    440, and poetry's `^`, `||`)."""
    minor = tuple(int(part) for part in version.split("."))
    pattern = r"(===?|~=|!=|<=|>=|[<>^~]?)\s*v?(\d+(?:\.(?:\d+|\*|x))*)"
    parts = [re.findall(pattern, part) for part in specifier.split("||")]
    return any(clauses and all(_takes(sign, text, minor) for sign, text in clauses) for clauses in parts)


def _takes(sign: str, text: str, minor: tuple[int, ...]) -> bool:
    numbers = tuple(int(part) for part in text.split(".") if part.isdigit())
    named = (*numbers, 0, 0, 0)[:2]
    same = numbers[:2] == minor[: len(numbers[:2])]
    match sign:
        case ">=" | ">":  # behind 3.12 there are the releases of 3.12
            return minor >= named
        case "<":
            return minor < named or (any(numbers[2:]) and minor == named)
        case "<=":
            return minor <= named
        case "!=":
            return not (same and (len(numbers) == 2))
        case "^":
            return minor >= named and minor[0] == numbers[0]
        case "~=":
            return minor >= named and (minor[0] == numbers[0] if len(numbers) == 2 else same)
        case _:
            return same


def _versions(folder: Path, place: Path, application: Application) -> None:
    # By the forms of pyenv, uv, Heroku, asdf, mise, Docker, PEP 621 and poetry, pipenv, setuptools, and of lock files.
    patterns = {
        ".python-version": r"^\s*(?:c?python-?)?([^#\s].*)$",
        ".tool-versions": r"^python\s+(\d.*)$",
        "mise.toml": r"^python\s*=\s*[\"']([^\"']+)",
        ".mise.toml": r"^python\s*=\s*[\"']([^\"']+)",
        "runtime.txt": r"python-(.*)$",
        "Dockerfile": r"^(?:FROM\s.*?python:?-?|ARG\s+PYTHON_?(?:VERSION|TAG)?=)[\"']?v?(\d+\.\d+)",
        "pyproject.toml": r"^(?:requires-python|python)\s*=\s*(?:\{.*?version\s*=\s*)?[\"']([^\"']+)",
        "Pipfile": r"^python(?:_full)?_version\s*=\s*[\"']([^\"']+)",
        "setup.cfg": r"^python_requires\s*=\s*(.+)$",
        "setup.py": r"python_requires\s*=\s*[\"']([^\"']+)",
        "uv.lock": r"^requires-python\s*=\s*[\"']([^\"']+)",
        "poetry.lock": r"^python-versions\s*=\s*[\"']([^\"']+)",
    }
    others = []
    for name, pattern in patterns.items():
        for file in (above / name for above in _above(folder, place)):
            match = re.search(pattern, _text(file), re.M | re.I)
            version = next((version for version in PYTHONS if match and allows(match[1], version)), "")
            if version:
                application.python = version
                application.note("backend.python", version, str(file.relative_to(folder)))
                return
            if match:
                others.append(f"{file.relative_to(folder)} says {match[1].strip()}")
    application.note("backend.python", application.python, "assumed: no file names a version that CodeBuild has")
    if others:
        application.missing.append(
            Missing(
                f"no version of Python that CodeBuild has ({', '.join(PYTHONS)}) is named: {'; '.join(others)}",
                f"{application.python} is taken; correct `python` in generator/application.py",
                stops=False,
            )
        )


def _port(folder: Path, place: Path, application: Application) -> None:
    dockerfile = next(
        (above / "Dockerfile" for above in _above(folder, place) if (above / "Dockerfile").is_file()), None
    )
    text = _text(dockerfile) if dockerfile else ""
    # Of several stages the last one is started.
    patterns = (
        r"--port[\"',= ]+(\d+)",
        r"(?:--bind|\s-b|\"-b)[\"',= ]+\S*:(\d+)",
        r"^ENV\s+(?:.*\s)?PORT[= ](\d+)",
        r"--port[\"',= ]+\$\{PORT:-(\d+)\}",
        r"^EXPOSE\s+(\d+)",
    )
    ports = next((ports for pattern in patterns if (ports := re.findall(pattern, text, re.M))), None)
    if dockerfile and ports:
        application.port = int(ports[-1])
        application.note("backend.port", ports[-1], str(dockerfile.relative_to(folder)))
    else:
        application.note("backend.port", application.port, "assumed: the default image listens there")


def _routes(folder: Path, code: dict[Path, ast.Module], application: Application) -> None:
    """The paths of the API, with the prefixes of their routers."""
    read = read_routes(folder, code)
    for place in read.unread:
        application.missing.append(
            Missing(
                f"the prefix of a router is not a text ({place}), so paths below it are read without it",
                "correct `api_paths` and `health_path` in generator/application.py",
                stops=False,
            )
        )
    answers = [route for route in read.routes if "{" not in route.path and route.method in ("get", "head")]
    health = min(
        (route for route in answers if HEALTH.fullmatch(route.path)),
        key=lambda route: (route.own != route.path, route.path.count("/"), len(route.path)),
        default=None,
    )
    if health:
        application.health_path = health.path
        prefix = "" if health.own == health.path else " and the prefix of its router"
        application.note("backend.health_path", health.path, f"{health.place}{prefix}")
    else:
        application.missing.append(
            Missing(
                "no health route: nothing answers GET /health with 200",
                'add to the application: @app.get("/health") / def health(): return {"status": "healthy"}',
                kind="health",
            )
        )
        application.note("backend.health_path", application.health_path, "assumed")
    paths = {route.path for route in read.routes if route.path.strip("/") and route.path != application.health_path}
    if open_paths := sorted(path for path in paths if path.startswith("/{")):
        application.missing.append(
            Missing(
                f"the routes {', '.join(open_paths[:5])} begin with a variable, and the page is served for such paths",
                "give them a prefix such as /api, or name the paths in `api_paths` of generator/application.py",
                stops=False,
            )
        )
    paths -= set(open_paths)
    tops = {f"/{path.strip('/').split('/')[0]}" for path in paths}
    # The API without the last part of each path, as far as all have it in common.
    above = [path.strip("/").partition("{")[0].strip("/").split("/") for path in paths]
    begins = [parts[:-1] if parts[-1:] and len(parts) > 1 else parts for parts in above]
    shared = posixpath.commonpath([f"/{'/'.join(parts)}" for parts in begins]) if begins else ""
    application.api_prefix = shared.rstrip("/")
    whole = {path.rstrip("/") for path in paths if path.strip("/").count("/") == 0}
    patterns = sorted({f"{top}/*" for top in tops} | whole)
    application.api_paths = list(dict.fromkeys([*(patterns or ["/api/*"]), application.health_path]))
    application.note("frontend.api_paths", ", ".join(application.api_paths), "the routes of the backend")


def _settings(folder: Path, place: Path, code: dict[Path, ast.Module], application: Application) -> list[Setting]:
    uses_fernet = any("Fernet" in {name_of(node) for node in ast.walk(tree)} for tree in code.values())
    samples = _samples(folder, place)
    read = read_variables(folder, code)
    for where in read.unread:
        application.missing.append(
            Missing(
                f"the prefix of settings is not a text ({where}), so their variables are read without it",
                "correct the names of the variables in generator/application.py",
                stops=False,
            )
        )
    settings: dict[str, Setting] = {}
    for variable in read.variables:
        name, default, kind = variable.name, variable.default, variable.kind
        if name in settings or PLATFORM.match(name):
            continue
        source = f"{variable.file.relative_to(folder)}:{variable.line}"
        setting = _setting(variable, source, uses_fernet)
        if setting.kind == "chosen" and secret(name, setting.value or "x"):
            # No plain parameter may have such a name or value.
            if default is None:
                settings[name] = Setting(name, "filled", source=source)
            else:
                application.missing.append(_left_to_the_code(name, source, "it looks like a secret"))
            continue
        if PLACEHOLDER.search(setting.value):
            application.missing.append(_left_to_the_code(name, source, f"{setting.value} is a placeholder"))
            setting = replace(setting, value="", type="text")
        if default is None and setting.kind == "chosen":
            value, where = samples.get(name, (SAMPLES.get(kind, "unset" if kind == "text" else kind), ""))
            setting = replace(setting, value=value, type=kind if kind in ("number", "switch") else "text")
            application.missing.append(
                Missing(
                    f"{name} must have a value and has no default ({source}): {value}"
                    + (f" of {where} is taken" if where else " is its placeholder"),
                    "choose its parameter in each file of params/, or correct it in generator/application.py",
                    stops=False,
                )
            )
        settings[name] = setting
    return list(settings.values())


# What stands in for a value that nobody names, by the type that it must have.
SAMPLES = {
    "number": "1",
    "switch": "false",
    "address": "https://example.edu",
    "mail": "nobody@example.edu",
    "list": "[]",
}


def _samples(folder: Path, place: Path) -> dict[str, tuple[str, str]]:
    """The values of files such as `.env.example`, each with its file. What git ignores may be secret, as may be an
    address with a password in it."""
    result: dict[str, tuple[str, str]] = {}
    ignored = any(
        re.search(r"^[/*]*\.env\*?\s*$", _text(above / ".gitignore"), re.M) for above in _above(folder, place)
    )
    names = [".env.example", ".env.sample", ".env.template", ".env-template", "env.example", ".env.dist", "example.env"]
    for file in (above / name for above in _above(folder, place) for name in (*names, *([] if ignored else [".env"]))):
        for variable, value in re.findall(r"^\s*(?:export\s+)?(\w+)[ \t]*=[ \t]*(.*)$", _text(file), re.M):
            quoted = re.match(r"([\"'])(.*?)\1", value)
            plain = quoted[2].strip() if quoted else re.sub(r"\s#.*", "", value).strip()
            if (
                plain
                and plain.isprintable()
                and not re.search(r"[$<]|://[^/]*@", plain)
                and not PLACEHOLDER.search(plain)
            ):
                result.setdefault(variable.upper(), (plain, str(file.relative_to(folder))))
    return result


def _left_to_the_code(name: str, source: str, why: str) -> Missing:
    """A variable whose default stays in the code, because no parameter may have it."""
    return Missing(
        f"{name} keeps the default of the code ({source}), because {why}",
        "add a Variable or a Secret to generator/application.py to give it another value",
        stops=False,
    )


def _setting(variable: Variable, place: str, uses_fernet: bool) -> Setting:
    """What a variable is, by its name; by its field's name, too, where all variables have a prefix or a model nests."""
    name, default, kind = variable.name, variable.default, variable.kind
    if any(map(ORIGINS.search, variable.names)):
        return Setting(name, "given", '["${PublicUrl}"]', source=place)
    if any(map(OWN_ADDRESS.fullmatch, variable.meanings)):
        return Setting(name, "given", "${PublicUrl}", source=place)
    if any(map(REGION.fullmatch, variable.meanings)):
        return Setting(name, "given", "${AWS::Region}", source=place)
    if any(known in ("ENVIRONMENT", "ENV", "APP_ENV", "STAGE") for known in variable.meanings):
        return Setting(name, "given", "production", source=place)
    if any(map(SECRET.search, variable.names)):
        if uses_fernet and re.search(r"ENCRYPT|FERNET", name):
            return Setting(name, "fernet", source=place)
        return Setting(name, "generated" if any(map(OWN_SECRET.search, variable.names)) else "filled", source=place)
    if not default:
        return Setting(name, "chosen", "", "text", place)
    return Setting(name, "chosen", default, kind if kind in ("number", "switch") else "text", place)


def _tables(code: dict[Path, ast.Module], application: Application) -> list[TableFacts]:
    """The DynamoDB tables: variables whose default is the name of one; keys as far as the code names them."""
    keys = [
        [key.value for key in keyword.value.keys if isinstance(key, ast.Constant)]
        for tree in code.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and name_of(node.func) in ("get_item", "delete_item", "update_item")
        for keyword in node.keywords
        if keyword.arg == "Key" and isinstance(keyword.value, ast.Dict)
    ]
    tables = [
        setting for setting in application.settings if re.search(r"(^|_)TABLE(_NAME)?$", setting.name) and setting.value
    ]
    application.settings = [setting for setting in application.settings if setting not in tables]
    result = []
    for setting in tables:
        pair = keys[0] if keys and all(key == keys[0] for key in keys) else ["pk", "sk"]
        partition, sort = [*map(str, pair), ""][:2]
        result.append(TableFacts(setting.name, setting.value, partition, sort))
        application.note(f"table {setting.value}", f"keys {partition} {sort}".strip(), setting.source)
        if not keys or any(key != keys[0] for key in keys):
            application.missing.append(
                Missing(
                    f"the keys of the table {setting.value} are not certain: pk and sk are taken",
                    "correct `partition` and `sort` of the table in generator/application.py",
                    stops=False,
                )
            )
    return result
