"""The packaging bucket of the deploy script, on the local AWS: S3 holds what was packaged, and no call reads a template
back to know that."""

from __future__ import annotations

from typing import Any

import pytest

from generator.cfn.packaging import Bucket, package
from generator.cfn.templates import load
from scripts.deployment import aws as calls
from scripts.deployment import package as packaging
from scripts.deployment.errors import TemplateMismatchError
from scripts.local_aws.server import Endpoint
from tests.conftest import ROOT
from tests.local_aws.support import Aws


class Recorded(calls.Aws):
    """An account that keeps the names of what it is asked for."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint=calls.Endpoint(endpoint.url, endpoint.region, key=endpoint.key))
        self.asked: list[str] = []

    def call(self, service: str, operation: str, /, **arguments: Any) -> calls.Answer:
        self.asked.append(operation)
        return super().call(service, operation, **arguments)


def test_what_is_stored_is_verified_by_its_checksum_alone(endpoint: Endpoint, aws: Aws) -> None:
    account = Recorded(endpoint)
    bucket = Bucket.of("verified", account.identity().account, endpoint.region)
    packaged = package(load(ROOT / "templates")["environment"], bucket.url, "local")
    packaging.publish(account, bucket, packaged)
    count = len(packaged.templates)
    assert count > 10 and account.asked.count("put_object") == count
    account.asked.clear()
    packaging.publish(account, bucket, packaged)
    assert account.asked == ["get_bucket_policy", "list_objects_v2", *["head_object"] * count]
    # Whoever may delete an object may put another one under its key.
    changed, name = packaged.templates[3], {"Bucket": bucket.name, "Key": packaged.templates[3].key}
    aws.s3.delete_object(**name)
    aws.s3.put_object(**name, Body=changed.content.replace(b'"Description": "', b'"Description": "Not ', 1))
    with pytest.raises(TemplateMismatchError, match=f"{changed.key} is not the template that was reviewed"):
        packaging.publish(account, bucket, packaged)
    assert account.asked.count("get_object") == 1
