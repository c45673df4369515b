"""Applications of other kinds: onboarded from their folders alone, deployed on the local AWS, and released."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from generator.project import Project
from generator.render import render
from scripts import loopback
from scripts.onboarding.reading import read_application
from scripts.onboarding.source import application_source, parameter_file
from tests.conftest import ROOT
from tests.support.applications import application, checkout, lock_backend, lock_frontend, run

NAMES = ("orders", "notes", "tickets", "rates", "brochure", "mailer")
# What none of them has here, because it is made when they are released for real.
LOCKS = {"orders": ("web/pnpm-lock.yaml", "api/uv.lock"), "notes": ("client/yarn.lock", "poetry.lock")}


def locked(name: str, folder: Path) -> Path:
    """An application whose lock files are there, as far as reading goes."""
    app = application(name, folder)
    for lock in LOCKS.get(name, ()):
        (app / lock).write_text("", encoding="utf-8")
    return app


def facts(app: Path) -> Project:
    """The facts that onboarding writes."""
    names: dict[str, Any] = {}
    exec(compile(application_source(read_application(app), ()), "application.py", "exec"), names)
    result: Project = names["APPLICATION"]
    return result


@pytest.mark.parametrize("name", ["brochure", "mailer"])
def test_one_side_alone_renders(tmp_path: Path, name: str) -> None:
    app = locked(name, tmp_path)
    assert not [lack.what for lack in read_application(app).missing if lack.stops]
    files = render(facts(app)).files
    assert "cloud-health" not in "".join(files.values())
    parameters = json.loads((ROOT / "params/local.json").read_text(encoding="utf-8"))
    chosen = parameter_file(parameters, json.loads(files["environment.json"])["Parameters"], read_application(app))[
        "Parameters"
    ]
    assert (chosen.get("BackendTarget") == "NONE") is (name == "brochure")
    assert (chosen.get("FrontendTarget") == "NONE") is (name in ("rates", "mailer"))


def test_what_each_is_for_is_read(tmp_path: Path) -> None:
    read = {name: facts(locked(name, tmp_path)) for name in NAMES}
    lacks = [lack.what for name in NAMES for lack in read_application(tmp_path / name).missing if lack.stops]
    assert not lacks
    places = {name: (value.backend.directory, value.backend.module) for name, value in read.items()}
    assert places == {
        "orders": ("api", "orders.main:app"),
        "notes": (".", "notes.main:app"),
        "tickets": ("backend", "tickets.api:api"),
        "rates": (".", "main:app"),
        "brochure": ("backend", "app.main:app"),
        "mailer": ("server", "mailer.main:app"),
    }
    assert read["tickets"].backend.port == 9000
    pages = {name: value.frontend for name, value in read.items()}
    assert (pages["orders"].directory, pages["orders"].output, pages["notes"].directory) == ("web", "dist", "client")
    assert [(secret.name, secret.kind) for secret in read["mailer"].secrets] == [("MAIL_API_KEY", "FILLED")]
    assert {variable.name: variable.optional for variable in read["mailer"].variables} == {
        "MAIL_SENDER": True,
        "BATCH_SIZE": False,
    }


@dataclass(frozen=True)
class Team:
    """A team with its application and its own checkout of this repository."""

    app: Path
    checkout: Path

    def delivery(self, *words: str, typed: str = "") -> tuple[int, str]:
        """Status and output of the command; the local AWS is the checkout's own."""
        command = [sys.executable, "-m", "scripts.cli", *words]
        done = subprocess.run(command, cwd=self.checkout, input=typed, capture_output=True, text=True, timeout=1500)
        return done.returncode, done.stdout + done.stderr

    def bootstrap(self) -> tuple[int, str]:
        return self.delivery("bootstrap", "local", "--app", str(self.app), "--yes")

    def rehearse(self) -> tuple[int, str]:
        return self.delivery("rehearse", "--app", str(self.app))


def complete(name: str, folder: Path) -> Path:
    """An application with its real lock files."""
    app = application(name, folder)
    if name == "orders":
        lock_frontend(app / "web", "pnpm@10.34.8", "install", "--lockfile-only")
        lock_backend(app / "api", folder / "uv", ("uv==0.13.9",), "uv", "lock")
    if name == "notes":
        lock_frontend(app / "client", "yarn@1.22.22", "install", "--ignore-scripts")
        # Through the index that pip uses: poetry's own way to PyPI asks addresses that a mirror need not have.
        words = ("-c", "from pip._internal.models.index import PyPI; print(PyPI.simple_url)")
        source = (
            f'\n[[tool.poetry.source]]\nname = "index"\nurl = "{run(sys.executable, *words, folder=app).strip()}"\n'
        )
        with (app / "pyproject.toml").open("a", encoding="utf-8") as file:
            file.write(f'{source}priority = "primary"\n')
        lock_backend(app, folder / "poetry", ("poetry==2.5.1",), "poetry", "lock")
    return app


