"""The artifacts of a release in the pipeline's artifact store, encrypted as the pipeline says."""

import io
import secrets
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.deployment.aws import Aws

# The earliest date that zip can hold: the same files give the same bytes.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Artifact:
    """One artifact: its name in the pipeline, its S3 key, how many files and bytes it has."""

    name: str
    key: str
    files: int
    bytes: int


@dataclass(frozen=True)
class ArtifactStore:
    """The artifact store of a pipeline; `key` is empty where S3's own key encrypts."""

    aws: Aws
    bucket: str
    key: str
    pipeline: str

    def key_of(self, name: str) -> str:
        """A new key of CodePipeline's form for an artifact."""
        return f"{self.pipeline[:20]}/{key_part(name)}/{secrets.token_hex(4)[:7]}"

    def put(self, name: str, files: Mapping[str, Path], key: str = "") -> Artifact:
        """Stores files, by their path inside the artifact, under a key, a new one unless given."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, file in sorted(files.items()):
                entry = zipfile.ZipInfo(path, ZIP_DATE)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = (0o100755 if file.stat().st_mode & 0o100 else 0o100644) << 16
                archive.writestr(entry, file.read_bytes())
        body = buffer.getvalue()
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.key} if self.key else {}
        key = key or self.key_of(name)
        self.aws.call("s3", "put_object", Bucket=self.bucket, Key=key, Body=body, **encryption)
        return Artifact(name, key, len(files), len(body))

    def unpack(self, artifact: Artifact, folder: Path) -> None:
        """Writes the files of an artifact into a folder."""
        unpack(self.aws, self.bucket, artifact.key, folder)


def key_part(artifact: str) -> str:
    """What stands in the keys of an artifact for its name."""
    return artifact[:10]


def unpack(aws: Aws, bucket: str, key: str, folder: Path) -> None:
    """Writes the files of a zip archive in a bucket into a folder, with their permissions."""
    body = aws.call("s3", "get_object", Bucket=bucket, Key=key)["Body"].read()
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        for entry in archive.infolist():
            path = Path(archive.extract(entry, folder))
            if path.is_file():
                path.chmod((entry.external_attr >> 16) & 0o777 or 0o644)


def shown_path(path: Path) -> str:
    """A path as somebody in the current folder would type it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
