"""Commands of the project as processes, forked from one that has imported what they import.

Starting Python and importing boto3 takes half a second of a processor, the same for each of the hundreds of commands of
the suite. What runs is the same module as with `python -m`, in a process of its own: with its own arguments, variables,
folder, files and signals. Tests of how a command starts (tests/cli, the kills, the core by itself) start Python.

`python -m tests.support.commands SOCKET` is the process that forks, for all workers of a run; SOCKET is the number of
an open file, on which they connect.
"""

from __future__ import annotations

import atexit
import fcntl
import gc
import io
import json
import os
import pty
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NoReturn, TextIO

from tests.support import parents

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 300.0  # for one command
DEPLOY = "scripts.deploy"
# What most commands call. EC2's model alone takes a third of the time that a command which changes nothing has.
SERVICES = ("cloudformation", "sts", "s3", "ssm", "codecommit", "codepipeline", "ec2", "iam", "cloudwatch", "ecs")


@dataclass
class Process:
    """A command that runs. `output` is what it writes, standard error too where the two were not kept apart; there is
    neither on a terminal."""

    pid: int
    output: TextIO | None
    errors: TextIO | None
    _report: TextIO
    returncode: int | None = None

    def wait(self, seconds: float = SECONDS) -> int:
        """The exit status, negative for a signal. Raises `TimeoutError`, and ends the process."""
        if self.returncode is None:
            if not select.select([self._report], [], [], seconds)[0]:
                self.kill()
                raise TimeoutError(f"the command did not end in {seconds:g} s")
            self.returncode = int(self._report.readline())
            self._report.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float = SECONDS) -> tuple[str, str]:
        """What it has still written at its end. Raises `TimeoutError`, and ends the process."""
        texts = {"output": "", "errors": ""}
        readers = [
            threading.Thread(target=lambda name=name, file=file: texts.__setitem__(name, file.read()))
            for name, file in (("output", self.output), ("errors", self.errors))
            if file
        ]
        for reader in readers:
            reader.start()
        try:
            self.wait(timeout)
        finally:
            for reader in readers:
                reader.join(5)
        for file in (self.output, self.errors):
            if file:
                file.close()
        return texts["output"], texts["errors"]


@dataclass
class Words:
    """A command line: a module and its arguments, with the variables and the folder that it is started with."""

    module: str
    words: Sequence[str]
    variables: Mapping[str, str] | None = None
    folder: Path = ROOT


def start(command: Words, *, together: bool = False) -> Process:
    """Starts a command without a terminal and without input; `together` means one stream for output and errors."""
    out, out_side = os.pipe()
    err, err_side = (None, out_side) if together else os.pipe()
    nothing = os.open(os.devnull, os.O_RDONLY)
    pid, report = _fork(command, (nothing, out_side, err_side))
    for number in {nothing, out_side, err_side}:
        os.close(number)
    errors = None if err is None else os.fdopen(err, encoding="utf-8")
    return Process(pid, os.fdopen(out, encoding="utf-8"), errors, report)


def run(command: Words, seconds: float = SECONDS) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end. Raises `TimeoutError`."""
    process = start(command)
    try:
        output, errors = process.communicate(seconds)
    except BaseException:
        process.kill()
        raise
    return subprocess.CompletedProcess(list(command.words), process.wait(), output, errors)


def on_terminal(command: Words, columns: int = 80) -> tuple[Process, int]:
    """Starts a command on a terminal: the process, and the side of the terminal at which a person sits."""
    screen, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    pid, report = _fork(command, (side, side, side), terminal=True)
    os.close(side)
    return Process(pid, None, None, report), screen


def _fork(command: Words, files: tuple[int, int, int], terminal: bool = False) -> tuple[int, TextIO]:
    """The process id, and a file whose line is the exit status when the command has ended."""
    reading, writing = os.pipe()
    order = {
        "module": command.module,
        "words": list(command.words),
        "variables": dict(os.environ if command.variables is None else command.variables),
        "folder": str(command.folder),
        "terminal": terminal,
    }
    socket.send_fds(_parent(), [json.dumps(order).encode()], [*files, writing])
    os.close(writing)
    report = os.fdopen(reading, encoding="ascii", buffering=1)
    return int(report.readline()), report


@cache
def _parent() -> socket.socket:
    """The way to the process that forks."""
    return parents.connect("tests.support.commands")


# --- the process that forks


def main() -> None:
    orders = parents.Orders(socket.socket(fileno=int(sys.argv[1])))
    _import()
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever ends leaves nothing behind
    for message, files, _ in orders:
        if os.fork() == 0:
            orders.close()
            _keep(json.loads(message), files)
        for number in files:
            os.close(number)


def _import() -> None:
    """Imports what commands import, and reads what boto3 reads of its own files."""
    import boto3
    import botocore.loaders
    import rich.console  # noqa: F401
    import rich.progress  # noqa: F401
    import rich.table  # noqa: F401

    from scripts import cli
    from scripts.deployment.environment import load

    # A session reads the same files of botocore's again and again; nothing changes them.
    botocore.loaders.JSONFileLoader.load_file = cache(botocore.loaders.JSONFileLoader.load_file)
    for name in cli.VERBS:
        cli.parser(name)
    # Most copies of the templates have the content of ours: they are read and judged here, once.
    for name in ("local", "staging", "production"):
        load(name, ROOT / "templates", ROOT / "params")
    session = boto3.session.Session("key", "secret", region_name="eu-west-1")
    for service in SERVICES:
        session.client(service)


def _keep(order: dict[str, object], files: list[int]) -> NoReturn:
    """Waits for the command and writes down how it ended: the process that forks must not wait."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    report = files.pop()
    child = os.fork()
    if child == 0:
        os.close(report)
        _become(order, files)
    for number in files:
        os.close(number)
    os.write(report, f"{child}\n".encode())
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with suppress(BrokenPipeError):  # nobody waits any more
        os.write(report, f"{status}\n".encode())
    os._exit(0)


def _become(order: dict[str, object], files: list[int]) -> NoReturn:
    """This process as if Python had been started with `-m`."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, file in enumerate(files):
        os.dup2(file, number)
    for file in files:
        if file > 2:
            os.close(file)
    if order["terminal"]:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.environ.clear()
    os.environ.update(order["variables"])  # type: ignore[call-overload]
    os.chdir(str(order["folder"]))
    _open_streams()
    _measure()
    sys.argv = ["", *order["words"]]  # type: ignore[misc]
    status = _status(str(order["module"]))
    with suppress(Exception):
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(status & 0xFF)


def _open_streams() -> None:
    """Standard files as Python opens them at its start."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        old = getattr(sys, name)
        raw = io.FileIO(number, "r" if number == 0 else "w", closefd=False)
        line = os.isatty(number) or number == 2
        buffer = io.BufferedReader(raw) if number == 0 else io.BufferedWriter(raw)
        stream = io.TextIOWrapper(buffer, old.encoding, old.errors, line_buffering=line)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _measure() -> None:
    """`make mutants` asks which test runs what."""
    if coverage := sys.modules.get("coverage"):
        test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
        if measuring := coverage.Coverage.current():
            measuring.switch_context(test)


def _status(module: str) -> int:
    sys.modules.pop(module, None)  # it was imported under another name than the one that it runs under
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        print(error.code, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        traceback.print_exc()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:  # as Python ends with what nobody caught
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    main()
