"""One state of the repository, as far as a review reads it: of a git revision, or the working tree."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from generator.cfn import parameters
from generator.cfn.parameters import ParameterFile, ParameterFileError
from generator.cfn.quotas import TEMPLATE_MEMBERS
from generator.cfn.templates import TemplatesError, TemplateSet, from_bodies
from generator.cfn.visible import visible
from scripts import git
from scripts.deployment.errors import RefusedError

TEMPLATES, PARAMS = "templates", "params"
WORKING_TREE = "the working tree"
# What a review lists as touched, by the folder or file that a path begins with; the first that fits.
KINDS: Mapping[str, tuple[str, ...]] = {
    "templates": ("templates/",),
    "parameter files": ("params/",),
    "buildspecs": ("buildspecs/",),
    "facts of the application": ("generator/project.py", "generator/application.py"),
    "rules of the gate": ("generator/gate/",),
    "generator": ("generator/",),
    "checks of pull requests": (
        ".github/",
        ".gitlab-ci.yml",
        ".ci/",
        ".pre-commit-config.yaml",
        "scripts/ci/",
        "Makefile",
    ),
    "scripts": ("scripts/",),
    "runbook": ("docs/runbook.md",),
    "requirements": ("docs/conformance.md",),
    "reachability": ("docs/reachability.md",),
    "permission ledger": ("docs/permissions",),
    "documents": ("docs/", "README.md", "CHANGELOG.md"),
    "tests": ("tests/",),
}
OTHER = "other files"


@dataclass(frozen=True, eq=False)
class Revision:
    """`name` is what people call it. `key` stands for the content: two revisions with the same are equal, so that what
    follows from one is computed once in a process. `problems` say, by environment, why its parameter file cannot be
    read, `digests` and `file_digests` are SHA-256 of the bytes of templates and parameter files, by file name."""

    name: str
    templates: TemplateSet
    files: Mapping[str, ParameterFile]
    problems: Mapping[str, str]
    digests: Mapping[str, str]
    file_digests: Mapping[str, str]
    key: str

    @property
    def too_many(self) -> str:
        """Which template has more resources than CloudFormation takes, empty where none has: no environment can have
        it, and to follow every one of thousands through all environments would take minutes."""
        counts = ((template.name, len(template.resources)) for template in self.templates)
        most = TEMPLATE_MEMBERS["Resources"]
        return next(
            (f"{name}.json has {n:,} resources, CloudFormation takes {most}" for name, n in counts if n > most), ""
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Revision) and (self.name, self.key) == (other.name, other.key)

    def __hash__(self) -> int:
        return hash((self.name, self.key))


def read(folder: Path, revision: str) -> Revision:
    """Templates and parameter files of a git revision; an empty `revision` is the working tree. Raises
    `RefusedError`."""
    content = _committed(folder, revision) if revision else _present(folder)
    return _parsed(tuple(sorted(content.items())), revision)


@lru_cache(8)
def _parsed(content: tuple[tuple[str, str], ...], revision: str) -> Revision:
    """A revision from the texts of its files by path. Raises `RefusedError`."""
    texts = tuple((path, text) for path, text in content if path.startswith(f"{TEMPLATES}/"))
    files, problems = {}, {}
    for path, text in content:
        if path.startswith(f"{PARAMS}/"):
            try:
                files[Path(path).stem] = parameters.parse(text, path)
            except ParameterFileError as error:
                problems[Path(path).stem] = str(error)
    if not texts:
        raise RefusedError(
            f"{revision or WORKING_TREE} has no {TEMPLATES}/.", "Name a revision that has, such as main."
        )
    try:
        templates = _set_of(texts)
    except TemplatesError as error:
        raise RefusedError(f"The templates of {revision or WORKING_TREE} cannot be read: {error}") from error
    digests, file_digests = (
        {
            path.rpartition("/")[2]: hashlib.sha256(text.encode()).hexdigest()
            for path, text in content
            if path.startswith(f"{folder}/")
        }
        for folder in (TEMPLATES, PARAMS)
    )
    key = hashlib.sha256(repr(content).encode("utf-8", "surrogatepass")).hexdigest()
    return Revision(revision or WORKING_TREE, templates, files, problems, digests, file_digests, key)


@lru_cache(4)
def _set_of(texts: tuple[tuple[str, str], ...]) -> TemplateSet:
    """The templates from their texts by path: one set for all revisions that have the same. Raises `TemplatesError`."""
    bodies: dict[str, Any] = {}
    for path, text in texts:
        try:
            bodies[Path(path).stem] = json.loads(text, object_pairs_hook=partial(_unique, path))
        except (ValueError, RecursionError) as error:
            raise TemplatesError(f"{path} is not JSON: {error}") from error
    return from_bodies(bodies)


def _unique(path: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; of a key that stands twice, a reader sees one value and CloudFormation may take the other.
    Raises `TemplatesError`."""
    content = dict(pairs)
    if len(content) < len(pairs):
        [(key, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise TemplatesError(f"{path}: the key {visible(key)} is twice in one object: remove one")
    return content


def versions(templates: TemplateSet) -> set[str]:
    """The versions of a set that its roots carry: one, unless somebody has mixed two sets."""
    return {str((template.metadata.get("Generator") or {}).get("Version", "")) for template in templates} - {""}


def touched(folder: Path, base: str, head: str) -> dict[str, tuple[str, ...]]:
    """The paths that differ between two revisions, untracked ones of the working tree too, by kind. Raises
    `RefusedError`."""
    sides = [base, head] if head else [base]
    paths = _git(folder, "diff", "--name-only", "-z", "--no-renames", *sides, "--").split("\0")
    if not head:
        paths += _git(folder, "ls-files", "--others", "--exclude-standard", "-z").split("\0")
    kinds: dict[str, list[str]] = {}
    for path in sorted({path for path in paths if path}):
        kinds.setdefault(_kind(path), []).append(path)
    return {kind: tuple(kinds[kind]) for kind in (*KINDS, OTHER) if kind in kinds}


def commit(folder: Path, revision: str) -> str:
    """The commit that a revision names. Raises `RefusedError`."""
    _git(folder, "rev-parse", "--git-dir")  # whatever git has against the folder is told in its own words
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options")
    for name in (revision, f"origin/{revision}"):
        try:
            identity = git.text(folder, *words, f"{name}^{{commit}}").strip()
        except git.GitError:
            continue
        if name == revision:
            return identity
        # What CI checks out has the branches of the origin alone.
        raise RefusedError(
            f"There is no revision {revision} here, and there is {name}.", "Name a revision that git knows."
        )
    raise RefusedError(f"There is no revision {revision} here.", "Name a revision that git knows.")


def missing(folder: Path, base: str, head: str) -> int:
    """How many commits of the one revision the other does not have; an empty `head` is the working tree. Raises
    `RefusedError`."""
    return int(_git(folder, "rev-list", "--count", f"{head or 'HEAD'}..{base}", "--"))


def text(folder: Path, revision: str, path: str) -> str:
    """A file of a revision; empty where the revision has no such file. Raises `RefusedError`."""
    listed = _git(folder, "ls-tree", "-z", "--name-only", revision, "--", path)
    return _git(folder, "show", f"{revision}:{path}") if listed else ""


def _committed(folder: Path, revision: str) -> dict[str, str]:
    """The texts of a revision by path."""
    listed = _git(folder, "ls-tree", "-r", "-z", "--name-only", revision, "--", TEMPLATES, PARAMS).split("\0")
    paths = [path for path in listed if path.endswith(".json") and path.count("/") == 1]
    # What is the same in the working tree need not be asked of git, file by file.
    changed = set(_git(folder, "diff", "--name-only", "-z", "--no-renames", revision, "--", *paths).split("\0"))
    texts = {}
    for path in paths:
        if path in changed or not (folder / path).is_file():
            texts[path] = _git(folder, "show", f"{revision}:{path}")
        else:
            texts[path] = (folder / path).read_text(encoding="utf-8")
    return texts


def _git(folder: Path, *words: str) -> str:
    try:
        return git.text(folder, *words)
    except git.GitError as error:
        remedy = "" if error.missing else "Name a revision that git knows."
        raise RefusedError(f"git {words[0]}: {error}", remedy) from error


def _kind(path: str) -> str:
    return next((kind for kind, starts in KINDS.items() if path.startswith(starts)), OTHER)


def _present(folder: Path) -> dict[str, str]:
    files = (path for name in (TEMPLATES, PARAMS) for path in sorted((folder / name).glob("*.json")))
    texts = {}
    for path in files:
        name = f"{path.parent.name}/{path.name}"
        try:
            texts[name] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RefusedError(f"{name} cannot be read: {error}") from error
    return texts
