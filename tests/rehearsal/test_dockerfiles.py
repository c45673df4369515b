"""What a builder and a container would do with Dockerfiles: a table. The expected results were written down from
Docker's documentation ("Dockerfile reference", "Build context"), not from our code."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scripts.rehearsal.builds.container import Container, build
from scripts.rehearsal.builds.dockerfile import DockerfileError, words
from scripts.rehearsal.errors import ActionFailedError, NotJudgedError
from scripts.rehearsal.runtime.application import Launch, ProcessError, free_port
from scripts.rehearsal.runtime.containers import start_image
from scripts.rehearsal.runtime.ecs import requirement_lines

SERVER = """import http.server, sys
http.server.HTTPServer((sys.argv[1], int(sys.argv[2])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
START = "#!/bin/sh\nexec python3 /srv/app/serve.py 0.0.0.0 8000\n"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    for name, text in {
        "app/serve.py": SERVER,
        "app/data/words.txt": "one\n",
        "requirements.txt": "fastapi\n-r more/base.txt\n",
        "more/base.txt": "uvicorn\n",
        "start.sh": START,
        "secret.env": "KEY=1\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "start.sh").chmod(0o755)
    return folder


def built(context: Path, text: str, ignore: str = "") -> tuple[Path, Container]:
    file = context / "Dockerfile"
    file.write_text(text)
    if ignore:
        (context / ".dockerignore").write_text(ignore)
    work = context.parent / "work"
    work.mkdir()
    return build(file, context, work)


def names(files: Path) -> set[str]:
    return {str(path.relative_to(files)) for path in files.rglob("*") if path.is_file()}


TAIL = '\nCMD ["x"]\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COPY app /srv/app", {"srv/app/serve.py", "srv/app/data/words.txt"}),
        ("COPY app/ ./", {"serve.py", "data/words.txt"}),
        ("WORKDIR /srv\nWORKDIR code\nCOPY requirements.txt .", {"srv/code/requirements.txt"}),
        ("COPY requirements.txt /renamed.txt", {"renamed.txt"}),
        ("COPY requirements.txt start.sh /srv/", {"srv/requirements.txt", "srv/start.sh"}),
        ("COPY *.txt more/b?se.txt /srv/", {"srv/requirements.txt", "srv/base.txt"}),
        ('COPY ["requirements.txt", "/a b/"]', {"a b/requirements.txt"}),
        ("COPY --chown=1:1 --link app/serve.py \\\n  # a comment\n  /srv/", {"srv/serve.py"}),
        ("ARG WHERE=srv\nCOPY app/serve.py /$WHERE/", {"srv/serve.py"}),
        ("ENV WHERE=srv\nCOPY app/serve.py /${WHERE:-other}/${NONE:-deep}/", {"srv/deep/serve.py"}),
        ("COPY --parents more/base.txt /srv/", {"srv/more/base.txt"}),
        ("COPY <<EOF /srv/start.sh\necho $HOME\nEOF", {"srv/start.sh"}),
        ("RUN <<EOF\npip install x\nmkdir COPY\nEOF\nCOPY app/serve.py .", {"serve.py"}),
        ("copy app/serve.py .", {"serve.py"}),
        ("ADD app/serve.py /srv/", {"srv/serve.py"}),
    ],
)
def test_an_image_has_the_files_that_a_builder_would_copy(context: Path, text: str, expected: set[str]) -> None:
    files, container = built(context, f"FROM python:3.11\n{text}{TAIL}")
    assert names(files) == expected
    assert container.unseen == []


@pytest.mark.parametrize(
    ("ignore", "missing"),
    [
        ("app\n", "app"),
        ("*\n!requirements.txt\n", "app"),
        ("**/*.py\n", ""),
        ("# app\n\n/more\n", "more/base.txt"),
        ("app/\n", "app"),
        ("*.env\n", "secret.env"),
    ],
)
def test_what_dockerignore_names_is_not_sent(context: Path, ignore: str, missing: str) -> None:
    if missing:
        with pytest.raises(DockerfileError, match=f"COPY {missing}: the context has no such file"):
            built(context, f"FROM python:3.11\nCOPY {missing} /x{TAIL}", ignore)
    else:
        files, _ = built(context, f"FROM python:3.11\nCOPY app /x{TAIL}", ignore)
        assert names(files) == {"x/data/words.txt"}


def test_a_dockerignore_of_the_dockerfile_itself_goes_before(context: Path) -> None:
    (context / "Dockerfile.dockerignore").write_text("more\n")
    files, _ = built(context, f"FROM python:3.11\nCOPY . /x{TAIL}", "app\n")
    assert "x/app/serve.py" in names(files) and "x/more/base.txt" not in names(files)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CMD x", "CMD no build stage"),
        ("ARG A=1", "there is no FROM"),
        ("FROM python:3.11\nCOPY missing .\nCMD x", "Dockerfile:2: COPY missing: the context has no such file"),
        ("FROM python:3.11\nCOPY ../x .\nCMD x", r"COPY \.\./x: the context has no such file"),
        ("FROM python:3.11\nCOPY *.toml .\nCMD x", r"COPY \*.toml: the context has no such file"),
        ("FROM python:3.11\nCOPY app\nCMD x", "takes sources and a destination"),
        ("FROM python:3.11\nCOPYY app .\nCMD x", "unknown instruction: COPYY"),
        ("FROM python:3.11", "there is no CMD, so a task would end at once"),
        ("FROM python:3.11 AS a\nFROM a\nCOPY --from=a /none /x\nCMD x", "COPY /none: the stage a has no such file"),
        ("FROM python:3.11\nRUN <<EOF\nx", "the here-document EOF has no end"),
        ("FROM a b c\nCMD x", "FROM takes IMAGE, or IMAGE AS NAME"),
    ],
)
def test_where_a_builder_would_end(context: Path, text: str, message: str) -> None:
    with pytest.raises(DockerfileError, match=message):
        built(context, text)


