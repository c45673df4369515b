"""The matrix of changes: a living environment on a local AWS in this process, of which one parameter changes at a time,
and what happened is compared with what the table of effects promises.

A client sends a request at every event of an update. It is answered when the load balancer's rule leads to nothing but
target groups that a backend has registered itself with, when the balancer's security groups let it out to their port,
and when the backend's subnets lead to the Internet. It is a model: the local AWS has no load balancer that requests go
through, and starts no tasks. What a request meets in the page and at the edge is no part of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from generator.cfn import assertions, parameters
from generator.cfn.assertions import as_text
from generator.cfn.effects import NOTICE, QUIET, REFUSED, Row, find
from generator.cfn.effects.outcomes import ADDED, CHANGED, REMOVED, REPLACED, Outcome, outcomes
from generator.cfn.schemas import create_only
from generator.cfn.templates import STACK, load
from generator.gate.effects import NEW_TASKS, RootResources, kinds
from scripts.local_aws import account as accounts
from scripts.local_aws import application
from scripts.local_aws.handlers import ROWS
from scripts.local_aws.handlers.handler import ResourceHandler
from scripts.local_aws.server import ACCOUNT, REGION
from scripts.local_aws.values import Operation, Resource, Stack
from tests.support.combinations import SAMPLES

ROOT = Path(__file__).resolve().parents[2]
BUCKET = "templates"
DOMAIN = "matrix.test"
PLATFORM = "arn:aws:elasticbeanstalk:us-east-1::platform/Python 3.11 running on 64bit Amazon Linux 2023/"
CERTIFICATE = SAMPLES["CertificateArn"]
# An environment that has had its first release.
LIVING = {
    "BackendBootstrap": "false",
    "BackendImage": "repository/backend:abc",
    "CloudFrontPrefixListId": "pl-3b927c52",
    "ConfigurationDigest": "1" * 16,
    "RepositoryName": "cloud-health-dashboard",
}
# Another value of a text; those that may be empty have theirs in `SAMPLES`.
TEXTS = {
    "BackendImage": "repository/backend:def",
    "BranchName": "other",
    "ConfigurationDigest": "2" * 16,
    "ExcludedPaths": "other/**",
    "FrontendAssets": "assets",
    "FrontendOutput": "dist",
    "InstanceType": "t3.medium",
    "PlatformArn": f"{PLATFORM}4.10.1",
    "RepositoryName": "other",
    "TablePrefix": "other",
    "VpcCidr": "10.99.0.0/16",
    "ZoneA": "us-east-1c",
    "ZoneB": "us-east-1c",
}
# Parameters that no person changes on a living environment, or whose other value is another stack.
LEFT_OUT = ("BackendBootstrap", "CloudFrontPrefixListId", "Environment")
# What the table refuses because AWS could not do it: carried out all the same, it has to fail.
IMPOSSIBLE = ("LoadBalancerScheme", "VpcCidr", "ZoneA", "ZoneB")
# What has to come along with a value, so that the Rules of the root are met; `*` is every text.
WITH: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("BackendTarget", "BEANSTALK"): {"PlatformArn": f"{PLATFORM}4.12.0"},
    ("BackendTarget", "ECS"): {"PlatformArn": "none"},
    ("CertificateArn", "*"): {"DomainName": DOMAIN},
    ("DeploymentStrategy", "BLUE_GREEN"): {"TargetGroups": "TWO"},
    ("DeploymentStrategy", "CANARY"): {"TargetGroups": "TWO"},
    ("ConnectionArn", "*"): {"SourceProvider": "CONNECTION", "SourceRepository": SAMPLES["SourceRepository"]},
    ("DomainName", "*"): {"EdgeCertificateArn": CERTIFICATE},
    ("LoadBalancerScheme", "PUBLIC"): {"DomainName": DOMAIN, "EdgeCertificateArn": CERTIFICATE},
    ("SourceRepository", "*"): {"SourceProvider": "CONNECTION", "ConnectionArn": SAMPLES["ConnectionArn"]},
    ("SourceProvider", "CONNECTION"): {
        "ConnectionArn": SAMPLES["ConnectionArn"],
        "SourceRepository": SAMPLES["SourceRepository"],
    },
    ("TaskCpu", "1024"): {"TaskMemory": "2048"},
    ("TaskCpu", "2048"): {"TaskMemory": "4096"},
    ("TaskCpu", "4096"): {"TaskMemory": "8192"},
}
ZONED = ("DomainName", "HostedZoneId", "LoadBalancerScheme")
# Types of which no call tells whether they are still there.
UNSEEN = ("AWS::ECS::TaskDefinition", "AWS::KMS::Key")
LOAD_BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"


@dataclass
class Client:
    """Requests that were sent, and those that nobody answered."""

    sent: int = 0
    lost: int = 0


@dataclass
class Happened:
    """What an update did: its status, each resource's fate by path, and the requests of the client meanwhile."""

    status: str
    fates: dict[str, str] = field(default_factory=dict)
    gone: list[tuple[Resource, str]] = field(default_factory=list)  # with their paths
    client: Client = field(default_factory=Client)
    deployed: bool = False  # the service started a deployment
    failures: list[str] = field(default_factory=list)
    outlived: list[tuple[str, str]] = field(default_factory=list)  # what could not be deleted: type and physical id


