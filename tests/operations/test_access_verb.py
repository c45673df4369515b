"""The access stack in front of everything else: made by itself, used by every deployment, asked by production."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from scripts.deployment import environment
from scripts.deployment.aws import Identity
from scripts.deployment.errors import ManualActionRequiredError, NotConfirmedError, RefusedError, UsageError
from scripts.operations import production
from scripts.operations.options import DeployOptions
from scripts.operations.run import Run
from scripts.operations.verbs import access, apply
from scripts.terminal import results
from tests.conftest import ROOT
from tests.support.account import STAGING, Account
from tests.support.accounts import CONNECTION
from tests.support.living import NOW
from tests.support.runs import verb_options, verb_run
from tests.support.service import ACCOUNT, Prepared, arn

ROLES = {name: f"arn:aws:iam::{ACCOUNT}:role/path/{name}" for name in ("DeployRoleArn", "CloudFormationRoleArn")}


class WithRoles(Account):
    """An account in which the access stack gives its roles, and the environment is not there yet. `other_values` are
    parameters that the access stack was deployed with and that the files have otherwise."""

    other_values: Mapping[str, str] = {}

    def template(self, StackName: str = "", ChangeSetName: str = "", **_: Any) -> dict[str, Any]:
        if "-access" not in StackName:
            return super().template(StackName, ChangeSetName)
        name = "shared-access" if "-shared-" in StackName else "access"
        return {"TemplateBody": (ROOT / f"templates/{name}.json").read_text(encoding="utf-8")}

    def stack(self, StackName: str) -> dict[str, Any]:
        if not StackName.endswith("-access"):
            return super().stack(StackName)
        own = {"StackId": arn("stack", StackName), "StackStatus": "CREATE_COMPLETE", "CreationTime": NOW}
        outputs = [{"OutputKey": key, "OutputValue": arn} for key, arn in ROLES.items()]
        name = "shared" if "-shared-" in StackName else "staging"
        roots = environment.load(name, ROOT / "templates", ROOT / "params")
        values = {**roots["access"].values({"RepositoryName": "cloud-health-dashboard"}), **self.other_values}
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
        return {"Stacks": [{**own, "StackName": StackName, "Outputs": outputs, "Parameters": parameters}]}


class AsDeployer(WithRoles):
    """The same account as its deploy role looks at it; `protected` is its shared stack, which has `shared` values."""

    protected = True
    shared: Mapping[str, str] = {}

    def stack(self, StackName: str) -> dict[str, Any]:
        [stack] = super().stack(StackName)["Stacks"]
        stack = {**stack, "EnableTerminationProtection": self.protected}
        if "shared" in StackName:
            values = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
            values |= self.shared
            stack["Parameters"] = [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]
        return {"Stacks": [stack]}

    def identity(self) -> Identity:
        return Identity(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/DeployRoleArn/me")


def arguments(aws: Prepared, verb: Any, name: str) -> tuple[Run, DeployOptions]:
    return verb_run(aws, environment.load(name, ROOT / "templates", ROOT / "params")), verb_options(verb)


def change_sets(aws: Prepared) -> list[dict[str, Any]]:
    return [request for name, request in aws.asked if name == "cloudformation.create_change_set"]


def test_cloudformation_acts_with_the_execution_role() -> None:
    aws = WithRoles()
    run, options = arguments(aws, apply, "staging")
    with pytest.raises(NotConfirmedError):
        apply.run(run, replace(options, change_set=True))
    shared, environment = change_sets(aws)
    assert environment["RoleARN"] == ROLES["CloudFormationRoleArn"]
    # A role stays with its stack, and what all environments share belongs to none of them.
    assert shared["StackName"] == "cloud-health-dashboard-shared" and "RoleARN" not in shared


@pytest.mark.parametrize(
    ("other_values", "refused"),
    [({"ClientsTable": "of-before"}, True), ({"RepositoryName": "of-before"}, True), ({"DeployUsers": "me"}, False)],
)
def test_a_deployment_waits_until_the_roles_may_make_what_is_new(other_values: dict[str, str], refused: bool) -> None:
    """A table, or the repository, of another name than the access stack was deployed with: CloudFormation would be
    refused in the middle. Who may take the roles is another matter."""
    aws = WithRoles()
    aws.other_values = other_values
    run, options = arguments(aws, apply, "staging")
    with pytest.raises(RefusedError if refused else NotConfirmedError) as raised:
        apply.run(run, options)
    assert ("make access ENV=staging" in str(raised.value)) is refused


def test_the_roles_need_no_repository_where_the_source_is_behind_a_connection() -> None:
    """The access stack was deployed without one then, and nothing is missing."""
    aws = WithRoles()
    aws.other_values = {"RepositoryName": environment.NO_REPOSITORY}
    run, options = arguments(aws, apply, "staging")
    of_access = run.roots["access"]
    connected = {**of_access.file.parameters, "ConnectionArn": CONNECTION}
    behind = replace(of_access, file=replace(of_access.file, parameters=connected))
    with pytest.raises(NotConfirmedError):
        apply.run(replace(run, roots={**run.roots, "access": behind}), options)


def test_the_deploy_role_looks_at_what_is_shared_and_changes_nothing_of_it() -> None:
    """Not even what earlier runs left there, and no approval rule."""
    aws = AsDeployer()
    run, options = arguments(aws, apply, "staging")
    with pytest.raises(NotConfirmedError):
        apply.run(run, replace(options, change_set=True))
    assert [request["StackName"] for request in change_sets(aws)] == [STAGING]
    shared = [name for name, request in aws.asked if "shared" in str(request.get("StackName"))]
    assert {name.partition(".")[2].partition("_")[0] for name in shared} == {"describe", "get", "list"}
    assert not [name for name in aws.calls() if "approval_rule" in name]


@pytest.mark.parametrize(
    ("status", "protected", "reason"),
    [
        ("", True, "The shared stack cloud-health-dashboard-shared does not exist"),
        ("ROLLBACK_COMPLETE", True, "The shared stack cloud-health-dashboard-shared does not exist"),
        ("CREATE_COMPLETE", False, r"differs from the files \(termination protection\)"),
    ],
)
def test_what_is_shared_has_to_be_right_before_the_deploy_role_comes(status: str, protected: bool, reason: str) -> None:
    aws = AsDeployer()
    aws.protected = protected
    aws.statuses["cloud-health-dashboard-shared"] = status
    with pytest.raises(RefusedError, match=reason) as refused:
        apply.run(*arguments(aws, apply, "staging"))
    assert (
        refused.value.remedy
        == "Its own deploy role, or an administrator, runs `apply shared`; `access shared` makes the role."
    )
    assert "assumed-role/DeployRoleArn/me deploys staging alone" in refused.value.reason
    assert change_sets(aws) == [] and "cloudformation.delete_stack" not in aws.calls()


@pytest.mark.parametrize("parameter", ["ProtectedBranch", "RequiredApprovals"])
def test_a_parameter_of_an_output_alone_stops_the_deploy_role_until_it_is_deployed(parameter: str) -> None:
    """The rule of approvals is an output, which the deploy script keeps."""
    aws = AsDeployer()
    aws.shared = {parameter: "3"}
    with pytest.raises(RefusedError, match=rf"differs from the files \({parameter}\)"):
        run, options = arguments(aws, apply, "staging")
        apply.run(run, replace(options, change_set=True))
    assert change_sets(aws) == []


def test_without_an_access_stack_the_callers_rights_do() -> None:
    aws = Account()
    with pytest.raises(NotConfirmedError):
        apply.run(*arguments(aws, apply, "staging"))
    requests = change_sets(aws)
    assert [request["StackName"] for request in requests] == [STAGING]  # the shared stack is as it should be
    assert not any("RoleARN" in request for request in requests)


def test_production_is_not_deployed_by_anybody() -> None:
    aws = WithRoles()
    with pytest.raises(RefusedError, match=f"role_arn = {ROLES['DeployRoleArn']}"):
        apply.run(*arguments(aws, apply, "production"))
    assert set(aws.calls()) == {"sts.get_caller_identity", "cloudformation.describe_stacks"}


def test_production_is_not_deployed_before_somebody_has_decided_whom_its_protection_binds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the files as they come: on AWS they are refused before anything is looked at."""
    monkeypatch.setattr(production, "check_production", lambda *_: None)
    aws = WithRoles()
    with pytest.raises(RefusedError, match="Nobody has decided yet who is kept from pushing"):
        apply.run(*arguments(aws, apply, "production"))
    assert set(aws.calls()) == {"sts.get_caller_identity", "cloudformation.describe_stacks"}


