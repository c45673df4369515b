"""The backend of an application, read from its Python code, which is parsed and never run."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.onboarding.facts import Application, Missing, Setting, TableFacts, files

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
REQUIREMENTS = ("requirements.txt", "uv.lock", "poetry.lock", "Pipfile.lock", "pyproject.toml")
HTTP = frozenset(("get", "post", "put", "patch", "delete", "head", "options", "api_route", "websocket"))
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
    entries = [Entry(file, name) for file, tree in trees.items() for name in _applications(tree)]
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
    _routes(folder, code, application)
    application.settings = _settings(folder, code)
    for setting in application.settings:
        application.note(f"variable {setting.name}", f"{setting.kind} {setting.value}".strip(), setting.source)
    application.tables = _tables(code, application)
    if not any((parent / name).is_file() for parent in _above(folder, place) for name in REQUIREMENTS):
        application.missing.append(
            Missing(
                f"no requirements: none of {', '.join(REQUIREMENTS)} is in {application.backend} or in the root",
                f"write {application.backend}/requirements.txt, such as `pip freeze > requirements.txt`",
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
        try:
            yield file, ast.parse(file.read_bytes())
        except (SyntaxError, ValueError, RecursionError):
            continue


def _applications(tree: ast.Module) -> Iterator[str]:
    """The names that a module gives to a FastAPI application, made directly or by a function of the module."""
    factories = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and any(_is_fastapi(inner) for inner in ast.walk(node))
    }
    for node in tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        value = node.value
        if _is_fastapi(value) or (isinstance(value, ast.Call) and _name(value.func) in factories):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def _is_fastapi(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and _name(node.func) == "FastAPI"


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _backend_folder(folder: Path, file: Path) -> Path:
    """Where Python is started: the folder above the outermost package that the file lies in."""
    place = file.parent
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


def _versions(folder: Path, place: Path, application: Application) -> None:
    # By the forms of pyenv, uv, Heroku, asdf, Docker, PEP 621 and poetry, pipenv, setuptools, and of the lock files.
    least = r"\s*[\"']?\s*(?:>=|~=|==|\^|~)?\s*(\d+\.\d+)"
    patterns = {
        ".python-version": r"^\s*(?:c?python-?)?(\d+\.\d+)",
        ".tool-versions": r"^python\s+(\d+\.\d+)",
        "runtime.txt": r"python-(\d+\.\d+)",
        "Dockerfile": r"^(?:FROM\s.*?python:?-?|ARG\s+PYTHON_?(?:VERSION|TAG)?=)v?(\d+\.\d+)",
        "pyproject.toml": rf"^(?:requires-python|python)\s*={least}",
        "Pipfile": rf"^python(?:_full)?_version\s*={least}",
        "setup.cfg": rf"^python_requires\s*={least}",
        "uv.lock": rf"^requires-python\s*={least}",
        "poetry.lock": rf"^python-versions\s*={least}",
    }
    for name, pattern in patterns.items():
        for file in (above / name for above in _above(folder, place)):
            match = re.search(pattern, _text(file), re.M | re.I)
            if match and match[1] in PYTHONS:
                application.python = match[1]
                application.note("backend.python", match[1], str(file.relative_to(folder)))
                break
        else:
            continue
        break
    else:
        application.note("backend.python", application.python, "assumed: no file names a version that CodeBuild has")
    dockerfile = place / "Dockerfile"
    text = _text(dockerfile)
    port = re.search(r"--port[\"',= ]+(\d+)", text) or re.search(r"--bind[\"',= ]+\S*:(\d+)", text)
    port = port or re.search(r"^EXPOSE\s+(\d+)", text, re.M)
    if port:
        application.port = int(port[1])
        application.note("backend.port", port[1], str(dockerfile.relative_to(folder)))
    else:
        application.note("backend.port", application.port, "assumed: the default image listens there")


def _routes(folder: Path, code: dict[Path, ast.Module], application: Application) -> None:
    """The paths of the API, with the prefixes of their routers as far as these are texts."""
    paths: dict[str, str] = {}
    prefixes = [
        keyword.value.value
        for tree in code.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _name(node.func) in ("include_router", "APIRouter", "mount")
        for keyword in node.keywords
        if keyword.arg == "prefix" and isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str)
    ]
    for file, tree in code.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and _name(decorator.func) in HTTP and decorator.args:
                    path = decorator.args[0]
                    if isinstance(path, ast.Constant) and isinstance(path.value, str):
                        owner = _name(decorator.func.value) if isinstance(decorator.func, ast.Attribute) else ""
                        place = f"{file.relative_to(folder)}:{node.lineno}"
                        paths.setdefault(
                            path.value if owner in ("app", "application", "api") else f"~{path.value}", place
                        )
    own = {path: place for path, place in paths.items() if path.startswith("/")}
    health = next((path for path in own if HEALTH.fullmatch(path)), "")
    below = next((path for path in paths if HEALTH.fullmatch(path.removeprefix("~"))), "")
    if health:
        application.health_path = health
        application.note("backend.health_path", health, own[health])
    elif below:
        prefix = next((prefix for prefix in prefixes if prefix.startswith("/")), "")
        application.health_path = f"{prefix.rstrip('/')}{below.removeprefix('~')}"
        application.note("backend.health_path", application.health_path, f"{paths[below]} and the prefix of its router")
    else:
        application.missing.append(
            Missing(
                "no health route: nothing answers GET /health with 200",
                'add to the application: @app.get("/health") / def health(): return {"status": "healthy"}',
                kind="health",
            )
        )
        application.note("backend.health_path", application.health_path, "assumed")
    tops = {f"/{prefix.strip('/').split('/')[0]}" for prefix in prefixes if prefix.startswith("/") and prefix != "/"}
    tops |= {f"/{path.strip('/').split('/')[0]}" for path in own if path.strip("/") and path != application.health_path}
    tops.discard("/")
    if "/api" in tops and len(tops) > 1:
        # A router's prefix stands below the API's own.
        tops = {top for top in tops if top == "/api" or any(path.startswith(top) for path in own)}
    begins = {prefix.rstrip("/") for prefix in prefixes if prefix.startswith("/") and len(prefix) > 1}
    shared = [prefix for prefix in begins if all(f"{other}/".startswith(f"{prefix}/") for other in begins)]
    application.api_prefix = shared[0] if shared else ""
    patterns = sorted({f"{top}/*" for top in tops} | {path for path in own if path.count("/") == 1 and len(path) > 1})
    application.api_paths = list(dict.fromkeys([*(patterns or ["/api/*"]), application.health_path]))
    application.note("frontend.api_paths", ", ".join(application.api_paths), "the routes of the backend")


def _settings(folder: Path, code: dict[Path, ast.Module]) -> list[Setting]:
    uses_fernet = any("Fernet" in {_name(node) for node in ast.walk(tree)} for tree in code.values())
    settings: dict[str, Setting] = {}
    for file, tree in code.items():
        for name, default, kind, line in (*_fields(tree), *_environment(tree)):
            if name not in settings and not PLATFORM.match(name):
                place = f"{file.relative_to(folder)}:{line}"
                settings[name] = _setting(name, default, kind, place, uses_fernet)
    return list(settings.values())


def _fields(tree: ast.Module) -> Iterator[tuple[str, str | None, str, int]]:
    """The fields of settings classes of pydantic: name, default (None when it must be given), type, line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and "BaseSettings" in map(_name, node.bases):
            prefix = next(iter(re.findall(r"env_prefix['\"]?\s*[=:]\s*['\"](\w*)['\"]", ast.unparse(node))), "")
            for item in node.body:
                if (
                    isinstance(item, ast.AnnAssign)
                    and isinstance(item.target, ast.Name)
                    and item.target.id != "model_config"
                ):
                    default = _default(item.value)
                    if "Optional" in ast.unparse(item.annotation) or "None" in ast.unparse(item.annotation):
                        default = default or ""
                    yield f"{prefix}{item.target.id}".upper(), default, _type(item.annotation), item.lineno


