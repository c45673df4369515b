"""The roles of an environment, made by the script as a process against a local AWS, and what stands there then."""

from __future__ import annotations

from typing import Any

from tests.support.deployments import World, world

__all__ = ["world"]

ACCESS = "cloud-health-dashboard-local-access"


def role(world: World, arn: str) -> dict[str, Any]:
    found: dict[str, Any] = world.aws.call("iam", "get_role", RoleName=arn.rpartition("/")[2])["Role"]
    return found


def statements(world: World, arn: str) -> dict[str, Any]:
    return {one["Sid"]: one for one in role(world, arn)["AssumeRolePolicyDocument"]["Statement"]}


def test_an_administrator_makes_the_roles_and_says_who_may_become_them(world: World) -> None:
    world.reset()
    made = world.deploy("access")
    assert (made.returncode, made.stderr) == (0, "")
    # Nothing else of the environment is made with them.
    assert set(world.stacks()) == {ACCESS}
    [held] = world.aws.call("cloudformation", "describe_stacks", StackName=ACCESS)["Stacks"]
    arns = {one["OutputKey"]: one["OutputValue"] for one in held["Outputs"]}
    for name in ("DeployRoleArn", "CloudFormationRoleArn", "ApproverRoleArn"):
        assert role(world, arns[name])["Path"] == "/cloud-health-dashboard/local-access/"
        assert arns[name] in made.stdout
    assert set(statements(world, arns["DeployRoleArn"])) == {"AssumeWithMfa"}
    asked = statements(world, arns["DeployRoleArn"])["AssumeWithMfa"]["Condition"]
    assert asked["ArnLike"] == {"aws:PrincipalArn": ["arn:aws:iam::123456789012:user/*"]}
    assert asked["Bool"] == {"aws:MultiFactorAuthPresent": "true"}
    attached = world.aws.call(
        "iam", "list_attached_role_policies", RoleName=arns["CloudFormationRoleArn"].rpartition("/")[2]
    )["AttachedPolicies"]
    assert len(attached) > 5

    again = world.deploy("access")
    assert (again.returncode, again.stdout) == (0, f"{ACCESS}: no changes\n")
    world.parameters(DeployUsers="release/*", DeployCiRole="ci/deployer")
    broader = world.deploy("access")
    assert broader.returncode == 3
    assert "it would allow more permissions" in broader.stderr and "role/ci/deployer" in broader.stderr
    changed = world.deploy("access", "--allow-broader")
    assert changed.returncode == 0, changed.stdout + changed.stderr
    assert set(statements(world, arns["DeployRoleArn"])) == {"AssumeWithMfa", "AssumeByCi"}
    world.parameters(DeployUsers="", DeployCiRole="")
    refused = world.deploy("access")
    assert refused.returncode == 3
    assert "nobody may deploy: give DeployUsers, DeployPermissionSet or DeployCiRole" in refused.stderr
