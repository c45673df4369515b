"""Whether the gate has already passed for exactly what lies here: a digest of everything that its answer depends on.

Asked on every run, so it must cost next to nothing: the tools' versions are read from the names of their `.dist-info`
folders, because importing `importlib.metadata` alone takes longer than all the rest.
"""

import hashlib
import json
import sys
from pathlib import Path

MEMO = Path(".cache/gate.json")
PAGES = ("docs/permissions.md", "docs/parameters.md")
SOURCES = ("generator/**/*.py", "setup.cfg", "params/*.json", "buildspecs/*", "templates/*.json", *PAGES)
TOOLS = ("troposphere", "awacs", "cfn_lint")


def digest(root: Path) -> str:
    """SHA-256 over names and bytes of the sources and rendered templates, and the versions of Python and the tools."""
    sha = hashlib.sha256(f"python {sys.version}\n".encode())
    for tool in TOOLS:
        installed = sorted(info.name for folder in sys.path for info in Path(folder).glob(f"{tool}-*.dist-info"))
        sha.update(f"{tool} {installed}\n".encode())
    for file in sorted({file for pattern in SOURCES for file in root.glob(pattern) if file.is_file()}):
        content = file.read_bytes()
        sha.update(f"{file.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    return sha.hexdigest()


def is_fresh(root: Path) -> bool:
    """Whether `remember` was called for the same digest. A memo that cannot be read is not fresh."""
    try:
        memo = json.loads((root / MEMO).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(memo, dict) and memo.get("passed") == digest(root)


def remember(root: Path) -> None:
    """Writes down that the gate passed for what lies here now; call it only then."""
    file = root / MEMO
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"passed": digest(root)}) + "\n", encoding="utf-8")