UVICORN = ["uvicorn", "app.main:app"]


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ('CMD ["uvicorn", "app.main:app"]', UVICORN),
        ("CMD uvicorn app.main:app", ["/bin/sh", "-c", "uvicorn app.main:app"]),
        ('ENTRYPOINT ["uvicorn", "app.main:app"]', UVICORN),
        ('ENTRYPOINT ["uvicorn"]\nCMD ["app.main:app"]', UVICORN),
        ('CMD ["app.main:app"]\nENTRYPOINT ["uvicorn"]', UVICORN),
        ('ENTRYPOINT uvicorn app.main:app\nCMD ["ignored"]', ["/bin/sh", "-c", "uvicorn app.main:app"]),
        ('ENTRYPOINT ["exec"]\nCMD uvicorn x', ["exec", "/bin/sh", "-c", "uvicorn x"]),
        ('CMD ["first"]\nCMD ["second"]', ["second"]),
        ("CMD ['uvicorn', 'x']", ["/bin/sh", "-c", "['uvicorn', 'x']"]),
        ('SHELL ["/bin/bash", "-c"]\nCMD uvicorn x', ["/bin/bash", "-c", "uvicorn x"]),
        ('CMD [ "uvicorn", \\\n  "app.main:app" ]', UVICORN),
        ('# escape=`\nFROM python:3.11\nCMD [ "uvicorn", `\n "app.main:app" ]', UVICORN),
    ],
)
def test_what_a_container_starts(context: Path, text: str, command: list[str]) -> None:
    head = "" if text.startswith("#") else "FROM python:3.11\n"
    assert built(context, head + text)[1].command == command


def test_stages_are_built_on_one_another(context: Path) -> None:
    files, container = built(
        context,
        "ARG BASE=python:3.11\nFROM ${BASE} AS build\nWORKDIR /code\nCOPY requirements.txt .\n"
        "RUN pip install --no-cache-dir -r requirements.txt 'gunicorn>=20'\n"
        'FROM build AS test\nCOPY app ./app\nENV A=1 B="two words"\nUSER 1000\nEXPOSE 8000/tcp\n'
        'FROM test\nCOPY --from=build /code/requirements.txt /x/\nCMD ["x"]\n',
    )
    assert names(files) == {
        "code/requirements.txt",
        "code/app/serve.py",
        "code/app/data/words.txt",
        "x/requirements.txt",
    }
    assert container.environment == {"A": "1", "B": "two words"}
    assert (container.folder, container.user, container.exposed) == ("/code", "1000", ["8000/tcp"])
    assert requirement_lines(container, files) == ["fastapi", "gunicorn>=20"]


def test_requirements_are_known_by_their_whole_text(context: Path) -> None:
    files, container = built(
        context,
        "FROM python:3.11\nCOPY . /srv\nWORKDIR /srv\nRUN python -m pip install -r ./requirements.txt && "
        "uv pip install --system 'fastapi[standard]' && pip install --upgrade pip\nCMD [\"x\"]\n",
    )
    assert requirement_lines(container, files) == ["fastapi", "uvicorn", "fastapi[standard]", "pip"]
    assert container.unseen == []


@pytest.mark.parametrize(
    ("text", "unseen"),
    [
        ("RUN apt-get update && apt-get install -y tini", ["RUN apt-get update", "RUN apt-get install -y tini"]),
        ("RUN curl https://x.test/y | sh", ["RUN curl https://x.test/y", "RUN sh"]),
        (
            "COPY --from=ghcr.io/astral-sh/uv /uv /bin/",
            ["COPY --from=ghcr.io/astral-sh/uv: that image was not looked at"],
        ),
        ("ADD https://x.test/y /y", ["ADD https://x.test/y: nothing was fetched"]),
    ],
)
def test_what_was_not_looked_at_is_listed(context: Path, text: str, unseen: list[str]) -> None:
    lines = built(context, f"FROM python:3.11\n{text}{TAIL}")[1].unseen
    assert len(lines) == len(unseen) and all(map(str.startswith, lines, unseen))


