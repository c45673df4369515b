"""Planning all roots of an environment: what can be planned now, and what has to wait for what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from generator.cfn.changes import Difference, PlannedChange
from generator.cfn.environments import Environment
from scripts.deployment import environment
from scripts.deployment.deploy_root import Context, Extensions, RootDeployment
from scripts.deployment.errors import ManualActionRequiredError
from scripts.deployment.plan import Plan
from scripts.operations.certificates import CERTIFICATE
from scripts.operations.planning import NotPlanned, RootPlan, plan_roots
from tests.conftest import ROOT
from tests.support.account import NOW
from tests.support.gate import passed
from tests.support.service import ME, Prepared, arn, refusal

SHARED, EDGE, STAGING = (f"cloud-health-dashboard-{name}" for name in ("shared", "staging-edge", "staging"))
NEW = PlannedChange(("Certificate",), CERTIFICATE, "Add")
ANEW = replace(NEW, action="Modify", replacement="True", differences=(Difference("Name", "a", "b", True, "Always"),))
KEPT = replace(NEW, action="Modify", differences=(Difference("Tags", "a", "b"),))
OTHER = PlannedChange(("Alarm",), "AWS::CloudWatch::Alarm", "Add")


@pytest.fixture(scope="module")
def loaded() -> dict[str, Environment]:
    return environment.load("staging", ROOT / "templates", ROOT / "params")


def with_domain(main: Environment) -> Environment:
    """The environment with a domain whose certificate the root `edge` makes."""
    return replace(main, file=replace(main.file, parameters={**main.file.parameters, "HostedZoneId": "Z1"}))


class Anywhere(Prepared):
    """The same account in every region."""

    def at(self, region: str) -> Anywhere:
        assert region
        return self


def planned(
    loaded: Mapping[str, Environment],
    statuses: Mapping[str, str],
    *changes: PlannedChange,
    order: tuple[str, ...] = ("shared", "edge", "environment"),
    domain: bool = False,
) -> tuple[list[tuple[RootDeployment, RootPlan]], list[RootDeployment]]:
    """The roots with their plans, and how each came to be planned. The root `edge` changes as `changes` say."""
    main = with_domain(loaded["environment"]) if domain else loaded["environment"]
    roots, came = {**loaded, "environment": main}, list[RootDeployment]()

    def plan(root: RootDeployment) -> Plan:
        came.append(root)
        kind = "UPDATE" if root.previous else "CREATE"
        leaves = changes if root.name == "edge" else ()
        return Plan(root.environment.stack, "id", kind, "cs", "n", "d", leaves, empty=not leaves and kind == "UPDATE")

    def stack(StackName: str) -> dict[str, Any]:
        if not (status := statuses.get(StackName, "")):
            raise refusal("x", "ValidationError", "Stack does not exist")
        answer = {"StackName": StackName, "StackId": arn("stack", StackName), "StackStatus": status}
        return {"Stacks": [{**answer, "CreationTime": NOW}]}

    me = {"Account": ME.account, "Arn": ME.arn}
    aws = Anywhere(sts__get_caller_identity=me, cloudformation__describe_stacks=stack)
    extensions = Extensions(roots=lambda _: [roots[name] for name in order], plan=plan)
    context = Context(aws, roots, passed(roots), extensions=extensions)
    return list(plan_roots(context, "saved-")), came


def reasons(plans: list[tuple[RootDeployment, RootPlan]]) -> dict[str, str]:
    return {each.plan.stack: each.plan.reason for _, each in plans if isinstance(each.plan, NotPlanned)}


LIVING = dict.fromkeys((SHARED, EDGE, STAGING), "UPDATE_COMPLETE")


def test_each_root_is_planned_after_those_before_it(loaded: dict[str, Environment]) -> None:
    plans, came = planned(loaded, LIVING, OTHER)
    assert [root.environment.stack for root, _ in plans] == [SHARED, EDGE, STAGING]
    assert [list(root.other_stacks) for root in came] == [[], ["shared"], ["shared", "edge"]]
    assert all(root.prefix == "saved-" and root.previous for root in came)
    assert [each.previous and each.previous.name for _, each in plans] == [SHARED, EDGE, STAGING]
    assert [each.waiting for _, each in plans] == [False, True, False]
    unchanged = plans[0][1]
    assert isinstance(unchanged.plan, Plan)
    protected = replace(unchanged.plan, setting_changes=(Difference("protection", "off", "on"),))
    assert replace(unchanged, plan=protected).waiting


@pytest.mark.parametrize("status", ["", "REVIEW_IN_PROGRESS", "DELETE_COMPLETE"])
def test_what_does_not_exist_comes_before_what_needs_it(loaded: dict[str, Environment], status: str) -> None:
    plans, came = planned(loaded, {**LIVING, SHARED: status}, OTHER, order=("shared", "environment"))
    assert reasons(plans) == {STAGING: f"{SHARED} has to exist first"}
    assert [root.previous for root in came] == [None]
    assert plans[1][1].previous is None and plans[1][1].waiting


def test_a_root_that_nobody_needs_any_more_waits_for_nothing(loaded: dict[str, Environment]) -> None:
    assert not loaded["edge"].needed
    order = ("shared", "environment", "edge")
    plans, came = planned(loaded, {**LIVING, SHARED: ""}, order=order)
    assert reasons(plans) == {STAGING: f"{SHARED} has to exist first"}
    assert [root.environment.stack for root in came] == [SHARED, EDGE]


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE"])
def test_an_empty_stack_is_deleted_first(loaded: dict[str, Environment], status: str) -> None:
    plans, came = planned(loaded, {**LIVING, SHARED: status}, order=("shared", "environment"))
    assert reasons(plans) == {
        SHARED: "it could not be created; nothing of it is left, and `apply` deletes it first",
        STAGING: f"{SHARED} has to exist first",
    }
    assert came == []


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED", "CREATE_FAILED"])
def test_a_stack_that_somebody_has_to_bring_in_order_is_not_planned(
    loaded: dict[str, Environment], status: str
) -> None:
    with pytest.raises(ManualActionRequiredError, match=rf"{SHARED} .* \({status}\)"):
        planned(loaded, {**LIVING, SHARED: status})


@pytest.mark.parametrize(
    ("change", "domain", "waits"),
    [(NEW, True, True), (ANEW, True, True), (KEPT, True, False), (OTHER, True, False), (NEW, False, False)],
    ids=["new", "another one", "the same", "none", "not ours"],
)
def test_a_certificate_comes_in_a_step_before_the_environment_that_takes_it(
    loaded: dict[str, Environment], change: PlannedChange, domain: bool, waits: bool
) -> None:
    plans, came = planned(loaded, LIVING, change, domain=domain)
    expected = {STAGING: f"step 2 of 2: it takes the certificate that {EDGE} makes in step 1"} if waits else {}
    assert reasons(plans) == expected and len(came) == (2 if waits else 3)
