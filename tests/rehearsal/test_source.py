"""What of an application becomes the source artifact."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from scripts.deployment.errors import RefusedError
from scripts.rehearsal.actions import checkout


@pytest.fixture
def application(tmp_path: Path) -> Path:
    folder = tmp_path / "application"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "run").write_text("#!/bin/sh\n")
    (folder / "bin" / "run").chmod(0o755)
    for name in (".pytest_cache", "node_modules"):  # before and behind what is taken
        (folder / name).mkdir()
        (folder / name / "much").write_text("much")
    return folder


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def taken(application: Path, folder: Path) -> str:
    folder.mkdir()
    return checkout(application, folder).commit


def test_a_folder_is_named_by_its_content(application: Path, tmp_path: Path) -> None:
    commit = taken(application, tmp_path / "one")
    assert len(commit) == 40 and files(tmp_path / "one") == ["bin/run"]
    assert (tmp_path / "one/bin/run").stat().st_mode & 0o111
    assert taken(application, tmp_path / "two") == commit
    (application / "new").write_text("")
    assert taken(application, tmp_path / "three") != commit


def test_a_repository_gives_its_commit_and_not_what_lies_about(application: Path, tmp_path: Path) -> None:
    git = ["git", "-C", str(application), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    with pytest.raises(RefusedError) as refused:
        taken(application, tmp_path / "none")
    assert refused.value.reason.startswith(f"{application} is a repository, and git gives no commit of it: fatal: ")
    assert refused.value.remedy == "Commit what shall be released, or correct what git says."
    (application / "bin" / "text").write_text("")
    (application / "bin" / "text").chmod(0o600)
    subprocess.run([*git, "add", "bin"], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "first"], check=True)
    (application / "bin" / "later").write_text("")
    commit = taken(application, tmp_path / "one")
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    assert (commit, files(tmp_path / "one")) == (head, ["bin/run", "bin/text"])
    modes = [stat.S_IMODE((tmp_path / "one/bin" / name).stat().st_mode) for name in ("run", "text")]
    assert modes == [0o755, 0o644], "git knows who may execute a file, and no more of its rights"


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RefusedError) as refused:
        taken(tmp_path / "empty", tmp_path / "one")
    assert str(refused.value) == f"{tmp_path / 'empty'} has no files.\nName the folder of an application with --app."


def test_a_folder_without_a_repository_has_one_version(application: Path, tmp_path: Path) -> None:
    """It is named by its content, and no other name is of anything."""
    commit = taken(application, tmp_path / "one")
    (tmp_path / "two").mkdir()
    assert checkout(application, tmp_path / "two", commit).commit == commit
    (tmp_path / "three").mkdir()
    with pytest.raises(RefusedError) as refused:
        checkout(application, tmp_path / "three", "0123abcd")
    assert refused.value.reason == f"{application} is not a repository or has no commit 0123abcd."
    assert refused.value.remedy == "Rehearse a repository."


@pytest.mark.parametrize("versioned", [True, False])
@pytest.mark.parametrize("target", ["/etc/hostname", "run", "../bin", "gone"])
def test_a_link_is_what_codepipeline_makes_of_it(
    application: Path, tmp_path: Path, versioned: bool, target: str
) -> None:
    """A file with the target as its text: never followed, and named."""
    (application / "bin/its/own").mkdir(parents=True)
    (application / "bin/its/own/link").symlink_to("there")
    (application / "bin/link").symlink_to(target)
    if versioned:
        git = ["git", "-C", str(application), "-c", "user.name=a", "-c", "user.email=a@b"]
        for words in (["init", "--quiet"], ["add", "bin"], ["commit", "--quiet", "-m", "first"]):
            subprocess.run([*git, *words], check=True)
    (tmp_path / "out").mkdir()
    source = checkout(application, tmp_path / "out")
    assert source.links == ("bin/its/own/link", "bin/link")
    assert (tmp_path / "out/bin/its/own/link").read_text() == "there"
    copied = tmp_path / "out/bin/link"
    assert copied.is_file() and not copied.is_symlink() and copied.read_text() == target


@pytest.mark.parametrize("revision", ["--output=/tmp/x", "HEAD~1", "main", ""])
def test_only_the_id_of_a_commit_names_one(application: Path, tmp_path: Path, revision: str) -> None:
    with pytest.raises(RefusedError) as refused:
        checkout(application, tmp_path, revision)
    assert str(refused.value) == f"{revision} is not a commit.\nName a commit by its id."


def committed(application: Path) -> None:
    """Everything in the folder as a commit."""
    git = [
        "git",
        "-C",
        str(application),
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "-c",
        "protocol.file.allow=always",
    ]
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "first"]):
        subprocess.run([*git, *words], check=True)


def test_files_are_those_of_the_repository_whatever_git_is_told_here(application: Path, tmp_path: Path) -> None:
    """An archive of git would leave files out, write others anew, and change line ends."""
    (application / ".gitattributes").write_text("secret export-ignore\n*.txt export-subst text eol=crlf\n")
    (application / "secret").write_text("here\n")
    (application / "note.txt").write_text("$Format:%H$\n")
    committed(application)
    (tmp_path / "out").mkdir()
    source = checkout(application, tmp_path / "out")
    assert (tmp_path / "out/secret").read_text() == "here\n"
    assert (tmp_path / "out/note.txt").read_bytes() == b"$Format:%H$\n"
    [rule] = source.surprises()
    assert rule.startswith("export-ignore and export-subst are not followed here") and rule.endswith(": .gitattributes")


def test_pointers_of_git_lfs_are_named(application: Path, tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"
    (application / "logo.png").write_text(pointer)
    (tmp_path / "plain").mkdir()
    assert checkout(application, tmp_path / "plain").pointers == ("logo.png",)
    committed(application)
    (tmp_path / "out").mkdir()
    source = checkout(application, tmp_path / "out")
    assert source.pointers == ("logo.png",) and (tmp_path / "out/logo.png").read_text() == pointer


def test_submodules_are_empty_and_named(application: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").write_text("x")
    committed(other)
    git = ["git", "-C", str(application), "-c", "protocol.file.allow=always"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "submodule", "--quiet", "add", str(other), "its/library"], check=True, capture_output=True)
    (application / "zone").write_text("what comes after it")
    committed(application)
    (tmp_path / "out").mkdir()
    source = checkout(application, tmp_path / "out")
    assert source.submodules == ("its/library",) and files(tmp_path / "out/its/library") == []
    assert (tmp_path / "out/zone").read_text() == "what comes after it"
    [line] = source.surprises()
    assert line.startswith("submodules are empty, because the artifact is not a clone: ") and line.endswith(
        ": its/library"
    )


@pytest.mark.parametrize("versioned", [True, False])
def test_files_are_kept_however_deep_they_lie(application: Path, tmp_path: Path, versioned: bool) -> None:
    for name in ("deep/er/still/one", "deep/er/still/two", "top"):
        (application / name).parent.mkdir(parents=True, exist_ok=True)
        (application / name).write_text(name)
    if versioned:
        committed(application)
    (tmp_path / "out").mkdir()
    checkout(application, tmp_path / "out")
    kept = [name for name in files(tmp_path / "out") if not name.startswith((".pytest_cache", "node_modules"))]
    assert kept == ["bin/run", "deep/er/still/one", "deep/er/still/two", "top"]


def test_odd_names_are_kept(application: Path, tmp_path: Path) -> None:
    names = ["a b", "two\nlines", "é", "-option", '"quoted"', "back\\slash"]
    for name in names:
        (application / name).write_text(name)
    committed(application)
    (tmp_path / "out").mkdir()
    checkout(application, tmp_path / "out")
    assert {name: (tmp_path / "out" / name).read_text() for name in names} == {name: name for name in names}


@pytest.mark.parametrize("versioned", [True, False])
def test_a_name_that_no_archive_can_have_is_refused(application: Path, tmp_path: Path, versioned: bool) -> None:
    Path(os.fsdecode(bytes(application) + b"/\xff")).write_text("x", encoding="utf-8")
    if versioned:
        committed(application)
    (tmp_path / "out").mkdir()
    with pytest.raises(RefusedError) as refused:
        checkout(application, tmp_path / "out")
    assert str(refused.value) == "The name of b'\\xff' is not UTF-8: a zip archive cannot have it.\nRename it."


def test_a_path_that_leads_out_of_the_repository_is_refused(application: Path, tmp_path: Path) -> None:
    """Git writes no such commit; somebody who wants to write elsewhere does."""
    committed(application)
    git = ["git", "-C", str(application)]

    def run(*words: str, typed: str = "") -> str:
        done = subprocess.run([*git, *words], input=typed, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    blob = run("hash-object", "-w", "--stdin", typed="x")
    inner = run("mktree", typed=f"100644 blob {blob}\tout\n")
    outer = run("mktree", typed=f"040000 tree {inner}\t..\n")
    commit = run("-c", "user.name=a", "-c", "user.email=a@b", "commit-tree", "-m", "x", outer)
    (tmp_path / "folder").mkdir()
    with pytest.raises(RefusedError) as refused:
        checkout(application, tmp_path / "folder", commit)
    assert str(refused.value) == "../out leads out of the repository.\nLook at where this repository comes from."
    assert not (tmp_path / "out").exists()


def test_an_environment_of_python_is_none_of_a_folders_files(application: Path, tmp_path: Path) -> None:
    """Whatever it is called."""
    (application / "backend/environment/bin").mkdir(parents=True)
    (application / "backend/environment/pyvenv.cfg").write_text("")
    (application / "backend/environment/bin/python").symlink_to("/usr/bin/python3")
    (tmp_path / "out").mkdir()
    assert checkout(application, tmp_path / "out").links == () and files(tmp_path / "out") == ["bin/run"]


def test_a_bare_repository_is_told(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", "--bare", str(tmp_path / "bare")], check=True)
    (tmp_path / "out").mkdir()
    with pytest.raises(RefusedError) as refused:
        checkout(tmp_path / "bare", tmp_path / "out")
    assert str(refused.value) == (
        f"{tmp_path / 'bare'} is a bare repository, without files.\nClone it, and name the clone."
    )
