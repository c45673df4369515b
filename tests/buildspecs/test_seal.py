"""The sealing of what was built: what it hands on, and what it says of it."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from scripts.rehearsal.builds.phases import Outcome
from tests.support.buildspecs.running import COMMIT, Workshop

PROJECT = {"ARTIFACT_BUCKET": "bucket", "RECORDS": "sealed", "FRONTEND_DIRECTORY": "frontend"}
ACTION = {"COMMIT": COMMIT, "EXECUTION": "run", "CODEBUILD_BUILD_ID": "seal:0a1b"}


def seal(empty: Workshop, sealed: str, source: Path | None = None) -> Outcome:
    """Seals what lies in the workspace; `source` is the folder of the commit, which a page has besides."""
    empty.machine.answer("s3api put-object", {"ETag": "0"})
    more = {"CODEBUILD_SRC_DIR_SourceOutput": str(source)} if source else {}
    return empty.build("seal", {**PROJECT, **ACTION, **more, "SEALED": sealed})


def stored(empty: Workshop) -> dict[str, Any]:
    """The documents that were stored, by their keys."""
    return {key: json.loads(body) for key, body in empty.machine.stored().items()}


def locked(folder: Path, body: object, place: str = "frontend") -> Path:
    """A commit with a lock file."""
    file = folder / "commit" / place / "package-lock.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(body))
    return folder / "commit"


def test_an_artifact_is_sealed_as_it_is_and_nothing_of_it_runs(empty: Workshop) -> None:
    """Hidden folders with it; programs, modules and a buildspec in it are files as any other."""
    files = (
        "app/main.py",
        ".ebextensions/01.config",
        "Procfile",
        "buildspec.yml",
        "find",
        "json.py",
        "sitecustomize.py",
    )
    for name in files:
        empty.write(name, "#!/bin/sh\nexit 1\n")
        (empty.source / name).chmod(0o755)
    outcome = seal(empty, "SealedBundle")
    assert outcome.succeeded, outcome.log
    assert outcome.result_lines()[-1] == "RESULT sealed: 7 files, which no build can write any more"
    assert set(outcome.artifacts[""]) == set(files)
    assert {path.read_text() for path in outcome.artifacts[""].values()} == {"#!/bin/sh\nexit 1\n"}


def test_the_documents_about_a_bundle_are_stored_and_named_by_their_checksums(empty: Workshop) -> None:
    empty.write("app/main.py", "pass\n")
    empty.write(
        "requirements.txt",
        "# comment\n--index-url https://user:secret@host/simple\nFastAPI[all]==0.115.0 ; python_version > '3'\n"
        "boto3>=1.35,<2  # newest\nplain\nprivate @ https://user:secret@host/private.whl\n"
        "pinned===1.0 \\\n    --hash=sha256:00\n",
    )
    outcome = seal(empty, "SealedBundle")
    assert outcome.succeeded, outcome.log
    documents = stored(empty)
    bom, provenance = (documents[f"sealed/SealedBundle/run.{kind}.json"] for kind in ("cdx", "provenance"))
    # The lifecycle says what is asked for, not what is installed.
    subject = {"type": "application", "bom-ref": "SealedBundle", "name": "SealedBundle", "version": COMMIT}
    assert {name: value for name, value in bom.items() if name != "components"} == {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": subject, "lifecycles": [{"phase": "pre-build"}]},
    }
    fastapi = "pkg:pypi/fastapi@0.115.0"
    named = {"type": "library", "bom-ref": fastapi, "purl": fastapi, "name": "fastapi", "version": "0.115.0"}
    assert bom["components"][1] == named
    assert [(entry["purl"], entry.get("properties")) for entry in bom["components"]] == [
        ("pkg:pypi/boto3", [{"name": "requirement", "value": ">=1.35,<2"}]),
        ("pkg:pypi/fastapi@0.115.0", None),
        ("pkg:pypi/pinned@1.0", None),
        ("pkg:pypi/plain", None),
        ("pkg:pypi/private", None),
    ]
    assert "secret" not in json.dumps(documents)
    assert provenance == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": name, "digest": {"sha256": hashlib.sha256((empty.source / name).read_bytes()).hexdigest()}}
            for name in ("app/main.py", "requirements.txt")
        ],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:delivery:buildspecs:seal:1",
                "externalParameters": {"commit": COMMIT},
                "internalParameters": {"execution": "run"},
                "resolvedDependencies": [{"name": "source", "digest": {"gitCommit": COMMIT}}],
            },
            "runDetails": {"builder": {"id": "urn:delivery:codebuild:seal"}, "metadata": {"invocationId": "seal:0a1b"}},
        },
    }
    for kind, content in zip(("SBOM", "PROVENANCE"), empty.machine.stored().values(), strict=True):
        assert f"{outcome.variables[kind]} {hashlib.sha256(content.encode()).hexdigest()}" in outcome.log
    assert outcome.variables["SBOM"] == "s3://bucket/sealed/SealedBundle/run.cdx.json"
    assert set(outcome.artifacts[""]) == {"app/main.py", "requirements.txt"}, "no document is deployed"


def test_a_link_is_no_part_of_what_is_sealed(empty: Workshop, tmp_path: Path) -> None:
    """It may lead to a file of the machine that builds."""
    empty.write("app/main.py", "pass\n")
    (tmp_path / "outside.txt").write_text("outside\n")
    (empty.source / "link.txt").symlink_to(tmp_path / "outside.txt")
    (empty.source / "dangling").symlink_to(tmp_path / "nowhere")
    outcome = seal(empty, "SealedBundle")
    assert outcome.succeeded, outcome.log
    assert outcome.result_lines()[-1] == "RESULT sealed: 1 files, which no build can write any more"
    [provenance] = stored(empty).values()
    assert [entry["name"] for entry in provenance["subject"]] == ["app/main.py"]


ENTRY = {"version": "18.3.1", "resolved": "https://registry.npmjs.org/react/-/react-18.3.1.tgz"}
LOCK = {
    "lockfileVersion": 3,
    "packages": {
        "": {"name": "page", "version": "1.0.0"},
        "node_modules/react": {**ENTRY, "integrity": "sha1-abc sha1-notahash sha512-" + "A" * 86 + "=="},
        "node_modules/a/node_modules/react": {"version": "17.0.0", "dev": True},
        "node_modules/@scope/name": {
            "version": "2.0.0",
            "resolved": "https://registry.npmjs.org/@scope/name/-/name-2.0.0.tgz",
            "optional": True,
        },
        "node_modules/alias": {"name": "real", "version": "1.0.0", "resolved": "https://u:secret@host/real.tgz"},
        "node_modules/local": {"resolved": "tools/local", "link": True},
        "tools/local": {"name": "local", "version": "0.1.0"},
    },
}


@pytest.mark.parametrize(("sealed", "place"), [("SealedAssets", "frontend"), ("SealedDocuments", "")])
def test_a_page_is_made_of_what_its_lock_file_names(empty: Workshop, tmp_path: Path, sealed: str, place: str) -> None:
    """The lock file of the commit, beside the page or above it: a file of the build's could say anything."""
    empty.write("index.html", "<html>")
    empty.write("package-lock.json", json.dumps({"packages": {"node_modules/planted": {"version": "1.0.0"}}}))
    outcome = seal(empty, sealed, locked(tmp_path, LOCK, place))
    assert outcome.succeeded, outcome.log
    bom = stored(empty)[f"sealed/{sealed}/run.cdx.json"]
    components = {entry["purl"]: entry for entry in bom["components"]}
    assert list(components) == [
        "pkg:npm/%40scope/name@2.0.0",
        "pkg:npm/local@0.1.0",
        "pkg:npm/react@17.0.0",
        "pkg:npm/react@18.3.1",
        "pkg:npm/real@1.0.0",
    ]
    react = components["pkg:npm/react@18.3.1"]
    assert react["hashes"] == [{"alg": "SHA-512", "content": "0" * 128}]
    assert react["externalReferences"] == [{"type": "distribution", "url": ENTRY["resolved"]}]
    assert components["pkg:npm/%40scope/name@2.0.0"]["scope"] == "optional"
    assert "externalReferences" in components["pkg:npm/%40scope/name@2.0.0"]
    assert "secret" not in json.dumps(bom)
    lock = "/".join(filter(None, (place, "package-lock.json")))
    assert f"RESULT bill of materials: 5 packages of {lock}, s3://bucket/sealed/{sealed}/run.cdx.json" in outcome.log


