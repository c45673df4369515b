"""The actions that need no service of their own: source, S3 deploy, manual approval.

Sources: codepipeline user guide, action-reference-CodeCommit, action-reference-CodestarConnectionSource,
action-reference-S3Deploy.
"""

import hashlib
import io
import mimetypes
import os
import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from scripts import git
from scripts.deployment.errors import AwsError, RefusedError
from scripts.rehearsal.account_view import Action
from scripts.rehearsal.context import S3_ENCRYPTS, ActionOutput, RehearsalContext
from scripts.rehearsal.errors import ActionFailedError, UnsupportedError
from scripts.rehearsal.executions import Execution

APPROVAL_PAUSE = 0.2  # seconds
REVISION = re.compile("HEAD|[0-9a-f]{4,40}")
UNVERSIONED = "a folder without a repository"
# Modes of git's trees (git-fast-import(1)), and how a pointer of Git LFS begins (its specification, version 1).
LINK, SUBMODULE, EXECUTABLE = "120000", "160000", "100755"
LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
SHOWN_NAMES = 10
BARE = ("HEAD", "objects", "refs")  # what lies in a repository that has no working tree
LEFT_OUT = {"node_modules", "__pycache__", ".git", ".venv", ".pytest_cache"}
S3_CONFIGURATION = {"BucketName", "CacheControl", "Extract", "ObjectKey"}


def source_from_codecommit(context: RehearsalContext, action: Action, execution: Execution) -> ActionOutput:
    """The repository in CodeCommit, with its output variables."""
    return _source(context, action, execution, {"RepositoryName": action.configuration["RepositoryName"]})


def source_from_connection(context: RehearsalContext, action: Action, execution: Execution) -> ActionOutput:
    """The repository behind a connection, with its output variables."""
    repository, connection = (action.configuration[key] for key in ("FullRepositoryId", "ConnectionArn"))
    context.note(f"{connection}: not used, the folder is used for {repository}")
    return _source(context, action, execution, {"FullRepositoryName": repository, "ConnectionArn": connection})


def deploy_to_s3(context: RehearsalContext, action: Action, execution: Execution) -> ActionOutput:
    """Uploads every file of the artifact; older objects stay."""
    configuration, role = action.configuration, context.pipeline.role
    if configuration.get("Extract") != "true" or configuration.keys() - S3_CONFIGURATION:
        raise UnsupportedError(
            f"{action}: only Extract=true with {', '.join(sorted(S3_CONFIGURATION))} is simulated, not {configuration}"
        )
    context.check_artifact_store(role, "artifact store", "artifact store with a key")
    context.checker.check_operation(role, "action S3", configuration)
    prefix = configuration.get("ObjectKey", "").strip("/")
    headers = {key: value for key, value in configuration.items() if key == "CacheControl"}
    if S3_ENCRYPTS in context.options.suppositions and context.pipeline.key:
        headers |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": context.pipeline.key}
        context.note(f"{action}: supposed to encrypt with the key of the artifact store")
    with tempfile.TemporaryDirectory(dir=context.workspaces) as name:
        folder = Path(name)
        context.store.unpack(execution.artifacts[action.inputs[0]], folder)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        for path in files:
            key = "/".join(filter(None, (prefix, str(path.relative_to(folder)))))
            headers["ContentType"] = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            context.aws.call(
                "s3", "put_object", Bucket=configuration["BucketName"], Key=key, Body=path.read_bytes(), **headers
            )
    return ActionOutput(summary=f"{len(files)} files, Cache-Control: {configuration.get('CacheControl', 'none')}")


def approve(context: RehearsalContext, action: Action, execution: Execution) -> ActionOutput:
    """Waits until somebody answers, as CodePipeline does; unless somebody shall be asked, the rehearsal answers.

    Raises `ActionFailedError` when the answer is no, and when the pipeline's role could not have notified anybody.
    """
    topic = action.configuration.get("NotificationArn", "")
    if topic:
        role = context.pipeline.role
        context.checker.check_operation(role, "approval with a topic", {"NotificationArn": topic})
        key = context.aws.call("sns", "get_topic_attributes", TopicArn=topic)["Attributes"].get("KmsMasterKeyId")
        if key:
            context.checker.check_operation(role, "approval with an encrypted topic", {"Key": key})
    context.print_line(f"asked: {action.configuration.get('CustomData', 'nothing')}")
    if context.options.asks:
        context.print_line("it waits for: aws codepipeline put-approval-result")
    else:
        context.note(f"{action}: approved by the rehearsal, nobody was asked")
        context.aws.call(
            "codepipeline",
            "put_approval_result",
            pipelineName=context.pipeline.name,
            stageName=action.stage,
            actionName=action.name,
            result={"status": "Approved", "summary": "approved by the rehearsal"},
            token=execution.token,
        )
    while execution.token not in execution.orders:
        execution.write()
        if "stop" in execution.orders:
            raise ActionFailedError("the execution was stopped")
        time.sleep(APPROVAL_PAUSE)
    answer = execution.orders[execution.token]
    if answer["status"] != "Approved":
        raise ActionFailedError(f"rejected: {answer['summary']}")
    return ActionOutput(summary=answer["summary"])


