"""The programs of the build image that a rehearsal simulates, and how builds reach them.

They are small scripts on PATH that ask this process over loopback; the token in a script says which build asks, and so
in whose name. Python, Node.js and npm are real.
"""

import hashlib
import json
import secrets
import shutil
import socketserver
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

from scripts.rehearsal.errors import ActionFailedError
from scripts.rehearsal.runtime.toolchains import find_node

CLIENT = Path(__file__).with_name("client.py")


@dataclass(frozen=True)
class ProgramCall:
    """One call: arguments after the program's name, the folder it was made in, its standard input."""

    arguments: list[str]
    folder: Path
    input: str = ""


@dataclass(frozen=True)
class ProgramResult:
    """What a program prints and ends with."""

    output: str = ""
    error: str = ""
    status: int = 0


Program = Callable[[ProgramCall], ProgramResult]


@dataclass
class ProgramServer:
    """Answers the calls of builds: the programs of each build by its token."""

    port: int = 0
    builds: dict[str, Mapping[str, Program]] = field(default_factory=dict)

    def install(
        self, folder: Path, simulated: Mapping[str, Program], python: Path | None, substitutes: Path | None
    ) -> None:
        """Fills a folder for PATH: the programs that are simulated for one build, Python, Node.js and npm.

        `python` is this process's own interpreter unless given; `substitutes` is a folder of programs that replace
        these. Raises `ToolchainError` without any Node.js.
        """
        folder.mkdir(parents=True)
        token = secrets.token_hex(16)
        self.builds[token] = simulated
        for name in simulated:
            _script(folder / name, f'exec "{sys.executable}" -IS "{CLIENT}" {self.port} {token} {name} "$@"')
        for name in ("python", "python3"):
            _script(folder / name, f'exec "{python or sys.executable}" "$@"')
        _script(folder / "pip", f'exec "{python or sys.executable}" -m pip "$@"')
        if not (substitutes and (substitutes / "npm").exists()):
            find_node().install(folder)
        for program in substitutes.iterdir() if substitutes else ():
            (folder / program.name).unlink(missing_ok=True)
            shutil.copy(program, folder / program.name)

    def answer(self, request: Mapping[str, Any]) -> ProgramResult:
        """The result of one call, as the client sends it."""
        name, *arguments = request["command"]
        simulated = self.builds.get(request["token"], {})
        if name not in simulated:
            return ProgramResult(error=f"{name} was not installed for this build\n", status=127)
        try:
            return simulated[name](ProgramCall(arguments, Path(request["folder"]), request["input"]))
        except ActionFailedError as error:
            return ProgramResult(error=f"{error}\n", status=254)


@contextmanager
def serve_programs() -> Iterator[ProgramServer]:
    """Answers builds as long as the context."""
    programs = ProgramServer()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            try:
                result = programs.answer(json.loads(self.rfile.readline()))
            except Exception as error:
                result = ProgramResult(error=f"the rehearsal itself failed: {error!r}\n", status=70)
            self.wfile.write(json.dumps(vars(result)).encode() + b"\n")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        programs.port = server.server_address[1]
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield programs
        finally:
            server.shutdown()


def hash_files(call: ProgramCall) -> ProgramResult:
    """codebuild-hash-files: one SHA-256 over the files that the patterns match."""
    files = sorted({path for pattern in call.arguments for path in call.folder.glob(pattern) if path.is_file()})
    return ProgramResult(hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest() + "\n")


def _script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
