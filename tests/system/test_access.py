"""The roles of an environment, made by the script as a process against a local AWS, and what stands there then."""

from __future__ import annotations

from typing import Any

from tests.support.deployments import LocalAccount, account

__all__ = ["account"]

ACCESS = "cloud-health-dashboard-local-access"


def role(account: LocalAccount, arn: str) -> dict[str, Any]:
    properties: dict[str, Any] = account.aws.call("iam", "get_role", RoleName=arn.rpartition("/")[2])["Role"]
    return properties


def statements(account: LocalAccount, arn: str) -> dict[str, Any]:
    return {statement["Sid"]: statement for statement in role(account, arn)["AssumeRolePolicyDocument"]["Statement"]}


def test_an_administrator_makes_the_roles_and_says_who_may_become_them(account: LocalAccount) -> None:
    account.reset()
    created = account.deploy("access")
    assert (created.returncode, created.stderr) == (0, "")
    # Nothing else of the environment is made with them.
    assert set(account.stacks()) == {ACCESS}
    [stack] = account.aws.call("cloudformation", "describe_stacks", StackName=ACCESS)["Stacks"]
    arns = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    for name in ("DeployRoleArn", "CloudFormationRoleArn", "ApproverRoleArn"):
        assert role(account, arns[name])["Path"] == "/cloud-health-dashboard/local-access/"
        assert arns[name] in created.stdout
    assert set(statements(account, arns["DeployRoleArn"])) == {"AssumeWithMfa"}
    condition = statements(account, arns["DeployRoleArn"])["AssumeWithMfa"]["Condition"]
    assert condition["ArnLike"] == {"aws:PrincipalArn": ["arn:aws:iam::123456789012:user/*"]}
    assert condition["Bool"] == {"aws:MultiFactorAuthPresent": "true"}
    attached = account.aws.call(
        "iam", "list_attached_role_policies", RoleName=arns["CloudFormationRoleArn"].rpartition("/")[2]
    )["AttachedPolicies"]
    assert len(attached) > 5

    again = account.deploy("access")
    assert (again.returncode, again.stdout) == (0, f"{ACCESS}: no changes\n")
    account.parameters(DeployUsers="release/*", DeployCiRole="ci/deployer")
    broader = account.deploy("access")
    assert broader.returncode == 3
    assert "it would allow more permissions" in broader.stderr and "role/ci/deployer" in broader.stderr
    changed = account.deploy("access", "--allow-broader")
    assert changed.returncode == 0, changed.stdout + changed.stderr
    assert set(statements(account, arns["DeployRoleArn"])) == {"AssumeWithMfa", "AssumeByCi"}
    account.parameters(DeployUsers="", DeployCiRole="")
    refused = account.deploy("access")
    assert refused.returncode == 3
    assert "nobody may deploy: give DeployUsers, DeployPermissionSet or DeployCiRole" in refused.stderr
