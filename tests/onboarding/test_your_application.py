"""docs/your-application.md: every line of it is tested, and here is where; what no other test says is said here."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from pathlib import Path

import pytest

from scripts.deployment.errors import RefusedError
from scripts.onboarding.reading import read_application
from tests.conftest import ROOT
from tests.support.onboarding import MAIN, PACKAGE, folder

PAGE = ROOT / "docs/your-application.md"
HERE, ONBOARD, STANDING = "onboarding/test_your_application", "onboarding/test_onboard", "onboarding/test_standing"
STEPS, BOOTSTRAP = "bootstrap/test_steps", "system/test_bootstrap"
BACKEND, FRONTEND, SERVED = "buildspecs/test_backend", "buildspecs/test_frontend", "buildspecs/test_frontend_page"
DOCKERFILES, CONTAINERS, SOURCE = (
    "rehearsal/test_dockerfiles",
    "rehearsal/test_engine_containers",
    "rehearsal/test_source",
)
# How a line of the page begins (a row of a table, a point of a list), and the tests of what it says.
PROOFS: dict[str, tuple[str, ...]] = {
    "facts": (f"{BOOTSTRAP}::test_facts_of_another_application_go_with_consent_alone",),
    "templates": (f"{ONBOARD}::test_a_checkout_is_onboarded_and_a_second_time_changes_nothing",),
    "preflight, access": (f"{BOOTSTRAP}::test_the_steps_are_those_of_the_guide",),
    "shared, source": (f"{STEPS}::test_a_connection_is_waited_for_until_a_person_has_completed_it",),
    "environment": (f"{STEPS}::test_a_certificate_that_waits_is_told_with_its_records",),
    "secrets those": (f"{STEPS}::test_a_person_gives_a_secret_before_the_first_task",),
    "release": (f"{STEPS}::test_a_release_that_runs_is_followed_and_an_approval_is_told",),
    "raise": (f"{STEPS}::test_without_a_service_on_ecs_nothing_is_raised",),
    "serve, verify": (f"{BOOTSTRAP}::test_an_interrupt_loses_nothing_and_the_second_call_ends_with_the_address",),
    "backend": (f"{ONBOARD}::test_wherever_the_application_is_made",),
    "requirements": (f"{HERE}::test_requirements_are_taken_in_every_form",),
    "health": (f"{HERE}::test_a_health_route_has_a_usual_name",),
    "frontend": (
        f"{HERE}::test_a_page_has_a_tool_a_script_and_a_lock_file",
        f"{ONBOARD}::test_what_is_missing_is_told_with_its_fix",
    ),
    "versions of Python and Node.js": (f"{HERE}::test_versions_are_where_projects_name_them",),
    "port": (f"{HERE}::test_the_port_is_the_dockerfiles",),
    "paths of the API": (f"{HERE}::test_paths_of_the_api_are_those_of_its_routes",),
    "variables": (f"{ONBOARD}::test_facts_are_read_from_the_folder",),
    "addresses": (f"{HERE}::test_an_address_is_the_environments_own",),
    "secrets names": (f"{HERE}::test_secrets_are_known_by_their_names",),
    "tables": (f"{HERE}::test_keys_of_a_table_are_those_of_the_code",),
    "folders of the build": (f"{ONBOARD}::test_facts_are_read_from_the_folder",),
    "variables of the page": (f"{HERE}::test_of_an_address_of_the_page_its_path_is_left",),
    "The release is what the code imports": (
        f"{BACKEND}::test_the_release_is_what_the_code_imports",
        f"{BACKEND}::test_the_release_has_what_the_code_names",
        f"{BACKEND}::test_the_release_has_what_its_settings_and_scripts_name",
        f"{BACKEND}::test_packages_of_the_repository_itself_are_in_image_and_bundle",
    ),
    "The application is imported before": (
        f"{BACKEND}::test_the_application_is_imported_before_anything_is_pushed",
        f"{BACKEND}::test_an_application_that_cannot_be_imported_ends_its_build_at_once",
    ),
    "A Dockerfile of the application's own": (
        f"{BACKEND}::test_a_dockerfile_is_built_where_its_files_are",
        f"{BACKEND}::test_a_dockerfile_of_the_project_above_its_code",
        f"{DOCKERFILES}::test_what_an_image_is_by_the_reference",
        f"{DOCKERFILES}::test_a_container_starts_what_its_image_says",
        f"{DOCKERFILES}::test_what_was_not_looked_at_is_listed",
        f"{DOCKERFILES}::test_a_base_image_with_a_command_of_its_own_is_not_judged",
        f"{CONTAINERS}::test_a_task_is_a_container_held_to_its_definition",
    ),
    "The source is what the repository has": (
        f"{SOURCE}::test_files_are_those_of_the_repository_whatever_git_is_told_here",
        f"{SOURCE}::test_a_link_is_what_codepipeline_makes_of_it",
        f"{SOURCE}::test_pointers_of_git_lfs_are_named",
        f"{SOURCE}::test_submodules_are_empty_and_named",
    ),
    "A member of a uv workspace": (
        f"{BACKEND}::test_a_member_of_a_workspace_is_locked_by_it",
        f"{BACKEND}::test_a_lock_file_that_is_not_read_is_told",
    ),
    "Packages for tests come from": (
        f"{BACKEND}::test_requirements_of_the_tests_are_installed",
        f"{BACKEND}::test_what_the_application_brings_is_used",
    ),
    "The package manager comes from": (
        f"{FRONTEND}::test_the_lock_file_says_which_package_manager_it_is",
        f"{FRONTEND}::test_what_is_not_taken_is_told_with_the_way_out",
        f"{FRONTEND}::test_another_lock_file_that_nobody_reads_is_told",
        f"{FRONTEND}::test_what_the_page_needs_of_its_workspace_is_built_before_it",
    ),
    "The page is looked at": (
        f"{SERVED}::test_what_a_document_loads_has_to_be_there",
        f"{SERVED}::test_what_will_not_work_as_it_is_served_is_told_with_what_to_do",
        f"{SERVED}::test_plain_mistakes_in_scripts_and_styles_are_told",
        f"{SERVED}::test_only_what_has_a_hash_in_its_name_is_kept_for_a_year",
    ),
    "Tests count by": (
        f"{FRONTEND}::test_none_is_said_only_where_a_runner_would_find_nothing",
        f"{FRONTEND}::test_end_to_end_tests_are_named_and_not_run",
        f"{BACKEND}::test_tests_are_run_where_projects_keep_them",
        f"{BACKEND}::test_the_settings_of_pytest_say_where_tests_are",
        f"{BACKEND}::test_tests_outside_of_the_backend_are_not_denied",
    ),
    "Not taken yet": (f"{HERE}::test_a_page_of_another_tool_is_not_taken_and_told",),
    # Paragraphs.
    "The same command again": (
        f"{BOOTSTRAP}::test_an_interrupt_loses_nothing_and_the_second_call_ends_with_the_address",
        f"{STEPS}::test_without_a_secret_it_waits_and_says_how",
    ),
    "`make onboard APP=../shop` takes": (
        f"{STANDING}::test_a_correction_stays_while_the_application_says_the_same",
        f"{STANDING}::test_a_correction_is_not_lost_when_the_application_changes",
        "onboarding/test_fixing::test_everything_is_fixed_on_a_branch_and_the_working_tree_stays",
    ),
    "Without one of them": ("system/test_applications::test_one_side_alone_renders",),
}


def lines(page: str) -> list[str]:
    """What the page says: its rows without the heads of tables, its points, and its paragraphs that are no headings."""
    blocks = re.sub(r"```.*?```", "", page, flags=re.S).split("\n\n")
    texts = []
    for block in (block.strip("\n") for block in blocks):
        if block.startswith("|"):
            rows = block.splitlines()[2:]
            texts += [row.strip("| ").replace(" | ", " ") for row in rows]
        elif block.startswith("- "):
            texts += [" ".join(point.split()) for point in re.split(r"^- ", block, flags=re.M) if point]
        elif block and not block.startswith(("#", "`make bootstrap` takes")):
            texts.append(" ".join(block.split()))
    return texts


def proofs_of(text: str) -> tuple[str, ...]:
    """The tests of a line; the longest beginning that fits is meant."""
    begins = [begin for begin in PROOFS if text.startswith(begin)]
    return PROOFS[max(begins, key=len)] if begins else ()


def test_every_line_of_the_page_has_its_tests() -> None:
    texts = lines(PAGE.read_text(encoding="utf-8"))
    assert len(texts) > 30
    assert not [text for text in texts if not proofs_of(text)]
    idle = [begin for begin in PROOFS if not any(text.startswith(begin) for text in texts)]
    assert not idle, "the page does not say it"
    for file, name in {tuple(proof.split("::")) for proofs in PROOFS.values() for proof in proofs}:
        tree = ast.parse((ROOT / "tests" / f"{file}.py").read_text(encoding="utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, f"{file}::{name}"


def test_a_line_without_a_test_is_seen() -> None:
    page = PAGE.read_text(encoding="utf-8").replace("| port |", "| memory | what it takes |\n| port |")
    assert [text for text in lines(page) if not proofs_of(text)] == ["memory what it takes"]


@pytest.mark.parametrize(
    "name", ["requirements.txt", "uv.lock", "poetry.lock", "Pipfile.lock", "pyproject.toml", "../requirements.txt"]
)
def test_requirements_are_taken_in_every_form(tmp_path: Path, name: str) -> None:
    """In the backend's folder, or above it."""
    application = read_application(folder(tmp_path, **{"api/pyproject.toml": None, f"api/src/{name}": "fastapi\n"}))
    assert "requirements" not in " ".join(lack.what for lack in application.missing)


