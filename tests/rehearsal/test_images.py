"""The stand-in for Docker finds what a build would stumble over."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest

from scripts.deployment.errors import AwsError
from scripts.rehearsal.builds import images as images_module
from scripts.rehearsal.builds.container import Container
from scripts.rehearsal.builds.engines import Engine
from scripts.rehearsal.builds.images import UNUSED_SECONDS, Image, Images, repository_of
from scripts.rehearsal.builds.programs import ProgramCall, ProgramResult
from scripts.rehearsal.errors import ActionFailedError
from scripts.rehearsal.permissions import AccessDeniedError
from tests.support.rehearsal.prepared_aws import ROLE, PreparedAws, allow, aws, role_checker

GOOD = """# comment
FROM python:3.11
COPY requirements.txt .
COPY --chown=1 app \\
  ./app
CMD ["uvicorn", "app.main:app"]
"""
TAG = "111122223333.dkr.ecr.us-east-1.amazonaws.com/images:0123"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    (folder / "app").mkdir(parents=True)
    (folder / "requirements.txt").write_text("")
    (folder / "Dockerfile").write_text(GOOD)
    return folder


class Registry(PreparedAws):
    """A registry that has what was pushed to it."""

    def call(self, service: str, operation: str, /, **arguments: Any) -> dict[str, Any]:
        if operation == "put_image":
            self.answers["ecr.put_image"] = {}
            self.answers["ecr.describe_image_signing_status"] = {"signingStatuses": []}
            self.answers["ecr.batch_get_image"] = {"images": [{"imageManifest": arguments["imageManifest"]}]}
        return super().call(service, operation, **arguments)


def images(tmp_path: Path, fake: PreparedAws) -> Images:
    return Images(aws(fake), tmp_path / "images", lambda _: None)


def test_an_image_is_there_as_long_as_its_registry(tmp_path: Path, context: Path) -> None:
    """Also for another rehearsal, whatever became of the pipeline; and for nobody when the registry is gone."""
    registry = Registry()
    docker = images(tmp_path, registry).docker(role_checker(allow("Push", ["ecr:*"], "*")), ROLE)
    assert docker(ProgramCall(["push", TAG], context)).status == 1
    assert docker(ProgramCall(["build", "--file", "Dockerfile", "--tag", TAG, "."], context)).status == 0
    with pytest.raises(ActionFailedError, match="CannotPullContainerError"):
        images(tmp_path, registry).pull(TAG)
    assert docker(ProgramCall(["push", TAG], context)).status == 0
    (name, arguments), (status, _) = registry.calls[-2:]
    assert (name, status) == ("ecr.put_image", "ecr.describe_image_signing_status") and (
        arguments["repositoryName"],
        arguments["imageTag"],
    ) == ("images", "0123")
    image = images(tmp_path, registry).pull(TAG)
    assert image.container.command == ["uvicorn", "app.main:app"] and (image.files / "requirements.txt").exists()
    assert images(tmp_path, registry).pull(f"{TAG.rpartition(':')[0]}@{image.digest}").files == image.files
    assert registry.calls[-1][1] == {"repositoryName": "images", "imageIds": [{"imageDigest": image.digest}]}
    with pytest.raises(ActionFailedError, match=r"CannotPullContainerError: .*: not found in the registry"):
        images(tmp_path, PreparedAws({"ecr.batch_get_image": {"images": []}})).pull(TAG)
    with pytest.raises(ActionFailedError, match=r"CannotPullContainerError: .* no rehearsal with the cache"):
        images(tmp_path / "other", registry).pull(TAG)


def test_a_push_needs_its_permissions(tmp_path: Path, context: Path) -> None:
    docker = images(tmp_path / "new", PreparedAws()).docker(role_checker(), ROLE)
    assert docker(ProgramCall(["build", "--file", "Dockerfile", "--tag", TAG, "."], context)).status == 0
    with pytest.raises(AccessDeniedError, match="repository/images"):
        docker(ProgramCall(["push", TAG], context))


def test_a_build_that_would_fail_fails(tmp_path: Path, context: Path) -> None:
    (context / "requirements.txt").unlink()
    docker = images(tmp_path, PreparedAws()).docker(role_checker(), ROLE)
    answer = docker(ProgramCall(["build", "--file", "Dockerfile", "--tag", TAG, "."], context))
    assert (answer.status, answer.error) == (1, "Dockerfile:3: COPY requirements.txt: the context has no such file\n")
    assert docker(ProgramCall(["run", "x"], context)).status == 125
    assert docker(ProgramCall(["login"], context)).status == 1


def test_what_is_not_looked_at_without_an_engine_is_noted(
    tmp_path: Path, context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images_module, "find_engine", lambda: None)
    (context / "Dockerfile").write_text(GOOD.replace("CMD", "ADD https://example.test/a.txt a.txt\nCMD"))
    notes: list[str] = []
    docker = Images(aws(PreparedAws()), tmp_path / "images", notes.append).docker(role_checker(), ROLE)
    assert docker(ProgramCall(["build", "--tag", TAG, "."], context)).status == 0
    assert notes[1:] == ["docker build, not looked at: ADD https://example.test/a.txt: nothing was fetched"]
    assert notes[0].endswith("; the Dockerfile was read as a builder reads it, its files are the image's")


@pytest.mark.parametrize(("name", "question"), [("docker", "version"), ("podman", "info"), ("buildah", "info")])
def test_with_an_engine_the_image_is_really_built(
    context: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, question: str
) -> None:
    """A program in the engine's place: it answers as one, notes what it is asked to build, and fails when told."""
    engine = tmp_path / "engine"
    engine.mkdir()
    program = engine / name
    if name != "docker":  # its client without an engine is passed over
        (engine / "docker").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
        (engine / "docker").chmod(0o755)
    script = f'#!/bin/sh\n[ "$1" = {question} ] && exit 0\necho "$@" >> "$0.asked"\n'
    script += "[ ! -e fail ] || { echo no space >&2; exit 7; }\n"
    program.write_text(script, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{engine}:{os.environ['PATH']}")
    notes: list[str] = []
    local_images = Images(aws(PreparedAws()), tmp_path / "images", notes.append)
    docker = local_images.docker(role_checker(), ROLE)
    words = ["build", "--file", "Dockerfile", "--tag", TAG, "."]
    assert docker(ProgramCall(words, context)).status == 0
    call = (engine / f"{name}.asked").read_text().split()
    assert (call[:2], call[3:]) == (["build", "--iidfile"], words[1:])
    assert ["really built" in note for note in notes] == [True]
    (context / "fail").touch()
    answer = docker(ProgramCall(words, context))
    assert (answer.status, answer.error) == (7, "no space\n")


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (
            "Error: creating build container: initializing source docker://x.test/python:3: pinging container registry "
            'x.test: Get "https://x.test/v2/": dial tcp: lookup x.test on 10.0.0.1:53: no such host',
            0,
        ),
        ('#3 ERROR: failed to do request: Head "https://x.test/v2/python/manifests/3": dial tcp: i/o timeout', 0),
        ("Error: initializing source docker://x.test/python:9: reading manifest 9 in x.test/python: unknown", 7),
        ("pip: Could not fetch: dial tcp: lookup pypi.org: no such host", 7),
    ],
)
def test_a_registry_that_no_engine_reaches_is_no_fault_of_the_application(
    context: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, status: int
) -> None:
    """Nothing is known then but what is read; an image that the registry does not have is a fault."""
    engine = tmp_path / "engine"
    engine.mkdir()
    (engine / "docker").write_text(f"#!/bin/sh\n[ $1 = version ] && exit 0\ncat >&2 <<'X'\n{line}\nX\nexit 7\n")
    (engine / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{engine}:{os.environ['PATH']}")
    notes: list[str] = []
    docker = Images(aws(PreparedAws()), tmp_path / "images", notes.append).docker(role_checker(), ROLE)
    words = ["build", "--file", "Dockerfile", "--tag", TAG, "."]
    assert docker(ProgramCall(words, context)).status == status
    assert [line in note for note in notes] == ([] if status else [True])


def test_another_build_has_an_image_by_its_archive_alone(tmp_path: Path, context: Path) -> None:
    """Each build has a daemon of its own; what an archive holds is known by its content, whatever it is called."""
    store = images(tmp_path, Registry())
    checker = role_checker(allow("Push", ["ecr:*"], "*"))
    builder, pusher = store.docker(checker, ROLE), store.docker(checker, ROLE)
    assert builder(ProgramCall(["build", "--file", "Dockerfile", "--tag", "release:built", "."], context)).status == 0
    assert pusher(ProgramCall(["tag", "release:built", TAG], context)).status == 1
    assert builder(ProgramCall(["save", "--output", "image.tar", "release:built"], context)).status == 0
    loaded = pusher(ProgramCall(["load", "--input", "image.tar"], context))
    assert (loaded.status, loaded.output) == (0, "Loaded image: release:built\n")
    assert pusher(ProgramCall(["tag", "release:built", TAG], context)).status == 0
    assert pusher(ProgramCall(["push", TAG], context)).status == 0
    with tarfile.open(context / "image.tar", "a") as archive:
        manifest = [{"Config": "other", "RepoTags": ["release:built"], "Layers": []}]
        for name, body in (("other", {"rootfs": {"diff_ids": ["sha256:0"]}}), ("manifest.json", manifest)):
            member, content = tarfile.TarInfo(name), json.dumps(body).encode()
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    changed = store.docker(checker, ROLE)(ProgramCall(["load", "--input", "image.tar"], context))
    assert changed.status == 1 and "not those of its configuration" in changed.error


def built_image(tmp_path: Path, context: Path, notes: list[str]) -> tuple[Images, Any]:
    """An image that a daemon has, and that daemon."""
    store = Images(aws(Registry()), tmp_path / "images", notes.append)
    docker = store.docker(role_checker(allow("Push", ["ecr:*"], "*")), ROLE)
    assert docker(ProgramCall(["build", "--tag", TAG, "."], context)).status == 0
    return store, docker


def test_a_push_registers_the_manifest_and_checks_who_signs(tmp_path: Path, context: Path) -> None:
    profile = "arn:aws:signer:us-east-1:111122223333:/signing-profiles/ours"

    class Signing(Registry):
        def call(self, service: str, operation: str, /, **arguments: Any) -> dict[str, Any]:
            answer = super().call(service, operation, **arguments)
            signing = operation == "describe_image_signing_status"
            return {"signingStatuses": [{"signingProfileArn": profile}]} if signing else answer

    registry, notes = Signing(), list[str]()
    store = Images(aws(registry), tmp_path / "images", notes.append)
    for actions, allowed in ((["ecr:*", "signer:*"], True), (["ecr:*"], False)):
        docker = store.docker(role_checker(allow("Push", actions, "*")), ROLE)
        built = docker(ProgramCall(["build", "--tag", TAG, "."], context))
        digest = built.output.split()[-1]
        assert built == ProgramResult(f"not built, but read: Dockerfile\nwriting image {digest}\n")
        if allowed:
            assert docker(ProgramCall(["push", TAG], context)) == ProgramResult(f"0123: digest: {digest}\n")
        else:
            with pytest.raises(AccessDeniedError, match="signer:"):
                docker(ProgramCall(["push", TAG], context))
    (put, put_arguments), (status, status_arguments) = registry.calls[:2]
    manifest = put_arguments.pop("imageManifest")
    assert (put, put_arguments) == (
        "ecr.put_image",
        {
            "repositoryName": "images",
            "imageTag": "0123",
            "imageDigest": digest,
            "imageManifestMediaType": "application/vnd.docker.distribution.manifest.v2+json",
        },
    )
    pushed = {"repositoryName": "images", "imageId": {"imageDigest": digest}}
    assert (status, status_arguments) == ("ecr.describe_image_signing_status", pushed)
    body = json.loads(manifest)
    assert f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}" == digest
    config = (tmp_path / "images" / digest / "config.json").read_bytes()
    assert body == {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": len(config),
            "digest": f"sha256:{hashlib.sha256(config).hexdigest()}",
        },
        "layers": [],
    }
    dockerfile = hashlib.sha256(GOOD.encode()).hexdigest()
    assert json.loads(config)["history"] == [{"comment": f"sha256:{dockerfile}"}]
    read = "docker build: no engine; the Dockerfile was read as a builder reads it, its files are the image's"
    assert notes == [read, read]


