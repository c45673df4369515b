"""`python -m tests.bench.edited COPY`: edits one stack of a copy of the checkout, back and forth, and runs the gate
there as `make templates` does."""

import subprocess
import sys
from pathlib import Path

STACK = Path("generator/stacks/site.py")
SENTENCES = ("The built frontend; every release is a version.", "The built frontend; each release is a version.")


def edit(copy: Path) -> None:
    """Changes the sentence of a resource: other bytes, the same parameters and outputs."""
    source = copy / STACK
    text = source.read_text(encoding="utf-8")
    before, after = SENTENCES if SENTENCES[0] in text else SENTENCES[::-1]
    assert before in text
    source.write_text(text.replace(before, after), encoding="utf-8")


if __name__ == "__main__":
    edit(Path(sys.argv[1]))
    sys.exit(subprocess.run([sys.executable, "-m", "generator", "--gate"], cwd=sys.argv[1]).returncode)