@dataclass
class Living:
    """One environment on the local AWS of this process, with the values that it has."""

    name: str
    suffix: str = ""  # of the names of its tables, which stay when an environment is deleted
    folder: Path = ROOT  # of the templates and the files of parameters
    values: dict[str, str] = field(default_factory=dict)
    region: str = REGION
    left: list[tuple[Resource, str]] = field(default_factory=list)  # what the last change removed or replaced

    @cached_property
    def account(self) -> accounts.Account:
        """The account; the local AWS serves nobody but this process."""
        if not accounts.SERVED:
            accounts.SERVED.append(("http://localhost:1", application.dispatcher()))
        return accounts.account(ACCOUNT, self.region)

    @cached_property
    def cloudformation(self) -> Any:
        return self.account.services.client("cloudformation")

    @property
    def declared(self) -> RootResources:
        """The root of its folder under any values."""
        return _root_resources(self.folder / "templates")

    @cached_property
    def zone(self) -> str:
        """The hosted zone of the domain."""
        zone = {"Name": DOMAIN, "CallerReference": self.name}
        answer = self.account.services.call("route53", "create_hosted_zone", zone)
        return str(answer["HostedZone"]["Id"]).rpartition("/")[2]

    def sample(self, parameter: str) -> str:
        """A value of a parameter that may be empty; what has to exist does."""
        if parameter == "HostedZoneId":
            return self.zone
        return self.boundary if parameter == "RoleBoundaryArn" else SAMPLES[parameter]

    @cached_property
    def boundary(self) -> str:
        """A policy for roles to be bounded by."""
        everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        policy = {"PolicyName": f"{self.name}-boundary", "PolicyDocument": json.dumps(everything)}
        return str(self.account.services.call("iam", "create_policy", policy)["Policy"]["Arn"])

    @property
    def root(self) -> Stack:
        return self.account.find(self.name)

    def create(self, **more: str) -> str:
        """Makes the environment as its file of parameters says, with `more` values; returns the status of its stack."""
        self.values = {**self.file_values(), **more}
        self.cloudformation.create_stack(**self._arguments(self.values))
        return self._deploy_and_wait()

    def file_values(self) -> dict[str, str]:
        """The values of its file of parameters, and of an environment that has had its first release."""
        body = self.declared.root.body
        first = {key: how["First"] for key, how in body["Metadata"]["Computed"].items()}
        file = parameters.read(self.folder / "params" / f"{self.name}.json")
        living = {name: value for name, value in LIVING.items() if name in body["Parameters"]}
        values = {**parameters.effective(file, body, first), **living}
        if values["BackendTarget"] == "BEANSTALK":
            values["PlatformArn"] = f"{PLATFORM}4.12.0"
        return {name: f"{value}{self.suffix}" if name.endswith("Table") else value for name, value in values.items()}

    def delete(self) -> str:
        """Deletes it; returns the status of its stack."""
        root = self.root
        root.protected = False
        self.cloudformation.delete_stack(StackName=root.id)
        assert root.running
        root.running.join()
        return root.status

    def _deploy_and_wait(self) -> str:
        running = self.root.running
        assert running
        running.join()
        return self.root.status

    def _arguments(self, values: Mapping[str, str]) -> dict[str, Any]:
        return {
            "StackName": self.name,
            "TemplateURL": self._template(),
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()],
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        }

    def _template(self) -> str:
        folder = self.folder / "templates"
        prefix = hashlib.sha256(str(folder).encode()).hexdigest()[:8]
        if prefix not in _uploaded:
            self._upload(folder, prefix)
            _uploaded.add(prefix)
        return _address(f"{prefix}/environment.json")

    def _upload(self, folder: Path, prefix: str) -> None:
        services = accounts.account(ACCOUNT, REGION).services  # a bucket is found from every Region here
        if BUCKET not in [bucket["Name"] for bucket in services.call("s3", "list_buckets", {})["Buckets"]]:
            services.call("s3", "create_bucket", {"Bucket": BUCKET})
        for file in folder.glob("*.json"):
            body = json.loads(file.read_text(encoding="utf-8"))
            for resource in body["Resources"].values():
                if resource["Type"] == STACK:
                    resource["Properties"]["TemplateURL"] = _address(
                        f"{prefix}/{resource['Properties']['TemplateURL']}"
                    )
            key = f"{prefix}/{file.name}"
            services.call("s3", "put_object", {"Bucket": BUCKET, "Key": key, "Body": json.dumps(body).encode()})

    # -- changes

    def choices(self, parameter: str) -> Iterator[dict[str, str]]:
        """Values of a whole environment in which a parameter is another one, each direction of it once."""
        declared, value = self.declared.root.parameters[parameter], self.values[parameter]
        if "AllowedValues" in declared:
            others = [as_text(choice) for choice in declared["AllowedValues"]]
            if len(others) > 3:  # numbers in words: the next of both sides is enough
                place = others.index(value)
                others = [*others[max(place - 1, 0) : place], *others[place + 1 : place + 2]]
        elif "MinValue" in declared:
            others = [as_text(max(int(declared["MinValue"]), int(value) - 1)), as_text(int(value) + 1)]
        elif parameter in SAMPLES:
            others = ["" if value else self.sample(parameter)]
            others = [DOMAIN] if parameter == "DomainName" and not value else others
        else:
            others = [TEXTS.get(parameter, f"{value}-other")]
        for other in others:
            if other != value and (changed := self._possible(parameter, other)):
                yield changed

    def _possible(self, parameter: str, value: str) -> dict[str, str] | None:
        """Values with what a value needs beside it; None where the Rules of the root refuse them all the same."""
        more = {**WITH.get((parameter, value), {}), **(WITH.get((parameter, "*"), {}) if value else {})}
        if parameter in ZONED and value and value != "INTERNAL":
            more = {"HostedZoneId": self.zone, "DomainName": DOMAIN, "EdgeCertificateArn": CERTIFICATE, **more}
        changed = {**self.values, **more, parameter: value}
        if (parameter, value) == ("DataTables", "CREATE"):  # those of these names are there already
            changed |= {name: f"{text}-new" for name, text in changed.items() if name.endswith("Table")}
        if parameter == "MinimumTasks":
            changed["MaximumTasks"] = str(max(int(value), int(changed["MaximumTasks"])))
        covered = self.declared.root.metadata["Computed"]["ConfigurationDigest"]["Covers"]
        if any(changed[name] != self.values[name] for name in covered):
            changed["ConfigurationDigest"] = "3" * 16
        unmet = assertions.broken(self.declared.root.body, changed)
        return None if unmet or changed == self.values else changed

    def row(self, parameter: str, values: Mapping[str, str]) -> Row | None:
        """What the table of effects says about a change from the present values."""
        return find(self.declared.rows(parameter), parameter, self.values, values)

    def row_between(self, parameter: str, before: Mapping[str, str]) -> Row:
        """The row of the change from values of before to the present ones."""
        row = find(self.declared.rows(parameter), parameter, before, self.values)
        assert row
        return row

    def adopted(self) -> dict[str, str]:
        """Values that use what the last backend left, as the script finds it."""
        left = {path: resource.physical for resource, path in self.left}
        return {
            "DataTables": "EXISTING",
            "ExistingEncryptionSecretArn": left["Configuration.EncryptionKey"],
            "ExistingJwtSecretArn": left["Configuration.JwtSecret"],
            "ExistingRepositoryName": left.get("Registry.Images", ""),
        }

    def change(self, values: dict[str, str]) -> Happened:
        """Updates the environment to other values."""
        before, deployment = self.resources(), self._deployment()
        root = self.root
        with self.requests() as client:
            try:
                self.cloudformation.update_stack(**self._arguments(values))
            except ClientError as error:
                if "No updates are to be performed" not in str(error):
                    return Happened("REFUSED", client=client, failures=[str(error)])
                self.values = values
                return Happened("UPDATE_COMPLETE", client=client)
            status = self._deploy_and_wait()
        happened = Happened(status, client=client, deployed=self._deployment() != deployment)
        operation = root.last[0]["OperationId"]
        events = [
            (stack, event)
            for stack in self._stacks()
            for event in stack.events
            if event["OperationId"] == operation and event["ResourceType"] != STACK
        ]
        happened.failures = [
            f"{event['LogicalResourceId']} {event['ResourceStatus']}: {event.get('ResourceStatusReason', '')}"
            for _, event in events
            if event["ResourceStatus"].endswith("_FAILED")
        ]
        if status == "UPDATE_COMPLETE":
            self.values = values
        after = self.resources()
        for path in {*before, *after}:
            old, new = before.get(path), after.get(path)
            if old is None or new is None:
                happened.fates[path] = REMOVED if new is None else ADDED
            elif (old.kind, old.physical) != (new.kind, new.physical):
                happened.fates[path] = REPLACED
            if old and happened.fates.get(path) in (REMOVED, REPLACED):
                happened.gone.append((old, path))
        happened.outlived = [
            (event["ResourceType"], event["PhysicalResourceId"])
            for _, event in events
            if event["ResourceStatus"] == "DELETE_FAILED"
            and event["PhysicalResourceId"] not in {resource.physical for resource in after.values()}
        ]
        self.left = happened.gone
        for stack, event in events:
            if event["ResourceStatus"] == "UPDATE_COMPLETE":
                happened.fates.setdefault(_path(stack, event["LogicalResourceId"]), CHANGED)
        return happened

    def put_away(self, parameter: str, happened: Happened) -> Iterator[str]:
        """Removes what a change that is refused as impossible has left behind all the same, as a person has to: a load
        balancer that is protected from its first moment on. Anything else is a fault."""
        for kind, physical in dict.fromkeys(happened.outlived):
            if kind != LOAD_BALANCER or self.values["DeletionProtection"] != "true":
                yield f"{self.name}: {parameter} leaves {kind} {physical} behind"
                continue
            unprotected = [{"Key": "deletion_protection.enabled", "Value": "false"}]
            arn = {"LoadBalancerArn": physical}
            self.account.services.call("elbv2", "modify_load_balancer_attributes", {**arn, "Attributes": unprotected})
            self.account.services.call("elbv2", "delete_load_balancer", arn)

    def compare(self, parameter: str, before: Mapping[str, str], row: Row, happened: Happened) -> list[str]:
        """Where what happened, from the values of before to the present ones, is not what the table promises."""
        what = f"{self.name}: {parameter} {before[parameter]!r} -> {self.values[parameter]!r}"
        if happened.status != "UPDATE_COMPLETE":
            return [f"{what}: {happened.status}: {'; '.join(happened.failures)}"]
        declared = self.declared
        promised = outcomes(declared.resources(before), declared.resources(self.values), create_only)
        faults = [f"cleanup: {failure}" for failure in happened.failures]
        faults += list(_differences(promised, happened))
        faults += self._kept(promised, happened)
        quiet = row.users.startswith("nothing") and row.level in (QUIET, NOTICE)
        if quiet and happened.client.lost:
            client = happened.client
            faults.append(f"{client.lost} of {client.sent} requests were lost, the table says: {row.users}")
        new_tasks = NEW_TASKS in kinds(promised)
        if "Backend.Service" in {outcome.path for outcome in promised if outcome.action == CHANGED}:
            is_announced = new_tasks or "may start" in row.text
            if happened.deployed is not new_tasks and not (is_announced and happened.deployed):
                faults.append(f"new tasks: {happened.deployed}, the table says {new_tasks}: {row.happens}")
        return [f"{what}: {fault}" for fault in faults]

    def _kept(self, promised: list[Outcome], happened: Happened) -> Iterator[str]:
        kept = {outcome.path: outcome.kept for outcome in promised}
        for resource, path in happened.gone:
            row = ROWS[resource.kind]
            if path not in kept or not row.reads or resource.kind in UNSEEN:
                continue
            handler = ResourceHandler(self.account.services, row, dict(resource.properties), resource.physical)
            if handler.exists() is not kept[path]:
                yield f"{path}: {'kept' if kept[path] else 'deleted'} by the table, and it is not"

    # -- state

    def _stacks(self) -> list[Stack]:
        root = self.root
        return [stack for stack in tuple(self.account.stacks.values()) if stack.root is root]

    def resources(self) -> dict[str, Resource]:
        """Every resource of its stacks, by path."""
        return {
            _path(stack, resource.logical): resource
            for stack in self._stacks()
            if stack.status != "DELETE_COMPLETE"
            for resource in stack.resources.values()
            if not resource.nested
        }

    def _deployment(self) -> str:
        from moto.ecs.models import ecs_backends

        services = ecs_backends[ACCOUNT][self.region].services.values()
        present = self._backends()
        own = [each for each in services if each.status == "ACTIVE" and each.arn in present]
        return str(own[0].deployments[0]["id"]) if own and own[0].deployments else ""

    def shift(self) -> None:
        """What a blue/green deployment leaves: the rule sends everything to the second group, where the tasks are."""
        groups = {name: self.resources()[f"Ingress.{name}Targets"].physical for name in ("First", "Second")}
        rule, weights = self.resources()["Ingress.ProductionRule"].physical, {"First": 0, "Second": 1}
        listed = [{"TargetGroupArn": groups[name], "Weight": weight} for name, weight in weights.items()]
        action = {"Type": "forward", "ForwardConfig": {"TargetGroups": listed}}
        self.account.services.call("elbv2", "modify_rule", {"RuleArn": rule, "Actions": [action]})

    # -- the client

    @contextmanager
    def requests(self) -> Iterator[Client]:
        """A client that sends a request at every event."""
        client = Client()

        def send() -> None:
            client.sent += 1
            client.lost += not self.answers()

        with at_every_event(send):
            yield client

    def answers(self) -> bool:
        """Whether a request of the API is answered right now."""
        if self.values.get("BackendTarget") == "NONE":
            return True  # there is no API that could answer
        registered, subnets = self._registered()
        groups = self._forwarded()
        reached = groups <= registered and all(self._lets_out(group) for group in groups)
        return bool(groups) and reached and all(self._leads_out(subnet) for subnet in subnets)

    def _lets_out(self, group: str) -> bool:
        """Whether the load balancer of the environment may send to the port of a target group."""
        from moto.ec2.models import ec2_backends
        from moto.elbv2.models import elbv2_backends

        elb, vpc = elbv2_backends[ACCOUNT][self.region], self._network()
        port = int(elb.target_groups[group].port)
        names = {
            name for each in elb.load_balancers.values() if each.vpc_id == vpc for name in each.security_groups or ()
        }
        rules = [
            rule
            for groups in ec2_backends[ACCOUNT][self.region].groups.values()
            for each in groups.values()
            if each.id in names
            for rule in each.egress_rules
        ]
        return any(int(rule.from_port or 0) <= port <= int(rule.to_port or 65535) for rule in rules)

    def _backends(self) -> set[str]:
        types = ("AWS::ECS::Service", "AWS::ElasticBeanstalk::Environment")
        return {resource.physical for resource in self.resources().values() if resource.kind in types}

    def _network(self) -> str:
        return next((each.physical for path, each in self.resources().items() if path == "Network.Vpc"), "")

    def _forwarded(self) -> set[str]:
        """The target groups that the first rule of the environment's listener sends requests to."""
        from moto.elbv2.models import elbv2_backends

        vpc = self._network()
        for balancer in elbv2_backends[ACCOUNT][self.region].load_balancers.values():
            if balancer.vpc_id != vpc:
                continue
            for listener in balancer.listeners.values():
                rules = [rule for rule in listener.rules.values() if str(rule.priority).isdigit()]
                for rule in sorted(rules, key=lambda each: int(each.priority)):
                    for action in rule.actions:
                        if groups := _weighted(action.data):
                            return groups
        return set()

    def _registered(self) -> tuple[set[str], set[str]]:
        """The target groups with a backend in them, and the subnets of the backend."""
        from moto.ecs.models import ecs_backends

        from scripts.local_aws.beanstalk import REGIONS

        groups, subnets, present = set[str](), set[str](), self._backends()
        for service in ecs_backends[ACCOUNT][self.region].services.values():
            if service.status == "ACTIVE" and service.arn in present:
                for entry in service.load_balancers or ():
                    groups.add(entry["targetGroupArn"])
                    if other := (entry.get("advancedConfiguration") or {}).get("alternateTargetGroupArn"):
                        groups.add(other)
                configuration = getattr(service, "network_configuration", None) or {}
                subnets |= set(configuration.get("awsvpcConfiguration", {}).get("subnets", ()))
        region = REGIONS.get((ACCOUNT, self.region))
        for environment in region.environments.values() if region else ():
            if environment.placed and environment.shown["EnvironmentName"] in present:
                groups.add(environment.placed.group)
        return groups, subnets

    def _leads_out(self, subnet: str) -> bool:
        """Whether a subnet has a route table with a way to the Internet."""
        from moto.ec2.models import ec2_backends

        ec2 = ec2_backends[ACCOUNT][self.region]
        for table in ec2.route_tables.values():
            if subnet in table._associations.values():
                return any(str(route.destination_cidr_block) == "0.0.0.0/0" for route in table.routes)
        return False


