"""Artifacts in the store: the same files are the same bytes, with their rights, under keys of CodePipeline's form."""

from __future__ import annotations

import io
import re
import stat
import zipfile
from pathlib import Path

import pytest

from scripts.rehearsal.artifacts import Artifact, ArtifactStore, shown_path
from tests.support.rehearsal.prepared_aws import aws
from tests.support.rehearsal.releases import Account

NAME, PIPELINE = "BundleOfTheBackend", "a-pipeline-with-a-long-name"


def written(folder: Path) -> dict[str, Path]:
    """Two files, of which one can be executed."""
    files = {"run": folder / "run", "docs/text": folder / "text"}
    for path in files.values():
        path.write_text(path.name, encoding="utf-8")
    files["run"].chmod(0o700)
    files["docs/text"].chmod(0o600)
    return files


def test_the_same_files_are_the_same_bytes(tmp_path: Path) -> None:
    """Whatever their order, their dates and who may read them, so that a digest of the archive says what is in it."""
    account, files = Account(), written(tmp_path)
    store = ArtifactStore(aws(account), "store", "", PIPELINE)
    first = store.put(NAME, files)
    files["docs/text"].chmod(0o644)
    second = store.put(NAME, dict(reversed(files.items())), "own/key")
    bodies = [account.objects[f"store/{artifact.key}"] for artifact in (first, second)]
    assert bodies[0] == bodies[1] and list(bodies[0]) == ["Body"], "S3's own key encrypts"
    assert re.fullmatch(r"a-pipeline-with-a-lo/BundleOfTh/[0-9a-f]{7}", first.key)
    assert second == Artifact(NAME, "own/key", 2, len(bodies[0]["Body"]))
    with zipfile.ZipFile(io.BytesIO(bodies[0]["Body"])) as archive:
        entries = [(entry.filename, entry.external_attr >> 16, entry.date_time) for entry in archive.infolist()]
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_DEFLATED}
    date = (1980, 1, 1, 0, 0, 0)
    assert entries == [("docs/text", 0o100644, date), ("run", 0o100755, date)]


def test_an_artifact_is_encrypted_with_the_key_of_the_store(tmp_path: Path) -> None:
    account = Account()
    artifact = ArtifactStore(aws(account), "store", "key", PIPELINE).put(NAME, written(tmp_path))
    headers = account.objects[f"store/{artifact.key}"]
    assert (headers["ServerSideEncryption"], headers["SSEKMSKeyId"]) == ("aws:kms", "key")


def test_what_was_stored_is_unpacked_with_its_rights(tmp_path: Path) -> None:
    """And an archive that says nothing of them gives files that can be read."""
    account = Account()
    store = ArtifactStore(aws(account), "store", "", PIPELINE)
    store.unpack(store.put(NAME, written(tmp_path)), tmp_path / "new/folder")
    modes = {
        str(path.relative_to(tmp_path / "new/folder")): stat.S_IMODE(path.stat().st_mode)
        for path in (tmp_path / "new/folder").rglob("*")
        if path.is_file()
    }
    assert modes == {"run": 0o755, "docs/text": 0o644}
    assert (tmp_path / "new/folder/docs/text").read_text() == "text"
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w") as archive:
        archive.writestr(zipfile.ZipInfo("plain"), "x")
        archive.infolist()[0].external_attr = 0
    account.objects["store/plain"] = {"Body": plain.getvalue()}
    store.unpack(Artifact("Plain", "plain", 1, 1), tmp_path)
    assert stat.S_IMODE((tmp_path / "plain").stat().st_mode) in (0o600, 0o644)


def test_a_path_is_shown_as_somebody_would_type_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown_path(tmp_path / "last/build.log") == "last/build.log"
    assert shown_path(tmp_path.parent / "other") == str(tmp_path.parent / "other")