BUILD, SAVE = (
    "docker build needs --tag, a Dockerfile and a context",
    "docker save needs --output and an image that is here",
)


@pytest.mark.parametrize(
    ("words", "error", "status"),
    [
        ("push x:1", "An image does not exist locally with the tag: x:1", 1),
        ("tag x:1 y:1", "No such image: x:1", 1),
        (f"tag {TAG}", "No such image: ", 1),
        ("run x", "docker run is not simulated", 125),
        ("build --tag a:1 gone", f"{BUILD}: ['--tag', 'a:1', 'gone']", 1),
        ("build .", f"{BUILD}: ['.']", 1),
        ("build --file gone --tag a:1 .", f"{BUILD}: ['--file', 'gone', '--tag', 'a:1', '.']", 1),
        (f"save {TAG}", f"{SAVE}: ['{TAG}']", 1),
        ("save --output o x:1", f"{SAVE}: ['--output', 'o', 'x:1']", 1),
    ],
)
def test_what_docker_cannot_do_says_why(tmp_path: Path, context: Path, words: str, error: str, status: int) -> None:
    _, docker = built_image(tmp_path, context, [])
    assert docker(ProgramCall(words.split(), context)) == ProgramResult(error=f"{error}\n", status=status)


def test_a_sign_in_takes_a_password(tmp_path: Path) -> None:
    """And no right of its own: the role asks for the password before."""
    docker = images(tmp_path, PreparedAws()).docker(role_checker(), ROLE)
    for password, result in (
        ("swordfish\n", ProgramResult("Login Succeeded\n")),
        (" \n", ProgramResult(error="no password\n", status=1)),
    ):
        assert docker(ProgramCall(["login", "--password-stdin", "registry"], tmp_path, password)) == result