def test_the_access_stack_is_made_alone_and_with_the_callers_rights() -> None:
    aws = Account()
    with pytest.raises(NotConfirmedError):
        access.run(*arguments(aws, access, "staging"))
    [request] = change_sets(aws)
    assert request["StackName"] == "cloud-health-dashboard-staging-access"
    assert "RoleARN" not in request
    values = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in request["Parameters"]}
    assert values["RepositoryName"] == "cloud-health-dashboard"
    assert values["DeployUsers"] == "*"


@pytest.mark.parametrize("verb", [access, apply])
def test_a_program_gets_the_lists_also_where_nobody_has_agreed(
    verb: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NotConfirmedError), results.document("x", "staging", NotConfirmedError("interrupted")):
        verb.run(*arguments(Account(), verb, "staging"))
    result = json.loads(capsys.readouterr().out)["result"]
    assert sorted(result) == ["operations", "plans"] and result["operations"] == [] and len(result["plans"]) == 1


def test_what_is_shared_has_roles_of_its_own_and_cloudformation_acts_with_them() -> None:
    aws = WithRoles()
    for verb in (access, apply):
        run, options = arguments(aws, verb, "shared")
        with suppress(NotConfirmedError):
            verb.run(run, replace(options, change_set=True))
    roles, shared = change_sets(aws)
    assert roles["StackName"] == "cloud-health-dashboard-shared-access" and "RoleARN" not in roles
    assert shared["StackName"] == "cloud-health-dashboard-shared"
    assert shared["RoleARN"] == ROLES["CloudFormationRoleArn"]


