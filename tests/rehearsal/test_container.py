"""What of a Dockerfile is carried out, one instruction and one option at a time: the whole container, and every file
with its rights. The expected results are Docker's documentation's ("Dockerfile reference", "Build context")."""

from __future__ import annotations

import io
import stat
import tarfile
from pathlib import Path

import pytest

from scripts.rehearsal.builds.container import Container, build
from scripts.rehearsal.builds.dockerfile import DockerfileError

CMD = 'CMD ["serve"]\n'
FILES = {
    "app/main.py": "print()",
    "app/data/words.txt": "words",
    "requirements.txt": "fastapi\n",
    "start.sh": "#!/bin/sh\n",
}


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "start.sh").chmod(0o755)
    return folder


def image(context: Path, text: str, name: str = "Dockerfile") -> tuple[Path, Container]:
    """The files and the container of a Dockerfile."""
    (context / name).write_text(text)
    work = context.parent / "work"
    work.mkdir()
    return build(context / name, context, work)


def listed(files: Path) -> dict[str, str]:
    """Every file with its text, links with their target, empty folders with nothing."""
    texts: dict[str, str] = {}
    for path in sorted(files.rglob("*")):
        name = str(path.relative_to(files))
        if path.is_symlink():
            texts[name] = f"-> {path.readlink()}"
        elif path.is_file():
            texts[name] = path.read_text(errors="replace")
        elif not any(path.iterdir()):
            texts[f"{name}/"] = ""
    return texts