def test_the_bills_are_valid_by_the_schema_of_cyclonedx(empty: Workshop, tmp_path: Path) -> None:
    validation = pytest.importorskip("cyclonedx.validation.json")
    version = pytest.importorskip("cyclonedx.schema").SchemaVersion.V1_6
    empty.write("requirements.txt", "fastapi==0.115.0\nboto3>=1.35\nplain\n")
    assert seal(empty, "SealedBundle").succeeded
    assert seal(empty, "SealedAssets", locked(tmp_path, LOCK)).succeeded
    bills = [content for key, content in empty.machine.stored().items() if key.endswith(".cdx.json")]
    assert len(bills) == 2
    for bill in bills:
        assert validation.JsonStrictValidator(version).validate_str(bill) is None


def test_an_older_lock_file_is_read(empty: Workshop, tmp_path: Path) -> None:
    empty.write("index.html", "<html>")
    inner = {"b": {"version": "2.0.0"}}
    older = {"lockfileVersion": 1, "dependencies": {"a": {"version": "1.0.0", "dependencies": inner}}}
    assert seal(empty, "SealedAssets", locked(tmp_path, older)).succeeded
    bom = stored(empty)["sealed/SealedAssets/run.cdx.json"]
    assert [entry["purl"] for entry in bom["components"]] == ["pkg:npm/a@1.0.0", "pkg:npm/b@2.0.0"]


