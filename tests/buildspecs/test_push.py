"""The push of the image: what it believes, what it records, what it refuses."""

import io
import json
import re
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.session import get_session
from botocore.stub import Stubber
from botocore.validate import ParamValidator

from scripts.rehearsal.builds.phases import Outcome
from tests.support.buildspecs.releases import changed_after
from tests.support.buildspecs.running import COMMIT, REPOSITORY, Workshop

TAG = COMMIT[:12]
OURS, PLANTED = f"sha256:{'0123' * 16}", f"sha256:{'dead' * 16}"
HOST, _, NAME = REPOSITORY.partition("/")
BUILD = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"


ENDS = {"sbom": "cdx", "provenance": "provenance"}


def stored(digest: str = "") -> dict[str, Any]:
    """What the registry answers about a tag, with an image or without one."""
    return {"images": [{"imageId": {"imageDigest": digest}}] if digest else [], "failures": []}


def packed(files: Mapping[str, bytes | None]) -> bytes:
    """Files as the bytes of a tar archive; what has no content is a folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as members:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            if content is None:
                member.type = tarfile.DIRTYPE
                members.addfile(member)
                continue
            member.size = len(content)
            members.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def archive(
    file: Path, names: tuple[str, ...] | None = ("release:built",), layers: tuple[dict[str, str], ...] = ()
) -> None:
    """Writes an archive of an image as `docker save` does, with the files of its layers."""
    contents = [packed({name: text.encode() for name, text in layer.items()}) for layer in layers]
    blobs = {f"blobs/sha256/{number}": content for number, content in enumerate(contents)}
    manifest = [{"Config": "blobs/sha256/0", "RepoTags": list(names) if names else None, "Layers": list(blobs)}]
    file.write_bytes(packed({**blobs, "manifest.json": json.dumps(manifest).encode()}))


PROJECT = {
    "REPOSITORY_URI": REPOSITORY,
    "CONTAINER_NAME": "backend",
    "ARTIFACT_BUCKET": "bucket",
    "RECORDS": "images",
    "SCAN_FINDINGS_BLOCK": "NONE",
    "ACCEPTED_FINDINGS": "",
    "SIGNING_PROFILE": "",
}
ACTION = {"COMMIT": COMMIT, "EXECUTION": "run", "CODEBUILD_BUILD_ID": f"push:{BUILD}"}


def push(
    empty: Workshop,
    there: str = "",
    known: str = "",
    layers: tuple[dict[str, str], ...] = (),
    documents: dict[str, Any] | None = None,
    **variables: str,
) -> Outcome:
    """Pushes where the commit's tag is `there` with a digest, and `known` is what the record of the tag says, with the
    `documents` that it names; records of earlier versions named none."""
    machine, key = empty.machine, f"images/{TAG}.json"
    archive(empty.source / "release-image.tar", layers=layers)
    machine.answer("ecr get-login-password", "the-password")
    machine.answer("ecr batch-get-image", stored(there))
    machine.answer("docker push", {"ecr batch-get-image": stored(OURS)})
    machine.answer("s3api list-objects-v2", {"Contents": [{"Key": key}]} if known else {})
    named = {} if documents is None else {"documents": documents}
    machine.answer("s3api get-object", json.dumps({"digest": known, **named}))
    machine.answer("s3api put-object", {"ETag": "0"})
    return empty.build("push", {**PROJECT, **ACTION, **variables})


def test_an_image_that_was_recorded_keeps_its_documents(empty: Workshop) -> None:
    """What a release is documented with is named by each release of it, not by the first one alone."""
    documents = {name: {"key": f"images/x.{end}.json", "sha256": "4567" * 16} for name, end in ENDS.items()}
    outcome = push(empty, there=OURS, known=OURS, documents=documents)
    assert outcome.succeeded and not empty.machine.calls("docker", "push"), outcome.log
    named = {"SBOM": "s3://bucket/images/x.cdx.json", "PROVENANCE": "s3://bucket/images/x.provenance.json"}
    assert outcome.variables == {"IMAGE": f"{REPOSITORY}@{OURS}", **named}


def deployed(outcome: Outcome) -> list[dict[str, str]]:
    return list(json.loads(outcome.artifacts[""]["imagedefinitions.json"].read_text()))


def test_the_image_is_pushed_recorded_and_named_by_its_digest(empty: Workshop) -> None:
    outcome = push(empty, layers=LAYERS)
    assert outcome.succeeded, outcome.log
    assert [line.split(" s3://")[0] for line in outcome.result_lines()] == [
        "RESULT bill of materials: 3 packages,",
        "RESULT provenance:",
        f"RESULT image: pushed {REPOSITORY}:{TAG}, {OURS}",
        "RESULT scan: NONE, the scan is not looked at (SCAN_FINDINGS_BLOCK=NONE)",
        "RESULT signature: NONE, images are not signed (ImageSigning of `shared`)",
    ]
    assert deployed(outcome) == [{"name": "backend", "imageUri": f"{REPOSITORY}@{OURS}"}]
    places = {name: f"s3://bucket/images/{'0123' * 16}.{end}.json" for name, end in ENDS.items()}
    named = {"SBOM": places["sbom"], "PROVENANCE": places["provenance"]}
    assert outcome.variables == {"IMAGE": f"{REPOSITORY}@{OURS}", **named}
    assert [call[1:] for call in empty.machine.calls("docker")] == [
        ["login", "--username", "AWS", "--password-stdin", HOST],
        ["load", "--input", "release-image.tar"],
        ["tag", "release:built", f"{REPOSITORY}:{TAG}"],
        ["push", f"{REPOSITORY}:{TAG}"],
    ]
    *_, put = empty.machine.calls("aws", "s3api", "put-object")
    assert put[3:] == ["--bucket", "bucket", "--key", f"images/{TAG}.json", "--body", "release-record.json"]
    record = json.loads((empty.source / "release-record.json").read_text())
    documents = record.pop("documents")
    assert record == {"digest": OURS, "commit": COMMIT, "execution": "run"}
    keys = [f"images/{'0123' * 16}.cdx.json", f"images/{'0123' * 16}.provenance.json"]
    assert [documents[name]["key"] for name in ("sbom", "provenance")] == keys
    assert all(re.fullmatch("[0-9a-f]{64}", document["sha256"]) for document in documents.values())
    assert json.loads(outcome.artifacts[""]["documents.json"].read_text()) == {
        "image": f"{REPOSITORY}@{OURS}",
        "documents": {name: {"uri": uri, "sha256": documents[name]["sha256"]} for name, uri in places.items()},
    }
    assert "the-password" not in outcome.log


def test_an_image_that_was_recorded_is_kept(empty: Workshop) -> None:
    """A retried stage, or the same commit once more: immutable tags cannot be pushed twice."""
    outcome = push(empty, there=OURS, known=OURS)
    assert outcome.succeeded, outcome.log
    assert (outcome.variables["SBOM"], outcome.variables["PROVENANCE"]) == ("NONE", "NONE"), "its record has none"
    assert f"RESULT image: {REPOSITORY}:{TAG} is already there and kept, {OURS}" in outcome.result_lines()
    assert deployed(outcome)[0]["imageUri"] == f"{REPOSITORY}@{OURS}"
    assert [call[1] for call in empty.machine.calls("docker")] == ["login"]


@pytest.mark.parametrize(
    ("known", "why"),
    [("", "no record says that it was pushed here"), (OURS, f"the record says {OURS}")],
    ids=["unknown", "another"],
)
def test_a_planted_tag_is_not_believed(empty: Workshop, known: str, why: str) -> None:
    """Somebody has pushed an image under this commit's tag before its build: what is deployed is what was built."""
    outcome = push(empty, there=PLANTED, known=known)
    assert outcome.succeeded, outcome.log
    own = f"{TAG}-{BUILD[:13]}"
    assert f"WARNING image: {REPOSITORY}:{TAG} is there as {PLANTED}, and {why}: it is not used" in outcome.log
    assert f"RESULT image: pushed {REPOSITORY}:{own}, {OURS}" in outcome.result_lines()
    assert deployed(outcome)[0]["imageUri"] == f"{REPOSITORY}@{OURS}"
    assert empty.machine.calls("docker", "push") == [["docker", "push", f"{REPOSITORY}:{own}"]]
    assert empty.machine.calls("aws", "s3api", "put-object")[-1][6] == f"images/{own}.json"


