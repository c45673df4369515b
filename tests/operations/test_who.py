"""Production is deployed by its deploy role, from a tree that is what everybody has."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest

from generator.cfn.environments import Environment
from generator.cfn.stacks import Stack
from generator.cfn.template_names import DEPLOY_ROLE
from scripts.deployment.aws import Identity
from scripts.deployment.environment import load
from scripts.deployment.errors import RefusedError
from scripts.operations import production
from tests.conftest import ROOT
from tests.support.runs import verb_options, verb_run
from tests.support.service import ACCOUNT, Prepared, arn, refusal

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)

DEPLOYER = f"arn:aws:iam::{ACCOUNT}:role/cloud-health-dashboard/production-access/deployer"
ACCESS = Stack("access", "id", "CREATE_COMPLETE", outputs={DEPLOY_ROLE: DEPLOYER})
ME = Identity(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/me")


def environment(name: str) -> Environment:
    return load(name, ROOT / "templates", ROOT / "params")["environment"]


def git(folder: Path, *words: str) -> None:
    own = ["-c", "user.name=me", "-c", "user.email=me@example.com", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", "-C", str(folder), *own, *words], check=True, capture_output=True)


def commit(folder: Path, text: str) -> None:
    (folder / "file").write_text(text, encoding="utf-8")
    git(folder, "add", ".")
    git(folder, "commit", "--message", text)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A clone with one commit, whose branch follows `origin`."""
    (tmp_path / "first").mkdir()
    git(tmp_path / "first", "init", "--quiet")
    commit(tmp_path / "first", "one")
    git(tmp_path, "clone", "--quiet", str(tmp_path / "first"), "tree")
    return tmp_path / "tree"


def test_the_deploy_role_deploys_what_everybody_has(tree: Path) -> None:
    production.check_production(environment("production"), ME, ACCESS, tree)


def test_other_environments_ask_for_nothing(tmp_path: Path) -> None:
    production.check_production(
        environment("staging"), Identity(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/me"), None, tmp_path
    )


ACTING = ("destroy", "continue_", "rollback", "config")


@pytest.mark.parametrize("verb", ACTING)
def test_whatever_changes_production_asks_who_does(verb: str) -> None:
    """Before anything else is looked at that a stranger could be told, or changed."""
    loaded = load("production", ROOT / "templates", ROOT / "params")
    outputs = {DEPLOY_ROLE: DEPLOYER, "Pipeline": "p"}
    outputs_list = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    stack = {"StackName": "s", "StackId": arn("stack", "s"), "StackStatus": "UPDATE_COMPLETE", "CreationTime": NOW}
    aws = Prepared(
        cloudformation__describe_stacks={"Stacks": [{**stack, "Outputs": outputs_list}]},
        sts__get_caller_identity={"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/me"},
        codepipeline__list_pipeline_executions={"pipelineExecutionSummaries": []},
    )
    module = import_module(f"scripts.operations.verbs.{verb}")
    options = verb_options(module, to="abc", secret="JWT_SECRET_KEY")
    with pytest.raises(RefusedError, match="production is deployed as its deploy role, and this is"):
        module.run(verb_run(aws, loaded), options)
    assert not [call for call, _ in aws.asked if not re.search(r"\.(describe|list|get)_", call)]


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:iam::{ACCOUNT}:user/deployer",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer-not/me",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/other/deployer",
    ],
)
def test_somebody_else_is_told_how_to_sign_in(tree: Path, arn: str) -> None:
    with pytest.raises(RefusedError) as refused:
        production.check_production(environment("production"), Identity(ACCOUNT, arn), ACCESS, tree)
    assert arn in refused.value.reason
    for line in (
        "[profile cloud-health-dashboard-production]",
        f"role_arn = {DEPLOYER}",
        f"mfa_serial = arn:aws:iam::{ACCOUNT}:mfa/",
        "--profile cloud-health-dashboard-production",
    ):
        assert line in refused.value.remedy


def test_another_accounts_role_of_the_same_name_is_not_it(tree: Path) -> None:
    stranger = Identity("111122223333", "arn:aws:sts::111122223333:assumed-role/deployer/me")
    with pytest.raises(RefusedError, match="this is arn:aws:sts::111122223333"):
        production.check_production(environment("production"), stranger, ACCESS, tree)


