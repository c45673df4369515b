"""Python starts this in an application of a rehearsal, from PYTHONPATH: no module of ours.

A container listens on its own port and all its addresses; on this machine that port may be taken, and nobody else may
reach it. So a socket that the application binds is bound to another port of the loopback address, and what it asked
for is written down, one JSON object a line.
"""

import json
import os
import socket
from typing import Any

_settings = json.loads(os.environ.get("REHEARSAL_LISTENING", "{}"))
_bind = socket.socket.bind


def _redirected(self: socket.socket, address: Any) -> None:
    tcp = self.family in (socket.AF_INET, socket.AF_INET6) and self.type & socket.SOCK_STREAM
    if not tcp or not isinstance(address, tuple) or not address[1]:
        _bind(self, address)
        return
    host, port = str(address[0]), int(address[1])
    six_only = self.family == socket.AF_INET6 and bool(self.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY))
    # Without pathlib, which every start would have to import.
    with open(_settings["record"], "a", encoding="utf-8") as record:  # noqa: PTH123
        record.write(json.dumps({"host": host, "port": port, "six_only": six_only}) + "\n")
    here = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1" if six_only else "::ffff:127.0.0.1"}[self.family]
    reached = port == _settings["port"] and host not in ("127.0.0.1", "::1", "localhost") and not six_only
    _bind(self, (here, _settings["bound_port"] if reached else 0))


if _settings:
    socket.socket.bind = _redirected  # type: ignore[method-assign,assignment]