@pytest.mark.parametrize("names", [("release:built", "other:name"), ("other:name",), None])
def test_an_archive_with_other_names_is_refused(empty: Workshop, names: tuple[str, ...] | None) -> None:
    """Loading it would give these names, too."""
    push(empty)
    empty.machine.forget()
    archive(empty.source / "release-image.tar", names)
    empty.machine.answer("ecr batch-get-image", stored())
    outcome = empty.build("push", {**PROJECT, **ACTION})
    assert not outcome.succeeded and "it must hold the one image release:built" in outcome.log
    assert [call[1] for call in empty.machine.calls("docker")] == ["login"]


@pytest.mark.parametrize("commit", ["", "main", "0123; docker push evil"])
def test_what_is_no_commit_is_refused(empty: Workshop, commit: str) -> None:
    outcome = push(empty, COMMIT=commit)
    assert not outcome.succeeded and "it must be the id of a commit" in outcome.log
    assert [call[1] for call in empty.machine.calls("docker")] == ["login"]


@pytest.mark.parametrize(
    "call",
    [
        pytest.param("ecr get-login-password", marks=pytest.mark.soak),
        "ecr batch-get-image",
        pytest.param("docker load", marks=pytest.mark.soak),
        "docker push",
    ],
)
def test_a_registry_that_refuses_fails(empty: Workshop, call: str) -> None:
    push(empty)
    empty.machine.forget()
    empty.machine.answer("ecr batch-get-image", stored())
    empty.machine.answer(call, status=254, error="AccessDeniedException")
    archive(empty.source / "release-image.tar")
    outcome = empty.build("push", {**PROJECT, **ACTION})
    assert not outcome.succeeded and "AccessDeniedException" in outcome.log
    assert not empty.machine.calls("aws", "s3api", "put-object"), "what was not pushed is not recorded"


