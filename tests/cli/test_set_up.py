"""Set-up makes an environment that works, whatever stands there, and says what it does. A script stands in the place of
Python, venv and pip."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import set_up
from tests.cli.typed import on_terminal, variables
from tests.conftest import ROOT

# `-m venv FOLDER` makes a folder with this program as its Python; `-m pip` does what the file `pip` says.
PYTHON = f"""#!/bin/bash
if [ "$1" = -c ]; then exit 0; fi
echo "$PWD: $*" >> "$CALLS"
case "$2" in
  venv) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  pip) . "$PIP" ;;
  *) exec {sys.executable} "$@" ;;
esac
"""
GOOD = """
echo "Collecting troposphere~=4.11 (from cloud-health-delivery)"
echo "  Downloading troposphere-4.11.1-py3-none-any.whl (1.2 MB)"
sleep 0.5
echo "Installing collected packages: troposphere, awacs"
"""


class Checkout:
    """A folder, with a space in its name, of which an environment is made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a checkout"
        (self.folder / "scripts").mkdir(parents=True)
        shutil.copy(ROOT / "scripts/set_up.py", self.folder / "scripts")
        shutil.copy(ROOT / "setup.cfg", self.folder)
        self.calls_file, self.pip_file = folder / "calls", folder / "pip"
        self.python = folder / "python"
        self.python.write_text(PYTHON, encoding="utf-8")
        self.python.chmod(0o755)
        self.pip(GOOD)

    def pip(self, script: str) -> None:
        """What pip does from now on."""
        self.pip_file.write_text(script, encoding="utf-8")

    def command(self) -> list[str]:
        # The real interpreter, which believes that it is the other one.
        code = f"import sys; sys.executable = {str(self.python)!r}; sys.path.insert(0, 'scripts'); import set_up"
        return [sys.executable, "-c", f"{code}; sys.exit(set_up.main(sys.argv[1:]))"]

    @property
    def environment(self) -> dict[str, str]:
        return {"CALLS": str(self.calls_file), "PIP": str(self.pip_file)}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command(), *words],
            cwd=self.folder,
            env=variables(**self.environment),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def calls(self) -> list[str]:
        """What was run since the last time that somebody asked."""
        lines = self.calls_file.read_text(encoding="utf-8").splitlines() if self.calls_file.exists() else []
        self.calls_file.unlink(missing_ok=True)
        return [line.partition(": ")[2] for line in lines]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_the_checkout_is_installed_with_its_extras(checkout: Checkout) -> None:
    done = checkout.run(".venv", "local", "test")
    assert done.returncode == 0, done.stderr
    venv, pip = checkout.calls()
    assert venv == f"-m venv {checkout.folder}/.venv"
    assert pip.startswith("-m pip install ") and pip.endswith(f"--editable {checkout.folder}[local,test]")
    marks = {path.name for path in (checkout.folder / ".venv").iterdir()}
    assert marks == {"bin", "ready", "local", "test"}
    assert "setting up .venv\n" in done.stderr and ".venv is ready (" in done.stderr


def test_another_environment_gets_the_requirements_of_its_extra_alone(checkout: Checkout) -> None:
    assert checkout.run(".venv-sceptre", "sceptre").returncode == 0
    assert checkout.calls()[1].endswith(" sceptre ~= 4.7")


def test_what_is_there_is_completed(checkout: Checkout) -> None:
    checkout.run(".venv")
    checkout.calls()
    checkout.run(".venv", "local")
    assert [call.split()[1] for call in checkout.calls()] == ["pip"]


def test_a_failure_is_told_with_pips_own_words_and_repaired_by_the_next(checkout: Checkout) -> None:
    checkout.pip("echo 'ERROR: No matching distribution found for troposphere'; exit 3")
    done = checkout.run(".venv")
    assert done.returncode == 1 and "ended with status 3" in done.stderr and "No matching distribution" in done.stderr
    assert ".cache/set-up.log" in done.stderr and "is ready" not in done.stderr
    assert not (checkout.folder / ".venv/ready").exists()
    checkout.calls()
    checkout.pip(GOOD)
    assert checkout.run(".venv").returncode == 0
    assert [call.split()[1] for call in checkout.calls()] == ["venv", "pip"]


