"""The AWS command line of builds: arguments become calls, answers are printed, what is denied is not called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scripts.deployment.errors import AwsError
from scripts.rehearsal.builds import aws_cli
from scripts.rehearsal.builds.aws_cli import CommandLine
from scripts.rehearsal.builds.programs import ProgramCall, ProgramResult
from scripts.rehearsal.errors import UnsupportedError
from scripts.rehearsal.permissions import AccessDeniedError
from tests.support.rehearsal.prepared_aws import ROLE, PreparedAws, allow, aws, role_checker


def run(fake: PreparedAws, *words: str, folder: Path = Path(), **more: Any) -> ProgramResult:
    """One call by a role that may do anything."""
    anything = role_checker(allow("All", ["*"], "*"), s3__get_bucket_policy=AwsError("", "NoSuchBucketPolicy", ""))
    return CommandLine(aws(fake), anything, ROLE, **more)(ProgramCall(list(words), folder))


def test_lists_numbers_and_flags_become_arguments() -> None:
    fake = PreparedAws({"ecs.update_service": {"service": {"desiredCount": 2}}})
    words = ["ecs", "update-service", "--cluster", "c", "--service", "s", "--desired-count", "2"]
    answer = run(fake, *words, "--query", "service.desiredCount", "--output", "text")
    assert fake.calls == [("ecs.update_service", {"cluster": "c", "service": "s", "desiredCount": 2})]
    assert answer == ProgramResult("2\n")
    fake = PreparedAws({"ecs.describe_tasks": {"tasks": []}})
    assert run(fake, "ecs", "describe-tasks", "--cluster", "c", "--tasks", "a", "b").output == '{\n    "tasks": []\n}\n'
    assert fake.calls == [("ecs.describe_tasks", {"cluster": "c", "tasks": ["a", "b"]})]
    fake = PreparedAws({"ssm.put_parameter": {}})
    run(fake, "ssm", "put-parameter", "--name", "/n", "--value", "v", "--type", "String", "--overwrite")
    assert fake.calls[0][1] == {"Name": "/n", "Value": "v", "Type": "String", "Overwrite": True}


def test_structures_in_shorthand() -> None:
    fake = PreparedAws({"ecr.batch_get_image": {"images": []}})
    words = ["ecr", "batch-get-image", "--repository-name", "r", "--image-ids", "imageTag=t"]
    answer = run(fake, *words, "--query", "images[0].imageId.imageDigest", "--output", "text")
    assert fake.calls[0][1] == {"repositoryName": "r", "imageIds": [{"imageTag": "t"}]}
    assert answer.output == "None\n"


def test_invalidations_and_their_waiter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_cli, "WAITER_PAUSE", 0)
    states = iter(["InProgress", "Completed"])
    fake = PreparedAws(
        {
            "cloudfront.create_invalidation": {"Invalidation": {"Id": "I1"}},
            "cloudfront.get_invalidation": {"Invalidation": {}},
        }
    )
    words = ["cloudfront", "create-invalidation", "--distribution-id", "D", "--paths", "/*"]
    assert run(fake, *words, "--query", "Invalidation.Id", "--output", "text").output == "I1\n"
    assert fake.calls[0][1]["InvalidationBatch"]["Paths"] == {"Quantity": 1, "Items": ["/*"]}

    def next_state(_: Any, answer: dict[str, Any]) -> None:
        answer["Invalidation"]["Status"] = next(states)

    words = ["cloudfront", "wait", "invalidation-completed", "--distribution-id", "D", "--id", "I1"]
    assert run(fake, *words, hooks={"cloudfront.get_invalidation": next_state}) == ProgramResult()
    assert len(fake.calls) == 3


def test_a_waiter_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_cli, "WAITER_PAUSE", 0)
    service = {"status": "ACTIVE", "deployments": [{}], "runningCount": 0, "desiredCount": 1}
    fake = PreparedAws({"ecs.describe_services": {"services": [service]}})
    answer = run(fake, "ecs", "wait", "services-stable", "--cluster", "c", "--services", "s")
    assert (answer.status, len(fake.calls)) == (255, 40)
    assert "Max attempts exceeded" in answer.error
    fake = PreparedAws({"ecs.describe_services": {"services": [{**service, "status": "INACTIVE"}]}})
    assert run(fake, "ecs", "wait", "services-stable", "--cluster", "c", "--services", "s").status == 255
    assert len(fake.calls) == 1


def test_a_denied_call_is_not_made() -> None:
    fake = PreparedAws({"ecs.list_tasks": {"taskArns": []}})
    with pytest.raises(AccessDeniedError, match="builder may not ecs:ListTasks"):
        CommandLine(aws(fake), role_checker(), ROLE)(ProgramCall(["ecs", "list-tasks", "--cluster", "c"], Path()))
    assert fake.calls == []


def test_every_value_of_a_list_is_judged() -> None:
    mine = "arn:aws:ssm:us-east-1:111122223333:parameter/mine"
    line = CommandLine(
        aws(PreparedAws({"ssm.get_parameters": {}})), role_checker(allow("S", ["ssm:GetParameters"], mine)), ROLE
    )
    with pytest.raises(AccessDeniedError, match="parameter/yours"):
        line(ProgramCall(["ssm", "get-parameters", "--names", mine, mine.replace("mine", "yours")], Path()))


def test_an_error_of_aws_is_printed() -> None:
    fake = PreparedAws({"ecs.list_tasks": AwsError("ecs.list_tasks", "ClusterNotFoundException", "no cluster")})
    answer = run(fake, "ecs", "list-tasks", "--cluster", "c")
    assert answer.status == 254
    assert "ClusterNotFoundException" in answer.error and "no cluster" in answer.error


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["ecs", "list-tasks", "--cluster", "c", "--no-such", "1"], "ListTasks has no option --no-such; it has"),
        (["ecs", "list-tasks", "--cluster", "c", "--output", "table"], "--output table is not simulated"),
        (["ecs", "list-tasks", "word"], "only long options"),
        (["ecs", "list-tasks", "--cluster", "c", "--output", "text"], "choose values with --query"),
    ],
)
def test_what_is_not_imitated_is_refused(words: list[str], problem: str) -> None:
    with pytest.raises(UnsupportedError, match=problem):
        run(PreparedAws({"ecs.list_tasks": {"taskArns": []}}), *words)
