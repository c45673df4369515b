"""The jobs of the files that plan, deploy and check: who they sign in as, when they run, and their scripts, run in a
shell with stand-ins of `delivery` and `make`."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.ci import command
from tests.support import pull_requests

# Notes what it is asked for, and ends with the status in the file `status`.
STAND_IN = (
    '#!/bin/sh\necho "{name} $*" >> "$CALLS"\necho "{name} says"\nexit "$(cat "$CALLS.{name}" 2>/dev/null || echo 0)"\n'
)


def parsed(host: str, ending: str) -> Any:
    [text] = [text for path, text in command.files(host) if path.endswith(ending)]
    return yaml.safe_load(text)


class Shell:
    """A folder with stand-ins, in which scripts run as the hosts run them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.notes = folder / "checkout", folder / "calls"
        binaries, programs = self.folder / ".venv/bin", folder / "bin"
        binaries.mkdir(parents=True)
        programs.mkdir()
        for name, place in (("delivery", binaries), ("make", programs)):
            (place / name).write_text(STAND_IN.format(name=name), encoding="utf-8")
            (place / name).chmod(0o755)
        self.notes.write_text("", encoding="utf-8")
        self.variables = {"PATH": f"{programs}:{os.environ['PATH']}", "CALLS": str(self.notes), "HOME": str(folder)}

    def ends(self, program: str, status: int) -> None:
        """Lets a stand-in end with a status."""
        Path(f"{self.notes}.{program}").write_text(str(status), encoding="utf-8")

    def run(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script],
            cwd=self.folder,
            env={**self.variables, **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *pull_requests.NAMED, *words], cwd=self.folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, message: str) -> str:
        """An empty commit of this folder, which is a repository from then on."""
        if not (self.folder / ".git").exists():
            self.git("init", "--quiet", "--initial-branch", "main")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def calls(self) -> list[str]:
        return self.notes.read_text(encoding="utf-8").splitlines()

    def text(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


REGION = {"aws-region": "${{ vars.AWS_REGION }}"}
SIGN_IN = [
    {**REGION, "role-to-assume": "${{ vars.CI_ROLE_ARN }}"},
    {
        **REGION,
        "role-to-assume": "${{ vars.DEPLOY_ROLE_ARN }}",
        "role-chaining": True,
        "role-skip-session-tagging": True,
    },
]
JOBS = [("deploy.yml", "plan"), ("deploy.yml", "deploy"), ("watch.yml", "watch")]


@pytest.mark.parametrize(("file", "name"), JOBS)
def test_a_job_signs_in_by_two_roles_before_it_runs_the_command(file: str, name: str) -> None:
    """After the templates are rendered: what a checkout installs never sees credentials."""
    body = parsed("github", file)
    assert body["permissions"] == {"contents": "read", "id-token": "write"}
    steps = body["jobs"][name]["steps"]
    signing = [number for number, step in enumerate(steps) if "configure-aws-credentials" in step.get("uses", "")]
    assert [steps[number]["with"] for number in signing] == SIGN_IN
    renders = [number for number, step in enumerate(steps) if step.get("run") == "make templates"]
    used = [number for number, step in enumerate(steps) if "delivery" in step.get("run", "")]
    assert len(renders) == 1 and used and renders[0] < signing[0] < signing[1] < used[0]


def test_every_job_of_github_has_a_limit_and_leaves_no_token_in_its_checkout() -> None:
    jobs = {
        (path, name): job
        for path, text in command.files("github")
        if "workflows" in path
        for name, job in yaml.safe_load(text)["jobs"].items()
    }
    assert len(jobs) == 7
    for place, job in jobs.items():
        assert job["runs-on"] == "ubuntu-latest" and 5 <= job["timeout-minutes"] <= 90, place
        checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
        assert all(step["with"]["persist-credentials"] is False for step in checkouts), place
        runs = [step["run"] for step in job["steps"] if "run" in step]
        pythons = [step["with"] for step in job["steps"] if step.get("uses", "").startswith("actions/setup-python@")]
        # What comments or uploads installs nothing, so that it may hold a token.
        assert pythons == (
            [{"python-version": "3.11"}] if any(not each.startswith("python3 -I") for each in runs) else []
        )
        assert bool(checkouts) is bool(runs), place


def test_when_the_jobs_of_a_deployment_run() -> None:
    body = parsed("github", "deploy.yml")
    assert body[True] == {
        "workflow_dispatch": {
            "inputs": {
                "environment": {"description": "environment, a file in params/", "required": True, "default": "staging"}
            }
        }
    }
    assert body["concurrency"] == {"group": "deploy-${{ inputs.environment }}"}
    plan, deploy = ({key: job[key] for key in job if key != "steps"} for job in body["jobs"].values())
    named = {"env": {"ENVIRONMENT": "${{ inputs.environment }}"}, "runs-on": "ubuntu-latest"}
    assert plan == {
        **named,
        "if": "github.ref_name == github.event.repository.default_branch",
        "timeout-minutes": 30,
        "environment": "${{ inputs.environment }}-plan",
        "outputs": {"status": "${{ steps.plan.outputs.status }}"},
    }
    assert deploy == {
        **named,
        "needs": "plan",
        "if": "needs.plan.outputs.status == '2'",
        "timeout-minutes": 90,
        "environment": "${{ inputs.environment }}",
    }
    transfers = [step for job in body["jobs"].values() for step in job["steps"] if "artifact" in step.get("uses", "")]
    assert [(step.get("if"), step["with"]) for step in transfers] == [
        ("steps.plan.outputs.status == '2'", {"name": "plan", "path": "plan.json"}),
        (None, {"name": "plan"}),
    ]


@pytest.mark.parametrize(("status", "passes"), [(0, True), (2, True), (1, False), (3, False), (64, False)])
def test_a_plan_hands_on_its_status_and_shows_what_it_says(shell: Shell, status: int, passes: bool) -> None:
    [step] = [step for step in parsed("github", "deploy.yml")["jobs"]["plan"]["steps"] if step.get("id") == "plan"]
    shell.ends("delivery", status)
    files = {name: str(shell.folder / name) for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    done = shell.run(step["run"], ENVIRONMENT="staging", **files)
    assert (done.returncode == 0) is passes
    assert shell.calls() == ["delivery plan staging --out plan.json --format markdown"]
    assert shell.text("GITHUB_OUTPUT") == f"status={status}\n"
    assert shell.text("GITHUB_STEP_SUMMARY") == shell.text("plan.md") == "delivery says\n"


def test_what_was_planned_is_deployed_and_a_watch_looks_twice(shell: Shell) -> None:
    for file, name in JOBS[1:]:
        for step in parsed("github", file)["jobs"][name]["steps"]:
            if "delivery" in step.get("run", ""):
                assert shell.run(step["run"], ENVIRONMENT="staging").returncode == 0
    assert shell.calls() == [
        "delivery deploy staging --plan plan.json --yes",
        "delivery status staging",
        "delivery drift staging",
    ]


def test_when_the_steps_of_a_review_run() -> None:
    """A failing gate still shows its findings and what the pull request does."""
    body = parsed("github", "review.yml")
    assert body["concurrency"] == {
        "group": "review-${{ github.event.pull_request.number }}",
        "cancel-in-progress": True,
    }
    jobs = body["jobs"]
    always, own = "${{ !cancelled() }}", "github.event.pull_request.head.repo.full_name == github.repository"
    steps = [
        (step.get("name", step.get("uses", "").partition("@")[0]), step.get("if")) for step in jobs["gate"]["steps"]
    ]
    assert steps == [
        ("actions/checkout", None),
        ("Find the commit of the base branch that this is merged into", None),
        ("actions/setup-python", None),
        ("Render, lint and check the templates", None),
        ("Show what the gate found at its lines", "failure()"),
        ("actions/upload-artifact", "always()"),
        ("The committed templates are those that the generator renders", None),
        ("The version goes up with what an update does to a living environment", None),
        ("Review", always),
        ("Review as a page", always),
        ("actions/upload-artifact", always),
    ]
    assert {name: (job.get("needs"), job.get("if"), job.get("permissions")) for name, job in jobs.items()} == {
        "gate": (None, None, None),
        "scan": ("gate", f"always() && {own}", {"security-events": "write"}),
        "comment": ("gate", f"${{{{ !cancelled() && {own} }}}}", {"contents": "read", "pull-requests": "write"}),
    }
    assert jobs["scan"]["continue-on-error"] is True
    [comment] = [step for step in jobs["comment"]["steps"] if "run" in step]
    assert comment["env"] == {
        "GITHUB_TOKEN": "${{ github.token }}",
        "PULL_REQUEST": "${{ github.event.pull_request.number }}",
        "BASE_COMMIT": "${{ github.event.pull_request.base.sha }}",
        "HEAD_COMMIT": "${{ github.event.pull_request.head.sha }}",
    }
    artifacts = [
        (name, step["uses"].partition("@")[0].rpartition("/")[2], step["with"])
        for name, job in jobs.items()
        for step in job["steps"]
        if "artifact" in step.get("uses", "")
    ]
    assert artifacts == [
        ("gate", "upload-artifact", {"name": "gate", "path": "gate.sarif", "if-no-files-found": "ignore"}),
        ("gate", "upload-artifact", {"name": "review", "path": "review.md\nreview.html\n"}),
        ("scan", "download-artifact", {"name": "gate"}),
        ("comment", "download-artifact", {"name": "review", "path": "review"}),
    ]


def test_a_review_compares_with_the_commit_that_the_checkout_merges_into(shell: Shell) -> None:
    """A checkout that is no merge ends the job: nobody knows then what it is compared with."""
    steps = {step.get("name"): step for step in parsed("github", "review.yml")["jobs"]["gate"]["steps"]}
    find = steps["Find the commit of the base branch that this is merged into"]["run"]
    files = {name: str(shell.folder / name) for name in ("GITHUB_ENV", "GITHUB_STEP_SUMMARY")}
    shell.commit("first")
    assert shell.run(find, **files).returncode != 0
    shell.git("checkout", "--quiet", "-b", "work")
    shell.commit("work")
    shell.git("checkout", "--quiet", "main")
    base = shell.commit("meanwhile")
    shell.git("merge", "--quiet", "--no-ff", "work")
    assert shell.run(find, **files).returncode == 0
    assert shell.text("GITHUB_ENV") == f"MERGED_INTO={base}\n"
    for name in ("Review", "Review as a page"):
        assert shell.run(steps[name]["run"], MERGED_INTO=base, **files).returncode == 0
    assert shell.calls() == [f"delivery review {base} --format {form}" for form in ("markdown", "html")]
    assert (
        shell.text("review.md") == shell.text("review.html") == shell.text("GITHUB_STEP_SUMMARY") == "delivery says\n"
    )


def test_when_the_jobs_of_gitlab_run() -> None:
    body = parsed("gitlab", ".gitlab-ci.yml")
    jobs = {name: job for name, job in body.items() if "script" in job}
    assert {name: job["stage"] for name, job in jobs.items()} == {
        "gate": "check",
        "comment": "comment",
        "tests": "check",
        "plan:staging": "plan",
        "deploy:staging": "deploy",
        "drift:staging": "deploy",
    }
    assert body["stages"] == ["check", "comment", "plan", "deploy"]
    request, branch = '$CI_PIPELINE_SOURCE == "merge_request_event"', "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"
    schedule, own = '$CI_PIPELINE_SOURCE == "schedule"', "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID"
    by_hand = [{"if": schedule, "when": "never"}, {"if": branch, "when": "manual"}]
    assert {name: job.get("rules", body[".signed-in"]["rules"]) for name, job in jobs.items()} == {
        "gate": [{"if": request}],
        "comment": [{"if": f"{request} && {own}", "when": "always"}],
        "tests": [{"if": request}, {"if": branch}],
        "plan:staging": by_hand,
        "deploy:staging": by_hand,
        "drift:staging": [{"if": schedule}],
    }
    signed_in = {name for name, job in jobs.items() if job.get("extends") == ".signed-in"}
    assert signed_in == {"plan:staging", "deploy:staging", "drift:staging"}
    plan, deploy = jobs["plan:staging"], jobs["deploy:staging"]
    assert deploy["needs"] == ["plan:staging"] and deploy["environment"] == "staging"
    assert plan["resource_group"] == deploy["resource_group"] == "staging"
    assert plan["artifacts"] == {"paths": ["plan.json", "plan.md"]}
    assert body[".signed-in"]["id_tokens"] == {"AWS_TOKEN": {"aud": "sts.amazonaws.com"}}
    assert jobs["gate"]["artifacts"] == {
        "when": "always",
        "paths": ["review.md", "review.html"],
        "reports": {"junit": "gate.xml"},
    }
    assert jobs["comment"]["variables"] == {"GIT_STRATEGY": "clone"} and body["variables"] == {"GIT_DEPTH": "0"}


CONFIG = """\
[profile ci]
role_arn = arn:ci
web_identity_token_file = {folder}/token
[profile deploy]
role_arn = arn:deploy
source_profile = ci
region = eu-west-1
"""


@pytest.mark.parametrize(("status", "passes"), [(0, True), (2, True), (1, False), (3, False)])
def test_a_job_of_gitlab_signs_in_and_plans(shell: Shell, status: int, passes: bool) -> None:
    """The token is nobody else's to read, and AWS's own configuration names both roles."""
    body = parsed("gitlab", ".gitlab-ci.yml")
    shell.ends("delivery", status)
    variables = {
        "AWS_TOKEN": "t0ken",
        "CI_ROLE_ARN": "arn:ci",
        "DEPLOY_ROLE_ARN": "arn:deploy",
        "AWS_REGION": "eu-west-1",
    }
    scripts = [*body[".signed-in"]["before_script"], 'echo "$AWS_PROFILE $AWS_CONFIG_FILE" > signed-in']
    done = shell.run("\n".join([*scripts, *body["plan:staging"]["script"]]), **variables)
    assert (done.returncode == 0) is passes
    assert shell.calls() == ["make templates", "delivery plan staging --out plan.json --format markdown"]
    assert shell.text("token") == "t0ken" and stat.S_IMODE((shell.folder / "token").stat().st_mode) == 0o600
    assert shell.text("aws-config") == CONFIG.format(folder=shell.folder)
    assert shell.text("signed-in") == f"deploy {shell.folder}/aws-config\n"
    assert shell.text("plan.md") == "delivery says\n"


def test_the_other_jobs_of_gitlab_deploy_the_plan_and_look_twice(shell: Shell) -> None:
    body = parsed("gitlab", ".gitlab-ci.yml")
    for name in ("deploy:staging", "drift:staging"):
        assert shell.run("\n".join(body[name]["script"])).returncode == 0
    assert shell.calls() == [
        "delivery deploy staging --plan plan.json --yes",
        "delivery status staging",
        "delivery drift staging",
    ]


@pytest.mark.parametrize(("gate", "merges_into"), [(0, ""), (1, ""), (0, "target")])
def test_the_gate_of_gitlab_reviews_first_and_fails_then(shell: Shell, gate: int, merges_into: str) -> None:
    shell.ends("make", gate)
    variables = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": "base", "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": merges_into}
    script = parsed("gitlab", ".gitlab-ci.yml")["gate"]["script"]
    [end] = [number for number, line in enumerate(script) if line.startswith("test ")]
    done = shell.run("\n".join(script[: end + 1]), **variables)
    assert (done.returncode == 0) is (gate == 0)
    assert shell.calls() == [
        "make templates FORMAT=junit OUT=gate.xml",
        f"delivery review {merges_into or 'base'} --format markdown",
        f"delivery review {merges_into or 'base'} --format html",
    ]
    assert shell.text("review.md") == shell.text("review.html") == "delivery says\n"
    assert script[end + 1 :] == ["git diff --exit-code -- templates docs", "bash .ci/version"]


def codebuild(shell: Shell, **variables: str) -> subprocess.CompletedProcess[str]:
    """The commands up to the one that asks how the gate ended, one after the other; without the comment."""
    commands = parsed("codebuild", "codebuild.yml")["phases"]["build"]["commands"]
    [end] = [number for number, line in enumerate(commands) if line.startswith("test ")]
    assert commands[end + 1 :] == ["git diff --exit-code -- templates docs", "bash .ci/version", "bash .ci/run"]
    (shell.folder / ".cache").mkdir()
    return shell.run("\n".join(commands[: end + 1]), BASE="", PULL_REQUEST="", **variables)


@pytest.mark.parametrize("gate", [0, 1])
def test_codebuild_without_a_base_reviews_nothing_and_says_so(shell: Shell, gate: int) -> None:
    shell.ends("make", gate)
    assert (codebuild(shell).returncode == 0) is (gate == 0)
    assert shell.calls() == ["make templates FORMAT=junit OUT=.cache/gate.xml"]
    assert shell.text(".cache/review.html") == "no base branch is known, so there is no review\n"


def test_codebuild_reviews_against_the_base_of_a_webhook(shell: Shell) -> None:
    base = shell.commit("base")
    shell.git("remote", "add", "origin", ".")
    shell.git("checkout", "--quiet", "-b", "work")
    shell.commit("work")
    done = codebuild(shell, CODEBUILD_WEBHOOK_BASE_REF="refs/heads/main")
    assert done.returncode == 0, done.stderr
    assert shell.calls()[1:] == [
        f"delivery review {base} --format html",
        f"delivery review {base} --format markdown --longest 9900",
    ]
    assert shell.text(".cache/review.html") == shell.text(".cache/review.md") == "delivery says\n"
    assert "delivery says" in done.stdout, "without a comment the review stands in the log"
