"""Local AWSs for the tests that are not about how one starts: forked from a process that has loaded everything.

Loading moto, botocore's models and the resource schemas takes seconds of a processor, the same for each of the many
servers of the suite; a fork has it all. What serves is `server.serve` in a process of its own, as in `python -m
scripts.local_aws serve`; that command is what two files of tests/local_aws start, and the deploy script where it finds
no server.

`python -m tests.prepared SOCKET` forks a server for each order `{"port": ..., "log": ..., "key": ...}` of the workers
of a run and answers with its process id; SOCKET is the number of an open file, on which they connect.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from scripts.local_aws import application, server
from tests.support import parents


@dataclass
class Forked:
    """A server as `server.launch` gives it; nobody's child here, so its exit status stays unknown."""

    pid: int
    returncode: int | None = None

    def poll(self) -> int | None:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return 1
        return None

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


def ensure(run_file: Path) -> server.Endpoint:
    """As `server.ensure`, with a server that is forked."""
    with patch.object(server, "launch", _fork):
        return server.ensure(run_file)


def _fork(port: int, log: Path, key: str) -> Forked:
    connection = _parent()
    connection.send(json.dumps({"port": port, "log": str(log), "key": key}).encode())
    return Forked(int(connection.recv(parents.MESSAGE)))


@cache
def _parent() -> socket.socket:
    """The way to the process that has loaded everything."""
    return parents.connect("tests.prepared", server.environment())


def main() -> None:
    orders = parents.Orders(socket.socket(fileno=int(sys.argv[1])))
    dispatcher = application.dispatcher()
    from scripts.local_aws import account, schemas
    from scripts.local_aws.handlers import ROWS

    for kind in ROWS:
        schemas.schema(kind)
    account.SERVED[:] = [("http://localhost", dispatcher)]
    services = account.account(server.ACCOUNT, server.REGION).services
    logging.disable()  # some of it moto cannot do, and says so at length
    for name in sorted({"cloudformation", "sts", *(row.service for row in ROWS.values())}):
        _look(services.client(name))
    logging.disable(logging.NOTSET)
    account.ACCOUNTS.clear()
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # a server that ends leaves nothing behind
    for message, _, connection in orders:
        request = json.loads(message)
        child = os.fork()
        if child == 0:
            orders.close()
            _serve(request["port"], request["log"], request["key"])
        connection.send(str(child).encode())


def _look(client: Any) -> None:
    """Asks a service for something that needs no name, and for something that is not there, so that all that its first
    call and its first error make is there."""
    model, done = client.meta.service_model, set[bool]()
    for operation in model.operation_names:
        shape = model.operation_model(operation).input_shape
        members = {name: shape.members[name].type_name for name in shape.required_members} if shape else {}
        named = bool(members)
        if (
            operation.startswith(("List", "Describe", "Get"))
            and named not in done
            and set(members.values()) <= {"string"}
        ):
            with suppress(ClientError, BotoCoreError):  # what moto does not do
                getattr(client, xform_name(operation))(**dict.fromkeys(members, "nothing-of-this-name"))
            done.add(named)


def _serve(port: int, log: str, key: str) -> None:
    """In the fork: with a session, a log and an input of its own."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        server.serve(port, key)
    finally:
        os._exit(1)


if __name__ == "__main__":
    main()
