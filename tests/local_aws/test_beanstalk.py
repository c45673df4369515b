"""Elastic Beanstalk on this machine: an environment that is updated in place, and what it refuses."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scripts.local_aws.account import Account
from tests.local_aws.cases import versions_kept
from tests.local_aws.here import answer, new_account, recorded, refusal
from tests.local_aws.own import Own
from tests.local_aws.support import Aws

MODE, SIZE = "aws:elasticbeanstalk:environment", "aws:autoscaling:asg"


def template(tags: dict[str, str], *options: tuple[str, str, str]) -> dict[str, Any]:
    listed = [{"Namespace": space, "OptionName": name, "Value": value} for space, name, value in options]
    environment = {
        "ApplicationName": {"Ref": "Application"},
        "EnvironmentName": "updated",
        "OptionSettings": listed,
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    return {
        "Resources": {
            "Application": {
                "Type": "AWS::ElasticBeanstalk::Application",
                "Properties": {"ApplicationName": "beanstalk-updated"},
            },
            "Environment": {"Type": "AWS::ElasticBeanstalk::Environment", "Properties": environment},
        }
    }


def test_options_and_tags_that_the_template_no_longer_has_are_taken_away(aws: Aws) -> None:
    beanstalk = aws.client("elasticbeanstalk")
    aws.deploy(
        "beanstalk", template({"A": "1", "B": "2"}, (MODE, "EnvironmentType", "SingleInstance"), (SIZE, "MinSize", "1"))
    )
    updated = template({"B": "3"}, (SIZE, "MinSize", "2"))
    assert aws.deploy("beanstalk", updated, "UPDATE")["StackStatus"] == "UPDATE_COMPLETE"
    [settings] = beanstalk.describe_configuration_settings(
        ApplicationName="beanstalk-updated", EnvironmentName="updated"
    )["ConfigurationSettings"]
    assert [(option["OptionName"], option["Value"]) for option in settings["OptionSettings"]] == [("MinSize", "2")]
    [shown] = beanstalk.describe_environments(EnvironmentNames=["updated"])["Environments"]
    tags = beanstalk.list_tags_for_resource(ResourceArn=shown["EnvironmentArn"])["ResourceTags"]
    assert {tag["Key"]: tag["Value"] for tag in tags if not tag["Key"].startswith("aws:")} == {"B": "3"}


def test_each_application_is_read_back_by_its_own_name(own: Own) -> None:
    applications = {
        name: {
            "Type": "AWS::ElasticBeanstalk::Application",
            "Properties": {"ApplicationName": name, "Description": f"of {name}"},
        }
        for name in ("One", "Two")
    }
    assert own.do("create_stack", "app", {"Resources": applications})[-1] == "stack app CREATE_COMPLETE"


def test_a_name_that_is_taken_is_refused(aws: Aws) -> None:
    beanstalk = aws.client("elasticbeanstalk")
    beanstalk.create_application(ApplicationName="twice")
    with pytest.raises(ClientError, match="Application twice already exists"):
        beanstalk.create_application(ApplicationName="twice")
    beanstalk.create_environment(ApplicationName="twice", EnvironmentName="once")
    with pytest.raises(ClientError, match="Environment once already exists"):
        beanstalk.create_environment(ApplicationName="twice", EnvironmentName="once")
    with pytest.raises(ClientError, match="running environments"):
        beanstalk.delete_application(ApplicationName="twice")


# In this process, call by call.

PLATFORM = "arn:aws:elasticbeanstalk:us-east-1::platform/Python {python} running on 64bit Amazon Linux 2023/{version}"
PLACE = "arn:aws:elasticbeanstalk:us-east-1"


@pytest.fixture
def beanstalk(account: Account) -> Any:
    """A client, with one application."""
    client = account.services.client("elasticbeanstalk")
    client.create_application(ApplicationName="application", Description="ours")
    return client


def test_the_platforms_are_those_of_python(beanstalk: Any) -> None:
    branches = [f"Python 3.{minor} running on 64bit Amazon Linux 2023" for minor in (11, 12, 13, 14)]
    versions = ["4.9.0", "4.10.1", "4.12.0"]

    def platforms(*names: str) -> list[dict[str, str]]:
        return [
            {
                "PlatformArn": f"{PLACE}::platform/{branch}/{version}",
                "PlatformStatus": "Ready",
                "PlatformVersion": version,
                "PlatformBranchName": branch,
            }
            for branch in names
            for version in versions
        ]

    assert answer(beanstalk.list_platform_versions()) == {"PlatformSummaryList": platforms(*branches)}
    chosen = [{"Type": "PlatformBranchName", "Operator": "=", "Values": [branches[1]]}]
    assert answer(beanstalk.list_platform_versions(Filters=chosen)) == {"PlatformSummaryList": platforms(branches[1])}


def test_an_application_and_its_versions(account: Account, beanstalk: Any) -> None:
    number = account.services.account
    lifecycle = versions_kept(3)
    shown: dict[str, Any] = {
        "ApplicationName": "application",
        "ApplicationArn": f"{PLACE}:{number}:application/application",
        "Description": "ours",
        "ResourceLifecycleConfig": {},
    }
    assert beanstalk.describe_applications()["Applications"] == [shown]
    assert beanstalk.describe_applications(ApplicationNames=["other"])["Applications"] == []
    other = beanstalk.create_application(ApplicationName="other", ResourceLifecycleConfig=lifecycle)["Application"]
    assert other == {
        "ApplicationName": "other",
        "ApplicationArn": f"{PLACE}:{number}:application/other",
        "Description": "",
        "ResourceLifecycleConfig": lifecycle,
    }
    assert beanstalk.describe_applications()["Applications"] == [shown, other]
    assert beanstalk.describe_applications(ApplicationNames=["other"])["Applications"] == [other]
    assert (
        account.services.call("s3", "list_buckets", {})["Buckets"][0]["Name"] == f"elasticbeanstalk-us-east-1-{number}"
    )
    shown["Description"] = "changed"
    changed = beanstalk.update_application(ApplicationName="application", Description="changed")
    assert answer(changed) == {"Application": shown}
    assert beanstalk.update_application(ApplicationName="other")["Application"]["Description"] == ""
    named = {"ApplicationName": "application", "ResourceLifecycleConfig": lifecycle}
    assert beanstalk.update_application_resource_lifecycle(**named)["ApplicationName"] == "application"
    shown["ResourceLifecycleConfig"] = lifecycle
    assert beanstalk.describe_applications(ApplicationNames=["application"])["Applications"] == [shown]
    bundle, versions = {"S3Bucket": "bucket", "S3Key": "key"}, []
    for label, more, status in (("1", {"Process": True}, "PROCESSED"), ("2", {}, "UNPROCESSED")):
        version = beanstalk.create_application_version(
            ApplicationName="application", VersionLabel=label, SourceBundle=bundle, **more
        )["ApplicationVersion"]
        assert abs((datetime.now(UTC) - version["DateCreated"]).total_seconds()) < 60
        own = {"ApplicationName": "application", "VersionLabel": label, "SourceBundle": bundle, "Status": status}
        assert {key: value for key, value in version.items() if key != "DateCreated"} == own
        versions.append(version)
    listed = beanstalk.describe_application_versions(ApplicationName="application")["ApplicationVersions"]
    assert listed == versions
    second = beanstalk.describe_application_versions(ApplicationName="application", VersionLabels=["2"])
    assert second["ApplicationVersions"] == versions[1:]
    beanstalk.delete_application(ApplicationName="other")
    beanstalk.delete_application(ApplicationName="other")  # what is gone already is fine
    assert beanstalk.describe_applications()["Applications"] == [shown]


def test_the_bucket_of_another_region_says_where_it_is() -> None:
    with new_account("eu-west-1") as account:
        client = account.services.client("elasticbeanstalk")
        for name in ("one", "two"):
            client.create_application(ApplicationName=name)
        bucket = f"elasticbeanstalk-eu-west-1-{account.services.account}"
        assert [call for call in recorded(account).taken() if call[1] == "create_bucket"] == [
            (
                "s3",
                "create_bucket",
                {"Bucket": bucket, "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}},
            )
        ]


def test_an_environment_from_its_creation_to_its_end(account: Account, beanstalk: Any) -> None:
    number = account.services.account
    platforms = [PLATFORM.format(python="3.12", version=version) for version in ("4.10.1", "4.12.0")]
    beanstalk.create_application_version(ApplicationName="application", VersionLabel="7")
    created = beanstalk.create_environment(
        ApplicationName="application",
        EnvironmentName="environment",
        PlatformArn=platforms[0],
        OperationsRole="arn:aws:iam::1:role/operates",
        OptionSettings=[
            {"Namespace": SIZE, "OptionName": "MinSize", "Value": "1"},
            {"Namespace": SIZE, "OptionName": "MaxSize"},
            {"Namespace": MODE, "OptionName": "EnvironmentType", "Value": "SingleInstance"},
        ],
        Tags=[{"Key": "A", "Value": "1"}, {"Key": "B", "Value": "2"}],
    )
    shown = {
        "ApplicationName": "application",
        "CNAME": "environment.us-east-1.elasticbeanstalk.com",
        "Description": "",
        "EnvironmentArn": f"{PLACE}:{number}:environment/application/environment",
        "EnvironmentId": created["EnvironmentId"],
        "EnvironmentName": "environment",
        "Health": "Grey",
        "HealthStatus": "NoData",
        "OperationsRole": "arn:aws:iam::1:role/operates",
        "PlatformArn": platforms[0],
        "Status": "Ready",
        "Tier": {"Name": "WebServer", "Type": "Standard"},
        "VersionLabel": "Sample Application",
    }
    assert answer(created) == shown and re.fullmatch(r"e-\d{10}", created["EnvironmentId"])
    other = beanstalk.create_environment(
        ApplicationName="application",
        EnvironmentName="other",
        Description="d",
        VersionLabel="7",
        Tier={"Name": "Worker", "Type": "SQS/HTTP"},
    )
    assert [other[key] for key in ("Description", "VersionLabel", "Tier")] == [
        "d",
        "7",
        {"Name": "Worker", "Type": "SQS/HTTP"},
    ]
    other = answer(other)

    def described(**arguments: Any) -> Any:
        return answer(beanstalk.describe_environments(**arguments))["Environments"]

    assert described() == [shown, other]
    assert described(EnvironmentNames=["other"]) == [other]
    assert described(ApplicationName="application") == [shown, other] and described(ApplicationName="none") == []
    named = {"ApplicationName": "application", "EnvironmentName": "environment"}

    def options() -> Any:
        [settings] = beanstalk.describe_configuration_settings(**named)["ConfigurationSettings"]
        assert settings["EnvironmentName"] == "environment" and settings["PlatformArn"] in platforms
        return [(each["Namespace"], each["OptionName"], each["Value"]) for each in settings["OptionSettings"]]

    assert options() == [(SIZE, "MaxSize", ""), (SIZE, "MinSize", "1"), (MODE, "EnvironmentType", "SingleInstance")]
    shown |= {"PlatformArn": platforms[1], "Description": "new", "VersionLabel": "7"}
    assert shown == answer(
        beanstalk.update_environment(
            EnvironmentName="environment",
            PlatformArn=platforms[1],
            Description="new",
            VersionLabel="7",
            OptionSettings=[{"Namespace": SIZE, "OptionName": "MinSize", "Value": "2"}],
            OptionsToRemove=[
                {"Namespace": MODE, "OptionName": "EnvironmentType"},
                {"Namespace": MODE, "OptionName": "NotThere"},
            ],
        )
    )
    assert options() == [(SIZE, "MaxSize", ""), (SIZE, "MinSize", "2")] and described()[0] == shown
    assert answer(beanstalk.describe_instances_health(EnvironmentName="environment")) == {"InstanceHealthList": []}
    beanstalk.update_tags_for_resource(
        ResourceArn=shown["EnvironmentArn"], TagsToAdd=[{"Key": "C", "Value": "3"}], TagsToRemove=["A", "NotThere"]
    )
    assert answer(beanstalk.list_tags_for_resource(ResourceArn=shown["EnvironmentArn"])) == {
        "ResourceArn": shown["EnvironmentArn"],
        "ResourceTags": [{"Key": "B", "Value": "2"}, {"Key": "C", "Value": "3"}],
    }
    assert answer(beanstalk.terminate_environment(EnvironmentName="environment")) == {**shown, "Status": "Terminated"}
    assert described() == [other]
    assert refusal(beanstalk.delete_application, ApplicationName="application") == (
        "InvalidParameterValue",
        "Unable to delete application application because it has running environments.",
    )


UNSHARED = "You must specify a shared load balancer: aws:elbv2:loadbalancer, SharedLoadBalancer."


@pytest.mark.parametrize(
    ("operation", "arguments", "message"),
    [
        ("create_application", {"ApplicationName": "application"}, "Application application already exists."),
        ("update_application", {"ApplicationName": "none"}, "No Application named 'none' found."),
        (
            "create_application_version",
            {"ApplicationName": "application", "VersionLabel": "1"},
            "Application Version 1 already exists.",
        ),
        (
            "create_environment",
            {"ApplicationName": "application", "EnvironmentName": "taken"},
            "Environment taken already exists.",
        ),
        (
            "create_environment",
            {"ApplicationName": "application", "EnvironmentName": "newer", "VersionLabel": "9"},
            "No Application Version named '9' found.",
        ),
        (
            "create_environment",
            {"ApplicationName": "application", "EnvironmentName": "newer", "PlatformArn": "arn:x/4.10.2"},
            "Platform ARN 'arn:x/4.10.2' doesn't exist.",
        ),
        (
            "update_environment",
            {
                "EnvironmentName": "taken",
                "OptionSettings": [{"Namespace": MODE, "OptionName": "LoadBalancerIsShared", "Value": "true"}],
            },
            UNSHARED,
        ),
        ("update_environment", {"EnvironmentName": "none"}, "No Environment found for EnvironmentName = 'none'."),
        (
            "describe_instances_health",
            {"EnvironmentName": "none"},
            "No Environment found for EnvironmentName = 'none'.",
        ),
        ("terminate_environment", {"EnvironmentName": "none"}, "No Environment found for EnvironmentName = 'none'."),
        ("list_tags_for_resource", {"ResourceArn": "arn:none"}, "Resource not found for ARN 'arn:none'."),
    ],
)
def test_what_is_refused(beanstalk: Any, operation: str, arguments: dict[str, Any], message: str) -> None:
    beanstalk.create_application_version(ApplicationName="application", VersionLabel="1")
    beanstalk.create_environment(ApplicationName="application", EnvironmentName="taken", Description="before")
    assert refusal(getattr(beanstalk, operation), **arguments) == ("InvalidParameterValue", message)
    assert [each["EnvironmentName"] for each in beanstalk.describe_environments()["Environments"]] == ["taken"]
    # A change that is refused changes nothing.
    settings = beanstalk.describe_configuration_settings(ApplicationName="application", EnvironmentName="taken")
    assert settings["ConfigurationSettings"][0]["OptionSettings"] == []


def test_an_environment_that_changes_takes_no_other_change(account: Account, beanstalk: Any) -> None:
    account.behaviour = replace(account.behaviour, environment_seconds=300.0)
    created = beanstalk.create_environment(ApplicationName="application", EnvironmentName="busy")
    assert beanstalk.describe_environments()["Environments"][0]["Status"] == "Updating"
    busy = "Environment named busy is in an invalid state for this operation. Must be Ready."
    for operation, arguments in (
        ("update_environment", {"EnvironmentName": "busy"}),
        ("update_tags_for_resource", {"ResourceArn": created["EnvironmentArn"], "TagsToRemove": ["A"]}),
    ):
        assert refusal(getattr(beanstalk, operation), **arguments) == ("InvalidParameterValue", busy)