@pytest.mark.parametrize(
    ("chosen", "bound", "refused"),
    [
        ({"DeveloperGroups": "developers"}, ["developers"], False),
        ({"DeveloperGroups": "developers"}, [], True),
        ({"DeveloperPermissionSets": "Developers"}, [], True),
        ({"ProtectionWaivedBecause": "a single person has credentials of this account"}, [], False),
    ],
)
def test_production_waits_until_its_protections_bind_somebody(
    tmp_path: Path, chosen: dict[str, str], bound: list[str], refused: bool
) -> None:
    for name in ("shared", "production"):
        body = json.loads((ROOT / f"params/{name}.json").read_text(encoding="utf-8"))
        del body["Parameters"]["ProtectionWaivedBecause"]
        body["Parameters"] |= chosen
        (tmp_path / f"{name}.json").write_text(json.dumps(body), encoding="utf-8")
    outputs = {"BranchProtectionArn": arn("policy", "b"), "ApprovalProtectionArn": arn("policy", "a")}
    outputs_list = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    stack = {"StackName": "s", "StackId": arn("stack", "s"), "StackStatus": "UPDATE_COMPLETE", "CreationTime": NOW}
    groups = [{"GroupName": group, "GroupId": "A" * 16} for group in bound]
    aws = Prepared(
        cloudformation__describe_stacks={"Stacks": [{**stack, "Outputs": outputs_list}]},
        iam__list_entities_for_policy={"PolicyGroups": groups, "PolicyRoles": [], "PolicyUsers": []},
    )
    roots = load("production", ROOT / "templates", tmp_path)
    if refused:
        with pytest.raises(RefusedError, match="branch protection binds nobody: whoever has the rights may push"):
            production.check_protection(aws, roots)
    else:
        production.check_protection(aws, roots)


def test_production_waits_for_the_protection_of_its_branch(tmp_path: Path) -> None:
    """The repository is there, and the access stack that has the policy is not."""
    for name in ("shared", "production"):
        body = json.loads((ROOT / f"params/{name}.json").read_text(encoding="utf-8"))
        del body["Parameters"]["ProtectionWaivedBecause"]
        body["Parameters"]["DeveloperGroups"] = "developers"
        (tmp_path / f"{name}.json").write_text(json.dumps(body), encoding="utf-8")
    roots = load("production", ROOT / "templates", tmp_path)

    def stack(StackName: str) -> dict[str, object]:
        if StackName != roots["shared"].stack:
            raise refusal("x", "ValidationError", "Stack does not exist")
        status = {"StackStatus": "UPDATE_COMPLETE", "CreationTime": NOW}
        return {"Stacks": [{"StackName": StackName, "StackId": arn("stack", "s"), **status, "Outputs": []}]}

    with pytest.raises(RefusedError, match="There is no branch protection") as refused:
        production.check_protection(Prepared(cloudformation__describe_stacks=stack), roots)
    assert "make access ENV=shared" in refused.value.remedy


@pytest.mark.parametrize(
    ("decided", "refused"),
    [
        ((), "production.json, shared.json still has the reason"),
        (("shared",), "production.json still has the reason"),
        (("shared", "production"), ""),
    ],
)
def test_production_waits_on_aws_until_somebody_has_decided(
    tmp_path: Path, decided: tuple[str, ...], refused: str
) -> None:
    """The files as they come waive the protection, so that everything can be tried; that is nobody's decision."""
    for name in ("shared", "production"):
        body = json.loads((ROOT / f"params/{name}.json").read_text(encoding="utf-8"))
        if name in decided:
            body["Parameters"]["ProtectionWaivedBecause"] = "a single person has credentials of this account"
        (tmp_path / f"{name}.json").write_text(json.dumps(body), encoding="utf-8")
    roots = load("production", ROOT / "templates", tmp_path)
    if not refused:
        production.check_decided(roots)
        return
    with pytest.raises(RefusedError, match=refused) as ended:
        production.check_decided(roots)
    assert "DeveloperGroups" in ended.value.remedy and "NotificationEmail" in ended.value.remedy


@pytest.mark.parametrize("access", [None, Stack("access", "id", "ROLLBACK_COMPLETE")])
def test_without_its_role_production_waits_for_an_administrator(tree: Path, access: Stack | None) -> None:
    with pytest.raises(RefusedError, match="make access ENV=production"):
        production.check_production(environment("production"), ME, access, tree)


def change(tree: Path) -> None:
    (tree / "file").write_text("two", encoding="utf-8")


def behind(tree: Path) -> None:
    """Somebody has pushed since the last fetch."""
    commit(tree.parent / "first", "two")


def alone(tree: Path) -> None:
    git(tree, "branch", "--unset-upstream")


def unreachable(tree: Path) -> None:
    (tree.parent / "first").rename(tree.parent / "gone")


def detached(tree: Path) -> None:
    git(tree, "checkout", "--detach")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (change, "this one is changed"),
        (behind, "lacks 1 commits"),
        (alone, "follows no branch"),
        (detached, "follows no branch"),
        (unreachable, "follows no branch that could be fetched"),
    ],
)
def test_a_tree_that_nobody_else_has_is_refused(tree: Path, spoil: object, says: str) -> None:
    assert callable(spoil)
    spoil(tree)
    with pytest.raises(RefusedError, match=says) as refused:
        production.check_production(environment("production"), ME, ACCESS, tree)
    assert "nothing has happened" in refused.value.reason


def test_no_tree_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="this one is unknown"):
        production.check_production(environment("production"), ME, ACCESS, tmp_path)
