"""What AWS does when a change that hurts is carried out, on a living environment: without the guards of the script,
which refuse, name or tell each of these (tests/deployment/test_living.py, test_guards.py, test_adoption.py).

The rows of other files: what cannot work at all, and a second target group with the traffic, in test_matrix.py; what is
in use, interfaces of CloudFront, priorities, names that are taken, an environment that is not ready, in test_in_use.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from generator.cfn.evaluate import Request, decide, statements
from scripts.local_aws.faults import Plan, ResourceFault, injection
from tests.local_aws.matrix import CERTIFICATE, DOMAIN, ROOT, Living, at_every_event

COMPLETE = "UPDATE_COMPLETE"


@pytest.fixture(scope="module")
def small() -> Iterator[Living]:
    living = Living("small", "-findings")
    assert living.create() == "CREATE_COMPLETE"
    yield living
    living.folder = ROOT
    assert living.delete() == "DELETE_COMPLETE"


@pytest.fixture
def start(small: Living) -> Iterator[dict[str, str]]:
    """The values that a test begins with, and ends with."""
    values = dict(small.values)
    yield values
    small.folder = ROOT
    if small.values != values:
        assert small.change(values).status == COMPLETE


def physical(living: Living, path: str) -> str:
    return living.resources()[path].physical


def edited(living: Living, folder: Path, name: str, **texts: tuple[str, str]) -> None:
    """Gives an environment a copy of the templates in which some text of one is another."""
    shutil.copytree(ROOT / "templates", folder / "templates")
    file = folder / "templates" / f"{name}.json"
    text = file.read_text(encoding="utf-8")
    for before, after in texts.values():
        assert before in text
        text = text.replace(before, after)
    file.write_text(text, encoding="utf-8")
    living.folder = folder


def test_another_repository_leaves_the_running_image_behind(small: Living, start: dict[str, str]) -> None:
    """P4: the update is green and no task is replaced, and the role can pull the image of the tasks no more."""
    own = small.resources()["Registry.Images"].attributes["Arn"]

    def may_pull() -> bool:
        name = physical(small, "Backend.ExecutionRole")
        listed = small.account.services.call("iam", "list_role_policies", {"RoleName": name})["PolicyNames"]
        documents = {
            each: small.account.services.call("iam", "get_role_policy", {"RoleName": name, "PolicyName": each})
            for each in listed
        }
        granted = statements(name, {each: answer["PolicyDocument"] for each, answer in documents.items()})
        return decide(Request("ecr:BatchGetImage", own, {}, "AWS:role"), granted).allowed

    assert may_pull()
    happened = small.change({**start, "ExistingRepositoryName": "somebody/else"})
    assert (happened.status, happened.deployed) == (COMPLETE, False)
    assert not may_pull(), "the next task that starts cannot"


def test_tables_that_stay_are_in_the_way_of_new_ones(small: Living, start: dict[str, str]) -> None:
    """P10: the way back from EXISTING is closed; P11: a table that is not there makes a green update."""
    existing = {**start, "DataTables": "EXISTING", "ConfigurationDigest": "4" * 16}
    assert small.change(existing).status == COMPLETE
    back = small.change({**start, "ConfigurationDigest": "5" * 16})
    assert back.status != COMPLETE and "exist" in " ".join(back.failures), back
    nowhere = {**existing, "ClientsTable": "nowhere", "ConfigurationDigest": "6" * 16}
    assert small.change(nowhere).status == COMPLETE, "no resource depends on the table"
    assert small.answers()
    listed = small.account.services.call("dynamodb", "list_tables", {})["TableNames"]
    assert "nowhere" not in listed
    names = {name: f"{value}-again" for name, value in start.items() if name.endswith("Table")}
    start |= names  # what the next test begins with
    assert small.change({**start, "ConfigurationDigest": "7" * 16}).status == COMPLETE


def test_another_port_sends_everything_to_groups_without_a_task(
    small: Living, start: dict[str, str], tmp_path: Path
) -> None:
    """P17: the groups are replaced, and the rule leads to the new ones before the service starts."""
    edited(small, tmp_path, "ingress", port=('"Port": 8000', '"Port": 8001'))
    happened = small.change(start)
    assert happened.status == COMPLETE, happened.failures
    assert happened.fates["Ingress.FirstTargets"] == "replaced"
    assert happened.client.lost > 0
    small.folder = ROOT
    assert small.change(start).status == COMPLETE


def test_a_rule_that_changes_gets_its_first_weights_again(small: Living, start: dict[str, str], tmp_path: Path) -> None:
    """P18: the tasks may be in the second group long after the strategy is ROLLING again."""
    two = {**start, "TargetGroups": "TWO"}
    for values in (two, {**two, "DeploymentStrategy": "BLUE_GREEN"}):
        assert small.change(values).status == COMPLETE
    small.shift()
    assert small.change(two).status == COMPLETE
    shifted = small._forwarded()
    assert shifted == {physical(small, "Ingress.SecondTargets")}
    edited(small, tmp_path, "ingress", paths=('"/*"', '"*"'))
    assert small.change(two).status == COMPLETE
    assert small._forwarded() == {physical(small, "Ingress.FirstTargets")}


def test_a_value_is_there_before_the_tasks_are_and_goes_with_the_rollback_alone(
    small: Living, start: dict[str, str]
) -> None:
    """P23: a task that starts between the two reads the new value, the old revision's as well."""
    name, seen = physical(small, "Configuration.LogLevelName"), list[str]()

    def look() -> None:
        value = small.account.services.call("ssm", "get_parameter", {"Name": name})["Parameter"]["Value"]
        if not seen or seen[-1] != value:
            seen.append(value)

    fault = ResourceFault("update", f"{small.name}/Backend/Service", reason="the tasks do not get healthy")
    injection.ACTIVE.append(injection.Active(Plan(resources=(fault,))))
    try:
        with at_every_event(look):
            happened = small.change({**start, "LogLevel": "DEBUG", "ConfigurationDigest": "8" * 16})
    finally:
        injection.ACTIVE.pop()
    assert happened.status == "UPDATE_ROLLBACK_COMPLETE"
    assert seen == [start["LogLevel"], "DEBUG", start["LogLevel"]]
    assert any("the tasks do not get healthy" in failure for failure in happened.failures)


