"""What AWS does when a change that hurts is carried out on a living environment, past the command; and that the command
refuses it, has it named, or does it in steps.

The rows of other files: another target of the backend, in test_switching.py; what cannot work at all in test_matrix.py;
what is in use, interfaces of CloudFront, priorities and names that are taken in test_in_use.py; what stands beside an
environment, in test_first_things.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from generator.cfn.evaluate import Request, decide, statements
from scripts.local_aws import faults
from scripts.local_aws.faults import Plan, ResourceFault, injection
from scripts.operations.living import QUOTA
from tests.local_aws.commanded import Commanded
from tests.local_aws.matrix import CERTIFICATE, DOMAIN, Living, at_every_event
from tests.support.lives import answers, outputs

COMPLETE, BACK = "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Commanded:
    """A small environment that has had its first release."""
    return Commanded(tmp_path_factory.mktemp("small"), "small").with_first_release()


@pytest.fixture
def start(small: Commanded) -> Iterator[dict[str, str]]:
    """The values that a test begins with, and ends with; nor does it leave templates or a file of its own."""
    values, file = dict(small.values), dict(small.file)
    yield values
    small.folder, small.file = small.home, file
    small.present()
    small.ended()
    if small.values != values:
        assert small.change(values).status == COMPLETE


def physical(living: Living, path: str) -> str:
    return living.resources()[path].physical


def call(living: Living, service: str, operation: str, /, **arguments: Any) -> Any:
    """What a service of the environment's Region answers."""
    return living.account.services.call(service, operation, arguments)


@pytest.mark.soak
@pytest.mark.long
def test_another_repository_leaves_the_running_image_behind(small: Commanded, start: dict[str, str]) -> None:
    """P4: the update is green and no task is replaced, and the role can pull the image of the tasks no more."""
    own = small.resources()["Registry.Images"].attributes["Arn"]

    def may_pull() -> bool:
        name = physical(small, "Backend.ExecutionRole")
        listed = call(small, "iam", "list_role_policies", RoleName=name)["PolicyNames"]
        documents = {each: call(small, "iam", "get_role_policy", RoleName=name, PolicyName=each) for each in listed}
        granted = statements(name, {each: answer["PolicyDocument"] for each, answer in documents.items()})
        return decide(Request("ecr:BatchGetImage", own, {}, "AWS:role"), granted).allowed

    assert may_pull()
    happened = small.change({**start, "ExistingRepositoryName": "somebody/else"})
    assert (happened.status, happened.deployed) == (COMPLETE, False)
    assert not may_pull(), "the next task that starts cannot"
    assert small.change(start).status == COMPLETE
    call(small, "ecr", "create_repository", repositoryName="somebody/else")
    assert "everything goes on until the next task starts, which cannot read them" in small.refused(
        ExistingRepositoryName="somebody/else"
    )
    key = call(small, "kms", "create_key")["KeyMetadata"]["Arn"]
    assert "ExistingKeyArn" in small.refused(ExistingKeyArn=key)


@pytest.mark.soak
@pytest.mark.long
def test_tables_that_stay_are_in_the_way_of_new_ones(small: Commanded, start: dict[str, str]) -> None:
    """P10: the way back from EXISTING is closed; P11: a table that is not there makes a green update."""
    existing = {**start, "DataTables": "EXISTING", "ConfigurationDigest": "4" * 16}
    assert small.change(existing).status == COMPLETE
    back = small.change({**start, "ConfigurationDigest": "5" * 16})
    assert back.status != COMPLETE and "exist" in " ".join(back.failures), back
    says = small.refused()
    assert '"DataTables": "EXISTING"' in says and start["ClientsTable"] in says
    nowhere = {**existing, "ClientsTable": "nowhere", "ConfigurationDigest": "6" * 16}
    assert small.change(nowhere).status == COMPLETE, "no resource depends on the table"
    assert small.answers()
    assert "nowhere" not in call(small, "dynamodb", "list_tables")["TableNames"]
    assert "there is no table nowhere" in small.refused(DataTables="EXISTING", ClientsTable="nowhere")
    for name in (value for key, value in start.items() if key.endswith("Table")):  # their data is given up
        call(small, "dynamodb", "delete_table", TableName=name)


