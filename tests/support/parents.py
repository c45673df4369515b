"""Processes that have loaded what many of the suite's processes need and fork these: one of each kind for all workers
of a run. To load it takes seconds of a processor.

The first worker that asks starts the process; it ends when the last one has closed its connection, however that ended.
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import os
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACE = Path(tempfile.gettempdir())  # as it is before a test changes it
MESSAGE = 1 << 18  # bytes of one order, at most
FILES = 4  # open files that come with one order, at most

Order = tuple[bytes, list[int], socket.socket]  # what is sent, open files that come with it, and whence


def connect(module: str, variables: Mapping[str, str] | None = None) -> socket.socket:
    """The way to the process that runs `module`, with the open socket on which it takes orders as its argument; it is
    started, with these environment variables, where no worker of this run has done so."""
    place = PLACE / f"tests-{_run()}-{module.rpartition('.')[2]}"
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with Path(__file__).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with suppress(FileNotFoundError, ConnectionRefusedError):
            connection.connect(str(place))
            atexit.register(connection.close)
            return connection
        place.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(str(place))
            listener.listen()
            process = subprocess.Popen(
                [sys.executable, "-m", module, str(listener.fileno())],
                cwd=ROOT,
                env=variables,
                stdin=subprocess.DEVNULL,
                pass_fds=[listener.fileno()],
                start_new_session=True,
            )
            connection.connect(str(place))
    atexit.register(_leave, connection, process)
    return connection


def _shared() -> bool:
    """Whether other workers use what this one starts; `make mutants` measures each worker's processes."""
    return "PYTEST_XDIST_WORKER" in os.environ and "COV_MUTANTS" not in os.environ


def _run() -> str:
    """What the workers of one run of this checkout share, and no run inside one of their tests."""
    started_by = os.getppid() if _shared() else os.getpid()
    return hashlib.sha256(f"{started_by} {ROOT} {os.getuid()}".encode()).hexdigest()[:16]


def _leave(connection: socket.socket, process: subprocess.Popen[bytes]) -> None:
    connection.close()
    if _shared():
        process.returncode = 0  # it goes on for the others: no warning when this object goes
    else:
        process.wait(10)


class Orders:
    """What the workers of a run send to this process, until the last of them is gone."""

    def __init__(self, listener: socket.socket) -> None:
        listener.set_inheritable(False)
        self._listener, self._connections = listener, list[socket.socket]()

    def close(self) -> None:
        """For a fork: what the process that takes orders has open is not its own."""
        for file in (self._listener, *self._connections):
            file.close()

    def __iter__(self) -> Iterator[Order]:
        self._connections.append(self._listener.accept()[0])
        while self._connections:
            for file in select.select([self._listener, *self._connections], [], [])[0]:
                if file is self._listener:
                    self._connections.append(file.accept()[0])
                    continue
                message, files, _, _ = socket.recv_fds(file, MESSAGE, FILES)
                if message:
                    yield message, files, file
                else:
                    self._connections.remove(file)
                    file.close()
            if not self._connections:
                self._last_look()

    def _last_look(self) -> None:
        """Nobody else can come from now on; who has come meanwhile is taken."""
        Path(self._listener.getsockname()).unlink(missing_ok=True)
        if select.select([self._listener], [], [], 0)[0]:
            self._connections.append(self._listener.accept()[0])