@pytest.fixture(scope="module")
def public() -> Iterator[Living]:
    """An environment with a domain, whose load balancer has the certificate of the domain."""
    living = Living("staging", "-public")
    domain = {"DomainName": DOMAIN, "HostedZoneId": living.zone, "EdgeCertificateArn": CERTIFICATE}
    assert living.create(**domain, LoadBalancerScheme="PUBLIC") == "CREATE_COMPLETE"
    yield living
    assert living.delete() == "DELETE_COMPLETE"


def test_a_public_load_balancer_has_the_certificate_of_the_new_domain_before_cloudfront_has_the_name(
    public: Living,
) -> None:
    """P14: in between, CloudFront hands on the old name as Host, and no certificate of the listener has it."""
    services, names = public.account.services, list[tuple[str, str]]()

    def certified() -> str:
        listener = physical(public, "Ingress.Listener")
        answer = services.call("elbv2", "describe_listeners", {"ListenerArns": [listener]})
        arn = answer["Listeners"][0]["Certificates"][0]["CertificateArn"]
        return str(services.call("acm", "describe_certificate", {"CertificateArn": arn})["Certificate"]["DomainName"])

    def answered() -> str:
        distribution = physical(public, "Delivery.Distribution")
        answer: Any = services.call("cloudfront", "get_distribution_config", {"Id": distribution})
        return str(answer["DistributionConfig"]["Aliases"]["Items"][0])

    def look() -> None:
        if not names or names[-1] != (certified(), answered()):
            names.append((certified(), answered()))

    with at_every_event(look):
        happened = public.change({**public.values, "DomainName": f"new.{DOMAIN}", "ConfigurationDigest": "9" * 16})
    assert happened.status == COMPLETE, happened.failures
    assert names == [(DOMAIN, DOMAIN), (f"new.{DOMAIN}", DOMAIN), (f"new.{DOMAIN}", f"new.{DOMAIN}")]
    records = services.call("route53", "list_resource_record_sets", {"HostedZoneId": public.zone})
    own = {each["Name"] for each in records["ResourceRecordSets"] if each["Type"] in ("A", "AAAA")}
    assert own == {f"new.{DOMAIN}."}, "the records were renamed in place"
