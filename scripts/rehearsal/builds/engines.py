"""Container engines of this machine: docker, podman or buildah, for what only a real one can know.

Sources: docker-build, docker-run and docker-image-inspect (Docker CLI reference); podman-build(1), podman-run(1),
podman-image-inspect(1); buildah-build(1), buildah-run(1), buildah-inspect(1). All three build with the same words.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.rehearsal.runtime.toolchains import tool_environment

QUESTIONS = {"docker": ("version", "--format", "{{.Server.Version}}"), "podman": ("info",), "buildah": ("info",)}
ANSWER_SECONDS = 30
# What builders say of a base image whose registry does not answer: BuildKit (moby/buildkit issue 3532), podman and
# buildah 1.28. A registry that answers, and has no such image, is something else.
UNREACHED = re.compile(
    r"^.*(failed to do request|pinging container registry).*"
    r"(dial tcp|no such host|i/o timeout|TLS handshake timeout|connection re(fused|set)).*$",
    re.M,
)


@dataclass(frozen=True)
class Engine:
    """An engine that answers: what it is called, and its program."""

    name: str
    program: str

    def build(self, words: Sequence[str], folder: Path, id_file: Path) -> "subprocess.CompletedProcess[str]":
        """Builds an image; its id is then in `id_file`."""
        return self._run("build", "--iidfile", str(id_file), *words, folder=folder)

    def configuration(self, image: str) -> dict[str, Any] | None:
        """What an image says about its containers, in the words of the OCI image specification (`Env`, `Entrypoint`,
        `Cmd`); none where the engine does not have it any more."""
        words = ("inspect", "--type", "image", image) if self.name == "buildah" else ("image", "inspect", image)
        done = self._run(*words, timeout=ANSWER_SECONDS)
        if done.returncode:
            return None
        answer = json.loads(done.stdout)
        return dict(answer["OCIv1"]["config"] if self.name == "buildah" else answer[0]["Config"])

    def quietly(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Runs something short, and gives its status and what it said."""
        return self._run(*words, timeout=ANSWER_SECONDS)

    def _run(
        self, *words: str, folder: Path | None = None, timeout: float | None = None
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self.program, *words],
            cwd=folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            check=False,
        )


def unreached_registry(output: str) -> str:
    """The line in which a builder says that the registry of a base image does not answer; empty when it does not."""
    match = UNREACHED.search(output)
    return match[0].strip() if match else ""


def environment() -> dict[str, str]:
    """What an engine's client needs of the user's environment."""
    return tool_environment("DOCKER_", "CONTAINER_", "CONTAINERS_", "BUILDAH_", "XDG_RUNTIME_DIR")


def engines() -> Iterator[Engine]:
    """The engines that answer that they can build, docker first: its client alone cannot."""
    for name, question in QUESTIONS.items():
        program = shutil.which(name)
        if program and Engine(name, program).quietly(*question).returncode == 0:
            yield Engine(name, program)


def find_engine() -> Engine | None:
    """The engine that a rehearsal uses."""
    return next(engines(), None)