def test_words_have_their_variables_replaced_as_documented() -> None:
    variables = {"foo": "bar", "empty": ""}
    for text, expected in {
        "$foo ${foo}": ["bar", "bar"],
        r"\$foo": ["$foo"],
        "'$foo'": ["$foo"],
        '"$foo x"': ["bar x"],
        "${none:-a} ${empty:-b} ${empty-c} ${foo:+d} ${none:+e}x": ["a", "b", "", "d", "x"],
        r"a\ b": ["a b"],
        "pre${foo}post": ["prebarpost"],
    }.items():
        assert words(text, variables) == expected, text


def serve(context: Path, text: str) -> str:
    """Starts the image, and what its server answers for a file."""
    files, container = built(context, f"FROM python:3.11\nWORKDIR /srv\n{text}\n")
    launch = Launch(context.parent / "task", {}, free_port(), 5.0)
    running = start_image(launch, files, container, Path(sys.executable).parent, 8000)
    try:
        return running.url
    finally:
        running.stop()


COPY = "COPY app app\nCOPY start.sh .\n"


@pytest.mark.parametrize(
    "text",
    [
        f'{COPY}CMD ["python3", "app/serve.py", "0.0.0.0", "8000"]',
        f'{COPY}ENTRYPOINT ["python3", "/srv/app/serve.py"]\nCMD ["0.0.0.0", "8000"]',
        f"{COPY}ENV PORT=8000\nCMD python3 app/serve.py 0.0.0.0 ${{PORT}}",
        f'{COPY}CMD ["./start.sh"]',
        f'{COPY}CMD ["/srv/start.sh"]',
        f'{COPY}CMD ["sh", "-c", "cd /srv/app && python3 serve.py 0.0.0.0 8000"]',
        f'{COPY}RUN chmod +x app/serve.py\nCMD ["/usr/local/bin/python3", "app/serve.py", "0.0.0.0", "8000"]',
    ],
)
def test_a_container_starts_what_its_image_says(context: Path, text: str) -> None:
    assert serve(context, text).startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ('CMD ["python3", "app/serve.py", "0.0.0.0", "80"]', ProcessError, "listens on port 80, and the load"),
        ('CMD ["python3", "app/serve.py", "127.0.0.1", "8000"]', ProcessError, "listens on 127.0.0.1, which nobody"),
        ('CMD ["pythom", "app/serve.py"]', ProcessError, "'pythom': executable file not found in"),
        ('CMD ["./app/serve.py"]', ProcessError, "permission denied"),
        ('CMD ["python3", "app/none.py"]', ActionFailedError, "ended with status 2"),
        ('RUN apt-get install -y tiny\nCMD ["tiny", "--", "x"]', NotJudgedError, "`RUN apt-get install -y tiny` may"),
    ],
)
def test_a_container_that_does_not_serve_is_told_with_its_reason(
    context: Path, text: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        serve(context, COPY + text)


def test_a_base_image_with_a_command_of_its_own_is_not_judged(context: Path) -> None:
    (context / "Dockerfile").write_text("FROM tiangolo/uvicorn-gunicorn-fastapi:python3.11\nCOPY app /app\n")
    (context.parent / "work").mkdir()
    files, container = build(context / "Dockerfile", context, context.parent / "work")
    with pytest.raises(NotJudgedError, match="the command that tiangolo/uvicorn-gunicorn-fastapi"):
        start_image(Launch(context.parent / "t", {}, free_port()), files, container, Path(sys.executable).parent, 8000)


def test_a_package_is_no_folder_of_the_same_name(context: Path) -> None:
    text = "FROM python:3.11\nWORKDIR /srv\nCOPY app ./redis\nCOPY requirements.txt x\n"
    files, container = built(context, f"{text}RUN pip install redis -r x ./redis{TAIL}")
    lines = requirement_lines(container, files)
    assert "redis" in lines and str(files / "srv/redis") in lines and "fastapi" in lines


@pytest.mark.parametrize(
    "text", ["COPY out /x", "COPY o* /x", "COPY nested /x\nCOPY app/serve.py /x/out/", "COPY nested /x\nWORKDIR /x/out"]
)
def test_a_link_leads_nowhere_outside(context: Path, text: str) -> None:
    """Neither is something outside read into the image, nor is anything written there."""
    outside = context.parent / "outside"
    outside.mkdir()
    (outside / "secret").write_text("x")
    (context / "nested").mkdir()
    for link in (context / "out", context / "nested" / "out"):
        link.symlink_to(outside)
    with pytest.raises(DockerfileError, match=r"has no such file|a link leads out"):
        built(context, f"FROM python:3.11\n{text}{TAIL}")
    assert [path.name for path in outside.iterdir()] == ["secret"]
