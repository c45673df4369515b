"""What the deploy role of staging tries in order to get more than was meant, as itself, on the local AWS: it may send
any template to CloudFormation, which acts as the environment's execution role."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError
from scripts.local_aws import roles
from tests.support.accounts import ACCOUNT, REGION, Account
from tests.support.lives import NAME, Life, as_role, caller, excluded, fresh

STACK = f"{NAME}-staging"
PATH = f"/{NAME}/staging/"
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
WHOEVER = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    ],
}
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Attacker:
    """The deploy role of staging: `access` are the outputs of the access stack."""

    whose: Account
    aws: Aws
    access: Mapping[str, str]

    def sends(self, **resources: Any) -> str:
        """How a stack of staging ends up with these resources: its status and what was refused."""
        name = {"StackName": STACK}
        kind = "CREATE"
        with suppress(AwsError):  # there is none yet
            [stack] = self.aws.call("cloudformation", "describe_stacks", **name)["Stacks"]
            if stack["StackStatus"] == "ROLLBACK_COMPLETE":
                self.aws.call("cloudformation", "delete_stack", **name)
                self.waited("describe_stacks", "StackStatus", StackName=stack["StackId"])
            else:
                kind = "UPDATE"
        change_set = self.aws.call(
            "cloudformation",
            "create_change_set",
            ChangeSetName=f"deploy-staging-{uuid4().hex}",
            ChangeSetType=kind,
            TemplateBody=json.dumps({"Resources": resources}),
            RoleARN=self.access["CloudFormationRoleArn"],
            Capabilities=["CAPABILITY_NAMED_IAM"],
            **name,
        )["Id"]
        described = {"ChangeSetName": change_set}
        if self.waited("describe_change_set", "Status", **described) == "FAILED":
            return "FAILED"  # it is as it stands
        self.aws.call("cloudformation", "execute_change_set", **described)
        status = self.waited("describe_stacks", "StackStatus", **name)
        events = self.aws.call("cloudformation", "describe_stack_events", **name)["StackEvents"]
        failed = [each for each in events if each["ResourceStatus"].endswith("_FAILED")]
        return "\n".join([status, *(each.get("ResourceStatusReason", "") for each in failed)])

    def waited(self, operation: str, key: str, **named: Any) -> str:
        for _ in range(200):
            answer = self.aws.call("cloudformation", operation, **named)
            status = str(answer.get("Stacks", [answer])[0][key])
            if not status.endswith(("IN_PROGRESS", "PENDING")):
                return status
        raise AssertionError(f"{named} stays {status}")

    def becomes(self, role: str) -> Aws:
        """Somebody who has assumed a role of the account that trusts whoever the account allows."""
        return caller(as_role(self.whose, f"arn:aws:iam::{ACCOUNT}:role{role}"))


def role(**more: Any) -> dict[str, Any]:
    """A role of staging that may do everything, and that the attacker can become."""
    properties = {
        "RoleName": "attack",
        "Path": PATH,
        "AssumeRolePolicyDocument": WHOEVER,
        "Policies": [{"PolicyName": "everything", "PolicyDocument": EVERYTHING}],
    }
    return {"Type": "AWS::IAM::Role", "Properties": {**properties, **more}}


@pytest.fixture(scope="module")
def whose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with fresh(tmp_path_factory.mktemp("fences")) as account:
        yield account


@pytest.fixture(scope="module")
def attacker(whose: Account) -> Iterator[Attacker]:
    life = Life(whose, "staging")
    roles.enforce(whose.endpoint, excluded())
    outputs = whose.aws.call("cloudformation", "describe_stacks", StackName=f"{STACK}-access")["Stacks"][0]["Outputs"]
    access = {each["OutputKey"]: each["OutputValue"] for each in outputs}
    yield Attacker(whose, caller(life.deployer), access)
    roles.stop(whose.endpoint)


# --- a role that may do more than deploying


@pytest.mark.parametrize(
    "properties", [{}, {"PermissionsBoundary": ADMINISTRATOR}, {"ManagedPolicyArns": [ADMINISTRATOR]}]
)
def test_no_template_makes_a_role_outside_the_boundary(attacker: Attacker, properties: Properties) -> None:
    ended = attacker.sends(Attack=role(**properties))
    assert "AccessDenied" in ended and "iam:" in ended and "CREATE_COMPLETE" not in ended, ended


def test_a_role_that_is_allowed_everything_is_no_administrator(attacker: Attacker) -> None:
    boundary = attacker.access["RoleBoundaryArn"]
    assert attacker.sends(Attack=role(PermissionsBoundary=boundary)) == "CREATE_COMPLETE"
    attack = attacker.becomes(f"{PATH}attack")
    own = {"RoleName": "attack"}
    calls: list[tuple[str, str, Mapping[str, Any]]] = [
        ("iam", "create_role", {"RoleName": "more", "AssumeRolePolicyDocument": json.dumps(WHOEVER)}),
        ("iam", "put_role_policy", {**own, "PolicyName": "more", "PolicyDocument": json.dumps(EVERYTHING)}),
        ("iam", "attach_role_policy", {**own, "PolicyArn": ADMINISTRATOR}),
        ("iam", "delete_role_permissions_boundary", own),
        ("iam", "create_policy_version", {"PolicyArn": boundary, "PolicyDocument": json.dumps(EVERYTHING)}),
        ("iam", "create_user", {"UserName": "more"}),
        *(
            ("sts", "assume_role", {"RoleArn": attacker.access[name], "RoleSessionName": "more"})
            for name in ("ApproverRoleArn", "DeployRoleArn", "CloudFormationRoleArn")
        ),
        ("ssm", "get_parameter", {"Name": "/cloud-health/backend/production/LOG_LEVEL"}),
        ("s3", "put_object", {"Bucket": f"{NAME}-templates-{ACCOUNT}-{REGION}", "Key": "templates/site.json"}),
        ("codebuild", "update_project", {"name": "backend-build"}),
        ("cloudformation", "delete_stack", {"StackName": f"{NAME}-production"}),
    ]
    for service, operation, arguments in calls:
        with pytest.raises(AwsError) as refused:
            attack.call(service, operation, **arguments)
        assert "boundary" in str(refused.value), f"{service}.{operation}: {refused.value}"


def test_no_template_takes_the_boundary_from_a_role(attacker: Attacker) -> None:
    attacker.sends(Attack=role(PermissionsBoundary=attacker.access["RoleBoundaryArn"]))
    for properties in ({}, {"PermissionsBoundary": ADMINISTRATOR}):
        ended = attacker.sends(Attack=role(**properties))
        assert "PermissionsBoundary on resource" in ended and "ROLLBACK_COMPLETE" in ended, ended


# (action, resource, condition keys) that the execution role would need to get around the boundary.
WAYS_AROUND = [
    ("iam:DeleteRolePermissionsBoundary", "role{own}attack", {}),
    ("iam:PutRolePermissionsBoundary", "role{own}attack", {"iam:PermissionsBoundary": ADMINISTRATOR}),
    *((f"iam:{word}", "role{own}attack", {}) for word in ("PutRolePolicy", "UpdateAssumeRolePolicy", "CreateRole")),
    ("iam:AttachRolePolicy", "role{own}attack", {"iam:PolicyARN": ADMINISTRATOR}),
    *((f"iam:{word}", "{boundary}", {}) for word in ("CreatePolicyVersion", "SetDefaultPolicyVersion", "DeletePolicy")),
    *(
        (f"iam:{word}", "{deployer}", {"iam:PermissionsBoundary": "{boundary}"})
        for word in ("PutRolePolicy", "CreateRole")
    ),
    ("iam:UpdateAssumeRolePolicy", "{approver}", {"iam:PermissionsBoundary": "{boundary}"}),
    ("iam:PassRole", "{approver}", {"iam:PassedToService": "ecs-tasks.amazonaws.com"}),
    ("iam:CreateUser", "user/attack", {}),
    ("iam:CreatePolicy", "policy{own}attack", {}),
]


@pytest.mark.parametrize(("action", "resource", "keys"), WAYS_AROUND)
def test_the_execution_role_does_nothing_that_leads_around_the_boundary(
    attacker: Attacker, action: str, resource: str, keys: Mapping[str, str]
) -> None:
    arns = {"approver": "ApproverRoleArn", "deployer": "DeployRoleArn", "boundary": "RoleBoundaryArn"}
    places = {"own": PATH, **{name: attacker.access[output] for name, output in arns.items()}}

    def filled(text: str) -> str:
        return text.format(**places)

    arn = filled(resource)
    context = [
        {"ContextKeyName": key, "ContextKeyType": "string", "ContextKeyValues": [filled(value)]}
        for key, value in keys.items()
    ]
    answer = attacker.whose.aws.call(
        "iam",
        "simulate_principal_policy",
        PolicySourceArn=attacker.access["CloudFormationRoleArn"],
        ActionNames=[action],
        ResourceArns=[arn if arn.startswith("arn:") else f"arn:aws:iam::{ACCOUNT}:{arn}"],
        ContextEntries=context,
    )
    assert answer["EvaluationResults"][0]["EvalDecision"] != "allowed"
