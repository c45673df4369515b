"""What goes into the packaging bucket: templates that the gate has passed, under keys made of their content, so that a
key never changes its meaning; and a record of every deployment.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from generator.cfn import verdict
from generator.cfn.packaging import TEMPLATES, PackagedSet
from generator.cfn.templates import Template
from scripts.deployment.aws import Aws, Identity
from scripts.deployment.errors import AwsError, RefusedError

RECORDS = "deployments/"  # prefix of keys
STARTED = "STARTED"  # of a record: whoever watched it did not see its end


@dataclass(frozen=True)
class GateVerdict:
    """The templates that the gate has passed: the digest of each file's bytes by the file's name."""

    passed: Mapping[str, str] = field(hash=False)

    @classmethod
    def beside(cls, templates: Path) -> "GateVerdict":
        """What the gate has written down beside a folder of templates; nothing is passed where it has not."""
        return cls(verdict.read_record(templates.resolve().parent / verdict.FILE).get("templates", {}))

    def check(self, root: Template) -> None:
        """Raises `RefusedError` unless a root and all that it nests are, to the byte, what the gate has passed."""
        templates = [root, *(child.template for child in root.descendants())]
        unknown = sorted({each.file for each in templates if self.passed.get(each.file) != each.digest})
        if unknown:
            reason = f"The gate has not passed {', '.join(unknown)} as it lies here; nothing has happened."
            raise RefusedError(
                reason, "Run `make templates` (`python -m generator --gate`): it renders and checks them."
            )


@dataclass(frozen=True)
class Bucket:
    """The packaging bucket of an application, one for each account and region."""

    name: str
    region: str
    account: str

    @property
    def address(self) -> dict[str, str]:
        """What every call about the bucket says: nobody else's bucket of this name is ever used."""
        return {"Bucket": self.name, "ExpectedBucketOwner": self.account}

    @property
    def url(self) -> str:
        """Where CloudFormation finds it: it takes https addresses of S3 only (API reference, CreateChangeSet)."""
        return f"https://{self.name}.s3.{self.region}.amazonaws.com"

    @classmethod
    def of(cls, application: str, identity: Identity, region: str) -> "Bucket":
        return cls(f"{application}-templates-{identity.account}-{region}", region, identity.account)


def publish(aws: Aws, bucket: Bucket, packaged: Sequence[PackagedSet]) -> int:
    """Uploads what is missing, into a bucket that is created when there is none; returns how many were missing."""
    stored = set()
    if not _prepare(aws, bucket):
        pages = aws.pages("s3", "list_objects_v2", Prefix=TEMPLATES, **bucket.address)
        stored = {entry["Key"] for page in pages for entry in page.get("Contents", ())}
    missing = {each.key: each for templates in packaged for each in templates.templates if each.key not in stored}
    for key, template in missing.items():
        content = template.content
        aws.call("s3", "put_object", Key=key, Body=content, ContentType="application/json", **bucket.address)
    return len(missing)


def _prepare(aws: Aws, bucket: Bucket) -> bool:
    """Creates and configures the bucket; says whether it is new. The policy is set last: where it stands, all does."""
    new = False
    try:
        if json.loads(aws.call("s3", "get_bucket_policy", **bucket.address)["Policy"]) == bucket_policy(bucket.name):
            return False
    except AwsError as error:
        # Codes: S3 API reference, "Error responses".
        if error.code not in ("NoSuchBucket", "NoSuchBucketPolicy"):
            raise
        new = error.code == "NoSuchBucket"
    if new:
        # us-east-1 is no valid LocationConstraint (S3 API reference, CreateBucket).
        constraint = {"CreateBucketConfiguration": {"LocationConstraint": bucket.region}}
        place = {} if bucket.region == "us-east-1" else constraint
        aws.call("s3", "create_bucket", Bucket=bucket.name, ObjectOwnership="BucketOwnerEnforced", **place)
    private = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    aws.call("s3", "put_public_access_block", PublicAccessBlockConfiguration=private, **bucket.address)
    aws.call("s3", "put_bucket_encryption", ServerSideEncryptionConfiguration=encryption, **bucket.address)
    aws.call("s3", "put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"}, **bucket.address)
    aws.call("s3", "put_bucket_policy", Policy=json.dumps(bucket_policy(bucket.name)), **bucket.address)
    return new


def bucket_policy(bucket: str) -> dict[str, Any]:
    """Nothing without TLS. Source: S3 User Guide, "Restrict access to only HTTPS requests"."""
    arn = f"arn:aws:s3:::{bucket}"
    statement = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


# --- where a deployment comes from, and the record of it: neither tags nor parameters, which would change every
# resource with every commit


@dataclass(frozen=True)
class Source:
    """The state of the working tree: `commit` and `branch` as git names them, `tree` is clean, changed or unknown."""

    commit: str = "unknown"
    branch: str = "unknown"
    tree: str = "unknown"

    def __str__(self) -> str:
        return f"commit {self.commit[:12]} ({self.branch}, tree {self.tree})"


@dataclass(frozen=True)
class Record:
    """One deployment as it is written down, at a key of the bucket; the records of a stack sort by time."""

    bucket: Bucket
    key: str
    body: Mapping[str, str] = field(hash=False)

    def write(self, aws: Aws, **changes: str) -> None:
        """Stores it, with `changes` in the place of what it said before."""
        body = json.dumps({**self.body, **changes}, indent=1).encode()
        aws.call("s3", "put_object", Key=self.key, Body=body, ContentType="application/json", **self.bucket.address)


def begin_record(aws: Aws, bucket: Bucket, origin: Source, body: Mapping[str, str]) -> Record:
    """Writes down that a deployment has started: `body` names the stack, the change_set, the plan, the version and
    who deploys."""
    when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    key = f"{RECORDS}{body['stack']}/{when}-{body['change_set']}.json"
    record = Record(bucket, key, {**body, "status": STARTED, **asdict(origin), "when": when})
    record.write(aws)
    return record