def _source(context: RehearsalContext, action: Action, execution: Execution, variables: dict[str, str]) -> ActionOutput:
    """Stores the application's files as the source artifact."""
    configuration, role = action.configuration, context.pipeline.role
    output_format = configuration.get("OutputArtifactFormat", "CODE_ZIP")
    if output_format != "CODE_ZIP":
        raise UnsupportedError(f"{action}: OutputArtifactFormat {output_format} is not simulated, CODE_ZIP is")
    context.checker.check_operation(role, f"action {action.provider}", configuration)
    context.check_artifact_store(role, "artifact store", "artifact store with a key")
    folder = Path(tempfile.mkdtemp(dir=context.workspaces))
    source = checkout(context.options.application, folder, execution.commit or "HEAD")
    execution.commit, message = source.commit, source.message
    for surprise in source.surprises():
        context.note(surprise)
        context.print_line(surprise)
    revision = {"actionName": action.name, "revisionId": execution.commit, "revisionSummary": message}
    execution.revisions.append(revision)
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    for name in action.outputs:
        execution.artifacts[name] = context.store.put(name, files)
    variables |= {"CommitId": execution.commit, "BranchName": configuration["BranchName"], "CommitMessage": message}
    return ActionOutput(variables, f"commit {execution.commit[:12]}, {len(files)} files")


def codecommit_answers(application: Path) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
    """What CodeCommit answers about commits, from the application's repository; a folder without one has no history."""

    def get_commit(arguments: dict[str, Any]) -> dict[str, Any]:
        commit = str(arguments["commitId"])
        if not (application / ".git").exists():
            return {"commit": {"commitId": commit, "message": UNVERSIONED, "parents": []}}
        try:
            log = git.text(application, "log", "-1", "--no-show-signature", "--format=%P%n%B", commit)
        except git.GitError as error:
            reason = f"there is no commit {commit}: {error}"
            raise AwsError("codecommit.get_commit", "CommitIdDoesNotExistException", reason) from error
        parents, _, message = log.partition("\n")
        return {"commit": {"commitId": commit, "message": message, "parents": parents.split()}}

    return {"codecommit.get_commit": get_commit}


@dataclass(frozen=True)
class Checkout:
    """The id of a commit, its message, the symbolic links among its files, its submodules, the files that are pointers
    of Git LFS, and those with rules that archives of git follow."""

    commit: str
    message: str
    links: tuple[str, ...]
    submodules: tuple[str, ...] = ()
    pointers: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()

    def surprises(self) -> list[str]:
        """What builds get otherwise than a working tree has it."""
        texts = {
            "symbolic links become files with the target as text": self.links,
            "submodules are empty, because the artifact is not a clone: put their files into the repository, or "
            "install them as a package": self.submodules,
            "files of Git LFS are their pointers, a few lines of text": self.pointers,
            "export-ignore and export-subst are not followed here, and nowhere said to be by AWS": self.rules,
        }
        return [f"{what}: {_listed(names)}" for what, names in texts.items() if names]


def checkout(application: Path, folder: Path, revision: str = "HEAD") -> Checkout:
    """Writes the files of a commit into a folder.

    A folder that is a repository's root gives the revision, as CodeCommit would; any other folder its files, and a
    hash of them instead of the id. Raises `RefusedError` for a folder without files or commit.
    """
    if not REVISION.fullmatch(revision):
        raise RefusedError(f"{revision} is not a commit.", "Name a commit by its id.")
    if (application / ".git").exists():
        return _repository(application, folder, revision)
    return _plain_folder(application, folder, revision)


