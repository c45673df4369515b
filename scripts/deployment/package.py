"""What goes into the packaging bucket: templates that the gate has passed, under keys made of their content, so that a
key never changes its meaning; and a record of every deployment.

No name is believed: whoever can write to the bucket could put another template under one. What is stored is verified by
its checksum before it is used, and what CloudFormation has taken is read back from it (`verify`).
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from generator.cfn import verdict
from generator.cfn.changes import PlannedChange
from generator.cfn.names import RECORDS
from generator.cfn.packaging import Bucket, Packaged, PackagedSet, bucket_policy, first_difference, parse
from generator.cfn.quotas import TEMPLATE_BYTES
from generator.cfn.templates import STACK, Body, Template
from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError, RefusedError, TemplateMismatchError
from scripts.deployment.plan import Plan

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
            remedy = "Run `make templates` (`python -m generator --gate`): it renders and checks them."
            raise RefusedError(reason, remedy)


def publish(aws: Aws, bucket: Bucket, packaged: PackagedSet) -> None:
    """Uploads what is missing, into a bucket that is created when there is none, and verifies what is there. Raises
    `TemplateMismatchError`."""
    prepare(aws, bucket)
    prefix = packaged.root.key.rpartition("/")[0]
    pages = aws.pages("s3", "list_objects_v2", Prefix=f"{prefix}/", **bucket.address)
    stored = {entry["Key"] for page in pages for entry in page.get("Contents", ())}
    for template in (each for each in packaged.templates if each.key not in stored):
        try:
            # Never over what is there; S3 computes the checksum, too, and keeps it (API reference, PutObject).
            new = {"IfNoneMatch": "*", "ChecksumSHA256": template.checksum, "ContentType": "application/json"}
            aws.call("s3", "put_object", Key=template.key, Body=template.content, **new, **bucket.address)
        except AwsError as error:
            # Somebody was faster, or our own call was sent again (S3 user guide, "Conditional writes").
            if error.code not in ("PreconditionFailed", "ConditionalRequestConflict"):
                raise
            verify_stored(aws, bucket, template)
    aws.at_once(partial(verify_stored, aws, bucket), [each for each in packaged.templates if each.key in stored])


def verify_stored(aws: Aws, bucket: Bucket, template: Packaged) -> None:
    """Raises `TemplateMismatchError` unless the bucket holds exactly this template. What is not there is looked for
    again: for 15 minutes after versions are turned on, a new object may be missing now and then (S3 user guide)."""
    names, where = {"Key": template.key, **bucket.address}, f"s3://{bucket.name}/{template.key}"
    for pause in (1, 2, 4, 8, 15, 0):
        try:
            stored = aws.call("s3", "head_object", ChecksumMode="ENABLED", **names)
            break
        except AwsError as error:
            if error.code != "404":  # a HEAD has no body that could name the error (S3 API reference, HeadObject)
                raise
            if not pause:
                raise TemplateMismatchError(where, "it is gone") from error
        time.sleep(pause)
    if stored.get("ChecksumSHA256") != template.checksum:
        # Another layout of the same content is fine; what is longer than CloudFormation takes is none of ours.
        text = aws.call("s3", "get_object", **names)["Body"].read(TEMPLATE_BYTES + 1).decode(errors="replace")
        check(where, template.body, text)


# What CloudFormation has taken for a stack: its path, its change set, the template that was packaged, its changes.
Taken = tuple[tuple[str, ...], str, Packaged, Sequence[PlannedChange]]


def verify(aws: Aws, plan: Plan, packaged: PackagedSet) -> None:
    """Raises `TemplateMismatchError` unless the change set of a plan holds the root of `packaged`, and each nested one
    what the root nests there."""
    level: list[Taken] = [((plan.stack,), plan.change_set, packaged.root, plan.changes)]
    while level:
        texts = aws.at_once(lambda taken: read_text(aws, ChangeSetName=taken[1]), level)
        for (path, _, template, _), text in zip(level, texts, strict=True):
            check(" > ".join(path), template.body, text)
        # What a template nests is looked up only in one that is ours.
        level = [below for taken in level for below in _nested(packaged, taken)]


def _nested(packaged: PackagedSet, taken: Taken) -> Iterator[Taken]:
    path, _, template, changes = taken
    for change in changes:
        # What goes is not made from a template of ours, and one in which nothing changes is not executed.
        if change.type == STACK and change.action != "Remove" and not (change.nested and not change.change_set):
            below = (*path, change.path[-1])
            nested = packaged.nested(template.body["Resources"][change.path[-1]]["Properties"]["TemplateURL"])
            if nested is None or not change.change_set:
                raise TemplateMismatchError(" > ".join(below), "CloudFormation shows no change set of it")
            yield below, change.change_set, nested, change.children


def check(where: str, body: Body, text: str) -> None:
    """Raises `TemplateMismatchError` unless a text is the template `body`; `where` is what holds it."""
    try:
        difference = first_difference(body, parse(text))
    except ValueError as error:
        difference = f"it cannot be read: {error}"
    if difference:
        raise TemplateMismatchError(where, difference)


def read_text(aws: Aws, **names: str) -> str:
    """The template of a stack or change set as it was handed in. Of a change set that is named by its ARN, a nested one
    too, no stack has to be named (API reference, GetTemplate)."""
    return str(aws.call("cloudformation", "get_template", TemplateStage="Original", **names)["TemplateBody"])


def prepare(aws: Aws, bucket: Bucket) -> None:
    """Creates and configures the bucket. The policy is set last: where it stands, all does. Raises `RefusedError` for a
    caller who may not, as no deploy role may: the bucket is shared by all environments."""
    new = False
    try:
        if json.loads(aws.call("s3", "get_bucket_policy", **bucket.address)["Policy"]) == bucket_policy(bucket.name):
            return
    except AwsError as error:
        # Codes: S3 API reference, "Error responses".
        if error.code not in ("NoSuchBucket", "NoSuchBucketPolicy"):
            raise
        new = error.code == "NoSuchBucket"
    try:
        _configure(aws, bucket, new)
    except AwsError as error:
        if error.code != "AccessDenied":
            raise
        what = "does not exist" if new else "does not have the policy that protects the templates"
        reason = f"The packaging bucket {bucket.name} {what}, and you may not change that ({error.message})."
        raise RefusedError(reason, "An administrator runs `access` for the environment, which prepares it.") from error


def _configure(aws: Aws, bucket: Bucket, new: bool) -> None:
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


# --- the record of a deployment: neither tags nor parameters, which would change every resource with every commit


@dataclass(frozen=True)
class Record:
    """One deployment as it is written down, at a key of the bucket; the records of a stack sort by time."""

    bucket: Bucket
    key: str
    body: Mapping[str, str] = field(hash=False)

    @classmethod
    def begin(cls, aws: Aws, bucket: Bucket, origin: Mapping[str, str], plan: Plan, version: str) -> "Record":
        """That the execution of a plan starts now; `origin` is where the files come from, `version` that of the set."""
        when, who = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), aws.identity().arn
        names = {"stack": plan.stack, "change_set": plan.name, "plan": plan.digest, "version": version, "who": who}
        body = {**names, "status": STARTED, **origin, "when": when}
        return cls(bucket, f"{RECORDS}{plan.stack}/{when}-{plan.name}.json", body)

    def write(self, aws: Aws, **changes: str) -> None:
        """Stores it, with `changes` in the place of what it said before."""
        body = json.dumps({**self.body, **changes}, indent=1).encode()
        aws.call("s3", "put_object", Key=self.key, Body=body, ContentType="application/json", **self.bucket.address)
