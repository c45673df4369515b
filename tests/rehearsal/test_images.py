"""The stand-in for Docker finds what a build would stumble over."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scripts.rehearsal.errors import Failed
from scripts.rehearsal.images import Images, instructions, module_of, problems
from scripts.rehearsal.permissions import Denied
from scripts.rehearsal.programs import Ask
from tests.rehearsal.answering import ROLE, Answering, allow, aws, judge

GOOD = """# comment
FROM python:3.11
COPY requirements.txt .
COPY --chown=1 app \\
  ./app
CMD ["uvicorn", "app.main:app"]
"""
TAG = "111122223333.dkr.ecr.us-east-1.amazonaws.com/images:0123"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    (folder / "app").mkdir(parents=True)
    (folder / "requirements.txt").write_text("")
    (folder / "Dockerfile").write_text(GOOD)
    return folder


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("", "", []),
        ("FROM python:3.11\n", "", ["there is no FROM"]),
        ('CMD ["uvicorn", "app.main:app"]\n', "", ["there is no CMD, so a task would end at once"]),
        ("requirements.txt", "missing.txt", ["COPY missing.txt: the context has no such file"]),
        ("COPY requirements.txt .", "COPY --from=other /x .", []),
        ("COPY requirements.txt .", "COPY . .", []),
        ("COPY requirements.txt .", "COPY /app require*.txt .", []),
        ("COPY requirements.txt .", "COPY require*.toml .", ["COPY require*.toml: the context has no such file"]),
        ("COPY requirements.txt .", 'COPY ["missing", "."]', ["COPY missing: the context has no such file"]),
    ],
)
def test_dockerfiles(context: Path, old: str, new: str, wanted: list[str]) -> None:
    assert problems(instructions(GOOD.replace(old, new)), context) == wanted


@pytest.mark.parametrize(
    ("command", "module"),
    [
        ('["gunicorn", "-b", "0.0.0.0:8000", "app.main:app"]', "app.main:app"),
        ('["sh", "-c", "uvicorn main:app --port ${PORT:-8000}"]', "main:app"),
        ('["python", "run.py"]', ""),
    ],
)
def test_the_module_that_a_command_serves(tmp_path: Path, context: Path, command: str, module: str) -> None:
    (context / "Dockerfile").write_text(f"FROM x\nCOPY $SOME/where .\nCMD {command}\n")
    held = images(tmp_path, Answering({"ecr.put_image": {}}))
    docker = held.docker(judge(allow("Push", ["ecr:*"], "*")), ROLE)
    for words in (["build", "--file", "Dockerfile", "--tag", TAG, "."], ["push", TAG]):
        assert docker(Ask(words, context)).status == 0
    found = held.find(TAG)
    assert found and found[0].module == module
    if not module:
        with pytest.raises(Failed, match="names no module"):
            module_of(found[0])


def images(tmp_path: Path, fake: Answering) -> Images:
    return Images(aws(fake), tmp_path / "images", lambda _: None)


def test_an_image_is_there_when_it_was_pushed(tmp_path: Path, context: Path) -> None:
    fake = Answering({"ecr.put_image": {}})
    held = images(tmp_path, fake)
    docker = held.docker(judge(allow("Push", ["ecr:*"], "*")), ROLE)
    assert docker(Ask(["push", TAG], context)).status == 1
    assert docker(Ask(["build", "--file", "Dockerfile", "--tag", TAG, "."], context)).status == 0
    assert held.find(TAG) is None
    assert docker(Ask(["push", TAG], context)).status == 0
    found = held.find(TAG)
    assert found and found[0].module == "app.main:app" and (found[1] / "requirements.txt").exists()
    name, given = fake.asked[-1]
    assert name == "ecr.put_image" and (given["repositoryName"], given["imageTag"]) == ("images", "0123")


def test_a_push_needs_its_permissions(tmp_path: Path, context: Path) -> None:
    docker = images(tmp_path, Answering()).docker(judge(), ROLE)
    assert docker(Ask(["build", "--file", "Dockerfile", "--tag", TAG, "."], context)).status == 0
    with pytest.raises(Denied, match="repository/images"):
        docker(Ask(["push", TAG], context))


def test_a_build_that_would_fail_fails(tmp_path: Path, context: Path) -> None:
    (context / "requirements.txt").unlink()
    docker = images(tmp_path, Answering()).docker(judge(), ROLE)
    answer = docker(Ask(["build", "--file", "Dockerfile", "--tag", TAG, "."], context))
    assert (answer.status, answer.error) == (1, "Dockerfile: COPY requirements.txt: the context has no such file\n")
    assert docker(Ask(["run", "x"], context)).status == 125
    assert docker(Ask(["login"], context)).status == 1


def test_with_an_engine_the_image_is_really_built(
    context: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program in the engine's place: it answers as one, notes what it is asked to build, and fails when told."""
    engine = tmp_path / "engine"
    engine.mkdir()
    program = engine / "docker"
    script = '#!/bin/sh\n[ "$1" = version ] && exit 0\necho "$@" >> "$0.asked"\n'
    script += "[ ! -e fail ] || { echo no space >&2; exit 7; }\n"
    program.write_text(script, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{engine}:{os.environ['PATH']}")
    notes: list[str] = []
    held = Images(aws(Answering()), tmp_path / "images", notes.append)
    docker = held.docker(judge(), ROLE)
    words = ["build", "--file", "Dockerfile", "--tag", TAG, "."]
    assert docker(Ask(words, context)).status == 0
    assert (engine / "docker.asked").read_text() == " ".join(words) + "\n"
    assert ["really built" in note for note in notes] == [True]
    (context / "fail").touch()
    answer = docker(Ask(words, context))
    assert (answer.status, answer.error) == (7, "no space\n")
