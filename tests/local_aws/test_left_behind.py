"""What an update leaves behind because it could not be deleted is told after it, and known afterwards."""

from __future__ import annotations

from typing import Any

from scripts.deployment import stacks
from scripts.deployment.aws import Aws as ScriptAws
from scripts.deployment.aws import Endpoint
from scripts.local_aws import server
from scripts.operations import leftovers
from tests.local_aws.support import Aws


def test_a_bucket_that_could_not_be_deleted_is_told_until_it_is_gone(aws: Aws, endpoint: server.Endpoint) -> None:
    """The update is good, and no stack has the bucket any more: only the events name it."""
    script = ScriptAws(endpoint=Endpoint(endpoint.url, endpoint.region, endpoint.exceptions, endpoint.key))
    template: dict[str, Any] = {"Resources": {name: {"Type": "AWS::S3::Bucket"} for name in ("One", "Two")}}
    aws.deploy("leaving", template)
    stack = stacks.read(script, "leaving")
    assert stack and leftovers.of_stack(script, stack) == []
    bucket = aws.resources("leaving")["Two"]["PhysicalResourceId"]
    aws.s3.put_object(Bucket=bucket, Key="left", Body=b"")
    del template["Resources"]["Two"]
    assert aws.deploy("leaving", template, "UPDATE")["StackStatus"] == "UPDATE_COMPLETE"
    [left] = leftovers.of_stack(script, stack)
    assert (left.path, left.type, left.id) == (("Two",), "AWS::S3::Bucket", bucket) and "not empty" in left.reason
    text = "\n".join(map(str, leftovers.leftover_lines([left], script.region)))
    assert f"--type-name AWS::S3::Bucket --identifier {bucket} --region {script.region}" in text
    assert list(leftovers.leftover_lines([], script.region)) == []
    # What the stack still lists is no leftover: the deletion of the whole fails at it, and says so itself.
    aws.s3.put_object(Bucket=aws.resources("leaving")["One"]["PhysicalResourceId"], Key="left", Body=b"")
    assert aws.delete("leaving")["StackStatus"] == "DELETE_FAILED"
    assert [each.path for each in leftovers.of_stack(script, stack)] == [("Two",)]
