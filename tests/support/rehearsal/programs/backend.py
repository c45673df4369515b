"""A backend that answers what the verify build asks, and which process it is; files of the application make it sick.

`app/start.sh` is executed at start, `app/dead` ends it then, `app/sick` makes `/health` say so. It ends when its
standard input does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    """Two paths of the sample application, and 404."""

    def do_GET(self) -> None:
        status, body = 404, dict[str, object]()
        if self.path == "/health":
            sick = Path("app/sick").exists()
            state = ("unhealthy", "disconnected") if sick else ("healthy", "connected")
            status, body = 200, dict(zip(("status", "database"), state, strict=True))
            body |= {"process": os.getpid(), "level": os.environ.get("LOG_LEVEL")}
        elif self.path.startswith("/api/v1/email/verify"):
            status, body = 400, {"detail": "not valid"}
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Silent."""


def watch() -> None:
    while os.read(0, 1):
        pass
    os._exit(0)


if __name__ == "__main__":
    if Path("app/start.sh").exists():
        subprocess.run(["sh", "app/start.sh"], check=True)
    if Path("app/dead").exists():
        sys.exit("the application cannot start")
    threading.Thread(target=watch, daemon=True).start()
    host, port = (sys.argv[sys.argv.index(option) + 1] for option in ("--host", "--port"))
    ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
