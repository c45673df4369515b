"""What stands in `buildspecs/`, as the templates carry it.

Buildspecs line by line, so that a change of one line is a one-line diff; what two of them share is a file of its own
beside them, which stands in them as a line `#: NAME.py`. And the digests of the images that the default Dockerfile
starts from, in `base_images.json`, which `python -m scripts.pin_base_image` renews: a tag is a name that its owner may
give to another image at any time, and a digest is the image itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from troposphere import Join

from generator.core.names import PYTHON_VERSIONS
from generator.core.ports import PYTHON_VERSION

# Without pathlib, whose import would be a twentieth of rendering.
FOLDER = __file__.rpartition("generator")[0] + "buildspecs"
SHARED = re.compile(r"( *)#: (\w+\.py)")


def inline(name: str) -> Join:
    """The text of `buildspecs/<name>.yml` as lines. Raises `FileNotFoundError` naming the file."""
    return Join("\n", list(lines(f"{name}.yml")))


def lines(file: str) -> Iterator[str]:
    """The lines of a file of that folder, with those of the files that it names. Raises `FileNotFoundError`."""
    with open(f"{FOLDER}/{file}", encoding="utf-8") as text:  # noqa: PTH123
        for line in text.read().splitlines():
            shared = SHARED.fullmatch(line)
            if shared is None:
                yield line
                continue
            for inner in lines(shared[2]):
                yield f"{shared[1]}{inner}" if inner else ""


def digests(image: str) -> str:
    """The digest of an image for each version of Python, as `3.11=sha256:... 3.12=sha256:...`; a version whose image
    has none is left out, and the gate's rule BUI004 finds that. `${PythonVersion}` in `image` is the version."""
    with open(f"{FOLDER}/base_images.json", encoding="utf-8") as file:  # noqa: PTH123
        pins = json.load(file)
    names = {version: image.replace(f"${{{PYTHON_VERSION.name}}}", version) for version in PYTHON_VERSIONS}
    return " ".join(f"{version}={pins[name]}" for version, name in names.items() if name in pins)