def _repository(application: Path, folder: Path, revision: str) -> Checkout:
    try:
        entries = _entries(git.output(application, "ls-tree", "-r", "-z", "--full-tree", revision))
        blobs = _blobs(application, [entry.id for entry in entries if entry.mode != SUBMODULE])
        log = git.text(application, "log", "-1", "--no-show-signature", "--format=%H%n%B", revision)
    except git.GitError as error:
        raise RefusedError(
            f"{application} is a repository, and git gives no commit of it: {error}",
            "Commit what shall be released, or correct what git says.",
        ) from error
    kinds: dict[str, list[str]] = {LINK: [], SUBMODULE: [], "pointers": [], "rules": []}
    for entry in entries:
        if entry.mode in kinds:
            kinds[entry.mode].append(entry.path)
        if entry.mode == SUBMODULE:
            (folder / entry.path).mkdir(parents=True)
            continue
        content = blobs[entry.id]
        if content.startswith(LFS_POINTER):
            kinds["pointers"].append(entry.path)
        if PurePosixPath(entry.path).name == ".gitattributes" and re.search(rb"export-(ignore|subst)", content):
            kinds["rules"].append(entry.path)
        (folder / entry.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / entry.path).write_bytes(content)
        (folder / entry.path).chmod(0o755 if entry.mode == EXECUTABLE else 0o644)
    commit, _, message = log.partition("\n")
    named = [tuple(kinds[kind]) for kind in (LINK, SUBMODULE, "pointers", "rules")]
    return Checkout(commit, message.strip(), *named)


@dataclass(frozen=True)
class _Entry:
    """One path of a commit, as `git ls-tree` lists it."""

    mode: str
    id: str
    path: str


def _entries(listing: bytes) -> list[_Entry]:
    """The paths of a commit. Raises `RefusedError` for names that no artifact can have."""
    entries = []
    for line in filter(None, listing.split(b"\0")):
        facts, _, name = line.partition(b"\t")
        mode, _, identity = facts.decode("ascii").split(" ")
        entries.append(_Entry(mode, identity, _named(name)))
    return entries


def _named(name: bytes) -> str:
    """A path of the application. Raises `RefusedError` for one that no artifact can have, and for one that leads out of
    its folder, which git itself never writes."""
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusedError(f"The name of {name!r} is not UTF-8: a zip archive cannot have it.", "Rename it.") from error
    if text.startswith("/") or ".." in PurePosixPath(text).parts:
        raise RefusedError(f"{text} leads out of the repository.", "Look at where this repository comes from.")
    return text


def _blobs(application: Path, identities: list[str]) -> dict[str, bytes]:
    """The contents of files as the repository has them: a commit's archive would follow the settings of this computer
    for line ends and filters, and the rules of `.gitattributes` (git-archive(1)), of which AWS says nothing."""
    typed = "".join(f"{identity}\n" for identity in dict.fromkeys(identities)).encode()
    stream = io.BytesIO(git.output(application, "cat-file", "--batch", typed=typed))
    blobs: dict[str, bytes] = {}
    while header := stream.readline():
        identity, _, size = header.decode("ascii").split()
        blobs[identity] = stream.read(int(size))
        stream.read(1)
    return blobs


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return f"{', '.join(names[:SHOWN_NAMES])}{more}"


def _plain_folder(application: Path, folder: Path, revision: str) -> Checkout:
    if all((application / part).exists() for part in BARE):
        raise RefusedError(f"{application} is a bare repository, without files.", "Clone it, and name the clone.")
    digest, links, pointers = hashlib.sha1(usedforsecurity=False), list[str](), list[str]()
    paths = sorted(application.rglob("*"))
    # Those of Python, whatever they are called.
    environments = {file.parent for file in paths if file.name == "pyvenv.cfg"} - {application}
    for path in paths:
        relative = path.relative_to(application)
        if LEFT_OUT & set(relative.parts) or environments & {path, *path.parents}:
            continue
        _named(os.fsencode(relative))
        if path.is_symlink():
            target = str(path.readlink())
            digest.update(f"{relative}\0link\0{target}".encode())
            links.append(str(relative))
            _write_link(folder / relative, target)
        elif path.is_file():
            content = path.read_bytes()
            digest.update(f"{relative}\0{len(content)}\0".encode() + content)
            (folder / relative).parent.mkdir(parents=True, exist_ok=True)
            (folder / relative).write_bytes(content)
            (folder / relative).chmod(path.stat().st_mode & 0o777)
            if content.startswith(LFS_POINTER):
                pointers.append(str(relative))
    if not any(folder.iterdir()):
        raise RefusedError(f"{application} has no files.", "Name the folder of an application with --app.")
    if revision not in ("HEAD", digest.hexdigest()):
        raise RefusedError(f"{application} is not a repository or has no commit {revision}.", "Rehearse a repository.")
    return Checkout(digest.hexdigest(), UNVERSIONED, tuple(links), pointers=tuple(pointers))


def _write_link(path: Path, target: str) -> None:
    """A symbolic link as CodePipeline's source artifact has it: a file with the target as its text (aws-cdk, pull
    request 14520)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(target, encoding="utf-8", errors="surrogateescape")