def test_files_of_the_artifact_that_are_called_as_modules_do_not_run(empty: Workshop) -> None:
    """The current folder of this program is the artifact that the application's build made."""
    for name in ("json", "shlex", "tarfile", "hashlib", "sitecustomize"):
        empty.write(f"{name}.py", "raise SystemExit('this is not ours')\n")
    assert push(empty).succeeded


# --- what is in the image, and where it comes from

PLACE = "usr/local/lib/python3.11/site-packages"
LAYERS = (
    {
        "var/lib/dpkg/status": "Package: zlib1g\nStatus: install ok installed\nVersion: 1:1.3.1-1\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n",
        f"{PLACE}/pip-24.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: pip\nVersion: 24.0\n\nVersion: 9\n",
        f"{PLACE}/Old_Name-1.dist-info/METADATA": "Name: Old_Name\nVersion: 1\n",
        f"{PLACE}/nameless-1.dist-info/METADATA": "Version: 1\n",
        "opt/whole/a-1.dist-info/METADATA": "Name: a\nVersion: 1\n",
    },
    {
        f"{PLACE}/.wh.pip-24.0.dist-info": "",
        "opt/whole/.wh..wh..opq": "",
        "opt/whole/b-2.dist-info/METADATA": "Name: b\r\nVersion: 2+local\r\n\r\n",
        f"{PLACE}/fastapi/METADATA": "Name: nothing\nVersion: 1\n",
    },
)


def stored_documents(empty: Workshop) -> dict[str, Any]:
    """What was stored below the digest, by the end of its name."""
    return {key.partition(".")[2]: json.loads(body) for key, body in empty.machine.stored().items()}