def _environment(tree: ast.Module) -> Iterator[tuple[str, str | None, str, int]]:
    """What a module reads from its environment itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "os.getenv",
            "os.environ.get",
            "getenv",
            "environ.get",
        ):
            if node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
                default = _default(node.args[1]) if len(node.args) > 1 else ""
                yield node.args[0].value, default or "", "text", node.lineno
        elif (
            isinstance(node, ast.Subscript)
            and isinstance(node.slice, ast.Constant)
            and ast.unparse(node.value) in ("os.environ", "environ")
        ):
            yield str(node.slice.value), None, "text", node.lineno


def _default(node: ast.expr | None) -> str | None:
    """A default as text: None when the value must be given, empty for what is no plain constant."""
    if node is None:
        return None
    if isinstance(node, ast.Call) and _name(node.func) == "Field":
        first = (
            node.args[0] if node.args else next((word.value for word in node.keywords if word.arg == "default"), None)
        )
        return None if first is None or _is_ellipsis(first) else _default(first)
    if isinstance(node, ast.Constant) and node.value is not None and not _is_ellipsis(node):
        return str(node.value).lower() if isinstance(node.value, bool) else str(node.value)
    return ""


def _is_ellipsis(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is Ellipsis


def _type(annotation: ast.expr) -> str:
    return {"bool": "switch", "int": "number"}.get(ast.unparse(annotation), "text")


def _setting(name: str, default: str | None, kind: str, place: str, uses_fernet: bool) -> Setting:
    if ORIGINS.search(name):
        return Setting(name, "given", '["${PublicUrl}"]', source=place)
    if OWN_ADDRESS.fullmatch(name):
        return Setting(name, "given", "${PublicUrl}", source=place)
    if REGION.fullmatch(name):
        return Setting(name, "given", "${AWS::Region}", source=place)
    if name in ("ENVIRONMENT", "ENV", "APP_ENV", "STAGE"):
        return Setting(name, "given", "production", source=place)
    if SECRET.search(name):
        if uses_fernet and re.search(r"ENCRYPT|FERNET", name):
            return Setting(name, "fernet", source=place)
        return Setting(name, "generated" if OWN_SECRET.search(name) else "filled", source=place)
    if default is None or default == "":
        return Setting(name, "chosen", "", "text", place)
    return Setting(name, "chosen", default, kind, place)


def _tables(code: dict[Path, ast.Module], application: Application) -> list[TableFacts]:
    """The DynamoDB tables: variables whose default is the name of one; keys as far as the code names them."""
    keys = [
        [key.value for key in keyword.value.keys if isinstance(key, ast.Constant)]
        for tree in code.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _name(node.func) in ("get_item", "delete_item", "update_item")
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
