"""Who may deploy production, and every word of why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from generator.cfn.environments import Environment
from generator.cfn.stacks import Stack
from scripts import git
from scripts.deployment import environment
from scripts.deployment.aws import Endpoint, Identity
from scripts.deployment.deploy_root import Context
from scripts.deployment.errors import RefusedError
from scripts.deployment.package import GateVerdict
from scripts.operations import production
from tests.conftest import ROOT
from tests.support.account import NOW
from tests.support.service import ACCOUNT, Prepared, arn, refusal

DEPLOYER = f"arn:aws:iam::{ACCOUNT}:role/x/production-access/Deployer"
ACCESS = Stack("access", "id", "UPDATE_COMPLETE", outputs={"DeployRoleArn": DEPLOYER})
SESSION = Identity(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/Deployer/me")


@pytest.fixture(scope="module")
def loaded() -> dict[str, Environment]:
    return environment.load("production", ROOT / "templates", ROOT / "params")


def refused(check: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(RefusedError) as raised:
        check()
    return raised.value.reason, raised.value.remedy


@pytest.mark.parametrize(
    ("identity", "access", "is_deployer"),
    [
        (SESSION, ACCESS, True),
        (SESSION, None, False),
        (SESSION, replace(ACCESS, outputs={}), False),
        (replace(SESSION, arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/Deployer2/me"), ACCESS, False),
        (replace(SESSION, arn=DEPLOYER), ACCESS, False),
        (Identity("111111111111", "arn:aws:sts::111111111111:assumed-role/Deployer/me"), ACCESS, False),
    ],
)
def test_the_deploy_role_is_known_by_its_session(identity: Identity, access: Stack | None, is_deployer: bool) -> None:
    assert production.is_deployer(identity, access) is is_deployer


def test_who_is_not_the_deploy_role_is_told_how_to_become_it(loaded: dict[str, Environment]) -> None:
    main, me = loaded["environment"], Identity(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/me")
    production.check_deployer(main, SESSION, ACCESS)
    for access in (None, replace(ACCESS, outputs={})):
        assert refused(lambda access=access: production.check_deployer(main, SESSION, access)) == (  # type: ignore[misc]
            "production is deployed as its deploy role, which does not exist yet; nothing has happened.",
            "An administrator makes it once, with `make access ENV=production`.",
        )
    assert refused(lambda: production.check_deployer(main, me, ACCESS)) == (
        f"production is deployed as its deploy role, and this is {me.arn}; nothing has happened.",
        "Write this into ~/.aws/config, with your own names for YOU and DEVICE, and deploy with --profile "
        "cloud-health-dashboard-production:\n"
        "  [profile cloud-health-dashboard-production]\n"
        f"  role_arn = {DEPLOYER}\n"
        "  source_profile = YOU\n"
        f"  mfa_serial = arn:aws:iam::{ACCOUNT}:mfa/DEVICE\n"
        "With single sign-on YOU is the profile of the permission set, and the last line is left out.",
    )


STATE = git.State("c0", "main", ())


def tree(monkeypatch: pytest.MonkeyPatch, state: Any, behind: Any = "0\n") -> list[tuple[str, ...]]:
    """A working tree in this state; what git was asked besides."""
    words: list[tuple[str, ...]] = []

    def answer(value: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        return value

    def text(folder: Path, *asked_for: str, **options: Any) -> str:
        assert folder == ROOT and options in ({}, {"seconds": 60.0})
        words.append(asked_for)
        return "" if asked_for[0] == "fetch" else str(answer(behind))

    def read_state(folder: Path, deciding: tuple[str, ...]) -> Any:
        assert (folder, deciding) == (ROOT, ("buildspecs", "generator", "params", "scripts", "templates"))
        return answer(state)

    monkeypatch.setattr(git, "state", read_state)
    monkeypatch.setattr(git, "text", text)
    return words


def test_a_tree_that_everybody_has_is_deployed(loaded: dict[str, Environment], monkeypatch: pytest.MonkeyPatch) -> None:
    words = tree(monkeypatch, STATE)
    production.check_production(loaded["environment"], SESSION, ACCESS, ROOT)
    assert words == [("fetch", "--quiet"), ("rev-list", "--count", "HEAD..@{upstream}")]
    staging = environment.load("staging", ROOT / "templates", ROOT / "params")["environment"]
    tree(monkeypatch, git.GitError("nobody asks"))
    production.check_production(staging, SESSION, None, ROOT)


NOT_CLEAN = "production is deployed from a clean tree, and this one is {}; nothing has happened."
COMMIT = "Commit or stash what differs from the commit, and run again."
FOLLOW = "Let it follow one, with `git branch --set-upstream-to=REMOTE/BRANCH`, and see that `git fetch` works."


@pytest.mark.parametrize(
    ("state", "behind", "reason", "remedy"),
    [
        (
            git.GitError("no repository"),
            "0",
            "production is deployed from a clean tree, and this one is unknown, for git says: no repository",
            "Correct what git says, and run again; nothing has happened.",
        ),
        (replace(STATE, changed=("a",)), "0", NOT_CLEAN.format("changed: a"), COMMIT),
        (replace(STATE, changed=("a", "b", "c")), "0", NOT_CLEAN.format("changed: a and 2 more"), COMMIT),
        (replace(STATE, commit=""), "0", NOT_CLEAN.format("without a commit"), COMMIT),
        (
            STATE,
            git.GitError("no upstream"),
            "production is deployed from an up-to-date tree, and main follows no branch that could be fetched; nothing "
            "has happened. Git says: no upstream",
            FOLLOW,
        ),
        (
            replace(STATE, branch=""),
            git.GitError("no upstream"),
            "production is deployed from an up-to-date tree, and this commit follows no branch that could be fetched; "
            "nothing has happened. Git says: no upstream",
            FOLLOW,
        ),
        (
            STATE,
            "3\n",
            "production is deployed from an up-to-date tree, and main lacks 3 commits of the branch that it follows; "
            "nothing has happened.",
            "Run `git pull`, look at what changed, and run again.",
        ),
    ],
)
def test_any_other_tree_is_refused(
    loaded: dict[str, Environment], monkeypatch: pytest.MonkeyPatch, state: Any, behind: Any, reason: str, remedy: str
) -> None:
    tree(monkeypatch, state, behind)
    main = loaded["environment"]
    assert refused(lambda: production.check_production(main, SESSION, ACCESS, ROOT)) == (reason, remedy)


def waived(loaded: dict[str, Environment], reason: str) -> dict[str, Environment]:
    """The roots whose files give this reason to bind nobody."""
    waiver = {"ProtectionWaivedBecause": reason}
    return {
        name: replace(root, file=replace(root.file, parameters={**root.file.parameters, **waiver}))
        for name, root in loaded.items()
    }


def test_nobody_has_decided_while_the_files_have_the_reason_that_they_came_with(loaded: dict[str, Environment]) -> None:
    roots = waived(loaded, production.UNDECIDED)
    reason, remedy = refused(lambda: production.check_decided(roots))
    assert reason == (
        "Nobody has decided yet who is kept from pushing to the branch of production and from approving its releases: "
        "production.json, shared.json still has the reason that it came with; nothing has happened."
    )
    assert remedy.startswith(
        "Name people in DeveloperGroups, DeveloperRoles or DeveloperPermissionSets of params/production.json, or write "
        "into ProtectionWaivedBecause why nobody is kept from it. Look at NotificationEmail, too"
    )
    for decided in ("", "we are two"):
        production.check_decided(waived(loaded, decided))


def described(stacks: dict[str, dict[str, str]]) -> Callable[..., dict[str, Any]]:
    def answer(StackName: str) -> dict[str, Any]:
        if StackName not in stacks:
            raise refusal("x", "ValidationError", "Stack does not exist")
        outputs = [{"OutputKey": name, "OutputValue": value} for name, value in stacks[StackName].items()]
        stack = {"StackName": StackName, "StackId": arn("stack", StackName), "StackStatus": "UPDATE_COMPLETE"}
        return {"Stacks": [{**stack, "CreationTime": NOW, "Outputs": outputs}]}

    return answer


def test_both_protections_bind_somebody_or_the_file_says_why_not(loaded: dict[str, Environment]) -> None:
    output = {
        each[1]: f"arn:aws:iam::000000000000:policy/{number}" for number, each in enumerate(production.PROTECTIONS)
    }
    branch, approval = output
    stacks = {
        "cloud-health-dashboard-shared-access": {branch: output[branch]},
        "cloud-health-dashboard-production-access": {approval: output[approval]},
        "cloud-health-dashboard-shared": {},
    }
    entities = {
        "PolicyGroups": [{"GroupName": "g"}],
        "PolicyRoles": [{"RoleName": "r"}],
        "PolicyUsers": [{"UserName": "u"}],
    }
    nobody: dict[str, Any] = {"PolicyGroups": [], "PolicyRoles": [], "PolicyUsers": []}
    roots = waived(loaded, "")

    def account(bound: Any = entities, **more: Any) -> Prepared:
        return Prepared(
            cloudformation__describe_stacks=described({**stacks, **more}), iam__list_entities_for_policy=bound
        )

    aws = account()
    production.check_protection(aws, roots)
    policies = [request["PolicyArn"] for name, request in aws.asked if name.startswith("iam")]
    assert policies == list(output.values())
    assert production.bound_by(aws, policies[0]) == ["g", "r", "u"]
    for kept, what, kept_from in (
        (output[branch], "branch protection", "push to the protected branch"),
        (output[approval], "approval protection", "approve a release"),
    ):
        bound = account(lambda PolicyArn, kept=kept, **_: nobody if PolicyArn == kept else entities)
        assert refused(lambda bound=bound: production.check_protection(bound, roots)) == (  # type: ignore[misc]
            f"The {what} binds nobody: whoever has the rights may {kept_from}; nothing has happened.",
            "`preflight` says how those are bound whom DeveloperGroups, DeveloperRoles and DeveloperPermissionSets "
            "name.",
        )
    absent = account(**{"cloud-health-dashboard-shared-access": {}})
    assert refused(lambda: production.check_protection(absent, roots)) == (
        "There is no branch protection: whoever has the rights may push to the protected branch; nothing has happened.",
        "An administrator runs `make access ENV=shared`, which makes it.",
    )
    production.check_protection(Prepared(), waived(loaded, "we are two"))
    one_waived = {**roots, "shared": waived(loaded, "we are two")["shared"]}
    reason, _ = refused(lambda: production.check_protection(account(nobody), one_waived))
    assert reason.startswith("The approval protection binds nobody")
    without_shared = {name: root for name, root in roots.items() if name != "shared"}
    production.check_protection(account(), without_shared)
    alone = Prepared(cloudformation__describe_stacks=described({}))
    production.check_protection(alone, roots)  # nothing is deployed yet


@pytest.mark.parametrize("local", [False, True])
@pytest.mark.parametrize("name", ["production", "staging"])
def test_before_a_deployment_of_production_every_protection_is_looked_at(
    name: str, local: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The local AWS takes the files as they come: nobody has to have decided whom they bind."""
    looked: list[tuple[Any, ...]] = []
    for check in ("check_production", "check_decided", "check_protection"):
        monkeypatch.setattr(production, check, lambda *arguments, check=check: looked.append((check, *arguments)))
    roots = environment.load(name, ROOT / "templates", ROOT / "params")
    aws = Prepared(sts__get_caller_identity={"Account": ACCOUNT, "Arn": SESSION.arn})
    aws.endpoint = Endpoint("http://localhost:9", "eu-west-1") if local else None
    context = Context(aws, roots, GateVerdict({}), access=ACCESS)
    production.check_context(context, ROOT)
    decided = [] if local else [("check_decided", roots)]
    only = [*decided, ("check_protection", aws, roots)] if name == "production" else []
    assert looked == [("check_production", roots["environment"], SESSION, ACCESS, ROOT), *only]
