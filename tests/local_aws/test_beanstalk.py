"""Elastic Beanstalk on this machine: an environment that is updated in place, and what it refuses."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

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
