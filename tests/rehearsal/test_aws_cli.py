"""The AWS command line of builds: arguments become calls, answers are printed, what is denied is not called."""

from __future__ import annotations

import base64
import io
import json
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


SIGN_IN = {"authorizationData": [{"authorizationToken": base64.b64encode(b"AWS:swordfish").decode()}]}


def test_the_password_of_a_registry_is_printed_alone() -> None:
    fake = PreparedAws({"ecr.get_authorization_token": SIGN_IN})
    assert run(fake, "ecr", "get-login-password", "--region", "us-east-1") == ProgramResult("swordfish\n")
    assert fake.calls == [("ecr.get_authorization_token", {})]


def test_objects_go_from_and_to_files_of_the_folder(tmp_path: Path) -> None:
    """And what the answer says beside the body is printed."""
    fake = PreparedAws({"s3.put_object": {"ETag": "1"}})
    (tmp_path / "in.txt").write_bytes(b"text")
    words = ["s3api", "put-object", "--bucket", "b", "--key", "k", "--body", "in.txt"]
    assert run(fake, *words, folder=tmp_path).output == '{\n    "ETag": "1"\n}\n'
    assert fake.calls == [("s3.put_object", {"Bucket": "b", "Key": "k", "Body": b"text"})]

    class Bucket(PreparedAws):
        def call(self, service: str, operation: str, /, **arguments: Any) -> dict[str, Any]:
            self.calls.append((f"{service}.{operation}", arguments))
            return {"Body": io.BytesIO(b"text"), "ETag": "1", "ResponseMetadata": {}}

    bucket = Bucket()
    words = ["s3api", "get-object", "--bucket", "b", "--key", "k", "out.txt"]
    assert run(bucket, *words, folder=tmp_path).output == '{\n    "ETag": "1"\n}\n'
    assert bucket.calls == [("s3.get_object", {"Bucket": "b", "Key": "k"})]
    assert (tmp_path / "out.txt").read_bytes() == b"text"


def test_a_call_takes_its_parameters_from_a_file(tmp_path: Path) -> None:
    """Its names are those of the API; an option goes before it; and what it names is judged."""
    (tmp_path / "call.json").write_text('{"Name": "/mine", "Value": "v", "Tier": {"x": 1}, "Overwrite": true}')
    fake = PreparedAws({"ssm.put_parameter": {"Version": 2}})
    checked = role_checker(allow("S", ["ssm:PutParameter"], "arn:aws:ssm:us-east-1:111122223333:parameter/mine"))
    line = CommandLine(aws(fake), checked, ROLE)
    words = ["ssm", "put-parameter", "--cli-input-json", "file://call.json", "--value", "own"]
    assert line(ProgramCall([*words, "--query", "Version"], tmp_path)).output == "2\n"
    parameters = {"Name": "/mine", "Value": "own", "Tier": {"x": 1}, "Overwrite": True}
    assert fake.calls == [("ssm.put_parameter", parameters)]
    (tmp_path / "call.json").write_text('{"Name": "/yours"}')
    with pytest.raises(AccessDeniedError, match="parameter/yours"):
        line(ProgramCall(words, tmp_path))


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (["call.json"], "--cli-input-json is simulated with one file://NAME"),
        (["file://call.json", "file://call.json"], "--cli-input-json is simulated with one file://NAME"),
        (["file://call.json"], "--cli-input-json: call.json is not a JSON object"),
    ],
)
def test_parameters_that_are_no_file_are_refused(tmp_path: Path, values: list[str], problem: str) -> None:
    (tmp_path / "call.json").write_text("[]")
    with pytest.raises(UnsupportedError) as refused:
        run(PreparedAws(), "ssm", "put-parameter", "--cli-input-json", *values, folder=tmp_path)
    assert str(refused.value) == problem


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        (["--cluster=c", "--services", "s"], {"cluster": "c", "services": ["s"]}),
        (["--cluster", "c", "--services", "s", "--include"], {"cluster": "c", "services": ["s"], "include": []}),
        (["--cluster", "c", "--services", "a", "b", "--include", "TAGS"],
         {"cluster": "c", "services": ["a", "b"], "include": ["TAGS"]}),
    ],
)  # fmt: skip
def test_options_become_the_parameters_of_the_api(words: list[str], arguments: dict[str, Any]) -> None:
    fake = PreparedAws({"ecs.describe_services": {}})
    assert run(fake, "ecs", "describe-services", *words).output == "{}\n"
    assert fake.calls == [("ecs.describe_services", arguments)]


@pytest.mark.parametrize(
    ("value", "network"),
    [
        (['{"awsvpcConfiguration": {"subnets": ["a"]}}'], {"awsvpcConfiguration": {"subnets": ["a"]}}),
        (["a=b=c,d=e"], {"a": "b=c", "d": "e"}),
    ],
)
def test_a_structure_is_json_or_shorthand(value: list[str], network: dict[str, Any]) -> None:
    fake = PreparedAws({"ecs.update_service": {}})
    words = ["--cluster", "c", "--service", "s", "--network-configuration", *value, "--no-force-new-deployment"]
    run(fake, "ecs", "update-service", *words[:-1], "--force-new-deployment", "false")
    arguments = {"cluster": "c", "service": "s", "networkConfiguration": network, "forceNewDeployment": False}
    assert fake.calls == [("ecs.update_service", arguments)]


