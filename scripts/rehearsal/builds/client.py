"""A program of a build that the rehearsal plays: hands its arguments over and prints what it is answered.

Run as `client.py PORT TOKEN PROGRAM ARGUMENT...`; a build starts dozens, so it imports as little as it can.
"""

import json
import os
import socket
import sys

if __name__ == "__main__":
    port, token, *command = sys.argv[1:]
    words = sys.stdin.read() if "--password-stdin" in command else ""
    with socket.create_connection(("127.0.0.1", int(port))) as connection, connection.makefile("rw") as lines:
        folder = os.getcwd()  # noqa: PTH109  (pathlib takes longer to import than all of this)
        lines.write(json.dumps({"token": token, "command": command, "folder": folder, "input": words}) + "\n")
        lines.flush()
        answer = json.loads(lines.readline())
    sys.stderr.write(answer["error"])
    sys.stdout.write(answer["output"])
    sys.exit(answer["status"])
