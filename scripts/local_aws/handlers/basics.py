"""Keys, secrets, parameters, logs, topics, roles."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scripts.local_aws.handlers.row import Read, Row, Setting, Tagging
from scripts.local_aws.handlers.shapes import NoPlaceError

if TYPE_CHECKING:
    from scripts.local_aws.handlers.handler import ResourceHandler

PROFILE = {"InstanceProfileName": "{id}"}
TOPIC, SECRET, PARAMETER, ROLE, POLICY = (
    {name: "{id}"} for name in ("TopicArn", "SecretId", "Name", "RoleName", "PolicyArn")
)


def _generate(secret: "ResourceHandler", properties: Mapping[str, Any]) -> None:
    """A secret's value as `GenerateSecretString` describes it, within `SecretStringTemplate` if there is one."""
    own = ("SecretStringTemplate", "GenerateStringKey")
    arguments = secret.folded(
        "get_random_password", {key: value for key, value in properties.items() if key not in own}
    )
    text = secret.call("get_random_password", arguments)["RandomPassword"]
    if "SecretStringTemplate" in properties:
        text = json.dumps({**json.loads(properties["SecretStringTemplate"]), properties["GenerateStringKey"]: text})
    secret.call("put_secret_value", {**secret.address(None), "SecretString": text})


def _rotation(key: "ResourceHandler", on: Any) -> None:
    key.call("enable_key_rotation" if on in (True, "true") else "disable_key_rotation", key.address(None))


def _at_deletion(key: "ResourceHandler", days: Any) -> None:
    """The waiting time is no state of a key: it is given when the key is deleted."""


def _delete_key(key: "ResourceHandler") -> None:
    days = int(key.properties.get("PendingWindowInDays", 30))
    key.call("schedule_key_deletion", {**key.address(None), "PendingWindowInDays": days})


def _topic_attribute(name: str) -> Setting:
    def put(topic: "ResourceHandler", value: Any) -> None:
        topic.call("set_topic_attributes", {**topic.address(None), "AttributeName": name, "AttributeValue": str(value)})

    return Setting(name, put, lambda topic, _: put(topic, ""))


def _inline(role: "ResourceHandler") -> dict[str, Any]:
    names = role.call("list_role_policies", role.address(None))["PolicyNames"]
    policies = [role.call("get_role_policy", {**role.address(None), "PolicyName": name}) for name in names]
    return {"Policies": [{key: policy[key] for key in ("PolicyName", "PolicyDocument")} for policy in policies]}


def _in_profile(profile: "ResourceHandler", names: Any) -> None:
    """The roles of an instance profile: AWS allows one, so the old one goes first."""
    for role in profile.call("get_instance_profile", profile.address(None))["InstanceProfile"]["Roles"]:
        profile.call("remove_role_from_instance_profile", {**profile.address(None), "RoleName": role["RoleName"]})
    for name in names or ():
        profile.call("add_role_to_instance_profile", {**profile.address(None), "RoleName": name})


def _delete_profile(profile: "ResourceHandler") -> None:
    _in_profile(profile, None)
    profile.call("delete_instance_profile", profile.address(None))


def _delete_role(role: "ResourceHandler") -> None:
    for policy in _inline(role)["Policies"]:
        role.call("delete_role_policy", {**role.address(None), "PolicyName": policy["PolicyName"]})
    for policy in role.call("list_attached_role_policies", role.address(None))["AttachedPolicies"]:
        role.call("detach_role_policy", {**role.address(None), "PolicyArn": policy["PolicyArn"]})
    role.call("delete_role", role.address(None))


def _trust(role: "ResourceHandler", document: Any) -> None:
    role.call("update_assume_role_policy", {**role.address(None), "PolicyDocument": json.dumps(document)})


def _document(policy: "ResourceHandler") -> dict[str, Any]:
    version = policy.call("get_policy", policy.address(None))["Policy"]["DefaultVersionId"]
    answer = policy.call("get_policy_version", {**policy.address(None), "VersionId": version})
    return {"PolicyDocument": answer["PolicyVersion"]["Document"]}


def _delete_policy(policy: "ResourceHandler") -> None:
    """Detached from everybody first, as the schema's permissions of `delete` say; IAM deletes none that is attached."""
    entities = policy.call("list_entities_for_policy", policy.address(None))
    for kind in ("Group", "Role", "User"):
        for entity in entities[f"Policy{kind}s"]:
            name = f"{kind}Name"
            policy.call(f"detach_{kind.lower()}_policy", {**policy.address(None), name: entity[name]})
    policy.call("delete_policy", policy.address(None))


def _one_topic(properties: dict[str, Any]) -> dict[str, Any]:
    """One row is one call: a policy on several topics is refused."""
    if len(properties.get("Topics", ("one",))) != 1:
        raise NoPlaceError("Topics: the local AWS knows a topic policy for one topic only;")
    return properties | ({"Topics": properties["Topics"][0]} if "Topics" in properties else {})


def _delete_topic_policy(policy: "ResourceHandler") -> None:
    """A topic always has a policy: what is left allows nothing."""
    policy.call(
        "set_topic_attributes", {**policy.address(None), "AttributeName": "Policy", "AttributeValue": NO_POLICY}
    )


NO_POLICY = json.dumps({"Version": "2008-10-17", "Statement": []})

# fmt: off
ROWS = (
    Row("AWS::KMS::Key", "kms", "create_key", "$KeyMetadata.KeyId", {"KeyId": "{id}"},
        (Read("describe_key", "KeyMetadata"),
         Read("get_key_rotation_status", "KeyRotationEnabled", "EnableKeyRotation"),
         Read("get_key_policy", "Policy", "Policy", {"KeyId": "{id}", "PolicyName": "default"}),
         Read("list_resource_tags", "Tags", "Tags")),
        delete=_delete_key,
        rename={"KeyPolicy": "Policy"},
        settings=(Setting("Description", "update_key_description", default=""),
                  Setting("KeyPolicy", "put_key_policy", fixed={"PolicyName": "default"}),
                  Setting("EnableKeyRotation", _rotation, default=False),
                  Setting("PendingWindowInDays", _at_deletion, _at_deletion)),
        tagging=Tagging({"KeyId": "{id}"}), attributes={"Arn": "$Arn", "KeyId": "{id}"},
        seen={"EnableKeyRotation": "EnableKeyRotation", "PendingWindowInDays": lambda days, _: int(days) >= 7}),
    Row("AWS::KMS::Alias", "kms", "create_alias", "{AliasName}", {"AliasName": "{id}"},
        (Read("list_aliases", "Aliases[?AliasName=='<id>'] | [0]", address={}),), update="update_alias",
        delete="delete_alias", seen={"TargetKeyId": lambda key, state: str(key).endswith(state["TargetKeyId"])}),
    Row("AWS::Logs::LogGroup", "logs", "create_log_group", "{LogGroupName}", {"logGroupName": "{id}"},
        (Read("describe_log_groups", "logGroups[?logGroupName=='<id>'] | [0]", address={"logGroupNamePrefix": "{id}"}),
         Read("list_tags_log_group", "tags", "tags")), delete="delete_log_group", named="LogGroupName", longest=512,
        settings=(Setting("RetentionInDays", "put_retention_policy", "delete_retention_policy"),),
        tagging=Tagging({"logGroupName": "{id}"}, "tag_log_group", "untag_log_group"), attributes={"Arn": "$arn"}),
    Row("AWS::SecretsManager::Secret", "secretsmanager", "create_secret", "$ARN", SECRET,
        (Read("describe_secret"),
         Read("get_secret_value", "SecretString", "SecretString", only="SecretString GenerateSecretString")),
        update="update_secret",
        delete="delete_secret", delete_address={"SecretId": "{id}", "ForceDeleteWithoutRecovery": True}, named="Name",
        settings=(Setting("GenerateSecretString", _generate),), tagging=Tagging(SECRET), attributes={"Id": "{id}"},
        seen={"GenerateSecretString":
              lambda ask, state: len(state["SecretString"]) >= int(ask.get("PasswordLength", 32))}),
    Row("AWS::SSM::Parameter", "ssm", "put_parameter", "{Name}", PARAMETER,
        (Read("get_parameter", "Parameter"),
         Read("describe_parameters", "Parameters[0]",
              address={"ParameterFilters": [{"Key": "Name", "Values": ["{id}"]}]}),
         Read("list_tags_for_resource", "TagList", "Tags", {"ResourceType": "Parameter", "ResourceId": "{id}"})),
        update="put_parameter", update_fixed={"Overwrite": True}, delete="delete_parameter", named="Name",
        tagging=Tagging({"ResourceType": "Parameter", "ResourceId": "{id}"}, "add_tags_to_resource",
                        "remove_tags_from_resource"),
        attributes={"Type": "$Type", "Value": "$Value"}),
    Row("AWS::SNS::Topic", "sns", "create_topic", "$TopicArn", TOPIC,
        (Read("get_topic_attributes", "Attributes", "Attributes"),
         Read("list_tags_for_resource", "Tags", "Tags", {"ResourceArn": "{id}"})), delete="delete_topic",
        named="TopicName", longest=256,
        rename={"TopicName": "Name", "KmsMasterKeyId": "Attributes.KmsMasterKeyId",
                "DisplayName": "Attributes.DisplayName"},
        settings=(_topic_attribute("KmsMasterKeyId"), _topic_attribute("DisplayName")),
        tagging=Tagging({"ResourceArn": "{id}"}), attributes={"TopicArn": "{id}", "TopicName": "{last}"},
        seen={"KmsMasterKeyId": "Attributes.KmsMasterKeyId", "DisplayName": "Attributes.DisplayName"}),
    Row("AWS::SNS::TopicPolicy", "sns", "set_topic_attributes", "{Topics[0]}", TOPIC,
        (Read("get_topic_attributes", "Attributes"),), update="set_topic_attributes",
        delete=_delete_topic_policy,
        fixed={"AttributeName": "Policy"}, update_fixed={"AttributeName": "Policy"},
        rename={"Topics": "TopicArn", "PolicyDocument": "AttributeValue"}, prepare=_one_topic,
        seen={"PolicyDocument": "Policy", "Topics": "[TopicArn]"}),
    Row("AWS::SNS::Subscription", "sns", "subscribe", "$SubscriptionArn", {"SubscriptionArn": "{id}"},
        (Read("get_subscription_attributes", "Attributes"),), delete="unsubscribe",
        fixed={"ReturnSubscriptionArn": True}),
    Row("AWS::IAM::Role", "iam", "create_role", "$Role.RoleName", ROLE,
        (Read("get_role", "Role"), Read(_inline),
         Read("list_attached_role_policies", "AttachedPolicies[].PolicyArn", "ManagedPolicyArns")),
        update="update_role", delete=_delete_role, named="RoleName",
        settings=(Setting("AssumeRolePolicyDocument", _trust),
                  Setting("PermissionsBoundary", "put_role_permissions_boundary", "delete_role_permissions_boundary"),
                  Setting("Policies", "put_role_policy", "delete_role_policy", each="PolicyName"),
                  Setting("ManagedPolicyArns", "attach_role_policy", "detach_role_policy", each="PolicyArn")),
        tagging=Tagging(ROLE, "tag_role", "untag_role"),
        attributes={"Arn": "$Arn", "RoleId": "$RoleId"},
        seen={"Policies": "Policies", "ManagedPolicyArns": "ManagedPolicyArns",
              "PermissionsBoundary": "PermissionsBoundary.PermissionsBoundaryArn"}),
    Row("AWS::IAM::InstanceProfile", "iam", "create_instance_profile", "$InstanceProfile.InstanceProfileName", PROFILE,
        (Read("get_instance_profile", "InstanceProfile"),), delete=_delete_profile, named="InstanceProfileName",
        longest=128, settings=(Setting("Roles", _in_profile, _in_profile),), attributes={"Arn": "$Arn"},
        seen={"Roles": "Roles[].RoleName"}),
    Row("AWS::IAM::ManagedPolicy", "iam", "create_policy", "$Policy.Arn", POLICY,
        (Read("get_policy", "Policy"), Read(_document), Read("list_entities_for_policy")), delete=_delete_policy,
        named="ManagedPolicyName", longest=128,
        rename={"ManagedPolicyName": "PolicyName"},
        settings=(Setting("PolicyDocument", "create_policy_version", fixed={"SetAsDefault": True}),
                  Setting("Groups", "attach_group_policy", "detach_group_policy", each="GroupName"),
                  Setting("Roles", "attach_role_policy", "detach_role_policy", each="RoleName")),
        attributes={"PolicyArn": "{id}"},
        seen={"Groups": "PolicyGroups[].GroupName", "Roles": "PolicyRoles[].RoleName"}),
)
# fmt: on
