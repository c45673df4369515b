"""Elastic Beanstalk on this machine, in the place of moto's, which has no options, versions or platforms.

It holds applications, versions and environments and answers as AWS does; it starts no instance and makes no resource
of its own but its bucket, and says of the health of an environment that there is no data. Shapes: botocore's service
model. What it refuses: names that do not exist or exist already, platforms that are none, a load balancer that is
shared and not named (elasticbeanstalk dg, command-options-general).

Long because one service, its state and its calls, stands in one place.
"""

import copy
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse, EmptyResult
from moto.utilities.utils import get_partition

from scripts.local_aws import shared_balancer
from scripts.local_aws.account import account
from scripts.local_aws.services import Services

PYTHONS, PLATFORMS = ("3.11", "3.12", "3.13", "3.14"), ("4.9.0", "4.10.1", "4.12.0")
SAMPLE = "Sample Application"  # the label of what an environment without a version runs
Options = dict[tuple[str, str], str]


class InvalidParameterError(ServiceException):
    """A call that Elastic Beanstalk refuses."""

    code = "InvalidParameterValue"


@dataclass
class Environment:
    """One environment: what describing it shows, and its options by namespace and name."""

    shown: dict[str, Any]
    options: Options
    tags: dict[str, str]
    placed: shared_balancer.Placed | None = None  # what it has at a load balancer that it shares
    busy_until: float = 0.0  # by the monotonic clock


@dataclass
class Application:
    """One application with its versions by label."""

    shown: dict[str, Any]
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass
class Region:
    """Everything in one account and Region."""

    applications: dict[str, Application] = field(default_factory=dict)
    environments: dict[str, Environment] = field(default_factory=dict)


REGIONS: dict[tuple[str, str], Region] = {}