def faults(context: Path, text: str) -> list[str]:
    with pytest.raises(DockerfileError) as failed:
        image(context, text)
    return str(failed.value).splitlines()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"FROM python:3.11\n{CMD}", Container(["serve"], base="python:3.11")),
        (f"FROM python:3.11\n\n# words\n\n   \n{CMD}\n\n", Container(["serve"], base="python:3.11")),
        (f"ARG V=3.11\nARG N=python\nFROM $N:${{V}}\n{CMD}", Container(["serve"], base="python:3.11")),
        (f"ARG V\nFROM python:${{V:-3}}\n{CMD}", Container(["serve"], base="python:3")),
        (f"FROM --platform=$BUILDPLATFORM python:3.11 AS base\n{CMD}", Container(["serve"], base="python:3.11")),
        (f"FROM python:$TARGETARCH\n{CMD}", Container(["serve"], base="python:amd64")),
        # An argument of before the first FROM is known in a stage that declares it, and in no other.
        (f"ARG V=3\nFROM p:$V\nARG V\nENV A=$V\n{CMD}", Container(["serve"], environment={"A": "3"}, base="p:3")),
        (f"ARG V=3\nFROM python:$V\nENV A=x$V\n{CMD}", Container(["serve"], environment={"A": "x"}, base="python:3")),
        (f"ARG V=3\nFROM p\nARG V=4\nENV A=$V\n{CMD}", Container(["serve"], environment={"A": "4"}, base="p")),
        (f"FROM p\nARG TARGETOS\nARG NONE\nENV A=$TARGETOS B=$NONE C=$TARGETARCH\n{CMD}",
         Container(["serve"], environment={"A": "linux", "B": "", "C": ""}, base="p")),
        # A variable of the environment goes before an argument of the same name.
        (f"FROM p\nENV V=env\nARG V=arg\nENV A=$V\n{CMD}",
         Container(["serve"], environment={"V": "env", "A": "env"}, base="p")),
        (f"FROM p\nENV A=1 B=\"two words\" C='$A' D=$A\nENV E five six\n{CMD}",
         Container(["serve"], environment={"A": "1", "B": "two words", "C": "$A", "D": "", "E": "five six"}, base="p")),
        (f"FROM p\nENV A=1\nENV B=$A C=x=y\n{CMD}",
         Container(["serve"], environment={"A": "1", "B": "1", "C": "x=y"}, base="p")),
        (f"FROM p\nUSER app:app\nEXPOSE 8000 9000/tcp\nEXPOSE 80\n{CMD}",
         Container(["serve"], user="app:app", exposed=["8000", "9000/tcp", "80"], base="p")),
        (f"FROM p\nLABEL a=b\nVOLUME /x\nSTOPSIGNAL 9\nHEALTHCHECK NONE\nMAINTAINER x\nONBUILD RUN x\n{CMD}",
         Container(["serve"], base="p")),
        (f"FROM p\nWORKDIR /a\nWORKDIR b/../c/./d\n{CMD}", Container(["serve"], "/a/c/d", base="p")),
        (f"FROM p\nWORKDIR /a\nWORKDIR ../../..\n{CMD}", Container(["serve"], "/", base="p")),
        ("FROM p\nCMD serve it\n", Container(["/bin/sh", "-c", "serve it"], base="p")),
        ('FROM p\nSHELL ["/bin/bash", "-ec"]\nCMD serve\n', Container(["/bin/bash", "-ec", "serve"], base="p")),
        ('FROM p\nSHELL wrong\nCMD serve\n', Container(["/bin/sh", "-c", "serve"], base="p")),
        ('FROM p\nENTRYPOINT ["run"]\nCMD ["a", "b"]\n', Container(["run", "a", "b"], base="p")),
        ('FROM p\nCMD ["a"]\nENTRYPOINT ["run"]\n', Container(["run", "a"], base="p")),
        ('FROM p\nENTRYPOINT ["run"]\n', Container(["run"], base="p")),
        ('FROM p\nENTRYPOINT run\nCMD ["a"]\n', Container(["/bin/sh", "-c", "run"], base="p")),
        ('FROM p\nCMD ["a"]\nCMD ["b"]\n', Container(["b"], base="p")),
        # What the stage below starts is the image's, unless it has an entry point of its own.
        ('FROM p AS one\nCMD ["a"]\nFROM one\n', Container(["a"], base="p")),
        ('FROM p AS one\nCMD ["a"]\nFROM one\nENTRYPOINT ["run"]\n', Container(["run"], base="p")),
        ('FROM p AS one\nENTRYPOINT ["run"]\nFROM one\nCMD ["a"]\n', Container(["run", "a"], base="p")),
        ('FROM p AS one\nSHELL ["bash"]\nFROM one\nCMD a\n', Container(["bash", "a"], base="p")),
        # A stage has what the one below it has, but for its arguments, and leaves that alone.
        ("FROM p AS One\nWORKDIR /a\nENV A=1\nARG V=2\nUSER me\nEXPOSE 80\nRUN pip install redis\nRUN odd\n"
         f"FROM other\nUSER x\nFROM ONE\nENV B=$V\n{CMD}",
         Container(["serve"], "/a", {"A": "1", "B": ""}, "me", ["80"], [["redis"]], ["RUN odd"], "p")),
        (f"FROM p AS one\nFROM one AS two\nENV A=1\nEXPOSE 80\nRUN pip install x\nRUN odd\nFROM one\n{CMD}",
         Container(["serve"], base="p")),
        ("FROM team/image\n", Container(unseen=["the command that team/image brings along"], base="team/image")),
    ],
)  # fmt: skip
def test_a_container_is_what_its_image_says(context: Path, text: str, expected: Container) -> None:
    assert image(context, text)[1] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COPY app /srv", {"srv/main.py": "print()", "srv/data/words.txt": "words"}),
        ("COPY app/ app/main.py /srv/", {"srv/main.py": "print()", "srv/data/words.txt": "words"}),
        ("COPY start.sh /srv/deep/go", {"srv/deep/go": "#!/bin/sh\n"}),
        ("WORKDIR /srv\nCOPY start.sh .", {"srv/start.sh": "#!/bin/sh\n"}),
        ("WORKDIR /srv", {"srv/": ""}),
        ("RUN mkdir -p /srv/a b\nCOPY start.sh /srv/a", {"srv/a/start.sh": "#!/bin/sh\n", "b/": ""}),
        ("COPY app/*.py requirements.t?t /srv/", {"srv/main.py": "print()", "srv/requirements.txt": "fastapi\n"}),
        ("COPY *.txt app/d*/*.txt /srv/", {"srv/requirements.txt": "fastapi\n", "srv/words.txt": "words"}),
        ("COPY [rs]*t* /srv/", {"srv/requirements.txt": "fastapi\n", "srv/start.sh": "#!/bin/sh\n"}),
        ("COPY ./app/../start.sh /srv/", {"srv/start.sh": "#!/bin/sh\n"}),
        ("COPY ../../start.sh /srv/", {"srv/start.sh": "#!/bin/sh\n"}),
        ("COPY /start.sh /srv/", {"srv/start.sh": "#!/bin/sh\n"}),
        ("COPY gone* start.sh /srv/", {"srv/start.sh": "#!/bin/sh\n"}),
        ("COPY --parents app/data start.sh /srv/", {"srv/app/data/words.txt": "words", "srv/start.sh": "#!/bin/sh\n"}),
        ("COPY --parents app/main.py /", {"app/main.py": "print()"}),
        ("COPY --exclude=*.py app /srv", {"srv/data/words.txt": "words"}),
        ("COPY --exclude=data --exclude=no* app /srv", {"srv/main.py": "print()"}),
        ("COPY start.sh /srv/data/\nCOPY --exclude=data app /srv",
         {"srv/main.py": "print()", "srv/data/start.sh": "#!/bin/sh\n"}),
        ("COPY --parents --exclude=words.* app/data /srv", {"srv/app/data/": ""}),
        ("COPY --exclude=**/*.txt --chmod=755 app /srv", {"srv/main.py": "print()", "srv/data/": ""}),
        ("COPY requirements.txt /srv/own.py\nCOPY --exclude=*.py app /srv",
         {"srv/own.py": "fastapi\n", "srv/data/words.txt": "words"}),
        ("COPY <<EOF /srv/a\none\n\ttwo\nEOF", {"srv/a": "one\n\ttwo\n"}),
        ("COPY <<-EOF /srv/\n\tone\n\tEOF", {"srv/EOF": "one\n"}),
        ("COPY <<A <<'B' /srv/\na\nA\nb\nB", {"srv/A": "a\n", "srv/B": "b\n"}),
        ("WORKDIR /srv\nCOPY <<A /srv\na\nA", {"srv/A": "a\n"}),
        ("FROM q AS one\nCOPY start.sh /a/b\nFROM p\nCOPY --from=one /a /c", {"c/b": "#!/bin/sh\n"}),
        ("FROM q\nCOPY start.sh /a/b\nFROM p\nCOPY --from=0 a/b /c", {"c": "#!/bin/sh\n"}),
        ("FROM q AS One\nCOPY start.sh /b\nFROM p\nARG S=ONE\nCOPY --from=$S /b /c", {"c": "#!/bin/sh\n"}),
        ("FROM q AS one\nCOPY start.sh /b\nFROM one\nCOPY app/main.py /b", {"b": "print()"}),
        ("FROM q AS one\nCOPY start.sh /b\nFROM one AS two\nCOPY app/main.py /c\nFROM one", {"b": "#!/bin/sh\n"}),
        ("ADD https://x.test/a git@x.test:b start.sh /srv/", {"srv/start.sh": "#!/bin/sh\n"}),
        # Whatever lies between, and whatever is there already.
        ("WORKDIR /a/b/c\nWORKDIR /a/b", {"a/b/c/": ""}),
        ("RUN mkdir -p /a/b/c /a/b", {"a/b/c/": ""}),
        ("COPY start.sh /a/b/c/go\nCOPY start.sh /a/b/c/on", {"a/b/c/go": "#!/bin/sh\n", "a/b/c/on": "#!/bin/sh\n"}),
        ("COPY <<A /a/b/c/A\na\nA\nCOPY <<B /a/b/c/B\nb\nB", {"a/b/c/A": "a\n", "a/b/c/B": "b\n"}),
        ("RUN --mount=type=bind,source=start.sh,target=/a/b/go --mount=source=start.sh,target=/a/b/on true",
         {"a/b/go": "#!/bin/sh\n", "a/b/on": "#!/bin/sh\n"}),
    ],
)  # fmt: skip
def test_files_are_where_a_builder_puts_them(context: Path, text: str, expected: dict[str, str]) -> None:
    first = "" if text.startswith("FROM") else "FROM python:3.11\n"
    assert listed(image(context, f"{first}{text}\n{CMD}")[0]) == expected