def test_the_bill_of_materials_has_what_is_in_the_layers_and_nothing_that_was_taken_out(empty: Workshop) -> None:
    outcome = push(empty, layers=LAYERS)
    assert outcome.succeeded, outcome.log
    bom = stored_documents(empty)["cdx.json"]
    assert (bom["bomFormat"], bom["specVersion"], bom["version"]) == ("CycloneDX", "1.6", 1)
    assert bom["metadata"]["component"] == {
        "type": "container",
        "bom-ref": f"{REPOSITORY}@{OURS}",
        "name": NAME,
        "version": OURS,
    }
    assert [component["purl"] for component in bom["components"]] == [
        "pkg:deb/debian/zlib1g@1%3A1.3.1-1",
        "pkg:pypi/b@2%2Blocal",
        "pkg:pypi/old-name@1",
    ]
    assert all(
        {"type", "name", "version", "bom-ref", "purl"} == set(component) and component["type"] == "library"
        for component in bom["components"]
    )
    assert "RESULT bill of materials: 3 packages, " in outcome.log


def test_an_image_that_says_nothing_of_what_is_installed_has_no_bill_of_materials(empty: Workshop) -> None:
    """One from scratch, or the archive of a rehearsal, in which no command of the Dockerfile ran: an empty bill would
    say that it is made of nothing."""
    outcome = push(empty, layers=({"srv/main.py": "pass"},))
    assert outcome.succeeded, outcome.log
    assert outcome.result_lines()[0] == (
        "RESULT bill of materials: NONE, no file of the image says what is installed in it, so that nothing is known "
        "of that"
    )
    assert set(stored_documents(empty)) == {"provenance.json", "json"}
    assert set(json.loads((empty.source / "release-record.json").read_text())["documents"]) == {"provenance"}


def test_the_provenance_says_which_commit_and_which_build(empty: Workshop) -> None:
    assert push(empty).succeeded
    statement = stored_documents(empty)["provenance.json"]
    assert statement == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": REPOSITORY, "digest": {"sha256": "0123" * 16}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:delivery:buildspecs:push:1",
                "externalParameters": {"commit": COMMIT},
                "internalParameters": {"execution": "run"},
                "resolvedDependencies": [{"name": "source", "digest": {"gitCommit": COMMIT}}],
            },
            "runDetails": {
                "builder": {"id": "urn:delivery:codebuild:push"},
                "metadata": {"invocationId": f"push:{BUILD}"},
            },
        },
    }


def test_the_bill_of_materials_is_valid_by_the_schema_of_cyclonedx(empty: Workshop) -> None:
    """The schema that CycloneDX publishes for 1.6, strictly, with the formats in it; and it finds a fault."""
    validation = pytest.importorskip("cyclonedx.validation.json")
    version = pytest.importorskip("cyclonedx.schema").SchemaVersion.V1_6
    judge = validation.JsonStrictValidator(version)
    assert push(empty, layers=LAYERS).succeeded
    [text] = [body for key, body in empty.machine.stored().items() if key.endswith(".cdx.json")]
    assert judge.validate_str(text) is None
    assert judge.validate_str(text.replace('"type":"container"', '"type":"image"')), "no kind of component"
    assert judge.validate_str(text.replace('"purl":', '"package":')), "no property of one"


def test_the_provenance_is_valid_by_the_definitions_of_in_toto_and_slsa(empty: Workshop) -> None:
    """The message types that in-toto publishes for Statement v1 and SLSA provenance v1: no field but theirs; and they
    find a fault."""
    form = pytest.importorskip("google.protobuf.json_format")
    statements = pytest.importorskip("in_toto_attestation.v1.statement")
    messages = pytest.importorskip("in_toto_attestation.predicates.provenance.v1.provenance_pb2")
    assert push(empty).succeeded
    statement = stored_documents(empty)["provenance.json"]
    parsed = form.ParseDict(statement, statements.spb.Statement())
    statements.Statement.copy_from_pb(parsed).validate()
    predicate = form.ParseDict(statement["predicate"], messages.Provenance())
    assert predicate.build_definition.build_type and predicate.run_details.builder.id
    wrong = json.loads(json.dumps(statement["predicate"]).replace("invocationId", "invocation"))
    with pytest.raises(form.ParseError, match="invocation"):
        form.ParseDict(wrong, messages.Provenance())


