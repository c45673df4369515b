"""The source actions: the commit of the application as an artifact, from CodeCommit or through a connection."""

import hashlib
import io
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.deployment.errors import AwsError, RefusedError
from scripts.rehearsal.deployed import Action
from scripts.rehearsal.errors import Unsupported
from scripts.rehearsal.stage import Result, Run, World

UNVERSIONED = "a folder without a repository"
LEFT_OUT = {"node_modules", "__pycache__", ".git", ".venv", ".pytest_cache"}


def run(world: World, action: Action, run: Run) -> Result:
    """The repository in CodeCommit; variables as in action-reference-CodeCommit."""
    name = action.configuration["RepositoryName"]
    return _packed(world, action, run, {"RepositoryName": name})


def connected(world: World, action: Action, run: Run) -> Result:
    """The repository behind a connection; variables as in action-reference-CodestarConnectionSource."""
    given = action.configuration
    world.note(f"{given['ConnectionArn']}: not asked, the folder stands for {given['FullRepositoryId']}")
    own = {"FullRepositoryName": given["FullRepositoryId"], "ConnectionArn": given["ConnectionArn"]}
    return _packed(world, action, run, own)


def _packed(world: World, action: Action, run: Run, own: dict[str, str]) -> Result:
    """Keeps the application's files as the source artifact."""
    given, role = action.configuration, world.pipeline.role
    if given.get("OutputArtifactFormat", "CODE_ZIP") != "CODE_ZIP":
        raise Unsupported(
            f"{action}: OutputArtifactFormat {given['OutputArtifactFormat']} is not imitated, CODE_ZIP is"
        )
    world.judge.need(role, f"action {action.provider}", given)
    world.artifact_store(role, "artifact store", "artifact store with a key")
    folder = Path(tempfile.mkdtemp(dir=world.space))
    run.commit, message = checkout(world.options.application, folder)
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    for name in action.outputs:
        run.artifacts[name] = world.store.put(name, files)
    variables = {**own, "CommitId": run.commit, "BranchName": given["BranchName"], "CommitMessage": message}
    return Result(variables, f"commit {run.commit[:12]}, {len(files)} files")


def commits(application: Path) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
    """What CodeCommit tells of a commit, from the application's own repository; a folder without one has no history."""

    def get_commit(arguments: dict[str, Any]) -> dict[str, Any]:
        commit = str(arguments["commitId"])
        if not (application / ".git").exists():
            return {"commit": {"commitId": commit, "message": UNVERSIONED, "parents": []}}
        log = ["git", "-C", str(application), "log", "-1", "--format=%P%n%B", commit]
        done = subprocess.run(log, capture_output=True, text=True, check=False)
        if done.returncode:
            raise AwsError("codecommit.get_commit", "CommitIdDoesNotExistException", f"there is no commit {commit}")
        parents, _, message = done.stdout.partition("\n")
        return {"commit": {"commitId": commit, "message": message, "parents": parents.split()}}

    return {"codecommit.get_commit": get_commit}


def checkout(application: Path, folder: Path) -> tuple[str, str]:
    """Lays the files of a commit into a folder; its id and message.

    A folder that is a repository's root gives its HEAD, as CodeCommit would; any other folder its files, and a hash of
    them in the place of the id. Raises `RefusedError` for a folder without files or commit.
    """
    if (application / ".git").exists():
        git = ["git", "-C", str(application)]
        try:
            archive = subprocess.run([*git, "archive", "HEAD"], check=True, capture_output=True).stdout
            shown = subprocess.run([*git, "log", "-1", "--format=%H%n%B"], check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise RefusedError(f"{application} is a repository, and git gives no commit of it: {error}") from error
        with tarfile.open(fileobj=io.BytesIO(archive)) as held:
            held.extractall(folder, filter="data")
        commit, _, message = shown.stdout.partition("\n")
        return commit, message.strip()
    digest = hashlib.sha1(usedforsecurity=False)
    for path in sorted(application.rglob("*")):
        relative = path.relative_to(application)
        if path.is_file() and not LEFT_OUT & set(relative.parts):
            content = path.read_bytes()
            digest.update(f"{relative}\0{len(content)}\0".encode() + content)
            (folder / relative).parent.mkdir(parents=True, exist_ok=True)
            (folder / relative).write_bytes(content)
            (folder / relative).chmod(path.stat().st_mode & 0o777)
    if not any(folder.iterdir()):
        raise RefusedError(f"{application} has no files.", "Name the folder of an application with --app.")
    return digest.hexdigest(), UNVERSIONED