def test_an_archive_that_is_added_is_unpacked_and_one_that_is_copied_is_not(context: Path) -> None:
    with tarfile.open(context / "more.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("inside/a")
        member.size = 1
        archive.addfile(member, io.BytesIO(b"a"))
    files, _ = image(context, f"FROM p\nADD more.tar.gz /added/\nCOPY more.tar.gz /copied/\n{CMD}")
    assert (files / "added/inside/a").read_text() == "a" and not (files / "added/more.tar.gz").exists()
    assert [path.name for path in (files / "copied").iterdir()] == ["more.tar.gz"]


def test_links_are_copied_as_links(context: Path) -> None:
    """Inside of folders, from the context and from stage to stage; a link that is copied itself is one, too."""
    (context / "app/link").symlink_to("main.py")
    (context / "own").symlink_to("start.sh")
    text = f"FROM p AS one\nCOPY app /a\nCOPY own start.sh /b/\nFROM one\nCOPY --from=one /a /c\n{CMD}"
    files, _ = image(context, text)
    assert listed(files) == {
        "a/data/words.txt": "words", "a/link": "-> main.py", "a/main.py": "print()",
        "b/own": "-> start.sh", "b/start.sh": "#!/bin/sh\n",
        "c/data/words.txt": "words", "c/link": "-> main.py", "c/main.py": "print()",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "modes"),
    [
        ("COPY start.sh requirements.txt /", {"start.sh": 0o755, "requirements.txt": 0o644}),
        ("COPY --chmod=644 start.sh /", {"start.sh": 0o644}),
        ("COPY --chmod=0111 start.sh /", {"start.sh": 0o711}),
        ("COPY --chmod=+x requirements.txt /", {"requirements.txt": 0o755}),
        ("COPY --chmod=u=rwx requirements.txt /", {"requirements.txt": 0o755}),
        ("COPY --chmod=a+r requirements.txt /", {"requirements.txt": 0o644}),
        ("COPY --chmod=-x start.sh /", {"start.sh": 0o755}),
        ("COPY --chmod=755 app /", {"main.py": 0o755, "data/words.txt": 0o755}),
        ("COPY --chmod=755 <<EOF /go\nx\nEOF", {"go": 0o755}),
        ("COPY app /\nRUN chmod 755 main.py", {"main.py": 0o755, "data/words.txt": 0o644}),
        ("COPY app /\nRUN chmod 755 /", {"main.py": 0o644, "data/words.txt": 0o644}),
        ("COPY app /\nRUN chmod -R 755 /", {"main.py": 0o755, "data/words.txt": 0o755}),
        ("COPY app /\nRUN chmod --recursive -v +x data", {"main.py": 0o644, "data/words.txt": 0o644}),
        ("COPY app /\nRUN chmod -fR +x data", {"main.py": 0o644, "data/words.txt": 0o755}),
        ("COPY app /\nRUN chmod +x *.py", {"main.py": 0o755, "data/words.txt": 0o644}),
        ("COPY app /\nRUN chmod +x *.py gone", {"main.py": 0o644, "data/words.txt": 0o644}),
        ("COPY start.sh /\nRUN chmod -x start.sh", {"start.sh": 0o755}),
    ],
)  # fmt: skip
def test_files_have_the_rights_that_they_are_given(context: Path, text: str, modes: dict[str, int]) -> None:
    """As far as a rehearsal needs it: whoever owns a file reads and writes it."""
    files, _ = image(context, f"FROM p\n{text}\n{CMD}")
    copied = {
        str(path.relative_to(files)): stat.S_IMODE(path.stat().st_mode) for path in files.rglob("*") if path.is_file()
    }
    assert copied == modes