def test_the_same_image_and_build_give_the_same_bytes(empty: Workshop) -> None:
    push(empty, layers=LAYERS)
    first = empty.machine.stored()
    push(empty, layers=LAYERS)
    assert empty.machine.stored() == first


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", marks=pytest.mark.soak),
        b"no archive",
        packed({"manifest.json": b"[{}]"}),
        packed({"manifest.json": b"["}),
        packed({"manifest.json": b"[1]"}),
        packed({"manifest.json": b'[{"Layers": ["gone"]}]'}),
        packed({"manifest.json": b'[{"Layers": ["layer"]}]', "layer": b"no archive"}),
        packed({"manifest.json": None}),
        pytest.param(packed({"other": b""}), marks=pytest.mark.soak),
    ],
    ids=["empty", "text", "no layers", "no JSON", "no object", "no such layer", "no layer", "a folder", "no manifest"],
)
def test_an_archive_that_cannot_be_read_is_not_pushed(empty: Workshop, content: bytes) -> None:
    push(empty)
    empty.machine.forget()
    empty.machine.answer("ecr batch-get-image", stored())
    (empty.source / "release-image.tar").write_bytes(content)
    outcome = empty.build("push", {**PROJECT, **ACTION})
    assert not outcome.succeeded and "ERROR release-image.tar cannot be read" in outcome.log
    assert not empty.machine.calls("docker", "push")


# --- the scan of the image


def scanned(status: str = "COMPLETE", **names: tuple[str, ...]) -> dict[str, Any]:
    """The answer about an image's scan, with names of findings by their severity; as a basic scan has it. Prepared by
    botocore's model and not recorded from AWS."""
    findings = [{"name": name, "severity": severity} for severity, group in names.items() for name in group]
    counts = {severity: len(group) for severity, group in names.items()}
    answer = {
        "imageScanStatus": {"status": status, "description": "as prepared"},
        "imageScanFindings": {"findings": findings, "findingSeverityCounts": counts},
    }
    shape = get_session().get_service_model("ecr").operation_model("DescribeImageScanFindings").output_shape
    report = ParamValidator().validate(answer, shape)
    assert not report.has_errors(), report.generate_report()
    return answer


def scan(empty: Workshop, answer: dict[str, Any], least: str = "CRITICAL", **more: str) -> Outcome:
    """Pushes an image about whose scan the registry answers this."""
    empty.machine.answer("ecr describe-image-scan-findings", answer)
    waiting = {"WAIT_SECONDS": "0", "PAUSE_SECONDS": "0"}
    return push(empty, "", "", (), None, SCAN_FINDINGS_BLOCK=least, **{**waiting, **more})


def test_a_planted_critical_finding_stops_the_release(empty: Workshop) -> None:
    """A package or a base image with a known hole: it is in the registry, and nothing hands it on."""
    outcome = scan(empty, scanned(CRITICAL=("CVE-2026-0002", "CVE-2026-0001"), LOW=("CVE-2026-0003",)))
    assert not outcome.succeeded and not outcome.artifacts
    [line] = [line for line in outcome.result_lines() if line.startswith("ERROR")]
    assert line.startswith(
        "ERROR scan: CRITICAL CVE-2026-0001, CRITICAL CVE-2026-0002: SCAN_FINDINGS_BLOCK=CRITICAL stops the release; "
    )
    [call] = empty.machine.calls("aws", "ecr", "describe-image-scan-findings")
    assert call[3:] == ["--repository-name", NAME, "--image-id", f"imageDigest={OURS}"]


