"""The stand-in for Docker finds what a build would stumble over."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from scripts.rehearsal.builds.images import Images
from scripts.rehearsal.builds.programs import ProgramCall
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
    docker = images(tmp_path, PreparedAws()).docker(role_checker(), ROLE)
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
