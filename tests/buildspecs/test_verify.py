"""The verify build against a real HTTP server and a stub of AWS: green only when everything is as it was built."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.validate import ParamValidator

from .runner import Outcome
from .support import REPOSITORY, Workshop

IMAGE, OTHER = f"{REPOSITORY}:0123456789ab", f"{REPOSITORY}:ba9876543210"
HEALTHY = '{"status": "healthy", "database": "connected", "uptime": 12}'
PAGE = "<!DOCTYPE html><script src=/static/js/main.0a1b2c3d.js></script>\n"
STALE = "<!DOCTYPE html><script src=/static/js/main.ffffffff.js></script>\n"
TASK_DEFINITION = "arn:aws:ecs:us-east-1:111122223333:task-definition/backend:7"
TASK = "arn:aws:ecs:us-east-1:111122223333:task/cloud-health/0a1b"
PARAMETER = "arn:aws:ssm:us-east-1:111122223333:parameter/cloud-health/backend/production/CLIENTS_TABLE"
SMOKE = [
    {"method": "GET", "path": "/api/v1/email/verify?token=x", "status": 400, "body": "not valid"},
    {"method": "POST", "path": "/api/v1/auth/login", "status": 422, "body": None},
    {"method": "GET", "path": "/old", "status": 301, "body": ""},
]


@dataclass
class Site:
    """What the public address answers: (status, body) by method and path."""

    url: str
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def site() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = f"{self.command} {self.path}"
            public.asked.append(asked)
            status, body = public.answers.get(asked, (404, "nothing here"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Location", "/")
            self.end_headers()
            self.wfile.write(body.encode())

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        public = Site(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield public
        server.shutdown()


@dataclass
class Release:
    """A good release of the backend, which tests make bad in one place."""

    workshop: Workshop
    site: Site
    service: dict[str, Any]
    container: dict[str, Any]
    tasks: list[dict[str, Any]]
    tables: dict[str, str]
    built: list[dict[str, str]] = field(default_factory=lambda: [{"name": "backend", "imageUri": IMAGE}])
    smoke: object = field(default_factory=lambda: list(SMOKE))
    wait: str = "0"

    def answers(self) -> dict[str, Any]:
        sidecar = {"name": "sidecar", "image": OTHER}
        task_definition = {"taskDefinitionArn": TASK_DEFINITION, "containerDefinitions": [sidecar, self.container]}
        return {
            "ecs describe-services": {"services": [self.service] if self.service else []},
            "ecs describe-task-definition": {"taskDefinition": task_definition},
            "ecs list-tasks": {"taskArns": [task["taskArn"] for task in self.tasks]},
            "ecs describe-tasks": {"tasks": self.tasks},
            "ssm put-parameter": {"Version": 2, "Tier": "Standard"},
        }

    def verify(self) -> Outcome:
        machine = self.workshop.machine
        for call, answer in self.answers().items():
            machine.answer(call, answer)
        self.workshop.write("imagedefinitions.json", json.dumps(self.built))
        return self.workshop.build(
            "verify",
            {
                "CHECK": "backend",
                "PUBLIC_URL": f"{self.site.url}/",
                "CLUSTER": "cloud-health",
                "SERVICE": "backend",
                "CONTAINER_NAME": "backend",
                "HEALTH_PATH": "/health",
                "SMOKE_REQUESTS": json.dumps(self.smoke),
                "LAST_IMAGE_PARAMETER": "/cloud-health/production/last-image",
                "WAIT_SECONDS": self.wait,
                "PAUSE_SECONDS": "0.1",
            },
        )

    def red(self) -> list[str]:
        """The red lines of a release that must not be green."""
        outcome = self.verify()
        assert not outcome.succeeded, outcome.log
        assert not self.workshop.machine.calls("aws", "ssm", "put-parameter"), "a red release is no last good image"
        assert "Traceback" not in outcome.log
        return [line for line in outcome.results() if line.startswith("RED")]


@pytest.fixture
def release(empty: Workshop, site: Site) -> Release:
    deployment = {"status": "PRIMARY", "taskDefinition": TASK_DEFINITION, "rolloutState": "COMPLETED"}
    service = {"desiredCount": 2, "runningCount": 2, "deployments": [deployment]}
    container = {
        "name": "backend",
        "image": IMAGE,
        "environment": [{"name": "COSTS_TABLE", "value": "CloudHealthCosts"}, {"name": "LOG_LEVEL", "value": "INFO"}],
        "secrets": [
            {"name": "CLIENTS_TABLE", "valueFrom": PARAMETER},
            {"name": "JWT_SECRET_KEY", "valueFrom": "arn:aws:secretsmanager:us-east-1:111122223333:secret:jwt"},
        ],
    }
    running = [{"name": "sidecar", "image": OTHER}, {"name": "backend", "image": IMAGE}]
    tasks: list[dict[str, Any]] = [
        {"taskArn": TASK, "lastStatus": "RUNNING", "containers": running},
        {"taskArn": f"{TASK}2", "lastStatus": "PENDING", "containers": []},
    ]
    site.answers = {
        "GET /health": (200, HEALTHY),
        "GET /api/v1/email/verify?token=x": (400, "the token is not valid"),
        "POST /api/v1/auth/login": (422, "{}"),
        "GET /old": (301, ""),
    }
    empty.machine.answer("ssm get-parameters", {"Parameters": [{"Value": "CloudHealthClients"}]})
    empty.machine.answer("dynamodb describe-table", {"Table": {"TableStatus": "ACTIVE"}})
    return Release(empty, site, service, container, tasks, {})


def test_a_good_release_is_green_and_remembered(release: Release) -> None:
    outcome = release.verify()
    assert outcome.succeeded, outcome.log
    assert outcome.results() == [
        f"GREEN image: 1 running tasks have {IMAGE}",
        "GREEN tables: active: CloudHealthClients, CloudHealthCosts",
        "GREEN health: healthy, database connected",
        "GREEN smoke: 3 requests answered as wanted",
        f"RESULT last good image: /cloud-health/production/last-image is now {IMAGE}",
    ]
    calls = release.workshop.machine.calls
    assert calls("aws", "ssm", "get-parameters") == [["aws", "ssm", "get-parameters", "--names", PARAMETER]]
    assert [call[-1] for call in calls("aws", "dynamodb")] == ["CloudHealthClients", "CloudHealthCosts"]
    (put,) = calls("aws", "ssm", "put-parameter")
    assert put[3:] == [
        *("--name", "/cloud-health/production/last-image", "--value", IMAGE),
        *("--type", "String", "--overwrite"),
    ]
    assert release.site.asked == ["GET /health", *(f"{item['method']} {item['path']}" for item in SMOKE)]
    assert "secretsmanager" not in outcome.log


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
        ((200, PAGE), "the body is no JSON object: b'<!DOCTYPE"),
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
    assert release.red() == ["RED tables: the task is given no table, none of its variables ends in _TABLE"]


@pytest.mark.parametrize(
    ("asked", "answer", "complaint"),
    [
        ("POST /api/v1/auth/login", (500, ""), "POST /api/v1/auth/login status: wanted 422, found 500"),
        ("GET /api/v1/email/verify?token=x", (400, "gone"), "body: wanted 'not valid' in it, found b'gone'"),
        ("GET /old", (200, ""), "GET /old status: wanted 301, found 200"),
    ],
)
def test_a_smoke_request_with_another_answer_is_red(
    release: Release, asked: str, answer: tuple[int, str], complaint: str
) -> None:
    release.site.answers[asked] = answer
    (line,) = release.red()
    assert line.startswith("RED smoke: ")
    assert complaint in line


def test_no_smoke_requests_are_said_aloud(release: Release) -> None:
    release.smoke = []
    assert "GREEN smoke: NONE, SMOKE_REQUESTS is empty" in release.verify().results()


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
    assert release.site.asked.count("GET /health") > 1


def test_it_does_not_wait_for_ever(release: Release) -> None:
    release.wait = "0.5"
    release.site.answers["GET /health"] = (502, "")
    assert release.red() == ["RED health: status: wanted 200, found 502"]


def test_a_build_without_our_container_is_red(release: Release) -> None:
    release.built = [{"name": "web", "imageUri": IMAGE}]
    assert release.red() == ["RED image: entries named backend in imagedefinitions.json: wanted 1, found 0"]


def test_a_parameter_that_cannot_be_written_fails(release: Release) -> None:
    answers = release.answers
    release.answers = lambda: {key: answer for key, answer in answers().items() if "put" not in key}  # type: ignore[method-assign]
    release.workshop.machine.answer("ssm put-parameter", status=254, error="AccessDeniedException")
    outcome = release.verify()
    assert not outcome.succeeded
    assert "AccessDeniedException" in outcome.log


def page(empty: Workshop, site: Site, check: str = "frontend") -> Outcome:
    empty.write("index.html", PAGE)
    variables = {
        "CHECK": check,
        "PUBLIC_URL": site.url,
        "SITE_BUCKET": "site",
        "WAIT_SECONDS": "0",
        "PAUSE_SECONDS": "0",
    }
    return empty.build("verify", variables)


def test_the_page_of_this_run_is_green(empty: Workshop, site: Site) -> None:
    site.answers = {"GET /": (200, PAGE), "GET /index.html": (200, PAGE)}
    outcome = page(empty, site)
    assert outcome.succeeded, outcome.log
    assert outcome.results() == [f"GREEN page: {site.url} serves the {len(PAGE)} bytes of this run's index.html"]
    assert not empty.machine.calls("aws")


@pytest.mark.parametrize(
    ("stored", "cause"),
    [
        (PAGE, "the bucket holds this run's page, so the invalidation is the problem"),
        (STALE, "the bucket holds another page, so the upload is the problem"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/index.html"])
def test_a_stale_page_is_red_and_says_where_to_look(
    empty: Workshop, site: Site, path: str, stored: str, cause: str
) -> None:
    site.answers = {"GET /": (200, PAGE), "GET /index.html": (200, PAGE), f"GET {path}": (200, STALE)}
    empty.machine.answer("s3api get-object", stored)
    outcome = page(empty, site)
    assert not outcome.succeeded
    (line,) = (line for line in outcome.results() if line.startswith("RED"))
    assert line.startswith(f"RED page: {site.url}{path} status 200, from byte 43: wanted b'0a1b2c3d.js>")
    assert "found b'ffffffff.js>" in line
    assert line.endswith(cause)
    (call,) = empty.machine.calls("aws")
    assert call[3:7] == ["--bucket", "site", "--key", "index.html"]


def test_a_bucket_that_cannot_be_read_is_said(empty: Workshop, site: Site) -> None:
    empty.machine.answer("s3api get-object", status=254, error="AccessDenied")
    outcome = page(empty, site)
    assert not outcome.succeeded
    assert "status 404, from byte 0" in outcome.log
    assert "the bucket's own page cannot be read: `aws s3api get-object" in outcome.log


def test_an_unknown_check_is_refused(empty: Workshop, site: Site) -> None:
    outcome = page(empty, site, "database")
    assert not outcome.succeeded
    assert outcome.results() == ["ERROR CHECK is 'database', it must be one of backend, frontend"]