PIP = "pip install"
WITH_VALUES = ("--target", "-t", "--prefix", "--index-url", "-i", "--extra-index-url", "--python", "--find-links")


@pytest.mark.parametrize(
    ("commands", "installs", "unseen"),
    [
        (f"{PIP} a b==1", [["a", "b==1"]], []),
        ("pip3 install a && pip3.11 install b", [["a"], ["b"]], []),
        ("python -m pip install a; python3.11 -m pip install b", [["a"], ["b"]], []),
        ("/usr/bin/python3 -m pip install a | cat", [["a"]], ["cat"]),
        ("uv pip install a; python3 -m uv pip install b; /bin/uv pip install c", [["a"], ["b"], ["c"]], []),
        (f"A=1 B=2 {PIP} a", [["a"]], []),
        (f"{PIP} -r requirements.txt", [["fastapi"]], []),
        (f"{PIP} --requirement requirements.txt x", [["fastapi", "x"]], []),
        (f"{PIP} --requirement=requirements.txt", [["fastapi"]], []),
        (f"{PIP} -rrequirements.txt -crequirements.txt", [["fastapi", "fastapi"]], []),
        (f"{PIP} -c gone.txt a", [["-c", "gone.txt", "a"]], []),
        (f"{PIP} --constraint=gone.txt a", [["--constraint", "gone.txt", "a"]], []),
        (f"{PIP} --no-cache-dir --upgrade -q a", [["a"]], []),
        *[
            (f"{PIP} {option} value a", [["a"]], [])
            for option in WITH_VALUES
        ],
        (f"{PIP} --index-url=https://x a", [["a"]], []),
        (f"{PIP} -U pip setuptools wheel", [["pip"]], []),
        (f"{PIP} 'poetry>=1' uv[x] pipenv pdm~=2", [["pip"]], []),
        (f"{PIP} pip a", [["pip", "a"]], []),
        (f"{PIP} . ./app app requests", [["/srv", "/srv/app", "app", "requests"]], []),
        (f"{PIP} ./gone /srv/app", [["./gone", "/srv/app"]], []),
        ("pip download a", [], ["pip download a"]),
        ("cd /x; echo a; true; : ; set -e; adduser x; chown a b; export A=1; umask 0", [], []),
        ("addgroup x; useradd x; groupadd x; A=1", [], []),
        ("apt-get update && apt-get install -y 'a b'", [], ["apt-get update", "apt-get install -y 'a b'"]),
        ("(one; two) & three", [], ["one", "two", "three"]),
        ("one 'open", [], ["'one '\"'\"'open'"]),
        ("chmod +x gone", [], ["chmod +x gone"]),
        ("chmod", [], ["chmod"]),
        ("chmod +x", [], ["chmod +x"]),
        ("uv sync", [], ["uv sync"]),
    ],
)  # fmt: skip
def test_what_a_run_installs_is_read_and_the_rest_is_listed(
    context: Path, commands: str, installs: list[list[str]], unseen: list[str]
) -> None:
    (context / "requirements.txt").rename(context / "base.txt")
    text = f"FROM p\nWORKDIR /srv\nCOPY base.txt requirements.txt\nCOPY app app\nRUN {commands}\n{CMD}"
    container = image(context, text)[1]
    assert (container.installs, container.unseen) == (installs, [f"RUN {command}" for command in unseen])


