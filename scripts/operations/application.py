"""The application's folder: whether it has what the pipeline will need. Reads files and git, changes nothing.

What is needed is read from the rendered build projects, which the buildspecs take it from.
"""

import codecs
import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator.cfn.templates import TemplateSet
from scripts import git

# What brings uvicorn along: itself, the standard extra of fastapi, its command line, or what -r, -c or -e names.
BRINGS_UVICORN = re.compile(
    r"^\s*(uvicorn|fastapi-cli|fastapi\s*\[[^\]]*standard|-[rce]|\.|--(requirement|constraint|editable))", re.I | re.M
)
# The files that say what to install, in the order of the buildspecs.
REQUIREMENTS = ("requirements.txt", "uv.lock", "poetry.lock", "Pipfile.lock", "pyproject.toml")
LOCKS = ("npm-shrinkwrap.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb")


@dataclass(frozen=True)
class Finding:
    """Something about the folder. A `fault` would stop the pipeline; anything else is only good to know."""

    what: str
    fault: bool = True


def facts(templates: TemplateSet) -> dict[str, str]:
    """The variables of both builds that are plain text, such as `BACKEND_DIRECTORY`."""
    variables: dict[str, str] = {}
    for project in ("build.BackendBuild", "build.FrontendBuild"):
        for variable in templates.resource(project).get("Environment", "EnvironmentVariables"):
            if isinstance(variable["Value"], str):
                variables[variable["Name"]] = variable["Value"]
    return variables


def check(folder: Path, needed: dict[str, str], branches: Sequence[str]) -> list[Finding]:
    """Everything that the pipeline would miss. `needed` is as `facts` gives it, `branches` those that environments are
    built from. Raises `git.GitError`."""
    return [*_history(folder, branches), *_backend(folder, needed), *_frontend(folder, needed)]


def _history(folder: Path, branches: Sequence[str]) -> Iterator[Finding]:
    if Path(git.text(folder, "rev-parse", "--show-toplevel").removesuffix("\n")) != folder.resolve():
        yield Finding("the folder is not the root of its git repository")
    if changed := git.state(folder).changed:
        yield Finding(f"the tree is not clean: {len(changed)} changed or untracked, such as {changed[0]}")
    there = git.branches(folder)
    for branch in branches:
        if branch not in there:
            yield Finding(_missing(folder, branch, there))
    # Source: git documentation, git-config(1), receive.shallowUpdate: such a push is refused unless a server allows it.
    if git.text(folder, "rev-parse", "--is-shallow-repository").strip() == "true":
        yield Finding("the clone is shallow, and a push of it is refused: `git fetch --unshallow` brings the rest")
    attributes = git.text(folder, "ls-files", "-z", "--", ":(glob)**/.gitattributes").split("\0")
    if any("filter=lfs" in _text(folder / name) for name in attributes if name):
        yield Finding("files are kept with Git LFS, which CodeCommit is not known to take (see docs/unverified.md)")
    if (folder / ".gitmodules").is_file():
        yield Finding("submodules are empty in the builds: what the release needs of them has to be in it", fault=False)


def _missing(folder: Path, branch: str, there: Sequence[str]) -> str:
    """What to do about a branch that a clone has not, or has only as another repository's."""
    remote = git.text(folder, "for-each-ref", "--format=%(refname:lstrip=2)", f"refs/remotes/*/{branch}").splitlines()
    if remote:
        return f"the branch {branch} is only in {remote[0]}: `git branch {branch} {remote[0]}` brings it here"
    return f"there is no branch {branch}; there are: {', '.join(there) or 'none'}"


def _backend(folder: Path, needed: dict[str, str]) -> Iterator[Finding]:
    name, module = needed["BACKEND_DIRECTORY"], needed["APPLICATION_MODULE"].partition(":")[0]
    backend = folder / name
    file = backend / f"{module.replace('.', '/')}.py"
    if not file.is_file() and not (file.with_suffix("") / "__init__.py").is_file():
        yield Finding(f"{file.relative_to(folder)} is missing: the backend is started from {module}")
    places = [above / file for above in _above(folder, backend) for file in REQUIREMENTS if (above / file).is_file()]
    # A pyproject.toml that only has settings of tools says nothing of packages, as the buildspec takes it.
    places = [file for file in places if file.name != "pyproject.toml" or _names_packages(file)] or places[:1]
    if not places:
        yield Finding(f"none of {', '.join(REQUIREMENTS)} is in {name}/ or above it")
    elif (
        places[0].name == "requirements.txt"
        and not (backend / "Dockerfile").is_file()
        and not BRINGS_UVICORN.search(_text(places[0]))
    ):
        what = (
            "requirements.txt names neither uvicorn nor fastapi[standard]: unless something else brings uvicorn, the "
        )
        yield Finding(f"{what}default image cannot start", fault=False)
    if not (backend / "Dockerfile").is_file():
        yield Finding(f"{name}/Dockerfile is missing: the build brings one", fault=False)
    if not (backend / "tests").is_dir():
        yield Finding(f"{name}/tests is missing: the build reports that there are no tests", fault=False)


def _names_packages(file: Path) -> bool:
    """Whether a pyproject.toml has the dependencies of its project."""
    try:
        return "dependencies" in tomllib.loads(_text(file)).get("project", {})
    except tomllib.TOMLDecodeError:
        return False


def _frontend(folder: Path, needed: dict[str, str]) -> Iterator[Finding]:
    name = needed["FRONTEND_DIRECTORY"]
    package = folder / name / "package.json"
    try:
        body = json.loads(package.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        yield Finding(f"{name}/package.json cannot be read: {error}")
        return
    if not isinstance(body, dict):
        yield Finding(f"{name}/package.json is a {type(body).__name__}, not an object")
        return
    scripts = body.get("scripts")
    if not isinstance(scripts, dict):  # npm takes it for none
        scripts = {}
    if not any((above / lock).is_file() for above in _above(folder, package.parent) for lock in LOCKS):
        yield Finding(f"no lock file is in {name}/ or above it: the build installs from one alone ({', '.join(LOCKS)})")
    if "build" not in scripts:
        yield Finding(f"{name}/package.json has no script build")
    for script in ("lint", "test"):
        if script not in scripts:
            yield Finding(f"{name}/package.json has no script {script}: the build says so and goes on", fault=False)


def _above(folder: Path, place: Path) -> list[Path]:
    """A folder and those above it, up to the repository's root: where the builds look."""
    return [place, *(parent for parent in place.parents if parent.is_relative_to(folder))]


def _text(file: Path) -> str:
    """A file's text as pip decodes it, as far as its byte order mark says how; empty when there is none."""
    if not file.is_file():
        return ""
    data = file.read_bytes()
    marks = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"}
    marks |= {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
    encoding = next((name for mark, name in marks.items() if data.startswith(mark)), "utf-8-sig")
    return data.decode(encoding, "replace")
