"""`local`: start, stop or find the AWS on this machine."""

from argparse import ArgumentParser, Namespace

from scripts.deployment.errors import Exit, RefusedError
from scripts.terminal import console


def arguments(parser: ArgumentParser) -> None:
    """What to do with it."""
    parser.add_argument("what", choices=("start", "stop", "status"), metavar="WHAT", help="start, stop or status")
    parser.add_argument("--port", type=int, help="port to use (default: a free one)")


def run(options: Namespace) -> Exit:
    """Does it; 1 when the status is asked of one that does not run. Raises `RefusedError`."""
    from scripts.local_aws import server

    try:
        if options.what == "stop":
            console.show_line("local AWS stopped" if server.stop() else "local AWS was not running")
            return Exit.DONE
        running = server.start(options.port) if options.what == "start" else server.status()
    except server.ServerError as error:
        raise RefusedError(str(error)) from error
    if running is None:
        console.show_line("local AWS is not running")
        return Exit.FAILED
    console.show_line(f"local AWS: {running.endpoint.url}, process {running.pid}, log {running.log}")
    return Exit.DONE