@pytest.mark.soak
@pytest.mark.long
def test_another_port_sends_everything_to_groups_without_a_task(
    small: Commanded, start: dict[str, str], tmp_path: Path
) -> None:
    """P17: the groups are replaced, and the rule leads to the new ones before the service starts."""
    small.edit(tmp_path, "ingress", ('"Port": 8000', '"Port": 8001'))
    assert "sent to a new target group without a task" in small.refused()
    happened = small.change(start)
    assert happened.status == COMPLETE, happened.failures
    assert happened.fates["Ingress.FirstTargets"] == "replaced"
    assert happened.client.lost > 0
    small.folder = small.home
    assert small.change(start).status == COMPLETE


@pytest.mark.soak
@pytest.mark.long
def test_tasks_in_the_second_group(small: Commanded, start: dict[str, str], tmp_path: Path) -> None:
    """P15: a strategy that shifts in the deployment that brings the second group; P3: the second group would go while
    it has the traffic (test_matrix.py has the outage); P18: the rule changes then, long after the strategy is ROLLING
    again.

    AWS wants a rolling deployment with both groups first, and how it refuses what has had none is written nowhere: the
    local AWS does it, and what it does then is not looked at."""
    two = {**start, "TargetGroups": "TWO"}
    says = small.refused(TargetGroups="TWO", DeploymentStrategy="BLUE_GREEN")
    assert "set TargetGroups to TWO with DeploymentStrategy ROLLING" in " ".join(says.replace("Set", "set").split())
    bakes = {"BakeMinutes": "20", "CanaryBakeMinutes": "20"}
    assert "DeploymentTimeoutMinutes" in small.refused(TargetGroups="TWO", DeploymentStrategy="CANARY", **bakes)
    small.applied("--allow-broader", TargetGroups="TWO")
    small.applied(DeploymentStrategy="BLUE_GREEN")
    small.shift()
    small.applied(DeploymentStrategy="ROLLING")
    assert small._forwarded() == {physical(small, "Ingress.SecondTargets")}
    assert "the production rule sends requests to the second target group" in small.refused(TargetGroups="ONE")
    small.edit(tmp_path, "ingress", ('"/*"', '"*"'))
    assert "owns the weights of this listener rule" in small.refused()
    assert small.change({**two, "DeploymentStrategy": "ROLLING"}).status == COMPLETE
    assert small._forwarded() == {physical(small, "Ingress.FirstTargets")}, "the tasks are in the second"


@pytest.mark.soak
@pytest.mark.long
def test_a_release_and_an_update_at_once(small: Commanded, start: dict[str, str]) -> None:
    """P5: the update puts the last good image back over the release; the command waits for the release."""
    service = small.deployed_service()
    family = call(small, "ecs", "describe_task_definition", taskDefinition=service["taskDefinition"])["taskDefinition"]
    container = {**family["containerDefinitions"][0], "image": "registry/images:released", "memory": 512}
    revision = call(small, "ecs", "register_task_definition", family=family["family"], containerDefinitions=[container])
    place = {"cluster": service["clusterArn"], "service": service["serviceArn"]}
    new = revision["taskDefinition"]["taskDefinitionArn"]
    call(small, "ecs", "update_service", **place, taskDefinition=new)
    small.execution("InProgress")
    says = small.refused(TaskCpu="512", TaskMemory="1024")
    assert "a release is running, and this update would replace what it deploys" in says and "--wait" in says
    assert "the change of its pipeline would cancel it" in small.refused(ExecutionMode="SUPERSEDED")
    assert small.deployed_service()["taskDefinition"] == new, "nothing was touched"
    assert small.change({**start, "TaskCpu": "512", "TaskMemory": "1024"}).status == COMPLETE
    lost = call(small, "ecs", "describe_task_definition", taskDefinition=small.deployed_service()["taskDefinition"])
    assert lost["taskDefinition"]["containerDefinitions"][0]["image"] == start["BackendImage"], "the release is lost"
    assert small.change(start).status == COMPLETE
    small.ended()
    image = small.released("released")
    assert "first the image that runs, by itself" in small.applied(TaskCpu="512", TaskMemory="1024")
    both = call(small, "ecs", "describe_task_definition", taskDefinition=small.deployed_service()["taskDefinition"])
    assert both["taskDefinition"]["containerDefinitions"][0]["image"] == image
    assert both["taskDefinition"]["cpu"] == "512", "neither has lost the other"


