"""Deleting data: buckets and registries that outlive their stack, only when a person has named them.

The deploy role has no permission for any of this: somebody with more rights does it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from generator.cfn.stacks import StackResource
from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError, ManualActionRequiredError, UsageError
from scripts.operations.diagnose.history import steps

BUCKET, REGISTRY = "AWS::S3::Bucket", "AWS::ECR::Repository"
BATCH = 100  # images in one call (ECR API reference, BatchDeleteImage)
TRIES = 3  # logs may still be on their way into a bucket that was just emptied

Say = Callable[[str], None]


@dataclass(frozen=True)
class Emptied:
    """What was removed, with how many objects or images were in it; `gone` when somebody else had removed it."""

    resource: StackResource
    count: int
    gone: bool = False


def named(left: Iterable[StackResource], buckets: bool, registry: bool, names: Iterable[str]) -> list[StackResource]:
    """What a person wants to be emptied: all buckets, the registry, or single ones by path or physical id. Raises
    `UsageError` for a name that is none of them."""
    can = [resource for resource in left if resource.type in (BUCKET, REGISTRY)]
    chosen = [
        resource
        for resource in can
        if (buckets and resource.type == BUCKET) or (registry and resource.type == REGISTRY)
    ]
    for name in names:
        matches = [resource for resource in can if name == resource.physical_id or steps(name) == resource.path]
        if not matches:
            valid = ", ".join(sorted(".".join(resource.path) for resource in can)) or "nothing"
            raise UsageError(f'"{name}" cannot be emptied.', f"Valid names: {valid}.")
        chosen += [resource for resource in matches if resource not in chosen]
    return chosen


def empty(aws: Aws, resource: StackResource, owner: str, say: Say) -> Emptied:
    """Empties a bucket or registry of the account `owner` and removes it: it was to be gone."""
    return _bucket(aws, resource, owner, say) if resource.type == BUCKET else _registry(aws, resource, owner, say)


def _bucket(aws: Aws, resource: StackResource, owner: str, say: Say) -> Emptied:
    own, count = {"Bucket": resource.physical_id, "ExpectedBucketOwner": owner}, 0
    try:
        for _ in range(TRIES):
            count = _objects(aws, own, count, lambda number: say(f"{resource}: {number} versions removed"))
            try:
                aws.call("s3", "delete_bucket", **own)
                return Emptied(resource, count)
            except AwsError as error:
                # Codes: S3 API reference, "Error responses".
                if error.code != "BucketNotEmpty":
                    raise
    except AwsError as error:
        if error.code == "NoSuchBucket":
            return Emptied(resource, count, gone=True)
        raise
    raise ManualActionRequiredError(
        f"{resource.physical_id} fills up faster than it is emptied.", "Run `destroy` again in an hour."
    )


def _objects(aws: Aws, own: dict[str, str], count: int, say: Callable[[int], None]) -> int:
    """Removes every version and delete marker, a page of a thousand at a time, always the first."""
    while True:
        page = aws.call("s3", "list_object_versions", **own)
        batch = [
            {"Key": version["Key"], "VersionId": version["VersionId"]}
            for version in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
        ]
        if not batch:
            return count
        answer = aws.call("s3", "delete_objects", Delete={"Objects": batch, "Quiet": True}, **own)
        if errors := answer.get("Errors"):
            first = errors[0]
            raise ManualActionRequiredError(
                f"{first.get('Key')} of {own['Bucket']} cannot be deleted: {first.get('Code')}: {first.get('Message')}",
                "Remove what keeps it, and run `destroy` again.",
            )
        count += len(batch)
        say(count)


def _registry(aws: Aws, resource: StackResource, owner: str, say: Say) -> Emptied:
    own, count = {"registryId": owner, "repositoryName": resource.physical_id}, 0
    try:
        while images := aws.call("ecr", "list_images", maxResults=BATCH, **own).get("imageIds"):
            # By digest: an image goes with its last tag, and one tag may share it with another.
            digests = [{"imageDigest": digest} for digest in dict.fromkeys(image["imageDigest"] for image in images)]
            answer = aws.call("ecr", "batch_delete_image", imageIds=digests, **own)
            failures = answer.get("failures", ())
            # An image that a list of images refers to goes in a later round, after the list.
            if len(failures) == len(digests):
                raise ManualActionRequiredError(
                    f"An image of {resource.physical_id} cannot be deleted: {failures[0]['failureReason']}"
                )
            count += len(digests) - len(failures)
            say(f"{resource}: {count} images removed")
        aws.call("ecr", "delete_repository", **own)
    except AwsError as error:
        # Code: `RepositoryNotFoundException` in botocore's model of ECR.
        if error.code != "RepositoryNotFoundException":
            raise
        return Emptied(resource, count, gone=True)
    return Emptied(resource, count)
