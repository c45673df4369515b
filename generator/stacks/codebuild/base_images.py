"""The digests of the images that the default Dockerfile starts from: a tag is a name that its owner may give to another
image at any time, and a digest is the image itself.

They stand in `buildspecs/base_images.json`, which `python -m scripts.pin_base_image` renews.
"""

from __future__ import annotations

import json

from generator.core.names import PYTHON_VERSIONS
from generator.core.ports import PYTHON_VERSION
from generator.stacks.codebuild.buildspecs import FOLDER


def digests(image: str) -> str:
    """The digest of an image for each version of Python, as `3.11=sha256:... 3.12=sha256:...`; a version whose image
    has none is left out, and the gate's rule BUI004 finds that. `${PythonVersion}` in `image` is the version."""
    with open(f"{FOLDER}/base_images.json", encoding="utf-8") as file:  # noqa: PTH123
        pins = json.load(file)
    names = {version: image.replace(f"${{{PYTHON_VERSION.name}}}", version) for version in PYTHON_VERSIONS}
    return " ".join(f"{version}={pins[name]}" for version, name in names.items() if name in pins)
