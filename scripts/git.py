"""Git, asked about the folder that is named, whatever the variables and settings of whoever runs us say."""

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# What git itself forgets when it goes to another repository (`git rev-parse --local-env-vars`, git 2.47): a hook sets
# them, and they name the repository of the hook. GIT_CONFIG_COUNT stays: it is how a person gives settings to git, such
# as safe.directory. The rest makes git look elsewhere or read paths in another way.
FOREIGN = (
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_DIR"),
    *("GIT_OBJECT_DIRECTORY", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE", "GIT_INDEX_FILE"),
    *("GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_COMMON_DIR"),
    *("GIT_INTERNAL_SUPER_PREFIX", "GIT_NAMESPACE", "GIT_CEILING_DIRECTORIES", "GIT_QUARANTINE_PATH"),
    *("GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS", "GIT_PAGER"),
    *("GIT_EXTERNAL_DIFF", "GIT_DIFF_OPTS"),
)
# Settings of the user that would start programs of theirs or change what git prints; see git-config(1).
SETTINGS = ("core.quotePath=false", "core.fsmonitor=false", "core.hooksPath=/dev/null", "color.ui=false")
# Programs that a repository's own settings name, which reading its files would start; see gitattributes(5). Those that
# the person has set for all repositories stay.
FILTERS = re.compile(r"filter\..*\.(clean|smudge|process|required)", re.DOTALL)
FILTERING = ("status", "diff", "add", "commit", "worktree")
ASKING_REMOTES = ("fetch", "push")
SECONDS = 120.0  # after which git is taken to hang


class GitError(Exception):
    """Git could not answer. The message is git's own; `missing` says that there is no git at all."""

    def __init__(self, message: str, missing: bool = False) -> None:
        self.missing = missing
        super().__init__(message)


def environment() -> dict[str, str]:
    """The variables for git: ours without those that lead it to another repository."""
    return {name: value for name, value in os.environ.items() if name not in FOREIGN}


def command(folder: Path, *words: str) -> list[str]:
    """The command line that asks git about a folder. Raises `GitError` where there is no git."""
    settings = [word for setting in SETTINGS for word in ("-c", setting)]
    return ["git", "-C", str(folder), "--no-pager", "--no-optional-locks", *settings, *words]


def _closed(folder: Path, words: Sequence[str]) -> dict[str, str]:
    """The variables for a question that starts no program of the repository's own and asks nobody else. Raises
    `GitError`."""
    closed = environment()
    if words[0] not in ASKING_REMOTES:
        # An object that is missing would be fetched, by a command that the repository's settings name; see git(1).
        closed |= {"GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1"}
    if any(word in FILTERING for word in words):
        entries = text(folder, "config", "--list", "--show-scope", "--name-only", "-z").split("\0")
        pairs = zip(entries[::2], entries[1::2], strict=False)
        names = sorted({name for scope, name in pairs if scope in ("local", "worktree") and FILTERS.fullmatch(name)})
        count = int(closed.get("GIT_CONFIG_COUNT") or 0)
        for number, name in enumerate(names, count):
            value = "false" if name.endswith(".required") else ""
            closed |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
        if names:
            closed["GIT_CONFIG_COUNT"] = str(count + len(names))
    return closed


def output(folder: Path, *words: str, seconds: float = SECONDS, typed: bytes = b"") -> bytes:
    """What git prints about a folder, with `typed` on its standard input. Raises `GitError`."""
    variables = _closed(folder, words)
    try:
        done = subprocess.run(
            command(folder, *words), env=variables, input=typed, capture_output=True, check=False, timeout=seconds
        )
    except FileNotFoundError as error:
        raise GitError("there is no git on PATH: install it", missing=True) from error
    except OSError as error:
        raise GitError(f"git cannot be run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise GitError(f"`git {words[0]}` gave no answer within {seconds:.0f} s") from error
    if done.returncode:
        message = done.stderr.decode("utf-8", "replace").strip()
        raise GitError(message or f"`git {' '.join(words)}` ended with status {done.returncode}")
    return done.stdout


def text(folder: Path, *words: str, seconds: float = SECONDS) -> str:
    """The same as text; a name that is no UTF-8 is kept as Python keeps such file names. Raises `GitError`."""
    return output(folder, *words, seconds=seconds).decode("utf-8", "surrogateescape")


def branches(folder: Path) -> list[str]:
    """The names of all branches of a repository, whatever else is called so. Raises `GitError`."""
    return text(folder, "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads").splitlines()


@dataclass(frozen=True)
class State:
    """A working tree: `commit` is empty before the first one, `branch` empty on none, `changed` are the paths that
    differ from the commit, untracked ones included."""

    commit: str
    branch: str
    changed: tuple[str, ...]


def state(folder: Path, deciding: Sequence[str] = ()) -> State:
    """How the working tree of a folder stands. In the folders `deciding` only the repository's own `.gitignore` hides a
    file: what a person leaves out for themselves (core.excludesFile, .git/info/exclude) is seen. Raises `GitError`."""
    words = ("status", "--porcelain=v2", "--branch", "--untracked-files=normal", "--ignore-submodules=none", "-z")
    head = dict[str, str]()
    changed = list[str]()
    entries = iter(text(folder, *words).split("\0"))
    for entry in entries:
        kind, _, rest = entry.partition(" ")
        if kind == "#":
            name, _, value = rest.partition(" ")
            head[name.removeprefix("branch.")] = value
        elif kind in FIELDS:
            changed.append(rest.split(" ", FIELDS[kind])[-1])
            if kind == "2":  # a renamed file is followed by its old name
                next(entries)
    # Git looks away from files that somebody marked as unchanged (git-update-index(1)): who asks wants to know.
    for line in text(folder, "ls-files", "-v", "-z").split("\0"):
        if line[:1].islower() or line[:1] == "S":
            changed.append(line[2:])
    if deciding:
        hidden = ("ls-files", "--others", "--exclude-per-directory=.gitignore", "-z", "--", *deciding)
        changed += [path for path in text(folder, *hidden).split("\0") if path and path not in changed]
    commit, branch = head.get("oid", ""), head.get("head", "")
    return State("" if commit == "(initial)" else commit, "" if branch == "(detached)" else branch, tuple(changed))


# How many fields stand before the path in an entry of `git status --porcelain=v2`, by its kind; see git-status(1).
FIELDS = {"1": 7, "2": 8, "u": 9, "?": 0}
