"""Elastic Beanstalk: the application and its environment."""

from typing import TYPE_CHECKING, Any

from scripts.local_aws import fold
from scripts.local_aws.types.row import Read, Row, Setting

if TYPE_CHECKING:
    from scripts.local_aws.resources import Thing

APPLICATION, ENVIRONMENT = {"ApplicationName": "{id}"}, {"EnvironmentName": "{id}"}
ARN = "arn:{partition}:elasticbeanstalk:{region}:{account}:environment/{ApplicationName}/{id}"
SETTINGS = {"ApplicationName": "{ApplicationName}", "EnvironmentName": "{id}"}


def _options(environment: "Thing", wanted: Any) -> None:
    """All options of the template, and none that it no longer has."""
    held = environment.call("describe_configuration_settings", environment.address(SETTINGS))
    named = {(one["Namespace"], one["OptionName"]) for one in wanted or ()}
    gone = [
        {"Namespace": one["Namespace"], "OptionName": one["OptionName"]}
        for one in held["ConfigurationSettings"][0]["OptionSettings"]
        if (one["Namespace"], one["OptionName"]) not in named
    ]
    environment.call(
        "update_environment",
        {**environment.address(ENVIRONMENT), "OptionSettings": list(wanted or ()), "OptionsToRemove": gone},
    )


def _tags(environment: "Thing", wanted: Any) -> None:
    """All tags of the template, and none that it no longer has."""
    address = environment.address({"ResourceArn": ARN})
    held = fold.tags(environment.call("list_tags_for_resource", address)["ResourceTags"])
    new = fold.tags(wanted)
    changes = {
        "TagsToAdd": [{"Key": key, "Value": value} for key, value in new.items()],
        "TagsToRemove": sorted(held.keys() - new.keys()),
    }
    environment.call("update_tags_for_resource", {**address, **{name: some for name, some in changes.items() if some}})


def _same_options(wanted: Any, state: Any) -> bool:
    """Options have no order."""

    def key(one: Any) -> tuple[str, str]:
        return one["Namespace"], one["OptionName"]

    return sorted(map(dict, wanted), key=key) == sorted(map(dict, state["Options"]), key=key)


# fmt: off
ROWS = (
    Row("AWS::ElasticBeanstalk::Application", "elasticbeanstalk", "create_application",
        "$Application.ApplicationName", APPLICATION,
        (Read("describe_applications", "Applications[0]", address={"ApplicationNames": ["{id}"]}),),
        update="update_application", delete="delete_application", named="ApplicationName", longest=100,
        settings=(Setting("ResourceLifecycleConfig", "update_application_resource_lifecycle"),)),
    Row("AWS::ElasticBeanstalk::Environment", "elasticbeanstalk", "create_environment", "$EnvironmentName", ENVIRONMENT,
        (Read("describe_environments", "Environments[0]", address={"EnvironmentNames": ["{id}"]}),
         Read("describe_configuration_settings", "ConfigurationSettings[0].OptionSettings", "Options", SETTINGS),
         Read("list_tags_for_resource", "ResourceTags", "Tags", {"ResourceArn": ARN})),
        update="update_environment", delete="terminate_environment", named="EnvironmentName", longest=40,
        settings=(Setting("OptionSettings", _options, _options), Setting("Tags", _tags, _tags)),
        attributes={"EndpointURL": "$CNAME"},
        seen={"OptionSettings": _same_options}),
)
# fmt: on
