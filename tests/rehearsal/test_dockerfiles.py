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
        ("COPY\tapp/serve.py\t/srv/", {"srv/serve.py"}),
        ("COPY ../start.sh /srv/", {"srv/start.sh"}),
        ("COPY requirements.txt poetry.lock* /srv/", {"srv/requirements.txt"}),
        ("COPY app/*.toml start.sh /srv/", {"srv/start.sh"}),
        ('RUN echo "a <<EOF"\nCOPY start.sh /srv/', {"srv/start.sh"}),
        ("RUN echo <<<word\nCOPY start.sh /srv/", {"srv/start.sh"}),
        ("RUN <<END-OF\necho COPY\nEND-OF\nCOPY start.sh /srv/", {"srv/start.sh"}),
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
        ("FROM python:3.11\nCOPY none/*.toml .\nCMD x", r"COPY none/\*.toml: the context has no such file"),
        ("FROM python:3.11\nCOPY app\nCMD x", "takes sources and a destination"),
        ("FROM python:3.11\nCOPYY app .\nCMD x", "unknown instruction: COPYY"),
        ("FROM python:3.11\nCOPY start.sh app /srv\nCMD x", "with more than one source the destination ends with a /"),
        ('FROM python:3.11 AS a\nCMD ["x"]\nFROM a\nCMD []', "there is no CMD, so a task would end at once"),
        ("FROM python:3.11", "there is no CMD, so a task would end at once"),
        ("FROM python:3.11 AS a\nFROM a\nCOPY --from=a /none /x\nCMD x", "COPY /none: the stage a has no such file"),
        ("FROM python:3.11\nRUN <<EOF\nx", "the here-document EOF has no end"),
        ("FROM a b c\nCMD x", "FROM takes IMAGE, or IMAGE AS NAME"),
    ],
)
def test_where_a_builder_would_end(context: Path, text: str, message: str) -> None:
    with pytest.raises(DockerfileError, match=message):
        built(context, text)


