"""Applications have many shapes: what each says of itself is read, and what cannot be read is told."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from generator.project import FactError, Frontend
from scripts.onboarding.backend import PYTHONS, allows
from scripts.onboarding.facts import Application
from scripts.onboarding.frontend import node_allows
from scripts.onboarding.reading import read_application
from scripts.onboarding.routes import read_routes
from tests.support.onboarding import PACKAGE, folder

MAIN = "api/src/shop/main.py"
SETTINGS = "api/src/shop/settings.py"
PROJECT = '[project]\ndependencies = ["fastapi"]\n'


def shop(tmp_path: Path, files: dict[str, str | None]) -> Application:
    """The shop of other tests with these files, as it is read."""
    return read_application(folder(tmp_path, **files))


def lacks(application: Application) -> str:
    """What is missing or to know, as one text."""
    return "\n".join(f"{lack.what}; {lack.fix}" for lack in application.missing)


# --- where the application object is


@pytest.mark.parametrize(
    ("files", "module"),
    [
        (
            {
                MAIN: "from shop.factory import build\napp = build()\n",
                "api/src/shop/factory.py": "import fastapi\ndef build(name='x'):\n    return fastapi.FastAPI()\n",
            },
            "shop.main:app",
        ),
        (
            {
                MAIN: "from . import factory\napplication = factory.build()\n",
                "api/src/shop/factory.py": "from fastapi import FastAPI\ndef build():\n    return FastAPI()\n",
            },
            "shop.main:application",
        ),
        (
            {MAIN: "from fastapi import FastAPI\ndef create_app() -> FastAPI:\n    app = FastAPI()\n    return app\n"},
            "shop.main:create_app",
        ),
        ({MAIN: "from fastapi import FastAPI\ntry:\n    app = FastAPI()\nfinally:\n    pass\n"}, "shop.main:app"),
    ],
    ids=["imported factory", "factory of a module", "factory alone", "behind a try"],
)
def test_an_application_is_found_where_it_is_made(tmp_path: Path, files: dict[str, str | None], module: str) -> None:
    assert shop(tmp_path, files).module == module


def test_a_factory_that_needs_arguments_is_no_application(tmp_path: Path) -> None:
    application = shop(tmp_path, {MAIN: "from fastapi import FastAPI\ndef make(config):\n    return FastAPI()\n"})
    assert not application.module and "no FastAPI application" in lacks(application)


def test_what_is_imported_by_its_bare_name_lies_where_python_starts(tmp_path: Path) -> None:
    main = "from fastapi import FastAPI\nimport models\napp = FastAPI()\n"
    files: dict[str, str | None] = {MAIN: None, "api/__init__.py": "", "api/main.py": main, "api/models.py": ""}
    application = shop(tmp_path, files)
    assert (application.backend, application.module) == ("api", "main:app")


# --- its paths

ROUTER = "from fastapi import APIRouter\nrouter = APIRouter(prefix='/goods')\n@router.get('/{id}')\ndef good(): ...\n"


@pytest.mark.parametrize(
    ("main", "settings", "paths"),
    [
        ("app.include_router(goods.router, prefix=settings.api)", "class S:\n    api: str = '/api/v3'\n", "/api/*"),
        ("app.include_router(goods.router, prefix=f'/{BASE}/v1')", "BASE = 'rest'\n", "/rest/*"),
        ("app.include_router(goods.router, prefix='/rest' + V)", "V = '/v1'\n", "/rest/*"),
        ("sub = FastAPI()\nsub.include_router(goods.router)\napp.mount('/rest', sub)", "", "/rest/*"),
        ("app.include_router(prefix='/rest', router=None)\napp.include_router(goods.router)", "", "/goods/*"),
    ],
)
def test_the_prefix_of_a_router_is_followed(tmp_path: Path, main: str, settings: str, paths: str) -> None:
    head = "from fastapi import FastAPI\nfrom shop import goods\nfrom shop.settings import *\napp = FastAPI()\n"
    files: dict[str, str | None] = {MAIN: head + main, SETTINGS: settings, "api/src/shop/goods.py": ROUTER}
    application = shop(tmp_path, files)
    assert application.api_paths[0] == paths and "is not a text" not in lacks(application)


def test_of_modules_with_the_same_name_the_nearest_is_included(tmp_path: Path) -> None:
    """The nearest shares the longest beginning of its path, whatever comes after it."""
    router = "from fastapi import APIRouter\nrouter = APIRouter(prefix='/{}')\n@router.get('/x')\ndef x(): ...\n"
    main = "from fastapi import FastAPI\nfrom goods.routes import router\n"
    main += "app = FastAPI()\napp.include_router(router, prefix='/all')\n"
    texts = {
        "shop/web/v1/main.py": main,
        "shop/lib/goods/routes.py": router.format("near"),
        "old/web/v1/goods/routes.py": router.format("far"),
    }
    code = {tmp_path / name: ast.parse(text) for name, text in texts.items()}
    read = read_routes(tmp_path, code)
    assert read.unread == () and [(route.path, route.place) for route in read.routes] == [
        ("/all/near/x", "shop/lib/goods/routes.py:4"),
        ("/far/x", "old/web/v1/goods/routes.py:4"),
    ]


def test_a_route_may_be_added_by_a_call(tmp_path: Path) -> None:
    main = "from fastapi import FastAPI\napp = FastAPI()\ndef goods(): ...\napp.add_api_route('/goods/all', goods)\n"
    assert shop(tmp_path, {MAIN: main}).api_paths == ["/goods/*", "/health"]


def test_routers_in_routers_through_packages(tmp_path: Path) -> None:
    files: dict[str, str | None] = {
        MAIN: "from fastapi import FastAPI\nfrom .v1 import api as all\napp = FastAPI()\napp.include_router(all)\n",
        "api/src/shop/v1/__init__.py": "from .routes import api\n",
        "api/src/shop/v1/routes.py": (
            "from fastapi import APIRouter\nfrom . import state, goods\nfrom .goods import router as more\n"
            "api = APIRouter(prefix='/api/v1')\napi.include_router(state.router, prefix='/state')\n"
            "api.include_router(more)\n"
        ),
        "api/src/shop/v1/goods.py": ROUTER,
        "api/src/shop/v1/state.py": (
            "from fastapi import APIRouter\nrouter = APIRouter()\n@router.get('/health/')\nasync def health(): ...\n"
        ),
    }
    application = shop(tmp_path, files)
    assert (application.health_path, application.api_prefix) == ("/api/v1/state/health/", "/api/v1")
    assert application.api_paths == ["/api/*", "/api/v1/state/health/"]


def test_a_prefix_that_only_running_tells_is_told(tmp_path: Path) -> None:
    main = "from fastapi import FastAPI\nfrom shop import goods\napp = FastAPI()\n"
    main += "app.include_router(goods.router, prefix=prefix_of('goods'))\n"
    application = shop(tmp_path, {MAIN: main, "api/src/shop/goods.py": ROUTER})
    assert "the prefix of a router is not a text (api/src/shop/main.py:4: prefix_of('goods'))" in lacks(application)


def test_routes_that_begin_with_a_variable_are_told(tmp_path: Path) -> None:
    main = "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/{slug}')\ndef page(): ...\n"
    application = shop(tmp_path, {MAIN: main})
    assert "the routes /{slug} begin with a variable" in lacks(application)
    assert not any("{" in path for path in application.api_paths)


# --- its variables


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("from pydantic_settings import BaseSettings\nclass S(BaseSettings):\n    port: int\n", "DB_PORT", "5433"),
        ("import os\nos.environ['DB_PORT']\n", "DB_PORT", "5433"),
        ("from decouple import config\nconfig('DB_PORT', cast=int)\n", "DB_PORT", "5433"),
        ("from pydantic_settings import BaseSettings\nclass S(BaseSettings):\n    mode: str = ...\n", "MODE", "unset"),
        ("from pydantic_settings import BaseSettings\nclass S(BaseSettings):\n    seat: int\n", "SEAT", "1"),
        ("import os\nos.environ['MAIL_VIA']\n", "MAIL_VIA", "unset"),
    ],
)
def test_a_value_that_must_be_there_has_a_sample_and_is_told(tmp_path: Path, text: str, name: str, value: str) -> None:
    text = text.replace("    port:", "    db_port:")
    example = "# x\nexport DB_PORT='5433' # the database\nMAIL_VIA=smtp://ann:secret@mail.test\n"
    application = shop(tmp_path, {SETTINGS: text, "api/.env.example": example})
    [setting] = application.settings
    assert (setting.name, setting.value, setting.kind) == (name, value, "chosen")
    assert f"{name} must have a value and has no default" in lacks(application)


def test_a_file_that_git_ignores_is_not_read_for_values(tmp_path: Path) -> None:
    files: dict[str, str | None] = {SETTINGS: "import os\nos.environ['TOP']\n", ".env": "TOP=5\n"}
    assert shop(tmp_path / "a", files).settings[0].value == "5"
    assert shop(tmp_path / "b", {**files, ".gitignore": "*.log\n.env\n"}).settings[0].value == "unset"


def test_settings_below_settings_and_with_names_of_their_own(tmp_path: Path) -> None:
    text = (
        "from pydantic import Field\nfrom pydantic_settings import BaseSettings\nclass Base(BaseSettings):\n"
        "    level: str = 'INFO'\nclass More(Base):\n    size: int = Field(default=3, validation_alias='PAGE_SIZE')\n"
    )
    application = shop(tmp_path, {SETTINGS: text})
    assert {setting.name: setting.value for setting in application.settings} == {"LEVEL": "INFO", "PAGE_SIZE": "3"}


# --- versions


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("<3.13,>=3.12", "3.12"),
        ("(>=3.13)", "3.13"),
        (">3.12,<4.0", "3.12"),
        (">=3.9,!=3.11.*", "3.12"),
        ("~=3.12.2", "3.12"),
        ("^3.13", "3.13"),
        ("3.9 || 3.14", "3.14"),
        ("3", "3.11"),
        ("<=3.11", "3.11"),
        ("<3.11", ""),
        ("<3.11.4", "3.11"),
        (">=3.12,<=3.12", "3.12"),
        ("!=3.11,>3.10", "3.12"),
        ("!=3.11.2", "3.11"),
        ("~=3.12", "3.12"),
        ("~=4.0", ""),
        ("^4", ""),
        ("==3.13.*", "3.13"),
        ("v3.14", "3.14"),
        ("2.7", ""),
        ("", ""),
    ],
)
def test_specifiers_of_python(text: str, first: str) -> None:
    assert next((version for version in PYTHONS if allows(text, version)), "") == first


@pytest.mark.parametrize(
    ("text", "majors"),
    [
        (">=18 <21", [18, 20]),
        ("^20.19.0 || >=22.12.0", [20, 22, 24]),
        ("18 - 20", [18, 20]),
        ("<22", [18, 20]),
        ("<=20", [18, 20]),
        ("<=20.1", [18, 20]),
        ("<20.1", [18, 20]),
        (">20", [22, 24]),
        (">=20.1", [20, 22, 24]),
        ("=22", [22]),
        ("v20", [20]),
        ("~22.4", [22]),
        ("20.x", [20]),
        ("*", []),
    ],
)
def test_ranges_of_node(text: str, majors: list[int]) -> None:
    assert [major for major in (18, 20, 22, 24) if node_allows(text, major)] == majors


@pytest.mark.parametrize(
    ("files", "node"),
    [
        ({"web/package.json": json.dumps({**PACKAGE, "engines": "node >= 18"})}, "22"),
        ({"web/package.json": json.dumps({**PACKAGE, "engines": {}, "volta": {"node": "24.1.0"}})}, "24"),
        ({"web/package.json": json.dumps({**PACKAGE, "engines": {}}), ".nvmrc": "lts/iron\n"}, "20"),
        ({"web/package.json": json.dumps({**PACKAGE, "engines": {}}), ".tool-versions": "nodejs 24.1\n"}, "24"),
        ({"web/package.json": json.dumps({**PACKAGE, "engines": {"node": "<22"}})}, "18"),
    ],
)
def test_the_version_of_node(tmp_path: Path, files: dict[str, str | None], node: str) -> None:
    assert shop(tmp_path, files).node == node


def test_versions_that_are_not_there_are_told(tmp_path: Path) -> None:
    package = json.dumps({**PACKAGE, "engines": {"node": "16"}})
    application = shop(
        tmp_path, {"web/package.json": package, "api/pyproject.toml": f"{PROJECT}requires-python = '<3.9'"}
    )
    text = lacks(application)
    assert (
        "no version of Python that CodeBuild has (3.11, 3.12, 3.13, 3.14) is named: api/pyproject.toml says <3.9"
        in text
    )
    assert (
        "no version of Node.js that CodeBuild has (18, 20, 22, 24) is named: web/package.json engines says 16" in text
    )


@pytest.mark.parametrize(
    ("place", "text", "port"),
    [
        ("api/Dockerfile", "FROM python:3.12\nEXPOSE 5000\n", 5000),
        ("api/src/Dockerfile", 'FROM a AS dev\nCMD ["x", "--port", "1234"]\nFROM a\nCMD uvicorn --port 80\n', 80),
        ("api/src/Dockerfile", "FROM a\nCMD gunicorn -b 0.0.0.0:8080 x\n", 8080),
        ("api/src/Dockerfile", "FROM a\nENV A=1 PORT=9001\nEXPOSE 1\n", 9001),
        ("api/src/Dockerfile", "FROM a\nCMD uvicorn --port ${PORT:-7000}\n", 7000),
    ],
)
def test_the_port_of_the_image(tmp_path: Path, place: str, text: str, port: int) -> None:
    assert shop(tmp_path, {place: text}).port == port


# --- requirements, and the page


def test_requirements_elsewhere_are_named_with_the_way_out(tmp_path: Path) -> None:
    files: dict[str, str | None] = {
        "api/pyproject.toml": None,
        "api/requirements/dev.txt": "",
        "api/requirements/base.txt": "fastapi\n",
        "api/requirements/prod.txt": "-r base.txt\n",
    }
    text = lacks(shop(tmp_path, files))
    assert "only api/requirements/base.txt, api/requirements/dev.txt, api/requirements/prod.txt" in text
    assert "write api/src/requirements.txt with the line `-r ../requirements/prod.txt`" in text


@pytest.mark.parametrize(
    ("name", "text", "output"),
    [
        ("vite.config.ts", 'build: { outDir: "../api/static", emptyOutDir: true }', "../api/static"),
        ("vite.config.ts", 'outDir: path.resolve(__dirname, "..", "api", "static"), base: "/"', "../api/static"),
        ("vite.config.ts", "outDir: resolve(import.meta.dirname, 'out')", "out"),
        (
            "package.json",
            json.dumps({**PACKAGE, "scripts": {"build": "tsc && vite build --outDir=out/web"}}),
            "out/web",
        ),
    ],
)
def test_where_the_page_is_built_to(tmp_path: Path, name: str, text: str, output: str) -> None:
    application = shop(tmp_path, {"web/vite.config.js": None, f"web/{name}": text})
    assert application.output == output


def test_create_react_app_builds_where_it_is_told(tmp_path: Path) -> None:
    package = {"scripts": {"build": "react-scripts build"}, "dependencies": {"react-scripts": "5"}}
    files: dict[str, str | None] = {"web/package.json": json.dumps(package), "web/.env": "BUILD_PATH='./public_html'\n"}
    assert shop(tmp_path, files).output == "public_html"


@pytest.mark.parametrize(("directory", "output", "taken"), [("web", "../a", True), ("web", "../../a", False)])
def test_the_output_stays_in_the_repository(directory: str, output: str, taken: bool) -> None:
    try:
        Frontend(directory, "22", output, "assets", (), ("VITE_",), ("/api/*",))
    except FactError as error:
        assert not taken and "must be inside of the repository" in str(error)
    else:
        assert taken


def test_of_packages_that_build_the_page_is_taken(tmp_path: Path) -> None:
    package = json.dumps(PACKAGE)
    files: dict[str, str | None] = {
        "packages/buttons/package.json": package,
        "web/index.html": "<p>",
        "zoo/package.json": package,
        "zoo/index.html": "<p>",
    }
    application = shop(tmp_path, {**files, "web/package.json": package})
    assert application.frontend == "web"
    assert "one page of several is taken: web/package.json, and not zoo/package.json" in lacks(application)


@pytest.mark.parametrize(
    "text",
    [
        "const { VITE_TITLE, MODE } = import.meta.env",
        "const { VITE_TITLE }: ImportMetaEnv = import.meta.env",
        "import.meta.env['VITE_TITLE']",
        "import.meta.env?.VITE_TITLE",
    ],
)
def test_variables_of_the_page_in_whatever_form(tmp_path: Path, text: str) -> None:
    files: dict[str, str | None] = {"web/src/main.js": text, "web/.env": "export VITE_TITLE = 'Shop'\n"}
    assert shop(tmp_path, files).page_variables == {"VITE_TITLE": "Shop"}


def test_each_variable_of_the_page_is_told_once_where_it_stands_first(tmp_path: Path) -> None:
    files: dict[str, str | None] = {
        "web/src/a.js": "import.meta.env.VITE_ONE + import.meta.env.VITE_ONE + import.meta.env.VITE_TWO",
        "web/src/b.js": "import.meta.env.VITE_TWO + import.meta.env.VITE_THREE",
        "web/src/main.js": "",
    }
    application = shop(tmp_path, files)
    assert list(application.page_variables) == ["VITE_ONE", "VITE_TWO", "VITE_THREE"]
    notes = [(each.fact, each.source) for each in application.detected if each.fact.startswith("frontend variable")]
    assert notes == [
        ("frontend variable VITE_ONE", "web/src/a.js"),
        ("frontend variable VITE_TWO", "web/src/a.js"),
        ("frontend variable VITE_THREE", "web/src/b.js"),
    ]


def test_variables_with_a_prefix_of_the_projects_own(tmp_path: Path) -> None:
    files = {"web/vite.config.js": "envPrefix: 'SHOP_'", "web/src/main.js": "import.meta.env.SHOP_NAME"}
    application = shop(tmp_path, {**files, "web/index.html": "<title>%SHOP_TITLE%</title>"})
    assert application.prefix == "SHOP_" and set(application.page_variables) == {"SHOP_NAME", "SHOP_TITLE"}


def test_a_lock_file_between_the_page_and_the_root(tmp_path: Path) -> None:
    files: dict[str, str | None] = {"web/package.json": None, "web/package-lock.json": None}
    files |= {"js/apps/web/package.json": json.dumps(PACKAGE), "js/bun.lockb": ""}
    assert "lock file" not in lacks(shop(tmp_path, files))


SETTINGS_HEAD = "from pydantic_settings import BaseSettings\nclass S(BaseSettings):\n"


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        ("access_token_expire_minutes: int = 30", {"ACCESS_TOKEN_EXPIRE_MINUTES": ("chosen", "30")}),
        ("token_endpoint: str = '/token'", {"TOKEN_ENDPOINT": ("chosen", "/token")}),
        ("api_key_header: str = 'X-API-Key'", {}),
        ("api_key_header: str", {"API_KEY_HEADER": ("filled", "")}),
        ("sender: str = 'shop@example.com'", {"SENDER": ("chosen", "")}),
    ],
)
def test_no_setting_is_what_the_gate_refuses(tmp_path: Path, line: str, kinds: dict[str, tuple[str, str]]) -> None:
    application = shop(tmp_path, {SETTINGS: f"{SETTINGS_HEAD}    {line}\n"})
    assert {setting.name: (setting.kind, setting.value) for setting in application.settings} == kinds
    if "=" in line and "chosen" not in {kind for kind, value in kinds.values() if value}:
        assert "keeps the default of the code" in lacks(application)
