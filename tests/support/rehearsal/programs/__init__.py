"""Programs for builds whose own work is not the point: a release with them takes seconds."""

from __future__ import annotations

import sys
from pathlib import Path

BACKEND = Path(__file__).with_name("backend.py")

# Reports are written and nothing is installed, however isolated Python is asked to be; the application is started as
# `backend.py`, which looks at its files.
PYTHON = f"""#!/bin/sh
isolated=
[ "$1" != -I ] || {{ isolated=-I; shift; }}
case "$1:$2" in
  -m:pip|-m:flake8|-m:bandit) exit 0 ;;
  -m:venv) for folder; do :; done; mkdir -p "$folder/bin"; cp "$0" "$folder/bin/python"; exit 0 ;;
  -m:coverage) if [ "$3" = xml ]; then echo '<coverage/>' > "$5"; exit 0; fi; exit 5 ;;
  */release-import.py:*) exit 0 ;;
esac
exec "{sys.executable}" $isolated "$@"
"""
UVICORN = f"""#!/bin/sh
exec "{sys.executable}" "{BACKEND}" "$@"
"""
NPM = """#!/bin/sh
[ "$1 $2" = "run build" ] || exit 0
[ ! -f build.sh ] || sh build.sh
mkdir -p build/static/js
cp public/* build/
echo "// nothing" > build/static/js/main.01234567.js
"""


def lay(folder: Path) -> Path:
    """Fills a folder with the programs."""
    folder.mkdir(parents=True)
    for name, text in {"python": PYTHON, "python3": PYTHON, "npm": NPM, "uvicorn": UVICORN}.items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder
