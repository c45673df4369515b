"""What a release changes, by the real buildspec over a copy of the sample application and a stub of AWS."""

from __future__ import annotations

import re
from typing import Any

import pytest

from scripts.rehearsal.builds.phases import Outcome
from tests.support.buildspecs.running import COMMIT, REPOSITORY, Workshop

PATH, OLD, RUN = "/cloud-health/release/production", "f" * 40, "run-2"
VARIABLES = {
    "AWS_REGION": "us-east-1",
    "BACKEND_PATHS": "backend requirements.txt",
    "BACKEND_PROJECT": "backend-build",
    "CODEBUILD_BUILD_ID": "changes:1",
    "DISTRIBUTION_ID": "E1",
    "ENVIRONMENT": "production",
    "FRONTEND_PATHS": "frontend",
    "FRONTEND_PROJECT": "frontend-build",
    "ONLY_CHANGED": "true",
    "RELEASES": PATH,
    "REPOSITORY_NAME": "none",
    "REPOSITORY_URI": REPOSITORY,
}
PROJECT = {"source": {"buildspec": "version: 0.2"}, "environment": {"image": "standard:7.0"}}


def compare(sample: Workshop, records: dict[str, str] | None = None, /, **variables: str) -> Outcome:
    """One comparison with what SSM holds, as the action that decides; `EXECUTION=""` for one that plans."""
    parameters = [{"Name": f"{PATH}/{name}", "Value": value} for name, value in (records or {}).items()]
    sample.machine.answer("ssm get-parameters", {"Parameters": parameters})
    sample.machine.answer("ssm put-parameter", {"Version": 1})
    sample.machine.answer("codebuild batch-get-projects", {"projects": [PROJECT]})
    sample.machine.forget()
    project: dict[str, str] = {**VARIABLES, "CODEBUILD_SRC_DIR": str(sample.source), "EXECUTION": RUN, **variables}
    outcome = sample.build("changes", project)
    assert outcome.succeeded, outcome.log
    return outcome


def announced(sample: Workshop) -> list[tuple[str, str]]:
    return [(call[4], call[6]) for call in sample.machine.calls("aws", "ssm", "put-parameter")]


def released(outcome: Outcome, run: str = "run-1", **more: str) -> dict[str, str]:
    """What SSM holds after this comparison's release was verified."""
    sides = {side: outcome.variables[f"{side.upper()}_DIGEST"] for side in ("backend", "frontend")}
    recorded = {side: f"{run}:{OLD}:{digest}" for side, digest in sides.items()}
    return {**recorded, **{f"{side}-next": run for side in sides}, **more}


def changed(outcome: Outcome) -> tuple[str, str, str]:
    exported = outcome.variables
    return exported["BACKEND_CHANGED"], exported["FRONTEND_CHANGED"], exported["CHANGED"]


@pytest.fixture
def records(sample: Workshop) -> dict[str, str]:
    """A release of the sample as it is."""
    return released(compare(sample))


def shown(outcome: Outcome) -> str:
    """The log without the time that it took."""
    return outcome.log.rpartition("DURATION")[0]


def test_everything_is_new_before_the_first_release(sample: Workshop) -> None:
    outcome = compare(sample)
    summary = f"backend {COMMIT[:12]} replaces nothing, frontend {COMMIT[:12]} replaces nothing"
    digests = {name: outcome.variables[name] for name in ("BACKEND_DIGEST", "FRONTEND_DIGEST")}
    console = "https://us-east-1.console.aws.amazon.com/codebuild/home?region=us-east-1"
    assert outcome.variables == {
        **digests,
        "BACKEND_CHANGED": "true",
        "FRONTEND_CHANGED": "true",
        "CHANGED": "backend and frontend",
        "SUMMARY": summary,
        "PAGE": f"{console}#/builds/changes:1/view/new",
        "TITLE": "see the commits in the plan",
    }
    assert all(re.fullmatch("[0-9a-f]{32}", digest) for digest in digests.values())
    assert len(set(digests.values())) == 2
    assert sample.machine.calls("aws", "ssm", "put-parameter") == [
        [*f"aws ssm put-parameter --name {PATH}/{side}-next --value {RUN} --type String --overwrite".split()]
        for side in ("backend", "frontend")
    ]
    assert shown(outcome) == (
        f"# Release of {COMMIT[:12]} to production\n\n"
        "| side | last released | why it is released |\n"
        "|---|---|---|\n"
        "| backend | never | changed |\n"
        "| frontend | never | changed |\n\n"
        f"Image: {REPOSITORY}:{COMMIT[:12]}\n\n"
        f"RESULT changes: {summary}\n"
    )


def test_what_was_released_is_left_alone(sample: Workshop, records: dict[str, str]) -> None:
    outcome = compare(sample, records)
    assert changed(outcome) == ("false", "false", "nothing")
    assert announced(sample) == []
    assert outcome.variables["SUMMARY"] == "backend stays, frontend stays"
    assert shown(outcome) == (
        f"# Release of {COMMIT[:12]} to production\n\n"
        "| side | last released | why it is released |\n"
        "|---|---|---|\n"
        f"| backend | {OLD[:12]} | nothing has changed: left alone |\n"
        f"| frontend | {OLD[:12]} | nothing has changed: left alone |\n\n"
        "RESULT changes: backend stays, frontend stays\n"
    )


@pytest.mark.parametrize(
    ("file", "sides"),
    [
        ("backend/app/new.py", "backend"),
        ("requirements.txt", "backend"),
        ("frontend/src/new.js", "frontend"),
        ("docs/new.md", "nothing"),
    ],
)
def test_a_file_counts_for_its_side(sample: Workshop, records: dict[str, str], file: str, sides: str) -> None:
    sample.write(file, "new")
    outcome = compare(sample, records)
    assert changed(outcome)[2] == sides
    assert [name for name, _ in announced(sample)] == [f"{PATH}/{sides}-next"] * (sides != "nothing")
    if sides != "nothing":
        assert f"{sides} {COMMIT[:12]} replaces {OLD[:12]}" in outcome.variables["SUMMARY"]


def test_a_renamed_file_and_another_recipe_or_place_count(
    sample: Workshop, records: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert changed(compare(sample, records, DISTRIBUTION_ID="E2"))[2] == "backend and frontend"
    monkeypatch.setitem(PROJECT, "environment", {"image": "standard:8.0"})
    assert changed(compare(sample, records))[2] == "backend and frontend"
    monkeypatch.undo()
    package = sample.source / "frontend/package.json"
    package.rename(package.with_name("renamed.json"))
    assert changed(compare(sample, records))[2] == "frontend"


@pytest.mark.parametrize("following", ["run-1b", None])
def test_a_release_that_did_not_finish_is_made_again(
    sample: Workshop, records: dict[str, str], following: str | None
) -> None:
    """Or one that is under way: nobody knows yet what will run. Without the option nothing is written there."""
    del records["backend-next"]
    outcome = compare(sample, records | ({"backend-next": following} if following else {}))
    assert changed(outcome)[2] == "backend"
    assert "| backend | ffffffffffff | another release of it is under way, or did not finish |" in outcome.log
    kept = compare(sample, records, ONLY_CHANGED="false", EXECUTION="")
    assert changed(kept)[2] == "nothing"


def test_one_side_alone(sample: Workshop) -> None:
    outcome = compare(sample, BACKEND_PROJECT="", REPOSITORY_URI="")
    assert changed(outcome) == ("false", "true", "frontend")
    assert outcome.variables["BACKEND_DIGEST"] == "none"
    assert "| backend" not in outcome.log and "Image:" not in outcome.log


def test_a_plan_shows_commits_and_changes_nothing(sample: Workshop, records: dict[str, str]) -> None:
    commit: dict[str, Any] = {"commit": {"message": "Second title\n\nMore", "parents": ["e" * 40]}}
    sample.machine.answer("codecommit get-commit", commit)
    sample.write("backend/app/new.py", "new")
    outcome = compare(sample, records, EXECUTION="", REPOSITORY_NAME="dashboard", ONLY_CHANGED="false")
    assert announced(sample) == []
    older = "- eeeeeeeeeeee Second title\n" * 19
    assert shown(outcome).partition("why it is released |\n|---|---|---|\n")[2] == (
        f"| backend | {OLD[:12]} | changed |\n"
        f"| frontend | {OLD[:12]} | nothing has changed: released all the same |\n\n"
        f"Image: {REPOSITORY}:{COMMIT[:12]}\n\n"
        f"Commits:\n- {COMMIT[:12]} Second title\n{older}- and older ones\n\n"
        f"RESULT changes: {outcome.variables['SUMMARY']}\n"
    )
    assert sample.machine.calls("aws", "codecommit")[:2] == [
        [*f"aws codecommit get-commit --repository-name dashboard --commit-id {commit}".split()]
        for commit in (COMMIT, "e" * 40)
    ]
    assert outcome.variables["PAGE"].endswith("#/builds/changes:1/view/new")


def test_a_plan_says_what_was_decided_before_it(sample: Workshop, records: dict[str, str]) -> None:
    """Another execution may have set out since, and that does not concern this one."""
    records["frontend-next"] = "run-3"
    outcome = compare(sample, records, EXECUTION="", DECIDED="backend")
    assert outcome.variables["SUMMARY"] == f"backend {COMMIT[:12]} replaces {OLD[:12]}, frontend stays"


def test_the_commits_end_at_the_last_release(sample: Workshop, records: dict[str, str]) -> None:
    sample.machine.answer("codecommit get-commit", {"commit": {"message": "One", "parents": [OLD]}})
    outcome = compare(sample, records, EXECUTION="", REPOSITORY_NAME="dashboard")
    assert f"Commits:\n- {COMMIT[:12]} One\n\nRESULT" in outcome.log


def test_an_answer_that_does_not_come_fails_the_build(sample: Workshop) -> None:
    sample.machine.answer("ssm get-parameters", status=254, error="AccessDeniedException")
    outcome = sample.build("changes", {**VARIABLES, "CODEBUILD_SRC_DIR": str(sample.source)})
    assert not outcome.succeeded
    assert "ERROR `aws ssm get-parameters" in outcome.log and "AccessDeniedException" in outcome.log


def test_what_a_question_is_asked_with_stays_short(sample: Workshop) -> None:
    """A configuration value has 1,000 characters with all that is put into it, and a commit message has no limit."""
    message = 'A "title" with a \\ and\ta tab ' + "x" * 500 + "\n\nand a body\n" * 50
    sample.machine.answer("codecommit get-commit", {"commit": {"message": message, "parents": []}})
    outcome = compare(sample, EXECUTION="", REPOSITORY_NAME="dashboard")
    title = outcome.variables["TITLE"]
    assert title.startswith("A  title  with a   anda tab xxx") and title.endswith("...") and len(title) == 200
    assert "\n" not in title and '"' not in title
    assert len(outcome.variables["SUMMARY"]) <= 200 and len(outcome.variables["PAGE"]) <= 300


def test_behind_a_connection_the_question_names_no_title(sample: Workshop) -> None:
    assert compare(sample, EXECUTION="").variables["TITLE"] == "see the commits in the plan"