@pytest.mark.parametrize(
    ("run", "installs"),
    [
        ('RUN ["pip", "install", "a b"]', [["a b"]]),
        ("RUN <<EOF\npip install a\npip install b\nEOF", [["a"], ["b"]]),
        ("RUN pip install \\\n  a \\\n\n  # words\n  b", [["a", "b"]]),
        ("RUN --mount=type=cache,target=/root --network=none pip install a", [["a"]]),
        ("RUN --mount=target=/tmp/r/r.txt,source=more/base.txt pip install -r /tmp/r/r.txt", [["uvicorn"]]),
        ("RUN --mount=type=bind,dst=r.txt,src=more/base.txt pip install -r r.txt", [["uvicorn"]]),
        ("RUN --mount=type=bind,destination=/r.txt,source=more/base.txt pip install -r /r.txt", [["uvicorn"]]),
        ("RUN --mount=type=secret,target=/r.txt,source=more/base.txt pip install -r /r.txt", [["-r", "/r.txt"]]),
        ("RUN --mount=type=bind,source=more/base.txt pip install -r /r.txt", [["-r", "/r.txt"]]),
        ("COPY requirements.txt /r.txt\nRUN --mount=target=/r.txt,source=more/base.txt pip install -r /r.txt",
         [["fastapi"]]),
        ("RUN --mount=target=/r,source=more pip install -r /r/base.txt", [["-r", "/r/base.txt"]]),
        ("RUN --mount=from=one,target=/r.txt,source=/own.txt pip install -r /r.txt", [["redis"]]),
        ("RUN --mount=from=gone,target=/r.txt,source=more/base.txt pip install -r /r.txt", [["uvicorn"]]),
        ("COPY more /srv/more\nRUN pip install -r /srv/more/all.txt",
         [["uvicorn", "-r https://x.test/r.txt", "# words"]]),
        ("COPY --from=one /own.txt /own.txt\nRUN pip install a", [["early"], ["a"]]),
    ],
)  # fmt: skip
def test_requirements_are_read_wherever_a_run_has_them(context: Path, run: str, installs: list[list[str]]) -> None:
    (context / "more").mkdir()
    (context / "more/base.txt").write_text("uvicorn\n")
    (context / "more/all.txt").write_text("--requirement=base.txt\n-r https://x.test/r.txt\n-c gone.txt\n# words\n")
    stage = "FROM q AS one\nCOPY <<EOF /own.txt\nredis\nEOF\nRUN pip install early\n"
    assert image(context, f"{stage}FROM p\n{run}\n{CMD}")[1].installs == installs


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("./wheels/a.whl", "/srv/wheels/a.whl"),
        ("../srv/wheels/a.whl ; python_version > '3'", "/srv/wheels/a.whl ; python_version > '3'"),
        ("--find-links wheels", "--find-links /srv/wheels"),
        ("--find-links=./wheels", "--find-links=/srv/wheels"),
        ("-f wheels", "-f /srv/wheels"),
        ("wheels", "wheels"),
        ("./gone/a.whl", "./gone/a.whl"),
        ("redis==1", "redis==1"),
    ],
)
def test_what_a_line_of_requirements_names_is_found_in_the_image(context: Path, line: str, expected: str) -> None:
    (context / "wheels").mkdir()
    (context / "wheels/a.whl").touch()
    (context / "requirements.txt").write_text(line)
    text = (
        f"FROM p\nWORKDIR /srv\nCOPY wheels wheels\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n{CMD}"
    )
    assert image(context, text)[1].installs == [[expected]]