@pytest.mark.soak
@pytest.mark.long
def test_more_tasks_at_least_than_at_most(small: Commanded, start: dict[str, str]) -> None:
    """P16: AWS refuses it in the middle of the update, the check of the file before."""
    happened = small.change({**start, "MinimumTasks": "5"})
    assert happened.status == BACK and "capacity" in " ".join(happened.failures).lower(), happened.failures
    small.values = start
    assert "MinimumTasks" in small.refused(MinimumTasks="5")


LONGER = {"LogRetentionDays": "90", "ArtifactDays": "90", "ImagesKept": "100"}


@pytest.mark.soak
@pytest.mark.long
def test_a_shorter_time_for_what_is_kept(small: Commanded, start: dict[str, str]) -> None:
    """P22: the update is green, nothing is removed by it, and AWS deletes by the new rules within a day, for good. The
    local AWS deletes nothing by such rules: they are what is looked at."""

    def rules() -> tuple[set[int], set[int], int]:
        groups = call(small, "logs", "describe_log_groups", logGroupNamePrefix=small.name)["logGroups"]
        bucket = outputs(small.whose, small.name)["ArtifactBucketName"]
        lifecycle = call(small, "s3", "get_bucket_lifecycle_configuration", Bucket=bucket)["Rules"]
        images = call(small, "ecr", "get_lifecycle_policy", repositoryName=physical(small, "Registry.Images"))
        counts = [rule["selection"]["countNumber"] for rule in json.loads(images["lifecyclePolicyText"])["rules"]]
        days = {rule["Expiration"]["Days"] for rule in lifecycle if "Days" in rule.get("Expiration", {})}
        return {group["retentionInDays"] for group in groups}, days, max(counts)

    short = rules()
    assert small.change({**start, **LONGER}).status == COMPLETE
    long = rules()
    assert min(long[0]) > max(short[0]) and max(long[1]) > max(short[1]) and long[2] > short[2]
    says = small.refused()  # the file has the shorter times
    assert all(f"--allow-delete {name}" in says for name in LONGER) and rules() == long
    happened = small.change(start)
    assert (happened.status, happened.gone, rules()) == (COMPLETE, [], short), happened.failures
    assert small.change({**start, **LONGER}).status == COMPLETE
    small.applied(*(word for name in LONGER for word in ("--allow-delete", name)))
    assert rules() == short


@pytest.mark.soak
@pytest.mark.long
def test_a_sixth_address(small: Commanded, start: dict[str, str]) -> None:
    """P24: the Region has no address more; the update is rolled back, or refused before it begins."""
    used = len(call(small, "ec2", "describe_addresses")["Addresses"])
    small.present(answers("service-quotas.ListServiceQuotas", Quotas=[{"QuotaName": QUOTA, "Value": float(used)}]))
    faults.behave(small.whose.endpoint, addresses=used)
    try:
        says = small.refused(NatGatewayCount="2")
        assert f"there would be {used + 1} Elastic IP addresses in this Region, and {used} are allowed" in says
        happened = small.change({**start, "NatGatewayCount": "2"})
        assert happened.status == BACK and "maximum number of addresses" in " ".join(happened.failures)
    finally:
        faults.behave(small.whose.endpoint, addresses=0)


@pytest.mark.soak
@pytest.mark.long
def test_another_budget_of_the_same_name(small: Commanded, start: dict[str, str], tmp_path: Path) -> None:
    """P25: who is told is create-only, and the name is taken by the budget that is to be replaced."""
    small.edit(tmp_path, "monitoring", ('"Threshold": 80,', '"Threshold": 90,'))
    assert "it would be created again as cloud-health-dashboard-small" in small.refused()
    happened = small.change(start)
    assert happened.status == BACK and "exist" in " ".join(happened.failures), happened.failures
    small.values = start


