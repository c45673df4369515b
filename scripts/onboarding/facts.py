"""What an application says of itself, read from its folder: each fact with the place that it was read from."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Detected:
    """One fact: what it is called, its value as people read it, and where it was read; `assumed` when nothing in the
    folder says it."""

    fact: str
    value: str
    source: str


@dataclass(frozen=True)
class Missing:
    """What an application lacks, and what to do; `stops` when no release is possible without it. `kind` names the fix
    of `fixing.py`, where there is one."""

    what: str
    fix: str
    stops: bool = True
    kind: str = ""


@dataclass(frozen=True)
class Setting:
    """A variable of the backend. `kind` is `given` (the environment knows it, `value` is the pattern), `chosen` (each
    environment's file; `value` is the default, empty for an optional one), `generated`, `fernet` or `filled` (secrets).
    `type` is `text`, `number` or `switch`."""

    name: str
    kind: str
    value: str = ""
    type: str = "text"
    source: str = ""


@dataclass(frozen=True)
class TableFacts:
    """A DynamoDB table: the variable with its name, the name in the code, and its keys."""

    variable: str
    name: str
    partition: str
    sort: str


@dataclass
class Application:
    """Everything that was read, with what is missing. Folders are relative to the repository's root."""

    name: str
    title: str
    description: str
    backend: str = ""
    module: str = ""
    entry: str = ""  # the file that makes the application object
    python: str = "3.11"
    port: int = 8000
    health_path: str = "/health"
    frontend: str = ""
    node: str = "22"
    output: str = "dist"
    assets: str = "assets"
    prefix: str = "VITE_"
    page_variables: dict[str, str] = field(default_factory=dict)
    api_paths: list[str] = field(default_factory=list)
    api_prefix: str = ""  # what all routes of the API begin with, as far as its routers say so
    settings: list[Setting] = field(default_factory=list)
    tables: list[TableFacts] = field(default_factory=list)
    detected: list[Detected] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)

    def note(self, fact: str, value: object, source: str) -> None:
        """Keeps where a fact was read."""
        self.detected.append(Detected(fact, str(value), source))


NOT_CODE = frozenset(
    ("node_modules", "venv", "env", "site-packages", "__pycache__", "dist", "build", "tests", "test", "e2e", "docs")
)


def files(folder: Path, *patterns: str) -> list[Path]:
    """The files of a repository that match, without what is installed, built or hidden, nearest to the root first."""
    result: list[Path] = []
    waiting = [folder]
    while waiting:
        here = waiting.pop(0)
        entries = sorted(here.iterdir(), key=lambda path: path.name)
        result += [
            path
            for path in entries
            if path.is_file() and not path.is_symlink() and any(path.match(pattern) for pattern in patterns)
        ]
        waiting += [
            path
            for path in entries
            if path.is_dir() and not path.is_symlink() and path.name not in NOT_CODE and not path.name.startswith(".")
        ]
    return result
