"""The runner ends builds where CodeBuild ends them, and carries over no more than CodeBuild does."""

from typing import Any

import pytest

from scripts.rehearsal.builds.phases import Outcome, Runner, run_buildspec
from scripts.rehearsal.errors import UnsupportedError
from tests.support.buildspecs.running import Workshop


def build(empty: Workshop, phases: dict[str, Any], **more: Any) -> Outcome:
    spec = {"version": 0.2, "phases": phases, **more, "env": {"shell": "bash", **more.get("env", {})}}
    environment = {"PATH": str(empty.machine.programs), "GIVEN": "by the project"}
    return run_buildspec(spec, empty.source, environment, Runner(empty.machine.folder / "shell"))


def test_variables_and_folder_are_carried_over_and_nothing_else(empty: Workshop) -> None:
    commands = [
        "mkdir deep; cd deep; VARIABLE=x; helper() { echo called; }; set -e",
        'false; echo "here ${PWD##*/} $VARIABLE"',
        "helper",
    ]
    outcome = build(empty, {"build": {"commands": commands}})
    assert "here deep x" in outcome.log
    assert "called" not in outcome.log
    assert not outcome.succeeded


def test_a_failed_command_ends_its_phase_after_finally(empty: Workshop) -> None:
    phases = {"install": {"commands": ["false", "echo not reached"], "finally": ["echo at last"]}}
    outcome = build(empty, {**phases, "build": {"commands": ["echo not reached either"]}})
    assert outcome.phases == {"install": False}
    assert "at last" in outcome.log
    assert "\nnot reached" not in outcome.log


def test_post_build_runs_after_a_failed_build_and_is_told(empty: Workshop) -> None:
    phases = {"build": {"commands": ["false"]}, "post_build": {"commands": ['echo "told $CODEBUILD_BUILD_SUCCEEDING"']}}
    outcome = build(empty, phases)
    assert outcome.phases == {"build": False, "post_build": True}
    assert "told 0" in outcome.log
    assert not outcome.succeeded


def test_abort_ends_the_build_before_reports(empty: Workshop) -> None:
    phases = {
        "build": {"on-failure": "ABORT", "commands": ["echo > report.xml", "false"]},
        "post_build": {"commands": ["true"]},
    }
    outcome = build(empty, phases, reports={"tests": {"files": ["report.xml"]}})
    assert outcome.phases == {"build": False}
    assert outcome.reports == {}


def test_the_project_wins_over_the_buildspec(empty: Workshop) -> None:
    env = {"variables": {"GIVEN": "by the buildspec", "OWN": "1"}, "exported-variables": ["GIVEN", "OWN", "MADE"]}
    outcome = build(empty, {"build": {"commands": ["export MADE=$OWN$OWN"]}}, env=env)
    assert outcome.variables == {"GIVEN": "by the project", "OWN": "1", "MADE": "11"}


def test_artifacts_and_reports_must_exist(empty: Workshop) -> None:
    artifacts = {"base-directory": "out", "files": ["**/*"], "secondary-artifacts": {"Other": {"files": ["none"]}}}
    commands = ["mkdir -p out/.hidden; echo > out/.hidden/a; echo > out/b"]
    outcome = build(empty, {"build": {"commands": commands}}, artifacts=artifacts, reports={"r": {"files": ["r.xml"]}})
    assert sorted(outcome.artifacts[""]) == [".hidden/a", "b"]
    assert outcome.errors == ["report r: no file matches r.xml in .", "artifact Other: no file matches none in ."]
    assert not outcome.succeeded


@pytest.mark.parametrize(
    ("phase", "env", "named"),
    [
        ({"on-failure": "RETRY-2", "commands": ["true"]}, {}, "phases.build.on-failure is RETRY-2"),
        ({"commands": ["true"]}, {"shell": "/bin/sh"}, "env.shell is '/bin/sh'"),
    ],
)
def test_what_is_not_imitated_is_refused(
    empty: Workshop, phase: dict[str, Any], env: dict[str, str], named: str
) -> None:
    with pytest.raises(UnsupportedError, match=named):
        build(empty, {"build": phase}, env=env)


def test_path_has_only_the_programs_that_are_named(empty: Workshop) -> None:
    outcome = build(empty, {"build": {"commands": ["cat /dev/null", "sed --version"]}})
    assert not outcome.succeeded
    assert "sed: command not found" in outcome.log
