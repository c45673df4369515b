"""Git is asked about the folder that is named, whatever the variables and settings of the person are."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from scripts import git
from scripts.operations import origin

ME = ("-c", "user.name=n", "-c", "user.email=n@x.test")


def run(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *ME, *words], env=git.environment(), check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def repository(folder: Path, **files: str) -> Path:
    folder.mkdir()
    run(folder, "init", "-q", "-b", "main")
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    run(folder, "add", "-A")
    run(folder, "commit", "-qm", folder.name)
    return folder


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return repository(tmp_path / "mine", a="1", b="2")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return repository(tmp_path / "other", a="other")


def test_variables_of_a_hook_lead_nowhere(mine: Path, other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = run(mine, "rev-parse", "HEAD")
    for name, value in {
        "GIT_DIR": other / ".git",
        "GIT_WORK_TREE": other,
        "GIT_INDEX_FILE": other / ".git/index",
        "GIT_OBJECT_DIRECTORY": other / ".git/objects",
        "GIT_COMMON_DIR": other / ".git",
        "GIT_PREFIX": "sub/",
        "GIT_NAMESPACE": "space",
        "GIT_CEILING_DIRECTORIES": mine.parent,
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_CONFIG_PARAMETERS": "'core.worktree'='/'",
    }.items():
        monkeypatch.setenv(name, str(value))
    assert git.state(mine) == git.State(commit, "main", ())
    assert origin.source(mine) == origin.Source(commit, "main", "clean")


@pytest.mark.parametrize(
    "setting",
    [
        ("status.showUntrackedFiles", "no"),
        ("status.relativePaths", "false"),
        ("status.branch", "false"),
        ("status.short", "true"),
        ("core.fsmonitor", "false"),
        ("core.untrackedCache", "true"),
        ("diff.ignoreSubmodules", "all"),
        ("color.ui", "always"),
        ("core.quotePath", "true"),
    ],
)
def test_settings_hide_nothing(mine: Path, setting: tuple[str, str]) -> None:
    run(mine, "config", *setting)
    (mine / "ünt racked\nfile").write_text("", encoding="utf-8")
    (mine / "a").write_text("changed", encoding="utf-8")
    run(mine, "mv", "b", "c")
    assert set(git.state(mine).changed) == {"ünt racked\nfile", "a", "c"}
    assert origin.source(mine).tree == "changed"


@pytest.mark.parametrize("how", ["info", "settings"])
def test_what_a_person_hides_from_git_decides_nothing_unseen(mine: Path, how: str) -> None:
    """What the repository's own .gitignore names is no part of it, for everybody."""
    if how == "info":
        (mine / ".git/info").mkdir(exist_ok=True)
        (mine / ".git/info/exclude").write_text("params/\nnotes\n", encoding="utf-8")
    else:
        (mine.parent / "ignored").write_text("params/\nnotes\n", encoding="utf-8")
        run(mine, "config", "core.excludesFile", str(mine.parent / "ignored"))
    (mine / ".gitignore").write_text("__pycache__\n", encoding="utf-8")
    run(mine, "add", ".gitignore")
    run(mine, "commit", "-qm", "ignored")
    (mine / "generator/__pycache__").mkdir(parents=True)
    (mine / "generator/__pycache__/x.pyc").touch()
    (mine / "notes").touch()
    assert origin.source(mine).tree == "clean"
    (mine / "params").mkdir()
    (mine / "params/production.json").touch()
    assert git.state(mine).changed == () and origin.source(mine).tree == "changed"
    assert git.state(mine, origin.DECIDING).changed == ("params/production.json",)


def test_a_branch_is_one_whatever_else_is_called_so(mine: Path) -> None:
    for words in (("branch", "feature/ü#1"), ("branch", "v1"), ("tag", "v1"), ("tag", "main")):
        run(mine, *words)
    assert git.branches(mine) == ["feature/ü#1", "main", "v1"]


@pytest.mark.parametrize("mark", ["--assume-unchanged", "--skip-worktree"])
def test_a_file_that_git_was_told_to_look_away_from(mine: Path, mark: str) -> None:
    run(mine, "update-index", mark, "a")
    (mine / "a").write_text("changed", encoding="utf-8")
    assert git.state(mine).changed == ("a",)


def test_no_program_of_the_repository_is_started(mine: Path, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n", encoding="utf-8")
    program.chmod(0o755)
    for name in ("core.fsmonitor", "core.pager", "diff.external", "core.sshCommand"):
        run(mine, "config", name, str(program))
    (mine / ".git/hooks").mkdir(exist_ok=True)
    for hook in ("post-index-change", "pre-commit", "commit-msg", "post-commit"):
        (mine / f".git/hooks/{hook}").symlink_to(program)
    git.state(mine)
    git.text(mine, "log", "-1")
    git.text(mine, "-c", "user.name=n", "-c", "user.email=n@x.test", "commit", "--allow-empty", "--message", "empty")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("attribute", ["x", "x=y", "a.b"])
def test_no_filter_of_the_repository_is_started(mine: Path, tmp_path: Path, attribute: str) -> None:
    (mine / ".gitattributes").write_text(f"* filter={attribute} diff={attribute}\n", encoding="utf-8")
    for section, keys in {"filter": ("clean", "smudge", "process"), "diff": ("textconv", "command")}.items():
        for key in keys:
            run(mine, "config", f"{section}.{attribute}.{key}", f"touch {tmp_path}/ran;")
    run(mine, "config", f"filter.{attribute}.required", "true")
    (mine / "a").write_text("another", encoding="utf-8")
    assert git.state(mine).changed == ("a", ".gitattributes")
    assert git.text(mine, "diff", "--name-only", "HEAD", "--") == "a\n"
    assert "+another" in git.text(mine, "diff", "--no-ext-diff", "--no-textconv", "HEAD", "--")
    assert not (tmp_path / "ran").exists()
    with pytest.raises(subprocess.CalledProcessError):  # by itself git does
        run(mine, "diff", "--name-only", "HEAD", "--")
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "settings",
    [
        {"remote.origin.url": "ext::touch {ran}", "protocol.ext.allow": "always"},
        {"remote.origin.url": "ssh://host/x", "core.sshCommand": "touch {ran};"},
    ],
)
def test_an_object_that_is_missing_is_fetched_by_no_program(
    mine: Path, tmp_path: Path, settings: dict[str, str]
) -> None:
    """A repository can promise that a remote has it; git fetches it then by what the settings name."""
    blob = run(mine, "rev-parse", "HEAD:a")
    (mine / ".git/objects" / blob[:2] / blob[2:]).unlink()
    promise = {
        "core.repositoryformatversion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
    }
    for name, value in {**promise, **settings}.items():
        run(mine, "config", name, value.format(ran=tmp_path / "ran"))
    with pytest.raises(git.GitError):
        git.text(mine, "show", "HEAD:a")
    assert not (tmp_path / "ran").exists()