ENTRY: dict[str, Any] = {"Config": "config", "Layers": [], "RepoTags": []}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "No such file or directory"),
        (b"no archive", "file could not be opened successfully"),
        ({}, "filename 'manifest.json' not found"),
        ({"manifest.json": [ENTRY]}, "filename 'config' not found"),
        ({"config": {"rootfs": {"diff_ids": []}}, "manifest.json": [ENTRY]},
         "it is of no build of a rehearsal with this cache, and others do not run here"),
        ({"config": {}, "manifest.json": [ENTRY]}, "'rootfs'"),
        ({"config": {"rootfs": {"diff_ids": []}}, "layer": "x", "manifest.json": [{**ENTRY, "Layers": ["layer"]}]},
         "its layers are not those of its configuration"),
        ({"manifest.json": None}, "'manifest.json'"),
    ],
)  # fmt: skip
def test_an_archive_that_is_none_of_a_rehearsal_is_refused(
    tmp_path: Path, context: Path, content: Any, problem: str
) -> None:
    file = context / "image.tar"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        with tarfile.open(file, "w") as archive:
            for name, body in content.items():
                member, data = tarfile.TarInfo(name), json.dumps(body).encode()
                if body is None:
                    member.type = tarfile.DIRTYPE
                else:
                    member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    docker = images(tmp_path, PreparedAws()).docker(role_checker(), ROLE)
    loaded = docker(ProgramCall(["load", "--input", "image.tar"], context))
    assert (loaded.status, loaded.output) == (1, "")
    assert loaded.error.startswith("docker load: image.tar: ") and problem in loaded.error


