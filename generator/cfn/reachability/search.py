"""From each identity to each asset: who can reach what, by which steps.

The identities are those that somebody may have without being meant to go further: whoever pushes, whose code is built
or runs, who deploys, who approves, anybody. The search goes over single steps (`steps.py`); it prefers those that a
caller of this module ranks lower, so that the way shown is the one that is best explained.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from generator.cfn.names import SHARED, SHARED_ACCESS
from generator.cfn.permissions import Permission
from generator.cfn.reachability.account import NUMBER, PARTITION, RECORD, Account, AccountResource, Principal
from generator.cfn.reachability.contents import actions_of, asks_approval, executes, is_approval, project_of, tasks_of
from generator.cfn.reachability.steps import Steps
from generator.cfn.reachability.terms import (
    ADMINISTRATOR,
    PIPELINE,
    PROJECT,
    SHARED_ASSET,
    Step,
    approved_in,
    data_of,
    domain_of,
    runs_in,
)

PROTECTION = "ApprovalProtection"
PULL_REQUEST = "a pull request"
OUTSIDE = "anybody outside the account"
USER, WITHOUT_FACTOR = "a user who may assume roles", "a user without a second factor"
FOREIGN = "999999999999"
ASSUME_ANY = Permission(
    "", "identity", "", "their own permission", "Allow", actions=("sts:AssumeRole",), resources=("*",)
)


@dataclass(frozen=True)
class Identity:
    """Somebody to start from: the places that they hold at the beginning."""

    label: str
    starts: tuple[str, ...]


@dataclass(frozen=True)
class Reach:
    """What can be reached in an account: identities and assets in the order of the matrix, and every step."""

    identities: tuple[Identity, ...]
    assets: tuple[str, ...]
    steps: tuple[Step, ...]
    unread: tuple[str, ...]

    @cached_property
    def by_source(self) -> dict[str, list[Step]]:
        sources: dict[str, list[Step]] = {}
        for step in self.steps:
            sources.setdefault(step.source, []).append(step)
        return sources

    def path(self, starts: Iterable[str], asset: str, allowed: Callable[[Step], bool]) -> tuple[Step, ...] | None:
        """The shortest way from any of the starts to a place over allowed steps; None when there is none. Whoever is
        administrator needs no further step, so that no way leads on from there."""
        ways: dict[str, tuple[Step, ...]] = dict.fromkeys(starts, ())
        front = list(ways)
        while front and asset not in ways:
            following = []
            for place in front:
                for step in self.by_source.get(place, ()) if place != ADMINISTRATOR else ():
                    if step.target not in ways and allowed(step):
                        ways[step.target] = (*ways[place], step)
                        following.append(step.target)
            front = following
        return ways.get(asset)

    def reachable(self, allowed: Callable[[Step], bool]) -> frozenset[str]:
        """Every place that some identity reaches over allowed steps."""
        seen = {start for identity in self.identities for start in identity.starts}
        front = list(seen)
        while front:
            targets = {s.target for place in front for s in self.by_source.get(place, ()) if allowed(s)}
            front = sorted(targets - seen)
            seen.update(front)
        return frozenset(seen)


def reach(account: Account) -> Reach:
    """Every step in the account, with who could start and what there is to reach."""
    context = Steps(account)
    people = list(_people(account))
    steps = {step.key: step for step in _pushes(account)}
    for principal in (*account.roles, *context.boundaries(), *people):
        steps |= context.of(principal)
    for step in (*context.of_contents(), *_questions(account)):
        steps[step.key] = step
    environments = [name for name in account.environments if name != SHARED]
    approving = [pipeline.environment for pipeline in account.of_type(PIPELINE) if asks_approval(pipeline)]
    assets = [
        ADMINISTRATOR,
        *(data_of(name) for name in environments),
        *(runs_in(name) for name in environments),
        *(domain_of(name) for name in dict.fromkeys(record.environment for record in account.of_type(RECORD))),
        *(approved_in(name) for name in environments if name in approving),
        *([SHARED_ASSET] if SHARED in account.environments else []),
    ]
    unread = {f"{role.label}: {arn.rpartition('/')[2]}" for role in account.roles for arn in role.unread}
    return Reach(
        tuple(_identities(account, people)), tuple(assets), tuple(sorted(steps.values())), tuple(sorted(unread))
    )


def _identities(account: Account, people: list[Principal]) -> Iterator[Identity]:
    environments = [name for name in account.environments if name != SHARED]
    yield Identity(OUTSIDE, (OUTSIDE,))
    yield Identity(PULL_REQUEST, (PULL_REQUEST,))
    for branch in dict.fromkeys(_branch(pipeline) for pipeline in account.of_type(PIPELINE)):
        yield Identity(_push(branch), (_push(branch),))
    for environment in environments:
        projects = [p for p in account.of_type(PROJECT) if p.environment == environment and executes(p)]
        roles = [account.role_by_arn.get(project.properties["ServiceRole"]) for project in projects]
        yield Identity(f"a build of {environment}", tuple(dict.fromkeys(role.label for role in roles if role)))
    for environment in environments:
        yield Identity(f"the application in {environment}", tuple(r.label for r in tasks_of(account, environment)))
    for person in people:
        if person.label != OUTSIDE:
            yield Identity(person.label, (person.label,))
    for address, name in (("access.DeployRole", "the deploy role"), ("access.ApproverRole", "the approver")):
        for environment in environments:
            if role := account.role(environment, address):
                yield Identity(f"{name} of {environment}", (role.label,))
    if role := account.role(SHARED, f"{SHARED_ACCESS}.DeployRole"):
        yield Identity("the deploy role of what is shared", (role.label,))


def _people(account: Account) -> Iterator[Principal]:
    """Anybody; a user of the account who may assume whatever role lets them in, without and with a second factor; and
    such a user to whom the policy is attached that keeps people from approving."""
    yield Principal(OUTSIDE, "", "", f"arn:{PARTITION}:iam::{FOREIGN}:user/anybody")
    user = Principal(USER, "", "", f"arn:{PARTITION}:iam::{NUMBER}:user/anybody", (ASSUME_ANY,), second_factor=True)
    yield replace(user, label=WITHOUT_FACTOR, second_factor=False)
    yield user
    for policy in account.of_type("AWS::IAM::ManagedPolicy"):
        pipelines = [p for p in account.of_type(PIPELINE) if p.environment == policy.environment]
        if policy.address.endswith(f".{PROTECTION}") and any(map(asks_approval, pipelines)):
            label = f"such a user, kept from approving {policy.environment}"
            yield replace(user, label=label, identity=(ASSUME_ANY, *account.policies[policy.arn]))


def _push(branch: str) -> str:
    return f"a push to {branch}"


def _branch(pipeline: AccountResource) -> str:
    for _, action in actions_of(pipeline):
        if "BranchName" in action.get("Configuration", {}):
            return str(action["Configuration"]["BranchName"])
    return ""


def _pushes(account: Account) -> Iterator[Step]:
    """What a push starts, and whether pull requests start anything."""
    for pipeline in account.of_type(PIPELINE):
        environment, push = pipeline.environment, _push(_branch(pipeline))
        sources = [action for _, action in actions_of(pipeline) if action["ActionTypeId"]["Category"] == "Source"]
        source = {artifact["Name"] for action in sources for artifact in action["OutputArtifacts"]}
        for stage, action in actions_of(pipeline):
            taken = {artifact["Name"] for artifact in action.get("InputArtifacts", ())}
            configuration = action.get("Configuration", {})
            if not source & taken or "ProjectName" not in configuration:
                continue
            project = project_of(account, environment, configuration["ProjectName"])
            role = account.role_by_arn.get(project.properties["ServiceRole"]) if project else None
            if project and role and executes(project):
                place = f"{pipeline.address} {stage['Name']}/{action['Name']}"
                yield Step(push, role.label, place, f"{project.label} executes the repository")
        if not asks_approval(pipeline):
            place = f"{pipeline.address} without approval"
            yield Step(push, runs_in(environment), place, "each push is released")
            for role in tasks_of(account, environment):
                yield Step(push, role.label, place, "each push is released")
    for rule in account.of_type("AWS::Events::Rule"):
        if "pullrequest" in str(rule.properties.get("EventPattern", "")).replace(" ", "").lower():
            yield Step(PULL_REQUEST, runs_in(rule.environment), rule.address, f"{rule.label} starts on a pull request")


def _questions(account: Account) -> Iterator[Step]:
    """Which role writes what an approver reads before the answer."""
    for pipeline in account.of_type(PIPELINE):
        questions = [str(action.get("Configuration")) for _, action in actions_of(pipeline) if is_approval(action)]
        for stage, action in actions_of(pipeline):
            configuration = action.get("Configuration", {})
            named = any(f"#{{{action.get('Namespace')}." in question for question in questions)
            if named and "ProjectName" in configuration:
                project = project_of(account, pipeline.environment, configuration["ProjectName"])
                if role := account.role_by_arn.get(project.properties["ServiceRole"]) if project else None:
                    place = f"{pipeline.address} {stage['Name']}/{action['Name']}"
                    yield Step(role.label, approved_in(pipeline.environment), place, "writes the approver's question")