def test_a_repository_without_commits(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    run(empty, "init", "-q", "-b", "main")
    assert git.state(empty) == git.State("", "main", ())
    with pytest.raises(git.GitError, match="HEAD"):
        git.output(empty, "archive", "HEAD")


def test_no_branch(mine: Path) -> None:
    run(mine, "checkout", "-q", "--detach")
    assert git.state(mine).branch == "" and origin.source(mine).branch == "(detached)"


def test_gits_own_words_are_heard(tmp_path: Path, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(git.GitError, match="not a git repository"):
        git.state(tmp_path)
    with pytest.raises(git.GitError, match=r"unknown revision|bad revision|ambiguous"):
        git.text(mine, "log", "no-such-branch")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(git.GitError, match="install it") as raised:
        git.state(mine)
    assert raised.value.missing


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_a_folder_of_somebody_else(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The remedy is git's own, and the setting that it names is heeded, however it is given."""
    os.chown(mine, 12345, 12345)
    os.chown(mine / ".git", 12345, 12345)
    monkeypatch.setenv("HOME", str(mine.parent))
    with pytest.raises(git.GitError, match=r"safe\.directory"):
        git.state(mine)
    settings = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": str(mine)}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert git.state(mine).branch == "main"


@pytest.mark.parametrize(
    ("error", "message", "missing"),
    [
        (FileNotFoundError(2, "No such file or directory"), "there is no git on PATH: install it", True),
        (PermissionError(13, "Permission denied"), "git cannot be run: Permission denied", False),
        (subprocess.TimeoutExpired("git", 2.0), "`git log` gave no answer within 2 s", False),
    ],
)
def test_a_git_that_does_not_answer_is_said(
    mine: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str, missing: bool
) -> None:
    def run(*_: object, timeout: float, **__: object) -> None:
        assert timeout == 2.0
        raise error

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(git.GitError) as raised:
        git.output(mine, "log", "-1", seconds=2.0)
    assert (str(raised.value), raised.value.missing) == (message, missing)


def test_what_git_says_of_a_failure_is_the_error_and_silence_is_named(mine: Path) -> None:
    with pytest.raises(git.GitError) as raised:
        git.text(mine, "rev-parse", "--verify", "gone^{commit}")
    assert str(raised.value) == "fatal: Needed a single revision" and raised.value.missing is False
    with pytest.raises(git.GitError) as raised:
        git.text(mine, "diff", "--no-index", "--quiet", "a", "b")
    assert str(raised.value) == "`git diff --no-index --quiet a b` ended with status 1"


def test_what_is_typed_reaches_git_and_what_is_no_unicode_is_kept(mine: Path) -> None:
    name = b"\xff.txt"
    # The object without content, which git names alike in every repository.
    assert git.output(mine, "hash-object", "--stdin") == b"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\n"
    assert git.output(mine, "hash-object", "--stdin", typed=b"x") == b"c1b0730e0133447badcfd47fd144e254807b06e1\n"
    (mine / os.fsdecode(name)).touch()
    assert git.state(mine).changed == (os.fsdecode(name),)


def test_every_kind_of_change_is_in_the_state(mine: Path) -> None:
    """With the new name of what was renamed, and both sides of what could not be merged."""
    run(mine, "mv", "a", "renamed")
    (mine / "b").write_text("changed", encoding="utf-8")
    (mine / "new file").touch()
    assert sorted(git.state(mine).changed) == ["b", "new file", "renamed"]
    run(mine, "add", "-A")
    run(mine, "commit", "-qm", "ours")
    run(mine, "branch", "theirs", "HEAD~1")
    run(mine, "checkout", "-q", "theirs")
    (mine / "b").write_text("other", encoding="utf-8")
    run(mine, "commit", "-qam", "theirs")
    subprocess.run(
        ["git", "-C", str(mine), *ME, "merge", "main"], env=git.environment(), capture_output=True, check=False
    )
    assert "b" in git.state(mine).changed
    assert git.branches(mine) == ["main", "theirs"]


@pytest.mark.parametrize("hidden", [".gitmodules", ".git/config"])
def test_a_changed_submodule_is_seen_whatever_hides_it(mine: Path, other: Path, hidden: str) -> None:
    run(mine, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "sub")
    run(mine, "config", "-f", hidden, "submodule.sub.ignore", "all")
    run(mine, "add", "-A")
    run(mine, "commit", "-qm", "with a submodule")
    assert git.state(mine).changed == ()
    (mine / "sub/a").write_text("changed", encoding="utf-8")
    assert git.state(mine).changed == ("sub",)
