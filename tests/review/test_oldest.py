"""The longest change there can be: the first set of templates that had parameter files, against the one of today.

`oldest.tar.xz` holds `templates/` and `params/` of commit 5bf4215, as `git archive` gives them: a clone need not have
the history for it.
"""

from __future__ import annotations

import re
import shutil
import tarfile
from pathlib import Path

import pytest

from scripts.review.command import review
from scripts.review.markdown import LIMIT, markdown
from tests.conftest import ROOT
from tests.support.pull_requests import commit

OLDEST = Path(__file__).parent / "oldest.tar.xz"
FOLDERS = ("templates", "params")


def put_oldest(folder: Path) -> None:
    for name in FOLDERS:
        shutil.rmtree(folder / name)
    with tarfile.open(OLDEST) as archive:
        archive.extractall(folder, filter="data")


def put_newest(folder: Path) -> None:
    for name in FOLDERS:
        shutil.rmtree(folder / name)
        shutil.copytree(ROOT / name, folder / name)


@pytest.fixture
def grown(checkout: Path) -> Path:
    """From the oldest to the newest."""
    put_oldest(checkout)
    commit(checkout)
    put_newest(checkout)
    return checkout


@pytest.fixture
def rolled_back(checkout: Path) -> Path:
    """From the newest to the oldest."""
    put_oldest(checkout)
    return checkout


@pytest.mark.parametrize("change", ["grown", "rolled_back"])
def test_a_review_of_everything_fits_into_a_comment(change: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(change)
    changes = review(folder, "base")
    text = markdown(changes)
    assert 10_000 < len(text) <= LIMIT == 60_000
    # The verdict stands first, whole; what is left out further down is counted, with the command that shows it.
    whole = markdown(changes, 10**9)
    assert len(whole) > LIMIT and text.splitlines()[:5] == whole.splitlines()[:5]
    assert re.search(r"\d+ lines are left out here; the whole is shown by `delivery review base`", text)
    for environment in ("local", "staging", "production"):
        assert environment in text.splitlines()[0]