@contextmanager
def at_every_event(look: Callable[[], None]) -> Iterator[None]:
    """Looks at the account after every event of its stacks."""
    record = Stack.event

    def recorded(stack: Stack, operation: Operation, *arguments: Any, **named: Any) -> None:
        record(stack, operation, *arguments, **named)
        look()

    Stack.event = recorded  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        Stack.event = record  # type: ignore[method-assign]


_uploaded = set[str]()  # folders whose templates are in the bucket


@cache
def _root_resources(folder: Path) -> RootResources:
    return RootResources(load(folder)["environment"])


def _address(key: str) -> str:
    return f"http://localhost/{BUCKET}/{key}"


def _path(stack: Stack, logical: str) -> str:
    """As in the table of effects: without the name of the root."""
    return ".".join([*stack.path.split("/")[1:], logical])


def _weighted(action: Mapping[str, Any]) -> set[str]:
    """The target groups of a forwarding action that get requests."""
    if action.get("Type", "forward") != "forward":
        return set()
    listed = action.get("ForwardConfig", {}).get("TargetGroups", [])
    groups = {each["TargetGroupArn"] for each in listed if int(each.get("Weight", 1)) > 0}
    return groups or {action["TargetGroupArn"]} if groups or "TargetGroupArn" in action else set()


