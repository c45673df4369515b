"""What can be said of the commands without running them: syntax, variables, AWS calls, nothing that tells secrets."""

import ast
import re
import subprocess
from collections.abc import Iterator

import botocore.session
import pytest
from botocore import xform_name

from tests.support.buildspecs.calls import Call, aws_calls
from tests.support.buildspecs.running import NAMES, buildspec, text

BUILD = {"LINT_BLOCKS", "TESTS_BLOCK"}
PROVIDED = {
    "backend": BUILD
    | {"BACKEND_DIRECTORY", "PYTHON_VERSION", "APPLICATION_MODULE", "LINT_COLUMNS", "MAKES_IMAGE"}
    | {"PORT", "BASE_IMAGE", "BASE_DIGESTS"},
    "frontend": BUILD
    | {
        "FRONTEND_DIRECTORY",
        "NODE_VERSION",
        "OUTPUT_DIRECTORY",
        "ASSETS_DIRECTORY",
        "BUILD_VARIABLES",
        "CONTENT_POLICY",
    },
    "changes": {"ENVIRONMENT", "ONLY_CHANGED", "RELEASES", "BACKEND_PROJECT", "BACKEND_PATHS"}
    | {"FRONTEND_PROJECT", "FRONTEND_PATHS", "DISTRIBUTION_ID", "REPOSITORY_NAME", "REPOSITORY_URI"},
    "publish": {"DISTRIBUTION_ID"},
    "push": {"REPOSITORY_URI", "CONTAINER_NAME", "ARTIFACT_BUCKET", "RECORDS", "COMMIT", "EXECUTION"}
    | {"SCAN_FINDINGS_BLOCK", "ACCEPTED_FINDINGS", "SIGNING_PROFILE"},
    "raise": {"CLUSTER", "SERVICE", "MINIMUM_TASKS", "CONTAINER_NAME"},
    "seal": {"ARTIFACT_BUCKET", "RECORDS", "FRONTEND_DIRECTORY", "COMMIT", "EXECUTION", "SEALED"},
    "verify_frontend": {"PUBLIC_URL", "SITE_BUCKET", "FRONTEND_RECORD", "RELEASE"},
    "verify": {
        "PUBLIC_URL",
        "CLUSTER",
        "SERVICE",
        "CONTAINER_NAME",
        "HEALTH_ANSWER",
        "HEALTH_PATH",
        "SMOKE_REQUESTS",
        "TABLE_VARIABLES",
    }
    | {"BACKEND_TARGET", "LAST_RELEASE_PARAMETER", "RELEASE", "RELEASED_TAG", "BACKEND_RECORD", "DOCUMENTS_RECORD"},
}
CALLS = {
    "backend": set(),
    "frontend": set(),
    "changes": {"codebuild batch-get-projects", "codecommit get-commit", "ssm get-parameters", "ssm put-parameter"},
    "publish": {"cloudfront create-invalidation", "cloudfront wait invalidation-completed"},
    "push": {"ecr batch-get-image", "ecr describe-image-scan-findings", "ecr get-login-password"}
    | {"ecr describe-image-signing-status"}
    | {"s3api get-object", "s3api list-objects-v2", "s3api put-object"},
    "seal": {"s3api put-object"},
    "verify_frontend": {"s3api get-object", "ssm put-parameter"},
    "raise": {"ecs describe-services", "ecs update-service", "ecs wait services-stable"}
    | {"ecs describe-task-definition", "ecs register-task-definition"},
    "verify": {"ecs describe-services", "ecs describe-task-definition", "ecs list-tasks", "ecs describe-tasks"}
    | {"ssm get-parameters", "ssm put-parameter", "dynamodb describe-table", "s3api get-object"}
    | {"elasticbeanstalk describe-application-versions", "elasticbeanstalk describe-configuration-settings"}
    | {"elasticbeanstalk describe-environments", "elasticbeanstalk describe-instances-health"}
    | {"ecr batch-get-image", "ecr put-image"},
}


def commands(name: str) -> Iterator[str]:
    for phase in buildspec(name)["phases"].values():
        yield from phase["commands"]
        yield from phase.get("finally", [])


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_bash(name: str) -> None:
    all_commands = list(commands(name))
    assert len(all_commands) >= 3
    for command in all_commands:
        done = subprocess.run(["bash", "-n"], input=command, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, ""), command


def test_the_python_in_them_is_python() -> None:
    scripts = [
        script for name in NAMES for script in re.findall(r"<<'PYTHON'\n(.*?)\nPYTHON", "\n".join(commands(name)), re.S)
    ]
    assert len(scripts) == 19
    for script in scripts:
        ast.parse(script)


