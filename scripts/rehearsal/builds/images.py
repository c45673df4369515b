"""Images: `docker` as builds see it. It reads the Dockerfile as a builder does, keeps the files of the image, from
which a task is started, and registers what is pushed.

Where docker, podman or buildah answers, the image is really built too; without one the report says that it was not. A
push goes to the registry's API only: the local AWS keeps manifests and no layers. So an image exists as long as its
registry has its manifest, whose digest is the name of its folder here.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError
from scripts.rehearsal.builds.container import Container, build
from scripts.rehearsal.builds.dockerfile import DockerfileError
from scripts.rehearsal.builds.programs import ProgramCall, ProgramResult
from scripts.rehearsal.errors import ActionFailedError
from scripts.rehearsal.permissions import PermissionChecker
from scripts.rehearsal.runtime.toolchains import tool_environment

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
UNUSED_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True)
class Image:
    """A built image: its name, the digest of its manifest, its files, and what a container of it starts."""

    uri: str
    digest: str
    container: Container
    manifest: str
    files: Path


@dataclass(frozen=True)
class Images:
    """The images that builds of this rehearsal built, and the files of all that were pushed, in `folder`."""

    aws: Aws
    folder: Path
    note: Callable[[str], None]
    built: dict[str, Image] = field(default_factory=dict)

    def pull(self, uri: str) -> Image:
        """An image that the registry has. Raises `ActionFailedError` as ECS words it."""
        name, identity = _parts(uri)
        try:
            answer = self.aws.call("ecr", "batch_get_image", repositoryName=name, imageIds=[identity])
        except AwsError as error:
            raise ActionFailedError(f"CannotPullContainerError: {uri}: {error.message}") from error
        if not answer["images"]:
            raise ActionFailedError(f"CannotPullContainerError: {uri}: not found in the registry")
        manifest = answer["images"][0]["imageManifest"]
        digest = _digest(manifest.encode())
        folder = self.folder / digest
        if not (folder / "image.json").exists():
            raise ActionFailedError(
                f"CannotPullContainerError: {uri}: no rehearsal with the cache {self.folder.parent} pushed it; "
                "rehearse with the cache that did, or release again"
            )
        os.utime(folder)
        container = Container(**json.loads((folder / "image.json").read_text(encoding="utf-8")))
        return Image(uri, digest, container, manifest, folder / "files")

    def docker(self, checker: PermissionChecker, role: str) -> Callable[[ProgramCall], ProgramResult]:
        """`docker` in the name of a build's role."""

        def run(call: ProgramCall) -> ProgramResult:
            command, *words = call.arguments
            if command == "build":
                return self._build(words, call.folder)
            if command == "login":
                checker.check_operation(role, "docker login", {})
                if call.input.strip():
                    return ProgramResult("Login Succeeded\n")
                return ProgramResult(error="no password\n", status=1)
            if command == "push":
                return self._push(words[-1], checker, role)
            return ProgramResult(error=f"docker {command} is not simulated\n", status=125)

        return run

    def delete_unused(self, delete: Callable[[Path], None]) -> None:
        """Deletes the files that no task was started from for weeks."""
        for folder in self.folder.glob("sha256:*"):
            if time.time() - folder.stat().st_mtime > UNUSED_SECONDS:
                delete(folder)

    def _build(self, words: list[str], folder: Path) -> ProgramResult:
        context = folder / words[-1]
        options = dict(zip(words[:-1:2], words[1:-1:2], strict=False))
        file, tag = (folder / options.get("--file", "Dockerfile"), options.get("--tag", ""))
        if not tag or not file.is_file() or not context.is_dir():
            return ProgramResult(error=f"docker build needs --tag, a Dockerfile and a context: {words}\n", status=1)
        output, docker = "", find_engine()
        if docker:
            done = subprocess.run(
                [docker, "build", *words],
                cwd=folder,
                env=tool_environment("DOCKER_", "CONTAINERS_", "BUILDAH_", "XDG_RUNTIME_DIR"),
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                return ProgramResult(done.stdout, done.stderr, done.returncode)
            output = done.stdout + done.stderr
        try:
            image = self._keep(tag, file, context)
        except DockerfileError as error:
            return ProgramResult(error=f"{error}\n", status=1)
        self.built[tag] = image
        if docker:
            self.note("docker push: the image was really built; its manifest was registered, its layers stay here")
            return ProgramResult(output)
        self.note("docker build: no engine; the Dockerfile was read as a builder reads it, its files are the image's")
        for unseen in image.container.unseen:
            self.note(f"docker build, not looked at: {unseen}")
        return ProgramResult(f"not built, but read: {file.name}\nwriting image {image.digest}\n")

    def _keep(self, tag: str, file: Path, context: Path) -> Image:
        """Puts the files of an image to where a task can be started from it. Raises `DockerfileError`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder) as work:
            files, container = build(file, context, Path(work))
            content = hashlib.sha256(file.read_bytes())
            for path in sorted(path for path in files.rglob("*") if path.is_file()):
                content.update(str(path.relative_to(files)).encode() + b"\0" + path.read_bytes())
            config = {"mediaType": CONFIG_TYPE, "size": 1, "digest": f"sha256:{content.hexdigest()}"}
            manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": []})
            digest = _digest(manifest.encode())
            image = Image(tag, digest, container, manifest, self.folder / digest / "files")
            if not (self.folder / digest / "image.json").exists():
                shutil.rmtree(self.folder / digest, ignore_errors=True)
                (self.folder / digest).mkdir()
                files.rename(image.files)
                (self.folder / digest / "image.json").write_text(json.dumps(asdict(container)), encoding="utf-8")
        return image

    def _push(self, tag: str, checker: PermissionChecker, role: str) -> ProgramResult:
        if tag not in self.built:
            return ProgramResult(error=f"An image does not exist locally with the tag: {tag}\n", status=1)
        image = self.built[tag]
        name, identity = _parts(tag)
        checker.check_operation(role, "docker push", {}, name)
        self.aws.call(
            "ecr",
            "put_image",
            repositoryName=name,
            imageTag=identity["imageTag"],
            imageManifest=image.manifest,
            imageDigest=image.digest,
            imageManifestMediaType=MANIFEST_TYPE,
        )
        return ProgramResult(f"{identity['imageTag']}: digest: {image.digest}\n")


def find_engine() -> str | None:
    """The real `docker`, `podman` or `buildah`, where one answers that it can build: docker's client alone cannot. All
    three take the same words for a build (docker-build, podman-build(1), buildah-build(1))."""
    questions = {"docker": ("version", "--format", "{{.Server.Version}}"), "podman": ("info",), "buildah": ("info",)}
    for name, question in questions.items():
        program = shutil.which(name)
        if program is None:
            continue
        done = subprocess.run([program, *question], capture_output=True, timeout=30, check=False)
        if done.returncode == 0:
            return program
    return None


def _parts(uri: str) -> tuple[str, dict[str, str]]:
    """The repository and ECR's identity of an image, by `REGISTRY/NAME:TAG` or `REGISTRY/NAME@DIGEST`."""
    path = uri.partition("/")[2]
    if "@" in path:
        name, _, digest = path.partition("@")
        return name.partition(":")[0], {"imageDigest": digest}
    name, _, tag = path.rpartition(":")
    return name, {"imageTag": tag}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
