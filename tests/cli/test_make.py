"""Make hands over what was typed, and that alone. A recorder stands in the place of Python."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.typed import variables
from tests.conftest import ROOT

RECORDER = f"""#!{sys.executable}
import json, os, sys
if sys.argv[1:2] == ["-m"]:
    with open("calls.jsonl", "a") as file:
        file.write(json.dumps([os.environ.get("DELIVERY_DOOR", ""), *sys.argv[2:]]) + "\\n")
sys.exit(int(os.environ.get("STATUS", "0")) if sys.argv[2:3] == ["scripts.cli"] else 0)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder, with a space in its name, that holds the Makefile and an environment that is ready."""
    folder = tmp_path / "a checkout"
    (folder / ".venv/bin").mkdir(parents=True)
    for name in ("Makefile", "setup.cfg", "setup.py"):
        shutil.copy(ROOT / name, folder)
    python = folder / ".venv/bin/python"
    python.write_text(RECORDER, encoding="utf-8")
    python.chmod(0o755)
    for mark in ("ready", "local", "test"):
        (folder / ".venv" / mark).touch()
    return folder


def make(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in variables().items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *words], cwd=folder, env=clean | more, capture_output=True, text=True, timeout=60, check=False
    )


def calls(folder: Path) -> list[list[str]]:
    """What was run, but for the gate."""
    file = folder / "calls.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [words for words in map(json.loads, lines) if words[1] != "generator"]


def test_the_list_of_commands_fits_the_terminal(checkout: Path) -> None:
    """On a terminal its own width decides, and into a file nothing is folded."""
    folded, plain = make(checkout, "help", COLUMNS="80").stdout, make(checkout, "help").stdout
    assert max(map(len, folded.splitlines())) <= 80 < max(map(len, plain.splitlines()))
    assert folded.split() == plain.split() and plain.count("\n  make ") == folded.count("\n  make ") > 20


HARD = [
    "REDIS_URL=redis://h/0?a=1&b=2",
    "A=a;touch ran",
    "A=two  words and a tab\t",
    "A='single' \"double\"",
    "A=$HOME `touch ran` $(touch ran) ${PATH}",
    "A=back\\slash # no comment",
    "A=*?[a]~!",
    "A=|cat <in >out",
    "-A=--option",
    "ü=漢",
]


@pytest.mark.parametrize("value", HARD)
def test_a_value_arrives_as_it_was_typed(checkout: Path, value: str) -> None:
    done = make(checkout, "config", "ENV=staging", f"SET={value}")
    assert done.returncode == 0, done.stderr
    assert calls(checkout) == [["make", "scripts.cli", "config", "staging", f"--set={value}"]]
    assert sorted(path.name for path in checkout.iterdir() if path.name not in ("calls.jsonl", ".venv")) == [
        "Makefile",
        "setup.cfg",
        "setup.py",
    ]


@pytest.mark.parametrize("value", HARD)
@pytest.mark.parametrize(("target", "setting", "option"), [("rollback", "TO", "--to"), ("rehearse", "APP", "--app")])
def test_so_does_every_setting(checkout: Path, target: str, setting: str, option: str, value: str) -> None:
    assert make(checkout, target, f"{setting}={value}").returncode == 0
    assert f"{option}={value}" in calls(checkout)[0]


@pytest.mark.parametrize("value", HARD)
def test_an_environment_and_a_revision_are_one_word(checkout: Path, value: str) -> None:
    make(checkout, "status", f"ENV={value}")
    make(checkout, "review", f"BASE={value}")
    assert [words[3] for words in calls(checkout)] == [value, value]


def test_arguments_are_words_and_no_shell_reads_them(checkout: Path) -> None:
    text = "--name 'two words' --set \"A=$HOME;touch ran\""
    make(checkout, "deploy", "ENV=staging", f"ARGS={text}")
    from scripts.cli import expanded

    [words] = calls(checkout)
    assert expanded(words[2:]) == ["apply", "staging", "--name", "two words", "--set", "A=$HOME;touch ran"]


@pytest.mark.parametrize("name", ["ENV", "ARGS", "SET", "TO", "APP", "FAIL_AT", "BASE"])
@pytest.mark.parametrize("target", ["destroy", "config", "rollback", "rehearse", "review", "migrate"])
def test_what_the_shell_exports_decides_nothing(checkout: Path, target: str, name: str) -> None:
    make(checkout, target)
    make(checkout, target, **{name: "staging"})
    first, second = calls(checkout)
    assert first == second and "staging" not in str(second)


def test_a_setting_that_there_is_not_is_refused(checkout: Path) -> None:
    done = make(checkout, "destroy", "env=staging")
    assert done.returncode == 2 and "env: no such setting" in done.stderr and calls(checkout) == []


@pytest.mark.parametrize("words", [("destroy", "ENV="), ("rehearse", "APP= "), ("rollback", "TO="), ("config", "SET=")])
def test_a_setting_without_a_value_is_refused(checkout: Path, words: tuple[str, str]) -> None:
    """As a script has it whose variable is not set: `make destroy ENV=$STAGE` would mean the local AWS."""
    done = make(checkout, *words)
    assert done.returncode == 2 and f"{words[1][:-1].rstrip('=')} is empty" in done.stderr, done.stderr
    assert calls(checkout) == []
    assert make(checkout, "status", "ARGS=").returncode == 0  # nothing more is something


@pytest.mark.parametrize("name", ["PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH", "PYTHONOPTIMIZE"])
def test_variables_of_python_lead_to_no_other_modules(checkout: Path, name: str) -> None:
    (checkout / ".venv/bin/python").write_text(f'#!/bin/sh\necho "[${{{name}-none}}]"\n', encoding="utf-8")
    done = make(checkout, "status", **{name: "/elsewhere"})
    assert done.returncode == 0 and "[none]" in done.stdout


@pytest.mark.parametrize("name", ["KEEP", "ASK"])
def test_a_switch_is_on_or_off(checkout: Path, name: str) -> None:
    """Whoever writes KEEP=0 or KEEP=no means the opposite of KEEP=1."""
    option = f"--{name.lower()}"
    assert make(checkout, "rehearse", f"{name}=1").returncode == make(checkout, "rehearse", f"{name}=0").returncode == 0
    assert [option in words for words in calls(checkout)] == [True, False]
    for value in ("no", "-n", "yes"):
        done = make(checkout, "rehearse", f"{name}={value}")
        assert done.returncode == 2 and f"{name} is 1 or 0" in done.stderr, done.stderr
    assert len(calls(checkout)) == 2


def test_a_line_break_is_refused(checkout: Path) -> None:
    done = make(checkout, "config", "SET=A=1\ntouch ran")
    assert done.returncode == 2 and "line break" in done.stderr and calls(checkout) == []


@pytest.mark.parametrize(
    ("target", "status", "ended"),
    [
        ("plan", 2, 0),
        ("drift", 2, 0),
        ("config", 2, 0),
        ("plan", 3, 2),
        ("deploy", 0, 0),
        ("deploy", 1, 2),
        ("deploy", 2, 2),
    ],
)
def test_changes_that_were_asked_for_are_no_failure(checkout: Path, target: str, status: int, ended: int) -> None:
    done = make(checkout, target, "ENV=staging", STATUS=str(status))
    assert done.returncode == ended
    assert (f"Error {status}" in done.stderr) is bool(ended)


def test_only_the_local_aws_takes_what_it_needs(checkout: Path) -> None:
    (checkout / ".venv/local").unlink()
    assert "set_up.py .venv local" in make(checkout, "-n", "deploy").stdout
    assert "set_up.py .venv local" in make(checkout, "-n", "rehearse").stdout
    assert "set_up" not in make(checkout, "-n", "deploy", "ENV=staging").stdout


def test_cleaning_stops_the_local_aws_first(checkout: Path) -> None:
    """With the Python that is there when the virtual environment is broken; where none runs, nothing is started."""
    words = ("clean", "PYTHON=.venv/bin/python")
    (checkout / ".cache").mkdir()
    (checkout / ".cache/local_aws.json").touch()
    assert make(checkout, *words).returncode == 0
    assert [words for _, *words in calls(checkout)] == [["scripts.local_aws", "stop"]]
    assert not (checkout / ".cache").exists() and not (checkout / ".venv").exists()
    again = make(checkout, "clean", "PYTHON=no-such-python")
    assert again.returncode == 0, again.stderr


def test_an_environment_whose_python_has_gone_is_made_anew(checkout: Path) -> None:
    python = checkout / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nowhere/python3.11")
    assert "set_up.py .venv" in make(checkout, "-n", "status").stdout


def test_an_old_python_is_told(checkout: Path) -> None:
    old = checkout / "old"
    old.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'import sys; sys.exit(\"Python 3.11 or newer is needed\")'\n")
    old.chmod(0o755)
    (checkout / ".venv/ready").unlink()
    done = make(checkout, "status", f"PYTHON={old}")
    assert done.returncode == 2 and "Python 3.11 or newer is needed" in done.stderr


def test_every_setting_that_the_help_names_is_one() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = {name for comment in re.findall(r"## (.*)", text) for name in re.findall(r"(?<!=)\b([A-Z_]+)=", comment)}
    [settings] = re.findall(r"^SETTINGS := (.*)$", text, re.M)
    used = set(re.findall(r"\$\(call (?:given|option|quoted),([A-Z_]+)", text))
    assert len(named) > 8 and named | used <= {*settings.split(), "STRICT", "SLOW"}
