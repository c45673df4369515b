"""What a rehearsal adds to the runner of buildspecs, whose other tests are in tests/buildspecs: lines as they are
printed, and an end to builds that take too long."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scripts.rehearsal.builds.phases import Outcome, Runner, run_buildspec
from scripts.rehearsal.errors import UnsupportedError
from tests.conftest import ROOT
from tests.support.processes import gone


def build(folder: Path, commands: list[str], lines: list[str], limit: float = 60, **more: Any) -> Outcome:
    spec = {"version": 0.2, "env": {"shell": "bash"}, "phases": {"build": {"commands": commands}}, **more}
    (folder / "src").mkdir()
    return run_buildspec(
        spec, folder / "src", {"PATH": os.environ["PATH"]}, Runner(folder / "new/state", lines.append, limit)
    )


def test_lines_are_said_as_they_are_printed(tmp_path: Path) -> None:
    lines: list[str] = []
    outcome = build(tmp_path, ["echo one; echo two >&2", "echo three"], lines)
    assert lines == ["one\n", "two\n", "three\n"]
    assert outcome.succeeded and outcome.seconds > 0


def test_a_build_that_takes_too_long_is_ended_with_all_it_started(tmp_path: Path) -> None:
    began, lines = time.monotonic(), list[str]()
    outcome = build(tmp_path, ["sleep 30 & sleep 30", "echo not reached"], lines, limit=0.3)
    assert time.monotonic() - began < 25
    assert not outcome.succeeded
    assert "out of time after 0.3 s" in outcome.log and "not reached" not in outcome.log.splitlines()


def test_a_build_that_nobody_listens_to_is_ended_with_all_it_started(tmp_path: Path) -> None:
    guarded: list[tuple[int, str]] = []

    @contextmanager
    def guard(group: int) -> Iterator[None]:
        guarded.append((group, "runs"))
        try:
            yield
        finally:
            guarded.append((group, "ends"))

    processes: list[int] = []

    def fail(line: str) -> None:
        processes.extend(map(int, line.split()))
        assert guarded[-1] == (processes[0], "runs")
        raise ZeroDivisionError

    spec = {"env": {"shell": "bash"}, "phases": {"build": {"commands": ["sleep 60 & echo $$ $!; sleep 60"]}}}
    with pytest.raises(ZeroDivisionError):
        run_buildspec(spec, tmp_path, {"PATH": os.environ["PATH"]}, Runner(tmp_path / "state", fail, 60, guard))
    assert guarded[-1] == (processes[0], "ends")
    assert all(gone(process, 10) for process in processes)


def test_keys_of_artifacts_that_are_not_imitated_are_refused(tmp_path: Path) -> None:
    artifacts = {"files": ["*"], "exclude-paths": ["x"]}
    with pytest.raises(UnsupportedError, match="the primary artifact: exclude-paths is not simulated"):
        build(tmp_path, ["true"], [], artifacts=artifacts)


@pytest.mark.parametrize(
    ("command", "failure"),
    [
        ("echo; echo what went wrong; echo; false", "phase build failed: what went wrong"),
        ("echo one; echo two; echo; echo three; false", "phase build failed: two; three"),
        ("echo RESULT x; echo ERROR y; echo; false", "phase build failed: ERROR y"),
        ("false", "phase build failed: [command failed with status 1] false"),
    ],
)
def test_a_failure_says_what_the_build_said_last(tmp_path: Path, command: str, failure: str) -> None:
    assert build(tmp_path, [command], []).failure == failure


@pytest.mark.parametrize("name", ["LC_ALL", "LANG"])
def test_what_is_no_ascii_is_kept_whatever_the_locale(tmp_path: Path, name: str) -> None:
    """A shell of a server or of cron has no locale, and Python takes it at its word when it is told to."""
    code = (
        "import pathlib, os, sys\nfrom scripts.rehearsal.builds.phases import *\n"
        "phases = {'build': {'commands': ['echo \"$WORD \\xe9\"']}}\n"
        "spec = {'version': 0.2, 'env': {'shell': 'bash'}, 'phases': phases}\n"
        "folder = pathlib.Path(sys.argv[1]); (folder / 'src').mkdir()\n"
        "variables = {'PATH': os.environ['PATH'], 'WORD': '\\xfc'}\n"
        "done = run_buildspec(spec, folder / 'src', variables, Runner(folder / 'state'))\n"
        "assert done.log == '\\xfc \\xe9\\n', ascii(done.log)\n"
    )
    plain = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", name: "C"}
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG"))}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env=environment | plain, cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def run(folder: Path, spec: dict[str, Any], **variables: str) -> Outcome:
    for name in ("src", "state"):  # the second of an earlier build
        (folder / name).mkdir()
    environment = {"PATH": os.environ["PATH"], **variables}
    return run_buildspec(spec, folder / "src", environment, Runner(folder / "state"))


def phase(*commands: str, **more: Any) -> dict[str, Any]:
    return {"commands": list(commands), **more}


ABORT, SUCCEEDING = {"on-failure": "ABORT"}, "CODEBUILD_BUILD_SUCCEEDING"


@pytest.mark.parametrize(
    ("phases", "ran", "log"),
    [
        ({"build": phase("echo a", "echo b", **{"finally": ["echo c"]})}, {"build": True}, "a\nb\nc\n"),
        ({"build": phase("false", "echo b", **{"finally": ["echo c", "echo d"]})}, {"build": False},
         "[command failed with status 1] false\nc\nd\n"),
        ({"build": phase("echo a", **{"finally": ["false", "echo c"]})}, {"build": False}, "a\nc\n"),
        ({"install": phase("exit 3"), "build": phase("echo b")}, {"install": False},
         "[command failed with status 3] exit 3\n"),
        ({"pre_build": phase("false\n# more"), "build": phase("echo b")}, {"pre_build": False},
         "[command failed with status 1] false\n"),
        ({"build": phase("false"), "post_build": phase(f"echo ${SUCCEEDING}")},
         {"build": False, "post_build": True}, "[command failed with status 1] false\n0\n"),
        ({"build": phase("false", **ABORT), "post_build": phase("echo p")}, {"build": False},
         "[command failed with status 1] false\n"),
        ({"post_build": phase("echo p"), "build": phase("echo b", **ABORT), "install": phase("echo i")},
         {"install": True, "build": True, "post_build": True}, "i\nb\np\n"),
        ({"build": phase("A=1; cd /", f"echo $A $PWD ${SUCCEEDING}", "f() { :; }", "f 2>/dev/null || echo no f")},
         {"build": True}, "1 / 1\nno f\n"),
    ],
)  # fmt: skip
def test_phases_run_and_end_as_codebuilds(
    tmp_path: Path, phases: dict[str, Any], ran: dict[str, bool], log: str
) -> None:
    outcome = run(tmp_path, {"env": {"shell": "bash"}, "phases": phases})
    assert (outcome.phases, outcome.log) == (ran, log)
    assert outcome.succeeded is all(ran.values())


def test_what_a_build_leaves_is_collected(tmp_path: Path) -> None:
    """Locations match one file or more, below their own folder; a report and a secondary artifact, too."""
    command = "mkdir -p out/deep; touch out/a.txt out/deep/b.txt x.xml; export WORD=w EMPTY=; unset GONE"
    outcome = run(
        tmp_path,
        {
            "env": {
                "shell": "bash",
                "variables": {"NAME": "n"},
                "exported-variables": ["WORD", "EMPTY", "GONE", "NAME"],
            },
            "cache": {"key": "k-$NAME-$(echo made)"},
            "phases": {
                "install": phase("true", **{"runtime-versions": {"python": "3.$MINOR"}}),
                "build": phase(command),
            },
            "reports": {"units": {"files": ["*.xml"]}, "none": {"files": ["*.json"], "base-directory": "out"}},
            "artifacts": {
                "base-directory": "out",
                "files": ["**/*"],
                "secondary-artifacts": {"More": {"files": ["x.xml", "gone"]}},
            },
        },
        NAME="project",
        MINOR="11",
    )
    source = tmp_path / "src"
    assert outcome.variables == {"WORD": "w", "NAME": "project"}
    assert (outcome.cache_key, outcome.runtimes) == ("k-project-made", {"python": "3.11"})
    assert outcome.artifacts == {
        "": {"a.txt": source / "out/a.txt", "deep/b.txt": source / "out/deep/b.txt"},
        "More": {"x.xml": source / "x.xml"},
    }
    assert outcome.reports == {"units": [source / "x.xml"], "none": []}
    errors = ["report none: no file matches *.json in out", "artifact More: no file matches gone in ."]
    assert (outcome.errors, outcome.failure, outcome.succeeded) == (errors, "; ".join(errors), False)


PLAIN = {"build": phase("true")}


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"phases": PLAIN}, "env.shell is None, only bash is simulated"),
        ({"env": {"shell": "sh"}, "phases": PLAIN}, "env.shell is 'sh', only bash is simulated"),
        ({"phases": {"build": phase("true", **{"on-failure": "CONTINUE"})}},
         "phases.build.on-failure is CONTINUE, only ABORT is simulated"),
        ({"phases": PLAIN, "cache": {"key": "$NONE"}}, "$NONE: "),
        ({"phases": PLAIN, "reports": {"r": {"files": ["x"], "discard-paths": "yes"}}},
         "report r: discard-paths is not simulated, only base-directory, file-format, files"),
        ({"phases": PLAIN, "artifacts": {"files": ["$HOME/x"]}},
         "the primary artifact: $HOME/x would have to be expanded, which AWS does not document"),
        ({"phases": PLAIN, "artifacts": {"files": ["~/x"]}},
         "the primary artifact: ~/x would have to be expanded, which AWS does not document"),
    ],
)  # fmt: skip
def test_what_is_not_simulated_is_named(tmp_path: Path, spec: dict[str, Any], problem: str) -> None:
    env = {} if problem.startswith("env.shell is None") else {"shell": "bash"}
    with pytest.raises(UnsupportedError) as refused:
        run(tmp_path, {"env": env, **spec})
    assert str(refused.value).startswith(problem) and ("NONE" in problem or str(refused.value) == problem)


def test_a_path_without_bash_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError) as refused:
        run(tmp_path, {"env": {"shell": "bash"}, "phases": PLAIN}, PATH=str(tmp_path))
    assert str(refused.value) == f"no bash on {tmp_path}"
