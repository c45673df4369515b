"""Images: `docker` as builds see it. It reads the Dockerfile as a builder does, keeps the files of the image, from
which a task is started, saves it as an archive, and registers what is pushed.

Where docker, podman or buildah answers, the image is really built, and tasks are its containers; without one the report
says that it was not. A push goes to the registry's API only: the local AWS keeps manifests and no layers. So an image
exists as long as its registry has its manifest, whose digest is the name of its folder here.

Each build has a daemon of its own, as in CodeBuild: what one built, another has only by its archive, in the form of
`docker save` (Docker Image Specification v1.2, "Combined Image JSON + Filesystem Changeset Format").
"""

import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError
from scripts.rehearsal.builds.container import Container, build
from scripts.rehearsal.builds.dockerfile import DockerfileError
from scripts.rehearsal.builds.engines import Engine, find_engine, unreached_registry
from scripts.rehearsal.builds.programs import ProgramCall, ProgramResult
from scripts.rehearsal.errors import ActionFailedError
from scripts.rehearsal.permissions import PermissionChecker

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
BUILT = "engine.json"  # beside an image's files: which engine has it, and under which id
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
    """The images that builds of rehearsals built, with their files in `folder`."""

    aws: Aws
    folder: Path
    note: Callable[[str], None]

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
        """`docker` in the name of a build's role, with a daemon of its own."""
        daemon: dict[str, Image] = {}

        def run(call: ProgramCall) -> ProgramResult:
            command, *words = call.arguments
            if command == "build":
                return self._build(words, call.folder, daemon)
            if command == "save":
                return self._save(words, call.folder, daemon)
            if command == "load":
                return self._load(words, call.folder, daemon)
            if command == "tag":
                return _tag(words, daemon)
            if command == "login":
                if call.input.strip():
                    return ProgramResult("Login Succeeded\n")
                return ProgramResult(error="no password\n", status=1)
            if command == "push":
                return self._push(words[-1], daemon, checker, role)
            return ProgramResult(error=f"docker {command} is not simulated\n", status=125)

        return run

    def hooks(self) -> dict[str, Callable[[dict[str, Any], dict[str, Any]], None]]:
        """What a build is answered about images that nothing here has done."""
        return {
            "ecr.describe_image_scan_findings": self._note_scan,
            "ecr.describe_image_signing_status": self._note_signature,
        }

    def _note_scan(self, _: dict[str, Any], __: dict[str, Any]) -> None:
        self.note("scan of the image: nothing here looks for vulnerabilities; the answer says what is planned")

    def _note_signature(self, _: dict[str, Any], __: dict[str, Any]) -> None:
        self.note("signature of the image: nothing here signs; the answer says with which profile ECR would have")

    def delete_unused(self, delete: Callable[[Path], None]) -> None:
        """Deletes the files that no task was started from for weeks."""
        for folder in self.folder.glob("sha256:*"):
            if time.time() - folder.stat().st_mtime > UNUSED_SECONDS:
                delete(folder)

    def _build(self, words: list[str], folder: Path, daemon: dict[str, Image]) -> ProgramResult:
        context = folder / words[-1]
        options = _pairs(words[:-1])
        file, tag = (folder / options.get("--file", "Dockerfile"), options.get("--tag", ""))
        if not tag or not file.is_file() or not context.is_dir():
            return ProgramResult(error=f"docker build needs --tag, a Dockerfile and a context: {words}\n", status=1)
        reason = "no engine"
        if engine := find_engine():
            with tempfile.TemporaryDirectory() as temporary:
                id_file = Path(temporary, "id")
                done = engine.build(words, folder, id_file)
                identity = id_file.read_text(encoding="utf-8").strip() if id_file.exists() else ""
            if done.returncode == 0:
                daemon[tag] = self._keep_built(tag, file, context, engine, identity)
                return ProgramResult(done.stdout + done.stderr)
            reason = unreached_registry(done.stdout + done.stderr)
            if not reason:
                return ProgramResult(done.stdout, done.stderr, done.returncode)
        try:
            image = self._keep(tag, file, context)
        except DockerfileError as error:
            return ProgramResult(error=f"{error}\n", status=1)
        daemon[tag] = image
        read = "the Dockerfile was read as a builder reads it, its files are the image's"
        self.note(f"docker build: {reason}; {read}")
        for unseen in image.container.unseen:
            self.note(f"docker build, not looked at: {unseen}")
        return ProgramResult(f"not built, but read: {file.name}\nwriting image {image.digest}\n")

    def built(self, image: Image) -> tuple[Engine, str] | None:
        """The engine of this machine that has built an image, and the image's id there; none without one."""
        file = self.folder / image.digest / BUILT
        if not file.exists():
            return None
        built, engine = json.loads(file.read_text(encoding="utf-8")), find_engine()
        if engine is None or engine.name != built["engine"] or not built["id"]:
            self.note(f"docker run, not looked at: no {built['engine']} that has the image; it runs as a process")
            return None
        return engine, built["id"]

    def _keep_built(self, tag: str, file: Path, context: Path, engine: Engine, identity: str) -> Image:
        """As `_keep`, of an image that an engine has built and knows by an id: what only our reading stumbles over is
        no fault of it."""
        image = self._keep_read(tag, file, context)
        built = {"engine": engine.name, "id": identity}
        (self.folder / image.digest / BUILT).write_text(json.dumps(built), encoding="utf-8")
        self.note("docker push: the image was really built; its manifest was registered, its layers stay here")
        return image

    def _keep_read(self, tag: str, file: Path, context: Path) -> Image:
        try:
            return self._keep(tag, file, context)
        except DockerfileError as error:
            self.note(f"docker build: an engine built what is not understood here: {error}")
            with tempfile.TemporaryDirectory() as empty:
                bare = Path(empty, file.name)
                bare.write_text(f'FROM scratch\nLABEL text={_digest(file.read_bytes())}\nCMD ["unknown"]\n', "utf-8")
                return self._keep(tag, bare, Path(empty))

    def _keep(self, tag: str, file: Path, context: Path) -> Image:
        """Puts the files of an image to where a task can be started from it. Raises `DockerfileError`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder) as work:
            files, container = build(file, context, Path(work))
            layer = _layer(files)
            config = _config(_digest(layer), _digest(file.read_bytes()))
            manifest = _manifest(config)
            digest = _digest(manifest.encode())
            image = Image(tag, digest, container, manifest, self.folder / digest / "files")
            if not (self.folder / digest / "image.json").exists():
                shutil.rmtree(self.folder / digest, ignore_errors=True)
                (self.folder / digest).mkdir()
                files.rename(image.files)
                (self.folder / digest / "config.json").write_bytes(config)
                (self.folder / digest / "image.json").write_text(json.dumps(asdict(container)), encoding="utf-8")
        return image

    def _save(self, words: list[str], folder: Path, daemon: Mapping[str, Image]) -> ProgramResult:
        name, file = words[-1], _pairs(words[:-1]).get("--output", "")
        if name not in daemon or not file:
            return ProgramResult(error=f"docker save needs --output and an image that is here: {words}\n", status=1)
        self.note(
            "bill of materials of the image: of files that are copied into it, and not of what is installed there"
        )
        config, layer = (daemon[name].files.parent / "config.json").read_bytes(), _layer(daemon[name].files)
        paths = {part: f"blobs/sha256/{hashlib.sha256(part).hexdigest()}" for part in (config, layer)}
        entry = {"Config": paths[config], "RepoTags": [name], "Layers": [paths[layer]]}
        with tarfile.open(folder / file, "w") as archive:
            for part, path in (*paths.items(), (json.dumps([entry]).encode(), "manifest.json")):
                member = tarfile.TarInfo(path)
                member.size = len(part)
                archive.addfile(member, io.BytesIO(part))
        return ProgramResult()

    def _load(self, words: list[str], folder: Path, daemon: dict[str, Image]) -> ProgramResult:
        """What an archive holds becomes this daemon's: the image by its configuration, which names its layers."""
        file, output = folder / _pairs(words).get("--input", ""), ""
        try:
            with tarfile.open(file) as archive:
                for entry in json.loads(_member(archive, "manifest.json")):
                    config = _member(archive, entry["Config"])
                    layers = [_digest(_member(archive, path)) for path in entry["Layers"]]
                    if json.loads(config)["rootfs"]["diff_ids"] != layers:
                        raise ValueError("its layers are not those of its configuration")
                    manifest = _manifest(config)
                    home = self.folder / _digest(manifest.encode())
                    if not (home / "image.json").exists():
                        raise ValueError("it is of no build of a rehearsal with this cache, and others do not run here")
                    container = Container(**json.loads((home / "image.json").read_text(encoding="utf-8")))
                    for name in entry["RepoTags"]:
                        daemon[name] = Image(name, home.name, container, manifest, home / "files")
                        output += f"Loaded image: {name}\n"
        except (OSError, tarfile.TarError, ValueError, KeyError, TypeError) as error:
            return ProgramResult(output, f"docker load: {file.name}: {error}\n", 1)
        return ProgramResult(output)

    def _push(self, tag: str, daemon: Mapping[str, Image], checker: PermissionChecker, role: str) -> ProgramResult:
        if tag not in daemon:
            return ProgramResult(error=f"An image does not exist locally with the tag: {tag}\n", status=1)
        image = daemon[tag]
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
        pushed = {"repositoryName": name, "imageId": {"imageDigest": image.digest}}
        for status in self.aws.call("ecr", "describe_image_signing_status", **pushed)["signingStatuses"]:
            checker.check_operation(role, "push that is signed", {"Profile": status["signingProfileArn"]})
        return ProgramResult(f"{identity['imageTag']}: digest: {image.digest}\n")