def _differences(promised: list[Outcome], happened: Happened) -> Iterator[str]:
    expected = {outcome.path: outcome.action for outcome in promised}
    for path in sorted({*expected, *happened.fates}):
        if (table := expected.get(path, "nothing")) != (fate := happened.fates.get(path, "nothing")):
            yield f"{path}: {fate}, the table says {table}"


def changeable(root_parameters: Mapping[str, Any]) -> list[str]:
    """The parameters of which the matrix makes a row."""
    return [name for name in root_parameters if name not in LEFT_OUT]


def there_and_back(living: Living, parameter: str) -> tuple[int, list[str]]:
    """Changes a parameter in every direction and back; returns how many changes were made, and every disagreement with
    the table of effects. The environment goes on from where the last change left it."""
    count, faults = 0, list[str]()
    for values in list(living.choices(parameter)):
        start = dict(living.values)
        there = {**start, **{name: value for name, value in values.items() if value != start[name]}}
        done, disagreements = _change(living, parameter, there)
        count, faults = count + done, faults + disagreements
        if living.values == start:
            continue
        back = {**start, **(living.adopted() if "--adopt" in living.row_between(parameter, start).back else {})}
        if "not by" in living.row_between(parameter, start).back:  # the page says that this is no way back
            count += 1
            if living.change(back).status == "UPDATE_COMPLETE":
                faults.append(f"{living.name}: {parameter}: the page knows no way back by the old value, and it worked")
            continue
        done, disagreements = _change(living, parameter, back)
        count, faults = count + done, faults + disagreements
    return count, faults


def _change(living: Living, parameter: str, values: dict[str, str]) -> tuple[int, list[str]]:
    before, row = dict(living.values), living.row(parameter, values)
    if row is None:
        return 0, [f"{living.name}: {parameter} {before[parameter]!r} -> {values[parameter]!r} has no row"]
    happened = None
    if row.level != REFUSED or parameter in IMPOSSIBLE:
        happened = living.change(values)
    if row.level != REFUSED:
        assert happened
        return 1, living.compare(parameter, before, row, happened)
    if happened and happened.status == "UPDATE_COMPLETE":
        living.change(before)
        return 1, [f"{living.name}: {parameter} is refused as impossible, and it worked"]
    return int(happened is not None), list(living.put_away(parameter, happened)) if happened else []
