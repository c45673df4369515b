"""A review beside what is deployed: `delivery review BASE --against ENVIRONMENT`.

The review itself follows from two revisions; here the account is asked which commit is deployed, what was changed
outside the stacks under the change, and whether a plan says the same. What cannot be asked is said, with the reason,
and never taken as a good sign.
"""

import json
from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path

from generator.cfn.environments import ACCESS, ENVIRONMENT
from generator.cfn.names import RECORDS, SHARED_ACCESS
from generator.cfn.packaging import Bucket
from generator.cfn.stacks import Stack
from scripts import git
from scripts.deployment import stacks
from scripts.deployment.deploy_root import Context
from scripts.deployment.environment import load
from scripts.deployment.errors import DeployError
from scripts.deployment.package import GateVerdict
from scripts.deployment.plan import Plan, discard
from scripts.deployment.stacks import OURS
from scripts.operations.deploying import context
from scripts.operations.diagnose.drift import detect_drift
from scripts.operations.options import DeployOptions
from scripts.operations.planning import RootPlan, plan_roots
from scripts.operations.run import Run
from scripts.review.compare import ROLLED
from scripts.review.model import ADDED, CHANGED, REMOVED, REPLACED, Deployed, EnvironmentReview
from scripts.terminal import console

COMMITS = 20  # that are named; more are counted
ACTIONS = {"Add": ADDED, "Remove": REMOVED, "Import": ADDED}


def deployed(project: Path, environment: EnvironmentReview, head: str, options: Namespace) -> Deployed:
    """What is deployed of an environment, beside its review; `head` is a revision, or empty for the working tree."""
    name = environment.name
    try:
        run = _run(project, name, options)
        stack = stacks.read(run.aws, run.environment.stack)
    except DeployError as error:
        return Deployed(name, unknown=(f"the account: {error.reason}",))
    if stack is None:
        return Deployed(name, unknown=(f"{run.environment.stack} is not deployed",))
    unknown = []
    commit, commits, missing = "", tuple[str, ...](), 0
    try:
        commit = _commit(run, stack)
        commits, missing = _between(project, commit, head)
    except (DeployError, git.GitError) as error:
        unknown.append(f"the commits in between: {error}")
    drifted, elsewhere = tuple[str, ...](), 0
    try:
        drifted, elsewhere = _drift(run, environment)
    except DeployError as error:
        unknown.append(f"drift: {error.reason}")
    different = tuple[str, ...]()
    if head:
        unknown.append("a plan: it is made of the working tree, and another revision is reviewed")
    else:
        try:
            different = tuple(_different(environment, _planned(run)))
        except DeployError as error:
            unknown.append(f"a plan: {error.reason}")
    return Deployed(name, stack.status, commit, commits, missing, drifted, elsewhere, different, tuple(unknown))


def _run(project: Path, name: str, options: Namespace) -> Run:
    from scripts.cli import connect

    templates, params = project / "templates", project / "params"
    roots = load(name, templates, params)
    where = Namespace(**{**vars(options), "environment": name})
    return Run(connect(where), roots, project, templates, params, GateVerdict.beside(templates))


def _commit(run: Run, stack: Stack) -> str:
    """The commit of the last deployment that was written down for the stack. Raises `DeployError`, `GitError`."""
    identity = run.aws.identity()
    bucket = Bucket.of(run.environment.application, identity.account, run.aws.region)
    keys = [
        entry["Key"]
        for page in run.aws.pages("s3", "list_objects_v2", Prefix=f"{RECORDS}{stack.name}/", **bucket.address)
        for entry in page.get("Contents", ())
    ]
    for key in sorted(keys, reverse=True):
        record = json.loads(run.aws.call("s3", "get_object", Key=key, **bucket.address)["Body"].read())
        if str(record.get("status", "")) == stack.status:
            if commit := str(record.get("commit", "")):
                return commit
            break
    raise git.GitError("no record says from which commit it was deployed")


def _between(project: Path, commit: str, head: str) -> tuple[tuple[str, ...], int]:
    """The commits from the one that is deployed to `head`, newest first, and how many of what is deployed `head` does
    not have. Raises `GitError`."""
    head = head or "HEAD"
    words = ("log", "--no-show-signature", "--format=%h %s", f"{commit}..{head}", "--")
    lines = git.text(project, *words).splitlines()
    missing = int(git.text(project, "rev-list", "--count", f"{head}..{commit}", "--"))
    more = [f"and {len(lines) - COMMITS} more"] if len(lines) > COMMITS else []
    return (*lines[:COMMITS], *more), missing


def _drift(run: Run, environment: EnvironmentReview) -> tuple[tuple[str, ...], int]:
    """What was changed outside the stacks: resources under the change, and how many others. Raises `DeployError`."""
    under, elsewhere = [], 0
    changed = {change.path for change in environment.resources}
    for root_name, root in run.roots.items():
        aws = run.at(root).aws
        stack = stacks.read(aws, root.stack)
        if stack is None:
            continue
        with console.working(f"comparing {stack.name} with what is there"):
            drift = detect_drift(aws, stack)
        for resource in drift.drifted:
            if not resource.surprising:
                continue
            path = _path(root_name, ".".join(resource.path))
            if path in changed:
                what = ", ".join(difference.property for difference in resource.differences) or resource.status.lower()
                under.append(f"{path}: {what}")
            else:
                elsewhere += 1
    return tuple(under), elsewhere


def _planned(run: Run) -> dict[str, tuple[str, bool]]:
    """What a plan of the working tree does with each resource, and whether for sure. Raises `DeployError`."""
    plans, whole = list[RootPlan](), Context.with_access(context(run, DeployOptions()))
    actions: dict[str, tuple[str, bool]] = {}
    try:
        with console.working(f"planning {run.environment.stack}"):
            for root, each in plan_roots(whole, OURS):
                plans.append(each)
                if isinstance(each.plan, Plan):
                    actions |= {_path(root.name, name): action for name, action in _actions(each.plan).items()}
    finally:
        for each in plans:
            if isinstance(each.plan, Plan):
                discard(each.aws, each.plan)
    return actions


def _actions(plan: Plan) -> dict[str, tuple[str, bool]]:
    actions = {}
    for leaf in plan.leaves():
        replaced = leaf.replaced and leaf.type != ROLLED
        actions[leaf.name] = ACTIONS.get(leaf.action, REPLACED if replaced else CHANGED), leaf.certain
    return actions


def _different(environment: EnvironmentReview, planned: Mapping[str, tuple[str, bool]]) -> Iterator[str]:
    """Where plan and review differ. The roles' stack is no part of a plan of the environment, and what the plan calls
    uncertain contradicts nothing."""
    reviewed = {
        change.path: change.action
        for change in environment.resources
        if not change.path.startswith((f"{ACCESS}.", f"{SHARED_ACCESS}.")) and not change.before
    }
    for path in sorted({*reviewed, *planned}):
        action, certain = planned.get(path, ("nothing", True))
        if certain and action != reviewed.get(path, "nothing"):
            yield f"{path}: {action} by the plan, {reviewed.get(path, 'nothing')} by the review"


def _path(root: str, name: str) -> str:
    return name if root == ENVIRONMENT else f"{root}.{name}"
