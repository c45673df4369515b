"""Where a deployment comes from, and what is written down about it: neither tags nor parameters, which would change
every resource with every commit, but the change set's description and a record in the packaging bucket."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from scripts import git
from scripts.deployment.author import Author
from scripts.deployment.aws import Aws, Identity
from scripts.deployment.plan import Plan

PREFIX = "deployments/"
STARTED = "STARTED"


@dataclass(frozen=True)
class Source:
    """The state of the working tree: `commit` and `branch` as git names them, `tree` is clean, changed or unknown."""

    commit: str
    branch: str
    tree: str

    def __str__(self) -> str:
        return f"commit {self.commit[:12]} ({self.branch}, tree {self.tree})"


def source(folder: Path) -> Source:
    """What git says about `folder`; everything is unknown outside a repository."""
    try:
        state = git.state(folder)
    except git.GitError:
        return Source("unknown", "unknown", "unknown")
    return Source(state.commit or "none", state.branch or "(detached)", "changed" if state.changed else "clean")


def describe(origin: Source, version: str, digest: str, by: Author) -> str:
    """The description of a change set, at most the 1,024 characters that botocore's model allows."""
    return f"{by}; {origin}; set {version}; plan {digest[:16]}"[:1024]


@dataclass(frozen=True)
class Record:
    """One deployment as it is written down."""

    bucket: str
    account: str
    key: str
    body: Mapping[str, str] = field(hash=False)

    def write(self, aws: Aws, **more: str) -> None:
        """Stores it, with `more` in the place of what it said before."""
        aws.call(
            "s3",
            "put_object",
            Bucket=self.bucket,
            ExpectedBucketOwner=self.account,
            Key=self.key,
            Body=json.dumps({**self.body, **more}, indent=1).encode(),
            ContentType="application/json",
        )


def begin(aws: Aws, bucket: str, identity: Identity, origin: Source, version: str, planned: Plan) -> Record:
    """Writes down that a deployment has started; the records of a stack sort by time. One that stays `STARTED` was
    watched to its end by nobody."""
    when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {
        "stack": planned.stack,
        "status": STARTED,
        "change_set": planned.name,
        "plan": planned.digest,
        **asdict(origin),
        "version": version,
        "who": identity.arn,
        "when": when,
    }
    made = Record(bucket, identity.account, f"{PREFIX}{planned.stack}/{when}-{planned.name}.json", body)
    made.write(aws)
    return made


def find(aws: Aws, bucket: str, identity: Identity, stack: str, name: str) -> Record | None:
    """The record of a deployment that another run started; `name` is its change set's."""
    own = {"Bucket": bucket, "ExpectedBucketOwner": identity.account}
    for page in aws.pages("s3", "list_objects_v2", Prefix=f"{PREFIX}{stack}/", **own):
        for entry in page.get("Contents", ()):
            if entry["Key"].endswith(f"-{name}.json"):
                body = json.loads(aws.call("s3", "get_object", Key=entry["Key"], **own)["Body"].read())
                return Record(bucket, identity.account, entry["Key"], body)
    return None
