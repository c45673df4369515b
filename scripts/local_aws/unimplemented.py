"""What moto does not have is told as such, by the name of the operation: moto itself answers a page of HTML with status
500, which clients take for a fault that passes and try again."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, request
from werkzeug.exceptions import NotFound

from scripts.local_aws import incoming, injection

STATUS = 501  # no client of botocore tries again


def told(create: Callable[[Any], Flask]) -> Callable[[Any], Flask]:
    """Moto's maker of applications, with answers for operations without code and for paths without an operation."""

    def created(service: Any) -> Flask:
        made = create(service) if service else Flask("a service that moto does not have")
        made.register_error_handler(NotImplementedError, _answer)
        made.register_error_handler(NotFound, _answer)
        return made

    return created


def _answer(_: Exception) -> Response:
    call = incoming.read(request.environ, urlencode(request.form).encode())
    told: list[Any] = []
    error = ("NotImplemented", STATUS, f"the local AWS does not have {call.name}")
    body = injection.refuse(request.environ, lambda *answer: told.extend(answer), call, error)
    return Response(b"".join(body), STATUS, told[1])
