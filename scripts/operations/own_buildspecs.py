"""The contract of the buildspecs that an application brings, checked in its folder (`docs/buildspecs.md` says it in
words). What a command does is known when it runs; what it has to name, and what the file declares, is known before.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

VERSION = "0.2"
# CodeBuild user guide, build-spec-ref: the phases that a buildspec may have.
PHASES = ("install", "pre_build", "build", "post_build")
# What the pipeline takes from the frontend's build; the output artifacts of its action have these names.
ARTIFACTS = ("FrontendAssets", "FrontendDocuments")
# What the commands of the backend's build have to name, and why.
NAMED = (
    ("release:built", "no image is called release:built"),
    ("release-image.tar", "no image is saved as release-image.tar, which PushImage pushes"),
)


def faults(folder: Path, backend: str, frontend: str, with_image: bool) -> list[str]:
    """Where the two buildspecs of an application do not keep the contract, each with its file; `backend` and
    `frontend` are the folders of the two sides, empty for one that is not built, `with_image` whether the backend is
    deployed as an image."""
    return [
        f"{directory}/buildspec.yml: {what}"
        for directory, side in ((backend, _backend), (frontend, _frontend))
        if directory
        for what in _file(folder / directory, with_image, side)
    ]


def _file(folder: Path, with_image: bool, side: Any) -> Iterator[str]:
    path = folder / "buildspec.yml"
    try:
        body = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        yield "is missing, and BuildspecSource is REPOSITORY"
        return
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        yield f"cannot be read: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        return
    if not isinstance(body, dict):
        yield "has to be a mapping of version, phases and artifacts"
        return
    if str(body.get("version")) != VERSION:
        yield f"version is {body.get('version')}, not {VERSION}"
    phases = body.get("phases")
    if not isinstance(phases, dict) or not any(_commands(phases.get(name)) for name in PHASES):
        yield "no phase has commands"
        return
    if unknown := sorted(str(name) for name in phases if name not in PHASES):
        yield f"phases are {', '.join(PHASES)}, not {', '.join(unknown)}"
    text = "\n".join(line for name in PHASES for line in _commands(phases.get(name)))
    yield from side(text, body.get("artifacts"), with_image)


def _commands(phase: Any) -> list[str]:
    """The commands of a phase, those that run whatever happens among them; none for what is no phase."""
    if not isinstance(phase, dict):
        return []
    lists = [phase.get("commands"), phase.get("finally")]
    return [str(line) for lines in lists if isinstance(lines, list) for line in lines]


def _backend(text: str, artifacts: Any, with_image: bool) -> Iterator[str]:
    if with_image:
        yield from (why for name, why in NAMED if name not in text)
    if not isinstance(artifacts, dict) or "secondary-artifacts" in artifacts:
        yield "has to have one artifact, which the pipeline takes as BackendBuildOutput"
    elif artifacts.get("files") not in ("**/*", ["**/*"]):
        yield "the files of the artifact have to be '**/*', because the folders of the application are in it"
    if "Procfile" not in text and not with_image:
        yield "Elastic Beanstalk starts what a Procfile says, and no command writes one"


def _frontend(text: str, artifacts: Any, with_image: bool) -> Iterator[str]:  # noqa: ARG001  one shape for both sides
    secondary: Mapping[str, Any] = {}
    if isinstance(artifacts, dict) and isinstance(artifacts.get("secondary-artifacts"), dict):
        secondary = artifacts["secondary-artifacts"]
    if set(secondary) != set(ARTIFACTS):
        there = ", ".join(sorted(map(str, secondary))) or "none"
        names = " and ".join(ARTIFACTS)
        yield f"secondary-artifacts have to be {names}, because browsers keep only the first; there are: {there}"