def test_what_nothing_here_does_about_an_image_is_noted(tmp_path: Path) -> None:
    notes: list[str] = []
    hooks = Images(aws(PreparedAws()), tmp_path, notes.append).hooks()
    assert sorted(hooks) == ["ecr.describe_image_scan_findings", "ecr.describe_image_signing_status"]
    for hook in (hooks[name] for name in sorted(hooks)):
        hook({}, {})
    assert notes == [
        "scan of the image: nothing here looks for vulnerabilities; the answer says what is planned",
        "signature of the image: nothing here signs; the answer says with which profile ECR would have",
    ]


def test_images_that_no_task_was_started_from_for_weeks_are_deleted(tmp_path: Path, context: Path) -> None:
    """A task that starts from one keeps it; and a folder that is no image is none of them."""
    store, docker = built_image(tmp_path, context, [])
    docker(ProgramCall(["push", TAG], context))
    [folder] = (tmp_path / "images").glob("sha256:*")
    (tmp_path / "images/other").mkdir()
    deleted: list[Path] = []
    for age, deletes in ((UNUSED_SECONDS - 60, False), (UNUSED_SECONDS + 60, True)):
        for path in (folder, tmp_path / "images/other"):
            os.utime(path, (time.time() - age,) * 2)
        store.delete_unused(deleted.append)
        assert deleted == ([folder] if deletes else [])
    store.pull(TAG)
    deleted.clear()
    store.delete_unused(deleted.append)
    assert deleted == []