@pytest.fixture
def team(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Team]:
    here = Team(complete(request.param, tmp_path), checkout(tmp_path / "checkout"))
    try:
        yield here
    finally:
        assert here.delivery("local", "stop")[0] == 0


def edited(path: str, old: str, new: str) -> Callable[[Path], None]:
    """A change of one text in a file; an empty `old` is the whole of it."""

    def change(app: Path) -> None:
        file = app / path
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        assert old in text
        file.write_text(text.replace(old, new, 1) if old else new, encoding="utf-8")

    return change


INDEX = '<script type="module" src="/src/main.js"></script>'
# What stands in the output of a release of the application, an address that answers, and mistakes that somebody makes,
# each with what the build says.
RELEASES: dict[str, tuple[tuple[str, ...], str, list[tuple[Callable[[Path], None], str]]]] = {
    "orders": (
        (
            "RESULT packages: pnpm 10.34.8, from web/pnpm-lock.yaml",
            "RESULT requirements: from api/uv.lock",
            "RESULT unit tests: passed",
            "RESULT tests: passed",
        ),
        "/api/v1/orders/2",
        [
            (
                edited("api/orders/prices.py", '"""What', 'import stripe\n"""What'),
                "ERROR import: orders/prices.py:2: Modul",
            ),
            (
                edited("web/vite.config.js", "", 'export default { base: "/shop/" };\n'),
                "which the build did not make: `homepage` in package.json or `base` of Vite must be /",
            ),
        ],
    ),
    "notes": (
        (
            "RESULT packages: yarn 1.22.22, from client/yarn.lock",
            "RESULT requirements: from poetry.lock",
            "RESULT unit tests: passed",
            "RESULT end-to-end tests: not run here, 1 files of another runner",
        ),
        "/api/notes",
        [(edited("quality/test/test_elsewhere.py", '"ok"', '"no"'), "RESULT unit tests: FAILED, reported only")],
    ),
    "tickets": (
        ("RESULT Dockerfile: the application's own", "RESULT packages: npm, from frontend/package-lock.json"),
        "/api/tickets",
        [
            (edited("backend/.dockerignore", "!docker\n", ""), "docker/start.sh"),
            (edited("backend/docker/start.sh", '"$PORT"', "8000"), "listens on port 8000, and the load balancer asks"),
        ],
    ),
    "rates": (
        ("RESULT unit tests: NONE, the application has no unit tests",),
        "/rates/eur",
        [(edited("requirements.txt", "fastapi>=0.110\n", ""), "ERROR import: main.py:4: ModuleNotFoundError")],
    ),
    "brochure": (
        ("RESULT packages: npm, from npm-shrinkwrap.json",),
        "/",
        [
            (
                edited("public/index.html", "</head>", "<script>var a = 1;</script></head>"),
                "a <script> in the page will not run, because the content security policy forbids it",
            )
        ],
    ),
    "mailer": (
        ("RESULT import: mailer.main:app is there",),
        "/api/state",
        [
            (
                edited("server/mailer/settings.py", "    MAIL_SENDER", "    RETRIES: int\n    MAIL_SENDER"),
                "no value for RETRIES, which no fact in generator/application.py names",
            )
        ],
    ),
}


@pytest.mark.soak
@pytest.mark.long
@pytest.mark.parametrize("team", NAMES, indirect=True)
def test_an_application_is_released_from_its_folder(team: Team) -> None:
    results, path, mistakes = RELEASES[team.app.name]
    status, output = team.bootstrap()
    if team.app.name == "mailer":
        assert status == 4 and "--secret MAIL_API_KEY" in output, output
        status, output = team.delivery("config", "local", "--secret", "MAIL_API_KEY", typed="key-of-the-service\n")
        assert status == 0, output
        status, output = team.bootstrap()
    assert status == 0, output[-6000:]
    missing = [line for line in results if line not in output]
    assert not missing, output
    [address] = {word.rstrip(".,") for word in output.split() if word.startswith("http://localhost:")}
    with loopback.urlopen(f"{address.rstrip('/')}{path}", timeout=20) as answer:
        assert answer.status == 200
    for change, message in mistakes:
        kept = {file: file.read_bytes() for file in team.app.rglob("*") if file.is_file()}
        change(team.app)
        _, output = team.rehearse()
        assert message in output, output[-6000:]
        for file in [file for file in team.app.rglob("*") if file.is_file()]:
            file.write_bytes(kept[file]) if file in kept else file.unlink()
