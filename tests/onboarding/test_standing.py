"""What somebody has corrected by hand is never overwritten without a word."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from scripts.deployment.errors import RefusedError
from scripts.onboarding.facts import Application
from scripts.onboarding.reading import read_application
from scripts.onboarding.source import application_source
from scripts.onboarding.standing import FACTS, Decision, Standing, decide, marked, read_standing
from scripts.onboarding.writing import _keep, _left_behind
from tests.conftest import ROOT
from tests.support.onboarding import folder

BY_HAND = f"{FACTS} was written or corrected by hand, and the application says something else"


@pytest.fixture
def application(tmp_path: Path) -> Application:
    return read_application(folder(tmp_path))


@pytest.fixture
def checkout(tmp_path: Path, application: Application) -> Path:
    """A checkout with the facts of the shop, as they were written."""
    checkout = tmp_path / "checkout"
    (checkout / "generator").mkdir(parents=True)
    put(checkout, text_of(application))
    return checkout


def put(checkout: Path, text: str) -> None:
    (checkout / FACTS).write_text(text, encoding="utf-8")


def text_of(application: Application) -> str:
    return marked(application_source(application, ()))


def correct(checkout: Path) -> None:
    text = (checkout / FACTS).read_text(encoding="utf-8")
    put(checkout, text.replace("port=8000", "port=9000"))


def test_the_same_again_is_the_same(checkout: Path, application: Application) -> None:
    assert decide(checkout, application, text_of(application)) is Decision.SAME


def test_what_nobody_corrected_follows_the_application(checkout: Path, application: Application) -> None:
    application.port = 9000
    assert decide(checkout, application, text_of(application)) is Decision.WRITE


def test_a_correction_stays_while_the_application_says_the_same(checkout: Path, application: Application) -> None:
    correct(checkout)
    assert decide(checkout, application, text_of(application)) is Decision.CORRECTED


def test_a_correction_is_not_lost_when_the_application_changes(checkout: Path, application: Application) -> None:
    correct(checkout)
    application.health_path = "/alive"
    with pytest.raises(RefusedError) as error:
        decide(checkout, application, text_of(application))
    first, *lines = error.value.reason.splitlines()
    assert first == f"{BY_HAND}; nothing was written:"
    assert "  -        port=9000," in lines and '  +        health_path="/alive",' in lines
    assert error.value.remedy == (
        "Take over by hand what is right (+), and leave the rest; or lose the lines with - by `onboard --replace`."
    )
    assert decide(checkout, application, text_of(application), replace=True) is Decision.WRITE


def test_facts_that_somebody_wrote_are_a_correction_too(checkout: Path, application: Application) -> None:
    put(checkout, application_source(application, ()).replace("port=8000", "port=9000"))
    with pytest.raises(RefusedError, match=f"^{BY_HAND}; nothing was written:"):
        decide(checkout, application, text_of(application))


def test_another_applications_facts_go_when_they_are_in_a_commit(checkout: Path, application: Application) -> None:
    other = (ROOT / FACTS).read_text(encoding="utf-8")
    put(checkout, other)
    git = ["git", "-C", str(checkout), "-c", "user.name=x", "-c", "user.email=x@shop.test"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *words], check=True)
    assert decide(checkout, application, text_of(application)) is Decision.WRITE
    put(checkout, other.replace("port=8000", "port=9000"))
    with pytest.raises(RefusedError, match=f"^{FACTS} has changes that are in no commit; nothing was written:"):
        decide(checkout, application, text_of(application))


def test_facts_that_are_no_python_have_no_name(checkout: Path) -> None:
    put(checkout, "APPLICATION = (")
    standing = read_standing(checkout)
    assert standing == Standing("APPLICATION = (", "", "", "")
    facts, _, _, stacks, _ = _left_behind(standing, checkout)
    assert stacks.startswith("its stacks the former application-ENVIRONMENT")
    _keep(standing, checkout)
    copy = facts.removeprefix("the facts of the former application: ")
    assert (checkout / copy).read_text(encoding="utf-8") == standing.text


def test_of_many_lines_that_differ_forty_are_shown(checkout: Path, application: Application) -> None:
    correct(checkout)
    text = (checkout / FACTS).read_text(encoding="utf-8")
    for count, more in ((40, []), (41, ["  ... and 1 more lines"])):
        added = "".join(f"# {number}\n" for number in range(count - 1))
        application.port = 9000  # what was corrected is then what the application says
        put(checkout, text.replace("from generator", f"{added}from generator", 1))
        with pytest.raises(RefusedError) as error:
            decide(checkout, application, text_of(application).replace("from generator", "# new\nfrom generator", 1))
        first, *lines = error.value.reason.splitlines()
        assert first == f"{BY_HAND}; nothing was written:" and lines[40:] == more
        assert len(lines) == 40 + len(more)