def test_one_that_was_killed_is_made_anew(checkout: Checkout) -> None:
    checkout.pip("touch half; kill -9 $PPID")
    assert checkout.run(".venv").returncode == -9
    (checkout.folder / ".venv/half").touch()
    checkout.pip(GOOD)
    assert checkout.run(".venv").returncode == 0
    assert not (checkout.folder / ".venv/half").exists()


@pytest.mark.parametrize("broken", ["python has gone", "python does not start", "a file", "a link to another folder"])
def test_what_does_not_work_is_replaced(checkout: Checkout, broken: str, tmp_path: Path) -> None:
    folder, other = checkout.folder / ".venv", tmp_path / "other"
    other.mkdir()
    (other / "kept").touch()
    if broken == "a file":
        folder.touch()
    elif broken == "a link to another folder":
        folder.symlink_to(other)
    else:
        (folder / "bin").mkdir(parents=True)
        python = folder / "bin/python"
        if broken == "python has gone":
            python.symlink_to("/nowhere/python3.11")
        else:
            python.write_text("#!/bin/sh\nexit 127\n", encoding="utf-8")
            python.chmod(0o755)
    assert checkout.run(".venv").returncode == 0
    assert [call.split()[1] for call in checkout.calls()] == ["venv", "pip"]
    assert (folder / "ready").exists() and not folder.is_symlink() and (other / "kept").exists()


def test_two_at_once_do_not_disturb_each_other(checkout: Checkout) -> None:
    checkout.pip('echo begins >> "$CALLS"; sleep 1; echo ends >> "$CALLS"')
    command = [*checkout.command(), ".venv"]
    environment = variables(**checkout.environment)
    running = [subprocess.Popen(command, cwd=checkout.folder, env=environment, stderr=subprocess.DEVNULL) for _ in "ab"]
    assert [process.wait(60) for process in running] == [0, 0]
    lines = checkout.calls_file.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line in ("begins", "ends")] == ["begins", "ends"] * 2


def test_a_terminal_is_shown_what_pip_does_and_for_how_long(checkout: Checkout) -> None:
    code = f"import os; os.chdir({str(checkout.folder)!r})\n{checkout.command()[2]}"
    status, shown = on_terminal(60, ".venv", command=[sys.executable, "-c", code], **checkout.environment)
    assert status == 0 and "0:00  downloading troposphere-4.11.1-py3-none-any.whl" in shown
    assert all(len(part) <= 60 for line in shown.splitlines() for part in line.split("\r"))


def test_packages_are_counted_and_one_is_named() -> None:
    """A person looks at this line first of all."""
    assert set_up.shown("Installing collected packages: six, boto3, rich\n") == "installing 3 packages"
    assert set_up.shown("Installing collected packages: six\n") == "installing six"
    assert set_up.shown("Collecting six>=1 (from x)") == "looking for six>=1" and set_up.shown("Looking in links") == ""


def test_variables_that_would_hide_what_is_missing_do_not_reach_pip(checkout: Checkout) -> None:
    checkout.pip('echo "PYTHONPATH is [$PYTHONPATH]"')
    environment = variables(**checkout.environment, PYTHONPATH="/somewhere")
    subprocess.run([*checkout.command(), ".venv"], cwd=checkout.folder, env=environment, check=True, timeout=60)
    assert "PYTHONPATH is []" in (checkout.folder / ".cache/set-up.log").read_text(encoding="utf-8")


def test_a_place_where_nothing_can_be_written(checkout: Checkout) -> None:
    (checkout.folder / ".cache").touch()
    done = checkout.run(".venv")
    assert done.returncode == 1 and "could not be set up" in done.stderr and "Traceback" not in done.stderr
