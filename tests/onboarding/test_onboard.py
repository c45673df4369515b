"""An application that nobody here wrote becomes facts from its folder alone: read and never run."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from generator.cfn.templates import load
from generator.project import Project
from generator.render import render
from scripts import cli
from scripts.deployment.errors import RefusedError
from scripts.onboarding.facts import Application
from scripts.onboarding.reading import read_application
from scripts.onboarding.source import application_source, parameter_file
from scripts.onboarding.writing import known_parameters, write
from tests.conftest import ROOT
from tests.support.onboarding import FACTORY, MAIN, PACKAGE, copy, folder


def project(application: Application, taken: tuple[str, ...] = ()) -> Project:
    """The facts that the written module has."""
    names: dict[str, Any] = {}
    exec(compile(application_source(application, taken), "application.py", "exec"), names)
    result: Project = names["APPLICATION"]
    return result


def test_facts_are_read_from_the_folder(tmp_path: Path) -> None:
    facts = project(read_application(folder(tmp_path)))
    assert (facts.name, facts.title) == ("shop", "Corner Shop")
    assert (facts.backend.directory, facts.backend.module) == ("api/src", "shop.main:app")
    assert (facts.backend.python, facts.backend.health_path) == ("3.12", "/healthz")
    frontend = facts.frontend
    assert (frontend.directory, frontend.output, frontend.assets, frontend.node) == (
        "web",
        "public_html",
        "assets",
        "20",
    )
    assert [(variable.name, variable.value) for variable in frontend.variables] == [("VITE_API_URL", "/api/v2")]
    assert frontend.api_paths == ("/api/*", "/healthz")
    plain = {variable.name: variable.value or variable.choice for variable in facts.variables}
    assert plain["CORS_ORIGINS"] == '["${PublicUrl}"]' and plain["PUBLIC_URL"] == "${PublicUrl}"
    chosen = {variable.name: variable for variable in facts.variables if variable.choice}
    assert chosen.keys() == {"LOG_LEVEL", "PAGE_SIZE", "DEBUG", "REDIS_URL", "SEARCH_URL"}
    assert {name for name, variable in chosen.items() if variable.optional} == {"REDIS_URL", "SEARCH_URL"}
    assert {secret.name: secret.kind for secret in facts.secrets} == {
        "SECRET_KEY": "GENERATED",
        "STRIPE_API_KEY": "FILLED",
    }
    [table] = facts.tables
    assert (table.variable, table.name, table.partition, table.sort) == ("ORDERS_TABLE", "ShopOrders", "order_id", "")
    assert [reach.variable for reach in facts.reaches] == ["REDIS_URL"]


def test_what_is_written_is_formatted_as_everything_here(tmp_path: Path) -> None:
    """So that `make format` is no correction by hand."""
    file = tmp_path / "application.py"
    file.write_text(application_source(read_application(folder(tmp_path)), ()), encoding="utf-8")
    ruff = [sys.executable, "-m", "ruff"]
    for words in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [*ruff, *words, "--config", str(ROOT / ".ruff.toml"), str(file)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_line_is_as_long_as_it_may_be_and_no_longer(tmp_path: Path) -> None:
    application = read_application(folder(tmp_path / "read"))
    folder_of_facts = tmp_path / "facts"
    folder_of_facts.mkdir()
    lengths = set()
    for more in range(40, 100):
        variables = {"VITE_" + "A" * more: "/api"}
        text = application_source(replace(application, page_variables=variables), ())
        lengths |= {len(line) for line in text.splitlines()}
        (folder_of_facts / f"facts{more}.py").write_text(text, encoding="utf-8")
    ruff = [sys.executable, "-m", "ruff", "format", "--check", "--config", str(ROOT / ".ruff.toml")]
    done = subprocess.run([*ruff, str(folder_of_facts)], capture_output=True, text=True)
    assert done.returncode == 0 and {119, 120} <= lengths, done.stdout + done.stderr


def test_what_is_written_renders(tmp_path: Path) -> None:
    files = render(project(read_application(folder(tmp_path)))).files
    assert "cloud-health" not in "".join(files.values()) and "ShopOrders" not in files["data.json"]
    assert json.loads(files["environment.json"])["Parameters"]["PageSize"]["Default"] == "20"


def test_a_parameter_of_the_application_is_none_of_the_roots_own(tmp_path: Path) -> None:
    facts = project(read_application(folder(tmp_path)), taken=("LogLevel",))
    assert facts.variable("LOG_LEVEL").choice.parameter == "AppLogLevel"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"api__src__shop__main.py": None, "main.py": MAIN}, (".", "main:app")),
        (
            {"api__src__shop__main.py": None, "app__main.py": MAIN.replace("from .s", "from app.s")},
            (".", "app.main:app"),
        ),
        ({"api__src__shop__main.py": None, "app__main.py": MAIN.replace("from .s", "from s")}, ("app", "main:app")),
        ({"api__src__shop__main.py": FACTORY}, ("api/src", "shop.main:api")),
    ],
)
def test_wherever_the_application_is_made(tmp_path: Path, changes: dict[str, Any], place: tuple[str, str]) -> None:
    facts = read_application(folder(tmp_path, **changes))
    assert (facts.backend, facts.module) == place


REACT = {"scripts": {"build": "x"}, "dependencies": {"react-scripts": "5"}, "homepage": "https://shop.test/page"}


@pytest.mark.parametrize(
    ("changes", "message", "stops"),
    [
        ({"api__src__shop__main.py": None}, "no FastAPI application", True),
        ({"api__pyproject.toml": None}, "no requirements", True),
        ({"web__package-lock.json": None}, "web has no lock file", True),
        ({"web__package.json": json.dumps({**PACKAGE, "scripts": {}})}, "has no script build", True),
        ({"web__package.json": "["}, "no single-page frontend", False),
        ({"web__vite.config.js": 'export default { base: "/shop/" }'}, "the page is built for /shop/", True),
        ({"web__package.json": json.dumps(REACT)}, "the page is built for the path of homepage", True),
        ({"api__src__shop__main.py": MAIN.replace("/healthz", "/hello")}, "no health route", True),
        ({"api__src__shop__store.py": ""}, "keys of the table ShopOrders are not certain", False),
    ],
)
def test_what_is_missing_is_told_with_its_fix(
    tmp_path: Path, changes: dict[str, Any], message: str, stops: bool
) -> None:
    lacks = {lack.what: lack for lack in read_application(folder(tmp_path, **changes)).missing}
    [lack] = [lack for what, lack in lacks.items() if message in what]
    assert lack.stops is stops and lack.fix


def test_parameter_files_keep_what_they_chose(tmp_path: Path) -> None:
    application = read_application(folder(tmp_path))
    files = render(project(application)).files
    known = {name for root in ("environment", "access") for name in json.loads(files[f"{root}.json"])["Parameters"]}
    body = json.loads((ROOT / "params/staging.json").read_text(encoding="utf-8"))
    body["Parameters"]["DeployUsers"] = "ann"  # of the root `access`
    file = parameter_file(body, known, application)
    assert file["Parameters"]["DeployUsers"] == "ann"
    assert file["Parameters"]["OrdersTable"] == "ShopOrders-staging"
    assert "ClientsTable" not in file["Parameters"] and file["Parameters"]["VpcCidr"] == body["Parameters"]["VpcCidr"]
    assert file["Tags"]["CostCenter"] == "shop"


def test_a_side_that_an_application_does_not_have_is_switched_off_where_a_file_can() -> None:
    application = Application("shop", "Shop", "")
    body: dict[str, Any] = {"Parameters": {"Environment": "staging"}, "Tags": {}}
    sides = {"FrontendTarget", "BackendTarget"}
    for known in (sides, set[str]()):
        chosen = parameter_file(body, {"Environment", *known}, application)["Parameters"]
        assert chosen == {"Environment": "staging", **dict.fromkeys(known, "NONE")}
    application.module, application.frontend = "shop:app", "web"
    assert parameter_file(body, {"Environment", *sides}, application)["Parameters"] == {"Environment": "staging"}


def test_the_file_of_what_is_shared_names_the_repository_after_the_application() -> None:
    """As CodeCommit takes a name, and no longer than the names of roles have room for."""
    body: dict[str, Any] = {"Parameters": {"RepositoryName": "former", "Gone": "x"}, "Tags": {"Owner": "us"}}
    file = parameter_file({**body, "StackPolicy": {}}, {"RepositoryName"}, Application("a" * 50, "Shop", ""))
    assert file == {
        "Parameters": {"RepositoryName": "a" * 40},
        "Tags": {"Owner": "us", "CostCenter": "a" * 20},
        "StackPolicy": {},
    }


@pytest.mark.parametrize(("name", "table"), [("production", "ShopOrders"), ("staging", "ShopOrders-staging")])
def test_only_productions_tables_have_their_plain_names(name: str, table: str, tmp_path: Path) -> None:
    application = read_application(folder(tmp_path))
    body: dict[str, Any] = {"Parameters": {"Environment": name}, "Tags": {}}
    chosen = parameter_file(body, {"Environment", "OrdersTable"}, application)["Parameters"]
    assert chosen == {"Environment": name, "OrdersTable": table}
    assert parameter_file(body, {"Environment"}, application)["Parameters"] == {"Environment": name}


def test_nothing_that_a_file_chooses_now_is_unknown() -> None:
    """Of the environment, and of its access root, whose parameters stand in the same file."""
    for file in sorted((ROOT / "params").glob("*.json")):
        chosen = json.loads(file.read_text(encoding="utf-8"))["Parameters"]
        assert chosen.keys() <= known_parameters(file.stem, load(ROOT / "templates")), file.name


def test_hostile_names_stay_inside_their_texts(tmp_path: Path) -> None:
    title = 'x"""\nimport os; os.system("touch owned")\n"""'
    application = read_application(folder(tmp_path), title)
    assert project(application).title == title and not Path("owned").exists()


def test_an_application_is_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["onboard", "--app", str(tmp_path / "none")]) == 64
    assert capsys.readouterr().err == (
        f"{tmp_path / 'none'} is not a folder.\nName the folder of an application with --app.\n"
    )


def test_ctrl_c_leaves_everything_as_it_was(tmp_path: Path) -> None:
    checkout, facts = copy(tmp_path / "checkout"), "generator/application.py"
    kept = [
        file for name in ("generator", "docs", "params", "templates") for file in (checkout / name).rglob("*.[!p]*")
    ]
    before = {file: file.read_bytes() for file in (*kept, checkout / facts)}
    listening = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    program = f"{listening}from scripts.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "onboard", "--app", str(folder(tmp_path))]
    with subprocess.Popen(
        command, cwd=checkout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        until = time.monotonic() + 60
        while (checkout / facts).read_bytes() == before[checkout / facts] and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        shown = process.communicate(timeout=120)[0]
    assert process.returncode not in (0, None) and "Interrupted" in shown and "Traceback" not in shown, shown
    assert {file: file.read_bytes() for file in before} == before
    assert not (checkout / "docs/onboarding.md").exists()


@pytest.mark.soak
def test_a_checkout_is_onboarded_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    checkout = copy(tmp_path / "checkout")
    application = read_application(folder(tmp_path))
    assert {"generator/application.py", "docs/onboarding.md", "params/local.json"} <= set(
        write(application, checkout).files
    )
    assert write(application, checkout).files == ()
    with pytest.raises(RefusedError, match="does not take the facts"):
        application.health_path = "no path"
        write(application, checkout)
    gate = subprocess.run([sys.executable, "-m", "generator", "--gate"], cwd=checkout, capture_output=True, text=True)
    assert gate.returncode == 0, gate.stdout
