"""The S3 deploy action: the input artifact into a bucket, extracted, with its cache header."""

import mimetypes
import shutil
import tempfile
from pathlib import Path

from scripts.rehearsal.deployed import Action
from scripts.rehearsal.errors import Unsupported
from scripts.rehearsal.stage import Result, Run, World

KNOWN = {"BucketName", "CacheControl", "Extract", "ObjectKey"}


def run(world: World, action: Action, run: Run) -> Result:
    """Uploads every file of the artifact; what was there before stays (action-reference-S3Deploy)."""
    given, role = action.configuration, world.pipeline.role
    if given.get("Extract") != "true" or given.keys() - KNOWN:
        raise Unsupported(f"{action}: only Extract=true with {', '.join(sorted(KNOWN))} is imitated, not {given}")
    world.artifact_store(role, "artifact store", "artifact store with a key")
    world.judge.need(role, "action S3", given)
    folder = Path(tempfile.mkdtemp(dir=world.space))
    world.store.unpack(run.artifacts[action.inputs[0]], folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        key = "/".join(filter(None, (given.get("ObjectKey", "").strip("/"), str(path.relative_to(folder)))))
        cache = {"CacheControl": given["CacheControl"]} if "CacheControl" in given else {}
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        world.aws.call(
            "s3", "put_object", Bucket=given["BucketName"], Key=key, Body=path.read_bytes(), ContentType=kind, **cache
        )
    shutil.rmtree(folder)
    return Result(summary=f"{len(files)} files, Cache-Control: {given.get('CacheControl', 'none')}")
