"""The screenshots of `docs/reviewing.md`: `.venv/bin/python -m tests.review.screenshots`, where there is a Chromium.

Each is the page that `delivery review base --format html` gives for one of the seeded pull requests of
`tests/support/pull_requests.py`. Look at them before they are committed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from scripts.review import revision
from scripts.review.command import review
from scripts.review.html import page
from tests.conftest import ROOT
from tests.support import browser
from tests.support.pull_requests import PULL_REQUESTS, checkout_of, judged

FOLDER = ROOT / "docs/screenshots"
# The pull requests that are shown, with the width and height of the window.
SHOWN = {
    "right_broadened_in_a_rename": (1000, 680),
    "replaced_bucket": (1000, 1010),
    "parameters_only": (390, 900),  # a phone
}


def main() -> int:
    """Writes each screenshot; 1 without a Chromium."""
    chromium = browser.find()
    if chromium is None:
        print("There is no chromium on PATH.", file=sys.stderr)
        return 1
    FOLDER.mkdir(exist_ok=True)
    for name, (width, height) in SHOWN.items():
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            checkout = checkout_of(ROOT, folder / "checkout")
            PULL_REQUESTS[name](checkout)
            judged(checkout, name)
            html = folder / "review.html"
            html.write_text(page(review(checkout, "base"), revision.read(checkout, "").templates), encoding="utf-8")
            target = FOLDER / f"{name}.png"
            window = f"--window-size={width},{height}"
            browser.run(chromium, folder / "profile", window, f"--screenshot={target}", html.as_uri())
            print(f"{target.relative_to(ROOT)}: {target.stat().st_size // 1024} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