@pytest.mark.soak
@pytest.mark.long
def test_a_rule_that_moves_into_its_group_leaves_none(small: Commanded, start: dict[str, str], tmp_path: Path) -> None:
    """P19: the group's own is passed over as a duplicate, then the other one is removed: a green update, and CloudFront
    reaches nothing."""
    text = (small.home / "templates/network.json").read_text(encoding="utf-8")
    body = json.loads(text)
    rule = body["Resources"].pop("FromCloudFront")["Properties"]
    del rule["GroupId"], rule["Description"]  # the local AWS keeps no description beside a prefix list
    body["Resources"]["LoadBalancerGroup"]["Properties"]["SecurityGroupIngress"] = [rule]

    def admitted() -> list[Any]:
        group = physical(small, "Network.LoadBalancerGroup")
        [shown] = call(small, "ec2", "describe_security_groups", GroupIds=[group])["SecurityGroups"]
        return list(shown["IpPermissions"])

    before = admitted()
    small.edit(tmp_path, "network", (text, json.dumps(body)))
    says = small.refused()
    assert "the same rule is in Network.LoadBalancerGroup from now on" in says and "in two deployments" in says
    assert admitted() == before != []
    happened = small.change(start)
    assert happened.status == COMPLETE, happened.failures
    assert admitted() == []
    group = physical(small, "Network.LoadBalancerGroup")
    call(small, "ec2", "authorize_security_group_ingress", GroupId=group, IpPermissions=before)  # as a person has to
    small.folder = small.home
    assert small.change(start).status == COMPLETE
    assert admitted() == before


@pytest.mark.soak
@pytest.mark.long
def test_another_address_hears_of_nothing_until_it_has_confirmed(small: Commanded, start: dict[str, str]) -> None:
    """P28: the old subscription is gone, and the new one is pending until somebody follows the link, or until it is
    gone as well; `status` says so as long as it lasts."""

    def subscribed() -> dict[str, bool]:
        topic = outputs(small.whose, small.name)["TopicArn"]
        listed = call(small, "sns", "list_subscriptions_by_topic", TopicArn=topic)["Subscriptions"]
        return {each["Endpoint"]: each["SubscriptionArn"] == "PendingConfirmation" for each in listed}

    assert small.change({**start, "NotificationEmail": "old@cloud-health.test"}).status == COMPLETE
    assert small.change({**small.values, "NotificationEmail": "new@cloud-health.test"}).status == COMPLETE
    assert subscribed() == {"new@cloud-health.test": True}, "nobody is told anything"
    says = small.applied(NotificationEmail="third@cloud-health.test")
    assert "confirm at once: until then nobody is told anything" in says
    status = small.command("status").stdout
    assert "third@cloud-health.test gets no messages: the link in the mail" in status
    topic = outputs(small.whose, small.name)["TopicArn"]
    assert f"aws sns subscribe --topic-arn {topic} --protocol email" in status
    mail = physical(small, "Notifications.Email")
    call(small, "sns", "unsubscribe", SubscriptionArn=mail)  # AWS does that after two days
    assert "gets no messages: nobody has confirmed it in time" in small.command("status").stdout


@pytest.mark.soak
@pytest.mark.long
def test_the_acceleration_of_a_bucket_ends_by_a_word(small: Commanded, start: dict[str, str]) -> None:
    """P31: a property that is taken out may leave it on."""

    def acceleration() -> str:
        bucket = outputs(small.whose, small.name)["SiteBucketName"]
        return str(call(small, "s3", "get_bucket_accelerate_configuration", Bucket=bucket).get("Status"))

    small.applied(TransferAcceleration="Enabled")
    assert acceleration() == "Enabled"
    assert "choose `Suspended`" in small.refused(TransferAcceleration="Off").replace("Choose", "choose")
    assert small.change(start).status == COMPLETE
    assert acceleration() == "Enabled", "and it is paid for"
    assert small.change({**start, "TransferAcceleration": "Enabled"}).status == COMPLETE
    small.applied(TransferAcceleration="Suspended")
    assert acceleration() == "Suspended"


@pytest.mark.soak
@pytest.mark.long
def test_a_value_is_there_before_the_tasks_are_and_goes_with_the_rollback_alone(
    small: Commanded, start: dict[str, str]
) -> None:
    """P23: a task that starts between the two reads the new value, the old revision's as well."""
    name, seen = physical(small, "Configuration.LogLevelName"), list[str]()

    def look() -> None:
        value = call(small, "ssm", "get_parameter", Name=name)["Parameter"]["Value"]
        if not seen or seen[-1] != value:
            seen.append(value)

    fault = ResourceFault("update", f"{small.name}/Backend/Service", reason="the tasks do not get healthy")
    injection.ACTIVE.append(injection.Active(Plan(resources=(fault,))))
    try:
        with at_every_event(look):
            happened = small.change({**start, "LogLevel": "DEBUG", "ConfigurationDigest": "8" * 16})
    finally:
        injection.ACTIVE.pop()
    assert happened.status == BACK
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
