"""The tools that people deploy CloudFormation with, as commands on our templates.

Each works from an environment of its own (`make .venv-sam/ready`), with its own defaults for waiting, and as it is
documented for scripts: no questions, and nothing to do is no failure. None of them can do all that a deployment needs,
so all are given a bucket and the values of the computed parameters, before the clock starts. Sceptre cannot upload
nested templates: it is given what `aws cloudformation package` makes of them, which is uploaded before the first run.

None but Sceptre knows the order of several stacks: the other tools are started once for each.
"""

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.bare import APPLICATION, ROOTS, TEMPLATES

ROOT = Path(__file__).resolve().parents[2]
BUCKET = "peers-templates"
CAPABILITY = ("--capabilities", "CAPABILITY_IAM")
Commands = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Deployment:
    """What is to stand: values and tags of both roots, by `ROOTS`. `folder` is the tool's own."""

    folder: Path
    values: Mapping[str, Mapping[str, str]]
    tags: Mapping[str, Mapping[str, str]]

    def tagged(self, name: str) -> list[str]:
        return [f"{key}={value}" for key, value in self.tags[name].items()]


def surroundings(folder: Path, local_aws: Mapping[str, str]) -> dict[str, str]:
    """The environment variables of a peer: it reads nothing of the user's, calls the local AWS alone and sends no
    telemetry."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_", "SCEPTRE_"))}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | {"HOME": str(folder), **local_aws, "AWS_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0"}


def tool(environment: str, name: str) -> str:
    return str(ROOT / f".venv-{environment}" / "bin" / name)


def aws(deployment: Deployment, _: Mapping[str, str]) -> Commands:
    """`aws cloudformation package` and `deploy` for both roots."""
    created = []
    for name, root in ROOTS.items():
        template = deployment.folder / f"{root}-packaged.json"
        created.append(_package(TEMPLATES / f"{root}.json", template))
        values = [f"{key}={value}" for key, value in deployment.values[name].items()]
        deploy = [tool("awscli", "aws"), "cloudformation", "deploy", "--template-file", str(template)]
        stack = ["--stack-name", f"{APPLICATION}-{name}", "--s3-bucket", BUCKET, "--no-fail-on-empty-changeset"]
        provided = ["--parameter-overrides", *values, "--tags", *deployment.tagged(name)]
        created.append([*deploy, *stack, *CAPABILITY, *provided])
    return created


def _package(template: Path, packaged: Path) -> list[str]:
    command = [tool("awscli", "aws"), "cloudformation", "package", "--template-file", str(template)]
    return [*command, "--s3-bucket", BUCKET, "--output-template-file", str(packaged), "--use-json"]


def sam(deployment: Deployment, _: Mapping[str, str]) -> Commands:
    """`sam deploy`, which packages by itself."""
    created = []
    for name, root in ROOTS.items():
        values = [f'{key}="{value}"' for key, value in deployment.values[name].items()]
        deploy = [tool("sam", "sam"), "deploy", "--template-file", str(TEMPLATES / f"{root}.json")]
        stack = ["--stack-name", f"{APPLICATION}-{name}", "--s3-bucket", BUCKET, "--no-progressbar"]
        quiet = ["--no-confirm-changeset", "--no-fail-on-empty-changeset"]
        provided = ["--parameter-overrides", " ".join(values), "--tags", " ".join(deployment.tagged(name))]
        created.append([*deploy, *stack, *quiet, *CAPABILITY, *provided])
    return created


def sceptre(deployment: Deployment, environment: Mapping[str, str]) -> Commands:
    """`sceptre launch` of a group of both stacks; its project is written here."""
    templates, group = deployment.folder / "templates", deployment.folder / "config" / "bench"
    if not templates.exists():
        templates.mkdir()
        group.mkdir(parents=True)
        for root in ROOTS.values():
            command = _package(TEMPLATES / f"{root}.json", templates / f"{root}.json")
            subprocess.run(command, check=True, capture_output=True, env=environment)
        project = {"project_code": APPLICATION, "region": "us-east-1", "template_bucket_name": BUCKET}
        _write(deployment.folder / "config" / "config.yaml", project)
    for name, root in ROOTS.items():
        stack = {
            "template": {"type": "file", "path": f"{root}.json"},
            "stack_name": f"{APPLICATION}-{name}",
            "parameters": deployment.values[name],
            "stack_tags": deployment.tags[name],
            "dependencies": ["bench/shared.yaml"] if name == "local" else [],
        }
        _write(group / f"{name}.yaml", stack)
    return [[tool("sceptre", "sceptre"), "--dir", str(deployment.folder), "launch", "--yes", "bench"]]


def _write(file: Path, body: Mapping[str, object]) -> None:
    file.write_text(json.dumps(body), encoding="utf-8")  # JSON is YAML


PEERS: dict[str, Callable[[Deployment, Mapping[str, str]], Commands]] = {
    "aws package + deploy": aws,
    "sam deploy": sam,
    "sceptre launch": sceptre,
}
