"""What an application lacks, made on a branch of its repository.

The person's working tree and index are never touched: the branch is made in a worktree of its own, which goes again. It
is for them to read, to change and to merge.
"""

import ast
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts import git
from scripts.deployment.errors import RefusedError
from scripts.onboarding.facts import Application, Missing
from scripts.onboarding.reading import read_application

BRANCH = "delivery-onboarding"
MESSAGE = "What a delivery pipeline needs of this application"
# Who commits where git knows nobody.
NOBODY = ("-c", "user.name=delivery onboard", "-c", "user.email=delivery-onboard@localhost")
NPM_SECONDS = 300
HEALTH = '''

@{app}.get("{path}")
def {name}() -> dict[str, str]:
    """Whether this process answers: the load balancer asks it every few seconds."""
    return {{"status": "healthy"}}
'''
BASE = "public.ecr.aws/docker/library/python:{python}-slim"
BASE_IMAGES = Path(__file__).resolve().parents[2] / "buildspecs/base_images.json"
DOCKERFILE = """FROM {base}
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --create-home --uid 10001 application
WORKDIR /home/application
COPY requirements.txt ./
RUN python -m pip install --no-cache-dir --disable-pip-version-check -r requirements.txt
COPY . .
USER 10001
EXPOSE {port}
# Only the load balancer can reach the port, so its forwarding headers are trusted.
CMD ["uvicorn", "{module}", "--host", "0.0.0.0", "--port", "{port}", "--proxy-headers", "--forwarded-allow-ips", "*"]
"""


class NotFixedError(Exception):
    """Something that could not be fixed, with the reason."""


@dataclass(frozen=True)
class Fixes:
    """The branch that was made (empty when there was nothing to fix), what is fixed on it, and what is not, each with
    the reason."""

    branch: str = ""
    fixed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def fix(folder: Path, application: Application) -> Fixes:
    """Makes the branch. Raises `RefusedError` for a folder that is no repository's root with a commit, and while a
    branch of that name exists."""
    able = [lack for lack in application.missing if lack.kind]
    left = [f"{lack.what}: {lack.fix}" for lack in application.missing if lack.stops and not lack.kind]
    if not able:
        return Fixes(left=tuple(left))
    _check_repository(folder)
    fixed = list[Missing]()
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name) / folder.name
        git.text(folder, "worktree", "add", "--quiet", "-b", BRANCH, str(tree), "HEAD")
        kept = False
        try:
            for lack in able:
                try:
                    FIXES[lack.kind](tree, application)
                    fixed.append(lack)
                except NotFixedError as error:
                    left.append(f"{lack.what}: {error}")
            left += _unfixed(tree, application, fixed)
            git.text(tree, "add", "--all")
            if git.state(tree).changed:
                _commit(tree)
                kept = True
        finally:
            git.text(folder, "worktree", "remove", "--force", str(tree))
            if not kept:
                git.text(folder, "branch", "--quiet", "-D", BRANCH)
    return Fixes(BRANCH if kept else "", tuple(lack.what for lack in fixed), tuple(left))


def _check_repository(folder: Path) -> None:
    remedy = "A fix is made on a branch: commit the application into a git repository of its own first."
    try:
        root = Path(git.text(folder, "rev-parse", "--show-toplevel").removesuffix("\n"))
        git.text(folder, "rev-parse", "--verify", "HEAD")
        branches = git.branches(folder)
    except git.GitError as error:
        raise RefusedError(f"{folder} has no commit to begin from: {error}", remedy) from error
    if root != folder.resolve():
        raise RefusedError(f"{folder} is a part of the repository {root}.", "Name the repository's root with --app.")
    if BRANCH in branches:
        remedy = f"Merge it, or remove it with `git branch -D {BRANCH}`, and run the same again."
        raise RefusedError(f"{folder} has a branch {BRANCH} already; it was left as it is.", remedy)


def _unfixed(tree: Path, application: Application, fixed: Sequence[Missing]) -> Iterator[str]:
    """What a second reading still misses: a fix that is none is told."""
    missing = {lack.kind for lack in read_application(tree, application.name).missing}
    for lack in fixed:
        if lack.kind in missing:
            yield f"{lack.what}: a second reading does not see the fix"


def _commit(tree: Path) -> None:
    try:
        git.text(tree, "var", "GIT_AUTHOR_IDENT")
        identity: tuple[str, ...] = ()
    except git.GitError:
        identity = NOBODY
    git.text(tree, *identity, "commit", "--quiet", "--no-verify", "--no-gpg-sign", "-m", MESSAGE)


