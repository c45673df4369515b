"""`python -m scripts.local_aws start|stop|status|environment|serve`."""

import argparse
import os
import shlex
import sys

from scripts.local_aws import server


def main(arguments: list[str] | None = None) -> int:
    """Runs one verb; 0 when it did what was asked, 1 with a message on stderr when not."""
    parser = argparse.ArgumentParser(prog="python -m scripts.local_aws", description="The local AWS on loopback.")
    parser.add_argument("verb", choices=("start", "stop", "status", "environment", "serve"))
    parser.add_argument("--port", type=int, help="port to use (default: a free one)")
    options = parser.parse_args(arguments)
    try:
        if options.verb == "serve":
            server.serve(options.port, os.environ.pop(server.KEY_VARIABLE))
        elif options.verb == "start":
            _show(server.start(options.port))
        elif options.verb == "stop":
            print("local AWS stopped" if server.stop() else "local AWS was not running")
        elif run := server.status():
            if options.verb == "status":
                _show(run)
            else:  # for `eval "$(...)"`, so that the AWS command line uses it
                for name, value in run.endpoint.environment().items():
                    print(f"export {name}={shlex.quote(value)}")
        else:
            print(server.lost() or "local AWS is not running", file=sys.stderr)
            return 1
    except server.ServerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _show(run: server.Run) -> None:
    print(f"local AWS: {run.endpoint.page}  process {run.pid}, log {run.log}")


if __name__ == "__main__":
    sys.exit(main())
