"""Whether the gate has already passed for exactly what lies here: a digest of everything that its answer depends on.

cfn-lint, nearly all of the gate's time, judges a template by itself and by those that it nests. So each template has an
entry of its own, and a gate that has to run again gives cfn-lint only what has changed.

Asked on every run, so it must cost next to nothing: the tools' versions are read from the names of their `.dist-info`
folders, because importing `importlib.metadata` alone takes longer than all the rest.
"""

import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

CACHE = Path(".cache/gate.json")
PAGES = ("docs/permissions.md", "docs/parameters.md")
SOURCES = ("generator/**/*.py", "setup.cfg", "params/*.json", "buildspecs/*", "templates/*.json", *PAGES)
NESTS = b'"AWS::CloudFormation::Stack"'
TOOLS = ("troposphere", "awacs", "cfn_lint")


def digest(root: Path, sources: Iterable[str] = SOURCES) -> str:
    """SHA-256 over names and bytes of the sources, and the versions of Python and the tools."""
    sha = hashlib.sha256(f"python {sys.version}\n".encode())
    for tool in TOOLS:
        installed = sorted(info.name for folder in sys.path for info in Path(folder).glob(f"{tool}-*.dist-info"))
        sha.update(f"{tool} {installed}\n".encode())
    for file in sorted({file for pattern in sources for file in root.glob(pattern) if file.is_file()}):
        content = file.read_bytes()
        sha.update(f"{file.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    return sha.hexdigest()


def is_fresh(root: Path) -> bool:
    """Whether `remember` was called for the same digest. A cache that cannot be read is not fresh."""
    return _read(root).get("passed") == digest(root)


def remember(root: Path) -> None:
    """Writes down that the gate passed for what lies here now; call it only then."""
    _write(root, "passed", digest(root))


def unlinted(root: Path) -> list[str]:
    """The names of the templates' files for which `remember_linted` was not called as they are now."""
    cache = _read(root).get("linted")
    linted = cache if isinstance(cache, dict) else {}
    return [name for name, judged in _judged(root).items() if linted.get(name) != judged]


def remember_linted(root: Path, found: Iterable[str] = ()) -> None:
    """Writes down that cfn-lint found nothing in any template but those named; call it only then."""
    _write(root, "linted", {name: judged for name, judged in _judged(root).items() if name not in found})


def _judged(root: Path) -> dict[str, str]:
    """A digest of all that cfn-lint judges each template by: what nests others is judged by all of them."""
    files = sorted(root.glob("templates/*.json"))
    sources = {file.name: "*.json" if NESTS in file.read_bytes() else file.name for file in files}
    return {name: digest(root, ("generator/gate/lint.py", f"templates/{one}")) for name, one in sources.items()}


def _read(root: Path) -> dict[str, Any]:
    try:
        cache = json.loads((root / CACHE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return cache if isinstance(cache, dict) else {}


def _write(root: Path, what: str, value: Any) -> None:
    file = root / CACHE
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(_read(root) | {what: value}) + "\n", encoding="utf-8")
