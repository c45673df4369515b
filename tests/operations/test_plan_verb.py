"""`plan`: what is left of it when it has ended, and in which form it is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scripts.deployment import environment
from scripts.deployment.errors import DeployError, Exit
from scripts.operations import saved_plan
from scripts.operations.output import plan_markdown, plan_text
from scripts.operations.verbs import plan
from scripts.terminal import results
from tests.conftest import ROOT
from tests.support.account import SHARED, STAGING, Account, Roots
from tests.support.runs import verb_options, verb_run
from tests.support.service import ACCOUNT, REGION, arn


@pytest.fixture(scope="module")
def two() -> Roots:
    """A root that is up to date, and one that is to be created."""
    roots = environment.load("staging", ROOT / "templates", ROOT / "params")
    return {name: roots[name] for name in ("shared", "environment")}


def run(aws: Account, roots: Roots, **options: Any) -> Exit:
    return plan.run(verb_run(aws, roots), verb_options(plan, **options))


def change_sets(aws: Account) -> tuple[list[str], list[str]]:
    """The beginnings of the names of those that were made, and those that were deleted."""
    names = [request["ChangeSetName"] for name, request in aws.asked if name.endswith("create_change_set")]
    deleted = [request["ChangeSetName"] for name, request in aws.asked if name.endswith("delete_change_set")]
    return ["-".join(name.split("-")[:2]) for name in names], deleted


def test_a_plan_leaves_nothing_behind(two: Roots, capsys: pytest.CaptureFixture[str]) -> None:
    aws = Account()
    assert run(aws, two) is Exit.CHANGES
    assert change_sets(aws) == (["deploy-staging"], [arn("changeSet", STAGING)])
    assert aws.statuses[STAGING] == "DELETE_COMPLETE"
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{SHARED}: no changes" and lines[1].startswith(f"{STAGING}: create 1 resource")
    assert run(Account(), {"shared": two["shared"]}) is Exit.DONE


def test_a_plan_that_is_interrupted_leaves_nothing_behind_either(
    two: Roots, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Not even when it was to be saved."""

    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    for name in ("_show", "_save"):
        with monkeypatch.context() as patched:
            patched.setattr(plan, name, interrupted)
            with pytest.raises(KeyboardInterrupt):
                run(aws := Account(), two, out=tmp_path / "plan.json")
        assert change_sets(aws)[1] == [arn("changeSet", STAGING)]


def test_each_form_shows_the_same_plans(
    two: Roots, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[tuple[Any, ...]] = []

    def lines(*arguments: Any) -> list[str]:
        seen.append(arguments)
        return [f"line {len(seen)}"]

    monkeypatch.setattr(plan_text, "lines", lines)
    monkeypatch.setattr(plan_markdown, "lines", lines)
    run(Account(), two, verbose=True)
    assert capsys.readouterr().out == "line 1\nline 2\n"
    assert [(each.stack, verbose) for each, verbose in seen] == [(SHARED, True), (STAGING, True)]
    run(Account(), two, format="markdown")
    assert capsys.readouterr().out == "line 3\n"
    *where, plans = seen[2]
    assert where == ["staging", ACCOUNT, REGION] and [each.stack for each in plans] == [SHARED, STAGING]
    documents: list[Any] = []
    monkeypatch.setattr(results, "show", documents.append)
    run(Account(), two, format="json")
    [document] = documents
    assert [each["stack"] for each in document["stacks"]] == [SHARED, STAGING]
    assert (document["environment"], document["account"], document["region"]) == ("staging", ACCOUNT, REGION)


def test_a_plan_that_is_saved_keeps_its_change_sets_until_it_is_discarded(
    two: Roots, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of a stack in which nothing changes are in it with nothing to be applied."""
    aws, file = Account(), tmp_path / "plan.json"
    assert run(aws, two, out=file) is Exit.CHANGES
    assert change_sets(aws) == (["reviewed-staging"], [])
    saved = saved_plan.read(file)
    assert (saved.environment, saved.account, saved.region) == ("staging", ACCOUNT, REGION)
    [entry] = saved.stacks
    assert (entry.stack, entry.change_set, entry.image) == (STAGING, arn("changeSet", STAGING), ())
    assert [each["stack"] for each in saved.shown["stacks"]] == [SHARED, STAGING]
    capsys.readouterr()
    assert run(aws, two, discard=file) is Exit.DONE
    assert capsys.readouterr().out == f"{STAGING}: the reviewed change set is deleted\n"
    assert change_sets(aws)[1] == [arn("changeSet", STAGING)] and aws.statuses[STAGING] == "DELETE_COMPLETE"


def test_the_saved_plan_of_another_environment_is_not_discarded(two: Roots, tmp_path: Path) -> None:
    aws, file = Account(), tmp_path / "plan.json"
    run(aws, two, out=file)
    with pytest.raises(DeployError):
        run(aws, {"shared": two["shared"]}, discard=file)
    assert change_sets(aws)[1] == []


def test_drift_is_looked_for_where_somebody_asks_and_the_stack_stands(
    two: Roots, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shared stack does; staging is only to be created."""
    looks: list[tuple[Any, ...]] = []

    def drift_notices(_: Any, stack: Any, prefix: str, description: str) -> list[Any]:
        looks.append((stack.name, prefix, description))
        return []

    monkeypatch.setattr(plan, "drift_notices", drift_notices)
    run(Account(), two)
    assert looks == []
    run(Account(), two, drift=True)
    [(name, prefix, description)] = looks
    assert (name, prefix) == (SHARED, "deploy-shared-") and description.endswith("; plan drift")