@pytest.mark.parametrize("name", NAMES)
def test_blocks_stop_at_their_first_failure(name: str) -> None:
    """Without `set -e` a block has the status of its last command, and every failure before it is swallowed."""
    for command in commands(name):
        if "\n" in command.strip() and "<<'PYTHON'" not in command:
            assert re.match(r"set -eu(o pipefail)?\n", command), command


@pytest.mark.parametrize("name", NAMES)
def test_every_phase_tells_its_duration(name: str) -> None:
    for phase, parts in buildspec(name)["phases"].items():
        assert parts["commands"][0] == "export PHASE_STARTED=$(date +%s)"
        assert parts["finally"] == [f'echo "DURATION {phase} $(( $(date +%s) - PHASE_STARTED )) s"']


@pytest.mark.parametrize("name", NAMES)
def test_the_variables_are_those_that_the_projects_give(name: str) -> None:
    spec = text(name)
    used = set(re.findall(r"\$\{?([A-Z][A-Z0-9_]+)", spec)) | set(
        re.findall(r"(?:variables|os\.environ)\[[\"']([A-Z0-9_]+)[\"']\]", spec)
    )
    used |= {word for line in re.findall(r"for name in ([A-Z_ ]+);", spec) for word in line.split()}
    own = set(buildspec(name)["env"].get("variables", {}))
    exported = set(re.findall(r"([A-Z][A-Z0-9_]+)=", "\n".join(re.findall(r"export (.*)", spec))))
    foreign = {word for word in used - own - exported if not word.startswith("CODEBUILD_")} - {
        "PWD",
        "HOME",
        "AWS_REGION",
    }
    assert foreign == PROVIDED[name]
    comment = spec.split("version:")[0]
    assert set(re.findall(r"\b[A-Z]{4,}[A-Z_]*(?=[,.; )])", comment)) >= PROVIDED[name]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_tells_secrets(name: str) -> None:
    tells = re.compile(
        r"set -[a-z]*x|\bprintenv\b|(^|[;&|] *)env( |$)|\bexport -p\b|\bdeclare -p\b|--with-decryption", re.M
    )
    assert not [command for command in commands(name) if tells.search(command)]
    assert "-p " not in "".join(line for line in text(name).splitlines() if "docker login" in line)


@pytest.mark.parametrize("name", NAMES)
def test_the_aws_calls_are_these(name: str) -> None:
    assert {f"{call.service} {call.command}" for call in aws_calls(text(name))} == CALLS[name]


def option(member: str) -> str:
    return str(xform_name(member, "-"))


def wrong(call: Call) -> str:
    """What AWS's own models say against a call: its operation and options by botocore, waiters included."""
    if call == Call("ecr", "get-login-password", ()):
        return ""  # a command of the command line alone, it calls ecr:GetAuthorizationToken
    service = {"s3api": "s3"}.get(call.service, call.service)
    session = botocore.session.get_session()
    model = session.get_service_model(service)
    if call.command.startswith("wait "):
        waiters = session.get_waiter_model(service)
        names = {option(name): name for name in waiters.waiter_names}
        if call.command.removeprefix("wait ") not in names:
            return f"{call.service} has no waiter {call.command}"
        operation = waiters.get_waiter(names[call.command.removeprefix("wait ")]).operation
    else:
        operations = {option(name): name for name in model.operation_names}
        if call.command not in operations:
            return f"{call.service} has no command {call.command}"
        operation = operations[call.command]
    shape = model.operation_model(operation).input_shape
    options = {option(member) for member in shape.members} | {"query", "output", "cli-input-json"}
    if "cli-input-json" in call.options:  # what is required stands in the file
        return ", ".join(sorted(set(call.options) - options))
    # The command line fills these two in: --paths stands for the batch, the caller reference is generated.
    customized = {"invalidation-batch"} if call.command == "create-invalidation" else set()
    options |= {"paths"} if customized else set()
    missing = {option(member) for member in shape.required_members} - set(call.options) - customized
    return ", ".join(sorted(set(call.options) - options) + [f"--{name} is missing" for name in sorted(missing)])


def test_aws_knows_our_calls() -> None:
    calls = [call for name in NAMES for call in aws_calls(text(name))]
    assert len(calls) == 41
    assert {call: wrong(call) for call in calls if wrong(call)} == {}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("aws ecs describe-service --cluster c", "ecs has no command describe-service"),
        ("aws ecs describe-services --cluster c --service s", "service, --services is missing"),
        ("aws ecs wait service-stable", "ecs has no waiter wait service-stable"),
        ("aws ssm put-parameter --name n", "--value is missing"),
    ],
)
def test_wrong_calls_are_seen(line: str, complaint: str) -> None:
    (call,) = aws_calls(f"- {line} | cat --help")
    assert wrong(call) == complaint
