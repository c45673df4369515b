"""An AWS that gives prepared answers. Every question and every answer has to fit botocore's model of the service, so
that nothing here has a shape that AWS does not have; no answer is recorded from AWS."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.validate import ParamValidator

from scripts.deployment.aws import Answer, Aws, Identity, Item, Result
from scripts.deployment.errors import AwsError

ACCOUNT, REGION = "000000000000", "eu-west-1"
ME = Identity(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/Deploy/me")

Reply = Answer | AwsError | Callable[..., Answer]


SESSION = botocore.session.Session()


@cache
def model(service: str) -> Any:
    """Botocore's model of a service."""
    return SESSION.get_service_model(service)


def fits(shape: Any, value: Any) -> None:
    """Fails when a value is none of that shape, or holds what the shape does not know."""
    report = ParamValidator().validate(value, shape)
    assert not report.has_errors(), f"{shape.name}: {report.generate_report()}"


@cache
def operation_names(service: str) -> dict[str, str]:
    """The operations of a service as AWS names them, by their names in boto3."""
    return {xform_name(operation): operation for operation in model(service).operation_names}


class Prepared(Aws):
    """Answers by `service.operation`: one for every call, a list for one call after the other, a function, an error.

    What was asked is kept in `asked` as (call, arguments).
    """

    def __init__(self, **answers: Any) -> None:
        self.region, self.endpoint = REGION, None
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, Any] = {name.replace("__", "."): answer for name, answer in answers.items()}

    def call(self, service: str, operation: str, /, **arguments: Any) -> Answer:
        name = f"{service}.{operation}"
        self.asked.append((name, arguments))
        shapes = model(service).operation_model(operation_names(service)[operation])
        fits(shapes.input_shape, arguments)
        assert name in self.answers, f"nobody expected {name} with {arguments}"
        reply = self.answers[name]
        if isinstance(reply, list):
            reply = reply.pop(0)
        if callable(reply):
            reply = reply(**arguments)
        if isinstance(reply, AwsError):
            raise reply
        assert isinstance(reply, dict)
        if shapes.output_shape:
            fits(shapes.output_shape, reply)
        return reply

    def at_once(self, function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """One after the other, so that the order of what is asked for is always the same."""
        return list(map(function, items))

    def _client(self, service: str) -> Any:
        """Of a client no more than what botocore knows of the service."""
        meta = SimpleNamespace(service_model=model(service), method_to_api_mapping=operation_names(service))
        return SimpleNamespace(meta=meta)

    def calls(self) -> list[str]:
        """The names of what was asked."""
        return [name for name, _ in self.asked]


class Stored:
    """A packaging bucket: what was put there, and its checksums."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    @property
    def answers(self) -> dict[str, Any]:
        """What S3 answers about it."""
        return {
            "s3.put_object": self.put,
            "s3.head_object": self.head,
            "s3.get_object": lambda Key, **_: {"Body": io.BytesIO(self.objects[Key])},
            "s3.list_objects_v2": lambda **_: {"Contents": [{"Key": key} for key in self.objects]},
        }

    def put(self, Key: str, Body: bytes, **options: Any) -> Answer:
        if Key in self.objects and "IfNoneMatch" in options:
            raise refusal("s3.put_object", "PreconditionFailed")
        self.objects[Key] = Body
        return {}

    def head(self, Key: str, **_: Any) -> Answer:
        if Key not in self.objects:
            raise refusal("s3.head_object", "404", "Not Found")
        return {"ChecksumSHA256": base64.b64encode(hashlib.sha256(self.objects[Key]).digest()).decode()}


def refusal(call: str, code: str, message: str = "") -> AwsError:
    """An error as AWS answers it."""
    return AwsError(call, code, message)


def arn(kind: str, name: str) -> str:
    """The ARN of a stack or change set."""
    return f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:{kind}/{name}/7f0c3e7e-0000-4000-8000-000000000000"