@pytest.mark.parametrize(
    ("least", "stops"),
    [
        ("CRITICAL", False),
        ("HIGH", True),
        pytest.param("MEDIUM", True, marks=pytest.mark.soak),
        pytest.param("LOW", True, marks=pytest.mark.soak),
        ("NONE", False),
    ],
)
def test_the_parameter_says_from_which_severity_on(empty: Workshop, least: str, stops: bool) -> None:
    outcome = scan(empty, scanned(HIGH=("CVE-2026-0001",), INFORMATIONAL=("CVE-2026-0002",)), least)
    assert outcome.succeeded is not stops, outcome.log
    assert ("ERROR scan: HIGH CVE-2026-0001: " in outcome.log) is stops


def test_an_image_that_was_pushed_before_is_judged_again(empty: Workshop) -> None:
    """A retried stage does not go around the scan."""
    empty.machine.answer("ecr describe-image-scan-findings", scanned(CRITICAL=("CVE-2026-0001",)))
    outcome = push(empty, there=OURS, known=OURS, SCAN_FINDINGS_BLOCK="HIGH")
    assert not outcome.succeeded and "CRITICAL CVE-2026-0001" in outcome.log


def test_a_finding_that_was_accepted_by_name_stops_nothing(empty: Workshop) -> None:
    answer = scanned(CRITICAL=("CVE-2026-0001", "CVE-2026-0001"), HIGH=("CVE-2026-0002",))
    outcome = scan(empty, answer, "HIGH", ACCEPTED_FINDINGS="CVE-2026-0001 CVE-2026-0002")
    assert outcome.succeeded, outcome.log
    assert outcome.result_lines()[-2] == (
        "RESULT scan: no finding stops it (SCAN_FINDINGS_BLOCK=HIGH), accepted: CRITICAL CVE-2026-0001, HIGH "
        "CVE-2026-0002; 2 CRITICAL, 1 HIGH"
    )
    assert not scan(empty, answer, "HIGH", ACCEPTED_FINDINGS="CVE-2026-00").succeeded, "only the whole name counts"


@pytest.mark.parametrize(
    "status",
    [
        "FAILED",
        "IN_PROGRESS",
        *(
            pytest.param(status, marks=pytest.mark.soak)
            for status in ("UNSUPPORTED_IMAGE", "FINDINGS_UNAVAILABLE", "PENDING", "ACTIVE")
        ),
    ],
)
def test_an_image_that_is_not_scanned_is_never_green(empty: Workshop, status: str) -> None:
    """Also when the scan takes longer than the limit."""
    outcome = scan(empty, scanned(status), "LOW")
    assert not outcome.succeeded
    assert f"ERROR scan: the image is not scanned, {status}, as prepared; with SCAN_FINDINGS_BLOCK=LOW" in outcome.log


def test_a_scan_that_takes_a_while_is_waited_for(empty: Workshop) -> None:
    scans = ("aws", "ecr", "describe-image-scan-findings")
    complete = scanned(LOW=("CVE-2026-0003",))
    with changed_after(
        lambda: empty.machine.calls(*scans), lambda: empty.machine.answer("ecr describe-image-scan-findings", complete)
    ):
        outcome = scan(empty, scanned("IN_PROGRESS"), WAIT_SECONDS="60", PAUSE_SECONDS="0.2")
    assert outcome.succeeded and len(empty.machine.calls(*scans)) > 1, outcome.log
    assert "RESULT scan: no finding stops it (SCAN_FINDINGS_BLOCK=CRITICAL), accepted: none; 1 LOW\n" in outcome.log


def test_a_scan_that_failed_is_not_waited_for(empty: Workshop) -> None:
    outcome = scan(empty, scanned("FAILED"), WAIT_SECONDS="600", PAUSE_SECONDS="600")
    assert not outcome.succeeded and len(empty.machine.calls("aws", "ecr", "describe-image-scan-findings")) == 1


