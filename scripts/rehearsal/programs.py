"""The programs of the build image that a rehearsal plays itself, and how builds reach them.

They are small scripts on PATH that ask this process over loopback; the token in a script says which build asks, and so
in whose name. python, node and npm are real ones.
"""

import hashlib
import json
import secrets
import shutil
import socketserver
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

from scripts.rehearsal import node
from scripts.rehearsal.errors import Failed

CLIENT = Path(__file__).with_name("client.py")


@dataclass(frozen=True)
class Answer:
    """What a program prints and ends with."""

    output: str = ""
    error: str = ""
    status: int = 0


@dataclass(frozen=True)
class Ask:
    """One call: arguments after the program's name, the folder it was made in, its standard input."""

    arguments: list[str]
    folder: Path
    input: str = ""


Program = Callable[[Ask], Answer]


@dataclass
class Programs:
    """The door for the builds of a rehearsal."""

    port: int = 0
    builds: dict[str, Mapping[str, Program]] = field(default_factory=dict)

    def lay(self, folder: Path, played: Mapping[str, Program], python: Path, own: Path | None) -> None:
        """Fills a folder for PATH: the programs that are played for one build, python, node and npm.

        `own` is a folder of programs that go before all of these. Raises `NodeError` without any Node.js.
        """
        folder.mkdir(parents=True)
        token = secrets.token_hex(16)
        self.builds[token] = played
        for name in played:
            _script(folder / name, f'exec "{sys.executable}" -IS "{CLIENT}" {self.port} {token} {name} "$@"')
        for name in ("python", "python3"):
            _script(folder / name, f'exec "{python}" "$@"')
        _script(folder / "pip", f'exec "{python}" -m pip "$@"')
        if not (own and (own / "npm").exists()):
            node.find().install(folder)
        for program in own.iterdir() if own else ():
            (folder / program.name).unlink(missing_ok=True)
            shutil.copy(program, folder / program.name)

    def answer(self, asked: Mapping[str, object]) -> Answer:
        """What a call is answered; an unexpected fault is one of the program's."""
        name, *arguments = [str(one) for one in asked["command"]]  # type: ignore[attr-defined]
        played = self.builds.get(str(asked["token"]), {})
        if name not in played:
            return Answer(error=f"{name} was not laid out for this build\n", status=127)
        try:
            return played[name](Ask(arguments, Path(str(asked["folder"])), str(asked["input"])))
        except Failed as failed:
            return Answer(error=f"{failed}\n", status=254)


@contextmanager
def serving() -> Iterator[Programs]:
    """The door, open as long as the context."""
    programs = Programs()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            try:
                answer = programs.answer(json.loads(self.rfile.readline()))
            except Exception as fault:
                answer = Answer(error=f"the rehearsal itself failed: {fault!r}\n", status=70)
            self.wfile.write(json.dumps(vars(answer)).encode() + b"\n")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        programs.port = server.server_address[1]
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield programs
        server.shutdown()


def hash_files(ask: Ask) -> Answer:
    """codebuild-hash-files: one SHA-256 over the files that the patterns match."""
    files = sorted({path for pattern in ask.arguments for path in ask.folder.glob(pattern) if path.is_file()})
    return Answer(hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest() + "\n")


def python_for(source: Path, project: str, cache: Path) -> Path:
    """The Python of a build: an environment of its own for this project and these requirements, kept between runs."""
    files = sorted(source.glob("**/requirements*.txt"))
    named = "\0".join([sys.version, project, *(file.read_text(encoding="utf-8") for file in files)])
    folder = cache / hashlib.sha256(named.encode()).hexdigest()[:16]
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, stdin=subprocess.DEVNULL)
        (folder / "ready").touch()
    return folder / "bin" / "python"


def _script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