BASE = "FROM python:3.11 AS base\n"
# Each row: a heading of "Dockerfile reference" with what it says, a Dockerfile, and what is expected of the image.
# It was written down from there; buildah 1.28 agrees, as far as it knows the instruction (images of OCI have no SHELL,
# its COPY has no --exclude, and its names of stages have case).
TABLE: list[tuple[str, str, dict[str, object]]] = [
    ("FROM: a stage is built on an earlier one", 'FROM base\nCMD ["a"]', {"command": ["a"]}),
    ("FROM: names of stages know no case", 'FROM BASE\nCMD ["a"]', {"command": ["a"]}),
    ("FROM: the last stage is the image", 'CMD ["a"]\nFROM python:3.11\nCMD ["b"]', {"command": ["b"]}),
    ("FROM: a platform is no part of the name", 'FROM --platform=$BUILDPLATFORM base\nCMD ["a"]', {"command": ["a"]}),
    ("CMD: only the last one counts", 'CMD ["a"]\nCMD ["b"]', {"command": ["b"]}),
    ("CMD: a stage has that of the one below", 'CMD ["a"]\nFROM base', {"command": ["a"]}),
    ("CMD: shell form", "CMD a b", {"command": ["/bin/sh", "-c", "a b"]}),
    ("CMD: no variables are replaced in the exec form", 'ENV A=1\nCMD ["a", "$A"]', {"command": ["a", "$A"]}),
    ("CMD: nor in the shell form, that is the shell's", "ENV A=1\nCMD a $A", {"command": ["/bin/sh", "-c", "a $A"]}),
    ("CMD: single quotes are no exec form", "CMD ['a']", {"command": ["/bin/sh", "-c", "['a']"]}),
    ("ENTRYPOINT: CMD are its arguments", 'ENTRYPOINT ["a"]\nCMD ["b"]', {"command": ["a", "b"]}),
    ("ENTRYPOINT: the shell form takes none", 'ENTRYPOINT a\nCMD ["b"]', {"command": ["/bin/sh", "-c", "a"]}),
    ("ENTRYPOINT: a CMD of the shell form", 'ENTRYPOINT ["a"]\nCMD b', {"command": ["a", "/bin/sh", "-c", "b"]}),
    ("ENTRYPOINT: it resets the CMD of the image below", 'CMD ["a"]\nFROM base\nENTRYPOINT ["b"]', {"command": ["b"]}),
    ("ENTRYPOINT: an empty one is none", 'ENTRYPOINT ["a"]\nFROM base\nENTRYPOINT []\nCMD ["b"]', {"command": ["b"]}),
    ("ENTRYPOINT: it keeps the CMD before it", 'CMD ["b"]\nENTRYPOINT ["a"]', {"command": ["a", "b"]}),
    ("SHELL: for all shell forms behind it", 'SHELL ["bash", "-c"]\nCMD a', {"command": ["bash", "-c", "a"]}),
    ("ARG: a default", "ARG A=x\nENV B=$A", {"environment": {"B": "x"}}),
    ("ARG: no part of the image", "ARG A=x", {"environment": {}}),
    ("ARG: ENV goes before it", "ENV A=x\nARG A=y\nENV B=$A", {"environment": {"A": "x", "B": "x"}}),
    ("ARG: it ends with its stage", "ARG A=x\nFROM python:3.11\nENV B=${A:-none}", {"environment": {"B": "none"}}),
    ("ARG: platforms need a declaration", "ENV A=${TARGETARCH:-none}", {"environment": {"A": "none"}}),
    ("ARG: platforms are set by the builder", "ARG TARGETARCH\nENV A=$TARGETARCH", {"environment": {"A": "amd64"}}),
    ("ARG: several of them", "ARG A=1 B=2\nENV C=$A$B", {"environment": {"C": "12"}}),
    ("ENV: the older form", "ENV A b c", {"environment": {"A": "b c"}}),
    ("ENV: quotes and several pairs", 'ENV A="b c" B=d\\ e', {"environment": {"A": "b c", "B": "d e"}}),
    ("ENV: a line has the values of before it", "ENV A=1\nENV A=2 B=$A", {"environment": {"A": "2", "B": "1"}}),
    ("ENV: a stage has those of the one below", "ENV A=1\nFROM base", {"environment": {"A": "1"}}),
    ("WORKDIR: relative to the one before", "WORKDIR /a\nWORKDIR b", {"folder": "/a/b"}),
    ("WORKDIR: with variables", "ENV A=/a\nWORKDIR $A/b", {"folder": "/a/b"}),
    ("USER: with a group and variables", "ARG U=7\nUSER ${U}:8", {"user": "7:8"}),
    ("EXPOSE: several, with protocols", "ENV P=80\nEXPOSE $P 443/tcp 53/udp", {"exposed": ["80", "443/tcp", "53/udp"]}),
    ("HEALTHCHECK: no part of the command", 'CMD ["a"]\nHEALTHCHECK CMD ["b"]', {"command": ["a"], "unseen": []}),
    ("HEALTHCHECK: NONE", 'CMD ["a"]\nHEALTHCHECK NONE', {"command": ["a"], "unseen": []}),
    ("LABEL, STOPSIGNAL and VOLUME", "LABEL a=b\nSTOPSIGNAL SIGINT\nVOLUME /data", {"unseen": []}),
    ("COPY: what a folder holds, not the folder", "COPY app /srv/", {"files": {"srv/serve.py", "srv/data/words.txt"}}),
    ("COPY: wildcards take folders apart", "COPY app/* /srv/", {"files": {"srv/serve.py", "srv/words.txt"}}),
    ("COPY: a name without a slash is a file", "COPY start.sh /srv", {"files": {"srv"}}),
    ("COPY: relative to the folder", "WORKDIR /a\nCOPY start.sh b/", {"files": {"a/b/start.sh"}}),
    ("COPY: a stage by its number", "COPY start.sh /\nFROM python:3\nCOPY --from=0 /start.sh /x", {"files": {"x"}}),
    ("COPY: names of stages do not count", "COPY start.sh /\nFROM python:3\nCOPY requirements.txt /\nFROM python:3\n"
     "COPY --from=1 /requirements.txt /x", {"files": {"x"}}),
    ("COPY: absolute sources are the context's", "COPY /start.sh /x", {"files": {"x"}}),
    ("COPY: --exclude", "COPY --exclude=data app /srv/", {"files": {"srv/serve.py"}}),
    ("RUN: mounted requirements", "RUN --mount=type=cache,target=/c --mount=source=more/base.txt,target=/r.txt "
     "pip install -r /r.txt", {"installs": ["uvicorn"]}),
    ("COPY: what a stage installed elsewhere", "COPY requirements.txt more/ /b/\nRUN pip install --prefix=/i "
     "-r /b/requirements.txt\nFROM python:3\nCOPY --from=base /i /usr", {"installs": ["fastapi"]}),
    ("RUN: here-documents", "RUN <<EOF\npip install gunicorn\nEOF", {"installs": ["gunicorn"], "unseen": []}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_an_image_is_by_the_reference(context: Path, text: str, expected: dict[str, object]) -> None:
    needs_command = "command" not in expected
    files, container = built(context, f"{BASE}{text}\n" + ('CMD ["x"]\n' if needs_command else ""))
    facts = {**vars(container), "files": names(files), "installs": requirement_lines(container, files)}
    assert {name: facts[name] for name in expected} == expected


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
    "command",
    [
        "uv sync --frozen --no-dev",
        "pip install poetry && poetry config virtualenvs.create false && poetry install --only main",
        "python -m pipenv install --system --deploy",
        "--mount=type=bind,source=start.sh,target=x uv sync --locked",
        "pdm sync --prod",
    ],
)
def test_what_a_lock_file_says_is_what_the_build_has_read_of_it(context: Path, command: str) -> None:
    """It leaves the requirements beside the code, as plain lines."""
    (context / "requirements.txt").write_text("fastapi==1\n./wheels/own-1.whl\n")
    files, container = built(context, f"FROM python:3.11 AS a\nRUN {command}\nFROM a{TAIL}", "requirements.txt")
    lines = requirement_lines(container, files)
    assert {"fastapi==1", f"{context}/wheels/own-1.whl"} <= set(lines)
    assert not [line for line in container.unseen if "config" not in line]


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
PLAIN = "COPY app app\nCOPY --chmod=644 start.sh .\n"  # not executable


@pytest.mark.parametrize(
    "text",
    [
        f'{COPY}CMD ["python3", "app/serve.py", "0.0.0.0", "8000"]',
        f'{COPY}ENTRYPOINT ["python3", "/srv/app/serve.py"]\nCMD ["0.0.0.0", "8000"]',
        f"{COPY}ENV PORT=8000\nCMD python3 app/serve.py 0.0.0.0 ${{PORT}}",
        f'{COPY}CMD ["./start.sh"]',
        f'{COPY}CMD ["/srv/start.sh"]',
        f'{COPY}CMD ["sh", "-c", "cd /srv/app && python3 serve.py 0.0.0.0 8000"]',
        "COPY --chmod=+x <<EOF /srv/go.sh\n#!/bin/sh\nexec python3 /srv/app/serve.py 0.0.0.0 8000\nEOF\n"
        'COPY app app\nCMD ["./go.sh"]',
        f'{PLAIN}RUN chmod -R a+x /srv\nCMD ["./start.sh"]',
        f'{PLAIN}RUN chmod u+x *.sh\nCMD ["./start.sh"]',
        'COPY --chmod=0755 start.sh app/serve.py ./app/\nCMD ["app/start.sh"]',
        f'{COPY}CMD ["python3.99", "app/serve.py", "0.0.0.0", "8000"]',
        f'{COPY}CMD ["uv", "run", "--no-sync", "--package", "x", "python3", "app/serve.py", "0.0.0.0", "8000"]',
        f'{COPY}CMD ["poetry", "run", "python", "app/serve.py", "0.0.0.0", "8000"]',
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
        ('RUN install app/serve.py /x\nCMD ["./app/serve.py"]', NotJudgedError, "`RUN install app/serve.py /x` may"),
        ('RUN chmod -x start.sh\nCMD ["./app/serve.py"]', ProcessError, "permission denied"),
        ('FROM tiangolo/uvicorn\nCMD ["/start-own.sh"]', NotJudgedError, "tiangolo/uvicorn may have it"),
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
