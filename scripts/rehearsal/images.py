"""Images: `docker` as builds see it. It checks the Dockerfile and its context, keeps the context, from which a task is
started, and registers what is pushed in the registry.

Where a Docker engine answers, the image is really built too; without one the report says that it was not. A push goes
to the registry's API only: the AWS of this machine holds manifests and no layers.
"""

import hashlib
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.deployment.aws import Aws
from scripts.rehearsal.errors import Failed
from scripts.rehearsal.permissions import Judge
from scripts.rehearsal.programs import Answer, Ask

MEDIA = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
MODULE = re.compile(r"\b[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True)
class Image:
    """A built image: its tag, the digest of its context, and the module that its command serves."""

    uri: str
    digest: str
    module: str


@dataclass(frozen=True)
class Images:
    """The images of this machine, by their tag, kept between rehearsals."""

    aws: Aws
    folder: Path
    note: Callable[[str], None]

    def find(self, uri: str) -> tuple[Image, Path] | None:
        """An image that was pushed, and its context."""
        held = self._place(uri)
        if not (held / "pushed").exists():
            return None
        return Image(**json.loads((held / "image.json").read_text(encoding="utf-8"))), held / "context"

    def docker(self, judge: Judge, role: str) -> Callable[[Ask], Answer]:
        """`docker` in the name of a build's role."""

        def run(ask: Ask) -> Answer:
            command, *words = ask.arguments
            if command == "build":
                return self._build(words, ask.folder)
            if command == "login":
                judge.need(role, "docker login", {})
                return Answer("Login Succeeded\n") if ask.input.strip() else Answer(error="no password\n", status=1)
            if command == "push":
                return self._push(words[-1], judge, role)
            return Answer(error=f"docker {command} is not imitated\n", status=125)

        return run

    def _build(self, words: list[str], folder: Path) -> Answer:
        context = folder / words[-1]
        options = dict(zip(words[:-1:2], words[1:-1:2], strict=False))
        file, tag = (folder / options.get("--file", "Dockerfile"), options.get("--tag", ""))
        if not tag or not file.is_file() or not context.is_dir():
            return Answer(error=f"docker build needs --tag, a Dockerfile and a context: {words}\n", status=1)
        lines = instructions(file.read_text(encoding="utf-8"))
        faults = list(problems(lines, context))
        if faults:
            return Answer(error="".join(f"{file.name}: {fault}\n" for fault in faults), status=1)
        docker = engine()
        if docker:
            built = subprocess.run([docker, "build", *words], cwd=folder, capture_output=True, text=True, check=False)
            if built.returncode:
                return Answer(built.stdout, built.stderr, built.returncode)
        held = self._place(tag)
        shutil.rmtree(held, ignore_errors=True)
        shutil.copytree(context, held / "context")
        digest = hashlib.sha256(file.read_bytes())
        for path in sorted(path for path in context.rglob("*") if path.is_file()):
            digest.update(str(path.relative_to(context)).encode() + b"\0" + path.read_bytes())
        module = next((found[0] for name, rest in lines if name == "CMD" and (found := MODULE.search(rest))), "")
        image = Image(tag, f"sha256:{digest.hexdigest()}", module)
        (held / "image.json").write_text(json.dumps(asdict(image)), encoding="utf-8")
        if docker:
            self.note("docker push: the image was really built; its manifest was registered, its layers stay here")
            return Answer(built.stdout, built.stderr)
        self.note("docker build: no engine; Dockerfile and context were checked, the context stands for the image")
        return Answer(
            f"stand-in: {len(lines)} instructions and their context are sound\nwriting image {image.digest}\n"
        )

    def _push(self, tag: str, judge: Judge, role: str) -> Answer:
        held = self._place(tag)
        name, _, version = tag.partition("/")[2].rpartition(":")
        if not (held / "image.json").exists():
            return Answer(error=f"An image does not exist locally with the tag: {tag}\n", status=1)
        judge.need(role, "docker push", {}, name)
        layer = {
            "mediaType": CONFIG,
            "size": 1,
            "digest": json.loads((held / "image.json").read_text("utf-8"))["digest"],
        }
        manifest = json.dumps({"schemaVersion": 2, "mediaType": MEDIA, "config": layer, "layers": []})
        digest = f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
        given = {"repositoryName": name, "imageTag": version, "imageManifest": manifest, "imageDigest": digest}
        self.aws.call("ecr", "put_image", **given, imageManifestMediaType=MEDIA)
        (held / "pushed").touch()
        return Answer(f"{version}: digest: {digest}\n")

    def _place(self, uri: str) -> Path:
        return self.folder / hashlib.sha256(uri.encode()).hexdigest()[:16]


def engine() -> str | None:
    """The real `docker`, where an engine answers it; its client alone builds nothing."""
    docker = shutil.which("docker")
    if docker is None:
        return None
    asked = [docker, "version", "--format", "{{.Server.Version}}"]
    answers = subprocess.run(asked, capture_output=True, timeout=30, check=False).returncode == 0
    return docker if answers else None


def instructions(text: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, continued lines joined (Dockerfile reference)."""
    joined = re.sub(r"\\\n", " ", "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")))
    words = (line.strip().split(None, 1) for line in joined.splitlines() if line.strip())
    return [(one[0].upper(), one[1] if len(one) > 1 else "") for one in words]


def problems(lines: list[tuple[str, str]], context: Path) -> list[str]:
    """What a build would stumble over: no FROM, no command, files that the context does not have."""
    names = [name for name, _ in lines]
    found = [] if "FROM" in names else ["there is no FROM"]
    found += [] if {"CMD", "ENTRYPOINT"} & set(names) else ["there is no CMD, so a task would end at once"]
    for name, rest in lines:
        if name in ("COPY", "ADD") and "--from=" not in rest:
            words = json.loads(rest) if rest.startswith("[") else shlex.split(rest)
            for source in [word for word in words if not word.startswith("--")][:-1]:
                known = source.startswith("http") or "$" in source or (context / source.lstrip("/")).exists()
                if not known and not any(context.glob(source.lstrip("/"))):
                    found.append(f"{name} {source}: the context has no such file")
    return found


def module_of(image: Image) -> str:
    """The ASGI module that an image serves. Raises `Failed` when its command names none."""
    if not image.module:
        raise Failed(f"{image.uri}: its CMD names no module like app.main:app, so a rehearsal cannot start it")
    return image.module
