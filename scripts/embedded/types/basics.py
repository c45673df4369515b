"""Keys, buckets, topics, tables: what everything else is built on."""

from scripts.embedded.types.row import Read, Row, Setting, Tagging

BUCKET = {"Bucket": "{id}"}

ROWS = (
    Row(
        "AWS::KMS::Key",
        "kms",
        "create_key",
        "$KeyMetadata.KeyId",
        {"KeyId": "{id}"},
        (
            Read("describe_key", "KeyMetadata"),
            Read("get_key_rotation_status", "{EnableKeyRotation: KeyRotationEnabled}"),
            Read("get_key_policy", "{Policy: Policy}", address={"KeyId": "{id}", "PolicyName": "default"}),
            Read("list_resource_tags", "{Tags: Tags}"),
        ),
        delete="schedule_key_deletion",
        delete_address={"KeyId": "{id}", "PendingWindowInDays": 7},
        rename={"KeyPolicy": "Policy"},
        settings=(
            Setting("Description", "update_key_description"),
            Setting("KeyPolicy", "put_key_policy", fixed={"PolicyName": "default"}),
            Setting("EnableKeyRotation", lambda key, on: key.call(f"{'en' if on in (True, 'true') else 'dis'}able_key_rotation", key.address(None))),
        ),
        tagging=Tagging({"KeyId": "{id}"}),
        attributes={"Arn": "$Arn", "KeyId": "{id}"},
        seen={"EnableKeyRotation": "EnableKeyRotation"},
    ),
    Row(
        "AWS::S3::Bucket",
        "s3",
        "create_bucket",
        "{BucketName}",
        BUCKET,
        (
            Read("head_bucket", "{Name: '<id>'}"),
            Read("get_bucket_versioning", "{VersioningConfiguration: @}"),
        ),
        delete="delete_bucket",
        named="BucketName",
        longest=63,
        rename={"BucketName": "Bucket"},
        settings=(
            Setting("VersioningConfiguration", "put_bucket_versioning"),
        ),
        attributes={"Arn": "arn:{partition}:s3:::{id}", "DomainName": "{id}.s3.amazonaws.com"},
    ),
)