@pytest.mark.parametrize(
    ("sealed", "why"),
    [
        ("SealedBundle", "the bundle has no requirements.txt"),
        ("SealedAssets", "the page has no package-lock.json, and lock files of other package managers are not read"),
    ],
)
def test_what_is_not_known_is_said_and_no_empty_bill_is_stored(
    empty: Workshop, tmp_path: Path, sealed: str, why: str
) -> None:
    empty.write("index.html", "<html>")
    (tmp_path / "package-lock.json").write_text("{}")  # outside of the commit
    (tmp_path / "commit/frontend").mkdir(parents=True)
    (tmp_path / "commit/frontend/package-lock.json").symlink_to(tmp_path / "package-lock.json")
    outcome = seal(empty, sealed, None if sealed == "SealedBundle" else tmp_path / "commit")
    assert outcome.succeeded, outcome.log
    assert outcome.result_lines()[0] == f"RESULT bill of materials: NONE, {why}"
    place = f"s3://bucket/sealed/{sealed}/run.provenance.json"
    assert (outcome.variables["SBOM"], outcome.variables["PROVENANCE"]) == ("NONE", place)
    assert list(stored(empty)) == [f"sealed/{sealed}/run.provenance.json"]


@pytest.mark.parametrize("content", ["[", "[]", '{"packages": []}', '{"packages": {"a": 1}}'])
def test_a_lock_file_that_cannot_be_read_stops_the_release(empty: Workshop, tmp_path: Path, content: str) -> None:
    commit = locked(tmp_path, {})
    (commit / "frontend/package-lock.json").write_text(content)
    empty.write("index.html", "<html>")
    outcome = seal(empty, "SealedAssets", commit)
    assert not outcome.succeeded and "ERROR frontend/package-lock.json cannot be read" in outcome.log
    assert not outcome.artifacts


def test_what_cannot_be_stored_stops_the_release(empty: Workshop) -> None:
    empty.write("Procfile", "web: true")
    empty.machine.answer("s3api put-object", status=254, error="AccessDenied")
    outcome = empty.build("seal", {**PROJECT, **ACTION, "SEALED": "SealedBundle"})
    assert not outcome.succeeded and "AccessDenied" in outcome.log