@pytest.mark.parametrize(
    ("query", "output", "text"),
    [
        ("taskArns", "text", "a\tb\n"),
        ("taskArns[0]", "text", "a\n"),
        ("[taskArns, taskArns]", "text", "a\tb\na\tb\n"),
        ("gone", "text", "None\n"),
        ("gone", "json", "null\n"),
        ("taskArns", "json", '[\n    "a",\n    "b"\n]\n'),
    ],
)
def test_answers_are_printed_as_aws_prints_them(query: str, output: str, text: str) -> None:
    fake = PreparedAws({"ecs.list_tasks": {"taskArns": ["a", "b"]}})
    assert run(fake, "ecs", "list-tasks", "--cluster", "c", "--query", query, "--output", output).output == text


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["ecs", "wait", "tasks-eternal", "--cluster", "c"], "aws ecs wait tasks-eternal: there is no such waiter"),
        (["ecs", "list-things", "--cluster", "c"], "aws ecs list-things: there is no such command"),
        (["ecs", "list-tasks", "--cluster", "a", "b"], r"--cluster takes one value, not ['a', 'b']"),
        (["ecs", "list-tasks", "--cluster", "c", "--output", "yaml"],
         "--output yaml is not simulated, json and text are"),
    ],
)  # fmt: skip
def test_what_is_not_simulated_is_named(monkeypatch: pytest.MonkeyPatch, words: list[str], problem: str) -> None:
    monkeypatch.setattr(aws_cli.CommandLine, "_check", lambda *_: None)
    with pytest.raises(UnsupportedError) as refused:
        run(PreparedAws({"ecs.list_tasks": {"taskArns": []}}), *words)
    assert str(refused.value) == problem


STABLE = {"status": "ACTIVE", "deployments": [{}], "runningCount": 1, "desiredCount": 1}
WAIT = ["ecs", "wait", "services-stable", "--cluster", "c", "--services", "s"]


def test_a_waiter_asks_until_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("scripts.rehearsal.builds.aws_cli.time.sleep", pauses.append)
    fake, answers = PreparedAws({"ecs.describe_services": {}}), iter([{**STABLE, "runningCount": 0}, STABLE])

    def complete(_: Any, answer: dict[str, Any]) -> None:
        answer["services"] = [next(answers)]

    assert run(fake, *WAIT, hooks={"ecs.describe_services": complete}) == ProgramResult()
    assert pauses == [aws_cli.WAITER_PAUSE]
    fake = PreparedAws({"ecs.describe_services": {"services": [], "failures": [{"reason": "MISSING"}]}})
    assert run(fake, *WAIT) == ProgramResult(error="Waiter services-stable failed\n", status=255)


@pytest.mark.parametrize(
    ("matcher", "expected", "argument", "accepts"),
    [
        ("status", 200, None, True),
        ("status", 404, None, False),
        ("error", "X", None, False),
        ("path", "a", "one", True),
        ("path", "b", "one", False),
        ("pathAll", "a", "both[]", False),
        ("pathAll", "a", "same[]", True),
        ("pathAll", "a", "none[]", False),
        ("pathAny", "b", "both[]", True),
        ("pathAny", "c", "both[]", False),
    ],
)
def test_how_a_waiter_takes_an_answer(matcher: str, expected: Any, argument: str | None, accepts: bool) -> None:
    """As botocore's waiters do."""
    answer = {"one": "a", "both": ["a", "b"], "same": ["a", "a"], "none": []}
    acceptor = {"matcher": matcher, "expected": expected, "argument": argument}
    assert aws_cli._accepts(acceptor, answer) is accepts


def test_a_call_that_the_local_aws_does_not_have_is_answered_in_its_place() -> None:
    """And hooks complete that, too; what a call returns beside its answer is none of it."""
    calls: list[Any] = []

    def commit(arguments: dict[str, Any]) -> dict[str, Any]:
        calls.append(arguments)
        return {"commit": {"message": "First"}, "ResponseMetadata": {}}

    words = ["codecommit", "get-commit", "--repository-name", "r", "--commit-id", "1"]
    fake = PreparedAws()
    answer = run(fake, *words, replacements={"codecommit.get_commit": commit})
    assert json.loads(answer.output) == {"commit": {"message": "First"}}
    assert (calls, fake.calls) == ([{"repositoryName": "r", "commitId": "1"}], [])


def test_an_error_is_printed_as_aws_prints_it() -> None:
    fake = PreparedAws({"ecs.list_tasks": AwsError("ecs.list_tasks", "ClusterNotFoundException", "no cluster")})
    error = "An error occurred (ClusterNotFoundException) when calling ecs.list_tasks: no cluster\n"
    assert run(fake, "ecs", "list-tasks", "--cluster", "c") == ProgramResult(error=error, status=254)


def test_each_resource_of_a_call_is_judged_by_the_name_in_its_arn() -> None:
    arn = "arn:aws:ecs:us-east-1:111122223333"
    checked = role_checker(allow("S", ["ecs:DescribeServices"], f"{arn}:service/c/s"))
    line = CommandLine(aws(PreparedAws({"ecs.describe_services": {}})), checked, ROLE)
    words = ["ecs", "describe-services", "--cluster", f"{arn}:cluster/c", "--services"]
    assert line(ProgramCall([*words, f"{arn}:service/c/s", "s"], Path())).status == 0
    for other in ("t", f"{arn}:service/c/t"):
        with pytest.raises(AccessDeniedError, match="service/c/t"):
            line(ProgramCall([*words, "s", other], Path()))


def test_a_call_that_does_not_name_its_resource_is_refused() -> None:
    problem = "aws ecs describe-services without --services is not simulated: its permissions are judged by it"
    for words in (["--cluster", "c"], ["--cluster", "c", "--services"]):
        with pytest.raises(UnsupportedError) as refused:
            run(PreparedAws(), "ecs", "describe-services", *words)
        assert str(refused.value) == problem
