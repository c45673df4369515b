"""What is told after a run as the environment's own roles: each refusal, with what would allow it."""

from __future__ import annotations

from dataclasses import dataclass

from generator.cfn.stacks import Stack
from scripts.local_aws.roles import Judged
from scripts.operations.as_roles import lines

OUTPUTS = {"DeployRoleArn": "arn:aws:iam::0:role/x/Deployer", "CloudFormationRoleArn": "arn:aws:iam::0:role/x/Executor"}
STACK = Stack("access", "id", "UPDATE_COMPLETE", outputs=OUTPUTS)


@dataclass(frozen=True)
class Denied:
    """As the local AWS tells a refusal."""

    role: str
    action: str
    resource: str
    missing: str = ""
    near: tuple[str, ...] = ()


def test_a_run_in_which_everything_was_allowed() -> None:
    used = frozenset({("Deployer", "Read", "s3:Get"), ("Deployer", "Read", "s3:List"), ("Executor", "Read", "s3:Get")})
    judged = Judged(used, (), {}, (("Deployer", None), ("Executor", None)))  # type: ignore[arg-type]
    assert list(lines(STACK, judged)) == [
        "as the roles of access: 2 different requests judged, 2 statements used, none refused"
    ]


def test_each_refusal_is_told_once_with_what_is_missing_and_what_is_close() -> None:
    often = Denied("Deployer", "s3:Put", "arn:b/*", '{"Effect": "Allow"}', ("Read allows s3:Get", "Write, elsewhere"))
    once = Denied("Other", "iam:Get", "*")
    judged = Judged(frozenset(), (often, once, often), {"b": 2, "a": 1}, ())  # type: ignore[arg-type]
    assert list(lines(STACK, judged)) == [
        "as the roles of access: 0 different requests judged, 0 statements used, 3 refused",
        "  the deploy role may not s3:Put on arn:b/* (2 times)",
        '    the statement that is missing: {"Effect": "Allow"}',
        "    close: Read allows s3:Get",
        "    close: Write, elsewhere",
        "  Other may not iam:Get on *",
        "  not judged (1 times): a",
        "  not judged (2 times): b",
        "  Statements of roles are written in generator/roots/access/, each with its reason.",
    ]
    only = Stack("access", "id", "UPDATE_COMPLETE", outputs={"CloudFormationRoleArn": OUTPUTS["CloudFormationRoleArn"]})
    executor = Judged(frozenset(), (Denied("Executor", "a:b", "*"),), {}, ())  # type: ignore[arg-type]
    assert list(lines(only, executor))[1] == "  the execution role may not a:b on *"
