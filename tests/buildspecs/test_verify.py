"""The verify build of the backend against a real HTTP server and a stub of AWS: green only when all is as built."""

import json
import threading
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.validate import ParamValidator

from tests.support.buildspecs.releases import (
    DOCUMENTS,
    HEALTHY,
    IMAGE,
    OTHER,
    PARAMETER,
    RELEASED,
    SMOKE,
    TASK,
    Release,
)
from tests.support.buildspecs.running import REPOSITORY


def test_a_good_release_is_green_and_remembered(release: Release) -> None:
    outcome = release.verify()
    assert outcome.succeeded, outcome.log
    assert outcome.result_lines() == [
        f"GREEN image: 1 running tasks have {IMAGE}",
        "GREEN tables: active: CloudHealthClients, CloudHealthCosts",
        "GREEN health: status healthy, database connected",
        "GREEN smoke: 3 requests answered as wanted",
        f"RESULT image: kept as {RELEASED}",
        f"RESULT what runs: /cloud-health/production/last-image is now {IMAGE}",
        "RESULT documents: /cloud-health/production/documents names s3://bucket/images/x.cdx.json",
        "RESULT last good release: run:0123:d1",
    ]
    calls = release.workshop.machine.calls
    assert calls("aws", "ssm", "get-parameters") == [["aws", "ssm", "get-parameters", "--names", PARAMETER]]
    assert [call[-1] for call in calls("aws", "dynamodb")] == ["CloudHealthClients", "CloudHealthCosts"]
    image, documents, record = calls("aws", "ssm", "put-parameter")
    assert documents[3:6] == ["--name", "/cloud-health/production/documents", "--value"]
    assert json.loads(documents[6]) == {"image": IMAGE, "documents": DOCUMENTS}
    assert image[3:] == [
        *("--name", "/cloud-health/production/last-image", "--value", IMAGE),
        *("--type", "String", "--overwrite"),
    ]
    assert record[3:7] == ["--name", "/cloud-health/production/backend", "--value", "run:0123:d1"]
    assert release.site.requests == ["GET /health", *(f"{item['method']} {item['path']}" for item in SMOKE)]
    assert "secretsmanager" not in outcome.log


def test_a_release_from_before_there_were_documents_is_good_without(release: Release) -> None:
    """A rollback brings back the artifacts of then."""
    release.documents = None
    outcome = release.verify()
    assert outcome.succeeded, outcome.log
    assert "documents names NONE, the image was pushed before it had any" in outcome.log


def test_documents_of_another_image_are_not_recorded(release: Release) -> None:
    release.documents = {"image": OTHER, "documents": DOCUMENTS}
    outcome = release.verify()
    assert not outcome.succeeded and f"ERROR documents.json is about {OTHER}, and the release is {IMAGE}" in outcome.log
    assert not release.workshop.machine.calls("aws", "ssm", "put-parameter")


def test_the_image_of_a_good_release_is_tagged_once(release: Release) -> None:
    """With the tag that the registry's lifecycle keeps, on the same manifest."""
    assert release.verify().succeeded
    body = json.loads((release.workshop.source / "release-image.json").read_text(encoding="utf-8"))
    stored = release.stored("0123456789ab")
    assert body == {
        "repositoryName": IMAGE.partition("/")[2].partition("@")[0],
        "imageTag": RELEASED,
        "imageManifest": stored["imageManifest"],
        "imageManifestMediaType": stored["imageManifestMediaType"],
    }
    release.workshop.machine.forget()
    release.tags.append(RELEASED)
    assert release.verify().succeeded
    assert release.workshop.machine.calls("aws", "ecr", "put-image") == []


def test_the_stub_answers_as_aws_does(release: Release) -> None:
    """What the checks read stands in AWS's models of the answers, so a misspelled field cannot pass here alone."""
    session = botocore.session.get_session()
    for call, answer in release.answers().items():
        service, command = call.split()
        model = session.get_service_model(service)
        operation = next(name for name in model.operation_names if xform_name(name, "-") == command)
        shape = model.operation_model(operation).output_shape
        assert unknown(answer, shape) == [], call
        assert not ParamValidator().validate(answer, shape).has_errors(), call