def test_templates_without_an_access_root_have_no_roles() -> None:
    run, options = arguments(Account(), access, "staging")
    without = replace(run, roots={name: root for name, root in run.roots.items() if name != "access"})
    with pytest.raises(UsageError) as raised:
        access.run(without, options)
    assert raised.value.reason == "staging has no roles of its own."
    assert raised.value.remedy == "These templates have no access root."


class HalfDeleted(WithRoles):
    """The access stack's deletion has failed."""

    def stack(self, StackName: str) -> dict[str, Any]:
        [there] = super().stack(StackName)["Stacks"]
        return {"Stacks": [{**there, "StackStatus": "DELETE_FAILED"} if StackName.endswith("-access") else there]}


def test_an_access_stack_whose_deletion_has_not_ended_cannot_be_made_again() -> None:
    aws = HalfDeleted()
    with pytest.raises(ManualActionRequiredError) as raised:
        access.run(*arguments(aws, access, "staging"))
    name = "cloud-health-dashboard-staging-access"
    assert raised.value.reason == f"{name} could not be deleted completely (DELETE_FAILED)."
    assert f"`aws cloudformation delete-stack --stack-name {name} --retain-resources " in raised.value.remedy
    assert set(aws.calls()) == {"cloudformation.describe_stacks"}


def test_an_access_stack_whose_template_cannot_be_read_is_refused() -> None:
    aws = WithRoles()
    described = aws.template

    def template(StackName: str = "", ChangeSetName: str = "", **more: Any) -> dict[str, Any]:
        access = "-staging-access" in StackName
        return {"TemplateBody": "[]"} if access else described(StackName, ChangeSetName, **more)

    aws.answers["cloudformation.get_template"] = template
    with pytest.raises(RefusedError, match=r"^The template of cloud-health-dashboard-staging-access cannot be read: "):
        apply.run(*arguments(aws, apply, "staging"))
