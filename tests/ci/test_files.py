"""The files that `delivery ci-files` writes: valid for their hosts, and every command in them is one of ours."""

from __future__ import annotations

import json
import re
import shlex
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from generator.cfn.places import walk
from generator.gate.buildspec_schema import problems
from scripts import cli
from scripts.ci import command

# Which public schema a file has to fit; check-jsonschema carries them.
SCHEMAS = {
    r"\.github/workflows/.*\.yml": "github-workflows",
    r"\.github/dependabot\.yml": "dependabot",
    r"\.gitlab-ci\.yml": "gitlab-ci",
}


def schema(name: str) -> Any:
    folder = resources("check_jsonschema") / "builtin_schemas/vendor"
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("host", command.HOSTS)
def test_every_file_fits_the_schema_of_its_host(host: str) -> None:
    judged = 0
    for path, text in command.files(host):
        for pattern, name in SCHEMAS.items():
            if re.fullmatch(pattern, path):
                judged += 1
                body = yaml.load(text, Loader=Strings)
                validator = jsonschema.validators.validator_for(schema(name))(schema(name))
                assert not [error.message for error in validator.iter_errors(body)], path
    assert judged or host == "codebuild"


class Strings(yaml.SafeLoader):
    """YAML as the hosts read it: `on` is a word and no Boolean."""


Strings.yaml_implicit_resolvers = {
    key: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:bool" or key in "tTfF"]
    for key, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def commands(host: str) -> list[str]:
    """Every line of shell in the files of a host."""
    lines = []
    for path, text in command.files(host):
        if path.endswith((".yml", ".yaml")):
            lines += [
                line for _, value in walk(yaml.safe_load(text)) if isinstance(value, str) for line in value.split("\n")
            ]
    return lines


@pytest.mark.parametrize("host", command.HOSTS)
def test_every_command_in_them_is_one_of_ours(host: str) -> None:
    typed = [match[1] for line in commands(host) for match in re.finditer(r"\.venv/bin/delivery ([^|>&]*)", line)]
    assert typed
    for words in typed:
        arguments = [word for word in shlex.split(words) if word != ";" and not word.startswith("then")]
        options = cli.parse([word.rstrip(";") for word in arguments])
        assert options.verb in cli.VERBS, words


def test_a_workflow_with_a_token_runs_nothing_of_the_pull_request() -> None:
    """The job that may write comments takes the program of the base branch, and no value of the pull request is put
    into a script as text."""
    [text] = [text for path, text in command.files("github") if path.endswith("review.yml")]
    body = yaml.safe_load(text)
    assert body["permissions"] == {"contents": "read"}
    job = body["jobs"]["comment"]
    assert job["permissions"]["pull-requests"] == "write"
    [checkout] = [step for step in job["steps"] if "checkout" in step.get("uses", "")]
    assert checkout["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"
    for path, other in command.files("github"):
        if "workflows" in path:
            for _, value in walk(yaml.safe_load(other)):
                if isinstance(value, dict) and "run" in value:
                    assert "${{" not in value["run"], (path, value["run"])


def test_actions_are_named_by_commit() -> None:
    """A tag can be moved to another commit; the version beside it is what Dependabot raises."""
    used = [
        line.partition("uses: ")[2]
        for _, text in command.files("github")
        for line in text.split("\n")
        if "uses: " in line
    ]
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)] == []


def test_what_a_schedule_starts_waits_for_nobody() -> None:
    """It signs in where no reviewers are asked, and who may push a branch has no such environment."""
    texts = {path: yaml.safe_load(text) for host in ("github", "gitlab") for path, text in command.files(host)}
    watch, deploy = (texts[f".github/workflows/{name}.yml"] for name in ("watch", "deploy"))
    gitlab = texts[".gitlab-ci.yml"]
    assert watch["jobs"]["watch"]["environment"].endswith("-plan")
    assert deploy["jobs"]["plan"]["if"] == "github.ref_name == github.event.repository.default_branch"
    assert gitlab["drift:staging"]["environment"] == gitlab["plan:staging"]["environment"] == "staging-plan"
    # The token for comments belongs to an environment of its own.
    assert [name for name, job in gitlab.items() if "review-comment" in str(job)] == ["comment"]


def test_the_buildspec_is_one() -> None:
    [text] = [text for path, text in command.files("codebuild") if path.endswith("codebuild.yml")]
    assert not list(problems(yaml.safe_load(text)))


@pytest.mark.parametrize("host", command.HOSTS)
def test_files_are_written_once_and_nothing_of_somebody_is_lost(
    host: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["ci-files", "--host", host, "--project", str(tmp_path)]
    assert cli.main(words) == 0
    written = {path: (tmp_path / path).read_text(encoding="utf-8") for path, _ in command.files(host)}
    assert written == dict(command.files(host)) and len(written) >= 2
    capsys.readouterr()
    assert cli.main(words) == 0
    assert set(re.findall(r": (.*)", capsys.readouterr().out)) == {"as it is"}
    first = next(iter(written))
    (tmp_path / first).write_text("mine\n", encoding="utf-8")
    assert cli.main(words) == 3
    assert f"{first}: there already, with other content" in capsys.readouterr().err
    assert (tmp_path / first).read_text(encoding="utf-8") == "mine\n"
    assert cli.main([*words, "--force"]) == 0
    assert (tmp_path / first).read_text(encoding="utf-8") == written[first]
