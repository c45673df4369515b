"""What a review says that a change does to an environment is what the local AWS then does: added, removed, replaced,
updated, and nothing else.

Two of the seeded pull requests in the suite, all that deploy under `make soak`; one environment on one local AWS.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from generator.cfn.templates import STACK
from scripts import cli
from scripts.deployment import stacks
from scripts.operations.all_resources import all_resources
from scripts.review.command import review
from scripts.review.compare import ROLLED
from scripts.review.model import ADDED, CHANGED, REMOVED, REPLACED, UNCHANGED, EnvironmentReview, Review
from tests.conftest import ROOT
from tests.support import pull_requests
from tests.support.deployments import LOCAL, LocalAccount
from tests.support.deployments import account as account
from tests.support.gate import pass_gate
from tests.support.pull_requests import NAMED, PULL_REQUESTS

# What stops before anything happens to the environment, with the words that say so.
REFUSED = {
    "parameters_only": "MinimumTasks",  # four tasks where two are the most
    "rename_that_is_refused": "already exists",  # the dashboard keeps its name, and the review says so
    "hostile_names": "not well-formed",  # an answer in XML cannot hold an escape sequence
}
ATTRIBUTES = {"DeletionPolicy", "UpdateReplacePolicy"}  # no operation follows from them
IN_THE_SUITE = ("replaced_bucket", "rename_that_is_refused")


@dataclass(frozen=True)
class Living:
    """The environment, and the checkout that it is deployed from."""

    account: LocalAccount
    checkout: Path

    def apply(self, *words: str) -> dict[str, Any]:
        """Deploys what lies in the checkout; the command's document."""
        pass_gate(self.checkout / "templates")
        folders = [word for name in ("templates", "params") for word in (f"--{name}", str(self.checkout / name))]
        document = self.checkout / ".cache/document.json"
        command = ["apply", "local", "--local-aws", str(self.account.run_file), *folders, *words, "--format", "json"]
        with document.open("w", encoding="utf-8") as out, pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.stdout", out)
            cli.main([*command, "--yes", "--allow-broader", "--quiet"])
        body: dict[str, Any] = json.loads(document.read_text(encoding="utf-8"))
        return body

    def resources(self) -> dict[str, str]:
        """The physical id of each resource, by path."""
        stack = stacks.read(self.account.aws, LOCAL)
        assert stack
        return {
            ".".join(resource.path): resource.physical_id
            for resource in all_resources(self.account.aws, stack.id)
            if resource.type != STACK and resource.physical_id and resource.status != "DELETE_COMPLETE"
        }

    def keep(self) -> None:
        """Keeps what lies in the checkout as `last`."""
        git(self.checkout, "add", ".")
        git(self.checkout, *NAMED, "commit", "-q", "--allow-empty", "-m", "last")
        git(self.checkout, "tag", "-f", "last")

    def reset(self) -> None:
        """The checkout as at its base, and the environment with it: the way back may lose something, too."""
        git(self.checkout, "checkout", "-q", "-f", "base")
        back = options(local(review(self.checkout, "last")))
        assert self.apply(*back)["exit"]["status"] == 0


@pytest.fixture(scope="module")
def living(account: LocalAccount, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    checkout = pull_requests.checkout_of(ROOT, tmp_path_factory.mktemp("review") / "checkout")
    living = Living(account, checkout)
    assert living.apply()["exit"]["status"] == 0
    git(checkout, "tag", "last")
    yield living


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)


def local(changes: Review) -> EnvironmentReview:
    """What a review says of the environment `local`."""
    return next((each for each in changes.environments if each.name == "local"), EnvironmentReview("local", UNCHANGED))


def edit(checkout: Path, name: str) -> None:
    """The pull request; what it chooses for another environment is chosen for this one."""
    files = {file: parameters(file) for file in (checkout / "params").glob("*.json")}
    PULL_REQUESTS[name](checkout)
    for file, before in files.items():
        after = parameters(file)
        if file.name != "local.json" and after is not None and before is not None:
            chosen = {key: value for key, value in after.items() if before.get(key) != value}
            if chosen and name != "default_that_one_environment_overrides":
                pull_requests.params(checkout, "local", **chosen)


def parameters(file: Path) -> dict[str, str] | None:
    try:
        values: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))["Parameters"]
    except (OSError, ValueError):
        return None
    return values


def predicted(environment: EnvironmentReview) -> dict[str, set[str]]:
    """The paths by what the review says happens to them; a rename is one that goes and one that comes."""
    paths: dict[str, set[str]] = {action: set() for action in (ADDED, REMOVED, REPLACED, CHANGED, ROLLED)}
    for change in environment.resources:
        if change.path.split(".")[0] in ("access", "edge", "shared", "shared-access"):
            continue
        if change.before:
            paths[REMOVED].add(change.before)
            paths[ADDED].add(change.path)
        else:
            paths[ROLLED if change.type == ROLLED and change.action == CHANGED else change.action].add(change.path)
    return paths


def options(environment: EnvironmentReview) -> list[str]:
    """What somebody has to name who agrees to the losses that the review shows."""
    words = []
    for change in environment.resources:
        if change.value and change.before:
            words += ["--allow-delete", change.before]
        elif change.value and change.action in (REMOVED, REPLACED):
            words += ["--allow-delete" if change.action == REMOVED else "--allow-replace", change.path]
    kept = [risk.path for risk in environment.risks if "no longer kept" in risk.what]
    return [*words, *(word for path in kept for word in ("--allow-delete", path))]


def comes_true(name: str, living: Living) -> None:
    living.reset()
    before = living.resources()
    edit(living.checkout, name)
    environment = local(review(living.checkout, "base"))
    living.keep()
    document = living.apply(*options(environment))
    if name in REFUSED:
        assert document["exit"]["status"] == 3 and REFUSED[name] in document["error"]["reason"]
        assert living.resources() == before
        return
    assert document["exit"]["status"] == 0, (document["error"], document["result"]["operations"])
    after, says = living.resources(), predicted(environment)
    assert after.keys() - before.keys() == says[ADDED]
    assert before.keys() - after.keys() == says[REMOVED]
    other_ids = {path for path in before.keys() & after.keys() if before[path] != after[path]}
    assert other_ids == says[REPLACED] | says[ROLLED]
    planned = {
        leaf["path"]: leaf["action"]
        for plan in document["result"]["plans"]
        if plan["stack"] == LOCAL
        for leaf in plan["resources"]
        if leaf["certain"]
    }
    assert {path for path, action in planned.items() if action == "Modify"} <= says[REPLACED] | says[CHANGED] | says[
        ROLLED
    ]
    attributes = {each.path for each in environment.resources if {v.place for v in each.values} <= ATTRIBUTES}
    assert says[CHANGED] - attributes <= planned.keys() | updated(living)


def updated(living: Living) -> set[str]:
    """The paths that the last operation has updated."""
    stack = stacks.read(living.account.aws, LOCAL)
    assert stack
    return {
        ".".join(resource.path)
        for resource in all_resources(living.account.aws, stack.id)
        if resource.status.startswith("UPDATE")
    }


@pytest.mark.parametrize(
    "name", [IN_THE_SUITE[0], *(pytest.param(name, marks=pytest.mark.soak) for name in IN_THE_SUITE[1:])]
)
def test_what_the_review_says_comes_true(name: str, living: Living) -> None:
    comes_true(name, living)


@pytest.mark.soak
@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in PULL_REQUESTS if name not in IN_THE_SUITE])
def test_what_the_review_says_comes_true_for_each(name: str, living: Living) -> None:
    comes_true(name, living)