class Beanstalk(BaseResponse):
    """The operations that a deployment and a release use; each returns the output in the shape of botocore's model."""

    def __init__(self) -> None:
        super().__init__(service_name="elasticbeanstalk")
        self.automated_parameter_parsing = True

    @property
    def region_state(self) -> Region:
        return REGIONS.setdefault((self.current_account, self.region), Region())

    def _arn(self, owner: str) -> str:
        return f"arn:{get_partition(self.region)}:elasticbeanstalk:{self.region}:{owner}"

    def _own(self, resource: str) -> str:
        return f"{self._arn(self.current_account)}:{resource}"

    def list_platform_versions(self) -> ActionResult:
        filters = {entry["Type"]: entry["Values"] for entry in self._get_param("Filters") or []}
        platforms = []
        for python in PYTHONS:
            branch = f"Python {python} running on 64bit Amazon Linux 2023"
            if branch in filters.get("PlatformBranchName", [branch]):
                platforms += [
                    {
                        "PlatformArn": f"{self._arn('')}:platform/{branch}/{version}",
                        "PlatformBranchName": branch,
                        "PlatformStatus": "Ready",
                        "PlatformVersion": version,
                    }
                    for version in PLATFORMS
                ]
        return ActionResult({"PlatformSummaryList": platforms})

    def create_application(self) -> ActionResult:
        name = self._get_param("ApplicationName")
        if name in self.region_state.applications:
            raise InvalidParameterError(f"Application {name} already exists.")
        shown = {
            "ApplicationName": name,
            "ApplicationArn": self._own(f"application/{name}"),
            "Description": self._get_param("Description") or "",
            "ResourceLifecycleConfig": self._get_param("ResourceLifecycleConfig") or {},
        }
        self.region_state.applications[name] = Application(shown)
        bucket = f"elasticbeanstalk-{self.region}-{self.current_account}"
        services = self._services()
        if bucket not in {entry["Name"] for entry in services.call("s3", "list_buckets", {})["Buckets"]}:
            place = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
            services.call("s3", "create_bucket", {"Bucket": bucket, **(place if self.region != "us-east-1" else {})})
        return ActionResult({"Application": shown})

    def describe_applications(self) -> ActionResult:
        names = self._get_param("ApplicationNames") or list(self.region_state.applications)
        return ActionResult(
            {
                "Applications": [
                    application.shown for name, application in self.region_state.applications.items() if name in names
                ]
            }
        )

    def update_application(self) -> ActionResult:
        application = self._application()
        application.shown["Description"] = self._get_param("Description") or ""
        return ActionResult({"Application": application.shown})

    def update_application_resource_lifecycle(self) -> ActionResult:
        application = self._application()
        application.shown["ResourceLifecycleConfig"] = self._get_param("ResourceLifecycleConfig")
        return ActionResult({"ApplicationName": application.shown["ApplicationName"]})

    def delete_application(self) -> ActionResult:
        name = self._get_param("ApplicationName")
        if any(environment.shown["ApplicationName"] == name for environment in self.region_state.environments.values()):
            raise InvalidParameterError(f"Unable to delete application {name} because it has running environments.")
        self.region_state.applications.pop(name, None)
        return EmptyResult()

    def create_application_version(self) -> ActionResult:
        application, label = self._application(), self._get_param("VersionLabel")
        if label in application.versions:
            raise InvalidParameterError(f"Application Version {label} already exists.")
        bundle = self._get_param("SourceBundle")
        application.versions[label] = {
            "ApplicationName": application.shown["ApplicationName"],
            "VersionLabel": label,
            "SourceBundle": bundle,
            "Status": "PROCESSED" if self._get_param("Process") else "UNPROCESSED",
            "DateCreated": datetime.now(UTC),
        }
        return ActionResult({"ApplicationVersion": application.versions[label]})

    def describe_application_versions(self) -> ActionResult:
        versions = self._application().versions
        labels = self._get_param("VersionLabels") or list(versions)
        return ActionResult(
            {"ApplicationVersions": [version for label, version in versions.items() if label in labels]}
        )

    def create_environment(self) -> ActionResult:
        name, application = (self._get_param("EnvironmentName"), self._application().shown["ApplicationName"])
        if name in self.region_state.environments:
            raise InvalidParameterError(f"Environment {name} already exists.")
        shown = {
            "ApplicationName": application,
            "CNAME": f"{name}.{self.region}.elasticbeanstalk.com",
            "Description": self._get_param("Description") or "",
            "EnvironmentArn": self._own(f"environment/{application}/{name}"),
            "EnvironmentId": f"e-{abs(hash(name)) % 10**10:010d}",
            "EnvironmentName": name,
            "Health": "Grey",
            "HealthStatus": "NoData",
            "Status": "Ready",
            "Tier": self._get_param("Tier") or {"Name": "WebServer", "Type": "Standard"},
        }
        environment = Environment(shown, {}, {tag["Key"]: tag["Value"] for tag in self._get_param("Tags") or []})
        self._change(environment)
        shown.setdefault("VersionLabel", SAMPLE)
        self.region_state.environments[name] = environment
        self._end_changes(environment)
        return ActionResult(environment.shown)

    def update_environment(self) -> ActionResult:
        environment = self._ready(self._environment())
        changed = copy.deepcopy(environment)
        self._change(changed)
        environment.shown, environment.options = changed.shown, changed.options
        self._end_changes(environment)
        return ActionResult(environment.shown)

    def describe_environments(self) -> ActionResult:
        names, application = (self._get_param("EnvironmentNames"), self._get_param("ApplicationName"))
        shown = [
            {**environment.shown, "Status": _status(environment)}
            for name, environment in self.region_state.environments.items()
            if name in (names or [name]) and application in (None, environment.shown["ApplicationName"])
        ]
        return ActionResult({"Environments": shown})

    def describe_configuration_settings(self) -> ActionResult:
        environment = self._environment()
        options = [
            {"Namespace": namespace, "OptionName": name, "Value": value}
            for (namespace, name), value in sorted(environment.options.items())
        ]
        return ActionResult({"ConfigurationSettings": [{**environment.shown, "OptionSettings": options}]})

    def describe_instances_health(self) -> ActionResult:
        """Nothing: there is no instance here."""
        self._environment()
        return ActionResult({"InstanceHealthList": []})

    def terminate_environment(self) -> ActionResult:
        environment = self._environment()
        if environment.placed:
            shared_balancer.remove(self._services(), environment.placed)
        del self.region_state.environments[environment.shown["EnvironmentName"]]
        return ActionResult({**environment.shown, "Status": "Terminated"})

    def list_tags_for_resource(self) -> ActionResult:
        environment = self._by_arn()
        tags = [{"Key": key, "Value": value} for key, value in environment.tags.items()]
        return ActionResult({"ResourceArn": environment.shown["EnvironmentArn"], "ResourceTags": tags})

    def update_tags_for_resource(self) -> ActionResult:
        environment = self._ready(self._by_arn())
        environment.tags |= {tag["Key"]: tag["Value"] for tag in self._get_param("TagsToAdd") or []}
        for key in self._get_param("TagsToRemove") or []:
            environment.tags.pop(key, None)
        self._end_changes(environment)
        return EmptyResult()

    def _application(self) -> Application:
        name = self._get_param("ApplicationName")
        if name not in self.region_state.applications:
            raise InvalidParameterError(f"No Application named '{name}' found.")
        return self.region_state.applications[name]

    def _environment(self) -> Environment:
        name = self._get_param("EnvironmentName")
        if name not in self.region_state.environments:
            raise InvalidParameterError(f"No Environment found for EnvironmentName = '{name}'.")
        return self.region_state.environments[name]

    def _by_arn(self) -> Environment:
        arn = self._get_param("ResourceArn")
        for environment in self.region_state.environments.values():
            if environment.shown["EnvironmentArn"] == arn:
                return environment
        raise InvalidParameterError(f"Resource not found for ARN '{arn}'.")

    def _services(self) -> Services:
        return account(self.current_account, self.region).services

    def _ready(self, environment: Environment) -> Environment:
        """The environment, unless a change of it is under way. The words: terraform-provider-aws issue 32284; that
        changes of tags count: issue 31575. Raises `InvalidParameterError`."""
        if _status(environment) != "Ready":
            name = environment.shown["EnvironmentName"]
            raise InvalidParameterError(
                f"Environment named {name} is in an invalid state for this operation. Must be Ready."
            )
        return environment

    def _end_changes(self, environment: Environment) -> None:
        """What goes on after a change: rules at the shared load balancer, and the time that the account's behaviour
        says."""
        balancer = environment.options.get(shared_balancer.PLACE, "")
        if balancer != (environment.placed.balancer if environment.placed else ""):
            if environment.placed:
                shared_balancer.remove(self._services(), environment.placed)
            name = environment.shown["EnvironmentId"]
            environment.placed = shared_balancer.place(self._services(), name, environment.options)
        seconds = account(self.current_account, self.region).behaviour.environment_seconds
        environment.busy_until = time.monotonic() + seconds

    def _change(self, environment: Environment) -> None:
        """Gives an environment what a call asks for. Raises `InvalidParameterError`."""
        shown, options = environment.shown, environment.options
        if platform := self._get_param("PlatformArn"):
            if not any(platform.endswith(f"/{version}") for version in PLATFORMS):
                raise InvalidParameterError(f"Platform ARN '{platform}' doesn't exist.")
            shown["PlatformArn"] = platform
        if role := self._get_param("OperationsRole"):
            shown["OperationsRole"] = role
        if (description := self._get_param("Description")) is not None:
            shown["Description"] = description
        for option in self._get_param("OptionsToRemove") or []:
            options.pop((option["Namespace"], option["OptionName"]), None)
        for option in self._get_param("OptionSettings") or []:
            options[option["Namespace"], option["OptionName"]] = option.get("Value", "")
        shared = options.get(("aws:elasticbeanstalk:environment", "LoadBalancerIsShared")) == "true"
        if shared and not options.get(("aws:elbv2:loadbalancer", "SharedLoadBalancer")):
            raise InvalidParameterError(
                "You must specify a shared load balancer: aws:elbv2:loadbalancer, SharedLoadBalancer."
            )
        if label := self._get_param("VersionLabel"):
            if label not in self.region_state.applications[shown["ApplicationName"]].versions:
                raise InvalidParameterError(f"No Application Version named '{label}' found.")
            shown["VersionLabel"] = label


def _status(environment: Environment) -> str:
    return "Updating" if time.monotonic() < environment.busy_until else str(environment.shown["Status"])


def install() -> None:
    """Puts this Elastic Beanstalk in the place of moto's."""
    from moto.elasticbeanstalk import urls

    urls.url_paths["{0}/$"] = Beanstalk.dispatch
