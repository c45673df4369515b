"""Renews the tools of the backend's build: their newest versions, with the hashes of their wheels, in the buildspec.

`python -m scripts.pin_tools` writes each list between the lines `<<'NAME'` and `NAME` of `buildspecs/backend.yml`.
Where the packages come from is this machine's own configuration of pip, and the buildspec names no place: whatever
index a build asks, only these files are installed. Wheels are taken for the Python versions that a parameter offers, on
Linux, where builds run, and on macOS, where releases are rehearsed. A version that has wheels for some of these Python
versions alone has a marker that names them, and the others get one of their own. `python -m scripts.pin_tools NAME`
renews one list.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

BUILDSPEC = Path(__file__).resolve().parents[1] / "buildspecs/backend.yml"
LISTS = {
    "TOOLS": ("flake8", "bandit", "pip"),
    "TESTERS": ("coverage", "pytest", "pytest-asyncio"),
    "UV": ("uv",),
    "POETRY": ("poetry", "poetry-plugin-export"),
}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# Tags of one platform go together: a wheel has one of them (PyPA specifications, platform compatibility tags). The
# first is the one for which wheels are the fewest: its newest versions are taken.
PLATFORMS = (
    ("macosx_10_13_x86_64", "macosx_10_9_x86_64"),
    ("macosx_11_0_arm64",),
    ("manylinux_2_28_aarch64", "manylinux2014_aarch64"),
    ("manylinux_2_28_x86_64", "manylinux2014_x86_64"),
)


class PinError(Exception):
    """The tools cannot be pinned; the message says why."""


def main(names: Sequence[str] = ()) -> int:
    """Renews the buildspec, or some of its lists; returns the exit status."""
    try:
        text = BUILDSPEC.read_text(encoding="utf-8")
        changed = text
        if unknown := sorted(set(names) - set(LISTS)):
            raise PinError(f"there is no list {', '.join(unknown)}; there are {', '.join(LISTS)}")
        for name in names or LISTS:
            changed = with_list(changed, name, pinned(LISTS[name]))
    except PinError as error:
        print(f"pin_tools: {error}", file=sys.stderr)
        return 1
    BUILDSPEC.write_text(changed, encoding="utf-8")
    print("unchanged" if changed == text else "buildspecs/backend.yml is renewed: run `python -m generator`")
    return 0


def with_list(text: str, name: str, lines: Iterable[str]) -> str:
    """The buildspec with these lines as one of its lists. Raises `PinError` for a text without the place for them."""
    place = re.compile(rf"(<<'{name}'\n)(.*?)(^ *{name}$)", re.S | re.M)
    if len(place.findall(text)) != 1:
        raise PinError(f"the buildspec has no one place for its {name.lower()}, between <<'{name}' and {name}")

    def replaced(match: re.Match[str]) -> str:
        indent = match[3].removesuffix(name)
        return match[1] + "".join(f"{indent}{line}\n" for line in lines) + match[3]

    return place.sub(replaced, text)


def pinned(tools: Iterable[str]) -> list[str]:
    """The tools and what they need, as lines of a requirements file. Raises `PinError`."""
    hashes: dict[str, set[str]] = {}
    pythons: dict[str, list[str]] = {}
    compiled: set[str] = set()
    for python in PYTHONS:
        for requirement, digest, pure in _resolved(tools, python, PLATFORMS[0], deep=True):
            hashes.setdefault(requirement, set()).add(digest)
            pythons.setdefault(requirement, []).append(python)
            compiled |= set() if pure else {requirement}
    for python in PYTHONS if compiled else ():
        for platform in PLATFORMS[1:]:
            own = sorted(requirement for requirement in compiled if python in pythons[requirement])
            for requirement, digest, _ in _resolved(own, python, platform, deep=False):
                hashes[requirement].add(digest)
    return [
        line
        for requirement in sorted(hashes)
        for line in (f"{requirement}{marker(pythons[requirement])} \\", *_continued(sorted(hashes[requirement])))
    ]


def marker(pythons: Sequence[str]) -> str:
    """The environment marker of a requirement for these versions of Python; empty for all that there are. Source:
    dependency specifiers (PyPA specifications)."""
    if list(pythons) == list(PYTHONS):
        return ""
    return " ; " + " or ".join(f'python_version == "{python}"' for python in pythons)


def _continued(digests: list[str]) -> list[str]:
    lines = [f"    --hash=sha256:{digest} \\" for digest in digests]
    return [*lines[:-1], lines[-1].removesuffix(" \\")]


def _resolved(
    requirements: Iterable[str], python: str, platform: tuple[str, ...], *, deep: bool
) -> list[tuple[str, str, bool]]:
    """What pip would install, as `name==version`, SHA-256 and whether the wheel is for every platform; with what it
    needs when `deep`. Source: pip documentation, "Installation Report". Raises `PinError`."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--ignore-installed"]
        command += ["--disable-pip-version-check", "--only-binary", ":all:"]
        command += ["--target", folder, "--report", str(report)]
        command += ["--python-version", python, *(word for tag in platform for word in ("--platform", tag))]
        command += [*([] if deep else ["--no-deps"]), *requirements]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace", check=False
        )
        if done.returncode:
            raise PinError(f"pip finds no wheels for Python {python} on {platform[0]}: {done.stderr.strip()}")
        return [_entry(item) for item in json.loads(report.read_text(encoding="utf-8"))["install"]]


def _entry(item: Mapping[str, dict[str, object]]) -> tuple[str, str, bool]:
    name = re.sub(r"[-_.]+", "-", str(item["metadata"]["name"])).lower()
    archive = item["download_info"]["archive_info"]
    digest = archive["hashes"]["sha256"] if isinstance(archive, dict) else ""
    pure = str(item["download_info"]["url"]).partition("#")[0].endswith("-none-any.whl")
    return f"{name}=={item['metadata']['version']}", str(digest), pure


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