def unknown(value: Any, shape: Any) -> list[str]:
    if shape.type_name == "structure":
        strange = [name for name in value if name not in shape.members]
        known = [unknown(item, shape.members[name]) for name, item in value.items() if name in shape.members]
        return strange + [name for names in known for name in names]
    if shape.type_name == "list":
        return [name for item in value for name in unknown(item, shape.member)]
    return []


def test_another_image_is_red_however_healthy_it_is(release: Release) -> None:
    release.container["image"] = OTHER
    assert release.red() == [f"RED image: image of the service: wanted {IMAGE!r}, found {OTHER!r}"]


@pytest.mark.parametrize("name", [f"{REPOSITORY}:0123456789ab", f"{REPOSITORY}:latest@sha256:{'0' * 64}", REPOSITORY])
def test_an_image_that_is_not_named_by_its_digest_is_red(release: Release, name: str) -> None:
    """Whoever pushes a tag first decides what it means."""
    release.built[0]["imageUri"] = release.container["image"] = name
    assert release.red() == [f"RED image: the image {name} in imagedefinitions.json is not named by its digest"]


def test_a_running_task_with_another_image_is_red(release: Release) -> None:
    old = [{"name": "backend", "image": OTHER}]
    release.tasks.append({"taskArn": f"{TASK}3", "lastStatus": "RUNNING", "containers": old})
    assert release.red() == [
        f"RED image: images of the running tasks: wanted [{IMAGE!r}], found [{IMAGE!r}, {OTHER!r}]"
    ]


@pytest.mark.parametrize("state", ["IN_PROGRESS", "FAILED"])
def test_a_deployment_that_is_not_completed_is_red(release: Release, state: str) -> None:
    release.service["deployments"][0]["rolloutState"] = state
    assert release.red() == [f"RED image: deployment: wanted 'COMPLETED', found '{state}'"]


def test_without_a_state_the_service_must_be_stable(release: Release) -> None:
    del release.service["deployments"][0]["rolloutState"]
    assert release.verify().succeeded
    release.service["runningCount"] = 1
    release.workshop.machine.forget()
    assert release.red() == ["RED image: deployment: wanted 'COMPLETED', found 'IN_PROGRESS'"]


def test_no_running_task_is_red(release: Release) -> None:
    release.tasks.clear()
    assert release.red() == ["RED image: no task of backend is running"]


def test_a_service_that_is_not_there_is_red(release: Release) -> None:
    release.service.clear()
    expected = "services backend in cluster cloud-health: wanted 1, found 0"
    assert release.red() == [f"RED image: {expected}", f"RED tables: {expected}"]


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (
            (200, HEALTHY.replace('"connected"', '"disconnected"')),
            "found {'status': 'healthy', 'database': 'disconnected'}",
        ),
        ((200, HEALTHY.replace('"healthy"', '"unhealthy"')), "found {'status': 'unhealthy', 'database': 'connected'}"),
        ((200, "{}"), "found {'status': None, 'database': None}"),
        ((200, "[1]"), "the body is no JSON object: b'[1]'"),
        ((200, "<!DOCTYPE html>"), "the body is no JSON object: b'<!DOCTYPE"),
        ((503, HEALTHY), "status: wanted 200, found 503"),
    ],
)
def test_health_is_what_the_body_says(release: Release, answer: tuple[int, str], complaint: str) -> None:
    release.site.answers["GET /health"] = answer
    (line,) = release.red()
    assert line.startswith("RED health: ")
    assert complaint in line


def test_no_answer_at_all_is_red(release: Release) -> None:
    release.site.url = "http://127.0.0.1:1"
    health, smoke = release.red()
    assert health.startswith("RED health: GET http://127.0.0.1:1/health: no answer")
    assert smoke.startswith("RED smoke: GET")


