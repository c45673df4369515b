"""The templates in S3: children under keys made of their content, so that a key never changes its meaning."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from generator.cfn.templates import Body, Template
from scripts.deployment.aws import Aws, Identity
from scripts.deployment.errors import AwsError

PREFIX = "templates/"


@dataclass(frozen=True)
class Packaged:
    """One template as it is stored."""

    name: str
    key: str
    url: str
    body: Body = field(hash=False, repr=False)

    @property
    def content(self) -> bytes:
        """What is uploaded: indented, because people read it in the console."""
        return json.dumps(self.body, sort_keys=True, indent=1).encode()


@dataclass(frozen=True)
class PackagedSet:
    """A root template with everything that it nests; the root comes last."""

    templates: tuple[Packaged, ...]

    @property
    def root(self) -> Packaged:
        return self.templates[-1]


def bucket_name(application: str, identity: Identity, region: str) -> str:
    """One packaging bucket per application, account and region."""
    return f"{application}-templates-{identity.account}-{region}"


def package(root: Template, bucket: str, region: str) -> PackagedSet:
    """`root` and what it nests, with each `TemplateURL` rewritten to the stored child. Pure."""
    done: dict[str, Packaged] = {}
    _package(root, bucket, region, done)
    return PackagedSet(tuple(done.values()))


def _package(template: Template, bucket: str, region: str, done: dict[str, Packaged]) -> Packaged:
    if template.name in done:
        return done[template.name]
    resources = dict(template.body["Resources"])
    for child in template.children():
        url = _package(child.template, bucket, region, done).url
        properties = {**child.resource.properties, "TemplateURL": url}
        resources[child.resource.logical_id] = {**child.resource.body, "Properties": properties}
    body = {**template.body, "Resources": resources}
    # Independent of the order of keys. Compact, which takes a fifth of the time: most templates are stored already.
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    key = f"{PREFIX}{template.name}-{digest[:32]}.json"
    # CloudFormation takes https addresses of S3 only (user guide,
    # quotas; API reference, CreateChangeSet).
    done[template.name] = Packaged(template.name, key, f"https://{bucket}.s3.{region}.amazonaws.com/{key}", body)
    return done[template.name]


def publish(aws: Aws, bucket: str, packaged: Sequence[PackagedSet], identity: Identity) -> int:
    """Uploads what is missing, into a bucket that is made when there is none; returns how many were missing."""
    own = {"Bucket": bucket, "ExpectedBucketOwner": identity.account}
    held = set()
    if not _prepare(aws, bucket, identity):
        pages = aws.pages("s3", "list_objects_v2", Prefix=PREFIX, **own)
        held = {entry["Key"] for page in pages for entry in page.get("Contents", ())}
    missing = [one for every in packaged for one in every.templates if one.key not in held]
    for one in missing:
        aws.call("s3", "put_object", Key=one.key, Body=one.content, ContentType="application/json", **own)
    return len(missing)


def _prepare(aws: Aws, bucket: str, identity: Identity) -> bool:
    """Makes and configures the bucket; says whether it is new. The policy is set last: where it stands, all stands."""
    own = {"Bucket": bucket, "ExpectedBucketOwner": identity.account}
    new = False
    try:
        if json.loads(aws.call("s3", "get_bucket_policy", **own)["Policy"]) == _policy(bucket):
            return False
    except AwsError as error:
        # Codes: S3 API reference, "Error responses".
        if error.code not in ("NoSuchBucket", "NoSuchBucketPolicy"):
            raise
        new = error.code == "NoSuchBucket"
    if new:
        # us-east-1 is no valid LocationConstraint (S3 API reference, CreateBucket).
        region = aws.region
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        aws.call("s3", "create_bucket", Bucket=bucket, ObjectOwnership="BucketOwnerEnforced", **place)
    private = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    aws.call("s3", "put_public_access_block", PublicAccessBlockConfiguration=private, **own)
    aws.call("s3", "put_bucket_encryption", ServerSideEncryptionConfiguration=encryption, **own)
    aws.call("s3", "put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"}, **own)
    aws.call("s3", "put_bucket_policy", Policy=json.dumps(_policy(bucket)), **own)
    return new


def _policy(bucket: str) -> dict[str, Any]:
    """Nothing without TLS. Source: S3 User Guide, "Restrict access to only HTTPS requests"."""
    arn = f"arn:aws:s3:::{bucket}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