@pytest.mark.parametrize("path", ["/health", "/healthz", "/api/health", "/ping", "/livez"])
def test_a_health_route_has_a_usual_name(tmp_path: Path, path: str) -> None:
    main = MAIN.replace('"/healthz"', f'"{path}"')
    assert read_application(folder(tmp_path, **{"api/src/shop/main.py": main})).health_path == path


@pytest.mark.parametrize(
    ("lock", "manager"),
    [
        ("web/package-lock.json", "npm"),
        ("web/npm-shrinkwrap.json", "npm"),
        ("web/pnpm-lock.yaml", "pnpm"),
        ("web/yarn.lock", "yarn"),
        ("web/bun.lock", "bun"),
        ("pnpm-lock.yaml", "pnpm"),
    ],
)
def test_a_page_has_a_tool_a_script_and_a_lock_file(tmp_path: Path, lock: str, manager: str) -> None:
    application = read_application(folder(tmp_path, **{"web/package-lock.json": None, lock: ""}))
    assert not [lack.what for lack in application.missing if "lock" in lack.what]
    assert [(fact.value, fact.source) for fact in application.detected if fact.fact == "frontend packages"] == [
        (manager, lock)
    ]


def test_a_bare_repository_is_told(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", "--bare", str(tmp_path / "bare")], check=True)
    with pytest.raises(RefusedError, match="is a bare repository"):
        read_application(tmp_path / "bare")


@pytest.mark.parametrize(
    ("named", "command"),
    [
        (None, "npm install --package-lock-only"),
        ("npm@11.0.0", "npm install --package-lock-only"),
        ("pnpm@10.34.8", "pnpm install --lockfile-only"),
        ("yarn@4.9.1", "yarn install"),
        ("bun@1.2.0", "bun install --lockfile-only"),
    ],
)
def test_a_missing_lock_file_is_written_by_the_manager_that_the_package_names(
    tmp_path: Path, named: str | None, command: str
) -> None:
    """The build takes no lock file of another one: only that of npm is made by `--fix`."""
    package = json.dumps({**PACKAGE, "packageManager": named})
    application = read_application(folder(tmp_path, **{"web/package-lock.json": None, "web/package.json": package}))
    [lack] = [lack for lack in application.missing if "lock file" in lack.what]
    assert lack.fix.startswith(f"`{command}`") and lack.stops and (lack.kind == "lock") is command.startswith("npm")


@pytest.mark.parametrize(
    ("changes", "python", "node"),
    [
        ({".python-version": "3.13\n"}, "3.13", "20"),
        ({".python-version": "cpython-3.12.4\n", "api/pyproject.toml": "dependencies = []\n"}, "3.12", "20"),
        ({".tool-versions": "nodejs 22.1\npython 3.13.1\n", "api/pyproject.toml": "dependencies = []\n"}, "3.13", "20"),
        (
            {
                "api/Dockerfile": "FROM --platform=linux/amd64 python:3.14-slim AS x\n",
                "api/pyproject.toml": "dependencies = []\n",
            },
            "3.14",
            "20",
        ),
        (
            {
                "api/Dockerfile": "ARG PYTHON_VERSION=3.13\nFROM python:${PYTHON_VERSION}-slim\n",
                "api/pyproject.toml": "dependencies = []\n",
            },
            "3.13",
            "20",
        ),
        (
            {
                "api/Dockerfile": "FROM ghcr.io/astral-sh/uv:python3.12-bookworm\n",
                "api/pyproject.toml": "dependencies = []\n",
            },
            "3.12",
            "20",
        ),
        (
            {
                "pyproject.toml": "[tool.poetry.dependencies]\npython = '^3.12'\n",
                "api/pyproject.toml": "dependencies = []\n",
            },
            "3.12",
            "20",
        ),
        (
            {"Pipfile": "[requires]\npython_full_version = '3.13.2'\n", "api/pyproject.toml": "dependencies = []\n"},
            "3.13",
            "20",
        ),
        (
            {"setup.cfg": "[options]\npython_requires = >=3.12\n", "api/pyproject.toml": "dependencies = []\n"},
            "3.12",
            "20",
        ),
        (
            {"uv.lock": "version = 1\nrequires-python = '==3.13.*'\n", "api/pyproject.toml": "dependencies = []\n"},
            "3.13",
            "20",
        ),
        ({"runtime.txt": "python-3.11.9\n", "api/pyproject.toml": "dependencies = []\n"}, "3.11", "20"),
        ({"api/src/Dockerfile": "FROM python:3.14-slim\n", "api/pyproject.toml": "x = 1\n"}, "3.14", "20"),
        ({"web/.nvmrc": "v22.4.0\n", "web/package.json": json.dumps({**PACKAGE, "engines": {}})}, "3.12", "22"),
        ({".python-version": "2.7\n", "api/pyproject.toml": "x = 1\n"}, "3.11", "20"),
    ],
)
def test_versions_are_where_projects_name_them(tmp_path: Path, changes: dict[str, str], python: str, node: str) -> None:
    application = read_application(folder(tmp_path, **changes))
    assert (application.python, application.node) == (python, node)


@pytest.mark.parametrize(
    ("dockerfile", "port"),
    [
        ('FROM python:3.12\nEXPOSE 80\nCMD ["uvicorn", "shop.main:app", "--port", "9100"]\n', 9100),
        ("FROM python:3.12\nEXPOSE 9000/tcp\n", 9000),
        (None, 8000),
    ],
)
def test_the_port_is_the_dockerfiles(tmp_path: Path, dockerfile: str | None, port: int) -> None:
    assert read_application(folder(tmp_path, **{"api/src/Dockerfile": dockerfile})).port == port


def test_paths_of_the_api_are_those_of_its_routes(tmp_path: Path) -> None:
    main = MAIN.replace('@app.get("/healthz")', '@app.post("/orders")\ndef order(): return {}\n@app.get("/healthz")')
    application = read_application(folder(tmp_path, **{"api/src/shop/main.py": main}))
    assert set(application.api_paths) == {"/api/*", "/orders/*", "/orders", "/healthz"}


def settings(tmp_path: Path, text: str) -> dict[str, tuple[str, str | None]]:
    """Kind and value of each setting that the code reads."""
    application = read_application(folder(tmp_path, **{"api/src/shop/settings.py": f"import os\n{text}\n"}))
    return {setting.name: (setting.kind, setting.value) for setting in application.settings}


def test_an_address_is_the_environments_own(tmp_path: Path) -> None:
    names = ("CORS_ORIGINS", "FRONTEND_URL", "SHOP_REGION")
    assert settings(tmp_path, "\n".join(f'os.environ["{name}"]' for name in names)) == {
        "CORS_ORIGINS": ("given", '["${PublicUrl}"]'),
        "FRONTEND_URL": ("given", "${PublicUrl}"),
        "SHOP_REGION": ("given", "${AWS::Region}"),
    }


def test_secrets_are_known_by_their_names(tmp_path: Path) -> None:
    names = ("JWT_SECRET", "FERNET_KEY", "MAIL_TOKEN", "SMTP_PASSWORD", "DATABASE_URL", "MONKEY")
    text = "from cryptography.fernet import Fernet\nFernet(b'')\n" + "\n".join(
        f'os.getenv("{name}", "x")' for name in names
    )
    kinds = {name: kind for name, (kind, _) in settings(tmp_path, text).items()}
    assert kinds == {
        "JWT_SECRET": "generated",
        "FERNET_KEY": "fernet",
        **dict.fromkeys(("MAIL_TOKEN", "SMTP_PASSWORD", "DATABASE_URL"), "filled"),
        "MONKEY": "chosen",
    }


@pytest.mark.parametrize(
    ("store", "keys", "certain"),
    [('table.get_item(Key={"shop": 1, "order": 2})', ("shop", "order"), True), ("table.scan()", ("pk", "sk"), False)],
)
def test_keys_of_a_table_are_those_of_the_code(
    tmp_path: Path, store: str, keys: tuple[str, str], certain: bool
) -> None:
    application = read_application(folder(tmp_path, **{"api/src/shop/store.py": f"{store}\n"}))
    [table] = application.tables
    assert (table.partition, table.sort) == keys
    assert any("not certain" in lack.what for lack in application.missing) is not certain


def test_of_an_address_of_the_page_its_path_is_left(tmp_path: Path) -> None:
    application = read_application(folder(tmp_path, **{"web/.env": "VITE_API_URL=http://localhost:8000/api/v9\n"}))
    assert application.page_variables == {"VITE_API_URL": "/api/v9"}


def test_a_page_of_another_tool_is_not_taken_and_told(tmp_path: Path) -> None:
    package = {"scripts": {"build": "webpack"}, "devDependencies": {"webpack": "5"}}
    [lack] = read_application(folder(tmp_path, **{"web/package.json": json.dumps(package)})).missing
    assert "nothing builds with Vite or react-scripts (web/package.json)" in lack.what and "NONE" in lack.fix