def test_a_registry_that_scans_nothing_is_never_green(empty: Workshop) -> None:
    push(empty)
    error = "An error occurred (ScanNotFoundException) when calling the DescribeImageScanFindings operation"
    empty.machine.answer("ecr describe-image-scan-findings", status=254, error=error)
    outcome = push(empty, SCAN_FINDINGS_BLOCK="CRITICAL", WAIT_SECONDS="0")
    assert not outcome.succeeded and "ERROR scan: the image is not scanned, no scan; with" in outcome.log
    empty.machine.answer("ecr describe-image-scan-findings", status=254, error="AccessDeniedException")
    outcome = push(empty, SCAN_FINDINGS_BLOCK="CRITICAL")
    assert not outcome.succeeded and "AccessDeniedException" in outcome.log


def test_findings_that_are_counted_and_not_listed_are_never_green(empty: Workshop) -> None:
    answer = scanned(CRITICAL=("CVE-2026-0001",))
    answer["imageScanFindings"]["findings"] = []
    outcome = scan(empty, answer)
    assert not outcome.succeeded and "ERROR scan: 1 findings are CRITICAL and 0 are listed" in outcome.log


def test_the_command_line_joins_the_pages_of_findings() -> None:
    """An image has more findings than a page holds, and all of them are counted. As the AWS command line joins pages:
    by botocore's paginator."""
    client = boto3.client("ecr", region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
    pages = [scanned(CRITICAL=(name,)) for name in ("CVE-2026-0001", "CVE-2026-0002")]
    for page in pages:
        page["imageScanFindings"]["findingSeverityCounts"] = {"CRITICAL": len(pages)}
    with Stubber(client) as stub:
        for page, more in zip(pages, ({"nextToken": "more"}, {}), strict=True):
            stub.add_response("describe_image_scan_findings", {**page, **more})
        request = {"repositoryName": NAME, "imageId": {"imageDigest": OURS}}
        whole = client.get_paginator("describe_image_scan_findings").paginate(**request).build_full_result()
    findings = whole["imageScanFindings"]
    assert [entry["name"] for entry in findings["findings"]] == ["CVE-2026-0001", "CVE-2026-0002"]
    assert findings["findingSeverityCounts"] == {"CRITICAL": 2}


def inspected(status: str = "ACTIVE", completed: bool = True, **names: tuple[str, ...]) -> dict[str, Any]:
    """The same where Amazon Inspector scans the registry. Prepared by botocore's model and not recorded from AWS."""
    answer = scanned(status, **names)
    findings = answer["imageScanFindings"]
    findings["enhancedFindings"] = [
        {"severity": each["severity"], "packageVulnerabilityDetails": {"vulnerabilityId": each["name"]}}
        for each in findings.pop("findings")
    ]
    if completed:
        findings["imageScanCompletedAt"] = "2026-08-14T07:08:40.144000+00:00"
    shape = get_session().get_service_model("ecr").operation_model("DescribeImageScanFindings").output_shape
    report = ParamValidator().validate(answer, shape)
    assert not report.has_errors(), report.generate_report()
    return answer


@pytest.mark.parametrize("status", ["ACTIVE", "COMPLETE"])
def test_a_registry_that_amazon_inspector_scans_is_read_as_well(empty: Workshop, status: str) -> None:
    """An organisation may have turned it on for every account: an image then stays ACTIVE, and its findings are others
    (theam/facility pull request 127 saw both states)."""
    answer = inspected(status, CRITICAL=("CVE-2026-0002",), LOW=("CVE-2026-0003",))
    outcome = scan(empty, answer)
    assert not outcome.succeeded and "ERROR scan: CRITICAL CVE-2026-0002: SCAN_FINDINGS_BLOCK" in outcome.log
    outcome = scan(empty, answer, ACCEPTED_FINDINGS="CVE-2026-0002")
    assert outcome.succeeded, outcome.log


def test_an_image_that_amazon_inspector_has_not_looked_at_yet_is_never_green(empty: Workshop) -> None:
    """It is ACTIVE from the beginning, without a finding: only the time of a completed scan says that there was one."""
    outcome = scan(empty, inspected(completed=False), "LOW")
    assert not outcome.succeeded and "ERROR scan: the image is not scanned, ACTIVE" in outcome.log


def test_another_severity_is_refused_before_anything_is_pushed(empty: Workshop) -> None:
    outcome = push(empty, SCAN_FINDINGS_BLOCK="SEVERE")
    assert not outcome.succeeded and "ERROR SCAN_FINDINGS_BLOCK is 'SEVERE'" in outcome.log
    assert not empty.machine.calls("docker", "push")


# --- the signature of the image

PROFILES = "arn:aws:signer:us-east-1:111122223333:/signing-profiles/"
PROFILE, OTHER_PROFILE = f"{PROFILES}ours", f"{PROFILES}other"


def signed(status: str, profile: str = PROFILE, **more: str) -> dict[str, Any]:
    """The answer about an image's signature, by botocore's model and not recorded from AWS."""
    answer = {"signingStatuses": [{"signingProfileArn": profile, "status": status, **more}]}
    shape = get_session().get_service_model("ecr").operation_model("DescribeImageSigningStatus").output_shape
    assert shape.members["signingStatuses"].member.members["status"].enum == ["IN_PROGRESS", "COMPLETE", "FAILED"]
    report = ParamValidator().validate(answer, shape)
    assert not report.has_errors(), report.generate_report()
    return answer


def signature(empty: Workshop, answer: dict[str, Any], wait: str = "0", pause: str = "0") -> Outcome:
    """Pushes an image about whose signature the registry answers this."""
    empty.machine.answer("ecr describe-image-signing-status", answer)
    return push(empty, SIGNING_PROFILE=PROFILE, WAIT_SECONDS=wait, PAUSE_SECONDS=pause)


def test_a_signature_that_takes_a_while_is_waited_for(empty: Workshop) -> None:
    question = "ecr describe-image-signing-status"
    with changed_after(
        lambda: len(empty.machine.calls("aws", *question.split())) > 1,
        lambda: empty.machine.answer(question, signed("COMPLETE")),
    ):
        outcome = signature(empty, signed("IN_PROGRESS"), "60", "0.2")
    assert outcome.succeeded and len(empty.machine.calls("aws", *question.split())) > 1, outcome.log


def test_a_signature_that_failed_is_not_waited_for(empty: Workshop) -> None:
    outcome = signature(empty, signed("FAILED"), "600", "600")
    assert not outcome.succeeded and len(empty.machine.calls("aws", "ecr", "describe-image-signing-status")) == 1


def test_an_image_that_ecr_has_signed_is_handed_on(empty: Workshop) -> None:
    outcome = signature(empty, signed("COMPLETE"))
    assert outcome.succeeded, outcome.log
    assert outcome.result_lines()[-1] == f"RESULT signature: signed with {PROFILE}"
    [call] = empty.machine.calls("aws", "ecr", "describe-image-signing-status")
    assert call[3:] == ["--repository-name", NAME, "--image-id", f"imageDigest={OURS}"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (signed("FAILED", failureCode="AccessDenied", failureReason="no right"), "FAILED, AccessDenied, no right;"),
        (signed("IN_PROGRESS"), "IN_PROGRESS; such"),
        (signed("COMPLETE", OTHER_PROFILE), "no signature with this profile; such"),
        ({"signingStatuses": []}, "no signature with this profile; such"),
        ({}, "no signature with this profile; such"),
    ],
    ids=["failed", "too long", "of another profile", "none", "nothing"],
)
def test_an_image_that_is_not_signed_is_never_handed_on(empty: Workshop, answer: dict[str, Any], why: str) -> None:
    """Whoever may push and not sign, and a registry whose rule somebody took away, get no further."""
    outcome = signature(empty, answer)
    assert not outcome.succeeded and not outcome.artifacts
    assert f"ERROR signature: the image is not signed with {PROFILE}: {why}" in outcome.log


def test_an_image_that_was_pushed_before_images_were_signed_is_not_handed_on(empty: Workshop) -> None:
    empty.machine.answer("ecr describe-image-signing-status", {"signingStatuses": []})
    outcome = push(empty, there=OURS, known=OURS, SIGNING_PROFILE=PROFILE, WAIT_SECONDS="0")
    assert not outcome.succeeded and "release another commit" in outcome.log