# --- each fix, in a tree of its own


def _health(tree: Path, application: Application) -> None:
    """A health route behind the line that makes the application."""
    file, attribute = _inside(tree, application.entry), application.module.partition(":")[2]
    source = _read(file)
    module = ast.parse(source)
    names = {node.name for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    for node in module.body:
        if attribute in _assigned(node):
            name = "health" if "health" not in names else "delivery_health"
            route = HEALTH.format(app=attribute, path=application.health_path, name=name)
            lines = source.splitlines(keepends=True)
            end = node.end_lineno or node.lineno
            gap = "\n\n" if lines[end:] and lines[end].strip() else ""
            _write(file, "".join([*lines[:end], route, gap, *lines[end:]]))
            return
    raise NotFixedError(f"{application.entry} does not assign {attribute} in a line of its own")


def _assigned(node: ast.stmt) -> list[str]:
    """The names that a statement assigns to."""
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return [node.target.id] if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else []


def _dockerfile(tree: Path, application: Application) -> None:
    """An image that starts the application, as the one that the build brings."""
    base = BASE.format(python=application.python)
    digest = json.loads(BASE_IMAGES.read_text(encoding="utf-8")).get(base)
    base = f"{base}@{digest}" if digest else base
    text = DOCKERFILE.format(base=base, port=application.port, module=application.module)
    _inside(tree, f"{application.backend}/Dockerfile", new=True).write_text(text, encoding="utf-8")


def _lock(tree: Path, application: Application) -> None:
    """The lock file, as npm writes it. No script of a package is run, and nothing is installed."""
    npm = shutil.which("npm")
    if npm is None:
        raise NotFixedError("there is no npm on PATH")
    command = [npm, "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"]
    folder = tree / application.frontend
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=NPM_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise NotFixedError(f"npm gave no answer within {NPM_SECONDS} s") from error
    if done.returncode or not (folder / "package-lock.json").is_file():
        lines = done.stderr.strip().splitlines() or [f"npm ended with status {done.returncode}"]
        raise NotFixedError(lines[0])


def _package(change: Callable[[dict[str, Any]], None]) -> Callable[[Path, Application], None]:
    """A change of package.json, which keeps its order and its indentation."""

    def apply(tree: Path, application: Application) -> None:
        file = _inside(tree, f"{application.frontend}/package.json")
        source = _read(file)
        body = json.loads(source.removeprefix("\ufeff"))
        change(body)
        indent = re.search(r"^([ \t]+)\S", source, re.M)
        _write(file, json.dumps(body, indent=indent[1] if indent else 2, ensure_ascii=False) + "\n")

    return apply


def _add_build(body: dict[str, Any]) -> None:
    tool = "vite" if "vite" in {**body.get("dependencies", {}), **body.get("devDependencies", {})} else "react-scripts"
    body["scripts"] = {**(body.get("scripts") or {}), "build": f"{tool} build"}


def _base(tree: Path, application: Application) -> None:
    """The page is served at /, and built for it."""
    for name in sorted(file.name for file in (tree / application.frontend).glob("vite.config.*")):
        file = _inside(tree, f"{application.frontend}/{name}")
        source = _read(file)
        changed = re.sub(r"\b(base\s*:\s*)([\"'])[^\"']+[\"']", r"\1\2/\2", source)
        if changed != source:
            _write(file, changed)
            return
    raise NotFixedError("no vite.config names a base as a text")


def _inside(tree: Path, name: str, new: bool = False) -> Path:
    """A file of the tree. Raises `NotFixedError` for a link, which may lead anywhere, and for what no commit has."""
    file = tree / name
    if file.is_symlink() or not file.resolve().is_relative_to(tree.resolve()):
        raise NotFixedError(f"{name} is a link")
    if not new and not file.is_file():
        raise NotFixedError(f"{name} is in no commit yet")
    return file


def _read(file: Path) -> str:
    """A file's text with its own ends of lines."""
    return file.read_bytes().decode("utf-8")


def _write(file: Path, text: str) -> None:
    """Writes a text with the ends of lines that it had."""
    if "\r\n" in text:
        text = re.sub(r"(?<!\r)\n", "\r\n", text)
    file.write_bytes(text.encode())


FIXES: Mapping[str, Callable[[Path, Application], None]] = {
    "health": _health,
    "dockerfile": _dockerfile,
    "lock": _lock,
    "build": _package(_add_build),
    "homepage": _package(lambda body: body.pop("homepage", None)),
    "base": _base,
}
