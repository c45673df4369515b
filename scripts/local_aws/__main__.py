"""`python -m scripts.local_aws start|stop|status|serve`."""

import argparse
import sys

from scripts.local_aws import server


def main(arguments: list[str] | None = None) -> int:
    """Runs one verb; 0 when it did what was asked, 1 with a message on stderr when not."""
    parser = argparse.ArgumentParser(prog="python -m scripts.local_aws", description="The local AWS on loopback.")
    parser.add_argument("verb", choices=("start", "stop", "status", "serve"))
    parser.add_argument("--port", type=int, help="port to use (default: a free one)")
    given = parser.parse_args(arguments)
    try:
        if given.verb == "serve":
            server.serve(given.port)
        elif given.verb == "start":
            run = server.start(given.port)
            print(f"local AWS: {run.endpoint.url}, process {run.pid}, log {run.log}")
        elif given.verb == "stop":
            print("local AWS stopped" if server.stop() else "local AWS was not running")
        else:
            found = server.status()
            print(f"local AWS: {found.endpoint.url}, process {found.pid}" if found else "local AWS is not running")
            return 0 if found else 1
    except server.ServerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
