"""A headless Chromium without any network beyond loopback: every other name is one that does not exist."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Without these it looks for its maker's hosts at every start.
QUIET = ("gpu", "quic", "background-networking", "component-update", "sync", "extensions", "dev-shm-usage")
LOOPBACK_ONLY = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
OPTIONS = (
    *("--headless", "--no-sandbox", "--no-first-run", "--hide-scrollbars"),
    *(f"--disable-{name}" for name in QUIET),
    LOOPBACK_ONLY,
)
SECONDS = 180


def find() -> str | None:
    """The browser's path; None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="module")
def chromium() -> str:
    browser = find()
    if browser is None:
        pytest.skip("no Chromium on this machine: install the package chromium")
    return browser


def run(browser: str, profile: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs the browser once, with a profile folder of its own; what it writes."""
    command = [browser, *OPTIONS, f"--user-data-dir={profile}", "--virtual-time-budget=5000", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    return done
