"""What the server runs: moto's services with ours in the place of some, tests' faults in front, pages of our own."""

import json
import os
from functools import cache
from typing import Any

from scripts.local_aws.server import ACCOUNT, HOST

PREFIX = "/local-aws/"


def make(port: int) -> Any:
    """The WSGI server, bound to loopback and not yet running."""
    os.environ["MOTO_PORT"] = str(port)
    services = dispatcher()
    from moto.moto_server.werkzeug_app import MotoRequestHandler
    from werkzeug.serving import make_server

    from scripts.local_aws import account, describe
    from scripts.local_aws.faults import injection

    account.SERVED[:] = [(f"http://{HOST}:{port}", services)]
    disturbed = injection.in_front(services)

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        path = environ.get("PATH_INFO", "")
        if not path.startswith(PREFIX):
            return disturbed(environ, start_response)
        pages: dict[str, Any] = {"status": lambda: {"pid": os.getpid()}, "exceptions": describe.all_exceptions}
        page = pages.get(path.removeprefix(PREFIX))
        status, body = ("200 OK", page()) if page else injection.page(environ) or ("404 Not Found", {})
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps(body).encode()]

    return make_server("127.0.0.1", port, application, threaded=True, request_handler=MotoRequestHandler)


@cache
def dispatcher() -> Any:
    """Moto's application over all services, with what we put in the place of its own; one in a process."""
    os.environ["MOTO_ACCOUNT_ID"] = ACCOUNT  # moto reads it when it is imported
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    from scripts.local_aws import api, beanstalk, change_set_calls, drift, moto_patches, stack_calls

    moto_patches.install()
    beanstalk.install()
    api.install((*stack_calls.OPERATIONS, *change_set_calls.OPERATIONS, *drift.OPERATIONS))
    return DomainDispatcherApplication(moto_patches.refuse_unimplemented(create_backend_app))
