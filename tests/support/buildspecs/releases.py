"""A release of the backend as AWS and the public address show it, for the tests of the verify build."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from scripts.rehearsal.builds.phases import Outcome
from tests.support.buildspecs.running import REPOSITORY, Workshop

DIGEST = "0123" * 16
IMAGE, OTHER = f"{REPOSITORY}@sha256:{DIGEST}", f"{REPOSITORY}@sha256:{'ba98' * 16}"
RELEASED = f"released-{DIGEST}"
HEALTHY = '{"status": "healthy", "database": "connected", "uptime": 12}'
TASK_DEFINITION = "arn:aws:ecs:us-east-1:111122223333:task-definition/backend:7"
TASK = "arn:aws:ecs:us-east-1:111122223333:task/cloud-health/0a1b"
PARAMETER = "arn:aws:ssm:us-east-1:111122223333:parameter/cloud-health/backend/production/CLIENTS_TABLE"
DOCUMENTS = {"sbom": {"uri": "s3://bucket/images/x.cdx.json", "sha256": "4567" * 16}}
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
    requests: list[str] = field(default_factory=list)


@contextmanager
def served() -> Iterator[Site]:
    """A site on a free port of this computer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            request = f"{self.command} {self.path}"
            public.requests.append(request)
            status, body = public.answers.get(request, (404, "nothing here"))
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


@contextmanager
def changed_after(condition: Callable[[], object], change: Callable[[], object]) -> Iterator[None]:
    """Makes a change meanwhile, as soon as a `condition` holds: never before it, however busy the machine is."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            if condition():
                change()
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@dataclass
class Release:
    """A good release of the backend, which tests make bad in one place."""

    workshop: Workshop
    site: Site
    service: dict[str, Any]
    container: dict[str, Any]
    tasks: list[dict[str, Any]]
    built: list[dict[str, str]] = field(default_factory=lambda: [{"name": "backend", "imageUri": IMAGE}])
    smoke: object = field(default_factory=lambda: list(SMOKE))
    wait: str = "0"
    tags: list[str] = field(default_factory=lambda: ["0123456789ab"])
    documents: dict[str, Any] | None = field(default_factory=lambda: {"image": IMAGE, "documents": DOCUMENTS})

    def stored(self, tag: str) -> dict[str, Any]:
        """The built image as the registry gives it."""
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        identity = {"imageDigest": f"sha256:{DIGEST}", "imageTag": tag}
        return {"imageId": identity, "imageManifest": '{"schemaVersion": 2}', "imageManifestMediaType": kind}

    def answers(self) -> dict[str, Any]:
        """What AWS answers, by the call."""
        sidecar = {"name": "sidecar", "image": OTHER}
        task_definition = {"taskDefinitionArn": TASK_DEFINITION, "containerDefinitions": [sidecar, self.container]}
        return {
            "ecs describe-services": {"services": [self.service] if self.service else []},
            "ecs describe-task-definition": {"taskDefinition": task_definition},
            "ecs list-tasks": {"taskArns": [task["taskArn"] for task in self.tasks]},
            "ecs describe-tasks": {"tasks": self.tasks},
            "ecr batch-get-image": {
                "images": [self.stored(tag) for tag in self.tags],
                "failures": [] if RELEASED in self.tags else [{"imageId": {"imageTag": RELEASED}}],
            },
            "ecr put-image": {"image": self.stored(RELEASED)},
            "ssm put-parameter": {"Version": 2, "Tier": "Standard"},
        }

    def verify(self) -> Outcome:
        """Runs the verify build over this release."""
        machine = self.workshop.machine
        for call, answer in self.answers().items():
            machine.answer(call, answer)
        self.workshop.write("imagedefinitions.json", json.dumps(self.built))
        if self.documents:
            self.workshop.write("documents.json", json.dumps(self.documents))
        return self.workshop.build(
            "verify",
            {
                "BACKEND_TARGET": "ECS",
                "PUBLIC_URL": f"{self.site.url}/",
                "CLUSTER": "cloud-health",
                "SERVICE": "backend",
                "CONTAINER_NAME": "backend",
                "HEALTH_ANSWER": json.dumps({"status": "healthy", "database": "connected"}),
                "HEALTH_PATH": "/health",
                "TABLE_VARIABLES": "CLIENTS_TABLE,COSTS_TABLE",
                "SMOKE_REQUESTS": json.dumps(self.smoke),
                "DOCUMENTS_RECORD": "/cloud-health/production/documents",
                "LAST_RELEASE_PARAMETER": "/cloud-health/production/last-image",
                "BACKEND_RECORD": "/cloud-health/production/backend",
                "RELEASE": "run:0123:d1",
                "RELEASED_TAG": "released-",
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
        return [line for line in outcome.result_lines() if line.startswith("RED")]


def good_release(empty: Workshop, site: Site) -> Release:
    """A release with which everything is right."""
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
    return Release(empty, site, service, container, tasks)
