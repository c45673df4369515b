"""The exit door: the committed JSON deploys without us, by the AWS command line alone.

Against the local AWS, whose CloudFormation is ours; that a real account takes the same templates by the same two
commands stands in docs/unverified.md.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import boto3
import pytest

from generator.cfn import parameters
from generator.cfn.instance import stack_instances
from generator.cfn.templates import load
from scripts.local_aws import server
from tests import prepared

BUCKET = "exit-door"
# The command line looks every 30 seconds whether a stack is there: what Python imports at its start makes that less.
IMPATIENT = """import time
sleep = time.sleep
time.sleep = lambda seconds: sleep(min(seconds, 0.5))
"""


def command_line(repository: Path) -> Path:
    program = repository / ".venv-awscli/bin/aws"
    if not program.exists():
        pytest.skip("the AWS command line is not installed: make .venv-awscli/ready")
    return program


def test_the_committed_json_deploys_without_us(repository: Path, tmp_path: Path) -> None:
    aws = command_line(repository)
    run_file = tmp_path / "local_aws.json"
    endpoint = prepared.ensure(run_file)
    try:
        (tmp_path / "impatient").mkdir()
        (tmp_path / "impatient/sitecustomize.py").write_text(IMPATIENT, encoding="utf-8")
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path / "impatient")}
        environment |= endpoint.environment()

        def run(*words: str) -> str:
            result = subprocess.run(
                [str(aws), *words], cwd=repository, env=environment, capture_output=True, text=True, timeout=300
            )
            assert result.returncode == 0, result.stdout + result.stderr
            return result.stdout

        run("s3api", "create-bucket", "--bucket", BUCKET)
        templates = load(repository / "templates")
        root = templates["environment"].body
        values = parameters.effective(parameters.read(repository / "params/local.json"), root)
        values |= {"BackendBootstrap": "true", "BackendImage": "none"}
        overrides = [f"{name}={value}" for name, value in values.items()]

        def deploy(stack: str, *options: str) -> None:
            packaged = str(tmp_path / f"{stack}.json")
            source = f"templates/{stack}.json"
            run(
                *("cloudformation", "package", "--template-file", source, "--s3-bucket", BUCKET),
                *("--output-template-file", packaged, "--use-json"),
            )
            run(
                *("cloudformation", "deploy", "--template-file", packaged, "--s3-bucket", BUCKET),
                *("--stack-name", f"exit-{stack}", "--capabilities", "CAPABILITY_IAM"),
                *options,
            )

        deploy("shared")
        deploy("environment", "--parameter-overrides", *overrides)
        client = boto3.client(
            "cloudformation",
            endpoint_url=endpoint.url,
            region_name=endpoint.region,
            aws_access_key_id=endpoint.key,
            aws_secret_access_key="door",
        )
        statuses = [
            stack["StackStatus"]
            for page in client.get_paginator("describe_stacks").paginate()
            for stack in page["Stacks"]
        ]
        expected = len(stack_instances(templates["shared"], {})) + len(
            stack_instances(templates["environment"], values)
        )
        assert expected > 12 and statuses == ["CREATE_COMPLETE"] * expected, json.dumps(statuses)
    finally:
        server.stop(run_file)
