"""The small applications of tests/applications, whole: with tools and lock files that are made when a test runs.

Lock files of yarn, uv and poetry have addresses of a registry in them, so none of them is committed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

APPLICATIONS = ROOT / "tests/applications"
SECONDS = 600


def run(*command: str | Path, folder: Path, **variables: str) -> str:
    """What a command prints. Fails the test with it when the command fails."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def application(name: str, folder: Path) -> Path:
    """A copy of an application as its team has it: with the stand-in of react-scripts where it is named."""
    app = folder / name
    shutil.copytree(APPLICATIONS / name, app, ignore=shutil.ignore_patterns("conftest.py", "__pycache__"))
    for manifest in app.rglob("package.json"):
        if "file:tools/react-scripts" in manifest.read_text(encoding="utf-8"):
            shutil.copytree(APPLICATIONS / "sample/frontend/tools", manifest.parent / "tools", dirs_exist_ok=True)
    return app


def lock_frontend(place: Path, tool: str, *command: str) -> None:
    """Writes a lock file with a package manager of the registry, such as `pnpm@10.34.8`, outside of the application."""
    tools = place.parent.parent / f"tools-{tool.partition('@')[0]}"
    tools.mkdir()
    run("npm", "install", "--prefix", tools, "--no-save", "--no-audit", "--no-fund", tool, folder=tools)
    run(tools / "node_modules/.bin" / tool.partition("@")[0], *command, folder=place)
    shutil.rmtree(place / "node_modules", ignore_errors=True)


def lock_backend(place: Path, tools: Path, packages: tuple[str, ...], *command: str) -> None:
    """Writes a lock file with a tool of the package index, in an environment of its own."""
    run(sys.executable, "-m", "venv", tools, folder=place)
    run(tools / "bin/python", "-m", "pip", "install", "--quiet", *packages, folder=place)
    run(tools / "bin" / command[0], *command[1:], folder=place, PATH=f"{tools / 'bin'}{os.pathsep}{os.environ['PATH']}")


def checkout(folder: Path) -> Path:
    """This repository's tracked files, as they lie here."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder
