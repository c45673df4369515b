"""Buckets, tables, image and source repositories: what holds data, and so is never deleted for an update."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scripts.local_aws.handlers.row import Read, Row, Setting, Tagging

if TYPE_CHECKING:
    from scripts.local_aws.handlers.handler import ResourceHandler

ENCRYPTION = "BucketEncryption.ServerSideEncryptionConfiguration"
TABLE_ARN = "arn:{partition}:dynamodb:{region}:{account}:table/{id}"
IMAGES_ARN = "arn:{partition}:ecr:{region}:{account}:repository/{id}"
BACKUPS = "ContinuousBackupsDescription.PointInTimeRecoveryDescription"
NO_RECOVERY = {"PointInTimeRecoveryEnabled": False}
BUCKET, TABLE, IMAGES = {"Bucket": "{id}"}, {"TableName": "{id}"}, {"repositoryName": "{id}"}


def _as_it_was(_handler: "ResourceHandler", _value: Any) -> None:
    """S3 has no call that takes the acceleration of a bucket away, and whether CloudFormation suspends it instead is
    written nowhere: what cannot be relied on does not happen here (S3 API reference, PutBucketAccelerateConfiguration;
    serverless/serverless issue 4625, whose templates say Suspended for this reason)."""


def _no_logging(bucket: "ResourceHandler", _: Any) -> None:
    bucket.call("put_bucket_logging", {**bucket.address(None), "BucketLoggingStatus": {}})


def _tag_bucket(bucket: "ResourceHandler", tags: Sequence[Mapping[str, str]]) -> None:
    """By the calls that CloudFormation makes, and the only ones once the tags count for access (Amazon S3 user guide,
    "Enabling ABAC in general purpose buckets")."""
    kept = {tag["Key"] for tag in tags}
    gone = [tag for tag in bucket.before.get("Tags", ()) if tag["Key"] not in kept]
    if gone:
        _untag_bucket(bucket, gone)
    bucket.services.call("s3control", "tag_resource", {**_bucket_by_arn(bucket), "Tags": list(tags)})


def _untag_bucket(bucket: "ResourceHandler", tags: Sequence[Mapping[str, str]]) -> None:
    keys = [tag["Key"] for tag in tags]
    bucket.services.call("s3control", "untag_resource", {**_bucket_by_arn(bucket), "TagKeys": keys})


def _bucket_by_arn(bucket: "ResourceHandler") -> dict[str, str]:
    services = bucket.services
    arn = f"arn:{services.partition}:s3:::{bucket.physical}"
    return {"AccountId": services.account, "ResourceArn": arn}


def _stream(table: "ResourceHandler", stream: Mapping[str, Any]) -> None:
    """A stream of another view is another stream: a change makes a new one (schema of AWS::DynamoDB::Table), and
    UpdateTable refuses a second one beside the first (DynamoDB API reference)."""
    if table.before.get("StreamSpecification"):
        _no_stream(table, stream)
    table.call("update_table", {**table.address(None), "StreamSpecification": {"StreamEnabled": True, **stream}})


def _no_stream(table: "ResourceHandler", _: Any) -> None:
    table.call("update_table", {**table.address(None), "StreamSpecification": {"StreamEnabled": False}})


def _with_a_stream(properties: dict[str, Any]) -> dict[str, Any]:
    """CloudFormation has no word for a stream that is off; the API has to be told that it is on (botocore's model)."""
    if "StreamSpecification" not in properties:
        return properties
    return {**properties, "StreamSpecification": {"StreamEnabled": True, **properties["StreamSpecification"]}}


def _no_expiry(table: "ResourceHandler", before: Mapping[str, Any]) -> None:
    off = {"AttributeName": before["AttributeName"], "Enabled": False}
    table.call("update_time_to_live", {**table.address(None), "TimeToLiveSpecification": off})


def _rename(repository: "ResourceHandler", name: str) -> None:
    repository.call("update_repository_name", {"oldName": repository.before["RepositoryName"], "newName": name})


def _lifecycle(images: "ResourceHandler", policy: Mapping[str, Any]) -> None:
    text = policy["LifecyclePolicyText"]
    images.call("put_lifecycle_policy", {**images.address(None), "lifecyclePolicyText": text})


def _place_of_bucket(bucket: "ResourceHandler") -> dict[str, Any]:
    """Every region but us-east-1 has to be named (S3 API reference, CreateBucket)."""
    region = bucket.services.region
    return {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}


def _whole_rules(properties: dict[str, Any]) -> dict[str, Any]:
    """Lifecycle rules without a prefix hold for all: the API wants that said."""
    rules = properties.get("LifecycleConfiguration", {}).get("Rules", ())
    if not rules:
        return properties
    complete_rules = [rule if "Prefix" in rule or "Filter" in rule else {**rule, "Prefix": ""} for rule in rules]
    return {**properties, "LifecycleConfiguration": {**properties["LifecycleConfiguration"], "Rules": complete_rules}}


def _setting(operation: str, under: str, only: str = "", take: str = "") -> Read:
    """A bucket's setting: asked for only where the template sets it, because S3 answers an error otherwise."""
    return Read(operation, take or under, under, only=only or under)


def _profile(properties: dict[str, Any]) -> dict[str, Any]:
    """A name of letters, digits and underscores (Signer API reference, PutSigningProfile)."""
    if "ProfileName" not in properties:
        return properties
    return {**properties, "ProfileName": re.sub(r"[^0-9A-Za-z_]", "_", properties["ProfileName"])}


# fmt: off
ROWS = (
    Row("AWS::S3::Bucket", "s3", "create_bucket", "{BucketName}", BUCKET,
        (Read("head_bucket", "BucketRegion || 'here'", "Region"),
         _setting("get_bucket_versioning", "VersioningConfiguration", take="{Status: Status}"),
         _setting("get_bucket_encryption", "ServerSideEncryptionConfiguration", "BucketEncryption"),
         _setting("get_bucket_lifecycle_configuration", "LifecycleConfiguration", take="{Rules: Rules}"),
         _setting("get_public_access_block", "PublicAccessBlockConfiguration"),
         _setting("get_bucket_ownership_controls", "OwnershipControls"),
         _setting("get_bucket_logging", "BucketLoggingStatus", "LoggingConfiguration",
                  "{LoggingEnabled: LoggingEnabled}"),
         _setting("get_bucket_cors", "CORSConfiguration", "CorsConfiguration", "{CORSRules: CORSRules}"),
         _setting("get_bucket_accelerate_configuration", "AccelerateConfiguration", take="{Status: Status}"),
         _setting("get_bucket_abac", "AbacStatus"),
         _setting("get_bucket_tagging", "Tags", take="TagSet")), delete="delete_bucket", named="BucketName", longest=63,
        rename={ "BucketName": "Bucket", "BucketEncryption": "ServerSideEncryptionConfiguration", ENCRYPTION: "Rules",
                f"{ENCRYPTION}.ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault",
                "LifecycleConfiguration.Rules.ExpirationInDays": "Expiration.Days",
                "LoggingConfiguration": "BucketLoggingStatus.LoggingEnabled",
                "LoggingConfiguration.DestinationBucketName": "TargetBucket",
                "LoggingConfiguration.LogFilePrefix": "TargetPrefix", "CorsConfiguration": "CORSConfiguration",
                "CorsConfiguration.CorsRules.MaxAge": "MaxAgeSeconds",
                "AccelerateConfiguration.AccelerationStatus": "Status", "AbacStatus": "AbacStatus.Status",
                "Tags": "Tagging.TagSet"},
        prepare=_whole_rules, fixed=_place_of_bucket,
        settings=(Setting("OwnershipControls", "put_bucket_ownership_controls", "delete_bucket_ownership_controls"),
                  Setting("VersioningConfiguration", "put_bucket_versioning", default={"Status": "Suspended"}),
                  Setting("BucketEncryption", "put_bucket_encryption", "delete_bucket_encryption"),
                  Setting("LifecycleConfiguration", "put_bucket_lifecycle_configuration", "delete_bucket_lifecycle"),
                  Setting("PublicAccessBlockConfiguration", "put_public_access_block", "delete_public_access_block"),
                  Setting("LoggingConfiguration", "put_bucket_logging", _no_logging),
                  Setting("CorsConfiguration", "put_bucket_cors", "delete_bucket_cors"),
                  Setting("AccelerateConfiguration", "put_bucket_accelerate_configuration", _as_it_was),
                  Setting("Tags", _tag_bucket, _untag_bucket),
                  Setting("AbacStatus", "put_bucket_abac", default="Disabled")),
        attributes={ "Arn": "arn:{partition}:s3:::{id}", "DomainName": "{id}.s3.amazonaws.com",
                    "RegionalDomainName": "{id}.s3.{region}.amazonaws.com",
                    "DualStackDomainName": "{id}.s3.dualstack.{region}.amazonaws.com"}),
    Row("AWS::S3::BucketPolicy", "s3", "put_bucket_policy", "{Bucket}", BUCKET, (Read("get_bucket_policy"),),
        update="put_bucket_policy", delete="delete_bucket_policy", rename={"PolicyDocument": "Policy"}),
    Row("AWS::DynamoDB::Table", "dynamodb", "create_table", "{TableName}", TABLE,
        (Read("describe_table", "Table"),
         Read("describe_table", "Table.BillingModeSummary.BillingMode", "BillingMode"),
         Read("describe_continuous_backups", f"{BACKUPS}.PointInTimeRecoveryStatus", "Recovery"),
         Read("describe_time_to_live", "TimeToLiveDescription", "TimeToLive"),
         Read("list_tags_of_resource", "Tags", "Tags", {"ResourceArn": TABLE_ARN})),
        update="update_table", delete="delete_table", named="TableName",
        rename={"SSESpecification.SSEEnabled": "Enabled"}, longest=255,
        settings=(Setting("PointInTimeRecoverySpecification", "update_continuous_backups", default=NO_RECOVERY),
                  Setting("TimeToLiveSpecification", "update_time_to_live", _no_expiry),
                  Setting("StreamSpecification", _stream, _no_stream)),
        prepare=_with_a_stream, tagging=Tagging({"ResourceArn": TABLE_ARN}),
        attributes={"Arn": "$TableArn", "StreamArn": "$LatestStreamArn"},
        seen={"PointInTimeRecoverySpecification": "{PointInTimeRecoveryEnabled: Recovery == 'ENABLED'}",
              "TimeToLiveSpecification": "{AttributeName: TimeToLive.AttributeName, "
                                         "Enabled: TimeToLive.TimeToLiveStatus == 'ENABLED'}",
              "SSESpecification": "{KMSMasterKeyId: SSEDescription.KMSMasterKeyArn, SSEType: SSEDescription.SSEType, "
                                  "SSEEnabled: SSEDescription.Status == 'ENABLED'}"}),
    Row("AWS::ECR::Repository", "ecr", "create_repository", "$repository.repositoryName", IMAGES,
        (Read("describe_repositories", "repositories[0]", address={"repositoryNames": ["{id}"]}),
         Read("get_lifecycle_policy", "{lifecyclePolicyText: lifecyclePolicyText}", only="LifecyclePolicy"),
         Read("list_tags_for_resource", "tags", "tags", {"resourceArn": IMAGES_ARN})),
        delete="delete_repository", named="RepositoryName", longest=256,
        settings=(Setting("LifecyclePolicy", _lifecycle, "delete_lifecycle_policy"),
                  Setting("ImageScanningConfiguration", "put_image_scanning_configuration",
                          default={"ScanOnPush": False}),
                  Setting("ImageTagMutability", "put_image_tag_mutability", default="MUTABLE")),
        tagging=Tagging({"resourceArn": IMAGES_ARN}),
        attributes={"Arn": "$repositoryArn", "RepositoryUri": "$repositoryUri"},
        seen={"LifecyclePolicy": "{LifecyclePolicyText: lifecyclePolicyText}"}),
    Row("AWS::ECR::SigningConfiguration", "ecr", "put_signing_configuration", "{account}", {},
        (Read("get_signing_configuration", "signingConfiguration"),), update="put_signing_configuration",
        delete="delete_signing_configuration", wrap="signingConfiguration", attributes={"RegistryId": "{id}"}),
    Row("AWS::Signer::SigningProfile", "signer", "put_signing_profile", "$arn", {"profileName": "{end}"},
        (Read("get_signing_profile"),), delete="cancel_signing_profile", named="ProfileName", prepare=_profile,
        tagging=Tagging({"resourceArn": "{id}"}),
        attributes={"Arn": "{id}", "ProfileName": "$profileName", "ProfileVersion": "$profileVersion",
                    "ProfileVersionArn": "$profileVersionArn"}),
    Row("AWS::CodeCommit::Repository", "codecommit", "create_repository", "$repositoryMetadata.repositoryId",
        {"repositoryName": "{RepositoryName}"}, (Read("get_repository", "repositoryMetadata"),),
        delete="delete_repository", settings=(Setting("RepositoryName", _rename),),
        attributes={ "Arn": "$Arn", "Name": "$repositoryName", "CloneUrlHttp": "$cloneUrlHttp",
                    "CloneUrlSsh": "$cloneUrlSsh"}),
)
# fmt: on