def _tag(words: list[str], daemon: dict[str, Image]) -> ProgramResult:
    source, target = words if len(words) == 2 else ("", "")
    if source not in daemon:
        return ProgramResult(error=f"No such image: {source}\n", status=1)
    daemon[target] = replace(daemon[source], uri=target)
    return ProgramResult()


def _pairs(words: list[str]) -> dict[str, str]:
    """Options, each with its value."""
    return dict(zip(words[::2], words[1::2], strict=False))


def _layer(files: Path) -> bytes:
    """The files of an image as one layer; the same files give the same bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        for path in sorted(files.rglob("*")):
            member = layer.gettarinfo(path, str(path.relative_to(files)))
            member.mtime, member.uid, member.gid, member.uname, member.gname = 0, 0, 0, "", ""
            if member.isfile():
                with path.open("rb") as content:
                    layer.addfile(member, content)
            elif member.isdir() or member.issym():
                layer.addfile(member)
    return buffer.getvalue()


def _config(layer: str, dockerfile: str) -> bytes:
    """The configuration of an image: its layer, and which Dockerfile made it."""
    system = {"architecture": "amd64", "os": "linux", "config": {}}
    rootfs = {"type": "layers", "diff_ids": [layer]}
    return json.dumps({**system, "history": [{"comment": dockerfile}], "rootfs": rootfs}).encode()


def _manifest(config: bytes) -> str:
    reference = {"mediaType": CONFIG_TYPE, "size": len(config), "digest": _digest(config)}
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": reference, "layers": []})


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    """The content of a file in an archive. Raises `KeyError` without it."""
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(name)
    return file.read()


def repository_of(uri: str) -> str:
    """The name of an image's repository, by `REGISTRY/NAME:TAG` or `REGISTRY/NAME@DIGEST`."""
    return _parts(uri)[0]


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