@pytest.mark.parametrize(
    ("command", "locked"),
    [
        ("uv sync --frozen", True),
        ("/bin/uv sync", True),
        ("python -m uv sync", True),
        ("poetry install --no-root", True),
        ("poetry sync", True),
        ("pdm install", True),
        ("pdm sync", True),
        ("pipenv install --system", True),
        ("pipenv sync", True),
        ("uv install", False),
        ("poetry lock", False),
        ("npm install", False),
        ("python -m", False),
    ],
)
@pytest.mark.parametrize("folder", ["", "backend"])
def test_a_lock_file_is_what_the_build_has_read_of_it(context: Path, command: str, locked: bool, folder: str) -> None:
    """It leaves the requirements beside the Dockerfile or below it; and wheels stand beside these."""
    place = context / folder
    place.mkdir(exist_ok=True)
    if folder:
        (context / "requirements.txt").unlink()
    (place / "requirements.txt").write_text("httpx==1\n./wheels/a.whl\n")
    container = image(context, f"FROM q AS one\nFROM one\nRUN {command}\n{CMD}")[1]
    lines = ["httpx==1", f"{place}/wheels/a.whl"]
    assert container.installs == ([lines] if locked else [])
    assert container.unseen == ([] if locked else [f"RUN {command}"])


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("", ["Dockerfile: there is no FROM"]),
        ("RUN x\n", ["Dockerfile:1: RUN no build stage in current context", "Dockerfile: there is no FROM"]),
        ("FROM python:3\n", ["Dockerfile: there is no CMD, so a task would end at once"]),
        ("FROM team/debian\n", ["Dockerfile: there is no CMD, so a task would end at once"]),
        ("FROM scratch\n", ["Dockerfile: there is no CMD, so a task would end at once"]),
        (f"FROM a b\n{CMD}", ["Dockerfile:1: FROM a b: FROM takes IMAGE, or IMAGE AS NAME"]),
        (f"FROM a as b c\n{CMD}", ["Dockerfile:1: FROM a as b c: FROM takes IMAGE, or IMAGE AS NAME"]),
        (f"FROM\n{CMD}", ["Dockerfile:1: FROM : FROM takes IMAGE, or IMAGE AS NAME"]),
        (f"FROM $NONE\n{CMD}", ["Dockerfile:1: FROM $NONE: FROM takes IMAGE, or IMAGE AS NAME"]),
        (f"FROM p\nCOPY app\n{CMD}", ["Dockerfile:2: COPY app: it takes sources and a destination"]),
        (f"FROM p\nCOPY\n{CMD}", ["Dockerfile:2: COPY : it takes sources and a destination"]),
        (f"FROM p\nCOPY app start.sh /x\n{CMD}",
         ["Dockerfile:2: COPY app start.sh /x: with more than one source the destination ends with a /"]),
        (f"FROM p\nCOPY gone /x\nADD other /y\n{CMD}",
         [f"Dockerfile:{place}: the context has no such file" for place in ("2: COPY gone", "3: ADD other")]),
        (f"# words\nFROM p\n# more\n# and more\nCOPY gone /x\n{CMD}",
         ["Dockerfile:5: COPY gone: the context has no such file"]),
        (f"FROM p\nCOPY gone/*.txt /x/\n{CMD}", ["Dockerfile:2: COPY gone/*.txt: the context has no such file"]),
        (f"FROM p\nCOPY a*/gone.txt /x/\n{CMD}", []),
        (f"FROM q AS one\nFROM p\nCOPY --from=one gone /x\n{CMD}",
         ["Dockerfile:3: COPY gone: the stage one has no such file"]),
    ],
)  # fmt: skip
def test_every_place_where_a_builder_would_end_is_named(context: Path, text: str, messages: list[str]) -> None:
    if messages:
        assert faults(context, text) == messages
    else:
        assert image(context, text)[1].command == ["serve"]


