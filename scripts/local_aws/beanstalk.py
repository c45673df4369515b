"""Elastic Beanstalk on this machine, in the place of moto's, which has no options, versions or platforms.

It holds applications, versions and environments and answers as AWS does; it starts no instance and makes no resource
of its own but its bucket, and says of the health of an environment that there is no data. Shapes: botocore's service
model. What it refuses: names that do not exist or exist already, platforms that are none, a load balancer that is
shared and not named (elasticbeanstalk dg, command-options-general).

Long because one service, its state and its calls, stands in one place.
"""

import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse, EmptyResult
from moto.utilities.utils import get_partition

from scripts.local_aws.account import account

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
    tags: dict[str, str] = field(default_factory=dict)


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
    def held(self) -> Region:
        return REGIONS.setdefault((self.current_account, self.region), Region())

    def _arn(self, owner: str) -> str:
        return f"arn:{get_partition(self.region)}:elasticbeanstalk:{self.region}:{owner}"

    def _own(self, resource: str) -> str:
        return f"{self._arn(self.current_account)}:{resource}"

    def list_platform_versions(self) -> ActionResult:
        wanted = {one["Type"]: one["Values"] for one in self._get_param("Filters") or []}
        found = []
        for python in PYTHONS:
            branch = f"Python {python} running on 64bit Amazon Linux 2023"
            if branch in wanted.get("PlatformBranchName", [branch]):
                found += [
                    {
                        "PlatformArn": f"{self._arn('')}:platform/{branch}/{version}",
                        "PlatformBranchName": branch,
                        "PlatformStatus": "Ready",
                        "PlatformVersion": version,
                    }
                    for version in PLATFORMS
                ]
        return ActionResult({"PlatformSummaryList": found})

    def create_application(self) -> ActionResult:
        name = self._get_param("ApplicationName")
        if name in self.held.applications:
            raise InvalidParameterError(f"Application {name} already exists.")
        shown = {
            "ApplicationName": name,
            "ApplicationArn": self._own(f"application/{name}"),
            "Description": self._get_param("Description") or "",
            "ResourceLifecycleConfig": self._get_param("ResourceLifecycleConfig") or {},
        }
        self.held.applications[name] = Application(shown)
        bucket = f"elasticbeanstalk-{self.region}-{self.current_account}"
        services = account(self.current_account, self.region).services
        if bucket not in {one["Name"] for one in services.call("s3", "list_buckets", {})["Buckets"]}:
            place = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
            services.call("s3", "create_bucket", {"Bucket": bucket, **(place if self.region != "us-east-1" else {})})
        return ActionResult({"Application": shown})

    def describe_applications(self) -> ActionResult:
        names = self._get_param("ApplicationNames") or list(self.held.applications)
        return ActionResult(
            {"Applications": [one.shown for name, one in self.held.applications.items() if name in names]}
        )

    def update_application(self) -> ActionResult:
        found = self._application()
        found.shown["Description"] = self._get_param("Description") or ""
        return ActionResult({"Application": found.shown})

    def update_application_resource_lifecycle(self) -> ActionResult:
        found = self._application()
        found.shown["ResourceLifecycleConfig"] = self._get_param("ResourceLifecycleConfig")
        return ActionResult({"ApplicationName": found.shown["ApplicationName"]})

    def delete_application(self) -> ActionResult:
        name = self._get_param("ApplicationName")
        if any(one.shown["ApplicationName"] == name for one in self.held.environments.values()):
            raise InvalidParameterError(f"Unable to delete application {name} because it has running environments.")
        self.held.applications.pop(name, None)
        return EmptyResult()

    def create_application_version(self) -> ActionResult:
        found, label = self._application(), self._get_param("VersionLabel")
        if label in found.versions:
            raise InvalidParameterError(f"Application Version {label} already exists.")
        bundle = self._get_param("SourceBundle")
        found.versions[label] = {
            "ApplicationName": found.shown["ApplicationName"],
            "VersionLabel": label,
            "SourceBundle": bundle,
            "Status": "PROCESSED" if self._get_param("Process") else "UNPROCESSED",
            "DateCreated": datetime.now(UTC),
        }
        return ActionResult({"ApplicationVersion": found.versions[label]})

    def describe_application_versions(self) -> ActionResult:
        versions = self._application().versions
        labels = self._get_param("VersionLabels") or list(versions)
        return ActionResult({"ApplicationVersions": [one for label, one in versions.items() if label in labels]})

    def create_environment(self) -> ActionResult:
        name, application = (self._get_param("EnvironmentName"), self._application().shown["ApplicationName"])
        if name in self.held.environments:
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
        made = Environment(shown, {}, {one["Key"]: one["Value"] for one in self._get_param("Tags") or []})
        self._change(made)
        shown.setdefault("VersionLabel", SAMPLE)
        self.held.environments[name] = made
        return ActionResult(shown)

    def update_environment(self) -> ActionResult:
        found = self._environment()
        changed = copy.deepcopy(found)
        self._change(changed)
        found.shown, found.options = changed.shown, changed.options
        return ActionResult(found.shown)

    def describe_environments(self) -> ActionResult:
        names, application = (self._get_param("EnvironmentNames"), self._get_param("ApplicationName"))
        found = [
            one.shown
            for name, one in self.held.environments.items()
            if name in (names or [name]) and application in (None, one.shown["ApplicationName"])
        ]
        return ActionResult({"Environments": found})

    def describe_configuration_settings(self) -> ActionResult:
        found = self._environment()
        options = [
            {"Namespace": namespace, "OptionName": name, "Value": value}
            for (namespace, name), value in sorted(found.options.items())
        ]
        return ActionResult({"ConfigurationSettings": [{**found.shown, "OptionSettings": options}]})

    def describe_instances_health(self) -> ActionResult:
        """Nothing: there is no instance here."""
        self._environment()
        return ActionResult({"InstanceHealthList": []})

    def terminate_environment(self) -> ActionResult:
        found = self._environment()
        del self.held.environments[found.shown["EnvironmentName"]]
        return ActionResult({**found.shown, "Status": "Terminated"})

    def list_tags_for_resource(self) -> ActionResult:
        found = self._by_arn()
        tags = [{"Key": key, "Value": value} for key, value in found.tags.items()]
        return ActionResult({"ResourceArn": found.shown["EnvironmentArn"], "ResourceTags": tags})

    def update_tags_for_resource(self) -> ActionResult:
        found = self._by_arn()
        found.tags |= {one["Key"]: one["Value"] for one in self._get_param("TagsToAdd") or []}
        for key in self._get_param("TagsToRemove") or []:
            found.tags.pop(key, None)
        return EmptyResult()

    def _application(self) -> Application:
        name = self._get_param("ApplicationName")
        if name not in self.held.applications:
            raise InvalidParameterError(f"No Application named '{name}' found.")
        return self.held.applications[name]

    def _environment(self) -> Environment:
        name = self._get_param("EnvironmentName")
        if name not in self.held.environments:
            raise InvalidParameterError(f"No Environment found for EnvironmentName = '{name}'.")
        return self.held.environments[name]

    def _by_arn(self) -> Environment:
        arn = self._get_param("ResourceArn")
        for one in self.held.environments.values():
            if one.shown["EnvironmentArn"] == arn:
                return one
        raise InvalidParameterError(f"Resource not found for ARN '{arn}'.")

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
        for one in self._get_param("OptionsToRemove") or []:
            options.pop((one["Namespace"], one["OptionName"]), None)
        for one in self._get_param("OptionSettings") or []:
            options[one["Namespace"], one["OptionName"]] = one.get("Value", "")
        shared = options.get(("aws:elasticbeanstalk:environment", "LoadBalancerIsShared")) == "true"
        if shared and not options.get(("aws:elbv2:loadbalancer", "SharedLoadBalancer")):
            raise InvalidParameterError(
                "You must specify a shared load balancer: aws:elbv2:loadbalancer, SharedLoadBalancer."
            )
        if label := self._get_param("VersionLabel"):
            if label not in self.held.applications[shown["ApplicationName"]].versions:
                raise InvalidParameterError(f"No Application Version named '{label}' found.")
            shown["VersionLabel"] = label


def install() -> None:
    """Puts this Elastic Beanstalk in the place of moto's."""
    from moto.elasticbeanstalk import urls

    urls.url_paths["{0}/$"] = Beanstalk.dispatch