def test_a_missing_table_is_red_although_the_application_is_healthy(release: Release) -> None:
    error = "An error occurred (ResourceNotFoundException): Requested resource not found: Table: CloudHealthClients"
    release.workshop.machine.answer("dynamodb describe-table", status=254, error=error)
    command = "aws dynamodb describe-table --table-name CloudHealthClients"
    assert release.red() == [f"RED tables: `{command}` failed: {error}"]


def test_a_table_that_is_not_active_is_red(release: Release) -> None:
    release.workshop.machine.answer("dynamodb describe-table", {"Table": {"TableStatus": "DELETING"}})
    assert release.red() == ["RED tables: table CloudHealthClients (CLIENTS_TABLE): wanted 'ACTIVE', found 'DELETING'"]


def test_a_missing_parameter_is_red(release: Release) -> None:
    release.workshop.machine.answer("ssm get-parameters", {"Parameters": [], "InvalidParameters": [PARAMETER]})
    assert release.red() == [f"RED tables: CLIENTS_TABLE: parameters {PARAMETER}: wanted 1, found 0"]


def test_a_task_without_tables_is_red(release: Release) -> None:
    del release.container["secrets"], release.container["environment"]
    assert release.red() == ["RED tables: the application is not given CLIENTS_TABLE, COSTS_TABLE"]


@pytest.mark.parametrize(
    ("line_sent", "answer", "complaint"),
    [
        ("POST /api/v1/auth/login", (500, ""), "POST /api/v1/auth/login status: wanted 422, found 500"),
        ("GET /api/v1/email/verify?token=x", (400, "gone"), "body: wanted 'not valid' in it, found b'gone'"),
        ("GET /old", (200, ""), "GET /old status: wanted 301, found 200"),
    ],
)
def test_a_smoke_request_with_another_answer_is_red(
    release: Release, line_sent: str, answer: tuple[int, str], complaint: str
) -> None:
    release.site.answers[line_sent] = answer
    (line,) = release.red()
    assert line.startswith("RED smoke: ")
    assert complaint in line


def test_no_smoke_requests_are_said_aloud(release: Release) -> None:
    release.smoke = []
    assert "GREEN smoke: NONE, SMOKE_REQUESTS is empty" in release.verify().result_lines()


def test_every_red_check_is_told(release: Release) -> None:
    release.container["image"] = OTHER
    release.site.answers.clear()
    release.workshop.machine.answer("dynamodb describe-table", {"Table": {"TableStatus": "CREATING"}})
    assert [line.split(":")[0] for line in release.red()] == ["RED image", "RED tables", "RED health", "RED smoke"]


def test_it_waits_for_a_while(release: Release) -> None:
    release.wait = "30"
    release.site.answers["GET /health"] = (502, "")
    healed = threading.Timer(0.8, lambda: release.site.answers.update({"GET /health": (200, HEALTHY)}))
    healed.start()
    outcome = release.verify()
    healed.join()
    assert outcome.succeeded, outcome.log
    assert outcome.log.count("waiting, health: status: wanted 200, found 502") == 1
    assert release.site.requests.count("GET /health") > 1


def test_it_does_not_wait_for_ever(release: Release) -> None:
    release.wait = "0.5"
    release.site.answers["GET /health"] = (502, "")
    assert release.red() == ["RED health: status: wanted 200, found 502"]


def test_a_build_without_our_container_is_red(release: Release) -> None:
    release.built = [{"name": "web", "imageUri": IMAGE}]
    assert release.red() == ["RED image: entries named backend in imagedefinitions.json: wanted 1, found 0"]


def test_a_parameter_that_cannot_be_written_fails(release: Release) -> None:
    answers = release.answers
    release.answers = lambda: {key: answer for key, answer in answers().items() if "ssm put" not in key}  # type: ignore[method-assign]
    release.workshop.machine.answer("ssm put-parameter", status=254, error="AccessDeniedException")
    outcome = release.verify()
    assert not outcome.succeeded
    assert "AccessDeniedException" in outcome.log