def test_an_image_that_the_registry_refuses_cannot_be_pulled(tmp_path: Path) -> None:
    error = AwsError("ecr.batch_get_image", "RepositoryNotFoundException", "there is no repository images")
    with pytest.raises(ActionFailedError) as failed:
        images(tmp_path, PreparedAws({"ecr.batch_get_image": error})).pull(TAG)
    assert str(failed.value) == f"CannotPullContainerError: {TAG}: there is no repository images"


@pytest.mark.parametrize(
    ("uri", "repository"),
    [
        ("registry/images:1", "images"),
        ("registry/team/images:1", "team/images"),
        ("registry/images@sha256:0", "images"),
        ("registry/images:1@sha256:0", "images"),
    ],
)
def test_the_repository_of_an_image_is_in_its_name(uri: str, repository: str) -> None:
    assert repository_of(uri) == repository


@pytest.mark.parametrize(
    ("file", "answering", "result"),
    [
        (None, "docker", None),
        ({"engine": "docker", "id": "sha256:9"}, "docker", "sha256:9"),
        ({"engine": "podman", "id": "sha256:9"}, "docker", None),
        ({"engine": "docker", "id": "sha256:9"}, None, None),
        ({"engine": "docker", "id": ""}, "docker", None),
    ],
)
def test_a_task_is_a_container_of_the_engine_that_built_its_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: Any, answering: str | None, result: str | None
) -> None:
    notes: list[str] = []
    store = Images(aws(PreparedAws()), tmp_path, notes.append)
    image = Image(TAG, "sha256:1", Container(), "{}", tmp_path / "sha256:1/files")
    (tmp_path / "sha256:1").mkdir()
    if file:
        (tmp_path / "sha256:1/engine.json").write_text(json.dumps(file))
    engine = Engine(answering, f"/usr/bin/{answering}") if answering else None
    monkeypatch.setattr(images_module, "find_engine", lambda: engine)
    assert store.built(image) == ((engine, result) if result else None)
    gone = [f"docker run, not looked at: no {file['engine']} that has the image; it runs as a process"] if file else []
    assert notes == ([] if result else gone)


def test_what_an_engine_builds_and_is_not_understood_here_is_an_image_all_the_same(
    tmp_path: Path, context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another Dockerfile is another image, and the engine knows what a container of it starts."""
    program = tmp_path / "docker"
    program.write_text('#!/bin/sh\nprintf "sha256:9\\n" > "$3"\necho built\necho warned >&2\n', encoding="utf-8")
    program.chmod(0o755)
    engine = Engine("docker", str(program))
    monkeypatch.setattr(images_module, "find_engine", lambda: engine)
    notes: list[str] = []
    store = Images(aws(Registry()), tmp_path / "images", notes.append)
    docker = store.docker(role_checker(allow("Push", ["ecr:*"], "*")), ROLE)
    digests = set()
    for text in ("FROM python:3.11\nCOPY gone .\n", "FROM python:3.12\nCOPY gone .\n"):
        (context / "Dockerfile").write_text(text)
        assert docker(ProgramCall(["build", "--tag", TAG, "."], context)) == ProgramResult("built\nwarned\n")
        assert docker(ProgramCall(["push", TAG], context)).status == 0
        image = store.pull(TAG)
        digests.add(image.digest)
        assert image.container.command == ["unknown"]
        assert store.built(image) == (engine, "sha256:9")
    assert len(digests) == 2
    problem = "an engine built what is not understood here: Dockerfile:2: COPY gone: the context has no such file"
    assert notes[:2] == [
        f"docker build: {problem}\nDockerfile: there is no CMD, so a task would end at once",
        "docker push: the image was really built; its manifest was registered, its layers stay here",
    ]