@pytest.mark.parametrize(
    ("text", "unseen"),
    [
        ("COPY --from=team/tools /bin/x /x", "COPY --from=team/tools: that image was not looked at"),
        ("ADD https://x.test/a /x", "ADD https://x.test/a: nothing was fetched"),
        ("ADD git@x.test:a.git /x", "ADD git@x.test:a.git: nothing was fetched"),
        ("COPY --from=one /made /x", "COPY --from=one /made: a RUN may have made it"),
    ],
)
def test_what_was_not_looked_at_says_why(context: Path, text: str, unseen: str) -> None:
    container = image(context, f"FROM q AS one\nRUN make\nFROM p\n{text}\n{CMD}")[1]
    assert container.unseen == [unseen]


@pytest.mark.parametrize(
    ("ignore", "expected"),
    [
        (b"app\n", {"requirements.txt", "start.sh"}),
        (b"\xef\xbb\xbfapp\n", {"requirements.txt", "start.sh"}),
        (b"\xff\napp\n", {"requirements.txt", "start.sh"}),
        (b"# app\n\n  start.sh  \n", {"app/main.py", "app/data/words.txt", "requirements.txt"}),
        (b"**\n!app/data\n", {"app/data/words.txt"}),
    ],
)
@pytest.mark.parametrize("own", [True, False])
def test_what_is_ignored_is_not_sent(context: Path, ignore: bytes, expected: set[str], own: bool) -> None:
    """A file of the Dockerfile's own goes before that of the context."""
    (context / "Own.dockerignore" if own else context / ".dockerignore").write_bytes(ignore)
    if own:
        (context / ".dockerignore").write_text("requirements.txt\n")
    files, _ = image(context, f"FROM p\nCOPY . /\n{CMD}", "Own")
    names = {name for name in listed(files) if not name.startswith(("Own", ".dockerignore"))}
    assert names == expected


def test_a_dockerfile_of_another_encoding_is_named(context: Path) -> None:
    (context / "Dockerfile").write_bytes(b"\xef\xbb\xbfFROM p\nCMD x\n")
    (context.parent / "work").mkdir()
    assert build(context / "Dockerfile", context, context.parent / "work")[1].base == "p"
    (context / "Dockerfile").write_bytes(b"FROM p\n# \xff\n")
    with pytest.raises(DockerfileError, match=r"^Dockerfile: it is not UTF-8: .*0xff"):
        build(context / "Dockerfile", context, context.parent / "other")
