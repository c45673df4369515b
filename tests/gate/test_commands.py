"""The calls that a buildspec makes, in shell and in Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.gate.commands import Call, UnreadableCallError, calls

BUILDSPECS = sorted((Path(__file__).parents[2] / "buildspecs").glob("*.yml"))


@pytest.mark.parametrize(
    ("line", "result"),
    [
        ("- aws ecs list-tasks", [Call("aws ecs list-tasks")]),
        ("- image=$(aws ecr batch-get-image --output text)", [Call("aws ecr batch-get-image", {"output": "text"})]),
        (
            '- aws s3api get-object --bucket "$SITE" --key a.html',
            [Call("aws s3api get-object", {"bucket": "$SITE", "key": "a.html"})],
        ),
        (
            "- aws ecs wait services-stable --cluster ${CLUSTER} || exit 1",
            [Call("aws ecs wait services-stable", {"cluster": "$CLUSTER"})],
        ),
        ("  done = aws(f\"aws ssm get-parameters --names {one['valueFrom']}\")", [Call("aws ssm get-parameters")]),
        (
            "  aws(f\"aws s3api get-object --bucket {variables['SITE']}\")",
            [Call("aws s3api get-object", {"bucket": "$SITE"})],
        ),
        ('- aws ecr batch-get-image --repository-name "${URI#*/}"', [Call("aws ecr batch-get-image")]),
        (
            "- aws ecr get-login-password | docker login --username AWS",
            [Call("aws ecr get-login-password"), Call("docker login", {"username": "AWS"})],
        ),
        ('- docker push "$IMAGE"', [Call("docker push")]),
        (
            "- aws sts get-caller-identity && aws sqs list-queues",
            [Call("aws sts get-caller-identity"), Call("aws sqs list-queues")],
        ),
        (
            "- aws ssm put-parameter --name /a.b/c:d-e --value='x y' --overwrite  # only with DOMAIN",
            [Call("aws ssm put-parameter", {"name": "/a.b/c:d-e"}, only_with="DOMAIN")],
        ),
        ("- aws sqs list-queues # only with  two words", [Call("aws sqs list-queues")]),
        ("- docker build --tag=$TAG.1 --file Dockerfile .", [Call("docker build", {"file": "Dockerfile"})]),
        ("- aws=1 aws iam list-users --max-items=5", [Call("aws iam list-users", {"max-items": "5"})]),
        ("    # aws iam create-user", []),
        ("# aws iam create-user", []),
        ("- echo public.ecr.aws/docker/library, docker.io and AWS", []),
        ("  def aws(command):", []),
    ],
)
def test_calls(line: str, result: list[Call]) -> None:
    assert calls([line]) == result
    assert [item.options for item in calls([line])] == [item.options for item in result]


def test_a_call_over_two_lines_is_one() -> None:
    assert calls(["- aws ecs update-service \\", "    --cluster main"])[0].options == {"cluster": "main"}


@pytest.mark.parametrize(
    "line", ["- aws --region eu-west-1 ecs list-tasks", "- aws $SERVICE list", "- aws ecs $COMMAND", "  import boto3"]
)
def test_what_cannot_be_read_is_refused(line: str) -> None:
    with pytest.raises(UnreadableCallError) as raised:
        calls([line])
    shown = "boto3" if "boto3" in line else line
    assert str(raised.value) == (
        f"what does {shown!r} call? Write `aws SERVICE COMMAND`, both as plain words, options after them"
    )


def test_our_buildspecs_can_be_read() -> None:
    by_name = {file.name: calls(file.read_text(encoding="utf-8").splitlines()) for file in BUILDSPECS}
    assert len(by_name) > 3
    assert {name for name, ones in by_name.items() if not ones} == {"frontend.yml", "seal.yml"}
