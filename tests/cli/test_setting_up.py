"""`scripts/set_up.py` in this process: what is asked of venv and pip, what a person is told, and what lies there in the
end. As a program of its own, killed and beside another one, it is in test_set_up.py."""

from __future__ import annotations

import io
import shlex
import sys
import time
from pathlib import Path

import pytest

from scripts import set_up

# `-m venv FOLDER` makes a folder with this program as its Python; `-m pip` does what the file `pip` says.
PYTHON = """#!/bin/bash
echo "$*" >> {calls}
case "$1 $2" in
  "-c "*) exit 0 ;;
  "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  *) . {pip} ;;
esac
"""
CONFIG = """[options]
install_requires =
    boto3 ~= 1.40

[options.extras_require]
local =
    moto ~= 5.1
    flask
sceptre =
    sceptre ~= 4.7
"""
OPTIONS = "-m pip install --disable-pip-version-check --no-input --progress-bar off"


class Checkout:
    """A folder of which environments are made."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.calls_file, self.pip_file = folder, folder / "calls", folder / "pip"
        folder.mkdir()
        (folder / "setup.cfg").write_text(CONFIG, encoding="utf-8")
        python = folder / "python"
        places = {"calls": shlex.quote(str(self.calls_file)), "pip": shlex.quote(str(self.pip_file))}
        python.write_text(PYTHON.format(**places), encoding="utf-8")
        python.chmod(0o755)
        self.pip("true")

    def pip(self, script: str) -> None:
        """What pip does from now on."""
        self.pip_file.write_text(script, encoding="utf-8")

    def calls(self) -> list[str]:
        """What was run since the last time that somebody asked, but for the looks whether a Python works."""
        lines = self.calls_file.read_text(encoding="utf-8").splitlines() if self.calls_file.exists() else []
        self.calls_file.unlink(missing_ok=True)
        return [line for line in lines if not line.startswith("-c ")]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    checkout = Checkout(tmp_path / "a checkout")
    monkeypatch.setattr(set_up, "PROJECT", checkout.folder)
    monkeypatch.setattr(set_up, "LOG", checkout.folder / ".cache/set-up.log")
    monkeypatch.setattr(set_up.requirements, "__defaults__", (checkout.folder / "setup.cfg",))
    monkeypatch.setattr(sys, "executable", str(checkout.folder / "python"))
    return checkout


def marks(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_our_environment_gets_the_checkout_and_every_other_one_its_own_requirements(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout.pip('echo "Collecting boto3"')
    own, other = checkout.folder / ".venv", checkout.folder / ".venv-sceptre"
    assert set_up.main([".venv", "local", "test"]) == 0
    editable = "--use-pep517 --config-settings editable_mode=compat --editable"
    assert checkout.calls() == [f"-m venv {own}", f"{OPTIONS} {editable} {checkout.folder}[local,test]"]
    assert marks(own) == {"bin", "ready", "local", "test"}
    assert capsys.readouterr() == ("", "setting up .venv\n.venv is ready (0 s)\n")
    assert set_up.main([".venv"]) == 0  # what is there is completed
    assert checkout.calls() == [f"{OPTIONS} {editable} {checkout.folder}"]
    assert set_up.main([".venv-sceptre", "sceptre", "local"]) == 0
    assert checkout.calls() == [f"-m venv {other}", f"{OPTIONS} sceptre ~= 4.7 moto ~= 5.1 flask"]
    assert marks(other) == {"bin", "ready", "sceptre", "local"}
    log = (checkout.folder / ".cache/set-up.log").read_text(encoding="utf-8").splitlines()
    assert log[:3] == [
        f"$ {checkout.folder}/python -m venv {own}",
        f"$ {own}/bin/python {OPTIONS} {editable} {checkout.folder}[local,test]",
        "Collecting boto3",
    ]


def test_a_failure_has_the_last_words_of_pip_and_is_made_anew(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout.pip("seq 1 20; echo; echo no space left >&2; exit 3")
    python = checkout.folder / ".venv/bin/python"
    assert set_up.main([".venv"]) == 1
    tail = "\n".join(f"  {line}" for line in [*range(7, 21), "no space left"])
    assert capsys.readouterr().err == (
        f"setting up .venv\n.venv could not be set up: `{python} -m pip install` ended with status 3:\n{tail}\n"
        f"All of its output is in {set_up.LOG}. Mend what it says, then run the same command again.\n"
    )
    assert marks(checkout.folder / ".venv") == {"bin", "unfinished"}
    (checkout.folder / ".venv/half").touch()
    checkout.calls()
    checkout.pip("true")
    assert set_up.main([".venv"]) == 0
    assert [call.split()[1] for call in checkout.calls()] == ["venv", "pip"]
    assert marks(checkout.folder / ".venv") == {"bin", "ready"}


def test_ctrl_c_ends_what_runs_and_leaves_nothing_that_passes_for_finished(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout.pip("echo Collecting six; exec sleep 60")

    def interrupted(_line: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(set_up, "shown", interrupted)
    began = time.monotonic()
    assert set_up.main([".venv"]) == 130 and time.monotonic() - began < 50
    assert capsys.readouterr().err == "setting up .venv\nInterrupted; the same command again makes it anew.\n"
    assert marks(checkout.folder / ".venv") == {"bin", "unfinished"}


def test_bad_usage_is_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert set_up.main([]) == 64 and capsys.readouterr().err == f"{set_up.__doc__}\n"


def test_variables_of_a_person_do_not_hide_what_is_missing(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout.pip('echo "[$PYTHONPATH] [$PYTHONHOME] [$OTHER]"')
    for name in ("PYTHONPATH", "PYTHONHOME", "OTHER"):
        monkeypatch.setenv(name, "/somewhere")
    assert set_up.main([".venv"]) == 0
    assert "[] [] [/somewhere]" in set_up.LOG.read_text(encoding="utf-8").splitlines()


def test_an_extra_that_is_not_there_is_named(checkout: Checkout) -> None:
    file = checkout.folder / "setup.cfg"
    assert (set_up.requirements("local"), set_up.requirements("")) == (["moto ~= 5.1", "flask"], ["boto3 ~= 1.40"])
    with pytest.raises(KeyError, match=r"setup\.cfg has no value 'moon' in \[options\.extras_require\]"):
        set_up.requirements("moon", file)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Collecting six>=1 (from x)", "looking for six>=1"),
        ("  Downloading six-1.whl (1 kB)", "downloading six-1.whl"),
        ("Using cached six-1.whl (1 kB)", "taking six-1.whl from the cache"),
        ("Building wheels for collected packages: six", "building six"),
        ("Building editable for collected packages: six, rich", "building 2 packages"),
        ("Installing collected packages: six, boto3, rich\n", "installing 3 packages"),
        ("Installing collected packages: six\n", "installing six"),
        ("Looking in links", ""),
    ],
)
def test_what_pip_does_is_said_in_a_few_words(line: str, words: str) -> None:
    assert set_up.shown(line) == words


class Screen(io.StringIO):
    """A terminal, on which each picture of a line is written over the one before."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("terminal", [True, False])
