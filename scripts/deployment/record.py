"""Where a deployment comes from, and what is written down about it: neither tags nor parameters, which would change
every resource with every commit, but the change set's description and a record in the packaging bucket."""

import json
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from scripts.deployment.aws import Aws, Identity
from scripts.deployment.execute import Outcome
from scripts.deployment.plan import Plan

PREFIX = "deployments/"


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
    command = ["git", "-C", str(folder), "status", "--porcelain=v2", "--branch"]
    try:
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        return Source("unknown", "unknown", "unknown")
    head = dict(line.removeprefix("# branch.").split(" ", 1) for line in lines if line.startswith("# branch."))
    changed = any(not line.startswith("#") for line in lines)
    return Source(head["oid"], head["head"], "changed" if changed else "clean")


def describe(origin: Source, version: str, digest: str) -> str:
    """The description of a change set, at most the 1,024 characters that botocore's model allows."""
    return f"{origin}; set {version}; plan {digest[:16]}"[:1024]


def write(
    aws: Aws, bucket: str, identity: Identity, outcome: Outcome, origin: Source, version: str, planned: Plan
) -> None:
    """Writes down one deployment that happened, however it ended; the records of a stack sort by time."""
    when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    record = {
        "stack": outcome.stack,
        "status": outcome.status,
        "change_set": planned.name,
        "plan": planned.digest,
        **asdict(origin),
        "version": version,
        "who": identity.arn,
        "when": when,
    }
    aws.call(
        "s3",
        "put_object",
        Bucket=bucket,
        ExpectedBucketOwner=identity.account,
        Key=f"{PREFIX}{outcome.stack}/{when}-{planned.name}.json",
        Body=json.dumps(record, indent=1).encode(),
        ContentType="application/json",
    )
