"""What the tests of the served distribution share: the configuration as our template has it, a backend, the sample."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3

from generator.cfn.assertions import conditions
from generator.cfn.intrinsics import decide, render
from scripts.rehearsal.builds.container import Container
from scripts.rehearsal.edge import distribution as edge
from scripts.rehearsal.edge import functions
from scripts.rehearsal.edge import server as serve
from scripts.rehearsal.runtime import toolchains
from scripts.rehearsal.runtime.application import ApplicationProcess, Launch
from scripts.rehearsal.runtime.containers import start_image

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "tests" / "applications" / "sample"
CACHE = ROOT / ".cache" / "rehearsal"
POLICY = "${SecurityHeaders}"  # as the template names it
LISTS = ("Aliases", "AllowedMethods", "CacheBehaviors", "CachedMethods", "FunctionAssociations", "Origins")


def function_arn(name: str) -> str:
    """The ARN of a function by its logical id."""
    return f"arn:aws:cloudfront::123456789012:function/{name}"


FUNCTION = function_arn("PageRouting")


def distribution(scheme: str = "INTERNAL") -> tuple[dict[str, Any], dict[str, str], dict[str, edge.AddedHeaders]]:
    """The deployed configuration with both sides and no domain, the functions, and what the response headers policy
    adds: our template, as the API says it; `scheme` is the load balancer's."""
    template = json.loads((ROOT / "templates" / "delivery.json").read_text())
    chosen = {"BackendTarget": "ECS", "FrontendTarget": "CLOUDFRONT", "LoadBalancerScheme": scheme}
    values = {**dict.fromkeys(template["Parameters"], ""), **chosen}
    resources = decide(template["Resources"], conditions(template, values))
    sources = {
        function_arn(name): render(resource["Properties"]["FunctionCode"])
        for name, resource in resources.items()
        if resource["Type"] == "AWS::CloudFront::Function"
    }
    config = _as_api(resources["Distribution"]["Properties"]["DistributionConfig"])
    config["IsIPV6Enabled"] = config.pop("IPV6Enabled")
    for behavior in (config["DefaultCacheBehavior"], *config["CacheBehaviors"]["Items"]):
        for association in behavior.get("FunctionAssociations", {"Items": []})["Items"]:
            name = re.fullmatch(r"\$\{(\w+)\.FunctionMetadata\.FunctionARN\}", association["FunctionARN"])
            assert name, association
            association["FunctionARN"] = function_arn(name[1])
    for origin in config["Origins"]["Items"]:
        if added := origin.pop("OriginCustomHeaders", []):
            origin["CustomHeaders"] = {"Quantity": len(added), "Items": added}
        if "VpcOriginConfig" in origin:
            endpoint = resources["ApiOrigin"]["Properties"]["VpcOriginEndpointConfig"]
            origin["VpcOriginConfig"]["OriginProtocolPolicy"] = endpoint["OriginProtocolPolicy"]
    policy = resources["SecurityHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]
    return config, sources, {POLICY: edge.added_headers(policy)}


def _as_api(value: Any) -> Any:
    """CloudFront's API wraps lists, and keeps the cached methods inside the allowed ones."""
    if isinstance(value, list):
        return [_as_api(item) for item in value]
    if not isinstance(value, dict) or (len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref"))):
        return render(value) if isinstance(value, dict) else value
    body = {name: _as_api(item) for name, item in value.items()}
    for name in LISTS:
        if name in body:
            body[name] = {"Quantity": len(body[name]), "Items": body[name]}
    if "CachedMethods" in body:
        body["AllowedMethods"]["CachedMethods"] = body.pop("CachedMethods")
    return body


def serve_distribution(
    deployed: tuple[dict[str, Any], dict[str, str], Mapping[str, edge.AddedHeaders]],
    objects: Callable[[str], serve.StoredObject | None],
    backend_url: str,
    clock: Callable[[], float] = time.monotonic,
) -> serve.ServedDistribution:
    """Serves a configuration with its functions and policies, as `distribution` gives them."""
    config, sources, policies = deployed
    read = edge.read_distribution(config, sources, policies)
    served = serve.ServedDistribution(read, objects, backend_url, functions.Functions(sources), clock)
    served.start()
    return served


@dataclass
class Response:
    """What a viewer got."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def source(self) -> str:
        return self.headers["x-cache"].removesuffix(" from cloudfront")


def ask(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Response:
    """One request; header names with `_` for `-`."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return Response(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


@dataclass
class Backend:
    """A backend that answers with what it was asked, and with the status and headers that a test wants.

    In headers `PROTOCOL` and `HOST` stand for what the request says, as in a redirect that a framework makes.
    """

    url: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@contextmanager
def echoing() -> Iterator[Backend]:
    """A backend on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = {"method": self.command, "target": self.path, "headers": headers, "body": sent}
            body = b"" if self.command == "HEAD" or backend.status == 204 else json.dumps(request).encode()
            self.send_response(backend.status)
            for name, value in {"Content-Type": "application/json", **backend.headers}.items():
                value = value.replace("PROTOCOL", headers.get("x-forwarded-proto", ""))
                self.send_header(name, value.replace("HOST", headers["host"]))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_HEAD = do_OPTIONS = do_PUT = do_PATCH = do_POST = do_DELETE = do_GET

        def log_message(self, *_: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        backend = Backend(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield backend
        server.shutdown()


def sample_python() -> Path:
    """An interpreter with the sample's requirements."""
    return toolchains.application_python(SAMPLE / "requirements.txt", CACHE)


def sample_bundle(folder: Path) -> Path:
    """The sample's backend as the backend's build bundles it."""
    bundle = folder / "bundle"
    shutil.copytree(SAMPLE / "backend" / "app", bundle / "app", ignore=shutil.ignore_patterns("__pycache__"))
    return bundle


def sample_site(folder: Path) -> dict[str, serve.StoredObject]:
    """The sample's frontend, really installed and built, as the pipeline uploads it: by key."""
    source, programs = folder / "frontend", folder / "programs"
    shutil.copytree(SAMPLE / "frontend", source, ignore=shutil.ignore_patterns("node_modules", "build"))
    toolchains.find_node().install(programs)
    variables = {"REACT_APP_BASE_URL": "/api/v1", "REACT_APP_VERSION": "0123456789ab", "CI": "false"}
    environment = {**os.environ, **variables, "PATH": f"{programs}:{os.environ['PATH']}"}
    for command in (["npm", "ci", "--no-audit", "--no-fund"], ["npm", "run", "build"]):
        done = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
    kinds = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json"}
    files = [path for path in (source / "build").rglob("*") if path.is_file()]
    assert len(files) == 6, files
    objects = {}
    for path in files:
        key = path.relative_to(source / "build").as_posix()
        lasting = "public, max-age=31536000, immutable" if key.startswith("static/") else "no-cache"
        objects[key] = serve.StoredObject(path.read_bytes(), kinds.get(path.suffix, "text/plain"), lasting)
    return objects


@contextmanager
def clients_table(aws: str) -> Iterator[Any]:
    """The table that `production` names, while it is used; gives the client. moto's state outlives a server."""
    client = boto3.client(
        "dynamodb", endpoint_url=aws, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    client.create_table(
        TableName="live-clients",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )
    yield client
    client.delete_table(TableName="live-clients")


def production(aws: str) -> dict[str, str]:
    """What the task definition gives the application, with an AWS at `aws`."""
    return {
        "ENVIRONMENT": "production",
        "JWT_SECRET_KEY": "j" * 32,
        "ENCRYPTION_KEY": "e" * 43 + "=",
        "CORS_ORIGINS": '["https://example.com"]',
        "CLIENTS_TABLE": "live-clients",
        "AWS_ENDPOINT_URL": aws,
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
    }


def start_module(launch: Launch, module: str, python: Path) -> ApplicationProcess:
    """`uvicorn MODULE` in the bundle as an image starts it; `python` has the application's requirements."""
    command = ["uvicorn", module, "--host", "0.0.0.0", "--port", "8000"]
    container = Container(command, environment={"PYTHONUNBUFFERED": "1"})
    return start_image(launch, launch.bundle, container, python.parent, 8000)