def test_how_long_it_takes_is_shown_while_it_takes_long(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    """On a terminal in one line, as wide as that, which goes away; elsewhere a line now and then."""
    checkout.pip("echo 'Collecting six'; sleep 0.3")
    screen = Screen() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(set_up, "TICK", 0.02)
    monkeypatch.setattr(set_up, "NEWS", 0.1)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "20")
    assert set_up.main([".venv"]) == 0
    text = screen.getvalue()
    if terminal:
        pictures = text.split("\r")
        assert pictures[0] == "setting up .venv\n" and pictures[-1] == ".venv is ready (0 s)\n"
        assert "  0:00  looking for" in pictures and pictures[-2] == " " * 19
        assert all(len(picture) == 19 for picture in pictures[1:-1])
        monkeypatch.setenv("TERM", "dumb")
        assert set_up.main([".venv"]) == 0 and "\r" not in screen.getvalue().removeprefix(text)
    else:
        lines = text.splitlines()
        assert set(lines[1:-1]) <= {"  0:00  making the environment", "  0:00  looking for six"}
        assert "  0:00  looking for six" in lines and 2 <= len(lines) < 12


@pytest.mark.parametrize("there", ["folder", "file", "link", "nothing"])
def test_whatever_stands_in_the_place_of_an_environment_is_taken_away(there: str, tmp_path: Path) -> None:
    """Of a link the link alone: what it leads to is somebody's."""
    place, elsewhere = tmp_path / "venv", tmp_path / "elsewhere"
    (elsewhere / "bin").mkdir(parents=True)
    if there == "folder":
        (place / "bin").mkdir(parents=True)
    elif there == "file":
        place.touch()
    elif there == "link":
        place.symlink_to(elsewhere)
    set_up.remove(place)
    assert not place.exists() and not place.is_symlink() and (elsewhere / "bin").is_dir()


def test_where_nobody_reads_any_more_nothing_else_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Closed())
    progress = set_up.Progress("venv")
    with progress:
        assert progress._ended.is_set()
